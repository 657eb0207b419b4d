/* SPDX-License-Identifier: GPL-2.0 */
/* POSIX timers, by the calls themselves: the C library has ids of its own for some. */
#ifndef CKPT_TEST_POSIX_TIMERS_H
#define CKPT_TEST_POSIX_TIMERS_H

#include "blocked_signals.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id		_sigev_un._tid
#endif

#define MS	1000000ull
#define SEC	1000000000ull

__attribute__((unused)) static int create(clockid_t clock, struct sigevent *event)
{
	int id = -1;

	CHECK_SYS(syscall(__NR_timer_create, clock, event, &id));
	return id;
}

__attribute__((unused)) static int create_for(clockid_t clock, int sig, void *value)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig, .sigev_value.sival_ptr = value,
	};

	return create(clock, &event);
}

__attribute__((unused)) static struct timespec ts(uint64_t ns)
{
	return (struct timespec) { .tv_sec = ns / SEC, .tv_nsec = ns % SEC };
}

__attribute__((unused)) static uint64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * SEC + ts->tv_nsec;
}

__attribute__((unused)) static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	CHECK_SYS(clock_gettime(id, &now));
	return ns(&now);
}

__attribute__((unused)) static void set(int id, int flags, uint64_t value, uint64_t interval)
{
	struct itimerspec spec = { .it_value = ts(value), .it_interval = ts(interval) };

	CHECK_SYS(syscall(__NR_timer_settime, id, flags, &spec, NULL));
}

__attribute__((unused)) static uint64_t left(int id, uint64_t interval)
{
	struct itimerspec spec;

	CHECK_SYS(syscall(__NR_timer_gettime, id, &spec));
	CHECK_EQ(interval, ns(&spec.it_interval));
	return ns(&spec.it_value);
}

__attribute__((unused)) static bool exists(int id)
{
	struct itimerspec spec;

	return !syscall(__NR_timer_gettime, id, &spec);
}

__attribute__((unused)) static void delete(int id)
{
	CHECK_SYS(syscall(__NR_timer_delete, id));
}

__attribute__((unused)) static void wait_pending(int sig)
{
	while (!is_pending(sig))
		;
}

__attribute__((unused)) static siginfo_t take(int sig)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(sig, sigwaitinfo(&set, &info));
	return info;
}

/* Takes the signal of the timer @id. */
__attribute__((unused)) static siginfo_t take_of(int sig, int id, void *value)
{
	siginfo_t info = take(sig);

	CHECK_EQ(SI_TIMER, info.si_code);
	CHECK_EQ(id, info.si_timerid);
	CHECK(info.si_value.sival_ptr == value, "value %p", info.si_value.sival_ptr);
	return info;
}

__attribute__((unused)) static void burn(clockid_t clock, uint64_t ns)
{
	uint64_t until = clock_ns(clock) + ns;

	while (clock_ns(clock) < until)
		;
}

/* Between which times of @clock the timer expires. */
__attribute__((unused)) static void expiry(int id, clockid_t clock, uint64_t interval, uint64_t *from, uint64_t *to)
{
	uint64_t begin = clock_ns(clock), rest;

	rest = left(id, interval);
	CHECK(rest, "timer %d does not run", id);
	*from = begin + rest;
	*to = clock_ns(clock) + rest;
}

__attribute__((unused)) static void check_expiry(int id, clockid_t clock, uint64_t interval, uint64_t from, uint64_t to)
{
	uint64_t from_now, to_now;

	expiry(id, clock, interval, &from_now, &to_now);
	CHECK(from_now <= to && from <= to_now,
	      "timer %d expires between %llu and %llu, not between %llu and %llu", id,
	      (unsigned long long)from_now, (unsigned long long)to_now,
	      (unsigned long long)from, (unsigned long long)to);
}

#endif /* CKPT_TEST_POSIX_TIMERS_H */
