/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the scenarios of the 32-bit program have in common. It has no libc but the
 * kernel's own nolibc.
 */
#ifndef CKPT_IA32_H
#define CKPT_IA32_H

#include "nolibc.h"
#include <asm/ldt.h>
#include <linux/futex.h>

/*
 * Calls with 64-bit times: a kernel need not have others. Those that it has are
 * looked at where they make a difference.
 */
#define NR_futex		__NR_futex_time64
#define NR_clock_nanosleep	__NR_clock_nanosleep_time64
#define NR_clock_gettime	__NR_clock_gettime64

/* Others that what the programs have in common needs. */
#define NR_getpid		__NR_getpid
#define NR_gettid		__NR_gettid
#define NR_tgkill		__NR_tgkill
#define NR_kill			__NR_kill
#define NR_fork			__NR_fork
#define NR_execve		__NR_execve
#define NR_exit			__NR_exit
#define NR_exit_group		__NR_exit_group
#define NR_wait4		__NR_wait4
#define NR_read			__NR_read
#define NR_close		__NR_close
#define NR_pipe2		__NR_pipe2
#define NR_rt_sigaction		__NR_rt_sigaction
#define NR_rt_sigprocmask	__NR_rt_sigprocmask
#define NR_rt_sigqueueinfo	__NR_rt_sigqueueinfo
#define NR_sigaltstack		__NR_sigaltstack
#define NR_set_robust_list	__NR_set_robust_list

/* Code of another kind, where there is one. */
#define OTHER_CODE

#include "../program_32/common.h"

/* Times as older calls have them. */
struct time32 {
	int32_t sec, nsec;
};

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

/*
 * A thread with a thread area of its own, at the base of which @tls lies. %gs is
 * its selector. Ends with its function.
 */
struct thread {
	uint32_t alive;		/* Cleared when it has ended. */
	uint32_t tls[4];
	char stack[32768] __attribute__((aligned(16)));
};

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
void thread_areas(void);
void vdso_calls(void);
void places(void);

#endif /* CKPT_IA32_H */
