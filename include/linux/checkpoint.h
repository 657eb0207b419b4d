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
struct dentry;
struct file;
struct inode;
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

struct dentry *checkpoint_removed_node(const struct path *dir, const char *name, umode_t type);
struct dentry *checkpoint_removed_name(struct dentry *dir, const char *name, struct inode *inode);
ssize_t checkpoint_getxattr(struct file *file, const char *name, void *value, size_t size);
int checkpoint_setxattr(struct file *file, const char *name, void *value, size_t size);
struct file *checkpoint_memfd(const char *name, bool noexec);
int checkpoint_memfd_seals(struct file *file);
int checkpoint_memfd_seal(struct file *file, unsigned int seals);

int checkpoint_adopt(struct task_struct *child, struct task_struct *parent,
		     int exit_signal, bool execed);

bool proc_mem_may_force(void);

/* Of mm/memfd.c: memfd_create(2), with its checks. */
#ifdef CONFIG_MEMFD_CREATE
struct file *memfd_create_file(const char *name, unsigned int flags);
#endif

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
