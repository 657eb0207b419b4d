// SPDX-License-Identifier: GPL-2.0
/* System calls of 32-bit programs in progress. */
#include "ia32.h"

#include <poll.h>
#include <sys/auxv.h>

#define GUARD		0x4711
#define HOUR		3600

static struct thread helper;
static pid_t main_tid;
static int fds[2];
static uint32_t word = 1;

static void start(void (*fn)(void *arg))
{
	main_tid = CALL(__NR_gettid);
	thread_start(&helper, fn, NULL, 1);
	ready();
}

/* ---- sleeps ---------------------------------------------------------- */

static struct {
	uint32_t before;
	struct time64 left __attribute__((packed, aligned(4)));
	uint32_t after;
} rest = { GUARD, { -1, -1 }, GUARD };

static struct {
	uint32_t before;
	struct time32 left;
	uint32_t after;
} older_rest = { GUARD, { -1, -1 }, GUARD };

static void nothing(int sig)
{
}

static void interrupt_on_go(void *arg)
{
	wait_go();
	/* What a freeze had the kernel write there does not count. */
	rest.left = (struct time64) { -1, -1 };
	older_rest.left = (struct time32) { -1, -1 };
	CHECK_CALL(__NR_tgkill, CALL(__NR_getpid), main_tid, SIGUSR1);
}

static void start_interrupter(void)
{
	set_action(SIGUSR1, nothing, 0);
	start(interrupt_on_go);
}

void sleep_with_remainder(void)
{
	struct time64 hour = { HOUR, 0 };

	start_interrupter();
	CHECK_EQ(-EINTR, CALL(NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &hour, &rest.left));
	CHECK(rest.left.sec > HOUR / 2 && rest.left.sec <= HOUR);
	CHECK(rest.left.nsec >= 0 && rest.left.nsec < 1000000000);
	CHECK_EQ(GUARD, rest.before);
	CHECK_EQ(GUARD, rest.after);
	thread_join(&helper);
}

/* What it writes is half as long. */
void sleep_of_older_call(void)
{
	struct time32 hour = { HOUR, 0 };

	start_interrupter();
	CHECK_EQ(-EINTR, CALL(__NR_nanosleep, &hour, &older_rest.left));
	CHECK(older_rest.left.sec > HOUR / 2 && older_rest.left.sec <= HOUR);
	CHECK(older_rest.left.nsec >= 0 && older_rest.left.nsec < 1000000000);
	CHECK_EQ(GUARD, older_rest.before);
	CHECK_EQ(GUARD, older_rest.after);
	thread_join(&helper);
}

/* ---- poll, futex ----------------------------------------------------- */

static void write_on_go(void *arg)
{
	wait_go();
	CHECK_CALL(__NR_write, fds[1], "p", 1);
}

void poll_in_progress(void)
{
	struct pollfd polled = { .events = POLLIN };

	CHECK_CALL(__NR_pipe, fds);
	polled.fd = fds[0];
	start(write_on_go);
	CHECK_EQ(1, CALL(__NR_poll, &polled, 1, HOUR * 1000));
	CHECK_EQ(POLLIN, polled.revents);
	thread_join(&helper);
}

static void wake_on_go(void *arg)
{
	wait_go();
	while (!CALL(NR_futex, &word, FUTEX_WAKE, 1))
		CALL(__NR_sched_yield);
}

void futex_in_progress(void)
{
	struct time64 hour = { HOUR, 0 };

	start(wake_on_go);
	CHECK_EQ(0, CALL(NR_futex, &word, FUTEX_WAIT, 1, &hour));
	CHECK_EQ(HOUR, hour.sec);
	thread_join(&helper);
}

/* As call(), by the vDSO: what SYSENTER or SYSCALL is to the CPU. */
long vsyscall(long nr, long a, long b, long c, long d, long e, long f);
static void *entry __attribute__((used));	/* Only assembly reads it. */
asm(
"	.text\n"
	CALL_BY("vsyscall", "call *entry")
);

void vsyscall_in_progress(void)
{
	entry = (void *)getauxval(AT_SYSINFO);
	CHECK(entry);
	CHECK_EQ(CALL(__NR_getpid), vsyscall(__NR_getpid, 0, 0, 0, 0, 0, 0));
	start(wake_on_go);
	CHECK_EQ(0, vsyscall(NR_futex, (long)&word, FUTEX_WAIT, 1, 0, 0x5555, 0x6666));
	CHECK_EQ(CALL(__NR_getpid), vsyscall(__NR_getpid, 0, 0, 0, 0, 0, 0));
	thread_join(&helper);
}
