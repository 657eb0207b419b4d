// SPDX-License-Identifier: GPL-2.0
/*
 * Pids that only tell who has used an object of System V IPC: in an image that is right
 * otherwise, one that can't be had here is forgotten, and the log tells that.
 */
#include "fault.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>

/* The highest pid that an image may have, and the limit that is set here. */
#define HIGHEST	((1u << 22) - 1)
#define LIMIT	"32768"
#define PID_MAX	"/proc/sys/kernel/pid_max"

/* A queue in an ipc namespace of its own; its pids are those of the test's pid namespace. */
CKPT_SCENARIO(queue)
{
	struct { long type; char text; } message = { 1, 'm' };
	struct msqid_ds ds;
	int id;

	CHECK_SYS(unshare(CLONE_NEWIPC));
	id = CHECK_SYS(msgget(IPC_PRIVATE, 0600));
	CHECK_SYS(msgsnd(id, &message, 1, 0));
	ckpt_ready_wait();
	CHECK_SYS(msgctl(id, IPC_STAT, &ds));
	board->value[0] = ds.msg_lspid;
	CHECK_EQ(1, msgrcv(id, &message, 1, 0, IPC_NOWAIT));
}

static struct ckpt_run run;
static struct image im;

FIXTURE(bounds) { char limit[32]; };

static int set_limit(const char *limit)
{
	int fd = open(PID_MAX, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(limit);
	bool set = fd >= 0 && write(fd, limit, len) == len;

	close(fd);
	return set ? 0 : -1;
}

FIXTURE_SETUP(bounds)
{
	CKPT_BEGIN();
	ASSERT_NE(NULL, ckpt_read_file(PID_MAX, self->limit, sizeof(self->limit)));
}

FIXTURE_TEARDOWN(bounds)
{
	set_limit(self->limit);
	if (run.board)
		ckpt_run_fini(&run);
}

/*
 * A container has a new pid namespace, whose limit is the kernel's own until it gets that of the image: so
 * each pid can be had there. In that of the caller it is the caller's.
 */
TEST_F_TIMEOUT(bounds, pid_out_of_range, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	size_t at, body = 0;

	ASSERT_EQ(0, ckpt_run_init(&run, &queue, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) == IMAGE_KIND_MSG_QUEUE)
			body = at + RECORD_LEN;
	}
	ASSERT_NE(0u, body);
	image_put32(&im, body + IMAGE_AT(msg_queue, lspid), HIGHEST);
	image_fix(&im);
	ASSERT_EQ(0, set_limit(LIMIT));
	ASSERT_EQ(0, image_works(&run, &im, image));
	EXPECT_EQ(0u, run.board->value[0]);
	EXPECT_TRUE(ckpt_run_log_has(&run, "that process 4194303 used it, which is gone, is forgotten"));
	close(image);
}

TEST_HARNESS_MAIN
