// SPDX-License-Identifier: GPL-2.0
/* POSIX timers that count CPU time. */
#include "posix_timers.h"

CKPT_FIXTURE

/* Time that is left on a clock that goes on from where it was. */
static void goes_on(int id, clockid_t clock, uint64_t from, uint64_t to)
{
	check_expiry(id, clock, 2 * SEC, from, to);
	set(id, 0, 10 * MS, 0);
	wait_pending(SIGRTMIN);
	take_of(SIGRTMIN, id, NULL);
}

static void *counts_own(void *arg)
{
	uint64_t from, to;
	int id = create_for(CLOCK_THREAD_CPUTIME_ID, SIGRTMIN, NULL);

	burn(CLOCK_THREAD_CPUTIME_ID, 20 * MS);
	set(id, 0, 90000 * SEC, 2 * SEC);
	expiry(id, CLOCK_THREAD_CPUTIME_ID, 2 * SEC, &from, &to);
	ckpt_step(0);
	ckpt_wait_go();
	goes_on(id, CLOCK_THREAD_CPUTIME_ID, from, to);
	ckpt_step(1);
	return NULL;
}

static void *waits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return NULL;
}

CKPT_CYCLE(cpu_time_of_thread)
{
	pthread_t first, last;

	block(SIGRTMIN);
	CHECK_EQ(0, pthread_create(&first, NULL, counts_own, NULL));
	ckpt_step_wait(0, 1);
	/* Who makes the timers anew is another one. */
	CHECK_EQ(0, pthread_create(&last, NULL, waits, NULL));
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK_EQ(0, pthread_join(first, NULL));
	CHECK_EQ(0, pthread_join(last, NULL));
}

CKPT_CYCLE(cpu_time_of_process)
{
	int id = create_for(CLOCK_PROCESS_CPUTIME_ID, SIGRTMIN, NULL);
	uint64_t from, to;

	block(SIGRTMIN);
	burn(CLOCK_PROCESS_CPUTIME_ID, 50 * MS);
	set(id, 0, 90000 * SEC, 2 * SEC);
	expiry(id, CLOCK_PROCESS_CPUTIME_ID, 2 * SEC, &from, &to);
	ckpt_ready_wait();
	goes_on(id, CLOCK_PROCESS_CPUTIME_ID, from, to);
}

CKPT_CYCLE(cpu_time_expires)
{
	int id = create_for(CLOCK_PROCESS_CPUTIME_ID, SIGRTMIN, NULL);
	uint64_t end;

	block(SIGRTMIN);
	end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + 200 * MS;
	set(id, TIMER_ABSTIME, end, 40 * MS);
	burn(CLOCK_PROCESS_CPUTIME_ID, 50 * MS);
	ckpt_ready_wait();
	wait_pending(SIGRTMIN);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= end, "it expired early");
	take_of(SIGRTMIN, id, NULL);
	wait_pending(SIGRTMIN);
}

/* Its signal is pending: it runs again when that is taken. */
CKPT_CYCLE(cpu_time_pending)
{
	int id = create_for(CLOCK_PROCESS_CPUTIME_ID, SIGRTMIN, NULL);

	block(SIGRTMIN);
	set(id, 0, 5 * MS, 5 * MS);
	wait_pending(SIGRTMIN);
	burn(CLOCK_PROCESS_CPUTIME_ID, 20 * MS);
	ckpt_ready_wait();
	CHECK(take_of(SIGRTMIN, id, NULL).si_overrun >= 2, "overruns are lost");
	wait_pending(SIGRTMIN);
	take_of(SIGRTMIN, id, NULL);
}

static int burns(void *arg)
{
	burn(CLOCK_PROCESS_CPUTIME_ID, 20 * MS);
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	burn(CLOCK_PROCESS_CPUTIME_ID, 60 * MS);
	return 0;
}

CKPT_CYCLE(cpu_time_of_others)
{
	clockid_t clock;
	uint64_t from, to;
	pid_t kid = ckpt_fork(burns, NULL);
	int id;

	ckpt_step_wait(0, 1);
	block(SIGRTMIN);
	CHECK_EQ(0, clock_getcpuclockid(kid, &clock));
	id = create_for(clock, SIGRTMIN, NULL);
	set(id, 0, 90000 * SEC, 2 * SEC);
	expiry(id, clock, 2 * SEC, &from, &to);
	ckpt_ready_wait();
	check_expiry(id, clock, 2 * SEC, from, to);
	set(id, 0, 30 * MS, 0);
	ckpt_step(1);
	take_of(SIGRTMIN, id, NULL);
	ckpt_wait_exit(kid, 0);
}

TEST_HARNESS_MAIN
