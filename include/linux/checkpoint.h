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
struct vfsmount;

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
struct vfsmount *checkpoint_mount_of(struct dentry *dentry, struct vfsmount *near,
				     unsigned int nth);
unsigned long checkpoint_mmap(struct file *file, unsigned long addr, unsigned long len,
			      unsigned long prot, unsigned long flags, unsigned long pgoff);
int checkpoint_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey);
int checkpoint_mlock(unsigned long start, size_t len, unsigned long flags);
int checkpoint_mseal(unsigned long start, unsigned long end);

int checkpoint_adopt(struct task_struct *child, struct task_struct *parent,
		     int exit_signal, bool execed);

bool proc_mem_may_force(void);

/**
 * struct checkpoint_inotify_watch - a watch of an inotify instance
 * @inode: what is watched
 * @wd: its watch descriptor
 * @mask: IN_*
 */
struct checkpoint_inotify_watch {
	struct inode *inode;
	int wd;
	u32 mask;
};

/**
 * struct checkpoint_inotify_event - an event in the queue of an inotify instance
 * @wd: watch descriptor; -1: none
 * @mask: FS_*
 * @cookie: what the two events of a rename have in common
 * @len: bytes of its name in the directory that is watched, without a NUL: they
 *       come after this
 */
struct checkpoint_inotify_event {
	int wd;
	u32 mask;
	u32 cookie;
	u32 len;
};

/**
 * struct checkpoint_inotify - what an inotify instance has
 * @watches: its watches, by ascending watch descriptor
 * @events: its events, each a struct checkpoint_inotify_event, padded to 8 bytes
 * @max_bytes: bytes for which there is room in @events
 * @bytes: bytes of all events
 * @max_watches: number of watches for which there is room in @watches
 * @nr_watches: number of all watches
 * @next: where the search for the next watch descriptor begins
 */
struct checkpoint_inotify {
	struct checkpoint_inotify_watch *watches;
	void *events;
	size_t max_bytes;
	size_t bytes;
	unsigned int max_watches;
	unsigned int nr_watches;
	unsigned int next;
};

/* Of fs/notify/inotify/inotify_user.c. */
bool checkpoint_is_inotify(struct file *file);
int checkpoint_inotify_get(struct file *file, struct checkpoint_inotify *state);
struct file *checkpoint_inotify_new(int flags);
int checkpoint_inotify_may_watch(const struct path *path, u32 mask);
int checkpoint_inotify_add(struct file *file, struct inode *inode, int wd, u32 mask);
void checkpoint_inotify_set_next(struct file *file, unsigned int next);
int checkpoint_inotify_queue(struct file *file, const struct checkpoint_inotify_event *head,
			     const char *name);

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
