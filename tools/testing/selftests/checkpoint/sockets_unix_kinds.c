// SPDX-License-Identifier: GPL-2.0
/*
 * Open files of each kind in messages of Unix sockets (SCM_RIGHTS), which no descriptor shows any more:
 * they are as they were when somebody receives them. And circles of sockets that only a message leads to.
 */
#include "sockets_tcp.h"

#include "flight.h"

#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <linux/netlink.h>

CKPT_FIXTURE

static void expect_read(int fd, const char *text)
{
	char buf[32] = "";

	CHECK_EQ((long)strlen(text), read(fd, buf, strlen(text)));
	CHECK_STREQ(text, buf);
}

/* What lies in filesystems. */
CKPT_CYCLE(files)
{
	char path[320], dir[320];
	struct stat was, is;
	int fd;

	begin();
	/* A file that was removed. */
	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "removed"), O_RDWR | O_CREAT, 0600));
	CHECK_EQ(6, write(fd, "abcdef", 6));
	CHECK_EQ(3, lseek(fd, 3, SEEK_SET));
	CHECK_SYS(unlink(path));
	put_away(fd);
	/* A directory, and one that nothing can be done with. */
	CHECK_SYS(mkdir(ckpt_path(dir, sizeof(dir), "dir"), 0700));
	snprintf(path, sizeof(path), "%.300s/in", dir);
	CHECK_SYS(mkdir(path, 0700));
	CHECK_SYS(stat(path, &was));
	put_away(CHECK_SYS(open(dir, O_RDONLY | O_DIRECTORY)));
	put_away(CHECK_SYS(open(dir, O_PATH)));
	/* Memory. */
	fd = CHECK_SYS(memfd_create("in flight", 0));
	CHECK_EQ(6, pwrite(fd, "memory", 6, 4096));
	put_away(fd);
	/* A FIFO, with something in it. */
	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	fd = CHECK_SYS(open(path, O_RDWR));
	CHECK_EQ(4, write(fd, "fifo", 4));
	put_away(fd);
	/* A device, and an entry of procfs. */
	put_away(CHECK_SYS(open("/dev/zero", O_RDONLY)));
	put_away(CHECK_SYS(open("/proc/self/comm", O_RDONLY)));
	ckpt_ready_wait();
	fd = take_out();
	expect_read(fd, "def");
	CHECK_SYS(fstat(fd, &is));
	CHECK_EQ(0, (int)is.st_nlink);
	fd = take_out();
	CHECK_SYS(fstatat(fd, "in", &is, 0));
	CHECK_EQ(was.st_ino, is.st_ino);
	fd = take_out();
	CHECK_EQ(O_PATH, fcntl(fd, F_GETFL) & O_PATH);
	CHECK_SYS(fstatat(fd, "in", &is, 0));
	CHECK_EQ(was.st_ino, is.st_ino);
	fd = take_out();
	CHECK_SYS(fstat(fd, &is));
	CHECK_EQ(4102, is.st_size);
	CHECK_EQ(4096, lseek(fd, 4096, SEEK_SET));
	expect_read(fd, "memory");
	expect_read(take_out(), "fifo");
	CHECK_EQ(1, read(take_out(), dir, 1));
	CHECK_EQ(0, dir[0]);
	memset(dir, 0, sizeof(dir));
	fd = take_out();
	CHECK(read(fd, dir, sizeof(dir) - 1) > 1, "it has no name");
	CHECK_SYS(prctl(PR_GET_NAME, path));
	CHECK(!strncmp(dir, path, strlen(path)), "%s", dir);
}

/* Objects of the kernel that are nowhere else. */
CKPT_CYCLE(objects)
{
	struct itimerspec spec = { .it_value = { .tv_sec = 1000000 }, .it_interval = { .tv_sec = 7 } };
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 4711 };
	struct signalfd_siginfo info;
	char path[320], buf[512];
	int fd, instance, end[2];
	struct pollfd p = { .events = POLLIN };
	sigset_t set;

	begin();
	fd = CHECK_SYS(timerfd_create(CLOCK_MONOTONIC, 0));
	CHECK_SYS(timerfd_settime(fd, 0, &spec, NULL));
	put_away(fd);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	put_away(CHECK_SYS(signalfd(-1, &set, 0)));
	CHECK_SYS(pipe(end));
	instance = CHECK_SYS(epoll_create1(0));
	CHECK_SYS(epoll_ctl(instance, EPOLL_CTL_ADD, end[R], &event));
	put_away(instance);
	fd = CHECK_SYS(inotify_init1(IN_NONBLOCK));
	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "seen"), 0700));
	CHECK_SYS(inotify_add_watch(fd, path, IN_ATTRIB));
	put_away(fd);
	put_away(CHECK_SYS(sys_pidfd_open(getpid())));
	put_away(CHECK_SYS(open("/proc/self/ns/uts", O_RDONLY)));
	ckpt_ready_wait();
	fd = take_out();
	memset(&spec, 0, sizeof(spec));
	CHECK_SYS(timerfd_gettime(fd, &spec));
	CHECK(spec.it_value.tv_sec > 0, "it has expired");
	CHECK_EQ(7, spec.it_interval.tv_sec);
	fd = take_out();
	CHECK_SYS(kill(getpid(), SIGUSR2));
	CHECK_EQ((long)sizeof(info), read(fd, &info, sizeof(info)));
	CHECK_EQ(SIGUSR2, (int)info.ssi_signo);
	instance = take_out();
	CHECK_EQ(0, epoll_wait(instance, &event, 1, 0));
	CHECK_EQ(1, write(end[W], "x", 1));
	event.data.u64 = 0;
	CHECK_EQ(1, epoll_wait(instance, &event, 1, 0));
	CHECK_EQ(4711, (int)event.data.u64);
	fd = take_out();
	CHECK(read(fd, buf, sizeof(buf)) == -1 && errno == EAGAIN, "something has happened");
	CHECK_SYS(chmod(path, 0711));
	CHECK(read(fd, buf, sizeof(buf)) >= (long)sizeof(struct inotify_event), "nothing is told");
	p.fd = take_out();
	CHECK_EQ(0, poll(&p, 1, 0));
	CHECK_SYS(syscall(__NR_pidfd_send_signal, p.fd, 0, NULL, 0));
	CHECK_SYS(fstat(take_out(), &(struct stat){}));
}

/* A queue of messages. */
CKPT_CYCLE(queue)
{
	struct mq_attr attr = { .mq_maxmsg = 3, .mq_msgsize = 16 };
	char name[64], buf[16];
	unsigned int prio;
	int fd;

	begin();
	snprintf(name, sizeof(name), "/ckpt-flight-%d", getpid());
	fd = CHECK_SYS(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr));
	CHECK_SYS(mq_send(fd, "queued", 6, 5));
	CHECK_SYS(mq_unlink(name));
	put_away(fd);
	ckpt_ready_wait();
	fd = take_out();
	CHECK_EQ(6, mq_receive(fd, buf, sizeof(buf), &prio));
	CHECK_EQ(5, (int)prio);
	CHECK(!memcmp(buf, "queued", 6), "%.6s", buf);
}

/* Sockets of other families, with something in their queues. */
CKPT_CYCLE(other_sockets)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
	struct sockaddr_storage addr;
	socklen_t len;
	int fd, at, port, end[3];

	begin();
	lo_up();
	/* UDP, connected to itself. */
	len = address(&addr, 0);
	fd = CHECK_SYS(socket(addr.ss_family, SOCK_DGRAM, 0));
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	send_text(fd, "datagram");
	put_away(fd);
	/* One that listens, and both ends of a connection. */
	at = listener(1);
	port = port_of(at, false);
	len = address(&addr, port);
	end[0] = tcp_socket();
	CHECK_SYS(connect(end[0], (struct sockaddr *)&addr, len));
	end[1] = CHECK_SYS(accept(at, NULL, NULL));
	send_text(end[0], "of one who connects");
	send_text(end[1], "of one who accepts");
	put_away(at);
	put_away(end[0]);
	put_away(end[1]);
	/* Netlink. */
	fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	CHECK_SYS(bind(fd, (struct sockaddr *)&nl, sizeof(nl)));
	len = sizeof(nl);
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&nl, &len));
	put_away(fd);
	ckpt_ready_wait();
	expect_text(take_out(), "datagram");
	at = take_out();
	end[0] = take_out();
	end[1] = take_out();
	expect_text(end[1], "of one who connects");
	expect_text(end[0], "of one who accepts");
	len = address(&addr, port);
	end[2] = tcp_socket();
	CHECK_SYS(connect(end[2], (struct sockaddr *)&addr, len));
	CHECK_SYS(accept(at, NULL, NULL));
	port = nl.nl_pid;
	len = sizeof(nl);
	CHECK_SYS(getsockname(take_out(), (struct sockaddr *)&nl, &len));
	CHECK_EQ(port, (int)nl.nl_pid);
}

/* Three sockets, of which each is in the queue of another one; a message has one of them. */
CKPT_CYCLE(circle_in_message)
{
	int pair[3][2], i, fd, next;

	begin();
	for (i = 0; i < 3; i++)
		CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]));
	for (i = 0; i < 3; i++) {
		send_fds(pair[i][W], &pair[(i + 1) % 3][R], 1);
		send_fds(pair[i][W], &pair[i][W], 1);
	}
	send_fds(fds[W], &pair[0][R], 1);
	for (i = 0; i < 3; i++) {
		CHECK_SYS(close(pair[i][R]));
		CHECK_SYS(close(pair[i][W]));
	}
	ckpt_ready_wait();
	fd = take_out();
	/* Once around. */
	for (i = 0; i < 3; i++) {
		receive_fds(fd, &next, 1);
		receive_fds(fd, &pair[i][W], 1);
		CHECK_SYS(close(fd));
		fd = next;
	}
	send_text(pair[0][W], "around");
	expect_text(fd, "around");
	send_text(fd, "back");
	expect_text(pair[0][W], "back");
}

TEST_HARNESS_MAIN
