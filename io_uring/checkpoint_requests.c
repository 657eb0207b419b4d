// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint of io_urings: the requests that were issued, and wait.
 */

#include <linux/checkpoint_io_uring.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/uio.h>

#include "io_uring.h"
#include "futex.h"
#include "net.h"
#include "poll.h"
#include "rsrc.h"
#include "rw.h"
#include "timeout.h"
#include "waitid.h"
#include "checkpoint.h"

/**
 * checkpoint_uring_needs_more() - does a request need what can't be told of?
 * @req: a request of a task that does not run
 *
 * Return: it needs the end of the task to be noted, or other credentials than that has.
 */
bool checkpoint_uring_needs_more(const struct io_kiocb *req)
{
	/* What waits for a private futex has its own address space noted. */
	if (req->flags & REQ_F_INFLIGHT && req->opcode != IORING_OP_FUTEX_WAIT &&
	    req->opcode != IORING_OP_FUTEX_WAITV)
		return true;
	/* Who drains it, or hands it to workers, notes those of the task. Only that gets others. */
	return req->flags & REQ_F_CREDS && req->creds != rcu_access_pointer(req->tctx->task->cred);
}

/**
 * checkpoint_uring_is_plain() - is there nothing to a request but what it waits for, and its chain?
 * @req: a request that waits
 *
 * Return: it was issued, with the timeout of its own if it has one, and needs neither
 * credentials nor the end of the task to be noted.
 */
bool checkpoint_uring_is_plain(const struct io_kiocb *req)
{
	return !checkpoint_uring_needs_more(req) && !(req->flags & REQ_F_ARM_LTIMEOUT);
}

/**
 * checkpoint_uring_note() - note a request that can't be read
 * @state: where; the first one stays
 * @req: the request
 */
void checkpoint_uring_note(struct checkpoint_uring *state, const struct io_kiocb *req)
{
	if (state->busy_name)
		return;
	state->busy_name = io_uring_get_opcode(req->opcode);
	state->busy_data = req->cqe.user_data;
}

/* How a request is linked with the one after it, as of its SQE. */
static u8 checkpoint_uring_chain_flags(const struct io_kiocb *req)
{
	return (req->flags & REQ_F_LINK ? IOSQE_IO_LINK : 0) |
	       (req->flags & REQ_F_HARDLINK ? IOSQE_IO_HARDLINK : 0);
}

/**
 * checkpoint_uring_describe() - tell of a request what all have
 * @req: the request
 * @to: where to
 */
void checkpoint_uring_describe(struct io_kiocb *req, struct checkpoint_uring_request *to)
{
	/* It has not exited: its requests are cancelled before. */
	to->pid = get_task_pid(req->tctx->task, PIDTYPE_PID);
	to->id = req;
	to->user_data = req->cqe.user_data;
	to->opcode = req->opcode;
	to->asynchronous = req->flags & REQ_F_FORCE_ASYNC;
	/* A timeout that has expired is marked as failed, and then has the other one of these. */
	to->skip = req->flags & (REQ_F_CQE_SKIP | REQ_F_SKIP_LINK_CQES);
	to->drain = req->flags & REQ_F_IO_DRAIN;
	to->alone = req->ctx->drain_req == req;
	to->creds = req->flags & REQ_F_CREDS;
	to->chain = checkpoint_uring_chain_flags(req);
}

/* Notes whether the task that alone may submit has work that is for no request of a list. */
static void checkpoint_uring_look_at_work(struct io_ring_ctx *ctx, struct checkpoint_uring *state)
	__must_hold(&ctx->uring_lock)
{
	/* Whoever takes something off the list has the lock; others add to it. */
	struct llist_node *node = ctx->work_head, *last = node;

	for (; node; node = READ_ONCE(node->next)) {
		struct io_kiocb *req = container_of(node, struct io_kiocb, io_task_work.node);

		last = node;
		if (node == &ctx->work_list.stub)
			continue;
		/* What waits for something is listed, too; or else in a chain. */
		if (req->io_task_work.func != io_poll_task_func && !io_timeout_has_expired(req) &&
		    !io_link_timeout_has_expired(req) && !io_waitid_has_work(req) &&
		    !io_futex_has_work(req) && !checkpoint_uring_is_turn(req))
			state->other_work = true;
	}
	/* Something is just being added. */
	if (last != READ_ONCE(ctx->work_list.tail))
		state->other_work = true;
}

/**
 * checkpoint_uring_is_io() - is a request one that does something with a file, and can be told of?
 * @req: a request that has met a file that was not ready, or was not issued
 *
 * Return: it is.
 */
bool checkpoint_uring_is_io(const struct io_kiocb *req)
{
	/* One that has selected a buffer keeps it: it has got a part of what it waits for. */
	if (req->flags & (REQ_F_BUFFER_SELECTED | REQ_F_BUFFER_RING | REQ_F_BUF_NODE |
			  REQ_F_IMPORT_BUFFER | REQ_F_HAS_METADATA | REQ_F_MULTISHOT |
			  REQ_F_FAIL | REQ_F_NOWAIT))
		return false;
	switch (req->opcode) {
	case IORING_OP_READ_MULTISHOT:
	case IORING_OP_READ:
	case IORING_OP_READV:
	case IORING_OP_WRITE:
	case IORING_OP_WRITEV:
		return io_rw_is_plain(req);
#ifdef CONFIG_NET
	case IORING_OP_ACCEPT:
	case IORING_OP_CONNECT:
	case IORING_OP_RECV:
	case IORING_OP_RECVMSG:
	case IORING_OP_SEND:
	case IORING_OP_SENDMSG:
		return io_net_is_plain(req);
#endif
	}
	return false;
}

/* The memory of such a request, or NULL. */
static const struct iov_iter *checkpoint_uring_iter(const struct io_kiocb *req)
{
	/* It gets a buffer when there is something for it. */
	if (req->flags & REQ_F_BUFFER_SELECT)
		return NULL;
	switch (req->opcode) {
	case IORING_OP_READ:
	case IORING_OP_READV:
	case IORING_OP_WRITE:
	case IORING_OP_WRITEV:
		return io_rw_iter(req);
	}
#ifdef CONFIG_NET
	return io_net_iter(req);
#else
	return NULL;
#endif
}

/**
 * checkpoint_uring_vecs() - tell of the pieces of memory that are left of a request
 * @req: the request
 * @to: where to; or %NULL
 *
 * Return: how many there are.
 */
unsigned int checkpoint_uring_vecs(const struct io_kiocb *req, struct iovec *to)
{
	const struct iov_iter *iter = checkpoint_uring_iter(req);
	size_t left, len, offset;
	unsigned int i;

	if (!iter)
		return 0;
	left = iov_iter_count(iter);
	if (iter_is_ubuf(iter)) {
		if (to) {
			to->iov_base = iter->ubuf + iter->iov_offset;
			to->iov_len = left;
		}
		return 1;
	}
	offset = iter->iov_offset;
	for (i = 0; to && i < iter->nr_segs; i++) {
		const struct iovec *from = &iter_iov(iter)[i];

		len = min(from->iov_len - offset, left);
		to[i].iov_base = from->iov_base + offset;
		to[i].iov_len = len;
		left -= len;
		offset = 0;
	}
	return iter->nr_segs;
}

/* Notes one of those that wait for something else. */
static void checkpoint_uring_note_others(struct io_ring_ctx *ctx, struct checkpoint_uring *state)
	__must_hold(&ctx->uring_lock)
{
	struct io_kiocb *req;

	hlist_for_each_entry(req, &ctx->cancelable_uring_cmd, hash_node)
		checkpoint_uring_note(state, req);
}

/* Tells of the requests that wait for children, as checkpoint_uring_list(). */
static unsigned int checkpoint_uring_list_children(struct io_ring_ctx *ctx,
						   struct checkpoint_uring *state,
						   struct checkpoint_uring_request *to,
						   unsigned int found, unsigned int nr)
	__must_hold(&ctx->uring_lock)
{
	struct io_kiocb *req;

	hlist_for_each_entry(req, &ctx->waitid_list, hash_node) {
		if (!checkpoint_uring_is_plain(req) ||
		    !io_waitid_describe(req, found < nr ? &to[found] : NULL)) {
			checkpoint_uring_note(state, req);
			continue;
		}
		if (found < nr)
			checkpoint_uring_describe(req, &to[found]);
		found++;
	}
	return found;
}

/* Tells of the requests that wait for futexes, as checkpoint_uring_list(). */
static unsigned int checkpoint_uring_list_futexes(struct io_ring_ctx *ctx,
						  struct checkpoint_uring *state,
						  struct checkpoint_uring_request *to,
						  unsigned int found, unsigned int nr,
						  const struct checkpoint_uring_futexes *room)
	__must_hold(&ctx->uring_lock)
{
#ifdef CONFIG_FUTEX
	struct io_kiocb *req;

	state->futexes = 0;
	hlist_for_each_entry(req, &ctx->futex_list, hash_node) {
		unsigned int n = io_futex_count(req);
		bool tell = found < nr && state->futexes + n <= room->nr;

		if (!checkpoint_uring_is_plain(req) ||
		    !io_futex_describe(req, tell ? &to[found] : NULL,
				       tell ? room->to + state->futexes : NULL)) {
			checkpoint_uring_note(state, req);
			continue;
		}
		if (tell)
			checkpoint_uring_describe(req, &to[found]);
		state->futexes += n;
		found++;
	}
#endif
	return found;
}

/**
 * checkpoint_uring_describe_op() - tell of a request what is to be done, but for file and memory
 * @req: the request
 * @to: where to
 */
void checkpoint_uring_describe_op(struct io_kiocb *req, struct checkpoint_uring_io *to)
{
	to->pid = get_task_pid(req->tctx->task, PIDTYPE_PID);
	to->id = req;
	to->user_data = req->cqe.user_data;
	to->opcode = req->opcode;
	to->asynchronous = req->flags & REQ_F_FORCE_ASYNC;
	to->skip = req->flags & REQ_F_CQE_SKIP;
	to->drain = req->flags & REQ_F_IO_DRAIN;
	to->alone = req->ctx->drain_req == req;
	to->creds = req->flags & REQ_F_CREDS;
	to->select = req->flags & REQ_F_BUFFER_SELECT;
	to->chain = checkpoint_uring_chain_flags(req);
	switch (req->opcode) {
	case IORING_OP_READ_MULTISHOT:
	case IORING_OP_READ:
	case IORING_OP_READV:
	case IORING_OP_WRITE:
	case IORING_OP_WRITEV:
		io_rw_describe(req, to);
		break;
#ifdef CONFIG_NET
	case IORING_OP_ACCEPT:
	case IORING_OP_CONNECT:
	case IORING_OP_RECV:
	case IORING_OP_RECVMSG:
	case IORING_OP_SEND:
	case IORING_OP_SENDMSG:
		io_net_describe(req, to);
		break;
#endif
	}
}

/* Tells of a request that waits to do something with a file, but for its memory. */
static void checkpoint_uring_describe_io(struct io_kiocb *req, struct checkpoint_uring_io *to)
{
	checkpoint_uring_describe_op(req, to);
	to->file = get_file(req->file);
	to->node = req->file_node;
	to->fixed = req->file_node;
}

/*
 * Tells of the requests that wait for a file or a time, up to @nr; what is beyond is counted
 * only. Returns how many there are. Counts those that wait to do something with a file, too.
 */
unsigned int checkpoint_uring_list(struct io_ring_ctx *ctx, struct checkpoint_uring *state,
				   struct checkpoint_uring_request *to, unsigned int nr,
				   const struct checkpoint_uring_futexes *futexes)
	__must_hold(&ctx->uring_lock)
{
	unsigned int i, found = 0;
	struct io_kiocb *req;

	state->ios = 0;
	state->vecs = 0;
	for (i = 0; i < 1U << ctx->cancel_table.hash_bits; i++) {
		hlist_for_each_entry(req, &ctx->cancel_table.hbs[i].list, hash_node) {
			bool polls = req->opcode == IORING_OP_POLL_ADD;

			if (io_poll_is_cancelled(req) || !checkpoint_uring_is_plain(req) ||
			    (!polls && !checkpoint_uring_is_io(req))) {
				checkpoint_uring_note(state, req);
				continue;
			}
			if (!polls) {
				state->ios++;
				state->vecs += checkpoint_uring_vecs(req, NULL);
				continue;
			}
			if (found < nr) {
				checkpoint_uring_describe(req, &to[found]);
				io_poll_describe(req, &to[found]);
			}
			found++;
		}
	}
	checkpoint_uring_note_others(ctx, state);
	checkpoint_uring_chains(ctx, state, NULL);
	found = checkpoint_uring_list_futexes(ctx, state, to, found, nr, futexes);
	found = checkpoint_uring_list_children(ctx, state, to, found, nr);
	checkpoint_uring_look_at_work(ctx, state);
	return io_timeouts_describe(ctx, state, to, found, nr);
}

/**
 * checkpoint_uring_requests() - get the requests of an io_uring that wait
 * @file: its file
 * @state: what checkpoint_uring_get() has found; gets the counters of timeouts
 * @to: zeroed room for them
 * @futexes: room for those that requests wait for which wait for several; they point to it then
 *
 * Return: 0, and the caller owns references on the pid and the file of each, if it
 * has one; -EBUSY: somebody uses the io_uring, or a request has ended since.
 */
int checkpoint_uring_requests(struct file *file, struct checkpoint_uring *state,
			      struct checkpoint_uring_request *to,
			      struct checkpoint_uring_futex *futexes)
{
	const struct checkpoint_uring_futexes room = { .to = futexes, .nr = state->futexes };
	struct io_ring_ctx *ctx = file->private_data;
	unsigned int i, found, nr = state->requests, ios = state->ios;
	unsigned int links = state->links, link_vecs = state->link_vecs;

	if (!mutex_trylock(&ctx->uring_lock))
		return -EBUSY;
	__io_req_caches_free(ctx);
	found = checkpoint_uring_list(ctx, state, to, nr, &room);
	if (ctx->nr_req_allocated != found + ios + links || state->ios != ios ||
	    state->links != links || state->link_vecs != link_vecs || state->futexes != room.nr ||
	    ctx->cached_cq_tail != state->cq_tail)
		nr = UINT_MAX;
	mutex_unlock(&ctx->uring_lock);
	if (found == nr)
		return 0;
	for (i = 0; i < min(found, state->requests); i++) {
		if (to[i].file)
			fput(to[i].file);
		put_pid(to[i].pid);
	}
	return -EBUSY;
}

/**
 * checkpoint_uring_ios() - get the requests of an io_uring that wait to do something with a file
 * @file: its file
 * @state: what checkpoint_uring_get() has found
 * @to: zeroed room for them
 * @vecs: room for the pieces of their memory, to which they point then
 *
 * Their tasks do not run, and so none of them goes on.
 *
 * Return: 0, and the caller owns references on the pid and the file of each; -EBUSY:
 * somebody uses the io_uring, or a request has ended since.
 */
int checkpoint_uring_ios(struct file *file, const struct checkpoint_uring *state,
			 struct checkpoint_uring_io *to, struct iovec *vecs)
{
	struct io_ring_ctx *ctx = file->private_data;
	unsigned int i, n, ios = 0, pieces = 0;
	struct checkpoint_uring now = { };
	struct io_kiocb *req;
	int ret = -EBUSY;

	if (!mutex_trylock(&ctx->uring_lock))
		return ret;
	checkpoint_uring_list(ctx, &now, NULL, 0, NULL);
	if (now.ios != state->ios || now.vecs != state->vecs)
		goto out;
	for (i = 0; i < 1U << ctx->cancel_table.hash_bits; i++) {
		hlist_for_each_entry(req, &ctx->cancel_table.hbs[i].list, hash_node) {
			if (req->opcode == IORING_OP_POLL_ADD || io_poll_is_cancelled(req) ||
			    !checkpoint_uring_is_plain(req) || !checkpoint_uring_is_io(req))
				continue;
			n = checkpoint_uring_vecs(req, NULL);
			/* A file that is gone may have cancelled one. */
			if (ios == state->ios || n > state->vecs - pieces)
				goto put;
			checkpoint_uring_describe_io(req, &to[ios]);
			checkpoint_uring_vecs(req, &vecs[pieces]);
			to[ios].vecs = &vecs[pieces];
			to[ios].nr_vecs = n;
			pieces += n;
			ios++;
		}
	}
	if (ios == state->ios && pieces == state->vecs)
		ret = 0;
put:
	/* Not under the lock: a file may be the last reference of something that needs it. */
	mutex_unlock(&ctx->uring_lock);
	for (i = 0; ret && i < ios; i++) {
		fput(to[i].file);
		put_pid(to[i].pid);
	}
	return ret;
out:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}
