/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asking whether a task may trace another one in its name, while neither runs:
 * kernel/checkpoint/ptrace.c, security/yama/yama_lsm.c. And going on from where a
 * task was stopped, at the entry of a call or as it exits: kernel/seccomp.c,
 * kernel/exit.c, arch/x86/entry/, arch/.../kernel/syscall.c.
 */
#ifndef _LINUX_CHECKPOINT_PTRACE_H
#define _LINUX_CHECKPOINT_PTRACE_H

#include <linux/checkpoint.h>
#include <linux/sched.h>
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

struct pid;

bool checkpoint_seccomp_traced(void);
/* x86 has one for each kind of calls, which make them. */
void checkpoint_syscall_64(struct pt_regs *regs);
void checkpoint_syscall_32(struct pt_regs *regs);
void checkpoint_syscall(struct pt_regs *regs, bool made);

#ifdef CONFIG_CHECKPOINT
bool checkpoint_stop_exiting(void);

/**
 * checkpoint_stop_at_exit - stop as the task was stopped that the current task restores
 *
 * To be called instead of ptrace_event(PTRACE_EVENT_EXIT).  A task that runs has a
 * last_siginfo only if it was restored, and has yet to stop.
 *
 * Returns whether it has stopped there.
 */
static inline bool checkpoint_stop_at_exit(void)
{
	return unlikely(current->last_siginfo) && checkpoint_stop_exiting();
}
#else
static inline bool checkpoint_stop_at_exit(void)
{
	return false;
}
#endif

/* Where a thread that is traced is stopped. */
#define CHECKPOINT_STOP_SIGNAL	1	/* At the delivery of a signal. */
#define CHECKPOINT_STOP_TRAP	2	/* Group stop, PTRACE_INTERRUPT. */
#define CHECKPOINT_STOP_EXIT	3	/* At the exit of a system call. */
#define CHECKPOINT_STOP_EVENT	4	/* At an event of fork() and its like. */
#define CHECKPOINT_STOP_ENTRY	5	/* At the entry of a system call. */
#define CHECKPOINT_STOP_SECCOMP	6	/* There, by a filter of seccomp. */
#define CHECKPOINT_STOP_VFORK	7	/* In vfork(), before it waits. */
#define CHECKPOINT_STOP_EXITING	8	/* As it exits. */

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
 * @vsyscall:	it is before a call in the page of vsyscalls
 * @exits:	it is in do_exit()
 * @group_exits: its process exits
 * @group_code:	exit code of that
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
	bool vsyscall;
	bool exits;
	bool group_exits;
	int group_code;
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
 * @result:	of the system call, with CHECKPOINT_STOP_EVENT and _VFORK; exit code of
 *		the process, with CHECKPOINT_STOP_EXITING
 * @emulated:	the system call is not made, with CHECKPOINT_STOP_ENTRY
 * @group_exits: the process exits, with CHECKPOINT_STOP_EXITING
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
	bool group_exits;
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
bool checkpoint_is_at_call(struct task_struct *task);
bool checkpoint_is_at_exit(struct task_struct *task);
bool checkpoint_exits_at_once(struct task_struct *task);
bool checkpoint_vforks_elsewhere(struct task_struct *task);
int checkpoint_stop_again(struct checkpoint_stop *stop);
void checkpoint_stop_in_call(void);
pid_t checkpoint_stop_in_vfork(void);
void checkpoint_leave_vfork(struct pid *pid, pid_t nr, bool has_result);
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
