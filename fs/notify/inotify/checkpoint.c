// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoint/restart of inotify instances.
 */

#include <linux/anon_inodes.h>
#include <linux/checkpoint_fsnotify.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify_backend.h>
#include <linux/idr.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "inotify.h"
#include "../fsnotify.h"

/**
 * checkpoint_is_inotify - tell whether a file is an inotify instance
 * @file: the file
 */
bool checkpoint_is_inotify(struct file *file)
{
	return file->f_op == &inotify_fops;
}

/* Copies what queued events have, or only counts their bytes. */
static bool inotify_copy_events(struct fsnotify_group *group,
				struct checkpoint_inotify *state)
{
	struct fsnotify_event *fsn_event;

	state->bytes = 0;
	list_for_each_entry(fsn_event, &group->notification_list, list) {
		struct inotify_event_info *event = INOTIFY_E(fsn_event);
		struct checkpoint_inotify_event *to = state->events + state->bytes;
		size_t size = ALIGN(sizeof(*to) + event->name_len, 8);

		state->bytes += size;
		if (state->bytes > state->max_bytes)
			continue;
		memset(to, 0, size);
		to->wd = event->wd;
		to->mask = event->mask;
		to->cookie = event->sync_cookie;
		to->len = event->name_len;
		memcpy(to + 1, event->name, event->name_len);
	}
	return state->bytes <= state->max_bytes;
}

/*
 * Copies the watches, without references on what they watch, or only counts them.
 * The lock is let go now and then: what may come or go meanwhile is detached.
 */
static int inotify_copy_watches(struct fsnotify_group *group,
				struct checkpoint_inotify *state)
{
	struct inotify_group_private_data *data = &group->inotify_data;
	struct inotify_inode_mark *i_mark;
	int wd;

	state->nr_watches = 0;
	for (wd = 0; (i_mark = idr_get_next(&data->idr, &wd)); wd++) {
		struct checkpoint_inotify_watch *to;

		/* It is being removed, but IN_IGNORED may not be queued yet. */
		if (!(i_mark->fsn_mark.flags & FSNOTIFY_MARK_FLAG_ATTACHED))
			return -EAGAIN;
		cond_resched_lock(&data->idr_lock);
		if (state->nr_watches++ >= state->max_watches)
			continue;
		to = &state->watches[state->nr_watches - 1];
		to->inode = fsnotify_conn_inode(i_mark->fsn_mark.connector);
		to->wd = wd;
		to->mask = inotify_mark_user_mask(&i_mark->fsn_mark);
	}
	return state->nr_watches <= state->max_watches ? 0 : -ENOSPC;
}

/*
 * Waits for those who have queued the events that were copied: they remove the
 * watch with IN_ONESHOT after that, which may not have been done when it was
 * copied.  The group is not locked.
 */
static int inotify_await_oneshots(struct fsnotify_group *group,
				  const struct checkpoint_inotify *state)
{
	struct inotify_group_private_data *data = &group->inotify_data;
	const struct checkpoint_inotify_watch *end = state->watches + state->nr_watches;
	const struct checkpoint_inotify_watch *watch = state->watches;
	int ret = 0;

	while (watch < end && !(watch->mask & IN_ONESHOT))
		watch++;
	if (watch == end)
		return 0;
	synchronize_srcu_expedited(&fsnotify_mark_srcu);
	spin_lock(&data->idr_lock);
	for (; watch < end && !ret; watch++) {
		struct inotify_inode_mark *i_mark;

		if (!(watch->mask & IN_ONESHOT))
			continue;
		i_mark = idr_find(&data->idr, watch->wd);
		if (!i_mark || !(i_mark->fsn_mark.flags & FSNOTIFY_MARK_FLAG_ATTACHED))
			ret = -EAGAIN;
		cond_resched_lock(&data->idr_lock);
	}
	spin_unlock(&data->idr_lock);
	return ret;
}

/**
 * checkpoint_inotify_get - read watches and queued events of an inotify instance
 * @file: the instance
 * @state: has the room that there is; is filled in
 *
 * They are those of one moment.  May sleep.
 *
 * A watch keeps its inode but no mount, and goes when the last one does.  A
 * reference on the inode alone would outlive the superblock then.
 *
 * Return: 0, and the caller owns a reference on each inode, and with it an
 * active one on its superblock, for checkpoint_iput_active(); -ENOSPC: there is
 * not enough room; -EAGAIN: a watch is just being removed.
 */
int checkpoint_inotify_get(struct file *file, struct checkpoint_inotify *state)
{
	struct fsnotify_group *group = file->private_data;
	struct inotify_group_private_data *data = &group->inotify_data;
	unsigned int n;
	int ret;

	/* As long as it is locked, none of its watches is detached or added. */
	fsnotify_group_lock(group);
	spin_lock(&data->idr_lock);
	ret = inotify_copy_watches(group, state);
	state->next = idr_get_cursor(&data->idr);
	spin_unlock(&data->idr_lock);
	spin_lock(&group->notification_lock);
	if (!inotify_copy_events(group, state) && !ret)
		ret = -ENOSPC;
	spin_unlock(&group->notification_lock);
	for (n = 0; !ret && n < state->nr_watches; n++) {
		struct inode *inode = state->watches[n].inode;

		/* It is being unmounted, and waits to remove this watch. */
		if (!atomic_inc_not_zero(&inode->i_sb->s_active)) {
			ret = -EAGAIN;
			break;
		}
		ihold(inode);
		cond_resched();
	}
	fsnotify_group_unlock(group);
	if (!ret)
		ret = inotify_await_oneshots(group, state);
	/* Not before: the last one on a superblock removes watches. */
	while (ret && n--)
		checkpoint_iput_active(state->watches[n].inode);
	return ret;
}

/**
 * checkpoint_inotify_new - make an inotify instance, as inotify_init1(2) does
 * @flags: O_NONBLOCK, or 0
 *
 * Return: its file, or an error pointer.
 */
struct file *checkpoint_inotify_new(int flags)
{
	struct fsnotify_group *group;
	struct file *file;

	group = inotify_new_group(inotify_max_queued_events);
	if (IS_ERR(group))
		return ERR_CAST(group);
	file = anon_inode_getfile("inotify", &inotify_fops, group,
				  O_RDONLY | flags);
	if (IS_ERR(file))
		fsnotify_destroy_group(group);
	return file;
}

/**
 * checkpoint_inotify_may_watch - check whether the caller may watch an inode
 * @path: a path that leads to it
 * @mask: IN_*
 *
 * The checks of inotify_add_watch(2).
 *
 * Return: 0, or an errno.
 */
int checkpoint_inotify_may_watch(const struct path *path, u32 mask)
{
	int error = path_permission(path, MAY_READ);

	if (error)
		return error;
	return security_path_notify(path, mask & IN_ALL_EVENTS,
				    FSNOTIFY_OBJ_TYPE_INODE);
}

/**
 * checkpoint_inotify_add - watch an inode that is not watched yet
 * @file: an inotify instance, which nobody uses yet
 * @inode: the inode
 * @wd: the watch descriptor
 * @mask: IN_*
 *
 * Return: 0, or an errno; -EEXIST: the inode is watched already, or the watch
 * descriptor is in use; -ENOSPC: the user has too many watches.
 */
int checkpoint_inotify_add(struct file *file, struct inode *inode, int wd, u32 mask)
{
	struct fsnotify_group *group = file->private_data;
	struct inotify_group_private_data *data = &group->inotify_data;
	struct mem_cgroup *old_memcg;
	int ret;

	fsnotify_group_lock(group);
	spin_lock(&data->idr_lock);
	idr_set_cursor(&data->idr, wd);
	spin_unlock(&data->idr_lock);
	old_memcg = set_active_memcg(group->memcg);
	ret = inotify_new_watch(group, inode, mask);
	set_active_memcg(old_memcg);
	fsnotify_group_unlock(group);
	if (ret < 0)
		return ret;
	return ret == wd ? 0 : -EEXIST;
}

/**
 * checkpoint_inotify_set_next - set the watch descriptor that is given out next
 * @file: an inotify instance
 * @next: the watch descriptor, or what else the cursor was
 */
void checkpoint_inotify_set_next(struct file *file, unsigned int next)
{
	struct fsnotify_group *group = file->private_data;
	struct inotify_group_private_data *data = &group->inotify_data;

	spin_lock(&data->idr_lock);
	idr_set_cursor(&data->idr, next);
	spin_unlock(&data->idr_lock);
}

/**
 * checkpoint_inotify_queue - append an event to the queue
 * @file: an inotify instance, which nobody uses yet
 * @head: the event
 * @name: the name, without a NUL
 *
 * It is not merged with the one before.
 *
 * Return: 0, or an errno; -ENOSPC: more are queued than there may be.
 */
int checkpoint_inotify_queue(struct file *file,
			     const struct checkpoint_inotify_event *head,
			     const char *name)
{
	struct fsnotify_group *group = file->private_data;
	struct inotify_event_info *event;
	struct mem_cgroup *old_memcg;

	if (head->mask & FS_Q_OVERFLOW) {
		fsnotify_queue_overflow(group);
		return 0;
	}
	old_memcg = set_active_memcg(group->memcg);
	event = kmalloc(struct_size(event, name, head->len + 1),
			GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL);
	set_active_memcg(old_memcg);
	if (!event)
		return -ENOMEM;
	fsnotify_init_event(&event->fse);
	event->mask = head->mask;
	event->wd = head->wd;
	event->sync_cookie = head->cookie;
	event->name_len = head->len;
	memcpy(event->name, name, head->len);
	event->name[head->len] = '\0';
	if (fsnotify_add_event(group, &event->fse, NULL)) {
		fsnotify_destroy_event(group, &event->fse);
		return -ENOSPC;
	}
	return 0;
}
