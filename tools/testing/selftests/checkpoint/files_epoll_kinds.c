// SPDX-License-Identifier: GPL-2.0
/* Epoll instances: files of other kinds than pipes that are registered with them. */
#include "epoll.h"
#include "pipes.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

CKPT_FIXTURE

/* What is in a named pipe comes back last of all. */
CKPT_CYCLE(named_pipes)
{
	int ep = instance(), end[3][2], i;
	char path[320], name[16];

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "fifo%d", i);
		CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), name), 0600));
		end[i][R] = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
		end[i][W] = CHECK_SYS(open(path, O_WRONLY));
		add(ep, end[i][R], EPOLLIN | EPOLLET, DATA(i));
	}
	put(end[0][W], 0, 10);
	reports(ep, EPOLLIN, DATA(0));
	put(end[1][W], 0, 10);
	same_items(ep, 3);
	reports(ep, EPOLLIN, DATA(1));
	put(end[2][W], 0, 10);
	reports(ep, EPOLLIN, DATA(2));
	reports_nothing(ep);
	get(end[0][R], 0, 10);
	put(end[0][W], 10, 1);
	reports(ep, EPOLLIN, DATA(0));
}

CKPT_CYCLE(device)
{
	int ep = instance(), fd = CHECK_SYS(open("/dev/random", O_RDONLY));
	struct epoll_event event;

	/* For which of the two depends on how much the machine has collected. */
	add(ep, fd, EPOLLIN | EPOLLOUT | EPOLLET, DATA(1));
	CHECK_EQ(1, epoll_wait(ep, &event, 1, 0));
	same_items(ep, 1);
	reports_nothing(ep);
}

CKPT_CYCLE(event_fds)
{
	int ep = instance(), fd = CHECK_SYS(eventfd(0, 0)), told = CHECK_SYS(eventfd(5, 0));
	uint64_t n = 1;

	add(ep, fd, EPOLLIN | EPOLLET, DATA(1));
	add(ep, told, EPOLLIN | EPOLLET, DATA(2));
	reports(ep, EPOLLIN, DATA(2));
	same_items(ep, 2);
	reports_nothing(ep);
	CHECK_EQ(8, write(fd, &n, sizeof(n)));
	reports(ep, EPOLLIN, DATA(1));
	reports_nothing(ep);
	CHECK_EQ(8, write(told, &n, sizeof(n)));
	reports(ep, EPOLLIN, DATA(2));
	CHECK_EQ(8, read(told, &n, sizeof(n)));
	CHECK_EQ(6, n);
	reports_nothing(ep);
}

/* Whenever it expires: before the checkpoint, while all is down, or after. */
CKPT_CYCLE(timer_fds)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1 }, later = { .it_value.tv_nsec = 300000000 };
	int ep = instance(), timer[3], i;
	struct epoll_event event;
	unsigned int seen = 0;

	for (i = 0; i < 3; i++) {
		timer[i] = CHECK_SYS(timerfd_create(CLOCK_MONOTONIC, 0));
		add(ep, timer[i], EPOLLIN | EPOLLET, i);
	}
	/* This one is reported before. */
	CHECK_SYS(timerfd_settime(timer[0], 0, &soon, NULL));
	CHECK_EQ(1, epoll_wait(ep, &event, 1, -1));
	CHECK_EQ(0, event.data.u64);
	CHECK_SYS(timerfd_settime(timer[1], 0, &soon, NULL));
	CHECK_SYS(timerfd_settime(timer[2], 0, &later, NULL));
	ckpt_ready_wait();
	while (seen != 6) {
		CHECK_EQ(1, epoll_wait(ep, &event, 1, -1));
		i = event.data.u64;
		CHECK(i > 0 && i < 3 && !(seen & 1u << i), "%d is reported once more", i);
		seen |= 1u << i;
	}
	reports_nothing(ep);
}

/* A signalfd for @sig, which is blocked. */
static int signal_fd_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	return CHECK_SYS(signalfd(-1, &set, 0));
}

/* It waits for the signals of who has registered it. */
CKPT_CYCLE(signal_fd)
{
	struct signalfd_siginfo info;
	int ep = instance(), fd = signal_fd_of(SIGUSR1);

	add(ep, fd, EPOLLIN | EPOLLET, DATA(1));
	same_items(ep, 1);
	reports_nothing(ep);
	CHECK_SYS(kill(getpid(), SIGUSR1));
	reports(ep, EPOLLIN, DATA(1));
	CHECK_EQ(sizeof(info), read(fd, &info, sizeof(info)));
	CHECK_EQ(SIGUSR1, info.ssi_signo);
	reports_nothing(ep);
}

CKPT_CYCLE(signal_that_is_pending)
{
	int ep = instance(), other = instance(), fd = signal_fd_of(SIGUSR1);

	add(ep, fd, EPOLLIN | EPOLLET, DATA(1));
	add(other, fd, EPOLLIN | EPOLLET, DATA(2));
	CHECK_SYS(kill(getpid(), SIGUSR1));
	reports(other, EPOLLIN, DATA(2));
	ckpt_ready_wait();
	reports(ep, EPOLLIN, DATA(1));
	reports_nothing(ep);
	reports_nothing(other);
}

/* Whoever asks the outer instance what it has to report: the signal is not his. */
CKPT_CYCLE(signal_that_is_nested)
{
	int inner = instance(), outer = instance();

	add(inner, signal_fd_of(SIGUSR1), EPOLLIN | EPOLLET, DATA(1));
	add(outer, inner, EPOLLIN | EPOLLET, DATA(2));
	CHECK_SYS(kill(getpid(), SIGUSR1));
	reports(outer, EPOLLIN, DATA(2));
	ckpt_ready_wait();
	reports_nothing(outer);
	reports(inner, EPOLLIN, DATA(1));
	reports_nothing(inner);
}

static int ep_shared;

/* Has what its parent has registered: that a signal is pending for it is no event there. */
static int has_signal(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(kill(getpid(), SIGUSR1));
	reports_nothing(ep_shared);
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	return 64;
}

CKPT_CYCLE(signal_fd_of_the_parent)
{
	pid_t kid;

	ep_shared = instance();
	add(ep_shared, signal_fd_of(SIGUSR1), EPOLLIN | EPOLLET, DATA(1));
	kid = ckpt_fork(has_signal, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	reports_nothing(ep_shared);
	CHECK_SYS(kill(getpid(), SIGUSR1));
	reports(ep_shared, EPOLLIN, DATA(1));
	ckpt_step(2);
	ckpt_wait_exit(kid, 64);
}

TEST_HARNESS_MAIN
