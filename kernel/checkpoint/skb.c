// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of sockets, of all families: to look at them, and to put them back.
 */
#include <linux/checkpoint_skb.h>
#include <linux/checkpoint_socket.h>
#include <linux/err.h>
#include <linux/mmzone.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <net/sock.h>

/**
 * checkpoint_skb_sock() - get the socket that a message is of
 * @skb: the message
 *
 * Return: the socket, with a reference; NULL if nothing but its messages is
 * left of it.
 */
struct sock *checkpoint_skb_sock(const struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	return sk && refcount_inc_not_zero(&sk->sk_refcnt) ? sk : NULL;
}

/**
 * checkpoint_skb_put() - give a reference on a message back
 * @skb: the message
 */
void checkpoint_skb_put(struct sk_buff *skb)
{
	consume_skb(skb);
}

/**
 * checkpoint_skb_read() - copy bytes of a message
 * @skb: the message
 * @offset: where they begin
 * @to: where to
 * @len: how many
 *
 * Return: 0; -EFAULT if there are fewer.
 */
int checkpoint_skb_read(const struct sk_buff *skb, unsigned int offset, void *to,
			unsigned int len)
{
	return skb_copy_bits(skb, offset, to, len);
}

/**
 * checkpoint_skb_new() - make a message
 * @head: bytes of headers that are put before it
 * @data: its contents
 * @len: how many bytes that are
 *
 * What is beyond one piece of memory lies in pages.
 *
 * Return: the message, or ERR_PTR(): -ENOMEM if there is no memory.
 */
struct sk_buff *checkpoint_skb_new(unsigned int head, const void *data, unsigned int len)
{
	unsigned int data_len = 0;
	struct sk_buff *skb;
	int err;

	if (len > SKB_MAX_HEAD(head))
		data_len = len - SKB_MAX_HEAD(head);
	skb = alloc_skb_with_frags(head + len - data_len, data_len, PAGE_ALLOC_COSTLY_ORDER, &err,
				   GFP_KERNEL_ACCOUNT);
	if (!skb)
		return ERR_PTR(err == -ENOBUFS ? -ENOMEM : err);
	skb_reserve(skb, head);
	skb_put(skb, len - data_len);
	skb->data_len = data_len;
	skb->len = len;
	err = skb_store_bits(skb, 0, data, len);
	if (err) {
		kfree_skb(skb);
		return ERR_PTR(err);
	}
	return skb;
}

/**
 * checkpoint_skb_queue() - put a message into a queue in which it was before
 * @sk: the socket that has the queue
 * @skb: the message; it is gone for the caller
 * @queue: puts it there, under the lock of the socket
 *
 * There is room for it: the buffer of the socket counts for twice as much as it was
 * set to, as messages that were made anew may take more.
 *
 * Return: 0, or an errno: that of @queue, -EINTR if the caller was killed.
 */
int checkpoint_skb_queue(struct sock *sk, struct sk_buff *skb,
			 int (*queue)(struct sock *sk, struct sk_buff *skb))
{
	int rcvbuf, err;

	err = checkpoint_sock_lock(sk);
	if (err)
		goto out;
	rcvbuf = sk->sk_rcvbuf;
	WRITE_ONCE(sk->sk_rcvbuf, min(rcvbuf, INT_MAX / 4) * 2 + SZ_128K);
	err = queue(sk, skb);
	WRITE_ONCE(sk->sk_rcvbuf, rcvbuf);
	release_sock(sk);
out:
	if (err)
		kfree_skb(skb);
	return err;
}
