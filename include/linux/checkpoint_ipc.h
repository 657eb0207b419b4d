/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: System V IPC and POSIX message queues.
 */
#ifndef _LINUX_CHECKPOINT_IPC_H
#define _LINUX_CHECKPOINT_IPC_H

#include <linux/types.h>

struct file;
struct ipc_namespace;
struct path;
struct pid;
struct pid_namespace;
struct task_struct;

/* What all objects of System V IPC have; user and group ids are those of the caller's namespace. */
struct checkpoint_ipc {
	s32 id;
	s32 key;
	u32 uid;
	u32 gid;
	u32 cuid;
	u32 cgid;
	u32 mode;
};

/* A segment of shared memory; times in seconds. */
struct checkpoint_shm {
	struct checkpoint_ipc ipc;
	/* The key that it was made with. */
	s32 named;
	bool dest;
	bool locked;
	u64 attaches;
	/* Bytes that were asked for. */
	u64 size;
	s64 atime;
	s64 dtime;
	s64 ctime;
	s32 cpid;
	s32 lpid;
	/* The thread that has made it; 0: that is gone. */
	s32 creator;
	struct file *file;
};

/* A semaphore. */
struct checkpoint_sem_value {
	u32 value;
	s32 pid;
};

/* A set of semaphores; times in seconds. */
struct checkpoint_sem {
	struct checkpoint_ipc ipc;
	u32 nsems;
	/* How many lists of adjustments it is on, and bytes of all that. */
	u32 undos;
	size_t size;
	/* To compare. */
	unsigned long addr;
	s64 otime;
	s64 ctime;
};

/* A message queue; times in seconds. */
struct checkpoint_msg {
	struct checkpoint_ipc ipc;
	s32 lspid;
	s32 lrpid;
	s64 stime;
	s64 rtime;
	s64 ctime;
	u64 qbytes;
	u64 messages;
	u64 bytes;
};

/* Where reading a message queue has got to: its number, and how many were taken from it, then. */
struct checkpoint_msg_from {
	const void *last;
	u64 made;
	u64 taken;
};

/* Whom a POSIX message queue notifies of the next message, and how. */
#define CHECKPOINT_MQ_NOBODY	0
#define CHECKPOINT_MQ_NOTHING	1	/* SIGEV_NONE: somebody, but by nothing. */
#define CHECKPOINT_MQ_SIGNAL	2	/* SIGEV_SIGNAL. */
#define CHECKPOINT_MQ_SOCKET	3	/* SIGEV_THREAD. */

/* A POSIX message queue; user and group ids are those of the caller's namespace. */
struct checkpoint_mq {
	u32 uid;
	u32 gid;
	/* Whom it is accounted to (RLIMIT_MSGQUEUE). */
	u32 user;
	u32 mode;
	u32 maxmsg;
	u32 msgsize;
	u32 messages;
	/* CHECKPOINT_MQ_*. */
	u32 notify;
	u32 signo;
	/* Whom; 0: none in the namespace that was asked for, or that is gone. */
	s32 owner;
	/* He has executed another program since. */
	u32 execed;
	u32 atime_nsec;
	u32 mtime_nsec;
	s64 atime;
	s64 mtime;
	u64 value;
	/* Of all messages. */
	u64 bytes;
};

/* An ipc namespace: its settings, what id comes next of each kind, and how much is in it. */
struct checkpoint_ipc_ns {
	u64 shm_max;
	u64 shm_all;
	u32 shm_mni;
	u32 shm_rmid_forced;
	s32 sem[4];
	u32 msg_max;
	u32 msg_mnb;
	u32 msg_mni;
	u32 mq[5];
	u32 shift;
	/* Semaphores, message queues, shared memory. */
	u32 seq[3];
	s32 last_idx[3];
	u32 cursor[3];
	s32 next_id[3];
	u32 in_use[3];
	u32 mq_queues;
};

/* Of ipc/. */
int checkpoint_ipc_index(int id);
bool checkpoint_ipc_labelled_by(struct ipc_namespace *ns, int which, int id,
				struct task_struct *task);
bool checkpoint_ipc_ns_labelled_by(struct ipc_namespace *ns, struct task_struct *task);
int checkpoint_ipc_relabel(struct ipc_namespace *ns, int which, int id);
void checkpoint_ipc_ns_get(struct ipc_namespace *ns, struct checkpoint_ipc_ns *out);
void checkpoint_ipc_ns_open(struct ipc_namespace *ns);
int checkpoint_ipc_ns_set(struct ipc_namespace *ns, const struct checkpoint_ipc_ns *in);
bool checkpoint_is_shm(struct file *file, struct ipc_namespace **ns, int *id);
int checkpoint_shm_next(struct ipc_namespace *ns, struct pid_namespace *pid_ns, int idx,
			struct checkpoint_shm *out);
unsigned long checkpoint_shm_attaches(struct ipc_namespace *ns, int id);
struct file *checkpoint_shm_make(struct ipc_namespace *ns, const struct checkpoint_shm *seg,
				 size_t size, bool noreserve, unsigned int huge);
struct file *checkpoint_shm_open(struct ipc_namespace *ns, int id, struct file *memory,
				 int f_flags);
int checkpoint_shm_set(struct ipc_namespace *ns, struct pid_namespace *pid_ns,
		       const struct checkpoint_shm *seg, struct file *memory);
void checkpoint_shm_remove(struct ipc_namespace *ns, int id, struct file *memory);
int checkpoint_sem_next(struct ipc_namespace *ns, struct pid_namespace *pid_ns, int idx,
			struct checkpoint_sem *out, void *buf, size_t size);
int checkpoint_sem_make(struct ipc_namespace *ns, const struct checkpoint_sem *sem);
int checkpoint_sem_set(struct ipc_namespace *ns, struct pid_namespace *pid_ns,
		       const struct checkpoint_sem *sem,
		       const struct checkpoint_sem_value *values, u32 first, u32 count);
void *checkpoint_undo_list(struct task_struct *tsk, unsigned int *users);
void *checkpoint_undo_join(void *list);
void checkpoint_undo_put(void *list);
int checkpoint_undo_add(struct ipc_namespace *ns, int semid, struct pid_namespace *pid_ns,
			int pid, const s16 *semadj, int nsems);
int checkpoint_msg_next(struct ipc_namespace *ns, struct pid_namespace *pid_ns, int idx,
			struct checkpoint_msg *out);
int checkpoint_msg_read(struct ipc_namespace *ns, int id, struct checkpoint_msg_from *from,
			void *buf, size_t size);
int checkpoint_msg_make(struct ipc_namespace *ns, const struct checkpoint_msg *queue);
int checkpoint_msg_add(struct ipc_namespace *ns, int id, long type, const void *data,
		       size_t len);
int checkpoint_msg_set(struct ipc_namespace *ns, struct pid_namespace *pid_ns,
		       const struct checkpoint_msg *queue);
bool checkpoint_is_mq(struct file *file);
unsigned long checkpoint_mq_ns(const struct path *path);
void checkpoint_mq_get(const struct path *path, struct pid_namespace *pid_ns,
		       struct checkpoint_mq *out, char *name);
int checkpoint_mq_read(const struct path *path, unsigned long skip, void *buf, size_t size);
int checkpoint_mq_make(struct ipc_namespace *ns, const char *name,
		       const struct checkpoint_mq *want, bool removed, struct path *out);
int checkpoint_mq_add(const struct path *path, unsigned int prio, const void *data, size_t len);
int checkpoint_mq_set(const struct path *path, const struct checkpoint_mq *want);
int checkpoint_mq_notify(const struct path *path, struct pid *owner,
			 const struct checkpoint_mq *want);
void checkpoint_mq_remove(const struct path *path);

int checkpoint_mq_next(struct ipc_namespace *ns, const struct path *prev, struct path *out);
bool checkpoint_mq_dir_changed(struct ipc_namespace *ns);

#ifdef CONFIG_SYSVIPC
bool sem_has_undo(struct task_struct *task);
#else
static inline bool sem_has_undo(struct task_struct *task)
{
	return false;
}
#endif

#endif /* _LINUX_CHECKPOINT_IPC_H */
