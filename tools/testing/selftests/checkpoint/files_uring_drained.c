// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings with requests that are drained (IOSQE_IO_DRAIN): they, and what is submitted after them,
 * wait until all before them have ended; alone, in chains, with one in the midst of a chain, and of
 * each kind that can wait so; one that was issued, for whose end others wait; with the credentials
 * that their task had when it submitted them. And requests that workers have issued (IOSQE_ASYNC).
 */
#include "common.h"
#include "uring_waits.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define DEFERRED	(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

/* Of these older headers do not know. */
#define OP_WAITID	50
#define OP_FUTEX_WAIT	51
#define U32_PRIVATE	0x82	/* FUTEX2_SIZE_U32 | FUTEX2_PRIVATE */

CKPT_FIXTURE_IF(URING_BEGIN)

/* How many requests of the ring wait for a file. */
static int polled(struct uring *u)
{
	char name[64], line[256];
	int n = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", u->fd);
	f = fopen(name, "r");
	CHECK(f, "%s: %s", name, strerror(errno));
	while (fgets(line, sizeof(line), f))
		n += !strncmp(line, "  op=", 5);
	fclose(f);
	return n;
}

/* Waits until a worker has let so many wait for a file. */
static void await_polled(struct uring *u, int n)
{
	while (polled(u) != n)
		sched_yield();
}

/* Whatever is submitted next may go to a worker. */
static void works_again(struct uring *u)
{
	uring_prepare(u, IORING_OP_NOP, 999);
	uring_submit(u, 1);
	take(u, 999, 0, false);
	uring_works(u);
}

static void in_order(unsigned int setup)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, setup));
	waits_for(&u, event, 1, false);
	uring_prepare(&u, IORING_OP_NOP, 2)->flags = IOSQE_IO_DRAIN;
	uring_prepare(&u, IORING_OP_NOP, 3);
	uring_prepare(&u, IORING_OP_NOP, 4)->flags = IOSQE_IO_DRAIN;
	uring_submit(&u, 4);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	/* What comes now waits, too. */
	uring_prepare(&u, IORING_OP_NOP, 5);
	uring_submit(&u, 1);
	look(&u);
	uring_is_empty(&u);
	signals(event);
	take(&u, 1, POLLIN, false);
	take(&u, 2, 0, false);
	take(&u, 3, 0, false);
	take(&u, 4, 0, false);
	take(&u, 5, 0, false);
	works_again(&u);
}

CKPT_CYCLE(order)
{
	in_order(0);
}

CKPT_CYCLE(order_deferred)
{
	in_order(DEFERRED);
}

/* A drained one was issued, by a worker, and waits for an eventfd; returns that. */
static int waits_drained(struct uring *u)
{
	int event = CHECK_SYS(eventfd(0, 0));

	CHECK_SYS(uring_make(u, 8, 0));
	waits_for(u, event, 1, false)->flags = IOSQE_IO_DRAIN;
	uring_submit(u, 1);
	await_polled(u, 1);
	return event;
}

/* What was submitted after it waits for its end, and what comes later. */
CKPT_CYCLE(issued)
{
	struct uring u;
	int event = waits_drained(&u);

	uring_prepare(&u, IORING_OP_NOP, 2);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	uring_prepare(&u, IORING_OP_NOP, 3);
	uring_submit(&u, 1);
	look(&u);
	uring_is_empty(&u);
	signals(event);
	take(&u, 1, POLLIN, false);
	TAKES(&u, { 2, 0 }, { 3, 0 });
	works_again(&u);
}

/* Nothing waits for its end yet: what is submitted later does. */
CKPT_CYCLE(issued_alone)
{
	struct uring u;
	int event = waits_drained(&u);

	ckpt_ready_wait();
	uring_prepare(&u, IORING_OP_NOP, 2);
	uring_submit(&u, 1);
	look(&u);
	uring_is_empty(&u);
	signals(event);
	take(&u, 1, POLLIN, false);
	take(&u, 2, 0, false);
	works_again(&u);
}

/* When it has ended nothing waits any more: what comes then is done at once. */
CKPT_CYCLE(issued_and_over)
{
	struct uring u;
	int event = waits_drained(&u);

	ckpt_ready_wait();
	signals(event);
	take(&u, 1, POLLIN, false);
	uring_works(&u);
}

/* Its turn has come, and the task has not asked since. */
CKPT_CYCLE(turn_not_told)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, DEFERRED));
	waits_for(&u, event, 1, false);
	uring_prepare(&u, IORING_OP_NOP, 2)->flags = IOSQE_IO_DRAIN;
	uring_prepare(&u, IORING_OP_NOP, 3);
	uring_submit(&u, 3);
	signals(event);
	take(&u, 1, POLLIN, false);
	ckpt_ready_wait();
	take(&u, 2, 0, false);
	take(&u, 3, 0, false);
	works_again(&u);
}

/* A chain waits as a whole, and what comes after it for its end. */
CKPT_CYCLE(chain)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;
	int fds[2];
	char c = 0;

	ckpt_pipe(fds, 0);
	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false);
	uring_prepare(&u, IORING_OP_NOP, 2)->flags = IOSQE_IO_DRAIN | IOSQE_IO_LINK;
	sqe = uring_prepare(&u, IORING_OP_READ, 3);
	sqe->fd = fds[0];
	sqe->addr = (uintptr_t)&c;
	sqe->len = 1;
	sqe->flags = IOSQE_IO_HARDLINK;
	uring_prepare(&u, IORING_OP_NOP, 4);
	uring_prepare(&u, IORING_OP_NOP, 5)->flags = IOSQE_IO_DRAIN;
	uring_submit(&u, 5);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	signals(event);
	take(&u, 1, POLLIN, false);
	take(&u, 2, 0, false);
	await_polled(&u, 1);
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(1, write(fds[1], "z", 1));
	take(&u, 3, 1, false);
	take(&u, 4, 0, false);
	take(&u, 5, 0, false);
	CHECK_EQ('z', c);
	works_again(&u);
}

/* One in the midst of a chain drains the chain, and the next request after that. */
CKPT_CYCLE(midst)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 2)->flags = IOSQE_IO_DRAIN;
	uring_submit(&u, 2);
	await_polled(&u, 1);
	ckpt_ready_wait();
	uring_prepare(&u, IORING_OP_NOP, 3);
	uring_submit(&u, 1);
	look(&u);
	uring_is_empty(&u);
	signals(event);
	take(&u, 1, POLLIN, false);
	take(&u, 2, 0, false);
	take(&u, 3, 0, false);
	works_again(&u);
}

static uint32_t word;
static siginfo_t info;

/* It exits with a status of its own when the others go on. */
static int exits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return 9;
}

/* All that can wait so, each of which waits for something else then. */
CKPT_CYCLE(kinds)
{
	static struct __kernel_timespec after = { .tv_nsec = 300000000 };
	int event = CHECK_SYS(eventfd(0, 0)), other = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;
	pid_t kid;
	int fds[2];
	char c = 0;

	if (!uring_has(OP_FUTEX_WAIT) || !uring_has(OP_WAITID))
		ckpt_not_here();
	kid = ckpt_fork(exits, NULL);
	ckpt_step_wait(0, 1);
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(uring_make(&u, 16, 0));
	waits_for(&u, event, 1, false);
	waits_for(&u, other, 2, false)->flags = IOSQE_IO_DRAIN;
	sqe = uring_prepare(&u, IORING_OP_TIMEOUT, 3);
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&after;
	sqe->len = 1;
	sqe = uring_prepare(&u, OP_FUTEX_WAIT, 4);
	sqe->fd = U32_PRIVATE;
	sqe->addr = (uintptr_t)&word;
	((uint64_t *)sqe)[6] = ~0u;
	sqe = uring_prepare(&u, OP_WAITID, 5);
	sqe->len = P_PID;
	sqe->fd = kid;
	sqe->file_index = WEXITED;
	sqe->addr2 = (uintptr_t)&info;
	sqe = uring_prepare(&u, IORING_OP_RECV, 6);
	sqe->fd = fds[0];
	sqe->addr = (uintptr_t)&c;
	sqe->len = 1;
	uring_submit(&u, 6);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(0, syscall(__NR_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	signals(event);
	take(&u, 1, POLLIN, false);
	signals(other);
	take(&u, 2, POLLIN, false);
	/* They are issued by workers. */
	while (!syscall(__NR_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0))
		look(&u);
	CHECK_EQ(1, write(fds[1], "z", 1));
	TAKES(&u, { 3, -ETIME }, { 4, 0 }, { 5, 0 }, { 6, 1 });
	CHECK_EQ('z', c);
	CHECK_EQ(kid, info.si_pid);
	CHECK_EQ(9, info.si_status);
	works_again(&u);
}

/* Its peer is told of the user that has submitted it, whoever its task is by then. */
CKPT_CYCLE(credentials)
{
	int event = CHECK_SYS(eventfd(0, 0)), server, client, end;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t len = offsetof(struct sockaddr_un, sun_path);
	struct io_uring_sqe *sqe;
	struct ucred peer;
	struct uring u;

	server = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	client = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	/* The kernel chooses a name that is in no directory. */
	CHECK_SYS(bind(server, (struct sockaddr *)&at, len));
	CHECK_SYS(listen(server, 1));
	len = sizeof(at);
	CHECK_SYS(getsockname(server, (struct sockaddr *)&at, &len));
	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false);
	sqe = uring_prepare(&u, IORING_OP_CONNECT, 2);
	sqe->fd = client;
	sqe->addr = (uintptr_t)&at;
	sqe->addr2 = len;
	sqe->flags = IOSQE_IO_DRAIN;
	uring_submit(&u, 2);
	ckpt_ready_wait();
	CHECK_SYS(seteuid(65534));
	signals(event);
	take(&u, 1, POLLIN, false);
	take(&u, 2, 0, false);
	CHECK_SYS(seteuid(0));
	end = CHECK_SYS(accept(server, NULL, NULL));
	len = sizeof(peer);
	CHECK_SYS(getsockopt(end, SOL_SOCKET, SO_PEERCRED, &peer, &len));
	CHECK_EQ(0, peer.uid);
	works_again(&u);
}

/* Workers have issued what waits. */
CKPT_CYCLE(workers)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;
	int fds[2];
	char c = 0;

	ckpt_pipe(fds, 0);
	CHECK_SYS(uring_make(&u, 8, 0));
	sqe = uring_prepare(&u, IORING_OP_READ, 1);
	sqe->fd = fds[0];
	sqe->addr = (uintptr_t)&c;
	sqe->len = 1;
	sqe->flags = IOSQE_ASYNC;
	waits_for(&u, event, 2, false)->flags = IOSQE_ASYNC | IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 3)->flags = IOSQE_ASYNC;
	uring_submit(&u, 3);
	await_polled(&u, 2);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(1, write(fds[1], "z", 1));
	take(&u, 1, 1, false);
	CHECK_EQ('z', c);
	signals(event);
	take(&u, 2, POLLIN, false);
	take(&u, 3, 0, false);
	uring_works(&u);
}

/* It ends with what it has left to wait. */
CKPT_CYCLE(left)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false);
	uring_prepare(&u, IORING_OP_NOP, 2)->flags = IOSQE_IO_DRAIN | IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 3);
	uring_prepare(&u, IORING_OP_NOP, 4);
	uring_submit(&u, 4);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
}

TEST_HARNESS_MAIN
