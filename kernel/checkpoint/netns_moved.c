// SPDX-License-Identifier: GPL-2.0
/*
 * Network devices that a restart does not make: the caller has them, and they are moved to a new
 * network namespace, or back if the restart fails.  And what stands in for one of them where a
 * checkpoint tries what a restart would do.
 */
#include <linux/capability.h>
#include <linux/checkpoint_netns.h>
#include <linux/err.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/addrconf.h>
#include <net/net_namespace.h>
#include <net/netdev_lock.h>
#include <net/rtnetlink.h>
#include <net/sch_generic.h>
#include "../../net/core/dev.h"
#include "netns.h"

/* What a device is called whose name is in use. */
#define ANY_NAME	"dev%d"

/**
 * struct checkpoint_moved - a device that was moved, and what it was
 * @from: where it was
 * @to: where it is
 * @index: its number there
 * @old_index: its number where it was
 * @name: its name there
 * @alias: its alias there; empty: it had none
 * @flags: IFF_*, those that users set; it was off
 * @mtu: its MTU
 * @queue_len: the length of its queue
 * @group: its group
 * @address: its address
 * @broadcast: its address for all
 * @link_mode: who sets its state
 */
struct checkpoint_moved {
	struct net *from;
	struct net *to;
	int index;
	int old_index;
	char name[IFNAMSIZ];
	char alias[IFALIASZ];
	unsigned int flags;
	unsigned int mtu;
	unsigned int queue_len;
	int group;
	struct sockaddr_storage address;
	u8 broadcast[ETH_ALEN];
	unsigned char link_mode;
};

/* The locks of both, in the order of rtnl_net_cmp_locks().  The RTNL is held. */
static void lock_both(struct net *a, struct net *b)
{
	if (net_eq(b, &init_net) || (!net_eq(a, &init_net) && b < a))
		swap(a, b);
	__rtnl_net_lock(a);
	__rtnl_net_lock(b);
}

static void unlock_both(struct net *a, struct net *b)
{
	__rtnl_net_unlock(a);
	__rtnl_net_unlock(b);
}

/* Has it addresses of IP?  They stay behind when it is moved, and nothing brings them back. */
static bool has_addresses(const struct net_device *dev)
{
	const struct in_device *in_dev = __in_dev_get_rtnl(dev);
#if IS_ENABLED(CONFIG_IPV6)
	const struct inet6_dev *in6_dev = __in6_dev_get(dev);

	if (in6_dev && !list_empty(&in6_dev->addr_list))
		return true;
#endif
	return in_dev && rcu_access_pointer(in_dev->ifa_list);
}

/*
 * Is it set up for something?  Queueing disciplines (who asks for one gives it a handle) and hooks
 * would be lost, and programs would come along to where nobody knows of them.
 */
static bool is_set_up(struct net_device *dev)
{
	return rtnl_dereference(dev->qdisc)->handle || checkpoint_netdev_ingress(dev) ||
	       checkpoint_netdev_has_programs(dev) || rcu_access_pointer(dev->rx_handler);
}

/* Why @dev is not to be moved, or 0. */
static int movable(struct net_device *dev)
{
	if (dev->reg_state != NETREG_REGISTERED)
		return -ENODEV;
	if (dev->netns_immutable || dev->flags & IFF_LOOPBACK)
		return -EINVAL;
	if (dev->type != ARPHRD_ETHER || dev->addr_len != ETH_ALEN)
		return -EOPNOTSUPP;
	/* Nobody loses by accident what he uses. */
	if (dev->flags & IFF_UP || netdev_has_any_upper_dev(dev) || is_set_up(dev))
		return -EBUSY;
	return has_addresses(dev) ? -EADDRINUSE : 0;
}

/*
 * Why @dev can't be called @as in @to, or 0: as dev_get_valid_name(), but before it is moved, as it
 * does not come back as it was.
 */
static int nameable(struct net_device *dev, struct net *to, const char *as)
{
	const struct netdev_name_node *node;

	if (!dev_valid_name(as) || strchr(as, '%'))
		return -EINVAL;
	if (netdev_name_in_use(to, as))
		return -EEXIST;
	/* Its other names come along. */
	netdev_for_each_altname(dev, node) {
		if (!strcmp(node->name, as))
			return -EEXIST;
	}
	return 0;
}

/* Notes what @dev is before it is moved. */
static void note(struct checkpoint_moved *moved, const struct net_device *dev)
{
	moved->old_index = dev->ifindex;
	strscpy(moved->name, dev->name, sizeof(moved->name));
	dev_get_alias(dev, moved->alias, sizeof(moved->alias));
	moved->flags = netif_get_flags(dev) & ~IFF_UP;
	moved->mtu = dev->mtu;
	moved->queue_len = dev->tx_queue_len;
	moved->group = dev->group;
	moved->address.ss_family = dev->type;
	memcpy(moved->address.__data, dev->dev_addr, ETH_ALEN);
	memcpy(moved->broadcast, dev->broadcast, ETH_ALEN);
	moved->link_mode = dev->link_mode;
}

/* One that stands on @dev and can be ended, but for a bridge: it leaves that as it is moved. */
static struct net_device *next_upper(struct net_device *dev)
{
	const struct net_device *master = netdev_master_upper_dev_get(dev);
	struct net_device *upper;
	struct list_head *iter;

	guard(rcu)();
	netdev_for_each_upper_dev_rcu(dev, upper, iter) {
		if (upper != master && list_empty(&upper->unreg_list) && upper->rtnl_link_ops &&
		    upper->rtnl_link_ops->dellink)
			return upper;
	}
	return NULL;
}

/*
 * Ends the devices that stand on @dev, all at once, as default_device_exit_batch(): an image says
 * how many these are, and each time takes long.
 */
static void end_uppers(struct net_device *dev)
{
	struct net_device *upper;
	LIST_HEAD(list);

	while ((upper = next_upper(dev)))
		upper->rtnl_link_ops->dellink(upper, &list);
	unregister_netdevice_many(&list);
}

/* Moves @dev back, and makes it what it was.  Both namespaces are locked. */
static void give_back(const struct checkpoint_moved *moved, struct net_device *dev)
{
	struct sockaddr_storage address = moved->address;
	int err;

	end_uppers(dev);
	err = __dev_change_net_namespace(dev, moved->from, ANY_NAME, moved->old_index, NULL);
	/* Somebody else has its number by now. */
	if (err == -EBUSY)
		err = __dev_change_net_namespace(dev, moved->from, ANY_NAME, 0, NULL);
	if (err) {
		/* It stays with its namespace: default_device_exit_net() moves what it can. */
		pr_warn_ratelimited("checkpoint: can't move the device %s back: %d\n", dev->name,
				    err);
		return;
	}
	/* What is not taken stays as it is: it is there. */
	dev_change_name(dev, moved->name);
	dev_change_flags(dev, moved->flags, NULL);
	if (memcmp(dev->dev_addr, address.__data, ETH_ALEN))
		dev_set_mac_address_user(dev, &address, NULL);
	dev_set_mtu(dev, moved->mtu);
	dev_change_tx_queue_len(dev, moved->queue_len);
	dev_set_group(dev, moved->group);
	dev_set_alias(dev, moved->alias, strlen(moved->alias));
	/* As do_setlink(). */
	netdev_lock_ops(dev);
	if (memcmp(dev->broadcast, moved->broadcast, ETH_ALEN)) {
		memcpy(dev->broadcast, moved->broadcast, ETH_ALEN);
		call_netdevice_notifiers(NETDEV_CHANGEADDR, dev);
	}
	WRITE_ONCE(dev->link_mode, moved->link_mode);
	netdev_unlock_ops(dev);
}

/**
 * checkpoint_netns_move() - move a device to a new network namespace
 * @from: the namespace where it is
 * @name: its name there
 * @to: the new namespace
 * @as: the name that it gets there
 * @index: the number that it gets there
 *
 * As RTM_NEWLINK with IFLA_NET_NS_FD, with the rights of the caller, but only what nobody uses: a
 * device that is off, that no other one stands on, and for which its namespace has no addresses,
 * queueing disciplines, hooks or programs: these would not come back with it.
 *
 * Return: what gives it back, to be freed, or an error pointer: -EPERM if the caller may not set up
 * one of both namespaces; -ENODEV if there is no such device; -EBUSY if it is used, or the number
 * is in use there; -EADDRINUSE if it has addresses; -EINVAL if it can't be moved, or the name is
 * none; -EOPNOTSUPP if it is none of Ethernet; -EEXIST if the name, or one of its others, is in use
 * there; -EINTR if the caller was killed; -ENOMEM.
 */
struct checkpoint_moved *checkpoint_netns_move(struct net *from, const char *name, struct net *to,
					       const char *as, u32 index)
{
	struct checkpoint_moved *moved;
	struct net_device *dev;
	int err;

	/* As rtnetlink_rcv_msg() and rtnl_link_get_net_capable(). */
	if (!ns_capable(from->user_ns, CAP_NET_ADMIN) || !ns_capable(to->user_ns, CAP_NET_ADMIN))
		return ERR_PTR(-EPERM);
	if (net_eq(from, to))
		return ERR_PTR(-EINVAL);
	moved = kzalloc_obj(*moved, GFP_KERNEL_ACCOUNT);
	if (!moved)
		return ERR_PTR(-ENOMEM);
	err = rtnl_lock_killable();
	if (err)
		goto free;
	lock_both(from, to);
	dev = __dev_get_by_name(from, name);
	err = dev ? movable(dev) : -ENODEV;
	if (!err)
		err = nameable(dev, to, as);
	if (!err) {
		note(moved, dev);
		err = __dev_change_net_namespace(dev, to, ANY_NAME, index, NULL);
	}
	if (!err) {
		moved->from = get_net(from);
		moved->to = get_net(to);
		moved->index = dev->ifindex;
		err = dev_change_name(dev, as);
		if (err) {
			give_back(moved, dev);
			moved->index = 0;
		}
	}
	unlock_both(from, to);
	rtnl_unlock();
	if (!err)
		return moved;
free:
	checkpoint_netns_moved_free(moved);
	return ERR_PTR(err);
}

/**
 * checkpoint_netns_give_back() - move a device back to where it was
 * @moved: the device, which comes back switched off, with the name, number, alias, addresses of
 *         links, MTU, flags, group, mode and length of the queue that it had, as far as it takes
 *         these
 *
 * Nothing else can be done with it: so that does not end when the caller is killed.  One that is
 * gone from the namespace stays where it is.
 */
void checkpoint_netns_give_back(struct checkpoint_moved *moved)
{
	struct net_device *dev;

	rtnl_lock();
	lock_both(moved->from, moved->to);
	dev = moved->index ? __dev_get_by_index(moved->to, moved->index) : NULL;
	if (dev)
		give_back(moved, dev);
	moved->index = 0;
	unlock_both(moved->from, moved->to);
	rtnl_unlock();
}

/**
 * checkpoint_netns_moved_free() - forget that a device was moved
 * @moved: the device, which stays where it is
 */
void checkpoint_netns_moved_free(struct checkpoint_moved *moved)
{
	if (moved->to) {
		put_net(moved->to);
		put_net(moved->from);
	}
	kfree(moved);
}

/**
 * checkpoint_netns_stand_in() - have a device be like another one where others look at that
 * @net: the namespace of the other one
 * @fresh: the namespace of the device, which nobody is in
 * @index: the number of both
 *
 * The device is a dummy, off, that nobody but a checkpoint has.  What stands on it gets bounds of
 * it, and its queueing disciplines are chosen by what queues it has.
 *
 * Return: 0; -ENODEV if one of both is not there; -EINVAL if it has less queues; -EINTR if the
 * caller was killed.
 */
int checkpoint_netns_stand_in(struct net *net, struct net *fresh, u32 index)
{
	struct net_device *dev, *other;
	int ret;

	/* Nobody else changes that of @fresh. */
	ret = rtnl_lock_killable();
	if (ret)
		return ret;
	lock_both(net, fresh);
	dev = __dev_get_by_index(net, index);
	other = __dev_get_by_index(fresh, index);
	ret = -ENODEV;
	if (dev && other && dev->addr_len == other->addr_len) {
		/* Drivers set these before others know of a device. */
		other->min_mtu = dev->min_mtu;
		other->max_mtu = dev->max_mtu;
		memcpy(other->perm_addr, dev->perm_addr, dev->addr_len);
		if (!(dev->priv_flags & IFF_NO_QUEUE))
			other->priv_flags &= ~IFF_NO_QUEUE;
		netif_inherit_tso_max(other, dev);
		netdev_lock_ops(other);
		ret = netif_set_real_num_tx_queues(other, dev->real_num_tx_queues);
		if (!ret)
			ret = netif_set_real_num_rx_queues(other, dev->real_num_rx_queues);
		netdev_unlock_ops(other);
	}
	unlock_both(net, fresh);
	rtnl_unlock();
	return ret;
}

/**
 * checkpoint_netns_no_carrier() - tell whether a device that is on lacks its carrier
 * @net: its network namespace
 * @index: its number
 *
 * Return: 1 if it does; 0 if not, or it is off or gone; -EINTR if the caller was killed.
 */
int checkpoint_netns_no_carrier(struct net *net, u32 index)
{
	const struct net_device *dev;
	int ret;

	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	dev = __dev_get_by_index(net, index);
	ret = dev && netif_running(dev) && !netif_carrier_ok(dev);
	rtnl_net_unlock(net);
	return ret;
}
