// SPDX-License-Identifier: GPL-2.0
/*
 * Rights that the calls ask of their caller for single kinds of sockets and network devices, as
 * bounds_rights does for other objects: without them it is refused by name, or told what is lost.
 */
#include "bounds_rights.h"
#include "sockets_tcp_keys.h"
#include "tun.h"

#include <linux/if_packet.h>

/* A network namespace whose loopback device is on. */
CKPT_SCENARIO(loopback, .clone_flags = CLONE_NEWNET)
{
	switch_lo(true);
	CHECK_SYS(drop_cap(CAP_NET_ADMIN));
	ckpt_ready_wait();
	CHECK(lo_is_on(), "the loopback device is off");
}

/* A tap device with its file. */
CKPT_SCENARIO(tap, .clone_flags = CLONE_NEWNET)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);
	char name[IFNAMSIZ];

	CHECK_SYS(drop_cap(CAP_NET_ADMIN));
	ckpt_ready_wait();
	tun_flags(fd, name);
	CHECK_STREQ("t0", name);
}

CKPT_SCENARIO(packets)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_ifindex = 1 }, now;
	int fd = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	socklen_t len = sizeof(now);

	CHECK_SYS(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
	CHECK_SYS(drop_cap(CAP_NET_RAW));
	ckpt_ready_wait();
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&now, &len));
	CHECK_EQ(1, now.sll_ifindex);
}

CKPT_SCENARIO(raw)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));

	CHECK_SYS(drop_cap(CAP_NET_RAW));
	ckpt_ready_wait();
	CHECK_EQ(SOCK_RAW, option(fd, SO_TYPE));
}

/* An answer of the kernel that was not received. */
CKPT_SCENARIO(answer)
{
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	struct rt rt;

	rt_change(&rt, RTM_GETLINK, "lo");
	CHECK_EQ((ssize_t)rt.nlh.nlmsg_len, send(fd, &rt, rt.nlh.nlmsg_len, 0));
	CHECK_SYS(drop_cap(CAP_NET_ADMIN));
	ckpt_ready_wait();
	CHECK_SYS(recv(fd, &rt, sizeof(rt), MSG_DONTWAIT));
	CHECK_EQ(RTM_NEWLINK, rt.nlh.nlmsg_type);
}

/* Events of the kernel: somebody else's address. */
CKPT_SCENARIO(event)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR };
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	struct ifaddrmsg header = {
		.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = if_nametoindex("lo"),
	};
	char address[16];
	struct rt rt;

	CHECK_SYS(bind(fd, (struct sockaddr *)&nl, sizeof(nl)));
	rt_address("lo", "127.47.1.1", 32);
	rt_begin(&rt, RTM_DELADDR, 0, &header, sizeof(header));
	rt_add(&rt, IFA_LOCAL, address, rt_parse("127.47.1.1", address));
	CHECK_SYS(rt_ask(&rt));
	CHECK_SYS(drop_cap(CAP_NET_ADMIN));
	ckpt_ready_wait();
	/* There may have been others meanwhile. */
	CHECK_EQ(-1, (int)recv(fd, &rt, sizeof(rt), MSG_DONTWAIT));
	CHECK_EQ(ENOBUFS, errno);
	CHECK_SYS(recv(fd, &rt, sizeof(rt), MSG_DONTWAIT));
	CHECK_EQ(RTM_NEWADDR, rt.nlh.nlmsg_type);
	CHECK_SYS(recv(fd, &rt, sizeof(rt), MSG_DONTWAIT));
	CHECK_EQ(RTM_DELADDR, rt.nlh.nlmsg_type);
}

/* A connection in the tree, which is made as with TCP_REPAIR. */
CKPT_SCENARIO(connection)
{
	where = V4;
	tcp_pair();
	put(fds[W], 0, 100);
	await_bytes(fds[R], 100);
	CHECK_SYS(drop_cap(CAP_NET_ADMIN));
	ckpt_ready_wait();
	get(fds[R], 0, 100);
}

/* A key that the kernel tells to nobody; and one that it tells to who has the socket. */
CKPT_SCENARIO(secret_key)
{
	int fd;

	where = V4;
	lo_up();
	fd = tcp_socket();
	CHECK_SYS(set_md5(fd, "a secret", 32));
	CHECK_SYS(drop_cap(CAP_NET_ADMIN));
	ckpt_ready_wait();
	expect_md5(fd, 32);
}

CKPT_SCENARIO(known_key)
{
	struct ao_key before[1];
	int fd;

	where = V4;
	lo_up();
	fd = tcp_socket();
	CHECK_SYS(add_ao(fd, "hmac(sha1)", "no secret", 1, 2));
	CHECK_EQ(1, get_ao(fd, before, 1));
	CHECK_SYS(drop_cap(CAP_NET_ADMIN));
	ckpt_ready_wait();
	expect_ao(fd, before, 1);
}

static int hands_over[2], told_ids[2];

/* Sends over what it is given as another user, which takes a capability. */
static int sends_for(void *arg)
{
	struct ucred cred = { getpid(), told_ids[0], told_ids[1] };
	char control[CMSG_SPACE(sizeof(cred))] = {};
	struct iovec iov = { .iov_base = "sent", .iov_len = 4 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct pollfd p = { .fd = hands_over[R], .events = POLLIN };
	int fd;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_CREDENTIALS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(cred));
	memcpy(CMSG_DATA(cmsg), &cred, sizeof(cred));
	CHECK_EQ(1, poll(&p, 1, -1));
	receive_fds(hands_over[R], &fd, 1);
	CHECK_EQ(4, sendmsg(fd, &msg, 0));
	return 0;
}

/* A message with ids of another user. All else in the image can be had without @cap. */
static void message_of_another(uid_t uid, gid_t gid, int cap)
{
	char control[CMSG_SPACE(sizeof(struct ucred))] = {}, buf[8] = "";
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	struct ucred cred;
	pid_t kid;

	told_ids[0] = uid;
	told_ids[1] = gid;
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, hands_over));
	kid = ckpt_fork(sends_for, NULL);
	CHECK_SYS(drop_cap(cap));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
	set_option(fds[R], SO_PASSCRED, 1);
	send_fds(hands_over[W], &fds[W], 1);
	ckpt_wait_exit(kid, 0);
	CHECK_SYS(close(hands_over[R]));
	CHECK_SYS(close(hands_over[W]));
	ckpt_ready_wait();
	CHECK_EQ(4, recvmsg(fds[R], &msg, MSG_DONTWAIT));
	cmsg = CMSG_FIRSTHDR(&msg);
	CHECK(cmsg && cmsg->cmsg_type == SCM_CREDENTIALS, "no credentials");
	memcpy(&cred, CMSG_DATA(cmsg), sizeof(cred));
	CHECK_EQ(uid, cred.uid);
	CHECK_EQ(gid, cred.gid);
}

CKPT_SCENARIO(message_of_user)
{
	message_of_another(USER, 0, CAP_SETUID);
}

CKPT_SCENARIO(message_of_group)
{
	message_of_another(0, USER, CAP_SETGID);
}

static int connects_as_user(void *arg)
{
	struct sockaddr_un *addr = arg;
	int fd;

	be(USER);
	fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect(fd, (struct sockaddr *)addr, sizeof(sa_family_t) + 6));
	send_text(fd, "left");
	return 0;
}

/* Another user has connected, and is gone: that it was one is told by SO_PEERCRED only. */
CKPT_SCENARIO(peer_of_user)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int at = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0)), fd;
	socklen_t len = sizeof(addr);
	struct ucred cred;

	CHECK_SYS(bind(at, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	CHECK_SYS(getsockname(at, (struct sockaddr *)&addr, &len));
	CHECK_EQ((int)sizeof(sa_family_t) + 6, (int)len);
	CHECK_SYS(listen(at, 1));
	ckpt_wait_exit(ckpt_fork(connects_as_user, &addr), 0);
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	CHECK_SYS(drop_cap(CAP_SETUID));
	ckpt_ready_wait();
	expect_text(fd, "left");
	len = sizeof(cred);
	CHECK_SYS(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	CHECK_EQ(USER, cred.uid);
}

TEST_F_TIMEOUT(rights, loopback, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&loopback, true, CAP_NET_ADMIN, EPERM,
			   "its network namespace can't be set up (CAP_NET_ADMIN)"));
}

TEST_F_TIMEOUT(rights, tun, CKPT_TIMEOUT)
{
	if (access("/dev/net/tun", R_OK | W_OK))
		SKIP(return, "no /dev/net/tun");
	ASSERT_EQ(0, needs(&tap, true, CAP_NET_ADMIN, EPERM, "CAP_NET_ADMIN"));
}

TEST_F_TIMEOUT(rights, packet_socket, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&packets, false, CAP_NET_RAW, EPERM,
			   "who has made it may not (CAP_NET_RAW"));
}

TEST_F_TIMEOUT(rights, raw_socket, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&raw, false, CAP_NET_RAW, EPERM,
			   "who has made it may not (CAP_NET_RAW"));
}

TEST_F_TIMEOUT(rights, netlink_answer, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&answer, false, CAP_NET_ADMIN, EPERM,
			   "it is an answer of the kernel: that takes CAP_NET_ADMIN"));
}

TEST_F_TIMEOUT(rights, netlink_event, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, lets(&event, false, CAP_NET_ADMIN,
			  "that a netlink socket had not received are dropped"));
}

TEST_F_TIMEOUT(rights, tcp_connection, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&connection, false, CAP_NET_ADMIN, EPERM,
			   "that takes CAP_NET_ADMIN over the network namespace, as TCP_REPAIR"));
}

TEST_F_TIMEOUT(rights, tcp_key, CKPT_TIMEOUT)
{
	if (!has_option(MD5_EXT))
		SKIP(return, "the kernel has no TCP_MD5SIG");
	ASSERT_EQ(0, shows(&secret_key, false, CAP_NET_ADMIN, EOPNOTSUPP,
			   "has keys (TCP_MD5SIG), which only who has CAP_NET_ADMIN"));
}

TEST_F_TIMEOUT(rights, tcp_key_of_who_has_it, CKPT_TIMEOUT)
{
	if (!has_option(AO_ADD))
		SKIP(return, "the kernel has no TCP-AO");
	ASSERT_EQ(0, lets(&known_key, false, CAP_NET_ADMIN, NULL));
}

#define MAY_NOT_SEND	"a message of a socket can't be sent: the caller may not send the ids of " \
			"who has sent it (CAP_SETUID, CAP_SETGID) [EPERM]"

TEST_F_TIMEOUT(rights, ids_of_a_message, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&message_of_user, false, CAP_SETUID, EPERM, MAY_NOT_SEND));
}

TEST_F_TIMEOUT(rights, groups_of_a_message, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&message_of_group, false, CAP_SETGID, EPERM, MAY_NOT_SEND));
}

TEST_F_TIMEOUT(rights, peer_credentials, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, needs(&peer_of_user, false, CAP_SETUID, EPERM,
			   "a socket: credentials of who it is connected to: user ids that the "
			   "caller may not take: it needs CAP_SETUID [EPERM]"));
}

TEST_HARNESS_MAIN
