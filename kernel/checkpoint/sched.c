// SPDX-License-Identifier: GPL-2.0
/*
 * What tasks share of scheduling: the cookies of core scheduling, and autogroups.
 * Kernels without either have none.
 */
#include <linux/checkpoint_sched.h>
#include <linux/errno.h>
#include <linux/rcupdate.h>
#include <linux/sched/autogroup.h>
#include <linux/sched/signal.h>

/**
 * checkpoint_get_cookie() - tell the cookie of a thread
 * @task: the thread, which is frozen or dead
 *
 * Return: the cookie, to be compared only, or 0: it has none.
 */
unsigned long checkpoint_get_cookie(struct task_struct *task)
{
#ifdef CONFIG_SCHED_CORE
	unsigned int refs;

	return checkpoint_core_of(task, &refs);
#else
	return 0;
#endif
}

/**
 * checkpoint_cookie_is_outside() - ask whether somebody else has a thread's cookie
 * @task: the thread, which is held and has one
 * @inside: how many that are held have the same
 */
bool checkpoint_cookie_is_outside(struct task_struct *task, unsigned int inside)
{
#ifdef CONFIG_SCHED_CORE
	unsigned int refs, users = 0;
	unsigned long cookie = checkpoint_core_of(task, &refs);
	struct task_struct *process, *thread;

	if (refs == inside)
		return false;
	/* One that has been reaped may have a reference for a little while. */
	guard(rcu)();
	for_each_process_thread(process, thread)
		users += READ_ONCE(thread->core_cookie) == cookie;
	return users > inside;
#else
	return false;
#endif
}

/**
 * checkpoint_set_cookie() - give a thread a new cookie, or that of another one
 * @task: the thread, which is being restored
 * @from: the other one, or NULL
 *
 * Return: 0, -ENOMEM, -ENODEV: no core here has several threads, or -EOPNOTSUPP: this
 * kernel has no core scheduling.
 */
int checkpoint_set_cookie(struct task_struct *task, struct task_struct *from)
{
#ifdef CONFIG_SCHED_CORE
	return checkpoint_core_set(task, from);
#else
	return -EOPNOTSUPP;
#endif
}

/**
 * checkpoint_get_autogroup() - tell in which autogroup a process is
 * @task: a thread of it, which is frozen or dead
 *
 * Return: the autogroup, to be compared only, or 0: it is in none.
 */
unsigned long checkpoint_get_autogroup(struct task_struct *task)
{
#ifdef CONFIG_SCHED_AUTOGROUP
	unsigned int refs;

	return checkpoint_autogroup_of(task, &refs);
#else
	return 0;
#endif
}

/**
 * checkpoint_autogroup_is_outside() - ask whether other processes are in an autogroup
 * @task: a thread of one that is held
 * @inside: how many are held that are in the same
 */
bool checkpoint_autogroup_is_outside(struct task_struct *task, unsigned int inside)
{
#ifdef CONFIG_SCHED_AUTOGROUP
	unsigned int refs, users = 0;
	unsigned long group = checkpoint_autogroup_of(task, &refs);
	struct task_struct *process;

	if (refs == inside)
		return false;
	/* As above. */
	guard(rcu)();
	for_each_process(process)
		users += checkpoint_autogroup_of(process, &refs) == group;
	return users > inside;
#else
	return false;
#endif
}

/**
 * checkpoint_new_autogroup() - move a process to a new autogroup
 * @task: a thread of it, which is being restored
 *
 * As setsid() does; a kernel without autogroups has nothing to do.  May sleep.
 *
 * Return: 0, or -ENOMEM.
 */
int checkpoint_new_autogroup(struct task_struct *task)
{
#ifdef CONFIG_SCHED_AUTOGROUP
	unsigned int refs;

	sched_autogroup_create_attach(task);
	if (!checkpoint_autogroup_of(task, &refs))
		return -ENOMEM;
#endif
	return 0;
}

/**
 * checkpoint_autogroup_set_nice() - set the nice value of an autogroup
 * @task: a thread of a process in it, which is being restored
 * @nice: the nice value
 *
 * As a write to /proc/PID/autogroup, with its checks.  May sleep.
 *
 * Return: 0, -EINVAL, -EPERM, -EAGAIN: somebody else has set one just now, or
 * -EOPNOTSUPP: this kernel has no autogroups that have one.
 */
int checkpoint_autogroup_set_nice(struct task_struct *task, int nice)
{
#if defined(CONFIG_SCHED_AUTOGROUP) && defined(CONFIG_PROC_FS)
	return proc_sched_autogroup_set_nice(task, nice);
#else
	return -EOPNOTSUPP;
#endif
}

/**
 * checkpoint_join_autogroup() - move a process to the autogroup of another one
 * @task: a thread of it, which is being restored
 * @with: a thread of the other one, which is, too
 */
void checkpoint_join_autogroup(struct task_struct *task, struct task_struct *with)
{
#ifdef CONFIG_SCHED_AUTOGROUP
	checkpoint_autogroup_join(task, with);
#endif
}
