// SPDX-License-Identifier: GPL-2.0
/*
 * What the Rust side uses of headers that are private to fs/, mm/ and
 * kernel/futex/: those headers do not become bindings for all of Rust. Each
 * function is the one that a system call ends in, with its checks.
 */
#include <linux/build_bug.h>
#include <linux/checkpoint.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/syscalls.h>

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

/* kapi/signal/restart_block.rs: flags in the restart block of a futex wait. */
static_assert(FLAGS_SIZE_32 == 0x02);
static_assert(FLAGS_SHARED == 0x10);
static_assert(FLAGS_CLOCKRT == 0x20);
static_assert(FLAGS_HAS_TIMEOUT == 0x40);

/* image/files.rs, epoll: bits of what is registered. */
static_assert((__force u32)EPOLLIN == 1u << 0);
static_assert((__force u32)EPOLLOUT == 1u << 2);
static_assert((__force u32)EPOLLERR == 1u << 3);
static_assert((__force u32)EPOLLHUP == 1u << 4);
static_assert((__force u32)EPOLLEXCLUSIVE == 1u << 28);
static_assert((__force u32)EPOLLWAKEUP == 1u << 29);
static_assert((__force u32)EPOLLONESHOT == 1u << 30);
static_assert((__force u32)EPOLLET == 1u << 31);
