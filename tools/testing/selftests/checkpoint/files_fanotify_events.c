// SPDX-License-Identifier: GPL-2.0
/*
 * Events of fanotify that were not read: of paths and of file handles with names, byte by byte, by
 * whom, with pidfds, that the queue was full; and that later events are merged with them.
 */
#include "fanotify.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID	0x00001000
#endif
#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD	0x00000080
#define FAN_EVENT_INFO_TYPE_PIDFD	4
struct fanotify_event_info_pidfd {
	struct fanotify_event_info_header hdr;
	__s32 pidfd;
};
#endif
#ifndef FAN_RENAME
#define FAN_RENAME		0x10000000
#endif

/* Of linux/pidfd.h, which does not go together with fcntl.h. */
#define PIDFD_INFO_PID		(1 << 0)
#define PIDFD_INFO_EXIT		(1 << 3)
#define PIDFD_GET_INFO		_IOWR(0xff, 11, struct pidfd_info)

struct pidfd_info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
	uint32_t coredump_mask, coredump_signal, coredump_code, pad;
	uint64_t supported_mask;
};

static void make_dir(void)
{
	ckpt_path(dir, sizeof(dir), "dir");
	CHECK(!mkdir(dir, 0700) || errno == EEXIST, "%s: %s", dir, strerror(errno));
	touch("one");
	touch("two");
	touch("three");
}

static int new_group(unsigned int flags)
{
	return CHECK_SYS(fanotify_init(flags | FAN_NONBLOCK | FAN_CLOEXEC,
				       O_RDONLY | O_LARGEFILE | O_CLOEXEC));
}

static void mark(int fd, unsigned int flags, uint64_t mask, const char *path)
{
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD | flags, mask, AT_FDCWD, path));
}

static int open_it(const char *name)
{
	return CHECK_SYS(open(in_dir(name), O_RDONLY));
}

static void look_at(const char *name)
{
	CHECK_SYS(close(open_it(name)));
}

static void nothing(int fd)
{
	char buf[4096];

	CHECK(read(fd, buf, sizeof(buf)) == -1 && errno == EAGAIN, "there is another event");
}

/* The next event is this one, of that file and that process. Room for one, so one is read. */
static void expect(int fd, uint64_t mask, const char *name, pid_t pid)
{
	struct fanotify_event_metadata event;
	char link[64], path[400];
	int n = CHECK_SYS(read(fd, &event, sizeof(event)));

	CHECK_EQ(FAN_EVENT_METADATA_LEN, n);
	CHECK_EQ(mask, event.mask);
	CHECK_EQ(pid, event.pid);
	CHECK(event.fd >= 0, "no descriptor");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", event.fd);
	n = CHECK_SYS(readlink(link, path, sizeof(path) - 1));
	path[n] = 0;
	CHECK_STREQ(in_dir(name), path);
	CHECK_EQ(O_RDONLY, fcntl(event.fd, F_GETFL) & O_ACCMODE);
	CHECK_SYS(close(event.fd));
}

/* Somebody looks at a file, and is reaped. */
static pid_t gone_looks_at(const char *name)
{
	pid_t pid = CHECK_SYS(fork());
	int status;

	if (!pid) {
		int fd = open(in_dir(name), O_RDONLY);

		_exit(fd < 0);
	}
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK_EQ(0, status);
	return pid;
}

/* By ourselves, by a child that is gone, and by ourselves again, merged with the first. */
CKPT_CYCLE(paths)
{
	pid_t gone;
	int fd, file;

	make_dir();
	fd = new_group(FAN_CLASS_NOTIF);
	mark(fd, 0, FAN_OPEN | FAN_CLOSE_NOWRITE | FAN_EVENT_ON_CHILD, dir);
	file = open_it("one");
	gone = gone_looks_at("two");
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_CLOSE_NOWRITE, AT_FDCWD, dir));
	look_at("three");
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_CLOSE_NOWRITE, AT_FDCWD, dir));
	ckpt_ready_wait();
	/* It is merged with the first; that of another file is not. */
	CHECK_SYS(close(file));
	touch("two");
	expect(fd, FAN_OPEN | FAN_CLOSE_NOWRITE, "one", getpid());
	expect(fd, FAN_OPEN | FAN_CLOSE_NOWRITE, "two", gone);
	expect(fd, FAN_OPEN, "three", getpid());
	expect(fd, FAN_OPEN, "two", getpid());
	nothing(fd);
	look_at("one");
	expect(fd, FAN_OPEN | FAN_CLOSE_NOWRITE, "one", getpid());
}

static pid_t thread;

static void *look(void *name)
{
	thread = syscall(__NR_gettid);
	look_at(name);
	return NULL;
}

/* By a thread that has ended. */
CKPT_CYCLE(threads)
{
	pthread_t id;
	int fd;

	make_dir();
	fd = new_group(FAN_CLASS_NOTIF | FAN_REPORT_TID);
	mark(fd, 0, FAN_OPEN, in_dir("one"));
	CHECK_EQ(0, pthread_create(&id, NULL, look, "one"));
	CHECK_EQ(0, pthread_join(id, NULL));
	look_at("one");
	ckpt_ready_wait();
	CHECK(thread != getpid(), "there was no other thread");
	expect(fd, FAN_OPEN, "one", thread);
	/* The first thread has the number of the process. */
	expect(fd, FAN_OPEN, "one", getpid());
	nothing(fd);
}

/* False: the filesystem has no file handles for that, by an old kernel. */
static bool mark_by_handles(int fd, uint64_t mask)
{
	if (!fanotify_mark(fd, FAN_MARK_ADD, mask, AT_FDCWD, dir))
		return true;
	CHECK(errno == EOPNOTSUPP || errno == ENODEV || errno == EXDEV, "fanotify_mark: %s",
	      strerror(errno));
	return false;
}

/* What two groups are told is the same: what the first tells at once, and the second later. */
static void told_the_same(unsigned int flags, uint64_t mask)
{
	static char first[16384], second[16384];
	int one, two, n, file;

	make_dir();
	unlink(in_dir("new"));
	unlink(in_dir("renamed"));
	one = new_group(FAN_CLASS_NOTIF | flags);
	two = new_group(FAN_CLASS_NOTIF | flags);
	if (!mark_by_handles(one, mask) || !mark_by_handles(two, mask)) {
		ckpt_ready_wait();
		return;
	}
	touch("new");
	CHECK_SYS(rename(in_dir("new"), in_dir("renamed")));
	CHECK_SYS(mkdir(in_dir("inner"), 0700));
	CHECK_SYS(rmdir(in_dir("inner")));
	gone_looks_at("one");
	CHECK_SYS(chmod(dir, 0700));
	CHECK_SYS(unlink(in_dir("renamed")));
	file = open_it("three");
	n = CHECK_SYS(read(one, first, sizeof(first)));
	CHECK(n > 0, "there are no events");
	ckpt_ready_wait();
	nothing(one);
	CHECK_EQ(n, read(two, second, sizeof(second)));
	CHECK(!memcmp(first, second, n), "it is told otherwise");
	nothing(two);
	/* Its file is the same, too. */
	CHECK_SYS(close(file));
	look_at("one");
	n = CHECK_SYS(read(one, first, sizeof(first)));
	CHECK_EQ(n, read(two, second, sizeof(second)));
	CHECK(!memcmp(first, second, n), "it is told otherwise");
}

#define OF_ENTRIES							\
	(FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_OPEN | FAN_CLOSE | FAN_ATTRIB | FAN_ONDIR |	\
	 FAN_EVENT_ON_CHILD)

CKPT_CYCLE(objects)
{
	told_the_same(FAN_REPORT_FID, OF_ENTRIES);
}

CKPT_CYCLE(directories)
{
	told_the_same(FAN_REPORT_DIR_FID, OF_ENTRIES);
}

CKPT_CYCLE(both)
{
	told_the_same(FAN_REPORT_FID | FAN_REPORT_DIR_FID, OF_ENTRIES);
}

CKPT_CYCLE(names)
{
	told_the_same(FAN_REPORT_DFID_NAME, OF_ENTRIES);
}

CKPT_CYCLE(renames)
{
	told_the_same(FAN_REPORT_DFID_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID,
		      OF_ENTRIES | FAN_RENAME);
}

/* A later event of the same file is merged with one that was queued. */
CKPT_CYCLE(merged)
{
	char buf[4096] __attribute__((aligned(8)));
	struct fanotify_event_metadata *event = (void *)buf;
	int fd, file, n;

	make_dir();
	fd = new_group(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_REPORT_FID);
	if (!mark_by_handles(fd, FAN_OPEN | FAN_CLOSE_NOWRITE | FAN_EVENT_ON_CHILD)) {
		ckpt_ready_wait();
		return;
	}
	file = open_it("one");
	gone_looks_at("one");
	ckpt_ready_wait();
	CHECK_SYS(close(file));
	n = CHECK_SYS(read(fd, buf, sizeof(buf)));
	/* Two, with the same name. */
	CHECK_EQ(2 * event->event_len, n);
	CHECK_EQ(FAN_OPEN | FAN_CLOSE_NOWRITE, event->mask);
	CHECK_EQ(getpid(), event->pid);
	nothing(fd);
}

#define MAX_QUEUED	"/proc/sys/fs/fanotify/max_queued_events"

static int max_queued(int set)
{
	int old, fd = CHECK_SYS(open(MAX_QUEUED, O_RDWR));
	char buf[16] = "";

	CHECK(read(fd, buf, sizeof(buf) - 1) > 0, "%s is empty", MAX_QUEUED);
	old = atoi(buf);
	snprintf(buf, sizeof(buf), "%d", set);
	CHECK_EQ(strlen(buf), pwrite(fd, buf, strlen(buf), 0));
	CHECK_SYS(close(fd));
	return old;
}

/* The queue was full, and has room again. */
CKPT_CYCLE(overflow)
{
	struct fanotify_event_metadata event;
	int fd, old;

	make_dir();
	old = max_queued(2);
	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
	max_queued(old);
	CHECK_SYS(fd);
	mark(fd, 0, FAN_OPEN | FAN_EVENT_ON_CHILD, dir);
	look_at("one");
	look_at("two");
	look_at("three");
	/* What comes after that is told, too. */
	expect(fd, FAN_OPEN, "one", getpid());
	expect(fd, FAN_OPEN, "two", getpid());
	look_at("one");
	ckpt_ready_wait();
	CHECK_EQ(sizeof(event), read(fd, &event, sizeof(event)));
	CHECK_EQ(FAN_Q_OVERFLOW, event.mask);
	CHECK_EQ(FAN_NOFD, event.fd);
	CHECK_EQ(0, event.pid);
	expect(fd, FAN_OPEN, "one", getpid());
	nothing(fd);
}

/* The next event is of this process, and comes with a pidfd of it. */
static void expect_pidfd(int fd, pid_t pid, bool is_gone)
{
	struct pidfd_info about = { .mask = PIDFD_INFO_PID | PIDFD_INFO_EXIT };
	char buf[4096] __attribute__((aligned(8)));
	struct fanotify_event_metadata *event = (void *)buf;
	struct fanotify_event_info_pidfd *info = (void *)(event + 1);
	int n = CHECK_SYS(read(fd, buf, FAN_EVENT_METADATA_LEN + sizeof(*info)));

	CHECK_EQ(FAN_EVENT_METADATA_LEN + sizeof(*info), n);
	CHECK_EQ(pid, event->pid);
	CHECK_EQ(FAN_EVENT_INFO_TYPE_PIDFD, info->hdr.info_type);
	CHECK(info->pidfd >= 0, "pidfd %d", info->pidfd);
	CHECK_SYS(ioctl(info->pidfd, PIDFD_GET_INFO, &about));
	if (is_gone) {
		CHECK(about.mask & PIDFD_INFO_EXIT, "it does not tell that it has exited");
		CHECK_EQ(0, about.exit_code);
	} else {
		CHECK_EQ((__u32)pid, about.pid);
	}
	CHECK_SYS(close(info->pidfd));
	CHECK_SYS(close(event->fd));
}

/* With pidfds: of ourselves, and of a child that is gone. */
CKPT_CYCLE(pidfds)
{
	pid_t gone;
	int fd;

	make_dir();
	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_PIDFD | FAN_NONBLOCK, O_RDONLY);
	if (fd < 0) {
		/* An old kernel. */
		CHECK_EQ(EINVAL, errno);
		ckpt_ready_wait();
		return;
	}
	mark(fd, 0, FAN_OPEN | FAN_EVENT_ON_CHILD, dir);
	look_at("one");
	gone = gone_looks_at("two");
	ckpt_ready_wait();
	expect_pidfd(fd, getpid(), false);
	expect_pidfd(fd, gone, true);
	nothing(fd);
	look_at("three");
	expect_pidfd(fd, getpid(), false);
}

/* What is done with a descriptor that an event gave is no event. */
CKPT_CYCLE(quiet_descriptor)
{
	struct fanotify_event_metadata event;
	struct timespec mtime;
	int fd, loud;

	make_dir();
	fd = CHECK_SYS(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC,
				     O_RDWR | O_LARGEFILE | O_CLOEXEC));
	mark(fd, 0, FAN_MODIFY | FAN_EVENT_ON_CHILD, dir);
	loud = CHECK_SYS(open(in_dir("one"), O_RDWR));
	CHECK_EQ(1, write(loud, "a", 1));
	CHECK_EQ(FAN_EVENT_METADATA_LEN, CHECK_SYS(read(fd, &event, sizeof(event))));
	CHECK(event.fd >= 0, "no descriptor");
	ckpt_get_mtime(in_dir("one"), &mtime);
	ckpt_ready_wait();
	CHECK_EQ(1, pwrite(event.fd, "b", 1, 0));
	nothing(fd);
	CHECK_EQ(1, pwrite(loud, "c", 1, 0));
	CHECK_EQ(FAN_EVENT_METADATA_LEN, CHECK_SYS(read(fd, &event, sizeof(event))));
	nothing(fd);
	/* The next restart wants it as it was. */
	ckpt_set_mtime(in_dir("one"), &mtime);
}

TEST_HARNESS_MAIN
