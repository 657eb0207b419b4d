/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What fill.c and share.c have in common.
 */
#ifndef _CHECKPOINT_MM_H
#define _CHECKPOINT_MM_H

#include <linux/pgtable.h>

pmd_t *checkpoint_alloc_pmd(struct mm_struct *mm, unsigned long addr);

#endif /* _CHECKPOINT_MM_H */
