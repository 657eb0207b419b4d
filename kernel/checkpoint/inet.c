// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of IPv4 and IPv6.
 */
#include <linux/checkpoint.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/security.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/sockptr.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/inet_ecn.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/raw.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/udp.h>

/* Who has chosen the address: what is kept of sk_userlocks. */
#define CHECKPOINT_INET_LOCKS	(SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK | SOCK_CONNECT_BIND)

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

/* Puts an address of IPv4 where one of IPv6 may be. */
static void checkpoint_inet_addr4(u8 *to, __be32 addr)
{
	memcpy(to, &addr, sizeof(addr));
}

/* Whether a raw socket is that of a multicast router (MRT_INIT). */
static bool checkpoint_inet_routes(struct sock *sk)
{
	bool routes = false;

	if (sk->sk_type != SOCK_RAW)
		return false;
#ifdef CONFIG_IP_MROUTE
	if (sk->sk_family == AF_INET) {
		const struct ip_ra_chain *ra;

		/* Others on this list have no destructor. */
		rcu_read_lock();
		for (ra = rcu_dereference(sock_net(sk)->ipv4.ra_chain); ra;
		     ra = rcu_dereference(ra->next)) {
			if (ra->sk == sk && ra->destructor)
				routes = true;
		}
		rcu_read_unlock();
	}
#endif
#ifdef CONFIG_IPV6_MROUTE
	if (sk->sk_family == AF_INET6)
		routes = checkpoint_ip6mr_routes(sk);
#endif
	return routes;
}

/* An extension header that is not longer than setsockopt(2) takes it. */
static bool checkpoint_inet_fits(const struct ipv6_opt_hdr *header)
{
	return !header || ipv6_optlen(header) <= 8 * 255;
}

/*
 * What is attached to all that a socket sends, and can't be saved: of one with
 * connections these have agreed upon a length with it; a label is a security
 * module's to set.
 */
static u32 checkpoint_inet_attached(struct sock *sk)
{
	const struct ip_options_rcu *options;
	u32 special = 0;

	rcu_read_lock();
	options = rcu_dereference(inet_sk(sk)->inet_opt);
	if (options && (sk_is_tcp(sk) || options->opt.cipso))
		special |= CHECKPOINT_INET_IP_OPTIONS;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && inet6_sk(sk)) {
		const struct ipv6_pinfo *np = inet6_sk(sk);
		const struct ipv6_txoptions *opt = rcu_dereference(np->opt);

		if (opt && (sk_is_tcp(sk) || !checkpoint_inet_fits(opt->hopopt) ||
			    !checkpoint_inet_fits(opt->dst0opt) ||
			    !checkpoint_inet_fits((struct ipv6_opt_hdr *)opt->srcrt) ||
			    !checkpoint_inet_fits(opt->dst1opt)))
			special |= CHECKPOINT_INET_STICKY;
		if (sk_is_tcp(sk) && (np->sticky_pktinfo.ipi6_ifindex ||
				      !ipv6_addr_any(&np->sticky_pktinfo.ipi6_addr)))
			special |= CHECKPOINT_INET_STICKY;
	}
#endif
	rcu_read_unlock();
	return special;
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

#if IS_ENABLED(CONFIG_IPV6)
/* Whether a socket was told to reflect flow labels (IPV6_FL_F_REFLECT). */
static bool checkpoint_inet_reflects(struct sock *sk)
{
	bool usual = READ_ONCE(sock_net(sk)->ipv6.sysctl.flowlabel_reflect) &
		     FLOWLABEL_REFLECT_ESTABLISHED;

	return sk_is_tcp(sk) && inet6_test_bit(REPFLOW, sk) && !usual;
}
#endif

/*
 * Whether a socket without connections is still to be told of what it has sent
 * without a copy. Qdiscs and drivers may give a packet back to it before they are
 * done with that (skb_orphan()): then only what msg_zerocopy_alloc() has charged
 * tells, which can't be seen where something else is charged there, too.
 */
static bool checkpoint_inet_flight(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_error_queue;
	unsigned int told = 0, charged;
	struct sk_buff *skb;
	unsigned long flags;

	if (sk_is_tcp(sk) || !atomic_read(&sk->sk_zckey))
		return false;
	if (sk_wmem_alloc_get(sk))
		return true;
	if (rcu_access_pointer(sk->sk_filter) || rcu_access_pointer(inet_sk(sk)->mc_list))
		return false;
#ifdef CONFIG_BPF_SYSCALL
	if (rcu_access_pointer(sk->sk_bpf_storage))
		return false;
#endif
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && inet6_sk(sk)) {
		const struct ipv6_pinfo *np = inet6_sk(sk);

		if (rcu_access_pointer(np->opt) || rcu_access_pointer(np->ipv6_mc_list) ||
		    READ_ONCE(np->ipv6_ac_list) || rcu_access_pointer(inet_sk(sk)->ipv6_fl_list))
			return false;
	}
#endif
	spin_lock_irqsave(&queue->lock, flags);
	/* Notifications stay charged there, but for those of a restart. */
	skb_queue_walk(queue, skb) {
		if (SKB_EXT_ERR(skb)->ee.ee_origin == SO_EE_ORIGIN_ZEROCOPY &&
		    skb->destructor != sock_rmem_free)
			told += skb->truesize;
	}
	charged = atomic_read(&sk->sk_omem_alloc);
	spin_unlock_irqrestore(&queue->lock, flags);
	return charged > told;
}

/**
 * checkpoint_inet_get() - read what an IPv4 or IPv6 socket is
 * @sk: the socket
 * @state: where to
 */
void checkpoint_inet_get(struct sock *sk, struct checkpoint_inet *state)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct ipv6_pinfo *np = NULL;

	memset(state, 0, sizeof(*state));
	/* The tasks stand still: no lock, which others may hold for long, is needed. */
	BUILD_BUG_ON(CHECKPOINT_INET_CONNECTED != TCP_ESTABLISHED);
	state->state = sk->sk_state;
	state->port = inet->inet_num;
	state->peer_port = ntohs(inet->inet_dport);
	state->device = READ_ONCE(sk->sk_bound_dev_if);
	state->locks = sk->sk_userlocks & CHECKPOINT_INET_LOCKS;
	state->shutdown = sk->sk_shutdown;
	state->err = READ_ONCE(sk->sk_err);
	state->stamp_key = atomic_read(&sk->sk_tskey);
	state->zerocopy_key = atomic_read(&sk->sk_zckey);
	checkpoint_inet_addr4(state->addr, inet->inet_rcv_saddr);
	checkpoint_inet_addr4(state->peer, inet->inet_daddr);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		np = inet6_sk(sk);
	if (np) {
		memcpy(state->addr, &sk->sk_v6_rcv_saddr, sizeof(state->addr));
		memcpy(state->peer, &sk->sk_v6_daddr, sizeof(state->peer));
		state->v6only = sk->sk_ipv6only;
		state->flow = ntohl(np->flow_label & IPV6_FLOWINFO_MASK);
	}
#endif

	state->special |= checkpoint_inet_attached(sk);
#if IS_ENABLED(CONFIG_IPV6)
	if (np && (READ_ONCE(np->ipv6_ac_list) || rcu_access_pointer(np->ipv6_mc_list)))
		state->special |= CHECKPOINT_INET_MEMBER;
	if (np && rcu_access_pointer(inet->ipv6_fl_list))
		state->special |= CHECKPOINT_INET_FLOW_LABEL;
	/* As inet6_create() has it; only IPV6_FLOWLABEL_MGR tells, and sets it. */
	if (np && checkpoint_inet_reflects(sk))
		state->special |= CHECKPOINT_INET_FLOW_LABEL;
#endif
	if (rcu_access_pointer(inet->mc_list))
		state->special |= CHECKPOINT_INET_MEMBER;
	if (np && READ_ONCE(np->rxpmtu))
		state->special |= CHECKPOINT_INET_PATH_MTU;
#ifdef CONFIG_XFRM
	if (rcu_access_pointer(sk->sk_policy[0]) || rcu_access_pointer(sk->sk_policy[1]))
		state->special |= CHECKPOINT_INET_POLICY;
#endif
	if (checkpoint_inet_flight(sk))
		state->special |= CHECKPOINT_INET_FLIGHT;
	if (sk_is_udp(sk) && READ_ONCE(udp_sk(sk)->encap_type))
		state->special |= CHECKPOINT_INET_ENCAP;
	if (checkpoint_inet_routes(sk))
		state->special |= CHECKPOINT_INET_ROUTES;
	/* What it is told of is nowhere to be read. */
	if (np && inet6_test_bit(RTALERT, sk))
		state->special |= CHECKPOINT_INET_ALERT;
	if (!sk_is_tcp(sk) && !skb_queue_empty_lockless(&sk->sk_write_queue))
		state->special |= CHECKPOINT_INET_CORKED;
}

/* Fills in an address, as bind(2) and connect(2) want it; returns its length. */
static int checkpoint_inet_sockaddr(struct sock *sk, const u8 *addr, u16 port, u32 flow,
				    u32 scope, struct sockaddr_storage *to)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (sk->sk_family == AF_INET6) {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;

		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		sin6->sin6_flowinfo = htonl(flow) & IPV6_FLOWINFO_MASK;
		memcpy(&sin6->sin6_addr, addr, sizeof(sin6->sin6_addr));
		if (__ipv6_addr_needs_scope_id(ipv6_addr_type(&sin6->sin6_addr)))
			sin6->sin6_scope_id = scope;
		return sizeof(*sin6);
	}
	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	memcpy(&sin->sin_addr, addr, sizeof(sin->sin_addr));
	return sizeof(*sin);
}

/**
 * checkpoint_inet_bind() - bind an IPv4 or IPv6 socket, as bind(2)
 * @file: its file
 * @state: where to
 *
 * Return: 0, or an errno: -EADDRNOTAVAIL also if it got another port.
 */
int checkpoint_inet_bind(struct file *file, const struct checkpoint_inet *state)
{
	struct socket *sock = sock_from_file(file);
	struct sockaddr_storage addr;
	int err, len;

	if (!sock || !sk_is_inet(sock->sk))
		return -ENOTSOCK;
	len = checkpoint_inet_sockaddr(sock->sk, state->addr,
				       sock->sk->sk_type == SOCK_RAW ? 0 : state->port, 0,
				       state->device, &addr);
	err = security_socket_bind(sock, (struct sockaddr *)&addr, len);
	if (!err)
		err = READ_ONCE(sock->ops)->bind(sock, (struct sockaddr_unsized *)&addr, len);
	/* A program of a cgroup may send it elsewhere. */
	if (!err && inet_sk(sock->sk)->inet_num != state->port)
		err = -EADDRNOTAVAIL;
	return err;
}

/**
 * checkpoint_inet_connect() - connect a datagram socket, as connect(2)
 * @file: its file
 * @state: where to
 *
 * Return: 0, or an errno: -EADDRNOTAVAIL also if it was connected elsewhere.
 */
int checkpoint_inet_connect(struct file *file, const struct checkpoint_inet *state)
{
	struct socket *sock = sock_from_file(file);
	struct sockaddr_storage addr;
	struct checkpoint_inet now;
	int err, len;

	if (!sock || !sk_is_inet(sock->sk) || sock->type == SOCK_STREAM)
		return -ENOTSOCK;
	len = checkpoint_inet_sockaddr(sock->sk, state->peer, state->peer_port, state->flow,
				       state->device, &addr);
	err = security_socket_connect(sock, (struct sockaddr *)&addr, len);
	if (!err)
		err = READ_ONCE(sock->ops)->connect(sock, (struct sockaddr_unsized *)&addr, len,
						    0);
	if (err)
		return err;
	checkpoint_inet_get(sock->sk, &now);
	if (now.peer_port != state->peer_port || memcmp(now.peer, state->peer, sizeof(now.peer)))
		return -EADDRNOTAVAIL;
	return 0;
}

/**
 * checkpoint_inet_settle() - set what is left of a datagram socket
 * @sk: the socket, with its addresses
 * @state: what
 *
 * Who has chosen the address decides what is left of it when the socket is
 * connected to nothing again; bind(2) and connect(2) are what sets it. A raw
 * socket receives from now on.
 */
void checkpoint_inet_settle(struct sock *sk, const struct checkpoint_inet *state)
{
	lock_sock(sk);
	sk->sk_userlocks &= ~CHECKPOINT_INET_LOCKS;
	sk->sk_userlocks |= state->locks & CHECKPOINT_INET_LOCKS;
	/* To be bound to an address of IPv6 sets it, to be connected from one does not. */
	if (sk->sk_family == AF_INET6)
		sk->sk_ipv6only = state->v6only;
	sk->sk_shutdown = state->shutdown & SHUTDOWN_MASK;
	WRITE_ONCE(sk->sk_err, state->err);
	atomic_set(&sk->sk_tskey, state->stamp_key);
	atomic_set(&sk->sk_zckey, state->zerocopy_key);
	release_sock(sk);
	/* As inet_create() does; checkpoint_socket_make() has taken it out. */
	if (sk->sk_type == SOCK_RAW && sk_unhashed(sk))
		sk->sk_prot->hash(sk);
}

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

/* Puts a datagram into a queue, for which there is room: it was there before. */
static int checkpoint_inet_enqueue(struct sock *sk, struct sk_buff *skb)
{
	int rcvbuf, err;
	u32 before;

	lock_sock(sk);
	before = skb_queue_len(&sk->sk_receive_queue);
	rcvbuf = sk->sk_rcvbuf;
	WRITE_ONCE(sk->sk_rcvbuf, min(rcvbuf, INT_MAX / 4) * 2 + SZ_128K);
	/* Neither runs filters: these let it pass already. */
	local_bh_disable();
	if (sk_is_udp(sk))
		err = __udp_enqueue_schedule_skb(sk, skb);
	else
		err = __sock_queue_rcv_skb(sk, skb);
	local_bh_enable();
	WRITE_ONCE(sk->sk_rcvbuf, rcvbuf);
	if (err)
		kfree_skb(skb);
	/* UDP tells nobody that there was no memory. */
	else if (skb_queue_len(&sk->sk_receive_queue) <= before)
		err = -ENOMEM;
	release_sock(sk);
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
 * no memory.
 */
int checkpoint_inet_send(struct sock *sk, const struct checkpoint_inet_message *message,
			 const void *data)
{
	unsigned int head = sizeof(struct ipv6hdr) + sizeof(struct udphdr);
	unsigned int len = message->len, data_len = 0;
	bool whole = checkpoint_inet_whole(sk);
	struct sk_buff *skb;
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
	if (len > SKB_MAX_HEAD(head))
		data_len = len - SKB_MAX_HEAD(head);
	skb = alloc_skb_with_frags(head + len - data_len, data_len, PAGE_ALLOC_COSTLY_ORDER, &err,
				   GFP_KERNEL_ACCOUNT);
	if (!skb)
		return err == -ENOBUFS ? -ENOMEM : err;
	skb_reserve(skb, head);
	skb_put(skb, len - data_len);
	skb->data_len = data_len;
	skb->len = len;
	err = skb_store_bits(skb, 0, data, len);
	if (err) {
		kfree_skb(skb);
		return err;
	}
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
	return checkpoint_inet_enqueue(sk, skb);
}
