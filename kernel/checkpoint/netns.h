/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What netns_left.c has from other files: kinds of devices of network namespaces.
 */
#ifndef _CHECKPOINT_NETNS_H
#define _CHECKPOINT_NETNS_H

#include <linux/types.h>

struct net;
struct net_device;

/* Of netns_tunnel.c. */
bool checkpoint_tunnel_differs(const struct net_device *dev, const struct net_device *fresh);
bool checkpoint_tunnel_lends(const struct net *net, char *name);

#endif /* _CHECKPOINT_NETNS_H */
