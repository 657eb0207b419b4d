// SPDX-License-Identifier: GPL-2.0
/*
 * What a restored thread does that was stopped for its tracer in a system call, or
 * as it exits: it stops again, and goes on as the code would have that it stood in.
 */
#include <linux/audit.h>
#include <linux/checkpoint.h>
#include <linux/checkpoint_ptrace.h>
#include <linux/checkpoint_sock_wait.h>
#include <linux/compat.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/seccomp.h>
#include <linux/thread_info.h>
#include <asm/syscall.h>

#ifdef CONFIG_GENERIC_ENTRY
#include <linux/entry-common.h>
#else
#include <trace/events/syscalls.h>
#endif

/* How the current task has yet to stop. */
static struct checkpoint_stop *next_stop(void)
{
	return container_of(current->last_siginfo, struct checkpoint_stop, info);
}

/*
 * arm64 shows in a register whether a task is at the entry or at the exit of a call,
 * and has what was in it elsewhere: see report_syscall_entry().
 */
static void give_back_register(struct pt_regs *regs)
{
#ifdef CONFIG_ARM64
	regs->regs[is_compat_task() ? 12 : 7] = current->thread.stopped_reg;
#endif
}

/* As ptrace_report_syscall(), at the exit of a call. */
static void stop_at_exit(struct pt_regs *regs)
{
	int signr = checkpoint_stop_again(next_stop());

	if (signr)
		send_sig(signr, current, 1);
	give_back_register(regs);
}

/* Has the call return @result, which is no error. */
static void set_result(struct pt_regs *regs, long result)
{
	syscall_set_return_value(current, regs, 0, result);
#ifdef CONFIG_PPC
	/* It is the exit of that call: the next one is not to be skipped. */
	clear_thread_flag(TIF_SYSCALL_RET);
#endif
}

/* As syscall_exit_work() and syscall_trace_exit(): of what comes then the tracer is told. */
static void report_exit(struct pt_regs *regs)
{
#ifdef CONFIG_GENERIC_ENTRY
	bool step = test_syscall_work(SYSCALL_EXIT_TRAP);

	if (step || test_syscall_work(SYSCALL_TRACE))
		ptrace_report_syscall_exit(regs, step);
#else
	if (test_thread_flag(TIF_SYSCALL_TRACE) || test_thread_flag(TIF_SINGLESTEP))
		syscall_trace_exit(regs);
#endif
}

/**
 * checkpoint_stop_in_call() - stop in a system call, and do what comes after that
 *
 * To be called by a task that was restored, on its way to user mode, before it
 * looks for signals.  If checkpoint_set_stop() has told it to, it stops as
 * ptrace_report_syscall_exit() or ptrace_event() would have it stop.  May sleep.
 */
void checkpoint_stop_in_call(void)
{
	struct pt_regs *regs = current_pt_regs();
	long result;

	if (!current->last_siginfo)
		return;
	switch (next_stop()->place) {
	case CHECKPOINT_STOP_EXIT:
		/* arm64 has looked at the result already, if it is looking for signals. */
		if (!IS_ENABLED(CONFIG_ARM64))
			stop_at_exit(regs);
		break;
	case CHECKPOINT_STOP_EVENT:
		result = next_stop()->result;
		checkpoint_stop_again(next_stop());
		/* As kernel_clone() and syscall_exit_work(). */
		set_result(regs, result);
		report_exit(regs);
		break;
	}
}

/**
 * checkpoint_stop_in_vfork() - stop in vfork(), before the wait for the child
 *
 * To be called by a task that was restored, on its way to user mode.  May sleep.
 *
 * Return: the pid of the child if it was stopped at PTRACE_EVENT_VFORK, which is to
 * be given to checkpoint_leave_vfork(); else 0.
 */
pid_t checkpoint_stop_in_vfork(void)
{
	pid_t nr;

	if (!current->last_siginfo || next_stop()->place != CHECKPOINT_STOP_VFORK)
		return 0;
	nr = next_stop()->result;
	checkpoint_stop_again(next_stop());
	return nr;
}

/**
 * checkpoint_leave_vfork() - return from vfork()
 * @pid: of the child, which has let the current task go; NULL: it had before
 * @nr: its number; 0: unknown
 * @has_result: the registers have it already
 *
 * As kernel_clone() and syscall_exit_work(), by a task that was restored.  May sleep.
 */
void checkpoint_leave_vfork(struct pid *pid, pid_t nr, bool has_result)
{
	struct pt_regs *regs = current_pt_regs();

	/* Who was stopped before the wait has a tracer in its own pid namespace. */
	if (pid)
		ptrace_event_pid(PTRACE_EVENT_VFORK_DONE, pid);
	else
		ptrace_event(PTRACE_EVENT_VFORK_DONE, nr);
	if (!has_result)
		set_result(regs, nr);
	report_exit(regs);
}

/**
 * checkpoint_is_before_call() - has the current task to do something else first?
 *
 * To be asked in get_signal(), by a task whose last_siginfo tells that it was
 * restored, and has yet to stop: before it makes a call, or exits.
 */
bool checkpoint_is_before_call(void)
{
	switch (next_stop()->place) {
	case CHECKPOINT_STOP_ENTRY:
	case CHECKPOINT_STOP_SECCOMP:
	case CHECKPOINT_STOP_EXITING:
		return true;
	case CHECKPOINT_STOP_EXIT:
		return IS_ENABLED(CONFIG_ARM64);
	default:
		return false;
	}
}

/* Is a thread of the current process on its way to exit?  Its sighand is locked. */
static bool exits_too(struct task_struct *task)
{
	unsigned long info = (unsigned long)task->last_siginfo;

	if (task->exit_state || task->flags & PF_POSTCOREDUMP)
		return true;
	/*
	 * What one hangs there that stops is on its stack, and no such structure.  It
	 * stays there after the stop, until the thread has got the lock.
	 */
	if (!info || info - (unsigned long)task_stack_page(task) < THREAD_SIZE)
		return false;
	return container_of(task->last_siginfo, struct checkpoint_stop, info)->place ==
	       CHECKPOINT_STOP_EXITING;
}

/*
 * Makes the current process one that exits, as do_group_exit(), but for threads that
 * exit already: these stop for their tracers at that, which SIGKILL would end.  There
 * are others only by an image that checkpoint(2) does not write: as a process that
 * exits takes no signals any more, nobody could end them later.
 */
static void exit_group_again(int code)
{
	struct signal_struct *signal = current->signal;
	struct task_struct *thread;

	if (signal->flags & SIGNAL_GROUP_EXIT)
		return;
	signal->group_exit_code = code;
	signal->flags = SIGNAL_GROUP_EXIT;
	signal->group_stop_count = 0;
	for_each_thread(current, thread) {
		if (exits_too(thread))
			continue;
		task_clear_jobctl_pending(thread, JOBCTL_PENDING_MASK);
		sigaddset(&thread->pending.signal, SIGKILL);
		signal_wake_up(thread, 1);
	}
}

/* Exits: do_exit() has it stop. */
static void __noreturn exit_again(void)
{
	struct checkpoint_stop *stop = next_stop();
	long code = stop->message;

	if (stop->group_exits) {
		spin_lock_irq(&current->sighand->siglock);
		exit_group_again(stop->result);
		spin_unlock_irq(&current->sighand->siglock);
	}
	/* As get_signal(), of who dies of a signal: for accounting. */
	if (code & 0x7f)
		current->flags |= PF_SIGNALED;
	do_exit(code);
}

/**
 * checkpoint_stop_exiting() - stop as ptrace_event(PTRACE_EVENT_EXIT) had the task stop
 *
 * To be called in do_exit(), by a task that has yet to stop.
 *
 * Return: whether that was where it stood.
 */
bool checkpoint_stop_exiting(void)
{
	if (next_stop()->place != CHECKPOINT_STOP_EXITING)
		return false;
	checkpoint_stop_again(next_stop());
	return true;
}

/* Undoes what a look for signals has done to the registers before the task was to stop. */
static void prepare_call(struct pt_regs *regs)
{
#ifdef CONFIG_PPC
	/* At the entry of a call it is not set: see set_trap_norestart(). */
	regs->trap &= ~1UL;
	clear_thread_flag(TIF_SYSCALL_RET);
#endif
#ifdef CONFIG_S390
	set_pt_regs_flag(regs, PIF_SYSCALL);
#endif
}

#ifdef CONFIG_GENERIC_ENTRY
/* Filters, if they have not been asked yet, tracing and auditing; false: it is not made. */
static bool enter_call(struct pt_regs *regs, bool filters)
{
	unsigned long work = SYSCALL_WORK_SYSCALL_TRACEPOINT;

	if (filters)
		work |= SYSCALL_WORK_SECCOMP;
	/* Whom it is reported to was asked. */
	work &= READ_ONCE(current_thread_info()->syscall_work);
	return syscall_trace_enter(regs, work, syscall_get_nr(current, regs));
}

static void leave_call(struct pt_regs *regs)
{
	syscall_exit_to_user_mode_work(regs);
}
#else
/* As the end of syscall_trace_enter(). */
static bool enter_call(struct pt_regs *regs, bool filters)
{
	unsigned long args[6];

	if (filters && !seccomp_permit_syscall())
		return false;
	if (test_thread_flag(TIF_SYSCALL_TRACEPOINT))
		trace_sys_enter(regs, syscall_get_nr(current, regs));
	syscall_get_arguments(current, regs, args);
	audit_syscall_entry(syscall_get_nr(current, regs), args[0], args[1], args[2], args[3]);
	return syscall_get_nr(current, regs) != -1;
}

static void leave_call(struct pt_regs *regs)
{
	syscall_trace_exit(regs);
}
#endif

/* Makes the call that the registers ask for, if it is to be @made: all before it is done. */
static void make_call(struct pt_regs *regs, bool made, bool ia32)
{
#ifdef CONFIG_X86_64
	if (!made)
		return;
#ifdef CONFIG_IA32_EMULATION
	if (ia32) {
		checkpoint_syscall_32(regs);
		return;
	}
#endif
	checkpoint_syscall_64(regs);
#else
	checkpoint_syscall(regs, made);
#endif
}

/**
 * checkpoint_call_of_regs() - make the call whose number is in the registers
 * @regs: the registers of the current task, which is in restart_syscall(2)
 *
 * Filters are asked, as if it was made anew; tracing and auditing know of
 * restart_syscall(2) only.
 *
 * Return: its result, or what a filter wants it to be.
 */
long checkpoint_call_of_regs(struct pt_regs *regs)
{
	bool made = seccomp_permit_syscall() && syscall_get_nr(current, regs) != -1;

#ifdef CONFIG_X86_64
	make_call(regs, made, in_ia32_syscall());
#else
	make_call(regs, made, false);
#endif
	return syscall_get_error(current, regs) ?: syscall_get_return_value(current, regs);
}

/**
 * checkpoint_make_call() - stop at the entry of a system call, and make it then
 *
 * To be called by a task whose last_siginfo tells that it was restored, and has
 * yet to stop; on its way to user mode, before it looks for signals.  If it was
 * stopped at the entry of a call, it stops as syscall_trace_enter() or a filter of
 * seccomp would have it stop, and goes on as there: with the registers that its
 * tracer has left, it makes the call, and what comes after that.  The call may end
 * the task, or execute a program.  A task that was exiting does that.  May sleep.
 *
 * The result is one of a call from which the task returns: -ERESTART* is dealt
 * with by who looks for signals next.
 */
void checkpoint_make_call(void)
{
	struct pt_regs *regs = current_pt_regs();
#ifdef CONFIG_X86_64
	const bool ia32 = in_ia32_syscall();
#else
	const bool ia32 = false;
#endif
	bool emulated, made;
	int place, signr;

	if (!checkpoint_is_before_call())
		return;
	place = next_stop()->place;
	if (place == CHECKPOINT_STOP_EXITING)
		exit_again();
	if (place == CHECKPOINT_STOP_EXIT) {
		stop_at_exit(regs);
		return;
	}
	emulated = next_stop()->emulated;
	prepare_call(regs);
	signr = checkpoint_stop_again(next_stop());
	/* What a signal was pretended for is over: only a real one ends the call. */
	spin_lock_irq(&current->sighand->siglock);
	current->jobctl &= ~JOBCTL_FREEZER_WOKE;
	recalc_sigpending();
	spin_unlock_irq(&current->sighand->siglock);
	if (place == CHECKPOINT_STOP_SECCOMP) {
		/* Without seccomp there are no filters: restart(2) may do without. */
		made = IS_ENABLED(CONFIG_SECCOMP) ? checkpoint_seccomp_traced() :
						    !fatal_signal_pending(current);
	} else {
		/* As ptrace_report_syscall(), and syscall_trace_enter() after that. */
		if (signr)
			send_sig(signr, current, 1);
		made = !fatal_signal_pending(current) && !emulated;
		give_back_register(regs);
	}
	made = made && enter_call(regs, place == CHECKPOINT_STOP_ENTRY);
	make_call(regs, made, ia32);
	leave_call(regs);
}
