// SPDX-License-Identifier: GPL-2.0
/*
 * Anonymous pages that several address spaces have copy-on-write, as fork()
 * leaves them: restart(2) makes the address spaces one by one, and not by
 * fork(), and gives each page to the others when one has it.
 *
 * What finds all mappings of an anonymous page goes by the anon_vma of the
 * mappings: all that have the page must be in the tree of one root. So a
 * mapping is linked to one of another address space when it is made, before it
 * has any page: it can't be moved to another tree later on. Where that was not
 * done, or where the page is at another address there, it is not shared, and
 * the caller makes a copy.
 */
#include <linux/checkpoint_mm.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>
#include <linux/oom.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/rmap.h>
#include <linux/seqlock.h>
#include <linux/userfaultfd_k.h>

#include <asm/tlbflush.h>

#include "../../mm/internal.h"
#include "mm.h"

/* As mmap_write_lock_killable(), but without waiting. */
static bool try_lock(struct mm_struct *mm)
{
	if (!down_write_trylock(&mm->mmap_lock))
		return false;
	mm_lock_seqcount_begin(mm);
	return true;
}

/*
 * Locks both for writing. fork() locks the parent first; here nobody knows who
 * comes first, and an image may say both. So neither lock is waited for while
 * the other one is held.
 */
static int lock_both(struct mm_struct *a, struct mm_struct *b)
{
	for (;;) {
		if (mmap_write_lock_killable(a))
			return -EINTR;
		if (try_lock(b))
			return 0;
		mmap_write_unlock(a);
		swap(a, b);
	}
}

static void unlock_both(struct mm_struct *a, struct mm_struct *b)
{
	mmap_write_unlock(a);
	mmap_write_unlock(b);
}

/*
 * Private memory whose pages fork() would have shared. Not where a page in place
 * of that of a file would be a write to code, which is asked for elsewhere
 * (proc_mem.force_override).
 */
static bool is_shareable(struct vm_area_struct *vma)
{
	const vm_flags_t special = VM_SPECIAL | VM_HUGETLB | VM_SHADOW_STACK | VM_MTE |
				   VM_DROPPABLE;

	return vma_is_cow_mapping(vma) && !(vma->vm_flags & special) &&
	       !userfaultfd_armed(vma) && !(vma->vm_file && (vma->vm_flags & VM_EXEC));
}

/* Would an anonymous page have the same index in both, at the same address? */
static bool has_same_index(struct vm_area_struct *a, struct vm_area_struct *b)
{
	const unsigned long addr = max(a->vm_start, b->vm_start);

	return linear_anon_page_index(a, addr) == linear_anon_page_index(b, addr);
}

/**
 * checkpoint_share_link() - let a new mapping have pages of another address space
 * @mm: the address space of the mapping
 * @start: its first address
 * @end: the address after its last
 * @with: the other address space, in which there is something at the same addresses
 *
 * As fork() links what it copies. Where that can't be, nothing is done. Both
 * address spaces are of parked tasks, or of the caller. May sleep.
 *
 * Return: 0, or an errno: -ENOMEM, -EINTR.
 */
int checkpoint_share_link(struct mm_struct *mm, unsigned long start, unsigned long end,
			  struct mm_struct *with)
{
	VMA_ITERATOR(vmi, with, start);
	struct vm_area_struct *vma, *other;
	int ret;

	if (mm == with)
		return 0;
	ret = lock_both(mm, with);
	if (ret)
		return ret;
	vma = vma_lookup(mm, start);
	if (!vma || vma->anon_vma || !is_shareable(vma))
		goto out;
	for_each_vma_range(vmi, other, end)
		if (is_shareable(other) && has_same_index(vma, other))
			break;
	if (!other)
		goto out;
	ret = vma_start_write_killable(vma) ?: vma_start_write_killable(other);
	if (ret) {
		ret = -EINTR;
		goto out;
	}
	ret = anon_vma_prepare(other);
	if (ret)
		goto out;
	/* Nobody sees the mapping, though it is in the address space: both are locked. */
	mm_flags_set(MMF_CHECKPOINT, mm);
	ret = anon_vma_fork(vma, other);
	mm_flags_clear(MMF_CHECKPOINT, mm);
out:
	unlock_both(mm, with);
	return ret;
}

/* Sees to it that what looks for all mappings of an anonymous folio of @vma looks at the root's. */
static bool find_from_root(struct folio *folio, struct vm_area_struct *vma)
{
	if (folio_anon_vma(folio) == vma->anon_vma->root)
		return true;
	if (!folio_trylock(folio))
		return false;
	checkpoint_rmap_to_root(folio, vma);
	folio_unlock(folio);
	return true;
}

/* As copy_present_ptes(), of one page, but it is not copied here. Both page tables are locked. */
static bool share_pte(struct vm_area_struct *vma, struct vm_area_struct *src, unsigned long addr,
		      pte_t *pte, pte_t *src_pte)
{
	const pte_t old = ptep_get(src_pte);
	struct folio *folio;
	struct page *page;
	pte_t new;

	if (!pte_none(ptep_get(pte)) || !pte_present(old))
		return false;
	page = vm_normal_page(src, addr, old);
	if (!page)
		return false;
	folio = page_folio(page);
	if (!folio_test_anon(folio) || folio_test_ksm(folio) || !find_from_root(folio, src))
		return false;
	folio_get(folio);
	if (folio_try_dup_anon_rmap_pte(folio, page, vma, src)) {
		folio_put(folio);
		return false;
	}
	if (pte_write(old))
		wrprotect_ptes(src->vm_mm, addr, src_pte, 1);
	/* The access to the mapping may be another one there. */
	new = pte_wrprotect(mk_pte(page, vma->vm_page_prot));
	if (pte_dirty(old))
		new = pte_mkdirty(new);
	set_pte_at(vma->vm_mm, addr, pte, pte_mkold(new));
	return true;
}

/* Shares up to @max pages that have entries in the page tables below @pmd and @src_pmd. */
static long share_ptes(struct vm_area_struct *vma, struct vm_area_struct *src, unsigned long addr,
		       unsigned long max, pmd_t *pmd, pmd_t *src_pmd)
{
	struct mm_struct *mm = vma->vm_mm;
	spinlock_t *ptl, *src_ptl;
	pte_t *pte, *src_pte;
	pmd_t unused;
	long done = 0;

	if (pte_alloc(mm, pmd))
		return -ENOMEM;
	pte = pte_offset_map_lock(mm, pmd, addr, &ptl);
	if (!pte)
		return 0;
	src_pte = pte_offset_map_rw_nolock(src->vm_mm, src_pmd, addr, &unused, &src_ptl);
	if (!src_pte) {
		pte_unmap_unlock(pte, ptl);
		return 0;
	}
	spin_lock_nested(src_ptl, SINGLE_DEPTH_NESTING);
	if (!check_stable_address_space(mm))
		for (; done < max; done++)
			if (!share_pte(vma, src, addr + done * PAGE_SIZE, pte + done,
				       src_pte + done))
				break;
	add_mm_counter(mm, MM_ANONPAGES, done);
	pte_unmap_unlock(src_pte, src_ptl);
	pte_unmap_unlock(pte, ptl);
	return done;
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Shares the huge page at @src_pmd. Returns whether it was done, or an errno. */
static int share_huge(struct vm_area_struct *vma, struct vm_area_struct *src, unsigned long addr,
		      pmd_t *pmd, pmd_t *src_pmd)
{
	struct folio *folio = NULL;
	int ret;

	if (!vma_is_anonymous(vma) || check_stable_address_space(vma->vm_mm))
		return 0;
	/* The entry is copied as it is. */
	if (pgprot_val(vma->vm_page_prot) != pgprot_val(src->vm_page_prot))
		return 0;
	scoped_guard(spinlock, pmd_lockptr(src->vm_mm, src_pmd)) {
		if (pmd_trans_huge(*src_pmd) && !is_huge_zero_pmd(*src_pmd)) {
			folio = pmd_folio(*src_pmd);
			folio_get(folio);
		}
	}
	if (!folio)
		return 0;
	ret = 0;
	/* While it is locked nobody begins to move it. */
	if (folio_trylock(folio)) {
		if (folio_test_anon(folio) && !folio_test_ksm(folio)) {
			checkpoint_rmap_to_root(folio, src);
			ret = copy_huge_pmd(vma->vm_mm, src->vm_mm, pmd, src_pmd, addr, vma, src);
			if (ret == -EAGAIN)
				ret = 0;
			else if (!ret)
				ret = 1;
		}
		folio_unlock(folio);
	}
	folio_put(folio);
	return ret;
}
#else
static int share_huge(struct vm_area_struct *vma, struct vm_area_struct *src, unsigned long addr,
		      pmd_t *pmd, pmd_t *src_pmd)
{
	return 0;
}
#endif

/* Shares pages that lie below one entry of the directory of page tables. */
static long share_some(struct vm_area_struct *vma, struct vm_area_struct *src, unsigned long addr,
		       unsigned long max)
{
	pmd_t *pmd = checkpoint_alloc_pmd(vma->vm_mm, addr);
	pmd_t *src_pmd = mm_find_pmd(src->vm_mm, addr);
	int ret;

	if (!pmd)
		return -ENOMEM;
	if (!src_pmd || pmd_none(pmdp_get_lockless(src_pmd)))
		return 0;
	if (pmd_trans_huge(pmdp_get_lockless(src_pmd))) {
		if (IS_ALIGNED(addr, PMD_SIZE) && max == PMD_SIZE >> PAGE_SHIFT &&
		    pmd_none(pmdp_get_lockless(pmd))) {
			ret = share_huge(vma, src, addr, pmd, src_pmd);
			if (ret)
				return ret < 0 ? ret : max;
		}
		split_huge_pmd(src, src_pmd, addr);
	}
	return share_ptes(vma, src, addr, max, pmd, src_pmd);
}

/**
 * checkpoint_share_pages() - share pages of another address space copy-on-write
 * @mm: the address space that is to have them; the mapping was linked
 * @addr: address of the first page, in both
 * @max: number of pages from there on that are to be shared; not 0
 * @with: the address space that has them
 * @to_copy: set to the number of pages that can't be shared, if there are none that can
 *
 * As fork() does. Both address spaces are of parked tasks. May sleep.
 *
 * Return: the number of pages that are shared now, from the first on, at most
 * @max; 0: see @to_copy; or an errno: -ENOMEM, -EINTR.
 */
long checkpoint_share_pages(struct mm_struct *mm, unsigned long addr, unsigned long max,
			    struct mm_struct *with, unsigned long *to_copy)
{
	struct vm_area_struct *vma, *src;
	struct mmu_notifier_range range;
	unsigned long end;
	long ret;

	*to_copy = max;
	if (mm == with)
		return 0;
	if (lock_both(mm, with))
		return -EINTR;
	ret = 0;
	vma = vma_lookup(mm, addr);
	src = vma_lookup(with, addr);
	if (!vma || !src) {
		*to_copy = 1;
		goto out;
	}
	end = min(vma->vm_end, src->vm_end);
	max = min(max, (end - addr) >> PAGE_SHIFT);
	*to_copy = max;
	/* fork() leaves no memory locked in a child: its pages would have to be counted. */
	if (vma->vm_flags & VM_LOCKED)
		goto out;
	if (!is_shareable(vma) || !is_shareable(src) || !vma->anon_vma || !src->anon_vma ||
	    vma->anon_vma->root != src->anon_vma->root || !has_same_index(vma, src))
		goto out;
	if (vma_start_write_killable(vma) || vma_start_write_killable(src)) {
		ret = -EINTR;
		goto out;
	}
	*to_copy = 1;
	max = min(max, (((addr | ~PMD_MASK) + 1) - addr) >> PAGE_SHIFT);
	end = addr + max * PAGE_SIZE;
	mmu_notifier_range_init(&range, MMU_NOTIFY_PROTECTION_PAGE, 0, with, addr, end);
	mmu_notifier_invalidate_range_start(&range);
	/* As in copy_page_range(): who pins pages without a lock begins again. */
	raw_write_seqcount_begin(&with->write_protect_seq);
	ret = share_some(vma, src, addr, max);
	raw_write_seqcount_end(&with->write_protect_seq);
	if (ret > 0)
		flush_tlb_range(src, addr, end);
	mmu_notifier_invalidate_range_end(&range);
out:
	unlock_both(mm, with);
	return ret;
}
