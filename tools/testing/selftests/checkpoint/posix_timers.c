// SPDX-License-Identifier: GPL-2.0
/* POSIX timers. */
#include "common.h"
#include "pid_namespaces.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <linux/prctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

CKPT_FIXTURE

#ifndef PR_TIMER_CREATE_RESTORE_IDS
#define PR_TIMER_CREATE_RESTORE_IDS	77
#endif
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id		_sigev_un._tid
#endif

#define MS	1000000ull
#define SEC	1000000000ull
#define DOWN_MS	300
#define MANY	10000

/* The calls themselves: the C library has ids of its own for some timers. */
static int create(clockid_t clock, struct sigevent *event)
{
	int id = -1;

	CHECK_SYS(syscall(__NR_timer_create, clock, event, &id));
	return id;
}

static int create_for(clockid_t clock, int sig, void *value)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig, .sigev_value.sival_ptr = value,
	};

	return create(clock, &event);
}

static struct timespec ts(uint64_t ns)
{
	return (struct timespec) { .tv_sec = ns / SEC, .tv_nsec = ns % SEC };
}

static uint64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * SEC + ts->tv_nsec;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	CHECK_SYS(clock_gettime(id, &now));
	return ns(&now);
}

static void set(int id, int flags, uint64_t value, uint64_t interval)
{
	struct itimerspec spec = { .it_value = ts(value), .it_interval = ts(interval) };

	CHECK_SYS(syscall(__NR_timer_settime, id, flags, &spec, NULL));
}

static uint64_t left(int id, uint64_t interval)
{
	struct itimerspec spec;

	CHECK_SYS(syscall(__NR_timer_gettime, id, &spec));
	CHECK_EQ(interval, ns(&spec.it_interval));
	return ns(&spec.it_value);
}

static bool exists(int id)
{
	struct itimerspec spec;

	return !syscall(__NR_timer_gettime, id, &spec);
}

static void delete(int id)
{
	CHECK_SYS(syscall(__NR_timer_delete, id));
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(0, pthread_sigmask(SIG_BLOCK, &set, NULL));
}

static bool is_pending(int sig)
{
	sigset_t set;

	CHECK_SYS(sigpending(&set));
	return sigismember(&set, sig);
}

static void wait_pending(int sig)
{
	while (!is_pending(sig))
		;
}

static siginfo_t take(int sig)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(sig, sigwaitinfo(&set, &info));
	return info;
}

/* Takes the signal of the timer @id. */
static siginfo_t take_of(int sig, int id, void *value)
{
	siginfo_t info = take(sig);

	CHECK_EQ(SI_TIMER, info.si_code);
	CHECK_EQ(id, info.si_timerid);
	CHECK(info.si_value.sival_ptr == value, "value %p", info.si_value.sival_ptr);
	return info;
}

static void burn(clockid_t clock, uint64_t ns)
{
	uint64_t until = clock_ns(clock) + ns;

	while (clock_ns(clock) < until)
		;
}

/* Between which times of @clock the timer expires. */
static void expiry(int id, clockid_t clock, uint64_t interval, uint64_t *from, uint64_t *to)
{
	uint64_t begin = clock_ns(clock), rest;

	rest = left(id, interval);
	CHECK(rest, "timer %d does not run", id);
	*from = begin + rest;
	*to = clock_ns(clock) + rest;
}

static void check_expiry(int id, clockid_t clock, uint64_t interval, uint64_t from, uint64_t to)
{
	uint64_t from_now, to_now;

	expiry(id, clock, interval, &from_now, &to_now);
	CHECK(from_now <= to && from <= to_now,
	      "timer %d expires between %llu and %llu, not between %llu and %llu", id,
	      (unsigned long long)from_now, (unsigned long long)to_now,
	      (unsigned long long)from, (unsigned long long)to);
}

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
		/* Of the others, only the clocks of the world have seen the down time. */
		if (clock == CLOCK_TAI && i % 2 == 0)
			CHECK(left(id[i], i * SEC), "timer %d does not run", id[i]);
		else
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

/* Alarm clocks: where the machine has one. */
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
			continue;
		}
		set(id[i], TIMER_ABSTIME, clock_ns(clocks[i]) + 100000 * SEC, i * SEC);
		expiry(id[i], clocks[i], i * SEC, &from[i], &to[i]);
	}
	ckpt_ready_wait();
	for (i = 0; i < 2 && id[i] >= 0; i++) {
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

/* ---- signals that were sent ------------------------------------------ */

/* It waits for its signal to be taken, and counts what it would have sent. */
CKPT_CYCLE(pending)
{
	siginfo_t info;
	int value, id;

	create_for(CLOCK_MONOTONIC, SIGUSR1, NULL);
	id = create_for(CLOCK_MONOTONIC, SIGRTMIN, &value);
	block(SIGRTMIN);
	set(id, 0, 1, MS);
	wait_pending(SIGRTMIN);
	usleep(5000);
	ckpt_ready_wait();
	CHECK(is_pending(SIGRTMIN), "its signal is lost");
	info = take_of(SIGRTMIN, id, &value);
	CHECK(info.si_overrun >= 4, "only %d overruns", info.si_overrun);
	CHECK_EQ(info.si_overrun, syscall(__NR_timer_getoverrun, id));
	take_of(SIGRTMIN, id, &value);
}

CKPT_CYCLE(pending_once)
{
	int value, id = create_for(CLOCK_MONOTONIC, SIGUSR1, &value);

	block(SIGUSR1);
	set(id, 0, 1, 0);
	wait_pending(SIGUSR1);
	ckpt_ready_wait();
	CHECK_EQ(0, left(id, 0));
	take_of(SIGUSR1, id, &value);
	CHECK(!is_pending(SIGUSR1), "it was sent twice");
	set(id, 0, 1, 0);
	take_of(SIGUSR1, id, &value);
}

/* Overruns of a signal that was taken are there until the next. */
CKPT_CYCLE(overruns)
{
	int id = create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL), overruns;

	block(SIGRTMIN);
	set(id, 0, 1, 100000);
	wait_pending(SIGRTMIN);
	usleep(3000);
	overruns = take_of(SIGRTMIN, id, NULL).si_overrun;
	CHECK(overruns >= 20, "only %d", overruns);
	ckpt_ready_wait();
	CHECK_EQ(overruns, syscall(__NR_timer_getoverrun, id));
}

/* What is in the queue is in the order in which it came, whoever sent it. */
CKPT_CYCLE(queue)
{
	siginfo_t forged = { .si_code = SI_TIMER, .si_signo = SIGRTMIN };
	union sigval value = { .sival_int = 1 };
	int first = create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL);
	int second = create_for(CLOCK_MONOTONIC, SIGRTMIN, &value);
	int user = create_for(CLOCK_MONOTONIC, SIGUSR1, NULL);
	siginfo_t info;

	block(SIGRTMIN);
	block(SIGUSR1);
	CHECK_SYS(sigqueue(getpid(), SIGRTMIN, value));
	set(second, 0, 1, 0);
	while (left(second, 0))
		;
	/* One that looks like that of a timer. */
	forged.si_timerid = second;
	forged.si_value.sival_int = 99;
	CHECK_SYS(syscall(__NR_rt_sigqueueinfo, getpid(), SIGRTMIN, &forged));
	set(first, 0, 1, 0);
	while (left(first, 0))
		;
	CHECK_SYS(kill(getpid(), SIGUSR1));
	set(user, 0, 1, 0);
	while (left(user, 0))
		;
	value.sival_int = 2;
	CHECK_SYS(sigqueue(getpid(), SIGRTMIN, value));
	ckpt_ready_wait();
	info = take(SIGRTMIN);
	CHECK_EQ(SI_QUEUE, info.si_code);
	CHECK_EQ(1, info.si_value.sival_int);
	take_of(SIGRTMIN, second, &value);
	info = take(SIGRTMIN);
	CHECK_EQ(99, info.si_value.sival_int);
	take_of(SIGRTMIN, first, NULL);
	info = take(SIGRTMIN);
	CHECK_EQ(SI_QUEUE, info.si_code);
	CHECK_EQ(2, info.si_value.sival_int);
	CHECK_EQ(SI_USER, take(SIGUSR1).si_code);
	take_of(SIGUSR1, user, NULL);
	CHECK(!is_pending(SIGUSR1) && !is_pending(SIGRTMIN), "there are more");
}

/* It was ignored, and is pending when that ends. */
CKPT_CYCLE(ignored)
{
	int id = create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL);

	signal(SIGRTMIN, SIG_IGN);
	set(id, 0, 1, MS);
	usleep(3000);
	ckpt_ready_wait();
	CHECK(!is_pending(SIGRTMIN), "it is pending");
	block(SIGRTMIN);
	CHECK(!is_pending(SIGRTMIN), "it is pending");
	signal(SIGRTMIN, SIG_DFL);
	CHECK(is_pending(SIGRTMIN), "it is not pending");
	take_of(SIGRTMIN, id, NULL);
	take_of(SIGRTMIN, id, NULL);
}

static volatile sig_atomic_t handled;

static void handle(int sig)
{
	handled++;
}

static void unblock(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(0, pthread_sigmask(SIG_UNBLOCK, &set, NULL));
}

/* It was set anew when its signal had been sent: nobody gets that. */
CKPT_CYCLE(set_since)
{
	int id = create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL);
	int running = create_for(CLOCK_MONOTONIC, SIGRTMIN + 1, NULL);

	signal(SIGRTMIN, handle);
	signal(SIGRTMIN + 1, handle);
	block(SIGRTMIN);
	block(SIGRTMIN + 1);
	set(id, 0, 1, 0);
	set(running, 0, 1, 0);
	wait_pending(SIGRTMIN);
	wait_pending(SIGRTMIN + 1);
	set(id, 0, 0, 0);
	set(running, 0, 100000 * SEC, 0);
	ckpt_ready_wait();
	unblock(SIGRTMIN);
	unblock(SIGRTMIN + 1);
	CHECK_EQ(0, handled);
	CHECK(left(running, 0), "it does not run");
	block(SIGRTMIN + 1);
	set(running, 0, 1, 0);
	take_of(SIGRTMIN + 1, running, NULL);
}

CKPT_CYCLE(deleted_since)
{
	int id = create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL);

	signal(SIGRTMIN, handle);
	block(SIGRTMIN);
	set(id, 0, 1, MS);
	wait_pending(SIGRTMIN);
	delete(id);
	ckpt_ready_wait();
	unblock(SIGRTMIN);
	CHECK_EQ(0, handled);
	CHECK_EQ(id + 1, create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL));
}

/* ---- CPU time -------------------------------------------------------- */

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
