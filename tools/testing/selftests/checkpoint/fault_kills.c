// SPDX-License-Identifier: GPL-2.0
/*
 * The caller of a call that has much to do is killed in the midst of it: it ends before it has done
 * that, and nothing is left. Thousands of descriptors of a file with thousands of locks, thousands of
 * signals that are pending for a process with many threads.
 */
#include "fault.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#define DESCRIPTORS	10000
#define LOCKS		8000
#define SIGNALS		20000
#define THREADS		200

/* How often it is tried to kill it early enough. */
#define TRIES		30
#define RESTARTS	4

static struct ckpt_run run;
static int image = -1;
/* The call has come to its end. */
static uint32_t *over;

FIXTURE(kills) { int unused; };

FIXTURE_SETUP(kills)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	over = mmap(NULL, sizeof(*over), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, over);
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(kills)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* ---- a caller ---------------------------------------------------------- */

static uint64_t nanoseconds(const struct timeval *tv)
{
	return tv->tv_sec * 1000000000ull + tv->tv_usec * 1000ull;
}

/* The processor time that @pid, a child that was not waited for, has used; 0: it is gone. */
static uint64_t used(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static pid_t begin(long (*call)(void))
{
	pid_t pid;
	long ret;

	*over = 0;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		ret = call();
		__atomic_store_n(over, 1, __ATOMIC_SEQ_CST);
		_exit(ret > 0 ? 0 : 1);
	}
	return pid;
}

/* Waits for it; returns what it has used in all. */
static uint64_t end(pid_t pid, int *status)
{
	struct rusage usage;

	if (wait4(pid, status, 0, &usage) != pid)
		return 0;
	return nanoseconds(&usage.ru_utime) + nanoseconds(&usage.ru_stime);
}

/* What the call takes undisturbed, the second time; 0: it fails. */
static uint64_t whole(long (*call)(void), int (*after)(void))
{
	uint64_t all = 0;
	int i, status;

	for (i = 0; i < 2; i++) {
		all = end(begin(call), &status);
		if (status) {
			ckpt_diag("the call fails");
			ckpt_run_print_log(&run);
			return 0;
		}
		if (after() != 1)
			return 0;
	}
	return all;
}

/*
 * Kills a caller that has used @at, and not yet @limit, of processor time. Returns what it uses after
 * that; -1: it was not at hand in time, or had come to its end.
 */
static int64_t kill_at(long (*call)(void), uint64_t at, uint64_t limit)
{
	pid_t pid = begin(call);
	uint64_t then, all;
	int status;

	while (used(pid) < at && !__atomic_load_n(over, __ATOMIC_SEQ_CST))
		sched_yield();
	kill(pid, SIGKILL);
	then = used(pid);
	all = end(pid, &status);
	if (!then || then > limit || !WIFSIGNALED(status) || *over)
		return -1;
	return all > then ? all - then : 0;
}

/* ---- checkpoint(2) ------------------------------------------------------ */

CKPT_SCENARIO(many_locks)
{
	struct rlimit limit = { DESCRIPTORS + 64, DESCRIPTORS + 64 };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	char path[320];
	int fd, i;

	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	ckpt_path(path, sizeof(path), "locked");
	fd = CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600));
	for (i = 1; i < DESCRIPTORS; i++)
		CHECK_SYS(open(path, O_RDWR));
	for (i = LOCKS; i; i--) {
		/* None touches another one. */
		lock.l_start = 2 * i;
		CHECK_SYS(fcntl(fd, F_SETLK, &lock));
	}
	ckpt_ready_wait();
}

static long dry_run(void)
{
	struct checkpoint_args args;

	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
	return sys_checkpoint(&args, sizeof(args));
}

static int nothing(void)
{
	return 1;
}

TEST_F_TIMEOUT(kills, descriptors_and_locks, CKPT_TIMEOUT)
{
	int64_t more = -1;
	uint64_t all;
	int i;

	ASSERT_EQ(0, ckpt_run_init(&run, &many_locks, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	all = whole(dry_run, nothing);
	ASSERT_NE(0u, all);
	for (i = 0; i < TRIES && more < 0; i++)
		more = kill_at(dry_run, all / 8, all / 4);
	if (more < 0)
		SKIP(goto out, "the caller was never killed early enough");
	ckpt_diag("it takes %llu us in all, and %lld us after it was killed",
		  (unsigned long long)all / 1000, (long long)more / 1000);
	EXPECT_GT(all / 2, (uint64_t)more);
out:
	EXPECT_EQ(0, runs_on(&run));
}

/* ---- restart(2) --------------------------------------------------------- */

static void *waits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return NULL;
}

CKPT_SCENARIO(many_signals)
{
	struct rlimit limit = { 2 * SIGNALS, 2 * SIGNALS };
	union sigval value = { .sival_int = 1 };
	static pthread_t thread[THREADS];
	pthread_attr_t attr;
	sigset_t set;
	int i;

	CHECK_SYS(setrlimit(RLIMIT_SIGPENDING, &limit));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_EQ(0, pthread_attr_init(&attr));
	CHECK_EQ(0, pthread_attr_setstacksize(&attr, 128 << 10));
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_create(&thread[i], &attr, waits, NULL));
	ckpt_step_wait(0, THREADS);
	for (i = 0; i < SIGNALS; i++)
		CHECK_SYS(sigqueue(getpid(), SIGRTMIN + 1, value));
	ckpt_ready_wait();
	for (i = 0; i < SIGNALS; i++)
		CHECK_EQ(SIGRTMIN + 1, sigwaitinfo(&set, NULL));
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* What comes back stays frozen: so it is told from what is about to end. */
static long restart_frozen(void)
{
	struct restart_args args;

	lseek(image, 0, SEEK_SET);
	ckpt_take_board_back(&run);
	ckpt_run_restart_args(&run, &args, image, RESTART_FROZEN);
	return sys_restart(&args, sizeof(args));
}

/* Whether no task is left; with @kill_them those that are get SIGKILL. */
static bool is_empty(bool kill_them)
{
	int fd = openat(run.cg.fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char buf[4096];
	char *at, *save;
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[n > 0 ? n : 0] = 0;
	for (at = strtok_r(buf, "\n", &save); at && kill_them; at = strtok_r(NULL, "\n", &save)) {
		/* 0 stands for one that is being released, and here for our own group. */
		if (atoi(at) > 0)
			kill(atoi(at), SIGKILL);
	}
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
	return !n;
}

/* Waits until nothing is left: 0. 1: all had come back, frozen, and was killed. */
static int left(void)
{
	bool back = false;

	while (!is_empty(back)) {
		if (ckpt_cgroup_frozen(&run.cg) == 1)
			back = true;
		poll(NULL, 0, 1);
	}
	if (back)
		return ckpt_cgroup_thaw(&run.cg) ? -1 : 1;
	return ckpt_cgroup_frozen(&run.cg) ? -1 : 0;
}

TEST_F_TIMEOUT(kills, signals_and_threads, CKPT_TIMEOUT)
{
	struct rlimit limit = { 2 * SIGNALS, 2 * SIGNALS };
	int64_t more;
	uint64_t all;
	int i, part, ret, killed = 0;

	/* The caller's counts. */
	ASSERT_EQ(0, setrlimit(RLIMIT_SIGPENDING, &limit));
	ASSERT_EQ(0, ckpt_run_init(&run, &many_signals, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	all = whole(restart_frozen, left);
	ASSERT_NE(0u, all);
	for (part = 1; part < 8; part += 2) {
		for (more = -1, i = 0; i < RESTARTS && more < 0; i++) {
			more = kill_at(restart_frozen, all * part / 8, UINT64_MAX);
			ret = left();
			ASSERT_LE(0, ret) TH_LOG("part %d", part);
			/* It had come to its end, though nobody was told. */
			if (ret)
				more = -1;
		}
		if (more < 0)
			continue;
		killed++;
		/* As much as all of it, once more, is not done. */
		EXPECT_GT(all, (uint64_t)more) TH_LOG("part %d", part);
	}
	if (!killed)
		SKIP(return, "the caller was never killed early enough");
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
