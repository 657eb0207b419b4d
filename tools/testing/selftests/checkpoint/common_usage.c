// SPDX-License-Identifier: GPL-2.0
/* What is in use, and whether calls come to an end: see usage.h. */
#define CKPT_NO_HARNESS
#include "common_private.h"
#include "usage.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>

/*
 * Where the numbers come from, and by how much they may differ.  Kernel threads
 * come and go, and have a task, a pid, signals and credentials, but no memory
 * and no files.
 */
static const struct {
	enum { SLAB, FILES, MEMINFO } from;
	const char *name;
	long slack;
} counts[USAGE_COUNTS] = {
	{ SLAB, "mm_struct", 2 },
	{ SLAB, "vm_area_struct", 32 },
	{ SLAB, "anon_vma", 32 },
	{ SLAB, "files_cache", 2 },
	{ SLAB, "filp", 16 },
	{ SLAB, "shmem_inode_cache", 4 },
	{ SLAB, "nsproxy", 2 },
	{ SLAB, "uts_namespace", 2 },
	{ SLAB, "pid_namespace", 2 },
	{ SLAB, "fs_cache", 8 },
	{ SLAB, "sighand_cache", 24 },
	{ SLAB, "signal_cache", 24 },
	{ SLAB, "task_struct", 24 },
	{ SLAB, "pid", 32 },
	{ SLAB, "cred", 64 },
	{ SLAB, "sigqueue", 16 },
	{ FILES, "open files", 64 },
	/* KiB. */
	{ MEMINFO, "Shmem:", 256 },
	{ MEMINFO, "VmallocUsed:", 2048 },
	{ MEMINFO, "KernelStack:", 1024 },
	{ MEMINFO, "PageTables:", 512 },
	{ MEMINFO, "Mlocked:", 128 },
};

/* Looks in a row after which what has not become less is taken to stay. */
#define LOOKS	30

static int slab_open(const char *cache, const char *file, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/%s", cache, file);
	return open(path, flags | O_CLOEXEC);
}

/* Objects of @cache that are in use, without those that are only kept for the next user. */
static long slab_count(const char *cache)
{
	char buf[32] = "0";
	int fd;

	fd = slab_open(cache, "shrink", O_WRONLY);
	if (fd < 0)
		return 0;
	if (write(fd, "1", 1) != 1)
		ckpt_diag("%s can't be shrunk: %s", cache, strerror(errno));
	close(fd);
	fd = slab_open(cache, "objects", O_RDONLY);
	if (fd < 0)
		return 0;
	if (read(fd, buf, sizeof(buf) - 1) < 0)
		ckpt_diag("%s can't be counted: %s", cache, strerror(errno));
	close(fd);
	return atol(buf);
}

long ckpt_objects(const char *cache)
{
	/* What is freed after a grace period is not in use. */
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	return slab_count(cache);
}

static long meminfo(const char *key)
{
	char buf[4096];
	char *at = strstr(ckpt_read_file("/proc/meminfo", buf, sizeof(buf)), key);

	return at ? atol(at + strlen(key)) : 0;
}

void ckpt_usage_now(struct ckpt_usage *usage)
{
	char buf[64];
	int i;

	/* What is freed after a grace period is not in use. */
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	for (i = 0; i < USAGE_COUNTS && counts[i].name; i++) {
		switch (counts[i].from) {
		case SLAB:
			usage->count[i] = slab_count(counts[i].name);
			break;
		case FILES:
			usage->count[i] = atol(ckpt_read_file("/proc/sys/fs/file-nr", buf, sizeof(buf)));
			break;
		case MEMINFO:
			usage->count[i] = meminfo(counts[i].name);
			break;
		}
	}
}

int ckpt_usage_same(const struct ckpt_usage *before)
{
	long least[USAGE_COUNTS];
	struct ckpt_usage now;
	int i, look, ret = 0;
	bool more;

	for (i = 0; i < USAGE_COUNTS; i++)
		least[i] = LONG_MAX;
	for (look = 0; look < LOOKS; look++) {
		more = false;
		ckpt_usage_now(&now);
		for (i = 0; i < USAGE_COUNTS && counts[i].name; i++) {
			if (now.count[i] <= before->count[i] + counts[i].slack)
				continue;
			more = true;
			/* Something still goes: look as often again. */
			if (now.count[i] < least[i])
				look = 0;
			if (now.count[i] < least[i])
				least[i] = now.count[i];
		}
		if (!more)
			return 0;
		poll(NULL, 0, 100);
	}
	for (i = 0; i < USAGE_COUNTS && counts[i].name; i++) {
		if (now.count[i] > before->count[i] + counts[i].slack) {
			ckpt_diag("%s: %ld in use, %ld before", counts[i].name, now.count[i],
				  before->count[i]);
			ret = -1;
		}
	}
	return ret;
}

/* ---- guard ----------------------------------------------------------- */

static struct guard {
	uint64_t since;			/* CLOCK_MONOTONIC; 0: nothing to be watched. */
	uint64_t seconds;		/* It may last. */
	char what[1024];
} *guard;

static void sysrq(const char *key)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, key, 1) != 1)
		ckpt_diag("sysrq: %s", strerror(errno));
	close(fd);
}

static void watch(int pidfd, pid_t pid)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	uint64_t since, seconds;

	while (poll(&pfd, 1, 100) <= 0) {
		since = __atomic_load_n(&guard->since, __ATOMIC_SEQ_CST);
		seconds = __atomic_load_n(&guard->seconds, __ATOMIC_SEQ_CST);
		if (!since || ckpt_now() - since < seconds * 1000000000ull)
			continue;
		ckpt_diag("not at an end after %u s: %s", (unsigned int)seconds, guard->what);
		/* Who waits where. */
		sysrq("l");
		sysrq("t");
		kill(pid, SIGKILL);
		if (poll(&pfd, 1, seconds * 1000) <= 0)
			ckpt_diag("pid %d does not end when it is killed", pid);
		_exit(1);
	}
	_exit(0);
}

int ckpt_guard_start(unsigned int seconds)
{
	pid_t pid = getpid(), child;
	int pidfd = sys_pidfd_open(pid);

	guard = mmap(NULL, sizeof(*guard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pidfd < 0 || guard == MAP_FAILED)
		return -1;
	guard->seconds = seconds;
	fflush(NULL);
	child = fork();
	if (!child) {
		if (!fork()) {
			setsid();
			alarm(0);
			watch(pidfd, pid);
		}
		_exit(0);
	}
	close(pidfd);
	return child > 0 && waitpid(child, NULL, 0) == child ? 0 : -1;
}

void ckpt_guard_limit(unsigned int seconds)
{
	__atomic_store_n(&guard->seconds, seconds, __ATOMIC_SEQ_CST);
}

void ckpt_guard_enter(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(guard->what, sizeof(guard->what), fmt, ap);
	va_end(ap);
	__atomic_store_n(&guard->since, ckpt_now(), __ATOMIC_SEQ_CST);
}

void ckpt_guard_leave(void)
{
	__atomic_store_n(&guard->since, 0, __ATOMIC_SEQ_CST);
}

/* ---------------------------------------------------------------------- */

void ckpt_kmsg(const char *fmt, ...)
{
	static int kmsg = -2;
	char line[900];
	va_list ap;
	int fd, len;

	if (kmsg == -2) {
		/* All of them: by default a few in some seconds. */
		fd = open("/proc/sys/kernel/printk_devkmsg", O_WRONLY | O_CLOEXEC);
		if (fd >= 0 && write(fd, "on\n", 3) != 3)
			ckpt_diag("printk_devkmsg: %s", strerror(errno));
		close(fd);
		kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	}
	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (kmsg >= 0 && write(kmsg, line, len) < 0)
		ckpt_diag("/dev/kmsg: %s", strerror(errno));
}

unsigned long ckpt_number(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : fallback;
}

uint64_t ckpt_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* ---- errnos ---------------------------------------------------------- */

static const int of_checkpoint[] = {
	E2BIG, EBADF, EBUSY, EDEADLK, EFAULT, EINTR, EINVAL, EIO, ENODEV, ENOMEM, EOPNOTSUPP, EPERM,
	ESRCH, ETIMEDOUT, EDQUOT, EFBIG, ENOSPC, EPIPE, ECANCELED, EACCES, EAGAIN,
};

static const int of_restart[] = {
	E2BIG, EACCES, EAGAIN, EBADF, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, EIO, EMFILE, ENFILE, ENOENT,
	ENOMEM, ENOSPC, EOPNOTSUPP, EOVERFLOW, EPERM, ERANGE, ESRCH, ESTALE, ELOOP, ENOTDIR, EISDIR,
	ENXIO, ENODEV, EFBIG, ENAMETOOLONG, ETXTBSY, EROFS, ECANCELED, EADDRINUSE, EADDRNOTAVAIL, ENOBUFS,
	ETOOMANYREFS, ENETUNREACH, EHOSTUNREACH,
};

/*
 * A line tells more than that something has failed, which is no reason but for those errors that
 * can come at any place.
 */
static bool tells_why(struct ckpt_run *run, int err)
{
	static const char *const vague[] = {
		"it is not known why", "objects can't be linked", "the restart can't be finished",
		"the restart can't be planned",
	};
	size_t i;

	if (err == ENOMEM || err == EINTR || err == EFAULT || ckpt_run_log_has(run, "refused: ") ||
	    ckpt_run_log_has(run, "image: "))
		return true;
	for (i = 0; i < sizeof(vague) / sizeof(*vague); i++) {
		if (ckpt_run_log_has(run, vague[i]))
			return false;
	}
	return true;
}

int ckpt_documented(struct ckpt_run *run, bool restart, int err)
{
	const int *known = restart ? of_restart : of_checkpoint;
	size_t n = restart ? sizeof(of_restart) : sizeof(of_checkpoint);
	size_t i;

	for (i = 0; i < n / sizeof(*known) && known[i] != err; i++)
		;
	if (i == n / sizeof(*known)) {
		ckpt_diag("%s(2) gave errno %d (%s)", restart ? "restart" : "checkpoint", err,
			  strerror(err));
		ckpt_run_print_log(run);
		return -1;
	}
	if (!ckpt_run_log_has(run, "error: ") && !ckpt_run_log_has(run, "refused: ") &&
	    !ckpt_run_log_has(run, "image: ")) {
		ckpt_diag("%s(2) gave errno %d (%s), and no line tells why",
			  restart ? "restart" : "checkpoint", err, strerror(err));
		ckpt_run_print_log(run);
		return -1;
	}
	if (!tells_why(run, err)) {
		ckpt_diag("%s(2) gave errno %d (%s), and no line tells on what, and why",
			  restart ? "restart" : "checkpoint", err, strerror(err));
		ckpt_run_print_log(run);
		return -1;
	}
	return 0;
}
