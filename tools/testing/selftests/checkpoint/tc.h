/* SPDX-License-Identifier: GPL-2.0 */
/* Queueing disciplines, classes and filters (tc) of the network namespace that the caller is in. */
#ifndef CKPT_TEST_TC_H
#define CKPT_TEST_TC_H

#include "rtnetlink.h"

#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_skbedit.h>

#define TC_ITEMS	64
#define TC_ITEM		2048

/* What netlink lists, without what only counts, sorted. */
struct tc_list {
	int count;
	struct {
		int len;
		unsigned char bytes[TC_ITEM];
	} items[TC_ITEMS];
};

static void tc_copy(unsigned char *to, int *len, const void *from, int n)
{
	CHECK(*len + n <= TC_ITEM, "a message is too long");
	memcpy(to + *len, from, n);
	*len += n;
}

/* Whether a list of attributes, with 0 at its end, has @type. */
static bool tc_has(const char *list, int type)
{
	return type && memchr(list, type, strlen(list));
}

/* The attribute of a kind of filters without counters that has actions. */
static int tc_act_of(const char *kind)
{
	return !strcmp(kind, "cgroup") ? TCA_CGROUP_ACT : !strcmp(kind, "route") ? TCA_ROUTE4_ACT :
	       !strcmp(kind, "flow") ? TCA_FLOW_ACT : !strcmp(kind, "bpf") ? TCA_BPF_ACT :
	       TCA_FW_ACT;
}

/*
 * Copies the attributes of @attr, of @len bytes, at @depth: 0 is the message, 1 the options of a
 * filter, 2 its actions, 3 one of these, 4 the options of that. @kind is that of filter or action.
 */
static void tc_normal(unsigned char *to, int *at, const struct rtattr *attr, int len, int depth,
		      bool filter, const char *kind)
{
	char own[16] = "";

	strncpy(own, kind, sizeof(own) - 1);
	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		int type = attr->rta_type & NLA_TYPE_MASK, inner = -1;
		const char *counts = "";

		if ((depth == 0 && type == TCA_KIND) || (depth == 3 && type == TCA_ACT_KIND))
			strncpy(own, RTA_DATA(attr), sizeof(own) - 1);
		if (depth == 0) {
			/* TCA_STATS, TCA_XSTATS, TCA_STATS2, TCA_PAD. */
			counts = "\3\4\7\11";
			if (filter && type == TCA_OPTIONS)
				inner = 1;
		} else if (depth == 1 && !strcmp(own, "matchall")) {
			counts = "\4\5";
			inner = type == TCA_MATCHALL_ACT ? 2 : -1;
		} else if (depth == 1 && !strcmp(own, "u32")) {
			/* TCA_U32_PCNT, TCA_U32_PAD. */
			counts = "\11\14";
			inner = type == TCA_U32_ACT ? 2 : -1;
		} else if (depth == 1 && !strcmp(own, "flower")) {
			inner = type == TCA_FLOWER_ACT ? 2 : -1;
		} else if (depth == 1 && !strcmp(own, "basic")) {
			/* TCA_BASIC_PCNT, TCA_BASIC_PAD. */
			counts = "\5\6";
			inner = type == TCA_BASIC_ACT ? 2 : -1;
		} else if (depth == 1) {
			inner = type == tc_act_of(own) ? 2 : -1;
		} else if (depth == 2) {
			inner = 3;
		} else if (depth == 3) {
			/* TCA_ACT_STATS, TCA_ACT_PAD, TCA_ACT_USED_HW_STATS, TCA_ACT_IN_HW_COUNT. */
			counts = "\4\5\11\12";
			inner = type == TCA_ACT_OPTIONS ? 4 : -1;
		} else if (depth == 4) {
			/* The times of an action, and what aligns them. */
			counts = !strcmp(own, "police") ? "\6\7" :
				 !strcmp(own, "mirred") ? "\1\3" :
				 !strcmp(own, "skbedit") ? "\1\6" : "\1\4";
		}
		if (tc_has(counts, type))
			continue;
		tc_copy(to, at, &type, sizeof(type));
		if (inner >= 0)
			tc_normal(to, at, RTA_DATA(attr), RTA_PAYLOAD(attr), inner, filter, own);
		else
			tc_copy(to, at, RTA_DATA(attr), RTA_PAYLOAD(attr));
	}
}

static int tc_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct tc_list *)0)->items[0]));
}

/* Lists what hangs on @parent of the device @index: RTM_GETQDISC, RTM_GETTCLASS, RTM_GETTFILTER. */
__attribute__((unused))
static void tc_read(int type, int index, unsigned int parent, struct tc_list *list)
{
	struct tcmsg header = { .tcm_ifindex = index, .tcm_parent = parent };
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	static char answer[65536];
	bool done = false;
	struct rt rt;

	memset(list, 0, sizeof(*list));
	rt_begin(&rt, type, NLM_F_DUMP, &header, sizeof(header));
	CHECK_EQ((ssize_t)rt.nlh.nlmsg_len, send(fd, &rt, rt.nlh.nlmsg_len, 0));
	while (!done) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)answer;
		int len = CHECK_SYS(recv(fd, answer, sizeof(answer), 0));

		for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			struct tcmsg tc = *(const struct tcmsg *)NLMSG_DATA(nlh);

			CHECK(nlh->nlmsg_type != NLMSG_ERROR, "nothing is told");
			done = nlh->nlmsg_type == NLMSG_DONE;
			if (done)
				break;
			if (tc.tcm_ifindex != index)
				continue;
			CHECK(list->count < TC_ITEMS, "there are too many");
			/* How many use it. */
			if (type == RTM_GETQDISC)
				tc.tcm_info = 0;
			tc_copy(list->items[list->count].bytes, &list->items[list->count].len, &tc,
				sizeof(tc));
			tc_normal(list->items[list->count].bytes, &list->items[list->count].len,
				  (const void *)((const char *)NLMSG_DATA(nlh) + sizeof(tc)),
				  NLMSG_PAYLOAD(nlh, sizeof(tc)), 0, type == RTM_GETTFILTER, "");
			list->count++;
		}
	}
	CHECK_SYS(close(fd));
	qsort(list->items, list->count, sizeof(list->items[0]), tc_order);
}

/* What @parent of a device has is what @before was. */
__attribute__((unused))
static void tc_same(int type, int index, unsigned int parent, const struct tc_list *before)
{
	static struct tc_list after;

	tc_read(type, index, parent, &after);
	CHECK_EQ(before->count, after.count);
	CHECK(!memcmp(before, &after, sizeof(after)), "what hangs on %x of device %d is another one",
	      parent, index);
}

/* Begins a request. @info is tcm_info, of a filter. */
__attribute__((unused))
static void tc_begin(struct rt *rt, int type, int index, unsigned int parent, unsigned int handle,
		     unsigned int info, const char *kind)
{
	struct tcmsg header = {
		.tcm_ifindex = index, .tcm_parent = parent, .tcm_handle = handle, .tcm_info = info,
	};

	rt_begin(rt, type, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_text(rt, TCA_KIND, kind);
}

/* Begins one for a filter of this priority and protocol. */
__attribute__((unused))
static struct rtattr *tc_filter(struct rt *rt, int index, unsigned int parent, unsigned int handle,
				unsigned int prio, int protocol, const char *kind)
{
	tc_begin(rt, RTM_NEWTFILTER, index, parent, handle,
		 TC_H_MAKE(prio << 16, htons(protocol)), kind);
	return rt_nest(rt, TCA_OPTIONS);
}

/* Takes a filter away; 0, or -1 with errno. */
__attribute__((unused))
static int tc_take_away(int index, unsigned int parent, unsigned int handle, unsigned int prio,
			int protocol, const char *kind)
{
	struct tcmsg header = {
		.tcm_ifindex = index, .tcm_parent = parent, .tcm_handle = handle,
		.tcm_info = TC_H_MAKE(prio << 16, htons(protocol)),
	};
	struct rt rt;

	rt_begin(&rt, RTM_DELTFILTER, 0, &header, sizeof(header));
	rt_add_text(&rt, TCA_KIND, kind);
	return rt_ask(&rt);
}

/* Gives @parent a queueing discipline with options; 0, or -1 with errno. */
__attribute__((unused))
static int tc_queue(int index, unsigned int parent, unsigned int handle, const char *kind,
		    const void *options, size_t len)
{
	struct rt rt;

	tc_begin(&rt, RTM_NEWQDISC, index, parent, handle, 0, kind);
	if (len)
		rt_add(&rt, TCA_OPTIONS, options, len);
	return rt_ask(&rt);
}

/* Adds an action to a list of these, with its parameters as the attribute @type. */
__attribute__((unused))
static void tc_action(struct rt *rt, int order, const char *kind, int type, const void *parms,
		      size_t len)
{
	struct rtattr *one = rt_nest(rt, order), *options;

	rt_add_text(rt, TCA_ACT_KIND, kind);
	options = rt_nest(rt, TCA_ACT_OPTIONS);
	rt_add(rt, type, parms, len);
	rt_end(rt, options);
	rt_end(rt, one);
}

__attribute__((unused)) static void tc_device(const char *name, int index)
{
	struct rt rt;

	rt_end(&rt, rt_device(&rt, name, index, "dummy"));
	CHECK_SYS(rt_ask(&rt));
}

#endif /* CKPT_TEST_TC_H */
