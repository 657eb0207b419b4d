// SPDX-License-Identifier: GPL-2.0
/* The memory cgroup of the tasks is at its limit in the middle of their memory. */
#include "fault.h"
#include "memory.h"

#define SIZE	(48 * MIB)

static struct ckpt_run run;
static int image = -1;
static int lowest;

CKPT_SCENARIO(bulky)
{
	char *map = map_anon(SIZE, RW, 0);

	fill(map, SIZE, 1);
	ckpt_ready_wait();
	check_fill(map, SIZE, 1);
}

FIXTURE(fill) { int unused; };

FIXTURE_SETUP(fill)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &bulky, true));
	if (ckpt_cgroup_write(&run.cg, "memory.max", "max"))
		SKIP(return, "there is no memory controller");
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	lowest = lowest_free(&run);
}

FIXTURE_TEARDOWN(fill)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/*
 * It is refused, by name where the limit met a page, and nothing is left. Where
 * that differs by few pages something else may have met it, such as a page table.
 */
TEST_F_TIMEOUT(fill, limit_of_the_cgroup, CKPT_TIMEOUT)
{
	unsigned int named = 0, i;
	char max[32];
	long pid;
	int err;

	ckpt_cgroup_write(&run.cg, "memory.swap.max", "0");
	for (i = 0; i < 4; i++) {
		snprintf(max, sizeof(max), "%lu", (16 + 4 * i) * MIB + i * 37 * PAGE);
		ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "memory.max", max));
		pid = image_restart(&run, image);
		err = errno;
		ASSERT_EQ(-1, pid);
		named += err == ENOMEM && ckpt_run_log_has(&run, "can't be filled") &&
			 ckpt_run_log_has(&run, "raise the limit of the memory cgroup");
		ASSERT_EQ(0, nothing_left(&run, lowest)) ckpt_run_print_log(&run);
	}
	ASSERT_LT(0u, named) ckpt_run_print_log(&run);
	ckpt_cgroup_write(&run.cg, "memory.max", "max");
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ASSERT_EQ(0, runs_on(&run));
}

TEST_HARNESS_MAIN
