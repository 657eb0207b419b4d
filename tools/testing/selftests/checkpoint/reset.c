// SPDX-License-Identifier: GPL-2.0
/*
 * What fork hands on from the caller of restart(2) does not reach the restarted
 * tasks: they have what they had, and can be checkpointed again. Cookies of core
 * scheduling are in sched_core.c, labels that the caller has chosen in
 * labels_selinux.c.
 */
#include "common.h"
#include "sched_attr.h"
#include "user_events.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#ifdef __x86_64__
#include <asm/prctl.h>
#endif

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#define PR_GET_IO_FLUSHER 58
#endif
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
#if defined(__x86_64__) && !defined(ARCH_SET_CPUID)
#define ARCH_GET_CPUID 0x1011
#define ARCH_SET_CPUID 0x1012
#endif

/* ioprio_set(2): of a process; best effort, lowest. */
#define WHO_PROCESS	1
#define LOWEST		((2 << 13) | 7)

/* ---- what the caller has, and what a task without it sees ------------- */

static int set_ioprio(void)
{
	return syscall(__NR_ioprio_set, WHO_PROCESS, 0, LOWEST);
}

static void check_ioprio(void)
{
	/* None: then it follows the nice value. */
	CHECK_EQ(0, syscall(__NR_ioprio_get, WHO_PROCESS, 0) >> 13);
}

static int set_mempolicy_(void)
{
	unsigned long nodes = 1;

	/* MPOL_BIND */
	return syscall(__NR_set_mempolicy, 2, &nodes, 64);
}

static void check_mempolicy(void)
{
	int mode = -1;

	CHECK_SYS(syscall(__NR_get_mempolicy, &mode, NULL, 0, NULL, 0));
	CHECK_EQ(0, mode);
}

static int set_mce(void)
{
	return prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
}

static void check_mce(void)
{
	CHECK_EQ(PR_MCE_KILL_DEFAULT, prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
}

static int set_flusher(void)
{
	return prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
}

static void check_flusher(void)
{
	CHECK_EQ(0, prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
}

static int set_speculation(void)
{
	return prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0);
}

static void check_speculation(void)
{
	int ctrl = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0);

	/* arm64 lets it be set also where it has no effect, and then says so. */
	CHECK(ctrl == PR_SPEC_NOT_AFFECTED || ctrl & PR_SPEC_ENABLE, "speculation is off");
}

static int set_merge(void)
{
	return prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
}

static void check_merge(void)
{
	CHECK_EQ(0, prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0));
}

static int set_no_huge_pages(void)
{
	return prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

static void check_huge_pages(void)
{
	CHECK_EQ(0, prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
}

static int set_lock_future(void)
{
	return mlockall(MCL_FUTURE);
}

static void check_lock_future(void)
{
	struct rlimit none = { 0, 0 };
	void *p;

	/* A mapping that is locked would not fit. */
	CHECK_SYS(setrlimit(RLIMIT_MEMLOCK, &none));
	p = mmap(NULL, CKPT_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED, "%s", strerror(errno));
}

static int set_request_keys(void)
{
	return syscall(__NR_keyctl, KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_USER_KEYRING) < 0 ?
	       -1 : 0;
}

static void check_request_keys(void)
{
	CHECK_EQ(KEY_REQKEY_DEFL_DEFAULT,
		 syscall(__NR_keyctl, KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_NO_CHANGE));
}

/* Keyrings of the caller's thread and process, which no other process gets. */
static int set_own_keyrings(void)
{
	if (syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 1) < 0)
		return -1;
	return syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) < 0 ? -1 : 0;
}

static void check_own_keyrings(void)
{
	CHECK(syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0) == -1 &&
	      errno == ENOKEY, "has a thread keyring");
	CHECK(syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0) == -1 &&
	      errno == ENOKEY, "has a process keyring");
}

static int set_nothing_of_it(void)
{
	struct sched_param param = { 0 };

	/* What the image replaces. */
	if (sched_setscheduler(0, SCHED_BATCH, &param) || setpriority(PRIO_PROCESS, 0, 5))
		return -1;
	prctl(PR_SET_TIMERSLACK, 1234567);
	prctl(PR_SET_PDEATHSIG, 10);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

static void check_nothing_of_it(void)
{
	int signal = -1, reaper = -1;

	CHECK_EQ(SCHED_OTHER, sched_getscheduler(0));
	CHECK_EQ(0, getpriority(PRIO_PROCESS, 0));
	CHECK_EQ(50000, prctl(PR_GET_TIMERSLACK));
	CHECK_SYS(prctl(PR_GET_PDEATHSIG, &signal));
	CHECK_EQ(0, signal);
	CHECK_SYS(prctl(PR_GET_CHILD_SUBREAPER, &reaper));
	CHECK_EQ(0, reaper);
}

#if defined(__x86_64__) || defined(__aarch64__)
static int set_no_counter(void)
{
	return prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}

static void check_counter(void)
{
	int mode = 0;

	CHECK_SYS(prctl(PR_GET_TSC, &mode, 0, 0, 0));
	CHECK_EQ(PR_TSC_ENABLE, mode);
}
#endif

#ifdef __x86_64__
static int set_no_cpuid(void)
{
	return syscall(__NR_arch_prctl, ARCH_SET_CPUID, 0);
}

static void check_cpuid(void)
{
	CHECK_EQ(1, syscall(__NR_arch_prctl, ARCH_GET_CPUID, 0));
}

static int set_io_privileges(void)
{
	return syscall(__NR_iopl, 3);
}

static void check_io_privileges(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	/* To have them is to be allowed to keep them. */
	CHECK_SYS(syscall(__NR_capget, &head, data));
	data[CAP_SYS_RAWIO / 32].effective &= ~(1u << CAP_SYS_RAWIO % 32);
	CHECK_SYS(syscall(__NR_capset, &head, data));
	CHECK(syscall(__NR_iopl, 3) == -1 && errno == EPERM, "has I/O privileges");
}
#endif

static int set_clamps(void)
{
	/* SCHED_FLAG_UTIL_CLAMP_MIN and _MAX, all else as it is. */
	struct attr attr = { .size = sizeof(attr), .flags = 0x60 | 0x18, .util_min = 100,
			     .util_max = 600 };

	return syscall(__NR_sched_setattr, 0, &attr, 0);
}

static void check_clamps(void)
{
	struct attr attr = { 0 };

	CHECK_SYS(syscall(__NR_sched_getattr, 0, &attr, sizeof(attr), 0));
	CHECK_EQ(0, attr.util_min);
	CHECK_EQ(1024, attr.util_max);
}

/* Nothing that they could see: it is the next checkpoint that refuses tasks which have it. */
static void check_nothing(void)
{
}

static int set_user_events(void)
{
	static uint32_t enabled;
	struct user_reg reg = {
		.size = sizeof(reg), .bytes = sizeof(enabled), .address = (uintptr_t)&enabled,
		.name = (uintptr_t)"ckpt_reset u32 value",
	};
	int fd, ret;

	fd = user_events_open();
	ret = ioctl(fd, DIAG_IOCSREG, &reg);
	close(fd);
	return ret;
}

/* The user of whom there are too many processes. */
#define CROWDED	54321

/* One of these, as a child of the test: runs wait for all children of who makes them. */
static pid_t crowd(void)
{
	int up[2];
	pid_t pid;
	char c;

	if (pipe2(up, O_CLOEXEC))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(up[0]);
		if (setresuid(CROWDED, CROWDED, CROWDED) || prctl(PR_SET_PDEATHSIG, SIGKILL) ||
		    write(up[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(up[1]);
	if (pid > 0 && read(up[0], &c, 1) != 1) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(up[0]);
	return pid;
}

static int become_one_of_few(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NPROC, &limit))
		return -1;
	limit.rlim_cur = 0;
	return setrlimit(RLIMIT_NPROC, &limit) || setresuid(CROWDED, 0, 0) ? -1 : 0;
}

/* As setuid() of a program that does not look at the limit: what it executes next fails. */
static int set_too_many(void)
{
	/* It is looked at when the user becomes another one. */
	return setresuid(0, 0, 0) || become_one_of_few() ? -1 : 0;
}

static void check_too_many(void)
{
	char *args[] = { "nothing", NULL };

	CHECK_EQ(CROWDED, getuid());
	CHECK_EQ(-1, execve("/nonexistent/program", args, args + 1));
	/* EAGAIN: it is taken for one of too many. */
	CHECK_EQ(ENOENT, errno);
}

/* ---- a probe on what the caller returns from ---------------------------- */

/* In this function it calls restart(2). */
__attribute__((noinline)) static int probed(int (*fn)(void))
{
	int ret = fn();

	__asm__ volatile("" ::: "memory");
	return ret;
}

/* Where in its file the code at @at is; 0: that is not told. */
static uint64_t offset_of(uintptr_t at)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long start, end, offset;
	uint64_t found = 0;
	char line[512];

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && at >= start &&
		    at < end)
			found = at - start + offset;
	}
	if (f)
		fclose(f);
	return found;
}

static int set_probe(void)
{
	char buf[64];
	struct perf_event_attr attr = {
		.type = atoi(ckpt_read_file("/sys/bus/event_source/devices/uprobe/type", buf,
					    sizeof(buf))),
		/* As its format/retprobe says. */
		.config = 1, .size = sizeof(attr), .uprobe_path = (uintptr_t)"/proc/self/exe",
		.probe_offset = offset_of((uintptr_t)probed),
	};

	if (!attr.type || !attr.probe_offset)
		return -1;
	return syscall(__NR_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC) < 0 ? -1 : 0;
}

/* ---- the states ---------------------------------------------------------- */

struct state {
	const char *name;
	int (*set)(void);	/* In the caller of restart(2). */
	void (*check)(void);	/* In the restarted task. */
	int (*own)(void);	/* What the task does before it is checkpointed. */
	bool crowded;		/* There is another process of its user; set() is for one restart. */
	int (*around)(int (*fn)(void));	/* In which it restarts them. */
};

/* Of each there is a test. */
#define STATES(X)							\
	X(io_priority, set_ioprio, check_ioprio)			\
	X(memory_policy, set_mempolicy_, check_mempolicy)		\
	X(machine_checks, set_mce, check_mce)				\
	X(io_flusher, set_flusher, check_flusher)			\
	X(speculation, set_speculation, check_speculation)		\
	X(merging, set_merge, check_merge)				\
	X(huge_pages, set_no_huge_pages, check_huge_pages)		\
	X(memory_locking, set_lock_future, check_lock_future)		\
	X(keys_of_requests, set_request_keys, check_request_keys)	\
	X(keyrings, set_own_keyrings, check_own_keyrings)		\
	X(what_the_image_replaces, set_nothing_of_it, check_nothing_of_it) \
	X(utilization_clamps, set_clamps, check_clamps)			\
	X(user_events, set_user_events, check_nothing)			\
	X(too_many_processes, set_too_many, check_too_many,		\
	  .own = become_one_of_few, .crowded = true)			\
	X(uprobes, set_probe, check_nothing, .around = probed)

#if defined(__x86_64__) || defined(__aarch64__)
#define STATES_COUNTER(X)						\
	X(counter, set_no_counter, check_counter)
#else
#define STATES_COUNTER(X)
#endif

#ifdef __x86_64__
#define STATES_X86(X)							\
	X(cpuid, set_no_cpuid, check_cpuid)				\
	X(io_privileges, set_io_privileges, check_io_privileges)
#else
#define STATES_X86(X)
#endif

#define ROW(_name, _set, _check, ...)					\
	{ .name = #_name, .set = _set, .check = _check, __VA_ARGS__ },
#define NUMBER(_name, ...)	STATE_##_name,

static const struct state states[] = { STATES(ROW) STATES_COUNTER(ROW) STATES_X86(ROW) };
enum { STATES(NUMBER) STATES_COUNTER(NUMBER) STATES_X86(NUMBER) };

/* The one that a scenario is about. */
static const struct state *its_state(void)
{
	return &states[atoi(getenv("CKPT_RESET"))];
}

/* A thread and a child: they are made after the reset of who makes them. */
static int checks_too(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	its_state()->check();
	return 0;
}

CKPT_SCENARIO(bare)
{
	pid_t kid;

	if (its_state()->own)
		CHECK_SYS(its_state()->own());
	kid = ckpt_fork(checks_too, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	its_state()->check();
	ckpt_wait_exit(kid, 0);
}

static struct ckpt_run run;
static const struct state *state;
static int first, second;

static int restart_twice(void)
{
	if (ckpt_run_restart(&run, first, 0) || ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL))
		return -1;
	if (state->crowded && state->set())
		return -1;
	return ckpt_run_restart(&run, second, 0);
}

/*
 * In a child: it has it, restarts, checkpoints what is back, restarts that again.
 * 0: it works; 1: it does not; 2: there is no such state here.
 */
static int with_state(void)
{
	char number[16];
	int ret = 1;

	snprintf(number, sizeof(number), "%d", (int)(state - states));
	setenv("CKPT_RESET", number, 1);
	first = ckpt_image_new();
	second = ckpt_image_new();
	if (ckpt_run_init(&run, &bare, true) || ckpt_run_start(&run) ||
	    ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL))
		goto out;
	if (state->set()) {
		ckpt_diag("%s: %s", state->name, strerror(errno));
		ret = 2;
		goto out;
	}
	if (state->around ? state->around(restart_twice) : restart_twice())
		goto out;
	ckpt_run_go(&run);
	ret = ckpt_run_finish(&run) ? 1 : 0;
out:
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return ret;
}

static int in_child(void)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		ckpt_watchdog();
		_exit(with_state());
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

FIXTURE(reset) { int unused; };
FIXTURE_VARIANT(reset) { int nr; };
FIXTURE_SETUP(reset)
{
	CKPT_BEGIN();
}
FIXTURE_TEARDOWN(reset) { }

#define VARIANT(_name, ...)						\
	; FIXTURE_VARIANT_ADD(reset, _name) { .nr = STATE_##_name }

STATES(VARIANT)
STATES_COUNTER(VARIANT)
STATES_X86(VARIANT);

TEST_F_TIMEOUT(reset, of_the_caller, CKPT_TIMEOUT)
{
	pid_t other = -1;
	int ret;

	state = &states[variant->nr];
	if (state->crowded)
		ASSERT_LT(0, other = crowd());
	ret = in_child();
	if (other > 0) {
		EXPECT_EQ(0, kill(other, SIGKILL));
		EXPECT_EQ(other, waitpid(other, NULL, 0));
	}
	if (ret == 2)
		SKIP(return, "the kernel or the machine has none of it");
	ASSERT_EQ(0, ret);
}

FIXTURE(caller) { int unused; };
FIXTURE_SETUP(caller)
{
	CKPT_BEGIN();
}
FIXTURE_TEARDOWN(caller) { }

/* It was switched off for good: nobody is given back what the caller can't get back. */
TEST_F_TIMEOUT(caller, not_for_good, CKPT_TIMEOUT)
{
	struct restart_args args;
	int image = ckpt_image_new();

	setenv("CKPT_RESET", "0", 1);
	ASSERT_EQ(0, ckpt_run_init(&run, &bare, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	if (prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_FORCE_DISABLE, 0, 0)) {
		ckpt_run_fini(&run);
		SKIP(return, "this machine has no such control");
	}
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	ASSERT_EQ(-1, sys_restart(&args, sizeof(args)));
	ASSERT_EQ(EPERM, errno);
	ASSERT_TRUE(ckpt_run_log_has(&run, "the caller has speculation controls set"));
	ckpt_run_fini(&run);
}

/* ---- of a task of the image that made another ------------------------- */

CKPT_FIXTURE

/* Denied after the child was made: not denied to the child. */
static int writes_code(void *arg)
{
	void *p;

	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(0, prctl(PR_GET_MDWE, 0, 0, 0, 0));
	p = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED, "%s", strerror(errno));
	return 0;
}

CKPT_CYCLE(denied_after_fork)
{
	pid_t kid = ckpt_fork(writes_code, NULL);

	CHECK_SYS(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(PR_MDWE_REFUSE_EXEC_GAIN, prctl(PR_GET_MDWE, 0, 0, 0, 0));
	ckpt_wait_exit(kid, 0);
}

#ifdef __x86_64__
/* Linear address masking can't be switched on once there were threads. */
static char stack[65536] __attribute__((aligned(16)));

static int short_thread(void *arg)
{
	return 0;
}

CKPT_CYCLE(address_masking_locked)
{
	/* ARCH_ENABLE_TAGGED_ADDR: EBUSY if it is locked, ENODEV without such a CPU. */
	long before, after;
	int err;

	CHECK_SYS(clone(short_thread, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL));
	CHECK_SYS(wait(NULL));
	before = syscall(__NR_arch_prctl, 0x4002, 6);
	err = errno;
	CHECK_EQ(-1, before);
	ckpt_ready_wait();
	after = syscall(__NR_arch_prctl, 0x4002, 6);
	CHECK_EQ(-1, after);
	CHECK_EQ(err, errno);
}
#endif

TEST_HARNESS_MAIN
