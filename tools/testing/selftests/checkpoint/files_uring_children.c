// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings with requests that wait for children (IORING_OP_WAITID): for one by its number or
 * by a pidfd that is closed since, for any, for one of a process group; that it exits, is left
 * to be waited for, or stops; with a timeout of their own, at the head of a chain or in it, and
 * what cancels them.
 */
#include "common.h"
#include "uring_waits.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

/* Of these older headers do not know. */
#define OP_WAITID	50
#ifndef P_PIDFD
#define P_PIDFD		3
#endif

#define CHILDREN_BEGIN() do {						\
	URING_BEGIN();							\
	if (!uring_has(OP_WAITID))					\
		SKIP(return, "no requests that wait for children");	\
} while (0)

CKPT_FIXTURE_IF(CHILDREN_BEGIN)

static siginfo_t info;

static struct io_uring_sqe *child_request(struct uring *u, int which, int id, int options,
					  uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, OP_WAITID, data);

	sqe->len = which;
	sqe->fd = id;
	sqe->file_index = options;
	sqe->addr2 = (uintptr_t)&info;
	return sqe;
}

/* It exits with a status of its own when the others go on. */
static int exits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return 9;
}

static void has_exited(pid_t kid)
{
	CHECK_EQ(SIGCHLD, info.si_signo);
	CHECK_EQ(kid, info.si_pid);
	CHECK_EQ(CLD_EXITED, info.si_code);
	CHECK_EQ(9, info.si_status);
}

static void is_reaped(pid_t kid)
{
	CHECK_EQ(-1, waitpid(kid, NULL, WNOHANG));
	CHECK_EQ(ECHILD, errno);
}

static void one(unsigned int setup)
{
	struct uring u;
	pid_t kid;

	CHECK_SYS(uring_make(&u, 8, setup));
	kid = ckpt_fork(exits, NULL);
	ckpt_step_wait(0, 1);
	child_request(&u, P_PID, kid, WEXITED, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, 0, false);
	has_exited(kid);
	is_reaped(kid);
	uring_works(&u);
}

CKPT_CYCLE(by_number)
{
	one(0);
}

CKPT_CYCLE(deferred)
{
	one(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

/* The pidfd is another file by now. */
CKPT_CYCLE(by_pidfd)
{
	struct uring u;
	pid_t kid;
	int fd;

	CHECK_SYS(uring_make(&u, 8, 0));
	kid = ckpt_fork(exits, NULL);
	ckpt_step_wait(0, 1);
	fd = CHECK_SYS(syscall(__NR_pidfd_open, kid, 0));
	child_request(&u, P_PIDFD, fd, WEXITED, 1);
	uring_submit(&u, 1);
	close(fd);
	CHECK_EQ(fd, dup(0));
	ckpt_ready_wait();
	take(&u, 1, 0, false);
	has_exited(kid);
	is_reaped(kid);
	uring_works(&u);
}

/* Any child, which is left to be waited for. */
CKPT_CYCLE(any)
{
	struct uring u;
	pid_t kid;

	CHECK_SYS(uring_make(&u, 8, 0));
	kid = ckpt_fork(exits, NULL);
	ckpt_step_wait(0, 1);
	child_request(&u, P_ALL, 0, WEXITED | WNOWAIT, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, 0, false);
	has_exited(kid);
	ckpt_wait_exit(kid, 9);
	uring_works(&u);
}

/* One of a process group: the one that the process is not in. */
CKPT_CYCLE(group)
{
	pid_t kid, other;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	other = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 1);
	kid = ckpt_fork(exits, NULL);
	ckpt_step_wait(0, 2);
	CHECK_SYS(setpgid(kid, kid));
	child_request(&u, P_PGID, kid, WEXITED, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, 0, false);
	has_exited(kid);
	is_reaped(kid);
	ckpt_wait_exit(other, 0);
	uring_works(&u);
}

static int stops(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(raise(SIGSTOP));
	return 0;
}

/* A child stops, and goes on. */
CKPT_CYCLE(stopped)
{
	struct uring u;
	pid_t kid;

	CHECK_SYS(uring_make(&u, 8, 0));
	kid = ckpt_fork(stops, NULL);
	ckpt_step_wait(0, 1);
	child_request(&u, P_PID, kid, WSTOPPED, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, 0, false);
	CHECK_EQ(kid, info.si_pid);
	CHECK_EQ(CLD_STOPPED, info.si_code);
	CHECK_EQ(SIGSTOP, info.si_status);
	CHECK_SYS(kill(kid, SIGCONT));
	ckpt_wait_exit(kid, 0);
	uring_works(&u);
}

/* It waits no longer than its timeout says; the child goes on. */
CKPT_CYCLE(timeout)
{
	struct __kernel_timespec after = { .tv_nsec = 500000000 };
	struct io_uring_sqe *sqe;
	struct uring u;
	pid_t kid;

	CHECK_SYS(uring_make(&u, 8, 0));
	kid = ckpt_fork(stops, NULL);
	ckpt_step_wait(0, 1);
	child_request(&u, P_PID, kid, WEXITED, 1)->flags = IOSQE_IO_LINK;
	sqe = uring_prepare(&u, IORING_OP_LINK_TIMEOUT, 2);
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&after;
	sqe->len = 1;
	uring_submit(&u, 2);
	ckpt_ready_wait();
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	takes_both(&u, 1, -ECANCELED, 2, -ETIME);
	CHECK_EQ(kid, waitpid(kid, NULL, WUNTRACED));
	CHECK_SYS(kill(kid, SIGCONT));
	ckpt_wait_exit(kid, 0);
	uring_works(&u);
}

/* Another request waits for it. */
CKPT_CYCLE(chain)
{
	struct uring u;
	pid_t kid;

	CHECK_SYS(uring_make(&u, 8, 0));
	kid = ckpt_fork(exits, NULL);
	ckpt_step_wait(0, 1);
	child_request(&u, P_PID, kid, WEXITED, 1)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 2);
	uring_submit(&u, 2);
	ckpt_ready_wait();
	take(&u, 1, 0, false);
	take(&u, 2, 0, false);
	has_exited(kid);
	is_reaped(kid);
	uring_works(&u);
}

/* It waits for another request before it does for a child, by its number or by a pidfd. */
static void after_another(int which)
{
	int event = CHECK_SYS(eventfd(0, 0));
	siginfo_t seen = { 0 };
	struct uring u;
	pid_t kid;
	int id;

	CHECK_SYS(uring_make(&u, 8, 0));
	kid = ckpt_fork(exits, NULL);
	ckpt_step_wait(0, 1);
	id = which == P_PIDFD ? CHECK_SYS(syscall(__NR_pidfd_open, kid, 0)) : kid;
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	child_request(&u, which, id, WEXITED, 2)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 3);
	uring_submit(&u, 3);
	ckpt_ready_wait();
	/* It is looked for when it is its turn. */
	CHECK_SYS(waitid(P_PID, kid, &seen, WEXITED | WNOWAIT));
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(0, info.si_pid);
	signals(event);
	take(&u, 1, POLLIN, false);
	take(&u, 2, 0, false);
	take(&u, 3, 0, false);
	has_exited(kid);
	is_reaped(kid);
	uring_works(&u);
}

CKPT_CYCLE(after_another_by_number)
{
	after_another(P_PID);
}

CKPT_CYCLE(after_another_by_pidfd)
{
	after_another(P_PIDFD);
}

/* What the request 2 has come to, which is among the next two: how many it has cancelled. */
static int32_t cancelled_of(struct uring *u)
{
	uint32_t n = *uring_word(u, u->params.cq_off.head), i;
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes);

	for (i = n; i < n + 2; i++) {
		struct io_uring_cqe *cqe = &cqes[i & (u->params.cq_entries - 1)];

		if (cqe->user_data == 2 && cqe->res)
			return 1;
	}
	return 0;
}

CKPT_CYCLE(cancelled)
{
	struct io_uring_sqe *sqe;
	struct uring u;
	pid_t kid;

	CHECK_SYS(uring_make(&u, 8, 0));
	kid = ckpt_fork(stops, NULL);
	ckpt_step_wait(0, 1);
	child_request(&u, P_PID, kid, WEXITED, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	sqe = uring_prepare(&u, IORING_OP_ASYNC_CANCEL, 2);
	sqe->addr = 1;
	sqe->cancel_flags = 1;
	uring_submit(&u, 1);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	/* It may just have looked for a child, which was stopped: then none was waiting. */
	takes_both(&u, 1, -ECANCELED, 2, cancelled_of(&u));
	CHECK_EQ(kid, waitpid(kid, NULL, WUNTRACED));
	CHECK_SYS(kill(kid, SIGCONT));
	ckpt_wait_exit(kid, 0);
	uring_works(&u);
}

TEST_HARNESS_MAIN
