// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings and the threads of the kernel that work for them: workers that have nothing to do, how many
 * a task may have and where, and the one that submits (IORING_SETUP_SQPOLL), with what was not submitted
 * yet. Also rings that a task has registered for itself.
 */
#include "common.h"
#include "uring.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/uio.h>

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

/* A worker shares the I/O priority of its process, and what keeps that. */
CKPT_CYCLE(worker_with_priority)
{
	/* Of this thread: IOPRIO_WHO_PROCESS; IOPRIO_CLASS_BE, 6. */
	int priority = 2 << 13 | 6;
	struct uring u;

	CHECK_SYS(syscall(__NR_ioprio_set, 1, 0, priority));
	CHECK_SYS(uring_make(&u, 4, 0));
	works_aside(&u, 1);
	ckpt_ready_wait();
	CHECK_EQ(priority, syscall(__NR_ioprio_get, 1, 0));
	works_aside(&u, 2);
	uring_works(&u);
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

/* How many workers this task may have. */
static void limits_are(struct uring *u, unsigned int bounded, unsigned int unbounded)
{
	unsigned int limits[2] = { 0, 0 };

	enroll(u, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
	CHECK_EQ(bounded, limits[0]);
	CHECK_EQ(unbounded, limits[1]);
}

static struct uring limited;

static int is_limited(void *arg)
{
	unsigned int limits[2] = { 0, 6 };

	/* It gets those of the ring, and changes one of them for itself, by a ring of its own. */
	uring_works(&limited);
	limits_are(&limited, 2, 3);
	CHECK_SYS(uring_make(arg, 4, 0));
	enroll(arg, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
	ckpt_step(0);
	ckpt_wait_go();
	limits_are(arg, 2, 6);
	uring_works(arg);
	return 0;
}

/* Limits of a ring, and of its users; a later user gets those of the ring. */
CKPT_CYCLE(limits)
{
	unsigned int limits[2] = { 2, 3 };
	struct uring own;
	pid_t kid;

	CHECK_SYS(uring_make(&limited, 4, 0));
	enroll(&limited, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
	kid = ckpt_fork(is_limited, &own);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	/* To ask gives all users those of the ring. */
	ckpt_wait_exit(kid, 0);
	limits_are(&limited, 2, 3);
	uring_works(&limited);
	works_aside(&limited, 1);
}

/* A task that has only made a ring may bind its workers at once. */
CKPT_CYCLE(bound)
{
	unsigned long cpus = 1;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	ckpt_ready_wait();
	enroll(&u, IORING_REGISTER_IOWQ_AFF, &cpus, sizeof(cpus));
	works_aside(&u, 1);
	uring_works(&u);
}

/* The CPUs of the worker that this process gets now. */
static void worker_is_bound(struct uring *u, int cpu)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int workers = 0;

	works_aside(u, 1);
	CHECK(dir, "/proc/self/task: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		pid_t tid = atoi(entry->d_name);
		cpu_set_t set;

		if (!tid || tid == getpid())
			continue;
		/* One that had nothing to do may be gone by now. */
		if (sched_getaffinity(tid, sizeof(set), &set)) {
			CHECK_EQ(ESRCH, errno);
			continue;
		}
		CHECK(CPU_ISSET(cpu, &set) && CPU_COUNT(&set) == 1, "a worker has other CPUs");
		workers++;
	}
	closedir(dir);
	CHECK(workers, "there is no worker");
}

/*
 * Workers that are bound to a CPU. Those that there are stay where they are: so there is
 * none yet. Where /proc has the pids that the process knows.
 */
CKPT_CYCLE(bound_workers, .flags = SC_SUBTREE)
{
	unsigned long cpus = 1;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	enroll(&u, IORING_REGISTER_IOWQ_AFF, &cpus, sizeof(cpus));
	ckpt_ready_wait();
	worker_is_bound(&u, 0);
	uring_works(&u);
}

/* Two rings that are registered by places, one of which has no descriptor. */
CKPT_CYCLE(registered)
{
	struct io_uring_rsrc_update places[] = { { .offset = 3 }, { .offset = 9 } };
	struct uring u, closed;

	CHECK_SYS(uring_make(&u, 4, 0));
	CHECK_SYS(uring_make(&closed, 4, 0));
	places[0].data = u.fd;
	places[1].data = closed.fd;
	CHECK_EQ(2, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_RING_FDS, places, 2));
	close(closed.fd);
	ckpt_ready_wait();
	uring_prepare(&u, IORING_OP_NOP, 1);
	CHECK_EQ(1, syscall(__NR_io_uring_enter, 3, 1, 0, IORING_ENTER_REGISTERED_RING, NULL, 0));
	uring_take(&u, 1, 0);
	uring_prepare(&closed, IORING_OP_NOP, 2);
	CHECK_EQ(1, syscall(__NR_io_uring_enter, 9, 1, 0, IORING_ENTER_REGISTERED_RING, NULL, 0));
	uring_take(&closed, 2, 0);
	CHECK(syscall(__NR_io_uring_enter, 0, 0, 0, IORING_ENTER_REGISTERED_RING, NULL, 0) == -1 &&
	      errno == EBADF, "io_uring_enter: %s", strerror(errno));
	/* The kernel chooses the first place that is free. */
	places[0].offset = -1U;
	places[0].data = u.fd;
	CHECK_EQ(1, syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_RING_FDS, places, 1));
	CHECK_EQ(0, places[0].offset);
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

/* Waits until all threads of @pid are stopped; returns how many there are. */
static int all_stop(pid_t pid)
{
	char path[64], stat[64], buf[512];
	struct dirent *entry;
	int nr, running;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	do {
		nr = 0;
		running = 0;
		dir = opendir(path);
		CHECK(dir, "%s: %s", path, strerror(errno));
		while ((entry = readdir(dir))) {
			char *at;

			if (entry->d_name[0] == '.')
				continue;
			snprintf(stat, sizeof(stat), "/proc/%d/task/%d/stat", pid,
				 atoi(entry->d_name));
			at = strrchr(ckpt_read_file(stat, buf, sizeof(buf)), ')');
			CHECK(at, "%s: there is nothing in it", stat);
			running += at[2] != 'T';
			nr++;
		}
		closedir(dir);
		sched_yield();
	} while (running);
	return nr;
}

/* How many entries of its @u the kernel has not taken yet from @pid. */
static uint32_t not_taken(pid_t pid, struct uring *u)
{
	uint32_t head, tail;
	struct iovec to[] = { { &head, sizeof(head) }, { &tail, sizeof(tail) } };
	struct iovec from[] = {
		{ uring_word(u, u->params.sq_off.head), sizeof(head) },
		{ uring_word(u, u->params.sq_off.tail), sizeof(tail) },
	};

	CHECK_EQ(sizeof(head) + sizeof(tail), process_vm_readv(pid, to, 2, from, 2, 0));
	return tail - head;
}

/* Shared with a process that is stopped. */
static struct uring *stopped;

static int stops(void *arg)
{
	struct uring *u = stopped;

	(void)arg;
	CHECK_SYS(uring_make(u, 4, IORING_SETUP_SQPOLL));
	thread_works(u);
	while (!sleeps(u))
		sched_yield();
	uring_prepare(u, IORING_OP_NOP, 1);
	CHECK_SYS(raise(SIGSTOP));
	wake_and_take(u, 1);
	thread_works(u);
	return 0;
}

/*
 * The thread of a process that is stopped is stopped as well, and submits nothing. Where
 * /proc has the pids that the process knows.
 */
CKPT_CYCLE(thread_of_stopped, .flags = SC_SUBTREE)
{
	int status;
	pid_t kid;

	stopped = mmap(NULL, ckpt_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(stopped != MAP_FAILED, "mmap: %s", strerror(errno));
	kid = ckpt_fork(stops, NULL);
	CHECK_EQ(kid, waitpid(kid, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status), "status 0x%x", status);
	CHECK_EQ(2, all_stop(kid));
	ckpt_ready_wait();
	CHECK_EQ(2, all_stop(kid));
	/* What it is to submit is there still. */
	CHECK_EQ(1, not_taken(kid, stopped));
	CHECK_SYS(kill(kid, SIGCONT));
	ckpt_wait_exit(kid, 0);
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
