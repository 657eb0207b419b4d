/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Restarts from a pipe whose other end is in the hands of the test: a process of
 * its own gives the metadata, waits until all tasks are made and parked, does what
 * the test is about, and gives the rest.
 */
#ifndef CKPT_TEST_FEED_H
#define CKPT_TEST_FEED_H

#include "fault.h"

#include <poll.h>

static pid_t feeder;
/* The process that calls restart(2). */
static pid_t restarter;
/* In the feeder: its end of the pipe, and how much of the image it has given. */
static int feeds_to = -1;
static size_t fed;

/* Calls @fn with each thread id that a file of the run's cgroup lists; their number. */
__attribute__((unused))
static int each_task(struct ckpt_run *run, const char *file, void (*fn)(pid_t pid, void *arg),
		     void *arg)
{
	char buf[8192];
	char *at, *save;
	ssize_t n;
	int count = 0;
	int fd = openat(run->cg.fd, file, O_RDONLY | O_CLOEXEC);

	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	for (at = strtok_r(buf, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		if (fn)
			fn(atoi(at), arg);
		count++;
	}
	return count;
}

/* Letter of the state of a task, 0 if it is not there. */
__attribute__((unused)) static char state_of(pid_t pid)
{
	char path[64], buf[512];
	char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	at = strrchr(ckpt_read_file(path, buf, sizeof(buf)), ')');
	return at ? at[2] : 0;
}

/* What a look at tasks finds: those that do not sleep, and how often all have gone to sleep. */
struct sleepers {
	int awake;
	unsigned long times;
};

static void look_at(pid_t pid, void *arg)
{
	static const char field[] = "\nvoluntary_ctxt_switches:";
	struct sleepers *all = arg;
	char path[64], buf[8192];
	char *at;

	all->awake += state_of(pid) != 'D';
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	at = strstr(ckpt_read_file(path, buf, sizeof(buf)), field);
	if (at)
		all->times += strtoul(at + sizeof(field) - 1, NULL, 10);
}

/*
 * Waits until @count tasks are in the cgroup and sleep: they are parked. When they restore
 * themselves all but one sleep too, and wait for their turn: so two looks must find the same.
 */
__attribute__((unused)) static void await_parked(struct ckpt_run *run, int count)
{
	struct sleepers last = { .awake = 1 };
	int same;

	do {
		struct sleepers now = { 0 };
		int all;

		poll(NULL, 0, 10);
		all = each_task(run, "cgroup.threads", look_at, &now);
		same = all == count && !now.awake && !last.awake && now.times == last.times;
		last = now;
	} while (!same);
}

/* In the feeder: gives the next @len bytes of the image. */
static int feed_more(struct image *im, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(feeds_to, im->data + fed, len);
		if (n <= 0)
			return -1;
		fed += n;
		len -= n;
	}
	return 0;
}

/*
 * Starts the feeder of @im. It calls @fn when @tasks tasks are parked, 0: when it
 * has given the metadata. Returns where to read from; feed_end() must follow.
 */
__attribute__((unused))
static int feed(struct ckpt_run *run, struct image *im, int tasks,
		int (*fn)(struct ckpt_run *run, void *arg), void *arg)
{
	int fd[2];
	int ret;

	if (pipe2(fd, O_CLOEXEC))
		return -1;
	fflush(NULL);
	restarter = getpid();
	feeder = fork();
	if (!feeder) {
		close(fd[0]);
		signal(SIGPIPE, SIG_IGN);
		feeds_to = fd[1];
		ret = feed_more(im, im->rest);
		if (!ret && tasks)
			await_parked(run, tasks);
		if (!ret)
			ret = fn(run, arg);
		/* Nobody reads it if the restart has failed. */
		feed_more(im, im->size - fed);
		_exit(ret ? 1 : 0);
	}
	close(fd[1]);
	return fd[0];
}

/* Waits for a child, whatever signals come: its status. */
__attribute__((unused)) static int wait_for(pid_t pid)
{
	pid_t got;
	int status;

	do {
		got = waitpid(pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	return got == pid ? status : -1;
}

/* Waits for the feeder: what its function returned. */
__attribute__((unused)) static int feed_end(int fd)
{
	close(fd);
	return wait_for(feeder);
}

/* restart(2) from @fd with @flags; on success the tasks are the run's. */
__attribute__((unused))
static long feed_restart_flags(struct ckpt_run *run, struct restart_args *args, int fd,
			       uint64_t flags)
{
	long pid;

	*run->board = run->saved;
	ckpt_run_restart_args(run, args, fd, flags);
	args->pidfd = 4711;
	pid = sys_restart(args, sizeof(*args));
	if (pid > 0) {
		run->pid = pid;
		run->status = 0;
		run->pidfd = args->pidfd;
	}
	return pid;
}

__attribute__((unused))
static long feed_restart(struct ckpt_run *run, struct restart_args *args, int fd)
{
	return feed_restart_flags(run, args, fd, 0);
}

/*
 * A process in the cgroup @cg, if there is one, that calls restart(2) with what feed() gives,
 * which hands @cg to @fn. It exits with 0 if the tasks came back and went on to their end.
 */
__attribute__((unused))
static pid_t feed_caller(struct ckpt_run *run, struct image *im, struct ckpt_cgroup *cg, int tasks,
			 int (*fn)(struct ckpt_run *run, void *arg))
{
	struct restart_args args;
	int status, fd;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	/* What feeds it stays where it is. */
	fd = feed(run, im, tasks, fn, cg);
	if (cg && ckpt_cgroup_move(cg, getpid()))
		_exit(1);
	if (feed_restart(run, &args, fd) <= 0 || feed_end(fd))
		_exit(2);
	ckpt_run_go(run);
	_exit(waitpid(run->pid, &status, 0) == run->pid && !status ? 0 : 3);
}

#endif /* CKPT_TEST_FEED_H */
