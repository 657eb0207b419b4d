// SPDX-License-Identifier: GPL-2.0
/*
 * The data that code of the vDSO reads, as another kernel can map it for code
 * that is in the middle of that.
 */
#include <linux/checkpoint_mm.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <vdso/datapage.h>
#include <vdso/helpers.h>
#include <asm/vdso.h>
#include <asm/vdso/vsyscall.h>

#define PAGE_OF(to, n)	((to) + (n) * PAGE_SIZE)

#ifdef CONFIG_S390
#define VDSO_OF(mm)	((mm)->context.vdso_base)
#else
#define VDSO_OF(mm)	((unsigned long)(mm)->context.vdso)
#endif

/**
 * checkpoint_vdso_place() - tell where in the vDSO a task was interrupted
 * @task: a task that is frozen; the caller has a reference on it
 * @mm: its address space; the caller has a reference on that, as it may be killed
 *
 * Return: the distance from the vDSO's code to the instruction that comes next;
 * more than that code has bytes, if it is elsewhere.
 */
unsigned long checkpoint_vdso_place(struct task_struct *task, struct mm_struct *mm)
{
	unsigned long vdso = VDSO_OF(mm);

	return vdso ? instruction_pointer(task_pt_regs(task)) - vdso : ULONG_MAX;
}

/**
 * checkpoint_vdso_mapped() - tell how much data is mapped before code
 *
 * Return: bytes, what an architecture adds to the data included.
 */
size_t checkpoint_vdso_mapped(void)
{
	return __VDSO_PAGES * PAGE_SIZE;
}

/**
 * checkpoint_vdso_data_len() - tell the size of that data
 *
 * Return: bytes that checkpoint_vdso_data() writes.
 */
size_t checkpoint_vdso_data_len(void)
{
	return VDSO_NR_PAGES * PAGE_SIZE;
}

/*
 * The page of the time namespace of @task, which is locked; NULL: it is in the
 * first one, or has been killed and is in none any more.
 */
static struct page *offsets_of(struct task_struct *task)
{
#ifdef CONFIG_TIME_NS_VDSO
	if (task->nsproxy)
		return task->nsproxy->time_ns->vvar_page;
#endif
	return NULL;
}

/**
 * checkpoint_vdso_offsets() - tell from which time namespace a task has its data
 * @task: a task that is frozen, or the caller; the caller has a reference on it
 *
 * Return: what is the same for all tasks of that namespace, for comparisons
 * only; 0: the first one. It is that of a &struct page, and so a multiple of 4.
 */
unsigned long checkpoint_vdso_offsets(struct task_struct *task)
{
	struct page *page;

	task_lock(task);
	page = offsets_of(task);
	task_unlock(task);
	return (unsigned long)page;
}

#ifdef CONFIG_GENERIC_GETTIMEOFDAY
/*
 * Copies a clock as one that can't be read without a system call. Whoever has
 * begun to read it finds another sequence number, and begins anew; what is read
 * of it without its counter is that of now.
 */
static void copy_clock(struct vdso_clock *to, const struct vdso_clock *from)
{
	u32 seq;

	do {
		seq = vdso_read_begin(from);
		memcpy(to, from, sizeof(*to));
	} while (vdso_read_retry(from, seq));
	to->seq = seq + 2;
	to->clock_mode = VDSO_CLOCKMODE_NONE;
}

static void copy_times(void *to, struct task_struct *task)
{
	struct vdso_time_data *times = PAGE_OF(to, VDSO_TIME_PAGE_OFFSET);
	const struct vdso_time_data *from = vdso_k_time_data;
	struct page *offsets;
	unsigned int i;

	/* The namespace goes away with its last task. */
	task_lock(task);
	offsets = offsets_of(task);
	if (offsets) {
		/* In a namespace the offsets are where the times are else. */
		memcpy(times, page_address(offsets), PAGE_SIZE);
		times = PAGE_OF(to, VDSO_TIMENS_PAGE_OFFSET);
	}
	task_unlock(task);
	memcpy(times, from, sizeof(*times));
	for (i = 0; i < CS_BASES; i++)
		copy_clock(&times->clock_data[i], &from->clock_data[i]);
	for (i = 0; i < MAX_AUX_CLOCKS; i++)
		copy_clock(&times->aux_clock_data[i], &from->aux_clock_data[i]);
}
#else
static void copy_times(void *to, struct task_struct *task) { }
#endif

/**
 * checkpoint_vdso_data() - copy the data that a task reads by the vDSO
 * @task: a task that is frozen, or the caller; the caller has a reference on it
 * @to: zeros, aligned to 8 bytes, as many as checkpoint_vdso_data_len() tells
 *
 * Clocks become such that can't be read without a system call.
 */
void checkpoint_vdso_data(struct task_struct *task, void *to)
{
	copy_times(to, task);
#ifdef CONFIG_VDSO_GETRANDOM
	memcpy(PAGE_OF(to, VDSO_RNG_PAGE_OFFSET), vdso_k_rng_data, sizeof(*vdso_k_rng_data));
#endif
#ifdef CONFIG_ARCH_HAS_VDSO_ARCH_DATA
	memcpy(PAGE_OF(to, VDSO_ARCH_PAGES_START), vdso_k_arch_data, VDSO_ARCH_DATA_SIZE);
#endif
}
