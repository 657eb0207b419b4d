// SPDX-License-Identifier: GPL-2.0
/*
 * What is left of a name when it is removed while somebody uses what it led to:
 * a directory entry that no lookup finds.
 */
#include <linux/checkpoint_fs.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/security.h>

/**
 * checkpoint_removed_name() - give an inode a name that was removed
 * @dir: the directory
 * @name: the name
 * @path: a path to the inode, which is no directory
 *
 * What is left of a name when it is removed while a file is open by it: a directory entry that
 * no lookup finds. Files can be opened by it.
 *
 * As linkat(2), it wants both on one mount, and asks the security modules that
 * judge by paths: else a file could be opened by a path that gives more rights
 * to it than its own.
 *
 * Return: the entry, or an error pointer: -EXDEV if they are on two mounts;
 * -EOPNOTSUPP if the filesystem looks after its entries itself, as overlayfs and
 * those of networks do.
 */
struct dentry *checkpoint_removed_name(const struct path *dir, const char *name,
				       const struct path *path)
{
	struct inode *inode = d_backing_inode(path->dentry);
	struct dentry *dentry;
	int err;

	if (S_ISDIR(inode->i_mode) || strlen(name) > NAME_MAX)
		return ERR_PTR(-EINVAL);
	if (dir->mnt != path->mnt)
		return ERR_PTR(-EXDEV);
	dentry = d_alloc(dir->dentry, &QSTR(name));
	if (!dentry)
		return ERR_PTR(-ENOMEM);
	/* The filesystem knows more of its entries than their name and inode. */
	err = -EOPNOTSUPP;
	if (dentry->d_flags & (DCACHE_OP_REVALIDATE | DCACHE_OP_WEAK_REVALIDATE |
			       DCACHE_OP_PRUNE | DCACHE_OP_REAL) ||
	    (dentry->d_op && (dentry->d_op->d_init || dentry->d_op->d_release ||
			      dentry->d_op->d_iput)))
		goto out;
	err = security_path_link(path->dentry, dir, dentry);
	if (err)
		goto out;
	ihold(inode);
	d_instantiate(dentry, inode);
	return dentry;
out:
	dput(dentry);
	return ERR_PTR(err);
}

/* Makes @dentry, which start_creating() has returned for a name in @dir. */
static struct dentry *make(const struct path *dir, struct dentry *dentry, umode_t mode, dev_t dev,
			   const char *target)
{
	struct mnt_idmap *idmap = mnt_idmap(dir->mnt);
	struct inode *inode = d_inode(dir->dentry);
	int err;

	if (S_ISDIR(mode)) {
		err = security_path_mkdir(dir, dentry, mode);
		/* This ends what was begun if it fails. */
		if (!err)
			return vfs_mkdir(idmap, inode, dentry, mode, NULL);
	} else if (S_ISLNK(mode)) {
		err = security_path_symlink(dir, dentry, target);
		if (!err)
			err = vfs_symlink(idmap, inode, dentry, target, NULL);
		if (!err)
			return dentry;
	} else {
		err = security_path_mknod(dir, dentry, mode, new_encode_dev(dev));
		if (!err)
			err = vfs_mknod(idmap, inode, dentry, mode, dev, NULL);
		if (!err)
			return dentry;
	}
	end_creating(dentry);
	return ERR_PTR(err);
}

static int remove(const struct path *dir, struct dentry *dentry)
{
	struct mnt_idmap *idmap = mnt_idmap(dir->mnt);
	struct inode *inode = d_inode(dir->dentry);
	int err;

	if (d_is_dir(dentry)) {
		err = security_path_rmdir(dir, dentry);
		return err ?: vfs_rmdir(idmap, inode, dentry, NULL);
	}
	err = security_path_unlink(dir, dentry);
	return err ?: vfs_unlink(idmap, inode, dentry, NULL);
}

/* Both under the lock of @dir: nobody finds it in between. */
static struct dentry *make_and_remove(const struct path *dir, struct qstr *name, umode_t mode,
				      dev_t dev, const char *target)
{
	struct dentry *dentry, *removed;
	int err;

	dentry = start_creating_killable(mnt_idmap(dir->mnt), dir->dentry, name);
	if (IS_ERR(dentry))
		return dentry;
	dentry = make(dir, dentry, mode, dev, target);
	if (IS_ERR(dentry))
		return dentry;
	removed = dget(dentry);
	err = remove(dir, dentry);
	end_creating(dentry);
	if (!err)
		return removed;
	dput(removed);
	return ERR_PTR(err);
}

/**
 * checkpoint_removed_node() - make what was removed, and is no regular file
 * @dir: the directory that it was in
 * @name: its name, which nothing has there
 * @type: S_IFDIR, S_IFIFO, S_IFSOCK, S_IFLNK, S_IFCHR or S_IFBLK
 * @dev: of a device its number; else 0
 * @target: of S_IFLNK, where it leads
 *
 * As who makes it, enters or opens it, and removes it: a device takes CAP_MKNOD.
 * May sleep, even for long.
 *
 * Return: its entry, or an error pointer: -EEXIST if something has the name.
 */
struct dentry *checkpoint_removed_node(const struct path *dir, const char *name, umode_t type,
				       dev_t dev, const char *target)
{
	umode_t mode = type | (S_ISDIR(type) ? 0700 : 0600);
	struct dentry *dentry;
	int err;

	/* vfs_mknod() takes whatever it gets. */
	switch (type) {
	case S_IFDIR:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
		break;
	default:
		return ERR_PTR(-EINVAL);
	}
	/* What is made there can't be removed. */
	if (IS_APPEND(d_inode(dir->dentry)))
		return ERR_PTR(-EPERM);
	err = mnt_want_write(dir->mnt);
	if (err)
		return ERR_PTR(err);
	dentry = make_and_remove(dir, &QSTR(name), mode, dev, target);
	mnt_drop_write(dir->mnt);
	return dentry;
}

/**
 * checkpoint_link_target() - read where a symbolic link leads
 * @path: the link
 * @buf: where to, without a NUL
 * @size: bytes there
 *
 * As readlink(2). A link of procfs does not lead where its text says, and is none of these.
 * May sleep.
 *
 * Return: bytes of it, or an errno: -ENAMETOOLONG if there is no room for all of them.
 */
int checkpoint_link_target(const struct path *path, char *buf, int size)
{
	struct inode *inode = d_backing_inode(path->dentry);
	DEFINE_DELAYED_CALL(done);
	const char *target;
	size_t len;

	if (!d_is_symlink(path->dentry) || inode->i_op->readlink || !inode->i_op->get_link)
		return -EINVAL;
	target = vfs_get_link(path->dentry, &done);
	if (IS_ERR_OR_NULL(target))
		return target ? PTR_ERR(target) : -EINVAL;
	len = strnlen(target, size + 1);
	if (len <= size)
		memcpy(buf, target, len);
	do_delayed_call(&done);
	return len <= size ? len : -ENAMETOOLONG;
}

/**
 * checkpoint_pipe_at() - tell which pipe of a FIFO is open
 * @path: the FIFO, or anything else
 *
 * Return: the pipe, to compare, without a reference; NULL: nobody has it open.
 */
const void *checkpoint_pipe_at(const struct path *path)
{
	struct inode *inode = d_backing_inode(path->dentry);

	return S_ISFIFO(inode->i_mode) ? READ_ONCE(inode->i_pipe) : NULL;
}
