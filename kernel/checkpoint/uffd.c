// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a userfaultfd watches: which of its pages are there, are protected
 * or poisoned. None is made by looking, and nothing waits for who answers faults.
 */
#include <linux/checkpoint_userfaultfd.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/folio_batch.h>
#include <linux/leafops.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/pagewalk.h>
#include <linux/pgtable.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>
#include <uapi/linux/userfaultfd.h>

#include "../../mm/internal.h"
#include "mm.h"

/* Numbers that kernel/checkpoint/image/userfault.rs has too. */
static_assert(UFFDIO_REGISTER_MODE_MISSING == 1 << 0);
static_assert(UFFDIO_REGISTER_MODE_WP == 1 << 1);
static_assert(UFFDIO_REGISTER_MODE_MINOR == 1 << 2);
static_assert(UFFDIO_REGISTER_MODE_RWP == 1 << 3);

/* What has been found by a walk. */
struct uffd_walk {
	struct checkpoint_uffd_run *runs;
	unsigned int max;
	unsigned int nr;
	unsigned long next;
};

/* Notes that the pages from @addr to @end are in @state; 1: there is no room for that. */
static int note(struct mm_walk *walk, unsigned long addr, unsigned long end, unsigned int state)
{
	/* What is there and not protected has been accessed, for who watches accesses. */
	const vm_flags_t by_presence = VM_UFFD_MISSING | VM_UFFD_MINOR | VM_UFFD_RWP;
	struct uffd_walk *found = walk->private;
	struct vm_area_struct *vma = walk->vma;
	struct checkpoint_uffd_run *last;

	/* Without these modes what entries have of it means nothing. */
	if (!(vma->vm_flags & (VM_UFFD_WP | VM_UFFD_RWP)))
		state &= ~CHECKPOINT_UFFD_PROTECTED;
	/*
	 * Where no fault tells of it, a page that is not there will come back by a
	 * fault. A mark on it stays where it is, if there is a marker for that.
	 */
	if (!(vma->vm_flags & by_presence) &&
	    !((state & CHECKPOINT_UFFD_PROTECTED) && vma_is_anonymous(vma)))
		state &= ~CHECKPOINT_UFFD_PRESENT;
	if (!state)
		return 0;
	last = found->nr ? &found->runs[found->nr - 1] : NULL;
	if (last && last->end == addr && last->state == state) {
		last->end = end;
		return 0;
	}
	if (found->nr == found->max) {
		found->next = addr;
		return 1;
	}
	found->runs[found->nr++] = (struct checkpoint_uffd_run) {
		.start = addr,
		.end = end,
		.state = state,
	};
	return 0;
}

static unsigned int state_of_pte(pte_t pte)
{
	softleaf_t leaf;

	if (pte_none(pte))
		return 0;
	if (pte_present(pte))
		return CHECKPOINT_UFFD_PRESENT |
		       (pte_uffd(pte) ? CHECKPOINT_UFFD_PROTECTED : 0);
	leaf = softleaf_from_pte(pte);
	if (!softleaf_is_marker(leaf))
		/* Swapped out, or being moved. */
		return CHECKPOINT_UFFD_PRESENT |
		       (pte_swp_uffd(pte) ? CHECKPOINT_UFFD_PROTECTED : 0);
	if (softleaf_is_poison_marker(leaf))
		return CHECKPOINT_UFFD_POISONED;
	/* Guards have records of their own. */
	return softleaf_is_uffd_wp_marker(leaf) ? CHECKPOINT_UFFD_PROTECTED : 0;
}

static int uffd_pmd_entry(pmd_t *pmd, unsigned long addr, unsigned long end, struct mm_walk *walk)
{
	spinlock_t *ptl = pmd_trans_huge_lock(pmd, walk->vma);
	pte_t *start, *pte;
	int ret = 0;

	if (ptl) {
		unsigned int state = CHECKPOINT_UFFD_PRESENT;

		if (pmd_present(*pmd) ? pmd_uffd(*pmd) : pmd_swp_uffd(*pmd))
			state |= CHECKPOINT_UFFD_PROTECTED;
		spin_unlock(ptl);
		walk->action = ACTION_CONTINUE;
		return note(walk, addr, end, state);
	}
	start = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!start) {
		walk->action = ACTION_AGAIN;
		return 0;
	}
	for (pte = start; addr != end && !ret; pte++, addr += PAGE_SIZE)
		ret = note(walk, addr, addr + PAGE_SIZE, state_of_pte(ptep_get(pte)));
	pte_unmap_unlock(start, ptl);
	cond_resched();
	return ret;
}

static const struct mm_walk_ops uffd_ops = {
	.pmd_entry = uffd_pmd_entry,
	.walk_lock = PGWALK_RDLOCK,
};

/**
 * checkpoint_uffd_runs() - tell which pages of watched memory are in which state
 * @mm: the address space, whose mmap lock is held for reading
 * @start: first address
 * @end: address after the last, of the same mapping, which has no huge pages of
 *	 hugetlbfs
 * @runs: is filled in: pages that follow each other and are in the same state,
 *	  by ascending address
 * @max: number of runs for which there is room, not 0
 * @next: set to the address from which on there was no room; @end: all are told
 *
 * Pages of which nothing is to be told are in none of them: those that are not
 * there and have no mark. May sleep.
 *
 * Return: the number of runs, or an errno.
 */
int checkpoint_uffd_runs(struct mm_struct *mm, unsigned long start, unsigned long end,
			 struct checkpoint_uffd_run *runs, unsigned int max, unsigned long *next)
{
	struct uffd_walk found = { .runs = runs, .max = max, .next = end };
	int ret;

	ret = walk_page_range(mm, start, end, &uffd_ops, &found);
	if (ret < 0)
		return ret;
	*next = found.next;
	return found.nr;
}

/**
 * checkpoint_uffd_bring_back() - get a page back that is swapped out, or being moved
 * @mm: the address space, whose mmap lock is held for reading
 * @addr: its address, which a userfaultfd watches
 *
 * get_user_pages() would not do: it takes a page that is protected from any access
 * for one whose fault is to be told, or takes the protection away
 * (UFFD_FEATURE_RWP_ASYNC). What is there has to be looked at again. May sleep.
 *
 * Return: 0, or an errno: -EFAULT: it can't be read, or is poisoned.
 */
int checkpoint_uffd_bring_back(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	pmd_t *pmd = mm_find_pmd(mm, addr);
	vm_fault_t fault;
	spinlock_t *ptl;	/* of the page table */
	pte_t *pte, now;

	if (!vma)
		return -EFAULT;
	pte = pmd ? pte_offset_map_lock(mm, pmd, addr, &ptl) : NULL;
	if (!pte)
		return 0;
	now = ptep_get(pte);
	pte_unmap_unlock(pte, ptl);
	if (pte_none(now) || pte_present(now))
		return 0;
	if (softleaf_is_migration(softleaf_from_pte(now))) {
		migration_entry_wait(mm, pmd, addr);
		return 0;
	}
	fault = handle_mm_fault(vma, addr, FAULT_FLAG_REMOTE, NULL);
	return fault & VM_FAULT_ERROR ? vm_fault_to_errno(fault, 0) : 0;
}

/**
 * checkpoint_uffd_filled() - tell whether shared memory may have got more than was written to it
 * @mm: the address space
 * @start: first address
 * @end: address after the last, of the same mapping
 *
 * Who writes a page to a file of tmpfs may get a large folio there, and zeros
 * where no page was. May sleep.
 *
 * Return: 1: there are large folios; 0: there are none, or it is not shared
 * memory; -EINTR: SIGKILL came.
 */
int checkpoint_uffd_filled(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	struct folio_batch batch;
	struct file *file = NULL;
	pgoff_t index = 0, last = 0;
	unsigned int i;
	int ret = 0;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, start);
	if (vma && vma->vm_file && (vma->vm_flags & VM_SHARED)) {
		file = get_file(vma->vm_file);
		index = linear_page_index(vma, start);
		last = linear_page_index(vma, end - PAGE_SIZE);
	}
	mmap_read_unlock(mm);
	if (!file)
		return 0;
	folio_batch_init(&batch);
	while (!ret && filemap_get_folios(file->f_mapping, &index, last, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++)
			if (folio_test_large(batch.folios[i]))
				ret = 1;
		folio_batch_release(&batch);
		cond_resched();
		if (fatal_signal_pending(current))
			ret = -EINTR;
	}
	fput(file);
	return ret;
}

static bool checkpoint_uffd_watches(struct vm_area_struct *vma)
{
	return userfaultfd_armed(vma) && !is_vm_hugetlb_page(vma);
}

/**
 * checkpoint_uffd_empty() - take pages out of an address space
 * @mm: the address space, of a task that is parked
 * @start: first address
 * @end: address after the last
 *
 * As madvise(MADV_DONTNEED_LOCKED) does, also where memory is sealed. The memory
 * must be watched by a userfaultfd: so nothing but that puts pages there again.
 * Pages of files, which others may see, stay in these. May sleep.
 *
 * Return: 0, or an errno: -EINTR: SIGKILL came; -EINVAL: it is not watched.
 */
int checkpoint_uffd_empty(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	return checkpoint_empty(mm, start, end, checkpoint_uffd_watches);
}
