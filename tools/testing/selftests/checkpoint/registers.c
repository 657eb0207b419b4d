// SPDX-License-Identifier: GPL-2.0
/* Every register of x86-64, in a loop, in a system call, in a signal handler. */
#include "common.h"

#ifdef __x86_64__

#include <asm/prctl.h>
#include <cpuid.h>
#include <pthread.h>
#include <signal.h>
#include <linux/futex.h>
#include <sys/mman.h>

CKPT_FIXTURE

enum gpr { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15 };

static const char * const gpr_name[] = {
	"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
};

enum mode { IN_LOOP, IN_SYSCALL };

#define FLAG_DF		(1u << 10)
#define FLAG_AC		(1u << 18)

/* The layout is known to the assembly below. */
struct regs {
	uint64_t gpr[16];	/* 0 */
	uint64_t flags;		/* 128 */
	uint32_t mxcsr;		/* 136 */
	uint16_t cw;		/* 140 */
	uint16_t sw;		/* 142 */
	uint8_t st[8][16];	/* 144 */
	uint8_t mask[8][8];	/* 272 */
	uint8_t pad[48];	/* 336 */
	uint8_t vec[32][64];	/* 384 */
};

/* Load @in into the registers, wait in @mode until regs_go, store to @out. */
void regs_run(const struct regs *in, struct regs *out, enum mode mode);

uint32_t regs_go;
uint32_t regs_level;	/* 0: xmm, 1: ymm, 2: zmm and masks. */
static const uint32_t vec_bytes[] = { 16, 32, 64 };
static const uint32_t vec_count[] = { 16, 16, 32 };

#define EACH16(m) \
	m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) \
	m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define EACH32(m) EACH16(m) \
	m(16) m(17) m(18) m(19) m(20) m(21) m(22) m(23) \
	m(24) m(25) m(26) m(27) m(28) m(29) m(30) m(31)
#define EACH7(m) m(1) m(2) m(3) m(4) m(5) m(6) m(7)

#define LOAD_X(n) "movups 384+64*" #n "(%rdi), %xmm" #n "\n"
#define LOAD_Y(n) "vmovups 384+64*" #n "(%rdi), %ymm" #n "\n"
#define LOAD_Z(n) "vmovups 384+64*" #n "(%rdi), %zmm" #n "\n"
#define LOAD_K(n) "kmovw 272+8*" #n "(%rdi), %k" #n "\n"
#define SAVE_X(n) "movups %xmm" #n ", 384+64*" #n "(%rdi)\n"
#define SAVE_Y(n) "vmovups %ymm" #n ", 384+64*" #n "(%rdi)\n"
#define SAVE_Z(n) "vmovups %zmm" #n ", 384+64*" #n "(%rdi)\n"
#define SAVE_K(n) "kmovw %k" #n ", 272+8*" #n "(%rdi)\n"

asm(
"	.text\n"
"	.globl regs_run\n"
"	.type regs_run, @function\n"
"regs_run:\n"
"	push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
"	push %rsi\n"			/* out */
"	push %rdx\n"			/* mode */
"	cmpl $1, regs_level(%rip)\n"
"	je 1f\n"
"	ja 2f\n"
	EACH16(LOAD_X)
"	jmp 3f\n"
"1:\n"
	EACH16(LOAD_Y)
"	jmp 3f\n"
"2:\n"
	EACH32(LOAD_Z)
	EACH7(LOAD_K)
"3:\n"
"	fninit\n"
"	fldt 144+112(%rdi)\n fldt 144+96(%rdi)\n fldt 144+80(%rdi)\n fldt 144+64(%rdi)\n"
"	fldt 144+48(%rdi)\n fldt 144+32(%rdi)\n fldt 144+16(%rdi)\n fldt 144(%rdi)\n"
"	fldcw 140(%rdi)\n"
"	ldmxcsr 136(%rdi)\n"
"	pushq 128(%rdi)\n"
"	popfq\n"
/* No arithmetic from here on: the flags are loaded too. */
"	mov 0(%rdi), %rax\n mov 8(%rdi), %rbx\n mov 16(%rdi), %rcx\n mov 24(%rdi), %rdx\n"
"	mov 32(%rdi), %rsi\n mov 48(%rdi), %rbp\n"
"	mov 64(%rdi), %r8\n mov 72(%rdi), %r9\n mov 80(%rdi), %r10\n mov 88(%rdi), %r11\n"
"	mov 96(%rdi), %r12\n mov 104(%rdi), %r13\n mov 112(%rdi), %r14\n mov 120(%rdi), %r15\n"
"	mov 40(%rdi), %rdi\n"
"	cmpl $0, (%rsp)\n"
"	jne 5f\n"
"4:	cmpl $0, regs_go(%rip)\n"
"	je 4b\n"
"	jmp 6f\n"
"5:	mov $202, %eax\n"		/* futex */
"	lea regs_go(%rip), %rdi\n"
"	mov $0, %esi\n"			/* FUTEX_WAIT */
"	mov $0, %edx\n"
"	mov $0, %r10d\n"
"	syscall\n"
"	cmpl $0, regs_go(%rip)\n"
"	je 5b\n"
"6:	pushfq\n"
"	cld\n"
"	push %r15\n push %r14\n push %r13\n push %r12\n push %r11\n push %r10\n push %r9\n"
"	push %r8\n push %rsp\n push %rbp\n push %rdi\n push %rsi\n push %rdx\n push %rcx\n"
"	push %rbx\n push %rax\n"
"	mov 144(%rsp), %rdi\n"		/* out, below mode, flags and 16 registers */
"	mov $17, %ecx\n"
"	mov %rsp, %rsi\n"
"	rep movsq\n"
"	mov 144(%rsp), %rdi\n"
"	add $136, %rsp\n"
"	stmxcsr 136(%rdi)\n"
"	fnstcw 140(%rdi)\n"
"	fnstsw 142(%rdi)\n"
"	fstpt 144(%rdi)\n fstpt 160(%rdi)\n fstpt 176(%rdi)\n fstpt 192(%rdi)\n"
"	fstpt 208(%rdi)\n fstpt 224(%rdi)\n fstpt 240(%rdi)\n fstpt 256(%rdi)\n"
"	fninit\n"
"	cmpl $1, regs_level(%rip)\n"
"	je 7f\n"
"	ja 8f\n"
	EACH16(SAVE_X)
"	jmp 9f\n"
"7:\n"
	EACH16(SAVE_Y)
"	vzeroupper\n"
"	jmp 9f\n"
"8:\n"
	EACH32(SAVE_Z)
	EACH7(SAVE_K)
"	vzeroupper\n"
"9:	movl $0x1f80, (%rsp)\n"
"	ldmxcsr (%rsp)\n"
"	pushq $0x202\n"
"	popfq\n"
"	add $16, %rsp\n"
"	pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
"	ret\n"
"	.size regs_run, .-regs_run\n"
);

static void find_level(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f"))
		regs_level = 2;
	else if (__builtin_cpu_supports("avx"))
		regs_level = 1;
}

static uint64_t mix(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed ^ (*seed >> 29);
}

static void fill(struct regs *regs, uint64_t seed)
{
	static const uint16_t cws[] = { 0x037f, 0x0c7f, 0x047f, 0x087f };
	static const uint32_t mxcsrs[] = { 0x7fc0, 0x3f80, 0x5f80, 0x9f80 };
	unsigned int i, j;

	memset(regs, 0, sizeof(*regs));
	for (i = 0; i < 16; i++)
		regs->gpr[i] = mix(&seed);
	for (i = 0; i < 32; i++)
		for (j = 0; j < 64; j++)
			regs->vec[i][j] = mix(&seed) >> 24;
	for (i = 1; i < 8; i++) {
		regs->mask[i][0] = mix(&seed) >> 24;
		regs->mask[i][1] = mix(&seed) >> 24;
	}
	for (i = 0; i < 8; i++) {
		/* A normal number each: leading bit set, exponent near 1. */
		for (j = 0; j < 8; j++)
			regs->st[i][j] = mix(&seed) >> 24;
		regs->st[i][7] |= 0x80;
		regs->st[i][8] = 0xf0 + i;
		regs->st[i][9] = i & 1 ? 0xbf : 0x3f;
	}
	regs->cw = cws[mix(&seed) >> 62];
	regs->mxcsr = mxcsrs[mix(&seed) >> 62];
	regs->flags = 0x202 | FLAG_DF;
}

static void compare(const struct regs *in, const struct regs *out, enum mode mode)
{
	struct regs want = *in;
	unsigned int i, j;

	if (mode == IN_SYSCALL) {
		want.gpr[RDI] = (uintptr_t)&regs_go;
		want.gpr[RSI] = 0;
		want.gpr[RDX] = 0;
		want.gpr[R10] = 0;
		/* The instruction itself uses these. */
		want.gpr[RAX] = out->gpr[RAX];
		want.gpr[RCX] = out->gpr[RCX];
		want.gpr[R11] = out->gpr[R11];
		CHECK(!(int)out->gpr[RAX] || (int)out->gpr[RAX] == -EAGAIN,
		      "futex gave %lld", (long long)out->gpr[RAX]);
	}
	for (i = 0; i < 16; i++)
		CHECK(i == RSP || want.gpr[i] == out->gpr[i], "%s is 0x%llx, not 0x%llx",
		      gpr_name[i], (unsigned long long)out->gpr[i],
		      (unsigned long long)want.gpr[i]);
	CHECK_EQ(want.flags & FLAG_DF, out->flags & FLAG_DF);
	CHECK_EQ(want.mxcsr & 0xffc0, out->mxcsr & 0xffc0);
	CHECK_EQ(want.cw, out->cw);
	/* The stack was full, its top at 0. */
	CHECK_EQ(0, out->sw >> 11 & 7);
	for (i = 0; i < 8; i++)
		CHECK(!memcmp(want.st[i], out->st[i], 10), "st(%u) differs", i);
	for (i = 0; i < vec_count[regs_level]; i++)
		for (j = 0; j < vec_bytes[regs_level]; j++)
			CHECK(want.vec[i][j] == out->vec[i][j],
			      "vector register %u, byte %u is 0x%x, not 0x%x", i, j,
			      out->vec[i][j], want.vec[i][j]);
	for (i = 1; regs_level == 2 && i < 8; i++)
		CHECK(!memcmp(want.mask[i], out->mask[i], 2), "mask register %u differs", i);
}

static void torture(uint64_t seed, enum mode mode)
{
	/* Not static: a handler has its own while another call is under way. */
	struct regs in, out;

	fill(&in, seed);
	memset(&out, 0, sizeof(out));
	ckpt_step(0);
	regs_run(&in, &out, mode);
	compare(&in, &out, mode);
}

static void *set_regs_go(void *arg)
{
	ckpt_wait_go();
	__atomic_store_n(&regs_go, 1, __ATOMIC_SEQ_CST);
	syscall(__NR_futex, &regs_go, FUTEX_WAKE, 1000, NULL, NULL, 0);
	return NULL;
}

static void start_setter(void)
{
	pthread_t thread;

	find_level();
	CHECK_EQ(0, pthread_create(&thread, NULL, set_regs_go, NULL));
}

CKPT_CYCLE(in_loop)
{
	start_setter();
	ckpt_ready();
	torture(1, IN_LOOP);
}

CKPT_CYCLE(in_system_call, .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex) })
{
	start_setter();
	ckpt_ready();
	torture(2, IN_SYSCALL);
}

static void *tortured(void *arg)
{
	uintptr_t nr = (uintptr_t)arg;

	torture(100 + nr, nr & 1 ? IN_SYSCALL : IN_LOOP);
	return NULL;
}

CKPT_CYCLE(in_threads)
{
	pthread_t thread[6];
	uintptr_t i;

	start_setter();
	for (i = 0; i < 6; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, tortured, (void *)i));
	ckpt_step_wait(0, 6);
	ckpt_ready();
	torture(99, IN_LOOP);
	for (i = 0; i < 6; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

static void handler_with_patterns(int sig)
{
	torture(200 + sig, sig == SIGUSR1 ? IN_SYSCALL : IN_LOOP);
}

static void *interrupted(void *arg)
{
	/* The handler changes them all; sigreturn brings ours back. */
	torture(300, IN_LOOP);
	return NULL;
}

static void under_signal(int sig)
{
	pthread_t thread;

	signal(sig, handler_with_patterns);
	start_setter();
	CHECK_EQ(0, pthread_create(&thread, NULL, interrupted, NULL));
	ckpt_step_wait(0, 1);
	pthread_kill(thread, sig);
	ckpt_step_wait(0, 2);
	ckpt_ready();
	CHECK_EQ(0, pthread_join(thread, NULL));
}

CKPT_CYCLE(in_handler_looping)
{
	under_signal(SIGUSR2);
}

CKPT_CYCLE(in_handler_in_system_call)
{
	under_signal(SIGUSR1);
}

static uint64_t read_gs(unsigned long offset)
{
	uint64_t value;

	asm volatile("mov %%gs:(%1), %0" : "=r" (value) : "r" (offset));
	return value;
}

static void *with_gs_base(void *arg)
{
	uint64_t words[4] = { 0x1111, 0x2222, 0x3333, 0x4444 + (uintptr_t)arg };
	unsigned long fs_before, fs_after, gs;

	CHECK_SYS(syscall(__NR_arch_prctl, ARCH_SET_GS, words));
	CHECK_SYS(syscall(__NR_arch_prctl, ARCH_GET_FS, &fs_before));
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_SYS(syscall(__NR_arch_prctl, ARCH_GET_GS, &gs));
	CHECK_EQ((uintptr_t)words, gs);
	CHECK_EQ(0x4444 + (uintptr_t)arg, read_gs(24));
	CHECK_SYS(syscall(__NR_arch_prctl, ARCH_GET_FS, &fs_after));
	CHECK_EQ(fs_before, fs_after);
	CHECK_EQ((uintptr_t)__builtin_thread_pointer(), fs_after);
	return NULL;
}

CKPT_CYCLE(segment_bases)
{
	pthread_t thread[2];

	CHECK_EQ(0, pthread_create(&thread[0], NULL, with_gs_base, (void *)1));
	CHECK_EQ(0, pthread_create(&thread[1], NULL, with_gs_base, (void *)2));
	ckpt_step_wait(1, 2);
	ckpt_ready();
	with_gs_base((void *)3);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
}

/* Numbers that depend on every step: a single lost bit changes the result. */
static double chaos(volatile uint32_t *stop, uint64_t *steps)
{
	double x = 0.4;
	uint64_t n;

	for (n = 0; n < *steps; n++) {
		x = 3.9 * x * (1.0 - x);
		if (!(n & 0xffff) && stop && *stop)
			break;
	}
	*steps = n;
	return x;
}

CKPT_CYCLE(floating_point)
{
	uint64_t steps = UINT64_MAX, again;
	double x, y;

	ckpt_ready();
	x = chaos(&board->go, &steps);
	again = steps + 1;
	y = chaos(NULL, &steps);
	/* Stopped in the step with number @steps, which was done. */
	y = 3.9 * y * (1.0 - y);
	CHECK(x == y, "after %llu steps %.17g, not %.17g", (unsigned long long)again, x, y);
}

#else /* !__x86_64__ */

TEST(registers)
{
	SKIP(return, "knows the registers of x86-64 only");
}

#endif

TEST_HARNESS_MAIN
