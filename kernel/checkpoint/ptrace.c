// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that trace each other. A stop is a place in the kernel where a thread
 * sleeps: it has to go there itself, which get_signal() and ptrace_call.c see to.
 */
#include <linux/audit.h>
#include <linux/checkpoint.h>
#include <linux/checkpoint_ptrace.h>
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/ptrace.h>
#include <linux/rwsem.h>
#include <linux/sched/coredump.h>
#include <linux/sched/exec_state.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/thread_info.h>
#include <linux/user_namespace.h>
#include <asm/syscall.h>

/* Whether PTRACE_SINGLESTEP or PTRACE_SINGLEBLOCK has let it run. */
static bool is_stepping(struct task_struct *task)
{
	bool stepping = false;

#ifdef TIF_SINGLESTEP
	stepping |= test_tsk_thread_flag(task, TIF_SINGLESTEP);
#endif
#ifdef TIF_BLOCKSTEP
	stepping |= test_tsk_thread_flag(task, TIF_BLOCKSTEP);
#endif
#ifdef TIF_SINGLE_STEP
	stepping |= test_tsk_thread_flag(task, TIF_SINGLE_STEP);
#endif
#ifdef TIF_BLOCK_STEP
	stepping |= test_tsk_thread_flag(task, TIF_BLOCK_STEP);
#endif
	return stepping;
}

/* Has a thread that is stopped yet to make the call that it is in? Its sighand is locked. */
static bool is_before_call(struct task_struct *task)
{
	const kernel_siginfo_t *info = task->last_siginfo;

	if (!info)
		return false;
	return info->si_code >> 8 == PTRACE_EVENT_SECCOMP ||
	       ((info->si_code & ~0x80) == SIGTRAP &&
		task->ptrace_message == PTRACE_EVENTMSG_SYSCALL_ENTRY);
}

/**
 * checkpoint_get_trace() - read what ptrace(2) keeps of a thread
 * @task: the thread, which is frozen
 * @out: what is read; all of it is set
 *
 * Return: whether it is traced.
 */
bool checkpoint_get_trace(struct task_struct *task, struct checkpoint_trace *out)
{
	unsigned long flags;
	unsigned int ptrace = READ_ONCE(task->ptrace);

	memset(out, 0, sizeof(*out));
	if (!ptrace || !lock_task_sighand(task, &flags))
		return false;
	out->options = ptrace >> PT_OPT_FLAG_SHIFT & PTRACE_O_MASK;
	out->seized = ptrace & PT_SEIZED;
	out->syscalls = test_task_syscall_work(task, SYSCALL_TRACE);
#if defined(CONFIG_GENERIC_ENTRY) || defined(TIF_SYSCALL_EMU)
	out->emulated = test_task_syscall_work(task, SYSCALL_EMU);
#endif
	out->stepping = is_stepping(task);
	out->stopped = task_is_traced(task);
	if (out->stopped) {
		out->jobctl = task->jobctl;
		out->exit_code = task->exit_code;
		out->message = task->ptrace_message;
		/* Its stack stays while the lock is held: it would have to set this to NULL. */
		if (task->last_siginfo) {
			out->has_info = true;
			copy_siginfo(&out->info, task->last_siginfo);
		}
#ifdef CONFIG_X86_64
		/* Of a vsyscall the end is made up as well: see __emulate_vsyscall(). */
		out->vsyscall = is_before_call(task) && task_pt_regs(task)->ip >= TASK_SIZE_MAX;
#endif
		out->exits = task->flags & PF_POSTCOREDUMP;
		out->group_exits = task->signal->flags & SIGNAL_GROUP_EXIT;
		out->group_code = task->signal->group_exit_code;
	}
	unlock_task_sighand(task, &flags);
	return true;
}

/* Whether who attached with @cred may do in @ns what needs CAP_SYS_PTRACE. */
static bool has_cap(const struct cred *cred, struct user_namespace *ns)
{
	return security_capable(cred, ns, CAP_SYS_PTRACE, CAP_OPT_NOAUDIT) == 0;
}

/* Whether @a and @b decide the same about programs that a task in @ns executes. */
static bool same_rights(const struct cred *a, const struct cred *b, struct user_namespace *ns)
{
	for (; ns; ns = ns->parent) {
		if (has_cap(a, ns) != has_cap(b, ns))
			return false;
	}
	return true;
}

/**
 * checkpoint_tracer_rights() - tell with whose rights a thread is traced
 * @task: the thread, which is frozen
 *
 * They decide what becomes of set-user-id programs that @task executes.  With
 * PTRACE_TRACEME they are those of @task, else those of its tracer, as both were
 * by then.
 *
 * Return: CHECKPOINT_RIGHTS_*, or 0: they are neither's any more.
 */
int checkpoint_tracer_rights(struct task_struct *task)
{
	const struct cred *rights;
	struct user_namespace *ns;

	guard(read_lock)(&tasklist_lock);
	guard(rcu)();
	rights = rcu_dereference(task->ptracer_cred);
	if (!task->ptrace || !rights)
		return CHECKPOINT_RIGHTS_TRACER;
	ns = __task_cred(task)->user_ns;
	if (same_rights(rights, __task_cred(task->parent), ns))
		return CHECKPOINT_RIGHTS_TRACER;
	return same_rights(rights, __task_cred(task), ns) ? CHECKPOINT_RIGHTS_TRACEE : 0;
}

/**
 * checkpoint_may_trace() - ask whether a thread could attach to another one
 * @tracer: the thread that is to trace
 * @task: the thread that is to be traced
 *
 * As ptrace_attach() does it, in the name of @tracer and with its credentials.
 * Neither of them runs.  May sleep.
 *
 * Of the security modules that look at who runs, Yama is asked by itself.  Smack
 * takes the label of the objective credentials, which nobody can lend to the
 * running task: that is the label of the caller, which all tasks must have.
 */
bool checkpoint_may_trace(struct task_struct *tracer, struct task_struct *task)
{
	const struct cred *cred = get_task_cred(tracer);
	const struct cred *own = override_creds(cred);
	unsigned int mode = PTRACE_MODE_ATTACH_REALCREDS | PTRACE_MODE_CHECKPOINT;
	bool allowed;

	/* Yama would take the running task for the tracer. */
	allowed = checkpoint_yama_may_trace(tracer, task) && ptrace_may_access(task, mode);
	revert_creds(own);
	put_cred(cred);
	return allowed;
}

static void set_dumpable(struct task_struct *task, enum task_dumpable dumpable)
{
	guard(rcu)();
	WRITE_ONCE(task_exec_state_rcu(task)->dumpable, dumpable);
}

/*
 * The same of a thread that is hidden, and will be @dumpable.  Who wants its memory or
 * its files looks at that with the lock held, and finds it hidden, before or after.
 * Returns 0, -EPERM, or -EINTR: the caller was killed.
 */
static int may_trace_hidden(struct task_struct *tracer, struct task_struct *task,
			    enum task_dumpable dumpable)
{
	struct rw_semaphore *lock = &task->signal->exec_update_lock;
	bool allowed;

	if (down_write_killable(lock))
		return -EINTR;
	set_dumpable(task, dumpable);
	allowed = checkpoint_may_trace(tracer, task);
	set_dumpable(task, TASK_DUMPABLE_OFF);
	up_write(lock);
	return allowed ? 0 : -EPERM;
}

/**
 * checkpoint_get_ptracer() - tell whom a process lets trace it (PR_SET_PTRACER)
 * @task: its group leader
 * @tracer: set to that task, with a reference, or to NULL: everybody
 *
 * Return: whether it has named somebody; without Yama nobody can.
 */
bool checkpoint_get_ptracer(struct task_struct *task, struct task_struct **tracer)
{
	return checkpoint_yama_get_ptracer(task, tracer);
}

/**
 * checkpoint_set_ptracer() - let a process be traced by whom it named
 * @task: its group leader, which is being restored
 * @tracer: who may trace it, or NULL: everybody
 *
 * Without Yama there is nothing to allow.  May sleep.
 *
 * Return: 0, or -ENOMEM.
 */
int checkpoint_set_ptracer(struct task_struct *task, struct task_struct *tracer)
{
	return checkpoint_yama_set_ptracer(task, tracer);
}

/**
 * checkpoint_set_tracer() - let a thread trace another one, as it did before
 * @task: the thread to trace
 * @tracer: the one that does
 * @options: PTRACE_O_*
 * @seized: as by PTRACE_SEIZE, else as by PTRACE_ATTACH or PTRACE_TRACEME
 * @syscalls: @task stops at its system calls (PTRACE_SYSCALL)
 * @emulated: its system calls are not made (PTRACE_SYSEMU)
 * @own: with the rights of @task, as by PTRACE_TRACEME
 * @dumpable: TASK_DUMPABLE_*, which @task gets when it is let go
 *
 * As ptrace_attach(), in the name of @tracer, which has its credentials by now:
 * these are to be allowed to attach.  No SIGSTOP is sent.
 *
 * Both are being restored and do not run: so neither executes a program or
 * exits, and @task does not look at its flags.  May sleep.
 *
 * Return: 0; -EPERM: @tracer may not trace @task; -EBUSY: somebody else does;
 * -EINVAL: that is not possible; -EINTR: the caller was killed.
 */
int checkpoint_set_tracer(struct task_struct *task, struct task_struct *tracer,
			  unsigned int options, bool seized, bool syscalls, bool emulated,
			  bool own, unsigned int dumpable)
{
	const struct cred *cred;
	int err;

	/* The option asks for a right of its own, and checkpoint(2) does not save it. */
	if (options & ~PTRACE_O_MASK || options & PTRACE_O_SUSPEND_SECCOMP)
		return -EINVAL;
	if (same_thread_group(task, tracer) || dumpable > TASK_DUMPABLE_ROOT)
		return -EINVAL;
#if !defined(CONFIG_GENERIC_ENTRY) && !defined(TIF_SYSCALL_EMU)
	if (emulated)
		return -EINVAL;
#endif
	/* ptrace(2) finds a task by its number for the caller: there is none to name others by. */
	if (!task_pid_nr_ns(task, task_active_pid_ns(tracer)))
		return -EINVAL;
	audit_ptrace(task);
	err = may_trace_hidden(tracer, task, dumpable);
	if (err)
		return err;
	cred = get_task_cred(own ? task : tracer);
	write_lock_irq(&tasklist_lock);
	if (task->exit_state || tracer->flags & PF_EXITING) {
		err = -EPERM;
	} else if (task->ptrace) {
		err = -EBUSY;
	} else {
		task->ptrace = PT_PTRACED | (seized ? PT_SEIZED : 0) |
			       options << PT_OPT_FLAG_SHIFT;
		__ptrace_link(task, tracer, cred);
		if (syscalls)
			set_task_syscall_work(task, SYSCALL_TRACE);
#if defined(CONFIG_GENERIC_ENTRY) || defined(TIF_SYSCALL_EMU)
		/* As ptrace_resume(), which asks for nothing. */
		if (emulated)
			set_task_syscall_work(task, SYSCALL_EMU);
#endif
	}
	write_unlock_irq(&tasklist_lock);
	put_cred(cred);
	return err;
}

/**
 * checkpoint_set_stop() - have a thread stop as it was stopped
 * @task: the thread, which is being restored and does not run
 * @stop: how
 *
 * When @task goes to user mode, it stops first, and tells nobody: its tracer was
 * told before the checkpoint.  While a thread runs it has no last_siginfo; so
 * that tells that it has to, and how.  May sleep.
 *
 * Return: 0, -ENOMEM, or -ESRCH: it was killed.
 */
int checkpoint_set_stop(struct task_struct *task, const struct checkpoint_stop *stop)
{
	struct checkpoint_stop *copy = kmemdup(stop, sizeof(*stop), GFP_KERNEL_ACCOUNT);
	unsigned long flags;
	int err = -ESRCH;

	if (!copy)
		return -ENOMEM;
	if (lock_task_sighand(task, &flags)) {
		if (task->ptrace && !task->last_siginfo) {
			task->last_siginfo = &copy->info;
			err = 0;
		}
		unlock_task_sighand(task, &flags);
	}
	if (err)
		kfree(copy);
	return err;
}

/**
 * checkpoint_is_at_exec() - is a thread stopped at PTRACE_EVENT_EXEC?
 * @task: the thread, which is frozen
 *
 * It has its new program then: what is left is to return from execve(), and for
 * the kernel to forget what it noted for the program before.
 */
bool checkpoint_is_at_exec(struct task_struct *task)
{
	unsigned long flags;
	bool at_exec;

	if (!lock_task_sighand(task, &flags))
		return false;
	at_exec = task_is_traced(task) && task->last_siginfo &&
		  task->last_siginfo->si_code == (SIGTRAP | PTRACE_EVENT_EXEC << 8);
	unlock_task_sighand(task, &flags);
	return at_exec;
}

/**
 * checkpoint_skip_call() - have a thread that is to die make no call any more
 * @task: the thread, which is held frozen, or is dead
 *
 * If it is stopped at the entry of a call: its tracer may die before it, which lets
 * it go on.  The call comes before the freezer stops it again, and whoever is
 * restarted from the image makes it, too.  As its tracer could do it by the number
 * of the call.
 */
void checkpoint_skip_call(struct task_struct *task)
{
	unsigned long flags;

	/* Its stack stays while the lock is held: see checkpoint_get_trace(). */
	if (!lock_task_sighand(task, &flags))
		return;
	if (task_is_traced(task) && is_before_call(task))
		syscall_set_nr(task, task_pt_regs(task), -1);
	unlock_task_sighand(task, &flags);
}

/**
 * checkpoint_is_at_call() - is a thread stopped at the entry or exit of a call?
 * @task: the thread, which is frozen
 *
 * By PTRACE_SYSCALL, not by a filter of seccomp.
 */
bool checkpoint_is_at_call(struct task_struct *task)
{
	unsigned long flags;
	bool at_call;

	if (!lock_task_sighand(task, &flags))
		return false;
	at_call = task_is_traced(task) && task->last_siginfo &&
		  (task->last_siginfo->si_code & ~0x80) == SIGTRAP &&
		  (task->ptrace_message == PTRACE_EVENTMSG_SYSCALL_ENTRY ||
		   task->ptrace_message == PTRACE_EVENTMSG_SYSCALL_EXIT);
	unlock_task_sighand(task, &flags);
	return at_call;
}

/* Its sighand is locked.  Only do_exit() sets that flag, and stops with it for a tracer. */
static bool is_stopped_exiting(struct task_struct *task)
{
	return task_is_traced(task) && task->flags & PF_POSTCOREDUMP &&
	       !(task->flags & PF_EXITING) && task->last_siginfo &&
	       task->last_siginfo->si_code == (SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

/**
 * checkpoint_is_at_exit() - is a thread stopped at PTRACE_EVENT_EXIT?
 * @task: the thread, which is frozen
 *
 * Nothing of it is gone then, and nothing can stop its exit.
 */
bool checkpoint_is_at_exit(struct task_struct *task)
{
	unsigned long flags;
	bool at_exit;

	if (!lock_task_sighand(task, &flags))
		return false;
	at_exit = is_stopped_exiting(task);
	unlock_task_sighand(task, &flags);
	return at_exit;
}

/**
 * checkpoint_exits_at_once() - is a process exiting, but for threads stopped so?
 * @task: a thread of it, which is frozen
 *
 * Return: whether the process exits, and all its threads that are not dead are
 * stopped at PTRACE_EVENT_EXIT.
 */
bool checkpoint_exits_at_once(struct task_struct *task)
{
	struct task_struct *thread;
	unsigned long flags;
	bool all;

	if (!lock_task_sighand(task, &flags))
		return false;
	all = task->signal->flags & SIGNAL_GROUP_EXIT;
	for_each_thread(task, thread)
		all = all && (thread->exit_state || is_stopped_exiting(thread));
	unlock_task_sighand(task, &flags);
	return all;
}

/**
 * checkpoint_vforks_elsewhere() - does a thread at PTRACE_EVENT_VFORK wait for no child?
 * @task: the thread, which is frozen
 *
 * With CLONE_PARENT what it waits for next is a child of its parent, as with
 * CLONE_THREAD.
 */
bool checkpoint_vforks_elsewhere(struct task_struct *task)
{
	unsigned long stack = (unsigned long)task_stack_page(task);
	struct task_struct *p, *t;

	guard(read_lock)(&tasklist_lock);
	for_each_process_thread(p, t) {
		unsigned long done = (unsigned long)READ_ONCE(t->vfork_done);

		if (done - stack < THREAD_SIZE && t->real_parent != task)
			return true;
	}
	return false;
}

/**
 * checkpoint_is_to_stop() - has a thread yet to stop, as checkpoint_set_stop() told it?
 * @task: the thread
 */
bool checkpoint_is_to_stop(struct task_struct *task)
{
	return READ_ONCE(task->last_siginfo) && !task_is_traced(task);
}
