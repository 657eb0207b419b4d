// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of 32-bit programs: each has a pattern of its own, in a loop, in a
 * system call, under a signal handler; as registers_x86.h has it for 64 bits.
 */
#include "ia32.h"
#include <cpuid.h>

enum gpr { EAX, EBX, ECX, EDX, ESI, EDI, EBP, GPRS };

/* CF, PF, AF, ZF, SF, DF, OF; IF and bit 1 are always set. */
#define FLAGS_FREE	(0x8d5u | 1u << 10)
#define FLAGS_SET	0x202u

/*
 * The layout is known to the assembly below.  Aligned, as QEMU 11.1 writes the end of
 * an x87 register that crosses a page into the page frame that follows the first one.
 */
struct regs {
	uint32_t gpr[GPRS];	/* 0 */
	uint32_t flags;		/* 28 */
	uint32_t ds;		/* 32 */
	uint32_t es;		/* 36 */
	uint32_t mxcsr;		/* 40 */
	uint16_t cw;		/* 44 */
	uint16_t sw;		/* 46 */
	uint8_t st[8][16];	/* 48 */
	uint8_t vec[8][32];	/* 176 */
} __attribute__((aligned(16)));

enum mode { LOOP, IN_CALL };

void regs_run(const struct regs *in, struct regs *out, enum mode mode);

extern void *regs_next[2];
extern const char regs_go_on[];
uint32_t regs_go;
uint32_t regs_avx;

#define EACH8(m) m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7)
#define LOAD_X(n) "movups 176+32*" #n "(%edi), %xmm" #n "\n"
#define LOAD_Y(n) "vmovups 176+32*" #n "(%edi), %ymm" #n "\n"
#define SAVE_X(n) "movups %xmm" #n ", 176+32*" #n "(%edi)\n"
#define SAVE_Y(n) "vmovups %ymm" #n ", 176+32*" #n "(%edi)\n"
#define LOAD_ST(n) "fldt 48+112-16*" #n "(%edi)\n"
#define SAVE_ST(n) "fstpt 48+16*" #n "(%edi)\n"

asm(
"	.data\n"
"	.balign 4\n"
"	.globl regs_next\n"
"regs_next: .long .Lloop, .Lcall\n"
"	.text\n"
"	.globl regs_go_on\n"
"	.globl regs_run\n"
"regs_run:\n"
"	push %ebp\n push %edi\n push %esi\n push %ebx\n"
"	mov %ds, %eax\n push %eax\n"
"	mov %es, %eax\n push %eax\n"
"	mov 28(%esp), %edi\n"		/* in */
"	mov 36(%esp), %edx\n"		/* mode */
"	cmpl $0, regs_avx\n"
"	jne 1f\n"
	EACH8(LOAD_X)
"	jmp 2f\n"
"1:\n"
	EACH8(LOAD_Y)
"2:	fninit\n"
	EACH8(LOAD_ST)
"	fldcw 44(%edi)\n"
"	sub $32, %esp\n"
"	fnstenv (%esp)\n"
"	movw 46(%edi), %ax\n"
"	movw %ax, 4(%esp)\n"
"	fldenv (%esp)\n"
"	add $32, %esp\n"
"	ldmxcsr 40(%edi)\n"
/* %ds may be none from here on. */
"	mov 36(%edi), %eax\n"
"	mov %eax, %es\n"
"	mov 32(%edi), %eax\n"
"	mov %eax, %ds\n"
"	cmp $0, %edx\n"
"	mov %ss:28(%edi), %eax\n"
"	push %eax\n"
"	jne 3f\n"
"	popf\n"
#define LOAD_GPRS \
"	mov %ss:0(%edi), %eax\n mov %ss:4(%edi), %ebx\n mov %ss:8(%edi), %ecx\n" \
"	mov %ss:12(%edi), %edx\n mov %ss:16(%edi), %esi\n mov %ss:24(%edi), %ebp\n" \
"	mov %ss:20(%edi), %edi\n"
	LOAD_GPRS
".Lloop:\n"
"	jmp *%cs:regs_next\n"
"3:	popf\n"
	LOAD_GPRS
".Lcall:\n"
"	mov $422, %eax\n"		/* futex_time64 */
"	mov $regs_go, %ebx\n"
"	mov $0, %ecx\n"			/* FUTEX_WAIT */
"	mov $0, %edx\n"
"	mov $0, %esi\n"
"	int $0x80\n"
"	jmp *%cs:regs_next+4\n"
"regs_go_on:\n"
"	pushf\n"
"	cld\n"
"	push %ebp\n push %edi\n push %esi\n push %edx\n push %ecx\n push %ebx\n push %eax\n"
"	mov %ds, %eax\n"
"	mov %es, %ebx\n"
"	mov 32(%esp), %ecx\n"		/* What they are to be again. */
"	mov 36(%esp), %edx\n"
"	mov %ecx, %es\n"
"	mov %edx, %ds\n"
"	mov 64(%esp), %edi\n"		/* out */
"	mov %esp, %esi\n"
"	mov $8, %ecx\n"
"	rep movsl\n"
"	mov 64(%esp), %edi\n"
"	mov %eax, 32(%edi)\n"
"	mov %ebx, 36(%edi)\n"
"	stmxcsr 40(%edi)\n"
"	fnstcw 44(%edi)\n"
"	fnstsw 46(%edi)\n"
	EACH8(SAVE_ST)
"	fninit\n"
"	cmpl $0, regs_avx\n"
"	jne 4f\n"
	EACH8(SAVE_X)
"	jmp 5f\n"
"4:\n"
	EACH8(SAVE_Y)
"	vzeroupper\n"
"5:	movl $0x1f80, (%esp)\n"
"	ldmxcsr (%esp)\n"
"	push $0x202\n"
"	popf\n"
"	add $40, %esp\n"
"	pop %ebx\n pop %esi\n pop %edi\n pop %ebp\n"
"	ret\n"
);

static uint32_t mix(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed ^ (*seed >> 15);
}

static void mix_bytes(void *to, size_t len, uint32_t *seed)
{
	uint8_t *p = to;

	while (len--)
		*p++ = mix(seed) >> 20;
}

static void fill(struct regs *regs, uint32_t seed)
{
	static const uint16_t cws[] = { 0x037f, 0x0c7f, 0x047f, 0x087f };
	static const uint32_t mxcsrs[] = { 0x7fc0, 0x3f80, 0x5f80, 0x9f80 };
	static const uint32_t segments[] = { 0x2b, 0, 0x2b, 0 };
	unsigned int i;

	memset(regs, 0, sizeof(*regs));
	mix_bytes(regs->gpr, sizeof(regs->gpr), &seed);
	mix_bytes(regs->vec, sizeof(regs->vec), &seed);
	for (i = 0; i < 8; i++) {
		/* A normal number each: leading bit set, exponent near 1. */
		mix_bytes(regs->st[i], 8, &seed);
		regs->st[i][7] |= 0x80;
		regs->st[i][8] = 0xf0 + i;
		regs->st[i][9] = i & 1 ? 0xbf : 0x3f;
	}
	regs->cw = cws[mix(&seed) >> 30];
	regs->sw = mix(&seed) >> 12 & 0x473f;
	regs->mxcsr = mxcsrs[mix(&seed) >> 30] | (mix(&seed) >> 12 & 0x3f);
	regs->ds = segments[mix(&seed) >> 30];
	regs->es = segments[mix(&seed) >> 30];
	regs->flags = FLAGS_SET | (mix(&seed) >> 12 & FLAGS_FREE);
}

static void compare(const struct regs *in, const struct regs *out, enum mode mode)
{
	struct regs want = *in;
	unsigned int i, n;

	if (mode == IN_CALL) {
		CHECK(!out->gpr[EAX] || (int)out->gpr[EAX] == -EAGAIN);
		want.gpr[EAX] = out->gpr[EAX];
		want.gpr[EBX] = (uint32_t)&regs_go;
		want.gpr[ECX] = 0;
		want.gpr[EDX] = 0;
		want.gpr[ESI] = 0;
	}
	for (i = 0; i < GPRS; i++)
		CHECK_EQ(want.gpr[i], out->gpr[i]);
	CHECK_EQ(want.flags, out->flags & (FLAGS_FREE | FLAGS_SET));
	CHECK_EQ(want.ds, out->ds & 0xffff);
	CHECK_EQ(want.es, out->es & 0xffff);
	CHECK_EQ(want.mxcsr, out->mxcsr);
	CHECK_EQ(want.cw, out->cw);
	CHECK_EQ(want.sw, out->sw);
	for (i = 0; i < 8; i++) {
		CHECK(!memcmp(want.st[i], out->st[i], 10));
		for (n = 0; n < (regs_avx ? 32 : 16); n++)
			CHECK_EQ(want.vec[i][n], out->vec[i][n]);
	}
}

static void torture(uint32_t seed, enum mode mode)
{
	/* Not static: a handler has its own while another call is under way. */
	struct regs in, out;

	fill(&in, seed);
	memset(&out, 0, sizeof(out));
	step(0);
	regs_run(&in, &out, mode);
	compare(&in, &out, mode);
}

static void find_avx(void)
{
	unsigned int a, b, c, d;

	/* OSXSAVE and AVX. */
	regs_avx = __get_cpuid(1, &a, &b, &c, &d) && (c & 3 << 27) == 3 << 27;
}

static void release(void)
{
	__atomic_store_n(&regs_go, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&regs_next[0], (void *)regs_go_on, __ATOMIC_SEQ_CST);
	__atomic_store_n(&regs_next[1], (void *)regs_go_on, __ATOMIC_SEQ_CST);
	CALL(NR_futex, &regs_go, FUTEX_WAKE, 1000);
}

static struct thread threads[2];
static pid_t main_tid;

static void release_on_go(void *arg)
{
	step_wait(0, (uint32_t)arg);
	ready();
	wait_go();
	release();
}

static void of_thread(void *arg)
{
	torture(17, (enum mode)arg);
}

/* In two threads, each with patterns of its own. */
static void in_mode(enum mode mode)
{
	find_avx();
	thread_start(&threads[0], release_on_go, (void *)2, 1);
	thread_start(&threads[1], of_thread, (void *)mode, 2);
	torture(4, mode);
	thread_join(&threads[0]);
	thread_join(&threads[1]);
}

void registers_in_loop(void)
{
	in_mode(LOOP);
}

void registers_in_call(void)
{
	in_mode(IN_CALL);
}

static void handler(int sig)
{
	torture(200 + sig, LOOP);
}

static void interrupt(void *arg)
{
	step_wait(0, 1);
	CHECK_CALL(__NR_tgkill, main_tid, main_tid, SIGUSR1);
	release_on_go((void *)2);
}

/* A handler changes them all; the return from it brings ours back. */
void registers_in_handler(void)
{
	struct { void (*fn)(int); unsigned long flags; void *restorer; uint32_t mask[2]; } action = {
		.fn = handler,
	};

	find_avx();
	main_tid = CALL(__NR_gettid);
	CHECK_CALL(__NR_rt_sigaction, SIGUSR1, &action, 0, 8);
	thread_start(&threads[0], interrupt, NULL, 1);
	torture(300, LOOP);
	thread_join(&threads[0]);
}
