/* SPDX-License-Identifier: GPL-2.0 */
/* The network devices of the namespace that the caller is in, by ioctl(2). */
#ifndef CKPT_TEST_NET_DEVICES_H
#define CKPT_TEST_NET_DEVICES_H

#include "common.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* ioctl(2) of the device @name; 0, or -1 with errno. */
__attribute__((unused))
static int of_device(const char *name, unsigned long request, struct ifreq *ifr)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), ret, err;

	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	ret = ioctl(fd, request, ifr);
	err = errno;
	CHECK_SYS(close(fd));
	errno = err;
	return ret;
}

__attribute__((unused)) static void switch_lo(bool on)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	CHECK_SYS(of_device("lo", SIOCGIFFLAGS, &ifr));
	if (on)
		ifr.ifr_flags |= IFF_UP;
	else
		ifr.ifr_flags &= ~IFF_UP;
	CHECK_SYS(of_device("lo", SIOCSIFFLAGS, &ifr));
}

__attribute__((unused)) static bool lo_is_on(void)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	CHECK_SYS(of_device("lo", SIOCGIFFLAGS, &ifr));
	return ifr.ifr_flags & IFF_UP;
}

/* The IPv4 address of @name, in the order of the host; 0: it has none. */
__attribute__((unused)) static uint32_t address_of(const char *name)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	if (of_device(name, SIOCGIFADDR, &ifr)) {
		CHECK(errno == EADDRNOTAVAIL || errno == ENODEV, "%s", strerror(errno));
		return 0;
	}
	return ntohl(((struct sockaddr_in *)&ifr.ifr_addr)->sin_addr.s_addr);
}

__attribute__((unused)) static void give_address(const char *name, uint32_t address)
{
	struct ifreq ifr = { .ifr_flags = 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ifr.ifr_addr;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(address);
	CHECK_SYS(of_device(name, SIOCSIFADDR, &ifr));
}

#endif /* CKPT_TEST_NET_DEVICES_H */
