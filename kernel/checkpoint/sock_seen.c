// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket has noted that no option tells: of packets that came, when the last one
 * did (SIOCGSTAMP), and how a TCP connection has come in (IP_PKTOPTIONS,
 * IPV6_2292PKTOPTIONS). And how many notifications of MSG_ZEROCOPY a TCP socket has
 * numbered. There are options of the engine's own for that, which system calls know
 * nothing of.
 */
#include <linux/checkpoint_socket.h>
#include <linux/ipv6.h>
#include <linux/ktime.h>
#include <linux/net.h>
#include <linux/string.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>

/**
 * checkpoint_seen_is() - is this an option of what a socket has seen?
 * @name: the option
 */
bool checkpoint_seen_is(int name)
{
	return name == CHECKPOINT_SO_SEEN;
}

/* Who has gettstamp() among the families that are saved. */
static bool has_stamp(const struct sock *sk)
{
	return sk_is_inet(sk) || sk->sk_family == AF_PACKET;
}

static bool has_v6(const struct sock *sk)
{
	return IS_ENABLED(CONFIG_IPV6) && sk_is_tcp(sk) && sk->sk_family == AF_INET6;
}

/**
 * checkpoint_seen_get() - read what a socket has seen
 * @sk: the socket
 * @level: SOL_SOCKET: the time of the last packet, and whether such times are taken;
 *         SOL_IP: device, hops and type of service of a connection; SOL_IPV6: device
 *         and hops, and the flow; SOL_TCP: how many calls had MSG_ZEROCOPY
 * @value: two numbers of 64 bits
 * @len: bytes of it
 *
 * Return: 0; -ENOPROTOOPT: it has none; -EINVAL: the value has another length.
 */
int checkpoint_seen_get(struct sock *sk, int level, void *value, int len)
{
	s64 out[2] = { 0 };

	if (len != sizeof(out))
		return -EINVAL;
	if (level == SOL_SOCKET && has_stamp(sk)) {
		out[0] = sock_read_timestamp(sk);
		out[1] = sock_flag(sk, SOCK_TIMESTAMP);
	} else if (level == SOL_IP && sk_is_tcp(sk) && sk_is_inet(sk)) {
		const struct inet_sock *inet = inet_sk(sk);

		out[0] = READ_ONCE(inet->mc_index);
		out[1] = READ_ONCE(inet->mc_ttl) | (s64)READ_ONCE(inet->rcv_tos) << 8;
	} else if (level == SOL_IPV6 && has_v6(sk)) {
#if IS_ENABLED(CONFIG_IPV6)
		const struct ipv6_pinfo *np = inet6_sk(sk);

		out[0] = READ_ONCE(np->mcast_oif);
		out[1] = READ_ONCE(np->mcast_hops) | (s64)ntohl(np->rcv_flowinfo) << 8;
#endif
	} else if (level == SOL_TCP && sk_is_tcp(sk)) {
		out[0] = (u32)atomic_read(&sk->sk_zckey);
	} else {
		return -ENOPROTOOPT;
	}
	memcpy(value, out, sizeof(out));
	return 0;
}

/**
 * checkpoint_seen_set() - note what a socket had seen
 * @sk: the socket
 * @level: as for checkpoint_seen_get()
 * @value: two numbers of 64 bits, as that has read them
 * @len: bytes of it
 *
 * In place of the protocol, which takes all that of packets. It is told to who asks,
 * and nothing else goes by it: a TCP socket sends to no group.
 *
 * Return: 0; -ENOPROTOOPT: such a socket has none; -EINVAL: the value can't be;
 * -EINTR: the caller was killed.
 */
int checkpoint_seen_set(struct sock *sk, int level, const void *value, int len)
{
	s64 in[2];
	int err;

	if (len != sizeof(in))
		return -EINVAL;
	memcpy(in, value, sizeof(in));
	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	if (level == SOL_SOCKET && has_stamp(sk)) {
		if (in[1] & ~1LL) {
			err = -EINVAL;
		} else {
			if (in[1])
				sock_enable_timestamp(sk, SOCK_TIMESTAMP);
			sock_write_timestamp(sk, in[0]);
		}
	} else if (level == SOL_IP && sk_is_tcp(sk) && sk_is_inet(sk)) {
		struct inet_sock *inet = inet_sk(sk);

		if (in[0] != (int)in[0] || in[0] < 0 || in[1] & ~0xffffLL) {
			err = -EINVAL;
		} else {
			WRITE_ONCE(inet->mc_index, in[0]);
			WRITE_ONCE(inet->mc_ttl, in[1] & 0xff);
			WRITE_ONCE(inet->rcv_tos, in[1] >> 8);
		}
	} else if (level == SOL_IPV6 && has_v6(sk)) {
#if IS_ENABLED(CONFIG_IPV6)
		struct ipv6_pinfo *np = inet6_sk(sk);

		if (in[0] != (int)in[0] || in[0] < 0 || in[1] & ~0xffffffffffLL) {
			err = -EINVAL;
		} else {
			WRITE_ONCE(np->mcast_oif, in[0]);
			WRITE_ONCE(np->mcast_hops, in[1] & 0xff);
			np->rcv_flowinfo = htonl(in[1] >> 8);
		}
#endif
	} else if (level == SOL_TCP && sk_is_tcp(sk)) {
		if (in[0] != (u32)in[0] || in[1])
			err = -EINVAL;
		else
			atomic_set(&sk->sk_zckey, in[0]);
	} else {
		err = -ENOPROTOOPT;
	}
	release_sock(sk);
	return err;
}
