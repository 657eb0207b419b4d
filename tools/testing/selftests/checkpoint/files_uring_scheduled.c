// SPDX-License-Identifier: GPL-2.0
/*
 * How the thread of the kernel is scheduled that submits for an io_uring
 * (IORING_SETUP_SQPOLL): the CPU that the ring was set up with, CPUs and priorities that were
 * set since by the id of the thread, and those of the process, which were changed since. Where
 * /proc has the pids that the process knows.
 */
#include "common.h"
#include "uring.h"

#include <dirent.h>
#include <sched.h>
#include <sys/resource.h>

#define USER 65534

#define SCHEDULED_BEGIN() do {						\
	cpu_set_t __cpus;						\
									\
	URING_BEGIN();							\
	if (sched_getaffinity(0, sizeof(__cpus), &__cpus) || !CPU_ISSET(0, &__cpus)) \
		SKIP(return, "CPU 0 is not for us");			\
} while (0)

CKPT_FIXTURE_IF(SCHEDULED_BEGIN)

/* The thread that submits: there is one, and no worker. */
static pid_t thread(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	pid_t found = 0;

	CHECK(dir, "/proc/self/task: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		pid_t tid = atoi(entry->d_name);

		if (!tid || tid == getpid())
			continue;
		CHECK(!found, "there is more than one thread");
		found = tid;
	}
	closedir(dir);
	CHECK(found, "there is no thread that submits");
	return found;
}

static void submits(struct uring *u)
{
	unsigned int flags = IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP;

	uring_prepare(u, IORING_OP_NOP, 1);
	CHECK_SYS(syscall(__NR_io_uring_enter, u->fd, 0, 1, flags, NULL, 0));
	uring_take(u, 1, 0);
	uring_is_empty(u);
}

static cpu_set_t cpus_of(pid_t tid)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CHECK_SYS(sched_getaffinity(tid, sizeof(set), &set));
	return set;
}

/* The CPU with the number @n among those that this process may have, or the last one. */
static int cpu(int n)
{
	cpu_set_t set = cpus_of(0);
	int i, last = -1;

	for (i = 0; i < CPU_SETSIZE && n >= 0; i++) {
		if (CPU_ISSET(i, &set)) {
			last = i;
			n--;
		}
	}
	return last;
}

static void bind_to(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_SYS(sched_setaffinity(tid, sizeof(set), &set));
}

static void is_bound_to(pid_t tid, int cpu)
{
	cpu_set_t set = cpus_of(tid);

	CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set), "the thread has other CPUs");
}

/* With its CPU, whose number is 0 in the parameters. */
static void make_on_cpu(struct uring *u)
{
	CHECK_SYS(uring_make(u, 4, IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF));
	submits(u);
	is_bound_to(thread(), 0);
}

CKPT_CYCLE(on_cpu, .flags = SC_SUBTREE)
{
	struct uring u;

	make_on_cpu(&u);
	ckpt_ready_wait();
	submits(&u);
	is_bound_to(thread(), 0);
}

/* It was bound to another CPU since. */
CKPT_CYCLE(moved_from_cpu, .flags = SC_SUBTREE)
{
	int other = cpu(1);
	struct uring u;

	make_on_cpu(&u);
	bind_to(thread(), other);
	submits(&u);
	ckpt_ready_wait();
	submits(&u);
	is_bound_to(thread(), other);
}

/* It was bound to a CPU, and may run on all now. */
CKPT_CYCLE(freed, .flags = SC_SUBTREE)
{
	cpu_set_t all = cpus_of(0), set;
	struct uring u;

	make_on_cpu(&u);
	CHECK_SYS(sched_setaffinity(thread(), sizeof(all), &all));
	submits(&u);
	ckpt_ready_wait();
	submits(&u);
	set = cpus_of(thread());
	CHECK(CPU_EQUAL(&all, &set), "the thread has other CPUs");
}

/* It was set up with no CPU, and bound to one since. */
CKPT_CYCLE(bound, .flags = SC_SUBTREE)
{
	int last = cpu(CPU_SETSIZE);
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SQPOLL));
	submits(&u);
	bind_to(thread(), last);
	submits(&u);
	ckpt_ready_wait();
	submits(&u);
	is_bound_to(thread(), last);
}

/* The process was bound to a CPU since, and the thread was not. */
CKPT_CYCLE(process_bound, .flags = SC_SUBTREE)
{
	cpu_set_t before, after;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SQPOLL));
	submits(&u);
	bind_to(0, cpu(0));
	before = cpus_of(thread());
	ckpt_ready_wait();
	submits(&u);
	after = cpus_of(thread());
	CHECK(CPU_EQUAL(&before, &after), "the thread has other CPUs");
	is_bound_to(0, cpu(0));
}

/* Nice values: of the thread, and of the process since. */
CKPT_CYCLE(nice_values, .flags = SC_SUBTREE)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SQPOLL));
	submits(&u);
	CHECK_SYS(setpriority(PRIO_PROCESS, thread(), 3));
	CHECK_SYS(setpriority(PRIO_PROCESS, 0, 5));
	ckpt_ready_wait();
	submits(&u);
	CHECK_EQ(3, getpriority(PRIO_PROCESS, thread()));
	CHECK_EQ(5, getpriority(PRIO_PROCESS, 0));
}

/* Who has set it has more rights than who had made the ring, and so has the caller. */
CKPT_CYCLE(set_by_root, .flags = SC_SUBTREE)
{
	struct uring u;

	CHECK_SYS(setresuid(USER, USER, 0));
	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SQPOLL));
	CHECK_SYS(setresuid(0, 0, 0));
	submits(&u);
	CHECK_SYS(setpriority(PRIO_PROCESS, thread(), -5));
	ckpt_ready_wait();
	submits(&u);
	CHECK_EQ(-5, getpriority(PRIO_PROCESS, thread()));
	CHECK_EQ(0, getpriority(PRIO_PROCESS, 0));
}

/* A policy of its own, with the nice value that it does not use. */
CKPT_CYCLE(idle, .flags = SC_SUBTREE)
{
	struct sched_param none = { .sched_priority = 0 };
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SQPOLL));
	submits(&u);
	CHECK_SYS(setpriority(PRIO_PROCESS, thread(), 7));
	CHECK_SYS(sched_setscheduler(thread(), SCHED_IDLE, &none));
	ckpt_ready_wait();
	submits(&u);
	CHECK_EQ(SCHED_IDLE, sched_getscheduler(thread()));
	CHECK_EQ(7, getpriority(PRIO_PROCESS, thread()));
	CHECK_EQ(SCHED_OTHER, sched_getscheduler(0));
}

TEST_HARNESS_MAIN
