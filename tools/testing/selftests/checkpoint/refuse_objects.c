// SPDX-License-Identifier: GPL-2.0
/* Sockets, terminals and objects of the kernel: refused by descriptor, name and kind. */
#include "refuse.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/xattr.h>

REFUSE_FIXTURE

#define YET	" can't be saved yet"

/* ---- sockets --------------------------------------------------------- */

REFUSE(unix_sockets)
{
	int fd[2];
	char c = 0;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	CHECK_EQ(1, write(fd[0], "u", 1));
	EXPECT_FD(fd[0], "*", "a Unix socket" YET);
	EXPECT_FD(fd[1], "*", "a Unix socket" YET);
	ckpt_ready_wait();
	CHECK_EQ(1, read(fd[1], &c, 1));
	CHECK_EQ('u', c);
}

static struct sockaddr_in any = { .sin_family = AF_INET };

REFUSE(tcp_connection)
{
	int server = CHECK_HERE(socket(AF_INET, SOCK_STREAM, 0));
	socklen_t len = sizeof(any);
	int client, peer;
	char c = 0;

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_SYS(bind(server, (struct sockaddr *)&any, sizeof(any)));
	CHECK_SYS(listen(server, 1));
	CHECK_SYS(getsockname(server, (struct sockaddr *)&any, &len));
	client = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	CHECK_SYS(connect(client, (struct sockaddr *)&any, sizeof(any)));
	peer = CHECK_SYS(accept(server, NULL, NULL));
	EXPECT_FD(server, "*", "an IPv4 socket" YET);
	EXPECT_FD(client, "*", "an IPv4 socket" YET);
	EXPECT_FD(peer, "*", "an IPv4 socket" YET);
	ckpt_ready_wait();
	CHECK_EQ(1, write(client, "t", 1));
	CHECK_EQ(1, read(peer, &c, 1));
	CHECK_EQ('t', c);
}

REFUSE(udp)
{
	int fd = CHECK_HERE(socket(AF_INET, SOCK_DGRAM, 0));

	EXPECT_FD(fd, "*", "an IPv4 socket" YET);
	ckpt_ready_wait();
	CHECK_SYS(bind(fd, (struct sockaddr *)&any, sizeof(any)));
}

REFUSE(ipv6)
{
	int fd = CHECK_HERE(socket(AF_INET6, SOCK_DGRAM, 0));

	EXPECT_FD(fd, "*", "an IPv6 socket" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(netlink)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	int fd = CHECK_HERE(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

	EXPECT_FD(fd, "*", "a netlink socket" YET);
	ckpt_ready_wait();
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
}

REFUSE(packet_socket)
{
	int fd = CHECK_HERE(socket(AF_PACKET, SOCK_RAW, 0));

	EXPECT_FD(fd, "*", "a packet socket" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(socket_by_path)
{
	char path[320];
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	struct stat st;
	int fd;

	CHECK(strlen(ckpt_path(path, sizeof(path), "sock")) < sizeof(addr.sun_path), "%s", path);
	strcpy(addr.sun_path, path);
	CHECK_SYS(bind(sock, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(close(sock));
	fd = CHECK_SYS(open(path, O_PATH));
	EXPECT_FD(fd, path, "a socket's name, opened with O_PATH" YET);
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &st));
	CHECK(S_ISSOCK(st.st_mode), "mode 0%o", st.st_mode);
}

/* ---- terminals ------------------------------------------------------- */

REFUSE(terminal)
{
	int master, slave;
	char c = 0;

	CHECK_SYS(openpty(&master, &slave, NULL, NULL, NULL));
	EXPECT_FD(master, "*", "*pseudoterminal" YET);
	EXPECT_FD(slave, "*", "a pseudoterminal" YET);
	ckpt_ready_wait();
	CHECK_EQ(2, write(master, "t\n", 2));
	CHECK_EQ(1, read(slave, &c, 1));
	CHECK_EQ('t', c);
}

static int with_terminal(void *arg)
{
	int slave = (intptr_t)arg;

	CHECK_SYS(setsid());
	CHECK_SYS(ioctl(slave, TIOCSCTTY, 0));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(open("/dev/tty", O_RDWR));
	return 0;
}

REFUSE(controlling_terminal)
{
	int master, slave;
	pid_t kid;

	CHECK_SYS(openpty(&master, &slave, NULL, NULL, NULL));
	kid = ckpt_fork(with_terminal, (void *)(intptr_t)slave);
	ckpt_step_wait(0, 1);
	expect_refusal(kid, UNSUPPORTED, "its session has a controlling terminal");
	EXPECT_FD(master, "*", "*pseudoterminal" YET);
	EXPECT_FD(slave, "*", "a pseudoterminal" YET);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* ---- kernel objects without an inode of their own --------------------- */

REFUSE(epoll)
{
	int fd = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 4711 };
	int pipe_fd[2];

	CHECK_SYS(pipe(pipe_fd));
	CHECK_SYS(epoll_ctl(fd, EPOLL_CTL_ADD, pipe_fd[0], &event));
	EXPECT_FD(fd, "*[eventpoll]", "an epoll instance" YET);
	ckpt_ready_wait();
	CHECK_EQ(1, write(pipe_fd[1], "e", 1));
	event.data.u64 = 0;
	CHECK_EQ(1, epoll_wait(fd, &event, 1, 0));
	CHECK_EQ(4711, event.data.u64);
}

REFUSE(event_fd)
{
	int fd = CHECK_SYS(eventfd(5, 0));
	uint64_t n = 0;

	EXPECT_FD(fd, "*[eventfd]", "an eventfd" YET);
	ckpt_ready_wait();
	CHECK_EQ(8, read(fd, &n, 8));
	CHECK_EQ(5, n);
}

REFUSE(signal_fd)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	fd = CHECK_SYS(signalfd(-1, &set, 0));
	EXPECT_FD(fd, "*[signalfd]", "a signalfd" YET);
	ckpt_ready_wait();
	CHECK_SYS(kill(getpid(), SIGUSR1));
	CHECK_EQ(sizeof(info), read(fd, &info, sizeof(info)));
	CHECK_EQ(SIGUSR1, info.ssi_signo);
}

REFUSE(timer_fd)
{
	struct itimerspec spec = { .it_value.tv_sec = 1000000 };
	int fd = CHECK_SYS(timerfd_create(CLOCK_MONOTONIC, 0));

	CHECK_SYS(timerfd_settime(fd, 0, &spec, NULL));
	EXPECT_FD(fd, "*[timerfd]", "a timerfd" YET);
	ckpt_ready_wait();
	CHECK_SYS(timerfd_gettime(fd, &spec));
	CHECK(spec.it_value.tv_sec, "it ran out");
}

REFUSE(inotify)
{
	int fd = CHECK_SYS(inotify_init1(IN_NONBLOCK));
	char buf[512];

	CHECK_SYS(inotify_add_watch(fd, "/dev/shm", IN_CREATE));
	EXPECT_FD(fd, "*inotify", "an inotify instance" YET);
	ckpt_ready_wait();
	CHECK_SYS(close(CHECK_SYS(open("/dev/shm/ckpt-inotify", O_RDWR | O_CREAT, 0600))));
	CHECK_SYS(unlink("/dev/shm/ckpt-inotify"));
	CHECK(read(fd, buf, sizeof(buf)) > 0, "no event: %s", strerror(errno));
}

REFUSE(fanotify)
{
	int fd = CHECK_HERE(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY));

	EXPECT_FD(fd, "*[fanotify]", "a fanotify group" YET);
	ckpt_ready_wait();
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/dev/shm"));
}

REFUSE(io_uring)
{
	struct io_uring_params params = { 0 };
	int fd = CHECK_HERE(syscall(__NR_io_uring_setup, 4, &params));

	EXPECT_FD(fd, "*[io_uring]", "an io_uring" YET);
	expect_refusal(getpid(), UNSUPPORTED, "uses io_uring: start it without io_uring");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_io_uring_enter, fd, 0, 0, 0, NULL, 0));
}

REFUSE(userfault_fd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = 2 * CKPT_PAGE;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = CHECK_HERE(syscall(__NR_userfaultfd, O_CLOEXEC));

	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(ioctl(fd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)map;
	reg.range.len = size;
	CHECK_SYS(ioctl(fd, UFFDIO_REGISTER, &reg));
	EXPECT_FD(fd, "*[userfaultfd]", "a userfaultfd" YET);
	expect_refusal(getpid(), UNSUPPORTED, "mapping %llx-%llx: userfaultfd: have it unregister that",
		       (unsigned long long)reg.range.start, (unsigned long long)reg.range.start + size);
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(ioctl(fd, UFFDIO_UNREGISTER, &reg.range));
}

REFUSE(pidfd_of_process_outside)
{
	int fd = CHECK_SYS(sys_pidfd_open(getppid()));

	expect_refusal(getpid(), "EBUSY", "descriptor %d (*): is a pidfd of pid %d (*), which is "
		       "outside of the tree: have it closed, or checkpoint that as well",
		       fd, getppid());
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_pidfd_send_signal, fd, 0, NULL, 0));
}

REFUSE(pidfd_opened_by_way_of_proc)
{
	int fd = CHECK_SYS(sys_pidfd_open(getpid())), again;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = CHECK_SYS(open(path, O_RDWR));
	EXPECT_FD(again, "*", "was opened by way of /proc/PID/fd: have it opened by pidfd_open(2)");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_pidfd_send_signal, again, 0, NULL, 0));
}

/* The process gets no parent that would wait for it, which can't be saved either. */
REFUSE(pidfd_that_kills)
{
	int fd = -1;
	struct {
		uint64_t flags, pidfd, more[6];
	} args = {
		.flags = CLONE_PIDFD | 1ull << 34 | 1ull << 36,	/* AUTOREAP, PIDFD_AUTOKILL */
		.pidfd = (uintptr_t)&fd,
	};
	pid_t pid = syscall(__NR_clone3, &args, sizeof(args));

	if (pid < 0)
		not_here();
	if (!pid) {
		ckpt_wait_go();
		_exit(0);
	}
	EXPECT_FD(fd, "*", "kills its process when it is closed (CLONE_PIDFD_AUTOKILL), which can't "
		  "be saved yet");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(O_TRUNC, fcntl(fd, F_GETFL) & O_TRUNC);
}

static int exits_at_once(void *arg)
{
	return 0;
}

REFUSE(pidfd_with_attribute)
{
	int fd = CHECK_SYS(sys_pidfd_open(getpid())), dead;
	pid_t pid = ckpt_fork(exits_at_once, NULL);
	char buf[8];

	dead = CHECK_SYS(sys_pidfd_open(pid));
	ckpt_wait_exit(pid, 0);
	CHECK_HERE(fsetxattr(fd, "trusted.ckpt", "value", 5, 0));
	CHECK_HERE(fsetxattr(dead, "trusted.ckpt", "value", 5, 0));
	expect_refusal(getpid(), UNSUPPORTED, "extended attributes on its pidfds: have them removed");
	EXPECT_FD(dead, "*", "has extended attributes: have them removed");
	ckpt_ready_wait();
	CHECK_EQ(5, fgetxattr(fd, "trusted.ckpt", buf, sizeof(buf)));
}

REFUSE(perf_event)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY,
	};
	int fd = CHECK_HERE(syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0));
	uint64_t n;

	EXPECT_FD(fd, "*[perf_event]", "a performance counter" YET);
	expect_refusal(getpid(), UNSUPPORTED, "has perf events: end the measurement (perf)");
	ckpt_ready_wait();
	CHECK_EQ(8, read(fd, &n, 8));
}

/* ---- memory ---------------------------------------------------------- */

REFUSE(memfd)
{
	int fd = CHECK_SYS(memfd_create("mine", 0));
	char c = 0;

	CHECK_EQ(1, write(fd, "m", 1));
	EXPECT_FD(fd, "*memfd:mine", "a memfd" YET);
	ckpt_ready_wait();
	CHECK_EQ(1, pread(fd, &c, 1, 0));
	CHECK_EQ('m', c);
}

/* powerpc has no such call. */
#ifdef __NR_memfd_secret
REFUSE(secret_memory)
{
	int fd = CHECK_HERE(syscall(__NR_memfd_secret, 0));

	EXPECT_FD(fd, "*", "secret memory" YET);
	ckpt_ready_wait();
	CHECK_SYS(ftruncate(fd, 4096));
}
#endif

REFUSE(huge_memfd)
{
	int fd = memfd_create("huge", MFD_HUGETLB);

	/* This machine has no huge pages: those of s390 are a facility that QEMU has not. */
	if (fd < 0 && errno == ENOENT)
		not_here();
	CHECK_HERE(fd);
	EXPECT_FD(fd, "*", "huge page memory" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

TEST_HARNESS_MAIN
