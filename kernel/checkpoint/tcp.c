// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: what is read of a socket, and how a connection is made whose two ends
 * are in one image.
 *
 * Both ends are read under the locks of both. What is on its way between them
 * then is still in the queue of the sender, so that it may be left out: no
 * segment need be held back, before or after.
 *
 * They come back by bind(2) and, as TCP_REPAIR lets it, connect(2) without a
 * segment. checkpoint_tcp_join() does what a handshake between them would have
 * done. From then on they are ordinary: what was in the queues is sent, and
 * what was closed is closed, so that TCP itself makes the states.
 */
#include <linux/capability.h>
#include <linux/checkpoint.h>
#include <linux/checkpoint_tcp.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inetdevice.h>
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/sockptr.h>
#include <linux/tcp.h>
#include <linux/uio.h>
#include <net/addrconf.h>
#include <net/inet6_hashtables.h>
#include <net/inet_common.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/mptcp.h>
#include <net/request_sock.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/tcp.h>

/* How long a socket that somebody else has locked is waited for, if it is to connect. */
#define CHECKPOINT_TCP_START_WAIT	HZ

/* Where bytes of queues go; what there is no room for is counted. */
struct checkpoint_tcp_bytes {
	u8 *to;
	size_t room;
	size_t len;
};

/* It is an IPv6 socket whose addresses are of IPv6 indeed. */
bool checkpoint_tcp_is_v6(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	return sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr);
#else
	return false;
#endif
}

/*
 * Locks @sk as lock_sock_nested(), unless somebody else has it.
 *
 * One that waits to be accepted nobody may own: who closes the socket that listens
 * takes it with its spinlock only, and warns if it is owned. So that is what is
 * taken then, and nothing may sleep until checkpoint_tcp_unlock().
 */
bool checkpoint_tcp_trylock(struct sock *sk, int subclass)
{
	spin_lock_bh(&sk->sk_lock.slock);
	if (sock_owned_by_user_nocheck(sk)) {
		spin_unlock_bh(&sk->sk_lock.slock);
		return false;
	}
	if (!sk->sk_socket && !sock_flag(sk, SOCK_DEAD))
		return true;
	sk->sk_lock.owned = 1;
	spin_unlock_bh(&sk->sk_lock.slock);
	mutex_acquire(&sk->sk_lock.dep_map, subclass, 1, _RET_IP_);
	return true;
}

/* Takes back what checkpoint_tcp_trylock() has done. */
void checkpoint_tcp_unlock(struct sock *sk)
{
	/* Nobody else owns it while we have its spinlock. */
	if (sock_owned_by_user_nocheck(sk))
		release_sock(sk);
	else
		spin_unlock_bh(&sk->sk_lock.slock);
}

/*
 * Locks @sk, and @peer if there is one, to be read. A task outside that has one
 * of them, too, may hold its lock in the midst of a page fault which user space
 * answers when it likes: so neither is kept while the other one is waited for,
 * and a caller that is killed does not wait.
 */
int checkpoint_tcp_lock(struct sock *sk, struct sock *peer)
{
	for (;;) {
		if (checkpoint_tcp_trylock(sk, 0)) {
			if (!peer || checkpoint_tcp_trylock(peer, SINGLE_DEPTH_NESTING))
				return 0;
			checkpoint_tcp_unlock(sk);
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		schedule_timeout_killable(1);
	}
}

/**
 * checkpoint_tcp_refusal() - tell why a TCP socket can't be saved
 * @sk: the socket
 *
 * Return: 0, CHECKPOINT_TCP_*, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_refusal(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	int why;

	why = checkpoint_tcp_lock(sk, NULL);
	if (why)
		return why;
	if (icsk->icsk_ulp_ops)
		why = CHECKPOINT_TCP_ULP;
	else if (sk_is_mptcp(sk))
		why = CHECKPOINT_TCP_MPTCP;
	else if (tp->repair)
		why = CHECKPOINT_TCP_REPAIRED;
	else if (rcu_access_pointer(icsk->icsk_accept_queue.fastopenq.ctx))
		why = CHECKPOINT_TCP_FASTOPEN_KEY;
	else if (rcu_access_pointer(tp->fastopen_rsk) || tp->fastopen_req ||
		 inet_test_bit(DEFER_CONNECT, sk))
		why = CHECKPOINT_TCP_FASTOPEN;
	else if (tp->fastopen_connect)
		why = CHECKPOINT_TCP_FASTOPEN_CONNECT;
#ifdef CONFIG_TCP_MD5SIG
	else if (rcu_access_pointer(tp->md5sig_info))
		why = CHECKPOINT_TCP_KEYS;
#endif
#ifdef CONFIG_TCP_AO
	else if (rcu_access_pointer(tp->ao_info))
		why = CHECKPOINT_TCP_KEYS;
#endif
#ifdef CONFIG_XFRM
	else if (rcu_access_pointer(sk->sk_policy[0]) || rcu_access_pointer(sk->sk_policy[1]))
		why = CHECKPOINT_TCP_POLICY;
#endif
#if IS_ENABLED(CONFIG_INET_PSP)
	else if (rcu_access_pointer(sk->psp_assoc))
		why = CHECKPOINT_TCP_ULP;
#endif
#ifdef CONFIG_BPF
	else if (tp->bpf_sock_ops_cb_flags)
		why = CHECKPOINT_TCP_BPF;
#endif
	checkpoint_tcp_unlock(sk);
	return why;
}

/* Whether the address that @sk is connected to is one of this machine. */
static bool checkpoint_tcp_is_local(const struct sock *sk)
{
	struct net *net = sock_net(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (checkpoint_tcp_is_v6(sk))
		return ipv6_addr_loopback(&sk->sk_v6_daddr) ||
		       ipv6_chk_addr(net, &sk->sk_v6_daddr, NULL, 0);
#endif
	return inet_addr_type(net, inet_sk(sk)->inet_daddr) == RTN_LOCAL;
}

/* Finds what gets the segments that @sk sends, if that is in its namespace. */
static struct sock *checkpoint_tcp_find(const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (checkpoint_tcp_is_v6(sk))
		return __inet6_lookup_established(net, &sk->sk_v6_rcv_saddr, inet->inet_sport,
						  &sk->sk_v6_daddr, ntohs(inet->inet_dport),
						  LOOPBACK_IFINDEX, 0);
#endif
	return __inet_lookup_established(net, inet->inet_rcv_saddr, inet->inet_sport,
					 inet->inet_daddr, ntohs(inet->inet_dport),
					 LOOPBACK_IFINDEX, 0);
}

/* Whether @peer gets the segments that @sk sends. */
static bool checkpoint_tcp_finds(const struct sock *sk, const struct sock *peer)
{
	struct sock *found;

	rcu_read_lock();
	found = checkpoint_tcp_find(sk);
	rcu_read_unlock();
	if (found)
		sock_gen_put(found);
	return found == peer && sk != peer;
}

/**
 * checkpoint_tcp_peer() - find the other end of a connection
 * @sk: one end
 * @what: where to put what it is: CHECKPOINT_TCP_PEER_*
 *
 * Return: the other end, with a reference; of a connection whose handshake is
 * not over, the socket that listens; NULL if there is none in this network
 * namespace.
 */
struct sock *checkpoint_tcp_peer(struct sock *sk, int *what)
{
	struct sock *listener;
	struct sock *peer;

	*what = CHECKPOINT_TCP_PEER_OUTSIDE;
	if (!checkpoint_tcp_is_local(sk))
		return NULL;

	rcu_read_lock();
	peer = checkpoint_tcp_find(sk);
	rcu_read_unlock();
	if (!peer || peer->sk_state == TCP_TIME_WAIT) {
		*what = CHECKPOINT_TCP_PEER_GONE;
		if (peer)
			sock_gen_put(peer);
		return NULL;
	}
	if (peer->sk_state == TCP_NEW_SYN_RECV) {
		*what = CHECKPOINT_TCP_PEER_REQUEST;
		listener = inet_reqsk(peer)->rsk_listener;
		if (listener && !refcount_inc_not_zero(&listener->sk_refcnt))
			listener = NULL;
		sock_gen_put(peer);
		return listener;
	}
	if (sock_flag(peer, SOCK_DEAD))
		*what = CHECKPOINT_TCP_PEER_CLOSED;
	else if (READ_ONCE(peer->sk_socket))
		*what = CHECKPOINT_TCP_PEER_OPEN;
	else
		*what = CHECKPOINT_TCP_PEER_WAITING;
	return peer;
}

/**
 * checkpoint_tcp_waiting() - list the connections that wait to be accepted
 * @sk: the socket that listens
 * @waiting: where to put them, each with a reference, oldest first
 * @room: how many there is room for
 *
 * Return: how many there are.
 */
unsigned int checkpoint_tcp_waiting(struct sock *sk, struct sock **waiting, unsigned int room)
{
	struct request_sock_queue *queue = &inet_csk(sk)->icsk_accept_queue;
	struct request_sock *req;
	unsigned int n = 0;

	/* What else the queue may be is not there. */
	if (inet_sk_state_load(sk) != TCP_LISTEN)
		return 0;
	spin_lock_bh(&queue->rskq_lock);
	for (req = queue->rskq_accept_head; req; req = req->dl_next) {
		if (!req->sk)
			continue;
		if (n < room) {
			sock_hold(req->sk);
			waiting[n] = req->sk;
		}
		n++;
	}
	spin_unlock_bh(&queue->rskq_lock);
	return n;
}

/*
 * Takes the bytes of @skb from the sequence number @seq on, which becomes that of
 * what comes next: a segment that was sent again may begin with bytes of the one
 * before it.
 */
static int checkpoint_tcp_take(const struct sk_buff *skb, u32 *seq,
			       struct checkpoint_tcp_bytes *bytes)
{
	u32 start = TCP_SKB_CB(skb)->seq;
	u32 skip, len;
	int err = 0;

	if (TCP_SKB_CB(skb)->tcp_flags & TCPHDR_SYN)
		start++;
	skip = before(start, *seq) ? *seq - start : 0;
	if (skip >= skb->len)
		return 0;
	if (!skb_frags_readable(skb))
		return -EOPNOTSUPP;
	len = skb->len - skip;
	if (bytes->len + len <= bytes->room)
		err = skb_copy_bits(skb, skip, bytes->to + bytes->len, len);
	bytes->len += len;
	*seq = start + skb->len;
	return err;
}

/* Takes what was received by @sk and not read. */
static int checkpoint_tcp_take_received(struct sock *sk, struct checkpoint_tcp_bytes *bytes)
{
	u32 seq = tcp_sk(sk)->copied_seq;
	struct sk_buff *skb;
	int err;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		err = checkpoint_tcp_take(skb, &seq, bytes);
		if (err)
			return err;
	}
	return 0;
}

/* Takes what @sk has sent or is to send, from @seq on. */
static int checkpoint_tcp_take_sent(struct sock *sk, u32 seq, struct checkpoint_tcp_bytes *bytes)
{
	struct sk_buff *skb = tcp_rtx_queue_head(sk);
	int err;

	skb_rbtree_walk_from(skb) {
		err = checkpoint_tcp_take(skb, &seq, bytes);
		if (err)
			return err;
	}
	skb_queue_walk(&sk->sk_write_queue, skb) {
		err = checkpoint_tcp_take(skb, &seq, bytes);
		if (err)
			return err;
	}
	return 0;
}

static void checkpoint_tcp_address(const struct sock *sk, bool peer, u8 *addr, u16 *port)
{
	const struct inet_sock *inet = inet_sk(sk);
	__be32 v4 = peer ? inet->inet_daddr : inet->inet_rcv_saddr;

	*port = ntohs(peer ? inet->inet_dport : inet->inet_sport);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		memcpy(addr, peer ? &sk->sk_v6_daddr : &sk->sk_v6_rcv_saddr, 16);
		return;
	}
#endif
	memcpy(addr, &v4, sizeof(v4));
}

static unsigned int checkpoint_tcp_state(const struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_LISTEN:
		return CHECKPOINT_TCP_LISTENING;
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		return CHECKPOINT_TCP_STARTED;
	case TCP_CLOSE:
		if (sk->sk_shutdown || sk->sk_err || sock_flag(sk, SOCK_DONE) ||
		    !skb_queue_empty(&sk->sk_receive_queue) ||
		    (sk->sk_socket && sk->sk_socket->state != SS_UNCONNECTED))
			return CHECKPOINT_TCP_OVER;
		return CHECKPOINT_TCP_NEW;
	default:
		return CHECKPOINT_TCP_CONNECTED;
	}
}

/* What @sk is, and what is in its queues; of what its peer has got, nothing. */
static int checkpoint_tcp_get_one(struct sock *sk, struct sock *peer, struct checkpoint_tcp *state,
				  struct checkpoint_tcp_bytes *bytes)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	size_t at = bytes->len;
	u32 seq;
	int err;

	memset(state, 0, sizeof(*state));
	state->state = checkpoint_tcp_state(sk);
	state->error = READ_ONCE(sk->sk_err);
	state->shutdown = sk->sk_shutdown & SHUTDOWN_MASK;
	state->done = sock_flag(sk, SOCK_DONE);
	state->bound_addr = sk->sk_userlocks & SOCK_BINDADDR_LOCK;
	state->bound_port = sk->sk_userlocks & SOCK_BINDPORT_LOCK;
	state->backlog = READ_ONCE(sk->sk_max_ack_backlog);
	state->user_mss = READ_ONCE(tp->rx_opt.user_mss);
	state->has_port = inet_sk(sk)->inet_num;
	state->v6only = sk->sk_ipv6only;
	if (sk->sk_socket) {
		state->connecting = sk->sk_socket->state == SS_CONNECTING;
		/* What shutdown(2) has made of a connect(2) that is over is not connected again. */
		state->was_connected = sk->sk_socket->state == SS_CONNECTED ||
				       sk->sk_socket->state == SS_DISCONNECTING;
	}
	checkpoint_tcp_address(sk, false, state->addr, &state->port);
	checkpoint_tcp_address(sk, true, state->peer_addr, &state->peer_port);
	strscpy(state->congestion, icsk->icsk_ca_ops->name, sizeof(state->congestion));
	if (state->state == CHECKPOINT_TCP_LISTENING || state->state == CHECKPOINT_TCP_NEW)
		return 0;

	err = checkpoint_tcp_take_received(sk, bytes);
	if (err)
		return err;
	state->received = bytes->len - at;
	if (tp->urg_data & (TCP_URG_VALID | TCP_URG_READ)) {
		u32 mark = tp->urg_seq - tp->copied_seq;

		if (mark < state->received) {
			state->urgent = mark + 1;
			state->urgent_read = !(tp->urg_data & TCP_URG_VALID);
		}
	}

	if (state->state != CHECKPOINT_TCP_CONNECTED)
		return 0;
	at = bytes->len;
	seq = tp->snd_una;
	if (peer) {
		seq = tcp_sk(peer)->rcv_nxt;
		/* A FIN that has arrived counts for one. */
		if (before(seq, tp->snd_una) || after(seq, tp->write_seq))
			return -ESTALE;
	}
	err = checkpoint_tcp_take_sent(sk, seq, bytes);
	if (err)
		return err;
	state->sent = bytes->len - at;
	if (tp->snd_up != tp->snd_una) {
		u32 mark = tp->snd_up - 1 - seq;

		if (mark < state->sent)
			state->urgent_sent = mark + 1;
	}
	if (!peer)
		checkpoint_tcp_wire_get(sk, &state->wire);
	return 0;
}

/**
 * checkpoint_tcp_get() - read a TCP socket, or both ends of a connection
 * @sk: the socket
 * @peer: the other end; NULL: there is none that is saved as well
 * @state: where to put what @sk is
 * @peer_state: where to put what @peer is
 * @to: where to put what @sk has received, what is to be sent by it, and the
 *	same of @peer
 * @room: bytes that there is room for
 *
 * What @peer has got already is not to be sent any more.
 *
 * Return: how many bytes there are: if more than there is room for then they
 * are to be read again; or an errno: -ESTALE if the two are not connected to
 * each other, -EOPNOTSUPP if bytes are in the memory of a device, -EINTR if the
 * caller was killed.
 */
ssize_t checkpoint_tcp_get(struct sock *sk, struct sock *peer, struct checkpoint_tcp *state,
			   struct checkpoint_tcp *peer_state, void *to, size_t room)
{
	struct checkpoint_tcp_bytes bytes = { .to = to, .room = room };
	int err;

	if (peer == sk)
		return -ESTALE;
	err = checkpoint_tcp_lock(sk, peer);
	if (err)
		return err;

	err = checkpoint_tcp_get_one(sk, peer, state, &bytes);
	if (!err && peer)
		err = checkpoint_tcp_get_one(peer, sk, peer_state, &bytes);

	if (peer)
		checkpoint_tcp_unlock(peer);
	checkpoint_tcp_unlock(sk);
	return err ? err : (ssize_t)bytes.len;
}

/* Makes an address of what @state tells; its length. */
static int checkpoint_tcp_sockaddr(const struct sock *sk, const u8 *addr, u16 port,
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
static bool checkpoint_tcp_is_at(const struct sock *sk, const struct checkpoint_tcp *state)
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
static int checkpoint_tcp_repair(struct sock *sk)
{
	return checkpoint_tcp_set(sk, TCP_REPAIR, TCP_REPAIR_ON);
}

/* The end of that. @reuse is what SO_REUSEADDR was before. */
static void checkpoint_tcp_repaired(struct sock *sk, unsigned char reuse)
{
	lock_sock(sk);
	tcp_sk(sk)->repair = 0;
	sk->sk_reuse = reuse;
	release_sock(sk);
}

/* What of an address is fixed: if the socket, which is locked, is connected anew it keeps that. */
static void checkpoint_tcp_fix_address(struct sock *sk, const struct checkpoint_tcp *state)
{
	sk->sk_userlocks &= ~(SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK);
	if (state->bound_addr)
		sk->sk_userlocks |= SOCK_BINDADDR_LOCK;
	if (state->bound_port)
		sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
}

/* The same of one that is not locked. */
static void checkpoint_tcp_lock_address(struct sock *sk, const struct checkpoint_tcp *state)
{
	lock_sock(sk);
	checkpoint_tcp_fix_address(sk, state);
	release_sock(sk);
}

/*
 * Whether who has made @sk may have the port that @state tells, as bind(2) asks.
 * That the caller may is not enough: who has a port that is fixed can end the
 * connection and listen there. What was accepted does not keep its port so.
 */
static bool checkpoint_tcp_may_have(const struct sock *sk, const struct checkpoint_tcp *state)
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
static int checkpoint_tcp_bind_shared(struct sock *sk, const struct checkpoint_tcp *state)
{
	bool reuseport;
	int err;

	lock_sock(sk);
	reuseport = sk->sk_reuseport;
	sk->sk_reuseport = false;
	release_sock(sk);

	err = checkpoint_tcp_bind_here(sk, state);

	lock_sock(sk);
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
	if (!err)
		checkpoint_tcp_lock_address(sk, state);
	return err;
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

	lock_sock(sk);
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

/**
 * checkpoint_tcp_seq() - choose the number of the first byte of a connection
 *
 * Return: a number that nobody guesses.
 */
u32 checkpoint_tcp_seq(void)
{
	return get_random_u32();
}

/**
 * checkpoint_tcp_connect() - make one end of a connection without a segment
 * @sk: a new socket
 * @state: what it was: its addresses
 * @write_seq: the number of the first byte that it sends
 * @rcv_nxt: the number of the first byte that it gets
 *
 * As bind(2) and connect(2) with TCP_REPAIR, for which it asks the right of the
 * caller. It sends nothing until checkpoint_tcp_join(), and takes nothing in that
 * anybody else sends, who knows neither of the numbers.
 *
 * Return: 0, or an errno: -EPERM if the caller may not, -EACCES if who has made
 * the socket may not have its port, -EADDRNOTAVAIL if the address is none of this
 * machine or there is such a connection.
 */
int checkpoint_tcp_connect(struct sock *sk, const struct checkpoint_tcp *state, u32 write_seq,
			   u32 rcv_nxt)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct sockaddr_storage addr;
	unsigned char reuse;
	int len, err;

	if (!sk->sk_socket)
		return -EBADF;
	if (state->bound_port && !checkpoint_tcp_may_have(sk, state))
		return -EACCES;
	reuse = sk->sk_reuse;
	err = checkpoint_tcp_repair(sk);
	if (err)
		return err;
	err = checkpoint_tcp_bind_shared(sk, state);
	if (err)
		goto out;
	lock_sock(sk);
	/* As TCP_QUEUE_SEQ, which asks for a socket that is closed. */
	err = -EINVAL;
	if (sk->sk_state == TCP_CLOSE && tcp_rtx_queue_empty(sk) &&
	    tp->rcv_nxt == tp->copied_seq) {
		WRITE_ONCE(tp->write_seq, write_seq);
		tp->pushed_seq = write_seq;
		WRITE_ONCE(tp->rcv_nxt, rcv_nxt);
		WRITE_ONCE(tp->copied_seq, rcv_nxt);
		/* What is told of the clock is as random as in a handshake. */
		WRITE_ONCE(tp->tsoffset, get_random_u32());
		err = 0;
	}
	release_sock(sk);
	if (err)
		goto out;
	len = checkpoint_tcp_sockaddr(sk, state->peer_addr, state->peer_port, &addr);
	err = security_socket_connect(sk->sk_socket, (struct sockaddr *)&addr, len);
	if (!err)
		err = READ_ONCE(sk->sk_socket->ops)->connect(sk->sk_socket,
							     (struct sockaddr_unsized *)&addr, len,
							     O_NONBLOCK);
	/* A BPF program may have changed them. */
	if (!err && (sk->sk_state != TCP_ESTABLISHED || !checkpoint_tcp_is_at(sk, state)))
		err = -EADDRNOTAVAIL;
out:
	/* One that fails is closed, and tells nobody. */
	if (!err) {
		checkpoint_tcp_lock_address(sk, state);
		return 0;
	}
	checkpoint_tcp_abandon(sk);
	checkpoint_tcp_repaired(sk, reuse);
	return err;
}

/**
 * checkpoint_tcp_abandon() - close an end that was never joined
 * @sk: the socket
 *
 * No segment is sent.
 */
void checkpoint_tcp_abandon(struct sock *sk)
{
	lock_sock(sk);
	if (tcp_sk(sk)->repair && sk->sk_state != TCP_CLOSE)
		sk->sk_prot->disconnect(sk, O_NONBLOCK);
	release_sock(sk);
}

/* Gives @sk what it would have learnt from the SYN of @peer. */
static void checkpoint_tcp_shake(struct sock *sk, const struct sock *peer)
{
	const struct tcp_sock *other = tcp_sk(peer);
	const struct net *net = sock_net(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	u16 mss = other->advmss;

	if (tp->rx_opt.user_mss && tp->rx_opt.user_mss < mss)
		mss = tp->rx_opt.user_mss;
	tp->rx_opt.mss_clamp = mss;
	tp->rx_opt.sack_ok = READ_ONCE(net->ipv4.sysctl_tcp_sack) ? TCP_SACK_SEEN : 0;
	tp->rx_opt.wscale_ok = !!READ_ONCE(net->ipv4.sysctl_tcp_window_scaling);
	if (tp->rx_opt.wscale_ok)
		tp->rx_opt.snd_wscale = other->rx_opt.rcv_wscale;
	tcp_init_wl(tp, tp->rcv_nxt - 1);
}

/*
 * Opens the window as far as the buffer goes: that much may have been received
 * when it had grown, and is to be there again at once.
 */
static void checkpoint_tcp_open_window(struct sock *sk, struct sock *peer)
{
	struct tcp_sock *tp = tcp_sk(sk), *other = tcp_sk(peer);
	u32 window = clamp_t(int, tcp_full_space(sk), 0, tp->window_clamp);

	window = round_down(window, 1 << tp->rx_opt.rcv_wscale);
	if (window > tp->rcv_wnd) {
		tp->rcv_wnd = window;
		tp->rcv_ssthresh = window;
	}
	tp->rcv_mwnd_seq = tp->rcv_wup + tp->rcv_wnd;
	other->snd_wnd = tp->rcv_wnd;
	other->max_window = other->snd_wnd;
}

/* The rest of it, when both have learnt that. */
static void checkpoint_tcp_settle_options(struct sock *sk, const struct sock *peer, bool stamps)
{
	const struct tcp_sock *other = tcp_sk(peer);
	struct tcp_sock *tp = tcp_sk(sk);

	if (!tp->rx_opt.wscale_ok) {
		tp->rx_opt.snd_wscale = 0;
		tp->rx_opt.rcv_wscale = 0;
		WRITE_ONCE(tp->window_clamp, min(tp->window_clamp, 65535U));
	}
	tp->tcp_header_len = sizeof(struct tcphdr);
	tp->rx_opt.tstamp_ok = stamps;
	if (stamps) {
		tp->tcp_header_len += TCPOLEN_TSTAMP_ALIGNED;
		tp->advmss -= TCPOLEN_TSTAMP_ALIGNED;
		tp->rx_opt.ts_recent = tcp_clock_ts(other->tcp_usec_ts) + other->tsoffset;
		tp->rx_opt.ts_recent_stamp = ktime_get_seconds();
	}
	tcp_sync_mss(sk, inet_csk(sk)->icsk_pmtu_cookie);
	tcp_initialize_rcv_mss(sk);
	/* They are computed again with the first segment. */
	tp->pred_flags = 0;
}

/**
 * checkpoint_tcp_join() - make two ends a connection
 * @sk: one end, of checkpoint_tcp_connect()
 * @peer: the other end
 * @reuse: what SO_REUSEADDR of @sk is
 * @peer_reuse: the same of @peer
 *
 * They have the options that they would have agreed upon in a handshake.
 *
 * Return: 0; -EINVAL if their addresses or numbers do not fit, -EINTR if the caller
 * was killed.
 */
int checkpoint_tcp_join(struct sock *sk, struct sock *peer, bool reuse, bool peer_reuse)
{
	struct tcp_sock *tp = tcp_sk(sk), *other = tcp_sk(peer);
	bool stamps;
	int err;

	if (!checkpoint_tcp_finds(sk, peer) || !checkpoint_tcp_finds(peer, sk))
		return -EINVAL;
	err = checkpoint_tcp_lock(sk, peer);
	if (err)
		return err;
	err = -EINVAL;
	if (!tp->repair || !other->repair || sk->sk_state != TCP_ESTABLISHED ||
	    peer->sk_state != TCP_ESTABLISHED || tp->snd_nxt != other->rcv_nxt ||
	    other->snd_nxt != tp->rcv_nxt || tp->snd_una != tp->write_seq ||
	    other->snd_una != other->write_seq)
		goto out;
	checkpoint_tcp_shake(sk, peer);
	checkpoint_tcp_shake(peer, sk);
	stamps = READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_timestamps);
	checkpoint_tcp_settle_options(sk, peer, stamps);
	checkpoint_tcp_settle_options(peer, sk, stamps);
	checkpoint_tcp_open_window(sk, peer);
	checkpoint_tcp_open_window(peer, sk);
	tp->repair = 0;
	sk->sk_reuse = reuse ? SK_CAN_REUSE : SK_NO_REUSE;
	other->repair = 0;
	peer->sk_reuse = peer_reuse ? SK_CAN_REUSE : SK_NO_REUSE;
	err = 0;
out:
	release_sock(peer);
	release_sock(sk);
	return err;
}

/**
 * checkpoint_tcp_start_at() - give a socket its address that is to connect
 * @sk: a new socket
 * @state: what it was: its addresses
 *
 * Its own address may be that of others, as with TCP_REPAIR, for which it asks
 * the right of the caller.
 *
 * Return: 0, or an errno: -EACCES if who has made the socket may not have its
 * port, what a security module says of the connection.
 */
int checkpoint_tcp_start_at(struct sock *sk, const struct checkpoint_tcp *state)
{
	unsigned char reuse = sk->sk_reuse;
	struct sockaddr_storage addr;
	int len, err;

	if (!sk->sk_socket)
		return -EBADF;
	if (state->port) {
		if (!checkpoint_tcp_may_have(sk, state))
			return -EACCES;
		err = checkpoint_tcp_repair(sk);
		if (err)
			return err;
		err = checkpoint_tcp_bind_shared(sk, state);
		checkpoint_tcp_repaired(sk, reuse);
		if (err)
			return err;
	}
	len = checkpoint_tcp_sockaddr(sk, state->peer_addr, state->peer_port, &addr);
	return security_socket_connect(sk->sk_socket, (struct sockaddr *)&addr, len);
}

/**
 * checkpoint_tcp_start_now() - begin to connect, as connect(2)
 * @sk: the socket, of checkpoint_tcp_start_at()
 * @state: what it was: its addresses
 *
 * What connect(2) fails with the socket tells as if that had come later, and who
 * polls it is woken. Who has got at the socket by its task may keep it locked, and
 * the tasks are held meanwhile: so a moment is waited for that, and no more. Then it is
 * as if the network had ended it: ECONNABORTED.
 */
void checkpoint_tcp_start_now(struct sock *sk, const struct checkpoint_tcp *state)
{
	unsigned long end = jiffies + CHECKPOINT_TCP_START_WAIT;
	struct sockaddr_storage addr;
	int len, err;

	len = checkpoint_tcp_sockaddr(sk, state->peer_addr, state->peer_port, &addr);
	while (!checkpoint_tcp_trylock(sk, 0)) {
		if (time_after(jiffies, end) || fatal_signal_pending(current)) {
			err = -ECONNABORTED;
			goto out;
		}
		schedule_timeout_killable(1);
	}
	/* As inet_stream_connect(), which locks it. */
	err = __inet_stream_connect(sk->sk_socket, (struct sockaddr_unsized *)&addr, len,
				    O_NONBLOCK, 0);
	if (err == -EINPROGRESS)
		err = 0;
	checkpoint_tcp_fix_address(sk, state);
	checkpoint_tcp_unlock(sk);
out:
	if (err) {
		WRITE_ONCE(sk->sk_err, -err);
		sk_error_report(sk);
	}
}

/* Whether the address that @sk is to connect to is one of this machine. */
static bool checkpoint_tcp_goes_here(const struct sock *sk, const struct checkpoint_tcp *state)
{
	struct net *net = sock_net(sk);
	__be32 v4;

	memcpy(&v4, state->peer_addr, sizeof(v4));
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		struct in6_addr v6;

		memcpy(&v6, state->peer_addr, sizeof(v6));
		if (!ipv6_addr_v4mapped(&v6))
			return ipv6_addr_loopback(&v6) || ipv6_chk_addr(net, &v6, NULL, 0);
		v4 = v6.s6_addr32[3];
	}
#endif
	return inet_addr_type(net, v4) == RTN_LOCAL;
}

/**
 * checkpoint_tcp_start() - do both
 * @sk: a new socket
 * @state: what it was: its addresses
 *
 * It is connected on this machine only: others must not hear of a restart that may
 * fail yet.
 *
 * Return: 0, or an errno, as of checkpoint_tcp_start_at().
 */
int checkpoint_tcp_start(struct sock *sk, const struct checkpoint_tcp *state)
{
	int err;

	if (!checkpoint_tcp_goes_here(sk, state))
		return -EADDRNOTAVAIL;
	err = checkpoint_tcp_start_at(sk, state);
	if (err)
		return err;
	checkpoint_tcp_start_now(sk, state);
	/* The caller's right to an address is not there to speak to other machines. */
	if (!sk->sk_socket->file && !checkpoint_tcp_is_local(sk))
		return -EADDRNOTAVAIL;
	return 0;
}

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
	int sndbuf, nonagle, sent;
	u32 lowat;

	if (!sk->sk_socket)
		return -EBADF;
	lock_sock(sk);
	sndbuf = sk->sk_sndbuf;
	nonagle = tp->nonagle;
	lowat = tp->notsent_lowat;
	WRITE_ONCE(sk->sk_sndbuf,
		   (int)min_t(u64, (u64)max(sndbuf, sk->sk_wmem_queued) + limit, INT_MAX / 2));
	WRITE_ONCE(tp->notsent_lowat, U32_MAX);
	tp->nonagle = TCP_NAGLE_OFF;
	release_sock(sk);

	sent = kernel_sendmsg(sk->sk_socket, &msg, &vec, 1, len);

	lock_sock(sk);
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
 * @peer: who receives
 *
 * Return: bytes.
 */
u64 checkpoint_tcp_room(struct sock *sk, struct sock *peer)
{
	int sndbuf = READ_ONCE(sk->sk_sndbuf);
	int rcvbuf = peer ? READ_ONCE(peer->sk_rcvbuf) : 0;

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
	int err = -EINVAL;
	u32 seq;
	u8 byte;

	lock_sock(sk);
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
 */
void checkpoint_tcp_urgent_next(struct sock *sk, unsigned int ahead)
{
	struct tcp_sock *tp = tcp_sk(sk);

	lock_sock(sk);
	tp->snd_up = tp->write_seq + ahead;
	release_sock(sk);
}

/**
 * checkpoint_tcp_shut() - shut a connection down, as shutdown(2)
 * @sk: the socket
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN
 */
void checkpoint_tcp_shut(struct sock *sk, unsigned int how)
{
	how &= SHUTDOWN_MASK;
	if (sk->sk_socket && how)
		kernel_sock_shutdown(sk->sk_socket, how - 1);
}

/**
 * checkpoint_tcp_connecting() - set whether connect(2) is to tell the outcome
 * @sk: the socket, which is connected or about to be
 * @connecting: whether it is
 */
void checkpoint_tcp_connecting(struct sock *sk, bool connecting)
{
	struct socket *sock;

	lock_sock(sk);
	sock = sk->sk_socket;
	if (sock && (sock->state == SS_CONNECTED || sock->state == SS_CONNECTING))
		sock->state = connecting ? SS_CONNECTING : SS_CONNECTED;
	release_sock(sk);
}

/**
 * checkpoint_tcp_is_connected() - tell whether a handshake is over
 * @sk: the socket
 *
 * Return: 1: it is, 0: not yet, or the errno that it has failed with.
 */
int checkpoint_tcp_is_connected(struct sock *sk)
{
	int state = inet_sk_state_load(sk);

	if (state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		return 0;
	if (state != TCP_CLOSE)
		return 1;
	return -(READ_ONCE(sk->sk_err) ? : ECONNREFUSED);
}

/**
 * checkpoint_tcp_end_quietly() - let close(2) send nothing
 * @sk: one end of a connection whose other end is closed likewise
 *
 * As TCP_REPAIR. Nothing is left in TIME_WAIT, where it would keep the address
 * from who comes back. If somebody else has locked it, and the caller is killed, then
 * it ends as always.
 */
void checkpoint_tcp_end_quietly(struct sock *sk)
{
	if (checkpoint_tcp_lock(sk, NULL))
		return;
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		tcp_sk(sk)->repair = 1;
	checkpoint_tcp_unlock(sk);
}

/**
 * checkpoint_tcp_go_on() - let close(2) tell the other end
 * @sk: one that was to end quietly
 *
 * Return: 0, or -EINTR if the caller was killed.
 */
int checkpoint_tcp_go_on(struct sock *sk)
{
	int err;

	err = checkpoint_tcp_lock(sk, NULL);
	if (err)
		return err;
	tcp_sk(sk)->repair = 0;
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

/**
 * checkpoint_tcp_over() - make a socket one whose connection is over
 * @sk: a new socket
 * @state: what it was
 * @data: what it has received and not read
 *
 * As what tcp_done() leaves.
 *
 * Return: 0, or an errno: -ENOMEM if there is no memory.
 */
int checkpoint_tcp_over(struct sock *sk, const struct checkpoint_tcp *state, const void *data)
{
	struct inet_sock *inet = inet_sk(sk);
	int err;

	if (!sk->sk_socket)
		return -EBADF;
	lock_sock(sk);
	if (sk->sk_state != TCP_CLOSE || inet->inet_num || inet->inet_sport) {
		err = -EINVAL;
		goto out;
	}
	err = checkpoint_tcp_fill(sk, data, state->received);
	if (err)
		goto out;
	/* No port is taken: that this tells one is as after a reset. */
	inet->inet_sport = htons(state->port);
	inet->inet_dport = htons(state->peer_port);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		memcpy(&sk->sk_v6_rcv_saddr, state->addr, 16);
		memcpy(&inet6_sk(sk)->saddr, state->addr, 16);
		memcpy(&sk->sk_v6_daddr, state->peer_addr, 16);
	}
#endif
	if (sk->sk_family == AF_INET) {
		__be32 addr, peer;

		memcpy(&addr, state->addr, sizeof(addr));
		memcpy(&peer, state->peer_addr, sizeof(peer));
		sk_rcv_saddr_set(sk, addr);
		inet->inet_saddr = addr;
		sk_daddr_set(sk, peer);
	}
	if (state->done) {
		sock_set_flag(sk, SOCK_DONE);
		/* The end of what it received has a number of its own: SIOCINQ leaves that out. */
		WRITE_ONCE(tcp_sk(sk)->rcv_nxt, tcp_sk(sk)->rcv_nxt + 1);
	}
	WRITE_ONCE(sk->sk_shutdown, state->shutdown & SHUTDOWN_MASK);
	WRITE_ONCE(sk->sk_err, state->error);
	if (state->connecting)
		sk->sk_socket->state = SS_CONNECTING;
	else if (state->was_connected)
		sk->sk_socket->state = SS_CONNECTED;
out:
	release_sock(sk);
	return err;
}
