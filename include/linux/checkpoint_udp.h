/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: datagrams that UDP sockets have begun.
 */
#ifndef _LINUX_CHECKPOINT_UDP_H
#define _LINUX_CHECKPOINT_UDP_H

#include <linux/types.h>

struct sock;

/**
 * struct checkpoint_udp_cork - a datagram of UDP that is not complete
 * @to: where it goes to; of IPv4 four bytes
 * @from: the address that it comes from
 * @device: number of the device by which it is sent; 0: that is not fixed
 * @flow: its flow label, of IPv6
 * @mark: SO_MARK of it
 * @priority: SO_PRIORITY of it
 * @len: its bytes
 * @ttl: its hops; 0: as the socket and the route have it
 * @tos: its traffic class; -1: as the socket has it
 * @to_port: the port that it goes to
 * @gso_size: bytes of each part in which it is sent; 0: in one
 * @v6: it is one of IPv6
 * @dontfrag: it is not to be cut into fragments, of IPv6
 */
struct checkpoint_udp_cork {
	u8 to[16];
	u8 from[16];
	s32 device;
	u32 flow;
	u32 mark;
	u32 priority;
	u32 len;
	s16 ttl;
	s16 tos;
	u16 to_port;
	u16 gso_size;
	bool v6;
	bool dontfrag;
};

/* Of kernel/checkpoint/udp_cork.c. */
ssize_t checkpoint_udp_cork_get(struct sock *sk, struct checkpoint_udp_cork *cork, void *to,
				size_t room);
int checkpoint_udp_cork_put(struct sock *sk, const struct checkpoint_udp_cork *cork,
			    const void *data);

#endif /* _LINUX_CHECKPOINT_UDP_H */
