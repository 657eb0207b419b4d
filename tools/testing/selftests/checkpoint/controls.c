// SPDX-License-Identifier: GPL-2.0
/*
 * What a thread has set of itself by prctl(2), ioprio_set(2) and sched_setattr(2):
 * it has it after a restart, and other threads of its process have not.
 */
#include "fault.h"
#include "rights.h"
#include "sched_attr.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <linux/prctl.h>
#include <sys/prctl.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#define PR_GET_IO_FLUSHER 58
#endif
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
/* As the kernel has them: older headers know the first one by another name. */
#define EXCLUSIVE_ON	1
#define INCLUSIVE_ON	2
#define ALLOW		0
#define BLOCK		1

CKPT_FIXTURE

/* Runs @set, with @get before and after: what that returns must stay the same. */
static void keeps(int (*set)(void), long (*get)(void))
{
	long has;

	if (set()) {
		/* The kernel or the machine has no such thing. */
		ckpt_not_here();
	}
	has = get();
	ckpt_ready_wait();
	CHECK_EQ(has, get());
}

/* ---- I/O priority ----------------------------------------------------- */

/* Of the calling thread. */
static long get_ioprio(void)
{
	return syscall(__NR_ioprio_get, 1, 0);
}

static int set_ioprio(void)
{
	return syscall(__NR_ioprio_set, 1, 0, (2 << 13) | 6);
}

CKPT_CYCLE(io_priority)
{
	keeps(set_ioprio, get_ioprio);
}

static int set_realtime_ioprio(void)
{
	return syscall(__NR_ioprio_set, 1, 0, (1 << 13) | 3);
}

CKPT_CYCLE(realtime_io_priority)
{
	keeps(set_realtime_ioprio, get_ioprio);
}

static void *with_ioprio(void *arg)
{
	board->value[0] = set_ioprio();
	ckpt_step(0);
	ckpt_wait_go();
	if (!board->value[0])
		CHECK_EQ((2 << 13) | 6, get_ioprio());
	return NULL;
}

/* One thread has it, its leader has not. */
CKPT_CYCLE(io_priority_of_thread)
{
	pthread_t thread;
	long own = get_ioprio();

	CHECK_EQ(0, pthread_create(&thread, NULL, with_ioprio, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(own, get_ioprio());
	CHECK_EQ(0, pthread_join(thread, NULL));
}

/* ---- prctl ------------------------------------------------------------ */

static long get_mce(void)
{
	return prctl(PR_MCE_KILL_GET, 0, 0, 0, 0);
}

static int set_mce_early(void)
{
	return prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
}

CKPT_CYCLE(machine_checks_early)
{
	keeps(set_mce_early, get_mce);
}

static int set_mce_late(void)
{
	return prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0);
}

CKPT_CYCLE(machine_checks_late)
{
	keeps(set_mce_late, get_mce);
}

static int set_flusher(void)
{
	return prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
}

static long get_flusher(void)
{
	return prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0);
}

CKPT_CYCLE(io_flusher)
{
	keeps(set_flusher, get_flusher);
}

static long get_store_bypass(void)
{
	return prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0);
}

static int set_store_bypass(void)
{
	return prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0);
}

CKPT_CYCLE(store_bypass)
{
	keeps(set_store_bypass, get_store_bypass);
}

static int force_store_bypass(void)
{
	return prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_FORCE_DISABLE, 0, 0);
}

CKPT_CYCLE(store_bypass_for_good)
{
	keeps(force_store_bypass, get_store_bypass);
}

static int store_bypass_noexec(void)
{
	return prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE_NOEXEC, 0, 0);
}

CKPT_CYCLE(store_bypass_until_exec)
{
	keeps(store_bypass_noexec, get_store_bypass);
}

static long get_branches(void)
{
	return prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, 0, 0, 0);
}

static int set_branches(void)
{
	return prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, PR_SPEC_DISABLE, 0, 0);
}

CKPT_CYCLE(indirect_branches)
{
	keeps(set_branches, get_branches);
}

static int set_counter(void)
{
	return prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}

static long get_counter(void)
{
	int mode = 0;

	CHECK_SYS(prctl(PR_GET_TSC, &mode, 0, 0, 0));
	return mode;
}

CKPT_CYCLE(counter)
{
	keeps(set_counter, get_counter);
	/* What comes now may look at the time. */
	prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
}

/* ---- scheduling ------------------------------------------------------- */

static struct attr get_attr(void)
{
	struct attr attr = { 0 };

	CHECK_SYS(syscall(__NR_sched_getattr, 0, &attr, sizeof(attr), 0));
	return attr;
}

/* SCHED_FLAG_UTIL_CLAMP_MIN and _MAX, all else as it is. */
CKPT_CYCLE(utilization_clamps)
{
	struct attr attr = { .size = sizeof(attr), .flags = 0x60 | 0x18, .util_min = 100,
			     .util_max = 600 };

	if (syscall(__NR_sched_setattr, 0, &attr, 0))
		ckpt_not_here();
	ckpt_ready_wait();
	attr = get_attr();
	CHECK_EQ(100, attr.util_min);
	CHECK_EQ(600, attr.util_max);
}

/* SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN. */
CKPT_CYCLE(deadline)
{
	struct attr attr = { .size = sizeof(attr), .policy = 6, .flags = 2 | 4, .runtime = 10000000,
			     .deadline = 90000000, .period = 100000000 };

	signal(SIGXCPU, SIG_IGN);
	if (syscall(__NR_sched_setattr, 0, &attr, 0)) {
		CHECK(errno == ENOSYS || errno == EINVAL, "%s", strerror(errno));
		ckpt_not_here();
	}
	ckpt_ready_wait();
	attr = get_attr();
	CHECK_EQ(6, attr.policy);
	CHECK_EQ(2 | 4, attr.flags & 6);
	CHECK_EQ(10000000, attr.runtime);
	CHECK_EQ(90000000, attr.deadline);
	CHECK_EQ(100000000, attr.period);
}

/* SCHED_EXT: without a scheduler of that class it is scheduled as all others. */
CKPT_CYCLE(extensible_class)
{
	struct sched_param none = { 0 };

	if (sched_setscheduler(0, 7, &none))
		ckpt_not_here();
	ckpt_ready_wait();
	CHECK_EQ(7, sched_getscheduler(0));
}

/* ---- syscall user dispatch -------------------------------------------- */

static volatile char selector = ALLOW;
static volatile sig_atomic_t dispatched;

static void on_sigsys(int sig)
{
	selector = ALLOW;
	dispatched++;
}

/* Is a call by syscall(2) dispatched? */
static bool is_dispatched(void)
{
	int before = dispatched;

	selector = BLOCK;
	syscall(__NR_getppid);
	selector = ALLOW;
	return dispatched != before;
}

static int dispatch(long mode, unsigned long start, unsigned long len)
{
	signal(SIGSYS, on_sigsys);
	return prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, start, len, &selector);
}

/* Start of two pages with the code of syscall(2). */
static unsigned long code_of_calls(void)
{
	return (unsigned long)syscall & ~(CKPT_PAGE - 1);
}

CKPT_CYCLE(dispatch_of_all)
{
	if (dispatch(EXCLUSIVE_ON, 0, 0))
		ckpt_not_here();
	ckpt_ready_wait();
	CHECK(is_dispatched(), "it makes system calls");
}

CKPT_CYCLE(dispatch_of_others)
{
	if (dispatch(EXCLUSIVE_ON, code_of_calls(), 2 * CKPT_PAGE))
		ckpt_not_here();
	CHECK(!is_dispatched(), "it is not left out");
	ckpt_ready_wait();
	CHECK(!is_dispatched(), "it is not left out any more");
	CHECK_SYS(dispatch(EXCLUSIVE_ON, 0, 0));
	CHECK(is_dispatched(), "it makes system calls");
}

CKPT_CYCLE(dispatch_of_some)
{
	if (dispatch(INCLUSIVE_ON, code_of_calls(), 2 * CKPT_PAGE))
		ckpt_not_here();
	CHECK(is_dispatched(), "it makes system calls");
	ckpt_ready_wait();
	CHECK(is_dispatched(), "it makes system calls again");
	CHECK_SYS(dispatch(INCLUSIVE_ON, (unsigned long)&selector & ~(CKPT_PAGE - 1), CKPT_PAGE));
	CHECK(!is_dispatched(), "others are dispatched");
}

/* ---- rights ----------------------------------------------------------- */

/* Who has set something may have given up the right to do so since. */
CKPT_SCENARIO(was_io_flusher)
{
	CHECK_SYS(set_flusher());
	CHECK_SYS(drop_cap(CAP_SYS_RESOURCE));
	ckpt_ready_wait();
}

CKPT_SCENARIO(was_deadline)
{
	struct attr attr = { .size = sizeof(attr), .policy = 6, .runtime = 10000000,
			     .deadline = 90000000, .period = 100000000 };

	CHECK_SYS(syscall(__NR_sched_setattr, 0, &attr, 0));
	CHECK_SYS(drop_cap(CAP_SYS_NICE));
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(rights, io_flusher, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&self->run, self->image, &was_io_flusher, CAP_SYS_RESOURCE,
			   "the caller may not make it an I/O flusher: it needs CAP_SYS_RESOURCE"));
}

TEST_F_TIMEOUT(rights, deadline, CKPT_TIMEOUT)
{
	struct attr attr = { .size = sizeof(attr), .policy = 6, .runtime = 10000000,
			     .deadline = 90000000, .period = 100000000 };
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(syscall(__NR_sched_setattr, 0, &attr, 0) ? 1 : 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (status) {
		self->image = -1;
		SKIP(return, "there are no deadlines here");
	}
	ASSERT_EQ(0, needs(&self->run, self->image, &was_deadline, CAP_SYS_NICE,
			   "can't be scheduled with a deadline: the caller has no CAP_SYS_NICE"));
}

/* ---- what this machine can't do ----------------------------------------- */

CKPT_SCENARIO(controlled)
{
	/* So that there is a record of such controls. */
	CHECK_SYS(set_mce_early());
	ckpt_ready_wait();
}

/* Can it be set for a process here? One that tries it is not used for anything else. */
static bool can(int (*set)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(set() ? 1 : 0);
	return waitpid(pid, &status, 0) == pid && !status;
}

static int set_clamps(void)
{
	struct attr attr = { .size = sizeof(attr), .flags = 0x60 | 0x18, .util_min = 100,
			     .util_max = 600 };

	return syscall(__NR_sched_setattr, 0, &attr, 0);
}

static int dispatch_all(void)
{
	return dispatch(EXCLUSIVE_ON, 0, 0);
}

/* Where a control is not to be had an image that has it is refused, and the log tells which. */
TEST_F_TIMEOUT(rights, not_here, CKPT_TIMEOUT)
{
	static const struct {
		int (*set)(void);
		uint32_t flag;
		const char *text;
	} controls[] = {
		{ set_store_bypass, IMAGE_CONTROL_SSB_DISABLE,
		  "speculation (store bypass) can't be disabled for it on this machine" },
		{ set_branches, IMAGE_CONTROL_IB_DISABLE,
		  "speculation (indirect branches) can't be disabled for it on this machine" },
		{ set_clamps, IMAGE_CONTROL_UTIL_MIN,
		  "can't have its utilization clamps: the kernel has none (UCLAMP_TASK)" },
		{ set_counter, IMAGE_CONTROL_NO_COUNTER,
		  "can't be kept from reading the CPU's counter on this architecture" },
		{ dispatch_all, IMAGE_CONTROL_DISPATCH,
		  "can't have syscall user dispatch: its range is not possible, or the kernel has "
		  "no such thing" },
	};
	unsigned int i, tried = 0;
	struct image im;
	uint32_t flags;
	size_t at;

	ASSERT_EQ(0, ckpt_run_init(&self->run, &controlled, false));
	ASSERT_EQ(0, ckpt_run_start(&self->run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&self->run, self->image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, self->image));
	at = image_body(&im, IMAGE_KIND_CONTROLS) + IMAGE_AT(controls, flags);
	ASSERT_GT(im.meta_end, at);
	flags = image_get(&im, at, 4);
	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		if (can(controls[i].set))
			continue;
		ASSERT_EQ(0, image_hostile(&self->run, &im, self->image, at,
					   flags | controls[i].flag, 4, controls[i].text));
		tried++;
	}
	ASSERT_EQ(0, image_works(&self->run, &im, self->image));
	if (!tried)
		SKIP(return, "this machine has all of these controls");
}

TEST_HARNESS_MAIN
