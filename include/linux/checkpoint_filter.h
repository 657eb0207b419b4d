/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: classic filters: of seccomp, and of sockets.
 */
#ifndef _LINUX_CHECKPOINT_FILTER_H
#define _LINUX_CHECKPOINT_FILTER_H

#include <linux/types.h>

struct bpf_prog;
struct seccomp_filter;
struct sock;
struct sock_filter;
struct sock_fprog_kern;
struct task_struct;

/**
 * struct checkpoint_seccomp - a filter of system calls
 * @insns: its program
 * @len: number of instructions
 * @log: all actions but SECCOMP_RET_ALLOW are logged
 * @listened: somebody listens to it by a descriptor
 */
struct checkpoint_seccomp {
	const struct sock_filter *insns;
	unsigned int len;
	bool log;
	bool listened;
};

/* Of net/core/filter.c. */
int checkpoint_bpf_create(struct bpf_prog **pfp, struct sock_fprog_kern *fprog,
			  int (*trans)(struct sock_filter *filter, unsigned int flen));

/* Of kernel/seccomp.c, with CONFIG_SECCOMP_FILTER. */
struct seccomp_filter *checkpoint_seccomp_get(struct task_struct *task);
struct seccomp_filter *checkpoint_seccomp_prev(struct seccomp_filter *filter);
void checkpoint_seccomp_put(struct seccomp_filter *filter);
void checkpoint_seccomp_view(struct seccomp_filter *filter, struct checkpoint_seccomp *view);
int checkpoint_seccomp_add(struct sock_filter *insns, unsigned short len, bool log);
int checkpoint_seccomp_join(struct seccomp_filter *filter);
bool checkpoint_seccomp_allows(int nr);

/* Of net/core/filter.c. */
int checkpoint_attach_filter(struct sock *sk, const struct sock_filter *insns, unsigned int len,
			     bool lock);

#endif /* _LINUX_CHECKPOINT_FILTER_H */
