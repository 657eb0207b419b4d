// SPDX-License-Identifier: GPL-2.0
/*
 * Credentials that the caller of restart(2) could not take by system calls, and
 * what those system calls do besides.
 */
#include "common.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define LOCKS	(SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED)
#define USER	4321

static struct ckpt_run run;

static void set_caps(uint64_t caps)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ caps, caps, 0 }, { caps >> 32, caps >> 32, 0 },
	};

	CHECK_SYS(syscall(__NR_capset, &head, data));
}

static void then(uint64_t caps)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(syscall(__NR_capget, &head, data));
	CHECK_EQ(caps, data[0].permitted | (uint64_t)data[1].permitted << 32);
	CHECK_EQ(LOCKS, prctl(PR_GET_SECUREBITS));
}

/* A user with a capability, who can't become one without losing it now. */
static int capable_user(void *arg)
{
	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 1));
	CHECK_SYS(setresuid(USER, USER, USER));
	set_caps(1ull << CAP_KILL | 1ull << CAP_SETPCAP);
	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 0));
	CHECK_SYS(prctl(PR_SET_SECUREBITS, LOCKS));
	set_caps(1ull << CAP_KILL);
	then(1ull << CAP_KILL);
	return 0;
}

CKPT_SCENARIO(locked)
{
	pid_t kid = ckpt_fork(capable_user, NULL);

	ckpt_step_wait(0, 1);
	CHECK_SYS(prctl(PR_SET_SECUREBITS, LOCKS));
	ckpt_ready_wait();
	CHECK_EQ(LOCKS, prctl(PR_GET_SECUREBITS));
	ckpt_wait_exit(kid, 0);
}

FIXTURE(bounds) { int image; };

FIXTURE_SETUP(bounds)
{
	CKPT_BEGIN();
	self->image = ckpt_image_new();
}

FIXTURE_TEARDOWN(bounds)
{
	ckpt_run_fini(&run);
	close(self->image);
}

/* restart(2) by one who has the same locks, and no way to keep a capability. */
static int by_locked(int image)
{
	struct restart_args args;
	long pid;

	if (prctl(PR_SET_SECUREBITS, LOCKS))
		return 2;
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	pid = sys_restart(&args, sizeof(args));
	if (pid == -1 && errno == EPERM && ckpt_run_log_has(&run, "do not let it keep"))
		return 0;
	ckpt_diag("restart(2) gave %ld, errno %d", pid, errno);
	ckpt_run_print_log(&run);
	return 1;
}

TEST_F_TIMEOUT(bounds, capabilities_not_kept, CKPT_TIMEOUT)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, ckpt_run_init(&run, &locked, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, self->image, CHECKPOINT_KILL));
	fflush(NULL);
	pid = fork();
	if (!pid) {
		ckpt_watchdog();
		_exit(by_locked(self->image));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	/* One without may keep it, lock its securebits, and have both restored. */
	ASSERT_EQ(0, ckpt_run_restart(&run, self->image, 0));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/*
 * setresuid(2) lets a user have more processes than RLIMIT_NPROC says, but
 * execve(2) fails after that.
 */
static int one_too_many(void *arg)
{
	static char *const none[] = { NULL };
	struct rlimit limit = { 0, 0 };

	CHECK_SYS(setrlimit(RLIMIT_NPROC, &limit));
	CHECK_SYS(setresuid(USER, USER, USER));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(-1, execve("/nothing", none, none));
	CHECK_EQ(EAGAIN, errno);
	return 0;
}

CKPT_SCENARIO(beyond_limit)
{
	pid_t kid = ckpt_fork(one_too_many, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

static pid_t process_of_user(void)
{
	pid_t pid, other;
	int ready[2];

	fflush(NULL);
	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		if (fork())
			_exit(0);
		ckpt_watchdog();
		other = getpid();
		if (setresuid(USER, USER, USER) ||
		    write(ready[1], &other, sizeof(other)) != sizeof(other))
			_exit(1);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid ||
	    read(ready[0], &other, sizeof(other)) != sizeof(other))
		other = -1;
	close(ready[0]);
	return other;
}

TEST_F_TIMEOUT(bounds, processes_of_user, CKPT_TIMEOUT)
{
	pid_t other;

	/* Another process of the user, all the time; no child of ours, which would be waited for. */
	other = process_of_user();
	ASSERT_LT(0, other);
	ASSERT_EQ(0, ckpt_run_init(&run, &beyond_limit, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, self->image, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, self->image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ASSERT_EQ(0, kill(other, SIGKILL));
}

TEST_HARNESS_MAIN
