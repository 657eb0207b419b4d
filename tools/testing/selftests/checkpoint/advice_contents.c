// SPDX-License-Identifier: GPL-2.0
/* Files whose contents are in the image, as the caller of checkpoint(2) has asked for it. */
#include "advice.h"

#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define HOLE	(1 << 20)

static const struct restart_args nothing;
static const struct checkpoint_rule rules[] = {
	{ .pattern = (uintptr_t)"*.data", .action = CHECKPOINT_RULE_CONTENTS },
};
static const struct checkpoint_args said = {
	.rules = (uintptr_t)rules, .rules_count = 1,
};
static const struct restart_rule accept_rules[] = {
	{ .pattern = (uintptr_t)"*.data", .action = RESTART_RULE_ACCEPT },
};
static const struct restart_args accepts = {
	.rules = (uintptr_t)accept_rules, .rules_count = 1,
};

/* A file with a hole that is open twice, and mapped. */
CKPT_SCENARIO(data)
{
	char path[320], text[8] = "";
	struct stat st;
	char *map;

	ckpt_path(path, sizeof(path), "data");
	place(CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600)), FD);
	place(CHECK_SYS(open(path, O_RDONLY)), FD2);
	CHECK_EQ(5, write(FD, "first", 5));
	CHECK_EQ(4, pwrite(FD, "last", 4, HOLE));
	CHECK_SYS(fchmod(FD, 0640));
	map = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, FD, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_EQ(1, lseek(FD2, 1, SEEK_SET));
	ckpt_ready_wait();
	CHECK_EQ(4, read(FD2, text, 4));
	CHECK_STREQ("irst", text);
	CHECK_EQ(4, pread(FD2, text, sizeof(text), HOLE));
	CHECK_STREQ("last", text);
	CHECK_EQ(1, pread(FD2, text, 1, HOLE / 2));
	CHECK_EQ(0, text[0]);
	CHECK_EQ(5, lseek(FD, 0, SEEK_CUR));
	CHECK_SYS(fstat(FD, &st));
	CHECK_EQ(0100640, st.st_mode);
	CHECK_EQ(HOLE + 4, st.st_size);
	CHECK_EQ(1, st.st_nlink);
	/* All of it is one file. */
	map[0] = 'F';
	CHECK_EQ(1, pread(FD2, text, 1, 0));
	CHECK_EQ('F', text[0]);
	CHECK_SYS(stat(path, &st));
	CHECK_EQ(HOLE + 4, st.st_size);
	place(CHECK_SYS(open(path, O_RDONLY)), FD);
	CHECK_EQ(1, read(FD, text, 1));
	CHECK_EQ('F', text[0]);
}

/* The same beside a file whose contents are not saved. */
CKPT_SCENARIO(two)
{
	char path[320];

	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "data"), O_RDWR | O_CREAT, 0600)), FD);
	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "else"), O_RDWR | O_CREAT, 0600)), FD2);
	CHECK_EQ(4, write(FD, "text", 4));
	ckpt_ready_wait();
}

/* Two files with their contents. */
CKPT_SCENARIO(both)
{
	char path[320], text[8] = "";

	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "data"), O_RDWR | O_CREAT, 0600)), FD);
	ckpt_path(path, sizeof(path), "b.data");
	place(CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600)), FD2);
	CHECK_EQ(3, write(FD, "one", 3));
	CHECK_EQ(3, write(FD2, "two", 3));
	ckpt_ready_wait();
	CHECK_EQ(3, pread(FD, text, sizeof(text), 0));
	CHECK_STREQ("one", text);
	CHECK_EQ(3, pread(FD2, text, sizeof(text), 0));
	CHECK_STREQ("two", text);
}

/* No file, though it matches. */
CKPT_SCENARIO(directory)
{
	char path[320];

	ckpt_path(path, sizeof(path), "data");
	CHECK_SYS(mkdir(path, 0700));
	place(CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY)), FD);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(FD, F_GETFD));
	CHECK_SYS(rmdir(path));
}

FIXTURE(contents) { int unused; };
FIXTURE_VARIANT(contents) { bool container; };
FIXTURE_VARIANT_ADD(contents, subtree) { .container = false };
FIXTURE_VARIANT_ADD(contents, container) { .container = true };

FIXTURE_SETUP(contents)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_LE(0, image);
}

FIXTURE_TEARDOWN(contents)
{
	if (run.board) {
		unlink(path_of("data"));
		rmdir(path_of("data"));
		unlink(path_of("else"));
		unlink(path_of("b.data"));
	}
	finish();
}

/* How many files are on their way to their place, beside the board. */
static size_t on_their_way(void)
{
	char board[256], path[512];
	glob_t found;
	size_t n;

	snprintf(board, sizeof(board), "%s", run.board_path);
	snprintf(path, sizeof(path), "%s/.restart-*", dirname(board));
	if (glob(path, 0, NULL, &found))
		return 0;
	n = found.gl_pathc;
	globfree(&found);
	return n;
}

static int write_to(const char *name, const char *text)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t len = strlen(text);

	if (fd < 0)
		return -1;
	if (write(fd, text, len) != len) {
		close(fd);
		return -1;
	}
	return close(fd);
}

static int overwrite(const char *text)
{
	return write_to("data", text);
}

/* It is made anew where it is missing; twice. */
TEST_F_TIMEOUT(contents, missing, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, start(&data, variant->container));
	for (int generation = 0; generation < 2; generation++) {
		ASSERT_EQ(0, checkpoint_and_kill(&said));
		ASSERT_TRUE(ckpt_run_log_has(&run, "its contents are in the image"));
		ASSERT_EQ(0, unlink(path_of("data")));
		ASSERT_EQ(0, restart(0, &nothing));
		EXPECT_EQ(0u, on_their_way());
	}
	ASSERT_EQ(0, go());
}

/* It stays as it is where it is the one that was saved. */
TEST_F_TIMEOUT(contents, same, CKPT_TIMEOUT)
{
	struct stat before, after;

	ASSERT_EQ(0, start(&data, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(0, stat(path_of("data"), &before));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, stat(path_of("data"), &after));
	EXPECT_EQ(before.st_ino, after.st_ino);
	ASSERT_EQ(0, go());
}

/* What differs is replaced by the old one, if the caller accepts that. */
TEST_F_TIMEOUT(contents, changed, CKPT_TIMEOUT)
{
	struct stat st;

	ASSERT_EQ(0, start(&data, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(0, overwrite("other"));
	ASSERT_EQ(ESTALE, restart(0, &nothing));
	EXPECT_TRUE(ckpt_run_log_has(&run, "remove it, or have it replaced by that"));
	ASSERT_EQ(0, stat(path_of("data"), &st));
	EXPECT_EQ(5, st.st_size);
	ASSERT_EQ(0, restart(0, &accepts));
	EXPECT_TRUE(ckpt_run_log_has(&run, "is replaced by what was saved"));
	EXPECT_EQ(0u, on_their_way());
	ASSERT_EQ(0, go());
}

/* A process outside of the tree that writes pages to the end of the file, but not for ever. */
static pid_t appender(void)
{
	size_t left;
	char *page;
	pid_t pid;
	int fd;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	fd = open(path_of("data"), O_WRONLY | O_APPEND | O_CLOEXEC);
	page = malloc(CKPT_PAGE);
	if (fd < 0 || !page)
		_exit(1);
	memset(page, 'x', CKPT_PAGE);
	for (left = 64 << 20; left >= CKPT_PAGE; left -= CKPT_PAGE) {
		if (write(fd, page, CKPT_PAGE) < 0)
			_exit(1);
		usleep(20);
	}
	_exit(0);
}

/* Who goes on to append to it while it is saved does not spoil the image. */
TEST_F_TIMEOUT(contents, appended_to, CKPT_TIMEOUT)
{
	struct stat st;
	int err, status;
	pid_t pid;

	ASSERT_EQ(0, start(&two, variant->container));
	for (int generation = 0; generation < 3; generation++) {
		pid = appender();
		ASSERT_LT(0, pid);
		err = checkpoint(CHECKPOINT_KILL, &said);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, ckpt_run_killed(&run, err));
		ASSERT_EQ(0, unlink(path_of("data")));
		ASSERT_EQ(0, restart(0, &nothing));
		ASSERT_EQ(0, stat(path_of("data"), &st));
		EXPECT_LE(4, st.st_size);
	}
	ASSERT_EQ(0, go());
}

/* What is replaced is what has the name, and not a file that is mounted there. */
TEST_F_TIMEOUT(contents, mounted_over, CKPT_TIMEOUT)
{
	char other[512];
	struct stat st;
	int fd;

	ASSERT_EQ(0, start(&data, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(0, overwrite("under"));
	snprintf(other, sizeof(other), "%s", path_of("else"));
	fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(7, write(fd, "mounted", 7));
	close(fd);
	ASSERT_EQ(0, mount(other, path_of("data"), NULL, MS_BIND, NULL));
	EXPECT_EQ(EINVAL, restart(0, &accepts));
	EXPECT_TRUE(ckpt_run_log_has(&run, "or is mounted there"));
	EXPECT_EQ(0u, on_their_way());
	ASSERT_EQ(0, umount(path_of("data")));
	ASSERT_EQ(0, stat(other, &st));
	EXPECT_EQ(7, st.st_size);
	ASSERT_EQ(0, stat(path_of("data"), &st));
	EXPECT_EQ(5, st.st_size);
	/* Without it the file below is replaced. */
	ASSERT_EQ(0, restart(0, &accepts));
	ASSERT_EQ(0, go());
}

/* A restart that fails leaves nothing of it. */
TEST_F_TIMEOUT(contents, undone, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, start(&two, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(0, unlink(path_of("data")));
	ASSERT_EQ(0, unlink(path_of("else")));
	ASSERT_EQ(ENOENT, restart(0, &nothing));
	EXPECT_EQ(0u, on_their_way());
	EXPECT_EQ(-1, access(path_of("data"), F_OK));
	EXPECT_EQ(ENOENT, errno);
}

/* What was replaced is given back if another one can't be, whichever comes first. */
TEST_F_TIMEOUT(contents, given_back, CKPT_TIMEOUT)
{
	static const char *const names[] = { "data", "b.data" };
	struct stat was[2], is;
	char other[512];
	int i, j;

	ASSERT_EQ(0, start(&both, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	snprintf(other, sizeof(other), "%s", path_of("else"));
	ASSERT_EQ(0, write_to("else", "mounted"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, write_to(names[i], "other"));
		ASSERT_EQ(0, stat(path_of(names[i]), &was[i]));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, mount(other, path_of(names[i]), NULL, MS_BIND, NULL));
		EXPECT_EQ(EINVAL, restart(0, &accepts));
		EXPECT_TRUE(ckpt_run_log_has(&run, "or is mounted there"));
		ASSERT_EQ(0, umount(path_of(names[i])));
		EXPECT_EQ(0u, on_their_way());
		for (j = 0; j < 2; j++) {
			ASSERT_EQ(0, stat(path_of(names[j]), &is));
			EXPECT_EQ(was[j].st_ino, is.st_ino);
			EXPECT_EQ(5, is.st_size);
		}
	}
	ASSERT_EQ(0, restart(0, &accepts));
	EXPECT_EQ(0u, on_their_way());
	ASSERT_EQ(0, go());
}

/* Who watches a file would not watch one that is made anew. */
TEST_F_TIMEOUT(contents, watched, CKPT_TIMEOUT)
{
	int watch = inotify_init1(IN_CLOEXEC);

	ASSERT_LE(0, watch);
	ASSERT_EQ(0, start(&data, variant->container));
	ASSERT_LE(0, inotify_add_watch(watch, path_of("data"), IN_MODIFY));
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &said));
	EXPECT_TRUE(ckpt_run_log_has(&run, "its contents can't be saved: is watched"));
	close(watch);
}

/* What is no regular file is saved as without the rule, which the log tells. */
TEST_F_TIMEOUT(contents, no_file, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, start(&directory, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	EXPECT_TRUE(ckpt_run_log_has(&run, "is no regular file with a name"));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
}

TEST_HARNESS_MAIN
