// SPDX-License-Identifier: GPL-2.0
/* Raw sockets: filters of ICMP, headers, and what is in their queues. */
#include "sockets.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>

CKPT_FIXTURE

/* A protocol that nobody has. */
#define PROTOCOL	253

static void send_raw(int fd, const char *text)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	CHECK_EQ((long)strlen(text),
		 sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)));
}

static void expect_raw(int fd, const char *text)
{
	char buf[256] = "";
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	long n = CHECK_SYS(recvfrom(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT,
				    (struct sockaddr *)&from, &len));

	CHECK_EQ((long)(sizeof(struct iphdr) + strlen(text)), n);
	CHECK_EQ(PROTOCOL, ((struct iphdr *)buf)->protocol);
	CHECK_STREQ(text, buf + sizeof(struct iphdr));
	CHECK_EQ(htonl(INADDR_LOOPBACK), from.sin_addr.s_addr);
}

/* With their headers. */
CKPT_CYCLE(raw)
{
	int to = CHECK_SYS(socket(AF_INET, SOCK_RAW, PROTOCOL));
	int from = CHECK_SYS(socket(AF_INET, SOCK_RAW, PROTOCOL));

	send_raw(from, "one");
	send_raw(from, "two");
	ckpt_ready_wait();
	expect_raw(to, "one");
	expect_raw(to, "two");
	expect_empty(to);
	send_raw(from, "new");
	expect_raw(to, "new");
}

CKPT_CYCLE(raw_v6)
{
	int to = CHECK_SYS(socket(AF_INET6, SOCK_RAW, PROTOCOL));
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };

	CHECK_EQ(3, sendto(to, "one", 3, 0, (struct sockaddr *)&addr, sizeof(addr)));
	ckpt_ready_wait();
	expect_text(to, "one");
	expect_empty(to);
}

CKPT_CYCLE(filter_icmp)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	struct icmp_filter filter = { .data = 0xfffffffe }, got = {};
	socklen_t len = sizeof(got);

	CHECK_SYS(setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)));
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(fd, SOL_RAW, ICMP_FILTER, &got, &len));
	CHECK_EQ(filter.data, got.data);
}

CKPT_CYCLE(filter_icmp_v6)
{
	int fd = CHECK_SYS(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
	struct icmp6_filter filter, got = {};
	socklen_t len = sizeof(got);

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
	CHECK_SYS(setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)));
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &got, &len));
	CHECK(!memcmp(&filter, &got, sizeof(got)), "another filter");
}

/* Whether headers come with what is sent, also if that is not as on a new socket. */
CKPT_CYCLE(headers)
{
	int with = CHECK_SYS(socket(AF_INET, SOCK_RAW, PROTOCOL));
	int without = CHECK_SYS(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
	int checksum = CHECK_SYS(socket(AF_INET6, SOCK_RAW, PROTOCOL));
	int on = 1, off = 0, at = 4, value = -1;
	socklen_t len = sizeof(value);

	CHECK_SYS(setsockopt(with, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)));
	CHECK_SYS(setsockopt(without, IPPROTO_IP, IP_HDRINCL, &off, sizeof(off)));
	CHECK_SYS(setsockopt(checksum, IPPROTO_RAW, IPV6_CHECKSUM, &at, sizeof(at)));
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(with, IPPROTO_IP, IP_HDRINCL, &value, &len));
	CHECK_EQ(1, value);
	CHECK_SYS(getsockopt(without, IPPROTO_IP, IP_HDRINCL, &value, &len));
	CHECK_EQ(0, value);
	CHECK_SYS(getsockopt(checksum, IPPROTO_RAW, IPV6_CHECKSUM, &value, &len));
	CHECK_EQ(at, value);
}

TEST_HARNESS_MAIN
