// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings with a request that is issued when another one ends which does so while its task is
 * frozen. If that is a poll it ends when the task is thawed, and is saved as one that waits. After
 * a wait for a futex the turn has come: a checkpoint is told to try again. One that waits for a
 * child which ends meanwhile leaves it there, also if its timeout cancels it.
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
	EXPECT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	unlink(run.board->text);
	ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(cr, futex_woken_while_frozen, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	int err;

	if (!uring_has(OP_FUTEX_WAIT))
		SKIP(return, "no requests that wait for futexes");
	ASSERT_EQ(0, ckpt_run_init(&run, &after_futex, variant->container));
	EXPECT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(0, ckpt_cgroup_freeze(&run.cg));
	EXPECT_EQ(1, syscall(__NR_futex, &run.board->value[FUTEX], FUTEX_WAKE, 1, NULL, NULL, 0));
	/* The task is told of that, frozen as it is. */
	while (!completions(&run))
		sched_yield();
	EXPECT_EQ(EBUSY, dry_run(&run));
	EXPECT_TRUE(ckpt_run_log_has(&run, "whose turn in a chain has come while its task was frozen"));
	EXPECT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	/* It has run for a moment, or has not. */
	do {
		err = dry_run(&run);
	} while (err == EBUSY);
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, fills(&run));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	unlink(run.board->text);
	ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(cr, child_ends_while_frozen, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	if (!uring_has(OP_WAITID))
		SKIP(return, "no requests that wait for children");
	ASSERT_EQ(0, ckpt_run_init(&run, &child_with_timeout, variant->container));
	EXPECT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(0, ckpt_cgroup_freeze(&run.cg));
	EXPECT_EQ(0, kill(run.board->value[KID], SIGKILL));
	while (completions(&run) < 2)
		sched_yield();
	/* Nobody has reaped it. */
	EXPECT_EQ(0, kill(run.board->value[KID], 0));
	EXPECT_EQ(0, dry_run(&run));
	EXPECT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
}

TEST_HARNESS_MAIN
