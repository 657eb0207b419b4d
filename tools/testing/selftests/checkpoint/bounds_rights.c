// SPDX-License-Identifier: GPL-2.0
/*
 * Rights that restart(2) asks of its caller for what single kinds of objects have, besides
 * those in the table of privileges.c: without them it is refused by name, nothing is left, and the
 * image is as good as before for who has them.
 */
#include "bounds_rights.h"
#include "huge.h"
#include "ptrace.h"
#include "uring.h"
#include "userfault.h"

#include <mqueue.h>
#include <sched.h>
#include <stddef.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/fanotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>

/* Another user has said who is to get the signals of a pipe. */
CKPT_SCENARIO(owner_of_a_file)
{
	int p[2];

	CHECK_SYS(pipe(p));
	be(USER);
	CHECK_SYS(fcntl(p[0], F_SETOWN, getpid()));
	be(0);
	CHECK_SYS(drop_cap(CAP_SETUID));
	ckpt_ready_wait();
	CHECK_EQ(getpid(), fcntl(p[0], F_GETOWN));
}

/* A lease of another user's file. */
CKPT_SCENARIO(lease)
{
	char path[320];
	int fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "leased"), O_WRONLY | O_CREAT, 0600));

	CHECK_SYS(fchown(fd, USER, USER));
	CHECK_SYS(close(fd));
	fd = CHECK_SYS(open(path, O_RDONLY));
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_RDLCK));
	CHECK_SYS(drop_cap(CAP_LEASE));
	ckpt_ready_wait();
	CHECK_EQ(F_RDLCK, fcntl(fd, F_GETLEASE));
}

/* Semaphores that another user has made. */
CKPT_SCENARIO(semaphores, .clone_flags = CLONE_NEWIPC)
{
	struct semid_ds ds;
	int id;

	be(USER);
	id = CHECK_SYS(semget(IPC_PRIVATE, 1, 0600));
	be(0);
	CHECK_SYS(drop_cap(CAP_SETUID));
	ckpt_ready_wait();
	CHECK_SYS(semctl(id, 0, IPC_STAT, &ds));
	CHECK_EQ((uid_t)USER, ds.sem_perm.cuid);
}

/* A message queue that is accounted to another user. */
CKPT_SCENARIO(queue, .clone_flags = CLONE_NEWIPC)
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 16 };
	mqd_t q;

	be(USER);
	q = CHECK_SYS(mq_open("/ckpt-rights", O_CREAT | O_EXCL | O_RDWR, 0600, &attr));
	be(0);
	CHECK_SYS(drop_cap(CAP_SETUID));
	ckpt_ready_wait();
	CHECK_SYS(mq_getattr(q, &attr));
	CHECK_EQ(2, attr.mq_maxmsg);
}

/* A userfaultfd that is told of forks, and so sees memory of the children. */
CKPT_SCENARIO(monitor)
{
	int fd = new_uffd(0, UFFD_FEATURE_EVENT_FORK);

	CHECK_SYS(drop_cap(CAP_SYS_PTRACE));
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

CKPT_SCENARIO(ring)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 2, 0));
	ckpt_ready_wait();
	CHECK_SYS(fcntl(u.fd, F_GETFD));
}

/* A segment that another user has made, and a queue of messages. */
CKPT_SCENARIO(segment, .clone_flags = CLONE_NEWIPC)
{
	struct shmid_ds ds;
	int id;

	be(USER);
	id = CHECK_SYS(shmget(IPC_PRIVATE, CKPT_PAGE, 0600));
	be(0);
	CHECK_SYS(drop_cap(CAP_SETUID));
	ckpt_ready_wait();
	CHECK_SYS(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ((uid_t)USER, ds.shm_perm.cuid);
}

CKPT_SCENARIO(messages, .clone_flags = CLONE_NEWIPC)
{
	struct msqid_ds ds;
	int id;

	be(USER);
	id = CHECK_SYS(msgget(IPC_PRIVATE, 0600));
	be(0);
	CHECK_SYS(drop_cap(CAP_SETUID));
	ckpt_ready_wait();
	CHECK_SYS(msgctl(id, IPC_STAT, &ds));
	CHECK_EQ((uid_t)USER, ds.msg_perm.cuid);
}

/* A segment of huge pages. */
CKPT_SCENARIO(huge_segment, .clone_flags = CLONE_NEWIPC)
{
	struct shmid_ds ds;
	int id;

	huge = huge_size();
	id = CHECK_SYS(shmget(IPC_PRIVATE, huge, SHM_HUGETLB | huge_flag(huge) | 0600));
	CHECK_SYS(drop_cap(CAP_IPC_LOCK));
	ckpt_ready_wait();
	CHECK_SYS(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(huge, ds.shm_segsz);
}

/* A fanotify group of which only some may have one. */
CKPT_SCENARIO(group)
{
	int fd = CHECK_SYS(fanotify_init(FAN_CLASS_NOTIF | FAN_UNLIMITED_QUEUE, O_RDONLY));

	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

static int waits_with_less(void *arg)
{
	CHECK_SYS(drop_cap(CAP_SYS_BOOT));
	return ckpt_child_waits(arg);
}

/* A tracer that has all that its tracee has, and more. */
CKPT_SCENARIO(tracer)
{
	pid_t kid = ckpt_fork(waits_with_less, NULL);
	int status;

	ckpt_step_wait(0, 1);
	CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, 0));
	ckpt_ready_wait();
	CHECK_EQ(kid, waitpid(kid, &status, __WALL));
	CHECK(WIFEXITED(status), "status 0x%x", status);
}

/* Filters, which tell what a program is about. */
CKPT_SCENARIO(filtered)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getsid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = steps };

	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	CHECK_SYS(drop_cap(CAP_SYS_ADMIN));
	ckpt_ready_wait();
	CHECK(getsid(0) == -1 && errno == EPROTO, "it is not filtered");
}

TEST_F_TIMEOUT(rights, owner_of_a_file, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&owner_of_a_file, false, CAP_SETUID, EPERM,
			   "its owner (F_SETOWN) can't be set: user ids that the caller may not take"));
}

TEST_F_TIMEOUT(rights, lease, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&lease, false, CAP_LEASE, EACCES,
			   "who opened it and the task neither own it nor have CAP_LEASE"));
}

TEST_F_TIMEOUT(rights, semaphores, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&semaphores, true, CAP_SETUID, EPERM,
			   "the caller may not give it to its owner (CAP_SETUID"));
}

TEST_F_TIMEOUT(rights, message_queue, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&queue, true, CAP_SETUID, EPERM,
			   "the caller may not have it accounted to its user (CAP_SETUID)"));
}

TEST_F_TIMEOUT(rights, userfaultfd, CKPT_TIMEOUT)
{
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		SKIP(return, "there are no userfaultfds here");
	close(fd);
	ASSERT_EQ(0, needs(&monitor, false, CAP_SYS_PTRACE, EPERM,
			   "who had made it may not have one like this here (CAP_SYS_PTRACE"));
}

TEST_F_TIMEOUT(rights, io_uring, CKPT_TIMEOUT)
{
	static const char disabled[] = "/proc/sys/kernel/io_uring_disabled";
	struct io_uring_params params = { };
	char was[16];
	int fd, ret;

	ckpt_read_file(disabled, was, sizeof(was));
	fd = syscall(__NR_io_uring_setup, 2, &params);
	if (fd < 0)
		SKIP(return, "there are no io_urings here");
	close(fd);
	ASSERT_EQ(0, saved(&ring, false));
	fd = open(disabled, O_WRONLY | O_CLOEXEC);
	ASSERT_EQ(1, pwrite(fd, "2", 1, 0));
	ret = denied(NONE, EPERM,
		     "lets nobody, or only some, use io_uring (kernel.io_uring_disabled)");
	ASSERT_EQ(1, pwrite(fd, was, 1, 0));
	close(fd);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, works());
}

TEST_F_TIMEOUT(rights, shared_memory, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&segment, true, CAP_SETUID, EPERM,
			   "the caller may not give it to its owner (CAP_SETUID"));
}

TEST_F_TIMEOUT(rights, messages, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&messages, true, CAP_SETUID, EPERM,
			   "the caller may not give it to its owner (CAP_SETUID"));
}

TEST_F_TIMEOUT(rights, huge_pages, CKPT_TIMEOUT)
{
	static const char allowed[] = "/proc/sys/vm/hugetlb_shm_group";
	size_t size = huge_size();
	long before;
	char was[32];
	int fd, ret;

	if (!size || size > HUGE_LARGEST)
		SKIP(return, "this machine has no huge pages, or too large ones");
	before = huge_number(size, "nr_hugepages");
	if (set_huge_pool(size, HUGE_POOL) < HUGE_POOL) {
		set_huge_pool(size, before);
		SKIP(return, "there is no room for huge pages");
	}
	/* That is the group of root. */
	ckpt_read_file(allowed, was, sizeof(was));
	fd = open(allowed, O_WRONLY | O_CLOEXEC);
	ASSERT_EQ(4, pwrite(fd, "4711", 4, 0));
	ret = needs(&huge_segment, true, CAP_IPC_LOCK, EPERM,
		    "or not have huge pages (CAP_IPC_LOCK, vm.hugetlb_shm_group)");
	ASSERT_LT(0, pwrite(fd, was, strlen(was), 0));
	close(fd);
	set_huge_pool(size, before);
	ASSERT_EQ(0, ret);
}

TEST_F_TIMEOUT(rights, fanotify, CKPT_TIMEOUT)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);

	if (fd < 0)
		SKIP(return, "there is no fanotify here");
	close(fd);
	ASSERT_EQ(0, forged(&group, false, EPERM,
			    "who had made it may not have one like this here (CAP_SYS_ADMIN)"));
}

TEST_F_TIMEOUT(rights, tracer, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, forged(&tracer, false, EPERM, "may not trace it: by its credentials"));
}

TEST_F_TIMEOUT(rights, seccomp, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, shows(&filtered, false, CAP_SYS_ADMIN, EPERM,
			   "has seccomp filters, which only a caller with CAP_SYS_ADMIN"));
}

TEST_HARNESS_MAIN
