// SPDX-License-Identifier: GPL-2.0
/*
 * Tracees that are stopped by a filter of seccomp (PTRACE_EVENT_SECCOMP), or at a call that their
 * tracer makes in their place (PTRACE_SYSEMU): what they go on with, and who is asked about it.
 */
#include "ptrace_calls.h"

#include <stddef.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#endif

CKPT_FIXTURE

#define DATA	0x1234

static int filtered(void *arg)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | DATA),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getsid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(steps) / sizeof(steps[0]), steps };

	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	return calls(arg);
}

/* The event that it has stopped at is there, and nothing else. */
static void check_event(pid_t kid)
{
	unsigned long data;

	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &data));
	CHECK_EQ(DATA, data);
}

static pid_t at_filter(void)
{
	pid_t kid = ckpt_fork(filtered, NULL);

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESECCOMP));
	go_on(kid, 0);
	expect(kid, EVENT(PTRACE_EVENT_SECCOMP, SIGTRAP));
	check_event(kid);
	return kid;
}

/* It has made its first call, which no filter is asked about once more, and is at the next one. */
static pid_t at_next_filter(void)
{
	pid_t kid = at_filter();

	ckpt_ready_wait();
	check_event(kid);
	go_on(kid, 0);
	expect(kid, EVENT(PTRACE_EVENT_SECCOMP, SIGTRAP));
	return kid;
}

static void ends_with(pid_t kid, long long first, long long second)
{
	go_on(kid, 0);
	ckpt_wait_exit(kid, 29);
	CHECK_EQ(first, (int64_t)board->value[0]);
	CHECK_EQ(second, (int64_t)board->value[1]);
}

CKPT_CYCLE(seccomp_goes_on)
{
	pid_t kid = at_next_filter();

	ends_with(kid, getpid(), getpid());
}

#ifdef __x86_64__

/* The next one is not made. */
CKPT_CYCLE(seccomp_skipped)
{
	pid_t kid = at_next_filter();

	set_call(kid, -1, 4242);
	ends_with(kid, getpid(), 4242);
}

/* What its tracer makes of it is asked for once more. */
CKPT_CYCLE(seccomp_changed)
{
	pid_t kid = at_filter();

	ckpt_ready_wait();
	set_call(kid, __NR_getsid, -ENOSYS);
	go_on(kid, 0);
	expect(kid, EVENT(PTRACE_EVENT_SECCOMP, SIGTRAP));
	ends_with(kid, -1, getpid());
}

/* ---- calls that are not made ----------------------------------------------- */

/* It is at the entry of a call, which its tracer makes in its place. */
CKPT_CYCLE(emulated)
{
	pid_t kid = ckpt_fork(calls, NULL);

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SYSEMU, kid, 0, 0));
	expect(kid, SIGTRAP);
	set_call(kid, __NR_getppid, 11);
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_SYSEMU, kid, 0, 0));
	expect(kid, SIGTRAP);
	set_call(kid, __NR_getppid, 12);
	ends_with(kid, 11, 12);
}

static int spins_and_calls(void *arg)
{
	spins(arg);
	board->value[0] = syscall(__NR_getppid);
	return 38;
}

CKPT_CYCLE(runs_emulated)
{
	pid_t kid = seized(spins_and_calls, 0);

	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	CHECK_SYS(ptrace(PTRACE_SYSEMU, kid, 0, 0));
	ckpt_ready_wait();
	nothing_new(kid);
	ckpt_step(GO_ON);
	expect(kid, SIGTRAP);
	set_call(kid, __NR_getppid, 13);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 38);
	CHECK_EQ(13, board->value[0]);
}

#endif /* __x86_64__ */

TEST_HARNESS_MAIN
