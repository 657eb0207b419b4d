// SPDX-License-Identifier: GPL-2.0
/* What is in a network namespace and is not saved, and tasks and sockets of several. */
#include "generic.h"
#include "rtnetlink.h"
#include "refuse.h"

#include <linux/fib_rules.h>
#include <linux/mptcp_pm.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_namespace.h>
#include <linux/pkt_sched.h>
#include <linux/veth.h>
#include <sys/mman.h>
#include <sys/un.h>

#ifndef SOL_PACKET
#define SOL_PACKET	263
#endif

REFUSE_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

static void expect(const char *what)
{
	expect_refusal(getpid(), UNSUPPORTED, "its network namespace has %s: remove that, or leave what "
		       "is in it outside (CHECKPOINT_NET_OUTSIDE, --net-outside)", what);
	ckpt_ready_wait();
	CHECK(lo_is_on(), "the loopback device is off");
}

/* A resilient group of nexthops with more buckets than a request of an image has room for. */
REFUSE(resilient_group, OWN)
{
	switch_lo(true);
	rt_resilient(7);
	expect("resilient groups of nexthops with more than 8191 buckets");
}

/* A route by a nexthop that drops all is told as one that does so itself. */
REFUSE(route_that_drops, OWN)
{
	struct nhmsg nexthop = { .nh_family = AF_INET };
	struct rtmsg route = {
		.rtm_family = AF_INET, .rtm_dst_len = 24, .rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST, .rtm_table = RT_TABLE_MAIN,
	};
	char address[16];
	struct rt rt;

	switch_lo(true);
	rt_begin(&rt, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, &nexthop, sizeof(nexthop));
	rt_add_u32(&rt, NHA_ID, 7);
	rt_add(&rt, NHA_BLACKHOLE, NULL, 0);
	CHECK_SYS(rt_ask(&rt));
	rt_begin(&rt, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof(route));
	rt_add(&rt, RTA_DST, address, rt_parse("192.0.2.0", address));
	rt_add_u32(&rt, RTA_NH_ID, 7);
	CHECK_SYS(rt_ask(&rt));
	expect("routes of its own");
}

/* A rule of multicast routing is none that a restart takes from an image. */
REFUSE(rule_of_other_family, OWN)
{
	struct fib_rule_hdr header = { .family = RTNL_FAMILY_IPMR, .action = FR_ACT_TO_TBL };
	struct rt rt;

	switch_lo(true);
	rt_begin(&rt, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_u32(&rt, FRA_PRIORITY, 100);
	rt_add_u32(&rt, FRA_TABLE, 1000);
	if (rt_ask(&rt)) {
		CHECK(errno == EAFNOSUPPORT || errno == EOPNOTSUPP, "%s", strerror(errno));
		not_here();
	}
	expect("routing rules of its own");
}

/* An address that somebody has had the device listen to. */
REFUSE(listens, OWN)
{
	struct ifreq ifr = { .ifr_hwaddr.sa_family = AF_UNSPEC };
	struct rt rt;

	switch_lo(true);
	rt_end(&rt, rt_device(&rt, "d0", 20, "dummy"));
	CHECK_HERE(rt_ask(&rt));
	memcpy(ifr.ifr_hwaddr.sa_data, "\1\0\0\0\0\7", 6);
	CHECK_SYS(of_device("d0", SIOCADDMULTI, &ifr));
	expect("the device d0 with an address, flag, queue, feature, filter or program that a new "
	       "one does not get");
}

/* Which mode of vsock sockets new namespaces get is fixed when it is written, also if it was that. */
REFUSE(fixed_mode, OWN)
{
	int fd = open("/proc/sys/net/vsock/child_ns_mode", O_RDWR | O_CLOEXEC);
	char mode[16];
	ssize_t len;

	if (fd < 0) {
		CHECK_EQ(ENOENT, errno);
		not_here();
	}
	switch_lo(true);
	len = CHECK_SYS(pread(fd, mode, sizeof(mode), 0));
	CHECK_EQ(len, pwrite(fd, mode, len, 0));
	CHECK_SYS(close(fd));
	expect("another mode of vsock sockets than new ones get, or a limit of SMC handshakes");
}

/* A frame of a ring that waits in a queue: its memory is read when it is sent. */
REFUSE(sending, OWN)
{
	struct tcmsg header = {
		.tcm_ifindex = 1, .tcm_handle = 1 << 16, .tcm_parent = TC_H_ROOT,
	};
	struct tc_netem_qopt options = { .limit = 1000, .latency = INT32_MAX };
	struct sockaddr_ll lo = {
		.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = 6,
		.sll_protocol = htons(0x88b5),
	};
	struct tpacket_req req = {
		.tp_block_size = getpagesize(),
		.tp_block_nr = 1,
		.tp_frame_size = getpagesize(),
		.tp_frame_nr = 1,
	};
	int fd = CHECK_HERE(socket(AF_PACKET, SOCK_DGRAM, 0));
	struct tpacket_hdr *frame;
	struct rt rt;

	switch_lo(true);
	rt_begin(&rt, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_text(&rt, TCA_KIND, "netem");
	rt_add(&rt, TCA_OPTIONS, &options, sizeof(options));
	if (rt_ask(&rt)) {
		CHECK(errno == EOPNOTSUPP || errno == ENOENT, "%s", strerror(errno));
		not_here();
	}
	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)));
	frame = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(frame != MAP_FAILED, "mmap: %s", strerror(errno));
	frame->tp_len = 100;
	frame->tp_status = TP_STATUS_SEND_REQUEST;
	CHECK_EQ(100, sendto(fd, NULL, 0, MSG_DONTWAIT, (struct sockaddr *)&lo, sizeof(lo)));
	CHECK_EQ(TP_STATUS_SENDING, frame->tp_status);
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*): frames of its ring wait to be sent "
		       "(PACKET_TX_RING): try again", fd);
	ckpt_ready_wait();
	CHECK(lo_is_on(), "the loopback device is off");
}

/* The other end of a pair is in another namespace, which is there by a descriptor. */
REFUSE(leads_out, OWN)
{
	int own = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), other;
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	struct rtattr *info, *data, *peer;
	struct rt rt;

	switch_lo(true);
	CHECK_SYS(unshare(CLONE_NEWNET));
	other = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	CHECK_SYS(setns(own, CLONE_NEWNET));
	CHECK_SYS(close(own));
	info = rt_device(&rt, "v0", 20, "veth");
	data = rt_nest(&rt, IFLA_INFO_DATA);
	peer = rt_add(&rt, VETH_INFO_PEER | NLA_F_NESTED, &header, sizeof(header));
	rt_add_text(&rt, IFLA_IFNAME, "v1");
	rt_add_u32(&rt, IFLA_NET_NS_FD, other);
	rt_end(&rt, peer);
	rt_end(&rt, data);
	rt_end(&rt, info);
	CHECK_HERE(rt_ask(&rt));
	expect_more();
	expect("the device v0, which leads to another network namespace");
}

/* A device of a kind that is not made again: one that shows what netlink sockets are told. */
REFUSE(kind_of_device, OWN)
{
	struct rt rt;

	switch_lo(true);
	rt_end(&rt, rt_device(&rt, "m0", 0, "nlmon"));
	CHECK_HERE(rt_ask(&rt));
	expect("the device m0 of kind nlmon");
}

/* How many addresses MPTCP takes: nothing lists that, but it is asked for. */
REFUSE(mptcp_limits, OWN)
{
	int family = generic_id("mptcp_pm", NULL), fd;
	uint32_t limit = 3;
	struct generic answer;

	if (!family)
		not_here();
	switch_lo(true);
	fd = generic_socket();
	generic_ask(fd, family, MPTCP_PM_CMD_SET_LIMITS, NLM_F_ACK, MPTCP_PM_ATTR_RCV_ADD_ADDRS,
		    &limit, sizeof(limit));
	CHECK_EQ(0, generic_answer(fd, &answer));
	CHECK_SYS(close(fd));
	expect("limits of MPTCP of its own");
}

/* It has a number for a namespace that no task is in. */
REFUSE(number_for_outside, OWN)
{
	int own = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), other;
	struct rtgenmsg header = { .rtgen_family = AF_UNSPEC };
	struct rt rt;

	switch_lo(true);
	CHECK_SYS(unshare(CLONE_NEWNET));
	other = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	CHECK_SYS(setns(own, CLONE_NEWNET));
	CHECK_SYS(close(own));
	rt_begin(&rt, RTM_NEWNSID, 0, &header, sizeof(header));
	rt_add_u32(&rt, NETNSA_FD, other);
	rt_add_u32(&rt, NETNSA_NSID, 5);
	CHECK_SYS(rt_ask(&rt));
	expect_more();
	expect("numbers for other network namespaces (ip netns set, or a device that went there)");
}

/* When it is switched on again it will have a secret that nobody knows. */
REFUSE(secret_to_be_chosen, OWN)
{
	struct rtattr *spec, *ipv6;
	uint8_t mode = IN6_ADDR_GEN_MODE_RANDOM;
	struct rt rt;

	rt_end(&rt, rt_device(&rt, "d0", 0, "dummy"));
	CHECK_HERE(rt_ask(&rt));
	if (access("/proc/sys/net/ipv6/conf/d0", F_OK))
		not_here();
	rt_switch("d0", true);
	rt_change(&rt, RTM_SETLINK, "d0");
	spec = rt_nest(&rt, IFLA_AF_SPEC);
	ipv6 = rt_nest(&rt, AF_INET6);
	rt_add(&rt, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	rt_end(&rt, ipv6);
	rt_end(&rt, spec);
	CHECK_SYS(rt_ask(&rt));
	expect_refusal(getpid(), UNSUPPORTED, "its network namespace has the setting /proc/sys/"
		       "net/ipv6/conf/d0/stable_secret, which depends on others: remove that, or "
		       "leave what is in it outside (CHECKPOINT_NET_OUTSIDE, --net-outside)");
	ckpt_ready_wait();
}

static int in_another(void *arg)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK(if_nametoindex("m0"), "there is no device m0");
	return 0;
}

/* A device of another namespace of the tree stands on one of that of the root. */
REFUSE(stands_elsewhere, OWN)
{
	pid_t kid = ckpt_fork(in_another, NULL);
	struct rtattr *info;
	struct rt rt;

	ckpt_step_wait(0, 1);
	info = rt_device(&rt, "d0", 0, "dummy");
	rt_end(&rt, info);
	CHECK_HERE(rt_ask(&rt));
	info = rt_device(&rt, "m0", 0, "macvlan");
	rt_end(&rt, info);
	rt_add_u32(&rt, IFLA_LINK, if_nametoindex("d0"));
	rt_add_u32(&rt, IFLA_NET_NS_PID, kid);
	CHECK_HERE(rt_ask(&rt));
	/* And that of the root has a device that something stands on. */
	expect_more();
	expect_refusal(kid, UNSUPPORTED, "its network namespace has the device m0, which leads to "
		       "another network namespace: remove that");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* It has stayed open when the task went elsewhere. */
REFUSE(socket_of_another)
{
	int own = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), fd[2];

	CHECK_SYS(unshare(CLONE_NEWNET));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	CHECK_SYS(setns(own, CLONE_NEWNET));
	CHECK_SYS(close(own));
	EXPECT_FD(fd[0], "*", "is of another network namespace than the task: have it closed");
	EXPECT_FD(fd[1], "*", "is of another network namespace than the task: have it closed");
	ckpt_ready_wait();
	CHECK_EQ(1, write(fd[0], "x", 1));
}

TEST_HARNESS_MAIN
