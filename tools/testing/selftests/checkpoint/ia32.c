// SPDX-License-Identifier: GPL-2.0
/*
 * 32-bit programs on x86-64, programs of both kinds in one container, and what
 * 64-bit programs do that is otherwise done by 32-bit ones.
 *
 * The scenarios of 32-bit programs are in program_ia32/, a program without a libc that
 * is built into this one: IA32_PROGRAM. It is empty where there was no compiler
 * for it.
 */
#include "fault.h"

#ifdef __x86_64__
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <asm/ldt.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include "ptrace.h"

/* Numbers of system calls, as 32-bit programs have them; those with 64-bit times. */
#define IA32_getpid		20
#define IA32_nanosleep		162	/* With 32-bit times. */
#define IA32_poll		168
#define IA32_set_thread_area	243
#define IA32_clock_nanosleep	407
#define IA32_futex		422

/* Does the kernel take the system call of 32 bits @nr, with arguments that are none? */
static bool has_ia32_call(long nr)
{
	pid_t pid = fork();
	int status;
	long ret;

	if (!pid) {
		asm volatile("int $0x80" : "=a" (ret) : "a" (nr), "b" (0), "c" (0) : "memory");
		_exit(ret == -ENOSYS);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

#define IA32_BEGIN() do {						\
	CKPT_BEGIN();							\
	if (!has_ia32_call(IA32_getpid))				\
		SKIP(return, "this kernel has no 32-bit system calls");	\
} while (0)

CKPT_FIXTURE_IF(IA32_BEGIN)

#define PROGRAM_32	IA32_PROGRAM
#define CHILD_SCENARIO	"thread_areas"
#include "program_32.h"

PROGRAM(registers_in_loop)
PROGRAM(registers_in_call, .flags = SC_IA32,
	.blocked = { BLOCKED(IA32_futex), BLOCKED(IA32_futex), BLOCKED(IA32_futex) })
PROGRAM(registers_in_handler)
PROGRAM(sleep_with_remainder, .flags = SC_IA32,
	.blocked = { BLOCKED(IA32_clock_nanosleep), BLOCKED(IA32_futex) })
PROGRAM(poll_in_progress, .flags = SC_IA32,
	.blocked = { BLOCKED(IA32_poll), BLOCKED(IA32_futex) })
PROGRAM(futex_in_progress, .flags = SC_IA32,
	.blocked = { BLOCKED(IA32_futex), BLOCKED(IA32_futex) })
PROGRAM(vsyscall_in_progress, .flags = SC_IA32,
	.blocked = { BLOCKED(IA32_futex), BLOCKED(IA32_futex) })
PROGRAM(handler_on_stack)
PROGRAM(thread_areas)
PROGRAM(vdso_calls)
PROGRAM(robust_list)
PROGRAM(places)
PROGRAM(family)

/* Not all kernels have calls with 32-bit times. */
CKPT_SCENARIO(sleep_of_older_call, .flags = SC_IA32,
	      .blocked = { BLOCKED(IA32_nanosleep), BLOCKED(IA32_futex) })
{
	exec_program("sleep_of_older_call", NULL);
}

TEST_F_TIMEOUT(cr, sleep_of_older_call, CKPT_TIMEOUT)
{
	if (!has_ia32_call(IA32_nanosleep))
		SKIP(return, "this kernel has no calls with 32-bit times (COMPAT_32BIT_TIME)");
	if (!program_32_size)
		SKIP(return, "no 32-bit program could be built (clang -m32, nolibc)");
	ASSERT_EQ(0, ckpt_cycle(&sleep_of_older_call, variant->container));
}

/* ---- tracees ----------------------------------------------------------- */

static int traced_program(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	return in_program(CHILD_SCENARIO);
}

/* A 32-bit program that has not run yet, and has this process as tracer. */
static pid_t trace_program(void)
{
	pid_t kid = ckpt_fork(traced_program, NULL);

	/* Its execve(2). */
	expect(kid, SIGTRAP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	return kid;
}

/* It is at the entry of a call of 32 bits, and makes that call when it goes on. */
CKPT_SCENARIO(traced_at_call)
{
	pid_t kid = trace_program();
	struct call_info info, after;

	to_call(kid);
	get_call(kid, ENTRY, &info);
	CHECK_EQ(AUDIT_ARCH_I386, info.arch);
	ckpt_ready_wait();
	nothing_new(kid);
	get_call(kid, ENTRY, &after);
	CHECK(!memcmp(&info, &after, sizeof(info)), "is in another call");
	to_call(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(AUDIT_ARCH_I386, info.arch);
	CHECK(info.result >= 0, "the call fails: %lld", (long long)info.result);
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_wait_exit(kid, 0);
}

PROGRAM_TEST(traced_at_call)

/* A signal is about to be delivered, which its tracer then takes from it. */
CKPT_SCENARIO(traced_at_signal)
{
	pid_t kid = trace_program();
	siginfo_t info;

	CHECK_SYS(kill(kid, SIGUSR1));
	go_on(kid, 0);
	expect(kid, SIGUSR1);
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_GETSIGINFO, kid, 0, &info));
	CHECK_EQ(SIGUSR1, info.si_signo);
	CHECK_EQ(getpid(), info.si_pid);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 0);
}

PROGRAM_TEST(traced_at_signal)

/* ---- 64-bit programs ------------------------------------------------- */

static long ia32_call(long nr, long a, long b, long c, long d)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c), "S" (d), "D" (0)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* Memory that 32-bit calls reach. */
static void *low(size_t len)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	return at;
}

struct time64 {
	int64_t sec, nsec;
};

/* All of it in low memory. */
struct calls {
	struct time64 hour, left;
	uint32_t word;
};

static struct calls *calls;
static pthread_t sleeper;

static void nothing(int sig)
{
}

static void *sleep_by_ia32(void *arg)
{
	long ret;

	ckpt_step(0);
	ret = ia32_call(IA32_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&calls->hour,
			(long)&calls->left);
	CHECK_EQ(-EINTR, ret);
	CHECK(calls->left.sec > 1800 && calls->left.sec <= 3600, "%lld s",
	      (long long)calls->left.sec);
	return NULL;
}

static void *wait_by_ia32(void *arg)
{
	ckpt_step(0);
	CHECK_EQ(0, ia32_call(IA32_futex, (long)&calls->word, FUTEX_WAIT, 1, (long)arg));
	return NULL;
}

CKPT_CYCLE(calls_of_32_bits, .flags = SC_IA32,
	   .blocked = { BLOCKED(IA32_futex), BLOCKED(IA32_futex), BLOCKED(IA32_clock_nanosleep) })
{
	struct sigaction action = { .sa_handler = nothing };
	pthread_t waiter[2];
	int i, woken = 0;

	calls = low(sizeof(*calls));
	*calls = (struct calls) { .word = 1, .hour.sec = 3600, .left = { -1, -1 } };
	CHECK_EQ(getpid(), ia32_call(IA32_getpid, 0, 0, 0, 0));
	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	CHECK_EQ(0, pthread_create(&sleeper, NULL, sleep_by_ia32, NULL));
	/* One without, one with a time limit. */
	CHECK_EQ(0, pthread_create(&waiter[0], NULL, wait_by_ia32, NULL));
	CHECK_EQ(0, pthread_create(&waiter[1], NULL, wait_by_ia32, &calls->hour));
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
	calls->left = (struct time64) { -1, -1 };
	pthread_kill(sleeper, SIGUSR1);
	while (woken < 2)
		woken += syscall(__NR_futex, &calls->word, FUTEX_WAKE, 1, NULL, NULL, 0);
	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_join(waiter[i], NULL));
	CHECK_EQ(0, pthread_join(sleeper, NULL));
}

/* Adds one to %ecx in each turn, until the word at %ebx is set. */
static const unsigned char code_32[] = {
	0x41,			/* 1: inc %ecx, which is no instruction of 64 bits */
	0x83, 0x3b, 0x00,	/*    cmpl $0, (%ebx) */
	0x74, 0xfa,		/*    je 1b */
	0xcb,			/*    lret */
};

/* Code of 64 bits that calls it: only there can a return address of 32 bits lead. */
static const unsigned char caller_64[] = {
	0xff, 0x18,		/*    lcall *(%rax) */
	0x41, 0xff, 0xe5,	/*    jmp *%r13 */
};

/* All of it in low memory. */
struct code {
	unsigned char called[64], caller[64];
	struct {
		uint32_t offset;
		uint16_t segment;
	} __attribute__((packed)) far;
	volatile uint32_t stop;
	char stack[4096];
};

static void *stop_on_go(void *arg)
{
	ckpt_wait_go();
	((struct code *)arg)->stop = 1;
	return NULL;
}

/* A 64-bit program is in a segment of 32 bits for a while. */
CKPT_CYCLE(code_of_32_bits)
{
	uint64_t high = 0x1122334455667788, high_after;
	struct code *code = low(sizeof(*code));
	uint32_t turns = 0;
	pthread_t thread;

	memcpy(code->called, code_32, sizeof(code_32));
	memcpy(code->caller, caller_64, sizeof(caller_64));
	code->far.offset = (uintptr_t)code->called;
	code->far.segment = 0x23;
	CHECK_EQ(0, pthread_create(&thread, NULL, stop_on_go, code));
	ckpt_ready();
	asm volatile("mov %%rsp, %%r12\n"
		     "mov %[high], %%r14\n"
		     "lea 1f(%%rip), %%r13\n"
		     "mov %[ds], %%ds\n"	/* Code of 64 bits needs none. */
		     "mov %[stack], %%rsp\n"
		     "jmp *%[caller]\n"
		     "1:	mov %%r12, %%rsp\n"
		     "mov %%r14, %[after]\n"
		     : "+c" (turns), [after] "=&r" (high_after)
		     : "a" (&code->far), "b" (&code->stop), [high] "r" (high),
		       [stack] "r" (code->stack + sizeof(code->stack)), [caller] "r" (code->caller),
		       [ds] "r" (0x2b)
		     : "memory", "r12", "r13", "r14", "cc");
	CHECK_EQ(high, high_after);
	CHECK_EQ(0, pthread_join(thread, NULL));
}

/* Thread areas are there for all programs that make calls of 32 bits. */
CKPT_CYCLE(area_of_64_bit_program)
{
	struct user_desc *desc = low(4096);
	uint32_t *area = low(4096), seen;
	unsigned int selector;

	*desc = (struct user_desc) { .entry_number = -1, .base_addr = (uintptr_t)area,
				     .limit = 4095, .seg_32bit = 1, .useable = 1 };
	area[1] = 4711;
	CHECK_EQ(0, ia32_call(IA32_set_thread_area, (long)desc, 0, 0, 0));
	selector = desc->entry_number << 3 | 3;
	asm volatile("mov %0, %%gs" : : "r" (selector));
	ckpt_ready_wait();
	asm volatile("mov %%gs, %0" : "=r" (seen));
	CHECK_EQ(selector, seen & 0xffff);
	asm volatile("movl %%gs:4, %0" : "=r" (seen));
	CHECK_EQ(4711, seen);
	asm volatile("mov %0, %%gs" : : "r" (0));
	asm volatile("mov %0, %%gs" : : "r" (selector));
	asm volatile("movl %%gs:4, %0" : "=r" (seen));
	CHECK_EQ(4711, seen);
}

/* ---- hostile images -------------------------------------------------- */

#define MM		IMAGE_KIND_MM
#define MM_MODE		(IMAGE_AT(mm, context) + 16)	/* In context. */
#define MM_BASE		(IMAGE_AT(mm, context) + 24)
#define NT_AREAS	0x200
#define NT_CALL		0x434b0002

static void *in_call(void *arg)
{
	ckpt_step(0);
	ia32_call(IA32_futex, (long)&calls->word, FUTEX_WAIT, 1, 0);
	return NULL;
}

/* A thread in a 32-bit call, and both threads with an area. */
CKPT_SCENARIO(with_notes, .flags = SC_IA32, .blocked = { BLOCKED(IA32_futex) })
{
	struct user_desc *desc = low(4096);
	pthread_t thread;

	calls = low(sizeof(*calls));
	calls->word = 1;
	*desc = (struct user_desc) { .entry_number = -1, .base_addr = (uintptr_t)calls,
				     .limit = 4095, .seg_32bit = 1, .useable = 1 };
	CHECK_EQ(0, ia32_call(IA32_set_thread_area, (long)desc, 0, 0, 0));
	CHECK_EQ(0, pthread_create(&thread, NULL, in_call, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	while (!syscall(__NR_futex, &calls->word, FUTEX_WAKE, 1, NULL, NULL, 0))
		;
	CHECK_EQ(0, pthread_join(thread, NULL));
}

TEST_F_TIMEOUT(cr, hostile_images, CKPT_TIMEOUT)
{
	static const char mode[] = "address space: impossible architecture state";
	static const char area[] = "register note NT_386_TLS: impossible thread area";
	static const char place[] = "register note NT_386_TLS: thread area in the place of another";
	static const char call[] = "register note NT_CKPT_X86_CALL: unknown bits";
	size_t mm, areas, flags;
	int image = ckpt_image_new();
	struct ckpt_run run;
	struct image im;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	if (variant->container)
		SKIP(return, "done with a subtree");
	ASSERT_EQ(0, ckpt_run_init(&run, &with_notes, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	mm = image_body(&im, MM);
	areas = image_find_note(&im, NT_AREAS);
	flags = areas + 12;
	ASSERT_NE(0u, areas);
	ASSERT_NE(0u, image_find_note(&im, NT_CALL));
#define HOSTILE(...) ASSERT_EQ(0, image_hostile(&run, &im, image, __VA_ARGS__))
	HOSTILE(mm + MM_MODE, 8, 8, mode);
	HOSTILE(mm + MM_MODE, 1ull << 63, 8, mode);
	HOSTILE(mm + MM_BASE, 0x1000001, 8, mode);
	HOSTILE(mm + MM_BASE, 1ull << 32 | 4096, 8, mode);
	/* A 64-bit task can't become a 32-bit one: its memory lies too high. */
	HOSTILE(mm + MM_MODE, 1, 8, "address space: impossible layout");
	HOSTILE(mm + MM_MODE, 2, 8, "its vDSO differs");
	/* Another entry; 16 bits; code; absent; 64 bits; unknown; the limit. */
	HOSTILE(areas, 13, 4, place);
	HOSTILE(areas, ~0u, 4, place);
	HOSTILE(flags, 1 << 6, 4, area);
	HOSTILE(flags, 1 << 6 | 1 | 2 << 1, 4, area);
	HOSTILE(flags, 1 << 6 | 1 | 1 << 5, 4, area);
	HOSTILE(flags, 1 << 6 | 1 | 1 << 7, 4, area);
	HOSTILE(flags, 1u << 31 | 1, 4, area);
	HOSTILE(areas + 8, 0x100000, 4, area);
	HOSTILE(image_find_note(&im, NT_CALL), 4, 8, call);
	HOSTILE(image_find_note(&im, NT_CALL), 1ull << 63 | 1, 8, call);
	ASSERT_EQ(0, image_works(&run, &im, image));
	ckpt_run_fini(&run);
}

#else /* !__x86_64__ */

TEST(ia32)
{
	SKIP(return, "not x86-64");
}

#endif

TEST_HARNESS_MAIN
