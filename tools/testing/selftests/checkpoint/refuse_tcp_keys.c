// SPDX-License-Identifier: GPL-2.0
/* Keys of TCP_MD5SIG and of TCP-AO for one peer: which came first makes a difference. */
#include "refuse.h"

#include "sockets_tcp_keys.h"

REFUSE_FIXTURE

/* Sets a key for all of the loopback network; an empty one takes it away. */
static int set_network(int fd, const char *key)
{
	struct md5_key cmd = {
		.flags = MD5_PREFIX,
		.prefix = 8,
		.len = strlen(key),
	};
	struct sockaddr_in *sin = (struct sockaddr_in *)&cmd.addr;

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK & 0xff000000);
	memcpy(cmd.key, key, cmd.len);
	return setsockopt(fd, IPPROTO_TCP, MD5_EXT, &cmd, sizeof(cmd));
}

REFUSE(two_kinds)
{
	int fd;

	where = V4;
	if (!has_option(MD5_EXT) || !has_option(AO_ADD))
		not_here();
	fd = tcp_socket();
	CHECK_SYS(add_ao(fd, "hmac(sha1)", "one", 1, 1));
	CHECK(set_md5(fd, "another", 32) == -1 && errno == EKEYREJECTED, "it takes both");
	/* One for the network is taken, as the kernel looks for that address only. */
	CHECK_SYS(set_network(fd, "another"));
	EXPECT_FD(fd, "*", "has keys of two kinds for one peer or connection (TCP_MD5SIG, "
		  "TCP_AO_ADD_KEY): have those of one kind removed");
	ckpt_ready_wait();
	CHECK_SYS(set_network(fd, ""));
}

TEST_HARNESS_MAIN
