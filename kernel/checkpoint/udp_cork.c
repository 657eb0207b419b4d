// SPDX-License-Identifier: GPL-2.0
/*
 * UDP: a datagram that is not complete (UDP_CORK, MSG_MORE).
 *
 * It is read out of the pieces that it lies in, and written anew, in one piece, as
 * with MSG_MORE: so the kernel looks for its way again.
 */
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_udp.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/minmax.h>
#include <linux/net.h>
#include <linux/net_tstamp.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <linux/udp.h>
#include <linux/uio.h>
#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/udp.h>

/* Room for the control messages that a datagram may need: address, and eight numbers. */
#define CHECKPOINT_UDP_CONTROL							\
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + 8 * CMSG_SPACE(sizeof(int)))

/* What of a datagram can't be written again: it would be told of, or is not ours. */
static bool checkpoint_udp_cork_special(struct sock *sk)
{
	const struct inet_cork_full *cork = &inet_sk(sk)->cork;
	const struct sk_buff *skb;

	if (cork->base.flags & IPCORK_OPT || cork->base.transmit_time)
		return true;
	/* Options that the socket got later would become some of the datagram. */
	if (udp_sk(sk)->pending == AF_INET && rcu_access_pointer(inet_sk(sk)->inet_opt))
		return true;
#if IS_ENABLED(CONFIG_IPV6)
	if (udp_sk(sk)->pending == AF_INET6 &&
	    (cork->base6.opt || rcu_access_pointer(inet6_sk(sk)->opt)))
		return true;
#endif
	skb_queue_walk(&sk->sk_write_queue, skb) {
		/* Pages that splice(2) or MSG_ZEROCOPY has lent may change until it is sent. */
		if (skb_shinfo(skb)->tx_flags || skb_zcopy((struct sk_buff *)skb) ||
		    skb_has_shared_frag(skb) || !skb_frags_readable(skb) ||
		    !skb_transport_header_was_set(skb))
			return true;
	}
	return false;
}

/* Copies what is in the queue of @sk; what there is no room for is counted. */
static ssize_t checkpoint_udp_cork_copy(struct sock *sk, void *to, size_t room)
{
	unsigned int header = sizeof(struct udphdr);
	const struct sk_buff *skb;
	size_t len = 0;
	int err;

	skb_queue_walk(&sk->sk_write_queue, skb) {
		/* Before that is room for headers; the first one has that of UDP, too. */
		int start = skb_transport_offset(skb) + header;

		if (start < 0 || start > skb->len)
			return -EINVAL;
		if (len + skb->len - start <= room) {
			err = skb_copy_bits(skb, start, to + len, skb->len - start);
			if (err)
				return err;
		}
		len += skb->len - start;
		header = 0;
	}
	return len;
}

static void checkpoint_udp_cork_get4(struct sock *sk, struct checkpoint_udp_cork *to)
{
	const struct inet_cork_full *cork = &inet_sk(sk)->cork;
	const struct flowi4 *fl4 = &cork->fl.u.ip4;

	memcpy(to->to, &fl4->daddr, sizeof(fl4->daddr));
	memcpy(to->from, &fl4->saddr, sizeof(fl4->saddr));
	to->to_port = ntohs(fl4->fl4_dport);
	to->ttl = cork->base.ttl;
	to->tos = cork->base.tos;
	/* No route tells by which one it goes. */
	rcu_read_lock();
	if (cork->base.dst && (ipv4_is_multicast(fl4->daddr) || ipv4_is_lbcast(fl4->daddr)))
		to->device = dst_dev_rcu(cork->base.dst)->ifindex;
	rcu_read_unlock();
}

#if IS_ENABLED(CONFIG_IPV6)
static void checkpoint_udp_cork_get6(struct sock *sk, struct checkpoint_udp_cork *to)
{
	const struct inet_cork_full *cork = &inet_sk(sk)->cork;
	const struct flowi6 *fl6 = &cork->fl.u.ip6;

	to->v6 = true;
	memcpy(to->to, &fl6->daddr, sizeof(fl6->daddr));
	memcpy(to->from, &fl6->saddr, sizeof(fl6->saddr));
	to->to_port = ntohs(fl6->fl6_dport);
	to->device = fl6->flowi6_oif;
	to->flow = ntohl(fl6->flowlabel & IPV6_FLOWLABEL_MASK);
	to->ttl = cork->base6.hop_limit;
	to->tos = cork->base6.tclass;
	to->dontfrag = cork->base6.dontfrag;
}
#endif

/**
 * checkpoint_udp_cork_get() - read the datagram that a UDP socket has begun
 * @sk: the socket
 * @to_cork: where to put what it is
 * @to: where to put its bytes
 * @room: how many there is room for
 *
 * Return: how many bytes it has, which may be more; or an errno: -ENOENT if there is
 * none, -EOPNOTSUPP if it can't be saved, -EBUSY if somebody else has the lock of the
 * socket.
 */
ssize_t checkpoint_udp_cork_get(struct sock *sk, struct checkpoint_udp_cork *to_cork, void *to,
				size_t room)
{
	const struct inet_cork *cork = &inet_sk(sk)->cork.base;
	ssize_t len = -ENOENT;

	memset(to_cork, 0, sizeof(*to_cork));
	if (!sk_is_udp(sk) || !READ_ONCE(udp_sk(sk)->pending))
		return -ENOENT;
	/* Who has it may wait for user memory. */
	if (!checkpoint_sock_trylock(sk))
		return -EBUSY;
	switch (udp_sk(sk)->pending) {
	case 0:
		goto out;
	case AF_INET:
		checkpoint_udp_cork_get4(sk, to_cork);
		break;
#if IS_ENABLED(CONFIG_IPV6)
	case AF_INET6:
		checkpoint_udp_cork_get6(sk, to_cork);
		break;
#endif
	default:
		len = -EOPNOTSUPP;
		goto out;
	}
	len = -EOPNOTSUPP;
	if (checkpoint_udp_cork_special(sk))
		goto out;
	to_cork->gso_size = cork->gso_size;
	to_cork->mark = cork->mark;
	to_cork->priority = cork->priority;
	len = checkpoint_udp_cork_copy(sk, to, room);
	if (len >= 0)
		to_cork->len = len;
out:
	release_sock(sk);
	return len;
}

/* Adds a control message: there is room. */
static void checkpoint_udp_control(struct msghdr *msg, int level, int type, const void *data,
				   unsigned int len)
{
	struct cmsghdr *cmsg = msg->msg_control + msg->msg_controllen;

	if (WARN_ON_ONCE(msg->msg_controllen + CMSG_SPACE(len) > CHECKPOINT_UDP_CONTROL))
		return;
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
}

static void checkpoint_udp_number(struct msghdr *msg, int level, int type, int value)
{
	checkpoint_udp_control(msg, level, type, &value, sizeof(value));
}

/* Tells where a datagram of IPv4 goes to, and what else its header has. */
static void checkpoint_udp_header4(struct sock *sk, const struct checkpoint_udp_cork *cork,
				   struct sockaddr_storage *addr, struct msghdr *msg)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)addr;
	struct in_pktinfo info = { .ipi_ifindex = cork->device };

	sin->sin_family = AF_INET;
	sin->sin_port = htons(cork->to_port);
	memcpy(&sin->sin_addr, cork->to, sizeof(sin->sin_addr));
	msg->msg_namelen = sizeof(*sin);
	memcpy(&info.ipi_spec_dst, cork->from, sizeof(info.ipi_spec_dst));
	checkpoint_udp_control(msg, SOL_IP, IP_PKTINFO, &info, sizeof(info));
	if (cork->ttl)
		checkpoint_udp_number(msg, SOL_IP, IP_TTL, cork->ttl);
	if (cork->tos >= 0 && cork->tos != READ_ONCE(inet_sk(sk)->tos)) {
		checkpoint_udp_number(msg, SOL_IP, IP_TOS, cork->tos);
		/* With that comes another one. */
		checkpoint_udp_number(msg, SOL_SOCKET, SO_PRIORITY, cork->priority);
	} else if (cork->priority != READ_ONCE(sk->sk_priority)) {
		checkpoint_udp_number(msg, SOL_SOCKET, SO_PRIORITY, cork->priority);
	}
}

#if IS_ENABLED(CONFIG_IPV6)
static void checkpoint_udp_header6(struct sock *sk, const struct checkpoint_udp_cork *cork,
				   struct sockaddr_storage *addr, struct msghdr *msg)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)addr;
	struct in6_pktinfo info = { .ipi6_ifindex = cork->device };

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(cork->to_port);
	memcpy(&sin6->sin6_addr, cork->to, sizeof(sin6->sin6_addr));
	if (__ipv6_addr_needs_scope_id(__ipv6_addr_type(&sin6->sin6_addr)))
		sin6->sin6_scope_id = cork->device;
	msg->msg_namelen = sizeof(*sin6);
	memcpy(&info.ipi6_addr, cork->from, sizeof(info.ipi6_addr));
	checkpoint_udp_control(msg, SOL_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	checkpoint_udp_number(msg, SOL_IPV6, IPV6_HOPLIMIT, cork->ttl);
	checkpoint_udp_number(msg, SOL_IPV6, IPV6_TCLASS, cork->tos);
	checkpoint_udp_number(msg, SOL_IPV6, IPV6_DONTFRAG, cork->dontfrag);
	if (cork->flow) {
		__be32 flow = htonl(cork->flow) & IPV6_FLOWLABEL_MASK;

		checkpoint_udp_control(msg, SOL_IPV6, IPV6_FLOWINFO, &flow, sizeof(flow));
	}
	if (cork->priority != READ_ONCE(sk->sk_priority))
		checkpoint_udp_number(msg, SOL_SOCKET, SO_PRIORITY, cork->priority);
}
#endif

/* Writes what may follow, with room for it: it was there before. */
static int checkpoint_udp_cork_send(struct sock *sk, struct msghdr *msg, const void *data,
				    size_t len)
{
	struct kvec vec = { .iov_base = (void *)data, .iov_len = len };
	int sndbuf, sent, err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	sndbuf = sk->sk_sndbuf;
	WRITE_ONCE(sk->sk_sndbuf, max_t(int, sndbuf, SZ_512K));
	release_sock(sk);

	sent = kernel_sendmsg(sk->sk_socket, msg, &vec, 1, len);

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	WRITE_ONCE(sk->sk_sndbuf, sndbuf);
	if (sent >= 0 && (sent != len || !udp_sk(sk)->pending))
		sent = -EIO;
	release_sock(sk);
	return min(sent, 0);
}

/**
 * checkpoint_udp_cork_put() - have a UDP socket begin a datagram, as with MSG_MORE
 * @sk: the socket, with its addresses
 * @cork: the datagram
 * @data: its bytes, @cork->len of them
 *
 * With the rights that the caller acts with.
 *
 * Return: 0, or an errno: -EINVAL also if the address that it comes from is none of this
 * machine, -EPERM if the caller may not choose its mark or priority, -EMSGSIZE if it is
 * too long for the way that it goes now.
 */
int checkpoint_udp_cork_put(struct sock *sk, const struct checkpoint_udp_cork *cork,
			    const void *data)
{
	u8 control[CHECKPOINT_UDP_CONTROL] __aligned(__alignof__(struct cmsghdr)) = {};
	struct sockaddr_storage addr = {};
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_control = control,
		.msg_flags = MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL,
	};

	if (!sk_is_udp(sk) || !sk->sk_socket || cork->len > U16_MAX)
		return -EINVAL;
	if (cork->v6 && sk->sk_family != AF_INET6)
		return -EINVAL;
#if IS_ENABLED(CONFIG_IPV6)
	if (cork->v6)
		checkpoint_udp_header6(sk, cork, &addr, &msg);
	else
#endif
		checkpoint_udp_header4(sk, cork, &addr, &msg);
	/* Whoever has asked for time stamps since is not told of it. */
	if (READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_TX_RECORD_MASK)
		checkpoint_udp_number(&msg, SOL_SOCKET, SO_TIMESTAMPING_OLD, 0);
	if (cork->mark != READ_ONCE(sk->sk_mark))
		checkpoint_udp_number(&msg, SOL_SOCKET, SO_MARK, cork->mark);
	if (cork->gso_size != READ_ONCE(udp_sk(sk)->gso_size))
		checkpoint_udp_control(&msg, SOL_UDP, UDP_SEGMENT, &cork->gso_size,
				       sizeof(cork->gso_size));
	return checkpoint_udp_cork_send(sk, &msg, data, cork->len);
}
