// SPDX-License-Identifier: GPL-2.0
/*
 * TCP sockets of a network namespace that the root task is not in: those that listen, connections
 * in it, also those that no descriptor shows, and connections from one namespace of the tree to
 * another one.
 */
#include "net_pairs.h"
#include "sockets_tcp.h"

CKPT_FIXTURE_IF(BEGIN_WITH_PAIRS)

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

#define PORT	4712

static struct sockaddr_in address_at(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	CHECK_EQ(1, inet_pton(AF_INET, text, &in.sin_addr));
	return in;
}

static int listen_at(const char *text)
{
	struct sockaddr_in in = address_at(text);
	int fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));

	set_option(fd, SO_REUSEADDR, 1);
	CHECK_SYS(bind(fd, (struct sockaddr *)&in, sizeof(in)));
	CHECK_SYS(listen(fd, 8));
	return fd;
}

static int connect_at(const char *text)
{
	struct sockaddr_in in = address_at(text);
	int fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));

	CHECK_SYS(connect(fd, (struct sockaddr *)&in, sizeof(in)));
	return fd;
}

static void tell(int fd, const char *text)
{
	CHECK_EQ((ssize_t)strlen(text), send(fd, text, strlen(text), MSG_NOSIGNAL));
}

static void hear(int fd, const char *text)
{
	size_t len = strlen(text);
	char got[16];

	CHECK_EQ((ssize_t)len, recv(fd, got, len, MSG_WAITALL));
	CHECK(!memcmp(text, got, len), "something else has come");
}

static void hear_end(int fd)
{
	char c;

	CHECK_EQ(0, recv(fd, &c, 1, 0));
	CHECK_SYS(close(fd));
}

/* What is there of TCP on one loopback device. */
struct sockets {
	/* It listens. */
	int at;
	/* Both ends of a connection, with something in both queues. */
	int from, to;
	/* It was accepted, and the other end was closed when it had said all. */
	int ended;
};

/* @text is what is said. Another one has said that, was closed, and waits to be accepted. */
static struct sockets all_of(const char *text)
{
	struct sockets all = { .at = listen_at("127.0.0.1") };
	int fd;

	all.from = connect_at("127.0.0.1");
	all.to = CHECK_SYS(accept(all.at, NULL, NULL));
	tell(all.from, text);
	tell(all.to, text);
	fd = connect_at("127.0.0.1");
	all.ended = CHECK_SYS(accept(all.at, NULL, NULL));
	tell(fd, text);
	CHECK_SYS(close(fd));
	fd = connect_at("127.0.0.1");
	tell(fd, text);
	CHECK_SYS(close(fd));
	return all;
}

static void check_all(const struct sockets *all, const char *text)
{
	int fd;

	hear(all->from, text);
	hear(all->to, text);
	tell(all->from, "more");
	hear(all->to, "more");
	hear(all->ended, text);
	hear_end(all->ended);
	fd = CHECK_SYS(accept(all->at, NULL, NULL));
	hear(fd, text);
	hear_end(fd);
	fd = connect_at("127.0.0.1");
	CHECK_SYS(close(CHECK_SYS(accept(all->at, NULL, NULL))));
	CHECK_SYS(close(fd));
}

static int in_another(void *arg)
{
	struct sockets all;

	CHECK_SYS(unshare(CLONE_NEWNET));
	switch_lo(true);
	all = all_of("there");
	ckpt_step(0);
	ckpt_wait_go();
	check_all(&all, "there");
	return 0;
}

/* The same addresses in both. */
static void two(void)
{
	pid_t pid = ckpt_fork(in_another, NULL);
	struct sockets all;

	ckpt_step_wait(0, 1);
	switch_lo(true);
	all = all_of("here");
	ckpt_ready_wait();
	check_all(&all, "here");
	ckpt_wait_exit(pid, 0);
}

CKPT_CYCLE(two_of_container, OWN)
{
	two();
}

CKPT_CYCLE(two_of_subtree, .flags = SC_SUBTREE)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	two();
}

/* The root is in that of the caller, and has none of these. */
CKPT_CYCLE(of_child, .flags = SC_SUBTREE)
{
	pid_t pid = ckpt_fork(in_another, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
}

static int in_callers(void *arg)
{
	struct sockets all;

	lo_up();
	all = all_of("there");
	ckpt_step(0);
	ckpt_wait_go();
	check_all(&all, "there");
	return 0;
}

/* It is the root that is in one of its own, and its child in that of the caller. */
CKPT_CYCLE(of_caller, .flags = SC_SUBTREE)
{
	pid_t pid = ckpt_fork(in_callers, NULL);

	ckpt_step_wait(0, 1);
	CHECK_SYS(unshare(CLONE_NEWNET));
	switch_lo(true);
	ckpt_ready_wait();
	CHECK(lo_is_on(), "the loopback device is off");
	ckpt_wait_exit(pid, 0);
}

/* ---- from one to another ---------------------------------------------------- */

/* Steps of the other task: it is in its namespace, has got its end, listens, and has accepted. */
#define THERE		0
#define GIVEN		1
#define LISTENS		2
#define ACCEPTED	3

/* The connection is to be kept. */
#define KEPT	0

/* What has come, and then that the connection was reset. */
static void hear_reset(int fd, const char *text)
{
	char c;

	hear(fd, text);
	CHECK(recv(fd, &c, 1, 0) == -1 && errno == ECONNRESET, "it tells %s", strerror(errno));
	CHECK_SYS(close(fd));
}

static int other_end(void *arg)
{
	int at, fd;

	CHECK_SYS(unshare(CLONE_NEWNET));
	ckpt_step(THERE);
	ckpt_step_wait(GIVEN, 1);
	rt_address("v1", "10.9.0.2", 24);
	rt_switch("v1", true);
	at = listen_at("10.9.0.2");
	ckpt_step(LISTENS);
	fd = CHECK_SYS(accept(at, NULL, NULL));
	tell(fd, "two");
	await_bytes(fd, 3);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	if (!board->value[KEPT]) {
		hear_reset(fd, "one");
		return 0;
	}
	hear(fd, "one");
	hear(fd, "more");
	tell(fd, "again");
	hear_end(fd);
	return 0;
}

/* To who saves it each end is connected with the outside. */
CKPT_SCENARIO(across, OWN)
{
	pid_t pid = ckpt_fork(other_end, NULL);
	int fd;

	ckpt_step_wait(THERE, 1);
	make_across("v0", 20, "v1", 20, pid);
	rt_address("v0", "10.9.0.1", 24);
	rt_switch("v0", true);
	ckpt_step(GIVEN);
	ckpt_step_wait(LISTENS, 1);
	fd = connect_at("10.9.0.2");
	tell(fd, "one");
	await_bytes(fd, 3);
	ckpt_step_wait(ACCEPTED, 1);
	ckpt_ready_wait();
	if (board->value[KEPT]) {
		hear(fd, "two");
		tell(fd, "more");
		hear(fd, "again");
		CHECK_SYS(close(fd));
	} else {
		hear_reset(fd, "two");
	}
	ckpt_wait_exit(pid, 0);
}

/* Through two restarts if it is kept; a reset is what comes of one. */
static int take_across(unsigned int flags)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, &across, true) || ckpt_run_start(&run);
	if (!ret)
		run.board->value[KEPT] = flags != 0;
	ret = ret || ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL) ||
	      ckpt_run_restart(&run, first, flags) || ckpt_run_wait_blocked(&run);
	if (!ret && flags)
		ret = ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
		      ckpt_run_restart(&run, second, flags) || ckpt_run_wait_blocked(&run);
	ret = ret || ckpt_run_go(&run) || ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return ret;
}

TEST_F_TIMEOUT(cr, across_kept, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, take_across(RESTART_TCP_KEEP));
}

TEST_F_TIMEOUT(cr, across_reset, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, take_across(0));
}

TEST_HARNESS_MAIN
