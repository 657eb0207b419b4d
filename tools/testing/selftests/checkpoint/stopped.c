// SPDX-License-Identifier: GPL-2.0
/* Stopped processes, and parents that wait in vfork(). */
#include "common.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

CKPT_FIXTURE

static int stop_self(void *arg)
{
	int sig = (intptr_t)arg;

	ckpt_step(0);
	CHECK_SYS(kill(getpid(), sig));
	ckpt_step(1);
	ckpt_step_wait(8, 1);
	return 51;
}

static void check_continue(pid_t kid)
{
	int status = 0;

	/* Only a process that is stopped can report that it continues. */
	CHECK_EQ(0, board->step[1]);
	CHECK_EQ(0, waitpid(kid, &status, WCONTINUED | WUNTRACED | WNOHANG));
	CHECK_SYS(kill(kid, SIGCONT));
	CHECK_EQ(kid, waitpid(kid, &status, WCONTINUED));
	CHECK(WIFCONTINUED(status), "status 0x%x", status);
	ckpt_step(8);
	ckpt_wait_exit(kid, 51);
	CHECK_EQ(1, board->step[1]);
}

CKPT_CYCLE(reported)
{
	pid_t kid = ckpt_fork(stop_self, (void *)SIGSTOP);
	int status;

	CHECK_EQ(kid, waitpid(kid, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status), "status 0x%x", status);
	ckpt_ready_wait();
	check_continue(kid);
}

static void unreported(int sig)
{
	pid_t kid = ckpt_fork(stop_self, (void *)(intptr_t)sig);
	siginfo_t info;
	int status;

	CHECK_SYS(waitid(P_PID, kid, &info, WSTOPPED | WNOWAIT));
	ckpt_ready_wait();
	CHECK_EQ(kid, waitpid(kid, &status, WUNTRACED | WNOHANG));
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == sig,
	      "status 0x%x, not stopped by %d", status, sig);
	check_continue(kid);
}

CKPT_CYCLE(unreported_sigstop)
{
	unreported(SIGSTOP);
}

CKPT_CYCLE(unreported_sigtstp)
{
	/* From an orphaned group nobody can be stopped this way: make it none. */
	pid_t kid = CHECK_SYS(fork());

	if (!kid) {
		pid_t stopped = CHECK_SYS(fork());
		siginfo_t info;
		int status;

		if (!stopped) {
			CHECK_SYS(setpgid(0, 0));
			_exit(stop_self((void *)SIGTSTP));
		}
		CHECK_SYS(waitid(P_PID, stopped, &info, WSTOPPED | WNOWAIT));
		ckpt_step(2);
		ckpt_wait_go();
		CHECK_EQ(stopped, waitpid(stopped, &status, WUNTRACED | WNOHANG));
		CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP, "status 0x%x", status);
		check_continue(stopped);
		_exit(52);
	}
	ckpt_step_wait(2, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 52);
}

static void *count_up(void *arg)
{
	ckpt_step(3);
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&board->value[(uintptr_t)arg], 1, __ATOMIC_RELAXED);
	ckpt_step(4);
	return NULL;
}

static int busy_threads(void *arg)
{
	pthread_t thread[2];
	uintptr_t i;

	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, count_up, (void *)i));
	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
	ckpt_step(1);
	ckpt_step_wait(8, 1);
	return 51;
}

/* All threads of the group stand still, and still do so afterwards. */
CKPT_CYCLE(threads)
{
	pid_t kid = ckpt_fork(busy_threads, NULL);
	uint64_t before[2];
	siginfo_t info;

	ckpt_step_wait(3, 2);
	CHECK_SYS(kill(kid, SIGSTOP));
	CHECK_SYS(waitid(P_PID, kid, &info, WSTOPPED));
	before[0] = board->value[0];
	before[1] = board->value[1];
	ckpt_ready_wait();
	sched_yield();
	CHECK_EQ(before[0], board->value[0]);
	CHECK_EQ(before[1], board->value[1]);
	CHECK_EQ(0, board->step[4]);
	check_continue(kid);
}

/* A signal waits until a stopped process goes on; SIGKILL does not. */
#define KIDS	12

CKPT_CYCLE(killed)
{
	struct sched_param first = { .sched_priority = 1 };
	pid_t kid[KIDS];
	siginfo_t info;
	int i, status;
	cpu_set_t one;

	/* They can't run while the root does: it has their processor for itself. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_SYS(sched_setaffinity(0, sizeof(one), &one));
	for (i = 0; i < KIDS; i++) {
		kid[i] = ckpt_fork(stop_self, (void *)SIGSTOP);
		CHECK_SYS(waitid(P_PID, kid[i], &info, WSTOPPED));
	}
	CHECK_SYS(sched_setscheduler(0, SCHED_FIFO, &first));
	ckpt_ready();
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST) &&
	       !__atomic_load_n(&board->restarts, __ATOMIC_SEQ_CST))
		;
	for (i = 0; i < KIDS; i++)
		CHECK_SYS(kill(kid[i], SIGTERM));
	for (i = 0; i < KIDS; i++) {
		CHECK_EQ(0, waitpid(kid[i], &status, WNOHANG));
		CHECK_SYS(kill(kid[i], SIGKILL));
		CHECK_EQ(kid[i], waitpid(kid[i], &status, 0));
		CHECK_EQ(SIGKILL, status);
	}
	/* It may be checkpointed once more. */
	ckpt_wait_go();
}

static int vforker(void *arg)
{
	pid_t kid = vfork();

	if (!kid) {
		ckpt_step(5);
		ckpt_wait_go();
		/* The parent must not have come back yet. */
		CHECK_EQ(0, board->step[6]);
		ckpt_step(7);
		_exit(53);
	}
	CHECK(kid > 0, "%s", strerror(errno));
	CHECK_EQ(1, board->step[7]);
	ckpt_step(6);
	ckpt_wait_exit(kid, 53);
	return 54;
}

CKPT_CYCLE(vfork_parent,
#ifdef __NR_vfork
	   .blocked = { BLOCKED(__NR_vfork) }
#endif
)
{
	pid_t kid = ckpt_fork(vforker, NULL);

	ckpt_step_wait(5, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 54);
	CHECK_EQ(1, board->step[6]);
}

TEST_HARNESS_MAIN
