// SPDX-License-Identifier: GPL-2.0
/* io_urings with chains that can't be saved, and with waits for futexes of other kinds than private ones. */
#include "refuse_uring.h"

#include <poll.h>
#include <sys/eventfd.h>

REFUSE_FIXTURE

/* What waits for another request is to do what can't be saved. */
REFUSE(chain)
{
	struct io_uring_sqe *sqe;
	struct uring u;
	char c = 0;
	int fds[2];

	make(&u, 0);
	ckpt_pipe(fds, 0);
	sqe = uring_prepare(&u, IORING_OP_READ, 7);
	sqe->fd = fds[0];
	sqe->addr = (uintptr_t)&c;
	sqe->len = 1;
	sqe->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 8)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_FSYNC, 9)->fd = fds[1];
	uring_submit(&u, 3);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FSYNC, user_data "
		     "0x9: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(1, write(fds[1], "z", 1));
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 3, IORING_ENTER_GETEVENTS, NULL, 0));
	uring_take(&u, 7, 1);
	uring_take(&u, 8, 0);
	uring_take(&u, 9, -EINVAL);
}

/* It is to have other credentials than its task. */
REFUSE(chain_with_credentials)
{
	int event = CHECK_SYS(eventfd(0, 0)), id;
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	id = CHECK_HERE(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->fd = event;
	sqe->poll_events = POLLIN;
	sqe->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 8)->personality = id;
	uring_submit(&u, 2);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_NOP, user_data "
		     "0x8: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	signals(event);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	uring_take(&u, 7, POLLIN);
	uring_take(&u, 8, 0);
}

static uint32_t word;

/* It waits for a word of memory that others may have, too. */
REFUSE(waits_for_futex)
{
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	/* IORING_OP_FUTEX_WAIT, for all bits; FUTEX2_SIZE_U32. */
	sqe = uring_prepare(&u, 51, 7);
	sqe->fd = 2;
	sqe->addr = (uintptr_t)&word;
	((uint64_t *)sqe)[6] = ~0u;
	uring_submit(&u, 1);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FUTEX_WAIT, user_data "
		     "0x7: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(1, syscall(454, &word, ~0u, 1, 2));
	take(&u, 7, 0, false);
}

/* It waits for one of several words. */
REFUSE(waits_for_futexes)
{
	/* struct futex_waitv, of which older headers do not know. */
	struct { uint64_t val, uaddr; uint32_t flags, reserved; } waits = {
		.uaddr = (uintptr_t)&word,
		.flags = 0x82,
	};
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	/* IORING_OP_FUTEX_WAITV; FUTEX2_SIZE_U32 | FUTEX2_PRIVATE. */
	sqe = uring_prepare(&u, 53, 7);
	sqe->addr = (uintptr_t)&waits;
	sqe->len = 1;
	uring_submit(&u, 1);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FUTEX_WAITV, user_data "
		     "0x7: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(1, syscall(454, &word, ~0u, 1, 0x82));
	take(&u, 7, 0, false);
}

/* One that is to wait for it when another request is done. */
REFUSE(chain_with_futex)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->fd = event;
	sqe->poll_events = POLLIN;
	sqe->flags = IOSQE_IO_LINK;
	sqe = uring_prepare(&u, 51, 8);
	sqe->fd = 0x82;
	sqe->addr = (uintptr_t)&word;
	sqe->addr2 = 1;
	((uint64_t *)sqe)[6] = ~0u;
	uring_submit(&u, 2);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FUTEX_WAIT, user_data "
		     "0x8: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	signals(event);
	take(&u, 7, POLLIN, false);
	take(&u, 8, -EAGAIN, false);
}

TEST_HARNESS_MAIN
