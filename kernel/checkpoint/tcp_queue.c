// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: what is put into the queues of a socket, and which of these bytes are urgent.
 */
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/minmax.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/tcp.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/**
 * checkpoint_tcp_send() - send over a connection, as send(2)
 * @sk: the socket
 * @data: the bytes
 * @len: how many
 * @limit: bytes that may be in its queue, besides those that are there and what its
 *	buffer may hold
 *
 * TCP_NOTSENT_LOWAT does not count, as what has been sent already may be to be
 * sent again. Nothing waits, neither the caller nor, for more to come, what is sent.
 *
 * Return: 0, or an errno: -ENOMEM if not all of it was taken: there is room.
 */
int checkpoint_tcp_send(struct sock *sk, const void *data, size_t len, unsigned int limit)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct kvec vec = { .iov_base = (void *)data, .iov_len = len };
	struct tcp_sock *tp = tcp_sk(sk);
	int sndbuf, nonagle, sent, err;
	u32 lowat;

	if (!sk->sk_socket)
		return -EBADF;
	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	sndbuf = sk->sk_sndbuf;
	nonagle = tp->nonagle;
	lowat = tp->notsent_lowat;
	WRITE_ONCE(sk->sk_sndbuf,
		   (int)min_t(u64, (u64)max(sndbuf, sk->sk_wmem_queued) + limit, INT_MAX / 2));
	WRITE_ONCE(tp->notsent_lowat, U32_MAX);
	tp->nonagle = TCP_NAGLE_OFF;
	release_sock(sk);

	sent = kernel_sendmsg(sk->sk_socket, &msg, &vec, 1, len);

	/* A caller that is killed restarts nobody: what its limits are does not count any more. */
	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	WRITE_ONCE(sk->sk_sndbuf, sndbuf);
	WRITE_ONCE(tp->notsent_lowat, lowat);
	tp->nonagle = nonagle;
	release_sock(sk);
	if (sent < 0 && sent != -EAGAIN)
		return sent;
	/* There was room: that less is taken, or nothing, tells of memory only. */
	return sent == len ? 0 : -ENOMEM;
}

/**
 * checkpoint_tcp_room() - tell how much may be in the queues of a connection
 * @sk: who sends
 * @peer: who receives; NULL: somebody who is not there yet
 *
 * Return: bytes.
 */
u64 checkpoint_tcp_room(struct sock *sk, struct sock *peer)
{
	int sndbuf = READ_ONCE(sk->sk_sndbuf);
	/* SO_RCVBUF of that one may be twice the limit. */
	int rcvbuf = peer ? READ_ONCE(peer->sk_rcvbuf) :
			    max(READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_rmem[2]),
				(int)min(READ_ONCE(sysctl_rmem_max), INT_MAX / 2) * 2);

	/* Buffers grow by themselves unless their size was set. */
	if (!(sk->sk_userlocks & SOCK_SNDBUF_LOCK))
		sndbuf = max(sndbuf, READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_wmem[2]));
	if (peer && !(peer->sk_userlocks & SOCK_RCVBUF_LOCK))
		rcvbuf = max(rcvbuf, READ_ONCE(sock_net(peer)->ipv4.sysctl_tcp_rmem[2]));
	return (u64)sndbuf + rcvbuf;
}

/**
 * checkpoint_tcp_queued() - tell how much a socket has received
 * @sk: the socket
 *
 * Return: bytes that were not read.
 */
unsigned int checkpoint_tcp_queued(struct sock *sk)
{
	return READ_ONCE(tcp_sk(sk)->rcv_nxt) - READ_ONCE(tcp_sk(sk)->copied_seq);
}

/**
 * checkpoint_tcp_urgent() - mark the urgent byte of what was received
 * @sk: the socket
 * @mark: how many bytes come before it
 * @read: it was read (MSG_OOB)
 *
 * As when it came, but that nobody gets SIGURG for it again.
 *
 * Return: 0; -EINVAL if so many bytes were not received.
 */
int checkpoint_tcp_urgent(struct sock *sk, unsigned int mark, bool read)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct sk_buff *skb;
	u32 seq;
	u8 byte;
	int err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	err = -EINVAL;
	seq = tp->copied_seq + mark;
	skb_queue_walk(&sk->sk_receive_queue, skb) {
		u32 offset = seq - TCP_SKB_CB(skb)->seq;

		if (before(seq, TCP_SKB_CB(skb)->seq) || offset >= skb->len)
			continue;
		err = skb_copy_bits(skb, offset, &byte, 1);
		if (err)
			break;
		WRITE_ONCE(tp->urg_seq, seq);
		WRITE_ONCE(tp->urg_data, read ? TCP_URG_READ : TCP_URG_VALID | byte);
		tp->pred_flags = 0;
		break;
	}
	release_sock(sk);
	return err;
}

/**
 * checkpoint_tcp_urgent_next() - let one of the bytes that are sent next be urgent
 * @sk: the socket, which is connected
 * @ahead: which: 1 is the next one
 *
 * As with MSG_OOB, but before it is sent: who receives it is told of it with the
 * first of them, as if all had been in the queue.
 *
 * Return: 0, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_urgent_next(struct sock *sk, unsigned int ahead)
{
	struct tcp_sock *tp = tcp_sk(sk);
	int err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	tp->snd_up = tp->write_seq + ahead;
	release_sock(sk);
	return 0;
}

/**
 * checkpoint_tcp_fill() - put bytes into the queue of what was received
 * @sk: the socket, locked
 * @data: the bytes
 * @size: how many
 *
 * Return: 0, or an errno: -ENOMEM if there is no memory for so many.
 */
int checkpoint_tcp_fill(struct sock *sk, const void *data, size_t size)
{
	int rcvbuf = sk->sk_rcvbuf;
	size_t at, len;
	int err = 0;

	/* The buffers that it came in may have been fuller. */
	WRITE_ONCE(sk->sk_rcvbuf, INT_MAX / 2);
	for (at = 0; at < size; at += len) {
		struct kvec vec = { .iov_base = (void *)data + at };
		struct msghdr msg = {};
		int got;

		len = min_t(size_t, size - at, 8 * PAGE_SIZE);
		/* It takes whole pages and what is less than one. */
		vec.iov_len = len;
		iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, len);
		got = tcp_send_rcvq(sk, &msg, len);
		if (got != len) {
			err = got < 0 ? got : -ENOMEM;
			break;
		}
	}
	WRITE_ONCE(sk->sk_rcvbuf, rcvbuf);
	return err;
}
