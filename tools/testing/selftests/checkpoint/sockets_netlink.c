// SPDX-License-Identifier: GPL-2.0
/* Netlink sockets: ports, groups, options, queues, dumps that are under way. */
#include "sockets.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

CKPT_FIXTURE

static int netlink(int protocol)
{
	return CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
}

/* Binds @fd to any port, and joins @groups. */
static __u32 bind_any(int fd, __u32 groups)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
	socklen_t len = sizeof(addr);

	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	return addr.nl_pid;
}

static void expect_port(int fd, __u32 port, __u32 groups)
{
	struct sockaddr_nl addr = {};
	socklen_t len = sizeof(addr);

	CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	CHECK_EQ(port, addr.nl_pid);
	CHECK_EQ(groups, addr.nl_groups);
}

static int nl_option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	CHECK_SYS(getsockopt(fd, SOL_NETLINK, name, &value, &len));
	return value;
}

static void set_nl_option(int fd, int name, int value)
{
	CHECK_SYS(setsockopt(fd, SOL_NETLINK, name, &value, sizeof(value)));
}

/* Asks for the loopback device, or for all devices. */
static void ask(int fd, __u32 seq, int flags)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} req = {
		.head = {
			.nlmsg_len = sizeof(req),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST | flags,
			.nlmsg_seq = seq,
		},
		.info.ifi_index = flags & NLM_F_DUMP ? 0 : 1,
	};

	CHECK_EQ((long)sizeof(req), send(fd, &req, sizeof(req), 0));
}

/* The next message of the kernel answers request @seq; returns its type. */
static int answer(int fd, __u32 seq)
{
	static char buf[65536] __attribute__((aligned(8)));
	struct sockaddr_nl from = {};
	socklen_t len = sizeof(from);
	struct nlmsghdr *head = (struct nlmsghdr *)buf;

	CHECK(CHECK_SYS(recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
				 &len)) >= (long)sizeof(*head), "it is too short");
	CHECK_EQ(0, from.nl_pid);
	CHECK_EQ(seq, head->nlmsg_seq);
	return head->nlmsg_type;
}

/* An answer that was not received, and what is asked after that. */
CKPT_CYCLE(queue)
{
	int fd = netlink(NETLINK_ROUTE);
	__u32 port = bind_any(fd, 0);

	ask(fd, 1, 0);
	ask(fd, 2, NLM_F_ACK);
	ckpt_ready_wait();
	expect_port(fd, port, 0);
	CHECK_EQ(RTM_NEWLINK, answer(fd, 1));
	CHECK_EQ(RTM_NEWLINK, answer(fd, 2));
	CHECK_EQ(NLMSG_ERROR, answer(fd, 2));
	expect_empty(fd);
	ask(fd, 3, 0);
	CHECK_EQ(RTM_NEWLINK, answer(fd, 3));
}

/* Not bound, not connected. */
CKPT_CYCLE(new)
{
	int fd = netlink(NETLINK_ROUTE);

	ckpt_ready_wait();
	expect_port(fd, 0, 0);
	CHECK_EQ(NETLINK_ROUTE, option(fd, SO_PROTOCOL));
	expect_empty(fd);
	ask(fd, 3, 0);
	CHECK_EQ(RTM_NEWLINK, answer(fd, 3));
}

static const int names[] = {
	NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR, NETLINK_NO_ENOBUFS, NETLINK_LISTEN_ALL_NSID,
	NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK,
};

/* Each option by itself. */
CKPT_CYCLE(options)
{
	int fd[ARRAY_SIZE(names)];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fd[i] = netlink(NETLINK_ROUTE);
		set_nl_option(fd[i], names[i], 1);
	}
	ckpt_ready_wait();
	for (i = 0; i < ARRAY_SIZE(names); i++)
		for (j = 0; j < ARRAY_SIZE(names); j++)
			CHECK_EQ(i == j, nl_option(fd[i], names[j]));
}

/* Groups by bit and by number; the restored one has missed events, and goes on to hear of them. */
CKPT_CYCLE(groups)
{
	int fd = netlink(NETLINK_ROUTE), quiet = netlink(NETLINK_ROUTE);
	__u32 port = bind_any(fd, RTMGRP_LINK), words[8] = {};
	socklen_t len = sizeof(words);

	set_nl_option(fd, NETLINK_ADD_MEMBERSHIP, RTNLGRP_NSID);
	set_nl_option(fd, NETLINK_ADD_MEMBERSHIP, RTNLGRP_BRVLAN);
	set_nl_option(quiet, NETLINK_NO_ENOBUFS, 1);
	bind_any(quiet, RTMGRP_LINK);
	ckpt_ready_wait();
	expect_port(fd, port, RTMGRP_LINK | 1 << (RTNLGRP_NSID - 1));
	CHECK_SYS(getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &len));
	CHECK(words[(RTNLGRP_BRVLAN - 1) / 32] & 1 << (RTNLGRP_BRVLAN - 1) % 32, "a group is missing");
	/* One that runs on has missed nothing. */
	CHECK_EQ(board->restarts ? ENOBUFS : 0, option(fd, SO_ERROR));
	CHECK_EQ(0, option(quiet, SO_ERROR));
	CHECK_EQ(0, option(fd, SO_ERROR));
}

/* A destination, and a message of another socket with the ids of its sender. */
CKPT_CYCLE(between)
{
	int from = netlink(NETLINK_USERSOCK), to = netlink(NETLINK_USERSOCK), one = 1;
	__u32 port = bind_any(from, 0);
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK }, seen = {};
	char control[CMSG_SPACE(sizeof(struct ucred))] = {}, buf[16] = "";
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = {
		.msg_name = &seen,
		.msg_namelen = sizeof(seen),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	socklen_t len = sizeof(seen);
	struct ucred *ucred;

	addr.nl_pid = bind_any(to, 0);
	set_option(to, SO_PASSCRED, one);
	CHECK_SYS(connect(from, (struct sockaddr *)&addr, sizeof(addr)));
	send_text(from, "before");
	ckpt_ready_wait();
	CHECK_SYS(getpeername(from, (struct sockaddr *)&seen, &len));
	CHECK_EQ(addr.nl_pid, seen.nl_pid);
	CHECK_EQ(6, recvmsg(to, &msg, MSG_DONTWAIT));
	CHECK_STREQ("before", buf);
	CHECK_EQ(port, seen.nl_pid);
	CHECK(CMSG_FIRSTHDR(&msg) && CMSG_FIRSTHDR(&msg)->cmsg_type == SCM_CREDENTIALS,
	      "no credentials came");
	ucred = (struct ucred *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
	CHECK_EQ(getpid(), ucred->pid);
	CHECK_EQ(getuid(), ucred->uid);
	CHECK_EQ(getgid(), ucred->gid);
	send_text(from, "after");
	expect_text(to, "after");
}

/* Adds @count addresses to the loopback device, or removes them. */
static int addresses(int type, int count)
{
	struct {
		struct nlmsghdr head;
		struct ifaddrmsg info;
		struct rtattr attr;
		unsigned char address[4];
	} req = {
		.head = { .nlmsg_len = sizeof(req), .nlmsg_type = type },
		.info = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1 },
		.attr = { .rta_len = sizeof(req.attr) + 4, .rta_type = IFA_LOCAL },
		.address = { 127, 77, 0, 1 },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err = 0;
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
	} ack;

	req.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (type == RTM_NEWADDR)
		req.head.nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
	for (; count && !err; count--, req.address[3]++)
		if (send(fd, &req, sizeof(req), 0) != sizeof(req) ||
		    recv(fd, &ack, sizeof(ack), 0) < (long)sizeof(ack) || ack.err.error)
			err = -1;
	close(fd);
	return err;
}

/* More than one message of a dump has room for, with pages of any size. */
#define ADDRESSES	250

/*
 * A dump that is under way: what is in the queue stays, and it ends as one that was interrupted; in
 * one that runs on it goes on to its end.
 */
CKPT_CYCLE(dump)
{
	static char buf[65536] __attribute__((aligned(8)));
	struct {
		struct nlmsghdr head;
		struct ifaddrmsg info;
	} req = {
		.head = {
			.nlmsg_len = sizeof(req),
			.nlmsg_type = RTM_GETADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = 9,
		},
		.info.ifa_family = AF_INET,
	};
	int fd = netlink(NETLINK_ROUTE), done = 0, found = 0, wanted;
	struct nlmsghdr *head;
	long len;

	CHECK_EQ(0, addresses(RTM_NEWADDR, ADDRESSES));
	CHECK_EQ((long)sizeof(req), send(fd, &req, sizeof(req), 0));
	ckpt_ready_wait();
	wanted = board->restarts ? -EINTR : 0;
	while (!done) {
		len = CHECK_SYS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
		for (head = (struct nlmsghdr *)buf; NLMSG_OK(head, len); head = NLMSG_NEXT(head, len)) {
			CHECK_EQ(9, head->nlmsg_seq);
			if (head->nlmsg_type != NLMSG_DONE) {
				CHECK_EQ(RTM_NEWADDR, head->nlmsg_type);
				found++;
				continue;
			}
			done = 1;
			CHECK_EQ(wanted, *(int *)NLMSG_DATA(head));
			CHECK_EQ(!!wanted, !!(head->nlmsg_flags & NLM_F_DUMP_INTR));
		}
	}
	CHECK(found, "nothing of it was in the queue");
	CHECK_EQ(!wanted, found >= ADDRESSES);
	expect_empty(fd);
	/* Another run may have done so already. */
	addresses(RTM_DELADDR, ADDRESSES);
	ask(fd, 10, 0);
	CHECK_EQ(RTM_NEWLINK, answer(fd, 10));
}

TEST_HARNESS_MAIN
