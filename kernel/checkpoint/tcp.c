// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: what is read of a socket, or of both ends of a connection.
 *
 * Both ends are read under the locks of both. What is on its way between them
 * then is still in the queue of the sender, so that it may be left out: no
 * segment need be held back, before or after.
 */
#include <linux/checkpoint_tcp_keys.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/lockdep.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/tcp.h>
#include <net/inet_connection_sock.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/mptcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/* It is an IPv6 socket whose addresses are of IPv6 indeed. */
bool checkpoint_tcp_is_v6(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	return sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr);
#else
	return false;
#endif
}

/*
 * Locks @sk as lock_sock_nested(), unless somebody else has it.
 *
 * One that waits to be accepted nobody may own: who closes the socket that listens
 * takes it with its spinlock only, and warns if it is owned. So that is what is
 * taken then, and nothing may sleep until checkpoint_tcp_unlock().
 */
bool checkpoint_tcp_trylock(struct sock *sk, int subclass)
{
	spin_lock_bh(&sk->sk_lock.slock);
	if (sock_owned_by_user_nocheck(sk)) {
		spin_unlock_bh(&sk->sk_lock.slock);
		return false;
	}
	if (!sk->sk_socket && !sock_flag(sk, SOCK_DEAD))
		return true;
	sk->sk_lock.owned = 1;
	spin_unlock_bh(&sk->sk_lock.slock);
	mutex_acquire(&sk->sk_lock.dep_map, subclass, 1, _RET_IP_);
	return true;
}

/* Takes back what checkpoint_tcp_trylock() has done. */
void checkpoint_tcp_unlock(struct sock *sk)
{
	/* Nobody else owns it while we have its spinlock. */
	if (sock_owned_by_user_nocheck(sk))
		release_sock(sk);
	else
		spin_unlock_bh(&sk->sk_lock.slock);
}

/*
 * Locks @sk, and @peer if there is one, to be read. A task outside that has one
 * of them, too, may hold its lock in the midst of a page fault which user space
 * answers when it likes: so neither is kept while the other one is waited for,
 * and a caller that is killed does not wait.
 */
int checkpoint_tcp_lock(struct sock *sk, struct sock *peer)
{
	for (;;) {
		if (checkpoint_tcp_trylock(sk, 0)) {
			if (!peer || checkpoint_tcp_trylock(peer, SINGLE_DEPTH_NESTING))
				return 0;
			checkpoint_tcp_unlock(sk);
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		schedule_timeout_killable(1);
	}
}

/*
 * The same with the connections of Multipath TCP whose subflows they are, if they are some:
 * a part of the queues is there. Ends with checkpoint_tcp_unlock_whole().
 */
int checkpoint_tcp_lock_whole(struct checkpoint_tcp_lock *lock, struct sock *sk,
			      struct sock *peer)
{
	for (;;) {
		*lock = (struct checkpoint_tcp_lock){};
		if (checkpoint_tcp_trylock(sk, 0)) {
			lock->sk = sk;
			/*
			 * Those whose spinlock is all that is taken come last: @peer if it waits
			 * for accept(2), and what subflows are of. If @sk is one then who had it
			 * was killed.
			 */
			if (peer && !sock_owned_by_user_nocheck(sk)) {
				checkpoint_tcp_unlock(sk);
				return -ESTALE;
			}
			if (!peer || checkpoint_tcp_trylock(peer, SINGLE_DEPTH_NESTING)) {
				lock->peer = peer;
				if (checkpoint_mptcp_trylock(sk, &lock->of[0], 1) &&
				    (!peer || checkpoint_mptcp_trylock(peer, &lock->of[1], 2)))
					return 0;
			}
			checkpoint_tcp_unlock_whole(lock);
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		schedule_timeout_killable(1);
	}
}

/* Takes back what checkpoint_tcp_lock_whole() has done. */
void checkpoint_tcp_unlock_whole(const struct checkpoint_tcp_lock *lock)
{
	checkpoint_mptcp_unlock(lock->of[1]);
	checkpoint_mptcp_unlock(lock->of[0]);
	if (lock->peer)
		checkpoint_tcp_unlock(lock->peer);
	checkpoint_tcp_unlock(lock->sk);
}

/**
 * checkpoint_tcp_refusal() - tell why a TCP socket can't be saved
 * @sk: the socket
 *
 * Return: 0, CHECKPOINT_TCP_*, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_refusal(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	struct checkpoint_tcp_lock lock;
	int why;

	why = checkpoint_tcp_lock_whole(&lock, sk, NULL);
	if (why)
		return why;
	if (sk_is_mptcp(sk) && !(lock.of[0] && checkpoint_mptcp_is_tcp(lock.of[0])))
		why = CHECKPOINT_TCP_MPTCP;
	else if (icsk->icsk_ulp_ops && !sk_is_mptcp(sk))
		why = CHECKPOINT_TCP_ULP;
	else if (tp->repair)
		why = CHECKPOINT_TCP_REPAIRED;
	else if (rcu_access_pointer(icsk->icsk_accept_queue.fastopenq.ctx))
		why = CHECKPOINT_TCP_FASTOPEN_KEY;
	else if (rcu_access_pointer(tp->fastopen_rsk) || tp->fastopen_req ||
		 inet_test_bit(DEFER_CONNECT, sk))
		why = CHECKPOINT_TCP_FASTOPEN;
	else if (tp->fastopen_connect)
		why = CHECKPOINT_TCP_FASTOPEN_CONNECT;
#ifdef CONFIG_XFRM
	else if (rcu_access_pointer(sk->sk_policy[0]) || rcu_access_pointer(sk->sk_policy[1]))
		why = CHECKPOINT_TCP_POLICY;
#endif
#if IS_ENABLED(CONFIG_INET_PSP)
	else if (rcu_access_pointer(sk->psp_assoc))
		why = CHECKPOINT_TCP_ULP;
#endif
#ifdef CONFIG_BPF
	else if (tp->bpf_sock_ops_cb_flags)
		why = CHECKPOINT_TCP_BPF;
#endif
	else
		why = checkpoint_tcp_keys_refusal(sk);
	checkpoint_tcp_unlock_whole(&lock);
	return why;
}

/**
 * checkpoint_tcp_lost() - tell what of a TCP socket can't be saved, and is lost
 * @sk: the socket
 *
 * Return: CHECKPOINT_TCP_LOST_*.
 */
u32 checkpoint_tcp_lost(struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 lost = 0;

	/* Only what its tasks do changes that, and they stand still. */
	if (READ_ONCE(tp->saved_syn))
		lost |= CHECKPOINT_TCP_LOST_SYN;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && inet6_sk(sk) && READ_ONCE(inet6_sk(sk)->pktoptions))
		lost |= CHECKPOINT_TCP_LOST_HEADERS;
#endif
	if (tcp_ecn_mode_any(tp))
		lost |= CHECKPOINT_TCP_LOST_ECN;
	return lost;
}

/* Takes the bytes of @skb but the first @skip. */
int checkpoint_tcp_take_from(const struct sk_buff *skb, u32 skip,
			     struct checkpoint_tcp_bytes *bytes)
{
	u32 len;
	int err = 0;

	if (skip >= skb->len)
		return 0;
	if (!skb_frags_readable(skb))
		return -EOPNOTSUPP;
	len = skb->len - skip;
	if (bytes->len + len <= bytes->room)
		err = skb_copy_bits(skb, skip, bytes->to + bytes->len, len);
	bytes->len += len;
	return err;
}

/*
 * Takes the bytes of @skb from the sequence number @seq on, which becomes that of
 * what comes next: a segment that was sent again may begin with bytes of the one
 * before it.
 */
static int checkpoint_tcp_take(const struct sk_buff *skb, u32 *seq,
			       struct checkpoint_tcp_bytes *bytes)
{
	u32 start = TCP_SKB_CB(skb)->seq;
	u32 skip;

	if (TCP_SKB_CB(skb)->tcp_flags & TCPHDR_SYN)
		start++;
	skip = before(start, *seq) ? *seq - start : 0;
	if (skip >= skb->len)
		return 0;
	*seq = start + skb->len;
	return checkpoint_tcp_take_from(skb, skip, bytes);
}

/* Takes what was received by @sk and not read. */
static int checkpoint_tcp_take_received(struct sock *sk, struct checkpoint_tcp_bytes *bytes)
{
	u32 seq = tcp_sk(sk)->copied_seq;
	struct sk_buff *skb;
	int err;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		err = checkpoint_tcp_take(skb, &seq, bytes);
		if (err)
			return err;
	}
	return 0;
}

/* Takes what @sk has sent or is to send, from @seq on. */
static int checkpoint_tcp_take_sent(struct sock *sk, u32 seq, struct checkpoint_tcp_bytes *bytes)
{
	struct sk_buff *skb = tcp_rtx_queue_head(sk);
	int err;

	skb_rbtree_walk_from(skb) {
		err = checkpoint_tcp_take(skb, &seq, bytes);
		if (err)
			return err;
	}
	skb_queue_walk(&sk->sk_write_queue, skb) {
		err = checkpoint_tcp_take(skb, &seq, bytes);
		if (err)
			return err;
	}
	return 0;
}

void checkpoint_tcp_address(const struct sock *sk, bool peer, u8 *addr, u16 *port)
{
	const struct inet_sock *inet = inet_sk(sk);
	__be32 v4 = peer ? inet->inet_daddr : inet->inet_rcv_saddr;

	*port = ntohs(peer ? inet->inet_dport : inet->inet_sport);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		memcpy(addr, peer ? &sk->sk_v6_daddr : &sk->sk_v6_rcv_saddr, 16);
		return;
	}
#endif
	memcpy(addr, &v4, sizeof(v4));
}

static unsigned int checkpoint_tcp_state(const struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_LISTEN:
		return CHECKPOINT_TCP_LISTENING;
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		return CHECKPOINT_TCP_STARTED;
	case TCP_CLOSE:
		if (sk->sk_shutdown || sk->sk_err || sock_flag(sk, SOCK_DONE) ||
		    !skb_queue_empty(&sk->sk_receive_queue) ||
		    (sk->sk_socket && sk->sk_socket->state != SS_UNCONNECTED))
			return CHECKPOINT_TCP_OVER;
		return CHECKPOINT_TCP_NEW;
	default:
		return CHECKPOINT_TCP_CONNECTED;
	}
}

/*
 * What @sk is, and what is in its queues; of what its peer has got, nothing. @of: the
 * connection of Multipath TCP whose subflow it is, or NULL.
 */
static int checkpoint_tcp_get_one(struct sock *sk, struct sock *of, struct sock *peer,
				  struct checkpoint_tcp *state, struct checkpoint_tcp_bytes *bytes)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	size_t at = bytes->len;
	u32 seq;
	int err;

	memset(state, 0, sizeof(*state));
	state->state = checkpoint_tcp_state(sk);
	state->error = READ_ONCE(sk->sk_err);
	state->shutdown = sk->sk_shutdown & SHUTDOWN_MASK;
	if (of) {
		state->error = state->error ? : READ_ONCE(of->sk_err);
		state->shutdown |= of->sk_shutdown & SHUTDOWN_MASK;
	}
	state->done = sock_flag(sk, SOCK_DONE);
	state->bound_addr = sk->sk_userlocks & SOCK_BINDADDR_LOCK;
	state->bound_port = sk->sk_userlocks & SOCK_BINDPORT_LOCK;
	state->backlog = READ_ONCE(sk->sk_max_ack_backlog);
	state->user_mss = READ_ONCE(tp->rx_opt.user_mss);
	state->has_port = inet_sk(sk)->inet_num;
	state->v6only = sk->sk_ipv6only;
	if (sk->sk_socket) {
		state->connecting = sk->sk_socket->state == SS_CONNECTING;
		/* What shutdown(2) has made of a connect(2) that is over is not connected again. */
		state->was_connected = sk->sk_socket->state == SS_CONNECTED ||
				       sk->sk_socket->state == SS_DISCONNECTING;
	}
	checkpoint_tcp_address(sk, false, state->addr, &state->port);
	checkpoint_tcp_address(sk, true, state->peer_addr, &state->peer_port);
	/* What has none of its own, as DCTCP without ECN has it, can't be asked for by name. */
	strscpy(state->congestion, icsk->icsk_ca_ops->key == TCP_CA_UNSPEC ?
				   "reno" : icsk->icsk_ca_ops->name, sizeof(state->congestion));
	if (state->state == CHECKPOINT_TCP_LISTENING || state->state == CHECKPOINT_TCP_NEW)
		return 0;

	err = of ? checkpoint_mptcp_received(of, sk, bytes) : 0;
	if (!err)
		err = checkpoint_tcp_take_received(sk, bytes);
	if (err)
		return err;
	state->received = bytes->len - at;
	/* Multipath TCP has no urgent byte. */
	if (!of && tp->urg_data & (TCP_URG_VALID | TCP_URG_READ)) {
		u32 mark = tp->urg_seq - tp->copied_seq;

		if (mark < state->received) {
			state->urgent = mark + 1;
			state->urgent_read = !(tp->urg_data & TCP_URG_VALID);
		}
	}

	if (state->state != CHECKPOINT_TCP_CONNECTED)
		return 0;
	at = bytes->len;
	seq = tp->snd_una;
	if (peer) {
		seq = tcp_sk(peer)->rcv_nxt;
		/* A FIN that has arrived counts for one. */
		if (before(seq, tp->snd_una) || after(seq, tp->write_seq))
			return -ESTALE;
	}
	err = checkpoint_tcp_take_sent(sk, seq, bytes);
	if (err)
		return err;
	/* A subflow that was shut down is given nothing more: that is lost in any case. */
	if (of && !(sk->sk_shutdown & SEND_SHUTDOWN))
		checkpoint_mptcp_unsent(of, bytes);
	state->sent = bytes->len - at;
	if (tp->snd_up != tp->snd_una) {
		u32 mark = tp->snd_up - 1 - seq;

		if (mark < state->sent)
			state->urgent_sent = mark + 1;
	}
	if (peer)
		return 0;
	checkpoint_tcp_wire_get(sk, &state->wire);
	/* The end comes after what the subflow has not been given. */
	if (of && !state->wire.why && checkpoint_mptcp_is_shut(of, sk))
		state->wire.fin = CHECKPOINT_TCP_FIN_QUEUED;
	return 0;
}

/* Whether @sk is a connection of TCP, all of it in @sk and in @of. */
static bool checkpoint_tcp_is_whole(const struct sock *sk, const struct sock *of)
{
	return !of || sk->sk_state == TCP_CLOSE || checkpoint_mptcp_is_tcp(of);
}

/**
 * checkpoint_tcp_get() - read a TCP socket, or both ends of a connection
 * @sk: the socket
 * @peer: the other end; NULL: there is none that is saved as well
 * @state: where to put what @sk is
 * @peer_state: where to put what @peer is
 * @to: where to put what @sk has received, what is to be sent by it, and the
 *	same of @peer
 * @room: bytes that there is room for
 *
 * What @peer has got already is not to be sent any more.
 *
 * Return: how many bytes there are: if more than there is room for then they
 * are to be read again; or an errno: -ESTALE if the two are not connected to
 * each other, -EBUSY if somebody else has made one a connection of Multipath TCP
 * meanwhile, -EOPNOTSUPP if bytes are in the memory of a device, -EINTR if the
 * caller was killed.
 */
ssize_t checkpoint_tcp_get(struct sock *sk, struct sock *peer, struct checkpoint_tcp *state,
			   struct checkpoint_tcp *peer_state, void *to, size_t room)
{
	struct checkpoint_tcp_bytes bytes = { .to = to, .room = room };
	struct checkpoint_tcp_lock lock;
	int err;

	if (peer == sk)
		return -ESTALE;
	err = checkpoint_tcp_lock_whole(&lock, sk, peer);
	if (err)
		return err;

	err = -EBUSY;
	if (checkpoint_tcp_is_whole(sk, lock.of[0]) &&
	    (!peer || checkpoint_tcp_is_whole(peer, lock.of[1])))
		err = checkpoint_tcp_get_one(sk, lock.of[0], peer, state, &bytes);
	if (!err && peer)
		err = checkpoint_tcp_get_one(peer, lock.of[1], sk, peer_state, &bytes);

	checkpoint_tcp_unlock_whole(&lock);
	return err ? err : (ssize_t)bytes.len;
}
