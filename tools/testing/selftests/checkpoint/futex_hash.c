// SPDX-License-Identifier: GPL-2.0
/*
 * The hash in which an address space has its waits for private futexes (PR_FUTEX_HASH): one that
 * it was told to have, none of its own, and one that is up to the kernel.
 */
#include "common.h"

#include <pthread.h>
#include <sys/prctl.h>

#ifndef PR_FUTEX_HASH
#define PR_FUTEX_HASH 78
#define PR_FUTEX_HASH_SET_SLOTS 1
#define PR_FUTEX_HASH_GET_SLOTS 2
#endif

CKPT_FIXTURE

/* Fewer than the kernel chooses, for any number of threads. */
#define FEW	2
/* The fewest of those. */
#define OF_KERNEL	16

static int set_slots(unsigned long slots)
{
	return prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, slots, 0, 0);
}

static int get_slots(void)
{
	return prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_GET_SLOTS, 0, 0, 0);
}

/* The scenario needs such hashes: who has none is told so by the first call. */
static void first_slots(unsigned long slots)
{
	if (set_slots(slots)) {
		CHECK_EQ(EINVAL, errno);
		ckpt_not_here();
	}
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool told;

/* Waits for a private futex across the checkpoint. */
static void *waits(void *arg)
{
	CHECK_EQ(0, pthread_mutex_lock(&lock));
	ckpt_step(0);
	while (!told)
		CHECK_EQ(0, pthread_cond_wait(&changed, &lock));
	CHECK_EQ(0, pthread_mutex_unlock(&lock));
	return NULL;
}

static void *ends(void *arg)
{
	return NULL;
}

static void tell(pthread_t waiter)
{
	CHECK_EQ(0, pthread_mutex_lock(&lock));
	told = true;
	CHECK_EQ(0, pthread_mutex_unlock(&lock));
	CHECK_EQ(0, pthread_cond_signal(&changed));
	CHECK_EQ(0, pthread_join(waiter, NULL));
}

static void make_thread(void)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, ends, NULL));
	CHECK_EQ(0, pthread_join(thread, NULL));
}

CKPT_CYCLE(slots)
{
	pthread_t waiter;

	first_slots(FEW);
	CHECK_EQ(0, pthread_create(&waiter, NULL, waits, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(FEW, get_slots());
	tell(waiter);
	/* The kernel would choose more now, if it were up to it. */
	make_thread();
	CHECK_EQ(FEW, get_slots());
	CHECK_SYS(set_slots(64));
	CHECK_EQ(64, get_slots());
}

/* One thread, which has set it before there was another. */
CKPT_CYCLE(slots_of_one_thread)
{
	first_slots(FEW);
	ckpt_ready_wait();
	CHECK_EQ(FEW, get_slots());
	make_thread();
	CHECK_EQ(FEW, get_slots());
}

/* None of its own: there is no way back from that. */
CKPT_CYCLE(none)
{
	pthread_t waiter;

	first_slots(0);
	CHECK_EQ(0, pthread_create(&waiter, NULL, waits, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, get_slots());
	tell(waiter);
	make_thread();
	CHECK_EQ(0, get_slots());
	CHECK(set_slots(64) == -1 && errno == EBUSY, "it has got one of its own");
}

static int has_none_yet(void *arg)
{
	/* fork() does not hand it on. */
	CHECK_EQ(0, get_slots());
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(0, get_slots());
	make_thread();
	CHECK(get_slots() >= OF_KERNEL, "%d slots", get_slots());
	return 0;
}

static int has_more(void *arg)
{
	CHECK_SYS(set_slots(4 * FEW));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(4 * FEW, get_slots());
	return 0;
}

/* Each process has its own; what nobody has set is up to the kernel again. */
CKPT_CYCLE(of_each_process)
{
	pid_t none, more;

	first_slots(FEW);
	none = ckpt_fork(has_none_yet, NULL);
	more = ckpt_fork(has_more, NULL);
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	CHECK_EQ(FEW, get_slots());
	ckpt_wait_exit(none, 0);
	ckpt_wait_exit(more, 0);
}

static void *is_there(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return NULL;
}

/* What the kernel has chosen, which it does for the second thread, it chooses again. */
CKPT_CYCLE(up_to_the_kernel)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, is_there, NULL));
	ckpt_step_wait(0, 1);
	if (get_slots() <= 0)
		ckpt_not_here();
	CHECK(get_slots() >= OF_KERNEL, "%d slots", get_slots());
	ckpt_ready_wait();
	CHECK(get_slots() >= OF_KERNEL, "%d slots", get_slots());
	CHECK_EQ(0, pthread_join(thread, NULL));
	CHECK_SYS(set_slots(FEW));
	CHECK_EQ(FEW, get_slots());
}

TEST_HARNESS_MAIN
