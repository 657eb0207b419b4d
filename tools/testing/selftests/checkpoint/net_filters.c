// SPDX-License-Identifier: GPL-2.0
/*
 * Filters of queueing disciplines and classes, with their actions: priorities, protocols, chains,
 * handles and tables, and actions that several filters have.  What they do to packets is as before.
 */
#include "tc_filters.h"

/* How often the first action of the filter with this priority was used, and whether it has this one. */
static unsigned long long packets(int index, unsigned int parent, unsigned int prio)
{
	struct tcmsg header = {
		.tcm_ifindex = index, .tcm_parent = parent, .tcm_handle = 1,
		.tcm_info = TC_H_MAKE(prio << 16, htons(ETH_P_ALL)),
	};
	const struct rtattr *attr, *list, *one, *stats;
	struct gnet_stats_basic basic;
	int n, m, k, j;
	struct rt rt;

	rt_begin(&rt, RTM_GETTFILTER, 0, &header, sizeof(header));
	rt_add_text(&rt, TCA_KIND, "matchall");
	CHECK_SYS(rt_ask(&rt));
	n = NLMSG_PAYLOAD(&rt.nlh, sizeof(header));
	attr = (const void *)((const char *)NLMSG_DATA(&rt.nlh) + sizeof(header));
	for (; RTA_OK(attr, n); attr = RTA_NEXT(attr, n)) {
		if (attr->rta_type != TCA_OPTIONS)
			continue;
		m = RTA_PAYLOAD(attr);
		for (list = RTA_DATA(attr); RTA_OK(list, m); list = RTA_NEXT(list, m)) {
			if (list->rta_type != TCA_MATCHALL_ACT)
				continue;
			one = RTA_DATA(list);
			k = RTA_PAYLOAD(one);
			for (one = RTA_DATA(one); RTA_OK(one, k); one = RTA_NEXT(one, k)) {
				if (one->rta_type != TCA_ACT_STATS)
					continue;
				j = RTA_PAYLOAD(one);
				for (stats = RTA_DATA(one); RTA_OK(stats, j);
				     stats = RTA_NEXT(stats, j)) {
					if (stats->rta_type != TCA_STATS_BASIC)
						continue;
					memcpy(&basic, RTA_DATA(stats), sizeof(basic));
					return basic.packets;
				}
			}
		}
	}
	CHECK(false, "the filter has no action that is counted");
	return 0;
}

/* What goes out meets filters of two priorities, and one in a chain; one drops it at last. */
CKPT_CYCLE(drops, OWN)
{
	static const struct place places[] = { { 50, EGRESS }, { 50, INBOUND } };
	unsigned long long before;

	begin_clsact();
	CHECK_SYS(gact(50, EGRESS, 7, 0, 0, TC_ACT_UNSPEC));
	CHECK_SYS(gact(50, EGRESS, 9, 0, 0, TC_ACT_GOTO_CHAIN | 5));
	CHECK_SYS(gact(50, EGRESS, 3, 5, 0, TC_ACT_SHOT));
	CHECK_SYS(gact(50, INBOUND, 1, 0, 0, TC_ACT_OK));
	CHECK(goes(), "a datagram is not dropped");
	stays(places, 2);
	before = packets(50, EGRESS, 7);
	CHECK(goes(), "a datagram is not dropped any more");
	CHECK(packets(50, EGRESS, 7) > before, "the first filter does not see it");
}

/* What one device gets or sends goes to another one; two filters have one action. */
CKPT_CYCLE(mirrored, OWN)
{
	static const struct place places[] = { { 50, EGRESS }, { 51, EGRESS } };
	struct tc_mirred parms = {
		.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = 51,
	};
	struct tc_skbedit edit = { .action = TC_ACT_PIPE };
	struct rtattr *options, *list, *one, *inner;
	unsigned long long before;
	bool redirects;
	struct rt rt;

	tc_device("d0", 50);
	tc_device("d1", 51);
	rt_switch("d0", true);
	rt_switch("d1", true);
	rt_address("d0", "192.0.2.1", 24);
	CHECK_SYS(tc_queue(50, TC_H_CLSACT, CLSACT, "clsact", NULL, 0));
	CHECK_SYS(tc_queue(51, TC_H_CLSACT, CLSACT, "clsact", NULL, 0));
	/* The number of the action is that of both. */
	CHECK_SYS(gact(51, EGRESS, 4, 0, 77, TC_ACT_UNSPEC));
	CHECK_SYS(gact(51, EGRESS, 6, 0, 77, TC_ACT_UNSPEC));
	options = tc_filter(&rt, 50, EGRESS, 0, 2, ETH_P_ALL, "matchall");
	list = rt_nest(&rt, TCA_MATCHALL_ACT);
	one = rt_nest(&rt, 1);
	rt_add_text(&rt, TCA_ACT_KIND, "skbedit");
	rt_add(&rt, TCA_ACT_COOKIE, "cookie", 6);
	inner = rt_nest(&rt, TCA_ACT_OPTIONS);
	rt_add(&rt, TCA_SKBEDIT_PARMS, &edit, sizeof(edit));
	rt_add_u32(&rt, TCA_SKBEDIT_MARK, 0x1234);
	rt_end(&rt, inner);
	rt_end(&rt, one);
	tc_action(&rt, 2, "mirred", TCA_MIRRED_PARMS, &parms, sizeof(parms));
	rt_end(&rt, list);
	rt_end(&rt, options);
	redirects = has(rt_ask(&rt));
	if (!redirects)
		CHECK_SYS(gact(50, EGRESS, 2, 0, 0, TC_ACT_OK));
	stays(places, 2);
	before = packets(51, EGRESS, 4);
	CHECK_EQ(0, goes());
	if (redirects)
		CHECK(packets(51, EGRESS, 4) > before, "nothing gets to the other device");
}

/* Tables of u32: one that leads to another one, and another priority; marks, with a police. */
CKPT_CYCLE(tables, OWN)
{
	static const struct place places[] = { { 50, H(1, 0) }, { 50, H(1, 0x10) } };
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key;
	} match = {
		.sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 },
		.key = { .mask = htonl(0xffff), .val = htonl(0x1234), .off = 12 },
	};
	struct tc_htb_opt opt = { .rate.rate = 125000, .ceil.rate = 125000, .buffer = 20000,
				  .cbuffer = 20000 };
	struct tc_police police = { .action = TC_ACT_SHOT, .burst = 10000, .mtu = 2000,
				    .rate = { .rate = 125000, .cell_log = 3 } };
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = 0x10 };
	unsigned char rates[1024] = { };
	struct rtattr *options, *list, *one, *inner;
	bool has_tables;
	struct rt rt;

	tc_device("d0", 50);
	tc_begin(&rt, RTM_NEWQDISC, 50, TC_H_ROOT, H(1, 0), 0, "htb");
	options = rt_nest(&rt, TCA_OPTIONS);
	rt_add(&rt, TCA_HTB_INIT, &glob, sizeof(glob));
	rt_end(&rt, options);
	if (!has(rt_ask(&rt))) {
		static const struct place root = { 50, EGRESS };

		CHECK_SYS(tc_queue(50, TC_H_CLSACT, CLSACT, "clsact", NULL, 0));
		CHECK_SYS(gact(50, EGRESS, 1, 0, 0, TC_ACT_OK));
		return stays(&root, 1);
	}
	tc_begin(&rt, RTM_NEWTCLASS, 50, H(1, 0), H(1, 0x10), 0, "htb");
	options = rt_nest(&rt, TCA_OPTIONS);
	rt_add(&rt, TCA_HTB_PARMS, &opt, sizeof(opt));
	rt_end(&rt, options);
	CHECK_SYS(rt_ask(&rt));
	/* A priority that comes later, first: so its table has the lower number. */
	options = tc_filter(&rt, 50, H(1, 0), 0, 8, ETH_P_IP, "u32");
	rt_add(&rt, TCA_U32_SEL, &match, sizeof(match));
	rt_add_u32(&rt, TCA_U32_CLASSID, H(1, 0x10));
	rt_end(&rt, options);
	has_tables = has(rt_ask(&rt));
	if (has_tables) {
		options = tc_filter(&rt, 50, H(1, 0), 0x1200000, 4, ETH_P_IP, "u32");
		rt_add_u32(&rt, TCA_U32_DIVISOR, 16);
		rt_end(&rt, options);
		CHECK_SYS(rt_ask(&rt));
		options = tc_filter(&rt, 50, H(1, 0), 0, 4, ETH_P_IP, "u32");
		rt_add_u32(&rt, TCA_U32_HASH, 0x1203000);
		rt_add(&rt, TCA_U32_SEL, &match, sizeof(match));
		rt_add_u32(&rt, TCA_U32_CLASSID, H(1, 0x10));
		rt_end(&rt, options);
		CHECK_SYS(rt_ask(&rt));
		options = tc_filter(&rt, 50, H(1, 0), 0, 4, ETH_P_IP, "u32");
		match.sel.flags = 0;
		rt_add(&rt, TCA_U32_SEL, &match, sizeof(match));
		rt_add_u32(&rt, TCA_U32_LINK, 0x1200000);
		rt_end(&rt, options);
		CHECK_SYS(rt_ask(&rt));
	} else {
		CHECK_SYS(gact(50, H(1, 0), 4, 0, 0, TC_ACT_OK));
	}
	/* At the class. */
	options = tc_filter(&rt, 50, H(1, 0x10), 0x77, 3, ETH_P_ALL, "fw");
	rt_add_u32(&rt, TCA_FW_CLASSID, H(1, 0x10));
	rt_add_u32(&rt, TCA_FW_MASK, 0xff);
	list = rt_nest(&rt, TCA_FW_ACT);
	one = rt_nest(&rt, 1);
	rt_add_text(&rt, TCA_ACT_KIND, "police");
	inner = rt_nest(&rt, TCA_ACT_OPTIONS);
	rt_add(&rt, TCA_POLICE_TBF, &police, sizeof(police));
	rt_add(&rt, TCA_POLICE_RATE, rates, sizeof(rates));
	rt_add_u32(&rt, TCA_POLICE_RESULT, TC_ACT_PIPE);
	rt_end(&rt, inner);
	rt_end(&rt, one);
	rt_end(&rt, list);
	rt_end(&rt, options);
	if (!has(rt_ask(&rt)))
		CHECK_SYS(gact(50, H(1, 0x10), 4, 0, 0, TC_ACT_OK));
	stays(places, 2);
}

/* A filter of flower of this handle: for a protocol above IP, and a port if there is one. */
static int flower(int index, unsigned int handle, unsigned char protocol, int port)
{
	struct tc_gact parms = { .action = TC_ACT_OK };
	unsigned short number = htons(port), type = htons(ETH_P_IP);
	struct rtattr *options, *list;
	struct rt rt;

	options = tc_filter(&rt, index, EGRESS, handle, 1, ETH_P_IP, "flower");
	rt_add(&rt, TCA_FLOWER_KEY_ETH_TYPE, &type, sizeof(type));
	rt_add(&rt, TCA_FLOWER_KEY_IP_PROTO, &protocol, 1);
	if (port)
		rt_add(&rt, TCA_FLOWER_KEY_UDP_DST, &number, sizeof(number));
	list = rt_nest(&rt, TCA_FLOWER_ACT);
	tc_action(&rt, 1, "gact", TCA_GACT_PARMS, &parms, sizeof(parms));
	rt_end(&rt, list);
	rt_end(&rt, options);
	return rt_ask(&rt);
}

/* Keys of flower, with two masks, and on a queueing discipline that has no handle. */
CKPT_CYCLE(keys, OWN)
{
	static const struct place places[] = { { 50, EGRESS } };

	tc_device("d0", 50);
	CHECK_SYS(tc_queue(50, TC_H_CLSACT, CLSACT, "clsact", NULL, 0));
	if (has(flower(50, 1, IPPROTO_UDP, 53))) {
		CHECK_SYS(flower(50, 2, IPPROTO_UDP, 67));
		CHECK_SYS(flower(50, 9, IPPROTO_TCP, 0));
	} else {
		CHECK_SYS(gact(50, EGRESS, 4, 0, 0, TC_ACT_OK));
	}
	stays(places, 1);
}

TEST_HARNESS_MAIN
