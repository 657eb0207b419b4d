// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings and memfds, as system calls make them: some headers are private to
 * mm/.
 */
#include <linux/checkpoint_mm.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/ksm.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <uapi/linux/memfd.h>

#include "../../mm/internal.h"
#include "mm.h"

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
 * checkpoint_merge_any() - merge the pages of memory, as prctl(PR_SET_MEMORY_MERGE) does
 * @mm: the address space
 *
 * Return: 0, or an errno: -EOPNOTSUPP if the kernel merges none, -EINTR if SIGKILL came.
 */
int checkpoint_merge_any(struct mm_struct *mm)
{
#ifdef CONFIG_KSM
	int err;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	err = ksm_enable_merge_any(mm);
	mmap_write_unlock(mm);
	return err;
#else
	return -EOPNOTSUPP;
#endif
}

/**
 * checkpoint_memfd() - make a memfd, as memfd_create(2) does
 * @name: its name, with the prefix of all memfds
 * @noexec: it can't be executed, and is sealed so; else it may be given seals
 * @huge: size of its huge pages, as a power of two; 0: it has none
 *
 * Return: the file, or an error pointer: -EACCES if a memfd must not be executable here,
 * -EOPNOTSUPP if the kernel has none, -ENODEV or -ENOENT if there are no such pages.
 */
struct file *checkpoint_memfd(const char *name, bool noexec, unsigned int huge)
{
#ifdef CONFIG_MEMFD_CREATE
	unsigned int flags = noexec ? MFD_NOEXEC_SEAL : MFD_EXEC | MFD_ALLOW_SEALING;

	if (huge)
		flags |= MFD_HUGETLB | huge << MFD_HUGE_SHIFT;
	return memfd_create_file(name, flags);
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

/*
 * Takes the pages of a range out of an address space, as madvise(MADV_DONTNEED_LOCKED) does, also
 * where memory is sealed. @is_right tells of each mapping whether that may be done. 0, or an errno:
 * -EINTR: SIGKILL came; -EINVAL: it may not, or nothing is mapped there.
 */
int checkpoint_empty(struct mm_struct *mm, unsigned long start, unsigned long end,
		     bool (*is_right)(struct vm_area_struct *vma))
{
	struct vm_area_struct *vma;
	unsigned long last;
	int ret = 0;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	while (start < end) {
		vma = vma_lookup(mm, start);
		if (!vma || !is_right(vma)) {
			ret = -EINVAL;
			break;
		}
		last = min(end, vma->vm_end);
		zap_vma_range(vma, start, last - start);
		start = last;
	}
	mmap_read_unlock(mm);
	return ret;
}

static bool checkpoint_is_wiped(struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_WIPEONFORK;
}

/**
 * checkpoint_wipe() - empty memory that fork() wipes
 * @mm: the address space, of a task that is parked
 * @start: first address
 * @end: address after the last
 *
 * As madvise(MADV_DONTNEED_LOCKED) does, also where memory is sealed: a child has none of it,
 * either. It must be memory of MADV_WIPEONFORK, which is private, and of no file. May sleep.
 *
 * Return: 0, or an errno: -EINTR: SIGKILL came; -EINVAL: it is other memory.
 */
int checkpoint_wipe(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	return checkpoint_empty(mm, start, end, checkpoint_is_wiped);
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
