// SPDX-License-Identifier: GPL-2.0
/*
 * Process groups and sessions that a subtree shares with processes outside of it, and
 * such a process that a task of it traces.
 */
#include "refuse.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE			62
#define PR_SCHED_CORE_GET		0
#define PR_SCHED_CORE_CREATE		1
#endif

REFUSE_FIXTURE

enum { OUTSIDER, MEMBER };	/* Values on the board. */

/* The outsider is in another cgroup: that it is no task of the tree is enough. */
static struct ckpt_cgroup other;

static int move_away(void *arg)
{
	struct ckpt_run *run = arg;

	return ckpt_cgroup_new(&other) || ckpt_cgroup_move(&other, run->board->value[OUTSIDER]);
}

static int move_back(void *arg)
{
	struct ckpt_run *run = arg;

	if (ckpt_cgroup_move(&run->cg, run->board->value[OUTSIDER]))
		return -1;
	ckpt_cgroup_del(&other);
	return 0;
}

/* A grandchild whose parent has ended is a child of the init process: no task of the tree. */
static int leaves_outsider(void *own_group)
{
	if (CHECK_SYS(fork()))
		return 0;
	if (own_group)
		CHECK_SYS(setpgid(0, 0));
	board->value[OUTSIDER] = getpid();
	ckpt_step(OUTSIDER);
	ckpt_wait_go();
	return 0;
}

static int joins_outsider(void *arg)
{
	CHECK_SYS(setpgid(0, board->value[OUTSIDER]));
	ckpt_step(MEMBER);
	ckpt_wait_go();
	return 0;
}

REFUSE(group_of_others, .before = move_away, .after = move_back, .flags = SC_SUBTREE)
{
	pid_t kid;

	ckpt_wait_exit(ckpt_fork(leaves_outsider, "group"), 0);
	ckpt_step_wait(OUTSIDER, 1);
	kid = ckpt_fork(joins_outsider, NULL);
	ckpt_step_wait(MEMBER, 1);
	expect_refusal(kid, "EBUSY", "is in a process group of processes outside of the tree");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* It runs, and is let go by the end of who traces it. */
REFUSE(traces_outsider, .before = move_away, .after = move_back, .flags = SC_SUBTREE)
{
	ckpt_wait_exit(ckpt_fork(leaves_outsider, NULL), 0);
	ckpt_step_wait(OUTSIDER, 1);
	CHECK_SYS(ptrace(PTRACE_SEIZE, board->value[OUTSIDER], 0, 0));
	expect_refusal(getpid(), UNSUPPORTED, "traces a task outside of the tree (ptrace): have it "
		       "detach from that");
	ckpt_ready_wait();
}

static int member(void *arg)
{
	board->value[MEMBER] = getpid();
	ckpt_step(MEMBER);
	ckpt_wait_go();
	return 0;
}

/* Its children are in a session whose leader has gone; one of them is in the tree. */
static int session(void *arg)
{
	CHECK_SYS(setsid());
	ckpt_wait_exit(ckpt_fork(leaves_outsider, NULL), 0);
	/* The outsider has lost its parent. */
	ckpt_step(OUTSIDER);
	ckpt_step_wait(OUTSIDER, 3);
	ckpt_fork(member, NULL);
	ckpt_step_wait(MEMBER, 1);
	return 0;
}

REFUSE(session_of_others, .before = move_away, .after = move_back, .flags = SC_SUBTREE)
{
	pid_t leader = ckpt_fork(session, NULL);
	pid_t kid;

	ckpt_step_wait(OUTSIDER, 2);
	/* From now on what loses its parent is ours. */
	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	ckpt_step(OUTSIDER);
	ckpt_wait_exit(leader, 0);
	kid = board->value[MEMBER];
	expect_refusal(kid, "EBUSY", "is in a process group of processes outside of the tree");
	expect_refusal(kid, "EBUSY", "is in a session of processes outside of the tree");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* ---- scheduling --------------------------------------------------------------- */

static void write_autogroup(const char *nice)
{
	int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		not_here();
	CHECK_EQ((ssize_t)strlen(nice), write(fd, nice, strlen(nice)));
	CHECK_SYS(close(fd));
}

/* The leader of a session, which an outsider is in. */
static int leads_outsider(void *arg)
{
	CHECK_SYS(setsid());
	ckpt_wait_exit(ckpt_fork(leaves_outsider, NULL), 0);
	ckpt_step_wait(OUTSIDER, 1);
	write_autogroup("4");
	ckpt_step(MEMBER);
	ckpt_wait_go();
	return 0;
}

REFUSE(autogroup_of_others, .before = move_away, .after = move_back, .flags = SC_SUBTREE)
{
	pid_t kid;

	if (access("/proc/self/autogroup", W_OK))
		not_here();
	kid = ckpt_fork(leads_outsider, NULL);
	ckpt_step_wait(MEMBER, 1);
	expect_refusal(kid, UNSUPPORTED,
		       "is in an autogroup with a nice value, which processes outside are in, too: "
		       "set that to 0 (/proc/PID/autogroup), or start it in a session of its own "
		       "(setsid)");
	expect_more();
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

static int shares_cookie(void *arg)
{
	CHECK_SYS(prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 0, 0));
	ckpt_wait_exit(ckpt_fork(leaves_outsider, "group"), 0);
	ckpt_step_wait(OUTSIDER, 1);
	ckpt_step(MEMBER);
	ckpt_wait_go();
	return 0;
}

REFUSE(cookie_of_others, .before = move_away, .after = move_back, .flags = SC_SUBTREE)
{
	unsigned long cookie;
	pid_t kid;

	/* EINVAL: the kernel has no cookies. ENODEV: no core has several threads. */
	if (prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, 0, &cookie))
		not_here();
	kid = ckpt_fork(shares_cookie, NULL);
	ckpt_step_wait(MEMBER, 1);
	expect_refusal(kid, UNSUPPORTED,
		       "has a core scheduling cookie that a task outside has, too: checkpoint both "
		       "together, or give it one of its own (coresched)");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

TEST_HARNESS_MAIN
