/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers of x86-64, see registers.c: general registers, flags, data
 * segments, x87, MXCSR, vector and mask registers, rights of protection keys,
 * segment bases.
 */
#ifndef CKPT_REGISTERS_X86_H
#define CKPT_REGISTERS_X86_H

#include <asm/prctl.h>
#include <cpuid.h>

enum gpr { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15 };

static const char * const gpr_name[] = {
	"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
};

#define REGS_NR_VFORK	__NR_vfork

/* CF, PF, AF, ZF, SF, DF, OF; IF and bit 1 are always set. A signal handler loses ID. */
#define FLAGS_FREE	(0x8d5u | 1u << 10)
#define FLAGS_SET	0x202u

/* The layout is known to the assembly below. */
struct regs {
	uint64_t gpr[16];	/* 0 */
	uint64_t flags;		/* 128 */
	uint32_t mxcsr;		/* 136 */
	uint16_t cw;		/* 140 */
	uint16_t sw;		/* 142 */
	uint8_t st[8][16];	/* 144 */
	uint8_t mask[8][8];	/* 272 */
	uint32_t ds;		/* 336 */
	uint32_t es;		/* 340 */
	uint32_t pkru;		/* 344 */
	uint8_t pad[36];	/* 348 */
	uint8_t vec[32][64];	/* 384 */
};

/* All but PKRU, which does nothing to memory that has the key 0. */
void regs_run_others(const struct regs *in, struct regs *out, enum regs_mode mode);

/*
 * Where the loop goes next, and the call that was interrupted: so no register and
 * no flag is needed to find out whether to go on.
 */
extern void *regs_next[2];
extern const char regs_go_on[];

#define REGS_RELEASE() do {						\
	__atomic_store_n(&regs_next[0], (void *)regs_go_on, __ATOMIC_SEQ_CST); \
	__atomic_store_n(&regs_next[1], (void *)regs_go_on, __ATOMIC_SEQ_CST); \
} while (0)

uint32_t regs_level;	/* 0: xmm, 1: ymm, 2: zmm and masks. */
bool regs_pkru;		/* There is one. */
static const uint32_t vec_bytes[] = { 16, 32, 64 };
static const uint32_t vec_count[] = { 16, 16, 32 };
static const char vec_name[] = { 'x', 'y', 'z' };

#define EACH16(m) \
	m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) \
	m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define EACH32(m) EACH16(m) \
	m(16) m(17) m(18) m(19) m(20) m(21) m(22) m(23) \
	m(24) m(25) m(26) m(27) m(28) m(29) m(30) m(31)
#define EACH8(m) m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7)

#define LOAD_X(n) "movups 384+64*" #n "(%rdi), %xmm" #n "\n"
#define LOAD_Y(n) "vmovups 384+64*" #n "(%rdi), %ymm" #n "\n"
#define LOAD_Z(n) "vmovups 384+64*" #n "(%rdi), %zmm" #n "\n"
#define LOAD_K(n) "kmovw 272+8*" #n "(%rdi), %k" #n "\n"
#define SAVE_X(n) "movups %xmm" #n ", 384+64*" #n "(%rdi)\n"
#define SAVE_Y(n) "vmovups %ymm" #n ", 384+64*" #n "(%rdi)\n"
#define SAVE_Z(n) "vmovups %zmm" #n ", 384+64*" #n "(%rdi)\n"
#define SAVE_K(n) "kmovw %k" #n ", 272+8*" #n "(%rdi)\n"

asm(
"	.data\n"
"	.balign 8\n"
"	.globl regs_next\n"
"regs_next: .quad .Lloop, .Lcall\n"
"	.text\n"
"	.globl regs_go_on\n"
"	.globl regs_run_others\n"
"	.type regs_run_others, @function\n"
"regs_run_others:\n"
"	push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
"	mov %ds, %eax\n"
"	push %rax\n"
"	mov %es, %eax\n"
"	push %rax\n"
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
	EACH8(LOAD_K)
"3:\n"
"	fninit\n"
"	fldt 144+112(%rdi)\n fldt 144+96(%rdi)\n fldt 144+80(%rdi)\n fldt 144+64(%rdi)\n"
"	fldt 144+48(%rdi)\n fldt 144+32(%rdi)\n fldt 144+16(%rdi)\n fldt 144(%rdi)\n"
"	fldcw 140(%rdi)\n"
"	sub $32, %rsp\n"
"	fnstenv (%rsp)\n"
"	movw 142(%rdi), %ax\n"
"	movw %ax, 4(%rsp)\n"
"	fldenv (%rsp)\n"
"	add $32, %rsp\n"
"	ldmxcsr 136(%rdi)\n"
"	movl 336(%rdi), %eax\n"
"	mov %eax, %ds\n"
"	movl 340(%rdi), %eax\n"
"	mov %eax, %es\n"
"	cmpl $1, %edx\n"
"	je 5f\n"
"	ja 6f\n"
"	pushq 128(%rdi)\n"
"	popfq\n"
/* No arithmetic from here on: the flags are loaded too. */
#define LOAD_GPRS \
"	mov 0(%rdi), %rax\n mov 8(%rdi), %rbx\n mov 16(%rdi), %rcx\n mov 24(%rdi), %rdx\n" \
"	mov 32(%rdi), %rsi\n mov 48(%rdi), %rbp\n" \
"	mov 64(%rdi), %r8\n mov 72(%rdi), %r9\n mov 80(%rdi), %r10\n mov 88(%rdi), %r11\n" \
"	mov 96(%rdi), %r12\n mov 104(%rdi), %r13\n mov 112(%rdi), %r14\n mov 120(%rdi), %r15\n" \
"	mov 40(%rdi), %rdi\n"
	LOAD_GPRS
".Lloop:\n"
"	jmp *regs_next(%rip)\n"
"5:	pushq 128(%rdi)\n"
"	popfq\n"
	LOAD_GPRS
".Lcall:\n"
"	mov $202, %eax\n"		/* futex */
"	lea regs_go(%rip), %rdi\n"
"	mov $0, %esi\n"			/* FUTEX_WAIT */
"	mov $0, %edx\n"
"	mov $0, %r10d\n"
"	syscall\n"
"	jmp *regs_next+8(%rip)\n"
"6:	pushq 128(%rdi)\n"
"	popfq\n"
	LOAD_GPRS
"	mov $58, %eax\n"		/* vfork */
"	syscall\n"
/* Both are here now, the parent when the child has exited. No flag may change. */
"	mov %rax, %rcx\n"
"	jrcxz 7f\n"
"	jmp regs_go_on\n"
"7:	mov $202, %eax\n"
"	lea regs_go(%rip), %rdi\n"
"	mov $0, %esi\n"
"	mov $0, %edx\n"
"	mov $0, %r10d\n"
"	syscall\n"
"	cmpl $0, regs_go(%rip)\n"
"	je 7b\n"
"	mov $231, %eax\n"		/* exit_group */
"	mov $0, %edi\n"
"	syscall\n"
"	ud2\n"
"regs_go_on:\n"
"	pushfq\n"
"	cld\n"
"	push %r15\n push %r14\n push %r13\n push %r12\n push %r11\n push %r10\n push %r9\n"
"	push %r8\n push %rsp\n push %rbp\n push %rdi\n push %rsi\n push %rdx\n push %rcx\n"
"	push %rbx\n push %rax\n"
"	mov %ds, %eax\n"
"	mov %es, %ebx\n"
"	mov 152(%rsp), %rcx\n"		/* What they are to be again. */
"	mov %ecx, %es\n"
"	mov 160(%rsp), %rcx\n"
"	mov %ecx, %ds\n"
"	mov 144(%rsp), %rdi\n"		/* out, below mode, flags and 16 registers */
"	mov $17, %ecx\n"
"	mov %rsp, %rsi\n"
"	rep movsq\n"
"	mov 144(%rsp), %rdi\n"
"	add $136, %rsp\n"
"	movl %eax, 336(%rdi)\n"
"	movl %ebx, 340(%rdi)\n"
"	stmxcsr 136(%rdi)\n"
"	fnstcw 140(%rdi)\n"
"	fnstsw 142(%rdi)\n"
"	fstpt 144(%rdi)\n fstpt 160(%rdi)\n fstpt 176(%rdi)\n fstpt 192(%rdi)\n"
"	fstpt 208(%rdi)\n fstpt 224(%rdi)\n fstpt 240(%rdi)\n fstpt 256(%rdi)\n"
"	fninit\n"
"	cmpl $1, regs_level(%rip)\n"
"	je 8f\n"
"	ja 9f\n"
	EACH16(SAVE_X)
"	jmp 10f\n"
"8:\n"
	EACH16(SAVE_Y)
"	vzeroupper\n"
"	jmp 10f\n"
"9:\n"
	EACH32(SAVE_Z)
	EACH8(SAVE_K)
"	vzeroupper\n"
"10:	movl $0x1f80, (%rsp)\n"
"	ldmxcsr (%rsp)\n"
"	pushq $0x202\n"
"	popfq\n"
"	add $32, %rsp\n"		/* mode, out, es, ds */
"	pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
"	ret\n"
"	.size regs_run_others, .-regs_run_others\n"
);

static uint32_t regs_rdpkru(void)
{
	uint32_t a, d;

	asm volatile("rdpkru" : "=a" (a), "=d" (d) : "c" (0));
	return a;
}

static void regs_wrpkru(uint32_t rights)
{
	asm volatile("wrpkru" : : "a" (rights), "c" (0), "d" (0) : "memory");
}

static void regs_run(const struct regs *in, struct regs *out, enum regs_mode mode)
{
	uint32_t rights = 0;

	if (regs_pkru) {
		rights = regs_rdpkru();
		regs_wrpkru(in->pkru);
	}
	regs_run_others(in, out, mode);
	if (regs_pkru) {
		out->pkru = regs_rdpkru();
		regs_wrpkru(rights);
	}
}

static const char *regs_find_sets(void)
{
	static const char * const vectors[] = { "SSE", "AVX", "AVX-512" };
	static char sets[64];
	unsigned int a, b, c, d;

	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f"))
		regs_level = 2;
	else if (__builtin_cpu_supports("avx"))
		regs_level = 1;
	/* OSPKE: the kernel has switched protection keys on. */
	regs_pkru = __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & 1 << 4;
	snprintf(sets, sizeof(sets), "general, segments, x87, %s%s", vectors[regs_level],
		 regs_pkru ? ", PKRU" : "");
	return sets;
}

static void regs_fill(struct regs *regs, uint64_t seed)
{
	static const uint16_t cws[] = { 0x037f, 0x0c7f, 0x047f, 0x087f };
	static const uint32_t mxcsrs[] = { 0x7fc0, 0x3f80, 0x5f80, 0x9f80 };
	static const uint32_t segments[] = { 0x2b, 0, 0x2b, 0 };
	unsigned int i;

	memset(regs, 0, sizeof(*regs));
	regs_mix_bytes(regs->gpr, sizeof(regs->gpr), &seed);
	regs_mix_bytes(regs->vec, sizeof(regs->vec), &seed);
	for (i = 0; i < 8; i++) {
		regs_mix_bytes(regs->mask[i], 2, &seed);
		/* A normal number each: leading bit set, exponent near 1. */
		regs_mix_bytes(regs->st[i], 8, &seed);
		regs->st[i][7] |= 0x80;
		regs->st[i][8] = 0xf0 + i;
		regs->st[i][9] = i & 1 ? 0xbf : 0x3f;
	}
	regs->cw = cws[regs_mix(&seed) >> 62];
	/* Exceptions that have been met, and conditions; the top of the stack is 0. */
	regs->sw = regs_mix(&seed) >> 30 & 0x473f;
	regs->mxcsr = mxcsrs[regs_mix(&seed) >> 62] | (regs_mix(&seed) >> 30 & 0x3f);
	/* Not the key of all memory. */
	regs->pkru = regs_mix(&seed) >> 30 & ~3u;
	regs->ds = segments[regs_mix(&seed) >> 62];
	regs->es = segments[regs_mix(&seed) >> 62];
	regs->flags = FLAGS_SET | ((regs_mix(&seed) >> 30) & FLAGS_FREE);
}

static void regs_compare(const struct regs *in, const struct regs *out, enum regs_mode mode)
{
	struct regs want = *in;
	unsigned int i;

	if (mode != REGS_LOOP) {
		/* The instruction itself uses these. */
		want.gpr[RAX] = out->gpr[RAX];
		want.gpr[RCX] = out->gpr[RCX];
		want.gpr[R11] = out->gpr[R11];
	}
	if (mode == REGS_SYSCALL) {
		want.gpr[RDI] = (uintptr_t)&regs_go;
		want.gpr[RSI] = 0;
		want.gpr[RDX] = 0;
		want.gpr[R10] = 0;
		CHECK(!(int)out->gpr[RAX] || (int)out->gpr[RAX] == -EAGAIN,
		      "futex gave %lld", (long long)out->gpr[RAX]);
	} else if (mode == REGS_VFORK) {
		regs_reap(out->gpr[RAX]);
	}
	for (i = 0; i < 16; i++) {
		if (i != RSP)
			REGS_SAME(want.gpr[i], out->gpr[i], "%s", gpr_name[i]);
	}
	REGS_SAME(want.flags, out->flags & (FLAGS_FREE | FLAGS_SET), "rflags");
	REGS_SAME(want.ds, out->ds, "ds");
	REGS_SAME(want.es, out->es, "es");
	REGS_SAME(want.mxcsr, out->mxcsr, "mxcsr");
	REGS_SAME(want.cw, out->cw, "x87 control word");
	REGS_SAME(want.sw, out->sw, "x87 status word");
	if (regs_pkru)
		REGS_SAME(want.pkru, out->pkru, "pkru");
	for (i = 0; i < 8; i++)
		REGS_SAME_BYTES(want.st[i], out->st[i], 10, "st(%u)", i);
	for (i = 0; i < vec_count[regs_level]; i++)
		REGS_SAME_BYTES(want.vec[i], out->vec[i], vec_bytes[regs_level], "%cmm%u",
				vec_name[regs_level], i);
	for (i = 0; regs_level == 2 && i < 8; i++)
		REGS_SAME_BYTES(want.mask[i], out->mask[i], 2, "k%u", i);
}

/* ---- x86-64's own scenarios ------------------------------------------ */

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

#endif /* CKPT_REGISTERS_X86_H */
