/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What fill.c and share.c have in common, and mm.c and uffd.c.
 */
#ifndef _CHECKPOINT_MM_H
#define _CHECKPOINT_MM_H

#include <linux/pgtable.h>

struct mm_struct;
struct vm_area_struct;

pmd_t *checkpoint_alloc_pmd(struct mm_struct *mm, unsigned long addr);
int checkpoint_empty(struct mm_struct *mm, unsigned long start, unsigned long end,
		     bool (*is_right)(struct vm_area_struct *vma));

#endif /* _CHECKPOINT_MM_H */
