// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are made beside the place that they get: nobody finds one by its
 * name before it has its contents.
 */
#include <linux/checkpoint_fs.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/security.h>

/**
 * checkpoint_new_file() - make a regular file
 * @dir: the directory
 * @name: its name, which nothing has there
 *
 * As open(2) with O_CREAT and O_EXCL, with the permissions 0600. May sleep, even
 * for long.
 *
 * Return: its entry, or an error pointer: -EEXIST if something has the name.
 */
struct dentry *checkpoint_new_file(const struct path *dir, const char *name)
{
	struct mnt_idmap *idmap = mnt_idmap(dir->mnt);
	struct dentry *dentry;
	int err;

	/* What is made there can neither be moved to its place nor removed. */
	if (IS_APPEND(d_inode(dir->dentry)))
		return ERR_PTR(-EPERM);
	err = mnt_want_write(dir->mnt);
	if (err)
		return ERR_PTR(err);
	dentry = start_creating_killable(idmap, dir->dentry, &QSTR(name));
	if (IS_ERR(dentry))
		goto out;
	err = security_path_mknod(dir, dentry, S_IFREG | 0600, 0);
	if (!err)
		err = vfs_create(idmap, dentry, S_IFREG | 0600, NULL);
	if (!err) {
		/* It has no contents yet that anybody could vouch for. */
		security_path_post_mknod(idmap, dentry);
		dget(dentry);
	}
	end_creating(dentry);
	if (err)
		dentry = ERR_PTR(err);
out:
	mnt_drop_write(dir->mnt);
	return dentry;
}

/* Renames what was found in @dir. */
static int checkpoint_rename(const struct path *dir, struct renamedata *rd)
{
	int err = security_path_rename(dir, rd->old_dentry, dir, rd->new_dentry, rd->flags);

	return err ? : vfs_rename(rd);
}

/**
 * checkpoint_move_file() - give a file the name that it is to have
 * @dir: the directory that it is in
 * @file: its entry
 * @name: the name
 * @old: the entry that was found by that name, whose file it replaces; NULL: there
 *	must be none
 *
 * As renameat2(2). Where the filesystem can do that @old gets the name that @file had, so that
 * it can be given back: checkpoint_swap_files(). May sleep, even for long.
 *
 * Return: 0; 1 if @old is there still; -EEXIST if there is something by that name;
 * -EINVAL if it is not that of @old any more, if @file has been removed or moved, or the
 * filesystem can't keep what is there.
 */
int checkpoint_move_file(const struct path *dir, struct dentry *file, const char *name,
			 struct dentry *old)
{
	struct renamedata rd = {
		.mnt_idmap	= mnt_idmap(dir->mnt),
		.old_parent	= dir->dentry,
		.new_parent	= dir->dentry,
		.flags		= old ? 0 : RENAME_NOREPLACE,
	};
	bool swapped = false;
	int err;

	err = mnt_want_write(dir->mnt);
	if (err)
		return err;
	err = start_renaming_dentry(&rd, 0, file, &QSTR(name));
	if (err)
		goto out;
	/* The entry may have got another name, and the name another file. */
	if (old && (d_is_negative(rd.new_dentry) || d_inode(rd.new_dentry) != d_inode(old)))
		err = -EINVAL;
	if (!err && old && rd.new_dentry == old) {
		rd.flags = RENAME_EXCHANGE;
		err = checkpoint_rename(dir, &rd);
		swapped = !err;
		if (err) {
			/* A filesystem that can't do that, or may not: what is there is lost. */
			rd.flags = 0;
			err = checkpoint_rename(dir, &rd);
		}
	} else if (!err) {
		err = checkpoint_rename(dir, &rd);
	}
	end_renaming(&rd);
out:
	mnt_drop_write(dir->mnt);
	return err ? : swapped;
}

/**
 * checkpoint_swap_files() - take back what checkpoint_move_file() has done
 * @dir: the directory that both are in
 * @file: the entry of the one that has got the name
 * @old: that of the one that had it
 *
 * May sleep, even for long.
 *
 * Return: 0, or -EINVAL if one of them has been removed or moved.
 */
int checkpoint_swap_files(const struct path *dir, struct dentry *file, struct dentry *old)
{
	struct renamedata rd = {
		.mnt_idmap	= mnt_idmap(dir->mnt),
		.old_parent	= dir->dentry,
		.new_parent	= dir->dentry,
		.flags		= RENAME_EXCHANGE,
	};
	int err;

	err = mnt_want_write(dir->mnt);
	if (err)
		return err;
	err = start_renaming_two_dentries(&rd, file, old);
	if (!err) {
		err = checkpoint_rename(dir, &rd);
		end_renaming(&rd);
	}
	mnt_drop_write(dir->mnt);
	return err;
}

/**
 * checkpoint_may_truncate() - tell whether a file may be truncated
 * @path: path of the file
 *
 * What vfs_truncate() asks first. Leases are broken, which it need not wait for then. May sleep,
 * even for long.
 *
 * Return: 0, or an errno as of truncate(2); -ERESTARTSYS if the caller was killed.
 */
int checkpoint_may_truncate(const struct path *path)
{
	struct inode *inode = d_inode(path->dentry);
	int err;

	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	err = inode_permission(mnt_idmap(path->mnt), inode, MAY_WRITE);
	if (!err && IS_APPEND(inode))
		err = -EPERM;
	if (!err)
		err = mnt_want_write(path->mnt);
	if (err)
		return err;
	err = get_write_access(inode);
	if (!err) {
		err = break_lease(inode, O_WRONLY);
		if (!err)
			err = security_path_truncate(path);
		put_write_access(inode);
	}
	mnt_drop_write(path->mnt);
	return err;
}

/**
 * checkpoint_remove_file() - remove a file
 * @dir: the directory that it is in
 * @file: its entry
 *
 * As unlink(2). May sleep, even for long.
 *
 * Return: 0, or -EINVAL if it has been removed or moved.
 */
int checkpoint_remove_file(const struct path *dir, struct dentry *file)
{
	struct dentry *dentry;
	int err;

	err = mnt_want_write(dir->mnt);
	if (err)
		return err;
	dentry = start_removing_dentry(dir->dentry, file);
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
		goto out;
	}
	err = security_path_unlink(dir, dentry);
	if (!err)
		err = vfs_unlink(mnt_idmap(dir->mnt), d_inode(dir->dentry), dentry, NULL);
	end_removing(dentry);
out:
	mnt_drop_write(dir->mnt);
	return err;
}
