// SPDX-License-Identifier: GPL-2.0
/* How 32-bit programs and the test wait for each other. */
#include "program.h"

struct board *board;
bool is_child;

static void wake(uint32_t *word)
{
	CALL(NR_futex, word, FUTEX_WAKE, 0x7fffffff);
}

void ready(void)
{
	/* What others do after it was said may be taken back, and they may wait for it. */
	if (is_child)
		return;
	__atomic_store_n(&board->ready, 1, __ATOMIC_SEQ_CST);
	wake(&board->ready);
}

void wait_go(void)
{
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
		CALL(NR_futex, &board->go, FUTEX_WAIT, 0, 0);
}

void step(unsigned int n)
{
	__atomic_add_fetch(&board->step[n], 1, __ATOMIC_SEQ_CST);
	wake(&board->step[n]);
}

void step_wait(unsigned int n, uint32_t count)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(&board->step[n], __ATOMIC_SEQ_CST)) < count)
		CALL(NR_futex, &board->step[n], FUTEX_WAIT, seen, 0);
}
