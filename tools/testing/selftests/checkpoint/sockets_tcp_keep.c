// SPDX-License-Identifier: GPL-2.0
/* TCP connections with somebody outside of the tree, who notices nothing but a pause. */
#include "sockets_tcp_stream.h"

#include <sched.h>
#include <linux/sockios.h>
#include <sys/syscall.h>

CKPT_FIXTURE

/* Where the scenario listens, what it has accepted, and how much it has sent. */
#define PORT	0
#define SENT	1
#define ACCEPTED	1

/* The end outside is connected as before: neither end nor reset has come. */
static bool is_connected(void)
{
	return tcp_state(outside) == TCP_ESTABLISHED;
}

/* Connects from outside, says something, and waits until that has come. */
static int meet(struct ckpt_run *run)
{
	struct sockaddr_storage addr;
	int size = 1 << 20;
	socklen_t len;

	if (outside >= 0)
		close(outside);
	len = address(&addr, run->board->value[PORT]);
	outside = socket(addr.ss_family, SOCK_STREAM, 0);
	/* All that is said while the connection is held has room here. */
	if (outside < 0 || setsockopt(outside, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    connect(outside, (struct sockaddr *)&addr, len) || say(0, BEFORE)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	while (!__atomic_load_n(&run->board->step[ACCEPTED], __ATOMIC_ACQUIRE))
		sched_yield();
	return 0;
}

/* With data in all queues; then all of it comes, and what is sent after that. */
static void full(void)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	board->value[SENT] = stuff(fd);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(BEFORE + HELD, take(fd, 0, BEFORE + HELD, in_at));
	CHECK_SYS(shutdown(fd, SHUT_WR));
	/* The other end closes when it has got all. */
	CHECK_EQ(0, take(fd, 0, 0, in_at));
	CHECK_SYS(close(fd));
}

CKPT_SCENARIO(full_v4)
{
	where = V4;
	full();
}

CKPT_SCENARIO(full_v6)
{
	where = V6;
	full();
}

CKPT_SCENARIO(full_mapped)
{
	where = MAPPED;
	full();
}

/* All that the scenario has sent comes, and then it ends. */
static int hear(struct ckpt_run *run)
{
	long sent = run->board->value[SENT];

	if (take(outside, 0, 0, out_at) != sent) {
		ckpt_diag("not all has come");
		return -1;
	}
	return shutdown(outside, SHUT_WR);
}

/* The other end says more while nobody is there, and is not told of anything. */
static int away(struct ckpt_run *run, int image)
{
	if (ckpt_run_checkpoint(run, image, CHECKPOINT_KILL))
		return -1;
	if (!is_connected() || say(BEFORE, HELD) || !is_connected()) {
		ckpt_diag("the other end has noticed");
		return -1;
	}
	return 0;
}

/* Through two restarts. */
static int keep(struct ckpt_scenario *full, bool container)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, full, container) || ckpt_run_start(&run) || meet(&run) ||
	      away(&run, first) || ckpt_run_restart(&run, first, RESTART_TCP_KEEP) ||
	      !ckpt_run_log_has(&run, " goes on") || ckpt_run_wait_blocked(&run) ||
	      ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) || !is_connected() ||
	      ckpt_run_restart(&run, second, RESTART_TCP_KEEP) || ckpt_run_wait_blocked(&run) ||
	      !is_connected() || ckpt_run_go(&run) || hear(&run) || ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return ret;
}

TEST_F_TIMEOUT(cr, kept, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, keep(&full_v4, variant->container));
}

TEST_F_TIMEOUT(cr, kept_v6, CKPT_TIMEOUT)
{
	where = V6;
	ASSERT_EQ(0, keep(&full_v6, variant->container));
}

TEST_F_TIMEOUT(cr, kept_mapped, CKPT_TIMEOUT)
{
	where = MAPPED;
	ASSERT_EQ(0, keep(&full_mapped, variant->container));
}

/* The other end has said all that it had to say: the end of it comes, too. */
CKPT_SCENARIO(heard_all)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_event(fd, POLLRDHUP);
	CHECK_EQ(TCP_CLOSE_WAIT, tcp_state(fd));
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(TCP_CLOSE_WAIT, tcp_state(fd));
	CHECK_EQ(BEFORE, take(fd, 0, 0, in_at));
	board->value[SENT] = stuff(fd);
	ckpt_step(2);
	CHECK_SYS(close(fd));
}

TEST_F_TIMEOUT(cr, half_closed, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct sockaddr_storage addr;
	struct ckpt_run run;
	socklen_t len;

	ASSERT_EQ(0, ckpt_run_init(&run, &heard_all, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	len = address(&addr, run.board->value[PORT]);
	outside = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, connect(outside, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, say(0, BEFORE));
	ASSERT_EQ(0, shutdown(outside, SHUT_WR));
	while (!__atomic_load_n(&run.board->step[ACCEPTED], __ATOMIC_ACQUIRE))
		sched_yield();
	while (tcp_state(outside) != TCP_FIN_WAIT2)
		sched_yield();
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL));
	EXPECT_EQ(TCP_FIN_WAIT2, tcp_state(outside));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, second, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, await_step(&run, 2));
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* It is not kept if the tasks have gone on; then who asks for it gets it named. */
CKPT_SCENARIO(little)
{
	int at = listener(4), fd;
	char c;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(BEFORE, take(fd, 0, BEFORE, in_at));
	if (!board->value[2])
		return;
	/* As if the other end had closed it. */
	CHECK_EQ(0, recv(fd, &c, 1, 0));
	CHECK_EQ(0, option(fd, SO_ERROR));
	CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it sends");
}

TEST_F_TIMEOUT(cr, ran_on, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &little, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, 0));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ckpt_take_board_back(&run);
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ckpt_run_restart_args(&run, &args, image, RESTART_TCP_KEEP);
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "can't be kept: its tasks were not killed")) {
		ckpt_run_print_log(&run);
	}
	ckpt_run_fini(&run);
	close(image);
}

/*
 * It is kept of an image whose tasks have gone on if that is asked for, too. Nothing was said since, so
 * that nothing is spoilt here.
 */
TEST_F_TIMEOUT(cr, forced, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &little, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, 0));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, lseek(first, 0, SEEK_SET));
	ckpt_run_restart_args(&run, &args, first, RESTART_TCP_KEEP);
	ASSERT_EQ(-1, sys_restart(&args, sizeof(args)));
	ASSERT_EQ(EBUSY, errno);
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_TCP_KEEP | RESTART_TCP_CLOSE));
	EXPECT_TRUE(ckpt_run_log_has(&run, " goes on")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_TRUE(is_connected());
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	/* The end of it comes. */
	EXPECT_EQ(0, take(outside, 0, 0, out_at));
	close(outside);
	outside = -1;
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* The tasks find it closed, and the other end is told that it is over. */
TEST_F_TIMEOUT(cr, closed, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	char c;

	ASSERT_EQ(0, ckpt_run_init(&run, &little, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	run.board->value[2] = 1;
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_TRUE(is_connected());
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_TCP_CLOSE));
	EXPECT_TRUE(ckpt_run_log_has(&run, " comes back closed"));
	EXPECT_EQ(-1, recv(outside, &c, 1, 0));
	EXPECT_EQ(ECONNRESET, errno);
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* Tasks that were left frozen to be killed, and are thawed instead, go on with it. */
TEST_F_TIMEOUT(cr, thawed_instead, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &full_v4, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_LT(0, ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN));
	EXPECT_EQ(0, say(BEFORE, HELD));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, hear(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* Kills the tasks that the checkpoint @id has left frozen. */
static long kill_only(struct ckpt_run *run, long id)
{
	struct checkpoint_args args;

	ckpt_run_args(run, &args, -1, CHECKPOINT_KILL_ONLY);
	args.id = id;
	return sys_checkpoint(&args, sizeof(args));
}

/* First the image, then the end; meanwhile the other end is not told of anything. */
TEST_F_TIMEOUT(cr, killed_later, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	long id;

	ASSERT_EQ(0, ckpt_run_init(&run, &full_v4, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	id = ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
	ASSERT_LT(0, id);
	EXPECT_EQ(0, say(BEFORE, HELD / 2));
	ASSERT_EQ(id, kill_only(&run, id));
	ASSERT_EQ(0, ckpt_run_killed(&run, 0));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ(0, say(BEFORE + HELD / 2, HELD - HELD / 2));
	EXPECT_TRUE(is_connected());
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, hear(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* A byte that is urgent, in the midst of others: it is told of, and is out of the stream. */
CKPT_SCENARIO(urgent)
{
	int at = listener(4), fd;
	char c = 0;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(1, recv(fd, &c, 1, MSG_OOB | MSG_DONTWAIT));
	CHECK_EQ('!', c);
	/* Up to the mark, and from there. */
	expect_text(fd, "before");
	expect_text(fd, "after");
	CHECK_SYS(close(fd));
}

/* All that was sent has come. */
static bool has_arrived(void)
{
	int left = -1;

	return !ioctl(outside, SIOCOUTQ, &left) && !left;
}

TEST_F_TIMEOUT(cr, urgent_byte, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct sockaddr_storage addr;
	struct ckpt_run run;
	socklen_t len;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &urgent, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	len = address(&addr, run.board->value[PORT]);
	outside = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, connect(outside, (struct sockaddr *)&addr, len));
	ASSERT_EQ(6, send(outside, "before", 6, MSG_NOSIGNAL));
	ASSERT_EQ(1, send(outside, "!", 1, MSG_OOB | MSG_NOSIGNAL));
	ASSERT_EQ(5, send(outside, "after", 5, MSG_NOSIGNAL));
	while (!has_arrived())
		sched_yield();
	ASSERT_EQ(0, await_step(&run, ACCEPTED));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, second, RESTART_TCP_KEEP));
	ASSERT_TRUE(is_connected());
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	EXPECT_EQ(0, take(outside, 0, 0, out_at));
	close(outside);
	outside = -1;
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* The number of its socket. */
#define NUMBER	2

/* As little, whose socket somebody else gets, too. */
CKPT_SCENARIO(shared_one)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	board->value[NUMBER] = fd;
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(BEFORE - 1, take(fd, 1, BEFORE - 1, in_at));
}

/*
 * Somebody outside has received from a connection that is held for tasks that are to be killed
 * later: the image is not right any more.
 */
TEST_F_TIMEOUT(cr, used_since, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), fd;
	struct ckpt_run run;
	char c;
	long id;

	ASSERT_EQ(0, ckpt_run_init(&run, &shared_one, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	id = ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
	ASSERT_LT(0, id) {
		ckpt_run_print_log(&run);
	}
	fd = syscall(__NR_pidfd_getfd, run.pidfd, (int)run.board->value[NUMBER], 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ(-1, kill_only(&run, id));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "has changed since checkpoint")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* Tasks that were left frozen are saved again: the later image has the connection. */
TEST_F_TIMEOUT(cr, saved_again, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	long older, id;

	ASSERT_EQ(0, ckpt_run_init(&run, &full_v4, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	older = ckpt_run_call(&run, first, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
	ASSERT_LT(0, older);
	EXPECT_EQ(0, say(BEFORE, HELD / 2));
	id = ckpt_run_call(&run, second, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
	ASSERT_LT(0, id);
	/* What the other end was told since is not in the older one. */
	EXPECT_EQ(-1, kill_only(&run, older));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(id, kill_only(&run, id));
	ASSERT_EQ(0, ckpt_run_killed(&run, 0));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ(0, say(BEFORE + HELD / 2, HELD - HELD / 2));
	EXPECT_TRUE(is_connected());
	ASSERT_EQ(0, ckpt_run_restart(&run, second, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, hear(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

TEST_HARNESS_MAIN
