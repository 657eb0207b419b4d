// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: connections that are silent. Their tasks were killed, and may come back: what
 * still arrives finds no socket, and would be answered by a reset. That ends when a
 * restart has taken a connection over, or after a minute.
 */
#include <linux/checkpoint_tcp.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/hashtable.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/once.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/tcp.h>
#include <linux/workqueue.h>
#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "tcp.h"
#include "tcp_hold.h"

/* How many are at a time. What is looked up in softirq has to remain short. */
#define CHECKPOINT_TCP_SILENT_MAX	262144

/* Connections that are silent, by their ends; changed under the lock. */
static DEFINE_HASHTABLE(checkpoint_tcp_silent, 12);
static DEFINE_SPINLOCK(checkpoint_tcp_silent_lock);
static unsigned int checkpoint_tcp_silent_count;

static void checkpoint_tcp_expire(struct work_struct *work);
static DECLARE_DELAYED_WORK(checkpoint_tcp_expiry, checkpoint_tcp_expire);

/* Who has a network namespace of his own chooses the ends: it depends on a secret, too. */
static u32 checkpoint_tcp_hash(const struct checkpoint_tcp_ends *ends)
{
	static u32 secret __read_mostly;

	BUILD_BUG_ON(sizeof(*ends) % sizeof(u32));
	net_get_random_once(&secret, sizeof(secret));
	return jhash2((const u32 *)ends, sizeof(*ends) / sizeof(u32), secret);
}

/* The ends of the connection of @sk. */
static void checkpoint_tcp_ends_of(const struct sock *sk, struct checkpoint_tcp_ends *ends)
{
	const struct inet_sock *inet = inet_sk(sk);

	memset(ends, 0, sizeof(*ends));
	ends->netns = sock_net(sk)->net_cookie;
	ends->port = inet->inet_sport;
	ends->peer_port = inet->inet_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (checkpoint_tcp_is_v6(sk)) {
		ends->addr = sk->sk_v6_rcv_saddr;
		ends->peer_addr = sk->sk_v6_daddr;
		return;
	}
#endif
	ipv6_addr_set_v4mapped(inet->inet_rcv_saddr, &ends->addr);
	ipv6_addr_set_v4mapped(inet->inet_daddr, &ends->peer_addr);
}

/* The ends of the connection that a segment belongs to which has come here. */
static void checkpoint_tcp_ends_of_skb(const struct net *net, const struct sk_buff *skb,
				       struct checkpoint_tcp_ends *ends)
{
	const struct tcphdr *th = tcp_hdr(skb);

	memset(ends, 0, sizeof(*ends));
	ends->netns = net->net_cookie;
	ends->port = th->dest;
	ends->peer_port = th->source;
#if IS_ENABLED(CONFIG_IPV6)
	if (ip_hdr(skb)->version == 6) {
		ends->addr = ipv6_hdr(skb)->daddr;
		ends->peer_addr = ipv6_hdr(skb)->saddr;
		return;
	}
#endif
	ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &ends->addr);
	ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &ends->peer_addr);
}

/* The slow path of checkpoint_tcp_is_silent(). */
bool __checkpoint_tcp_is_silent(const struct sock *sk, const struct sk_buff *skb)
{
	const struct checkpoint_tcp_silence *silence;
	struct checkpoint_tcp_ends ends;
	bool found = false;

	/* Who has the connection now answers as always. */
	if (sk && sk->sk_state != TCP_LISTEN)
		return false;
	rcu_read_lock();
	checkpoint_tcp_ends_of_skb(sk ? sock_net(sk) : skb_dst_dev_net_rcu(skb), skb, &ends);
	hash_for_each_possible_rcu(checkpoint_tcp_silent, silence, node,
				   checkpoint_tcp_hash(&ends)) {
		found = !memcmp(&silence->ends, &ends, sizeof(ends));
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

/* Frees those that are silent no more. */
static void checkpoint_tcp_free(struct list_head *expired)
{
	struct checkpoint_tcp_silence *silence, *next;

	list_for_each_entry_safe(silence, next, expired, list) {
		static_branch_dec(&checkpoint_tcp_holds);
		kfree_rcu(silence, rcu);
	}
}

/* Takes @silence out of checkpoint_tcp_silent, into @expired. */
static void checkpoint_tcp_take_silence(struct checkpoint_tcp_silence *silence,
					struct list_head *expired)
{
	lockdep_assert_held(&checkpoint_tcp_silent_lock);

	hash_del_rcu(&silence->node);
	checkpoint_tcp_silent_count--;
	list_add(&silence->list, expired);
}

/* The minute of the oldest ones is over. */
static void checkpoint_tcp_expire(struct work_struct *work)
{
	struct checkpoint_tcp_silence *silence;
	unsigned long now = jiffies;
	struct hlist_node *next;
	LIST_HEAD(expired);
	bool left = false;
	long wait = 0;
	int bucket;

	for (bucket = 0; bucket < HASH_SIZE(checkpoint_tcp_silent); bucket++) {
		spin_lock_bh(&checkpoint_tcp_silent_lock);
		hlist_for_each_entry_safe(silence, next, &checkpoint_tcp_silent[bucket], node) {
			long rest = silence->stamp - now;

			if (rest <= 0) {
				checkpoint_tcp_take_silence(silence, &expired);
			} else if (!left || rest < wait) {
				left = true;
				wait = rest;
			}
		}
		spin_unlock_bh(&checkpoint_tcp_silent_lock);
	}
	checkpoint_tcp_free(&expired);
	/* Who has become silent meanwhile has asked for a whole minute. */
	if (left)
		mod_delayed_work(system_percpu_wq, &checkpoint_tcp_expiry, wait);
}

/* What arrives for the socket of @hold is not answered from now on, if there is room. */
void checkpoint_tcp_silence(struct checkpoint_tcp_hold *hold)
{
	struct checkpoint_tcp_silence *silence = hold->silence;

	hold->silence = NULL;
	checkpoint_tcp_ends_of(hold->sk, &silence->ends);
	silence->stamp = jiffies + CHECKPOINT_TCP_SILENCE;
	static_branch_inc(&checkpoint_tcp_holds);
	spin_lock_bh(&checkpoint_tcp_silent_lock);
	if (checkpoint_tcp_silent_count < CHECKPOINT_TCP_SILENT_MAX) {
		checkpoint_tcp_silent_count++;
		hash_add_rcu(checkpoint_tcp_silent, &silence->node,
			     checkpoint_tcp_hash(&silence->ends));
		silence = NULL;
	}
	spin_unlock_bh(&checkpoint_tcp_silent_lock);
	if (silence) {
		static_branch_dec(&checkpoint_tcp_holds);
		kfree(silence);
	}
	schedule_delayed_work(&checkpoint_tcp_expiry, CHECKPOINT_TCP_SILENCE);
}

/* The connection of @sk, which has its addresses, is not silent any more. */
void checkpoint_tcp_break_silence(const struct sock *sk)
{
	struct checkpoint_tcp_silence *silence;
	struct checkpoint_tcp_ends ends;
	struct hlist_node *next;
	LIST_HEAD(expired);

	checkpoint_tcp_ends_of(sk, &ends);
	spin_lock_bh(&checkpoint_tcp_silent_lock);
	hash_for_each_possible_safe(checkpoint_tcp_silent, silence, next, node,
				    checkpoint_tcp_hash(&ends)) {
		if (!memcmp(&silence->ends, &ends, sizeof(ends)))
			checkpoint_tcp_take_silence(silence, &expired);
	}
	spin_unlock_bh(&checkpoint_tcp_silent_lock);
	checkpoint_tcp_free(&expired);
}
