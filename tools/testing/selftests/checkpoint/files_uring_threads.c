// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings and the threads of the kernel that work for them: workers that have nothing to do, and
 * the one that submits (IORING_SETUP_SQPOLL), with what was not submitted yet.
 */
#include "common.h"
#include "uring.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>

CKPT_FIXTURE_IF(URING_BEGIN)

/* Threads of this process, workers too. */
static int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	CHECK(dir, "/proc/self/task: %s", strerror(errno));
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* A worker does it, which stays. */
static void works_aside(struct uring *u, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_NOP, data);

	sqe->flags = IOSQE_ASYNC;
	uring_do(u);
	uring_take(u, data, 0);
	CHECK(threads() > 1, "there is no worker");
}

CKPT_CYCLE(idle_worker)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	works_aside(&u, 1);
	ckpt_ready_wait();
	works_aside(&u, 2);
	uring_works(&u);
}

static void *has_worker(void *arg)
{
	struct uring *u = arg;

	works_aside(u, 1);
	ckpt_step(0);
	ckpt_wait_go();
	works_aside(u, 2);
	return NULL;
}

/* The worker is one of a thread that is not the first one. */
CKPT_CYCLE(worker_of_thread)
{
	pthread_t thread;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	CHECK_EQ(0, pthread_create(&thread, NULL, has_worker, &u));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, pthread_join(thread, NULL));
	uring_works(&u);
}

static struct uring inherited;

static int child_works(void *arg)
{
	works_aside(&inherited, 1);
	ckpt_step(0);
	ckpt_wait_go();
	works_aside(&inherited, 2);
	return 0;
}

CKPT_CYCLE(worker_of_child)
{
	pid_t kid;

	CHECK_SYS(uring_make(&inherited, 4, 0));
	kid = ckpt_fork(child_works, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	uring_works(&inherited);
}

/* CPU time that a worker has used is part of that of the process, which does not go back. */
CKPT_CYCLE(times)
{
	struct timespec before, after;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	works_aside(&u, 1);
	CHECK_SYS(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before));
	ckpt_ready_wait();
	CHECK_SYS(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after));
	CHECK(after.tv_sec > before.tv_sec ||
	      (after.tv_sec == before.tv_sec && after.tv_nsec >= before.tv_nsec),
	      "the clock of the process went back");
	uring_works(&u);
}

static bool sleeps(struct uring *u)
{
	return __atomic_load_n(uring_word(u, u->params.sq_off.flags), __ATOMIC_SEQ_CST) &
	       IORING_SQ_NEED_WAKEUP;
}

/* Wakes the thread if it sleeps, and waits for a completion. */
static void wake_and_take(struct uring *u, uint64_t data)
{
	unsigned int flags = IORING_ENTER_GETEVENTS;

	if (sleeps(u))
		flags |= IORING_ENTER_SQ_WAKEUP;
	CHECK_SYS(syscall(__NR_io_uring_enter, u->fd, 0, 1, flags, NULL, 0));
	uring_take(u, data, 0);
}

static void thread_works(struct uring *u)
{
	uint32_t i;

	for (i = 0; i < 3 * u->params.cq_entries; i++) {
		uring_prepare(u, IORING_OP_NOP, 100 + i);
		wake_and_take(u, 100 + i);
	}
	uring_is_empty(u);
}

static void submits_itself(unsigned int flags)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SQPOLL | flags));
	if (flags & IORING_SETUP_R_DISABLED) {
		uring_prepare(&u, IORING_OP_NOP, 1);
		ckpt_ready_wait();
		uring_is_empty(&u);
		enroll(&u, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
		wake_and_take(&u, 1);
	} else {
		thread_works(&u);
		ckpt_ready_wait();
	}
	CHECK(threads() > 1, "there is no thread that submits");
	thread_works(&u);
}

CKPT_CYCLE(thread)
{
	submits_itself(0);
}

CKPT_CYCLE(thread_on_cpu)
{
	/* CPU 0, which the parameters have. */
	submits_itself(IORING_SETUP_SQ_AFF);
}

CKPT_CYCLE(thread_of_one)
{
	submits_itself(IORING_SETUP_SINGLE_ISSUER);
}

CKPT_CYCLE(thread_not_enabled)
{
	submits_itself(IORING_SETUP_R_DISABLED);
}

CKPT_CYCLE(thread_not_enabled_of_one)
{
	submits_itself(IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER);
}

/* The thread sleeps, and nobody has woken it yet for what there is to submit. */
CKPT_CYCLE(not_submitted)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SQPOLL));
	thread_works(&u);
	while (!sleeps(&u))
		sched_yield();
	uring_prepare(&u, IORING_OP_NOP, 1);
	uring_prepare(&u, IORING_OP_NOP, 2);
	ckpt_ready_wait();
	wake_and_take(&u, 1);
	wake_and_take(&u, 2);
	thread_works(&u);
}

/* It uses the descriptors of the process. */
CKPT_CYCLE(descriptors)
{
	struct io_uring_sqe *sqe;
	struct uring u;
	int fds[2];
	char c = 0;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SQPOLL));
	thread_works(&u);
	ckpt_ready_wait();
	CHECK_SYS(pipe(fds));
	sqe = uring_prepare(&u, IORING_OP_WRITE, 1);
	sqe->fd = fds[1];
	sqe->addr = (uintptr_t)"x";
	sqe->len = 1;
	sqe->off = -1ULL;
	CHECK_SYS(syscall(__NR_io_uring_enter, u.fd, 0, 1,
			  IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0));
	uring_take(&u, 1, 1);
	CHECK_EQ(1, read(fds[0], &c, 1));
	CHECK_EQ('x', c);
	thread_works(&u);
}

TEST_HARNESS_MAIN
