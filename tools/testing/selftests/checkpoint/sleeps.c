// SPDX-License-Identifier: GPL-2.0
/* Sleeps on clocks of CPU time, and on those that wake the machine. */
#include "common.h"

#include <pthread.h>
#include <time.h>

CKPT_FIXTURE

#define MS	1000000ull
#define SEC	1000000000ull
#define DOWN_MS	300

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	CHECK_SYS(clock_gettime(id, &ts));
	return ts.tv_sec * SEC + ts.tv_nsec;
}

/* The call itself, as the C library knows better for some clocks. */
static int sleep_on(clockid_t clock, int flags, uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / SEC, .tv_nsec = ns % SEC };

	return syscall(__NR_clock_nanosleep, clock, flags, &ts, NULL) ? errno : 0;
}

static void burn(uint64_t ns)
{
	uint64_t until = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < until)
		;
}

/* Uses CPU time when the word to go on was said, until somebody says so. */
static void *burner(void *arg)
{
	ckpt_wait_go();
	while (!__atomic_load_n(&board->step[1], __ATOMIC_ACQUIRE))
		;
	return NULL;
}

/* The sleeper comes to its end when the process has used so much, and not before. */
static void sleeps_while_busy(int flags)
{
	pthread_t busy;
	uint64_t end;

	burn(50 * MS);
	CHECK_EQ(0, pthread_create(&busy, NULL, burner, NULL));
	end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + 200 * MS;
	ckpt_ready();
	CHECK_EQ(0, sleep_on(CLOCK_PROCESS_CPUTIME_ID, flags,
			     flags ? end : 200 * MS));
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= end, "woke up early");
	ckpt_wait_go();
	ckpt_step(1);
	CHECK_EQ(0, pthread_join(busy, NULL));
}

CKPT_CYCLE(process_clock, .blocked = { BLOCKED(__NR_clock_nanosleep), BLOCKED(__NR_futex) })
{
	sleeps_while_busy(0);
}

CKPT_CYCLE(process_clock_absolute,
	   .blocked = { BLOCKED(__NR_clock_nanosleep), BLOCKED(__NR_futex) })
{
	sleeps_while_busy(TIMER_ABSTIME);
}

static int burns(void *arg)
{
	burn(30 * MS);
	ckpt_step(0);
	burner(NULL);
	return 0;
}

CKPT_CYCLE(clock_of_other, .blocked = { BLOCKED(__NR_clock_nanosleep), BLOCKED(__NR_futex) })
{
	pid_t kid = ckpt_fork(burns, NULL);
	clockid_t clock;
	uint64_t end;

	ckpt_step_wait(0, 1);
	CHECK_EQ(0, clock_getcpuclockid(kid, &clock));
	end = clock_ns(clock) + 100 * MS;
	ckpt_ready();
	CHECK_EQ(0, sleep_on(clock, 0, 100 * MS));
	CHECK(clock_ns(clock) >= end, "woke up early");
	ckpt_wait_go();
	ckpt_step(1);
	ckpt_wait_exit(kid, 0);
}

/* Alarm clocks, which a machine without an RTC has none of. */
static void sleeps_until(clockid_t clock, int flags)
{
	uint64_t end;
	int err;

	err = sleep_on(clock, 0, 1);
	if (err) {
		CHECK_EQ(EOPNOTSUPP, err);
		ckpt_not_here();
	}
	end = clock_ns(clock) + 1500 * MS;
	ckpt_ready();
	CHECK_EQ(0, sleep_on(clock, flags, flags ? end : 1500 * MS));
	CHECK(clock_ns(clock) >= end, "woke up early");
	ckpt_wait_go();
}

CKPT_CYCLE(boottime_alarm, .down_ms = DOWN_MS)
{
	sleeps_until(CLOCK_BOOTTIME_ALARM, 0);
}

CKPT_CYCLE(realtime_alarm, .down_ms = DOWN_MS)
{
	sleeps_until(CLOCK_REALTIME_ALARM, 0);
}

CKPT_CYCLE(boottime_alarm_absolute, .down_ms = DOWN_MS)
{
	sleeps_until(CLOCK_BOOTTIME_ALARM, TIMER_ABSTIME);
}

TEST_HARNESS_MAIN
