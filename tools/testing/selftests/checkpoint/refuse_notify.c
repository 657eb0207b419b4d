// SPDX-License-Identifier: GPL-2.0
/* Watches and marks that can't be saved: none is left out, each is refused by its number. */
#include "refuse.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/wait.h>

#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD	0x00000080
#endif
#ifndef FAN_REPORT_MNT
#define FAN_REPORT_MNT		0x00004000
#define FAN_MARK_MNTNS		0x00000110
#define FAN_MNT_ATTACH		0x01000000
#endif

REFUSE_FIXTURE

/* A file of the test's own. */
static char outside_path[64];

/* Where a scenario tells its group. */
#define GROUP	0

#define EXPECT_WATCH(fd, wd, why)					\
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*inotify): watch %d: " why, fd, wd)

static int reads(int fd)
{
	char buf[4096];

	return read(fd, buf, sizeof(buf));
}

/* What has no path at all, and what is no file. One line for each. */
REFUSE(no_files)
{
	int fd = CHECK_SYS(inotify_init1(IN_NONBLOCK)), fds[2];
	char path[64];

	CHECK_SYS(pipe(fds));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	CHECK_EQ(1, inotify_add_watch(fd, path, IN_MODIFY));
	CHECK_EQ(2, inotify_add_watch(fd, "/dev/shm", IN_DELETE_SELF));
	CHECK_EQ(3, inotify_add_watch(fd, "/proc/cmdline", IN_OPEN));
	EXPECT_WATCH(fd, 1, "what it watches has no path (a pipe, a socket, memory): remove the watch");
	EXPECT_WATCH(fd, 3, "it watches what is no file on a disk or in memory (procfs, cgroupfs and "
		     "the like): remove the watch");
	ckpt_ready_wait();
	CHECK_EQ(1, write(fds[1], "x", 1));
	CHECK_EQ(sizeof(struct inotify_event), reads(fd));
}

#define GONE "what it watches has been removed: make it again, or remove the watch"

/* A removed directory, which the watch alone does not keep. */
REFUSE(removed_directory)
{
	int fd = CHECK_SYS(inotify_init1(IN_NONBLOCK)), dir;
	char path[300];

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	dir = CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY));
	CHECK_EQ(1, inotify_add_watch(fd, path, IN_DELETE_SELF));
	CHECK_SYS(rmdir(path));
	EXPECT_WATCH(fd, 1, GONE);
	ckpt_ready_wait();
	CHECK_SYS(close(dir));
	/* That it was removed, and that the watch was. */
	CHECK_EQ(2 * sizeof(struct inotify_event), reads(fd));
}

#define EXPECT_GROUP(fd, why)						\
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*[fanotify]): " why, fd)

static int new_group(unsigned int class)
{
	int fd = fanotify_init(class | FAN_NONBLOCK, O_RDONLY);

	if (fd < 0) {
		CHECK(errno == ENOSYS || errno == EPERM, "fanotify_init: %s", strerror(errno));
		not_here();
	}
	return fd;
}

/* An event of a file that was removed meanwhile. */
REFUSE(fanotify_removed)
{
	struct fanotify_event_metadata event;
	int fd = new_group(FAN_CLASS_NOTIF);
	char path[300];

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_ONDIR, AT_FDCWD, path));
	CHECK_SYS(close(CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY))));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN | FAN_ONDIR, AT_FDCWD, path));
	CHECK_SYS(rmdir(path));
	EXPECT_GROUP(fd, "event 1: its file has been removed, or the name by which it was opened: have "
		     "it read");
	ckpt_ready_wait();
	CHECK_EQ(sizeof(event), read(fd, &event, sizeof(event)));
	CHECK_EQ(FAN_OPEN, event.mask);
}

/* An event of what is no file on a disk. */
REFUSE(fanotify_proc)
{
	struct fanotify_event_metadata event;
	int fd = new_group(FAN_CLASS_NOTIF);

	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/proc/version"));
	CHECK_SYS(close(CHECK_SYS(open("/proc/version", O_RDONLY))));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "/proc/version"));
	EXPECT_GROUP(fd, "event 1: its file is none on a disk or in memory (procfs, cgroupfs and the "
		     "like): have it read");
	ckpt_ready_wait();
	CHECK_EQ(sizeof(event), read(fd, &event, sizeof(event)));
	CHECK_EQ(FAN_OPEN, event.mask);
}

/* Events of mounts, of which nothing is marked any more. */
REFUSE(fanotify_mount_events)
{
	int fd = fanotify_init(FAN_REPORT_MNT | FAN_NONBLOCK, O_RDONLY);
	char path[300], buf[4096];

	if (fd < 0)
		not_here();
	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MNTNS, FAN_MNT_ATTACH, AT_FDCWD,
				"/proc/self/ns/mnt"));
	CHECK_SYS(mount("none", path, "tmpfs", 0, NULL));
	CHECK_SYS(umount(path));
	CHECK_SYS(rmdir(path));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE | FAN_MARK_MNTNS, FAN_MNT_ATTACH, AT_FDCWD,
				"/proc/self/ns/mnt"));
	EXPECT_GROUP(fd, "has events of mounts (FAN_MNT_ATTACH and the like), whose ids are others "
		     "after a restart: have them read");
	ckpt_ready_wait();
	CHECK(read(fd, buf, sizeof(buf)) > 0, "there are no events");
}

/* An event by the test, of which a pidfd would be told. */
static int look_at_it(void *run)
{
	int fd = open(outside_path, O_RDONLY);

	return fd < 0 ? -1 : close(fd);
}

CKPT_SCENARIO(event_outside, .before = look_at_it)
{
	struct fanotify_event_metadata *event;
	char buf[4096] __attribute__((aligned(8)));
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_PIDFD | FAN_NONBLOCK, O_RDONLY);

	if (fd < 0)
		not_here();
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, getenv("CKPT_FILE")));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*[fanotify]): has an event of *, which is "
		       "outside of the tree: have it closed, or checkpoint that as well", fd);
	ckpt_ready_wait();
	CHECK(read(fd, buf, sizeof(buf)) > 0, "there is no event");
	event = (void *)buf;
	CHECK_EQ(FAN_OPEN, event->mask);
}

TEST_F_TIMEOUT(refuse, event_outside, CKPT_TIMEOUT)
{
	int fd, ret;

	snprintf(outside_path, sizeof(outside_path), "/dev/shm/ckpt-told-%d", getpid());
	fd = open(outside_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	setenv("CKPT_FILE", outside_path, 1);
	ret = ckpt_refuse(&event_outside);
	unlink(outside_path);
	close(fd);
	if (ret == 1)
		SKIP(return, "the kernel has none of it");
	ASSERT_EQ(0, ret);
}

/* An event of a file that another mount lies over. */
REFUSE(fanotify_hidden)
{
	struct fanotify_event_metadata event;
	int fd = new_group(FAN_CLASS_NOTIF), errors = 0, n;
	char path[300], below[400];

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	snprintf(below, sizeof(below), "%s/below", path);
	CHECK_SYS(mkdir(below, 0700));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_ONDIR, AT_FDCWD, below));
	CHECK_SYS(close(CHECK_SYS(open(below, O_RDONLY | O_DIRECTORY))));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN | FAN_ONDIR, AT_FDCWD, below));
	CHECK_SYS(mount("none", path, "tmpfs", 0, NULL));
	EXPECT_GROUP(fd, "event 1: another mount hides the path of its file: have it read, or unmount "
		     "that first");
	ckpt_ready_wait();
	n = read(fd, &event, sizeof(event));
	errors += umount(path);
	errors += rmdir(below);
	CHECK_EQ(0, errors);
	CHECK_EQ(sizeof(event), n);
}

/* An event of the init of a pid namespace that is gone, by whose number nobody knows it any more. */
REFUSE(fanotify_inner)
{
	struct fanotify_event_metadata event;
	int fd = new_group(FAN_CLASS_NOTIF), status;
	char path[300];
	pid_t pid;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_ONDIR, AT_FDCWD, path));
	pid = CHECK_SYS(sys_clone(CLONE_NEWPID | SIGCHLD));
	if (!pid)
		_exit(open(path, O_RDONLY | O_DIRECTORY) < 0);
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK_EQ(0, status);
	EXPECT_GROUP(fd, "has events of a process whose pid can't be told any more, as it has ended, or "
		     "is outside, in an inner pid namespace, or a task has its number by now: have them "
		     "read");
	ckpt_ready_wait();
	CHECK_EQ(sizeof(event), read(fd, &event, sizeof(event)));
	CHECK_EQ(pid, event.pid);
}

/* The test asks for permission, and nothing is marked any more when that is to be answered. */
static int asked[2] = { -1, -1 };

static int ask_for_it(void *to)
{
	struct ckpt_run *run = to;
	struct pollfd pfd = { .events = POLLIN };
	pid_t asker;
	char may;
	int ret;

	if (pipe2(asked, O_CLOEXEC))
		return -1;
	pfd.fd = syscall(__NR_pidfd_getfd, run->pidfd, (int)run->board->value[GROUP], 0);
	if (pfd.fd < 0)
		return -1;
	asker = fork();
	if (!asker) {
		close(pfd.fd);
		may = open(outside_path, O_RDONLY) < 0 ? 'n' : 'y';
		_exit(write(asked[1], &may, 1) != 1);
	}
	close(asked[1]);
	ret = asker < 0 || poll(&pfd, 1, -1) != 1 ||
	      fanotify_mark(pfd.fd, FAN_MARK_REMOVE, FAN_OPEN_PERM, AT_FDCWD, outside_path);
	close(pfd.fd);
	return ret ? -1 : 0;
}

CKPT_SCENARIO(event_asks, .before = ask_for_it)
{
	int fd = new_group(FAN_CLASS_CONTENT);
	struct fanotify_event_metadata event;
	struct fanotify_response answer = { .response = FAN_ALLOW };

	if (fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, getenv("CKPT_FILE"))) {
		CHECK_EQ(EINVAL, errno);
		not_here();
	}
	board->value[GROUP] = fd;
	EXPECT_GROUP(fd, "has events that ask it for permission, and were not answered: have that done");
	ckpt_ready_wait();
	CHECK_EQ(sizeof(event), read(fd, &event, sizeof(event)));
	CHECK_EQ(FAN_OPEN_PERM, event.mask);
	answer.fd = event.fd;
	CHECK_EQ(sizeof(answer), write(fd, &answer, sizeof(answer)));
}

TEST_F_TIMEOUT(refuse, event_asks, CKPT_TIMEOUT)
{
	char may = 0;
	int fd, ret;

	snprintf(outside_path, sizeof(outside_path), "/dev/shm/ckpt-asked-%d", getpid());
	fd = open(outside_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	setenv("CKPT_FILE", outside_path, 1);
	ret = ckpt_refuse(&event_asks);
	unlink(outside_path);
	close(fd);
	if (ret == 1)
		SKIP(return, "the kernel has none of it");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(1, read(asked[0], &may, 1));
	close(asked[0]);
	ASSERT_EQ('y', may);
}

/* Who is asked for permission can't give it while it is frozen. */
REFUSE(fanotify_permission)
{
	int fd = new_group(FAN_CLASS_CONTENT);
	char path[300];

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	if (fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, path)) {
		CHECK_EQ(EINVAL, errno);
		not_here();
	}
	EXPECT_GROUP(fd, "has marks that ask it for permission (FAN_OPEN_PERM and the like), which it "
		     "can't give while it is frozen: have them removed");
	ckpt_ready_wait();
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN_PERM, AT_FDCWD, path));
}

/* What is mounted and unmounted in a namespace. */
REFUSE(fanotify_namespace)
{
	int fd = fanotify_init(FAN_REPORT_MNT | FAN_NONBLOCK, O_RDONLY);

	if (fd < 0)
		not_here();
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MNTNS, FAN_MNT_ATTACH, AT_FDCWD,
				"/proc/self/ns/mnt"));
	EXPECT_GROUP(fd, "has marks on mount namespaces, which can't be saved yet: have them removed");
	ckpt_ready_wait();
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE | FAN_MARK_MNTNS, FAN_MNT_ATTACH, AT_FDCWD,
				"/proc/self/ns/mnt"));
}

/* Mounts that will not be there again: one was unmounted, one is procfs. */
REFUSE(fanotify_mounts)
{
	int fd = new_group(FAN_CLASS_NOTIF), gone = new_group(FAN_CLASS_NOTIF), dir;
	char path[300];

	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ONDIR, AT_FDCWD, "/proc"));
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*[fanotify]): mark 1: the mount that it "
		       "watches is none of files on a disk or in memory (procfs, cgroupfs and the "
		       "like): remove the mark", fd);
	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	CHECK_SYS(mount("none", path, "tmpfs", 0, NULL));
	CHECK_SYS(fanotify_mark(gone, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ONDIR, AT_FDCWD, path));
	/* It stays as long as this. */
	dir = CHECK_SYS(open(path, O_PATH | O_DIRECTORY));
	CHECK_SYS(umount2(path, MNT_DETACH));
	CHECK_SYS(rmdir(path));
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*[fanotify]): mark 1: the mount that it "
		       "watches can't be reached from the caller's root directory, or was unmounted: "
		       "call from where it can, or remove the mark", gone);
	/* So is the directory. */
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(fcntl(dir, F_GETFD));
}

/* What is marked has no path, or is no file; of the second group it was removed. */
REFUSE(fanotify_no_files)
{
	int fd = new_group(FAN_CLASS_NOTIF), fds[2], gone;
	char path[300];

	CHECK_SYS(pipe(fds));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, path));
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*[fanotify]): mark 1: what it watches has "
		       "no path (a pipe, a socket, memory): remove the watch", fd);
	gone = new_group(FAN_CLASS_NOTIF);
	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	CHECK_SYS(fanotify_mark(gone, FAN_MARK_ADD, FAN_OPEN | FAN_ONDIR, AT_FDCWD, path));
	fds[1] = CHECK_SYS(open(path, O_PATH | O_DIRECTORY));
	CHECK_SYS(rmdir(path));
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*[fanotify]): mark 1: " GONE, gone);
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(fcntl(gone, F_GETFD));
}

/* A removed file that only the test has open. */
static int outside;

static int remove_it(void *run)
{
	return unlink(outside_path);
}

static int close_it(void *run)
{
	return close(outside);
}

CKPT_SCENARIO(removed_file, .before = remove_it, .after = close_it)
{
	int fd = CHECK_SYS(inotify_init1(0));

	CHECK_EQ(1, inotify_add_watch(fd, getenv("CKPT_FILE"), IN_DELETE_SELF));
	EXPECT_WATCH(fd, 1, "the file that it watches has been removed, and no task has it open: "
		     "remove the watch");
	ckpt_ready_wait();
	CHECK_EQ(2 * sizeof(struct inotify_event), reads(fd));
}

TEST_F_TIMEOUT(refuse, removed_file, CKPT_TIMEOUT)
{
	snprintf(outside_path, sizeof(outside_path), "/dev/shm/ckpt-watched-%d", getpid());
	outside = open(outside_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, outside);
	setenv("CKPT_FILE", outside_path, 1);
	ASSERT_EQ(0, ckpt_refuse(&removed_file));
}

/* The instance itself is one that the test has, too. */
CKPT_SCENARIO(instance_outside)
{
	int pidfd = CHECK_SYS(sys_pidfd_open(atoi(getenv("CKPT_PID"))));
	int fd = CHECK_SYS(syscall(__NR_pidfd_getfd, pidfd, atoi(getenv("CKPT_FD")), 0));

	CHECK_SYS(close(pidfd));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*inotify): a task outside shares it: "
		       "close it there, or checkpoint what has it as well", fd);
	ckpt_ready_wait();
	CHECK_SYS(inotify_add_watch(fd, "/dev/shm", IN_CREATE));
}

TEST_F_TIMEOUT(refuse, instance_outside, CKPT_TIMEOUT)
{
	int fd = inotify_init1(0);
	char number[16];

	ASSERT_LE(0, fd);
	snprintf(number, sizeof(number), "%d", fd);
	setenv("CKPT_FD", number, 1);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("CKPT_PID", number, 1);
	ASSERT_EQ(0, ckpt_refuse(&instance_outside));
	close(fd);
}

/* Another mount lies over it. */
REFUSE(hidden)
{
	int fd = CHECK_SYS(inotify_init1(0)), errors = 0;
	char path[300], below[400];

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	snprintf(below, sizeof(below), "%s/below", path);
	CHECK_SYS(mkdir(below, 0700));
	CHECK_EQ(1, inotify_add_watch(fd, below, IN_CREATE));
	CHECK_SYS(mount("none", path, "tmpfs", 0, NULL));
	EXPECT_WATCH(fd, 1, "another mount hides the path of what it watches: unmount that first");
	ckpt_ready_wait();
	errors += umount(path);
	errors += rmdir(below);
	CHECK_EQ(0, errors);
}

TEST_HARNESS_MAIN
