// SPDX-License-Identifier: GPL-2.0
/* TCP connections with somebody outside of the tree, and what else is told of or refused. */
#include "sockets_tcp.h"

#include <linux/net_tstamp.h>
#include <sched.h>
#include <sys/syscall.h>

CKPT_FIXTURE

/* The end outside. */
static int outside = -1;

/* Where the scenario listens, and what it says. */
#define PORT	0
#define ACCEPTED	1
#define CLIENTS	2

static int reach(struct ckpt_run *run)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, run->board->value[PORT]);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, len)) {
		ckpt_diag("connect: %s", strerror(errno));
		return -1;
	}
	return fd;
}

/* Connects from outside, says something, and waits until that has come. */
static int connect_outside(void *arg)
{
	struct ckpt_run *run = arg;

	if (outside >= 0)
		close(outside);
	outside = reach(run);
	if (outside < 0)
		return -1;
	if (send(outside, "hello", 5, 0) != 5)
		return -1;
	while (!__atomic_load_n(&run->board->step[ACCEPTED], __ATOMIC_ACQUIRE))
		sched_yield();
	return 0;
}

/* The other end is told that it is over, and may connect again. */
static int connect_again(void *arg)
{
	struct ckpt_run *run = arg;
	char c;
	int fd;

	if (!run->board->restarts)
		return 0;
	/* What the original has said comes first. */
	while (recv(outside, &c, 1, 0) > 0)
		;
	fd = reach(run);
	if (fd < 0)
		return -1;
	return close(fd);
}

/* What had come is there; then it tells of the reset. The socket that listens goes on. */
CKPT_CYCLE(reset, .before = connect_outside, .after = connect_again)
{
	int at = listener(4), fd, kept = port_of(at, false);
	char c;

	board->value[PORT] = kept;
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	await_bytes(fd, 5);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(kept, port_of(at, false));
	expect_text(fd, "hello");
	if (board->restarts) {
		CHECK(recv(fd, &c, 1, 0) == -1 && errno == ECONNRESET, "it tells %d", errno);
		CHECK_EQ(0, recv(fd, &c, 1, 0));
		CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it sends");
		CHECK_SYS(close(CHECK_SYS(accept(at, NULL, NULL))));
	} else {
		expect_empty(fd);
		CHECK_EQ(1, send(fd, "x", 1, MSG_NOSIGNAL));
	}
}

/* The number of its socket; the word of the test that it comes back as after a reset. */
#define NUMBER	1
#define CUT	2

/* Somebody else gets its connection after the checkpoint, and has it when the tasks are gone. */
CKPT_SCENARIO(taken)
{
	int at = listener(4), fd;
	char c;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	await_bytes(fd, 5);
	board->value[NUMBER] = fd;
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	expect_text(fd, "hello");
	if (!board->value[CUT]) {
		send_text(fd, "first");
		return;
	}
	CHECK(recv(fd, &c, 1, 0) == -1 && errno == ECONNRESET, "it tells %d", errno);
	CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it sends");
}

/* The socket of the tasks, which goes on without them. */
static int take_socket(struct ckpt_run *run)
{
	return syscall(__NR_pidfd_getfd, run->pidfd, (int)run->board->value[NUMBER], 0);
}

/* The tasks come back once more, without the connection. */
static int comes_back_cut(struct ckpt_run *run, int image)
{
	if (ckpt_run_restart(run, image, 0))
		return -1;
	if (!ckpt_run_log_has(run, "comes back as after a reset"))
		return -1;
	run->board->value[CUT] = 1;
	ckpt_run_go(run);
	return ckpt_run_finish(run);
}

static bool comes(int fd, const char *text)
{
	char buf[32] = "";

	return recv(fd, buf, strlen(text), MSG_WAITALL) == (long)strlen(text) && !strcmp(text, buf);
}

/* What both ends have said is all that comes, in its order, and then the end of it. */
static void goes_on(struct __test_metadata *_metadata, int held)
{
	char c;

	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(outside));
	EXPECT_EQ(6, send(held, "second", 6, MSG_NOSIGNAL));
	EXPECT_TRUE(comes(outside, "firstsecond"));
	EXPECT_EQ(5, send(outside, "there", 5, MSG_NOSIGNAL));
	EXPECT_TRUE(comes(held, "there"));
	EXPECT_EQ(0, shutdown(held, SHUT_WR));
	EXPECT_EQ(0, recv(outside, &c, 1, 0));
	EXPECT_EQ(0, close(outside));
	outside = -1;
	EXPECT_EQ(0, recv(held, &c, 1, 0));
	EXPECT_EQ(0, close(held));
}

/* Of an image whose tasks have run on: the connection that these had is not disturbed. */
TEST_F_TIMEOUT(cr, ran_on, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), held;
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &taken, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, connect_outside(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, 0));
	held = take_socket(&run);
	ASSERT_LE(0, held);
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ASSERT_EQ(0, comes_back_cut(&run, image)) {
		ckpt_run_print_log(&run);
	}
	goes_on(_metadata, held);
	ckpt_run_fini(&run);
	close(image);
}

/* The second restart of one image: the first one has the connection, and has said more. */
TEST_F_TIMEOUT(cr, restarted_twice, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), held;
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &taken, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, connect_outside(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_TCP_KEEP));
	held = take_socket(&run);
	ASSERT_LE(0, held);
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ASSERT_EQ(0, comes_back_cut(&run, image)) {
		ckpt_run_print_log(&run);
	}
	goes_on(_metadata, held);
	/* Nor does it harm that the connection is over by now. */
	EXPECT_EQ(0, comes_back_cut(&run, image));
	ckpt_run_fini(&run);
	close(image);
}

/* The log tells of it; who is strict gets no image. */
CKPT_SCENARIO(connected)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	await_bytes(fd, 5);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	expect_text(fd, "hello");
}

TEST_F(cr, told)
{
	struct ckpt_run run;
	int image = ckpt_image_new();

	ASSERT_EQ(0, ckpt_run_init(&run, &connected, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, connect_outside(&run));
	EXPECT_LT(0, ckpt_run_call(&run, image, 0));
	EXPECT_TRUE(ckpt_run_log_has(&run, "is outside: it comes back as after a reset")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(-1, ckpt_run_call(&run, image, CHECKPOINT_STRICT));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "is outside: have it closed")) {
		ckpt_run_print_log(&run);
	}
	/* It goes on as it was. */
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* Makes another socket listen where the one of the scenario does. */
static int listen_outside(struct ckpt_run *run)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, run->board->value[PORT]);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&addr, len) || listen(fd, 4)) {
		ckpt_diag("listen: %s", strerror(errno));
		return -1;
	}
	return fd;
}

CKPT_SCENARIO(shared_port)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);
	int at;

	lo_up();
	at = tcp_socket();
	set_option(at, SO_REUSEPORT, 1);
	CHECK_SYS(bind(at, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(at, 4));
	board->value[PORT] = port_of(at, false);
	ckpt_ready_wait();
	CHECK_SYS(close(at));
}

/* Who comes is spread over both: the one in the tree can't come back next to the other. */
TEST_F(cr, port_is_shared)
{
	struct ckpt_run run;
	int image = ckpt_image_new();
	int fd;

	ASSERT_EQ(0, ckpt_run_init(&run, &shared_port, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	fd = listen_outside(&run);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, ckpt_run_call(&run, image, 0));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "a socket outside shares its port")) {
		ckpt_run_print_log(&run);
	}
	close(fd);
	EXPECT_LT(0, ckpt_run_call(&run, image, 0));
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

CKPT_SCENARIO(own_peer)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);
	int fd;

	lo_up();
	fd = tcp_socket();
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	len = address(&addr, port_of(fd, false));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	ckpt_ready_wait();
	CHECK_EQ(1, send(fd, "x", 1, 0));
	await_bytes(fd, 1);
	expect_text(fd, "x");
}

/* A socket that is connected to itself is told of. */
TEST_F(cr, own_peer_is_told)
{
	struct ckpt_run run;
	int image = ckpt_image_new();

	ASSERT_EQ(0, ckpt_run_init(&run, &own_peer, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	EXPECT_LT(0, ckpt_run_call(&run, image, 0));
	EXPECT_TRUE(ckpt_run_log_has(&run, "is connected to itself")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(-1, ckpt_run_call(&run, image, CHECKPOINT_STRICT));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

CKPT_SCENARIO(over_with_port)
{
	struct linger now = { .l_onoff = 1 };
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);
	int at = listener(1), fd = tcp_socket(), free = tcp_socket(), other;

	/* A number that nobody has: one that bind(2) chooses goes with the connection. */
	CHECK_SYS(bind(free, (struct sockaddr *)&addr, len));
	len = address(&addr, port_of(free, false));
	CHECK_SYS(close(free));
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	len = address(&addr, port_of(at, false));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	other = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(setsockopt(other, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	CHECK_SYS(close(other));
	await_event(fd, POLLHUP);
	ckpt_ready_wait();
	CHECK(recv(fd, &now, 1, 0) == -1 && errno == ECONNRESET, "%s", strerror(errno));
}

/* A reset leaves a port to who has chosen it: that it is lost is told. */
TEST_F(cr, port_is_told)
{
	struct ckpt_run run;
	int image = ckpt_image_new();

	ASSERT_EQ(0, ckpt_run_init(&run, &over_with_port, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	EXPECT_LT(0, ckpt_run_call(&run, image, 0));
	EXPECT_TRUE(ckpt_run_log_has(&run, "still, though its connection is over")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(-1, ckpt_run_call(&run, image, CHECKPOINT_STRICT));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* Time stamps of what is sent, by number. */
CKPT_SCENARIO(numbered)
{
	tcp_pair();
	set_option(fds[W], SO_TIMESTAMPING,
		   SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID);
	ckpt_ready_wait();
	put(fds[W], 0, 10);
	get(fds[R], 0, 10);
}

TEST_F(cr, numbers_are_refused)
{
	struct ckpt_run run;
	int image = ckpt_image_new();

	ASSERT_EQ(0, ckpt_run_init(&run, &numbered, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(-1, ckpt_run_call(&run, image, 0));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "numbers its time stamps")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
