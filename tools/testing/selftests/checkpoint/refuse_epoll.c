// SPDX-License-Identifier: GPL-2.0
/* What is registered with an epoll instance and can't be saved. */
#include "fuse_file.h"
#include "refuse_outside.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

REFUSE_FIXTURE

/* The item stays as long as somebody outside has the file. */
REFUSE(kept_outside, .before = take_outside, .after = give_back)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep = CHECK_SYS(epoll_create1(0)), fds[2];

	CHECK_SYS(pipe(fds));
	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &event));
	expect_refusal(getpid(), "EBUSY",
		       "descriptor %d (anon_inodefs:[eventpoll]): registered as %d (*): none of "
		       "the tasks has it open any more, but somebody else: have it taken out "
		       "before it is closed (EPOLL_CTL_DEL)", ep, fds[0]);
	is_taken(fds[0]);
	CHECK_SYS(close(fds[0]));
	CHECK_SYS(close(fds[1]));
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_SYS(fcntl(ep, F_GETFD));
}

REFUSE(instance_is_outside, .before = take_outside, .after = give_back)
{
	int ep = CHECK_SYS(epoll_create1(0));

	expect_refusal(getpid(), "EBUSY",
		       "descriptor %d (anon_inodefs:[eventpoll]): a task outside shares it: close "
		       "it there, or checkpoint what has it as well", ep);
	is_taken(ep);
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_SYS(fcntl(ep, F_GETFD));
}

static int ends(void *arg)
{
	int *fd = arg;
	struct epoll_event event = { .events = EPOLLIN };

	CHECK_SYS(epoll_ctl(fd[0], EPOLL_CTL_ADD, fd[1], &event));
	return 0;
}

/* It waits for signals of a process that is no more. */
REFUSE(signals_of_the_dead)
{
	int fd[2];
	sigset_t set;
	pid_t kid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	fd[0] = CHECK_SYS(epoll_create1(0));
	fd[1] = CHECK_SYS(signalfd(-1, &set, 0));
	kid = ckpt_fork(ends, fd);
	ckpt_wait_exit(kid, 0);
	expect_refusal(getpid(), "EBUSY",
		       "descriptor %d (anon_inodefs:[eventpoll]): registered as %d (*): it waits "
		       "for the signals of who has registered it, which is none of the tasks, or "
		       "has exited: have one of them register it", fd[0], fd[1]);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd[0], F_GETFD));
}

/* Its server, which may be one of the tasks, would be asked whether there is something. */
CKPT_SCENARIO(file_of_fuse)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ep = CHECK_SYS(epoll_create1(0)), fd = CHECK_SYS(open(getenv("CKPT_FILE"), O_RDWR));

	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	expect_refusal(getpid(), UNSUPPORTED,
		       "descriptor %d (anon_inodefs:[eventpoll]): registered as %d (*): a file of "
		       "a FUSE server can't be saved there: have it taken out (EPOLL_CTL_DEL)",
		       ep, fd);
	ckpt_ready_wait();
	CHECK_EQ(1, epoll_wait(ep, &event, 1, 0));
}

TEST_F_TIMEOUT(refuse, file_of_fuse, CKPT_TIMEOUT)
{
	struct fuse_file file;
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/dev/shm/ckpt-polled-%d", getpid());
	ret = fuse_file_init(&file, path);
	if (ret == 1)
		SKIP(return, "the kernel has none of it");
	ASSERT_EQ(0, ret);
	setenv("CKPT_FILE", path, 1);
	ret = ckpt_refuse(&file_of_fuse);
	fuse_file_fini(&file);
	ASSERT_EQ(0, ret);
}

static void set_effective(bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	unsigned int bit = 1u << (CAP_BLOCK_SUSPEND - 32);

	CHECK_SYS(syscall(__NR_capget, &header, data));
	data[1].effective = on ? data[1].effective | bit : data[1].effective & ~bit;
	CHECK_SYS(syscall(__NR_capset, &header, data));
}

/* What its maker could not have registered, a restart could not either. */
REFUSE(wakeup_of_another)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLWAKEUP };
	char path[64], info[512];
	int ep, fds[2];

	CHECK_SYS(pipe(fds));
	set_effective(false);
	ep = CHECK_SYS(epoll_create1(0));
	set_effective(true);
	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &event));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	if (!strstr(ckpt_read_file(path, info, sizeof(info)), "events: 20000019"))
		not_here();
	expect_refusal(getpid(), UNSUPPORTED,
		       "descriptor %d (anon_inodefs:[eventpoll]): registered as %d (*): "
		       "EPOLLWAKEUP, for which who made the instance has no right: have that made "
		       "with CAP_BLOCK_SUSPEND", ep, fds[0]);
	ckpt_ready_wait();
	CHECK_EQ(1, write(fds[1], "e", 1));
	CHECK_EQ(1, epoll_wait(ep, &event, 1, 0));
}

TEST_HARNESS_MAIN
