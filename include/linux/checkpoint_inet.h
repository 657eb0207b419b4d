/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: sockets of IPv4 and IPv6.
 */
#ifndef _LINUX_CHECKPOINT_INET_H
#define _LINUX_CHECKPOINT_INET_H

#include <linux/checkpoint_socket.h>
#include <linux/types.h>

struct file;
struct sk_buff;
struct sock;

/* Of net/ipv6/ip6mr.c. */
bool checkpoint_ip6mr_routes(const struct sock *sk);

/* checkpoint_inet::special: what an IPv4 or IPv6 socket has that is not in that. */
#define CHECKPOINT_INET_IP_OPTIONS	0x001	/* IP_OPTIONS of TCP, or a label. */
#define CHECKPOINT_INET_STICKY		0x002	/* IPV6_HOPOPTS, IPV6_PKTINFO of TCP; too long. */
#define CHECKPOINT_INET_MEMBER		0x004	/* IP_ADD_MEMBERSHIP and others, anycast. */
#define CHECKPOINT_INET_FLOW_LABEL	0x008	/* IPV6_FLOWLABEL_MGR. */
#define CHECKPOINT_INET_PATH_MTU	0x020	/* A message of IPV6_RECVPATHMTU. */
#define CHECKPOINT_INET_POLICY		0x040	/* IP_XFRM_POLICY. */
#define CHECKPOINT_INET_FLIGHT		0x080	/* MSG_ZEROCOPY of which it was not told. */
#define CHECKPOINT_INET_ENCAP		0x100	/* UDP_ENCAP. */
#define CHECKPOINT_INET_CORKED		0x200	/* Part of a datagram to be sent. */
#define CHECKPOINT_INET_ROUTES		0x400	/* MRT_INIT, MRT6_INIT. */
#define CHECKPOINT_INET_ALERT		0x800	/* IPV6_ROUTER_ALERT. */
#define CHECKPOINT_INET_ROUTE_TABLE	0x1000	/* MRT_TABLE, MRT6_TABLE. */

/* checkpoint_inet::state: TCP_ESTABLISHED */
#define CHECKPOINT_INET_CONNECTED	1

/**
 * struct checkpoint_inet - what an IPv4 or IPv6 socket is
 * @addr: the address at which it receives, in network order; four bytes of IPv4
 * @peer: the address that it is connected to
 * @port: its port; the protocol of a raw socket
 * @peer_port: that of its peer
 * @device: the device that it is bound to
 * @flow: traffic class and flow label that it sends with
 * @state: TCP_*
 * @locks: SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK, SOCK_CONNECT_BIND
 * @shutdown: CHECKPOINT_SHUT_*
 * @err: what SO_ERROR tells
 * @stamp_key: how many time stamps it has numbered (SOF_TIMESTAMPING_OPT_ID)
 * @zerocopy_key: the same of MSG_ZEROCOPY
 * @special: CHECKPOINT_INET_*
 * @v6only: it has IPV6_V6ONLY, or an address that is of IPv6 only
 */
struct checkpoint_inet {
	u8 addr[16];
	u8 peer[16];
	u16 port;
	u16 peer_port;
	u32 device;
	u32 flow;
	u32 state;
	u32 locks;
	u32 shutdown;
	s32 err;
	u32 stamp_key;
	u32 zerocopy_key;
	u32 special;
	bool v6only;
};

/* The longest datagram. */
#define CHECKPOINT_INET_MESSAGE		65535

/**
 * struct checkpoint_inet_message - a datagram in the queue of a socket
 * @from: who has sent it, in network order; four bytes of IPv4
 * @to: whom it was sent to
 * @spec_dst: of IPv4 the address of its receiver, as IP_PKTINFO tells it
 * @from_port: the port of who has sent it
 * @to_port: the port that it was sent to
 * @device: the device that it came from
 * @flow: traffic class and flow label; of IPv4 its type of service
 * @ttl: how many hops it had left
 * @frag_size: size of its largest fragment; 0: it came in one
 * @gso_size: of several that were put together how long each is; 0: it is one
 * @mark: as of SO_RCVMARK
 * @priority: as of SO_RCVPRIORITY
 * @time: when it was received, in nanoseconds since 1970; 0: that was not noted
 * @len: bytes of its contents
 * @v6: it is one of IPv6
 */
struct checkpoint_inet_message {
	u8 from[16];
	u8 to[16];
	u8 spec_dst[4];
	u16 from_port;
	u16 to_port;
	s32 device;
	u32 flow;
	u32 ttl;
	u32 frag_size;
	u32 gso_size;
	u32 mark;
	u32 priority;
	s64 time;
	u32 len;
	bool v6;
};

/* Of kernel/checkpoint/inet.c. */
void checkpoint_inet_get(struct sock *sk, struct checkpoint_inet *state);
int checkpoint_inet_bind(struct file *file, const struct checkpoint_inet *state);
int checkpoint_inet_connect(struct file *file, const struct checkpoint_inet *state);
int checkpoint_inet_settle(struct sock *sk, const struct checkpoint_inet *state);

/* Of kernel/checkpoint/inet_queue.c. */
unsigned int checkpoint_inet_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max);
int checkpoint_inet_message(struct sock *sk, const struct sk_buff *skb,
			    struct checkpoint_inet_message *message);
int checkpoint_inet_send(struct sock *sk, const struct checkpoint_inet_message *message,
			 const void *data);

/* Bytes of the longest that checkpoint_inet_header() reads. */
#define CHECKPOINT_INET_HEADER_MAX	2040

/* Of kernel/checkpoint/inet_option.c. */
int checkpoint_inet_option(struct sock *sk, int level, int name, void *value, int *len);
int checkpoint_inet_header(struct sock *sk, int level, int name, void *value, unsigned int max);

/* checkpoint_inet_member::kind */
#define CHECKPOINT_MEMBER_EXCLUDE	0	/* It hears all sources but those that it names. */
#define CHECKPOINT_MEMBER_EMPTIED	1	/* It hears all, and has named some before; IPv4. */
#define CHECKPOINT_MEMBER_INCLUDE	2	/* It hears only those that it names. */
#define CHECKPOINT_MEMBER_ANYCAST	3	/* It is no membership, but an anycast address. */

/**
 * struct checkpoint_inet_member - a membership of an IPv4 or IPv6 socket
 * @group: the address of the group, in network order; four bytes of IPv4
 * @local: the address of the device by which the group was joined, of IPv4
 * @kind: CHECKPOINT_MEMBER_*
 * @device: number of the device
 * @sources: how many sources it names
 * @v6: it is one of IPv6
 * @gone: there is no such device any more, or it does not know the protocol
 */
struct checkpoint_inet_member {
	u8 group[16];
	u8 local[4];
	u32 kind;
	s32 device;
	u32 sources;
	bool v6;
	bool gone;
};

/**
 * struct checkpoint_inet_members - room for the memberships of a socket
 * @members: the memberships
 * @sources: the addresses of all their sources, in network order
 * @max: how many @members there is room for
 * @len: how many there are
 * @sources_max: the same of @sources
 * @sources_len: the same of these
 */
struct checkpoint_inet_members {
	struct checkpoint_inet_member *members;
	u8 (*sources)[16];
	unsigned int max;
	unsigned int len;
	unsigned int sources_max;
	unsigned int sources_len;
};

/* The longest message of an error queue. */
#define CHECKPOINT_ERROR_MAX		(128 * 1024)
/* The longest of SCM_TIMESTAMPING_OPT_STATS: tcp_opt_stats_get_size() is less. */
#define CHECKPOINT_ERROR_STATS_MAX	1024
/* Where the header with the ports is at most: behind addresses, its place has 16 bits. */
#define CHECKPOINT_ERROR_TRANSPORT_MAX	0xff00

/**
 * struct checkpoint_sock_error - what is in an error queue
 * @from: who has sent it, in network order; four bytes of IPv4
 * @to: whom that was sent to
 * @about: where what was sent went to that it is about
 * @spec_dst: of IPv4, as IP_PKTINFO tells it
 * @port: the port of @about
 * @origin: SO_EE_ORIGIN_*
 * @type: as of struct sock_extended_err
 * @code: likewise
 * @err: likewise
 * @info: likewise
 * @data: likewise
 * @device: the device that it came from; 0: that is not told
 * @flow: traffic class and flow label; of IPv4 its type of service
 * @about_flow: the same of what it is about, of IPv6
 * @ttl: how many hops it had left
 * @frag_size: size of its largest fragment; 0: it came in one
 * @transport: where in its contents the header with the ports is
 * @time: when it came or what it is about was sent, in nanoseconds since 1970
 * @device_time: the same by the clock of the device
 * @len: bytes of its contents
 * @v6: it is one of IPv6
 * @opt_stats: its contents are those of SCM_TIMESTAMPING_OPT_STATS
 */
struct checkpoint_sock_error {
	u8 from[16];
	u8 to[16];
	u8 about[16];
	u8 spec_dst[4];
	u16 port;
	u8 origin;
	u8 type;
	u8 code;
	s32 err;
	u32 info;
	u32 data;
	s32 device;
	u32 flow;
	u32 about_flow;
	u32 ttl;
	u32 frag_size;
	u32 transport;
	s64 time;
	s64 device_time;
	u32 len;
	bool v6;
	bool opt_stats;
};

/* Of kernel/checkpoint/errqueue.c. */
unsigned int checkpoint_errors_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max);
int checkpoint_error_get(struct sock *sk, const struct sk_buff *skb,
			 struct checkpoint_sock_error *error);
int checkpoint_error_put(struct sock *sk, const struct checkpoint_sock_error *error,
			 const void *data);

/* Of kernel/checkpoint/members.c. */
int checkpoint_inet_members(struct sock *sk, struct checkpoint_inet_members *all);
int checkpoint_inet_join(struct file *file, const struct checkpoint_inet_member *member,
			 const u8 sources[][16]);

#endif /* _LINUX_CHECKPOINT_INET_H */
