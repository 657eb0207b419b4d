/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that run in a user namespace, as a user does who has no rights outside of it. */
#ifndef CKPT_TEST_OWN_NAMESPACES_H
#define CKPT_TEST_OWN_NAMESPACES_H

#include "common.h"

#include <fcntl.h>
#include <sched.h>

static int write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* Only the caller's own ids are known in its new user namespace, as those of root. */
static int map_own_ids(uid_t uid, gid_t gid)
{
	char text[64];

	if (write_proc("/proc/self/setgroups", "deny"))
		return -1;
	snprintf(text, sizeof(text), "0 %u 1", uid);
	if (write_proc("/proc/self/uid_map", text))
		return -1;
	snprintf(text, sizeof(text), "0 %u 1", gid);
	return write_proc("/proc/self/gid_map", text);
}

/*
 * What @fn returns in a child that is init of a pid namespace of its own, in a user namespace of
 * its own; -1 if it did not come to that.
 */
static int in_own_namespaces(int (*fn)(void))
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID) || map_own_ids(uid, gid))
			_exit(255);
		pid = fork();
		if (!pid) {
			ckpt_watchdog();
			_exit(fn());
		}
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			_exit(255);
		_exit(WEXITSTATUS(status));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == 255)
		return -1;
	return WEXITSTATUS(status);
}

#endif /* CKPT_TEST_OWN_NAMESPACES_H */
