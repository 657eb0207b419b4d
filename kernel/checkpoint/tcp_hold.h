/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The holds on TCP connections, for tcp_hold.c, tcp_left.c and tcp_silence.c.
 */
#ifndef _CHECKPOINT_TCP_HOLD_H
#define _CHECKPOINT_TCP_HOLD_H

#include <linux/checkpoint_tcp_sock.h>
#include <linux/in6.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

/* How long an address is silent. */
#define CHECKPOINT_TCP_SILENCE	(60 * HZ)

/* The two ends of a connection: IPv4 addresses are mapped to those of IPv6. */
struct checkpoint_tcp_ends {
	u64 netns;
	struct in6_addr addr;
	struct in6_addr peer_addr;
	__be16 port;
	__be16 peer_port;
	u32 zero;
};

/**
 * struct checkpoint_tcp_silence - a connection that is silent: its socket is gone
 * @node: in checkpoint_tcp_silent
 * @list: one of those that end
 * @rcu: for kfree_rcu()
 * @stamp: when it ends: jiffies
 * @ends: its addresses
 */
struct checkpoint_tcp_silence {
	struct hlist_node node;
	struct list_head list;
	struct rcu_head rcu;
	unsigned long stamp;
	struct checkpoint_tcp_ends ends;
};

/**
 * struct checkpoint_tcp_hold - the hold on a connection
 * @list: in checkpoint_tcp_left, in @rest of another one, or in checkpoint_tcp_later
 * @rest: if it is in checkpoint_tcp_left: the others of its checkpoint
 * @sk: the socket, with a reference
 * @silence: what is added to checkpoint_tcp_silent when it is buried
 * @stamp: when it began, or when it was buried: jiffies
 * @id: the checkpoint that has left its tasks frozen
 * @was: what of the connection that checkpoint has in its image
 * @listens: that has nothing of it: the socket listens
 * @is_new: the socket was not connected before
 * @is_orphan: it was closed before
 * @is_thawed: the tasks run on; counts for @rest, too
 * @is_buried: it ends as checkpoint_tcp_bury(); else it goes on
 * @is_ending: then, that it was looked at once: if it is not closed the next time
 *	then it is ended for who has it
 */
struct checkpoint_tcp_hold {
	struct list_head list;
	struct list_head rest;
	struct sock *sk;
	struct checkpoint_tcp_silence *silence;
	unsigned long stamp;
	u64 id;
	struct checkpoint_tcp was;
	bool listens;
	bool is_new;
	bool is_orphan;
	bool is_thawed;
	bool is_buried;
	bool is_ending;
};

/* Of tcp_silence.c. */
void checkpoint_tcp_silence(struct checkpoint_tcp_hold *hold);
void checkpoint_tcp_break_silence(const struct sock *sk);

#endif /* _CHECKPOINT_TCP_HOLD_H */
