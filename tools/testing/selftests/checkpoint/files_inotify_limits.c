// SPDX-License-Identifier: GPL-2.0
/*
 * What a restart makes of watches, by the limits and rights of whom they belong to, and if what is
 * watched is not there any more. Each refusal leaves an image that can be restarted.
 */
#include "common.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

FIXTURE(cr) { int unused; };
FIXTURE_SETUP(cr)
{
	CKPT_BEGIN();
}
FIXTURE_TEARDOWN(cr) { }

static struct ckpt_run run;
static char one[300], two[300], aside[300];

static void make(char *path, size_t size, const char *name)
{
	ckpt_path(path, size, name);
	CHECK_SYS(close(CHECK_SYS(open(path, O_RDWR | O_CREAT, 0644))));
}

/* Two watches, and three events that were not read; made by somebody who may only read. */
CKPT_SCENARIO(watcher)
{
	char buf[4096];
	int fd;

	make(one, sizeof(one), "one");
	make(two, sizeof(two), "two");
	CHECK_SYS(seteuid(65534));
	fd = CHECK_SYS(inotify_init1(0));
	CHECK_EQ(1, inotify_add_watch(fd, one, IN_ATTRIB));
	CHECK_EQ(2, inotify_add_watch(fd, two, IN_ATTRIB));
	CHECK_SYS(seteuid(0));
	CHECK_SYS(chmod(one, 0644));
	CHECK_SYS(chmod(two, 0644));
	CHECK_SYS(chmod(one, 0644));
	ckpt_ready_wait();
	CHECK_SYS(chmod(two, 0644));
	CHECK_EQ(4 * sizeof(struct inotify_event), read(fd, buf, sizeof(buf)));
}

/* restart(2) fails with @err, and tells @text. */
static int fails(int image, int err, const char *text)
{
	struct restart_args args;
	long ret;

	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	ret = sys_restart(&args, sizeof(args));
	if (ret == -1 && errno == err && ckpt_run_log_has(&run, text))
		return 0;
	ckpt_diag("restart(2) returns %ld, errno %d, not %d (%s)", ret, errno, err, text);
	ckpt_run_print_log(&run);
	return -1;
}

static int checkpoint(int image)
{
	if (ckpt_run_init(&run, &watcher, true) || ckpt_run_start(&run))
		return -1;
	snprintf(one, sizeof(one), "%s.one", run.board_path);
	snprintf(two, sizeof(two), "%s.two", run.board_path);
	snprintf(aside, sizeof(aside), "%s-aside", run.board_path);
	return ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL);
}

static int goes_on(int image)
{
	return ckpt_run_restart(&run, image, 0) || ckpt_run_go(&run) || ckpt_run_finish(&run);
}

static int set(const char *path, const char *value, char *old, size_t size)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), ret = -1;
	ssize_t n;

	if (fd >= 0 && old) {
		n = pread(fd, old, size - 1, 0);
		old[n > 0 ? n : 0] = 0;
	}
	if (fd >= 0 && write(fd, value, strlen(value)) > 0)
		ret = 0;
	else
		ckpt_diag("%s: %s", path, strerror(errno));
	close(fd);
	return ret;
}

static int limited(const char *file, const char *value, int err, const char *text)
{
	int image = ckpt_image_new(), ret;
	char path[128], old[32];

	snprintf(path, sizeof(path), "/proc/sys/fs/inotify/%s", file);
	ret = checkpoint(image);
	if (!ret)
		ret = set(path, value, old, sizeof(old));
	if (!ret) {
		ret = fails(image, err, text);
		ret = set(path, old, NULL, 0) || ret;
	}
	if (!ret)
		ret = goes_on(image);
	ckpt_run_fini(&run);
	close(image);
	return ret;
}

TEST_F_TIMEOUT(cr, instances, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, limited("max_user_instances", "0", EMFILE, "fs.inotify.max_user_instances"));
}

TEST_F_TIMEOUT(cr, watches, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, limited("max_user_watches", "1", ENOSPC, "watch 2 can't be added: the user has"));
}

TEST_F_TIMEOUT(cr, events, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, limited("max_queued_events", "2", ENOSPC, "fs.inotify.max_queued_events"));
}

/* What is changed between checkpoint and restart, and back. */
static int changed(int (*change)(void), int (*back)(void), int err, const char *text)
{
	int image = ckpt_image_new(), ret;

	ret = checkpoint(image);
	if (!ret)
		ret = change() || fails(image, err, text) || back() || goes_on(image);
	ckpt_run_fini(&run);
	close(image);
	return ret;
}

static int forbid(void)
{
	return chmod(two, 0600);
}

static int allow(void)
{
	return chmod(two, 0644);
}

TEST_F_TIMEOUT(cr, rights, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, changed(forbid, allow, EACCES, "can't be watched with the rights of"));
}

static int put_aside(void)
{
	return rename(two, aside);
}

static int put_back(void)
{
	remove(two);
	return rename(aside, two);
}

TEST_F_TIMEOUT(cr, missing, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, changed(put_aside, put_back, ENOENT, "(watched by inotify): is missing"));
}

static int make_directory(void)
{
	return put_aside() || mkdir(two, 0755);
}

TEST_F_TIMEOUT(cr, other_type, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, changed(make_directory, put_back, ESTALE, "is of another type"));
}

static int make_another(void)
{
	return put_aside() || close(open(two, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
}

TEST_F_TIMEOUT(cr, other_file, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, changed(make_another, put_back, ESTALE, "is not the file that was saved"));
}

/* Accepted, but both watches would be on one file. */
static int make_the_same(void)
{
	run.accept = "*";
	run.accept_len = 2;
	return put_aside() || link(one, two);
}

TEST_F_TIMEOUT(cr, same_file, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, changed(make_the_same, put_back, EEXIST, "another watch of the instance"));
}

TEST_HARNESS_MAIN
