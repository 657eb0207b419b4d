/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: packet sockets.
 */
#ifndef _LINUX_CHECKPOINT_PACKET_H
#define _LINUX_CHECKPOINT_PACKET_H

#include <linux/types.h>

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

/* Of kernel/checkpoint/packet.c. */
int checkpoint_packet_get(struct sock *sk, struct checkpoint_packet *state);
int checkpoint_packet_members(struct sock *sk, struct checkpoint_packet_member *members,
			      unsigned int max);
int checkpoint_packet_open(struct sock *sk, const struct checkpoint_packet *state,
			   const struct checkpoint_packet_member *members);

#endif /* _LINUX_CHECKPOINT_PACKET_H */
