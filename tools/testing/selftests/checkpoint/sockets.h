/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of sockets have in common. */
#ifndef CKPT_TEST_SOCKETS_H
#define CKPT_TEST_SOCKETS_H

#include "pipes.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD	77
#endif

/* The next message of @fd is @text, and all of it. */
__attribute__((unused)) static void expect_text(int fd, const char *text)
{
	char buf[256] = "";
	long n = CHECK_SYS(recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT));

	CHECK_EQ((long)strlen(text), n);
	CHECK_STREQ(text, buf);
}

/* There is nothing to receive, and the other end is there. */
__attribute__((unused)) static void expect_empty(int fd)
{
	char c;

	CHECK(recv(fd, &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "something is there");
}

__attribute__((unused)) static void send_text(int fd, const char *text)
{
	CHECK_EQ((long)strlen(text), send(fd, text, strlen(text), MSG_NOSIGNAL));
}

__attribute__((unused)) static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, name, &value, &len));
	return value;
}

__attribute__((unused)) static void set_option(int fd, int name, int value)
{
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, name, &value, sizeof(value)));
}

/* Sends @count descriptors with the byte 'f'. */
__attribute__((unused)) static void send_fds(int fd, const int *fds, int count)
{
	char control[CMSG_SPACE(sizeof(int) * 253)] = {};
	char f = 'f';
	struct iovec iov = { .iov_base = &f, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(sizeof(int) * count),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * count);
	CHECK_EQ(1, sendmsg(fd, &msg, MSG_NOSIGNAL));
}

/* Receives them. */
__attribute__((unused)) static void receive_fds(int fd, int *fds, int count)
{
	char control[CMSG_SPACE(sizeof(int) * 253)] = {};
	char f = 0;
	struct iovec iov = { .iov_base = &f, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	CHECK_EQ(1, recvmsg(fd, &msg, MSG_DONTWAIT));
	CHECK_EQ('f', f);
	cmsg = CMSG_FIRSTHDR(&msg);
	CHECK(cmsg && cmsg->cmsg_type == SCM_RIGHTS, "no files came");
	CHECK_EQ(CMSG_LEN(sizeof(int) * count), cmsg->cmsg_len);
	memcpy(fds, CMSG_DATA(cmsg), sizeof(int) * count);
}

#endif
