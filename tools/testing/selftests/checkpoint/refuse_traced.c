// SPDX-License-Identifier: GPL-2.0
/* Tracers and tracees that can't be saved for what the tracer has done, or may do. */
#include "ptrace.h"
#include "refuse.h"

#include <pthread.h>
#include <sched.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

REFUSE_FIXTURE

/* The option asks for a right of its own, which a restart can't. */
REFUSE(seccomp_suspended)
{
	pid_t kid = ckpt_fork(spins, NULL);

	ckpt_step_wait(BEGUN, 1);
	if (ptrace(PTRACE_SEIZE, kid, 0, PTRACE_O_SUSPEND_SECCOMP)) {
		ckpt_step(GO_ON);
		ckpt_wait_exit(kid, 23);
		not_here();
	}
	expect_refusal(kid, UNSUPPORTED, "is not restricted by seccomp while pid %d (*) traces it "
		       "(PTRACE_O_SUSPEND_SECCOMP): have that end this", getpid());
	ckpt_ready_wait();
	ckpt_step(GO_ON);
	ckpt_wait_exit(kid, 23);
}

static int waits_in_vfork(void *arg)
{
	pid_t kid;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	kid = vfork();
	if (!kid) {
		ckpt_step(BEGUN);
		ckpt_step_wait(END, 1);
		_exit(0);
	}
	CHECK(kid > 0, "%s", strerror(errno));
	ckpt_wait_exit(kid, 0);
	return 26;
}

/* The step is over when the call is, for which it has to wait. */
REFUSE(on_a_single_step)
{
	pid_t kid = ckpt_fork(waits_in_vfork, NULL);
	struct call_info info;

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	to_call(kid);
	get_call(kid, ENTRY, &info);
	if (ptrace(PTRACE_SINGLESTEP, kid, 0, 0)) {
		CHECK_SYS(kill(kid, SIGKILL));
		CHECK_EQ(kid, waitpid(kid, NULL, __WALL));
		not_here();
	}
	ckpt_step_wait(BEGUN, 1);
	expect_refusal(kid, UNSUPPORTED, "is on a single step that pid %d (*) lets it make "
		       "(ptrace): try again when it has stopped", getpid());
	ckpt_ready_wait();
	ckpt_step(END);
	expect(kid, SIGTRAP);
	go_on(kid, 0);
	/* Its child has ended. */
	expect(kid, SIGCHLD);
	go_on(kid, SIGCHLD);
	ckpt_wait_exit(kid, 26);
}

/* Takes the capability @cap, or all of them if that is negative. */
static void lose(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (cap >= 0) {
		CHECK_SYS(syscall(__NR_capget, &head, data));
		data[0].effective &= ~(1u << cap);
		data[0].permitted &= ~(1u << cap);
		data[0].inheritable &= ~(1u << cap);
	}
	CHECK_SYS(syscall(__NR_capset, &head, data));
}

static int spins_without_rights(void *arg)
{
	lose(-1);
	return spins(arg);
}

/* Whose rights decide about set-user-id programs is neither the one's nor the other's by now. */
REFUSE(attached_with_other_rights)
{
	pid_t kid = seized(spins_without_rights, 0);

	lose(CAP_SYS_PTRACE);
	expect_refusal(kid, UNSUPPORTED, "is traced (ptrace) by pid %d (*), which had other "
		       "capabilities when it attached: have it detach and attach again", getpid());
	ckpt_ready_wait();
	ckpt_step(GO_ON);
	ckpt_wait_exit(kid, 23);
}

static int changes_user(void *arg)
{
	ckpt_step(BEGUN);
	ckpt_step_wait(GO_ON, 1);
	CHECK_SYS(setresuid(2000, 2000, 2000));
	ckpt_step(BEGUN);
	ckpt_step_wait(END, 1);
	return 24;
}

/* The tracee is another user's by now, and the tracer has no rights on that. */
REFUSE(of_another_user)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1u << CAP_SETUID, .permitted = 1u << CAP_SETUID },
	};
	pid_t kid;

	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 1));
	CHECK_SYS(setresuid(1000, 1000, 1000));
	CHECK_SYS(syscall(__NR_capset, &head, data));
	/* Lost with the change of ids; a child that may not be traced could not be seized. */
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	kid = seized(changes_user, 0);
	ckpt_step(GO_ON);
	ckpt_step_wait(BEGUN, 2);
	expect_refusal(kid, UNSUPPORTED, "is traced (ptrace) by pid %d (*), which could not attach "
		       "to it any more: have it detach", getpid());
	expect_more();
	ckpt_ready_wait();
	ckpt_step(END);
	ckpt_wait_exit(kid, 24);
}

static int forks(void *arg)
{
	pid_t kid;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	kid = CHECK_SYS(sys_clone(SIGCHLD));
	if (!kid) {
		ckpt_step_wait(END, 1);
		_exit(32);
	}
	ckpt_wait_exit(kid, 32);
	return 33;
}

/* What the call returns there is not the number that the tracer was told. */
REFUSE(fork_in_another_namespace, .flags = SC_CONTAINER)
{
	unsigned long child;
	pid_t kid = CHECK_SYS(sys_clone(CLONE_NEWPID | SIGCHLD));

	if (!kid)
		_exit(forks(NULL));
	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEFORK));
	go_on(kid, 0);
	expect(kid, EVENT(PTRACE_EVENT_FORK, SIGTRAP));
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &child));
	expect(child, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_DETACH, child, 0, 0));
	expect_refusal(kid, UNSUPPORTED, "is stopped at an event of fork() for pid %d (*) (ptrace), "
		       "which is in another pid namespace: have that let it go on", getpid());
	ckpt_ready_wait();
	go_on(kid, 0);
	ckpt_step(END);
	expect(kid, SIGCHLD);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 33);
}

static void *stops_group(void *arg)
{
	board->value[THREAD] = sys_gettid();
	ckpt_step(BEGUN);
	ckpt_step_wait(GO_ON, 1);
	return NULL;
}

static int with_thread(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, stops_group, NULL));
	CHECK_EQ(0, pthread_join(thread, NULL));
	return 27;
}

/* The letter of the state of a thread, in /proc/PID/task/TID/stat. */
static char state_of_thread(pid_t pid, pid_t tid)
{
	char path[64], buf[512], *at;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	at = strrchr(ckpt_read_file(path, buf, sizeof(buf)), ')');
	CHECK(at, "there is no thread %d", tid);
	return at[2];
}

/* Another thread of its group, which nobody traces, has taken the signal that stops all. */
REFUSE(part_of_a_group_stop, .flags = SC_SUBTREE)
{
	pid_t kid = ckpt_fork(with_thread, NULL);

	ckpt_step_wait(BEGUN, 1);
	CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, 0));
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	CHECK_SYS(syscall(__NR_tgkill, kid, board->value[THREAD], SIGSTOP));
	while (state_of_thread(kid, board->value[THREAD]) != 'T')
		sched_yield();
	expect_refusal(kid, UNSUPPORTED, "is stopped for pid %d (*) (ptrace) and is to take part in a "
		       "group stop: have that let it go on", getpid());
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(kill(kid, SIGKILL));
	CHECK_EQ(kid, waitpid(kid, NULL, __WALL));
}

TEST_HARNESS_MAIN
