// SPDX-License-Identifier: GPL-2.0
/*
 * CPU times and interval timers of processes. Timers expire by the clocks that
 * the times make, so they are set last.
 */
#include <linux/checkpoint_time.h>
#include <linux/hrtimer.h>
#include <linux/posix-timers.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/time.h>

#ifdef CONFIG_VIRT_CPU_ACCOUNTING_NATIVE
/* What is counted is precise, and shown as it is. */
static void set_shown(struct prev_cputime *prev, const struct checkpoint_times *times) { }
#else
static void set_shown(struct prev_cputime *prev, const struct checkpoint_times *times)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&prev->lock, flags);
	prev->utime = times->shown_utime;
	prev->stime = times->shown_stime;
	raw_spin_unlock_irqrestore(&prev->lock, flags);
}
#endif

/**
 * checkpoint_get_times() - read the CPU times of a thread
 * @task: the thread; the caller has a reference on it
 * @times: where to
 */
void checkpoint_get_times(struct task_struct *task, struct checkpoint_times *times)
{
	times->runtime = task_sched_runtime(task);
	task_cputime(task, &times->utime, &times->stime);
	task_cputime_adjusted(task, &times->shown_utime, &times->shown_stime);
}

/**
 * checkpoint_set_times() - set the CPU times of a thread
 * @task: the thread; it is held off its CPU
 * @times: what to set
 *
 * Only the tick and the scheduler change them, while the thread runs.
 */
void checkpoint_set_times(struct task_struct *task, const struct checkpoint_times *times)
{
	task->utime = times->utime;
	task->stime = times->stime;
	task->se.sum_exec_runtime = times->runtime;
	set_shown(&task->prev_cputime, times);
}

/**
 * checkpoint_get_group_times() - read CPU times of a process
 * @task: a thread of it; the caller has a reference on it
 * @times: of threads that have exited, and of workers of io_uring, which are not
 *         saved; but what is shown is of all threads
 * @children: of children that were waited for: only what is counted
 */
void checkpoint_get_group_times(struct task_struct *task, struct checkpoint_times *times,
				struct checkpoint_times *children)
{
	struct signal_struct *sig = task->signal;
	struct task_struct *worker;
	u64 utime, stime;
	unsigned int seq;

	rcu_read_lock();
	do {
		seq = read_seqbegin(&sig->stats_lock);
		times->utime = sig->utime;
		times->stime = sig->stime;
		times->runtime = sig->sum_sched_runtime;
		children->utime = sig->cutime;
		children->stime = sig->cstime;
		for_each_thread(task, worker) {
			if (!(worker->flags & PF_IO_WORKER))
				continue;
			task_cputime(worker, &utime, &stime);
			times->utime += utime;
			times->stime += stime;
			times->runtime += task_sched_runtime(worker);
		}
	} while (read_seqretry(&sig->stats_lock, seq));
	rcu_read_unlock();
	thread_group_cputime_adjusted(task, &times->shown_utime, &times->shown_stime);
}

/**
 * checkpoint_set_group_times() - set CPU times of a process
 * @task: a thread of it; all are held
 * @times: as of checkpoint_get_group_times()
 * @children: as of checkpoint_get_group_times()
 */
void checkpoint_set_group_times(struct task_struct *task, const struct checkpoint_times *times,
				const struct checkpoint_times *children)
{
	struct signal_struct *sig = task->signal;

	write_seqlock_irq(&sig->stats_lock);
	sig->cutime = children->utime;
	sig->cstime = children->stime;
	sig->utime = times->utime;
	sig->stime = times->stime;
	sig->sum_sched_runtime = times->runtime;
	write_sequnlock_irq(&sig->stats_lock);
	set_shown(&sig->prev_cputime, times);
}

#ifdef CONFIG_POSIX_TIMERS
/**
 * checkpoint_start_clocks() - have the CPU clocks of a process show its times
 * @task: a thread of it; all are held, and have their times
 *
 * While a CPU timer or RLIMIT_CPU counts down, which a new process may have of
 * its parent, the clocks show a sum that grows beside the times, and was not set
 * with them.
 */
void checkpoint_start_clocks(struct task_struct *task)
{
	struct task_cputime_atomic *clocks = &task->signal->cputimer.cputime_atomic;
	struct task_cputime sum;

	thread_group_cputime(task, &sum);
	atomic64_set(&clocks->utime, sum.utime);
	atomic64_set(&clocks->stime, sum.stime);
	atomic64_set(&clocks->sum_exec_runtime, sum.sum_exec_runtime);
}

/**
 * checkpoint_ignore_cpu_limit() - have RLIMIT_CPU not end a process
 * @task: a thread of it, which is held; it does nothing more but exit
 *
 * The process was dead, and its times may be what it was killed for. It keeps
 * the limit, which others may read, but nothing counts down to it any more: as
 * stop_process_timers(), after which its clocks show its times themselves.
 */
void checkpoint_ignore_cpu_limit(struct task_struct *task)
{
	struct posix_cputimers *pct = &task->signal->posix_cputimers;
	unsigned long flags;

	if (!lock_task_sighand(task, &flags))
		return;
	pct->bases[CPUCLOCK_PROF].nextevt = U64_MAX;
	WRITE_ONCE(pct->timers_active, false);
	unlock_task_sighand(task, &flags);
}

/* The interval timers that count CPU time, by what they count. */
static const int cpu_itimers[] = {
	[CPUCLOCK_PROF] = ITIMER_PROF,
	[CPUCLOCK_VIRT] = ITIMER_VIRTUAL,
};

/**
 * checkpoint_get_itimers() - read the interval timers of a process
 * @task: a thread of it, which does not run
 * @timers: where to, by ITIMER_*
 *
 * ITIMER_REAL goes on meanwhile. What it sends is seen by who reads the pending
 * signals after this.
 *
 * Return: 0, or -ESRCH: the process is dead.
 */
int checkpoint_get_itimers(struct task_struct *task, struct checkpoint_itimer *timers)
{
	struct signal_struct *sig = task->signal;
	u64 samples[CPUCLOCK_MAX];
	unsigned long flags;
	int clock;

	if (!lock_task_sighand(task, &flags))
		return -ESRCH;
	timers[ITIMER_REAL] = (struct checkpoint_itimer) {
		.expires = ktime_to_ns(hrtimer_get_expires(&sig->real_timer)),
		.interval = ktime_to_ns(sig->it_real_incr),
		.armed = hrtimer_active(&sig->real_timer),
	};
	for (clock = 0; clock < ARRAY_SIZE(cpu_itimers); clock++) {
		const struct cpu_itimer *it = &sig->it[clock];
		struct checkpoint_itimer *to = &timers[cpu_itimers[clock]];

		*to = (struct checkpoint_itimer) {
			.interval = it->incr,
			.armed = it->expires,
		};
		if (to->armed) {
			thread_group_sample_cputime(task, samples);
			to->expires = it->expires - samples[clock];
		}
	}
	unlock_task_sighand(task, &flags);
	return 0;
}

/**
 * checkpoint_start_itimers() - start the interval timers of a process
 * @task: a thread of it; all are held, and have their times
 * @timers: what they were, by ITIMER_*
 *
 * Sets what setitimer(2) sets; a timer that has expired already fires at once.
 */
void checkpoint_start_itimers(struct task_struct *task, const struct checkpoint_itimer *timers)
{
	const struct checkpoint_itimer *real = &timers[ITIMER_REAL];
	struct signal_struct *sig = task->signal;
	unsigned long flags;
	int clock;

	if (!lock_task_sighand(task, &flags))
		return;
	/* What is not armed may be so again when its signal is taken, in step with this. */
	sig->it_real_incr = ns_to_ktime(real->interval);
	if (real->armed)
		hrtimer_start(&sig->real_timer, ns_to_ktime(max(real->expires, 0)),
			      HRTIMER_MODE_ABS);
	else
		/* Not so far back that hrtimer_forward() overflows. */
		hrtimer_set_expires(&sig->real_timer,
				    ns_to_ktime(max(real->expires, KTIME_MIN / 2)));
	for (clock = 0; clock < ARRAY_SIZE(cpu_itimers); clock++) {
		const struct checkpoint_itimer *from = &timers[cpu_itimers[clock]];
		struct cpu_itimer *it = &sig->it[clock];
		/* Zero would be none. */
		u64 expires = max(from->expires, 1), none = 0;

		it->incr = from->interval;
		if (from->armed) {
			set_process_cpu_timer(task, clock, &expires, &none);
			it->expires = expires;
		}
	}
	unlock_task_sighand(task, &flags);
}
#endif
