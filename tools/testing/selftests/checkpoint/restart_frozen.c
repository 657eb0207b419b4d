// SPDX-License-Identifier: GPL-2.0
/*
 * A restart whose caller is frozen meanwhile, or whose tasks are to be left frozen and
 * are moved away.
 */
#include "family.h"
#include "feed.h"

static struct ckpt_run run;
static struct image im;
static int image = -1;
static int lowest;

FIXTURE(frozen) { int unused; };

FIXTURE_SETUP(frozen)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(frozen)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* The family is checkpointed, as subtree, and killed. */
static int take(void)
{
	if (ckpt_run_init(&run, &family, false) || ckpt_run_start(&run) ||
	    ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) || image_load(&im, image))
		return -1;
	lowest = lowest_free(&run);
	return 0;
}

static bool caller_has_ended(void)
{
	char state = state_of(restarter);

	return !state || state == 'Z';
}

/* Waits until the caller is in @state; -1: it has ended. */
static int await_caller(char state)
{
	while (state_of(restarter) != state) {
		if (caller_has_ended())
			return -1;
		poll(NULL, 0, 1);
	}
	return 0;
}

/* Freezes the caller as it waits for the image; what comes meanwhile it reads when it is thawed. */
static int freeze_caller(struct ckpt_run *run, void *arg)
{
	struct ckpt_cgroup *cg = arg;
	int i;

	/* In their cgroup it is one more. */
	while (cg == &run->cg && each_task(run, "cgroup.threads", NULL, NULL) != 1 + FAMILY + 1) {
		if (caller_has_ended())
			return -1;
		poll(NULL, 0, 1);
	}
	for (i = 0; i < 5; i++) {
		/* In read(2) it can be interrupted; what waits for the thaw can only be killed. */
		if (await_caller('S') || ckpt_cgroup_write(cg, "cgroup.freeze", "1") ||
		    await_caller('D') || feed_more(&im, 1) ||
		    ckpt_cgroup_write(cg, "cgroup.freeze", "0"))
			return -1;
	}
	return 0;
}

/* A caller that is frozen goes on when it is thawed. */
TEST_F_TIMEOUT(frozen, caller_is_frozen, CKPT_TIMEOUT)
{
	struct ckpt_cgroup other;
	int status;
	pid_t pid;

	ASSERT_EQ(0, take());
	ASSERT_EQ(0, ckpt_cgroup_new(&other));
	pid = feed_caller(&run, &im, &other, 1 + FAMILY, freeze_caller);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, ckpt_cgroup_wait_empty(&run.cg));
	ckpt_cgroup_del(&other);
}

/* So does one that is frozen together with the tasks. */
TEST_F_TIMEOUT(frozen, caller_and_tasks_are_frozen, CKPT_TIMEOUT)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, take());
	pid = feed_caller(&run, &im, &run.cg, 0, freeze_caller);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, ckpt_cgroup_wait_empty(&run.cg));
}

static void note_pid(pid_t pid, void *arg)
{
	*(pid_t *)arg = pid;
}

static int move_one(struct ckpt_run *run, void *arg)
{
	pid_t pid = 0;

	each_task(run, "cgroup.procs", note_pid, &pid);
	return ckpt_cgroup_move(arg, pid);
}

/* What is to be left frozen must be in the cgroup by then. */
TEST_F_TIMEOUT(frozen, moved_and_to_be_left_frozen, CKPT_TIMEOUT)
{
	struct restart_args args;
	struct ckpt_cgroup other;
	int fd;

	ASSERT_EQ(0, ckpt_cgroup_new(&other));
	ASSERT_EQ(0, take());
	fd = feed(&run, &im, 1 + FAMILY, move_one, &other);
	EXPECT_EQ(-1, feed_restart_flags(&run, &args, fd, RESTART_FROZEN));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, args.pidfd);
	EXPECT_TRUE(ckpt_run_log_has(&run, "was moved out of the cgroup, and so can't be left"));
	ASSERT_EQ(0, feed_end(fd));
	EXPECT_EQ(0, ckpt_cgroup_frozen(&run.cg));
	EXPECT_EQ(0, ckpt_cgroup_wait_empty(&other));
	ASSERT_EQ(0, nothing_left(&run, lowest));
	ASSERT_EQ(0, image_works(&run, &im, image));
	ckpt_cgroup_del(&other);
}

TEST_HARNESS_MAIN
