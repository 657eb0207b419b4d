/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: watches of inotify, fanotify and dnotify.
 */
#ifndef _LINUX_CHECKPOINT_FSNOTIFY_H
#define _LINUX_CHECKPOINT_FSNOTIFY_H

#include <linux/types.h>

struct dentry;
struct file;
struct files_struct;
struct inode;
struct path;
struct pid;
struct vfsmount;

/**
 * struct checkpoint_inotify_watch - a watch of an inotify instance
 * @inode: what is watched
 * @wd: its watch descriptor
 * @mask: IN_*
 */
struct checkpoint_inotify_watch {
	struct inode *inode;
	int wd;
	u32 mask;
};

/**
 * struct checkpoint_inotify_event - an event in the queue of an inotify instance
 * @wd: watch descriptor; -1: none
 * @mask: FS_*
 * @cookie: what the two events of a rename have in common
 * @len: bytes of its name in the directory that is watched, without a NUL: they
 *       come after this
 */
struct checkpoint_inotify_event {
	int wd;
	u32 mask;
	u32 cookie;
	u32 len;
};

/**
 * struct checkpoint_inotify - what an inotify instance has
 * @watches: its watches, by ascending watch descriptor
 * @events: its events, each a struct checkpoint_inotify_event, padded to 8 bytes
 * @max_bytes: bytes for which there is room in @events
 * @bytes: bytes of all events
 * @max_watches: number of watches for which there is room in @watches
 * @nr_watches: number of all watches
 * @next: where the search for the next watch descriptor begins
 */
struct checkpoint_inotify {
	struct checkpoint_inotify_watch *watches;
	void *events;
	size_t max_bytes;
	size_t bytes;
	unsigned int max_watches;
	unsigned int nr_watches;
	unsigned int next;
};

/**
 * struct checkpoint_fanotify_mark - a mark of a fanotify group
 * @inode: what is marked; of a filesystem its root; NULL: a mount
 * @mnt: the mount that is marked, or NULL
 * @root: its root
 * @mask: FAN_*: events
 * @ignore_mask: FAN_*: events that are ignored
 * @flags: FAN_MARK_*: FILESYSTEM, MOUNT, EVICTABLE, IGNORE, IGNORED_SURV_MODIFY
 */
struct checkpoint_fanotify_mark {
	struct inode *inode;
	struct vfsmount *mnt;
	struct dentry *root;
	u32 mask;
	u32 ignore_mask;
	u32 flags;
};

/**
 * struct checkpoint_fanotify_fh - a file handle of an event
 * @type: as of name_to_handle_at(2)
 * @len: bytes; 0: there is none
 */
struct checkpoint_fanotify_fh {
	u8 type;
	u8 len;
};

/* Whose file handles an event has, in this order. */
#define CHECKPOINT_FANOTIFY_DIR		0	/* The directory; of a rename the old one. */
#define CHECKPOINT_FANOTIFY_DIR2	1	/* The new directory. */
#define CHECKPOINT_FANOTIFY_OBJECT	2	/* The file itself. */
#define CHECKPOINT_FANOTIFY_HANDLES	3

/* What an event is. */
#define CHECKPOINT_FANOTIFY_PATH	1	/* It opens a file. */
#define CHECKPOINT_FANOTIFY_OVERFLOW	2	/* The queue was full. */
#define CHECKPOINT_FANOTIFY_FID		3	/* With a file handle. */
#define CHECKPOINT_FANOTIFY_NAME	4	/* With several of them, or names. */
#define CHECKPOINT_FANOTIFY_ERROR	5	/* A filesystem has an error. */

/**
 * struct checkpoint_fanotify_event - an event in the queue of a fanotify group
 * @mnt: the mount of its path, or NULL
 * @dentry: the dentry of its path
 * @pid: who has caused it, or NULL
 * @mask: FAN_*
 * @type: CHECKPOINT_FANOTIFY_PATH, or another of these
 * @error: what a filesystem has reported
 * @err_count: how many errors it has had
 * @fsid: of which filesystem the file handles are
 * @fh: file handles
 * @name_len: bytes of the name in the directory, without a NUL
 * @name2_len: bytes of the name in the new directory
 * @len: bytes of all file handles and then both names, which come after this
 */
struct checkpoint_fanotify_event {
	struct vfsmount *mnt;
	struct dentry *dentry;
	struct pid *pid;
	u32 mask;
	u32 type;
	s32 error;
	u32 err_count;
	u32 fsid[2];
	struct checkpoint_fanotify_fh fh[CHECKPOINT_FANOTIFY_HANDLES];
	u16 name_len;
	u16 name2_len;
	u32 len;
};

/**
 * struct checkpoint_fanotify - what a fanotify group has
 * @marks: its marks
 * @events: its events, each a struct checkpoint_fanotify_event, padded to 8 bytes
 * @max_bytes: bytes for which there is room in @events
 * @bytes: bytes of all events
 * @max_events: most events that are read
 * @nr_events: number of all events
 * @max_marks: number of marks for which there is room in @marks
 * @nr_marks: number of all marks
 * @flags: FAN_*, as of fanotify_init(2)
 * @event_flags: O_*, of files that it opens for events
 * @unprivileged: events tell neither pids nor descriptors, as who has made it had no
 *	CAP_SYS_ADMIN
 */
struct checkpoint_fanotify {
	struct checkpoint_fanotify_mark *marks;
	void *events;
	size_t max_bytes;
	size_t bytes;
	unsigned int max_events;
	unsigned int nr_events;
	unsigned int max_marks;
	unsigned int nr_marks;
	unsigned int flags;
	unsigned int event_flags;
	bool unprivileged;
};

/* What a fanotify group has that is not in that. */
#define CHECKPOINT_FANOTIFY_EVENTS	1	/* Events that ask for permission. */
#define CHECKPOINT_FANOTIFY_PERMISSIONS	2	/* Marks that ask for permission. */
#define CHECKPOINT_FANOTIFY_NAMESPACES	3	/* Marks on mount namespaces. */
#define CHECKPOINT_FANOTIFY_MOUNTS	4	/* Events that tell of mounts. */

/* Of fs/notify/dnotify/dnotify.c. */
unsigned int checkpoint_dnotify_get(struct files_struct *files, struct file *filp, int *fd);
int checkpoint_dnotify_add(struct files_struct *files, struct file *filp, int fd,
			   unsigned int arg);

/* Of fs/notify/inotify/checkpoint.c. */
bool checkpoint_is_inotify(struct file *file);
int checkpoint_inotify_get(struct file *file, struct checkpoint_inotify *state);
struct file *checkpoint_inotify_new(int flags);
int checkpoint_inotify_may_watch(const struct path *path, u32 mask);
int checkpoint_inotify_add(struct file *file, struct inode *inode, int wd, u32 mask);
void checkpoint_inotify_set_next(struct file *file, unsigned int next);
int checkpoint_inotify_queue(struct file *file, const struct checkpoint_inotify_event *head,
			     const char *name);

/* Of fs/notify/fanotify/fanotify_user.c. */
bool checkpoint_is_fanotify(struct file *file);
int checkpoint_fanotify_get(struct file *file, struct checkpoint_fanotify *state);
struct file *checkpoint_fanotify_make(const struct checkpoint_fanotify *state);
int checkpoint_fanotify_add(struct file *file, const struct path *path,
			    const struct checkpoint_fanotify_mark *to);
int checkpoint_fanotify_queue(struct file *file, const struct checkpoint_fanotify_event *head,
			      const void *data);

/* Of kernel/checkpoint/fs.c. */
void checkpoint_iput_active(struct inode *inode);

#endif /* _LINUX_CHECKPOINT_FSNOTIFY_H */
