// SPDX-License-Identifier: GPL-2.0
/* Leases and delegations: who has one is told when somebody wants to open the file. */
#include "blocked_signals.h"
#include "fault.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#ifndef F_SETDELEG
#define F_GETDELEG	(1024 + 15)
#define F_SETDELEG	(1024 + 16)
struct delegation {
	uint32_t d_flags;
	uint16_t d_type;
	uint16_t __pad;
};
#endif

CKPT_FIXTURE

#define SIG	(SIGRTMIN + 3)

static char path[64];

/*
 * Not by ckpt_path(): the test opens such files while the tasks are frozen. They stay, as what was
 * proved once is restarted once more.
 */
static int make(int flags)
{
	snprintf(path, sizeof(path), "/dev/shm/ckpt-lease-XXXXXX");
	CHECK_SYS(close(CHECK_SYS(mkstemp(path))));
	return CHECK_SYS(open(path, flags));
}

/*
 * So many seconds the kernel waits for who has a lease that is broken from now on; 0: for ever. It is
 * the machine's, and stays until the next one sets it.
 */
static void limit(const char *seconds)
{
	int fd = CHECK_SYS(open("/proc/sys/fs/lease-break-time", O_WRONLY));

	CHECK_EQ(strlen(seconds), write(fd, seconds, strlen(seconds)));
	CHECK_SYS(close(fd));
}

static void block_both(void)
{
	limit("0");
	block(SIG);
	block(SIGIO);
}

/* Nobody gets it open with @flags before the lease is given up. */
static void held_against(int flags)
{
	CHECK(open(path, flags | O_NONBLOCK) == -1 && errno == EWOULDBLOCK, "flags 0x%x", flags);
}

static void opens(int flags)
{
	CHECK_SYS(close(CHECK_SYS(open(path, flags | O_NONBLOCK))));
}

CKPT_CYCLE(for_reading)
{
	int fd = make(O_RDONLY), other = CHECK_SYS(open(path, O_RDONLY));
	siginfo_t info;

	block_both();
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_RDLCK));
	CHECK_SYS(fcntl(other, F_SETLEASE, F_RDLCK));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
	ckpt_ready_wait();
	CHECK_EQ(F_RDLCK, fcntl(fd, F_GETLEASE));
	CHECK_EQ(F_RDLCK, fcntl(other, F_GETLEASE));
	CHECK_EQ(getpid(), fcntl(fd, F_GETOWN));
	opens(O_RDONLY);
	CHECK(!is_pending(SIG) && !is_pending(SIGIO), "broken by a reader");
	held_against(O_WRONLY);
	info = comes(SIG);
	CHECK_EQ(fd, info.si_fd);
	CHECK_EQ(POLL_MSG, info.si_code);
	comes(SIGIO);
	CHECK_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_UNLCK));
	held_against(O_WRONLY);
	CHECK_SYS(close(other));
	opens(O_WRONLY);
}

CKPT_CYCLE(for_writing)
{
	int fd = make(O_RDWR);

	block_both();
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_WRLCK));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
	CHECK_EQ(3, write(fd, "abc", 3));
	ckpt_ready_wait();
	CHECK_EQ(F_WRLCK, fcntl(fd, F_GETLEASE));
	CHECK(!is_pending(SIG), "the checkpoint has broken it");
	held_against(O_RDONLY);
	CHECK_EQ(fd, comes(SIG).si_fd);
	CHECK_EQ(F_RDLCK, fcntl(fd, F_GETLEASE));
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_UNLCK));
	opens(O_RDWR);
}

static int is_told(void *arg)
{
	block_both();
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	comes(SIG);
	return 0;
}

/* Another process gets the signal, or nobody. */
CKPT_CYCLE(other_owners)
{
	int fd, silent;
	pid_t child;

	block_both();
	silent = make(O_RDWR);
	CHECK_SYS(unlink(path));
	CHECK_SYS(fcntl(silent, F_SETLEASE, F_WRLCK));
	CHECK_SYS(fcntl(silent, F_SETOWN, 0));
	fd = make(O_RDWR);
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_WRLCK));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
	child = ckpt_fork(is_told, NULL);
	CHECK_SYS(fcntl(fd, F_SETOWN, child));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(F_WRLCK, fcntl(silent, F_GETLEASE));
	CHECK_EQ(0, fcntl(silent, F_GETOWN));
	CHECK_EQ(child, fcntl(fd, F_GETOWN));
	held_against(O_RDWR);
	ckpt_step(1);
	ckpt_wait_exit(child, 0);
	CHECK(!is_pending(SIG) && !is_pending(SIGIO), "told, too");
}

static char directory[64];

static int makes_a_file(void *arg)
{
	char name[96];

	snprintf(name, sizeof(name), "%s/new", directory);
	CHECK_SYS(close(CHECK_SYS(open(name, O_RDWR | O_CREAT, 0600))));
	CHECK_SYS(unlink(name));
	CHECK_EQ(1, board->step[2]);
	return 0;
}

/* A change of the directory waits until its delegation is given up. */
CKPT_CYCLE(delegations)
{
	struct delegation deleg = { .d_type = F_RDLCK };
	int dir, fd = make(O_RDONLY);
	pid_t child;

	block_both();
	snprintf(directory, sizeof(directory), "/dev/shm/ckpt-deleg-XXXXXX");
	CHECK(mkdtemp(directory), "%s", strerror(errno));
	dir = CHECK_SYS(open(directory, O_RDONLY | O_DIRECTORY));
	CHECK_SYS(fcntl(dir, F_SETDELEG, &deleg));
	CHECK_SYS(fcntl(dir, F_SETSIG, SIG));
	CHECK_SYS(fcntl(fd, F_SETDELEG, &deleg));
	ckpt_ready_wait();
	memset(&deleg, 0, sizeof(deleg));
	CHECK_SYS(fcntl(fd, F_GETDELEG, &deleg));
	CHECK_EQ(F_RDLCK, deleg.d_type);
	CHECK_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	CHECK_SYS(fcntl(dir, F_GETDELEG, &deleg));
	CHECK_EQ(F_RDLCK, deleg.d_type);
	child = ckpt_fork(makes_a_file, NULL);
	CHECK_EQ(dir, comes(SIG).si_fd);
	ckpt_step(2);
	deleg.d_type = F_UNLCK;
	CHECK_SYS(fcntl(dir, F_SETDELEG, &deleg));
	ckpt_wait_exit(child, 0);
}

/* ---- broken, and taken by others --------------------------------------- */

static void not_told_again(void)
{
	CHECK(!is_pending(SIG) && !is_pending(SIGIO), "told once more");
}

/* Somebody has wanted to open it, and does not wait for that. */
CKPT_CYCLE(being_broken)
{
	int fd = make(O_RDWR);

	block_both();
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_WRLCK));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
	held_against(O_RDONLY);
	comes(SIG);
	ckpt_ready_wait();
	CHECK_EQ(F_RDLCK, fcntl(fd, F_GETLEASE));
	held_against(O_RDONLY);
	not_told_again();
	/* A writer wants more than it was told of. */
	held_against(O_WRONLY);
	comes(SIG);
	CHECK_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_UNLCK));
	opens(O_RDWR);
}

/* It is told of a break that it has not heard of yet. */
CKPT_CYCLE(being_broken_and_not_told)
{
	int fd = make(O_RDONLY);

	block_both();
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_WRLCK));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
	held_against(O_RDONLY);
	held_against(O_WRONLY);
	ckpt_ready_wait();
	CHECK_EQ(fd, comes(SIG).si_fd);
	CHECK_EQ(fd, comes(SIG).si_fd);
	not_told_again();
	CHECK_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	held_against(O_WRONLY);
	not_told_again();
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_RDLCK));
	/* One wish is fulfilled, the other one is not. */
	opens(O_RDONLY);
	CHECK_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_UNLCK));
	opens(O_WRONLY);
}

static int waits_for_lease(void *how)
{
	CHECK_SYS(close(CHECK_SYS(open(path, *(int *)how))));
	CHECK_EQ(1, board->step[2]);
	return 0;
}

/* Who wants to write waits until both give it up. */
CKPT_CYCLE(waited_for, .blocked = { BLOCKED(__NR_openat) })
{
	int fd = make(O_RDONLY), other = CHECK_SYS(open(path, O_RDONLY)), how = O_WRONLY;
	pid_t child;

	block_both();
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_RDLCK));
	CHECK_SYS(fcntl(other, F_SETLEASE, F_RDLCK));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
	child = ckpt_fork(waits_for_lease, &how);
	comes(SIG);
	comes(SIGIO);
	ckpt_ready_wait();
	CHECK_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
	CHECK_EQ(F_UNLCK, fcntl(other, F_GETLEASE));
	not_told_again();
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_UNLCK));
	CHECK_EQ(0, waitpid(child, NULL, WNOHANG));
	ckpt_step(2);
	CHECK_SYS(fcntl(other, F_SETLEASE, F_UNLCK));
	ckpt_wait_exit(child, 0);
}

/* Nobody gives it up: the kernel takes it when the time is over that was left. */
CKPT_CYCLE(in_time)
{
	int fd = make(O_RDONLY), how = O_WRONLY;
	pid_t child;

	block_both();
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_RDLCK));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
	limit("3");
	ckpt_step(2);
	child = ckpt_fork(waits_for_lease, &how);
	comes(SIG);
	ckpt_ready_wait();
	ckpt_wait_exit(child, 0);
	not_told_again();
	CHECK(fcntl(fd, F_SETLEASE, F_UNLCK) == -1 && errno == EAGAIN, "it has one");
}

/* A file is to be made in a directory with a delegation. */
CKPT_CYCLE(delegation_being_broken, .blocked = { BLOCKED(__NR_openat) })
{
	struct delegation deleg = { .d_type = F_RDLCK };
	pid_t child;
	int dir;

	block_both();
	snprintf(directory, sizeof(directory), "/dev/shm/ckpt-deleg-XXXXXX");
	CHECK(mkdtemp(directory), "%s", strerror(errno));
	dir = CHECK_SYS(open(directory, O_RDONLY | O_DIRECTORY));
	CHECK_SYS(fcntl(dir, F_SETDELEG, &deleg));
	CHECK_SYS(fcntl(dir, F_SETSIG, SIG));
	child = ckpt_fork(makes_a_file, NULL);
	comes(SIG);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(dir, F_GETDELEG, &deleg));
	CHECK_EQ(F_UNLCK, deleg.d_type);
	not_told_again();
	ckpt_step(2);
	deleg.d_type = F_UNLCK;
	CHECK_SYS(fcntl(dir, F_SETDELEG, &deleg));
	ckpt_wait_exit(child, 0);
}

CKPT_SCENARIO(leased)
{
	int fd = make(O_RDONLY);

	CHECK_SYS(fcntl(fd, F_SETLEASE, F_RDLCK));
	snprintf(board->text, sizeof(board->text), "%s", path);
	ckpt_ready_wait();
	CHECK_EQ(F_RDLCK, fcntl(fd, F_GETLEASE));
}

/* Who has opened it for writing meanwhile keeps it from having a lease. */
TEST_F_TIMEOUT(cr, opened_meanwhile, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), fd, err;
	struct ckpt_run run;
	long pid;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, ckpt_run_init(&run, &leased, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	fd = open(run.board->text, O_WRONLY);
	ASSERT_LE(0, fd);
	ckpt_take_board_back(&run);
	pid = image_restart(&run, image);
	err = errno;
	EXPECT_EQ(-1, pid);
	EXPECT_EQ(EAGAIN, err);
	if (pid > 0)
		image_end(&run, pid);
	EXPECT_TRUE(ckpt_run_log_has(&run, ": its lease can't be taken: somebody has it open, or has "
				     "a lease, meanwhile: have it closed"));
	close(fd);
	EXPECT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* The limit of the machine is the usual one again. */
TEST(usual_limit)
{
	int fd = open("/proc/sys/fs/lease-break-time", O_WRONLY);

	ASSERT_LE(0, fd);
	ASSERT_EQ(2, write(fd, "45", 2));
	ASSERT_EQ(0, close(fd));
}

TEST_HARNESS_MAIN
