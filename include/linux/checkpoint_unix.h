/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: Unix sockets.
 */
#ifndef _LINUX_CHECKPOINT_UNIX_H
#define _LINUX_CHECKPOINT_UNIX_H

#include <linux/checkpoint_socket.h>
#include <linux/types.h>
#include <linux/uidgid_types.h>

struct cred;
struct dentry;
struct file;
struct path;
struct pid;
struct sk_buff;
struct sock;
struct vfsmount;

/* checkpoint_unix::state */
#define CHECKPOINT_UNIX_CLOSED		0
#define CHECKPOINT_UNIX_CONNECTED	1
#define CHECKPOINT_UNIX_LISTENING	2

/* checkpoint_unix::scm */
#define CHECKPOINT_SCM_CREDENTIALS	0x01
#define CHECKPOINT_SCM_SECURITY		0x02
#define CHECKPOINT_SCM_PIDFD		0x04
#define CHECKPOINT_SCM_RIGHTS		0x08
#define CHECKPOINT_SCM_NOTRUNC		0x10

/* The longest address of a Unix socket, and the most files of a message. */
#define CHECKPOINT_UNIX_NAME		112
#define CHECKPOINT_UNIX_FILES		253

/**
 * struct checkpoint_unix - what a Unix socket is
 * @peer: the socket that it is connected to
 * @file: its open file; NULL: it has none, or that is being closed
 * @peer_pid: what SO_PEERCRED tells of the process
 * @peer_cred: what it tells of the credentials
 * @mnt: mount of the path at which others find it
 * @dentry: dentry of that; NULL: it has none
 * @type: SOCK_*
 * @state: CHECKPOINT_UNIX_*
 * @shutdown: CHECKPOINT_SHUT_*
 * @err: what SO_ERROR tells
 * @backlog: how many connections or messages may wait
 * @queued: how many do
 * @scm: CHECKPOINT_SCM_*
 * @name_len: bytes of its address
 * @foreign: BPF has taken it over
 * @dead: it was closed
 * @embryo: it waits to be accepted
 * @named: others find it by its abstract address
 * @name: its address
 */
struct checkpoint_unix {
	struct sock *peer;
	struct file *file;
	struct pid *peer_pid;
	const struct cred *peer_cred;
	struct vfsmount *mnt;
	struct dentry *dentry;
	unsigned int type;
	unsigned int state;
	unsigned int shutdown;
	int err;
	unsigned int backlog;
	unsigned int queued;
	unsigned int scm;
	unsigned int name_len;
	bool foreign;
	bool dead;
	bool embryo;
	bool named;
	u8 name[CHECKPOINT_UNIX_NAME];
};

/**
 * struct checkpoint_unix_message - a message in the queue of a Unix socket
 * @from: who has sent it; NULL: nothing but its messages is left of that
 * @sender: the address of that, to compare
 * @pid: the process that is told with it; NULL: none
 * @uid: the user that is told
 * @gid: the group that is told
 * @time: when it was sent, in nanoseconds since 1970; 0: that was not noted
 * @len: bytes of it
 * @consumed: how many of these were received
 * @nr_files: how many files it carries
 * @name_len: bytes of the address of who has sent it
 * @oob: it is out-of-band, and was not received
 * @name: that address
 * @files: the files
 */
struct checkpoint_unix_message {
	struct sock *from;
	const void *sender;
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	s64 time;
	unsigned int len;
	unsigned int consumed;
	unsigned int nr_files;
	unsigned int name_len;
	bool oob;
	u8 name[CHECKPOINT_UNIX_NAME];
	struct file *files[CHECKPOINT_UNIX_FILES];
};

/* Of net/unix/checkpoint.c. */
void checkpoint_unix_get(struct sock *sk, struct checkpoint_unix *state);
unsigned int checkpoint_unix_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max);
int checkpoint_unix_message(struct sock *sk, struct sk_buff *skb,
			    struct checkpoint_unix_message *message);
int checkpoint_unix_set_name(struct sock *sk, const void *name, int len);
int checkpoint_unix_bind(struct sock *sk, const struct path *path, bool removed);
struct sock *checkpoint_unix_at(const struct path *path);
int checkpoint_unix_connect(struct sock *sk, struct sock *peer, struct pid *pid,
			    const struct cred *cred, bool connected);
int checkpoint_unix_listen(struct sock *sk, unsigned int backlog, struct pid *pid,
			   const struct cred *cred);
struct sock *checkpoint_unix_embryo(struct sock *listener, unsigned int scm);
int checkpoint_unix_send(struct sock *to, const struct checkpoint_unix_message *message,
			 const void *data);
void checkpoint_unix_settle(struct sock *sk, unsigned int shutdown, int err);

/* Of kernel/checkpoint/unix.c. */
void checkpoint_unix_place(struct sock *sk, struct path *path);
void checkpoint_unix_disconnect(struct sock *sk);
int checkpoint_unix_reconnect(struct sock *sk, const void *name, int len,
			      const struct path *path);

#endif /* _LINUX_CHECKPOINT_UNIX_H */
