// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings of which somebody else has a part: requests of tasks outside, or that only such may
 * submit, buffers and credentials of others; and requests for what was registered once.
 */
#include "refuse_outside.h"
#include "refuse_uring.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

REFUSE_FIXTURE

/* The test has the ring, and submits what the scenario has prepared. */
static int submits_outside(void *run)
{
	if (take_outside(run))
		return -1;
	return syscall(__NR_io_uring_enter, outside, 1, 0, 0, NULL, 0) == 1 ? 0 : -1;
}

REFUSE(requests_outside, .before = submits_outside, .after = give_back)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	/* Descriptors would be those of who submits. */
	enroll_here(&u, IORING_REGISTER_FILES, &event, 1);
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->poll_events = POLLIN;
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*[io_uring]): the io_uring has requests "
		       "in flight of a task outside: checkpoint that as well", u.fd);
	/* Somebody outside has it, too. */
	expect_more();
	is_taken(u.fd);
	ckpt_step(1);
	ckpt_wait_go();
	look(&u);
	uring_is_empty(&u);
}

/* The test is the one that starts the ring. */
static int enables_outside(void *run)
{
	int ret;

	if (take_outside(run))
		return -1;
	ret = syscall(__NR_io_uring_register, outside, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	return close(outside) || ret ? -1 : 0;
}

REFUSE(issuer_outside, .before = enables_outside)
{
	struct uring u;

	make(&u, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED);
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*[io_uring]): the io_uring only a task "
		       "outside may submit to it: checkpoint that as well", u.fd);
	is_taken(u.fd);
	ckpt_step(1);
	ckpt_wait_go();
	uring_prepare(&u, IORING_OP_NOP, 1);
	CHECK(syscall(__NR_io_uring_enter, u.fd, 1, 0, 0, NULL, 0) == -1 && errno == EEXIST,
	      "io_uring_enter: %s", strerror(errno));
}

/* A ring at 100 that a child has made, which is gone, and has done something with it. */
static void of_child(void (*does)(struct uring *u))
{
	pid_t kid = CHECK_SYS(sys_clone(CLONE_FILES | SIGCHLD));
	struct uring u;
	int status;

	if (!kid) {
		if (uring_make(&u, 4, 0) < 0)
			_exit(1);
		CHECK_EQ(100, dup2(u.fd, 100));
		CHECK_SYS(close(u.fd));
		u.fd = 100;
		if (does)
			does(&u);
		_exit(0);
	}
	CHECK_EQ(kid, waitpid(kid, &status, 0));
	CHECK(WIFEXITED(status), "status %#x", status);
	if (WEXITSTATUS(status))
		not_here();
}

static const struct uring of_the_child = { .fd = 100 };

static void is_there(void)
{
	CHECK_EQ(0, syscall(__NR_io_uring_enter, of_the_child.fd, 0, 0, 0, NULL, 0));
}

REFUSE(made_by_another)
{
	static char buffer[64];
	struct iovec vec = { buffer, sizeof(buffer) };

	of_child(NULL);
	CHECK_SYS(syscall(__NR_io_uring_register, 100, IORING_REGISTER_BUFFERS, &vec, 1));
	EXPECT_URING(&of_the_child, "has registered buffers, and was made by another process than "
		     "this one, or before that has executed its program: have it unregister them");
	ckpt_ready_wait();
	is_there();
}

static void registers_as_another(struct uring *u)
{
	if (unshare(CLONE_NEWUSER))
		_exit(1);
	CHECK_SYS(syscall(__NR_io_uring_register, u->fd, IORING_REGISTER_PERSONALITY, NULL, 0));
}

REFUSE(personality_of_another)
{
	of_child(registers_as_another);
	EXPECT_URING(&of_the_child, "has a personality with another user namespace, unknown ids, "
		     "keyrings of its own, or another confinement: have it unregister that");
	expect_more();
	ckpt_ready_wait();
	is_there();
}

/* It waits for a file that was registered, in whose place there is none any more. */
REFUSE(file_of_once)
{
	int event = CHECK_SYS(eventfd(0, 0)), none = -1;
	struct io_uring_files_update update = { .fds = (uintptr_t)&none };
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	enroll_here(&u, IORING_REGISTER_FILES, &event, 1);
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->poll_events = POLLIN;
	uring_submit(&u, 1);
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_FILES_UPDATE,
			    &update, 1));
	EXPECT_URING(&u, "has a request in flight, user_data 0x7, that waits for a file that was "
		     "registered and is not any more: have it cancel that");
	expect_more();
	ckpt_ready_wait();
	signals(event);
	take(&u, 7, POLLIN, false);
}

TEST_HARNESS_MAIN
