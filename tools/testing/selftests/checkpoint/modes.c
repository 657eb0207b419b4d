// SPDX-License-Identifier: GPL-2.0
/* The flags and file descriptors of checkpoint(2) and restart(2). */
#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>

CKPT_FIXTURE

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* Where on the board the words are that the death of a thread would change. */
#define TID_WORD	5
#define LOCK_WORDS	100
#define LOCK_COUNT	((sizeof(pthread_mutex_t) + 7) / 8)

static void *with_exit_duties(void *arg)
{
	pthread_mutex_t *lock = (void *)&board->value[LOCK_WORDS];
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	CHECK_EQ(0, pthread_mutex_init(lock, &attr));
	CHECK_EQ(0, pthread_mutex_lock(lock));
	board->value[TID_WORD] = 0x12345678;
	syscall(__NR_set_tid_address, &board->value[TID_WORD]);
	ckpt_step(0);
	for (;;)
		pause();
}

CKPT_SCENARIO(exit_duties)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, with_exit_duties, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0x12345678, board->value[TID_WORD]);
}

/* A parent and a child that count as long as they run. */
static int count(void *arg)
{
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST)) {
		__atomic_add_fetch(&board->value[0], 1, __ATOMIC_SEQ_CST);
		if (board->value[0] == 100)
			ckpt_ready();
	}
	return 0;
}

CKPT_SCENARIO(counting)
{
	pid_t kid = ckpt_fork(count, NULL);

	ckpt_wait_go();
	ckpt_wait_exit(kid, 0);
}

CKPT_SCENARIO(refused)
{
	CHECK_SYS(open("/dev/kmsg", O_WRONLY));
	CHECK_SYS(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
	ckpt_ready_wait();
}

static uint64_t counted(struct ckpt_run *run)
{
	return __atomic_load_n(&run->board->value[0], __ATOMIC_SEQ_CST);
}

/* Does it count?  Waits for it if it must, looks a while if it must not. */
static bool stands_still(struct ckpt_run *run)
{
	uint64_t before = counted(run);
	int i;

	for (i = 0; i < 100; i++)
		poll(NULL, 0, 1);
	return counted(run) == before;
}

static void await_progress(struct ckpt_run *run)
{
	uint64_t before = counted(run);

	while (counted(run) == before)
		sched_yield();
}

static off_t image_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size;
}

/* The body of a test: a run that is ready, undone at the end. */
#define MODE_TEST(_name, _scenario)					\
	static int _name(struct ckpt_run *run, int image);		\
	TEST_F_TIMEOUT(cr, _name, CKPT_TIMEOUT)				\
	{								\
		struct ckpt_run run;					\
		int image = ckpt_image_new();				\
		int ret;						\
									\
		if (getenv("CKPT_BASELINE"))				\
			SKIP(return, "needs checkpoint(2)");		\
		ret = ckpt_run_init(&run, &_scenario, variant->container); \
		if (!ret)						\
			ret = ckpt_run_start(&run);			\
		if (!ret)						\
			ret = _name(&run, image);			\
		if (ret)						\
			ckpt_run_print_log(&run);			\
		ckpt_run_fini(&run);					\
		close(image);						\
		ASSERT_EQ(0, ret);					\
	}								\
	static int _name(struct ckpt_run *run, int image)

#define WANT(cond) do {							\
	if (!(cond)) {							\
		ckpt_diag("%s:%d: not so: %s (errno %d)", __FILE__, __LINE__, #cond, errno); \
		return -1;						\
	}								\
} while (0)

static int finish(struct ckpt_run *run)
{
	ckpt_run_go(run);
	return ckpt_run_finish(run);
}

MODE_TEST(leave_running, counting)
{
	WANT(!ckpt_run_checkpoint(run, image, 0));
	WANT(ckpt_cgroup_frozen(&run->cg) == 0);
	await_progress(run);
	WANT(image_size(image) > 0);
	return finish(run);
}

MODE_TEST(leave_frozen, counting)
{
	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_FROZEN));
	WANT(ckpt_cgroup_frozen(&run->cg) == 1);
	WANT(stands_still(run));
	/* Once more, of what is frozen already. */
	ftruncate(image, 0);
	lseek(image, 0, SEEK_SET);
	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_FROZEN));
	WANT(ckpt_cgroup_frozen(&run->cg) == 1);
	WANT(!ckpt_cgroup_thaw(&run->cg));
	await_progress(run);
	return finish(run);
}

/* Whoever froze it before keeps it frozen, and may thaw it afterwards. */
MODE_TEST(frozen_before, counting)
{
	WANT(!ckpt_cgroup_freeze(&run->cg));
	WANT(!ckpt_run_checkpoint(run, image, 0));
	WANT(ckpt_cgroup_frozen(&run->cg) == 1);
	WANT(stands_still(run));
	WANT(!ckpt_cgroup_thaw(&run->cg));
	await_progress(run);
	return finish(run);
}

MODE_TEST(kill_after, counting)
{
	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	WANT(!run->pid);
	WANT(!ckpt_run_restart(run, image, 0));
	await_progress(run);
	return finish(run);
}

/* Not a byte of shared memory tells that the original was killed. */
MODE_TEST(kill_leaves_no_trace, exit_duties)
{
	struct ckpt_board before = *run->board;

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	WANT(run->board->value[TID_WORD] == 0x12345678);
	WANT(!memcmp(&run->board->value[LOCK_WORDS], &before.value[LOCK_WORDS], LOCK_COUNT * 8));
	WANT(!ckpt_run_restart(run, image, 0));
	return finish(run);
}

/* End what checkpoint @id has left frozen; 0 or an errno. */
static int end(struct ckpt_run *run, long id)
{
	struct checkpoint_args args;
	long ret;

	ckpt_run_args(run, &args, -1, CHECKPOINT_KILL_ONLY);
	args.id = id;
	ret = sys_checkpoint(&args, sizeof(args));
	return ret == id ? 0 : ret == -1 ? errno : -1;
}

/* First the image, then the end: for a caller that makes it safe between. */
MODE_TEST(kill_only, exit_duties)
{
	struct ckpt_board before = *run->board;
	siginfo_t info;

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_FROZEN));
	/* Looking at them does not make them run. */
	WANT(ckpt_run_call(run, -1, CHECKPOINT_DRY_RUN) > 0);
	WANT(!end(run, run->id));
	WANT(!waitid(P_PIDFD, run->pidfd, &info, WEXITED | WNOWAIT));
	WANT(info.si_code == CLD_KILLED && info.si_status == SIGKILL);
	WANT(run->board->value[TID_WORD] == 0x12345678);
	WANT(!memcmp(&run->board->value[LOCK_WORDS], &before.value[LOCK_WORDS], LOCK_COUNT * 8));
	ckpt_run_kill(run);
	WANT(!ckpt_cgroup_thaw(&run->cg));
	WANT(!ckpt_run_restart(run, image, 0));
	return finish(run);
}

/* What has run on since its image was made is not killed. */
MODE_TEST(kill_only_after_thaw, counting)
{
	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_FROZEN));
	WANT(!ckpt_cgroup_thaw(&run->cg));
	WANT(end(run, run->id) == EBUSY);
	WANT(ckpt_run_log_has(run, "the tasks may have run since"));
	WANT(ckpt_cgroup_frozen(&run->cg) == 0);
	await_progress(run);
	/* Whether they are frozen now is not the question. */
	WANT(!ckpt_cgroup_freeze(&run->cg));
	WANT(end(run, run->id) == EBUSY);
	WANT(ckpt_run_log_has(run, "the tasks may have run since"));
	WANT(ckpt_cgroup_frozen(&run->cg) == 1);
	WANT(!ckpt_cgroup_thaw(&run->cg));
	await_progress(run);
	return finish(run);
}

/* Nor if it has done so somewhere else. */
MODE_TEST(kill_only_after_move, counting)
{
	struct ckpt_cgroup other;

	WANT(!ckpt_cgroup_new(&other));
	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_FROZEN));
	WANT(!ckpt_cgroup_move(&other, run->pid));
	WANT(!ckpt_cgroup_move(&run->cg, run->pid));
	ckpt_cgroup_del(&other);
	WANT(end(run, run->id) == EBUSY);
	WANT(ckpt_run_log_has(run, "the tasks may have run since"));
	WANT(!ckpt_cgroup_thaw(&run->cg));
	await_progress(run);
	return finish(run);
}

/* Who comes into the cgroup when that is over is frozen there, but was not saved. */
static int spares_newcomer(struct ckpt_run *run)
{
	struct checkpoint_args args;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	WANT(!ckpt_cgroup_move(&run->cg, pid));
	ckpt_run_args(run, &args, -1, CHECKPOINT_KILL_ONLY);
	args.flags |= CHECKPOINT_SUBTREE;
	args.pidfd = sys_pidfd_open(pid);
	args.id = run->id;
	WANT(sys_checkpoint(&args, sizeof(args)) == -1 && errno == EBUSY);
	WANT(ckpt_run_log_has(run, "the tasks may have run since"));
	close(args.pidfd);
	WANT(!waitpid(pid, NULL, WNOHANG));
	WANT(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
	return 0;
}

/* It is the checkpoint that has left them frozen which is meant, not any. */
MODE_TEST(kill_only_by_id, counting)
{
	int other = ckpt_image_new();
	long first;

	/* Frozen, but by their owner. */
	WANT(!ckpt_cgroup_freeze(&run->cg));
	WANT(!ckpt_run_checkpoint(run, image, 0));
	WANT(end(run, run->id) == EBUSY);
	WANT(ckpt_run_log_has(run, "the tasks may have run since"));
	WANT(!ftruncate(image, 0) && !lseek(image, 0, SEEK_SET));
	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_FROZEN));
	first = run->id;
	WANT(!ckpt_run_checkpoint(run, other, CHECKPOINT_FROZEN));
	WANT(end(run, first) == EBUSY);
	WANT(ckpt_run_log_has(run, "it is checkpoint"));
	WANT(!end(run, run->id));
	ckpt_run_kill(run);
	WANT(!spares_newcomer(run));
	WANT(!ckpt_cgroup_thaw(&run->cg));
	WANT(!ckpt_run_restart(run, other, 0));
	close(other);
	return finish(run);
}

MODE_TEST(dry_run, counting)
{
	struct checkpoint_args args;

	ckpt_run_args(run, &args, -1, CHECKPOINT_DRY_RUN);
	WANT(sys_checkpoint(&args, sizeof(args)) >= 0);
	WANT(ckpt_cgroup_frozen(&run->cg) == 0);
	await_progress(run);
	/* Nothing is written where something could be. */
	ckpt_run_args(run, &args, image, CHECKPOINT_DRY_RUN);
	WANT(sys_checkpoint(&args, sizeof(args)) >= 0);
	WANT(image_size(image) == 0);
	await_progress(run);
	return finish(run);
}

/* Where the refusal is listed: the same lines with an image and without. */
MODE_TEST(dry_run_refused, refused)
{
	struct checkpoint_args args;
	static char dry[CKPT_LOG_MAX];
	int dry_errno;

	ckpt_run_args(run, &args, -1, CHECKPOINT_DRY_RUN);
	WANT(sys_checkpoint(&args, sizeof(args)) == -1);
	dry_errno = errno;
	snprintf(dry, sizeof(dry), "%s", ckpt_run_log(run));
	ckpt_log_without_names(dry);
	WANT(strstr(dry, "the kernel log"));
	ckpt_run_args(run, &args, image, CHECKPOINT_KILL);
	WANT(sys_checkpoint(&args, sizeof(args)) == -1);
	WANT(errno == dry_errno);
	WANT(!strcmp(dry, ckpt_run_log(run)));
	/* KILL is for a checkpoint that succeeded. */
	WANT(!kill(run->pid, 0));
	WANT(ckpt_cgroup_frozen(&run->cg) == 0);
	return finish(run);
}

MODE_TEST(short_timeout, counting)
{
	struct checkpoint_args args;
	long ret;

	ckpt_run_args(run, &args, image, 0);
	args.timeout_ms = 1;
	ret = sys_checkpoint(&args, sizeof(args));
	/* It may just have been enough. */
	WANT(ret > 0 || errno == ETIMEDOUT);
	WANT(ckpt_cgroup_frozen(&run->cg) == 0);
	await_progress(run);
	return finish(run);
}

MODE_TEST(default_timeout, counting)
{
	struct checkpoint_args args;

	ckpt_run_args(run, &args, image, 0);
	args.timeout_ms = 0;
	WANT(sys_checkpoint(&args, sizeof(args)) > 0);
	await_progress(run);
	return finish(run);
}

MODE_TEST(no_log, counting)
{
	struct checkpoint_args args;

	ckpt_run_args(run, &args, image, 0);
	args.log_fd = -1;
	WANT(sys_checkpoint(&args, sizeof(args)) > 0);
	return finish(run);
}

MODE_TEST(cgroup_of_root, counting)
{
	struct checkpoint_args args;

	ckpt_run_args(run, &args, image, 0);
	args.cgroup_fd = -1;
	WANT(sys_checkpoint(&args, sizeof(args)) > 0);
	await_progress(run);
	return finish(run);
}

/* Numbers of checkpoints are positive and never the same. */
MODE_TEST(ids, counting)
{
	struct checkpoint_args args;
	long id, last = 0;
	int i;

	for (i = 0; i < 5; i++) {
		ftruncate(image, 0);
		lseek(image, 0, SEEK_SET);
		ckpt_run_args(run, &args, image, 0);
		id = sys_checkpoint(&args, sizeof(args));
		WANT(id > last);
		last = id;
	}
	return finish(run);
}

MODE_TEST(restart_frozen, counting)
{
	uint64_t before;

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	before = run->saved.value[0];
	WANT(!ckpt_run_restart(run, image, RESTART_FROZEN));
	WANT(ckpt_cgroup_frozen(&run->cg) == 1);
	WANT(stands_still(run));
	WANT(counted(run) == before);
	/* As it stands it can be checkpointed again. */
	ftruncate(image, 0);
	lseek(image, 0, SEEK_SET);
	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_FROZEN));
	WANT(!ckpt_cgroup_thaw(&run->cg));
	await_progress(run);
	return finish(run);
}

MODE_TEST(restart_frozen_and_kill, counting)
{
	int status;

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	WANT(!ckpt_run_restart(run, image, RESTART_FROZEN));
	WANT(!kill(run->pid, SIGKILL));
	WANT(waitpid(run->pid, &status, 0) == run->pid);
	WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	run->pid = 0;
	return 0;
}

/* Which process is the parent of @pid? */
static pid_t parent_of(pid_t pid)
{
	char path[64], buf[512];
	char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	at = strrchr(ckpt_read_file(path, buf, sizeof(buf)), ')');
	return at ? atoi(at + 4) : -1;
}

MODE_TEST(restart_as_child, counting)
{
	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	WANT(!ckpt_run_restart(run, image, 0));
	WANT(parent_of(run->pid) == getpid());
	return finish(run);
}

MODE_TEST(restart_as_sibling, counting)
{
	struct restart_args args;
	int fds[2], status;
	pid_t helper;
	long pid = 0;

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	ckpt_take_board_back(run);
	lseek(image, 0, SEEK_SET);
	WANT(!pipe(fds));
	helper = fork();
	if (!helper) {
		ckpt_run_restart_args(run, &args, image, RESTART_SIBLING);
		pid = sys_restart(&args, sizeof(args));
		write(fds[1], &pid, sizeof(pid));
		_exit(0);
	}
	WANT(helper > 0);
	WANT(waitpid(helper, &status, 0) == helper);
	WANT(read(fds[0], &pid, sizeof(pid)) == sizeof(pid));
	close(fds[0]);
	close(fds[1]);
	WANT(pid > 0);
	run->pid = pid;
	run->status = 0;
	WANT(parent_of(pid) == getpid());
	await_progress(run);
	return finish(run);
}

MODE_TEST(pidfd_of_root, counting)
{
	siginfo_t info = { 0 };

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	WANT(!ckpt_run_restart(run, image, 0));
	WANT(fcntl(run->pidfd, F_GETFD) == FD_CLOEXEC);
	WANT(!syscall(__NR_pidfd_send_signal, run->pidfd, 0, NULL, 0));
	await_progress(run);
	ckpt_run_go(run);
	WANT(!waitid(P_PIDFD, run->pidfd, &info, WEXITED));
	WANT(info.si_pid == run->pid && info.si_code == CLD_EXITED && !info.si_status);
	run->pid = 0;
	return 0;
}

/* Is @pid in the cgroup whose directory is @path? */
static bool in_cgroup(pid_t pid, const char *path)
{
	char file[300], buf[8192], want[16];
	char *line, *save;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	snprintf(want, sizeof(want), "%d", pid);
	ckpt_read_file(file, buf, sizeof(buf));
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strcmp(line, want))
			return true;
	return false;
}

static int restart_elsewhere(struct ckpt_run *run, int image, struct ckpt_cgroup *other)
{
	struct ckpt_cgroup own;

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	own = run->cg;
	run->cg = *other;
	*other = own;
	WANT(!ckpt_run_restart(run, image, 0));
	WANT(in_cgroup(run->pid, run->cg.path));
	WANT(!in_cgroup(run->pid, own.path));
	return finish(run);
}

MODE_TEST(restart_into_cgroup, counting)
{
	struct ckpt_cgroup other;
	int ret;

	WANT(!ckpt_cgroup_new(&other));
	ret = restart_elsewhere(run, image, &other);
	ckpt_cgroup_del(&other);
	return ret;
}

MODE_TEST(restart_into_callers_cgroup, counting)
{
	struct restart_args args;
	char ours[512], theirs[512], path[64];
	long pid;
	int status;

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	ckpt_take_board_back(run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(run, &args, image, 0);
	args.cgroup_fd = -1;
	pid = sys_restart(&args, sizeof(args));
	WANT(pid > 0);
	snprintf(path, sizeof(path), "/proc/%ld/cgroup", pid);
	ckpt_read_file(path, theirs, sizeof(theirs));
	ckpt_read_file("/proc/self/cgroup", ours, sizeof(ours));
	await_progress(run);
	ckpt_run_go(run);
	WANT(waitpid(pid, &status, 0) == pid);
	WANT(!status);
	WANT(!strcmp(ours, theirs));
	return 0;
}

/* One image, as often as one likes. */
MODE_TEST(restart_many_times, counting)
{
	int i;

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	for (i = 0; i < 5; i++) {
		WANT(!ckpt_run_restart(run, image, 0));
		await_progress(run);
		WANT(!finish(run));
	}
	return 0;
}

/* The hold ends with the call: the cgroup can be used as before. */
MODE_TEST(hold_is_dropped, counting)
{
	struct ckpt_cgroup other;
	int ret;

	WANT(!ckpt_run_checkpoint(run, image, 0));
	WANT(!ckpt_cgroup_freeze(&run->cg));
	WANT(!ckpt_cgroup_thaw(&run->cg));
	WANT(!ckpt_cgroup_new(&other));
	ret = ckpt_cgroup_move(&other, run->pid);
	if (!ret)
		ret = ckpt_cgroup_move(&run->cg, run->pid);
	ckpt_cgroup_del(&other);
	WANT(!ret);
	return finish(run);
}

TEST_HARNESS_MAIN
