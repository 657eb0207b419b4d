// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint of io_urings: the requests that were prepared and not issued yet. They wait for
 * another one in a chain; or for their task, as their turn has come; or, drained, until all that
 * were submitted before them have ended.
 */

#include <linux/checkpoint_io_uring.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/pid.h>
#include <linux/uio.h>

#include "io_uring.h"
#include "futex.h"
#include "nop.h"
#include "opdef.h"
#include "poll.h"
#include "timeout.h"
#include "waitid.h"
#include "checkpoint.h"

/**
 * checkpoint_uring_is_turn() - is a request to be issued when its task asks what there is to do?
 * @req: a request of the list of such work of its ring
 *
 * Return: it is, and was not issued before.
 */
bool checkpoint_uring_is_turn(const struct io_kiocb *req)
{
	return req->io_task_work.func == io_req_task_submit && !req->file;
}

/*
 * Can a request be told of that was not issued, and comes after @prev, if that is there? @runs:
 * @prev was issued.
 */
static bool checkpoint_uring_is_link(struct io_kiocb *req, const struct io_kiocb *prev, bool runs)
	__must_hold(&req->ctx->timeout_lock)
{
	if (checkpoint_uring_needs_more(req) || req->flags & (REQ_F_LINK_TIMEOUT | REQ_F_FAIL) ||
	    (prev && !(prev->flags & IO_REQ_LINK_FLAGS)))
		return false;
	switch (req->opcode) {
	case IORING_OP_NOP:
		return io_nop_is_plain(req);
	case IORING_OP_POLL_ADD:
	case IORING_OP_TIMEOUT:
	case IORING_OP_WAITID:
		return true;
#ifdef CONFIG_FUTEX
	case IORING_OP_FUTEX_WAIT:
	case IORING_OP_FUTEX_WAITV:
		return io_futex_is_plain(req);
#endif
	case IORING_OP_LINK_TIMEOUT:
		/* That of a request which was issued runs, any other does not. */
		return prev && prev->flags & (runs ? REQ_F_LINK_TIMEOUT : REQ_F_ARM_LTIMEOUT);
	}
	return checkpoint_uring_is_io(req);
}

/* Tells of a request that was not issued, but for its memory. It has no file yet. */
static void checkpoint_uring_describe_link(struct io_kiocb *req, const struct io_kiocb *head,
					   bool runs, struct checkpoint_uring_link *to,
					   struct checkpoint_uring_futex *futexes)
{
	checkpoint_uring_describe_op(req, &to->io);
	to->head = head;
	to->io.fixed = req->flags & REQ_F_FIXED_FILE;
	if (io_issue_defs[req->opcode].needs_file)
		to->fd = req->cqe.fd;
	switch (req->opcode) {
	case IORING_OP_NOP:
		io_nop_describe(req, &to->io);
		break;
	case IORING_OP_POLL_ADD:
		to->events = io_poll_events(req);
		break;
	case IORING_OP_TIMEOUT:
	case IORING_OP_LINK_TIMEOUT:
		to->armed = runs && req->opcode == IORING_OP_LINK_TIMEOUT;
		io_timeout_describe_link(req, to);
		break;
#ifdef CONFIG_FUTEX
	case IORING_OP_FUTEX_WAIT:
	case IORING_OP_FUTEX_WAITV:
		io_futex_describe_link(req, to, futexes);
		break;
#endif
	case IORING_OP_WAITID:
		io_waitid_describe_link(req, to);
		break;
	}
}

/* How many futexes a request is to wait for, if these are told of apart from it. */
static unsigned int checkpoint_uring_futexes(const struct io_kiocb *req)
{
#ifdef CONFIG_FUTEX
	return io_futex_count(req);
#else
	return 0;
#endif
}

/*
 * Counts a request of the chain of @head that was not issued, and tells of it if there is @room.
 * @runs: the one before it was issued. Returns where it is told of, or %NULL.
 */
static struct checkpoint_uring_link *
checkpoint_uring_count_link(struct io_kiocb *req, const struct io_kiocb *head, bool runs,
			    struct checkpoint_uring *state,
			    const struct checkpoint_uring_room *room)
	__must_hold(&head->ctx->timeout_lock)
{
	unsigned int vecs = checkpoint_uring_vecs(req, NULL);
	unsigned int futexes = checkpoint_uring_futexes(req);
	struct checkpoint_uring_link *to = NULL;

	if (room && state->links < room->links && state->link_vecs + vecs <= room->nr_vecs &&
	    state->link_futexes + futexes <= room->nr_futexes) {
		to = &room->to[state->links];
		checkpoint_uring_describe_link(req, head, runs, to,
					       room->futexes + state->link_futexes);
		to->io.vecs = &room->vecs[state->link_vecs];
		to->io.nr_vecs = vecs;
		checkpoint_uring_vecs(req, to->io.vecs);
	}
	state->links++;
	state->link_vecs += vecs;
	state->link_futexes += futexes;
	return to;
}

/* The same of those that come after @head. @runs: that was issued. */
static void checkpoint_uring_count_chain(struct io_kiocb *head, bool runs,
					 struct checkpoint_uring *state,
					 const struct checkpoint_uring_room *room)
	__must_hold(&head->ctx->timeout_lock)
{
	struct io_kiocb *req, *prev = head;

	for (req = head->link; req; prev = req, req = req->link) {
		bool first = runs && prev == head;

		if (checkpoint_uring_is_link(req, prev, first))
			checkpoint_uring_count_link(req, head, first, state, room);
		else
			checkpoint_uring_note(state, req);
	}
}

/**
 * checkpoint_uring_chain() - tell of the requests that wait for another one
 * @head: that, which was issued
 * @state: gets how many there are
 * @room: where to tell of them, as far as there is room; %NULL: they are counted only
 */
void checkpoint_uring_chain(struct io_kiocb *head, struct checkpoint_uring *state,
			    const struct checkpoint_uring_room *room)
	__must_hold(&head->ctx->completion_lock)
	__must_hold(&head->ctx->timeout_lock)
{
	checkpoint_uring_count_chain(head, true, state, room);
}

/* The same, of a request that is found without these locks. */
static void checkpoint_uring_chain_of(struct io_kiocb *head, struct checkpoint_uring *state,
				      const struct checkpoint_uring_room *room)
	__must_hold(&head->ctx->uring_lock)
{
	struct io_ring_ctx *ctx = head->ctx;

	/* Only who has the lock of the ring adds something to it. */
	if (!head->link)
		return;
	spin_lock(&ctx->completion_lock);
	raw_spin_lock_irq(&ctx->timeout_lock);
	checkpoint_uring_chain(head, state, room);
	raw_spin_unlock_irq(&ctx->timeout_lock);
	spin_unlock(&ctx->completion_lock);
}

/*
 * Counts a request that is first of its chain and was not issued, with what comes after it, and
 * tells of them if there is @room.
 */
static void checkpoint_uring_count_head(struct io_kiocb *head, bool deferred,
					struct checkpoint_uring *state,
					const struct checkpoint_uring_room *room)
	__must_hold(&head->ctx->uring_lock)
{
	struct io_ring_ctx *ctx = head->ctx;
	struct checkpoint_uring_link *to;

	/* In the same order as of one that was issued. */
	spin_lock(&ctx->completion_lock);
	raw_spin_lock_irq(&ctx->timeout_lock);
	if (checkpoint_uring_is_link(head, NULL, false)) {
		to = checkpoint_uring_count_link(head, head, false, state, room);
		if (to)
			to->deferred = deferred;
		checkpoint_uring_count_chain(head, false, state, room);
	} else {
		checkpoint_uring_note(state, head);
	}
	raw_spin_unlock_irq(&ctx->timeout_lock);
	spin_unlock(&ctx->completion_lock);
}

/**
 * checkpoint_uring_chains() - tell of the requests that were not issued yet
 * @ctx: their ring
 * @state: gets how many there are
 * @room: where to tell of them, as far as there is room; %NULL: they are counted only
 *
 * Those of a chain come in their order, one right after the other. Chains of which none was
 * issued come last: those whose turn has come, and then the drained ones, in their order.
 */
void checkpoint_uring_chains(struct io_ring_ctx *ctx, struct checkpoint_uring *state,
			     const struct checkpoint_uring_room *room)
	__must_hold(&ctx->uring_lock)
{
	struct io_defer_entry *entry;
	struct llist_node *node;
	struct io_kiocb *req;
	unsigned int i;

	state->links = 0;
	state->link_vecs = 0;
	state->link_futexes = 0;
	for (i = 0; i < 1U << ctx->cancel_table.hash_bits; i++)
		hlist_for_each_entry(req, &ctx->cancel_table.hbs[i].list, hash_node)
			checkpoint_uring_chain_of(req, state, room);
#ifdef CONFIG_FUTEX
	hlist_for_each_entry(req, &ctx->futex_list, hash_node)
		checkpoint_uring_chain_of(req, state, room);
#endif
	hlist_for_each_entry(req, &ctx->waitid_list, hash_node)
		checkpoint_uring_chain_of(req, state, room);
	io_timeouts_chains(ctx, state, room);
	list_for_each_entry(req, &ctx->turns, iopoll_node)
		checkpoint_uring_count_head(req, false, state, room);
	/* Whoever takes something off the list has the lock; others add to it. */
	for (node = ctx->work_head; node; node = READ_ONCE(node->next)) {
		req = container_of(node, struct io_kiocb, io_task_work.node);
		if (node != &ctx->work_list.stub && checkpoint_uring_is_turn(req))
			checkpoint_uring_count_head(req, false, state, room);
	}
	list_for_each_entry(entry, &ctx->defer_list, list)
		checkpoint_uring_count_head(entry->req, true, state, room);
}

/**
 * checkpoint_uring_links() - get the requests of an io_uring that were not issued yet
 * @file: its file
 * @state: what checkpoint_uring_get() has found
 * @to: zeroed room for them
 * @vecs: room for the pieces of their memory, to which they point then
 * @futexes: room for those that requests are to wait for which wait for several
 *
 * They come in the order of checkpoint_uring_chains().
 *
 * Return: 0, and the caller owns a reference on the pid of each; -EBUSY: somebody uses the
 * io_uring, or a request has ended since.
 */
int checkpoint_uring_links(struct file *file, const struct checkpoint_uring *state,
			   struct checkpoint_uring_link *to, struct iovec *vecs,
			   struct checkpoint_uring_futex *futexes)
{
	const struct checkpoint_uring_room room = {
		.to = to,
		.links = state->links,
		.vecs = vecs,
		.nr_vecs = state->link_vecs,
		.futexes = futexes,
		.nr_futexes = state->link_futexes,
	};
	struct io_ring_ctx *ctx = file->private_data;
	struct checkpoint_uring now = { };
	unsigned int i;
	int ret = 0;

	if (!mutex_trylock(&ctx->uring_lock))
		return -EBUSY;
	__io_req_caches_free(ctx);
	checkpoint_uring_chains(ctx, &now, &room);
	/* None is added while the tasks do not run: if there are as many they are the same. */
	if (now.links != state->links || now.link_vecs != state->link_vecs ||
	    now.link_futexes != state->link_futexes ||
	    ctx->nr_req_allocated != state->requests + state->ios + state->links ||
	    ctx->cached_cq_tail != state->cq_tail)
		ret = -EBUSY;
	mutex_unlock(&ctx->uring_lock);
	for (i = 0; ret && i < state->links; i++)
		put_pid(to[i].io.pid);
	return ret;
}
