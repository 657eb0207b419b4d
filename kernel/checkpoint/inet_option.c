// SPDX-License-Identifier: GPL-2.0
/*
 * Options of sockets of IPv4 and IPv6, and what they attach to all that they send.
 */
#include <linux/checkpoint_inet.h>
#include <linux/checkpoint_mptcp.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/sockptr.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/uio.h>
#include <net/inet_ecn.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/raw.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/udp.h>

/* What was set of a traffic class: a connection has its own bits of ECN in it. */
static int checkpoint_inet_class(const struct sock *sk, int value)
{
	return sk->sk_type == SOCK_STREAM ? value & ~INET_ECN_MASK : value;
}

/*
 * Options that one with connections does not take. getsockopt(2) tells there
 * with what hops and on which device the connection has come in.
 */
static bool checkpoint_inet_untaken(const struct sock *sk, int level, int name)
{
	if (sk->sk_type != SOCK_STREAM)
		return false;
	switch (level) {
	case SOL_IP:
		return name == IP_MULTICAST_TTL || name == IP_MULTICAST_IF;
	case SOL_IPV6:
		return name == IPV6_MULTICAST_HOPS || name == IPV6_MULTICAST_IF;
	}
	return false;
}

/* Options of which getsockopt(2) tells what they come to, not what was set. */
static bool checkpoint_inet_stored(struct sock *sk, int level, int name, int *value)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct ipv6_pinfo *np;

	if (level == SOL_IP) {
		switch (name) {
		case IP_TTL:
			*value = READ_ONCE(inet->uc_ttl);
			return true;
		case IP_TOS:
			*value = checkpoint_inet_class(sk, READ_ONCE(inet->tos));
			return true;
		}
		return false;
	}
	if (level != SOL_IPV6)
		return false;
	np = inet6_sk(sk);
	switch (name) {
	case IPV6_UNICAST_HOPS:
		*value = READ_ONCE(np->hop_limit);
		return true;
	case IPV6_MULTICAST_HOPS:
		*value = READ_ONCE(np->mcast_hops);
		return true;
	case IPV6_TCLASS:
		*value = checkpoint_inet_class(sk, READ_ONCE(np->tclass));
		return true;
	case IPV6_MTU:
		*value = READ_ONCE(np->frag_size);
		return true;
	case IPV6_AUTOFLOWLABEL:
		*value = !inet6_test_bit(AUTOFLOWLABEL_SET, sk) ? -1 :
			 inet6_test_bit(AUTOFLOWLABEL, sk);
		return true;
	}
	return false;
}

/* Options of raw sockets, SOL_RAW. */
static bool checkpoint_inet_raw(struct sock *sk, int name, int *value)
{
	if (sk->sk_type != SOCK_RAW)
		return false;
	if (sk->sk_family == AF_INET) {
		if (name != ICMP_FILTER || inet_sk(sk)->inet_num != IPPROTO_ICMP)
			return false;
		*value = raw_sk(sk)->filter.data;
		return true;
	}
#if IS_ENABLED(CONFIG_IPV6)
	switch (name) {
	case IPV6_HDRINCL:
		*value = inet_test_bit(HDRINCL, sk);
		return true;
	case IPV6_CHECKSUM:
		*value = raw6_sk(sk)->checksum ? raw6_sk(sk)->offset : -1;
		return true;
	}
#endif
	return false;
}

/**
 * checkpoint_inet_option() - read an option of an IPv4 or IPv6 socket
 * @sk: the socket
 * @level: SOL_*
 * @name: the option of that
 * @value: where to
 * @len: bytes that there is room for; those that were read
 *
 * IP_MULTICAST_IF is told as it is set. No lock of the socket is waited for.
 *
 * Return: 0, or an errno: -ENOPROTOOPT if it has none of that kind.
 */
int checkpoint_inet_option(struct sock *sk, int level, int name, void *value, int *len)
{
	int stored;

	/* What IPV6_ADDRFORM has made one of IPv4 keeps nothing of IPv6. */
	if (level == SOL_IPV6 && (sk->sk_family != AF_INET6 || !inet6_sk(sk)))
		return -ENOPROTOOPT;
	/* Raw sockets of IPv6 take none of these. */
	if (level == SOL_IP && sk->sk_family == AF_INET6 && sk->sk_type == SOCK_RAW)
		return -ENOPROTOOPT;
	if (checkpoint_inet_untaken(sk, level, name))
		return -ENOPROTOOPT;
	if (level == SOL_IP && name == IP_MULTICAST_IF) {
		struct ip_mreqn mreq = {
			.imr_address.s_addr = READ_ONCE(inet_sk(sk)->mc_addr),
			.imr_ifindex = READ_ONCE(inet_sk(sk)->mc_index),
		};

		if (*len != sizeof(mreq))
			return -EINVAL;
		memcpy(value, &mreq, sizeof(mreq));
		return 0;
	}
	if (level == SOL_RAW && !checkpoint_inet_raw(sk, name, &stored))
		return -ENOPROTOOPT;
	if (level == SOL_RAW || checkpoint_inet_stored(sk, level, name, &stored)) {
		if (*len != sizeof(stored))
			return -EINVAL;
		memcpy(value, &stored, sizeof(stored));
		return 0;
	}
	switch (level) {
	case SOL_IP:
		return do_ip_getsockopt(sk, level, name, KERNEL_SOCKPTR(value),
					KERNEL_SOCKPTR(len));
#if IS_ENABLED(CONFIG_IPV6)
	case SOL_ICMPV6:
		if (sk->sk_family != AF_INET6 || sk->sk_type != SOCK_RAW ||
		    inet_sk(sk)->inet_num != IPPROTO_ICMPV6 || name != ICMPV6_FILTER)
			return -ENOPROTOOPT;
		if (*len != sizeof(struct icmp6_filter))
			return -EINVAL;
		memcpy(value, &raw6_sk(sk)->filter, sizeof(struct icmp6_filter));
		return 0;
	case SOL_IPV6:
		return do_ipv6_getsockopt(sk, level, name, KERNEL_SOCKPTR(value),
					  KERNEL_SOCKPTR(len));
#endif
	case SOL_TCP:
		if (sk->sk_protocol == IPPROTO_MPTCP)
			return checkpoint_mptcp_option(sk, name, value, len);
		if (!sk_is_tcp(sk))
			return -ENOPROTOOPT;
		return do_tcp_getsockopt(sk, level, name, KERNEL_SOCKPTR(value),
					 KERNEL_SOCKPTR(len));
	case SOL_UDP: {
		struct kvec kvec = { .iov_base = value, .iov_len = *len };
		sockopt_t opt = { .optlen = *len };
		int err;

		if (!sk_is_udp(sk))
			return -ENOPROTOOPT;
		iov_iter_kvec(&opt.iter_out, ITER_DEST, &kvec, 1, *len);
		err = udp_lib_getsockopt(sk, level, name, &opt);
		*len = opt.optlen;
		return err;
	}
	}
	return -ENOPROTOOPT;
}

#if IS_ENABLED(CONFIG_IPV6)
static int checkpoint_inet_header6(struct sock *sk, int name, void *value, unsigned int max)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);
	const struct ipv6_opt_hdr *header = NULL;
	const struct ipv6_txoptions *opt;
	int len = 0;

	if (name == IPV6_PKTINFO) {
		if (!np->sticky_pktinfo.ipi6_ifindex &&
		    ipv6_addr_any(&np->sticky_pktinfo.ipi6_addr))
			return 0;
		if (max < sizeof(np->sticky_pktinfo))
			return -EINVAL;
		memcpy(value, &np->sticky_pktinfo, sizeof(np->sticky_pktinfo));
		return sizeof(np->sticky_pktinfo);
	}
	rcu_read_lock();
	opt = rcu_dereference(np->opt);
	if (opt) {
		switch (name) {
		case IPV6_HOPOPTS:
			header = opt->hopopt;
			break;
		case IPV6_RTHDRDSTOPTS:
			header = opt->dst0opt;
			break;
		case IPV6_RTHDR:
			header = (const struct ipv6_opt_hdr *)opt->srcrt;
			break;
		case IPV6_DSTOPTS:
			header = opt->dst1opt;
			break;
		}
	}
	if (header) {
		len = ipv6_optlen(header);
		if (len > max)
			len = -EINVAL;
		else
			memcpy(value, header, len);
	}
	rcu_read_unlock();
	return len;
}
#endif

/**
 * checkpoint_inet_header() - read what is attached to all that a socket sends
 * @sk: the socket
 * @level: SOL_IP, SOL_IPV6
 * @name: IP_OPTIONS; IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, IPV6_RTHDR, IPV6_DSTOPTS,
 *        IPV6_PKTINFO
 * @value: where to
 * @max: how many bytes there is room for
 *
 * As getsockopt(2), but that no lock of the socket is waited for.
 *
 * Return: how many bytes there are; 0: it has none, or an errno.
 */
int checkpoint_inet_header(struct sock *sk, int level, int name, void *value, unsigned int max)
{
	int len = max, err;

	if (level == SOL_IP && name == IP_OPTIONS) {
		err = do_ip_getsockopt(sk, level, name, KERNEL_SOCKPTR(value),
				       KERNEL_SOCKPTR(&len));
		return err ? err : len;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (level == SOL_IPV6 && sk->sk_family == AF_INET6 && inet6_sk(sk))
		return checkpoint_inet_header6(sk, name, value, max);
#endif
	return 0;
}
