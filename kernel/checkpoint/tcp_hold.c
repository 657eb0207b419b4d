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
#include <linux/cgroup.h>
#include <linux/checkpoint.h>
#include <linux/checkpoint_tcp.h>
#include <linux/hashtable.h>
#include <linux/init.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
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

/* How many are at a time. What is looked up in softirq has to remain short. */
#define CHECKPOINT_TCP_SILENT_MAX	262144

/* When a socket is looked at again that somebody else had locked, or has still. */
#define CHECKPOINT_TCP_AGAIN	(HZ / 10)

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
 * @stamp: when it began: jiffies
 * @id: the checkpoint that has left its tasks frozen
 * @was: what of the connection that checkpoint has in its image
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
	bool is_new;
	bool is_orphan;
	bool is_thawed;
	bool is_buried;
	bool is_ending;
};

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
static void checkpoint_tcp_silence(struct checkpoint_tcp_hold *hold)
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
static void checkpoint_tcp_break_silence(const struct sock *sk)
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

/* Frees a hold whose socket is free of it. */
static void checkpoint_tcp_put(struct checkpoint_tcp_hold *hold)
{
	sock_put(hold->sk);
	static_branch_dec(&checkpoint_tcp_holds);
	kfree(hold->silence);
	kfree(hold);
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
 * if it is not connected any more, -EBUSY if it is held, or under repair, -EINTR if
 * the caller was killed.
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
	hold->silence = kzalloc_obj(*hold->silence, GFP_KERNEL_ACCOUNT);
	if (!hold->silence) {
		kfree(hold);
		return ERR_PTR(-ENOMEM);
	}
	static_branch_inc(&checkpoint_tcp_holds);
	err = checkpoint_tcp_lock(sk, NULL);
	if (err)
		goto out;
	if (!((1 << sk->sk_state) & (CHECKPOINT_TCP_KEPT | TCPF_CLOSE)))
		err = -ENOTCONN;
	else if (tcp_sk(sk)->repair ||
		 test_and_set_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags))
		err = -EBUSY;
	hold->is_new = sk->sk_state == TCP_CLOSE;
	hold->is_orphan = sock_flag(sk, SOCK_DEAD);
	checkpoint_tcp_unlock(sk);
	if (err)
		goto out;
	sock_hold(sk);
	hold->sk = sk;
	hold->stamp = jiffies;
	return hold;
out:
	static_branch_dec(&checkpoint_tcp_holds);
	kfree(hold->silence);
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

/* As checkpoint_tcp_resume(). False: somebody else has locked the socket. */
static bool checkpoint_tcp_try_resume(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;
	struct tcp_sock *tp = tcp_sk(sk);

	if (!((1 << inet_sk_state_load(sk)) & (TCPF_CLOSE | TCPF_LISTEN)))
		checkpoint_tcp_break_silence(sk);
	if (!checkpoint_tcp_trylock(sk, 0))
		return false;
	tp->repair = 0;
	tp->repair_queue = TCP_NO_QUEUE;
	clear_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags);
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))) {
		tcp_mstamp_refresh(tp);
		if (!hold->is_new)
			checkpoint_tcp_shift(sk, jiffies - hold->stamp);
		/* One that asks for a window may have run out: below that is asked. */
		if (tp->packets_out)
			tcp_rearm_rto(sk);
		else
			inet_csk_clear_xmit_timer(sk, ICSK_TIME_PROBE0);
		/* One that was closed, and waits for the other end, ends by the same timer. */
		if (sk->sk_state == TCP_FIN_WAIT2 && sock_flag(sk, SOCK_DEAD))
			tcp_reset_keepalive_timer(sk, tcp_fin_time(sk));
		else if (sock_flag(sk, SOCK_KEEPOPEN))
			tcp_reset_keepalive_timer(sk, keepalive_time_when(tp));
	}
	/* It may have been closed meanwhile, by who was killed in some other way. */
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))) {
		tcp_send_ack(sk);
		tcp_send_window_probe(sk);
		tcp_push_pending_frames(sk);
	}
	checkpoint_tcp_unlock(sk);
	checkpoint_tcp_put(hold);
	return true;
}

/* Ends the connection of @sk, which is locked, without a segment. */
static void checkpoint_tcp_end_now(struct sock *sk)
{
	tcp_sk(sk)->repair = 1;
	if (sock_flag(sk, SOCK_DEAD)) {
		/* Others had it, and have closed it before it was buried: as tcp_abort(). */
		local_bh_disable();
		bh_lock_sock(sk);
		tcp_done(sk);
		bh_unlock_sock(sk);
		local_bh_enable();
		return;
	}
	/* Others have it: as connect(2) with AF_UNSPEC under TCP_REPAIR. */
	sk->sk_disconnects++;
	sk->sk_prot->disconnect(sk, 0);
}

/*
 * As checkpoint_tcp_bury(). False: the socket is to be looked at again, as somebody
 * else has locked it, or as it is not closed yet.
 */
static bool checkpoint_tcp_try_bury(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;
	struct tcp_sock *tp = tcp_sk(sk);
	bool is_over = true;

	if (!checkpoint_tcp_trylock(sk, 0))
		return false;
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))) {
		/* Who has it closes it; one that was closed nobody does. */
		is_over = hold->is_ending || hold->is_orphan;
		hold->is_ending = true;
		tp->repair = 1;
		if (is_over)
			checkpoint_tcp_end_now(sk);
	}
	if (is_over) {
		tp->repair = 0;
		tp->repair_queue = TCP_NO_QUEUE;
		clear_bit(CHECKPOINT_INET_BURIED, &inet_sk(sk)->inet_flags);
		clear_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags);
	}
	checkpoint_tcp_unlock(sk);
	if (is_over)
		checkpoint_tcp_put(hold);
	return is_over;
}

/* Holds that have an end, but whose sockets are looked at again; changed under the mutex. */
static LIST_HEAD(checkpoint_tcp_later);

/*
 * Holds on connections of tasks that were left frozen: one of each checkpoint, which
 * has the others. Changed under both locks, those that it has under the mutex.
 */
static LIST_HEAD(checkpoint_tcp_left);
static DEFINE_MUTEX(checkpoint_tcp_left_mutex);
/* Taken with css_set_lock held, which is taken in softirq. */
static DEFINE_SPINLOCK(checkpoint_tcp_left_lock);

static void checkpoint_tcp_sweep(struct work_struct *work);
static DECLARE_DELAYED_WORK(checkpoint_tcp_sweeper, checkpoint_tcp_sweep);
static void checkpoint_tcp_retry(struct work_struct *work);
static DECLARE_DELAYED_WORK(checkpoint_tcp_retrier, checkpoint_tcp_retry);

/*
 * Ends @hold. A task outside that has the socket, too, may hold its lock in the midst
 * of a page fault which user space answers when it likes: nobody waits for that.
 */
static void checkpoint_tcp_let_go(struct checkpoint_tcp_hold *hold)
{
	if (hold->is_buried ? checkpoint_tcp_try_bury(hold) : checkpoint_tcp_try_resume(hold))
		return;
	mutex_lock(&checkpoint_tcp_left_mutex);
	list_add_tail(&hold->list, &checkpoint_tcp_later);
	mutex_unlock(&checkpoint_tcp_left_mutex);
	schedule_delayed_work(&checkpoint_tcp_retrier, CHECKPOINT_TCP_AGAIN);
}

/* Looks again at those that had to wait. */
static void checkpoint_tcp_retry(struct work_struct *work)
{
	struct checkpoint_tcp_hold *hold, *next;
	LIST_HEAD(later);

	mutex_lock(&checkpoint_tcp_left_mutex);
	list_splice_init(&checkpoint_tcp_later, &later);
	mutex_unlock(&checkpoint_tcp_left_mutex);
	list_for_each_entry_safe(hold, next, &later, list)
		checkpoint_tcp_let_go(hold);
}

/**
 * checkpoint_tcp_resume() - let go of a connection, which goes on
 * @hold: the hold, which is gone for the caller
 *
 * Its timers run again; the other end is asked what it has got, and told what
 * has come here. That comes later if somebody else has locked the socket.
 */
void checkpoint_tcp_resume(struct checkpoint_tcp_hold *hold)
{
	hold->is_buried = false;
	checkpoint_tcp_let_go(hold);
}

/**
 * checkpoint_tcp_resume_now() - let go of a connection, which goes on, before it is closed
 * @hold: the hold, which is gone afterwards
 *
 * No file shows the socket: only who looks at all sockets locks it, for a moment. If it
 * were closed while it is still held then the other end would not be told, ever.
 */
void checkpoint_tcp_resume_now(struct checkpoint_tcp_hold *hold)
{
	hold->is_buried = false;
	while (!checkpoint_tcp_try_resume(hold))
		schedule_timeout_uninterruptible(1);
}

/**
 * checkpoint_tcp_bury() - let a connection end without a segment
 * @hold: the hold, which is gone for the caller
 *
 * When it is closed nothing is sent, and for a minute nothing that arrives for it
 * is answered by a reset. It stays held until then. Who has it besides the tasks that
 * are about to be killed gets ECONNABORTED, a moment later.
 */
void checkpoint_tcp_bury(struct checkpoint_tcp_hold *hold)
{
	struct sock *sk = hold->sk;

	hold->is_buried = true;
	/* Who has it locked now may be the last one that closes it, before its turn comes. */
	set_bit(CHECKPOINT_INET_BURIED, &inet_sk(sk)->inet_flags);
	if (!((1 << inet_sk_state_load(sk)) & (TCPF_CLOSE | TCPF_LISTEN)))
		checkpoint_tcp_silence(hold);
	checkpoint_tcp_let_go(hold);
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
	checkpoint_tcp_put(hold);
}

/* The tasks have died in another way than their checkpoint has meant. */
static bool checkpoint_tcp_is_dead(const struct checkpoint_tcp_hold *hold)
{
	return !hold->is_orphan && sock_flag(hold->sk, SOCK_DEAD);
}

/* Takes @first, and what it has, out of checkpoint_tcp_left, into @over. */
static void checkpoint_tcp_take_out(struct checkpoint_tcp_hold *first, struct list_head *over)
{
	lockdep_assert_held(&checkpoint_tcp_left_mutex);

	spin_lock_irq(&checkpoint_tcp_left_lock);
	list_del(&first->list);
	spin_unlock_irq(&checkpoint_tcp_left_lock);
	list_splice_tail_init(&first->rest, over);
	list_add_tail(&first->list, over);
}

/* Takes those of @first whose sockets are dead out of checkpoint_tcp_left, into @over. */
static void checkpoint_tcp_take_dead(struct checkpoint_tcp_hold *first, struct list_head *over)
{
	struct checkpoint_tcp_hold *hold, *next;

	lockdep_assert_held(&checkpoint_tcp_left_mutex);

	list_for_each_entry_safe(hold, next, &first->rest, list) {
		if (checkpoint_tcp_is_dead(hold))
			list_move_tail(&hold->list, over);
	}
	if (!checkpoint_tcp_is_dead(first))
		return;
	if (list_empty(&first->rest)) {
		checkpoint_tcp_take_out(first, over);
		return;
	}
	/* Another one takes its place. */
	hold = list_first_entry(&first->rest, struct checkpoint_tcp_hold, list);
	list_del(&hold->list);
	INIT_LIST_HEAD(&hold->rest);
	list_splice_init(&first->rest, &hold->rest);
	spin_lock_irq(&checkpoint_tcp_left_lock);
	hold->is_thawed = first->is_thawed;
	list_replace(&first->list, &hold->list);
	spin_unlock_irq(&checkpoint_tcp_left_lock);
	list_add_tail(&first->list, over);
}

/* Ends holds of tasks that were thawed, or are dead. */
static void checkpoint_tcp_sweep(struct work_struct *work)
{
	struct checkpoint_tcp_hold *hold, *next;
	LIST_HEAD(over);
	bool left;

	mutex_lock(&checkpoint_tcp_left_mutex);
	list_for_each_entry_safe(hold, next, &checkpoint_tcp_left, list) {
		if (READ_ONCE(hold->is_thawed))
			checkpoint_tcp_take_out(hold, &over);
		else
			checkpoint_tcp_take_dead(hold, &over);
	}
	left = !list_empty(&checkpoint_tcp_left);
	mutex_unlock(&checkpoint_tcp_left_mutex);
	list_for_each_entry_safe(hold, next, &over, list)
		checkpoint_tcp_resume(hold);
	if (left)
		schedule_delayed_work(&checkpoint_tcp_sweeper, CHECKPOINT_TCP_SILENCE);
}

/* The hold in checkpoint_tcp_left of those that checkpoint @id has left; NULL: it has none. */
static struct checkpoint_tcp_hold *checkpoint_tcp_left_by(u64 id)
{
	struct checkpoint_tcp_hold *first;

	/* The latest come last. */
	list_for_each_entry_reverse(first, &checkpoint_tcp_left, list) {
		if (first->id == id)
			return first;
	}
	return NULL;
}

/**
 * checkpoint_tcp_leave() - keep the hold on a connection of tasks that are left frozen
 * @hold: the hold, which is gone for the caller
 * @id: the checkpoint
 * @state: what it has of the connection in its image
 *
 * Until checkpoint_tcp_end(), or until the tasks are thawed or dead.
 */
void checkpoint_tcp_leave(struct checkpoint_tcp_hold *hold, u64 id,
			  const struct checkpoint_tcp *state)
{
	struct checkpoint_tcp_hold *first;

	hold->id = id;
	hold->was = *state;
	INIT_LIST_HEAD(&hold->rest);
	mutex_lock(&checkpoint_tcp_left_mutex);
	first = checkpoint_tcp_left_by(id);
	if (first) {
		list_add_tail(&hold->list, &first->rest);
	} else {
		spin_lock_irq(&checkpoint_tcp_left_lock);
		list_add_tail(&hold->list, &checkpoint_tcp_left);
		spin_unlock_irq(&checkpoint_tcp_left_lock);
	}
	mutex_unlock(&checkpoint_tcp_left_mutex);
	schedule_delayed_work(&checkpoint_tcp_sweeper, CHECKPOINT_TCP_SILENCE);
}

/* How many holds checkpoint @id has left. */
static size_t checkpoint_tcp_count_left(u64 id)
{
	struct checkpoint_tcp_hold *first;
	size_t n = 0;

	mutex_lock(&checkpoint_tcp_left_mutex);
	first = checkpoint_tcp_left_by(id);
	if (first)
		n = list_count_nodes(&first->rest) + 1;
	mutex_unlock(&checkpoint_tcp_left_mutex);
	return n;
}

/*
 * Gets one of the holds that checkpoint @id has left: the first of them, or with @rest
 * the next one. Returns its socket, with a reference, and what it was; NULL: there is none.
 */
static struct sock *checkpoint_tcp_next_left(u64 id, bool rest, struct checkpoint_tcp *was)
{
	struct checkpoint_tcp_hold *hold;
	struct sock *sk = NULL;

	mutex_lock(&checkpoint_tcp_left_mutex);
	hold = checkpoint_tcp_left_by(id);
	if (hold && rest) {
		struct list_head *all = &hold->rest;

		hold = list_first_entry_or_null(all, struct checkpoint_tcp_hold, list);
		if (hold)
			list_move_tail(&hold->list, all);
	}
	if (hold) {
		sk = hold->sk;
		sock_hold(sk);
		*was = hold->was;
	}
	mutex_unlock(&checkpoint_tcp_left_mutex);
	return sk;
}

/**
 * checkpoint_tcp_left_still() - tell whether connections are as a checkpoint has left them
 * @id: the checkpoint
 * @was: set to what one of them was that is not
 * @family: set to its address family
 *
 * A task outside that has the socket, too, may have used it.  Those that are taken out
 * meanwhile are dead, or their tasks thawed, which the caller finds out.
 *
 * Return: 1: they are, 0: one has changed, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_left_still(u64 id, struct checkpoint_tcp *was, int *family)
{
	size_t n = checkpoint_tcp_count_left(id), i;
	int still = 1;

	for (i = 0; i < n && still > 0; i++) {
		struct sock *sk = checkpoint_tcp_next_left(id, i, was);

		if (!sk)
			break;
		*family = sk->sk_family;
		still = checkpoint_tcp_is_still(sk, was);
		sock_put(sk);
		cond_resched();
	}
	return still;
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

	mutex_lock(&checkpoint_tcp_left_mutex);
	hold = checkpoint_tcp_left_by(id);
	if (hold)
		checkpoint_tcp_take_out(hold, &over);
	mutex_unlock(&checkpoint_tcp_left_mutex);
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
 * Their connections go on, a moment later. Called with cgroup_mutex held, and maybe
 * css_set_lock.
 */
void checkpoint_thawed(u64 id)
{
	struct checkpoint_tcp_hold *first;
	unsigned long flags;

	spin_lock_irqsave(&checkpoint_tcp_left_lock, flags);
	first = checkpoint_tcp_left_by(id);
	if (first)
		WRITE_ONCE(first->is_thawed, true);
	spin_unlock_irqrestore(&checkpoint_tcp_left_lock, flags);
	if (first)
		mod_delayed_work(system_percpu_wq, &checkpoint_tcp_sweeper, 0);
}

/*
 * A cgroup is removed whose tasks were killed in another way: nobody thaws it any more.
 * Others may have sockets of theirs.
 */
static int checkpoint_tcp_removed(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct cgroup *cgrp = data;

	if (action == CGROUP_LIFETIME_OFFLINE && cgrp->freezer.left_by)
		checkpoint_thawed(cgrp->freezer.left_by);
	return NOTIFY_OK;
}

static struct notifier_block checkpoint_tcp_remover = {
	.notifier_call = checkpoint_tcp_removed,
};

static int __init checkpoint_tcp_init(void)
{
	return blocking_notifier_chain_register(&cgroup_lifetime_notifier,
						&checkpoint_tcp_remover);
}
core_initcall(checkpoint_tcp_init);
