// SPDX-License-Identifier: GPL-2.0
/*
 * A restart that fails leaves nothing behind and has changed nothing, and what
 * happens to the tasks or to the caller half-way does not make it fail.
 */
#include "family.h"
#include "feed.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>

#define PENDING		IMAGE_KIND_PENDING

static struct ckpt_run run;
static struct image im;
static int image = -1;
static int lowest;

/* The zombies' parent is not the root. */
static int parent_of_zombies(void *arg)
{
	siginfo_t info;
	pid_t kid;
	int i;

	for (i = 0; i < 3; i++) {
		kid = CHECK_SYS(fork());
		if (!kid)
			_exit(40 + i);
		CHECK_SYS(waitid(P_PID, kid, &info, WEXITED | WNOWAIT));
		board->value[1 + i] = kid;
	}
	board->value[0] = getpid();
	ckpt_step(0);
	ckpt_wait_go();
	for (i = 0; i < 3; i++)
		ckpt_wait_exit(board->value[1 + i], 40 + i);
	return 0;
}

CKPT_SCENARIO(zombies)
{
	pid_t kid = ckpt_fork(parent_of_zombies, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* Two signals are pending for it, and it may have one. */
static int with_signals(void *arg)
{
	union sigval value = { .sival_int = 1 };
	struct rlimit limit;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGUSR1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_SYS(sigqueue(getpid(), SIGRTMIN, value));
	CHECK_SYS(sigqueue(getpid(), SIGRTMIN, value));
	CHECK_SYS(kill(getpid(), SIGUSR1));
	CHECK_SYS(getrlimit(RLIMIT_SIGPENDING, &limit));
	limit.rlim_cur = 1;
	CHECK_SYS(setrlimit(RLIMIT_SIGPENDING, &limit));
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

struct robust {
	struct robust_list_head head;
	struct robust_list list;
	uint32_t futex;
	uint32_t tid;
};

static int joiner(void *arg)
{
	/* Memory with more than one user: else the thread id is not cleared. */
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

/*
 * Its death would be seen in a file: it holds a robust futex there, and the kernel
 * clears a word there. A child that is restored after it can't be.
 */
CKPT_SCENARIO(dangerous)
{
	struct robust *r;
	char path[320];
	pid_t kid;
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "robust"), O_RDWR | O_CREAT, 0600));
	CHECK_SYS(ftruncate(fd, CKPT_PAGE));
	r = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(r != MAP_FAILED, "mmap: %s", strerror(errno));
	r->head.list.next = &r->list;
	r->head.futex_offset = offsetof(struct robust, futex) - offsetof(struct robust, list);
	r->list.next = &r->head.list;
	r->futex = getpid();
	r->tid = getpid();
	CHECK_SYS(syscall(__NR_set_robust_list, &r->head, sizeof(r->head)));
	syscall(__NR_set_tid_address, &r->tid);
	if (board->value[0]) {
		kid = ckpt_fork(joiner, NULL);
		ckpt_step_wait(0, 1);
	} else {
		kid = ckpt_fork(with_signals, NULL);
		ckpt_step_wait(0, 1);
	}
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

FIXTURE(abort) { int unused; };

FIXTURE_SETUP(abort)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(abort)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* Has @sc checkpointed, as subtree, and killed. */
static int take(const struct ckpt_scenario *sc)
{
	image = ckpt_image_new();
	if (ckpt_run_init(&run, sc, false) || ckpt_run_start(&run) ||
	    ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) || image_load(&im, image))
		return -1;
	lowest = lowest_free(&run);
	return 0;
}

static long restart(struct restart_args *args)
{
	lseek(image, 0, SEEK_SET);
	return feed_restart(&run, args, image);
}

/* The robust futex and the thread id of the scenario, as the file has them. */
static int untouched(void)
{
	char path[320];
	struct robust r;
	int fd;

	snprintf(path, sizeof(path), "%s.robust", run.board_path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &r, sizeof(r), 0) != sizeof(r))
		return -1;
	close(fd);
	if (r.futex != r.tid || !r.tid) {
		ckpt_diag("the futex is 0x%x, the thread id 0x%x", r.futex, r.tid);
		return -1;
	}
	return 0;
}

/* Of a task that another one of its group of files can't go with. */
TEST_F_TIMEOUT(abort, shared_memory_is_untouched, CKPT_TIMEOUT)
{
	struct restart_args args;

	ASSERT_EQ(0, take(&dangerous));
	ASSERT_EQ(0, untouched());
	EXPECT_EQ(-1, restart(&args));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, args.pidfd);
	EXPECT_TRUE(ckpt_run_log_has(&run, "is beyond the limit of its user"));
	ASSERT_EQ(0, nothing_left(&run, lowest));
	EXPECT_EQ(0, untouched());
}

/* All is well with the tasks, but there is no descriptor for their pidfd. */
TEST_F_TIMEOUT(abort, no_descriptor_for_the_pidfd, CKPT_TIMEOUT)
{
	struct restart_args args;
	struct rlimit old, limit;

	ASSERT_EQ(0, take(&family));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = lowest;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-1, restart(&args));
	EXPECT_EQ(EMFILE, errno);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(-1, args.pidfd);
	EXPECT_TRUE(ckpt_run_log_has(&run, "there is no pidfd for the root task"));
	ASSERT_EQ(0, nothing_left(&run, lowest));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

CKPT_SCENARIO(dangerous_alone)
{
	board->value[0] = 1;
	dangerous_run();
}

TEST_F_TIMEOUT(abort, robust_futex_and_no_pidfd, CKPT_TIMEOUT)
{
	struct restart_args args;
	struct rlimit old, limit;

	ASSERT_EQ(0, take(&dangerous_alone));
	ASSERT_EQ(0, untouched());
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = lowest;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-1, restart(&args));
	EXPECT_EQ(EMFILE, errno);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	ASSERT_EQ(0, nothing_left(&run, lowest));
	EXPECT_EQ(0, untouched());
	/* It does know them in the end: its death is seen. */
	ASSERT_LT(0, restart(&args));
	ASSERT_EQ(0, kill(run.pid, SIGKILL));
	ASSERT_EQ(run.pid, waitpid(run.pid, NULL, 0));
	run.pid = 0;
	EXPECT_EQ(-1, untouched());
}

/* ---- hostile signals ------------------------------------------------- */

CKPT_SCENARIO(signals)
{
	union sigval value = { .sival_int = 1 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_SYS(kill(getpid(), SIGUSR1));
	CHECK_SYS(sigqueue(getpid(), SIGRTMIN, value));
	ckpt_ready_wait();
}

/* A task never sees SIGKILL pending, nor a signal that does not queue twice. */
TEST_F_TIMEOUT(abort, impossible_signals, CKPT_TIMEOUT)
{
	size_t body, info;
	uint32_t rt;

	ASSERT_EQ(0, take(&signals));
	body = image_body(&im, PENDING);
	info = body + 16;
	/* What a siginfo_t has is in the byte order of the machine. */
	ASSERT_EQ((uint64_t)le32toh(SIGUSR1), image_get(&im, info, 4));
	rt = image_get(&im, info + 128, 4);
	ASSERT_EQ(0, image_hostile(&run, &im, image, info, le32toh(SIGKILL), 4,
				   "SIGKILL is pending"));
	ASSERT_EQ(0, image_hostile(&run, &im, image, info + 128, le32toh(SIGKILL), 4,
				   "SIGKILL is pending"));
	ASSERT_EQ(0, image_hostile(&run, &im, image, body + 8, 1ull << (SIGKILL - 1), 8,
				   "SIGKILL is pending"));
	ASSERT_EQ(0, image_hostile(&run, &im, image, info + 128, le32toh(SIGUSR1), 4,
				   "signal that does not queue is pending twice"));
	ASSERT_EQ(rt, image_get(&im, info + 128, 4));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* ---- killed half-way ------------------------------------------------- */

static int kill_value(struct ckpt_run *run, void *arg)
{
	pid_t pid = run->saved.value[(uintptr_t)arg];

	return kill(pid, SIGKILL);
}

static int kill_root(struct ckpt_run *run, void *arg)
{
	return kill(*(pid_t *)arg, SIGKILL);
}

/*
 * The parent of zombies is killed while the rest of the image is on its way, and
 * then one of them: the restart does not wait for them for ever.
 */
TEST_F_TIMEOUT(abort, parent_of_zombies_is_killed, CKPT_TIMEOUT)
{
	struct restart_args args;
	uintptr_t who;
	int fd;

	ASSERT_EQ(0, take(&zombies));
	for (who = 0; who < 2; who++) {
		fd = feed(&run, &im, 5, kill_value, (void *)who);
		EXPECT_EQ(-1, feed_restart(&run, &args, fd));
		EXPECT_EQ(ESRCH, errno);
		EXPECT_EQ(-1, args.pidfd);
		EXPECT_TRUE(ckpt_run_log_has(&run, "was killed while it"));
		ASSERT_EQ(0, feed_end(fd));
		ASSERT_EQ(0, nothing_left(&run, lowest));
	}
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_F_TIMEOUT(abort, root_is_killed, CKPT_TIMEOUT)
{
	struct restart_args args;
	pid_t root;
	int fd;

	ASSERT_EQ(0, take(&family));
	root = image_get(&im, image_body(&im, IMAGE_KIND_TASK) + IMAGE_AT(task, tid), 4);
	fd = feed(&run, &im, 1 + FAMILY, kill_root, &root);
	EXPECT_EQ(-1, feed_restart(&run, &args, fd));
	EXPECT_EQ(ESRCH, errno);
	EXPECT_EQ(-1, args.pidfd);
	EXPECT_TRUE(ckpt_run_log_has(&run, "was killed while it"));
	ASSERT_EQ(0, feed_end(fd));
	ASSERT_EQ(0, nothing_left(&run, lowest));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* ---- hidden half-way --------------------------------------------------- */

#define NOBODY	65534

static void become_nobody(void)
{
	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(NOBODY, NOBODY, NOBODY));
	CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
}

static int nobodys(void *arg)
{
	become_nobody();
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	board->value[0] = getpid();
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(1, prctl(PR_GET_DUMPABLE));
	return 0;
}

CKPT_SCENARIO(of_a_user)
{
	pid_t kid = ckpt_fork(nobodys, NULL), dead;
	siginfo_t info;

	dead = CHECK_SYS(fork());
	if (!dead) {
		become_nobody();
		_exit(0);
	}
	CHECK_SYS(waitid(P_PID, dead, &info, WEXITED | WNOWAIT));
	board->value[1] = dead;
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	ckpt_wait_exit(dead, 0);
}

/* What the user whose task @pid is gets for reading memory of it: 0, or an errno; -1: unknown. */
static int reads_memory(pid_t pid)
{
	char path[64];
	pid_t reader;
	int status;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	fflush(NULL);
	reader = fork();
	if (!reader) {
		become_nobody();
		_exit(open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
	}
	status = wait_for(reader);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int are_hidden(struct ckpt_run *run, void *arg)
{
	int i, err;

	for (i = 0; i < 2; i++) {
		err = reads_memory(run->saved.value[i]);
		if (err != EACCES) {
			ckpt_diag("the user of the %s reads its memory: %d", i ? "dead" : "living",
				  err);
			return -1;
		}
	}
	return 0;
}

#define SUID_DUMPABLE	"/proc/sys/fs/suid_dumpable"

static int set_suid_dumpable(int value)
{
	FILE *file = fopen(SUID_DUMPABLE, "w");

	if (!file)
		return -1;
	fprintf(file, "%d\n", value);
	return fclose(file);
}

/*
 * Nobody gets at a task before its memory is there, whatever a change of credentials
 * leaves; nor by one that was dead at that of who has made it. Then its user does.
 */
TEST_F_TIMEOUT(abort, tasks_are_hidden, CKPT_TIMEOUT)
{
	int before, value, fd;
	struct restart_args args;
	char buf[16];
	long pid;

	before = atoi(ckpt_read_file(SUID_DUMPABLE, buf, sizeof(buf)));
	ASSERT_EQ(0, take(&of_a_user));
	for (value = 0; value < 2; value++) {
		ASSERT_EQ(0, set_suid_dumpable(value));
		fd = feed(&run, &im, 3, are_hidden, NULL);
		pid = feed_restart(&run, &args, fd);
		EXPECT_EQ(0, set_suid_dumpable(before));
		ASSERT_LT(0, pid) {
			ckpt_run_print_log(&run);
		}
		EXPECT_EQ(0, feed_end(fd));
		EXPECT_EQ(0, reads_memory(run.saved.value[0]));
		ckpt_run_go(&run);
		EXPECT_EQ(0, ckpt_run_finish(&run));
	}
}

/* ---- stopped, frozen, signalled half-way ------------------------------- */

/* A process that does @fn over and over until it is killed. */
static pid_t storm(void (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	while (!pid)
		fn(arg);
	return pid;
}

static void storm_end(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_for(pid);
}

static void on_signal(int sig)
{
}

static void signal_it(void *arg)
{
	kill(*(pid_t *)arg, SIGUSR1);
	poll(NULL, 0, 1);
}

static int pause_for_signals(struct ckpt_run *run, void *arg)
{
	poll(NULL, 0, 100);
	return 0;
}

/* Signals that the caller handles do not end it, from a file nor from a pipe. */
TEST_F_TIMEOUT(abort, signals_of_the_caller, CKPT_TIMEOUT)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct restart_args args;
	pid_t me = getpid(), thunder;
	int i, fd;

	ASSERT_EQ(0, take(&family));
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	for (i = 0; i < 6; i++) {
		fd = i % 2 ? image : feed(&run, &im, 1 + FAMILY, pause_for_signals, NULL);
		thunder = storm(signal_it, &me);
		if (fd == image)
			lseek(image, 0, SEEK_SET);
		if (feed_restart(&run, &args, fd) <= 0) {
			ckpt_diag("%s: %s", i % 2 ? "file" : "pipe", strerror(errno));
			ckpt_run_print_log(&run);
			storm_end(thunder);
			ASSERT_TRUE(false);
		}
		storm_end(thunder);
		if (fd != image)
			EXPECT_EQ(0, feed_end(fd));
		ckpt_run_go(&run);
		EXPECT_EQ(0, ckpt_run_finish(&run));
	}
}

static int terminate(struct ckpt_run *run, void *arg)
{
	kill(restarter, SIGTERM);
	/* It ends although nothing comes. */
	while (state_of(restarter) && state_of(restarter) != 'Z')
		poll(NULL, 0, 10);
	return 0;
}

/* One that ends the caller does so, and the restart with it. */
TEST_F_TIMEOUT(abort, caller_is_ended_by_a_signal, CKPT_TIMEOUT)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, take(&family));
	pid = feed_caller(&run, &im, NULL, 1 + FAMILY, terminate);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	/* The feeder is ours now, and nobody else. */
	EXPECT_LT(0, waitpid(-1, NULL, 0));
	EXPECT_EQ(0, ckpt_cgroup_wait_empty(&run.cg));
	ASSERT_EQ(0, nothing_left(&run, lowest));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

static int stop_caller(struct ckpt_run *run, void *arg)
{
	kill(restarter, SIGSTOP);
	return 0;
}

/* A caller that is stopped goes on when it is continued. */
TEST_F_TIMEOUT(abort, caller_is_stopped, CKPT_TIMEOUT)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, take(&family));
	pid = feed_caller(&run, &im, NULL, 1 + FAMILY, stop_caller);
	/* If it stands still in the middle, it does not stop before it has been continued. */
	do {
		kill(pid, SIGCONT);
		poll(NULL, 0, 10);
	} while (!waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, ckpt_cgroup_wait_empty(&run.cg));
}

/* Of the second debugger of the caller: the signal with which it stops, -1: it does not. */
static int *stopped_by;

/* How often a task has gone to sleep. */
static unsigned long sleeps(pid_t pid)
{
	char path[64], buf[4096];
	char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	at = strstr(ckpt_read_file(path, buf, sizeof(buf)), "\nvoluntary_ctxt_switches:");
	return at ? strtoul(strchr(at, ':') + 1, NULL, 10) : 0;
}

/* The caller waits for the image, not for its tasks, nor for what may pass. */
static void await_reading(unsigned long slept)
{
	while (state_of(restarter) != 'S' || sleeps(restarter) <= slept)
		poll(NULL, 0, 1);
}

/* Asks the caller to stop, which it does later, and is gone then. */
static int ask_to_stop(void)
{
	unsigned long slept;

	await_reading(0);
	slept = sleeps(restarter);
	if (ptrace(PTRACE_SEIZE, restarter, NULL, NULL) ||
	    ptrace(PTRACE_INTERRUPT, restarter, NULL, NULL))
		return 1;
	await_reading(slept);
	return 0;
}

static int debug(int ready)
{
	int status;

	/* The pipe that the image comes from is not its own. */
	syscall(__NR_close_range, 0, ready - 1, 0);
	syscall(__NR_close_range, ready + 1, ~0U, 0);
	if (ptrace(PTRACE_ATTACH, restarter, NULL, NULL) || kill(restarter, SIGCONT) ||
	    write(ready, "", 1) != 1)
		return 1;
	while (waitpid(restarter, &status, __WALL) == restarter && WIFSTOPPED(status)) {
		*stopped_by = WSTOPSIG(status);
		/* A child of the caller may end meanwhile, which is told first. */
		if (*stopped_by != SIGCHLD || ptrace(PTRACE_CONT, restarter, NULL, SIGCHLD))
			break;
	}
	return ptrace(PTRACE_DETACH, restarter, NULL, NULL) ? 1 : 0;
}

static int change_debugger(struct ckpt_run *run, void *arg)
{
	int ready[2], status;
	pid_t pid;
	char c;

	pid = fork();
	if (!pid)
		_exit(ask_to_stop());
	if (waitpid(pid, &status, 0) != pid || status || pipe(ready))
		return -1;
	pid = fork();
	if (!pid)
		_exit(debug(ready[1]));
	close(ready[1]);
	return read(ready[0], &c, 1) == 1 ? 0 : -1;
}

/* What one debugger has asked of the caller is nothing to the next, one by PTRACE_ATTACH. */
TEST_F_TIMEOUT(abort, debugger_of_the_caller_changes, CKPT_TIMEOUT)
{
	struct restart_args args;
	int fd;

	stopped_by = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);
	*stopped_by = -1;
	ASSERT_EQ(0, take(&family));
	fd = feed(&run, &im, 1 + FAMILY, change_debugger, NULL);
	ASSERT_LT(0, feed_restart(&run, &args, fd));
	ASSERT_EQ(0, feed_end(fd));
	EXPECT_EQ(SIGCONT, *stopped_by);
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

static void stop_root(void *arg)
{
	kill(*(pid_t *)arg, SIGSTOP);
	poll(NULL, 0, 1);
}

/* Freezes and thaws the cgroup while there are tasks in it. */
static void freeze_and_thaw(void *arg)
{
	struct ckpt_run *run = arg;

	if (each_task(run, "cgroup.procs", NULL, NULL)) {
		ckpt_cgroup_write(&run->cg, "cgroup.freeze", "1");
		poll(NULL, 0, 1);
		ckpt_cgroup_write(&run->cg, "cgroup.freeze", "0");
	}
}

/* SIGSTOP for the root, and a cgroup that is frozen for moments, do not end it. */
TEST_F_TIMEOUT(abort, tasks_are_stopped_and_frozen, CKPT_TIMEOUT)
{
	struct restart_args args;
	pid_t root, wind;
	int i;

	ASSERT_EQ(0, take(&family));
	root = image_get(&im, image_body(&im, IMAGE_KIND_TASK) + IMAGE_AT(task, tid), 4);
	for (i = 0; i < 20; i++) {
		wind = i % 2 ? storm(stop_root, &root) : storm(freeze_and_thaw, &run);
		if (restart(&args) <= 0) {
			ckpt_diag("%s: %s", i % 2 ? "stopped" : "frozen", strerror(errno));
			ckpt_run_print_log(&run);
			storm_end(wind);
			ASSERT_TRUE(false);
		}
		storm_end(wind);
		ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "cgroup.freeze", "0"));
		kill(run.pid, SIGCONT);
		ckpt_run_go(&run);
		ASSERT_EQ(0, ckpt_run_finish(&run));
	}
}

TEST_HARNESS_MAIN
