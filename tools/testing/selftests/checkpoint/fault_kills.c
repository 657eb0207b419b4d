// SPDX-License-Identifier: GPL-2.0
/*
 * The caller of checkpoint(2) that has much to do is killed in the midst of it: it ends before it
 * has done that, and nothing is left. Thousands of descriptors of a file with thousands of locks;
 * thousands of signals that are pending for each of several threads.
 */
#include "fault.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#define DESCRIPTORS	10000
#define LOCKS		8000
#define THREADS		8
#define SIGNALS		20000

/* How often it is tried to kill it early enough. */
#define TRIES		30

static struct ckpt_run run;
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

/*
 * Kills @call when it has come to that part of @all; -1: it was never killed early enough.
 * @after it has come to its end all the same.
 */
static int64_t kill_between(long (*call)(void), int (*after)(void), uint64_t all,
			    unsigned int from_8th)
{
	int64_t more = -1;
	int i;

	for (i = 0; i < TRIES && more < 0; i++) {
		more = kill_at(call, all * from_8th / 8, all * (from_8th + 1) / 8);
		if (*over)
			after();
	}
	if (more >= 0)
		ckpt_diag("it takes %llu us in all, and %lld us after it was killed at %u/8",
			  (unsigned long long)all / 1000, (long long)more / 1000, from_8th);
	return more;
}

/* A checkpoint of @sc ends soon when its caller is killed early in it, and the tasks run on. */
static void ends_soon(struct __test_metadata *_metadata, struct ckpt_scenario *sc)
{
	int64_t more;
	uint64_t all;

	ASSERT_EQ(0, ckpt_run_init(&run, sc, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	all = whole(dry_run, nothing);
	ASSERT_NE(0u, all);
	more = kill_between(dry_run, nothing, all, 1);
	if (more < 0)
		SKIP(goto out, "the caller was never killed early enough");
	EXPECT_GT(all / 2, (uint64_t)more);
out:
	EXPECT_EQ(0, runs_on(&run));
}

TEST_F_TIMEOUT(kills, descriptors_and_locks, CKPT_TIMEOUT)
{
	ends_soon(_metadata, &many_locks);
}

/* ---- signals ------------------------------------------------------------- */

static void *with_signals(void *arg)
{
	siginfo_t info = { .si_signo = SIGRTMIN, .si_code = SI_QUEUE };
	struct timespec none = { 0 };
	sigset_t set;
	int i;

	info.si_pid = getpid();
	for (i = 0; i < SIGNALS; i++)
		CHECK_SYS(syscall(__NR_rt_tgsigqueueinfo, getpid(), sys_gettid(), SIGRTMIN, &info));
	ckpt_step(0);
	ckpt_wait_go();
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	for (i = 0; i < SIGNALS; i++)
		CHECK_EQ(SIGRTMIN, sigtimedwait(&set, NULL, &none));
	CHECK(sigtimedwait(&set, NULL, &none) == -1 && errno == EAGAIN, "there is one more");
	return NULL;
}

CKPT_SCENARIO(many_signals)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	pthread_t thread[THREADS];
	sigset_t set;
	int i;

	CHECK_SYS(setrlimit(RLIMIT_SIGPENDING, &limit));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, with_signals, NULL));
	ckpt_step_wait(0, THREADS);
	ckpt_ready_wait();
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

TEST_F_TIMEOUT(kills, signals, CKPT_TIMEOUT)
{
	ends_soon(_metadata, &many_signals);
}

TEST_HARNESS_MAIN
