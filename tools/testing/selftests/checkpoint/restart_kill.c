// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody kills tasks while they are restarted: at any moment, any of them.
 * Either they are all there then, or none is, and nobody touches what is gone (that
 * shows in a kernel with KASAN). It goes on until both were seen. CKPT_FAULTS=n tries n
 * times as many.
 */
#include "feed.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#define TASK		IMAGE_KIND_TASK
#define ROUNDS		60

static struct ckpt_run run;
static struct image im;
static int image = -1;

/* Waits in vfork() for a child that ends when it is told to go on. */
static int vforker(void *arg)
{
	pid_t kid = vfork();

	if (!kid) {
		ckpt_step(0);
		ckpt_wait_go();
		_exit(0);
	}
	return kid > 0 ? 0 : 1;
}

static int stopped(void *arg)
{
	struct sched_param param = { 0 };

	/* It takes its time to stop again. */
	CHECK_SYS(sched_setscheduler(0, SCHED_IDLE, &param));
	ckpt_step(0);
	CHECK_SYS(raise(SIGSTOP));
	return 0;
}

static void *thread(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return NULL;
}

static int threads(void *arg)
{
	pthread_t t[3];
	int i;

	for (i = 0; i < 3; i++)
		CHECK_EQ(0, pthread_create(&t[i], NULL, thread, NULL));
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

static int with_signals(void *arg)
{
	union sigval value = { .sival_int = 1 };
	sigset_t set;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	for (i = 0; i < 500; i++)
		CHECK_SYS(sigqueue(getpid(), SIGRTMIN, value));
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

static int traced(void *arg)
{
	ckpt_step(1);
	ckpt_wait_go();
	return 0;
}

/* It has its child stopped. */
static int traces(void *arg)
{
	pid_t kid = ckpt_fork(traced, NULL);
	int status;

	ckpt_step_wait(1, 1);
	CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, 0));
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	CHECK_EQ(kid, waitpid(kid, &status, __WALL));
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

/* Something of each kind that the end of a restart is about. */
CKPT_SCENARIO(motley)
{
	siginfo_t info;
	pid_t dead;

	dead = CHECK_SYS(fork());
	if (!dead)
		_exit(3);
	CHECK_SYS(waitid(P_PID, dead, &info, WEXITED | WNOWAIT));
	ckpt_fork(vforker, NULL);
	ckpt_fork(stopped, NULL);
	ckpt_fork(threads, NULL);
	ckpt_fork(with_signals, NULL);
	ckpt_fork(traces, NULL);
	ckpt_step_wait(0, 8);
	ckpt_ready_wait();
	for (;;)
		pause();
}

FIXTURE(killed) { int unused; };

FIXTURE_SETUP(killed)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &motley, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	while (state_of(run.pid) != 'S')
		poll(NULL, 0, 10);
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
}

FIXTURE_TEARDOWN(killed)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static unsigned int rounds(void)
{
	const char *n = getenv("CKPT_FAULTS");

	return ROUNDS * (n && atoi(n) > 0 ? atoi(n) : 1);
}

/* The same in each run. */
static unsigned int roll(void)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

#define MOST	64

static pid_t tids[MOST];
static int nr_tids;

static void list_tids(void)
{
	size_t at, len;

	for (at = HEADER_LEN; at < im.meta_end; at += len) {
		len = record_len(&im, at);
		if (image_get(&im, at, 2) == TASK && nr_tids < MOST)
			tids[nr_tids++] = image_get(&im, at + RECORD_LEN + IMAGE_AT(task, tid), 4);
	}
}

/* Kills one of the tasks, as soon as it is there, and some time after that. */
static void assassin(pid_t victim, unsigned int turns)
{
	while (kill(victim, 0))
		sched_yield();
	while (turns--)
		sched_yield();
	kill(victim, SIGKILL);
	_exit(0);
}

static int everything_goes(void)
{
	int left = 0;

	/* Let the rest run into what may have been left behind. */
	ckpt_run_go(&run);
	ckpt_cgroup_write(&run.cg, "cgroup.freeze", "0");
	while (each_task(&run, "cgroup.threads", NULL, NULL) && left++ < 20)
		poll(NULL, 0, 5);
	ckpt_run_kill(&run);
	return 0;
}

TEST_F_TIMEOUT(killed, at_random, CKPT_TIMEOUT)
{
	unsigned int n, came = 0, failed = 0, longest = 64;
	struct restart_args args;
	pid_t killer, victim;
	long pid;

	list_tids();
	ASSERT_LT(8, nr_tids);
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (n = 0; n < rounds() || !came || !failed; n++) {
		int lowest = lowest_free(&run);
		unsigned int turns = roll() % longest;

		victim = tids[roll() % nr_tids];
		fflush(NULL);
		killer = fork();
		if (!killer)
			assassin(victim, turns);
		lseek(image, 0, SEEK_SET);
		pid = feed_restart(&run, &args, image);
		if (pid > 0) {
			came++;
			/* They were too late as often as too early. */
			longest = longest > 64 ? longest - longest / 8 : longest;
		} else {
			failed++;
			longest += longest / 4;
			if (errno != ESRCH || args.pidfd != -1) {
				ckpt_diag("round %u: %s, pidfd %d", n, strerror(errno), args.pidfd);
				ckpt_run_print_log(&run);
				kill(killer, SIGKILL);
				ASSERT_EQ(ESRCH, errno);
			}
		}
		kill(killer, SIGKILL);
		ASSERT_EQ(killer, waitpid(killer, NULL, 0));
		if (pid > 0) {
			ASSERT_EQ(0, everything_goes());
			while (waitpid(-1, NULL, __WALL | WNOHANG) > 0)
				;
		} else {
			ASSERT_EQ(0, nothing_left(&run, lowest));
		}
	}
	ckpt_diag("%u came back, %u did not", came, failed);
}

TEST_HARNESS_MAIN
