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
#include <uapi/linux/checkpoint.h>

struct checkpoint_copy;
struct cred;
struct file;
struct mem_cgroup;
struct mm_struct;
struct path;
struct pid_namespace;
struct prctl_mm_map;
struct sigqueue;
struct task_struct;

long checkpoint_do(void __user *args, size_t size);
long restart_do(void __user *args, size_t size);

/* Of kernel/sys.c: the checks of prctl(PR_SET_MM_MAP). */
int validate_prctl_map_addr(struct prctl_mm_map *prctl_map);

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

static inline int checkpoint_get_itimers(struct task_struct *task, struct checkpoint_itimer *timers)
{
	return 0;
}

static inline void checkpoint_start_itimers(struct task_struct *task,
					    const struct checkpoint_itimer *timers) { }
#endif

bool proc_mem_may_force(void);

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
