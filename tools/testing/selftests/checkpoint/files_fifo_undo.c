// SPDX-License-Identifier: GPL-2.0
/*
 * What was in a named pipe is put into it when nothing can fail any more, and not
 * before: somebody else who opens it gets nothing of a restart that fails.
 */
#include "fault.h"

#include <fcntl.h>
#include <sys/fanotify.h>

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

/* Asks to be asked before somebody opens @path; -1 if this kernel can't. */
static int ask_of_opens(const char *path)
{
	int group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_NONBLOCK);

	if (group >= 0 && fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, path)) {
		close(group);
		return -1;
	}
	return group;
}

/* Not by the named pipe itself: what is left of a mark goes away later. */
static bool can_ask(void)
{
	int group = ask_of_opens("/proc/self/exe");

	if (group >= 0)
		close(group);
	return group >= 0;
}

/*
 * Waits until the named pipe is opened for the second time, so that the first time is
 * over. From then on nobody is asked any more.
 */
static int await_second_open(int group)
{
	struct fanotify_event_metadata event;
	struct fanotify_response may = { .response = FAN_ALLOW };
	int i, ret = -1;

	for (i = 0; i < 2; i++) {
		if (read(group, &event, sizeof(event)) != sizeof(event))
			break;
		/* It is open by this descriptor, which is not what is to be found. */
		close(event.fd);
		may.fd = event.fd;
		if (i)
			ret = 0;
		else if (write(group, &may, sizeof(may)) != sizeof(may))
			break;
	}
	close(group);
	return ret;
}

/*
 * restart(2) of an image that comes piece by piece. When it opens the pipe's ends
 * somebody else opens the pipe, too, and looks what is in it; then the rest of the
 * image comes, or it ends.
 */
static int disturbed(bool complete, int err)
{
	int group, fd[2], status, other;
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
	group = ask_of_opens(fifo);
	/* All of it at once: the restart waits in an open, and reads no more then. */
	if (group < 0 || pipe2(fd, O_CLOEXEC) || fcntl(fd[1], F_SETPIPE_SZ, (int)size) < 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(fd[1]);
		close(group);
		ckpt_run_restart_args(&run, &args, fd[0], 0);
		errno = 0;
		_exit(sys_restart(&args, sizeof(args)) == -1 ? errno : 255);
	}
	close(fd[0]);
	/* The restart opens it in this order: to have it, then each end. */
	if (feed(fd[1], 0, rest) || await_second_open(group)) {
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
	if (!WIFEXITED(status) || WEXITSTATUS(status) != err) {
		ckpt_diag("status 0x%x instead of errno %d", status, err);
		ckpt_run_print_log(&run);
		return -1;
	}
	return n > 0 ? -1 : 0;
}

TEST_F_TIMEOUT(undo, image_cut_short, CKPT_TIMEOUT)
{
	if (!can_ask())
		SKIP(return, "needs CONFIG_FANOTIFY_ACCESS_PERMISSIONS");
	ASSERT_EQ(0, disturbed(false, EINVAL));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

TEST_F_TIMEOUT(undo, opened_meanwhile, CKPT_TIMEOUT)
{
	if (!can_ask())
		SKIP(return, "needs CONFIG_FANOTIFY_ACCESS_PERMISSIONS");
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
