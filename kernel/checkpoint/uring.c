// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that work for io_urings: the one that submits (IORING_SETUP_SQPOLL).
 * What they are stands in headers that are private to io_uring/.
 */
#include <linux/checkpoint_io_uring.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/io_uring_types.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "../../io_uring/io_uring.h"
#include "../../io_uring/sqpoll.h"

/**
 * checkpoint_uring_read_thread() - read what the thread is that submits for an io_uring
 * @ctx: the io_uring, which has one
 * @state: where to
 *
 * Return: 0; -EBUSY: somebody uses it; CHECKPOINT_URING_THREAD: it has ended, or serves
 * other io_urings as well.
 */
int checkpoint_uring_read_thread(struct io_ring_ctx *ctx, struct checkpoint_uring *state)
{
	struct io_sq_data *sqd = ctx->sq_data;
	int ret = CHECKPOINT_URING_THREAD;
	struct task_struct *thread;

	/* It does not hold that while it is frozen. */
	if (!mutex_trylock(&sqd->lock))
		return -EBUSY;
	thread = sqpoll_task_locked(sqd);
	if (thread && list_is_singular(&sqd->ctx_list)) {
		u64 idle = (u64)ctx->sq_thread_idle * MSEC_PER_SEC;

		state->thread = thread;
		state->thread_idle = min_t(u64, div_u64(idle, HZ), INT_MAX);
		state->thread_cpu = ctx->flags & IORING_SETUP_SQ_AFF ? sqd->sq_cpu : 0;
		ret = 0;
	}
	mutex_unlock(&sqd->lock);
	return ret;
}

/**
 * checkpoint_uring_shares() - does a task share what the thread of an io_uring has?
 * @file: the io_uring
 * @task: the task, which does not run
 *
 * Return: 1: it is of the same process, and both have the same files, root and working
 * directory; 0: it is not so; -EBUSY: somebody uses it.
 */
int checkpoint_uring_shares(struct file *file, struct task_struct *task)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct io_sq_data *sqd = ctx->sq_data;
	struct task_struct *thread;
	int ret = 0;

	/* It is set for as long as the file is open. */
	if (!sqd)
		return 0;
	if (!mutex_trylock(&sqd->lock))
		return -EBUSY;
	thread = sqpoll_task_locked(sqd);
	if (thread && thread != task)
		ret = thread->signal == task->signal &&
		      READ_ONCE(thread->files) == READ_ONCE(task->files) &&
		      READ_ONCE(thread->fs) == READ_ONCE(task->fs);
	mutex_unlock(&sqd->lock);
	return ret;
}

/**
 * checkpoint_uring_is_thread() - is a thread one that submits for io_urings?
 * @task: a thread with PF_IO_WORKER
 *
 * Return: it is, and not one that works on requests.
 */
bool checkpoint_uring_is_thread(struct task_struct *task)
{
	return !READ_ONCE(task->worker_private);
}

/**
 * checkpoint_uring_add_thread() - give an io_uring the thread that submits for it
 * @ring: the io_uring, which the current task has made and nobody uses yet
 * @state: what it is to be
 *
 * The thread shares what the current task has now, and has the credentials that the
 * io_uring was made with. It does nothing before checkpoint_uring_start().
 *
 * Return: 0, or an errno as of io_uring_setup(2). -EINVAL: it may not have that CPU.
 */
int checkpoint_uring_add_thread(struct file *ring, const struct checkpoint_uring *state)
{
	struct io_uring_params p = {
		.flags = state->setup & (IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF),
		.sq_thread_cpu = state->thread_cpu,
		.sq_thread_idle = state->thread_idle,
	};
	struct io_ring_ctx *ctx = ring->private_data;
	const struct cred *old;
	int ret;

	/* As io_uring_sanitise_params(), which has seen the others. */
	if (!(p.flags & IORING_SETUP_SQPOLL) || ctx->sq_data || ctx->mm_account != current->mm ||
	    ctx->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
			  IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SQ_REWIND))
		return -EINVAL;
	mutex_lock(&ctx->uring_lock);
	ctx->flags |= p.flags | IORING_SETUP_R_DISABLED;
	/* As io_uring_create(). */
	ctx->notify_method = TWA_SIGNAL_NO_IPI;
	ctx->int_flags &= ~IO_RING_F_SYSCALL_IOPOLL;
	mutex_unlock(&ctx->uring_lock);
	old = override_creds(ring->f_cred);
	ret = io_sq_offload_create(ctx, &p);
	revert_creds(old);
	return ret;
}

/**
 * checkpoint_uring_start() - let the thread of an io_uring go
 * @ring: the io_uring, which has one
 * @enabled: it may submit
 */
void checkpoint_uring_start(struct file *ring, bool enabled)
{
	struct io_ring_ctx *ctx = ring->private_data;

	/* As io_register_enable_rings(); it has its issuer by now. */
	if (enabled)
		smp_store_release(&ctx->flags, ctx->flags & ~IORING_SETUP_R_DISABLED);
	if (ctx->sq_data)
		wake_up(&ctx->sq_data->wait);
}
