// SPDX-License-Identifier: GPL-2.0
/* Who may freeze which cgroup, by checkpoint(2) and by restart(2). */
#include "hold.h"
#include "fault.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define NOBODY	65534

static struct ckpt_run run;
static int image = -1;

/* Of the board. */
enum { OTHER };

static void become_nobody(void)
{
	CHECK_SYS(setresgid(NOBODY, NOBODY, NOBODY));
	CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
}

CKPT_SCENARIO(nobodys)
{
	become_nobody();
	ckpt_ready_wait();
}

/* A process of nobody with a dead child of root. */
CKPT_SCENARIO(with_zombie)
{
	pid_t kid = CHECK_SYS(fork());
	siginfo_t info;

	if (!kid)
		_exit(0);
	CHECK_SYS(waitid(P_PID, kid, &info, WEXITED | WNOWAIT));
	board->value[OTHER] = kid;
	become_nobody();
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

CKPT_SCENARIO(two)
{
	pid_t kid = ckpt_fork(ckpt_child_waits, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

FIXTURE(rights) { int unused; };

FIXTURE_SETUP(rights)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(rights)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static int start(const struct ckpt_scenario *sc)
{
	return ckpt_run_init(&run, sc, false) || ckpt_run_start(&run) ? -1 : 0;
}

static int finish(void)
{
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

/* A dry run: 0 or an errno. */
static int dry_run(void)
{
	struct checkpoint_args args;

	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
	return sys_checkpoint(&args, sizeof(args)) > 0 ? 0 : errno;
}

/* ---- checkpoint(2) --------------------------------------------------- */

TEST_F_TIMEOUT(rights, checkpoint, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, start(&nobodys));
	EXPECT_EQ(EACCES, ckpt_as_nobody(dry_run));
	EXPECT_TRUE(ckpt_run_log_has(&run, "must be able to write its cgroup.freeze [EACCES]"));
	EXPECT_EQ(0, ckpt_cgroup_frozen(&run.cg));
	/* cgroup.procs is not it. */
	ASSERT_EQ(0, fchownat(run.cg.fd, "cgroup.procs", NOBODY, NOBODY, 0));
	EXPECT_EQ(EACCES, ckpt_as_nobody(dry_run));
	ASSERT_EQ(0, fchownat(run.cg.fd, "cgroup.freeze", NOBODY, NOBODY, 0));
	EXPECT_EQ(0, ckpt_as_nobody(dry_run));
	ASSERT_EQ(0, fchmodat(run.cg.fd, "cgroup.freeze", 0444, 0));
	EXPECT_EQ(EACCES, ckpt_as_nobody(dry_run));
	ASSERT_EQ(0, finish());
}

/* A named cgroup is no other case. */
static int dry_run_by_fd(void)
{
	struct checkpoint_args args;

	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
	args.cgroup_fd = open(run.cg.path, O_PATH | O_DIRECTORY);
	return sys_checkpoint(&args, sizeof(args)) > 0 ? 0 : errno;
}

TEST_F_TIMEOUT(rights, checkpoint_by_descriptor, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, start(&nobodys));
	EXPECT_EQ(EACCES, ckpt_as_nobody(dry_run_by_fd));
	ASSERT_EQ(0, fchownat(run.cg.fd, "cgroup.freeze", NOBODY, NOBODY, 0));
	EXPECT_EQ(0, ckpt_as_nobody(dry_run_by_fd));
	ASSERT_EQ(0, finish());
}

/* The dead have ids, limits and times too. */
TEST_F_TIMEOUT(rights, zombie_of_another, CKPT_TIMEOUT)
{
	char want[128];

	ASSERT_EQ(0, start(&with_zombie));
	ASSERT_EQ(0, fchownat(run.cg.fd, "cgroup.freeze", NOBODY, NOBODY, 0));
	EXPECT_EQ(EPERM, ckpt_as_nobody(dry_run));
	/* Its name is not told either. */
	snprintf(want, sizeof(want), "refused: pid %d: the caller may not access this task",
		 (int)run.board->value[OTHER]);
	EXPECT_TRUE(ckpt_run_log_has(&run, want));
	EXPECT_EQ(0, dry_run());
	ASSERT_EQ(0, finish());
}

static pid_t visitor(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (ckpt_cgroup_move(&run.cg, getpid()))
			_exit(1);
		for (;;)
			pause();
	}
	return pid;
}

static int await_in_cgroup(pid_t pid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	while (!strstr(ckpt_read_file(path, text, sizeof(text)), strrchr(run.cg.path, '/'))) {
		if (waitpid(pid, NULL, WNOHANG))
			return -1;
		poll(NULL, 0, 1);
	}
	return 0;
}

TEST_F_TIMEOUT(rights, name_of_another, CKPT_TIMEOUT)
{
	char want[128];
	pid_t pid;

	ASSERT_EQ(0, start(&nobodys));
	ASSERT_EQ(0, fchownat(run.cg.fd, "cgroup.freeze", NOBODY, NOBODY, 0));
	pid = visitor();
	ASSERT_EQ(0, await_in_cgroup(pid));
	EXPECT_EQ(EBUSY, ckpt_as_nobody(dry_run));
	snprintf(want, sizeof(want), "refused: pid %d: is in the cgroup but not in the tree", pid);
	EXPECT_TRUE(ckpt_run_log_has(&run, want));
	/* Root may know it. */
	EXPECT_EQ(EBUSY, dry_run());
	snprintf(want, sizeof(want), "refused: pid %d (hold_rights): is in the cgroup", pid);
	EXPECT_TRUE(ckpt_run_log_has(&run, want));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ASSERT_EQ(0, finish());
}

TEST_F_TIMEOUT(rights, timeout, CKPT_TIMEOUT)
{
	struct checkpoint_args args;

	ASSERT_EQ(0, start(&two));
	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
	args.timeout_ms = 600001;
	EXPECT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "the timeout is more than 10 minutes"));
	args.timeout_ms = 600000;
	EXPECT_LT(0, sys_checkpoint(&args, sizeof(args)));
	ASSERT_EQ(0, finish());
}

/* A checkpoint holds a cgroup inside of that of the run, whose tasks have been killed since. */
struct held_inside {
	struct hold_call *call;
	struct ckpt_run run;
	int fd[2];
};

static int hold_inside(struct held_inside *in)
{
	struct ckpt_run *inner = &in->run;

	in->call = hold_call_new();
	if (ckpt_run_init(inner, &two, false))
		return -1;
	ckpt_cgroup_del(&inner->cg);
	snprintf(inner->cg.path, sizeof(inner->cg.path), "%.240s/inner", run.cg.path);
	if (mkdir(inner->cg.path, 0755))
		return -1;
	inner->cg.fd = open(inner->cg.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ckpt_run_start(inner) || ckpt_pipe(in->fd, O_CLOEXEC))
		return -1;
	hold_checkpoint(in->call, inner, in->fd[1], CHECKPOINT_FROZEN, -1);
	if (hold_await_in(in->call->pid, "pipe_write"))
		return -1;
	return ckpt_cgroup_write(&inner->cg, "cgroup.kill", "1") ||
	       ckpt_cgroup_wait_empty(&inner->cg) ? -1 : 0;
}

/* Its image is read, and it ends. The cgroup is gone then, and the rest of the run stays. */
static int hold_inside_ends(struct held_inside *in)
{
	char buf[65536];
	int ret;

	close(in->fd[1]);
	while (read(in->fd[0], buf, sizeof(buf)) > 0)
		;
	close(in->fd[0]);
	ret = hold_end(in->call);
	/* It is in the cgroup of the other run, whose end waits for the tasks of both. */
	ckpt_cgroup_del(&in->run.cg);
	return ret;
}

/*
 * A cgroup around one that is held: of the tasks in there only those are seen
 * that are left, and these have been killed.
 */
TEST_F_TIMEOUT(rights, around_a_held_one, CKPT_TIMEOUT)
{
	struct held_inside in;

	HOLD_BEGIN();
	ASSERT_EQ(0, start(&two));
	ASSERT_EQ(0, hold_inside(&in));

	EXPECT_EQ(EBUSY, dry_run());
	EXPECT_TRUE(ckpt_run_log_has(&run, "around or in it, is being checkpointed already"));
	EXPECT_EQ(0, ckpt_cgroup_frozen(&run.cg));

	EXPECT_EQ(0, hold_inside_ends(&in));
	EXPECT_EQ(0, dry_run());
	EXPECT_EQ(0, finish());
	ckpt_run_fini(&in.run);
}

/* ---- restart(2) ------------------------------------------------------ */

static struct restart_args args;

/* The image of a run that has been killed. */
static int saved(void)
{
	if (start(&two) || ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL))
		return -1;
	ckpt_run_restart_args(&run, &args, image, RESTART_FROZEN);
	return lseek(image, 0, SEEK_SET) ? -1 : 0;
}

/* It fails with @err and a line that says @why, and leaves nothing. */
static int fails(int err, const char *why)
{
	int before = lowest_free(&run);
	long ret;

	lseek(image, 0, SEEK_SET);
	ret = sys_restart(&args, sizeof(args));
	if (ret == -1 && errno == err && ckpt_run_log_has(&run, why))
		return nothing_left(&run, before);
	ckpt_diag("%ld, errno %d, not %d: %s", ret, errno, err, why);
	ckpt_run_print_log(&run);
	return -1;
}

TEST_F_TIMEOUT(rights, restart_into_root, CKPT_TIMEOUT)
{
	char path[256];

	ASSERT_EQ(0, saved());
	snprintf(path, sizeof(path), "%s", run.cg.path);
	*strrchr(path, '/') = 0;
	args.cgroup_fd = open(path, O_RDONLY | O_DIRECTORY);
	ASSERT_EQ(0, fails(EINVAL, "the root cgroup can't be frozen"));
}

static int without_override(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];

	if (syscall(__NR_capget, &header, caps))
		return -1;
	caps[0].effective &= ~(1u << CAP_DAC_OVERRIDE);
	return syscall(__NR_capset, &header, caps);
}

TEST_F_TIMEOUT(rights, restart_frozen, CKPT_TIMEOUT)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, saved());
	/* Root may make tasks in there, but it is somebody else who may freeze it. */
	ASSERT_EQ(0, fchownat(run.cg.fd, "cgroup.freeze", NOBODY, NOBODY, 0));
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (without_override() ||
		    fails(EACCES, "must be able to write its cgroup.freeze [EACCES]"))
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, hold_wish(&run.cg));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_FROZEN));
	EXPECT_EQ(1, ckpt_cgroup_frozen(&run.cg));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, finish());
}

TEST_F_TIMEOUT(rights, restart_frozen_with_others, CKPT_TIMEOUT)
{
	pid_t pid;

	ASSERT_EQ(0, saved());
	pid = visitor();
	ASSERT_EQ(0, await_in_cgroup(pid));
	lseek(image, 0, SEEK_SET);
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "(hold_rights): is in the cgroup too"));
	EXPECT_EQ(0, hold_wish(&run.cg));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ASSERT_EQ(0, ckpt_cgroup_wait_empty(&run.cg));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_FROZEN));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, finish());
}

/* Nor is a cgroup left frozen that a checkpoint would thaw when it ends, or in part. */
TEST_F_TIMEOUT(rights, restart_frozen_around_a_held_one, CKPT_TIMEOUT)
{
	struct held_inside in;

	HOLD_BEGIN();
	ASSERT_EQ(0, saved());
	ASSERT_EQ(0, hold_inside(&in));

	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "the cgroup can't be frozen: it is being checkpointed"));
	EXPECT_EQ(-1, args.pidfd);
	EXPECT_EQ(0, ckpt_cgroup_wait_empty(&run.cg));
	EXPECT_EQ(0, hold_wish(&run.cg));

	EXPECT_EQ(0, hold_inside_ends(&in));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_FROZEN));
	EXPECT_EQ(1, ckpt_cgroup_frozen(&run.cg));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ(0, finish());
	ckpt_run_fini(&in.run);
}

/* A thread of the caller puts another cgroup behind the descriptor. */
static int image_from[2];
static long restart_ret;
static int restart_err, restart_ended;
static pid_t restart_tid;

static void *restarts(void *arg)
{
	__atomic_store_n(&restart_tid, sys_gettid(), __ATOMIC_SEQ_CST);
	restart_ret = sys_restart(&args, sizeof(args));
	restart_err = errno;
	__atomic_store_n(&restart_ended, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Writes the image for as long as somebody reads it. */
static void feed(void)
{
	struct pollfd pfd = { .fd = image_from[1], .events = POLLOUT };
	char buf[4096];
	ssize_t n;

	while ((n = read(image, buf, sizeof(buf))) > 0) {
		while (poll(&pfd, 1, 10) == 0)
			if (__atomic_load_n(&restart_ended, __ATOMIC_SEQ_CST))
				return;
		if (write(image_from[1], buf, n) != n)
			return;
	}
}

TEST_F_TIMEOUT(rights, descriptor_swapped, CKPT_TIMEOUT)
{
	char path[64], stack[8192];
	struct ckpt_cgroup other;
	pthread_t thread;
	int before, fd;

	HOLD_BEGIN();
	ASSERT_EQ(0, saved());
	before = lowest_free(&run);
	ASSERT_EQ(0, ckpt_cgroup_new(&other));
	ASSERT_EQ(0, ckpt_pipe(image_from, O_CLOEXEC));
	fd = dup(run.cg.fd);
	args.cgroup_fd = fd;
	args.image_fd = image_from[0];
	ASSERT_EQ(0, pthread_create(&thread, NULL, restarts, NULL));
	while (!__atomic_load_n(&restart_tid, __ATOMIC_SEQ_CST))
		sched_yield();
	/* It has looked at its arguments once it reads the image. */
	snprintf(path, sizeof(path), "/proc/self/task/%d/stack", restart_tid);
	while (!strstr(ckpt_read_file(path, stack, sizeof(stack)), "pipe_read"))
		poll(NULL, 0, 1);
	ASSERT_EQ(fd, dup2(other.fd, fd));
	feed();
	close(image_from[1]);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-1, restart_ret);
	EXPECT_EQ(EBUSY, restart_err);
	EXPECT_TRUE(ckpt_run_log_has(&run, "cgroup_fd became another one"));
	EXPECT_EQ(0, hold_wish(&other));
	EXPECT_EQ(0, hold_wish(&run.cg));
	close(fd);
	close(image_from[0]);
	ASSERT_EQ(0, ckpt_cgroup_wait_empty(&other));
	ckpt_cgroup_del(&other);
	ASSERT_EQ(0, nothing_left(&run, before));
}

TEST_HARNESS_MAIN
