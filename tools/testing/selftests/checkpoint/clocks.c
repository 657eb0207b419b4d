// SPDX-License-Identifier: GPL-2.0
/* The clocks that stand still while a program does not exist. */
#include "common.h"

#include <time.h>
#include <sys/resource.h>
#include <sys/time.h>

CKPT_FIXTURE

/* Milliseconds that pass before each restart, and what of it must be missing. */
#define DOWN_MS		1500
#define DOWN_NS		(1400 * 1000000ull)

static const clockid_t clocks[] = {
	CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
};

#define CLOCKS	ARRAY_SIZE(clocks)

static uint64_t to_ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000ull + ts->tv_nsec;
}

static uint64_t vdso_clock(clockid_t id)
{
	struct timespec ts;

	CHECK_SYS(clock_gettime(id, &ts));
	return to_ns(&ts);
}

static uint64_t raw_clock(clockid_t id)
{
	struct timespec ts;

	CHECK_SYS(syscall(__NR_clock_gettime, id, &ts));
	return to_ns(&ts);
}

/* The call and the vDSO read the same clock. */
static void check_same(clockid_t id)
{
	uint64_t before = raw_clock(id);
	uint64_t between = vdso_clock(id);
	uint64_t after = raw_clock(id);

	CHECK(before <= between && between <= after,
	      "clock %d: call %llu, vDSO %llu, call %llu", id, (unsigned long long)before,
	      (unsigned long long)between, (unsigned long long)after);
}

static void check_clocks(const uint64_t *start, uint64_t real_start)
{
	uint64_t down = board->restarts * DOWN_NS;
	uint64_t now, real;
	unsigned int i;

	for (i = 0; i < CLOCKS; i++) {
		check_same(clocks[i]);
		/*
		 * A time namespace has one offset for this and CLOCK_MONOTONIC, and
		 * after another boot there can be another distance between them.
		 */
		if (clocks[i] == CLOCK_MONOTONIC_RAW && getenv("CKPT_BOOT"))
			continue;
		now = raw_clock(clocks[i]);
		CHECK(now >= start[i], "clock %d went back from %llu to %llu", clocks[i],
		      (unsigned long long)start[i], (unsigned long long)now);
		/* The real clock saw the down time, this one must not have. */
		if (!down)
			continue;
		real = vdso_clock(CLOCK_REALTIME) - real_start;
		CHECK(now - start[i] <= real - down,
		      "clock %d went on by %llu ns in %llu ns of which %llu ns were down",
		      clocks[i], (unsigned long long)(now - start[i]),
		      (unsigned long long)real, (unsigned long long)down);
	}
}

static void measure(uint64_t *start, uint64_t *real_start)
{
	unsigned int i;

	*real_start = vdso_clock(CLOCK_REALTIME);
	for (i = 0; i < CLOCKS; i++)
		start[i] = raw_clock(clocks[i]);
}

CKPT_CYCLE(continue_in_root, .down_ms = DOWN_MS)
{
	uint64_t start[CLOCKS], real_start;

	measure(start, &real_start);
	ckpt_ready_wait();
	check_clocks(start, real_start);
}

CKPT_CYCLE(continue_in_children, .down_ms = DOWN_MS)
{
	uint64_t start[CLOCKS], real_start;
	pid_t kid, late;

	measure(start, &real_start);
	kid = CHECK_SYS(fork());
	if (!kid) {
		measure(start, &real_start);
		ckpt_step(0);
		ckpt_wait_go();
		check_clocks(start, real_start);
		_exit(0);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	/* One that is only made now lives by the same clocks. */
	late = CHECK_SYS(fork());
	if (!late) {
		check_clocks(start, real_start);
		_exit(0);
	}
	ckpt_wait_exit(kid, 0);
	ckpt_wait_exit(late, 0);
}

/* A deadline on such a clock comes when the clock says so. */
CKPT_CYCLE(deadline_after_restart, .down_ms = DOWN_MS)
{
	uint64_t target;
	struct timespec ts;

	target = raw_clock(CLOCK_MONOTONIC) + 300 * 1000000ull;
	ckpt_ready_wait();
	ts.tv_sec = target / 1000000000;
	ts.tv_nsec = target % 1000000000;
	CHECK_EQ(0, clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	CHECK(raw_clock(CLOCK_MONOTONIC) >= target, "woke up early");
	CHECK(vdso_clock(CLOCK_MONOTONIC) >= target, "woke up early");
}

/* CPU time goes on from where it was. */
static uint64_t cpu_ns(const struct timeval *a, const struct timeval *b)
{
	return (a->tv_sec + b->tv_sec) * 1000000000ull + (a->tv_usec + b->tv_usec) * 1000ull;
}

CKPT_CYCLE(cpu_times)
{
	struct rusage self, kids, own, now;
	uint64_t mine, all;
	pid_t kid;

	kid = CHECK_SYS(fork());
	if (!kid) {
		while (raw_clock(CLOCK_PROCESS_CPUTIME_ID) < 100 * 1000000ull)
			;
		_exit(0);
	}
	ckpt_wait_exit(kid, 0);
	while (raw_clock(CLOCK_THREAD_CPUTIME_ID) < 200 * 1000000ull)
		;
	CHECK_SYS(getrusage(RUSAGE_CHILDREN, &kids));
	CHECK_SYS(getrusage(RUSAGE_SELF, &self));
	CHECK_SYS(getrusage(RUSAGE_THREAD, &own));
	mine = raw_clock(CLOCK_THREAD_CPUTIME_ID);
	all = raw_clock(CLOCK_PROCESS_CPUTIME_ID);
	CHECK(cpu_ns(&kids.ru_utime, &kids.ru_stime) >= 90 * 1000000ull, "times are not counted");
	ckpt_ready_wait();
	CHECK(raw_clock(CLOCK_THREAD_CPUTIME_ID) >= mine, "CPU clock went back");
	CHECK(raw_clock(CLOCK_PROCESS_CPUTIME_ID) >= all, "CPU clock went back");
	CHECK_SYS(getrusage(RUSAGE_THREAD, &now));
	CHECK(!timercmp(&now.ru_utime, &own.ru_utime, <), "user time of the thread went back");
	CHECK(!timercmp(&now.ru_stime, &own.ru_stime, <), "system time of the thread went back");
	CHECK_SYS(getrusage(RUSAGE_SELF, &now));
	CHECK(!timercmp(&now.ru_utime, &self.ru_utime, <), "user time went back");
	CHECK(!timercmp(&now.ru_stime, &self.ru_stime, <), "system time went back");
	CHECK(cpu_ns(&now.ru_utime, &now.ru_stime) >= cpu_ns(&self.ru_utime, &self.ru_stime),
	      "CPU time went back");
	CHECK_SYS(getrusage(RUSAGE_CHILDREN, &now));
	CHECK_EQ(cpu_ns(&kids.ru_utime, &kids.ru_stime), cpu_ns(&now.ru_utime, &now.ru_stime));
}

TEST_HARNESS_MAIN
