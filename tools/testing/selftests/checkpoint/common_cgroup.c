// SPDX-License-Identifier: GPL-2.0
/* The cgroups of tests. */
#define CKPT_NO_HARNESS
#include "common_private.h"

#include <fcntl.h>
#include <poll.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static const char *cgroup_root = "/sys/fs/cgroup";

const char *ckpt_missing(void)
{
	struct checkpoint_args args = { 0 };
	struct statfs fs;

	if (geteuid())
		return "needs root";
	if (!statfs(cgroup_root, &fs) && fs.f_type == SYSFS_MAGIC)
		mount("none", cgroup_root, "cgroup2", 0, NULL);
	if (statfs(cgroup_root, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC) {
		/* As a system with both versions of cgroups has it. */
		cgroup_root = "/sys/fs/cgroup/unified";
		if (statfs(cgroup_root, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
			return "needs cgroup v2 at /sys/fs/cgroup";
	}
	if (getenv("CKPT_BASELINE"))
		return NULL;
	if (sys_checkpoint(&args, 0) == -1 && errno == ENOSYS)
		return "the kernel has no CONFIG_CHECKPOINT";
	return NULL;
}

int ckpt_cgroup_open(struct ckpt_cgroup *cg, const char *file, int flags)
{
	return openat(cg->fd, file, flags | O_CLOEXEC);
}

int ckpt_cgroup_write(struct ckpt_cgroup *cg, const char *file, const char *text)
{
	int fd = ckpt_cgroup_open(cg, file, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

int ckpt_cgroup_new(struct ckpt_cgroup *cg)
{
	static unsigned int nr;

	snprintf(cg->path, sizeof(cg->path), "%s/ckpt-test-%d-%u", cgroup_root, getpid(), nr++);
	cg->fd = -1;
	if (mkdir(cg->path, 0755)) {
		ckpt_diag("mkdir %s: %s", cg->path, strerror(errno));
		return -1;
	}
	cg->fd = open(cg->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return cg->fd < 0 ? -1 : 0;
}

int ckpt_cgroup_move(struct ckpt_cgroup *cg, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return ckpt_cgroup_write(cg, "cgroup.procs", text);
}

/* The number after @key in cgroup.events, -1 if it cannot be read. */
static int cgroup_event(struct ckpt_cgroup *cg, const char *key, int *fdp)
{
	char buf[256];
	char *at;
	ssize_t n;
	int fd = *fdp;

	if (fd < 0) {
		fd = ckpt_cgroup_open(cg, "cgroup.events", O_RDONLY);
		*fdp = fd;
	}
	if (fd < 0)
		return -1;
	n = pread(fd, buf, sizeof(buf) - 1, 0);
	if (n < 0)
		return -1;
	buf[n] = 0;
	at = strstr(buf, key);
	return at ? atoi(at + strlen(key)) : -1;
}

static int cgroup_await(struct ckpt_cgroup *cg, const char *key, int want)
{
	struct pollfd pfd = { .fd = -1, .events = POLLPRI };
	int fd = -1;
	int got;

	while ((got = cgroup_event(cg, key, &fd)) >= 0 && got != want) {
		pfd.fd = fd;
		poll(&pfd, 1, LOOK_AGAIN);
	}
	if (fd >= 0)
		close(fd);
	return got == want ? 0 : -1;
}

int ckpt_cgroup_freeze(struct ckpt_cgroup *cg)
{
	if (ckpt_cgroup_write(cg, "cgroup.freeze", "1"))
		return -1;
	return cgroup_await(cg, "frozen ", 1);
}

int ckpt_cgroup_thaw(struct ckpt_cgroup *cg)
{
	if (ckpt_cgroup_write(cg, "cgroup.freeze", "0"))
		return -1;
	return cgroup_await(cg, "frozen ", 0);
}

int ckpt_cgroup_frozen(struct ckpt_cgroup *cg)
{
	int fd = -1;
	int got = cgroup_event(cg, "frozen ", &fd);

	if (fd >= 0)
		close(fd);
	return got;
}

int ckpt_cgroup_wait_empty(struct ckpt_cgroup *cg)
{
	return cgroup_await(cg, "populated ", 0);
}

void ckpt_cgroup_del(struct ckpt_cgroup *cg)
{
	if (cg->fd < 0)
		return;
	ckpt_cgroup_write(cg, "cgroup.kill", "1");
	ckpt_cgroup_write(cg, "cgroup.freeze", "0");
	ckpt_cgroup_wait_empty(cg);
	close(cg->fd);
	cg->fd = -1;
	/* A task leaves the cgroup a little before it lets go of it. */
	while (rmdir(cg->path) && errno == EBUSY)
		poll(NULL, 0, 1);
}
