// SPDX-License-Identifier: GPL-2.0
/*
 * Keys of TCP-AO: on sockets that listen and that were never connected, and on
 * connections, with what their numbers are signed with; and what else there is of it.
 */
#include "sockets_tcp_keys.h"

/* The test needs the option. */
#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (!has_option(AO_ADD))					\
		SKIP(return, "the kernel has no TCP-AO");		\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

#include "sockets_tcp_signed.h"

#define FIRST	"the first key, of which one knows"
#define SECOND	"the second, longer than a block of any of the algorithms, so that it is cut"

/* Two keys, of the end that connects (@client) or of the other one. */
static int give_keys(int fd, bool client)
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

/* Both ends in the tree, with bytes in the queues; the other key is used in the midst of it. */
static void pair(enum where at)
{
	struct ao_info info = { .set_next = 1, .next = 103 }, before[2], now;
	struct ao_key keys[2][8];
	int one = signed_pair(at);

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
	goes_on(5001);
	get_info(fds[W], &now);
	CHECK_EQ(before[W].bad, now.bad);
	CHECK(now.good > before[W].good, "nothing was signed");
	comes_anew(one);
	abort_both();
}

SIGNED_CYCLES(pair)

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
	CHECK_SYS(give_keys(fd, true));
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

TEST_HARNESS_MAIN
