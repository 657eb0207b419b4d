/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: packet sockets.
 */
#ifndef _LINUX_CHECKPOINT_PACKET_H
#define _LINUX_CHECKPOINT_PACKET_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* checkpoint_packet::flags: options of SOL_PACKET that are on */
#define CHECKPOINT_PACKET_ORIGDEV		0x01
#define CHECKPOINT_PACKET_AUXDATA		0x02
#define CHECKPOINT_PACKET_TX_HAS_OFF		0x04
#define CHECKPOINT_PACKET_LOSS			0x08
#define CHECKPOINT_PACKET_QDISC_BYPASS		0x10
#define CHECKPOINT_PACKET_IGNORE_OUTGOING	0x20

/**
 * struct checkpoint_packet - what a packet socket is
 * @num: protocol that it receives; 0: none
 * @ifindex: device that it is bound to; 0: all; -1: it is gone
 * @version: TPACKET_*
 * @reserve: PACKET_RESERVE
 * @vnet_hdr: bytes of the header for virtio; 0: none
 * @copy_thresh: PACKET_COPY_THRESH
 * @timestamp: PACKET_TIMESTAMP
 * @flags: CHECKPOINT_PACKET_*
 * @fanout_id: group of sockets that share what comes
 * @fanout_type: type and flags of that, as of PACKET_FANOUT
 * @fanout_max: how many may be in it
 * @err: what SO_ERROR tells
 * @queued: packets in its queue
 * @members: memberships that it has
 * @ring: it has a ring
 * @fanout: it is in such a group
 */
struct checkpoint_packet {
	unsigned int num;
	int ifindex;
	int version;
	unsigned int reserve;
	unsigned int vnet_hdr;
	int copy_thresh;
	int timestamp;
	unsigned int flags;
	unsigned int fanout_id;
	unsigned int fanout_type;
	unsigned int fanout_max;
	int err;
	unsigned int queued;
	unsigned int members;
	bool ring;
	bool fanout;
};

/**
 * struct checkpoint_packet_member - a membership of a packet socket
 * @ifindex: the device
 * @count: how often it was added
 * @type: PACKET_MR_*
 * @alen: bytes of @addr
 * @addr: the address
 */
struct checkpoint_packet_member {
	int ifindex;
	unsigned int count;
	unsigned int type;
	unsigned int alen;
	u8 addr[32];
};

/* Most bytes of a packet in a queue: what segmentation in devices (GSO) takes is longer. */
#define CHECKPOINT_PACKET_MESSAGE	0x40000

/**
 * struct checkpoint_packet_message - a packet in the queue of a packet socket
 * @time: when it has come, in nanoseconds; 0: that is not known
 * @len: its bytes
 * @original: how many it had before a filter has cut it
 * @device: number of the device by which it has come
 * @network: where its network header is
 * @mark: its mark
 * @priority: its priority
 * @hatype: type of the device, ARPHRD_*
 * @protocol: ETH_P_*
 * @vlan_protocol: ETH_P_* of the tag of its VLAN
 * @vlan_tag: that tag
 * @kind: to whom it has come, PACKET_*
 * @halen: bytes of @addr
 * @vlan: it has such a tag
 * @tcp: it is one of TCP that a device is to segment
 * @valid: its check sum is valid
 * @unsummed: its check sum is a device's to make
 * @addr: the address that it has come from
 */
struct checkpoint_packet_message {
	s64 time;
	u32 len;
	u32 original;
	s32 device;
	u32 network;
	u32 mark;
	u32 priority;
	u16 hatype;
	u16 protocol;
	u16 vlan_protocol;
	u16 vlan_tag;
	u8 kind;
	u8 halen;
	bool vlan;
	bool tcp;
	bool valid;
	bool unsummed;
	u8 addr[32];
};

/* Of kernel/checkpoint/packet_queue.c. */
unsigned int checkpoint_packet_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max);
int checkpoint_packet_message(struct sock *sk, const struct sk_buff *skb,
			      struct checkpoint_packet_message *message);
int checkpoint_packet_put(struct sock *sk, const struct checkpoint_packet_message *message,
			  const void *data);

/* Of kernel/checkpoint/packet.c. */
int checkpoint_packet_get(struct sock *sk, struct checkpoint_packet *state);
int checkpoint_packet_members(struct sock *sk, struct checkpoint_packet_member *members,
			      unsigned int max);
int checkpoint_packet_open(struct sock *sk, const struct checkpoint_packet *state,
			   const struct checkpoint_packet_member *members);

#endif /* _LINUX_CHECKPOINT_PACKET_H */
