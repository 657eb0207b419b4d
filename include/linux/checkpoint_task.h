/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: tasks: how they are scheduled and limited, what they execute, whose
 * children they are.
 */
#ifndef _LINUX_CHECKPOINT_TASK_H
#define _LINUX_CHECKPOINT_TASK_H

#include <linux/types.h>

struct file;
struct io_context;
struct path;
struct task_struct;

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
int checkpoint_io_workers(struct task_struct *task, const struct io_context *io);
int checkpoint_set_ioprio(int ioprio);
int checkpoint_set_clamps(u32 min, u32 max);
int checkpoint_set_dispatch(unsigned long offset, unsigned long len, unsigned long selector);
int checkpoint_speculation(unsigned long which);

int checkpoint_adopt(struct task_struct *child, struct task_struct *parent,
		     int exit_signal, bool execed);

struct file *checkpoint_open_program(const struct path *path);

/* Of kernel/checkpoint/perf.c. */
int checkpoint_perf_events(struct task_struct *task, const void **events, unsigned int room);
const void *checkpoint_perf_event_of(struct file *file);

#ifdef CONFIG_X86_64
u32 checkpoint_mxcsr_mask(void);
#endif

#endif /* _LINUX_CHECKPOINT_TASK_H */
