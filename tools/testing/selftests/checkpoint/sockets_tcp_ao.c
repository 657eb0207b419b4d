// SPDX-License-Identifier: GPL-2.0
/*
 * Keys of TCP-AO: on sockets that listen and that were never connected, and on
 * connections, with what their numbers are signed with; and what else there is of it.
 */
#include "sockets_tcp_keys.h"

#include <sched.h>

/* The test needs the option. */
#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (!has_option(AO_ADD))					\
		SKIP(return, "the kernel has no TCP-AO");		\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

#define FIRST	"the first key, of which one knows"
#define SECOND	"the second, longer than a block of any of the algorithms, so that it is cut"

/* Two keys, of the end that connects (@client) or of the other one. */
static int two_keys(int fd, bool client)
{
	int err = add_ao(fd, "hmac(sha1)", FIRST, client ? 100 : 101, client ? 101 : 100);

	return err ? : add_ao(fd, "cmac(aes128)", SECOND, client ? 102 : 103, client ? 103 : 102);
}

static void get_info(int fd, struct ao_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, AO_INFO, info, &len));
}

static int connect_signed(int port)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, port);
	int fd = tcp_socket();

	CHECK_SYS(two_keys(fd, true));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	return fd;
}

/* Both ends in the tree, with bytes in the queues; the other key is used in the midst of it. */
static void pair(enum where at)
{
	struct ao_info info = { .set_next = 1, .next = 103 }, before[2], now;
	struct ao_key keys[2][8];
	int one;

	where = at;
	one = listener(4);
	CHECK_SYS(two_keys(one, false));
	fds[W] = connect_signed(port_of(one, false));
	fds[R] = CHECK_SYS(accept(one, NULL, NULL));
	put(fds[W], 0, 5000);
	await_bytes(fds[R], 5000);
	/* The other end signs with the second one when it has heard of that. */
	CHECK_SYS(setsockopt(fds[W], IPPROTO_TCP, AO_INFO, &info, sizeof(info)));
	put(fds[W], 5000, 1);
	await_bytes(fds[R], 5001);
	put(fds[R], 7, 300);
	await_bytes(fds[W], 300);
	CHECK_EQ(2, get_ao(fds[W], keys[W], 8));
	CHECK_EQ(2, get_ao(fds[R], keys[R], 8));
	get_info(fds[W], &before[W]);
	get_info(fds[R], &before[R]);
	CHECK_EQ(103, before[R].current);
	ckpt_ready_wait();
	expect_ao(fds[W], keys[W], 2);
	expect_ao(fds[R], keys[R], 2);
	get_info(fds[W], &now);
	CHECK_EQ(before[W].current, now.current);
	CHECK_EQ(before[W].next, now.next);
	get_info(fds[R], &now);
	CHECK_EQ(before[R].current, now.current);
	CHECK_EQ(before[R].next, now.next);
	get(fds[R], 0, 5001);
	get(fds[W], 7, 300);
	put(fds[W], 5001, 40000);
	get(fds[R], 5001, 40000);
	put(fds[R], 1, 1000);
	get(fds[W], 1, 1000);
	get_info(fds[W], &now);
	CHECK_EQ(before[W].bad, now.bad);
	CHECK(now.good > before[W].good, "nothing was signed");
	/* Who comes anew needs the keys. */
	abort_both();
	fds[W] = connect_signed(port_of(one, false));
	fds[R] = CHECK_SYS(accept(one, NULL, NULL));
	put(fds[W], 0, 10);
	get(fds[R], 0, 10);
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

/* All that there is of a socket which was never connected. */
CKPT_CYCLE(all_fields)
{
	struct ao_add any = {
		.algorithm = "hmac(sha256)",
		.set_current = 1,
		.send_id = 7,
		.receive_id = 9,
		.mac = 16,
		.flags = AO_NO_OPTIONS,
	};
	struct ao_info info = {
		.required = 1,
		.icmps = 1,
		.set_counters = 1,
		.good = 1ULL << 40,
		.bad = 2,
		.not_found = 3,
		.missing = 4,
		.icmp = 5,
	}, before, now;
	struct ao_key keys[8];
	int fd;

	where = V4;
	lo_up();
	fd = tcp_socket();
	/* For anybody, with an empty key. */
	any.addr.ss_family = AF_INET;
	CHECK_SYS(setsockopt(fd, IPPROTO_TCP, AO_ADD, &any, sizeof(any)));
	CHECK_SYS(two_keys(fd, true));
	CHECK_SYS(setsockopt(fd, IPPROTO_TCP, AO_INFO, &info, sizeof(info)));
	CHECK_EQ(3, get_ao(fd, keys, 8));
	get_info(fd, &before);
	CHECK_EQ(7, before.current);
	ckpt_ready_wait();
	expect_ao(fd, keys, 3);
	get_info(fd, &now);
	CHECK(!memcmp(&before, &now, sizeof(now)), "it is not what it was");
}

/* No key, but that others are dropped. */
CKPT_CYCLE(required)
{
	struct ao_info info = { .required = 1 }, now;
	struct ao_key keys[1];
	int at;

	where = V4;
	at = listener(1);
	CHECK_SYS(setsockopt(at, IPPROTO_TCP, AO_INFO, &info, sizeof(info)));
	ckpt_ready_wait();
	get_info(at, &now);
	CHECK_EQ(1, now.required);
	CHECK_EQ(0, now.set_current);
	CHECK_EQ(0, get_ao(at, keys, 1));
}

/* The other end is outside, and goes on with the numbers that it has. */
CKPT_SCENARIO(server)
{
	int at = listener(4), fd;

	CHECK_SYS(two_keys(at, false));
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
	CHECK_EQ(0, take(fd, 0, 0, in_at));
	CHECK_SYS(close(fd));
}

TEST_F_TIMEOUT(cr, kept, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new(), size = 1 << 20;
	struct sockaddr_storage addr;
	struct ckpt_run run;
	socklen_t len;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &server, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	len = address(&addr, run.board->value[PORT]);
	outside = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, setsockopt(outside, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	ASSERT_EQ(0, two_keys(outside, true));
	ASSERT_EQ(0, connect(outside, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, say(0, BEFORE));
	while (!__atomic_load_n(&run.board->step[ACCEPTED], __ATOMIC_ACQUIRE))
		sched_yield();
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

TEST_HARNESS_MAIN
