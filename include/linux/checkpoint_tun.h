/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: tun and tap devices, and the files that are their queues.
 */
#ifndef _LINUX_CHECKPOINT_TUN_H
#define _LINUX_CHECKPOINT_TUN_H

#include <linux/checkpoint_fs.h>
#include <linux/types.h>

struct file;
struct net;
struct sock;

/* Bytes of the name of a device. */
#define CHECKPOINT_TUN_NAME	16

/* Bytes of the addresses that a filter of TUNSETTXFILTER has. */
#define CHECKPOINT_TUN_FILTER	48

/* Bytes of the header of a packet: struct virtio_net_hdr. */
#define CHECKPOINT_TUN_HEADER	10

/* Most queues of a device. */
#define CHECKPOINT_TUN_QUEUES	256

/* Most bytes of a packet. */
#define CHECKPOINT_TUN_PACKET	0x20000

/* What a device, or a file, has. */
#define CHECKPOINT_TUN_CARRIER	0x1	/* There is a carrier. */
#define CHECKPOINT_TUN_OFFLOAD	0x2	/* It was asked for features (TUNSETOFFLOAD). */
#define CHECKPOINT_TUN_FILTERS	0x4	/* It gives a filter to its queues (TUNATTACHFILTER). */
#define CHECKPOINT_TUN_PROGRAM	0x8	/* A program of BPF. */
#define CHECKPOINT_TUN_LINK	0x10	/* Another speed or duplex than a new one has. */
#define CHECKPOINT_TUN_STRANGER	0x20	/* An owner or group that the caller has no number for. */
#define CHECKPOINT_TUN_SHUT	0x40	/* Nothing is read any more: its device was deleted. */
#define CHECKPOINT_TUN_BUSY	0x80	/* Packets that were written, and that nobody has got. */

/**
 * struct checkpoint_tun - a tun or tap device
 * @index: its number
 * @flags: IFF_* of its type and TUNSETIFF, IFF_PERSIST; TUN_VNET_* as in tun_vnet.h
 * @name: its name
 * @type: ARPHRD_*
 * @owner: who may attach to it, as the caller knows it; -1: nobody
 * @group: which group may
 * @offload: TUN_F_* of TUNSETOFFLOAD
 * @has: CHECKPOINT_TUN_*
 * @vnet_hdr_sz: bytes of the header of a packet
 * @sndbuf: as of TUNSETSNDBUF
 * @msg_enable: which messages it logs
 * @rx_batched: how many packets it gathers
 * @fprog_len: instructions of its filter
 * @txflt_count: addresses that are compared; 0: all packets pass
 * @fprog_filter: where its filter was in the memory of who has set it
 * @txflt_mask: hashes of more addresses
 * @txflt_addr: the addresses
 * @queues: files that are attached
 * @disabled: files that were detached (TUNSETQUEUE)
 */
struct checkpoint_tun {
	u32 index;
	u32 flags;
	char name[CHECKPOINT_TUN_NAME];
	u32 type;
	u32 owner;
	u32 group;
	u32 offload;
	u32 has;
	s32 vnet_hdr_sz;
	s32 sndbuf;
	u32 msg_enable;
	u32 rx_batched;
	u32 fprog_len;
	u64 fprog_filter;
	u32 txflt_count;
	u32 txflt_mask[2];
	u8 txflt_addr[CHECKPOINT_TUN_FILTER];
	u32 queues;
	u32 disabled;
};

/**
 * struct checkpoint_tun_slot - a queue of a device
 * @queue: what it is known by, to be compared only
 * @flags: IFF_NAPI, IFF_NAPI_FRAGS
 */
struct checkpoint_tun_slot {
	const void *queue;
	u32 flags;
};

/**
 * struct checkpoint_tun_queue - a file of tun and tap devices
 * @queue: what it is known by, to be compared only
 * @net: the network namespace that it was opened in, to be compared only
 * @dev_net: that of its device; NULL: it is attached to none
 * @index: the number of its device
 * @number: which of the queues of that, as checkpoint_tun_slots() lists them
 * @ifindex: of one that is attached to none: the number that its device will get; 0: any
 * @sndbuf: as of TUNGETSNDBUF
 * @has: CHECKPOINT_TUN_SHUT, CHECKPOINT_TUN_BUSY
 */
struct checkpoint_tun_queue {
	const void *queue;
	const void *net;
	const void *dev_net;
	u32 index;
	u32 number;
	u32 ifindex;
	s32 sndbuf;
	u32 has;
};

/**
 * struct checkpoint_tun_packet - a packet that waits to be read
 * @len: its bytes
 * @protocol: ETH_P_*
 * @has_vlan: it has a tag that is not among its bytes
 * @vlan_proto: ETH_P_8021Q or ETH_P_8021AD
 * @vlan_tci: the tag
 * @header: its struct virtio_net_hdr, in little endian, of the bytes without the tag
 */
struct checkpoint_tun_packet {
	u32 len;
	u16 protocol;
	u16 has_vlan;
	u16 vlan_proto;
	u16 vlan_tci;
	u8 header[CHECKPOINT_TUN_HEADER] __aligned(2);
};

/* Of drivers/net/tun.c, if that is no module. */
bool checkpoint_tun_is(const struct file *file);
struct sock *checkpoint_tun_sock(const struct file *file);
int checkpoint_tun_async_fd(const struct file *file);
int checkpoint_tun_next(struct net *net, u32 from, struct checkpoint_tun *state);
int checkpoint_tun_slots(struct net *net, u32 index, struct checkpoint_tun_slot *slots, u32 max);
int checkpoint_tun_get(const struct file *file, struct checkpoint_tun_queue *state);
int checkpoint_tun_make(struct net *net, const struct checkpoint_tun *state,
			const struct checkpoint_tun_slot *slots, struct file **files);
int checkpoint_tun_adopt(struct file *file, struct file *other,
			 const struct checkpoint_tun_queue *state);
int checkpoint_tun_start(const struct file *file);
int checkpoint_tun_peek(const struct file *file, u32 n, struct checkpoint_tun_packet *packet,
			void *buf, size_t size);
int checkpoint_tun_put(const struct file *file, const struct checkpoint_tun_packet *packet,
		       const void *data);

#endif /* _LINUX_CHECKPOINT_TUN_H */
