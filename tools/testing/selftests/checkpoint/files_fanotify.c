// SPDX-License-Identifier: GPL-2.0
/* fanotify: groups with their flags, and marks with masks and what they ignore. */
#include "fanotify.h"

#include <sys/mount.h>

#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE	0x00000200
#endif
#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE		0x00000400
#endif

static void make_dir(void)
{
	ckpt_path(dir, sizeof(dir), "dir");
	CHECK(!mkdir(dir, 0700) || errno == EEXIST, "%s: %s", dir, strerror(errno));
	touch("file");
	touch("ignored");
	touch("until");
	touch("modified");
}

/* The group and its marks, as the kernel tells them. */
static char *marks_of(int fd, char *buf, size_t size)
{
	char path[64], line[512], *at = buf;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	CHECK(file, "%s: %s", path, strerror(errno));
	*at = 0;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "fanotify", 8) && at + strlen(line) < buf + size)
			at += sprintf(at, "%s", line);
	fclose(file);
	CHECK(at != buf, "no fanotify group");
	return buf;
}

static void nothing(int fd)
{
	char buf[4096];

	CHECK(read(fd, buf, sizeof(buf)) == -1 && errno == EAGAIN, "something happened");
}

/* The next event is this one, of that file; there is no other after it. */
static void expect(int fd, uint64_t mask, const char *name)
{
	char buf[4096] __attribute__((aligned(8))), link[64], path[400];
	struct fanotify_event_metadata *event = (void *)buf;
	int n = CHECK_SYS(read(fd, buf, sizeof(buf)));

	CHECK_EQ(FAN_EVENT_METADATA_LEN, n);
	CHECK_EQ(mask, event->mask);
	CHECK_EQ(getpid(), event->pid);
	CHECK(event->fd >= 0, "no descriptor");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", event->fd);
	n = CHECK_SYS(readlink(link, path, sizeof(path) - 1));
	path[n] = 0;
	CHECK_STREQ(strrchr(in_dir(name), '/'), strrchr(path, '/'));
	CHECK_EQ(O_RDONLY, fcntl(event->fd, F_GETFL) & O_ACCMODE);
	CHECK_EQ(FD_CLOEXEC, fcntl(event->fd, F_GETFD));
	CHECK_SYS(close(event->fd));
}

static int new_group(unsigned int flags)
{
	make_dir();
	return CHECK_SYS(fanotify_init(flags | FAN_NONBLOCK | FAN_CLOEXEC,
				       O_RDONLY | O_LARGEFILE | O_CLOEXEC));
}

static void mark(int fd, unsigned int flags, uint64_t mask, const char *path)
{
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD | flags, mask, AT_FDCWD, path));
}

static void open_it(const char *name)
{
	CHECK_SYS(close(CHECK_SYS(open(in_dir(name), O_RDONLY))));
}

CKPT_CYCLE(marks)
{
	int fd = new_group(FAN_CLASS_NOTIF);
	char before[1024], after[1024];

	mark(fd, 0, FAN_OPEN | FAN_EVENT_ON_CHILD, dir);
	marks_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_STREQ(before, marks_of(fd, after, sizeof(after)));
	CHECK_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	CHECK_EQ(O_RDWR | O_NONBLOCK, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	nothing(fd);
	open_it("file");
	expect(fd, FAN_OPEN, "file");
	nothing(fd);
	/* It is the same mark. */
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, dir));
	open_it("file");
	nothing(fd);
}

/* What is ignored for ever, and what until it is modified. */
CKPT_CYCLE(ignored)
{
	int fd = new_group(FAN_CLASS_CONTENT | FAN_UNLIMITED_MARKS), other;
	char before[2048], after[2048];

	mark(fd, 0, FAN_OPEN | FAN_EVENT_ON_CHILD, dir);
	mark(fd, FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN, in_dir("ignored"));
	mark(fd, FAN_MARK_IGNORED_MASK, FAN_OPEN, in_dir("until"));
	/* Nothing but the mark is left of this. */
	mark(fd, FAN_MARK_IGNORED_MASK, FAN_OPEN, in_dir("modified"));
	other = CHECK_SYS(open(in_dir("modified"), O_WRONLY));
	CHECK_EQ(1, write(other, "x", 1));
	CHECK_SYS(close(other));
	open_it("ignored");
	open_it("until");
	nothing(fd);
	marks_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_EQ(strlen(before), strlen(marks_of(fd, after, sizeof(after))));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, in_dir("modified")));
	open_it("ignored");
	open_it("until");
	nothing(fd);
	other = CHECK_SYS(open(in_dir("until"), O_WRONLY));
	CHECK_EQ(1, write(other, "x", 1));
	CHECK_SYS(close(other));
	nothing(fd);
	open_it("until");
	expect(fd, FAN_OPEN, "until");
	other = CHECK_SYS(open(in_dir("ignored"), O_WRONLY));
	CHECK_EQ(1, write(other, "x", 1));
	CHECK_SYS(close(other));
	open_it("ignored");
	nothing(fd);
}

/* What is ignored of files and not of directories, and what until it is modified. */
CKPT_CYCLE(ignored_by_kind)
{
	int fd = new_group(FAN_CLASS_NOTIF), until = new_group(FAN_CLASS_NOTIF), other;
	char before[2][1024], after[1024];

	CHECK(!mkdir(in_dir("below"), 0700) || errno == EEXIST, "below: %s", strerror(errno));
	mark(fd, 0, FAN_OPEN | FAN_ONDIR | FAN_EVENT_ON_CHILD, dir);
	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY,
			  FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, dir)) {
		/* An old kernel. */
		CHECK_EQ(EINVAL, errno);
		ckpt_not_here();
	}
	mark(until, 0, FAN_OPEN, in_dir("until"));
	mark(until, FAN_MARK_IGNORE, FAN_OPEN, in_dir("until"));
	marks_of(fd, before[0], sizeof(before[0]));
	marks_of(until, before[1], sizeof(before[1]));
	ckpt_ready_wait();
	CHECK_STREQ(before[0], marks_of(fd, after, sizeof(after)));
	CHECK_STREQ(before[1], marks_of(until, after, sizeof(after)));
	open_it("file");
	nothing(fd);
	open_it("below");
	expect(fd, FAN_OPEN, "below");
	nothing(fd);
	/* It has no other kind of what is ignored, as it has this one. */
	CHECK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_CLOSE, AT_FDCWD,
			    dir) == -1 && errno == EEXIST, "it takes another kind: %s",
	      strerror(errno));
	open_it("until");
	nothing(until);
	other = CHECK_SYS(open(in_dir("until"), O_WRONLY));
	CHECK_EQ(1, write(other, "x", 1));
	CHECK_SYS(close(other));
	nothing(until);
	open_it("until");
	expect(until, FAN_OPEN, "until");
	nothing(until);
}

/* All mounts of this test, as each run of the scenario has made one. */
static void unmount_all(const char *path)
{
	while (!umount2(path, MNT_DETACH))
		;
	rmdir(path);
}

/* A mark on a filesystem: what is done in another one is no event. */
CKPT_CYCLE(filesystem)
{
	int fd = new_group(FAN_CLASS_NOTIF), errors = 0;
	char before[1024], after[1024], fs[400];

	snprintf(fs, sizeof(fs), "%s", in_dir("fs"));
	CHECK(!mkdir(fs, 0700) || errno == EEXIST, "%s: %s", fs, strerror(errno));
	CHECK_SYS(mount("none", fs, "tmpfs", 0, NULL));
	CHECK_SYS(mkdir(in_dir("fs/deep"), 0700));
	mark(fd, FAN_MARK_FILESYSTEM, FAN_CLOSE | FAN_ONDIR, fs);
	marks_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_STREQ(before, marks_of(fd, after, sizeof(after)));
	touch("file");
	nothing(fd);
	touch("fs/deep/file");
	expect(fd, FAN_CLOSE_WRITE, "fs/deep/file");
	open_it("fs/deep/file");
	expect(fd, FAN_CLOSE_NOWRITE, "fs/deep/file");
	open_it("fs/deep");
	expect(fd, FAN_CLOSE_NOWRITE, "fs/deep");
	nothing(fd);
	/* It is the same mark. */
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_CLOSE | FAN_ONDIR,
				AT_FDCWD, fs));
	open_it("fs/deep/file");
	nothing(fd);
	/* The next generation finds the filesystem where it was. */
	if (board->restarts < 2)
		return;
	errors += fanotify_mark(fd, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, fs);
	unmount_all(fs);
	CHECK_EQ(0, errors);
}

/* A mark on a mount: what is opened by another one of the same filesystem is no event. */
CKPT_CYCLE(mount_point)
{
	int fd = new_group(FAN_CLASS_NOTIF | FAN_UNLIMITED_QUEUE), errors = 0;
	char before[1024], after[1024], other[400];

	snprintf(other, sizeof(other), "%s", in_dir("other"));
	CHECK(!mkdir(other, 0700) || errno == EEXIST, "%s: %s", other, strerror(errno));
	CHECK_SYS(mount(dir, other, NULL, MS_BIND, NULL));
	mark(fd, FAN_MARK_MOUNT, FAN_CLOSE, other);
	mark(fd, FAN_MARK_MOUNT | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY,
	     FAN_CLOSE_NOWRITE, other);
	marks_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_STREQ(before, marks_of(fd, after, sizeof(after)));
	touch("file");
	nothing(fd);
	touch("other/file");
	expect(fd, FAN_CLOSE_WRITE, "file");
	open_it("other/file");
	nothing(fd);
	/* The next generation finds the mount where it was. */
	if (board->restarts < 2)
		return;
	errors += fanotify_mark(fd, FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, AT_FDCWD, other);
	unmount_all(other);
	CHECK_EQ(0, errors);
}

/* A mark that does not keep its inode, and a group without limits. */
CKPT_CYCLE(evictable)
{
	int fd = new_group(FAN_CLASS_NOTIF | FAN_UNLIMITED_MARKS | FAN_UNLIMITED_QUEUE);
	char before[1024], after[1024];

	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, AT_FDCWD,
			  in_dir("file"))) {
		/* An old kernel. */
		CHECK_EQ(EINVAL, errno);
		ckpt_not_here();
	}
	marks_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_STREQ(before, marks_of(fd, after, sizeof(after)));
	open_it("file");
	expect(fd, FAN_OPEN, "file");
}

/* Events with the names of files; such groups anybody may have. */
CKPT_CYCLE(names)
{
	char buf[4096] __attribute__((aligned(8))), before[1024], after[1024];
	int fd = new_group(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME);
	struct fanotify_event_metadata *event = (void *)buf;
	struct fanotify_event_info_fid *info = (void *)(event + 1);
	struct file_handle *handle = (void *)info->handle;
	bool has_handles;

	has_handles = !fanotify_mark(fd, FAN_MARK_ADD, FAN_CREATE | FAN_ONDIR, AT_FDCWD, dir);
	CHECK(has_handles || errno == EOPNOTSUPP || errno == ENODEV || errno == EXDEV,
	      "fanotify_mark: %s", strerror(errno));
	marks_of(fd, before, sizeof(before));
	ckpt_ready_wait();
	CHECK_STREQ(before, marks_of(fd, after, sizeof(after)));
	unlink(in_dir("new"));
	CHECK_SYS(mkdir(in_dir("new"), 0700));
	if (has_handles) {
		CHECK_SYS(read(fd, buf, sizeof(buf)));
		CHECK_EQ(FAN_CREATE | FAN_ONDIR, event->mask);
		CHECK_EQ(FAN_NOFD, event->fd);
		CHECK_EQ(FAN_EVENT_INFO_TYPE_DFID_NAME, info->hdr.info_type);
		CHECK_STREQ("new", (char *)handle->f_handle + handle->handle_bytes);
	}
	nothing(fd);
	CHECK_SYS(rmdir(in_dir("new")));
}

TEST_HARNESS_MAIN
