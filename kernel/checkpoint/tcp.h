/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of TCP have in common.
 */
#ifndef _CHECKPOINT_TCP_H
#define _CHECKPOINT_TCP_H

#include <linux/socket.h>
#include <linux/types.h>
#include <net/tcp_states.h>

struct checkpoint_tcp;
struct checkpoint_tcp_wire;
struct sk_buff;
struct sock;

/* Where bytes of queues go; what there is no room for is counted. */
struct checkpoint_tcp_bytes {
	u8 *to;
	size_t room;
	size_t len;
};

/* States of connections that may go on with who is outside. */
#define CHECKPOINT_TCP_KEPT							\
	(TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT |	\
	 TCPF_CLOSING | TCPF_LAST_ACK)

/* Of mptcp.c. */
bool checkpoint_mptcp_spin_soon(struct sock *sk);
void checkpoint_mptcp_unspin(struct sock *sk);

/* Of mptcp_fell_back.c. */
bool checkpoint_mptcp_is_tcp(const struct sock *sk);
bool checkpoint_mptcp_trylock(struct sock *sk, struct sock **of, int subclass);
void checkpoint_mptcp_unlock(struct sock *of);
int checkpoint_mptcp_received(struct sock *of, const struct sock *sk,
			      struct checkpoint_tcp_bytes *bytes);
void checkpoint_mptcp_unsent(const struct sock *of, struct checkpoint_tcp_bytes *bytes);
bool checkpoint_mptcp_is_shut(const struct sock *of, const struct sock *sk);

/* Of tcp.c. */
struct checkpoint_tcp_lock {
	struct sock *sk;
	struct sock *peer;
	struct sock *of[2];
};

int checkpoint_tcp_lock_whole(struct checkpoint_tcp_lock *lock, struct sock *sk,
			      struct sock *peer);
void checkpoint_tcp_unlock_whole(const struct checkpoint_tcp_lock *lock);
int checkpoint_tcp_take_from(const struct sk_buff *skb, u32 skip,
			     struct checkpoint_tcp_bytes *bytes);
bool checkpoint_tcp_is_v6(const struct sock *sk);
bool checkpoint_tcp_trylock(struct sock *sk, int subclass);
void checkpoint_tcp_unlock(struct sock *sk);
int checkpoint_tcp_lock(struct sock *sk, struct sock *peer);
void checkpoint_tcp_address(const struct sock *sk, bool peer, u8 *addr, u16 *port);

/* Of tcp_bind.c. */
int checkpoint_tcp_sockaddr(const struct sock *sk, const u8 *addr, u16 port,
			    struct sockaddr_storage *to);
bool checkpoint_tcp_is_at(const struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_repair(struct sock *sk);
void checkpoint_tcp_repaired(struct sock *sk, unsigned char reuse);
void checkpoint_tcp_fix_address(struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_lock_address(struct sock *sk, const struct checkpoint_tcp *state);
bool checkpoint_tcp_may_have(const struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_bind_shared(struct sock *sk, const struct checkpoint_tcp *state);

/* Of tcp_peer.c. */
bool checkpoint_tcp_is_local(const struct sock *sk);
bool checkpoint_tcp_finds(const struct sock *sk, const struct sock *peer);

/* Of tcp_over.c. */
void checkpoint_tcp_end_subflow(struct sock *sk);

/* Of tcp_queue.c. */
int checkpoint_tcp_fill(struct sock *sk, const void *data, size_t size);

/* Of tcp_wire.c. */
void checkpoint_tcp_wire_get(struct sock *sk, struct checkpoint_tcp_wire *wire);

#endif /* _CHECKPOINT_TCP_H */
