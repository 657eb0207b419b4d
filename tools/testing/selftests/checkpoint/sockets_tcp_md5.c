// SPDX-License-Identifier: GPL-2.0
/*
 * Keys of TCP_MD5SIG: on sockets that listen and that were never connected, and on
 * connections, whose segments are signed before and after a restart.
 */
#include "sockets_tcp_keys.h"

/* The test needs the option. */
#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (!has_option(MD5_EXT))					\
		SKIP(return, "the kernel has no TCP_MD5SIG");		\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

#include "sockets_tcp_signed.h"

#define KEY	"a key that nobody guesses"

static int give_keys(int fd, bool client)
{
	return set_md5(fd, KEY, client ? whole() : 8);
}

/* Both ends in the tree, with bytes in the queues: all is signed again. */
static void pair(enum where at)
{
	int one = signed_pair(at);

	put(fds[W], 0, 5000);
	await_bytes(fds[R], 5000);
	put(fds[R], 7, 300);
	await_bytes(fds[W], 300);
	ckpt_ready_wait();
	goes_on(5000);
	expect_md5(fds[W], whole());
	expect_md5(fds[R], whole());
	comes_anew(one);
	expect_md5(one, 8);
	abort_both();
}

SIGNED_CYCLES(pair)

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
	fds[W] = connect_signed(port_of(at, false));
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
	fds[W] = connect_signed(port_of(at, false));
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

TEST_HARNESS_MAIN
