// SPDX-License-Identifier: GPL-2.0
/*
 * What a network namespace has that a new one has not, and that netlink does not show.
 */
#include <linux/bpf_mprog.h>
#include <linux/checkpoint_netns.h>
#include <linux/idr.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>
#include <net/netdev_rx_queue.h>
#include <net/sch_generic.h>
#include "../../net/core/dev.h"
#include "netns.h"
#if IS_ENABLED(CONFIG_NF_TABLES)
#include <net/netfilter/nf_tables.h>
#endif

/* Flags that the kernel sets by itself. */
#define FLAGS_OF_KERNEL	(IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT)

/* Does a device spread what it gets and sends as nobody has asked for at @fresh? */
static bool spreads(const struct net_device *dev, const struct net_device *fresh)
{
#ifdef CONFIG_RPS
	unsigned int i;

	for (i = 0; i < dev->num_rx_queues; i++) {
		if (rcu_access_pointer(dev->_rx[i].rps_map) ||
		    READ_ONCE(dev->_rx[i].rps_flow_table))
			return true;
	}
#endif
#ifdef CONFIG_XPS
	if (!rcu_access_pointer(dev->xps_maps[XPS_CPUS]) !=
	    !rcu_access_pointer(fresh->xps_maps[XPS_CPUS]) ||
	    rcu_access_pointer(dev->xps_maps[XPS_RXQS]))
		return true;
#endif
	return dev->real_num_tx_queues != fresh->real_num_tx_queues ||
	       dev->real_num_rx_queues != fresh->real_num_rx_queues;
}

/* Has @dev addresses that somebody had it listen to by SIOCADDMULTI? */
static bool listens_to_more(struct net_device *dev)
{
	const struct netdev_hw_addr *ha;
	bool more = false;

	netif_addr_lock_bh(dev);
	netdev_for_each_mc_addr(ha, dev) {
		if (ha->global_use)
			more = true;
	}
	netif_addr_unlock_bh(dev);
	return more;
}

/**
 * checkpoint_netdev_ingress() - find what a device has for what it gets
 * @dev: the device; the RTNL is held
 *
 * A queue for that stays when it has gone.
 *
 * Return: ingress or clsact, or NULL.
 */
const struct Qdisc_ops *checkpoint_netdev_ingress(const struct net_device *dev)
{
	const struct netdev_queue *queue = rtnl_dereference(dev->ingress_queue);
	const struct Qdisc *sch = queue ? rtnl_dereference(queue->qdisc_sleeping) : NULL;

	return sch && !(sch->flags & TCQ_F_BUILTIN) ? sch->ops : NULL;
}

#ifdef CONFIG_NET_XGRESS
/* Are programs of BPF fastened there?  Filters of ingress and clsact run by it, too. */
static bool has_programs(struct bpf_mprog_entry *entry)
{
	return entry && bpf_mprog_total(entry);
}
#endif

/* Has @dev programs of BPF? */
static bool has_bpf_itself(struct net_device *dev)
{
	if (dev_xdp_prog_count(dev))
		return true;
#ifdef CONFIG_NET_XGRESS
	if (has_programs(rtnl_dereference(dev->tcx_ingress)) ||
	    has_programs(rtnl_dereference(dev->tcx_egress)))
		return true;
#endif
	return false;
}

/**
 * checkpoint_netdev_has_programs() - tell whether something sees the packets of a device
 * @dev: the device; the RTNL is held
 *
 * Return: whether it has programs of BPF (XDP, tcx) or hooks of netfilter.
 */
bool checkpoint_netdev_has_programs(struct net_device *dev)
{
	if (has_bpf_itself(dev))
		return true;
#ifdef CONFIG_NETFILTER_INGRESS
	if (rcu_access_pointer(dev->nf_hooks_ingress))
		return true;
#endif
#ifdef CONFIG_NETFILTER_EGRESS
	if (rcu_access_pointer(dev->nf_hooks_egress))
		return true;
#endif
	return false;
}

#ifdef CONFIG_NETFILTER
/* Are @a and @b of the same chain of nftables, each in its namespace, if they are of one? */
static bool is_same_chain(const struct nf_hook_ops *a, const struct nf_hook_ops *b)
{
#if IS_ENABLED(CONFIG_NF_TABLES)
	const struct nft_chain *one, *other;

	/* As nfnl_hook_put_nft_chain_info(): a hook goes before its chain does, by RCU. */
	if (a->hook_ops_type == NF_HOOK_OP_NF_TABLES) {
		one = a->priv;
		other = b->priv;
		return one->table->family == other->table->family &&
		       !strcmp(one->table->name, other->table->name) &&
		       !strcmp(one->name, other->name);
	}
#endif
	return true;
}

/*
 * Are these the same hooks, in the same order?  Of those with one priority the last one comes
 * first, so the order is that in which chains of several tables were made, which nothing lists.
 */
static bool has_same_entries(const struct nf_hook_entries *a, const struct nf_hook_entries *b)
{
	unsigned int count = a ? a->num_hook_entries : 0, i;
	struct nf_hook_ops **of_a, **of_b;

	if (count != (b ? b->num_hook_entries : 0))
		return false;
	if (!count)
		return true;
	of_a = nf_hook_entries_get_hook_ops(a);
	of_b = nf_hook_entries_get_hook_ops(b);
	for (i = 0; i < count; i++) {
		if (of_a[i]->hook != of_b[i]->hook || of_a[i]->priority != of_b[i]->priority ||
		    of_a[i]->hook_ops_type != of_b[i]->hook_ops_type ||
		    !is_same_chain(of_a[i], of_b[i]))
			return false;
	}
	return true;
}

/* Are these the same chains that change addresses?  All of them have one hook. */
static bool has_same_nat(const struct nf_hook_entries *a, const struct nf_hook_entries *b)
{
	unsigned int count = a ? a->num_hook_entries : 0, i;
	const struct nf_nat_lookup_hook_priv *one, *other;

	for (i = 0; i < count; i++) {
		if (nf_hook_entries_get_hook_ops(a)[i]->hook_ops_type != NF_HOOK_OP_NAT)
			continue;
		one = nf_hook_entries_get_hook_ops(a)[i]->priv;
		other = nf_hook_entries_get_hook_ops(b)[i]->priv;
		if (!has_same_entries(rcu_dereference(one->entries),
				      rcu_dereference(other->entries)))
			return false;
	}
	return true;
}

/* Has @of the same hooks of each kind as @fresh, those of a new namespace? */
static bool has_hooks_of(struct nf_hook_entries __rcu *const *of,
			 struct nf_hook_entries __rcu *const *fresh, int kinds)
{
	const struct nf_hook_entries *a, *b;
	int i;

	guard(rcu)();
	for (i = 0; i < kinds; i++) {
		a = rcu_dereference(of[i]);
		b = rcu_dereference(fresh[i]);
		if (!has_same_entries(a, b) || !has_same_nat(a, b))
			return false;
	}
	return true;
}
#endif

/* Do other chains of nftables see the packets of @dev than those of @fresh? */
static bool has_other_chains(struct net_device *dev, struct net_device *fresh)
{
#ifdef CONFIG_NETFILTER_INGRESS
	if (!has_hooks_of(&dev->nf_hooks_ingress, &fresh->nf_hooks_ingress, 1))
		return true;
#endif
#ifdef CONFIG_NETFILTER_EGRESS
	if (!has_hooks_of(&dev->nf_hooks_egress, &fresh->nf_hooks_egress, 1))
		return true;
#endif
	return false;
}

/*
 * Is @dev not what @fresh, the same device in another namespace, was told to be?  Not what netlink
 * shows of devices, except of a loopback device.
 */
static bool told_otherwise(struct net_device *dev, struct net_device *fresh)
{
	const unsigned int of_user = ~FLAGS_OF_KERNEL;

	return strcmp(dev->name, fresh->name) || dev->type != fresh->type ||
	       dev->addr_len != fresh->addr_len ||
	       memcmp(dev->dev_addr, fresh->dev_addr, dev->addr_len) ||
	       (netif_get_flags(dev) & of_user) != (netif_get_flags(fresh) & of_user) ||
	       !rcu_access_pointer(dev->ifalias) != !rcu_access_pointer(fresh->ifalias) ||
	       dev->mtu != fresh->mtu || dev->group != fresh->group ||
	       dev->tx_queue_len != fresh->tx_queue_len || dev->proto_down != fresh->proto_down ||
	       listens_to_more(dev);
}

/*
 * Is it another one by what its driver can, or how that was told to work?  What stands on a device
 * that is moved (@on_moved) can what that can.
 */
static bool made_otherwise(const struct net_device *dev, const struct net_device *fresh,
			   bool on_moved)
{
	if (!on_moved && (dev->features != fresh->features ||
			  dev->wanted_features != fresh->wanted_features))
		return true;
	return dev->netdev_ops != fresh->netdev_ops ||
	       list_empty(&dev->name_node->list) != list_empty(&fresh->name_node->list) ||
	       dev->gso_max_size != fresh->gso_max_size ||
	       dev->gso_ipv4_max_size != fresh->gso_ipv4_max_size ||
	       dev->gso_max_segs != fresh->gso_max_segs ||
	       dev->gro_max_size != fresh->gro_max_size ||
	       dev->gro_ipv4_max_size != fresh->gro_ipv4_max_size ||
	       dev->gro_flush_timeout != fresh->gro_flush_timeout ||
	       dev->napi_defer_hard_irqs != fresh->napi_defer_hard_irqs ||
	       dev->threaded != fresh->threaded || spreads(dev, fresh) ||
	       list_empty(&dev->adj_list.lower) != list_empty(&fresh->adj_list.lower);
}

/* Have others fastened something to it that @fresh has not? */
static bool has_more_fastened(struct net_device *dev, struct net_device *fresh)
{
	return list_empty(&dev->adj_list.upper) != list_empty(&fresh->adj_list.upper) ||
	       rcu_access_pointer(dev->rx_handler) != rcu_access_pointer(fresh->rx_handler) ||
	       rtnl_dereference(dev->qdisc)->ops != rtnl_dereference(fresh->qdisc)->ops ||
	       checkpoint_netdev_ingress(dev) != checkpoint_netdev_ingress(fresh) ||
	       has_bpf_itself(dev) || has_other_chains(dev, fresh);
}

/* The devices that are moved by a restart: their numbers, sorted. */
struct moved {
	const u32 *index;
	size_t count;
};

static bool is_moved(const struct net_device *dev, const struct moved *moved)
{
	size_t from = 0, to = moved->count, at;

	/* There may be many, and others wait for the RTNL. */
	while (from < to) {
		at = from + (to - from) / 2;
		if (moved->index[at] < dev->ifindex)
			from = at + 1;
		else
			to = at;
	}
	return from < moved->count && moved->index[from] == dev->ifindex;
}

static int is_moved_below(struct net_device *lower, struct netdev_nested_priv *priv)
{
	return is_moved(lower, priv->data);
}

/* Does @dev stand on one of them? */
static bool is_on_moved(struct net_device *dev, struct moved *moved)
{
	struct netdev_nested_priv priv = { .data = moved };

	return moved->count && netdev_walk_all_lower_dev(dev, is_moved_below, &priv);
}

/* Has @dev anything that @fresh has not?  What stands in for one that is moved is a dummy. */
static bool device_differs(struct net_device *dev, struct net_device *fresh, struct moved *moved)
{
	return told_otherwise(dev, fresh) || has_more_fastened(dev, fresh) ||
	       (!is_moved(dev, moved) && made_otherwise(dev, fresh, is_on_moved(dev, moved)));
}

#ifdef CONFIG_NETFILTER
static bool has_hooks_of_ns(const struct net *net, const struct net *fresh)
{
	const struct netns_nf *a = &net->nf, *b = &fresh->nf;

	if (!has_hooks_of(a->hooks_ipv4, b->hooks_ipv4, ARRAY_SIZE(a->hooks_ipv4)) ||
	    !has_hooks_of(a->hooks_ipv6, b->hooks_ipv6, ARRAY_SIZE(a->hooks_ipv6)))
		return false;
#ifdef CONFIG_NETFILTER_FAMILY_ARP
	if (!has_hooks_of(a->hooks_arp, b->hooks_arp, ARRAY_SIZE(a->hooks_arp)))
		return false;
#endif
#ifdef CONFIG_NETFILTER_FAMILY_BRIDGE
	if (!has_hooks_of(a->hooks_bridge, b->hooks_bridge, ARRAY_SIZE(a->hooks_bridge)))
		return false;
#endif
	return true;
}
#endif

#ifdef CONFIG_XFRM
static bool has_xfrm(struct net *net)
{
	bool has;

	spin_lock_bh(&net->xfrm.xfrm_state_lock);
	has = !list_empty(&net->xfrm.state_all);
	spin_unlock_bh(&net->xfrm.xfrm_state_lock);
	spin_lock_bh(&net->xfrm.xfrm_policy_lock);
	has |= !list_empty(&net->xfrm.policy_all);
	spin_unlock_bh(&net->xfrm.xfrm_policy_lock);
	return has;
}
#endif

/* Is a program of BPF fastened to it? */
static bool has_bpf(const struct net *net)
{
	int i;

	for (i = 0; i < MAX_NETNS_BPF_ATTACH_TYPE; i++) {
		if (rcu_access_pointer(net->bpf.run_array[i]))
			return true;
	}
	return false;
}

/* Has @net all numbers for other namespaces that @other has? */
static bool has_all_numbers_of(struct net *net, struct net *other)
{
	int id = 0;

	guard(rcu)();
	while (idr_get_next(&other->netns_ids, &id)) {
		if (!idr_find(&net->netns_ids, id))
			return false;
		/* Users may give the highest one: idr_get_next() takes none above that. */
		if (id == INT_MAX)
			break;
		id++;
	}
	return true;
}

/* Has @net as many numbers for other namespaces, and the same, as @fresh? */
static bool has_numbers_of(struct net *net, struct net *fresh)
{
	return has_all_numbers_of(net, fresh) && has_all_numbers_of(fresh, net);
}

#ifdef CONFIG_XFRM
/* Are policies looked for otherwise? */
static bool has_thresholds(const struct net *net, const struct net *fresh)
{
	const struct xfrm_policy_hthresh *a = &net->xfrm.policy_hthresh;
	const struct xfrm_policy_hthresh *b = &fresh->xfrm.policy_hthresh;

	return a->lbits4 != b->lbits4 || a->rbits4 != b->rbits4 ||
	       a->lbits6 != b->lbits6 || a->rbits6 != b->rbits6;
}
#endif

/* Do sockets of some families behave otherwise, by what no setting changes? */
static bool has_modes(const struct net *net, const struct net *fresh)
{
	bool differs = false;

#if IS_ENABLED(CONFIG_VSOCKETS)
	differs |= READ_ONCE(net->vsock.mode) != READ_ONCE(fresh->vsock.mode);
	/* To write the mode that new namespaces get fixes it, also to what it was. */
	differs |= READ_ONCE(net->vsock.child_ns_mode_locked) !=
		   READ_ONCE(fresh->vsock.child_ns_mode_locked);
#endif
#if IS_ENABLED(CONFIG_SMC)
	differs |= READ_ONCE(net->smc.limit_smc_hs) != READ_ONCE(fresh->smc.limit_smc_hs);
#endif
	return differs;
}

/**
 * checkpoint_netns_tracks() - tell whether the kernel may track connections
 *
 * Asking for them otherwise would load what tracks them.
 *
 * Return: whether what does that is there.
 */
bool checkpoint_netns_tracks(void)
{
#ifdef CONFIG_NETFILTER
	return rcu_access_pointer(nf_ct_hook);
#else
	return false;
#endif
}

/* The device of another namespace that stands on @dev, or NULL: in that of @dev nothing tells. */
static const struct net_device *upper_of_others(struct net_device *dev)
{
	struct net_device *upper;
	struct list_head *iter;

	/* The RTNL, which is held, keeps it. */
	guard(rcu)();
	netdev_for_each_upper_dev_rcu(dev, upper, iter) {
		if (!net_eq(dev_net(upper), dev_net(dev)))
			return upper;
	}
	return NULL;
}

/* Has one of the namespaces a device that is not, or not so, in the other one? */
static int devices_left(struct net *net, struct net *fresh, struct moved *moved, char *name)
{
	struct net_device *dev, *other;
	const struct net_device *upper;

	for_each_netdev(net, dev) {
		upper = upper_of_others(dev);
		if (upper) {
			strscpy(name, upper->name, CHECKPOINT_NETNS_NAME);
			return CHECKPOINT_NETNS_LENDS;
		}
		other = __dev_get_by_index(fresh, dev->ifindex);
		if (!other || device_differs(dev, other, moved)) {
			strscpy(name, dev->name, CHECKPOINT_NETNS_NAME);
			return other ? CHECKPOINT_NETNS_DIFFERS : CHECKPOINT_NETNS_DEVICE;
		}
		if (!is_moved(dev, moved) && checkpoint_tunnel_differs(dev, other)) {
			strscpy(name, dev->name, CHECKPOINT_NETNS_NAME);
			return CHECKPOINT_NETNS_TUNNEL;
		}
	}
	for_each_netdev(fresh, dev) {
		if (!__dev_get_by_index(net, dev->ifindex)) {
			strscpy(name, dev->name, CHECKPOINT_NETNS_NAME);
			return CHECKPOINT_NETNS_LACKS;
		}
	}
	return 0;
}

/**
 * checkpoint_netns_left() - find what a namespace has that a new one has not
 * @net: the namespace
 * @fresh: a new one, to which all was done that a restart does
 * @moved: the numbers of devices that a restart moves there, for which others stand in, sorted
 * @count: how many these are
 * @name: where to put the name of a device, CHECKPOINT_NETNS_NAME bytes
 *
 * Not what netlink shows, which checkpoint_netns_dump() is for.
 *
 * Return: CHECKPOINT_NETNS_*, or an errno: -EINTR if the caller was killed.
 */
int checkpoint_netns_left(struct net *net, struct net *fresh, const u32 *moved, size_t count,
			  char *name)
{
	struct moved all = { .index = moved, .count = count };
	int ret;

	/* That of the other one is the same lock, or nobody else changes it. */
	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	ret = devices_left(net, fresh, &all, name);
	if (!ret && checkpoint_tunnel_lends(net, name))
		ret = CHECKPOINT_NETNS_LENDS;
	rtnl_net_unlock(net);
	if (ret)
		return ret;
#ifdef CONFIG_NETFILTER
	if (!has_hooks_of_ns(net, fresh))
		return CHECKPOINT_NETNS_NETFILTER;
#endif
#ifdef CONFIG_XFRM
	if (has_xfrm(net) ||
	    memcmp(net->xfrm.policy_default, fresh->xfrm.policy_default,
		   sizeof(net->xfrm.policy_default)) ||
	    has_thresholds(net, fresh))
		return CHECKPOINT_NETNS_XFRM;
#endif
	if (has_modes(net, fresh))
		return CHECKPOINT_NETNS_MODES;
	if (has_bpf(net))
		return CHECKPOINT_NETNS_BPF;
	if (!has_numbers_of(net, fresh))
		return CHECKPOINT_NETNS_IDS;
	return CHECKPOINT_NETNS_NOTHING;
}
