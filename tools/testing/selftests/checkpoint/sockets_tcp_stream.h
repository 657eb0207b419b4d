/* SPDX-License-Identifier: GPL-2.0 */
/* What a scenario and an end outside of the tree tell each other: bytes that can be told apart. */
#ifndef CKPT_TEST_SOCKETS_TCP_STREAM_H
#define CKPT_TEST_SOCKETS_TCP_STREAM_H

#include "sockets_tcp.h"

#include <sched.h>

/* What the other end sends before the checkpoint, and while the connection is held. */
#define BEFORE	5000
#define HELD	70000

/* The end outside. */
static int outside = -1;

/* Byte number @i of what comes from outside; and of what goes there. */
__attribute__((unused)) static unsigned char in_at(unsigned long i)
{
	return i * 7 + (i >> 8) * 13;
}

__attribute__((unused)) static unsigned char out_at(unsigned long i)
{
	return i * 11 + (i >> 8) * 5 + 1;
}

__attribute__((unused))
static void fill(unsigned char *buf, unsigned long from, unsigned long count,
		 unsigned char (*at)(unsigned long i))
{
	unsigned long i;

	for (i = 0; i < count; i++)
		buf[i] = at(from + i);
}

/* Receives bytes number @from on: @count of them, or, if that is 0, all to the end. */
__attribute__((unused))
static long take(int fd, unsigned long from, unsigned long count,
		 unsigned char (*at)(unsigned long i))
{
	unsigned char buf[1 << 16];
	unsigned long got = 0, i, most;
	long n;

	while (!count || got < count) {
		most = count && count - got < sizeof(buf) ? count - got : sizeof(buf);
		n = recv(fd, buf, most, 0);
		if (n < 0) {
			ckpt_diag("recv after %lu bytes: %s", got, strerror(errno));
			return -1;
		}
		if (!n)
			break;
		for (i = 0; i < (unsigned long)n; i++) {
			if (buf[i] != at(from + got + i)) {
				ckpt_diag("byte %lu is another", from + got + i);
				return -1;
			}
		}
		got += n;
	}
	return got;
}

/* Sends as much as goes, without waiting; returns how much that was. */
__attribute__((unused)) static long stuff(int fd)
{
	unsigned char buf[1 << 14];
	unsigned long sent = 0;
	long n;

	do {
		fill(buf, sent, sizeof(buf), out_at);
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += n;
	} while (n > 0);
	CHECK(errno == EAGAIN, "send: %s", strerror(errno));
	return sent;
}

/* Says bytes number @from on, from outside. */
__attribute__((unused)) static int say(unsigned long from, unsigned long count)
{
	static unsigned char buf[BEFORE + HELD];

	fill(buf, from, count, in_at);
	return send(outside, buf, count, MSG_NOSIGNAL) == (long)count ? 0 : -1;
}

/* The scenario has come to @step, so often. */
__attribute__((unused)) static int await_steps(struct ckpt_run *run, int step, uint32_t count)
{
	while (__atomic_load_n(&run->board->step[step], __ATOMIC_ACQUIRE) < count) {
		if (__atomic_load_n(&run->board->failed, __ATOMIC_ACQUIRE))
			return -1;
		sched_yield();
	}
	return 0;
}

__attribute__((unused)) static int await_step(struct ckpt_run *run, int step)
{
	return await_steps(run, step, 1);
}

/* Ends the tasks that checkpoint @id has left frozen. */
__attribute__((unused)) static long kill_only(struct ckpt_run *run, long id)
{
	struct checkpoint_args args;

	ckpt_run_args(run, &args, -1, CHECKPOINT_KILL_ONLY);
	args.id = id;
	return sys_checkpoint(&args, sizeof(args));
}

#endif
