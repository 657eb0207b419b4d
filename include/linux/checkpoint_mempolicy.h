/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory policies, as checkpoint/restart reads and makes them.
 */
#ifndef _LINUX_CHECKPOINT_MEMPOLICY_H
#define _LINUX_CHECKPOINT_MEMPOLICY_H

#include <linux/mempolicy.h>
#include <linux/types.h>

#ifdef CONFIG_NUMA
struct inode;
struct task_struct;
struct vm_area_struct;

/* Words that have a bit for each node of any machine. */
#define CHECKPOINT_NODE_WORDS	16

/**
 * struct checkpoint_mpol - a memory policy
 * @nodes: its nodes, a bit for each; of MPOL_LOCAL none
 * @asked: with MPOL_F_STATIC_NODES or MPOL_F_RELATIVE_NODES the nodes that were
 *	asked for; else none
 * @mode: MPOL_*
 * @flags: MPOL_F_*, of MPOL_MODE_FLAGS
 * @home: node that is tried first; NUMA_NO_NODE: none
 * @last: of a task, with one node after the other: the node of the page before;
 *	NUMA_NO_NODE: none
 * @left: of a task, by weights: how many pages that node still gets
 */
struct checkpoint_mpol {
	u64 nodes[CHECKPOINT_NODE_WORDS];
	u64 asked[CHECKPOINT_NODE_WORDS];
	unsigned int mode;
	unsigned int flags;
	int home;
	int last;
	unsigned int left;
};

int checkpoint_mpol_of_task(struct task_struct *task, struct checkpoint_mpol *to);
int checkpoint_mpol_of_vma(struct vm_area_struct *vma, struct checkpoint_mpol *to);
int checkpoint_mpol_of_inode(struct inode *inode, unsigned long *start, unsigned long *end,
			     struct checkpoint_mpol *to);

int checkpoint_mpol_set_task(const struct checkpoint_mpol *from);
void checkpoint_mpol_set_place(struct task_struct *task, int last, unsigned int left);
int checkpoint_mpol_set_memory(unsigned long start, unsigned long end,
			       const struct checkpoint_mpol *from);
void checkpoint_mpol_clear_inode(struct inode *inode);
int checkpoint_mpol_set_inode(struct inode *inode, unsigned long start, unsigned long end,
			      const struct checkpoint_mpol *from);
struct mempolicy *checkpoint_mpol_copy(void);
struct mempolicy *checkpoint_mpol_lend(struct mempolicy *pol, unsigned int *seq);
void checkpoint_mpol_give_back(struct mempolicy *old, unsigned int seq);

/* Of mm/mempolicy.c. */
struct mempolicy *checkpoint_mpol_new(int mode, nodemask_t *nodes);
long checkpoint_set_mempolicy(int mode, nodemask_t *nodes);
int checkpoint_bind(unsigned long start, unsigned long end, struct mempolicy *pol);
int checkpoint_share_policy(struct shared_policy *sp, pgoff_t start, pgoff_t end,
			    struct mempolicy *pol);
#endif

#endif
