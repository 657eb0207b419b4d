// SPDX-License-Identifier: GPL-2.0
/* Interval timers, and limits of CPU time. */
#include "blocked_signals.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>

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

static uint64_t ns(const struct timeval *tv)
{
	return tv->tv_sec * SEC + tv->tv_usec * 1000;
}

static struct timeval tv(uint64_t ns)
{
	return (struct timeval) { .tv_sec = ns / SEC, .tv_usec = ns % SEC / 1000 };
}

static void set(int which, uint64_t value, uint64_t interval)
{
	struct itimerval val = { .it_value = tv(value), .it_interval = tv(interval) };

	CHECK_SYS(setitimer(which, &val, NULL));
}

/* What is left; the interval is what it should be. */
static uint64_t left(int which, uint64_t interval)
{
	struct itimerval val;

	CHECK_SYS(getitimer(which, &val));
	CHECK_EQ(interval, ns(&val.it_interval));
	return ns(&val.it_value);
}

/* Between which times a timer expires on CLOCK_MONOTONIC. */
static void expiry(uint64_t interval, uint64_t *from, uint64_t *to)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), rest;

	rest = left(ITIMER_REAL, interval);
	CHECK(rest, "it does not run");
	*from = begin + rest;
	/* Microseconds are rounded down. */
	*to = clock_ns(CLOCK_MONOTONIC) + rest + 1000;
}

static void take(int sig)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(sig, sigwaitinfo(&set, &info));
	CHECK_EQ(SI_KERNEL, info.si_code);
}

static void burn(clockid_t clock, uint64_t until)
{
	while (clock_ns(clock) < until)
		;
}

/* Time goes on from where it was. */
static void runs_on(uint64_t value, uint64_t interval)
{
	uint64_t from, to, from_now, to_now;

	set(ITIMER_REAL, value, interval);
	expiry(interval, &from, &to);
	ckpt_ready_wait();
	expiry(interval, &from_now, &to_now);
	CHECK(from_now <= to && from <= to_now,
	      "it expires between %llu and %llu, not between %llu and %llu",
	      (unsigned long long)from_now, (unsigned long long)to_now,
	      (unsigned long long)from, (unsigned long long)to);
}

CKPT_CYCLE(real, .down_ms = DOWN_MS)
{
	runs_on(100000 * SEC, 0);
}

CKPT_CYCLE(real_interval, .down_ms = DOWN_MS)
{
	runs_on(100000 * SEC, 7 * SEC + 5000);
}

CKPT_CYCLE(real_expires)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + 400 * MS;

	block(SIGALRM);
	set(ITIMER_REAL, 400 * MS, 30 * MS);
	ckpt_ready_wait();
	take(SIGALRM);
	CHECK(clock_ns(CLOCK_MONOTONIC) >= end, "it expired early");
	take(SIGALRM);
	CHECK(clock_ns(CLOCK_MONOTONIC) >= end + 30 * MS, "its interval is shorter");
}

/* It has sent its signal, and runs again when that is taken. */
CKPT_CYCLE(real_has_expired)
{
	block(SIGALRM);
	set(ITIMER_REAL, MS, 50 * MS);
	while (!is_pending(SIGALRM) || left(ITIMER_REAL, 50 * MS))
		;
	ckpt_ready_wait();
	CHECK(is_pending(SIGALRM), "its signal is lost");
	CHECK_EQ(0, left(ITIMER_REAL, 50 * MS));
	take(SIGALRM);
	CHECK(left(ITIMER_REAL, 50 * MS) || is_pending(SIGALRM), "it does not run");
	take(SIGALRM);
}

/* Its signal is ignored: so nobody takes it, and it does not run again. */
CKPT_CYCLE(real_is_ignored)
{
	signal(SIGALRM, SIG_IGN);
	set(ITIMER_REAL, MS, 50 * MS);
	while (left(ITIMER_REAL, 50 * MS))
		;
	ckpt_ready_wait();
	CHECK_EQ(0, left(ITIMER_REAL, 50 * MS));
	block(SIGALRM);
	set(ITIMER_REAL, MS, 0);
	take(SIGALRM);
}

/* It expires while the process stands still: before its image is made, or after. */
CKPT_CYCLE(real_expires_meanwhile)
{
	block(SIGALRM);
	set(ITIMER_REAL, 2 * MS, 0);
	ckpt_ready_wait();
	take(SIGALRM);
	CHECK_EQ(0, left(ITIMER_REAL, 0));
	CHECK(!is_pending(SIGALRM), "it has expired twice");
}

static int sleeper(void *arg)
{
	uint64_t from, to, from_now, to_now;

	alarm(50000);
	expiry(0, &from, &to);
	ckpt_step(0);
	ckpt_wait_go();
	expiry(0, &from_now, &to_now);
	CHECK(from_now <= to && from <= to_now, "it expires at another time");
	CHECK(alarm(0) >= 49000, "it was another one");
	return 0;
}

CKPT_CYCLE(alarm_of_child, .down_ms = DOWN_MS)
{
	pid_t kid = ckpt_fork(sleeper, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, left(ITIMER_REAL, 0));
	ckpt_wait_exit(kid, 0);
}

static void *without_leader(void *arg)
{
	while (ckpt_leader_state() != 'Z')
		sched_yield();
	set(ITIMER_VIRTUAL, 60000 * SEC, 0);
	sleeper(NULL);
	CHECK(left(ITIMER_VIRTUAL, 0), "it does not run");
	exit(0);
}

static int leaderless(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, without_leader, NULL));
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

/* What counts CPU time counts on, and not what the restart has taken. */
static void counts_on(int which, int sig)
{
	uint64_t before, after;

	block(sig);
	burn(CLOCK_PROCESS_CPUTIME_ID, 50 * MS);
	set(which, 80000 * SEC, 9 * SEC);
	burn(CLOCK_PROCESS_CPUTIME_ID, 100 * MS);
	before = left(which, 9 * SEC);
	ckpt_ready_wait();
	after = left(which, 9 * SEC);
	CHECK(after <= before, "it went back from %llu to %llu", (unsigned long long)before,
	      (unsigned long long)after);
	CHECK(after > 79000 * SEC, "only %llu is left", (unsigned long long)after);
	set(which, 20 * MS, 10 * MS);
	while (!is_pending(sig))
		;
	take(sig);
}

CKPT_CYCLE(virtual_counts_on)
{
	counts_on(ITIMER_VIRTUAL, SIGVTALRM);
}

CKPT_CYCLE(prof_counts_on)
{
	counts_on(ITIMER_PROF, SIGPROF);
}

static void expires(int which, int sig)
{
	uint64_t rest;

	block(sig);
	set(which, 200 * MS, 40 * MS);
	rest = left(which, 40 * MS);
	while (rest > 100 * MS)
		rest = left(which, 40 * MS);
	CHECK(!is_pending(sig), "it has expired");
	ckpt_ready_wait();
	CHECK(!is_pending(sig), "it has expired");
	while (!is_pending(sig))
		;
	take(sig);
	while (!is_pending(sig))
		;
}

CKPT_CYCLE(virtual_expires)
{
	expires(ITIMER_VIRTUAL, SIGVTALRM);
}

CKPT_CYCLE(prof_expires)
{
	expires(ITIMER_PROF, SIGPROF);
}

/* One that is not armed may have an interval all the same. */
CKPT_CYCLE(interval_only)
{
	set(ITIMER_PROF, 0, 3 * SEC);
	set(ITIMER_VIRTUAL, 0, 4 * SEC);
	ckpt_ready_wait();
	CHECK_EQ(0, left(ITIMER_PROF, 3 * SEC));
	CHECK_EQ(0, left(ITIMER_VIRTUAL, 4 * SEC));
	CHECK_EQ(0, left(ITIMER_REAL, 0));
}

/* A limit counts what was used before. */
CKPT_CYCLE(cpu_limit)
{
	struct rlimit limit;
	uint64_t used;

	block(SIGXCPU);
	CHECK_SYS(getrlimit(RLIMIT_CPU, &limit));
	limit.rlim_cur = 1;
	CHECK_SYS(setrlimit(RLIMIT_CPU, &limit));
	burn(CLOCK_PROCESS_CPUTIME_ID, 700 * MS);
	used = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	ckpt_ready_wait();
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= used, "the clock went back");
	while (!is_pending(SIGXCPU))
		;
	/* The limit counts ticks, which differ from the clock. */
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= 800 * MS, "it came early");
	CHECK_SYS(getrlimit(RLIMIT_CPU, &limit));
	CHECK_EQ(2, limit.rlim_cur);
	take(SIGXCPU);
}

/* The caller of restart(2) has a limit: so clocks run from the start in what it makes. */
static int limit_caller(void *run)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CPU, &limit))
		return -1;
	limit.rlim_cur = 100000;
	return setrlimit(RLIMIT_CPU, &limit);
}

CKPT_CYCLE(limit_of_the_caller, .before = limit_caller)
{
	uint64_t used;

	burn(CLOCK_PROCESS_CPUTIME_ID, 300 * MS);
	used = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	ckpt_ready_wait();
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= used, "the clock went back");
	set(ITIMER_PROF, 1000 * SEC, 0);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= used, "the clock went back");
}

TEST_HARNESS_MAIN
