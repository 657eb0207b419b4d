// SPDX-License-Identifier: GPL-2.0
/*
 * Files that tell programs of checkpoint and restart: prctl(PR_CHECKPOINT_EVENTS).
 *
 * One event is kept for each, the latest: who reads late learns how many it has missed.
 */
#include <linux/anon_inodes.h>
#include <linux/checkpoint.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/wait.h>

/*
 * What the file has; the lock of @wait guards it.
 * @event: what is to be read next; its type is 0 if nothing is.
 * @environment: what is read with it, if it has any.
 * @generation: how many times the file was restarted.
 */
struct checkpoint_events {
	wait_queue_head_t wait;
	struct checkpoint_event event;
	char *environment;
	u32 generation;
};

static int events_release(struct inode *inode, struct file *file)
{
	struct checkpoint_events *e = file->private_data;

	kvfree(e->environment);
	kfree(e);
	return 0;
}

static __poll_t events_poll(struct file *file, poll_table *table)
{
	struct checkpoint_events *e = file->private_data;

	poll_wait(file, &e->wait, table);
	return READ_ONCE(e->event.type) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* An event that could not be delivered is the next one again, or counts as missed. */
static void events_put_back(struct checkpoint_events *e, const struct checkpoint_event *event,
			    char *environment)
{
	scoped_guard(spinlock_irq, &e->wait.lock) {
		if (!e->event.type) {
			e->event = *event;
			swap(e->environment, environment);
			wake_up_locked_poll(&e->wait, EPOLLIN | EPOLLRDNORM);
		} else {
			e->event.missed += event->missed + 1;
		}
	}
	kvfree(environment);
}

static ssize_t events_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct checkpoint_events *e = iocb->ki_filp->private_data;
	bool nowait = iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
	struct checkpoint_event event;
	char *environment;
	size_t size;
	int ret;

	spin_lock_irq(&e->wait.lock);
	if (!e->event.type) {
		ret = -EAGAIN;
		if (!nowait)
			ret = wait_event_interruptible_locked_irq(e->wait, e->event.type);
		if (ret) {
			spin_unlock_irq(&e->wait.lock);
			return ret;
		}
	}
	size = sizeof(event) + e->event.environment_len;
	if (iov_iter_count(to) < size) {
		spin_unlock_irq(&e->wait.lock);
		return -EMSGSIZE;
	}
	event = e->event;
	environment = e->environment;
	e->event = (struct checkpoint_event){};
	e->environment = NULL;
	spin_unlock_irq(&e->wait.lock);

	if (!copy_to_iter_full(&event, sizeof(event), to) ||
	    (environment && !copy_to_iter_full(environment, event.environment_len, to))) {
		events_put_back(e, &event, environment);
		return -EFAULT;
	}
	kvfree(environment);
	return size;
}

#ifdef CONFIG_PROC_FS
static void events_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct checkpoint_events *e = file->private_data;

	scoped_guard(spinlock_irq, &e->wait.lock)
		seq_printf(m, "checkpoint-generation: %u\ncheckpoint-event: %u\n", e->generation,
			   e->event.type);
}
#endif

static const struct file_operations events_fops = {
	.owner = THIS_MODULE,
	.llseek = noop_llseek,
	.poll = events_poll,
	.read_iter = events_read,
	.release = events_release,
#ifdef CONFIG_PROC_FS
	.show_fdinfo = events_show_fdinfo,
#endif
};

static struct file *events_file(int flags, u32 generation)
{
	struct checkpoint_events *e __free(kfree) = kzalloc_obj(*e, GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!e)
		return ERR_PTR(-ENOMEM);
	init_waitqueue_head(&e->wait);
	e->generation = generation;
	file = anon_inode_getfile_fmode("[checkpoint]", &events_fops, e, flags | O_RDONLY,
					FMODE_NOWAIT);
	if (!IS_ERR(file))
		retain_and_null_ptr(e);
	return file;
}

/**
 * checkpoint_events_prctl - make a descriptor that tells the caller of checkpoint and restart
 * @flags: O_CLOEXEC and O_NONBLOCK.
 *
 * Returns the descriptor; -EINVAL: @flags has something else; else as of open(2).
 */
int checkpoint_events_prctl(unsigned long flags)
{
	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	return FD_ADD(flags & O_CLOEXEC, events_file(flags & O_NONBLOCK, 0));
}

/**
 * checkpoint_events_get - tell what such a file has
 * @file: An open file.
 * @generation: [out] How many times it was restarted.
 * @missed: [out] How many events wait or were missed before the one that waits.
 *
 * Returns whether it is one.
 */
bool checkpoint_events_get(struct file *file, u32 *generation, u32 *missed)
{
	struct checkpoint_events *e = file->private_data;

	if (file->f_op != &events_fops)
		return false;
	guard(spinlock_irq)(&e->wait.lock);
	*generation = e->generation;
	*missed = e->event.type ? e->event.missed + 1 : 0;
	return true;
}

/**
 * checkpoint_events_make - make such a file, without a descriptor
 * @generation: How many times it was restarted.
 *
 * Returns the open file, or an error pointer.
 */
struct file *checkpoint_events_make(u32 generation)
{
	return events_file(0, generation);
}

/**
 * checkpoint_events_tell - tell an event by such a file
 * @file: The file, for which checkpoint_events_get() returns true.
 * @event: Type, id, time, and how many were missed before it, those apart that the file knows.
 * @environment: What is read with it.
 * @len: Bytes of that.
 *
 * Context: process context; may sleep.
 * Returns 0, or -ENOMEM, which is never so without an environment.
 */
int checkpoint_events_tell(struct file *file, const struct checkpoint_event *event,
			   const void *environment, size_t len)
{
	struct checkpoint_events *e = file->private_data;
	char *copy = NULL;

	if (len) {
		copy = kvmalloc(len, GFP_KERNEL_ACCOUNT);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, environment, len);
	}
	scoped_guard(spinlock_irq, &e->wait.lock) {
		u32 missed = e->event.type ? e->event.missed + 1 : 0;

		e->event = (struct checkpoint_event){
			.size = sizeof(*event),
			.type = event->type,
			.generation = e->generation,
			.missed = event->missed + missed,
			.id = event->id,
			.created_ns = event->created_ns,
			.environment_len = len,
		};
		swap(e->environment, copy);
		wake_up_locked_poll(&e->wait, EPOLLIN | EPOLLRDNORM);
	}
	kvfree(copy);
	return 0;
}
