// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint/restart of netlink sockets.
 */

#include <linux/checkpoint_netlink.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/pid_namespace.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/scm.h>
#include <net/sock.h>

#include "af_netlink.h"

/*
 * The file of @sk, with a reference, or NULL if it was closed.  A reference on
 * @sk alone does not keep its groups and its dump: netlink_release() gives
 * them up without a lock.
 */
static struct file *checkpoint_netlink_file(struct sock *sk)
{
	struct socket *sock;
	struct file *file;

	read_lock_bh(&sk->sk_callback_lock);
	sock = sk->sk_socket;
	file = sock && sock->file ? get_file_active(&sock->file) : NULL;
	read_unlock_bh(&sk->sk_callback_lock);
	return file;
}

/**
 * checkpoint_netlink_get() - read what a netlink socket is
 * @sk: the socket
 * @state: where to; zeros if it was closed
 *
 * Return: 0; -EINTR if the caller was killed.
 */
int checkpoint_netlink_get(struct sock *sk, struct checkpoint_netlink *state)
{
	struct netlink_sock *nlk = nlk_sk(sk);
	struct file *file;
	int err;

	BUILD_BUG_ON(BIT(NETLINK_F_RECV_PKTINFO) != CHECKPOINT_NETLINK_PKTINFO);
	BUILD_BUG_ON(BIT(NETLINK_F_STRICT_CHK) != CHECKPOINT_NETLINK_STRICT_CHK);
	BUILD_BUG_ON(BIT(NETLINK_F_RECV_NO_ENOBUFS) != CHECKPOINT_NETLINK_NO_ENOBUFS);

	memset(state, 0, sizeof(*state));
	file = checkpoint_netlink_file(sk);
	if (!file)
		return 0;
	state->flags = READ_ONCE(nlk->flags) & CHECKPOINT_NETLINK_ALL;
	/* The port is there when this is, see netlink_insert(). */
	if (READ_ONCE(nlk->bound)) {
		smp_rmb(); /* as netlink_insert() has it */
		state->portid = nlk->portid;
	}
	state->connected = READ_ONCE(sk->sk_state) == NETLINK_CONNECTED;
	state->dst_portid = READ_ONCE(nlk->dst_portid);
	state->dst_group = READ_ONCE(nlk->dst_group);
	state->err = READ_ONCE(sk->sk_err);

	err = mutex_lock_killable(&nlk->nl_cb_mutex);
	if (!err) {
		state->dump = nlk->cb_running;
		if (state->dump)
			state->dump_seq = nlk->cb.nlh->nlmsg_seq;
		mutex_unlock(&nlk->nl_cb_mutex);
	}
	fput(file);
	return err;
}

/**
 * checkpoint_netlink_groups() - read the groups that a netlink socket is in
 * @sk: the socket
 * @groups: where to
 * @max: how many there is room for
 *
 * Return: how many there are, which may be more; none if it was closed.
 */
unsigned int checkpoint_netlink_groups(struct sock *sk, u32 *groups, unsigned int max)
{
	struct netlink_sock *nlk = nlk_sk(sk);
	unsigned int i, n = 0;
	struct file *file;

	file = checkpoint_netlink_file(sk);
	if (!file)
		return 0;
	netlink_lock_table();
	for (i = 0; i < nlk->ngroups; i++) {
		if (!test_bit(i, nlk->groups))
			continue;
		if (n < max)
			groups[n] = i + 1;
		n++;
	}
	netlink_unlock_table();
	fput(file);
	return n;
}

/**
 * checkpoint_netlink_queue() - take what is in the queue of a netlink socket
 * @sk: the socket
 * @skbs: where to; the caller gets a reference on each
 * @max: how many there is room for
 *
 * What is queued stays so.
 *
 * Return: how many there are, which may be more.
 */
unsigned int checkpoint_netlink_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max)
{
	unsigned int n = 0;
	struct sk_buff *skb;
	unsigned long flags;

	spin_lock_irqsave(&sk->sk_receive_queue.lock, flags);
	skb_queue_walk(&sk->sk_receive_queue, skb) {
		if (n < max)
			skbs[n] = skb_get(skb);
		n++;
	}
	spin_unlock_irqrestore(&sk->sk_receive_queue.lock, flags);
	return n;
}

/**
 * checkpoint_netlink_message() - read what a message of a netlink socket is
 * @skb: the message
 * @message: where to
 *
 * Return: 0; -EOPNOTSUPP if compat tasks receive another one.
 */
int checkpoint_netlink_message(const struct sk_buff *skb,
			       struct checkpoint_netlink_message *message)
{
	const struct netlink_skb_parms *params = &NETLINK_CB(skb);

	memset(message, 0, sizeof(*message));
	message->portid = params->portid;
	message->dst_group = params->dst_group;
	message->pid = params->creds.pid;
	message->uid = params->creds.uid;
	message->gid = params->creds.gid;
	message->nsid_is_set = params->nsid_is_set;
	message->nsid = params->nsid_is_set ? params->nsid : 0;
	message->len = skb->len;
	return skb_has_frag_list(skb) ? -EOPNOTSUPP : 0;
}

/* Puts a message into the queue of a socket that nobody receives from yet. */
static int checkpoint_netlink_deliver(struct sock *sk, struct sk_buff *skb)
{
	unsigned int rmem, limit = 2 * min_t(u32, READ_ONCE(sysctl_rmem_max), INT_MAX / 2);

	limit = max_t(unsigned int, limit, READ_ONCE(sk->sk_rcvbuf));
	rmem = atomic_add_return(skb->truesize, &sk->sk_rmem_alloc);
	if (rmem > limit && !capable(CAP_NET_ADMIN)) {
		atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
		kfree_skb(skb);
		return -ENOBUFS;
	}
	netlink_skb_set_owner_r(skb, sk);
	skb_queue_tail(&sk->sk_receive_queue, skb);
	return 0;
}

/* Whether the caller could get a message of that sender to a socket of this kind. */
static bool checkpoint_netlink_may_send(struct sock *sk,
					const struct checkpoint_netlink_message *message)
{
	struct user_namespace *user_ns = sock_net(sk)->user_ns;

	/*
	 * Who may do all to a network namespace has its messages sent, and may
	 * send uevents in the kernel's name: uevent_net_rcv_skb().
	 */
	if (!message->portid)
		return ns_capable(user_ns, CAP_NET_ADMIN) && ns_capable(user_ns, CAP_SYS_ADMIN);
	if (!(nl_table[sk->sk_protocol].flags & NL_CFG_F_NONROOT_SEND) &&
	    !ns_capable(user_ns, CAP_NET_ADMIN))
		return false;
	/* As scm_check_creds(), with which the ids are checked already. */
	return message->pid == task_tgid_vnr(current) ||
	       ns_capable(task_active_pid_ns(current)->user_ns, CAP_SYS_ADMIN);
}

/**
 * checkpoint_netlink_send() - put a message into the queue of a netlink socket
 * @sk: the socket
 * @message: what it is; a sender with port 0 is the kernel, whose ids are not
 *	looked at
 * @data: its @message->len bytes
 *
 * Nothing filters it, and nobody waits. That the caller may tell the ids is the
 * caller's to ask.
 *
 * Return: 0, or an errno: -EPERM if the caller can't have such a message sent;
 * -ENOBUFS if there is no room for it.
 */
int checkpoint_netlink_send(struct sock *sk, const struct checkpoint_netlink_message *message,
			    const void *data)
{
	struct netlink_skb_parms *params;
	struct sk_buff *skb;

	if (!message->len)
		return -EINVAL;
	if (!checkpoint_netlink_may_send(sk, message))
		return -EPERM;
	skb = netlink_alloc_large_skb(message->len, 0);
	if (!skb)
		return -ENOMEM;
	skb_put_data(skb, data, message->len);
	params = &NETLINK_CB(skb);
	memset(params, 0, sizeof(*params));
	params->portid = message->portid;
	params->dst_group = message->dst_group;
	params->nsid_is_set = message->nsid_is_set;
	params->nsid = message->nsid;
	if (message->portid) {
		params->creds.pid = message->pid;
		params->creds.uid = message->uid;
		params->creds.gid = message->gid;
	} else if (sk->sk_protocol == NETLINK_KOBJECT_UEVENT) {
		/* As uevent_net_broadcast_tagged(). */
		kuid_t uid = make_kuid(sock_net(sk)->user_ns, 0);
		kgid_t gid = make_kgid(sock_net(sk)->user_ns, 0);

		if (uid_valid(uid))
			params->creds.uid = uid;
		if (gid_valid(gid))
			params->creds.gid = gid;
	}
	return checkpoint_netlink_deliver(sk, skb);
}

/**
 * checkpoint_netlink_interrupt() - end a dump that a netlink socket has begun
 * @sk: the socket
 * @seq: sequence number of the request
 * @portid: its port
 *
 * It ends with -EINTR, and is marked as one that was interrupted.
 *
 * Return: 0, or an errno.
 */
int checkpoint_netlink_interrupt(struct sock *sk, u32 seq, u32 portid)
{
	int err = -EINTR;
	struct nlmsghdr *nlh;
	struct sk_buff *skb;

	skb = nlmsg_new(sizeof(err), GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	nlh = nlmsg_put(skb, portid, seq, NLMSG_DONE, sizeof(err), NLM_F_MULTI | NLM_F_DUMP_INTR);
	if (!nlh) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	memcpy(nlmsg_data(nlh), &err, sizeof(err));
	memset(&NETLINK_CB(skb), 0, sizeof(NETLINK_CB(skb)));
	return checkpoint_netlink_deliver(sk, skb);
}

/* Sets options, binds, connects and joins groups as the system calls do. */
static int checkpoint_netlink_settle(struct socket *sock, const struct checkpoint_netlink *state,
				     const u32 *groups, unsigned int count)
{
	static const int options[] = {
		[NETLINK_F_RECV_PKTINFO] = NETLINK_PKTINFO,
		[NETLINK_F_BROADCAST_SEND_ERROR] = NETLINK_BROADCAST_ERROR,
		[NETLINK_F_RECV_NO_ENOBUFS] = NETLINK_NO_ENOBUFS,
		[NETLINK_F_LISTEN_ALL_NSID] = NETLINK_LISTEN_ALL_NSID,
		[NETLINK_F_CAP_ACK] = NETLINK_CAP_ACK,
		[NETLINK_F_EXT_ACK] = NETLINK_EXT_ACK,
		[NETLINK_F_STRICT_CHK] = NETLINK_GET_STRICT_CHK,
	};
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	unsigned int i;
	int one = 1;
	int err;

	for (i = NETLINK_F_RECV_PKTINFO; i < ARRAY_SIZE(options); i++) {
		if (!(state->flags & BIT(i)))
			continue;
		err = do_sock_setsockopt(sock, false, SOL_NETLINK, options[i],
					 KERNEL_SOCKPTR(&one), sizeof(one));
		if (err)
			return err;
	}
	if (state->portid) {
		addr.nl_pid = state->portid;
		err = security_socket_bind(sock, (struct sockaddr *)&addr, sizeof(addr));
		if (!err)
			err = netlink_bind(sock, (struct sockaddr_unsized *)&addr, sizeof(addr));
		if (err)
			return err;
	}
	if (state->connected) {
		addr.nl_pid = state->dst_portid;
		addr.nl_groups = netlink_group_mask(state->dst_group);
		err = security_socket_connect(sock, (struct sockaddr *)&addr, sizeof(addr));
		if (!err)
			err = netlink_connect(sock, (struct sockaddr_unsized *)&addr,
					      sizeof(addr), 0);
		if (err)
			return err;
	}
	for (i = 0; i < count; i++) {
		u32 group = groups[i];

		err = do_sock_setsockopt(sock, false, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
					 KERNEL_SOCKPTR(&group), sizeof(group));
		if (err)
			return err;
	}
	return 0;
}

/**
 * checkpoint_netlink_open() - let others find a netlink socket
 * @sk: the socket, which has its messages
 * @state: its options, port, destination and error
 * @groups: the groups that it is in
 * @count: how many
 *
 * As the system calls, with the rights that the caller acts with. A member of a
 * group is told that it has missed events, unless it does not want to know.
 *
 * Return: 0, also if it was closed; or an errno: -EADDRINUSE if another socket
 * has the port.
 */
int checkpoint_netlink_open(struct sock *sk, const struct checkpoint_netlink *state,
			    const u32 *groups, unsigned int count)
{
	struct file *file;
	int err;

	/* With its file it is not closed meanwhile. */
	file = checkpoint_netlink_file(sk);
	if (!file)
		return 0;
	err = checkpoint_netlink_settle(sock_from_file(file), state, groups, count);
	if (!err && (state->err || (count && !nlk_test_bit(RECV_NO_ENOBUFS, sk)))) {
		/* As netlink_set_err(). */
		WRITE_ONCE(sk->sk_err, ENOBUFS);
		sk_error_report(sk);
	}
	fput(file);
	return err;
}
