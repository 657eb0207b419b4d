/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of packet sockets have in common. */
#ifndef CKPT_TEST_PACKET_SOCKETS_H
#define CKPT_TEST_PACKET_SOCKETS_H

#include "sockets.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <linux/if_packet.h>

#ifndef SOL_PACKET
#define SOL_PACKET	263
#endif

/* A protocol that nobody else has: for experiments. */
#define PROTOCOL	0x88b5

static struct sockaddr_ll lo = {
	.sll_family = AF_PACKET,
	.sll_ifindex = 1,
	.sll_halen = 6,
};

/* The loopback device is up. */
__attribute__((unused)) static void up(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0));

	CHECK_SYS(ioctl(fd, SIOCGIFFLAGS, &req));
	req.ifr_flags |= IFF_UP;
	CHECK_SYS(ioctl(fd, SIOCSIFFLAGS, &req));
	CHECK_SYS(close(fd));
}

__attribute__((unused)) static int packet(int protocol)
{
	int fd = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	lo.sll_protocol = htons(protocol);
	if (protocol)
		CHECK_SYS(bind(fd, (struct sockaddr *)&lo, sizeof(lo)));
	return fd;
}

__attribute__((unused)) static void send_packet(int fd, int protocol, const char *text)
{
	lo.sll_protocol = htons(protocol);
	CHECK_EQ((long)strlen(text), sendto(fd, text, strlen(text), 0, (struct sockaddr *)&lo,
					    sizeof(lo)));
}

__attribute__((unused)) static int value_of(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	CHECK_SYS(getsockopt(fd, SOL_PACKET, name, &value, &len));
	return value;
}

__attribute__((unused)) static void set_value(int fd, int name, int value)
{
	CHECK_SYS(setsockopt(fd, SOL_PACKET, name, &value, sizeof(value)));
}

#endif /* CKPT_TEST_PACKET_SOCKETS_H */
