// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of IPv4 and IPv6: what they are, and their addresses.
 */
#include <linux/checkpoint_inet.h>
#include <linux/checkpoint_socket.h>
#include <linux/errqueue.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/security.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/raw.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "inet.h"

/* Who has chosen the address: what is kept of sk_userlocks. */
#define CHECKPOINT_INET_LOCKS	(SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK | SOCK_CONNECT_BIND)

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

/* Has a raw socket chosen a table of a multicast router (MRT_TABLE)?  Any may, before it is one. */
static bool checkpoint_inet_route_table(struct sock *sk)
{
	if (sk->sk_type != SOCK_RAW)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return raw6_sk(sk)->ip6mr_table;
#endif
	return sk->sk_family == AF_INET && raw_sk(sk)->ipmr_table;
}

/*
 * Whether a socket is told of router alerts (IPV6_ROUTER_ALERT); its flag of that is off if these
 * are alerts of the kind 0.
 */
static bool checkpoint_inet_alerts(struct sock *sk)
{
	bool alerts = false;
#if IS_ENABLED(CONFIG_IPV6)
	const struct ip6_ra_chain *ra;

	if (sk->sk_type != SOCK_RAW)
		return false;
	read_lock_bh(&ip6_ra_lock);
	for (ra = ip6_ra_chain; ra; ra = ra->next)
		if (ra->sk == sk)
			alerts = true;
	read_unlock_bh(&ip6_ra_lock);
#endif
	return alerts;
}

#if IS_ENABLED(CONFIG_IPV6)
/* An extension header that is not longer than setsockopt(2) takes it. */
static bool checkpoint_inet_fits(const struct ipv6_opt_hdr *header)
{
	return !header || ipv6_optlen(header) <= 8 * 255;
}
#endif

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
	if (checkpoint_inet_route_table(sk))
		state->special |= CHECKPOINT_INET_ROUTE_TABLE;
	/* What it is told of is nowhere to be read. */
	if (np && checkpoint_inet_alerts(sk))
		state->special |= CHECKPOINT_INET_ALERT;
	/* What UDP has begun is read by checkpoint_udp_cork_get(). */
	if (!sk_is_tcp(sk) && !sk_is_udp(sk) && !skb_queue_empty_lockless(&sk->sk_write_queue))
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
 *
 * Return: 0, or -EINTR if the caller was killed.
 */
int checkpoint_inet_settle(struct sock *sk, const struct checkpoint_inet *state)
{
	int err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
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
	return 0;
}
