/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: queueing disciplines and filters (tc).
 */
#ifndef _LINUX_CHECKPOINT_TC_H
#define _LINUX_CHECKPOINT_TC_H

#include <linux/types.h>

struct net;

/* Most bytes of what a queueing discipline keeps and does not tell. */
#define CHECKPOINT_TC_MORE	512

/* What filters that hang on the same place of two namespaces are. */
#define CHECKPOINT_TC_SAME	0
#define CHECKPOINT_TC_DIFFERS	1
#define CHECKPOINT_TC_CHAIN	2
#define CHECKPOINT_TC_LEADS	3

/* Of kernel/checkpoint/tc.c. */
ssize_t checkpoint_tc_more(struct net *net, u32 index, u32 handle, void *buf, size_t size);
int checkpoint_tc_compare(struct net *net, struct net *fresh, u32 index, u32 parent);

#endif /* _LINUX_CHECKPOINT_TC_H */
