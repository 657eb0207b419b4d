// SPDX-License-Identifier: GPL-2.0
/* Open files that can't be saved: each is refused by its descriptor, name and kind. */
#include "refuse.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <linux/magic.h>
#include <linux/netlink.h>

REFUSE_FIXTURE

#define YET	" can't be saved yet"

static char path[320];

/* ---- signals of files --------------------------------------- */

#define OWNER	"who gets its signals (F_SETOWN) is outside: checkpoint that as well, or have others get them"

/* A process outside, and a group of which only others are members. */
REFUSE(owner_outside, .flags = SC_SUBTREE)
{
	int fd[2];

	CHECK_SYS(pipe(fd));
	CHECK_SYS(fcntl(fd[0], F_SETOWN, getppid()));
	CHECK_SYS(fcntl(fd[1], F_SETOWN, -getpgid(getppid())));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*): " OWNER, fd[0]);
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*): " OWNER, fd[1]);
	ckpt_ready_wait();
	CHECK_EQ(getppid(), fcntl(fd[0], F_GETOWN));
}

REFUSE(async_device)
{
	int fd = CHECK_SYS(open("/dev/random", O_RDONLY));

	signal(SIGIO, SIG_IGN);
	CHECK_SYS(fcntl(fd, F_SETFL, O_ASYNC));
	EXPECT_FD(fd, "/dev/random", "signals of a memory device (O_ASYNC)" YET);
	ckpt_ready_wait();
	CHECK(fcntl(fd, F_GETFL) & O_ASYNC, "O_ASYNC is lost");
}

/* ---- files of the kernel's own filesystems ---------------------------- */

static void other_filesystem(const char *name, const char *what)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*", what);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(procfs_of_process_outside)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/status", getppid());
	fd = CHECK_SYS(open(name, O_RDONLY));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (%s): shows pid %d (*), which is outside of "
		       "the tree: have it closed, or checkpoint that as well", fd, name, getppid());
	ckpt_ready_wait();
	CHECK(read(fd, name, sizeof(name)) > 0, "it is closed");
}

#define RIGHT "gives a right over another process, which can't be saved yet: have it closed"

/* @name of a child, which goes on when the word comes. */
static void of_child(const char *name, int flags, const char *what)
{
	pid_t pid = ckpt_fork(ckpt_child_waits, NULL);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = CHECK_SYS(open(path, flags | O_CLOEXEC));
	EXPECT_FD(fd, path, what);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
	ckpt_wait_exit(pid, 0);
}

REFUSE(procfs_memory_of_another)
{
	of_child("mem", O_RDWR, RIGHT);
}

REFUSE(procfs_maps_of_another)
{
	of_child("maps", O_RDONLY, RIGHT);
}

REFUSE(procfs_name_of_another)
{
	of_child("comm", O_WRONLY, RIGHT);
}

REFUSE(procfs_directory_of_rights)
{
	of_child("fd", O_RDONLY | O_DIRECTORY, RIGHT);
}

REFUSE(procfs_unknown_entry)
{
	other_filesystem("/proc/self/uid_map",
			 "gives a right or shows something that can't be saved yet");
}

REFUSE(procfs_kernel_log)
{
	other_filesystem("/proc/kmsg", "holds something by being open, which can't be saved yet: "
			 "have it closed");
}

REFUSE(procfs_memory_of_dead)
{
	pid_t pid = ckpt_fork(ckpt_child_waits, NULL);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = CHECK_SYS(open(path, O_RDONLY));
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_FD(fd, "*", "is of a process that has ended: have it closed");
	ckpt_ready_wait();
	CHECK(read(fd, path, sizeof(path)) <= 0, "it has memory");
}

REFUSE(procfs_working_directory)
{
	CHECK_SYS(chdir("/proc/self"));
	expect_refusal(getpid(), UNSUPPORTED, "working directory *: is the directory of a process in "
		       "procfs: have it left");
	ckpt_ready_wait();
	CHECK_SYS(access("status", R_OK));
}

/* The directory of the cgroup, of which other tests have made sure that it is one of v2. */
static int own_cgroup(void)
{
	char text[512], path[1024], *at;
	int fd;

	ckpt_read_file("/proc/self/cgroup", text, sizeof(text));
	at = strstr(text, "0::/");
	CHECK(at, "no cgroup (v2) in %s", text);
	at += strlen("0::");
	at[strcspn(at, "\n")] = 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s", at);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		not_here();
	return fd;
}

/* What such a file wakes its reader for is written to it. */
REFUSE(cgroup_pressure)
{
	int dir = own_cgroup(), fd = openat(dir, "cpu.pressure", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*cpu.pressure", "is open for writing: what that has set up can't be saved yet");
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(removed_cgroup)
{
	int dir = own_cgroup(), fd;

	CHECK_SYS(mkdirat(dir, "gone", 0755));
	fd = CHECK_SYS(openat(dir, "gone/cgroup.procs", O_RDONLY | O_CLOEXEC));
	CHECK_SYS(unlinkat(dir, "gone", AT_REMOVEDIR));
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*removed*", fd);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* A mount of the cgroup alone does not tell where it is. */
REFUSE(cgroup_by_a_part)
{
	char from[64], at[300], file[400];
	int dir = own_cgroup(), fd;

	snprintf(from, sizeof(from), "/proc/self/fd/%d", dir);
	CHECK_SYS(mkdir(ckpt_path(at, sizeof(at), "cgroup"), 0700));
	CHECK_SYS(mount(from, at, NULL, MS_BIND, NULL));
	snprintf(file, sizeof(file), "%s/cgroup.events", at);
	fd = CHECK_SYS(open(file, O_RDONLY | O_CLOEXEC));
	EXPECT_FD(fd, "*", "is below a mount of a part of cgroupfs: have it opened by way of its root");
	ckpt_ready_wait();
	CHECK_SYS(close(fd));
	CHECK_SYS(umount(at));
	CHECK_SYS(rmdir(at));
}

REFUSE(debugfs)
{
	other_filesystem("/sys/kernel/debug", "a file of debugfs" YET);
}

REFUSE(namespace_of_others)
{
	int fd = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY)), back = fd;

	if (unshare(CLONE_NEWNET))
		not_here();
	fd = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY));
	CHECK_SYS(setns(back, CLONE_NEWNET));
	EXPECT_FD(fd, "*", "is the network namespace of others, in which neither the caller nor a task "
		  "of the tree is: have it closed");
	ckpt_ready_wait();
	CHECK_SYS(setns(fd, CLONE_NEWNET));
}

/* ---- devices --------------------------------------------------------- */

REFUSE(kernel_log)
{
	int fd = open("/dev/kmsg", O_WRONLY);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*kmsg", "the kernel log" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(character_device)
{
	int fd = open("/dev/hwrng", O_RDONLY);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*hwrng", "a character device" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(block_device)
{
	int fd = open("/dev/vda", O_RDONLY);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*vda", "a block device" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* What lies on no filesystem has no path. */
REFUSE(path_of_a_pipe)
{
	int fd[2], path_fd;

	CHECK_SYS(pipe(fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	path_fd = CHECK_SYS(open(path, O_PATH));
	EXPECT_FD(path_fd, "*", "neither file nor directory, opened with O_PATH" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(path_fd, F_GETFD));
}

/* What was opened in another ipc namespace shows the settings of that. */
REFUSE(setting_of_other_namespace)
{
	int fds[4], i;
	char buf[2][32];

	for (i = 0; i < 4; i++) {
		fds[i] = CHECK_HERE(open(i == 3 ? "/proc/sys/vm/overcommit_memory" :
					 "/proc/sys/kernel/shmmni",
					 (i == 1 ? O_PATH : O_RDONLY) | O_CLOEXEC));
		if (i == 1)
			CHECK_SYS(unshare(CLONE_NEWIPC));
	}
	for (i = 0; i < 2; i++)
		expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (/proc/sys/kernel/shmmni): is of "
			       "another net, ipc, pid or user namespace than those of its task: have "
			       "it closed, or left", fds[i]);
	ckpt_ready_wait();
	CHECK(read(fds[0], buf[0], sizeof(buf[0])) > 0, "%s", strerror(errno));
	CHECK(read(fds[2], buf[1], sizeof(buf[1])) > 0, "%s", strerror(errno));
	CHECK_SYS(close(fds[3]));
}

/* The same of what was opened in another network namespace. */
REFUSE(devices_of_other_namespace)
{
	int own = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), fds[2];
	char buf[2];

	if (unshare(CLONE_NEWNET)) {
		CHECK(errno == EINVAL, "%s", strerror(errno));
		not_here();
	}
	fds[0] = CHECK_SYS(open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC));
	CHECK_SYS(setns(own, CLONE_NEWNET));
	CHECK_SYS(close(own));
	fds[1] = CHECK_SYS(open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC));
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*: is of another net, ipc, pid or user "
		       "namespace than those of its task: have it closed, or left", fds[0]);
	ckpt_ready_wait();
	CHECK_EQ(2, read(fds[0], buf, 2));
	CHECK_EQ(2, read(fds[1], buf, 2));
}

/* ---- files that can't be found again ---------------------------------- */

/* Of names that are not in use the kernel need not know. */
static void forget_names(void)
{
	int fd = CHECK_HERE(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC)), i;

	for (i = 0; i < 3; i++)
		CHECK_SYS(pwrite(fd, "2", 1, 0));
	CHECK_SYS(close(fd));
}

REFUSE(other_name_is_not_known)
{
	char name[] = "/var/tmp/ckpt-XXXXXX", other[64];
	int fd = CHECK_SYS(mkstemp(name)), fs;
	struct statfs st;

	CHECK_SYS(fstatfs(fd, &st));
	fs = st.f_type;
	snprintf(other, sizeof(other), "%s-2", name);
	CHECK_SYS(link(name, other));
	CHECK_SYS(unlink(name));
	if (fs == TMPFS_MAGIC) {
		/* It has no names but those that it knows. */
		unlink(other);
		not_here();
	}
	forget_names();
	EXPECT_FD(fd, "*", "was removed by this name, and its other one is not known: "
		       "give it this one back");
	ckpt_ready_wait();
	CHECK_SYS(unlink(other));
}

REFUSE(removed_directory_with_attribute)
{
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	fd = CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY));
	CHECK_HERE(setxattr(path, "user.ckpt", "value", 5, 0));
	CHECK_SYS(rmdir(path));
	EXPECT_FD(fd, "*", "was removed, and has extended attributes: have them removed");
	ckpt_ready_wait();
	CHECK(openat(fd, "x", O_RDWR | O_CREAT, 0600) == -1 && errno == ENOENT, "it is back");
}

REFUSE(removed_root_directory)
{
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "root"), 0700));
	fd = CHECK_SYS(open("/", O_PATH | O_DIRECTORY));
	/* While there is a /proc. */
	expect_refusal(getpid(), UNSUPPORTED, "root directory: has been removed: "
		       "make it again, or have it left");
	CHECK_SYS(chroot(path));
	CHECK_SYS(unlinkat(fd, path + 1, AT_REMOVEDIR));
	CHECK_SYS(close(fd));
	ckpt_ready_wait();
	CHECK(access("/x", F_OK) == -1 && errno == ENOENT, "it is back");
}

REFUSE(hidden_by_a_mount)
{
	char below[400];
	int fd, errors = 0;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "mnt"), 0700));
	snprintf(below, sizeof(below), "%s/file", path);
	fd = CHECK_SYS(open(below, O_RDWR | O_CREAT, 0600));
	CHECK_SYS(mount("none", path, "tmpfs", 0, NULL));
	EXPECT_FD(fd, "*", "another mount hides its path: "
		       "unmount that first");
	ckpt_ready_wait();
	errors += umount(path);
	errors += unlink(below);
	CHECK_EQ(0, errors);
}

/* ---- what reaches outside -------------------------------------------- */

/* A pipe of the test, by way of /proc. */
static int outside[2];

static int pipe_outside(const struct ckpt_scenario *sc)
{
	char name[64];
	int ret;

	if (pipe2(outside, O_CLOEXEC))
		return -1;
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", getpid(), outside[1]);
	setenv("CKPT_PIPE", name, 1);
	ret = ckpt_refuse(sc);
	close(outside[0]);
	close(outside[1]);
	return ret;
}

static void writes_outside(void)
{
	int fd = CHECK_SYS(open(getenv("CKPT_PIPE"), O_WRONLY));

	expect_refusal(getpid(), "EBUSY", "*pipe's other end is outside: "
		       "leave this one outside, too (--external), start the tasks with a file instead, "
		       "or checkpoint what has that end as well");
	ckpt_ready_wait();
	CHECK_EQ(1, write(fd, "o", 1));
}

CKPT_SCENARIO(pipe_of_container, .flags = SC_CONTAINER)
{
	writes_outside();
}

TEST_F_TIMEOUT(refuse, pipe_of_container, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, pipe_outside(&pipe_of_container));
}

/* ---- memory ---------------------------------------------------------- */

/* The policy of a mapping is the file's as well, which stays where it is. */
REFUSE(policy_of_named_file)
{
	unsigned long nodes = 1;
	struct statfs fs;
	char name[64];
	void *p;
	int fd;

	snprintf(name, sizeof(name), "/dev/shm/refused-%d", getpid());
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		not_here();
	CHECK_SYS(fstatfs(fd, &fs));
	if (fs.f_type != TMPFS_MAGIC) {
		CHECK_SYS(unlink(name));
		not_here();
	}
	CHECK_SYS(ftruncate(fd, CKPT_PAGE));
	p = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_HERE(syscall(__NR_mbind, p, CKPT_PAGE, 1, &nodes, 64, 0));
	expect_refusal(getpid(), UNSUPPORTED, "mapping *: has a memory policy (mbind), which is the "
		       "file's too, and that has a name: have its contents saved as well, or use a "
		       "memfd");
	ckpt_ready_wait();
	CHECK_SYS(unlink(name));
}

/* A socket that is connected to one of the test. */
static int socket_outside(const struct ckpt_scenario *sc)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	char name[8] = "";
	int ret;

	if (bind(listener, (struct sockaddr *)&addr, sizeof(sa_family_t)) || listen(listener, 5) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len))
		return -1;
	memcpy(name, addr.sun_path + 1, 5);
	setenv("CKPT_SOCKET", name, 1);
	ret = ckpt_refuse(sc);
	close(listener);
	return ret;
}

CKPT_SCENARIO(socket_of_container, .flags = SC_CONTAINER)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));

	memcpy(addr.sun_path + 1, getenv("CKPT_SOCKET"), 5);
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, offsetof(struct sockaddr_un, sun_path) + 6));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*): the socket that it is connected to is "
		       "outside: leave this one outside, too (--external), let it connect to the same "
		       "address again (--reconnect), cut the connection (--disconnect), or "
		       "checkpoint what has that as well", fd);
	/* Who has made the other end is outside, too. */
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(1, write(fd, "o", 1));
}

TEST_F_TIMEOUT(refuse, socket_of_container, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, socket_outside(&socket_of_container));
}

/* ---- all at once ----------------------------------------------------- */

static int has_two(void *arg)
{
	board->value[2] = CHECK_SYS(socket(AF_PACKET, SOCK_PACKET, 0));
	board->value[1] = CHECK_SYS(syscall(__NR_fsopen, "tmpfs", 0));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(fcntl(board->value[1], F_GETFD));
	return 0;
}

REFUSE(five_at_once)
{
	pid_t kid = ckpt_fork(has_two, NULL);
	int fd[3];

	ckpt_step_wait(0, 1);
	fd[0] = CHECK_SYS(socket(AF_PACKET, SOCK_PACKET, 0));
	fd[1] = CHECK_SYS(socket(AF_PACKET, SOCK_PACKET, 0));
	fd[2] = CHECK_SYS(socket(AF_PACKET, SOCK_PACKET, 0));
	EXPECT_FD(fd[0], "*", "a packet socket of type SOCK_PACKET" YET);
	EXPECT_FD(fd[1], "*", "a packet socket of type SOCK_PACKET" YET);
	EXPECT_FD(fd[2], "*", "a packet socket of type SOCK_PACKET" YET);
	expect_refusal(kid, UNSUPPORTED, "descriptor %d (*): a filesystem context" YET,
		       (int)board->value[1]);
	expect_refusal(kid, UNSUPPORTED, "descriptor %d (*): a packet socket of type SOCK_PACKET" YET,
		       (int)board->value[2]);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd[2], F_GETFD));
	ckpt_wait_exit(kid, 0);
}

TEST_HARNESS_MAIN
