// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of 32-bit programs: each has a pattern of its own, in a loop of ARM and of Thumb code, in a
 * system call, under a signal handler.
 */
#include "aarch32.h"

#define GPRS		14	/* r0 to r12, lr */
#define DOUBLES		32

/* N, Z, C, V, Q, GE */
#define APSR_FREE	0xf80f0000u
/* Flags, QC, AHP, default NaN, flush to zero, rounding, and exceptions that were seen. */
#define FPSCR_FREE	0xffc0009fu
#define CPSR_IT		0x0600fc00u

/* The layout is known to the assembly below. */
struct regs {
	uint32_t gpr[GPRS];	/* 0 */
	uint32_t apsr;		/* 56 */
	uint32_t fpscr;		/* 60 */
	uint64_t d[DOUBLES];	/* 64 */
} __attribute__((aligned(16)));

/* Loads all registers, goes to @place, and saves them when it comes to regs_go_on. */
void regs_run(const struct regs *in, struct regs *out, const void *place);

extern const char regs_loop[], regs_thumb_loop[], regs_call[], regs_go_on[];

asm(
"	.text\n"
"	.arm\n"
"	.globl regs_run\n"
"	.type regs_run, %function\n"
"regs_run:\n"
"	push {r4-r11, lr}\n"
"	vpush {d8-d15}\n"
"	vmrs r3, fpscr\n"
"	push {r1, r2, r3}\n"			/* out, place, fpscr */
"	mov lr, r0\n"
"	add r12, lr, #64\n"
"	vldmia r12!, {d0-d15}\n"
"	vldmia r12, {d16-d31}\n"
"	ldr r12, [lr, #60]\n"
"	vmsr fpscr, r12\n"
"	ldr r12, [lr, #56]\n"
"	msr apsr_nzcvqg, r12\n"
"	ldm lr, {r0-r12}\n"
"	ldr lr, [lr, #52]\n"
"	ldr pc, [sp, #4]\n"
"	.globl regs_loop\n"
"regs_loop:\n"
"	b regs_loop\n"
"	.globl regs_call\n"
"regs_call:\n"
"	svc #0\n"
"	.globl regs_go_on\n"
"regs_go_on:\n"
"	push {r0-r12, lr}\n"
"	mrs r1, apsr\n"
"	ldr r0, [sp, #56]\n"			/* out */
"	str r1, [r0, #56]\n"
"	vmrs r1, fpscr\n"
"	str r1, [r0, #60]\n"
"	add r1, r0, #64\n"
"	vstmia r1!, {d0-d15}\n"
"	vstmia r1, {d16-d31}\n"
"	mov r12, r0\n"
"	pop {r0-r7}\n"
"	stmia r12!, {r0-r7}\n"
"	pop {r0-r5}\n"				/* r8 to r12, lr */
"	stmia r12, {r0-r5}\n"
"	pop {r1, r2, r3}\n"
"	vmsr fpscr, r3\n"
"	vpop {d8-d15}\n"
"	pop {r4-r11, pc}\n"
"	.thumb\n"
"	.globl regs_thumb_loop\n"
"	.type regs_thumb_loop, %function\n"
"	.thumb_func\n"
"regs_thumb_loop:\n"
"	b regs_thumb_loop\n"
"	.arm\n"
);

static struct regs in, out;
static struct thread helper;
static long main_tid;
static uint32_t place, seen_there, left, word = 1;

static bool is_there(const uint32_t *context)
{
	return context[UC_PC] == (place & ~1u);
}

/* Tells that the program has got to the loop. */
static void look(int sig, void *info, uint32_t *context)
{
	CHECK_EQ(SIGUSR2, sig);
	if (is_there(context))
		__atomic_store_n(&seen_there, 1, __ATOMIC_SEQ_CST);
}

static void look_long(int sig, void *info, uint32_t *context)
{
	CHECK_EQ(SIGUSR2, sig);
	if (!is_there(context))
		return;
	ready();
	wait_go();
	__atomic_store_n(&seen_there, 1, __ATOMIC_SEQ_CST);
}

/* Has it leave the loop. */
static void leave(int sig, void *info, uint32_t *context)
{
	CHECK_EQ(SIGUSR1, sig);
	CHECK(is_there(context));
	CHECK_EQ(place & 1, !!(context[UC_CPSR] & CPSR_THUMB));
	CHECK_EQ(0, context[UC_CPSR] & CPSR_IT);
	context[UC_PC] = (uint32_t)regs_go_on;
	context[UC_CPSR] &= ~CPSR_THUMB;
	__atomic_store_n(&left, 1, __ATOMIC_SEQ_CST);
}

/* The same, unless the handler before it has not returned yet: then it comes again. */
static void leave_if_there(int sig, void *info, uint32_t *context)
{
	if (is_there(context))
		leave(sig, info, context);
}

static void send(int sig)
{
	CHECK_CALL(NR_tgkill, CALL(NR_getpid), main_tid, sig);
}

static void until_there(void)
{
	while (!__atomic_load_n(&seen_there, __ATOMIC_SEQ_CST)) {
		send(SIGUSR2);
		CALL(NR_sched_yield);
	}
}

static void end_loop(void *arg)
{
	until_there();
	ready();
	wait_go();
	send(SIGUSR1);
}

static void fill(void)
{
	unsigned int i;

	for (i = 0; i < GPRS; i++)
		in.gpr[i] = 0x80000001u + 0x01010101u * i;
	in.apsr = 0xa80a0000u;		/* N, C, Q, GE 3 and 1 */
	in.fpscr = 0xa5400011u;		/* N, C, AHP, FZ, to plus infinity; IXC, IOC */
	for (i = 0; i < DOUBLES; i++)
		in.d[i] = 0xfedcba9876543210ull ^ (0x0101010101010101ull * i);
}

static void check(void)
{
	unsigned int i;

	for (i = 0; i < GPRS; i++)
		CHECK_EQ(in.gpr[i], out.gpr[i]);
	CHECK_EQ(in.apsr & APSR_FREE, out.apsr & APSR_FREE);
	CHECK_EQ(in.fpscr & FPSCR_FREE, out.fpscr & FPSCR_FREE);
	for (i = 0; i < DOUBLES; i++) {
		CHECK_EQ(in.d[i] >> 32, out.d[i] >> 32);
		CHECK_EQ((uint32_t)in.d[i], (uint32_t)out.d[i]);
	}
}

static void run(const void *at, void (*looks)(int sig, void *info, uint32_t *context),
		void (*leaves)(int sig, void *info, uint32_t *context), void (*helps)(void *arg))
{
	place = (uint32_t)at;
	main_tid = CALL(NR_gettid);
	fill();
	set_action(SIGUSR1, leaves, WITH_INFO);
	set_action(SIGUSR2, looks, WITH_INFO);
	thread_start(&helper, helps, NULL, 1);
	regs_run(&in, &out, at);
	check();
	thread_join(&helper);
}

void registers_in_loop(void)
{
	run(regs_loop, look, leave, end_loop);
}

void registers_in_thumb_loop(void)
{
	run(regs_thumb_loop, look, leave, end_loop);
}

static void end_long_loop(void *arg)
{
	until_there();
	while (!__atomic_load_n(&left, __ATOMIC_SEQ_CST)) {
		send(SIGUSR1);
		CALL(NR_sched_yield);
	}
}

/* What the frame of the handler has of them, and what the kernel has. */
void registers_in_handler(void)
{
	run(regs_loop, look_long, leave_if_there, end_long_loop);
}

static void end_call(void *arg)
{
	ready();
	wait_go();
	while (!CALL(NR_futex, &word, FUTEX_WAKE, 1))
		CALL(NR_sched_yield);
}

void registers_in_call(void)
{
	fill();
	in.gpr[0] = (uint32_t)&word;
	in.gpr[1] = FUTEX_WAIT;
	in.gpr[2] = 1;
	in.gpr[3] = 0;
	in.gpr[7] = NR_futex;
	thread_start(&helper, end_call, NULL, 1);
	regs_run(&in, &out, regs_call);
	/* Its result. */
	in.gpr[0] = 0;
	check();
	thread_join(&helper);
}
