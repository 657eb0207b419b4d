// SPDX-License-Identifier: GPL-2.0
/*
 * Unix sockets that connect again: where their other ends are found, and connect(2).
 */
#include <linux/checkpoint_unix.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/security.h>
#include <linux/un.h>
#include <net/af_unix.h>
#include <net/sock.h>
#include <net/tcp_states.h>

/**
 * checkpoint_unix_place() - get the path that a Unix socket is bound to, or its listener was
 * @sk: the socket
 * @path: where to, with references; its dentry is NULL: there is none
 *
 * An accepted socket keeps the path of the one that has listened.
 */
void checkpoint_unix_place(struct sock *sk, struct path *path)
{
	struct unix_sock *u = unix_sk(sk);

	*path = (struct path){};
	unix_state_lock(sk);
	/* With its address it has its path, until it is closed under this lock. */
	if (smp_load_acquire(&u->addr) && u->path.dentry) {
		*path = u->path;
		path_get(path);
	}
	unix_state_unlock(sk);
}

/* As connect(2), but that it does not wait. */
static int checkpoint_unix_call(struct socket *sock, const void *name, int len)
{
	struct sockaddr_storage addr = {};
	int err;

	memcpy(&addr, name, len);
	err = security_socket_connect(sock, (struct sockaddr *)&addr, len);
	if (err)
		return err;
	return kernel_connect(sock, (struct sockaddr_unsized *)&addr, len, O_NONBLOCK);
}

/* Whether @sock has been connected to what has @path as its own, or its listener has. */
static bool checkpoint_unix_is_at(struct socket *sock, const struct path *path)
{
	struct sock *peer;
	struct path found;
	bool is = true;

	unix_state_lock(sock->sk);
	peer = unix_peer(sock->sk);
	if (peer)
		sock_hold(peer);
	unix_state_unlock(sock->sk);
	if (!peer)
		return true;
	checkpoint_unix_place(peer, &found);
	/* One that has been closed meanwhile has none any more. */
	if (found.dentry) {
		is = d_backing_inode(found.dentry) == d_backing_inode(path->dentry);
		path_put(&found);
	}
	sock_put(peer);
	return is;
}

/*
 * Connects to the socket that lies at @path. connect(2) takes a name, of at most 108 bytes: it is
 * the last one of the path, as seen from the directory that has it, which is made the current one
 * of the caller for that time, as scoped_with_init_fs() does with that of init.
 */
static int checkpoint_unix_call_path(struct socket *sock, const struct path *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct fs_struct *old = current->fs;
	struct path at = *path, dir;
	struct name_snapshot name;
	struct fs_struct *fs;
	unsigned int len;
	int err;

	/* connect(2) would follow it. */
	if (d_is_symlink(path->dentry))
		return -ELOOP;
	fs = copy_fs_struct(old);
	if (!fs)
		return -ENOMEM;
	path_get(&at);
	/* A socket may be mounted over another file: it is found by the name of that. */
	while (at.dentry == at.mnt->mnt_root && follow_up(&at))
		;
	err = -ENOENT;
	if (at.dentry == at.mnt->mnt_root)
		goto out;
	dir.mnt = at.mnt;
	dir.dentry = dget_parent(at.dentry);
	take_dentry_name_snapshot(&name, at.dentry);
	len = name.name.len;
	err = -ENAMETOOLONG;
	if (len <= sizeof(addr.sun_path)) {
		memcpy(addr.sun_path, name.name.name, len);
		set_fs_pwd(fs, &dir);
		WRITE_ONCE(current->fs, fs);
		err = checkpoint_unix_call(sock, &addr,
					   offsetof(struct sockaddr_un, sun_path) + len);
		WRITE_ONCE(current->fs, old);
	}
	release_dentry_name_snapshot(&name);
	dput(dir.dentry);
out:
	path_put(&at);
	free_fs_struct(fs);
	/* A link that has been put there meanwhile would lead elsewhere. */
	if (!err && !checkpoint_unix_is_at(sock, path))
		err = -ESTALE;
	return err;
}

/**
 * checkpoint_unix_disconnect() - let a restored Unix socket be connected to nothing
 * @sk: the socket, whose task does not run yet
 *
 * A stream was as if it was connected to nobody (checkpoint_unix_connect()), so that its queue
 * could be filled. Who has got at it by its task (pidfd_getfd(2)) could let it listen now, and
 * accept(2) what is in the queue: unix_listen() looks for that.
 */
void checkpoint_unix_disconnect(struct sock *sk)
{
	unix_state_lock(sk);
	if (sk->sk_type != SOCK_DGRAM && sk->sk_state == TCP_ESTABLISHED && !unix_peer(sk))
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	unix_state_unlock(sk);
}

/**
 * checkpoint_unix_reconnect() - connect a restored Unix socket to who has an address
 * @sk: the socket, which nobody uses yet
 * @name: an abstract address; of another one only @path counts
 * @len: bytes of it
 * @path: the socket inode that has it; NULL: the address is abstract
 *
 * As connect(2), with the credentials that the caller acts with, and as the process that it is. It
 * does not wait. It is shut down as it was, which the other end sees.
 *
 * Return: 0, or an errno as of connect(2): -EAGAIN if as many wait there as may; -ESTALE if
 * something else was put there meanwhile; -EBADF if no file shows it.
 */
int checkpoint_unix_reconnect(struct sock *sk, const void *name, int len,
			      const struct path *path)
{
	struct socket *sock;
	struct file *file;
	int err;

	if (!path && (len <= offsetof(struct sockaddr_un, sun_path) ||
		      len > sizeof(struct sockaddr_un)))
		return -EINVAL;
	unix_state_lock(sk);
	sock = sk->sk_socket;
	file = sock && sock->file ? get_file_active(&sock->file) : NULL;
	unix_state_unlock(sk);
	if (!file)
		return -EBADF;
	/* Its file keeps the socket. */
	if (path)
		err = checkpoint_unix_call_path(sock, path);
	else
		err = checkpoint_unix_call(sock, name, len);
	if (!err && sk->sk_shutdown & SHUTDOWN_MASK)
		err = kernel_sock_shutdown(sock, (sk->sk_shutdown & SHUTDOWN_MASK) - 1);
	fput(file);
	return err;
}
