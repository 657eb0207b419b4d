// SPDX-License-Identifier: GPL-2.0
/*
 * Error queues of sockets: errors (IP_RECVERR), time stamps of what was sent,
 * and notifications of MSG_ZEROCOPY.
 */
#include <linux/checkpoint_inet.h>
#include <linux/checkpoint_skb.h>
#include <linux/checkpoint_socket.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/limits.h>
#include <linux/net.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>

/**
 * checkpoint_errors_queue() - take what is in the error queue of a socket
 * @sk: the socket
 * @skbs: where to; the caller gets a reference on each
 * @max: how many there is room for
 *
 * What is queued stays so.
 *
 * Return: how many there are, which may be more.
 */
unsigned int checkpoint_errors_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max)
{
	struct sk_buff_head *queue = &sk->sk_error_queue;
	unsigned int n = 0;
	unsigned long flags;
	struct sk_buff *skb;

	/* Devices put time stamps there. */
	spin_lock_irqsave(&queue->lock, flags);
	skb_queue_walk(queue, skb) {
		if (n < max)
			skbs[n] = skb_get(skb);
		n++;
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return n;
}

/* As ipv4_datagram_support_addr() and ipv6_datagram_support_addr(). */
static bool checkpoint_error_has_addr(const struct sock_exterr_skb *err)
{
	return err->ee.ee_origin == SO_EE_ORIGIN_LOCAL ||
	       err->ee.ee_origin == SO_EE_ORIGIN_ICMP ||
	       err->ee.ee_origin == SO_EE_ORIGIN_ICMP6 || err->port;
}

/*
 * Whether recvmsg(2) may tell of its header, as ipv4_datagram_support_cmsg() and
 * ip6_datagram_support_cmsg(): what SO_TIMESTAMPING has now can be changed.
 */
static bool checkpoint_error_has_header(const struct sock_exterr_skb *err)
{
	return err->ee.ee_origin == SO_EE_ORIGIN_ICMP ||
	       err->ee.ee_origin == SO_EE_ORIGIN_ICMP6 ||
	       (err->ee.ee_origin != SO_EE_ORIGIN_LOCAL && err->header.h4.iif);
}

/* Whether @sk is told of options or extension headers, which it has. */
static bool checkpoint_error_extended(struct sock *sk, const struct sk_buff *skb, bool v6)
{
#if IS_ENABLED(CONFIG_IPV6)
	const struct ipv6_pinfo *np = inet6_sk(sk);

	if (v6) {
		const struct inet6_skb_parm *parm = &SKB_EXT_ERR(skb)->header.h6;

		return np && (parm->flags & IP6SKB_HOPBYHOP || parm->lastopt || parm->dst0 ||
			      parm->dst1 || parm->srcrt) &&
		       (np->rxopt.bits.hopopts || np->rxopt.bits.ohopopts ||
			np->rxopt.bits.dstopts || np->rxopt.bits.odstopts ||
			np->rxopt.bits.srcrt || np->rxopt.bits.osrcrt);
	}
#endif
	return SKB_EXT_ERR(skb)->header.h4.opt.optlen &&
	       inet_cmsg_flags(inet_sk(sk)) & (IP_CMSG_RECVOPTS | IP_CMSG_RETOPTS);
}

/* Reads what recvmsg(2) may tell of the header of an error. */
static void checkpoint_error_header(const struct sk_buff *skb, struct checkpoint_sock_error *error)
{
	const struct sock_exterr_skb *err = SKB_EXT_ERR(skb);

	if (error->v6) {
		const struct ipv6hdr *ip6 = ipv6_hdr(skb);

		memcpy(error->from, &ip6->saddr, sizeof(error->from));
		memcpy(error->to, &ip6->daddr, sizeof(error->to));
		error->flow = ntohl(ip6_flowinfo(ip6));
		error->ttl = ip6->hop_limit;
#if IS_ENABLED(CONFIG_IPV6)
		error->frag_size = err->header.h6.frag_max_size;
#endif
	} else {
		const struct iphdr *ip = ip_hdr(skb);

		memcpy(error->from, &ip->saddr, sizeof(ip->saddr));
		memcpy(error->to, &ip->daddr, sizeof(ip->daddr));
		memcpy(error->spec_dst, &PKTINFO_SKB_CB(skb)->ipi_spec_dst,
		       sizeof(error->spec_dst));
		error->flow = ip->tos;
		error->ttl = ip->ttl;
		error->frag_size = err->header.h4.frag_max_size;
	}
	if (skb_transport_header_was_set(skb) && skb_transport_offset(skb) > 0)
		error->transport = min_t(unsigned int, skb_transport_offset(skb), skb->len);
}

/**
 * checkpoint_error_get() - read what is in an error queue
 * @sk: the socket, of IPv4, IPv6 or a packet socket
 * @skb: what was in its error queue
 * @error: where to
 *
 * Return: 0; -EOPNOTSUPP if something of it can't be saved.
 */
int checkpoint_error_get(struct sock *sk, const struct sk_buff *skb,
			 struct checkpoint_sock_error *error)
{
	const struct sock_exterr_skb *err = SKB_EXT_ERR(skb);
	ktime_t device_time = skb_hwtstamps((struct sk_buff *)skb)->hwtstamp;

	memset(error, 0, sizeof(*error));
	/*
	 * What stands for such a time means something to its device only. What became
	 * of a frame (SO_WIFI_STATUS) is no part of struct sock_exterr_skb.
	 */
	if (!skb_frags_readable(skb) || skb_wifi_acked_valid(skb) ||
	    (skb_shinfo(skb)->tx_flags & SKBTX_HW_TSTAMP_NETDEV && device_time))
		return -EOPNOTSUPP;
	error->err = err->ee.ee_errno;
	error->origin = err->ee.ee_origin;
	error->type = err->ee.ee_type;
	error->code = err->ee.ee_code;
	error->info = err->ee.ee_info;
	error->data = err->ee.ee_data;
	/* Who tells of ICMP leaves there what lay there. */
	error->opt_stats = err->opt_stats && sk_is_tcp(sk) &&
			   err->ee.ee_origin == SO_EE_ORIGIN_TIMESTAMPING;
	error->time = ktime_to_ns(skb->tstamp);
	error->device_time = ktime_to_ns(device_time);
	error->len = skb->len;
	if (!sk_is_inet(sk))
		return 0;
	error->v6 = sk->sk_family == AF_INET6 && skb->protocol == htons(ETH_P_IPV6);
	error->port = ntohs(err->port);
	if (checkpoint_error_has_addr(err)) {
		const u8 *addr = skb_network_header(skb) + err->addr_offset;

		memcpy(error->about, addr, error->v6 ? sizeof(struct in6_addr) : sizeof(__be32));
		if (error->v6) {
			const struct ipv6hdr *ip6 =
				container_of((const struct in6_addr *)addr, struct ipv6hdr, daddr);

			error->about_flow = ntohl(ip6_flowinfo(ip6));
		}
	}
	/* It is at the same place in all structures that may be there. */
	BUILD_BUG_ON(offsetof(struct in_pktinfo, ipi_ifindex) !=
		     offsetof(struct inet_skb_parm, iif));
	error->device = err->header.h4.iif;
	if (!checkpoint_error_has_header(err))
		return 0;
	if (checkpoint_error_extended(sk, skb, error->v6))
		return -EOPNOTSUPP;
	checkpoint_error_header(skb, error);
	return 0;
}

/* Writes the header of an error, and of what it is about, in front of its contents. */
static void checkpoint_error_headers(struct sk_buff *skb, const struct checkpoint_sock_error *error)
{
	struct sock_exterr_skb *err = SKB_EXT_ERR(skb);

	if (error->v6) {
		struct ipv6hdr *ip6;

		skb->protocol = htons(ETH_P_IPV6);
		skb_set_network_header(skb, -(int)(2 * sizeof(*ip6)));
		ip6 = ipv6_hdr(skb);
		memset(ip6, 0, 2 * sizeof(*ip6));
		*(__be32 *)ip6 = htonl(error->flow) & IPV6_FLOWINFO_MASK;
		ip6->version = 6;
		/* Who looks for labels finds no options behind it. */
		ip6->nexthdr = IPPROTO_ICMPV6;
		ip6->hop_limit = error->ttl;
		memcpy(&ip6->saddr, error->from, sizeof(ip6->saddr));
		memcpy(&ip6->daddr, error->to, sizeof(ip6->daddr));
		*(__be32 *)&ip6[1] = htonl(error->about_flow) & IPV6_FLOWINFO_MASK;
		ip6[1].version = 6;
		ip6[1].nexthdr = NEXTHDR_NONE;
		memcpy(&ip6[1].daddr, error->about, sizeof(ip6[1].daddr));
		err->addr_offset = sizeof(*ip6) + offsetof(struct ipv6hdr, daddr);
#if IS_ENABLED(CONFIG_IPV6)
		err->header.h6.iif = error->device;
		err->header.h6.frag_max_size = error->frag_size;
#endif
	} else {
		struct iphdr *ip;

		skb->protocol = htons(ETH_P_IP);
		skb_set_network_header(skb, -(int)(2 * sizeof(*ip)));
		ip = ip_hdr(skb);
		memset(ip, 0, 2 * sizeof(*ip));
		ip->version = 4;
		ip->ihl = sizeof(*ip) / 4;
		ip->tos = error->flow;
		ip->ttl = error->ttl;
		ip->protocol = IPPROTO_ICMP;
		memcpy(&ip->saddr, error->from, sizeof(ip->saddr));
		memcpy(&ip->daddr, error->to, sizeof(ip->daddr));
		ip_send_check(ip);
		ip[1].version = 4;
		ip[1].ihl = sizeof(*ip) / 4;
		memcpy(&ip[1].daddr, error->about, sizeof(ip[1].daddr));
		err->addr_offset = sizeof(*ip) + offsetof(struct iphdr, daddr);
		/* The other one of these lies in the options, which it has none of. */
		err->header.h4.frag_max_size = error->frag_size;
		PKTINFO_SKB_CB(skb)->ipi_ifindex = error->device;
		memcpy(&PKTINFO_SKB_CB(skb)->ipi_spec_dst, error->spec_dst, sizeof(__be32));
	}
	skb_set_transport_header(skb, error->transport);
}

/**
 * checkpoint_error_put() - put something into an error queue
 * @sk: the socket, of IPv4, IPv6 or a packet socket
 * @error: what it is
 * @data: its contents
 *
 * As sock_queue_err_skb(), with a buffer that is twice as large: it was there
 * before. Nobody looks at headers again, and only what is told by recvmsg(2) is
 * there.
 *
 * Return: 0, or an errno: -EINVAL if it can't be there, -ENOMEM if there is no
 * memory, -EINTR if the caller was killed.
 */
int checkpoint_error_put(struct sock *sk, const struct checkpoint_sock_error *error,
			 const void *data)
{
	unsigned int head = 2 * sizeof(struct ipv6hdr);
	unsigned int len = error->len;
	struct sock_exterr_skb *ext;
	struct sk_buff *skb;

	/*
	 * sock_dequeue_err_skb() makes it the error that SO_ERROR tells. The place of a
	 * header has 16 bits. __sock_recv_timestamp() takes for granted that statistics
	 * lie in one piece: it copies skb->len bytes from skb->data.
	 */
	if (len > CHECKPOINT_ERROR_MAX || error->transport > len ||
	    error->transport > CHECKPOINT_ERROR_TRANSPORT_MAX || error->err < 0 ||
	    error->err >= ERESTARTSYS ||
	    (error->opt_stats && (len > CHECKPOINT_ERROR_STATS_MAX || !sk_is_tcp(sk) ||
				  error->origin != SO_EE_ORIGIN_TIMESTAMPING)) ||
	    (sk_is_inet(sk) ? error->v6 && sk->sk_family != AF_INET6 :
	     error->v6 || sk->sk_family != AF_PACKET))
		return -EINVAL;
	BUILD_BUG_ON(SKB_MAX_HEAD(2 * sizeof(struct ipv6hdr)) < CHECKPOINT_ERROR_STATS_MAX);
	BUILD_BUG_ON(U16_MAX - 2 * sizeof(struct ipv6hdr) <= CHECKPOINT_ERROR_TRANSPORT_MAX);
	skb = checkpoint_skb_new(head, data, len);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	ext = SKB_EXT_ERR(skb);
	memset(ext, 0, sizeof(*ext));
	ext->ee.ee_errno = error->err;
	ext->ee.ee_origin = error->origin;
	ext->ee.ee_type = error->type;
	ext->ee.ee_code = error->code;
	ext->ee.ee_info = error->info;
	ext->ee.ee_data = error->data;
	ext->port = htons(error->port);
	ext->opt_stats = error->opt_stats;
	checkpoint_error_headers(skb, error);
	skb->tstamp = ns_to_ktime(error->time);
	skb_hwtstamps(skb)->hwtstamp = ns_to_ktime(error->device_time);
	return checkpoint_skb_queue(sk, skb, sock_queue_err_skb);
}
