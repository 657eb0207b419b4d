/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: asynchronous I/O of fs/aio.c.
 */
#ifndef _LINUX_CHECKPOINT_AIO_H
#define _LINUX_CHECKPOINT_AIO_H

#include <linux/types.h>

struct file;
struct io_event;
struct mm_struct;
struct percpu_ref;

/**
 * struct checkpoint_aio - an AIO context
 * @addr: where its ring is mapped: its id
 * @size: bytes of that
 * @ring: the file that is mapped there, to compare
 * @max_reqs: how many requests it counts for, as of io_setup(2)
 * @head: the first event in the ring that was not read, as the program may have
 *	written it: any number
 * @tail: where the next event is written to
 * @events: number of events that were not read
 * @completed: how many of them take the place of a request
 * @intact: nobody has written to what the kernel tells of the ring in it
 */
struct checkpoint_aio {
	unsigned long addr;
	unsigned long size;
	const void *ring;
	unsigned int max_reqs;
	unsigned int head;
	unsigned int tail;
	unsigned int events;
	unsigned int completed;
	bool intact;
};

/**
 * struct checkpoint_aio_req - a request of an AIO context
 * @file: its file
 * @iocb: address of its iocb
 * @poll: it waits until something can be done with the file
 */
struct checkpoint_aio_req {
	struct file *file;
	u64 iocb;
	bool poll;
};

/* Of fs/aio.c. */
bool checkpoint_is_aio_ring(const struct file *file);
unsigned int checkpoint_aio_max(struct mm_struct *mm);
int checkpoint_aio_get(struct mm_struct *mm, unsigned int index, struct checkpoint_aio *state);
int checkpoint_aio_events(struct mm_struct *mm, unsigned int index,
			  const struct checkpoint_aio *state, struct io_event *events);
unsigned long checkpoint_aio_in_flight(struct mm_struct *mm, unsigned int index,
				       struct checkpoint_aio_req *req);
int checkpoint_aio_make(const struct checkpoint_aio *saved, const struct io_event *events);

/* Of lib/percpu-refcount.c. */
unsigned long checkpoint_percpu_ref_sum(struct percpu_ref *ref);

#endif /* _LINUX_CHECKPOINT_AIO_H */
