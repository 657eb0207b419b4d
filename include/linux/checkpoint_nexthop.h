/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: groups of nexthops.
 */
#ifndef _LINUX_CHECKPOINT_NEXTHOP_H
#define _LINUX_CHECKPOINT_NEXTHOP_H

#include <linux/types.h>

struct net;

/* In @idle: for how long no packet has come, and whether none has since it has this nexthop. */
#define CHECKPOINT_BUCKET_IDLE		0x7fffffffu
#define CHECKPOINT_BUCKET_UNUSED	0x80000000u

/**
 * struct checkpoint_nexthop_bucket - a bucket of a resilient group
 * @id: the nexthop that it has
 * @idle: milliseconds, and CHECKPOINT_BUCKET_UNUSED
 */
struct checkpoint_nexthop_bucket {
	u32 id;
	u32 idle;
};

/* Of net/ipv4/nexthop.c. */
ssize_t checkpoint_nexthop_buckets(struct net *net, u32 id, u32 *unbalanced, void *buf,
				   size_t size);
int checkpoint_nexthop_set_buckets(struct net *net, u32 id, u32 unbalanced, const void *buf,
				   size_t size);

#endif /* _LINUX_CHECKPOINT_NEXTHOP_H */
