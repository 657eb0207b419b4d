// SPDX-License-Identifier: GPL-2.0
/*
 * Memberships of IPv4 and IPv6 sockets in multicast groups, the sources that
 * they hear of these, and anycast addresses.
 */
#include <linux/checkpoint_inet.h>
#include <linux/checkpoint_socket.h>
#include <linux/errno.h>
#include <linux/igmp.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inetdevice.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

/* Notes a membership; its sources follow. */
static void checkpoint_member_note(struct checkpoint_inet_members *all,
				   const struct checkpoint_inet_member *member)
{
	if (all->len < all->max)
		all->members[all->len] = *member;
	all->len++;
}

/* Notes the address of a source. */
static void checkpoint_member_source(struct checkpoint_inet_members *all, const void *addr,
				     unsigned int len)
{
	if (all->sources_len < all->sources_max) {
		memset(all->sources[all->sources_len], 0, sizeof(*all->sources));
		memcpy(all->sources[all->sources_len], addr, len);
	}
	all->sources_len++;
}

/* What kind of membership it is that has this mode, and a list of sources or none. */
static u32 checkpoint_member_kind(unsigned int mode, bool listed, unsigned int sources)
{
	if (mode == MCAST_INCLUDE)
		return CHECKPOINT_MEMBER_INCLUDE;
	return listed && !sources ? CHECKPOINT_MEMBER_EMPTIED : CHECKPOINT_MEMBER_EXCLUDE;
}

static void checkpoint_members4(struct sock *sk, struct checkpoint_inet_members *all)
{
	const struct ip_mc_socklist *mc;

	/* What changes these replaces them, but that sources are taken out of a list. */
	for (mc = rcu_dereference(inet_sk(sk)->mc_list); mc; mc = rcu_dereference(mc->next_rcu)) {
		const struct ip_sf_socklist *sources = rcu_dereference(mc->sflist);
		struct net_device *dev = dev_get_by_index_rcu(sock_net(sk), mc->multi.imr_ifindex);
		struct checkpoint_inet_member member = {
			.device = mc->multi.imr_ifindex,
			.gone = !dev || !__in_dev_get_rcu(dev),
		};
		unsigned int i;

		memcpy(member.group, &mc->multi.imr_multiaddr, sizeof(mc->multi.imr_multiaddr));
		memcpy(member.local, &mc->multi.imr_address, sizeof(mc->multi.imr_address));
		if (sources)
			member.sources = min(READ_ONCE(sources->sl_count), sources->sl_max);
		member.kind = checkpoint_member_kind(READ_ONCE(mc->sfmode), sources,
						     member.sources);
		checkpoint_member_note(all, &member);
		for (i = 0; i < member.sources; i++)
			checkpoint_member_source(all, &sources->sl_addr[i],
						 sizeof(sources->sl_addr[i]));
	}
}

#if IS_ENABLED(CONFIG_IPV6)
static bool checkpoint_member_gone6(struct sock *sk, int device)
{
	struct net_device *dev = dev_get_by_index_rcu(sock_net(sk), device);

	return !dev || !rcu_access_pointer(dev->ip6_ptr);
}

static void checkpoint_members6(struct sock *sk, struct checkpoint_inet_members *all)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);
	const struct ipv6_ac_socklist *ac;
	const struct ipv6_mc_socklist *mc;

	for (mc = rcu_dereference(np->ipv6_mc_list); mc; mc = rcu_dereference(mc->next)) {
		const struct ip6_sf_socklist *sources = rcu_dereference(mc->sflist);
		struct checkpoint_inet_member member = {
			.device = mc->ifindex,
			.sources = sources ? sources->sl_count : 0,
			.v6 = true,
			.gone = checkpoint_member_gone6(sk, mc->ifindex),
		};
		unsigned int i;

		memcpy(member.group, &mc->addr, sizeof(member.group));
		/* A list of none is not kept. */
		member.kind = checkpoint_member_kind(READ_ONCE(mc->sfmode), false, 0);
		checkpoint_member_note(all, &member);
		for (i = 0; i < member.sources; i++)
			checkpoint_member_source(all, &sources->sl_addr[i],
						 sizeof(sources->sl_addr[i]));
	}
	for (ac = np->ipv6_ac_list; ac; ac = ac->acl_next) {
		struct checkpoint_inet_member member = {
			.kind = CHECKPOINT_MEMBER_ANYCAST,
			.device = ac->acl_ifindex,
			.v6 = true,
			.gone = checkpoint_member_gone6(sk, ac->acl_ifindex),
		};

		memcpy(member.group, &ac->acl_addr, sizeof(member.group));
		checkpoint_member_note(all, &member);
	}
}
#endif

/**
 * checkpoint_inet_members() - read the memberships of an IPv4 or IPv6 socket
 * @sk: the socket
 * @all: where to; its @len and @sources_len become how many there are, which may
 *       be more than there is room for
 *
 * Those that came last come first.
 *
 * Return: 0; -EBUSY if somebody else has the lock of the socket.
 */
int checkpoint_inet_members(struct sock *sk, struct checkpoint_inet_members *all)
{
	int err = 0;

	all->len = 0;
	all->sources_len = 0;
	/* Who has it may wait for user memory. Anycast addresses are freed under it. */
	spin_lock_bh(&sk->sk_lock.slock);
	if (sock_owned_by_user_nocheck(sk)) {
		err = -EBUSY;
	} else {
		rcu_read_lock();
		checkpoint_members4(sk, all);
#if IS_ENABLED(CONFIG_IPV6)
		if (sk->sk_family == AF_INET6 && inet6_sk(sk))
			checkpoint_members6(sk, all);
#endif
		rcu_read_unlock();
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	return err;
}

/* A source of which it does not matter which it is. */
static const __be32 checkpoint_member_any = cpu_to_be32(INADDR_LOOPBACK);

/* Has a membership hear only some of its group, as IP_MSFILTER and the like. */
static int checkpoint_member_filter4(struct sock *sk, const struct checkpoint_inet_member *member,
				     const u8 (*sources)[16])
{
	struct ip_mreq_source one = { .imr_sourceaddr = checkpoint_member_any };
	struct ip_msfilter *filter;
	unsigned int i;
	int err;

	if (member->sources > READ_ONCE(sock_net(sk)->ipv4.sysctl_igmp_max_msf))
		return -ENOBUFS;
	filter = kvmalloc(IP_MSFILTER_SIZE(member->sources), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return -ENOMEM;
	memcpy(&one.imr_multiaddr, member->group, sizeof(one.imr_multiaddr));
	memset(filter, 0, IP_MSFILTER_SIZE(0));
	filter->imsf_multiaddr = one.imr_multiaddr;
	filter->imsf_fmode = member->kind == CHECKPOINT_MEMBER_INCLUDE ? MCAST_INCLUDE :
			     MCAST_EXCLUDE;
	filter->imsf_numsrc = member->sources;
	for (i = 0; i < member->sources; i++)
		memcpy(&filter->imsf_slist_flex[i], sources[i],
		       sizeof(filter->imsf_slist_flex[i]));

	err = rtnl_lock_killable();
	if (err)
		goto out;
	err = checkpoint_sock_lock(sk);
	if (err)
		goto unlock;
	if (member->sources) {
		err = ip_mc_msfilter(sk, filter, member->device);
	} else if (member->kind == CHECKPOINT_MEMBER_EMPTIED) {
		err = ip_mc_source(1, MCAST_EXCLUDE, sk, &one, member->device);
		if (!err)
			err = ip_mc_source(0, MCAST_EXCLUDE, sk, &one, member->device);
	} else {
		/* It is what leaving a source comes to that was not there. */
		err = ip_mc_source(0, MCAST_INCLUDE, sk, &one, member->device);
		if (err == -EADDRNOTAVAIL)
			err = 0;
	}
	release_sock(sk);
unlock:
	rtnl_unlock();
out:
	kvfree(filter);
	return err;
}

#if IS_ENABLED(CONFIG_IPV6)
static void checkpoint_member_addr6(struct sockaddr_storage *to, const u8 *addr)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	sin6->sin6_family = AF_INET6;
	memcpy(&sin6->sin6_addr, addr, sizeof(sin6->sin6_addr));
}

static int checkpoint_member_filter6(struct sock *sk, const struct checkpoint_inet_member *member,
				     const u8 (*sources)[16])
{
	struct group_source_req one = { .gsr_interface = member->device };
	struct group_filter filter = {
		.gf_interface = member->device,
		.gf_fmode = member->kind == CHECKPOINT_MEMBER_INCLUDE ? MCAST_INCLUDE :
			    MCAST_EXCLUDE,
		.gf_numsrc = member->sources,
	};
	struct sockaddr_storage *list;
	unsigned int i;
	int err;

	if (member->sources > READ_ONCE(sysctl_mld_max_msf))
		return -ENOBUFS;
	checkpoint_member_addr6(&one.gsr_group, member->group);
	checkpoint_member_addr6(&one.gsr_source, (const u8 *)&in6addr_loopback);
	checkpoint_member_addr6(&filter.gf_group, member->group);
	if (!member->sources) {
		err = checkpoint_sock_lock(sk);
		if (err)
			return err;
		err = ip6_mc_source(0, MCAST_INCLUDE, sk, &one);
		release_sock(sk);
		return err == -EADDRNOTAVAIL ? 0 : err;
	}
	list = kvmalloc_array(member->sources, sizeof(*list), GFP_KERNEL_ACCOUNT);
	if (!list)
		return -ENOMEM;
	for (i = 0; i < member->sources; i++)
		checkpoint_member_addr6(&list[i], sources[i]);
	err = checkpoint_sock_lock(sk);
	if (!err) {
		err = ip6_mc_msfilter(sk, &filter, list);
		release_sock(sk);
	}
	kvfree(list);
	return err;
}
#endif

/**
 * checkpoint_inet_join() - have an IPv4 or IPv6 socket join a group
 * @file: its file
 * @member: the membership, with a device
 * @sources: the sources that it names, @member->sources of them
 *
 * As setsockopt(2), with the rights that the caller acts with.
 *
 * Return: 0, or an errno: -EADDRINUSE if it is a member already, -ENODEV if
 * there is no such device, -ENOBUFS if the machine allows for fewer.
 */
int checkpoint_inet_join(struct file *file, const struct checkpoint_inet_member *member,
			 const u8 sources[][16])
{
	struct socket *sock = sock_from_file(file);
	bool plain = member->kind == CHECKPOINT_MEMBER_EXCLUDE && !member->sources;
	struct ip_mreqn mreq = { .imr_ifindex = member->device };
	int err;

	if (!sock || !sk_is_inet(sock->sk))
		return -ENOTSOCK;
#if IS_ENABLED(CONFIG_IPV6)
	if (member->v6) {
		bool anycast = member->kind == CHECKPOINT_MEMBER_ANYCAST;
		struct ipv6_mreq mreq6 = { .ipv6mr_ifindex = member->device };

		if (sock->sk->sk_family != AF_INET6)
			return -EINVAL;
		memcpy(&mreq6.ipv6mr_multiaddr, member->group, sizeof(mreq6.ipv6mr_multiaddr));
		err = do_sock_setsockopt(sock, false, SOL_IPV6,
					 anycast ? IPV6_JOIN_ANYCAST : IPV6_ADD_MEMBERSHIP,
					 KERNEL_SOCKPTR(&mreq6), sizeof(mreq6));
		if (err || anycast || plain)
			return err;
		return checkpoint_member_filter6(sock->sk, member, sources);
	}
#endif
	if (member->v6)
		return -EAFNOSUPPORT;
	memcpy(&mreq.imr_multiaddr, member->group, sizeof(mreq.imr_multiaddr));
	memcpy(&mreq.imr_address, member->local, sizeof(mreq.imr_address));
	err = do_sock_setsockopt(sock, false, SOL_IP, IP_ADD_MEMBERSHIP, KERNEL_SOCKPTR(&mreq),
				 sizeof(mreq));
	if (err || plain)
		return err;
	return checkpoint_member_filter4(sock->sk, member, sources);
}
