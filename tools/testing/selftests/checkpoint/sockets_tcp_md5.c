// SPDX-License-Identifier: GPL-2.0
/*
 * Keys of TCP_MD5SIG: on sockets that listen and that were never connected, and on
 * connections, whose segments are signed before and after a restart.
 */
#include "sockets_tcp_keys.h"

#include <sched.h>

/* The test needs the option. */
#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (!has_option(MD5_EXT))					\
		SKIP(return, "the kernel has no TCP_MD5SIG");		\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

#define KEY	"a key that nobody guesses"

/* Connects to the port of @at with a key of its own. */
static int connect_signed(int at)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, port_of(at, false));
	int fd = tcp_socket();

	CHECK_SYS(set_md5(fd, KEY, whole()));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	return fd;
}

/* Both ends in the tree, with bytes in the queues: all is signed again. */
static void pair(enum where at)
{
	int one;

	where = at;
	one = listener(4);
	/* The end that is accepted gets the key for itself. */
	CHECK_SYS(set_md5(one, KEY, 8));
	fds[W] = connect_signed(one);
	fds[R] = CHECK_SYS(accept(one, NULL, NULL));
	put(fds[W], 0, 5000);
	await_bytes(fds[R], 5000);
	put(fds[R], 7, 300);
	await_bytes(fds[W], 300);
	ckpt_ready_wait();
	get(fds[R], 0, 5000);
	get(fds[W], 7, 300);
	put(fds[W], 5000, 40000);
	get(fds[R], 5000, 40000);
	put(fds[R], 1, 1000);
	get(fds[W], 1, 1000);
	expect_md5(fds[W], whole());
	expect_md5(fds[R], whole());
	abort_both();
	/* Who comes anew needs the key. */
	fds[W] = connect_signed(one);
	fds[R] = CHECK_SYS(accept(one, NULL, NULL));
	put(fds[W], 0, 10);
	get(fds[R], 0, 10);
	expect_md5(one, 8);
	abort_both();
}

CKPT_CYCLE(signed_v4)
{
	pair(V4);
}

CKPT_CYCLE(signed_v6)
{
	pair(V6);
}

CKPT_CYCLE(signed_mapped)
{
	pair(MAPPED);
}

/* Several keys of one socket: each comes back with its prefix, and the other ones stay. */
CKPT_CYCLE(several)
{
	int fd, i;

	where = V4;
	lo_up();
	fd = tcp_socket();
	for (i = 8; i <= 32; i += 8)
		CHECK_SYS(set_md5(fd, KEY, i));
	/* A longer one takes the place of the first. */
	CHECK_SYS(set_md5(fd, KEY KEY, 8));
	ckpt_ready_wait();
	for (i = 32; i >= 8; i -= 8)
		expect_md5(fd, i);
}

/* The other end was closed, with something left: what is fabricated for it is signed, too. */
CKPT_CYCLE(peer_closed)
{
	int at;

	where = V4;
	at = listener(1);
	CHECK_SYS(set_md5(at, KEY, 32));
	fds[W] = connect_signed(at);
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	put(fds[W], 0, 500);
	CHECK_SYS(close(fds[W]));
	await_event(fds[R], POLLRDHUP);
	ckpt_ready_wait();
	get(fds[R], 0, 500);
	at_end(fds[R]);
	expect_md5(fds[R], 32);
	/* What is left of the other end believes only what is signed. */
	CHECK_SYS(set_md5(fds[R], KEY, 32));
	abort_one(fds[R]);
}

/* It waits to be accepted, and connects anew. */
CKPT_CYCLE(waiting)
{
	int at;

	where = V4;
	at = listener(4);
	CHECK_SYS(set_md5(at, KEY, 32));
	fds[W] = connect_signed(at);
	put(fds[W], 0, 50);
	await_event(at, POLLIN);
	ckpt_ready_wait();
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	get(fds[R], 0, 50);
	put(fds[R], 1, 50);
	get(fds[W], 1, 50);
	expect_md5(fds[R], 32);
	expect_md5(fds[W], 32);
	abort_both();
}

/* The other end is outside, and believes only what is signed. */
CKPT_SCENARIO(server)
{
	int at = listener(4), fd;

	CHECK_SYS(set_md5(at, KEY, 32));
	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	board->value[SENT] = stuff(fd);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	if (board->value[OVER])
		return;
	CHECK_EQ(BEFORE + HELD, take(fd, 0, BEFORE + HELD, in_at));
	CHECK_SYS(shutdown(fd, SHUT_WR));
	CHECK_EQ(0, take(fd, 0, 0, in_at));
	CHECK_SYS(close(fd));
}

static int meet(struct ckpt_run *run)
{
	struct sockaddr_storage addr;
	int size = 1 << 20;
	socklen_t len;

	if (outside >= 0)
		close(outside);
	len = address(&addr, run->board->value[PORT]);
	outside = socket(AF_INET, SOCK_STREAM, 0);
	if (outside < 0 || setsockopt(outside, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    set_md5(outside, KEY, 32) || connect(outside, (struct sockaddr *)&addr, len) ||
	    say(0, BEFORE)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	while (!__atomic_load_n(&run->board->step[ACCEPTED], __ATOMIC_ACQUIRE))
		sched_yield();
	return 0;
}

TEST_F_TIMEOUT(cr, kept, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &server, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL));
	ASSERT_EQ(0, say(BEFORE, HELD));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, second, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	EXPECT_EQ(0, shutdown(outside, SHUT_WR));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* It is not kept: the other end is told of that with a reset that is signed. */
TEST_F_TIMEOUT(cr, reset, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), err = 0;
	socklen_t len = sizeof(err);
	struct ckpt_run run;
	struct pollfd p;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &server, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	run.board->value[OVER] = 1;
	p = (struct pollfd){ .fd = outside };
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, poll(&p, 1, 0));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ASSERT_EQ(1, poll(&p, 1, -1));
	EXPECT_TRUE(p.revents & POLLERR);
	ASSERT_EQ(0, getsockopt(outside, SOL_SOCKET, SO_ERROR, &err, &len));
	EXPECT_EQ(ECONNRESET, err);
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
