/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tasks of everything.h wait for without being in a call: requests of io_urings of each kind
 * that may be in flight, and timers of all clocks. Each in a process of its own.
 */
#ifndef CKPT_TEST_EVERYTHING_RINGS_H
#define CKPT_TEST_EVERYTHING_RINGS_H

#include "everything_steps.h"
#include "uring_waits.h"

#include <signal.h>
#include <time.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/time.h>

/* ---- requests ------------------------------------------------------------ */

/* Not in older headers. */
#define E_WAITID	50
#define E_FUTEX_WAIT	51
#define E_PRIVATE	0x82	/* FUTEX2_SIZE_U32 | FUTEX2_PRIVATE */

static pid_t e_asker;

/* Reads @n completions, in whatever order: their results by their numbers. */
static void e_completions(struct uring *u, unsigned int n, int32_t *res)
{
	struct io_uring_cqe *cqe;
	uint32_t head;

	while (n--) {
		await_one(u);
		head = *uring_word(u, u->params.cq_off.head);
		cqe = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes) +
		      (head & (u->params.cq_entries - 1));
		CHECK(cqe->user_data < 16, "a completion of %llu",
		      (unsigned long long)cqe->user_data);
		res[cqe->user_data] = cqe->res;
		uring_take(u, cqe->user_data, cqe->res);
	}
}

/* One that waits for a private futex; false: the kernel has no such requests. */
static bool e_awaits_futex(struct uring *u, uint32_t *word)
{
	struct io_uring_sqe *sqe = uring_prepare(u, E_FUTEX_WAIT, 5);
	int32_t res[16];

	sqe->fd = E_PRIVATE;
	sqe->addr = (uintptr_t)word;
	/* addr3 */
	((uint64_t *)sqe)[6] = FUTEX_BITSET_MATCH_ANY;
	uring_submit(u, 1);
	if (*uring_word(u, u->params.cq_off.head) == *uring_word(u, u->params.cq_off.tail))
		return true;
	e_completions(u, 1, res);
	CHECK_EQ(-EINVAL, res[5]);
	return false;
}

/* A ring whose thread submits by itself; -1: there is none. */
static void e_submits(struct uring *u, uint64_t data)
{
	if (u->fd < 0)
		return;
	uring_prepare(u, IORING_OP_NOP, data);
	CHECK_SYS(syscall(__NR_io_uring_enter, u->fd, 0, 1,
			  IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0));
	uring_take(u, data, 0);
}

/* A ring of its own with a request that waits for a file, and one that waits for the end of that. */
static int e_drains(struct uring *u)
{
	int event = CHECK_SYS(eventfd(0, EFD_CLOEXEC));

	CHECK_SYS(uring_make(u, 4, 0));
	waits_for(u, event, 9, false);
	uring_prepare(u, IORING_OP_NOP, 10)->flags = IOSQE_IO_DRAIN;
	uring_submit(u, 2);
	look(u);
	uring_is_empty(u);
	return event;
}

static int e_exits_on_go(void *arg)
{
	ckpt_wait_go();
	return 11;
}

/* One with a request that waits for a child; false: the kernel has no such requests. */
static bool e_awaits_child(struct uring *u, siginfo_t *info)
{
	struct io_uring_sqe *sqe;

	if (!uring_has(E_WAITID))
		return false;
	CHECK_SYS(uring_make(u, 4, 0));
	sqe = uring_prepare(u, E_WAITID, 11);
	sqe->len = P_PID;
	sqe->fd = ckpt_fork(e_exits_on_go, NULL);
	sqe->file_index = WEXITED;
	sqe->addr2 = (uintptr_t)info;
	uring_submit(u, 1);
	return true;
}

/* A chain behind a file that is not ready, a read, a time, a futex, one that is drained, a child. */
static int e_asks(void *arg)
{
	static struct __kernel_timespec far = { .tv_sec = 1000000 };
	struct io_uring_rsrc_update place = { .offset = 3 };
	int event = CHECK_SYS(eventfd(0, EFD_CLOEXEC)), p[2];
	unsigned int limits[2] = { 2, 3 };
	struct io_uring_sqe *sqe;
	static uint32_t word;
	int32_t res[16] = { 0 };
	struct uring u, thread, drained, parent;
	static siginfo_t info;
	char buf[8] = "";
	bool futex, child;
	int other;

	if (uring_make(&u, 16, 0) < 0) {
		ckpt_step(E_READY);
		ckpt_wait_go();
		return 74;
	}
	CHECK_SYS(ckpt_pipe(p, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 2);
	sqe = uring_prepare(&u, IORING_OP_READ, 3);
	sqe->fd = p[0];
	sqe->addr = (uintptr_t)buf;
	sqe->len = 4;
	sqe->off = -1ULL;
	sqe = uring_prepare(&u, IORING_OP_TIMEOUT, 4);
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&far;
	sqe->len = 1;
	uring_submit(&u, 4);
	futex = e_awaits_futex(&u, &word);
	enroll(&u, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
	place.data = u.fd;
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_RING_FDS, &place, 1));
	uring_is_empty(&u);
	uring_make(&thread, 2, IORING_SETUP_SQPOLL);
	e_submits(&thread, 7);
	other = e_drains(&drained);
	child = e_awaits_child(&parent, &info);
	ckpt_step(E_READY);
	ckpt_wait_go();
	e_submits(&thread, 8);
	look(&drained);
	uring_is_empty(&drained);
	signals(other);
	take(&drained, 9, POLLIN, false);
	take(&drained, 10, 0, false);
	if (child) {
		take(&parent, 11, 0, false);
		CHECK_EQ(11, info.si_status);
	}
	look(&u);
	uring_is_empty(&u);
	signals(event);
	e_completions(&u, 2, res);
	CHECK_EQ(POLLIN, res[1]);
	CHECK_EQ(0, res[2]);
	CHECK_EQ(4, write(p[1], "text", 4));
	e_completions(&u, 1, res);
	CHECK_EQ(4, res[3]);
	CHECK_STREQ("text", buf);
	if (futex) {
		CHECK_EQ(1, syscall(__NR_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
		e_completions(&u, 1, res);
		CHECK_EQ(0, res[5]);
	}
	sqe = uring_prepare(&u, IORING_OP_TIMEOUT_REMOVE, 6);
	sqe->fd = -1;
	sqe->addr = 4;
	CHECK_EQ(1, syscall(__NR_io_uring_enter, 3, 1, 0, IORING_ENTER_REGISTERED_RING, NULL, 0));
	e_completions(&u, 2, res);
	CHECK_EQ(-ECANCELED, res[4]);
	CHECK_EQ(0, res[6]);
	limits[0] = 0;
	limits[1] = 0;
	enroll(&u, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
	CHECK_EQ(2, limits[0]);
	CHECK_EQ(3, limits[1]);
	return 74;
}

static void e_set_up_requests(void)
{
	e_asker = ckpt_fork(e_asks, NULL);
}

static void e_check_requests(void)
{
	ckpt_wait_exit(e_asker, 74);
}

/* ---- timers ---------------------------------------------------------------- */

static const clockid_t e_clocks[] = {
	CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID,
	CLOCK_THREAD_CPUTIME_ID, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM,
};

#define E_CLOCKS	(sizeof(e_clocks) / sizeof(e_clocks[0]))

static pid_t e_timed;

static void e_armed(int which, bool set)
{
	struct itimerval timer = { .it_value.tv_sec = 1000000, .it_interval.tv_sec = 20 + which };

	if (set)
		CHECK_SYS(setitimer(which, &timer, NULL));
	memset(&timer, 0, sizeof(timer));
	CHECK_SYS(getitimer(which, &timer));
	CHECK(timer.it_value.tv_sec, "interval timer %d is not armed", which);
	CHECK_EQ(20 + which, timer.it_interval.tv_sec);
}

/* One on each clock that the machine has; the signal of another one waits. */
static int e_has_timers(void *arg)
{
	struct itimerspec far = { .it_value.tv_sec = 1000000 }, now;
	struct itimerspec soon = { .it_value.tv_nsec = 1 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 6 };
	timer_t timer[E_CLOCKS], expired;
	bool has[E_CLOCKS];
	siginfo_t info;
	unsigned int i;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 6);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	for (i = 0; i < E_CLOCKS; i++) {
		event.sigev_value.sival_int = i;
		has[i] = !timer_create(e_clocks[i], &event, &timer[i]);
		far.it_interval.tv_sec = 10 + i;
		if (has[i])
			CHECK_SYS(timer_settime(timer[i], 0, &far, NULL));
		else
			CHECK(i > 5, "timer of clock %d: %s", e_clocks[i], strerror(errno));
	}
	event.sigev_value.sival_int = 4711;
	CHECK_SYS(timer_create(CLOCK_MONOTONIC, &event, &expired));
	CHECK_SYS(timer_settime(expired, 0, &soon, NULL));
	do
		CHECK_SYS(sigpending(&set));
	while (!sigismember(&set, SIGRTMIN + 6));
	e_armed(ITIMER_REAL, true);
	e_armed(ITIMER_VIRTUAL, true);
	ckpt_step(E_READY);
	ckpt_wait_go();
	for (i = 0; i < E_CLOCKS; i++) {
		if (!has[i])
			continue;
		CHECK_SYS(timer_gettime(timer[i], &now));
		CHECK(now.it_value.tv_sec, "the timer of clock %d is not armed", e_clocks[i]);
		CHECK_EQ(10 + i, now.it_interval.tv_sec);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 6);
	CHECK_EQ(SIGRTMIN + 6, sigwaitinfo(&set, &info));
	CHECK_EQ(4711, info.si_value.sival_int);
	e_armed(ITIMER_REAL, false);
	e_armed(ITIMER_VIRTUAL, false);
	return 75;
}

static void e_set_up_timers(void)
{
	e_timed = ckpt_fork(e_has_timers, NULL);
}

static void e_check_timers(void)
{
	ckpt_wait_exit(e_timed, 75);
}

#endif
