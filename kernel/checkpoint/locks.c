// SPDX-License-Identifier: GPL-2.0
/*
 * Locks and leases of files, who gets the signals of a file, and what a server
 * of FUSE knows of locks.
 */
#include <linux/checkpoint_fs.h>
#include <linux/cred.h>
#include <linux/errseq.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/security.h>
#include <linux/signal.h>
#include <linux/spinlock.h>
#include <uapi/linux/magic.h>

#include "../../fs/fuse/fuse_i.h"

/**
 * checkpoint_get_fown() - read who gets the signals of an open file
 * @file: the file
 * @fown: set to it; a pid in it comes with a reference
 *
 * Return: whether that was ever set.
 */
bool checkpoint_get_fown(struct file *file, struct checkpoint_fown *fown)
{
	struct fown_struct *from = file_f_owner(file);

	if (!from)
		return false;
	read_lock_irq(&from->lock);
	fown->pid = get_pid(from->pid);
	fown->type = from->pid_type;
	fown->signum = READ_ONCE(from->signum);
	fown->uid = from->uid;
	fown->euid = from->euid;
	read_unlock_irq(&from->lock);
	return true;
}

/**
 * checkpoint_set_fown() - set who gets the signals of an open file
 * @file: the file
 * @pid: who; NULL: nobody
 * @type: what that is the pid of
 * @signum: with what, as F_SETSIG
 *
 * As F_SETOWN_EX, with the user ids of the current credentials; without @pid
 * those stay that there are.
 *
 * Return: 0, or an errno.
 */
int checkpoint_set_fown(struct file *file, struct pid *pid, unsigned int type, int signum)
{
	int ret;

	if (!valid_signal(signum) || type > PIDTYPE_PGID)
		return -EINVAL;
	ret = file_f_owner_allocate(file);
	if (ret)
		return ret;
	__f_setown(file, pid, type, 1);
	WRITE_ONCE(file_f_owner(file)->signum, signum);
	return 0;
}

/**
 * checkpoint_async_fd() - find the descriptor that the signals of a file name
 * @file: an open file with O_ASYNC
 * @list: the list of those of its inode or driver
 *
 * Return: the number; -ENOENT: @file is not on the list.
 */
int checkpoint_async_fd(const struct file *file, struct fasync_struct **list)
{
	struct fasync_struct *fa;

	guard(rcu)();
	for (fa = READ_ONCE(*list); fa; fa = READ_ONCE(fa->fa_next)) {
		if (READ_ONCE(fa->fa_file) == file)
			return READ_ONCE(fa->fa_fd);
	}
	return -ENOENT;
}

/**
 * checkpoint_has_lock_ops() - tell whether a filesystem keeps locks by itself
 * @file: a file of it
 * @flock: those of flock(2), not those of fcntl(2)
 *
 * Return: whether it has an operation of its own for them.
 */
bool checkpoint_has_lock_ops(const struct file *file, bool flock)
{
	return flock ? file->f_op->flock : file->f_op->lock;
}

/**
 * checkpoint_may_have_locks() - may a file have locks that the kernel does not know?
 * @file: the file
 *
 * A server of FUSE that wants to keep locks is asked for them, and nobody else is
 * told of those that it has given.
 */
bool checkpoint_may_have_locks(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (!IS_ENABLED(CONFIG_FUSE_FS) || inode->i_sb->s_magic != FUSE_SUPER_MAGIC)
		return false;
	if (!file->f_op->lock)
		return false;
	return !get_fuse_conn(inode)->no_lock ||
	       ((struct fuse_file *)file->private_data)->flock;
}

/**
 * checkpoint_lock_file() - lock a file for one who is not the current task
 * @file: the open file through which it is locked
 * @table: the owner of a POSIX lock; NULL: @file is the owner
 * @fd: descriptor of @file in @table
 * @type: F_RDLCK or F_WRLCK
 * @flock: as flock(2), not as F_SETLK and F_OFD_SETLK
 * @start: first byte
 * @end: last byte; OFFSET_MAX: however long the file becomes
 * @pid: the thread group that has taken the lock, in the initial pid namespace
 *
 * With the checks of these calls: the access that @file is open for, the
 * security modules, and that the owner of a POSIX lock has a descriptor of
 * @file, which releases the lock when it is closed. Does not wait for others.
 *
 * Return: 0, or an errno. -EAGAIN: there is a lock that conflicts.
 * -EOPNOTSUPP: the filesystem keeps locks by itself.
 */
int checkpoint_lock_file(struct file *file, struct files_struct *table, unsigned int fd,
			 int type, bool flock, loff_t start, loff_t end, pid_t pid)
{
	const fmode_t mode = type == F_RDLCK ? FMODE_READ : FMODE_WRITE;
	struct file_lock *fl;
	struct file *now;
	int ret;

	if (!(file->f_mode & (flock ? FMODE_READ | FMODE_WRITE : mode)))
		return -EBADF;
	if (checkpoint_has_lock_ops(file, flock))
		return -EOPNOTSUPP;
	ret = security_file_lock(file, type);
	if (ret)
		return ret;
	fl = locks_alloc_lock();
	if (!fl)
		return -ENOMEM;
	fl->c.flc_file = file;
	fl->c.flc_owner = table ?: (fl_owner_t)file;
	fl->c.flc_flags = flock ? FL_FLOCK : table ? FL_POSIX : FL_POSIX | FL_OFDLCK;
	fl->c.flc_type = type;
	fl->c.flc_pid = pid;
	fl->fl_start = start;
	fl->fl_end = end;
	ret = locks_lock_inode_wait(file_inode(file), fl);
	if (!ret && table) {
		/* As fcntl_setlk(), which tells why the spinlock. */
		spin_lock(&table->file_lock);
		now = files_lookup_fd_locked(table, fd);
		spin_unlock(&table->file_lock);
		if (now != file) {
			locks_remove_posix(file, table);
			ret = -EBADF;
		}
	}
	locks_free_lock(fl);
	return ret;
}

/**
 * checkpoint_set_lease() - take a lease or delegation for one who is not the current task
 * @file: what it is taken on; it is known who gets its signals
 * @deleg: as F_SETDELEG, not as F_SETLEASE
 * @fd: what the signal of its break names as the descriptor
 * @type: F_RDLCK or F_WRLCK
 * @pid: the thread group that has taken it, in the initial pid namespace
 *
 * With the checks of these calls, against the current credentials.
 *
 * Return: 0, or an errno. -EAGAIN: somebody has the file open, or its inode
 * locked for a moment; -EACCES: neither the file's owner nor CAP_LEASE.
 */
int checkpoint_set_lease(struct file *file, bool deleg, int fd, int type, pid_t pid)
{
	struct delegation d = { .d_type = type };
	struct file_lock_context *ctx;
	struct file_lease *fl;
	int ret;

	if (deleg)
		ret = fcntl_setdeleg(fd, file, &d);
	else
		ret = fcntl_setlease(fd, file, type);
	if (ret)
		return ret;
	ctx = locks_inode_context(file_inode(file));
	if (!ctx)
		return 0;
	/* Who has it is shown in /proc/locks: lease_init() notes the current process. */
	spin_lock(&ctx->flc_lock);
	list_for_each_entry(fl, &ctx->flc_lease, c.flc_list) {
		if (fl->c.flc_file == file)
			fl->c.flc_pid = pid;
	}
	spin_unlock(&ctx->flc_lock);
	return 0;
}

/* How long it is until @end, a time of a lease. */
static u64 time_left(unsigned long end)
{
	long left = end - jiffies;

	/* A break without an end. */
	if (!end)
		return U64_MAX;
	return left > 0 ? jiffies64_to_nsecs(left) : 0;
}

/* The time that comes in @left nanoseconds, and not later than of a break that begins now. */
static unsigned long time_in(u64 left)
{
	int most = checkpoint_lease_break_time();

	if (most > 0)
		left = min(left, (u64)most * NSEC_PER_SEC);
	if (left == U64_MAX)
		return 0;
	/* 0 would be a break without an end. */
	return (jiffies + nsecs_to_jiffies(left)) ?: 1;
}

/**
 * checkpoint_get_lease_break() - read what the holder of a lease was told to do
 * @fl: the lease; the caller has the lock of its list
 * @brk: set to that
 */
void checkpoint_get_lease_break(const struct file_lease *fl, struct checkpoint_lease_break *brk)
{
	*brk = (struct checkpoint_lease_break) {
		.downgrade = fl->c.flc_flags & FL_DOWNGRADE_PENDING,
		.unlock = fl->c.flc_flags & FL_UNLOCK_PENDING,
		.downgrade_left = time_left(fl->fl_downgrade_time),
		.unlock_left = time_left(fl->fl_break_time),
	};
}

/**
 * checkpoint_set_lease_break() - let the break of a lease go on
 * @file: what the lease is on, by which it was taken
 * @brk: what its holder was told to do
 *
 * As __break_lease(), but that the holder is not told once more.  Whoever wants
 * to open the file waits as if he had not been the first, but not longer than for
 * a break that begins now.  One that has begun since stays as it is.
 */
void checkpoint_set_lease_break(struct file *file, const struct checkpoint_lease_break *brk)
{
	struct file_lock_context *ctx = locks_inode_context(file_inode(file));
	struct file_lease *fl;

	if (!ctx)
		return;
	spin_lock(&ctx->flc_lock);
	list_for_each_entry(fl, &ctx->flc_lease, c.flc_list) {
		if (fl->c.flc_file != file)
			continue;
		/* Only what is for writing can become one for reading. */
		if (brk->downgrade && fl->c.flc_type == F_WRLCK &&
		    !(fl->c.flc_flags & FL_DOWNGRADE_PENDING)) {
			fl->c.flc_flags |= FL_DOWNGRADE_PENDING;
			fl->fl_downgrade_time = time_in(brk->downgrade_left);
		}
		if (brk->unlock && !(fl->c.flc_flags & FL_UNLOCK_PENDING)) {
			fl->c.flc_flags |= FL_UNLOCK_PENDING;
			fl->fl_break_time = time_in(brk->unlock_left);
		}
	}
	spin_unlock(&ctx->flc_lock);
}

/**
 * checkpoint_fsync_leased() - bring a file to its disk that nobody else may open
 * @file: the file
 *
 * An error is left for the next fsync(2) of @file's owner.
 *
 * Return: 0, or an errno.
 */
int checkpoint_fsync_leased(struct file *file)
{
	errseq_t seen;
	int ret;

	spin_lock(&file->f_lock);
	seen = file->f_wb_err;
	spin_unlock(&file->f_lock);
	ret = vfs_fsync(file, 0);
	if (ret) {
		spin_lock(&file->f_lock);
		file->f_wb_err = seen;
		spin_unlock(&file->f_lock);
	}
	return ret;
}
