// SPDX-License-Identifier: GPL-2.0
/*
 * TCP connections with somebody outside of the tree that are shut down: in all states that one may
 * have, the other end gets all that was sent, and then the end of it.
 */
#include "sockets_tcp_stream.h"

#include <linux/filter.h>
#include <sched.h>

CKPT_FIXTURE

/* Where the scenario listens, how much it has sent, and the state that its connection is in. */
#define PORT	0
#define SENT	1
#define STATE	2
/* The word of the test that the other end does not hear any more. */
#define DEAF	3

/* The scenario waits for the other end to do something; is ready; has found all as it was. */
#define CALLS	1
#define READY	2
#define FOUND	3

static void await_value(int index)
{
	while (!__atomic_load_n(&board->value[index], __ATOMIC_ACQUIRE))
		sched_yield();
}

/* What comes before the checkpoint. */
struct ending {
	bool stuffed;		/* The other end does not read: the end of it comes after that. */
	bool deaf;		/* It hears nothing any more: the end was sent, and is not there. */
	bool first;		/* It has ended before. */
	bool then;		/* It ends after that. */
	int state;
};

static void end(const struct ending *how)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	if (how->first) {
		ckpt_step(CALLS);
		await_event(fd, POLLRDHUP);
	}
	if (how->stuffed)
		board->value[SENT] = stuff(fd);
	if (how->deaf) {
		ckpt_step(CALLS);
		await_value(DEAF);
	}
	CHECK_SYS(shutdown(fd, SHUT_WR));
	if (how->then) {
		ckpt_step(CALLS);
		await_event(fd, POLLRDHUP);
	}
	while (how->state == TCP_FIN_WAIT2 && tcp_state(fd) == TCP_FIN_WAIT1)
		sched_yield();
	CHECK_EQ(how->state, tcp_state(fd));
	ckpt_step(READY);
	ckpt_wait_go();
	CHECK_EQ(how->state, tcp_state(fd));
	CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it sends");
	CHECK_EQ(BEFORE, take(fd, 0, BEFORE, in_at));
	ckpt_step(FOUND);
	/* The other end closes when it has got all, if it has not done so before. */
	CHECK_EQ(0, take(fd, 0, 0, in_at));
	CHECK_EQ(0, option(fd, SO_ERROR));
	CHECK_SYS(close(fd));
}

/* Whether the end outside hears what is sent to it. */
static int set_deaf(bool deaf)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &nothing };

	if (deaf)
		return setsockopt(outside, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
	return setsockopt(outside, SOL_SOCKET, SO_DETACH_FILTER, &prog, sizeof(prog));
}

/* Connects from outside, and does what the scenario waits for. */
static int meet(struct ckpt_run *run, const struct ending *how)
{
	struct sockaddr_storage addr;
	socklen_t len;

	if (outside >= 0)
		close(outside);
	len = address(&addr, run->board->value[PORT]);
	outside = socket(addr.ss_family, SOCK_STREAM, 0);
	if (outside < 0 || connect(outside, (struct sockaddr *)&addr, len) || say(0, BEFORE)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	if ((how->first || how->then) && (await_step(run, CALLS) || shutdown(outside, SHUT_WR)))
		return -1;
	if (how->deaf) {
		if (await_steps(run, CALLS, 1 + how->first) || set_deaf(true))
			return -1;
		__atomic_store_n(&run->board->value[DEAF], 1, __ATOMIC_RELEASE);
	}
	return await_step(run, READY);
}

/* All that the scenario has sent comes, and then its end. */
static int hear(struct ckpt_run *run, const struct ending *how)
{
	long sent = run->board->value[SENT];

	if (await_step(run, FOUND) || (how->deaf && set_deaf(false)))
		return -1;
	if (take(outside, 0, 0, out_at) != sent) {
		ckpt_diag("not all has come");
		return -1;
	}
	return close(outside) ? -1 : (outside = -1, 0);
}

/* Through two restarts. */
static int keep(struct ckpt_scenario *sc, const struct ending *how, bool container)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) || meet(&run, how) ||
	      ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL) ||
	      ckpt_run_restart(&run, first, RESTART_TCP_KEEP) ||
	      !ckpt_run_log_has(&run, " goes on") || ckpt_run_wait_blocked(&run) ||
	      ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
	      ckpt_run_restart(&run, second, RESTART_TCP_KEEP) || ckpt_run_wait_blocked(&run) ||
	      ckpt_run_go(&run) || hear(&run, how) || ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return ret;
}

/* The scenario runs on after its checkpoint, as if nothing had been. */
static int run_on(struct ckpt_scenario *sc, const struct ending *how, bool container)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) || meet(&run, how) ||
	      ckpt_run_checkpoint(&run, image, 0) || ckpt_run_go(&run) ||
	      hear(&run, how) || ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(image);
	return ret;
}

/* The tasks were left frozen to be killed, and are thawed instead: it goes on. */
static int thawed(struct ckpt_scenario *sc, const struct ending *how, bool container)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) || meet(&run, how) ||
	      ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN) < 0 ||
	      ckpt_cgroup_thaw(&run.cg) || ckpt_run_go(&run) || hear(&run, how) ||
	      ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(image);
	return ret;
}

#define ENDING(_name, _where, ...)						\
	static const struct ending how_##_name = { __VA_ARGS__ };		\
	CKPT_SCENARIO(_name)							\
	{									\
		where = _where;							\
		end(&how_##_name);						\
	}									\
	TEST_F_TIMEOUT(cr, _name, CKPT_TIMEOUT)					\
	{									\
		where = _where;							\
		ASSERT_EQ(0, keep(&_name, &how_##_name, variant->container));	\
		ASSERT_EQ(0, run_on(&_name, &how_##_name, variant->container));	\
		ASSERT_EQ(0, thawed(&_name, &how_##_name, variant->container));	\
	}

/* The other end is to be told when it has read all that comes before. */
ENDING(fin_wait1_queued, V4, .stuffed = true, .state = TCP_FIN_WAIT1)
ENDING(fin_wait1_queued_v6, V6, .stuffed = true, .state = TCP_FIN_WAIT1)
ENDING(fin_wait1_queued_mapped, MAPPED, .stuffed = true, .state = TCP_FIN_WAIT1)
/* It was told, and that was lost on its way. */
ENDING(fin_wait1_sent, V4, .deaf = true, .state = TCP_FIN_WAIT1)
/* It has got that, and may have more to say. */
ENDING(fin_wait2, V4, .state = TCP_FIN_WAIT2)
ENDING(fin_wait2_v6, V6, .state = TCP_FIN_WAIT2)
/* It has ended as well, before or after. */
ENDING(last_ack_queued, V4, .stuffed = true, .first = true, .state = TCP_LAST_ACK)
ENDING(last_ack_sent, V4, .deaf = true, .first = true, .state = TCP_LAST_ACK)
ENDING(closing_queued, V4, .stuffed = true, .then = true, .state = TCP_CLOSING)
ENDING(closing_queued_v6, V6, .stuffed = true, .then = true, .state = TCP_CLOSING)

/* The other end says more to one that has ended. */
CKPT_SCENARIO(heard)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	CHECK_SYS(shutdown(fd, SHUT_WR));
	while (tcp_state(fd) == TCP_FIN_WAIT1)
		sched_yield();
	ckpt_step(READY);
	ckpt_wait_go();
	/* The other end has closed it by now. */
	CHECK_EQ(BEFORE + HELD, take(fd, 0, 0, in_at));
}

TEST_F_TIMEOUT(cr, more_is_said, CKPT_TIMEOUT)
{
	static const struct ending how = { .state = TCP_FIN_WAIT2 };
	int image = ckpt_image_new();
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &heard, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run, &how));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_EQ(TCP_CLOSE_WAIT, tcp_state(outside));
	EXPECT_EQ(0, say(BEFORE, HELD));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_TCP_KEEP));
	EXPECT_EQ(0, close(outside));
	outside = -1;
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* Not kept: what had come is there, and then the reset is told, or that all is closed. */
CKPT_SCENARIO(cut)
{
	int at = listener(4), fd;
	char c;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	board->value[SENT] = stuff(fd);
	CHECK_SYS(shutdown(fd, SHUT_WR));
	ckpt_step(READY);
	ckpt_wait_go();
	CHECK_EQ(TCP_CLOSE, tcp_state(fd));
	CHECK_EQ(BEFORE, take(fd, 0, BEFORE, in_at));
	if (board->value[STATE])
		CHECK_EQ(0, recv(fd, &c, 1, 0));
	else
		CHECK(recv(fd, &c, 1, 0) == -1 && errno == ECONNRESET, "it tells %d", errno);
}

/* How a restart with @flags cuts it: the other end is told of a reset in any case. */
static int cut_by(uint64_t flags, bool container)
{
	static const struct ending how = { .stuffed = true, .state = TCP_FIN_WAIT1 };
	int image = ckpt_image_new();
	struct ckpt_run run;
	char buf[4096];
	long n = 0;
	int ret;

	ret = ckpt_run_init(&run, &cut, container) || ckpt_run_start(&run) || meet(&run, &how);
	if (!ret) {
		run.board->value[STATE] = !!flags;
		ret = ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) ||
		      ckpt_run_restart(&run, image, flags) || ckpt_run_go(&run) ||
		      ckpt_run_finish(&run);
	}
	while (!ret && (n = recv(outside, buf, sizeof(buf), 0)) > 0)
		;
	if (!ret && (n != -1 || errno != ECONNRESET)) {
		ckpt_diag("the other end is told something else");
		ret = -1;
	}
	ckpt_run_fini(&run);
	close(image);
	return ret;
}

TEST_F_TIMEOUT(cr, cut_off, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, cut_by(0, variant->container));
	ASSERT_EQ(0, cut_by(RESTART_TCP_CLOSE, variant->container));
}

/* Nobody has answered yet: it goes on to connect. */
CKPT_SCENARIO(connecting)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;

	lo_up();
	ckpt_ready();
	await_value(PORT);
	len = address(&addr, board->value[PORT]);
	fd = tcp_socket();
	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	CHECK(connect(fd, (struct sockaddr *)&addr, len) == -1 && errno == EINPROGRESS,
	      "connect: %d", errno);
	CHECK_EQ(TCP_SYN_SENT, tcp_state(fd));
	board->value[SENT] = port_of(fd, false);
	ckpt_step(READY);
	ckpt_wait_go();
	CHECK_EQ((long)board->value[SENT], port_of(fd, false));
	await_event(fd, POLLOUT);
	CHECK_EQ(0, option(fd, SO_ERROR));
	CHECK_EQ(TCP_ESTABLISHED, tcp_state(fd));
	CHECK_EQ(5, send(fd, "hello", 5, 0));
}

/* Who listens outside: nobody is heard there, or again. */
static int set_unheard(int at, bool unheard)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &nothing };

	return setsockopt(at, SOL_SOCKET, unheard ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &prog,
			  sizeof(prog));
}

/* What becomes of the tasks before they are heard: they run on, or are restarted so often. */
enum until_heard { RUN_ON, RESTARTED, RESTARTED_TWICE };

static void connects(struct __test_metadata *_metadata, bool container, enum until_heard what)
{
	int image = ckpt_image_new(), second = ckpt_image_new(), at, fd, on = 1;
	struct sockaddr_storage addr;
	struct ckpt_run run;
	socklen_t len;
	char text[8] = "";

	ASSERT_EQ(0, ckpt_run_init(&run, &connecting, container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	len = address(&addr, 0);
	at = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, setsockopt(at, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	ASSERT_EQ(0, bind(at, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, listen(at, 4));
	ASSERT_EQ(0, set_unheard(at, true));
	len = sizeof(addr);
	ASSERT_EQ(0, getsockname(at, (struct sockaddr *)&addr, &len));
	__atomic_store_n(&run.board->value[PORT], ntohs(((struct sockaddr_in *)&addr)->sin_port),
			 __ATOMIC_RELEASE);
	ASSERT_EQ(0, await_step(&run, READY));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, what == RUN_ON ? 0 : CHECKPOINT_KILL));
	if (what == RESTARTED_TWICE) {
		ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
		ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
		ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	}
	ASSERT_EQ(0, set_unheard(at, false));
	if (what != RUN_ON)
		ASSERT_EQ(0, ckpt_run_restart(&run, what == RESTARTED ? image : second, 0));
	ASSERT_EQ(0, ckpt_run_go(&run));
	fd = accept(at, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(5, recv(fd, text, sizeof(text), MSG_WAITALL));
	EXPECT_STREQ("hello", text);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	/* There is one connection. */
	EXPECT_EQ(0, fcntl(at, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, accept(at, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
	close(fd);
	close(at);
	ckpt_run_fini(&run);
	close(image);
	close(second);
}

TEST_F_TIMEOUT(cr, begins_anew, CKPT_TIMEOUT)
{
	connects(_metadata, variant->container, RESTARTED);
}

TEST_F_TIMEOUT(cr, begins_anew_twice, CKPT_TIMEOUT)
{
	connects(_metadata, variant->container, RESTARTED_TWICE);
}

/* One that runs on asks again, by the same connection. */
TEST_F_TIMEOUT(cr, asks_on, CKPT_TIMEOUT)
{
	connects(_metadata, variant->container, RUN_ON);
}

TEST_HARNESS_MAIN
