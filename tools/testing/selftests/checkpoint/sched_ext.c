// SPDX-License-Identifier: GPL-2.0
/*
 * SCHED_EXT, the policy of tasks that a scheduler of BPF is to have: saved as any policy, whether
 * there is such a scheduler or not; a kernel without it refuses the image.
 */
#include "fault.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#ifndef SCHED_EXT
#define SCHED_EXT	7
#endif

#define POLICY		0	/* Of the board's values. */
#define NICE		(-3)

/* Without CONFIG_SCHED_CLASS_EXT there is no such policy. */
static bool is_here(void)
{
	struct sched_param param = { 0 };
	int old = sched_getscheduler(0);

	if (sched_setscheduler(0, SCHED_EXT, &param)) {
		CHECK_EQ(EINVAL, errno);
		return false;
	}
	CHECK_SYS(sched_setscheduler(0, old, &param));
	return true;
}

static void *with_policy(void *arg)
{
	int policy = SCHED_EXT | (arg ? SCHED_RESET_ON_FORK : 0);
	struct sched_param param = { 0 };

	CHECK_SYS(setpriority(PRIO_PROCESS, 0, NICE));
	CHECK_SYS(sched_setscheduler(0, policy, &param));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(policy, sched_getscheduler(0));
	CHECK_EQ(NICE, getpriority(PRIO_PROCESS, 0));
	return NULL;
}

/* A thread of a process of which the others have another one. */
CKPT_SCENARIO(of_threads)
{
	pthread_t thread[2];
	uintptr_t i;

	if (!is_here())
		ckpt_not_here();
	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, with_policy, (void *)i));
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	CHECK_EQ(SCHED_OTHER, sched_getscheduler(0));
	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* It tells which one it has in the end. */
CKPT_SCENARIO(tells)
{
	board->value[POLICY] = is_here();
	ckpt_ready_wait();
	board->value[POLICY] = sched_getscheduler(0);
}

CKPT_FIXTURE

TEST_F_TIMEOUT(cr, of_threads, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, ckpt_cycle(&of_threads, variant->container));
	if (ckpt_was_not_here())
		SKIP(return, "this kernel has no SCHED_EXT (CONFIG_SCHED_CLASS_EXT)");
}

/* An image of a kernel that has it, on this one. */
TEST_F_TIMEOUT(cr, of_another_kernel, CKPT_TIMEOUT)
{
	int fd = ckpt_image_new();
	struct ckpt_run run;
	struct image im;
	uint64_t here;
	size_t at;

	ASSERT_EQ(0, ckpt_run_init(&run, &tells, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	here = run.board->value[POLICY];
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, fd, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, fd));
	at = image_body(&im, IMAGE_KIND_TASK) + IMAGE_AT(task, policy);
	if (here) {
		image_put32(&im, at, SCHED_EXT);
		image_fix(&im);
		ASSERT_EQ(0, image_works(&run, &im, fd));
		ASSERT_EQ((uint64_t)SCHED_EXT, run.board->value[POLICY]);
	} else {
		ASSERT_EQ(0, image_hostile(&run, &im, fd, at, SCHED_EXT, 4,
					   "may not set scheduling policy 7, "));
		ASSERT_TRUE(ckpt_run_log_has(&run, "and a kernel with that policy [EINVAL]"));
		ASSERT_EQ(0, image_works(&run, &im, fd));
		ASSERT_EQ((uint64_t)SCHED_OTHER, run.board->value[POLICY]);
	}
	ckpt_run_fini(&run);
	close(fd);
}

TEST_HARNESS_MAIN
