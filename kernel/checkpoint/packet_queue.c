// SPDX-License-Identifier: GPL-2.0
/*
 * Packet sockets: what is in their queues.
 */
#include <linux/bottom_half.h>
#include <linux/build_bug.h>
#include <linux/checkpoint_packet.h>
#include <linux/checkpoint_skb.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/sock.h>

#include "../../net/packet/internal.h"

/**
 * checkpoint_packet_queue() - take what is in the queue of a packet socket
 * @sk: the socket
 * @skbs: where to; the caller gets a reference on each
 * @max: how many there is room for
 *
 * What is queued stays so. Who receives from it stands still.
 *
 * Return: how many there are, which may be more.
 */
unsigned int checkpoint_packet_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb;
	unsigned int n = 0;

	spin_lock_bh(&queue->lock);
	skb_queue_walk(queue, skb) {
		if (n < max)
			skbs[n] = skb_get(skb);
		n++;
	}
	spin_unlock_bh(&queue->lock);
	return n;
}

/**
 * checkpoint_packet_message() - read what a packet in a queue is
 * @sk: the socket in whose queue it is
 * @skb: the packet, on which the caller has a reference
 * @message: where to
 *
 * Return: 0; -EOPNOTSUPP if the socket is to be told of it what can't be saved: a header
 * for virtio, the tag of a VLAN that lies before it, or what became of a frame.
 */
int checkpoint_packet_message(struct sock *sk, const struct sk_buff *skb,
			      struct checkpoint_packet_message *message)
{
	const struct packet_skb_cb *cb = PACKET_SKB_CB(skb);
	int net = skb_network_offset(skb);

	memset(message, 0, sizeof(*message));
	if (!skb_frags_readable(skb) || READ_ONCE(pkt_sk(sk)->vnet_hdr_sz) ||
	    (sk->sk_type == SOCK_DGRAM && eth_type_vlan(skb->protocol)) ||
	    cb->sa.ll.sll_halen > sizeof(message->addr) || net < 0 || net > skb->len ||
	    skb_wifi_acked_valid(skb))
		return -EOPNOTSUPP;
	BUILD_BUG_ON(sizeof(message->addr) != MAX_ADDR_LEN);
	message->device = cb->sa.ll.sll_ifindex;
	message->hatype = cb->sa.ll.sll_hatype;
	message->kind = cb->sa.ll.sll_pkttype;
	message->halen = cb->sa.ll.sll_halen;
	/* It may be longer than its field: packet_rcv() knows that there is room. */
	unsafe_memcpy(message->addr, cb->sa.ll.sll_addr, message->halen,
		      /* no longer than the field, and than what packet_rcv() has written */);
	message->original = cb->sa.origlen;
	message->protocol = ntohs(skb->protocol);
	message->network = net;
	message->vlan = skb_vlan_tag_present(skb);
	if (message->vlan) {
		message->vlan_tag = skb_vlan_tag_get(skb);
		message->vlan_protocol = ntohs(skb->vlan_proto);
	}
	message->tcp = skb_is_gso(skb) && skb_is_gso_tcp(skb);
	message->unsummed = skb->ip_summed == CHECKSUM_PARTIAL;
	message->valid = !message->unsummed && skb_csum_unnecessary(skb);
	message->mark = skb->mark;
	message->priority = skb->priority;
	message->time = ktime_to_ns(skb->tstamp);
	message->len = skb->len;
	return 0;
}

/* Gives a packet what is told of it: whoever receives it is all who looks at it. */
static void checkpoint_packet_tell(struct sk_buff *skb,
				   const struct checkpoint_packet_message *message)
{
	struct packet_skb_cb *cb = PACKET_SKB_CB(skb);

	sock_skb_cb_check_size(sizeof(*cb) + MAX_ADDR_LEN - 8);
	cb->sa.ll.sll_ifindex = message->device;
	cb->sa.ll.sll_hatype = message->hatype;
	cb->sa.ll.sll_pkttype = message->kind;
	cb->sa.ll.sll_halen = message->halen;
	unsafe_memcpy(cb->sa.ll.sll_addr, message->addr, message->halen,
		      /* at most MAX_ADDR_LEN, for which there is room in the control block */);
	/* As packet_rcv(), in the place of family and protocol. */
	cb->sa.origlen = message->original;
	skb->protocol = htons(message->protocol);
	skb->pkt_type = message->kind & 7;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, message->network);
	if (message->vlan)
		__vlan_hwaccel_put_tag(skb, htons(message->vlan_protocol), message->vlan_tag);
	if (message->tcp) {
		skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4;
		skb_shinfo(skb)->gso_size = 1;
	}
	skb->ip_summed = message->valid ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE;
	if (message->unsummed) {
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb);
		skb->csum_offset = 0;
	}
	skb->mark = message->mark;
	skb->priority = message->priority;
	skb->tstamp = ns_to_ktime(message->time);
}

/**
 * checkpoint_packet_put() - put a packet into a queue
 * @sk: the socket that gets it, which is not bound yet
 * @message: what it is
 * @data: its contents
 *
 * Filters are not run: they have let it pass. There may be as much as twice its buffer
 * holds: it was there before.
 *
 * Return: 0, or an errno: -EINVAL if it can't be there, -ENOMEM if there is no memory,
 * -EINTR if the caller was killed.
 */
int checkpoint_packet_put(struct sock *sk, const struct checkpoint_packet_message *message,
			  const void *data)
{
	unsigned int len = message->len;
	struct sk_buff *skb;

	if (sk->sk_family != AF_PACKET || sk->sk_type == SOCK_PACKET ||
	    len > CHECKPOINT_PACKET_MESSAGE || message->network > min(len, U16_MAX) ||
	    message->halen > sizeof(message->addr) ||
	    (message->vlan && !eth_type_vlan(htons(message->vlan_protocol))))
		return -EINVAL;
	skb = checkpoint_skb_new(0, data, len);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	checkpoint_packet_tell(skb, message);
	return checkpoint_skb_queue(sk, skb, __sock_queue_rcv_skb);
}
