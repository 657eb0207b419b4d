// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams in the queues of sockets of IPv4 and IPv6.
 */
#include <linux/checkpoint_inet.h>
#include <linux/checkpoint_skb.h>
#include <linux/err.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/udp.h>

#include "inet.h"

/* Takes what is in a queue behind what @n have taken already. */
static unsigned int checkpoint_inet_take(struct sk_buff_head *queue, struct sk_buff **skbs,
					 unsigned int n, unsigned int max)
{
	struct sk_buff *skb;

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
 * checkpoint_inet_queue() - take what is in the queue of a datagram socket
 * @sk: the socket, of IPv4 or IPv6
 * @skbs: where to; the caller gets a reference on each
 * @max: how many there is room for
 *
 * What is queued stays so. Who receives from it stands still. What comes in at
 * this moment may be missing: that is as if it came later.
 *
 * Return: how many there are, which may be more.
 */
unsigned int checkpoint_inet_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max)
{
	unsigned int n = 0;

	/* Those that a receiver of UDP has put aside are the older ones. */
	if (sk_is_udp(sk))
		n = checkpoint_inet_take(&udp_sk(sk)->reader_queue, skbs, n, max);
	return checkpoint_inet_take(&sk->sk_receive_queue, skbs, n, max);
}

/* Whether @sk is told of extension headers, which @skb has. */
static bool checkpoint_inet_extended(struct sock *sk, const struct sk_buff *skb, bool v6)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);

	if (!v6)
		return IPCB(skb)->opt.optlen &&
		       inet_cmsg_flags(inet_sk(sk)) & (IP_CMSG_RECVOPTS | IP_CMSG_RETOPTS);
	if (!np || skb_network_header_len(skb) <= sizeof(struct ipv6hdr))
		return false;
	return np->rxopt.bits.hopopts || np->rxopt.bits.ohopopts || np->rxopt.bits.dstopts ||
	       np->rxopt.bits.odstopts || np->rxopt.bits.srcrt || np->rxopt.bits.osrcrt;
}

/* A raw socket of IPv4 receives datagrams with their headers. */
static bool checkpoint_inet_whole(const struct sock *sk)
{
	return sk->sk_type == SOCK_RAW && sk->sk_family == AF_INET;
}

/*
 * Whether a datagram is broken: who receives it looks at its check sum, and
 * drops it. The check sum of a restored one is that of what is there.
 */
static bool checkpoint_inet_broken(const struct sock *sk, const struct sk_buff *skb)
{
	if (!sk_is_udp(sk) && (sk->sk_type != SOCK_RAW || sk->sk_family != AF_INET6))
		return false;
	/* This changes nothing in one on which there are several references. */
	return !skb_csum_unnecessary(skb) && __skb_checksum_complete((struct sk_buff *)skb);
}

/**
 * checkpoint_inet_message() - read what a datagram in a queue is
 * @sk: the socket in whose queue it is
 * @skb: the datagram, on which the caller has a reference
 * @message: where to
 *
 * Return: 0; -EOPNOTSUPP if the socket is to be told of options or extension
 * headers of it, or if its contents can't be read; -ENOENT if it is broken.
 */
int checkpoint_inet_message(struct sock *sk, const struct sk_buff *skb,
			    struct checkpoint_inet_message *message)
{
	bool v6 = skb->protocol == htons(ETH_P_IPV6);

	memset(message, 0, sizeof(*message));
	if (!skb_frags_readable(skb) || checkpoint_inet_extended(sk, skb, v6))
		return -EOPNOTSUPP;
	if (checkpoint_inet_broken(sk, skb))
		return -ENOENT;
	message->v6 = v6;
	if (v6) {
		const struct ipv6hdr *ip6 = ipv6_hdr(skb);

		memcpy(message->from, &ip6->saddr, sizeof(message->from));
		memcpy(message->to, &ip6->daddr, sizeof(message->to));
		message->flow = ntohl(ip6_flowinfo(ip6));
		message->ttl = ip6->hop_limit;
		message->device = inet6_iif(skb);
		message->frag_size = IP6CB(skb)->frag_max_size;
	} else {
		const struct iphdr *ip = ip_hdr(skb);

		checkpoint_inet_addr4(message->from, ip->saddr);
		checkpoint_inet_addr4(message->to, ip->daddr);
		checkpoint_inet_addr4(message->spec_dst, PKTINFO_SKB_CB(skb)->ipi_spec_dst.s_addr);
		message->flow = ip->tos;
		message->ttl = ip->ttl;
		message->device = PKTINFO_SKB_CB(skb)->ipi_ifindex;
		message->frag_size = IPCB(skb)->frag_max_size;
	}
	if (sk_is_udp(sk)) {
		message->from_port = ntohs(udp_hdr(skb)->source);
		message->to_port = ntohs(udp_hdr(skb)->dest);
		if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
			message->gso_size = skb_shinfo(skb)->gso_size;
	}
	message->mark = skb->mark;
	message->priority = skb->priority;
	message->time = ktime_to_ns(skb->tstamp);
	message->len = skb->len;
	return 0;
}

/* Writes the headers of a datagram in front of its contents. */
static void checkpoint_inet_headers(struct sock *sk, struct sk_buff *skb,
				    const struct checkpoint_inet_message *message)
{
	unsigned int udp = sk_is_udp(sk) ? sizeof(struct udphdr) : 0;
	unsigned int len = udp + skb->len;

	skb_set_transport_header(skb, -(int)udp);
	if (udp) {
		udp_hdr(skb)->source = htons(message->from_port);
		udp_hdr(skb)->dest = htons(message->to_port);
		udp_set_len(udp_hdr(skb), len);
		udp_hdr(skb)->check = 0;
	}
	if (message->v6) {
		struct ipv6hdr *ip6;

		skb_set_network_header(skb, -(int)(udp + sizeof(*ip6)));
		ip6 = ipv6_hdr(skb);
		*(__be32 *)ip6 = htonl(message->flow) & IPV6_FLOWINFO_MASK;
		ip6->version = 6;
		ip6->payload_len = htons(min_t(unsigned int, len, U16_MAX));
		ip6->nexthdr = sk->sk_protocol;
		ip6->hop_limit = message->ttl;
		memcpy(&ip6->saddr, message->from, sizeof(ip6->saddr));
		memcpy(&ip6->daddr, message->to, sizeof(ip6->daddr));
	} else {
		struct iphdr *ip;

		skb_set_network_header(skb, -(int)(udp + sizeof(*ip)));
		ip = ip_hdr(skb);
		memset(ip, 0, sizeof(*ip));
		ip->version = 4;
		ip->ihl = sizeof(*ip) / 4;
		ip->tos = message->flow;
		ip->ttl = message->ttl;
		ip->tot_len = htons(min_t(unsigned int, len + sizeof(*ip), U16_MAX));
		ip->protocol = sk->sk_protocol;
		memcpy(&ip->saddr, message->from, sizeof(ip->saddr));
		memcpy(&ip->daddr, message->to, sizeof(ip->daddr));
		ip_send_check(ip);
	}
}

/* Puts a datagram into the queue of @sk, which is locked. */
static int checkpoint_inet_enqueue(struct sock *sk, struct sk_buff *skb)
{
	int err;

	/* Neither runs filters: these let it pass already. */
	local_bh_disable();
	if (sk_is_udp(sk))
		err = __udp_enqueue_schedule_skb(sk, skb);
	else
		err = __sock_queue_rcv_skb(sk, skb);
	local_bh_enable();
	return err;
}

/**
 * checkpoint_inet_send() - put a datagram into a queue
 * @sk: the socket that gets it, which has no address yet
 * @message: what it is
 * @data: its contents; of a raw socket of IPv4 with its header
 *
 * Headers are made here, and of valid ones only as much is taken as is told by
 * recvmsg(2): nobody looks at them again.
 *
 * Return: 0, or an errno: -EINVAL if a header is not valid, -ENOMEM if there is
 * no memory, -EINTR if the caller was killed.
 */
int checkpoint_inet_send(struct sock *sk, const struct checkpoint_inet_message *message,
			 const void *data)
{
	unsigned int head = sizeof(struct ipv6hdr) + sizeof(struct udphdr);
	bool whole = checkpoint_inet_whole(sk);
	unsigned int len = message->len;
	struct sk_buff *skb;
	u32 before;
	int err;

	/* Those with connections keep other things in their queues. */
	if (sk->sk_type != SOCK_DGRAM && sk->sk_type != SOCK_RAW)
		return -EINVAL;
	if (len > CHECKPOINT_INET_MESSAGE || (message->v6 && sk->sk_family != AF_INET6) ||
	    (message->gso_size && (!sk_is_udp(sk) || message->gso_size >= len)))
		return -EINVAL;
	if (whole) {
		const struct iphdr *ip = data;

		if (len < sizeof(*ip) || ip->version != 4 || ip->ihl * 4 < sizeof(*ip) ||
		    ip->ihl * 4 > len)
			return -EINVAL;
	} else if (!message->v6 && sk->sk_family == AF_INET6 && !sk_is_udp(sk)) {
		return -EINVAL;
	}
	skb = checkpoint_skb_new(head, data, len);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	if (whole) {
		skb_reset_network_header(skb);
		skb_set_transport_header(skb, ip_hdr(skb)->ihl * 4);
	} else {
		checkpoint_inet_headers(sk, skb, message);
	}
	if (message->v6) {
		skb->protocol = htons(ETH_P_IPV6);
		IP6CB(skb)->iif = message->device;
		IP6CB(skb)->frag_max_size = message->frag_size;
	} else {
		skb->protocol = htons(ETH_P_IP);
		PKTINFO_SKB_CB(skb)->ipi_ifindex = message->device;
		memcpy(&PKTINFO_SKB_CB(skb)->ipi_spec_dst, message->spec_dst, sizeof(__be32));
		IPCB(skb)->frag_max_size = message->frag_size;
	}
	skb->skb_iif = message->device;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->mark = message->mark;
	skb->priority = message->priority;
	skb->tstamp = ns_to_ktime(message->time);
	if (message->gso_size) {
		skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
		skb_shinfo(skb)->gso_size = message->gso_size;
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(len, message->gso_size);
	}
	before = skb_queue_len_lockless(&sk->sk_receive_queue);
	err = checkpoint_skb_queue(sk, skb, checkpoint_inet_enqueue);
	/* UDP tells nobody that there was no memory; and nobody else has the socket yet. */
	if (!err && skb_queue_len_lockless(&sk->sk_receive_queue) <= before)
		err = -ENOMEM;
	return err;
}
