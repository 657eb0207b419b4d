// SPDX-License-Identifier: GPL-2.0
/*
 * Rights that restart(2) asks of its caller for what single kinds of objects have, besides
 * those in the table of privileges.c: without them it is refused by name, nothing is left, and the
 * image is as good as before for who has them.
 */
#include "fault.h"
#include "net_devices.h"
#include "uring.h"
#include "userfault.h"

#include <mqueue.h>
#include <sched.h>
#include <linux/capability.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#define USER	1000
#define NONE	-1

static struct ckpt_run run;
static int image = -1;

/* For good: who has it permitted only may take it again. */
static int drop_cap(int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(__NR_capget, &header, data))
		return -1;
	data[cap / 32].effective &= ~(1u << cap % 32);
	data[cap / 32].permitted &= ~(1u << cap % 32);
	return syscall(__NR_capset, &header, data);
}

/* The user that this one is, and acts as, from now on; back again with 0. */
static void be(uid_t uid)
{
	CHECK_SYS(setresuid(uid, uid, 0));
}

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

/* A network namespace whose loopback device is on. */
CKPT_SCENARIO(loopback, .clone_flags = CLONE_NEWNET)
{
	switch_lo(true);
	CHECK_SYS(drop_cap(CAP_NET_ADMIN));
	ckpt_ready_wait();
	CHECK(lo_is_on(), "the loopback device is off");
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

FIXTURE(rights) { int unused; };

FIXTURE_SETUP(rights)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(rights)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* In a child: restart(2) without @cap fails with @err and a line that has @text. */
static int fails(int cap, int err, const char *text)
{
	int low = lowest_free(&run);
	struct restart_args args;
	long ret;

	if (cap != NONE && drop_cap(cap))
		return -1;
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	ret = sys_restart(&args, sizeof(args));
	if (ret == -1 && errno == err && ckpt_run_log_has(&run, text))
		return nothing_left(&run, low);
	ckpt_diag("%ld, errno %d, not %d: %s", ret, errno, err, text);
	ckpt_run_print_log(&run);
	return -1;
}

static int denied(int cap, int err, const char *text)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(fails(cap, err, text) ? 1 : 0);
	return waitpid(pid, &status, 0) == pid && !status ? 0 : -1;
}

static int saved(const struct ckpt_scenario *sc, bool container)
{
	return ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) ||
	       ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) ? -1 : 0;
}

/* Who has all rights restarts it. */
static int works(void)
{
	if (ckpt_run_restart(&run, image, 0))
		return -1;
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

static int needs(const struct ckpt_scenario *sc, bool container, int cap, int err,
		 const char *text)
{
	return saved(sc, container) || denied(cap, err, text) ? -1 : works();
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

TEST_F_TIMEOUT(rights, loopback, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&loopback, true, CAP_NET_ADMIN, EPERM,
			   "its network namespace can't be set up (CAP_NET_ADMIN)"));
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

TEST_HARNESS_MAIN
