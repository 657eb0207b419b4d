/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a network namespace of everything.h does with packets: tunnels, a nexthop, a queueing discipline
 * with a class, a filter, rules of nftables, a tracked connection. All of it is of a device d0 that has
 * the address 10.77.0.1. Kinds that the kernel has not are left out.
 */
#ifndef CKPT_TEST_EVERYTHING_TRAFFIC_H
#define CKPT_TEST_EVERYTHING_TRAFFIC_H

#include "everything_steps.h"

static struct {
	bool gre, vxlan, queue, clsact, filter, rules, tracked;
	/* What netlink has told of the queue, its class, and the filter. */
	uint64_t told[3];
} e_traffic;

static bool e_has_tunnel;

/* Before tunnels.h. */
#define TUNNEL_NOT_HERE()	(e_has_tunnel = false)

#include "conntrack.h"
#include "tc.h"
#include "tunnels.h"

#define E_HANDLE(major, minor)	((major) << 16 | (minor))
#define E_CLSACT	(TC_H_CLSACT & TC_H_MAJ_MASK)
#define E_EGRESS	TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
/* The port whose datagrams the rules drop, and one whose they don't. */
#define E_DROPPED	4712
#define E_TAKEN		4713
#define E_NEXTHOP	7

/* ---- tunnels -------------------------------------------------------------- */

static void e_set_up_tunnels(void)
{
	e_has_tunnel = true;
	MAKE_TUNNEL("g0", 31, "gre", IP4(IFLA_GRE_LOCAL, 0, 1), IP4(IFLA_GRE_REMOTE, 0, 9),
		    U16(IFLA_GRE_IFLAGS, htons(0x2000)), U32(IFLA_GRE_IKEY, htonl(7)));
	e_traffic.gre = e_has_tunnel;
	e_has_tunnel = true;
	MAKE_TUNNEL("x0", 32, "vxlan", U32(IFLA_VXLAN_ID, 77), U16(IFLA_VXLAN_PORT, htons(4789)),
		    IP4(IFLA_VXLAN_LOCAL, 0, 1));
	e_traffic.vxlan = e_has_tunnel;
}

static void e_check_tunnels(void)
{
	CHECK_EQ(e_traffic.gre ? 31u : 0u, if_nametoindex("g0"));
	CHECK_EQ(e_traffic.vxlan ? 32u : 0u, if_nametoindex("x0"));
	if (e_traffic.gre)
		CHECK_EQ(htonl(7), rt_detail("g0", IFLA_INFO_DATA, IFLA_GRE_IKEY, 4));
	if (e_traffic.vxlan)
		CHECK_EQ(77u, rt_detail("x0", IFLA_INFO_DATA, IFLA_VXLAN_ID, 4));
}

/* ---- a nexthop ------------------------------------------------------------ */

static void e_set_up_nexthop(void)
{
	struct nhmsg hop = { .nh_family = AF_INET, .nh_protocol = 99 };
	struct rtmsg route = {
		.rtm_family = AF_INET, .rtm_dst_len = 24, .rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST, .rtm_table = RT_TABLE_MAIN,
	};
	char address[16];
	struct rt rt;

	rt_begin(&rt, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, &hop, sizeof(hop));
	rt_add_u32(&rt, NHA_ID, E_NEXTHOP);
	rt_add(&rt, NHA_GATEWAY, address, rt_parse("10.77.0.254", address));
	rt_add_u32(&rt, NHA_OIF, if_nametoindex("d0"));
	CHECK_SYS(rt_ask(&rt));
	rt_begin(&rt, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof(route));
	rt_add(&rt, RTA_DST, address, rt_parse("192.0.2.0", address));
	rt_add_u32(&rt, RTA_NH_ID, E_NEXTHOP);
	CHECK_SYS(rt_ask(&rt));
}

static void e_check_nexthop(void)
{
	struct nhmsg hop = { .nh_family = AF_UNSPEC };
	struct rt rt;

	CHECK_EQ((int)if_nametoindex("d0"), rt_way("192.0.2.1", 0));
	/* The route is by it: it goes with it. */
	rt_begin(&rt, RTM_DELNEXTHOP, 0, &hop, sizeof(hop));
	rt_add_u32(&rt, NHA_ID, E_NEXTHOP);
	CHECK_SYS(rt_ask(&rt));
	CHECK_EQ(-1, rt_way("192.0.2.1", 0));
}

/* ---- queues and filters ---------------------------------------------------- */

/* What netlink tells of what hangs there, as a number; of queues how many: they count packets. */
static uint64_t e_told(int type, unsigned int parent)
{
	struct tc_list *list = mmap(NULL, sizeof(*list), PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t sum = 0xcbf29ce484222325;
	int i, at;

	CHECK(list != MAP_FAILED, "mmap: %s", strerror(errno));
	tc_read(type, if_nametoindex("d0"), parent, list);
	CHECK(list->count, "nothing hangs on %x of d0", parent);
	if (type == RTM_GETQDISC)
		sum = list->count;
	for (i = 0; i < list->count && type != RTM_GETQDISC; i++) {
		for (at = 0; at < list->items[i].len; at++)
			sum = (sum ^ list->items[i].bytes[at]) * 0x100000001b3;
	}
	CHECK_SYS(munmap(list, sizeof(*list)));
	return sum;
}

static void e_tell(uint64_t *told)
{
	if (e_traffic.queue || e_traffic.clsact)
		told[0] = e_told(RTM_GETQDISC, 0);
	if (e_traffic.queue)
		told[1] = e_told(RTM_GETTCLASS, E_HANDLE(1, 0));
	if (e_traffic.filter)
		told[2] = e_told(RTM_GETTFILTER, E_EGRESS);
}

/* What is missing in the kernel is left out. */
static bool e_has(int result)
{
	CHECK(!result || errno == ENOENT || errno == EOPNOTSUPP, "%s", strerror(errno));
	return !result;
}

static void e_set_up_queues(void)
{
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = 0x20 };
	struct tc_htb_opt opt = {
		.rate.rate = 125000, .ceil.rate = 250000, .buffer = 123457, .cbuffer = 76543,
	};
	struct tc_gact parms = { .index = 5, .action = TC_ACT_OK };
	int index = if_nametoindex("d0");
	struct rtattr *options, *list;
	struct rt rt;

	tc_begin(&rt, RTM_NEWQDISC, index, TC_H_ROOT, E_HANDLE(1, 0), 0, "htb");
	options = rt_nest(&rt, TCA_OPTIONS);
	rt_add(&rt, TCA_HTB_INIT, &glob, sizeof(glob));
	rt_end(&rt, options);
	e_traffic.queue = e_has(rt_ask(&rt));
	if (e_traffic.queue) {
		tc_begin(&rt, RTM_NEWTCLASS, index, TC_H_ROOT, E_HANDLE(1, 0x20), 0, "htb");
		options = rt_nest(&rt, TCA_OPTIONS);
		rt_add(&rt, TCA_HTB_PARMS, &opt, sizeof(opt));
		rt_end(&rt, options);
		CHECK_SYS(rt_ask(&rt));
	}
	e_traffic.clsact = e_has(tc_queue(index, TC_H_CLSACT, E_CLSACT, "clsact", NULL, 0));
	if (e_traffic.clsact) {
		options = tc_filter(&rt, index, E_EGRESS, 0, 1, ETH_P_ALL, "matchall");
		list = rt_nest(&rt, TCA_MATCHALL_ACT);
		tc_action(&rt, 1, "gact", TCA_GACT_PARMS, &parms, sizeof(parms));
		rt_end(&rt, list);
		rt_end(&rt, options);
		e_traffic.filter = e_has(rt_ask(&rt));
	}
	e_tell(e_traffic.told);
}

static void e_check_queues(void)
{
	uint64_t now[3] = { 0 };
	int i;

	e_tell(now);
	for (i = 0; i < 3; i++)
		CHECK_EQ(e_traffic.told[i], now[i]);
}

/* ---- rules and connections -------------------------------------------------- */

/* A rule of a chain that sees what comes in: datagrams to a port are dropped. */
static void e_set_up_rules(void)
{
	struct rtattr *hook, *list;
	struct batch batch = { .count = 0 };
	uint16_t port = htons(E_DROPPED);
	struct rt *rt;

	table(&batch, "e");
	rt = nf_begin(&batch, NFT_MSG_NEWCHAIN, 0);
	rt_add_text(rt, NFTA_CHAIN_TABLE, "e");
	rt_add_text(rt, NFTA_CHAIN_NAME, "in");
	hook = rt_nest(rt, NFTA_CHAIN_HOOK);
	nf_number(rt, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_IN);
	nf_number(rt, NFTA_HOOK_PRIORITY, 0);
	rt_end(rt, hook);
	rt_add_text(rt, NFTA_CHAIN_TYPE, "filter");
	nf_number(rt, NFTA_CHAIN_POLICY, NF_ACCEPT);
	rt = nf_begin(&batch, NFT_MSG_NEWRULE, NLM_F_APPEND);
	rt_add_text(rt, NFTA_RULE_TABLE, "e");
	rt_add_text(rt, NFTA_RULE_CHAIN, "in");
	list = rt_nest(rt, NFTA_RULE_EXPRESSIONS);
	load_port(rt);
	is_value(rt, &port, sizeof(port));
	drop(rt);
	rt_end(rt, list);
	/* No part of nftables is needed for all the rest. */
	e_traffic.rules = !nf_send(&batch);
}

static int e_receiver(int port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	CHECK_SYS(bind(fd, (struct sockaddr *)&in, sizeof(in)));
	return fd;
}

static void e_send_datagram(int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	CHECK_EQ(1, sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
	CHECK_SYS(close(fd));
}

static void e_check_rules(void)
{
	int dropped = e_receiver(E_DROPPED), taken = e_receiver(E_TAKEN);
	char c;

	e_send_datagram(E_DROPPED);
	e_send_datagram(E_TAKEN);
	CHECK_EQ(1, recv(taken, &c, 1, 0));
	CHECK_EQ(e_traffic.rules ? -1 : 1, recv(dropped, &c, 1, MSG_DONTWAIT));
	CHECK_SYS(close(dropped));
	CHECK_SYS(close(taken));
}

static void e_set_up_tracked(void)
{
	static const struct flow flow = { "10.77.0.1", "10.77.0.3", IPPROTO_UDP, 1001, 53 };
	struct rt rt;

	connection(&rt, &flow, IPS_SEEN_REPLY);
	nf_number(&rt, CTA_MARK, 0x77);
	e_traffic.tracked = !ct_ask(&rt);
}

static void e_check_tracked(void)
{
	static struct list list;
	const struct rtattr *mark;

	if (!e_traffic.tracked)
		return;
	list_all(&list, CONNECTIONS);
	CHECK_EQ(1, list.count);
	mark = attribute(list.one[0], CTA_MARK);
	CHECK(mark && be32toh(*(const uint32_t *)RTA_DATA(mark)) == 0x77, "it has another mark");
}

/* ---------------------------------------------------------------------------- */

static void e_set_up_traffic(void)
{
	e_set_up_tunnels();
	e_set_up_nexthop();
	e_set_up_queues();
	e_set_up_rules();
	e_set_up_tracked();
}

static void e_check_traffic(void)
{
	e_check_tunnels();
	e_check_queues();
	e_check_nexthop();
	e_check_tracked();
	e_check_rules();
}

#endif
