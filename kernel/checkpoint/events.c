// SPDX-License-Identifier: GPL-2.0
/*
 * Files that tell programs of checkpoint and restart: prctl(PR_CHECKPOINT_EVENTS).
 *
 * One event is kept for each, the latest: who reads late learns how many it has missed.
 */
#include <linux/anon_inodes.h>
#include <linux/checkpoint.h>
#include <linux/checkpoint_anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/wait.h>

/*
 * What read(2) returns after an event. It is shared by all files of a restart, and does not change.
 */
struct checkpoint_environment {
	refcount_t refs;
	u32 len;
	char bytes[] __counted_by(len);
};

/*
 * What the file has; the lock of @wait guards it.
 * @refs: one of the file, and one of each checkpoint that will tell of its image: the file itself
 *        must be gone when the program has closed it, or it would come out of epoll_wait(2) still.
 * @event: what is to be read next; its type is 0 if nothing is.
 * @environment: what is read with it, if it has any.
 * @generation: how many times the file was restarted.
 */
struct checkpoint_events {
	refcount_t refs;
	wait_queue_head_t wait;
	struct checkpoint_event event;
	struct checkpoint_environment *environment;
	u32 generation;
};

static int events_release(struct inode *inode, struct file *file)
{
	checkpoint_events_put(file->private_data);
	return 0;
}

static __poll_t events_poll(struct file *file, poll_table *table)
{
	struct checkpoint_events *e = file->private_data;

	poll_wait(file, &e->wait, table);
	guard(spinlock_irq)(&e->wait.lock);
	return e->event.type ? EPOLLIN | EPOLLRDNORM : 0;
}

/* So many events were missed, and this one and those before it. */
static u32 events_missed(u32 missed, const struct checkpoint_event *unread)
{
	return min_t(u64, (u64)missed + unread->missed + 1, U32_MAX);
}

/* Makes an event the one that is read next; takes over the reference on its environment. */
static void events_tell(struct checkpoint_events *e, const struct checkpoint_event *event,
			struct checkpoint_environment *environment)
{
	scoped_guard(spinlock_irq, &e->wait.lock) {
		u32 missed = event->missed;

		if (e->event.type)
			missed = events_missed(missed, &e->event);
		e->event = *event;
		e->event.missed = missed;
		swap(e->environment, environment);
		wake_up_locked_poll(&e->wait, EPOLLIN | EPOLLRDNORM);
	}
	checkpoint_environment_put(environment);
}

/* An event that could not be delivered is the next one again, or counts as missed. */
static void events_put_back(struct checkpoint_events *e, const struct checkpoint_event *event,
			    struct checkpoint_environment *environment)
{
	scoped_guard(spinlock_irq, &e->wait.lock) {
		if (!e->event.type) {
			e->event = *event;
			swap(e->environment, environment);
			wake_up_locked_poll(&e->wait, EPOLLIN | EPOLLRDNORM);
		} else {
			e->event.missed = events_missed(e->event.missed, event);
		}
	}
	checkpoint_environment_put(environment);
}

static ssize_t events_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct checkpoint_events *e = iocb->ki_filp->private_data;
	bool nowait = iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
	struct checkpoint_environment *environment;
	struct checkpoint_event event;
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
	    (environment && !copy_to_iter_full(environment->bytes, event.environment_len, to))) {
		events_put_back(e, &event, environment);
		return -EFAULT;
	}
	checkpoint_environment_put(environment);
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
	refcount_set(&e->refs, 1);
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
	*missed = e->event.type ? events_missed(0, &e->event) : 0;
	return true;
}

/**
 * checkpoint_events_pin - keep what such a file tells by
 * @file: An open file.
 *
 * The file may be closed meanwhile: then nobody hears of what is told.
 *
 * Returns it with a reference, for checkpoint_events_put(); NULL: @file is no such file.
 */
struct checkpoint_events *checkpoint_events_pin(struct file *file)
{
	struct checkpoint_events *e = file->private_data;

	if (file->f_op != &events_fops)
		return NULL;
	refcount_inc(&e->refs);
	return e;
}

/**
 * checkpoint_events_put - give up a reference
 * @e: Of checkpoint_events_pin().
 */
void checkpoint_events_put(struct checkpoint_events *e)
{
	if (!refcount_dec_and_test(&e->refs))
		return;
	checkpoint_environment_put(e->environment);
	kfree(e);
}

/**
 * checkpoint_events_saved - tell that an image is complete
 * @e: Of checkpoint_events_pin().
 * @id: The checkpoint.
 * @created_ns: Its time by the wall clock.
 *
 * Context: process context; may sleep.
 */
void checkpoint_events_saved(struct checkpoint_events *e, u64 id, u64 created_ns)
{
	struct checkpoint_event event = {
		.size = sizeof(event),
		.type = CHECKPOINT_EVENT_SAVED,
		.generation = e->generation,
		.id = id,
		.created_ns = created_ns,
	};

	events_tell(e, &event, NULL);
}

/**
 * checkpoint_events_restored - make such a file, without a descriptor, that tells of a restart
 * @generation: How many times it was restarted.
 * @missed: How many events were not read before.
 * @id: The checkpoint that it comes from.
 * @created_ns: The time of that by the wall clock.
 * @environment: What is read with it; NULL: nothing. It gets a reference of its own.
 *
 * Returns the open file, or an error pointer.
 */
struct file *checkpoint_events_restored(u32 generation, u32 missed, u64 id, u64 created_ns,
					struct checkpoint_environment *environment)
{
	struct checkpoint_event event = {
		.size = sizeof(event),
		.type = CHECKPOINT_EVENT_RESTORED,
		.generation = generation,
		.missed = missed,
		.id = id,
		.created_ns = created_ns,
		.environment_len = environment ? environment->len : 0,
	};
	struct file *file = events_file(0, generation);

	if (IS_ERR(file))
		return file;
	if (environment)
		refcount_inc(&environment->refs);
	events_tell(file->private_data, &event, environment);
	return file;
}

/**
 * checkpoint_environment_make - keep what restarted programs are told
 * @bytes: What is copied.
 * @len: Bytes of it.
 *
 * Returns it with a reference, for checkpoint_environment_put(); NULL: there is no memory.
 */
struct checkpoint_environment *checkpoint_environment_make(const void *bytes, u32 len)
{
	struct checkpoint_environment *environment;

	environment = kvmalloc(struct_size(environment, bytes, len), GFP_KERNEL_ACCOUNT);
	if (!environment)
		return NULL;
	refcount_set(&environment->refs, 1);
	environment->len = len;
	memcpy(environment->bytes, bytes, len);
	return environment;
}

/**
 * checkpoint_environment_put - give up a reference
 * @environment: Of checkpoint_environment_make(), or NULL.
 *
 * Context: may sleep.
 */
void checkpoint_environment_put(struct checkpoint_environment *environment)
{
	if (environment && refcount_dec_and_test(&environment->refs))
		kvfree(environment);
}
