// SPDX-License-Identifier: GPL-2.0
/*
 * Files of procfs and sysfs that can't be opened again as they were: of another instance, of a
 * part of one, of a program or a root directory of before, and what stands for something else.
 */
#include "refuse.h"

#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

REFUSE_FIXTURE

static char path[320];

/* ---- other instances, and parts ------------------------------------------ */

static void proc_at(const char *at)
{
	CHECK(!mkdir(at, 0700) || errno == EEXIST, "%s: %s", at, strerror(errno));
	CHECK_SYS(mount("proc", at, "proc", 0, NULL));
}

static int opened_at(const char *at, const char *name)
{
	char file[400];

	snprintf(file, sizeof(file), "%s/%s", at, name);
	return CHECK_SYS(open(file, O_RDONLY | O_CLOEXEC));
}

/* The file still shows something; after that nothing is mounted there. */
static void shows_and_unmount(int fd, const char *at)
{
	char c;
	int n = read(fd, &c, 1), errors = 0;

	errors += umount2(at, MNT_DETACH);
	errors += rmdir(at);
	CHECK_EQ(1, n);
	CHECK_EQ(0, errors);
}

REFUSE(of_the_container, .flags = SC_CONTAINER)
{
	int fd;

	proc_at(ckpt_path(path, sizeof(path), "proc"));
	fd = opened_at(path, "version");
	EXPECT_FD(fd, "*", "is of a procfs of the container's own pid namespace, which no restart "
		  "can mount yet");
	ckpt_ready_wait();
	shows_and_unmount(fd, path);
}

static int mounts_proc(void *arg)
{
	proc_at(arg);
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

REFUSE(of_another_pid_namespace)
{
	pid_t kid;
	int fd;

	ckpt_path(path, sizeof(path), "proc");
	kid = CHECK_SYS(sys_clone(CLONE_NEWPID | SIGCHLD));
	if (!kid)
		_exit(mounts_proc(path));
	ckpt_step_wait(0, 1);
	fd = opened_at(path, "version");
	EXPECT_FD(fd, "*", "is of a procfs of another pid namespace than the caller's: have it "
		  "closed");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	shows_and_unmount(fd, path);
}

/* A mount of a directory alone does not tell where it is. */
REFUSE(by_a_part)
{
	int fd;

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "part"), 0700));
	CHECK_SYS(mount("/proc/sys/kernel", path, NULL, MS_BIND, NULL));
	fd = opened_at(path, "ostype");
	EXPECT_FD(fd, "*", "is below a mount of a part of procfs: have it opened by way of its "
		  "root");
	ckpt_ready_wait();
	shows_and_unmount(fd, path);
}

/* ---- of before ---------------------------------------------------------- */

/* Executed by the next one, which has the maps and the memory of its program open. */
CKPT_SCENARIO(executed)
{
	char c;
	int i;

	for (i = 0; i < 2; i++)
		EXPECT_FD((int)board->value[i], "*", "shows the memory that its process had "
			  "before it executed a program: have it closed");
	ckpt_ready_wait();
	/* There is nobody any more to whom that belongs. */
	for (i = 0; i < 2; i++)
		CHECK(read(board->value[i], &c, 1) <= 0, "it shows something");
}

REFUSE(memory_before_exec)
{
	board->value[0] = CHECK_SYS(open("/proc/self/maps", O_RDONLY));
	board->value[1] = CHECK_SYS(open("/proc/self/mem", O_RDWR));
	/* The name of the board is that of a file without its end. */
	ckpt_path(path, sizeof(path), "");
	path[strlen(path) - 1] = 0;
	execl("/proc/self/exe", "refuse_proc", "--scenario", "executed", path, NULL);
	CHECK(false, "execl: %s", strerror(errno));
}

REFUSE(mounts_of_another_root)
{
	int proc, root, fd;
	char c;

	proc = CHECK_SYS(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
	root = CHECK_SYS(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "root"), 0700));
	CHECK_SYS(chroot(path));
	fd = CHECK_SYS(openat(proc, "self/mounts", O_RDONLY | O_CLOEXEC));
	CHECK_SYS(fchdir(root));
	CHECK_SYS(chroot("."));
	CHECK_SYS(close(root));
	CHECK_SYS(close(proc));
	EXPECT_FD(fd, "*", "shows mounts as they are seen from another root directory than the "
		  "caller's");
	ckpt_ready_wait();
	/* No mount is below that. */
	CHECK_EQ(0, CHECK_SYS(read(fd, &c, 1)));
}

/* Offsets of memory may be what positions of files are not. */
REFUSE(position)
{
	int fd = CHECK_SYS(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
	off_t end = (off_t)(1ull << 63);

	CHECK_EQ(end, lseek(fd, end, SEEK_SET));
	EXPECT_FD(fd, "*", "has a position that can't be saved: have it closed");
	ckpt_ready_wait();
	CHECK_EQ(end + 1, lseek(fd, 1, SEEK_CUR));
}

/* ---- what stands for something else -------------------------------------- */

REFUSE(links_of_things)
{
	int thing = CHECK_SYS(open("/dev/null", O_RDONLY)), fd[3], i;
	const char *names[3];
	char name[3][64];
	glob_t maps;

	snprintf(name[0], sizeof(name[0]), "/proc/self/fd/%d", thing);
	snprintf(name[1], sizeof(name[1]), "/proc/self/fdinfo/%d", thing);
	CHECK_EQ(0, glob("/proc/self/map_files/*", 0, NULL, &maps));
	snprintf(name[2], sizeof(name[2]), "%s", maps.gl_pathv[0]);
	globfree(&maps);
	for (i = 0; i < 3; i++) {
		names[i] = name[i];
		fd[i] = CHECK_SYS(open(names[i], O_PATH | O_NOFOLLOW | O_CLOEXEC));
		EXPECT_FD(fd[i], "*", "stands for a descriptor or mapping of a task, which can't "
			  "be saved yet: have it closed");
	}
	ckpt_ready_wait();
	CHECK(readlinkat(fd[0], "", path, sizeof(path)) > 0, "it is no link: %s", strerror(errno));
	CHECK(readlinkat(fd[2], "", path, sizeof(path)) > 0, "it is no link: %s", strerror(errno));
}

/* What is written there does something. */
REFUSE(open_for_writing)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fd = open("/proc/irq/default_smp_affinity", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		not_here();
	EXPECT_FD(fd, "*", "is open for writing: what that has set up can't be saved yet");
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

TEST_HARNESS_MAIN
