// SPDX-License-Identifier: GPL-2.0
/* Eventfds: what was counted, how it is read, and who waits for it. */
#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

CKPT_FIXTURE

/* Where there is no poll(2) the C library's poll() is a ppoll(2). */
#ifdef __NR_poll
#define POLL_CALL __NR_poll
#else
#define POLL_CALL __NR_ppoll
#endif

/* The most that write(2) can bring about. */
#define FULL	(UINT64_MAX - 1)

static void add(int fd, uint64_t n)
{
	CHECK_EQ(sizeof(n), write(fd, &n, sizeof(n)));
}

static uint64_t take(int fd)
{
	uint64_t n = 0;

	CHECK_EQ(sizeof(n), read(fd, &n, sizeof(n)));
	return n;
}

/* A read would wait. */
static void is_empty(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	CHECK_EQ(0, poll(&pfd, 1, 0));
}

/* The number that /proc/self/fdinfo has after @name. */
static uint64_t shown(int fd, const char *name, int base)
{
	char path[64], text[512], *at;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	at = strstr(ckpt_read_file(path, text, sizeof(text)), name);
	CHECK(at, "no %s in \"%s\"", name, text);
	return strtoull(at + strlen(name), NULL, base);
}

CKPT_CYCLE(counter)
{
	int fd = CHECK_SYS(eventfd(5, 0));

	add(fd, 4706);
	ckpt_ready_wait();
	CHECK_EQ(4711, shown(fd, "eventfd-count:", 16));
	CHECK_EQ(0, shown(fd, "eventfd-semaphore:", 10));
	CHECK_EQ(4711, take(fd));
	is_empty(fd);
	add(fd, 3);
	CHECK_EQ(3, take(fd));
}

CKPT_CYCLE(zero)
{
	struct pollfd pfd = { .events = POLLIN | POLLOUT };

	pfd.fd = CHECK_SYS(eventfd(0, 0));
	ckpt_ready_wait();
	CHECK_EQ(1, poll(&pfd, 1, 0));
	CHECK_EQ(POLLOUT, pfd.revents);
}

/* More than eventfd(2) takes. */
CKPT_CYCLE(large)
{
	int fd = CHECK_SYS(eventfd(UINT32_MAX, 0)), sem = CHECK_SYS(eventfd(0, EFD_SEMAPHORE));

	add(fd, 0x123456789abcdef0);
	add(sem, 1ull << 40);
	ckpt_ready_wait();
	CHECK_EQ(0x123456789abcdef0 + UINT32_MAX, take(fd));
	CHECK_EQ(1, take(sem));
	CHECK_EQ((1ull << 40) - 1, shown(sem, "eventfd-count:", 16));
}

/* There is room for nothing more. */
CKPT_CYCLE(full)
{
	int fd = CHECK_SYS(eventfd(0, EFD_NONBLOCK));
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	uint64_t one = 1;

	add(fd, FULL);
	ckpt_ready_wait();
	CHECK_EQ(1, poll(&pfd, 1, 0));
	CHECK_EQ(POLLIN, pfd.revents);
	CHECK(write(fd, &one, sizeof(one)) == -1 && errno == EAGAIN, "it was full");
	CHECK_EQ(FULL, take(fd));
	CHECK(read(fd, &one, sizeof(one)) == -1 && errno == EAGAIN, "it is empty");
}

CKPT_CYCLE(semaphore)
{
	int fd = CHECK_SYS(eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK));
	uint64_t n;

	CHECK_EQ(1, take(fd));
	ckpt_ready_wait();
	CHECK_EQ(1, shown(fd, "eventfd-semaphore:", 10));
	CHECK_EQ(1, take(fd));
	add(fd, 1);
	CHECK_EQ(1, take(fd));
	CHECK_EQ(1, take(fd));
	CHECK(read(fd, &n, sizeof(n)) == -1 && errno == EAGAIN, "all were taken");
}

CKPT_CYCLE(flags)
{
	int fd[3], flags[3], i;

	fd[0] = CHECK_SYS(eventfd(0, 0));
	fd[1] = CHECK_SYS(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	fd[2] = CHECK_SYS(eventfd(0, EFD_SEMAPHORE));
	CHECK_SYS(fcntl(fd[2], F_SETFL, O_APPEND | O_NOATIME));
	for (i = 0; i < 3; i++)
		flags[i] = CHECK_SYS(fcntl(fd[i], F_GETFL));
	CHECK(flags[1] & O_NONBLOCK, "flags 0%o", flags[1]);
	ckpt_ready_wait();
	for (i = 0; i < 3; i++) {
		CHECK_EQ(flags[i], fcntl(fd[i], F_GETFL));
		CHECK_EQ(i == 1 ? FD_CLOEXEC : 0, fcntl(fd[i], F_GETFD));
	}
}

/* ---- shared ---------------------------------------------------------- */

static int own[2], twin;

static int shares(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	/* What the parent has added by the other descriptor, and nothing of the other eventfd. */
	CHECK_EQ(108, take(own[0]));
	CHECK(fcntl(own[0], F_GETFL) & O_NONBLOCK, "flags are not shared");
	add(twin, 9);
	return 71;
}

CKPT_CYCLE(shared_by_fork_and_dup)
{
	pid_t kid;

	own[0] = CHECK_SYS(eventfd(100, 0));
	own[1] = CHECK_SYS(eventfd(1000, 0));
	twin = CHECK_SYS(dup(own[0]));
	kid = ckpt_fork(shares, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	add(twin, 8);
	CHECK_SYS(fcntl(twin, F_SETFL, O_NONBLOCK));
	ckpt_step(1);
	ckpt_wait_exit(kid, 71);
	CHECK_EQ(9, take(own[0]));
	CHECK_EQ(1000, take(own[1]));
}

/* Only a child has it. */
static int has_it(void *arg)
{
	int fd = CHECK_SYS(eventfd(77, 0));

	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(77, take(fd));
	return 72;
}

CKPT_CYCLE(of_a_child)
{
	pid_t kid = ckpt_fork(has_it, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 72);
}

/* None is taken for another. */
CKPT_CYCLE(many)
{
	enum { MANY = 800 };
	int fd[MANY], i;

	for (i = 0; i < MANY; i++)
		fd[i] = CHECK_SYS(eventfd(i, i % 3 ? 0 : EFD_SEMAPHORE));
	ckpt_ready_wait();
	for (i = 1; i < MANY; i++)
		CHECK_EQ(i % 3 ? i : 1, take(fd[i]));
	is_empty(fd[0]);
}

/* ---- somebody waits -------------------------------------------------- */

static int waits_in_read(void *arg)
{
	CHECK_EQ(12, take(own[0]));
	return 73;
}

CKPT_CYCLE(reader_waits, .blocked = { BLOCKED(__NR_read) })
{
	pid_t kid;

	own[0] = CHECK_SYS(eventfd(0, 0));
	kid = ckpt_fork(waits_in_read, NULL);
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	add(own[0], 12);
	ckpt_wait_exit(kid, 73);
}

/* Two wait for one each. */
static int waits_for_one(void *arg)
{
	CHECK_EQ(1, take(own[0]));
	ckpt_step(0);
	return 74;
}

CKPT_CYCLE(semaphore_waits, .blocked = { BLOCKED(__NR_read), BLOCKED(__NR_read) })
{
	pid_t kid[2];

	own[0] = CHECK_SYS(eventfd(0, EFD_SEMAPHORE));
	kid[0] = ckpt_fork(waits_for_one, NULL);
	kid[1] = ckpt_fork(waits_for_one, NULL);
	ckpt_ready_wait();
	add(own[0], 1);
	ckpt_step_wait(0, 1);
	add(own[0], 2);
	ckpt_wait_exit(kid[0], 74);
	ckpt_wait_exit(kid[1], 74);
	CHECK_EQ(1, take(own[0]));
}

static int waits_in_write(void *arg)
{
	add(own[0], 10);
	return 75;
}

CKPT_CYCLE(writer_waits, .blocked = { BLOCKED(__NR_write) })
{
	pid_t kid;

	own[0] = CHECK_SYS(eventfd(0, 0));
	add(own[0], FULL - 9);
	kid = ckpt_fork(waits_in_write, NULL);
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	CHECK_EQ(FULL - 9, take(own[0]));
	ckpt_wait_exit(kid, 75);
	CHECK_EQ(10, take(own[0]));
}

static int waits_in_poll(void *arg)
{
	struct pollfd pfd[2] = {
		{ .fd = own[0], .events = POLLIN }, { .fd = own[1], .events = POLLIN },
	};

	CHECK_EQ(1, poll(pfd, 2, -1));
	CHECK_EQ(0, pfd[0].revents);
	CHECK_EQ(POLLIN, pfd[1].revents);
	return 76;
}

CKPT_CYCLE(poll_waits, .blocked = { BLOCKED(POLL_CALL) })
{
	pid_t kid;

	own[0] = CHECK_SYS(eventfd(0, 0));
	own[1] = CHECK_SYS(eventfd(0, 0));
	kid = ckpt_fork(waits_in_poll, NULL);
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	add(own[1], 1);
	ckpt_wait_exit(kid, 76);
}

TEST_HARNESS_MAIN
