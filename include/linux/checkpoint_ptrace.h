/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asking whether a task may trace another one in its name, while neither runs:
 * kernel/checkpoint/ptrace.c, security/yama/yama_lsm.c. And making the call at
 * whose entry a task was stopped: kernel/seccomp.c, arch/x86/entry/.
 */
#ifndef _LINUX_CHECKPOINT_PTRACE_H
#define _LINUX_CHECKPOINT_PTRACE_H

#include <linux/checkpoint.h>
#include <linux/signal_types.h>
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
struct task_struct;

bool checkpoint_seccomp_traced(void);
void checkpoint_syscall_64(struct pt_regs *regs);
void checkpoint_syscall_32(struct pt_regs *regs);

/* Where a thread that is traced is stopped. */
#define CHECKPOINT_STOP_SIGNAL	1	/* At the delivery of a signal. */
#define CHECKPOINT_STOP_TRAP	2	/* Group stop, PTRACE_INTERRUPT. */
#define CHECKPOINT_STOP_EXIT	3	/* At the exit of a system call. */
#define CHECKPOINT_STOP_EVENT	4	/* At an event of fork() and its like. */
#define CHECKPOINT_STOP_ENTRY	5	/* At the entry of a system call. */
#define CHECKPOINT_STOP_SECCOMP	6	/* There, by a filter of seccomp. */

/* With whose rights a tracer decides about set-user-id programs. */
#define CHECKPOINT_RIGHTS_TRACER	1	/* Its own. */
#define CHECKPOINT_RIGHTS_TRACEE	2	/* Those of what it traces. */

/**
 * struct checkpoint_trace - what ptrace(2) keeps of a thread that is traced
 * @options:	PTRACE_O_*
 * @seized:	by PTRACE_SEIZE
 * @syscalls:	PTRACE_SYSCALL
 * @emulated:	PTRACE_SYSEMU
 * @stepping:	PTRACE_SINGLESTEP, PTRACE_SINGLEBLOCK
 * @stopped:	the rest is of a thread that is stopped
 * @has_info:	there is a siginfo
 * @bound:	only the kernel stack knows what its registers will be
 * @unmade:	it is before a call, which can't be made again here
 * @jobctl:	JOBCTL_*
 * @exit_code:	what wait(2) gives the tracer; 0 if it has it
 * @message:	PTRACE_GETEVENTMSG
 * @info:	PTRACE_GETSIGINFO
 */
struct checkpoint_trace {
	unsigned int options;
	bool seized;
	bool syscalls;
	bool emulated;
	bool stepping;
	bool stopped;
	bool has_info;
	bool bound;
	bool unmade;
	unsigned long jobctl;
	int exit_code;
	unsigned long message;
	kernel_siginfo_t info;
};

/**
 * struct checkpoint_stop - a stop that a restored thread is to enter
 * @info:	siginfo; last_siginfo points to it
 * @place:	CHECKPOINT_STOP_*
 * @has_info:	the tracer can read it
 * @exit_code:	what wait(2) gives the tracer; 0 if it has it
 * @message:	PTRACE_GETEVENTMSG
 * @jobctl:	JOBCTL_* bits to set
 * @result:	of the system call, with CHECKPOINT_STOP_EVENT
 * @emulated:	the system call is not made, with CHECKPOINT_STOP_ENTRY
 */
struct checkpoint_stop {
	kernel_siginfo_t info;
	int place;
	bool has_info;
	int exit_code;
	unsigned long message;
	unsigned long jobctl;
	long result;
	bool emulated;
};

bool checkpoint_get_trace(struct task_struct *task, struct checkpoint_trace *out);
int checkpoint_tracer_rights(struct task_struct *task);
bool checkpoint_may_trace(struct task_struct *tracer, struct task_struct *task);
bool checkpoint_get_ptracer(struct task_struct *task, struct task_struct **tracer);
int checkpoint_set_ptracer(struct task_struct *task, struct task_struct *tracer);
int checkpoint_set_tracer(struct task_struct *task, struct task_struct *tracer,
			  unsigned int options, bool seized, bool syscalls, bool emulated,
			  bool own, unsigned int dumpable);
int checkpoint_set_stop(struct task_struct *task, const struct checkpoint_stop *stop);
bool checkpoint_is_to_stop(struct task_struct *task);
bool checkpoint_is_at_exec(struct task_struct *task);
int checkpoint_stop_again(struct checkpoint_stop *stop);
void checkpoint_stop_in_call(void);
void checkpoint_skip_call(struct task_struct *task);
bool checkpoint_is_before_call(void);

#if defined(CONFIG_CHECKPOINT) && defined(CONFIG_SECURITY_YAMA)
bool checkpoint_yama_may_trace(struct task_struct *tracer, struct task_struct *task);
bool checkpoint_yama_get_ptracer(struct task_struct *task, struct task_struct **tracer);
int checkpoint_yama_set_ptracer(struct task_struct *task, struct task_struct *tracer);
#else
static inline bool checkpoint_yama_may_trace(struct task_struct *tracer,
					     struct task_struct *task)
{
	return true;
}

static inline bool checkpoint_yama_get_ptracer(struct task_struct *task,
					       struct task_struct **tracer)
{
	return false;
}

static inline int checkpoint_yama_set_ptracer(struct task_struct *task,
					      struct task_struct *tracer)
{
	return 0;
}
#endif

#endif /* _LINUX_CHECKPOINT_PTRACE_H */
