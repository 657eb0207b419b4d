// SPDX-License-Identifier: GPL-2.0
/* Processes that have exited and that nobody has waited for. */
#include "common.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

CKPT_FIXTURE

static const struct {
	int code;
	int sig;
} deaths[] = {
	{ 0, 0 }, { 42, 0 }, { 255, 0 }, { 0, SIGKILL }, { 0, SIGTERM }, { 0, SIGSEGV },
	{ 0, SIGUSR1 },
};

#define DEATHS	ARRAY_SIZE(deaths)

/* Wait until @pid is dead, but leave it a zombie. */
static void await_zombie(pid_t pid)
{
	siginfo_t info;

	CHECK_SYS(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
}

CKPT_CYCLE(statuses)
{
	struct rlimit no_core = { 0, 0 };
	pid_t kid[DEATHS];
	siginfo_t info;
	unsigned int i;
	int status;

	CHECK_SYS(setrlimit(RLIMIT_CORE, &no_core));
	for (i = 0; i < DEATHS; i++) {
		kid[i] = CHECK_SYS(fork());
		if (!kid[i]) {
			signal(deaths[i].sig, SIG_DFL);
			if (deaths[i].sig)
				kill(getpid(), deaths[i].sig);
			_exit(deaths[i].code);
		}
		await_zombie(kid[i]);
	}
	ckpt_ready_wait();
	for (i = DEATHS; i--;) {
		memset(&info, 0, sizeof(info));
		CHECK_SYS(waitid(P_PID, kid[i], &info, WEXITED | WNOWAIT | WNOHANG));
		CHECK_EQ(kid[i], info.si_pid);
		CHECK_EQ(deaths[i].sig ? CLD_KILLED : CLD_EXITED, info.si_code);
		CHECK_EQ(deaths[i].sig ? deaths[i].sig : deaths[i].code, info.si_status);
		CHECK_EQ(kid[i], waitpid(kid[i], &status, WNOHANG));
		CHECK_EQ(deaths[i].sig ? deaths[i].sig : deaths[i].code << 8, status);
		CHECK(kill(kid[i], 0) == -1 && errno == ESRCH, "%d is still there", kid[i]);
	}
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "more children");
}

static int in_group_of(void *arg)
{
	pid_t group = *(pid_t *)arg;

	CHECK_SYS(setpgid(0, group));
	return 0;
}

/* A zombie keeps its process group and session alive. */
CKPT_CYCLE(groups_of_zombies)
{
	pid_t own = CHECK_SYS(fork());
	pid_t session, member, zero = 0;

	if (!own)
		_exit(in_group_of(&zero));
	await_zombie(own);
	member = ckpt_fork(in_group_of, &own);
	await_zombie(member);
	session = CHECK_SYS(fork());
	if (!session)
		_exit(setsid() < 0);
	await_zombie(session);
	ckpt_ready_wait();
	CHECK_EQ(own, getpgid(own));
	CHECK_EQ(own, getpgid(member));
	CHECK_EQ(getsid(0), getsid(own));
	CHECK_EQ(session, getsid(session));
	CHECK_EQ(session, getpgid(session));
	CHECK_EQ(own, waitpid(own, NULL, 0));
	CHECK_EQ(own, getpgid(member));
	CHECK_EQ(member, waitpid(-own, NULL, 0));
	ckpt_wait_exit(session, 0);
}

static int parent_of_zombie(void *arg)
{
	pid_t kid = CHECK_SYS(fork());

	if (!kid)
		_exit(77);
	await_zombie(kid);
	board->value[0] = kid;
	ckpt_step(0);
	ckpt_wait_go();
	/* Die without waiting: the zombie goes to the reaper. */
	return 78;
}

CKPT_CYCLE(inherited_zombie)
{
	pid_t kid;

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	kid = ckpt_fork(parent_of_zombie, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 78);
	ckpt_wait_exit(board->value[0], 77);
}

CKPT_CYCLE(many)
{
	pid_t kid[40];
	unsigned int i;

	for (i = 0; i < 40; i++) {
		kid[i] = CHECK_SYS(fork());
		if (!kid[i])
			_exit(i);
	}
	for (i = 0; i < 40; i++)
		await_zombie(kid[i]);
	ckpt_ready_wait();
	for (i = 0; i < 40; i++)
		ckpt_wait_exit(kid[i], i);
}

/* To whom the files of a process in procfs belong tells who may look at what they show. */
static uid_t owner_of(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	CHECK_SYS(stat(path, &st));
	return st.st_uid;
}

/*
 * One is dumpable, the other is not: that goes on when they are dead. A container's numbers
 * are others in this /proc.
 */
CKPT_CYCLE(dumpable, .flags = SC_SUBTREE)
{
	pid_t kid[2];
	int i;

	for (i = 0; i < 2; i++) {
		kid[i] = CHECK_SYS(fork());
		if (!kid[i]) {
			CHECK_SYS(setuid(65534));
			CHECK_SYS(prctl(PR_SET_DUMPABLE, i));
			_exit(0);
		}
		await_zombie(kid[i]);
	}
	ckpt_ready_wait();
	CHECK_EQ(0, owner_of(kid[0]));
	CHECK_EQ(65534, owner_of(kid[1]));
	for (i = 0; i < 2; i++)
		ckpt_wait_exit(kid[i], 0);
}

/* What a limit has killed is not killed by it again while it is restarted. */
CKPT_CYCLE(killed_by_cpu_limit)
{
	struct rlimit none = { 0, 0 }, limit;
	pid_t kid[40];
	siginfo_t info;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kid); i++) {
		kid[i] = CHECK_SYS(fork());
		if (!kid[i]) {
			if (setrlimit(RLIMIT_CPU, &none))
				_exit(1);
			for (;;)
				;
		}
		await_zombie(kid[i]);
	}
	ckpt_ready_wait();
	for (i = 0; i < ARRAY_SIZE(kid); i++) {
		CHECK_SYS(prlimit(kid[i], RLIMIT_CPU, NULL, &limit));
		CHECK_EQ(0, limit.rlim_cur);
		CHECK_EQ(0, limit.rlim_max);
		CHECK_SYS(waitid(P_PID, kid[i], &info, WEXITED));
		CHECK_EQ(CLD_KILLED, info.si_code);
		CHECK_EQ(SIGKILL, info.si_status);
	}
}

TEST_HARNESS_MAIN
