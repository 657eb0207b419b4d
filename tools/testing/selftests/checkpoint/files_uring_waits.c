// SPDX-License-Identifier: GPL-2.0
/* io_urings with requests that wait for a file or a time, and with registered buffers. */
#include "common.h"
#include "uring.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/uio.h>

#ifndef IORING_TIMEOUT_MULTISHOT
#define IORING_TIMEOUT_MULTISHOT	(1u << 6)
#endif

/* Longer than any test. */
#define NEVER	100000

CKPT_FIXTURE_IF(URING_BEGIN)

/* Waits for @fd, once or @many times. */
static struct io_uring_sqe *waits_for(struct uring *u, int fd, uint64_t data, bool many)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_POLL_ADD, data);

	sqe->fd = fd;
	sqe->poll32_events = POLLIN;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	sqe->poll32_events = POLLIN << 16;
#endif
	sqe->len = many ? IORING_POLL_ADD_MULTI : 0;
	return sqe;
}

/* Takes a poll request away, which does not wait any more then. */
static void takes_away(struct uring *u, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_POLL_REMOVE, 900);

	sqe->fd = -1;
	sqe->addr = data;
	uring_submit(u, 1);
	await_one(u);
	look(u);
	uring_take(u, 900, 0);
	take(u, data, -ECANCELED, false);
}

/* Reads two completions, in whatever order. */
static void takes_both(struct uring *u, uint64_t one, int32_t res, uint64_t other, int32_t other_res)
{
	uint32_t n = *uring_word(u, u->params.cq_off.head);
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes) +
				   (n & (u->params.cq_entries - 1));

	if (cqe->user_data == one) {
		uring_take(u, one, res);
		uring_take(u, other, other_res);
	} else {
		uring_take(u, other, other_res);
		uring_take(u, one, res);
	}
}

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

/* ---- time ------------------------------------------------------------- */

static struct __kernel_timespec after;

/* Waits for so many milliseconds, or @n completions. */
static struct io_uring_sqe *waits_ms(struct uring *u, long ms, uint32_t n, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_TIMEOUT, data);

	after.tv_sec = ms / 1000;
	after.tv_nsec = ms % 1000 * 1000000;
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&after;
	sqe->len = 1;
	sqe->off = n;
	return sqe;
}

/* Takes a timeout away. */
static void ends(struct uring *u, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_TIMEOUT_REMOVE, 900);

	sqe->fd = -1;
	sqe->addr = data;
	uring_submit(u, 1);
	look(u);
	uring_take(u, 900, 0);
	take(u, data, -ECANCELED, false);
}

/* Lets a timeout end in so many milliseconds. */
static void renews(struct uring *u, uint64_t data, long ms)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_TIMEOUT_REMOVE, 901);

	after.tv_sec = ms / 1000;
	after.tv_nsec = ms % 1000 * 1000000;
	sqe->fd = -1;
	sqe->addr = data;
	sqe->addr2 = (uintptr_t)&after;
	sqe->timeout_flags = IORING_TIMEOUT_UPDATE;
	uring_submit(u, 1);
	look(u);
	uring_take(u, 901, 0);
}

/* It ends when it was to end, and not before. */
CKPT_CYCLE(relative)
{
	uint64_t end;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	end = ckpt_now() + 1500000000;
	waits_ms(&u, 1500, 0, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, -ETIME, false);
	CHECK(ckpt_now() >= end, "it has ended too early");
	uring_works(&u);
}

/* The same at a moment. */
CKPT_CYCLE(absolute)
{
	uint64_t end;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	end = ckpt_now() + 1500000000;
	waits_ms(&u, end / 1000000 + 1, 0, 1)->timeout_flags = IORING_TIMEOUT_ABS;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, -ETIME, false);
	CHECK(ckpt_now() >= end, "it has ended too early");
	uring_works(&u);
}

/* Its ring asks for a flag that means nothing to a timeout. */
CKPT_CYCLE(restricted)
{
	struct io_uring_restriction only[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_TIMEOUT },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE },
	};
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_R_DISABLED));
	enroll(&u, IORING_REGISTER_RESTRICTIONS, only, 2);
	enroll(&u, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	waits_ms(&u, 1500, 0, 1)->flags = IOSQE_FIXED_FILE;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, -ETIME, false);
}

/* On all clocks, with and without an error; they are taken away or changed. */
CKPT_CYCLE(clocks)
{
	struct timespec now;
	struct uring u;

	CHECK_SYS(uring_make(&u, 16, 0));
	CHECK_SYS(clock_gettime(CLOCK_REALTIME, &now));
	waits_ms(&u, NEVER * 1000L, 0, 1);
	uring_submit(&u, 1);
	waits_ms(&u, NEVER * 1000L, 0, 2)->timeout_flags = IORING_TIMEOUT_BOOTTIME;
	uring_submit(&u, 1);
	waits_ms(&u, NEVER * 1000L, 0, 3)->timeout_flags = IORING_TIMEOUT_REALTIME;
	uring_submit(&u, 1);
	waits_ms(&u, (now.tv_sec + NEVER) * 1000L, 0, 4)->timeout_flags =
		IORING_TIMEOUT_REALTIME | IORING_TIMEOUT_ABS;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	ends(&u, 1);
	renews(&u, 2, 1);
	take(&u, 2, -ETIME, false);
	renews(&u, 3, 1);
	take(&u, 3, -ETIME, false);
	ends(&u, 4);
	uring_works(&u);
}

/* Some wait for completions, of which some have come and some have not. */
CKPT_CYCLE(completions)
{
	struct uring u;
	int i;

	CHECK_SYS(uring_make(&u, 16, 0));
	/* One that has ended counts for no other. */
	waits_ms(&u, 1, 0, 1);
	uring_submit(&u, 1);
	take(&u, 1, -ETIME, false);
	waits_ms(&u, NEVER * 1000L, 5, 2);
	waits_ms(&u, NEVER * 1000L, 0, 3);
	waits_ms(&u, NEVER * 1000L, 3, 4);
	uring_submit(&u, 3);
	for (i = 0; i < 2; i++) {
		uring_prepare(&u, IORING_OP_NOP, 10);
		uring_submit(&u, 1);
		uring_take(&u, 10, 0);
	}
	uring_is_empty(&u);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	uring_prepare(&u, IORING_OP_NOP, 10);
	uring_submit(&u, 1);
	look(&u);
	uring_take(&u, 10, 0);
	take(&u, 4, 0, false);
	uring_is_empty(&u);
	for (i = 0; i < 2; i++) {
		uring_is_empty(&u);
		uring_prepare(&u, IORING_OP_NOP, 10);
		uring_submit(&u, 1);
		look(&u);
		uring_take(&u, 10, 0);
	}
	take(&u, 2, 0, false);
	ends(&u, 3);
	uring_works(&u);
}

/* It ends so many times. */
CKPT_CYCLE(repeats)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_ms(&u, NEVER * 1000L, 3, 1)->timeout_flags = IORING_TIMEOUT_MULTISHOT;
	uring_submit(&u, 1);
	uring_is_empty(&u);
	renews(&u, 1, 200);
	take(&u, 1, -ETIME, true);
	ckpt_ready_wait();
	take(&u, 1, -ETIME, true);
	take(&u, 1, -ETIME, false);
	uring_works(&u);
}

/* The task has not asked yet what has come of its requests. */
CKPT_CYCLE(not_told)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct pollfd work;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
	waits_ms(&u, 1, 0, 1);
	uring_submit(&u, 1);
	take(&u, 1, -ETIME, false);
	/* One that counts completions goes by how many have expired. */
	waits_ms(&u, NEVER * 1000L, 4, 2);
	waits_ms(&u, NEVER * 1000L, 0, 3);
	waits_for(&u, event, 4, true);
	uring_submit(&u, 3);
	renews(&u, 3, 1);
	work = (struct pollfd) { .fd = u.fd, .events = POLLIN };
	CHECK_EQ(1, poll(&work, 1, -1));
	signals(event);
	uring_is_empty(&u);
	ckpt_ready_wait();
	uring_is_empty(&u);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	takes_both(&u, 3, -ETIME, 4, POLLIN);
	uring_is_empty(&u);
	uring_prepare(&u, IORING_OP_NOP, 10);
	uring_submit(&u, 1);
	look(&u);
	uring_take(&u, 10, 0);
	uring_is_empty(&u);
	uring_prepare(&u, IORING_OP_NOP, 10);
	uring_submit(&u, 1);
	look(&u);
	uring_take(&u, 10, 0);
	take(&u, 2, 0, false);
	takes_away(&u, 4);
	uring_works(&u);
}

/* Who waits for completions goes by another clock. */
CKPT_CYCLE(clock_of_waits)
{
	/* IORING_REGISTER_CLOCK, of which older headers do not know. */
	struct { uint32_t clock, reserved[3]; } clock = { .clock = CLOCK_BOOTTIME };
	struct io_uring_getevents_arg arg = { 0 };
	struct __kernel_timespec end;
	struct timespec now;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	enroll(&u, 29, &clock, 0);
	ckpt_ready_wait();
	CHECK_SYS(clock_gettime(CLOCK_BOOTTIME, &now));
	end.tv_sec = now.tv_sec + 1;
	end.tv_nsec = now.tv_nsec;
	arg.ts = (uintptr_t)&end;
	/* IORING_ENTER_ABS_TIMER. */
	CHECK(syscall(__NR_io_uring_enter, u.fd, 0, 1,
		      IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | 1u << 5, &arg,
		      sizeof(arg)) == -1 && errno == ETIME, "io_uring_enter: %s", strerror(errno));
	CHECK_SYS(clock_gettime(CLOCK_BOOTTIME, &now));
	CHECK(now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec),
	      "it has ended too early");
	uring_works(&u);
}

/* ---- registered buffers ------------------------------------------------ */

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
