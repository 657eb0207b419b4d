// SPDX-License-Identifier: GPL-2.0
/*
 * Tracers of ordinary users where Yama restricts them (kernel.yama.ptrace_scope = 1): they
 * may trace what descends from them, and who has named them.
 */
#include "ptrace.h"

#include <grp.h>
#include <sys/prctl.h>

#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER	0x59616d61
#endif
#define ANYBODY		(-1ul)

#define SCOPE		"/proc/sys/kernel/yama/ptrace_scope"
#define NOBODY		65534

/* Counters, besides those of ptrace.h. */
#define NAMED		1
#define TRACED		2
#define ASKED		3
#define ATTACHED	4

/* Sets the scope to @scope; what it was, or -1 if there is no Yama. */
static int set_scope(int scope)
{
	FILE *file = fopen(SCOPE, "r+");
	int before = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &before) != 1)
		before = -1;
	rewind(file);
	if (scope >= 0)
		fprintf(file, "%d", scope);
	fclose(file);
	return before;
}

FIXTURE(cr) { int before; };
FIXTURE_VARIANT(cr) { bool container, arch; };
FIXTURE_VARIANT_ADD(cr, container) { .container = true };
FIXTURE_VARIANT_ADD(cr, subtree) { .container = false };
FIXTURE_SETUP(cr)
{
	self->before = -1;
	CKPT_BEGIN();
	self->before = set_scope(1);
	if (self->before < 0)
		SKIP(return, "the kernel has no Yama");
}

FIXTURE_TEARDOWN(cr)
{
	if (self->before >= 0)
		set_scope(self->before);
}

static void become_nobody(void)
{
	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(NOBODY, NOBODY, NOBODY));
	CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
	/* That takes it away. */
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int names(void *arg)
{
	become_nobody();
	ckpt_step_wait(ASKED, 1);
	CHECK_SYS(prctl(PR_SET_PTRACER, (unsigned long)board->value[VALUE], 0, 0, 0));
	ckpt_step(NAMED);
	spins(NULL);
	return 23;
}

static int traces(void *arg)
{
	pid_t kid = (intptr_t)arg;

	become_nobody();
	ckpt_step_wait(NAMED, 1);
	CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, 0));
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	ckpt_step(TRACED);
	ckpt_wait_go();
	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	/* It may do so once more. */
	CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, 0));
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_step(ATTACHED);
	return 41;
}

/* Another one may not, or may, as @arg says. */
static int tries(void *arg)
{
	pid_t kid = board->value[THREAD];
	bool may = arg;

	become_nobody();
	ckpt_wait_go();
	if (may) {
		CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, 0));
	} else {
		/* When nobody traces it. */
		ckpt_step_wait(ATTACHED, 1);
		CHECK_EQ(-1, ptrace(PTRACE_SEIZE, kid, 0, 0));
		CHECK_EQ(EPERM, errno);
	}
	return 42;
}

/* A sibling that the tracee has named, and one that it has not. */
CKPT_CYCLE(named)
{
	pid_t kid = ckpt_fork(names, NULL), tracer, other;

	tracer = ckpt_fork(traces, (void *)(intptr_t)kid);
	board->value[VALUE] = tracer;
	board->value[THREAD] = kid;
	other = ckpt_fork(tries, NULL);
	ckpt_step(ASKED);
	ckpt_step_wait(TRACED, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(other, 42);
	ckpt_wait_exit(tracer, 41);
	ckpt_step(GO_ON);
	ckpt_wait_exit(kid, 23);
}

/* It lets everybody: that comes back too. */
CKPT_CYCLE(everybody)
{
	pid_t kid = ckpt_fork(names, NULL), other;

	board->value[VALUE] = ANYBODY;
	board->value[THREAD] = kid;
	other = ckpt_fork(tries, (void *)1);
	ckpt_step(ASKED);
	ckpt_step_wait(NAMED, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(other, 42);
	ckpt_step(GO_ON);
	ckpt_wait_exit(kid, 23);
}

static int traces_child(void *arg)
{
	pid_t kid;

	become_nobody();
	kid = seized(spins, 0);
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	ckpt_step(TRACED);
	ckpt_wait_go();
	nothing_new(kid);
	ckpt_step(GO_ON);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 23);
	return 43;
}

CKPT_CYCLE(descendant)
{
	pid_t tracer = ckpt_fork(traces_child, NULL);

	ckpt_step_wait(TRACED, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(tracer, 43);
}

/* Whom it has named is outside, and can't be named again: the log says so. */
CKPT_SCENARIO(names_outsider)
{
	CHECK_SYS(prctl(PR_SET_PTRACER, getppid(), 0, 0, 0));
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(cr, outsider, CKPT_TIMEOUT)
{
	struct checkpoint_args args;
	struct ckpt_run run;

	if (variant->container)
		SKIP(return, "only makes sense in a subtree");
	ASSERT_EQ(0, ckpt_run_init(&run, &names_outsider, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN | CHECKPOINT_SUBTREE);
	EXPECT_LT(0, sys_checkpoint(&args, sizeof(args)));
	EXPECT_TRUE(ckpt_run_log_has(&run, "which is outside, trace it (PR_SET_PTRACER): after a "
				     "restart only its ancestors may"));
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
}

TEST_HARNESS_MAIN
