// SPDX-License-Identifier: GPL-2.0
/*
 * What the Rust side asks of procfs, whose structures are private to fs/proc/.
 */
#include <linux/atomic.h>
#include <linux/checkpoint_fs.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ipc_namespace.h>
#include <linux/mnt_namespace.h>
#include <linux/nsproxy.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

#ifdef CONFIG_PROC_FS

#include "../../fs/internal.h"
#include "../../fs/mount.h"
#include "../../fs/proc/internal.h"

/* Names of an entry of a task below the root of procfs: PID/task/TID/DIR/NAME. */
#define DEPTH_MAX 5

/* The entries from that below the root to @dentry itself. Returns how many; DEPTH_MAX fit. */
static unsigned int entries(struct dentry *dentry, struct dentry *entry[DEPTH_MAX])
{
	unsigned int depth = 0, n;
	struct dentry *d;

	/* Nothing in procfs changes its parent, which is kept by its children. */
	for (d = dentry; !IS_ROOT(d); d = d->d_parent)
		depth++;
	for (d = dentry, n = depth; n; d = d->d_parent) {
		if (--n < DEPTH_MAX)
			entry[n] = d;
	}
	return depth;
}

/**
 * checkpoint_proc_pids() - find out whose entry of procfs it is
 * @dentry: the entry, which the caller keeps
 * @pid: gets a reference on the pid of /proc/PID, and on that of
 *	 /proc/PID/task/TID; NULL where @dentry is below none
 *
 * The tasks may be gone.
 */
void checkpoint_proc_pids(struct dentry *dentry, struct pid *pid[2])
{
	struct dentry *entry[DEPTH_MAX];
	unsigned int depth = entries(dentry, entry);

	pid[0] = depth ? get_pid(proc_pid(d_inode(entry[0]))) : NULL;
	pid[1] = NULL;
	if (pid[0] && depth > 2 && !strcmp(entry[1]->d_name.name, "task"))
		pid[1] = get_pid(proc_pid(d_inode(entry[2])));
}

/**
 * checkpoint_proc_mm() - find the address space that a file of procfs shows
 * @file: mem, environ, auxv or pagemap of a task; @seq: maps, or one like it
 * @seq: which of the two
 *
 * Return: its address, to be compared only.
 */
const struct mm_struct *checkpoint_proc_mm(const struct file *file, bool seq)
{
	const struct proc_maps_private *priv;

	if (!seq)
		return file->private_data;

	priv = ((const struct seq_file *)file->private_data)->private;
	return priv->lock_ctx.mm;
}

/* As mem_open(), but for the question whether the current task may have it. */
static int open_memory(struct inode *inode, struct file *file)
{
	struct task_struct *task = get_proc_task(inode);
	struct mm_struct *mm;

	if (!task)
		return -ESRCH;
	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return -ESRCH;

	/* The file keeps the structure, and not what is in it. */
	mmgrab(mm);
	mmput(mm);
	file->private_data = mm;
	return 0;
}

/**
 * checkpoint_proc_mem() - open the memory of a task that is being restored
 * @path: /proc/PID/mem, or that of a thread
 * @flags: of open(2)
 *
 * Such a task is not dumpable until it is let go, which would deny it to all.  It
 * is for its tracer, of which it is asked whether it could attach: see
 * checkpoint_set_tracer().  Until then nobody runs who has the file.  May sleep.
 *
 * Return: the file, or an error pointer: -EINVAL: it is another entry; -ESRCH: the
 * task has no memory.
 */
struct file *checkpoint_proc_mem(const struct path *path, int flags)
{
	struct dentry *dentry = path->dentry, *entry[DEPTH_MAX];
	unsigned int depth = entries(dentry, entry);
	struct file *file;
	int err;

	if ((depth != 2 && depth != 4) || strcmp(dentry->d_name.name, "mem") ||
	    !proc_pid(d_inode(dentry)))
		return ERR_PTR(-EINVAL);

	file = alloc_empty_file(flags, current_cred());
	if (IS_ERR(file))
		return file;
	file->__f_path = *path;
	err = finish_open(file, dentry, open_memory);
	if (!err)
		return file;
	fput(file);
	return ERR_PTR(err);
}

/**
 * checkpoint_proc_mounts_from() - tell from where a file of procfs shows mounts
 * @file: any open file; its name may be that of mounts, and another one be mounted there
 * @root: a directory
 *
 * Return: whether it is mounts, mountinfo or mountstats of a task, and shows
 * those of the mount namespace of the current task that are seen from @root.
 */
bool checkpoint_proc_mounts_from(const struct file *file, const struct path *root)
{
	const struct proc_mounts *p;
	const struct seq_file *m;

	if (file->f_op != &proc_mounts_operations &&
	    file->f_op != &proc_mountinfo_operations &&
	    file->f_op != &proc_mountstats_operations)
		return false;

	m = file->private_data;
	p = m->private;
	return p->ns == current->nsproxy->mnt_ns && path_equal(&p->root, root);
}

#ifdef CONFIG_SYSCTL
/* Has @task the set of settings @set, of its net, ipc, pid or user namespace? */
static bool has_sysctl_set(struct task_struct *task, const struct ctl_table_set *set)
{
	struct pid_namespace *pid_ns;
	const struct nsproxy *ns;
	bool has = false;

	task_lock(task);
	ns = task->nsproxy;
	if (ns) {
		has = set == &ns->ipc_ns->ipc_set || set == &ns->ipc_ns->mq_set;
#ifdef CONFIG_NET
		has |= set == &ns->net_ns->sysctls;
#endif
	}
	task_unlock(task);
	scoped_guard(rcu) {
		has |= set == &__task_cred(task)->user_ns->set;
		pid_ns = task_active_pid_ns(task);
		has |= pid_ns && set == &pid_ns->set;
	}
	return has;
}
#endif

#ifdef CONFIG_NET
/* Is @pde not below the net directory of a network namespace, or below that of @task? */
static bool is_net_of(struct proc_dir_entry *pde, struct task_struct *task)
{
	const struct proc_dir_entry *top = pde;
	const bool stays = pde_is_permanent(pde);
	const struct nsproxy *ns;
	bool is;

	/*
	 * As use_pde(): who removes it waits until it is let go, and what it is
	 * in is removed after that.
	 */
	if (!stays && !atomic_inc_unless_negative(&pde->in_use))
		return false;
	while (top->parent != &proc_root && top->parent != top)
		top = top->parent;
	/* Of the same name is the link to that of the process. */
	is = strcmp(top->name, "net") || S_ISLNK(top->mode);
	if (!is) {
		task_lock(task);
		ns = task->nsproxy;
		is = ns && top == ns->net_ns->proc_net;
		task_unlock(task);
	}
	/* As unuse_pde(). */
	if (!stays && atomic_dec_return(&pde->in_use) == INT_MIN)
		complete(pde->pde_unload_completion);
	return is;
}
#endif

/**
 * checkpoint_proc_is_of() - tell whether an entry of procfs is of the namespaces of a task
 * @inode: any inode of procfs
 * @task: the task, which does not run
 *
 * Many settings in /proc/sys, and all in /proc/PID/net, are of the namespaces of
 * who opened them.
 *
 * Return: whether @task would open the same by this path; not if that was
 * removed. Of a task that is dying it does not matter.
 */
bool checkpoint_proc_is_of(struct inode *inode, struct task_struct *task)
{
#ifdef CONFIG_SYSCTL
	const struct ctl_table_header *head = PROC_I(inode)->sysctl;
#endif

#ifdef CONFIG_NET
	if (PDE(inode) && !is_net_of(PDE(inode), task))
		return false;
#endif
#ifdef CONFIG_SYSCTL
	/*
	 * The inode keeps the header, and roots are static; the set may be gone.
	 * That of all namespaces has no lookup.
	 */
	if (head && head->root->lookup)
		return has_sysctl_set(task, head->set);
#endif
	return true;
}

/* An entry of @parent which is not found by a lookup: as @like, but of @pid. */
static struct dentry *dead_entry(struct dentry *parent, const struct qstr *name,
				 const struct inode *like, struct pid *pid)
{
	struct dentry *dentry;
	struct inode *inode;

	inode = new_inode(parent->d_sb);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	PROC_I(inode)->pid = get_pid(pid);
	PROC_I(inode)->op = PROC_I(like)->op;
	inode->i_mode = like->i_mode;
	inode->i_ino = get_next_ino();
	simple_inode_init_ts(inode);
	inode->i_op = like->i_op;
	inode->i_fop = like->i_fop;
	inode->i_flags = like->i_flags;
	set_nlink(inode, like->i_nlink);

	dentry = d_alloc(parent, name);
	if (!dentry) {
		iput(inode);
		return ERR_PTR(-ENOMEM);
	}
	d_instantiate(dentry, inode);
	return dentry;
}

/**
 * checkpoint_proc_dead() - make an entry of procfs for a task that was reaped
 * @like: an entry of the same name of a task that lives
 * @pid: a pid without a task
 * @process: text of the number that it had in /proc/PID
 * @thread: the same of /proc/PID/task/TID; NULL: @like has none
 * @result: gets the entry, and references on it
 *
 * As after a reaped task: what is open stays, and finds no task.
 *
 * Return: 0; -EINVAL if @like is not an entry of a task; -ENOMEM.
 */
int checkpoint_proc_dead(const struct path *like, struct pid *pid, const char *process,
			 const char *thread, struct path *result)
{
	struct dentry *entry[DEPTH_MAX], *parent, *dentry;
	unsigned int depth = entries(like->dentry, entry), n;

	if (!depth || depth > DEPTH_MAX || (thread && depth < 3))
		return -EINVAL;
	for (n = 0; n < depth; n++) {
		if (!proc_pid(d_inode(entry[n])))
			return -EINVAL;
	}

	parent = dget(like->dentry->d_sb->s_root);
	for (n = 0; n < depth; n++) {
		struct qstr name = entry[n]->d_name;

		if (!n)
			name = QSTR(process);
		else if (n == 2 && thread)
			name = QSTR(thread);
		dentry = dead_entry(parent, &name, d_inode(entry[n]), pid);
		dput(parent);
		if (IS_ERR(dentry))
			return PTR_ERR(dentry);
		parent = dentry;
	}
	result->mnt = mntget(like->mnt);
	result->dentry = parent;
	return 0;
}

#endif /* CONFIG_PROC_FS */
