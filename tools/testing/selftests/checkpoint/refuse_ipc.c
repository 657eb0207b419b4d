// SPDX-License-Identifier: GPL-2.0
/* What of IPC can't be saved is refused by name. */
#include "refuse.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>

REFUSE_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC

/* Not attached: it is refused with its namespace. */
REFUSE(huge_segment, OWN)
{
	int id = shmget(IPC_PRIVATE, 1, SHM_HUGETLB | SHM_NORESERVE | 0600);

	if (id == -1 && errno != EPERM)
		not_here();
	CHECK_SYS(id);
	expect_refusal(getpid(), UNSUPPORTED, "System V shared memory %d: huge pages can't be saved: "
		       "have it made without them (SHM_HUGETLB)", id);
	ckpt_ready_wait();
	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
}

/* Of the memory itself: no mapping that is left has it. */
REFUSE(policy_of_segment)
{
	int id = CHECK_HERE(shmget(IPC_PRIVATE, CKPT_PAGE, 0600));
	unsigned long nodes = 1;
	char *p = shmat(id, NULL, 0);

	CHECK(p != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_HERE(syscall(__NR_mbind, p, CKPT_PAGE, 1, &nodes, 64, 0));
	CHECK_SYS(shmdt(p));
	p = shmat(id, NULL, 0);
	CHECK(p != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
	expect_refusal(getpid(), UNSUPPORTED, "System V shared memory %d: its memory has a NUMA policy "
		       "(mbind), which can't be saved: have it set to the default", id);
	ckpt_ready_wait();
	CHECK_EQ(0, p[0]);
}

REFUSE(posix_queue, OWN)
{
	int fd = CHECK_HERE(syscall(__NR_mq_open, "ckpt", O_RDWR | O_CREAT, 0600, NULL));

	CHECK_SYS(close(fd));
	expect_refusal(getpid(), UNSUPPORTED, "its ipc namespace has POSIX message queues, which can't "
		       "be saved yet: have them unlinked");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_mq_unlink, "ckpt"));
}

/* The memory of a segment, opened by another way. */
REFUSE(memory_of_segment)
{
	int id = CHECK_HERE(shmget(IPC_PRIVATE, CKPT_PAGE, 0600)), fd;
	char *p = shmat(id, NULL, 0), path[64];

	CHECK(p != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (long)p, (long)p + CKPT_PAGE);
	fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*: memory of System V shared memory can't "
		       "be saved yet", fd);
	ckpt_ready_wait();
	CHECK_EQ(0, p[0]);
}

/* Attached by a task that has gone to another namespace, which nobody else is in. */
REFUSE(namespace_of_nobody)
{
	int id;
	char *p;

	CHECK_SYS(unshare(CLONE_NEWIPC));
	id = CHECK_HERE(shmget(IPC_PRIVATE, CKPT_PAGE, 0600));
	p = shmat(id, NULL, 0);
	CHECK(p != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_SYS(unshare(CLONE_NEWIPC));
	expect_refusal(getpid(), "EBUSY", "System V shared memory %d: is of an ipc namespace that no "
		       "task is in: have it detach that (shmdt)", id);
	ckpt_ready_wait();
	CHECK_EQ(0, p[0]);
}

/* ---- what tasks outside have ---------------------------------------------- */

/* Enters the ipc namespace of the root and takes from a semaphore, to be undone. */
static pid_t helper;

static int takes_outside(void *run)
{
	int id = ((struct ckpt_run *)run)->board->value[0], ns, fds[2];
	struct sembuf up = { .sem_op = 1, .sem_flg = SEM_UNDO };
	char path[64], c;

	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", ((struct ckpt_run *)run)->pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || pipe2(fds, O_CLOEXEC))
		return -1;
	helper = fork();
	if (!helper) {
		if (setns(ns, CLONE_NEWIPC) || semop(id, &up, 1))
			_exit(1);
		close(ns);
		if (write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ns);
	close(fds[1]);
	if (read(fds[0], &c, 1) != 1)
		return -1;
	close(fds[0]);
	return 0;
}

static int kill_helper(void *run)
{
	kill(helper, SIGKILL);
	return waitpid(helper, NULL, 0) == helper ? 0 : -1;
}

REFUSE(undo_outside, OWN, .before = takes_outside, .after = kill_helper)
{
	int id = CHECK_HERE(semget(IPC_PRIVATE, 1, 0600));

	board->value[0] = id;
	expect_refusal(getpid(), "EBUSY", "System V semaphores %d: a task outside has adjustments of them "
		       "(SEM_UNDO): end that, or checkpoint it as well", id);
	ckpt_ready_wait();
	CHECK_EQ(0, semctl(id, 0, GETVAL));
}

TEST_HARNESS_MAIN
