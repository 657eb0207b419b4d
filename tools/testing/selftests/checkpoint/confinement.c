// SPDX-License-Identifier: GPL-2.0
/*
 * What confined the tasks (security label, user namespace, seccomp, Landlock) and
 * what confines the caller of restart(2): where they differ it is refused by name,
 * or done if the caller says that it is meant.
 */
#include "own_namespaces.h"

#include <sched.h>
#include <stddef.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>

#ifndef RESTART_CALLER_CONFINEMENT
#define RESTART_CALLER_CONFINEMENT (1ULL << 3)
#endif

#define SMACK	"/proc/self/attr/smack/current"

static struct ckpt_run run;
static int image = -1;

CKPT_SCENARIO(confined)
{
	ckpt_ready_wait();
}

FIXTURE(confinement) { int unused; };

FIXTURE_SETUP(confinement)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &confined, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
}

FIXTURE_TEARDOWN(confinement)
{
	ckpt_run_fini(&run);
}

/* restart(2) with @flags: the pid, or -errno. */
static long restart_with(uint64_t flags)
{
	struct restart_args args;
	long pid;

	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, flags);
	pid = sys_restart(&args, sizeof(args));
	return pid < 0 ? -errno : pid;
}

/* It is refused, and the log has all of @texts. */
static int refused(const char * const *texts)
{
	long pid = restart_with(0);
	int missing = 0;

	for (; *texts; texts++) {
		if (!ckpt_run_log_has(&run, *texts)) {
			ckpt_diag("no line with \"%s\"", *texts);
			missing++;
		}
	}
	if (pid == -EACCES && !missing && waitpid(-1, NULL, WNOHANG | __WALL) == -1)
		return 0;
	ckpt_diag("restart(2) gave %ld", pid);
	ckpt_run_print_log(&run);
	return 1;
}

/* It is done if the caller says so, and the tasks run. The cgroup of the test stays as it is. */
static int done(void)
{
	siginfo_t info = { 0 };

	if (ckpt_run_restart(&run, image, RESTART_CALLER_CONFINEMENT))
		return 1;
	ckpt_run_go(&run);
	if (waitid(P_PIDFD, run.pidfd, &info, WEXITED))
		return 1;
	return info.si_code != CLD_EXITED || info.si_status || run.board->failed;
}

/* What @fn returns in a child: what confines it can't be taken off. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		ckpt_watchdog();
		_exit(fn());
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

/* ---- user namespace --------------------------------------------------- */

static int other_user_namespace(void)
{
	static const char * const texts[] = {
		"refused: confinement: the tasks' user namespace had the uid_map 0 0 4294967295, the "
		"caller's has 0 0 1 [EACCES]",
		"had the gid_map 0 0 4294967295, the caller's has 0 0 1",
		"the tasks were in the initial user namespace, the caller is in another user namespace",
		"RESTART_CALLER_CONFINEMENT", NULL
	};

	return refused(texts) || done();
}

TEST_F_TIMEOUT(confinement, user_namespace, CKPT_TIMEOUT)
{
	int ret = in_own_namespaces(other_user_namespace);

	if (ret < 0)
		SKIP(return, "no user namespaces here");
	ASSERT_EQ(0, ret);
	/* Here it is the same. */
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* Another one that maps the same ids is as good: each login of a user has its own. */
static int own_image;

static int save_here(void)
{
	struct ckpt_run own;
	int ret = 1;

	if (!ckpt_run_init(&own, &confined, true) && !ckpt_run_start(&own) &&
	    !ckpt_run_checkpoint(&own, own_image, CHECKPOINT_KILL))
		ret = 0;
	*run.board = own.saved;
	ckpt_run_fini(&own);
	return ret;
}

static int restart_here(void)
{
	image = own_image;
	/* Its board is gone, and so is what it had mapped: but that is told later. */
	if (restart_with(0) != -ENOENT || ckpt_run_log_has(&run, "refused: confinement:")) {
		ckpt_run_print_log(&run);
		return 1;
	}
	return 0;
}

TEST_F_TIMEOUT(confinement, user_namespace_like_it, CKPT_TIMEOUT)
{
	static const char * const texts[] = {
		"the tasks were in another user namespace, the caller is in the initial user namespace",
		NULL
	};
	int ret;

	own_image = ckpt_image_new();
	ret = in_own_namespaces(save_here);
	if (ret < 0)
		SKIP(return, "no user namespaces here");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, in_own_namespaces(restart_here));
	/* Nor does root make root of its root. */
	image = own_image;
	ASSERT_EQ(0, refused(texts));
}

/* ---- seccomp, Landlock ------------------------------------------------ */

static int filtered(void)
{
	static const char * const texts[] = {
		"refused: confinement: the caller is confined by seccomp, the tasks were not by the "
		"same filters [EACCES]", NULL
	};
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { .len = 1, .filter = all };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 2;
	return refused(texts) || done();
}

TEST_F_TIMEOUT(confinement, seccomp, CKPT_TIMEOUT)
{
	int ret = in_child(filtered);

	if (ret == 2)
		SKIP(return, "no seccomp here");
	ASSERT_EQ(0, ret);
}

static int landlocked(void)
{
	static const char * const texts[] = {
		"refused: confinement: the caller is confined by Landlock, the tasks were not [EACCES]",
		NULL
	};
	struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK };
	int fd = syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(__NR_landlock_restrict_self, fd, 0))
		return 2;
	close(fd);
	return refused(texts);
}

TEST_F_TIMEOUT(confinement, landlock, CKPT_TIMEOUT)
{
	int ret = in_child(landlocked);

	if (ret == 2)
		SKIP(return, "no Landlock here");
	ASSERT_EQ(0, ret);
}

/* ---- labels ----------------------------------------------------------- */

static int labelled(void)
{
	static const char * const texts[] = {
		"refused: confinement: the tasks had the security label \"_\" (Smack), the caller has "
		"\"ckpt-test\" [EACCES]", NULL
	};

	if (write_proc(SMACK, "ckpt-test"))
		return 2;
	return refused(texts) || done();
}

TEST_F_TIMEOUT(confinement, label, CKPT_TIMEOUT)
{
	char buf[256];
	int ret;

	if (strcmp(ckpt_read_file(SMACK, buf, sizeof(buf)), "_"))
		SKIP(return, "no Smack here, or a label already");
	ret = in_child(labelled);
	ASSERT_EQ(0, ret);
	/* With the label that they had. */
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* Objects of System V IPC have the label of who made them. */
static void makes_objects(void)
{
	if (write_proc(SMACK, "ckpt-test") || shmget(IPC_PRIVATE, CKPT_PAGE, 0600) < 0 ||
	    semget(IPC_PRIVATE, 1, 0600) < 0 || msgget(IPC_PRIVATE, 0600) < 0)
		_exit(1);
	_exit(0);
}

CKPT_SCENARIO(objects_of_another, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	int status;
	pid_t pid;

	pid = CHECK_SYS(fork());
	if (!pid)
		makes_objects();
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK_EQ(0, status);
	ckpt_ready_wait();
}

FIXTURE(objects) { int unused; };

FIXTURE_SETUP(objects)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(objects)
{
	if (run.board)
		ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(objects, label, CKPT_TIMEOUT)
{
	static const char * const kinds[] = { "shared memory", "semaphores", "message queue" };
	struct checkpoint_args args;
	unsigned int n;
	char text[64];

	if (strcmp(ckpt_read_file(SMACK, text, sizeof(text)), "_"))
		SKIP(return, "no Smack here, or a label already");
	ASSERT_EQ(0, ckpt_run_init(&run, &objects_of_another, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
	ASSERT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	ASSERT_EQ(EOPNOTSUPP, errno);
	for (n = 0; n < 3; n++) {
		snprintf(text, sizeof(text), "System V %s 0: has another security label", kinds[n]);
		EXPECT_TRUE(ckpt_run_log_has(&run, text));
	}
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

TEST_HARNESS_MAIN
