// SPDX-License-Identifier: GPL-2.0
/* Open files that can't be saved: each is refused by its descriptor, name and kind. */
#include "refuse.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/timerfd.h>
#include <sys/xattr.h>

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

REFUSE(removed_with_attribute)
{
	char buf[8], name[] = "/dev/shm/ckpt-xattr-XXXXXX";
	int fd = CHECK_SYS(mkstemp(name));

	CHECK_SYS(unlink(name));
	CHECK_HERE(fsetxattr(fd, "user.ckpt", "value", 5, 0));
	EXPECT_FD(fd, "*", "was removed, and has extended attributes: "
		       "have them removed");
	ckpt_ready_wait();
	CHECK_EQ(5, fgetxattr(fd, "user.ckpt", buf, sizeof(buf)));
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

REFUSE(procfs_of_process_outside)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/status", getppid());
	fd = CHECK_SYS(open(name, O_RDONLY));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (%s): shows pid %d (*), which is outside of "
		       "the tree: have it closed, or checkpoint that as well", fd, name, getppid());
	ckpt_ready_wait();
	CHECK(read(fd, name, sizeof(name)) > 0, "it is closed");
}

#define RIGHT "gives a right over another process, which can't be saved yet: have it closed"

/* @name of a child, which goes on when the word comes. */
static void of_child(const char *name, int flags, const char *what)
{
	pid_t pid = ckpt_fork(ckpt_child_waits, NULL);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = CHECK_SYS(open(path, flags | O_CLOEXEC));
	EXPECT_FD(fd, path, what);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
	ckpt_wait_exit(pid, 0);
}

REFUSE(procfs_memory_of_another)
{
	of_child("mem", O_RDWR, RIGHT);
}

REFUSE(procfs_maps_of_another)
{
	of_child("maps", O_RDONLY, RIGHT);
}

REFUSE(procfs_name_of_another)
{
	of_child("comm", O_WRONLY, RIGHT);
}

REFUSE(procfs_directory_of_rights)
{
	of_child("fd", O_RDONLY | O_DIRECTORY, RIGHT);
}

REFUSE(procfs_unknown_entry)
{
	other_filesystem("/proc/self/uid_map",
			 "gives a right or shows something that can't be saved yet");
}

REFUSE(procfs_kernel_log)
{
	other_filesystem("/proc/kmsg", "holds something by being open, which can't be saved yet: "
			 "have it closed");
}

REFUSE(procfs_memory_of_dead)
{
	pid_t pid = ckpt_fork(ckpt_child_waits, NULL);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = CHECK_SYS(open(path, O_RDONLY));
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_FD(fd, "*", "is of a process that has ended: have it closed");
	ckpt_ready_wait();
	CHECK(read(fd, path, sizeof(path)) <= 0, "it has memory");
}

REFUSE(procfs_working_directory)
{
	CHECK_SYS(chdir("/proc/self"));
	expect_refusal(getpid(), UNSUPPORTED, "working directory *: is the directory of a process in "
		       "procfs: have it left");
	ckpt_ready_wait();
	CHECK_SYS(access("status", R_OK));
}

REFUSE(cgroupfs)
{
	other_filesystem("/sys/fs/cgroup", "a file of cgroupfs" YET);
}

REFUSE(debugfs)
{
	other_filesystem("/sys/kernel/debug", "a file of debugfs" YET);
}

REFUSE(namespace_of_others)
{
	int fd = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY)), back = fd;

	if (unshare(CLONE_NEWNET))
		not_here();
	fd = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY));
	CHECK_SYS(setns(back, CLONE_NEWNET));
	EXPECT_FD(fd, "*", "is the network namespace of others, in which neither the caller nor a task "
		  "of the tree is: have it closed");
	ckpt_ready_wait();
	CHECK_SYS(setns(fd, CLONE_NEWNET));
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

REFUSE(symbolic_link)
{
	int fd;

	CHECK_SYS(symlink("/dev/null", ckpt_path(path, sizeof(path), "link")));
	fd = CHECK_SYS(open(path, O_PATH | O_NOFOLLOW));
	EXPECT_FD(fd, path, "neither file nor directory, opened with O_PATH" YET);
	ckpt_ready_wait();
	CHECK_EQ(9, readlinkat(fd, "", path, sizeof(path)));
}

/* ---- files that can't be found again ---------------------------------- */

REFUSE(removed_by_this_name)
{
	char other[320];
	int fd = make("first");

	CHECK_SYS(link(path, ckpt_path(other, sizeof(other), "second")));
	CHECK_SYS(unlink(path));
	EXPECT_FD(fd, "*", "was removed by this name, but has another: "
		       "give it this one back");
	ckpt_ready_wait();
	CHECK_EQ(1, write(fd, "x", 1));
}

REFUSE(removed_path_only)
{
	int fd;
	struct stat st;

	CHECK_SYS(close(make("gone")));
	fd = CHECK_SYS(open(path, O_PATH));
	CHECK_SYS(unlink(path));
	EXPECT_FD(fd, "*", "was removed and is open for its path only: "
		       "have it closed");
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(0, st.st_nlink);
}

REFUSE(removed_directory)
{
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	fd = CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY));
	CHECK_SYS(rmdir(path));
	EXPECT_FD(fd, "*", "has been removed: "
		       "make it again, or close it");
	ckpt_ready_wait();
	CHECK(openat(fd, "x", O_RDWR | O_CREAT, 0600) == -1 && errno == ENOENT, "it is back");
}

REFUSE(removed_working_directory)
{
	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "cwd"), 0700));
	CHECK_SYS(chdir(path));
	CHECK_SYS(rmdir(path));
	expect_refusal(getpid(), UNSUPPORTED, "working directory: has been removed: "
		       "make it again, or have it left");
	ckpt_ready_wait();
	CHECK(syscall(__NR_getcwd, path, sizeof(path)) == -1 && errno == ENOENT, "it is back");
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

/* A mapped file counts as an open one does. */
REFUSE(mapping_of_removed_name)
{
	char other[320];
	int fd = make("mapped");
	char *map;

	CHECK_SYS(ftruncate(fd, 4096));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(close(fd));
	CHECK_SYS(link(path, ckpt_path(other, sizeof(other), "mapped2")));
	CHECK_SYS(unlink(path));
	expect_refusal(getpid(), UNSUPPORTED,
		       "mapped file (*): was removed by this name, but has another: "
		       "give it this one back");
	ckpt_ready_wait();
	map[0] = 1;
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
	fd[2] = CHECK_SYS(memfd_create("five", 0));
	EXPECT_FD(fd[0], "*", "an eventfd" YET);
	EXPECT_FD(fd[1], "*", "an epoll instance" YET);
	EXPECT_FD(fd[2], "*", "a memfd" YET);
	expect_refusal(kid, UNSUPPORTED, "descriptor %d (*): an inotify instance" YET,
		       (int)board->value[1]);
	expect_refusal(kid, UNSUPPORTED, "descriptor %d (*): a timerfd" YET, (int)board->value[2]);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd[2], F_GETFD));
	ckpt_wait_exit(kid, 0);
}

TEST_HARNESS_MAIN
