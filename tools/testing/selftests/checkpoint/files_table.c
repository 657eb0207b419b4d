// SPDX-License-Identifier: GPL-2.0
/* Descriptor tables: numbers, close-on-exec, and who shares what with whom. */
#include "common.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

CKPT_FIXTURE

/* A file of the scenario's own with "0123456789abcdef" in it, open for both. */
static int sixteen_bytes(const char *name)
{
	char path[320];
	int fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), name), O_RDWR | O_CREAT, 0600));

	CHECK_EQ(16, pwrite(fd, "0123456789abcdef", 16, 0));
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

/* The byte at the position of @fd, which moves by one. */
static int next_byte(int fd)
{
	char c = 0;

	CHECK_EQ(1, read(fd, &c, 1));
	return c;
}

static off_t position(int fd)
{
	return CHECK_SYS(lseek(fd, 0, SEEK_CUR));
}

static void raise_limit(unsigned int n)
{
	struct rlimit limit = { .rlim_cur = n, .rlim_max = n };

	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

CKPT_CYCLE(numbers)
{
	static const int want[] = { 3, 4, 7, 17, 63, 64, 65, 255, 256, 700, 1023 };
	const int count = ARRAY_SIZE(want);
	int at = 0, fd;

	for (fd = 0; fd < count; fd++)
		CHECK_SYS(dup3(0, want[fd], fd % 2 ? O_CLOEXEC : 0));
	ckpt_ready_wait();
	for (fd = 0; fd < 1024; fd++) {
		if (fd < 3) {
			CHECK_EQ(0, fcntl(fd, F_GETFD));
		} else if (at < count && fd == want[at]) {
			CHECK_EQ(at % 2 ? FD_CLOEXEC : 0, fcntl(fd, F_GETFD));
			at++;
		} else {
			CHECK(!is_open(fd), "descriptor %d", fd);
		}
	}
	/* The holes are given out in order. */
	CHECK_EQ(5, dup(0));
	CHECK_EQ(6, dup(0));
	CHECK_EQ(8, dup(0));
}

CKPT_CYCLE(nothing_open)
{
	CHECK_SYS(syscall(__NR_close_range, 0, ~0U, 0));
	ckpt_ready_wait();
	CHECK(!is_open(0) && !is_open(1) && !is_open(2), "the table was empty");
	CHECK_EQ(0, open("/dev/null", O_RDONLY));
}

/* More than a page of pointers; positions prove that none is exchanged. */
CKPT_CYCLE(three_thousand)
{
	enum { COUNT = 3000, FIRST = 100 };
	char path[320];
	int i, fd;

	raise_limit(8192);
	fd = sixteen_bytes("many");
	ckpt_path(path, sizeof(path), "many");
	for (i = 0; i < COUNT; i++) {
		int one = CHECK_SYS(open(path, O_RDONLY));

		CHECK_EQ(i % 16, lseek(one, i % 16, SEEK_SET));
		CHECK_SYS(dup3(one, FIRST + 2 * i, i % 3 ? 0 : O_CLOEXEC));
		CHECK_SYS(close(one));
	}
	ckpt_ready_wait();
	CHECK_EQ(0, position(fd));
	for (i = 0; i < COUNT; i++) {
		CHECK_EQ(i % 3 ? 0 : FD_CLOEXEC, fcntl(FIRST + 2 * i, F_GETFD));
		CHECK_EQ("0123456789abcdef"[i % 16], next_byte(FIRST + 2 * i));
		CHECK(!is_open(FIRST + 2 * i + 1), "descriptor %d", FIRST + 2 * i + 1);
	}
}

CKPT_CYCLE(dup_shares_position)
{
	char path[320];
	int first = sixteen_bytes("dup");
	int same = CHECK_SYS(dup(first));
	int other = CHECK_SYS(open(ckpt_path(path, sizeof(path), "dup"), O_RDWR));

	CHECK_EQ('0', next_byte(first));
	CHECK_EQ('1', next_byte(same));
	CHECK_EQ('0', next_byte(other));
	ckpt_ready_wait();
	CHECK_EQ(2, position(first));
	CHECK_EQ(2, position(same));
	CHECK_EQ(1, position(other));
	CHECK_EQ('2', next_byte(same));
	CHECK_EQ('3', next_byte(first));
	CHECK_EQ('1', next_byte(other));
	CHECK_EQ(4, position(same));
	/* Status flags belong to what is open, not to the number. */
	CHECK_SYS(fcntl(first, F_SETFL, O_APPEND));
	CHECK(fcntl(same, F_GETFL) & O_APPEND, "shared by dup");
	CHECK(!(fcntl(other, F_GETFL) & O_APPEND), "not shared with another open");
}

static int forked_fd[2];

/* Both have a table of their own, but the same open file. */
static int forked(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ('1', next_byte(forked_fd[0]));
	/* This one goes from the child's table only. */
	CHECK_SYS(close(forked_fd[1]));
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	CHECK_EQ(3, position(forked_fd[0]));
	CHECK(!is_open(200), "the parent's new descriptor is not ours");
	return 41;
}

CKPT_CYCLE(fork_shares_position)
{
	pid_t kid;

	forked_fd[0] = sixteen_bytes("fork");
	forked_fd[1] = CHECK_SYS(dup(0));
	CHECK_EQ('0', next_byte(forked_fd[0]));
	kid = ckpt_fork(forked, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK(is_open(forked_fd[1]), "closed in the child only");
	CHECK_EQ('2', next_byte(forked_fd[0]));
	CHECK_SYS(dup2(0, 200));
	ckpt_step(2);
	ckpt_wait_exit(kid, 41);
}

/* One has it open, the other got it and the first one closed it. */
static int heir(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ('5', next_byte(forked_fd[0]));
	return 42;
}

CKPT_CYCLE(left_in_child_only)
{
	pid_t kid;

	forked_fd[0] = sixteen_bytes("heir");
	CHECK_SYS(lseek(forked_fd[0], 5, SEEK_SET));
	kid = ckpt_fork(heir, NULL);
	CHECK_SYS(close(forked_fd[0]));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK(!is_open(forked_fd[0]), "it was closed");
	ckpt_wait_exit(kid, 42);
}

static void *shares_table(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(dup2(0, 300));
	CHECK_SYS(close(301));
	ckpt_step(1);
	return NULL;
}

static void *own_table(void *arg)
{
	CHECK_SYS(unshare(CLONE_FILES));
	CHECK_SYS(dup2(0, 302));
	CHECK_SYS(close(303));
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	CHECK(!is_open(300), "another table");
	CHECK(is_open(301), "another table");
	CHECK(is_open(302), "our own");
	CHECK(!is_open(303), "our own");
	CHECK_SYS(dup2(0, 304));
	ckpt_step(2);
	return NULL;
}

CKPT_CYCLE(tables_of_threads)
{
	pthread_t with, without;

	CHECK_SYS(dup2(0, 301));
	CHECK_SYS(dup2(0, 303));
	CHECK_EQ(0, pthread_create(&with, NULL, shares_table, NULL));
	CHECK_EQ(0, pthread_create(&without, NULL, own_table, NULL));
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK(is_open(300), "opened by a thread that shares the table");
	CHECK(!is_open(301), "closed by a thread that shares the table");
	CHECK(!is_open(302), "in the other thread's table");
	CHECK(is_open(303), "closed in the other thread's table");
	ckpt_step_wait(2, 1);
	CHECK(!is_open(304), "in the other thread's table");
	CHECK_EQ(0, pthread_join(with, NULL));
	CHECK_EQ(0, pthread_join(without, NULL));
}

/* Processes with one table and memory of their own: clone(CLONE_FILES). */
CKPT_CYCLE(table_of_two_processes)
{
	pid_t kid;

	CHECK_SYS(dup2(0, 401));
	kid = CHECK_SYS(sys_clone(CLONE_FILES | SIGCHLD));
	if (!kid) {
		ckpt_step(0);
		ckpt_wait_go();
		CHECK_SYS(dup2(0, 400));
		CHECK_SYS(fcntl(401, F_SETFD, FD_CLOEXEC));
		ckpt_step(1);
		ckpt_step_wait(2, 1);
		CHECK(!is_open(400), "closed by the parent");
		_exit(43);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK(is_open(400), "opened by the child");
	CHECK_EQ(FD_CLOEXEC, fcntl(401, F_GETFD));
	CHECK_SYS(close(400));
	ckpt_step(2);
	ckpt_wait_exit(kid, 43);
}

/* Close-on-exec must work, not only be shown. */
CKPT_CYCLE(close_on_exec)
{
	static char * const argv[] = {
		"sh", "-c", "test -e /proc/self/fd/50 && test ! -e /proc/self/fd/51 && exit 44", NULL
	};
	pid_t kid;

	CHECK_SYS(dup3(0, 51, O_CLOEXEC));
	CHECK_SYS(dup2(0, 50));
	ckpt_ready_wait();
	kid = CHECK_SYS(fork());
	if (!kid) {
		execv("/bin/sh", argv);
		_exit(1);
	}
	ckpt_wait_exit(kid, 44);
}

TEST_HARNESS_MAIN
