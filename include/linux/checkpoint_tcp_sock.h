/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: TCP sockets, and the holds on them.
 */
#ifndef _LINUX_CHECKPOINT_TCP_SOCK_H
#define _LINUX_CHECKPOINT_TCP_SOCK_H

#include <linux/checkpoint_socket.h>
#include <linux/types.h>

struct checkpoint_tcp_hold;
struct net;
struct sock;
struct socket;

/* checkpoint_tcp::state */
#define CHECKPOINT_TCP_NEW		0
#define CHECKPOINT_TCP_LISTENING	1
#define CHECKPOINT_TCP_STARTED		2
#define CHECKPOINT_TCP_CONNECTED	3
#define CHECKPOINT_TCP_OVER		4

/* Why a TCP socket can't be saved. */
#define CHECKPOINT_TCP_ULP		1
#define CHECKPOINT_TCP_MPTCP		2
#define CHECKPOINT_TCP_REPAIRED		3
#define CHECKPOINT_TCP_FASTOPEN_KEY	4
#define CHECKPOINT_TCP_FASTOPEN		5
#define CHECKPOINT_TCP_KEYS		6
#define CHECKPOINT_TCP_POLICY		7
#define CHECKPOINT_TCP_BPF		8
#define CHECKPOINT_TCP_FASTOPEN_CONNECT	9
#define CHECKPOINT_TCP_KEYS_DENIED	10

/* What of a socket is lost, bits of checkpoint_tcp_lost(). */
#define CHECKPOINT_TCP_LOST_SYN		1	/* TCP_SAVED_SYN */
#define CHECKPOINT_TCP_LOST_HEADERS	2	/* more of IPV6_2292PKTOPTIONS */
#define CHECKPOINT_TCP_LOST_ECN		4	/* ECN, if the other end is of a task, too */

/*
 * What the other end of a connection is: not of this machine or namespace;
 * gone, or in TIME_WAIT; a handshake; closed by its owner; a connection that
 * waits to be accepted; a socket that somebody has.
 */
#define CHECKPOINT_TCP_PEER_OUTSIDE	0
#define CHECKPOINT_TCP_PEER_GONE	1
#define CHECKPOINT_TCP_PEER_REQUEST	2
#define CHECKPOINT_TCP_PEER_CLOSED	3
#define CHECKPOINT_TCP_PEER_WAITING	4
#define CHECKPOINT_TCP_PEER_OPEN	5

/* checkpoint_tcp_wire::why: the caller may not read it (CAP_NET_ADMIN). */
#define CHECKPOINT_TCP_WIRE_DENIED	1
/* Its connection is over. */
#define CHECKPOINT_TCP_WIRE_OVER	2
/* Accurate ECN counts what arrives. */
#define CHECKPOINT_TCP_WIRE_ACCECN	3
/* The queue does not end where the numbers say. */
#define CHECKPOINT_TCP_WIRE_QUEUE	4

/*
 * checkpoint_tcp_wire::fin: what became of the end of what is sent. It was not
 * shut down; nobody was told; the other end was told; it has got that.
 */
#define CHECKPOINT_TCP_FIN_NONE		0
#define CHECKPOINT_TCP_FIN_QUEUED	1
#define CHECKPOINT_TCP_FIN_SENT		2
#define CHECKPOINT_TCP_FIN_ACKED	3

/* checkpoint_tcp_queue(): it was sent before, it was not, the queue is complete. */
#define CHECKPOINT_TCP_QUEUE_SENT	0
#define CHECKPOINT_TCP_QUEUE_UNSENT	1
#define CHECKPOINT_TCP_QUEUE_CLOSED	2

/**
 * struct checkpoint_tcp_wire - what an end of a connection has agreed upon with the other
 * @why: why it can't be kept: CHECKPOINT_TCP_WIRE_*; then there is nothing else
 * @snd_una: number of the first byte that is to be sent
 * @rcv_nxt: number of the next byte that is to arrive
 * @in_flight: how many of the bytes that are to be sent were sent already; the end
 *	of them, which has a number, too, does not count
 * @snd_wnd: bytes that the other end takes
 * @max_window: the most that it has taken
 * @rcv_wnd: bytes that were offered to the other end
 * @max_rcv_wnd: the most that were
 * @stamp: time stamp (RFC 7323)
 * @stamp_recent: that of the other end
 * @mss: largest segment that the other end takes
 * @snd_wscale: scale of its window
 * @rcv_wscale: scale of the window that it is offered
 * @wscale: there are scales
 * @sack: with selective acknowledgment
 * @stamps: with time stamps
 * @usec: these count microseconds, and not milliseconds
 * @ecn: with explicit congestion notification (RFC 3168)
 * @fin: CHECKPOINT_TCP_FIN_*
 * @closing: the other end has closed before it had got that (CLOSING)
 */
struct checkpoint_tcp_wire {
	unsigned int why;
	u32 snd_una;
	u32 rcv_nxt;
	u32 in_flight;
	u32 snd_wnd;
	u32 max_window;
	u32 rcv_wnd;
	u32 max_rcv_wnd;
	u32 stamp;
	u32 stamp_recent;
	u16 mss;
	u8 snd_wscale;
	u8 rcv_wscale;
	bool wscale;
	bool sack;
	bool stamps;
	bool usec;
	bool ecn;
	u8 fin;
	bool closing;
};

/**
 * struct checkpoint_tcp - what a TCP socket is
 * @state: CHECKPOINT_TCP_*
 * @error: what SO_ERROR tells
 * @shutdown: CHECKPOINT_SHUT_*
 * @backlog: how many connections may wait
 * @user_mss: TCP_MAXSEG; 0: not set
 * @received: bytes that were received and not read
 * @sent: bytes that are to be sent
 * @urgent: 1 more than what comes before the urgent byte of what was received;
 *	0: there is none
 * @urgent_sent: the same of what is to be sent
 * @port: its port
 * @peer_port: the port that it is connected to
 * @done: the other end has closed, and that has come here
 * @bound_addr: its address was set by bind(2)
 * @bound_port: so was its port
 * @has_port: it has its port still
 * @urgent_read: the urgent byte was read
 * @connecting: connect(2) has not told the outcome
 * @was_connected: it has
 * @v6only: it has IPV6_V6ONLY
 * @addr: its address, 4 or 16 bytes
 * @peer_addr: the address that it is connected to
 * @congestion: name of its congestion control
 * @wire: what it has agreed upon with the other end, if it is connected, and that
 *	is not saved
 */
struct checkpoint_tcp {
	unsigned int state;
	int error;
	unsigned int shutdown;
	unsigned int backlog;
	unsigned int user_mss;
	unsigned int received;
	unsigned int sent;
	unsigned int urgent;
	unsigned int urgent_sent;
	u16 port;
	u16 peer_port;
	bool done;
	bool bound_addr;
	bool bound_port;
	bool has_port;
	bool urgent_read;
	bool connecting;
	bool was_connected;
	bool v6only;
	u8 addr[16];
	u8 peer_addr[16];
	char congestion[16];
	struct checkpoint_tcp_wire wire;
};

/* Of kernel/checkpoint/tcp.c. */
int checkpoint_tcp_refusal(struct sock *sk);
u32 checkpoint_tcp_lost(struct sock *sk);

/**
 * struct checkpoint_tcp_due - calls with MSG_ZEROCOPY that one notification tells of
 * @first: the number of the first
 * @last: that of the last
 */
struct checkpoint_tcp_due {
	u32 first;
	u32 last;
};

/* Of kernel/checkpoint/tcp_zerocopy.c. */
int checkpoint_tcp_due(struct sock *sk, struct checkpoint_tcp_due *to, unsigned int max);
ssize_t checkpoint_tcp_get(struct sock *sk, struct sock *peer, struct checkpoint_tcp *state,
			   struct checkpoint_tcp *peer_state, void *to, size_t room);

/* Of kernel/checkpoint/tcp_peer.c. */
struct sock *checkpoint_tcp_peer(struct sock *sk, int *what);
unsigned int checkpoint_tcp_waiting(struct sock *sk, struct sock **waiting, unsigned int room);

/* Of kernel/checkpoint/tcp_bind.c. */
int checkpoint_tcp_bind(struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_mss(struct sock *sk, unsigned int mss);
int checkpoint_tcp_congestion(struct sock *sk, const char *name);
int checkpoint_tcp_listen(struct sock *sk, unsigned int backlog);

/* Of kernel/checkpoint/tcp_join.c. */
u32 checkpoint_tcp_seq(void);
int checkpoint_tcp_connect(struct sock *sk, const struct checkpoint_tcp *state, u32 write_seq,
			   u32 rcv_nxt);
int checkpoint_tcp_join(struct sock *sk, struct sock *peer, bool reuse, bool peer_reuse);

/* Of kernel/checkpoint/tcp_start.c. */
int checkpoint_tcp_start_at(struct sock *sk, const struct checkpoint_tcp *state);
void checkpoint_tcp_start_now(struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_start(struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_is_connected(struct sock *sk);
int checkpoint_tcp_connecting(struct sock *sk, bool connecting);

/* Of kernel/checkpoint/tcp_queue.c. */
int checkpoint_tcp_send(struct sock *sk, const void *data, size_t len, unsigned int limit);
u64 checkpoint_tcp_room(struct sock *sk, struct sock *peer);
unsigned int checkpoint_tcp_queued(struct sock *sk);
int checkpoint_tcp_urgent(struct sock *sk, unsigned int mark, bool read);
int checkpoint_tcp_urgent_next(struct sock *sk, unsigned int back);

/* Of kernel/checkpoint/tcp_over.c. */
void checkpoint_tcp_shut(struct sock *sk, unsigned int how);
void checkpoint_tcp_end_quietly(struct sock *sk);
int checkpoint_tcp_go_on(struct sock *sk);
int checkpoint_tcp_over(struct sock *sk, const struct checkpoint_tcp *state, const void *data);

/* Of kernel/checkpoint/tcp_hold.c. */
struct checkpoint_tcp_hold *checkpoint_tcp_hold(struct sock *sk);
void checkpoint_tcp_hold_settle(void);
void checkpoint_tcp_resume(struct checkpoint_tcp_hold *hold);
void checkpoint_tcp_resume_now(struct checkpoint_tcp_hold *hold);
void checkpoint_tcp_bury(struct checkpoint_tcp_hold *hold);
void checkpoint_tcp_reset(struct checkpoint_tcp_hold *hold);

/* Of kernel/checkpoint/tcp_left.c. */
void checkpoint_tcp_leave(struct checkpoint_tcp_hold *hold, u64 id,
			  const struct checkpoint_tcp *state);
int checkpoint_tcp_left_still(u64 id, struct checkpoint_tcp *was, int *family);
void checkpoint_tcp_end(u64 id, bool bury);

/* Of kernel/checkpoint/tcp_wire.c. */
int checkpoint_tcp_is_still(struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_rejoin(struct sock *sk, const struct checkpoint_tcp *state, const void *data,
			  bool reuse);
int checkpoint_tcp_queue(struct sock *sk, unsigned int queue);
int checkpoint_tcp_finish(struct sock *sk, bool closing);

/**
 * struct checkpoint_tcp_rest - what a namespace has of TCP that no file shows
 * @orphans: connections that were closed, and have something left to send, or to
 *	hear of
 * @subflows: subflows of sockets of Multipath TCP that were closed, or wait to be
 *	accepted
 * @requests: handshakes that are not over
 * @waits: addresses in TIME_WAIT
 */
struct checkpoint_tcp_rest {
	unsigned int orphans;
	unsigned int subflows;
	unsigned int requests;
	unsigned int waits;
};

/* Of kernel/checkpoint/tcp_unseen.c. */
int checkpoint_tcp_unseen(struct net *net, struct sock **orphans, unsigned int room,
			  struct checkpoint_tcp_rest *rest);
void checkpoint_tcp_unclaimed(struct sock *sk, const struct sock *listener);
int checkpoint_tcp_wait(struct sock *listener, struct socket *socket);

#endif /* _LINUX_CHECKPOINT_TCP_SOCK_H */
