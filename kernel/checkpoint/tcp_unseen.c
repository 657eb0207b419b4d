// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: connections that no file shows. Those that were closed are found in the
 * hash table of all connections; those that wait to be accepted go back to the
 * socket that listens.
 */
#include <linux/bottom_half.h>
#include <linux/cgroup.h>
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/memcontrol.h>
#include <linux/net.h>
#include <linux/rculist_nulls.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/mptcp.h>
#include <net/net_namespace.h>
#include <net/request_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/* Counts @sk, and takes a reference on one that was closed if there is room. */
static void checkpoint_tcp_count(struct sock *sk, struct sock **orphans, unsigned int room,
				 struct checkpoint_tcp_rest *rest)
{
	switch (sk->sk_state) {
	case TCP_TIME_WAIT:
		rest->waits++;
		return;
	case TCP_NEW_SYN_RECV:
		rest->requests++;
		return;
	}
	if (!((1 << sk->sk_state) & CHECKPOINT_TCP_KEPT))
		return;
	/* Subflows of MPTCP are not connections of their own. */
	if (sk_is_mptcp(sk)) {
		rest->subflows += !READ_ONCE(sk->sk_socket);
		return;
	}
	if (!sock_flag(sk, SOCK_DEAD))
		return;
	if (rest->orphans < room) {
		if (!refcount_inc_not_zero(&sk->sk_refcnt))
			return;
		orphans[rest->orphans] = sk;
	}
	rest->orphans++;
}

/**
 * checkpoint_tcp_unseen() - find what a network namespace has of TCP that no file shows
 * @net: the namespace
 * @orphans: where to put connections that were closed, each with a reference
 * @room: how many there is room for
 * @rest: where to put how many there are of all that
 *
 * Return: 0, or -EINTR if the caller was killed: then there are no references.
 */
int checkpoint_tcp_unseen(struct net *net, struct sock **orphans, unsigned int room,
			  struct checkpoint_tcp_rest *rest)
{
	struct inet_hashinfo *hinfo = net->ipv4.tcp_death_row.hashinfo;
	unsigned int bucket, i;

	memset(rest, 0, sizeof(*rest));
	for (bucket = 0; bucket <= hinfo->ehash_mask; bucket++) {
		struct hlist_nulls_head *chain = &hinfo->ehash[bucket].chain;
		spinlock_t *lock = inet_ehash_lockp(hinfo, bucket);
		struct hlist_nulls_node *node;
		struct sock *sk;

		if (!(bucket & 1023)) {
			cond_resched();
			if (fatal_signal_pending(current))
				goto killed;
		}
		if (hlist_nulls_empty(chain))
			continue;
		spin_lock_bh(lock);
		sk_nulls_for_each(sk, node, chain) {
			if (net_eq(sock_net(sk), net))
				checkpoint_tcp_count(sk, orphans, room, rest);
		}
		spin_unlock_bh(lock);
	}
	return 0;

killed:
	for (i = 0; i < min(rest->orphans, room); i++)
		sock_put(orphans[i]);
	return -EINTR;
}

/**
 * checkpoint_tcp_unclaimed() - let a new socket be nobody's until it is accepted
 * @sk: the socket, for which nothing was charged yet
 * @listener: the socket that listens, at which it is to wait
 *
 * As sk_clone() leaves it: __inet_accept() charges what it has to who accepts it, and
 * what cgroups say of who talks to whom they say by that of @listener.
 */
void checkpoint_tcp_unclaimed(struct sock *sk, const struct sock *listener)
{
	/* Nobody else has it, who could keep it locked. */
	lock_sock(sk);
#ifdef CONFIG_MEMCG
	mem_cgroup_sk_free(sk);
	sk->sk_memcg = NULL;
#endif
	/* Nobody else knows of it, who could look at what it had. */
	cgroup_sk_free(&sk->sk_cgrp_data);
	sk->sk_cgrp_data = listener->sk_cgrp_data;
	cgroup_sk_clone(&sk->sk_cgrp_data);
	release_sock(sk);
}

/**
 * checkpoint_tcp_wait() - let a connection wait to be accepted
 * @listener: the socket that listens
 * @socket: the connection, of checkpoint_tcp_unclaimed(); afterwards there is
 *	nothing behind it any more
 *
 * As what inet_csk_complete_hashdance() does with the last segment of a handshake,
 * but that nobody is woken.
 *
 * Return: 0, or an errno: -EAGAIN if no more may wait there, -EINVAL if it can't be
 * accepted there.
 */
int checkpoint_tcp_wait(struct sock *listener, struct socket *socket)
{
	struct sock *sk = socket->sk;
	struct request_sock *req;
	int err;

	err = checkpoint_sock_lock(listener);
	if (err)
		return err;
	err = -EINVAL;
	if (listener->sk_state != TCP_LISTEN || sk->sk_family != listener->sk_family ||
	    sk->sk_protocol != listener->sk_protocol || sk_is_mptcp(listener) ||
	    !net_eq(sock_net(sk), sock_net(listener)))
		goto out;
	err = -EAGAIN;
	if (sk_acceptq_is_full(listener))
		goto out;
	err = -ENOMEM;
#if IS_ENABLED(CONFIG_IPV6)
	if (listener->sk_family == AF_INET6)
		req = inet_reqsk_alloc(&tcp6_request_sock_ops, listener, false);
	else
#endif
		req = inet_reqsk_alloc(&tcp_request_sock_ops, listener, false);
	if (!req)
		goto out;
	/* As of a handshake with a cookie, who accepts it has the only reference. */
	refcount_set(&req->rsk_refcnt, 1);
	/*
	 * No handshake fills it in. It has no fast open, and it is none of MPTCP, which
	 * is asked if it is moved to another socket that listens (inet_reqsk_clone()).
	 */
	memset_after(tcp_rsk(req), 0, req);

	/* As sock_orphan(), but that it is not dead. The reference of @socket goes to @req. */
	lock_sock_nested(sk, SINGLE_DEPTH_NESTING);
	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, NULL);
	RCU_INIT_POINTER(sk->sk_wq, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
	socket->sk = NULL;
	socket->state = SS_UNCONNECTED;
	release_sock(sk);

	/* It listens as long as it is locked: this can't fail. */
	local_bh_disable();
	inet_csk_reqsk_queue_add(listener, req, sk);
	local_bh_enable();
	err = 0;
out:
	release_sock(listener);
	return err;
}
