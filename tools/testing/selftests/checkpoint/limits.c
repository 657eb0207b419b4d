// SPDX-License-Identifier: GPL-2.0
/*
 * Limits that a process has lowered when it had what they forbid now, restored by one who can't
 * raise them again.
 */
#include "common.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#define THREADS	8
#define FILES	1000
#define NICE	(-5)
#define USER	1000

/* Of the board. */
enum { HOLDS, LOWERED };

CKPT_FIXTURE

static struct ckpt_run run;

static int limit_to(int resource, rlim_t value)
{
	struct rlimit limit = { value, value };

	return setrlimit(resource, &limit);
}

/* Enough for what the process does, and no right to more. */
static int become_limited(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];

	if (limit_to(RLIMIT_RTPRIO, 1) || limit_to(RLIMIT_NICE, 20 - NICE) ||
	    limit_to(RLIMIT_NOFILE, FILES) || syscall(__NR_capget, &header, caps))
		return -1;
	caps[0].effective &= ~(1u << CAP_SYS_NICE | 1u << CAP_SYS_RESOURCE);
	caps[0].permitted = caps[0].effective;
	return syscall(__NR_capset, &header, caps);
}

static void check_limit(int resource, rlim_t value)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(resource, &limit));
	CHECK_EQ(value, limit.rlim_cur);
	CHECK_EQ(value, limit.rlim_max);
}

/* It was made before they were lowered. */
static int child(void *arg)
{
	ckpt_step(HOLDS);
	ckpt_wait_go();
	check_limit(RLIMIT_RTPRIO, 1);
	check_limit(RLIMIT_NICE, 20 - NICE);
	check_limit(RLIMIT_NOFILE, FILES);
	return 0;
}

/* Has a child, a nice value and a priority that it could not get any more. */
static void *thread(void *arg)
{
	struct sched_param param = { .sched_priority = 1 };
	pid_t kid = ckpt_fork(child, NULL);

	CHECK_SYS(setpriority(PRIO_PROCESS, sys_gettid(), NICE));
	CHECK_SYS(sched_setscheduler(sys_gettid(), SCHED_FIFO, &param));
	ckpt_step(HOLDS);
	ckpt_step_wait(LOWERED, 1);
	ckpt_wait_go();
	CHECK_EQ(NICE, getpriority(PRIO_PROCESS, sys_gettid()));
	CHECK_EQ(SCHED_FIFO, sched_getscheduler(sys_gettid()));
	ckpt_wait_exit(kid, 0);
	return NULL;
}

CKPT_SCENARIO(lowered)
{
	pthread_t threads[THREADS];
	int i;

	CHECK_EQ(0, become_limited());
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_create(&threads[i], NULL, thread, NULL));
	ckpt_step_wait(HOLDS, 2 * THREADS);
	CHECK_SYS(limit_to(RLIMIT_RTPRIO, 0));
	CHECK_SYS(limit_to(RLIMIT_NICE, 0));
	CHECK_SYS(limit_to(RLIMIT_NOFILE, FILES / 2));
	ckpt_step(LOWERED);
	ckpt_ready_wait();
	check_limit(RLIMIT_RTPRIO, 0);
	check_limit(RLIMIT_NICE, 0);
	check_limit(RLIMIT_NOFILE, FILES / 2);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_join(threads[i], NULL));
}

static void *waiting_thread(void *arg)
{
	ckpt_step(HOLDS);
	ckpt_wait_go();
	return NULL;
}

static void check_full(void)
{
	check_limit(RLIMIT_NPROC, 1);
	CHECK_EQ(-1, fork());
	CHECK_EQ(EAGAIN, errno);
}

/* More tasks than its user may have, by a limit that was lowered when they were there. */
CKPT_CYCLE(more_tasks_than_allowed)
{
	pthread_t threads[THREADS];
	int i;

	CHECK_SYS(setresuid(USER, USER, USER));
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_create(&threads[i], NULL, waiting_thread, NULL));
	ckpt_step_wait(HOLDS, THREADS);
	CHECK_SYS(limit_to(RLIMIT_NPROC, 1));
	check_full();
	ckpt_ready_wait();
	check_full();
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_join(threads[i], NULL));
}

FIXTURE(limits) { int image; };

FIXTURE_SETUP(limits)
{
	CKPT_BEGIN();
	self->image = ckpt_image_new();
}

FIXTURE_TEARDOWN(limits)
{
	if (run.board)
		ckpt_run_fini(&run);
	close(self->image);
}

/* As the parent of what it restarts. */
static int by_limited(int image)
{
	ckpt_watchdog();
	if (become_limited() || ckpt_run_restart(&run, image, 0))
		return 1;
	ckpt_run_go(&run);
	return ckpt_run_finish(&run) ? 2 : 0;
}

/* The threads of a process restore themselves in any order: its limits come when all have. */
TEST_F_TIMEOUT(limits, lowered_by_process, CKPT_TIMEOUT)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, ckpt_run_init(&run, &lowered, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, self->image, CHECKPOINT_KILL));
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(by_limited(self->image));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
}

TEST_HARNESS_MAIN
