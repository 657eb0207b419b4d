/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers of arm64, see registers.c: general registers, condition flags and
 * the other bits of pstate that a program can set, FPSIMD, SVE and SME registers
 * with their vector lengths, FPMR, ZA, ZT0, TPIDR2, POR, and the keys of pointer
 * authentication by what they sign.
 */
#ifndef CKPT_REGISTERS_ARM64_H
#define CKPT_REGISTERS_ARM64_H

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define REGS_NR_VFORK	__NR_clone

/* What of struct regs is in use: known to the assembly below. */
enum {
	SET_SVE		= 1 << 0,	/* z, p, ffr; else only the low 16 bytes of each z */
	SET_SM		= 1 << 1,	/* they are those of streaming mode */
	SET_ZA		= 1 << 2,
	SET_ZT		= 1 << 3,
	SET_FPMR	= 1 << 4,
	SET_POR		= 1 << 5,
	SET_PACA	= 1 << 6,
	SET_PACG	= 1 << 7,
	SET_FFR		= 1 << 8,
	SET_TPIDR2	= 1 << 9,
	SET_DIT		= 1 << 10,
	SET_SSBS	= 1 << 11,
	SET_TCO		= 1 << 12,
};

#define VL_MAX 256

/* The layout is known to the assembly below. */
struct regs {
	uint64_t gpr[31];	/* 0 */
	uint64_t nzcv;		/* 248 */
	uint64_t fpcr;		/* 256 */
	uint64_t fpsr;		/* 264 */
	uint64_t tpidr2;	/* 272 */
	uint64_t fpmr;		/* 280 */
	uint64_t por;		/* 288 */
	uint64_t tpidr;		/* 296 */
	uint64_t pac[5];	/* 304 */
	uint64_t sets;		/* 344 */
	uint64_t svcr;		/* 352 */
	uint64_t dit;		/* 360 */
	uint64_t ssbs;		/* 368 */
	uint64_t tco;		/* 376 */
	/* As many bytes each as the vectors are long, one after the other. */
	uint8_t p[17][VL_MAX / 8];	/* 384; the last one is ffr */
	uint8_t pad[96];		/* 928 */
	uint8_t z[32][VL_MAX];		/* 1024 */
	uint8_t zt[64];			/* 9216 */
	uint8_t za[VL_MAX][VL_MAX];	/* 9280 */
	/* Not known to the assembly. */
	int sve_vl, sme_vl;
};

void regs_wait(const struct regs *in, struct regs *out, enum regs_mode mode);

/* The branch that is the loop, and where it goes when all is done. */
extern uint32_t regs_loop[];
extern const char regs_go_on[];

/*
 * A branch to itself is made one to the end: no register is needed to find out.  It
 * begins a page, whatever the size of pages is, see registers_powerpc.h.
 */
#define REGS_RELEASE() do {						\
	__atomic_store_n(regs_loop, 0x14000000u |			\
			 ((regs_go_on - (const char *)regs_loop) / 4 & 0x3ffffff), \
			 __ATOMIC_SEQ_CST);				\
	__builtin___clear_cache((char *)regs_loop, (char *)(regs_loop + 1)); \
} while (0)

#define EACH16(m, ...) \
	m(0, ##__VA_ARGS__) m(1, ##__VA_ARGS__) m(2, ##__VA_ARGS__) m(3, ##__VA_ARGS__) \
	m(4, ##__VA_ARGS__) m(5, ##__VA_ARGS__) m(6, ##__VA_ARGS__) m(7, ##__VA_ARGS__) \
	m(8, ##__VA_ARGS__) m(9, ##__VA_ARGS__) m(10, ##__VA_ARGS__) m(11, ##__VA_ARGS__) \
	m(12, ##__VA_ARGS__) m(13, ##__VA_ARGS__) m(14, ##__VA_ARGS__) m(15, ##__VA_ARGS__)
#define EACH32(m, ...) EACH16(m, ##__VA_ARGS__) \
	m(16, ##__VA_ARGS__) m(17, ##__VA_ARGS__) m(18, ##__VA_ARGS__) m(19, ##__VA_ARGS__) \
	m(20, ##__VA_ARGS__) m(21, ##__VA_ARGS__) m(22, ##__VA_ARGS__) m(23, ##__VA_ARGS__) \
	m(24, ##__VA_ARGS__) m(25, ##__VA_ARGS__) m(26, ##__VA_ARGS__) m(27, ##__VA_ARGS__) \
	m(28, ##__VA_ARGS__) m(29, ##__VA_ARGS__) m(30, ##__VA_ARGS__) m(31, ##__VA_ARGS__)

#define FOR_Q(n, op)	#op " q" #n ", [x3, #16 * " #n "]\n"
#define FOR_Z(n, op)	#op " z" #n ", [x3, #" #n ", mul vl]\n"
#define FOR_P(n, op)	#op " p" #n ", [x4, #" #n ", mul vl]\n"

/* Skip to @label unless x9 has the bit @bit of SET_*. */
#define UNLESS(bit, label) "	tbz x9, #" #bit ", " #label "\n"

#define FPMR	"S3_3_C4_C4_2"
#define POR	"S3_3_C10_C2_4"
#define TPIDR2	"S3_3_C13_C0_5"
#define SVCR	"S3_3_C4_C2_2"
#define DIT	"S3_3_C4_C2_5"
#define SSBS	"S3_3_C4_C2_6"
#define TCO	"S3_3_C4_C2_7"

/* Each of @op loads or stores, with x10, the register that it names. */
#define FOR_WORDS(op)							\
	UNLESS(4, 21f) op(FPMR, 280) "21:\n"				\
	UNLESS(5, 22f) op(POR, 288) "22:\n"				\
	UNLESS(9, 23f) op(TPIDR2, 272) "23:\n"				\
	UNLESS(10, 24f) op(DIT, 360) "24:\n"				\
	UNLESS(11, 25f) op(SSBS, 368) "25:\n"				\
	UNLESS(12, 26f) op(TCO, 376) "26:\n"				\
	op("fpcr", 256) op("fpsr", 264)

#define LOAD_WORD(reg, at)	"	ldr x10, [x0, #" #at "]\n msr " reg ", x10\n"
#define SAVE_WORD(reg, at)	"	mrs x10, " reg "\n str x10, [x0, #" #at "]\n"

/* All rows of ZA, by @op. Uses x10, x11, x12. */
#define FOR_ZA(op)							\
"	rdsvl x11, #1\n"						\
"	mov x10, #9280\n"						\
"	add x10, x0, x10\n"						\
"	mov w12, #0\n"							\
"31:	" #op " za[w12, 0], [x10]\n"					\
"	add x10, x10, x11\n"						\
"	add w12, w12, #1\n"						\
"	cmp w12, w11\n"							\
"	b.ne 31b\n"

/* No register is free from here on. */
#define LOAD_GPRS							\
"	ldr x2, [x0, #248]\n msr nzcv, x2\n"				\
"	ldp x2, x3, [x0, #16]\n ldp x4, x5, [x0, #32]\n ldp x6, x7, [x0, #48]\n" \
"	ldp x8, x9, [x0, #64]\n ldp x10, x11, [x0, #80]\n ldp x12, x13, [x0, #96]\n" \
"	ldp x14, x15, [x0, #112]\n ldp x16, x17, [x0, #128]\n ldp x18, x19, [x0, #144]\n" \
"	ldp x20, x21, [x0, #160]\n ldp x22, x23, [x0, #176]\n ldp x24, x25, [x0, #192]\n" \
"	ldp x26, x27, [x0, #208]\n ldp x28, x29, [x0, #224]\n ldr x30, [x0, #240]\n" \
"	ldp x0, x1, [x0]\n"

#define CALL_FUTEX							\
"	adrp x0, regs_go\n add x0, x0, :lo12:regs_go\n"			\
"	mov x1, #0\n mov x2, #0\n mov x3, #0\n mov x8, #98\n"		\
"	svc #0\n"							\
"	adrp x1, regs_go\n ldr w1, [x1, :lo12:regs_go]\n"

/* Signs x10 with x11 as the modifier. */
#define SIGN(op, at)							\
"	mov x10, #0x1230\n mov x11, #0x5678\n" #op " x10, x11\n str x10, [x0, #" #at "]\n"

asm(
"	.text\n"
"	.arch armv8.5-a+sve+sme\n"
"	.globl regs_wait, regs_loop, regs_go_on\n"
"	.type regs_wait, %function\n"
"	.balign 16\n"
"regs_wait:\n"
"	hint #34\n"			/* bti c */
"	stp x29, x30, [sp, #-256]!\n"
"	stp x19, x20, [sp, #16]\n stp x21, x22, [sp, #32]\n stp x23, x24, [sp, #48]\n"
"	stp x25, x26, [sp, #64]\n stp x27, x28, [sp, #80]\n"
"	stp d8, d9, [sp, #96]\n stp d10, d11, [sp, #112]\n"
"	stp d12, d13, [sp, #128]\n stp d14, d15, [sp, #144]\n"
"	ldr x9, [x0, #344]\n"
"	stp x1, x9, [sp, #160]\n"
"	mrs x10, fpcr\n mrs x11, fpsr\n stp x10, x11, [sp, #176]\n"
	UNLESS(5, 1f)
"	mrs x10, " POR "\n str x10, [sp, #192]\n"
"1:\n"
	UNLESS(10, 1f)
"	mrs x10, " DIT "\n str x10, [sp, #200]\n"
"1:\n"
	UNLESS(11, 1f)
"	mrs x10, " SSBS "\n str x10, [sp, #208]\n"
"1:\n"
	UNLESS(9, 1f)
"	mrs x10, " TPIDR2 "\n str x10, [sp, #216]\n"
"1:\n"
	UNLESS(1, 1f)
"	smstart sm\n"
"1:	add x3, x0, #1024\n add x4, x0, #384\n"
	UNLESS(0, 2f)
	UNLESS(8, 1f)
"	ldr p0, [x4, #16, mul vl]\n wrffr p0.b\n"
"1:\n"
	EACH32(FOR_Z, ldr) EACH16(FOR_P, ldr)
"	b 3f\n"
"2:\n"
	EACH32(FOR_Q, ldr)
"3:\n"
	UNLESS(2, 1f)
"	smstart za\n"
	FOR_ZA(ldr)
"1:\n"
	UNLESS(3, 1f)
"	mov x10, #9216\n add x10, x0, x10\n"
"	.inst 0xe11f8000 | (10 << 5)\n"		/* ldr zt0, [x10] */
"1:\n"
	FOR_WORDS(LOAD_WORD)
"	cmp w2, #1\n"
"	b.eq 5f\n"
"	b.hi 6f\n"
	LOAD_GPRS
"	b regs_loop\n"
"	.balign 65536\n"
"regs_loop: b regs_loop\n"
"5:\n"
	LOAD_GPRS
"4:\n"
	CALL_FUTEX
"	cbz w1, 4b\n"
"	b regs_go_on\n"
"6:\n"
	LOAD_GPRS
/* clone() as vfork() is it: CLONE_VM | CLONE_VFORK | SIGCHLD, on the same stack. */
"	mov x0, #0x4111\n mov x1, #0\n mov x2, #0\n mov x3, #0\n mov x4, #0\n mov x8, #220\n"
"	svc #0\n"
"	cbnz x0, regs_go_on\n"
"7:\n"
	CALL_FUTEX
"	cbz w1, 7b\n"
"	mov x0, #0\n mov x8, #94\n"	/* exit_group */
"	svc #0\n"
"	udf #0\n"
"regs_go_on:\n"
"	stp x0, x1, [sp, #224]\n"
"	ldr x0, [sp, #160]\n"
"	stp x2, x3, [x0, #16]\n stp x4, x5, [x0, #32]\n stp x6, x7, [x0, #48]\n"
"	stp x8, x9, [x0, #64]\n stp x10, x11, [x0, #80]\n stp x12, x13, [x0, #96]\n"
"	stp x14, x15, [x0, #112]\n stp x16, x17, [x0, #128]\n stp x18, x19, [x0, #144]\n"
"	stp x20, x21, [x0, #160]\n stp x22, x23, [x0, #176]\n stp x24, x25, [x0, #192]\n"
"	stp x26, x27, [x0, #208]\n stp x28, x29, [x0, #224]\n str x30, [x0, #240]\n"
"	ldp x2, x3, [sp, #224]\n"
"	stp x2, x3, [x0]\n"
"	mrs x2, nzcv\n str x2, [x0, #248]\n"
"	ldr x9, [sp, #168]\n"
	FOR_WORDS(SAVE_WORD)
"	mrs x10, tpidr_el0\n str x10, [x0, #296]\n"
	UNLESS(9, 1f)
"	mrs x10, " SVCR "\n str x10, [x0, #352]\n"
/* A system call leaves streaming mode, and there may be no SVE outside of it. */
	UNLESS(1, 1f)
"	tbnz x10, #0, 1f\n"
"	bic x9, x9, #1\n"
"1:	add x3, x0, #1024\n add x4, x0, #384\n"
	UNLESS(0, 2f)
	EACH32(FOR_Z, str) EACH16(FOR_P, str)
	UNLESS(8, 3f)
"	rdffr p0.b\n str p0, [x4, #16, mul vl]\n"
"	b 3f\n"
"2:\n"
	EACH32(FOR_Q, str)
"3:\n"
	UNLESS(2, 1f)
"	mrs x10, " SVCR "\n"
"	tbz x10, #1, 1f\n"
	FOR_ZA(str)
	UNLESS(3, 1f)
"	mov x10, #9216\n add x10, x0, x10\n"
"	.inst 0xe13f8000 | (10 << 5)\n"		/* str zt0, [x10] */
"1:\n"
	UNLESS(6, 1f)
	SIGN(pacia, 304) SIGN(pacib, 312) SIGN(pacda, 320) SIGN(pacdb, 328)
"1:\n"
	UNLESS(7, 1f)
"	mov x10, #0x1230\n mov x11, #0x5678\n pacga x10, x10, x11\n str x10, [x0, #336]\n"
"1:\n"
	UNLESS(9, 1f)
"	smstop\n"
"	ldr x10, [sp, #216]\n msr " TPIDR2 ", x10\n"
"1:\n"
	UNLESS(12, 1f)
"	msr " TCO ", xzr\n"
"1:\n"
	UNLESS(11, 1f)
"	ldr x10, [sp, #208]\n msr " SSBS ", x10\n"
"1:\n"
	UNLESS(10, 1f)
"	ldr x10, [sp, #200]\n msr " DIT ", x10\n"
"1:\n"
	UNLESS(5, 1f)
"	ldr x10, [sp, #192]\n msr " POR ", x10\n"
"1:\n"
	UNLESS(4, 1f)
"	msr " FPMR ", xzr\n"
"1:	ldp x10, x11, [sp, #176]\n msr fpcr, x10\n msr fpsr, x11\n"
"	ldp d8, d9, [sp, #96]\n ldp d10, d11, [sp, #112]\n"
"	ldp d12, d13, [sp, #128]\n ldp d14, d15, [sp, #144]\n"
"	ldp x19, x20, [sp, #16]\n ldp x21, x22, [sp, #32]\n ldp x23, x24, [sp, #48]\n"
"	ldp x25, x26, [sp, #64]\n ldp x27, x28, [sp, #80]\n"
"	ldp x29, x30, [sp], #256\n"
"	ret\n"
"	.size regs_wait, .-regs_wait\n"
);

/* Of asm/hwcap.h, which may be older than what is looked for. */
#define CAP_FPHP	(1ul << 9)
#define CAP_SVE		(1ul << 22)
#define CAP_DIT		(1ul << 24)
#define CAP_SSBS	(1ul << 28)
#define CAP_PACA	(1ul << 30)
#define CAP_PACG	(1ul << 31)
#define CAP2_MTE	(1ul << 18)
#define CAP2_AFP	(1ul << 20)
#define CAP2_SME	(1ul << 23)
#define CAP2_SME_FA64	(1ul << 30)
#define CAP2_EBF16	(1ul << 32)
#define CAP2_SME2	(1ul << 37)
#define CAP2_FPMR	(1ul << 48)
#define CAP2_POE	(1ul << 63)

#ifndef PR_SME_SET_VL
#define PR_SME_SET_VL	63
#define PR_SME_GET_VL	64
#endif

static uint64_t regs_sets;

/* What of fpcr can be set: rounding and flushing always, others by features. */
static uint64_t regs_fpcr = 0x07c00000;

static const char *regs_find_sets(void)
{
	static char text[200];
	char *page = (char *)((uintptr_t)regs_loop & -(uintptr_t)getpagesize());
	unsigned long cap = getauxval(AT_HWCAP), cap2 = getauxval(AT_HWCAP2);
	const struct {
		bool has;
		uint64_t set;
		const char *name;
	} all[] = {
		{ cap & CAP_SVE, SET_SVE | SET_FFR, "SVE" },
		{ cap2 & CAP2_SME, SET_SM | SET_ZA | SET_TPIDR2, "SME" },
		{ cap2 & CAP2_SME2, SET_ZT, "ZT0" },
		{ cap2 & CAP2_FPMR, SET_FPMR, "FPMR" },
		{ cap2 & CAP2_POE, SET_POR, "POR" },
		{ cap & CAP_PACA, SET_PACA, "PACA" },
		{ cap & CAP_PACG, SET_PACG, "PACG" },
		{ cap & CAP_DIT, SET_DIT, "DIT" },
		{ cap & CAP_SSBS, SET_SSBS, "SSBS" },
		{ cap2 & CAP2_MTE, SET_TCO, "TCO" },
	};
	unsigned int i;

	if (cap & CAP_FPHP)
		regs_fpcr |= 1 << 19;
	if (cap2 & CAP2_AFP)
		regs_fpcr |= 7;
	if (cap2 & CAP2_EBF16)
		regs_fpcr |= 1 << 13;
	CHECK_SYS(mprotect(page, getpagesize(), PROT_READ | PROT_WRITE | PROT_EXEC));
	strcpy(text, "general, FPSIMD");
	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!all[i].has)
			continue;
		regs_sets |= all[i].set;
		strcat(text, ", ");
		strcat(text, all[i].name);
	}
	return text;
}

/* A vector length that this CPU has, near one that is wanted. */
static int regs_pick_vl(int set, int get, uint64_t *seed)
{
	int old = CHECK_SYS(prctl(get, 0, 0, 0, 0)) & 0xffff;
	int vl = CHECK_SYS(prctl(set, 16 << (regs_mix(seed) >> 20) % 5, 0, 0, 0)) & 0xffff;

	CHECK_SYS(prctl(set, old, 0, 0, 0));
	return vl;
}

/* What this thread's keys make of a pointer. */
static void regs_sign(struct regs *regs)
{
#define SIGNED(op, n) do {						\
	register uint64_t p asm("x10") = 0x1230, m asm("x11") = 0x5678;	\
	asm volatile(".arch armv8.5-a\n" op : "+r" (p) : "r" (m));	\
	regs->pac[n] = p;						\
} while (0)
	if (regs->sets & SET_PACA) {
		SIGNED("pacia x10, x11", 0);
		SIGNED("pacib x10, x11", 1);
		SIGNED("pacda x10, x11", 2);
		SIGNED("pacdb x10, x11", 3);
	}
	if (regs->sets & SET_PACG)
		SIGNED("pacga x10, x10, x11", 4);
}

/* Kinds of vector state, by the seed. */
enum { V_FPSIMD, V_SVE, V_STREAMING, V_SVE_AND_ZA };

static void regs_fill(struct regs *regs, uint64_t seed)
{
	static __thread bool has_keys;
	unsigned int kind = seed % 4, i;

	memset(regs, 0, sizeof(*regs));
	regs->sets = regs_sets;
	if (kind != V_STREAMING)
		regs->sets &= ~(uint64_t)SET_SM;
	if (kind == V_FPSIMD)
		regs->sets &= ~(uint64_t)(SET_SVE | SET_FFR);
	if (kind != V_STREAMING && kind != V_SVE_AND_ZA)
		regs->sets &= ~(uint64_t)(SET_ZA | SET_ZT);
	/* Streaming mode has no ffr, and vectors where there is no SVE. */
	if (regs->sets & SET_SM)
		regs->sets = (regs->sets | SET_SVE) & ~(uint64_t)SET_FFR;
	if (regs_sets & SET_SVE)
		regs->sve_vl = regs_pick_vl(PR_SVE_SET_VL, PR_SVE_GET_VL, &seed);
	if (regs_sets & SET_SM)
		regs->sme_vl = regs_pick_vl(PR_SME_SET_VL, PR_SME_GET_VL, &seed);

	regs_mix_bytes(regs->gpr, sizeof(regs->gpr), &seed);
	regs->nzcv = regs_mix(&seed) & 0xf0000000;
	regs->fpcr = regs_mix(&seed) & regs_fpcr;
	regs->fpsr = regs_mix(&seed) & 0x0800009f;
	regs->tpidr2 = regs_mix(&seed);
	regs->fpmr = regs_mix(&seed) & 0x0000003fff7f7fc7ull & 0xffff4000ull;
	/* All of the default key; no more than reading and writing of the others. */
	regs->por = (regs_mix(&seed) & 0x55555550) | 7;
	regs->dit = regs_mix(&seed) & 1 << 24;
	regs->ssbs = regs_mix(&seed) & 1 << 12;
	regs->tco = regs_mix(&seed) & 1 << 25;
	regs_mix_bytes(regs->p, sizeof(regs->p), &seed);
	regs_mix_bytes(regs->z, sizeof(regs->z), &seed);
	regs_mix_bytes(regs->zt, sizeof(regs->zt), &seed);
	regs_mix_bytes(regs->za, sizeof(regs->za), &seed);
	/* ffr is ones, then zeros. */
	i = regs->sve_vl ? regs_mix(&seed) % (regs->sve_vl + 1u) : 0;
	if (regs->sets & SET_FFR) {
		uint8_t *ffr = &regs->p[0][0] + 16 * (regs->sve_vl / 8);
		unsigned int bit;

		memset(ffr, 0, regs->sve_vl / 8);
		for (bit = 0; bit < i; bit++)
			ffr[bit / 8] |= 1 << bit % 8;
	}
	/* A handler has the keys of its thread. */
	if (regs->sets & SET_PACA && !has_keys)
		CHECK_SYS(prctl(PR_PAC_RESET_KEYS, PR_PAC_APDAKEY | PR_PAC_APDBKEY, 0, 0, 0));
	if (regs->sets & SET_PACG && !has_keys)
		CHECK_SYS(prctl(PR_PAC_RESET_KEYS, PR_PAC_APGAKEY, 0, 0, 0));
	has_keys = true;
	regs_sign(regs);
	asm volatile("mrs %0, tpidr_el0" : "=r" (regs->tpidr));
}

static void regs_run(const struct regs *in, struct regs *out, enum regs_mode mode)
{
	int sve = 0, sme = 0;

	if (in->sve_vl) {
		sve = CHECK_SYS(prctl(PR_SVE_GET_VL, 0, 0, 0, 0)) & 0xffff;
		CHECK_SYS(prctl(PR_SVE_SET_VL, in->sve_vl, 0, 0, 0));
	}
	if (in->sme_vl) {
		sme = CHECK_SYS(prctl(PR_SME_GET_VL, 0, 0, 0, 0)) & 0xffff;
		CHECK_SYS(prctl(PR_SME_SET_VL, in->sme_vl, 0, 0, 0));
	}
	regs_wait(in, out, mode);
	if (in->sve_vl) {
		out->sve_vl = CHECK_SYS(prctl(PR_SVE_GET_VL, 0, 0, 0, 0)) & 0xffff;
		CHECK_SYS(prctl(PR_SVE_SET_VL, sve, 0, 0, 0));
	}
	if (in->sme_vl) {
		out->sme_vl = CHECK_SYS(prctl(PR_SME_GET_VL, 0, 0, 0, 0)) & 0xffff;
		CHECK_SYS(prctl(PR_SME_SET_VL, sme, 0, 0, 0));
	}
}

static void regs_compare_vectors(const struct regs *in, const struct regs *out,
				 enum regs_mode mode)
{
	unsigned int vl = in->sets & SET_SM ? in->sme_vl : in->sve_vl, len = vl, i;
	const uint8_t *z = &in->z[0][0], *got = &out->z[0][0];
	const uint8_t *p = &in->p[0][0], *got_p = &out->p[0][0];

	if (!(in->sets & SET_SVE)) {
		for (i = 0; i < 32; i++)
			REGS_SAME_BYTES(z + 16 * i, got + 16 * i, 16, "v%u", i);
		return;
	}
	/* A system call ends streaming mode, and keeps only what FPSIMD has of the vectors. */
	if (mode != REGS_LOOP) {
		if (in->sets & SET_SM)
			return;
		len = 16;
	}
	for (i = 0; i < 32; i++)
		REGS_SAME_BYTES(z + vl * i, got + vl * i, len, "z%u", i);
	if (mode != REGS_LOOP)
		return;
	for (i = 0; i < 16; i++)
		REGS_SAME_BYTES(p + vl / 8 * i, got_p + vl / 8 * i, vl / 8, "p%u", i);
	if (in->sets & SET_FFR)
		REGS_SAME_BYTES(p + vl * 2, got_p + vl * 2, vl / 8, "ffr");
}

static void regs_compare(const struct regs *in, const struct regs *out, enum regs_mode mode)
{
	static const char * const key[] = { "APIA", "APIB", "APDA", "APDB", "APGA" };
	const uint8_t *za = &in->za[0][0], *got = &out->za[0][0];
	unsigned int vl = in->sme_vl, i;
	uint64_t gpr[31], svcr = 0;

	memcpy(gpr, in->gpr, sizeof(gpr));
	if (mode == REGS_SYSCALL) {
		gpr[0] = out->gpr[0];
		gpr[1] = 1;
		gpr[2] = 0;
		gpr[3] = 0;
		gpr[8] = 98;
		CHECK(!(int)out->gpr[0] || (int)out->gpr[0] == -EAGAIN, "futex gave %lld",
		      (long long)out->gpr[0]);
	} else if (mode == REGS_VFORK) {
		regs_reap(out->gpr[0]);
		gpr[0] = out->gpr[0];
		gpr[1] = 0;
		gpr[2] = 0;
		gpr[3] = 0;
		gpr[4] = 0;
		gpr[8] = 220;
	}
	for (i = 0; i < 31; i++)
		REGS_SAME(gpr[i], out->gpr[i], "x%u", i);
	REGS_SAME(in->nzcv, out->nzcv, "nzcv");
	REGS_SAME(in->tpidr, out->tpidr, "tpidr");
	REGS_SAME(in->fpcr, out->fpcr, "fpcr");
	/* Leaving streaming mode sets them to something else. */
	if (mode == REGS_LOOP || !(in->sets & SET_SM)) {
		REGS_SAME(in->fpsr, out->fpsr, "fpsr");
		if (in->sets & SET_FPMR)
			REGS_SAME(in->fpmr, out->fpmr, "fpmr");
	}
	if (in->sets & SET_TPIDR2)
		REGS_SAME(in->tpidr2, out->tpidr2, "tpidr2");
	if (in->sets & SET_POR)
		REGS_SAME(in->por, out->por, "por");
	if (in->sets & SET_DIT)
		REGS_SAME(in->dit, out->dit, "dit");
	if (in->sets & SET_SSBS)
		REGS_SAME(in->ssbs, out->ssbs, "ssbs");
	if (in->sets & SET_TCO)
		REGS_SAME(in->tco, out->tco, "tco");
	REGS_SAME(in->sve_vl, out->sve_vl, "SVE vector length");
	REGS_SAME(in->sme_vl, out->sme_vl, "SME vector length");
	if (in->sets & SET_SM && mode == REGS_LOOP)
		svcr |= 1;
	if (in->sets & SET_ZA)
		svcr |= 2;
	REGS_SAME(svcr, out->svcr, "svcr");
	regs_compare_vectors(in, out, mode);
	for (i = 0; in->sets & SET_ZA && i < vl; i++)
		REGS_SAME_BYTES(za + i * vl, got + i * vl, vl, "row %u of za", i);
	if (in->sets & SET_ZT)
		REGS_SAME_BYTES(in->zt, out->zt, 64, "zt0");
	for (i = 0; i < 5; i++)
		REGS_SAME(in->pac[i], out->pac[i], "pointer signed with %s", key[i]);
}

#endif /* CKPT_REGISTERS_ARM64_H */
