// SPDX-License-Identifier: GPL-2.0
/*
 * What a TCP socket has sent without a copy (MSG_ZEROCOPY), and is to be told of.
 * Its queues are copied into an image: so that is told there as having been copied.
 */
#include <linux/checkpoint_tcp_sock.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

struct due {
	struct checkpoint_tcp_due *to;
	unsigned int max, n;
	/* What is charged for these. */
	unsigned int charged;
	const struct ubuf_info *last;
};

/* Takes the calls of which @skb has bytes. Those of one notification follow each other. */
static void take_due(struct due *due, struct sk_buff *skb)
{
	struct ubuf_info *ubuf = skb_zcopy(skb);
	const struct ubuf_info_msgzc *uarg;

	if (!ubuf || ubuf == due->last || ubuf->ops != &msg_zerocopy_ubuf_ops)
		return;
	due->last = ubuf;
	uarg = uarg_to_msgzc(ubuf);
	due->charged += container_of((void *)uarg, struct sk_buff, cb)->truesize;
	if (!uarg->len)
		return;
	if (due->n < due->max) {
		due->to[due->n].first = uarg->id;
		due->to[due->n].last = uarg->id + uarg->len - 1;
	}
	due->n++;
}

/* What it is charged for more than that: a device has something still, or it is of others. */
static unsigned int more(struct sock *sk, unsigned int due)
{
	struct sk_buff_head *queue = &sk->sk_error_queue;
	const struct sk_filter *filter;
	unsigned int known = due, charged;
	unsigned long flags;
	struct sk_buff *skb;

	/* As sk_filter_charge(). */
	rcu_read_lock();
	filter = rcu_dereference(sk->sk_filter);
	if (filter)
		known += bpf_prog_size(filter->prog->len);
	rcu_read_unlock();
	spin_lock_irqsave(&queue->lock, flags);
	/* Notifications stay charged there, but for those of a restart. */
	skb_queue_walk(queue, skb) {
		if (SKB_EXT_ERR(skb)->ee.ee_origin == SO_EE_ORIGIN_ZEROCOPY &&
		    skb->destructor != sock_rmem_free)
			known += skb->truesize;
	}
	charged = atomic_read(&sk->sk_omem_alloc);
	spin_unlock_irqrestore(&queue->lock, flags);
	return charged > known ? charged - known : 0;
}

/* Whether something else may be charged to the same account: options, keys, what programs keep. */
static bool has_others(struct sock *sk)
{
	const struct tcp_sock __maybe_unused *tp = tcp_sk(sk);
	bool others = rcu_access_pointer(inet_sk(sk)->inet_opt);

#ifdef CONFIG_BPF_SYSCALL
	others |= !!rcu_access_pointer(sk->sk_bpf_storage);
#endif
#ifdef CONFIG_TCP_MD5SIG
	others |= !!rcu_access_pointer(tp->md5sig_info);
#endif
#ifdef CONFIG_TCP_AO
	others |= !!rcu_access_pointer(tp->ao_info);
#endif
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && inet6_sk(sk))
		others |= rcu_access_pointer(inet6_sk(sk)->opt) ||
			  rcu_access_pointer(inet_sk(sk)->ipv6_fl_list);
#endif
	return others;
}

/**
 * checkpoint_tcp_due() - tell which calls a TCP socket is to be told of
 * @sk: the socket
 * @to: where to; in the order of their bytes
 * @max: how many there is room for
 *
 * Return: how many there are, which may be more; -EBUSY: a device has bytes of others
 * still; -EOPNOTSUPP: it may have, which what else the socket has does not let be known;
 * -EINTR: the caller was killed.
 */
int checkpoint_tcp_due(struct sock *sk, struct checkpoint_tcp_due *to, unsigned int max)
{
	struct due due = { .to = to, .max = max };
	struct sk_buff *skb;
	int err;

	if (!atomic_read(&sk->sk_zckey))
		return 0;
	err = checkpoint_tcp_lock(sk, NULL);
	if (err)
		return err;
	/* Of one that listens this has another meaning. */
	if (sk->sk_state != TCP_LISTEN) {
		skb_rbtree_walk(skb, &sk->tcp_rtx_queue)
			take_due(&due, skb);
		skb_queue_walk(&sk->sk_write_queue, skb)
			take_due(&due, skb);
	}
	if (more(sk, due.charged))
		err = has_others(sk) ? -EOPNOTSUPP : -EBUSY;
	checkpoint_tcp_unlock(sk);
	return err ?: min_t(unsigned int, due.n, INT_MAX);
}
