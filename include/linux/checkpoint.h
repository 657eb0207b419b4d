/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the C and the Rust side of checkpoint/restart know of each other.
 */
#ifndef _LINUX_CHECKPOINT_H
#define _LINUX_CHECKPOINT_H

#include <linux/compiler.h>
#include <linux/sched.h>
#include <linux/sched/jobctl.h>
#include <uapi/linux/checkpoint.h>

struct checkpoint_copy;
struct cred;
struct epoll_key;
struct epoll_params;
struct file;
struct mem_cgroup;
struct mm_struct;
struct path;
struct prctl_mm_map;
struct task_struct;

long checkpoint_do(void __user *args, size_t size);
long restart_do(void __user *args, size_t size);

/* Of kernel/sys.c: the checks of prctl(PR_SET_MM_MAP). */
int validate_prctl_map_addr(struct prctl_mm_map *prctl_map);

struct checkpoint_copy *checkpoint_copy_add(struct mm_struct *mm, struct mm_struct *of);
void checkpoint_copy_del(struct checkpoint_copy *copy);
void checkpoint_copy_keep(struct mm_struct *mm, unsigned long start, unsigned long end);

struct file *checkpoint_open_program(const struct path *path);
int checkpoint_truncate(struct file *file, loff_t len);
int checkpoint_set_status_flags(struct file *file, unsigned int flags);
bool checkpoint_is_mounted_over(const struct path *path);
unsigned long checkpoint_mmap(struct file *file, unsigned long addr, unsigned long len,
			      unsigned long prot, unsigned long flags, unsigned long pgoff);
int checkpoint_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey);
int checkpoint_mlock(unsigned long start, size_t len, unsigned long flags);
int checkpoint_mseal(unsigned long start, unsigned long end);

int checkpoint_adopt(struct task_struct *child, struct task_struct *parent,
		     int exit_signal, bool execed);

/**
 * struct checkpoint_epoll_item - what is registered with an epoll instance
 * @file: the file, with a reference
 * @head: what its first wait entry is queued on, to compare; NULL: on nothing
 * @data: what is reported with its events
 * @events: EPOLL*
 * @fd: the number by which it was registered
 * @listed: it is on the ready list
 * @passed: it is not, though it has something to report
 */
struct checkpoint_epoll_item {
	struct file *file;
	const void *head;
	u64 data;
	u32 events;
	int fd;
	bool listed;
	bool passed;
};

struct file *checkpoint_epoll_create(void);
void checkpoint_epoll_get_params(struct file *file, struct epoll_params *params);
int checkpoint_epoll_set_params(struct file *file,
				const struct epoll_params *params);
long checkpoint_epoll_items(struct file *file,
			    struct checkpoint_epoll_item *items,
			    unsigned long max, bool poll);
int checkpoint_epoll_settle(struct file *file, struct epoll_key *key,
			    bool listed, bool disabled);
int checkpoint_epoll_signals(struct file *file, struct epoll_key *key,
			     struct task_struct *task);

bool proc_mem_may_force(void);

#ifdef CONFIG_SYSVIPC
bool sem_has_undo(struct task_struct *task);
#else
static inline bool sem_has_undo(struct task_struct *task)
{
	return false;
}
#endif

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
 */
static inline void checkpoint_fixup_eintr(void)
{
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
