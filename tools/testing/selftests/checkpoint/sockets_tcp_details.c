// SPDX-License-Identifier: GPL-2.0
/*
 * TCP connections with somebody outside of the tree that are kept: what is held back or urgent and
 * is still to be sent, and what decides how it is sent and how they are closed.
 */
#include "sockets_tcp_stream.h"

#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/ip.h>

#ifndef SO_RCVMARK
#define SO_RCVMARK	75
#endif

CKPT_FIXTURE

/* Where the scenario listens; the word of the test that the other end hears nothing. */
#define PORT	0
#define DEAF	1
/* How much it has sent. */
#define SENT	2

/* The scenario has accepted; is ready; has found all as it was. */
#define ACCEPTED	1
#define READY	2
#define FOUND	3

/* The connection that comes from outside. */
static int accepted(void)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	return fd;
}

/* Waits until the other end hears nothing of it any more: nothing that is sent is acknowledged. */
static void until_deaf(void)
{
	ckpt_step(ACCEPTED);
	while (!__atomic_load_n(&board->value[DEAF], __ATOMIC_ACQUIRE))
		sched_yield();
}

/* What is in the queue and was not sent yet. */
static int unsent(int fd)
{
	int count = -1;

	CHECK_SYS(ioctl(fd, SIOCOUTQNSD, &count));
	return count;
}

/* How often it has timed out since something was acknowledged. */
static int timeouts(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return info.tcpi_retransmits;
}

/* The other end ends it when it has got all. */
static void end(int fd)
{
	char c;

	CHECK_SYS(shutdown(fd, SHUT_WR));
	CHECK_EQ(0, recv(fd, &c, 1, 0));
	CHECK_EQ(0, option(fd, SO_ERROR));
	CHECK_SYS(close(fd));
}

/* Whether the end outside hears what is sent to it. */
static int set_deaf(bool deaf)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &nothing };

	return setsockopt(outside, SOL_SOCKET, deaf ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &prog,
			  sizeof(prog));
}

static int reach(struct ckpt_run *run)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, run->board->value[PORT]);

	if (outside >= 0)
		close(outside);
	outside = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (outside < 0 || connect(outside, (struct sockaddr *)&addr, len)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* Connects from outside; @deaf: and hears nothing more. */
static int meet(struct ckpt_run *run, bool deaf)
{
	if (reach(run))
		return -1;
	if (deaf) {
		if (await_step(run, ACCEPTED) || set_deaf(true))
			return -1;
		__atomic_store_n(&run->board->value[DEAF], 1, __ATOMIC_RELEASE);
	}
	return await_step(run, READY);
}

/* What is there outside then; 0: as it has to be. */
typedef int (*heard)(struct ckpt_run *run);

/* The scenario goes on, has found all as it was, and the other end hears the rest. */
static int goes_on(struct ckpt_run *run, bool deaf, heard heard)
{
	if (ckpt_run_go(run) || await_step(run, FOUND) || (deaf && set_deaf(false)) || heard(run))
		return -1;
	close(outside);
	outside = -1;
	return ckpt_run_finish(run);
}

/* Through two restarts, and over a checkpoint after which the tasks run on. */
static int stays(struct ckpt_scenario *sc, bool container, bool deaf, heard heard)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) || meet(&run, deaf) ||
	      ckpt_run_checkpoint(&run, first, 0) || goes_on(&run, deaf, heard);
	if (!ret) {
		ckpt_run_fini(&run);
		ftruncate(first, 0);
		lseek(first, 0, SEEK_SET);
		ret = ckpt_run_init(&run, sc, container);
	}
	ret = ret || ckpt_run_start(&run) || meet(&run, deaf) ||
	      ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL) ||
	      ckpt_run_restart(&run, first, RESTART_TCP_KEEP) ||
	      !ckpt_run_log_has(&run, " goes on") || ckpt_run_wait_blocked(&run) ||
	      ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
	      ckpt_run_restart(&run, second, RESTART_TCP_KEEP) || goes_on(&run, deaf, heard);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return ret;
}

/* The next bytes outside are @text. */
static int expect(const char *text)
{
	char buf[64] = "";

	if (recv(outside, buf, strlen(text), MSG_WAITALL) == (long)strlen(text) &&
	    !strcmp(text, buf))
		return 0;
	ckpt_diag("\"%s\" has come, not \"%s\"", buf, text);
	return -1;
}

static int expect_end(void)
{
	char c;

	return recv(outside, &c, 1, 0) ? -1 : 0;
}

/*
 * What is corked waits for more. That lasts a fifth of a second at most if all else is
 * acknowledged, and is over with a probe for the last segment: here the first one was lost, and has
 * timed out.
 */
CKPT_SCENARIO(corked)
{
	int fd = accepted();

	until_deaf();
	send_text(fd, "first ");
	while (!timeouts(fd))
		sched_yield();
	set_tcp_option(fd, TCP_CORK, 1);
	send_text(fd, "held back ");
	CHECK_EQ(10, unsent(fd));
	ckpt_step(READY);
	ckpt_wait_go();
	CHECK_EQ(1, tcp_option(fd, TCP_CORK));
	CHECK_EQ(10, unsent(fd));
	send_text(fd, "with more");
	CHECK_EQ(19, unsent(fd));
	ckpt_step(FOUND);
	set_tcp_option(fd, TCP_CORK, 0);
	end(fd);
}

static int heard_all(struct ckpt_run *run)
{
	return expect("first held back with more") || expect_end();
}

TEST_F_TIMEOUT(cr, held_back, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, stays(&corked, variant->container, true, heard_all));
}

/* An urgent byte, which was sent and has not come. */
CKPT_SCENARIO(urgent)
{
	int fd = accepted();

	until_deaf();
	send_text(fd, "before");
	CHECK_EQ(1, send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL));
	send_text(fd, "after");
	ckpt_step(READY);
	ckpt_wait_go();
	ckpt_step(FOUND);
	end(fd);
}

/* It is told of by itself, and the others are on both sides of it. */
static int heard_urgent(struct ckpt_run *run)
{
	struct pollfd p = { .fd = outside, .events = POLLPRI };
	char c = 0;

	if (poll(&p, 1, -1) != 1 || recv(outside, &c, 1, MSG_OOB) != 1 || c != '!') {
		ckpt_diag("nothing urgent has come");
		return -1;
	}
	if (expect("before"))
		return -1;
	if (sockatmark(outside) != 1) {
		ckpt_diag("it was elsewhere");
		return -1;
	}
	return expect("after") || expect_end();
}

TEST_F_TIMEOUT(cr, urgent_byte, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, stays(&urgent, variant->container, true, heard_urgent));
}

/* The same, of which nothing was sent: the other end takes no more before it has read. */
CKPT_SCENARIO(urgent_unsent)
{
	int fd = accepted(), size = 1 << 22;

	/* There is room for more than the other end takes. */
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
	do {
		unsigned char buf[1 << 14];
		int left;

		fill(buf, board->value[SENT], sizeof(buf), out_at);
		CHECK_EQ((long)sizeof(buf), send(fd, buf, sizeof(buf),
						 MSG_DONTWAIT | MSG_NOSIGNAL));
		board->value[SENT] += sizeof(buf);
		/* What may be sent has come: the rest waits for nothing else. */
		do
			CHECK_SYS(ioctl(fd, SIOCOUTQ, &left));
		while (left != unsent(fd));
	} while (unsent(fd) < (1 << 13));
	CHECK_EQ(1, send(fd, "!", 1, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL));
	send_text(fd, "after");
	ckpt_step(READY);
	ckpt_wait_go();
	CHECK(unsent(fd) >= 6, "%d bytes are to be sent", unsent(fd));
	ckpt_step(FOUND);
	end(fd);
}

static int heard_at_last(struct ckpt_run *run)
{
	struct pollfd p = { .fd = outside, .events = POLLPRI };
	long count = run->board->value[SENT];
	char c = 0;

	if (take(outside, 0, count, out_at) != count)
		return -1;
	if (poll(&p, 1, -1) != 1 || recv(outside, &c, 1, MSG_OOB) != 1 || c != '!') {
		ckpt_diag("nothing urgent has come");
		return -1;
	}
	return expect("after") || expect_end();
}

TEST_F_TIMEOUT(cr, urgent_byte_unsent, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, stays(&urgent_unsent, variant->container, false, heard_at_last));
}

#define TOS	0x10
#define TTL	33
#define MARK	0x4711
#define PRIORITY 5

static int ip_option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	CHECK_SYS(getsockopt(fd, level, name, &value, &len));
	return value;
}

static void set_ip_option(int fd, int level, int name, int value)
{
	CHECK_SYS(setsockopt(fd, level, name, &value, sizeof(value)));
}

static void marked_by(int level, int tos, int ttl)
{
	int fd = accepted();

	set_ip_option(fd, level, tos, TOS);
	set_ip_option(fd, level, ttl, TTL);
	set_option(fd, SO_MARK, MARK);
	set_option(fd, SO_PRIORITY, PRIORITY);
	ckpt_step(READY);
	ckpt_wait_go();
	CHECK_EQ(TOS, ip_option(fd, level, tos));
	CHECK_EQ(TTL, ip_option(fd, level, ttl));
	CHECK_EQ(MARK, option(fd, SO_MARK));
	CHECK_EQ(PRIORITY, option(fd, SO_PRIORITY));
	ckpt_step(FOUND);
	send_text(fd, "marked");
	end(fd);
}

CKPT_SCENARIO(marked)
{
	marked_by(IPPROTO_IP, IP_TOS, IP_TTL);
}

CKPT_SCENARIO(marked_v6)
{
	where = V6;
	marked_by(IPPROTO_IPV6, IPV6_TCLASS, IPV6_UNICAST_HOPS);
}

/* Sees all segments, as they come. */
static int watcher = -1;

static int expect_marked(struct ckpt_run *run)
{
	char control[CMSG_SPACE(sizeof(int)) * 4];
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
		char data[256];
	} packet;
	struct iovec iov = { .iov_base = &packet, .iov_len = sizeof(packet) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *cmsg;
	int mark = 0;
	long n;

	/* The first that has this, of the connection. */
	do {
		msg.msg_controllen = sizeof(control);
		n = recvmsg(watcher, &msg, 0);
		if (n < 0)
			return -1;
	} while (n < (long)sizeof(packet.ip) + (long)sizeof(packet.tcp) || packet.ip.ihl != 5 ||
		 packet.tcp.source != htons(run->board->value[PORT]) ||
		 n != 20 + packet.tcp.doff * 4 + 6);
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_MARK)
			memcpy(&mark, CMSG_DATA(cmsg), sizeof(mark));
	}
	if (packet.ip.tos != TOS || packet.ip.ttl != TTL || mark != MARK) {
		ckpt_diag("TOS 0x%x, TTL %u, mark 0x%x", packet.ip.tos, packet.ip.ttl, mark);
		return -1;
	}
	return expect("marked") || expect_end();
}

/* How it is sent. */
TEST_F_TIMEOUT(cr, type_of_service, CKPT_TIMEOUT)
{
	int on = 1;

	watcher = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	ASSERT_LE(0, watcher);
	ASSERT_EQ(0, setsockopt(watcher, SOL_SOCKET, SO_RCVMARK, &on, sizeof(on)));
	ASSERT_EQ(0, stays(&marked, variant->container, false, expect_marked));
	close(watcher);
}

static int heard_marked(struct ckpt_run *run)
{
	return expect("marked") || expect_end();
}

TEST_F_TIMEOUT(cr, traffic_class, CKPT_TIMEOUT)
{
	where = V6;
	ASSERT_EQ(0, stays(&marked_v6, variant->container, false, heard_marked));
}

static void set_linger(int fd, int seconds)
{
	struct linger linger = { .l_onoff = 1, .l_linger = seconds };

	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

static void expect_linger(int fd, int seconds)
{
	struct linger linger = {};
	socklen_t len = sizeof(linger);

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	CHECK_EQ(1, linger.l_onoff);
	CHECK_EQ(seconds, linger.l_linger);
}

/* What happens when it is closed: between two tasks. */
CKPT_CYCLE(linger)
{
	char c;

	tcp_pair();
	set_linger(fds[W], 33);
	set_tcp_option(fds[W], TCP_LINGER2, 44);
	set_linger(fds[R], 0);
	ckpt_ready_wait();
	expect_linger(fds[W], 33);
	CHECK_EQ(44, tcp_option(fds[W], TCP_LINGER2));
	expect_linger(fds[R], 0);
	/* Without a time the other end is told of a reset. */
	CHECK_SYS(close(fds[R]));
	await_event(fds[W], POLLHUP);
	CHECK(recv(fds[W], &c, 1, 0) == -1 && errno == ECONNRESET, "it tells %d", errno);
}

/* The same with somebody outside. */
CKPT_SCENARIO(resets)
{
	int fd = accepted();

	set_linger(fd, 0);
	set_tcp_option(fd, TCP_LINGER2, 44);
	ckpt_step(READY);
	ckpt_wait_go();
	expect_linger(fd, 0);
	CHECK_EQ(44, tcp_option(fd, TCP_LINGER2));
	ckpt_step(FOUND);
	CHECK_SYS(close(fd));
}

static int heard_reset(struct ckpt_run *run)
{
	char c;

	return recv(outside, &c, 1, 0) == -1 && errno == ECONNRESET ? 0 : -1;
}

TEST_F_TIMEOUT(cr, linger_outside, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, stays(&resets, variant->container, false, heard_reset));
}

/* It was closed, and waits for the end of the other one for two minutes. */
CKPT_SCENARIO(waits_for_end, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET)
{
	int fd = accepted();

	set_tcp_option(fd, TCP_LINGER2, 120);
	CHECK_SYS(close(fd));
	ckpt_step(READY);
	ckpt_wait_go();
}

/* The network namespace of the tasks, and that of the test. */
static int theirs = -1, ours = -1;

/* Connects from outside, which is the namespace of the tasks, but none of them. */
static int meet_there(struct ckpt_run *run)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)run->pid);
	theirs = open(path, O_RDONLY | O_CLOEXEC);
	ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (theirs < 0 || ours < 0 || setns(theirs, CLONE_NEWNET))
		return -1;
	ret = reach(run);
	return setns(ours, CLONE_NEWNET) || ret ? -1 : await_step(run, READY);
}

/* A restart into the namespace, which we have kept. */
static int restart_there(struct ckpt_run *run, int image)
{
	int ret;

	if (setns(theirs, CLONE_NEWNET))
		return -1;
	ret = ckpt_run_restart(run, image, RESTART_TCP_KEEP | RESTART_CALLER_NET);
	return setns(ours, CLONE_NEWNET) || ret ? -1 : 0;
}

FIXTURE(orphan) { int unused; };

FIXTURE_SETUP(orphan)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(orphan)
{
	close(theirs);
	close(ours);
}

/* It is waited for by a socket that nobody has, as before (FIN_WAIT2), and not for less time. */
TEST_F_TIMEOUT(orphan, waits_for_end, CKPT_TIMEOUT)
{
	static const char line[] = "that tasks have closed, and that are not over: 1";
	int first = ckpt_image_new(), second = ckpt_image_new(), error = -1;
	socklen_t len = sizeof(error);
	struct ckpt_run run;
	char c;

	ASSERT_EQ(0, ckpt_run_init(&run, &waits_for_end, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet_there(&run));
	ASSERT_EQ(0, recv(outside, &c, 1, 0));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL | CHECKPOINT_NET_OUTSIDE));
	EXPECT_TRUE(ckpt_run_log_has(&run, line)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, restart_there(&run, first));
	EXPECT_TRUE(ckpt_run_log_has(&run, " goes on"));
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL | CHECKPOINT_NET_OUTSIDE));
	EXPECT_TRUE(ckpt_run_log_has(&run, line)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, restart_there(&run, second));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	/* The other end ends it in order: where nobody waited it would be told of a reset. */
	EXPECT_EQ(TCP_CLOSE_WAIT, tcp_state(outside));
	EXPECT_EQ(0, shutdown(outside, SHUT_WR));
	while (tcp_state(outside) != TCP_CLOSE)
		sched_yield();
	EXPECT_EQ(0, getsockopt(outside, SOL_SOCKET, SO_ERROR, &error, &len));
	EXPECT_EQ(0, error);
	close(outside);
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

TEST_HARNESS_MAIN
