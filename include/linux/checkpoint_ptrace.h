/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asking whether a task may trace another one in its name, while neither runs:
 * kernel/checkpoint/ptrace.c, security/yama/yama_lsm.c.
 */
#ifndef _LINUX_CHECKPOINT_PTRACE_H
#define _LINUX_CHECKPOINT_PTRACE_H

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

#endif /* _LINUX_CHECKPOINT_PTRACE_H */
