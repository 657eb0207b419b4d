/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A filesystem of one file, served by a process of the test by way of /dev/fuse: what it answers is up
 * to the test.
 */
#ifndef CKPT_TEST_FUSE_FILE_H
#define CKPT_TEST_FUSE_FILE_H

#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <linux/fuse.h>

#define FUSE_FILE_MAX	(16 << 20)
#define FUSE_WRITE_MAX	65536

/* What test and server share. */
struct fuse_shared {
	int fsync_error;		/* errno that fsync(2) gets; 0: none. */
	unsigned int fsyncs_good;	/* How many succeed before. */
	unsigned int fsyncs;		/* How often it was asked for. */
	unsigned int hold_fsync;	/* Which of these, from 1 on, waits until this is 0. */
	uint32_t hold_flush;		/* Closing a descriptor waits until this is 0. */
	uint32_t flushes;		/* How often one was closed. */
	uint32_t init_flags;		/* What it can do, beside FUSE_BIG_WRITES. */
	uint64_t size;
	unsigned char data[FUSE_FILE_MAX];
};

struct fuse_file {
	char path[320];
	pid_t server;
	struct fuse_shared *shared;
};

static void fuse_reply(int fd, const struct fuse_in_header *in, int error, const void *data,
		       size_t len)
{
	struct fuse_out_header out = {
		.len = sizeof(out) + len, .error = -error, .unique = in->unique,
	};
	char buf[sizeof(out) + FUSE_WRITE_MAX];

	memcpy(buf, &out, sizeof(out));
	if (len)
		memcpy(buf + sizeof(out), data, len);
	/* It fails if who asked was killed. */
	if (write(fd, buf, out.len) < 0)
		return;
}

static void fuse_reply_attr(int fd, const struct fuse_in_header *in, struct fuse_shared *shared)
{
	struct fuse_attr_out out = {
		.attr = {
			.ino = FUSE_ROOT_ID, .size = shared->size, .mode = S_IFREG | 0600,
			.nlink = 1, .blksize = 4096, .blocks = shared->size / 512,
		},
	};

	fuse_reply(fd, in, 0, &out, sizeof(out));
}

static void fuse_answer(int fd, char *request, struct fuse_shared *shared)
{
	struct fuse_in_header *in = (void *)request;
	void *arg = request + sizeof(*in);

	switch (in->opcode) {
	case FUSE_INIT: {
		struct fuse_init_out out = {
			.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = FUSE_WRITE_MAX,
			.flags = FUSE_BIG_WRITES | shared->init_flags, .time_gran = 1,
		};

		fuse_reply(fd, in, 0, &out, sizeof(out));
		return;
	}
	case FUSE_GETATTR:
		fuse_reply_attr(fd, in, shared);
		return;
	case FUSE_SETATTR: {
		struct fuse_setattr_in *set = arg;

		if (set->valid & FATTR_SIZE)
			shared->size = set->size;
		fuse_reply_attr(fd, in, shared);
		return;
	}
	case FUSE_OPEN: {
		struct fuse_open_out out = { .fh = 1 };

		fuse_reply(fd, in, 0, &out, sizeof(out));
		return;
	}
	case FUSE_READ: {
		struct fuse_read_in *get = arg;
		uint64_t left = get->offset < shared->size ? shared->size - get->offset : 0;

		fuse_reply(fd, in, 0, shared->data + get->offset,
			   left < get->size ? left : get->size);
		return;
	}
	case FUSE_WRITE: {
		struct fuse_write_in *put = arg;
		struct fuse_write_out out = { .size = put->size };

		if (put->offset + put->size > FUSE_FILE_MAX) {
			fuse_reply(fd, in, ENOSPC, NULL, 0);
			return;
		}
		memcpy(shared->data + put->offset, put + 1, put->size);
		if (shared->size < put->offset + put->size)
			shared->size = put->offset + put->size;
		fuse_reply(fd, in, 0, &out, sizeof(out));
		return;
	}
	case FUSE_FSYNC:
		__atomic_add_fetch(&shared->fsyncs, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&shared->hold_fsync, __ATOMIC_SEQ_CST) == shared->fsyncs)
			poll(NULL, 0, 1);
		if (shared->fsyncs_good) {
			shared->fsyncs_good--;
			fuse_reply(fd, in, 0, NULL, 0);
		} else {
			fuse_reply(fd, in, shared->fsync_error, NULL, 0);
		}
		return;
	case FUSE_FLUSH:
		__atomic_add_fetch(&shared->flushes, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&shared->hold_flush, __ATOMIC_SEQ_CST))
			poll(NULL, 0, 1);
		fuse_reply(fd, in, 0, NULL, 0);
		return;
	case FUSE_RELEASE:
		fuse_reply(fd, in, 0, NULL, 0);
		return;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		fuse_reply(fd, in, ENOSYS, NULL, 0);
	}
}

/*
 * Makes the file at @path, whose server can do what @flags say (FUSE_*): 0; 1 if the kernel has no FUSE; -1 if it fails. fuse_file_fini() is due
 * after 0.
 */
__attribute__((unused)) static int fuse_file_init_flags(struct fuse_file *file, const char *path,
							       uint32_t flags)
{
	static char request[FUSE_WRITE_MAX + 8192];
	char options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	int at;

	if (fd < 0)
		return 1;
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->shared = mmap(NULL, sizeof(*file->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	at = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file->shared == MAP_FAILED || at < 0)
		return -1;
	close(at);
	file->shared->init_flags = flags;
	snprintf(options, sizeof(options), "fd=%d,rootmode=100600,user_id=0,group_id=0", fd);
	if (mount("fuse", path, "fuse", MS_NOSUID | MS_NODEV, options)) {
		ckpt_diag("mount of %s: %s", path, strerror(errno));
		return -1;
	}
	fflush(NULL);
	/* Not a child of ours: all of those are waited for. It ends when the file is unmounted. */
	file->server = sys_clone(CLONE_PARENT);
	if (!file->server) {
		while (read(fd, request, sizeof(request)) > 0)
			fuse_answer(fd, request, file->shared);
		_exit(0);
	}
	close(fd);
	return 0;
}

/* The same; it can do nothing in particular. */
__attribute__((unused)) static int fuse_file_init(struct fuse_file *file, const char *path)
{
	return fuse_file_init_flags(file, path, 0);
}

__attribute__((unused)) static void fuse_file_fini(struct fuse_file *file)
{
	umount2(file->path, MNT_DETACH);
	kill(file->server, SIGKILL);
	unlink(file->path);
	munmap(file->shared, sizeof(*file->shared));
}

#endif /* CKPT_TEST_FUSE_FILE_H */
