// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of Multipath TCP: those that listen, or were never connected, and connections
 * of plain TCP that come to them; connections with subflows are refused (refuse_mptcp).
 */
#include "sockets_tcp.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

/* The test needs them. */
#define BEGIN() do {							\
	int __fd;							\
									\
	CKPT_BEGIN();							\
	__fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);		\
	if (__fd < 0)							\
		SKIP(return, "the kernel has no MPTCP");		\
	close(__fd);							\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

static int mptcp_socket(void)
{
	return CHECK_SYS(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
}

static int protocol(int fd)
{
	return option(fd, SO_PROTOCOL);
}

/* It listens, at the port that the kernel has chosen. */
static int listens(void)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;

	where = V4;
	len = address(&addr, 0);
	lo_up();
	fd = mptcp_socket();
	set_option(fd, SO_REUSEADDR, 1);
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(fd, 4));
	return fd;
}

/* Who comes by TCP is accepted as such, before and after; the first one is still there. */
CKPT_CYCLE(listener_and_tcp)
{
	int at = listens(), port = port_of(at, false);

	fds[W] = connect_to(port);
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_EQ(IPPROTO_TCP, protocol(fds[R]));
	put(fds[W], 0, 3000);
	await_bytes(fds[R], 3000);
	ckpt_ready_wait();
	CHECK_EQ(IPPROTO_MPTCP, protocol(at));
	CHECK_EQ(port, port_of(at, false));
	CHECK_EQ(1, option(at, SO_ACCEPTCONN));
	CHECK_EQ(1, option(at, SO_REUSEADDR));
	get(fds[R], 0, 3000);
	put(fds[R], 1, 100);
	get(fds[W], 1, 100);
	CHECK_SYS(close(fds[W]));
	at_end(fds[R]);
	CHECK_SYS(close(fds[R]));
	fds[W] = connect_to(port);
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	put(fds[W], 0, 10);
	get(fds[R], 0, 10);
}

/* And who comes by MPTCP, after a restart, by MPTCP. */
CKPT_CYCLE(listener_and_mptcp)
{
	int at = listens(), port = port_of(at, false);
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, port);

	ckpt_ready_wait();
	fds[W] = mptcp_socket();
	CHECK_SYS(connect(fds[W], (struct sockaddr *)&addr, len));
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_EQ(IPPROTO_MPTCP, protocol(fds[R]));
	put(fds[W], 0, 1000);
	get(fds[R], 0, 1000);
}

/* Options, of one that is bound; then it listens, and connects. */
CKPT_CYCLE(options_of_a_bound_one)
{
	char congestion[16] = "reno", now[16] = "";
	int fd = mptcp_socket(), tos = 0x48;
	struct sockaddr_storage addr;
	socklen_t len, got = sizeof(int), room = sizeof(now);

	where = V4;
	lo_up();
	set_tcp_option(fd, TCP_NODELAY, 1);
	set_tcp_option(fd, TCP_KEEPIDLE, 77);
	set_tcp_option(fd, TCP_KEEPINTVL, 33);
	set_tcp_option(fd, TCP_KEEPCNT, 5);
	set_tcp_option(fd, TCP_DEFER_ACCEPT, 1);
	set_option(fd, SO_KEEPALIVE, 1);
	/* This one sets the priority, too. */
	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)));
	set_option(fd, SO_PRIORITY, 3);
	CHECK_SYS(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, strlen(congestion)));
	len = address(&addr, 0);
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	ckpt_ready_wait();
	CHECK_EQ(IPPROTO_MPTCP, protocol(fd));
	CHECK_EQ(1, tcp_option(fd, TCP_NODELAY));
	CHECK_EQ(77, tcp_option(fd, TCP_KEEPIDLE));
	CHECK_EQ(33, tcp_option(fd, TCP_KEEPINTVL));
	CHECK_EQ(5, tcp_option(fd, TCP_KEEPCNT));
	CHECK(tcp_option(fd, TCP_DEFER_ACCEPT) > 0, "it does not wait for data");
	CHECK_EQ(1, option(fd, SO_KEEPALIVE));
	CHECK_EQ(3, option(fd, SO_PRIORITY));
	CHECK_SYS(getsockopt(fd, IPPROTO_IP, IP_TOS, &tos, &got));
	CHECK_EQ(0x48, tos);
	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, now, &room));
	CHECK_STREQ("reno", now);
	CHECK(port_of(fd, false) > 0, "it has no port");
	CHECK_SYS(listen(fd, 1));
}

/* One that has nothing. */
CKPT_CYCLE(new)
{
	int fd = mptcp_socket();

	ckpt_ready_wait();
	CHECK_EQ(IPPROTO_MPTCP, protocol(fd));
	CHECK_EQ(0, tcp_option(fd, TCP_NODELAY));
}

TEST_HARNESS_MAIN
