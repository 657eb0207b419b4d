// SPDX-License-Identifier: GPL-2.0
/* io_urings at rest: their memory, what was not read, not submitted, and what is registered. */
#include "common.h"
#include "uring.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

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

/* It polls devices for what they have done: here none has anything to do. */
CKPT_CYCLE(polls_devices)
{
	at_rest(IORING_SETUP_IOPOLL);
}

/* Entries of both sizes: IORING_SETUP_CQE_MIXED and SQE_MIXED, of which older headers do not know. */
CKPT_CYCLE(mixed)
{
	at_rest(1u << 18 | 1u << 19);
}

/* It was told to attach to another, with which it has nothing in common. */
CKPT_CYCLE(attached)
{
	struct io_uring_params params = { .flags = IORING_SETUP_ATTACH_WQ };
	struct uring u;
	int fd;

	CHECK_SYS(uring_make(&u, 4, 0));
	params.wq_fd = u.fd;
	fd = CHECK_SYS(syscall(__NR_io_uring_setup, 4, &params));
	ckpt_ready_wait();
	CHECK_EQ(0, syscall(__NR_io_uring_enter, fd, 0, 0, 0, NULL, 0));
	uring_works(&u);
}

/* Its entries are read from the first one on each time: IORING_SETUP_SQ_REWIND. */
CKPT_CYCLE(rewound)
{
	struct uring u;
	int i;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_NO_SQARRAY | 1u << 20));
	for (i = 0; i < 3; i++) {
		if (i == 1)
			ckpt_ready_wait();
		memset(u.sqes, 0, 64);
		uring_sqe(&u, 0)->user_data = i;
		uring_submit(&u, 1);
		uring_take(&u, i, 0);
	}
}

/* It polls the network devices of its sockets. */
CKPT_CYCLE(busy_polling)
{
	/* struct io_uring_napi, which older headers have not. */
	struct {
		uint32_t busy_poll_to;
		uint8_t prefer_busy_poll, opcode, pad[2];
		uint32_t op_param, reserved;
	} napi = { .busy_poll_to = 70, .prefer_busy_poll = 1 }, none = { .opcode = 9 };
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	/* IORING_REGISTER_NAPI; a kernel that does not poll has none. */
	if (syscall(__NR_io_uring_register, u.fd, 27, &napi, 1))
		CHECK(errno == EOPNOTSUPP, "IORING_REGISTER_NAPI: %s", strerror(errno));
	else
		napi.opcode = 1;
	ckpt_ready_wait();
	/* An operation that there is not tells how it is, and changes nothing. */
	if (napi.opcode) {
		CHECK(syscall(__NR_io_uring_register, u.fd, 27, &none, 1) == -1 && errno == EINVAL,
		      "IORING_REGISTER_NAPI: %s", strerror(errno));
		CHECK_EQ(70, none.busy_poll_to);
		CHECK_EQ(1, none.prefer_busy_poll);
		CHECK_EQ(0, none.op_param);
	}
	uring_works(&u);
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

/* What is registered, by places and tags; one of the files is nowhere else. */
CKPT_CYCLE(files)
{
	int kept = CHECK_SYS(memfd_create("kept", 0)), gone = CHECK_SYS(memfd_create("gone", 0));
	int fds[4] = { kept, -1, gone, -1 }, fd = -1;
	uint64_t tags[4] = { 0, 0, 77, 0 };
	struct io_uring_rsrc_register all = {
		.nr = 4, .data = (uintptr_t)fds, .tags = (uintptr_t)tags,
	};
	struct io_uring_file_index_range range = { .off = 1, .len = 3 };
	struct io_uring_rsrc_update2 update = { .offset = 2, .data = (uintptr_t)&fd, .nr = 1 };
	struct io_uring_sqe *sqe;
	struct uring u;
	char c[2] = "";

	CHECK_EQ(1, pwrite(kept, "x", 1, 0));
	CHECK_EQ(1, pwrite(gone, "y", 1, 0));
	CHECK_SYS(uring_make(&u, 8, 0));
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_FILES2, &all, sizeof(all)));
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0));
	close(gone);
	ckpt_ready_wait();
	for (fd = 0; fd < 2; fd++) {
		sqe = uring_prepare(&u, IORING_OP_READ, fd);
		sqe->flags = IOSQE_FIXED_FILE;
		sqe->fd = 2 * fd;
		sqe->addr = (uintptr_t)&c[fd];
		sqe->len = 1;
		uring_do(&u);
		uring_take(&u, fd, 1);
	}
	CHECK_EQ('x', c[0]);
	CHECK_EQ('y', c[1]);
	/* It is the same open file. */
	CHECK_EQ(1, lseek(kept, 1, SEEK_SET));
	sqe = uring_prepare(&u, IORING_OP_READ, 5);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->addr = (uintptr_t)c;
	sqe->len = 1;
	sqe->off = -1ULL;
	uring_do(&u);
	uring_take(&u, 5, 0);
	/* The kernel chooses the first free place of the range; nothing is at the last. */
	fd = kept;
	sqe = uring_prepare(&u, IORING_OP_FILES_UPDATE, 6);
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&fd;
	sqe->len = 1;
	sqe->off = IORING_FILE_INDEX_ALLOC;
	uring_do(&u);
	uring_take(&u, 6, 1);
	CHECK_EQ(1, fd);
	sqe = uring_prepare(&u, IORING_OP_READ, 7);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->fd = 3;
	sqe->addr = (uintptr_t)c;
	sqe->len = 1;
	uring_do(&u);
	uring_take(&u, 7, -EBADF);
	/* Its tag is posted when it goes. */
	fd = -1;
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_FILES_UPDATE2, &update,
			    sizeof(update)));
	uring_take(&u, 77, 0);
	uring_works(&u);
}

/* An end of a pipe that only the io_uring has: who reads from it sees no end of it. */
CKPT_CYCLE(pipe_end)
{
	struct io_uring_sqe *sqe;
	struct uring u;
	int fds[2];
	char c = 0;

	CHECK_SYS(pipe2(fds, O_NONBLOCK));
	CHECK_SYS(uring_make(&u, 4, 0));
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_FILES, &fds[1], 1));
	close(fds[1]);
	ckpt_ready_wait();
	CHECK(read(fds[0], &c, 1) == -1 && errno == EAGAIN, "read: %s", strerror(errno));
	sqe = uring_prepare(&u, IORING_OP_WRITE, 1);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->addr = (uintptr_t)"z";
	sqe->len = 1;
	sqe->off = -1ULL;
	uring_do(&u);
	uring_take(&u, 1, 1);
	CHECK_EQ(1, read(fds[0], &c, 1));
	CHECK_EQ('z', c);
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_UNREGISTER_FILES, NULL, 0));
	CHECK_EQ(0, read(fds[0], &c, 1));
	uring_works(&u);
}

/* Two io_urings tell the same eventfd. */
CKPT_CYCLE(eventfds)
{
	int event = CHECK_SYS(eventfd(0, EFD_NONBLOCK));
	struct uring first, second;
	uint64_t n = 0;

	CHECK_SYS(uring_make(&first, 4, 0));
	CHECK_SYS(uring_make(&second, 4, 0));
	CHECK_SYS(syscall(__NR_io_uring_register, first.fd, IORING_REGISTER_EVENTFD, &event, 1));
	CHECK_SYS(syscall(__NR_io_uring_register, second.fd, IORING_REGISTER_EVENTFD_ASYNC, &event, 1));
	uring_prepare(&first, IORING_OP_NOP, 1);
	uring_submit(&first, 1);
	ckpt_ready_wait();
	uring_take(&first, 1, 0);
	CHECK_EQ(8, read(event, &n, sizeof(n)));
	CHECK_EQ(1, n);
	uring_prepare(&first, IORING_OP_NOP, 2);
	uring_submit(&first, 1);
	uring_take(&first, 2, 0);
	CHECK_EQ(8, read(event, &n, sizeof(n)));
	CHECK_EQ(1, n);
	/* No worker has done this. */
	uring_prepare(&second, IORING_OP_NOP, 3);
	uring_submit(&second, 1);
	uring_take(&second, 3, 0);
	CHECK(read(event, &n, sizeof(n)) == -1 && errno == EAGAIN, "the eventfd was signalled");
	CHECK(syscall(__NR_io_uring_register, first.fd, IORING_REGISTER_EVENTFD, &event, 1) == -1 &&
	      errno == EBUSY, "another eventfd: %s", strerror(errno));
	CHECK_SYS(syscall(__NR_io_uring_register, first.fd, IORING_UNREGISTER_EVENTFD, NULL, 0));
	uring_works(&first);
	uring_works(&second);
	CHECK(read(event, &n, sizeof(n)) == -1 && errno == EAGAIN, "the eventfd was signalled");
}

/* Credentials that requests act with, by their numbers. */
CKPT_CYCLE(personalities)
{
	struct io_uring_sqe *sqe;
	struct uring u;
	int id;

	CHECK_SYS(uring_make(&u, 4, 0));
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
	CHECK_EQ(2, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_UNREGISTER_PERSONALITY, NULL, 1));
	ckpt_ready_wait();
	for (id = 1; id <= 2; id++) {
		sqe = uring_prepare(&u, IORING_OP_NOP, id);
		sqe->personality = id;
		if (id == 2) {
			uring_submit(&u, 1);
			uring_take(&u, id, 0);
			continue;
		}
		CHECK_EQ(1, syscall(__NR_io_uring_enter, u.fd, 1, 0, 0, NULL, 0));
		uring_take(&u, id, -EINVAL);
	}
	CHECK_EQ(3, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
	uring_works(&u);
}

/* It may do only what it was restricted to, before it is enabled and after. */
static void restricted(bool enabled)
{
	struct io_uring_restriction only[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_ASYNC },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP,
		  .register_op = IORING_REGISTER_ENABLE_RINGS },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP,
		  .register_op = IORING_REGISTER_PERSONALITY },
	};
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_R_DISABLED));
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_RESTRICTIONS, only, 4));
	if (enabled)
		CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	ckpt_ready_wait();
	if (!enabled) {
		CHECK(syscall(__NR_io_uring_enter, u.fd, 0, 0, 0, NULL, 0) == -1 && errno == EBADFD,
		      "io_uring_enter: %s", strerror(errno));
		CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	}
	CHECK(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_EVENTFD, &event, 1) == -1 &&
	      errno == EACCES, "io_uring_register: %s", strerror(errno));
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_PERSONALITY, NULL, 0));
	sqe = uring_prepare(&u, IORING_OP_READ, 1);
	sqe->fd = event;
	CHECK_EQ(1, syscall(__NR_io_uring_enter, u.fd, 1, 0, 0, NULL, 0));
	uring_take(&u, 1, -EACCES);
	sqe = uring_prepare(&u, IORING_OP_NOP, 2);
	sqe->flags = IOSQE_FIXED_FILE;
	CHECK_EQ(1, syscall(__NR_io_uring_enter, u.fd, 1, 0, 0, NULL, 0));
	uring_take(&u, 2, -EACCES);
	uring_works(&u);
}

CKPT_CYCLE(restrictions)
{
	restricted(true);
}

CKPT_CYCLE(not_enabled)
{
	restricted(false);
}

static void *submits_too(void *arg)
{
	struct uring *u = arg;

	CHECK(syscall(__NR_io_uring_enter, u->fd, 1, 0, 0, NULL, 0) == -1 && errno == EEXIST,
	      "io_uring_enter: %s", strerror(errno));
	return NULL;
}

/* Only who has made it may submit, which is not the first that has it. */
static void single(struct uring *u, unsigned int flags)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 7 }, seen = { 0 };
	int ep = CHECK_SYS(epoll_create1(0));
	pthread_t thread;

	CHECK_SYS(uring_make(u, 4, flags | IORING_SETUP_SINGLE_ISSUER));
	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_ADD, u->fd, &event));
	uring_works(u);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(0, pthread_create(&thread, NULL, submits_too, u));
	CHECK_EQ(0, pthread_join(thread, NULL));
	uring_prepare(u, IORING_OP_NOP, 1);
	CHECK_EQ(1, syscall(__NR_io_uring_enter, u->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	CHECK_EQ(1, epoll_wait(ep, &seen, 1, -1));
	CHECK_EQ(7, seen.data.u32);
	uring_take(u, 1, 0);
	uring_works(u);
}

static void *single_issuer(void *arg)
{
	single(arg, 0);
	return NULL;
}

static void *deferring(void *arg)
{
	single(arg, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
	return NULL;
}

static void in_thread(void *(*what)(void *))
{
	static struct uring u;
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, what, &u));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, pthread_join(thread, NULL));
}

CKPT_CYCLE(one_issuer)
{
	in_thread(single_issuer);
}

CKPT_CYCLE(deferred)
{
	in_thread(deferring);
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

/* Another size than it was set up with (IORING_REGISTER_RESIZE_RINGS, of which older headers do not know). */
CKPT_CYCLE(resized)
{
	struct io_uring_params to = {
		.flags = IORING_SETUP_CQSIZE,
		.sq_entries = 8,
		.cq_entries = 64,
	};
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
	uring_works(&u);
	if (!syscall(__NR_io_uring_register, u.fd, 33, &to, 1)) {
		munmap(u.rings, u.rings_size);
		munmap(u.sqes, u.sqes_size);
		u.params.sq_entries = to.sq_entries;
		u.params.cq_entries = to.cq_entries;
		u.params.sq_off = to.sq_off;
		u.params.cq_off = to.cq_off;
		u.rings_size = to.cq_off.cqes + to.cq_entries * 16;
		if (u.rings_size < to.sq_off.array + to.sq_entries * 4)
			u.rings_size = to.sq_off.array + to.sq_entries * 4;
		u.sqes_size = to.sq_entries * 64;
		u.rings = mmap(NULL, u.rings_size, PROT_READ | PROT_WRITE, MAP_SHARED, u.fd,
			       IORING_OFF_SQ_RING);
		u.sqes = mmap(NULL, u.sqes_size, PROT_READ | PROT_WRITE, MAP_SHARED, u.fd,
			      IORING_OFF_SQES);
		CHECK(u.rings != MAP_FAILED && u.sqes != MAP_FAILED, "mmap: %s", strerror(errno));
	} else {
		CHECK_EQ(EINVAL, errno);
	}
	uring_works(&u);
	ckpt_ready_wait();
	uring_works(&u);
}

TEST_HARNESS_MAIN
