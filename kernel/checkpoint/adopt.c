// SPDX-License-Identifier: GPL-2.0
/*
 * The parents of restarted processes. All are made by a few of them, as which
 * fork() has no way to name another parent; when all exist each gets its own.
 */
#include <linux/checkpoint_task.h>
#include <linux/lockdep.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

/**
 * checkpoint_adopt() - make a process the last child of a task
 * @child: leader of the thread group
 * @parent: the task; it is not of the group, and no descendant of it
 * @exit_signal: signal for the parent when the process exits
 * @execed: @parent has executed a program since it made @child
 *
 * Gives @child what copy_process() gives a child of @parent, and moves it in
 * the lists as forget_original_parent() does.  Unlike there nobody has died: so
 * no pdeath_signal is sent, and @child is neither a zombie to be reported nor in
 * a process group that could become an orphan.
 *
 * The caller holds tasklist_lock for writing, and both from exiting.
 *
 * Return: 0, or -EINVAL: @child has no pid in the pid namespace of @parent.  A
 * process is always in that of its parent or below: an init waits at its end
 * for its children, which it has killed if it could see them.  And an init is
 * never in that of its parent: the children of one that dies there go to it.
 */
int checkpoint_adopt(struct task_struct *child, struct task_struct *parent,
		     int exit_signal, bool execed)
{
	struct signal_struct *ps = parent->signal;
	struct task_struct *t;

	lockdep_assert_held_write(&tasklist_lock);
	/* Number 1 is that of the init. */
	if (task_pid_nr_ns(child, task_active_pid_ns(parent)) <= 1)
		return -EINVAL;
	for_each_thread(child, t) {
		rcu_assign_pointer(t->real_parent, parent);
		/* A debugger outside stays what wait(2) takes for the parent. */
		if (!t->ptrace)
			rcu_assign_pointer(t->parent, parent);
		t->parent_exec_id = parent->self_exec_id - execed;
	}
	child->exit_signal = exit_signal;
	child->signal->has_child_subreaper = ps->has_child_subreaper || ps->is_child_subreaper;
	list_move_tail(&child->sibling, &parent->children);
	return 0;
}
