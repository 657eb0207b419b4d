// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces.
 */
#include <linux/capability.h>
#include <linux/checkpoint.h>
#include <linux/etherdevice.h>
#include <linux/idr.h>
#include <linux/inetdevice.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>
#include <net/sch_generic.h>
#include <net/sock.h>
#include "../../net/core/dev.h"

/**
 * checkpoint_netns_get() - take a reference on a network namespace
 * @net: the namespace
 *
 * Return: the namespace.
 */
struct net *checkpoint_netns_get(struct net *net)
{
	return get_net(net);
}

/**
 * checkpoint_netns_put() - give a reference on a network namespace back
 * @net: the namespace
 */
void checkpoint_netns_put(struct net *net)
{
	put_net(net);
}

/**
 * checkpoint_netns_count() - count the references on a network namespace
 * @net: the namespace
 *
 * Each socket of users has one, too.
 *
 * Return: how many there are but for these.
 */
u64 checkpoint_netns_count(struct net *net)
{
	int count = ns_ref_read(net);

#ifdef CONFIG_PROC_FS
	count -= sock_inuse_get(net);
#endif
	return max(count, 0);
}

/**
 * checkpoint_netns_common() - get what a network namespace has of all namespaces
 * @net: the namespace
 *
 * Return: that.
 */
struct ns_common *checkpoint_netns_common(struct net *net)
{
	return &net->ns;
}

/**
 * checkpoint_netns_of_common() - get the network namespace that has what all have
 * @ns: that
 *
 * Return: the namespace, without a reference.
 */
struct net *checkpoint_netns_of_common(struct ns_common *ns)
{
	return to_net_ns(ns);
}

/**
 * checkpoint_netns_of_socket() - get the network namespace that a socket is of
 * @sk: the socket
 *
 * Return: the namespace, without a reference.
 */
struct net *checkpoint_netns_of_socket(const struct sock *sk)
{
	return sock_net(sk);
}

/**
 * checkpoint_netns_may_admin() - tell whether the caller may set up a network namespace
 * @net: the namespace
 *
 * Return: true if it has CAP_NET_ADMIN over it.
 */
bool checkpoint_netns_may_admin(const struct net *net)
{
	return ns_capable(net->user_ns, CAP_NET_ADMIN);
}

/**
 * checkpoint_netns_is_initial() - tell whether a network namespace is the first one
 * @net: the namespace
 *
 * Return: true if it is.
 */
bool checkpoint_netns_is_initial(const struct net *net)
{
	return net_eq(net, &init_net);
}

/**
 * checkpoint_netns_like() - make a network namespace for the owner of another one
 * @net: the other one
 *
 * Return: the namespace, with a reference, or an error pointer: -ENOSPC if there
 * are as many as may be.
 */
struct net *checkpoint_netns_like(struct net *net)
{
	return copy_net_ns(CLONE_NEWNET, net->user_ns, net);
}

/**
 * checkpoint_netns_lo_get() - read the state of the loopback device
 * @net: its network namespace
 * @lo: where to
 *
 * Return: 0; -EINTR if the caller was killed.
 */
int checkpoint_netns_lo_get(struct net *net, struct checkpoint_netns_lo *lo)
{
	const struct net_device *dev = net->loopback_dev;
	int err;

	memset(lo, 0, sizeof(*lo));
	err = rtnl_net_lock_killable(net);
	if (err)
		return err;
	lo->up = !!(dev->flags & IFF_UP);
	lo->mtu = dev->mtu;
#ifdef CONFIG_INET
	/* It gets its address when it is switched on first. */
	const struct in_device *in_dev = __in_dev_get_rtnl(dev);

	lo->was_up = !lo->up && in_dev && rcu_access_pointer(in_dev->ifa_list);
#endif
	rtnl_net_unlock(net);
	return 0;
}

/**
 * checkpoint_netns_lo_set() - bring the loopback device of a new namespace to a state
 * @net: its network namespace
 * @lo: the state
 *
 * Return: 0, or an errno: -EPERM if the caller may not set it up.
 */
int checkpoint_netns_lo_set(struct net *net, const struct checkpoint_netns_lo *lo)
{
	struct net_device *dev = net->loopback_dev;
	int err;

	if (!lo->up && !lo->was_up && lo->mtu == dev->mtu)
		return 0;
	/* As rtnetlink_rcv_msg(). */
	if (!checkpoint_netns_may_admin(net))
		return -EPERM;
	err = rtnl_net_lock_killable(net);
	if (err)
		return err;
	if (lo->mtu != dev->mtu)
		err = dev_set_mtu(dev, lo->mtu);
	if (!err && (lo->up || lo->was_up))
		err = dev_change_flags(dev, dev->flags | IFF_UP, NULL);
	if (!err && !lo->up && lo->was_up)
		err = dev_change_flags(dev, dev->flags & ~IFF_UP, NULL);
	rtnl_net_unlock(net);
	return err;
}

/* Has @dev, a loopback device, anything that @fresh, one of a new namespace, has not? */
static bool lo_differs(struct net_device *dev, struct net_device *fresh)
{
	if (strcmp(dev->name, fresh->name) ||
	    !list_empty(&dev->name_node->list) ||
	    rcu_access_pointer(dev->ifalias) ||
	    !ether_addr_equal(dev->dev_addr, fresh->dev_addr) ||
	    netif_get_flags(dev) != netif_get_flags(fresh) ||
	    dev->promiscuity || dev->allmulti)
		return true;
	if (dev->ifindex != fresh->ifindex || dev->mtu != fresh->mtu ||
	    dev->group != fresh->group || dev->tx_queue_len != fresh->tx_queue_len ||
	    dev->features != fresh->features ||
	    dev->wanted_features != fresh->wanted_features ||
	    dev->gso_max_size != fresh->gso_max_size ||
	    dev->gso_ipv4_max_size != fresh->gso_ipv4_max_size ||
	    dev->gso_max_segs != fresh->gso_max_segs ||
	    dev->gro_max_size != fresh->gro_max_size ||
	    dev->gro_ipv4_max_size != fresh->gro_ipv4_max_size ||
	    dev->threaded != fresh->threaded || dev->proto_down != fresh->proto_down)
		return true;
	/* What others have fastened to it. */
	if (!list_empty(&dev->adj_list.upper) || !list_empty(&dev->adj_list.lower) ||
	    rcu_access_pointer(dev->rx_handler) || dev_xdp_prog_count(dev) ||
	    rtnl_dereference(dev->qdisc)->ops != rtnl_dereference(fresh->qdisc)->ops ||
	    rcu_access_pointer(dev->ingress_queue))
		return true;
#ifdef CONFIG_NET_XGRESS
	if (rcu_access_pointer(dev->tcx_ingress) || rcu_access_pointer(dev->tcx_egress))
		return true;
#endif
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
/* Has @of as many hooks of each kind as @fresh, those of a new namespace? */
static bool has_hooks_of(struct nf_hook_entries __rcu *const *of,
			 struct nf_hook_entries __rcu *const *fresh, int kinds)
{
	const struct nf_hook_entries *a, *b;
	int i;

	guard(rcu)();
	for (i = 0; i < kinds; i++) {
		a = rcu_dereference(of[i]);
		b = rcu_dereference(fresh[i]);
		if ((a ? a->num_hook_entries : 0) != (b ? b->num_hook_entries : 0))
			return false;
	}
	return true;
}

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

static_assert(CHECKPOINT_NETNS_NAME == IFNAMSIZ);

/**
 * checkpoint_netns_left() - find what a namespace has that a new one has not
 * @net: the namespace
 * @fresh: a new one, with the loopback device in the same state
 * @name: where to put the name of a device, CHECKPOINT_NETNS_NAME bytes
 *
 * Not what netlink shows, which checkpoint_netns_dump() is for.
 *
 * Return: CHECKPOINT_NETNS_*, or an errno: -EINTR if the caller was killed.
 */
int checkpoint_netns_left(struct net *net, struct net *fresh, char *name)
{
	struct net_device *dev;
	int ret;

	/* That of the other one is the same lock, or nobody else changes it. */
	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	for_each_netdev(net, dev) {
		if (dev != net->loopback_dev) {
			strscpy(name, dev->name, CHECKPOINT_NETNS_NAME);
			ret = CHECKPOINT_NETNS_DEVICE;
			break;
		}
	}
	if (!ret && lo_differs(net->loopback_dev, fresh->loopback_dev))
		ret = CHECKPOINT_NETNS_LOOPBACK;
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
		   sizeof(net->xfrm.policy_default)))
		return CHECKPOINT_NETNS_XFRM;
#endif
	if (has_bpf(net))
		return CHECKPOINT_NETNS_BPF;
	if (!idr_is_empty(&net->netns_ids))
		return CHECKPOINT_NETNS_IDS;
	return CHECKPOINT_NETNS_NOTHING;
}

/* Is a message of these @len bytes the last one of a dump? */
static bool has_end(const void *buf, int len)
{
	const struct nlmsghdr *nlh;

	for (nlh = buf; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
			return true;
	}
	return false;
}

/**
 * checkpoint_netns_dump() - ask a network namespace by netlink for all of a kind
 * @net: the namespace
 * @protocol: NETLINK_*
 * @request: the message
 * @len: bytes of it
 * @buf: where to put the answers, aligned and zeroed
 * @size: bytes of it
 *
 * The caller's rights count, as for any sender of such a message.
 *
 * Return: bytes of the answers, 0 if the kernel has no such protocol, or an
 * errno: -E2BIG if they don't fit.
 */
ssize_t checkpoint_netns_dump(struct net *net, int protocol, void *request, size_t len,
			      void *buf, size_t size)
{
	/* With an address the rights of the opener, which there is none of, are not asked for. */
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	struct kvec vec = { .iov_base = request, .iov_len = len };
	struct socket *sock;
	size_t got = 0;
	int err;

	err = __sock_create(net, PF_NETLINK, SOCK_RAW, protocol, &sock, 0);
	if (err)
		return err == -EPROTONOSUPPORT ? 0 : err;
	err = kernel_sendmsg(sock, &msg, &vec, 1, len);
	while (err >= 0) {
		if (size - got < CHECKPOINT_NETNS_ROOM) {
			err = -E2BIG;
			break;
		}
		msg = (struct msghdr){ };
		vec.iov_base = buf + got;
		vec.iov_len = size - got;
		/* What there is was queued by what was sent, or is by what is received. */
		err = kernel_recvmsg(sock, &msg, &vec, 1, size - got, MSG_DONTWAIT);
		if (err < 0)
			break;
		if (msg.msg_flags & MSG_TRUNC) {
			err = -E2BIG;
			break;
		}
		if (has_end(buf + got, err)) {
			got += err;
			break;
		}
		got += NLMSG_ALIGN(err);
	}
	sock_release(sock);
	return err < 0 ? err : got;
}

/**
 * checkpoint_netns_settings() - list the settings of a network namespace
 * @net: the namespace
 * @buf: as of checkpoint_sysctl_list()
 * @size: bytes of @buf
 *
 * Return: as of checkpoint_sysctl_list().
 */
ssize_t checkpoint_netns_settings(struct net *net, char *buf, size_t size)
{
#ifdef CONFIG_SYSCTL
	return checkpoint_sysctl_list(&net->sysctls, buf, size);
#else
	return 0;
#endif
}

/**
 * checkpoint_netns_set() - write a setting of a network namespace
 * @net: the namespace
 * @path: its path below /proc/sys
 * @text: the text
 *
 * Return: as of checkpoint_sysctl_write().
 */
int checkpoint_netns_set(struct net *net, const char *path, const char *text)
{
#ifdef CONFIG_SYSCTL
	return checkpoint_sysctl_write(&net->sysctls, path, text);
#else
	return -ENOENT;
#endif
}
