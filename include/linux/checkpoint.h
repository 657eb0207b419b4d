/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the C and the Rust side of checkpoint/restart know of each other.
 */
#ifndef _LINUX_CHECKPOINT_H
#define _LINUX_CHECKPOINT_H

#include <linux/compiler.h>
#include <linux/sched.h>
#include <linux/sched/jobctl.h>
#include <uapi/linux/checkpoint.h>

struct checkpoint_copy;
struct cred;
struct file;
struct ipc_namespace;
struct mem_cgroup;
struct mm_struct;
struct path;
struct pid_namespace;
struct prctl_mm_map;
struct task_struct;

long checkpoint_do(void __user *args, size_t size);
long restart_do(void __user *args, size_t size);

/* Of kernel/sys.c: the checks of prctl(PR_SET_MM_MAP). */
int validate_prctl_map_addr(struct prctl_mm_map *prctl_map);

struct mm_struct *checkpoint_copy_mm(struct mm_struct *mm);
struct checkpoint_copy *checkpoint_copy_add(struct mm_struct *mm, struct mm_struct *of);
void checkpoint_copy_del(struct checkpoint_copy *copy);
void checkpoint_copy_keep(struct mm_struct *mm, unsigned long start, unsigned long end);

struct file *checkpoint_open_program(const struct path *path);
int checkpoint_truncate(struct file *file, loff_t len);
int checkpoint_set_status_flags(struct file *file, unsigned int flags);
bool checkpoint_is_mounted_over(const struct path *path);
unsigned long checkpoint_mmap(struct file *file, unsigned long addr, unsigned long len,
			      unsigned long prot, unsigned long flags, unsigned long pgoff);
int checkpoint_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey);
int checkpoint_mlock(unsigned long start, size_t len, unsigned long flags);
int checkpoint_mseal(unsigned long start, unsigned long end);

int checkpoint_adopt(struct task_struct *child, struct task_struct *parent,
		     int exit_signal, bool execed);

bool proc_mem_may_force(void);

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
void checkpoint_ipc_ns_get(struct ipc_namespace *ns, struct checkpoint_ipc_ns *out);
void checkpoint_ipc_ns_open(struct ipc_namespace *ns);
int checkpoint_ipc_ns_set(struct ipc_namespace *ns, const struct checkpoint_ipc_ns *in);
bool checkpoint_is_shm(struct file *file, struct ipc_namespace **ns, int *id);
int checkpoint_shm_next(struct ipc_namespace *ns, struct pid_namespace *pid_ns, int idx,
			struct checkpoint_shm *out);
unsigned long checkpoint_shm_attaches(struct ipc_namespace *ns, int id);
struct file *checkpoint_shm_make(struct ipc_namespace *ns, const struct checkpoint_shm *seg,
				 size_t size, bool noreserve);
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
		       const struct checkpoint_sem_value *values);
void *checkpoint_undo_list(struct task_struct *tsk, unsigned int *users);
void *checkpoint_undo_join(void *list);
void checkpoint_undo_put(void *list);
int checkpoint_undo_add(struct ipc_namespace *ns, int semid, struct pid_namespace *pid_ns,
			int pid, const s16 *semadj, int nsems);
int checkpoint_msg_next(struct ipc_namespace *ns, struct pid_namespace *pid_ns, int idx,
			struct checkpoint_msg *out);
int checkpoint_msg_read(struct ipc_namespace *ns, int id, unsigned long skip, void *buf,
			size_t size);
int checkpoint_msg_make(struct ipc_namespace *ns, const struct checkpoint_msg *queue);
int checkpoint_msg_add(struct ipc_namespace *ns, int id, long type, const void *data,
		       size_t len);
int checkpoint_msg_set(struct ipc_namespace *ns, struct pid_namespace *pid_ns,
		       const struct checkpoint_msg *queue);

#ifdef CONFIG_SYSVIPC
bool sem_has_undo(struct task_struct *task);
#else
static inline bool sem_has_undo(struct task_struct *task)
{
	return false;
}
#endif

#ifdef CONFIG_CHECKPOINT
bool checkpoint_give_up(struct mem_cgroup *memcg);
bool checkpoint_holds_task(struct task_struct *task);
bool task_woken_by_freezer(void);
void checkpoint_call_again(void);

/**
 * checkpoint_fixup_eintr - make a call that the freezer has interrupted again
 *
 * To be called before arch_do_signal_or_restart().  If the current task comes
 * from a wait that has ended with -EINTR because the task is to be frozen, the
 * result becomes -ERESTARTNOHAND where the call can simply be made again.
 */
static inline void checkpoint_fixup_eintr(void)
{
	if (unlikely(READ_ONCE(current->jobctl) & JOBCTL_FREEZER_WOKE))
		checkpoint_call_again();
}
#else
static inline bool checkpoint_give_up(struct mem_cgroup *memcg)
{
	return false;
}

static inline bool checkpoint_holds_task(struct task_struct *task)
{
	return false;
}

static inline void checkpoint_fixup_eintr(void) { }
#endif

#endif /* _LINUX_CHECKPOINT_H */
