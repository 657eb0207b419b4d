// SPDX-License-Identifier: GPL-2.0
/* Rarer states of tasks that can't be saved. */
#include "refuse.h"
#include "user_events.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

REFUSE_FIXTURE

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

/* ---- memory ---------------------------------------------------------- */

#ifndef PR_FUTEX_HASH
#define PR_FUTEX_HASH 78
#define PR_FUTEX_HASH_SET_SLOTS 1
#endif

static int has_one_slot_too_many(void *arg)
{
	CHECK_SYS(prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, 2, 0, 0));
	EXPECT_TASK("address space: its hash for futexes has 2 slots, and all that are saved may "
		    "have 1048576: have it set fewer (PR_FUTEX_HASH)");
	return ckpt_child_waits(arg);
}

/* All of them together: the root has what there is. */
REFUSE(slots_for_futexes)
{
	pid_t kid;

	if (prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, 1 << 20, 0, 0)) {
		CHECK_EQ(EINVAL, errno);
		not_here();
	}
	kid = ckpt_fork(has_one_slot_too_many, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* ---- timers ---------------------------------------------------------- */

static void *ends(void *arg)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1,
		._sigev_un._tid = sys_gettid(),
	};
	int id = -1;

	CHECK_SYS(syscall(__NR_timer_create, CLOCK_MONOTONIC, &event, &id));
	CHECK_EQ(0, id);
	return NULL;
}

REFUSE(timer_of_exited_thread)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, ends, NULL));
	CHECK_EQ(0, pthread_join(thread, NULL));
	EXPECT_TASK("its POSIX timer 0 is for a thread that has exited: have it delete that");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_timer_delete, 0));
}

static int timer_on_clock_of(pid_t pid)
{
	clockid_t clock;
	int id = -1;

	CHECK_EQ(0, clock_getcpuclockid(pid, &clock));
	CHECK_SYS(syscall(__NR_timer_create, clock, NULL, &id));
	return id;
}

REFUSE(timer_on_clock_of_exited)
{
	pid_t kid = ckpt_fork(ckpt_child_waits, NULL);
	int id;

	ckpt_step_wait(0, 1);
	id = timer_on_clock_of(kid);
	CHECK_SYS(kill(kid, SIGKILL));
	CHECK_EQ(kid, waitpid(kid, NULL, 0));
	expect_refusal(getpid(), UNSUPPORTED, "its POSIX timer %d counts the CPU time of a task that has exited: "
		       "have it delete that", id);
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_timer_delete, id));
}

/* Its parent is the test. */
REFUSE(timer_on_clock_outside, .flags = SC_SUBTREE)
{
	int id = timer_on_clock_of(getppid());

	expect_refusal(getpid(), "EBUSY", "its POSIX timer %d counts the CPU time of a process outside of the "
		       "tree: have it delete that", id);
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_timer_delete, id));
}

REFUSE(alarm_timer_without_capability)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	int id = -1;

	CHECK_HERE(syscall(__NR_timer_create, CLOCK_BOOTTIME_ALARM, NULL, &id));
	CHECK_SYS(syscall(__NR_capget, &head, data));
	data[CAP_WAKE_ALARM / 32].effective &= ~(1u << CAP_WAKE_ALARM % 32);
	CHECK_SYS(syscall(__NR_capset, &head, data));
	expect_refusal(getpid(), UNSUPPORTED, "its POSIX timer %d is on an alarm clock, for which it has no "
		       "capability any more (CAP_WAKE_ALARM): have it delete that", id);
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_timer_delete, id));
}

/* One more than an image can hold. */
REFUSE(too_many_timers)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct sigevent nobody = { .sigev_notify = SIGEV_NONE };
	int id, i;

	CHECK_SYS(setrlimit(RLIMIT_SIGPENDING, &all));
	for (i = 0; i < 65537; i++)
		CHECK_SYS(syscall(__NR_timer_create, CLOCK_MONOTONIC, &nobody, &id));
	expect_refusal(getpid(), UNSUPPORTED, "has 65537 POSIX timers, of which only 65536 can be "
		       "saved: have it delete some");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_timer_delete, id));
}

/* The same of signals. */
REFUSE(too_many_signals)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	union sigval value = { .sival_int = 0 };
	siginfo_t info;
	sigset_t set;

	CHECK_SYS(setrlimit(RLIMIT_SIGPENDING, &all));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	for (; value.sival_int < 65537; value.sival_int++)
		CHECK_SYS(sigqueue(getpid(), SIGRTMIN, value));
	expect_refusal(getpid(), UNSUPPORTED, "65537 signals are pending, of which only 65536 can "
		       "be saved: have it take some");
	ckpt_ready_wait();
	CHECK_EQ(SIGRTMIN, sigwaitinfo(&set, &info));
	CHECK_EQ(0, info.si_int);
}

static int sleeps_outside(void *arg)
{
	struct timespec ts = { .tv_sec = 100000 };
	clockid_t clock;

	CHECK_EQ(0, clock_getcpuclockid(*(pid_t *)arg, &clock));
	syscall(__NR_clock_nanosleep, clock, 0, &ts, NULL);
	return 1;
}

/* Its parent is the test. */
REFUSE(sleep_on_clock_outside, .flags = SC_SUBTREE,
       .blocked = { BLOCKED(__NR_clock_nanosleep), BLOCKED(__NR_futex) })
{
	pid_t outside = getppid(), kid = ckpt_fork(sleeps_outside, &outside);

	expect_refusal(kid, "EBUSY", "sleeps on the CPU clock of a process outside of the tree: checkpoint both "
		       "together");
	ckpt_ready_wait();
	CHECK_EQ(0, kill(kid, SIGKILL));
	CHECK_EQ(kid, waitpid(kid, NULL, 0));
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
	EXPECT_TASK("has chosen a keyring for the keys that it requests: have it do without (keyctl), or have that left out (CHECKPOINT_DROP_KEYS, --drop-keys)");
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
	while (atoi(ckpt_read_file(path, buf, sizeof(buf))) != __NR_futex ||
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
__attribute__((noinline)) static void probed(void)
{
	__asm__ volatile("" ::: "memory");
}

REFUSE(uprobe)
{
	char buf[64];
	int type = atoi(ckpt_read_file("/sys/bus/event_source/devices/uprobe/type", buf, sizeof(buf)));
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
	/* The task has something of it, too, where the instruction is not emulated. */
	expect_refusal(getpid(), UNSUPPORTED,
		       "address space: has uprobes: remove the probes and start it again");
	expect_more();
	ckpt_ready_wait();
}

/* A child that does @fn is refused for @why; in value[0] it says that the kernel can't do it. */
static void child_refused(int (*fn)(void *arg), const char *why)
{
	pid_t kid = ckpt_fork(fn, NULL);

	ckpt_step_wait(0, 1);
	if (board->value[0]) {
		CHECK_SYS(kill(kid, SIGKILL));
		CHECK_EQ(kid, waitpid(kid, NULL, 0));
		not_here();
	}
	expect_refusal(kid, UNSUPPORTED, "%s", why);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* Its domain can't be read. */
static int landlocked(void *arg)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK };
	int fd = syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);

	board->value[0] = fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			  syscall(__NR_landlock_restrict_self, fd, 0);
	close(fd);
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

REFUSE(landlock)
{
	child_refused(landlocked, "is restricted by Landlock: start it without Landlock");
}

#define LOG_SUBDOMAINS_OFF	(1u << 2)	/* LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF */

/* It needs no domain for that. */
static int landlock_hidden(void *arg)
{
	board->value[0] = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			  syscall(__NR_landlock_restrict_self, -1, LOG_SUBDOMAINS_OFF);
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

REFUSE(landlock_log)
{
	child_refused(landlock_hidden, "has the log of Landlock switched off for domains below it "
		      "(LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF): start it without that");
}

/* It tells of an event, and the kernel tells it whether somebody listens. */
REFUSE(user_events)
{
	static uint32_t enabled;
	struct user_reg reg = {
		.size = sizeof(reg), .bytes = sizeof(enabled), .address = (uintptr_t)&enabled,
		.name = (uintptr_t)"ckpt_refused u32 value",
	};
	int fd;

	fd = user_events_open();
	if (fd < 0)
		not_here();
	CHECK_SYS(ioctl(fd, DIAG_IOCSREG, &reg));
	CHECK_SYS(close(fd));
	EXPECT_TASK("has user events: have it unregister them");
	ckpt_ready_wait();
}

TEST_HARNESS_MAIN
