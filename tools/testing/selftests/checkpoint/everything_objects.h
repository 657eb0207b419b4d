/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects of everything.h that are made by calls of their own: what waits for something, locks and
 * owners of files, timers, and what a thread has set of itself. What a kernel may lack is left
 * out.
 */
#ifndef CKPT_TEST_EVERYTHING_OBJECTS_H
#define CKPT_TEST_EVERYTHING_OBJECTS_H

#include "common.h"
#include "uring_waits.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <linux/aio_abi.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>

#ifndef PR_CHECKPOINT_EVENTS
#define PR_CHECKPOINT_EVENTS	82
#endif

/* MPOL_PREFERRED, and best effort, 5. */
#define E_POLICY	1
#define E_IOPRIO	(2 << 13 | 5)

static struct {
	int epoll, event, memfd, pidfd, proc, ns, locked, owned[2], fanotify, told, awaited;
	struct uring ring;
	aio_context_t aio;
	timer_t timer;
	bool policy;
} e_obj;

/* Nobody else may lock the file. */
static void e_check_locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 10 };
	char path[320];
	int other = CHECK_SYS(open(ckpt_path(path, sizeof(path), "locked"), O_RDWR | O_CLOEXEC));

	CHECK(flock(other, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK, "flock: %s",
	      strerror(errno));
	CHECK_SYS(fcntl(other, F_OFD_GETLK, &lock));
	CHECK_EQ(F_WRLCK, lock.l_type);
}

static void e_set_up_locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 10 };
	char path[320];

	e_obj.locked = CHECK_SYS(open(ckpt_path(path, sizeof(path), "locked"),
				      O_RDWR | O_CREAT, 0600));
	CHECK_SYS(flock(e_obj.locked, LOCK_SH));
	CHECK_SYS(fcntl(e_obj.locked, F_SETLK, &lock));
	e_obj.fanotify = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY);
	if (e_obj.fanotify >= 0)
		CHECK_SYS(fanotify_mark(e_obj.fanotify, FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD,
					path));
	CHECK_SYS(pipe(e_obj.owned));
	CHECK_SYS(fcntl(e_obj.owned[0], F_SETOWN, getpid()));
	CHECK_SYS(fcntl(e_obj.owned[0], F_SETSIG, SIGURG));
}

/* A request that waits for an eventfd, and an AIO context at rest. */
static void e_set_up_rings(void)
{
	e_obj.awaited = CHECK_SYS(eventfd(0, EFD_CLOEXEC));
	if (uring_make(&e_obj.ring, 4, 0) >= 0) {
		waits_for(&e_obj.ring, e_obj.awaited, 1, false);
		uring_submit(&e_obj.ring, 1);
	}
	syscall(__NR_io_setup, 2, &e_obj.aio);
}

static void e_check_rings(void)
{
	struct timespec now = { 0 };
	struct io_event event;

	if (e_obj.ring.fd >= 0) {
		signals(e_obj.awaited);
		take(&e_obj.ring, 1, POLLIN, false);
	}
	if (e_obj.aio) {
		CHECK_EQ(0, syscall(__NR_io_getevents, e_obj.aio, 0, 1, &event, &now));
		CHECK_SYS(syscall(__NR_io_destroy, e_obj.aio));
	}
}

static void e_set_up_times(void)
{
	struct itimerval far = { .it_value.tv_sec = 1000000, .it_interval.tv_sec = 7 };
	struct itimerspec later = { .it_value.tv_sec = 1000000, .it_interval.tv_sec = 8 };
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	unsigned long node = 1;

	CHECK_SYS(setitimer(ITIMER_PROF, &far, NULL));
	CHECK_SYS(timer_create(CLOCK_MONOTONIC, &none, &e_obj.timer));
	CHECK_SYS(timer_settime(e_obj.timer, 0, &later, NULL));
	CHECK_SYS(syscall(__NR_ioprio_set, 1, 0, E_IOPRIO));
	e_obj.policy = !syscall(__NR_set_mempolicy, E_POLICY, &node, 8 * sizeof(node));
}

static void e_check_times(void)
{
	struct itimerval far;
	struct itimerspec later;
	int policy;

	CHECK_SYS(getitimer(ITIMER_PROF, &far));
	CHECK(far.it_value.tv_sec, "the interval timer is not armed");
	CHECK_EQ(7, far.it_interval.tv_sec);
	CHECK_SYS(timer_gettime(e_obj.timer, &later));
	CHECK(later.it_value.tv_sec, "the timer is not armed");
	CHECK_EQ(8, later.it_interval.tv_sec);
	CHECK_EQ(E_IOPRIO, syscall(__NR_ioprio_get, 1, 0));
	if (e_obj.policy) {
		CHECK_SYS(syscall(__NR_get_mempolicy, &policy, NULL, 0, NULL, 0));
		CHECK_EQ(E_POLICY, policy);
	}
}

static void e_set_up_objects(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 4711 };

	e_obj.event = CHECK_SYS(eventfd(1, EFD_CLOEXEC));
	e_obj.epoll = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC));
	CHECK_SYS(epoll_ctl(e_obj.epoll, EPOLL_CTL_ADD, e_obj.event, &event));
	e_obj.memfd = CHECK_SYS(memfd_create("everything", MFD_ALLOW_SEALING));
	CHECK_EQ(1, pwrite(e_obj.memfd, "m", 1, 100));
	CHECK_SYS(fcntl(e_obj.memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	e_obj.pidfd = CHECK_SYS(sys_pidfd_open(getpid()));
	e_obj.proc = CHECK_SYS(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
	e_obj.ns = CHECK_SYS(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC));
	e_obj.told = prctl(PR_CHECKPOINT_EVENTS, O_NONBLOCK | O_CLOEXEC, 0, 0, 0);
	e_set_up_locks();
	e_set_up_rings();
	e_set_up_times();
}

static void e_check_objects(void)
{
	struct epoll_event event;
	char c = 0;

	CHECK_EQ(1, epoll_wait(e_obj.epoll, &event, 1, 0));
	CHECK_EQ(4711, event.data.u64);
	CHECK_EQ(1, pread(e_obj.memfd, &c, 1, 100));
	CHECK_EQ('m', c);
	CHECK(fcntl(e_obj.memfd, F_GET_SEALS) & F_SEAL_SHRINK, "it is not sealed");
	CHECK_SYS(syscall(__NR_pidfd_send_signal, e_obj.pidfd, 0, NULL, 0));
	CHECK_EQ(1, read(e_obj.proc, &c, 1));
	CHECK_SYS(fcntl(e_obj.ns, F_GETFD));
	if (e_obj.told >= 0)
		CHECK_SYS(fcntl(e_obj.told, F_GETFD));
	CHECK_EQ(getpid(), fcntl(e_obj.owned[0], F_GETOWN));
	CHECK_EQ(SIGURG, fcntl(e_obj.owned[0], F_GETSIG));
	if (e_obj.fanotify >= 0)
		CHECK_SYS(fcntl(e_obj.fanotify, F_GETFD));
	e_check_locks();
	e_check_rings();
	e_check_times();
}

#endif
