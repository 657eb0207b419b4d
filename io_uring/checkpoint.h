/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart of io_urings: what its files have in common.
 */
#ifndef IOU_CHECKPOINT_H
#define IOU_CHECKPOINT_H

#include <linux/io_uring_types.h>
#include <linux/mutex.h>

struct checkpoint_uring;
struct checkpoint_uring_futex;
struct checkpoint_uring_io;
struct checkpoint_uring_request;
struct checkpoint_uring_room;
struct iovec;

/* Room for futexes that requests wait for which wait for several. */
struct checkpoint_uring_futexes {
	struct checkpoint_uring_futex *to;
	unsigned int nr;
};

/*
 * Locks a ring that a task of a restart has: who has got at it (pidfd_getfd(2)), and registers
 * something with it, may keep it locked in the midst of a page fault that user space answers when
 * it likes. -EINTR: the caller was killed.
 */
static inline int checkpoint_uring_lock(struct io_ring_ctx *ctx)
	__cond_acquires(0, &ctx->uring_lock)
{
	return mutex_lock_killable(&ctx->uring_lock);
}

unsigned int checkpoint_uring_list(struct io_ring_ctx *ctx, struct checkpoint_uring *state,
				   struct checkpoint_uring_request *to, unsigned int nr,
				   const struct checkpoint_uring_futexes *futexes);

bool checkpoint_uring_needs_more(const struct io_kiocb *req);
bool checkpoint_uring_is_io(const struct io_kiocb *req);
unsigned int checkpoint_uring_vecs(const struct io_kiocb *req, struct iovec *to);
void checkpoint_uring_describe_op(struct io_kiocb *req, struct checkpoint_uring_io *to);

bool checkpoint_uring_is_turn(const struct io_kiocb *req);
void checkpoint_uring_chains(struct io_ring_ctx *ctx, struct checkpoint_uring *state,
			     const struct checkpoint_uring_room *room);

#endif
