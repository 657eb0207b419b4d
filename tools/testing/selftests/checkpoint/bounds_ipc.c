// SPDX-License-Identifier: GPL-2.0
/*
 * Pids that only tell who has used an object of System V IPC: in an image that is right
 * otherwise, one that can't be had here is forgotten, and the log tells that.
 */
#include "fault.h"

#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>

/* The highest pid that an image may have: above the largest one of the container. */
#define HIGHEST	((1u << 22) - 1)
#define LARGEST	32768

CKPT_SCENARIO(queue, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	struct { long type; char text; } message = { 1, 'm' };
	int id = CHECK_SYS(msgget(IPC_PRIVATE, 0600));
	struct msqid_ds ds;

	CHECK_SYS(msgsnd(id, &message, 1, 0));
	ckpt_ready_wait();
	CHECK_SYS(msgctl(id, IPC_STAT, &ds));
	board->value[0] = ds.msg_lspid;
	CHECK_EQ(1, msgrcv(id, &message, 1, 0, IPC_NOWAIT));
}

static struct ckpt_run run;
static struct image im;

FIXTURE(bounds) { int unused; };

FIXTURE_SETUP(bounds)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(bounds)
{
	if (run.board)
		ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(bounds, pid_out_of_range, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	size_t at, body = 0;

	ASSERT_EQ(0, ckpt_run_init(&run, &queue, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) == IMAGE_KIND_MSG_QUEUE)
			body = at + RECORD_LEN;
		if (image_get(&im, at, 2) == IMAGE_KIND_PID_NS)
			image_put32(&im, at + RECORD_LEN + IMAGE_AT(pid_ns, pid_max), LARGEST);
	}
	ASSERT_NE(0u, body);
	image_put32(&im, body + IMAGE_AT(msg_queue, lspid), HIGHEST);
	image_fix(&im);
	ASSERT_EQ(0, image_works(&run, &im, image));
	EXPECT_EQ(0u, run.board->value[0]);
	EXPECT_TRUE(ckpt_run_log_has(&run, "that process 4194303 used it, which is gone, is forgotten"));
	close(image);
}

TEST_HARNESS_MAIN
