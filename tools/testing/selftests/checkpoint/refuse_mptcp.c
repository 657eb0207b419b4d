// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of Multipath TCP that are refused: with connections, with keys of TCP Fast Open,
 * and with a port that others have, too.
 */
#include "refuse.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "sockets_tcp.h"

REFUSE_FIXTURE

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

static int mptcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	/* There may be none, or it is switched off (net.mptcp.enabled). */
	if (fd < 0)
		not_here();
	return fd;
}

REFUSE(connected)
{
	int at = mptcp_socket(), fd = mptcp_socket(), other;
	struct sockaddr_storage addr;
	socklen_t len;
	char c = 0;

	where = V4;
	lo_up();
	len = address(&addr, 0);
	CHECK_SYS(bind(at, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(at, 1));
	len = address(&addr, port_of(at, false));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	other = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_EQ(1, write(fd, "x", 1));
	CHECK_EQ(1, read(other, &c, 1));
	EXPECT_FD(fd, "*", "has an MPTCP connection, which can't be saved yet: have it closed");
	EXPECT_FD(other, "*", "has an MPTCP connection, which can't be saved yet: have it closed");
	ckpt_ready_wait();
	CHECK_EQ(1, write(other, "y", 1));
	CHECK_EQ(1, read(fd, &c, 1));
	CHECK_EQ('y', c);
}

REFUSE(fast_open_key)
{
	int fd = mptcp_socket();
	char key[16] = "sixteen letters";

	CHECK_SYS(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, sizeof(key)));
	EXPECT_FD(fd, "*", "has a key or a state of TCP Fast Open (MPTCP), which can't be saved yet");
	ckpt_ready_wait();
	CHECK_SYS(close(fd));
}

REFUSE(shared)
{
	int fds[2] = { mptcp_socket(), mptcp_socket() }, i, port = 0;
	struct sockaddr_storage addr;
	socklen_t len;

	where = V4;
	lo_up();
	for (i = 0; i < 2; i++) {
		set_option(fds[i], SO_REUSEPORT, 1);
		len = address(&addr, port);
		CHECK_SYS(bind(fds[i], (struct sockaddr *)&addr, len));
		CHECK_SYS(listen(fds[i], 1));
		port = port_of(fds[i], false);
		EXPECT_FD(fds[i], "*", "shares its port (SO_REUSEPORT of MPTCP), which can't be "
			  "saved yet");
	}
	ckpt_ready_wait();
	CHECK_EQ(port, port_of(fds[0], false));
}

TEST_HARNESS_MAIN
