// SPDX-License-Identifier: GPL-2.0
/*
 * Extended attributes of files, as system calls read and set them.
 */
#include <linux/capability.h>
#include <linux/checkpoint_fs.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <linux/xattr.h>

#include "../../fs/internal.h"

/**
 * checkpoint_getxattr() - read an extended attribute, as fgetxattr(2) does
 * @file: the file
 * @name: the attribute
 * @value: where to
 * @size: bytes there; 0: only the size is asked for
 *
 * Return: bytes of the value, or an errno.
 */
ssize_t checkpoint_getxattr(struct file *file, const char *name, void *value, size_t size)
{
	struct mnt_idmap *idmap = file_mnt_idmap(file);
	struct dentry *dentry = file->f_path.dentry;

	if (is_posix_acl_xattr(name))
		return do_get_acl(idmap, dentry, name, value, size);
	return vfs_getxattr(idmap, dentry, name, value, size);
}

/**
 * checkpoint_setxattr() - set an extended attribute, as fsetxattr(2) does
 * @file: the file
 * @name: the attribute
 * @value: its value, which may be changed
 * @size: bytes of that
 *
 * Return: 0, or an errno.
 */
int checkpoint_setxattr(struct file *file, const char *name, void *value, size_t size)
{
	struct xattr_name kname;
	struct kernel_xattr_ctx ctx = { .kvalue = value, .size = size, .kname = &kname };

	if (strscpy(kname.name, name, sizeof(kname.name)) <= 0)
		return -ERANGE;
	return file_setxattr(file, &ctx);
}

/**
 * checkpoint_removexattr() - remove an extended attribute, as fremovexattr(2) does
 * @file: the file
 * @name: the attribute
 *
 * Return: 0, or an errno.
 */
int checkpoint_removexattr(struct file *file, const char *name)
{
	struct mnt_idmap *idmap = file_mnt_idmap(file);
	struct dentry *dentry = file->f_path.dentry;
	int ret;

	ret = mnt_want_write_file(file);
	if (ret)
		return ret;
	if (is_posix_acl_xattr(name))
		ret = vfs_remove_acl(idmap, dentry, name);
	else
		ret = vfs_removexattr(idmap, dentry, name);
	mnt_drop_write_file(file);
	return ret;
}

/**
 * checkpoint_hides_xattrs() - tell whether the caller sees all attributes of a file
 * @dentry: the file
 *
 * Filesystems list trusted.* for CAP_SYS_ADMIN only.
 *
 * Return: 0: it sees all; 1: it does not; or an errno.
 */
int checkpoint_hides_xattrs(struct dentry *dentry)
{
	ssize_t seen, all = 0;

	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN))
		return 0;
	seen = vfs_listxattr(dentry, NULL, 0);
	if (seen < 0)
		return seen == -EOPNOTSUPP ? 0 : seen;
	scoped_with_kernel_creds()
		all = vfs_listxattr(dentry, NULL, 0);
	return all < 0 ? all : all > seen;
}
