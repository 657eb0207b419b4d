// SPDX-License-Identifier: GPL-2.0

#include <linux/checkpoint.h>
#include <linux/cgroup.h>
#include <linux/io_uring_types.h>
#include <linux/perf_event.h>
#include <linux/regset.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include <linux/sched/autogroup.h>
#include <linux/sched/cputime.h>
#include <linux/sched/exec_state.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/security.h>
#include <linux/task_work.h>
#include <linux/ipc.h>
#ifdef CONFIG_X86_64
#include <asm/fpu/regset.h>
#endif
#include <../../ipc/util.h>
#include <asm/syscall.h>
#ifdef CONFIG_SECURITY_LANDLOCK
#include "../../security/landlock/cred.h"
#endif

/* Tasks. */

__rust_helper struct pt_regs *rust_helper_task_pt_regs(struct task_struct *t)
{
	return task_pt_regs(t);
}

__rust_helper void *rust_helper_try_get_task_stack(struct task_struct *t)
{
	return try_get_task_stack(t);
}

__rust_helper bool rust_helper_cgroup_task_frozen(struct task_struct *t)
{
	return cgroup_task_frozen(t);
}

__rust_helper struct cgroup *rust_helper_task_dfl_cgroup(struct task_struct *t)
{
	return task_dfl_cgroup(t);
}

__rust_helper void rust_helper_cgroup_get(struct cgroup *cgrp)
{
	cgroup_get(cgrp);
}

__rust_helper void rust_helper_cgroup_put(struct cgroup *cgrp)
{
	cgroup_put(cgrp);
}

__rust_helper struct cgroup *rust_helper_cgroup_parent(struct cgroup *cgrp)
{
	return cgroup_parent(cgrp);
}

__rust_helper struct task_struct *rust_helper_next_thread(struct task_struct *t)
{
	return __next_thread(t);
}

__rust_helper void rust_helper_tasklist_read_lock(void)
{
	read_lock(&tasklist_lock);
}

__rust_helper void rust_helper_tasklist_read_unlock(void)
{
	read_unlock(&tasklist_lock);
}

__rust_helper void rust_helper_tasklist_write_lock(void)
{
	write_lock_irq(&tasklist_lock);
}

__rust_helper void rust_helper_tasklist_write_unlock(void)
{
	write_unlock_irq(&tasklist_lock);
}

__rust_helper void rust_helper_task_lock(struct task_struct *t)
{
	task_lock(t);
}

__rust_helper void rust_helper_task_unlock(struct task_struct *t)
{
	task_unlock(t);
}

__rust_helper struct sighand_struct *
rust_helper_lock_task_sighand(struct task_struct *t, unsigned long *flags)
{
	return lock_task_sighand(t, flags);
}

__rust_helper void rust_helper_unlock_task_sighand(struct task_struct *t,
						   unsigned long *flags)
{
	unlock_task_sighand(t, flags);
}

__rust_helper struct pid *rust_helper_task_pid_type(struct task_struct *t,
						    enum pid_type type)
{
	return type == PIDTYPE_PID ? task_pid(t) :
	       type == PIDTYPE_TGID ? task_tgid(t) :
	       type == PIDTYPE_PGID ? task_pgrp(t) : task_session(t);
}

__rust_helper struct pid *rust_helper_get_pid(struct pid *pid)
{
	return get_pid(pid);
}

__rust_helper struct pid_namespace *rust_helper_ns_of_pid(struct pid *pid)
{
	return ns_of_pid(pid);
}

__rust_helper struct pid_namespace *
rust_helper_task_active_pid_ns(struct task_struct *t)
{
	return task_active_pid_ns(t);
}

__rust_helper unsigned long rust_helper_checkpoint_thread_size(void)
{
	return THREAD_SIZE;
}

__rust_helper bool rust_helper_fatal_signal_pending(struct task_struct *t)
{
	return fatal_signal_pending(t);
}

/*
 * Signal code looks at the task on its way to user mode. Once more if it calls this out of
 * get_signal(), which forgets the first flag then: what the registers say of a system call has
 * been looked at before.
 */
__rust_helper void rust_helper_set_tif_sigpending(struct task_struct *t)
{
	set_tsk_thread_flag(t, TIF_SIGPENDING);
	set_tsk_thread_flag(t, TIF_NOTIFY_SIGNAL);
}

__rust_helper void rust_helper_set_restore_sigmask(void)
{
	set_restore_sigmask();
}

__rust_helper bool rust_helper_test_tsk_restore_sigmask(struct task_struct *t)
{
	return test_tsk_restore_sigmask(t);
}

__rust_helper unsigned int rust_helper_task_exec_state_dumpable(struct task_struct *t)
{
	return task_exec_state_get_dumpable(t);
}

__rust_helper bool rust_helper_task_no_new_privs(struct task_struct *t)
{
	return task_no_new_privs(t);
}

__rust_helper void rust_helper_task_set_no_new_privs(struct task_struct *t)
{
	task_set_no_new_privs(t);
}

__rust_helper void rust_helper_rseq_force_update(void)
{
	rseq_force_update();
}

__rust_helper const struct cred *rust_helper_task_cred_get(struct task_struct *t)
{
	return get_task_cred(t);
}

__rust_helper const struct cred *rust_helper_current_cred(void)
{
	return current_cred();
}

/* State of tasks. */

__rust_helper long rust_helper_task_syscall_nr(struct task_struct *t)
{
	return syscall_get_nr(t, task_pt_regs(t));
}

__rust_helper long rust_helper_task_syscall_error(struct task_struct *t)
{
	return syscall_get_error(t, task_pt_regs(t));
}

__rust_helper void rust_helper_task_times(struct task_struct *t, u64 *utime, u64 *stime)
{
	task_cputime_adjusted(t, utime, stime);
}

__rust_helper struct io_context *rust_helper_task_io_context(struct task_struct *t)
{
#ifdef CONFIG_BLOCK
	return t->io_context;
#else
	return NULL;
#endif
}

__rust_helper void rust_helper_clear_tsk_restore_sigmask(struct task_struct *t)
{
	clear_tsk_restore_sigmask(t);
}

__rust_helper void rust_helper_set_tsk_restore_sigmask(struct task_struct *t)
{
#ifdef TIF_RESTORE_SIGMASK
	set_tsk_thread_flag(t, TIF_RESTORE_SIGMASK);
#else
	t->restore_sigmask = true;
#endif
}

__rust_helper void rust_helper_clear_tif_sigpending(struct task_struct *t)
{
	clear_tsk_thread_flag(t, TIF_SIGPENDING);
}

__rust_helper void rust_helper_signal_times(struct signal_struct *sig, u64 *cutime, u64 *cstime,
					    u64 *utime, u64 *stime, u64 *runtime)
{
	unsigned int seq;

	do {
		seq = read_seqbegin(&sig->stats_lock);
		*cutime = sig->cutime;
		*cstime = sig->cstime;
		*utime = sig->utime;
		*stime = sig->stime;
		*runtime = sig->sum_sched_runtime;
	} while (read_seqretry(&sig->stats_lock, seq));
}

__rust_helper void rust_helper_signal_times_set(struct signal_struct *sig, u64 cutime, u64 cstime,
						u64 utime, u64 stime)
{
	write_seqlock_irq(&sig->stats_lock);
	sig->cutime = cutime;
	sig->cstime = cstime;
	sig->utime = utime;
	sig->stime = stime;
	sig->sum_sched_runtime = utime + stime;
	write_sequnlock_irq(&sig->stats_lock);
}

__rust_helper void rust_helper_current_times_set(u64 utime, u64 stime)
{
	/* The tick adds to them. */
	local_irq_disable();
	current->utime = utime;
	current->stime = stime;
	current->se.sum_exec_runtime = utime + stime;
	local_irq_enable();
}

__rust_helper bool rust_helper_task_rseq(struct task_struct *t, u64 *addr, u32 *len, u32 *sig,
					 bool *slice)
{
#ifdef CONFIG_RSEQ
	*addr = (unsigned long)t->rseq.usrptr;
	*len = t->rseq.len;
	*sig = t->rseq.sig;
#ifdef CONFIG_RSEQ_SLICE_EXTENSION
	*slice = t->rseq.slice.state.enabled;
#else
	*slice = false;
#endif
	return t->rseq.usrptr;
#else
	return false;
#endif
}

__rust_helper void rust_helper_current_rseq_renew(void)
{
#ifdef CONFIG_RSEQ
	struct rseq __user *rseq = current->rseq.usrptr;

	if (!rseq)
		return;
	/*
	 * The restored area has the ids of the CPU where the task was. The
	 * kernel insists that it has those that it wrote itself: begin as a
	 * registration does. rseq_cs stays: the critical section is aborted.
	 */
	if (put_user(RSEQ_CPU_ID_UNINITIALIZED, &rseq->cpu_id_start) ||
	    put_user(RSEQ_CPU_ID_UNINITIALIZED, &rseq->cpu_id) ||
	    put_user(0, &rseq->node_id) || put_user(0, &rseq->mm_cid)) {
		force_sig(SIGSEGV);
		return;
	}
	current->rseq.ids.cpu_id = RSEQ_CPU_ID_UNINITIALIZED;
	current->rseq.ids.mm_cid = 0;
	current->rseq.ids.node_id = 0;
	rseq_force_update();
#endif
}

__rust_helper bool rust_helper_current_rseq_set(u64 addr, u32 len, u32 sig)
{
#ifdef CONFIG_RSEQ
	/* Not rseq_register(): it would forget the critical section that the task is in. */
	current->rseq.usrptr = (struct rseq __user *)(unsigned long)addr;
	current->rseq.len = len;
	current->rseq.sig = sig;
	current->rseq.event.has_rseq =
		IS_ENABLED(CONFIG_GENERIC_IRQ_ENTRY) && len > 32 ? 2 : 1;
	rseq_force_update();
	return true;
#else
	return false;
#endif
}

__rust_helper bool rust_helper_task_user_dispatch(struct task_struct *t)
{
#ifdef CONFIG_GENERIC_ENTRY
	return test_task_syscall_work(t, SYSCALL_USER_DISPATCH);
#else
	return false;
#endif
}

/* Scheduling. */

__rust_helper void rust_helper_task_cpus_user(struct task_struct *t, struct cpumask *mask)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&t->pi_lock, flags);
	if (t->user_cpus_ptr)
		cpumask_copy(mask, t->user_cpus_ptr);
	else
		cpumask_setall(mask);
	raw_spin_unlock_irqrestore(&t->pi_lock, flags);
}

__rust_helper bool rust_helper_task_has_perf_events(struct task_struct *t)
{
#ifdef CONFIG_PERF_EVENTS
	bool some;

	struct perf_event_context *ctx;

	rcu_read_lock();
	ctx = READ_ONCE(t->perf_event_ctxp);
	some = !list_empty_careful(&t->perf_event_list) ||
	       (ctx && READ_ONCE(ctx->nr_events));
	rcu_read_unlock();
	return some;
#else
	return false;
#endif
}

__rust_helper bool rust_helper_task_has_io_uring(struct task_struct *t)
{
#ifdef CONFIG_IO_URING
	return t->io_uring && !xa_empty(&t->io_uring->xa);
#else
	return false;
#endif
}

__rust_helper unsigned long rust_helper_checkpoint_task_size_max(void)
{
	return TASK_SIZE_MAX;
}

__rust_helper void rust_helper_checkpoint_forget_robust(struct task_struct *t)
{
	t->futex.robust_list = NULL;
#ifdef CONFIG_COMPAT
	t->futex.compat_robust_list = NULL;
#endif
}

__rust_helper int rust_helper_checkpoint_sigaction(int sig, struct k_sigaction *act, bool ia32)
{
#ifdef CONFIG_IA32_EMULATION
	u32 status = current_thread_info()->status;
	int ret;

	/* It is told by the call of which kind of program a handler is. */
	current_thread_info()->status = ia32 ? status | TS_COMPAT : status & ~TS_COMPAT;
	ret = do_sigaction(sig, act, NULL);
	current_thread_info()->status = status;
	return ret;
#else
	return ia32 ? -EOPNOTSUPP : do_sigaction(sig, act, NULL);
#endif
}

/* The list of robust futexes that 32-bit system calls register. */

__rust_helper u64 rust_helper_checkpoint_compat_robust(struct task_struct *t)
{
#ifdef CONFIG_COMPAT
	return (unsigned long)t->futex.compat_robust_list;
#else
	return 0;
#endif
}

__rust_helper void rust_helper_checkpoint_set_compat_robust(struct task_struct *t, u64 addr)
{
#ifdef CONFIG_COMPAT
	t->futex.compat_robust_list = (struct compat_robust_list_head __user *)addr;
#endif
}

__rust_helper bool rust_helper_task_has_sem_undo(struct task_struct *t)
{
#ifdef CONFIG_SYSVIPC
	struct sem_undo_list *list = t->sysvsem.undo_list;

	/* The task does not run: nobody else adds to the list. */
	return list && !list_empty_careful(&list->list_proc);
#else
	return false;
#endif
}

__rust_helper int rust_helper_task_autogroup_nice(struct task_struct *t)
{
	return sched_autogroup_nice(t);
}

__rust_helper bool rust_helper_task_has_other_label(struct task_struct *t)
{
#ifdef CONFIG_SECURITY
	struct lsm_prop theirs, ours;

	lsmprop_init(&theirs);
	lsmprop_init(&ours);
	security_task_getlsmprop_obj(t, &theirs);
	security_current_getlsmprop_subj(&ours);
	return memcmp(&theirs, &ours, sizeof(theirs));
#else
	return false;
#endif
}

__rust_helper bool rust_helper_task_has_landlock(struct task_struct *t)
{
#ifdef CONFIG_SECURITY_LANDLOCK
	return landlocked(t);
#else
	return false;
#endif
}

/* Register sets of native tasks. */
__rust_helper const struct user_regset_view *rust_helper_native_regset_view(void)
{
#ifdef CONFIG_X86_64
	/* Told by the code segment otherwise, which init_task has not. */
	return &user_x86_64_view;
#else
	return task_user_regset_view(&init_task);
#endif
}
