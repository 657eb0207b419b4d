// SPDX-License-Identifier: GPL-2.0
/*
 * The image can't be written to its end: the call fails, the tasks run on, and
 * what was written is not an image.
 */
#include "fault.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>

#define MEMORY	(1 << 20)

static struct ckpt_run run;

/* More than a pipe holds, all of it to be seen again. */
CKPT_SCENARIO(large)
{
	unsigned char *map = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	for (i = 0; i < MEMORY; i++)
		map[i] = i * 11 % 251;
	ckpt_ready_wait();
	for (i = 0; i < MEMORY; i++)
		CHECK_EQ(i * 11 % 251, map[i]);
}

FIXTURE(fault) { int unused; };

FIXTURE_SETUP(fault)
{
	CKPT_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&run, &large, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
}

FIXTURE_TEARDOWN(fault)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* Size of the whole image, which the next one will have, too. */
static size_t full_size(void)
{
	int fd = ckpt_image_new();
	struct stat st;

	if (ckpt_run_call(&run, fd, 0) <= 0 || fstat(fd, &st))
		st.st_size = 0;
	close(fd);
	return st.st_size;
}

/* What is in @fd is refused; the original still holds its pids, which is not why. */
static int is_no_image(int fd)
{
	struct restart_args args;

	lseek(fd, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, fd, 0);
	if (sys_restart(&args, sizeof(args)) != -1) {
		ckpt_diag("a part of an image was accepted");
		return -1;
	}
	if (errno != EINVAL && errno != EEXIST) {
		ckpt_diag("errno %d", errno);
		ckpt_run_print_log(&run);
		return -1;
	}
	return 0;
}

/* As after any checkpoint: it runs, and is where it was. */
static int alive(void)
{
	if (ckpt_cgroup_frozen(&run.cg)) {
		ckpt_diag("the cgroup is left frozen");
		return -1;
	}
	if (kill(run.pid, 0) || waitpid(run.pid, NULL, WNOHANG)) {
		ckpt_diag("the task is gone");
		return -1;
	}
	return 0;
}

/* Takes @count bytes of a pipe into @to, then closes it. */
static pid_t taker(int fd[2], size_t count, int to)
{
	char buf[4096];
	pid_t pid;
	ssize_t n;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	close(fd[1]);
	while (count && (n = read(fd[0], buf, count < sizeof(buf) ? count : sizeof(buf))) > 0) {
		if (write(to, buf, n) != n)
			_exit(1);
		count -= n;
	}
	_exit(0);
}

static int breaks_after(size_t count, uint64_t flags)
{
	int part = ckpt_image_new();
	int fd[2], status, ret = -1;
	long id;
	pid_t pid;

	if (ckpt_pipe(fd, O_CLOEXEC))
		return -1;
	pid = taker(fd, count, part);
	close(fd[0]);
	id = ckpt_run_call(&run, fd[1], flags);
	if (id != -1 || errno != EPIPE)
		ckpt_diag("after %zu bytes: checkpoint(2) gave %ld, errno %d", count, id, errno);
	else
		ret = alive();
	close(fd[1]);
	waitpid(pid, &status, 0);
	if (!ret)
		ret = status ? -1 : is_no_image(part);
	close(part);
	return ret;
}

/* One byte beyond what the pipe holds must be missing. */
TEST_F_TIMEOUT(fault, broken_pipe, CKPT_TIMEOUT)
{
	size_t size = full_size();
	const size_t at[] = { 0, 1, 191, 192, 200, 5000, 65536, 300001, size - CKPT_PIPE_SIZE - 5000 };
	const uint64_t flags[] = { 0, CHECKPOINT_FROZEN, CHECKPOINT_KILL };
	unsigned int i;

	ASSERT_LT((size_t)MEMORY, size);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < 9; i++)
		ASSERT_EQ(0, breaks_after(at[i], flags[i % 3]));
	ASSERT_EQ(0, runs_on(&run));
}

/* A filesystem of @pages pages, of which the image takes all. */
static int fills(unsigned int pages, uint64_t flags)
{
	char path[300], data[32];
	int fd, ret = -1;
	long id;

	snprintf(path, sizeof(path), "%s-full", run.board_path);
	snprintf(data, sizeof(data), "size=%lu", pages * CKPT_PAGE);
	if (mkdir(path, 0700) || mount("none", path, "tmpfs", 0, data))
		return -1;
	fd = open(path, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	id = ckpt_run_call(&run, fd, flags);
	if (id != -1 || errno != ENOSPC)
		ckpt_diag("%u pages: checkpoint(2) gave %ld, errno %d", pages, id, errno);
	else if (!alive())
		ret = is_no_image(fd);
	close(fd);
	if (umount(path) || rmdir(path))
		ret = -1;
	return ret;
}

TEST_F_TIMEOUT(fault, no_space, CKPT_TIMEOUT)
{
	unsigned int all = full_size() / CKPT_PAGE;

	ASSERT_LT(MEMORY / CKPT_PAGE, all);
	ASSERT_EQ(0, fills(1, 0));
	ASSERT_EQ(0, fills(2, CHECKPOINT_KILL));
	ASSERT_EQ(0, fills(7, CHECKPOINT_FROZEN));
	ASSERT_EQ(0, fills(all / 2, CHECKPOINT_KILL));
	ASSERT_EQ(0, fills(all - 4, 0));
	ASSERT_EQ(0, runs_on(&run));
}

static int limited(size_t bytes)
{
	struct rlimit old, limit;
	int fd = ckpt_image_new();
	int err, ret = -1;
	long id;

	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
	id = ckpt_run_call(&run, fd, 0);
	err = errno;
	setrlimit(RLIMIT_FSIZE, &old);
	if (id != -1 || err != EFBIG)
		ckpt_diag("%zu bytes allowed: checkpoint(2) gave %ld, errno %d", bytes, id, err);
	else if (!alive())
		ret = is_no_image(fd);
	close(fd);
	return ret;
}

TEST_F_TIMEOUT(fault, file_size_limit, CKPT_TIMEOUT)
{
	size_t size = full_size();

	signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(0, limited(0));
	ASSERT_EQ(0, limited(100));
	ASSERT_EQ(0, limited(4096));
	ASSERT_EQ(0, limited(300000));
	ASSERT_EQ(0, limited(size - 8192));
	ASSERT_EQ(0, runs_on(&run));
}

TEST_F_TIMEOUT(fault, full_device, CKPT_TIMEOUT)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ASSERT_EQ(-1, ckpt_run_call(&run, fd, CHECKPOINT_KILL));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, alive());
	ASSERT_EQ(0, runs_on(&run));
}

TEST_F_TIMEOUT(fault, would_block, CKPT_TIMEOUT)
{
	int fd[2];

	ASSERT_EQ(0, ckpt_pipe(fd, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(-1, ckpt_run_call(&run, fd[1], CHECKPOINT_KILL));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, alive());
	ASSERT_EQ(0, runs_on(&run));
}

/* ---- the caller is disturbed ----------------------------------------- */

static volatile int signals;

static void on_signal(int sig)
{
	signals++;
}

static pid_t blocked_caller(int fd[2], uint64_t flags)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct pollfd pfd = { .fd = fd[1], .events = POLLOUT };
	pid_t pid;
	long id;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(fd[0]);
		sigaction(SIGUSR1, &action, NULL);
		id = ckpt_run_call(&run, fd[1], flags);
		_exit(id > 0 ? 0 : errno == EINTR ? 1 : 2);
	}
	while (poll(&pfd, 1, 0) > 0)
		poll(NULL, 0, 1);
	close(fd[1]);
	return pid;
}

static int drain(int from, int to)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0) {
		if (write(to, buf, n) != n)
			return -1;
	}
	close(from);
	return n;
}

static int caller_is_killed(uint64_t flags)
{
	int part = ckpt_image_new();
	int fd[2], status, ret;
	pid_t pid;

	if (ckpt_pipe(fd, O_CLOEXEC))
		return -1;
	pid = blocked_caller(fd, flags);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		return -1;
	ret = alive();
	if (!ret && !drain(fd[0], part))
		ret = is_no_image(part);
	close(part);
	return ret;
}

TEST_F_TIMEOUT(fault, caller_is_killed, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, caller_is_killed(0));
	ASSERT_EQ(0, caller_is_killed(CHECKPOINT_FROZEN));
	ASSERT_EQ(0, caller_is_killed(CHECKPOINT_KILL));
	ASSERT_EQ(0, runs_on(&run));
}

/* A signal that is handled: the checkpoint is whole, or has failed. */
TEST_F_TIMEOUT(fault, caller_gets_a_signal, CKPT_TIMEOUT)
{
	int part = ckpt_image_new();
	int fd[2], status;
	pid_t pid;

	ASSERT_EQ(0, ckpt_pipe(fd, O_CLOEXEC));
	pid = blocked_caller(fd, 0);
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	ASSERT_EQ(0, drain(fd[0], part));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_GE(1, WEXITSTATUS(status));
	ASSERT_EQ(0, alive());
	if (WEXITSTATUS(status)) {
		ASSERT_EQ(0, is_no_image(part));
		ASSERT_EQ(0, runs_on(&run));
	} else {
		ASSERT_EQ(0, runs_on(&run));
		ASSERT_EQ(0, ckpt_run_restart(&run, part, 0));
		ASSERT_EQ(0, runs_on(&run));
	}
}

TEST_HARNESS_MAIN
