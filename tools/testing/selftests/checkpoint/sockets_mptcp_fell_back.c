// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of Multipath TCP that have fallen back, as their other end speaks TCP only: they
 * come back as those of TCP that they are.
 */
#include "sockets_mptcp.h"
#include "sockets_tcp_stream.h"

static int connect_mptcp(int fd, int port)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, port);

	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	CHECK_EQ(IPPROTO_MPTCP, option(fd, SO_PROTOCOL));
	return fd;
}

/* @fd, fds[W] from now on, has connected by Multipath TCP, and fds[R] was accepted, of TCP. */
static void connect_pair(int fd)
{
	int at = listener(1);

	fds[W] = connect_mptcp(fd, port_of(at, false));
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
}

static void mptcp_pair(void)
{
	connect_pair(mptcp_socket());
}

/* What SO_PROTOCOL tells: before the restart, and after it. */
static void check_protocol(void)
{
	CHECK_EQ(board->restarts ? IPPROTO_TCP : IPPROTO_MPTCP, option(fds[W], SO_PROTOCOL));
	CHECK_EQ(IPPROTO_TCP, option(fds[R], SO_PROTOCOL));
}

/* With bytes in both directions. */
static void talks(int at)
{
	where = at;
	mptcp_pair();
	put(fds[W], 0, 3000);
	await_bytes(fds[R], 3000);
	put(fds[R], 1, 2000);
	await_bytes(fds[W], 2000);
	ckpt_ready_wait();
	check_protocol();
	get(fds[R], 0, 3000);
	get(fds[W], 1, 2000);
	put(fds[W], 2, 100);
	get(fds[R], 2, 100);
	put(fds[R], 3, 100);
	get(fds[W], 3, 100);
	CHECK_SYS(shutdown(fds[W], SHUT_WR));
	at_end(fds[R]);
	CHECK_SYS(close(fds[R]));
	at_end(fds[W]);
}

CKPT_CYCLE(talk)
{
	talks(V4);
}

CKPT_CYCLE(talk_ipv6)
{
	talks(V6);
}

/* More is to be sent than the other end takes: some of it the subflow was not given. Then it ends. */
static void is_full(int fd)
{
	long sent;

	connect_pair(fd);
	sent = stuff(fds[W]);
	CHECK_SYS(shutdown(fds[W], SHUT_WR));
	ckpt_ready_wait();
	check_protocol();
	CHECK_EQ(sent, take(fds[R], 0, 0, out_at));
	put(fds[R], 0, 10);
	get(fds[W], 0, 10);
}

CKPT_CYCLE(full)
{
	where = V4;
	is_full(mptcp_socket());
}

/* It takes more than there is room for. */
CKPT_CYCLE(full_small)
{
	int fd;

	where = V4;
	fd = mptcp_socket();
	set_option(fd, SO_SNDBUF, 8192);
	is_full(fd);
}

/* The other end has sent more than was read, which waits in both sockets. */
CKPT_CYCLE(stuffed)
{
	long sent;

	where = V4;
	mptcp_pair();
	sent = stuff(fds[R]);
	ckpt_ready_wait();
	check_protocol();
	CHECK_EQ(sent, take(fds[W], 0, sent, out_at));
	put(fds[W], 0, 10);
	get(fds[R], 0, 10);
}

/* The other end was closed, with bytes left. */
CKPT_CYCLE(peer_gone)
{
	where = V4;
	mptcp_pair();
	put(fds[R], 0, 5000);
	CHECK_SYS(close(fds[R]));
	await_event(fds[W], POLLRDHUP);
	ckpt_ready_wait();
	get(fds[W], 0, 5000);
	at_end(fds[W]);
}

/*
 * This end was closed with bytes that nobody has read: what it has given to the subflow comes, and
 * then the end of it.
 */
CKPT_CYCLE(closed_unread)
{
	long sent, got;

	where = V4;
	mptcp_pair();
	put(fds[R], 0, 10);
	await_bytes(fds[W], 10);
	sent = stuff(fds[W]);
	CHECK_SYS(close(fds[W]));
	ckpt_ready_wait();
	got = take(fds[R], 0, 0, out_at);
	CHECK(got > 0 && got <= sent, "%ld bytes of %ld", got, sent);
	CHECK_SYS(close(fds[R]));
}

/* This end was shut down, and the other one has got that. */
CKPT_CYCLE(shut)
{
	where = V4;
	mptcp_pair();
	put(fds[W], 0, 500);
	CHECK_SYS(shutdown(fds[W], SHUT_WR));
	await_event(fds[R], POLLRDHUP);
	ckpt_ready_wait();
	get(fds[R], 0, 500);
	at_end(fds[R]);
	put(fds[R], 1, 700);
	CHECK_SYS(close(fds[R]));
	get(fds[W], 1, 700);
	at_end(fds[W]);
	CHECK(send(fds[W], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it sends");
}

/* It waits to be accepted. */
CKPT_CYCLE(waits)
{
	int at;

	where = V4;
	at = listener(1);
	fds[W] = connect_mptcp(mptcp_socket(), port_of(at, false));
	put(fds[W], 0, 3000);
	ckpt_ready_wait();
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	check_protocol();
	get(fds[R], 0, 3000);
	put(fds[R], 1, 2000);
	get(fds[W], 1, 2000);
}

/* Options that were set before it has connected, and after that. */
CKPT_CYCLE(options)
{
	struct timeval wait = { .tv_sec = 1234 }, now = {};
	struct linger linger = { .l_onoff = 1, .l_linger = 33 }, is = {};
	socklen_t len = sizeof(now), room = sizeof(is), size = sizeof(int);
	int fd, ttl = 7;

	where = V4;
	fd = mptcp_socket();
	set_tcp_option(fd, TCP_INQ, 1);
	set_tcp_option(fd, TCP_KEEPINTVL, 33);
	set_tcp_option(fd, TCP_NOTSENT_LOWAT, 5000);
	connect_pair(fd);
	set_tcp_option(fds[W], TCP_NODELAY, 1);
	set_tcp_option(fds[W], TCP_KEEPIDLE, 77);
	set_tcp_option(fds[W], TCP_USER_TIMEOUT, 123456);
	CHECK_SYS(setsockopt(fds[W], IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)));
	set_option(fds[W], SO_KEEPALIVE, 1);
	CHECK_SYS(setsockopt(fds[W], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
	CHECK_SYS(setsockopt(fds[W], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	set_option(fds[W], SO_PRIORITY, 3);
	ckpt_ready_wait();
	CHECK_EQ(1, tcp_option(fds[W], TCP_NODELAY));
	CHECK_EQ(77, tcp_option(fds[W], TCP_KEEPIDLE));
	CHECK_EQ(123456, tcp_option(fds[W], TCP_USER_TIMEOUT));
	CHECK_SYS(getsockopt(fds[W], IPPROTO_IP, IP_TTL, &ttl, &size));
	CHECK_EQ(7, ttl);
	if (board->restarts) {
		CHECK_EQ(1, tcp_option(fds[W], TCP_INQ));
		CHECK_EQ(33, tcp_option(fds[W], TCP_KEEPINTVL));
		CHECK_EQ(5000, tcp_option(fds[W], TCP_NOTSENT_LOWAT));
	}
	CHECK_EQ(1, option(fds[W], SO_KEEPALIVE));
	CHECK_SYS(getsockopt(fds[W], SOL_SOCKET, SO_RCVTIMEO, &now, &len));
	CHECK_EQ(1234, now.tv_sec);
	CHECK_SYS(getsockopt(fds[W], SOL_SOCKET, SO_LINGER, &is, &room));
	CHECK_EQ(33, is.l_linger);
	CHECK_EQ(3, option(fds[W], SO_PRIORITY));
	put(fds[W], 0, 100);
	get(fds[R], 0, 100);
}

/* The environment of the scenario tells where somebody outside listens. */
#define PORT		"CKPT_PORT"
/* How much the scenario has sent. */
#define SENT		0
#define CONNECTED	1

/* It connects to somebody outside, with data in all queues; then all of it comes. */
CKPT_SCENARIO(client)
{
	int fd;

	where = V4;
	ckpt_ready();
	fd = connect_mptcp(mptcp_socket(), atoi(getenv(PORT)));
	await_bytes(fd, BEFORE);
	board->value[SENT] = stuff(fd);
	ckpt_step(CONNECTED);
	ckpt_wait_go();
	CHECK_EQ(BEFORE + HELD, take(fd, 0, BEFORE + HELD, in_at));
	CHECK_SYS(shutdown(fd, SHUT_WR));
	/* The other end closes when it has got all. */
	CHECK_EQ(0, take(fd, 0, 0, in_at));
	CHECK_SYS(close(fd));
}

/* Listens outside, with room for all that is said while the connection is held. */
static int listen_outside(void)
{
	int at = socket(AF_INET, SOCK_STREAM, 0), size = 1 << 20;
	struct sockaddr_storage addr;
	socklen_t len;
	char port[16];

	where = V4;
	len = address(&addr, 0);
	if (at < 0 || setsockopt(at, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    bind(at, (struct sockaddr *)&addr, len) || listen(at, 1) ||
	    getsockname(at, (struct sockaddr *)&addr, &len)) {
		ckpt_diag("outside: %s", strerror(errno));
		return -1;
	}
	snprintf(port, sizeof(port), "%d", ntohs(((struct sockaddr_in *)&addr)->sin_port));
	setenv(PORT, port, 1);
	return at;
}

/* Begins the client, accepts its connection outside, and waits until what is said has come. */
static int meet(struct ckpt_run *run, bool container)
{
	int at = ckpt_run_init(run, &client, container) ? -1 : listen_outside();

	if (at < 0 || ckpt_run_start(run))
		return -1;
	if (outside >= 0)
		close(outside);
	outside = accept(at, NULL, NULL);
	close(at);
	if (outside < 0 || say(0, BEFORE))
		return -1;
	return await_step(run, CONNECTED);
}

static bool is_connected(void)
{
	return tcp_state(outside) == TCP_ESTABLISHED;
}

/* The other end notices nothing, through two restarts. */
TEST_F_TIMEOUT(cr, kept, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;

	ASSERT_EQ(0, meet(&run, variant->container));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_TRUE(is_connected());
	ASSERT_EQ(0, say(BEFORE, HELD));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_TCP_KEEP)) {
		ckpt_run_print_log(&run);
	}
	EXPECT_TRUE(ckpt_run_log_has(&run, " goes on"));
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_TRUE(is_connected());
	ASSERT_EQ(0, ckpt_run_restart(&run, second, RESTART_TCP_KEEP)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_TRUE(is_connected());
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	EXPECT_EQ(0, shutdown(outside, SHUT_WR));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* Its tasks run on: it goes on, too. The log tells what it would be; who is strict gets no image. */
TEST_F_TIMEOUT(cr, told, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	ASSERT_EQ(0, meet(&run, variant->container));
	EXPECT_EQ(-1, ckpt_run_call(&run, image, CHECKPOINT_STRICT));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "its MPTCP connection has fallen back to TCP: it would "
					   "come back as a TCP socket")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_LT(0, ckpt_run_call(&run, image, 0));
	EXPECT_TRUE(ckpt_run_log_has(&run, "its MPTCP connection has fallen back to TCP: it comes "
					   "back as a TCP socket")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, say(BEFORE, HELD));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	EXPECT_EQ(0, shutdown(outside, SHUT_WR));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* Both ends are in the tree. */
CKPT_SCENARIO(both)
{
	where = V4;
	mptcp_pair();
	put(fds[W], 0, 3000);
	await_bytes(fds[R], 3000);
	CHECK_SYS(shutdown(fds[W], SHUT_WR));
	ckpt_ready_wait();
	get(fds[R], 0, 3000);
}

/* The task is killed while the image is written: its connection ends all the same. */
TEST_F_TIMEOUT(cr, killed_meanwhile, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	int fd[2], status;
	char buf[65536];
	pid_t caller;

	ASSERT_EQ(0, ckpt_run_init(&run, &both, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_pipe(fd, O_CLOEXEC));
	fflush(NULL);
	caller = fork();
	if (!caller) {
		close(fd[0]);
		/* What becomes of the image is for others to test. */
		ckpt_run_call(&run, fd[1], CHECKPOINT_KILL);
		_exit(0);
	}
	close(fd[1]);
	ASSERT_LT(0, read(fd[0], buf, 1000));
	ASSERT_EQ(0, kill(run.pid, SIGKILL));
	ASSERT_EQ(run.pid, waitpid(run.pid, &status, 0));
	while (read(fd[0], buf, sizeof(buf)) > 0)
		;
	EXPECT_EQ(caller, waitpid(caller, &status, 0));
	EXPECT_EQ(0, status);
	close(fd[0]);
	ckpt_run_fini(&run);
}

TEST_HARNESS_MAIN
