// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: connections whose other end is outside are held while they are saved, so
 * that nothing is acknowledged which the image does not have.
 *
 * The tasks are killed with their connections held, which end without a segment.
 * From then on their addresses are silent: what still arrives finds no socket, and
 * would be answered by a reset. That ends when a restart has taken a connection
 * over, or after a minute.
 *
 * Tasks may be left frozen first, to be killed when their image is safe: then the
 * holds are kept here, until that, or until the tasks are thawed instead.
 */
#include <linux/capability.h>
#include <linux/checkpoint.h>
#include <linux/checkpoint_tcp.h>
#include <linux/hashtable.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/tcp.h>
#include <linux/workqueue.h>
#include <net/dst.h>
#include <net/inet_connection_sock.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

DEFINE_STATIC_KEY_FALSE(checkpoint_tcp_holds);

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
 * struct checkpoint_tcp_hold - the hold on a connection
 * @node: in checkpoint_tcp_silent, when its socket is gone
 * @list: in checkpoint_tcp_left, or one of those that are let go
 * @rcu: for kfree_rcu()
 * @sk: the socket, with a reference
 * @stamp: when it began, or ends to be silent: jiffies
 * @id: the checkpoint that has left its tasks frozen
 * @is_new: the socket was not connected before
 * @is_thawed: the tasks run on
 * @ends: the addresses that are silent
 */
struct checkpoint_tcp_hold {
	struct hlist_node node;
	struct list_head list;
	struct rcu_head rcu;
	struct sock *sk;
	unsigned long stamp;
	u64 id;
	bool is_new;
	bool is_thawed;
	struct checkpoint_tcp_ends ends;
};

/* Connections that are silent, by their ends; changed under the lock. */
static DEFINE_HASHTABLE(checkpoint_tcp_silent, 12);
static DEFINE_SPINLOCK(checkpoint_tcp_silent_lock);

static void checkpoint_tcp_expire(struct work_struct *work);
static DECLARE_DELAYED_WORK(checkpoint_tcp_expiry, checkpoint_tcp_expire);

static u32 checkpoint_tcp_hash(const struct checkpoint_tcp_ends *ends)
{
	BUILD_BUG_ON(sizeof(*ends) % sizeof(u32));
	return jhash2((const u32 *)ends, sizeof(*ends) / sizeof(u32), 0);
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
	const struct checkpoint_tcp_hold *hold;
	struct checkpoint_tcp_ends ends;
	bool found = false;

	/* Who has the connection now answers as always. */
	if (sk && sk->sk_state != TCP_LISTEN)
		return false;
	rcu_read_lock();
	checkpoint_tcp_ends_of_skb(sk ? sock_net(sk) : skb_dst_dev_net_rcu(skb), skb, &ends);
	hash_for_each_possible_rcu(checkpoint_tcp_silent, hold, node, checkpoint_tcp_hash(&ends)) {
		found = !memcmp(&hold->ends, &ends, sizeof(ends));
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

/* Frees those that are silent no more. */
static void checkpoint_tcp_free(struct list_head *expired)
{
	struct checkpoint_tcp_hold *hold, *next;

	list_for_each_entry_safe(hold, next, expired, list) {
		static_branch_dec(&checkpoint_tcp_holds);
		kfree_rcu(hold, rcu);
	}
}

/* The minute of the oldest ones is over. */
static void checkpoint_tcp_expire(struct work_struct *work)
{
	struct checkpoint_tcp_hold *hold;
	unsigned long now = jiffies;
	struct hlist_node *next;
	LIST_HEAD(expired);
	bool left = false;
	long wait = 0;
	int bucket;

	spin_lock_bh(&checkpoint_tcp_silent_lock);
	hash_for_each_safe(checkpoint_tcp_silent, bucket, next, hold, node) {
		long rest = hold->stamp - now;

		if (rest <= 0) {
			hash_del_rcu(&hold->node);
			list_add(&hold->list, &expired);
		} else if (!left || rest < wait) {
			left = true;
			wait = rest;
		}
	}
	spin_unlock_bh(&checkpoint_tcp_silent_lock);
	checkpoint_tcp_free(&expired);
	if (left)
		schedule_delayed_work(&checkpoint_tcp_expiry, wait);
}

/* The connection of @sk, which has its addresses, is not silent any more. */
static void checkpoint_tcp_break_silence(const struct sock *sk)
{
	struct checkpoint_tcp_hold *hold;
	struct checkpoint_tcp_ends ends;
	struct hlist_node *next;
	LIST_HEAD(expired);

	checkpoint_tcp_ends_of(sk, &ends);
	spin_lock_bh(&checkpoint_tcp_silent_lock);
	hash_for_each_possible_safe(checkpoint_tcp_silent, hold, next, node,
				    checkpoint_tcp_hash(&ends)) {
		if (memcmp(&hold->ends, &ends, sizeof(ends)))
			continue;
		hash_del_rcu(&hold->node);
		list_add(&hold->list, &expired);
	}
	spin_unlock_bh(&checkpoint_tcp_silent_lock);
	checkpoint_tcp_free(&expired);
}

/**
 * checkpoint_tcp_hold() - hold a TCP connection, or a socket that is to become one
 * @sk: the socket
 *
 * What arrives from now on is dropped; what is on its way through the stack may
 * still be taken in until checkpoint_tcp_hold_settle().
 *
 * It takes the right that TCP_REPAIR takes, of the caller: the other end is not
 * told when a connection ends.
 *
 * Return: the hold, or an error pointer: -EPERM if the caller may not, -ENOTCONN
 * if it is not connected any more, or was shut down for writing, -EBUSY if it is
 * held, or under repair, -EINTR if the caller was killed.
 */
struct checkpoint_tcp_hold *checkpoint_tcp_hold(struct sock *sk)
{
	struct checkpoint_tcp_hold *hold;
	int err;

	if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return ERR_PTR(-EPERM);
	hold = kzalloc_obj(*hold, GFP_KERNEL_ACCOUNT);
	if (!hold)
		return ERR_PTR(-ENOMEM);
	static_branch_inc(&checkpoint_tcp_holds);
	err = checkpoint_tcp_lock(sk, NULL);
	if (err)
		goto out;
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_CLOSE)))
		err = -ENOTCONN;
	else if (tcp_sk(sk)->repair ||
		 test_and_set_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags))
		err = -EBUSY;
	hold->is_new = sk->sk_state == TCP_CLOSE;
	release_sock(sk);
	if (err)
		goto out;
	sock_hold(sk);
	hold->sk = sk;
	hold->stamp = jiffies;
	return hold;
out:
	static_branch_dec(&checkpoint_tcp_holds);
	kfree(hold);
	return ERR_PTR(err);
}

/**
 * checkpoint_tcp_hold_settle() - wait for what has passed before sockets were held
 *
 * Nothing is taken in any more after that.
 */
void checkpoint_tcp_hold_settle(void)
{
	/* Segments are received in a read-side critical section. */
	synchronize_rcu_expedited();
}

/* The time that passed in the meantime does not count for @sk. */
static void checkpoint_tcp_shift(struct sock *sk, unsigned long held)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcp_sock *tp = tcp_sk(sk);

	tp->rcv_tstamp += held;
	icsk->icsk_ack.lrcvtime += held;
	tp->lsndtime += held;
	if (icsk->icsk_probes_tstamp)
		icsk->icsk_probes_tstamp += held;
	if (tp->retrans_stamp)
		tp->retrans_stamp += tp->tcp_usec_ts ? jiffies_to_usecs(held) :
						       jiffies_to_msecs(held);
}

/**
 * checkpoint_tcp_resume() - let go of a connection, which goes on
 * @hold: the hold, which is gone afterwards
 *
 * Its timers run again; the other end is asked what it has got, and told what
 * has come here.
 */
void checkpoint_tcp_resume(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;
	struct tcp_sock *tp = tcp_sk(sk);

	lock_sock(sk);
	tp->repair = 0;
	tp->repair_queue = TCP_NO_QUEUE;
	clear_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags);
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))) {
		checkpoint_tcp_break_silence(sk);
		tcp_mstamp_refresh(tp);
		if (!hold->is_new)
			checkpoint_tcp_shift(sk, jiffies - hold->stamp);
		if (tp->packets_out)
			tcp_rearm_rto(sk);
		if (sock_flag(sk, SOCK_KEEPOPEN))
			tcp_reset_keepalive_timer(sk, keepalive_time_when(tp));
	}
	/* It may have been closed meanwhile, by who was killed in some other way. */
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))) {
		tcp_send_ack(sk);
		tcp_send_window_probe(sk);
		tcp_push_pending_frames(sk);
	}
	release_sock(sk);
	sock_put(sk);
	static_branch_dec(&checkpoint_tcp_holds);
	kfree(hold);
}

/**
 * checkpoint_tcp_bury() - let a connection end without a segment
 * @hold: the hold, which is gone for the caller
 *
 * When it is closed nothing is sent, and for a minute nothing that arrives for it
 * is answered by a reset. It stays held until then.
 */
void checkpoint_tcp_bury(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;

	lock_sock(sk);
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		tcp_sk(sk)->repair = 1;
	checkpoint_tcp_ends_of(sk, &hold->ends);
	release_sock(sk);

	hold->sk = NULL;
	hold->stamp = jiffies + CHECKPOINT_TCP_SILENCE;
	spin_lock_bh(&checkpoint_tcp_silent_lock);
	hash_add_rcu(checkpoint_tcp_silent, &hold->node, checkpoint_tcp_hash(&hold->ends));
	spin_unlock_bh(&checkpoint_tcp_silent_lock);
	schedule_delayed_work(&checkpoint_tcp_expiry, CHECKPOINT_TCP_SILENCE);
	sock_put(sk);
}

/**
 * checkpoint_tcp_reset() - reset the connection of a socket that is held
 * @hold: the hold, which is gone afterwards
 *
 * The other end is told, as by who closes a socket with data in it.
 */
void checkpoint_tcp_reset(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;

	lock_sock(sk);
	tcp_sk(sk)->repair = 0;
	clear_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags);
	if (sk->sk_state != TCP_CLOSE) {
		checkpoint_tcp_break_silence(sk);
		sk->sk_prot->disconnect(sk, O_NONBLOCK);
	}
	release_sock(sk);
	sock_put(sk);
	static_branch_dec(&checkpoint_tcp_holds);
	kfree(hold);
}

/* Holds on connections of tasks that were left frozen; changed under the lock. */
static LIST_HEAD(checkpoint_tcp_left);
static DEFINE_SPINLOCK(checkpoint_tcp_left_lock);

static void checkpoint_tcp_sweep(struct work_struct *work);
static DECLARE_DELAYED_WORK(checkpoint_tcp_sweeper, checkpoint_tcp_sweep);

/* Tasks were thawed, or have died in another way than their checkpoint has meant. */
static void checkpoint_tcp_sweep(struct work_struct *work)
{
	struct checkpoint_tcp_hold *hold, *next;
	LIST_HEAD(over);
	bool left;

	spin_lock(&checkpoint_tcp_left_lock);
	list_for_each_entry_safe(hold, next, &checkpoint_tcp_left, list) {
		if (hold->is_thawed || sock_flag(hold->sk, SOCK_DEAD))
			list_move(&hold->list, &over);
	}
	left = !list_empty(&checkpoint_tcp_left);
	spin_unlock(&checkpoint_tcp_left_lock);
	list_for_each_entry_safe(hold, next, &over, list)
		checkpoint_tcp_resume(hold);
	if (left)
		schedule_delayed_work(&checkpoint_tcp_sweeper, CHECKPOINT_TCP_SILENCE);
}

/**
 * checkpoint_tcp_leave() - keep the hold on a connection of tasks that are left frozen
 * @hold: the hold, which is gone for the caller
 * @id: the checkpoint
 *
 * Until checkpoint_tcp_end(), or until the tasks are thawed or dead.
 */
void checkpoint_tcp_leave(struct checkpoint_tcp_hold *hold, u64 id)
{
	hold->id = id;
	spin_lock(&checkpoint_tcp_left_lock);
	list_add_tail(&hold->list, &checkpoint_tcp_left);
	spin_unlock(&checkpoint_tcp_left_lock);
	schedule_delayed_work(&checkpoint_tcp_sweeper, CHECKPOINT_TCP_SILENCE);
}

/**
 * checkpoint_tcp_end() - end the holds that a checkpoint has left
 * @id: the checkpoint
 * @bury: the tasks are about to be killed, as checkpoint_tcp_bury(); else the
 *	connections go on
 */
void checkpoint_tcp_end(u64 id, bool bury)
{
	struct checkpoint_tcp_hold *hold, *next;
	LIST_HEAD(over);

	spin_lock(&checkpoint_tcp_left_lock);
	list_for_each_entry_safe(hold, next, &checkpoint_tcp_left, list) {
		if (hold->id == id)
			list_move(&hold->list, &over);
	}
	spin_unlock(&checkpoint_tcp_left_lock);
	list_for_each_entry_safe(hold, next, &over, list) {
		if (bury)
			checkpoint_tcp_bury(hold);
		else
			checkpoint_tcp_resume(hold);
	}
}

/**
 * checkpoint_thawed() - tell that tasks may run which a checkpoint has left frozen
 * @id: the checkpoint
 *
 * Their connections go on, a moment later. Called with cgroup_mutex held.
 */
void checkpoint_thawed(u64 id)
{
	struct checkpoint_tcp_hold *hold;
	bool found = false;

	spin_lock(&checkpoint_tcp_left_lock);
	list_for_each_entry(hold, &checkpoint_tcp_left, list) {
		if (hold->id == id) {
			hold->is_thawed = true;
			found = true;
		}
	}
	spin_unlock(&checkpoint_tcp_left_lock);
	if (found)
		mod_delayed_work(system_percpu_wq, &checkpoint_tcp_sweeper, 0);
}
