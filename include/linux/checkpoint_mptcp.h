/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: sockets of Multipath TCP.
 */
#ifndef _LINUX_CHECKPOINT_MPTCP_H
#define _LINUX_CHECKPOINT_MPTCP_H

#include <linux/types.h>

struct sock;

/* checkpoint_mptcp::state */
#define CHECKPOINT_MPTCP_NEW		0	/* It was never connected. */
#define CHECKPOINT_MPTCP_LISTENING	1	/* It listens. */
#define CHECKPOINT_MPTCP_CONNECTED	2	/* It has a connection with subflows. */
#define CHECKPOINT_MPTCP_FELL_BACK	3	/* It has one of TCP, and never had another. */
#define CHECKPOINT_MPTCP_OVER		4	/* It had one. */

/* checkpoint_mptcp::special */
#define CHECKPOINT_MPTCP_FASTOPEN	0x1	/* It has something of TCP Fast Open. */
#define CHECKPOINT_MPTCP_SHARED		0x2	/* It shares its port. */

/**
 * struct checkpoint_mptcp - what a socket of Multipath TCP is
 * @backlog: how many connections may wait at it
 * @waiting: how many do
 * @mss: TCP_MAXSEG; 0: not set
 * @locks: SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK
 * @port: its port
 * @state: CHECKPOINT_MPTCP_NEW and the others
 * @special: CHECKPOINT_MPTCP_FASTOPEN and the others
 * @v6only: it has IPV6_V6ONLY
 * @addr: its address; of IPv4 four bytes
 * @congestion: name of its congestion control
 */
struct checkpoint_mptcp {
	u32 backlog;
	u32 waiting;
	u32 mss;
	u32 locks;
	u16 port;
	u8 state;
	u8 special;
	bool v6only;
	u8 addr[16];
	char congestion[16];
};

/* Of kernel/checkpoint/mptcp.c. */
int checkpoint_mptcp_get(struct sock *sk, struct checkpoint_mptcp *state);
int checkpoint_mptcp_option(struct sock *sk, int name, void *value, int *len);
int checkpoint_mptcp_listen(struct sock *sk, unsigned int backlog);
int checkpoint_mptcp_settle(struct sock *sk, u32 locks);

/* Of kernel/checkpoint/mptcp_fell_back.c. */
struct sock *checkpoint_mptcp_first(struct sock *sk);

#endif /* _LINUX_CHECKPOINT_MPTCP_H */
