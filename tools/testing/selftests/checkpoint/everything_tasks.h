/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks of everything.h: threads, children, sessions, other users, namespaces inside. */
#ifndef CKPT_TEST_EVERYTHING_TASKS_H
#define CKPT_TEST_EVERYTHING_TASKS_H

#include "everything_steps.h"

#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

/* ---- threads --------------------------------------------------------- */

#define E_THREADS_COUNT	3

/* None of these ends while a test runs. */
static void *e_thread(void *arg)
{
	struct timespec hours = { .tv_sec = 36000 };
	struct pollfd pfd = { .fd = -1 };
	static uint32_t word;

	ckpt_step(E_READY);
	switch ((uintptr_t)arg) {
	case 0:
		syscall(__NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &hours, NULL);
		break;
	case 1:
		poll(&pfd, 1, 36000000);
		break;
	default:
		syscall(__NR_futex, &word, FUTEX_WAIT_PRIVATE, 0, &hours, NULL, 0);
	}
	ckpt_fail(__FILE__, __LINE__, "the call of thread %d has ended: %s",
		  (int)(uintptr_t)arg, strerror(errno));
}

static void e_set_up_threads(void)
{
	pthread_t thread;
	uintptr_t i;

	for (i = 0; i < E_THREADS_COUNT; i++)
		CHECK_EQ(0, pthread_create(&thread, NULL, e_thread, (void *)i));
}

static void e_check_threads(void)
{
	struct stat st;

	/* The link count of a directory tells its directories, and . and .. */
	CHECK_SYS(stat("/proc/self/task", &st));
	CHECK_EQ(E_THREADS_COUNT + 1 + 2, st.st_nlink);
}

/* ---- family ---------------------------------------------------------- */

static pid_t e_zombie, e_stopped, e_vforker;

static int e_stop(void *arg)
{
	ckpt_step(E_READY);
	CHECK_SYS(kill(getpid(), SIGSTOP));
	return 61;
}

static int e_vfork(void *arg)
{
	pid_t kid = vfork();

	if (!kid) {
		ckpt_step(E_READY);
		ckpt_wait_go();
		CHECK_EQ(0, board->step[E_VFORKED]);
		_exit(62);
	}
	CHECK(kid > 0, "vfork: %s", strerror(errno));
	ckpt_step(E_VFORKED);
	ckpt_wait_exit(kid, 62);
	return 63;
}

static void e_set_up_family(void)
{
	siginfo_t info;

	e_zombie = CHECK_SYS(fork());
	if (!e_zombie)
		_exit(60);
	CHECK_SYS(waitid(P_PID, e_zombie, &info, WEXITED | WNOWAIT));
	e_stopped = ckpt_fork(e_stop, NULL);
	CHECK_SYS(waitid(P_PID, e_stopped, &info, WSTOPPED | WNOWAIT));
	e_vforker = ckpt_fork(e_vfork, NULL);
}

static void e_check_family(void)
{
	int status;

	ckpt_wait_exit(e_zombie, 60);
	CHECK_EQ(e_stopped, waitpid(e_stopped, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status), "status 0x%x", status);
	CHECK_SYS(kill(e_stopped, SIGCONT));
	ckpt_wait_exit(e_stopped, 61);
	ckpt_wait_exit(e_vforker, 63);
}

/* ---- sessions -------------------------------------------------------- */

static pid_t e_session;

static int e_settled(void *arg)
{
	pid_t sid = getsid(0), pgid;

	if (arg)
		CHECK_SYS(setpgid(0, 0));
	pgid = getpgid(0);
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_EQ(sid, getsid(0));
	CHECK_EQ(pgid, getpgid(0));
	return 64;
}

/* Leads a session, has a child in a group of its own, and one whose leader is gone. */
static int e_leader(void *arg)
{
	pid_t own, gone, left;

	CHECK_SYS(setsid());
	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	own = ckpt_fork(e_settled, "own");
	gone = CHECK_SYS(fork());
	if (!gone) {
		CHECK_SYS(setpgid(0, 0));
		board->value[E_VALUE] = ckpt_fork(e_settled, NULL);
		_exit(65);
	}
	ckpt_wait_exit(gone, 65);
	left = board->value[E_VALUE];
	CHECK_EQ(gone, getpgid(left));
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_EQ(getpid(), getsid(0));
	ckpt_wait_exit(own, 64);
	ckpt_wait_exit(left, 64);
	return 66;
}

static void e_set_up_sessions(void)
{
	e_session = ckpt_fork(e_leader, NULL);
}

static void e_check_sessions(void)
{
	ckpt_wait_exit(e_session, 66);
}

/* ---- users ----------------------------------------------------------- */

static pid_t e_user;

/* Forbids getsid(2); false: the kernel has no filters. */
static bool e_set_filter(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getsid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 4, .filter = program };

	return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int e_other(void *arg)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { };
	struct rlimit limit = { 100, 200 };
	gid_t groups[] = { 5, 6, 70000 };
	bool filtered, controlled;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_SYS(sched_setaffinity(0, sizeof(one), &one));
	CHECK_SYS(setpriority(PRIO_PROCESS, 0, -3));
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_SYS(setgroups(3, groups));
	CHECK_SYS(setresgid(1000, 1001, 1002));
	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 1));
	CHECK_SYS(setresuid(1000, 1000, 1000));
	data[0].permitted = 1u << CAP_KILL;
	data[0].effective = 1u << CAP_KILL;
	CHECK_SYS(syscall(__NR_capset, &head, data));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	controlled = !prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	filtered = e_set_filter();
	ckpt_step(E_READY);
	ckpt_wait_go();
	if (controlled)
		CHECK_EQ(PR_MCE_KILL_EARLY, prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	if (filtered)
		CHECK(getsid(0) == -1 && errno == EPROTO, "it is not filtered any more");
	CHECK_SYS(sched_getaffinity(0, sizeof(one), &one));
	CHECK_EQ(1, CPU_COUNT(&one));
	CHECK_EQ(-3, getpriority(PRIO_PROCESS, 0));
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(100, limit.rlim_cur);
	CHECK_EQ(1000, getuid());
	CHECK_EQ(1001, getegid());
	CHECK_EQ(3, getgroups(0, NULL));
	CHECK_SYS(syscall(__NR_capget, &head, data));
	CHECK_EQ(1u << CAP_KILL, data[0].permitted);
	CHECK_EQ(1, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return 67;
}

static void e_set_up_users(void)
{
	e_user = ckpt_fork(e_other, NULL);
}

static void e_check_users(void)
{
	ckpt_wait_exit(e_user, 67);
}

/* ---- namespaces ------------------------------------------------------ */

static pid_t e_inner;

static void e_set_up_nested(void)
{
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };
	struct utsname names;
	pid_t kid;

	e_inner = CHECK_SYS(syscall(__NR_clone3, &args, sizeof(args)));
	if (e_inner)
		return;
	CHECK_EQ(1, getpid());
	CHECK_SYS(unshare(CLONE_NEWUTS));
	CHECK_SYS(sethostname("inner", 5));
	kid = ckpt_fork(e_settled, "own");
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_EQ(1, getpid());
	CHECK_SYS(uname(&names));
	CHECK_STREQ("inner", names.nodename);
	ckpt_wait_exit(kid, 64);
	_exit(68);
}

static void e_check_nested(void)
{
	ckpt_wait_exit(e_inner, 68);
}

#endif
