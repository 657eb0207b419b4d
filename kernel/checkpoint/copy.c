// SPDX-License-Identifier: GPL-2.0
/*
 * The copies of address spaces that checkpoint(2) writes from: what dup_mm()
 * makes them for, fork(), has other needs.
 */
#include <linux/checkpoint.h>
#include <linux/checkpoint_ipc.h>
#include <linux/checkpoint_mm.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/leafops.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/pagewalk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/swapops.h>
#include <linux/userfaultfd_k.h>

/*
 * Out of memory.
 *
 * No task runs in a copy. What only the copy has, since the tasks run on and
 * have written to their own, is charged to their memory cgroup all the same,
 * and killing them would not free it. So before a task is killed the copies are
 * given up: the checkpoint fails, and its tasks run on unharmed.
 */

struct checkpoint_copy {
	struct list_head list;
	struct mm_struct *mm;		/* Alive: taken off the list before it is put. */
	struct mem_cgroup *memcg;	/* What its pages are charged to. */
	unsigned long asked;		/* Last round in which it was to be given up. */
};

static LIST_HEAD(copies);
static DEFINE_SPINLOCK(copies_lock);

/**
 * checkpoint_copy_add() - let the OOM killer have a copy of an address space
 * @mm: the copy; the caller keeps it until checkpoint_copy_del()
 * @of: the address space that was copied
 *
 * May sleep. Once it was given up, MMF_UNSTABLE is set in @mm.
 *
 * Return: the argument of checkpoint_copy_del(), or NULL: there is no memory.
 */
struct checkpoint_copy *checkpoint_copy_add(struct mm_struct *mm, struct mm_struct *of)
{
	struct checkpoint_copy *copy = kmalloc_obj(*copy, GFP_KERNEL_ACCOUNT);

	if (!copy)
		return NULL;
	copy->mm = mm;
	copy->memcg = get_mem_cgroup_from_mm(of);
	copy->asked = 0;
	spin_lock(&copies_lock);
	list_add_tail(&copy->list, &copies);
	spin_unlock(&copies_lock);
	return copy;
}

/**
 * checkpoint_copy_del() - the OOM killer no longer has a copy
 * @copy: of checkpoint_copy_add()
 */
void checkpoint_copy_del(struct checkpoint_copy *copy)
{
	spin_lock(&copies_lock);
	list_del(&copy->list);
	spin_unlock(&copies_lock);
	mem_cgroup_put(copy->memcg);
	kfree(copy);
}

static_assert(MMF_CHECKPOINT > MMF_TOPDOWN && MMF_CHECKPOINT < NUM_MM_FLAG_BITS);

/**
 * checkpoint_copy_omits() - tell whether a mapping has no place in a copy
 * @vma: the mapping
 *
 * Return: whether it is an attach of System V shared memory, has huge pages of
 * hugetlbfs, is watched by a userfaultfd, or is memory of a socket.
 */
bool checkpoint_copy_omits(struct vm_area_struct *vma)
{
	struct ipc_namespace *ns;
	int id;

	return is_vm_hugetlb_page(vma) || userfaultfd_armed(vma) ||
	       (vma->vm_file && (S_ISSOCK(file_inode(vma->vm_file)->i_mode) ||
				 checkpoint_is_shm(vma->vm_file, &ns, &id)));
}

/**
 * checkpoint_copy_mm() - copy an address space for us to read
 * @mm: the address space, whose tasks do not run
 *
 * As fork() does, but for attaches of System V shared memory, for huge pages of
 * hugetlbfs, for what a userfaultfd watches, and for rings of packet sockets, which
 * dup_mmap() leaves out.
 * Attaches count: a segment that was removed would stay, and its times and pids
 * would change. Huge pages are counted, too: a task that writes to its own could
 * be killed, as there is none for it, or take that of the copy away. And fork()
 * waits until a userfaultfd that was asked to tell of it has done so, by a task
 * that is frozen, and keeps UFFDIO_MOVE from moving what is shared. A ring that is
 * mapped can't be changed, and its socket stays open. May sleep.
 *
 * Return: the copy, or NULL: there is no memory, or SIGKILL came.
 */
struct mm_struct *checkpoint_copy_mm(struct mm_struct *mm)
{
	struct mm_struct *copy;

	mm_flags_set(MMF_CHECKPOINT, mm);
	copy = dup_mm(current, mm);
	mm_flags_clear(MMF_CHECKPOINT, mm);
	return copy;
}

/* Is there something to gain from it if @memcg, or the machine if that is NULL, is short? */
static bool is_charged_to(struct checkpoint_copy *copy, struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	return !memcg || mem_cgroup_is_descendant(copy->memcg, memcg);
#else
	return true;
#endif
}

/*
 * The next copy that is charged to @memcg, or to any if that is NULL, and has not
 * been asked for in this round; with a reference.
 */
static struct mm_struct *next_to_give_up(struct mem_cgroup *memcg, unsigned long round)
{
	struct checkpoint_copy *copy;

	guard(spinlock)(&copies_lock);
	list_for_each_entry(copy, &copies, list) {
		if (copy->asked == round || !is_charged_to(copy, memcg))
			continue;
		copy->asked = round;
		mmgrab(copy->mm);
		return copy->mm;
	}
	return NULL;
}

/**
 * checkpoint_give_up() - give up copies of address spaces, as memory ran out
 * @memcg: memory cgroup that is at its limit; NULL: the machine
 *
 * Called by the OOM killer, with oom_lock held, before it looks for a victim. A
 * copy that something else is changing at the moment, as khugepaged does, is
 * there to be given up the next time.
 *
 * Return: whether there was a copy, so that allocating is worth another try.
 */
bool checkpoint_give_up(struct mem_cgroup *memcg)
{
	static unsigned long rounds;
	struct mm_struct *mm;
	bool any = false;

	rounds++;
	while ((mm = next_to_give_up(memcg, rounds))) {
		any |= oom_reap_mm(mm);
		mmdrop(mm);
	}
	if (any)
		pr_info("checkpoint: out of memory: an image that is being written is given up\n");
	return any;
}

/*
 * MADV_FREE.
 *
 * It lets go of a page that others have mapped too if nothing says that it was
 * written to: neither a page table nor the page itself; see
 * madvise_free_pte_range(). So it is with a page that was copied only to be read
 * by its physical address, by process_vm_readv(2) or by a write with O_DIRECT
 * (FAULT_FLAG_UNSHARE): the task that runs on could throw it away for the copy
 * as well. Of a page that is called dirty, MADV_FREE asks who else has it.
 */

static void keep_folio(struct folio *folio)
{
	/* Who called MADV_FREE before has agreed to losing it. */
	if (folio && folio_test_anon(folio) && folio_test_swapbacked(folio) &&
	    !folio_test_dirty(folio))
		folio_mark_dirty(folio);
}

static int keep_pmd_entry(pmd_t *pmd, unsigned long addr, unsigned long end, struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	spinlock_t *ptl = pmd_trans_huge_lock(pmd, vma);
	pte_t *start, *pte, ptent;

	if (ptl) {
		if (!pmd_present(*pmd)) {
			bool moving = pmd_is_migration_entry(*pmd);

			spin_unlock(ptl);
			if (moving) {
				pmd_migration_entry_wait(walk->mm, pmd);
				walk->action = ACTION_AGAIN;
			}
			return 0;
		}
		if (!pmd_dirty(*pmd))
			keep_folio(vm_normal_folio_pmd(vma, addr, *pmd));
		spin_unlock(ptl);
		return 0;
	}
	start = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!start) {
		walk->action = ACTION_AGAIN;
		return 0;
	}
	for (pte = start; addr != end; pte++, addr += PAGE_SIZE) {
		ptent = ptep_get(pte);
		if (pte_present(ptent)) {
			if (!pte_dirty(ptent))
				keep_folio(vm_normal_folio(vma, addr, ptent));
		} else if (!pte_none(ptent) &&
			   softleaf_is_migration(softleaf_from_pte(ptent))) {
			pte_unmap_unlock(start, ptl);
			migration_entry_wait(walk->mm, pmd, addr);
			walk->action = ACTION_AGAIN;
			return 0;
		}
	}
	pte_unmap_unlock(start, ptl);
	cond_resched();
	return 0;
}

static const struct mm_walk_ops keep_ops = {
	.pmd_entry = keep_pmd_entry,
	.walk_lock = PGWALK_RDLOCK,
};

/**
 * checkpoint_copy_keep() - keep private pages of a copy for what it is for
 * @mm: the copy, whose mmap lock is held for reading
 * @start: first address
 * @end: address after the last
 *
 * To be called while the tasks that the copy was made of do not run. From then
 * on MADV_FREE of theirs leaves the pages to the copy. May sleep.
 */
void checkpoint_copy_keep(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	walk_page_range(mm, start, end, &keep_ops, NULL);
}
