// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings with chains or drained requests that can't be saved, and with waits for futexes in unknown
 * memory.
 */
#include "refuse_uring.h"
#include "uring_waits.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

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
	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
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

/* Waits for the word at @at, which others may have, too. */
static void waits_shared(struct uring *u, const uint32_t *at)
{
	/* IORING_OP_FUTEX_WAIT, for all bits; FUTEX2_SIZE_U32. */
	struct io_uring_sqe *sqe = uring_prepare(u, 51, 7);

	sqe->fd = 2;
	sqe->addr = (uintptr_t)at;
	((uint64_t *)sqe)[6] = ~0u;
	uring_submit(u, 1);
}

/* Cancels what waits. */
static void cancel(struct uring *u)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_ASYNC_CANCEL, 8);

	sqe->addr = 7;
	/* IORING_ASYNC_CANCEL_ALL: it tells how many there were. */
	sqe->cancel_flags = 1;
	uring_submit(u, 1);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u->fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	takes_both(u, 7, -ECANCELED, 8, 1);
}

/* The memory of a futex that others may have too is gone. */
REFUSE(waits_for_unmapped_futex)
{
	uint32_t *at = mmap(NULL, ckpt_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);
	struct uring u;

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	make(&u, 0);
	waits_shared(&u, at);
	CHECK_SYS(munmap(at, ckpt_page()));
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FUTEX_WAIT, user_data "
		     "0x7: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	cancel(&u);
}

/* It was moved to another one in such memory, by an address that is not known. */
REFUSE(waits_for_moved_futex)
{
	uint32_t *at = mmap(NULL, ckpt_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);
	struct uring u;

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	make(&u, 0);
	waits_shared(&u, at);
	CHECK_EQ(1, syscall(__NR_futex, at, FUTEX_CMP_REQUEUE, 0, 1UL, at + 1, 0));
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FUTEX_WAIT, user_data "
		     "0x7: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(1, syscall(__NR_futex, at + 1, FUTEX_WAKE, 1, NULL, NULL, 0));
	take(&u, 7, 0, false);
}

/* It is in a file that is mapped privately, and can't be written to. */
REFUSE(waits_for_futex_of_file)
{
	int fd = CHECK_SYS(memfd_create("futex", 0));
	struct uring u;
	uint32_t *at;

	CHECK_SYS(ftruncate(fd, ckpt_page()));
	at = mmap(NULL, ckpt_page(), PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	make(&u, 0);
	waits_shared(&u, at);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FUTEX_WAIT, user_data "
		     "0x7: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	cancel(&u);
}

/* Of several words one is in memory that is gone. */
REFUSE(waits_for_unmapped_futexes)
{
	/* struct futex_waitv, of which older headers do not know. */
	struct { uint64_t val, uaddr; uint32_t flags, reserved; } waits[] = {
		{ .uaddr = (uintptr_t)&word, .flags = 0x82 },
		{ .flags = 2 },
	};
	uint32_t *at = mmap(NULL, ckpt_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);
	struct io_uring_sqe *sqe;
	struct uring u;

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	make(&u, 0);
	/* IORING_OP_FUTEX_WAITV; FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, and without the second one. */
	waits[1].uaddr = (uintptr_t)at;
	sqe = uring_prepare(&u, 53, 7);
	sqe->addr = (uintptr_t)waits;
	sqe->len = 2;
	uring_submit(&u, 1);
	CHECK_SYS(munmap(at, ckpt_page()));
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FUTEX_WAITV, user_data "
		     "0x7: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(1, syscall(454, &word, ~0u, 1, 0x82));
	take(&u, 7, 0, false);
}

/* One that is to wake it when another request is done. */
REFUSE(chain_that_wakes)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->fd = event;
	sqe->poll_events = POLLIN;
	sqe->flags = IOSQE_IO_LINK;
	/* IORING_OP_FUTEX_WAKE. */
	sqe = uring_prepare(&u, 52, 8);
	sqe->fd = 0x82;
	sqe->addr = (uintptr_t)&word;
	sqe->addr2 = 1;
	((uint64_t *)sqe)[6] = ~0u;
	uring_submit(&u, 2);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FUTEX_WAKE, user_data "
		     "0x8: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	signals(event);
	take(&u, 7, POLLIN, false);
	take(&u, 8, 0, false);
}

/* It comes after all that was submitted before it, and can't be saved. */
REFUSE(drained)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;
	int fds[2];

	make(&u, 0);
	ckpt_pipe(fds, 0);
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->fd = event;
	sqe->poll_events = POLLIN;
	sqe = uring_prepare(&u, IORING_OP_FSYNC, 8);
	sqe->fd = fds[1];
	sqe->flags = IOSQE_IO_DRAIN;
	uring_submit(&u, 2);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_FSYNC, user_data "
		     "0x8: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	signals(event);
	take(&u, 7, POLLIN, false);
	take(&u, 8, -EINVAL, false);
}

/* One has been submitted with other credentials than its task has by now. */
REFUSE(drained_with_credentials)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->fd = event;
	sqe->poll_events = POLLIN;
	uring_prepare(&u, IORING_OP_NOP, 8)->flags = IOSQE_IO_DRAIN;
	uring_submit(&u, 2);
	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_NOP, user_data "
		     "0x8: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	signals(event);
	take(&u, 7, POLLIN, false);
	take(&u, 8, 0, false);
}

TEST_HARNESS_MAIN
