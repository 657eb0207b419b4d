/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asking whether a task may trace another one in its name, while neither runs:
 * kernel/checkpoint/ptrace.c, security/yama/yama_lsm.c. And making the call at
 * whose entry a task was stopped: kernel/seccomp.c, arch/x86/entry/.
 */
#ifndef _LINUX_CHECKPOINT_PTRACE_H
#define _LINUX_CHECKPOINT_PTRACE_H

#include <linux/types.h>

/*
 * A mode of ptrace_may_access() beyond those that linux/ptrace.h has: the current
 * task is not the one that is to trace, for which checkpoint_yama_may_trace() was
 * asked.
 */
#ifdef CONFIG_CHECKPOINT
#define PTRACE_MODE_CHECKPOINT	0x100
#else
#define PTRACE_MODE_CHECKPOINT	0
#endif

struct pt_regs;

bool checkpoint_seccomp_traced(void);
void checkpoint_syscall_64(struct pt_regs *regs);
void checkpoint_syscall_32(struct pt_regs *regs);

#endif /* _LINUX_CHECKPOINT_PTRACE_H */
