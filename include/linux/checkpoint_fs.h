/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: files and filesystems.
 */
#ifndef _LINUX_CHECKPOINT_FS_H
#define _LINUX_CHECKPOINT_FS_H

#include <linux/types.h>
#include <linux/uidgid_types.h>

struct cgroup;
struct ctl_table_set;
struct dentry;
struct fasync_struct;
struct file;
struct file_lease;
struct files_struct;
struct inode;
struct mm_struct;
struct path;
struct pid;
struct task_struct;
struct vfsmount;

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
bool checkpoint_may_have_locks(struct file *file);
int checkpoint_lock_file(struct file *file, struct files_struct *table, unsigned int fd,
			 int type, bool flock, loff_t start, loff_t end, pid_t pid);
int checkpoint_set_lease(struct file *file, bool deleg, int fd, int type, pid_t pid);
int checkpoint_fsync_leased(struct file *file);

/* A break of a lease that is under way; times in nanoseconds, U64_MAX: without end. */
struct checkpoint_lease_break {
	bool downgrade, unlock;		/* What the holder was told to do. */
	u64 downgrade_left, unlock_left; /* How long until the kernel does it. */
};

void checkpoint_get_lease_break(const struct file_lease *fl, struct checkpoint_lease_break *brk);
void checkpoint_set_lease_break(struct file *file, const struct checkpoint_lease_break *brk);
int checkpoint_lease_break_time(void);	/* fs/locks.c */
bool checkpoint_is_mounted_over(const struct path *path);
struct vfsmount *checkpoint_mount_of(struct dentry *dentry, struct vfsmount *near,
				     unsigned int nth);

struct dentry *checkpoint_removed_node(const struct path *dir, const char *name, umode_t type,
				       dev_t dev, const char *target);
int checkpoint_link_target(const struct path *path, char *buf, int size);
const void *checkpoint_pipe_at(const struct path *path);
struct dentry *checkpoint_new_file(const struct path *dir, const char *name);
int checkpoint_move_file(const struct path *dir, struct dentry *file, const char *name,
			 struct dentry *old);
int checkpoint_swap_files(const struct path *dir, struct dentry *file, struct dentry *old);
int checkpoint_may_truncate(const struct path *path);
int checkpoint_remove_file(const struct path *dir, struct dentry *file);

struct dentry *checkpoint_removed_name(const struct path *dir, const char *name,
				       const struct path *path);
ssize_t checkpoint_getxattr(struct file *file, const char *name, void *value, size_t size);
int checkpoint_setxattr(struct file *file, const char *name, void *value, size_t size);
int checkpoint_removexattr(struct file *file, const char *name);
int checkpoint_hides_xattrs(struct dentry *dentry);
int checkpoint_cgroup_path(struct cgroup *cgrp, const struct path *path, bool up, char *buf,
			   size_t size);

void checkpoint_proc_pids(struct dentry *dentry, struct pid *pid[2]);
const struct mm_struct *checkpoint_proc_mm(const struct file *file, bool seq);
struct file *checkpoint_proc_mem(const struct path *path, int flags);
bool checkpoint_proc_is_of(struct inode *inode, struct task_struct *task);
bool checkpoint_proc_mounts_from(const struct file *file, const struct path *root);
int checkpoint_proc_dead(const struct path *like, struct pid *pid, const char *process,
			 const char *thread, struct path *result);

/* Of fs/proc/base.c. */
bool proc_mem_may_force(void);

/* Of fs/proc/proc_sysctl.c. */
ssize_t checkpoint_sysctl_list(struct ctl_table_set *set, char *buf, size_t size);
int checkpoint_sysctl_write(struct ctl_table_set *set, const char *path, const char *text);

#endif /* _LINUX_CHECKPOINT_FS_H */
