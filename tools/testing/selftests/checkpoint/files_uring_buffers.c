// SPDX-License-Identifier: GPL-2.0
/* io_urings with registered buffers. */
#include "common.h"
#include "uring.h"

#include <fcntl.h>
#include <sys/uio.h>

CKPT_FIXTURE_IF(URING_BEGIN)

/* Reads from @fd at @pos, or writes there, by the buffer @index. */
static void moves(struct uring *u, unsigned int op, int fd, off_t pos, void *addr, unsigned int len,
		  unsigned int index)
{
	struct io_uring_sqe *sqe = uring_prepare(u, op, 1);

	sqe->fd = fd;
	sqe->off = pos;
	sqe->addr = (uintptr_t)addr;
	sqe->len = len;
	sqe->buf_index = index;
	uring_do(u);
}

/* Memory of all kinds, with tags and free places. */
CKPT_CYCLE(buffers)
{
	size_t page = sysconf(_SC_PAGESIZE), i;
	int fd = CHECK_SYS(memfd_create("file", 0));
	char *own = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *all = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct iovec vecs[4] = { { own + 5, 3 * page }, { NULL, 0 }, { all, page }, { NULL, 0 } };
	uint64_t tags[4] = { 77, 0, 0, 0 };
	struct io_uring_rsrc_register reg = {
		.nr = 4, .data = (uintptr_t)vecs, .tags = (uintptr_t)tags,
	};
	struct io_uring_rsrc_update2 update = { .data = (uintptr_t)&vecs[1], .nr = 1 };
	struct uring u;

	CHECK(own != MAP_FAILED && all != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_EQ(4, pwrite(fd, "file", 4, 0));
	strcpy(own + 5, "own");
	strcpy(all, "all");
	CHECK_SYS(uring_make(&u, 8, 0));
	enroll(&u, IORING_REGISTER_BUFFERS2, &reg, sizeof(reg));
	ckpt_ready_wait();
	/* It is the memory that the program sees. */
	CHECK_STREQ("own", own + 5);
	moves(&u, IORING_OP_WRITE_FIXED, fd, 10, own + 5, 3, 0);
	uring_take(&u, 1, 3);
	moves(&u, IORING_OP_READ_FIXED, fd, 0, own + 2 * page, 4, 0);
	uring_take(&u, 1, 4);
	CHECK_STREQ("file", own + 2 * page);
	moves(&u, IORING_OP_READ_FIXED, fd, 10, all + 3, 3, 2);
	uring_take(&u, 1, 3);
	CHECK_STREQ("allown", all);
	/* Only so much, and nothing elsewhere. */
	moves(&u, IORING_OP_READ_FIXED, fd, 0, own + 4, 4, 0);
	uring_take(&u, 1, -EFAULT);
	moves(&u, IORING_OP_READ_FIXED, fd, 0, own + 3 * page + 2, 4, 0);
	uring_take(&u, 1, -EFAULT);
	moves(&u, IORING_OP_READ_FIXED, fd, 0, own + 5, 4, 1);
	uring_take(&u, 1, -EFAULT);
	moves(&u, IORING_OP_READ_FIXED, fd, 0, own + 5, 4, 4);
	uring_take(&u, 1, -EFAULT);
	for (i = 3 * page + 5; i < 4 * page; i++)
		CHECK_EQ(0, own[i]);
	/* The tag is posted when it goes, and a free place can be taken. */
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_BUFFERS_UPDATE, &update,
			    sizeof(update)));
	uring_take(&u, 77, 0);
	update.offset = 3;
	update.data = (uintptr_t)&vecs[2];
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_BUFFERS_UPDATE, &update,
			    sizeof(update)));
	moves(&u, IORING_OP_READ_FIXED, fd, 0, all, 4, 3);
	uring_take(&u, 1, 4);
	CHECK_STREQ("filewn", all);
	enroll(&u, IORING_UNREGISTER_BUFFERS, NULL, 0);
	uring_works(&u);
}

/* Places, and nothing there yet. */
CKPT_CYCLE(places)
{
	static char buffer[64];
	struct iovec vec = { buffer, sizeof(buffer) }, none[2] = { { NULL, 0 }, { NULL, 0 } };
	struct io_uring_rsrc_update2 update = { .data = (uintptr_t)&vec, .nr = 1, .offset = 1 };
	int fd = CHECK_SYS(memfd_create("file", 0));
	struct uring u;

	CHECK_EQ(4, pwrite(fd, "file", 4, 0));
	CHECK_SYS(uring_make(&u, 4, 0));
	enroll(&u, IORING_REGISTER_BUFFERS, none, 2);
	ckpt_ready_wait();
	CHECK(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_BUFFERS, &vec, 1) == -1 &&
	      errno == EBUSY, "other buffers: %s", strerror(errno));
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_BUFFERS_UPDATE, &update,
			    sizeof(update)));
	moves(&u, IORING_OP_READ_FIXED, fd, 0, buffer, 4, 1);
	uring_take(&u, 1, 4);
	CHECK_STREQ("file", buffer);
	uring_works(&u);
}

/* A child has the ring too, whose memory it is not. */
CKPT_CYCLE(buffers_of_parent)
{
	static char buffer[64];
	struct iovec vec = { buffer, sizeof(buffer) };
	int fd = CHECK_SYS(memfd_create("file", 0));
	struct uring u;
	pid_t kid;

	CHECK_EQ(4, pwrite(fd, "file", 4, 0));
	CHECK_SYS(uring_make(&u, 4, 0));
	enroll(&u, IORING_REGISTER_BUFFERS, &vec, 1);
	kid = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	moves(&u, IORING_OP_READ_FIXED, fd, 0, buffer, 4, 0);
	uring_take(&u, 1, 4);
	CHECK_STREQ("file", buffer);
	ckpt_wait_exit(kid, 0);
	uring_works(&u);
}

TEST_HARNESS_MAIN
