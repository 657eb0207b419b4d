// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers: what the C library has of the kernel's generator (getrandom(3) by the
 * vDSO, arc4random(3)) is not in an image. So neither the original nor another program
 * of the same image has the numbers of a restarted one.
 */
#include "common.h"

#include <stdlib.h>
#include <sys/random.h>

#define GETRANDOM	0
#define ARC4RANDOM	1
#define KINDS		2

static void draw(uint64_t number[KINDS])
{
	CHECK_EQ(sizeof(number[0]), CHECK_SYS(getrandom(&number[GETRANDOM], sizeof(number[0]), 0)));
	arc4random_buf(&number[ARC4RANDOM], sizeof(number[0]));
}

CKPT_SCENARIO(drawn)
{
	uint64_t number[KINDS];
	int i;

	/* There is a state by now, with more in it. */
	for (i = 0; i < 3; i++)
		draw(number);
	ckpt_ready_wait();
	draw(board->value);
}

FIXTURE(random)
{
	struct ckpt_run run;
	int first, second;
};
FIXTURE_VARIANT(random) { bool container; };
FIXTURE_VARIANT_ADD(random, container) { .container = true };
FIXTURE_VARIANT_ADD(random, subtree) { .container = false };

FIXTURE_SETUP(random)
{
	CKPT_BEGIN();
	if (!variant->container && ckpt_containers_only())
		SKIP(return, "the same on all architectures: containers only here");
	self->first = ckpt_image_new();
	self->second = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&self->run, &drawn, variant->container));
}

FIXTURE_TEARDOWN(random)
{
	if (self->run.board)
		ckpt_run_fini(&self->run);
}

/* What it has drawn is in @number when it has ended. */
static int ends(struct ckpt_run *run, uint64_t number[KINDS])
{
	if (ckpt_run_go(run) || ckpt_run_finish(run))
		return -1;
	memcpy(number, run->board->value, KINDS * sizeof(*number));
	return 0;
}

TEST_F_TIMEOUT(random, others_each_time, CKPT_TIMEOUT)
{
	uint64_t number[4][KINDS];
	struct ckpt_run *run = &self->run;
	int i, j, kind;

	ASSERT_EQ(0, ckpt_run_start(run));
	ASSERT_EQ(0, ckpt_run_checkpoint(run, self->first, 0));
	ASSERT_EQ(0, ends(run, number[0]));
	for (i = 1; i < 3; i++) {
		ASSERT_EQ(0, ckpt_run_restart(run, self->first, 0));
		ASSERT_EQ(0, ends(run, number[i]));
	}
	ASSERT_EQ(0, ckpt_run_restart(run, self->first, 0));
	ASSERT_EQ(0, ckpt_run_checkpoint(run, self->second, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(run, self->second, 0));
	ASSERT_EQ(0, ends(run, number[3]));
	for (i = 0; i < 4; i++)
		for (j = 0; j < i; j++)
			for (kind = 0; kind < KINDS; kind++)
				EXPECT_NE(number[i][kind], number[j][kind]);
}

TEST_HARNESS_MAIN
