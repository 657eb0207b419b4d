// SPDX-License-Identifier: GPL-2.0
/* Tracers and tracees that can't be saved for what the tracer has done, or may do. */
#include "ptrace.h"
#include "refuse.h"

#include <linux/capability.h>

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

TEST_HARNESS_MAIN
