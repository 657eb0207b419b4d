// SPDX-License-Identifier: GPL-2.0
/* The tree of processes: pids, parents, re-parenting, sub-reapers. */
#include "common.h"

#include <sched.h>
#include <signal.h>
#include <linux/sched.h>
#include <sys/prctl.h>

#define FANOUT	3
#define LEVELS	3

CKPT_FIXTURE

/* A process with FANOUT children, and so on down to the last level. */
static int node(void *arg)
{
	int level = (int)(intptr_t)arg;
	pid_t self = getpid(), parent = getppid();
	pid_t kid[FANOUT];
	int i;

	if (level < LEVELS) {
		for (i = 0; i < FANOUT; i++)
			kid[i] = ckpt_fork(node, (void *)(intptr_t)(level + 1));
	}
	ckpt_step(level);
	ckpt_wait_go();
	CHECK_EQ(self, getpid());
	CHECK_EQ(self, sys_gettid());
	CHECK_EQ(parent, getppid());
	if (level < LEVELS) {
		for (i = 0; i < FANOUT; i++) {
			CHECK_EQ(0, kill(kid[i], 0));
			ckpt_wait_exit(kid[i], 10 + level + 1);
		}
	}
	CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD, "has unknown children");
	return 10 + level;
}

CKPT_CYCLE(three_levels)
{
	pid_t self = getpid(), parent = getppid();
	pid_t kid = ckpt_fork(node, (void *)(intptr_t)1);

	ckpt_step_wait(3, FANOUT * FANOUT);
	ckpt_ready_wait();
	CHECK_EQ(self, getpid());
	if (self == 1)
		CHECK_EQ(0, getppid());
	else
		CHECK_EQ(parent, getppid());
	ckpt_wait_exit(kid, 11);
}

static int orphan(void *arg)
{
	pid_t reaper = (intptr_t)arg;

	/* The parent dies after step 0; its exit is what re-parents us. */
	ckpt_step(0);
	while (getppid() != reaper)
		sched_yield();
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_EQ(reaper, getppid());
	return 21;
}

static int short_lived(void *arg)
{
	board->value[0] = ckpt_fork(orphan, arg);
	ckpt_step_wait(0, 1);
	return 22;
}

CKPT_CYCLE(orphan_of_init, .flags = SC_CONTAINER)
{
	pid_t kid = ckpt_fork(short_lived, (void *)(intptr_t)getpid());

	CHECK_EQ(1, getpid());
	ckpt_wait_exit(kid, 22);
	ckpt_step_wait(1, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(board->value[0], 21);
}

static int late_orphan(void *arg)
{
	pid_t reaper = (intptr_t)arg;

	ckpt_step(2);
	while (getppid() != reaper)
		sched_yield();
	return 23;
}

static int late_parent(void *arg)
{
	ckpt_step(3);
	ckpt_wait_go();
	board->value[1] = ckpt_fork(late_orphan, arg);
	ckpt_step_wait(2, 1);
	return 24;
}

static int reaper(void *arg)
{
	pid_t self = getpid();
	pid_t kid, late;
	int flag = 0;

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	kid = ckpt_fork(short_lived, (void *)(intptr_t)self);
	ckpt_wait_exit(kid, 22);
	ckpt_step_wait(1, 1);
	late = ckpt_fork(late_parent, (void *)(intptr_t)self);
	ckpt_step_wait(3, 1);
	ckpt_step(4);
	ckpt_wait_go();
	CHECK_SYS(prctl(PR_GET_CHILD_SUBREAPER, &flag));
	CHECK_EQ(1, flag);
	ckpt_wait_exit(board->value[0], 21);
	ckpt_wait_exit(late, 24);
	ckpt_wait_exit(board->value[1], 23);
	return 25;
}

/* Nobody above is one: that there is one below must be known from the image. */
static int not_a_reaper(void *run)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 0);
}

CKPT_CYCLE(sub_reaper, .before = not_a_reaper)
{
	pid_t kid = ckpt_fork(reaper, NULL);
	int flag = -1;

	ckpt_step_wait(4, 1);
	ckpt_ready_wait();
	CHECK_SYS(prctl(PR_GET_CHILD_SUBREAPER, &flag));
	CHECK_EQ(0, flag);
	ckpt_wait_exit(kid, 25);
}

/* Pids that the allocator would not have given. */
CKPT_CYCLE(chosen_pids, .flags = SC_CONTAINER)
{
	static const pid_t want[] = { 1000, 37, 30000 };
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid_size = 1 };
	unsigned int i;
	pid_t tid, pid;

	for (i = 0; i < 3; i++) {
		tid = want[i];
		args.set_tid = (uintptr_t)&tid;
		pid = CHECK_SYS(syscall(__NR_clone3, &args, sizeof(args)));
		if (!pid) {
			ckpt_step(0);
			ckpt_wait_go();
			CHECK_EQ(want[i], getpid());
			_exit(30 + i);
		}
		CHECK_EQ(want[i], pid);
	}
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
	for (i = 0; i < 3; i++)
		ckpt_wait_exit(want[i], 30 + i);
}

/* More children than fit in any one step of a walk. */
CKPT_CYCLE(wide)
{
	pid_t kid[40];
	unsigned int i;

	for (i = 0; i < 40; i++) {
		kid[i] = CHECK_SYS(fork());
		if (!kid[i]) {
			pid_t self = getpid();

			ckpt_step(0);
			ckpt_wait_go();
			CHECK_EQ(self, getpid());
			_exit(i);
		}
	}
	ckpt_step_wait(0, 40);
	ckpt_ready_wait();
	for (i = 0; i < 40; i++)
		ckpt_wait_exit(kid[i], i);
}

TEST_HARNESS_MAIN
