// SPDX-License-Identifier: GPL-2.0
/* Signals of POSIX timers that were sent, and what became of the timers since. */
#include "posix_timers.h"

CKPT_FIXTURE

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
	int id = create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL), overruns, wait;

	block(SIGRTMIN);
	set(id, 0, 1, 100000);
	/* Without timers of high resolution each of its periods is a tick. */
	for (wait = 3000; ; wait *= 2) {
		wait_pending(SIGRTMIN);
		usleep(wait);
		overruns = take_of(SIGRTMIN, id, NULL).si_overrun;
		if (overruns >= 20)
			break;
	}
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

/* It was ignored, and then set again or disarmed: that leaves it among what is ignored. */
CKPT_CYCLE(ignored_and_set_again)
{
	int id = create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL);
	int off = create_for(CLOCK_MONOTONIC, SIGRTMIN, NULL);

	signal(SIGRTMIN, SIG_IGN);
	set(id, 0, 1, MS);
	set(off, 0, 1, MS);
	usleep(3000);
	set(id, 0, 100000 * SEC, SEC);
	set(off, 0, 0, 0);
	ckpt_ready_wait();
	CHECK(left(id, SEC) > 90000 * SEC, "it is not armed");
	CHECK_EQ(0, left(off, 0));
	block(SIGRTMIN);
	signal(SIGRTMIN, SIG_DFL);
	set(id, 0, 1, 0);
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

TEST_HARNESS_MAIN
