// SPDX-License-Identifier: GPL-2.0
/*
 * Multipath TCP: sockets that listen, and those that were never connected. What they
 * are stands in a header that is private to net/mptcp/, and in their first subflow. All
 * is set by the system calls.
 */
#include <linux/build_bug.h>
#include <linux/checkpoint_mptcp.h>
#include <linux/checkpoint_socket.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <net/inet_connection_sock.h>
#include <net/inet_sock.h>
#include <net/request_sock.h>
#include <net/sock.h>
#include <net/sock_reuseport.h>
#include <net/tcp.h>

#include "tcp.h"

#ifdef CONFIG_MPTCP
#include "../../net/mptcp/protocol.h"

/* How long a lock is waited for, while the tasks stand still. */
#define CHECKPOINT_MPTCP_WAIT	(HZ / 5)

/* What is kept of sk_userlocks. */
#define CHECKPOINT_MPTCP_LOCKS	(SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK)

static bool checkpoint_mptcp_is(const struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_MPTCP;
}

static u8 checkpoint_mptcp_state(const struct sock *sk)
{
	const struct mptcp_sock *msk = mptcp_sk(sk);
	const struct sock *first = msk->first;

	if (sk->sk_state == TCP_LISTEN)
		return CHECKPOINT_MPTCP_LISTENING;
	if (sk->sk_state != TCP_CLOSE)
		return checkpoint_mptcp_is_tcp(sk) ? CHECKPOINT_MPTCP_FELL_BACK :
						     CHECKPOINT_MPTCP_CONNECTED;
	if (sk->sk_shutdown || sk->sk_err || sock_flag(sk, SOCK_DONE) ||
	    !skb_queue_empty(&sk->sk_receive_queue) || sk->sk_socket->state != SS_UNCONNECTED ||
	    (first && (first->sk_state != TCP_CLOSE || first->sk_shutdown || first->sk_err)))
		return CHECKPOINT_MPTCP_OVER;
	return CHECKPOINT_MPTCP_NEW;
}

/*
 * Takes the spinlock of @sk when nobody owns it, unless somebody else does for longer than the
 * worker of MPTCP: who does may wait for user memory. Nothing may sleep until
 * checkpoint_mptcp_unspin(), and nothing that is put off is to be done then.
 */
bool checkpoint_mptcp_spin_soon(struct sock *sk)
{
	unsigned long end = jiffies + CHECKPOINT_MPTCP_WAIT;

	for (;;) {
		spin_lock_bh(&sk->sk_lock.slock);
		if (!sock_owned_by_user_nocheck(sk))
			return true;
		spin_unlock_bh(&sk->sk_lock.slock);
		if (time_after(jiffies, end) || fatal_signal_pending(current))
			return false;
		schedule_timeout_killable(1);
	}
}

void checkpoint_mptcp_unspin(struct sock *sk)
{
	spin_unlock_bh(&sk->sk_lock.slock);
}

/* What of the first subflow can't be set again. */
static u8 checkpoint_mptcp_special(struct sock *first)
{
	const struct sock_reuseport *group;
	u8 special = 0;

	if (rcu_access_pointer(inet_csk(first)->icsk_accept_queue.fastopenq.ctx) ||
	    tcp_sk(first)->fastopen_connect || inet_test_bit(DEFER_CONNECT, first))
		special |= CHECKPOINT_MPTCP_FASTOPEN;
	rcu_read_lock();
	group = rcu_dereference(first->sk_reuseport_cb);
	if (group && (READ_ONCE(group->num_socks) > 1 || rcu_access_pointer(group->prog)))
		special |= CHECKPOINT_MPTCP_SHARED;
	rcu_read_unlock();
	return special;
}

/*
 * TCP_MAXSEG for subflows. setsockopt(2) notes what it is given before anybody looks at
 * it: what a subflow would refuse is in effect nowhere, and the first one has another.
 */
static u32 checkpoint_mptcp_mss(const struct mptcp_sock *msk)
{
	if (msk->maxseg >= (int)TCP_MIN_MSS && msk->maxseg <= (int)MAX_TCP_WINDOW)
		return msk->maxseg;
	return msk->first ? READ_ONCE(tcp_sk(msk->first)->rx_opt.user_mss) : 0;
}

/* Likewise the congestion control: without a subflow any name is taken. */
static void checkpoint_mptcp_congestion(const struct mptcp_sock *msk, char *to, size_t len)
{
	const struct tcp_congestion_ops *ops;

	rcu_read_lock();
	ops = tcp_ca_find(msk->ca_name);
	if (!ops && msk->first)
		ops = READ_ONCE(inet_csk(msk->first)->icsk_ca_ops);
	if (ops)
		strscpy(to, ops->name, len);
	rcu_read_unlock();
}

/* How many connections wait to be accepted. */
static u32 checkpoint_mptcp_waiting(struct sock *first)
{
	struct request_sock_queue *queue = &inet_csk(first)->icsk_accept_queue;
	const struct request_sock *req;
	u32 n = 0;

	spin_lock_bh(&queue->rskq_lock);
	for (req = queue->rskq_accept_head; req; req = req->dl_next)
		n++;
	spin_unlock_bh(&queue->rskq_lock);
	return n;
}

/**
 * checkpoint_mptcp_get() - read what a socket of Multipath TCP is
 * @sk: the socket, which a file shows
 * @state: where to
 *
 * Return: 0, or an errno: -EINVAL if it is none, -EBUSY if somebody else has its lock.
 */
int checkpoint_mptcp_get(struct sock *sk, struct checkpoint_mptcp *state)
{
	struct mptcp_sock *msk = mptcp_sk(sk);
	struct sock *first;

	memset(state, 0, sizeof(*state));
	if (!checkpoint_mptcp_is(sk))
		return -EINVAL;
	/* Who makes another one the first subflow owns it. */
	if (!checkpoint_mptcp_spin_soon(sk))
		return -EBUSY;
	first = msk->first;
	state->state = checkpoint_mptcp_state(sk);
	state->mss = checkpoint_mptcp_mss(msk);
	state->port = inet_sk(sk)->inet_num;
	state->v6only = sk->sk_ipv6only;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		memcpy(state->addr, &sk->sk_v6_rcv_saddr, sizeof(state->addr));
	else
#endif
		memcpy(state->addr, &inet_sk(sk)->inet_rcv_saddr, sizeof(__be32));
	BUILD_BUG_ON(sizeof(state->congestion) != sizeof(msk->ca_name));
	checkpoint_mptcp_congestion(msk, state->congestion, sizeof(state->congestion));
	if (first) {
		state->locks = first->sk_userlocks & CHECKPOINT_MPTCP_LOCKS;
		state->special = checkpoint_mptcp_special(first);
		if (state->state == CHECKPOINT_MPTCP_LISTENING) {
			state->backlog = READ_ONCE(first->sk_max_ack_backlog);
			state->waiting = checkpoint_mptcp_waiting(first);
		}
	}
	checkpoint_mptcp_unspin(sk);
	return 0;
}

/**
 * checkpoint_mptcp_option() - read an option of TCP of a socket of Multipath TCP
 * @sk: the socket
 * @name: TCP_*
 * @value: where to
 * @len: bytes that there is room for; those that were read
 *
 * As getsockopt(2), but that no lock is waited for, and nothing is made.
 *
 * Return: 0, or an errno: -ENOPROTOOPT if setsockopt(2) sets no such option.
 */
int checkpoint_mptcp_option(struct sock *sk, int name, void *value, int *len)
{
	const struct mptcp_sock *msk = mptcp_sk(sk);
	const struct net *net = sock_net(sk);
	struct sock *first;
	int now = 0;

	/* A raw socket may have that number, too. */
	if (!checkpoint_mptcp_is(sk))
		return -ENOPROTOOPT;
	/* It stays until the socket is closed. */
	first = READ_ONCE(msk->first);
	switch (name) {
	case TCP_NODELAY:
		now = msk->nodelay;
		break;
	case TCP_CORK:
		now = msk->cork;
		break;
	case TCP_INQ:
		now = msk->recvmsg_inq;
		break;
	case TCP_NOTSENT_LOWAT:
		now = READ_ONCE(msk->notsent_lowat);
		break;
	case TCP_KEEPIDLE:
		now = msk->keepalive_idle ? :
		      READ_ONCE(net->ipv4.sysctl_tcp_keepalive_time) / HZ;
		break;
	case TCP_KEEPINTVL:
		now = msk->keepalive_intvl ? :
		      READ_ONCE(net->ipv4.sysctl_tcp_keepalive_intvl) / HZ;
		break;
	case TCP_KEEPCNT:
		now = msk->keepalive_cnt ? :
		      READ_ONCE(net->ipv4.sysctl_tcp_keepalive_probes);
		break;
	case TCP_DEFER_ACCEPT:
	case TCP_FASTOPEN:
	case TCP_FASTOPEN_NO_COOKIE:
		if (!first)
			break;
		return do_tcp_getsockopt(first, SOL_TCP, name, KERNEL_SOCKPTR(value),
					 KERNEL_SOCKPTR(len));
	default:
		return -ENOPROTOOPT;
	}
	if (*len != sizeof(now))
		return -EINVAL;
	memcpy(value, &now, sizeof(now));
	return 0;
}

/**
 * checkpoint_mptcp_listen() - let a socket of Multipath TCP listen, as listen(2)
 * @sk: the socket, with an address
 * @backlog: how many connections may wait
 *
 * Return: 0, or an errno.
 */
int checkpoint_mptcp_listen(struct sock *sk, unsigned int backlog)
{
	if (!checkpoint_mptcp_is(sk) || !sk->sk_socket)
		return -EINVAL;
	return __sys_listen_socket(sk->sk_socket, backlog);
}

/**
 * checkpoint_mptcp_settle() - set who has chosen the address
 * @sk: the socket, with its address
 * @locks: SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK
 *
 * That decides what is left of it when the socket listens no more; bind(2) sets it.
 *
 * Return: 0, or an errno: -EINTR if the caller was killed.
 */
int checkpoint_mptcp_settle(struct sock *sk, u32 locks)
{
	struct sock *first;
	int err;

	if (!checkpoint_mptcp_is(sk))
		return -EINVAL;
	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	first = mptcp_sk(sk)->first;
	if (first) {
		/* Options of a connection that has fallen back are set under its lock alone. */
		err = checkpoint_sock_lock(first);
		if (!err) {
			first->sk_userlocks &= ~CHECKPOINT_MPTCP_LOCKS;
			first->sk_userlocks |= locks & CHECKPOINT_MPTCP_LOCKS;
			release_sock(first);
		}
	}
	release_sock(sk);
	return err;
}

#else /* !CONFIG_MPTCP: there are none. */

int checkpoint_mptcp_get(struct sock *sk, struct checkpoint_mptcp *state)
{
	return -EINVAL;
}

int checkpoint_mptcp_option(struct sock *sk, int name, void *value, int *len)
{
	return -ENOPROTOOPT;
}

int checkpoint_mptcp_listen(struct sock *sk, unsigned int backlog)
{
	return -EINVAL;
}

int checkpoint_mptcp_settle(struct sock *sk, u32 locks)
{
	return -EINVAL;
}
#endif
