/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: address spaces, and the files that are memory.
 */
#ifndef _LINUX_CHECKPOINT_MM_H
#define _LINUX_CHECKPOINT_MM_H

#include <linux/types.h>

struct checkpoint_copy;
struct file;
struct folio;
struct inode;
struct mm_struct;
struct page;
struct task_struct;
struct vm_area_struct;

/* A flag of an address space, behind those of mm_types.h: checkpoint(2) is copying it. */
#define MMF_CHECKPOINT	32

bool checkpoint_copy_omits(struct vm_area_struct *vma);
struct mm_struct *checkpoint_copy_mm(struct mm_struct *mm);
struct checkpoint_copy *checkpoint_copy_add(struct mm_struct *mm, struct mm_struct *of);
void checkpoint_copy_del(struct checkpoint_copy *copy);
void checkpoint_copy_keep(struct mm_struct *mm, unsigned long start, unsigned long end);

long checkpoint_fill_alloc(struct mm_struct *mm, unsigned long addr, unsigned long max,
			   struct page **pages, unsigned long *by_fault);
long checkpoint_fill_map(struct mm_struct *mm, unsigned long addr, struct page **pages,
			 unsigned long nr);

/* Of kernel/checkpoint/hugetlb.c. */
unsigned int checkpoint_hugetlb_shift(struct file *file);
unsigned int checkpoint_hugetlb_vma(struct vm_area_struct *vma, bool *owner, bool *taken);
bool checkpoint_hugetlb_reserved(struct file *file);
int checkpoint_hugetlb_reserve(struct file *file);
bool checkpoint_hugetlb_unused(struct file *file);
struct file *checkpoint_hugetlb_file(size_t size, unsigned int shift);
struct page *checkpoint_hugetlb_page(struct file *file, pgoff_t index);
long checkpoint_hugetlb_free(unsigned int shift);
int checkpoint_hugetlb_forked(unsigned long addr);

/* Of mm/hugetlb.c. */
void checkpoint_hugetlb_rights(struct vm_area_struct *vma, bool *owner, bool *taken);
long checkpoint_hugetlb_regions(struct inode *inode, long end);

int checkpoint_share_link(struct mm_struct *mm, unsigned long start, unsigned long end,
			  struct mm_struct *with);
long checkpoint_share_pages(struct mm_struct *mm, unsigned long addr, unsigned long max,
			    struct mm_struct *with, unsigned long *to_copy);

/* Of mm/mremap.c. */
unsigned long checkpoint_mremap(unsigned long addr, unsigned long len, unsigned long new_addr);

/* Of mm/rmap.c. */
void checkpoint_rmap_to_root(struct folio *folio, struct vm_area_struct *vma);

/* Of kernel/checkpoint/mm.c. */
unsigned long checkpoint_mmap(struct file *file, unsigned long addr, unsigned long len,
			      unsigned long prot, unsigned long flags, unsigned long pgoff);
int checkpoint_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey);
int checkpoint_mlock(unsigned long start, size_t len, unsigned long flags);
int checkpoint_mseal(unsigned long start, unsigned long end);
int checkpoint_futex_slots(struct mm_struct *mm);
int checkpoint_merge_any(struct mm_struct *mm);
int checkpoint_wipe(struct mm_struct *mm, unsigned long start, unsigned long end);

struct file *checkpoint_memfd(const char *name, bool noexec, unsigned int huge);
int checkpoint_memfd_seals(struct file *file);
int checkpoint_memfd_seal(struct file *file, unsigned int seals);

/* Of mm/memfd.c: memfd_create(2), with its checks. */
#ifdef CONFIG_MEMFD_CREATE
struct file *memfd_create_file(const char *name, unsigned int flags);
#endif

/* Of kernel/checkpoint/vdso.c. */
unsigned long checkpoint_vdso_place(struct task_struct *task, struct mm_struct *mm);
size_t checkpoint_vdso_mapped(void);
size_t checkpoint_vdso_data_len(void);
unsigned long checkpoint_vdso_offsets(struct task_struct *task);
void checkpoint_vdso_data(struct task_struct *task, void *to);

#endif /* _LINUX_CHECKPOINT_MM_H */
