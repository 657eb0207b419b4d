/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: files of userfaultfd, and the page tables of what they watch.
 */
#ifndef _LINUX_CHECKPOINT_USERFAULTFD_H
#define _LINUX_CHECKPOINT_USERFAULTFD_H

#include <linux/types.h>

struct file;
struct mm_struct;

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

#endif /* _LINUX_CHECKPOINT_USERFAULTFD_H */
