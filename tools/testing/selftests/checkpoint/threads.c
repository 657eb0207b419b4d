// SPDX-License-Identifier: GPL-2.0
/* Threads: ids, thread-local data, joining, and leaders that have exited. */
#include "common.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#define THREADS	8

CKPT_FIXTURE_ARCH

static __thread unsigned int tls_value = 5;
static __thread char tls_text[64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int counter;

static void *worker(void *arg)
{
	unsigned int nr = (uintptr_t)arg;
	volatile unsigned int on_stack = nr * 7919;
	pid_t pid = getpid(), tid = sys_gettid();
	pthread_t self = pthread_self();

	tls_value += nr;
	snprintf(tls_text, sizeof(tls_text), "thread %u", nr);
	board->value[nr] = tid;
	errno = 1000 + nr;
	ckpt_step(0);
	/* One system call for errno's sake, the others spin or wait. */
	if (nr % 3 == 2) {
		while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
			;
		CHECK_EQ(1000 + nr, errno);
	} else {
		ckpt_wait_go();
	}
	CHECK_EQ(pid, getpid());
	CHECK_EQ(tid, sys_gettid());
	CHECK_EQ(tid, board->value[nr]);
	CHECK_EQ(5 + nr, tls_value);
	CHECK_EQ(nr * 7919, on_stack);
	CHECK(pthread_equal(self, pthread_self()), "pthread_self() changed");
	pthread_mutex_lock(&lock);
	counter++;
	pthread_mutex_unlock(&lock);
	return (void *)(uintptr_t)(nr * 3 + 1);
}

static int threaded_child(void *arg)
{
	pthread_t thread[THREADS];
	void *ret;
	uintptr_t i;

	strcpy(tls_text, "main");
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, worker, (void *)i));
	ckpt_step_wait(0, THREADS);
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_STREQ("main", tls_text);
	/* A join ends by the kernel's clear_child_tid and futex wake-up. */
	for (i = 0; i < THREADS; i++) {
		CHECK_EQ(0, pthread_join(thread[i], &ret));
		CHECK_EQ(i * 3 + 1, (uintptr_t)ret);
	}
	CHECK_EQ(THREADS, counter);
	/* The C library's list of threads and its stacks are still in order. */
	CHECK_EQ(0, pthread_create(&thread[0], NULL, worker, (void *)1));
	CHECK_EQ(0, pthread_join(thread[0], &ret));
	CHECK_EQ(4, (uintptr_t)ret);
	return 31;
}

CKPT_CYCLE(in_root)
{
	pthread_t thread[THREADS];
	void *ret;
	uintptr_t i;

	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, worker, (void *)i));
	ckpt_step_wait(0, THREADS);
	ckpt_ready_wait();
	for (i = 0; i < THREADS; i++) {
		CHECK_EQ(0, pthread_join(thread[i], &ret));
		CHECK_EQ(i * 3 + 1, (uintptr_t)ret);
	}
	CHECK_EQ(THREADS, counter);
}

CKPT_CYCLE(in_child)
{
	pid_t kid = ckpt_fork(threaded_child, NULL);

	ckpt_step_wait(1, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 31);
}

static void *survivor(void *arg)
{
	pid_t pid = getpid(), tid = sys_gettid();
	unsigned int nr = (uintptr_t)arg;

	while (ckpt_leader_state() != 'Z')
		sched_yield();
	ckpt_step(2);
	ckpt_wait_go();
	CHECK_EQ(pid, getpid());
	CHECK_EQ(tid, sys_gettid());
	CHECK(pid != tid, "a survivor became the leader");
	CHECK_EQ('Z', ckpt_leader_state());
	ckpt_step(3);
	ckpt_step_wait(3, 3);
	if (!nr)
		exit(33);
	for (;;)
		pause();
}

static int leaderless(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, survivor, (void *)0));
	CHECK_EQ(0, pthread_create(&thread, NULL, survivor, (void *)1));
	syscall(__NR_exit, 5);
	return 0;
}

CKPT_CYCLE(exited_leader)
{
	pid_t kid = ckpt_fork(leaderless, NULL);

	ckpt_step_wait(2, 2);
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	ckpt_step(3);
	ckpt_wait_exit(kid, 33);
}

/* Without exit_group() it is the last thread whose code counts. */
static void *quiet_survivor(void *arg)
{
	while (ckpt_leader_state() != 'Z')
		sched_yield();
	ckpt_step(2);
	ckpt_wait_go();
	syscall(__NR_exit, 9);
	return NULL;
}

static int quiet_leaderless(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, quiet_survivor, NULL));
	syscall(__NR_exit, 6);
	return 0;
}

CKPT_CYCLE(threads_end_singly)
{
	pid_t kid = ckpt_fork(quiet_leaderless, NULL);

	ckpt_step_wait(2, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 9);
}

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned long turns[2];
static bool stop;

static void *in_turns(void *arg)
{
	unsigned int me = (uintptr_t)arg;

	pthread_mutex_lock(&lock);
	while (!stop) {
		if (turns[me] > turns[!me] || (turns[0] == turns[1] && me)) {
			pthread_cond_wait(&cond, &lock);
			continue;
		}
		turns[me]++;
		pthread_cond_broadcast(&cond);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void await_turns(unsigned long count)
{
	pthread_mutex_lock(&lock);
	while (turns[1] < count)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
}

CKPT_CYCLE(mutex_and_condition)
{
	pthread_t thread[2];
	uintptr_t i;

	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, in_turns, (void *)i));
	await_turns(50);
	ckpt_ready_wait();
	await_turns(turns[1] + 50);
	pthread_mutex_lock(&lock);
	stop = true;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
	CHECK(turns[0] - turns[1] <= 1, "%lu against %lu turns", turns[0], turns[1]);
}

TEST_HARNESS_MAIN
