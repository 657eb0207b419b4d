// SPDX-License-Identifier: GPL-2.0
/* Pipes that somebody waits for, and that are in use while they are checkpointed. */
#include "pipes.h"

#include <poll.h>

/* Where there is no poll(2) the C library's poll() is a ppoll(2). */
#ifdef __NR_poll
#define POLL_CALL __NR_poll
#else
#define POLL_CALL __NR_ppoll
#endif

CKPT_FIXTURE

/* ---- somebody waits -------------------------------------------------- */

static int waits_in_read(void *arg)
{
	char c = 0;

	CHECK_SYS(close(fds[W]));
	CHECK_EQ(1, read(fds[R], &c, 1));
	CHECK_EQ(at(0), (unsigned char)c);
	get(fds[R], 1, 99);
	at_end(fds[R]);
	return 62;
}

CKPT_CYCLE(reader_waits, .blocked = { BLOCKED(__NR_read) })
{
	pid_t kid;

	CHECK_SYS(pipe(fds));
	kid = ckpt_fork(waits_in_read, NULL);
	CHECK_SYS(close(fds[R]));
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	put(fds[W], 0, 100);
	CHECK_SYS(close(fds[W]));
	ckpt_wait_exit(kid, 62);
}

/* Waits for data; what comes is the end of file. */
static int waits_for_end(void *arg)
{
	CHECK_SYS(close(fds[W]));
	at_end(fds[R]);
	return 63;
}

CKPT_CYCLE(reader_waits_for_end, .blocked = { BLOCKED(__NR_read) })
{
	pid_t kid;

	CHECK_SYS(pipe(fds));
	kid = ckpt_fork(waits_for_end, NULL);
	CHECK_SYS(close(fds[R]));
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	CHECK_SYS(close(fds[W]));
	ckpt_wait_exit(kid, 63);
}

/*
 * One write() that is larger than the pipe: it waits with part of its data
 * written.  What it returns after all is for the standard to say; that the
 * stream is whole is what counts.
 */
#define LONG	200000

static int waits_in_write(void *arg)
{
	CHECK_SYS(close(fds[R]));
	put(fds[W], 0, LONG);
	return 64;
}

CKPT_CYCLE(writer_waits, .blocked = { BLOCKED(__NR_write) })
{
	pid_t kid;

	CHECK_SYS(ckpt_pipe(fds, 0));
	kid = ckpt_fork(waits_in_write, NULL);
	CHECK_SYS(close(fds[W]));
	get(fds[R], 0, 100);
	ckpt_ready_wait();
	get(fds[R], 100, LONG - 100);
	at_end(fds[R]);
	ckpt_wait_exit(kid, 64);
}

/* Not one byte of it fitted in. */
static int waits_with_all(void *arg)
{
	CHECK_SYS(close(fds[R]));
	put(fds[W], CKPT_PIPE_SIZE, 10);
	return 65;
}

CKPT_CYCLE(writer_waits_with_all, .blocked = { BLOCKED(__NR_write) })
{
	pid_t kid;

	CHECK_SYS(ckpt_pipe(fds, 0));
	put(fds[W], 0, CKPT_PIPE_SIZE);
	kid = ckpt_fork(waits_with_all, NULL);
	CHECK_SYS(close(fds[W]));
	ckpt_ready_wait();
	CHECK_EQ(CKPT_PIPE_SIZE, held(fds[R]));
	get(fds[R], 0, CKPT_PIPE_SIZE + 10);
	at_end(fds[R]);
	ckpt_wait_exit(kid, 65);
}

static int waits_in_poll(void *arg)
{
	struct pollfd pfd = { .fd = fds[R], .events = POLLIN };

	CHECK_SYS(close(fds[W]));
	CHECK_EQ(1, poll(&pfd, 1, -1));
	CHECK_EQ(POLLIN, pfd.revents);
	get(fds[R], 0, 1);
	return 66;
}

CKPT_CYCLE(poll_waits, .blocked = { BLOCKED(POLL_CALL) })
{
	pid_t kid;

	CHECK_SYS(pipe(fds));
	kid = ckpt_fork(waits_in_poll, NULL);
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	put(fds[W], 0, 1);
	ckpt_wait_exit(kid, 66);
}

/* ---- traffic --------------------------------------------------------- */

/*
 * A pipeline that runs while it is checkpointed: a source, two stages that
 * pass on, and a sink that checks each byte.
 */
static int stage[3][2];

static void close_all_but(int in, int out)
{
	int i, end;

	for (i = 0; i < 3; i++) {
		for (end = 0; end < 2; end++) {
			if (stage[i][end] != in && stage[i][end] != out)
				CHECK_SYS(close(stage[i][end]));
		}
	}
}

static int source(void *arg)
{
	unsigned long sent = 0, n;

	close_all_but(-1, stage[0][W]);
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST) || sent < 1000000) {
		n = 1 + sent % 9973;
		put(stage[0][W], sent, n);
		sent += n;
	}
	board->value[0] = sent;
	return 67;
}

static int pass_on(void *arg)
{
	int i = (intptr_t)arg;
	int in = stage[i][R], out = stage[i + 1][W];
	char buf[7777];
	long n, done;

	close_all_but(in, out);
	while ((n = CHECK_SYS(read(in, buf, sizeof(buf)))) > 0) {
		for (done = 0; done < n; )
			done += CHECK_SYS(write(out, buf + done, n - done));
	}
	return 68;
}

CKPT_CYCLE(pipeline)
{
	unsigned char buf[5000];
	unsigned long total = 0;
	pid_t kid[3];
	long n, i;

	for (i = 0; i < 3; i++)
		CHECK_SYS(pipe(stage[i]));
	kid[0] = ckpt_fork(source, NULL);
	kid[1] = ckpt_fork(pass_on, (void *)0);
	kid[2] = ckpt_fork(pass_on, (void *)1);
	close_all_but(stage[2][R], -1);
	while ((n = CHECK_SYS(read(stage[2][R], buf, sizeof(buf)))) > 0) {
		for (i = 0; i < n; i++)
			CHECK_EQ(at(total + i), buf[i]);
		total += n;
		if (total > 100000)
			ckpt_ready();
	}
	ckpt_wait_exit(kid[0], 67);
	ckpt_wait_exit(kid[1], 68);
	ckpt_wait_exit(kid[2], 68);
	CHECK_EQ(board->value[0], total);
}

TEST_HARNESS_MAIN
