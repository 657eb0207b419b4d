// SPDX-License-Identifier: GPL-2.0
/* Connected Unix sockets: what is in their queues, who has which end, how they are shut down. */
#include "sockets.h"

#include <linux/filter.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sys/time.h>

CKPT_FIXTURE

static void pair(int type)
{
	CHECK_SYS(socketpair(AF_UNIX, type, 0, fds));
}

/* A stream of which a part was received: each byte once, in both directions. */
CKPT_CYCLE(stream)
{
	pair(SOCK_STREAM);
	put(fds[W], 0, 100000);
	get(fds[R], 0, 12345);
	put(fds[R], 7, 1000);
	ckpt_ready_wait();
	CHECK_EQ(100000 - 12345, held(fds[R]));
	CHECK_EQ(1000, held(fds[W]));
	put(fds[W], 100000, 777);
	get(fds[R], 12345, 100777 - 12345);
	get(fds[W], 7, 1000);
	expect_empty(fds[R]);
	CHECK_SYS(close(fds[W]));
	at_end(fds[R]);
}

static void messages(int type)
{
	char buf[8];

	pair(type);
	send_text(fds[W], "one");
	send_text(fds[W], "three");
	CHECK_EQ(0, send(fds[W], "", 0, 0));
	send_text(fds[W], "longer than the buffer");
	send_text(fds[R], "back");
	ckpt_ready_wait();
	expect_text(fds[R], "one");
	expect_text(fds[R], "three");
	CHECK_EQ(0, recv(fds[R], buf, sizeof(buf), MSG_DONTWAIT));
	CHECK_EQ(22, recv(fds[R], buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC));
	expect_text(fds[W], "back");
	expect_empty(fds[R]);
	send_text(fds[W], "new");
	expect_text(fds[R], "new");
}

CKPT_CYCLE(datagrams)
{
	messages(SOCK_DGRAM);
}

CKPT_CYCLE(seqpacket)
{
	messages(SOCK_SEQPACKET);
}

/* Large messages lie in pages. */
CKPT_CYCLE(large_datagram)
{
	static unsigned char out[150000], in[sizeof(out) + 1];
	size_t i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = at(i);
	pair(SOCK_DGRAM);
	CHECK_EQ((long)sizeof(out), send(fds[W], out, sizeof(out), 0));
	ckpt_ready_wait();
	CHECK_EQ((long)sizeof(out), recv(fds[R], in, sizeof(in), MSG_DONTWAIT));
	CHECK(!memcmp(in, out, sizeof(out)), "other bytes");
}

/* Full: a writer waits as before, and a reader makes room. */
CKPT_CYCLE(full)
{
	static char block[4096];
	long sent = 0, n;

	pair(SOCK_STREAM);
	CHECK_SYS(fcntl(fds[W], F_SETFL, O_NONBLOCK));
	while ((n = write(fds[W], block, sizeof(block))) > 0)
		sent += n;
	CHECK_EQ(EAGAIN, errno);
	ckpt_ready_wait();
	CHECK_EQ(O_NONBLOCK, fcntl(fds[W], F_GETFL) & O_NONBLOCK);
	CHECK(write(fds[W], block, sizeof(block)) == -1 && errno == EAGAIN, "there is room");
	CHECK_EQ(sent, held(fds[R]));
	while (sent > 0)
		sent -= CHECK_SYS(read(fds[R], block, sizeof(block)));
	CHECK_EQ(0, sent);
	CHECK_EQ((long)sizeof(block), write(fds[W], block, sizeof(block)));
}

static int echo(void *arg)
{
	char c;

	CHECK_SYS(close(fds[R]));
	while (read(fds[W], &c, 1) == 1) {
		c++;
		CHECK_EQ(1, write(fds[W], &c, 1));
	}
	return 3;
}

/* Two processes, one of which waits to receive. */
CKPT_CYCLE(two_processes, .blocked = { BLOCKED(__NR_read) })
{
	char c = 'a';
	pid_t kid;

	pair(SOCK_STREAM);
	kid = ckpt_fork(echo, NULL);
	CHECK_SYS(close(fds[W]));
	CHECK_EQ(1, write(fds[R], &c, 1));
	CHECK_EQ(1, read(fds[R], &c, 1));
	CHECK_EQ('b', c);
	ckpt_ready_wait();
	CHECK_EQ(1, write(fds[R], &c, 1));
	CHECK_EQ(1, read(fds[R], &c, 1));
	CHECK_EQ('c', c);
	CHECK_SYS(close(fds[R]));
	ckpt_wait_exit(kid, 3);
}

/* The other end is closed, and its data is left. */
CKPT_CYCLE(peer_gone)
{
	char c;

	signal(SIGPIPE, SIG_IGN);
	pair(SOCK_STREAM);
	put(fds[W], 0, 5000);
	CHECK_SYS(close(fds[W]));
	ckpt_ready_wait();
	get(fds[R], 0, 5000);
	CHECK_EQ(0, recv(fds[R], &c, 1, MSG_DONTWAIT));
	CHECK(write(fds[R], "x", 1) == -1 && errno == EPIPE, "somebody is there");
}

/* Closed with something unread: the other end is told, once. */
CKPT_CYCLE(reset)
{
	char c;

	pair(SOCK_STREAM);
	put(fds[R], 0, 10);
	CHECK_SYS(close(fds[W]));
	ckpt_ready_wait();
	CHECK(recv(fds[R], &c, 1, MSG_DONTWAIT) == -1 && errno == ECONNRESET, "was not reset");
	CHECK_EQ(0, recv(fds[R], &c, 1, MSG_DONTWAIT));
}

CKPT_CYCLE(peer_gone_datagram)
{
	pair(SOCK_DGRAM);
	send_text(fds[W], "left");
	CHECK_SYS(close(fds[W]));
	ckpt_ready_wait();
	expect_text(fds[R], "left");
	CHECK(send(fds[R], "x", 1, 0) == -1 && errno == ECONNREFUSED, "somebody is there");
}

static void shut(int how)
{
	signal(SIGPIPE, SIG_IGN);
	pair(SOCK_STREAM);
	put(fds[W], 0, 100);
	put(fds[R], 0, 100);
	CHECK_SYS(shutdown(fds[W], how));
}

CKPT_CYCLE(shut_write)
{
	shut(SHUT_WR);
	ckpt_ready_wait();
	get(fds[R], 0, 100);
	at_end(fds[R]);
	CHECK(write(fds[W], "x", 1) == -1 && errno == EPIPE, "it may write");
	put(fds[R], 100, 50);
	get(fds[W], 0, 150);
}

CKPT_CYCLE(shut_read)
{
	shut(SHUT_RD);
	ckpt_ready_wait();
	CHECK(write(fds[R], "x", 1) == -1 && errno == EPIPE, "it may write");
	get(fds[W], 0, 100);
	at_end(fds[W]);
	put(fds[W], 100, 50);
	get(fds[R], 0, 150);
}

CKPT_CYCLE(shut_both)
{
	struct pollfd pfd;

	shut(SHUT_RDWR);
	ckpt_ready_wait();
	pfd = (struct pollfd) { .fd = fds[W], .events = POLLIN };
	CHECK_EQ(1, poll(&pfd, 1, 0));
	CHECK_EQ(POLLIN | POLLHUP, pfd.revents);
	get(fds[R], 0, 100);
	at_end(fds[R]);
}

/* Out-of-band, with data before and behind it. */
CKPT_CYCLE(out_of_band)
{
	char c = 0;

	pair(SOCK_STREAM);
	if (send(fds[W], "abc", 3, MSG_OOB) == -1 && errno == EOPNOTSUPP)
		ckpt_not_here();
	send_text(fds[W], "de");
	ckpt_ready_wait();
	expect_text(fds[R], "ab");
	CHECK_EQ(1, recv(fds[R], &c, 1, MSG_OOB | MSG_DONTWAIT));
	CHECK_EQ('c', c);
	expect_text(fds[R], "de");
}

/* Received already: it marks where reading stops once. */
CKPT_CYCLE(out_of_band_received)
{
	int mark = -1, count = -1;
	char buf[8] = "";

	pair(SOCK_STREAM);
	if (send(fds[W], "abc", 3, MSG_OOB) == -1 && errno == EOPNOTSUPP)
		ckpt_not_here();
	CHECK_EQ(1, recv(fds[R], buf, 1, MSG_OOB | MSG_DONTWAIT));
	send_text(fds[W], "de");
	ckpt_ready_wait();
	CHECK_SYS(ioctl(fds[R], SIOCINQ, &count));
	CHECK_EQ(4, count);
	CHECK_SYS(ioctl(fds[R], SIOCATMARK, &mark));
	CHECK_EQ(0, mark);
	CHECK_EQ(2, recv(fds[R], buf, sizeof(buf), MSG_DONTWAIT));
	CHECK(!memcmp(buf, "ab", 2), "%.2s", buf);
	CHECK_SYS(ioctl(fds[R], SIOCATMARK, &mark));
	CHECK_EQ(1, mark);
	/* There is none any more. */
	CHECK_EQ(-1, recv(fds[R], buf, 1, MSG_OOB | MSG_DONTWAIT));
	CHECK_EQ(EINVAL, errno);
	expect_text(fds[R], "de");
}

/* Not received yet, with nothing before it: the mark is here. */
CKPT_CYCLE(out_of_band_next)
{
	int mark = -1;
	char c = 0;

	pair(SOCK_STREAM);
	if (send(fds[W], "c", 1, MSG_OOB) == -1 && errno == EOPNOTSUPP)
		ckpt_not_here();
	send_text(fds[W], "de");
	set_option(fds[R], SO_OOBINLINE, 1);
	ckpt_ready_wait();
	CHECK_SYS(ioctl(fds[R], SIOCATMARK, &mark));
	CHECK_EQ(1, mark);
	CHECK_EQ(1, recv(fds[R], &c, 1, MSG_DONTWAIT));
	CHECK_EQ('c', c);
	CHECK_SYS(ioctl(fds[R], SIOCATMARK, &mark));
	CHECK_EQ(0, mark);
	expect_text(fds[R], "de");
}

CKPT_CYCLE(peek_offset)
{
	char buf[8] = "";

	pair(SOCK_STREAM);
	send_text(fds[W], "abcdef");
	set_option(fds[R], SO_PEEK_OFF, 2);
	ckpt_ready_wait();
	CHECK_EQ(2, option(fds[R], SO_PEEK_OFF));
	CHECK_EQ(2, recv(fds[R], buf, 2, MSG_PEEK | MSG_DONTWAIT));
	CHECK_STREQ("cd", buf);
	CHECK_EQ(4, option(fds[R], SO_PEEK_OFF));
	expect_text(fds[R], "abcdef");
}

/* Options, each with another value than a new socket has. */
CKPT_CYCLE(options)
{
	static const int flags[] = {
		SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_NO_CHECK,
		SO_PASSCRED, SO_PASSPIDFD, SO_TIMESTAMPNS, SO_RXQ_OVFL, SO_NOFCS,
		SO_SELECT_ERR_QUEUE,
	};
	struct linger linger = { .l_onoff = 1, .l_linger = 7 };
	struct timeval timeout = { .tv_sec = 3, .tv_usec = 500000 };
	socklen_t len;
	size_t i;

	pair(SOCK_DGRAM);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		set_option(fds[R], flags[i], 1);
	set_option(fds[R], SO_SNDBUF, 20000);
	set_option(fds[R], SO_RCVBUF, 30000);
	set_option(fds[R], SO_PRIORITY, 5);
	set_option(fds[R], SO_RCVLOWAT, 11);
	CHECK_SYS(setsockopt(fds[R], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	CHECK_SYS(setsockopt(fds[R], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)));
	ckpt_ready_wait();
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		CHECK(option(fds[R], flags[i]) == 1, "option %d", flags[i]);
		CHECK(option(fds[W], flags[i]) == 0, "option %d of the other end", flags[i]);
	}
	CHECK_EQ(40000, option(fds[R], SO_SNDBUF));
	CHECK_EQ(60000, option(fds[R], SO_RCVBUF));
	CHECK_EQ(5, option(fds[R], SO_PRIORITY));
	CHECK_EQ(11, option(fds[R], SO_RCVLOWAT));
	memset(&linger, 0, sizeof(linger));
	len = sizeof(linger);
	CHECK_SYS(getsockopt(fds[R], SOL_SOCKET, SO_LINGER, &linger, &len));
	CHECK_EQ(1, linger.l_onoff);
	CHECK_EQ(7, linger.l_linger);
	memset(&timeout, 0, sizeof(timeout));
	len = sizeof(timeout);
	CHECK_SYS(getsockopt(fds[R], SOL_SOCKET, SO_RCVTIMEO, &timeout, &len));
	CHECK_EQ(3, timeout.tv_sec);
	CHECK_EQ(500000, timeout.tv_usec);
}

static struct ucred peer_of(int fd)
{
	struct ucred cred = {};
	socklen_t len = sizeof(cred);

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	return cred;
}

static int has_its_end(void *arg)
{
	CHECK_EQ((pid_t)board->value[0], peer_of(fds[W]).pid);
	return 0;
}

/* SO_PEERCRED is of who has made the pair, in all processes. */
CKPT_CYCLE(peer_credentials)
{
	struct ucred cred;

	pair(SOCK_STREAM);
	board->value[0] = getpid();
	ckpt_ready_wait();
	cred = peer_of(fds[R]);
	CHECK_EQ(getpid(), cred.pid);
	CHECK_EQ(geteuid(), cred.uid);
	CHECK_EQ(getegid(), cred.gid);
	ckpt_wait_exit(ckpt_fork(has_its_end, NULL), 0);
}

static int makes_pair(void *arg)
{
	int made[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, made));
	send_fds(fds[W], made, 2);
	return 5;
}

/* Who has made a pair has exited: it has a pid that is nobody's. */
CKPT_CYCLE(peer_has_exited)
{
	struct ucred cred;
	int made[2];
	pid_t kid;

	pair(SOCK_STREAM);
	kid = ckpt_fork(makes_pair, NULL);
	ckpt_wait_exit(kid, 5);
	receive_fds(fds[R], made, 2);
	ckpt_ready_wait();
	cred = peer_of(made[0]);
	CHECK(cred.pid > 0, "pid %d", cred.pid);
	CHECK(kill(cred.pid, 0) == -1 && errno == ESRCH, "process %d is there", cred.pid);
	CHECK_EQ(geteuid(), cred.uid);
	CHECK_EQ(getegid(), cred.gid);
	send_text(made[0], "inside");
	expect_text(made[1], "inside");
}

/* What messages tell of who has sent them: also of one that is gone. */
static int sends(void *arg)
{
	board->value[1] = getpid();
	send_text(fds[W], "child");
	return 0;
}

static pid_t sender_of(const char *text)
{
	char control[CMSG_SPACE(sizeof(struct ucred))] = {};
	char buf[32] = "";
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) - 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	struct ucred cred;

	CHECK_EQ((long)strlen(text), recvmsg(fds[R], &msg, MSG_DONTWAIT));
	CHECK_STREQ(text, buf);
	cmsg = CMSG_FIRSTHDR(&msg);
	CHECK(cmsg && cmsg->cmsg_type == SCM_CREDENTIALS, "no credentials");
	memcpy(&cred, CMSG_DATA(cmsg), sizeof(cred));
	CHECK_EQ(getuid(), cred.uid);
	CHECK_EQ(getgid(), cred.gid);
	return cred.pid;
}

CKPT_CYCLE(message_credentials, .flags = SC_CONTAINER)
{
	pair(SOCK_STREAM);
	set_option(fds[R], SO_PASSCRED, 1);
	send_text(fds[W], "parent");
	ckpt_wait_exit(ckpt_fork(sends, NULL), 0);
	send_text(fds[W], "again");
	ckpt_ready_wait();
	CHECK_EQ(getpid(), sender_of("parent"));
	CHECK_EQ((pid_t)board->value[1], sender_of("child"));
	CHECK_EQ(getpid(), sender_of("again"));
}

/* A classic filter stays, and so does what came before it. */
CKPT_CYCLE(filter)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0), got = {};
	struct sock_fprog prog = { .len = 1, .filter = &none };
	socklen_t len = 1;

	pair(SOCK_DGRAM);
	send_text(fds[W], "before");
	CHECK_SYS(setsockopt(fds[R], SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(fds[R], SOL_SOCKET, SO_GET_FILTER, &got, &len));
	CHECK_EQ(1, len);
	CHECK(!memcmp(&got, &none, sizeof(got)), "another filter");
	expect_text(fds[R], "before");
	CHECK_EQ(2, send(fds[W], "no", 2, MSG_DONTWAIT | MSG_NOSIGNAL));
	expect_empty(fds[R]);
	CHECK_SYS(setsockopt(fds[R], SOL_SOCKET, SO_DETACH_FILTER, &len, sizeof(len)));
	send_text(fds[W], "yes");
	expect_text(fds[R], "yes");
}

/* Many pairs: none is exchanged for another. */
CKPT_CYCLE(hundred)
{
	int all[100][2], i;

	for (i = 0; i < 100; i++) {
		CHECK_SYS(socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, 0, all[i]));
		put(all[i][W], 1000 * i, i + 1);
	}
	ckpt_ready_wait();
	for (i = 0; i < 100; i++) {
		get(all[i][R], 1000 * i, i + 1);
		put(all[i][R], i, 1);
		get(all[i][W], i, 1);
	}
}

TEST_HARNESS_MAIN
