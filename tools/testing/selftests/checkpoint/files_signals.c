// SPDX-License-Identifier: GPL-2.0
/* Signals of open files: who gets them, which, by whose choice, and what they tell. */
#include "blocked_signals.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS	17
#endif

CKPT_FIXTURE

#define SIG	(SIGRTMIN + 3)

static struct f_owner_ex owner_of(int fd)
{
	struct f_owner_ex owner;

	CHECK_SYS(fcntl(fd, F_GETOWN_EX, &owner));
	return owner;
}

static void set_owner(int fd, int type, pid_t pid)
{
	struct f_owner_ex owner = { type, pid };

	CHECK_SYS(fcntl(fd, F_SETOWN_EX, &owner));
}

#define CHECK_OWNER(fd, want_type, want_pid) do {				\
	CHECK_EQ(want_type, owner_of(fd).type);					\
	CHECK_EQ(want_pid, owner_of(fd).pid);					\
} while (0)

static void put(int fd)
{
	CHECK_EQ(1, write(fd, "x", 1));
}

static void get(int fd)
{
	char c;

	CHECK_EQ(1, read(fd, &c, 1));
}

static int ends_at_once(void *arg)
{
	return 0;
}

/* Owners of each kind, none, and one that is gone. */
CKPT_CYCLE(owners)
{
	int a[2], b[2], c[2];
	pid_t child;

	CHECK_SYS(pipe(a));
	CHECK_SYS(pipe(b));
	CHECK_SYS(pipe(c));
	set_owner(a[0], F_OWNER_TID, sys_gettid());
	set_owner(a[1], F_OWNER_PID, getpid());
	CHECK_SYS(fcntl(b[0], F_SETOWN, -getpgrp()));
	CHECK_SYS(fcntl(b[1], F_SETSIG, SIG));
	CHECK_SYS(fcntl(b[0], F_SETSIG, SIGUSR2));
	child = ckpt_fork(ends_at_once, NULL);
	set_owner(c[0], F_OWNER_PID, child);
	CHECK_OWNER(c[0], F_OWNER_PID, child);
	ckpt_wait_exit(child, 0);
	CHECK_OWNER(c[0], F_OWNER_PID, 0);
	ckpt_ready_wait();
	CHECK_OWNER(a[0], F_OWNER_TID, sys_gettid());
	CHECK_OWNER(a[1], F_OWNER_PID, getpid());
	CHECK_EQ(getpid(), fcntl(a[1], F_GETOWN));
	CHECK_EQ(0, fcntl(a[0], F_GETSIG));
	CHECK_OWNER(b[0], F_OWNER_PGRP, getpgrp());
	CHECK_EQ(SIGUSR2, fcntl(b[0], F_GETSIG));
	CHECK_OWNER(b[1], F_OWNER_TID, 0);
	CHECK_EQ(SIG, fcntl(b[1], F_GETSIG));
	CHECK_OWNER(c[0], F_OWNER_PID, 0);
	CHECK_OWNER(c[1], F_OWNER_TID, 0);
}

/* Who has chosen the owner stays known: by that it is decided who may get a signal. */
CKPT_CYCLE(chosen_by)
{
	uid_t ids[2];
	int fd[2];

	CHECK_SYS(pipe(fd));
	CHECK_SYS(setresuid(4711, 4712, 0));
	set_owner(fd[0], F_OWNER_PID, getpid());
	CHECK_SYS(setresuid(0, 0, 0));
	set_owner(fd[1], F_OWNER_PID, getpid());
	block(SIGIO);
	CHECK_SYS(fcntl(fd[0], F_SETFL, O_ASYNC));
	CHECK_SYS(fcntl(fd[1], F_SETFL, O_ASYNC));
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd[0], F_GETOWNER_UIDS, ids));
	CHECK_EQ(4711, ids[0]);
	CHECK_EQ(4712, ids[1]);
	CHECK_SYS(fcntl(fd[1], F_GETOWNER_UIDS, ids));
	CHECK_EQ(0, ids[0]);
	CHECK_EQ(0, ids[1]);
	/* Neither is ours now: the reading end may not signal us, the writing end may. */
	put(fd[1]);
	CHECK(!is_pending(SIGIO), "signalled by one who may not");
	get(fd[0]);
	CHECK_EQ(SIGIO, comes(SIGIO).si_signo);
}

/* What comes tells the descriptor by which it was asked for, open or not. */
CKPT_CYCLE(pipe_with_signal)
{
	siginfo_t info;
	int fd[2];

	CHECK_SYS(pipe(fd));
	block(SIG);
	set_owner(fd[0], F_OWNER_PID, getpid());
	CHECK_SYS(fcntl(fd[0], F_SETSIG, SIG));
	CHECK_SYS(dup2(fd[0], 77));
	CHECK_SYS(fcntl(77, F_SETFL, O_ASYNC | O_NONBLOCK));
	CHECK_SYS(close(77));
	ckpt_ready_wait();
	CHECK_EQ(O_ASYNC | O_NONBLOCK, fcntl(fd[0], F_GETFL) & (O_ASYNC | O_NONBLOCK));
	CHECK(!is_pending(SIG), "a signal of nothing");
	put(fd[1]);
	info = comes(SIG);
	CHECK_EQ(POLL_IN, info.si_code);
	CHECK_EQ(77, info.si_fd);
	CHECK_EQ(POLLIN | POLLRDNORM, info.si_band);
	CHECK_SYS(fcntl(fd[0], F_SETFL, 0));
	put(fd[1]);
	CHECK(!is_pending(SIG), "O_ASYNC can't be taken off");
}

/* Both ends of a FIFO in one open file. */
CKPT_CYCLE(fifo_of_both_ends)
{
	char path[320];
	int fd, other;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	fd = CHECK_SYS(open(path, O_RDWR));
	other = CHECK_SYS(open(path, O_RDWR | O_NONBLOCK));
	block(SIG);
	CHECK_SYS(fcntl(fd, F_SETOWN, getpid()));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
	CHECK_SYS(fcntl(fd, F_SETFL, O_ASYNC));
	ckpt_ready_wait();
	put(other);
	CHECK_EQ(POLL_IN, comes(SIG).si_code);
	get(other);
	CHECK_EQ(POLL_OUT, comes(SIG).si_code);
	CHECK(!(fcntl(other, F_GETFL) & O_ASYNC), "the other has it, too");
}

/* A signal that has come and was not taken yet. */
CKPT_CYCLE(pending)
{
	siginfo_t info;
	int fd[2];

	CHECK_SYS(pipe(fd));
	block(SIG);
	set_owner(fd[0], F_OWNER_PID, getpid());
	CHECK_SYS(fcntl(fd[0], F_SETSIG, SIG));
	CHECK_SYS(fcntl(fd[0], F_SETFL, O_ASYNC));
	put(fd[1]);
	ckpt_ready_wait();
	info = comes(SIG);
	CHECK_EQ(POLL_IN, info.si_code);
	CHECK_EQ(fd[0], info.si_fd);
	CHECK(!is_pending(SIG), "it came twice");
	get(fd[0]);
	put(fd[1]);
	CHECK_EQ(fd[0], comes(SIG).si_fd);
}

static int fds[2];

static int is_signalled(void *arg)
{
	block(SIG);
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	comes(SIG);
	return 0;
}

static int leads_and_leaves(void *arg)
{
	CHECK_SYS(setpgid(0, 0));
	ckpt_fork(is_signalled, NULL);
	ckpt_fork(is_signalled, NULL);
	set_owner(fds[0], F_OWNER_PGRP, getpid());
	ckpt_step_wait(0, 2);
	return 0;
}

/* A group whose leader is gone; a child that is another process than who has the file. */
CKPT_CYCLE(groups_and_others)
{
	int more[2], status, i;
	pid_t leader, child;

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	CHECK_SYS(pipe(fds));
	leader = ckpt_fork(leads_and_leaves, NULL);
	ckpt_wait_exit(leader, 0);
	child = ckpt_fork(is_signalled, NULL);
	ckpt_step_wait(0, 3);
	CHECK_SYS(pipe(more));
	set_owner(more[0], F_OWNER_TID, child);
	for (i = 0; i < 2; i++) {
		int fd = i ? more[0] : fds[0];

		CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
		CHECK_SYS(fcntl(fd, F_SETFL, O_ASYNC));
	}
	ckpt_ready_wait();
	CHECK_OWNER(fds[0], F_OWNER_PGRP, leader);
	CHECK_OWNER(more[0], F_OWNER_TID, child);
	ckpt_step(1);
	put(fds[1]);
	put(more[1]);
	for (i = 0; i < 3; i++) {
		CHECK_SYS(wait(&status));
		CHECK_EQ(0, status);
	}
}

/* open(2) takes O_ASYNC for files that send no signals: it stays a flag. */
CKPT_CYCLE(flag_without_meaning)
{
	char path[320];
	int fd, flags;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "flag"), O_RDWR | O_CREAT | O_ASYNC, 0600));
	flags = fcntl(fd, F_GETFL);
	CHECK(flags & O_ASYNC, "flags 0x%x", flags);
	ckpt_ready_wait();
	CHECK_EQ(flags, fcntl(fd, F_GETFL));
}

TEST_HARNESS_MAIN
