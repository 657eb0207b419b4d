// SPDX-License-Identifier: GPL-2.0
/* Process groups and sessions without a leader in a nested pid namespace. */
#include "common.h"

#include <signal.h>
#include <linux/sched.h>

CKPT_FIXTURE

/* Values on the board: the leader that is gone and who is left, as they are numbered inside. */
enum { INNER_LEADER, INNER_MEMBER };

static int member(void *arg)
{
	pid_t sid = getsid(0), pgid = getpgid(0);

	CHECK_EQ(board->value[INNER_LEADER], pgid);
	board->value[INNER_MEMBER] = getpid();
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(pgid, getpgid(0));
	CHECK_EQ(sid, getsid(0));
	CHECK(kill(pgid, 0) == -1 && errno == ESRCH, "the leader is back");
	/* The root looks at this task. */
	ckpt_step_wait(2, 1);
	return 71;
}

static int leader(void *own_session)
{
	if (own_session)
		CHECK_SYS(setsid());
	else
		CHECK_SYS(setpgid(0, 0));
	board->value[INNER_LEADER] = getpid();
	ckpt_fork(member, NULL);
	ckpt_step_wait(0, 1);
	return 72;
}

static void in_nested_namespace(void *own_session)
{
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };
	pid_t init = CHECK_SYS(syscall(__NR_clone3, &args, sizeof(args)));

	if (!init) {
		ckpt_wait_exit(ckpt_fork(leader, own_session), 72);
		ckpt_step(1);
		ckpt_wait_exit(board->value[INNER_MEMBER], 71);
		_exit(73);
	}
	ckpt_step_wait(1, 1);
	/* They were made one after the other, in this namespace too. */
	CHECK_EQ(init + 1, getpgid(init + 2));
	ckpt_ready_wait();
	CHECK_EQ(init + 1, getpgid(init + 2));
	CHECK_EQ(own_session ? init + 1 : getsid(0), getsid(init + 2));
	ckpt_step(2);
	ckpt_wait_exit(init, 73);
}

CKPT_CYCLE(group_without_leader, .flags = SC_CONTAINER)
{
	in_nested_namespace(NULL);
}

CKPT_CYCLE(session_without_leader, .flags = SC_CONTAINER)
{
	in_nested_namespace("own");
}

TEST_HARNESS_MAIN
