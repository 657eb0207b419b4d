/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: sockets of netlink.
 */
#ifndef _LINUX_CHECKPOINT_NETLINK_H
#define _LINUX_CHECKPOINT_NETLINK_H

#include <linux/types.h>
#include <linux/uidgid_types.h>

struct sk_buff;
struct sock;

/* checkpoint_netlink::flags: bits of the numbers that net/netlink/ has for them */
#define CHECKPOINT_NETLINK_PKTINFO		0x02
#define CHECKPOINT_NETLINK_BROADCAST_ERROR	0x04
#define CHECKPOINT_NETLINK_NO_ENOBUFS		0x08
#define CHECKPOINT_NETLINK_LISTEN_ALL_NSID	0x10
#define CHECKPOINT_NETLINK_CAP_ACK		0x20
#define CHECKPOINT_NETLINK_EXT_ACK		0x40
#define CHECKPOINT_NETLINK_STRICT_CHK		0x80
#define CHECKPOINT_NETLINK_ALL			0xfe

/**
 * struct checkpoint_netlink - what a netlink socket is
 * @flags: CHECKPOINT_NETLINK_*: options of SOL_NETLINK that are on
 * @portid: its port; 0: it has none yet
 * @dst_portid: port to which it sends
 * @dst_group: group to which it sends; 0: none
 * @err: what SO_ERROR tells
 * @dump_seq: sequence number of the request of a dump
 * @connected: it is connected to @dst_portid
 * @dump: a dump is under way
 */
struct checkpoint_netlink {
	unsigned int flags;
	u32 portid;
	u32 dst_portid;
	u32 dst_group;
	int err;
	u32 dump_seq;
	bool connected;
	bool dump;
};

/**
 * struct checkpoint_netlink_message - a message in the queue of a netlink socket
 * @portid: port of who has sent it; 0: the kernel
 * @dst_group: group to which it was sent; 0: none
 * @pid: the process that is told with it, as that had it
 * @uid: the user that is told
 * @gid: the group that is told
 * @nsid: the network namespace that is told
 * @len: bytes of it
 * @nsid_is_set: a network namespace is told
 */
struct checkpoint_netlink_message {
	u32 portid;
	u32 dst_group;
	u32 pid;
	kuid_t uid;
	kgid_t gid;
	int nsid;
	unsigned int len;
	bool nsid_is_set;
};

/* Of net/netlink/checkpoint.c. */
int checkpoint_netlink_get(struct sock *sk, struct checkpoint_netlink *state);
unsigned int checkpoint_netlink_groups(struct sock *sk, u32 *groups, unsigned int max);
unsigned int checkpoint_netlink_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max);
int checkpoint_netlink_message(const struct sk_buff *skb,
			       struct checkpoint_netlink_message *message);
int checkpoint_netlink_send(struct sock *sk, const struct checkpoint_netlink_message *message,
			    const void *data);
int checkpoint_netlink_interrupt(struct sock *sk, u32 seq, u32 portid);
int checkpoint_netlink_open(struct sock *sk, const struct checkpoint_netlink *state,
			    const u32 *groups, unsigned int count);

/* How many families of generic netlink a socket notes that it has asked. */
#define CHECKPOINT_GENL_ASKED	4

/**
 * struct checkpoint_genl_name - a family of generic netlink, and a group of it
 * @family: its name, with zeros after it
 * @group: the name of the multicast group, likewise
 * @id: the number of the family
 * @group_id: that of the group; 0: none is meant
 */
struct checkpoint_genl_name {
	char family[16];
	char group[16];
	u32 id;
	u32 group_id;
};

/* Of net/netlink/genetlink.c. */
int checkpoint_genl_asked(struct sock *sk, u32 ids[CHECKPOINT_GENL_ASKED], bool *keeps);
void checkpoint_genl_note(struct sock *sk, u32 id);
int checkpoint_genl_name(struct checkpoint_genl_name *name);
int checkpoint_genl_find(const struct checkpoint_genl_name *name);

#endif /* _LINUX_CHECKPOINT_NETLINK_H */
