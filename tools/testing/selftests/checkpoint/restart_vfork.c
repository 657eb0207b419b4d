// SPDX-License-Identifier: GPL-2.0
/*
 * A restarted task that waits in vfork(), which may take hours, keeps nothing of the restart:
 * tasks that came back with it and have ended are freed. And what it waits with is not touched
 * by its child when it was killed before it came to that.
 */
#include "hold.h"
#include "usage.h"
#include "userfault.h"

#include <limits.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/rseq.h>

#define KIDS	200
/* Threads of the kernel come and go. */
#define SLACK	24
/* Looks in a row after which what has not become less is taken to stay. */
#define LOOKS	50

static struct ckpt_run run;
static int image = -1;

FIXTURE(vfork) { int unused; };

FIXTURE_SETUP(vfork)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	if (!ckpt_objects("task_struct"))
		SKIP(return, "the kernel does not count tasks (/sys/kernel/slab)");
}

FIXTURE_TEARDOWN(vfork)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static int vforks(void *arg)
{
	pid_t kid = vfork();

	if (!kid) {
		ckpt_step(0);
		ckpt_step_wait(2, 1);
		_exit(0);
	}
	CHECK(kid > 0, "vfork: %s", strerror(errno));
	ckpt_wait_exit(kid, 0);
	return 0;
}

CKPT_SCENARIO(waits_long)
{
	static pid_t kid[KIDS];
	pid_t waiter;
	int i;

	waiter = ckpt_fork(vforks, NULL);
	for (i = 0; i < KIDS; i++)
		kid[i] = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, KIDS + 1);
	ckpt_ready_wait();
	for (i = 0; i < KIDS; i++)
		ckpt_wait_exit(kid[i], 0);
	ckpt_step(1);
	ckpt_wait_exit(waiter, 0);
}

/* Waits until no more than @most tasks have memory; -1, after it was told, if they stay. */
static int tasks_go(long most)
{
	long least = LONG_MAX, now = 0;
	int look;

	for (look = 0; look < LOOKS; look++) {
		now = ckpt_objects("task_struct");
		if (now <= most)
			return 0;
		if (now < least) {
			least = now;
			look = 0;
		}
		poll(NULL, 0, 100);
	}
	ckpt_diag("%ld tasks have memory, not %ld", now, most);
	return -1;
}

TEST_F_TIMEOUT(vfork, keeps_nothing, CKPT_TIMEOUT)
{
	struct ckpt_board *own = board;
	long before;

	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &waits_long, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	before = ckpt_objects("task_struct");
	ckpt_run_go(&run);
	board = run.board;
	ckpt_step_wait(1, 1);
	EXPECT_EQ(0, tasks_go(before - KIDS + SLACK));
	ckpt_step(2);
	board = own;
	EXPECT_EQ(0, ckpt_run_finish(&run));
}

/* ---- killed before it waits -------------------------------------------- */

/* Values of the board: pids. */
enum { PARENT, CHILD, SLOW };
/* Steps of the board. */
enum { SET_UP, EXECUTED = 3 };

/* What the killer tells the test. */
static struct {
	uint32_t returned;		/* restart(2) has: it is too late. */
	uint32_t early;			/* The parent was killed before that. */
} *shared;

FIXTURE(killed) { int unused; };

FIXTURE_SETUP(killed)
{
	HOLD_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	shared = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
}

FIXTURE_TEARDOWN(killed)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* What the child executes. */
CKPT_SCENARIO(executed)
{
	ckpt_step(EXECUTED);
}

static int vforks_for_exec(void *arg)
{
	char path[320];
	pid_t kid;

	/* The name of the board. */
	ckpt_path(path, sizeof(path), "");
	path[strlen(path) - 1] = 0;
	kid = vfork();
	if (!kid) {
		board->value[CHILD] = getpid();
		ckpt_step(SET_UP);
		ckpt_wait_go();
		execl("/proc/self/exe", "restart_vfork", "--scenario", "executed", path, NULL);
		_exit(1);
	}
	return 1;
}

/* Its rseq area is in memory that a userfaultfd watches, of the file @arg points to. */
static int stops_slowly(void *arg)
{
	char *area = mmap(NULL, ckpt_page(), PROT_READ | PROT_WRITE, MAP_SHARED, *(int *)arg, 0);
	void *old = (char *)__builtin_thread_pointer() + __rseq_offset;
	int len = 0, fd;

	CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
	/* How long an area the libc has told of is its own business. */
	while (__rseq_size && syscall(__NR_rseq, old, len, RSEQ_FLAG_UNREGISTER, RSEQ_SIG)) {
		CHECK(errno == EINVAL && len < 1024, "rseq: %s", strerror(errno));
		len++;
	}
	CHECK_SYS(syscall(__NR_rseq, area, 32, 0, RSEQ_SIG));
	fd = new_uffd(0, UFFD_FEATURE_MISSING_SHMEM);
	CHECK(fd >= 0, "the kernel does not watch such memory");
	watch(fd, area, ckpt_page(), UFFDIO_REGISTER_MODE_MISSING);
	CHECK_SYS(raise(SIGSTOP));
	return 1;
}

/*
 * One that is stopped has its rseq area written before it stops again: it waits for a page that
 * nobody gives it, and all others wait for it, for some time, to have stopped.
 */
CKPT_SCENARIO(waits_for_the_slow)
{
	int fd = CHECK_SYS(memfd_create("rseq", MFD_CLOEXEC)), status;
	siginfo_t info;

	/* The child comes to us. */
	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	CHECK_SYS(ftruncate(fd, ckpt_page()));
	board->value[PARENT] = ckpt_fork(vforks_for_exec, NULL);
	board->value[SLOW] = ckpt_fork(stops_slowly, &fd);
	CHECK_SYS(waitid(P_PID, board->value[SLOW], &info, WSTOPPED | WEXITED | WNOWAIT));
	CHECK_EQ(CLD_STOPPED, info.si_code);
	CHECK_SYS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, ckpt_page()));
	ckpt_step_wait(SET_UP, 1);
	ckpt_ready_wait();
	CHECK_EQ(board->value[PARENT], waitpid(board->value[PARENT], &status, 0));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status 0x%x", status);
	ckpt_wait_exit(board->value[CHILD], 0);
	CHECK_EQ(1, board->step[EXECUTED]);
	CHECK_SYS(kill(board->value[SLOW], SIGKILL));
	CHECK_EQ(board->value[SLOW], waitpid(board->value[SLOW], &status, 0));
}

/* Kills the parent when the other one keeps all from being released. */
static void kill_parent(pid_t parent, pid_t slow)
{
	char path[64], stack[8192];

	snprintf(path, sizeof(path), "/proc/%d/stack", slow);
	while (!strstr(ckpt_read_file(path, stack, sizeof(stack)), "handle_userfault"))
		sched_yield();
	kill(parent, SIGKILL);
	shared->early = !__atomic_load_n(&shared->returned, __ATOMIC_SEQ_CST);
	_exit(0);
}

TEST_F_TIMEOUT(killed, before_it_waits, CKPT_TIMEOUT)
{
	pid_t killer;

	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &waits_for_the_slow, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	/* Until it was in time. */
	while (!shared->early) {
		shared->returned = 0;
		fflush(NULL);
		killer = fork();
		if (!killer)
			kill_parent(run.saved.value[PARENT], run.saved.value[SLOW]);
		ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
		__atomic_store_n(&shared->returned, 1, __ATOMIC_SEQ_CST);
		ASSERT_EQ(killer, waitpid(killer, NULL, 0));
		/* The child executes a program: that is when it tells its parent. */
		ckpt_run_go(&run);
		ASSERT_EQ(0, ckpt_run_finish(&run));
	}
}

TEST_HARNESS_MAIN
