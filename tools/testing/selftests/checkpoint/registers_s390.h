/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers of s390x, see registers.c: general and access registers, condition
 * code and program mask, floating point control, vector registers, of which the
 * floating point registers are a part.
 */
#ifndef CKPT_REGISTERS_S390_H
#define CKPT_REGISTERS_S390_H

#include <elf.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define REGS_NR_VFORK	__NR_vfork

/* The layout is known to the assembly below. */
struct regs {
	uint64_t gpr[16];	/* 0 */
	uint32_t acr[16];	/* 128 */
	uint32_t fpc;		/* 192 */
	uint32_t psw;		/* 196: condition code and program mask, as SPM takes them */
	uint8_t pad[56];	/* 200 */
	uint8_t vec[32][16];	/* 256 */
};

/* Bits of the floating point control that are not reserved, without the roundings. */
#define FPC_FREE	0xfcfcff00u

void regs_run(const struct regs *in, struct regs *out, enum regs_mode mode);

/* The jump that is the loop, and where it goes when all is done. */
extern uint32_t regs_loop[];
extern const char regs_go_on[], regs_call_by_execute[];

/* A jump (BRC) from @at to @to. */
static uint32_t regs_jump(const void *at, const void *to)
{
	return 0xa7f40000u | (((const char *)to - (const char *)at) / 2 & 0xffff);
}

/* Another loop, and what ends it. */
static uint32_t *regs_loop_31, regs_end_31;

#define REGS_RELEASE() do {						\
	if (regs_loop_31)						\
		__atomic_store_n(regs_loop_31, regs_end_31, __ATOMIC_SEQ_CST);	\
	__atomic_store_n(regs_loop, regs_jump(regs_loop, regs_go_on), __ATOMIC_SEQ_CST); \
} while (0)

static void start_setter(void);

/* VLM, VSTM: the assembler need not know them. */
#define VECTORS(op, base, at)						\
"	.short 0xe70f, (" #base " << 12) + " #at ", 0x00" #op "\n"		\
"	.short 0xe70f, (" #base " << 12) + " #at " + 256, 0x0c" #op "\n"

asm(
"	.text\n"
"	.globl regs_run, regs_loop, regs_go_on, regs_call_by_execute\n"
"	.type regs_run, @function\n"
"	.balign 8\n"
"regs_run:\n"
"	stmg %r6, %r15, 48(%r15)\n"
"	lay %r15, -256(%r15)\n"
"	stg %r3, 160(%r15)\n"
"	std %f8, 176(%r15)\n std %f9, 184(%r15)\n std %f10, 192(%r15)\n std %f11, 200(%r15)\n"
"	std %f12, 208(%r15)\n std %f13, 216(%r15)\n std %f14, 224(%r15)\n std %f15, 232(%r15)\n"
"	stfpc 240(%r15)\n"
"	lhi %r0, 0\n"
"	ipm %r0\n"
"	st %r0, 244(%r15)\n"
	VECTORS(36, 2, 256)
"	lfpc 192(%r2)\n"
/* The first two are for thread-local storage. */
"	lam %a2, %a15, 136(%r2)\n"
"	l %r0, 196(%r2)\n"
"	spm %r0\n"
/* Nothing from here on changes the condition code. */
#define LOAD_GPRS \
"	lmg %r0, %r1, 0(%r2)\n lmg %r3, %r14, 24(%r2)\n lg %r2, 16(%r2)\n"
"	cgije %r4, 1, 1f\n"
"	cgije %r4, 2, 2f\n"
	LOAD_GPRS
"	.balign 8\n"
"regs_loop: j regs_loop\n"
"1:\n"
	LOAD_GPRS
#define CALL_FUTEX \
"	larl %r2, regs_go\n"							\
"	lghi %r3, 0\n lghi %r4, 0\n lghi %r5, 0\n"					\
"	svc 238\n"								\
"	lrl %r5, regs_go\n"
"3:\n"
	CALL_FUTEX
"	cije %r5, 0, 3b\n"
"	j regs_go_on\n"
"2:\n"
	LOAD_GPRS
"	svc 190\n"			/* vfork */
"	cgijlh %r2, 0, regs_go_on\n"
"4:\n"
	CALL_FUTEX
"	cije %r5, 0, 4b\n"
"	lghi %r2, 0\n"
"	svc 248\n"			/* exit_group */
"	.short 0\n"
"regs_go_on:\n"
"	stg %r1, 8(%r15)\n"
"	lg %r1, 160(%r15)\n"
"	stmg %r2, %r15, 16(%r1)\n"
"	stg %r0, 0(%r1)\n"
"	mvc 8(8, %r1), 8(%r15)\n"
"	lhi %r0, 0\n"
"	ipm %r0\n"
"	st %r0, 196(%r1)\n"
"	stam %a0, %a15, 128(%r1)\n"
"	stfpc 192(%r1)\n"
	VECTORS(3e, 1, 256)
"	l %r0, 244(%r15)\n"
"	spm %r0\n"
"	lfpc 240(%r15)\n"
"	ld %f8, 176(%r15)\n ld %f9, 184(%r15)\n ld %f10, 192(%r15)\n ld %f11, 200(%r15)\n"
"	ld %f12, 208(%r15)\n ld %f13, 216(%r15)\n ld %f14, 224(%r15)\n ld %f15, 232(%r15)\n"
"	lmg %r6, %r15, 48 + 256(%r15)\n"
"	br %r14\n"
"	.size regs_run, .-regs_run\n"
/* long regs_call_by_execute(args): futex() by an instruction that executes another. */
"regs_call_by_execute:\n"
"	exrl %r0, 5f\n"
"	br %r14\n"
"5:	svc 238\n"
);

static const char *regs_find_sets(void)
{
	char *page = (char *)((uintptr_t)regs_loop & -(uintptr_t)getpagesize());

	CHECK_SYS(mprotect(page, getpagesize(), PROT_READ | PROT_WRITE | PROT_EXEC));
	return "general, access, floating point, vector";
}

static void regs_fill(struct regs *regs, uint64_t seed)
{
	static const uint8_t rounding[] = { 0, 1, 2, 3, 7 };

	memset(regs, 0, sizeof(*regs));
	regs_mix_bytes(regs->gpr, sizeof(regs->gpr), &seed);
	regs_mix_bytes(regs->acr, sizeof(regs->acr), &seed);
	regs_mix_bytes(regs->vec, sizeof(regs->vec), &seed);
	regs->fpc = ((regs_mix(&seed) >> 16) & FPC_FREE) | rounding[(regs_mix(&seed) >> 20) % 5] |
		    ((regs_mix(&seed) >> 24) & 7) << 4;
	/* Without traps for overflows: a handler runs with the mask of what it interrupts. */
	regs->psw = (regs_mix(&seed) >> 8) & 0x37000000;
}

static void regs_compare(const struct regs *in, const struct regs *out, enum regs_mode mode)
{
	struct regs want = *in;
	uint32_t a0, a1;
	unsigned int i;

	/* What thread-local storage and the stack need. */
	asm volatile("ear %0, %%a0\n ear %1, %%a1" : "=d" (a0), "=d" (a1));
	want.acr[0] = a0;
	want.acr[1] = a1;
	want.gpr[15] = out->gpr[15];
	if (mode == REGS_SYSCALL) {
		want.gpr[2] = out->gpr[2];
		want.gpr[3] = 0;
		want.gpr[4] = 0;
		want.gpr[5] = 1;
	} else if (mode == REGS_VFORK) {
		regs_reap(out->gpr[2]);
		want.gpr[2] = out->gpr[2];
	}
	for (i = 0; i < 16; i++)
		REGS_SAME(want.gpr[i], out->gpr[i], "r%u", i);
	for (i = 0; i < 16; i++)
		REGS_SAME(want.acr[i], out->acr[i], "a%u", i);
	REGS_SAME(want.psw, out->psw, "condition code and program mask");
	REGS_SAME(want.fpc, out->fpc, "fpc");
	for (i = 0; i < 32; i++)
		REGS_SAME_BYTES(want.vec[i], out->vec[i], 16, "v%u", i);
}

/* The length of the instruction that made a call is not always that of SVC. */
CKPT_CYCLE(call_by_execute, .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex) })
{
	long (*call)(uint32_t *word, long op, long value, const void *timeout) =
		(void *)regs_call_by_execute;

	start_setter();
	ckpt_ready();
	while (!__atomic_load_n(&regs_go, __ATOMIC_SEQ_CST)) {
		long ret = call(&regs_go, FUTEX_WAIT, 0, NULL);

		CHECK(!ret || ret == -EAGAIN, "futex() gave %ld", ret);
	}
}

/* 31-bit addressing in a 64-bit program. */
CKPT_CYCLE(addressing_31)
{
	static const uint16_t code[] = {
		0x010d,			/* sam31 */
		0x0700,			/* nopr */
		0xa7f4, 0x0000,		/* loop: j loop */
		0x010b,			/* tam */
		0xb222, 0x0020,		/* ipm %r2 */
		0x8820, 0x001c,		/* srl %r2, 28 */
		0x010e,			/* sam64 */
		0x07fe,			/* br %r14 */
	};
	uint16_t *at = mmap((void *)0x20000000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	uint32_t (*run)(void) = (void *)at, mode;

	CHECK_EQ(0x20000000, (uintptr_t)at);
	memcpy(at, code, sizeof(code));
	regs_loop_31 = (uint32_t *)(at + 2);
	regs_end_31 = regs_jump(at + 2, at + 4);
	start_setter();
	regs_loops(1);
	ckpt_ready();
	/* 0: 24 bits, 1: 31 bits, 3: 64 bits. */
	mode = run();
	regs_loops(-1);
	CHECK_EQ(1, mode & 3);
}

static int faults_and_stops(void *arg)
{
	volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Only newer machines note it at each interruption, but all do at a fault. */
	*page = 1;
	/* A container has the /proc of who made it, where pids are others. */
	CHECK_SYS(readlink("/proc/self", board->text, sizeof(board->text) - 1));
	raise(SIGSTOP);
	return 0;
}

/* What a debugger sees of @pid, which is stopped, and will be again. */
static uint64_t last_break_of(pid_t pid)
{
	uint64_t value = 0;
	struct iovec iov = { .iov_base = &value, .iov_len = sizeof(value) };

	CHECK_SYS(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	CHECK_SYS(ptrace(PTRACE_GETREGSET, pid, NT_S390_LAST_BREAK, &iov));
	CHECK_SYS(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	return value;
}

/* The address from which the last branch was taken. */
CKPT_CYCLE(last_break)
{
	pid_t pid = ckpt_fork(faults_and_stops, NULL);
	char path[300], text[512];
	uint64_t before;

	CHECK_EQ(pid, waitpid(pid, NULL, WUNTRACED));
	before = last_break_of(pid);
	/* 1 is what the kernel has for a machine that tells none: QEMU's does, some versions of it. */
	CHECK(before == 1 || before >= 4096, "it is 0x%llx", (unsigned long long)before);
	snprintf(path, sizeof(path), "/proc/%s/stat", board->text);
	while (!strstr(ckpt_read_file(path, text, sizeof(text)), ") T "))
		sched_yield();
	ckpt_ready_wait();
	REGS_SAME(before, last_break_of(pid), "last break");
	CHECK_SYS(kill(pid, SIGCONT));
	ckpt_wait_exit(pid, 0);
}

#endif /* CKPT_REGISTERS_S390_H */
