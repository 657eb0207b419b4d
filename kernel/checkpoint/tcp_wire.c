// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: what the two ends of a connection have agreed upon, and how an end is made
 * whose other end has gone on: it is outside, and was not told of anything.
 *
 * That takes the right that TCP_REPAIR takes, of the caller, to read it as well as
 * to make it.
 */
#include <linux/capability.h>
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/net.h>
#include <linux/tcp.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/* What became of the end of what @sk sends: CHECKPOINT_TCP_FIN_*. */
static unsigned int checkpoint_tcp_fin(struct sock *sk)
{
	const struct sk_buff *last = tcp_write_queue_tail(sk);
	unsigned int fin = CHECKPOINT_TCP_FIN_QUEUED;

	if (sk->sk_state == TCP_FIN_WAIT2)
		return CHECKPOINT_TCP_FIN_ACKED;
	if (!((1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK)))
		return CHECKPOINT_TCP_FIN_NONE;
	if (!last) {
		fin = CHECKPOINT_TCP_FIN_SENT;
		last = skb_rb_last(&sk->tcp_rtx_queue);
	}
	/* There was no memory for it, say. */
	if (!last || !(TCP_SKB_CB(last)->tcp_flags & TCPHDR_FIN))
		return CHECKPOINT_TCP_FIN_NONE;
	return fin;
}

/* How many numbers the end of what is sent has that the other end has not got. */
static u32 checkpoint_tcp_fin_len(const struct checkpoint_tcp_wire *wire)
{
	return wire->fin == CHECKPOINT_TCP_FIN_QUEUED || wire->fin == CHECKPOINT_TCP_FIN_SENT;
}

/* Why @sk can't be kept, if that is so. */
static unsigned int checkpoint_tcp_wire_refusal(struct sock *sk)
{
	const struct sk_buff *last = skb_peek_tail(&sk->sk_receive_queue);
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 rest;

	if (!ns_capable_noaudit(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return CHECKPOINT_TCP_WIRE_DENIED;
	if (!((1 << sk->sk_state) & CHECKPOINT_TCP_KEPT))
		return CHECKPOINT_TCP_WIRE_OVER;
	/* What it counts of congestion is told to the other end. */
	if (tcp_ecn_mode_accecn(tp))
		return CHECKPOINT_TCP_WIRE_ACCECN;
	/* The end of what was received has a number, but not always a place in the queue. */
	rest = tp->rcv_nxt - (last ? TCP_SKB_CB(last)->end_seq : tp->copied_seq);
	if (rest && !(rest == 1 && (1 << sk->sk_state) &
				   (TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK)))
		return CHECKPOINT_TCP_WIRE_QUEUE;
	if (!(sk->sk_shutdown & SEND_SHUTDOWN) !=
	    (checkpoint_tcp_fin(sk) == CHECKPOINT_TCP_FIN_NONE))
		return CHECKPOINT_TCP_WIRE_QUEUE;
	return 0;
}

/**
 * checkpoint_tcp_wire_get() - read what the ends of a connection have agreed upon
 * @sk: one end, locked
 * @wire: where to put it
 */
void checkpoint_tcp_wire_get(struct sock *sk, struct checkpoint_tcp_wire *wire)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	memset(wire, 0, sizeof(*wire));
	wire->why = checkpoint_tcp_wire_refusal(sk);
	if (wire->why)
		return;
	wire->snd_una = tp->snd_una;
	wire->rcv_nxt = tp->rcv_nxt;
	wire->fin = checkpoint_tcp_fin(sk);
	wire->closing = sk->sk_state == TCP_CLOSING;
	wire->in_flight = tp->snd_nxt - tp->snd_una - (wire->fin == CHECKPOINT_TCP_FIN_SENT);
	wire->snd_wnd = tp->snd_wnd;
	wire->max_window = tp->max_window;
	wire->rcv_wnd = tcp_receive_window(tp);
	wire->max_rcv_wnd = tcp_max_receive_window(tp);
	wire->mss = tp->rx_opt.mss_clamp;
	wire->sack = tcp_is_sack(tp);
	wire->wscale = tp->rx_opt.wscale_ok;
	if (wire->wscale) {
		wire->snd_wscale = tp->rx_opt.snd_wscale;
		wire->rcv_wscale = tp->rx_opt.rcv_wscale;
	}
	wire->ecn = tcp_ecn_mode_rfc3168(tp);
	wire->stamps = tp->rx_opt.tstamp_ok;
	if (wire->stamps) {
		wire->usec = tp->tcp_usec_ts;
		wire->stamp = tcp_clock_ts(tp->tcp_usec_ts) + tp->tsoffset;
		wire->stamp_recent = tp->rx_opt.ts_recent;
	}
}

/**
 * checkpoint_tcp_is_still() - tell whether a connection that is held is as it was
 * @sk: the socket
 * @state: what it was
 *
 * Return: 1: it is, 0: it has changed, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_is_still(struct sock *sk, const struct checkpoint_tcp *state)
{
	const struct checkpoint_tcp_wire *wire = &state->wire;
	const struct tcp_sock *tp = tcp_sk(sk);
	struct checkpoint_tcp_bytes received = {}, unsent = {};
	struct checkpoint_tcp_lock lock;
	bool is_shut = false;
	u32 unread;
	int ret;

	ret = checkpoint_tcp_lock_whole(&lock, sk, NULL);
	if (ret)
		return ret;
	/* What is in the socket of Multipath TCP has left the subflow, or has not come there. */
	if (lock.of[0]) {
		checkpoint_mptcp_received(lock.of[0], sk, &received);
		if (!(sk->sk_shutdown & SEND_SHUTDOWN))
			checkpoint_mptcp_unsent(lock.of[0], &unsent);
		is_shut = checkpoint_mptcp_is_shut(lock.of[0], sk);
	}
	ret = ((1 << sk->sk_state) & CHECKPOINT_TCP_KEPT) &&
	      tp->snd_una == wire->snd_una && tp->rcv_nxt == wire->rcv_nxt &&
	      (is_shut ? CHECKPOINT_TCP_FIN_QUEUED : checkpoint_tcp_fin(sk)) == wire->fin &&
	      tp->snd_nxt - tp->snd_una ==
			wire->in_flight + (wire->fin == CHECKPOINT_TCP_FIN_SENT) &&
	      tp->write_seq - tp->snd_una + unsent.len ==
			state->sent + (is_shut ? 0 : checkpoint_tcp_fin_len(wire));
	/* The end of what was received has a number, too, until it is read. */
	unread = tp->rcv_nxt - tp->copied_seq;
	if (lock.of[0] && !unread)
		/* There it leaves the queue with the last byte. */
		ret = ret && received.len == state->received;
	else if (unread + received.len != state->received + state->done &&
		 (unread || state->received))
		ret = 0;
	checkpoint_tcp_unlock_whole(&lock);
	return ret;
}

/* Gives @sk what it had agreed upon, as TCP_REPAIR_OPTIONS and TCP_TIMESTAMP. */
static void checkpoint_tcp_agree(struct sock *sk, const struct checkpoint_tcp_wire *wire)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u16 mss = wire->mss;

	if (tp->rx_opt.user_mss && tp->rx_opt.user_mss < mss)
		mss = tp->rx_opt.user_mss;
	tp->rx_opt.mss_clamp = mss;
	tp->rx_opt.sack_ok = wire->sack ? TCP_SACK_SEEN : 0;
	tp->rx_opt.wscale_ok = wire->wscale;
	tp->rx_opt.snd_wscale = wire->wscale ? wire->snd_wscale : 0;
	tp->rx_opt.rcv_wscale = wire->wscale ? wire->rcv_wscale : 0;
	WRITE_ONCE(tp->window_clamp, min(tp->window_clamp,
					 65535U << tp->rx_opt.rcv_wscale));
	tcp_ecn_mode_set(tp, wire->ecn ? TCP_ECN_MODE_RFC3168 : TCP_ECN_DISABLED);
	tp->tcp_header_len = sizeof(struct tcphdr);
	tp->rx_opt.tstamp_ok = wire->stamps;
	/* Whatever the route to the other end is like now. */
	tp->tcp_usec_ts = wire->stamps && wire->usec;
	if (wire->stamps) {
		tp->tcp_header_len += TCPOLEN_TSTAMP_ALIGNED;
		tp->advmss -= TCPOLEN_TSTAMP_ALIGNED;
		/* Its clock goes on where it stopped. */
		WRITE_ONCE(tp->tsoffset, wire->stamp - tcp_clock_ts(wire->usec));
		tp->rx_opt.ts_recent = wire->stamp_recent;
		tp->rx_opt.ts_recent_stamp = ktime_get_seconds();
	}
	tcp_mtup_init(sk);
	tcp_sync_mss(sk, inet_csk(sk)->icsk_pmtu_cookie);
	tcp_initialize_rcv_mss(sk);
}

/* Gives @sk the windows, as TCP_REPAIR_WINDOW. All that was received is there. */
static void checkpoint_tcp_windows(struct sock *sk, const struct checkpoint_tcp_wire *wire)
{
	struct tcp_sock *tp = tcp_sk(sk);

	/* The next segment tells the window anew. */
	tcp_init_wl(tp, tp->rcv_nxt - 1);
	tp->snd_wnd = wire->snd_wnd;
	tp->max_window = max(wire->max_window, wire->snd_wnd);
	tp->rcv_wup = tp->rcv_nxt;
	tp->rcv_wnd = wire->rcv_wnd;
	tp->rcv_mwnd_seq = tp->rcv_nxt + max(wire->max_rcv_wnd, wire->rcv_wnd);
	tp->rcv_ssthresh = min(max(tp->rcv_ssthresh, tp->rcv_wnd), tp->window_clamp);
	/* Computed again with the first segment. */
	tp->pred_flags = 0;
}

/**
 * checkpoint_tcp_rejoin() - let one end go on with the other, which has never left
 * @sk: the socket, held, of checkpoint_tcp_connect()
 * @state: what it was
 * @data: what it has received and not read
 * @reuse: what SO_REUSEADDR of it is
 *
 * What it is to send comes next, by checkpoint_tcp_queue().
 *
 * Return: 0, or an errno: -EINVAL if the numbers do not fit, -ENOMEM if there is no
 * memory for what was received.
 */
int checkpoint_tcp_rejoin(struct sock *sk, const struct checkpoint_tcp *state, const void *data,
			  bool reuse)
{
	const struct checkpoint_tcp_wire *wire = &state->wire;
	struct tcp_sock *tp = tcp_sk(sk);
	int err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	err = -EINVAL;
	if (!checkpoint_tcp_held(sk) || !tp->repair || sk->sk_state != TCP_ESTABLISHED ||
	    !skb_queue_empty(&sk->sk_receive_queue) || tp->write_seq != wire->snd_una ||
	    tp->rcv_nxt + state->received + state->done != wire->rcv_nxt)
		goto out;
	sk->sk_reuse = reuse ? SK_CAN_REUSE : SK_NO_REUSE;
	checkpoint_tcp_agree(sk, wire);
	err = checkpoint_tcp_fill(sk, data, state->received);
	if (err)
		goto out;
	if (state->done) {
		/* As tcp_fin(), but that nobody is told now. */
		WRITE_ONCE(tp->rcv_nxt, tp->rcv_nxt + 1);
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
		sock_set_flag(sk, SOCK_DONE);
		tcp_set_state(sk, TCP_CLOSE_WAIT);
	} else if (wire->fin == CHECKPOINT_TCP_FIN_ACKED) {
		/* As tcp_rcv_state_process(), when the other end has got it. */
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
		tcp_set_state(sk, TCP_FIN_WAIT2);
	}
	checkpoint_tcp_windows(sk, wire);
out:
	release_sock(sk);
	return err;
}

/**
 * checkpoint_tcp_queue() - choose what becomes of what is sent next
 * @sk: the socket, held and under repair
 * @queue: CHECKPOINT_TCP_QUEUE_*
 *
 * Nothing is sent. What was sent before is sent again if the other end does not
 * acknowledge it; what was not waits for the window. At the end, _CLOSED: nothing
 * is sent if it is closed, until checkpoint_tcp_resume().
 *
 * Return: 0, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_queue(struct sock *sk, unsigned int queue)
{
	struct tcp_sock *tp = tcp_sk(sk);
	int err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	if (checkpoint_tcp_held(sk)) {
		tp->repair = queue != CHECKPOINT_TCP_QUEUE_UNSENT;
		tp->repair_queue = queue == CHECKPOINT_TCP_QUEUE_SENT ? TCP_SEND_QUEUE :
									 TCP_NO_QUEUE;
	}
	release_sock(sk);
	return 0;
}

/**
 * checkpoint_tcp_finish() - shut a connection down for writing that is held
 * @sk: the socket, under repair or not as checkpoint_tcp_queue() has left it
 * @closing: the other end has closed after that, and before it had got it
 *
 * As shutdown(2): its end comes after what is in the queue, as sent or not.
 *
 * Return: 0, or -ENOMEM.
 */
int checkpoint_tcp_finish(struct sock *sk, bool closing)
{
	int err;

	checkpoint_tcp_shut(sk, SEND_SHUTDOWN);
	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	if (checkpoint_tcp_fin(sk) == CHECKPOINT_TCP_FIN_NONE)
		err = -ENOMEM;
	else if (closing && sk->sk_state == TCP_LAST_ACK)
		/* As tcp_fin(), but that what the other end has sent was acknowledged. */
		tcp_set_state(sk, TCP_CLOSING);
	release_sock(sk);
	return err;
}
