// SPDX-License-Identifier: GPL-2.0
/* POSIX timers: ids, clocks, whom they tell. */
#include "posix_timers.h"
#include "pid_namespaces.h"

#include <linux/prctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

CKPT_FIXTURE

#ifndef PR_TIMER_CREATE_RESTORE_IDS
#define PR_TIMER_CREATE_RESTORE_IDS	77
#endif
#define DOWN_MS	300
#define MANY	10000

/* ---- ids ------------------------------------------------------------- */

CKPT_CYCLE(ids)
{
	int id, i;

	for (i = 0; i < 6; i++)
		CHECK_EQ(i, create_for(CLOCK_MONOTONIC, SIGUSR1, NULL));
	delete(0);
	delete(3);
	delete(5);
	ckpt_ready_wait();
	for (i = 0; i < 8; i++)
		CHECK_EQ(i == 1 || i == 2 || i == 4, exists(i));
	id = create_for(CLOCK_MONOTONIC, SIGUSR1, NULL);
	CHECK_EQ(6, id);
	CHECK_EQ(7, create(CLOCK_REALTIME, NULL));
}

/* All are gone, and the next one is a new one. */
CKPT_CYCLE(next_id)
{
	delete(create_for(CLOCK_MONOTONIC, SIGUSR1, NULL));
	delete(create_for(CLOCK_MONOTONIC, SIGUSR1, NULL));
	ckpt_ready_wait();
	CHECK_EQ(2, create_for(CLOCK_MONOTONIC, SIGUSR1, NULL));
}

CKPT_CYCLE(chosen_ids)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	int id = 4711;

	CHECK_SYS(prctl(PR_TIMER_CREATE_RESTORE_IDS, 1, 0, 0, 0));
	CHECK_SYS(syscall(__NR_timer_create, CLOCK_MONOTONIC, &event, &id));
	ckpt_ready_wait();
	CHECK_EQ(1, prctl(PR_TIMER_CREATE_RESTORE_IDS, 2, 0, 0, 0));
	CHECK(exists(4711), "it has another id");
	id = 42;
	CHECK_SYS(syscall(__NR_timer_create, CLOCK_MONOTONIC, &event, &id));
	CHECK(exists(42), "the id was not taken");
	CHECK_SYS(prctl(PR_TIMER_CREATE_RESTORE_IDS, 0, 0, 0, 0));
	CHECK_EQ(43, create_for(CLOCK_MONOTONIC, SIGUSR1, NULL));
}

CKPT_CYCLE(many)
{
	struct rlimit limit;
	int i;

	CHECK_SYS(getrlimit(RLIMIT_SIGPENDING, &limit));
	if (limit.rlim_cur < MANY + 100) {
		limit.rlim_cur = MANY + 100;
		if (limit.rlim_max < limit.rlim_cur)
			limit.rlim_max = limit.rlim_cur;
		CHECK_SYS(setrlimit(RLIMIT_SIGPENDING, &limit));
	}
	for (i = 0; i < MANY; i++) {
		CHECK_EQ(i, create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL));
		set(i, 0, 100000 * SEC, (i + 1) * SEC);
	}
	ckpt_ready_wait();
	for (i = 0; i < MANY; i++)
		CHECK(left(i, (i + 1) * SEC), "timer %d does not run", i);
	CHECK_EQ(MANY, create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL));
}

/* ---- clocks ---------------------------------------------------------- */

CKPT_CYCLE(clocks, .down_ms = DOWN_MS)
{
	static const clockid_t clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI,
	};
	uint64_t from[8], to[8];
	unsigned int i;
	int id[8];

	for (i = 0; i < 8; i++) {
		clockid_t clock = clocks[i / 2];
		bool absolute = i % 2;

		id[i] = create_for(clock, SIGUSR1, NULL);
		set(id[i], absolute ? TIMER_ABSTIME : 0,
		    100000 * SEC + (absolute ? clock_ns(clock) : 0), i * SEC);
		/* One that is relative does not follow the clock. */
		if (clock == CLOCK_REALTIME && !absolute)
			clock = CLOCK_MONOTONIC;
		expiry(id[i], clock, i * SEC, &from[i], &to[i]);
	}
	ckpt_ready_wait();
	for (i = 0; i < 8; i++) {
		clockid_t clock = clocks[i / 2];

		if (!i)
			clock = CLOCK_MONOTONIC;
		check_expiry(id[i], clock, i * SEC, from[i], to[i]);
	}
}

/* They fire late, as after a suspend. */
CKPT_CYCLE(real_time_has_come, .down_ms = DOWN_MS)
{
	uint64_t end = clock_ns(CLOCK_REALTIME) + 100 * MS;
	int id = create_for(CLOCK_REALTIME, SIGRTMIN, &end);

	block(SIGRTMIN);
	set(id, TIMER_ABSTIME, end, 0);
	ckpt_ready_wait();
	take_of(SIGRTMIN, id, &end);
	CHECK(clock_ns(CLOCK_REALTIME) >= end, "it fired early");
	CHECK_EQ(0, left(id, 0));
}

CKPT_CYCLE(fires)
{
	uint64_t end;
	int id = create_for(CLOCK_MONOTONIC, SIGRTMIN, &end);

	block(SIGRTMIN);
	end = clock_ns(CLOCK_MONOTONIC) + 400 * MS;
	set(id, TIMER_ABSTIME, end, 20 * MS);
	ckpt_ready_wait();
	take_of(SIGRTMIN, id, &end);
	CHECK(clock_ns(CLOCK_MONOTONIC) >= end, "it fired early");
	take_of(SIGRTMIN, id, &end);
	CHECK(clock_ns(CLOCK_MONOTONIC) >= end + 20 * MS, "its interval is shorter");
}

/* Alarm clocks: the machine may have none. */
CKPT_CYCLE(alarm_clocks, .down_ms = DOWN_MS)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	uint64_t from[2], to[2];
	int id[2] = { -1, -1 }, i;

	block(SIGRTMIN);
	for (i = 0; i < 2; i++) {
		if (syscall(__NR_timer_create, clocks[i], &event, &id[i])) {
			CHECK_EQ(EOPNOTSUPP, errno);
			ckpt_not_here();
		}
		set(id[i], TIMER_ABSTIME, clock_ns(clocks[i]) + 100000 * SEC, i * SEC);
		expiry(id[i], clocks[i], i * SEC, &from[i], &to[i]);
	}
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		check_expiry(id[i], clocks[i], i * SEC, from[i], to[i]);
		set(id[i], 0, MS, 0);
		take_of(SIGRTMIN, id[i], NULL);
	}
}

/* ---- how they tell --------------------------------------------------- */

CKPT_CYCLE(tells_nobody, .down_ms = DOWN_MS)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE, .sigev_signo = 12345 };
	int late = create(CLOCK_MONOTONIC, &event), over = create(CLOCK_MONOTONIC, &event);
	int cpu = create(CLOCK_PROCESS_CPUTIME_ID, &event);
	uint64_t from, to, rest;

	set(late, 0, 100000 * SEC, 3 * SEC);
	set(over, 0, 1, 0);
	set(cpu, 0, 5000 * SEC, 0);
	expiry(late, CLOCK_MONOTONIC, 3 * SEC, &from, &to);
	rest = left(cpu, 0);
	ckpt_ready_wait();
	check_expiry(late, CLOCK_MONOTONIC, 3 * SEC, from, to);
	CHECK_EQ(0, left(over, 0));
	CHECK(left(cpu, 0) <= rest && left(cpu, 0) > 4000 * SEC, "it counts otherwise");
}

/* Without a word about it the signal is SIGALRM, and its value the id. */
CKPT_CYCLE(by_default)
{
	siginfo_t info;
	int id;

	create_for(CLOCK_MONOTONIC, SIGUSR1, NULL);
	id = create(CLOCK_MONOTONIC, NULL);
	block(SIGALRM);
	ckpt_ready_wait();
	set(id, 0, 1, 0);
	info = take(SIGALRM);
	CHECK_EQ(SI_TIMER, info.si_code);
	CHECK_EQ(id, info.si_value.sival_int);
	CHECK_EQ(id, info.si_timerid);
}

struct hears {
	pid_t tid;
	int id;
};

static void *hears(void *arg)
{
	struct hears *own = arg;

	own->tid = sys_gettid();
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	take_of(SIGRTMIN, own->id, own);
	take_of(SIGRTMIN, own->id, own);
	return NULL;
}

static int thread_hears(void *arg)
{
	struct hears own;
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN,
		.sigev_value.sival_ptr = &own,
	};
	pthread_t thread;

	block(SIGRTMIN);
	CHECK_EQ(0, pthread_create(&thread, NULL, hears, &own));
	ckpt_step_wait(0, 1);
	event.sigev_notify_thread_id = own.tid;
	own.id = create(CLOCK_MONOTONIC, &event);
	set(own.id, 0, MS, 10 * MS);
	ckpt_step(2);
	ckpt_wait_go();
	CHECK(!is_pending(SIGRTMIN), "it was sent to another thread");
	ckpt_step(1);
	CHECK_EQ(0, pthread_join(thread, NULL));
	return 0;
}

CKPT_CYCLE(thread)
{
	pid_t kid = ckpt_fork(thread_hears, NULL);

	ckpt_step_wait(2, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* Its pid is another one than that in the container. */
CKPT_CYCLE(thread_in_pid_namespace)
{
	pid_t kid = fork_in_new_pidns();

	if (!kid)
		_exit(thread_hears(NULL));
	ckpt_step_wait(2, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

static void began(union sigval value)
{
	ckpt_step(value.sival_int);
}

/* The C library waits in a thread of its own, and begins one each time. */
CKPT_CYCLE(begins_threads)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD, .sigev_notify_function = began,
		.sigev_value.sival_int = 7,
	};
	struct itimerspec spec = { .it_value = ts(1000 * SEC) };
	timer_t timer;

	CHECK_SYS(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_SYS(timer_settime(timer, 0, &spec, NULL));
	ckpt_ready_wait();
	CHECK_SYS(timer_gettime(timer, &spec));
	CHECK(spec.it_value.tv_sec, "it does not run");
	spec.it_value = ts(MS);
	CHECK_SYS(timer_settime(timer, 0, &spec, NULL));
	ckpt_step_wait(7, 1);
}

static void *alone(void *arg)
{
	int id;

	while (ckpt_leader_state() != 'Z')
		sched_yield();
	block(SIGRTMIN);
	id = create_for(CLOCK_MONOTONIC, SIGRTMIN, arg);
	set(id, 0, 1, 5 * MS);
	wait_pending(SIGRTMIN);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK(is_pending(SIGRTMIN), "its signal is lost");
	take_of(SIGRTMIN, id, arg);
	take_of(SIGRTMIN, id, arg);
	exit(0);
}

static int leaderless(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, alone, NULL));
	syscall(SYS_exit, 0);
	return 1;
}

CKPT_CYCLE(leader_has_exited)
{
	pid_t kid = ckpt_fork(leaderless, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

TEST_HARNESS_MAIN
