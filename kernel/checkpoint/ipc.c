// SPDX-License-Identifier: GPL-2.0
/*
 * What the private header of ipc/ has, and the directory of POSIX message queues.
 */
#include <linux/checkpoint_ipc.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/ipc.h>
#include <linux/ipc_namespace.h>
#include <linux/mount.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/security.h>
#include <linux/slab.h>

#include "../../fs/internal.h"
#include "../../ipc/util.h"

/* Whether the object @perm has the label @maker, for modules that give such objects one. */
static bool has_label(struct kern_ipc_perm *perm, struct lsm_prop *maker)
{
	struct lsm_prop object;

	security_ipc_getlsmprop(perm, &object);
#ifdef CONFIG_SECURITY_SELINUX
	if (object.selinux.secid != maker->selinux.secid)
		return false;
#endif
#ifdef CONFIG_SECURITY_SMACK
	if (object.smack.skp != maker->smack.skp)
		return false;
#endif
	return true;
}

/**
 * checkpoint_ipc_labelled_by() - would a task give an object the label that it has?
 * @ns: the namespace
 * @which: IPC_*_IDS
 * @id: the object
 * @task: the task
 *
 * Security modules that label objects of System V IPC give them the label of who
 * makes them, and nobody can change it. So for one who has the label of @task
 * nothing is lost when the object is made again.
 *
 * Return: whether it is, or the object is gone.
 */
bool checkpoint_ipc_labelled_by(struct ipc_namespace *ns, int which, int id,
				struct task_struct *task)
{
	struct kern_ipc_perm *perm;
	struct lsm_prop maker;

	security_task_getlsmprop_obj(task, &maker);
	guard(rcu)();
	perm = ipc_obtain_object_check(&ns->ids[which], id);
	return IS_ERR(perm) || has_label(perm, &maker);
}

/**
 * checkpoint_ipc_ns_labelled_by() - would a task give what is in a namespace its label?
 * @ns: the namespace, whose objects of System V have all the same label
 * @task: the task
 *
 * Return: whether it would, or nothing is in there.
 */
bool checkpoint_ipc_ns_labelled_by(struct ipc_namespace *ns, struct task_struct *task)
{
	struct kern_ipc_perm *perm;
	struct lsm_prop maker;
	int which, index;

	security_task_getlsmprop_obj(task, &maker);
	guard(rcu)();
	for (which = 0; which < ARRAY_SIZE(ns->ids); which++) {
		index = 0;
		perm = idr_get_next(&ns->ids[which].ipcs_idr, &index);
		if (perm && !has_label(perm, &maker))
			return false;
	}
	return true;
}

static void free_sem(struct rcu_head *head)
{
	struct kern_ipc_perm *made = container_of(head, struct kern_ipc_perm, rcu);

	security_sem_free(made);
	kfree(made);
}

static void free_msg_queue(struct rcu_head *head)
{
	struct kern_ipc_perm *made = container_of(head, struct kern_ipc_perm, rcu);

	security_msg_queue_free(made);
	kfree(made);
}

static void free_shm(struct rcu_head *head)
{
	struct kern_ipc_perm *made = container_of(head, struct kern_ipc_perm, rcu);

	security_shm_free(made);
	kfree(made);
}

/**
 * checkpoint_ipc_relabel() - give an object the label of the caller
 * @ns: the namespace
 * @which: IPC_*_IDS
 * @id: the object, which was just made
 *
 * What security modules note of it becomes what they note of one that is made with
 * the credentials that the caller acts with, if they let it make one.
 *
 * Return: 0; -EIDRM or -EINVAL: the object is gone; or an errno.
 */
int checkpoint_ipc_relabel(struct ipc_namespace *ns, int which, int id)
{
	struct kern_ipc_perm *perm, *made;
	rcu_callback_t free;
	int ret;

	made = kzalloc_obj(*made, GFP_KERNEL_ACCOUNT);
	if (!made)
		return -ENOMEM;
	switch (which) {
	case IPC_SEM_IDS:
		ret = security_sem_alloc(made);
		free = free_sem;
		break;
	case IPC_MSG_IDS:
		ret = security_msg_queue_alloc(made);
		free = free_msg_queue;
		break;
	default:
		ret = security_shm_alloc(made);
		free = free_shm;
	}
	if (ret) {
		kfree(made);
		return ret;
	}
	scoped_guard(rcu) {
		perm = ipc_obtain_object_check(&ns->ids[which], id);
		if (IS_ERR(perm)) {
			ret = PTR_ERR(perm);
			break;
		}
		ipc_lock_object(perm);
		if (ipc_valid_object(perm))
			swap(perm->security, made->security);
		else
			ret = -EIDRM;
		ipc_unlock_object(perm);
	}
	/* ipcperms() may be looking at the old one: it goes as those of objects do. */
	call_rcu(&made->rcu, free);
	return ret;
}

/**
 * checkpoint_mq_next() - find the POSIX message queues of a namespace that have a name
 * @ns: the namespace
 * @prev: where the one before is; NULL: the first is wanted
 * @out: set to where it is, with references
 *
 * The newest comes first.
 *
 * Return: 0; -ENOENT: there are no more.
 */
int checkpoint_mq_next(struct ipc_namespace *ns, const struct path *prev, struct path *out)
{
	struct dentry *dentry;

	/* It takes over the reference on the one before. */
	dentry = find_next_child(ns->mq_mnt->mnt_root, prev ? dget(prev->dentry) : NULL);
	if (!dentry)
		return -ENOENT;
	out->mnt = mntget(ns->mq_mnt);
	out->dentry = dentry;
	return 0;
}

/**
 * checkpoint_mq_dir_changed() - tell whether not everybody may make message queues any more
 * @ns: the namespace
 *
 * Return: whether the permissions of the directory have been changed.
 */
bool checkpoint_mq_dir_changed(struct ipc_namespace *ns)
{
	umode_t mode = READ_ONCE(d_inode(ns->mq_mnt->mnt_root)->i_mode);

	return (mode & S_IALLUGO) != 01777;
}
