/* SPDX-License-Identifier: GPL-2.0 */
/* Tunnels in the network namespace that the caller is in. */
#ifndef CKPT_TEST_TUNNELS_H
#define CKPT_TEST_TUNNELS_H

#include "rtnetlink.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tunnel.h>
#include <linux/neighbour.h>

/* What is done where the kernel has no such tunnels. */
#ifndef TUNNEL_NOT_HERE
#define TUNNEL_NOT_HERE	ckpt_not_here
#endif

/* An attribute of a kind of tunnel: its type and content. */
struct detail {
	int type;
	size_t len;
	const void *data;
};

#define U8(_type, _value)	{ _type, 1, (const uint8_t []) { _value } }
#define U16(_type, _value)	{ _type, 2, (const uint16_t []) { _value } }
#define U32(_type, _value)	{ _type, 4, (const uint32_t []) { _value } }
#define FLAG(_type)		{ _type, 0, NULL }
/* Addresses, the last two numbers of which are given: 10.1.x.x and fd01::xx. */
#define IP4(_type, _a, _b)	{ _type, 4, (const uint8_t []) { 10, 1, _a, _b } }
#define IP6(_type, _a, _b)	{ _type, 16, (const uint8_t []) { 0xfd, 1, [14] = _a, [15] = _b } }

/* Makes a tunnel; what the kernel does not have is not here. */
__attribute__((unused))
static void make_tunnel(const char *name, int index, const char *kind, const struct detail *details,
			size_t count)
{
	struct rtattr *info, *data;
	struct rt rt;

	info = rt_device(&rt, name, index, kind);
	data = rt_nest(&rt, IFLA_INFO_DATA);
	while (count--) {
		rt_add(&rt, details->type, details->data, details->len);
		details++;
	}
	rt_end(&rt, data);
	rt_end(&rt, info);
	if (rt_ask(&rt)) {
		CHECK(errno == EOPNOTSUPP || errno == EPFNOSUPPORT, "%s: %s", kind,
		      strerror(errno));
		TUNNEL_NOT_HERE();
	}
}

#define MAKE_TUNNEL(_name, _index, _kind, ...) do {			\
	const struct detail __details[] = { __VA_ARGS__ };		\
									\
	make_tunnel(_name, _index, _kind, __details,			\
		    sizeof(__details) / sizeof(*__details));		\
} while (0)

/* The device that tunnels are over: it is on, and nobody is asked for addresses there. */
__attribute__((unused)) static void make_lower(void)
{
	struct rt rt;

	switch_lo(true);
	rt_end(&rt, rt_device(&rt, "d0", 40, "dummy"));
	if (rt_ask(&rt)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		TUNNEL_NOT_HERE();
	}
	rt_address("d0", "10.1.0.1", 16);
	if (!access("/proc/sys/net/ipv6", F_OK))
		rt_address("d0", "fd01::1", 64);
	rt_switch("d0", true);
}

/*
 * What is sent over the device @name goes out over d0 with @count bytes @text in it at @at of the IP header.
 * Returns four bytes behind the first four of what comes after that header: of GRE the number of the packet.
 */
__attribute__((unused))
static uint32_t carries(const char *name, unsigned int at, const void *text, size_t count)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("d0"),
	};
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6,
		.sll_ifindex = if_nametoindex(name), .sll_addr = { 2, 0, 0, 0, 0, 9 },
	};
	/* A header of IP for the inner packet, and what is looked for behind it. */
	unsigned char inner[24] = { 0x45, 0, 0, 24, 0, 0, 0, 0, 64, 17 };
	int in = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL)));
	int out = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct timeval moment = { .tv_usec = 100000 };
	char packet[2048];
	bool found = false;
	uint32_t number;
	ssize_t n;
	int i;

	memcpy(inner + 20, "ping", 4);
	CHECK_SYS(bind(in, (struct sockaddr *)&ll, sizeof(ll)));
	CHECK_SYS(setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment)));
	for (i = 0; i < 300 && !found; i++) {
		CHECK_SYS(sendto(out, inner, sizeof(inner), 0, (struct sockaddr *)&to, sizeof(to)));
		while (!found) {
			n = recv(in, packet, sizeof(packet), 0);
			if (n < 0)
				break;
			found = (size_t)n >= at + count && n > 4 &&
				!memcmp(packet + at, text, count) && !memcmp(packet + n - 4, "ping", 4);
		}
		CHECK(found || errno == EAGAIN, "%s", strerror(errno));
	}
	CHECK(found, "what %s has to send does not get to d0", name);
	CHECK_SYS(close(in));
	CHECK_SYS(close(out));
	memcpy(&number, packet + 24, sizeof(number));
	return ntohl(number);
}

#endif /* CKPT_TEST_TUNNELS_H */
