// SPDX-License-Identifier: GPL-2.0
/*
 * Huge pages of hugetlbfs: what files and mappings have of them. They are made
 * by hugetlb_file_setup(), fallocate(2) and page faults, with all limits.
 */
#include <linux/checkpoint_mm.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

/**
 * checkpoint_hugetlb_shift() - tell the size of the pages of a file
 * @file: the file
 *
 * Return: it, as a power of two; 0: the file is not one of hugetlbfs.
 */
unsigned int checkpoint_hugetlb_shift(struct file *file)
{
#ifdef CONFIG_HUGETLBFS
	if (is_file_hugepages(file))
		return huge_page_shift(hstate_file(file));
#endif
	return 0;
}

/**
 * checkpoint_hugetlb_vma() - tell what a mapping has of huge pages
 * @vma: the mapping, whose mmap lock is held
 * @owner: set to whether pages are set aside for it, which is private
 * @taken: set to whether pages of it were taken away for the process that it was
 *	   forked from
 *
 * Return: the size of its pages, as a power of two; 0: they are not huge.
 */
unsigned int checkpoint_hugetlb_vma(struct vm_area_struct *vma, bool *owner, bool *taken)
{
	*owner = false;
	*taken = false;
#ifdef CONFIG_HUGETLBFS
	if (is_vm_hugetlb_page(vma)) {
		checkpoint_hugetlb_rights(vma, owner, taken);
		return huge_page_shift(hstate_vma(vma));
	}
#endif
	return 0;
}

/**
 * checkpoint_hugetlb_reserved() - tell whether pages for all of a file are set aside
 * @file: a file of hugetlbfs
 *
 * Return: whether they are, or are there.
 */
bool checkpoint_hugetlb_reserved(struct file *file)
{
#ifdef CONFIG_HUGETLBFS
	struct inode *inode = file_inode(file);
	const long pages = i_size_read(inode) >> huge_page_shift(hstate_inode(inode));

	return pages && checkpoint_hugetlb_regions(inode, pages) == pages;
#else
	return false;
#endif
}

/**
 * checkpoint_hugetlb_reserve() - set pages aside for all of a file
 * @file: a file of hugetlbfs
 *
 * As shmget(2) does it without SHM_NORESERVE.
 *
 * Return: 0, or an errno: -ENOMEM if there are too few pages.
 */
int checkpoint_hugetlb_reserve(struct file *file)
{
#ifdef CONFIG_HUGETLBFS
	struct inode *inode = file_inode(file);
	long ret;

	inode_lock(inode);
	ret = hugetlb_reserve_pages(inode, 0,
				    i_size_read(inode) >> huge_page_shift(hstate_inode(inode)),
				    NULL, EMPTY_VMA_FLAGS);
	inode_unlock(inode);
	return min(ret, 0L);
#else
	return -EOPNOTSUPP;
#endif
}

/**
 * checkpoint_hugetlb_unused() - tell whether a file stands for nothing but private mappings
 * @file: a file of hugetlbfs
 *
 * Return: whether it has no pages, and no shared mapping that could make some.
 */
bool checkpoint_hugetlb_unused(struct file *file)
{
	struct address_space *mapping = file->f_mapping;

	return !READ_ONCE(mapping->nrpages) && !mapping_writably_mapped(mapping);
}

/**
 * checkpoint_hugetlb_file() - make the file of an anonymous mapping, as mmap(2) does
 * @size: bytes, whole pages
 * @shift: size of its pages, as a power of two
 *
 * Return: the file, or an error pointer: -ENODEV or -ENOENT if there are no such pages.
 */
struct file *checkpoint_hugetlb_file(size_t size, unsigned int shift)
{
#ifdef CONFIG_HUGETLBFS
	return hugetlb_file_setup(HUGETLB_ANON_FILE, size, mk_vma_flags(VMA_NORESERVE_BIT),
				  HUGETLB_ANONHUGE_INODE, shift);
#else
	return ERR_PTR(-ENODEV);
#endif
}

/**
 * checkpoint_hugetlb_page() - get a page of a file
 * @file: a file of hugetlbfs
 * @index: which one, in pages of the usual size
 *
 * Return: the page, with a reference; NULL: there is none; -EIO as a pointer:
 * it is poisoned.
 */
struct page *checkpoint_hugetlb_page(struct file *file, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(file->f_mapping, index);

	if (IS_ERR(folio))
		return NULL;
	if (folio_test_hwpoison(folio)) {
		folio_put(folio);
		return ERR_PTR(-EIO);
	}
	return folio_file_page(folio, index);
}

/**
 * checkpoint_hugetlb_free() - tell how many huge pages there are that nobody has
 * @shift: their size, as a power of two
 *
 * Return: the number of them that are neither in use nor set aside; -ENODEV: the
 * machine has none of that size.
 */
long checkpoint_hugetlb_free(unsigned int shift)
{
#ifdef CONFIG_HUGETLBFS
	struct hstate *h = hstate_sizelog(shift);

	if (h)
		return max_t(long, READ_ONCE(h->free_huge_pages) - READ_ONCE(h->resv_huge_pages),
			     0);
#endif
	return -ENODEV;
}

/**
 * checkpoint_hugetlb_forked() - make a private mapping one that was forked
 * @addr: its address, in the current address space
 *
 * It was made with MAP_NORESERVE, so that nothing is set aside for it. What
 * fork() leaves to a child is the same, but for that flag.
 *
 * Return: 0; -EINTR: SIGKILL came; -EINVAL: it is no such mapping.
 */
int checkpoint_hugetlb_forked(unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	bool owner, taken;
	int ret = -EINVAL;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, addr);
	if (vma && !(vma->vm_flags & VM_MAYSHARE) &&
	    checkpoint_hugetlb_vma(vma, &owner, &taken) && !owner) {
		vm_flags_clear(vma, VM_NORESERVE);
		ret = 0;
	}
	mmap_write_unlock(mm);
	return ret;
}
