/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waits of sockets with a limit (SO_RCVTIMEO, SO_SNDTIMEO) that a freeze has
 * interrupted, and that go on with what is left of it: include/net/sock.h,
 * net/ipv4/af_inet.c, kernel/checkpoint/sock_wait.c.
 *
 * A task has of them, for a moment each (task_struct.sock_wait): the end of the one
 * that was interrupted, which it is on its way out of, with the number of its
 * switches by then; and the end of the one that goes on. Both are of
 * CLOCK_MONOTONIC; 0: there is none.
 */
#ifndef _LINUX_CHECKPOINT_SOCK_WAIT_H
#define _LINUX_CHECKPOINT_SOCK_WAIT_H

#include <linux/compiler.h>
#include <linux/sched.h>
#include <linux/types.h>

struct restart_block;

#ifdef CONFIG_CHECKPOINT
void checkpoint_sock_interrupted(long timeo);
long checkpoint_sock_left(long timeo);

/**
 * checkpoint_sock_timeo - for how long a call of a socket may wait
 * @timeo: for how long the socket lets it, in jiffies
 *
 * Return: that, or what is left of it in a call that goes on.
 */
static inline long checkpoint_sock_timeo(long timeo)
{
	return likely(!current->sock_wait.until) ? timeo : checkpoint_sock_left(timeo);
}

/* The call that was interrupted has had an effect: it must not go on. */
static inline void checkpoint_sock_forget(void)
{
	current->sock_wait.end = 0;
}

/* Of kernel/checkpoint/ptrace_call.c: makes the call of the number in the registers. */
struct pt_regs;
long checkpoint_call_of_regs(struct pt_regs *regs);

/* Of kernel/checkpoint/kapi/signal/eintr.rs. */
bool checkpoint_is_socket_call(unsigned int nr);

/* Of kernel/checkpoint/sock_wait.c. */
bool checkpoint_sock_keep(unsigned int nr, unsigned long first, int fd);
long checkpoint_sock_go_on(struct restart_block *block);
#else
static inline void checkpoint_sock_interrupted(long timeo) { }
static inline void checkpoint_sock_forget(void) { }

static inline long checkpoint_sock_timeo(long timeo)
{
	return timeo;
}
#endif

#endif /* _LINUX_CHECKPOINT_SOCK_WAIT_H */
