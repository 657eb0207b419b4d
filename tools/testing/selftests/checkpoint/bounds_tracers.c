// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a task that a process has open which does not trace it, in images whose
 * checksums are right: only its tracer may have that.
 */
#include "fault.h"
#include "ptrace.h"

#include <fcntl.h>

static struct ckpt_run run;
static struct image im;

static int traced(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(raise(SIGUSR1));
	return 21;
}

CKPT_SCENARIO(debugger)
{
	pid_t other = ckpt_fork(ckpt_child_waits, NULL), kid = ckpt_fork(traced, NULL);
	char path[64];

	expect(kid, SIGUSR1);
	ckpt_step_wait(0, 1);
	snprintf(path, sizeof(path), "/proc/%d/mem", ckpt_proc_number(kid));
	CHECK_SYS(open(path, O_RDWR));
	board->value[THREAD] = other;
	ckpt_ready_wait();
	go_on(kid, 0);
	ckpt_wait_exit(kid, 21);
	ckpt_wait_exit(other, 0);
}

FIXTURE(tracers) { int unused; };

FIXTURE_SETUP(tracers)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(tracers)
{
	if (run.board)
		ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(tracers, memory_of_no_tracee, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	size_t body;

	ASSERT_EQ(0, ckpt_run_init(&run, &debugger, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	body = image_body(&im, IMAGE_KIND_TRACED);
	ASSERT_TRUE(body);
	/* Another process traces it. */
	ASSERT_EQ(0, image_hostile(&run, &im, image, body + IMAGE_AT(traced, tracer),
				   run.board->value[THREAD], 4,
				   "has its memory open (/proc/PID/mem), and does not trace it"));
	ASSERT_EQ(0, image_works(&run, &im, image));
	close(image);
}

TEST_HARNESS_MAIN
