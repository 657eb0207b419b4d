// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: what an end of a connection knows of the way to the other one, and for how long
 * it has waited for that: a connection goes on without it, too.
 *
 * Values are bounded where the image is checked (image/net/check/tcp_hints.rs). The time
 * from when a connection was saved until it is let go of is none for it.
 */
#include <linux/bottom_half.h>
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp.h>
#include <linux/checkpoint_tcp_hints.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/time64.h>
#include <linux/timer.h>
#include <linux/win_minmax.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/* Milliseconds of @time, in jiffies: with less than 1000 of these a second they may be too many. */
static u32 checkpoint_tcp_msecs(unsigned long time)
{
	return jiffies_to_msecs(min(time, msecs_to_jiffies(INT_MAX)));
}

/* Milliseconds since the time @since. Another CPU may have set it just now. */
static u32 checkpoint_tcp_age(u32 since)
{
	s32 age = tcp_jiffies32 - since;

	return age > 0 ? checkpoint_tcp_msecs(age) : 0;
}

/* What of the time for which @sk has waited for the other end is told. */
static void checkpoint_tcp_waits_get(struct sock *sk, struct checkpoint_tcp_hints *hints)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);
	const struct tcp_sock *tp = tcp_sk(sk);
	long left;

	hints->ack_ms = checkpoint_tcp_age(tp->rcv_tstamp);
	hints->data_ms = checkpoint_tcp_age(icsk->icsk_ack.lrcvtime);
	hints->probes = icsk->icsk_probes_out;
	if (sock_flag(sk, SOCK_KEEPOPEN)) {
		/* One that has run out while it was held is due. */
		left = icsk->icsk_keepalive_timer.expires - jiffies;
		hints->keepalive_ms = left > 0 ? checkpoint_tcp_msecs(left) : 0;
	}
	if (!tp->packets_out && icsk->icsk_probes_tstamp) {
		hints->window_ms = checkpoint_tcp_age(icsk->icsk_probes_tstamp) + 1;
		hints->backoff = icsk->icsk_backoff;
	}
	if (tp->packets_out && icsk->icsk_retransmits && tp->retrans_stamp) {
		u32 age = tcp_clock_ts(tp->tcp_usec_ts) - tp->retrans_stamp;

		hints->retrans_ms = (tp->tcp_usec_ts ? age / USEC_PER_MSEC : age) + 1;
		hints->retransmits = icsk->icsk_retransmits;
	}
}

/**
 * checkpoint_tcp_hints_get() - read what a connection knows of the way to the other end
 * @sk: the socket
 * @hints: where to put it
 *
 * Return: 0, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_hints_get(struct sock *sk, struct checkpoint_tcp_hints *hints)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	int err;

	memset(hints, 0, sizeof(*hints));
	err = checkpoint_tcp_lock(sk, NULL);
	if (err)
		return err;
	if (tp->srtt_us) {
		hints->srtt_us = tp->srtt_us;
		hints->mdev_us = tp->mdev_us;
		hints->mdev_max_us = tp->mdev_max_us;
		hints->rttvar_us = tp->rttvar_us;
	}
	hints->rtt_min_us = tcp_min_rtt(tp);
	hints->ssthresh = tcp_current_ssthresh(sk);
	hints->cwnd = tcp_snd_cwnd(tp);
	/* As tcp_end_cwnd_reduction(), to which it was on its way. */
	if (tcp_in_cwnd_reduction(sk))
		hints->cwnd = min(hints->cwnd, hints->ssthresh);
	checkpoint_tcp_waits_get(sk, hints);
	checkpoint_tcp_unlock(sk);
	return 0;
}

/**
 * checkpoint_tcp_hints_begin() - let a connection know of the way before it is made
 * @sk: a new socket, held
 * @hints: what it knows
 * @ecn: the two have agreed upon explicit congestion notification (RFC 3168)
 *
 * As if the handshake had told, which checkpoint_tcp_connect() leaves out: the congestion
 * control begins with both, by tcp_init_transfer(), and tcp_init_metrics() leaves them.
 *
 * The round-trip time is what tcp_rtt_estimator() sets, the shortest what
 * tcp_update_rtt_min() does: neither checks anything. The window for the shortest one
 * (net.ipv4.tcp_min_rtt_wlen) begins anew.
 *
 * Return: 0, or an errno: -EINVAL if it is not a new one, -EINTR if the caller was killed.
 */
int checkpoint_tcp_hints_begin(struct sock *sk, const struct checkpoint_tcp_hints *hints,
			       bool ecn)
{
	struct tcp_sock *tp = tcp_sk(sk);
	int err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	if (!checkpoint_tcp_held(sk) || sk->sk_state != TCP_CLOSE) {
		err = -EINVAL;
		goto out;
	}
	tcp_ecn_mode_set(tp, ecn ? TCP_ECN_MODE_RFC3168 : TCP_ECN_DISABLED);
	if (!hints->srtt_us)
		goto out;
	WRITE_ONCE(tp->srtt_us, hints->srtt_us);
	tp->mdev_us = hints->mdev_us;
	tp->mdev_max_us = hints->mdev_max_us;
	tp->rttvar_us = hints->rttvar_us;
	minmax_reset(&tp->rtt_min, tcp_jiffies32, hints->rtt_min_us);
out:
	release_sock(sk);
	return err;
}

/*
 * The timeout for retransmissions is computed as with each measurement. As in
 * tcp_rtt_estimator(), the deviation is no less than the route wants.
 */
static void checkpoint_tcp_hint_rto(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 least = tcp_rto_min_us(sk);

	tp->mdev_max_us = max(tp->mdev_max_us, least);
	tp->rttvar_us = max(tp->rttvar_us, least);
	tp->rtt_seq = tp->snd_nxt;
	tcp_set_rto(sk);
}

/* The threshold, which is what the congestion control's ssthresh() may return. */
static void checkpoint_tcp_hint_ssthresh(struct sock *sk, const struct checkpoint_tcp_hints *hints)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 most = min_t(u32, tp->snd_cwnd_clamp, TCP_INFINITE_SSTHRESH);

	/* As tcp_init_metrics(), and as tcp_reno_ssthresh(). */
	WRITE_ONCE(tp->snd_ssthresh, max(min(hints->ssthresh, most), 2U));
}

/*
 * The congestion window after an idle time without end: no more than that of a new
 * connection, and no more than it was.
 */
static void checkpoint_tcp_hint_cwnd(struct sock *sk, const struct checkpoint_tcp_hints *hints)
{
	struct tcp_sock *tp = tcp_sk(sk);

	tcp_snd_cwnd_set(tp, max(min(hints->cwnd, tp->snd_cwnd_clamp), 1U));
	checkpoint_tcp_hint_ssthresh(sk, hints);
	tcp_cwnd_restart(sk, S32_MAX);
}

/* What is counted of probes: those for a window have one left, by which it is asked at least. */
static void checkpoint_tcp_hint_probes(struct sock *sk, const struct checkpoint_tcp_hints *hints)
{
	u8 most = max_t(u8, READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_retries2), 1) - 1;
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	u8 probes = hints->probes;

	if (hints->window_ms && !tp->packets_out && tcp_send_head(sk)) {
		u32 since = tp->lsndtime - msecs_to_jiffies(hints->window_ms - 1);

		/* As tcp_probe_timer(), for which 0 is none. */
		icsk->icsk_probes_tstamp = since ? : 1;
		icsk->icsk_backoff = min(hints->backoff, most);
		probes = min(probes, most);
	}
	WRITE_ONCE(icsk->icsk_probes_out, probes);
}

/*
 * It goes on with what follows a timeout, by which it was sent again: as
 * tcp_retransmit_timer(), but for the segment. The stamp would be left behind in any
 * other state: it is taken away when that of tcp_enter_loss() ends.
 */
static void checkpoint_tcp_hint_loss(struct sock *sk, const struct checkpoint_tcp_hints *hints)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 age = hints->retrans_ms - 1 + jiffies_to_msecs(tcp_jiffies32 - tp->lsndtime);
	u32 since;

	tcp_mstamp_refresh(tp);
	local_bh_disable();
	tcp_enter_loss(sk);
	local_bh_enable();
	/* The first timeout has reduced it already. */
	checkpoint_tcp_hint_ssthresh(sk, hints);
	WRITE_ONCE(inet_csk(sk)->icsk_retransmits, hints->retransmits);
	since = tcp_time_stamp_ts(tp) - (tp->tcp_usec_ts ? age * USEC_PER_MSEC : age);
	tp->retrans_stamp = since ? : 1;
}

/**
 * checkpoint_tcp_hints_set() - let a connection go on waiting where it was
 * @sk: the socket, held, which has its queues
 * @hints: what it knows, as of checkpoint_tcp_hints_begin()
 *
 * Its clocks are set as of when it was connected; checkpoint_tcp_resume() moves them by
 * how long it was held since.
 *
 * Return: 0, or an errno: -EINVAL if it is not connected, -EINTR if the caller was killed.
 */
int checkpoint_tcp_hints_set(struct sock *sk, const struct checkpoint_tcp_hints *hints)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	int err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	if (!checkpoint_tcp_held(sk) || !((1 << sk->sk_state) & CHECKPOINT_TCP_KEPT)) {
		err = -EINVAL;
		goto out;
	}
	if (hints->srtt_us)
		checkpoint_tcp_hint_rto(sk);
	if (hints->cwnd)
		checkpoint_tcp_hint_cwnd(sk, hints);
	tp->rcv_tstamp = tp->lsndtime - msecs_to_jiffies(hints->ack_ms);
	icsk->icsk_ack.lrcvtime = tp->lsndtime - msecs_to_jiffies(hints->data_ms);
	checkpoint_tcp_hint_probes(sk, hints);
	if (sock_flag(sk, SOCK_KEEPOPEN))
		tcp_reset_keepalive_timer(sk, msecs_to_jiffies(hints->keepalive_ms) -
					      (tcp_jiffies32 - tp->lsndtime));
	if (hints->retransmits && hints->retrans_ms && tp->packets_out)
		checkpoint_tcp_hint_loss(sk, hints);
out:
	release_sock(sk);
	return err;
}
