// SPDX-License-Identifier: GPL-2.0
/*
 * What network devices that are tunnels have and netlink does not tell.
 */
#include <linux/capability.h>
#include <linux/checkpoint_netns.h>
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <net/ip6_tunnel.h>
#include <net/ip_tunnels.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>
#include <net/vxlan.h>
#include "netns.h"

/* Kinds whose private data are a struct ip_tunnel. */
static const char *const of_ipv4[] = { "gre", "gretap", "erspan", "ipip", "sit", "vti" };

/* Kinds whose private data are a struct ip6_tnl. */
static const char *const of_ipv6[] = { "ip6gre", "ip6gretap", "ip6erspan", "ip6tnl", "vti6" };

static bool is_one_of(const char *kind, const char *const *kinds, size_t count)
{
	while (count--) {
		if (!strcmp(kind, kinds[count]))
			return true;
	}
	return false;
}

/*
 * How a tunnel was asked for, by netlink or by ioctl(2), makes a difference to some fields
 * that its kind does not tell.  Of the header that is a model only these are looked at.
 */
static bool ipv4_differs(const struct ip_tunnel *a, const struct ip_tunnel *b)
{
	const struct ip_tunnel_parm_kern *p = &a->parms, *q = &b->parms;

	return a->prl_count != b->prl_count || a->collect_md != b->collect_md ||
	       a->ignore_df != b->ignore_df || a->erspan_ver != b->erspan_ver ||
	       a->index != b->index || a->dir != b->dir || a->hwid != b->hwid ||
	       a->fwmark != b->fwmark || p->link != q->link ||
	       p->i_key != q->i_key || p->o_key != q->o_key ||
	       p->iph.ttl != q->iph.ttl || p->iph.tos != q->iph.tos ||
	       p->iph.frag_off != q->iph.frag_off || p->iph.protocol != q->iph.protocol ||
	       !bitmap_equal(p->i_flags, q->i_flags, __IP_TUNNEL_FLAG_NUM) ||
	       !bitmap_equal(p->o_flags, q->o_flags, __IP_TUNNEL_FLAG_NUM);
}

static bool ipv6_differs(const struct ip6_tnl *a, const struct ip6_tnl *b)
{
	const struct __ip6_tnl_parm *p = &a->parms, *q = &b->parms;

	return p->link != q->link || p->proto != q->proto || p->encap_limit != q->encap_limit ||
	       p->hop_limit != q->hop_limit || p->collect_md != q->collect_md ||
	       p->flowinfo != q->flowinfo || p->flags != q->flags ||
	       p->i_key != q->i_key || p->o_key != q->o_key || p->fwmark != q->fwmark ||
	       p->index != q->index || p->erspan_ver != q->erspan_ver || p->dir != q->dir ||
	       p->hwid != q->hwid ||
	       !bitmap_equal(p->i_flags, q->i_flags, __IP_TUNNEL_FLAG_NUM) ||
	       !bitmap_equal(p->o_flags, q->o_flags, __IP_TUNNEL_FLAG_NUM);
}

/* Options that are not told (IFLA_VXLAN_MC_ROUTE, the family of addresses), and groups. */
static bool vxlan_differs(const struct vxlan_dev *a, const struct vxlan_dev *b)
{
	return a->cfg.flags != b->cfg.flags || a->cfg.no_share != b->cfg.no_share ||
	       !hlist_empty(&a->mdb_list) || !hlist_empty(&b->mdb_list) ||
	       rcu_access_pointer(a->vnigrp) || rcu_access_pointer(b->vnigrp);
}

/**
 * checkpoint_tunnel_differs() - tell whether a tunnel has what a new one has not
 * @dev: the device; one that is no tunnel has nothing
 * @fresh: the new one, made with what netlink tells of the other one
 *
 * The caller holds the lock of rtnetlink: nobody changes them.  The kind tells what the
 * private data are: no other driver can register it while there are devices of it.
 *
 * Return: whether they differ.
 */
bool checkpoint_tunnel_differs(const struct net_device *dev, const struct net_device *fresh)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;

	if (!ops)
		return !!fresh->rtnl_link_ops;
	if (ops != fresh->rtnl_link_ops)
		return true;
	if (!strcmp(ops->kind, "vxlan"))
		return vxlan_differs(netdev_priv(dev), netdev_priv(fresh));
	if (is_one_of(ops->kind, of_ipv4, ARRAY_SIZE(of_ipv4)))
		return ipv4_differs(netdev_priv(dev), netdev_priv(fresh));
	if (is_one_of(ops->kind, of_ipv6, ARRAY_SIZE(of_ipv6)))
		return ipv6_differs(netdev_priv(dev), netdev_priv(fresh));
	return false;
}

/**
 * checkpoint_tunnel_lends() - find a device elsewhere whose ends are in a network namespace
 * @net: the namespace
 * @name: where to put its name, CHECKPOINT_NETNS_NAME bytes
 *
 * A tunnel that was moved sends and receives where it was made, and goes with that.  A veth
 * leads here, too: its other end is here and tells of that.
 *
 * The caller holds the lock of rtnetlink, so that nothing moves.
 *
 * Return: whether there is one.
 */
bool checkpoint_tunnel_lends(const struct net *net, char *name)
{
	const struct rtnl_link_ops *ops;
	struct net_device *dev;
	struct net *other;

	guard(rcu)();
	for_each_net_rcu(other) {
		if (net_eq(other, net))
			continue;
		for_each_netdev_rcu(other, dev) {
			ops = dev->rtnl_link_ops;
			if (!ops || !ops->get_link_net || !strcmp(ops->kind, "veth") ||
			    !net_eq(ops->get_link_net(dev), net))
				continue;
			strscpy(name, dev->name, CHECKPOINT_NETNS_NAME);
			return true;
		}
	}
	return false;
}

/* Kinds that are born with a random address that looks like one of Ethernet. */
static const char *const born[] = { "ip6gre", "ip6tnl", "vti6" };

/**
 * checkpoint_tunnel_set_born() - give a tunnel the address that another one was born with
 * @net: its network namespace
 * @index: its number
 * @address: the address
 * @len: bytes of it
 *
 * The kernel makes addresses of IPv6 of it when the tunnel is switched on.  Only the driver
 * sets it, by eth_random_addr(), and nobody can ask for another one: any that this gives is
 * one of these.  The rest of it is zero.
 *
 * Return: 0, or an errno: -EPERM if the caller may not set up the namespace, -ENODEV if there
 * is no such device, -EINVAL if it is no such tunnel, or the address can't be that of one,
 * -EBUSY if it is on, -EINTR if the caller was killed.
 */
int checkpoint_tunnel_set_born(struct net *net, u32 index, const u8 *address, size_t len)
{
	struct net_device *dev;
	int ret;

	/* As rtnetlink_rcv_msg(). */
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (len != sizeof(struct in6_addr) || !is_valid_ether_addr(address) ||
	    !is_local_ether_addr(address) || memchr_inv(address + ETH_ALEN, 0, len - ETH_ALEN))
		return -EINVAL;
	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	dev = __dev_get_by_index(net, index);
	if (!dev) {
		ret = -ENODEV;
	} else if (!dev->rtnl_link_ops || dev->addr_len != len ||
		   !is_one_of(dev->rtnl_link_ops->kind, born, ARRAY_SIZE(born))) {
		ret = -EINVAL;
	} else if (dev->flags & IFF_UP) {
		ret = -EBUSY;
	} else {
		memcpy(dev->perm_addr, address, len);
	}
	rtnl_net_unlock(net);
	return ret;
}

/* Kinds that number packets, if they were told to. */
static const char *const numbering[] = { "gre", "gretap", "erspan" };
static const char *const numbering6[] = { "ip6gre", "ip6gretap", "ip6erspan" };

/* Finds the numbers of a tunnel; -ENODEV, or -ENODATA: it has none. */
static int numbers_of(struct net *net, u32 index, u32 **in, atomic_t **out)
{
	struct net_device *dev = __dev_get_by_index(net, index);
	const char *kind;

	if (!dev)
		return -ENODEV;
	kind = dev->rtnl_link_ops ? dev->rtnl_link_ops->kind : "";
	if (is_one_of(kind, numbering, ARRAY_SIZE(numbering))) {
		struct ip_tunnel *tunnel = netdev_priv(dev);

		*in = &tunnel->i_seqno;
		*out = &tunnel->o_seqno;
		return 0;
	}
	if (is_one_of(kind, numbering6, ARRAY_SIZE(numbering6))) {
		struct ip6_tnl *tunnel = netdev_priv(dev);

		*in = &tunnel->i_seqno;
		*out = &tunnel->o_seqno;
		return 0;
	}
	return -ENODATA;
}

/**
 * checkpoint_tunnel_numbers() - read how far a tunnel has numbered packets
 * @net: its network namespace
 * @index: its number
 * @numbers: where to put the number that it takes next, and the one that it sends next
 *
 * Return: 0, or an errno: -ENODEV if there is no such device, -ENODATA if it numbers nothing,
 * -EINTR if the caller was killed.
 */
int checkpoint_tunnel_numbers(struct net *net, u32 index, u32 numbers[2])
{
	atomic_t *out;
	u32 *in;
	int ret;

	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	ret = numbers_of(net, index, &in, &out);
	if (!ret) {
		numbers[0] = READ_ONCE(*in);
		numbers[1] = atomic_read(out);
	}
	rtnl_net_unlock(net);
	return ret;
}

/**
 * checkpoint_tunnel_set_numbers() - have a tunnel number packets from where another one was
 * @net: its network namespace
 * @index: its number
 * @in: the number that it takes next
 * @out: the number that it sends next
 *
 * Only packets change them (ip_tunnel_rcv(), gre_build_header() and the like), by which they
 * take any value: they wrap.
 *
 * Return: 0, or an errno: as of checkpoint_tunnel_numbers(), -EPERM if the caller may not set
 * up the namespace.
 */
int checkpoint_tunnel_set_numbers(struct net *net, u32 index, u32 in, u32 out)
{
	atomic_t *sent;
	u32 *seen;
	int ret;

	/* As rtnetlink_rcv_msg(). */
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	ret = numbers_of(net, index, &seen, &sent);
	if (!ret) {
		WRITE_ONCE(*seen, in);
		atomic_set(sent, out);
	}
	rtnl_net_unlock(net);
	return ret;
}
