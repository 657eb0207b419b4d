/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers of ppc64le, see registers.c: general registers, link, count,
 * condition and exception registers, all 64 vector-scalar registers with the
 * status of floating point and vectors, TAR, DSCR, VRSAVE, program priority; the
 * hash key and DEXCR of ISA 3.1.  System calls are made by sc and by scv.
 */
#ifndef CKPT_REGISTERS_POWERPC_H
#define CKPT_REGISTERS_POWERPC_H

#include <poll.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#ifndef PPC_FEATURE2_SCV
#define PPC_FEATURE2_SCV	0x00100000
#endif
#ifndef PPC_FEATURE2_ARCH_3_1
#define PPC_FEATURE2_ARCH_3_1	0x00040000
#endif
#ifndef PROT_SAO
#define PROT_SAO		0x10
#endif
#ifndef PR_PPC_GET_DEXCR
#define PR_PPC_GET_DEXCR		72
#define PR_PPC_SET_DEXCR		73
#define PR_PPC_DEXCR_IBRTPD		1
#define PR_PPC_DEXCR_SRAPD		2
#define PR_PPC_DEXCR_NPHIE		3
#define PR_PPC_DEXCR_CTRL_SET		0x2
#define PR_PPC_DEXCR_CTRL_CLEAR		0x4
#define PR_PPC_DEXCR_CTRL_SET_ONEXEC	0x8
#endif

#define REGS_NR_VFORK	__NR_vfork

/* SO, OV, CA and the length of string instructions. */
#define XER_FREE	0xe000007full
/* Rounding of decimal and binary numbers, result flags, sticky exceptions; none is enabled. */
#define FPSCR_FREE	0x000000079e07f003ull
/* Non-Java mode and saturation. */
#define VSCR_FREE	0x00010001u
#define CR0_SO		0x10000000ull
#define PPR_MASK	(7ull << 50)
/* What every system call leaves behind: medium low. */
#define PPR_DEFAULT	(3ull << 50)

/* The layout is known to the assembly below. */
struct regs {
	uint64_t gpr[32];	/* 0 */
	uint64_t lr;		/* 256 */
	uint64_t ctr;		/* 264 */
	uint64_t xer;		/* 272 */
	uint64_t cr;		/* 280 */
	uint64_t tar;		/* 288 */
	uint64_t dscr;		/* 296 */
	uint64_t ppr;		/* 304 */
	uint64_t vrsave;	/* 312 */
	uint64_t fpscr;		/* 320 */
	/* In: calls are made by scv. Out: CR after the call. */
	uint64_t call;		/* 328 */
	uint32_t vscr[4] __attribute__((aligned(16)));	/* 336 */
	uint8_t vsr[64][16];	/* 352 */
};

/*
 * regs_run() with the address of regs_go, which makes it need no TOC.  The loop is
 * a single branch to itself, which changes no register; it is released by
 * overwriting it.  That copies a page of 64 KiB, in which QEMU 11.1's TCG forgets
 * what it translated of the old one in the first 4 KiB only (radix MMU): so the loop
 * begins a page, else the old one goes on, sometimes for minutes.
 */
void regs_wait(const struct regs *in, struct regs *out, uint64_t mode, uint32_t *go);
extern uint32_t regs_loop[];

#define REGS_RELEASE() do {						\
	__atomic_store_n(&regs_loop[0], 0x60000000, __ATOMIC_SEQ_CST);	\
	__builtin___clear_cache((char *)regs_loop, (char *)(regs_loop + 1)); \
} while (0)

#define EACH32(m) \
	m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) \
	m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15) \
	m(16) m(17) m(18) m(19) m(20) m(21) m(22) m(23) \
	m(24) m(25) m(26) m(27) m(28) m(29) m(30) m(31)
#define EACH64(m) EACH32(m) \
	m(32) m(33) m(34) m(35) m(36) m(37) m(38) m(39) \
	m(40) m(41) m(42) m(43) m(44) m(45) m(46) m(47) \
	m(48) m(49) m(50) m(51) m(52) m(53) m(54) m(55) \
	m(56) m(57) m(58) m(59) m(60) m(61) m(62) m(63)
#define EACH_SAVED(m) \
	m(14) m(15) m(16) m(17) m(18) m(19) m(20) m(21) m(22) \
	m(23) m(24) m(25) m(26) m(27) m(28) m(29) m(30) m(31)
#define EACH_SAVED_VR(m) \
	m(20) m(21) m(22) m(23) m(24) m(25) m(26) m(27) m(28) m(29) m(30) m(31)
/* All but the stack pointer, the thread pointer, and the pointer to the values. */
#define EACH_LOADED(m) \
	m(0) m(2) m(4) m(5) m(6) m(7) m(8) m(9) m(10) m(11) m(12) \
	EACH_SAVED(m)

/*
 * The frame: 32 out, 40 address of regs_go, 48 TAR, 56 DSCR, 64 PPR, 72 VRSAVE,
 * 80 FPSCR, 88 CR, 96 LR, 104 r2, 112 VSCR, 128 r14 and on, 272 f14 and on,
 * 416 v20 and on, 608 all general registers, 864 CR after the call.
 */
#define SAVE_R(n)	"std " #n ",128+8*(" #n "-14)(1)\n"
#define BACK_R(n)	"ld " #n ",128+8*(" #n "-14)(1)\n"
#define SAVE_F(n)	"stfd " #n ",272+8*(" #n "-14)(1)\n"
#define BACK_F(n)	"lfd " #n ",272+8*(" #n "-14)(1)\n"
#define SAVE_V(n)	"stvx " #n ",0,7\n addi 7,7,16\n"
#define BACK_V(n)	"lvx " #n ",0,7\n addi 7,7,16\n"
#define LOAD_VS(n)	"lxvd2x " #n ",0,7\n addi 7,7,16\n"
#define STORE_VS(n)	"stxvd2x " #n ",0,7\n addi 7,7,16\n"
#define LOAD_R(n)	"ld " #n ",8*" #n "(3)\n"
#define KEEP_R(n)	"std " #n ",608+8*" #n "(1)\n"
#define STORE_R(n)	"ld 0,608+8*" #n "(1)\n std 0,8*" #n "(11)\n"
/* mtfsf of all fields. */
#define MTFSF_ALL	".long 0xfffe058e\n"	/* from f0 */

/* No instruction that changes a register may follow but the wait's own. */
#define LOAD_GPRS							\
	"ld 0,280(3)\n mtcrf 255,0\n"					\
	EACH_LOADED(LOAD_R)						\
	"ld 3,24(3)\n"

#define FUTEX_WAIT_GO(sc)						\
	"li 0,221\n ld 3,40(1)\n li 4,0\n li 5,0\n li 6,0\n li 7,0\n li 8,0\n" \
	sc								\
	"mfcr 10\n std 10,864(1)\n"					\
	"ld 9,40(1)\n lwz 9,0(9)\n cmpwi 9,0\n"

#define CALLS(name, sc)							\
	".Lcall_" name ":\n"						\
	LOAD_GPRS							\
	"3:\n"								\
	FUTEX_WAIT_GO(sc)						\
	"beq 3b\n b regs_go_on\n"					\
	".Lvfork_" name ":\n"						\
	LOAD_GPRS							\
	"li 0,189\n"							\
	sc								\
	"mfcr 10\n std 10,864(1)\n"					\
	"cmpdi 3,0\n bne regs_go_on\n"					\
	"4:\n"								\
	FUTEX_WAIT_GO(sc)						\
	"beq 4b\n"							\
	"li 0,234\n li 3,0\n"						\
	sc								\
	"trap\n"

asm(
"	.section .regs_loop,\"awx\",@progbits\n"
"	.balign 65536\n"
"	.globl regs_loop\n"
"regs_loop:\n"
"	b regs_loop\n"
"	b regs_go_on\n"
"	.text\n"
"	.balign 16\n"
"	.globl regs_wait\n"
"	.type regs_wait, @function\n"
"regs_wait:\n"
"	mflr 0\n std 0,16(1)\n"
"	stdu 1,-880(1)\n"
"	std 0,96(1)\n std 2,104(1)\n std 4,32(1)\n std 6,40(1)\n"
"	mfcr 0\n std 0,88(1)\n"
"	mfspr 0,815\n std 0,48(1)\n"
"	mfspr 0,3\n std 0,56(1)\n"
"	mfspr 0,896\n std 0,64(1)\n"
"	mfspr 0,256\n std 0,72(1)\n"
	EACH_SAVED(SAVE_R)
	EACH_SAVED(SAVE_F)
"	mffs 0\n stfd 0,80(1)\n"
"	addi 7,1,416\n"
	EACH_SAVED_VR(SAVE_V)
"	mfvscr 0\n addi 7,1,112\n stvx 0,0,7\n"
"	li 0,0\n std 0,864(1)\n"

"	lfd 0,320(3)\n"
	MTFSF_ALL
"	addi 7,3,336\n lvx 0,0,7\n mtvscr 0\n"
"	addi 7,3,352\n"
	EACH64(LOAD_VS)
"	ld 0,288(3)\n mtspr 815,0\n"
"	ld 0,296(3)\n mtspr 3,0\n"
"	ld 0,312(3)\n mtspr 256,0\n"
"	ld 0,256(3)\n mtlr 0\n"
"	ld 0,264(3)\n mtctr 0\n"
"	ld 0,272(3)\n mtxer 0\n"
"	ld 0,304(3)\n mtspr 896,0\n"
"	ld 0,328(3)\n"
"	cmpdi 0,5,1\n cmpdi 1,0,0\n"
"	blt 0,2f\n"
"	bne 1,1f\n"
"	beq 0,.Lcall_sc\n"
"	b .Lvfork_sc\n"
"1:	beq 0,.Lcall_scv\n"
"	b .Lvfork_scv\n"
"2:\n"
	LOAD_GPRS
"	b regs_loop\n"
	CALLS("sc", "sc\n")
	CALLS("scv", ".long 0x44000001\n")

"	.globl regs_go_on\n"
"regs_go_on:\n"
	EACH32(KEEP_R)
"	ld 11,32(1)\n"
"	mfcr 0\n std 0,280(11)\n"
"	mflr 0\n std 0,256(11)\n"
"	mfctr 0\n std 0,264(11)\n"
"	mfxer 0\n std 0,272(11)\n"
"	mfspr 0,815\n std 0,288(11)\n"
"	mfspr 0,3\n std 0,296(11)\n"
"	mfspr 0,896\n std 0,304(11)\n"
"	mfspr 0,256\n std 0,312(11)\n"
"	ld 0,864(1)\n std 0,328(11)\n"
	EACH32(STORE_R)
"	addi 7,11,352\n"
	EACH64(STORE_VS)
"	mffs 0\n stfd 0,320(11)\n"
"	mfvscr 0\n addi 7,11,336\n stvx 0,0,7\n"

"	lfd 0,80(1)\n"
	MTFSF_ALL
"	addi 7,1,112\n lvx 0,0,7\n mtvscr 0\n"
"	addi 7,1,416\n"
	EACH_SAVED_VR(BACK_V)
	EACH_SAVED(BACK_F)
	EACH_SAVED(BACK_R)
"	ld 0,48(1)\n mtspr 815,0\n"
"	ld 0,56(1)\n mtspr 3,0\n"
"	ld 0,64(1)\n mtspr 896,0\n"
"	ld 0,72(1)\n mtspr 256,0\n"
"	ld 0,88(1)\n mtcrf 255,0\n"
"	ld 2,104(1)\n"
"	ld 0,96(1)\n mtlr 0\n"
"	addi 1,1,880\n"
"	blr\n"
"	.size regs_wait, .-regs_wait\n"
);

static bool regs_has_scv(void)
{
	return getauxval(AT_HWCAP2) & PPC_FEATURE2_SCV;
}

static bool regs_is_power10(void)
{
	return getauxval(AT_HWCAP2) & PPC_FEATURE2_ARCH_3_1;
}

static uint64_t regs_thread_pointer(void)
{
	uint64_t tp;

	asm("mr %0,13" : "=r" (tp));
	return tp;
}

static const char *regs_find_sets(void)
{
	return regs_has_scv() ? "general, VSX, TAR, DSCR, VRSAVE, PPR; sc and scv" :
				"general, VSX, TAR, DSCR, VRSAVE, PPR; sc";
}

static void regs_run(const struct regs *in, struct regs *out, enum regs_mode mode)
{
	regs_wait(in, out, mode, &regs_go);
}

static void regs_fill(struct regs *regs, uint64_t seed)
{
	memset(regs, 0, sizeof(*regs));
	/* Neighbours among the threads call differently. */
	regs->call = (seed / 3 & 1) && regs_has_scv();
	regs_mix_bytes(regs->gpr, sizeof(regs->gpr), &seed);
	regs_mix_bytes(regs->vsr, sizeof(regs->vsr), &seed);
	regs->lr = regs_mix(&seed) & ~3ull;
	regs->ctr = regs_mix(&seed) & ~3ull;
	regs->tar = regs_mix(&seed) & ~3ull;
	regs->xer = regs_mix(&seed) >> 20 & XER_FREE;
	regs->cr = regs_mix(&seed) >> 32;
	regs->dscr = regs_mix(&seed) >> 40 & 0x1ff;
	regs->ppr = PPR_DEFAULT;
	regs->vrsave = regs_mix(&seed) >> 32;
	regs->fpscr = regs_mix(&seed) >> 20 & FPSCR_FREE;
	regs->vscr[0] = regs_mix(&seed) >> 20 & VSCR_FREE;
}

static void regs_compare(const struct regs *in, const struct regs *out, enum regs_mode mode)
{
	uint64_t cr = 0xffffffff;
	unsigned int i;

	if (mode != REGS_LOOP) {
		long result = out->gpr[3];

		/* What the ABI says about the instruction, and the wait's own compare. */
		cr = in->call ? 0x00fff000 : 0x0fffffff;
		if (!in->call && (out->call & CR0_SO))
			result = -result;
		if (mode == REGS_VFORK)
			regs_reap(result);
		else
			CHECK(!result || result == -EAGAIN, "futex gave %ld", result);
	}
	for (i = 0; i < 32; i++) {
		if (mode != REGS_LOOP && (!i || (i >= 3 && i <= 12)))
			continue;
		if (i == 1)
			continue;
		REGS_SAME(i == 13 ? regs_thread_pointer() : in->gpr[i], out->gpr[i], "r%u", i);
	}
	REGS_SAME(in->cr & cr, out->cr & cr, "cr");
	if (mode == REGS_LOOP || !in->call)
		REGS_SAME(in->lr, out->lr, "lr");
	if (mode == REGS_LOOP) {
		REGS_SAME(in->ctr, out->ctr, "ctr");
		REGS_SAME(in->xer, out->xer & XER_FREE, "xer");
		REGS_SAME(in->ppr, out->ppr & PPR_MASK, "ppr");
	}
	REGS_SAME(in->tar, out->tar, "tar");
	REGS_SAME(in->dscr, out->dscr, "dscr");
	REGS_SAME(in->vrsave, out->vrsave, "vrsave");
	REGS_SAME(in->fpscr, out->fpscr & FPSCR_FREE, "fpscr");
	REGS_SAME(in->vscr[0], out->vscr[0], "vscr");
	for (i = 0; i < 64; i++)
		REGS_SAME_BYTES(in->vsr[i], out->vsr[i], 16, "vs%u", i);
}

/* ---- ppc64le's own scenarios ------------------------------------------ */

static void start_setter(void);
static void torture_by(const struct regs *in, enum regs_mode mode);

/* The priority is a program's own only as long as it makes no system call. */
static void *at_priority(void *arg)
{
	struct regs in;

	regs_fill(&in, 400 + (uintptr_t)arg);
	in.ppr = (uint64_t)(uintptr_t)arg << 50;
	torture_by(&in, REGS_LOOP);
	return NULL;
}

CKPT_CYCLE(program_priority)
{
	pthread_t thread[2];

	start_setter();
	CHECK_EQ(0, pthread_create(&thread[0], NULL, at_priority, (void *)2));
	CHECK_EQ(0, pthread_create(&thread[1], NULL, at_priority, (void *)4));
	ckpt_step_wait(0, 2);
	ckpt_ready();
	CHECK_EQ(0, pthread_join(thread[0], NULL));
	CHECK_EQ(0, pthread_join(thread[1], NULL));
}

/* A system call by sc or scv: its result, or the negative error. */
static long call_by(bool scv, long nr, long a, long b, long c, long d)
{
	register long r0 asm("r0") = nr;
	register long r3 asm("r3") = a;
	register long r4 asm("r4") = b;
	register long r5 asm("r5") = c;
	register long r6 asm("r6") = d;

	if (scv)
		asm volatile(".long 0x44000001"
			     : "+r" (r3), "+r" (r0), "+r" (r4), "+r" (r5), "+r" (r6)
			     :: "r7", "r8", "r9", "r10", "r11", "r12", "cr0", "cr1", "cr5",
				"cr6", "cr7", "xer", "ctr", "lr", "memory");
	else
		asm volatile("sc\n bns+ 1f\n neg %0,%0\n 1:"
			     : "+r" (r3), "+r" (r0), "+r" (r4), "+r" (r5), "+r" (r6)
			     :: "r7", "r8", "r9", "r10", "r11", "r12", "cr0", "xer", "ctr",
				"memory");
	return r3;
}

static int convention_pipe[2];

/* Each convention has its own way to tell an error: none may be seen that was not one. */
static void *reads(void *arg)
{
	char c = 0;

	ckpt_step(1);
	CHECK_EQ(1, call_by(arg, __NR_read, convention_pipe[0], (long)&c, 1, 0));
	CHECK_EQ('x', c);
	return NULL;
}

/* Has a restart block, and ends by itself. */
static void *sleeps(void *arg)
{
	struct timespec time = { .tv_sec = 1, .tv_nsec = 500000000 };
	uint64_t start = ckpt_now();

	ckpt_step(1);
	CHECK_EQ(0, call_by(arg, __NR_nanosleep, (long)&time, 0, 0, 0));
	CHECK(ckpt_now() - start >= 1500000000ull, "slept too short");
	ckpt_step(2);
	return NULL;
}

static void *polls(void *arg)
{
	struct pollfd none = { .fd = -1 };

	ckpt_step(1);
	CHECK_EQ(0, call_by(arg, __NR_poll, (long)&none, 1, 1500, 0));
	ckpt_step(2);
	return NULL;
}

static void *fails(void *arg)
{
	struct pollfd none = { .fd = -1 };

	ckpt_step(1);
	ckpt_wait_go();
	CHECK_EQ(-EBADF, call_by(arg, __NR_read, -1, 0, 0, 0));
	CHECK_EQ(-EFAULT, call_by(arg, __NR_poll, 8, 1, 0, 0));
	CHECK_EQ(0, call_by(arg, __NR_poll, (long)&none, 1, 0, 0));
	return NULL;
}

CKPT_CYCLE(call_conventions)
{
	void *(*const calls[])(void *) = { reads, sleeps, polls, fails };
	pthread_t thread[8];
	uintptr_t i, nr = regs_has_scv() ? 8 : 4;

	CHECK_SYS(pipe(convention_pipe));
	for (i = 0; i < nr; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, calls[i % 4], (void *)(i / 4)));
	ckpt_step_wait(1, nr);
	ckpt_ready_wait();
	ckpt_step_wait(2, nr / 2);
	CHECK_EQ(nr / 4, write(convention_pipe[1], "xx", nr / 4));
	for (i = 0; i < nr; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

static void *with_modes(void *arg)
{
	static const unsigned int fpexc[] = { PR_FP_EXC_DISABLED, PR_FP_EXC_NONRECOV,
					      PR_FP_EXC_ASYNC, PR_FP_EXC_PRECISE };
	static const unsigned int align[] = { 0, PR_UNALIGN_SIGBUS, PR_UNALIGN_NOPRINT, 3 };
	unsigned int nr = (uintptr_t)arg, seen;

	CHECK_SYS(prctl(PR_SET_FPEXC, fpexc[nr]));
	CHECK_SYS(prctl(PR_SET_UNALIGN, align[nr]));
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_SYS(prctl(PR_GET_FPEXC, &seen));
	CHECK_EQ(fpexc[nr], seen);
	CHECK_SYS(prctl(PR_GET_UNALIGN, &seen));
	CHECK_EQ(align[nr], seen);
	return NULL;
}

CKPT_CYCLE(modes_of_prctl)
{
	pthread_t thread[4];
	uintptr_t i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, with_modes, (void *)i));
	ckpt_step_wait(1, 4);
	ckpt_ready_wait();
	for (i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* hashst and hashchk of r3 with r4 at 8 bytes before what r4 points to. */
#define HASHST	".long 0x7fe41da5\n"
#define HASHCHK	".long 0x7fe41de5\n"

/* The key can't be read: it is the same if what it signed is still valid. */
static void *with_hash(void *arg)
{
	uint64_t frame[2] = { 0, 0 };
	register uint64_t *at asm("r4") = &frame[1];
	register uint64_t value asm("r3") = (uintptr_t)arg + 0x123456789abcull;
	static const unsigned long aspects[] = { PR_PPC_DEXCR_IBRTPD, PR_PPC_DEXCR_SRAPD };
	unsigned long aspect = aspects[(uintptr_t)arg & 1];
	long before, other;

	asm volatile(HASHST : "+r" (at), "+r" (value) :: "memory");
	CHECK(frame[0], "no hash was stored");
	before = CHECK_SYS(prctl(PR_PPC_GET_DEXCR, aspect, 0, 0, 0));
	CHECK_SYS(prctl(PR_PPC_SET_DEXCR, aspect,
			PR_PPC_DEXCR_CTRL_SET | PR_PPC_DEXCR_CTRL_SET_ONEXEC, 0, 0));
	other = CHECK_SYS(prctl(PR_PPC_GET_DEXCR, aspects[~(uintptr_t)arg & 1], 0, 0, 0));
	ckpt_step(1);
	ckpt_wait_go();
	at = &frame[1];
	value = (uintptr_t)arg + 0x123456789abcull;
	asm volatile(HASHCHK : "+r" (at), "+r" (value) :: "memory");
	CHECK_EQ((before & 1) | PR_PPC_DEXCR_CTRL_SET | PR_PPC_DEXCR_CTRL_SET_ONEXEC,
		 prctl(PR_PPC_GET_DEXCR, aspect, 0, 0, 0));
	CHECK_EQ(other, prctl(PR_PPC_GET_DEXCR, aspects[~(uintptr_t)arg & 1], 0, 0, 0));
	return NULL;
}

CKPT_CYCLE(hash_key_and_dexcr)
{
	pthread_t thread[2];
	uintptr_t i;

	if (!regs_is_power10()) {
		ckpt_ready_wait();
		return;
	}
	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, with_hash, (void *)i));
	ckpt_step_wait(1, 2);
	ckpt_ready_wait();
	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* Has the mapping at @addr strong access order? */
static bool is_strongly_ordered(const void *addr)
{
	unsigned long start, end;
	bool inside = false, found = false;
	char line[512];
	FILE *f = fopen("/proc/self/smaps", "r");

	CHECK(f, "smaps can't be opened");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)addr && (uintptr_t)addr < end;
		if (inside && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, " ar");
	}
	fclose(f);
	return found;
}

/* QEMU's hash MMU does not take such pages. */
static bool can_be_touched(char *p)
{
	int status;
	pid_t pid = CHECK_SYS(fork());

	if (!pid) {
		*p = 1;
		_exit(0);
	}
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(!status || status == SIGBUS, "it ended with 0x%x", status);
	return !status;
}

/* Only some processors have it, and then not in every kernel. */
CKPT_CYCLE(strong_access_order)
{
	size_t len = 4 * sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE | PROT_SAO,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		CHECK_EQ(EINVAL, errno);
	if (p == MAP_FAILED || !can_be_touched(p)) {
		ckpt_ready_wait();
		return;
	}
	memset(p, 0x5a, len);
	CHECK(is_strongly_ordered(p), "it was not to begin with");
	ckpt_ready_wait();
	CHECK(is_strongly_ordered(p), "it is no more");
	CHECK_EQ(0x5a, p[len - 1]);
}

#endif /* CKPT_REGISTERS_POWERPC_H */
