// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings with a request that is issued when another one ends which does so while its task is
 * frozen. If that is a poll it ends when the task is thawed, and is saved as one that waits. After
 * a wait for a futex, or a timeout, the turn has come: it is saved, and comes after a restart; one
 * that can't be saved is refused by its name. One that waits for a child which ends meanwhile
 * leaves it there, also if its timeout cancels it.
 */
#include "common.h"
#include "uring_waits.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

CKPT_FIXTURE_IF(URING_BEGIN)

#define OP_WAITID	50
#define OP_FUTEX_WAIT	51
#define U32_SHARED	0x02	/* FUTEX2_SIZE_U32 */

/* The board's value that tells where the scenario has its number of completions, a futex, a child. */
#define TAIL	0
#define FUTEX	1
#define KID	2

/* What comes after: a read of a named pipe, whose name the board's text has. */
static void reads_then(struct uring *u, struct io_uring_sqe *(*head)(struct uring *u, int fd),
		       char *c)
{
	struct io_uring_sqe *sqe;
	int fd;

	ckpt_path(board->text, sizeof(board->text), "fifo");
	CHECK_SYS(mkfifo(board->text, 0600));
	fd = CHECK_SYS(open(board->text, O_RDWR | O_NONBLOCK));
	CHECK_SYS(uring_make(u, 4, 0));
	head(u, fd)->flags = IOSQE_IO_LINK;
	sqe = uring_prepare(u, IORING_OP_READ, 2);
	sqe->fd = fd;
	sqe->addr = (uintptr_t)c;
	sqe->len = 1;
	sqe->off = -1ULL;
	uring_submit(u, 2);
	board->value[TAIL] = (uintptr_t)uring_word(u, u->params.cq_off.tail);
}

static struct io_uring_sqe *polls(struct uring *u, int fd)
{
	return waits_for(u, fd, 1, false);
}

CKPT_SCENARIO(after_poll)
{
	struct uring u;
	char c = 0;

	reads_then(&u, polls, &c);
	ckpt_ready_wait();
	take(&u, 1, POLLIN, false);
	take(&u, 2, 1, false);
	CHECK_EQ('z', c);
	uring_works(&u);
}

static struct io_uring_sqe *waits(struct uring *u, int fd)
{
	struct io_uring_sqe *sqe = uring_prepare(u, OP_FUTEX_WAIT, 1);

	sqe->fd = U32_SHARED;
	sqe->addr = (uintptr_t)&board->value[FUTEX];
	((uint64_t *)sqe)[6] = ~0u;
	return sqe;
}

CKPT_SCENARIO(after_futex)
{
	struct uring u;
	char c = 0;

	reads_then(&u, waits, &c);
	ckpt_ready_wait();
	take(&u, 1, 0, false);
	take(&u, 2, 1, false);
	CHECK_EQ('z', c);
	uring_works(&u);
}

/* It ends twice, a second apart. */
static struct io_uring_sqe *ends_twice(struct uring *u, int fd)
{
	static struct __kernel_timespec after = { .tv_sec = 1 };
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_TIMEOUT, 1);

	(void)fd;
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&after;
	sqe->len = 1;
	sqe->off = 2;
	/* IORING_TIMEOUT_ETIME_SUCCESS, IORING_TIMEOUT_MULTISHOT. */
	sqe->timeout_flags = 1u << 5 | 1u << 6;
	return sqe;
}

CKPT_SCENARIO(after_timeouts)
{
	struct uring u;
	char c = 0;

	reads_then(&u, ends_twice, &c);
	ckpt_ready_wait();
	take(&u, 1, -ETIME, true);
	take(&u, 1, -ETIME, false);
	take(&u, 2, 1, false);
	CHECK_EQ('z', c);
	uring_works(&u);
}

/* The turn is that of one that can't be saved. */
CKPT_SCENARIO(syncs_after_futex)
{
	struct io_uring_sqe *sqe;
	struct uring u;
	int fds[2];

	ckpt_pipe(fds, 0);
	CHECK_SYS(uring_make(&u, 4, 0));
	waits(&u, 0)->flags = IOSQE_IO_LINK;
	sqe = uring_prepare(&u, IORING_OP_FSYNC, 2);
	sqe->fd = fds[1];
	uring_submit(&u, 2);
	board->value[TAIL] = (uintptr_t)uring_word(&u, u.params.cq_off.tail);
	ckpt_ready_wait();
	take(&u, 1, 0, false);
	take(&u, 2, -EINVAL, false);
	uring_works(&u);
}

/* It is not told of its child if the timeout comes first, or if it is frozen when that comes. */
CKPT_SCENARIO(child_with_timeout)
{
	struct __kernel_timespec after = { .tv_sec = 2 };
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	struct uring u;
	int status, i;
	pid_t kid;

	kid = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 1);
	board->value[KID] = ckpt_proc_number(kid);
	CHECK_SYS(uring_make(&u, 4, 0));
	board->value[TAIL] = (uintptr_t)uring_word(&u, u.params.cq_off.tail);
	sqe = uring_prepare(&u, OP_WAITID, 1);
	sqe->len = P_PID;
	sqe->fd = kid;
	sqe->file_index = WEXITED;
	sqe->flags = IOSQE_IO_LINK;
	sqe = uring_prepare(&u, IORING_OP_LINK_TIMEOUT, 2);
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&after;
	sqe->len = 1;
	uring_submit(&u, 2);
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		cqe = (struct io_uring_cqe *)(u.rings + u.params.cq_off.cqes) + i;
		uring_take(&u, cqe->user_data, cqe->user_data == 1 ? -ECANCELED : cqe->res);
	}
	CHECK_EQ(kid, waitpid(kid, &status, WNOHANG));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %#x", status);
	uring_works(&u);
}

/* How many completions the scenario has. */
static uint32_t completions(struct ckpt_run *run)
{
	struct iovec from = { (void *)(uintptr_t)run->board->value[TAIL], sizeof(uint32_t) };
	uint32_t n = 0;
	struct iovec to = { &n, sizeof(n) };

	if (process_vm_readv(run->pid, &to, 1, &from, 1, 0) != sizeof(n)) {
		ckpt_diag("process_vm_readv: %s", strerror(errno));
		return UINT32_MAX;
	}
	return n;
}

/* What a dry run comes to. */
static int dry_run(struct ckpt_run *run)
{
	struct checkpoint_args args;

	ckpt_run_args(run, &args, -1, CHECKPOINT_DRY_RUN);
	return sys_checkpoint(&args, sizeof(args)) == -1 ? errno : 0;
}

/* Writes something to the pipe. */
static int fills(struct ckpt_run *run)
{
	int fd = open(run->board->text, O_RDWR | O_NONBLOCK), ret;

	/* It is closed again: at a checkpoint somebody else would have it, too. */
	ret = write(fd, "z", 1) == 1 ? 0 : -1;
	close(fd);
	return ret;
}

/*
 * What came while it was frozen is saved as that, and the turn comes when it is restarted; so it
 * does after another checkpoint.
 */
static int comes_after_restart(struct ckpt_run *run)
{
	int first = ckpt_image_new(), second = ckpt_image_new(), ret = -1;

	if (!ckpt_run_checkpoint(run, first, CHECKPOINT_KILL) && !ckpt_cgroup_thaw(&run->cg) &&
	    !ckpt_run_restart(run, first, 0) && !ckpt_run_wait_blocked(run) &&
	    !ckpt_run_checkpoint(run, second, CHECKPOINT_KILL) &&
	    !ckpt_run_restart(run, second, 0) && !fills(run)) {
		ckpt_run_go(run);
		ret = ckpt_run_finish(run);
	}
	close(first);
	close(second);
	return ret;
}

/* Starts a scenario, and freezes it. */
static int start_frozen(struct ckpt_run *run, const struct ckpt_scenario *scenario, bool container)
{
	if (ckpt_run_init(run, scenario, container))
		return -1;
	return ckpt_run_start(run) || ckpt_cgroup_freeze(&run->cg) ? -1 : 0;
}

/* The same, and wakes its futex then: the task is told of that, frozen as it is. */
static int woken_while_frozen(struct ckpt_run *run, const struct ckpt_scenario *scenario,
			      bool container)
{
	if (start_frozen(run, scenario, container) ||
	    syscall(__NR_futex, &run->board->value[FUTEX], FUTEX_WAKE, 1, NULL, NULL, 0) != 1)
		return -1;
	while (!completions(run))
		sched_yield();
	return 0;
}

/* Thaws it, and lets it come to its end. */
static int ends_thawed(struct ckpt_run *run)
{
	if (ckpt_cgroup_thaw(&run->cg))
		return -1;
	ckpt_run_go(run);
	return ckpt_run_finish(run);
}

TEST_F_TIMEOUT(cr, poll_ends_while_frozen, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &after_poll, variant->container));
	EXPECT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(0, dry_run(&run));
	EXPECT_EQ(0, ckpt_cgroup_freeze(&run.cg));
	EXPECT_EQ(0, fills(&run));
	EXPECT_EQ(0, dry_run(&run));
	EXPECT_EQ(0u, completions(&run));
	EXPECT_EQ(0, ends_thawed(&run));
	unlink(run.board->text);
	ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(cr, futex_woken_while_frozen, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	if (!uring_has(OP_FUTEX_WAIT))
		SKIP(return, "no requests that wait for futexes");
	ASSERT_EQ(0, woken_while_frozen(&run, &after_futex, variant->container));
	EXPECT_EQ(0, dry_run(&run));
	EXPECT_EQ(0, comes_after_restart(&run));
	unlink(run.board->text);
	ckpt_run_fini(&run);
}

/* The original goes on, too. */
TEST_F_TIMEOUT(cr, futex_woken_and_thawed, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	if (!uring_has(OP_FUTEX_WAIT))
		SKIP(return, "no requests that wait for futexes");
	ASSERT_EQ(0, woken_while_frozen(&run, &after_futex, variant->container));
	EXPECT_EQ(0, dry_run(&run));
	EXPECT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ(0, fills(&run));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	unlink(run.board->text);
	ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(cr, timeouts_end_while_frozen, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	ASSERT_EQ(0, start_frozen(&run, &after_timeouts, variant->container));
	while (completions(&run) < 2)
		sched_yield();
	EXPECT_EQ(0, dry_run(&run));
	EXPECT_EQ(0, comes_after_restart(&run));
	unlink(run.board->text);
	ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(cr, turn_of_another_kind, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	if (!uring_has(OP_FUTEX_WAIT))
		SKIP(return, "no requests that wait for futexes");
	ASSERT_EQ(0, woken_while_frozen(&run, &syncs_after_futex, variant->container));
	EXPECT_EQ(EOPNOTSUPP, dry_run(&run));
	EXPECT_TRUE(ckpt_run_log_has(&run, "IORING_OP_FSYNC, user_data 0x2: have it wait for that"));
	EXPECT_EQ(0, ends_thawed(&run));
	ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(cr, child_ends_while_frozen, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	if (!uring_has(OP_WAITID))
		SKIP(return, "no requests that wait for children");
	ASSERT_EQ(0, start_frozen(&run, &child_with_timeout, variant->container));
	EXPECT_EQ(0, kill(run.board->value[KID], SIGKILL));
	while (completions(&run) < 2)
		sched_yield();
	/* Nobody has reaped it. */
	EXPECT_EQ(0, kill(run.board->value[KID], 0));
	EXPECT_EQ(0, dry_run(&run));
	EXPECT_EQ(0, ends_thawed(&run));
	ckpt_run_fini(&run);
}

TEST_HARNESS_MAIN
