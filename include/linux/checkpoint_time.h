/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: processor time, and timers.
 */
#ifndef _LINUX_CHECKPOINT_TIME_H
#define _LINUX_CHECKPOINT_TIME_H

#include <linux/checkpoint.h>
#include <linux/errno.h>
#include <linux/types.h>

struct pid_namespace;
struct sigqueue;
struct task_struct;

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

#endif /* _LINUX_CHECKPOINT_TIME_H */
