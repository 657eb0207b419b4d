/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TCP connection of everything.h whose other end is outside of the tree: the test connects when the
 * scenario is ready. It comes back as after a reset.
 */
#ifndef CKPT_TEST_EVERYTHING_OUTSIDE_H
#define CKPT_TEST_EVERYTHING_OUTSIDE_H

#include "everything_steps.h"
#include "sockets_tcp.h"

#include <sched.h>

/* The end of the scenario, and that of the test. */
static int e_inside = -1, e_outside = -1;

/* A container with a network namespace of its own is not to be reached. */
static bool e_unreachable(void)
{
	const char *network = getenv("CKPT_NETWORK");

	return network && !strcmp(network, "own");
}

/* In the test: connects to the scenario, which is ready, and waits until it is accepted. */
__attribute__((unused)) static int e_reach(void *arg)
{
	struct ckpt_run *run = arg;
	struct sockaddr_storage addr;
	socklen_t len;

	if (e_unreachable())
		return 0;
	if (e_outside >= 0)
		close(e_outside);
	len = address(&addr, run->board->value[E_PORT]);
	e_outside = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (e_outside < 0 || connect(e_outside, (struct sockaddr *)&addr, len) ||
	    send(e_outside, E_TEXT, sizeof(E_TEXT), MSG_NOSIGNAL) != sizeof(E_TEXT)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	while (!__atomic_load_n(&run->board->step[E_MET], __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&run->board->failed, __ATOMIC_ACQUIRE))
			return -1;
		sched_yield();
	}
	return 0;
}

/* In the scenario: is ready, and waits for the test. */
static void e_meet(void)
{
	int at = listener(1);

	board->value[E_PORT] = port_of(at, false);
	ckpt_ready();
	if (e_unreachable())
		return;
	e_inside = CHECK_SYS(accept4(at, NULL, NULL, SOCK_CLOEXEC));
	CHECK_SYS(close(at));
	await_bytes(e_inside, sizeof(E_TEXT));
	ckpt_step(E_MET);
}

/* What was received is there; nothing more comes, unless it is told of the reset. */
static void e_check_outside(void)
{
	char text[sizeof(E_TEXT)] = "";

	if (e_inside < 0)
		return;
	CHECK_EQ(sizeof(text), recv(e_inside, text, sizeof(text), MSG_DONTWAIT));
	CHECK_STREQ(E_TEXT, text);
	CHECK(recv(e_inside, text, 1, MSG_DONTWAIT) == -1 &&
	      (errno == EAGAIN || errno == ECONNRESET), "%s", strerror(errno));
}

#endif
