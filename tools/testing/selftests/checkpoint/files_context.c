// SPDX-License-Identifier: GPL-2.0
/* Working directory, root directory and umask, and who shares them. */
#include "common.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

CKPT_FIXTURE

static void in_directory(const char *want)
{
	char seen[PATH_MAX] = "";

	CHECK_SYS(syscall(__NR_getcwd, seen, sizeof(seen)));
	CHECK_STREQ(want, seen);
}

static mode_t umask_now(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return mask;
}

CKPT_CYCLE(working_directory)
{
	CHECK_SYS(chdir("/usr/bin"));
	ckpt_ready_wait();
	in_directory("/usr/bin");
	CHECK_SYS(access("../bin/env", X_OK));
	CHECK_SYS(chdir(".."));
	in_directory("/usr");
}

CKPT_CYCLE(of_a_filesystem_mounted)
{
	CHECK_SYS(chdir("/dev/shm"));
	ckpt_ready_wait();
	in_directory("/dev/shm");
}

CKPT_CYCLE(umask_kept)
{
	struct stat st;
	char path[320];

	umask(0137);
	ckpt_ready_wait();
	CHECK_EQ(0137, umask_now());
	CHECK_SYS(fstat(CHECK_SYS(open(ckpt_path(path, sizeof(path), "masked"), O_RDWR | O_CREAT,
				       0777)), &st));
	CHECK_EQ(S_IFREG | 0640, st.st_mode);
}

static int other_context(void *arg)
{
	CHECK_SYS(chdir("/usr"));
	umask(012);
	ckpt_step(0);
	ckpt_wait_go();
	in_directory("/usr");
	CHECK_EQ(012, umask_now());
	return 81;
}

CKPT_CYCLE(of_each_process)
{
	pid_t kid;

	CHECK_SYS(chdir("/dev"));
	umask(027);
	kid = ckpt_fork(other_context, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	in_directory("/dev");
	CHECK_EQ(027, umask_now());
	ckpt_wait_exit(kid, 81);
}

/* Threads share them, but for one that does not want to. */
static void *shares(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(chdir("/usr/bin"));
	umask(077);
	ckpt_step(1);
	return NULL;
}

static void *has_own(void *arg)
{
	CHECK_SYS(unshare(CLONE_FS));
	CHECK_SYS(chdir("/dev"));
	umask(033);
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	in_directory("/dev");
	CHECK_EQ(033, umask_now());
	return NULL;
}

CKPT_CYCLE(of_threads)
{
	pthread_t a, b;

	CHECK_SYS(chdir("/usr"));
	umask(011);
	CHECK_EQ(0, pthread_create(&a, NULL, shares, NULL));
	CHECK_EQ(0, pthread_create(&b, NULL, has_own, NULL));
	ckpt_step_wait(0, 2);
	ckpt_ready();
	ckpt_step_wait(1, 1);
	in_directory("/usr/bin");
	CHECK_EQ(077, umask_now());
	CHECK_EQ(0, pthread_join(a, NULL));
	CHECK_EQ(0, pthread_join(b, NULL));
}

CKPT_CYCLE(of_two_processes)
{
	pid_t kid;

	CHECK_SYS(chdir("/usr"));
	kid = CHECK_SYS(sys_clone(CLONE_FS | SIGCHLD));
	if (!kid) {
		ckpt_step(0);
		ckpt_wait_go();
		CHECK_SYS(chdir("/dev"));
		umask(055);
		_exit(82);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 82);
	in_directory("/dev");
	CHECK_EQ(055, umask_now());
}

/* A child with another root; its working directory is below it. */
static int jailed(void *arg)
{
	struct stat st, root;

	CHECK_SYS(chroot("/usr"));
	CHECK_SYS(chdir("/bin"));
	ckpt_step(0);
	ckpt_wait_go();
	in_directory("/bin");
	CHECK(access("/usr", F_OK) == -1 && errno == ENOENT, "it got out");
	CHECK_SYS(access("/bin/env", X_OK));
	CHECK_SYS(stat("/", &root));
	CHECK_SYS(stat("/..", &st));
	CHECK_EQ(root.st_ino, st.st_ino);
	return 83;
}

CKPT_CYCLE(root_of_a_child)
{
	pid_t kid = ckpt_fork(jailed, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_SYS(access("/usr/bin/env", X_OK));
	ckpt_wait_exit(kid, 83);
}

/* A working directory outside of the root directory, as after chroot() alone. */
static int half_jailed(void *arg)
{
	CHECK_SYS(chdir("/dev"));
	CHECK_SYS(chroot("/usr"));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(access("null", R_OK));
	CHECK(access("/usr", F_OK) == -1 && errno == ENOENT, "the root is lost");
	return 84;
}

CKPT_CYCLE(directory_outside_of_root)
{
	pid_t kid = ckpt_fork(half_jailed, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 84);
}

/* The root of the whole: also the files it has open are found from outside. */
CKPT_CYCLE(root_of_all)
{
	int fd;
	char c;

	CHECK_SYS(chroot("/usr"));
	CHECK_SYS(chdir("/"));
	fd = CHECK_SYS(open("/bin/env", O_RDONLY));
	ckpt_ready_wait();
	in_directory("/");
	CHECK_EQ(1, read(fd, &c, 1));
	CHECK_EQ(0x7f, c);
	CHECK_SYS(access("/bin/env", X_OK));
	CHECK(access("/usr", F_OK) == -1 && errno == ENOENT, "it got out");
}

TEST_HARNESS_MAIN
