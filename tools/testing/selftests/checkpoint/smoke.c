// SPDX-License-Identifier: GPL-2.0
/* The least that must work: one process that waits. */
#include "common.h"

CKPT_FIXTURE_ARCH

CKPT_CYCLE(one_process)
{
	volatile int value = 4711;
	pid_t pid = getpid();

	ckpt_ready_wait();
	CHECK_EQ(4711, value);
	CHECK_EQ(pid, getpid());
}

TEST_HARNESS_MAIN
