// SPDX-License-Identifier: GPL-2.0
/*
 * Which perf events tasks and files have.
 */
#include <linux/checkpoint_task.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/perf_event.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#ifdef CONFIG_PERF_EVENTS
/* Adds @event, or that which it was inherited from, as number *@n if there is room. */
static void checkpoint_perf_add(const struct perf_event *event, const void **events,
				unsigned int room, unsigned int *n)
{
	if (*n < room)
		events[*n] = event->parent ? : event;
	(*n)++;
}

/**
 * checkpoint_perf_events() - find the perf events that a task has made, or that count it
 * @task: the task, which does not run
 * @events: where to put their addresses, to compare; of inherited ones, that of the first
 * @room: how many there is room for
 *
 * Return: how many there are: if more than there is room for then it is to be asked again;
 * -EINTR if the caller was killed.
 */
int checkpoint_perf_events(struct task_struct *task, const void **events, unsigned int room)
{
	struct perf_event_context *ctx;
	struct perf_event *event;
	unsigned int n = 0;

	if (mutex_lock_killable(&task->perf_event_mutex))
		return -EINTR;
	list_for_each_entry(event, &task->perf_event_list, owner_entry)
		checkpoint_perf_add(event, events, room, &n);
	mutex_unlock(&task->perf_event_mutex);

	rcu_read_lock();
	ctx = READ_ONCE(task->perf_event_ctxp);
	if (ctx) {
		raw_spin_lock_irq(&ctx->lock);
		list_for_each_entry(event, &ctx->event_list, event_entry)
			checkpoint_perf_add(event, events, room, &n);
		raw_spin_unlock_irq(&ctx->lock);
	}
	rcu_read_unlock();
	return n;
}

/**
 * checkpoint_perf_event_of() - find the perf event of a file
 * @file: the file
 *
 * Return: its address, to compare; NULL: it is of none.
 */
const void *checkpoint_perf_event_of(struct file *file)
{
	const struct perf_event *event = perf_get_event(file);

	return IS_ERR(event) ? NULL : event;
}

#else /* !CONFIG_PERF_EVENTS: there are none. */

int checkpoint_perf_events(struct task_struct *task, const void **events, unsigned int room)
{
	return 0;
}

const void *checkpoint_perf_event_of(struct file *file)
{
	return NULL;
}
#endif
