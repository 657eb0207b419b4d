// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces.
 */
#include <linux/checkpoint.h>
#include <net/net_namespace.h>
#include <net/sock.h>

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
