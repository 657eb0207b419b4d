/* SPDX-License-Identifier: GPL-2.0 */
/* Scenarios of which the test takes a descriptor, so that somebody outside has what it shows. */
#ifndef CKPT_TEST_REFUSE_OUTSIDE_H
#define CKPT_TEST_REFUSE_OUTSIDE_H

#include "refuse.h"

#include <linux/futex.h>

#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd 438
#endif

static int outside = -1;

/* Takes the descriptor whose number is on the board, and lets the scenario close its own. */
__attribute__((unused)) static int take_outside(void *arg)
{
	struct ckpt_run *run = arg;
	uint32_t *step = run->board->step;

	outside = syscall(__NR_pidfd_getfd, run->pidfd, (int)run->board->value[0], 0);
	if (outside < 0) {
		ckpt_diag("pidfd_getfd: %s", strerror(errno));
		return -1;
	}
	__atomic_store_n(&step[0], 1, __ATOMIC_SEQ_CST);
	syscall(__NR_futex, &step[0], FUTEX_WAKE, 1, NULL, NULL, 0);
	while (!__atomic_load_n(&step[1], __ATOMIC_SEQ_CST))
		syscall(__NR_futex, &step[1], FUTEX_WAIT, 0, NULL, NULL, 0);
	return 0;
}

__attribute__((unused)) static int give_back(void *run)
{
	close(outside);
	return 0;
}

/* Says that what is to be taken is there, and waits until it was. */
__attribute__((unused)) static void is_taken(int fd)
{
	board->value[0] = fd;
	ckpt_ready();
	ckpt_step_wait(0, 1);
}

#endif /* CKPT_TEST_REFUSE_OUTSIDE_H */
