/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of sockets of Multipath TCP have in common. */
#ifndef CKPT_TEST_SOCKETS_MPTCP_H
#define CKPT_TEST_SOCKETS_MPTCP_H

#include "sockets_tcp.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

/* The test needs them. */
#define BEGIN() do {							\
	int __fd;							\
									\
	CKPT_BEGIN();							\
	__fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);		\
	if (__fd < 0)							\
		SKIP(return, "the kernel has no MPTCP");		\
	close(__fd);							\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

/* One for addresses of where.  A kernel may have none for IPv6. */
static int mptcp_socket(void)
{
	int fd = socket(where == V4 ? AF_INET : AF_INET6, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0 && where != V4)
		ckpt_not_here();
	return CHECK_SYS(fd);
}

#endif
