/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of fanotify have in common: whether there is any, and a directory to watch. */
#ifndef CKPT_TEST_FANOTIFY_H
#define CKPT_TEST_FANOTIFY_H

#include "common.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

/* The kernel has it, and lets us have a group that tells descriptors. */
#define FANOTIFY_BEGIN() do {						\
	int __fd;							\
									\
	CKPT_BEGIN();							\
	__fd = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);		\
	if (__fd < 0)							\
		SKIP(return, "no fanotify: %s", strerror(errno));	\
	close(__fd);							\
} while (0)

CKPT_FIXTURE_IF(FANOTIFY_BEGIN)

/* A directory of the scenario's own, which stays until its end. */
static char dir[300];

static const char *in_dir(const char *name)
{
	static char path[2][400];
	static int n;

	n = !n;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

static void touch(const char *name)
{
	CHECK_SYS(close(CHECK_SYS(open(in_dir(name), O_RDWR | O_CREAT, 0600))));
}

#endif
