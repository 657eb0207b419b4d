// SPDX-License-Identifier: GPL-2.0
/* Open files that stand for namespaces. */
#include "pid_namespaces.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

CKPT_FIXTURE

/* Of linux/nsfs.h and linux/pidfd.h. */
#define NS_GET_NSTYPE			_IO(0xb7, 3)
#define PIDFD_GET_PID_NAMESPACE		_IO(0xff, 5)
#define PIDFD_GET_UTS_NAMESPACE		_IO(0xff, 10)

static ino_t inode(int fd)
{
	struct stat st;

	CHECK_SYS(fstat(fd, &st));
	return st.st_ino;
}

/* The namespace that @pid, a child, is in. */
static int namespace_of(pid_t pid, unsigned long which)
{
	int pidfd = CHECK_SYS(sys_pidfd_open(pid));
	int fd = CHECK_SYS(ioctl(pidfd, which, 0));

	CHECK_SYS(close(pidfd));
	return fd;
}

static void has_name(const char *name)
{
	struct utsname uts;

	CHECK_SYS(uname(&uts));
	CHECK_STREQ(name, uts.nodename);
}

static const char *const kinds[] = {
	"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user",
	"uts",
};

#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

CKPT_CYCLE(own)
{
	int fd[KINDS], name[KINDS], type[KINDS], i, again;
	char path[64];

	for (i = 0; i < KINDS; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		fd[i] = open(path, O_RDONLY);
		CHECK(fd[i] >= 0 || errno == ENOENT, "%s: %s", path, strerror(errno));
		if (fd[i] < 0)
			continue;
		type[i] = CHECK_SYS(ioctl(fd[i], NS_GET_NSTYPE));
		name[i] = CHECK_SYS(open(path, O_PATH));
	}
	ckpt_ready_wait();
	for (i = 0; i < KINDS; i++) {
		if (fd[i] < 0)
			continue;
		CHECK_EQ(type[i], ioctl(fd[i], NS_GET_NSTYPE));
		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		again = CHECK_SYS(open(path, O_RDONLY));
		CHECK(inode(fd[i]) == inode(again), "it is another %s namespace", kinds[i]);
		CHECK(inode(name[i]) == inode(again), "it is another %s namespace", kinds[i]);
		CHECK_EQ(fcntl(again, F_GETFL), fcntl(fd[i], F_GETFL));
		CHECK(fcntl(name[i], F_GETFL) & O_PATH, "flags 0x%x", fcntl(name[i], F_GETFL));
		CHECK_SYS(close(again));
	}
}

static int has_own_name(void *arg)
{
	CHECK_SYS(unshare(CLONE_NEWUTS));
	CHECK_SYS(sethostname("child", 5));
	ckpt_step(1);
	ckpt_wait_go();
	CHECK_SYS(sethostname("changed", 7));
	ckpt_step(2);
	ckpt_step_wait(3, 1);
	return 0;
}

/* That of a child, which is restored later. */
CKPT_CYCLE(of_child)
{
	pid_t pid = ckpt_fork(has_own_name, NULL);
	int fd, other;

	ckpt_step_wait(1, 1);
	fd = namespace_of(pid, PIDFD_GET_UTS_NAMESPACE);
	ckpt_ready_wait();
	ckpt_step_wait(2, 1);
	other = namespace_of(pid, PIDFD_GET_UTS_NAMESPACE);
	CHECK_EQ(inode(other), inode(fd));
	CHECK_SYS(setns(fd, CLONE_NEWUTS));
	has_name("changed");
	ckpt_step(3);
	ckpt_wait_exit(pid, 0);
	has_name("changed");
}

/* One in which a container is with a name of its own. */
CKPT_CYCLE(of_container, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWUTS)
{
	int fd = CHECK_SYS(open("/proc/self/ns/uts", O_RDONLY));

	CHECK_SYS(sethostname("container", 9));
	ckpt_ready_wait();
	has_name("container");
	CHECK_SYS(unshare(CLONE_NEWUTS));
	CHECK_SYS(sethostname("other", 5));
	CHECK_SYS(setns(fd, CLONE_NEWUTS));
	has_name("container");
}

/* That of the caller, open in a task that has namespaces of its own. */
CKPT_CYCLE(of_caller)
{
	int fd = CHECK_SYS(open("/proc/self/ns/uts", O_RDONLY)), own;
	struct utsname before;

	CHECK_SYS(uname(&before));
	CHECK_SYS(unshare(CLONE_NEWUTS | (access("/proc/self/ns/ipc", F_OK) ? 0 : CLONE_NEWIPC)));
	CHECK_SYS(sethostname("own", 3));
	own = CHECK_SYS(open("/proc/self/ns/uts", O_RDONLY));
	ckpt_ready_wait();
	has_name("own");
	CHECK(inode(own) != inode(fd), "the caller's uts namespace is the task's own");
	CHECK_SYS(setns(fd, CLONE_NEWUTS));
	has_name(before.nodename);
	CHECK_SYS(setns(own, CLONE_NEWUTS));
	has_name("own");
}

/* The same of IPC. */
CKPT_CYCLE(ipc_of_container, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	int fd = open("/proc/self/ns/ipc", O_RDONLY), again;
	struct stat st;

	ckpt_ready_wait();
	if (fd < 0)
		return;
	again = CHECK_SYS(open("/proc/self/ns/ipc", O_RDONLY));
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(inode(again), st.st_ino);
	CHECK_SYS(setns(fd, CLONE_NEWIPC));
}

static int pid_in_namespace(void *arg)
{
	return getpid();
}

CKPT_CYCLE(nested)
{
	pid_t init = fork_in_new_pidns(), pid;
	int fd, status;

	if (!init) {
		ckpt_step(1);
		ckpt_wait_go();
		ckpt_step_wait(2, 1);
		_exit(0);
	}
	ckpt_step_wait(1, 1);
	fd = namespace_of(init, PIDFD_GET_PID_NAMESPACE);
	ckpt_ready_wait();
	CHECK_SYS(setns(fd, CLONE_NEWPID));
	pid = ckpt_fork(pid_in_namespace, NULL);
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK_EQ(2, WEXITSTATUS(status));
	ckpt_step(2);
	ckpt_wait_exit(init, 0);
}

TEST_HARNESS_MAIN
