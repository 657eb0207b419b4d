// SPDX-License-Identifier: GPL-2.0
/*
 * Memory policies of tasks, of mappings and of files of tmpfs, in a form that
 * does not depend on how many nodes this kernel is configured for.
 */
#include <linux/bitmap.h>
#include <linux/checkpoint_mempolicy.h>
#include <linux/cpuset.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/shmem_fs.h>

#define NODE_BITS	(CHECKPOINT_NODE_WORDS * 64)

static_assert(MAX_NUMNODES <= NODE_BITS);

static void nodes_to_words(u64 *to, const nodemask_t *nodes)
{
	memset(to, 0, CHECKPOINT_NODE_WORDS * sizeof(*to));
	bitmap_to_arr64(to, nodes->bits, MAX_NUMNODES);
}

/* False: there are nodes among them that this kernel has no bits for. */
static bool nodes_from_words(nodemask_t *nodes, const u64 *from)
{
	unsigned int i;

	for (i = MAX_NUMNODES; i < NODE_BITS; i++)
		if (from[i / 64] >> (i % 64) & 1)
			return false;
	nodes_clear(*nodes);
	bitmap_from_arr64(nodes->bits, from, MAX_NUMNODES);
	return true;
}

static bool is_interleaved(const struct mempolicy *pol)
{
	return pol->mode == MPOL_INTERLEAVE || pol->mode == MPOL_WEIGHTED_INTERLEAVE;
}

/* What can be told of @pol, and made again. The caller holds what keeps it as it is. */
static int describe(const struct mempolicy *pol, struct checkpoint_mpol *to)
{
	unsigned int known = MPOL_MODE_FLAGS | MPOL_F_SHARED;

	if (!pol)
		return 0;
	/* sanitize_mpol_flags() adds these. */
	if (pol->flags & MPOL_F_NUMA_BALANCING)
		known |= MPOL_F_MOF | MPOL_F_MORON;
	if (pol->flags & ~known || pol->mode == MPOL_DEFAULT || pol->mode >= MPOL_MAX)
		return -EOPNOTSUPP;
	memset(to, 0, sizeof(*to));
	to->mode = pol->mode;
	to->flags = pol->flags & MPOL_MODE_FLAGS;
	to->home = pol->home_node;
	to->last = NUMA_NO_NODE;
	if (pol->mode != MPOL_LOCAL)
		nodes_to_words(to->nodes, &pol->nodes);
	if (pol->flags & MPOL_USER_NODEMASK_FLAGS)
		nodes_to_words(to->asked, &pol->w.user_nodemask);
	return 1;
}

/**
 * checkpoint_mpol_of_task() - tell the memory policy of a task
 * @task: the task
 * @to: set to it
 *
 * Return: 1; 0 if it has none; -EOPNOTSUPP if it is of no kind that is known.
 */
int checkpoint_mpol_of_task(struct task_struct *task, struct checkpoint_mpol *to)
{
	int ret;

	task_lock(task);
	ret = describe(task->mempolicy, to);
	if (ret > 0 && is_interleaved(task->mempolicy)) {
		/* do_set_mempolicy() begins with the last number that there is. */
		if (task->il_prev >= 0 && task->il_prev < MAX_NUMNODES &&
		    (task->il_prev != MAX_NUMNODES - 1 ||
		     node_isset(MAX_NUMNODES - 1, task->mempolicy->nodes)))
			to->last = task->il_prev;
		if (to->last != NUMA_NO_NODE && task->mempolicy->mode == MPOL_WEIGHTED_INTERLEAVE)
			to->left = task->il_weight;
	}
	task_unlock(task);
	return ret;
}

/**
 * checkpoint_mpol_of_vma() - tell the memory policy of a mapping
 * @vma: the mapping, whose mmap lock is held
 * @to: set to it
 *
 * Return: as checkpoint_mpol_of_task().
 */
int checkpoint_mpol_of_vma(struct vm_area_struct *vma, struct checkpoint_mpol *to)
{
	return describe(vma->vm_policy, to);
}

/**
 * checkpoint_mpol_of_inode() - tell the next memory policy of a file of tmpfs
 * @inode: its inode
 * @start: page to look from; set to the first one that has a policy
 * @end: set to the page after the last that has that
 * @to: set to it
 *
 * Return: as checkpoint_mpol_of_task(); 0 if there are no more.
 */
int checkpoint_mpol_of_inode(struct inode *inode, unsigned long *start, unsigned long *end,
			     struct checkpoint_mpol *to)
{
	struct shared_policy *sp = &SHMEM_I(inode)->policy;
	struct sp_node *node, *next = NULL;
	struct rb_node *nd;

	guard(read_lock)(&sp->lock);
	nd = sp->root.rb_node;
	while (nd) {
		node = rb_entry(nd, struct sp_node, nd);
		if (node->end > *start) {
			next = node;
			nd = nd->rb_left;
		} else {
			nd = nd->rb_right;
		}
	}
	if (!next)
		return 0;
	*start = next->start;
	*end = next->end;
	return describe(next->policy, to);
}

/* The nodes that set_mempolicy(2) or mbind(2) was told. */
static int asked_for(const struct checkpoint_mpol *from, nodemask_t *nodes, int *mode)
{
	const bool by_user = from->flags & MPOL_USER_NODEMASK_FLAGS;

	if (from->flags & ~MPOL_MODE_FLAGS || from->mode == MPOL_DEFAULT || from->mode >= MPOL_MAX)
		return -EINVAL;
	*mode = from->mode | from->flags;
	return nodes_from_words(nodes, by_user ? from->asked : from->nodes) ? 0 : -ENODEV;
}

/*
 * What was made has the nodes that it had: the kernel leaves out those that are
 * not there, and those that the cpuset does not allow. Relative ones are counted
 * among whatever that allows.
 */
static bool is_as_it_was(const struct mempolicy *pol, const struct checkpoint_mpol *from)
{
	nodemask_t nodes;

	if (pol->mode != from->mode)
		return false;
	if (pol->mode == MPOL_LOCAL || pol->flags & MPOL_F_RELATIVE_NODES)
		return true;
	return nodes_from_words(&nodes, from->nodes) && nodes_equal(nodes, pol->nodes);
}

/* None of the nodes is there: mpol_set_nodemask() has that as an invalid policy. */
static int no_node(int err)
{
	return err == -EINVAL ? -ENODEV : err;
}

/**
 * checkpoint_mpol_set_task() - give the current task a memory policy, as set_mempolicy(2) does
 * @from: the policy
 *
 * Return: 0, or an errno: -ENODEV if nodes are not there, or not allowed by its cpuset.
 */
int checkpoint_mpol_set_task(const struct checkpoint_mpol *from)
{
	nodemask_t nodes;
	int mode, err;

	if (from->home != NUMA_NO_NODE)
		return -EINVAL;
	err = asked_for(from, &nodes, &mode) ?: no_node(checkpoint_set_mempolicy(mode, &nodes));
	if (err)
		return err;
	/* Only the task itself replaces its policy. */
	task_lock(current);
	if (!current->mempolicy || !is_as_it_was(current->mempolicy, from))
		err = -ENODEV;
	task_unlock(current);
	return err;
}

/**
 * checkpoint_mpol_set_place() - tell a task which node had its page before
 * @task: the task, which does not run
 * @last: the node; NUMA_NO_NODE: none
 * @left: by weights: how many pages it still gets
 *
 * It is what interleave_nodes() and weighted_interleave_nodes() keep of one page
 * for the next, and without a meaning for other policies.
 */
void checkpoint_mpol_set_place(struct task_struct *task, int last, unsigned int left)
{
	task_lock(task);
	if (task->mempolicy && is_interleaved(task->mempolicy)) {
		const bool known = last >= 0 && last < MAX_NUMNODES;

		task->il_prev = known ? last : MAX_NUMNODES - 1;
		task->il_weight = known ? min(left, U8_MAX) : 0;
	}
	task_unlock(task);
}

/* A policy as mbind(2) makes it, with the home node of set_mempolicy_home_node(2). */
static struct mempolicy *make(const struct checkpoint_mpol *from)
{
	struct mempolicy *pol;
	nodemask_t nodes;
	int mode, err;

	err = asked_for(from, &nodes, &mode);
	if (err)
		return ERR_PTR(err);
	pol = checkpoint_mpol_new(mode, &nodes);
	if (IS_ERR(pol))
		return ERR_PTR(no_node(PTR_ERR(pol)));
	if (!is_as_it_was(pol, from))
		err = -ENODEV;
	if (from->home != NUMA_NO_NODE) {
		/* The checks of set_mempolicy_home_node(2). Nobody else has the policy yet. */
		if (from->mode != MPOL_BIND && from->mode != MPOL_PREFERRED_MANY)
			err = -EINVAL;
		else if (from->home < 0 || from->home >= MAX_NUMNODES || !node_online(from->home))
			err = -ENODEV;
		else
			pol->home_node = from->home;
	}
	if (!err)
		return pol;
	mpol_put(pol);
	return ERR_PTR(err);
}

/**
 * checkpoint_mpol_set_memory() - give memory a policy, as mbind(2) does
 * @start: first address, in the current address space; all of it is mapped
 * @end: address after the last
 * @from: the policy
 *
 * That of the file that is mapped there stays: see checkpoint_mpol_set_inode().
 *
 * Return: 0, or an errno: -ENODEV if nodes are not there, or not allowed by the
 * cpuset of the current task; -EINTR: SIGKILL came.
 */
int checkpoint_mpol_set_memory(unsigned long start, unsigned long end,
			       const struct checkpoint_mpol *from)
{
	struct mempolicy *pol = make(from);
	int err;

	if (IS_ERR(pol))
		return PTR_ERR(pol);
	err = checkpoint_bind(start, end, pol);
	mpol_put(pol);
	return err;
}

/**
 * checkpoint_mpol_clear_inode() - take the memory policies off a file of tmpfs
 * @inode: its inode, which has none then, nor that with which it is mounted
 */
void checkpoint_mpol_clear_inode(struct inode *inode)
{
	mpol_free_shared_policy(&SHMEM_I(inode)->policy);
}

/**
 * checkpoint_mpol_set_inode() - give a part of a file of tmpfs a memory policy
 * @inode: its inode
 * @start: first page
 * @end: page after the last
 * @from: the policy
 *
 * Return: 0, or an errno: -ENODEV if nodes are not there, or not allowed by the
 * cpuset of the current task.
 */
int checkpoint_mpol_set_inode(struct inode *inode, unsigned long start, unsigned long end,
			      const struct checkpoint_mpol *from)
{
	struct mempolicy *pol = make(from);
	int err;

	if (IS_ERR(pol))
		return PTR_ERR(pol);
	err = checkpoint_share_policy(&SHMEM_I(inode)->policy, start, end, pol);
	mpol_put(pol);
	return err;
}

/**
 * checkpoint_mpol_copy() - copy the policy of the current task, or the one that it was lent
 *
 * Return: the copy, with a reference; NULL: it has none; or an error pointer.
 */
struct mempolicy *checkpoint_mpol_copy(void)
{
	/* Only the task itself replaces its policy. */
	return mpol_dup(current->mempolicy);
}

/**
 * checkpoint_mpol_lend() - have the current task allocate by another policy
 * @pol: the policy, which nobody else has
 * @seq: set to what checkpoint_mpol_give_back() is to be told
 *
 * Its place among nodes that take turns is not the policy's: it goes on from one
 * loan to the next, however few pages each is for.
 *
 * Return: the one that it had, which is to be given back.
 */
struct mempolicy *checkpoint_mpol_lend(struct mempolicy *pol, unsigned int *seq)
{
	struct mempolicy *old;

	/* Others read it, and a cpuset changes it, under this lock. */
	task_lock(current);
	*seq = read_mems_allowed_begin();
	old = current->mempolicy;
	current->mempolicy = pol;
	task_unlock(current);
	return old;
}

/**
 * checkpoint_mpol_give_back() - have the current task allocate by its own policy again
 * @old: what checkpoint_mpol_lend() has returned
 * @seq: what that has set
 *
 * If its cpuset was changed meanwhile, or it came to another one, that was told to
 * the policy that it was lent: so it is told to its own now.
 */
void checkpoint_mpol_give_back(struct mempolicy *old, unsigned int seq)
{
	struct mempolicy *lent;

	task_lock(current);
	lent = current->mempolicy;
	current->mempolicy = old;
	if (read_mems_allowed_retry(seq))
		mpol_rebind_task(current, &cpuset_current_mems_allowed);
	task_unlock(current);
	mpol_put(lent);
}
