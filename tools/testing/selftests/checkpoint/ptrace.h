/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of tracers and tracees have in common. */
#ifndef CKPT_TEST_PTRACE_H
#define CKPT_TEST_PTRACE_H

#include "common.h"

#include <signal.h>
#include <sys/ptrace.h>

#ifndef PTRACE_LISTEN
#define PTRACE_LISTEN 0x4208
#endif
#ifndef PTRACE_GET_SYSCALL_INFO
#define PTRACE_GET_SYSCALL_INFO 0x420e
#endif
#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

#define EVENT(event, sig)	((sig) | (event) << 8)

/* Counters. */
#define BEGUN	0	/* The tracee has come so far. */
#define GO_ON	9	/* It may go on. */
#define END	10	/* Who traces for the root may end. */

/* Values: what the handler has seen, and where the tracee is. */
#define SIGNAL	0
#define VALUE	1
#define COUNT	2
#define WORD	3
#define ADDRESS	4
#define THREAD	5
#define CALL	6

__attribute__((unused)) static void on_signal(int sig, siginfo_t *info, void *context)
{
	board->value[SIGNAL] = sig;
	board->value[VALUE] = info->si_value.sival_int;
	board->value[COUNT]++;
}

__attribute__((unused)) static void handle(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	CHECK_SYS(sigaction(SIGUSR1, &sa, NULL));
	CHECK_SYS(sigaction(SIGUSR2, &sa, NULL));
}

__attribute__((unused)) static int spins(void *arg)
{
	ckpt_step(BEGUN);
	while (!__atomic_load_n(&board->step[GO_ON], __ATOMIC_SEQ_CST))
		;
	return 23;
}

/* The next report is that @pid has stopped with @status. */
__attribute__((unused)) static void expect(pid_t pid, int status)
{
	int seen = 0;

	CHECK_EQ(pid, waitpid(pid, &seen, __WALL));
	CHECK(WIFSTOPPED(seen), "status 0x%x", seen);
	CHECK_EQ(status, seen >> 8);
}

/* Nothing is to be reported of @pid. */
__attribute__((unused)) static void nothing_new(pid_t pid)
{
	int status;

	CHECK_EQ(0, waitpid(pid, &status, __WALL | WNOHANG));
}

__attribute__((unused)) static void go_on(pid_t pid, int sig)
{
	CHECK_SYS(ptrace(PTRACE_CONT, pid, 0, sig));
}

__attribute__((unused)) static pid_t seized(int (*fn)(void *arg), long options)
{
	pid_t kid = ckpt_fork(fn, NULL);

	ckpt_step_wait(BEGUN, 1);
	CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, options));
	return kid;
}

/* As struct ptrace_syscall_info of linux/ptrace.h. */
struct call_info {
	uint8_t op;
	uint8_t pad[3];
	uint32_t arch;
	uint64_t ip;
	uint64_t sp;
	union {
		uint64_t nr;		/* At the entry. */
		int64_t result;		/* At the exit. */
	};
	uint64_t args[6];
};

#define ENTRY	1
#define EXIT	2

__attribute__((unused)) static void get_call(pid_t kid, int op, struct call_info *info)
{
	memset(info, 0, sizeof(*info));
	CHECK_SYS(ptrace(PTRACE_GET_SYSCALL_INFO, kid, sizeof(*info), info));
	CHECK_EQ(op, info->op);
}

/* Lets @kid run to its next system call, or to its end. */
__attribute__((unused)) static void to_call(pid_t kid)
{
	CHECK_SYS(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	expect(kid, SIGTRAP | 0x80);
}

#endif /* CKPT_TEST_PTRACE_H */
