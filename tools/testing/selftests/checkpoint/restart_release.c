// SPDX-License-Identifier: GPL-2.0
/*
 * What the tasks can tell of the restart when they run again, or while it goes on:
 * nothing of it is left that would change what they may do.
 */
#include "feed.h"

#include <elf.h>
#include <sched.h>
#include <sys/auxv.h>

#define CHECK_ARG	"--who-am-i"

static struct ckpt_run run;
static struct image im;
static int image = -1;

/* "prog --who-am-i" exits with 0 if the program's file made it root. */
__attribute__((constructor(250)))
static void who_am_i(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], CHECK_ARG))
		_exit(geteuid() == 0 && getuid() == 65534 ? 0 : 96);
}

FIXTURE(release) { int unused; };

FIXTURE_SETUP(release)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(release)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static int take(const struct ckpt_scenario *sc)
{
	if (ckpt_run_init(&run, sc, false) || ckpt_run_start(&run) ||
	    ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) || image_load(&im, image))
		return -1;
	return 0;
}

static int on_first_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/* Makes a copy of the test program that runs as root whoever executes it. */
static void copy_program(const char *path)
{
	char buf[65536];
	ssize_t n;
	int from = CHECK_SYS(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	int to = CHECK_SYS(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));

	while ((n = CHECK_SYS(read(from, buf, sizeof(buf)))) > 0)
		CHECK_EQ(n, write(to, buf, n));
	CHECK_SYS(fchmod(to, 04755));
	close(from);
	close(to);
}

/* The first thing that it does after a restart is to execute a setuid program. */
CKPT_SCENARIO(setuid_program)
{
	char path[320];
	pid_t kid;

	copy_program(ckpt_path(path, sizeof(path), "setuid"));
	CHECK_SYS(on_first_cpu());
	kid = CHECK_SYS(fork());
	if (!kid) {
		char *argv[] = { path, CHECK_ARG, NULL };

		CHECK_SYS(setresgid(65534, 65534, 65534));
		CHECK_SYS(setresuid(65534, 65534, 65534));
		ckpt_step(0);
		while (!__atomic_load_n(&board->restarts, __ATOMIC_SEQ_CST))
			;
		execv(path, argv);
		_exit(95);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/*
 * Restarts @sc some times. The restart waits behind what it has let go, which has done its
 * first steps before restart(2) returns.
 */
static int behind(const struct ckpt_scenario *sc)
{
	struct sched_param param = { 0 };
	int i, status;
	pid_t pid;

	if (take(sc))
		return -1;
	for (i = 0; i < 3; i++) {
		fflush(NULL);
		pid = fork();
		if (!pid) {
			if (on_first_cpu() || sched_setscheduler(0, SCHED_IDLE, &param))
				_exit(1);
			if (ckpt_run_restart(&run, image, 0))
				_exit(2);
			ckpt_run_go(&run);
			_exit(ckpt_run_finish(&run) ? 3 : 0);
		}
		if (waitpid(pid, &status, 0) != pid || status) {
			ckpt_diag("restart %d: wait status 0x%x", i + 1, status);
			return -1;
		}
		/* That of the child is another one than ours by now. */
		ckpt_cgroup_del(&run.cg);
		if (ckpt_cgroup_new(&run.cg))
			return -1;
	}
	return 0;
}

/*
 * An execve() that finds its root and working directory used by somebody else does
 * not make it root.
 */
TEST_F_TIMEOUT(release, setuid_program, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, behind(&setuid_program));
}

/* The first thing that it does is to look whether somebody has the other ends of its pipes. */
CKPT_SCENARIO(other_ends)
{
	int from[2], to[2];
	char buf[8] = "";
	pid_t kid;

	CHECK_SYS(on_first_cpu());
	kid = CHECK_SYS(fork());
	if (!kid) {
		signal(SIGPIPE, SIG_IGN);
		CHECK_SYS(pipe2(from, O_NONBLOCK));
		CHECK_SYS(pipe2(to, O_NONBLOCK));
		CHECK_EQ(4, write(from[1], "left", 4));
		CHECK_SYS(close(from[1]));
		CHECK_SYS(close(to[0]));
		ckpt_step(0);
		while (!__atomic_load_n(&board->restarts, __ATOMIC_SEQ_CST))
			;
		CHECK_EQ(4, CHECK_SYS(read(from[0], buf, sizeof(buf))));
		CHECK_STREQ("left", buf);
		CHECK_EQ(0, CHECK_SYS(read(from[0], buf, sizeof(buf))));
		CHECK(write(to[1], "x", 1) == -1 && errno == EPIPE, "somebody may read it");
		_exit(0);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* The end of a pipe that nobody writes to is there at once, not when restart(2) has returned. */
TEST_F_TIMEOUT(release, other_ends, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, behind(&other_ends));
}

/* ---- the OOM killer --------------------------------------------------- */

CKPT_SCENARIO(open_file)
{
	char path[320];

	CHECK_SYS(open(ckpt_path(path, sizeof(path), "leased"), O_RDWR | O_CREAT, 0600));
	ckpt_ready_wait();
}

static int oom_score_adj(pid_t pid)
{
	char path[64], buf[32];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	return atoi(ckpt_read_file(path, buf, sizeof(buf)));
}

static volatile sig_atomic_t lease_broken;

static void on_lease(int sig)
{
	lease_broken = 1;
}

#define ADJ	17

/*
 * Whose opening of a file has to wait has memory of its own by then: the OOM killer
 * may choose it as it may choose the caller.
 */
TEST_F_TIMEOUT(release, oom_score_while_restored, CKPT_TIMEOUT)
{
	struct sigaction sa = { .sa_handler = on_lease };
	struct restart_args args;
	char path[320], adj[16];
	int status, ready[2];
	pid_t root, holder;
	sigset_t io, old;
	int fd;

	ASSERT_EQ(0, take(&open_file));
	root = image_get(&im, image_body(&im, IMAGE_KIND_TASK) + IMAGE_AT(task, tid), 4);
	snprintf(path, sizeof(path), "%s.leased", run.board_path);
	snprintf(adj, sizeof(adj), "%d", ADJ);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ASSERT_LT(0, write(fd, adj, strlen(adj)));
	close(fd);
	ASSERT_EQ(0, pipe(ready));
	fflush(NULL);
	holder = fork();
	if (!holder) {
		sigemptyset(&io);
		sigaddset(&io, SIGIO);
		sigprocmask(SIG_BLOCK, &io, &old);
		sigaction(SIGIO, &sa, NULL);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK))
			_exit(2);
		close(ready[1]);
		close(ready[0]);
		while (!lease_broken)
			sigsuspend(&old);
		status = oom_score_adj(root) == ADJ ? 0 : 1;
		if (status)
			ckpt_diag("the score is %d", oom_score_adj(root));
		fcntl(fd, F_SETLEASE, F_UNLCK);
		_exit(status);
	}
	/* At its end the lease is there. */
	close(ready[1]);
	EXPECT_EQ(0, read(ready[0], adj, 1));
	close(ready[0]);
	/* Not ckpt_run_restart(), which takes the files back before. */
	lseek(image, 0, SEEK_SET);
	EXPECT_LT(0, feed_restart(&run, &args, image));
	ASSERT_EQ(holder, waitpid(holder, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, oom_score_adj(run.pid));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
