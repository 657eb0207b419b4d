/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the scenarios of the 32-bit program for ARM have in common. It needs no headers but
 * the compiler's, as few systems have those of another architecture.
 */
#ifndef CKPT_AARCH32_H
#define CKPT_AARCH32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of system calls; those with 64-bit times. */
#define NR_exit			1
#define NR_fork			2
#define NR_read			3
#define NR_write		4
#define NR_open			5
#define NR_close		6
#define NR_execve		11
#define NR_getpid		20
#define NR_kill			37
#define NR_brk			45
#define NR_munmap		91
#define NR_wait4		114
#define NR_clone		120
#define NR_personality		136
#define NR_sched_yield		158
#define NR_mremap		163
#define NR_poll			168
#define NR_rt_sigaction		174
#define NR_rt_sigprocmask	175
#define NR_rt_sigqueueinfo	178
#define NR_sigaltstack		186
#define NR_mmap2		192
#define NR_gettid		224
#define NR_exit_group		248
#define NR_tgkill		268
#define NR_epoll_ctl		251
#define NR_epoll_wait		252
#define NR_set_robust_list	338
#define NR_epoll_create1	357
#define NR_pipe2		359
#define NR_clock_gettime	403
#define NR_clock_nanosleep	407
#define NR_rt_sigtimedwait	421
#define NR_futex		422
#define NR_set_tls		0xf0005

#define EINTR			4
#define O_RDWR			2
#define O_CLOEXEC		02000000
#define PROT_READ		1
#define PROT_WRITE		2
#define MAP_SHARED		1
#define ANONYMOUS		0x22	/* MAP_PRIVATE, MAP_ANONYMOUS */
#define PAGE			4096
#define FUTEX_WAIT		0
#define FUTEX_WAKE		1
#define CLOCK_MONOTONIC		1
#define SIGUSR1			10
#define SIGUSR2			12
#define SIGTERM			15

/* Code of another kind. */
#define OTHER_CODE		__attribute__((target("thumb")))

#include "../program_32/common.h"

/* A system call from ARM code, and one from Thumb code: the result, or minus its error number. */
long call(long nr, long a, long b, long c, long d, long e, long f);
long call_thumb(long nr, long a, long b, long c, long d, long e, long f);
#define CALL_BY(by, nr, a, b, c, d, e, f, ...) \
	by(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define CALL(...) CALL_BY(call, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define CALL_THUMB(...) CALL_BY(call_thumb, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

bool same(const char *a, const char *b);
/* The value of an entry of the auxiliary vector; 0: there is none. */
uint32_t auxv(uint32_t type);

/* Where the program counter and the status are in struct ucontext, in words. */
#define UC_PC			((20 + 18 * 4) / 4)
#define UC_CPSR			((20 + 19 * 4) / 4)
#define CPSR_THUMB		0x20u

/* A thread, with a thread pointer of its own. Ends with its function. */
struct thread {
	uint32_t alive;		/* Cleared when it has ended. */
	char stack[32768] __attribute__((aligned(16)));
};

/* The thread pointer that set_tls sets, and that which a program writes. */
static inline uint32_t tls(void)
{
	uint32_t word;

	asm volatile("mrc p15, 0, %0, c13, c0, 3" : "=r" (word));
	return word;
}

static inline uint32_t own_tls(void)
{
	uint32_t word;

	asm volatile("mrc p15, 0, %0, c13, c0, 2" : "=r" (word));
	return word;
}

static inline void set_own_tls(uint32_t word)
{
	asm volatile("mcr p15, 0, %0, c13, c0, 2" : : "r" (word));
}

/* Scenarios. */
void registers_in_loop(void);
void registers_in_thumb_loop(void);
void registers_in_call(void);
void registers_in_handler(void);
void sleep_with_remainder(void);
void sleep_in_thumb(void);
void poll_in_progress(void);
void futex_in_progress(void);
void waits_of_a_freeze(void);
void thread_pointers(void);
void kernel_helpers(void);
void vdso_calls(void);
void handler_returns_to_entry(void);
void places(void);
void pages_that_moved(void);

#endif /* CKPT_AARCH32_H */
