// SPDX-License-Identifier: GPL-2.0
/* Directories that are watched by a descriptor (F_NOTIFY): once or all the time, whom it tells. */
#include "common.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

CKPT_FIXTURE

static volatile sig_atomic_t count, last_fd, last_signal;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	count++;
	last_fd = info->si_fd;
	last_signal = sig;
}

static char dir[300];

static const char *in_dir(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void touch(const char *name)
{
	CHECK_SYS(close(CHECK_SYS(open(in_dir(name), O_RDWR | O_CREAT, 0600))));
}

/* A directory that tells by @sig what of @what happens in it. */
static int watch(int sig, unsigned long what)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	int fd;

	CHECK_SYS(sigaction(sig, &sa, NULL));
	ckpt_path(dir, sizeof(dir), "dir");
	CHECK(!mkdir(dir, 0700) || errno == EEXIST, "%s: %s", dir, strerror(errno));
	fd = CHECK_SYS(open(dir, O_RDONLY | O_DIRECTORY));
	CHECK_SYS(fcntl(fd, F_SETSIG, sig));
	CHECK_SYS(fcntl(fd, F_NOTIFY, what));
	return fd;
}

static void told(int times, int sig, int fd)
{
	CHECK_EQ(times, count);
	if (times) {
		CHECK_EQ(sig, last_signal);
		CHECK_EQ(fd, last_fd);
	}
	count = 0;
}

CKPT_CYCLE(all_the_time)
{
	int sig = SIGRTMIN + 1, fd = watch(sig, DN_CREATE | DN_DELETE | DN_MULTISHOT);

	ckpt_ready_wait();
	told(0, sig, fd);
	touch("new");
	told(1, sig, fd);
	CHECK_SYS(chmod(in_dir("new"), 0644));
	told(0, sig, fd);
	CHECK_SYS(unlink(in_dir("new")));
	told(1, sig, fd);
	/* Nothing is left of it. */
	CHECK_SYS(fcntl(fd, F_NOTIFY, 0));
	touch("new");
	CHECK_SYS(unlink(in_dir("new")));
	told(0, sig, fd);
}

CKPT_CYCLE(once)
{
	int sig = SIGRTMIN + 2, fd = watch(sig, DN_CREATE);

	ckpt_ready_wait();
	touch("new");
	told(1, sig, fd);
	CHECK_SYS(unlink(in_dir("new")));
	touch("new");
	told(0, sig, fd);
	CHECK_SYS(unlink(in_dir("new")));
}

/* It was told of already. */
CKPT_CYCLE(over)
{
	int sig = SIGRTMIN + 2, fd = watch(sig, DN_CREATE);

	touch("new");
	told(1, sig, fd);
	CHECK_SYS(unlink(in_dir("new")));
	ckpt_ready_wait();
	touch("new");
	told(0, sig, fd);
	CHECK_SYS(unlink(in_dir("new")));
}

/* What checkpoint and restart do in it does not count, not even once. */
CKPT_CYCLE(not_seen)
{
	int sig = SIGRTMIN + 3, fd = watch(sig, DN_ACCESS | DN_MODIFY | DN_ATTRIB | DN_CREATE | DN_DELETE |
					   DN_RENAME);
	int removed = CHECK_SYS(open(in_dir("gone"), O_RDWR | O_CREAT, 0600)), fifo;

	CHECK_SYS(unlink(in_dir("gone")));
	CHECK_EQ(4, write(removed, "gone", 4));
	CHECK(!mkfifo(in_dir("fifo"), 0600) || errno == EEXIST, "%s", strerror(errno));
	fifo = CHECK_SYS(open(in_dir("fifo"), O_RDWR));
	CHECK_EQ(1, write(fifo, "x", 1));
	count = 0;
	CHECK_SYS(fcntl(fd, F_NOTIFY, DN_ACCESS | DN_MODIFY | DN_ATTRIB | DN_CREATE | DN_DELETE |
			DN_RENAME));
	ckpt_ready_wait();
	told(0, sig, fd);
	touch("new");
	told(1, sig, fd);
	CHECK_SYS(unlink(in_dir("new")));
}

/* By the number that it has now, of several that the open file has. */
CKPT_CYCLE(duplicated)
{
	int sig = SIGRTMIN + 4, fd = watch(sig, DN_CREATE | DN_MULTISHOT), copy;

	copy = CHECK_SYS(fcntl(fd, F_DUPFD, 100));
	CHECK_SYS(fcntl(copy, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	ckpt_ready_wait();
	touch("new");
	told(1, sig, copy);
	CHECK_SYS(unlink(in_dir("new")));
	/* The watch goes with any of them. */
	CHECK_SYS(close(fd));
	touch("new");
	told(0, sig, copy);
	CHECK_SYS(unlink(in_dir("new")));
}

TEST_HARNESS_MAIN
