// SPDX-License-Identifier: GPL-2.0
/* What others do to tasks that are held frozen while they are read. */
#include "hold.h"

#include <sys/ptrace.h>
#include <sys/stat.h>

#ifndef PTRACE_SEIZE
#define PTRACE_SEIZE 0x4206
#endif

/* Of the board. */
enum { WRITE_END, WAITS, STOPPED, SIGNALLED };

static void on_signal(int sig)
{
	board->value[SIGNALLED]++;
}

static int waits(void *arg)
{
	signal(SIGUSR1, on_signal);
	return ckpt_child_waits(arg);
}

static int stops(void *arg)
{
	raise(SIGSTOP);
	return 0;
}

/* A pipe, a child that waits, and one that is stopped. */
CKPT_SCENARIO(tree)
{
	siginfo_t info;
	pid_t kid;
	int fd[2];

	CHECK_SYS(ckpt_pipe(fd, 0));
	board->value[WRITE_END] = fd[1];
	board->value[WAITS] = ckpt_fork(waits, NULL);
	kid = ckpt_fork(stops, NULL);
	board->value[STOPPED] = kid;
	ckpt_step_wait(0, 1);
	CHECK_SYS(waitid(P_PID, kid, &info, WSTOPPED | WNOWAIT));
	ckpt_ready_wait();
	CHECK_SYS(kill(kid, SIGCONT));
	ckpt_wait_exit(kid, 0);
	/* In some tests the other one is killed. */
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static struct ckpt_run run;
static struct hold_call *call;
static struct hold_lock lock;
static int image = -1;

FIXTURE(hold) { int unused; };

/* Lock the scenario's pipe, and begin a checkpoint that comes to it. */
static int come_to_lock(uint64_t flags)
{
	int pidfd = sys_pidfd_open(run.pid);
	int fd = syscall(__NR_pidfd_getfd, pidfd, (int)run.board->value[WRITE_END], 0);

	close(pidfd);
	if (fd < 0 || hold_lock(&lock, fd))
		return -1;
	hold_checkpoint(call, &run, image, flags, fd);
	return hold_await_in(call->pid, "pipe");
}

FIXTURE_SETUP(hold)
{
	HOLD_BEGIN();
	call = hold_call_new();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &tree, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
}

FIXTURE_TEARDOWN(hold)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static pid_t pid_of(int which)
{
	return run.board->value[which];
}

/*
 * A checkpoint during which @act is called: after the tasks were seen frozen,
 * before the last look at them. Who is too slow for the time that a checkpoint
 * waits for a pipe, or still has the pipe when that is looked at, tries again.
 */
static int during(int (*act)(void), uint64_t flags)
{
	for (;;) {
		if (ftruncate(image, 0) || lseek(image, 0, SEEK_SET))
			return -1;
		if (come_to_lock(flags) || act())
			return -1;
		if (hold_unlock(&lock) || hold_end(call))
			return -1;
		if (call->ret != -1 || call->err != EBUSY)
			return 0;
		if (!ckpt_run_log_has(&run, "is locked by") &&
		    !ckpt_run_log_has(&run, "is open outside too"))
			return 0;
		ckpt_run_kill(&run);
		if (ckpt_run_start(&run))
			return -1;
	}
}

/* It ended with @err and a line that has @why; nothing is written or frozen. */
static int ended(int err, const char *why)
{
	struct stat st;

	if (call->ret == -1 && call->err == err && ckpt_run_log_has(&run, why) &&
	    !fstat(image, &st) && !st.st_size && !ckpt_cgroup_frozen(&run.cg))
		return 0;
	ckpt_diag("%ld, errno %d, not %d: %s", call->ret, call->err, err, why);
	ckpt_run_print_log(&run);
	return -1;
}

static int succeeded(void)
{
	if (call->ret > 0)
		return 0;
	ckpt_diag("%ld, errno %d", call->ret, call->err);
	ckpt_run_print_log(&run);
	return -1;
}

static int finish(void)
{
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

/* ---- what ends a checkpoint ------------------------------------------ */

static int kill_child(void)
{
	return kill(pid_of(WAITS), SIGKILL);
}

TEST_F_TIMEOUT(hold, child_killed, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(kill_child, 0));
	EXPECT_EQ(0, ended(ESRCH, "was killed during the checkpoint; try again [ESRCH]"));
	/* As the child is dead now, and stays so, it can be tried again. */
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, 0));
	ASSERT_EQ(0, finish());
}

static int kill_root(void)
{
	return kill(run.pid, SIGKILL);
}

TEST_F_TIMEOUT(hold, root_killed, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(kill_root, 0));
	EXPECT_EQ(0, ended(ESRCH, "was killed during the checkpoint; try again [ESRCH]"));
}

static int kill_all(void)
{
	return ckpt_cgroup_write(&run.cg, "cgroup.kill", "1");
}

TEST_F_TIMEOUT(hold, all_killed_in_dry_run, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(kill_all, CHECKPOINT_DRY_RUN));
	EXPECT_EQ(0, ended(ESRCH, "was killed during the checkpoint; try again [ESRCH]"));
}

static int terminate_child(void)
{
	/* Its default action does not wait for the thaw. */
	return kill(pid_of(WAITS), SIGTERM);
}

TEST_F_TIMEOUT(hold, child_terminated, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(terminate_child, CHECKPOINT_KILL));
	EXPECT_EQ(0, ended(ESRCH, "was killed during the checkpoint; try again [ESRCH]"));
	ASSERT_EQ(0, finish());
}

static int continue_child(void)
{
	return kill(pid_of(STOPPED), SIGCONT);
}

TEST_F_TIMEOUT(hold, continued, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(continue_child, 0));
	EXPECT_EQ(0, ended(EAGAIN, "was continued (SIGCONT) during the checkpoint; try again"));
	ASSERT_EQ(0, finish());
}

/* Root thaws it: the write succeeds, and the checkpoint comes to an end. */
static int thaw(void)
{
	return ckpt_cgroup_write(&run.cg, "cgroup.freeze", "0");
}

TEST_F_TIMEOUT(hold, broken, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(thaw, 0));
	EXPECT_EQ(0, ended(ECANCELED, "was thawed by a write to its cgroup.freeze [ECANCELED]"));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, 0));
	ASSERT_EQ(0, finish());
}

TEST_F_TIMEOUT(hold, broken_while_nobody_reads, CKPT_TIMEOUT)
{
	struct restart_args args;
	char buf[65536];
	int fd[2];
	ssize_t n;

	/* All but a few pages are in the image of a process that has some memory. */
	ASSERT_EQ(0, ckpt_pipe(fd, O_CLOEXEC));
	hold_checkpoint(call, &run, fd[1], CHECKPOINT_KILL, -1);
	ASSERT_EQ(0, hold_await_in(call->pid, "pipe_write"));
	/* Now the tasks are not read any more: it takes effect at once. */
	EXPECT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ(0, ckpt_cgroup_move(&run.cg, run.pid));
	close(fd[1]);
	while ((n = read(fd[0], buf, sizeof(buf))) > 0)
		ASSERT_EQ(n, write(image, buf, n));
	ASSERT_EQ(0, hold_end(call));
	EXPECT_EQ(-1, call->ret);
	EXPECT_EQ(ECANCELED, call->err);
	EXPECT_TRUE(ckpt_run_log_has(&run, "was thawed by a write to its cgroup.freeze"));
	/* Nobody was killed, and what was written is no image. */
	ASSERT_EQ(0, finish());
	ckpt_run_restart_args(&run, &args, image, 0);
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EINVAL, errno);
}

/* ---- what does not --------------------------------------------------- */

static int signal_child(void)
{
	return kill(pid_of(WAITS), SIGUSR1);
}

TEST_F_TIMEOUT(hold, signalled, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(signal_child, 0));
	EXPECT_EQ(0, succeeded());
	ASSERT_EQ(0, finish());
	EXPECT_EQ(1, run.board->value[SIGNALLED]);
}

static int attach(void)
{
	pid_t pid = pid_of(WAITS);

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != -1 || errno != EBUSY ||
	    ptrace(PTRACE_ATTACH, pid, NULL, NULL) != -1 || errno != EBUSY ||
	    ptrace(PTRACE_SEIZE, pid_of(STOPPED), NULL, NULL) != -1 || errno != EBUSY) {
		ckpt_diag("ptrace: %s", strerror(errno));
		return -1;
	}
	return 0;
}

TEST_F_TIMEOUT(hold, traced, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(attach, 0));
	EXPECT_EQ(0, succeeded());
	/* Afterwards it is possible again. */
	EXPECT_EQ(0, ptrace(PTRACE_SEIZE, pid_of(WAITS), NULL, NULL));
	/* And then it is the checkpoint that is not. */
	hold_checkpoint(call, &run, image, CHECKPOINT_DRY_RUN, -1);
	ASSERT_EQ(0, hold_end(call));
	EXPECT_EQ(-1, call->ret);
	EXPECT_EQ(EOPNOTSUPP, call->err);
	EXPECT_TRUE(ckpt_run_log_has(&run, "is traced (ptrace) from outside of the tree"));
}

static int move(void)
{
	struct ckpt_cgroup other;
	int ret = 0;

	if (ckpt_cgroup_new(&other))
		return -1;
	if (ckpt_cgroup_move(&other, pid_of(WAITS)) != -1 || errno != EBUSY ||
	    ckpt_cgroup_move(&run.cg, getpid()) != -1 || errno != EBUSY)
		ret = -1;
	ckpt_cgroup_del(&other);
	return ret;
}

TEST_F_TIMEOUT(hold, moved, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(move, 0));
	EXPECT_EQ(0, succeeded());
	ASSERT_EQ(0, finish());
}

/* Who may freeze the cgroup, but has no power over who holds it, waits. */
static int write_freeze(void)
{
	char path[300];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/cgroup.freeze", run.cg.path);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		err = errno;
	return err;
}

static int others_thaw(void)
{
	return ckpt_as_nobody(write_freeze) == EBUSY ? 0 : -1;
}

TEST_F_TIMEOUT(hold, not_broken_by_others, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, fchownat(run.cg.fd, "cgroup.freeze", 65534, 65534, 0));
	ASSERT_EQ(0, during(others_thaw, 0));
	EXPECT_EQ(0, succeeded());
	EXPECT_EQ(0, ckpt_cgroup_frozen(&run.cg));
	EXPECT_EQ(0, ckpt_as_nobody(write_freeze));
	ASSERT_EQ(0, finish());
}

/* It is frozen, and cgroup.freeze tells that its owner does not want it to be, or does. */
static int look(int wish)
{
	return ckpt_cgroup_frozen(&run.cg) == 1 && hold_wish(&run.cg) == wish ? 0 : -1;
}

static int look_thawed(void)
{
	return look(0);
}

/* The same while the image is written, and nobody reads it. */
static int look_while_written(int wish)
{
	char buf[65536];
	int fd[2], ret;

	if (ckpt_pipe(fd, O_CLOEXEC))
		return -1;
	hold_checkpoint(call, &run, fd[1], CHECKPOINT_FROZEN, -1);
	ret = hold_await_in(call->pid, "pipe_write") || look(wish);
	close(fd[1]);
	while (read(fd[0], buf, sizeof(buf)) > 0)
		;
	close(fd[0]);
	return hold_end(call) || call->ret <= 0 || ret ? -1 : 0;
}

TEST_F_TIMEOUT(hold, shows_wish, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(look_thawed, 0));
	EXPECT_EQ(0, succeeded());
	EXPECT_EQ(0, ckpt_cgroup_frozen(&run.cg));
	EXPECT_EQ(0, hold_wish(&run.cg));
	/* Who has it left frozen has written to it. */
	ASSERT_EQ(0, look_while_written(0));
	EXPECT_EQ(0, look(1));
	ASSERT_EQ(0, look_while_written(1));
	EXPECT_EQ(0, look(1));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ(0, hold_wish(&run.cg));
	ASSERT_EQ(0, finish());
}

/* Root wants it frozen, which it is: it stays so. */
static int wish_frozen(void)
{
	return ckpt_cgroup_write(&run.cg, "cgroup.freeze", "1") || look(1) ? -1 : 0;
}

TEST_F_TIMEOUT(hold, wished_frozen, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, during(wish_frozen, 0));
	EXPECT_EQ(0, succeeded());
	EXPECT_EQ(1, ckpt_cgroup_frozen(&run.cg));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, finish());
}

/* ---- the pipe itself ------------------------------------------------- */

/* The caller can be killed, and lets go. */
TEST_F_TIMEOUT(hold, caller_killed, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, come_to_lock(0));
	ASSERT_EQ(0, kill(call->pid, SIGKILL));
	EXPECT_EQ(SIGKILL, hold_end(call));
	EXPECT_EQ(0, ckpt_cgroup_frozen(&run.cg));
	EXPECT_EQ(0, hold_unlock(&lock));
	ASSERT_EQ(0, finish());
}

/* A pipe that stays locked is refused. */
TEST_F_TIMEOUT(hold, locked_for_ever, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, come_to_lock(0));
	ASSERT_EQ(0, hold_end(call));
	EXPECT_EQ(0, ended(EBUSY, "is locked by a writer or reader outside"));
	EXPECT_EQ(0, hold_unlock(&lock));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, 0));
	ASSERT_EQ(0, finish());
}

TEST_HARNESS_MAIN
