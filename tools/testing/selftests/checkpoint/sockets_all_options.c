// SPDX-License-Identifier: GPL-2.0
/*
 * All options of sockets that can be set and read as a number, whatever they are:
 * each number of each level is tried on a socket of its own. So an option that a
 * kernel has anew, and that a checkpoint knows nothing of, is found.
 */
#include "sockets.h"

#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif
#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif
#ifndef SOL_PACKET
#define SOL_PACKET	263
#endif

CKPT_FIXTURE

/* Numbers of options that are tried; those beyond are of netfilter and routers. */
#define NAMES	128

/* One that is not to come back, and why. */
static const struct {
	int level, name;
	const char *why;
} left_out[] = {
	{ IPPROTO_TCP, 13, "TCP_CONGESTION: a name" },
	{ IPPROTO_TCP, 19, "TCP_REPAIR: refused" },
	{ IPPROTO_TCP, 20, "TCP_REPAIR_QUEUE: refused" },
	{ IPPROTO_TCP, 21, "TCP_QUEUE_SEQ: refused" },
	{ IPPROTO_TCP, 24, "TCP_TIMESTAMP: a clock" },
	{ IPPROTO_TCP, 30, "TCP_FASTOPEN_CONNECT: refused" },
	{ IPPROTO_UDP, 100, "UDP_ENCAP: refused" },
};

/* What was set, of which socket. */
struct set {
	int fd, level, name, value;
};

static bool is_left_out(int level, int name)
{
	unsigned int i;

	for (i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		if (left_out[i].level == level && left_out[i].name == name)
			return true;
	}
	return false;
}

static bool number(int fd, int level, int name, int *value)
{
	socklen_t len = sizeof(*value);

	*value = 0;
	return !getsockopt(fd, level, name, value, &len) && len == sizeof(*value);
}

/* Gives the option another value than it has; false if there is none that it takes. */
static bool change(int fd, int level, int name, int *value)
{
	static const int values[] = { 1, 0, 2, 7, 60, 4096, 100000 };
	unsigned int i;
	int old;

	if (!number(fd, level, name, &old))
		return false;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (values[i] == old ||
		    setsockopt(fd, level, name, &values[i], sizeof(values[i])))
			continue;
		if (number(fd, level, name, value) && *value != old)
			return true;
	}
	return false;
}

/* Tries all options of these levels on sockets of this kind. */
static void all_options(int family, int type, int protocol, const int *levels, int count)
{
	static struct set set[NAMES * 4];
	int n = 0, i, name, value;

	for (i = 0; i < count; i++) {
		for (name = 1; name < NAMES; name++) {
			struct set *one = &set[n];

			if (is_left_out(levels[i], name))
				continue;
			one->fd = CHECK_SYS(socket(family, type, protocol));
			one->level = levels[i];
			one->name = name;
			if (change(one->fd, levels[i], name, &one->value))
				n++;
			else
				CHECK_SYS(close(one->fd));
		}
	}
	CHECK(n > 2, "only %d options can be set", n);
	ckpt_ready_wait();
	for (i = 0; i < n; i++) {
		CHECK(number(set[i].fd, set[i].level, set[i].name, &value),
		      "option %d of level %d can't be read", set[i].name, set[i].level);
		CHECK(value == set[i].value, "option %d of level %d is %d, and was %d", set[i].name,
		      set[i].level, value, set[i].value);
	}
}

static const int levels4[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_UDP };
static const int levels6[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP };
static const int levels4_tcp[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP };
static const int levels6_tcp[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP };
static const int levels4_raw[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_RAW };
static const int levels6_raw[] = { SOL_SOCKET, IPPROTO_IPV6, IPPROTO_RAW };
static const int levels_unix[] = { SOL_SOCKET };
static const int levels_netlink[] = { SOL_SOCKET, SOL_NETLINK };
static const int levels_packet[] = { SOL_SOCKET, SOL_PACKET };

#define ALL(_family, _type, _protocol, _levels) \
	all_options(_family, _type, _protocol, _levels, sizeof(_levels) / sizeof((_levels)[0]))

CKPT_CYCLE(udp)
{
	ALL(AF_INET, SOCK_DGRAM, 0, levels4);
}

CKPT_CYCLE(udp_v6)
{
	ALL(AF_INET6, SOCK_DGRAM, 0, levels6);
}

CKPT_CYCLE(tcp)
{
	ALL(AF_INET, SOCK_STREAM, 0, levels4_tcp);
}

CKPT_CYCLE(tcp_v6)
{
	ALL(AF_INET6, SOCK_STREAM, 0, levels6_tcp);
}

/* The test needs such sockets. */
static void options_of_mptcp(int family, const int *levels, int count)
{
	int fd = socket(family, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0)
		ckpt_not_here();
	CHECK_SYS(close(fd));
	all_options(family, SOCK_STREAM, IPPROTO_MPTCP, levels, count);
}

CKPT_CYCLE(mptcp)
{
	options_of_mptcp(AF_INET, levels4_tcp, ARRAY_SIZE(levels4_tcp));
}

CKPT_CYCLE(mptcp_v6)
{
	options_of_mptcp(AF_INET6, levels6_tcp, ARRAY_SIZE(levels6_tcp));
}

CKPT_CYCLE(raw)
{
	ALL(AF_INET, SOCK_RAW, IPPROTO_ICMP, levels4_raw);
}

CKPT_CYCLE(raw_v6)
{
	ALL(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, levels6_raw);
}

CKPT_CYCLE(unix_stream)
{
	ALL(AF_UNIX, SOCK_STREAM, 0, levels_unix);
}

CKPT_CYCLE(unix_datagram)
{
	ALL(AF_UNIX, SOCK_DGRAM, 0, levels_unix);
}

CKPT_CYCLE(netlink)
{
	ALL(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, levels_netlink);
}

CKPT_CYCLE(packet)
{
	ALL(AF_PACKET, SOCK_RAW, 0, levels_packet);
}

TEST_HARNESS_MAIN
