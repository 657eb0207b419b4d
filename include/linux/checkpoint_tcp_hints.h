/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: what an end of a TCP connection knows of the way to the other one.
 */
#ifndef _LINUX_CHECKPOINT_TCP_HINTS_H
#define _LINUX_CHECKPOINT_TCP_HINTS_H

#include <linux/types.h>

struct sock;

/**
 * struct checkpoint_tcp_hints - what was measured of a connection, and since when it waits
 * @srtt_us: smoothed round-trip time, in 1/8 us; 0: nothing was measured
 * @mdev_us: its mean deviation, in 1/4 us
 * @mdev_max_us: the largest of late
 * @rttvar_us: what timeouts go by
 * @rtt_min_us: the shortest of late, in us; ~0: none
 * @ssthresh: slow start threshold, in segments
 * @cwnd: congestion window, in segments; 0: it is that of a new connection
 * @ack_ms: since the last acknowledgment has come, as all times in ms
 * @data_ms: since the last data has come
 * @keepalive_ms: until the keepalive timer; 0: now, or there is none
 * @window_ms: 1 more than since the other end is asked for a window; 0: it is not
 * @retrans_ms: 1 more than since it was sent again first; 0: it was not
 * @probes: probes that were not answered
 * @backoff: how often the time between those for a window was doubled
 * @retransmits: how often it was sent again after a timeout, and nothing has come
 */
struct checkpoint_tcp_hints {
	u32 srtt_us;
	u32 mdev_us;
	u32 mdev_max_us;
	u32 rttvar_us;
	u32 rtt_min_us;
	u32 ssthresh;
	u32 cwnd;
	u32 ack_ms;
	u32 data_ms;
	u32 keepalive_ms;
	u32 window_ms;
	u32 retrans_ms;
	u8 probes;
	u8 backoff;
	u8 retransmits;
};

/* Of kernel/checkpoint/tcp_hints.c. */
int checkpoint_tcp_hints_get(struct sock *sk, struct checkpoint_tcp_hints *hints);
int checkpoint_tcp_hints_begin(struct sock *sk, const struct checkpoint_tcp_hints *hints,
			       bool ecn);
int checkpoint_tcp_hints_set(struct sock *sk, const struct checkpoint_tcp_hints *hints);

#endif /* _LINUX_CHECKPOINT_TCP_HINTS_H */
