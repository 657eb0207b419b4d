/* SPDX-License-Identifier: GPL-2.0 */
/* Keys that sign segments, as setsockopt(2) takes them: libraries know only some of it. */
#ifndef CKPT_TEST_SOCKETS_TCP_KEYS_H
#define CKPT_TEST_SOCKETS_TCP_KEYS_H

#include "sockets_tcp.h"

/* TCP_MD5SIG_EXT. */
#define MD5_EXT		32
#define MD5_PREFIX	1

struct md5_key {
	struct sockaddr_storage addr;
	uint8_t flags;
	uint8_t prefix;
	uint16_t len;
	int device;
	uint8_t key[80];
};

/* TCP_AO_ADD_KEY and the others. */
#define AO_ADD		38
#define AO_INFO		40
#define AO_GET		41
#define AO_NO_OPTIONS	2

struct ao_add {
	struct sockaddr_storage addr;
	char algorithm[64];
	int32_t device;
	uint32_t set_current : 1, set_next : 1, reserved : 30;
	uint16_t reserved2;
	uint8_t prefix;
	uint8_t send_id;
	uint8_t receive_id;
	uint8_t mac;
	uint8_t flags;
	uint8_t len;
	uint8_t key[80];
} __attribute__((aligned(8)));

struct ao_info {
	uint32_t set_current : 1, set_next : 1, required : 1, set_counters : 1, icmps : 1,
		 reserved : 27;
	uint16_t reserved2;
	uint8_t current;
	uint8_t next;
	uint64_t good;
	uint64_t bad;
	uint64_t not_found;
	uint64_t missing;
	uint64_t icmp;
} __attribute__((aligned(8)));

struct ao_key {
	struct sockaddr_storage addr;
	char algorithm[64];
	uint8_t key[80];
	uint32_t count;
	uint16_t current : 1, next : 1, all : 1, reserved : 13;
	uint8_t send_id;
	uint8_t receive_id;
	uint8_t prefix;
	uint8_t mac;
	uint8_t flags;
	uint8_t len;
	int32_t device;
	uint64_t good;
	uint64_t bad;
} __attribute__((aligned(8)));

/* Whether the kernel has the option @name of TCP. */
__attribute__((unused)) static bool has_option(int name)
{
	char nothing[512] = {};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool has;

	has = fd >= 0 && !(setsockopt(fd, IPPROTO_TCP, name, nothing, sizeof(nothing)) &&
			   errno == ENOPROTOOPT);
	close(fd);
	return has;
}

/* How many bits the loopback address has. */
__attribute__((unused)) static int whole(void)
{
	return where == V6 ? 128 : 32;
}

/*
 * Sets a key for peers at the loopback address, of which @prefix bits count; an empty
 * one takes it away.
 */
__attribute__((unused)) static int set_md5(int fd, const char *key, int prefix)
{
	struct md5_key cmd = {
		.flags = MD5_PREFIX,
		.prefix = prefix,
		.len = strlen(key),
	};

	address(&cmd.addr, 0);
	memcpy(cmd.key, key, cmd.len);
	return setsockopt(fd, IPPROTO_TCP, MD5_EXT, &cmd, sizeof(cmd));
}

/* It is there, and once: it can be taken away, and then not again. */
__attribute__((unused)) static void expect_md5(int fd, int prefix)
{
	CHECK_SYS(set_md5(fd, "", prefix));
	CHECK(set_md5(fd, "", prefix) == -1 && errno == ENOENT, "there is another one");
}

/*
 * Ends a connection without TIME_WAIT: segments with keys have no room for timestamps,
 * and without these the kernel does not let the addresses be used anew for a minute,
 * which a restart would have to wait for.
 */
__attribute__((unused)) static void abort_one(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	CHECK_SYS(close(fd));
}

__attribute__((unused)) static void abort_both(void)
{
	abort_one(fds[W]);
	abort_one(fds[R]);
}

/* Adds a key of TCP-AO for the loopback address. */
__attribute__((unused))
static int add_ao(int fd, const char *algorithm, const char *key, int send_id, int receive_id)
{
	struct ao_add cmd = {
		.prefix = whole(),
		.send_id = send_id,
		.receive_id = receive_id,
		.mac = 12,
		.len = strlen(key),
	};

	address(&cmd.addr, 0);
	strcpy(cmd.algorithm, algorithm);
	memcpy(cmd.key, key, cmd.len);
	return setsockopt(fd, IPPROTO_TCP, AO_ADD, &cmd, sizeof(cmd));
}

/* All keys of TCP-AO; how many there are. */
__attribute__((unused)) static int get_ao(int fd, struct ao_key *keys, int room)
{
	socklen_t len = sizeof(*keys);

	memset(keys, 0, room * sizeof(*keys));
	keys[0].all = 1;
	keys[0].count = room;
	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, AO_GET, keys, &len));
	CHECK_EQ(sizeof(*keys), len);
	return keys[0].count;
}

/* They are what they were, but that more was signed. */
__attribute__((unused))
static void expect_ao(int fd, const struct ao_key *before, int count)
{
	struct ao_key now[8];
	int i;

	CHECK_EQ(count, get_ao(fd, now, 8));
	for (i = 0; i < count; i++) {
		CHECK(now[i].good >= before[i].good, "it was signed less");
		now[i].good = before[i].good;
		CHECK(!memcmp(&now[i], &before[i], sizeof(*now)), "key %d is another", i);
	}
}

#endif
