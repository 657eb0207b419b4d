// SPDX-License-Identifier: GPL-2.0
/* What only arm64 has, besides registers: tags, keys, guarded branches, and refusals. */
#include "refuse.h"

#ifdef __aarch64__

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

CKPT_FIXTURE_ARCH
REFUSE_FIXTURE

#ifndef PROT_BTI
#define PROT_BTI 0x10
#endif
#ifndef PROT_MTE
#define PROT_MTE 0x20
#endif
#ifndef PR_MTE_STORE_ONLY
#define PR_MTE_STORE_ONLY (1ul << 19)
#endif
#ifndef SEGV_MTESERR
#define SEGV_MTESERR 9
#endif
#ifndef PR_SME_SET_VL
#define PR_SME_SET_VL 63
#define PR_SME_GET_VL 64
#endif
#ifndef PR_SET_TSC
#define PR_SET_TSC 26
#define PR_TSC_ENABLE 1
#define PR_TSC_SIGSEGV 2
#endif
#ifndef PR_SET_SHADOW_STACK_STATUS
#define PR_GET_SHADOW_STACK_STATUS 74
#define PR_SET_SHADOW_STACK_STATUS 75
#define PR_LOCK_SHADOW_STACK_STATUS 76
#define PR_SHADOW_STACK_ENABLE 1ul
#endif

#define CAP_SVE		(1ul << 22)
#define CAP_PACA	(1ul << 30)
#define CAP_GCS		(1ul << 32)
#define CAP2_BTI	(1ul << 17)
#define CAP2_MTE	(1ul << 18)
#define CAP2_POE	(1ul << 63)

static bool has_cap(unsigned long cap)
{
	return getauxval(AT_HWCAP) & cap;
}

static bool has_cap2(unsigned long cap)
{
	return getauxval(AT_HWCAP2) & cap;
}

static size_t page(void)
{
	return getpagesize();
}

static char *map(size_t pages, int prot, int flags)
{
	char *at = mmap(NULL, pages * page(), prot, flags | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	return at;
}

/* ---- memory tags ------------------------------------------------------ */

#define GRANULE 16

static uint64_t tag_at(const char *p)
{
	uint64_t tagged = (uintptr_t)p;

	asm volatile(".arch armv8.5-a+memtag\n ldg %0, [%1]" : "+r" (tagged) : "r" (p));
	return tagged >> 56 & 0xf;
}

static void set_tag(char *p, uint64_t tag)
{
	uint64_t tagged = (uintptr_t)p | tag << 56;

	asm volatile(".arch armv8.5-a+memtag\n stg %0, [%0]" : : "r" (tagged) : "memory");
}

static char *with_tag(char *p, uint64_t tag)
{
	return (char *)((uintptr_t)p | tag << 56);
}

/* Another tag for each granule, and each page another order. */
static unsigned int pattern(size_t offset)
{
	return (offset / GRANULE * 7 + offset / 4096 * 3 + 1) & 0xf;
}

static void tag_range(char *p, size_t len)
{
	size_t at;

	for (at = 0; at < len; at += GRANULE)
		set_tag(p + at, pattern(at));
}

static void check_tags(const char *p, size_t len, const char *what)
{
	size_t at;

	for (at = 0; at < len; at += GRANULE)
		CHECK(tag_at(p + at) == pattern(at), "%s: tag at %zu is %u, not %u", what, at,
		      (unsigned int)tag_at(p + at), pattern(at));
}

static void check_no_tags(const char *p, size_t len, const char *what)
{
	size_t at;

	for (at = 0; at < len; at += GRANULE)
		CHECK(!tag_at(p + at), "%s: tag at %zu is %u", what, at,
		      (unsigned int)tag_at(p + at));
}

static volatile int fault_code;


static sigjmp_buf fault_buf;

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	fault_code = info->si_code;
	siglongjmp(fault_buf, 1);
}

/* The code of the fault that writing to @p brings, 0 if none. */
static int fault_at(volatile char *p)
{
	uint64_t por = 0;

	/* A handler has other rights, and siglongjmp() does not bring ours back. */
	if (has_cap2(CAP2_POE))
		asm volatile("mrs %0, S3_3_C10_C2_4" : "=r" (por));
	fault_code = 0;
	if (!sigsetjmp(fault_buf, 1))
		*p = 1;
	if (has_cap2(CAP2_POE))
		asm volatile("msr S3_3_C10_C2_4, %0" : : "r" (por));
	return fault_code;
}

/* The refusals are those of a task of its own: no tag checks in the test itself. */
static bool needs_mte(void)
{
	if (has_cap2(CAP2_MTE))
		return true;
	ckpt_ready_wait();
	return false;
}

#define SYNC_CTRL (PR_TAGGED_ADDR_ENABLE | PR_MTE_TCF_SYNC | 0x35a7ul << PR_MTE_TAG_SHIFT)

CKPT_CYCLE(memory_tags)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	char *full, *zero, *holes, *wiped, *kept, *none;
	int i, status, ctrl;
	pid_t kid;

	if (!needs_mte())
		return;
	CHECK_SYS(sigaction(SIGSEGV, &act, NULL));
	CHECK_SYS(prctl(PR_SET_TAGGED_ADDR_CTRL, SYNC_CTRL, 0, 0, 0));
	ctrl = CHECK_SYS(prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
	CHECK_EQ(SYNC_CTRL, ctrl);

	/* Bytes and tags; tags only; some pages only; not copied by fork. */
	full = map(5, PROT_READ | PROT_WRITE | PROT_MTE, MAP_PRIVATE);
	zero = map(3, PROT_READ | PROT_WRITE | PROT_MTE, MAP_PRIVATE);
	holes = map(8, PROT_READ | PROT_WRITE | PROT_MTE, MAP_PRIVATE);
	wiped = map(2, PROT_READ | PROT_WRITE | PROT_MTE, MAP_PRIVATE);
	kept = map(2, PROT_READ | PROT_WRITE | PROT_MTE, MAP_PRIVATE);
	none = map(2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (i = 0; i < (int)(5 * page()); i++)
		full[i] = i * 31 + (i >> 8);
	tag_range(full, 5 * page());
	tag_range(zero, 3 * page());
	for (i = 1; i < 8; i += 3)
		tag_range(holes + i * page(), page());
	memset(wiped, 0x5a, page());
	tag_range(wiped, 2 * page());
	CHECK_SYS(madvise(wiped, 2 * page(), MADV_DONTFORK));
	tag_range(kept, 2 * page());
	CHECK_SYS(mprotect(kept, 2 * page(), PROT_READ | PROT_MTE));
	memset(none, 0x77, 2 * page());
	CHECK_EQ(SEGV_MTESERR, fault_at(with_tag(full, pattern(0) ^ 1)));

	ckpt_ready_wait();

	CHECK_EQ(ctrl, prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
	check_tags(full, 5 * page(), "full pages");
	check_tags(zero, 3 * page(), "pages of zeros");
	for (i = 0; i < 8; i++) {
		if (i % 3 == 1)
			check_tags(holes + i * page(), page(), "some pages");
		else
			check_no_tags(holes + i * page(), page(), "untouched pages");
	}
	check_tags(wiped, 2 * page(), "pages that fork leaves out");
	check_tags(kept, 2 * page(), "pages that can't be written");
	for (i = 0; i < (int)(5 * page()); i++) {
		char *p = with_tag(full + i, pattern(i));

		CHECK_EQ((char)(i * 31 + (i >> 8)), *p);
	}
	for (i = 0; i < (int)(2 * page()); i++)
		CHECK_EQ(0x77, none[i]);
	/* A pointer with the right tag writes, another one does not. */
	CHECK_EQ(0, fault_at(with_tag(full + 32, pattern(32))));
	CHECK_EQ(SEGV_MTESERR, fault_at(with_tag(full + 32, pattern(32) ^ 2)));
	CHECK_EQ(SEGV_MTESERR, fault_at(with_tag(zero + 48, pattern(48) ^ 4)));
	/* The kernel takes tagged pointers. */
	kid = fork();
	if (!kid) {
		check_tags(full, 5 * page(), "the child's pages");
		_exit(7);
	}
	CHECK_EQ(kid, wait4(kid, (int *)with_tag((char *)&status, 0), 0, NULL));
	CHECK_EQ(7 << 8, status);
}

/* Each thread has its own mode and its own set of tags to choose from. */
static const unsigned long tag_ctrl[] = {
	0,
	PR_TAGGED_ADDR_ENABLE,
	PR_TAGGED_ADDR_ENABLE | PR_MTE_TCF_ASYNC | 0x00f0ul << PR_MTE_TAG_SHIFT,
	PR_TAGGED_ADDR_ENABLE | PR_MTE_TCF_SYNC | 0x8001ul << PR_MTE_TAG_SHIFT,
	PR_MTE_TCF_SYNC | PR_MTE_TCF_ASYNC | 0xfffful << PR_MTE_TAG_SHIFT,
};

static unsigned int random_tags(void)
{
	unsigned int seen = 0, i;

	for (i = 0; i < 200; i++) {
		uint64_t p = 0;

		asm volatile(".arch armv8.5-a+memtag\n irg %0, %0" : "+r" (p));
		seen |= 1u << (p >> 56 & 0xf);
	}
	return seen;
}

static void *tagging(void *arg)
{
	unsigned long ctrl = tag_ctrl[(uintptr_t)arg], allowed;

	CHECK_SYS(prctl(PR_SET_TAGGED_ADDR_CTRL, ctrl, 0, 0, 0));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(ctrl, prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
	allowed = ctrl >> PR_MTE_TAG_SHIFT & 0xffff;
	/* With none to choose from it is 0. */
	CHECK_EQ(0, random_tags() & ~(allowed ?: 1));
	return NULL;
}

CKPT_CYCLE(tag_modes)
{
	pthread_t thread[5];
	uintptr_t i;

	if (!needs_mte())
		return;
	for (i = 0; i < 5; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, tagging, (void *)i));
	ckpt_step_wait(0, 5);
	ckpt_ready();
	for (i = 0; i < 5; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

REFUSE(tagged_shared_memory)
{
	char *at;

	if (!has_cap2(CAP2_MTE))
		not_here();
	at = map(1, PROT_READ | PROT_WRITE | PROT_MTE, MAP_SHARED);
	set_tag(at, 5);
	expect_refusal(getpid(), UNSUPPORTED,
		       "mapping %lx-%lx: memory tags on shared memory or a file", (long)at,
		       (long)(at + page()));
	ckpt_ready_wait();
	CHECK_EQ(5, tag_at(at));
}

/* ---- guarded branches ------------------------------------------------- */

/* x0 = 7, with a landing pad first, and without. */
static const uint32_t code[] = { 0xd503245f, 0xd28000e0, 0xd65f03c0 };

static sigjmp_buf ill_buf;

static void on_ill(int sig)
{
	siglongjmp(ill_buf, 1);
}

static int call(char *at, unsigned int offset)
{
	if (sigsetjmp(ill_buf, 1))
		return -1;
	return ((int (*)(void))(at + offset))();
}

CKPT_CYCLE(guarded_branches)
{
	char *guarded, *plain;

	if (!has_cap2(CAP2_BTI)) {
		ckpt_ready_wait();
		return;
	}
	signal(SIGILL, on_ill);
	guarded = map(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	plain = map(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	memcpy(guarded, code, sizeof(code));
	memcpy(plain, code, sizeof(code));
	CHECK_SYS(mprotect(guarded, page(), PROT_READ | PROT_EXEC | PROT_BTI));
	CHECK_SYS(mprotect(plain, page(), PROT_READ | PROT_EXEC));
	__builtin___clear_cache(guarded, guarded + sizeof(code));
	__builtin___clear_cache(plain, plain + sizeof(code));
	ckpt_ready_wait();
	CHECK_EQ(7, call(guarded, 0));
	CHECK_EQ(-1, call(guarded, 4));
	CHECK_EQ(7, call(plain, 0));
	CHECK_EQ(7, call(plain, 4));
}

/* ---- keys of pointer authentication ----------------------------------- */

#define KEYS (PR_PAC_APIAKEY | PR_PAC_APIBKEY | PR_PAC_APDAKEY | PR_PAC_APDBKEY)

#ifndef PR_PAC_SET_ENABLED_KEYS
#define PR_PAC_SET_ENABLED_KEYS 60
#define PR_PAC_GET_ENABLED_KEYS 61
#endif

static uint64_t sign(uint64_t modifier)
{
	register uint64_t p asm("x10") = 0x1230, m asm("x11") = modifier;

	asm volatile(".arch armv8.5-a\n pacdb x10, x11" : "+r" (p) : "r" (m));
	return p;
}

static void *with_keys(void *arg)
{
	unsigned long off = (uintptr_t)arg ? PR_PAC_APDBKEY : PR_PAC_APDAKEY;
	uint64_t before, after;

	CHECK_SYS(prctl(PR_PAC_SET_ENABLED_KEYS, off, 0, 0, 0));
	before = sign(0x99);
	CHECK_EQ(!!(off & PR_PAC_APDBKEY), before == 0x1230);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(KEYS & ~off, prctl(PR_PAC_GET_ENABLED_KEYS, 0, 0, 0, 0));
	after = sign(0x99);
	CHECK_EQ(before, after);
	return NULL;
}

CKPT_CYCLE(enabled_keys)
{
	pthread_t thread[2];

	if (!has_cap(CAP_PACA)) {
		ckpt_ready_wait();
		return;
	}
	CHECK_EQ(0, pthread_create(&thread[0], NULL, with_keys, (void *)0));
	CHECK_EQ(0, pthread_create(&thread[1], NULL, with_keys, (void *)1));
	ckpt_step_wait(0, 2);
	ckpt_ready();
	CHECK_EQ(0, pthread_join(thread[0], NULL));
	CHECK_EQ(0, pthread_join(thread[1], NULL));
}

/* ---- protection keys --------------------------------------------------- */

/* No emulator at hand has them. */
REFUSE(protection_keys)
{
	char *at;
	int key;

	if (!has_cap2(CAP2_POE))
		not_here();
	key = CHECK_SYS(pkey_alloc(0, 0));
	at = map(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	CHECK_SYS(pkey_mprotect(at, page(), PROT_READ | PROT_WRITE, key));
	expect_refusal(getpid(), UNSUPPORTED, "address space: memory protection keys");
	expect_more();
	ckpt_ready_wait();
	*at = 1;
}

/* ---- guarded control stacks --------------------------------------------- */

/* Switches it on; no function that was called before may return from now on. */
#define CONTROL_STACK_ON() do {						\
	register long nr asm("x8") = __NR_prctl;				\
	register long x0 asm("x0") = PR_SET_SHADOW_STACK_STATUS;		\
	register long x1 asm("x1") = PR_SHADOW_STACK_ENABLE;			\
	register long x2 asm("x2") = 0, x3 asm("x3") = 0, x4 asm("x4") = 0;	\
									\
	asm volatile("svc #0" : "+r" (x0)					\
		     : "r" (nr), "r" (x1), "r" (x2), "r" (x3), "r" (x4) : "memory"); \
	CHECK_EQ(0, x0);							\
} while (0)

static void waiting_handler(int sig)
{
	ckpt_ready_wait();
}

/* Returns through @n frames, the innermost of which a signal came in. */
static __attribute__((noinline)) int deep(int n)
{
	int under = 0;

	if (n)
		under = deep(n - 1) + 1;
	else
		CHECK_SYS(raise(SIGUSR1));
	asm volatile("" : "+r" (under) : : "memory");
	return under;
}

static void under_control_stack(void)
{
	unsigned long status = 0;

	CONTROL_STACK_ON();
	CHECK_EQ(20, deep(20));
	CHECK_SYS(prctl(PR_GET_SHADOW_STACK_STATUS, &status, 0, 0, 0));
	CHECK_EQ(PR_SHADOW_STACK_ENABLE, status);
	_exit(0);
}

CKPT_CYCLE(control_stack)
{
	if (!has_cap(CAP_GCS)) {
		ckpt_ready_wait();
		return;
	}
	signal(SIGUSR1, waiting_handler);
	under_control_stack();
}

/* That it can't be switched on is kept too. */
CKPT_CYCLE(control_stack_locked)
{
	if (!has_cap(CAP_GCS)) {
		ckpt_ready_wait();
		return;
	}
	CHECK_SYS(prctl(PR_LOCK_SHADOW_STACK_STATUS, PR_SHADOW_STACK_ENABLE, 0, 0, 0));
	ckpt_ready_wait();
	CHECK_EQ(-1, prctl(PR_SET_SHADOW_STACK_STATUS, PR_SHADOW_STACK_ENABLE, 0, 0, 0));
	CHECK_EQ(EBUSY, errno);
}

/* ---- refusals ---------------------------------------------------------- */

#define EXPECT_TASK(what) expect_refusal(getpid(), UNSUPPORTED, what)

REFUSE(vector_length_after_exec)
{
	int vl;

	if (!has_cap(CAP_SVE))
		not_here();
	vl = CHECK_SYS(prctl(PR_SVE_GET_VL, 0, 0, 0, 0));
	CHECK_SYS(prctl(PR_SVE_SET_VL, 16 | PR_SVE_SET_VL_ONEXEC, 0, 0, 0));
	EXPECT_TASK("another vector length after exec is not supported");
	ckpt_ready_wait();
	CHECK_EQ(vl, prctl(PR_SVE_GET_VL, 0, 0, 0, 0));
}

/* Staying after exec is more common, and is kept. */
CKPT_CYCLE(vector_length_inherited)
{
	int vl, now;

	if (!has_cap(CAP_SVE)) {
		ckpt_ready_wait();
		return;
	}
	vl = CHECK_SYS(prctl(PR_SVE_SET_VL, 32 | PR_SVE_VL_INHERIT, 0, 0, 0));
	CHECK(vl & PR_SVE_VL_INHERIT, "0x%x", vl);
	ckpt_ready_wait();
	now = CHECK_SYS(prctl(PR_SVE_GET_VL, 0, 0, 0, 0));
	CHECK_EQ(vl, now);
}

REFUSE(unreadable_counter)
{
	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0))
		not_here();
	EXPECT_TASK("a counter that can't be read (PR_SET_TSC) is not supported");
	ckpt_ready_wait();
	CHECK_SYS(prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0));
}

static int waits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

REFUSE(hardware_watchpoint)
{
	struct {
		uint32_t info, pad;
		struct {
			uint64_t addr;
			uint32_t ctrl, pad;
		} reg[1];
	} state = { .reg[0].addr = (uintptr_t)&waits & -8ul };
	struct iovec vec = { &state, sizeof(state) };
	pid_t pid = ckpt_fork(waits, NULL);
	int status;

	ckpt_step_wait(0, 1);
	CHECK_SYS(ptrace(PTRACE_SEIZE, pid, 0, 0));
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	/* Enabled, user mode, stores, 8 bytes. */
	state.reg[0].ctrl = 1 | 2 << 1 | 2 << 3 | 0xff << 5;
	if (ptrace(PTRACE_SETREGSET, pid, (void *)(long)NT_ARM_HW_WATCH, &vec))
		not_here();
	CHECK_SYS(ptrace(PTRACE_DETACH, pid, 0, 0));
	expect_refusal(pid, UNSUPPORTED, "hardware breakpoints are not supported");
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
}

#else /* !__aarch64__ */

TEST(arm64)
{
	SKIP(return, "not arm64");
}

#endif

TEST_HARNESS_MAIN
