/* SPDX-License-Identifier: GPL-2.0 */
/* A tree of which something happens to a task while the others are made. */
#ifndef CKPT_TEST_FAMILY_H
#define CKPT_TEST_FAMILY_H

#include "common.h"

enum { FAMILY = 4 };

/* One with children, to be made one after the other. */
CKPT_SCENARIO(family)
{
	pid_t kid[FAMILY];
	int i;

	for (i = 0; i < FAMILY; i++)
		kid[i] = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, FAMILY);
	ckpt_ready_wait();
	for (i = 0; i < FAMILY; i++)
		ckpt_wait_exit(kid[i], 0);
}

#endif /* CKPT_TEST_FAMILY_H */
