// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings with requests that wait for a time, or for completions until then; also if it is over, and
 * the task was not told yet, as it has not asked or is stopped.
 */
#include "common.h"
#include "uring_waits.h"

#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#ifndef IORING_TIMEOUT_MULTISHOT
#define IORING_TIMEOUT_MULTISHOT	(1u << 6)
#endif

/* Longer than any test. */
#define NEVER	100000

CKPT_FIXTURE_IF(URING_BEGIN)

static struct __kernel_timespec after;

/* Waits for so many milliseconds, or @n completions. */
static struct io_uring_sqe *waits_ms(struct uring *u, long ms, uint32_t n, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_TIMEOUT, data);

	after.tv_sec = ms / 1000;
	after.tv_nsec = ms % 1000 * 1000000;
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&after;
	sqe->len = 1;
	sqe->off = n;
	return sqe;
}

/* Submits a request that is completed at once. */
static void does(struct uring *u, uint64_t data)
{
	uring_submit(u, 1);
	look(u);
	uring_take(u, data, 0);
}

/* Completes something, which timeouts may wait for; nothing else was. */
static void completes_one(struct uring *u)
{
	uring_is_empty(u);
	uring_prepare(u, IORING_OP_NOP, 10);
	does(u, 10);
}

/* Submits a timeout for a time that no test takes, by that clock. */
static void waits_by(struct uring *u, uint32_t clock, uint64_t data)
{
	waits_ms(u, NEVER * 1000L, 0, data)->timeout_flags = clock;
	uring_submit(u, 1);
}

/* Takes a timeout away. */
static void ends(struct uring *u, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_TIMEOUT_REMOVE, 900);

	sqe->fd = -1;
	sqe->addr = data;
	does(u, 900);
	take(u, data, -ECANCELED, false);
}

/* Lets a timeout end in so many milliseconds. */
static void renews(struct uring *u, uint64_t data, long ms)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_TIMEOUT_REMOVE, 901);

	after.tv_sec = ms / 1000;
	after.tv_nsec = ms % 1000 * 1000000;
	sqe->fd = -1;
	sqe->addr = data;
	sqe->addr2 = (uintptr_t)&after;
	sqe->timeout_flags = IORING_TIMEOUT_UPDATE;
	does(u, 901);
}

/* It ends when it was to end, and not before. */
CKPT_CYCLE(relative)
{
	uint64_t end;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	end = ckpt_now() + 1500000000;
	waits_ms(&u, 1500, 0, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, -ETIME, false);
	CHECK(ckpt_now() >= end, "it has ended too early");
	uring_works(&u);
}

/* The same at a moment. */
CKPT_CYCLE(absolute)
{
	uint64_t end;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	end = ckpt_now() + 1500000000;
	waits_ms(&u, end / 1000000 + 1, 0, 1)->timeout_flags = IORING_TIMEOUT_ABS;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, -ETIME, false);
	CHECK(ckpt_now() >= end, "it has ended too early");
	uring_works(&u);
}

/* Its ring asks for a flag that means nothing to a timeout. */
CKPT_CYCLE(restricted)
{
	struct io_uring_restriction only[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_TIMEOUT },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE },
	};
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_R_DISABLED));
	enroll(&u, IORING_REGISTER_RESTRICTIONS, only, 2);
	enroll(&u, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	waits_ms(&u, 1500, 0, 1)->flags = IOSQE_FIXED_FILE;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, -ETIME, false);
}

/* On all clocks, with and without an error; they are taken away or changed. */
CKPT_CYCLE(clocks)
{
	struct timespec now;
	struct uring u;

	CHECK_SYS(uring_make(&u, 16, 0));
	CHECK_SYS(clock_gettime(CLOCK_REALTIME, &now));
	waits_by(&u, 0, 1);
	waits_by(&u, IORING_TIMEOUT_BOOTTIME, 2);
	waits_by(&u, IORING_TIMEOUT_REALTIME, 3);
	waits_ms(&u, (now.tv_sec + NEVER) * 1000L, 0, 4)->timeout_flags =
		IORING_TIMEOUT_REALTIME | IORING_TIMEOUT_ABS;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	ends(&u, 1);
	renews(&u, 2, 1);
	take(&u, 2, -ETIME, false);
	renews(&u, 3, 1);
	take(&u, 3, -ETIME, false);
	ends(&u, 4);
	uring_works(&u);
}

/* Some wait for completions, of which some have come and some have not. */
CKPT_CYCLE(completions)
{
	struct uring u;
	int i;

	CHECK_SYS(uring_make(&u, 16, 0));
	/* One that has ended counts for no other. */
	waits_ms(&u, 1, 0, 1);
	uring_submit(&u, 1);
	take(&u, 1, -ETIME, false);
	waits_ms(&u, NEVER * 1000L, 5, 2);
	waits_ms(&u, NEVER * 1000L, 0, 3);
	waits_ms(&u, NEVER * 1000L, 3, 4);
	uring_submit(&u, 3);
	for (i = 0; i < 2; i++)
		completes_one(&u);
	uring_is_empty(&u);
	ckpt_ready_wait();
	look(&u);
	completes_one(&u);
	take(&u, 4, 0, false);
	for (i = 0; i < 2; i++)
		completes_one(&u);
	take(&u, 2, 0, false);
	ends(&u, 3);
	uring_works(&u);
}

/* It ends so many times. */
CKPT_CYCLE(repeats)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_ms(&u, NEVER * 1000L, 3, 1)->timeout_flags = IORING_TIMEOUT_MULTISHOT;
	uring_submit(&u, 1);
	uring_is_empty(&u);
	renews(&u, 1, 200);
	take(&u, 1, -ETIME, true);
	ckpt_ready_wait();
	take(&u, 1, -ETIME, true);
	take(&u, 1, -ETIME, false);
	uring_works(&u);
}

/* The task has not asked yet what has come of its requests. */
CKPT_CYCLE(not_told)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct pollfd work;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
	waits_ms(&u, 1, 0, 1);
	uring_submit(&u, 1);
	take(&u, 1, -ETIME, false);
	/* One that counts completions goes by how many have expired. */
	waits_ms(&u, NEVER * 1000L, 4, 2);
	waits_ms(&u, NEVER * 1000L, 0, 3);
	waits_for(&u, event, 4, true);
	uring_submit(&u, 3);
	renews(&u, 3, 100);
	work = (struct pollfd) { .fd = u.fd, .events = POLLIN };
	CHECK_EQ(1, poll(&work, 1, -1));
	signals(event);
	uring_is_empty(&u);
	ckpt_ready_wait();
	uring_is_empty(&u);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	takes_both(&u, 3, -ETIME, 4, POLLIN);
	completes_one(&u);
	completes_one(&u);
	take(&u, 2, 0, false);
	takes_away(&u, 4);
	uring_works(&u);
}

static struct uring common;

/* Is stopped when its timeout, for which another request waits, has ended. */
static int is_stopped(void *arg)
{
	waits_ms(&common, 1000, 0, 1)->flags = IOSQE_IO_LINK;
	uring_prepare(&common, IORING_OP_NOP, 2);
	uring_submit(&common, 2);
	CHECK_SYS(raise(SIGSTOP));
	take(&common, 1, -ETIME, false);
	take(&common, 2, -ECANCELED, false);
	return 0;
}

/* The task is told of it when it goes on. */
CKPT_CYCLE(stopped)
{
	int status;
	pid_t kid;

	CHECK_SYS(uring_make(&common, 4, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG));
	kid = ckpt_fork(is_stopped, NULL);
	CHECK_EQ(kid, waitpid(kid, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status), "status %#x", status);
	/* If all is slow it has ended before. */
	while (!(__atomic_load_n(uring_word(&common, common.params.sq_off.flags),
				 __ATOMIC_SEQ_CST) & IORING_SQ_TASKRUN) &&
	       !__atomic_load_n(uring_word(&common, common.params.cq_off.tail), __ATOMIC_SEQ_CST))
		sched_yield();
	ckpt_ready_wait();
	CHECK_SYS(kill(kid, SIGCONT));
	ckpt_wait_exit(kid, 0);
	uring_works(&common);
}

/* Who waits for completions goes by another clock. */
CKPT_CYCLE(clock_of_waits)
{
	/* IORING_REGISTER_CLOCK, of which older headers do not know. */
	struct { uint32_t clock, reserved[3]; } clock = { .clock = CLOCK_BOOTTIME };
	struct io_uring_getevents_arg arg = { 0 };
	struct __kernel_timespec end;
	struct timespec now;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	enroll(&u, 29, &clock, 0);
	ckpt_ready_wait();
	CHECK_SYS(clock_gettime(CLOCK_BOOTTIME, &now));
	end.tv_sec = now.tv_sec + 1;
	end.tv_nsec = now.tv_nsec;
	arg.ts = (uintptr_t)&end;
	/* IORING_ENTER_ABS_TIMER. */
	CHECK(syscall(__NR_io_uring_enter, u.fd, 0, 1,
		      IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | 1u << 5, &arg,
		      sizeof(arg)) == -1 && errno == ETIME, "io_uring_enter: %s", strerror(errno));
	CHECK_SYS(clock_gettime(CLOCK_BOOTTIME, &now));
	CHECK(now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec),
	      "it has ended too early");
	uring_works(&u);
}

TEST_HARNESS_MAIN
