// SPDX-License-Identifier: GPL-2.0
/* TCP connections whose two ends are in the tree, and sockets that listen. */
#include "sockets_tcp.h"

#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

CKPT_FIXTURE

/* States of TCP_INFO. */
#define ESTABLISHED	1
#define FIN_WAIT1	4
#define FIN_WAIT2	5
#define CLOSED		7
#define CLOSE_WAIT	8
#define LISTENS		10

/* Bytes in both queues, of which a part was read; each comes once. */
static void queues(enum where at)
{
	int ports[2];

	where = at;
	tcp_pair();
	ports[0] = port_of(fds[W], false);
	ports[1] = port_of(fds[R], false);
	put(fds[W], 0, 50000);
	await_bytes(fds[R], 50000);
	get(fds[R], 0, 12345);
	put(fds[R], 7, 1000);
	await_bytes(fds[W], 1000);
	ckpt_ready_wait();
	CHECK_EQ(ports[0], port_of(fds[W], false));
	CHECK_EQ(ports[0], port_of(fds[R], true));
	CHECK_EQ(ports[1], port_of(fds[R], false));
	CHECK_EQ(ports[1], port_of(fds[W], true));
	CHECK_EQ(ESTABLISHED, tcp_state(fds[R]));
	CHECK_EQ(50000 - 12345, held(fds[R]));
	CHECK_EQ(1000, held(fds[W]));
	put(fds[W], 50000, 777);
	get(fds[R], 12345, 50777 - 12345);
	get(fds[W], 7, 1000);
	expect_empty(fds[R]);
	expect_empty(fds[W]);
	CHECK_SYS(close(fds[W]));
	at_end(fds[R]);
}

CKPT_CYCLE(queues_v4)
{
	queues(V4);
}

CKPT_CYCLE(queues_v6)
{
	queues(V6);
}

CKPT_CYCLE(queues_mapped)
{
	queues(MAPPED);
}

/* More than the other end takes is still to be sent: a writer waits, and a reader makes room. */
CKPT_CYCLE(full)
{
	static char block[4096];
	unsigned long sent = 0;
	unsigned int i;
	long n;

	tcp_pair();
	CHECK_SYS(fcntl(fds[W], F_SETFL, O_NONBLOCK));
	do {
		for (i = 0; i < sizeof(block); i++)
			block[i] = at(sent + i);
		n = write(fds[W], block, sizeof(block));
		if (n > 0)
			sent += n;
	} while (n > 0);
	CHECK_EQ(EAGAIN, errno);
	ckpt_ready_wait();
	get(fds[R], 0, sent);
	CHECK_SYS(fcntl(fds[W], F_SETFL, 0));
	put(fds[W], sent, 10000);
	get(fds[R], sent, 10000);
	expect_empty(fds[R]);
}

/* One end has shut its direction down, and data is left in it. */
CKPT_CYCLE(half_closed)
{
	tcp_pair();
	put(fds[W], 0, 3000);
	CHECK_SYS(shutdown(fds[W], SHUT_WR));
	await_event(fds[R], POLLRDHUP);
	ckpt_ready_wait();
	/* The other end may take its time to confirm it. */
	while (tcp_state(fds[W]) == FIN_WAIT1)
		sched_yield();
	CHECK_EQ(FIN_WAIT2, tcp_state(fds[W]));
	CHECK_EQ(CLOSE_WAIT, tcp_state(fds[R]));
	get(fds[R], 0, 3000);
	at_end(fds[R]);
	CHECK(send(fds[W], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it sends");
	put(fds[R], 9, 500);
	get(fds[W], 9, 500);
	CHECK_SYS(close(fds[R]));
	at_end(fds[W]);
}

/* It receives no more by its own will. */
CKPT_CYCLE(shut_for_reading)
{
	char c;

	tcp_pair();
	CHECK_SYS(shutdown(fds[R], SHUT_RD));
	ckpt_ready_wait();
	CHECK_EQ(0, recv(fds[R], &c, 1, MSG_DONTWAIT));
	put(fds[R], 0, 100);
	get(fds[W], 0, 100);
}

/* The other end was closed, and its data is left. */
CKPT_CYCLE(peer_gone)
{
	tcp_pair();
	put(fds[W], 0, 5000);
	CHECK_SYS(close(fds[W]));
	await_event(fds[R], POLLRDHUP);
	ckpt_ready_wait();
	CHECK_EQ(CLOSE_WAIT, tcp_state(fds[R]));
	get(fds[R], 0, 5000);
	at_end(fds[R]);
}

/* It was closed with more to be sent than this end takes: that comes all the same. */
CKPT_CYCLE(peer_left_more)
{
	static char block[4096];
	unsigned long sent = 0;
	unsigned int i;
	long n;

	tcp_pair();
	CHECK_SYS(fcntl(fds[W], F_SETFL, O_NONBLOCK));
	do {
		for (i = 0; i < sizeof(block); i++)
			block[i] = at(sent + i);
		n = write(fds[W], block, sizeof(block));
		if (n > 0)
			sent += n;
	} while (n > 0);
	CHECK_SYS(close(fds[W]));
	ckpt_ready_wait();
	get(fds[R], 0, sent);
	at_end(fds[R]);
}

/* Both have closed: one is done with, and what it has received is left. */
CKPT_CYCLE(over)
{
	tcp_pair();
	put(fds[W], 0, 2000);
	await_bytes(fds[R], 2000);
	CHECK_SYS(shutdown(fds[W], SHUT_WR));
	await_event(fds[R], POLLRDHUP);
	CHECK_SYS(shutdown(fds[R], SHUT_WR));
	await_event(fds[W], POLLHUP);
	await_event(fds[R], POLLHUP);
	ckpt_ready_wait();
	CHECK_EQ(CLOSED, tcp_state(fds[W]));
	CHECK_EQ(CLOSED, tcp_state(fds[R]));
	CHECK_EQ(2000, held(fds[R]));
	get(fds[R], 0, 2000);
	at_end(fds[R]);
	at_end(fds[W]);
	CHECK(send(fds[R], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it sends");
}

/* The other end has reset it: that is told once, after what had come. */
CKPT_CYCLE(reset)
{
	struct linger now = { .l_onoff = 1 };
	char c;

	tcp_pair();
	put(fds[W], 0, 100);
	await_bytes(fds[R], 100);
	CHECK_SYS(setsockopt(fds[W], SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	CHECK_SYS(close(fds[W]));
	await_event(fds[R], POLLERR);
	ckpt_ready_wait();
	get(fds[R], 0, 100);
	CHECK(recv(fds[R], &c, 1, 0) == -1 && errno == ECONNRESET, "it tells %d", errno);
	CHECK_EQ(0, recv(fds[R], &c, 1, 0));
}

/* The urgent byte: its place in the stream, and that it is read once. */
CKPT_CYCLE(urgent)
{
	char c = 0;

	tcp_pair();
	CHECK_EQ(3, send(fds[W], "abc", 3, 0));
	CHECK_EQ(1, send(fds[W], "!", 1, MSG_OOB));
	CHECK_EQ(2, send(fds[W], "de", 2, 0));
	await_event(fds[R], POLLPRI);
	await_bytes(fds[R], 6);
	ckpt_ready_wait();
	CHECK_EQ(1, recv(fds[R], &c, 1, MSG_OOB));
	CHECK_EQ('!', c);
	CHECK(recv(fds[R], &c, 1, MSG_OOB) == -1 && errno == EINVAL, "it is there twice");
	expect_text(fds[R], "abc");
	expect_text(fds[R], "de");
}

CKPT_CYCLE(urgent_was_read)
{
	char c = 0;

	tcp_pair();
	CHECK_EQ(3, send(fds[W], "abc", 3, 0));
	CHECK_EQ(1, send(fds[W], "!", 1, MSG_OOB));
	CHECK_EQ(2, send(fds[W], "de", 2, 0));
	await_event(fds[R], POLLPRI);
	await_bytes(fds[R], 6);
	CHECK_EQ(1, recv(fds[R], &c, 1, MSG_OOB));
	ckpt_ready_wait();
	CHECK(recv(fds[R], &c, 1, MSG_OOB) == -1 && errno == EINVAL, "it is there again");
	expect_text(fds[R], "abc");
	expect_text(fds[R], "de");
}

/* One end had TCP_MAXSEG, and is closed. */
CKPT_CYCLE(closed_with_mss)
{
	tcp_pair();
	set_tcp_option(fds[W], TCP_MAXSEG, 1000);
	put(fds[W], 0, 100);
	CHECK_SYS(close(fds[W]));
	await_bytes(fds[R], 100);
	ckpt_ready_wait();
	get(fds[R], 0, 100);
	at_end(fds[R]);
}

/* The same of a connection that nobody has accepted, and so is made anew. */
CKPT_CYCLE(urgent_waits)
{
	int at = listener(4), client, fd;
	char c = 0;

	client = connect_to(port_of(at, false));
	CHECK_EQ(3, send(client, "abc", 3, 0));
	CHECK_EQ(1, send(client, "!", 1, MSG_OOB));
	CHECK_EQ(2, send(client, "de", 2, 0));
	await_event(at, POLLIN);
	ckpt_ready_wait();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	await_event(fd, POLLPRI);
	await_bytes(fd, 6);
	CHECK_EQ(1, recv(fd, &c, 1, MSG_OOB));
	CHECK_EQ('!', c);
	expect_text(fd, "abc");
	expect_text(fd, "de");
}

/* What setsockopt(2) has set, of an end of a connection and of a socket that listens. */
CKPT_CYCLE(options)
{
	static const struct {
		int name, value;
	} set[] = {
		{ TCP_NODELAY, 1 },	     { TCP_KEEPIDLE, 77 },  { TCP_KEEPINTVL, 5 },
		{ TCP_KEEPCNT, 3 },	     { TCP_SYNCNT, 4 },	    { TCP_LINGER2, 20 },
		{ TCP_USER_TIMEOUT, 30000 }, { TCP_NOTSENT_LOWAT, 4096 }, { TCP_INQ, 1 },
	};
	char name[16] = "";
	socklen_t len = sizeof(name);
	unsigned int i;
	int at;

	tcp_pair();
	set_option(fds[W], SO_KEEPALIVE, 1);
	CHECK_SYS(setsockopt(fds[W], IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	for (i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		set_tcp_option(fds[W], set[i].name, set[i].value);
	at = tcp_socket();
	set_tcp_option(at, TCP_DEFER_ACCEPT, 7);
	set_tcp_option(at, TCP_MAXSEG, 1000);
	ckpt_ready_wait();
	CHECK_EQ(1, option(fds[W], SO_KEEPALIVE));
	for (i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		CHECK_EQ(set[i].value, tcp_option(fds[W], set[i].name));
	CHECK_SYS(getsockopt(fds[W], IPPROTO_TCP, TCP_CONGESTION, name, &len));
	CHECK_STREQ("reno", name);
	CHECK_EQ(0, tcp_option(fds[R], TCP_NODELAY));
	CHECK_EQ(7, tcp_option(at, TCP_DEFER_ACCEPT));
	CHECK_EQ(1000, tcp_option(at, TCP_MAXSEG));
	put(fds[W], 0, 100);
	get(fds[R], 0, 100);
}

/* What is corked waits for more. */
CKPT_CYCLE(corked)
{
	tcp_pair();
	set_tcp_option(fds[W], TCP_CORK, 1);
	ckpt_ready_wait();
	CHECK_EQ(1, tcp_option(fds[W], TCP_CORK));
	put(fds[W], 0, 10);
	set_tcp_option(fds[W], TCP_CORK, 0);
	get(fds[R], 0, 10);
}

/* A server: one client is accepted, others wait, and one comes later. */
static void server(enum where to)
{
	int at, port, clients[3], ports[3], fd, i, j;
	char c;

	where = to;
	at = listener(8);
	port = port_of(at, false);
	fds[W] = connect_to(port);
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	for (i = 0; i < 3; i++) {
		clients[i] = connect_to(port);
		ports[i] = port_of(clients[i], false);
		c = 'a' + i;
		CHECK_EQ(1, send(clients[i], &c, 1, 0));
	}
	CHECK_SYS(shutdown(clients[2], SHUT_WR));
	await_event(at, POLLIN);
	ckpt_ready_wait();
	CHECK_EQ(LISTENS, tcp_state(at));
	CHECK_EQ(port, port_of(at, false));
	put(fds[R], 0, 10);
	get(fds[W], 0, 10);
	for (i = 0; i < 3; i++) {
		fd = CHECK_SYS(accept(at, NULL, NULL));
		CHECK_EQ(ports[i], port_of(fd, true));
		CHECK_EQ(1, read(fd, &c, 1));
		CHECK_EQ('a' + i, c);
		if (i == 2)
			at_end(fd);
		put(fd, i, 20);
		get(clients[i], i, 20);
		CHECK_SYS(close(fd));
	}
	j = connect_to(port);
	fd = CHECK_SYS(accept(at, NULL, NULL));
	put(j, 0, 5);
	get(fd, 0, 5);
}

CKPT_CYCLE(server_v4)
{
	server(V4);
}

CKPT_CYCLE(server_v6)
{
	server(V6);
}

CKPT_CYCLE(server_mapped)
{
	server(MAPPED);
}

/* Who waits to be accepted has been closed already: what it has sent is there. */
CKPT_CYCLE(waiting_and_closed)
{
	int at = listener(4), fd;

	fd = connect_to(port_of(at, false));
	put(fd, 0, 300);
	CHECK_SYS(close(fd));
	await_event(at, POLLIN);
	ckpt_ready_wait();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	get(fd, 0, 300);
	at_end(fd);
}

/* Two listen at one port. */
CKPT_CYCLE(reuseport)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int one, two, client, i;

	lo_up();
	one = tcp_socket();
	two = tcp_socket();
	set_option(one, SO_REUSEPORT, 1);
	set_option(two, SO_REUSEPORT, 1);
	len = address(&addr, 0);
	CHECK_SYS(bind(one, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(one, 4));
	len = address(&addr, port_of(one, false));
	CHECK_SYS(bind(two, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(two, 4));
	ckpt_ready_wait();
	CHECK_EQ(port_of(one, false), port_of(two, false));
	CHECK_EQ(1, option(two, SO_REUSEPORT));
	for (i = 0; i < 4; i++) {
		struct pollfd p[2] = {
			{ .fd = one, .events = POLLIN },
			{ .fd = two, .events = POLLIN },
		};

		client = connect_to(port_of(one, false));
		CHECK(poll(p, 2, -1) > 0, "nobody has it");
		CHECK_SYS(close(CHECK_SYS(accept(p[0].revents ? one : two, NULL, NULL))));
		CHECK_SYS(close(client));
	}
}

/* Bound, and no more; and never bound. */
CKPT_CYCLE(bound)
{
	struct sockaddr_storage addr;
	int fd, fresh, port;
	socklen_t len;

	lo_up();
	fd = tcp_socket();
	fresh = tcp_socket();
	len = address(&addr, 0);
	set_option(fd, SO_REUSEADDR, 1);
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	port = port_of(fd, false);
	ckpt_ready_wait();
	CHECK_EQ(port, port_of(fd, false));
	CHECK_EQ(CLOSED, tcp_state(fd));
	CHECK_SYS(listen(fd, 1));
	len = address(&addr, port);
	CHECK_SYS(connect(fresh, (struct sockaddr *)&addr, len));
	CHECK_SYS(accept(fd, NULL, NULL));
}

static int accepts(void *arg)
{
	int fd = CHECK_SYS(accept4(*(int *)arg, NULL, NULL, 0));

	put(fd, 0, 40);
	CHECK_SYS(close(fd));
	return 4;
}

/* accept4(2) goes on. */
CKPT_CYCLE(blocked_accept, .blocked = { BLOCKED(__NR_accept4) })
{
	int at = listener(1), fd;
	pid_t kid = ckpt_fork(accepts, &at);

	ckpt_ready_wait();
	fd = connect_to(port_of(at, false));
	get(fd, 0, 40);
	at_end(fd);
	ckpt_wait_exit(kid, 4);
}

static int echoes(void *arg)
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
CKPT_CYCLE(blocked_read, .blocked = { BLOCKED(__NR_read) })
{
	char c = 'a';
	pid_t kid;

	tcp_pair();
	kid = ckpt_fork(echoes, NULL);
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

static int connects(void *arg)
{
	int fd = connect_to(*(int *)arg);

	put(fd, 3, 30);
	CHECK_SYS(close(fd));
	return 5;
}

/* connect(2) waits as the queue is full, and goes on when there is room. */
CKPT_CYCLE(blocked_connect, .blocked = { BLOCKED(__NR_connect) })
{
	int at = listener(0), port = port_of(at, false), fd;
	pid_t kid;

	fds[W] = connect_to(port);
	kid = ckpt_fork(connects, &port);
	ckpt_ready_wait();
	CHECK_SYS(close(CHECK_SYS(accept(at, NULL, NULL))));
	fd = CHECK_SYS(accept(at, NULL, NULL));
	get(fd, 3, 30);
	ckpt_wait_exit(kid, 5);
}

/* Many at once. */
CKPT_CYCLE(many)
{
	enum { COUNT = 50 };
	int at = listener(COUNT), ends[COUNT][2], i;

	for (i = 0; i < COUNT; i++) {
		ends[i][W] = connect_to(port_of(at, false));
		ends[i][R] = CHECK_SYS(accept(at, NULL, NULL));
		put(ends[i][W], i, 100);
		await_bytes(ends[i][R], 100);
	}
	ckpt_ready_wait();
	for (i = 0; i < COUNT; i++) {
		put(ends[i][W], i + 100, 100);
		get(ends[i][R], i, 200);
		expect_empty(ends[i][R]);
	}
}

TEST_HARNESS_MAIN
