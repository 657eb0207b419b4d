// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that work for io_urings: the one that submits (IORING_SETUP_SQPOLL), and
 * how many and where the workers of a task are; rings of provided buffers in memory
 * of the kernel; network devices that are polled. What they are stands in headers
 * that are private to io_uring/.
 */
#include <linux/bitops.h>
#include <linux/checkpoint_io_uring.h>
#include <linux/checkpoint_sched.h>
#include <linux/cpumask.h>
#include <linux/cpuset.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/io_uring_types.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mutex.h>
#include <linux/pagewalk.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/jobctl.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/wait.h>
#include <uapi/linux/sched/types.h>

#include "../../io_uring/io_uring.h"
#include "../../io_uring/io-wq.h"
#include "../../io_uring/kbuf.h"
#include "../../io_uring/memmap.h"
#include "../../io_uring/sqpoll.h"
#include "../../io_uring/tctx.h"

/**
 * checkpoint_uring_read_thread() - read what the thread is that submits for an io_uring
 * @ctx: the io_uring, which has one
 * @state: where to
 *
 * Return: 0; -EBUSY: somebody uses it; CHECKPOINT_URING_THREAD: it has ended, or serves
 * other io_urings as well.
 */
int checkpoint_uring_read_thread(struct io_ring_ctx *ctx, struct checkpoint_uring *state)
{
	struct io_sq_data *sqd = ctx->sq_data;
	int ret = CHECKPOINT_URING_THREAD;
	struct task_struct *thread;

	/* It does not hold that while it is frozen. */
	if (!mutex_trylock(&sqd->lock))
		return -EBUSY;
	thread = sqpoll_task_locked(sqd);
	if (thread && list_is_singular(&sqd->ctx_list)) {
		u64 idle = (u64)ctx->sq_thread_idle * MSEC_PER_SEC;

		state->thread = thread;
		state->thread_idle = min_t(u64, div_u64(idle, HZ), INT_MAX);
		/* That is where it was last; it may have been bound to others since. */
		if (ctx->flags & IORING_SETUP_SQ_AFF)
			state->thread_cpu = cpumask_test_cpu(sqd->sq_cpu, &thread->cpus_mask) ?
					    sqd->sq_cpu : cpumask_first(&thread->cpus_mask);
		ret = 0;
	}
	mutex_unlock(&sqd->lock);
	return ret;
}

/**
 * checkpoint_uring_shares() - does a task share what the thread of an io_uring has?
 * @file: the io_uring
 * @task: the task, which does not run
 *
 * Return: 1: it is of the same process, and both have the same files, root and working
 * directory; 0: it is not so; -EBUSY: somebody uses it.
 */
int checkpoint_uring_shares(struct file *file, struct task_struct *task)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct io_sq_data *sqd = ctx->sq_data;
	struct task_struct *thread;
	int ret = 0;

	/* It is set for as long as the file is open. */
	if (!sqd)
		return 0;
	if (!mutex_trylock(&sqd->lock))
		return -EBUSY;
	thread = sqpoll_task_locked(sqd);
	if (thread && thread != task)
		ret = thread->signal == task->signal &&
		      READ_ONCE(thread->files) == READ_ONCE(task->files) &&
		      READ_ONCE(thread->fs) == READ_ONCE(task->fs);
	mutex_unlock(&sqd->lock);
	return ret;
}

/**
 * checkpoint_uring_is_thread() - is a thread one that submits for io_urings?
 * @task: a thread with PF_IO_WORKER
 *
 * Return: it is, and not one that works on requests.
 */
bool checkpoint_uring_is_thread(struct task_struct *task)
{
	return !READ_ONCE(task->worker_private);
}

/* Has the thread that submits for a new io_uring stop, as task_join_group_stop(). */
static void stop_thread(struct io_sq_data *sqd, unsigned int signal)
{
	struct task_struct *thread;

	/* Not by its lock, which it has for as long as it looks for something to do. */
	rcu_read_lock();
	thread = rcu_dereference(sqd->thread);
	if (thread) {
		/* It is a thread of this process. */
		spin_lock_irq(&current->sighand->siglock);
		if (task_set_jobctl_pending(thread, JOBCTL_STOP_PENDING |
					    (signal & JOBCTL_STOP_SIGMASK)))
			signal_wake_up(thread, false);
		spin_unlock_irq(&current->sighand->siglock);
	}
	rcu_read_unlock();
}

/**
 * checkpoint_uring_add_thread() - give an io_uring the thread that submits for it
 * @ring: the io_uring, which the current task has made and nobody uses yet
 * @state: what it is to be
 * @signal: the one by which the process is stopped, which the thread is as well; or 0
 *
 * The thread shares what the current task has now, and has the credentials that the
 * io_uring was made with. It does nothing before checkpoint_uring_start().
 *
 * Return: 0, or an errno as of io_uring_setup(2). -EINVAL: it may not have that CPU.
 */
int checkpoint_uring_add_thread(struct file *ring, const struct checkpoint_uring *state,
				unsigned int signal)
{
	struct io_uring_params p = {
		.flags = state->setup & (IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF),
		.sq_thread_cpu = state->thread_cpu,
		.sq_thread_idle = state->thread_idle,
	};
	struct io_ring_ctx *ctx = ring->private_data;
	const struct cred *old;
	int ret;

	/* As io_uring_sanitise_params(), which has seen the others. */
	if (!(p.flags & IORING_SETUP_SQPOLL) || ctx->sq_data || ctx->mm_account != current->mm ||
	    ctx->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
			  IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SQ_REWIND))
		return -EINVAL;
	/* As checkpoint_uring_make() leaves it: others can do nothing with it. */
	if (!(ctx->flags & IORING_SETUP_R_DISABLED) || ctx->submitter_task != current)
		return -EINVAL;
	mutex_lock(&ctx->uring_lock);
	/* As io_uring_create(). */
	ctx->notify_method = TWA_SIGNAL_NO_IPI;
	ctx->int_flags &= ~IO_RING_F_SYSCALL_IOPOLL;
	mutex_unlock(&ctx->uring_lock);
	old = override_creds(ring->f_cred);
	ret = io_sq_offload_create(ctx, &p);
	revert_creds(old);
	if (ret)
		return ret;
	if (signal)
		stop_thread(ctx->sq_data, signal);
	/* Who sees that looks into what it has of its thread, for fdinfo as well. */
	mutex_lock(&ctx->uring_lock);
	ctx->flags |= p.flags;
	mutex_unlock(&ctx->uring_lock);
	return 0;
}

/* The thread of a new io_uring, on which the caller owns a reference; or %NULL: it is gone. */
static struct task_struct *get_thread(struct file *ring)
{
	struct io_ring_ctx *ctx = ring->private_data;
	struct task_struct *thread = NULL;

	/* Not by its lock, which it has for as long as it looks for something to do. */
	rcu_read_lock();
	if (ctx->sq_data)
		thread = rcu_dereference(ctx->sq_data->thread);
	if (thread)
		thread = tryget_task_struct(thread);
	rcu_read_unlock();
	return thread;
}

/* Is that for who has other rights? */
static bool is_denied(int err)
{
	return err == -EPERM || err == -EACCES;
}

/**
 * checkpoint_uring_schedule() - set how the thread of an io_uring is scheduled
 * @ring: the io_uring, after checkpoint_uring_add_thread()
 * @attr: how, as of sched_setattr(2)
 *
 * With the checks of that, as who has opened the io_uring: the thread has the same credentials.
 * It may have been set by somebody with more rights: so else as the current task, which has the
 * credentials of the caller of restart(2) still.
 *
 * Return: 0; -ESRCH: it is gone; or an errno as of sched_setattr(2).
 */
int checkpoint_uring_schedule(struct file *ring, const struct sched_attr *attr)
{
	struct task_struct *thread = get_thread(ring);
	const struct cred *old;
	int ret;

	if (!thread)
		return -ESRCH;
	old = override_creds(ring->f_cred);
	ret = sched_setattr(thread, attr);
	revert_creds(old);
	if (is_denied(ret))
		ret = sched_setattr(thread, attr);
	put_task_struct(thread);
	return ret;
}

/**
 * checkpoint_uring_bind() - bind the thread of an io_uring to CPUs
 * @ring: the io_uring, after checkpoint_uring_add_thread()
 * @cpus: the CPUs
 *
 * With the checks of sched_setaffinity(2), as checkpoint_uring_schedule().
 *
 * Return: 0; -ESRCH: it is gone; or an errno as of sched_setaffinity(2).
 */
int checkpoint_uring_bind(struct file *ring, const struct cpumask *cpus)
{
	struct task_struct *thread = get_thread(ring);
	const struct cred *old;
	int ret = -ESRCH;
	pid_t tid;

	if (!thread)
		return ret;
	/* It is of this process; 0 would be the current task. */
	tid = task_pid_vnr(thread);
	old = override_creds(ring->f_cred);
	if (tid)
		ret = sched_setaffinity(tid, cpus);
	revert_creds(old);
	if (is_denied(ret))
		ret = sched_setaffinity(tid, cpus);
	put_task_struct(thread);
	return ret;
}

/*
 * Gives the thread that submits for an io_uring the core scheduling cookie of @task,
 * which has made it, or is its issuer by now: the thread has that of the caller of
 * restart(2), as all had when it was made.
 */
static void share_cookie(struct io_sq_data *sqd, struct task_struct *task)
{
	struct task_struct *thread;

	rcu_read_lock();
	thread = rcu_dereference(sqd->thread);
	/* Where nobody can have one there is nothing to give. */
	if (thread && task)
		checkpoint_set_cookie(thread, same_thread_group(thread, task) ?
					      task : thread->group_leader);
	rcu_read_unlock();
}

/**
 * checkpoint_uring_start() - let the thread of an io_uring go
 * @ring: the io_uring, which has one
 * @enabled: it may submit
 */
void checkpoint_uring_start(struct file *ring, bool enabled)
{
	struct io_ring_ctx *ctx = ring->private_data;
	struct task_struct *maker = NULL;

	/* Of checkpoint_uring_make(), unless it has its issuer by now. */
	mutex_lock(&ctx->uring_lock);
	if (ctx->sq_data)
		share_cookie(ctx->sq_data, ctx->submitter_task);
	if (!enabled || !(ctx->flags & IORING_SETUP_SINGLE_ISSUER)) {
		maker = ctx->submitter_task;
		ctx->submitter_task = NULL;
	}
	if (enabled)
		/* As io_register_enable_rings(): with it who submits sees all of the above. */
		smp_store_release(&ctx->flags, ctx->flags & ~IORING_SETUP_R_DISABLED);
	mutex_unlock(&ctx->uring_lock);
	if (maker)
		put_task_struct(maker);
	if (ctx->sq_data)
		wake_up(&ctx->sq_data->wait);
}

/*
 * What the task that makes a ring has handed on binds what it registers, too. Returns
 * whether it may register @op.
 */
static bool may_register(const struct io_ring_ctx *ctx, unsigned int op)
{
	return !(ctx->int_flags & IO_RING_F_RESTRICT_INHERITED) ||
	       test_bit(op, ctx->restrictions.register_op);
}

/**
 * checkpoint_uring_limits() - read the limits of workers that users of an io_uring get
 * @file: the io_uring
 * @limits: where to: of those for files that are bounded, and of others; 0: none
 *
 * Return: there are some (IORING_REGISTER_IOWQ_MAX_WORKERS).
 */
bool checkpoint_uring_limits(struct file *file, unsigned int *limits)
{
	struct io_ring_ctx *ctx = file->private_data;

	limits[0] = READ_ONCE(ctx->iowq_limits[0]);
	limits[1] = READ_ONCE(ctx->iowq_limits[1]);
	/* As __io_uring_add_tctx_node(): it is set once, after them. */
	return data_race(ctx->int_flags) & IO_RING_F_IOWQ_LIMITS_SET;
}

/**
 * checkpoint_uring_set_limits() - limit the workers that users of an io_uring get
 * @ring: the io_uring, which nobody uses yet
 * @limits: as of checkpoint_uring_limits()
 *
 * As io_register_iowq_max_workers(), which also limits those that there are.
 *
 * Return: 0; -EINVAL: too many; -EACCES: the current task may not register that.
 */
int checkpoint_uring_set_limits(struct file *ring, const unsigned int *limits)
{
	struct io_ring_ctx *ctx = ring->private_data;

	if (limits[0] > INT_MAX || limits[1] > INT_MAX)
		return -EINVAL;
	if (!may_register(ctx, IORING_REGISTER_IOWQ_MAX_WORKERS))
		return -EACCES;
	mutex_lock(&ctx->uring_lock);
	ctx->iowq_limits[0] = limits[0];
	ctx->iowq_limits[1] = limits[1];
	ctx->int_flags |= IO_RING_F_IOWQ_LIMITS_SET;
	mutex_unlock(&ctx->uring_lock);
	return 0;
}

/**
 * checkpoint_uring_users() - read which tasks use an io_uring, and what workers these may have
 * @file: the io_uring
 * @to: room for them
 * @nr: for how many
 *
 * Return: how many there are, of which as many are told of as there is room for, and the
 * caller owns a reference on the pid of each, which may be %NULL; -ENOMEM.
 */
int checkpoint_uring_users(struct file *file, struct checkpoint_uring_user *to, unsigned int nr)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct io_tctx_node *node;
	cpumask_var_t allowed;
	unsigned int n = 0;

	if (!alloc_cpumask_var(&allowed, GFP_KERNEL))
		return -ENOMEM;
	/* A task takes its node out before its workers go. */
	mutex_lock(&ctx->tctx_lock);
	list_for_each_entry(node, &ctx->tctx_list, ctx_node) {
		struct io_uring_task *tctx = node->task->io_uring;
		int limits[2] = { };

		if (!tctx || !tctx->io_wq)
			continue;
		if (n < nr) {
			/* It sets none that are 0, and tells what was. */
			io_wq_max_workers(tctx->io_wq, limits);
			cpuset_cpus_allowed(node->task, allowed);
			to[n].pid = get_task_pid(node->task, PIDTYPE_PID);
			to[n].limits[0] = limits[0];
			to[n].limits[1] = limits[1];
			/* Where it may run on none of them they run where it does. */
			to[n].bound = !cpumask_equal(allowed, io_wq_cpus(tctx->io_wq)) &&
				      cpumask_intersects(allowed, io_wq_cpus(tctx->io_wq));
		}
		n++;
	}
	mutex_unlock(&ctx->tctx_lock);
	free_cpumask_var(allowed);
	return min_t(unsigned int, n, INT_MAX);
}

/**
 * checkpoint_uring_cpus() - read on which CPUs the workers of a task may run
 * @file: an io_uring that it uses
 * @task: the task
 * @to: where to
 *
 * Return: 0; -ESRCH: it does not use that any more.
 */
int checkpoint_uring_cpus(struct file *file, struct task_struct *task, struct cpumask *to)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct io_tctx_node *node;
	int ret = -ESRCH;

	mutex_lock(&ctx->tctx_lock);
	list_for_each_entry(node, &ctx->tctx_list, ctx_node) {
		if (node->task != task || !task->io_uring || !task->io_uring->io_wq)
			continue;
		cpumask_copy(to, io_wq_cpus(task->io_uring->io_wq));
		ret = 0;
		break;
	}
	mutex_unlock(&ctx->tctx_lock);
	return ret;
}

/**
 * checkpoint_uring_of_task() - get an io_uring that a task has registered for itself
 * @task: the task, which does not run
 * @place: where (IORING_REGISTER_RING_FDS)
 *
 * Return: its file, on which the caller owns a reference; %NULL: there is none.
 */
struct file *checkpoint_uring_of_task(struct task_struct *task, unsigned int place)
{
	struct io_uring_task *tctx;
	struct file *file = NULL;

	if (place >= IO_RINGFD_REG_MAX)
		return NULL;
	/* Freed with the task, or by itself; if it is killed it lets go of the file. */
	rcu_read_lock();
	tctx = READ_ONCE(task->io_uring);
	if (tctx)
		file = get_file_rcu((struct file __rcu __force **)&tctx->registered_rings[place]);
	rcu_read_unlock();
	return file;
}

/**
 * checkpoint_uring_add_user() - make a task a user of an io_uring
 * @ring: the io_uring, which nobody uses yet
 * @task: the task, which does not run
 * @limits: how many workers it may have, as of checkpoint_uring_limits(); 0: as many as others
 * @cpus: CPUs that these may run on, as far as the task may; %NULL: those of the task
 * @places: a bit for each place at which it has registered the io_uring for itself
 *
 * The caller's RLIMIT_NPROC bounds the limits.
 *
 * Return: 0, or an errno; -EINVAL: it may run on none of these CPUs; -EBUSY: there is an
 * io_uring at one of the places; -EACCES: the current task may not register that.
 */
int checkpoint_uring_add_user(struct file *ring, struct task_struct *task,
			      const unsigned int *limits, const struct cpumask *cpus,
			      unsigned long places)
{
	struct io_ring_ctx *ctx = ring->private_data;
	int ret, place, new[2] = { limits[0], limits[1] };

	if (limits[0] > INT_MAX || limits[1] > INT_MAX || places >= BIT(IO_RINGFD_REG_MAX))
		return -EINVAL;
	if ((cpus && !may_register(ctx, IORING_REGISTER_IOWQ_AFF)) ||
	    (places && !may_register(ctx, IORING_REGISTER_RING_FDS)))
		return -EACCES;
	ret = io_uring_add_task(ctx, task);
	if (ret)
		return ret;
	io_wq_max_workers(task->io_uring->io_wq, new);
	if (cpus) {
		cpumask_var_t mask;

		if (!alloc_cpumask_var(&mask, GFP_KERNEL))
			return -ENOMEM;
		/* Those that there are of them. */
		cpuset_cpus_allowed(task, mask);
		if (cpumask_and(mask, mask, cpus))
			ret = io_wq_cpu_affinity(task->io_uring, mask);
		else
			ret = -EINVAL;
		free_cpumask_var(mask);
		if (ret)
			return ret;
	}
	for_each_set_bit(place, &places, IO_RINGFD_REG_MAX) {
		ret = io_ring_add_registered_file(task->io_uring, get_file(ring), place, place + 1);
		if (ret < 0) {
			fput(ring);
			return ret;
		}
	}
	return 0;
}

/* A ring of provided buffers in memory of the kernel (IOU_PBUF_RING_MMAP), or %NULL. */
static struct io_buffer_list *kernel_ring(struct io_ring_ctx *ctx, unsigned int group)
	__must_hold(&ctx->uring_lock)
{
	struct io_buffer_list *bl = xa_load(&ctx->io_bl_xa, group);

	return bl && bl->flags & IOBL_BUF_RING && !bl->addr ? bl : NULL;
}

/**
 * checkpoint_uring_ring_memory() - read the memory of a ring of provided buffers
 * @file: the io_uring
 * @group: the number of the ring, which is in memory of the kernel
 * @to: where to
 * @size: its size, in whole pages
 *
 * Return: 0; -EBUSY: somebody uses the io_uring, or there is another ring by now.
 */
int checkpoint_uring_ring_memory(struct file *file, unsigned int group, void *to, size_t size)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct io_buffer_list *bl;
	int ret = -EBUSY;

	if (!mutex_trylock(&ctx->uring_lock))
		return ret;
	bl = kernel_ring(ctx, group);
	if (bl && io_region_size(&bl->region) == size) {
		memcpy(to, io_region_get_ptr(&bl->region), size);
		ret = 0;
	}
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/**
 * checkpoint_uring_maps_ring() - is a mapping all of a ring of provided buffers?
 * @file: the io_uring that is mapped
 * @group: the number of the ring, by the offset that is mapped
 * @mm: the address space, which has users
 * @start: address of the mapping
 * @len: its length
 *
 * Return: 1: it is; 0: it is not, or not any more; -EBUSY: somebody uses the io_uring;
 * -EINTR: SIGKILL came.
 */
int checkpoint_uring_maps_ring(struct file *file, unsigned int group, struct mm_struct *mm,
			       unsigned long start, unsigned long len)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct io_buffer_list *bl;
	int ret;

	if (!mutex_trylock(&ctx->uring_lock))
		return -EBUSY;
	ret = mmap_read_lock_killable(mm);
	if (ret)
		goto out;
	bl = kernel_ring(ctx, group);
	if (bl && io_region_size(&bl->region) == len)
		ret = io_kbuf_is_mapped(mm, bl, start);
	mmap_read_unlock(mm);
out:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/**
 * checkpoint_uring_maps() - is a mapping of the memory that an io_uring has?
 * @file: the io_uring that is mapped
 * @entries: of its submission queue entries, else of its rings
 * @mm: the address space, which has users
 * @start: address of the mapping, which begins with them
 *
 * It is of what it had before if the io_uring was resized since (IORING_REGISTER_RESIZE_RINGS).
 *
 * Return: 1: it is; 0: it is not, or not any more; -EBUSY: somebody uses the io_uring;
 * -EINTR: SIGKILL came.
 */
int checkpoint_uring_maps(struct file *file, bool entries, struct mm_struct *mm,
			  unsigned long start)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct io_mapped_region *region = entries ? &ctx->sq_region : &ctx->ring_region;
	struct vm_area_struct *vma;
	struct folio_walk fw;
	int ret;

	if (!mutex_trylock(&ctx->uring_lock))
		return -EBUSY;
	ret = mmap_read_lock_killable(mm);
	if (ret)
		goto out;
	/* Its pages are mapped all at once, and do not change: so one tells of all. */
	vma = vma_lookup(mm, start);
	if (vma && io_region_is_set(region) && folio_walk_start(&fw, vma, start, 0)) {
		ret = fw.page == region->pages[0];
		folio_walk_end(&fw, vma);
	}
	mmap_read_unlock(mm);
out:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

#ifdef CONFIG_NET_RX_BUSY_POLL
/**
 * checkpoint_uring_napi() - read how an io_uring polls the network devices of its sockets
 * @file: the io_uring
 * @usecs: where to put for how many microseconds
 * @prefer: where to put whether interrupts are put off for that
 *
 * Return: it does so (IORING_REGISTER_NAPI), and finds the devices by the sockets.
 */
bool checkpoint_uring_napi(struct file *file, unsigned int *usecs, bool *prefer)
{
	struct io_ring_ctx *ctx = file->private_data;

	*usecs = ktime_to_us(READ_ONCE(ctx->napi_busy_poll_dt));
	*prefer = READ_ONCE(ctx->napi_prefer_busy_poll);
	return READ_ONCE(ctx->napi_track_mode) == IO_URING_NAPI_TRACKING_DYNAMIC;
}

/**
 * checkpoint_uring_set_napi() - have an io_uring poll the network devices of its sockets
 * @ring: the io_uring, which nobody uses yet
 * @usecs: for how many microseconds
 * @prefer: interrupts are put off for that
 *
 * As io_register_napi().
 *
 * Return: 0; -EINVAL: it polls other devices, or too long; -EACCES: the current task
 * may not register that; -EOPNOTSUPP: the kernel can't.
 */
int checkpoint_uring_set_napi(struct file *ring, unsigned int usecs, bool prefer)
{
	struct io_ring_ctx *ctx = ring->private_data;

	if (ctx->flags & IORING_SETUP_IOPOLL || usecs > 10000)
		return -EINVAL;
	if (!may_register(ctx, IORING_REGISTER_NAPI))
		return -EACCES;
	mutex_lock(&ctx->uring_lock);
	WRITE_ONCE(ctx->napi_busy_poll_dt, usecs * NSEC_PER_USEC);
	WRITE_ONCE(ctx->napi_prefer_busy_poll, prefer);
	WRITE_ONCE(ctx->napi_track_mode, IO_URING_NAPI_TRACKING_DYNAMIC);
	mutex_unlock(&ctx->uring_lock);
	return 0;
}
#else
bool checkpoint_uring_napi(struct file *file, unsigned int *usecs, bool *prefer)
{
	return false;
}

int checkpoint_uring_set_napi(struct file *ring, unsigned int usecs, bool prefer)
{
	return -EOPNOTSUPP;
}
#endif
