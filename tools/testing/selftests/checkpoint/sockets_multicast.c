// SPDX-License-Identifier: GPL-2.0
/* Memberships in multicast groups, the sources that are heard of these, and anycast addresses. */
#include "sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

CKPT_FIXTURE

#define LO		1
#define GROUP		0xef010203
#define GROUP_MORE	0xef010204
#define SOURCE		(INADDR_LOOPBACK + 1)
#define SOURCE_MORE	(INADDR_LOOPBACK + 2)

static in_port_t port(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	return ((struct sockaddr_in *)&addr)->sin_port;
}

static void set_int(int fd, int level, int name, int value)
{
	CHECK_SYS(setsockopt(fd, level, name, &value, sizeof(value)));
}

/* A socket that hears only of its own groups. */
static int listener(void)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in any = { .sin_family = AF_INET };

	CHECK_SYS(bind(fd, (struct sockaddr *)&any, sizeof(any)));
	set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	return fd;
}

/* A socket that sends to groups from that address of the loopback device. */
static int sender(uint32_t from)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(from) };
	struct ip_mreqn mreq = { .imr_ifindex = LO, .imr_address.s_addr = htonl(from) };

	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &mreq, sizeof(mreq)));
	return fd;
}

static void send_group(int fd, uint32_t group, in_port_t to, const char *text)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = to,
		.sin_addr.s_addr = htonl(group),
	};

	CHECK_EQ((long)strlen(text), sendto(fd, text, strlen(text), 0, (struct sockaddr *)&addr,
					    sizeof(addr)));
}

static int join(int fd, uint32_t group, uint32_t local, int device, int name)
{
	struct ip_mreqn mreq = {
		.imr_multiaddr.s_addr = htonl(group),
		.imr_address.s_addr = htonl(local),
		.imr_ifindex = device,
	};

	return setsockopt(fd, IPPROTO_IP, name, &mreq, sizeof(mreq));
}

static int source(int fd, uint32_t from, int name)
{
	struct ip_mreq_source mreq = {
		.imr_multiaddr.s_addr = htonl(GROUP),
		.imr_interface.s_addr = htonl(INADDR_LOOPBACK),
		.imr_sourceaddr.s_addr = htonl(from),
	};

	return setsockopt(fd, IPPROTO_IP, name, &mreq, sizeof(mreq));
}

/* The sources of the group are these, in this order. */
static void expect_sources(int fd, uint32_t mode, const uint32_t *from, uint32_t count)
{
	struct {
		struct in_addr group, local;
		uint32_t mode, count;
		uint32_t from[4];
	} filter = {
		.group.s_addr = htonl(GROUP),
		.local.s_addr = htonl(INADDR_LOOPBACK),
		.count = 4,
	};
	socklen_t len = sizeof(filter);
	uint32_t i;

	CHECK_SYS(getsockopt(fd, IPPROTO_IP, IP_MSFILTER, &filter, &len));
	CHECK_EQ(mode, filter.mode);
	CHECK_EQ(count, filter.count);
	for (i = 0; i < count; i++)
		CHECK_EQ(htonl(from[i]), filter.from[i]);
}

/* Of a datagram from each of both sources those are heard. */
static void expect_heard(int fd, int one, int two, bool from_one, bool from_two)
{
	send_group(one, GROUP, port(fd), "one");
	send_group(two, GROUP, port(fd), "two");
	if (from_one)
		expect_text(fd, "one");
	if (from_two)
		expect_text(fd, "two");
	expect_empty(fd);
}

/* By the number of a device and by its address: it is left by what it was joined by. */
CKPT_CYCLE(groups)
{
	int fd = listener(), other = listener(), from = sender(INADDR_LOOPBACK);

	CHECK_SYS(join(fd, GROUP, 0, LO, IP_ADD_MEMBERSHIP));
	CHECK_SYS(join(fd, GROUP_MORE, INADDR_LOOPBACK, 0, IP_ADD_MEMBERSHIP));
	send_group(from, GROUP, port(fd), "waits");
	ckpt_ready_wait();
	expect_text(fd, "waits");
	send_group(from, GROUP, port(fd), "one");
	expect_text(fd, "one");
	send_group(from, GROUP_MORE, port(fd), "two");
	expect_text(fd, "two");
	send_group(from, GROUP, port(other), "unheard");
	expect_empty(other);
	CHECK(join(fd, GROUP, 0, LO, IP_ADD_MEMBERSHIP) == -1 && errno == EADDRINUSE,
	      "it can join twice");
	CHECK_SYS(join(fd, GROUP_MORE, INADDR_LOOPBACK, 0, IP_DROP_MEMBERSHIP));
	CHECK_SYS(join(fd, GROUP, 0, LO, IP_DROP_MEMBERSHIP));
	send_group(from, GROUP, port(fd), "left");
	expect_empty(fd);
}

/* Only these sources are heard. */
CKPT_CYCLE(included)
{
	const uint32_t sources[] = { SOURCE_MORE, SOURCE };
	int fd = listener(), one = sender(INADDR_LOOPBACK), two = sender(SOURCE);

	CHECK_SYS(source(fd, SOURCE_MORE, IP_ADD_SOURCE_MEMBERSHIP));
	CHECK_SYS(source(fd, SOURCE, IP_ADD_SOURCE_MEMBERSHIP));
	expect_sources(fd, MCAST_INCLUDE, sources, 2);
	expect_heard(fd, one, two, false, true);
	ckpt_ready_wait();
	expect_sources(fd, MCAST_INCLUDE, sources, 2);
	expect_heard(fd, one, two, false, true);
	CHECK_SYS(source(fd, INADDR_LOOPBACK, IP_ADD_SOURCE_MEMBERSHIP));
	CHECK_SYS(source(fd, SOURCE, IP_DROP_SOURCE_MEMBERSHIP));
	expect_heard(fd, one, two, true, false);
	/* The last one that is dropped takes the membership with it. */
	CHECK_SYS(source(fd, INADDR_LOOPBACK, IP_DROP_SOURCE_MEMBERSHIP));
	CHECK_SYS(source(fd, SOURCE_MORE, IP_DROP_SOURCE_MEMBERSHIP));
	CHECK(join(fd, GROUP, 0, LO, IP_DROP_MEMBERSHIP) == -1 && errno == EADDRNOTAVAIL,
	      "it is still a member");
}

/* All but these are. */
CKPT_CYCLE(excluded)
{
	const uint32_t sources[] = { SOURCE };
	int fd = listener(), one = sender(INADDR_LOOPBACK), two = sender(SOURCE);

	CHECK_SYS(join(fd, GROUP, INADDR_LOOPBACK, 0, IP_ADD_MEMBERSHIP));
	CHECK_SYS(source(fd, SOURCE, IP_BLOCK_SOURCE));
	expect_heard(fd, one, two, true, false);
	ckpt_ready_wait();
	expect_sources(fd, MCAST_EXCLUDE, sources, 1);
	expect_heard(fd, one, two, true, false);
	CHECK_SYS(source(fd, SOURCE, IP_UNBLOCK_SOURCE));
	expect_heard(fd, one, two, true, true);
}

/* Some were blocked, and none is any more: it can't name those that it hears. */
CKPT_CYCLE(emptied)
{
	int fd = listener(), plain = listener();

	CHECK_SYS(join(plain, GROUP, INADDR_LOOPBACK, 0, IP_ADD_MEMBERSHIP));
	CHECK_SYS(join(fd, GROUP, INADDR_LOOPBACK, 0, IP_ADD_MEMBERSHIP));
	CHECK_SYS(source(fd, SOURCE, IP_BLOCK_SOURCE));
	CHECK_SYS(source(fd, SOURCE, IP_UNBLOCK_SOURCE));
	CHECK(source(fd, SOURCE, IP_ADD_SOURCE_MEMBERSHIP) == -1 && errno == EINVAL, "it can");
	ckpt_ready_wait();
	expect_sources(fd, MCAST_EXCLUDE, NULL, 0);
	CHECK(source(fd, SOURCE, IP_ADD_SOURCE_MEMBERSHIP) == -1 && errno == EINVAL, "it can");
	/* One that never has can. */
	expect_sources(plain, MCAST_EXCLUDE, NULL, 0);
	CHECK_SYS(source(plain, SOURCE, IP_ADD_SOURCE_MEMBERSHIP));
}

/* It is a member, and hears nobody. */
CKPT_CYCLE(deaf)
{
	int fd = listener(), one = sender(INADDR_LOOPBACK), two = sender(SOURCE);

	CHECK_SYS(join(fd, GROUP, INADDR_LOOPBACK, 0, IP_ADD_MEMBERSHIP));
	CHECK(source(fd, SOURCE, IP_DROP_SOURCE_MEMBERSHIP) == -1 && errno == EADDRNOTAVAIL,
	      "it had that");
	expect_sources(fd, MCAST_INCLUDE, NULL, 0);
	ckpt_ready_wait();
	expect_sources(fd, MCAST_INCLUDE, NULL, 0);
	expect_heard(fd, one, two, false, false);
	CHECK_SYS(source(fd, SOURCE, IP_ADD_SOURCE_MEMBERSHIP));
	expect_heard(fd, one, two, false, true);
}

/* As many as the machine allows for: a list has them in the order in which they were joined. */
CKPT_CYCLE(many)
{
	int fd = listener(), last = 0;

	while (last < 64 && join(fd, GROUP + last, 0, LO, IP_ADD_MEMBERSHIP) == 0)
		last++;
	CHECK(last >= 2, "it can join %d groups", last);
	ckpt_ready_wait();
	while (last--)
		CHECK_SYS(join(fd, GROUP + last, 0, LO, IP_DROP_MEMBERSHIP));
}

static struct in6_addr group6(int last)
{
	struct in6_addr addr = { .s6_addr = { 0xff, 0x02, [14] = 0x12, [15] = last } };

	return addr;
}

static int join6(int fd, int last, int device, int name)
{
	struct ipv6_mreq mreq = { .ipv6mr_multiaddr = group6(last), .ipv6mr_interface = device };

	return setsockopt(fd, IPPROTO_IPV6, name, &mreq, sizeof(mreq));
}

static void sockaddr6(struct sockaddr_storage *to, const struct in6_addr *addr)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = *addr };

	memset(to, 0, sizeof(*to));
	memcpy(to, &sin6, sizeof(sin6));
}

static int source6(int fd, int last, int from, int name)
{
	struct in6_addr group = group6(last), addr = { .s6_addr = { 0xfd, [15] = from } };
	struct group_source_req req = { .gsr_interface = LO };

	sockaddr6(&req.gsr_group, &group);
	sockaddr6(&req.gsr_source, &addr);
	return setsockopt(fd, IPPROTO_IPV6, name, &req, sizeof(req));
}

/* The sources of a group of IPv6 are the first @count of those from 1. */
static void expect_sources6(int fd, int last, uint32_t mode, uint32_t count)
{
	struct in6_addr group = group6(last);
	char buf[GROUP_FILTER_SIZE(4)] = {};
	struct group_filter *filter = (struct group_filter *)buf;
	socklen_t len = sizeof(buf);
	uint32_t i;

	filter->gf_interface = LO;
	filter->gf_numsrc = 4;
	sockaddr6(&filter->gf_group, &group);
	CHECK_SYS(getsockopt(fd, IPPROTO_IPV6, MCAST_MSFILTER, buf, &len));
	CHECK_EQ(mode, filter->gf_fmode);
	CHECK_EQ(count, filter->gf_numsrc);
	for (i = 0; i < count; i++) {
		struct sockaddr_in6 *from = (struct sockaddr_in6 *)&filter->gf_slist[i];

		CHECK_EQ((int)i + 1, from->sin6_addr.s6_addr[15]);
	}
}

static void groups6(int type, int protocol)
{
	int fd = CHECK_SYS(socket(AF_INET6, type, protocol)), i;

	for (i = 1; i <= 4; i++)
		CHECK_SYS(join6(fd, i, LO, IPV6_ADD_MEMBERSHIP));
	CHECK_SYS(source6(fd, 2, 1, MCAST_BLOCK_SOURCE));
	CHECK_SYS(source6(fd, 2, 2, MCAST_BLOCK_SOURCE));
	CHECK_SYS(source6(fd, 3, 1, MCAST_JOIN_SOURCE_GROUP));
	CHECK(source6(fd, 4, 1, MCAST_LEAVE_SOURCE_GROUP) == -1 && errno == EADDRNOTAVAIL,
	      "it had that");
	ckpt_ready_wait();
	expect_sources6(fd, 1, MCAST_EXCLUDE, 0);
	expect_sources6(fd, 2, MCAST_EXCLUDE, 2);
	expect_sources6(fd, 3, MCAST_INCLUDE, 1);
	expect_sources6(fd, 4, MCAST_INCLUDE, 0);
	CHECK(join6(fd, 1, LO, IPV6_ADD_MEMBERSHIP) == -1 && errno == EADDRINUSE,
	      "it can join twice");
	for (i = 1; i <= 4; i++)
		CHECK_SYS(join6(fd, i, LO, IPV6_DROP_MEMBERSHIP));
	CHECK(join6(fd, 1, LO, IPV6_DROP_MEMBERSHIP) == -1 && errno == EADDRNOTAVAIL,
	      "it was in more groups");
}

CKPT_CYCLE(groups_v6)
{
	groups6(SOCK_DGRAM, 0);
}

CKPT_CYCLE(groups_raw_v6)
{
	groups6(SOCK_RAW, IPPROTO_ICMPV6);
}

/* A group of IPv4, of a raw socket and of one of IPv6. */
CKPT_CYCLE(groups_others)
{
	int raw = CHECK_SYS(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	int fd = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0)), from = sender(INADDR_LOOPBACK);
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };

	CHECK_SYS(bind(fd, (struct sockaddr *)&any, sizeof(any)));
	set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	CHECK_SYS(join(fd, GROUP, 0, LO, IP_ADD_MEMBERSHIP));
	CHECK_SYS(join6(fd, 1, LO, IPV6_ADD_MEMBERSHIP));
	CHECK_SYS(join(raw, GROUP_MORE, 0, LO, IP_ADD_MEMBERSHIP));
	ckpt_ready_wait();
	send_group(from, GROUP, port(fd), "heard");
	expect_text(fd, "heard");
	send_group(from, GROUP_MORE, port(fd), "unheard");
	expect_empty(fd);
	CHECK_SYS(join6(fd, 1, LO, IPV6_DROP_MEMBERSHIP));
	CHECK_SYS(join(fd, GROUP, 0, LO, IP_DROP_MEMBERSHIP));
	CHECK_SYS(join(raw, GROUP_MORE, 0, LO, IP_DROP_MEMBERSHIP));
}

/* The loopback device takes any anycast address while it forwards, at the restart, too. */
static void forward(void)
{
	int fd = CHECK_SYS(open("/proc/sys/net/ipv6/conf/lo/forwarding", O_WRONLY));

	CHECK_EQ(1, write(fd, "1", 1));
	CHECK_SYS(close(fd));
}

static int anycast(int fd, int last, int name)
{
	struct ipv6_mreq mreq = {
		.ipv6mr_multiaddr.s6_addr = { 0xfd, 0x12, [15] = last },
		.ipv6mr_interface = LO,
	};

	return setsockopt(fd, IPPROTO_IPV6, name, &mreq, sizeof(mreq));
}

CKPT_CYCLE(anycast_addresses)
{
	int fd = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0));

	forward();
	CHECK_SYS(anycast(fd, 1, IPV6_JOIN_ANYCAST));
	CHECK_SYS(anycast(fd, 2, IPV6_JOIN_ANYCAST));
	ckpt_ready_wait();
	CHECK_SYS(anycast(fd, 1, IPV6_LEAVE_ANYCAST));
	CHECK_SYS(anycast(fd, 2, IPV6_LEAVE_ANYCAST));
	CHECK(anycast(fd, 2, IPV6_LEAVE_ANYCAST) == -1 && errno == ENOENT, "it had more of them");
}

TEST_HARNESS_MAIN
