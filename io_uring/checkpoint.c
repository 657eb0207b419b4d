// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint/restart of io_urings: a ring, its memory, and what is registered but for buffers.
 */

#include <linux/checkpoint_io_uring.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/percpu_counter.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "io_uring.h"
#include "eventfd.h"
#include "filetable.h"
#include "kbuf.h"
#include "memmap.h"
#include "napi.h"
#include "register.h"
#include "rsrc.h"
#include "sqpoll.h"
#include "tctx.h"
#include "checkpoint.h"

/* How a ring may have been set up that checkpoint_uring_get() can read. */
#define CHECKPOINT_URING_SETUP	(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |	\
				 IORING_SETUP_SUBMIT_ALL |			\
				 IORING_SETUP_COOP_TASKRUN |			\
				 IORING_SETUP_TASKRUN_FLAG |			\
				 IORING_SETUP_SQE128 | IORING_SETUP_CQE32 |	\
				 IORING_SETUP_NO_SQARRAY |			\
				 IORING_SETUP_R_DISABLED |			\
				 IORING_SETUP_SINGLE_ISSUER |			\
				 IORING_SETUP_DEFER_TASKRUN |			\
				 IORING_SETUP_IOPOLL |				\
				 IORING_SETUP_HYBRID_IOPOLL |			\
				 IORING_SETUP_CQE_MIXED |			\
				 IORING_SETUP_SQE_MIXED |			\
				 IORING_SETUP_SQ_REWIND | CHECKPOINT_URING_THREAD_SETUP)

/*
 * Is something kept of a task that uses a ring until that is thawed? It may be of another ring, or
 * wait for a file that is ready by now.
 */
static bool checkpoint_uring_is_kept(struct io_ring_ctx *ctx)
	__must_hold(&ctx->uring_lock)
{
	struct io_tctx_node *node;
	bool kept = false;

	/* As io_ring_thaw(). */
	mutex_lock(&ctx->tctx_lock);
	list_for_each_entry(node, &ctx->tctx_list, ctx_node)
		if (node->task->io_uring)
			kept |= !llist_empty(&node->task->io_uring->frozen_list);
	mutex_unlock(&ctx->tctx_lock);
	return kept;
}

/*
 * Why a ring can't be read: what it has that is not in struct checkpoint_uring.
 * -EBUSY: a signal of its eventfd is still to come.
 */
static int checkpoint_uring_refusal(struct io_ring_ctx *ctx, struct checkpoint_uring *state)
	__must_hold(&ctx->uring_lock)
{
	const void *context;
	bool async;

	if (ctx->flags & ~CHECKPOINT_URING_SETUP)
		return CHECKPOINT_URING_FLAGS;
	if (ctx->submitter_task && READ_ONCE(ctx->submitter_task->flags) & PF_EXITING)
		return CHECKPOINT_URING_ISSUER;
	if (ctx->int_flags & IO_RING_F_COMPAT)
		return CHECKPOINT_URING_COMPAT;
	/* What is left has not ended: those that have are kept for others. */
	__io_req_caches_free(ctx);
	state->requests = checkpoint_uring_list(ctx, state, NULL, 0, NULL);
	/* One that was issued, and is tried again when its task runs, is in no list of the ring. */
	if (ctx->nr_req_allocated > state->requests + state->ios + state->links &&
	    !state->other_work && !state->busy_name && checkpoint_uring_is_kept(ctx))
		return CHECKPOINT_URING_TURN;
	/* Those that somebody polls for, or that are for who does not run now, need that one. */
	state->under_way = ctx->nr_req_allocated > state->requests + state->ios + state->links &&
			   !state->busy_name && !state->other_work && !ctx->sq_data &&
			   !(ctx->flags & IORING_SETUP_IOPOLL);
	/* What another ring has sent is not counted there. */
	if (ctx->nr_req_allocated != state->requests + state->ios + state->links ||
	    state->other_work || state->busy_name)
		return CHECKPOINT_URING_IN_FLIGHT;
	/* They are of its thread, or polled for. */
	if (ctx->nr_req_allocated && (ctx->sq_data || ctx->flags & IORING_SETUP_IOPOLL))
		return CHECKPOINT_URING_IN_FLIGHT;
	if (ctx->flags & IORING_SETUP_SQPOLL) {
		int ret = checkpoint_uring_read_thread(ctx, state);

		if (ret)
			return ret;
	}
	if (!list_empty_careful(&ctx->cq_overflow_list) || READ_ONCE(ctx->check_cq))
		return CHECKPOINT_URING_OVERFLOW;
	/* Those of a task, which it has handed on. */
	if (ctx->int_flags & IO_RING_F_RESTRICT_INHERITED || ctx->restrictions.bpf_filters)
		return CHECKPOINT_URING_RESTRICTED;
	/* Those of its thread. Others are read of the tasks that have them. */
	if (ctx->sq_data && ctx->int_flags & (IO_RING_F_IOWQ_LIMITS_SET | IO_RING_F_IOWQ_AFF_SET))
		return CHECKPOINT_URING_WORKERS;
	if (ctx->cq_wait_arg || io_region_is_set(&ctx->param_region))
		return CHECKPOINT_URING_REGION;
	if (!xa_empty(&ctx->zcrx_ctxs))
		return CHECKPOINT_URING_QUEUES;
	if (ctx->bpf_ops || ctx->loop_step)
		return CHECKPOINT_URING_BPF;
#ifdef CONFIG_NET_RX_BUSY_POLL
	/* Devices that were named have other numbers after a restart. */
	if (ctx->napi_track_mode == IO_URING_NAPI_TRACKING_STATIC)
		return CHECKPOINT_URING_NAPI;
#endif
	if (ctx->clockid != CLOCK_MONOTONIC && ctx->clockid != CLOCK_BOOTTIME)
		return CHECKPOINT_URING_OTHER;
	return io_eventfd_get(ctx, &context, &async);
}

/* Reads what is registered. */
static void checkpoint_uring_registered(struct io_ring_ctx *ctx, struct checkpoint_uring *state)
	__must_hold(&ctx->uring_lock)
{
	const struct io_restriction *only = &ctx->restrictions;
	unsigned long id;
	unsigned int i;
	void *cred;

	BUILD_BUG_ON(IORING_OP_LAST > 128);
	BUILD_BUG_ON(IORING_REGISTER_LAST > 64);

	state->slots = ctx->file_table.data.nr;
	if (state->slots)
		state->files = bitmap_weight(ctx->file_table.bitmap, state->slots);
	state->alloc_start = ctx->file_alloc_start;
	state->alloc_end = ctx->file_alloc_end;
	state->alloc_hint = ctx->file_table.alloc_hint;
	state->buffer_slots = ctx->buf_table.nr;
	for (i = 0; i < ctx->buf_table.nr; i++)
		state->buffers += !!ctx->buf_table.nodes[i];
	state->mm = ctx->mm_account;
	io_kbuf_count(ctx, state);
	xa_for_each(&ctx->personalities, id, cred)
		state->personalities++;
	state->next_personality = ctx->pers_next;
	/* If it is just being signalled, the ring is refused for now. */
	io_eventfd_get(ctx, &state->eventfd, &state->eventfd_async);
	state->ops_restricted = only->op_registered;
	state->registers_restricted = only->reg_registered;
	state->sqe_flags_allowed = only->sqe_flags_allowed;
	state->sqe_flags_required = only->sqe_flags_required;
	bitmap_to_arr64(state->ops, only->sqe_op, IORING_OP_LAST);
	bitmap_to_arr64(&state->registers, only->register_op, IORING_REGISTER_LAST);
}

/**
 * checkpoint_uring_get() - read an io_uring
 * @file: its file
 * @state: what it has
 *
 * Return: 0; CHECKPOINT_URING_*: it has something that can't be read; -EBUSY:
 * somebody uses it.
 */
int checkpoint_uring_get(struct file *file, struct checkpoint_uring *state)
{
	struct io_ring_ctx *ctx = file->private_data;
	int why;

	memset(state, 0, sizeof(*state));
	/* Its holder may wait for memory that a program has to provide. */
	if (!mutex_trylock(&ctx->uring_lock))
		return -EBUSY;
	state->setup = ctx->flags;
	state->sq_entries = ctx->sq_entries;
	state->cq_entries = ctx->cq_entries;
	state->sq_head = ctx->cached_sq_head;
	state->cq_tail = ctx->cached_cq_tail;
	state->drain_disabled = ctx->int_flags & IO_RING_F_DRAIN_DISABLED;
	state->drain_active = ctx->int_flags & IO_RING_F_DRAIN_ACTIVE;
	state->drain_next = ctx->int_flags & IO_RING_F_DRAIN_NEXT;
	state->boottime = ctx->clockid == CLOCK_BOOTTIME;
	/* It is told of what comes first only, until the task has asked. */
	state->told = ctx->int_flags & IO_RING_F_HAS_EVFD && io_local_work_pending(ctx);
	if (state->told)
		state->told_at = get_state_synchronize_rcu();
	state->rings_size = io_region_size(&ctx->ring_region);
	state->sqes_size = io_region_size(&ctx->sq_region);
	checkpoint_uring_registered(ctx, state);
	why = checkpoint_uring_refusal(ctx, state);
	mutex_unlock(&ctx->uring_lock);
	return why;
}

/**
 * checkpoint_uring_issuer() - get the pid of the only task that may submit to an io_uring
 * @file: its file
 *
 * Return: the pid, on which the caller owns a reference; %NULL: there is none.
 */
struct pid *checkpoint_uring_issuer(struct file *file)
{
	struct io_ring_ctx *ctx = file->private_data;
	/* Set once, and kept for as long as the ring is there. */
	struct task_struct *task = READ_ONCE(ctx->submitter_task);

	return task ? get_task_pid(task, PIDTYPE_PID) : NULL;
}

/**
 * checkpoint_uring_files() - get the registered files of an io_uring
 * @file: its file
 * @slots: room for them
 * @nr: how many there are
 *
 * Return: 0, and the caller owns a reference on each; -EBUSY: somebody uses it,
 * or there is another number by now.
 */
int checkpoint_uring_files(struct file *file, struct checkpoint_uring_slot *slots,
			   unsigned int nr)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct io_file_table *table = &ctx->file_table;
	unsigned int i, found = 0;
	int ret = -EBUSY;

	if (!mutex_trylock(&ctx->uring_lock))
		return ret;
	if (table->data.nr)
		found = bitmap_weight(table->bitmap, table->data.nr);
	if (found != nr)
		goto out;
	for (i = 0; i < table->data.nr && nr; i++) {
		struct io_rsrc_node *node = table->data.nodes[i];

		if (!node)
			continue;
		slots->file = get_file(io_slot_file(node));
		slots->node = node;
		slots->tag = node->tag;
		slots->index = i;
		slots++;
		nr--;
	}
	ret = 0;
out:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/**
 * checkpoint_uring_personalities() - get the personalities of an io_uring
 * @file: its file
 * @to: room for them
 * @nr: how many there are
 *
 * Return: 0, and the caller owns a reference on each; -EBUSY: somebody uses it,
 * or there is another number by now.
 */
int checkpoint_uring_personalities(struct file *file, struct checkpoint_uring_personality *to,
				   unsigned int nr)
{
	struct io_ring_ctx *ctx = file->private_data;
	unsigned int found = 0;
	unsigned long id;
	int ret = -EBUSY;
	void *cred;

	if (!mutex_trylock(&ctx->uring_lock))
		return ret;
	xa_for_each(&ctx->personalities, id, cred)
		found++;
	if (found != nr)
		goto out;
	xa_for_each(&ctx->personalities, id, cred) {
		to->cred = get_cred((const struct cred *)cred);
		to->id = id;
		to++;
	}
	ret = 0;
out:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/**
 * checkpoint_uring_read() - read the memory of an io_uring
 * @file: its file
 * @state: what checkpoint_uring_get() has found
 * @rings: room for its rings
 * @sqes: room for its submission queue entries
 *
 * Return: 0; -EBUSY: somebody uses it, or has since @state was read.
 */
int checkpoint_uring_read(struct file *file, const struct checkpoint_uring *state,
			  void *rings, void *sqes)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct checkpoint_uring now = { };
	int ret = -EBUSY;

	if (!mutex_trylock(&ctx->uring_lock))
		return ret;
	if (!checkpoint_uring_refusal(ctx, &now) && ctx->cached_sq_head == state->sq_head &&
	    ctx->cached_cq_tail == state->cq_tail && now.requests == state->requests &&
	    now.ios == state->ios && now.vecs == state->vecs && now.links == state->links &&
	    now.link_vecs == state->link_vecs && now.link_futexes == state->link_futexes &&
	    now.futexes == state->futexes &&
	    io_region_size(&ctx->ring_region) == state->rings_size &&
	    io_region_size(&ctx->sq_region) == state->sqes_size) {
		memcpy(rings, io_region_get_ptr(&ctx->ring_region), state->rings_size);
		memcpy(sqes, io_region_get_ptr(&ctx->sq_region), state->sqes_size);
		ret = 0;
	}
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/*
 * What the task that makes a ring has handed on binds what it registers, too: one of
 * @op and @other must be allowed.
 */
static bool checkpoint_uring_may(struct io_ring_ctx *ctx, unsigned int op, unsigned int other)
{
	return !(ctx->int_flags & IO_RING_F_RESTRICT_INHERITED) ||
	       test_bit(op, ctx->restrictions.register_op) ||
	       test_bit(other, ctx->restrictions.register_op);
}

/* Restricts a new ring, as io_register_restrictions(). */
static int checkpoint_uring_restrict(struct io_ring_ctx *ctx,
				     const struct checkpoint_uring *state)
	__must_hold(&ctx->uring_lock)
{
	struct io_restriction *only = &ctx->restrictions;
	struct io_restriction new = { };
	unsigned int op;

	if (!state->ops_restricted && !state->registers_restricted)
		return 0;
	for (op = 0; op < 128; op++) {
		if (!(state->ops[op / 64] & BIT_ULL(op % 64)))
			continue;
		if (op >= IORING_OP_LAST)
			return -EINVAL;
		__set_bit(op, new.sqe_op);
	}
	for (op = 0; op < 64; op++) {
		if (!(state->registers & BIT_ULL(op)))
			continue;
		if (op >= IORING_REGISTER_LAST)
			return -EINVAL;
		__set_bit(op, new.register_op);
	}
	/* The current task is restricted, and hands that on: no other one is taken. */
	if (only->op_registered || only->reg_registered || only->bpf_filters) {
		if (only->bpf_filters || only->op_registered != state->ops_restricted ||
		    only->reg_registered != state->registers_restricted ||
		    only->sqe_flags_allowed != state->sqe_flags_allowed ||
		    only->sqe_flags_required != state->sqe_flags_required ||
		    !bitmap_equal(only->sqe_op, new.sqe_op, IORING_OP_LAST) ||
		    !bitmap_equal(only->register_op, new.register_op, IORING_REGISTER_LAST))
			return -EBUSY;
		return 0;
	}
	bitmap_copy(only->sqe_op, new.sqe_op, IORING_OP_LAST);
	bitmap_copy(only->register_op, new.register_op, IORING_REGISTER_LAST);
	only->sqe_flags_allowed = state->sqe_flags_allowed;
	only->sqe_flags_required = state->sqe_flags_required;
	only->op_registered = state->ops_restricted;
	only->reg_registered = state->registers_restricted;
	if (only->op_registered)
		ctx->int_flags |= IO_RING_F_OP_RESTRICTED;
	if (only->reg_registered)
		ctx->int_flags |= IO_RING_F_REG_RESTRICTED;
	return 0;
}

/* Gives a new ring room for registered files, as io_sqe_files_register(). */
static int checkpoint_uring_table(struct io_ring_ctx *ctx, const struct checkpoint_uring *state)
	__must_hold(&ctx->uring_lock)
{
	if (!state->slots)
		return 0;
	if (!checkpoint_uring_may(ctx, IORING_REGISTER_FILES, IORING_REGISTER_FILES2))
		return -EACCES;
	/* The task that had it may have raised its limit so far since. */
	if (state->slots > rlimit_max(RLIMIT_NOFILE))
		return -EMFILE;
	if (!io_alloc_file_tables(ctx, &ctx->file_table, state->slots))
		return -ENOMEM;
	return 0;
}

/**
 * checkpoint_uring_make() - make an io_uring that was saved
 * @state: what it is to have
 * @rings: contents of its rings
 * @sqes: contents of its submission queue entries
 *
 * With the checks of io_uring_setup(2). The memory is that of programs, which
 * may write anything to it. The current task has no io_uring. It does not
 * become a user of this one: it and others do by submitting something, and get
 * workers by their own limits and CPUs then.
 *
 * What is registered comes after, but for restrictions, which do not bind that.
 *
 * Return: the file, or an error pointer. -EINVAL: it would have another size, or
 * can't be set up so; -EMFILE: it has room for more files than a task may have
 * open; else as of io_uring_setup(2).
 */
struct file *checkpoint_uring_make(const struct checkpoint_uring *state, const void *rings,
				   const void *sqes)
{
	struct io_ctx_config config;
	struct io_ring_ctx *ctx;
	struct file *file;
	int ret;

	if (state->setup & ~CHECKPOINT_URING_SETUP || current->io_uring)
		return ERR_PTR(-EINVAL);
	ret = io_uring_allowed();
	if (ret)
		return ERR_PTR(ret);

	memset(&config, 0, sizeof(config));
	/* Its thread is made when its process has all that they share. */
	config.p.flags = state->setup & ~CHECKPOINT_URING_THREAD_SETUP;
	if (state->setup & IORING_SETUP_SQPOLL)
		config.p.flags |= IORING_SETUP_R_DISABLED;
	config.p.sq_entries = state->sq_entries;
	config.p.cq_entries = state->cq_entries;
	config.file = &file;
	ret = io_uring_create(&config);
	if (ret)
		return ERR_PTR(ret);
	io_uring_task_cancel();

	ctx = file->private_data;
	mutex_lock(&ctx->uring_lock);
	if (ctx->sq_entries != state->sq_entries || ctx->cq_entries != state->cq_entries ||
	    io_region_size(&ctx->ring_region) != state->rings_size ||
	    io_region_size(&ctx->sq_region) != state->sqes_size ||
	    ctx->int_flags & IO_RING_F_COMPAT) {
		ret = -EINVAL;
	} else {
		/* It has attached to nothing: what shares a thread is refused. */
		ctx->flags |= state->setup & IORING_SETUP_ATTACH_WQ;
		/*
		 * Who gets at the file (pidfd_getfd(2)) can't enable it, nor register
		 * anything while its thread comes, before checkpoint_uring_start().
		 */
		if (state->setup & IORING_SETUP_SQPOLL)
			ctx->submitter_task = get_task_struct(current);
		memcpy(io_region_get_ptr(&ctx->ring_region), rings, state->rings_size);
		memcpy(io_region_get_ptr(&ctx->sq_region), sqes, state->sqes_size);
		/* Whoever has work to do sets it again. */
		if (ctx->flags & IORING_SETUP_TASKRUN_FLAG)
			atomic_andnot(IORING_SQ_TASKRUN, &ctx->rings->sq_flags);
		ctx->cached_sq_head = state->sq_head;
		ctx->cached_cq_tail = state->cq_tail;
		if (state->drain_disabled)
			ctx->int_flags |= IO_RING_F_DRAIN_DISABLED;
		/* As io_init_drain(): what is submitted from now on waits for that. */
		if (state->drain_active)
			ctx->int_flags |= IO_RING_F_DRAIN_ACTIVE;
		if (state->drain_next)
			ctx->int_flags |= IO_RING_F_DRAIN_NEXT;
		/*
		 * Nobody completes anything yet, so this needs no task work of
		 * the task that alone may submit, which is another one by now.
		 */
		ctx->int_flags |= IO_RING_F_POLL_ACTIVATED;
		/* As io_register_clock(). */
		if (state->boottime && !checkpoint_uring_may(ctx, IORING_REGISTER_CLOCK,
							     IORING_REGISTER_CLOCK)) {
			ret = -EACCES;
		} else if (state->boottime) {
			ctx->clockid = CLOCK_BOOTTIME;
			ctx->clock_offset = TK_OFFS_BOOT;
		}
		if (!ret)
			ret = checkpoint_uring_restrict(ctx, state);
		if (!ret)
			ret = checkpoint_uring_table(ctx, state);
	}
	mutex_unlock(&ctx->uring_lock);
	if (ret) {
		fput(file);
		return ERR_PTR(ret);
	}
	return file;
}

/**
 * checkpoint_uring_add_file() - register a file with an io_uring
 * @ring: the io_uring, which nobody uses yet
 * @index: where
 * @file: the file
 * @tag: its tag, or 0
 *
 * Return: 0, or an errno; -EBADF: it is an io_uring, or was opened with O_PATH;
 * -EEXIST: there is one already; -EINVAL: there is no such place.
 */
int checkpoint_uring_add_file(struct file *ring, unsigned int index, struct file *file, u64 tag)
{
	struct io_ring_ctx *ctx = ring->private_data;
	struct io_rsrc_data *data = &ctx->file_table.data;
	int ret = -EEXIST;

	/* As fget(). */
	if (file->f_mode & FMODE_PATH)
		return -EBADF;
	mutex_lock(&ctx->uring_lock);
	if (index >= data->nr) {
		ret = -EINVAL;
	} else if (!data->nodes[index]) {
		ret = __io_fixed_fd_install(ctx, get_file(file), index + 1);
		if (ret < 0)
			fput(file);
		else
			data->nodes[index]->tag = tag;
	}
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/**
 * checkpoint_uring_add_personality() - give an io_uring a personality
 * @ring: the io_uring, which nobody uses yet
 * @id: its number
 * @cred: the credentials
 *
 * Return: 0, or an errno; -EACCES: the current task may not register any; -EBUSY: there
 * is one already.
 */
int checkpoint_uring_add_personality(struct file *ring, unsigned int id, const struct cred *cred)
{
	struct io_ring_ctx *ctx = ring->private_data;
	int ret;

	if (!id || id > USHRT_MAX)
		return -EINVAL;
	if (!checkpoint_uring_may(ctx, IORING_REGISTER_PERSONALITY, IORING_REGISTER_PERSONALITY))
		return -EACCES;
	mutex_lock(&ctx->uring_lock);
	ret = xa_insert(&ctx->personalities, id, (void *)get_cred(cred), GFP_KERNEL);
	mutex_unlock(&ctx->uring_lock);
	if (ret)
		put_cred(cred);
	return ret;
}

/**
 * checkpoint_uring_finish() - give a new io_uring what depends on all that is registered
 * @ring: the io_uring, which nobody uses yet
 * @state: what it is to have
 * @eventfd: the eventfd that it signals, or %NULL
 *
 * Return: 0, or an errno; -EINVAL: @eventfd is no eventfd, or numbers are impossible.
 */
int checkpoint_uring_finish(struct file *ring, const struct checkpoint_uring *state,
			    struct file *eventfd)
{
	struct io_ring_ctx *ctx = ring->private_data;
	int ret = -EINVAL;

	if (eventfd && !checkpoint_uring_may(ctx, IORING_REGISTER_EVENTFD,
					     IORING_REGISTER_EVENTFD_ASYNC))
		return -EACCES;
	mutex_lock(&ctx->uring_lock);
	if (state->alloc_start > state->alloc_end ||
	    state->alloc_end > ctx->file_table.data.nr)
		goto out;
	io_file_table_set_alloc_range(ctx, state->alloc_start,
				      state->alloc_end - state->alloc_start);
	ctx->file_table.alloc_hint = state->alloc_hint;
	ctx->pers_next = state->next_personality;
	ret = eventfd ? io_eventfd_set(ctx, eventfd, state->eventfd_async) : 0;
out:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/**
 * checkpoint_uring_set_issuer() - tell which task alone may submit to an io_uring
 * @ring: the io_uring, which nobody uses yet
 * @task: the task
 *
 * Return: 0; -EINVAL: all may, or none yet; -EINTR: the caller was killed.
 */
int checkpoint_uring_set_issuer(struct file *ring, struct task_struct *task)
{
	struct io_ring_ctx *ctx = ring->private_data;
	struct task_struct *old = NULL;
	int ret = -EINVAL;

	if (checkpoint_uring_lock(ctx))
		return -EINTR;
	/* One with a thread is disabled until the tasks run. */
	if (ctx->flags & IORING_SETUP_SINGLE_ISSUER &&
	    (!(ctx->flags & IORING_SETUP_R_DISABLED) || ctx->sq_data)) {
		old = ctx->submitter_task;
		ctx->submitter_task = get_task_struct(task);
		ret = 0;
	}
	mutex_unlock(&ctx->uring_lock);
	if (old)
		put_task_struct(old);
	return ret;
}

/**
 * checkpoint_uring_hush() - let an io_uring tell its eventfd of work, or not
 * @ring: the io_uring, which nobody uses yet
 * @on: it does not, as it has told of work before that its task has still to do
 *
 * Return: 0; -EINTR: the caller was killed.
 */
int checkpoint_uring_hush(struct file *ring, bool on)
{
	struct io_ring_ctx *ctx = ring->private_data;

	if (checkpoint_uring_lock(ctx))
		return -EINTR;
	if (on)
		ctx->int_flags &= ~IO_RING_F_HAS_EVFD;
	else if (rcu_access_pointer(ctx->io_ev_fd))
		ctx->int_flags |= IO_RING_F_HAS_EVFD;
	mutex_unlock(&ctx->uring_lock);
	return 0;
}

/**
 * checkpoint_uring_settle() - wait until the eventfd of an io_uring was told, or is to be by RCU
 * @told_at: when its work was seen, as of checkpoint_uring_get()
 *
 * io_req_local_work_add() adds work before it tells of it. A signal that is still to come then
 * keeps checkpoint_uring_get() from reading the ring.
 */
void checkpoint_uring_settle(unsigned long told_at)
{
	cond_synchronize_rcu_expedited(told_at);
}

/**
 * checkpoint_uring_place() - let an io_uring be mapped at an address, or not any more
 * @file: its file, which only the caller has
 * @on: it may be
 */
void checkpoint_uring_place(struct file *file, bool on)
{
	struct io_ring_ctx *ctx = file->private_data;

	mutex_lock(&ctx->uring_lock);
	if (on)
		ctx->int_flags |= IO_RING_F_PLACED;
	else
		ctx->int_flags &= ~IO_RING_F_PLACED;
	mutex_unlock(&ctx->uring_lock);
}

/**
 * checkpoint_uring_in_flight() - count the requests that a task has in flight
 * @task: the task, which does not run
 *
 * Return: how many, of all rings that it uses.
 */
u64 checkpoint_uring_in_flight(struct task_struct *task)
{
	/* Freed with the task, or by itself. */
	struct io_uring_task *tctx = READ_ONCE(task->io_uring);

	/* Those that it has got in advance are counted, too. */
	return tctx ? percpu_counter_sum(&tctx->inflight) - tctx->cached_refs : 0;
}
