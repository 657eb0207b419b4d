// SPDX-License-Identifier: GPL-2.0
/*
 * Parents that no process has, in images whose checksums are right: in a pid
 * namespace in which the process has no pid, or in that of which it is the init.
 */
#include "fault.h"
#include "pid_namespaces.h"

static struct ckpt_run run;
static struct image im;

static int waits(void *arg)
{
	ckpt_step(2);
	ckpt_wait_go();
	return 0;
}

static int parent(void *arg)
{
	pid_t kid = ckpt_fork(waits, NULL);

	ckpt_wait_go();
	ckpt_wait_exit(kid, 0);
	return 0;
}

/* In this order in the image: children come after all of the age of their parent. */
enum { ROOT, SENDER, STARTER, PARENT, SENT, INIT, CHILD, TASKS };

CKPT_SCENARIO(nested)
{
	pid_t kid[] = {
		ckpt_fork(sender, NULL), ckpt_fork(starter_of_init, NULL), ckpt_fork(parent, NULL),
	};
	static const int ends[] = { 84, 86, 0 };
	int i;

	ckpt_step_wait(2, 2);
	ckpt_ready_wait();
	for (i = 0; i < 3; i++)
		ckpt_wait_exit(kid[i], ends[i]);
}

FIXTURE(parents) { int unused; };

FIXTURE_SETUP(parents)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(parents)
{
	if (run.board)
		ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(parents, in_other_pid_namespaces, CKPT_TIMEOUT)
{
	const char *text = "its parent is in a pid namespace that it is not in, or is the init of";
	int image = ckpt_image_new(), n = 0;
	size_t task[TASKS], at;
	uint32_t sent;

	ASSERT_EQ(0, ckpt_run_init(&run, &nested, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) != IMAGE_KIND_TASK)
			continue;
		ASSERT_GT(TASKS, n);
		task[n++] = at + RECORD_LEN;
	}
	ASSERT_EQ(TASKS, n);
	sent = image_get(&im, task[SENT] + IMAGE_AT(task, tid), 4);
	ASSERT_EQ(0, image_hostile(&run, &im, image, task[CHILD] + IMAGE_AT(task, parent), sent, 4,
				   text));
	ASSERT_EQ(0, image_hostile(&run, &im, image, task[INIT] + IMAGE_AT(task, parent), sent, 4,
				   text));
	ASSERT_EQ(0, image_works(&run, &im, image));
	close(image);
}

TEST_HARNESS_MAIN
