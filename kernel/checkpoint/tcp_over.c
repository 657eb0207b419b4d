// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: the end of a connection: of one that is over, and of one that ends quietly.
 */
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/net.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/mptcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/**
 * checkpoint_tcp_shut() - shut a connection down, as shutdown(2)
 * @sk: the socket
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN
 */
void checkpoint_tcp_shut(struct sock *sk, unsigned int how)
{
	how &= SHUTDOWN_MASK;
	if (sk->sk_socket && how)
		kernel_sock_shutdown(sk->sk_socket, how - 1);
}

/*
 * Ends the connection of @sk, a subflow of Multipath TCP that is locked, without a segment: as
 * tcp_reset(). Else it would be there for a minute after the socket was closed that it is of.
 */
void checkpoint_tcp_end_subflow(struct sock *sk)
{
	/* The spinlock is all that there is of one whose socket was closed. */
	bool is_owned = sock_owned_by_user_nocheck(sk);

	local_bh_disable();
	if (is_owned)
		bh_lock_sock(sk);
	tcp_done_with_error(sk, ECONNABORTED);
	if (is_owned)
		bh_unlock_sock(sk);
	local_bh_enable();
}

/**
 * checkpoint_tcp_end_quietly() - let close(2) send nothing
 * @sk: one end of a connection whose other end is closed likewise
 *
 * As TCP_REPAIR. Nothing is left in TIME_WAIT, where it would keep the address
 * from who comes back. If somebody else has locked it, and the caller is killed, then
 * it ends as always.
 */
void checkpoint_tcp_end_quietly(struct sock *sk)
{
	if (checkpoint_tcp_lock(sk, NULL))
		return;
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))) {
		if (sk_is_mptcp(sk))
			checkpoint_tcp_end_subflow(sk);
		else
			tcp_sk(sk)->repair = 1;
	}
	checkpoint_tcp_unlock(sk);
}

/**
 * checkpoint_tcp_go_on() - let close(2) tell the other end
 * @sk: one that was to end quietly
 *
 * Return: 0, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_go_on(struct sock *sk)
{
	int err;

	err = checkpoint_tcp_lock(sk, NULL);
	if (err)
		return err;
	tcp_sk(sk)->repair = 0;
	release_sock(sk);
	return 0;
}

/**
 * checkpoint_tcp_over() - make a socket one whose connection is over
 * @sk: a new socket
 * @state: what it was
 * @data: what it has received and not read
 *
 * As what tcp_done() leaves.
 *
 * Return: 0, or an errno: -ENOMEM if there is no memory.
 */
int checkpoint_tcp_over(struct sock *sk, const struct checkpoint_tcp *state, const void *data)
{
	struct inet_sock *inet = inet_sk(sk);
	int err;

	if (!sk->sk_socket)
		return -EBADF;
	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	if (sk->sk_state != TCP_CLOSE || inet->inet_num || inet->inet_sport) {
		err = -EINVAL;
		goto out;
	}
	err = checkpoint_tcp_fill(sk, data, state->received);
	if (err)
		goto out;
	/* No port is taken: that this tells one is as after a reset. */
	inet->inet_sport = htons(state->port);
	inet->inet_dport = htons(state->peer_port);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		memcpy(&sk->sk_v6_rcv_saddr, state->addr, 16);
		memcpy(&inet6_sk(sk)->saddr, state->addr, 16);
		memcpy(&sk->sk_v6_daddr, state->peer_addr, 16);
	}
#endif
	if (sk->sk_family == AF_INET) {
		__be32 addr, peer;

		memcpy(&addr, state->addr, sizeof(addr));
		memcpy(&peer, state->peer_addr, sizeof(peer));
		sk_rcv_saddr_set(sk, addr);
		inet->inet_saddr = addr;
		sk_daddr_set(sk, peer);
	}
	if (state->done) {
		sock_set_flag(sk, SOCK_DONE);
		/* The end of what it received has a number of its own: SIOCINQ leaves that out. */
		WRITE_ONCE(tcp_sk(sk)->rcv_nxt, tcp_sk(sk)->rcv_nxt + 1);
	}
	WRITE_ONCE(sk->sk_shutdown, state->shutdown & SHUTDOWN_MASK);
	WRITE_ONCE(sk->sk_err, state->error);
	if (state->connecting)
		sk->sk_socket->state = SS_CONNECTING;
	else if (state->was_connected)
		sk->sk_socket->state = SS_CONNECTED;
out:
	release_sock(sk);
	return err;
}
