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
#include <sys/socket.h>
#include <sys/stat.h>

REFUSE_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC

/* ---- POSIX message queues --------------------------------------------- */

#define QUEUE	"ckpt-refused"

static int queue(void)
{
	int fd;

	syscall(__NR_mq_unlink, QUEUE);
	fd = CHECK_HERE(syscall(__NR_mq_open, QUEUE, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
	CHECK_SYS(syscall(__NR_mq_unlink, QUEUE));
	return fd;
}

/* A mount of the caller's queues that has no place. */
static int mount_of_queues(void)
{
	int fs = CHECK_HERE(syscall(__NR_fsopen, "mqueue", 1 /* FSOPEN_CLOEXEC */)), mnt;

	CHECK_SYS(syscall(__NR_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0));
	mnt = CHECK_SYS(syscall(__NR_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0));
	CHECK_SYS(close(fs));
	return mnt;
}

REFUSE(queue_by_path)
{
	int mnt = mount_of_queues(), fd, dir;

	unlinkat(mnt, QUEUE, 0);
	fd = CHECK_SYS(openat(mnt, QUEUE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	CHECK_SYS(unlinkat(mnt, QUEUE, 0));
	dir = CHECK_SYS(openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK_SYS(close(mnt));
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*: a message queue that was opened by the "
		       "path of a mount can't be saved: have it opened by its name (mq_open)", fd);
	EXPECT_FD(dir, "*", "a file of a mount of mqueue can't be saved yet");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_mq_timedsend, fd, "x", 1, 0, NULL));
}

/* Not everybody may make queues there any more. */
REFUSE(queue_directory, OWN)
{
	int mnt = mount_of_queues(), dir;

	dir = CHECK_SYS(openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK_SYS(close(mnt));
	CHECK_SYS(fchmod(dir, 0755));
	CHECK_SYS(close(dir));
	expect_refusal(getpid(), UNSUPPORTED, "the directory of the POSIX message queues of its ipc "
		       "namespace has got other permissions: give it 1777 again (chmod)");
	ckpt_ready_wait();
	CHECK_SYS(close(queue()));
}

/* As glibc has a thread notified. */
REFUSE(queue_notifies_by_socket)
{
	int fd = queue(), sock = CHECK_HERE(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
	char cookie[32] = "cookie", got[32];
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD,
		.sigev_signo = sock,
		.sigev_value.sival_ptr = cookie,
	};

	CHECK_SYS(syscall(__NR_mq_notify, fd, &event));
	expect_refusal(getpid(), UNSUPPORTED, "POSIX message queue " QUEUE ": it notifies of a message by "
		       "a thread (mq_notify with SIGEV_THREAD), which can't be saved yet: have that taken "
		       "back");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_mq_timedsend, fd, "x", 1, 0, NULL));
	CHECK_EQ(sizeof(got), recv(sock, got, sizeof(got), 0));
	CHECK_EQ(0, memcmp("cookie", got, 6));
}

static int asks_and_exits(void *arg)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };

	return syscall(__NR_mq_notify, *(int *)arg, &event) ? 1 : 0;
}

/* Who has the table of descriptors with others does not close them when it exits. */
REFUSE(queue_notifies_the_dead)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd = queue();
	pid_t kid = CHECK_SYS(clone(asks_and_exits, stack + sizeof(stack), CLONE_FILES | SIGCHLD, &fd));

	ckpt_wait_exit(kid, 0);
	expect_refusal(getpid(), "EBUSY", "POSIX message queue " QUEUE ": whom it is to notify of a "
		       "message (mq_notify) is outside, or has exited: have that taken back, or send a "
		       "message to the empty queue");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_mq_timedsend, fd, "x", 1, 0, NULL));
	CHECK_EQ(0, asks_and_exits(&fd));
}

/* Open in a task that has gone to another namespace, which nobody else is in. */
REFUSE(queue_of_nobody)
{
	int fd;

	CHECK_SYS(unshare(CLONE_NEWIPC));
	fd = queue();
	CHECK_SYS(unshare(CLONE_NEWIPC));
	expect_refusal(getpid(), "EBUSY", "POSIX message queue " QUEUE ": is of an ipc namespace that no "
		       "task is in: have it closed");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_mq_timedsend, fd, "x", 1, 0, NULL));
}

/* ---- shared memory ---------------------------------------------------- */

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

/* The test has its list, in which there is something to be undone. */
REFUSE(list_shared_outside, .flags = SC_CONTAINER, .clone_flags = CLONE_SYSVSEM)
{
	struct sembuf up = { .sem_op = 1, .sem_flg = SEM_UNDO };
	int id = CHECK_HERE(semget(IPC_PRIVATE, 1, 0600));

	CHECK_SYS(semop(id, &up, 1));
	expect_refusal(getpid(), "EBUSY", "list of semaphore adjustments: a task outside shares it "
		       "(CLONE_SYSVSEM): checkpoint both together");
	/* They are of the caller's namespace. */
	expect_refusal(getpid(), UNSUPPORTED, "has adjustments (SEM_UNDO) of System V semaphores "
		       "in the caller's ipc namespace: have it give the semaphores back, or start "
		       "it in an ipc namespace of its own (unshare --ipc)");
	ckpt_ready_wait();
	CHECK_EQ(1, semctl(id, 0, GETVAL));
	CHECK_SYS(semctl(id, 0, IPC_RMID));
}

TEST_HARNESS_MAIN
