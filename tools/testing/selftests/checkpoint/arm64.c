// SPDX-License-Identifier: GPL-2.0
/* What only arm64 has, besides registers: tags, keys, guarded branches, control stacks. */
#include "common.h"

#ifdef __aarch64__

#include "arm64.h"

#include <pthread.h>
#include <setjmp.h>

CKPT_FIXTURE_ARCH

/* ---- memory tags ------------------------------------------------------ */

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

	if (!has_cap2(CAP2_BTI))
		ckpt_not_here();
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

	if (!has_cap(CAP_PACA))
		ckpt_not_here();
	CHECK_EQ(0, pthread_create(&thread[0], NULL, with_keys, (void *)0));
	CHECK_EQ(0, pthread_create(&thread[1], NULL, with_keys, (void *)1));
	ckpt_step_wait(0, 2);
	ckpt_ready();
	CHECK_EQ(0, pthread_join(thread[0], NULL));
	CHECK_EQ(0, pthread_join(thread[1], NULL));
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
	if (!has_cap(CAP_GCS))
		ckpt_not_here();
	signal(SIGUSR1, waiting_handler);
	under_control_stack();
}

/* That it can't be switched on is kept too. */
CKPT_CYCLE(control_stack_locked)
{
	if (!has_cap(CAP_GCS))
		ckpt_not_here();
	CHECK_SYS(prctl(PR_LOCK_SHADOW_STACK_STATUS, PR_SHADOW_STACK_ENABLE, 0, 0, 0));
	ckpt_ready_wait();
	CHECK_EQ(-1, prctl(PR_SET_SHADOW_STACK_STATUS, PR_SHADOW_STACK_ENABLE, 0, 0, 0));
	CHECK_EQ(EBUSY, errno);
}

/* ---- whose modes ------------------------------------------------------- */

enum { M_TSC, M_TAGS, M_SVE, M_SME, M_KEYS, M_CONTROL_STACK, M_COUNT };

static void get_modes(uint64_t *mode)
{
	int tsc = -1;

	mode[M_TSC] = prctl(PR_GET_TSC, &tsc, 0, 0, 0) ?: tsc;
	mode[M_TAGS] = prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0);
	mode[M_SVE] = prctl(PR_SVE_GET_VL, 0, 0, 0, 0);
	mode[M_SME] = prctl(PR_SME_GET_VL, 0, 0, 0, 0);
	mode[M_KEYS] = prctl(PR_PAC_GET_ENABLED_KEYS, 0, 0, 0, 0);
	mode[M_CONTROL_STACK] = prctl(PR_GET_SHADOW_STACK_STATUS, &mode[M_COUNT], 0, 0, 0);
}

CKPT_SCENARIO(own_modes)
{
	uint64_t before[M_COUNT + 1] = { 0 }, after[M_COUNT + 1] = { 0 };
	int i;

	get_modes(before);
	ckpt_ready_wait();
	get_modes(after);
	for (i = 0; i <= M_COUNT; i++)
		CHECK(before[i] == after[i], "mode %d is 0x%llx, not 0x%llx", i,
		      (unsigned long long)after[i], (unsigned long long)before[i]);
	/* It kills where it can't be read. */
	asm volatile("mrs %0, cntvct_el0" : "=r" (before[0]));
}

FIXTURE(restarter) { int unused; };

FIXTURE_SETUP(restarter)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(restarter) { }

/* The task has modes of its own, not those of the one that calls restart(2). */
TEST_F_TIMEOUT(restarter, modes, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &own_modes, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 0, 0, 0);
	prctl(PR_SVE_SET_VL, 32 | PR_SVE_VL_INHERIT, 0, 0, 0);
	prctl(PR_SVE_SET_VL, 16 | PR_SVE_SET_VL_ONEXEC, 0, 0, 0);
	prctl(PR_SME_SET_VL, 64 | PR_SVE_VL_INHERIT, 0, 0, 0);
	/* Not those that return addresses may be signed with. */
	prctl(PR_PAC_SET_ENABLED_KEYS, PR_PAC_APDAKEY | PR_PAC_APDBKEY, 0, 0, 0);
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
	/* Twice: what was taken over unseen would be refused now. */
	ASSERT_EQ(0, ftruncate(image, 0));
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* ---- vector lengths ---------------------------------------------------- */

/* That it stays after exec is kept; what differs then is refused. */
CKPT_CYCLE(vector_length_inherited)
{
	int vl, now;

	if (!has_cap(CAP_SVE))
		ckpt_not_here();
	vl = CHECK_SYS(prctl(PR_SVE_SET_VL, 32 | PR_SVE_VL_INHERIT, 0, 0, 0));
	CHECK(vl & PR_SVE_VL_INHERIT, "0x%x", vl);
	ckpt_ready_wait();
	now = CHECK_SYS(prctl(PR_SVE_GET_VL, 0, 0, 0, 0));
	CHECK_EQ(vl, now);
}

#else /* !__aarch64__ */

TEST(arm64)
{
	SKIP(return, "not arm64");
}

#endif

TEST_HARNESS_MAIN
