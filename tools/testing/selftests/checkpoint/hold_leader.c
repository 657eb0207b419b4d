// SPDX-License-Identifier: GPL-2.0
/* Processes whose main thread has exited, as the root of what is saved. */
#include "common.h"

#include <pthread.h>
#include <signal.h>

CKPT_FIXTURE

static pid_t process;

static void *returns(void *arg)
{
	*(pid_t *)arg = sys_gettid();
	return NULL;
}

static volatile sig_atomic_t signalled;

static void on_signal(int sig)
{
	signalled = sig;
}

static void check(void)
{
	pthread_t thread;
	pid_t tid = 0;

	CHECK_EQ(process, getpid());
	CHECK(sys_gettid() != process, "this is the main thread");
	CHECK_EQ('Z', ckpt_leader_state());
	CHECK_SYS(kill(getpid(), SIGUSR1));
	CHECK_EQ(SIGUSR1, signalled);
	CHECK_EQ(0, pthread_create(&thread, NULL, returns, &tid));
	CHECK_EQ(0, pthread_join(thread, NULL));
	CHECK(tid && tid != process, "its thread id is %d", tid);
}

static void *lives_on(void *arg)
{
	while (ckpt_leader_state() != 'Z')
		sched_yield();
	ckpt_ready_wait();
	check();
	exit(0);
}

static void leader_exits(void *(*fn)(void *))
{
	pthread_t thread;

	process = getpid();
	signal(SIGUSR1, on_signal);
	CHECK_EQ(0, pthread_create(&thread, NULL, fn, NULL));
	syscall(__NR_exit, 0);
}

CKPT_CYCLE(alone)
{
	leader_exits(lives_on);
}

static void *has_child(void *arg)
{
	pid_t kid;

	while (ckpt_leader_state() != 'Z')
		sched_yield();
	kid = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	check();
	ckpt_wait_exit(kid, 0);
	exit(0);
}

CKPT_CYCLE(with_child)
{
	leader_exits(has_child);
}

/*
 * Its main thread stays where it was when the process is moved: what is frozen is
 * the cgroup of those who live.
 */
static struct ckpt_cgroup other;

static int move(void *arg)
{
	struct ckpt_run *run = arg;
	struct ckpt_cgroup first = run->cg;

	if (ckpt_cgroup_new(&other) || ckpt_cgroup_move(&other, run->pid))
		return -1;
	run->cg = other;
	other = first;
	return 0;
}

static int move_back(void *arg)
{
	ckpt_cgroup_del(&other);
	return 0;
}

CKPT_SCENARIO(moved)
{
	leader_exits(lives_on);
}

TEST_F_TIMEOUT(cr, moved, CKPT_TIMEOUT)
{
	struct checkpoint_args args;
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &moved, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, move(&run));
	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
	EXPECT_LT(0, sys_checkpoint(&args, sizeof(args)));
	ckpt_run_print_log(&run);
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	move_back(&run);
}

TEST_HARNESS_MAIN
