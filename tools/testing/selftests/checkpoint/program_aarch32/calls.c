// SPDX-License-Identifier: GPL-2.0
/* System calls of 32-bit programs in progress, of ARM and of Thumb code. */
#include "aarch32.h"

#define GUARD		0x4711
#define HOUR		3600
#define POLLIN		1

static struct thread helper;
static long main_tid;
static int fds[2];
static uint32_t word = 1, thumb_word = 1;

static void start(void (*fn)(void *arg))
{
	main_tid = CALL(NR_gettid);
	thread_start(&helper, fn, NULL, 1);
	ready();
}

/* ---- sleeps ------------------------------------------------------------ */

static struct {
	uint32_t before;
	struct time64 left __attribute__((packed, aligned(4)));
	uint32_t after;
} rest = { GUARD, { -1, -1 }, GUARD };

static void nothing(int sig)
{
}

static void interrupt_on_go(void *arg)
{
	wait_go();
	/* What a freeze had the kernel write there does not count. */
	rest.left = (struct time64) { -1, -1 };
	CHECK_CALL(NR_tgkill, CALL(NR_getpid), main_tid, SIGUSR1);
}

static void check_rest(void)
{
	CHECK(rest.left.sec > HOUR / 2 && rest.left.sec <= HOUR);
	CHECK(rest.left.nsec >= 0 && rest.left.nsec < 1000000000);
	CHECK_EQ(GUARD, rest.before);
	CHECK_EQ(GUARD, rest.after);
	thread_join(&helper);
}

void sleep_with_remainder(void)
{
	struct time64 hour = { HOUR, 0 };

	set_action(SIGUSR1, nothing, 0);
	start(interrupt_on_go);
	CHECK_EQ(-EINTR, CALL(NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &hour, &rest.left));
	check_rest();
}

/* The call is two bytes long: who returns from it with EINTR goes on right behind. */
void sleep_in_thumb(void)
{
	struct time64 hour = { HOUR, 0 };

	set_action(SIGUSR1, nothing, 0);
	start(interrupt_on_go);
	CHECK_EQ(-EINTR, CALL_THUMB(NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &hour, &rest.left));
	check_rest();
}

/* ---- poll, futex ------------------------------------------------------- */

static void write_on_go(void *arg)
{
	wait_go();
	CHECK_CALL(NR_write, fds[1], "p", 1);
}

void poll_in_progress(void)
{
	struct {
		int fd;
		short events, revents;
	} polled = { .events = POLLIN };

	CHECK_CALL(NR_pipe2, fds, 0);
	polled.fd = fds[0];
	start(write_on_go);
	CHECK_EQ(1, CALL_THUMB(NR_poll, &polled, 1, HOUR * 1000));
	CHECK_EQ(POLLIN, polled.revents);
	thread_join(&helper);
}

static void wake_up(uint32_t *at)
{
	while (!CALL(NR_futex, at, FUTEX_WAKE, 1))
		CALL(NR_sched_yield);
}

/* Without a limit: the instruction makes the call again. */
static void wait_in_thumb(void *arg)
{
	CHECK_EQ(0, CALL_THUMB(NR_futex, &thumb_word, FUTEX_WAIT, 1, 0));
}

static void wake_on_go(void *arg)
{
	wait_go();
	wake_up(&word);
	wake_up(&thumb_word);
}

/* With a limit, and without one. */
void futex_in_progress(void)
{
	static struct thread waiter;
	struct time64 hour = { HOUR, 0 };

	thread_start(&waiter, wait_in_thumb, NULL, 2);
	start(wake_on_go);
	CHECK_EQ(0, CALL(NR_futex, &word, FUTEX_WAIT, 1, &hour));
	CHECK_EQ(HOUR, hour.sec);
	thread_join(&waiter);
	thread_join(&helper);
}

/* ---- calls that a freeze ends with EINTR ---------------------------------- */

static long catcher_tid;

/* SIGUSR2, which all threads block. */
static const uint32_t caught[2] = { 1 << (SIGUSR2 - 1), 0 };

static void catch(void *arg)
{
	catcher_tid = CALL(NR_gettid);
	step(0);
	CHECK_EQ(SIGUSR2, CALL(NR_rt_sigtimedwait, caught, 0, 0, 8));
}

static void write_and_signal(void *arg)
{
	wait_go();
	CHECK_CALL(NR_write, fds[1], "e", 1);
	CHECK_CALL(NR_tgkill, CALL(NR_getpid), catcher_tid, SIGUSR2);
}

/* They are made again, if only a freeze has interrupted them. */
void waits_of_a_freeze(void)
{
	static struct thread catcher;
	struct {
		uint32_t events;
		uint64_t data;
	} event = { .events = POLLIN, .data = 0x123456789ull }, seen = { 0 };
	long epoll = CHECK_CALL(NR_epoll_create1, 0);

	CHECK_CALL(NR_rt_sigprocmask, 0 /* SIG_BLOCK */, caught, 0, 8);
	CHECK_CALL(NR_pipe2, fds, 0);
	CHECK_CALL(NR_epoll_ctl, epoll, 1 /* EPOLL_CTL_ADD */, fds[0], &event);
	thread_start(&catcher, catch, NULL, 2);
	step_wait(0, 1);
	start(write_and_signal);
	CHECK_EQ(1, CALL_THUMB(NR_epoll_wait, epoll, &seen, 1, -1));
	CHECK_EQ(POLLIN, seen.events);
	CHECK(seen.data == event.data);
	thread_join(&catcher);
	thread_join(&helper);
}
