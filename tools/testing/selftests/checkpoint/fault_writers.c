// SPDX-License-Identifier: GPL-2.0
/*
 * Batches that a thread beside the caller writes: the file takes no more, or the
 * caller is killed meanwhile. Files that only the caller may write get the same
 * image.
 */
#include "fault.h"
#include "memory.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* More than may wait for the thread that writes. */
#define SIZE	(40 * MIB)
/* How often the caller is killed; how often that is tried. */
#define KILLS	2u
#define TRIES	100

static struct ckpt_run run;

CKPT_SCENARIO(bulky)
{
	char *map = map_anon(SIZE, RW, 0);

	fill(map, SIZE, 1);
	ckpt_ready_wait();
	check_fill(map, SIZE, 1);
}

FIXTURE(writers) { int unused; };

FIXTURE_SETUP(writers)
{
	CKPT_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&run, &bulky, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
}

FIXTURE_TEARDOWN(writers)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* What is in @fd is refused. */
static int is_no_image(int fd)
{
	struct restart_args args;

	lseek(fd, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, fd, 0);
	if (sys_restart(&args, sizeof(args)) != -1 || errno != EINVAL) {
		ckpt_diag("a part of an image was taken for one, errno %d", errno);
		ckpt_run_print_log(&run);
		return -1;
	}
	return 0;
}

/* The position is after the image, as after write(2), and it begins where it was. */
TEST_F_TIMEOUT(writers, positions, CKPT_TIMEOUT)
{
	const off_t start = 12345;
	int fd = ckpt_image_new();
	struct restart_args args;
	struct stat st;

	ASSERT_EQ(start, lseek(fd, start, SEEK_SET));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, fd, CHECKPOINT_KILL));
	ASSERT_EQ(0, fstat(fd, &st));
	ASSERT_LT((off_t)SIZE, st.st_size);
	ASSERT_EQ(st.st_size, lseek(fd, 0, SEEK_CUR));
	ckpt_take_board_back(&run);
	ASSERT_EQ(start, lseek(fd, start, SEEK_SET));
	ckpt_run_restart_args(&run, &args, fd, 0);
	run.pid = sys_restart(&args, sizeof(args));
	ASSERT_LT(0, run.pid) ckpt_run_print_log(&run);
	run.pidfd = args.pidfd;
	run.status = 0;
	ASSERT_EQ(0, runs_on(&run));
	close(fd);
}

/* One at a time: each write goes to the end, or there is a limit for the length. */
TEST_F_TIMEOUT(writers, one_by_one, CKPT_TIMEOUT)
{
	struct rlimit old, limit;
	int fd = ckpt_image_new();
	struct image im;

	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_APPEND));
	ASSERT_LT(0, ckpt_run_call(&run, fd, 0)) ckpt_run_print_log(&run);
	ASSERT_EQ(0, image_load(&im, fd));
	free(im.data);
	close(fd);

	fd = ckpt_image_new();
	ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &old));
	limit = old;
	limit.rlim_cur = 4 * SIZE;
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, fd, CHECKPOINT_KILL));
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &old));
	ASSERT_EQ(0, image_load(&im, fd));
	ASSERT_EQ(0, image_works(&run, &im, fd));
	free(im.data);
	close(fd);
}

/* A filesystem that is full in the middle. */
TEST_F_TIMEOUT(writers, no_space, CKPT_TIMEOUT)
{
	char path[300], data[32];
	unsigned int part;
	int fd;

	snprintf(path, sizeof(path), "%s-full", run.board_path);
	for (part = 1; part < 4; part++) {
		snprintf(data, sizeof(data), "size=%lu", SIZE / 4 * part);
		ASSERT_EQ(0, mkdir(path, 0700));
		ASSERT_EQ(0, mount("none", path, "tmpfs", 0, data));
		fd = open(path, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		ASSERT_EQ(-1, ckpt_run_call(&run, fd, part == 2 ? CHECKPOINT_KILL : 0));
		EXPECT_EQ(ENOSPC, errno);
		EXPECT_TRUE(ckpt_run_log_has(&run, "the image can't be written beyond byte"));
		EXPECT_EQ(0, is_no_image(fd));
		close(fd);
		ASSERT_EQ(0, umount(path));
		ASSERT_EQ(0, rmdir(path));
		ASSERT_EQ(0, kill(run.pid, 0));
	}
	ASSERT_EQ(0, runs_on(&run));
}

static unsigned int threads(pid_t pid)
{
	unsigned int n = 0;
	char path[64];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		n += d->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

/* The caller is killed while threads help it: there is no image, and the tasks run on. */
TEST_F_TIMEOUT(writers, killed, CKPT_TIMEOUT)
{
	unsigned int kills = 0, tries;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "there is one CPU");
	for (tries = 0; tries < TRIES && kills < KILLS; tries++) {
		siginfo_t info = { .si_pid = 0 };
		int fd = ckpt_image_new(), status = 0;
		unsigned int helped = 0;
		struct image im = { };
		pid_t pid;

		fflush(NULL);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(ckpt_run_call(&run, fd, 0) > 0 ? 0 : 1);
		while (!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid &&
		       helped < 2)
			helped = threads(pid);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, __WALL));
		/* Too late, where it had come to its end. */
		if (image_load(&im, fd)) {
			ASSERT_TRUE(WIFSIGNALED(status));
			kills += helped > 1;
			ASSERT_EQ(0, is_no_image(fd));
		}
		free(im.data);
		close(fd);
		ASSERT_EQ(0, ckpt_cgroup_frozen(&run.cg));
		ASSERT_EQ(0, kill(run.pid, 0));
	}
	ASSERT_EQ(KILLS, kills);
	ASSERT_EQ(0, runs_on(&run));
}

TEST_HARNESS_MAIN
