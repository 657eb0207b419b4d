// SPDX-License-Identifier: GPL-2.0
/* Threads of 32-bit programs, and their thread pointers. */
#include "aarch32.h"

/* VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, CHILD_CLEARTID */
#define CLONE_FLAGS	(0x50f00 | 0x80000 | 0x200000)

/* clone(flags, stack, NULL, tls, alive): the child calls what lies on its stack. */
long clone_call(unsigned long flags, void *stack, uint32_t tls, uint32_t *alive);
asm(
"	.text\n"
"	.arm\n"
"	.globl clone_call\n"
"	.type clone_call, %function\n"
"clone_call:\n"
"	push {r4, r7}\n"
"	mov r4, r3\n"
"	mov r3, r2\n"
"	mov r2, #0\n"
"	mov r7, #120\n"
"	svc #0\n"
"	cmp r0, #0\n"
"	beq 1f\n"
"	pop {r4, r7}\n"
"	bx lr\n"
"1:	pop {r0, r1}\n"
"	blx r1\n"
"	mov r0, #0\n"
"	mov r7, #1\n"
"	svc #0\n"
"	udf #0\n"
);

void thread_start(struct thread *t, void (*fn)(void *arg), void *arg, uint32_t word)
{
	long *stack = (long *)(t->stack + sizeof(t->stack)) - 4;

	t->alive = 1;
	stack[0] = (long)arg;
	stack[1] = (long)fn;
	CHECK(clone_call(CLONE_FLAGS, stack, word, &t->alive) > 0);
}

void thread_join(struct thread *t)
{
	uint32_t alive;

	while ((alive = __atomic_load_n(&t->alive, __ATOMIC_SEQ_CST)))
		CALL(NR_futex, &t->alive, FUTEX_WAIT, alive, 0);
}

/* ---- scenarios --------------------------------------------------------- */

#define THREADS	3

static struct thread threads[THREADS];

static void use_pointers(uint32_t mark)
{
	set_own_tls(~mark);
	step(0);
	wait_go();
	CHECK_EQ(mark, tls());
	CHECK_EQ(~mark, own_tls());
	/* The system call still sets the one, and nobody the other. */
	CHECK_CALL(NR_set_tls, mark + 1);
	CHECK_EQ(mark + 1, tls());
	CHECK_EQ(~mark, own_tls());
}

static void of_thread(void *arg)
{
	use_pointers((uint32_t)arg);
}

/* Both of them, in each thread: one was given to clone(2), the first one to set_tls. */
void thread_pointers(void)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		thread_start(&threads[i], of_thread, (void *)(0x80001000 + i), 0x80001000 + i);
	CHECK_CALL(NR_set_tls, 0xfffff00d);
	step_wait(0, THREADS);
	ready();
	use_pointers(0xfffff00d);
	for (i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
}

/* Where the kernel has its helpers. */
#define HELPERS_VERSION	(*(volatile uint32_t *)0xffff0ffc)

typedef uint32_t (*get_tls_fn)(void);
typedef int (*cmpxchg_fn)(int old, int new, volatile int *at);

static void use_helpers(int value)
{
	get_tls_fn get_tls = (get_tls_fn)0xffff0fe0;
	cmpxchg_fn cmpxchg = (cmpxchg_fn)0xffff0fc0;
	volatile int word = value;

	CHECK_EQ(tls(), get_tls());
	CHECK(cmpxchg(value + 1, 0, &word));
	CHECK_EQ(value, word);
	CHECK_EQ(0, cmpxchg(value, value + 2, &word));
	CHECK_EQ(value + 2, word);
}

/* Code in the page of vectors. */
void kernel_helpers(void)
{
	uint32_t version = HELPERS_VERSION;

	CHECK(version >= 2 && version < 0x100);
	CHECK_CALL(NR_set_tls, 0x1234);
	use_helpers(1);
	ready();
	wait_go();
	CHECK_EQ(version, HELPERS_VERSION);
	CHECK_EQ(0x1234, tls());
	use_helpers(11);
}
