// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP sockets (ping without privileges): their number, whom they are connected to, and the answers in
 * their queues.
 */
#include "sockets_tcp.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sched.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO	55
#endif

CKPT_FIXTURE

/* The number by which answers find a socket. */
#define NUMBER	4711

/* Whose group may make such sockets: that of root. */
static void allow(void)
{
	int fd = CHECK_SYS(open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC));

	CHECK_EQ(3, write(fd, "0 0", 3));
	CHECK_SYS(close(fd));
}

static int icmp_socket(void)
{
	return CHECK_SYS(socket(where == V4 ? AF_INET : AF_INET6, SOCK_DGRAM,
				where == V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6));
}

/* What is in its queue takes so many bytes. */
static uint32_t queued(int fd)
{
	uint32_t info[16] = {};
	socklen_t len = sizeof(info);

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len));
	return info[0];
}

/* Asks the loopback device, and waits until the answer is there. */
static void ask(int fd, int sequence)
{
	struct icmphdr v4 = { .type = ICMP_ECHO, .un.echo.sequence = htons(sequence) };
	struct icmp6_hdr v6 = { .icmp6_type = ICMP6_ECHO_REQUEST };
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);
	uint32_t before = queued(fd);

	v6.icmp6_seq = htons(sequence);
	CHECK_EQ(8, sendto(fd, where == V4 ? (void *)&v4 : (void *)&v6, 8, 0,
			   (struct sockaddr *)&addr, len));
	while (queued(fd) == before)
		sched_yield();
}

/* The next answer is that to request @sequence; it comes from the loopback device. */
static void expect_answer(int fd, int sequence)
{
	struct sockaddr_storage addr, seen;
	socklen_t len = sizeof(seen), wanted = address(&addr, 0);
	unsigned char answer[64];
	uint16_t at[4];

	memset(&seen, 0, sizeof(seen));
	CHECK_EQ(8, recvfrom(fd, answer, sizeof(answer), MSG_DONTWAIT, (struct sockaddr *)&seen, &len));
	memcpy(at, answer, sizeof(at));
	CHECK_EQ(where == V4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY, answer[0]);
	CHECK_EQ(NUMBER, ntohs(at[2]));
	CHECK_EQ(sequence, ntohs(at[3]));
	CHECK_EQ(wanted, len);
	if (where == V4)
		CHECK_EQ(htonl(INADDR_LOOPBACK), ((struct sockaddr_in *)&seen)->sin_addr.s_addr);
	else
		CHECK(IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&seen)->sin6_addr), "of another one");
}

/* One that is bound, with two answers, of which one was looked at. */
static void bound(void)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, NUMBER);
	char c;
	int fd;

	lo_up();
	allow();
	fd = icmp_socket();
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	ask(fd, 1);
	ask(fd, 2);
	CHECK_EQ(1, recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT));
	ckpt_ready_wait();
	CHECK_EQ(NUMBER, port_of(fd, false));
	expect_answer(fd, 1);
	expect_answer(fd, 2);
	expect_empty(fd);
	ask(fd, 3);
	expect_answer(fd, 3);
}

CKPT_CYCLE(bound_v4)
{
	where = V4;
	bound();
}

CKPT_CYCLE(bound_v6)
{
	where = V6;
	bound();
}

/* One that is connected: it has a number that the kernel has chosen, and sends without an address. */
CKPT_CYCLE(connected)
{
	struct icmphdr request = { .type = ICMP_ECHO, .un.echo.sequence = htons(7) };
	struct icmphdr answer = {};
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);
	int fd, number;

	lo_up();
	allow();
	fd = icmp_socket();
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	CHECK_EQ((long)sizeof(request), send(fd, &request, sizeof(request), 0));
	while (!queued(fd))
		sched_yield();
	number = port_of(fd, false);
	CHECK(number, "it has no number");
	ckpt_ready_wait();
	CHECK_EQ(number, port_of(fd, false));
	CHECK_EQ((long)sizeof(answer), recv(fd, &answer, sizeof(answer), MSG_DONTWAIT));
	CHECK_EQ(ICMP_ECHOREPLY, answer.type);
	CHECK_EQ(number, ntohs(answer.un.echo.id));
	CHECK_EQ((long)sizeof(request), send(fd, &request, sizeof(request), 0));
	CHECK_EQ((long)sizeof(answer), recv(fd, &answer, sizeof(answer), 0));
	CHECK_EQ(number, ntohs(answer.un.echo.id));
}

TEST_HARNESS_MAIN
