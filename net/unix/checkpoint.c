// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint/restart of Unix sockets.
 */

#include <linux/checkpoint_unix.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/pidfs.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <net/af_unix.h>
#include <net/scm.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "af_unix.h"

/**
 * checkpoint_unix_get() - read what a Unix socket is
 * @sk: the socket
 * @state: where to; all references in it are the caller's
 */
void checkpoint_unix_get(struct sock *sk, struct checkpoint_unix *state)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);
	struct unix_sock *u = unix_sk(sk);
	struct unix_address *addr;
	struct socket *sock;

	memset(state, 0, sizeof(*state));
	state->type = sk->sk_type;
	state->foreign = prot != &unix_dgram_proto && prot != &unix_stream_proto;
	state->queued = skb_queue_len_lockless(&sk->sk_receive_queue);

	unix_state_lock(sk);
	switch (sk->sk_state) {
	case TCP_LISTEN:
		state->state = CHECKPOINT_UNIX_LISTENING;
		break;
	case TCP_ESTABLISHED:
		state->state = CHECKPOINT_UNIX_CONNECTED;
		break;
	default:
		state->state = CHECKPOINT_UNIX_CLOSED;
	}
	state->shutdown = sk->sk_shutdown;
	state->err = READ_ONCE(sk->sk_err);
	state->backlog = sk->sk_max_ack_backlog;
	state->dead = sock_flag(sk, SOCK_DEAD);
	state->embryo = u->listener;
	state->scm = (sk->sk_scm_credentials ? CHECKPOINT_SCM_CREDENTIALS : 0) |
		     (sk->sk_scm_security ? CHECKPOINT_SCM_SECURITY : 0) |
		     (sk->sk_scm_pidfd ? CHECKPOINT_SCM_PIDFD : 0) |
		     (sk->sk_scm_rights ? CHECKPOINT_SCM_RIGHTS : 0) |
		     (u->scm_rights_notrunc ? CHECKPOINT_SCM_NOTRUNC : 0);
	state->peer = unix_peer(sk);
	if (state->peer)
		sock_hold(state->peer);
	/* One that is being closed is none. */
	sock = sk->sk_socket;
	state->file = sock && sock->file ? get_file_active(&sock->file) : NULL;

	spin_lock(&sk->sk_peer_lock);
	state->peer_pid = get_pid(sk->sk_peer_pid);
	state->peer_cred = get_cred(sk->sk_peer_cred);
	spin_unlock(&sk->sk_peer_lock);

	addr = smp_load_acquire(&u->addr); /* as unix_getname() */
	if (addr) {
		BUILD_BUG_ON(sizeof(state->name) < sizeof(struct sockaddr_un) + 1);
		state->name_len = min_t(int, addr->len, sizeof(state->name));
		memcpy(state->name, addr->name, state->name_len);
	}
	/* An accepted one has the path of its listener, and is not found there. */
	if (addr && u->path.dentry && !hlist_unhashed(&sk->sk_bind_node)) {
		path_get(&u->path);
		state->mnt = u->path.mnt;
		state->dentry = u->path.dentry;
	}
	state->named = addr && !addr->name->sun_path[0] && sk->sk_hash > UNIX_HASH_MOD;
	unix_state_unlock(sk);
}

/**
 * checkpoint_unix_queue() - take what is in the queue of a Unix socket
 * @sk: the socket
 * @skbs: where to; the caller gets a reference on each
 * @max: how many there is room for
 *
 * What is queued stays so.
 *
 * Return: how many there are, which may be more.
 */
unsigned int checkpoint_unix_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max)
{
	unsigned int n = 0;
	struct sk_buff *skb;

	spin_lock(&sk->sk_receive_queue.lock);
	skb_queue_walk(&sk->sk_receive_queue, skb) {
		if (n < max)
			skbs[n] = skb_get(skb);
		n++;
	}
	spin_unlock(&sk->sk_receive_queue.lock);
	return n;
}

#ifdef CONFIG_SECURITY_NETWORK
/* The label that is told of a sender: its own, or that of who receives if it is gone. */
static u32 checkpoint_unix_secid(struct sock *from, struct sock *to)
{
	struct sock *sks[] = { from, to };
	u32 secid = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(sks); i++) {
		struct socket *sock;

		/* It is closed under this lock. */
		unix_state_lock(sks[i]);
		sock = sks[i]->sk_socket;
		if (sock)
			security_socket_getpeersec_dgram(sock, NULL, &secid);
		unix_state_unlock(sks[i]);
		if (sock)
			break;
	}
	return secid;
}
#endif

/**
 * checkpoint_unix_message() - read what a message is
 * @sk: the socket in whose queue it is
 * @skb: the message, on which the caller has a reference
 * @message: where to; all references in it are the caller's
 *
 * The files are read if nobody receives meanwhile, who may do so as long as
 * user space likes.
 *
 * Return: 0; -EBUSY if somebody receives; -EOPNOTSUPP if its security label is
 * not that of its sender.
 */
int checkpoint_unix_message(struct sock *sk, struct sk_buff *skb,
			    struct checkpoint_unix_message *message)
{
	struct unix_sock *u = unix_sk(sk);
	struct unix_address *addr;
	struct scm_fp_list *fp;
	int i, err = 0;

	memset(message, 0, sizeof(*message));
	if (!mutex_trylock(&u->iolock))
		return -EBUSY;
	/* A message keeps the memory of who has sent it, and may be all that does. */
	message->sender = skb->sk;
	if (skb->sk && refcount_inc_not_zero(&skb->sk->sk_refcnt))
		message->from = skb->sk;
	/* As unix_copy_addr(). */
	addr = skb->sk ? smp_load_acquire(&unix_sk(skb->sk)->addr) : NULL;
	if (addr) {
		message->name_len = min_t(int, addr->len, sizeof(message->name));
		memcpy(message->name, addr->name, message->name_len);
	}
	message->len = skb->len;
	message->consumed = UNIXCB(skb).consumed;
	message->pid = get_pid(UNIXCB(skb).pid);
	message->uid = UNIXCB(skb).uid;
	message->gid = UNIXCB(skb).gid;
	message->time = ktime_to_ns(skb->tstamp);
#if IS_ENABLED(CONFIG_AF_UNIX_OOB)
	message->oob = skb == READ_ONCE(u->oob_skb);
#endif
	fp = UNIXCB(skb).fp;
	for (i = 0; fp && i < fp->count; i++)
		message->files[i] = get_file(fp->fp[i]);
	message->nr_files = i;
#ifdef CONFIG_SECURITY_NETWORK
	if (UNIXCB(skb).secid && skb->sk &&
	    UNIXCB(skb).secid != checkpoint_unix_secid(skb->sk, sk))
		err = -EOPNOTSUPP;
#endif
	mutex_unlock(&u->iolock);
	return err;
}

/**
 * checkpoint_unix_set_name() - give a Unix socket the address that it tells
 * @sk: the socket, which has none
 * @name: the address
 * @len: bytes of it
 *
 * Nobody finds the socket by it: that is for checkpoint_unix_bind().
 *
 * Return: 0, or an errno.
 */
int checkpoint_unix_set_name(struct sock *sk, const void *name, int len)
{
	struct net *net = sock_net(sk);
	struct unix_sock *u = unix_sk(sk);
	struct sockaddr_storage sun = {};
	struct unix_address *addr;

	/* One that is a path has a NUL at its end, for which there may be no room else. */
	BUILD_BUG_ON(sizeof(sun) < sizeof(struct sockaddr_un) + 1);
	if (len <= offsetof(struct sockaddr_un, sun_path) || len > sizeof(struct sockaddr_un) + 1)
		return -EINVAL;
	memcpy(&sun, name, len);
	if (sun.ss_family != AF_UNIX)
		return -EINVAL;
	if (!sun.__data[0] ? len > sizeof(struct sockaddr_un) :
	    memchr(&sun.__data, 0, sizeof(sun.__data)) != (char *)&sun + len - 1)
		return -EINVAL;

	addr = unix_create_addr((struct sockaddr_un *)&sun, len);
	if (!addr)
		return -ENOMEM;
	mutex_lock(&u->bindlock);
	if (u->addr) {
		mutex_unlock(&u->bindlock);
		unix_release_addr(addr);
		return -EINVAL;
	}
	spin_lock(&net->unx.table.locks[sk->sk_hash]);
	smp_store_release(&u->addr, addr); /* as __unix_set_addr_hash() */
	spin_unlock(&net->unx.table.locks[sk->sk_hash]);
	mutex_unlock(&u->bindlock);
	return 0;
}

/* Whether the caller might remove what lies at @path and bind a socket to that name. */
static int checkpoint_unix_may_rebind(const struct path *path)
{
	struct mnt_idmap *idmap = mnt_idmap(path->mnt);
	struct dentry *parent = dget_parent(path->dentry);
	struct path dir = { .mnt = path->mnt, .dentry = parent };
	struct inode *inode = d_backing_inode(path->dentry);
	int err;

	/* unlink(2) does not remove what is mounted there, as in a container. */
	err = -EBUSY;
	if (path->dentry == path->mnt->mnt_root)
		goto out;
	err = inode_lock_killable(d_inode(parent));
	if (err)
		goto out;
	if (path->dentry->d_parent != parent || d_unhashed(path->dentry))
		err = -ESTALE;
	/* By another link others would find it elsewhere. */
	if (!err && inode->i_nlink > 1)
		err = -EPERM;
	if (!err)
		err = may_delete_dentry(idmap, d_inode(parent), path->dentry, false);
	inode_unlock(d_inode(parent));
	if (!err && __mnt_is_readonly(path->mnt))
		err = -EROFS;
	if (!err)
		err = inode_permission(idmap, inode, MAY_WRITE);
	if (!err)
		err = security_path_unlink(&dir, path->dentry);
	if (!err)
		err = security_path_mknod(&dir, path->dentry, inode->i_mode, 0);
out:
	dput(parent);
	return err;
}

/* The file of a socket, with a reference; NULL: it was closed. */
static struct file *checkpoint_unix_file(struct sock *sk)
{
	struct file *file;

	unix_state_lock(sk);
	file = sk->sk_socket && sk->sk_socket->file ? get_file_active(&sk->sk_socket->file) : NULL;
	unix_state_unlock(sk);
	return file;
}

/**
 * checkpoint_unix_bind() - let others find a Unix socket by its address
 * @sk: the socket, with an address
 * @path: the socket inode that it was bound to; NULL: it has an abstract address
 * @removed: that was made for this, and removed (checkpoint_removed_node())
 *
 * As bind(2), with its hook of security modules, but that an inode is there already: whoever may
 * not remove that and make another one may not take it either. One that was removed was made with
 * the rights of who may do so, and is found only by who has a descriptor of it.
 *
 * Return: 0, also if it was closed; or an errno: -EADDRINUSE if another one has
 * the address.
 */
int checkpoint_unix_bind(struct sock *sk, const struct path *path, bool removed)
{
	struct net *net = sock_net(sk);
	struct unix_sock *u = unix_sk(sk);
	struct unix_address *addr = smp_load_acquire(&u->addr); /* as unix_getname() */
	unsigned int new_hash, old_hash;
	struct inode *inode = NULL;
	struct file *file;
	struct sock *other;
	int err;

	/* With its file it is not closed meanwhile, which takes it out of the tables. */
	file = checkpoint_unix_file(sk);
	if (!file)
		return 0;

	/* An address that was set stays as it is. */
	err = -EINVAL;
	if (addr)
		err = security_socket_bind(sock_from_file(file), (struct sockaddr *)addr->name,
					   addr->len);
	if (err)
		goto out_file;

	if (path) {
		inode = d_backing_inode(path->dentry);
		err = S_ISSOCK(inode->i_mode) ? 0 : -ENOTSOCK;
		if (!err && !removed)
			err = checkpoint_unix_may_rebind(path);
		else if (!err && (!d_unlinked(path->dentry) || inode->i_nlink))
			err = -ESTALE;
		if (err)
			goto out_file;
		other = unix_find_socket_byinode(inode);
		err = -EADDRINUSE;
		if (other) {
			sock_put(other);
			goto out_file;
		}
	}

	mutex_lock(&u->bindlock);
	err = -EINVAL;
	if (!u->addr || u->path.dentry ||
	    (path && !u->addr->name->sun_path[0]) || (!path && u->addr->name->sun_path[0]))
		goto out;
	old_hash = sk->sk_hash;
	if (path)
		new_hash = unix_bsd_hash(inode);
	else
		new_hash = unix_abstract_hash(u->addr->name, u->addr->len, sk->sk_type);
	unix_table_double_lock(net, old_hash, new_hash);
	if (!path && __unix_find_socket_byname(net, u->addr->name, u->addr->len, new_hash)) {
		unix_table_double_unlock(net, old_hash, new_hash);
		err = -EADDRINUSE;
		goto out;
	}
	if (path) {
		path_get(path);
		u->path = *path;
	}
	__unix_set_addr_hash(net, sk, u->addr, new_hash);
	unix_table_double_unlock(net, old_hash, new_hash);
	if (path)
		unix_insert_bsd_socket(sk);
	err = 0;
out:
	mutex_unlock(&u->bindlock);
out_file:
	fput(file);
	return err;
}

/**
 * checkpoint_unix_at() - find the Unix socket that others find at a path
 * @path: the path
 *
 * Return: the socket, with a reference; NULL: there is none.
 */
struct sock *checkpoint_unix_at(const struct path *path)
{
	struct inode *inode = d_backing_inode(path->dentry);

	return S_ISSOCK(inode->i_mode) ? unix_find_socket_byinode(inode) : NULL;
}

/**
 * checkpoint_unix_connect() - give a new Unix socket its peer
 * @sk: the socket, which nobody uses yet
 * @peer: its peer, which is of the same type; NULL: none
 * @pid: what SO_PEERCRED tells of that; NULL: nothing
 * @cred: the same
 * @connected: a datagram socket without a peer, to which others are connected
 *
 * As socketpair(2), which takes the credentials from the caller.
 *
 * Return: 0, or an errno.
 */
int checkpoint_unix_connect(struct sock *sk, struct sock *peer, struct pid *pid,
			    const struct cred *cred, bool connected)
{
	struct unix_peercred peercred = {};
	int err;

	if (peer && peer->sk_type != sk->sk_type)
		return -EPROTOTYPE;
	/* For both, when the second of them gets its peer. */
	if (peer && unix_peer(peer) == sk && sk->sk_socket && peer->sk_socket) {
		err = security_socket_socketpair(sk->sk_socket, peer->sk_socket);
		if (err)
			return err;
	}
	err = pidfs_register_pid(pid);
	if (err)
		return err;
	peercred.peer_pid = get_pid(pid);
	peercred.peer_cred = get_cred(cred);

	unix_state_lock(sk);
	err = -EISCONN;
	if (sk->sk_state == TCP_CLOSE && !unix_peer(sk)) {
		if (peer) {
			sock_hold(peer);
			unix_peer(sk) = peer;
		}
		if (peer || connected)
			WRITE_ONCE(sk->sk_state, TCP_ESTABLISHED);
		update_peercred(sk, &peercred);
		err = 0;
	}
	unix_state_unlock(sk);
	drop_peercred(&peercred);
	return err;
}

/**
 * checkpoint_unix_listen() - let a Unix socket listen
 * @sk: the socket, with an address
 * @backlog: how many connections may wait, as of listen(2)
 * @pid: what SO_PEERCRED tells who connects; NULL: nothing
 * @cred: the same
 *
 * As listen(2), with its hook of security modules, which takes the credentials from the caller.
 * The backlog is limited as there.
 *
 * Return: 0, or an errno.
 */
int checkpoint_unix_listen(struct sock *sk, unsigned int backlog, struct pid *pid,
			   const struct cred *cred)
{
	unsigned int max = READ_ONCE(sock_net(sk)->core.sysctl_somaxconn);
	struct unix_peercred peercred = {};
	struct file *file;
	int err = 0;

	if (sk->sk_type != SOCK_STREAM && sk->sk_type != SOCK_SEQPACKET)
		return -EOPNOTSUPP;
	if (!READ_ONCE(unix_sk(sk)->addr))
		return -EINVAL;
	file = checkpoint_unix_file(sk);
	if (file) {
		err = security_socket_listen(sock_from_file(file), min(backlog, max));
		fput(file);
	}
	if (err)
		return err;
	err = pidfs_register_pid(pid);
	if (err)
		return err;
	peercred.peer_pid = get_pid(pid);
	peercred.peer_cred = get_cred(cred);

	unix_state_lock(sk);
	err = -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !unix_peer(sk) &&
	    skb_queue_empty(&sk->sk_receive_queue)) {
		sk->sk_max_ack_backlog = min(backlog, max);
		WRITE_ONCE(sk->sk_state, TCP_LISTEN);
		update_peercred(sk, &peercred);
		err = 0;
	}
	unix_state_unlock(sk);
	drop_peercred(&peercred);
	return err;
}

/**
 * checkpoint_unix_embryo() - make a connection that waits to be accepted
 * @listener: the socket that listens
 * @scm: CHECKPOINT_SCM_* of it
 *
 * As connect(2) makes it; its peer is for checkpoint_unix_connect().
 *
 * Return: the socket of the connection, with a reference, or an error pointer:
 * -ENOBUFS if so many may not wait.
 */
struct sock *checkpoint_unix_embryo(struct sock *listener, unsigned int scm)
{
	struct unix_sock *u = unix_sk(listener);
	struct unix_sock *newu;
	struct sock *newsk;
	struct sk_buff *skb;
	int err;

	newsk = unix_create1(sock_net(listener), NULL, 0, listener->sk_type);
	if (IS_ERR(newsk))
		return newsk;
	skb = sock_wmalloc(newsk, 1, 0, GFP_KERNEL);
	err = -ENOMEM;
	if (!skb)
		goto out;

	unix_state_lock(listener);
	err = -EINVAL;
	if (listener->sk_state != TCP_LISTEN || sock_flag(listener, SOCK_DEAD))
		goto out_unlock;
	err = -ENOBUFS;
	if (unix_recvq_full_lockless(listener))
		goto out_unlock;
	newu = unix_sk(newsk);
	newsk->sk_type = listener->sk_type;
	newsk->sk_scm_credentials = !!(scm & CHECKPOINT_SCM_CREDENTIALS);
	newsk->sk_scm_security = !!(scm & CHECKPOINT_SCM_SECURITY);
	newsk->sk_scm_pidfd = !!(scm & CHECKPOINT_SCM_PIDFD);
	newsk->sk_scm_rights = !!(scm & CHECKPOINT_SCM_RIGHTS);
	newu->scm_rights_notrunc = !!(scm & CHECKPOINT_SCM_NOTRUNC);
	newu->listener = listener;
	RCU_INIT_POINTER(newsk->sk_wq, &newu->peer_wq);
	refcount_inc(&u->addr->refcnt);
	smp_store_release(&newu->addr, u->addr); /* as unix_stream_connect() */
	sock_hold(newsk);

	spin_lock(&listener->sk_receive_queue.lock);
	__skb_queue_tail(&listener->sk_receive_queue, skb);
	spin_unlock(&listener->sk_receive_queue.lock);
	unix_state_unlock(listener);
	return newsk;

out_unlock:
	unix_state_unlock(listener);
	consume_skb(skb);
out:
	unix_release_sock(newsk, 0);
	return ERR_PTR(err);
}

/* Puts files into a message, as scm_fp_copy() and unix_attach_fds() do with descriptors. */
static int checkpoint_unix_attach(struct sk_buff *skb, struct file **files, unsigned int count)
{
	struct scm_fp_list *fpl;
	unsigned int i;

	if (!count)
		return 0;
	if (count > SCM_MAX_FD)
		return -EINVAL;
	if (too_many_unix_fds(current))
		return -ETOOMANYREFS;
	fpl = kmalloc_obj(struct scm_fp_list, GFP_KERNEL_ACCOUNT);
	if (!fpl)
		return -ENOMEM;
	fpl->count = count;
	fpl->count_unix = 0;
	fpl->max = SCM_MAX_FD;
	fpl->inflight = false;
	fpl->dead = false;
	fpl->edges = NULL;
	INIT_LIST_HEAD(&fpl->vertices);
	fpl->user = get_uid(current_user());
	for (i = 0; i < count; i++) {
		fpl->fp[i] = get_file(files[i]);
		if (unix_get_socket(files[i]))
			fpl->count_unix++;
	}
	/* What becomes of the message if it fails gives the files back. */
	UNIXCB(skb).fp = fpl;
	return unix_prepare_fpl(fpl) ? -ENOMEM : 0;
}

/**
 * checkpoint_unix_send() - put a message into the queue of a Unix socket
 * @to: the socket
 * @message: what it is; @message->consumed is not looked at
 * @data: its @message->len bytes
 *
 * As sendmsg(2), but that all of it is given, that nothing filters it and that
 * nobody waits. Who may send credentials and so much is the caller's to ask;
 * so is that no file is an io_uring.
 *
 * Return: 0, or an errno: -ENOBUFS if the sender has sent more than its buffer
 * may hold; -ETOOMANYREFS as of sendmsg(2).
 */
int checkpoint_unix_send(struct sock *to, const struct checkpoint_unix_message *message,
			 const void *data)
{
	int sndbuf, limit = 2 * min_t(u32, READ_ONCE(sysctl_wmem_max), INT_MAX / 2);
	struct sock *from = message->from;
	struct unix_sock *u = unix_sk(to);
	unsigned int len = message->len;
	unsigned int data_len = 0;
	struct sk_buff *skb;
	int err;

	if (!from || from->sk_type != to->sk_type)
		return -EPROTOTYPE;
	if (message->oob && (to->sk_type != SOCK_STREAM || len != 1))
		return -EINVAL;
	sndbuf = max(READ_ONCE(from->sk_sndbuf), limit);
	if ((sk_wmem_alloc_get(from) >= sndbuf || len > sndbuf) && !capable(CAP_NET_ADMIN))
		return -ENOBUFS;
	/* It takes as much of the buffer as when it was sent. */
	if (to->sk_type == SOCK_STREAM && len > SKB_MAX_HEAD(0))
		data_len = PAGE_ALIGN(len - SKB_MAX_HEAD(0));
	else if (to->sk_type != SOCK_STREAM && len > SKB_MAX_ALLOC)
		data_len = PAGE_ALIGN(min_t(size_t, len - SKB_MAX_ALLOC,
					    MAX_SKB_FRAGS * PAGE_SIZE));
	data_len = min(data_len, len);
	skb = alloc_skb_with_frags(len - data_len, data_len,
				   to->sk_type == SOCK_STREAM ? get_order(UNIX_SKB_FRAGS_SZ) :
								PAGE_ALLOC_COSTLY_ORDER,
				   &err, GFP_KERNEL_ACCOUNT);
	if (!skb)
		return err == -ENOBUFS ? -ENOMEM : err;
	skb_set_owner_w(skb, from);
	err = pidfs_register_pid(message->pid);
	UNIXCB(skb).pid = err ? NULL : get_pid(message->pid);
	UNIXCB(skb).uid = message->uid;
	UNIXCB(skb).gid = message->gid;
	UNIXCB(skb).fp = NULL;
	UNIXCB(skb).consumed = 0;
	skb->destructor = unix_wfree;
#ifdef CONFIG_SECURITY_NETWORK
	UNIXCB(skb).secid = checkpoint_unix_secid(from, to);
#endif
	if (!err)
		err = checkpoint_unix_attach(skb, (struct file **)message->files,
					     message->nr_files);
	if (err)
		goto out;
	skb_put(skb, len - data_len);
	skb->data_len = data_len;
	skb->len = len;
	err = skb_store_bits(skb, 0, data, len);
	if (err)
		goto out;
	skb->tstamp = ns_to_ktime(message->time);

	unix_state_lock(to);
	err = -EINVAL;
	/*
	 * In the queue of one that listens are connections only, and one that is
	 * not connected may listen later: accept(2) takes what is there for one.
	 */
	if (sock_flag(to, SOCK_DEAD) ||
	    (to->sk_type != SOCK_DGRAM && to->sk_state != TCP_ESTABLISHED))
		goto out_unlock;
#if IS_ENABLED(CONFIG_AF_UNIX_OOB)
	if (message->oob && u->oob_skb)
		goto out_unlock;
#else
	if (message->oob)
		goto out_unlock;
#endif
	scm_stat_add(to, skb);
	spin_lock(&to->sk_receive_queue.lock);
	if (to->sk_type == SOCK_STREAM)
		WRITE_ONCE(u->inq_len, u->inq_len + len);
#if IS_ENABLED(CONFIG_AF_UNIX_OOB)
	if (message->oob)
		WRITE_ONCE(u->oob_skb, skb);
#endif
	__skb_queue_tail(&to->sk_receive_queue, skb);
	spin_unlock(&to->sk_receive_queue.lock);
	unix_state_unlock(to);
	return 0;

out_unlock:
	unix_state_unlock(to);
out:
	consume_skb(skb);
	return err;
}

/**
 * checkpoint_unix_settle() - shut a Unix socket down as it was
 * @sk: the socket
 * @shutdown: CHECKPOINT_SHUT_*
 * @err: what SO_ERROR tells: 0 or ECONNRESET
 */
void checkpoint_unix_settle(struct sock *sk, unsigned int shutdown, int err)
{
	BUILD_BUG_ON(CHECKPOINT_SHUT_READ != RCV_SHUTDOWN);
	BUILD_BUG_ON(CHECKPOINT_SHUT_WRITE != SEND_SHUTDOWN);
	BUILD_BUG_ON(CHECKPOINT_UNIX_FILES != SCM_MAX_FD);

	unix_state_lock(sk);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | (shutdown & SHUTDOWN_MASK));
	if (err)
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	unix_state_unlock(sk);
}
