/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: packet sockets.
 */
#ifndef _LINUX_CHECKPOINT_PACKET_H
#define _LINUX_CHECKPOINT_PACKET_H

#include <linux/types.h>

struct mm_struct;
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
 * @members: memberships that it has
 * @lost: packets of its queue that are not saved
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
	unsigned int members;
	unsigned int lost;
	bool ring;
	bool fanout;
};

/**
 * struct checkpoint_packet_ring - one ring of a packet socket, as it is asked for
 * @block_size: bytes of a block
 * @block_nr: how many blocks; 0: there is no such ring
 * @frame_size: bytes of a frame
 * @frame_nr: how many frames
 */
struct checkpoint_packet_ring {
	u32 block_size;
	u32 block_nr;
	u32 frame_size;
	u32 frame_nr;
};

/**
 * struct checkpoint_packet_rings - the rings of a packet socket, and what can't be set after them
 * @rx: the one that receives
 * @tx: the one that sends
 * @retire: milliseconds after which a block of TPACKET_V3 is given away
 * @priv: bytes that such a block has for its tasks
 * @features: TP_FT_REQ_*
 * @version: TPACKET_*
 * @reserve: PACKET_RESERVE
 * @vnet_hdr: bytes of the header for virtio; 0: none
 * @has_off: PACKET_TX_HAS_OFF
 * @loss: PACKET_LOSS
 */
struct checkpoint_packet_rings {
	struct checkpoint_packet_ring rx;
	struct checkpoint_packet_ring tx;
	u32 retire;
	u32 priv;
	u32 features;
	u32 version;
	u32 reserve;
	u32 vnet_hdr;
	bool has_off;
	bool loss;
};

/**
 * struct checkpoint_packet_at - where a packet socket is: at one moment
 * @sequence: number of the block of TPACKET_V3 that is opened next; 0: it has none
 * @rx: frame that is filled next, or the block of TPACKET_V3
 * @tx: frame that is sent next
 * @packets: tp_packets, less what was dropped
 * @drops: tp_drops
 * @freezes: tp_freeze_q_cnt
 * @queued: packets in its queue
 * @full: @rx is the tasks', or is being filled
 * @frozen: blocks of TPACKET_V3 wait for the tasks to give one back
 */
struct checkpoint_packet_at {
	u64 sequence;
	u32 rx;
	u32 tx;
	u32 packets;
	u32 drops;
	u32 freezes;
	u32 queued;
	bool full;
	bool frozen;
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
			   const struct checkpoint_packet_member *members,
			   const struct checkpoint_packet_at *at);
void checkpoint_packet_rest(struct sock *sk, struct checkpoint_packet_at *at);
void checkpoint_packet_settled(void);
int checkpoint_packet_make_rings(struct sock *sk, const struct checkpoint_packet_rings *rings);

/* Of net/packet/checkpoint.c; if packet sockets are a module, of kernel/checkpoint/packet.c. */
int checkpoint_packet_ring_get(struct sock *sk, struct checkpoint_packet_rings *rings);
u64 checkpoint_packet_ring_size(struct sock *sk);
bool checkpoint_packet_ring_pending(struct sock *sk);
void checkpoint_packet_ring_rest(struct sock *sk, struct checkpoint_packet_at *at);
int checkpoint_packet_ring_read(struct sock *sk, const struct checkpoint_packet_at *at, bool tx,
				u64 offset, void *to, u64 len);
int checkpoint_packet_ring_write(struct sock *sk, bool tx, u64 offset, const void *from, u64 len);
int checkpoint_packet_ring_stop(struct sock *sk);
int checkpoint_packet_ring_go(struct sock *sk, const struct checkpoint_packet_at *at);
int checkpoint_packet_ring_maps(struct sock *sk, struct mm_struct *mm, unsigned long start,
				unsigned long len, u64 offset);

#endif /* _LINUX_CHECKPOINT_PACKET_H */
