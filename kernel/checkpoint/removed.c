// SPDX-License-Identifier: GPL-2.0
/*
 * What is left of a name when it is removed while somebody uses what it led to:
 * a directory entry that no lookup finds.
 */
#include <linux/checkpoint.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/security.h>

/**
 * checkpoint_removed_name() - give an inode a name that was removed
 * @dir: the directory, on the filesystem of @inode
 * @name: the name
 * @inode: what it leads to, which is no directory
 *
 * What is left of a name when it is removed while a file is open by it: a directory entry that
 * no lookup finds. Files can be opened by it.
 *
 * Return: the entry, or an error pointer: -EOPNOTSUPP if the filesystem looks after
 * its entries itself, as overlayfs and those of networks do.
 */
struct dentry *checkpoint_removed_name(struct dentry *dir, const char *name, struct inode *inode)
{
	struct dentry *dentry;

	if (S_ISDIR(inode->i_mode) || strlen(name) > NAME_MAX)
		return ERR_PTR(-EINVAL);
	dentry = d_alloc(dir, &QSTR(name));
	if (!dentry)
		return ERR_PTR(-ENOMEM);
	/* The filesystem knows more of its entries than their name and inode. */
	if (dentry->d_flags & (DCACHE_OP_REVALIDATE | DCACHE_OP_WEAK_REVALIDATE |
			       DCACHE_OP_PRUNE | DCACHE_OP_REAL) ||
	    (dentry->d_op && (dentry->d_op->d_init || dentry->d_op->d_release))) {
		dput(dentry);
		return ERR_PTR(-EOPNOTSUPP);
	}
	ihold(inode);
	d_instantiate(dentry, inode);
	return dentry;
}

/* Makes a directory, which the lock of @dir hides from others, and removes it. */
static struct dentry *make_and_remove(const struct path *dir, struct qstr *name)
{
	struct mnt_idmap *idmap = mnt_idmap(dir->mnt);
	struct inode *inode = d_inode(dir->dentry);
	struct dentry *dentry, *removed;
	int err;

	dentry = start_creating_killable(idmap, dir->dentry, name);
	if (IS_ERR(dentry))
		return dentry;
	err = security_path_mkdir(dir, dentry, 0700);
	if (err)
		goto end;
	/* This ends what was begun if it fails. */
	dentry = vfs_mkdir(idmap, inode, dentry, 0700, NULL);
	if (IS_ERR(dentry))
		return dentry;
	removed = dget(dentry);
	err = security_path_rmdir(dir, dentry);
	if (!err)
		err = vfs_rmdir(idmap, inode, dentry, NULL);
	if (!err) {
		end_creating(dentry);
		return removed;
	}
	dput(removed);
end:
	end_creating(dentry);
	return ERR_PTR(err);
}

/**
 * checkpoint_removed_dir() - make a directory that was removed
 * @dir: the directory that it was in
 * @name: its name, which nothing has there
 *
 * As who makes a directory, enters it, and removes it. May sleep, even for long.
 *
 * Return: its entry, or an error pointer: -EEXIST if something has the name.
 */
struct dentry *checkpoint_removed_dir(const struct path *dir, const char *name)
{
	struct dentry *dentry;
	int err;

	err = mnt_want_write(dir->mnt);
	if (err)
		return ERR_PTR(err);
	dentry = make_and_remove(dir, &QSTR(name));
	mnt_drop_write(dir->mnt);
	return dentry;
}
