// SPDX-License-Identifier: GPL-2.0
/* Rarer states of tasks that can't be saved. */
#include "refuse.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sys/prctl.h>

REFUSE_FIXTURE

#ifndef PR_TIMER_CREATE_RESTORE_IDS
#define PR_TIMER_CREATE_RESTORE_IDS 77
#endif
#ifndef PR_RSEQ_SLICE_EXTENSION
#define PR_RSEQ_SLICE_EXTENSION 79
#define PR_RSEQ_SLICE_EXTENSION_SET 2
#define PR_RSEQ_SLICE_EXT_ENABLE 1
#endif
#ifndef CLONE_AUTOREAP
#define CLONE_AUTOREAP (1ull << 34)
#endif

#define EXPECT_TASK(what) expect_refusal(getpid(), UNSUPPORTED, what)

/* The kernel was built without it, or this machine has none of it. */
#define OR_NOT_HERE(call) do { if ((call) == -1) not_here(); } while (0)

/* ---- timers ---------------------------------------------------------- */

REFUSE(pending_timer_signal)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec spec = { .it_value.tv_nsec = 1 };
	sigset_t set, pending;
	timer_t timer;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_SYS(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_SYS(timer_settime(timer, 0, &spec, NULL));
	do
		CHECK_SYS(sigpending(&pending));
	while (!sigismember(&pending, SIGUSR1));
	EXPECT_TASK("has POSIX timers (timer_create): have it delete them");
	EXPECT_TASK("signal of a POSIX timer is pending");
	ckpt_ready_wait();
	CHECK_SYS(sigpending(&pending));
	CHECK(sigismember(&pending, SIGUSR1), "the signal is lost");
}

REFUSE(chosen_timer_ids)
{
	OR_NOT_HERE(prctl(PR_TIMER_CREATE_RESTORE_IDS, 1, 0, 0, 0));
	EXPECT_TASK("chooses the ids of POSIX timers (PR_TIMER_CREATE_RESTORE_IDS): have it switch that off");
	ckpt_ready_wait();
	CHECK_EQ(1, prctl(PR_TIMER_CREATE_RESTORE_IDS, 2, 0, 0, 0));
}

/* ---- signals --------------------------------------------------------- */

#ifndef __s390x__	/* Where user space may have all addresses. */
REFUSE(signal_stack_outside_user_space)
{
	/* sigaltstack(2) takes whatever it gets. */
	stack_t own = { .ss_sp = (void *)(~0ul << 20), .ss_size = 65536 }, seen;

	CHECK_SYS(sigaltstack(&own, NULL));
	EXPECT_TASK("its alternate signal stack lies where no memory can be: have it set another");
	ckpt_ready_wait();
	CHECK_SYS(sigaltstack(NULL, &seen));
	CHECK(seen.ss_sp == own.ss_sp, "it is at %p", seen.ss_sp);
	CHECK_EQ(own.ss_size, seen.ss_size);
}
#endif

/* ---- prctl ----------------------------------------------------------- */

REFUSE(machine_checks)
{
	OR_NOT_HERE(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	EXPECT_TASK("has a machine check policy (PR_MCE_KILL): have it clear that");
	ckpt_ready_wait();
	CHECK_EQ(PR_MCE_KILL_EARLY, prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
}

REFUSE(speculation)
{
	OR_NOT_HERE(prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0));
	EXPECT_TASK("has speculation controls set (PR_SET_SPECULATION_CTRL): start it without them");
	ckpt_ready_wait();
	CHECK(prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0) & PR_SPEC_DISABLE,
	      "it is allowed again");
}

REFUSE(rseq_time_slice)
{
	OR_NOT_HERE(prctl(PR_RSEQ_SLICE_EXTENSION, PR_RSEQ_SLICE_EXTENSION_SET,
			  PR_RSEQ_SLICE_EXT_ENABLE, 0, 0));
	EXPECT_TASK("has rseq time slice extension enabled: have it switch that off (PR_RSEQ_SLICE_EXTENSION)");
	ckpt_ready_wait();
}

/* ---- keys, io_uring, I/O --------------------------------------------- */

REFUSE(request_key_target)
{
	CHECK_HERE(syscall(__NR_keyctl, KEYCTL_SET_REQKEY_KEYRING,
			   KEY_REQKEY_DEFL_USER_KEYRING));
	EXPECT_TASK("has chosen a keyring for the keys that it requests (keyctl): have it take the default");
	ckpt_ready_wait();
	CHECK_EQ(KEY_REQKEY_DEFL_USER_KEYRING,
		 syscall(__NR_keyctl, KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_NO_CHANGE));
}

REFUSE(io_uring_restriction)
{
	/* struct io_uring_task_restriction: one restriction, IORING_RESTRICTION_SQE_OP of NOP. */
	struct {
		uint16_t flags, nr;
		uint32_t zero[3];
		uint16_t opcode;
		uint8_t op, none;
		uint32_t zero2[3];
	} arg = { .nr = 1, .opcode = 1 };
	/* IORING_REGISTER_RESTRICTIONS of the task: of no ring. */
	long ret = syscall(__NR_io_uring_register, -1, 11, &arg, 1);

	OR_NOT_HERE(ret);
	EXPECT_TASK("is restricted in its use of io_uring: start it without that");
	ckpt_ready_wait();
	CHECK(syscall(__NR_io_uring_register, -1, 11, &arg, 1) == -1 && errno == EPERM,
	      "it is not restricted any more");
}

static char stack[65536] __attribute__((aligned(16)));

static int shares_io(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	_exit(0);
}

REFUSE(shared_io_context)
{
	pid_t kid;

	/* The default priority, but there is a context now. */
	CHECK_HERE(syscall(__NR_ioprio_set, 1, 0, 0));
	kid = CHECK_SYS(clone(shares_io, stack + sizeof(stack), CLONE_IO | SIGCHLD, NULL));
	ckpt_step_wait(0, 1);
	EXPECT_TASK("has an I/O context that it shares (CLONE_IO): start it without CLONE_IO");
	expect_refusal(kid, UNSUPPORTED, "has an I/O context that it shares (CLONE_IO): start it without CLONE_IO");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* ---- who is outside --------------------------------------------------- */

/* A futex of the board, which the scenario holds and a task of the test waits for. */
#define PI_WORD(board)	(&(board)->step[CKPT_STEPS - 1])

static pid_t waiter;

static int wait_for_it(void *arg)
{
	struct ckpt_run *run = arg;
	char path[64], buf[256];

	waiter = fork();
	if (!waiter) {
		syscall(__NR_futex, PI_WORD(run->board), FUTEX_LOCK_PI, 0, NULL, NULL, 0);
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/syscall", waiter);
	while (atoi(ckpt_slurp(path, buf, sizeof(buf))) != __NR_futex ||
	       !(__atomic_load_n(PI_WORD(run->board), __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		sched_yield();
	return 0;
}

static int stop_waiting(void *arg)
{
	kill(waiter, SIGKILL);
	return waitpid(waiter, NULL, 0) == waiter ? 0 : -1;
}

REFUSE(pi_futex, .before = wait_for_it, .after = stop_waiting)
{
	CHECK_HERE(syscall(__NR_futex, PI_WORD(board), FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	EXPECT_TASK("holds a priority-inheritance futex that a task outside waits for: checkpoint both together");
	ckpt_ready_wait();
	CHECK_EQ(getpid(), *PI_WORD(board) & FUTEX_TID_MASK);
	CHECK_SYS(syscall(__NR_futex, PI_WORD(board), FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
}

REFUSE(autoreaped)
{
	struct clone_args args = { .flags = CLONE_AUTOREAP };
	pid_t kid = syscall(__NR_clone3, &args, sizeof(args));

	if (!kid) {
		ckpt_step(0);
		ckpt_wait_go();
		_exit(0);
	}
	if (kid < 0)
		not_here();
	ckpt_step_wait(0, 1);
	expect_refusal(kid, UNSUPPORTED, "is reaped by the kernel when it exits (CLONE_AUTOREAP): start it without that flag");
	ckpt_ready_wait();
	/* There is nobody to wait for. */
	CHECK(waitpid(kid, NULL, __WALL) == -1 && errno == ECHILD, "waited for it");
}

/* A probe on code of the scenario, as by perf: PERF_TYPE of the uprobe unit. */
static void probed(void)
{
	__asm__ volatile("" ::: "memory");
}

REFUSE(uprobe)
{
	char buf[64];
	int type = atoi(ckpt_slurp("/sys/bus/event_source/devices/uprobe/type", buf, sizeof(buf)));
	extern char __executable_start __attribute__((weak));
	struct perf_event_attr attr = {
		.type = type, .size = sizeof(attr),
		.uprobe_path = (uintptr_t)"/proc/self/exe",
		.probe_offset = (uintptr_t)probed - (uintptr_t)&__executable_start,
	};

	if (!type)
		not_here();
	CHECK_HERE(syscall(__NR_perf_event_open, &attr, getpid(), -1, -1, 0));
	probed();
	EXPECT_TASK("has uprobes: remove the probes and start it again");
	expect_more();
	ckpt_ready_wait();
}

TEST_HARNESS_MAIN
