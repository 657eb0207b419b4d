// SPDX-License-Identifier: GPL-2.0
/*
 * What sockets of all families have.
 */
#include <linux/checkpoint_fs.h>
#include <linux/checkpoint_inet.h>
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_unix.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/sockptr.h>
#include <linux/wait.h>
#include <net/af_unix.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/sock_reuseport.h>

/**
 * checkpoint_socket_of() - get the socket that a file shows
 * @file: the file
 *
 * Return: the socket, with a reference; NULL: it shows none.
 */
struct sock *checkpoint_socket_of(struct file *file)
{
	struct socket *sock = sock_from_file(file);

	if (!sock || !sock->sk)
		return NULL;
	/* Nothing takes it from a file that is open. */
	sock_hold(sock->sk);
	return sock->sk;
}

/* Reads what programs are attached to a socket. */
static void checkpoint_socket_programs(struct sock *sk, struct checkpoint_socket *state)
{
	const struct sock_reuseport *group;
	const struct sk_filter *filter;
	const struct bpf_prog *prog;

	rcu_read_lock();
	filter = rcu_dereference(sk->sk_filter);
	/* One of BPF has no original, which is classic. */
	if (filter && filter->prog->orig_prog)
		state->filter = filter->prog->orig_prog->len;
	group = rcu_dereference(sk->sk_reuseport_cb);
	prog = group ? rcu_dereference(group->prog) : NULL;
	state->classic = prog && prog->orig_prog;
	state->program = (filter && !filter->prog->orig_prog) || (prog && !prog->orig_prog) ||
			 rcu_access_pointer(sk->sk_user_data);
	rcu_read_unlock();
}

/**
 * checkpoint_socket_filter() - read the classic filter that is attached to a socket
 * @sk: the socket
 * @insns: where to
 * @max: how many instructions there is room for
 *
 * Return: how many it has, which may be more; 0: there is none.
 */
unsigned int checkpoint_socket_filter(struct sock *sk, struct sock_filter *insns,
				      unsigned int max)
{
	const struct sk_filter *filter;
	unsigned int len = 0;

	rcu_read_lock();
	filter = rcu_dereference(sk->sk_filter);
	if (filter && filter->prog->orig_prog) {
		len = filter->prog->orig_prog->len;
		if (len <= max)
			memcpy(insns, filter->prog->orig_prog->filter, len * sizeof(*insns));
	}
	rcu_read_unlock();
	return len;
}

/**
 * checkpoint_socket_group() - tell which sockets share a port by SO_REUSEPORT
 * @sk: one of them
 * @members: where to; their addresses, to compare
 * @max: how many there is room for
 *
 * Return: how many there are, which may be more; 0: it shares none.
 */
unsigned int checkpoint_socket_group(struct sock *sk, const void **members, unsigned int max)
{
	const struct sock_reuseport *group;
	unsigned int i, n = 0;

	spin_lock_bh(&reuseport_lock);
	group = rcu_dereference_protected(sk->sk_reuseport_cb,
					  lockdep_is_held(&reuseport_lock));
	if (group)
		n = group->num_socks;
	for (i = 0; i < min(n, max); i++)
		members[i] = group->socks[i];
	spin_unlock_bh(&reuseport_lock);
	return n;
}

/**
 * checkpoint_socket_get() - read what of a socket no option tells
 * @sk: the socket
 * @state: where to
 */
void checkpoint_socket_get(struct sock *sk, struct checkpoint_socket *state)
{
	memset(state, 0, sizeof(*state));
	state->family = sk->sk_family;
	state->type = sk->sk_type;
	state->protocol = sk->sk_protocol;
	checkpoint_socket_programs(sk, state);
#if IS_ENABLED(CONFIG_UNIX)
	if (sk->sk_family == AF_UNIX) {
		state->inq = READ_ONCE(unix_sk(sk)->recvmsg_inq);
		state->notrunc = READ_ONCE(unix_sk(sk)->scm_rights_notrunc);
	}
#endif
}

/**
 * checkpoint_socket_async_fd() - get the descriptor that signals of a socket name
 * @file: its file
 *
 * Return: as checkpoint_async_fd().
 */
int checkpoint_socket_async_fd(struct file *file)
{
	struct socket *sock = sock_from_file(file);

	return sock ? checkpoint_async_fd(file, &sock->wq.fasync_list) : -ENOENT;
}

/* Whether a timeout is over at once, which getsockopt(2) tells as there being none. */
static bool checkpoint_socket_at_once(const struct sock *sk, int name)
{
	switch (name) {
	case SO_RCVTIMEO_NEW:
		return !READ_ONCE(sk->sk_rcvtimeo);
	case SO_SNDTIMEO_NEW:
		return !READ_ONCE(sk->sk_sndtimeo);
	}
	return false;
}

/* SO_BUSY_POLL_BUDGET, which getsockopt(2) does not tell. */
static int checkpoint_socket_budget(const struct sock *sk, void *value, int len)
{
#ifdef CONFIG_NET_RX_BUSY_POLL
	int budget = READ_ONCE(sk->sk_busy_poll_budget);

	if (len != sizeof(budget))
		return -EINVAL;
	memcpy(value, &budget, sizeof(budget));
	return 0;
#else
	return -ENOPROTOOPT;
#endif
}

/**
 * checkpoint_socket_option() - read an option of a socket, as getsockopt(2)
 * @sk: the socket
 * @level: SOL_*
 * @name: the option of that
 * @value: where to
 * @len: bytes of the value
 *
 * What the socket leaves to the machine is told as that (-1), not as what it
 * comes to; so are the seconds of a timeout that is over at once.
 *
 * Return: 0, or an errno: -EINVAL if the value has another length.
 */
int checkpoint_socket_option(struct sock *sk, int level, int name, void *value, int len)
{
	const struct __kernel_sock_timeval at_once = { .tv_sec = -1 };
	int got = len;
	int err;

	if (checkpoint_seen_is(name))
		return checkpoint_seen_get(sk, level, value, len);
	if (level == SOL_SOCKET && checkpoint_socket_at_once(sk, name)) {
		if (len != sizeof(at_once))
			return -EINVAL;
		memcpy(value, &at_once, sizeof(at_once));
		return 0;
	}
	/* This asks for the operations of a file, which what waits to be accepted has not. */
	if (level == SOL_SOCKET && name == SO_PEEK_OFF && sk_is_tcp(sk)) {
		if (len != sizeof(int))
			return -EINVAL;
		*(int *)value = READ_ONCE(sk->sk_peek_off);
		return 0;
	}
	if (level == SOL_SOCKET && name == SO_BUSY_POLL_BUDGET)
		return checkpoint_socket_budget(sk, value, len);
	/* There is no value of it for one that does not have it. */
	if (level == SOL_SOCKET && name == SO_TXTIME && !sock_flag(sk, SOCK_TXTIME))
		err = -ENOPROTOOPT;
	else if (level == SOL_SOCKET)
		err = sk_getsockopt(sk, level, name, KERNEL_SOCKPTR(value),
				    KERNEL_SOCKPTR(&got));
	else if (sk_is_inet(sk))
		err = checkpoint_inet_option(sk, level, name, value, &got);
	else
		err = -ENOPROTOOPT;
	if (!err && got != len)
		err = -EINVAL;
	return err;
}

/**
 * checkpoint_socket_set_option() - set an option of a socket, as setsockopt(2)
 * @file: its file
 * @level: SOL_*
 * @name: the option of that
 * @value: the value
 * @len: bytes of it
 *
 * Return: 0, or an errno.
 */
int checkpoint_socket_set_option(struct file *file, int level, int name, const void *value,
				 int len)
{
	struct socket *sock = sock_from_file(file);

	if (!sock)
		return -ENOTSOCK;
	if (checkpoint_seen_is(name))
		return checkpoint_seen_set(sock->sk, level, value, len);
	return do_sock_setsockopt(sock, false, level, name, KERNEL_SOCKPTR((void *)value), len);
}

/*
 * A raw socket receives as soon as it is made, also what its filters and its
 * addresses will keep out. This one hears nothing before it has all of them:
 * checkpoint_inet_settle() lets it.
 */
static void checkpoint_socket_quiet(struct sock *sk)
{
	if (!sk_is_inet(sk) || sk->sk_type != SOCK_RAW)
		return;
	sk->sk_prot->unhash(sk);
	skb_queue_purge(&sk->sk_receive_queue);
}

/**
 * checkpoint_socket_make() - make a socket, as socket(2)
 * @family: address family
 * @type: SOCK_*
 * @protocol: protocol
 *
 * A raw socket of IPv4 or IPv6 does not receive yet.
 *
 * Return: its file, or an error pointer.
 */
struct file *checkpoint_socket_make(int family, int type, int protocol)
{
	struct socket *sock;
	int err;

	err = sock_create(family, type, protocol, &sock);
	if (err)
		return ERR_PTR(err);
	checkpoint_socket_quiet(sock->sk);
	/* This releases the socket if it fails. */
	return sock_alloc_file(sock, 0, NULL);
}

/**
 * checkpoint_socket_closed() - make a socket that is about to be closed
 * @net: its network namespace
 * @family: address family
 * @type: SOCK_*
 * @socket: where to put what checkpoint_socket_release() closes
 *
 * Return: the socket, with a reference, or an error pointer.
 */
struct sock *checkpoint_socket_closed(struct net *net, int family, int type,
				      struct socket **socket)
{
	int err;

	err = __sock_create(net, family, type, 0, socket, 0);
	if (err)
		return ERR_PTR(err);
	sock_hold((*socket)->sk);
	return (*socket)->sk;
}

/**
 * checkpoint_socket_closed_option() - set an option of such a socket, as setsockopt(2)
 * @socket: the socket
 * @level: SOL_*
 * @name: the option of that
 * @value: the value
 * @len: bytes of it
 *
 * Return: 0, or an errno.
 */
int checkpoint_socket_closed_option(struct socket *socket, int level, int name,
				    const void *value, int len)
{
	if (checkpoint_seen_is(name))
		return checkpoint_seen_set(socket->sk, level, value, len);
	return do_sock_setsockopt(socket, false, level, name, KERNEL_SOCKPTR((void *)value), len);
}

/**
 * checkpoint_socket_release() - close a socket that no file shows
 * @socket: the socket; it may have gone to who accepts it
 *
 * Nobody waits for what it has to send (SO_LINGER), nor is that lost.
 */
void checkpoint_socket_release(struct socket *socket)
{
	struct sock *sk = socket->sk;

	if (sk) {
		/* Nobody can keep it locked. */
		lock_sock(sk);
		sock_reset_flag(sk, SOCK_LINGER);
		release_sock(sk);
	}
	sock_release(socket);
}

/**
 * checkpoint_sock_trylock() - lock a socket as lock_sock(), unless somebody else has it
 * @sk: the socket, which a file shows
 *
 * Return: whether it is locked.
 */
bool checkpoint_sock_trylock(struct sock *sk)
{
	spin_lock_bh(&sk->sk_lock.slock);
	if (sock_owned_by_user_nocheck(sk)) {
		spin_unlock_bh(&sk->sk_lock.slock);
		return false;
	}
	sk->sk_lock.owned = 1;
	spin_unlock_bh(&sk->sk_lock.slock);
	mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	return true;
}

/**
 * checkpoint_sock_lock() - lock a socket as lock_sock(), or be killed
 * @sk: the socket, which a file shows
 *
 * Who has got at a socket of a task that is restarted (pidfd_getfd(2)) may keep it locked
 * in the midst of a page fault that user space answers when it likes.
 *
 * Return: 0, or -EINTR if the caller was killed.
 */
int checkpoint_sock_lock(struct sock *sk)
{
	DEFINE_WAIT(wait);

	might_sleep();
	spin_lock_bh(&sk->sk_lock.slock);
	while (sock_owned_by_user_nocheck(sk)) {
		/*
		 * As __lock_sock(), which gets there with the spinlock, too: release_sock()
		 * wakes with it. But all that wait so are woken: one that is killed takes
		 * nobody's turn.
		 */
		prepare_to_wait(&sk->sk_lock.wq, &wait, TASK_KILLABLE);
		spin_unlock_bh(&sk->sk_lock.slock);
		if (!fatal_signal_pending(current))
			schedule();
		if (fatal_signal_pending(current)) {
			finish_wait(&sk->sk_lock.wq, &wait);
			return -EINTR;
		}
		spin_lock_bh(&sk->sk_lock.slock);
	}
	finish_wait(&sk->sk_lock.wq, &wait);
	sk->sk_lock.owned = 1;
	spin_unlock_bh(&sk->sk_lock.slock);
	mutex_acquire(&sk->sk_lock.dep_map, 0, 0, _RET_IP_);
	return 0;
}

/**
 * checkpoint_sock_hold() - take a reference on a socket
 * @sk: the socket
 */
void checkpoint_sock_hold(struct sock *sk)
{
	sock_hold(sk);
}

/**
 * checkpoint_sock_put() - give a reference on a socket back
 * @sk: the socket
 */
void checkpoint_sock_put(struct sock *sk)
{
	sock_put(sk);
}
