// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: the other end of a connection, and the connections that wait to be accepted.
 */
#include <linux/checkpoint_tcp_sock.h>
#include <linux/inetdevice.h>
#include <linux/rcupdate.h>
#include <linux/tcp.h>
#include <net/addrconf.h>
#include <net/inet6_hashtables.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/request_sock.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/* Whether the address that @sk is connected to is one of this machine. */
bool checkpoint_tcp_is_local(const struct sock *sk)
{
	struct net *net = sock_net(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (checkpoint_tcp_is_v6(sk))
		return ipv6_addr_loopback(&sk->sk_v6_daddr) ||
		       ipv6_chk_addr(net, &sk->sk_v6_daddr, NULL, 0);
#endif
	return inet_addr_type(net, inet_sk(sk)->inet_daddr) == RTN_LOCAL;
}

/* Finds what gets the segments that @sk sends, if that is in its namespace. */
static struct sock *checkpoint_tcp_find(const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (checkpoint_tcp_is_v6(sk))
		return __inet6_lookup_established(net, &sk->sk_v6_rcv_saddr, inet->inet_sport,
						  &sk->sk_v6_daddr, ntohs(inet->inet_dport),
						  LOOPBACK_IFINDEX, 0);
#endif
	return __inet_lookup_established(net, inet->inet_rcv_saddr, inet->inet_sport,
					 inet->inet_daddr, ntohs(inet->inet_dport),
					 LOOPBACK_IFINDEX, 0);
}

/* Whether @peer gets the segments that @sk sends. */
bool checkpoint_tcp_finds(const struct sock *sk, const struct sock *peer)
{
	struct sock *found;

	rcu_read_lock();
	found = checkpoint_tcp_find(sk);
	rcu_read_unlock();
	if (found)
		sock_gen_put(found);
	return found == peer && sk != peer;
}

/**
 * checkpoint_tcp_peer() - find the other end of a connection
 * @sk: one end
 * @what: where to put what it is: CHECKPOINT_TCP_PEER_*
 *
 * Return: the other end, with a reference; of a connection whose handshake is
 * not over, the socket that listens; NULL if there is none in this network
 * namespace.
 */
struct sock *checkpoint_tcp_peer(struct sock *sk, int *what)
{
	struct sock *listener;
	struct sock *peer;

	*what = CHECKPOINT_TCP_PEER_OUTSIDE;
	if (!checkpoint_tcp_is_local(sk))
		return NULL;

	rcu_read_lock();
	peer = checkpoint_tcp_find(sk);
	rcu_read_unlock();
	if (!peer || peer->sk_state == TCP_TIME_WAIT) {
		*what = CHECKPOINT_TCP_PEER_GONE;
		if (peer)
			sock_gen_put(peer);
		return NULL;
	}
	if (peer->sk_state == TCP_NEW_SYN_RECV) {
		*what = CHECKPOINT_TCP_PEER_REQUEST;
		listener = inet_reqsk(peer)->rsk_listener;
		if (listener && !refcount_inc_not_zero(&listener->sk_refcnt))
			listener = NULL;
		sock_gen_put(peer);
		return listener;
	}
	if (sock_flag(peer, SOCK_DEAD))
		*what = CHECKPOINT_TCP_PEER_CLOSED;
	else if (READ_ONCE(peer->sk_socket))
		*what = CHECKPOINT_TCP_PEER_OPEN;
	else
		*what = CHECKPOINT_TCP_PEER_WAITING;
	return peer;
}

/**
 * checkpoint_tcp_waiting() - list the connections that wait to be accepted
 * @sk: the socket that listens
 * @waiting: where to put them, each with a reference, oldest first
 * @room: how many there is room for
 *
 * Return: how many there are.
 */
unsigned int checkpoint_tcp_waiting(struct sock *sk, struct sock **waiting, unsigned int room)
{
	struct request_sock_queue *queue = &inet_csk(sk)->icsk_accept_queue;
	struct request_sock *req;
	unsigned int n = 0;

	/* What else the queue may be is not there. */
	if (inet_sk_state_load(sk) != TCP_LISTEN)
		return 0;
	spin_lock_bh(&queue->rskq_lock);
	for (req = queue->rskq_accept_head; req; req = req->dl_next) {
		if (!req->sk)
			continue;
		if (n < room) {
			sock_hold(req->sk);
			waiting[n] = req->sk;
		}
		n++;
	}
	spin_unlock_bh(&queue->rskq_lock);
	return n;
}
