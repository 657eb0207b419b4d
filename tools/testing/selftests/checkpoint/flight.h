/* SPDX-License-Identifier: GPL-2.0 */
/* Open files that only messages of a Unix socket have (SCM_RIGHTS). */
#ifndef CKPT_TEST_FLIGHT_H
#define CKPT_TEST_FLIGHT_H

#include "sockets.h"

/* Sends @fd alone, and closes it. */
__attribute__((unused)) static void put_away(int fd)
{
	send_fds(fds[W], &fd, 1);
	CHECK_SYS(close(fd));
}

/* The one that was put away first. */
__attribute__((unused)) static int take_out(void)
{
	int fd;

	receive_fds(fds[R], &fd, 1);
	return fd;
}

__attribute__((unused)) static void begin(void)
{
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

#endif /* CKPT_TEST_FLIGHT_H */
