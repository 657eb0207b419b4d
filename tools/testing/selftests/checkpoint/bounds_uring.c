// SPDX-License-Identifier: GPL-2.0
/*
 * What can't be registered with an io_uring, or be waited for, in images that are right otherwise:
 * it is refused with the reason, and nothing is left.
 */
#include "fault.h"
#include "uring.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

static void wait_for(struct uring *u, int fd, unsigned int flags)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_POLL_ADD, 1);

	sqe->fd = fd;
	sqe->poll_events = POLLIN;
	sqe->flags = flags;
	uring_submit(u, 1);
}

/* Requests for a registered file, beside which there is room for another, a pipe, and a message; a buffer. */
CKPT_SCENARIO(waiting)
{
	static char buffer[64];
	struct iovec vec = { buffer, sizeof(buffer) };
	struct msghdr msg = { .msg_iov = &vec, .msg_iovlen = 1 };
	int event = CHECK_SYS(eventfd(0, 0)), files[2] = { event, -1 };
	struct io_uring_sqe *sqe;
	uint64_t one = 1;
	struct uring u;
	int fds[2], ends[2];

	ckpt_pipe(fds, 0);
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	CHECK_SYS(uring_make(&u, 4, 0));
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_FILES, files, 2));
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_BUFFERS, &vec, 1));
	wait_for(&u, 0, IOSQE_FIXED_FILE);
	sqe = uring_prepare(&u, IORING_OP_READ, 2);
	sqe->fd = fds[0];
	sqe->addr = (uintptr_t)buffer;
	sqe->len = 1;
	sqe->off = -1ULL;
	uring_submit(&u, 1);
	sqe = uring_prepare(&u, IORING_OP_RECVMSG, 3);
	sqe->fd = ends[0];
	sqe->addr = (uintptr_t)&msg;
	sqe->len = 1;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	CHECK_EQ(1, write(fds[1], "x", 1));
	take(&u, 2, 1, false);
	CHECK_EQ('x', buffer[0]);
	CHECK_EQ(1, write(ends[1], "y", 1));
	take(&u, 3, 1, false);
	CHECK_EQ('y', buffer[0]);
	CHECK_EQ(8, write(event, &one, sizeof(one)));
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	uring_take(&u, 1, POLLIN);
	uring_works(&u);
}

static struct ckpt_run run;
static struct image im;
static int image = -1;

/* Where the buffer, the request that waits, the one that reads, and what these and the message are. */
static size_t buffer_at, request_at, io_at, read_at, message_at;

FIXTURE(bounds) { int unused; };

FIXTURE_SETUP(bounds)
{
	size_t at;

	URING_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &waiting, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) == IMAGE_KIND_URING_BUFFERS)
			buffer_at = image_payload(&im, at);
		if (image_get(&im, at, 2) == IMAGE_KIND_URING_REQUESTS)
			request_at = image_payload(&im, at);
		if (image_get(&im, at, 2) != IMAGE_KIND_URING_IO)
			continue;
		if (image_get(&im, at + RECORD_LEN + IMAGE_AT(uring_io, op), 4) ==
		    IORING_OP_RECVMSG) {
			message_at = at + RECORD_LEN;
		} else {
			read_at = at + RECORD_LEN;
			io_at = image_payload(&im, at);
		}
	}
	ASSERT_NE(0u, buffer_at);
	ASSERT_NE(0u, request_at);
	ASSERT_NE(0u, io_at);
	ASSERT_NE(0u, message_at);
}

FIXTURE_TEARDOWN(bounds)
{
	if (run.board)
		ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(bounds, buffers, CKPT_TIMEOUT)
{
	size_t len = buffer_at + IMAGE_AT(uring_buffer, len);

	/* 1 GiB, of which most is no memory. */
	ASSERT_EQ(0, image_hostile(&run, &im, image, len, 1u << 30, 4,
				   "there is no memory that can be written"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_F_TIMEOUT(bounds, requests, CKPT_TIMEOUT)
{
	size_t index = request_at + IMAGE_AT(uring_request, index);

	ASSERT_EQ(0, image_hostile(&run, &im, image, index, 1, 4,
				   "it waits for a file that is not registered there"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* Memory of the kernel, or what is none; each address of s390 is one of programs, too. */
#define KERNEL_MEMORY	0xffff888000000000
#ifdef __s390__
#define ALL_IS_USER_MEMORY	true
#else
#define ALL_IS_USER_MEMORY	false
#endif

TEST_F_TIMEOUT(bounds, io, CKPT_TIMEOUT)
{
	if (ALL_IS_USER_MEMORY)
		SKIP(return, "each address is one of programs");
	ASSERT_EQ(0, image_hostile(&run, &im, image, io_at + IMAGE_AT(uring_vec, addr),
				   KERNEL_MEMORY, 8,
				   "its memory is none that a program can have"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* Flags and lengths of what has come are written to the message, without a further look. */
TEST_F_TIMEOUT(bounds, message, CKPT_TIMEOUT)
{
	if (ALL_IS_USER_MEMORY)
		SKIP(return, "each address is one of programs");
	ASSERT_EQ(0, image_hostile(&run, &im, image, message_at + IMAGE_AT(uring_io, addr),
				   KERNEL_MEMORY, 8,
				   "its memory is none that a program can have"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* A message of a pipe, which is no socket. */
TEST_F_TIMEOUT(bounds, no_socket, CKPT_TIMEOUT)
{
	uint64_t pipe = image_get(&im, read_at + IMAGE_AT(uring_io, file), 4);

	ASSERT_EQ(0, image_hostile(&run, &im, image, message_at + IMAGE_AT(uring_io, file), pipe,
				   4, "there is no such request"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_HARNESS_MAIN
