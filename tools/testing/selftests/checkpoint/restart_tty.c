// SPDX-License-Identifier: GPL-2.0
/*
 * A caller of restart(2) that has a controlling terminal: the restarted processes
 * have none, and neither their end nor that of a restart that fails touches it.
 */
#include "feed.h"

#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>

static struct ckpt_run run;
static int image = -1;

/* There is no controlling terminal, nor was there one. */
static void no_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	CHECK(fd == -1 && errno == ENXIO, "/dev/tty: %s", fd == -1 ? strerror(errno) : "is open");
}

static int session_leader(void *arg)
{
	CHECK_SYS(setsid());
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	no_terminal();
	return 0;
}

static int group_leader(void *arg)
{
	CHECK_SYS(setpgid(0, 0));
	ckpt_step(0);
	ckpt_wait_go();
	no_terminal();
	return 0;
}

/* A session, a process group, and the root in what its parent has. */
CKPT_SCENARIO(sessions)
{
	pid_t session = ckpt_fork(session_leader, NULL);
	pid_t group = ckpt_fork(group_leader, NULL);

	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	no_terminal();
	ckpt_step(1);
	ckpt_wait_exit(session, 0);
	ckpt_wait_exit(group, 0);
}

FIXTURE(tty) { int unused; };
FIXTURE_VARIANT(tty) { bool container; };
FIXTURE_VARIANT_ADD(tty, container) { .container = true };
FIXTURE_VARIANT_ADD(tty, subtree) { .container = false };

FIXTURE_SETUP(tty)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &sessions, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
}

FIXTURE_TEARDOWN(tty)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static volatile sig_atomic_t hung_up;

static void on_hangup(int sig)
{
	hung_up = 1;
}

/* A process whose controlling terminal is a new one runs @fn; -1, or what it returns. */
static int in_terminal(int (*fn)(void))
{
	struct sigaction sa = { .sa_handler = on_hangup };
	int status, ret, master, slave;
	pid_t pid;

	if (openpty(&master, &slave, NULL, NULL, NULL))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		sigaction(SIGHUP, &sa, NULL);
		/* What the restarted root leaves behind is ours to reap. */
		if (prctl(PR_SET_CHILD_SUBREAPER, 1) || setsid() < 0 || ioctl(slave, TIOCSCTTY, 0))
			_exit(100);
		close(master);
		ret = fn();
		if (!ret && hung_up)
			ret = 101;
		if (!ret && tcgetpgrp(slave) != getpgid(0))
			ret = 102;
		if (!ret && tcgetsid(slave) != getsid(0))
			ret = 103;
		_exit(ret);
	}
	close(slave);
	waitpid(pid, &status, 0);
	close(master);
	if (!WIFEXITED(status))
		return -1;
	if (WEXITSTATUS(status))
		ckpt_diag("in the terminal: %d", WEXITSTATUS(status));
	return WEXITSTATUS(status);
}

static int succeeds(void)
{
	if (ckpt_run_restart(&run, image, 0))
		return 1;
	ckpt_run_go(&run);
	return ckpt_run_finish(&run) ? 2 : 0;
}

TEST_F_TIMEOUT(tty, of_the_caller, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, in_terminal(succeeds));
}

/* What was restarted from a terminal can be checkpointed again. */
static int twice(void)
{
	int second = ckpt_image_new();

	if (ckpt_run_restart(&run, image, 0))
		return 1;
	if (ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL))
		return 2;
	if (ckpt_run_restart(&run, second, 0))
		return 3;
	ckpt_run_go(&run);
	return ckpt_run_finish(&run) ? 4 : 0;
}

TEST_F_TIMEOUT(tty, second_generation, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, in_terminal(twice));
}

/* It fails when sessions and groups have been made. */
static int fails(void)
{
	struct rlimit old, limit;
	struct restart_args args;
	long pid;

	if (getrlimit(RLIMIT_NOFILE, &old))
		return 1;
	limit = old;
	limit.rlim_cur = lowest_free(&run);
	setrlimit(RLIMIT_NOFILE, &limit);
	pid = image_restart(&run, image);
	if (pid != -1 || errno != EMFILE)
		return 2;
	setrlimit(RLIMIT_NOFILE, &old);
	/* Killed when it is there already, it takes its sessions along. */
	lseek(image, 0, SEEK_SET);
	pid = feed_restart(&run, &args, image);
	if (pid <= 0)
		return 3;
	ckpt_run_kill(&run);
	return 0;
}

TEST_F_TIMEOUT(tty, sessions_that_are_killed, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, in_terminal(fails));
}

TEST_HARNESS_MAIN
