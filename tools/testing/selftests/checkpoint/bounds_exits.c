// SPDX-License-Identifier: GPL-2.0
/*
 * An image, whose checksums are right, of a thread that is stopped as its process
 * exits, of which other threads run: these end, as a process that exits takes no
 * signals that could end them later.
 */
#include "fault.h"
#include "ptrace.h"

#include <pthread.h>

#define GROUP	8	/* Value: the process is to exit by itself. */

static struct ckpt_run run;
static struct image im;

static void *ends_later(void *arg)
{
	board->value[THREAD] = sys_gettid();
	ckpt_step(BEGUN);
	ckpt_step_wait(GO_ON, 1);
	return NULL;
}

static int with_thread(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, ends_later, NULL));
	ckpt_step_wait(END, 1);
	return 46;
}

CKPT_SCENARIO(thread_exits)
{
	pid_t kid = ckpt_fork(with_thread, NULL), tid;
	int status;

	ckpt_step_wait(BEGUN, 1);
	tid = board->value[THREAD];
	CHECK_SYS(ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACEEXIT));
	ckpt_step(GO_ON);
	expect(tid, EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
	ckpt_ready_wait();
	go_on(tid, 0);
	CHECK_EQ(tid, waitpid(tid, &status, __WALL));
	if (board->value[GROUP]) {
		ckpt_wait_exit(kid, 47);
		return;
	}
	ckpt_step(END);
	ckpt_wait_exit(kid, 46);
}

FIXTURE(exits) { int unused; };

FIXTURE_SETUP(exits)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(exits)
{
	if (run.board)
		ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(exits, other_threads_end, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	uint32_t flags;
	size_t traced;

	ASSERT_EQ(0, ckpt_run_init(&run, &thread_exits, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	traced = image_body(&im, IMAGE_KIND_TRACED);
	ASSERT_NE(0u, traced);
	ASSERT_EQ((uint64_t)IMAGE_TRACED_EXITING,
		  image_get(&im, traced + IMAGE_AT(traced, stop), 4));
	flags = image_get(&im, traced + IMAGE_AT(traced, flags), 4);
	ASSERT_EQ(0u, flags & IMAGE_TRACED_GROUP_EXITS);

	run.saved.value[GROUP] = 1;
	image_put32(&im, traced + IMAGE_AT(traced, flags), flags | IMAGE_TRACED_GROUP_EXITS);
	image_put32(&im, traced + IMAGE_AT(traced, result), 47 << 8);
	image_fix(&im);
	ASSERT_EQ(0, image_works(&run, &im, image));

	run.saved.value[GROUP] = 0;
	image_put32(&im, traced + IMAGE_AT(traced, flags), flags);
	image_put32(&im, traced + IMAGE_AT(traced, result), 0);
	image_fix(&im);
	ASSERT_EQ(0, image_works(&run, &im, image));
	close(image);
}

TEST_HARNESS_MAIN
