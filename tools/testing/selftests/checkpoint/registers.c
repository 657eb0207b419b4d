// SPDX-License-Identifier: GPL-2.0
/*
 * Register torture: every register that user space can see has a pattern of
 * its own, in each of several threads, and has it still after checkpoint and
 * restart.  Taken in a computing loop, in a system call, in a signal handler and
 * in vfork(); as the original that runs on, restarted, and restarted twice.
 *
 * What registers there are is known to registers_ARCH.h, which gives:
 *
 * struct regs
 *	The values of all registers.  It may be large, and lies on a stack.
 *
 * const char *regs_find_sets(void)
 *	Called first in each scenario: find out which registers this CPU has, and
 *	return their sets by name, for the test's output.
 *
 * void regs_fill(struct regs *regs, uint64_t seed)
 *	Give each register a value that depends on it and on @seed, see regs_mix().
 *	The values must be ones that the registers can have.  What is a mode rather
 *	than a value (rounding, vector lengths) varies with the seed too.
 *
 * void regs_run(const struct regs *in, struct regs *out, enum regs_mode mode)
 *	Load @in into the registers, wait in @mode, store the registers to @out.
 *	The wait must not change a register that it need not change.  The callee-
 *	saved registers and all modes are those of the caller again on return.
 *	May be interrupted by a handler that calls it too.
 *
 * void regs_compare(const struct regs *in, const struct regs *out,
 *		     enum regs_mode mode)
 *	CHECK() each register, by its name, in a message with both values.  Those
 *	that the wait uses have the values that it leaves there.
 *
 * REGS_NR_VFORK
 *	The system call that REGS_VFORK waits in.
 *
 * REGS_RELEASE()
 *	May be defined: called when regs_go has been set, for a loop that looks at
 *	something else; again and again until no loop is left, see regs_loops().
 *
 * Scenarios of an architecture's own (CKPT_CYCLE) may follow in its header.
 */
#include "common.h"

#include <pthread.h>
#include <signal.h>
#include <linux/futex.h>

enum regs_mode {
	/* Loop until regs_go is not 0. */
	REGS_LOOP = 0,
	/* futex(&regs_go, FUTEX_WAIT, 0, NULL, NULL, 0) until regs_go is not 0. */
	REGS_SYSCALL = 1,
	/*
	 * vfork(); the child waits as in REGS_SYSCALL, and exits with 0.  Its pid is
	 * in @out as the call's result, and is reaped by regs_compare(), with
	 * regs_reap().
	 */
	REGS_VFORK = 2,
};

/* What the waits wait for. */
uint32_t regs_go;

/* The loops that are not done. */
static uint32_t regs_looping;

/*
 * A loop begins (1), or is done (-1).  A loop that is ended by overwriting it may miss
 * that: QEMU does not see a store that another processor makes while it translates the
 * code there, as happens when the first store copied the page.
 */
static inline void regs_loops(int change)
{
	__atomic_add_fetch(&regs_looping, change, __ATOMIC_SEQ_CST);
	syscall(__NR_futex, &regs_looping, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* The next number of a sequence that begins with *@seed. */
static inline uint64_t regs_mix(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed ^ (*seed >> 29);
}

/* Random bytes. */
static inline void regs_mix_bytes(void *to, size_t len, uint64_t *seed)
{
	unsigned char *p = to;

	while (len--)
		*p++ = regs_mix(seed) >> 24;
}

/* The child of vfork(), by the result of the call. */
static inline void regs_reap(long pid)
{
	CHECK(pid > 0, "vfork() gave %ld", pid);
	ckpt_wait_exit(pid, 0);
}

/* A register of 64 bits. */
#define REGS_SAME(want, seen, name, ...) do {				\
	unsigned long long __want = (want), __seen = (seen);		\
	CHECK(__want == __seen, name " is 0x%llx, not 0x%llx", ##__VA_ARGS__, __seen, __want); \
} while (0)

/* A register of @len bytes; names the first byte that differs. */
#define REGS_SAME_BYTES(want, seen, len, name, ...) do {		\
	const unsigned char *__want = (const void *)(want), *__seen = (const void *)(seen); \
	for (size_t __i = 0; __i < (len); __i++)			\
		CHECK(__want[__i] == __seen[__i],			\
		      name ": byte %zu is 0x%x, not 0x%x", ##__VA_ARGS__, __i, __seen[__i], \
		      __want[__i]);					\
} while (0)

CKPT_FIXTURE_ARCH

#if defined(__x86_64__)
#include "registers_x86.h"
#elif defined(__aarch64__) && __has_include("registers_arm64.h")
#include "registers_arm64.h"
#elif defined(__powerpc64__) && __has_include("registers_powerpc.h")
#include "registers_powerpc.h"
#elif defined(__s390x__) && __has_include("registers_s390.h")
#include "registers_s390.h"
#else
#define REGS_UNKNOWN
#endif

#ifndef REGS_UNKNOWN

#ifndef REGS_RELEASE
#define REGS_RELEASE() do { } while (0)
#endif

/* Waits with the registers @in, and looks what became of them. */
static void torture_by(const struct regs *in, enum regs_mode mode)
{
	/* Not static: a handler has its own while another call is under way. */
	struct regs out;

	memset(&out, 0, sizeof(out));
	if (mode == REGS_LOOP)
		regs_loops(1);
	ckpt_step(0);
	regs_run(in, &out, mode);
	if (mode == REGS_LOOP)
		regs_loops(-1);
	regs_compare(in, &out, mode);
}

static void torture(uint64_t seed, enum regs_mode mode)
{
	struct regs in;

	regs_fill(&in, seed);
	torture_by(&in, mode);
}

static void *set_regs_go(void *arg)
{
	const struct timespec again = { .tv_nsec = 10000000 };
	uint32_t left;

	ckpt_wait_go();
	__atomic_store_n(&regs_go, 1, __ATOMIC_SEQ_CST);
	syscall(__NR_futex, &regs_go, FUTEX_WAKE, 1000, NULL, NULL, 0);
	do {
		REGS_RELEASE();
		left = __atomic_load_n(&regs_looping, __ATOMIC_SEQ_CST);
		if (left)
			syscall(__NR_futex, &regs_looping, FUTEX_WAIT, left, &again, NULL, 0);
	} while (left);
	return NULL;
}

static void start_setter(void)
{
	pthread_t thread;

	snprintf(board->text, sizeof(board->text), "%s", regs_find_sets());
	CHECK_EQ(0, pthread_create(&thread, NULL, set_regs_go, NULL));
}

/* Tells which registers were looked at. */
static int say_sets(void *arg)
{
	static bool said;
	struct ckpt_run *run = arg;

	if (!said)
		ckpt_diag("registers: %s", run->board->text);
	said = true;
	return 0;
}

CKPT_CYCLE(in_loop, .before = say_sets)
{
	start_setter();
	ckpt_ready();
	torture(1, REGS_LOOP);
}

CKPT_CYCLE(in_system_call, .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex) })
{
	start_setter();
	ckpt_ready();
	torture(2, REGS_SYSCALL);
}

/* The child waits in futex(), and so does the thread that sets regs_go. */
CKPT_CYCLE(in_vfork, .blocked = { BLOCKED(REGS_NR_VFORK), BLOCKED(__NR_futex),
				  BLOCKED(__NR_futex) })
{
	start_setter();
	ckpt_ready();
	torture(3, REGS_VFORK);
}

#define THREADS 6

static void *tortured(void *arg)
{
	uintptr_t nr = (uintptr_t)arg;

	torture(100 + nr, nr % 3);
	return NULL;
}

/* Two in each mode, and the first thread in a loop. */
CKPT_CYCLE(in_threads, .blocked = { BLOCKED(REGS_NR_VFORK), BLOCKED(REGS_NR_VFORK),
				    BLOCKED(__NR_futex), BLOCKED(__NR_futex),
				    BLOCKED(__NR_futex), BLOCKED(__NR_futex),
				    BLOCKED(__NR_futex) })
{
	pthread_t thread[THREADS];
	uintptr_t i;

	start_setter();
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, tortured, (void *)i));
	ckpt_step_wait(0, THREADS);
	ckpt_ready();
	torture(99, REGS_LOOP);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

static enum regs_mode handler_mode;

static void handler_with_patterns(int sig)
{
	torture(200 + sig, handler_mode);
}

static void *interrupted(void *arg)
{
	/* The handler changes them all; the return from it brings ours back. */
	torture(300, REGS_LOOP);
	return NULL;
}

static void under_signal(enum regs_mode mode)
{
	pthread_t thread;

	handler_mode = mode;
	signal(SIGUSR1, handler_with_patterns);
	start_setter();
	CHECK_EQ(0, pthread_create(&thread, NULL, interrupted, NULL));
	ckpt_step_wait(0, 1);
	pthread_kill(thread, SIGUSR1);
	ckpt_step_wait(0, 2);
	ckpt_ready();
	CHECK_EQ(0, pthread_join(thread, NULL));
}

CKPT_CYCLE(in_handler_looping)
{
	under_signal(REGS_LOOP);
}

CKPT_CYCLE(in_handler_in_system_call, .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex),
						   BLOCKED(__NR_futex) })
{
	under_signal(REGS_SYSCALL);
}

CKPT_CYCLE(in_handler_in_vfork, .blocked = { BLOCKED(REGS_NR_VFORK), BLOCKED(__NR_futex),
					     BLOCKED(__NR_futex), BLOCKED(__NR_futex) })
{
	under_signal(REGS_VFORK);
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

#else /* REGS_UNKNOWN */

TEST_F(cr, registers)
{
	SKIP(return, "no register patterns for this architecture");
}

#endif

TEST_HARNESS_MAIN
