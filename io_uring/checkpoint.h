/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart of io_urings: what its files have in common.
 */
#ifndef IOU_CHECKPOINT_H
#define IOU_CHECKPOINT_H

#include <linux/io_uring_types.h>

struct checkpoint_uring;
struct checkpoint_uring_futex;
struct checkpoint_uring_request;

/* Room for futexes that requests wait for which wait for several. */
struct checkpoint_uring_futexes {
	struct checkpoint_uring_futex *to;
	unsigned int nr;
};

unsigned int checkpoint_uring_list(struct io_ring_ctx *ctx, struct checkpoint_uring *state,
				   struct checkpoint_uring_request *to, unsigned int nr,
				   const struct checkpoint_uring_futexes *futexes);

#endif
