/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What files about network namespaces have of each other: what devices have.
 */
#ifndef _CHECKPOINT_NETNS_H
#define _CHECKPOINT_NETNS_H

#include <linux/types.h>

struct Qdisc_ops;
struct net;
struct net_device;

/* Of netns_left.c. */
const struct Qdisc_ops *checkpoint_netdev_ingress(const struct net_device *dev);
bool checkpoint_netdev_has_programs(struct net_device *dev);

/* Of netns_tunnel.c. */
bool checkpoint_tunnel_differs(const struct net_device *dev, const struct net_device *fresh);
bool checkpoint_tunnel_lends(const struct net *net, char *name);

#endif /* _CHECKPOINT_NETNS_H */
