/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: what the kernel itself calls, and what is of no subsystem. What
 * is of one is in checkpoint_*.h, by its name.
 */
#ifndef _LINUX_CHECKPOINT_H
#define _LINUX_CHECKPOINT_H

#include <linux/compiler.h>
#include <linux/pid_types.h>
#include <linux/sched.h>
#include <linux/sched/jobctl.h>
#include <linux/types.h>
#include <uapi/linux/checkpoint.h>

struct cgroup;
struct mem_cgroup;
struct prctl_mm_map;
struct sigqueue;

long checkpoint_do(void __user *args, size_t size);
long restart_do(void __user *args, size_t size);

/* Of kernel/sys.c: the checks of prctl(PR_SET_MM_MAP). */
int validate_prctl_map_addr(struct prctl_mm_map *prctl_map);

/* Of kernel/signal.c, with CONFIG_POSIX_TIMERS. */
void posixtimer_queue_sigqueue(struct sigqueue *q, struct task_struct *t, enum pid_type type);

int checkpoint_may_freeze(struct cgroup *cgrp);
bool checkpoint_hold_broken(struct cgroup *cgrp);
int checkpoint_hold_pin(struct cgroup *cgrp, bool pin);

/* Of kernel/checkpoint/ptrace.c. */
void checkpoint_make_call(void);

/* Of kernel/checkpoint/events.c. */
int checkpoint_events_prctl(unsigned long flags);

/* Of kernel/checkpoint/tcp_left.c. */
void checkpoint_thawed(u64 id);

/* Of kernel/checkpoint/kernel.c. */
void checkpoint_build_id(unsigned char *id);

#ifdef CONFIG_CHECKPOINT
bool checkpoint_give_up(struct mem_cgroup *memcg);
bool checkpoint_holds_task(struct task_struct *task);
bool task_woken_by_freezer(void);
void checkpoint_call_again(void);

/**
 * checkpoint_fixup_eintr - make a call that the freezer has interrupted again
 *
 * To be called before arch_do_signal_or_restart().  If the current task comes
 * from a wait that has ended with -EINTR because the task is to be frozen, the
 * result becomes -ERESTARTNOHAND where the call can simply be made again.
 *
 * One that was restored may first have to make the call at whose entry it was
 * stopped by its tracer: it is running, so last_siginfo tells that it has yet to
 * stop.
 */
static inline void checkpoint_fixup_eintr(void)
{
	if (unlikely(current->last_siginfo))
		checkpoint_make_call();
	if (unlikely(READ_ONCE(current->jobctl) & JOBCTL_FREEZER_WOKE))
		checkpoint_call_again();
}
#else
static inline bool checkpoint_give_up(struct mem_cgroup *memcg)
{
	return false;
}

static inline bool checkpoint_holds_task(struct task_struct *task)
{
	return false;
}

static inline void checkpoint_fixup_eintr(void) { }
#endif

#endif /* _LINUX_CHECKPOINT_H */
