/* SPDX-License-Identifier: GPL-2.0 */
/* io_urings with requests that wait for a file. */
#ifndef CKPT_TEST_URING_WAITS_H
#define CKPT_TEST_URING_WAITS_H

#include "uring.h"

#include <poll.h>

/* Waits for @fd, once or @many times. */
__attribute__((unused))
static struct io_uring_sqe *waits_for(struct uring *u, int fd, uint64_t data, bool many)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_POLL_ADD, data);

	sqe->fd = fd;
	sqe->poll32_events = POLLIN;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	sqe->poll32_events = POLLIN << 16;
#endif
	sqe->len = many ? IORING_POLL_ADD_MULTI : 0;
	return sqe;
}

/* Takes a poll request away, which does not wait any more then. */
__attribute__((unused))
static void takes_away(struct uring *u, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_POLL_REMOVE, 900);

	sqe->fd = -1;
	sqe->addr = data;
	uring_submit(u, 1);
	await_one(u);
	look(u);
	uring_take(u, 900, 0);
	take(u, data, -ECANCELED, false);
}

/* Reads two completions, in whatever order. */
__attribute__((unused))
static void takes_both(struct uring *u, uint64_t one, int32_t res, uint64_t other, int32_t other_res)
{
	uint32_t n = *uring_word(u, u->params.cq_off.head);
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes) +
				   (n & (u->params.cq_entries - 1));

	if (cqe->user_data == one) {
		uring_take(u, one, res);
		uring_take(u, other, other_res);
	} else {
		uring_take(u, other, other_res);
		uring_take(u, one, res);
	}
}

/* What a request is to be completed with. */
struct expected {
	uint64_t data;
	int32_t res;
};

/* Reads so many completions, in whatever order. */
__attribute__((unused))
static void takes(struct uring *u, const struct expected *all, unsigned int n)
{
	unsigned int left = n, i;

	while (left--) {
		uint32_t head = *uring_word(u, u->params.cq_off.head);
		struct io_uring_cqe *cqe = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes) +
					   (head & (u->params.cq_entries - 1));

		await_one(u);
		for (i = 0; i < n && all[i].data != cqe->user_data; i++)
			;
		CHECK(i < n, "a completion of %llu", (unsigned long long)cqe->user_data);
		uring_take(u, all[i].data, all[i].res);
	}
	look(u);
	uring_is_empty(u);
}

#define TAKES(u, ...) do {						\
	const struct expected __all[] = { __VA_ARGS__ };		\
									\
	takes(u, __all, sizeof(__all) / sizeof(__all[0]));		\
} while (0)

#endif
