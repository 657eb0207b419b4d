// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: how a connection is made whose two ends are in one image.
 *
 * They come back by bind(2) and, as TCP_REPAIR lets it, connect(2) without a
 * segment. checkpoint_tcp_join() does what a handshake between them would have
 * done. From then on they are ordinary: what was in the queues is sent, and
 * what was closed is closed, so that TCP itself makes the states.
 */
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/security.h>
#include <linux/socket.h>
#include <linux/tcp.h>
#include <linux/timekeeping.h>
#include <net/inet_connection_sock.h>
#include <net/inet_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/**
 * checkpoint_tcp_seq() - choose the number of the first byte of a connection
 *
 * Return: a number that nobody guesses.
 */
u32 checkpoint_tcp_seq(void)
{
	return get_random_u32();
}

/**
 * checkpoint_tcp_connect() - make one end of a connection without a segment
 * @sk: a new socket
 * @state: what it was: its addresses
 * @write_seq: the number of the first byte that it sends
 * @rcv_nxt: the number of the first byte that it gets
 *
 * As bind(2) and connect(2) with TCP_REPAIR, for which it asks the right of the
 * caller. It sends nothing until checkpoint_tcp_join(), and takes nothing in that
 * anybody else sends, who knows neither of the numbers.
 *
 * Return: 0, or an errno: -EPERM if the caller may not, -EACCES if who has made
 * the socket may not have its port, -EADDRNOTAVAIL if the address is none of this
 * machine or there is such a connection.
 */
int checkpoint_tcp_connect(struct sock *sk, const struct checkpoint_tcp *state, u32 write_seq,
			   u32 rcv_nxt)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct sockaddr_storage addr;
	unsigned char reuse;
	int len, err;

	if (!sk->sk_socket)
		return -EBADF;
	if (state->bound_port && !checkpoint_tcp_may_have(sk, state))
		return -EACCES;
	reuse = sk->sk_reuse;
	err = checkpoint_tcp_repair(sk);
	if (err)
		return err;
	err = checkpoint_tcp_bind_shared(sk, state);
	if (err)
		goto out;
	err = checkpoint_sock_lock(sk);
	if (err)
		goto out;
	/* As TCP_QUEUE_SEQ, which asks for a socket that is closed. */
	err = -EINVAL;
	if (sk->sk_state == TCP_CLOSE && tcp_rtx_queue_empty(sk) &&
	    tp->rcv_nxt == tp->copied_seq) {
		WRITE_ONCE(tp->write_seq, write_seq);
		tp->pushed_seq = write_seq;
		WRITE_ONCE(tp->rcv_nxt, rcv_nxt);
		WRITE_ONCE(tp->copied_seq, rcv_nxt);
		/* What is told of the clock is as random as in a handshake. */
		WRITE_ONCE(tp->tsoffset, get_random_u32());
		err = 0;
	}
	release_sock(sk);
	if (err)
		goto out;
	len = checkpoint_tcp_sockaddr(sk, state->peer_addr, state->peer_port, &addr);
	err = security_socket_connect(sk->sk_socket, (struct sockaddr *)&addr, len);
	if (!err)
		err = READ_ONCE(sk->sk_socket->ops)->connect(sk->sk_socket,
							     (struct sockaddr_unsized *)&addr, len,
							     O_NONBLOCK);
	/* A BPF program may have changed them. */
	if (!err && (sk->sk_state != TCP_ESTABLISHED || !checkpoint_tcp_is_at(sk, state)))
		err = -EADDRNOTAVAIL;
	if (!err)
		err = checkpoint_tcp_lock_address(sk, state);
out:
	/* One that fails is closed, and tells nobody. */
	if (!err)
		return 0;
	checkpoint_tcp_repaired(sk, reuse);
	return err;
}

/* Gives @sk what it would have learnt from the SYN of @peer. */
static void checkpoint_tcp_shake(struct sock *sk, const struct sock *peer)
{
	const struct tcp_sock *other = tcp_sk(peer);
	const struct net *net = sock_net(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	u16 mss = other->advmss;

	if (tp->rx_opt.user_mss && tp->rx_opt.user_mss < mss)
		mss = tp->rx_opt.user_mss;
	tp->rx_opt.mss_clamp = mss;
	tp->rx_opt.sack_ok = READ_ONCE(net->ipv4.sysctl_tcp_sack) ? TCP_SACK_SEEN : 0;
	tp->rx_opt.wscale_ok = !!READ_ONCE(net->ipv4.sysctl_tcp_window_scaling);
	if (tp->rx_opt.wscale_ok)
		tp->rx_opt.snd_wscale = other->rx_opt.rcv_wscale;
	tcp_init_wl(tp, tp->rcv_nxt - 1);
}

/*
 * Opens the window as far as the buffer goes: that much may have been received
 * when it had grown, and is to be there again at once.
 */
static void checkpoint_tcp_open_window(struct sock *sk, struct sock *peer)
{
	struct tcp_sock *tp = tcp_sk(sk), *other = tcp_sk(peer);
	u32 window = clamp_t(int, tcp_full_space(sk), 0, tp->window_clamp);

	window = round_down(window, 1 << tp->rx_opt.rcv_wscale);
	if (window > tp->rcv_wnd) {
		tp->rcv_wnd = window;
		tp->rcv_ssthresh = window;
	}
	tp->rcv_mwnd_seq = tp->rcv_wup + tp->rcv_wnd;
	other->snd_wnd = tp->rcv_wnd;
	other->max_window = other->snd_wnd;
}

/* The rest of it, when both have learnt that. */
static void checkpoint_tcp_settle_options(struct sock *sk, const struct sock *peer, bool stamps)
{
	const struct tcp_sock *other = tcp_sk(peer);
	struct tcp_sock *tp = tcp_sk(sk);

	if (!tp->rx_opt.wscale_ok) {
		tp->rx_opt.snd_wscale = 0;
		tp->rx_opt.rcv_wscale = 0;
		WRITE_ONCE(tp->window_clamp, min(tp->window_clamp, 65535U));
	}
	tp->tcp_header_len = sizeof(struct tcphdr);
	tp->rx_opt.tstamp_ok = stamps;
	if (stamps) {
		tp->tcp_header_len += TCPOLEN_TSTAMP_ALIGNED;
		tp->advmss -= TCPOLEN_TSTAMP_ALIGNED;
		tp->rx_opt.ts_recent = tcp_clock_ts(other->tcp_usec_ts) + other->tsoffset;
		tp->rx_opt.ts_recent_stamp = ktime_get_seconds();
	}
	tcp_sync_mss(sk, inet_csk(sk)->icsk_pmtu_cookie);
	tcp_initialize_rcv_mss(sk);
	/* They are computed again with the first segment. */
	tp->pred_flags = 0;
}

/**
 * checkpoint_tcp_join() - make two ends a connection
 * @sk: one end, of checkpoint_tcp_connect()
 * @peer: the other end
 * @reuse: what SO_REUSEADDR of @sk is
 * @peer_reuse: the same of @peer
 *
 * They have the options that they would have agreed upon in a handshake.
 *
 * Return: 0; -EINVAL if their addresses or numbers do not fit, -EINTR if the caller
 * was killed.
 */
int checkpoint_tcp_join(struct sock *sk, struct sock *peer, bool reuse, bool peer_reuse)
{
	struct tcp_sock *tp = tcp_sk(sk), *other = tcp_sk(peer);
	bool stamps;
	int err;

	if (!checkpoint_tcp_finds(sk, peer) || !checkpoint_tcp_finds(peer, sk))
		return -EINVAL;
	err = checkpoint_tcp_lock(sk, peer);
	if (err)
		return err;
	err = -EINVAL;
	if (!tp->repair || !other->repair || sk->sk_state != TCP_ESTABLISHED ||
	    peer->sk_state != TCP_ESTABLISHED || tp->snd_nxt != other->rcv_nxt ||
	    other->snd_nxt != tp->rcv_nxt || tp->snd_una != tp->write_seq ||
	    other->snd_una != other->write_seq)
		goto out;
	checkpoint_tcp_shake(sk, peer);
	checkpoint_tcp_shake(peer, sk);
	stamps = READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_timestamps);
	checkpoint_tcp_settle_options(sk, peer, stamps);
	checkpoint_tcp_settle_options(peer, sk, stamps);
	checkpoint_tcp_open_window(sk, peer);
	checkpoint_tcp_open_window(peer, sk);
	tp->repair = 0;
	sk->sk_reuse = reuse ? SK_CAN_REUSE : SK_NO_REUSE;
	other->repair = 0;
	peer->sk_reuse = peer_reuse ? SK_CAN_REUSE : SK_NO_REUSE;
	err = 0;
out:
	release_sock(peer);
	release_sock(sk);
	return err;
}
