/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the scenarios of the 32-bit program have in common. It has no libc but the
 * kernel's own nolibc, and speaks to the test through the board as common.h has it.
 */
#ifndef CKPT_IA32_H
#define CKPT_IA32_H

#include "nolibc.h"
#include <asm/ldt.h>
#include <linux/futex.h>

/* struct ckpt_board of common.h: all its fields have the same place in 32-bit programs. */
struct board {
	uint32_t ready, go, failed, restarts, not_here;
	char msg[1024], text[1024];
	uint32_t step[256];
	uint64_t value[512] __attribute__((aligned(8)));
};

/* As in common.h. */
_Static_assert(__builtin_offsetof(struct board, step) == 2068 &&
	       __builtin_offsetof(struct board, value) == 3096, "not the board of common.h");

extern struct board *board;

/*
 * Calls with 64-bit times: a kernel need not have others. Those that it has are
 * looked at where they make a difference.
 */
#define NR_futex		__NR_futex_time64
#define NR_clock_nanosleep	__NR_clock_nanosleep_time64
#define NR_clock_gettime	__NR_clock_gettime64

struct time64 {
	int64_t sec, nsec;
};

/* Times as older calls have them. */
struct time32 {
	int32_t sec, nsec;
};

__attribute__((noreturn)) void fail(int line, const char *what, long seen, long want);

#define CHECK(cond) do {						\
	if (!(cond))							\
		fail(__LINE__, #cond, 0, 1);				\
} while (0)

#define CHECK_EQ(want, seen) do {					\
	long __want = (long)(want), __seen = (long)(seen);		\
	if (__want != __seen)						\
		fail(__LINE__, #seen, __seen, __want);			\
} while (0)

/* Assembly of a function that makes a system call by @insn, with the arguments of call(). */
#define CALL_BY(name, insn)						\
	name ":\n"							\
	"	push %ebp\n push %edi\n push %esi\n push %ebx\n"	\
	"	mov 20(%esp), %eax\n"					\
	"	mov 24(%esp), %ebx\n"					\
	"	mov 28(%esp), %ecx\n"					\
	"	mov 32(%esp), %edx\n"					\
	"	mov 36(%esp), %esi\n"					\
	"	mov 40(%esp), %edi\n"					\
	"	mov 44(%esp), %ebp\n"					\
	"	" insn "\n"						\
	"	pop %ebx\n pop %esi\n pop %edi\n pop %ebp\n"		\
	"	ret\n"

/* A system call by int $0x80: its result, or minus its error number. */
long call(long nr, long a, long b, long c, long d, long e, long f);
#define CALL_N(nr, a, b, c, d, e, f, ...) \
	call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define CALL(...) CALL_N(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* One that must not fail. */
#define CHECK_CALL(...) ({						\
	long __ret = CALL(__VA_ARGS__);					\
	if (__ret < 0 && __ret > -4096)					\
		fail(__LINE__, #__VA_ARGS__, __ret, 0);			\
	__ret;								\
})

void ready(void);
void wait_go(void);
void step(unsigned int n);
void step_wait(unsigned int n, uint32_t count);

/*
 * A thread with a thread area of its own, at the base of which @tls lies. %gs is
 * its selector. Ends with its function.
 */
struct thread {
	uint32_t alive;		/* Cleared when it has ended. */
	uint32_t tls[4];
	char stack[32768] __attribute__((aligned(16)));
};

void thread_start(struct thread *t, void (*fn)(void *arg), void *arg, uint32_t mark);
void thread_join(struct thread *t);
uint32_t gs_word(unsigned int n);
unsigned int gs_selector(void);

/* A thread area for the caller's own use; returns the selector. */
unsigned int area_new(void *base, unsigned int limit);

/* Scenarios. */
void registers_in_loop(void);
void registers_in_call(void);
void registers_in_handler(void);
void sleep_with_remainder(void);
void sleep_of_older_call(void);
void poll_in_progress(void);
void futex_in_progress(void);
void vsyscall_in_progress(void);
void handler_on_stack(void);
void thread_areas(void);
void vdso_calls(void);
void robust_list(void);
void places(void);
void family(void);

#endif /* CKPT_IA32_H */
