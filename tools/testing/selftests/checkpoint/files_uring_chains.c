// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings with requests that wait for other requests: chains (IOSQE_IO_LINK, IOSQE_IO_HARDLINK) behind
 * what waits for a file, a time, or to read or receive something, and timeouts that requests have of
 * their own (IORING_OP_LINK_TIMEOUT), which run or are still to begin.
 */
#include "common.h"
#include "uring_waits.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#ifndef IORING_LINK_TIMEOUT_UPDATE
#define IORING_LINK_TIMEOUT_UPDATE	(1u << 4)
#endif

/* Longer than any test, in milliseconds. */
#define NEVER	100000000L

CKPT_FIXTURE_IF(URING_BEGIN)

/* The kernel reads each when its request is submitted. */
static struct __kernel_timespec after[4];
static unsigned int afters;

static struct io_uring_sqe *ends_after(struct uring *u, unsigned int op, long ms, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, op, data);
	struct __kernel_timespec *ts = &after[afters++ % 4];

	ts->tv_sec = ms / 1000;
	ts->tv_nsec = ms % 1000 * 1000000;
	sqe->fd = -1;
	sqe->addr = (uintptr_t)ts;
	sqe->len = 1;
	return sqe;
}

static struct io_uring_sqe *moves(struct uring *u, unsigned int op, int fd, void *memory,
				  unsigned int len, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, op, data);

	sqe->fd = fd;
	sqe->addr = (uintptr_t)memory;
	sqe->len = len;
	return sqe;
}

/* One after the other, and no one before its turn. */
static void in_order(unsigned int setup)
{
	int event = CHECK_SYS(eventfd(0, 0)), other = CHECK_SYS(eventfd(0, 0));
	uint64_t got = 0;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, setup));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 2)->flags = IOSQE_IO_LINK;
	waits_for(&u, other, 3, false)->flags = IOSQE_IO_LINK;
	moves(&u, IORING_OP_READ, event, &got, sizeof(got), 4);
	uring_submit(&u, 4);
	ckpt_ready_wait();
	signals(other);
	look(&u);
	uring_is_empty(&u);
	signals(event);
	TAKES(&u, { 1, POLLIN }, { 2, 0 }, { 3, POLLIN }, { 4, 8 });
	CHECK_EQ(1, got);
	uring_works(&u);
}

CKPT_CYCLE(order)
{
	in_order(0);
}

CKPT_CYCLE(order_deferred)
{
	in_order(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

/* One is half way: its first request has ended, and the second one waits. */
CKPT_CYCLE(half_way)
{
	int event = CHECK_SYS(eventfd(0, 0)), other = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	waits_for(&u, other, 2, false)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 3);
	uring_submit(&u, 3);
	signals(event);
	take(&u, 1, POLLIN, false);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	signals(other);
	TAKES(&u, { 2, POLLIN }, { 3, 0 });
	uring_works(&u);
}

/* Two chains of the same ring, and a request that is in none: none takes what is of another. */
CKPT_CYCLE(more_than_one)
{
	int event = CHECK_SYS(eventfd(0, 0)), other = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 16, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 2);
	waits_for(&u, other, 3, false);
	ends_after(&u, IORING_OP_TIMEOUT, NEVER, 4)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 5);
	waits_for(&u, other, 6, false)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 7)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 8);
	uring_submit(&u, 8);
	ckpt_ready_wait();
	signals(event);
	TAKES(&u, { 1, POLLIN }, { 2, 0 });
	signals(other);
	TAKES(&u, { 3, POLLIN }, { 6, POLLIN }, { 7, 0 }, { 8, 0 });
	moves(&u, IORING_OP_TIMEOUT_REMOVE, -1, NULL, 0, 9)->addr = 4;
	uring_submit(&u, 1);
	TAKES(&u, { 9, 0 }, { 4, -ECANCELED }, { 5, -ECANCELED });
	uring_works(&u);
}

/* What comes after one that fails is cancelled, unless it is linked hard. */
CKPT_CYCLE(fails)
{
	uint64_t end;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	end = ckpt_now() + 1500000000;
	ends_after(&u, IORING_OP_TIMEOUT, 1500, 1)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 2);
	ends_after(&u, IORING_OP_TIMEOUT, 1500, 3)->flags = IOSQE_IO_HARDLINK;
	uring_prepare(&u, IORING_OP_NOP, 4)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 5);
	uring_submit(&u, 5);
	ckpt_ready_wait();
	TAKES(&u, { 1, -ETIME }, { 2, -ECANCELED }, { 3, -ETIME }, { 4, 0 }, { 5, 0 });
	CHECK(ckpt_now() >= end, "it has ended too early");
	uring_works(&u);
}

/* It waits no longer than its timeout says, and what comes after it is cancelled. */
CKPT_CYCLE(timeout)
{
	int event = CHECK_SYS(eventfd(0, 0));
	uint64_t end;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	end = ckpt_now() + 1500000000;
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	ends_after(&u, IORING_OP_LINK_TIMEOUT, 1500, 2)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 3);
	uring_submit(&u, 3);
	ckpt_ready_wait();
	TAKES(&u, { 1, -ECANCELED }, { 2, -ETIME }, { 3, -ECANCELED });
	CHECK(ckpt_now() >= end, "it has ended too early");
	uring_works(&u);
}

/* The same at a moment, of one that reads. */
CKPT_CYCLE(timeout_absolute)
{
	uint64_t end;
	struct uring u;
	int fds[2];
	char c;

	ckpt_pipe(fds, 0);
	CHECK_SYS(uring_make(&u, 8, 0));
	end = ckpt_now() + 1500000000;
	moves(&u, IORING_OP_READ, fds[0], &c, 1, 1)->flags = IOSQE_IO_LINK;
	ends_after(&u, IORING_OP_LINK_TIMEOUT, end / 1000000 + 1, 2)->timeout_flags =
		IORING_TIMEOUT_ABS;
	uring_submit(&u, 2);
	ckpt_ready_wait();
	TAKES(&u, { 1, -ECANCELED }, { 2, -ETIME });
	CHECK(ckpt_now() >= end, "it has ended too early");
	uring_works(&u);
}

/* It ends before its timeout does, and what comes after that goes on. */
CKPT_CYCLE(timeout_in_time)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	ends_after(&u, IORING_OP_LINK_TIMEOUT, NEVER, 2)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 3);
	uring_submit(&u, 3);
	ckpt_ready_wait();
	signals(event);
	TAKES(&u, { 1, POLLIN }, { 2, -ECANCELED }, { 3, 0 });
	uring_works(&u);
}

/* The timeout is found by its name, before and after, and gets another time. */
CKPT_CYCLE(timeout_updated)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;
	int i;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	ends_after(&u, IORING_OP_LINK_TIMEOUT, 2 * NEVER, 2)->timeout_flags = IORING_TIMEOUT_BOOTTIME;
	uring_submit(&u, 2);
	for (i = 0; i < 2; i++) {
		if (i)
			ckpt_ready_wait();
		sqe = ends_after(&u, IORING_OP_TIMEOUT_REMOVE, i ? 1 : NEVER, 3);
		sqe->addr2 = sqe->addr;
		sqe->addr = 2;
		sqe->len = 0;
		sqe->timeout_flags = IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE;
		uring_submit(&u, 1);
		if (!i)
			TAKES(&u, { 3, 0 });
	}
	TAKES(&u, { 3, 0 }, { 1, -ECANCELED }, { 2, -ETIME });
	uring_works(&u);
}

/* The timeout has ended, and the task has not asked yet. */
CKPT_CYCLE(timeout_not_told)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct pollfd work;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	ends_after(&u, IORING_OP_LINK_TIMEOUT, 1, 2);
	uring_submit(&u, 2);
	work = (struct pollfd) { .fd = u.fd, .events = POLLIN };
	CHECK_EQ(1, poll(&work, 1, -1));
	uring_is_empty(&u);
	ckpt_ready_wait();
	uring_is_empty(&u);
	TAKES(&u, { 1, -ECANCELED }, { 2, -ETIME });
	uring_works(&u);
}

/* Times that are still to begin: a timeout of the second one, and one that waits for a time. */
CKPT_CYCLE(times_to_come)
{
	int event = CHECK_SYS(eventfd(0, 0));
	uint64_t begin;
	struct uring u;
	int fds[2];
	char c;

	ckpt_pipe(fds, 0);
	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	ends_after(&u, IORING_OP_TIMEOUT, 300, 2);
	uring_sqe(&u, 1)->flags = IOSQE_IO_LINK;
	uring_sqe(&u, 1)->timeout_flags = IORING_TIMEOUT_ETIME_SUCCESS;
	moves(&u, IORING_OP_READ, fds[0], &c, 1, 3)->flags = IOSQE_IO_LINK;
	ends_after(&u, IORING_OP_LINK_TIMEOUT, 300, 4);
	uring_submit(&u, 4);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	begin = ckpt_now();
	signals(event);
	TAKES(&u, { 1, POLLIN }, { 2, -ETIME }, { 3, -ECANCELED }, { 4, -ETIME });
	CHECK(ckpt_now() - begin >= 600000000, "they have ended too early");
	uring_works(&u);
}

/* What is written is what is in memory by then, and comes from a registered file. */
CKPT_CYCLE(copies)
{
	struct iovec vecs[2];
	struct uring u;
	int in[2], out[2], fds[2];
	char memory[4] = "....", got[4];

	ckpt_pipe(in, 0);
	ckpt_pipe(out, 0);
	CHECK_SYS(uring_make(&u, 8, 0));
	fds[0] = -1;
	fds[1] = out[1];
	enroll(&u, IORING_REGISTER_FILES, fds, 2);
	vecs[0] = (struct iovec) { memory + 2, 2 };
	vecs[1] = (struct iovec) { memory, 2 };
	moves(&u, IORING_OP_READ, in[0], memory, 4, 1)->flags = IOSQE_IO_LINK;
	moves(&u, IORING_OP_WRITEV, 1, vecs, 2, 2)->flags = IOSQE_FIXED_FILE;
	uring_submit(&u, 2);
	/* They were read when it was submitted. */
	memset(vecs, 0, sizeof(vecs));
	ckpt_ready_wait();
	CHECK_EQ(4, write(in[1], "abcd", 4));
	TAKES(&u, { 1, 4 }, { 2, 4 });
	CHECK_EQ(4, read(out[0], got, 4));
	CHECK(!memcmp(got, "cdab", 4), "%.4s was written", got);
	uring_works(&u);
}

/* The descriptor is looked up when it is its turn. */
CKPT_CYCLE(descriptor)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;
	int fds[2];
	char c;

	ckpt_pipe(fds, 0);
	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	moves(&u, IORING_OP_WRITE, 100, "x", 1, 2);
	uring_submit(&u, 2);
	ckpt_ready_wait();
	CHECK_SYS(dup2(fds[1], 100));
	signals(event);
	TAKES(&u, { 1, POLLIN }, { 2, 1 });
	CHECK_EQ(1, read(fds[0], &c, 1));
	CHECK_EQ('x', c);
	uring_works(&u);
}

/* What is received is sent back. */
CKPT_CYCLE(echo)
{
	struct uring u;
	int fds[2];
	char memory[3], got[3];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(uring_make(&u, 8, 0));
	moves(&u, IORING_OP_RECV, fds[0], memory, 3, 1)->flags = IOSQE_IO_LINK;
	ends_after(&u, IORING_OP_LINK_TIMEOUT, NEVER, 2)->flags = IOSQE_IO_LINK;
	moves(&u, IORING_OP_SEND, fds[0], memory, 3, 3);
	uring_submit(&u, 3);
	ckpt_ready_wait();
	CHECK_EQ(3, write(fds[1], "abc", 3));
	TAKES(&u, { 1, 3 }, { 2, -ECANCELED }, { 3, 3 });
	CHECK_EQ(3, read(fds[1], got, 3));
	CHECK(!memcmp(got, "abc", 3), "%.3s was sent", got);
	uring_works(&u);
}

/* Completions are skipped where that was asked for, and a result is as it was to be. */
CKPT_CYCLE(silent)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	uring_prepare(&u, IORING_OP_NOP, 2)->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe = uring_prepare(&u, IORING_OP_NOP, 3);
	/* IORING_NOP_INJECT_RESULT, of which older headers do not know. */
	sqe->rw_flags = 1;
	sqe->len = 5;
	uring_submit(&u, 3);
	ckpt_ready_wait();
	signals(event);
	TAKES(&u, { 3, 5 });
	uring_works(&u);
}

/* So they are where the first one has failed, of which the task was not told yet. */
CKPT_CYCLE(silent_not_told)
{
	struct pollfd work;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
	ends_after(&u, IORING_OP_TIMEOUT, 1, 1)->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	uring_prepare(&u, IORING_OP_NOP, 2);
	uring_submit(&u, 2);
	work = (struct pollfd) { .fd = u.fd, .events = POLLIN };
	CHECK_EQ(1, poll(&work, 1, -1));
	ckpt_ready_wait();
	uring_is_empty(&u);
	TAKES(&u, { 1, -ETIME });
	uring_works(&u);
}

TEST_HARNESS_MAIN
