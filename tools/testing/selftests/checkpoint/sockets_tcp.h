/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of TCP sockets have in common. */
#ifndef CKPT_TEST_SOCKETS_TCP_H
#define CKPT_TEST_SOCKETS_TCP_H

#include "sockets.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

/* Where sockets of the scenario are: 127.0.0.1, ::1 or ::ffff:127.0.0.1. */
enum where { V4, V6, MAPPED };

static enum where where;

/* The loopback device may be down where the tests begin. */
__attribute__((unused)) static void lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));

	CHECK_SYS(ioctl(fd, SIOCGIFFLAGS, &ifr));
	if (!(ifr.ifr_flags & IFF_UP)) {
		ifr.ifr_flags |= IFF_UP;
		CHECK_SYS(ioctl(fd, SIOCSIFFLAGS, &ifr));
	}
	CHECK_SYS(close(fd));
}

__attribute__((unused)) static socklen_t address(struct sockaddr_storage *to, int port)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *sin = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (where == V4) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*sin);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	CHECK_EQ(1, inet_pton(AF_INET6, where == V6 ? "::1" : "::ffff:127.0.0.1",
			      &sin6->sin6_addr));
	return sizeof(*sin6);
}

__attribute__((unused)) static int tcp_socket(void)
{
	return CHECK_SYS(socket(where == V4 ? AF_INET : AF_INET6, SOCK_STREAM, 0));
}

/* The port of a socket; of its other end. */
__attribute__((unused)) static int port_of(int fd, bool peer)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (peer)
		CHECK_SYS(getpeername(fd, (struct sockaddr *)&addr, &len));
	else
		CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	return ntohs(addr.ss_family == AF_INET ? ((struct sockaddr_in *)&addr)->sin_port :
						 ((struct sockaddr_in6 *)&addr)->sin6_port);
}

__attribute__((unused)) static int tcp_option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, name, &value, &len));
	return value;
}

__attribute__((unused)) static void set_tcp_option(int fd, int name, int value)
{
	CHECK_SYS(setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value)));
}

/* The state of a connection. */
__attribute__((unused)) static int tcp_state(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return info.tcpi_state;
}

/* A socket that listens, at a port that the kernel has chosen. */
__attribute__((unused)) static int listener(int backlog)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);
	int fd;

	lo_up();
	fd = tcp_socket();
	/* What is over of its connections does not keep the port from the next restart. */
	set_option(fd, SO_REUSEADDR, 1);
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(fd, backlog));
	return fd;
}

__attribute__((unused)) static int connect_to(int port)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, port);
	int fd = tcp_socket();

	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	return fd;
}

/* Both ends of a connection: fds[W] has connected, and fds[R] was accepted. */
__attribute__((unused)) static void tcp_pair(void)
{
	int at = listener(1);

	fds[W] = connect_to(port_of(at, false));
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
}

/* Waits until so much was received. */
__attribute__((unused)) static void await_bytes(int fd, int count)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int lowat = count;

	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)));
	CHECK_EQ(1, poll(&p, 1, -1));
	lowat = 1;
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)));
}

/* Waits for what poll(2) tells. */
__attribute__((unused)) static void await_event(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	CHECK_EQ(1, poll(&p, 1, -1));
	CHECK(p.revents & events, "0x%x", p.revents);
}

#endif
