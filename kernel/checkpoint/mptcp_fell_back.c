// SPDX-License-Identifier: GPL-2.0
/*
 * Multipath TCP: connections that have fallen back to TCP, as their other end speaks
 * nothing else. On the wire they are TCP: their one subflow is the connection. What it
 * has received, and what it is still to send, is in the socket of Multipath TCP in part.
 */
#include <linux/checkpoint_mptcp.h>
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/inet_connection_sock.h>
#include <net/mptcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

#ifdef CONFIG_MPTCP
#include "../../net/mptcp/protocol.h"

/* The connection whose subflow @sk is, which is locked; NULL: it is none. */
static struct sock *checkpoint_mptcp_of(const struct sock *sk)
{
	const struct mptcp_subflow_context *subflow;

	/*
	 * What it has of that goes under the lock, with the operations: tcp_cleanup_ulp(). One
	 * that was closed has nothing there any more.
	 */
	if (!sk_is_mptcp(sk) || !inet_csk(sk)->icsk_ulp_ops || sock_flag(sk, SOCK_DEAD))
		return NULL;
	subflow = mptcp_subflow_ctx(sk);
	return subflow->conn;
}

/**
 * checkpoint_mptcp_is_tcp() - tell whether a connection of Multipath TCP is one of TCP
 * @sk: the socket, locked
 *
 * It has fallen back when it was made: one that was of Multipath TCP before has two
 * spaces of numbers still.
 */
bool checkpoint_mptcp_is_tcp(const struct sock *sk)
{
	const struct mptcp_sock *msk = mptcp_sk(sk);
	const struct sock *first = msk->first;
	const struct mptcp_subflow_context *subflow;

	if (!first || !sk_is_mptcp(first) || !__mptcp_check_fallback(msk) ||
	    !list_is_singular(&msk->conn_list) || !RB_EMPTY_ROOT(&msk->out_of_order_queue))
		return false;
	subflow = mptcp_subflow_ctx(first);
	return subflow && !subflow->mp_capable && !subflow->mp_join;
}

/**
 * checkpoint_mptcp_first() - get the subflow of a connection that has fallen back to TCP, or
 *	that of a socket that listens
 * @sk: the socket of Multipath TCP, which a file shows
 *
 * Return: it, with a reference; NULL: the socket is none such any more, or somebody else
 * has its lock.
 */
struct sock *checkpoint_mptcp_first(struct sock *sk)
{
	struct sock *first = NULL;

	if (sk->sk_type != SOCK_STREAM || sk->sk_protocol != IPPROTO_MPTCP ||
	    !checkpoint_mptcp_spin_soon(sk))
		return NULL;
	if (sk->sk_state == TCP_LISTEN ? !!mptcp_sk(sk)->first :
	    sk->sk_state != TCP_CLOSE && checkpoint_mptcp_is_tcp(sk)) {
		first = mptcp_sk(sk)->first;
		sock_hold(first);
	}
	checkpoint_mptcp_unspin(sk);
	return first;
}

/**
 * checkpoint_mptcp_trylock() - lock the connection of Multipath TCP whose subflow a socket is
 * @sk: the socket, of checkpoint_tcp_trylock()
 * @of: where to put the connection, on which that has a reference; NULL: it is no subflow, or
 *	one that nobody has
 * @subclass: of the lock
 *
 * With its spinlock: nobody else owns it, so that nothing of it changes. Who has owned it does,
 * when that ends, what was put off meanwhile, and waits for the lock of the subflow, which a task
 * outside may hold in the midst of a page fault. Nothing may sleep until checkpoint_mptcp_unlock().
 *
 * Return: false: somebody else has it locked.
 */
bool checkpoint_mptcp_trylock(struct sock *sk, struct sock **of, int subclass)
{
	struct sock *found = checkpoint_mptcp_of(sk);

	*of = NULL;
	if (!found || !sock_owned_by_user_nocheck(sk))
		return true;
	local_bh_disable();
	spin_lock_nested(&found->sk_lock.slock, subclass);
	if (sock_owned_by_user_nocheck(found)) {
		spin_unlock_bh(&found->sk_lock.slock);
		return false;
	}
	*of = found;
	return true;
}

/**
 * checkpoint_mptcp_unlock() - take back what checkpoint_mptcp_trylock() has done
 * @of: the connection, or NULL; its subflow is locked still
 */
void checkpoint_mptcp_unlock(struct sock *of)
{
	if (!of)
		return;
	spin_unlock_bh(&of->sk_lock.slock);
}

/**
 * checkpoint_mptcp_received() - take what was received and has left the subflow
 * @of: the connection, locked
 * @sk: its subflow, locked
 * @bytes: where to put it: what is in the queue of @sk comes after that
 *
 * Return: 0, or -EOPNOTSUPP if bytes are in the memory of a device.
 */
int checkpoint_mptcp_received(struct sock *of, const struct sock *sk,
			      struct checkpoint_tcp_bytes *bytes)
{
	const struct sk_buff *skb;
	int err;

	skb_queue_walk(&of->sk_receive_queue, skb) {
		err = checkpoint_tcp_take_from(skb, MPTCP_SKB_CB(skb)->offset, bytes);
		if (err)
			return err;
	}
	/* What comes to the subflow waits for its lock. */
	list_for_each_entry(skb, &mptcp_sk(of)->backlog_list, list) {
		if (skb->sk != sk)
			continue;
		err = checkpoint_tcp_take_from(skb, MPTCP_SKB_CB(skb)->offset, bytes);
		if (err)
			return err;
	}
	return 0;
}

/**
 * checkpoint_mptcp_unsent() - take what is to be sent and was not given to the subflow
 * @of: the connection, locked
 * @bytes: where to put it: it comes after what is in the queues of the subflow
 */
void checkpoint_mptcp_unsent(const struct sock *of, struct checkpoint_tcp_bytes *bytes)
{
	const struct mptcp_sock *msk = mptcp_sk(of);
	const struct mptcp_data_frag *frag = mptcp_send_head(of);

	if (!frag)
		return;
	list_for_each_entry_from(frag, &msk->rtx_queue, list) {
		size_t len = frag->data_len - frag->already_sent;

		/* skb_page_frag_refill() takes them where the kernel has them mapped. */
		if (bytes->len + len <= bytes->room)
			memcpy(bytes->to + bytes->len, page_address(frag->page) + frag->offset +
						       frag->already_sent, len);
		bytes->len += len;
	}
}

/**
 * checkpoint_mptcp_is_shut() - tell whether it is shut down for writing, and its subflow not yet
 * @of: the connection, locked
 * @sk: its subflow, locked
 */
bool checkpoint_mptcp_is_shut(const struct sock *of, const struct sock *sk)
{
	return (of->sk_shutdown & SEND_SHUTDOWN) && !(sk->sk_shutdown & SEND_SHUTDOWN);
}

#else /* !CONFIG_MPTCP: there are none. */

bool checkpoint_mptcp_is_tcp(const struct sock *sk)
{
	return false;
}

struct sock *checkpoint_mptcp_first(struct sock *sk)
{
	return NULL;
}

bool checkpoint_mptcp_trylock(struct sock *sk, struct sock **of, int subclass)
{
	*of = NULL;
	return true;
}

void checkpoint_mptcp_unlock(struct sock *of)
{
}

int checkpoint_mptcp_received(struct sock *of, const struct sock *sk,
			      struct checkpoint_tcp_bytes *bytes)
{
	return 0;
}

void checkpoint_mptcp_unsent(const struct sock *of, struct checkpoint_tcp_bytes *bytes)
{
}

bool checkpoint_mptcp_is_shut(const struct sock *of, const struct sock *sk)
{
	return false;
}
#endif
