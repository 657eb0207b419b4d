// SPDX-License-Identifier: GPL-2.0
/*
 * TCP connections with somebody outside of the tree that no descriptor shows: nobody has accepted
 * them, or they were closed.
 */
#include "sockets_tcp_stream.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <linux/futex.h>

CKPT_FIXTURE

/* Where the scenario listens, and what it has sent. */
#define PORT	0
#define SENT	1
/* What becomes of those that wait: they are kept. */
#define KEPT	2
/* The ports of those that wait, in their order. */
#define CLIENT	8

#define READY	1

#define CLIENTS	3

static int clients[CLIENTS];

/* Connects from outside to where the scenario listens; @value: where to note the port. */
static int reach(struct ckpt_run *run, uint64_t *value)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, run->board->value[PORT]);
	int fd = socket(addr.ss_family, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, len)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	*value = port_of(fd, false);
	return fd;
}

static void close_clients(void)
{
	int i;

	for (i = 0; i < CLIENTS; i++) {
		if (clients[i] > 0)
			close(clients[i]);
		clients[i] = 0;
	}
}

/* Three come: one has said something, one has said all, one has said nothing. */
static int come(struct ckpt_run *run)
{
	int i;

	close_clients();
	for (i = 0; i < CLIENTS; i++) {
		clients[i] = reach(run, &run->board->value[CLIENT + i]);
		if (clients[i] < 0)
			return -1;
	}
	if (send(clients[0], "one", 3, 0) != 3 || send(clients[1], "two", 3, 0) != 3 ||
	    shutdown(clients[1], SHUT_WR))
		return -1;
	return 0;
}

/* Each is there, in its order, with what it has said, and the options of the one that listens. */
static void wait_there(void)
{
	int at, fd, i;
	char c;

	at = listener(8);
	set_tcp_option(at, TCP_NODELAY, 1);
	set_option(at, SO_KEEPALIVE, 1);
	set_tcp_option(at, TCP_KEEPIDLE, 77);
	CHECK_SYS(fcntl(at, F_SETFL, O_NONBLOCK));
	board->value[PORT] = port_of(at, false);
	ckpt_ready_wait();
	for (i = 0; i < CLIENTS && board->value[KEPT]; i++) {
		fd = CHECK_SYS(accept(at, NULL, NULL));
		CHECK_EQ((long)board->value[CLIENT + i], port_of(fd, true));
		CHECK_EQ((long)board->value[PORT], port_of(fd, false));
		CHECK_EQ(1, tcp_option(fd, TCP_NODELAY));
		CHECK_EQ(1, option(fd, SO_KEEPALIVE));
		CHECK_EQ(77, tcp_option(fd, TCP_KEEPIDLE));
		if (i == 0) {
			CHECK_EQ(TCP_ESTABLISHED, tcp_state(fd));
			expect_text(fd, "one");
			expect_empty(fd);
		} else if (i == 1) {
			CHECK_EQ(TCP_CLOSE_WAIT, tcp_state(fd));
			expect_text(fd, "two");
			CHECK_EQ(0, recv(fd, &c, 1, 0));
		} else {
			expect_empty(fd);
		}
		CHECK_EQ(1, send(fd, "!", 1, 0));
		CHECK_SYS(close(fd));
	}
	CHECK(accept(at, NULL, NULL) == -1 && errno == EAGAIN, "somebody waits");
	ckpt_step(READY);
	await_event(at, POLLIN);
	CHECK_SYS(close(CHECK_SYS(accept(at, NULL, NULL))));
}

CKPT_SCENARIO(waiting_v4)
{
	where = V4;
	wait_there();
}

CKPT_SCENARIO(waiting_v6)
{
	where = V6;
	wait_there();
}

CKPT_SCENARIO(waiting_mapped)
{
	where = MAPPED;
	wait_there();
}

/* What each of those outside is told; then another one comes. */
static int told(struct ckpt_run *run, bool kept)
{
	uint64_t port;
	char buf[8];
	int fd, i;
	long n;

	for (i = 0; i < CLIENTS; i++) {
		n = recv(clients[i], buf, sizeof(buf), 0);
		if (kept ? n != 1 || buf[0] != '!' : n != -1 || errno != ECONNRESET) {
			ckpt_diag("client %d: %ld bytes", i, n);
			return -1;
		}
	}
	if (await_step(run, READY))
		return -1;
	fd = reach(run, &port);
	return fd < 0 ? -1 : close(fd);
}

static int wait_for(struct ckpt_scenario *sc, bool container, bool kept)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	uint64_t flags = kept ? RESTART_TCP_KEEP : 0;
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) || come(&run);
	if (!ret) {
		run.board->value[KEPT] = kept;
		ret = ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL) ||
		      !ckpt_run_log_has(&run, "that nobody has accepted: 3; they end unless") ||
		      ckpt_run_restart(&run, first, flags) || ckpt_run_wait_blocked(&run);
	}
	/* What comes next waits where it did, once more. */
	if (!ret && kept)
		ret = ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
		      ckpt_run_restart(&run, second, flags);
	if (!ret)
		ret = ckpt_run_go(&run) || told(&run, kept) || ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	close_clients();
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return ret;
}

TEST_F_TIMEOUT(cr, waits, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, wait_for(&waiting_v4, variant->container, true));
}

TEST_F_TIMEOUT(cr, waits_v6, CKPT_TIMEOUT)
{
	where = V6;
	ASSERT_EQ(0, wait_for(&waiting_v6, variant->container, true));
}

TEST_F_TIMEOUT(cr, waits_mapped, CKPT_TIMEOUT)
{
	where = MAPPED;
	ASSERT_EQ(0, wait_for(&waiting_mapped, variant->container, true));
}

TEST_F_TIMEOUT(cr, waits_in_vain, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, wait_for(&waiting_v4, variant->container, false));
}

/* The tasks run on, and with them those that wait. */
TEST_F_TIMEOUT(cr, waits_on, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &waiting_v4, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, come(&run));
	run.board->value[KEPT] = 1;
	ASSERT_LT(0, ckpt_run_call(&run, image, 0));
	EXPECT_TRUE(ckpt_run_log_has(&run, "they are not in the image"));
	ASSERT_LT(0, ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, told(&run, true));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	close_clients();
	ckpt_run_fini(&run);
	close(image);
}

/* Who is strict gets no image of those. */
TEST_F_TIMEOUT(cr, waits_strictly, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &waiting_v4, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, come(&run));
	run.board->value[KEPT] = 1;
	EXPECT_EQ(-1, ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_STRICT));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, told(&run, true));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	close_clients();
	ckpt_run_fini(&run);
	close(image);
}

/* ---- what was closed ------------------------------------------------- */

/* The network namespace of the tasks, and that of the test. */
static int theirs = -1, ours = -1;

static int enter(int ns)
{
	return setns(ns, CLONE_NEWNET);
}

static int open_namespaces(struct ckpt_run *run)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)run->pid);
	theirs = open(path, O_RDONLY | O_CLOEXEC);
	ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return theirs < 0 || ours < 0 ? -1 : 0;
}

static void close_namespaces(void)
{
	close(theirs);
	close(ours);
	theirs = -1;
	ours = -1;
}

/* It has written all, and has closed: the other end has not read that yet. */
CKPT_SCENARIO(gone, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	board->value[SENT] = stuff(fd);
	CHECK_SYS(close(fd));
	ckpt_step(READY);
	ckpt_wait_go();
	CHECK_EQ((long)board->value[PORT], port_of(at, false));
}

/* Connects from outside, which is the namespace of the tasks, but none of them. */
static int meet(struct ckpt_run *run)
{
	uint64_t port;
	int ret;

	if (open_namespaces(run) || enter(theirs))
		return -1;
	outside = reach(run, &port);
	ret = enter(ours);
	if (outside < 0 || ret)
		return -1;
	return await_step(run, READY);
}

/* A restart into the namespace, which we have kept. */
static int restart_there(struct ckpt_run *run, int image, uint64_t flags)
{
	int ret;

	if (enter(theirs))
		return -1;
	ret = ckpt_run_restart(run, image, flags | RESTART_CALLER_NET);
	return enter(ours) || ret ? -1 : 0;
}

/* What was left to send comes, and then the end of it. */
TEST_F_TIMEOUT(cr, closed, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;

	if (!variant->container)
		SKIP(return, "what was closed is the container's");
	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &gone, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL | CHECKPOINT_NET_OUTSIDE));
	EXPECT_TRUE(ckpt_run_log_has(&run, "that tasks have closed, and that are not over: 1")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(outside));
	ASSERT_EQ(0, restart_there(&run, first, RESTART_TCP_KEEP));
	EXPECT_TRUE(ckpt_run_log_has(&run, " goes on")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	/* Nobody reads still. */
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL | CHECKPOINT_NET_OUTSIDE));
	EXPECT_TRUE(ckpt_run_log_has(&run, "that tasks have closed, and that are not over: 1")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, restart_there(&run, second, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	close(outside);
	close_namespaces();
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* The same of a subtree that has a namespace of its own. */
CKPT_SCENARIO(gone_below, .flags = SC_SUBTREE)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	lo_up();
	gone_run();
}

TEST_F_TIMEOUT(cr, closed_below, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;

	if (variant->container)
		SKIP(return, "what was closed is the subtree's");
	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &gone_below, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL | CHECKPOINT_NET_OUTSIDE));
	EXPECT_TRUE(ckpt_run_log_has(&run, "that tasks have closed, and that are not over: 1")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, restart_there(&run, first, RESTART_TCP_KEEP));
	EXPECT_TRUE(ckpt_run_log_has(&run, " goes on")) {
		ckpt_run_print_log(&run);
	}
	/* Nobody reads still. They are in the namespace of the test's caller now, as before. */
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL | CHECKPOINT_NET_OUTSIDE));
	ASSERT_EQ(0, restart_there(&run, second, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	close(outside);
	close_namespaces();
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* A task of the subtree is in the namespace of the caller: what was closed there is told of. */
CKPT_SCENARIO(gone_beside, .flags = SC_SUBTREE)
{
	gone_run();
}

TEST_F_TIMEOUT(cr, closed_in_the_callers, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	if (variant->container)
		SKIP(return, "it is the subtree that is beside others");
	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &gone_beside, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_TRUE(ckpt_run_log_has(&run, "they may be its own: they go on here")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	EXPECT_EQ(0, ckpt_run_restart(&run, image, 0));
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	close(outside);
	close_namespaces();
	ckpt_run_fini(&run);
	close(image);
}

/* It is not kept: the other end is told. */
TEST_F_TIMEOUT(cr, closed_in_vain, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	char buf[4096];
	long n;

	if (!variant->container)
		SKIP(return, "what was closed is the container's");
	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &gone, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL | CHECKPOINT_NET_OUTSIDE));
	ASSERT_EQ(0, restart_there(&run, image, 0));
	EXPECT_TRUE(ckpt_run_log_has(&run, "is over: no task has it")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	while ((n = recv(outside, buf, sizeof(buf), 0)) > 0)
		;
	EXPECT_EQ(-1, n);
	EXPECT_EQ(ECONNRESET, errno);
	close(outside);
	close_namespaces();
	ckpt_run_fini(&run);
	close(image);
}

/* The tasks run on, or were left frozen and are thawed: it goes on without them. */
TEST_F_TIMEOUT(cr, closed_goes_on, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	if (!variant->container)
		SKIP(return, "what was closed is the container's");
	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &gone, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_LT(0, ckpt_run_call(&run, image, CHECKPOINT_NET_OUTSIDE));
	ASSERT_LT(0, ckpt_run_call(&run, image, CHECKPOINT_NET_OUTSIDE | CHECKPOINT_KILL |
				   CHECKPOINT_FROZEN));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	close(outside);
	close_namespaces();
	ckpt_run_fini(&run);
	close(image);
}

/*
 * A task outside in the namespace of the tasks: a thread of the test, which has no other child than
 * the tasks. It is there when @in is 1, and leaves when that is 2.
 */
static void *visit(void *in)
{
	uint32_t *state = in;

	if (enter(theirs))
		return NULL;
	__atomic_store_n(state, 1, __ATOMIC_RELEASE);
	syscall(__NR_futex, state, FUTEX_WAKE, 1, NULL, NULL, 0);
	while (__atomic_load_n(state, __ATOMIC_ACQUIRE) != 2)
		syscall(__NR_futex, state, FUTEX_WAIT, 1, NULL, NULL, 0);
	return state;
}

/* Somebody else is in the namespace: it may be his, and must not end with the tasks. */
TEST_F_TIMEOUT(cr, closed_beside_others, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	uint32_t state = 0;
	struct ckpt_run run;
	pthread_t other;
	void *was = NULL;

	if (!variant->container)
		SKIP(return, "what was closed is the container's");
	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &gone, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, pthread_create(&other, NULL, visit, &state));
	while (!__atomic_load_n(&state, __ATOMIC_ACQUIRE))
		syscall(__NR_futex, &state, FUTEX_WAIT, 0, NULL, NULL, 0);
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL | CHECKPOINT_NET_OUTSIDE));
	EXPECT_TRUE(ckpt_run_log_has(&run, "they may be its own: they go on here")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_FALSE(ckpt_run_log_has(&run, "that tasks have closed, and that are not over"));
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	EXPECT_EQ(0, restart_there(&run, image, RESTART_TCP_KEEP));
	EXPECT_FALSE(ckpt_run_log_has(&run, " goes on"));
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	__atomic_store_n(&state, 2, __ATOMIC_RELEASE);
	syscall(__NR_futex, &state, FUTEX_WAKE, 1, NULL, NULL, 0);
	EXPECT_EQ(0, pthread_join(other, &was));
	EXPECT_EQ(&state, was);
	close(outside);
	close_namespaces();
	ckpt_run_fini(&run);
	close(image);
}

/* Whether a connection of the caller's network namespace is in this state, as /proc/net/tcp has it. */
static bool there_is(const char *state)
{
	char line[256];
	FILE *table = fopen("/proc/self/net/tcp", "re");
	bool found = false;

	CHECK(table, "/proc/self/net/tcp: %s", strerror(errno));
	while (fgets(line, sizeof(line), table)) {
		char seen[8] = "";

		found |= sscanf(line, " %*[0-9]: %*s %*s %7s", seen) == 1 && !strcmp(seen, state);
	}
	fclose(table);
	return found;
}

/*
 * An address of which only TIME_WAIT is left. Who comes afterwards has not said anything, so that
 * its handshake is not over here (TCP_DEFER_ACCEPT).
 */
CKPT_SCENARIO(passing, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET)
{
	struct sockaddr_storage addr;
	int at = listener(4), fd, end;
	socklen_t len;

	board->value[PORT] = port_of(at, false);
	len = address(&addr, board->value[PORT]);
	fd = tcp_socket();
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	end = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(fd));
	CHECK_EQ(0, recv(end, &addr, 1, 0));
	CHECK_SYS(close(end));
	while (!there_is("06"))
		sched_yield();
	set_tcp_option(at, TCP_DEFER_ACCEPT, 60);
	ckpt_ready_wait();
	CHECK_EQ((long)board->value[PORT], port_of(at, false));
}

/* Neither is in the image, which is told. The port can be had at once. */
TEST_F_TIMEOUT(cr, passing, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	uint64_t port;

	if (!variant->container)
		SKIP(return, "what no descriptor shows is the container's");
	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &passing, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, open_namespaces(&run));
	ASSERT_EQ(0, enter(theirs));
	outside = reach(&run, &port);
	ASSERT_EQ(0, enter(ours));
	ASSERT_LE(0, outside);
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL | CHECKPOINT_NET_OUTSIDE));
	EXPECT_TRUE(ckpt_run_log_has(&run, "handshakes that are not over: who connects begins anew (1)")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_TRUE(ckpt_run_log_has(&run, "addresses in TIME_WAIT: a restart may use them at once (1)")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(0, restart_there(&run, image, RESTART_TCP_KEEP));
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	close(outside);
	close_namespaces();
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
