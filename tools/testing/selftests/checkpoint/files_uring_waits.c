// SPDX-License-Identifier: GPL-2.0
/* io_urings with requests that wait for a file. */
#include "common.h"
#include "uring_waits.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

CKPT_FIXTURE_IF(URING_BEGIN)

static void poll_once(unsigned int flags)
{
	int event = CHECK_SYS(eventfd(0, 0)), other = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, flags));
	waits_for(&u, event, 1, false);
	waits_for(&u, event, 2, false);
	waits_for(&u, other, 3, false);
	uring_submit(&u, 3);
	/* It is open nowhere else, and never has anything to report. */
	close(other);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	signals(event);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	takes_both(&u, 1, POLLIN, 2, POLLIN);
	takes_away(&u, 3);
	uring_works(&u);
}

CKPT_CYCLE(once)
{
	poll_once(0);
}

CKPT_CYCLE(once_cooperative)
{
	poll_once(IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
}

/* What was reported is not reported again, though it is still there. */
CKPT_CYCLE(many)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, true);
	uring_submit(&u, 1);
	signals(event);
	take(&u, 1, POLLIN, true);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	signals(event);
	take(&u, 1, POLLIN, true);
	signals(event);
	take(&u, 1, POLLIN, true);
	takes_away(&u, 1);
	signals(event);
	look(&u);
	uring_works(&u);
}

/* It has other events and another name by now. */
CKPT_CYCLE(updated)
{
	struct io_uring_sqe *sqe;
	struct uring u;
	int fds[2];

	ckpt_pipe(fds, 0);
	CHECK_SYS(uring_make(&u, 8, 0));
	sqe = waits_for(&u, fds[0], 1, true);
	sqe->poll32_events = 0;
	uring_submit(&u, 1);
	sqe = waits_for(&u, -1, 2, false);
	sqe->opcode = IORING_OP_POLL_REMOVE;
	sqe->addr = 1;
	sqe->off = 3;
	sqe->len = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA;
	uring_submit(&u, 1);
	uring_take(&u, 2, 0);
	ckpt_ready_wait();
	CHECK_EQ(1, write(fds[1], "x", 1));
	take(&u, 3, POLLIN, true);
	CHECK_EQ(1, write(fds[1], "y", 1));
	take(&u, 3, POLLIN, true);
	takes_away(&u, 3);
	uring_works(&u);
}

/* A file that is registered. */
CKPT_CYCLE(registered)
{
	int event = CHECK_SYS(eventfd(0, 0)), fds[3] = { -1, event, -1 };
	struct io_uring_rsrc_update update = { .offset = 1 };
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	enroll(&u, IORING_REGISTER_FILES, fds, 3);
	waits_for(&u, 1, 1, true)->flags = IOSQE_FIXED_FILE;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	signals(event);
	take(&u, 1, POLLIN, true);
	/* It keeps the file that is taken away. */
	fds[0] = -1;
	update.data = (uintptr_t)fds;
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_FILES_UPDATE, &update, 1));
	signals(event);
	take(&u, 1, POLLIN, true);
	takes_away(&u, 1);
	uring_works(&u);
}

/* An end of a pipe that only a request has: who reads from it sees no end of it. */
CKPT_CYCLE(pipe_end)
{
	struct uring u;
	int fds[2];
	char c;

	CHECK_SYS(pipe2(fds, O_NONBLOCK));
	CHECK_SYS(uring_make(&u, 4, 0));
	waits_for(&u, fds[1], 1, false)->poll32_events = 0;
	uring_submit(&u, 1);
	close(fds[1]);
	ckpt_ready_wait();
	CHECK(read(fds[0], &c, 1) == -1 && errno == EAGAIN, "read: %s", strerror(errno));
	takes_away(&u, 1);
	CHECK_EQ(0, read(fds[0], &c, 1));
	uring_works(&u);
}

/* It is the task itself that an epoll instance is asked for, which has the signal. */
CKPT_CYCLE(signal_of_epoll)
{
	int epoll = CHECK_SYS(epoll_create1(0));
	struct epoll_event event = { .events = EPOLLIN };
	struct uring u;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, CHECK_SYS(signalfd(-1, &set, 0)), &event));
	CHECK_SYS(uring_make(&u, 4, 0));
	waits_for(&u, epoll, 1, true);
	uring_submit(&u, 1);
	CHECK_SYS(kill(getpid(), SIGUSR1));
	take(&u, 1, POLLIN, true);
	ckpt_ready_wait();
	CHECK_EQ(1, epoll_wait(epoll, &event, 1, 0));
}

/* Without a completion, unless it fails. */
CKPT_CYCLE(silent)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_CQE_SKIP_SUCCESS;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	signals(event);
	look(&u);
	uring_is_empty(&u);
	uring_works(&u);
}

static struct uring shared;
static int shared_event;

static void *submits(void *arg)
{
	(void)arg;
	CHECK_SYS(uring_make(&shared, 8, IORING_SETUP_SINGLE_ISSUER));
	waits_for(&shared, shared_event, 1, true);
	uring_submit(&shared, 1);
	ckpt_step(0);
	ckpt_wait_go();
	signals(shared_event);
	take(&shared, 1, POLLIN, true);
	takes_away(&shared, 1);
	uring_works(&shared);
	return NULL;
}

/* Another thread has submitted it. */
CKPT_CYCLE(of_thread)
{
	pthread_t thread;

	shared_event = CHECK_SYS(eventfd(0, 0));
	CHECK_EQ(0, pthread_create(&thread, NULL, submits, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, pthread_join(thread, NULL));
}

static int waits_too(void *arg)
{
	(void)arg;
	waits_for(&shared, shared_event, 2, false);
	uring_submit(&shared, 1);
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	return 0;
}

/* Two processes have submitted requests to the same ring. */
CKPT_CYCLE(of_processes)
{
	pid_t kid;

	shared_event = CHECK_SYS(eventfd(0, 0));
	CHECK_SYS(uring_make(&shared, 8, 0));
	kid = ckpt_fork(waits_too, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	signals(shared_event);
	take(&shared, 2, POLLIN, false);
	ckpt_step(1);
	ckpt_wait_exit(kid, 0);
	uring_works(&shared);
}

static void *waits(void *arg)
{
	struct uring *u = arg;

	take(u, 1, POLLIN, false);
	return NULL;
}

/* Who waits for the completion goes on. */
CKPT_CYCLE(sleeper, .blocked = { BLOCKED(__NR_io_uring_enter) })
{
	int event = CHECK_SYS(eventfd(0, 0));
	pthread_t thread;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	waits_for(&u, event, 1, false);
	uring_submit(&u, 1);
	CHECK_EQ(0, pthread_create(&thread, NULL, waits, &u));
	ckpt_ready_wait();
	signals(event);
	CHECK_EQ(0, pthread_join(thread, NULL));
	uring_works(&u);
}

/* The work is done when the task asks for it. */
CKPT_CYCLE(deferred)
{
	int event = CHECK_SYS(eventfd(0, 0)), told = CHECK_SYS(eventfd(0, EFD_NONBLOCK));
	struct uring u;
	uint64_t n = 0;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
	enroll(&u, IORING_REGISTER_EVENTFD, &told, 1);
	waits_for(&u, event, 1, true);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	CHECK(read(told, &n, 8) == -1 && errno == EAGAIN, "the eventfd was signalled");
	signals(event);
	uring_is_empty(&u);
	take(&u, 1, POLLIN, true);
	CHECK_EQ(8, read(told, &n, 8));
	takes_away(&u, 1);
	uring_works(&u);
}

TEST_HARNESS_MAIN
