// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: the address of a socket, which it may have next to others, and what is set
 * of one that is new.
 */
#include <linux/capability.h>
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/workqueue.h>
#include <net/inet_connection_sock.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "tcp.h"

/* Makes an address of what @state tells; its length. */
int checkpoint_tcp_sockaddr(const struct sock *sk, const u8 *addr, u16 port,
			    struct sockaddr_storage *to)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *sin = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (sk->sk_family == AF_INET6) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		memcpy(&sin6->sin6_addr, addr, 16);
		sin6->sin6_scope_id = ipv6_iface_scope_id(&sin6->sin6_addr, sk->sk_bound_dev_if);
		return sizeof(*sin6);
	}
	sin->sin_family = AF_INET;
	sin->sin_port = htons(port);
	memcpy(&sin->sin_addr, addr, 4);
	return sizeof(*sin);
}

/* Whether the addresses of @sk are those that @state tells. */
bool checkpoint_tcp_is_at(const struct sock *sk, const struct checkpoint_tcp *state)
{
	struct checkpoint_tcp now = {};

	checkpoint_tcp_address(sk, false, now.addr, &now.port);
	checkpoint_tcp_address(sk, true, now.peer_addr, &now.peer_port);
	return !memcmp(now.addr, state->addr, sizeof(now.addr)) && now.port == state->port &&
	       !memcmp(now.peer_addr, state->peer_addr, sizeof(now.peer_addr)) &&
	       now.peer_port == state->peer_port;
}

static int checkpoint_tcp_set(struct sock *sk, int option, int value)
{
	return tcp_setsockopt(sk, SOL_TCP, option, KERNEL_SOCKPTR(&value), sizeof(value));
}

/* Sets IPV6_V6ONLY, which goes with the address. */
static int checkpoint_tcp_v6only(struct sock *sk, const struct checkpoint_tcp *state)
{
	int value = state->v6only;

	if (sk->sk_family != AF_INET6 || sk->sk_ipv6only == state->v6only)
		return 0;
	return tcp_setsockopt(sk, SOL_IPV6, IPV6_V6ONLY, KERNEL_SOCKPTR(&value), sizeof(value));
}

/* Lets @sk have an address that others have, too, as TCP_REPAIR does. */
int checkpoint_tcp_repair(struct sock *sk)
{
	return checkpoint_tcp_set(sk, TCP_REPAIR, TCP_REPAIR_ON);
}

/*
 * A socket whose repair is still to end, as somebody else has locked it and the caller
 * was killed: nobody gets a socket under repair by that.
 */
struct checkpoint_tcp_repairing {
	struct delayed_work work;
	struct sock *sk;
	unsigned char reuse;
};

/* @sk is locked. That of one that stays connected is ended elsewhere: tcp_join.c, tcp_hold.c. */
static void checkpoint_tcp_end_repair(struct sock *sk, unsigned char reuse)
{
	if (tcp_sk(sk)->repair && sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
		sk->sk_prot->disconnect(sk, O_NONBLOCK);
	tcp_sk(sk)->repair = 0;
	sk->sk_reuse = reuse;
}

static void checkpoint_tcp_end_repair_later(struct work_struct *work)
{
	struct checkpoint_tcp_repairing *late =
		container_of(to_delayed_work(work), struct checkpoint_tcp_repairing, work);

	if (!checkpoint_sock_trylock(late->sk)) {
		schedule_delayed_work(&late->work, HZ / 10);
		return;
	}
	checkpoint_tcp_end_repair(late->sk, late->reuse);
	release_sock(late->sk);
	sock_put(late->sk);
	kfree(late);
}

/*
 * The end of that. @reuse is what SO_REUSEADDR was before. What is connected is closed, and
 * tells nobody. If somebody else has locked @sk, and the caller is killed, it comes later.
 */
void checkpoint_tcp_repaired(struct sock *sk, unsigned char reuse)
{
	struct checkpoint_tcp_repairing *late;

	if (!checkpoint_sock_lock(sk)) {
		checkpoint_tcp_end_repair(sk, reuse);
		release_sock(sk);
		return;
	}
	late = kmalloc_obj(*late, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	INIT_DELAYED_WORK(&late->work, checkpoint_tcp_end_repair_later);
	sock_hold(sk);
	late->sk = sk;
	late->reuse = reuse;
	schedule_delayed_work(&late->work, HZ / 10);
}

/* What of an address is fixed: if the socket, which is locked, is connected anew it keeps that. */
void checkpoint_tcp_fix_address(struct sock *sk, const struct checkpoint_tcp *state)
{
	sk->sk_userlocks &= ~(SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK);
	if (state->bound_addr)
		sk->sk_userlocks |= SOCK_BINDADDR_LOCK;
	if (state->bound_port)
		sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
}

/* The same of one that is not locked. Returns -EINTR if the caller was killed. */
int checkpoint_tcp_lock_address(struct sock *sk, const struct checkpoint_tcp *state)
{
	int err = checkpoint_sock_lock(sk);

	if (err)
		return err;
	checkpoint_tcp_fix_address(sk, state);
	release_sock(sk);
	return 0;
}

/*
 * Whether who has made @sk may have the port that @state tells, as bind(2) asks.
 * That the caller may is not enough: who has a port that is fixed can end the
 * connection and listen there. What was accepted does not keep its port so.
 */
bool checkpoint_tcp_may_have(const struct sock *sk, const struct checkpoint_tcp *state)
{
	const struct file *file = sk->sk_socket->file;
	struct net *net = sock_net(sk);

	/* One without a file is the caller's, who closes it at once. */
	return !file || !inet_port_requires_bind_service(net, state->port) ||
	       file_ns_capable(file, net->user_ns, CAP_NET_BIND_SERVICE);
}

static int checkpoint_tcp_bind_here(struct sock *sk, const struct checkpoint_tcp *state)
{
	struct sockaddr_storage addr;
	int len, err;

	err = checkpoint_tcp_v6only(sk, state);
	if (err)
		return err;
	len = checkpoint_tcp_sockaddr(sk, state->addr, state->port, &addr);
	return __sys_bind_socket(sk->sk_socket, &addr, len);
}

/*
 * The same of a socket under repair, next to others that have the port. It has no
 * SO_REUSEPORT meanwhile: inet_csk_get_port() would note it as one with which those
 * others share the port, and its owner could bind there with no further question,
 * and listen for what comes to them.
 */
int checkpoint_tcp_bind_shared(struct sock *sk, const struct checkpoint_tcp *state)
{
	bool reuseport;
	int err, killed;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	reuseport = sk->sk_reuseport;
	sk->sk_reuseport = false;
	release_sock(sk);

	err = checkpoint_tcp_bind_here(sk, state);

	/* A caller that is killed restarts nobody: the port is shared with none then. */
	killed = checkpoint_sock_lock(sk);
	if (killed)
		return killed;
	sk->sk_reuseport = reuseport;
	release_sock(sk);
	return err;
}

/**
 * checkpoint_tcp_bind() - give a new TCP socket its address, as bind(2)
 * @sk: the socket
 * @state: what it was: its address
 *
 * Return: 0, or an errno.
 */
int checkpoint_tcp_bind(struct sock *sk, const struct checkpoint_tcp *state)
{
	int err;

	if (!sk->sk_socket)
		return -EBADF;
	err = checkpoint_tcp_bind_here(sk, state);
	return err ? : checkpoint_tcp_lock_address(sk, state);
}

/**
 * checkpoint_tcp_mss() - set the largest segment, as TCP_MAXSEG
 * @sk: the socket, which is new
 * @mss: bytes
 *
 * Return: 0, or an errno.
 */
int checkpoint_tcp_mss(struct sock *sk, unsigned int mss)
{
	return checkpoint_tcp_set(sk, TCP_MAXSEG, mss);
}

/**
 * checkpoint_tcp_congestion() - choose the congestion control, as TCP_CONGESTION
 * @sk: the socket
 * @name: its name
 *
 * Return: 0, or an errno: -ENOENT if there is none of that name, -EPERM if
 * the caller may not use it.
 */
int checkpoint_tcp_congestion(struct sock *sk, const char *name)
{
	char now[TCP_CA_NAME_MAX];
	int err;

	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	strscpy(now, inet_csk(sk)->icsk_ca_ops->name, sizeof(now));
	release_sock(sk);
	if (!strcmp(now, name))
		return 0;
	return tcp_setsockopt(sk, SOL_TCP, TCP_CONGESTION, KERNEL_SOCKPTR((void *)name),
			      strlen(name));
}

/**
 * checkpoint_tcp_listen() - let a TCP socket listen, as listen(2)
 * @sk: the socket, with an address
 * @backlog: how many connections may wait
 *
 * Return: 0, or an errno.
 */
int checkpoint_tcp_listen(struct sock *sk, unsigned int backlog)
{
	if (!sk->sk_socket)
		return -EBADF;
	return __sys_listen_socket(sk->sk_socket, backlog);
}
