// SPDX-License-Identifier: GPL-2.0
/*
 * The steps that a scenario goes through, one after the other.
 */
#define CKPT_NO_HARNESS
#include "common_private.h"

#include <stdlib.h>
#include <unistd.h>

/* What holds without checkpoints: if it does not, the scenario is wrong. */
static int baseline(struct ckpt_run *run)
{
	ckpt_phase("undisturbed");
	if (ckpt_run_set_up(run) || ckpt_run_go_and_finish(run))
		return -1;
	ckpt_phase("frozen and thawed");
	if (ckpt_run_set_up(run))
		return -1;
	if (ckpt_cgroup_freeze(&run->cg) || ckpt_cgroup_thaw(&run->cg))
		return ckpt_complain(run, "could not be frozen and thawed");
	return ckpt_run_go_and_finish(run);
}

/* The image @first is restarted, checkpointed to @second, and restarted again. */
static int second_generation(struct ckpt_run *run, int first, int second)
{
	ckpt_phase("second generation, checkpoint");
	if (ckpt_run_restart(run, first, 0) || ckpt_run_wait_blocked(run) ||
	    ckpt_run_checkpoint(run, second, CHECKPOINT_KILL))
		return -1;
	ckpt_phase("second generation, restart");
	if (ckpt_run_restart(run, second, 0) || ckpt_run_go_and_finish(run))
		return -1;
	return 0;
}

static int cycle(struct ckpt_run *run, int first, int second)
{
	if (!(run->sc->flags & SC_NO_ORIGINAL)) {
		ckpt_phase("original beside its checkpoint");
		if (ckpt_run_set_up(run) || ckpt_run_checkpoint(run, first, 0) ||
		    ckpt_run_go_and_finish(run))
			return -1;
		ftruncate(first, 0);
		lseek(first, 0, SEEK_SET);
	}

	ckpt_phase("checkpoint");
	if (ckpt_run_set_up(run) || ckpt_run_checkpoint(run, first, CHECKPOINT_KILL))
		return -1;
	ckpt_phase("first restart");
	if (ckpt_run_restart(run, first, 0) || ckpt_run_go_and_finish(run))
		return -1;
	return second_generation(run, first, second);
}

/*
 * The same in fewer steps, for the second of two variants: the original is the one
 * that was checkpointed, and what was lost at the first restart is missed after the
 * second.
 */
static int short_cycle(struct ckpt_run *run, int first, int second)
{
	ckpt_phase("original thawed after its checkpoint");
	if (ckpt_run_set_up(run) || ckpt_run_checkpoint(run, first, CHECKPOINT_FROZEN))
		return -1;
	if (ckpt_cgroup_thaw(&run->cg))
		return ckpt_complain(run, "can't be thawed");
	if (ckpt_run_go_and_finish(run))
		return -1;
	return second_generation(run, first, second);
}

static bool was_not_here;

bool ckpt_was_not_here(void)
{
	return was_not_here;
}

int ckpt_cycle(const struct ckpt_scenario *sc, bool container)
{
	const char *boot = getenv("CKPT_BOOT");
	struct ckpt_run run;
	int first, second;
	int ret;

	if (boot)
		return ckpt_in_boot(sc, container, boot);
	first = ckpt_image_new();
	second = ckpt_image_new();
	ret = ckpt_run_init(&run, sc, container);
	if (!ret)
		ret = getenv("CKPT_BASELINE") ? baseline(&run) :
		      container || sc->flags & (SC_SUBTREE | SC_NO_ORIGINAL) ?
		      cycle(&run, first, second) : short_cycle(&run, first, second);
	was_not_here = !ret && run.board->not_here;
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return ret;
}
