// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds of filters beside those of net_filters.c: basic, cgroup, route, flow, bpf with classic BPF, with
 * matches (ematch), and in the order in which they are tried; marks of u32; tables of u32 of one priority at
 * two places and in two chains, and priorities without a filter. What they do to packets is as before.
 */
#include "tc_filters.h"

#include <linux/filter.h>
#include <linux/tc_ematch/tc_em_cmp.h>
#include <linux/tc_ematch/tc_em_meta.h>
#include <linux/tc_ematch/tc_em_nbyte.h>
#include <linux/tc_ematch/tc_em_text.h>

/* Begins a filter of a kind for packets of IPv4. */
static struct rtattr *begin(struct rt *rt, unsigned int parent, unsigned int handle,
			    unsigned int prio, unsigned int chain, const char *kind)
{
	tc_begin(rt, RTM_NEWTFILTER, 50, parent, handle, TC_H_MAKE(prio << 16, htons(ETH_P_IP)),
		 kind);
	if (chain)
		rt_add_u32(rt, TCA_CHAIN, chain);
	return rt_nest(rt, TCA_OPTIONS);
}

/* Ends one with an action of gact, as its attribute @type. The test is skipped if there is no such kind. */
static void end(struct rt *rt, struct rtattr *options, int type, int does)
{
	struct tc_gact parms = { .action = does };
	struct rtattr *list = rt_nest(rt, type);

	tc_action(rt, 1, "gact", TCA_GACT_PARMS, &parms, sizeof(parms));
	rt_end(rt, list);
	rt_end(rt, options);
	if (!has(rt_ask(rt)))
		ckpt_not_here();
}

/* Begins matches, of which there are @count, as the attribute @type; returns their list. */
static struct rtattr *begin_matches(struct rt *rt, int type, int count, struct rtattr **tree)
{
	struct tcf_ematch_tree_hdr header = { .nmatches = count, .progid = TCF_EM_PROG_TC };

	*tree = rt_nest(rt, type);
	rt_add(rt, TCA_EMATCH_TREE_HDR, &header, sizeof(header));
	return rt_nest(rt, TCA_EMATCH_TREE_LIST);
}

/* Adds the match with this number: what it has, and what it looks for, if that is not all. */
static void add_match(struct rt *rt, int number, int kind, int flags, const void *has, size_t len,
		      const void *pattern, size_t more)
{
	struct tcf_ematch_hdr header = { .matchid = number, .kind = kind, .flags = flags };
	char bytes[128];

	CHECK(sizeof(header) + len + more <= sizeof(bytes), "a match is too long");
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), has, len);
	if (more)
		memcpy(bytes + sizeof(header) + len, pattern, more);
	rt_add(rt, number, bytes, sizeof(header) + len + more);
}

/* Adds a match for the port that goes() sends to, or another one. */
static void add_port(struct rt *rt, int number, int flags, int port)
{
	struct tcf_em_cmp cmp = {
		.val = port, .off = 2, .align = TCF_EM_ALIGN_U16, .layer = TCF_LAYER_TRANSPORT,
		.opnd = TCF_EM_OPND_EQ,
	};

	add_match(rt, number, TCF_EM_CMP, flags, &cmp, sizeof(cmp), NULL, 0);
}

static const struct place outwards[] = { { 50, EGRESS } };

/* The newest filter of basic is tried first, whatever its number is. */
CKPT_CYCLE(newest_first, OWN)
{
	static const unsigned int handles[] = { 4, 9, 2 };
	struct rtattr *options;
	struct rt rt;
	int i;

	begin_clsact();
	for (i = 0; i < 3; i++) {
		options = begin(&rt, EGRESS, handles[i], 1, 0, "basic");
		if (i == 1)
			rt_add_u32(&rt, TCA_BASIC_CLASSID, H(1, 9));
		end(&rt, options, TCA_BASIC_ACT, i == 2 ? TC_ACT_OK : TC_ACT_SHOT);
	}
	CHECK_EQ(0, goes());
	stays(outwards, 1);
	CHECK_EQ(0, goes());
}

/* The other way round, the oldest one of flow; maps and hashes of keys. */
CKPT_CYCLE(oldest_first, OWN)
{
	struct rtattr *options;
	struct rt rt;

	begin_clsact();
	options = begin(&rt, EGRESS, 9, 1, 0, "flow");
	rt_add_u32(&rt, TCA_FLOW_KEYS, 1 << FLOW_KEY_PROTO);
	rt_add_u32(&rt, TCA_FLOW_MODE, FLOW_MODE_MAP);
	rt_add_u32(&rt, TCA_FLOW_MASK, 0xff);
	rt_add_u32(&rt, TCA_FLOW_XOR, 5);
	rt_add_u32(&rt, TCA_FLOW_RSHIFT, 1);
	rt_add_u32(&rt, TCA_FLOW_ADDEND, 3);
	end(&rt, options, TCA_FLOW_ACT, TC_ACT_OK);
	options = begin(&rt, EGRESS, 4, 1, 0, "flow");
	/* Keys for which the kernel asks whose socket the request is from. */
	rt_add_u32(&rt, TCA_FLOW_KEYS, 1 << FLOW_KEY_SRC | 1 << FLOW_KEY_DST | 1 << FLOW_KEY_PROTO);
	rt_add_u32(&rt, TCA_FLOW_MODE, FLOW_MODE_HASH);
	rt_add_u32(&rt, TCA_FLOW_DIVISOR, 64);
	rt_add_u32(&rt, TCA_FLOW_BASECLASS, H(1, 7));
	rt_add_u32(&rt, TCA_FLOW_PERTURB, 600);
	end(&rt, options, TCA_FLOW_ACT, TC_ACT_SHOT);
	CHECK_EQ(0, goes());
	stays(outwards, 1);
	CHECK_EQ(0, goes());
}

/* Matches of all kinds, held together, one list of them in another one. */
CKPT_CYCLE(matches, OWN)
{
	struct tcf_em_nbyte byte = { .off = 8, .len = 1, .layer = TCF_LAYER_TRANSPORT };
	struct tcf_em_text text = {
		.algo = "kmp", .from_offset = 8, .to_offset = 9, .pattern_len = 1,
		.from_layer = TCF_LAYER_TRANSPORT, .to_layer = TCF_LAYER_TRANSPORT,
	};
	struct tc_u32_key key = { .mask = 0xffffffff, .val = htonl(0xc0000209), .off = 12 };
	struct {
		struct rtattr attr;
		struct tcf_meta_hdr hdr;
		struct rtattr value_attr;
		unsigned int value;
	} meta = {
		.attr = { .rta_len = RTA_LENGTH(8), .rta_type = TCA_EM_META_HDR },
		.hdr.left = { .kind = TCF_META_TYPE_INT << 12 | TCF_META_ID_PROTOCOL,
			      .op = TCF_EM_OPND_EQ },
		.hdr.right.kind = TCF_META_TYPE_INT << 12 | TCF_META_ID_VALUE,
		.value_attr = { .rta_len = RTA_LENGTH(4), .rta_type = TCA_EM_META_RVALUE },
		.value = htons(ETH_P_IP),
	};
	struct rtattr *options, *tree, *list;
	unsigned int inner = 3;
	struct rt rt;

	begin_clsact();
	options = begin(&rt, EGRESS, 1, 1, 0, "basic");
	list = begin_matches(&rt, TCA_BASIC_EMATCHES, 6, &tree);
	add_port(&rt, 1, TCF_EM_REL_AND, 9);
	add_match(&rt, 2, TCF_EM_CONTAINER, TCF_EM_REL_AND, &inner, sizeof(inner), NULL, 0);
	add_match(&rt, 3, TCF_EM_META, TCF_EM_REL_END, &meta, sizeof(meta), NULL, 0);
	add_match(&rt, 4, TCF_EM_NBYTE, TCF_EM_REL_OR, &byte, sizeof(byte), "y", 1);
	/* What comes after a pattern that is not of four bytes is told, too. */
	add_match(&rt, 5, TCF_EM_TEXT, TCF_EM_REL_AND, &text, sizeof(text), "x", 1);
	add_match(&rt, 6, TCF_EM_U32, TCF_EM_REL_END | TCF_EM_INVERT, &key, sizeof(key), NULL, 0);
	rt_end(&rt, list);
	rt_end(&rt, tree);
	end(&rt, options, TCA_BASIC_ACT, TC_ACT_SHOT);
	/* Of another port, which is not dropped by this. */
	options = begin(&rt, EGRESS, 2, 1, 0, "basic");
	list = begin_matches(&rt, TCA_BASIC_EMATCHES, 1, &tree);
	add_port(&rt, 1, TCF_EM_REL_END, 99);
	rt_end(&rt, list);
	rt_end(&rt, tree);
	end(&rt, options, TCA_BASIC_ACT, TC_ACT_OK);
	CHECK(goes(), "a datagram is not dropped");
	stays(outwards, 1);
	CHECK(goes(), "a datagram is not dropped any more");
	CHECK_SYS(gact(50, EGRESS, 9, 0, 0, TC_ACT_OK));
	CHECK_SYS(tc_take_away(50, EGRESS, 1, 1, ETH_P_IP, "basic"));
	CHECK_EQ(0, goes());
}

/* By the class of a cgroup, which no task of the test has, with a match. */
CKPT_CYCLE(cgroups, OWN)
{
	struct rtattr *options, *tree, *list;
	struct rt rt;

	begin_clsact();
	options = begin(&rt, EGRESS, 1, 1, 0, "cgroup");
	list = begin_matches(&rt, TCA_CGROUP_EMATCHES, 1, &tree);
	add_port(&rt, 1, TCF_EM_REL_END, 9);
	rt_end(&rt, list);
	rt_end(&rt, tree);
	end(&rt, options, TCA_CGROUP_ACT, TC_ACT_SHOT);
	options = begin(&rt, EGRESS, 5, 2, 0, "cgroup");
	end(&rt, options, TCA_CGROUP_ACT, TC_ACT_OK);
	CHECK_EQ(0, goes());
	stays(outwards, 1);
	CHECK_EQ(0, goes());
}

/* By realms of routes, and devices; most packets have no realm. */
CKPT_CYCLE(realms, OWN)
{
	struct rtattr *options;
	struct rt rt;

	begin_clsact();
	options = begin(&rt, EGRESS, 0x00070005, 1, 0, "route");
	rt_add_u32(&rt, TCA_ROUTE4_TO, 5);
	rt_add_u32(&rt, TCA_ROUTE4_FROM, 7);
	end(&rt, options, TCA_ROUTE4_ACT, TC_ACT_OK);
	options = begin(&rt, EGRESS, 0x80328000, 1, 0, "route");
	rt_add_u32(&rt, TCA_ROUTE4_IIF, 50);
	rt_add_u32(&rt, TCA_ROUTE4_CLASSID, H(1, 3));
	end(&rt, options, TCA_ROUTE4_ACT, TC_ACT_OK);
	options = begin(&rt, EGRESS, 0xffff0100, 1, 0, "route");
	rt_add_u32(&rt, TCA_ROUTE4_TO, 0);
	end(&rt, options, TCA_ROUTE4_ACT, TC_ACT_SHOT);
	CHECK(goes(), "a datagram is not dropped");
	stays(outwards, 1);
	CHECK(goes(), "a datagram is not dropped any more");
}

/* Classic BPF: what is long, which is dropped, and all. */
CKPT_CYCLE(classic, OWN)
{
	static const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1000, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	unsigned short len = 4, one = 1;
	struct rtattr *options;
	struct rt rt;

	begin_clsact();
	options = begin(&rt, EGRESS, 3, 1, 0, "bpf");
	rt_add(&rt, TCA_BPF_OPS_LEN, &one, sizeof(one));
	rt_add(&rt, TCA_BPF_OPS, &program[2], sizeof(program[0]));
	rt_add_u32(&rt, TCA_BPF_CLASSID, H(1, 5));
	end(&rt, options, TCA_BPF_ACT, TC_ACT_SHOT);
	CHECK(goes(), "a datagram is not dropped");
	/* Tried before the other one. */
	options = begin(&rt, EGRESS, 7, 1, 0, "bpf");
	rt_add(&rt, TCA_BPF_OPS_LEN, &one, sizeof(one));
	rt_add(&rt, TCA_BPF_OPS, &program[2], sizeof(program[0]));
	end(&rt, options, TCA_BPF_ACT, TC_ACT_OK);
	options = begin(&rt, EGRESS, 1, 1, 0, "bpf");
	rt_add(&rt, TCA_BPF_OPS_LEN, &len, sizeof(len));
	rt_add(&rt, TCA_BPF_OPS, program, sizeof(program));
	end(&rt, options, TCA_BPF_ACT, TC_ACT_SHOT);
	CHECK_EQ(0, goes());
	stays(outwards, 1);
	CHECK_EQ(0, goes());
}

/* Adds a filter of u32 for all, in a table, or in the first one. */
static void all_of(unsigned int parent, unsigned int chain, unsigned int table, int does)
{
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key;
	} match = { .sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 } };
	struct rtattr *options;
	struct rt rt;

	options = begin(&rt, parent, 0, 1, chain, "u32");
	if (table)
		rt_add_u32(&rt, TCA_U32_HASH, table);
	rt_add(&rt, TCA_U32_SEL, &match, sizeof(match));
	end(&rt, options, TCA_U32_ACT, does);
}

/* Marks that u32 looks for. */
CKPT_CYCLE(marks, OWN)
{
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key;
	} match = { .sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 } };
	struct tc_u32_mark mark = { .val = 7, .mask = 0xff };
	struct rtattr *options;
	struct rt rt;

	begin_clsact();
	options = begin(&rt, EGRESS, 0, 1, 0, "u32");
	rt_add(&rt, TCA_U32_SEL, &match, sizeof(match));
	rt_add(&rt, TCA_U32_MARK, &mark, sizeof(mark));
	end(&rt, options, TCA_U32_ACT, TC_ACT_SHOT);
	/* The kernel passes over it, if it was built without. */
	if (goes())
		ckpt_not_here();
	/* How many had it is no part of what stays: so none has it yet. */
	stays(outwards, 1);
	CHECK_EQ(0, goes());
	CHECK(goes_with(0x107), "a datagram with the mark is not dropped");
}

/*
 * Tables of one priority: first ones at both sides of clsact and in a chain, of which netlink tells at
 * each, and one that they share; and first ones without a filter.
 */
CKPT_CYCLE(tables, OWN)
{
	static const struct place places[] = { { 50, EGRESS }, { 50, INBOUND } };
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key;
	} match = { .sel.nkeys = 1 };
	struct rtattr *options;
	struct rt rt;

	begin_clsact();
	all_of(INBOUND, 0, 0, TC_ACT_OK);
	all_of(EGRESS, 5, 0, TC_ACT_SHOT);
	options = begin(&rt, EGRESS, 0x1200000, 1, 0, "u32");
	rt_add_u32(&rt, TCA_U32_DIVISOR, 16);
	rt_end(&rt, options);
	CHECK_SYS(rt_ask(&rt));
	/* One whose number the kernel has chosen, between those of first ones. */
	options = begin(&rt, EGRESS, 0, 1, 0, "u32");
	rt_add_u32(&rt, TCA_U32_DIVISOR, 1);
	rt_end(&rt, options);
	CHECK_SYS(rt_ask(&rt));
	/* What comes next is asked. */
	all_of(EGRESS, 0, 0x1200000, TC_ACT_UNSPEC);
	options = begin(&rt, EGRESS, 0, 1, 0, "u32");
	rt_add(&rt, TCA_U32_SEL, &match, sizeof(match));
	rt_add_u32(&rt, TCA_U32_LINK, 0x1200000);
	rt_end(&rt, options);
	CHECK_SYS(rt_ask(&rt));
	all_of(EGRESS, 0, 0, TC_ACT_GOTO_CHAIN | 5);
	/* Without a filter, in a chain of its own; and fw that takes marks for classes. */
	tc_begin(&rt, RTM_NEWTFILTER, 50, EGRESS, 0, TC_H_MAKE(1 << 16, htons(ETH_P_IP)), "u32");
	rt_add_u32(&rt, TCA_CHAIN, 7);
	CHECK_SYS(rt_ask(&rt));
	tc_begin(&rt, RTM_NEWTFILTER, 50, INBOUND, 0, TC_H_MAKE(9 << 16, htons(ETH_P_IP)), "fw");
	has(rt_ask(&rt));
	CHECK(goes(), "a datagram is not dropped");
	stays(places, 2);
	CHECK(goes(), "a datagram is not dropped any more");
}

TEST_HARNESS_MAIN
