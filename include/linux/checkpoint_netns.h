/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: network namespaces.
 */
#ifndef _LINUX_CHECKPOINT_NETNS_H
#define _LINUX_CHECKPOINT_NETNS_H

#include <linux/types.h>

struct checkpoint_moved;
struct net;
struct ns_common;
struct pid_namespace;
struct sock;

/* Bytes of the name of a device. */
#define CHECKPOINT_NETNS_NAME		16

/* Bytes of the longest answer that netlink gives at a time. */
#define CHECKPOINT_NETNS_ROOM		32768

/* What a network namespace has that a new one has not. */
#define CHECKPOINT_NETNS_NOTHING	0
#define CHECKPOINT_NETNS_DEVICE		1
#define CHECKPOINT_NETNS_DIFFERS	2
#define CHECKPOINT_NETNS_NETFILTER	3
#define CHECKPOINT_NETNS_XFRM		4
#define CHECKPOINT_NETNS_BPF		5
#define CHECKPOINT_NETNS_IDS		6
#define CHECKPOINT_NETNS_LACKS		7
#define CHECKPOINT_NETNS_MODES		8
#define CHECKPOINT_NETNS_TUNNEL		16
#define CHECKPOINT_NETNS_LENDS		17

/* Queues of which a device uses all. */
#define CHECKPOINT_NETNS_TX		0x1
#define CHECKPOINT_NETNS_RX		0x2

/**
 * struct checkpoint_netns_lo - the loopback device of a network namespace
 * @up: it is switched on
 * @was_up: it is not, but has the addresses that it got when it was
 * @mtu: its MTU
 */
struct checkpoint_netns_lo {
	u32 up;
	u32 was_up;
	u32 mtu;
};

/**
 * struct checkpoint_netns_lead - a device that leads out of its network namespace
 * @to: where to, to be compared only
 * @index: its number
 * @pair: it is a veth
 * @name: its name
 */
struct checkpoint_netns_lead {
	const void *to;
	u32 index;
	u32 pair;
	char name[CHECKPOINT_NETNS_NAME];
};

/* Of net/core/net_namespace.c. */
int checkpoint_set_netid(struct net *net, struct net *peer, int id);

/* Of kernel/checkpoint/netns_left.c. */
int checkpoint_netns_left(struct net *net, struct net *fresh, const u32 *moved, size_t count,
			  char *name);
bool checkpoint_netns_tracks(void);

/* Of kernel/checkpoint/netns_moved.c. */
struct checkpoint_moved *checkpoint_netns_move(struct net *from, const char *name, struct net *to,
					       const char *as, u32 index);
void checkpoint_netns_give_back(struct checkpoint_moved *moved);
void checkpoint_netns_moved_free(struct checkpoint_moved *moved);
int checkpoint_netns_stand_in(struct net *net, struct net *fresh, u32 index);
int checkpoint_netns_no_carrier(struct net *net, u32 index);

/* Of kernel/checkpoint/netns_tunnel.c. */
int checkpoint_tunnel_numbers(struct net *net, u32 index, u32 numbers[2]);
int checkpoint_tunnel_set_numbers(struct net *net, u32 index, u32 in, u32 out);
int checkpoint_tunnel_set_born(struct net *net, u32 index, const u8 *address, size_t len);

/* Of kernel/checkpoint/netns_peers.c. */
int checkpoint_netns_lead(struct net *net, u32 from, struct checkpoint_netns_lead *lead);
struct net *checkpoint_netns_lead_net(struct net *net, u32 index);
const struct net *checkpoint_netns_number(struct net *net, int *number);
int checkpoint_netns_set_number(struct net *net, struct net *peer, int number);

/* Of kernel/checkpoint/netns.c. */
struct net *checkpoint_netns_get(struct net *net);
void checkpoint_netns_put(struct net *net);
u64 checkpoint_netns_count(struct net *net);
u64 checkpoint_netns_tasks(const struct net *net);
bool checkpoint_netns_has_others(const struct net *net, struct pid_namespace *ns);
struct ns_common *checkpoint_netns_common(struct net *net);
struct net *checkpoint_netns_of_common(struct ns_common *ns);
struct net *checkpoint_netns_of_socket(const struct sock *sk);
bool checkpoint_netns_may_admin(const struct net *net);
bool checkpoint_netns_is_initial(const struct net *net);
struct net *checkpoint_netns_like(struct net *net);
int checkpoint_netns_lo_get(struct net *net, struct checkpoint_netns_lo *lo);
int checkpoint_netns_lo_set(struct net *net, const struct checkpoint_netns_lo *lo);
int checkpoint_netns_queues(struct net *net, u32 index);
int checkpoint_netns_settle(struct net *net);
int checkpoint_netns_tell(struct net *net, void *request, size_t len);
int checkpoint_netns_batch(struct net *net, void *batch, size_t len);
ssize_t checkpoint_netns_dump(struct net *net, int protocol, void *request, size_t len,
			      void *buf, size_t size);
ssize_t checkpoint_netns_settings(struct net *net, char *buf, size_t size);
int checkpoint_netns_set(struct net *net, const char *path, const char *text);

#endif /* _LINUX_CHECKPOINT_NETNS_H */
