// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint/restart of io_urings: buffers that are provided to them.
 */

#include <linux/checkpoint_io_uring.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/mm.h>
#include <linux/pagewalk.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "io_uring.h"
#include "kbuf.h"
#include "memmap.h"
#include "checkpoint.h"

/* Counts groups of buffers that are provided, and the buffers of those that are lists. */
void io_kbuf_count(struct io_ring_ctx *ctx, struct checkpoint_uring *state)
{
	struct io_buffer_list *bl;
	unsigned long id;

	xa_for_each(&ctx->io_bl_xa, id, bl) {
		state->groups++;
		if (!(bl->flags & IOBL_BUF_RING))
			state->provided += bl->nbufs;
		else if (bl->addr)
			state->group_rings++;
	}
}

/*
 * Is the memory of a ring of buffers what is mapped at @start, so that it is there that the
 * program provides some? -EINTR: SIGKILL came.
 */
int io_kbuf_is_mapped(struct mm_struct *mm, const struct io_buffer_list *bl, u64 start)
{
	unsigned long addr = untagged_addr_remote(mm, start);
	struct vm_area_struct *vma = NULL;
	unsigned int i;

	mmap_assert_locked(mm);
	for (i = 0; i < bl->region.nr_pages; i++, addr += PAGE_SIZE) {
		struct folio_walk fw;
		bool same;

		if (!vma || addr >= vma->vm_end) {
			vma = vma_lookup(mm, addr);
			/* It is pinned for writing at a restart, unless it is the kernel's. */
			if (!vma || (bl->addr && !(vma->vm_flags & VM_WRITE)))
				return 0;
		}
		if (!folio_walk_start(&fw, vma, addr, 0))
			return 0;
		same = fw.page == bl->region.pages[i];
		folio_walk_end(&fw, vma);
		if (!same)
			return 0;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 1;
}

static void io_kbuf_describe(struct io_buffer_list *bl, struct checkpoint_uring_group *to,
			     struct checkpoint_uring_provided *buffers)
{
	struct io_buffer *buf;

	to->group = bl->bgid;
	if (bl->flags & IOBL_BUF_RING) {
		to->addr = bl->addr;
		to->entries = bl->mask + 1;
		to->head = bl->head;
		to->incremental = bl->flags & IOBL_INC;
		to->min_left = bl->min_left_sub_one ? bl->min_left_sub_one + 1 : 0;
		return;
	}
	to->buffers = bl->nbufs;
	list_for_each_entry(buf, &bl->buf_list, list) {
		buffers->addr = buf->addr;
		buffers->len = buf->len;
		buffers->bid = buf->bid;
		buffers++;
	}
}

/**
 * checkpoint_uring_groups() - read the buffers that are provided to an io_uring
 * @file: its file
 * @state: what checkpoint_uring_get() has found
 * @mm: the address space whose memory rings must be; it has users
 * @to: zeroed room for its groups
 * @buffers: room for the buffers of those that are lists
 *
 * Return: 0; 1: a ring is not memory of @mm, or not any more; -EBUSY: somebody uses the
 * io_uring, or it has others by now; -EINTR: SIGKILL came.
 */
int checkpoint_uring_groups(struct file *file, const struct checkpoint_uring *state,
			    struct mm_struct *mm, struct checkpoint_uring_group *to,
			    struct checkpoint_uring_provided *buffers)
{
	struct io_ring_ctx *ctx = file->private_data;
	struct checkpoint_uring now = { };
	struct io_buffer_list *bl;
	unsigned long id;
	int ret;

	if (!mutex_trylock(&ctx->uring_lock))
		return -EBUSY;
	ret = mmap_read_lock_killable(mm);
	if (ret)
		goto unlock;
	io_kbuf_count(ctx, &now);
	ret = -EBUSY;
	if (now.groups != state->groups || now.provided != state->provided)
		goto out;
	xa_for_each(&ctx->io_bl_xa, id, bl) {
		if (bl->flags & IOBL_BUF_RING && bl->addr) {
			ret = io_kbuf_is_mapped(mm, bl, bl->addr);
			if (ret <= 0) {
				ret = ret ?: 1;
				goto out;
			}
		}
		io_kbuf_describe(bl, to, buffers);
		buffers += to->buffers;
		to++;
	}
	ret = 0;
out:
	mmap_read_unlock(mm);
unlock:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/* Fills a new list, as io_add_buffers(). */
static int io_kbuf_add_list(struct io_buffer_list *bl, const struct checkpoint_uring_group *group,
			    const struct checkpoint_uring_provided *buffers)
{
	unsigned int i;

	INIT_LIST_HEAD(&bl->buf_list);
	if (group->buffers > MAX_BIDS_PER_BGID)
		return -EINVAL;
	for (i = 0; i < group->buffers; i++) {
		const struct checkpoint_uring_provided *from = &buffers[i];
		struct io_buffer *buf;

		if (!from->len || from->len > MAX_RW_COUNT)
			return -EINVAL;
		if (!access_ok(untagged_addr(u64_to_user_ptr(from->addr)), from->len))
			return -EFAULT;
		buf = kmalloc_obj(*buf, GFP_KERNEL_ACCOUNT);
		if (!buf)
			return -ENOMEM;
		list_add_tail(&buf->list, &bl->buf_list);
		bl->nbufs++;
		buf->addr = from->addr;
		buf->len = from->len;
		buf->bid = from->bid;
		buf->bgid = group->group;
		cond_resched();
	}
	return 0;
}

/* Makes a new ring, as io_register_pbuf_ring(), in memory of @mm, or the kernel's with @memory. */
static int io_kbuf_add_ring(struct io_buffer_list *bl, const struct checkpoint_uring_group *group,
			    struct mm_struct *mm, const void *memory)
{
	struct io_uring_region_desc rd = { };
	struct io_uring_buf_ring *br;
	int ret;

	if (!is_power_of_2(group->entries) || group->entries >= 65536 ||
	    group->head > U16_MAX || (!group->incremental && group->min_left))
		return -EINVAL;
	rd.size = PAGE_ALIGN(flex_array_size(br, bufs, group->entries));
	if (mm)
		ret = io_pin_region(mm, &bl->region, group->addr, rd.size);
	else
		ret = io_create_region(NULL, &bl->region, &rd,
				       (unsigned long)group->group << IORING_OFF_PBUF_SHIFT);
	if (ret)
		return ret;
	br = io_region_get_ptr(&bl->region);
#ifdef SHM_COLOUR
	/* The caller frees the region. */
	if (mm && (group->addr | (unsigned long)br) & (SHM_COLOUR - 1))
		return -EINVAL;
#endif
	if (!mm)
		memcpy(br, memory, rd.size);
	bl->flags = IOBL_BUF_RING | (group->incremental ? IOBL_INC : 0);
	bl->buf_ring = br;
	bl->mask = group->entries - 1;
	bl->head = group->head;
	bl->min_left_sub_one = group->min_left ? group->min_left - 1 : 0;
	bl->addr = group->addr;
	return 0;
}

/* What the task that made the ring has handed on binds what is provided, too. */
static bool io_kbuf_may_provide(struct io_ring_ctx *ctx, bool ring)
{
	const struct io_restriction *only = &ctx->restrictions;

	if (!(ctx->int_flags & IO_RING_F_RESTRICT_INHERITED))
		return true;
	if (ring)
		return test_bit(IORING_REGISTER_PBUF_RING, only->register_op);
	return !only->op_registered || test_bit(IORING_OP_PROVIDE_BUFFERS, only->sqe_op);
}

/* Frees the buffers of a list that no ring has yet. */
static void io_kbuf_free_list(struct io_buffer_list *bl)
{
	struct io_buffer *buf, *next;

	list_for_each_entry_safe(buf, next, &bl->buf_list, list) {
		kfree(buf);
		cond_resched();
	}
}

/**
 * checkpoint_uring_add_group() - provide buffers to an io_uring
 * @ring: the io_uring, which nobody uses yet
 * @task: whose memory a ring of buffers is; it does not run. %NULL for others
 * @group: what there is of the group
 * @buffers: its buffers, if it is a list
 * @memory: contents of a ring in memory of the kernel: whole pages for all its entries
 *
 * Return: 0, or an errno; -EACCES: the caller may not provide any; -EEXIST: there is such a
 * group; -EFAULT: there is no memory that can be written; -ESRCH: @task is gone.
 */
int checkpoint_uring_add_group(struct file *ring, struct task_struct *task,
			       const struct checkpoint_uring_group *group,
			       const struct checkpoint_uring_provided *buffers, const void *memory)
{
	struct io_ring_ctx *ctx = ring->private_data;
	struct mm_struct *mm = NULL;
	struct io_buffer_list *bl;
	int ret, err;

	if (group->group > U16_MAX || !task != !group->addr || (task && !group->entries))
		return -EINVAL;
	if (!io_kbuf_may_provide(ctx, group->entries))
		return -EACCES;
	if (task) {
		mm = get_task_mm(task);
		if (!mm)
			return -ESRCH;
	}
	bl = kzalloc_obj(*bl, GFP_KERNEL_ACCOUNT);
	if (!bl) {
		ret = -ENOMEM;
		goto out;
	}
	/* Nobody has it yet. Not under the lock: others may have to bring its pages. */
	ret = group->entries ? io_kbuf_add_ring(bl, group, mm, memory) :
			       io_kbuf_add_list(bl, group, buffers);
	err = checkpoint_uring_lock(ctx);
	ret = ret ? : err;
	if (!ret && io_buffer_get_list(ctx, group->group))
		ret = -EEXIST;
	if (!ret)
		ret = io_buffer_add_list(ctx, bl, group->group);
	if (ret) {
		if (!group->entries)
			io_kbuf_free_list(bl);
		io_free_region(NULL, &bl->region);
		kfree(bl);
	}
	if (!err)
		mutex_unlock(&ctx->uring_lock);
out:
	if (mm)
		mmput(mm);
	return ret;
}
