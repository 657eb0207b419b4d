// SPDX-License-Identifier: GPL-2.0
/*
 * What private headers of fs/ have of open files, mounts and superblocks. Each
 * function is the one that a system call ends in, with its checks.
 */
#include <linux/checkpoint_fs.h>
#include <linux/checkpoint_fsnotify.h>
#include <linux/checkpoint_task.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/task_work.h>

#include "../../fs/internal.h"
#include "../../fs/mount.h"

/**
 * checkpoint_open_program() - open a file as exec(2) does
 * @path: what to open
 *
 * The flags are those of do_open_execat(). May sleep, even for long.
 *
 * Return: the file, or an error pointer.
 */
struct file *checkpoint_open_program(const struct path *path)
{
	const struct open_flags op = {
		.open_flag = O_LARGEFILE | O_RDONLY | __FMODE_EXEC,
		.acc_mode = MAY_EXEC,
		.intent = LOOKUP_OPEN,
	};

	return do_file_open_root(path, "", &op);
}

/**
 * checkpoint_truncate() - cut a file, as ftruncate64(2) does
 * @file: the file
 * @len: bytes that are left
 *
 * Return: 0, or an errno.
 */
int checkpoint_truncate(struct file *file, loff_t len)
{
	return do_ftruncate(file, len, FTRUNCATE_LFS);
}

/**
 * checkpoint_set_status_flags() - set the flags of an open file, as F_SETFL does
 * @file: the file
 * @fd: what its signals name as its descriptor, if O_ASYNC is to be set
 * @flags: all of them
 *
 * Return: 0, or an errno.
 */
int checkpoint_set_status_flags(struct file *file, int fd, unsigned int flags)
{
	return setfl(fd, file, flags);
}

/**
 * checkpoint_is_mounted_over() - tell whether another mount is over a path
 * @path: the path
 *
 * Return: whether a lookup of @path would end on another mount.
 */
bool checkpoint_is_mounted_over(const struct path *path)
{
	struct vfsmount *over = lookup_mnt(path);

	if (!over)
		return false;
	mntput(over);
	return true;
}

/**
 * checkpoint_mount_of() - find a mount on which a directory entry is
 * @dentry: the directory entry
 * @near: the mount to look at first; others are looked for in its mount namespace
 * @nth: how many mounts on which it is are passed over
 *
 * Return: the mount, with a reference; NULL: there is no other.
 */
struct vfsmount *checkpoint_mount_of(struct dentry *dentry, struct vfsmount *near,
				     unsigned int nth)
{
	const struct mnt_namespace *ns;
	struct mount *m;

	guard(mount_locked_reader)();
	if (!is_mounted(near))
		return NULL;
	if (near->mnt_sb == dentry->d_sb && is_subdir(dentry, near->mnt_root)) {
		if (!nth)
			return mntget(near);
		nth--;
	}
	ns = real_mount(near)->mnt_ns;
	for (m = dentry->d_sb->s_mounts; m; m = m->mnt_next_for_sb) {
		if (m->mnt_ns != ns || &m->mnt == near || !is_subdir(dentry, m->mnt.mnt_root))
			continue;
		if (!nth)
			return mntget(&m->mnt);
		nth--;
	}
	return NULL;
}

/* A superblock whose last active reference goes on the way to user mode. */
struct super_later {
	struct callback_head work;
	struct super_block *sb;
};

static void deactivate_later(struct callback_head *work)
{
	struct super_later *later = container_of(work, struct super_later, work);

	deactivate_super(later->sb);
	kfree(later);
}

/**
 * checkpoint_iput_active() - drop an inode, and an active reference on its superblock
 * @inode: the inode
 *
 * The last such reference shuts the filesystem down, whose server may be one of
 * the frozen tasks. So that is left for the way to user mode, as mntput() does.
 */
void checkpoint_iput_active(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	struct super_later *later;

	iput(inode);
	if (atomic_add_unless(&sb->s_active, -1, 1))
		return;
	later = kmalloc_obj(*later);
	if (later) {
		later->sb = sb;
		init_task_work(&later->work, deactivate_later);
		if (!task_work_add(current, &later->work, TWA_RESUME))
			return;
		kfree(later);
	}
	deactivate_super(sb);
}
