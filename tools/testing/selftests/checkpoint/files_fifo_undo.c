// SPDX-License-Identifier: GPL-2.0
/*
 * What was in a named pipe is put into it when nothing can fail any more, and not
 * before: somebody else who opens it gets nothing of a restart that fails.
 */
#include "fault.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static struct ckpt_run run;
static int image = -1;
static char fifo[320];

CKPT_SCENARIO(has_a_fifo)
{
	char path[320], buf[8] = "";
	int fd[2];

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	fd[0] = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	fd[1] = CHECK_SYS(open(path, O_WRONLY));
	CHECK_EQ(6, write(fd[1], "secret", 6));
	ckpt_ready_wait();
	CHECK_EQ(6, read(fd[0], buf, sizeof(buf)));
	CHECK_STREQ("secret", buf);
}

FIXTURE(undo) { int unused; };
FIXTURE_SETUP(undo)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &has_a_fifo, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	snprintf(fifo, sizeof(fifo), "%s.fifo", run.board_path);
}

FIXTURE_TEARDOWN(undo)
{
	if (image >= 0)
		close(image);
	image = -1;
	if (run.board)
		ckpt_run_fini(&run);
}

/* Sends part of the image into a pipe. */
static int feed(int to, size_t from, size_t end)
{
	char buf[4096];
	ssize_t n;

	while (from < end) {
		n = pread(image, buf, end - from < sizeof(buf) ? end - from : sizeof(buf), from);
		if (n <= 0 || write(to, buf, n) != n)
			return -1;
		from += n;
	}
	return 0;
}

/* Is @pid asleep so that a signal would wake it? */
static bool asleep(pid_t pid)
{
	char path[64], stat[512], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	at = strrchr(ckpt_read_file(path, stat, sizeof(stat)), ')');
	return at && at[2] == 'S';
}

/*
 * Waits until the restart has opened the named pipe, and all that it opens: it waits for
 * more of the image than is in @image_pipe. For its tasks it waits otherwise.
 */
static int await_opens(int events, pid_t restart, int image_pipe)
{
	char buf[4096] __attribute__((aligned(8)));
	int left;

	if (read(events, buf, sizeof(buf)) <= 0)
		return -1;
	do {
		if (ioctl(image_pipe, FIONREAD, &left))
			return -1;
	} while (left || !asleep(restart));
	return 0;
}

/*
 * restart(2) of an image that comes piece by piece. When it opens the pipe's ends
 * somebody else opens the pipe, too, and looks what is in it; then the rest of the
 * image comes, or it ends.
 */
static int disturbed(bool complete, int err)
{
	int events = inotify_init1(IN_CLOEXEC), fd[2], status, other;
	struct restart_args args;
	size_t rest, size;
	struct image im;
	char buf[16];
	ssize_t n;
	pid_t pid;

	if (image_load(&im, image))
		return -1;
	rest = im.rest;
	size = im.size;
	free(im.data);
	ckpt_take_board_back(&run);
	if (inotify_add_watch(events, fifo, IN_OPEN) < 0 || pipe2(fd, O_CLOEXEC))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(fd[1]);
		ckpt_run_restart_args(&run, &args, fd[0], 0);
		errno = 0;
		_exit(sys_restart(&args, sizeof(args)) == -1 ? errno : 255);
	}
	close(fd[0]);
	if (feed(fd[1], 0, rest) || await_opens(events, pid, fd[1])) {
		ckpt_diag("the named pipe was not opened");
		return -1;
	}
	other = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	n = read(other, buf, sizeof(buf));
	if (n > 0)
		ckpt_diag("somebody else has got %zd bytes", n);
	if (complete)
		feed(fd[1], rest, size);
	close(fd[1]);
	waitpid(pid, &status, 0);
	if (n <= 0) {
		n = read(other, buf, sizeof(buf));
		if (n > 0)
			ckpt_diag("afterwards somebody else has got %zd bytes", n);
	}
	close(other);
	close(events);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != err) {
		ckpt_diag("status 0x%x instead of errno %d", status, err);
		ckpt_run_print_log(&run);
		return -1;
	}
	return n > 0 ? -1 : 0;
}

TEST_F_TIMEOUT(undo, image_cut_short, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, disturbed(false, EINVAL));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

TEST_F_TIMEOUT(undo, opened_meanwhile, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, disturbed(true, EBUSY));
	EXPECT_TRUE(ckpt_run_log_has(&run, "was opened by somebody else during the restart"));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

/* Who waits for the other end is not woken by a restart that is refused. */
TEST_F_TIMEOUT(undo, waited_for, CKPT_TIMEOUT)
{
	struct restart_args args;
	char stat[512], *at;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		open(fifo, O_RDONLY);
		_exit(0);
	}
	snprintf(fifo, sizeof(fifo), "/proc/%d/stat", pid);
	do {
		at = strrchr(ckpt_read_file(fifo, stat, sizeof(stat)), ')');
	} while (!at || at[2] != 'S');
	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "the named pipe is in use"));
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_HARNESS_MAIN
