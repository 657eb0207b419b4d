// SPDX-License-Identifier: GPL-2.0
/*
 * A restarted task that waits in vfork(), which may take hours, keeps nothing of the restart:
 * tasks that came back with it and have ended are freed.
 */
#include "common.h"
#include "usage.h"

#include <limits.h>
#include <poll.h>

#define KIDS	200
/* Threads of the kernel come and go. */
#define SLACK	24
/* Looks in a row after which what has not become less is taken to stay. */
#define LOOKS	50

static struct ckpt_run run;
static int image = -1;

FIXTURE(vfork) { int unused; };

FIXTURE_SETUP(vfork)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	if (!ckpt_objects("task_struct"))
		SKIP(return, "the kernel does not count tasks (/sys/kernel/slab)");
}

FIXTURE_TEARDOWN(vfork)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static int vforks(void *arg)
{
	pid_t kid = vfork();

	if (!kid) {
		ckpt_step(0);
		ckpt_step_wait(2, 1);
		_exit(0);
	}
	CHECK(kid > 0, "vfork: %s", strerror(errno));
	ckpt_wait_exit(kid, 0);
	return 0;
}

CKPT_SCENARIO(waits_long)
{
	static pid_t kid[KIDS];
	pid_t waiter;
	int i;

	waiter = ckpt_fork(vforks, NULL);
	for (i = 0; i < KIDS; i++)
		kid[i] = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, KIDS + 1);
	ckpt_ready_wait();
	for (i = 0; i < KIDS; i++)
		ckpt_wait_exit(kid[i], 0);
	ckpt_step(1);
	ckpt_wait_exit(waiter, 0);
}

/* Waits until no more than @most tasks have memory; -1, after it was told, if they stay. */
static int tasks_go(long most)
{
	long least = LONG_MAX, now = 0;
	int look;

	for (look = 0; look < LOOKS; look++) {
		now = ckpt_objects("task_struct");
		if (now <= most)
			return 0;
		if (now < least) {
			least = now;
			look = 0;
		}
		poll(NULL, 0, 100);
	}
	ckpt_diag("%ld tasks have memory, not %ld", now, most);
	return -1;
}

TEST_F_TIMEOUT(vfork, keeps_nothing, CKPT_TIMEOUT)
{
	struct ckpt_board *own = board;
	long before;

	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &waits_long, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	before = ckpt_objects("task_struct");
	ckpt_run_go(&run);
	board = run.board;
	ckpt_step_wait(1, 1);
	EXPECT_EQ(0, tasks_go(before - KIDS + SLACK));
	ckpt_step(2);
	board = own;
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
