/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets of everything.h: some of each family, with something in their queues. */
#ifndef CKPT_TEST_EVERYTHING_SOCKETS_H
#define CKPT_TEST_EVERYTHING_SOCKETS_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "sockets_tcp.h"

/* A pair, in which a file and the other end of another pair are under way. */
static int e_unix[2], e_under_way[2];
/* A connection: who listens, who has connected, who was accepted. */
static int e_tcp[3];
/* One that is connected to itself. */
static int e_udp;
static int e_netlink;
static unsigned int e_netlink_port;

static unsigned int e_port_of_netlink(void)
{
	struct sockaddr_nl addr;
	socklen_t len = sizeof(addr);

	CHECK_SYS(getsockname(e_netlink, (struct sockaddr *)&addr, &len));
	return addr.nl_pid;
}

static void e_set_up_sockets(void)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH };
	struct sockaddr_storage addr;
	socklen_t len;
	int fds[2];

	lo_up();
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e_unix));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, e_under_way));
	send_text(e_under_way[0], "sent before");
	fds[0] = CHECK_SYS(eventfd(7, EFD_CLOEXEC));
	fds[1] = e_under_way[1];
	send_fds(e_unix[0], fds, 2);
	CHECK_SYS(close(fds[0]));
	CHECK_SYS(close(fds[1]));

	len = address(&addr, 0);
	e_tcp[0] = tcp_socket();
	set_option(e_tcp[0], SO_REUSEADDR, 1);
	CHECK_SYS(bind(e_tcp[0], (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(e_tcp[0], 1));
	len = address(&addr, port_of(e_tcp[0], false));
	e_tcp[1] = tcp_socket();
	CHECK_SYS(connect(e_tcp[1], (struct sockaddr *)&addr, len));
	e_tcp[2] = CHECK_SYS(accept4(e_tcp[0], NULL, NULL, SOCK_CLOEXEC));
	send_text(e_tcp[1], "of one who connects");
	send_text(e_tcp[2], "of one who accepts");

	len = address(&addr, 0);
	e_udp = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(bind(e_udp, (struct sockaddr *)&addr, len));
	len = address(&addr, port_of(e_udp, false));
	CHECK_SYS(connect(e_udp, (struct sockaddr *)&addr, len));
	send_text(e_udp, "a datagram");

	e_netlink = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	CHECK_SYS(bind(e_netlink, (struct sockaddr *)&nl, sizeof(nl)));
	e_netlink_port = e_port_of_netlink();
}

static void e_check_sockets(void)
{
	uint64_t value = 0;
	int fds[2];

	receive_fds(e_unix[1], fds, 2);
	CHECK_EQ(sizeof(value), read(fds[0], &value, sizeof(value)));
	CHECK_EQ(7, value);
	expect_text(fds[1], "sent before");
	send_text(fds[1], "back");
	expect_text(e_under_way[0], "back");
	expect_text(e_tcp[2], "of one who connects");
	expect_text(e_tcp[1], "of one who accepts");
	CHECK_EQ(port_of(e_tcp[0], false), port_of(e_tcp[1], true));
	expect_text(e_udp, "a datagram");
	CHECK_EQ(e_netlink_port, e_port_of_netlink());
	CHECK_SYS(close(e_netlink));
	CHECK_SYS(close(e_udp));
	CHECK_SYS(close(e_tcp[2]));
	CHECK_SYS(close(e_tcp[1]));
	CHECK_SYS(close(e_tcp[0]));
}

#endif
