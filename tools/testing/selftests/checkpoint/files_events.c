// SPDX-License-Identifier: GPL-2.0
/* What programs are told of checkpoint and restart that ask: prctl(PR_CHECKPOINT_EVENTS). */
#include "advice.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>

#ifndef PR_CHECKPOINT_EVENTS
#define PR_CHECKPOINT_EVENTS	82
#endif

CKPT_FIXTURE

static const struct checkpoint_args nothing;

FIXTURE(advice) { int unused; };
FIXTURE_VARIANT(advice) { bool container; };
FIXTURE_VARIANT_ADD(advice, container) { .container = true };
FIXTURE_VARIANT_ADD(advice, subtree) { .container = false };

FIXTURE_SETUP(advice)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(advice)
{
	finish();
}

static int events(int flags)
{
	return CHECK_SYS(prctl(PR_CHECKPOINT_EVENTS, flags, 0, 0, 0));
}

static bool is_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	CHECK(poll(&pfd, 1, 0) >= 0, "%s", strerror(errno));
	return pfd.revents & POLLIN;
}

/* The event that is there, and its environment, which has a NUL at its end. */
static struct checkpoint_event next(int fd, char *environment, size_t size)
{
	struct {
		struct checkpoint_event event;
		char environment[4096];
	} got;
	ssize_t n = CHECK_SYS(read(fd, &got, sizeof(got)));

	CHECK_EQ(sizeof(got.event), got.event.size);
	CHECK_EQ(0, got.event.reserved);
	CHECK_EQ(n, sizeof(got.event) + got.event.environment_len);
	CHECK(got.event.id && got.event.created_ns, "event of no checkpoint");
	CHECK(got.event.environment_len < size, "%u bytes", got.event.environment_len);
	memcpy(environment, got.environment, got.event.environment_len);
	environment[got.event.environment_len] = 0;
	return got.event;
}

/* Whoever runs on is told of the image, whoever comes from it of that. */
static void is_told(int fd)
{
	struct checkpoint_event event;
	char environment[16];
	char c[1024];

	CHECK(is_readable(fd), "nothing was told");
	CHECK(read(fd, c, sizeof(event) - 1) == -1 && errno == EMSGSIZE, "half an event");
	event = next(fd, environment, sizeof(environment));
	CHECK_EQ(board->restarts, event.generation);
	if (board->restarts) {
		CHECK_EQ(CHECKPOINT_EVENT_RESTORED, event.type);
		/* Nobody has read those before. */
		CHECK(event.missed >= board->restarts - 1, "%u missed", event.missed);
	} else {
		CHECK_EQ(CHECKPOINT_EVENT_SAVED, event.type);
	}
	CHECK_EQ(0, event.environment_len);
	CHECK(!is_readable(fd), "it was told twice");
}

CKPT_CYCLE(told)
{
	int fd = events(O_NONBLOCK), fd2 = events(O_CLOEXEC);
	char c[1024];

	CHECK(read(fd, c, sizeof(c)) == -1 && errno == EAGAIN, "nothing has happened yet");
	CHECK(write(fd, c, 1) == -1 && errno == EBADF, "is written to");
	ckpt_ready_wait();
	CHECK_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE));
	CHECK_EQ(FD_CLOEXEC, fcntl(fd2, F_GETFD));
	is_told(fd);
	is_told(fd2);
	CHECK(read(fd, c, sizeof(c)) == -1 && errno == EAGAIN, "all was read");
}

/* By epoll, and by another process that has the same open file. */
CKPT_CYCLE(shared)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = events(0), ep = CHECK_SYS(epoll_create1(0));
	pid_t kid;

	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	CHECK_EQ(0, epoll_wait(ep, &event, 1, 0));
	kid = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(1, epoll_wait(ep, &event, 1, 0));
	CHECK_EQ(0, epoll_wait(ep, &event, 1, 0));
	is_told(fd);
	ckpt_wait_exit(kid, 0);
}

/* A thread waits: a checkpoint wakes it, and a restart. */
CKPT_SCENARIO(waiting)
{
	char environment[16];
	struct checkpoint_event event;
	int fd = events(0);

	ckpt_ready();
	event = next(fd, environment, sizeof(environment));
	CHECK_EQ(CHECKPOINT_EVENT_SAVED, event.type);
	ckpt_step(1);
	event = next(fd, environment, sizeof(environment));
	CHECK_EQ(CHECKPOINT_EVENT_RESTORED, event.type);
	/* That of the checkpoint that ended it is none that it could have read. */
	CHECK_EQ(0, event.missed);
	CHECK_EQ(1, event.generation);
	ckpt_wait_go();
}

static void await_step(unsigned int step)
{
	while (!__atomic_load_n(&run.board->step[step], __ATOMIC_SEQ_CST))
		syscall(__NR_futex, &run.board->step[step], 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
}

TEST_F(advice, wakes_who_waits)
{
	ASSERT_EQ(0, start(&waiting, variant->container));
	ASSERT_EQ(0, checkpoint(0, &nothing));
	await_step(1);
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(0, restart(0, &(struct restart_args){}));
	ASSERT_EQ(0, go());
}

static void raise_step(unsigned int step)
{
	__atomic_add_fetch(&run.board->step[step], 1, __ATOMIC_SEQ_CST);
	syscall(__NR_futex, &run.board->step[step], 1 /* FUTEX_WAKE */, INT_MAX, NULL, NULL, 0);
}

/* More than a pipe holds. */
#define LARGE		(1 << 20)

/* While its image is still written, who listens stops doing so. */
CKPT_SCENARIO(closing)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = events(0), ep = CHECK_SYS(epoll_create1(0));
	char *large = malloc(LARGE);

	CHECK(large, "no memory");
	CHECK_EQ(LARGE, getrandom(large, LARGE, 0));
	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	ckpt_ready();
	ckpt_step_wait(0, 1);
	/* That of the second checkpoint, whose image is complete. */
	CHECK_EQ(1, epoll_wait(ep, &event, 1, 0));
	close(fd);
	CHECK_EQ(0, epoll_wait(ep, &event, 1, 0));
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_EQ(0, epoll_wait(ep, &event, 1, 0));
}

TEST_F(advice, is_not_kept_open)
{
	char buf[65536];
	int to[2], status;
	pid_t caller;

	ASSERT_EQ(0, start(&closing, variant->container));
	ASSERT_EQ(0, ckpt_pipe(to, O_CLOEXEC));
	fflush(NULL);
	caller = fork();
	ASSERT_LE(0, caller);
	if (!caller) {
		close(to[0]);
		_exit(ckpt_run_call(&run, to[1], 0) > 0 ? 0 : 1);
	}
	close(to[1]);
	/* The tasks run again when there is something to read. */
	ASSERT_EQ(1, read(to[0], buf, 1));
	EXPECT_EQ(0, checkpoint(0, &nothing));
	raise_step(0);
	await_step(1);
	while (read(to[0], buf, sizeof(buf)) > 0)
		;
	close(to[0]);
	ASSERT_EQ(caller, waitpid(caller, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, go());
}

/* That of the checkpoint was reported, and not read: that of the restart is another one. */
CKPT_SCENARIO(edge)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = events(0), ep = CHECK_SYS(epoll_create1(0));

	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	ckpt_ready();
	while (epoll_wait(ep, &event, 1, -1) < 0)
		CHECK_EQ(EINTR, errno);
	CHECK_EQ(0, epoll_wait(ep, &event, 1, 0));
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_EQ(1, epoll_wait(ep, &event, 1, 0));
	CHECK_EQ(0, epoll_wait(ep, &event, 1, 0));
	is_told(fd);
}

TEST_F(advice, is_another_edge)
{
	ASSERT_EQ(0, start(&edge, variant->container));
	ASSERT_EQ(0, checkpoint(0, &nothing));
	await_step(1);
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(0, restart(0, &(struct restart_args){}));
	ASSERT_EQ(0, go());
}

#define ENVIRONMENT	"HOST=new\0EMPTY=\0"

CKPT_SCENARIO(listening)
{
	struct checkpoint_event event;
	char environment[64];
	int fd = events(0);

	ckpt_ready_wait();
	event = next(fd, environment, sizeof(environment));
	CHECK_EQ(CHECKPOINT_EVENT_RESTORED, event.type);
	CHECK_EQ(sizeof(ENVIRONMENT) - 1, event.environment_len);
	CHECK(!memcmp(ENVIRONMENT, environment, sizeof(ENVIRONMENT)), "\"%s\"", environment);
}

/* restart(2) with an environment; 0, or the errno. */
static int restart_with(const char *environment, size_t len)
{
	struct restart_args args;
	long pid;

	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	args.environment = (uintptr_t)environment;
	args.environment_len = len;
	pid = sys_restart(&args, sizeof(args));
	if (pid < 0)
		return errno;
	run.pid = pid;
	run.pidfd = args.pidfd;
	run.status = 0;
	return 0;
}

TEST_F(advice, environment)
{
	static char large[RESTART_ENVIRONMENT_MAX + 1] = "A=";

	ASSERT_EQ(0, start(&listening, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	EXPECT_EQ(EINVAL, restart_with("HOST=new", 8));
	EXPECT_TRUE(ckpt_run_log_has(&run, "is not NAME=VALUE, or the last has no NUL"));
	EXPECT_EQ(EINVAL, restart_with("HOST", 5));
	EXPECT_EQ(EINVAL, restart_with("=new", 5));
	EXPECT_EQ(EINVAL, restart_with("A=b\0", 5));
	EXPECT_EQ(E2BIG, restart_with(large, sizeof(large)));
	EXPECT_TRUE(ckpt_run_log_has(&run, "more than 64 KiB"));
	EXPECT_EQ(EFAULT, restart_with((char *)1, 8));
	ASSERT_EQ(0, restart_with(ENVIRONMENT, sizeof(ENVIRONMENT) - 1));
	ASSERT_EQ(0, go());
}

/* A checkpoint that comes to nothing is not told of. */
CKPT_SCENARIO(not_told)
{
	int fd = events(0);

	ckpt_ready_wait();
	CHECK(!is_readable(fd), "it was told of an image that is none");
}

TEST_F(advice, nothing_without_an_image)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ASSERT_EQ(0, start(&not_told, variant->container));
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &nothing));
	ASSERT_EQ(-1, ckpt_run_call(&run, full, 0));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, go());
	close(full);
}

TEST_F(advice, arguments)
{
	EXPECT_EQ(-1, prctl(PR_CHECKPOINT_EVENTS, O_APPEND, 0, 0, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, prctl(PR_CHECKPOINT_EVENTS, 0, 1, 0, 0));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
