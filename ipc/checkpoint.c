// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint/restart of System V IPC: what segments, semaphores and message queues have in common.
 */

#include <linux/checkpoint_ipc.h>
#include <linux/ipc.h>
#include <linux/ipc_namespace.h>
#include <linux/msg.h>
#include <linux/nsproxy.h>
#include <linux/rhashtable.h>
#include <linux/security.h>
#include <linux/slab.h>

#include "util.h"

/**
 * checkpoint_ipc_next - find an object
 * @ids: where to look
 * @idx: the lowest index that it may have; set to the one that it has
 *
 * Called with ids->rwsem held for reading.
 *
 * Return: the object, locked and in an RCU critical section, or NULL.
 */
struct kern_ipc_perm *checkpoint_ipc_next(struct ipc_ids *ids, int *idx)
{
	struct kern_ipc_perm *perm = idr_get_next(&ids->ipcs_idr, idx);

	if (!perm)
		return NULL;
	rcu_read_lock();
	ipc_lock_object(perm);
	return perm;
}

/**
 * checkpoint_ipc_get - tell what all kinds of objects have
 * @perm: the object, locked
 * @out: where to; an id that the caller's user namespace does not map is -1
 */
void checkpoint_ipc_get(struct kern_ipc_perm *perm, struct checkpoint_ipc *out)
{
	struct user_namespace *user_ns = current_user_ns();

	out->id = perm->id;
	out->key = perm->key;
	out->uid = from_kuid(user_ns, perm->uid);
	out->gid = from_kgid(user_ns, perm->gid);
	out->cuid = from_kuid(user_ns, perm->cuid);
	out->cgid = from_kgid(user_ns, perm->cgid);
	out->mode = perm->mode & 0777;
}

/**
 * checkpoint_ipc_claim - have the next new object get a certain id
 * @ns: the namespace
 * @ids: which of its ids
 * @wanted: the id
 * @key: the key that the object will have
 *
 * Called with ids->rwsem held for writing, which the caller keeps until the
 * object is there; then it sets next_id to what it was.
 *
 * Return: 0; -EPERM if the caller may not choose ids; -EEXIST if the id or the
 * key is in use; -EINVAL if it is no id.
 */
int checkpoint_ipc_claim(struct ipc_namespace *ns, struct ipc_ids *ids,
			 const struct checkpoint_ipc *wanted, key_t key)
{
	int id = wanted->id;

	/* As for a write to /proc/sys/kernel/shm_next_id. */
	if (!checkpoint_restore_ns_capable(ns->user_ns))
		return -EPERM;
	if (id < 0 || ipcid_to_seqx(id) > ipcid_seq_max())
		return -EINVAL;
	if (idr_find(&ids->ipcs_idr, ipcid_to_idx(id)))
		return -EEXIST;
	if (key != IPC_PRIVATE) {
		struct kern_ipc_perm *other = ipc_findkey(ids, key);

		if (other) {
			ipc_unlock(other);
			return -EEXIST;
		}
	}
	ids->next_id = id;
	return 0;
}

/**
 * checkpoint_ipc_set - give an object that the caller has made its owners and mode
 * @ns: the namespace
 * @perm: the object, locked
 * @wanted: what to set, with ids of the caller's user namespace
 *
 * Its owner may give an object to anybody (IPC_SET). Its creator is whoever
 * makes it: to be one of another user takes what setresuid(2) takes.
 *
 * Return: 0; -EPERM; -EINVAL if an id is none.
 */
int checkpoint_ipc_set(struct ipc_namespace *ns, struct kern_ipc_perm *perm,
		       const struct checkpoint_ipc *wanted)
{
	struct user_namespace *user_ns = current_user_ns();
	struct ipc64_perm set = {
		.uid = wanted->uid,
		.gid = wanted->gid,
		.mode = wanted->mode,
	};
	kuid_t cuid = make_kuid(user_ns, wanted->cuid);
	kgid_t cgid = make_kgid(user_ns, wanted->cgid);
	int err;

	if (!uid_valid(cuid) || !gid_valid(cgid))
		return -EINVAL;
	if (!uid_eq(cuid, perm->cuid) && !ns_capable(ns->user_ns, CAP_SETUID))
		return -EPERM;
	if (!gid_eq(cgid, perm->cgid) && !in_egroup_p(cgid) &&
	    !ns_capable(ns->user_ns, CAP_SETGID))
		return -EPERM;
	err = ipc_update_perm(&set, perm);
	if (err)
		return err;
	perm->cuid = cuid;
	perm->cgid = cgid;
	return 0;
}

/**
 * checkpoint_ipc_index - tell which part of an id is the index
 * @id: the id
 *
 * Return: the index.
 */
int checkpoint_ipc_index(int id)
{
	return ipcid_to_idx(id);
}

/**
 * checkpoint_ipc_ns_get - tell the settings of a namespace, and how much is in it
 * @ns: the namespace
 * @out: where to
 */
void checkpoint_ipc_ns_get(struct ipc_namespace *ns, struct checkpoint_ipc_ns *out)
{
	int n;

	memset(out, 0, sizeof(*out));
	out->shm_max = ns->shm_ctlmax;
	out->shm_all = ns->shm_ctlall;
	out->shm_mni = ns->shm_ctlmni;
	out->shm_rmid_forced = ns->shm_rmid_forced;
	for (n = 0; n < ARRAY_SIZE(out->sem); n++)
		out->sem[n] = ns->sem_ctls[n];
	out->msg_max = ns->msg_ctlmax;
	out->msg_mnb = ns->msg_ctlmnb;
	out->msg_mni = ns->msg_ctlmni;
	out->mq[0] = ns->mq_queues_max;
	out->mq[1] = ns->mq_msg_max;
	out->mq[2] = ns->mq_msgsize_max;
	out->mq[3] = ns->mq_msg_default;
	out->mq[4] = ns->mq_msgsize_default;
	out->mq_queues = READ_ONCE(ns->mq_queues_count);
	out->shift = ipcmni_seq_shift();
	for (n = 0; n < ARRAY_SIZE(ns->ids); n++) {
		struct ipc_ids *ids = &ns->ids[n];

		down_read(&ids->rwsem);
		out->in_use[n] = ids->in_use;
		out->seq[n] = ids->seq;
		out->last_idx[n] = ids->last_idx;
		out->cursor[n] = idr_get_cursor(&ids->ipcs_idr);
		out->next_id[n] = ids->next_id;
		up_read(&ids->rwsem);
	}
}

/* May the caller write to the files in /proc/sys of this namespace? As ipc_permissions(). */
bool checkpoint_ipc_may_set(struct ipc_namespace *ns)
{
	kuid_t root = make_kuid(ns->user_ns, 0);

	return uid_eq(current_euid(), uid_valid(root) ? root : GLOBAL_ROOT_UID);
}

/**
 * checkpoint_ipc_ns_open - let a new namespace take what is to be put into it
 * @ns: the namespace, which nobody else knows yet
 *
 * Its limits may have been lowered below what is in it. Who may raise them does
 * without them until checkpoint_ipc_ns_set().
 */
void checkpoint_ipc_ns_open(struct ipc_namespace *ns)
{
	if (!checkpoint_ipc_may_set(ns))
		return;
	ns->shm_ctlmax = ULONG_MAX;
	ns->shm_ctlall = ULONG_MAX;
	ns->shm_ctlmni = ipc_mni;
	ns->sem_ctls[0] = INT_MAX;
	ns->sem_ctls[1] = INT_MAX;
	ns->sem_ctls[3] = ipc_mni;
	ns->msg_ctlmax = INT_MAX;
	ns->msg_ctlmnb = INT_MAX;
	ns->msg_ctlmni = ipc_mni;
	ns->mq_queues_max = INT_MAX;
	ns->mq_msg_max = HARD_MSGMAX;
	ns->mq_msgsize_max = HARD_MSGSIZEMAX;
}

/**
 * checkpoint_ipc_ns_set - give a new namespace its settings
 * @ns: the namespace, which no task runs in yet
 * @in: the settings; their ranges are those of /proc/sys, but for what depends
 *	on the kernel's ipcmni_extend
 *
 * Return: 0; -EINVAL; -EPERM if they are others than those of each new
 * namespace and the caller may not change them.
 */
int checkpoint_ipc_ns_set(struct ipc_namespace *ns, const struct checkpoint_ipc_ns *in)
{
	struct checkpoint_ipc_ns now;
	int n;

	if (in->shm_mni > ipc_mni || in->msg_mni > ipc_mni ||
	    in->sem[3] < 0 || in->sem[3] > ipc_mni)
		return -EINVAL;
	checkpoint_ipc_ns_get(ns, &now);
	if (!checkpoint_ipc_may_set(ns) &&
	    (in->shm_max != now.shm_max || in->shm_all != now.shm_all ||
	     in->shm_mni != now.shm_mni || in->shm_rmid_forced != now.shm_rmid_forced ||
	     memcmp(in->sem, now.sem, sizeof(in->sem)) ||
	     in->msg_max != now.msg_max || in->msg_mnb != now.msg_mnb ||
	     in->msg_mni != now.msg_mni || memcmp(in->mq, now.mq, sizeof(in->mq))))
		return -EPERM;
	ns->shm_ctlmax = in->shm_max;
	ns->shm_ctlall = in->shm_all;
	ns->shm_ctlmni = in->shm_mni;
	ns->shm_rmid_forced = in->shm_rmid_forced;
	for (n = 0; n < ARRAY_SIZE(in->sem); n++)
		ns->sem_ctls[n] = in->sem[n];
	ns->msg_ctlmax = in->msg_max;
	ns->msg_ctlmnb = in->msg_mnb;
	ns->msg_ctlmni = in->msg_mni;
	ns->mq_queues_max = in->mq[0];
	ns->mq_msg_max = in->mq[1];
	ns->mq_msgsize_max = in->mq[2];
	ns->mq_msg_default = in->mq[3];
	ns->mq_msgsize_default = in->mq[4];
	/* What id comes next means something only where ids are made in the same way. */
	if (in->shift != ipcmni_seq_shift())
		return 0;
	for (n = 0; n < ARRAY_SIZE(ns->ids); n++) {
		struct ipc_ids *ids = &ns->ids[n];

		if (in->seq[n] > ipcid_seq_max() || in->last_idx[n] < -1 ||
		    in->last_idx[n] >= ipc_mni || in->cursor[n] > ipc_mni ||
		    in->next_id[n] < -1)
			return -EINVAL;
		down_write(&ids->rwsem);
		ids->seq = in->seq[n];
		ids->last_idx = in->last_idx[n];
		idr_set_cursor(&ids->ipcs_idr, in->cursor[n]);
		ids->next_id = in->next_id[n];
		up_write(&ids->rwsem);
	}
	return 0;
}
