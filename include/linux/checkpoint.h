/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the C and the Rust side of checkpoint/restart know of each other.
 */
#ifndef _LINUX_CHECKPOINT_H
#define _LINUX_CHECKPOINT_H

#include <linux/compiler.h>
#include <linux/sched.h>
#include <linux/sched/jobctl.h>
#include <linux/uidgid_types.h>
#include <uapi/linux/checkpoint.h>

struct checkpoint_copy;
struct cred;
struct fasync_struct;
struct file;
struct files_struct;
struct mem_cgroup;
struct mm_struct;
struct path;
struct pid;
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
int checkpoint_set_status_flags(struct file *file, int fd, unsigned int flags);

/* Who gets the signals of an open file. */
struct checkpoint_fown {
	struct pid *pid;
	unsigned int type;
	int signum;
	kuid_t uid, euid;
};

bool checkpoint_get_fown(struct file *file, struct checkpoint_fown *fown);
int checkpoint_set_fown(struct file *file, struct pid *pid, unsigned int type, int signum);
int checkpoint_async_fd(const struct file *file, struct fasync_struct **list);
bool checkpoint_has_lock_ops(const struct file *file, bool flock);
int checkpoint_lock_file(struct file *file, struct files_struct *table, unsigned int fd,
			 int type, bool flock, loff_t start, loff_t end, pid_t pid);
int checkpoint_set_lease(struct file *file, bool deleg, int fd, int type, pid_t pid);
int checkpoint_fsync_leased(struct file *file);
bool checkpoint_is_mounted_over(const struct path *path);
unsigned long checkpoint_mmap(struct file *file, unsigned long addr, unsigned long len,
			      unsigned long prot, unsigned long flags, unsigned long pgoff);
int checkpoint_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey);
int checkpoint_mlock(unsigned long start, size_t len, unsigned long flags);
int checkpoint_mseal(unsigned long start, unsigned long end);

int checkpoint_adopt(struct task_struct *child, struct task_struct *parent,
		     int exit_signal, bool execed);

bool proc_mem_may_force(void);

#ifdef CONFIG_DNOTIFY
bool dnotify_watches(struct file *filp);
#else
static inline bool dnotify_watches(struct file *filp)
{
	return false;
}
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
