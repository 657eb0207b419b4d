// SPDX-License-Identifier: GPL-2.0
/*
 * The image has memory as it was at the checkpoint, whatever the tasks and the
 * kernel do to it while it is written.
 */
#include "memory.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

FIXTURE(snapshot) { int unused; };

FIXTURE_SETUP(snapshot)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
}

FIXTURE_TEARDOWN(snapshot) { }

#define WANT(cond) do {							\
	if (!(cond)) {							\
		ckpt_diag("%s:%d: not so: %s (errno %d)", __FILE__, __LINE__, #cond, errno); \
		return -1;						\
	}								\
} while (0)

/* A checkpoint whose image nobody reads yet. */
struct writing {
	pid_t caller;
	int from;		/* Read end of the pipe that the image goes to. */
};

/* The same, -1 if there is none: closed when a test has failed, so that the caller ends. */
static int reading = -1;

/* Returns when the tasks run on: the image is being written, and more than the pipe holds is left. */
static int begin(struct ckpt_run *run, struct writing *w)
{
	struct checkpoint_args args;
	struct pollfd pfd = { .events = POLLOUT };
	int fd[2];

	WANT(!ckpt_pipe(fd, O_CLOEXEC));
	run->saved = *run->board;
	fflush(NULL);
	w->caller = fork();
	if (!w->caller) {
		close(fd[0]);
		ckpt_run_args(run, &args, fd[1], 0);
		_exit(sys_checkpoint(&args, sizeof(args)) > 0 ? 0 : errno);
	}
	pfd.fd = fd[1];
	while (poll(&pfd, 1, 0) > 0) {
		WANT(!waitpid(w->caller, NULL, WNOHANG));
		poll(NULL, 0, 1);
	}
	close(fd[1]);
	reading = fd[0];
	w->from = reading;
	return 0;
}

/* Takes the image into @to, or nowhere if that is -1. What the caller got: 0 or errno. */
static int end(struct writing *w, int to)
{
	char buf[65536];
	int status;
	ssize_t n;

	while ((n = read(w->from, buf, sizeof(buf))) > 0)
		WANT(to < 0 || write(to, buf, n) == n);
	close(w->from);
	reading = -1;
	WANT(!n);
	WANT(waitpid(w->caller, &status, 0) == w->caller);
	WANT(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Lets @fn have a run of @sc that is ready. */
static int with_run(struct ckpt_scenario *sc, int (*fn)(struct ckpt_run *run))
{
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, false);
	if (!ret)
		ret = ckpt_run_start(&run);
	if (!ret)
		ret = fn(&run);
	close(reading);
	if (ret) {
		if (run.board && run.board->failed)
			ckpt_diag("check failed: %s", run.board->msg);
		ckpt_run_print_log(&run);
	}
	ckpt_run_fini(&run);
	return ret;
}

/* Tell the scenario to take its step @step, and wait until it has; -1 if it has failed. */
static int let(struct ckpt_run *run, unsigned int step)
{
	uint32_t *done = &run->board->step[2 * step + 1];
	struct ckpt_board *own = board;

	board = run->board;
	ckpt_step(2 * step);
	board = own;
	while (!__atomic_load_n(done, __ATOMIC_SEQ_CST)) {
		WANT(__atomic_load_n(&run->board->failed, __ATOMIC_SEQ_CST) != 2);
		WANT(!waitpid(run->pid, NULL, WNOHANG));
		poll(NULL, 0, 1);
	}
	return 0;
}

static void step_of_test(unsigned int step)
{
	ckpt_step_wait(2 * step, 1);
}

static void done(unsigned int step)
{
	ckpt_step(2 * step + 1);
}

/* ---- pages that the kernel may throw away ------------------------------ */

#define FREED	(8 * MIB)

static int end_at_once(void *arg)
{
	ckpt_step_wait(10, 1);
	return 0;
}

/*
 * After fork() a page that is read by way of its physical address gets a copy of
 * its own: one that the page tables call clean, though it is nowhere else.
 */
static void make_clean_copies(char *map, size_t size)
{
	pid_t kid = ckpt_fork(end_at_once, NULL);
	struct iovec local, remote;
	char *to = malloc(MIB);
	size_t at;

	for (at = 0; at < size; at += MIB) {
		local = (struct iovec) { .iov_base = to, .iov_len = MIB };
		remote = (struct iovec) { .iov_base = map + at, .iov_len = MIB };
		CHECK_EQ(MIB, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	}
	free(to);
	ckpt_step(10);
	ckpt_wait_exit(kid, 0);
}

CKPT_SCENARIO(gives_up_pages)
{
	char *map = map_anon(FREED, RW, 0);

	madvise(map, FREED, MADV_NOHUGEPAGE);
	fill(map, FREED, 1);
	make_clean_copies(map, FREED);
	ckpt_ready();
	step_of_test(0);
	if (!board->restarts)
		CHECK_SYS(madvise(map, FREED, MADV_FREE));
	else
		check_fill(map, FREED, 1);
	done(0);
	ckpt_wait_go();
}

static int given_up(struct ckpt_run *run)
{
	int image = ckpt_image_new();
	struct writing w;

	WANT(!begin(run, &w));
	WANT(!let(run, 0));
	/* Fails when there is no more to be had: that is what is wanted. */
	ckpt_cgroup_write(&run->cg, "memory.reclaim", "1G");
	WANT(!end(&w, image));
	ckpt_run_kill(run);
	WANT(!ckpt_run_restart(run, image, 0));
	WANT(!let(run, 0));
	ckpt_run_go(run);
	WANT(!ckpt_run_finish(run));
	close(image);
	return 0;
}

TEST_F_TIMEOUT(snapshot, pages_given_up_after_the_thaw, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_run(&gives_up_pages, given_up));
}

/* ---- memory that runs out ---------------------------------------------- */

/*
 * Where pages are larger more of them are being written to the image at a time: what is lies in memory
 * as long as it takes, whatever is given up.
 */
#define REWRITTEN	((CKPT_PAGE > 4096 ? 128 : 32) * MIB)

/* Writes to all of its memory once more: then it is there twice. */
CKPT_SCENARIO(rewrites)
{
	char *map = map_anon(REWRITTEN, RW, 0);

	fill(map, REWRITTEN, 1);
	ckpt_ready();
	step_of_test(0);
	fill(map, REWRITTEN, 2);
	check_fill(map, REWRITTEN, 2);
	done(0);
	ckpt_wait_go();
}

static int gives_up(struct ckpt_run *run)
{
	struct writing w;
	char max[32];

	/* Room for half of it once more. */
	snprintf(max, sizeof(max), "%lu", REWRITTEN * 3 / 2);
	WANT(!ckpt_cgroup_write(&run->cg, "memory.max", max));
	ckpt_cgroup_write(&run->cg, "memory.swap.max", "0");
	WANT(!begin(run, &w));
	WANT(!let(run, 0));
	WANT(end(&w, -1) == ENOMEM);
	WANT(ckpt_run_log_has(run, "the copy of it was given up"));
	ckpt_run_go(run);
	return ckpt_run_finish(run);
}

/* The checkpoint fails, and none of the tasks is killed for it. */
TEST_F_TIMEOUT(snapshot, given_up_when_memory_runs_out, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_run(&rewrites, gives_up));
}

/* ---- memory that the call itself needs --------------------------------- */

#define SHARED_SIZE	(32 * MIB)

CKPT_SCENARIO(shares)
{
	char *map = mmap(NULL, SHARED_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	fill(map, SHARED_SIZE, 3);
	ckpt_ready_wait();
	check_fill(map, SHARED_SIZE, 3);
}

#define PIPES		12
#define PIPE_BYTES	MIB

/* What is in pipes is part of the metadata. */
CKPT_SCENARIO(full_pipes)
{
	char *data = malloc(PIPE_BYTES), *seen = malloc(PIPE_BYTES);
	int fd[PIPES][2], i;
	ssize_t n, at;

	fill(data, PIPE_BYTES, 4);
	for (i = 0; i < PIPES; i++) {
		CHECK_SYS(pipe(fd[i]));
		CHECK_EQ(PIPE_BYTES, fcntl(fd[i][1], F_SETPIPE_SZ, PIPE_BYTES));
		CHECK_EQ(PIPE_BYTES, write(fd[i][1], data, PIPE_BYTES));
	}
	ckpt_ready_wait();
	for (i = 0; i < PIPES; i++) {
		for (at = 0; at < (ssize_t)PIPE_BYTES; at += n)
			n = CHECK_SYS(read(fd[i][0], seen + at, PIPE_BYTES - at));
		CHECK(!memcmp(data, seen, PIPE_BYTES), "pipe %d has other contents", i);
	}
}

/* Bytes of memory of a process, as ps(1) and the OOM killer see it. */
static size_t resident(pid_t pid)
{
	char path[64], buf[8192];
	char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	at = strstr(ckpt_read_file(path, buf, sizeof(buf)), "RssAnon:");
	return at ? strtoul(at + 8, NULL, 10) * 1024 : 0;
}

static int shared_counts(struct ckpt_run *run)
{
	struct writing w;

	WANT(!begin(run, &w));
	WANT(resident(w.caller) >= SHARED_SIZE);
	WANT(!end(&w, -1));
	ckpt_run_go(run);
	return ckpt_run_finish(run);
}

/* A copy of shared memory is the caller's. */
TEST_F_TIMEOUT(snapshot, copies_count_for_the_caller, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_run(&shares, shared_counts));
}

/* Gives @size bytes of @image to a restart(2) in another process, which waits for more then. */
static int restart_waits(struct ckpt_run *run, int image, size_t size, pid_t *caller, int *to)
{
	struct restart_args args;
	char buf[65536];
	int fd[2];
	ssize_t n;

	WANT(!ckpt_pipe(fd, O_CLOEXEC));
	fflush(NULL);
	*caller = fork();
	if (!*caller) {
		close(fd[1]);
		ckpt_run_restart_args(run, &args, fd[0], 0);
		_exit(sys_restart(&args, sizeof(args)) > 0 ? 0 : errno);
	}
	close(fd[0]);
	*to = fd[1];
	for (lseek(image, 0, SEEK_SET); size; size -= n) {
		n = read(image, buf, size < sizeof(buf) ? size : sizeof(buf));
		WANT(n > 0);
		WANT(write(*to, buf, n) == n);
	}
	return 0;
}

static int metadata_counts(struct ckpt_run *run)
{
	int image = ckpt_image_new(), to, status;
	struct writing w;
	pid_t caller;

	WANT(!begin(run, &w));
	WANT(resident(w.caller) >= PIPES * PIPE_BYTES);
	WANT(!end(&w, image));
	ckpt_run_go(run);
	WANT(!ckpt_run_finish(run));
	/* All of the pipe was taken but what it holds. */
	WANT(!restart_waits(run, image, PIPES * PIPE_BYTES, &caller, &to));
	WANT(resident(caller) >= PIPES * PIPE_BYTES - 2 * MIB);
	close(to);
	WANT(waitpid(caller, &status, 0) == caller);
	WANT(WIFEXITED(status) && WEXITSTATUS(status) == EINVAL);
	WANT(ckpt_run_log_has(run, "the image ends in its metadata"));
	close(image);
	return 0;
}

/* So is metadata. */
TEST_F_TIMEOUT(snapshot, metadata_counts_for_the_caller, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_run(&full_pipes, metadata_counts));
}

/* The number after @key in a file of the cgroup. */
static size_t cgroup_number(struct ckpt_run *run, const char *file, const char *key)
{
	char path[400], buf[8192];
	char *at;

	snprintf(path, sizeof(path), "%s/%s", run->cg.path, file);
	at = strstr(ckpt_read_file(path, buf, sizeof(buf)), key);
	return at ? strtoul(at + strlen(key), NULL, 10) : 0;
}

static int charged_to_tasks(struct ckpt_run *run)
{
	int image = ckpt_image_new();

	WANT(cgroup_number(run, "memory.stat", "\nshmem ") >= SHARED_SIZE);
	WANT(!ckpt_run_checkpoint(run, image, 0));
	ckpt_run_kill(run);
	WANT(!ckpt_run_restart(run, image, 0));
	WANT(cgroup_number(run, "memory.stat", "\nshmem ") >= SHARED_SIZE);
	ckpt_run_go(run);
	WANT(!ckpt_run_finish(run));
	close(image);
	return 0;
}

/* What restart(2) fills is charged to the cgroup of the tasks. */
TEST_F_TIMEOUT(snapshot, restored_memory_is_charged_to_the_tasks, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_run(&shares, charged_to_tasks));
}

/* ---- huge pages -------------------------------------------------------- */

#define HUGE		(2 * MIB)
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif

/* Bytes in huge pages of a process. */
static size_t huge_bytes(pid_t pid)
{
	char path[64], buf[8192];
	char *at;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	at = strstr(ckpt_read_file(path, buf, sizeof(buf)), "AnonHugePages:");
	return at ? strtoul(at + 14, NULL, 10) * 1024 : 0;
}

/* A mapping with huge pages and a guard region. */
CKPT_SCENARIO(huge_and_guarded)
{
	char *map = map_anon(8 * HUGE, RW, 0);
	char *at = (char *)(((uintptr_t)map + HUGE - 1) & -HUGE);

	madvise(map, 8 * HUGE, MADV_HUGEPAGE);
	fill(at, 4 * HUGE, 5);
	madvise(at + 6 * HUGE, PAGE, MADV_GUARD_INSTALL);
	ckpt_ready_wait();
	check_fill(at, 4 * HUGE, 5);
}

static int stay_huge(struct ckpt_run *run)
{
	size_t before = huge_bytes(run->pid);
	struct checkpoint_args args;
	int image = ckpt_image_new();

	if (!before)
		return 1;
	ckpt_run_args(run, &args, -1, CHECKPOINT_DRY_RUN);
	WANT(sys_checkpoint(&args, sizeof(args)) >= 0);
	WANT(huge_bytes(run->pid) == before);
	WANT(!ckpt_run_checkpoint(run, image, 0));
	WANT(huge_bytes(run->pid) == before);
	ckpt_run_kill(run);
	WANT(!ckpt_run_restart(run, image, 0));
	ckpt_run_go(run);
	WANT(!ckpt_run_finish(run));
	close(image);
	return 0;
}

/* Looking for guard regions, and writing memory, leaves huge pages whole. */
TEST_F_TIMEOUT(snapshot, huge_pages_stay_whole, CKPT_TIMEOUT)
{
	int ret = with_run(&huge_and_guarded, stay_huge);

	if (ret > 0)
		SKIP(return, "there is no huge page to be had");
	ASSERT_EQ(0, ret);
}

/* ---- code -------------------------------------------------------------- */

/* Code from a file that was changed in memory, as a debugger or a relocation does it. */
CKPT_SCENARIO(changed_code)
{
	char path[300];
	char *map;
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "code"), O_RDWR | O_CREAT, 0700));
	CHECK_SYS(ftruncate(fd, 2 * PAGE));
	map = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	close(fd);
	fill(map, PAGE, 6);
	CHECK_SYS(mprotect(map, 2 * PAGE, PROT_READ | PROT_EXEC));
	ckpt_ready_wait();
	check_fill(map, PAGE, 6);
	check_zero(map + PAGE, PAGE);
}

/* Does the kernel let a debugger change code by way of /proc (proc_mem.force_override)? */
static bool code_may_be_changed(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];
	bool may;
	pid_t pid;
	int fd;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	if (pid < 0 || ptrace(PTRACE_ATTACH, pid, NULL, NULL) || waitpid(pid, NULL, 0) != pid)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	may = pwrite(fd, "x", 1, (uintptr_t)page) == 1;
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(page, PAGE);
	return may;
}

static int code_comes_back(struct ckpt_run *run)
{
	struct restart_args args;
	int image = ckpt_image_new();

	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	if (!code_may_be_changed()) {
		*run->board = run->saved;
		lseek(image, 0, SEEK_SET);
		ckpt_run_restart_args(run, &args, image, 0);
		WANT(sys_restart(&args, sizeof(args)) == -1 && errno == EPERM);
		WANT(ckpt_run_log_has(run, "proc_mem.force_override"));
		close(image);
		return 0;
	}
	WANT(!ckpt_run_restart(run, image, 0));
	ckpt_run_go(run);
	WANT(!ckpt_run_finish(run));
	close(image);
	return 0;
}

/* It comes back, unless the kernel was told that code is never to be changed. */
TEST_F_TIMEOUT(snapshot, changed_code_comes_back, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_run(&changed_code, code_comes_back));
}

TEST_HARNESS_MAIN
