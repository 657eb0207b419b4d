// SPDX-License-Identifier: GPL-2.0
/* io_urings at rest: their memory, what was not read, what was not submitted. */
#include "common.h"
#include "uring.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* The kernel has it, and lets us use it. */
#define URING_BEGIN() do {						\
	struct io_uring_params __params = { 0 };			\
	int __fd;							\
									\
	CKPT_BEGIN();							\
	__fd = syscall(__NR_io_uring_setup, 1, &__params);		\
	if (__fd < 0)							\
		SKIP(return, "no io_uring: %s", strerror(errno));	\
	close(__fd);							\
} while (0)

CKPT_FIXTURE_IF(URING_BEGIN)

/* Completions that were not read, and requests that were not submitted. */
static void at_rest(unsigned int flags)
{
	struct uring u;
	uint32_t i;

	CHECK_SYS(uring_make(&u, 8, flags));
	uring_works(&u);
	for (i = 0; i < 5; i++)
		uring_prepare(&u, IORING_OP_NOP, i);
	uring_submit(&u, 3);
	uring_take(&u, 0, 0);
	ckpt_ready_wait();
	uring_take(&u, 1, 0);
	uring_take(&u, 2, 0);
	uring_is_empty(&u);
	uring_submit(&u, 2);
	uring_take(&u, 3, 0);
	uring_take(&u, 4, 0);
	uring_works(&u);
}

CKPT_CYCLE(plain)
{
	at_rest(0);
}

CKPT_CYCLE(without_array)
{
	at_rest(IORING_SETUP_NO_SQARRAY);
}

CKPT_CYCLE(wide)
{
	at_rest(IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
}

CKPT_CYCLE(cooperative)
{
	at_rest(IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL);
}

/* As an event loop has one that makes many epoll_ctl(2) with one call. */
CKPT_CYCLE(with_epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 7 }, seen = { 0 };
	int ep = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC));
	int first = CHECK_SYS(eventfd(0, 0)), second = CHECK_SYS(eventfd(1, 0));
	struct io_uring_sqe *sqe;
	struct uring u;

	CHECK_SYS(uring_make(&u, 256, IORING_SETUP_NO_SQARRAY));
	sqe = uring_prepare(&u, IORING_OP_EPOLL_CTL, 1);
	sqe->fd = ep;
	sqe->off = first;
	sqe->addr = (uintptr_t)&event;
	sqe->len = EPOLL_CTL_ADD;
	uring_submit(&u, 1);
	uring_take(&u, 1, 0);
	ckpt_ready_wait();
	CHECK_EQ(0, epoll_wait(ep, &seen, 1, 0));
	event.data.u32 = 8;
	sqe = uring_prepare(&u, IORING_OP_EPOLL_CTL, 2);
	sqe->fd = ep;
	sqe->off = second;
	sqe->addr = (uintptr_t)&event;
	sqe->len = EPOLL_CTL_ADD;
	uring_submit(&u, 1);
	uring_take(&u, 2, 0);
	CHECK_EQ(1, epoll_wait(ep, &seen, 1, 0));
	CHECK_EQ(8, seen.data.u32);
	uring_works(&u);
}

/* The ring itself in an epoll instance. */
CKPT_CYCLE(watched)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 7 }, seen = { 0 };
	int ep = CHECK_SYS(epoll_create1(0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_ADD, u.fd, &event));
	ckpt_ready_wait();
	CHECK_EQ(0, epoll_wait(ep, &seen, 1, 0));
	uring_prepare(&u, IORING_OP_NOP, 1);
	uring_submit(&u, 1);
	CHECK_EQ(1, epoll_wait(ep, &seen, 1, 0));
	CHECK_EQ(7, seen.data.u32);
	uring_take(&u, 1, 0);
	uring_works(&u);
}

static struct uring shared;

static int submits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	uring_take(&shared, 1, 0);
	uring_prepare(&shared, IORING_OP_NOP, 2);
	uring_submit(&shared, 1);
	return 0;
}

/* Two processes have the ring and its memory. */
CKPT_CYCLE(forked)
{
	pid_t kid;

	CHECK_SYS(uring_make(&shared, 4, 0));
	uring_prepare(&shared, IORING_OP_NOP, 1);
	uring_submit(&shared, 1);
	kid = ckpt_fork(submits, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	uring_take(&shared, 2, 0);
	uring_works(&shared);
}

/* Rings that are mapped by the other offset and by parts, closed ones, ones that are not mapped. */
CKPT_CYCLE(mappings)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct uring u, closed;
	int fd, flags;
	char *cq;

	CHECK_SYS(uring_make(&u, 512, 0));
	cq = mmap(NULL, page, PROT_READ, MAP_SHARED, u.fd, IORING_OFF_CQ_RING);
	CHECK(cq != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(madvise(u.rings, u.rings_size, MADV_DONTFORK));
	CHECK_SYS(uring_make(&closed, 4, 0));
	uring_prepare(&closed, IORING_OP_NOP, 1);
	uring_submit(&closed, 1);
	close(closed.fd);
	fd = CHECK_SYS(syscall(__NR_io_uring_setup, 4, &(struct io_uring_params) { 0 }));
	CHECK_SYS(fcntl(fd, F_SETFD, 0));
	flags = CHECK_SYS(fcntl(fd, F_GETFL));
	ckpt_ready_wait();
	CHECK_EQ(0, fcntl(fd, F_GETFD));
	CHECK_EQ(flags, fcntl(fd, F_GETFL));
	CHECK_EQ(FD_CLOEXEC, fcntl(u.fd, F_GETFD));
	CHECK_EQ(0, syscall(__NR_io_uring_enter, fd, 0, 0, 0, NULL, 0));
	uring_take(&closed, 1, 0);
	uring_works(&u);
	/* It is the same memory. */
	CHECK_EQ(*uring_word(&u, u.params.cq_off.tail), *(uint32_t *)(cq + u.params.cq_off.tail));
}

/* Rings can't be mapped at an address of one's choice, which restart(2) does. */
CKPT_CYCLE(addresses)
{
	struct uring u;
	void *at;

	CHECK_SYS(uring_make(&u, 4, 0));
	ckpt_ready_wait();
	at = mmap(u.sqes, u.sqes_size, PROT_READ, MAP_SHARED | MAP_FIXED, u.fd, IORING_OFF_SQES);
	CHECK(at == MAP_FAILED && errno == EINVAL, "it was mapped at %p", at);
	uring_works(&u);
}

/* What is registered afterwards is as in any other. */
CKPT_CYCLE(registers)
{
	int fd = CHECK_SYS(memfd_create("file", 0)), event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	uint64_t n = 0;
	struct uring u;
	char c = 0;

	CHECK_EQ(1, pwrite(fd, "x", 1, 0));
	CHECK_SYS(uring_make(&u, 4, 0));
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_FILES, &fd, 1));
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_EVENTFD, &event, 1));
	sqe = uring_prepare(&u, IORING_OP_READ, 1);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->addr = (uintptr_t)&c;
	sqe->len = 1;
	uring_submit(&u, 1);
	CHECK_EQ(8, read(event, &n, sizeof(n)));
	uring_take(&u, 1, 1);
	CHECK_EQ('x', c);
}

static void *waits(void *arg)
{
	struct uring *u = arg;

	CHECK_EQ(0, syscall(__NR_io_uring_enter, u->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	uring_take(u, 1, 0);
	return NULL;
}

CKPT_CYCLE(sleeper, .blocked = { BLOCKED(__NR_io_uring_enter) })
{
	pthread_t thread;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	CHECK_EQ(0, pthread_create(&thread, NULL, waits, &u));
	ckpt_ready_wait();
	uring_prepare(&u, IORING_OP_NOP, 1);
	uring_submit(&u, 1);
	CHECK_EQ(0, pthread_join(thread, NULL));
	uring_works(&u);
}

TEST_HARNESS_MAIN
