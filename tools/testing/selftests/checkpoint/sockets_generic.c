// SPDX-License-Identifier: GPL-2.0
/* Sockets of generic netlink: families that were asked, answers, groups. */
#include "generic.h"
#include "sockets.h"

CKPT_FIXTURE

#define NETDEV_DEV_GET	1	/* NETDEV_CMD_DEV_GET */
#define NETDEV_IFINDEX	1	/* NETDEV_A_DEV_IFINDEX */

static __u32 port(int fd)
{
	struct sockaddr_nl addr = {};
	socklen_t len = sizeof(addr);

	CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	return addr.nl_pid;
}

/* Asks for the loopback device. */
static void ask_lo(int fd, int netdev)
{
	__u32 lo = 1;

	generic_ask(fd, netdev, NETDEV_DEV_GET, 0, NETDEV_IFINDEX, &lo, sizeof(lo));
}

/* The answer is about that. */
static void expect_lo(int fd, int netdev)
{
	struct generic answer;
	struct nlattr *nla;

	CHECK_EQ(netdev, generic_answer(fd, &answer));
	nla = generic_attr(answer.attrs, answer.head.nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN),
			   NETDEV_IFINDEX);
	CHECK(nla, "it tells of no device");
	CHECK_EQ(1u, *(__u32 *)((char *)nla + NLA_HDRLEN));
}

/* One that was only bound, and one that has not even been that. */
CKPT_CYCLE(fresh)
{
	int bound = generic_socket(), fd = CHECK_SYS(socket(AF_NETLINK, SOCK_DGRAM,
							      NETLINK_GENERIC));
	int netdev = generic_id("netdev", NULL);
	__u32 number = port(bound);

	ckpt_ready_wait();
	CHECK_EQ(number, port(bound));
	CHECK_EQ(0u, port(fd));
	ask_lo(bound, netdev);
	expect_lo(bound, netdev);
	ask_lo(fd, netdev);
	expect_lo(fd, netdev);
}

/* It has asked, and has not taken all answers. */
CKPT_CYCLE(answers)
{
	int fd = generic_socket(), netdev = generic_id("netdev", NULL);
	struct generic answer;

	CHECK(netdev, "there is no family netdev");
	ask_lo(fd, netdev);
	expect_lo(fd, netdev);
	ask_lo(fd, netdev);
	generic_ask(fd, netdev, 255, NLM_F_ACK, 0, NULL, 0);
	ckpt_ready_wait();
	expect_lo(fd, netdev);
	CHECK_EQ(-EOPNOTSUPP, generic_answer(fd, &answer));
	expect_empty(fd);
	ask_lo(fd, netdev);
	expect_lo(fd, netdev);
}

static bool is_member(int fd, int group)
{
	__u32 words[64] = {};
	socklen_t len = sizeof(words);

	CHECK_SYS(getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &len));
	return words[(group - 1) / 32] >> (group - 1) % 32 & 1;
}

/* Groups of the family that tells of others, and of one with numbers of its own. */
CKPT_CYCLE(groups)
{
	int fd = generic_socket(), ctrl = generic_id("nlctrl", "notify");
	int mgmt = generic_id("netdev", "mgmt"), one = 1;
	struct generic answer;

	CHECK(ctrl && mgmt, "groups %d and %d", ctrl, mgmt);
	CHECK_SYS(setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof(one)));
	CHECK_SYS(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &ctrl, sizeof(ctrl)));
	CHECK_SYS(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &mgmt, sizeof(mgmt)));
	ckpt_ready_wait();
	CHECK(is_member(fd, ctrl) && is_member(fd, mgmt), "it has left groups");
	CHECK_SYS(setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &mgmt, sizeof(mgmt)));
	CHECK(is_member(fd, ctrl) && !is_member(fd, mgmt), "it is in other groups");
	/* It can ask what it is told of. */
	generic_ask(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, CTRL_ATTR_FAMILY_NAME, "netdev", 7);
	while (generic_answer(fd, &answer) != GENL_ID_CTRL)
		;
}

/* What a dump has left to do is cut off: programs begin it again. */
CKPT_CYCLE(dump)
{
	int fd = generic_socket(), netdev = generic_id("netdev", NULL);
	static char buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *head;
	bool done = false;
	unsigned int n;

	generic_ask(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_DUMP, 0, NULL, 0);
	ckpt_ready_wait();
	while (!done) {
		n = CHECK_SYS(recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
		for (head = (struct nlmsghdr *)buf; NLMSG_OK(head, n); head = NLMSG_NEXT(head, n))
			done |= head->nlmsg_type == NLMSG_DONE;
	}
	expect_empty(fd);
	ask_lo(fd, netdev);
	expect_lo(fd, netdev);
}

TEST_HARNESS_MAIN
