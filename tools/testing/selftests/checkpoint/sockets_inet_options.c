// SPDX-License-Identifier: GPL-2.0
/* Options of IPv4 and IPv6 sockets: each has another value than a new socket. */
#include "sockets.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/time.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX	62
#endif
#ifndef IPV6_UNICAST_IF
#define IPV6_UNICAST_IF	76
#endif

CKPT_FIXTURE

struct row {
	const char *name;
	int level;
	int option;
	int value;
};

#define ROW(_level, _option, _value) { #_option, _level, _option, _value }

static const struct row ipv4[] = {
	ROW(IPPROTO_IP, IP_TOS, 0x48),
	ROW(IPPROTO_IP, IP_TTL, 7),
	ROW(IPPROTO_IP, IP_RECVOPTS, 1),
	ROW(IPPROTO_IP, IP_RETOPTS, 1),
	ROW(IPPROTO_IP, IP_PKTINFO, 1),
	ROW(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO),
	ROW(IPPROTO_IP, IP_RECVERR, 1),
	ROW(IPPROTO_IP, IP_RECVTTL, 1),
	ROW(IPPROTO_IP, IP_RECVTOS, 1),
	ROW(IPPROTO_IP, IP_FREEBIND, 1),
	ROW(IPPROTO_IP, IP_TRANSPARENT, 1),
	ROW(IPPROTO_IP, IP_RECVORIGDSTADDR, 1),
	ROW(IPPROTO_IP, IP_MINTTL, 3),
	ROW(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1),
	ROW(IPPROTO_IP, IP_MULTICAST_TTL, 9),
	ROW(IPPROTO_IP, IP_MULTICAST_LOOP, 0),
	ROW(IPPROTO_IP, IP_MULTICAST_ALL, 0),
};

static const struct row ipv6[] = {
	ROW(IPPROTO_IPV6, IPV6_V6ONLY, 1),
	ROW(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 7),
	ROW(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 9),
	ROW(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0),
	ROW(IPPROTO_IPV6, IPV6_MULTICAST_IF, 1),
	ROW(IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO),
	ROW(IPPROTO_IPV6, IPV6_RECVERR, 1),
	ROW(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1),
	ROW(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1),
	ROW(IPPROTO_IPV6, IPV6_RECVRTHDR, 1),
	ROW(IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1),
	ROW(IPPROTO_IPV6, IPV6_RECVDSTOPTS, 1),
	ROW(IPPROTO_IPV6, IPV6_TCLASS, 0x48),
	ROW(IPPROTO_IPV6, IPV6_RECVTCLASS, 1),
	ROW(IPPROTO_IPV6, IPV6_RECVPATHMTU, 1),
	ROW(IPPROTO_IPV6, IPV6_DONTFRAG, 1),
	ROW(IPPROTO_IP, IP_TTL, 5),
};

static const struct row udp[] = {
	ROW(SOL_SOCKET, SO_REUSEADDR, 1),
	ROW(SOL_SOCKET, SO_REUSEPORT, 1),
	ROW(SOL_SOCKET, SO_BROADCAST, 1),
	ROW(SOL_SOCKET, SO_NO_CHECK, 1),
	ROW(SOL_SOCKET, SO_TIMESTAMP, 1),
	ROW(SOL_SOCKET, SO_PRIORITY, 5),
	ROW(SOL_SOCKET, SO_ZEROCOPY, 1),
	ROW(IPPROTO_UDP, 1 /* UDP_CORK */, 1),
	ROW(IPPROTO_UDP, 101 /* UDP_NO_CHECK6_TX */, 1),
	ROW(IPPROTO_UDP, 102 /* UDP_NO_CHECK6_RX */, 1),
	ROW(IPPROTO_UDP, 103 /* UDP_SEGMENT */, 1200),
	ROW(IPPROTO_UDP, 104 /* UDP_GRO */, 1),
};

static void set(int fd, const struct row *rows, int n)
{
	for (; n--; rows++)
		CHECK(!setsockopt(fd, rows->level, rows->option, &rows->value, sizeof(int)),
		      "%s can't be set", rows->name);
}

static void expect(int fd, const struct row *rows, int n)
{
	for (; n--; rows++) {
		socklen_t len = sizeof(int);
		int value = -1;

		CHECK(!getsockopt(fd, rows->level, rows->option, &value, &len),
		      "%s can't be read", rows->name);
		CHECK(value == rows->value, "%s is %d, not %d", rows->name, value, rows->value);
	}
}

#define N(rows) (int)(sizeof(rows) / sizeof(*(rows)))

CKPT_CYCLE(options_v4)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));

	set(fd, ipv4, N(ipv4));
	set(fd, udp, N(udp));
	ckpt_ready_wait();
	expect(fd, ipv4, N(ipv4));
	expect(fd, udp, N(udp));
}

CKPT_CYCLE(options_v6)
{
	int fd = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0));

	set(fd, ipv6, N(ipv6));
	set(fd, udp, N(udp));
	ckpt_ready_wait();
	expect(fd, ipv6, N(ipv6));
	expect(fd, udp, N(udp));
}

/* What is left to the machine stays so: -1 is told as what it comes to. */
CKPT_CYCLE(defaults)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0)), ttl = 0, now = 0;
	socklen_t len = sizeof(int);

	CHECK_SYS(getsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, &len));
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(fd, IPPROTO_IP, IP_TTL, &now, &len));
	CHECK_EQ(ttl, now);
}

/* Options that change others, or that must be set before others. */
CKPT_CYCLE(order)
{
	int fd = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0));
	int device = htonl(1), tos = 0x10, value = 0, one = 1;
	socklen_t len = sizeof(value);
	bool bound;

	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, &device, sizeof(device)));
	/* A kernel without network devices has none. */
	bound = !setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &one, sizeof(one));
	CHECK(bound || errno == ENOPROTOOPT, "%s", strerror(errno));
	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)));
	set_option(fd, SO_PRIORITY, 0);
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, &value, &len));
	CHECK_EQ(device, value);
	CHECK_SYS(getsockopt(fd, IPPROTO_IP, IP_TOS, &value, &len));
	CHECK_EQ(tos, value);
	if (bound)
		CHECK_EQ(1, option(fd, SO_BINDTOIFINDEX));
	CHECK_EQ(0, option(fd, SO_PRIORITY));
}

/* A timeout that is over at once is told as there being none. */
CKPT_CYCLE(at_once)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	struct timeval none = { .tv_sec = -1 };
	char c;

	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none)));
	ckpt_ready_wait();
	CHECK(recv(fd, &c, 1, 0) == -1 && errno == EAGAIN, "it does not return at once");
}

/* The device of multicasts, by its number and its address. */
CKPT_CYCLE(multicast_device)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	struct ip_mreqn mreq = { .imr_ifindex = 1, .imr_address.s_addr = htonl(INADDR_LOOPBACK) };
	struct in_addr addr = {};
	socklen_t len = sizeof(addr);

	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &mreq, sizeof(mreq)));
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &addr, &len));
	CHECK_EQ(htonl(INADDR_LOOPBACK), addr.s_addr);
}

/* What is attached to all that a socket sends is that, and is still sent. */
static void expect_header(int fd, int level, int name, const void *value, socklen_t len)
{
	unsigned char now[64];
	socklen_t got = sizeof(now);

	CHECK_SYS(getsockopt(fd, level, name, now, &got));
	CHECK_EQ(len, got);
	CHECK_EQ(0, memcmp(value, now, len));
}

/* Sends a byte to @to, which is told of the header that comes with it. */
static void expect_sent(int fd, int to, int level, int type)
{
	char c, control[512];
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	struct cmsghdr *cmsg;

	CHECK_SYS(getsockname(to, (struct sockaddr *)&addr, &len));
	CHECK_EQ(1, sendto(fd, "h", 1, 0, (struct sockaddr *)&addr, len));
	CHECK_EQ(1, recvmsg(to, &msg, 0));
	cmsg = CMSG_FIRSTHDR(&msg);
	CHECK(cmsg && cmsg->cmsg_level == level && cmsg->cmsg_type == type, "it came without that");
}

static int told_at(int family, int level, int name)
{
	int fd = CHECK_SYS(socket(family, SOCK_DGRAM, 0)), one = 1;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in four = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	if (family == AF_INET)
		CHECK_SYS(bind(fd, (struct sockaddr *)&four, sizeof(four)));
	else
		CHECK_SYS(bind(fd, (struct sockaddr *)&six, sizeof(six)));
	CHECK_SYS(setsockopt(fd, level, name, &one, sizeof(one)));
	return fd;
}

/* The way of a datagram is recorded. */
CKPT_CYCLE(ip_options)
{
	static const unsigned char record[] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	int to = told_at(AF_INET, IPPROTO_IP, IP_RECVOPTS);

	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, record, sizeof(record)));
	expect_header(fd, IPPROTO_IP, IP_OPTIONS, record, sizeof(record));
	ckpt_ready_wait();
	expect_header(fd, IPPROTO_IP, IP_OPTIONS, record, sizeof(record));
	expect_sent(fd, to, IPPROTO_IP, IP_RECVOPTS);
}

CKPT_CYCLE(extension_headers)
{
	static const unsigned char options[] = { 0, 0, 1, 4, 0, 0, 0, 0 };
	/* Segment routing with one segment, which is the last one. */
	static const unsigned char route[24] = { 0, 2, 4, 0, 0, 0, 0, 0, [23] = 1 };
	int fd = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0));
	int raw = CHECK_SYS(socket(AF_INET6, SOCK_RAW, IPPROTO_UDP));
	int to = told_at(AF_INET6, IPPROTO_IPV6, IPV6_RECVHOPOPTS);
	struct in6_pktinfo info = { .ipi6_addr = in6addr_loopback, .ipi6_ifindex = 1 };

	CHECK_SYS(setsockopt(raw, IPPROTO_IPV6, IPV6_HOPOPTS, options, sizeof(options)));
	CHECK_SYS(setsockopt(raw, IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, options, sizeof(options)));
	CHECK_SYS(setsockopt(raw, IPPROTO_IPV6, IPV6_RTHDR, route, sizeof(route)));
	CHECK_SYS(setsockopt(raw, IPPROTO_IPV6, IPV6_DSTOPTS, options, sizeof(options)));
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, options, sizeof(options)));
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info)));
	ckpt_ready_wait();
	expect_header(raw, IPPROTO_IPV6, IPV6_HOPOPTS, options, sizeof(options));
	expect_header(raw, IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, options, sizeof(options));
	expect_header(raw, IPPROTO_IPV6, IPV6_RTHDR, route, sizeof(route));
	expect_header(raw, IPPROTO_IPV6, IPV6_DSTOPTS, options, sizeof(options));
	expect_header(fd, IPPROTO_IPV6, IPV6_HOPOPTS, options, sizeof(options));
	expect_sent(fd, to, IPPROTO_IPV6, IPV6_HOPOPTS);
}

/* The address that it sends from is chosen by nothing but that. */
CKPT_CYCLE(source_address)
{
	int fd = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0));
	struct in6_pktinfo info = { .ipi6_addr = in6addr_loopback, .ipi6_ifindex = 1 };
	int to = told_at(AF_INET6, IPPROTO_IPV6, IPV6_RECVPKTINFO);
	/* There is no such device: it can't be sent by that. */
	struct in6_pktinfo none = { .ipi6_ifindex = 0x7ffffff0 };
	int lost = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0));
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);

	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info)));
	CHECK_SYS(setsockopt(lost, IPPROTO_IPV6, IPV6_PKTINFO, &none, sizeof(none)));
	ckpt_ready_wait();
	expect_sent(fd, to, IPPROTO_IPV6, IPV6_PKTINFO);
	CHECK_SYS(getsockname(to, (struct sockaddr *)&addr, &len));
	CHECK(sendto(lost, "h", 1, 0, (struct sockaddr *)&addr, len) == -1, "it is sent");
}

TEST_HARNESS_MAIN
