// SPDX-License-Identifier: GPL-2.0
/*
 * What queueing disciplines and filters (tc) keep, and netlink does not tell.
 */
#include <linux/checkpoint_tc.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/pkt_cls.h>
#include <net/pkt_sched.h>
#include <net/sch_generic.h>

/* The queueing discipline of @dev with this handle; 0: that of the device itself. */
static struct Qdisc *find(struct net_device *dev, u32 handle)
{
#ifdef CONFIG_NET_SCHED
	return handle ? qdisc_lookup(dev, handle) : rtnl_dereference(dev->qdisc);
#else
	return NULL;
#endif
}

/**
 * checkpoint_tc_more() - read what a queueing discipline keeps and does not tell
 * @net: the namespace
 * @index: the number of the device
 * @handle: that of the queueing discipline
 * @buf: where to put attributes that its options lack, aligned
 * @size: bytes of @buf, CHECKPOINT_TC_MORE
 *
 * Return: bytes of the attributes, or an errno: -EOPNOTSUPP if there are none for what it
 * keeps, -ENOENT if there is no such one, -EINTR if the caller was killed.
 */
ssize_t checkpoint_tc_more(struct net *net, u32 index, u32 handle, void *buf, size_t size)
{
	struct net_device *dev;
	struct Qdisc *sch;
	ssize_t ret;

	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	dev = __dev_get_by_index(net, index);
	sch = dev ? find(dev, handle) : NULL;
	if (!sch)
		ret = -ENOENT;
	else if (sch->ops->checkpoint_more)
		ret = sch->ops->checkpoint_more(sch, buf, size);
	rtnl_net_unlock(net);
	return ret;
}

#ifdef CONFIG_NET_CLS
/* Where filters hang on @parent of a device of @net, or NULL. */
static struct tcf_block *find_block(struct net *net, u32 index, u32 parent)
{
	struct net_device *dev = __dev_get_by_index(net, index);
	const struct Qdisc_class_ops *cops;
	unsigned long cl = 0;
	struct Qdisc *sch;

	sch = dev ? find(dev, TC_H_MAJ(parent)) : NULL;
	cops = sch ? sch->ops->cl_ops : NULL;
	if (!cops || !cops->tcf_block)
		return NULL;
	if (TC_H_MIN(parent)) {
		cl = cops->find(sch, parent);
		if (!cl)
			return NULL;
	}
	return cops->tcf_block(sch, cl, NULL);
}

/* Are filters of @chain as those of @other, which netlink tells the same of? */
static bool has_same_filters(struct tcf_chain *chain, struct tcf_chain *other)
{
	struct tcf_proto *tp, *to;
	bool same = true;

	tp = tcf_get_next_proto(chain, NULL);
	to = tcf_get_next_proto(other, NULL);
	while (tp && to && same) {
		same = tp->ops == to->ops && tp->prio == to->prio &&
		       tp->protocol == to->protocol &&
		       (!tp->ops->checkpoint_same || tp->ops->checkpoint_same(tp, to));
		tp = tcf_get_next_proto(chain, tp);
		to = tcf_get_next_proto(other, to);
	}
	same = same && !tp && !to;
	/* Each is given back when the next one is asked for. */
	while (tp)
		tp = tcf_get_next_proto(chain, tp);
	while (to)
		to = tcf_get_next_proto(other, to);
	return same;
}

/*
 * How often chains of the new namespace are gone through, as RTNL is held: who has made them may
 * have many.  Mostly they come in one order, and each is looked at once.
 */
#define LOOKS	BIT(20)

/*
 * Finds the chain of @block with this number, from @from on, which is NULL or held: that is given
 * back.  NULL: there is none, or too many were looked at.
 */
static struct tcf_chain *find_chain(struct tcf_block *block, struct tcf_chain *from, u32 index,
				    unsigned int *looks)
{
	bool again = false;

	while (!from || from->index != index) {
		if (!from && again)
			return NULL;
		again |= !from;
		if (*looks)
			--*looks;
		else
			again = true;
		from = tcf_get_next_chain(block, from);
	}
	return from;
}

/*
 * How many actions lead to @chain.  That of the place where an action was made is the one that it
 * leads to, and not that of a filter that has it, or of where u32 lists the filter.
 */
static unsigned int led_to(struct tcf_chain *chain)
{
	guard(mutex)(&chain->block->lock);
	return chain->action_refcnt;
}

/* The same of all chains of @block that nothing else holds: tcf_chain_held_by_acts_only(). */
static unsigned int led_to_others(struct tcf_block *block)
{
	struct tcf_chain *chain;
	unsigned int count = 0;

	guard(mutex)(&block->lock);
	list_for_each_entry(chain, &block->chain_list, list) {
		if (chain->refcnt == chain->action_refcnt)
			count += chain->refcnt;
	}
	return count;
}

/* Compares the chains of @block with those of @fresh that have their numbers. */
static int compare_chains(struct tcf_block *block, struct tcf_block *fresh)
{
	struct tcf_chain *chain, *other = NULL;
	int ret = CHECKPOINT_TC_SAME;
	unsigned int looks = LOOKS;
	bool leads = false;

	for (chain = tcf_get_next_chain(block, NULL); chain;
	     chain = tcf_get_next_chain(block, chain)) {
		/* Each is given back when the next one is asked for. */
		if (ret)
			continue;
		/* It stays when its last filter goes, and may have a template. */
		if (chain->explicitly_created) {
			ret = CHECKPOINT_TC_CHAIN;
			continue;
		}
		other = find_chain(fresh, other, chain->index, &looks);
		if (!other || !has_same_filters(chain, other))
			ret = CHECKPOINT_TC_DIFFERS;
		else
			leads |= led_to(chain) != led_to(other);
	}
	while (other)
		other = tcf_get_next_chain(fresh, other);
	if (!ret && (leads || led_to_others(block) != led_to_others(fresh)))
		ret = CHECKPOINT_TC_LEADS;
	return ret;
}
#endif

/**
 * checkpoint_tc_compare() - compare filters in two namespaces that netlink tells the same of
 * @net: one namespace
 * @fresh: the other one, which nobody is in
 * @index: the number of the device
 * @parent: the queueing discipline or class that they hang on, as tcm_parent
 *
 * Return: CHECKPOINT_TC_*, or -EINTR if the caller was killed.
 */
int checkpoint_tc_compare(struct net *net, struct net *fresh, u32 index, u32 parent)
{
	int ret = CHECKPOINT_TC_SAME;
#ifdef CONFIG_NET_CLS
	struct tcf_block *block, *other;

	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	block = find_block(net, index, parent);
	other = find_block(fresh, index, parent);
	if (block && other)
		ret = compare_chains(block, other);
	else if (block || other)
		ret = CHECKPOINT_TC_DIFFERS;
	rtnl_net_unlock(net);
#endif
	return ret;
}
