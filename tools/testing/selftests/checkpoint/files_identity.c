// SPDX-License-Identifier: GPL-2.0
/*
 * A file is the one that was saved: what is at its path by the time of the
 * restart is neither reached by a link, nor another one, nor changed, unless
 * that is accepted.
 */
#include "fault.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#define BOOT		IMAGE_AT(header, boot)	/* The boot of the machine. */
#define MM		IMAGE_KIND_MM
#define MM_EXE		IMAGE_AT(mm, exe)
#define OPEN_FILE	IMAGE_KIND_FILE
#define FILE_OBJ	IMAGE_AT(file, obj)
#define FILE_KIND	IMAGE_AT(file, kind)
#define FILE_FLAGS	IMAGE_AT(file, flags)
#define FILE_REGULAR	IMAGE_FILE_REGULAR
#define READ		(1 << 0)

static struct ckpt_run run;
static int image = -1;

static bool container;

FIXTURE(same) { int unused; };
FIXTURE_VARIANT(same) { bool container; };
FIXTURE_VARIANT_ADD(same, container) { .container = true };
FIXTURE_VARIANT_ADD(same, subtree) { .container = false };

FIXTURE_SETUP(same)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	if (!variant->container && ckpt_containers_only())
		SKIP(return, "the same on all architectures: containers only here");
	container = variant->container;
	image = ckpt_image_new();
}

/* Directories of a scenario have files in them. */
static void empty_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
}

static char *path_of(const char *name)
{
	static char path[4][320];
	static int nr;

	nr = (nr + 1) % 4;
	snprintf(path[nr], sizeof(path[nr]), "%s.%s", run.board_path, name);
	return path[nr];
}

FIXTURE_TEARDOWN(same)
{
	if (image >= 0)
		close(image);
	image = -1;
	if (!run.board)
		return;
	empty_directory(path_of("dir"));
	empty_directory(path_of("old"));
	ckpt_run_fini(&run);
}

/* The scenario is checkpointed with KILL. */
static int saved(const struct ckpt_scenario *sc)
{
	if (ckpt_run_init(&run, sc, container) || ckpt_run_start(&run))
		return -1;
	return ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL);
}

/* restart(2) fails with @err, the log has @text, and nothing is left. */
static int refused(uint64_t flags, int err, const char *text)
{
	int lowest = lowest_free(&run);
	struct restart_args args;

	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, flags);
	errno = 0;
	if (sys_restart(&args, sizeof(args)) != -1 || errno != err) {
		ckpt_diag("%s instead of %s", strerror(errno), strerror(err));
		ckpt_run_print_log(&run);
		return -1;
	}
	if (!ckpt_run_log_has(&run, text)) {
		ckpt_diag("no line has \"%s\"", text);
		ckpt_run_print_log(&run);
		return -1;
	}
	return nothing_left(&run, lowest);
}

static void accept_paths(const char *patterns, size_t len)
{
	run.accept = patterns;
	run.accept_len = len;
}

/* restart(2) takes the files as they are. */
static int restarted(uint64_t flags)
{
	struct restart_args args;
	long pid;

	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, flags);
	pid = sys_restart(&args, sizeof(args));
	if (pid <= 0) {
		ckpt_diag("restart(2): %s", strerror(errno));
		ckpt_run_print_log(&run);
		return -1;
	}
	run.pid = pid;
	run.pidfd = args.pidfd;
	run.status = 0;
	return 0;
}

/* The same, and the scenario proves itself. */
static int taken(uint64_t flags)
{
	if (restarted(flags))
		return -1;
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

/* For another checkpoint the files are what they have become. */
static int again(void)
{
	if (lseek(image, 0, SEEK_SET) || ftruncate(image, 0) ||
	    ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL))
		return -1;
	accept_paths(NULL, 0);
	return taken(RESTART_STRICT);
}

static int taken_again(uint64_t flags)
{
	return restarted(flags) ? -1 : again();
}

static int make(const char *path, const char *content)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content)) {
		ckpt_diag("%s: %s", path, strerror(errno));
		return -1;
	}
	return fd;
}

/* ---- links ------------------------------------------------------------- */

CKPT_SCENARIO(in_a_directory)
{
	char path[320], file[340], c;
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	snprintf(file, sizeof(file), "%s/file", path);
	fd = CHECK_SYS(open(file, O_RDWR | O_CREAT, 0600));
	CHECK_EQ(5, write(fd, "mine\n", 5));
	ckpt_ready_wait();
	CHECK_EQ(1, pread(fd, &c, 1, 0));
	CHECK_EQ('m', c);
}

/* A directory on the way became a link: to where the very file is. */
TEST_F_TIMEOUT(same, link_on_the_way, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&in_a_directory));
	ASSERT_EQ(0, rename(path_of("dir"), path_of("old")));
	ASSERT_EQ(0, symlink(path_of("old"), path_of("dir")));
	EXPECT_EQ(0, refused(0, ELOOP, "/file: there is a symbolic link on its path"));
	ASSERT_EQ(0, unlink(path_of("dir")));
	ASSERT_EQ(0, rename(path_of("old"), path_of("dir")));
	EXPECT_EQ(0, taken_again(0));
}

/* By a link of procfs it is no better. */
TEST_F_TIMEOUT(same, link_of_procfs, CKPT_TIMEOUT)
{
	char link[64];
	int fd;

	ASSERT_EQ(0, saved(&in_a_directory));
	ASSERT_EQ(0, rename(path_of("dir"), path_of("old")));
	fd = open(path_of("old"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", getpid(), fd);
	ASSERT_EQ(0, symlink(link, path_of("dir")));
	EXPECT_EQ(0, refused(0, ELOOP, "/file: there is a symbolic link on its path"));
	close(fd);
	ASSERT_EQ(0, unlink(path_of("dir")));
}

CKPT_SCENARIO(one_file)
{
	char path[320], c;
	int fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "file"), O_RDWR | O_CREAT, 0600));

	CHECK_EQ(5, write(fd, "mine\n", 5));
	ckpt_ready_wait();
	CHECK_EQ(1, pread(fd, &c, 1, 0));
	CHECK(c == 'm' || c == 'y', "'%c'", c);
}

/* The file itself became a link; that can't be accepted. */
TEST_F_TIMEOUT(same, link_at_the_end, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&one_file));
	ASSERT_EQ(0, rename(path_of("file"), path_of("other")));
	ASSERT_EQ(0, symlink(path_of("other"), path_of("file")));
	accept_paths("*", 2);
	EXPECT_EQ(0, refused(0, ESTALE, "file: is of another type than when it was saved"));
}

CKPT_SCENARIO(inside_of_a_directory)
{
	char path[320], seen[320];

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	CHECK_SYS(chdir(path));
	ckpt_ready_wait();
	CHECK(getcwd(seen, sizeof(seen)), "%s", strerror(errno));
	CHECK_STREQ(path, seen);
}

TEST_F_TIMEOUT(same, working_directory, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&inside_of_a_directory));
	ASSERT_EQ(0, rename(path_of("dir"), path_of("old")));
	ASSERT_EQ(0, symlink(path_of("old"), path_of("dir")));
	EXPECT_EQ(0, refused(0, ENOTDIR, "working directory"));
	ASSERT_EQ(0, unlink(path_of("dir")));
	/* Another one at its place. */
	ASSERT_EQ(0, mkdir(path_of("dir"), 0700));
	EXPECT_EQ(0, refused(0, ESTALE, "dir: is not the file that was saved: was inode"));
	ASSERT_EQ(0, rmdir(path_of("dir")));
	ASSERT_EQ(0, rename(path_of("old"), path_of("dir")));
	EXPECT_EQ(0, taken(0));
}

CKPT_SCENARIO(inside_of_a_removed_directory)
{
	char path[320], sub[340];

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	snprintf(sub, sizeof(sub), "%s/sub", path);
	CHECK_SYS(mkdir(sub, 0700));
	CHECK_SYS(chdir(sub));
	CHECK_SYS(rmdir(sub));
	ckpt_ready_wait();
	CHECK(!getcwd(sub, sizeof(sub)) && errno == ENOENT, "%s", strerror(errno));
}

/* A directory that is made and removed there would be a cgroup. */
TEST_F_TIMEOUT(same, removed_from_another_filesystem, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&inside_of_a_removed_directory));
	ASSERT_EQ(0, mount("none", path_of("dir"), "cgroup2", 0, NULL));
	EXPECT_EQ(0, refused(0, EOPNOTSUPP, "its filesystem takes no such thing"));
	ASSERT_EQ(0, umount(path_of("dir")));
	EXPECT_EQ(0, taken(0));
}

CKPT_SCENARIO(removed_in_a_directory)
{
	char path[320], file[340], c;
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	snprintf(file, sizeof(file), "%s/file", path);
	fd = CHECK_SYS(open(file, O_RDWR | O_CREAT, 0600));
	CHECK_EQ(5, write(fd, "mine\n", 5));
	CHECK_SYS(unlink(file));
	ckpt_ready_wait();
	CHECK_EQ(1, pread(fd, &c, 1, 0));
	CHECK_EQ('m', c);
}

TEST_F_TIMEOUT(same, directory_of_a_removed_file, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&removed_in_a_directory));
	ASSERT_EQ(0, rename(path_of("dir"), path_of("old")));
	ASSERT_EQ(0, symlink(path_of("old"), path_of("dir")));
	EXPECT_EQ(0, refused(0, ENOTDIR, "a file without a name of 5 bytes"));
	ASSERT_EQ(0, unlink(path_of("dir")));
	ASSERT_EQ(0, rename(path_of("old"), path_of("dir")));
	EXPECT_EQ(0, taken_again(0));
}

/* ---- changed files ------------------------------------------------------- */

/* Changes the file and restarts it, accepted and not. */
static int changed(const char *what)
{
	char exact[330], other[] = "/elsewhere/*", both[400];
	size_t len;

	if (refused(0, ESTALE, what))
		return -1;
	accept_paths(other, sizeof(other));
	if (refused(0, ESTALE, what))
		return -1;
	/* One of several that matches is enough; "*" goes over slashes. */
	len = sizeof(other);
	memcpy(both, other, len);
	strcpy(both + len, "/*.fil[e]");
	len += strlen(both + len) + 1;
	accept_paths(both, len);
	if (taken(0))
		return -1;
	if (!ckpt_run_log_has(&run, "note: ") || !ckpt_run_log_has(&run, ": accepted: ")) {
		ckpt_diag("it is not told that the file differs");
		return -1;
	}
	snprintf(exact, sizeof(exact), "%s", path_of("file"));
	accept_paths(exact, strlen(exact) + 1);
	if (taken(0))
		return -1;
	accept_paths(NULL, 0);
	return 0;
}

TEST_F_TIMEOUT(same, time, CKPT_TIMEOUT)
{
	struct timespec mtime;

	ASSERT_EQ(0, saved(&one_file));
	ckpt_get_mtime(path_of("file"), &mtime);
	mtime.tv_nsec ^= 1;
	ckpt_set_mtime(path_of("file"), &mtime);
	EXPECT_EQ(0, changed("file: is not the file that was saved: was modified at "));
	mtime.tv_nsec ^= 1;
	ckpt_set_mtime(path_of("file"), &mtime);
	EXPECT_EQ(0, taken_again(0));
}

TEST_F_TIMEOUT(same, size, CKPT_TIMEOUT)
{
	struct timespec mtime;

	ASSERT_EQ(0, saved(&one_file));
	ckpt_get_mtime(path_of("file"), &mtime);
	ASSERT_EQ(0, truncate(path_of("file"), 6));
	ckpt_set_mtime(path_of("file"), &mtime);
	EXPECT_EQ(0, changed("file: is not the file that was saved: had 5 bytes, has 6; "));
	accept_paths("*", 2);
	EXPECT_EQ(0, taken_again(0));
}

/* A log: the scenario appends to it, and so does somebody else meanwhile. */
CKPT_SCENARIO(a_log)
{
	char path[320], buf[64];
	int flags = atoi(getenv("CKPT_FLAGS")), fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "file"), flags | O_CREAT, 0600));
	CHECK_EQ(4, write(fd, "one\n", 4));
	ckpt_ready_wait();
	CHECK_EQ(6, write(fd, "three\n", 6));
	CHECK_STREQ("one\ntwo\nthree\n", ckpt_read_file(path, buf, sizeof(buf)));
}

static int saved_log(int flags)
{
	char text[16];

	if (ckpt_run_init(&run, &a_log, container))
		return -1;
	snprintf(text, sizeof(text), "%d", flags);
	setenv("CKPT_FLAGS", text, 1);
	if (ckpt_run_start(&run))
		return -1;
	return ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL);
}

static int append_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	ssize_t n = write(fd, text, strlen(text));

	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

TEST_F_TIMEOUT(same, log_that_has_grown, CKPT_TIMEOUT)
{
	struct timespec mtime;

	ASSERT_EQ(0, saved_log(O_WRONLY | O_APPEND));
	ASSERT_EQ(0, append_to(path_of("file"), "two\n"));
	EXPECT_EQ(0, refused(RESTART_STRICT, ESTALE, "file: is not the file that was saved: "));
	/* Not one that is older. */
	ckpt_get_mtime(path_of("file"), &mtime);
	mtime.tv_sec -= 1000;
	ckpt_set_mtime(path_of("file"), &mtime);
	EXPECT_EQ(0, refused(0, ESTALE, "file: is not the file that was saved: "));
	mtime.tv_sec += 1000;
	ckpt_set_mtime(path_of("file"), &mtime);
	EXPECT_EQ(0, restarted(0));
	EXPECT_TRUE(ckpt_run_log_has(&run, "file: goes on to be appended to: had 4 bytes, has 8; "));
	EXPECT_EQ(0, again());
}

/* One that has become shorter is another log. */
TEST_F_TIMEOUT(same, log_that_has_shrunk, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved_log(O_WRONLY | O_APPEND));
	ASSERT_EQ(0, truncate(path_of("file"), 3));
	EXPECT_EQ(0, refused(0, ESTALE, "file: is not the file that was saved: had 4 bytes, has 3"));
}

/* Another file is another log, however long. */
TEST_F_TIMEOUT(same, log_that_was_replaced, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved_log(O_WRONLY | O_APPEND));
	close(make(path_of("other"), "one\ntwo\n"));
	ASSERT_EQ(0, rename(path_of("other"), path_of("file")));
	EXPECT_EQ(0, refused(0, ESTALE, "file: is not the file that was saved: had 4 bytes, has 8"));
}

/* Who does not append would write over what has come in between. */
TEST_F_TIMEOUT(same, grown_but_no_log, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved_log(O_WRONLY));
	ASSERT_EQ(0, append_to(path_of("file"), "two\n"));
	EXPECT_EQ(0, refused(0, ESTALE, "file: is not the file that was saved: had 4 bytes, has 8"));
}

/* Put in its place, and the same in all else. */
TEST_F_TIMEOUT(same, inode, CKPT_TIMEOUT)
{
	struct timespec mtime;
	struct image im;

	ASSERT_EQ(0, saved(&one_file));
	ckpt_get_mtime(path_of("file"), &mtime);
	close(make(path_of("other"), "your\n"));
	ASSERT_EQ(0, rename(path_of("other"), path_of("file")));
	ckpt_set_mtime(path_of("file"), &mtime);
	EXPECT_EQ(0, changed("file: is not the file that was saved: was inode 0:"));
	/* On another machine, or after another boot, inodes mean nothing, unless one is strict. */
	ASSERT_EQ(0, image_load(&im, image));
	image_put32(&im, BOOT, image_get(&im, BOOT, 4) ^ 1);
	image_fix(&im);
	ASSERT_EQ((ssize_t)im.size, pwrite(image, im.data, im.size, 0));
	free(im.data);
	EXPECT_EQ(0, refused(RESTART_STRICT, ESTALE, "file: is not the file that was saved: was inode"));
	EXPECT_EQ(0, taken_again(0));
}

TEST_F_TIMEOUT(same, permissions, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&one_file));
	EXPECT_EQ(0, taken(RESTART_STRICT));
	ASSERT_EQ(0, chmod(path_of("file"), 0640));
	EXPECT_EQ(0, refused(RESTART_STRICT, ESTALE, "file: is not the file that was saved: "
			     "had permissions 600, has 640"));
	EXPECT_EQ(0, taken_again(0));
}

CKPT_SCENARIO(three_files)
{
	static const char * const name[] = { "a", "b", "c" };
	char path[320];
	int i, fd;

	for (i = 0; i < 3; i++) {
		ckpt_path(path, sizeof(path), name[i]);
		fd = CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600));
		CHECK_EQ(1, write(fd, "x", 1));
	}
	ckpt_ready_wait();
}

/* All that differs is told at once. */
TEST_F_TIMEOUT(same, all_at_once, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&three_files));
	ASSERT_EQ(0, truncate(path_of("a"), 2));
	ASSERT_EQ(0, truncate(path_of("c"), 3));
	EXPECT_EQ(0, refused(0, ESTALE, ".a: is not the file that was saved: had 1 bytes, has 2"));
	EXPECT_EQ(0, refused(0, ESTALE, ".c: is not the file that was saved: had 1 bytes, has 3"));
	EXPECT_FALSE(ckpt_run_log_has(&run, ".b: "));
	EXPECT_TRUE(ckpt_run_log_has(&run, "failed: ESTALE, 2 refusals"));
}

/* What a mapping writes is of the time before, too. */
CKPT_SCENARIO(mapped_file)
{
	char path[320], *map;
	int fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "file"), O_RDWR | O_CREAT, 0600));

	CHECK_SYS(ftruncate(fd, 3 * CKPT_PAGE));
	map = mmap(NULL, 3 * CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	map[0] = 'x';
	map[CKPT_PAGE] = 'x';
	ckpt_ready_wait();
	map[2 * CKPT_PAGE] = 'x';
	CHECK_EQ('x', map[0]);
}

TEST_F_TIMEOUT(same, written_through_a_mapping, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, setenv("CKPT_TMPDIR", "/var/tmp", 1));
	ASSERT_EQ(0, saved(&mapped_file));
	sync();
	EXPECT_EQ(0, taken(0));
	EXPECT_EQ(0, refused(0, ESTALE, "file: is not the file that was saved: was modified at "));
	ASSERT_EQ(0, unsetenv("CKPT_TMPDIR"));
}

/* ---- patterns ------------------------------------------------------------- */

static int bad_patterns(const void *patterns, uint32_t len, int err, const char *text)
{
	struct restart_args args;

	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	args.accept = (uintptr_t)patterns;
	args.accept_len = len;
	errno = 0;
	if (sys_restart(&args, sizeof(args)) != -1 || errno != err ||
	    !ckpt_run_log_has(&run, text)) {
		ckpt_diag("%s instead of %s", strerror(errno), strerror(err));
		ckpt_run_print_log(&run);
		return -1;
	}
	return 0;
}

TEST_F_TIMEOUT(same, impossible_patterns, CKPT_TIMEOUT)
{
	char *two = ckpt_two_pages(), *end = two + sysconf(_SC_PAGESIZE);

	ASSERT_TRUE(two);
	ASSERT_EQ(0, saved(&one_file));
	EXPECT_EQ(0, bad_patterns("/a", 2, EINVAL, "a pattern of accepted paths is empty"));
	EXPECT_EQ(0, bad_patterns("/a\0", 4, EINVAL, "a pattern of accepted paths is empty"));
	EXPECT_EQ(0, bad_patterns("", 1, EINVAL, "a pattern of accepted paths is empty"));
	EXPECT_EQ(0, bad_patterns(two, 65537, E2BIG, "take more than 64 KiB"));
	EXPECT_EQ(0, bad_patterns(end - 1, 2, EFAULT, "can't be read"));
	EXPECT_EQ(0, taken(0));
}

/* ---- programs -------------------------------------------------------------- */

/* Executed by the next one. */
CKPT_SCENARIO(from_a_copy)
{
	ckpt_step(0);
	ckpt_wait_go();
}

CKPT_SCENARIO(runs_a_copy)
{
	char prog[320], path[320], buf[1 << 16];
	int from = CHECK_SYS(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), to;
	ssize_t n;
	pid_t kid;

	ckpt_path(prog, sizeof(prog), "prog");
	to = CHECK_SYS(open(prog, O_WRONLY | O_CREAT | O_CLOEXEC, 0700));
	while ((n = CHECK_SYS(read(from, buf, sizeof(buf)))) > 0)
		CHECK_EQ(n, write(to, buf, n));
	CHECK_SYS(close(to));
	/* The name of the board is that of a file without its end. */
	ckpt_path(path, sizeof(path), "");
	path[strlen(path) - 1] = 0;
	kid = CHECK_SYS(fork());
	if (!kid) {
		execl(prog, prog, "--scenario", "from_a_copy", path, NULL);
		_exit(1);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* What may not be executed any more is no program. */
TEST_F_TIMEOUT(same, program_not_executable, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&runs_a_copy));
	ASSERT_EQ(0, chmod(path_of("prog"), 0600));
	EXPECT_EQ(0, refused(0, EACCES, "prog: can't be executed with the rights"));
	ASSERT_EQ(0, chmod(path_of("prog"), 0700));
	EXPECT_EQ(0, taken_again(0));
}

/* The executable of an address space is no way to deny others that they write to a file. */
TEST_F_TIMEOUT(same, program_of_an_image, CKPT_TIMEOUT)
{
	size_t at, mm, plain = 0;
	char content[8] = "";
	struct image im;
	int fd;

	ASSERT_EQ(0, saved(&one_file));
	ASSERT_EQ(0, image_load(&im, image));
	mm = image_body(&im, MM);
	ASSERT_LT(mm, im.meta_end);
	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) == OPEN_FILE &&
		    image_get(&im, at + RECORD_LEN + FILE_KIND, 4) == FILE_REGULAR &&
		    memmem(im.data + at, record_len(&im, at), ".file", 5))
			plain = at + RECORD_LEN;
	}
	ASSERT_NE(0, plain);
	image_put32(&im, mm + MM_EXE, image_get(&im, plain + FILE_OBJ, 4));
	image_put32(&im, plain + FILE_FLAGS, image_get(&im, plain + FILE_FLAGS, 4) & ~2);
	image_fix(&im);
	ASSERT_EQ((ssize_t)im.size, pwrite(image, im.data, im.size, 0));
	free(im.data);
	EXPECT_EQ(0, refused(0, EACCES, "file: can't be its program"));
	fd = open(path_of("file"), O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(5, read(fd, content, 5));
	EXPECT_STREQ("mine\n", content);
	close(fd);
}

/* ---- devices ----------------------------------------------------------- */

CKPT_SCENARIO(null_of_its_own)
{
	char path[320];
	int fd;

	ckpt_path(path, sizeof(path), "null");
	CHECK_SYS(mknod(path, S_IFCHR | 0600, makedev(1, 3)));
	fd = CHECK_SYS(open(path, O_RDWR));
	ckpt_ready_wait();
	CHECK_EQ(1, write(fd, "x", 1));
}

/*
 * To open another device does something already. This is one that nobody has, of the numbers for
 * experiments: who opened it would get ENXIO.
 */
TEST_F_TIMEOUT(same, device_is_not_opened, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, saved(&null_of_its_own));
	ASSERT_EQ(0, unlink(path_of("null")));
	ASSERT_EQ(0, mknod(path_of("null"), S_IFCHR | 0600, makedev(60, 0)));
	EXPECT_EQ(0, refused(0, ESTALE, ".null: is another device than when it was saved"));
	ASSERT_EQ(0, unlink(path_of("null")));
	ASSERT_EQ(0, mknod(path_of("null"), S_IFCHR | 0600, makedev(1, 3)));
	EXPECT_EQ(0, taken_again(0));
}

TEST_HARNESS_MAIN
