/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP connections that are held while they are saved or made.
 *
 * What arrives at one is dropped before it is looked at, so that it is neither
 * acknowledged nor answered; its timers do nothing, and nothing new is sent. The
 * other end sends again, as if the network had lost it. kernel/checkpoint/tcp_hold.c.
 */
#ifndef _LINUX_CHECKPOINT_TCP_H
#define _LINUX_CHECKPOINT_TCP_H

#include <linux/bitops.h>
#include <linux/jump_label.h>
#include <net/inet_sock.h>

struct sk_buff;
struct sock;

#ifdef CONFIG_CHECKPOINT

/* Bit of inet_sock::inet_flags, beyond those that net/inet_sock.h has. */
#define CHECKPOINT_INET_HELD	(BITS_PER_LONG - 1)
/* Likewise: it is held, and the other end is not told when it is closed. */
#define CHECKPOINT_INET_BURIED	(BITS_PER_LONG - 2)

/* Something is held, or was so within the last minute. */
DECLARE_STATIC_KEY_FALSE(checkpoint_tcp_holds);

bool __checkpoint_tcp_is_silent(const struct sock *sk, const struct sk_buff *skb);

/**
 * checkpoint_tcp_held() - tell whether a TCP socket is held
 * @sk: the socket, which is a full one
 */
static inline bool checkpoint_tcp_held(const struct sock *sk)
{
	return static_branch_unlikely(&checkpoint_tcp_holds) &&
	       test_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags);
}

/**
 * checkpoint_tcp_buried() - tell whether a TCP socket ends without a segment
 * @sk: the socket, which is a full one
 *
 * Its tasks were saved and killed, and may come back with it.
 */
static inline bool checkpoint_tcp_buried(const struct sock *sk)
{
	return static_branch_unlikely(&checkpoint_tcp_holds) &&
	       test_bit(CHECKPOINT_INET_BURIED, &inet_sk(sk)->inet_flags);
}

/**
 * checkpoint_tcp_accepted() - let a new connection go on whose listener is held
 * @sk: the new one, which was cloned
 *
 * Nobody would let go of it.
 */
static inline void checkpoint_tcp_accepted(struct sock *sk)
{
	if (checkpoint_tcp_held(sk)) {
		clear_bit(CHECKPOINT_INET_BURIED, &inet_sk(sk)->inet_flags);
		clear_bit(CHECKPOINT_INET_HELD, &inet_sk(sk)->inet_flags);
	}
}

/**
 * checkpoint_tcp_is_silent() - tell whether a segment is not to be answered by a reset
 * @sk: the socket that it has come to, or NULL
 * @skb: the segment
 *
 * It is of a connection of tasks that were saved and killed, which may come back.
 */
static inline bool checkpoint_tcp_is_silent(const struct sock *sk, const struct sk_buff *skb)
{
	return static_branch_unlikely(&checkpoint_tcp_holds) &&
	       __checkpoint_tcp_is_silent(sk, skb);
}

#else /* !CONFIG_CHECKPOINT */

static inline bool checkpoint_tcp_held(const struct sock *sk)
{
	return false;
}

static inline bool checkpoint_tcp_buried(const struct sock *sk)
{
	return false;
}

static inline void checkpoint_tcp_accepted(struct sock *sk)
{
}

static inline bool checkpoint_tcp_is_silent(const struct sock *sk, const struct sk_buff *skb)
{
	return false;
}

#endif /* CONFIG_CHECKPOINT */

#endif /* _LINUX_CHECKPOINT_TCP_H */
