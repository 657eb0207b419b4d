// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces.
 */
#include <linux/capability.h>
#include <linux/checkpoint_fs.h>
#include <linux/checkpoint_netns.h>
#include <linux/inetdevice.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include "../../net/core/dev.h"

/**
 * checkpoint_netns_get() - take a reference on a network namespace
 * @net: the namespace
 *
 * Return: the namespace.
 */
struct net *checkpoint_netns_get(struct net *net)
{
	return get_net(net);
}

/**
 * checkpoint_netns_put() - give a reference on a network namespace back
 * @net: the namespace
 */
void checkpoint_netns_put(struct net *net)
{
	put_net(net);
}

/**
 * checkpoint_netns_count() - count the references on a network namespace
 * @net: the namespace
 *
 * Each socket of users has one, too.
 *
 * Return: how many there are but for these.
 */
u64 checkpoint_netns_count(struct net *net)
{
	int count = ns_ref_read(net);

#ifdef CONFIG_PROC_FS
	count -= sock_inuse_get(net);
#endif
	return max(count, 0);
}

/**
 * checkpoint_netns_has_others() - tell whether tasks outside are in a network namespace
 * @net: the namespace
 * @ns: a pid namespace: who is not in that is outside
 *
 * Return: whether there is such a task.
 */
bool checkpoint_netns_has_others(const struct net *net, struct pid_namespace *ns)
{
	struct task_struct *p, *t;
	bool found = false;

	rcu_read_lock();
	for_each_process_thread(p, t) {
		if (task_pid_nr_ns(t, ns))
			continue;
		task_lock(t);
		found = t->nsproxy && t->nsproxy->net_ns == net;
		task_unlock(t);
		if (found)
			goto out;
	}
out:
	rcu_read_unlock();
	return found;
}

/**
 * checkpoint_netns_tasks() - count the tasks in a network namespace
 * @net: the namespace
 *
 * Return: how many threads that have not exited are in it; threads of the kernel,
 * and those that work for an io_uring, are none.
 */
u64 checkpoint_netns_tasks(const struct net *net)
{
	struct task_struct *p, *t;
	u64 count = 0;

	rcu_read_lock();
	for_each_process_thread(p, t) {
		if (t->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
			continue;
		task_lock(t);
		count += t->nsproxy && t->nsproxy->net_ns == net;
		task_unlock(t);
	}
	rcu_read_unlock();
	return count;
}

/**
 * checkpoint_netns_common() - get what a network namespace has of all namespaces
 * @net: the namespace
 *
 * Return: that.
 */
struct ns_common *checkpoint_netns_common(struct net *net)
{
	return &net->ns;
}

/**
 * checkpoint_netns_of_common() - get the network namespace that has what all have
 * @ns: that
 *
 * Return: the namespace, without a reference.
 */
struct net *checkpoint_netns_of_common(struct ns_common *ns)
{
	return to_net_ns(ns);
}

/**
 * checkpoint_netns_of_socket() - get the network namespace that a socket is of
 * @sk: the socket
 *
 * Return: the namespace, without a reference.
 */
struct net *checkpoint_netns_of_socket(const struct sock *sk)
{
	return sock_net(sk);
}

/**
 * checkpoint_netns_may_admin() - tell whether the caller may set up a network namespace
 * @net: the namespace
 *
 * Return: true if it has CAP_NET_ADMIN over it.
 */
bool checkpoint_netns_may_admin(const struct net *net)
{
	return ns_capable(net->user_ns, CAP_NET_ADMIN);
}

/**
 * checkpoint_netns_is_initial() - tell whether a network namespace is the first one
 * @net: the namespace
 *
 * Return: true if it is.
 */
bool checkpoint_netns_is_initial(const struct net *net)
{
	return net_eq(net, &init_net);
}

/**
 * checkpoint_netns_like() - make a network namespace for the owner of another one
 * @net: the other one
 *
 * Return: the namespace, with a reference, or an error pointer: -ENOSPC if there
 * are as many as may be.
 */
struct net *checkpoint_netns_like(struct net *net)
{
	return copy_net_ns(CLONE_NEWNET, net->user_ns, net);
}

/**
 * checkpoint_netns_lo_get() - read the state of the loopback device
 * @net: its network namespace
 * @lo: where to
 *
 * Return: 0; -EINTR if the caller was killed.
 */
int checkpoint_netns_lo_get(struct net *net, struct checkpoint_netns_lo *lo)
{
	const struct net_device *dev = net->loopback_dev;
	int err;

	memset(lo, 0, sizeof(*lo));
	err = rtnl_net_lock_killable(net);
	if (err)
		return err;
	lo->up = !!(dev->flags & IFF_UP);
	lo->mtu = dev->mtu;
#ifdef CONFIG_INET
	/* It gets its address when it is switched on first. */
	const struct in_device *in_dev = __in_dev_get_rtnl(dev);

	lo->was_up = !lo->up && in_dev && rcu_access_pointer(in_dev->ifa_list);
#endif
	rtnl_net_unlock(net);
	return 0;
}

/**
 * checkpoint_netns_lo_set() - bring the loopback device of a new namespace to a state
 * @net: its network namespace
 * @lo: the state
 *
 * Return: 0, or an errno: -EPERM if the caller may not set it up.
 */
int checkpoint_netns_lo_set(struct net *net, const struct checkpoint_netns_lo *lo)
{
	struct net_device *dev = net->loopback_dev;
	int err;

	if (!lo->up && !lo->was_up && lo->mtu == dev->mtu)
		return 0;
	/* As rtnetlink_rcv_msg(). */
	if (!checkpoint_netns_may_admin(net))
		return -EPERM;
	err = rtnl_net_lock_killable(net);
	if (err)
		return err;
	if (lo->mtu != dev->mtu)
		err = dev_set_mtu(dev, lo->mtu);
	if (!err && (lo->up || lo->was_up))
		err = dev_change_flags(dev, dev->flags | IFF_UP, NULL);
	if (!err && !lo->up && lo->was_up)
		err = dev_change_flags(dev, dev->flags & ~IFF_UP, NULL);
	rtnl_net_unlock(net);
	return err;
}

static_assert(CHECKPOINT_NETNS_NAME == IFNAMSIZ);

/**
 * checkpoint_netns_queues() - tell whether a device uses all queues that it has
 * @net: its network namespace
 * @index: its number
 *
 * A veth that was not told how many it gets has as many as there may be CPUs, and
 * uses one.
 *
 * Return: CHECKPOINT_NETNS_TX, CHECKPOINT_NETNS_RX, or both; -ENODEV if there is no
 * such device, -EINTR if the caller was killed.
 */
int checkpoint_netns_queues(struct net *net, u32 index)
{
	const struct net_device *dev;
	int ret;

	ret = rtnl_net_lock_killable(net);
	if (ret)
		return ret;
	dev = __dev_get_by_index(net, index);
	ret = -ENODEV;
	if (dev) {
		ret = 0;
		if (dev->real_num_tx_queues == dev->num_tx_queues)
			ret |= CHECKPOINT_NETNS_TX;
		if (dev->real_num_rx_queues == dev->num_rx_queues)
			ret |= CHECKPOINT_NETNS_RX;
	}
	rtnl_net_unlock(net);
	return ret;
}

/* Has @dev an IPv6 address that is looked for elsewhere, or whose work is under way? */
static bool addresses_busy(struct net_device *dev)
{
	bool busy = false;
#if IS_ENABLED(CONFIG_IPV6)
	struct inet6_dev *idev = __in6_dev_get(dev);
	struct inet6_ifaddr *ifa;

	if (!idev)
		return false;
	read_lock_bh(&idev->lock);
	list_for_each_entry(ifa, &idev->addr_list, if_list) {
		/* Without a link an address is tentative, and nothing is done about it. */
		if (work_busy(&ifa->dad_work.work))
			busy = true;
	}
	read_unlock_bh(&idev->lock);
#endif
	return busy;
}

/**
 * checkpoint_netns_settle() - let devices learn of what has become of their links
 * @net: their network namespace
 *
 * The kernel does that by itself, up to a second later, and for a hundred devices at a
 * time.  What that has to do with addresses it does in a work.
 *
 * Return: 0; 1 if there is such work, or are more devices; -EINTR if the caller was
 * killed.
 */
int checkpoint_netns_settle(struct net *net)
{
	struct net_device *dev;
	int ret = rtnl_lock_killable();

	if (ret)
		return ret;
	linkwatch_run_queue();
	__rtnl_net_lock(net);
	for_each_netdev(net, dev) {
		if (test_bit(__LINK_STATE_LINKWATCH_PENDING, &dev->state) || addresses_busy(dev))
			ret = 1;
	}
	__rtnl_net_unlock(net);
	rtnl_unlock();
	return ret;
}

/*
 * Sends the @len bytes of messages to the kernel; returns the first errno that is answered, which
 * is 0 for what was taken.
 */
static int ask(struct net *net, int protocol, void *messages, size_t len)
{
	/* As in checkpoint_netns_dump(). */
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	struct kvec vec = { .iov_base = messages, .iov_len = len };
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
	} answer = { };
	struct socket *sock;
	/* It is doubled; netlink_sendmsg() keeps some of it for itself. */
	int room = len + PAGE_SIZE, err;

	err = __sock_create(net, PF_NETLINK, SOCK_RAW, protocol, &sock, 0);
	if (err)
		return err;
	/* Only for more than anybody may send: as netlink_sendmsg(). */
	if (len + 32 > READ_ONCE(sock->sk->sk_sndbuf))
		err = sock_setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, KERNEL_SOCKPTR(&room),
				      sizeof(room));
	if (!err)
		err = kernel_sendmsg(sock, &msg, &vec, 1, len);
	if (err >= 0) {
		msg = (struct msghdr){ };
		vec.iov_base = &answer;
		vec.iov_len = sizeof(answer);
		/* The request that comes with an errno is cut off. */
		err = kernel_recvmsg(sock, &msg, &vec, 1, sizeof(answer), MSG_DONTWAIT);
		if (err == -EAGAIN)
			err = fatal_signal_pending(current) ? -EINTR : -EIO;
		else if (err >= (int)sizeof(answer) && answer.nlh.nlmsg_type == NLMSG_ERROR)
			err = answer.err.error;
		else if (err >= 0)
			err = -EIO;
	}
	sock_release(sock);
	return err;
}

/**
 * checkpoint_netns_tell() - send a request of NETLINK_ROUTE to a network namespace
 * @net: the namespace
 * @request: the message, with NLM_F_ACK
 * @len: bytes of it
 *
 * The caller's rights count, as for any sender of such a message.
 *
 * Return: 0, or the errno that is answered; -EINTR if the caller was killed.
 */
int checkpoint_netns_tell(struct net *net, void *request, size_t len)
{
	return ask(net, NETLINK_ROUTE, request, len);
}

/**
 * checkpoint_netns_batch() - send a batch of NETLINK_NETFILTER to a network namespace
 * @net: the namespace
 * @batch: the messages, the first and the last of which begin and end the batch; the last one
 *	has NLM_F_ACK.  Or one message alone, with that.
 * @len: bytes of them
 *
 * The caller's rights count, as for any sender of such messages.  Only the last one asks for an
 * answer, and gets it if all were taken: else what comes first is an errno, or nothing, as from
 * nfnetlink_rcv_batch() for who was killed.
 *
 * Return: 0, or the first errno that is answered; -EINTR if the caller was killed.
 */
int checkpoint_netns_batch(struct net *net, void *batch, size_t len)
{
	return ask(net, NETLINK_NETFILTER, batch, len);
}

/* Is a message of these @len bytes the last one of a dump? */
static bool has_end(const void *buf, int len)
{
	const struct nlmsghdr *nlh;

	for (nlh = buf; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
			return true;
	}
	return false;
}

/**
 * checkpoint_netns_dump() - ask a network namespace by netlink for all of a kind
 * @net: the namespace
 * @protocol: NETLINK_*
 * @request: the message
 * @len: bytes of it
 * @buf: where to put the answers, aligned and zeroed
 * @size: bytes of it
 *
 * The caller's rights count, as for any sender of such a message.
 *
 * Return: bytes of the answers, 0 if the kernel has no such protocol, or an
 * errno: -E2BIG if they don't fit.
 */
ssize_t checkpoint_netns_dump(struct net *net, int protocol, void *request, size_t len,
			      void *buf, size_t size)
{
	/* With an address the rights of the opener, which there is none of, are not asked for. */
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	struct kvec vec = { .iov_base = request, .iov_len = len };
	struct socket *sock;
	size_t got = 0;
	int err;

	err = __sock_create(net, PF_NETLINK, SOCK_RAW, protocol, &sock, 0);
	if (err)
		return err == -EPROTONOSUPPORT ? 0 : err;
	err = kernel_sendmsg(sock, &msg, &vec, 1, len);
	while (err >= 0) {
		if (size - got < CHECKPOINT_NETNS_ROOM) {
			err = -E2BIG;
			break;
		}
		msg = (struct msghdr){ };
		vec.iov_base = buf + got;
		vec.iov_len = size - got;
		/* What there is was queued by what was sent, or is by what is received. */
		err = kernel_recvmsg(sock, &msg, &vec, 1, size - got, MSG_DONTWAIT);
		if (err < 0)
			break;
		if (msg.msg_flags & MSG_TRUNC) {
			err = -E2BIG;
			break;
		}
		if (has_end(buf + got, err)) {
			got += err;
			break;
		}
		got += NLMSG_ALIGN(err);
	}
	sock_release(sock);
	return err < 0 ? err : got;
}

/**
 * checkpoint_netns_settings() - list the settings of a network namespace
 * @net: the namespace
 * @buf: as of checkpoint_sysctl_list()
 * @size: bytes of @buf
 *
 * Return: as of checkpoint_sysctl_list().
 */
ssize_t checkpoint_netns_settings(struct net *net, char *buf, size_t size)
{
#ifdef CONFIG_SYSCTL
	return checkpoint_sysctl_list(&net->sysctls, buf, size);
#else
	return 0;
#endif
}

/**
 * checkpoint_netns_set() - write a setting of a network namespace
 * @net: the namespace
 * @path: its path below /proc/sys
 * @text: the text
 *
 * Return: as of checkpoint_sysctl_write().
 */
int checkpoint_netns_set(struct net *net, const char *path, const char *text)
{
#ifdef CONFIG_SYSCTL
	return checkpoint_sysctl_write(&net->sysctls, path, text);
#else
	return -ENOENT;
#endif
}
