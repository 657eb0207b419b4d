/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the C and the Rust side of checkpoint/restart know of each other.
 */
#ifndef _LINUX_CHECKPOINT_H
#define _LINUX_CHECKPOINT_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/pid_types.h>
#include <linux/sched.h>
#include <linux/sched/jobctl.h>
#include <linux/signal_types.h>
#include <linux/uidgid_types.h>
#include <uapi/linux/checkpoint.h>

struct bpf_prog;
struct cgroup;
struct checkpoint_copy;
struct checkpoint_tcp_hold;
struct cred;
struct ctl_table_set;
struct dentry;
struct fasync_struct;
struct epoll_key;
struct epoll_params;
struct file;
struct files_struct;
struct folio;
struct inode;
struct io_event;
struct iovec;
struct ipc_namespace;
struct mem_cgroup;
struct mm_struct;
struct page;
struct net;
struct ns_common;
struct path;
struct percpu_ref;
struct pid_namespace;
struct pid;
struct pidfd_info;
struct prctl_mm_map;
struct seccomp_filter;
struct sigqueue;
struct sk_buff;
struct sock;
struct sock_filter;
struct sock_fprog_kern;
struct socket;
struct task_struct;
struct vfsmount;
struct vm_area_struct;

long checkpoint_do(void __user *args, size_t size);
long restart_do(void __user *args, size_t size);

/* Of kernel/sys.c: the checks of prctl(PR_SET_MM_MAP). */
int validate_prctl_map_addr(struct prctl_mm_map *prctl_map);

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

/* Of kernel/checkpoint/label.c and smack.c: labels of security modules. */
int checkpoint_may_save(struct task_struct *task);
int checkpoint_may_restart(struct file *image, u64 flags, unsigned int tasks);
bool checkpoint_label_active(int module);
int checkpoint_task_label(struct task_struct *task, int module, char *to, size_t size);
int checkpoint_cred_label(const struct cred *cred, int module, char *to, size_t size);
int checkpoint_task_attr(struct task_struct *task, int module, const char *attr, char *to,
			 size_t size);
int checkpoint_set_attr(int module, const char *attr, char *value, size_t size);
u64 checkpoint_label_token(struct task_struct *task);
void checkpoint_forget_profiles(void);
struct cred *checkpoint_relabel_cred(const struct cred *of);
bool checkpoint_smack_rules(struct task_struct *task);
bool checkpoint_smack_relabels(struct task_struct *task);
int checkpoint_smack_no_relabels(void);

/* Of kernel/checkpoint/audit.c. */
void checkpoint_audit(bool restart, u32 pid, u64 id, u64 flags, long ret);

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

/* Of mm/rmap.c. */
void checkpoint_rmap_to_root(struct folio *folio, struct vm_area_struct *vma);

int checkpoint_may_freeze(struct cgroup *cgrp);
bool checkpoint_hold_broken(struct cgroup *cgrp);
int checkpoint_hold_pin(struct cgroup *cgrp, bool pin);

struct file *checkpoint_open_program(const struct path *path);
int checkpoint_truncate(struct file *file, loff_t len);
int checkpoint_set_status_flags(struct file *file, int fd, unsigned int flags);

/**
 * struct checkpoint_seccomp - a filter of system calls
 * @insns: its program
 * @len: number of instructions
 * @log: all actions but SECCOMP_RET_ALLOW are logged
 * @listened: somebody listens to it by a descriptor
 */
struct checkpoint_seccomp {
	const struct sock_filter *insns;
	unsigned int len;
	bool log;
	bool listened;
};

/* Of net/core/filter.c. */
int checkpoint_bpf_create(struct bpf_prog **pfp, struct sock_fprog_kern *fprog,
			  int (*trans)(struct sock_filter *filter, unsigned int flen));

/* Of kernel/seccomp.c, with CONFIG_SECCOMP_FILTER. */
struct seccomp_filter *checkpoint_seccomp_get(struct task_struct *task);
struct seccomp_filter *checkpoint_seccomp_prev(struct seccomp_filter *filter);
void checkpoint_seccomp_put(struct seccomp_filter *filter);
void checkpoint_seccomp_view(struct seccomp_filter *filter, struct checkpoint_seccomp *view);
int checkpoint_seccomp_add(struct sock_filter *insns, unsigned short len, bool log);
int checkpoint_seccomp_join(struct seccomp_filter *filter);

/* checkpoint_controls::util_min, util_max: none is set. */
#define CHECKPOINT_NO_CLAMP	0xffffffff

/**
 * struct checkpoint_controls - what was set of a thread
 * @offset: start of the code that makes its own system calls
 * @len: its length
 * @selector: address of the byte that switches the dispatch on; 0: it is on
 * @util_min: clamp of its utilization, or CHECKPOINT_NO_CLAMP
 * @util_max: likewise
 * @dispatch: system calls are dispatched to it
 */
struct checkpoint_controls {
	unsigned long offset;
	unsigned long len;
	unsigned long selector;
	u32 util_min;
	u32 util_max;
	bool dispatch;
};

void checkpoint_get_controls(struct task_struct *task, struct checkpoint_controls *controls);
int checkpoint_set_ioprio(int ioprio);
int checkpoint_set_clamps(u32 min, u32 max);
int checkpoint_set_dispatch(unsigned long offset, unsigned long len, unsigned long selector);
int checkpoint_speculation(unsigned long which);

/* Who gets the signals of an open file. */
struct checkpoint_fown {
	struct pid *pid;
	unsigned int type;
	int signum;
	kuid_t uid, euid;
};

bool checkpoint_get_fown(struct file *file, struct checkpoint_fown *fown);
int checkpoint_set_fown(struct file *file, struct pid *pid, unsigned int type, int signum);
int checkpoint_async_fd(const struct file *file, struct fasync_struct **list);
bool checkpoint_has_lock_ops(const struct file *file, bool flock);
bool checkpoint_may_have_locks(struct file *file);
int checkpoint_lock_file(struct file *file, struct files_struct *table, unsigned int fd,
			 int type, bool flock, loff_t start, loff_t end, pid_t pid);
int checkpoint_set_lease(struct file *file, bool deleg, int fd, int type, pid_t pid);
int checkpoint_fsync_leased(struct file *file);
bool checkpoint_is_mounted_over(const struct path *path);
void checkpoint_iput_active(struct inode *inode);
struct vfsmount *checkpoint_mount_of(struct dentry *dentry, struct vfsmount *near,
				     unsigned int nth);
unsigned long checkpoint_mmap(struct file *file, unsigned long addr, unsigned long len,
			      unsigned long prot, unsigned long flags, unsigned long pgoff);
int checkpoint_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey);
int checkpoint_mlock(unsigned long start, size_t len, unsigned long flags);
int checkpoint_mseal(unsigned long start, unsigned long end);
int checkpoint_merge_any(struct mm_struct *mm);

struct dentry *checkpoint_removed_node(const struct path *dir, const char *name, umode_t type);
struct dentry *checkpoint_new_file(const struct path *dir, const char *name);
int checkpoint_move_file(const struct path *dir, struct dentry *file, const char *name,
			 struct dentry *old);
int checkpoint_remove_file(const struct path *dir, struct dentry *file);

/**
 * struct checkpoint_eventfd - the state of an eventfd
 * @count: its counter
 * @semaphore: it is read as one (EFD_SEMAPHORE)
 * @context: what the kernel signals
 * @references: how many have that: the file, and whoever signals it
 */
struct checkpoint_eventfd {
	u64 count;
	const void *context;
	unsigned int references;
	bool semaphore;
};

/**
 * struct checkpoint_timerfd - the state of a timerfd
 * @expires: when it expires next, on its clock, in nanoseconds
 * @interval: nanoseconds between two expiries; 0: there is one only
 * @ticks: how often it has expired since that was read
 * @clockid: its clock, one of those that timerfd_create(2) takes
 * @settime_flags: what timerfd_settime(2) was told last (TFD_TIMER_*)
 * @armed: it will expire; if not, @expires is what timerfd_gettime(2) goes by
 * @relative: it was armed by a relative time, and so expires by CLOCK_MONOTONIC
 *	though its clock is CLOCK_REALTIME
 * @cancel_on_set: it is canceled when its clock is set (TFD_TIMER_CANCEL_ON_SET)
 * @canceled: that has happened, and nobody was told yet
 */
struct checkpoint_timerfd {
	s64 expires;
	s64 interval;
	u64 ticks;
	int clockid;
	unsigned int settime_flags;
	bool armed;
	bool relative;
	bool cancel_on_set;
	bool canceled;
};

struct checkpoint_environment;
struct checkpoint_events;

int checkpoint_events_prctl(unsigned long flags);
bool checkpoint_events_get(struct file *file, u32 *generation, u32 *missed);
struct checkpoint_events *checkpoint_events_pin(struct file *file);
void checkpoint_events_put(struct checkpoint_events *e);
void checkpoint_events_saved(struct checkpoint_events *e, u64 id, u64 created_ns);
struct file *checkpoint_events_restored(u32 generation, u32 missed, u64 id, u64 created_ns,
					struct checkpoint_environment *environment);
struct checkpoint_environment *checkpoint_environment_make(const void *bytes, u32 len);
void checkpoint_environment_put(struct checkpoint_environment *environment);
int checkpoint_eventfd_get(struct file *file, struct checkpoint_eventfd *state);
struct file *checkpoint_eventfd_make(u64 count, bool semaphore);
int checkpoint_timerfd_get(struct file *file, struct checkpoint_timerfd *state);
struct file *checkpoint_timerfd_make(const struct checkpoint_timerfd *state);
int checkpoint_signalfd_get(struct file *file, sigset_t *signals);
struct file *checkpoint_signalfd_make(const sigset_t *signals);

struct dentry *checkpoint_removed_name(const struct path *dir, const char *name,
				       const struct path *path);
ssize_t checkpoint_getxattr(struct file *file, const char *name, void *value, size_t size);
int checkpoint_setxattr(struct file *file, const char *name, void *value, size_t size);
int checkpoint_removexattr(struct file *file, const char *name);
int checkpoint_hides_xattrs(struct dentry *dentry);
void checkpoint_build_id(unsigned char *id);
struct file *checkpoint_memfd(const char *name, bool noexec, unsigned int huge);
int checkpoint_cgroup_path(struct cgroup *cgrp, const struct path *path, bool up, char *buf,
			   size_t size);
int checkpoint_mq_next(struct ipc_namespace *ns, const struct path *prev, struct path *out);
bool checkpoint_mq_dir_changed(struct ipc_namespace *ns);
int checkpoint_memfd_seals(struct file *file);
int checkpoint_memfd_seal(struct file *file, unsigned int seals);

int checkpoint_adopt(struct task_struct *child, struct task_struct *parent,
		     int exit_signal, bool execed);

/**
 * struct checkpoint_times - CPU times of a thread, or of those of a process, in nanoseconds
 * @utime:		User time, as the tick counts it
 * @stime:		System time, as the tick counts it
 * @runtime:		What the scheduler counts, and CPU clocks show
 * @shown_utime:	User time as it is shown: no less than it was shown before
 * @shown_stime:	System time as it is shown
 */
struct checkpoint_times {
	u64 utime;
	u64 stime;
	u64 runtime;
	u64 shown_utime;
	u64 shown_stime;
};

void checkpoint_get_times(struct task_struct *task, struct checkpoint_times *times);
void checkpoint_set_times(struct task_struct *task, const struct checkpoint_times *times);
void checkpoint_get_group_times(struct task_struct *task, struct checkpoint_times *times,
				struct checkpoint_times *children);
void checkpoint_set_group_times(struct task_struct *task, const struct checkpoint_times *times,
				const struct checkpoint_times *children);

/**
 * struct checkpoint_itimer - an interval timer
 * @expires:	ITIMER_REAL: expiry on CLOCK_MONOTONIC. Others: CPU time that is left
 * @interval:	Interval in nanoseconds
 * @armed:	It runs
 */
struct checkpoint_itimer {
	s64 expires;
	u64 interval;
	bool armed;
};

/* checkpoint_timer::flags */
#define CHECKPOINT_TIMER_RELATIVE	0x01	/* Set by a relative time: CLOCK_MONOTONIC. */
#define CHECKPOINT_TIMER_PERIODIC	0x02	/* Had an interval when its signal was sent. */
#define CHECKPOINT_TIMER_IGNORED	0x04	/* Its signal was sent and is ignored. */
#define CHECKPOINT_TIMER_QUEUED		0x08	/* Its signal is in a queue. */
#define CHECKPOINT_TIMER_MODIFIED	0x10	/* It was set since: no signal is delivered. */

/**
 * struct checkpoint_timer - a POSIX timer
 * @id:			Its id
 * @clock:		The clock, as timer_create(2) was told or made of that
 * @notify:		SIGEV_*
 * @signo:		Signal
 * @value:		sigval of the signal, as a pointer
 * @target:		Thread that gets the signal, in the pid namespace of the process;
 *			0: the process does, or the thread is gone
 * @clock_pid:		Task whose CPU time it counts, in the pid namespace of the process;
 *			0: none, or it is gone
 * @clock_outer_pid:	The same in the pid namespace of who reads it
 * @status:		enum posix_timer_state
 * @flags:		CHECKPOINT_TIMER_*
 * @expires:		Expiry on the clock, in nanoseconds
 * @interval:		Interval in nanoseconds
 * @overrun:		Overruns of what is pending
 * @overrun_last:	Overruns of what was delivered last
 */
struct checkpoint_timer {
	timer_t id;
	clockid_t clock;
	int notify;
	int signo;
	u64 value;
	pid_t target;
	pid_t clock_pid;
	pid_t clock_outer_pid;
	int status;
	unsigned int flags;
	unsigned int reserved;
	s64 expires;
	s64 interval;
	s64 overrun;
	s64 overrun_last;
};

#ifdef CONFIG_POSIX_TIMERS
int checkpoint_create_timer(const struct checkpoint_timer *saved);
unsigned int checkpoint_get_timers(struct task_struct *task, struct pid_namespace *pid_ns,
				   struct checkpoint_timer *timers, unsigned int max);
timer_t checkpoint_timer_of(struct sigqueue *q);
int checkpoint_queue_timer(struct task_struct *task, timer_t id, int signo, bool shared);
void checkpoint_start_timers(struct task_struct *task);
void posixtimer_queue_sigqueue(struct sigqueue *q, struct task_struct *t, enum pid_type type);
void checkpoint_start_clocks(struct task_struct *task);
void checkpoint_ignore_cpu_limit(struct task_struct *task);
int checkpoint_get_itimers(struct task_struct *task, struct checkpoint_itimer *timers);
void checkpoint_start_itimers(struct task_struct *task, const struct checkpoint_itimer *timers);
#else
static inline int checkpoint_create_timer(const struct checkpoint_timer *saved)
{
	return -EOPNOTSUPP;
}

static inline unsigned int checkpoint_get_timers(struct task_struct *task,
						 struct pid_namespace *pid_ns,
						 struct checkpoint_timer *timers, unsigned int max)
{
	return 0;
}

static inline timer_t checkpoint_timer_of(struct sigqueue *q)
{
	return -1;
}

static inline int checkpoint_queue_timer(struct task_struct *task, timer_t id, int signo,
					 bool shared)
{
	return -EINVAL;
}

static inline void checkpoint_start_timers(struct task_struct *task) { }
static inline void checkpoint_start_clocks(struct task_struct *task) { }
static inline void checkpoint_ignore_cpu_limit(struct task_struct *task) { }

static inline int checkpoint_get_itimers(struct task_struct *task, struct checkpoint_itimer *timers)
{
	return 0;
}

static inline void checkpoint_start_itimers(struct task_struct *task,
					    const struct checkpoint_itimer *timers) { }
#endif

/* Of fs/pidfs.c. */
struct pid *checkpoint_pidfd_pid(const struct file *file);
int checkpoint_pidfd_get(struct pid *pid, struct pidfd_info *info);
int checkpoint_pidfd_set(struct pid *pid, const struct pidfd_info *info);

void checkpoint_proc_pids(struct dentry *dentry, struct pid *pid[2]);
const struct mm_struct *checkpoint_proc_mm(const struct file *file, bool seq);
bool checkpoint_proc_is_of(struct inode *inode, struct task_struct *task);
bool checkpoint_proc_mounts_from(const struct file *file, const struct path *root);
int checkpoint_proc_dead(const struct path *like, struct pid *pid, const char *process,
			 const char *thread, struct path *result);

/**
 * struct checkpoint_epoll_item - what is registered with an epoll instance
 * @file: the file, with a reference
 * @head: what its first wait entry is queued on, to compare; NULL: on nothing
 * @data: what is reported with its events
 * @events: EPOLL*
 * @fd: the number by which it was registered
 * @listed: it is on the ready list
 * @passed: it is not, though it has something to report
 */
struct checkpoint_epoll_item {
	struct file *file;
	const void *head;
	u64 data;
	u32 events;
	int fd;
	bool listed;
	bool passed;
};

struct file *checkpoint_epoll_create(void);
void checkpoint_epoll_get_params(struct file *file, struct epoll_params *params);
int checkpoint_epoll_set_params(struct file *file,
				const struct epoll_params *params);
long checkpoint_epoll_items(struct file *file,
			    struct checkpoint_epoll_item *items,
			    unsigned long max, bool poll);
int checkpoint_epoll_settle(struct file *file, struct epoll_key *key,
			    bool listed, bool disabled);
int checkpoint_epoll_signals(struct file *file, struct epoll_key *key,
			     struct task_struct *task);

bool proc_mem_may_force(void);

/**
 * struct checkpoint_inotify_watch - a watch of an inotify instance
 * @inode: what is watched
 * @wd: its watch descriptor
 * @mask: IN_*
 */
struct checkpoint_inotify_watch {
	struct inode *inode;
	int wd;
	u32 mask;
};

/**
 * struct checkpoint_inotify_event - an event in the queue of an inotify instance
 * @wd: watch descriptor; -1: none
 * @mask: FS_*
 * @cookie: what the two events of a rename have in common
 * @len: bytes of its name in the directory that is watched, without a NUL: they
 *       come after this
 */
struct checkpoint_inotify_event {
	int wd;
	u32 mask;
	u32 cookie;
	u32 len;
};

/**
 * struct checkpoint_inotify - what an inotify instance has
 * @watches: its watches, by ascending watch descriptor
 * @events: its events, each a struct checkpoint_inotify_event, padded to 8 bytes
 * @max_bytes: bytes for which there is room in @events
 * @bytes: bytes of all events
 * @max_watches: number of watches for which there is room in @watches
 * @nr_watches: number of all watches
 * @next: where the search for the next watch descriptor begins
 */
struct checkpoint_inotify {
	struct checkpoint_inotify_watch *watches;
	void *events;
	size_t max_bytes;
	size_t bytes;
	unsigned int max_watches;
	unsigned int nr_watches;
	unsigned int next;
};

/**
 * struct checkpoint_fanotify_mark - a mark of a fanotify group
 * @inode: what is marked; of a filesystem its root; NULL: a mount
 * @mnt: the mount that is marked, or NULL
 * @root: its root
 * @mask: FAN_*: events
 * @ignore_mask: FAN_*: events that are ignored
 * @flags: FAN_MARK_*: FILESYSTEM, MOUNT, EVICTABLE, IGNORE, IGNORED_SURV_MODIFY
 */
struct checkpoint_fanotify_mark {
	struct inode *inode;
	struct vfsmount *mnt;
	struct dentry *root;
	u32 mask;
	u32 ignore_mask;
	u32 flags;
};

/**
 * struct checkpoint_fanotify - what a fanotify group has
 * @marks: its marks
 * @max_marks: number of marks for which there is room in @marks
 * @nr_marks: number of all marks
 * @flags: FAN_*, as of fanotify_init(2)
 * @event_flags: O_*, of files that it opens for events
 * @unprivileged: events tell neither pids nor descriptors, as who has made it had no
 *	CAP_SYS_ADMIN
 */
struct checkpoint_fanotify {
	struct checkpoint_fanotify_mark *marks;
	unsigned int max_marks;
	unsigned int nr_marks;
	unsigned int flags;
	unsigned int event_flags;
	bool unprivileged;
};

/* What a fanotify group has that is not in that. */
#define CHECKPOINT_FANOTIFY_EVENTS	1	/* Events that were not read, or answered. */
#define CHECKPOINT_FANOTIFY_PERMISSIONS	2	/* Marks that ask for permission. */
#define CHECKPOINT_FANOTIFY_NAMESPACES	3	/* Marks on mount namespaces. */

/**
 * struct checkpoint_aio - an AIO context
 * @addr: where its ring is mapped: its id
 * @size: bytes of that
 * @ring: the file that is mapped there, to compare
 * @max_reqs: how many requests it counts for, as of io_setup(2)
 * @head: the first event in the ring that was not read, as the program may have
 *	written it: any number
 * @tail: where the next event is written to
 * @events: number of events that were not read
 * @completed: how many of them take the place of a request
 * @intact: nobody has written to what the kernel tells of the ring in it
 */
struct checkpoint_aio {
	unsigned long addr;
	unsigned long size;
	const void *ring;
	unsigned int max_reqs;
	unsigned int head;
	unsigned int tail;
	unsigned int events;
	unsigned int completed;
	bool intact;
};

/**
 * struct checkpoint_aio_req - a request of an AIO context
 * @file: its file
 * @iocb: address of its iocb
 * @poll: it waits until something can be done with the file
 */
struct checkpoint_aio_req {
	struct file *file;
	u64 iocb;
	bool poll;
};

/* Of fs/aio.c. */
bool checkpoint_is_aio_ring(const struct file *file);
unsigned int checkpoint_aio_max(struct mm_struct *mm);
int checkpoint_aio_get(struct mm_struct *mm, unsigned int index, struct checkpoint_aio *state);
int checkpoint_aio_events(struct mm_struct *mm, unsigned int index,
			  const struct checkpoint_aio *state, struct io_event *events);
unsigned long checkpoint_aio_in_flight(struct mm_struct *mm, unsigned int index,
				       struct checkpoint_aio_req *req);
int checkpoint_aio_make(const struct checkpoint_aio *saved, const struct io_event *events);

/**
 * struct checkpoint_uring - an io_uring
 * @rings_size: bytes of its rings
 * @sqes_size: bytes of its submission queue entries
 * @setup: IORING_SETUP_*
 * @sq_entries: number of submission queue entries
 * @cq_entries: number of completion queue entries
 * @sq_head: where the kernel reads the next submission
 * @cq_tail: where it writes the next completion
 * @drain_disabled: IOSQE_IO_DRAIN can't be used any more
 * @boottime: waits for completions go by CLOCK_BOOTTIME
 * @ops_restricted: only the requests of @ops may be submitted, with the flags below
 * @registers_restricted: only what is in @registers may be registered
 * @sqe_flags_allowed: IOSQE_* bits that they may have
 * @sqe_flags_required: IOSQE_* bits that they must have
 * @ops: IORING_OP_*, a bit for each
 * @registers: IORING_REGISTER_*, a bit for each
 * @slots: places for registered files
 * @files: registered files
 * @alloc_start: first place that the kernel chooses by itself
 * @alloc_end: the one after the last
 * @alloc_hint: where it begins to look
 * @personalities: registered credentials
 * @next_personality: number from which on the next one is looked for
 * @eventfd: context of the eventfd that tells of completions; %NULL: none does
 * @eventfd_async: only of those of workers
 * @buffer_slots: places for registered buffers
 * @buffers: registered buffers
 * @mm: address space of who has made it, to compare
 * @requests: requests that wait for a file or a time
 * @timeouts: timeouts that have ended, modulo 2^32
 * @timeouts_flushed: up to which completion was looked for timeouts that wait for some
 * @ios: requests that wait to do something with a file
 * @vecs: pieces of memory that these have, all together
 * @groups: groups of buffers that are provided
 * @group_rings: how many of these are rings
 * @provided: buffers of the others, all together
 * @other_work: there is something to do for who alone may submit that is for none of these
 * @busy_name: operation of a request that is not among these; %NULL: of none
 * @busy_data: its user_data
 */
struct checkpoint_uring {
	size_t rings_size;
	size_t sqes_size;
	unsigned int setup;
	unsigned int sq_entries;
	unsigned int cq_entries;
	unsigned int sq_head;
	unsigned int cq_tail;
	bool drain_disabled;
	bool boottime;
	bool ops_restricted;
	bool registers_restricted;
	u8 sqe_flags_allowed;
	u8 sqe_flags_required;
	u64 ops[2];
	u64 registers;
	unsigned int slots;
	unsigned int files;
	unsigned int alloc_start;
	unsigned int alloc_end;
	unsigned int alloc_hint;
	unsigned int personalities;
	unsigned int next_personality;
	const void *eventfd;
	bool eventfd_async;
	unsigned int buffer_slots;
	unsigned int buffers;
	const void *mm;
	unsigned int requests;
	unsigned int timeouts;
	unsigned int timeouts_flushed;
	unsigned int ios;
	unsigned int vecs;
	unsigned int groups;
	unsigned int group_rings;
	unsigned int provided;
	bool other_work;
	const char *busy_name;
	u64 busy_data;
};

/**
 * struct checkpoint_uring_slot - a registered file of an io_uring
 * @file: the file
 * @node: what requests refer to, to compare
 * @tag: what the kernel posts when it is unregistered, or 0
 * @index: its place
 */
struct checkpoint_uring_slot {
	struct file *file;
	const void *node;
	u64 tag;
	unsigned int index;
};

/**
 * struct checkpoint_uring_buffer - a registered buffer of an io_uring
 * @addr: its address
 * @len: its bytes
 * @tag: what the kernel posts when it is unregistered, or 0
 * @index: its place
 */
struct checkpoint_uring_buffer {
	u64 addr;
	u64 len;
	u64 tag;
	unsigned int index;
};

/**
 * struct checkpoint_uring_request - a request of an io_uring that waits
 * @user_data: what its completion has
 * @file: what it waits for, IORING_OP_POLL_ADD
 * @node: of a file that is registered, to compare
 * @pid: who has submitted it
 * @expires: when it ends, IORING_OP_TIMEOUT, in nanoseconds of the kernel's @clockid
 * @interval: nanoseconds until it ends once more
 * @clockid: clock of its timer
 * @events: EPOLL*, IORING_OP_POLL_ADD
 * @timeout_flags: IORING_TIMEOUT_*
 * @off: completions, or expiries, that it was to wait for
 * @repeats: expiries that are left
 * @target: the completion that ends it
 * @index: place of the file, if it is registered; not read
 * @opcode: IORING_OP_POLL_ADD or IORING_OP_TIMEOUT
 * @fixed: IOSQE_FIXED_FILE: the file is the one that is registered at @index
 * @asynchronous: IOSQE_ASYNC
 * @skip: IOSQE_CQE_SKIP_SUCCESS
 * @pending: its file has something to report that was not looked at yet
 */
struct checkpoint_uring_request {
	u64 user_data;
	struct file *file;
	const void *node;
	struct pid *pid;
	s64 expires;
	s64 interval;
	int clockid;
	u32 events;
	u32 timeout_flags;
	u32 off;
	u32 repeats;
	u32 target;
	unsigned int index;
	u8 opcode;
	bool fixed;
	bool asynchronous;
	bool skip;
	bool pending;
};

/**
 * struct checkpoint_uring_io - a request of an io_uring that waits to do something with a file
 * @user_data: what its completion has
 * @file: the file
 * @node: of a file that is registered, to compare
 * @pid: who has submitted it
 * @vecs: pieces of memory that are left to be read or written
 * @addr: address of the memory, the message, or where the address of a peer goes
 * @addr2: where the length of that goes (IORING_OP_ACCEPT), or the name (IORING_OP_RECVMSG)
 * @control: address of control messages
 * @control_len: bytes of them
 * @pos: position; -1: the file's own
 * @nr_vecs: how many pieces
 * @len: length, as it was asked for, or pieces of memory then
 * @op_flags: ACCEPT_*, MSG_*, or RWF_*
 * @io_flags: IORING_ACCEPT_*, IORING_RECVSEND_*, a priority, or CHECKPOINT_URING_* of connect(2)
 * @slot: where it is to be registered, as of the SQE (IORING_OP_ACCEPT); the write stream
 * @done: bytes that were sent or received
 * @nofile: descriptors are below that (IORING_OP_ACCEPT)
 * @name_len: bytes of @name
 * @group: group from which it gets a buffer
 * @limit: bytes at a time, of IORING_OP_RECV many times; or of a name, of IORING_OP_RECVMSG
 * @total: bytes that are left to be received, if that is limited
 * @index: place of the file, if it is registered; not read
 * @name: address of a peer, IORING_OP_CONNECT, or to send to
 * @opcode: IORING_OP_*
 * @fixed: IOSQE_FIXED_FILE: the file is the one that is registered at @index
 * @asynchronous: IOSQE_ASYNC
 * @skip: IOSQE_CQE_SKIP_SUCCESS
 * @select: IOSQE_BUFFER_SELECT
 */
struct checkpoint_uring_io {
	u64 user_data;
	struct file *file;
	const void *node;
	struct pid *pid;
	struct iovec *vecs;
	u64 addr;
	u64 addr2;
	u64 control;
	u64 control_len;
	s64 pos;
	unsigned int nr_vecs;
	u32 len;
	u32 op_flags;
	u32 io_flags;
	u32 slot;
	u32 done;
	u32 nofile;
	u32 name_len;
	u32 group;
	u32 limit;
	u32 total;
	unsigned int index;
	u8 name[128];
	u8 opcode;
	bool fixed;
	bool asynchronous;
	bool skip;
	bool select;
};

/* @io_flags of IORING_OP_CONNECT. */
#define CHECKPOINT_URING_CONNECTS	1	/* It was begun. */
#define CHECKPOINT_URING_ABORTED	2	/* It was aborted once. */

/**
 * struct checkpoint_uring_personality - registered credentials of an io_uring
 * @cred: the credentials
 * @id: the number by which requests name them
 */
struct checkpoint_uring_personality {
	const struct cred *cred;
	unsigned int id;
};

/**
 * struct checkpoint_uring_group - buffers that are provided to an io_uring
 * @addr: address of their ring; 0: they are a list
 * @group: number of the group
 * @entries: how many the ring has
 * @head: where the kernel takes the next one
 * @min_left: with less than that a buffer is used up, if they are used bit by bit; or 0
 * @buffers: how many the list has
 * @incremental: they are used bit by bit
 */
struct checkpoint_uring_group {
	u64 addr;
	unsigned int group;
	unsigned int entries;
	unsigned int head;
	unsigned int min_left;
	unsigned int buffers;
	bool incremental;
};

/**
 * struct checkpoint_uring_provided - a buffer of such a list
 * @addr: its address
 * @len: its bytes
 * @bid: its number
 */
struct checkpoint_uring_provided {
	u64 addr;
	u32 len;
	u16 bid;
};

/* What an io_uring, or its user, has that is not in that. */
#define CHECKPOINT_URING_FLAGS		1	/* It was set up in another way. */
#define CHECKPOINT_URING_COMPAT		2	/* By a 32-bit program. */
#define CHECKPOINT_URING_IN_FLIGHT	3	/* Requests that do not just wait. */
#define CHECKPOINT_URING_OVERFLOW	4	/* Completions without room. */
#define CHECKPOINT_URING_BUFFERS	5	/* A ring of buffers in the kernel. */
#define CHECKPOINT_URING_RESTRICTED	6	/* Restrictions that it has of a task. */
#define CHECKPOINT_URING_WORKERS	7	/* Settings of workers. */
#define CHECKPOINT_URING_RING_FDS	8	/* Registered descriptors of rings. */
#define CHECKPOINT_URING_ISSUER		9	/* Who alone may submit has exited. */
#define CHECKPOINT_URING_REGION		10	/* Registered waits, a memory region. */
#define CHECKPOINT_URING_QUEUES		11	/* Queues of a network device. */
#define CHECKPOINT_URING_BPF		12	/* A BPF program. */
#define CHECKPOINT_URING_NAPI		13	/* Busy polling. */
#define CHECKPOINT_URING_OTHER		14

/* Of io_uring/io_uring.c. */
int checkpoint_uring_get(struct file *file, struct checkpoint_uring *state);
int checkpoint_uring_read(struct file *file, const struct checkpoint_uring *state,
			  void *rings, void *sqes);
struct pid *checkpoint_uring_issuer(struct file *file);
int checkpoint_uring_files(struct file *file, struct checkpoint_uring_slot *slots,
			   unsigned int nr);
int checkpoint_uring_personalities(struct file *file, struct checkpoint_uring_personality *to,
				   unsigned int nr);
struct file *checkpoint_uring_make(const struct checkpoint_uring *state, const void *rings,
				   const void *sqes);
int checkpoint_uring_add_file(struct file *ring, unsigned int index, struct file *file, u64 tag);
int checkpoint_uring_add_personality(struct file *ring, unsigned int id, const struct cred *cred);
int checkpoint_uring_finish(struct file *ring, const struct checkpoint_uring *state,
			    struct file *eventfd);
int checkpoint_uring_set_issuer(struct file *ring, struct task_struct *task);
int checkpoint_uring_requests(struct file *file, struct checkpoint_uring *state,
			      struct checkpoint_uring_request *to);
void checkpoint_uring_count_timeouts(struct file *ring, const struct checkpoint_uring *state);
int checkpoint_uring_add_request(struct file *ring, struct task_struct *task,
				 const struct checkpoint_uring_request *from);
int checkpoint_uring_ios(struct file *file, const struct checkpoint_uring *state,
			 struct checkpoint_uring_io *to, struct iovec *vecs);
int checkpoint_uring_add_io(struct file *ring, struct task_struct *task,
			    const struct checkpoint_uring_io *from);
void checkpoint_uring_place(struct file *file, bool on);
int checkpoint_uring_task(struct task_struct *task);
u64 checkpoint_uring_in_flight(struct task_struct *task);

/* Of io_uring/kbuf.c. */
int checkpoint_uring_groups(struct file *file, const struct checkpoint_uring *state,
			    struct mm_struct *mm, struct checkpoint_uring_group *to,
			    struct checkpoint_uring_provided *buffers);
int checkpoint_uring_add_group(struct file *ring, struct task_struct *task,
			       const struct checkpoint_uring_group *group,
			       const struct checkpoint_uring_provided *buffers);

/* Of io_uring/rsrc.c. */
int checkpoint_uring_buffers(struct file *file, struct mm_struct *mm,
			     struct checkpoint_uring_buffer *to, unsigned int nr);
int checkpoint_uring_add_buffers(struct file *ring, unsigned int nr);
int checkpoint_uring_add_buffer(struct file *ring, struct task_struct *task,
				const struct checkpoint_uring_buffer *buffer);

/* Of lib/percpu-refcount.c. */
unsigned long checkpoint_percpu_ref_sum(struct percpu_ref *ref);

/* Of fs/notify/dnotify/dnotify.c. */
unsigned int checkpoint_dnotify_get(struct files_struct *files, struct file *filp, int *fd);
int checkpoint_dnotify_add(struct files_struct *files, struct file *filp, int fd,
			   unsigned int arg);

/* Of fs/notify/inotify/inotify_user.c. */
bool checkpoint_is_inotify(struct file *file);
int checkpoint_inotify_get(struct file *file, struct checkpoint_inotify *state);
struct file *checkpoint_inotify_new(int flags);
int checkpoint_inotify_may_watch(const struct path *path, u32 mask);
int checkpoint_inotify_add(struct file *file, struct inode *inode, int wd, u32 mask);
void checkpoint_inotify_set_next(struct file *file, unsigned int next);
int checkpoint_inotify_queue(struct file *file, const struct checkpoint_inotify_event *head,
			     const char *name);

/**
 * struct checkpoint_userfaultfd - a userfaultfd
 * @ctx: what watched memory refers to, to compare
 * @mm: the address space that it is of, to compare
 * @flags: UFFD_USER_MODE_ONLY, and O_NONBLOCK and O_CLOEXEC for those that come of fork()
 * @features: UFFD_FEATURE_*
 * @gone: no task has @mm any more
 * @initialized: UFFDIO_API was done
 * @nowait: reads may be asked not to wait, as of one that was made by a system call
 * @events: somebody waits until an event was read
 */
struct checkpoint_userfaultfd {
	const void *ctx;
	const void *mm;
	unsigned int flags;
	unsigned int features;
	bool gone;
	bool initialized;
	bool nowait;
	bool events;
};

/* In what state pages are that a userfaultfd watches. */
#define CHECKPOINT_UFFD_PRESENT		1	/* They are there. */
#define CHECKPOINT_UFFD_PROTECTED	2	/* A write, of VM_UFFD_RWP any access, faults. */
#define CHECKPOINT_UFFD_POISONED	4	/* Any access gets SIGBUS. */
#define CHECKPOINT_UFFD_NO_ACCESS	8	/* What PROTECTED is with VM_UFFD_RWP. */

/**
 * struct checkpoint_uffd_run - pages that follow each other and are in the same state
 * @start: address of the first
 * @end: address after the last
 * @state: CHECKPOINT_UFFD_*
 */
struct checkpoint_uffd_run {
	unsigned long start;
	unsigned long end;
	unsigned int state;
};

/* Of mm/userfaultfd.c. */
bool checkpoint_is_userfaultfd(struct file *file);
unsigned int checkpoint_userfaultfd_minor(void);
void checkpoint_userfaultfd_get(struct file *file, struct checkpoint_userfaultfd *state);
struct file *checkpoint_userfaultfd_make(const struct checkpoint_userfaultfd *state,
					 struct mm_struct *mm, struct file *device);
int checkpoint_userfaultfd_register(struct file *file, unsigned long start, unsigned long end,
				    u64 mode);
int checkpoint_userfaultfd_set(struct file *file, unsigned long start, unsigned long end,
			       unsigned int how);

/* Of kernel/checkpoint/uffd.c. */
int checkpoint_uffd_runs(struct mm_struct *mm, unsigned long start, unsigned long end,
			 struct checkpoint_uffd_run *runs, unsigned int max, unsigned long *next);
int checkpoint_uffd_bring_back(struct mm_struct *mm, unsigned long addr);
int checkpoint_uffd_filled(struct mm_struct *mm, unsigned long start, unsigned long end);
int checkpoint_uffd_empty(struct mm_struct *mm, unsigned long start, unsigned long end);

/* Of fs/notify/fanotify/fanotify_user.c. */
bool checkpoint_is_fanotify(struct file *file);
int checkpoint_fanotify_get(struct file *file, struct checkpoint_fanotify *state);
struct file *checkpoint_fanotify_make(const struct checkpoint_fanotify *state);
int checkpoint_fanotify_add(struct file *file, const struct path *path,
			    const struct checkpoint_fanotify_mark *to);

/**
 * struct checkpoint_socket - what of a socket no option tells
 * @family: address family
 * @type: SOCK_*
 * @protocol: protocol
 * @filter: how many instructions the classic filter has that is attached to it
 * @program: a program of BPF is attached to it, or to its group (SO_REUSEPORT)
 * @inq: it has SO_INQ
 * @notrunc: it has SO_RIGHTS_NOTRUNC
 */
struct checkpoint_socket {
	int family;
	int type;
	int protocol;
	unsigned int filter;
	bool program;
	bool inq;
	bool notrunc;
};

/* Of kernel/checkpoint/socket.c. */
struct sock *checkpoint_socket_of(struct file *file);
void checkpoint_socket_get(struct sock *sk, struct checkpoint_socket *state);
int checkpoint_socket_async_fd(struct file *file);
int checkpoint_socket_option(struct sock *sk, int level, int name, void *value, int len);
int checkpoint_socket_set_option(struct file *file, int level, int name, const void *value,
				 int len);
unsigned int checkpoint_socket_filter(struct sock *sk, struct sock_filter *insns,
				      unsigned int max);
unsigned int checkpoint_socket_group(struct sock *sk, const void **members, unsigned int max);
struct file *checkpoint_socket_make(int family, int type, int protocol);
struct sock *checkpoint_socket_closed(struct net *net, int family, int type,
				      struct socket **socket);
int checkpoint_socket_closed_option(struct socket *socket, int level, int name,
				    const void *value, int len);
void checkpoint_socket_release(struct socket *socket);
void checkpoint_sock_hold(struct sock *sk);
void checkpoint_sock_put(struct sock *sk);
struct sock *checkpoint_skb_sock(const struct sk_buff *skb);
void checkpoint_skb_put(struct sk_buff *skb);

/* Of net/core/filter.c. */
int checkpoint_attach_filter(struct sock *sk, const struct sock_filter *insns, unsigned int len,
			     bool lock);

/* Of net/ipv6/ip6mr.c. */
bool checkpoint_ip6mr_routes(const struct sock *sk);

/* checkpoint_inet::special: what an IPv4 or IPv6 socket has that is not in that. */
#define CHECKPOINT_INET_IP_OPTIONS	0x001	/* IP_OPTIONS of TCP, or a label. */
#define CHECKPOINT_INET_STICKY		0x002	/* IPV6_HOPOPTS, IPV6_PKTINFO of TCP; too long. */
#define CHECKPOINT_INET_MEMBER		0x004	/* IP_ADD_MEMBERSHIP and others, anycast. */
#define CHECKPOINT_INET_FLOW_LABEL	0x008	/* IPV6_FLOWLABEL_MGR. */
#define CHECKPOINT_INET_PATH_MTU	0x020	/* A message of IPV6_RECVPATHMTU. */
#define CHECKPOINT_INET_POLICY		0x040	/* IP_XFRM_POLICY. */
#define CHECKPOINT_INET_FLIGHT		0x080	/* MSG_ZEROCOPY of which it was not told. */
#define CHECKPOINT_INET_ENCAP		0x100	/* UDP_ENCAP. */
#define CHECKPOINT_INET_CORKED		0x200	/* Part of a datagram to be sent. */
#define CHECKPOINT_INET_ROUTES		0x400	/* MRT_INIT, MRT6_INIT. */
#define CHECKPOINT_INET_ALERT		0x800	/* IPV6_ROUTER_ALERT. */

/* checkpoint_inet::state: TCP_ESTABLISHED */
#define CHECKPOINT_INET_CONNECTED	1

/**
 * struct checkpoint_inet - what an IPv4 or IPv6 socket is
 * @addr: the address at which it receives, in network order; four bytes of IPv4
 * @peer: the address that it is connected to
 * @port: its port; the protocol of a raw socket
 * @peer_port: that of its peer
 * @device: the device that it is bound to
 * @flow: traffic class and flow label that it sends with
 * @state: TCP_*
 * @locks: SOCK_BINDADDR_LOCK, SOCK_BINDPORT_LOCK, SOCK_CONNECT_BIND
 * @shutdown: CHECKPOINT_SHUT_*
 * @err: what SO_ERROR tells
 * @stamp_key: how many time stamps it has numbered (SOF_TIMESTAMPING_OPT_ID)
 * @zerocopy_key: the same of MSG_ZEROCOPY
 * @special: CHECKPOINT_INET_*
 * @v6only: it has IPV6_V6ONLY, or an address that is of IPv6 only
 */
struct checkpoint_inet {
	u8 addr[16];
	u8 peer[16];
	u16 port;
	u16 peer_port;
	u32 device;
	u32 flow;
	u32 state;
	u32 locks;
	u32 shutdown;
	s32 err;
	u32 stamp_key;
	u32 zerocopy_key;
	u32 special;
	bool v6only;
};

/* The longest datagram. */
#define CHECKPOINT_INET_MESSAGE		65535

/**
 * struct checkpoint_inet_message - a datagram in the queue of a socket
 * @from: who has sent it, in network order; four bytes of IPv4
 * @to: whom it was sent to
 * @spec_dst: of IPv4 the address of its receiver, as IP_PKTINFO tells it
 * @from_port: the port of who has sent it
 * @to_port: the port that it was sent to
 * @device: the device that it came from
 * @flow: traffic class and flow label; of IPv4 its type of service
 * @ttl: how many hops it had left
 * @frag_size: size of its largest fragment; 0: it came in one
 * @gso_size: of several that were put together how long each is; 0: it is one
 * @mark: as of SO_RCVMARK
 * @priority: as of SO_RCVPRIORITY
 * @time: when it was received, in nanoseconds since 1970; 0: that was not noted
 * @len: bytes of its contents
 * @v6: it is one of IPv6
 */
struct checkpoint_inet_message {
	u8 from[16];
	u8 to[16];
	u8 spec_dst[4];
	u16 from_port;
	u16 to_port;
	s32 device;
	u32 flow;
	u32 ttl;
	u32 frag_size;
	u32 gso_size;
	u32 mark;
	u32 priority;
	s64 time;
	u32 len;
	bool v6;
};

/* Of kernel/checkpoint/inet.c. */
void checkpoint_inet_get(struct sock *sk, struct checkpoint_inet *state);
int checkpoint_inet_bind(struct file *file, const struct checkpoint_inet *state);
int checkpoint_inet_connect(struct file *file, const struct checkpoint_inet *state);
void checkpoint_inet_settle(struct sock *sk, const struct checkpoint_inet *state);

/* Of kernel/checkpoint/inet_queue.c. */
unsigned int checkpoint_inet_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max);
int checkpoint_inet_message(struct sock *sk, const struct sk_buff *skb,
			    struct checkpoint_inet_message *message);
int checkpoint_inet_send(struct sock *sk, const struct checkpoint_inet_message *message,
			 const void *data);

/* Bytes of the longest that checkpoint_inet_header() reads. */
#define CHECKPOINT_INET_HEADER_MAX	2040

/* Of kernel/checkpoint/inet_option.c. */
int checkpoint_inet_option(struct sock *sk, int level, int name, void *value, int *len);
int checkpoint_inet_header(struct sock *sk, int level, int name, void *value, unsigned int max);

/* checkpoint_inet_member::kind */
#define CHECKPOINT_MEMBER_EXCLUDE	0	/* It hears all sources but those that it names. */
#define CHECKPOINT_MEMBER_EMPTIED	1	/* It hears all, and has named some before; IPv4. */
#define CHECKPOINT_MEMBER_INCLUDE	2	/* It hears only those that it names. */
#define CHECKPOINT_MEMBER_ANYCAST	3	/* It is no membership, but an anycast address. */

/**
 * struct checkpoint_inet_member - a membership of an IPv4 or IPv6 socket
 * @group: the address of the group, in network order; four bytes of IPv4
 * @local: the address of the device by which the group was joined, of IPv4
 * @kind: CHECKPOINT_MEMBER_*
 * @device: number of the device
 * @sources: how many sources it names
 * @v6: it is one of IPv6
 * @gone: there is no such device any more, or it does not know the protocol
 */
struct checkpoint_inet_member {
	u8 group[16];
	u8 local[4];
	u32 kind;
	s32 device;
	u32 sources;
	bool v6;
	bool gone;
};

/**
 * struct checkpoint_inet_members - room for the memberships of a socket
 * @members: the memberships
 * @sources: the addresses of all their sources, in network order
 * @max: how many @members there is room for
 * @len: how many there are
 * @sources_max: the same of @sources
 * @sources_len: the same of these
 */
struct checkpoint_inet_members {
	struct checkpoint_inet_member *members;
	u8 (*sources)[16];
	unsigned int max;
	unsigned int len;
	unsigned int sources_max;
	unsigned int sources_len;
};

/* The longest message of an error queue. */
#define CHECKPOINT_ERROR_MAX		(128 * 1024)
/* The longest of SCM_TIMESTAMPING_OPT_STATS: tcp_opt_stats_get_size() is less. */
#define CHECKPOINT_ERROR_STATS_MAX	1024
/* Where the header with the ports is at most: behind addresses, its place has 16 bits. */
#define CHECKPOINT_ERROR_TRANSPORT_MAX	0xff00

/**
 * struct checkpoint_sock_error - what is in an error queue
 * @from: who has sent it, in network order; four bytes of IPv4
 * @to: whom that was sent to
 * @about: where what was sent went to that it is about
 * @spec_dst: of IPv4, as IP_PKTINFO tells it
 * @port: the port of @about
 * @origin: SO_EE_ORIGIN_*
 * @type: as of struct sock_extended_err
 * @code: likewise
 * @err: likewise
 * @info: likewise
 * @data: likewise
 * @device: the device that it came from; 0: that is not told
 * @flow: traffic class and flow label; of IPv4 its type of service
 * @about_flow: the same of what it is about, of IPv6
 * @ttl: how many hops it had left
 * @frag_size: size of its largest fragment; 0: it came in one
 * @transport: where in its contents the header with the ports is
 * @time: when it came or what it is about was sent, in nanoseconds since 1970
 * @device_time: the same by the clock of the device
 * @len: bytes of its contents
 * @v6: it is one of IPv6
 * @opt_stats: its contents are those of SCM_TIMESTAMPING_OPT_STATS
 */
struct checkpoint_sock_error {
	u8 from[16];
	u8 to[16];
	u8 about[16];
	u8 spec_dst[4];
	u16 port;
	u8 origin;
	u8 type;
	u8 code;
	s32 err;
	u32 info;
	u32 data;
	s32 device;
	u32 flow;
	u32 about_flow;
	u32 ttl;
	u32 frag_size;
	u32 transport;
	s64 time;
	s64 device_time;
	u32 len;
	bool v6;
	bool opt_stats;
};

/* Of kernel/checkpoint/errqueue.c. */
unsigned int checkpoint_errors_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max);
int checkpoint_error_get(struct sock *sk, const struct sk_buff *skb,
			 struct checkpoint_sock_error *error);
int checkpoint_error_put(struct sock *sk, const struct checkpoint_sock_error *error,
			 const void *data);

/* Of kernel/checkpoint/members.c. */
int checkpoint_inet_members(struct sock *sk, struct checkpoint_inet_members *all);
int checkpoint_inet_join(struct file *file, const struct checkpoint_inet_member *member,
			 const u8 sources[][16]);

/* checkpoint_tcp::state */
#define CHECKPOINT_TCP_NEW		0
#define CHECKPOINT_TCP_LISTENING	1
#define CHECKPOINT_TCP_STARTED		2
#define CHECKPOINT_TCP_CONNECTED	3
#define CHECKPOINT_TCP_OVER		4

/* Why a TCP socket can't be saved. */
#define CHECKPOINT_TCP_ULP		1
#define CHECKPOINT_TCP_MPTCP		2
#define CHECKPOINT_TCP_REPAIRED		3
#define CHECKPOINT_TCP_FASTOPEN_KEY	4
#define CHECKPOINT_TCP_FASTOPEN		5
#define CHECKPOINT_TCP_KEYS		6
#define CHECKPOINT_TCP_POLICY		7
#define CHECKPOINT_TCP_BPF		8
#define CHECKPOINT_TCP_FASTOPEN_CONNECT	9

/*
 * What the other end of a connection is: not of this machine or namespace;
 * gone, or in TIME_WAIT; a handshake; closed by its owner; a connection that
 * waits to be accepted; a socket that somebody has.
 */
#define CHECKPOINT_TCP_PEER_OUTSIDE	0
#define CHECKPOINT_TCP_PEER_GONE	1
#define CHECKPOINT_TCP_PEER_REQUEST	2
#define CHECKPOINT_TCP_PEER_CLOSED	3
#define CHECKPOINT_TCP_PEER_WAITING	4
#define CHECKPOINT_TCP_PEER_OPEN	5

/* checkpoint_tcp_wire::why: the caller may not read it (CAP_NET_ADMIN). */
#define CHECKPOINT_TCP_WIRE_DENIED	1
/* Its connection is over. */
#define CHECKPOINT_TCP_WIRE_OVER	2
/* Accurate ECN counts what arrives. */
#define CHECKPOINT_TCP_WIRE_ACCECN	3
/* The queue does not end where the numbers say. */
#define CHECKPOINT_TCP_WIRE_QUEUE	4

/*
 * checkpoint_tcp_wire::fin: what became of the end of what is sent. It was not
 * shut down; nobody was told; the other end was told; it has got that.
 */
#define CHECKPOINT_TCP_FIN_NONE		0
#define CHECKPOINT_TCP_FIN_QUEUED	1
#define CHECKPOINT_TCP_FIN_SENT		2
#define CHECKPOINT_TCP_FIN_ACKED	3

/* checkpoint_tcp_queue(): it was sent before, it was not, the queue is complete. */
#define CHECKPOINT_TCP_QUEUE_SENT	0
#define CHECKPOINT_TCP_QUEUE_UNSENT	1
#define CHECKPOINT_TCP_QUEUE_CLOSED	2

/**
 * struct checkpoint_tcp_wire - what an end of a connection has agreed upon with the other
 * @why: why it can't be kept: CHECKPOINT_TCP_WIRE_*; then there is nothing else
 * @snd_una: number of the first byte that is to be sent
 * @rcv_nxt: number of the next byte that is to arrive
 * @in_flight: how many of the bytes that are to be sent were sent already; the end
 *	of them, which has a number, too, does not count
 * @snd_wnd: bytes that the other end takes
 * @max_window: the most that it has taken
 * @rcv_wnd: bytes that were offered to the other end
 * @max_rcv_wnd: the most that were
 * @stamp: time stamp (RFC 7323)
 * @stamp_recent: that of the other end
 * @mss: largest segment that the other end takes
 * @snd_wscale: scale of its window
 * @rcv_wscale: scale of the window that it is offered
 * @wscale: there are scales
 * @sack: with selective acknowledgment
 * @stamps: with time stamps
 * @usec: these count microseconds, and not milliseconds
 * @ecn: with explicit congestion notification (RFC 3168)
 * @fin: CHECKPOINT_TCP_FIN_*
 * @closing: the other end has closed before it had got that (CLOSING)
 */
struct checkpoint_tcp_wire {
	unsigned int why;
	u32 snd_una;
	u32 rcv_nxt;
	u32 in_flight;
	u32 snd_wnd;
	u32 max_window;
	u32 rcv_wnd;
	u32 max_rcv_wnd;
	u32 stamp;
	u32 stamp_recent;
	u16 mss;
	u8 snd_wscale;
	u8 rcv_wscale;
	bool wscale;
	bool sack;
	bool stamps;
	bool usec;
	bool ecn;
	u8 fin;
	bool closing;
};

/**
 * struct checkpoint_tcp - what a TCP socket is
 * @state: CHECKPOINT_TCP_*
 * @error: what SO_ERROR tells
 * @shutdown: CHECKPOINT_SHUT_*
 * @backlog: how many connections may wait
 * @user_mss: TCP_MAXSEG; 0: not set
 * @received: bytes that were received and not read
 * @sent: bytes that are to be sent
 * @urgent: 1 more than what comes before the urgent byte of what was received;
 *	0: there is none
 * @urgent_sent: the same of what is to be sent
 * @port: its port
 * @peer_port: the port that it is connected to
 * @done: the other end has closed, and that has come here
 * @bound_addr: its address was set by bind(2)
 * @bound_port: so was its port
 * @has_port: it has its port still
 * @urgent_read: the urgent byte was read
 * @connecting: connect(2) has not told the outcome
 * @was_connected: it has
 * @v6only: it has IPV6_V6ONLY
 * @addr: its address, 4 or 16 bytes
 * @peer_addr: the address that it is connected to
 * @congestion: name of its congestion control
 * @wire: what it has agreed upon with the other end, if it is connected, and that
 *	is not saved
 */
struct checkpoint_tcp {
	unsigned int state;
	int error;
	unsigned int shutdown;
	unsigned int backlog;
	unsigned int user_mss;
	unsigned int received;
	unsigned int sent;
	unsigned int urgent;
	unsigned int urgent_sent;
	u16 port;
	u16 peer_port;
	bool done;
	bool bound_addr;
	bool bound_port;
	bool has_port;
	bool urgent_read;
	bool connecting;
	bool was_connected;
	bool v6only;
	u8 addr[16];
	u8 peer_addr[16];
	char congestion[16];
	struct checkpoint_tcp_wire wire;
};

/* Of kernel/checkpoint/tcp.c. */
int checkpoint_tcp_refusal(struct sock *sk);
ssize_t checkpoint_tcp_get(struct sock *sk, struct sock *peer, struct checkpoint_tcp *state,
			   struct checkpoint_tcp *peer_state, void *to, size_t room);

/* Of kernel/checkpoint/tcp_peer.c. */
struct sock *checkpoint_tcp_peer(struct sock *sk, int *what);
unsigned int checkpoint_tcp_waiting(struct sock *sk, struct sock **waiting, unsigned int room);

/* Of kernel/checkpoint/tcp_bind.c. */
int checkpoint_tcp_bind(struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_mss(struct sock *sk, unsigned int mss);
int checkpoint_tcp_congestion(struct sock *sk, const char *name);
int checkpoint_tcp_listen(struct sock *sk, unsigned int backlog);

/* Of kernel/checkpoint/tcp_join.c. */
u32 checkpoint_tcp_seq(void);
int checkpoint_tcp_connect(struct sock *sk, const struct checkpoint_tcp *state, u32 write_seq,
			   u32 rcv_nxt);
void checkpoint_tcp_abandon(struct sock *sk);
int checkpoint_tcp_join(struct sock *sk, struct sock *peer, bool reuse, bool peer_reuse);

/* Of kernel/checkpoint/tcp_start.c. */
int checkpoint_tcp_start_at(struct sock *sk, const struct checkpoint_tcp *state);
void checkpoint_tcp_start_now(struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_start(struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_is_connected(struct sock *sk);
void checkpoint_tcp_connecting(struct sock *sk, bool connecting);

/* Of kernel/checkpoint/tcp_queue.c. */
int checkpoint_tcp_send(struct sock *sk, const void *data, size_t len, unsigned int limit);
u64 checkpoint_tcp_room(struct sock *sk, struct sock *peer);
unsigned int checkpoint_tcp_queued(struct sock *sk);
int checkpoint_tcp_urgent(struct sock *sk, unsigned int mark, bool read);
void checkpoint_tcp_urgent_next(struct sock *sk, unsigned int back);

/* Of kernel/checkpoint/tcp_over.c. */
void checkpoint_tcp_shut(struct sock *sk, unsigned int how);
void checkpoint_tcp_end_quietly(struct sock *sk);
int checkpoint_tcp_go_on(struct sock *sk);
int checkpoint_tcp_over(struct sock *sk, const struct checkpoint_tcp *state, const void *data);

/* Of kernel/checkpoint/tcp_hold.c. */
struct checkpoint_tcp_hold *checkpoint_tcp_hold(struct sock *sk);
void checkpoint_tcp_hold_settle(void);
void checkpoint_tcp_resume(struct checkpoint_tcp_hold *hold);
void checkpoint_tcp_resume_now(struct checkpoint_tcp_hold *hold);
void checkpoint_tcp_bury(struct checkpoint_tcp_hold *hold);
void checkpoint_tcp_reset(struct checkpoint_tcp_hold *hold);

/* Of kernel/checkpoint/tcp_left.c. */
void checkpoint_tcp_leave(struct checkpoint_tcp_hold *hold, u64 id,
			  const struct checkpoint_tcp *state);
int checkpoint_tcp_left_still(u64 id, struct checkpoint_tcp *was, int *family);
void checkpoint_tcp_end(u64 id, bool bury);
void checkpoint_thawed(u64 id);

/* Of kernel/checkpoint/tcp_wire.c. */
int checkpoint_tcp_is_still(struct sock *sk, const struct checkpoint_tcp *state);
int checkpoint_tcp_rejoin(struct sock *sk, const struct checkpoint_tcp *state, const void *data,
			  bool reuse);
void checkpoint_tcp_queue(struct sock *sk, unsigned int queue);
int checkpoint_tcp_finish(struct sock *sk, bool closing);

/**
 * struct checkpoint_tcp_rest - what a namespace has of TCP that no file shows
 * @orphans: connections that were closed, and have something left to send, or to
 *	hear of
 * @requests: handshakes that are not over
 * @waits: addresses in TIME_WAIT
 */
struct checkpoint_tcp_rest {
	unsigned int orphans;
	unsigned int requests;
	unsigned int waits;
};

/* Of kernel/checkpoint/tcp_unseen.c. */
int checkpoint_tcp_unseen(struct net *net, struct sock **orphans, unsigned int room,
			  struct checkpoint_tcp_rest *rest);
void checkpoint_tcp_unclaimed(struct sock *sk, const struct sock *listener);
int checkpoint_tcp_wait(struct sock *listener, struct socket *socket);

/* Of fs/proc/proc_sysctl.c. */
ssize_t checkpoint_sysctl_list(struct ctl_table_set *set, char *buf, size_t size);
int checkpoint_sysctl_write(struct ctl_table_set *set, const char *path, const char *text);

/* Bytes of the name of a device. */
#define CHECKPOINT_NETNS_NAME		16

/* Bytes of the longest answer that netlink gives at a time. */
#define CHECKPOINT_NETNS_ROOM		32768

/* What a network namespace has that a new one has not. */
#define CHECKPOINT_NETNS_NOTHING	0
#define CHECKPOINT_NETNS_DEVICE		1
#define CHECKPOINT_NETNS_DIFFERS	2
#define CHECKPOINT_NETNS_NETFILTER	3
#define CHECKPOINT_NETNS_XFRM		4
#define CHECKPOINT_NETNS_BPF		5
#define CHECKPOINT_NETNS_IDS		6
#define CHECKPOINT_NETNS_LACKS		7

/* Queues of which a device uses all. */
#define CHECKPOINT_NETNS_TX		0x1
#define CHECKPOINT_NETNS_RX		0x2

/**
 * struct checkpoint_netns_lo - the loopback device of a network namespace
 * @up: it is switched on
 * @was_up: it is not, but has the addresses that it got when it was
 * @mtu: its MTU
 */
struct checkpoint_netns_lo {
	u32 up;
	u32 was_up;
	u32 mtu;
};

/* Of kernel/checkpoint/netns.c. */
struct net *checkpoint_netns_get(struct net *net);
void checkpoint_netns_put(struct net *net);
u64 checkpoint_netns_count(struct net *net);
bool checkpoint_netns_has_others(const struct net *net, struct pid_namespace *ns);
struct ns_common *checkpoint_netns_common(struct net *net);
struct net *checkpoint_netns_of_common(struct ns_common *ns);
struct net *checkpoint_netns_of_socket(const struct sock *sk);
bool checkpoint_netns_may_admin(const struct net *net);
bool checkpoint_netns_is_initial(const struct net *net);
struct net *checkpoint_netns_like(struct net *net);
int checkpoint_netns_lo_get(struct net *net, struct checkpoint_netns_lo *lo);
int checkpoint_netns_lo_set(struct net *net, const struct checkpoint_netns_lo *lo);
int checkpoint_netns_outside(struct net *net, char *name);
int checkpoint_netns_queues(struct net *net, u32 index);
int checkpoint_netns_settle(struct net *net);
int checkpoint_netns_left(struct net *net, struct net *fresh, char *name);
int checkpoint_netns_tell(struct net *net, void *request, size_t len);
ssize_t checkpoint_netns_dump(struct net *net, int protocol, void *request, size_t len,
			      void *buf, size_t size);
ssize_t checkpoint_netns_settings(struct net *net, char *buf, size_t size);
int checkpoint_netns_set(struct net *net, const char *path, const char *text);

/* checkpoint_unix::state */
#define CHECKPOINT_UNIX_CLOSED		0
#define CHECKPOINT_UNIX_CONNECTED	1
#define CHECKPOINT_UNIX_LISTENING	2

/* checkpoint_unix::shutdown: RCV_SHUTDOWN and SEND_SHUTDOWN */
#define CHECKPOINT_SHUT_READ		0x01
#define CHECKPOINT_SHUT_WRITE		0x02

/* checkpoint_unix::scm */
#define CHECKPOINT_SCM_CREDENTIALS	0x01
#define CHECKPOINT_SCM_SECURITY		0x02
#define CHECKPOINT_SCM_PIDFD		0x04
#define CHECKPOINT_SCM_RIGHTS		0x08
#define CHECKPOINT_SCM_NOTRUNC		0x10

/* The longest address of a Unix socket, and the most files of a message. */
#define CHECKPOINT_UNIX_NAME		112
#define CHECKPOINT_UNIX_FILES		253

/**
 * struct checkpoint_unix - what a Unix socket is
 * @peer: the socket that it is connected to
 * @file: its open file; NULL: it has none, or that is being closed
 * @peer_pid: what SO_PEERCRED tells of the process
 * @peer_cred: what it tells of the credentials
 * @mnt: mount of the path at which others find it
 * @dentry: dentry of that; NULL: it has none
 * @type: SOCK_*
 * @state: CHECKPOINT_UNIX_*
 * @shutdown: CHECKPOINT_SHUT_*
 * @err: what SO_ERROR tells
 * @backlog: how many connections or messages may wait
 * @queued: how many do
 * @scm: CHECKPOINT_SCM_*
 * @name_len: bytes of its address
 * @foreign: BPF has taken it over
 * @dead: it was closed
 * @embryo: it waits to be accepted
 * @named: others find it by its abstract address
 * @name: its address
 */
struct checkpoint_unix {
	struct sock *peer;
	struct file *file;
	struct pid *peer_pid;
	const struct cred *peer_cred;
	struct vfsmount *mnt;
	struct dentry *dentry;
	unsigned int type;
	unsigned int state;
	unsigned int shutdown;
	int err;
	unsigned int backlog;
	unsigned int queued;
	unsigned int scm;
	unsigned int name_len;
	bool foreign;
	bool dead;
	bool embryo;
	bool named;
	u8 name[CHECKPOINT_UNIX_NAME];
};

/**
 * struct checkpoint_unix_message - a message in the queue of a Unix socket
 * @from: who has sent it; NULL: nothing but its messages is left of that
 * @sender: the address of that, to compare
 * @pid: the process that is told with it; NULL: none
 * @uid: the user that is told
 * @gid: the group that is told
 * @time: when it was sent, in nanoseconds since 1970; 0: that was not noted
 * @len: bytes of it
 * @consumed: how many of these were received
 * @nr_files: how many files it carries
 * @name_len: bytes of the address of who has sent it
 * @oob: it is out-of-band, and was not received
 * @name: that address
 * @files: the files
 */
struct checkpoint_unix_message {
	struct sock *from;
	const void *sender;
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	s64 time;
	unsigned int len;
	unsigned int consumed;
	unsigned int nr_files;
	unsigned int name_len;
	bool oob;
	u8 name[CHECKPOINT_UNIX_NAME];
	struct file *files[CHECKPOINT_UNIX_FILES];
};

/* Of net/unix/af_unix.c. */
void checkpoint_unix_get(struct sock *sk, struct checkpoint_unix *state);
unsigned int checkpoint_unix_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max);
int checkpoint_unix_message(struct sock *sk, struct sk_buff *skb,
			    struct checkpoint_unix_message *message);
int checkpoint_skb_read(const struct sk_buff *skb, unsigned int offset, void *to,
			unsigned int len);
int checkpoint_unix_set_name(struct sock *sk, const void *name, int len);
int checkpoint_unix_bind(struct sock *sk, const struct path *path);
int checkpoint_unix_connect(struct sock *sk, struct sock *peer, struct pid *pid,
			    const struct cred *cred, bool connected);
int checkpoint_unix_listen(struct sock *sk, unsigned int backlog, struct pid *pid,
			   const struct cred *cred);
struct sock *checkpoint_unix_embryo(struct sock *listener, unsigned int scm);
int checkpoint_unix_send(struct sock *to, const struct checkpoint_unix_message *message,
			 const void *data);
void checkpoint_unix_settle(struct sock *sk, unsigned int shutdown, int err);

/* checkpoint_netlink::flags: bits of the numbers that net/netlink/ has for them */
#define CHECKPOINT_NETLINK_PKTINFO		0x02
#define CHECKPOINT_NETLINK_BROADCAST_ERROR	0x04
#define CHECKPOINT_NETLINK_NO_ENOBUFS		0x08
#define CHECKPOINT_NETLINK_LISTEN_ALL_NSID	0x10
#define CHECKPOINT_NETLINK_CAP_ACK		0x20
#define CHECKPOINT_NETLINK_EXT_ACK		0x40
#define CHECKPOINT_NETLINK_STRICT_CHK		0x80
#define CHECKPOINT_NETLINK_ALL			0xfe

/**
 * struct checkpoint_netlink - what a netlink socket is
 * @flags: CHECKPOINT_NETLINK_*: options of SOL_NETLINK that are on
 * @portid: its port; 0: it has none yet
 * @dst_portid: port to which it sends
 * @dst_group: group to which it sends; 0: none
 * @err: what SO_ERROR tells
 * @dump_seq: sequence number of the request of a dump
 * @connected: it is connected to @dst_portid
 * @dump: a dump is under way
 */
struct checkpoint_netlink {
	unsigned int flags;
	u32 portid;
	u32 dst_portid;
	u32 dst_group;
	int err;
	u32 dump_seq;
	bool connected;
	bool dump;
};

/**
 * struct checkpoint_netlink_message - a message in the queue of a netlink socket
 * @portid: port of who has sent it; 0: the kernel
 * @dst_group: group to which it was sent; 0: none
 * @pid: the process that is told with it, as that had it
 * @uid: the user that is told
 * @gid: the group that is told
 * @nsid: the network namespace that is told
 * @len: bytes of it
 * @nsid_is_set: a network namespace is told
 */
struct checkpoint_netlink_message {
	u32 portid;
	u32 dst_group;
	u32 pid;
	kuid_t uid;
	kgid_t gid;
	int nsid;
	unsigned int len;
	bool nsid_is_set;
};

/* Of net/netlink/af_netlink.c. */
int checkpoint_netlink_get(struct sock *sk, struct checkpoint_netlink *state);
unsigned int checkpoint_netlink_groups(struct sock *sk, u32 *groups, unsigned int max);
unsigned int checkpoint_netlink_queue(struct sock *sk, struct sk_buff **skbs, unsigned int max);
int checkpoint_netlink_message(const struct sk_buff *skb,
			       struct checkpoint_netlink_message *message);
int checkpoint_netlink_send(struct sock *sk, const struct checkpoint_netlink_message *message,
			    const void *data);
int checkpoint_netlink_interrupt(struct sock *sk, u32 seq, u32 portid);
int checkpoint_netlink_open(struct sock *sk, const struct checkpoint_netlink *state,
			    const u32 *groups, unsigned int count);

/* How many families of generic netlink a socket notes that it has asked. */
#define CHECKPOINT_GENL_ASKED	4

/**
 * struct checkpoint_genl_name - a family of generic netlink, and a group of it
 * @family: its name, with zeros after it
 * @group: the name of the multicast group, likewise
 * @id: the number of the family
 * @group_id: that of the group; 0: none is meant
 */
struct checkpoint_genl_name {
	char family[16];
	char group[16];
	u32 id;
	u32 group_id;
};

/* Of net/netlink/genetlink.c. */
int checkpoint_genl_asked(struct sock *sk, u32 ids[CHECKPOINT_GENL_ASKED], bool *keeps);
void checkpoint_genl_note(struct sock *sk, u32 id);
int checkpoint_genl_name(struct checkpoint_genl_name *name);
int checkpoint_genl_find(const struct checkpoint_genl_name *name);

/* checkpoint_packet::flags: options of SOL_PACKET that are on */
#define CHECKPOINT_PACKET_ORIGDEV		0x01
#define CHECKPOINT_PACKET_AUXDATA		0x02
#define CHECKPOINT_PACKET_TX_HAS_OFF		0x04
#define CHECKPOINT_PACKET_LOSS			0x08
#define CHECKPOINT_PACKET_QDISC_BYPASS		0x10
#define CHECKPOINT_PACKET_IGNORE_OUTGOING	0x20

/**
 * struct checkpoint_packet - what a packet socket is
 * @num: protocol that it receives; 0: none
 * @ifindex: device that it is bound to; 0: all; -1: it is gone
 * @version: TPACKET_*
 * @reserve: PACKET_RESERVE
 * @vnet_hdr: bytes of the header for virtio; 0: none
 * @copy_thresh: PACKET_COPY_THRESH
 * @timestamp: PACKET_TIMESTAMP
 * @flags: CHECKPOINT_PACKET_*
 * @fanout_id: group of sockets that share what comes
 * @fanout_type: type and flags of that, as of PACKET_FANOUT
 * @fanout_max: how many may be in it
 * @err: what SO_ERROR tells
 * @queued: packets in its queue
 * @members: memberships that it has
 * @ring: it has a ring
 * @fanout: it is in such a group
 */
struct checkpoint_packet {
	unsigned int num;
	int ifindex;
	int version;
	unsigned int reserve;
	unsigned int vnet_hdr;
	int copy_thresh;
	int timestamp;
	unsigned int flags;
	unsigned int fanout_id;
	unsigned int fanout_type;
	unsigned int fanout_max;
	int err;
	unsigned int queued;
	unsigned int members;
	bool ring;
	bool fanout;
};

/**
 * struct checkpoint_packet_member - a membership of a packet socket
 * @ifindex: the device
 * @count: how often it was added
 * @type: PACKET_MR_*
 * @alen: bytes of @addr
 * @addr: the address
 */
struct checkpoint_packet_member {
	int ifindex;
	unsigned int count;
	unsigned int type;
	unsigned int alen;
	u8 addr[32];
};

/* Of kernel/checkpoint/packet.c. */
int checkpoint_packet_get(struct sock *sk, struct checkpoint_packet *state);
int checkpoint_packet_members(struct sock *sk, struct checkpoint_packet_member *members,
			      unsigned int max);
int checkpoint_packet_open(struct sock *sk, const struct checkpoint_packet *state,
			   const struct checkpoint_packet_member *members);

/* Of mm/memfd.c: memfd_create(2), with its checks. */
#ifdef CONFIG_MEMFD_CREATE
struct file *memfd_create_file(const char *name, unsigned int flags);
#endif

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

#ifdef CONFIG_SYSVIPC
bool sem_has_undo(struct task_struct *task);
#else
static inline bool sem_has_undo(struct task_struct *task)
{
	return false;
}
#endif

/* Where a thread that is traced is stopped. */
#define CHECKPOINT_STOP_SIGNAL	1	/* At the delivery of a signal. */
#define CHECKPOINT_STOP_TRAP	2	/* Group stop, PTRACE_INTERRUPT. */
#define CHECKPOINT_STOP_EXIT	3	/* At the exit of a system call. */
#define CHECKPOINT_STOP_EVENT	4	/* At an event of fork() and its like. */
#define CHECKPOINT_STOP_ENTRY	5	/* At the entry of a system call. */
#define CHECKPOINT_STOP_SECCOMP	6	/* There, by a filter of seccomp. */

/* With whose rights a tracer decides about set-user-id programs. */
#define CHECKPOINT_RIGHTS_TRACER	1	/* Its own. */
#define CHECKPOINT_RIGHTS_TRACEE	2	/* Those of what it traces. */

/**
 * struct checkpoint_trace - what ptrace(2) keeps of a thread that is traced
 * @options:	PTRACE_O_*
 * @seized:	by PTRACE_SEIZE
 * @syscalls:	PTRACE_SYSCALL
 * @emulated:	PTRACE_SYSEMU
 * @stepping:	PTRACE_SINGLESTEP, PTRACE_SINGLEBLOCK
 * @stopped:	the rest is of a thread that is stopped
 * @has_info:	there is a siginfo
 * @bound:	only the kernel stack knows what its registers will be
 * @unmade:	it is before a call, which can't be made again here
 * @jobctl:	JOBCTL_*
 * @exit_code:	what wait(2) gives the tracer; 0 if it has it
 * @message:	PTRACE_GETEVENTMSG
 * @info:	PTRACE_GETSIGINFO
 */
struct checkpoint_trace {
	unsigned int options;
	bool seized;
	bool syscalls;
	bool emulated;
	bool stepping;
	bool stopped;
	bool has_info;
	bool bound;
	bool unmade;
	unsigned long jobctl;
	int exit_code;
	unsigned long message;
	kernel_siginfo_t info;
};

/**
 * struct checkpoint_stop - a stop that a restored thread is to enter
 * @info:	siginfo; last_siginfo points to it
 * @place:	CHECKPOINT_STOP_*
 * @has_info:	the tracer can read it
 * @exit_code:	what wait(2) gives the tracer; 0 if it has it
 * @message:	PTRACE_GETEVENTMSG
 * @jobctl:	JOBCTL_* bits to set
 * @result:	of the system call, with CHECKPOINT_STOP_EVENT
 * @emulated:	the system call is not made, with CHECKPOINT_STOP_ENTRY
 */
struct checkpoint_stop {
	kernel_siginfo_t info;
	int place;
	bool has_info;
	int exit_code;
	unsigned long message;
	unsigned long jobctl;
	long result;
	bool emulated;
};

bool checkpoint_get_trace(struct task_struct *task, struct checkpoint_trace *out);
int checkpoint_tracer_rights(struct task_struct *task);
bool checkpoint_may_trace(struct task_struct *tracer, struct task_struct *task);
bool checkpoint_get_ptracer(struct task_struct *task, struct task_struct **tracer);
int checkpoint_set_ptracer(struct task_struct *task, struct task_struct *tracer);
int checkpoint_set_tracer(struct task_struct *task, struct task_struct *tracer,
			  unsigned int options, bool seized, bool syscalls, bool emulated,
			  bool own, unsigned int dumpable);
int checkpoint_set_stop(struct task_struct *task, const struct checkpoint_stop *stop);
bool checkpoint_is_to_stop(struct task_struct *task);
bool checkpoint_is_at_exec(struct task_struct *task);
int checkpoint_stop_again(struct checkpoint_stop *stop);
void checkpoint_stop_in_call(void);
void checkpoint_skip_call(struct task_struct *task);
bool checkpoint_is_before_call(void);
void checkpoint_make_call(void);

#if defined(CONFIG_CHECKPOINT) && defined(CONFIG_SECURITY_YAMA)
bool checkpoint_yama_may_trace(struct task_struct *tracer, struct task_struct *task);
bool checkpoint_yama_get_ptracer(struct task_struct *task, struct task_struct **tracer);
int checkpoint_yama_set_ptracer(struct task_struct *task, struct task_struct *tracer);
#else
static inline bool checkpoint_yama_may_trace(struct task_struct *tracer,
					     struct task_struct *task)
{
	return true;
}

static inline bool checkpoint_yama_get_ptracer(struct task_struct *task,
					       struct task_struct **tracer)
{
	return false;
}

static inline int checkpoint_yama_set_ptracer(struct task_struct *task,
					      struct task_struct *tracer)
{
	return 0;
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
 *
 * One that was restored may first have to make the call at whose entry it was
 * stopped by its tracer: it is running, so last_siginfo tells that it has yet to
 * stop.
 */
static inline void checkpoint_fixup_eintr(void)
{
	if (unlikely(current->last_siginfo))
		checkpoint_make_call();
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
