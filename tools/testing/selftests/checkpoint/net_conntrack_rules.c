// SPDX-License-Identifier: GPL-2.0
/*
 * What rules of nftables give to connections that a network namespace of the tasks tracks (timeouts,
 * helpers, what they are to expect), and timeouts with a name; and what is refused of that.
 */
#include "conntrack.h"

#include <linux/netfilter/nfnetlink_cttimeout.h>

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

CKPT_FIXTURE_IF(BEGIN)

/* What goes out is given an object of the type @type, whose description @fill adds. */
static void give_object(int type, void (*fill)(struct rt *rt))
{
	struct batch batch = { .count = 0 };
	struct rtattr *list, *one, *data;
	struct rt *rt;

	table(&batch, "t");
	chain(&batch, "t", "filter", NF_INET_LOCAL_OUT, 0);
	rt = nf_begin(&batch, NFT_MSG_NEWOBJ, 0);
	rt_add_text(rt, NFTA_OBJ_TABLE, "t");
	rt_add_text(rt, NFTA_OBJ_NAME, "given");
	nf_number(rt, NFTA_OBJ_TYPE, type);
	data = rt_nest(rt, NFTA_OBJ_DATA);
	fill(rt);
	rt_end(rt, data);
	rt = rule(&batch, "t", &list);
	one = expression(rt, "objref", &data);
	nf_number(rt, NFTA_OBJREF_IMM_TYPE, type);
	rt_add_text(rt, NFTA_OBJREF_IMM_NAME, "given");
	rt_end(rt, data);
	rt_end(rt, one);
	rt_end(rt, list);
	CHECK_SYS(nf_send(&batch));
}

/* A connection that is given that. */
static void with_object(int type, void (*fill)(struct rt *rt))
{
	int from, to;

	switch_lo(true);
	give_object(type, fill);
	from = bound(4801);
	to = bound(4802);
	say(from, to, 4802);
	CHECK_EQ(1, count_all(CONNECTIONS));
	ckpt_ready_wait();
	say(from, to, 4802);
}

static void timeouts(struct rt *rt)
{
	struct rtattr *data;

	add_u16(rt, NFTA_CT_TIMEOUT_L3PROTO, AF_INET);
	add_u8(rt, NFTA_CT_TIMEOUT_L4PROTO, IPPROTO_UDP);
	data = rt_nest(rt, NFTA_CT_TIMEOUT_DATA);
	nf_number(rt, 1 /* CTA_TIMEOUT_UDP_UNREPLIED */, LONG);
	rt_end(rt, data);
}

/* Few seconds, of which the kernel would give it many. */
static void soon(struct rt *rt)
{
	struct rtattr *data;

	add_u16(rt, NFTA_CT_TIMEOUT_L3PROTO, AF_INET);
	add_u8(rt, NFTA_CT_TIMEOUT_L4PROTO, IPPROTO_UDP);
	data = rt_nest(rt, NFTA_CT_TIMEOUT_DATA);
	nf_number(rt, 1 /* CTA_TIMEOUT_UDP_UNREPLIED */, 5);
	rt_end(rt, data);
}

/* What is sent gets timeouts. */
CKPT_CYCLE(gives_timeouts, OWN)
{
	int from, to;

	switch_lo(true);
	set("nf_conntrack_udp_timeout", "100000");
	give_object(NFT_OBJECT_CT_TIMEOUT, soon);
	ckpt_ready_wait();
	from = bound(4801);
	to = bound(4802);
	say(from, to, 4802);
	CHECK_EQ(1, count_all(CONNECTIONS));
	while (count_all(CONNECTIONS))
		sched_yield();
}

static void tftp(struct rt *rt)
{
	rt_add_text(rt, NFTA_CT_HELPER_NAME, "tftp");
	add_u16(rt, NFTA_CT_HELPER_L3PROTO, AF_INET);
	add_u8(rt, NFTA_CT_HELPER_L4PROTO, IPPROTO_UDP);
}

/* What is sent gets a helper, which has it expect another one. */
CKPT_CYCLE(gives_helper, OWN)
{
	static const char asks[] = "\0\1file\0octet";
	struct sockaddr_in in = on_lo(4802);
	int from;

	switch_lo(true);
	set("nf_conntrack_udp_timeout", "100000");
	give_object(NFT_OBJECT_CT_HELPER, tftp);
	ckpt_ready_wait();
	from = bound(4801);
	CHECK_SYS(bound(4802));
	CHECK_EQ((ssize_t)sizeof(asks),
		 sendto(from, asks, sizeof(asks), 0, (struct sockaddr *)&in, sizeof(in)));
	CHECK_EQ(1, count_all(CONNECTIONS));
	CHECK_EQ(1, count_all(EXPECTATIONS));
}

/* Timeouts with a name are told as before, and can be taken away. */
CKPT_CYCLE(named_timeouts, OWN)
{
	struct rtattr *data;
	struct rt rt;

	switch_lo(true);
	ct_begin(&rt, NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8 | IPCTNL_MSG_TIMEOUT_NEW,
		 NLM_F_CREATE | NLM_F_EXCL, AF_UNSPEC);
	rt_add_text(&rt, CTA_TIMEOUT_NAME, "slow");
	add_u16(&rt, CTA_TIMEOUT_L3PROTO, AF_INET);
	add_u8(&rt, CTA_TIMEOUT_L4PROTO, IPPROTO_UDP);
	data = rt_nest(&rt, CTA_TIMEOUT_DATA);
	nf_number(&rt, CTA_TIMEOUT_UDP_REPLIED, 77);
	rt_end(&rt, data);
	if (ct_ask(&rt)) {
		/* There is no such part of netfilter. */
		CHECK_EQ(EINVAL, errno);
		ckpt_not_here();
	}
	stay(NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8, 1);
	ct_begin(&rt, NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8 | IPCTNL_MSG_TIMEOUT_DELETE, 0, AF_UNSPEC);
	rt_add_text(&rt, CTA_TIMEOUT_NAME, "slow");
	CHECK_SYS(ct_ask(&rt));
}

/* A rule has given it timeouts. */
CKPT_SCENARIO(timed, OWN)
{
	with_object(NFT_OBJECT_CT_TIMEOUT, timeouts);
}

static void expectation(struct rt *rt)
{
	add_u16(rt, NFTA_CT_EXPECT_L3PROTO, AF_INET);
	add_u8(rt, NFTA_CT_EXPECT_L4PROTO, IPPROTO_UDP);
	add_u16(rt, NFTA_CT_EXPECT_DPORT, 4803);
	rt_add_u32(rt, NFTA_CT_EXPECT_TIMEOUT, LONG);
	add_u8(rt, NFTA_CT_EXPECT_SIZE, 1);
}

/* What is sent is expected to lead to another one. */
CKPT_CYCLE(gives_expectation, OWN)
{
	int from, to;

	switch_lo(true);
	set("nf_conntrack_udp_timeout", "100000");
	give_object(NFT_OBJECT_CT_EXPECT, expectation);
	ckpt_ready_wait();
	from = bound(4801);
	to = bound(4802);
	say(from, to, 4802);
	CHECK_EQ(1, count_all(EXPECTATIONS));
}

/* A rule has it expect another one: its helper keeps that for it. */
CKPT_SCENARIO(helped, OWN)
{
	set("nf_conntrack_udp_timeout", "100000");
	with_object(NFT_OBJECT_CT_EXPECT, expectation);
}

TEST_F_TIMEOUT(cr, refused, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	EXPECT_EQ(0, refuse(&timed, "its network namespace has a tracked connection with timeouts of "
			    "its own (ct timeout): remove that"));
	EXPECT_EQ(0, refuse(&helped, "its network namespace has a tracked connection with a helper "
			    "that has read some of it, or is gone: remove that"));
}

TEST_HARNESS_MAIN
