// SPDX-License-Identifier: GPL-2.0
/* Open files that can't be saved: each is refused by its descriptor, name and kind. */
#include "refuse.h"

#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <linux/magic.h>

REFUSE_FIXTURE

#define YET	" can't be saved yet"
#define LOCKED	"file locks are not supported yet"
#define SIGNALS	"signals of files (O_ASYNC, F_SETOWN, leases) can't be saved yet"

static char path[320];

static int make(const char *name)
{
	return CHECK_SYS(open(ckpt_path(path, sizeof(path), name), O_RDWR | O_CREAT, 0600));
}

/* ---- locks and signals of files --------------------------------------- */

REFUSE(posix_lock)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 10 };
	int fd = make("posix");

	CHECK_SYS(fcntl(fd, F_SETLK, &lock));
	EXPECT_FD(fd, path, LOCKED);
	ckpt_ready_wait();
	lock.l_type = F_UNLCK;
	CHECK_SYS(fcntl(fd, F_SETLK, &lock));
}

REFUSE(ofd_lock)
{
	struct flock lock = { .l_type = F_RDLCK };
	int fd = make("ofd");

	CHECK_SYS(fcntl(fd, F_OFD_SETLK, &lock));
	EXPECT_FD(fd, path, LOCKED);
	ckpt_ready_wait();
	lock.l_type = F_UNLCK;
	CHECK_SYS(fcntl(fd, F_OFD_SETLK, &lock));
}

REFUSE(flock_lock)
{
	int fd = make("flock"), other;

	CHECK_SYS(flock(fd, LOCK_EX));
	EXPECT_FD(fd, path, LOCKED);
	ckpt_ready_wait();
	other = CHECK_SYS(open(path, O_RDWR));
	CHECK(flock(other, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK, "the lock is lost");
}

REFUSE(lease)
{
	int fd = make("lease");

	CHECK_SYS(fcntl(fd, F_SETLEASE, F_WRLCK));
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (%s): *", fd, path);
	ckpt_ready_wait();
	CHECK_EQ(F_WRLCK, fcntl(fd, F_GETLEASE));
}

REFUSE(owner)
{
	int fd[2];

	CHECK_SYS(pipe(fd));
	CHECK_SYS(fcntl(fd[0], F_SETOWN, getpid()));
	EXPECT_FD(fd[0], "*", SIGNALS);
	ckpt_ready_wait();
	CHECK_EQ(getpid(), fcntl(fd[0], F_GETOWN));
}

REFUSE(signal_of_file)
{
	int fd[2];

	CHECK_SYS(pipe(fd));
	CHECK_SYS(fcntl(fd[0], F_SETSIG, SIGUSR1));
	EXPECT_FD(fd[0], "*", SIGNALS);
	ckpt_ready_wait();
	CHECK_EQ(SIGUSR1, fcntl(fd[0], F_GETSIG));
}

REFUSE(async)
{
	int fd[2];

	CHECK_SYS(pipe(fd));
	signal(SIGIO, SIG_IGN);
	CHECK_SYS(fcntl(fd[0], F_SETFL, O_ASYNC));
	EXPECT_FD(fd[0], "*", SIGNALS);
	ckpt_ready_wait();
	CHECK(fcntl(fd[0], F_GETFL) & O_ASYNC, "O_ASYNC is lost");
}

/* ---- files of the kernel's own filesystems ---------------------------- */

static void other_filesystem(const char *name, const char *what)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*", what);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(procfs)
{
	other_filesystem("/proc/self/status", "a file of procfs" YET);
}

REFUSE(procfs_directory)
{
	other_filesystem("/proc/self", "a file of procfs" YET);
}

REFUSE(sysfs)
{
	other_filesystem("/sys/kernel/uevent_seqnum", "a file of sysfs" YET);
}

REFUSE(cgroupfs)
{
	other_filesystem("/sys/fs/cgroup", "a file of cgroupfs" YET);
}

REFUSE(debugfs)
{
	other_filesystem("/sys/kernel/debug", "a file of debugfs" YET);
}

REFUSE(namespace_file)
{
	other_filesystem("/proc/self/ns/net", "a namespace" YET);
}

REFUSE(message_queue)
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 8 };
	mqd_t q;

	mq_unlink("/ckpt-refused");
	q = CHECK_HERE(mq_open("/ckpt-refused", O_RDWR | O_CREAT, 0600, &attr));
	EXPECT_FD((int)q, "*", "a POSIX message queue" YET);
	ckpt_ready_wait();
	CHECK_SYS(mq_send(q, "m", 1, 0));
	CHECK_SYS(mq_unlink("/ckpt-refused"));
}

/* ---- devices --------------------------------------------------------- */

REFUSE(kernel_log)
{
	int fd = open("/dev/kmsg", O_WRONLY);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*kmsg", "the kernel log" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(character_device)
{
	int fd = open("/dev/hwrng", O_RDONLY);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*hwrng", "a character device" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(block_device)
{
	int fd = open("/dev/vda", O_RDONLY);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*vda", "a block device" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* What lies on no filesystem has no path. */
REFUSE(path_of_a_pipe)
{
	int fd[2], path_fd;

	CHECK_SYS(pipe(fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	path_fd = CHECK_SYS(open(path, O_PATH));
	EXPECT_FD(path_fd, "*", "neither file nor directory, opened with O_PATH" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(path_fd, F_GETFD));
}

/* ---- files that can't be found again ---------------------------------- */

/* Of names that are not in use the kernel need not know. */
static void forget_names(void)
{
	int fd = CHECK_HERE(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC)), i;

	for (i = 0; i < 3; i++)
		CHECK_SYS(pwrite(fd, "2", 1, 0));
	CHECK_SYS(close(fd));
}

REFUSE(other_name_is_not_known)
{
	char name[] = "/var/tmp/ckpt-XXXXXX", other[64];
	int fd = CHECK_SYS(mkstemp(name)), fs;
	struct statfs st;

	CHECK_SYS(fstatfs(fd, &st));
	fs = st.f_type;
	snprintf(other, sizeof(other), "%s-2", name);
	CHECK_SYS(link(name, other));
	CHECK_SYS(unlink(name));
	if (fs == TMPFS_MAGIC) {
		/* It has no names but those that it knows. */
		unlink(other);
		not_here();
	}
	forget_names();
	EXPECT_FD(fd, "*", "was removed by this name, and its other one is not known: "
		       "give it this one back");
	ckpt_ready_wait();
	CHECK_SYS(unlink(other));
}

REFUSE(removed_directory_with_attribute)
{
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	fd = CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY));
	CHECK_HERE(setxattr(path, "user.ckpt", "value", 5, 0));
	CHECK_SYS(rmdir(path));
	EXPECT_FD(fd, "*", "was removed, and has extended attributes: have them removed");
	ckpt_ready_wait();
	CHECK(openat(fd, "x", O_RDWR | O_CREAT, 0600) == -1 && errno == ENOENT, "it is back");
}

REFUSE(removed_root_directory)
{
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "root"), 0700));
	fd = CHECK_SYS(open("/", O_PATH | O_DIRECTORY));
	CHECK_SYS(chroot(path));
	CHECK_SYS(unlinkat(fd, path + 1, AT_REMOVEDIR));
	CHECK_SYS(close(fd));
	expect_refusal(getpid(), UNSUPPORTED, "root directory: has been removed: "
		       "make it again, or have it left");
	ckpt_ready_wait();
	CHECK(access("/x", F_OK) == -1 && errno == ENOENT, "it is back");
}

REFUSE(hidden_by_a_mount)
{
	char below[400];
	int fd, errors = 0;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "mnt"), 0700));
	snprintf(below, sizeof(below), "%s/file", path);
	fd = CHECK_SYS(open(below, O_RDWR | O_CREAT, 0600));
	CHECK_SYS(mount("none", path, "tmpfs", 0, NULL));
	EXPECT_FD(fd, "*", "another mount hides its path: "
		       "unmount that first");
	ckpt_ready_wait();
	errors += umount(path);
	errors += unlink(below);
	CHECK_EQ(0, errors);
}

/* ---- what reaches outside -------------------------------------------- */

/* A pipe of the test, by way of /proc. */
static int outside[2];

static int pipe_outside(const struct ckpt_scenario *sc)
{
	char name[64];
	int ret;

	if (pipe2(outside, O_CLOEXEC))
		return -1;
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", getpid(), outside[1]);
	setenv("CKPT_PIPE", name, 1);
	ret = ckpt_refuse(sc);
	close(outside[0]);
	close(outside[1]);
	return ret;
}

static void writes_outside(void)
{
	int fd = CHECK_SYS(open(getenv("CKPT_PIPE"), O_WRONLY));

	expect_refusal(getpid(), "EBUSY", "*pipe's other end is outside: "
		       "start the tasks with a file instead, or checkpoint what has that end as well");
	ckpt_ready_wait();
	CHECK_EQ(1, write(fd, "o", 1));
}

CKPT_SCENARIO(pipe_of_container, .flags = SC_CONTAINER)
{
	writes_outside();
}

TEST_F_TIMEOUT(refuse, pipe_of_container, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, pipe_outside(&pipe_of_container));
}

/* ---- all at once ----------------------------------------------------- */

static int has_two(void *arg)
{
	board->value[1] = CHECK_SYS(inotify_init1(0));
	board->value[2] = CHECK_SYS(timerfd_create(CLOCK_MONOTONIC, 0));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(fcntl(board->value[1], F_GETFD));
	return 0;
}

REFUSE(five_at_once)
{
	pid_t kid = ckpt_fork(has_two, NULL);
	int fd[3];

	ckpt_step_wait(0, 1);
	fd[0] = CHECK_SYS(eventfd(0, 0));
	fd[1] = CHECK_SYS(epoll_create1(0));
	fd[2] = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW, 0));
	EXPECT_FD(fd[0], "*", "an eventfd" YET);
	EXPECT_FD(fd[1], "*", "an epoll instance" YET);
	EXPECT_FD(fd[2], "*", "a netlink socket" YET);
	expect_refusal(kid, UNSUPPORTED, "descriptor %d (*): an inotify instance" YET,
		       (int)board->value[1]);
	expect_refusal(kid, UNSUPPORTED, "descriptor %d (*): a timerfd" YET, (int)board->value[2]);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd[2], F_GETFD));
	ckpt_wait_exit(kid, 0);
}

TEST_HARNESS_MAIN
