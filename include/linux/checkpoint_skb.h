/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: messages of sockets.
 */
#ifndef _LINUX_CHECKPOINT_SKB_H
#define _LINUX_CHECKPOINT_SKB_H

struct sk_buff;
struct sock;

/* Of kernel/checkpoint/skb.c. */
struct sock *checkpoint_skb_sock(const struct sk_buff *skb);
void checkpoint_skb_put(struct sk_buff *skb);
int checkpoint_skb_read(const struct sk_buff *skb, unsigned int offset, void *to,
			unsigned int len);
struct sk_buff *checkpoint_skb_new(unsigned int head, const void *data, unsigned int len);
int checkpoint_skb_queue(struct sock *sk, struct sk_buff *skb,
			 int (*queue)(struct sock *sk, struct sk_buff *skb));

#endif
