// SPDX-License-Identifier: GPL-2.0
/*
 * CHECKPOINT_KILL: the tasks are killed when their image is on the disk, and not before; when the call
 * returns they are gone.
 */
#include "fuse_file.h"

CKPT_FIXTURE

#define WANT(cond) do {							\
	if (!(cond)) {							\
		ckpt_diag("%s:%d: not so: %s (errno %d)", __FILE__, __LINE__, #cond, errno); \
		return -1;						\
	}								\
} while (0)

static int with_run(struct ckpt_scenario *sc, bool container, int (*fn)(struct ckpt_run *run))
{
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, container);
	if (!ret)
		ret = ckpt_run_start(&run);
	if (!ret)
		ret = fn(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	return ret;
}

/* ---- on the disk ------------------------------------------------------- */

CKPT_SCENARIO(waits)
{
	pid_t kid = ckpt_fork(ckpt_child_waits, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* The disk fails after @good times that it did not: they go on, and what failed has left no image. */
static int fails_on_disk(struct ckpt_run *run, struct fuse_file *file, int fd, unsigned int good)
{
	struct restart_args args;

	file->shared->fsync_error = EIO;
	file->shared->fsyncs_good = good;
	WANT(!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET));
	WANT(ckpt_run_call(run, fd, CHECKPOINT_KILL) == -1 && errno == EIO);
	WANT(!file->shared->fsyncs_good);
	WANT(ckpt_run_log_has(run, "the image can't be brought to the disk"));
	WANT(ckpt_cgroup_frozen(&run->cg) == 0);
	WANT(!waitpid(run->pid, NULL, WNOHANG));
	lseek(fd, 0, SEEK_SET);
	ckpt_run_restart_args(run, &args, fd, 0);
	/* In a subtree they have their pids, which is found before the image ends. */
	WANT(sys_restart(&args, sizeof(args)) == -1);
	WANT(errno == (run->container ? EINVAL : EEXIST));
	return 0;
}

static int disk(struct ckpt_run *run, struct fuse_file *file)
{
	int fd = open(file->path, O_RDWR | O_CLOEXEC);
	unsigned int fsyncs;

	WANT(fd >= 0);
	/* Before the trailer is written, and after. */
	WANT(!fails_on_disk(run, file, fd, 0));
	WANT(!fails_on_disk(run, file, fd, 1));

	/* Where nobody is killed it is the caller who brings it to the disk. */
	fsyncs = file->shared->fsyncs;
	WANT(!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET));
	WANT(ckpt_run_call(run, fd, 0) > 0);
	WANT(file->shared->fsyncs == fsyncs);

	file->shared->fsync_error = 0;
	WANT(!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET));
	WANT(!ckpt_run_checkpoint(run, fd, CHECKPOINT_KILL));
	WANT(file->shared->fsyncs > fsyncs);
	WANT(!ckpt_run_restart(run, fd, 0));
	ckpt_run_go(run);
	WANT(!ckpt_run_finish(run));
	close(fd);
	return 0;
}

/* Calls @fn with a file that is up to us; 1 if the kernel has no FUSE. */
static int with_file(struct ckpt_run *run, int (*fn)(struct ckpt_run *run, struct fuse_file *file))
{
	struct fuse_file file;
	char path[300];
	int ret;

	snprintf(path, sizeof(path), "%s-disk", run->board_path);
	ret = fuse_file_init(&file, path);
	if (ret)
		return ret;
	ret = fn(run, &file);
	file.shared->hold_flush = 0;
	file.shared->hold_fsync = 0;
	fuse_file_fini(&file);
	return ret;
}

static int on_disk(struct ckpt_run *run)
{
	return with_file(run, disk);
}

TEST_F_TIMEOUT(cr, not_killed_before_the_image_is_on_the_disk, CKPT_TIMEOUT)
{
	int ret = with_run(&waits, variant->container, on_disk);

	if (ret > 0)
		SKIP(return, "the kernel has no FUSE");
	ASSERT_EQ(0, ret);
}

/* The cgroup is thawed during the @nth fsync(2): they go on, and there is no image. */
static int thawed_at(struct ckpt_run *run, struct fuse_file *file, int fd, unsigned int nth)
{
	unsigned int hold = file->shared->fsyncs + nth;
	struct restart_args args;
	int status;
	pid_t caller;

	WANT(!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET));
	__atomic_store_n(&file->shared->hold_fsync, hold, __ATOMIC_SEQ_CST);
	fflush(NULL);
	caller = fork();
	if (!caller)
		_exit(ckpt_run_call(run, fd, CHECKPOINT_KILL) == -1 && errno == ECANCELED ? 0 : 1);
	while (__atomic_load_n(&file->shared->fsyncs, __ATOMIC_SEQ_CST) != hold) {
		WANT(!waitpid(caller, &status, WNOHANG));
		poll(NULL, 0, 1);
	}
	WANT(!ckpt_cgroup_thaw(&run->cg));
	__atomic_store_n(&file->shared->hold_fsync, 0, __ATOMIC_SEQ_CST);
	WANT(waitpid(caller, &status, 0) == caller && !status);
	WANT(ckpt_run_log_has(run, "the cgroup was thawed by a write to its cgroup.freeze"));
	WANT(ckpt_cgroup_frozen(&run->cg) == 0);
	WANT(!waitpid(run->pid, NULL, WNOHANG));
	lseek(fd, 0, SEEK_SET);
	ckpt_run_restart_args(run, &args, fd, 0);
	WANT(sys_restart(&args, sizeof(args)) == -1);
	WANT(errno == (run->container ? EINVAL : EEXIST));
	return 0;
}

static int thawed(struct ckpt_run *run, struct fuse_file *file)
{
	int fd = open(file->path, O_RDWR | O_CLOEXEC);

	WANT(fd >= 0);
	/* After the last look at the cgroup: before the trailer is written, and after. */
	WANT(!thawed_at(run, file, fd, 1));
	WANT(!thawed_at(run, file, fd, 2));

	WANT(!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET));
	WANT(!ckpt_run_checkpoint(run, fd, CHECKPOINT_KILL));
	WANT(!ckpt_run_restart(run, fd, 0));
	ckpt_run_go(run);
	WANT(!ckpt_run_finish(run));
	close(fd);
	return 0;
}

static int thawed_while_synced(struct ckpt_run *run)
{
	return with_file(run, thawed);
}

TEST_F_TIMEOUT(cr, thawed_before_the_image_is_on_the_disk, CKPT_TIMEOUT)
{
	int ret = with_run(&waits, variant->container, thawed_while_synced);

	if (ret > 0)
		SKIP(return, "the kernel has no FUSE");
	ASSERT_EQ(0, ret);
}

/* ---- gone -------------------------------------------------------------- */

#define KIDS	20
#define FILES	20
#define BYTES	(256ul << 10)

/* It takes a while until what it has is freed. */
static int has_files(void *arg)
{
	char path[300], name[32];
	int i, fd;

	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "big-%d-%d", getpid(), i);
		fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), name), O_RDWR | O_CREAT, 0600));
		CHECK_EQ(0, posix_fallocate(fd, 0, BYTES));
		CHECK_SYS(unlink(path));
	}
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

CKPT_SCENARIO(takes_long_to_die)
{
	pid_t kid[KIDS];
	int i;

	for (i = 0; i < KIDS; i++)
		kid[i] = ckpt_fork(has_files, NULL);
	ckpt_step_wait(0, KIDS);
	ckpt_ready_wait();
	for (i = 0; i < KIDS; i++)
		ckpt_wait_exit(kid[i], 0);
}

/* Is any task of the cgroup alive?  Zombies are not in the file. */
static int alive(struct ckpt_run *run)
{
	int fd = openat(run->cg.fd, "cgroup.threads", O_RDONLY | O_CLOEXEC);
	char buf[64];
	ssize_t n = read(fd, buf, sizeof(buf));

	close(fd);
	return n != 0;
}

static int gone(struct ckpt_run *run)
{
	int image = ckpt_image_new();
	pid_t root = run->pid, pid;
	unsigned int left = 0;
	int status;

	run->saved = *run->board;
	WANT(ckpt_run_call(run, image, CHECKPOINT_KILL) > 0);
	WANT(!alive(run));
	/* Whatever is left waits for us: the root, and in a subtree what it has left to us. */
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		if (pid == root)
			run->pid = 0;
		left++;
	}
	WANT(pid == -1 && errno == ECHILD);
	WANT(!run->pid);
	WANT(left == 1 || (!run->container && left <= 1 + KIDS));
	/* So all pids are free. */
	run->generation = 0;
	WANT(!ckpt_run_restart(run, image, 0));
	ckpt_run_go(run);
	WANT(!ckpt_run_finish(run));
	close(image);
	return 0;
}

TEST_F_TIMEOUT(cr, gone_when_the_call_returns, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_run(&takes_long_to_die, variant->container, gone));
}

/* Has a file that can't be closed for as long as its server likes. */
CKPT_SCENARIO(dies_when_told)
{
	ckpt_ready();
	ckpt_step_wait(0, 1);
	CHECK_SYS(open(board->text, O_RDONLY));
	ckpt_step(1);
	ckpt_wait_go();
}

static int wait_is_killed(struct ckpt_run *run, struct fuse_file *file)
{
	struct ckpt_board *own = board;
	int image = ckpt_image_new(), status;
	pid_t caller, pid;

	snprintf(run->board->text, sizeof(run->board->text), "%s", file->path);
	board = run->board;
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	board = own;
	file->shared->flushes = 0;
	file->shared->hold_flush = 1;
	fflush(NULL);
	caller = fork();
	if (!caller)
		_exit(ckpt_run_call(run, image, CHECKPOINT_KILL) > 0 ? 0 : 1);
	while (!__atomic_load_n(&file->shared->flushes, __ATOMIC_SEQ_CST)) {
		WANT(!waitpid(caller, &status, WNOHANG));
		poll(NULL, 0, 1);
	}
	/*
	 * The task is dying, and can't: so the call can't return, but for SIGKILL. The cgroup is
	 * not held for it.
	 */
	while (ckpt_cgroup_write(&run->cg, "cgroup.freeze", "1"))
		poll(NULL, 0, 1);
	WANT(!ckpt_cgroup_write(&run->cg, "cgroup.freeze", "0"));
	/* What it waits for is told before it ends, and that the image is complete. */
	while (!ckpt_run_log_has(run, "is killed, but not gone yet")) {
		WANT(!waitpid(caller, &status, WNOHANG));
		poll(NULL, 0, 1);
	}
	WANT(ckpt_run_log_has(run, " task, "));
	WANT(!kill(caller, SIGKILL));
	WANT(waitpid(caller, &status, 0) == caller);
	WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	WANT(!waitpid(run->pid, NULL, WNOHANG));
	__atomic_store_n(&file->shared->hold_flush, 0, __ATOMIC_SEQ_CST);
	pid = waitpid(run->pid, &status, 0);
	WANT(pid == run->pid && WIFSIGNALED(status));
	run->pid = 0;
	close(image);
	return 0;
}

static int waiting(struct ckpt_run *run)
{
	return with_file(run, wait_is_killed);
}

TEST_F_TIMEOUT(cr, waiting_for_the_dying_can_be_ended, CKPT_TIMEOUT)
{
	int ret = with_run(&dies_when_told, variant->container, waiting);

	if (ret > 0)
		SKIP(return, "the kernel has no FUSE");
	ASSERT_EQ(0, ret);
}

/* ---- interrupted ------------------------------------------------------- */

/* The caller is killed while it writes: the tasks run on, and there is no image. */
static int killed_while_writing(struct ckpt_run *run)
{
	int fd[2], status, part = ckpt_image_new();
	struct restart_args args;
	char buf[65536];
	pid_t caller;
	ssize_t n;

	WANT(!ckpt_pipe(fd, O_CLOEXEC));
	fflush(NULL);
	caller = fork();
	if (!caller) {
		close(fd[0]);
		_exit(ckpt_run_call(run, fd[1], CHECKPOINT_KILL) > 0 ? 0 : 1);
	}
	close(fd[1]);
	n = read(fd[0], buf, 1000);
	WANT(n > 0 && write(part, buf, n) == n);
	WANT(!kill(caller, SIGKILL));
	WANT(waitpid(caller, &status, 0) == caller && WIFSIGNALED(status));
	WANT(ckpt_cgroup_frozen(&run->cg) == 0);
	WANT(!waitpid(run->pid, NULL, WNOHANG));
	while ((n = read(fd[0], buf, sizeof(buf))) > 0)
		WANT(write(part, buf, n) == n);
	close(fd[0]);
	lseek(part, 0, SEEK_SET);
	ckpt_run_restart_args(run, &args, part, 0);
	WANT(sys_restart(&args, sizeof(args)) == -1);
	WANT(ckpt_run_log_has(run, "cut short") || ckpt_run_log_has(run, "the image ends in"));
	close(part);
	ckpt_run_go(run);
	return ckpt_run_finish(run);
}

TEST_F_TIMEOUT(cr, tasks_or_image, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_run(&takes_long_to_die, variant->container, killed_while_writing));
}

TEST_HARNESS_MAIN
