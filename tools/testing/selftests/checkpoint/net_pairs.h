/* SPDX-License-Identifier: GPL-2.0 */
/* Pairs of devices whose ends are in two network namespaces. */
#ifndef CKPT_TEST_NET_PAIRS_H
#define CKPT_TEST_NET_PAIRS_H

#include "rtnetlink.h"

#include <linux/veth.h>
#include <sys/time.h>

/* The kind of which the kernel has no devices, or NULL. A vlan wants another device. */
static inline const char *missing_kind(void)
{
	static const char *const kinds[] = { "veth", "bridge", "vlan" };
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct rt rt;
		int i;

		if (unshare(CLONE_NEWNET))
			_exit(4);
		for (i = 0; i < 3; i++) {
			rt_end(&rt, rt_device(&rt, kinds[i], 0, kinds[i]));
			if (rt_ask(&rt) && errno == EOPNOTSUPP)
				_exit(i + 1);
		}
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return "any";
	status = WEXITSTATUS(status);
	return !status ? NULL : status <= 3 ? kinds[status - 1] : "any";
}

#define BEGIN_WITH_PAIRS() do {						\
	const char *__kind;						\
									\
	CKPT_BEGIN();							\
	__kind = missing_kind();					\
	if (__kind)							\
		SKIP(return, "the kernel has no devices of kind %s", __kind); \
} while (0)

/*
 * Makes a pair: @name here, with the number @index, and @other in the network namespace of the
 * task @pid, with the number @there.
 */
__attribute__((unused))
static void make_across(const char *name, int index, const char *other, int there, pid_t pid)
{
	struct ifinfomsg header = { .ifi_index = there };
	struct rtattr *info, *data, *peer;
	struct rt rt;

	info = rt_device(&rt, name, index, "veth");
	data = rt_nest(&rt, IFLA_INFO_DATA);
	peer = rt_add(&rt, VETH_INFO_PEER | NLA_F_NESTED, &header, sizeof(header));
	rt_add_text(&rt, IFLA_IFNAME, other);
	rt_add_u32(&rt, IFLA_NET_NS_PID, pid);
	rt_end(&rt, peer);
	rt_end(&rt, data);
	rt_end(&rt, info);
	CHECK_SYS(rt_ask(&rt));
}

#define ECHO_PORT	4711

/* A socket that gets datagrams at @text, or at any address if that is NULL. */
__attribute__((unused)) static int datagrams(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(ECHO_PORT) };
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	if (text)
		CHECK_EQ(1, inet_pton(AF_INET, text, &in.sin_addr));
	CHECK_SYS(bind(fd, (struct sockaddr *)&in, sizeof(in)));
	return fd;
}

/* Sends back all datagrams until one says that it is the last. */
__attribute__((unused)) static void echo(int fd)
{
	struct sockaddr_in from;
	char text[16];
	socklen_t len;
	ssize_t n;

	do {
		len = sizeof(from);
		n = CHECK_SYS(recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len));
		CHECK_EQ(n, sendto(fd, text, n, 0, (struct sockaddr *)&from, len));
	} while (n < 3 || memcmp(text, "end", 3));
}

/* Who is at @text answers. Links need a moment after they were made, not later. */
__attribute__((unused)) static void ask(const char *text, const char *what)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(ECHO_PORT) };
	struct timeval moment = { .tv_usec = 100000 };
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), i;
	size_t len = strlen(what);
	char answer[16];
	ssize_t n = -1;

	CHECK_EQ(1, inet_pton(AF_INET, text, &in.sin_addr));
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment)));
	for (i = 0; i < 300 && n < 0; i++) {
		n = sendto(fd, what, len, 0, (struct sockaddr *)&in, sizeof(in));
		CHECK(n >= 0 || errno == ENETUNREACH || errno == EHOSTUNREACH, "%s",
		      strerror(errno));
		n = recv(fd, answer, sizeof(answer), 0);
		CHECK(n >= 0 || errno == EAGAIN || errno == EHOSTUNREACH, "%s", strerror(errno));
	}
	CHECK(n == (ssize_t)len && !memcmp(answer, what, len), "%s does not answer", text);
	CHECK_SYS(close(fd));
}

#endif /* CKPT_TEST_NET_PAIRS_H */
