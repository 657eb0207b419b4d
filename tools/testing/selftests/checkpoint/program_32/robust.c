// SPDX-License-Identifier: GPL-2.0
/* The list of robust futexes of 32-bit programs. */
#include "program.h"

#define FUTEX_DIED	0x40000000

static struct thread holder;
static struct {
	long next, offset, pending;
} list;
static struct {
	long next;
	uint32_t owner;
} held;

static void hold(void *arg)
{
	list.next = (long)&held;
	list.offset = sizeof(long);
	held.next = (long)&list;
	held.owner = CALL(NR_gettid);
	CHECK_CALL(NR_set_robust_list, &list, sizeof(list));
	step(0);
	wait_go();
}

/* Who waits for what a thread holds is told that it has died. */
void robust_list(void)
{
	thread_start(&holder, hold, NULL, 1);
	step_wait(0, 1);
	ready();
	wait_go();
	thread_join(&holder);
	CHECK_EQ(FUTEX_DIED, held.owner & FUTEX_DIED);
}
