// SPDX-License-Identifier: GPL-2.0
/*
 * What a restart makes of events of fanotify that were not read where fewer may be queued, and where
 * their files are not there any more. Each refusal leaves an image that can be restarted.
 */
#include "advice.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

#define MAX_QUEUED	"/proc/sys/fs/fanotify/max_queued_events"

static const struct checkpoint_args nothing;
static const struct restart_args nothing_given;

FIXTURE(limits) { int unused; };
FIXTURE_SETUP(limits)
{
	int fd;

	CKPT_BEGIN();
	fd = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
	if (fd < 0)
		SKIP(return, "no fanotify: %s", strerror(errno));
	close(fd);
	image = ckpt_image_new();
	ASSERT_LE(0, image);
}

FIXTURE_TEARDOWN(limits)
{
	finish();
}

/* Two events of two files, which nothing marks any more. */
CKPT_SCENARIO(reader)
{
	static const char *const names[] = { "one", "two" };
	struct fanotify_event_metadata event;
	char path[300];
	int fd, n;

	fd = CHECK_SYS(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY));
	for (n = 0; n < 2; n++) {
		ckpt_path(path, sizeof(path), names[n]);
		CHECK_SYS(close(CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600))));
		CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, path));
		CHECK_SYS(close(CHECK_SYS(open(path, O_RDONLY))));
		CHECK_SYS(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, path));
	}
	ckpt_ready_wait();
	for (n = 0; n < 2; n++) {
		CHECK_EQ(sizeof(event), read(fd, &event, sizeof(event)));
		CHECK_EQ(FAN_OPEN, event.mask);
		CHECK(event.fd >= 0, "no descriptor");
		CHECK_SYS(close(event.fd));
	}
	CHECK(read(fd, &event, sizeof(event)) == -1 && errno == EAGAIN, "there is another event");
}

/* Writes @value; @old gets what was there. */
static int max_queued(const char *value, char *old, size_t size)
{
	int fd = open(MAX_QUEUED, O_RDWR | O_CLOEXEC), ret = -1;
	ssize_t n;

	if (fd >= 0 && old) {
		n = pread(fd, old, size - 1, 0);
		old[n > 0 ? n : 0] = 0;
	}
	if (fd >= 0 && pwrite(fd, value, strlen(value), 0) > 0)
		ret = 0;
	close(fd);
	return ret;
}

TEST_F_TIMEOUT(limits, queued, CKPT_TIMEOUT)
{
	char old[32];
	int ret;

	ASSERT_EQ(0, start(&reader, true));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(0, max_queued("1", old, sizeof(old)));
	ret = restart(0, &nothing_given);
	ASSERT_EQ(0, max_queued(old, NULL, 0));
	ASSERT_EQ(ENOSPC, ret);
	ASSERT_TRUE(ckpt_run_log_has(&run, "events of a fanotify group can't be queued: more than the kernel "
				     "queues here (fs.fanotify.max_queued_events)"));
	ASSERT_EQ(0, restart(0, &nothing_given));
	ASSERT_EQ(0, go());
}

/* A file is missing; another one is in its place. */
TEST_F_TIMEOUT(limits, files, CKPT_TIMEOUT)
{
	char aside[600];
	int fd;

	ASSERT_EQ(0, start(&reader, true));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	snprintf(aside, sizeof(aside), "%s-aside", path_of("two"));
	ASSERT_EQ(0, rename(path_of("two"), aside));
	ASSERT_EQ(ENOENT, restart(0, &nothing_given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "(watched by an event of fanotify): is missing: bring it back"));
	ASSERT_EQ(0, mkdir(path_of("two"), 0700));
	ASSERT_EQ(ESTALE, restart(0, &nothing_given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is of another type than when it was saved"));
	ASSERT_EQ(0, rmdir(path_of("two")));
	fd = open(path_of("two"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(ESTALE, restart(0, &nothing_given));
	ASSERT_EQ(0, rename(aside, path_of("two")));
	ASSERT_EQ(0, restart(0, &nothing_given));
	ASSERT_EQ(0, go());
}

TEST_HARNESS_MAIN
