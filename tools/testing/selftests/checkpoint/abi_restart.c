// SPDX-License-Identifier: GPL-2.0
/* Every errno of restart(2), and that a failed one leaves nothing behind. */
#include "fault.h"

#include <poll.h>
#include <signal.h>

static struct restart_args args;
static struct ckpt_run run;
static int image = -1;

CKPT_SCENARIO(with_file)
{
	char path[320], c = 0;
	int fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "file"), O_RDWR | O_CREAT, 0600));
	pid_t kid;

	CHECK_EQ(5, write(fd, "hello", 5));
	kid = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(1, pread(fd, &c, 1, 4));
	CHECK_EQ('o', c);
	ckpt_wait_exit(kid, 0);
}

FIXTURE(abi) { int unused; };

/* Each test begins with the image of a run that has been killed. */
FIXTURE_SETUP(abi)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &with_file, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ckpt_run_restart_args(&run, &args, image, 0);
}

FIXTURE_TEARDOWN(abi)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static int fails_sized(int err, void *at, size_t size)
{
	int before = lowest_free(&run);
	long ret;

	lseek(image, 0, SEEK_SET);
	ret = sys_restart(at, size);
	if (ret != -1 || errno != err) {
		ckpt_diag("restart(2) gave %ld, errno %d, not %d", ret, errno, err);
		ckpt_run_print_log(&run);
		return -1;
	}
	return nothing_left(&run, before);
}

static int fails(int err)
{
	return fails_sized(err, &args, sizeof(args));
}

#define FAILS(err)	ASSERT_EQ(0, fails(err))
#define RESET(flags)	ckpt_run_restart_args(&run, &args, image, flags)
/* With @value in one argument. */
#define FAILS_WITH(err, field, value) do {				\
	RESET(0);							\
	args.field = (value);						\
	FAILS(err);							\
} while (0)

/* After all that failed the image is as good as before. */
static int works(void)
{
	if (ckpt_run_restart(&run, image, 0))
		return -1;
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

TEST_F_TIMEOUT(abi, size_and_address, CKPT_TIMEOUT)
{
	long page = sysconf(_SC_PAGESIZE);
	char *two = ckpt_two_pages();

	ASSERT_NE(NULL, two);
	memcpy(two, &args, sizeof(args));
	ASSERT_EQ(0, fails_sized(EINVAL, two, 0));
	ASSERT_EQ(0, fails_sized(EINVAL, two, RESTART_ARGS_SIZE_VER0 - 1));
	ASSERT_EQ(0, fails_sized(E2BIG, two, page + 1));
	two[sizeof(args)] = 1;
	ASSERT_EQ(0, fails_sized(E2BIG, two, sizeof(args) + 8));
	ASSERT_EQ(0, fails_sized(EFAULT, NULL, sizeof(args)));
	ASSERT_EQ(0, fails_sized(EFAULT, two + page, sizeof(args)));
	ASSERT_EQ(0, fails_sized(EFAULT, two + page - 8, sizeof(args)));
	/* The pidfd has no place to go to. */
	ASSERT_EQ(0, mprotect(two, page, PROT_READ));
	ASSERT_EQ(0, fails_sized(EFAULT, two, sizeof(args)));
	EXPECT_TRUE(ckpt_run_log_has(&run, "can't be written to"));
	ASSERT_EQ(0, works());
}

TEST_F_TIMEOUT(abi, zero_tail, CKPT_TIMEOUT)
{
	char *buf = calloc(1, 4096);
	struct restart_args *big = (void *)buf;
	long pid;

	memcpy(buf, &args, sizeof(args));
	pid = sys_restart(big, 4096);
	ASSERT_LT(0, pid);
	EXPECT_LE(0, big->pidfd);
	run.pid = pid;
	run.pidfd = big->pidfd;
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

TEST_F_TIMEOUT(abi, flags_and_fields, CKPT_TIMEOUT)
{
	int bit;

	for (bit = 11; bit < 64; bit++) {
		RESET(1ull << bit);
		FAILS(EINVAL);
	}
	RESET(RESTART_FROZEN);
	args.cgroup_fd = -1;
	FAILS(EINVAL);
	FAILS_WITH(EINVAL, reserved, 1);
	ASSERT_EQ(0, works());
}

TEST_F_TIMEOUT(abi, bad_descriptors, CKPT_TIMEOUT)
{
	int closed = dup(image);
	int write_only = open("/dev/null", O_WRONLY);
	int path_only = open("/dev/null", O_PATH);
	int dir = open("/tmp", O_RDONLY | O_DIRECTORY);

	close(closed);
	FAILS_WITH(EBADF, image_fd, closed);
	FAILS_WITH(EBADF, image_fd, -1);
	FAILS_WITH(EBADF, image_fd, write_only);
	FAILS_WITH(EBADF, image_fd, path_only);
	FAILS_WITH(EBADF, log_fd, closed);
	FAILS_WITH(EBADF, log_fd, -2);
	FAILS_WITH(EBADF, log_fd, dir);
	FAILS_WITH(EBADF, cgroup_fd, closed);
	FAILS_WITH(EBADF, cgroup_fd, -2);
	FAILS_WITH(EBADF, cgroup_fd, dir);
	ASSERT_EQ(0, works());
}

/* What is no image at all. */
TEST_F_TIMEOUT(abi, not_an_image, CKPT_TIMEOUT)
{
	int own = image;

	image = ckpt_image_new();
	RESET(0);
	FAILS(EINVAL);
	ASSERT_TRUE(ckpt_run_log_has(&run, "at offset 0: "));
	ASSERT_EQ(0, ftruncate(image, 1 << 20));
	RESET(0);
	FAILS(EINVAL);
	ASSERT_TRUE(ckpt_run_log_has(&run, "wrong magic"));
	close(image);
	image = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	RESET(0);
	FAILS(EINVAL);
	close(image);
	image = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	RESET(0);
	FAILS(EINVAL);
	ASSERT_TRUE(ckpt_run_log_has(&run, "wrong magic"));
	close(image);
	image = own;
	ASSERT_EQ(0, works());
}

TEST_F_TIMEOUT(abi, pid_in_use, CKPT_TIMEOUT)
{
	char want[64];
	pid_t pid;

	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	pid = run.pid;
	/* It runs: once more is once too often. */
	RESET(0);
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ASSERT_EQ(-1, sys_restart(&args, sizeof(args)));
	ASSERT_EQ(EEXIST, errno);
	snprintf(want, sizeof(want), "pid %d (", pid);
	EXPECT_TRUE(ckpt_run_log_has(&run, want));
	EXPECT_TRUE(ckpt_run_log_has(&run, "its pid is in use"));
	/* The first one has not noticed. */
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

TEST_F_TIMEOUT(abi, frozen_cgroup, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "cgroup.freeze", "1"));
	FAILS(EBUSY);
	ASSERT_TRUE(ckpt_run_log_has(&run, "is frozen"));
	ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "cgroup.freeze", "0"));
	ASSERT_EQ(0, works());
}

/* ---- files ----------------------------------------------------------- */

TEST_F_TIMEOUT(abi, files_changed, CKPT_TIMEOUT)
{
	char path[400], away[400];

	snprintf(path, sizeof(path), "%s.file", run.board_path);
	snprintf(away, sizeof(away), "%s-away", run.board_path);
	ASSERT_EQ(0, rename(path, away));
	FAILS(ENOENT);
	EXPECT_TRUE(ckpt_run_log_has(&run, path));
	/* Something else lies there. */
	ASSERT_EQ(0, mkdir(path, 0700));
	RESET(0);
	FAILS(ESTALE);
	EXPECT_TRUE(ckpt_run_log_has(&run, path));
	ASSERT_EQ(0, rmdir(path));
	ASSERT_EQ(0, mkfifo(path, 0600));
	RESET(0);
	FAILS(ESTALE);
	ASSERT_EQ(0, unlink(path));
	ASSERT_EQ(0, symlink("/nowhere", path));
	RESET(0);
	FAILS(ESTALE);
	ASSERT_EQ(0, unlink(path));
	/* Longer, shorter, and as it was. */
	ASSERT_EQ(0, rename(away, path));
	ASSERT_EQ(0, truncate(path, 6));
	RESET(0);
	FAILS(ESTALE);
	EXPECT_TRUE(ckpt_run_log_has(&run, "had 5 bytes, has 6"));
	ASSERT_EQ(0, truncate(path, 4));
	RESET(0);
	FAILS(ESTALE);
	ASSERT_EQ(0, works());
}

/* ---- rights ---------------------------------------------------------- */

static int not_permitted(void)
{
	return fails(EPERM) ? 1 : 0;
}

TEST_F_TIMEOUT(abi, unprivileged, CKPT_TIMEOUT)
{
	args.cgroup_fd = -1;
	ASSERT_EQ(0, ckpt_as_nobody(not_permitted));
	EXPECT_TRUE(ckpt_run_log_has(&run, "CAP_CHECKPOINT_RESTORE"));
	ASSERT_EQ(0, works());
}

/* ---- what it reads --------------------------------------------------- */

/* From the position on, and no further than the image reaches. */
TEST_F_TIMEOUT(abi, position, CKPT_TIMEOUT)
{
	struct stat st;
	char *buf;
	int two = ckpt_image_new();
	int i;

	ASSERT_EQ(0, fstat(image, &st));
	buf = malloc(st.st_size);
	ASSERT_EQ(st.st_size, pread(image, buf, st.st_size, 0));
	ASSERT_EQ(3, write(two, "abc", 3));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(st.st_size, write(two, buf, st.st_size));
	free(buf);
	ASSERT_EQ(3, lseek(two, 3, SEEK_SET));
	for (i = 1; i <= 2; i++) {
		ckpt_run_restart_args(&run, &args, two, 0);
		ckpt_take_board_back(&run);
		run.pid = sys_restart(&args, sizeof(args));
		ASSERT_LT(0, run.pid);
		run.status = 0;
		run.pidfd = args.pidfd;
		EXPECT_EQ(3 + i * st.st_size, lseek(two, 0, SEEK_CUR));
		ckpt_run_go(&run);
		ASSERT_EQ(0, ckpt_run_finish(&run));
	}
	close(two);
}

/* What can't be seeked in. */
TEST_F_TIMEOUT(abi, from_a_pipe, CKPT_TIMEOUT)
{
	char buf[4096];
	int fd[2], status;
	pid_t feeder;
	ssize_t n;

	ASSERT_EQ(0, pipe2(fd, O_CLOEXEC));
	fflush(NULL);
	feeder = fork();
	if (!feeder) {
		close(fd[0]);
		while ((n = read(image, buf, sizeof(buf))) > 0) {
			if (write(fd[1], buf, n) != n)
				_exit(1);
		}
		_exit(0);
	}
	close(fd[1]);
	ckpt_take_board_back(&run);
	ckpt_run_restart_args(&run, &args, fd[0], 0);
	run.pid = sys_restart(&args, sizeof(args));
	ASSERT_LT(0, run.pid);
	run.status = 0;
	run.pidfd = args.pidfd;
	ASSERT_EQ(feeder, waitpid(feeder, &status, 0));
	EXPECT_EQ(0, status);
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
