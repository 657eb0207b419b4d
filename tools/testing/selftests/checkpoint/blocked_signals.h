/* SPDX-License-Identifier: GPL-2.0 */
/* Signals that are blocked: whether they are pending, and what they tell when they are taken. */
#ifndef CKPT_TEST_BLOCKED_SIGNALS_H
#define CKPT_TEST_BLOCKED_SIGNALS_H

#include "common.h"

#include <pthread.h>
#include <signal.h>

/* In the calling thread. */
__attribute__((unused)) static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(0, pthread_sigmask(SIG_BLOCK, &set, NULL));
}

__attribute__((unused)) static bool is_pending(int sig)
{
	sigset_t set;

	CHECK_SYS(sigpending(&set));
	return sigismember(&set, sig) == 1;
}

/* The signal @sig comes; what it tells. */
__attribute__((unused)) static siginfo_t comes(int sig)
{
	struct timespec watchdog = { .tv_sec = CKPT_WATCHDOG };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(sig, sigtimedwait(&set, &info, &watchdog));
	return info;
}

#endif /* CKPT_TEST_BLOCKED_SIGNALS_H */
