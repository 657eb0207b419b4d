// SPDX-License-Identifier: GPL-2.0

#include <linux/checkpoint_fs.h>
#include <linux/crc32c.h>
#include <linux/highmem.h>
#include <linux/huge_mm.h>
#include <linux/hugetlb.h>
#include <linux/leafops.h>
#include <linux/memcontrol.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/pagewalk.h>
#include <linux/rmap.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>
#include <linux/userfaultfd_k.h>

__rust_helper void rust_helper_vma_iter_set_up(struct vma_iterator *vmi,
					       struct mm_struct *mm, unsigned long addr)
{
	vma_iter_init(vmi, mm, addr);
}

__rust_helper struct vm_area_struct *rust_helper_vma_next(struct vma_iterator *vmi)
{
	return vma_next(vmi);
}

__rust_helper int rust_helper_mmap_read_lock_killable(struct mm_struct *mm)
{
	return mmap_read_lock_killable(mm);
}

__rust_helper int rust_helper_mmap_write_lock_killable(struct mm_struct *mm)
{
	return mmap_write_lock_killable(mm);
}

__rust_helper void rust_helper_mmap_write_unlock(struct mm_struct *mm)
{
	mmap_write_unlock(mm);
}

__rust_helper bool rust_helper_vma_is_anonymous(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma);
}

/*
 * What tells whether mappings can have the same anonymous pages: the root of the tree in which they
 * are looked for; 0: it has none.
 */
__rust_helper unsigned long rust_helper_vma_family(struct vm_area_struct *vma)
{
	return vma->anon_vma ? (unsigned long)vma->anon_vma->root : 0;
}

__rust_helper const char *rust_helper_vma_special_name(struct vm_area_struct *vma)
{
	return arch_vma_name(vma) ?:
	       vma->vm_ops && vma->vm_ops->name ? vma->vm_ops->name(vma) : NULL;
}

__rust_helper bool rust_helper_vma_has_policy(struct vm_area_struct *vma)
{
#ifdef CONFIG_NUMA
	return vma->vm_policy;
#else
	return false;
#endif
}

__rust_helper unsigned long rust_helper_mm_flags_word(struct mm_struct *mm)
{
	return __mm_flags_get_word(mm);
}

__rust_helper void rust_helper_mm_flag_set(int flag, struct mm_struct *mm)
{
	mm_flags_set(flag, mm);
}

__rust_helper void rust_helper_mm_flag_clear(int flag, struct mm_struct *mm)
{
	mm_flags_clear(flag, mm);
}

__rust_helper bool rust_helper_pte_is_none(pte_t *pte)
{
	return pte_none(ptep_get(pte));
}

__rust_helper bool rust_helper_pte_is_present(pte_t *pte)
{
	return pte_present(ptep_get(pte));
}

__rust_helper bool rust_helper_pte_is_marker(pte_t *pte)
{
	pte_t p = ptep_get(pte);

	return !pte_none(p) && !pte_present(p) &&
	       softleaf_is_marker(softleaf_from_pte(p));
}

/* What a userfaultfd that watches it is known by, to compare; NULL: none does. */
__rust_helper const void *rust_helper_vma_uffd_of(struct vm_area_struct *vma)
{
#ifdef CONFIG_USERFAULTFD
	return vma->vm_userfaultfd_ctx.ctx;
#else
	return NULL;
#endif
}

__rust_helper struct page *rust_helper_pte_normal_page(struct vm_area_struct *vma,
						       unsigned long addr, pte_t *pte)
{
	return vm_normal_page(vma, addr, ptep_get(pte));
}

__rust_helper bool rust_helper_page_is_anon(const struct page *page)
{
	return PageAnon(page);
}

__rust_helper void rust_helper_get_page(struct page *page)
{
	get_page(page);
}

__rust_helper void rust_helper_put_page(struct page *page)
{
	put_page(page);
}

__rust_helper const char *rust_helper_vma_given_name(struct vm_area_struct *vma)
{
#ifdef CONFIG_ANON_VMA_NAME
	return vma->anon_name ? vma->anon_name->name : NULL;
#else
	return NULL;
#endif
}

__rust_helper int rust_helper_vma_give_name(unsigned long start, unsigned long len,
					    const char *name)
{
#ifdef CONFIG_ANON_VMA_NAME
	struct anon_vma_name *anon_name = anon_vma_name_alloc(name);
	int ret;

	if (!anon_name)
		return -ENOMEM;
	ret = madvise_set_anon_name(current->mm, start, len, anon_name);
	anon_vma_name_put(anon_name);
	return ret;
#else
	return -EOPNOTSUPP;
#endif
}

#ifdef CONFIG_MEMBARRIER
/* Numbers that kernel/checkpoint/kapi/mm/space.rs has too. */
static_assert(MEMBARRIER_STATE_PRIVATE_EXPEDITED_READY == 1 << 0);
static_assert(MEMBARRIER_STATE_PRIVATE_EXPEDITED == 1 << 1);
static_assert(MEMBARRIER_STATE_GLOBAL_EXPEDITED_READY == 1 << 2);
static_assert(MEMBARRIER_STATE_GLOBAL_EXPEDITED == 1 << 3);
static_assert(MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE_READY == 1 << 4);
static_assert(MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE == 1 << 5);
static_assert(MEMBARRIER_STATE_PRIVATE_EXPEDITED_RSEQ_READY == 1 << 6);
static_assert(MEMBARRIER_STATE_PRIVATE_EXPEDITED_RSEQ == 1 << 7);
#endif

__rust_helper void rust_helper_membarrier_set_state(struct mm_struct *mm, int state)
{
#ifdef CONFIG_MEMBARRIER
	guard(preempt)();
	atomic_set(&mm->membarrier_state, state);
	membarrier_update_current_mm(mm);
#endif
}

__rust_helper struct page *rust_helper_folio_page_at(struct folio *folio, pgoff_t index)
{
	return folio_file_page(folio, index);
}

__rust_helper void rust_helper_flush_page(struct page *page)
{
#ifdef CONFIG_ARM64
	unsigned long addr = (unsigned long)page_address(page);

	/* It is mapped executable, which has made the caches agree; now they do not any more. */
	if (test_bit(PG_dcache_clean, &page_folio(page)->flags.f))
		sync_icache_aliases(addr, addr + PAGE_SIZE);
#else
	flush_dcache_page(page);
#endif
}

__rust_helper void rust_helper_mm_cid_before_exec(struct task_struct *t)
{
	sched_mm_cid_before_execve(t);
}

__rust_helper void rust_helper_mm_cid_after_exec(struct task_struct *t)
{
	sched_mm_cid_after_execve(t);
}

__rust_helper void rust_helper_bvec_of_page(struct bio_vec *bv, struct page *page,
					    unsigned int len, unsigned int offset)
{
	bvec_set_page(bv, page, len, offset);
}

__rust_helper u32 rust_helper_crc32c_update(u32 crc, const void *p, size_t len)
{
	return crc32c(crc, p, len);
}

__rust_helper void *rust_helper_kmap_page(struct page *page)
{
	return kmap_local_page(page);
}

__rust_helper void rust_helper_kunmap_page(const void *addr)
{
	kunmap_local(addr);
}

/*
 * A page for the kernel's own use, charged to current. It fails rather than that a task is killed
 * for it: what needs it can be given up.
 */
__rust_helper struct page *rust_helper_checkpoint_page_alloc(void)
{
	return alloc_page(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
}

__rust_helper void rust_helper_copy_page_bytes(void *to, const void *from)
{
	memcpy(to, from, PAGE_SIZE);
}

__rust_helper bool rust_helper_is_hugetlb_file(const struct file *f)
{
	return is_file_hugepages(f);
}

__rust_helper int rust_helper_import_dest_ubuf(void __user *buf, size_t len,
					       struct iov_iter *i)
{
	return import_ubuf(ITER_DEST, buf, len, i);
}

__rust_helper void rust_helper_get_user_ns(struct user_namespace *ns)
{
	get_user_ns(ns);
}

__rust_helper bool rust_helper_access_ok_range(unsigned long addr, unsigned long len)
{
	return access_ok((void __user *)addr, len);
}

__rust_helper bool rust_helper_pte_is_guard(pte_t *pte)
{
	pte_t p = ptep_get(pte);

	return !pte_none(p) && !pte_present(p) &&
	       softleaf_is_guard_marker(softleaf_from_pte(p));
}

/* Who has a page not mapped but swapped out, and gets this one back. */
static inline int swapped_mappings(struct page *page)
{
	struct folio *folio = page_folio(page);
	int n = 0;

	/* While it is locked it stays what is swapped. */
	if (folio_test_swapcache(folio) && folio_trylock(folio)) {
		if (folio_test_swapcache(folio))
			n = swp_swapcount(page_swap_entry(page));
		folio_unlock(folio);
	}
	return n;
}

/* How often a page is mapped; of a page of a large folio how often on average. */
__rust_helper int rust_helper_page_mappings(struct page *page)
{
	struct folio *folio = page_folio(page);
	int n = folio_mapcount(folio), whole;

	if (folio_test_large(folio)) {
		whole = folio_entire_mapcount(folio);
		n = whole + DIV_ROUND_UP(max(n - whole, 0), folio_nr_pages(folio));
	}
	return n + swapped_mappings(page);
}

/* Whether a huge page is mapped there, or is being moved: then there is no page table below. */
__rust_helper bool rust_helper_pmd_is_huge(pmd_t *pmd)
{
	return pmd_is_huge(pmdp_get_lockless(pmd));
}

/*
 * The anonymous page at @addr if it is part of a huge page, with a reference on it and on each of
 * the @nr - 1 that follow it there. NULL and @huge: the huge page, or page of zeros, is none of
 * that kind. What is being moved counts as not huge.
 */
__rust_helper struct page *
rust_helper_huge_pmd_get_pages(struct vm_area_struct *vma, unsigned long addr, pmd_t *pmd,
			       unsigned int nr, bool *huge)
{
	spinlock_t *ptl = pmd_trans_huge_lock(pmd, vma);
	struct page *page = NULL;

	*huge = false;
	if (!ptl)
		return NULL;
	if (pmd_present(*pmd)) {
		*huge = true;
		page = vm_normal_page_pmd(vma, addr, *pmd);
		if (page && PageAnon(page)) {
			page += (addr & ~PMD_MASK) >> PAGE_SHIFT;
			folio_ref_add(page_folio(page), nr);
		} else {
			page = NULL;
		}
	}
	spin_unlock(ptl);
	return page;
}

/*
 * The anonymous page at @addr in a page of hugetlbfs, whose entry is @ptep, with a reference on it
 * and on each of the @nr - 1 that follow it there; @nr may be 0, then it has none. As a walk calls
 * it.
 *
 * Returns 1, and sets @page; 0: there is none; 2: it is being moved, or broken; -EIO: it was
 * broken.
 */
__rust_helper int rust_helper_hugetlb_get_pages(struct vm_area_struct *vma, unsigned long addr,
						pte_t *ptep, unsigned int nr, struct page **page)
{
#ifdef CONFIG_HUGETLB_PAGE
	struct hstate *h = hstate_vma(vma);
	spinlock_t *ptl = huge_pte_lock(h, vma->vm_mm, ptep);
	pte_t pte = huge_ptep_get(vma->vm_mm, addr & huge_page_mask(h), ptep);
	int ret = 0;

	if (pte_present(pte)) {
		struct folio *folio = page_folio(pte_page(pte));

		if (folio_test_anon(folio)) {
			folio_ref_add(folio, nr);
			*page = folio_page(folio, (addr & ~huge_page_mask(h)) >> PAGE_SHIFT);
			ret = 1;
		}
	} else if (!huge_pte_none(pte)) {
		softleaf_t leaf = softleaf_from_pte(pte);

		if (!softleaf_is_marker(leaf))
			ret = 2;
		else if (softleaf_to_marker(leaf) & PTE_MARKER_POISONED)
			ret = -EIO;
	}
	spin_unlock(ptl);
	return ret;
#else
	return 0;
#endif
}

__rust_helper unsigned long rust_helper_mm_pgtables_bytes(const struct mm_struct *mm)
{
	return mm_pgtables_bytes(mm);
}

/*
 * Whether private memory of @mm at @addr may be written to, though its mapping does not allow that;
 * up to @end then. Not so with code from a file where processes are kept from doing it themselves.
 * The mmap lock is held.
 */
__rust_helper int rust_helper_may_force_write(struct mm_struct *mm, unsigned long addr,
					      unsigned long *end)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);

	if (!vma)
		return -EFAULT;
#ifdef CONFIG_PROC_FS
	if (vma->vm_file && (vma->vm_flags & VM_EXEC) && !proc_mem_may_force())
		return -EPERM;
#endif
	*end = vma->vm_end;
	return 0;
}

/* Counts @pages as anonymous memory of @mm; less, if negative. */
__rust_helper void rust_helper_mm_count_pages(struct mm_struct *mm, long pages)
{
	add_mm_counter(mm, MM_ANONPAGES, pages);
}

__rust_helper void rust_helper_cond_resched(void)
{
	cond_resched();
}

/* Memory cgroups; without them all of these do nothing. */

__rust_helper struct mem_cgroup *rust_helper_memcg_of_mm(struct mm_struct *mm)
{
	return get_mem_cgroup_from_mm(mm);
}

__rust_helper void rust_helper_memcg_put(struct mem_cgroup *memcg)
{
	mem_cgroup_put(memcg);
}

__rust_helper struct mem_cgroup *rust_helper_set_active_memcg(struct mem_cgroup *memcg)
{
	return set_active_memcg(memcg);
}

/* Memory tags: only arm64 has them. */
#ifndef CONFIG_ARM64
__rust_helper bool rust_helper_checkpoint_page_tags_get(struct page *page, void *tags)
{
	return false;
}

__rust_helper void rust_helper_checkpoint_page_tags_set(struct page *page, const void *tags)
{
}

__rust_helper void rust_helper_checkpoint_page_tags_copy(struct page *to, struct page *from)
{
}
#endif

__rust_helper bool rust_helper_checkpoint_shmem_noreserve(struct inode *inode)
{
	return SHMEM_I(inode)->flags & SHMEM_F_NORESERVE;
}

/* Has a memory policy of its own, and not only that with which the filesystem is mounted? */
__rust_helper bool rust_helper_checkpoint_shmem_has_policy(struct inode *inode)
{
#ifdef CONFIG_NUMA
	struct shared_policy *sp = &SHMEM_I(inode)->policy;
	struct rb_node *first;
	struct sp_node *node;

	guard(read_lock)(&sp->lock);
	first = rb_first(&sp->root);
	if (!first)
		return false;
	/* mpol_shared_policy_init() sets it for as much as a file can have: more than a mapping. */
	node = rb_entry(first, struct sp_node, nd);
	return node->start || node->end != MAX_LFS_FILESIZE >> PAGE_SHIFT;
#else
	return false;
#endif
}

__rust_helper struct file *rust_helper_checkpoint_shmem_file(loff_t size, bool noreserve)
{
	vma_flags_t flags = EMPTY_VMA_FLAGS;
	struct file *file;

	/* As do_mmap() obeys MAP_NORESERVE. */
	if (noreserve && sysctl_overcommit_memory != OVERCOMMIT_NEVER)
		flags = mk_vma_flags(VMA_NORESERVE_BIT);
	file = shmem_kernel_file_setup("dev/zero", size, flags);

	/* As memfd_create(2): its contents are written as those of a file. */
	if (!IS_ERR(file))
		file->f_flags |= O_LARGEFILE;
	return file;
}
