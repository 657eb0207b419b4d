// SPDX-License-Identifier: GPL-2.0
/*
 * What network namespaces have of each other: devices that lead to another one, and numbers.
 */
#include <linux/capability.h>
#include <linux/checkpoint_netns.h>
#include <linux/idr.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>

/**
 * checkpoint_netns_lead() - find the next device that leads out of its network namespace
 * @net: the namespace
 * @from: devices with lower numbers are left out
 * @lead: where to put what it is
 *
 * To be asked for before netlink is asked for devices, which would give the other namespace
 * a number in this one.
 *
 * Return: 1 if there is one, 0 if not, or an errno: -EINTR if the caller was killed.
 */
int checkpoint_netns_lead(struct net *net, u32 from, struct checkpoint_netns_lead *lead)
{
	unsigned long index = from;
	struct net_device *dev;
	int ret;

	memset(lead, 0, sizeof(*lead));
	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	for_each_netdev_dump(net, dev, index) {
		const struct rtnl_link_ops *ops = dev->rtnl_link_ops;
		const struct net *to;

		if (!ops || !ops->get_link_net)
			continue;
		to = ops->get_link_net(dev);
		if (net_eq(to, net))
			continue;
		lead->to = to;
		lead->index = dev->ifindex;
		lead->pair = !strcmp(ops->kind, "veth");
		strscpy(lead->name, dev->name, sizeof(lead->name));
		ret = 1;
		break;
	}
	rtnl_net_unlock(net);
	return ret;
}

/**
 * checkpoint_netns_lead_net() - get the network namespace where a device leads
 * @net: the namespace of the device
 * @index: the number of the device
 *
 * Return: the namespace, with a reference, or an error pointer: -ENODEV if there is no such
 * device, or it leads nowhere; -EINTR if the caller was killed.
 */
struct net *checkpoint_netns_lead_net(struct net *net, u32 index)
{
	const struct net_device *dev;
	struct net *to = NULL;
	int ret;

	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ERR_PTR(ret);
	dev = __dev_get_by_index(net, index);
	if (dev && dev->rtnl_link_ops && dev->rtnl_link_ops->get_link_net)
		to = maybe_get_net(dev->rtnl_link_ops->get_link_net(dev));
	rtnl_net_unlock(net);
	return to ?: ERR_PTR(-ENODEV);
}

/**
 * checkpoint_netns_number() - find the next number that a network namespace has for another one
 * @net: the namespace
 * @number: lower ones are left out; where to put it
 *
 * Return: the other one, to be compared only, or NULL if there is none.
 */
const struct net *checkpoint_netns_number(struct net *net, int *number)
{
	guard(rcu)();
	return idr_get_next(&net->netns_ids, number);
}

/**
 * checkpoint_netns_set_number() - give a network namespace a number for another one
 * @net: the namespace
 * @peer: the other one
 * @number: the number
 *
 * Return: 0, or an errno: -EPERM if the caller may not, -EEXIST if the number is in use, or
 * @net has one for @peer.
 */
int checkpoint_netns_set_number(struct net *net, struct net *peer, int number)
{
	/* As rtnetlink_rcv_msg(), for RTM_NEWNSID. */
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (number < 0)
		return -EINVAL;
	return checkpoint_set_netid(net, peer, number);
}
