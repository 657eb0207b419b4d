// SPDX-License-Identifier: GPL-2.0
/* Checkpoints of trees that change all the time: by themselves, or as others kill in them. */
#include "hold.h"

#include <sys/resource.h>

#define WORKERS		4
#define RUNS		50
/* At least so many, and until one of each kind was seen: see killed_while_collected. */
#define KILLS		10
#define DESCRIPTORS	4000

static struct ckpt_run run;

FIXTURE(storm) { int unused; };

FIXTURE_SETUP(storm)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(storm)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static bool is_over(void)
{
	return __atomic_load_n(&board->go, __ATOMIC_SEQ_CST);
}

/* As a shell or make does: a child, and another one as soon as that has ended. */
static int forks(void *arg)
{
	ckpt_step(0);
	while (!is_over()) {
		pid_t pid = CHECK_SYS(fork());

		if (!pid)
			_exit(0);
		CHECK_EQ(pid, waitpid(pid, NULL, 0));
		__atomic_add_fetch(&board->value[0], 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

CKPT_SCENARIO(forking)
{
	pid_t kid[WORKERS];
	int i;

	for (i = 0; i < WORKERS; i++)
		kid[i] = ckpt_fork(forks, NULL);
	ckpt_step_wait(0, WORKERS);
	ckpt_ready_wait();
	for (i = 0; i < WORKERS; i++)
		ckpt_wait_exit(kid[i], 0);
}

/* Each of them finds all tasks that there are, and no others. */
TEST_F_TIMEOUT(storm, forks, CKPT_TIMEOUT)
{
	struct checkpoint_args args;
	uint64_t before = 0;
	int i;

	ASSERT_EQ(0, ckpt_run_init(&run, &forking, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	for (i = 0; i < RUNS; i++) {
		/* They have come to run in between. */
		while (__atomic_load_n(&run.board->value[0], __ATOMIC_SEQ_CST) == before)
			poll(NULL, 0, 1);
		before = run.board->value[0];
		ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
		if (sys_checkpoint(&args, sizeof(args)) > 0)
			continue;
		ckpt_diag("run %d: %s", i, strerror(errno));
		ckpt_run_print_log(&run);
		ASSERT_TRUE(false);
	}
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* ---- a child with many descriptors is killed ------------------------- */

static int opens(void *arg)
{
	int i;

	for (i = 0; i < DESCRIPTORS; i++)
		CHECK_SYS(open("/dev/null", O_RDONLY));
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

CKPT_SCENARIO(mortal)
{
	struct rlimit limit = { DESCRIPTORS + 64, DESCRIPTORS + 64 };
	int i, status;
	pid_t kid;

	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	/* It makes one more than are killed, which ends by itself. */
	for (i = 1; !is_over(); i++) {
		kid = ckpt_fork(opens, NULL);
		ckpt_step_wait(0, i);
		board->value[0] = kid;
		if (i == 1)
			ckpt_ready();
		ckpt_step(1);
		CHECK_EQ(kid, waitpid(kid, &status, 0));
		CHECK(WIFSIGNALED(status) || is_over(), "status 0x%x", status);
	}
}

/*
 * What is read of it goes away, and with it goes the checkpoint: for that reason. A kill
 * may come too late as well: there are kills until both were seen.
 */
TEST_F_TIMEOUT(storm, killed_while_collected, CKPT_TIMEOUT)
{
	struct hold_call *call = hold_call_new();
	unsigned int delay = 0;
	int i, died = 0, came = 0;

	HOLD_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&run, &mortal, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	for (i = 1; i <= KILLS || !died || !came; i++) {
		while (__atomic_load_n(&run.board->step[1], __ATOMIC_SEQ_CST) < (uint32_t)i)
			poll(NULL, 0, 1);
		hold_checkpoint(call, &run, -1, CHECKPOINT_DRY_RUN, -1);
		while (ckpt_cgroup_frozen(&run.cg) != 1 && !waitpid(call->pid, NULL, WNOHANG))
			sched_yield();
		usleep(delay);
		ASSERT_EQ(0, kill(run.board->value[0], SIGKILL));
		while (waitpid(call->pid, NULL, 0) == -1 && errno == EINTR)
			;
		if (call->ret == -1) {
			if (call->err != ESRCH ||
			    !ckpt_run_log_has(&run, "was killed during the checkpoint"))
				ckpt_run_print_log(&run);
			ASSERT_EQ(ESRCH, call->err);
			ASSERT_TRUE(ckpt_run_log_has(&run, "was killed during the checkpoint"));
			died++;
			/* At another place each time: later, until that is too late. */
			delay += delay / 2 + 1000;
		} else {
			came++;
			delay /= 4;
		}
		EXPECT_EQ(0, ckpt_cgroup_frozen(&run.cg));
	}
	ckpt_diag("%d checkpoints ended, %d came", died, came);
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
