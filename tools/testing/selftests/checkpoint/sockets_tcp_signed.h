/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections whose segments are signed, whatever with: what is the same for keys of TCP_MD5SIG and
 * of TCP-AO. Who includes it has give_keys(), and says CKPT_FIXTURE_IF() before.
 */
#ifndef CKPT_TEST_SOCKETS_TCP_SIGNED_H
#define CKPT_TEST_SOCKETS_TCP_SIGNED_H

#include "sockets_tcp_keys.h"
#include "sockets_tcp_stream.h"

/* Where the scenario listens, what it has accepted, and how much it has sent. */
#define PORT	0
#define SENT	1
/* The connection does not come back, and the scenario ends. */
#define OVER	2
#define ACCEPTED	1

/* Gives a socket its keys: of the end that connects (@client), or of the other one; 0 or -1. */
static int give_keys(int fd, bool client);

/* Connects to a port with keys of its own. */
static int connect_signed(int port)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, port);
	int fd = tcp_socket();

	CHECK_SYS(give_keys(fd, true));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	return fd;
}

/* Both ends of a connection; returns who listens. */
static int signed_pair(enum where at)
{
	int one;

	where = at;
	one = listener(4);
	/* The end that is accepted gets the keys for itself. */
	CHECK_SYS(give_keys(one, false));
	fds[W] = connect_signed(port_of(one, false));
	fds[R] = CHECK_SYS(accept(one, NULL, NULL));
	return one;
}

/* What was in the queues is there, @sent bytes in one of them, and more goes both ways. */
static void goes_on(int sent)
{
	get(fds[R], 0, sent);
	get(fds[W], 7, 300);
	put(fds[W], sent, 40000);
	get(fds[R], sent, 40000);
	put(fds[R], 1, 1000);
	get(fds[W], 1, 1000);
}

/* Who comes anew needs the keys. */
static void comes_anew(int one)
{
	abort_both();
	fds[W] = connect_signed(port_of(one, false));
	fds[R] = CHECK_SYS(accept(one, NULL, NULL));
	put(fds[W], 0, 10);
	get(fds[R], 0, 10);
}

/* A cycle for each family of addresses. */
#define SIGNED_CYCLES(pair)						\
	CKPT_CYCLE(signed_v4) { pair(V4); }				\
	CKPT_CYCLE(signed_v6) { pair(V6); }				\
	CKPT_CYCLE(signed_mapped) { pair(MAPPED); }

/* The other end is outside, and believes only what is signed. */
CKPT_SCENARIO(server)
{
	int at = listener(4), fd;

	CHECK_SYS(give_keys(at, false));
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

/* Connects to the server from outside, with keys. */
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
	    give_keys(outside, true) || connect(outside, (struct sockaddr *)&addr, len) ||
	    say(0, BEFORE)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	return await_step(run, ACCEPTED);
}

/* It goes on with the numbers and keys that it has, twice. */
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

#endif /* CKPT_TEST_SOCKETS_TCP_SIGNED_H */
