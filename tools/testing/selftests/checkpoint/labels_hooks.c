// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks of security modules for checkpoint(2) and restart(2): what a module decides by the task,
 * the image, the flags and the number of tasks is done, and the log says that it was a module.  The
 * one that is asked is for tests (kernel/checkpoint/test_lsm.c).
 */
#include "labels.h"

#define MODULES	"/sys/kernel/security/lsm"
#define DENIED	"a security module does not let the caller restart this image"

static const char *missing(void)
{
	char modules[256];

	if (!label_fs("securityfs", "/sys/kernel/security", MODULES) ||
	    !strstr(label_get(MODULES, modules, sizeof(modules)), "checkpoint_test"))
		return "the module of the tests is not here";
	return NULL;
}

static int load(void)
{
	return 0;
}

LABELS_FIXTURE(missing, load)

static int shut(void *arg)
{
	CHECK_SYS(prctl(PR_SET_NAME, "ckpt-shut"));
	return ckpt_child_waits(arg);
}

/* One of the tasks may not be saved: nothing is. */
CKPT_SCENARIO(hooks_shut)
{
	pid_t pid = ckpt_fork(shut, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
}

TEST_F_TIMEOUT(labels, not_saved, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, not_saved(&hooks_shut, variant->container, EACCES,
			       "(ckpt-shut): a security module does not let the caller save it"));
}

CKPT_SCENARIO(hooks_plain)
{
	ckpt_ready_wait();
}

/* As it is asked for, no; else it is restarted. */
TEST_F_TIMEOUT(labels, by_flags, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&hooks_plain, variant->container));
	ASSERT_EQ(0, refused(RESTART_CALLER_CONFINEMENT, EPERM, DENIED));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, 0));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, second, 0));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

CKPT_SCENARIO(hooks_many)
{
	pid_t pid[2] = { ckpt_fork(ckpt_child_waits, NULL), ckpt_fork(ckpt_child_waits, NULL) };

	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	ckpt_wait_exit(pid[0], 0);
	ckpt_wait_exit(pid[1], 0);
}

TEST_F_TIMEOUT(labels, by_tasks, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, save(&hooks_many, variant->container));
	ASSERT_EQ(0, refused(0, EACCES, DENIED));
}

/* What comes through a pipe is another file. */
TEST_F_TIMEOUT(labels, by_image, CKPT_TIMEOUT)
{
	static char image[1 << 20];
	struct restart_args args;
	ssize_t size;
	int pipe[2];
	pid_t writer;

	ASSERT_EQ(0, save(&hooks_plain, variant->container));
	size = pread(first, image, sizeof(image), 0);
	ASSERT_LT(0, size);
	ASSERT_EQ(0, ckpt_pipe(pipe, O_CLOEXEC));
	fflush(NULL);
	writer = fork();
	ASSERT_LE(0, writer);
	if (!writer) {
		close(pipe[0]);
		signal(SIGPIPE, SIG_IGN);
		_exit(write(pipe[1], image, size) < 0 && errno != EPIPE);
	}
	close(pipe[1]);
	ckpt_run_restart_args(&run, &args, pipe[0], 0);
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, DENIED));
	close(pipe[0]);
	ASSERT_EQ(writer, waitpid(writer, NULL, 0));
}

TEST_HARNESS_MAIN
