// SPDX-License-Identifier: GPL-2.0
/*
 * Timerfds: when they expire next, and how often they have. A timer is compared by
 * the time at which it expires, which stays the same however long anything takes.
 */
#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>

CKPT_FIXTURE

#ifndef TFD_IOC_SET_TICKS
#define TFD_IOC_SET_TICKS	_IOW('T', 0, uint64_t)
#endif

#define NSEC	1000000000ll
/* So long that no test comes to its end. */
#define LONG	(1000000 * NSEC)

/* Milliseconds that pass before each restart, and the least that a real-time clock sees of it. */
#define DOWN_MS	1500
#define DOWN_NS	(1400 * 1000000ll)

static long long now(clockid_t clock)
{
	struct timespec ts;

	CHECK_SYS(clock_gettime(clock, &ts));
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

static void set(int fd, int flags, long long value, long long interval)
{
	struct itimerspec spec = {
		.it_value = { value / NSEC, value % NSEC },
		.it_interval = { interval / NSEC, interval % NSEC },
	};

	CHECK_SYS(timerfd_settime(fd, flags, &spec, NULL));
}

static long long left(int fd)
{
	struct itimerspec spec;

	CHECK_SYS(timerfd_gettime(fd, &spec));
	return spec.it_value.tv_sec * NSEC + spec.it_value.tv_nsec;
}

static long long interval_of(int fd)
{
	struct itimerspec spec;

	CHECK_SYS(timerfd_gettime(fd, &spec));
	return spec.it_interval.tv_sec * NSEC + spec.it_interval.tv_nsec;
}

static int timer(clockid_t clock, int flags)
{
	return CHECK_SYS(timerfd_create(clock, flags));
}

static uint64_t ticks(int fd)
{
	uint64_t n = 0;

	CHECK_EQ(sizeof(n), read(fd, &n, sizeof(n)));
	return n;
}

/* A read of @fd, which does not wait, fails with @err. */
static void fails(int fd, int err)
{
	uint64_t n;
	ssize_t ret = read(fd, &n, sizeof(n));

	CHECK(ret == -1 && errno == err, "read gives %zd: %s", ret, strerror(errno));
}

/* Between which times of @clock the timer expires. */
struct span {
	long long from, to;
};

static struct span expiry(int fd, clockid_t clock)
{
	struct span span = { .from = now(clock) };
	long long rest = left(fd);

	CHECK(rest > 0, "it is not armed");
	span.from += rest;
	span.to = now(clock) + rest;
	return span;
}

static void same_expiry(int fd, clockid_t clock, struct span before)
{
	struct span after = expiry(fd, clock);

	CHECK(before.from <= after.to && after.from <= before.to,
	      "by clock %d it expires between %lld and %lld, was between %lld and %lld", clock,
	      after.from, after.to, before.from, before.to);
}

/* ---- armed ----------------------------------------------------------- */

/* A relative one: @by is the clock that counts. */
static void relative(clockid_t clock, clockid_t by)
{
	int fd = timer(clock, TFD_NONBLOCK);
	struct span span;

	set(fd, 0, LONG, 7 * NSEC);
	span = expiry(fd, by);
	ckpt_ready_wait();
	same_expiry(fd, by, span);
	CHECK_EQ(7 * NSEC, interval_of(fd));
	fails(fd, EAGAIN);
}

CKPT_CYCLE(relative_monotonic, .down_ms = DOWN_MS)
{
	relative(CLOCK_MONOTONIC, CLOCK_MONOTONIC);
}

CKPT_CYCLE(relative_boottime, .down_ms = DOWN_MS)
{
	relative(CLOCK_BOOTTIME, CLOCK_BOOTTIME);
}

/* That the real-time clock is set makes no difference to a relative timer. */
CKPT_CYCLE(relative_realtime, .down_ms = DOWN_MS)
{
	relative(CLOCK_REALTIME, CLOCK_MONOTONIC);
}

CKPT_CYCLE(relative_alarms, .down_ms = DOWN_MS)
{
	int boot = timer(CLOCK_BOOTTIME_ALARM, 0), real = timer(CLOCK_REALTIME_ALARM, 0);
	struct span boot_span, real_span;

	set(boot, 0, LONG, 0);
	set(real, 0, LONG, 3 * NSEC);
	boot_span = expiry(boot, CLOCK_BOOTTIME);
	real_span = expiry(real, CLOCK_REALTIME);
	ckpt_ready_wait();
	same_expiry(boot, CLOCK_BOOTTIME, boot_span);
	same_expiry(real, CLOCK_REALTIME, real_span);
	CHECK_EQ(3 * NSEC, interval_of(real));
}

static const clockid_t clocks[] = {
	CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_BOOTTIME_ALARM, CLOCK_REALTIME_ALARM,
};

/* The clock that a timer of @clock is read by. */
static clockid_t read_by(clockid_t clock)
{
	switch (clock) {
	case CLOCK_BOOTTIME_ALARM:
		return CLOCK_BOOTTIME;
	case CLOCK_REALTIME_ALARM:
		return CLOCK_REALTIME;
	default:
		return clock;
	}
}

CKPT_CYCLE(absolute, .down_ms = DOWN_MS)
{
	struct span span[ARRAY_SIZE(clocks)];
	int fd[ARRAY_SIZE(clocks)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		fd[i] = timer(clocks[i], 0);
		set(fd[i], TFD_TIMER_ABSTIME, now(read_by(clocks[i])) + LONG, i * NSEC);
		span[i] = expiry(fd[i], read_by(clocks[i]));
	}
	ckpt_ready_wait();
	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		same_expiry(fd[i], read_by(clocks[i]), span[i]);
		CHECK_EQ(i * NSEC, interval_of(fd[i]));
	}
}

/* The end of time is not moved by any offset. */
CKPT_CYCLE(never)
{
	long long end = 9223372036 * NSEC;
	int mono = timer(CLOCK_MONOTONIC, TFD_NONBLOCK), real = timer(CLOCK_REALTIME, TFD_NONBLOCK);
	struct itimerspec spec = { .it_value.tv_sec = 1ll << 60, .it_interval.tv_sec = 1ll << 60 };

	CHECK_SYS(timerfd_settime(mono, TFD_TIMER_ABSTIME, &spec, NULL));
	CHECK_SYS(timerfd_settime(real, 0, &spec, NULL));
	ckpt_ready_wait();
	CHECK(left(mono) > end / 2 && left(real) > end / 2, "%lld, %lld", left(mono), left(real));
	CHECK(interval_of(mono) >= end, "%lld", interval_of(mono));
	fails(mono, EAGAIN);
	fails(real, EAGAIN);
}

/* It expires by the clock that goes on: the reader waits until then, and not longer. */
static void expires(clockid_t clock)
{
	long long end = now(clock) + 300 * 1000000ll;
	int fd = timer(clock, 0);

	set(fd, TFD_TIMER_ABSTIME, end, 0);
	ckpt_ready_wait();
	CHECK_EQ(1, ticks(fd));
	CHECK(now(clock) >= end, "early by %lld ns", end - now(clock));
	CHECK_EQ(0, left(fd));
}

CKPT_CYCLE(expires_monotonic, .down_ms = DOWN_MS)
{
	expires(CLOCK_MONOTONIC);
}

CKPT_CYCLE(expires_boottime, .down_ms = DOWN_MS)
{
	expires(CLOCK_BOOTTIME);
}

CKPT_CYCLE(expires_realtime, .down_ms = DOWN_MS)
{
	expires(CLOCK_REALTIME);
}

static int own;

static int waits(void *arg)
{
	CHECK_EQ(1, ticks(own));
	return 81;
}

CKPT_CYCLE(reader_waits, .blocked = { BLOCKED(__NR_read) })
{
	pid_t kid;

	own = timer(CLOCK_MONOTONIC, 0);
	set(own, 0, LONG, 0);
	kid = ckpt_fork(waits, NULL);
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	set(own, 0, 1, 0);
	ckpt_wait_exit(kid, 81);
}

/* ---- periodic -------------------------------------------------------- */

/*
 * None of its expiries is lost, and none has come twice: @total were read so far of a
 * timer of @interval that began at @start, and as many are due before the next one.
 */
static void none_lost(int fd, clockid_t clock, long long start, long long interval, long long total)
{
	struct span next;
	long long rest;
	uint64_t n;

	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	do {
		next.from = now(clock);
		rest = left(fd);
		next.from += rest;
		next.to = now(clock) + rest;
		/* Has it expired meanwhile? */
		if (read(fd, &n, sizeof(n)) == sizeof(n)) {
			total += n;
			rest = 0;
		}
	} while (!rest || next.to - next.from > interval / 3);
	CHECK_EQ((next.from - start + interval / 2) / interval, total);
}

static void counts(clockid_t clock)
{
	long long interval = 200 * 1000000ll, start = now(read_by(clock)) + interval;
	int fd = timer(clock, 0);
	long long total;

	set(fd, TFD_TIMER_ABSTIME, start, interval);
	total = ticks(fd);
	total += ticks(fd);
	ckpt_ready_wait();
	total += ticks(fd);
	none_lost(fd, read_by(clock), start, interval, total);
}

CKPT_CYCLE(counts_monotonic, .down_ms = DOWN_MS)
{
	counts(CLOCK_MONOTONIC);
}

CKPT_CYCLE(counts_boottime, .down_ms = DOWN_MS)
{
	counts(CLOCK_BOOTTIME);
}

/* That goes on while there are no tasks: they get what they have missed. */
CKPT_CYCLE(counts_realtime, .down_ms = DOWN_MS)
{
	long long start = now(CLOCK_REALTIME);

	counts(CLOCK_REALTIME);
	CHECK(now(CLOCK_REALTIME) - start >= board->restarts * DOWN_NS, "the test is wrong");
}

CKPT_CYCLE(counts_alarm, .down_ms = DOWN_MS)
{
	counts(CLOCK_BOOTTIME_ALARM);
}

/* Expired a hundred times, of which the kernel itself has counted one. */
static void unread(clockid_t clock)
{
	long long start = now(read_by(clock)) / 101, total;
	int fd = timer(clock, TFD_NONBLOCK);

	set(fd, TFD_TIMER_ABSTIME, start, start);
	ckpt_ready_wait();
	total = ticks(fd);
	CHECK(total >= 100, "%lld ticks", total);
	none_lost(fd, read_by(clock), start, start, total);
}

CKPT_CYCLE(unread_monotonic)
{
	unread(CLOCK_MONOTONIC);
}

CKPT_CYCLE(unread_realtime)
{
	unread(CLOCK_REALTIME);
}

CKPT_CYCLE(unread_alarm)
{
	unread(CLOCK_REALTIME_ALARM);
}

/* ---- expired, or not armed ------------------------------------------- */

CKPT_CYCLE(expired_once)
{
	int fd = timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	set(fd, TFD_TIMER_ABSTIME, 1, 0);
	CHECK_EQ(1, poll(&pfd, 1, -1));
	ckpt_ready_wait();
	CHECK_EQ(1, poll(&pfd, 1, 0));
	CHECK_EQ(0, left(fd));
	CHECK_EQ(1, ticks(fd));
	fails(fd, EAGAIN);
	CHECK_EQ(0, poll(&pfd, 1, 0));
}

CKPT_CYCLE(expired_and_read)
{
	int fd = timer(CLOCK_BOOTTIME, TFD_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	set(fd, TFD_TIMER_ABSTIME, 1, 0);
	CHECK_EQ(1, poll(&pfd, 1, -1));
	CHECK_EQ(1, ticks(fd));
	ckpt_ready_wait();
	CHECK_EQ(0, left(fd));
	fails(fd, EAGAIN);
	set(fd, 0, 1, 0);
	CHECK_EQ(1, poll(&pfd, 1, -1));
	CHECK_EQ(1, ticks(fd));
}

/* They keep their interval. */
CKPT_CYCLE(disarmed)
{
	int real = timer(CLOCK_REALTIME_ALARM, TFD_NONBLOCK);
	int mono = timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct span span;

	set(mono, 0, LONG, 6 * NSEC);
	set(mono, 0, 0, 5 * NSEC);
	set(real, TFD_TIMER_ABSTIME, LONG + now(CLOCK_REALTIME), 6 * NSEC);
	set(real, TFD_TIMER_ABSTIME, 0, 8 * NSEC);
	/* An alarm shows the time that it had. */
	span = expiry(real, CLOCK_REALTIME);
	ckpt_ready_wait();
	CHECK_EQ(0, left(mono));
	CHECK_EQ(5 * NSEC, interval_of(mono));
	same_expiry(real, CLOCK_REALTIME, span);
	CHECK_EQ(8 * NSEC, interval_of(real));
	fails(mono, EAGAIN);
	fails(real, EAGAIN);
}

CKPT_CYCLE(never_set)
{
	int fd = timer(CLOCK_REALTIME, TFD_NONBLOCK);

	ckpt_ready_wait();
	CHECK_EQ(0, left(fd));
	CHECK_EQ(0, interval_of(fd));
	fails(fd, EAGAIN);
}

CKPT_CYCLE(ticks_given)
{
	uint64_t n = 1ull << 40;
	int fd = timer(CLOCK_MONOTONIC, TFD_NONBLOCK);

	CHECK_SYS(ioctl(fd, TFD_IOC_SET_TICKS, &n));
	ckpt_ready_wait();
	CHECK_EQ(n, ticks(fd));
	fails(fd, EAGAIN);
}

/* ---- cancelled when the clock is set --------------------------------- */

/* A restart is like a suspend: the clock has leapt. */
static void cancel_on_set(clockid_t clock)
{
	int fd = timer(clock, TFD_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct span span;

	set(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, now(CLOCK_REALTIME) + LONG, 0);
	span = expiry(fd, CLOCK_REALTIME);
	ckpt_ready_wait();
	CHECK_EQ(board->restarts ? 1 : 0, poll(&pfd, 1, 0));
	if (board->restarts)
		fails(fd, ECANCELED);
	fails(fd, EAGAIN);
	same_expiry(fd, CLOCK_REALTIME, span);
}

CKPT_CYCLE(cancel_on_set_armed)
{
	cancel_on_set(CLOCK_REALTIME);
}

CKPT_CYCLE(cancel_on_set_alarm)
{
	cancel_on_set(CLOCK_REALTIME_ALARM);
}

/*
 * Sets the clock a second ahead. Set to what it was a moment ago, as would do too, it could be behind
 * the time since boot where no other clock had set it.
 */
static void set_clock(void)
{
	struct timespec ts;

	CHECK_SYS(clock_gettime(CLOCK_REALTIME, &ts));
	ts.tv_sec++;
	CHECK_SYS(clock_settime(CLOCK_REALTIME, &ts));
}

CKPT_CYCLE(cancelled_already)
{
	int fd = timer(CLOCK_REALTIME, TFD_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	set(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, now(CLOCK_REALTIME) + LONG, NSEC);
	set_clock();
	CHECK_EQ(1, poll(&pfd, 1, -1));
	ckpt_ready_wait();
	CHECK_EQ(1, poll(&pfd, 1, 0));
	fails(fd, ECANCELED);
	fails(fd, EAGAIN);
	CHECK(left(fd) > 0, "it is not armed");
	/* It can be again. */
	set_clock();
	CHECK_EQ(1, poll(&pfd, 1, -1));
	fails(fd, ECANCELED);
}

/* Others are not. */
CKPT_CYCLE(not_cancelled)
{
	int fd = timer(CLOCK_REALTIME, TFD_NONBLOCK);

	set(fd, TFD_TIMER_ABSTIME, now(CLOCK_REALTIME) + LONG, 0);
	ckpt_ready_wait();
	set_clock();
	fails(fd, EAGAIN);
}

/* ---- the descriptor -------------------------------------------------- */

static long shown(int fd, const char *name)
{
	char path[64], text[512], *at;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	at = strstr(ckpt_read_file(path, text, sizeof(text)), name);
	CHECK(at, "no %s in \"%s\"", name, text);
	return strtol(at + strlen(name), NULL, 8);
}

CKPT_CYCLE(flags)
{
	int both = timer(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int plain = timer(CLOCK_BOOTTIME, 0);
	int plain_flags = fcntl(plain, F_GETFL), both_flags = fcntl(both, F_GETFL);

	set(both, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, now(CLOCK_REALTIME) + LONG, 0);
	ckpt_ready_wait();
	CHECK_EQ(plain_flags, fcntl(plain, F_GETFL));
	CHECK_EQ(both_flags, fcntl(both, F_GETFL));
	CHECK(both_flags & O_NONBLOCK, "flags 0%o", both_flags);
	CHECK_EQ(0, fcntl(plain, F_GETFD));
	CHECK_EQ(FD_CLOEXEC, fcntl(both, F_GETFD));
	CHECK_EQ(CLOCK_BOOTTIME, shown(plain, "clockid:"));
	CHECK_EQ(0, shown(plain, "settime flags:"));
	CHECK_EQ(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, shown(both, "settime flags:"));
}

static int shares(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	CHECK_EQ(1, ticks(own));
	ckpt_step(2);
	return 82;
}

CKPT_CYCLE(shared_by_fork_and_dup)
{
	pid_t kid;
	int twin;

	own = timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
	twin = CHECK_SYS(dup(own));
	set(own, 0, LONG, 0);
	kid = ckpt_fork(shares, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	set(twin, TFD_TIMER_ABSTIME, 1, 0);
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	fails(own, EAGAIN);
	ckpt_wait_exit(kid, 82);
}

CKPT_CYCLE(many)
{
	enum { MANY = 300 };
	struct span span[MANY];
	int fd[MANY], i;

	for (i = 0; i < MANY; i++) {
		fd[i] = timer(CLOCK_MONOTONIC, 0);
		set(fd[i], 0, LONG + i * NSEC, i);
		span[i] = expiry(fd[i], CLOCK_MONOTONIC);
	}
	ckpt_ready_wait();
	for (i = 0; i < MANY; i++) {
		same_expiry(fd[i], CLOCK_MONOTONIC, span[i]);
		CHECK_EQ(i, interval_of(fd[i]));
	}
}

TEST_HARNESS_MAIN
