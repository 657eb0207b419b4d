// SPDX-License-Identifier: GPL-2.0
/*
 * What prctl(2), ioprio_set(2) and sched_setattr(2) set of a thread.
 *
 * What is read is that of a task that does not run; what is set is that of the
 * running task, through the function that the system call uses.
 */
#include <linux/checkpoint_task.h>
#include <linux/iocontext.h>
#include <linux/ioprio.h>
#include <linux/nospec.h>
#include <linux/prctl.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/syscall_user_dispatch.h>
#include <linux/thread_info.h>
#include <uapi/linux/sched/types.h>

/**
 * checkpoint_get_controls - what was set of a thread
 * @task:	a task that does not run
 * @controls:	where to write it
 */
void checkpoint_get_controls(struct task_struct *task, struct checkpoint_controls *controls)
{
	*controls = (struct checkpoint_controls) {
		.util_min = CHECKPOINT_NO_CLAMP,
		.util_max = CHECKPOINT_NO_CLAMP,
	};
#ifdef CONFIG_UCLAMP_TASK
	if (task->uclamp_req[UCLAMP_MIN].user_defined)
		controls->util_min = task->uclamp_req[UCLAMP_MIN].value;
	if (task->uclamp_req[UCLAMP_MAX].user_defined)
		controls->util_max = task->uclamp_req[UCLAMP_MAX].value;
#endif
#ifdef CONFIG_SYSCALL_USER_DISPATCH
	if (test_task_syscall_work(task, SYSCALL_USER_DISPATCH)) {
		controls->dispatch = true;
		controls->offset = task->syscall_dispatch.offset;
		controls->len = task->syscall_dispatch.len;
		controls->selector = (unsigned long)task->syscall_dispatch.selector;
	}
#endif
}

/**
 * checkpoint_set_ioprio - ioprio_set(2) of the running task
 * @ioprio:	the priority
 *
 * Returns: 0, or a negative error code of that.
 */
int checkpoint_set_ioprio(int ioprio)
{
#ifdef CONFIG_BLOCK
	int ret = ioprio_check_cap(ioprio);

	return ret ?: set_task_ioprio(current, ioprio);
#else
	return -EOPNOTSUPP;
#endif
}

/**
 * checkpoint_set_clamps - clamp the utilization of the running task
 * @min:	as of sched_setattr(2); CHECKPOINT_NO_CLAMP: stays as it is
 * @max:	likewise
 *
 * All else stays as it is.
 *
 * Returns: 0, or a negative error code of sched_setattr(2).
 */
int checkpoint_set_clamps(u32 min, u32 max)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		/* SETPARAM_POLICY of kernel/sched/: that of the task. */
		.sched_policy = -1,
		.sched_flags = SCHED_FLAG_KEEP_ALL,
		.sched_nice = task_nice(current),
		.sched_priority = current->rt_priority,
	};

	if (min != CHECKPOINT_NO_CLAMP) {
		attr.sched_flags |= SCHED_FLAG_UTIL_CLAMP_MIN;
		attr.sched_util_min = min;
	}
	if (max != CHECKPOINT_NO_CLAMP) {
		attr.sched_flags |= SCHED_FLAG_UTIL_CLAMP_MAX;
		attr.sched_util_max = max;
	}
	return sched_setattr(current, &attr);
}

/**
 * checkpoint_set_dispatch - have system calls of the running task dispatched to it
 * @offset:	start of the range that may make them, as the kernel keeps it
 * @len:	its length, likewise
 * @selector:	address of the byte that switches it on; 0: it is on
 *
 * As prctl(PR_SET_SYSCALL_USER_DISPATCH), which keeps the range of
 * PR_SYS_DISPATCH_INCLUSIVE_ON as the one that wraps around it.
 *
 * Returns: 0, or a negative error code of that.
 */
int checkpoint_set_dispatch(unsigned long offset, unsigned long len, unsigned long selector)
{
	char __user *at = (char __user *)selector;

	if (!offset || offset + len > offset)
		return set_syscall_user_dispatch(PR_SYS_DISPATCH_EXCLUSIVE_ON, offset, len, at);
	return set_syscall_user_dispatch(PR_SYS_DISPATCH_INCLUSIVE_ON, offset + len, -len, at);
}

/**
 * checkpoint_speculation - prctl(PR_GET_SPECULATION_CTRL) of the running task
 * @which:	PR_SPEC_STORE_BYPASS or PR_SPEC_INDIRECT_BRANCH
 *
 * Returns: PR_SPEC_* flags, or a negative error code of that.
 */
int checkpoint_speculation(unsigned long which)
{
	return arch_prctl_spec_ctrl_get(current, which);
}

/**
 * checkpoint_io_workers - count the workers of io_uring with which a thread shares its I/O context
 * @task:	the thread; the caller has a reference on it
 * @io:		its I/O context, to compare
 *
 * Return: how many there are in its process.
 */
int checkpoint_io_workers(struct task_struct *task, const struct io_context *io)
{
	int workers = 0;
#ifdef CONFIG_BLOCK
	struct task_struct *t;

	rcu_read_lock();
	for_each_thread(task, t)
		if (t->flags & PF_IO_WORKER && READ_ONCE(t->io_context) == io)
			workers++;
	rcu_read_unlock();
#endif
	return workers;
}
