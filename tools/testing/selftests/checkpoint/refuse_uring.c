// SPDX-License-Identifier: GPL-2.0
/* io_urings that have something in flight, or what can't be saved, or were set up in other ways. */
#include "refuse.h"
#include "uring.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

REFUSE_FIXTURE

#define EXPECT_URING(u, what)						\
	EXPECT_FD((u)->fd, "*[io_uring]", "the io_uring " what)

static void make(struct uring *u, unsigned int flags)
{
	if (uring_make(u, 4, flags) < 0) {
		CHECK(errno == ENOSYS || errno == EPERM || errno == EINVAL, "io_uring_setup: %s",
		      strerror(errno));
		not_here();
	}
}

static void enroll(struct uring *u, unsigned int op, void *arg, unsigned int nr)
{
	CHECK_HERE(syscall(__NR_io_uring_register, u->fd, op, arg, nr));
}

REFUSE(in_flight)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	uint64_t one = 1;
	struct uring u;

	make(&u, 0);
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->fd = event;
	sqe->poll_events = POLLIN;
	uring_submit(&u, 1);
	EXPECT_URING(&u, "has requests in flight: have it wait for them, or cancel them");
	expect_refusal(getpid(), UNSUPPORTED, "has requests of io_uring in flight: have it wait for "
		       "them, or cancel them");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(8, write(event, &one, sizeof(one)));
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	uring_take(&u, 7, POLLIN);
}

REFUSE(registered_buffers)
{
	static char buffer[64];
	struct iovec vec = { buffer, sizeof(buffer) };
	struct uring u;

	make(&u, 0);
	enroll(&u, IORING_REGISTER_BUFFERS, &vec, 1);
	EXPECT_URING(&u, "has registered or provided buffers: have it unregister them");
	expect_more();
	ckpt_ready_wait();
	uring_works(&u);
}

REFUSE(provided_buffers)
{
	static char buffer[64];
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	sqe = uring_prepare(&u, IORING_OP_PROVIDE_BUFFERS, 1);
	sqe->fd = 1;
	sqe->addr = (uintptr_t)buffer;
	sqe->len = sizeof(buffer);
	uring_submit(&u, 1);
	uring_take(&u, 1, 0);
	EXPECT_URING(&u, "has registered or provided buffers: have it unregister them");
	ckpt_ready_wait();
	uring_works(&u);
}

REFUSE(workers)
{
	unsigned int limits[2] = { 1, 1 };
	struct uring u;

	make(&u, 0);
	enroll(&u, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
	EXPECT_URING(&u, "has settings for its workers: start it without them");
	ckpt_ready_wait();
	uring_works(&u);
}

REFUSE(bound_workers)
{
	unsigned long cpus = 1;
	struct uring u;

	make(&u, 0);
	enroll(&u, IORING_REGISTER_IOWQ_AFF, &cpus, sizeof(cpus));
	EXPECT_URING(&u, "has settings for its workers: start it without them");
	ckpt_ready_wait();
	uring_works(&u);
}

/* The file of the eventfd is closed: who is told of completions is not to be seen any more. */
REFUSE(closed_eventfd)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	make(&u, 0);
	enroll(&u, IORING_REGISTER_EVENTFD, &event, 1);
	close(event);
	EXPECT_URING(&u, "has registered an eventfd that no task has open: have it unregister that");
	ckpt_ready_wait();
	uring_works(&u);
}

static void *makes_and_exits(void *arg)
{
	return uring_make(arg, 4, IORING_SETUP_SINGLE_ISSUER) < 0 ? arg : NULL;
}

/* Who alone may submit is gone. */
REFUSE(issuer_gone)
{
	pthread_t thread;
	struct uring u;
	void *failed;

	CHECK_EQ(0, pthread_create(&thread, NULL, makes_and_exits, &u));
	CHECK_EQ(0, pthread_join(thread, &failed));
	if (failed)
		not_here();
	EXPECT_URING(&u, "may be used by a task only that has exited: have it closed");
	ckpt_ready_wait();
	CHECK(syscall(__NR_io_uring_enter, u.fd, 1, 0, 0, NULL, 0) == -1 && errno == EEXIST,
	      "io_uring_enter: %s", strerror(errno));
}

/* A task that may not register anything hands that on to what it makes. */
REFUSE(task_restrictions)
{
	struct {
		uint16_t flags, nr;
		uint32_t reserved[3];
		struct io_uring_restriction only;
	} task = {
		.nr = 1,
		.only = {
			.opcode = IORING_RESTRICTION_REGISTER_OP,
			.register_op = IORING_REGISTER_PROBE,
		},
	};
	struct uring u;

	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (syscall(__NR_io_uring_register, -1, IORING_REGISTER_RESTRICTIONS, &task, 1))
		not_here();
	make(&u, 0);
	EXPECT_URING(&u, "has restrictions of the task that made it: start that without them");
	expect_more();
	ckpt_ready_wait();
	uring_works(&u);
}

REFUSE(ring_descriptors)
{
	struct io_uring_rsrc_update update = { .offset = -1U };
	struct uring u;

	make(&u, 0);
	update.data = u.fd;
	enroll(&u, IORING_REGISTER_RING_FDS, &update, 1);
	expect_refusal(getpid(), UNSUPPORTED, "has registered descriptors of io_uring: have it "
		       "unregister them");
	expect_more();
	ckpt_ready_wait();
	uring_works(&u);
}

/* More completions than there is room for: the kernel keeps the others. */
REFUSE(overflow)
{
	struct uring u;
	uint32_t i;

	make(&u, 0);
	for (i = 0; i < u.params.cq_entries + 1; i++) {
		uring_prepare(&u, IORING_OP_NOP, i);
		uring_submit(&u, 1);
	}
	EXPECT_URING(&u, "has completions for which there was no room: have it read some");
	ckpt_ready_wait();
	for (i = 0; i < u.params.cq_entries; i++)
		uring_take(&u, i, 0);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
	uring_take(&u, i, 0);
	uring_works(&u);
}

REFUSE(part)
{
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned long start;
	struct uring u;

	/* Two pages of entries of which the second is left. */
	if (uring_make(&u, 2 * page / 64, 0) < 0)
		not_here();
	start = (uintptr_t)u.sqes;
	CHECK_SYS(munmap(u.sqes, page));
	expect_refusal(getpid(), UNSUPPORTED, "mapping %lx-%lx: is a part of the memory of an io_uring: "
		       "have it map all of that", start + page, start + 2 * page);
	ckpt_ready_wait();
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 0, 0, NULL, 0));
}

TEST_HARNESS_MAIN
