// SPDX-License-Identifier: GPL-2.0

#include <linux/backing-dev.h>
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/namei.h>
#include <linux/pagemap.h>
#include <linux/pipe_fs_i.h>
#include <linux/proc_fs.h>
#include <linux/security.h>

__rust_helper bool rust_helper_close_on_exec(unsigned int fd, const struct files_struct *files)
{
	return close_on_exec(fd, files);
}

__rust_helper struct inode *rust_helper_file_inode(const struct file *f)
{
	return file_inode(f);
}

__rust_helper void rust_helper_file_set_nonotify(struct file *f)
{
	file_set_fsnotify_mode(f, FMODE_NONOTIFY);
}

__rust_helper bool rust_helper_file_is_nonotify(const struct file *f)
{
	return (f->f_mode & FMODE_FSNOTIFY_MASK) == FMODE_NONOTIFY;
}

__rust_helper bool rust_helper_file_was_created(const struct file *f)
{
	return f->f_mode & FMODE_CREATED;
}

__rust_helper void rust_helper_file_set_created(struct file *f, bool created)
{
	if (created)
		f->f_mode |= FMODE_CREATED;
	else
		f->f_mode &= ~FMODE_CREATED;
}

__rust_helper bool rust_helper_inode_is_internal(const struct inode *inode)
{
	return inode->i_sb->s_flags & SB_NOUSER;
}

__rust_helper bool rust_helper_d_unlinked(const struct dentry *d)
{
	return d_unlinked(d);
}

/* What has the contents of a regular file: of one of an overlay the file below. */
__rust_helper struct address_space *rust_helper_checkpoint_contents(struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;

	if (d_is_reg(dentry) && dentry->d_flags & DCACHE_OP_REAL)
		return d_real_inode(dentry)->i_mapping;
	return file->f_mapping;
}

__rust_helper unsigned int rust_helper_d_count(const struct dentry *dentry)
{
	return d_count(dentry);
}

__rust_helper loff_t rust_helper_i_size_read(const struct inode *inode)
{
	return i_size_read(inode);
}

__rust_helper unsigned long rust_helper_file_count(struct file *f)
{
	return file_count(f);
}

__rust_helper bool rust_helper_pipe_trylock_it(struct pipe_inode_info *pipe)
{
	return mutex_trylock(&pipe->mutex);
}

__rust_helper void rust_helper_pipe_unlock_it(struct pipe_inode_info *pipe)
{
	mutex_unlock(&pipe->mutex);
}

__rust_helper int rust_helper_pipe_buf_confirm(struct pipe_inode_info *pipe,
					       struct pipe_buffer *buf)
{
	return pipe_buf_confirm(pipe, buf);
}

__rust_helper void rust_helper_path_get(const struct path *path)
{
	path_get(path);
}

__rust_helper void rust_helper_path_put(const struct path *path)
{
	path_put(path);
}

__rust_helper void rust_helper_get_fs_root(struct fs_struct *fs, struct path *root)
{
	get_fs_root(fs, root);
}

__rust_helper void rust_helper_get_fs_pwd(struct fs_struct *fs, struct path *pwd)
{
	get_fs_pwd(fs, pwd);
}

__rust_helper void rust_helper_fs_struct_hold(struct fs_struct *fs)
{
	read_seqlock_excl(&fs->seq);
	fs->users++;
	read_sequnlock_excl(&fs->seq);
}

__rust_helper bool rust_helper_fs_struct_drop(struct fs_struct *fs)
{
	bool last;

	read_seqlock_excl(&fs->seq);
	last = !--fs->users;
	read_sequnlock_excl(&fs->seq);
	return last;
}

__rust_helper int rust_helper_path_permission(const struct path *path, int mask)
{
	return path_permission(path, mask);
}

__rust_helper int rust_helper_security_path_chroot(const struct path *path)
{
	return security_path_chroot(path);
}

__rust_helper bool rust_helper_pipe_is_watch_queue(const struct pipe_inode_info *pipe)
{
	return pipe_has_watch_queue(pipe);
}

__rust_helper unsigned int rust_helper_pipe_buffers_used(const struct pipe_inode_info *pipe)
{
	return pipe_buf_usage(pipe);
}

__rust_helper struct pipe_buffer *
rust_helper_pipe_buffer_at(const struct pipe_inode_info *pipe, unsigned int n)
{
	return pipe_buf(pipe, pipe->tail + n);
}

__rust_helper bool rust_helper_pipe_buffer_is_ready(const struct pipe_buffer *buf)
{
	return !buf->ops->confirm || folio_test_uptodate(page_folio(buf->page));
}

__rust_helper unsigned int rust_helper_file_default_readahead(const struct file *f)
{
	return inode_to_bdi(f->f_mapping->host)->ra_pages;
}

__rust_helper bool rust_helper_inode_is_linkable(struct inode *inode)
{
	return inode_state_read_once(inode) & I_LINKABLE;
}

__rust_helper const struct cred *rust_helper_override_creds(const struct cred *new)
{
	return override_creds(new);
}

__rust_helper const struct cred *rust_helper_revert_creds(const struct cred *old)
{
	return revert_creds(old);
}

__rust_helper struct mnt_idmap *rust_helper_mnt_idmap_of(const struct vfsmount *mnt)
{
	return mnt_idmap(mnt);
}

/* Is there a named pipe that somebody has open, or is opening? */
__rust_helper bool rust_helper_inode_has_pipe(struct inode *inode)
{
	guard(spinlock)(&inode->i_lock);
	return S_ISFIFO(inode->i_mode) && inode->i_pipe;
}

/* The pid namespace that the numbers in an instance of procfs are of. */
__rust_helper struct pid_namespace *rust_helper_proc_pid_ns(struct super_block *sb)
{
	return proc_pid_ns(sb);
}

/* Open files for reading only; -1 if nobody counts them. */
__rust_helper int rust_helper_inode_readers(const struct inode *inode)
{
#if defined(CONFIG_IMA) || defined(CONFIG_FILE_LOCKING)
	return atomic_read(&inode->i_readcount);
#else
	return -1;
#endif
}

/* Open files for writing; negative: so many that forbid them. */
__rust_helper int rust_helper_inode_writers(const struct inode *inode)
{
	return atomic_read(&inode->i_writecount);
}

/*
 * Move the oldest buffer of @from behind the newest of @to, which has room for
 * it. Nobody else uses @from; @to is locked.
 */
__rust_helper void rust_helper_pipe_move_buffer(struct pipe_inode_info *from,
						struct pipe_inode_info *to)
{
	struct pipe_buffer *buf = pipe_buf(from, from->tail);

	*pipe_buf(to, to->head) = *buf;
	buf->ops = NULL;
	from->tail++;
	to->head++;
}

/* Throw the oldest buffer away; the pipe is locked. */
__rust_helper void rust_helper_pipe_drop_buffer(struct pipe_inode_info *pipe)
{
	pipe_buf_release(pipe, pipe_buf(pipe, pipe->tail));
	pipe->tail++;
}
