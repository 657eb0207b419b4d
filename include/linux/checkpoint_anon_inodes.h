/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: files that no directory has: eventfd, timerfd, signalfd, epoll,
 * pidfd, and those of PR_CHECKPOINT_EVENTS.
 */
#ifndef _LINUX_CHECKPOINT_ANON_INODES_H
#define _LINUX_CHECKPOINT_ANON_INODES_H

#include <linux/signal_types.h>
#include <linux/types.h>

struct epoll_key;
struct epoll_params;
struct file;
struct pid;
struct pidfd_info;
struct task_struct;

/**
 * struct checkpoint_eventfd - the state of an eventfd
 * @count: its counter
 * @semaphore: it is read as one (EFD_SEMAPHORE)
 * @context: what the kernel signals
 * @references: how many have that: the file, and whoever signals it
 */
struct checkpoint_eventfd {
	u64 count;
	const void *context;
	unsigned int references;
	bool semaphore;
};

/* Of fs/eventfd.c. */
int checkpoint_eventfd_get(struct file *file, struct checkpoint_eventfd *state);
struct file *checkpoint_eventfd_make(u64 count, bool semaphore);

/**
 * struct checkpoint_timerfd - the state of a timerfd
 * @expires: when it expires next, on its clock, in nanoseconds
 * @interval: nanoseconds between two expiries; 0: there is one only
 * @ticks: how often it has expired since that was read
 * @clockid: its clock, one of those that timerfd_create(2) takes
 * @settime_flags: what timerfd_settime(2) was told last (TFD_TIMER_*)
 * @armed: it will expire; if not, @expires is what timerfd_gettime(2) goes by
 * @relative: it was armed by a relative time, and so expires by CLOCK_MONOTONIC
 *	though its clock is CLOCK_REALTIME
 * @cancel_on_set: it is canceled when its clock is set (TFD_TIMER_CANCEL_ON_SET)
 * @canceled: that has happened, and nobody was told yet
 */
struct checkpoint_timerfd {
	s64 expires;
	s64 interval;
	u64 ticks;
	int clockid;
	unsigned int settime_flags;
	bool armed;
	bool relative;
	bool cancel_on_set;
	bool canceled;
};

/* Of fs/timerfd.c. */
int checkpoint_timerfd_get(struct file *file, struct checkpoint_timerfd *state);
struct file *checkpoint_timerfd_make(const struct checkpoint_timerfd *state);

/* Of fs/signalfd.c. */
int checkpoint_signalfd_get(struct file *file, sigset_t *signals);
struct file *checkpoint_signalfd_make(const sigset_t *signals);

/* Of fs/pidfs.c. */
struct pid *checkpoint_pidfd_pid(const struct file *file);
int checkpoint_pidfd_get(struct pid *pid, struct pidfd_info *info);
int checkpoint_pidfd_set(struct pid *pid, const struct pidfd_info *info);

/**
 * struct checkpoint_epoll_item - what is registered with an epoll instance
 * @file: the file, with a reference
 * @head: what its first wait entry is queued on, to compare; NULL: on nothing
 * @data: what is reported with its events
 * @events: EPOLL*
 * @fd: the number by which it was registered
 * @listed: it is on the ready list
 * @passed: it is not, though it has something to report
 */
struct checkpoint_epoll_item {
	struct file *file;
	const void *head;
	u64 data;
	u32 events;
	int fd;
	bool listed;
	bool passed;
};

struct file *checkpoint_epoll_create(void);
void checkpoint_epoll_get_params(struct file *file, struct epoll_params *params);
int checkpoint_epoll_set_params(struct file *file,
				const struct epoll_params *params);
long checkpoint_epoll_items(struct file *file,
			    struct checkpoint_epoll_item *items,
			    unsigned long max, bool poll);
int checkpoint_epoll_settle(struct file *file, struct epoll_key *key,
			    bool listed, bool disabled);
int checkpoint_epoll_signals(struct file *file, struct epoll_key *key,
			     struct task_struct *task);

struct checkpoint_environment;
struct checkpoint_events;

/* Of kernel/checkpoint/events.c. */
bool checkpoint_events_get(struct file *file, u32 *generation, u32 *missed);
struct checkpoint_events *checkpoint_events_pin(struct file *file);
void checkpoint_events_put(struct checkpoint_events *e);
void checkpoint_events_saved(struct checkpoint_events *e, u64 id, u64 created_ns);
struct file *checkpoint_events_restored(u32 generation, u32 missed, u64 id, u64 created_ns,
					struct checkpoint_environment *environment);
struct checkpoint_environment *checkpoint_environment_make(const void *bytes, u32 len);
void checkpoint_environment_put(struct checkpoint_environment *environment);

#endif /* _LINUX_CHECKPOINT_ANON_INODES_H */
