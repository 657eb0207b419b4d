/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: what sockets of all families have.
 */
#ifndef _LINUX_CHECKPOINT_SOCKET_H
#define _LINUX_CHECKPOINT_SOCKET_H

#include <linux/types.h>

struct file;
struct net;
struct sock;
struct sock_filter;
struct socket;

/**
 * struct checkpoint_socket - what of a socket no option tells
 * @family: address family
 * @type: SOCK_*
 * @protocol: protocol
 * @filter: how many instructions the classic filter has that is attached to it
 * @program: a program of BPF is attached to it, or to its group (SO_REUSEPORT)
 * @classic: a classic program is attached to its group, and none of BPF to either
 * @inq: it has SO_INQ
 * @notrunc: it has SO_RIGHTS_NOTRUNC
 */
struct checkpoint_socket {
	int family;
	int type;
	int protocol;
	unsigned int filter;
	bool program;
	bool classic;
	bool inq;
	bool notrunc;
};

/* An option of the engine's own, of SOL_SOCKET, SOL_IP and SOL_IPV6: two numbers of 64 bits. */
#define CHECKPOINT_SO_SEEN		0x7fff0001

/* Of kernel/checkpoint/sock_seen.c. */
bool checkpoint_seen_is(int name);
int checkpoint_seen_get(struct sock *sk, int level, void *value, int len);
int checkpoint_seen_set(struct sock *sk, int level, const void *value, int len);

/* Of kernel/checkpoint/socket.c. */
struct sock *checkpoint_socket_of(struct file *file);
void checkpoint_socket_get(struct sock *sk, struct checkpoint_socket *state);
int checkpoint_socket_async_fd(struct file *file);
int checkpoint_socket_option(struct sock *sk, int level, int name, void *value, int len);
int checkpoint_socket_set_option(struct file *file, int level, int name, const void *value,
				 int len);
unsigned int checkpoint_socket_filter(struct sock *sk, struct sock_filter *insns,
				      unsigned int max);
unsigned int checkpoint_socket_group(struct sock *sk, const void **members, unsigned int max);
struct file *checkpoint_socket_make(int family, int type, int protocol);
struct sock *checkpoint_socket_closed(struct net *net, int family, int type,
				      struct socket **socket);
int checkpoint_socket_closed_option(struct socket *socket, int level, int name,
				    const void *value, int len);
void checkpoint_socket_release(struct socket *socket);
bool checkpoint_sock_trylock(struct sock *sk);
int checkpoint_sock_lock(struct sock *sk);
void checkpoint_sock_hold(struct sock *sk);
void checkpoint_sock_put(struct sock *sk);

/* checkpoint_unix::shutdown: RCV_SHUTDOWN and SEND_SHUTDOWN */
#define CHECKPOINT_SHUT_READ		0x01
#define CHECKPOINT_SHUT_WRITE		0x02

#endif /* _LINUX_CHECKPOINT_SOCKET_H */
