// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint/restart of io_urings: buffers that are registered with them.
 */

#include <linux/bvec.h>
#include <linux/checkpoint_io_uring.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/mm.h>
#include <linux/pagewalk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "io_uring.h"
#include "memmap.h"
#include "rsrc.h"
#include "checkpoint.h"

/*
 * Is what was pinned for a buffer still what is mapped at its addresses, so that the
 * program sees there what requests read and write? -EINTR: SIGKILL came.
 */
static int io_buffer_is_mapped(struct mm_struct *mm, const struct io_mapped_ubuf *imu)
{
	struct vm_area_struct *vma = NULL;
	unsigned long addr;
	unsigned int i;

	mmap_assert_locked(mm);
	addr = untagged_addr_remote(mm, imu->ubuf);
	for (i = 0; i < imu->nr_bvecs; i++) {
		const struct bio_vec *bv = &imu->bvec[i];
		unsigned long off = bv->bv_offset, left = bv->bv_len;

		while (left) {
			unsigned long len = min(left, PAGE_SIZE - offset_in_page(off));
			unsigned long pfn = page_to_pfn(bv->bv_page) + (off >> PAGE_SHIFT);
			struct folio_walk fw;
			bool same;

			if (!vma || addr >= vma->vm_end) {
				vma = vma_lookup(mm, addr);
				/* It is pinned for writing at a restart. */
				if (!vma || !(vma->vm_flags & VM_WRITE))
					return 0;
			}
			if (!folio_walk_start(&fw, vma, addr, 0))
				return 0;
			same = page_to_pfn(fw.page) == pfn;
			folio_walk_end(&fw, vma);
			if (!same)
				return 0;
			addr += len;
			off += len;
			left -= len;
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	return 1;
}

/**
 * checkpoint_uring_buffers() - read the registered buffers of an io_uring
 * @file: its file
 * @mm: the address space whose memory they must be; it has users
 * @to: room for them
 * @nr: how many there are
 *
 * Return: 0; 1: one is not memory of @mm, or not any more; 2: one is of the
 * kernel; -EBUSY: somebody uses the io_uring, or there is another number by now;
 * -EINTR: SIGKILL came.
 */
int checkpoint_uring_buffers(struct file *file, struct mm_struct *mm,
			     struct checkpoint_uring_buffer *to, unsigned int nr)
{
	struct io_ring_ctx *ctx = file->private_data;
	unsigned int i, found = 0;
	int ret;

	if (!mutex_trylock(&ctx->uring_lock))
		return -EBUSY;
	ret = mmap_read_lock_killable(mm);
	if (ret)
		goto unlock;
	for (i = 0; i < ctx->buf_table.nr; i++) {
		struct io_rsrc_node *node = ctx->buf_table.nodes[i];

		if (!node)
			continue;
		ret = -EBUSY;
		if (found == nr)
			break;
		ret = 2;
		if (node->buf->flags & IO_REGBUF_F_KBUF)
			break;
		ret = io_buffer_is_mapped(mm, node->buf);
		if (ret <= 0) {
			ret = ret ?: 1;
			break;
		}
		ret = 0;
		to[found].addr = node->buf->ubuf;
		to[found].len = node->buf->len;
		to[found].tag = node->tag;
		to[found].index = i;
		found++;
	}
	mmap_read_unlock(mm);
	if (!ret && found != nr)
		ret = -EBUSY;
unlock:
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/**
 * checkpoint_uring_add_buffers() - give an io_uring places for registered buffers
 * @ring: the io_uring, which nobody uses yet
 * @nr: how many
 *
 * Return: 0, or an errno: -EBUSY: it has some; -EINVAL: too many; -EACCES: the
 * current task may not register any.
 */
int checkpoint_uring_add_buffers(struct file *ring, unsigned int nr)
{
	struct io_ring_ctx *ctx = ring->private_data;
	int ret = -EBUSY;

	if (!nr || nr > IORING_MAX_REG_BUFFERS)
		return -EINVAL;
	/* What the task that made the ring has handed on binds what it registers, too. */
	if (ctx->int_flags & IO_RING_F_RESTRICT_INHERITED &&
	    !test_bit(IORING_REGISTER_BUFFERS, ctx->restrictions.register_op) &&
	    !test_bit(IORING_REGISTER_BUFFERS2, ctx->restrictions.register_op))
		return -EACCES;
	if (checkpoint_uring_lock(ctx))
		return -EINTR;
	if (!ctx->buf_table.nr)
		ret = io_rsrc_data_alloc(&ctx->buf_table, nr);
	mutex_unlock(&ctx->uring_lock);
	return ret;
}

/**
 * checkpoint_uring_add_buffer() - register a buffer with an io_uring
 * @ring: the io_uring, which nobody uses yet
 * @task: whose memory it is
 * @buffer: the buffer, and where
 *
 * The caller's RLIMIT_MEMLOCK bounds it.
 *
 * Return: 0, or an errno as of io_uring_register(2); -EEXIST: there is one already;
 * -EINVAL: there is no such place; -ESRCH: the task has no memory any more.
 */
int checkpoint_uring_add_buffer(struct file *ring, struct task_struct *task,
				const struct checkpoint_uring_buffer *buffer)
{
	struct iovec iov = {
		.iov_base = u64_to_user_ptr(buffer->addr),
		.iov_len = buffer->len,
	};
	struct io_ring_ctx *ctx = ring->private_data;
	struct io_rsrc_node *node;
	struct mm_struct *mm;
	struct page **pages;
	int ret, nr_pages;

	if (!buffer->addr || buffer->addr > ULONG_MAX || buffer->len > SIZE_MAX)
		return -EFAULT;
	ret = io_validate_user_buf_range(buffer->addr, buffer->len);
	if (ret)
		return ret;
	mm = get_task_mm(task);
	if (!mm)
		return -ESRCH;
	/* Others may have to bring pages: not waited for with the lock, but pinned twice. */
	pages = io_pin_pages_of(mm, buffer->addr, buffer->len, &nr_pages);
	if (IS_ERR(pages)) {
		mmput(mm);
		return PTR_ERR(pages);
	}
	ret = checkpoint_uring_lock(ctx);
	if (ret)
		goto unpin;
	if (buffer->index >= ctx->buf_table.nr) {
		ret = -EINVAL;
	} else if (ctx->buf_table.nodes[buffer->index]) {
		ret = -EEXIST;
	} else {
		node = __io_sqe_buffer_register(ctx, mm, &iov);
		if (IS_ERR(node)) {
			ret = PTR_ERR(node);
		} else {
			node->tag = buffer->tag;
			ctx->buf_table.nodes[buffer->index] = node;
		}
	}
	mutex_unlock(&ctx->uring_lock);
unpin:
	unpin_user_pages(pages, nr_pages);
	kvfree(pages);
	mmput(mm);
	return ret;
}
