/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of tracees that are stopped in a system call have in common. */
#ifndef CKPT_TEST_PTRACE_CALLS_H
#define CKPT_TEST_PTRACE_CALLS_H

#include "ptrace.h"

#ifdef __x86_64__
#include <sys/user.h>
#endif

/* A tracee that makes two calls. */
__attribute__((unused)) static int calls(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	board->value[0] = syscall(__NR_getppid);
	board->value[1] = syscall(__NR_getppid);
	return 29;
}

__attribute__((unused)) static void check_entry(pid_t kid, const struct call_info *before)
{
	struct call_info after;

	nothing_new(kid);
	get_call(kid, ENTRY, &after);
	CHECK(!memcmp(before, &after, sizeof(after)), "is in another call");
}

/* A child that is at the entry of the first call that it makes when it goes on. */
__attribute__((unused))
static pid_t at_entry_with(int (*fn)(void *arg), void *arg, struct call_info *info)
{
	pid_t kid = ckpt_fork(fn, arg);

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	to_call(kid);
	get_call(kid, ENTRY, info);
	return kid;
}

__attribute__((unused)) static pid_t at_entry(int (*fn)(void *arg), struct call_info *info)
{
	return at_entry_with(fn, NULL, info);
}

#ifdef __x86_64__
/* Makes the call of @kid, which is at its entry, another one; -1: none. */
__attribute__((unused)) static void set_call(pid_t kid, long nr, long result)
{
	struct user_regs_struct regs;

	CHECK_SYS(ptrace(PTRACE_GETREGS, kid, 0, &regs));
	regs.orig_rax = nr;
	regs.rax = result;
	CHECK_SYS(ptrace(PTRACE_SETREGS, kid, 0, &regs));
}
#endif

#endif /* CKPT_TEST_PTRACE_CALLS_H */
