// SPDX-License-Identifier: GPL-2.0
/*
 * Restart of io_urings: requests that wait again, what waits for them, and what is still to be
 * issued.
 */

#include <linux/checkpoint_io_uring.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/percpu_counter.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "io_uring.h"
#include "filetable.h"
#include "futex.h"
#include "net.h"
#include "nop.h"
#include "opdef.h"
#include "poll.h"
#include "rsrc.h"
#include "rw.h"
#include "tctx.h"
#include "timeout.h"
#include "waitid.h"
#include "checkpoint.h"

/**
 * checkpoint_uring_import() - give a new request its memory
 * @req: the request
 * @from: what it is to have
 * @direction: ITER_SOURCE or ITER_DEST
 * @vec: where it keeps pieces of memory
 * @iter: what goes over them
 *
 * As __import_iovec(), which copies from user memory.
 *
 * Return: 0, or an errno; -EFAULT: it is no memory of programs; -EINVAL: it is too much.
 */
int checkpoint_uring_import(struct io_kiocb *req, const struct checkpoint_uring_io *from,
			    int direction, struct iou_vec *vec, struct iov_iter *iter)
{
	struct iovec *copy = NULL;
	size_t total = 0;
	unsigned int i;

	if (from->nr_vecs > UIO_MAXIOV)
		return -EINVAL;
	for (i = 0; i < from->nr_vecs; i++) {
		const struct iovec *v = &from->vecs[i];

		if (v->iov_len > MAX_RW_COUNT - total)
			return -EINVAL;
		if (!access_ok(untagged_addr(v->iov_base), v->iov_len))
			return -EFAULT;
		total += v->iov_len;
	}
	if (from->nr_vecs == 1) {
		iov_iter_ubuf(iter, direction, from->vecs[0].iov_base, total);
		return 0;
	}
	if (from->nr_vecs) {
		copy = kmemdup_array(from->vecs, from->nr_vecs, sizeof(*copy), GFP_KERNEL_ACCOUNT);
		if (!copy)
			return -ENOMEM;
		io_vec_reset_iovec(vec, copy, from->nr_vecs);
		req->flags |= REQ_F_NEED_CLEANUP;
	}
	iov_iter_init(iter, direction, copy, from->nr_vecs, total);
	return 0;
}

/**
 * checkpoint_uring_count_timeouts() - set what timeouts that wait for completions go by
 * @ring: the io_uring, which nobody uses yet and which has no requests
 * @state: what it is to have
 */
void checkpoint_uring_count_timeouts(struct file *ring, const struct checkpoint_uring *state)
{
	struct io_ring_ctx *ctx = ring->private_data;

	raw_spin_lock_irq(&ctx->timeout_lock);
	atomic_set(&ctx->cq_timeouts, state->timeouts);
	ctx->cq_last_tm_flush = state->timeouts_flushed;
	raw_spin_unlock_irq(&ctx->timeout_lock);
}

/* May a new ring have the request? */
static int checkpoint_uring_may_request(struct io_ring_ctx *ctx, struct io_kiocb *req,
					unsigned int sqe_flags)
	__must_hold(&ctx->uring_lock)
{
	/* What the caller of a restart has handed on to its tasks, and so to their rings. */
	const struct io_restriction *inherited = req->tctx->task->io_uring_restrict;

	/*
	 * Not all flags are saved, and the kernel sets some. A request met what its own ring asks
	 * for when it was submitted; what is inherited it may not.
	 */
	if (!inherited || !inherited->op_registered)
		sqe_flags = ctx->restrictions.sqe_flags_required;
	if (!io_check_restriction(ctx, req, sqe_flags) || ctx->bpf_filters)
		return -EACCES;
	if (ctx->flags & IORING_SETUP_R_DISABLED)
		return -EBADFD;
	if (ctx->flags & IORING_SETUP_SINGLE_ISSUER && ctx->submitter_task != req->tctx->task)
		return -EEXIST;
	return 0;
}

/* What all requests have that are made anew. */
struct checkpoint_uring_new {
	struct file *file;	/* or NULL */
	u64 user_data;
	unsigned int index;
	u8 opcode;
	u8 chain;
	bool fixed;
	bool asynchronous;
	bool skip;
	bool drain;
	bool alone;
	bool creds;
	bool select;
};

/*
 * Makes a request of @task, which does not run, as io_init_req(). It is to be completed from
 * then on, whatever becomes of it.
 */
static struct io_kiocb *checkpoint_uring_new(struct io_ring_ctx *ctx, struct task_struct *task,
					     const struct checkpoint_uring_new *from)
	__must_hold(&ctx->uring_lock)
{
	struct io_rsrc_node *node = NULL;
	unsigned int sqe_flags = 0;
	struct io_kiocb *req;
	int ret;

	/* No more than one has to end before others go on, and only as long as some are drained. */
	if (from->alone && (ctx->drain_req || !(ctx->int_flags & IO_RING_F_DRAIN_ACTIVE)))
		return ERR_PTR(-EINVAL);
	if (from->file && from->fixed) {
		node = io_rsrc_node_lookup(&ctx->file_table.data, from->index);
		if (!node || io_slot_file(node) != from->file)
			return ERR_PTR(-EBADF);
	}
	if (!io_alloc_req(ctx, &req))
		return ERR_PTR(-ENOMEM);
	/* One that is issued later gets its file then. */
	if (from->fixed)
		sqe_flags |= IOSQE_FIXED_FILE;
	if (from->asynchronous)
		sqe_flags |= IOSQE_ASYNC;
	if (from->skip)
		sqe_flags |= IOSQE_CQE_SKIP_SUCCESS;
	if (from->drain)
		sqe_flags |= IOSQE_IO_DRAIN;
	if (from->select)
		sqe_flags |= IOSQE_BUFFER_SELECT;
	sqe_flags |= from->chain & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
	req->ctx = ctx;
	req->opcode = from->opcode;
	req->flags = (__force io_req_flags_t)sqe_flags;
	req->cqe.user_data = from->user_data;
	req->cqe.res = 0;
	req->cqe.flags = 0;
	req->file = NULL;
	req->tctx = task->io_uring;
	req->cancel_seq_set = false;
	req->async_data = NULL;
	ret = checkpoint_uring_may_request(ctx, req, sqe_flags);
	if (ret) {
		io_req_add_to_cache(req, ctx);
		return ERR_PTR(ret);
	}
	if (from->skip)
		ctx->int_flags |= IO_RING_F_DRAIN_DISABLED;
	/* As io_prep_async_work(), when it was drained or went to a worker. */
	if (from->creds) {
		req->creds = get_task_cred(task);
		req->flags |= REQ_F_CREDS;
	}
	/* As io_queue_deferred(): it is compared only. */
	if (from->alone)
		ctx->drain_req = req;
	percpu_counter_add(&req->tctx->inflight, 1);
	get_task_struct(task);
	if (node) {
		node->refs++;
		req->file_node = node;
		req->flags |= io_slot_flags(node);
		req->file = io_slot_file(node);
	} else if (from->file) {
		req->file = get_file(from->file);
	}
	return req;
}

/**
 * checkpoint_uring_fail() - complete a request that can't be made
 * @req: the request, which waits for nothing
 * @err: what becomes of it
 *
 * What waits for it is completed, too, and not issued: as io_queue_sqe_fallback() has it, links
 * are no hard ones any more.
 */
void checkpoint_uring_fail(struct io_kiocb *req, int err)
{
	if (req->flags & REQ_F_HARDLINK) {
		req->flags &= ~REQ_F_HARDLINK;
		req->flags |= REQ_F_LINK;
	}
	req_set_fail(req);
	io_req_queue_tw_complete(req, err);
}

/* As io_file_get_normal(), which has an io_uring noted: there is none such in an image. */
static bool checkpoint_uring_may_use(struct file *file)
{
	return !(file->f_mode & FMODE_PATH) && !io_is_uring_fops(file);
}

/* Prepares a new request, if it has a file for that, with the checks of a submission. */
static int checkpoint_uring_prepare(struct io_kiocb *req, const struct checkpoint_uring_io *from)
{
	if (from->select && !io_issue_defs[req->opcode].buffer_select)
		return -EINVAL;
	switch (req->opcode) {
	case IORING_OP_READ_MULTISHOT:
	case IORING_OP_READ:
	case IORING_OP_READV:
	case IORING_OP_WRITE:
	case IORING_OP_WRITEV:
		return io_rw_resume(req, from);
#ifdef CONFIG_NET
	case IORING_OP_ACCEPT:
	case IORING_OP_CONNECT:
	case IORING_OP_RECV:
	case IORING_OP_RECVMSG:
	case IORING_OP_SEND:
	case IORING_OP_SENDMSG:
		return io_net_resume(req, from);
#endif
	}
	return -EINVAL;
}

/*
 * Prepares a new request that is to wait for @prev, if that is there, and otherwise to be issued.
 * @runs: @prev was issued before.
 */
static int checkpoint_uring_prepare_link(struct io_kiocb *req, struct io_kiocb *prev, bool runs,
					 const struct checkpoint_uring_link *from)
{
	struct io_uring_sqe nop = {
		.nop_flags = from->io.op_flags,
		.len = from->io.len,
	};

	if (io_issue_defs[req->opcode].needs_file)
		req->cqe.fd = from->fd;
	switch (req->opcode) {
	case IORING_OP_NOP:
		if (from->io.op_flags & ~IORING_NOP_INJECT_RESULT)
			return -EINVAL;
		return io_nop_prep(req, &nop);
	case IORING_OP_POLL_ADD:
		io_poll_set_events(req, from->events);
		return 0;
	case IORING_OP_TIMEOUT:
		return io_timeout_resume_link(req, from);
	case IORING_OP_LINK_TIMEOUT:
		/* That of a request which was issued runs, any other does not. */
		if (!prev || prev->opcode == IORING_OP_LINK_TIMEOUT || from->armed != runs)
			return -EINVAL;
		return io_link_timeout_resume(req, prev, from);
#ifdef CONFIG_FUTEX
	case IORING_OP_FUTEX_WAIT:
	case IORING_OP_FUTEX_WAITV:
		return io_futex_resume_link(req, from);
#endif
	case IORING_OP_WAITID:
		return io_waitid_resume_link(req, from);
	}
	return checkpoint_uring_prepare(req, &from->io);
}

/* Makes a request that is issued later. It is completed also if that fails. */
static struct io_kiocb *checkpoint_uring_new_link(struct io_ring_ctx *ctx,
						  struct task_struct *task, struct io_kiocb *prev,
						  bool runs,
						  const struct checkpoint_uring_link *from)
	__must_hold(&ctx->uring_lock)
{
	const struct checkpoint_uring_new new = {
		.user_data = from->io.user_data,
		.opcode = from->io.opcode,
		.chain = from->io.chain,
		.fixed = from->io.fixed,
		.asynchronous = from->io.asynchronous,
		.skip = from->io.skip,
		.drain = from->io.drain,
		.alone = from->io.alone,
		.creds = from->io.creds,
		.select = from->io.select,
	};
	struct io_kiocb *req;
	int ret;

	if (from->io.opcode >= IORING_OP_LAST)
		return ERR_PTR(-EINVAL);
	req = checkpoint_uring_new(ctx, task, &new);
	if (IS_ERR(req))
		return req;
	ret = checkpoint_uring_prepare_link(req, prev, runs, from);
	if (!ret)
		return req;
	checkpoint_uring_fail(req, ret);
	return ERR_PTR(ret);
}

/*
 * Has new requests wait for @head, which does not wait for anything yet. All of them are
 * completed also if that fails, @head too. @runs: @head was issued before.
 */
static int checkpoint_uring_add_links(struct io_kiocb *head, struct task_struct *task, bool runs,
				      const struct checkpoint_uring_link *from, unsigned int nr)
	__must_hold(&head->ctx->uring_lock)
{
	struct io_kiocb *req, *prev = head;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr; i++, from++) {
		cond_resched();
		ret = -EINTR;
		if (fatal_signal_pending(current))
			break;
		/* Nobody would look for what comes after it. */
		ret = -EINVAL;
		if (!(prev->flags & IO_REQ_LINK_FLAGS))
			break;
		req = checkpoint_uring_new_link(head->ctx, task, prev, runs && prev == head, from);
		ret = PTR_ERR_OR_ZERO(req);
		if (ret)
			break;
		prev->link = req;
		prev = req;
	}
	if (ret)
		checkpoint_uring_fail(head, ret);
	return ret;
}

/*
 * Starts the timeout that a new request has of its own, when that waits or is to be issued: it
 * finds nothing before, and then the request would wait without it.
 */
static void checkpoint_uring_start_timeout(struct io_kiocb *head)
	__must_hold(&head->ctx->uring_lock)
{
	/* It is not completed as long as the lock is held. */
	if (head->flags & REQ_F_LINK_TIMEOUT)
		io_link_timeout_start(head->link);
}

/* Lets a new request wait, which is completed also if that fails. */
static int checkpoint_uring_resume(struct io_kiocb *req,
				   const struct checkpoint_uring_request *from)
{
	switch (req->opcode) {
	case IORING_OP_POLL_ADD:
		return io_poll_resume(req, from);
#ifdef CONFIG_FUTEX
	case IORING_OP_FUTEX_WAIT:
	case IORING_OP_FUTEX_WAITV:
		return io_futex_resume(req, from);
#endif
	case IORING_OP_WAITID:
		return io_waitid_resume(req, from);
	default:
		return io_timeout_resume(req, from);
	}
}

/**
 * checkpoint_uring_add_request() - let a request wait that was saved
 * @ring: the io_uring, which nobody uses yet
 * @task: who has submitted it; it does not run
 * @from: the request; its pid does not matter
 * @links: those that wait for it
 * @nr: how many
 *
 * It goes on as if @task had submitted it, who is told what comes of it when it runs.
 *
 * Return: 0, or an errno; -EACCES: the ring may have none such; -EBADF: there is no
 * such file; -EINVAL: there is no such request, or the file can't be waited for; -EINTR: the
 * caller was killed.
 */
int checkpoint_uring_add_request(struct file *ring, struct task_struct *task,
				 const struct checkpoint_uring_request *from,
				 const struct checkpoint_uring_link *links, unsigned int nr)
{
	struct io_ring_ctx *ctx = ring->private_data;
	bool polls = from->opcode == IORING_OP_POLL_ADD;
	struct checkpoint_uring_new new = {
		.file = polls ? from->file : NULL,
		.user_data = from->user_data,
		.index = from->index,
		.opcode = from->opcode,
		.chain = from->chain,
		.fixed = from->fixed,
		.asynchronous = from->asynchronous,
		.skip = from->skip,
		.drain = from->drain,
		.alone = from->alone,
		.creds = from->creds,
	};
	struct io_kiocb *req;
	int ret;

	if (!polls && from->opcode != IORING_OP_TIMEOUT && from->opcode != IORING_OP_WAITID &&
	    !(IS_ENABLED(CONFIG_FUTEX) && (from->opcode == IORING_OP_FUTEX_WAIT ||
					   from->opcode == IORING_OP_FUTEX_WAITV)))
		return -EINVAL;
	if (polls && !checkpoint_uring_may_use(from->file))
		return -EBADF;
	ret = io_uring_add_task(ctx, task);
	if (!ret)
		ret = checkpoint_uring_lock(ctx);
	if (ret)
		return ret;
	req = checkpoint_uring_new(ctx, task, &new);
	ret = PTR_ERR_OR_ZERO(req);
	if (!ret)
		ret = checkpoint_uring_add_links(req, task, true, links, nr);
	if (!ret)
		ret = checkpoint_uring_resume(req, from);
	if (!ret)
		checkpoint_uring_start_timeout(req);
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/**
 * checkpoint_uring_add_io() - let a request wait to do something with a file that was saved
 * @ring: the io_uring, which nobody uses yet
 * @task: who has submitted it; it does not run
 * @from: the request; its pid does not matter
 * @links: those that wait for it
 * @nr: how many
 *
 * It is tried by @task when that runs and the file is ready, or can't be waited for.
 *
 * Return: 0, or an errno; -EACCES: the ring may have none such, or its priority is not
 * one of the caller's; -EBADF: there is no such file; -EFAULT: its memory is none of
 * programs; -EINVAL: there is no such request; -EINTR: the caller was killed.
 */
int checkpoint_uring_add_io(struct file *ring, struct task_struct *task,
			    const struct checkpoint_uring_io *from,
			    const struct checkpoint_uring_link *links, unsigned int nr)
{
	struct io_ring_ctx *ctx = ring->private_data;
	struct checkpoint_uring_new new = {
		.file = from->file,
		.user_data = from->user_data,
		.index = from->index,
		.opcode = from->opcode,
		.chain = from->chain,
		.fixed = from->fixed,
		.asynchronous = from->asynchronous,
		.skip = from->skip,
		.drain = from->drain,
		.alone = from->alone,
		.creds = from->creds,
		.select = from->select,
	};
	struct io_kiocb *req;
	int ret;

	if (!checkpoint_uring_may_use(from->file))
		return -EBADF;
	ret = io_uring_add_task(ctx, task);
	if (!ret)
		ret = checkpoint_uring_lock(ctx);
	if (ret)
		return ret;
	req = checkpoint_uring_new(ctx, task, &new);
	if (IS_ERR(req)) {
		ret = PTR_ERR(req);
		goto out;
	}
	ret = checkpoint_uring_prepare(req, from);
	if (ret) {
		checkpoint_uring_fail(req, ret);
		goto out;
	}
	ret = checkpoint_uring_add_links(req, task, true, links, nr);
	if (!ret) {
		io_apoll_resume(req);
		checkpoint_uring_start_timeout(req);
	}
out:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/*
 * Has a new request wait until all that were submitted before it have ended, as io_drain_req().
 * Some of these are there, so there is no need to look whether its turn has come: the kernel does
 * when one ends. It is completed also if that fails.
 */
static int checkpoint_uring_defer(struct io_kiocb *req)
	__must_hold(&req->ctx->uring_lock)
{
	struct io_ring_ctx *ctx = req->ctx;
	struct io_defer_entry *entry;

	entry = kmalloc_obj(*entry, GFP_KERNEL_ACCOUNT);
	if (!entry) {
		checkpoint_uring_fail(req, -ENOMEM);
		return -ENOMEM;
	}
	entry->req = req;
	ctx->nr_drained += io_linked_nr(req);
	list_add_tail(&entry->list, &ctx->defer_list);
	return 0;
}

/**
 * checkpoint_uring_add_chain() - let requests be issued that were not yet
 * @ring: the io_uring, which nobody uses yet
 * @task: who has submitted them; it does not run
 * @links: the first one, and those that wait for it; pids do not matter
 * @nr: how many, at least one
 *
 * The first one is issued when @task runs, or, if it says so, when all have ended that were added
 * before.
 *
 * Return: 0, or an errno; -EACCES: the ring may have none such; -EBUSY: there is nothing before it;
 * -EINVAL: there is no such request; -EINTR: the caller was killed.
 */
int checkpoint_uring_add_chain(struct file *ring, struct task_struct *task,
			       const struct checkpoint_uring_link *links, unsigned int nr)
{
	struct io_ring_ctx *ctx = ring->private_data;
	struct io_kiocb *req;
	int ret;

	ret = io_uring_add_task(ctx, task);
	if (!ret)
		ret = checkpoint_uring_lock(ctx);
	if (ret)
		return ret;
	/* Nobody would ever look for the first one if nothing is there whose end it waits for. */
	if (links->deferred && list_empty(&ctx->defer_list)) {
		__io_req_caches_free(ctx);
		ret = -EBUSY;
		if (!(ctx->int_flags & IO_RING_F_DRAIN_ACTIVE) || !ctx->nr_req_allocated)
			goto out;
	}
	req = checkpoint_uring_new_link(ctx, task, NULL, false, links);
	ret = PTR_ERR_OR_ZERO(req);
	if (ret)
		goto out;
	ret = checkpoint_uring_add_links(req, task, false, links + 1, nr - 1);
	if (ret)
		goto out;
	if (links->deferred)
		ret = checkpoint_uring_defer(req);
	else
		io_req_task_queue(req);
out:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}
