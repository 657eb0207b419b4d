// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: keys that sign segments, of TCP_MD5SIG and of TCP-AO (RFC 5925).
 *
 * They are set as setsockopt(2) sets them, before a socket gets an address, and so
 * the kernel chooses which of them a connection has. What the numbers of a
 * connection are signed with is TCP_AO_REPAIR.
 */
#include <linux/capability.h>
#include <linux/checkpoint_socket.h>
#include <linux/checkpoint_tcp_keys.h>
#include <linux/checkpoint_tcp_sock.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/lockdep.h>
#include <linux/rculist.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/tcp_ao.h>

#include "tcp.h"

#if defined(CONFIG_TCP_MD5SIG) || defined(CONFIG_TCP_AO)
/* Where keys go; those that there is no room for are counted. */
struct checkpoint_tcp_key_room {
	struct checkpoint_tcp_key *keys;
	unsigned int room;
	unsigned int len;
};

static void checkpoint_tcp_key_note(struct checkpoint_tcp_key_room *all,
				    const struct checkpoint_tcp_key *key)
{
	if (all->len < all->room)
		all->keys[all->len] = *key;
	all->len++;
}

static void checkpoint_tcp_key_addr(struct checkpoint_tcp_key *to, int family,
				    const union tcp_ao_addr *addr)
{
	to->v6 = family == AF_INET6;
	memcpy(to->addr, addr, to->v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr));
}

/* Makes an address of a key as setsockopt(2) wants it of @sk. */
static int checkpoint_tcp_key_sockaddr(const struct sock *sk, const struct checkpoint_tcp_key *key,
				       void *to)
{
	struct sockaddr_in6 *sin6 = to;
	struct sockaddr_in *sin = to;

	if (sk->sk_family == AF_INET6) {
		sin6->sin6_family = AF_INET6;
		if (key->v6) {
			memcpy(&sin6->sin6_addr, key->addr, sizeof(sin6->sin6_addr));
		} else {
			__be32 addr;

			memcpy(&addr, key->addr, sizeof(addr));
			ipv6_addr_set_v4mapped(addr, &sin6->sin6_addr);
		}
		return 0;
	}
	if (key->v6)
		return -EINVAL;
	sin->sin_family = AF_INET;
	memcpy(&sin->sin_addr, key->addr, sizeof(sin->sin_addr));
	return 0;
}
#endif

#ifdef CONFIG_TCP_MD5SIG
static const struct tcp_md5sig_info *checkpoint_tcp_md5(const struct sock *sk)
{
	return rcu_dereference_protected(tcp_sk(sk)->md5sig_info, lockdep_sock_is_held(sk));
}

static void checkpoint_tcp_md5_get(struct sock *sk, struct checkpoint_tcp_key_room *all)
{
	const struct tcp_md5sig_info *md5 = checkpoint_tcp_md5(sk);
	const struct tcp_md5sig_key *key, *used;

	if (!md5)
		return;
	used = tcp_sk(sk)->af_specific->md5_lookup(sk, sk);
	hlist_for_each_entry_rcu(key, &md5->head, node, lockdep_sock_is_held(sk)) {
		struct checkpoint_tcp_key to = {
			.of_device = key->flags & TCP_MD5SIG_FLAG_IFINDEX,
			.prefix = key->prefixlen,
			.used = key == used,
			.len = min_t(u8, key->keylen, sizeof(to.key)),
		};

		BUILD_BUG_ON(sizeof(to.key) < TCP_MD5SIG_MAXKEYLEN);
		/* Without the flag nobody asks for it, but who looks for the best match. */
		if (to.of_device)
			to.device = key->l3index;
		checkpoint_tcp_key_addr(&to, key->family, &key->addr);
		memcpy(to.key, key->key, to.len);
		checkpoint_tcp_key_note(all, &to);
		memzero_explicit(&to, sizeof(to));
	}
}

static int checkpoint_tcp_md5_add(struct sock *sk, const struct checkpoint_tcp_key *key)
{
	struct tcp_md5sig cmd = {
		.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX,
		.tcpm_prefixlen = key->prefix,
		.tcpm_keylen = key->len,
	};
	int err;

	/* An empty one would take a key away. */
	if (!key->len || key->len > sizeof(cmd.tcpm_key))
		return -EINVAL;
	if (key->of_device) {
		cmd.tcpm_flags |= TCP_MD5SIG_FLAG_IFINDEX;
		cmd.tcpm_ifindex = key->device;
	}
	err = checkpoint_tcp_key_sockaddr(sk, key, &cmd.tcpm_addr);
	if (err)
		return err;
	memcpy(cmd.tcpm_key, key->key, key->len);
	err = tcp_setsockopt(sk, SOL_TCP, TCP_MD5SIG_EXT, KERNEL_SOCKPTR(&cmd), sizeof(cmd));
	memzero_explicit(&cmd, sizeof(cmd));
	return err;
}
#endif

#ifdef CONFIG_TCP_AO
static struct tcp_ao_info *checkpoint_tcp_ao_of(const struct sock *sk)
{
	return rcu_dereference_protected(tcp_sk(sk)->ao_info, lockdep_sock_is_held(sk));
}

static u8 checkpoint_tcp_algorithm(enum tcp_ao_algo_id algo)
{
	switch (algo) {
	case TCP_AO_ALGO_HMAC_SHA1:
		return CHECKPOINT_TCP_HMAC_SHA1;
	case TCP_AO_ALGO_HMAC_SHA256:
		return CHECKPOINT_TCP_HMAC_SHA256;
	case TCP_AO_ALGO_AES_128_CMAC:
		return CHECKPOINT_TCP_AES_128_CMAC;
	}
	return 0;
}

static const char *checkpoint_tcp_algorithm_name(u8 algorithm)
{
	switch (algorithm) {
	case CHECKPOINT_TCP_HMAC_SHA1:
		return "hmac(sha1)";
	case CHECKPOINT_TCP_HMAC_SHA256:
		return "hmac(sha256)";
	case CHECKPOINT_TCP_AES_128_CMAC:
		return "cmac(aes128)";
	}
	return NULL;
}

static void checkpoint_tcp_ao_get(struct sock *sk, struct checkpoint_tcp_ao *to,
				  struct checkpoint_tcp_key_room *all)
{
	const struct tcp_ao_key *key, *current_key;
	const struct tcp_ao_info *ao = checkpoint_tcp_ao_of(sk);

	if (!ao)
		return;
	to->there = true;
	to->required = ao->ao_required;
	to->icmps = ao->accept_icmps;
	to->good = atomic64_read(&ao->counters.pkt_good);
	to->bad = atomic64_read(&ao->counters.pkt_bad);
	to->not_found = atomic64_read(&ao->counters.key_not_found);
	to->missing = atomic64_read(&ao->counters.ao_required);
	to->icmp = atomic64_read(&ao->counters.dropped_icmp);
	to->send_isn = ntohl(ao->lisn);
	to->receive_isn = ntohl(READ_ONCE(ao->risn));
	to->send_sne = READ_ONCE(ao->snd_sne);
	to->receive_sne = READ_ONCE(ao->rcv_sne);
	/* A segment that comes in may change it. */
	current_key = READ_ONCE(ao->current_key);
	hlist_for_each_entry_rcu(key, &ao->head, node, lockdep_sock_is_held(sk)) {
		struct checkpoint_tcp_key one = {
			.ao = true,
			.good = atomic64_read(&key->pkt_good),
			.bad = atomic64_read(&key->pkt_bad),
			.send_id = key->sndid,
			.receive_id = key->rcvid,
			.mac_len = key->maclen,
			.algorithm = checkpoint_tcp_algorithm(key->algo),
			.no_options = key->keyflags & TCP_AO_KEYF_EXCLUDE_OPT,
			.of_device = key->keyflags & TCP_AO_KEYF_IFINDEX,
			.current_key = key == current_key,
			.next_key = key == READ_ONCE(ao->rnext_key),
			.device = key->l3index,
			.prefix = key->prefixlen,
			.len = min_t(u8, key->keylen, sizeof(one.key)),
		};

		BUILD_BUG_ON(sizeof(one.key) < TCP_AO_MAXKEYLEN);
		checkpoint_tcp_key_addr(&one, key->family, &key->addr);
		memcpy(one.key, key->key, one.len);
		checkpoint_tcp_key_note(all, &one);
		memzero_explicit(&one, sizeof(one));
	}
}

/*
 * Counts what was signed with @key, which was added last. No function sets these: they
 * are there to be looked at, and nothing is checked of them.
 */
static int checkpoint_tcp_ao_count(struct sock *sk, const struct checkpoint_tcp_key *key)
{
	struct tcp_ao_info *ao;
	struct tcp_ao_key *it;
	int err;

	if (!key->good && !key->bad)
		return 0;
	err = checkpoint_sock_lock(sk);
	if (err)
		return err;
	ao = checkpoint_tcp_ao_of(sk);
	if (ao) {
		hlist_for_each_entry_rcu(it, &ao->head, node, lockdep_sock_is_held(sk)) {
			if (it->sndid == key->send_id && it->rcvid == key->receive_id) {
				atomic64_set(&it->pkt_good, key->good);
				atomic64_set(&it->pkt_bad, key->bad);
				break;
			}
		}
	}
	release_sock(sk);
	return 0;
}

static int checkpoint_tcp_ao_add(struct sock *sk, const struct checkpoint_tcp_key *key)
{
	const char *name = checkpoint_tcp_algorithm_name(key->algorithm);
	struct tcp_ao_add cmd = {
		.ifindex = key->of_device ? key->device : 0,
		.set_current = key->current_key,
		.set_rnext = key->next_key,
		.prefix = key->prefix,
		.sndid = key->send_id,
		.rcvid = key->receive_id,
		.maclen = key->mac_len,
		.keyflags = (key->of_device ? TCP_AO_KEYF_IFINDEX : 0) |
			    (key->no_options ? TCP_AO_KEYF_EXCLUDE_OPT : 0),
		.keylen = key->len,
	};
	int err;

	if (!name || key->len > sizeof(cmd.key))
		return -EINVAL;
	err = checkpoint_tcp_key_sockaddr(sk, key, &cmd.addr);
	if (err)
		return err;
	strscpy(cmd.alg_name, name);
	memcpy(cmd.key, key->key, key->len);
	err = tcp_setsockopt(sk, SOL_TCP, TCP_AO_ADD_KEY, KERNEL_SOCKPTR(&cmd), sizeof(cmd));
	memzero_explicit(&cmd, sizeof(cmd));
	return err ? : checkpoint_tcp_ao_count(sk, key);
}
#endif

#if defined(CONFIG_TCP_MD5SIG) && defined(CONFIG_TCP_AO)
/*
 * Whether keys of both kinds can't be set again one kind after the other: each of them
 * may have been refused if it had come later, and connect(2) drops those of a kind that
 * its connection does not have.
 */
static bool checkpoint_tcp_keys_mixed(struct sock *sk)
{
	const struct tcp_md5sig_info *md5 = checkpoint_tcp_md5(sk);
	const struct tcp_ao_info *ao = checkpoint_tcp_ao_of(sk);
	const struct tcp_ao_key *key;

	if (!md5 || hlist_empty(&md5->head) || !ao)
		return false;
	if (!((1 << sk->sk_state) & (TCPF_LISTEN | TCPF_CLOSE)))
		return true;
	hlist_for_each_entry_rcu(key, &ao->head, node, lockdep_sock_is_held(sk)) {
		/* As tcp_ao_add_cmd(), but for any device. */
		if (tcp_md5_do_lookup_any_l3index(sk, &key->addr, key->family))
			return true;
	}
	return false;
}
#endif

/**
 * checkpoint_tcp_keys_refusal() - tell why the keys of a TCP socket can't be saved
 * @sk: the socket, locked
 *
 * Those of TCP_MD5SIG are told to nobody but by sock_diag(7), which asks for
 * CAP_NET_ADMIN. Those of TCP-AO are told to who has the socket.
 *
 * Return: 0, or CHECKPOINT_TCP_*.
 */
int checkpoint_tcp_keys_refusal(struct sock *sk)
{
#ifdef CONFIG_TCP_MD5SIG
	const struct tcp_md5sig_info *md5 = checkpoint_tcp_md5(sk);

	if (md5 && !hlist_empty(&md5->head) &&
	    !ns_capable_noaudit(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return CHECKPOINT_TCP_KEYS_DENIED;
#endif
#if defined(CONFIG_TCP_MD5SIG) && defined(CONFIG_TCP_AO)
	if (checkpoint_tcp_keys_mixed(sk))
		return CHECKPOINT_TCP_KEYS;
#endif
	return 0;
}

/**
 * checkpoint_tcp_keys() - read the keys of a TCP socket
 * @sk: the socket
 * @ao: where to put what else it has of TCP-AO
 * @keys: where to put them, the one that was added last first
 * @room: how many there is room for
 *
 * Return: how many there are, or an errno: -EPERM if the caller may not read them,
 * -EINTR if the caller was killed.
 */
int checkpoint_tcp_keys(struct sock *sk, struct checkpoint_tcp_ao *ao,
			struct checkpoint_tcp_key *keys, unsigned int room)
{
#if defined(CONFIG_TCP_MD5SIG) || defined(CONFIG_TCP_AO)
	struct checkpoint_tcp_key_room all = { .keys = keys, .room = room };
	bool any = false;
	int err;
#endif

	memset(ao, 0, sizeof(*ao));
#if defined(CONFIG_TCP_MD5SIG) || defined(CONFIG_TCP_AO)
#ifdef CONFIG_TCP_MD5SIG
	any |= !!rcu_access_pointer(tcp_sk(sk)->md5sig_info);
#endif
#ifdef CONFIG_TCP_AO
	any |= !!rcu_access_pointer(tcp_sk(sk)->ao_info);
#endif
	if (!any)
		return 0;
	err = checkpoint_tcp_lock(sk, NULL);
	if (err)
		return err;
	if (checkpoint_tcp_keys_refusal(sk) == CHECKPOINT_TCP_KEYS_DENIED) {
		checkpoint_tcp_unlock(sk);
		return -EPERM;
	}
#ifdef CONFIG_TCP_MD5SIG
	checkpoint_tcp_md5_get(sk, &all);
#endif
#ifdef CONFIG_TCP_AO
	checkpoint_tcp_ao_get(sk, ao, &all);
#endif
	checkpoint_tcp_unlock(sk);
	return all.len;
#else
	return 0;
#endif
}

/**
 * checkpoint_tcp_key_add() - give a TCP socket a key, as TCP_MD5SIG_EXT or TCP_AO_ADD_KEY
 * @sk: the socket, which is new
 * @key: the key
 *
 * Return: 0, or an errno: -ENOPROTOOPT if the kernel has none of that kind, -ENOENT
 * if it does not know the algorithm, -EKEYREJECTED or -EEXIST if there is one for that
 * peer.
 */
int checkpoint_tcp_key_add(struct sock *sk, const struct checkpoint_tcp_key *key)
{
#ifdef CONFIG_TCP_AO
	if (key->ao)
		return checkpoint_tcp_ao_add(sk, key);
#endif
#ifdef CONFIG_TCP_MD5SIG
	if (!key->ao)
		return checkpoint_tcp_md5_add(sk, key);
#endif
	return -ENOPROTOOPT;
}

/**
 * checkpoint_tcp_ao_set() - set what a TCP socket has of TCP-AO, as TCP_AO_INFO
 * @sk: the socket, which is new and has its keys
 * @ao: what
 *
 * Return: 0, or an errno.
 */
int checkpoint_tcp_ao_set(struct sock *sk, const struct checkpoint_tcp_ao *ao)
{
	struct tcp_ao_info_opt cmd = {
		.ao_required = ao->required,
		.accept_icmps = ao->icmps,
		.set_counters = 1,
		.pkt_good = ao->good,
		.pkt_bad = ao->bad,
		.pkt_key_not_found = ao->not_found,
		.pkt_ao_required = ao->missing,
		.pkt_dropped_icmp = ao->icmp,
	};

	return tcp_setsockopt(sk, SOL_TCP, TCP_AO_INFO, KERNEL_SOCKPTR(&cmd), sizeof(cmd));
}

/**
 * checkpoint_tcp_ao_agree() - set what the numbers of a connection are signed with
 * @sk: one end, under repair, which has all that it had received
 * @ao: what it was
 *
 * As TCP_AO_REPAIR, with the right that this asks for.
 *
 * Return: 0, or an errno: -ENOENT if no key fits the connection.
 */
int checkpoint_tcp_ao_agree(struct sock *sk, const struct checkpoint_tcp_ao *ao)
{
	struct tcp_ao_repair cmd = {
		.snt_isn = htonl(ao->send_isn),
		.rcv_isn = htonl(ao->receive_isn),
		.snd_sne = ao->send_sne,
		.rcv_sne = ao->receive_sne,
	};

	return tcp_setsockopt(sk, SOL_TCP, TCP_AO_REPAIR, KERNEL_SOCKPTR(&cmd), sizeof(cmd));
}

/**
 * checkpoint_tcp_ao_begin() - do the same of a connection that begins
 * @sk: one end, under repair
 * @seq: the number of the first byte that it sends
 * @peer_seq: the number of the first byte that it gets
 *
 * Return: 0, also if it has nothing of TCP-AO; or an errno.
 */
int checkpoint_tcp_ao_begin(struct sock *sk, u32 seq, u32 peer_seq)
{
#ifdef CONFIG_TCP_AO
	struct checkpoint_tcp_ao ao = { .send_isn = seq, .receive_isn = peer_seq };

	if (rcu_access_pointer(tcp_sk(sk)->ao_info))
		return checkpoint_tcp_ao_agree(sk, &ao);
#endif
	return 0;
}
