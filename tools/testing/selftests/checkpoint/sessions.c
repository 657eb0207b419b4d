// SPDX-License-Identifier: GPL-2.0
/* Sessions and process groups, with and without their leaders. */
#include "common.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

CKPT_FIXTURE

enum { SETTLED, DONE };

/* Remember session and group, and check them when told to go on. */
static int settle(int code)
{
	pid_t sid = getsid(0), pgid = getpgid(0);

	ckpt_step(SETTLED);
	ckpt_wait_go();
	CHECK_EQ(sid, getsid(0));
	CHECK_EQ(pgid, getpgid(0));
	ckpt_step(DONE);
	return code;
}

static int same_group(void *arg)
{
	return settle(41);
}

static int own_group(void *arg)
{
	CHECK_SYS(setpgid(0, 0));
	CHECK_EQ(getpid(), getpgid(0));
	return settle(42);
}

static int own_session(void *arg)
{
	pid_t same, own;
	int ret;

	CHECK_SYS(setsid());
	same = ckpt_fork(same_group, NULL);
	own = ckpt_fork(own_group, NULL);
	ret = settle(43);
	CHECK_EQ(getpid(), getsid(same));
	CHECK_EQ(getpid(), getsid(own));
	CHECK_EQ(getpid(), getpgid(same));
	CHECK_EQ(own, getpgid(own));
	ckpt_wait_exit(same, 41);
	ckpt_wait_exit(own, 42);
	return ret;
}

CKPT_CYCLE(living_leaders)
{
	pid_t same = ckpt_fork(same_group, NULL);
	pid_t own = ckpt_fork(own_group, NULL);
	pid_t session = ckpt_fork(own_session, NULL);
	pid_t sid = getsid(0);

	CHECK_EQ(getpid(), sid);
	ckpt_step_wait(SETTLED, 5);
	ckpt_ready_wait();
	CHECK_EQ(sid, getsid(0));
	CHECK_EQ(sid, getsid(same));
	CHECK_EQ(sid, getpgid(same));
	CHECK_EQ(sid, getsid(own));
	CHECK_EQ(own, getpgid(own));
	CHECK_EQ(session, getsid(session));
	ckpt_wait_exit(same, 41);
	ckpt_wait_exit(own, 42);
	ckpt_wait_exit(session, 43);
	/* A leader stays one. */
	CHECK(setsid() == -1 && errno == EPERM, "a session leader made a session");
}

static int survivor(void *arg)
{
	pid_t sid = getsid(0), pgid = getpgid(0);

	CHECK(sid != getpid(), "is the session's leader");
	board->value[0] = sid;
	board->value[1] = pgid;
	board->value[2] = getpid();
	return settle(44);
}

static int dying_session(void *arg)
{
	CHECK_SYS(setsid());
	ckpt_fork(survivor, NULL);
	ckpt_step_wait(SETTLED, 1);
	return 45;
}

/* The session lives on under the number of a process that is gone. */
CKPT_CYCLE(dead_session_leader)
{
	pid_t leader;

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	leader = ckpt_fork(dying_session, NULL);
	ckpt_wait_exit(leader, 45);
	CHECK_EQ(leader, board->value[0]);
	ckpt_ready_wait();
	ckpt_step_wait(DONE, 1);
	CHECK(kill(leader, 0) == -1 && errno == ESRCH, "the leader is back");
	ckpt_wait_exit(board->value[2], 44);
}

static int dying_group(void *arg)
{
	CHECK_SYS(setpgid(0, 0));
	ckpt_fork(survivor, NULL);
	ckpt_step_wait(SETTLED, 1);
	return 46;
}

CKPT_CYCLE(dead_group_leader)
{
	pid_t leader;

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	leader = ckpt_fork(dying_group, NULL);
	ckpt_wait_exit(leader, 46);
	CHECK_EQ(leader, board->value[1]);
	CHECK_EQ(getsid(0), board->value[0]);
	ckpt_ready_wait();
	ckpt_step_wait(DONE, 1);
	CHECK(kill(leader, 0) == -1 && errno == ESRCH, "the leader is back");
	CHECK_EQ(leader, getpgid(board->value[2]));
	ckpt_wait_exit(board->value[2], 44);
}

enum { GROUPS = 8, OTHERS = 64 };

/* Ends as soon as it runs after a restart, or when told. */
static int ends_when_restarted(void *arg)
{
	ckpt_step(SETTLED);
	while (!__atomic_load_n(&board->restarts, __ATOMIC_SEQ_CST) &&
	       !__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
		sched_yield();
	return 0;
}

static int leads_for_a_moment(void *arg)
{
	CHECK_SYS(setpgid(0, 0));
	ckpt_fork(ends_when_restarted, NULL);
	ckpt_step_wait(SETTLED, *(uint32_t *)arg);
	return 0;
}

/* Groups end, and so the pids of leaders that are gone, while the restart lets others go. */
CKPT_CYCLE(dead_leaders_group_ends)
{
	pid_t leader[GROUPS];
	uint32_t i, n;

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (i = 0; i < GROUPS; i++) {
		n = i + 1;
		leader[i] = ckpt_fork(leads_for_a_moment, &n);
		ckpt_wait_exit(leader[i], 0);
	}
	/* Nobody has to wait for those that end. */
	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR, "signal");
	for (i = 0; i < OTHERS; i++)
		ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(SETTLED, GROUPS + OTHERS);
	ckpt_ready_wait();
	while (wait(NULL) > 0 || errno == EINTR)
		;
	CHECK_EQ(ECHILD, errno);
	for (i = 0; i < GROUPS; i++)
		CHECK(kill(-leader[i], 0) == -1 && errno == ESRCH, "group %d is left", leader[i]);
}

static int signalled(void *arg)
{
	CHECK_SYS(setpgid(0, *(pid_t *)arg));
	ckpt_step(SETTLED);
	for (;;)
		pause();
}

/* A signal to the group reaches all of it and nobody else. */
CKPT_CYCLE(signal_to_group)
{
	pid_t kid[3], other, zero = 0;
	int i, status;

	kid[0] = ckpt_fork(signalled, &zero);
	ckpt_step_wait(SETTLED, 1);
	kid[1] = ckpt_fork(signalled, &kid[0]);
	kid[2] = ckpt_fork(signalled, &kid[0]);
	other = ckpt_fork(signalled, &zero);
	ckpt_step_wait(SETTLED, 4);
	ckpt_ready_wait();
	CHECK_SYS(kill(-kid[0], SIGTERM));
	for (i = 0; i < 3; i++) {
		CHECK_EQ(kid[i], waitpid(kid[i], &status, 0));
		CHECK_EQ(SIGTERM, status);
	}
	CHECK_EQ(0, waitpid(other, &status, WNOHANG));
	CHECK_SYS(kill(other, SIGKILL));
	CHECK_EQ(other, waitpid(other, &status, 0));
}

TEST_HARNESS_MAIN
