// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: sockets that were about to connect, which begin anew.
 */
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/inetdevice.h>
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/socket.h>
#include <linux/tcp.h>
#include <net/addrconf.h>
#include <net/inet_common.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/* How long a socket that somebody else has locked is waited for, if it is to connect. */
#define CHECKPOINT_TCP_START_WAIT	HZ

/**
 * checkpoint_tcp_start_at() - give a socket its address that is to connect
 * @sk: a new socket
 * @state: what it was: its addresses
 *
 * Its own address may be that of others, as with TCP_REPAIR, for which it asks
 * the right of the caller.
 *
 * Return: 0, or an errno: -EACCES if who has made the socket may not have its
 * port, what a security module says of the connection.
 */
int checkpoint_tcp_start_at(struct sock *sk, const struct checkpoint_tcp *state)
{
	unsigned char reuse = sk->sk_reuse;
	struct sockaddr_storage addr;
	int len, err;

	if (!sk->sk_socket)
		return -EBADF;
	if (state->port) {
		if (!checkpoint_tcp_may_have(sk, state))
			return -EACCES;
		err = checkpoint_tcp_repair(sk);
		if (err)
			return err;
		err = checkpoint_tcp_bind_shared(sk, state);
		checkpoint_tcp_repaired(sk, reuse);
		if (err)
			return err;
	}
	len = checkpoint_tcp_sockaddr(sk, state->peer_addr, state->peer_port, &addr);
	return security_socket_connect(sk->sk_socket, (struct sockaddr *)&addr, len);
}

/**
 * checkpoint_tcp_start_now() - begin to connect, as connect(2)
 * @sk: the socket, of checkpoint_tcp_start_at()
 * @state: what it was: its addresses
 *
 * What connect(2) fails with the socket tells as if that had come later, and who
 * polls it is woken. Who has got at the socket by its task may keep it locked, and
 * the tasks are held meanwhile: so a moment is waited for that, and no more. Then it is
 * as if the network had ended it: ECONNABORTED.
 */
void checkpoint_tcp_start_now(struct sock *sk, const struct checkpoint_tcp *state)
{
	unsigned long end = jiffies + CHECKPOINT_TCP_START_WAIT;
	struct sockaddr_storage addr;
	int len, err;

	len = checkpoint_tcp_sockaddr(sk, state->peer_addr, state->peer_port, &addr);
	while (!checkpoint_tcp_trylock(sk, 0)) {
		if (time_after(jiffies, end) || fatal_signal_pending(current)) {
			err = -ECONNABORTED;
			goto out;
		}
		schedule_timeout_killable(1);
	}
	/* As inet_stream_connect(), which locks it. */
	err = __inet_stream_connect(sk->sk_socket, (struct sockaddr_unsized *)&addr, len,
				    O_NONBLOCK, 0);
	if (err == -EINPROGRESS)
		err = 0;
	checkpoint_tcp_fix_address(sk, state);
	checkpoint_tcp_unlock(sk);
out:
	if (err) {
		WRITE_ONCE(sk->sk_err, -err);
		sk_error_report(sk);
	}
}

/* Whether the address that @sk is to connect to is one of this machine. */
static bool checkpoint_tcp_goes_here(const struct sock *sk, const struct checkpoint_tcp *state)
{
	struct net *net = sock_net(sk);
	__be32 v4;

	memcpy(&v4, state->peer_addr, sizeof(v4));
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		struct in6_addr v6;

		memcpy(&v6, state->peer_addr, sizeof(v6));
		if (!ipv6_addr_v4mapped(&v6))
			return ipv6_addr_loopback(&v6) || ipv6_chk_addr(net, &v6, NULL, 0);
		v4 = v6.s6_addr32[3];
	}
#endif
	return inet_addr_type(net, v4) == RTN_LOCAL;
}

/**
 * checkpoint_tcp_start() - do both
 * @sk: a new socket
 * @state: what it was: its addresses
 *
 * It is connected on this machine only: others must not hear of a restart that may
 * fail yet.
 *
 * Return: 0, or an errno, as of checkpoint_tcp_start_at().
 */
int checkpoint_tcp_start(struct sock *sk, const struct checkpoint_tcp *state)
{
	int err;

	if (!checkpoint_tcp_goes_here(sk, state))
		return -EADDRNOTAVAIL;
	err = checkpoint_tcp_start_at(sk, state);
	if (err)
		return err;
	checkpoint_tcp_start_now(sk, state);
	/* The caller's right to an address is not there to speak to other machines. */
	if (!sk->sk_socket->file && !checkpoint_tcp_is_local(sk))
		return -EADDRNOTAVAIL;
	return 0;
}

/**
 * checkpoint_tcp_connecting() - set whether connect(2) is to tell the outcome
 * @sk: the socket, which is connected or about to be
 * @connecting: whether it is
 *
 * Return: 0, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_connecting(struct sock *sk, bool connecting)
{
	struct socket *sock;
	int err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	sock = sk->sk_socket;
	if (sock && (sock->state == SS_CONNECTED || sock->state == SS_CONNECTING))
		sock->state = connecting ? SS_CONNECTING : SS_CONNECTED;
	release_sock(sk);
	return 0;
}

/**
 * checkpoint_tcp_is_connected() - tell whether a handshake is over
 * @sk: the socket
 *
 * Return: 1: it is, 0: not yet, or the errno that it has failed with.
 */
int checkpoint_tcp_is_connected(struct sock *sk)
{
	int state = inet_sk_state_load(sk);

	if (state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		return 0;
	if (state != TCP_CLOSE)
		return 1;
	return -(READ_ONCE(sk->sk_err) ? : ECONNREFUSED);
}
