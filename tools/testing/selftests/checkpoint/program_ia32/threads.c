// SPDX-License-Identifier: GPL-2.0
/* Threads and thread areas of 32-bit programs: set_thread_area(2), %gs. */
#include "ia32.h"

#include <linux/sched.h>

#define CLONE_THREAD_ALL	0x50f00		/* VM, FS, FILES, SIGHAND, THREAD, SYSVSEM */

static struct user_desc area(void *base, unsigned int limit, unsigned int entry)
{
	return (struct user_desc) {
		.entry_number = entry, .base_addr = (unsigned long)base, .limit = limit,
		.seg_32bit = 1, .useable = 1,
	};
}

unsigned int area_new(void *base, unsigned int limit)
{
	struct user_desc desc = area(base, limit, -1);

	CHECK_CALL(__NR_set_thread_area, &desc);
	return desc.entry_number << 3 | 3;
}

unsigned int gs_selector(void)
{
	unsigned int gs;

	asm volatile("mov %%gs, %0" : "=r" (gs));
	return gs & 0xffff;
}

uint32_t gs_word(unsigned int n)
{
	uint32_t word;

	asm volatile("movl %%gs:(%1), %0" : "=r" (word) : "r" (n * 4));
	return word;
}

/* clone(flags, stack, NULL, tls, alive): the child calls what lies on its stack. */
long clone_call(unsigned long flags, void *stack, void *tls, uint32_t *alive);
asm(
"	.text\n"
"	.globl clone_call\n"
"clone_call:\n"
"	push %edi\n push %esi\n push %ebx\n"
"	mov $120, %eax\n"
"	mov 16(%esp), %ebx\n"
"	mov 20(%esp), %ecx\n"
"	mov $0, %edx\n"
"	mov 24(%esp), %esi\n"
"	mov 28(%esp), %edi\n"
"	int $0x80\n"
"	test %eax, %eax\n"
"	jz 1f\n"
"	pop %ebx\n pop %esi\n pop %edi\n"
"	ret\n"
"1:	pop %eax\n"
"	call *%eax\n"
"	mov $1, %eax\n"
"	mov $0, %ebx\n"
"	int $0x80\n"
"	hlt\n"
);

static unsigned int first_entry;

void thread_start(struct thread *t, void (*fn)(void *arg), void *arg, uint32_t mark)
{
	long *stack = (long *)(t->stack + sizeof(t->stack)) - 8;
	struct user_desc desc;

	/* All threads use the entry that the first was given. */
	if (!first_entry)
		first_entry = area_new(t->tls, sizeof(t->tls) - 1) >> 3;
	desc = area(t->tls, sizeof(t->tls) - 1, first_entry);
	t->alive = 1;
	t->tls[0] = mark;
	t->tls[3] = ~mark;
	stack[0] = (long)fn;
	stack[1] = (long)arg;
	CHECK(clone_call(CLONE_THREAD_ALL | CLONE_SETTLS | CLONE_CHILD_CLEARTID, stack, &desc,
			 &t->alive) > 0);
}

void thread_join(struct thread *t)
{
	uint32_t alive;

	while ((alive = __atomic_load_n(&t->alive, __ATOMIC_SEQ_CST)))
		CALL(NR_futex, &t->alive, FUTEX_WAIT, alive, 0);
}

/* ---- scenarios ------------------------------------------------------- */

#define THREADS	3

static struct thread threads[THREADS];

static void use_area(uint32_t mark)
{
	unsigned int selector = first_entry << 3 | 3;

	asm volatile("mov %0, %%gs" : : "r" (selector));
	step(0);
	wait_go();
	CHECK_EQ(selector, gs_selector());
	CHECK_EQ(mark, gs_word(0));
	CHECK_EQ(~mark, gs_word(3));
	/* The descriptor is still there for who loads it again. */
	asm volatile("mov %0, %%gs" : : "r" (0));
	asm volatile("mov %0, %%gs" : : "r" (selector));
	CHECK_EQ(mark, gs_word(0));
}

static void of_thread(void *arg)
{
	use_area((uint32_t)arg);
}

static uint32_t own[4] = { 0x600d, 0, 0, ~0x600du };

void thread_areas(void)
{
	struct user_desc desc = { 0 };
	uint32_t other[4] = { 0x5151 };
	unsigned int i, second;

	first_entry = area_new(own, sizeof(own) - 1) >> 3;
	for (i = 0; i < THREADS; i++)
		thread_start(&threads[i], of_thread, (void *)(0x1000 + i), 0x1000 + i);
	/* A second one, of this thread only, in %fs; its limit is not that of the first. */
	second = area_new(other, 7);
	CHECK(second != (first_entry << 3 | 3));
	asm volatile("mov %0, %%fs" : : "r" (second));
	step_wait(0, THREADS);
	ready();
	use_area(0x600d);
	asm volatile("movl %%fs:0, %0" : "=r" (i));
	CHECK_EQ(0x5151, i);
	desc.entry_number = second >> 3;
	CHECK_CALL(__NR_get_thread_area, &desc);
	CHECK_EQ(other, desc.base_addr);
	CHECK_EQ(7, desc.limit);
	CHECK_EQ(1, desc.seg_32bit);
	CHECK_EQ(0, desc.seg_not_present);
	CHECK_EQ(1, desc.useable);
	/* There are three: one is left. */
	i = area_new(own, 3) >> 3;
	CHECK(i != first_entry && i != second >> 3);
	desc.entry_number = -1;
	CHECK_EQ(-ESRCH, CALL(__NR_set_thread_area, &desc));
	for (i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
}
