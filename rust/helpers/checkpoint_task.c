// SPDX-License-Identifier: GPL-2.0

#include <linux/checkpoint_ipc.h>
#include <linux/alarmtimer.h>
#include <linux/cgroup.h>
#include <linux/completion.h>
#include <linux/freezer.h>
#include <linux/io_uring_types.h>
#include <linux/ioprio.h>
#include <linux/key.h>
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <linux/nospec.h>
#include <linux/perf_event.h>
#include <linux/posix-timers.h>
#include <linux/prctl.h>
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
#include <linux/thread_info.h>
#include <linux/uprobes.h>
#include <linux/user_events.h>
#include <linux/user_namespace.h>
#ifdef CONFIG_X86_64
#include <asm/fpu/regset.h>
#endif
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
 * Sleeps for as long as *@seat is @held, and tells @seated so. Nothing else ends it, no signal and
 * no stray wake-up: TASK_PARKED is left for a wake_up_state() of its own only. As in
 * kthread_parkme().
 */
__rust_helper void rust_helper_checkpoint_sit(const u32 *seat, u32 held,
					      struct completion *seated)
{
	for (;;) {
		set_special_state(TASK_PARKED);
		/* What was stored before the seat was given back is to be seen. */
		if (smp_load_acquire(seat) != held)
			break;
		/* Who holds it waits until it sleeps: it is not preempted before. */
		preempt_disable();
		complete(seated);
		schedule_preempt_disabled();
		preempt_enable();
	}
	__set_current_state(TASK_RUNNING);
}

/*
 * Is there something that interrupts the waits of the current task? Task work is run and the
 * freezer of suspend obeyed; a stop, a frozen cgroup or a signal are told. A stop for a debugger
 * (PTRACE_INTERRUPT) is put aside in *@trap: the debugger waits for it, and so can't end it.
 */
__rust_helper bool rust_helper_checkpoint_interrupted(unsigned long *trap)
{
	unsigned long asked;

	clear_notify_signal();
	if (task_work_pending(current))
		task_work_run();
	try_to_freeze();
	spin_lock_irq(&current->sighand->siglock);
	/* It would count as a signal until get_signal(), though the cgroup is thawed since. */
	if (!(current->jobctl & JOBCTL_TRAP_FREEZE))
		current->jobctl &= ~JOBCTL_FREEZER_WOKE;
	asked = current->jobctl & JOBCTL_TRAP_MASK;
	if (asked) {
		*trap |= asked;
		task_clear_jobctl_pending(current, asked);
	}
	recalc_sigpending();
	spin_unlock_irq(&current->sighand->siglock);
	return test_thread_flag(TIF_SIGPENDING);
}

/*
 * Asks the current task again to stop for its debugger, if that has it by PTRACE_SEIZE: another one
 * may have come by PTRACE_ATTACH since, for which there are no such stops.
 */
__rust_helper void rust_helper_checkpoint_trap_again(unsigned long trap)
{
	spin_lock_irq(&current->sighand->siglock);
	if (current->ptrace & PT_SEIZED && task_set_jobctl_pending(current, trap))
		set_thread_flag(TIF_SIGPENDING);
	spin_unlock_irq(&current->sighand->siglock);
}

/* Signal code looks at the task on its way to user mode. */
__rust_helper void rust_helper_set_tif_sigpending(struct task_struct *t)
{
	set_tsk_thread_flag(t, TIF_SIGPENDING);
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

__rust_helper void rust_helper_task_exec_state_be_dumpable(struct task_struct *t,
							   unsigned int value)
{
	guard(rcu)();
	WRITE_ONCE(rcu_dereference(t->exec_state)->dumpable, value);
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

__rust_helper void rust_helper_task_syscall_args(struct task_struct *t, unsigned long *args)
{
	syscall_get_arguments(t, task_pt_regs(t), args);
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

__rust_helper bool rust_helper_checkpoint_has_alarm_clock(void)
{
	return alarmtimer_get_rtcdev();
}

#ifdef CONFIG_POSIX_TIMERS
__rust_helper unsigned int rust_helper_checkpoint_next_timer_id(struct task_struct *t)
{
	return atomic_read(&t->signal->next_posix_timer_id);
}

__rust_helper void rust_helper_checkpoint_set_next_timer_id(unsigned int id)
{
	atomic_set(&current->signal->next_posix_timer_id, id);
}

__rust_helper bool rust_helper_checkpoint_chooses_timer_ids(struct task_struct *t)
{
	return t->signal->timer_create_restore_ids;
}

__rust_helper void rust_helper_checkpoint_choose_timer_ids(void)
{
	posixtimer_create_prctl(PR_TIMER_CREATE_RESTORE_IDS_ON);
}
#else
__rust_helper unsigned int rust_helper_checkpoint_next_timer_id(struct task_struct *t)
{
	return 0;
}

__rust_helper void rust_helper_checkpoint_set_next_timer_id(unsigned int id) { }

__rust_helper bool rust_helper_checkpoint_chooses_timer_ids(struct task_struct *t)
{
	return false;
}

__rust_helper void rust_helper_checkpoint_choose_timer_ids(void) { }
#endif

__rust_helper bool rust_helper_task_rseq(struct task_struct *t, u64 *addr, u32 *len, u32 *sig,
					 bool *slice)
{
#ifdef CONFIG_RSEQ
	/* Of the program before: it is stopped at the event, and rseq_execve() comes after that. */
	if (t->in_execve)
		return false;
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

/* Bytes of an area of the first version. */
#define CHECKPOINT_RSEQ_V1	32

/* As rseq_length_valid() and rseq_register() check it. */
__rust_helper bool rust_helper_checkpoint_rseq_valid(u64 addr, u32 len)
{
#ifdef CONFIG_RSEQ
	if (len == CHECKPOINT_RSEQ_V1) {
		if (!IS_ALIGNED(addr, CHECKPOINT_RSEQ_V1))
			return false;
	} else if (len < offsetof(struct rseq, end) || !IS_ALIGNED(addr, rseq_alloc_align())) {
		return false;
	}
	return access_ok((void __user *)(unsigned long)addr, len);
#else
	return false;
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
		IS_ENABLED(CONFIG_GENERIC_IRQ_ENTRY) && len > CHECKPOINT_RSEQ_V1 ? 2 : 1;
	rseq_force_update();
	return true;
#else
	return false;
#endif
}

/* Scheduling. */

/* A number that kernel/checkpoint/kapi/sched/attr.rs has too. */
static_assert(DEFAULT_PRIO == 120);

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
	return sem_has_undo(t);
}

__rust_helper int rust_helper_task_autogroup_nice(struct task_struct *t)
{
	return sched_autogroup_nice(t);
}

__rust_helper bool rust_helper_task_has_landlock(struct task_struct *t)
{
#ifdef CONFIG_SECURITY_LANDLOCK
	return landlock_initialized && landlocked(t);
#else
	return false;
#endif
}

__rust_helper bool rust_helper_task_landlock_hides(struct task_struct *t)
{
	bool hides = false;

#ifdef CONFIG_SECURITY_LANDLOCK_LOG
	if (landlock_initialized) {
		rcu_read_lock();
		hides = landlock_cred(__task_cred(t))->log_subdomains_off;
		rcu_read_unlock();
	}
#endif
	return hides;
}

/* Those that somebody else has registered for others to act with. */
__rust_helper bool rust_helper_cred_is_confined(const struct cred *cred)
{
#ifdef CONFIG_SECURITY
	struct lsm_prop theirs, ours;

#ifdef CONFIG_SECURITY_LANDLOCK
	if (landlock_initialized && landlock_cred(cred)->domain)
		return true;
#endif
	lsmprop_init(&theirs);
	lsmprop_init(&ours);
	security_cred_getlsmprop(cred, &theirs);
	security_current_getlsmprop_subj(&ours);
	return memcmp(&theirs, &ours, sizeof(theirs));
#else
	return false;
#endif
}

/* What fork has handed on to the running task, and exec or a system call would take away. */

__rust_helper void rust_helper_checkpoint_flush_thread(void)
{
	flush_thread();
}

__rust_helper void rust_helper_checkpoint_setup_new_exec(void)
{
	arch_setup_new_exec();
}

/* prctl(PR_SET_SPECULATION_CTRL) of the running task. */
__rust_helper int rust_helper_checkpoint_speculate(u32 which, u32 ctrl)
{
	return arch_prctl_spec_ctrl_set(current, which, ctrl);
}

__rust_helper int rust_helper_checkpoint_reset_ioprio(void)
{
#ifdef CONFIG_BLOCK
	if (current->io_context && current->io_context->ioprio != IOPRIO_DEFAULT)
		return set_task_ioprio(current, IOPRIO_DEFAULT);
#endif
	return 0;
}

__rust_helper void rust_helper_checkpoint_reset_mempolicy(void)
{
	mpol_put_task_policy(current);
}

__rust_helper void rust_helper_checkpoint_free_utask(void)
{
	uprobe_free_utask(current);
}

__rust_helper void rust_helper_checkpoint_leave_user_events(void)
{
	user_events_execve(current);
}

/* As prepare_exec_creds(); what is asked for with the keys of a request is none of the task's. */
__rust_helper void rust_helper_checkpoint_drop_keys(struct cred *new, bool session)
{
#ifdef CONFIG_KEYS
	key_put(new->thread_keyring);
	new->thread_keyring = NULL;
	key_put(new->process_keyring);
	new->process_keyring = NULL;
	key_put(new->request_key_auth);
	new->request_key_auth = NULL;
	new->jit_keyring = KEY_REQKEY_DEFL_DEFAULT;
	if (session) {
		key_put(new->session_keyring);
		new->session_keyring = NULL;
	}
#endif
}

/* What confines a task. */

/* ID_RANGES_MAX of kernel/checkpoint/image/confinement.rs. */
static_assert(UID_GID_MAP_MAX_EXTENTS == 340);

/*
 * The @n-th range of ids that @ns maps, of user ids or of group ids: first, first of the host, and
 * how many.  False: there are no more.
 */
__rust_helper bool rust_helper_checkpoint_id_range(struct user_namespace *ns, bool gid,
						   unsigned int n, u32 *range)
{
	const struct uid_gid_map *map = gid ? &ns->gid_map : &ns->uid_map;
	const struct uid_gid_extent *extent;
	unsigned int extents = READ_ONCE(map->nr_extents);

	/* Written once, the ranges before their number: see map_write(). */
	smp_rmb();
	if (n >= extents)
		return false;
	extent = extents <= UID_GID_MAP_MAX_BASE_EXTENTS ? &map->extent[n] : &map->forward[n];
	range[0] = extent->first;
	range[1] = extent->lower_first;
	range[2] = extent->count;
	return true;
}

/* The caller may do with the initial user namespace what CAP_CHECKPOINT_RESTORE allows. */
__rust_helper bool rust_helper_checkpoint_is_host_admin(void)
{
	return checkpoint_restore_ns_capable(&init_user_ns);
}

/* Register sets of native tasks. */
__rust_helper const struct user_regset_view *rust_helper_native_regset_view(void)
{
#ifdef CONFIG_X86_64
	/* Told by the code segment otherwise, which init_task has not. */
	return &user_x86_64_view;
#elif defined(CONFIG_ARM64)
	/* A caller of 32 bits is told another one. */
	return checkpoint_regset_view();
#else
	return task_user_regset_view(&init_task);
#endif
}
