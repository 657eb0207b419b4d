// SPDX-License-Identifier: GPL-2.0
/* Pidfds: of processes and threads that live, have exited, or were reaped. */
#include "common.h"
#include "pid_namespaces.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

CKPT_FIXTURE

#define REAPED	(POLLIN | POLLHUP)

/* Of linux/pidfd.h, which does not go together with fcntl.h. */
#define PIDFD_THREAD		O_EXCL
#define PIDFD_NONBLOCK		O_NONBLOCK
#define PIDFD_INFO_PID		(1 << 0)
#define PIDFD_INFO_EXIT		(1 << 3)
#define PIDFD_INFO_COREDUMP	(1 << 4)
#define PIDFD_GET_INFO		_IOWR(0xff, 11, struct pidfd_info)

struct pidfd_info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
	uint32_t coredump_mask, coredump_signal, coredump_code, pad;
	uint64_t supported_mask;
};

static int open_pidfd(pid_t pid, unsigned int flags)
{
	return CHECK_SYS(syscall(__NR_pidfd_open, pid, flags));
}

/* 0, or the errno. */
static int sent(int fd, int sig)
{
	return syscall(__NR_pidfd_send_signal, fd, sig, NULL, 0) ? errno : 0;
}

static int polled(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	CHECK_SYS(poll(&pfd, 1, 0));
	return pfd.revents;
}

static void wait_polled(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	CHECK_EQ(1, poll(&pfd, 1, -1));
	CHECK(pfd.revents & POLLIN, "events 0x%x", pfd.revents);
}

static ino_t inode(int fd)
{
	struct stat st;

	CHECK_SYS(fstat(fd, &st));
	return st.st_ino;
}

static int get_info(int fd, struct pidfd_info *info, uint64_t mask)
{
	memset(info, 0, sizeof(*info));
	info->mask = mask;
	return ioctl(fd, PIDFD_GET_INFO, info) ? errno : 0;
}

static void is_of(int fd, pid_t pid)
{
	struct pidfd_info info;

	CHECK_EQ(0, sent(fd, 0));
	CHECK_EQ(0, get_info(fd, &info, PIDFD_INFO_EXIT));
	CHECK(info.mask & PIDFD_INFO_PID, "mask 0x%llx", (unsigned long long)info.mask);
	CHECK(!(info.mask & PIDFD_INFO_EXIT), "told of an exit");
	CHECK_EQ(pid, info.pid);
}

static void is_reaped(int fd, int status)
{
	struct pidfd_info info;
	siginfo_t si;

	CHECK_EQ(REAPED, polled(fd));
	CHECK_EQ(ESRCH, sent(fd, 0));
	CHECK_EQ(ESRCH, get_info(fd, &info, 0));
	CHECK_EQ(0, get_info(fd, &info, PIDFD_INFO_EXIT | PIDFD_INFO_COREDUMP));
	CHECK(info.mask & PIDFD_INFO_EXIT, "mask 0x%llx", (unsigned long long)info.mask);
	CHECK(!(info.mask & (PIDFD_INFO_PID | PIDFD_INFO_COREDUMP)), "mask 0x%llx",
	      (unsigned long long)info.mask);
	CHECK_EQ(status, info.exit_code);
	CHECK(waitid(P_PIDFD, fd, &si, WEXITED | WNOHANG) == -1 && errno == ECHILD,
	      "it can be waited for");
}

/* Waits until the word comes, and exits with @arg. */
static int exits_with(void *arg)
{
	ckpt_step(1);
	ckpt_wait_go();
	return (intptr_t)arg;
}

static int exits_at_once(void *arg)
{
	return (intptr_t)arg;
}

static pid_t child(int code)
{
	uint32_t before = board->step[1];
	pid_t pid = ckpt_fork(exits_with, (void *)(intptr_t)code);

	ckpt_step_wait(1, before + 1);
	return pid;
}

CKPT_CYCLE(own)
{
	int plain = open_pidfd(getpid(), 0), other = open_pidfd(getpid(), PIDFD_NONBLOCK);

	ckpt_ready_wait();
	CHECK_EQ(O_RDWR, fcntl(plain, F_GETFL));
	CHECK_EQ(O_RDWR | O_NONBLOCK, fcntl(other, F_GETFL));
	CHECK_EQ(FD_CLOEXEC, fcntl(plain, F_GETFD));
	CHECK_EQ(inode(plain), inode(other));
	is_of(plain, getpid());
	is_of(other, getpid());
	CHECK_EQ(0, polled(plain));
}

CKPT_CYCLE(child_exits)
{
	pid_t pid = child(7);
	int fd = open_pidfd(pid, PIDFD_NONBLOCK);
	siginfo_t si;

	CHECK_EQ(-1, waitid(P_PIDFD, fd, &si, WEXITED));
	CHECK_EQ(EAGAIN, errno);
	ckpt_ready_wait();
	wait_polled(fd);
	CHECK_EQ(0, waitid(P_PIDFD, fd, &si, WEXITED));
	CHECK_EQ(CLD_EXITED, si.si_code);
	CHECK_EQ(pid, si.si_pid);
	CHECK_EQ(7, si.si_status);
	is_reaped(fd, 7 << 8);
}

static int pauses(void *arg)
{
	ckpt_step(1);
	for (;;)
		pause();
	return 0;
}

CKPT_CYCLE(child_is_killed)
{
	pid_t pid = ckpt_fork(pauses, NULL);
	int fd = open_pidfd(pid, 0);

	ckpt_step_wait(1, 1);
	ckpt_ready_wait();
	is_of(fd, pid);
	CHECK_EQ(0, polled(fd));
	CHECK_EQ(0, sent(fd, SIGKILL));
	wait_polled(fd);
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	is_reaped(fd, SIGKILL);
}

/* One waits for its child, another one for its brother, until the word comes. */
static int waits_in_poll(void *arg)
{
	wait_polled((intptr_t)arg);
	return 0;
}

CKPT_CYCLE(waited_for, .blocked = { BLOCKED(__NR_waitid) })
{
	pid_t pid = child(7), brother;
	int fd = open_pidfd(pid, 0);
	siginfo_t si;

	brother = ckpt_fork(waits_in_poll, (void *)(intptr_t)fd);
	ckpt_ready();
	CHECK_SYS(waitid(P_PIDFD, fd, &si, WEXITED));
	CHECK_EQ(7, si.si_status);
	ckpt_wait_exit(brother, 0);
	is_reaped(fd, 7 << 8);
}

/* The child has its parent's; what one sets the other sees. */
static int child_of(void *arg)
{
	int fd = (intptr_t)arg;

	ckpt_step(1);
	ckpt_wait_go();
	is_of(fd, getppid());
	CHECK_EQ(O_RDWR | O_NONBLOCK, fcntl(fd, F_GETFL));
	return 0;
}

CKPT_CYCLE(shared)
{
	int fd = open_pidfd(getpid(), 0);
	pid_t pid = ckpt_fork(child_of, (void *)(intptr_t)fd);

	ckpt_step_wait(1, 1);
	ckpt_ready();
	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	ckpt_wait_go();
	ckpt_wait_exit(pid, 0);
}

CKPT_CYCLE(zombie)
{
	pid_t pid = ckpt_fork(exits_at_once, (void *)5);
	int fd = open_pidfd(pid, 0);
	struct pidfd_info info;
	siginfo_t si;

	wait_polled(fd);
	ckpt_ready_wait();
	CHECK_EQ(POLLIN, polled(fd));
	CHECK_EQ(0, get_info(fd, &info, PIDFD_INFO_EXIT));
	CHECK_EQ(pid, info.pid);
	CHECK(!(info.mask & PIDFD_INFO_EXIT), "it is not reaped");
	CHECK_SYS(waitid(P_PIDFD, fd, &si, WEXITED));
	CHECK_EQ(5, si.si_status);
	is_reaped(fd, 5 << 8);
}

/* Two pidfds of one, and of another one; a third process has them, too. */
static int has_reaped(void *arg)
{
	int *fd = arg;

	ckpt_step(3);
	ckpt_wait_go();
	is_reaped(fd[0], 7 << 8);
	is_reaped(fd[2], SIGKILL);
	return 0;
}

CKPT_CYCLE(reaped)
{
	char path[64], text[256];
	pid_t pid, other;
	int fd[3];

	pid = ckpt_fork(exits_at_once, (void *)7);
	fd[0] = open_pidfd(pid, 0);
	fd[1] = open_pidfd(pid, PIDFD_NONBLOCK);
	ckpt_wait_exit(pid, 7);
	pid = ckpt_fork(pauses, NULL);
	fd[2] = open_pidfd(pid, 0);
	CHECK_EQ(0, sent(fd[2], SIGKILL));
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	other = ckpt_fork(has_reaped, fd);
	ckpt_step_wait(3, 1);
	ckpt_ready_wait();
	CHECK_EQ(O_RDWR, fcntl(fd[0], F_GETFL));
	CHECK_EQ(O_RDWR | O_NONBLOCK, fcntl(fd[1], F_GETFL));
	is_reaped(fd[0], 7 << 8);
	is_reaped(fd[1], 7 << 8);
	is_reaped(fd[2], SIGKILL);
	CHECK_EQ(inode(fd[0]), inode(fd[1]));
	CHECK(inode(fd[0]) != inode(fd[2]), "they are the same process");
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd[0]);
	CHECK(strstr(ckpt_read_file(path, text, sizeof(text)), "Pid:\t-1\n"), "%s", text);
	ckpt_wait_exit(other, 0);
}

static void *thread(void *arg)
{
	*(int *)arg = open_pidfd(sys_gettid(), PIDFD_THREAD);
	ckpt_step(1);
	ckpt_wait_go();
	return NULL;
}

CKPT_CYCLE(threads)
{
	int fd[2] = { -1, open_pidfd(getpid(), PIDFD_THREAD) };
	pthread_t id;

	CHECK_EQ(0, pthread_create(&id, NULL, thread, &fd[0]));
	ckpt_step_wait(1, 1);
	CHECK_EQ(0, polled(fd[0]));
	ckpt_ready_wait();
	CHECK_EQ(O_RDWR | PIDFD_THREAD, fcntl(fd[0], F_GETFL));
	CHECK_EQ(O_RDWR | PIDFD_THREAD, fcntl(fd[1], F_GETFL));
	CHECK_EQ(0, pthread_join(id, NULL));
	wait_polled(fd[0]);
	is_of(fd[1], getpid());
}

static void *thread_ends(void *arg)
{
	*(int *)arg = open_pidfd(sys_gettid(), PIDFD_THREAD);
	return NULL;
}

CKPT_CYCLE(reaped_thread)
{
	pthread_t id;
	int fd;

	CHECK_EQ(0, pthread_create(&id, NULL, thread_ends, &fd));
	CHECK_EQ(0, pthread_join(id, NULL));
	while (polled(fd) != REAPED)
		sched_yield();
	ckpt_ready_wait();
	CHECK_EQ(O_RDWR | PIDFD_THREAD, fcntl(fd, F_GETFL));
	is_reaped(fd, 0);
}

/* Opened by way of /proc: a name for it, as fstat() tells. */
CKPT_CYCLE(name_only)
{
	int fd = open_pidfd(getpid(), 0), name;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	name = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	ckpt_ready_wait();
	CHECK_EQ(inode(fd), inode(name));
	CHECK(fcntl(name, F_GETFL) & O_PATH, "flags 0x%x", fcntl(name, F_GETFL));
	CHECK_EQ(EBADF, sent(name, 0));
	is_of(fd, getpid());
}

static int init_of_namespace(void)
{
	pid_t pid = ckpt_fork(exits_at_once, (void *)9);
	int fd = open_pidfd(pid, 0);

	ckpt_wait_exit(pid, 9);
	ckpt_step(2);
	ckpt_wait_go();
	is_reaped(fd, 9 << 8);
	return 0;
}

/* One that was reaped in a namespace below is known there, and one of the parent is not. */
CKPT_CYCLE(nested_namespace)
{
	struct pidfd_info info;
	pid_t pid, init;
	int fd;

	pid = ckpt_fork(exits_at_once, (void *)7);
	fd = open_pidfd(pid, 0);
	ckpt_wait_exit(pid, 7);
	init = fork_in_new_pidns();
	if (!init) {
		CHECK_EQ(EREMOTE, get_info(fd, &info, PIDFD_INFO_EXIT));
		init_of_namespace();
		CHECK_EQ(EREMOTE, get_info(fd, &info, PIDFD_INFO_EXIT));
		_exit(0);
	}
	ckpt_step_wait(2, 1);
	ckpt_ready_wait();
	is_reaped(fd, 7 << 8);
	ckpt_wait_exit(init, 0);
}

#define MANY 900

/* Each is of its own process; the pids of those that were reaped stay free. */
CKPT_CYCLE(many)
{
	int fd[MANY], live[10], i;
	pid_t pid[10];

	for (i = 0; i < MANY; i++) {
		pid_t one = ckpt_fork(exits_at_once, (void *)(intptr_t)(i & 127));

		fd[i] = open_pidfd(one, 0);
		ckpt_wait_exit(one, i & 127);
	}
	for (i = 0; i < 10; i++) {
		pid[i] = child(i);
		live[i] = open_pidfd(pid[i], 0);
	}
	ckpt_ready_wait();
	for (i = 0; i < 10; i++)
		is_of(live[i], pid[i]);
	for (i = 0; i < MANY; i++)
		is_reaped(fd[i], (i & 127) << 8);
	for (i = 0; i < 10; i++)
		ckpt_wait_exit(pid[i], i);
}

TEST_HARNESS_MAIN
