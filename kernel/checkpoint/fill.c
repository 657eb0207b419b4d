// SPDX-License-Identifier: GPL-2.0
/*
 * Anonymous pages that restart(2) fills before they are mapped: without a page
 * fault for each of them, and without zeros that are overwritten at once.
 *
 * What a page fault does is in do_anonymous_page() and
 * do_huge_pmd_anonymous_page(); here is the same in two steps, with the
 * contents in between. Where more would have to be decided than there, the
 * caller is told to let a fault do it.
 */
#include <linux/bitops.h>
#include <linux/cacheflush.h>
#include <linux/checkpoint_mm.h>
#include <linux/gfp.h>
#include <linux/khugepaged.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/pgalloc.h>
#include <linux/pgtable.h>
#include <linux/rmap.h>
#include <linux/swap.h>
#include <linux/userfaultfd_k.h>

#include "../../mm/internal.h"
#include "mm.h"

/*
 * It fails rather than that a task is killed for it: the restart then ends, and
 * leaves nothing. Else as for a page fault.
 */
#define GFP_FILL	(GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/*
 * Private anonymous memory without anything special. All else is left to the
 * fault, and to the checks of check_vma_flags(): files, hugetlb and devices,
 * userfaultfd, shadow stacks, memory tags, and what is dropped under pressure.
 * The write may be forced, as that of a debugger: for that the mapping must be
 * one that could be made writable.
 */
static bool is_plain(struct vm_area_struct *vma)
{
	const vm_flags_t special = VM_SPECIAL | VM_SHADOW_STACK | VM_MTE | VM_DROPPABLE;

	return vma_is_anonymous(vma) && !vma->vm_file && !userfaultfd_armed(vma) &&
	       !(vma->vm_flags & special) &&
	       (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/* As walk_to_pmd(); a huge page may be there. */
pmd_t *checkpoint_alloc_pmd(struct mm_struct *mm, unsigned long addr)
{
	p4d_t *p4d = p4d_alloc(mm, pgd_offset(mm, addr), addr);
	pud_t *pud = p4d ? pud_alloc(mm, p4d, addr) : NULL;

	return pud ? pmd_alloc(mm, pud, addr) : NULL;
}

/* How many pages from @pte on have no entry, up to @max. */
static unsigned long none_from(pte_t *pte, unsigned long max)
{
	unsigned long n = 0;

	while (n < max && pte_none(ptep_get_lockless(pte + n)))
		n++;
	return n;
}

/* It is linked with another address space, of which it gets pages. */
static bool is_linked(struct vm_area_struct *vma)
{
	struct anon_vma *anon_vma = READ_ONCE(vma->anon_vma);

	return anon_vma && anon_vma->root != anon_vma;
}

/* Those of @orders of which @max pages from @addr on are whole folios. */
static unsigned long whole_orders(unsigned long orders, unsigned long addr, unsigned long max)
{
	unsigned long whole = 0;
	int order;

	for_each_set_bit(order, &orders, BITS_PER_LONG)
		if (IS_ALIGNED(addr, PAGE_SIZE << order) && max >= 1UL << order)
			whole |= BIT(order);
	return whole;
}

/*
 * The order of the folio that a fault at @addr would map, as __handle_mm_fault()
 * and alloc_anon_folio() choose it. Of order 0, @run is set to the number of
 * pages from @addr on, up to @max, to which the same applies; 0: there is
 * something already.
 */
static int order_of_fault(struct vm_area_struct *vma, pmd_t *pmd, unsigned long addr,
			  unsigned long max, unsigned long *run)
{
	const pmd_t now = pmdp_get_lockless(pmd);
	unsigned long allowed = BIT(PMD_ORDER + 1) - 1;
	unsigned long orders, first, end;
	pte_t *table = NULL;
	int order = 0;

	*run = 0;
	if (!pmd_none(now))
		allowed = BIT(PMD_ORDER) - 1;
	allowed = thp_vma_allowable_orders(vma, vma->vm_flags, TVA_PAGEFAULT, allowed);
	orders = thp_vma_suitable_orders(vma, addr, allowed);
	/* As after fork(): what was written to since is small pages among shared ones. */
	if (is_linked(vma))
		orders = whole_orders(orders, addr, max);
	if (!pmd_none(now)) {
		table = pte_offset_map(pmd, addr & PMD_MASK);
		if (!table)
			return 0;
	}
	if (orders)
		order = highest_order(orders);
	while (orders && table) {
		first = ALIGN_DOWN(addr, PAGE_SIZE << order);
		if (none_from(table + pte_index(first), 1UL << order) == 1UL << order)
			break;
		order = next_order(&orders, order);
	}
	if (!orders) {
		order = 0;
		/* What is so of one page of the smallest folio that is allowed is so of all. */
		end = (addr | ~PMD_MASK) + 1;
		if (allowed)
			end = ALIGN_DOWN(addr, PAGE_SIZE << __ffs(allowed)) +
			      (PAGE_SIZE << __ffs(allowed));
		max = min(max, (end - addr) >> PAGE_SHIFT);
		*run = table ? none_from(table + pte_index(addr), max) : max;
	}
	if (table)
		pte_unmap(table);
	return order;
}

/* A folio of a higher order, charged as alloc_anon_folio() does; NULL: there is none. */
static struct folio *alloc_large(struct vm_area_struct *vma, unsigned long addr, int order)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	const gfp_t gfp = vma_thp_gfp_mask(vma) | __GFP_NORETRY;
	struct folio *folio = vma_alloc_folio(gfp, order, vma, addr);

	if (!folio)
		return NULL;
	if (mem_cgroup_charge(folio, vma->vm_mm, gfp) ||
	    (order > 1 && folio_memcg_alloc_deferred(folio))) {
		folio_put(folio);
		return NULL;
	}
	folio_throttle_swaprate(folio, gfp);
	return folio;
#else
	return NULL;
#endif
}

/**
 * checkpoint_fill_alloc() - allocate the pages that a write to memory would map
 * @mm: the address space, whose mmap lock is held for reading
 * @addr: address of the first page
 * @max: number of pages from there on that are wanted
 * @pages: set to them, with a reference on each; they are not zeroed
 * @by_fault: set to the number of pages that are to be left to page faults, if there are none
 *
 * The pages are all of one large folio, or small ones. They are charged to the
 * memory cgroup of @mm. May sleep.
 *
 * Return: the number of pages, at most @max; 0: see @by_fault; or an errno.
 */
long checkpoint_fill_alloc(struct mm_struct *mm, unsigned long addr, unsigned long max,
			   struct page **pages, unsigned long *by_fault)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	unsigned long i, run, size, start;
	struct folio *folio;
	pmd_t *pmd;
	int order;

	*by_fault = 1;
	if (!vma)
		return 0;
	max = min(max, (vma->vm_end - addr) >> PAGE_SHIFT);
	if (!is_plain(vma)) {
		*by_fault = max;
		return 0;
	}
	pmd = checkpoint_alloc_pmd(mm, addr);
	if (!pmd)
		return -ENOMEM;
	order = order_of_fault(vma, pmd, addr, max, &run);
	if (order) {
		size = PAGE_SIZE << order;
		start = ALIGN_DOWN(addr, size);
		*by_fault = min(max, (start + size - addr) >> PAGE_SHIFT);
		/* What there are no contents of must be zero. */
		if (start != addr || max < 1UL << order)
			return 0;
		folio = alloc_large(vma, addr, order);
		if (!folio)
			return 0;
		folio_ref_add(folio, (1 << order) - 1);
		for (i = 0; i < 1UL << order; i++)
			pages[i] = folio_page(folio, i);
		return i;
	}
	if (!run)
		return 0;
	for (i = 0; i < run; i++) {
		folio = vma_alloc_folio(GFP_FILL, 0, vma, addr + i * PAGE_SIZE);
		if (!folio)
			break;
		if (mem_cgroup_charge(folio, mm, GFP_FILL)) {
			folio_put(folio);
			break;
		}
		folio_throttle_swaprate(folio, GFP_FILL);
		pages[i] = folio_page(folio, 0);
	}
	return i ?: -ENOMEM;
}

/* What comes before a folio is seen in a page table. The mapping takes over a reference. */
static void make_ready(struct vm_area_struct *vma, struct folio *folio)
{
	flush_dcache_folio(folio);
	/* An entry that can't be written to says nothing; the folio must not be thrown away. */
	if (!(vma->vm_flags & VM_WRITE))
		folio_mark_dirty(folio);
	/* With a barrier: the contents are there before the entry. */
	__folio_mark_uptodate(folio);
	folio_get(folio);
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* As __do_huge_pmd_anonymous_page(). Returns whether it was done, or an errno. */
static int map_huge(struct vm_area_struct *vma, pmd_t *pmd, unsigned long addr,
		    struct folio *folio)
{
	struct mm_struct *mm = vma->vm_mm;
	spinlock_t *ptl = NULL;
	pgtable_t pgtable;
	bool done;

	khugepaged_enter_vma(vma, vma->vm_flags);
	pgtable = pte_alloc_one(mm);
	if (!pgtable)
		return -ENOMEM;
	ptl = pmd_lock(mm, pmd);
	done = pmd_none(*pmd) && !check_stable_address_space(mm);
	if (done) {
		make_ready(vma, folio);
		pgtable_trans_huge_deposit(mm, pmd, pgtable);
		map_anon_folio_pmd_nopf(folio, pmd, vma, addr);
		add_mm_counter(mm, MM_ANONPAGES, HPAGE_PMD_NR);
		mm_inc_nr_ptes(mm);
	}
	spin_unlock(ptl);
	if (!done)
		pte_free(mm, pgtable);
	return done;
}
#else
static int map_huge(struct vm_area_struct *vma, pmd_t *pmd, unsigned long addr,
		    struct folio *folio)
{
	return 0;
}
#endif

/**
 * checkpoint_fill_map() - map pages that have their contents now
 * @mm: the address space, whose mmap lock is held for reading
 * @addr: address of the first page
 * @pages: what checkpoint_fill_alloc() gave for @addr
 * @nr: the number of them
 *
 * The caller keeps its references. May sleep.
 *
 * Return: how many are mapped, from the first on; where less than @nr, something
 * has come there meanwhile; or an errno.
 */
long checkpoint_fill_map(struct mm_struct *mm, unsigned long addr, struct page **pages,
			 unsigned long nr)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	struct folio *folio = page_folio(pages[0]);
	const int order = folio_order(folio);
	spinlock_t *ptl = NULL;
	unsigned long done = 0;
	pte_t *pte;
	pmd_t *pmd;

	if (!vma || !is_plain(vma) || nr > (vma->vm_end - addr) >> PAGE_SHIFT)
		return 0;
	if (anon_vma_prepare(vma))
		return -ENOMEM;
	pmd = checkpoint_alloc_pmd(mm, addr);
	if (!pmd)
		return -ENOMEM;
	if (order && order == PMD_ORDER) {
		int ret = map_huge(vma, pmd, addr, folio);

		return ret > 0 ? nr : ret;
	}
	if (pte_alloc(mm, pmd))
		return -ENOMEM;
	pte = pte_offset_map_lock(mm, pmd, addr, &ptl);
	if (!pte)
		return 0;
	if (check_stable_address_space(mm))
		nr = 0;
	/* A page table is as far as checkpoint_fill_alloc() goes. */
	nr = min(nr, (((addr | ~PMD_MASK) + 1) - addr) >> PAGE_SHIFT);
	if (order) {
		if (nr == 1UL << order && none_from(pte, nr) == nr) {
			make_ready(vma, folio);
			map_anon_folio_pte_nopf(folio, pte, vma, addr, false);
			done = nr;
		}
	} else {
		for (; done < nr && pte_none(ptep_get(pte + done)); done++) {
			folio = page_folio(pages[done]);
			make_ready(vma, folio);
			map_anon_folio_pte_nopf(folio, pte + done, vma, addr + done * PAGE_SIZE,
						false);
		}
	}
	add_mm_counter(mm, MM_ANONPAGES, done);
	pte_unmap_unlock(pte, ptl);
	return done;
}
