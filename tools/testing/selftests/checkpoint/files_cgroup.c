// SPDX-License-Identifier: GPL-2.0
/* Files of cgroupfs: of the cgroup of the tasks, which may have another name then, and of others. */
#include "common.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>

CKPT_FIXTURE

/* Where cgroups (v2) are. */
static const char *top(void)
{
	struct statfs fs;

	CHECK_SYS(statfs("/sys/fs/cgroup", &fs));
	return fs.f_type == CGROUP2_SUPER_MAGIC ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
}

/* The path of @name in our cgroup. */
static const char *own(const char *name)
{
	static char path[1024];
	char text[512], *at;

	ckpt_read_file("/proc/self/cgroup", text, sizeof(text));
	at = strstr(text, "0::/");
	CHECK(at, "no cgroup (v2) in %s", text);
	at += strlen("0::");
	at[strcspn(at, "\n")] = 0;
	snprintf(path, sizeof(path), "%s%s/%s", top(), strcmp(at, "/") ? at : "", name);
	return path;
}

static int opened(const char *name, int flags)
{
	return CHECK_SYS(open(name, flags | O_CLOEXEC));
}

/* @fd is what is at @path now. */
static void is(int fd, const char *path)
{
	struct stat st[2];

	CHECK_SYS(fstat(fd, &st[0]));
	CHECK_SYS(stat(path, &st[1]));
	CHECK(st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino, "another one than %s", path);
}

static void has_text(int fd, const char *what)
{
	char text[4096];
	ssize_t n = CHECK_SYS(pread(fd, text, sizeof(text) - 1, 0));

	text[n] = 0;
	CHECK(strstr(text, what), "no %s in %s", what, text);
}

CKPT_CYCLE(files)
{
	int events = opened(own("cgroup.events"), O_RDONLY);
	int depth = opened(own("cgroup.max.depth"), O_RDWR);
	int procs = opened(own("cgroup.procs"), O_RDONLY | O_NONBLOCK);
	int dir = opened(own("."), O_RDONLY | O_DIRECTORY);
	int path = opened(own("cgroup.stat"), O_PATH);
	char pid[32], c[2];

	CHECK_EQ(2, read(depth, c, 2));
	has_text(events, "populated 1");
	ckpt_ready_wait();
	is(events, own("cgroup.events"));
	is(depth, own("cgroup.max.depth"));
	is(procs, own("cgroup.procs"));
	is(dir, own("."));
	is(path, own("cgroup.stat"));
	CHECK_EQ(O_NONBLOCK, fcntl(procs, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(2, lseek(depth, 0, SEEK_CUR));
	has_text(events, "populated 1");
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	has_text(procs, pid);
	CHECK_EQ(1, pwrite(depth, "5", 1, 0));
	has_text(opened(own("cgroup.max.depth"), O_RDONLY), "5\n");
	CHECK_EQ(3, pwrite(depth, "max", 3, 0));
	is(CHECK_SYS(openat(dir, "cgroup.procs", O_RDONLY)), own("cgroup.procs"));
}

/* Of the root cgroup, which is not that of the tasks. */
CKPT_CYCLE(of_others)
{
	char path[128];
	int file, dir;

	snprintf(path, sizeof(path), "%s/cgroup.controllers", top());
	file = opened(path, O_RDONLY);
	dir = opened(top(), O_RDONLY | O_DIRECTORY);
	ckpt_ready_wait();
	is(file, path);
	is(dir, top());
}

CKPT_SCENARIO(waits_for_events)
{
	int events = opened(own("cgroup.events"), O_RDONLY), dir = opened(own("."), O_RDONLY | O_DIRECTORY);
	struct pollfd changed = { .fd = events, .events = POLLPRI };

	has_text(events, "populated 1");
	strcpy(board->text, own("."));
	ckpt_ready_wait();
	CHECK(strcmp(board->text, own(".")), "it is in the same cgroup, %s", board->text);
	is(events, own("cgroup.events"));
	is(dir, own("."));
	/* What it has read was of the other cgroup. */
	CHECK_EQ(1, poll(&changed, 1, 0));
	CHECK(changed.revents & POLLPRI, "events %x", changed.revents);
	has_text(events, "populated 1");
}

TEST_F_TIMEOUT(cr, other_name, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), i;
	struct ckpt_run run;

	ASSERT_LE(0, image);
	ASSERT_EQ(0, ckpt_run_init(&run, &waits_for_events, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	/* Each generation is in another one. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, ftruncate(image, 0));
		ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
		ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
		ckpt_cgroup_del(&run.cg);
		ASSERT_EQ(0, ckpt_cgroup_new(&run.cg));
		ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	}
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
