// SPDX-License-Identifier: GPL-2.0
/*
 * What the Rust side uses of headers that are private to fs/, mm/ and
 * kernel/futex/: those headers do not become bindings for all of Rust. Each
 * function is the one that a system call ends in, with its checks.
 */
#include <linux/build_bug.h>
#include <linux/checkpoint.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/syscalls.h>
#include <linux/xattr.h>
#include <uapi/linux/memfd.h>

#include "../../fs/internal.h"
#include "../../mm/internal.h"
#include "../futex/futex.h"

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
 * @flags: all of them; O_ASYNC as it is
 *
 * Return: 0, or an errno.
 */
int checkpoint_set_status_flags(struct file *file, unsigned int flags)
{
	/* The descriptor's number counts for O_ASYNC only. */
	return setfl(0, file, flags);
}

/**
 * checkpoint_is_mounted_over() - tell whether another mount lies over a path
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
 * checkpoint_mmap() - map into the current address space, as mmap(2) does
 * @file: what to map; NULL: anonymous memory
 * @addr: where to
 * @len: bytes
 * @prot: PROT_*
 * @flags: MAP_*
 * @pgoff: offset in @file, in pages
 *
 * Return: the address, or an errno as a pointer would be.
 */
unsigned long checkpoint_mmap(struct file *file, unsigned long addr, unsigned long len,
			      unsigned long prot, unsigned long flags, unsigned long pgoff)
{
	return vm_mmap_pgoff(file, addr, len, prot, flags, pgoff);
}

/**
 * checkpoint_mprotect() - set the access to memory, as pkey_mprotect(2) does
 * @start: first address, in the current address space
 * @len: bytes
 * @prot: PROT_*
 * @pkey: protection key; -1: as mprotect(2)
 *
 * Return: 0, or an errno.
 */
int checkpoint_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey)
{
	return do_mprotect_pkey(start, len, prot, pkey);
}

/**
 * checkpoint_mlock() - lock memory, as mlock2(2) does
 * @start: first address, in the current address space
 * @len: bytes
 * @flags: VM_LOCKED, and VM_LOCKONFAULT or not
 *
 * Return: 0, or an errno.
 */
int checkpoint_mlock(unsigned long start, size_t len, unsigned long flags)
{
	vma_flags_t vma_flags = legacy_to_vma_flags(flags);

	return do_mlock(start, len, &vma_flags);
}

/**
 * checkpoint_mseal() - seal memory, as mseal(2) does
 * @start: first address, in the current address space
 * @end: address after the last
 *
 * Return: 0, or an errno.
 */
int checkpoint_mseal(unsigned long start, unsigned long end)
{
	return mseal_range(start, end);
}

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
 * checkpoint_memfd() - make a memfd, as memfd_create(2) does
 * @name: its name, with the prefix of all memfds
 * @noexec: it can't be executed, and is sealed so; else it may be given seals
 *
 * Return: the file, or an error pointer: -EACCES if a memfd must not be executable here,
 * -EOPNOTSUPP if the kernel has none.
 */
struct file *checkpoint_memfd(const char *name, bool noexec)
{
#ifdef CONFIG_MEMFD_CREATE
	return memfd_create_file(name, noexec ? MFD_NOEXEC_SEAL : MFD_EXEC | MFD_ALLOW_SEALING);
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

/**
 * checkpoint_memfd_seals() - tell the seals of a file, as F_GET_SEALS does
 * @file: the file
 *
 * Return: F_SEAL_*, or an errno.
 */
int checkpoint_memfd_seals(struct file *file)
{
	return memfd_get_seals(file);
}

/**
 * checkpoint_memfd_seal() - seal a file, as F_ADD_SEALS does
 * @file: the file, open for writing
 * @seals: F_SEAL_*
 *
 * May sleep until pages that somebody has pinned are let go, for less than a second.
 *
 * Return: 0, or an errno: -EBUSY if a mapping may be written to.
 */
int checkpoint_memfd_seal(struct file *file, unsigned int seals)
{
	return memfd_add_seals(file, seals);
}

/* kapi/signal/restart_block.rs: flags in the restart block of a futex wait. */
static_assert(FLAGS_SIZE_32 == 0x02);
static_assert(FLAGS_SHARED == 0x10);
static_assert(FLAGS_CLOCKRT == 0x20);
static_assert(FLAGS_HAS_TIMEOUT == 0x40);
