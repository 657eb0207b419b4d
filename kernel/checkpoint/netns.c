// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces.
 */
#include <linux/capability.h>
#include <linux/checkpoint_fs.h>
#include <linux/checkpoint_netns.h>
#include <linux/idr.h>
#include <linux/inetdevice.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
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
 * checkpoint_netns_has_others() - tell whether tasks outside are in a network namespace
 * @net: the namespace
 * @ns: a pid namespace: who is not in that is outside
 *
 * Return: whether there is such a task.
 */
bool checkpoint_netns_has_others(const struct net *net, struct pid_namespace *ns)
{
	struct task_struct *p, *t;
	bool found = false;

	rcu_read_lock();
	for_each_process_thread(p, t) {
		if (task_pid_nr_ns(t, ns))
			continue;
		task_lock(t);
		found = t->nsproxy && t->nsproxy->net_ns == net;
		task_unlock(t);
		if (found)
			goto out;
	}
out:
	rcu_read_unlock();
	return found;
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

/*
 * Has @dev anything that @fresh, the same device in another namespace, has not?  Not what netlink
 * shows of devices, except of a loopback device.
 */
static bool device_differs(struct net_device *dev, struct net_device *fresh)
{
	const unsigned int of_user = ~FLAGS_OF_KERNEL;

	if (strcmp(dev->name, fresh->name) || dev->type != fresh->type ||
	    dev->addr_len != fresh->addr_len || dev->netdev_ops != fresh->netdev_ops ||
	    memcmp(dev->dev_addr, fresh->dev_addr, dev->addr_len) ||
	    (netif_get_flags(dev) & of_user) != (netif_get_flags(fresh) & of_user) ||
	    list_empty(&dev->name_node->list) != list_empty(&fresh->name_node->list) ||
	    !rcu_access_pointer(dev->ifalias) != !rcu_access_pointer(fresh->ifalias))
		return true;
	if (dev->mtu != fresh->mtu ||
	    dev->group != fresh->group || dev->tx_queue_len != fresh->tx_queue_len ||
	    dev->features != fresh->features ||
	    dev->wanted_features != fresh->wanted_features ||
	    dev->gso_max_size != fresh->gso_max_size ||
	    dev->gso_ipv4_max_size != fresh->gso_ipv4_max_size ||
	    dev->gso_max_segs != fresh->gso_max_segs ||
	    dev->gro_max_size != fresh->gro_max_size ||
	    dev->gro_ipv4_max_size != fresh->gro_ipv4_max_size ||
	    dev->gro_flush_timeout != fresh->gro_flush_timeout ||
	    dev->napi_defer_hard_irqs != fresh->napi_defer_hard_irqs ||
	    dev->threaded != fresh->threaded || dev->proto_down != fresh->proto_down ||
	    spreads(dev, fresh) || listens_to_more(dev))
		return true;
	/* What others have fastened to it. */
	if (list_empty(&dev->adj_list.upper) != list_empty(&fresh->adj_list.upper) ||
	    list_empty(&dev->adj_list.lower) != list_empty(&fresh->adj_list.lower) ||
	    rcu_access_pointer(dev->rx_handler) != rcu_access_pointer(fresh->rx_handler) ||
	    dev_xdp_prog_count(dev) ||
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
 * checkpoint_netns_outside() - find a device that leads out of its network namespace
 * @net: the namespace
 * @name: where to put its name, CHECKPOINT_NETNS_NAME bytes
 *
 * To be asked for before netlink is asked for devices, which would give the other
 * namespace a number in this one.
 *
 * Return: 1 if there is one, 0 if not, or an errno: -EINTR if the caller was killed.
 */
int checkpoint_netns_outside(struct net *net, char *name)
{
	struct net_device *dev;
	int ret;

	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	for_each_netdev(net, dev) {
		const struct rtnl_link_ops *ops = dev->rtnl_link_ops;

		if (ops && ops->get_link_net && !net_eq(ops->get_link_net(dev), net)) {
			strscpy(name, dev->name, CHECKPOINT_NETNS_NAME);
			ret = 1;
			break;
		}
	}
	rtnl_net_unlock(net);
	return ret;
}

/**
 * checkpoint_netns_queues() - tell whether a device uses all queues that it has
 * @net: its network namespace
 * @index: its number
 *
 * A veth that was not told how many it gets has as many as there may be CPUs, and
 * uses one.
 *
 * Return: CHECKPOINT_NETNS_TX, CHECKPOINT_NETNS_RX, or both; -ENODEV if there is no
 * such device, -EINTR if the caller was killed.
 */
int checkpoint_netns_queues(struct net *net, u32 index)
{
	const struct net_device *dev;
	int ret;

	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	dev = __dev_get_by_index(net, index);
	ret = -ENODEV;
	if (dev) {
		ret = 0;
		if (dev->real_num_tx_queues == dev->num_tx_queues)
			ret |= CHECKPOINT_NETNS_TX;
		if (dev->real_num_rx_queues == dev->num_rx_queues)
			ret |= CHECKPOINT_NETNS_RX;
	}
	rtnl_net_unlock(net);
	return ret;
}

/* Has @dev an IPv6 address that is looked for elsewhere, or whose work is under way? */
static bool addresses_busy(struct net_device *dev)
{
	bool busy = false;
#if IS_ENABLED(CONFIG_IPV6)
	struct inet6_dev *idev = __in6_dev_get(dev);
	struct inet6_ifaddr *ifa;

	if (!idev)
		return false;
	read_lock_bh(&idev->lock);
	list_for_each_entry(ifa, &idev->addr_list, if_list) {
		/* Without a link an address is tentative, and nothing is done about it. */
		if (work_busy(&ifa->dad_work.work))
			busy = true;
	}
	read_unlock_bh(&idev->lock);
#endif
	return busy;
}

/**
 * checkpoint_netns_settle() - let devices learn of what has become of their links
 * @net: their network namespace
 *
 * The kernel does that by itself, up to a second later, and for a hundred devices at a
 * time.  What that has to do with addresses it does in a work.
 *
 * Return: 0; 1 if there is such work, or are more devices; -EINTR if the caller was
 * killed.
 */
int checkpoint_netns_settle(struct net *net)
{
	struct net_device *dev;
	int ret = rtnl_lock_killable();

	if (ret)
		return ret;
	linkwatch_run_queue();
	__rtnl_net_lock(net);
	for_each_netdev(net, dev) {
		if (test_bit(__LINK_STATE_LINKWATCH_PENDING, &dev->state) || addresses_busy(dev))
			ret = 1;
	}
	__rtnl_net_unlock(net);
	rtnl_unlock();
	return ret;
}

/* Has one of the namespaces a device that is not, or not so, in the other one? */
static int devices_left(struct net *net, struct net *fresh, char *name)
{
	struct net_device *dev, *other;

	for_each_netdev(net, dev) {
		other = __dev_get_by_index(fresh, dev->ifindex);
		if (!other || device_differs(dev, other)) {
			strscpy(name, dev->name, CHECKPOINT_NETNS_NAME);
			return other ? CHECKPOINT_NETNS_DIFFERS : CHECKPOINT_NETNS_DEVICE;
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
 * @name: where to put the name of a device, CHECKPOINT_NETNS_NAME bytes
 *
 * Not what netlink shows, which checkpoint_netns_dump() is for.
 *
 * Return: CHECKPOINT_NETNS_*, or an errno: -EINTR if the caller was killed.
 */
int checkpoint_netns_left(struct net *net, struct net *fresh, char *name)
{
	int ret;

	/* That of the other one is the same lock, or nobody else changes it. */
	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	ret = devices_left(net, fresh, name);
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

/**
 * checkpoint_netns_tell() - send a request of NETLINK_ROUTE to a network namespace
 * @net: the namespace
 * @request: the message, with NLM_F_ACK
 * @len: bytes of it
 *
 * The caller's rights count, as for any sender of such a message.
 *
 * Return: 0, or the errno that is answered.
 */
int checkpoint_netns_tell(struct net *net, void *request, size_t len)
{
	/* As in checkpoint_netns_dump(). */
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	struct kvec vec = { .iov_base = request, .iov_len = len };
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
	} answer = { };
	struct socket *sock;
	int err;

	err = __sock_create(net, PF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &sock, 0);
	if (err)
		return err;
	err = kernel_sendmsg(sock, &msg, &vec, 1, len);
	if (err >= 0) {
		msg = (struct msghdr){ };
		vec.iov_base = &answer;
		vec.iov_len = sizeof(answer);
		/* The request that comes with an errno is cut off. */
		err = kernel_recvmsg(sock, &msg, &vec, 1, sizeof(answer), MSG_DONTWAIT);
	}
	sock_release(sock);
	if (err < 0)
		return err;
	if (err < sizeof(answer) || answer.nlh.nlmsg_type != NLMSG_ERROR)
		return -EIO;
	return answer.err.error;
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
