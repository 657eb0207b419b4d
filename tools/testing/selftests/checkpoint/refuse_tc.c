// SPDX-License-Identifier: GPL-2.0
/*
 * Queueing disciplines and filters that are refused: kinds that are not made again, and what the kernel
 * keeps of the others and does not tell.
 */
#include "refuse.h"
#include "tc.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

REFUSE_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET
#define H(major, minor)	((major) << 16 | (minor))

#define CLSACT	(TC_H_CLSACT & TC_H_MAJ_MASK)
#define EGRESS	TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
#define INBOUND	TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)

static void expect(const char *what)
{
	expect_refusal(getpid(), UNSUPPORTED, "its network namespace has %s: remove that, or leave what "
		       "is in it outside (CHECKPOINT_NET_OUTSIDE, --net-outside)", what);
	ckpt_ready_wait();
	CHECK(if_nametoindex("d0"), "there is no device d0");
}

/* What is asked for; the test is skipped if the kernel has no such thing. */
static void ask(struct rt *rt)
{
	if (!rt_ask(rt))
		return;
	CHECK(errno == EOPNOTSUPP || errno == ENOENT, "%s", strerror(errno));
	not_here();
}

/* A device, with clsact if asked for. */
static void device(bool clsact)
{
	struct rt rt;

	rt_end(&rt, rt_device(&rt, "d0", 50, "dummy"));
	CHECK_HERE(rt_ask(&rt));
	if (!clsact)
		return;
	tc_begin(&rt, RTM_NEWQDISC, 50, TC_H_CLSACT, CLSACT, 0, "clsact");
	ask(&rt);
}

/* A kind that is not made again. */
REFUSE(kind, OWN)
{
	struct rt rt;

	device(false);
	tc_begin(&rt, RTM_NEWQDISC, 50, TC_H_ROOT, H(1, 0), 0, "pfifo_fast");
	ask(&rt);
	expect("the device d0 with an address, flag, queue, feature, filter or program that a new "
	       "one does not get");
}

/* Delays by a table, which is not told. */
REFUSE(distribution, OWN)
{
	struct {
		struct tc_netem_qopt opt;
		struct rtattr attr;
		short table[4];
	} options = {
		.opt = { .limit = 1000, .latency = 100, .jitter = 10 },
		.attr = { .rta_len = RTA_LENGTH(8), .rta_type = TCA_NETEM_DELAY_DIST },
		.table = { -1, 0, 1, 2 },
	};
	struct rt rt;

	device(false);
	tc_begin(&rt, RTM_NEWQDISC, 50, TC_H_ROOT, H(1, 0), 0, "netem");
	rt_add(&rt, TCA_OPTIONS, &options, sizeof(options));
	ask(&rt);
	expect("a queueing discipline that keeps what it does not tell (netem with a distribution)");
}

/* What a device sends in a second is estimated: how often, and from how much, is not told. */
REFUSE(estimator, OWN)
{
	struct tc_estimator estimator = { .interval = 0, .ewma_log = 2 };
	struct rt rt;

	device(false);
	tc_begin(&rt, RTM_NEWQDISC, 50, TC_H_ROOT, H(1, 0), 0, "pfifo");
	rt_add(&rt, TCA_RATE, &estimator, sizeof(estimator));
	ask(&rt);
	expect("estimators of rates (tc estimator)");
}

/* The same of an action. */
REFUSE(estimator_of_action, OWN)
{
	struct tc_estimator estimator = { .interval = 0, .ewma_log = 2 };
	struct tc_gact parms = { .action = TC_ACT_OK };
	struct rtattr *options, *list;
	struct rt rt;

	device(true);
	options = tc_filter(&rt, 50, EGRESS, 0, 1, ETH_P_ALL, "matchall");
	list = rt_nest(&rt, TCA_MATCHALL_ACT);
	tc_action(&rt, 1, "gact", TCA_GACT_PARMS, &parms, sizeof(parms));
	rt_end(&rt, list);
	rt_end(&rt, options);
	rt_add(&rt, TCA_RATE, &estimator, sizeof(estimator));
	ask(&rt);
	expect("estimators of rates (tc estimator)");
}

/* The same of a police that a filter has by itself. */
REFUSE(estimator_of_police, OWN)
{
	struct tc_estimator estimator = { .interval = 0, .ewma_log = 2 };
	struct tc_police police = { .action = TC_ACT_SHOT, .burst = 10000, .mtu = 2000 };
	struct rtattr *options, *inner;
	struct rt rt;

	device(true);
	options = tc_filter(&rt, 50, EGRESS, 7, 1, ETH_P_ALL, "fw");
	inner = rt_nest(&rt, TCA_FW_POLICE);
	rt_add(&rt, TCA_POLICE_TBF, &police, sizeof(police));
	rt_end(&rt, inner);
	rt_end(&rt, options);
	rt_add(&rt, TCA_RATE, &estimator, sizeof(estimator));
	ask(&rt);
	expect("actions of tc of its own");
}

/* Packets count as what a table says, of which only the size is told. */
REFUSE(size_table, OWN)
{
	struct tc_sizespec base = { .cell_log = 4, .mtu = 2047, .tsize = 2 };
	unsigned short table[2] = { 53, 106 };
	struct rtattr *stab;
	struct rt rt;

	device(false);
	tc_begin(&rt, RTM_NEWQDISC, 50, TC_H_ROOT, H(1, 0), 0, "pfifo");
	stab = rt_nest(&rt, TCA_STAB);
	rt_add(&rt, TCA_STAB_BASE, &base, sizeof(base));
	rt_add(&rt, TCA_STAB_DATA, table, sizeof(table));
	rt_end(&rt, stab);
	ask(&rt);
	expect("size tables of queueing disciplines (tc stab)");
}

/* Filters that several devices may have. */
REFUSE(shared_block, OWN)
{
	struct rt rt;

	device(false);
	tc_begin(&rt, RTM_NEWQDISC, 50, TC_H_CLSACT, CLSACT, 0, "clsact");
	rt_add_u32(&rt, TCA_EGRESS_BLOCK, 22);
	ask(&rt);
	expect("blocks of filters that several may share (tc block)");
}

/* A chain that stays when its filters go. */
REFUSE(chain, OWN)
{
	struct tcmsg header = { .tcm_ifindex = 50, .tcm_parent = EGRESS };
	struct rt rt;

	device(true);
	rt_begin(&rt, RTM_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_u32(&rt, TCA_CHAIN, 3);
	ask(&rt);
	expect("chains of filters that were made by themselves (tc chain)");
}

/* A filter that is a program. */
REFUSE(program, OWN)
{
	struct bpf_insn steps[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS, .insn_cnt = 2,
		.insns = (uintptr_t)steps, .license = (uintptr_t)"GPL",
	};
	struct rtattr *options;
	struct rt rt;
	int fd;

	device(true);
	fd = CHECK_HERE(syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
	options = tc_filter(&rt, 50, EGRESS, 0, 1, ETH_P_ALL, "bpf");
	rt_add_u32(&rt, TCA_BPF_FD, fd);
	rt_end(&rt, options);
	ask(&rt);
	CHECK_SYS(close(fd));
	expect("filters that are programs (tc filter bpf)");
}

/* A match by what others have made: frames of CAN, which no network of the test has. */
REFUSE(match, OWN)
{
	struct tcf_ematch_tree_hdr header = { .nmatches = 1 };
	struct {
		struct tcf_ematch_hdr match;
		unsigned int id, mask;
	} can = { .match.kind = TCF_EM_CANID, .id = 1, .mask = 1 };
	struct rtattr *options, *tree, *list;
	struct rt rt;

	device(true);
	options = tc_filter(&rt, 50, EGRESS, 0, 1, ETH_P_ALL, "basic");
	tree = rt_nest(&rt, TCA_BASIC_EMATCHES);
	rt_add(&rt, TCA_EMATCH_TREE_HDR, &header, sizeof(header));
	list = rt_nest(&rt, TCA_EMATCH_TREE_LIST);
	rt_add(&rt, 1, &can, sizeof(can));
	rt_end(&rt, list);
	rt_end(&rt, tree);
	rt_end(&rt, options);
	ask(&rt);
	expect("filters that match by sets, iptables or CAN (tc ematch)");
}

/* A filter for all at each side of clsact: both have an action that leads to a chain. */
static void both_lead(void)
{
	static const unsigned int places[] = { INBOUND, EGRESS };
	struct tc_gact parms = { .index = 5, .action = TC_ACT_GOTO_CHAIN | 3 };
	struct rtattr *options, *list;
	unsigned int i;
	struct rt rt;

	device(true);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		options = tc_filter(&rt, 50, places[i], 0, 1, ETH_P_ALL, "matchall");
		list = rt_nest(&rt, TCA_MATCHALL_ACT);
		tc_action(&rt, 1, "gact", TCA_GACT_PARMS, &parms, sizeof(parms));
		rt_end(&rt, list);
		rt_end(&rt, options);
		ask(&rt);
	}
}

/* To that of which of the two is not told. */
REFUSE(chain_of_two, OWN)
{
	both_lead();
	expect("actions of several filters that lead to a chain (goto chain)");
}

/* It leads to that of the first one, which is gone: of the other one it would lead elsewhere. */
REFUSE(chain_of_first, OWN)
{
	static struct tc_list before, now;

	both_lead();
	tc_read(RTM_GETTFILTER, 50, EGRESS, &before);
	CHECK_SYS(tc_take_away(50, INBOUND, 0, 1, ETH_P_ALL, "matchall"));
	/* Only after a while it counts one filter less. */
	do {
		sched_yield();
		tc_read(RTM_GETTFILTER, 50, EGRESS, &now);
	} while (!memcmp(&before, &now, sizeof(now)));
	expect("filters of tc that lead to a chain of another place (goto chain) of its own");
}

/* An action that nobody has used yet, or that stays when its filter goes. */
REFUSE(action, OWN)
{
	struct tc_gact parms = { .index = 5, .action = TC_ACT_SHOT };
	struct tcamsg header = { .tca_family = AF_UNSPEC };
	struct rtattr *list;
	struct rt rt;

	device(true);
	rt_begin(&rt, RTM_NEWACTION, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	list = rt_nest(&rt, TCA_ACT_TAB);
	tc_action(&rt, 1, "gact", TCA_GACT_PARMS, &parms, sizeof(parms));
	rt_end(&rt, list);
	ask(&rt);
	expect("actions of tc of its own");
}

/* Which of two masks is tried first can't be seen by the handles of the filters. */
REFUSE(masks, OWN)
{
	unsigned short type = htons(ETH_P_IP), port = htons(53);
	unsigned char protocol = IPPROTO_UDP;
	struct rtattr *options;
	struct rt rt;
	int handle;

	device(true);
	for (handle = 2; handle; handle--) {
		options = tc_filter(&rt, 50, EGRESS, handle, 1, ETH_P_IP, "flower");
		rt_add(&rt, TCA_FLOWER_KEY_ETH_TYPE, &type, sizeof(type));
		rt_add(&rt, TCA_FLOWER_KEY_IP_PROTO, &protocol, 1);
		if (handle == 2)
			rt_add(&rt, TCA_FLOWER_KEY_UDP_DST, &port, sizeof(port));
		rt_end(&rt, options);
		ask(&rt);
	}
	expect("filters of tc of its own");
}

/* A filter of u32 for all, in the first table of a priority or in another one, with an action of gact. */
static void all_of(unsigned int parent, unsigned int prio, unsigned int table, int does)
{
	struct tc_gact parms = { .action = does };
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key;
	} match = {
		.sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 },
	};
	struct rtattr *options, *list;
	struct rt rt;

	options = tc_filter(&rt, 50, parent, 0, prio, ETH_P_IP, "u32");
	if (table)
		rt_add_u32(&rt, TCA_U32_HASH, table);
	rt_add(&rt, TCA_U32_SEL, &match, sizeof(match));
	list = rt_nest(&rt, TCA_U32_ACT);
	tc_action(&rt, 1, "gact", TCA_GACT_PARMS, &parms, sizeof(parms));
	rt_end(&rt, list);
	rt_end(&rt, options);
	ask(&rt);
}

/* The first of two tables is gone, and a new one would have its number. */
REFUSE(tables, OWN)
{
	device(true);
	all_of(EGRESS, 1, 0, TC_ACT_OK);
	all_of(EGRESS, 2, 0, TC_ACT_OK);
	CHECK_SYS(tc_take_away(50, EGRESS, 0, 1, ETH_P_IP, "u32"));
	expect("filters of tc of its own");
}

/* Two places have a table, and it is not told of which of them the chain is that it leads to. */
REFUSE(chain_of_table, OWN)
{
	struct rtattr *options;
	struct rt rt;

	device(true);
	all_of(INBOUND, 1, 0, TC_ACT_OK);
	options = tc_filter(&rt, 50, EGRESS, 0x1200000, 1, ETH_P_IP, "u32");
	rt_add_u32(&rt, TCA_U32_DIVISOR, 1);
	rt_end(&rt, options);
	ask(&rt);
	all_of(EGRESS, 1, 0x1200000, TC_ACT_GOTO_CHAIN | 3);
	expect("filters of tc of its own");
}

/* From one side it was put into the first table of the other one, where it is told. */
REFUSE(chain_of_other_side, OWN)
{
	device(true);
	all_of(INBOUND, 1, 0, TC_ACT_OK);
	all_of(EGRESS, 1, 0x80000000, TC_ACT_GOTO_CHAIN | 3);
	expect("filters of tc that lead to a chain of another place (goto chain) of its own");
}

/* A table whose priority was taken away, of which netlink tells nowhere: others could still lead there. */
REFUSE(table_left, OWN)
{
	struct rtattr *options;
	struct rt rt;

	device(true);
	all_of(EGRESS, 2, 0, TC_ACT_OK);
	options = tc_filter(&rt, 50, EGRESS, 0x1200000, 1, ETH_P_IP, "u32");
	rt_add_u32(&rt, TCA_U32_DIVISOR, 1);
	rt_end(&rt, options);
	ask(&rt);
	CHECK_SYS(tc_take_away(50, EGRESS, 0, 1, ETH_P_IP, "u32"));
	expect("filters of tc of its own");
}

/* Whether hardware may have a table is not told. */
REFUSE(flags_of_table, OWN)
{
	struct rtattr *options;
	struct rt rt;

	device(true);
	options = tc_filter(&rt, 50, EGRESS, 0x1200000, 1, ETH_P_IP, "u32");
	rt_add_u32(&rt, TCA_U32_DIVISOR, 16);
	rt_add_u32(&rt, TCA_U32_FLAGS, TCA_CLS_FLAGS_SKIP_HW);
	rt_end(&rt, options);
	ask(&rt);
	expect("filters of tc of its own");
}

/* A filter for what comes from a device that is gone: netlink tells of no device then. */
REFUSE(gone, OWN)
{
	struct rtattr *options;
	struct rt rt;

	device(true);
	tc_device("d1", 51);
	options = tc_filter(&rt, 50, EGRESS, 7, 1, ETH_P_ALL, "fw");
	rt_add_u32(&rt, TCA_FW_CLASSID, H(1, 1));
	rt_add_text(&rt, TCA_FW_INDEV, "d1");
	rt_end(&rt, options);
	ask(&rt);
	rt_change(&rt, RTM_DELLINK, "d1");
	CHECK_SYS(rt_ask(&rt));
	expect("filters of tc of its own");
}

TEST_HARNESS_MAIN
