// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are made beside the place that they get: nobody finds one by its
 * name before it has its contents.
 */
#include <linux/checkpoint_fs.h>
#include <linux/dcache.h>
#include <linux/err.h>
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

/**
 * checkpoint_move_file() - give a file the name that it is to have
 * @dir: the directory that it is in
 * @file: its entry
 * @name: the name
 * @old: the entry that was found by that name, whose file it replaces; NULL: there
 *	must be none
 *
 * As renameat2(2). May sleep, even for long.
 *
 * Return: 0, or -EEXIST if there is something by that name; -EINVAL if it is not
 * that of @old any more, if @file has been removed or moved, or the filesystem
 * can't keep what is there.
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
	if (!err)
		err = security_path_rename(dir, rd.old_dentry, dir, rd.new_dentry, rd.flags);
	if (!err)
		err = vfs_rename(&rd);
	end_renaming(&rd);
out:
	mnt_drop_write(dir->mnt);
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
