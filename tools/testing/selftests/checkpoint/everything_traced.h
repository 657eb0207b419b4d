/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks of everything.h that trace others, or share with them what threads share. */
#ifndef CKPT_TEST_EVERYTHING_TRACED_H
#define CKPT_TEST_EVERYTHING_TRACED_H

#include "everything_steps.h"
#include "ptrace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE		62
#define PR_SCHED_CORE_GET	0
#define PR_SCHED_CORE_CREATE	1
#endif

/* ---- tracers ----------------------------------------------------------- */

static pid_t e_tracer;

static int e_is_traced(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	CHECK_EQ(getppid(), syscall(__NR_getppid));
	return 70;
}

/* Has one that is stopped by a signal, and one that is at the entry of a call. */
static int e_traces(void *arg)
{
	pid_t stopped = ckpt_fork(e_is_traced, NULL), called = ckpt_fork(e_is_traced, NULL);
	struct call_info before, now;

	expect(stopped, SIGSTOP);
	expect(called, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, called, 0, PTRACE_O_TRACESYSGOOD));
	to_call(called);
	get_call(called, ENTRY, &before);
	ckpt_step(E_READY);
	ckpt_wait_go();
	nothing_new(stopped);
	go_on(stopped, 0);
	ckpt_wait_exit(stopped, 70);
	nothing_new(called);
	get_call(called, ENTRY, &now);
	CHECK(!memcmp(&before, &now, sizeof(now)), "it is in another call");
	go_on(called, 0);
	ckpt_wait_exit(called, 70);
	return 71;
}

static void e_set_up_traced(void)
{
	e_tracer = ckpt_fork(e_traces, NULL);
}

static void e_check_traced(void)
{
	ckpt_wait_exit(e_tracer, 71);
}

/* ---- what is shared ------------------------------------------------------ */

#define E_SHARED_FD	99

static pid_t e_sharer;

static long e_cookie(void)
{
	unsigned long cookie = 0;

	return prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, 0, &cookie) ? -1 : (long)cookie;
}

/* Has descriptors, a umask, and an autogroup in common with a child. */
static int e_shares(void *arg)
{
	char group[64] = "";
	bool grouped, cookie;
	int fd;
	pid_t kid;

	CHECK_SYS(setsid());
	fd = open("/proc/self/autogroup", O_RDWR | O_CLOEXEC);
	grouped = fd >= 0 && write(fd, "3", 1) == 1;
	close(fd);
	cookie = !prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 0, 0);
	kid = CHECK_SYS(sys_clone(SIGCHLD | CLONE_FILES | CLONE_FS));
	if (!kid) {
		ckpt_step(E_READY);
		ckpt_step_wait(E_SHARED_IS, 1);
		CHECK_SYS(fcntl(E_SHARED_FD, F_GETFD));
		CHECK_EQ(0123, umask(0));
		CHECK(!cookie || e_cookie(), "it has no core scheduling cookie");
		_exit(72);
	}
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_EQ(E_SHARED_FD, dup2(0, E_SHARED_FD));
	umask(0123);
	ckpt_step(E_SHARED_IS);
	ckpt_wait_exit(kid, 72);
	if (grouped) {
		ckpt_read_file("/proc/self/autogroup", group, sizeof(group));
		CHECK(strstr(group, "nice 3"), "%s", group);
	}
	return 73;
}

static void e_set_up_shared(void)
{
	e_sharer = ckpt_fork(e_shares, NULL);
}

static void e_check_shared(void)
{
	ckpt_wait_exit(e_sharer, 73);
}

#endif
