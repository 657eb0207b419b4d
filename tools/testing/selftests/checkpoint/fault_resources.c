// SPDX-License-Identifier: GPL-2.0
/* Out of pids, memory and whatever the kernel allocates: an errno, nothing left. */
#include "fault.h"

#include <signal.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static struct ckpt_run run;
static int image = -1;
static int lowest;

CKPT_SCENARIO(family)
{
	const size_t size = 1 << 20;
	unsigned char *map;
	pid_t kid[4];
	int fd[2], i;
	size_t at;

	CHECK_SYS(pipe(fd));
	CHECK_EQ(6, write(fd[1], "family", 6));
	for (i = 0; i < 4; i++)
		kid[i] = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 4);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	memset(map, 0xa5, size);
	ckpt_ready_wait();
	for (at = 0; at < size; at++)
		CHECK_EQ(0xa5, map[at]);
	for (i = 0; i < 4; i++)
		ckpt_wait_exit(kid[i], 0);
}

FIXTURE(fault) { int unused; };

FIXTURE_SETUP(fault)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &family, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
}

FIXTURE_TEARDOWN(fault)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static int take(void)
{
	if (ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL))
		return -1;
	lowest = lowest_free(&run);
	return 0;
}

static long restart(void)
{
	struct restart_args args;
	long pid;

	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	pid = sys_restart(&args, sizeof(args));
	if (pid > 0) {
		run.pid = pid;
		run.status = 0;
		run.pidfd = args.pidfd;
	}
	return pid;
}

TEST_F_TIMEOUT(fault, pids_of_the_cgroup, CKPT_TIMEOUT)
{
	char text[8];
	int max;

	if (ckpt_cgroup_write(&run.cg, "pids.max", "max"))
		SKIP(return, "there is no pids controller");
	ASSERT_EQ(0, take());
	for (max = 0; max < 5; max++) {
		snprintf(text, sizeof(text), "%d", max);
		ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "pids.max", text));
		ASSERT_EQ(-1, restart());
		EXPECT_EQ(EAGAIN, errno);
		EXPECT_TRUE(ckpt_run_log_has(&run, "pids.max"));
		ASSERT_EQ(0, nothing_left(&run, lowest));
	}
	ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "pids.max", "5"));
	ASSERT_LT(0, restart());
	ASSERT_EQ(0, runs_on(&run));
}

/* A user who may choose pids, but has as many processes as he may have. */
static int as_limited_user(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { };
	struct rlimit limit = { 0, 0 };

	data[1].permitted = 1 << (CAP_CHECKPOINT_RESTORE - 32);
	data[1].effective = data[1].permitted;
	if (prctl(PR_SET_KEEPCAPS, 1) || setrlimit(RLIMIT_NPROC, &limit) ||
	    setresuid(65534, 65534, 65534) || syscall(__NR_capset, &header, data))
		return -1;
	return 0;
}

TEST_F_TIMEOUT(fault, processes_of_the_user, CKPT_TIMEOUT)
{
	struct restart_args args;
	int status;
	pid_t pid;

	ASSERT_EQ(0, take());
	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	args.cgroup_fd = -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (as_limited_user())
			_exit(1);
		if (sys_restart(&args, sizeof(args)) != -1)
			_exit(2);
		_exit(errno == EAGAIN ? 0 : 3);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(ckpt_run_log_has(&run, "RLIMIT_NPROC"));
	ASSERT_EQ(0, nothing_left(&run, lowest));
	ASSERT_LT(0, restart());
	ASSERT_EQ(0, runs_on(&run));
}

/* The tasks get less memory than they had: they can't be made, or are killed. */
TEST_F_TIMEOUT(fault, memory_of_the_cgroup, CKPT_TIMEOUT)
{
	static const char * const max[] = { "4096", "262144", "524288", "1048576" };
	unsigned int i;

	if (ckpt_cgroup_write(&run.cg, "memory.max", "max"))
		SKIP(return, "there is no memory controller");
	ASSERT_EQ(0, take());
	ckpt_cgroup_write(&run.cg, "memory.swap.max", "0");
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "memory.max", max[i]));
		if (restart() > 0)
			ckpt_run_kill(&run);
		else
			ASSERT_EQ(0, nothing_left(&run, lowest));
	}
	ckpt_cgroup_write(&run.cg, "memory.max", "max");
	ASSERT_LT(0, restart());
	ASSERT_EQ(0, runs_on(&run));
}

/* The caller itself has too little, and may be killed for it. */
TEST_F_TIMEOUT(fault, memory_of_the_caller, CKPT_TIMEOUT)
{
	struct ckpt_cgroup small;
	struct checkpoint_args args;
	int i, status;
	pid_t pid;

	ASSERT_EQ(0, ckpt_cgroup_new(&small));
	if (ckpt_cgroup_write(&small, "memory.max", "max")) {
		ckpt_cgroup_del(&small);
		SKIP(return, "there is no memory controller");
	}
	for (i = 0; i < 4; i++) {
		char max[16];

		snprintf(max, sizeof(max), "%d", 65536 << i);
		ASSERT_EQ(0, ckpt_cgroup_write(&small, "memory.max", max));
		fflush(NULL);
		pid = fork();
		if (!pid) {
			ckpt_cgroup_move(&small, getpid());
			ckpt_run_args(&run, &args, open("/dev/null", O_WRONLY), 0);
			sys_checkpoint(&args, sizeof(args));
			_exit(0);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, ckpt_cgroup_frozen(&run.cg));
		ASSERT_EQ(0, kill(run.pid, 0));
	}
	ckpt_cgroup_del(&small);
	ASSERT_EQ(0, runs_on(&run));
}

/* ---- each allocation of the caller fails in turn ----------------------- */

#define MOST	3000

static int debugfs_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return ret;
}

/* -1 if the kernel does not inject faults. */
static int faults_wanted(void)
{
	if (access("/proc/self/fail-nth", W_OK))
		return -1;
	/* No stack dump for each; allocations that may sleep fail, too. */
	return debugfs_write("/sys/kernel/debug/failslab/verbose", "0") ||
	       debugfs_write("/sys/kernel/debug/failslab/ignore-gfp-wait", "N") ? -1 : 0;
}

static void fail_nth(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	debugfs_write("/proc/thread-self/fail-nth", text);
}

/* Was the fault used up?  No more are injected then. */
static bool fault_came(void)
{
	char buf[16];
	bool came = !atoi(ckpt_read_file("/proc/thread-self/fail-nth", buf, sizeof(buf)));

	fail_nth(0);
	return came;
}

/* Sizes of steps: dense where the call begins, then wider. */
static int step(int n)
{
	return n < 24 ? 1 : n / 8;
}

TEST_F_TIMEOUT(fault, allocations_of_checkpoint, CKPT_TIMEOUT)
{
	struct checkpoint_args args;
	bool came = true;
	long id;
	int n;

	if (faults_wanted())
		SKIP(return, "the kernel does not inject faults");
	for (n = 1; came && n < MOST; n += step(n)) {
		ftruncate(image, 0);
		lseek(image, 0, SEEK_SET);
		ckpt_run_args(&run, &args, image, 0);
		fail_nth(n);
		id = sys_checkpoint(&args, sizeof(args));
		came = fault_came();
		ASSERT_TRUE(id > 0 || came);
		ASSERT_EQ(0, ckpt_cgroup_frozen(&run.cg));
		ASSERT_EQ(0, kill(run.pid, 0));
	}
	ASSERT_FALSE(came);
	ASSERT_EQ(0, runs_on(&run));
}

TEST_F_TIMEOUT(fault, allocations_of_restart, CKPT_TIMEOUT)
{
	bool came = true;
	long pid;
	int n;

	if (faults_wanted())
		SKIP(return, "the kernel does not inject faults");
	ASSERT_EQ(0, take());
	for (n = 1; came && n < MOST; n += step(n)) {
		fail_nth(n);
		pid = restart();
		came = fault_came();
		if (pid > 0)
			ckpt_run_kill(&run);
		else
			ASSERT_EQ(0, nothing_left(&run, lowest));
		ASSERT_TRUE(pid > 0 || came);
	}
	ASSERT_FALSE(came);
	ASSERT_LT(0, restart());
	ASSERT_EQ(0, runs_on(&run));
}

TEST_HARNESS_MAIN
