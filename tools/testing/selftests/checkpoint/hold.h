/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests that do something to tasks while they are held frozen.
 *
 * What a checkpoint does then takes it microseconds, so it is made to wait in
 * the middle of it: for a pipe of the tasks that somebody outside has locked,
 * since he writes to it from a page that only userfaultfd can provide.
 */
#ifndef CKPT_TEST_HOLD_H
#define CKPT_TEST_HOLD_H

#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

/* ---- a pipe that is locked ------------------------------------------- */

struct hold_lock {
	pthread_t thread;
	char *page;
	int uffd;
	int fd;		/* Of the pipe, for writing. */
	ssize_t written;
};

static void *hold_lock_writes(void *arg)
{
	struct hold_lock *lock = arg;

	lock->written = write(lock->fd, lock->page, 1);
	/* What an outsider has open too is refused: he has it no more when that is looked at. */
	close(lock->fd);
	return NULL;
}

/* Lock the pipe of which @fd, the caller's, is the end for writing. It is closed in the end. */
__attribute__((unused)) static int hold_lock(struct hold_lock *lock, int fd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffd_msg msg;

	lock->fd = fd;
	lock->uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	lock->page = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	if (lock->uffd < 0 || lock->page == MAP_FAILED || ioctl(lock->uffd, UFFDIO_API, &api))
		return -1;
	reg.range.start = (uintptr_t)lock->page;
	reg.range.len = CKPT_PAGE;
	if (ioctl(lock->uffd, UFFDIO_REGISTER, &reg) ||
	    pthread_create(&lock->thread, NULL, hold_lock_writes, lock))
		return -1;
	/* It is there when it asks for the page. */
	return read(lock->uffd, &msg, sizeof(msg)) == sizeof(msg) ? 0 : -1;
}

/* Let the writer go on; 0 if it has written its byte. */
__attribute__((unused)) static int hold_unlock(struct hold_lock *lock)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)lock->page, .len = CKPT_PAGE },
	};
	int ret = ioctl(lock->uffd, UFFDIO_ZEROPAGE, &zero);

	pthread_join(lock->thread, NULL);
	close(lock->uffd);
	munmap(lock->page, CKPT_PAGE);
	return ret || lock->written != 1 ? -1 : 0;
}

/* What cgroup.freeze has to say. */
__attribute__((unused)) static int hold_wish(struct ckpt_cgroup *cg)
{
	char path[300], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", cg->path);
	return atoi(ckpt_read_file(path, text, sizeof(text)));
}

/* ---- a call in another process --------------------------------------- */

/* What came of it; shared with the process. */
struct hold_call {
	pid_t pid;
	long ret;
	int err;
};

static inline struct hold_call *hold_call_new(void)
{
	return mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* checkpoint(2) of @run in a process of its own, which has no descriptor @without. */
__attribute__((unused))
static void hold_checkpoint(struct hold_call *call, struct ckpt_run *run, int image,
			    uint64_t flags, int without)
{
	struct checkpoint_args args;
	pid_t pid;

	ckpt_run_args(run, &args, image, flags);
	fflush(NULL);
	call->ret = -1;
	call->err = 0;
	pid = fork();
	if (!pid) {
		close(without);
		call->ret = sys_checkpoint(&args, sizeof(args));
		call->err = errno;
		_exit(0);
	}
	call->pid = pid;
}

/*
 * Wait until @pid sleeps in a function of the kernel that has @name in its own,
 * or has exited: then it returns -1.
 */
__attribute__((unused)) static int hold_await_in(pid_t pid, const char *name)
{
	char path[64], stack[8192];
	siginfo_t info;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	while (!strstr(ckpt_read_file(path, stack, sizeof(stack)), name)) {
		info.si_pid = 0;
		if (waitid(P_PID, pid, &info, WEXITED | WNOWAIT | WNOHANG) || info.si_pid)
			return -1;
		poll(NULL, 0, 1);
	}
	return 0;
}

/* Wait for its end; the wait status. */
__attribute__((unused)) static int hold_end(struct hold_call *call)
{
	int status = -1;

	if (waitpid(call->pid, &status, 0) != call->pid)
		return -1;
	call->pid = 0;
	return status;
}

/* Does this kernel tell where a task sleeps? */
#define HOLD_BEGIN() do {						\
	CKPT_BEGIN();							\
	if (access("/proc/self/stack", R_OK))				\
		SKIP(return, "the kernel has no /proc/PID/stack");	\
} while (0)

#endif /* CKPT_TEST_HOLD_H */
