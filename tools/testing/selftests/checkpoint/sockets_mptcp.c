// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of Multipath TCP, over IPv4 and IPv6: those that listen, or were never connected,
 * and connections of plain TCP that come to them; connections that have fallen back are in
 * sockets_mptcp_fell_back, those with subflows are refused (refuse_mptcp).
 */
#include "sockets_mptcp.h"

static int protocol(int fd)
{
	return option(fd, SO_PROTOCOL);
}

/* It listens, at the port that the kernel has chosen. */
static int listens(int at)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;

	where = at;
	len = address(&addr, 0);
	lo_up();
	fd = mptcp_socket();
	set_option(fd, SO_REUSEADDR, 1);
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(fd, 4));
	return fd;
}

/* Who comes by TCP is accepted as such, before and after; the first one is still there. */
static void listens_to_tcp(int family)
{
	int at = listens(family), port = port_of(at, false);

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

CKPT_CYCLE(listener_and_tcp)
{
	listens_to_tcp(V4);
}

CKPT_CYCLE(listener_and_tcp_ipv6)
{
	listens_to_tcp(V6);
}

/* Who comes by MPTCP to the address of @to, is accepted as such, and both talk to each other. */
static void comes_by_mptcp(int at, int to, int port)
{
	struct sockaddr_storage addr;
	socklen_t len;

	where = to;
	len = address(&addr, port);
	fds[W] = mptcp_socket();
	CHECK_SYS(connect(fds[W], (struct sockaddr *)&addr, len));
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_EQ(IPPROTO_MPTCP, protocol(fds[R]));
	put(fds[W], 0, 1000);
	get(fds[R], 0, 1000);
	CHECK_SYS(close(fds[W]));
	CHECK_SYS(close(fds[R]));
}

/* And who comes by MPTCP, after a restart, by MPTCP. */
CKPT_CYCLE(listener_and_mptcp)
{
	int at = listens(V4), port = port_of(at, false);

	ckpt_ready_wait();
	comes_by_mptcp(at, V4, port);
}

CKPT_CYCLE(listener_and_mptcp_ipv6)
{
	int at = listens(V6), port = port_of(at, false);

	ckpt_ready_wait();
	comes_by_mptcp(at, V6, port);
}

/* At all addresses of IPv4 and IPv6, as servers in Go listen; @only: not of IPv4. */
static void listens_everywhere(int only)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	int at, port, now = -1;
	socklen_t len = sizeof(now);

	where = V6;
	lo_up();
	at = mptcp_socket();
	CHECK_SYS(setsockopt(at, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)));
	set_option(at, SO_BROADCAST, 1);
	set_option(at, SO_REUSEADDR, 1);
	CHECK_SYS(bind(at, (struct sockaddr *)&any, sizeof(any)));
	CHECK_SYS(listen(at, SOMAXCONN));
	port = port_of(at, false);
	ckpt_ready_wait();
	CHECK_EQ(port, port_of(at, false));
	CHECK_SYS(getsockopt(at, IPPROTO_IPV6, IPV6_V6ONLY, &now, &len));
	CHECK_EQ(only, now);
	comes_by_mptcp(at, V6, port);
	where = V4;
	if (only) {
		struct sockaddr_storage addr;
		int fd = tcp_socket();

		len = address(&addr, port);
		CHECK_EQ(-1, connect(fd, (struct sockaddr *)&addr, len));
		CHECK_EQ(ECONNREFUSED, errno);
		return;
	}
	comes_by_mptcp(at, V4, port);
	comes_by_mptcp(at, MAPPED, port);
	where = V4;
	fds[W] = connect_to(port);
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_EQ(IPPROTO_TCP, protocol(fds[R]));
}

CKPT_CYCLE(listener_of_both)
{
	listens_everywhere(0);
}

CKPT_CYCLE(listener_of_ipv6_only)
{
	listens_everywhere(1);
}

/* Options, of one that is bound; then it listens, and connects. */
CKPT_CYCLE(options_of_a_bound_one)
{
	char congestion[16] = "reno", now[16] = "";
	struct sockaddr_storage addr;
	socklen_t len, got = sizeof(int), room = sizeof(now);
	int fd, tos = 0x48;

	where = V4;
	lo_up();
	fd = mptcp_socket();
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
	int i, fd[2];

	for (i = 0; i < 2; i++) {
		where = i ? V6 : V4;
		fd[i] = mptcp_socket();
	}
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		CHECK_EQ(IPPROTO_MPTCP, protocol(fd[i]));
		CHECK_EQ(0, tcp_option(fd[i], TCP_NODELAY));
	}
}

TEST_HARNESS_MAIN
