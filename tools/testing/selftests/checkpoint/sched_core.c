// SPDX-License-Identifier: GPL-2.0
/*
 * Core scheduling cookies: who had the same has the same again, and nobody else, not
 * the caller of restart(2) either. One that a task outside has, too, is refused:
 * refuse_groups.c. A machine needs cores with several threads for that.
 */
#include "common.h"
#include "uring.h"

#include <dirent.h>
#include <sys/prctl.h>

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE			62
#define PR_SCHED_CORE_GET		0
#define PR_SCHED_CORE_CREATE		1
#endif

#define CORE_BEGIN() do {						\
	CKPT_BEGIN();							\
	if (cookie_of(0) < 0)						\
		SKIP(return, "no core scheduling here: %s", strerror(errno)); \
} while (0)

#define BEGUN	0	/* So many have come so far. */
#define END	1	/* They may end. */

static int waits(void *arg)
{
	ckpt_step_wait(END, 1);
	return 51;
}

static long cookie_of(pid_t pid)
{
	unsigned long cookie = 0;

	if (prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, pid, 0, &cookie))
		return -1;
	return cookie;
}

CKPT_FIXTURE_IF(CORE_BEGIN)

static int has_cookie(void *arg)
{
	int number = (intptr_t)arg;

	if (number < 2)
		CHECK_SYS(prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 0, 0));
	/* What it forks has the same. */
	if (!number)
		board->value[0] = ckpt_fork(waits, NULL);
	ckpt_step(BEGUN);
	ckpt_step_wait(END, 1);
	if (!number)
		ckpt_wait_exit(board->value[0], 51);
	return 54;
}

/* Two have the same, one has another one, two have none. */
CKPT_CYCLE(cookies)
{
	pid_t kid[4];
	int i;

	for (i = 0; i < 4; i++)
		kid[i] = ckpt_fork(has_cookie, (void *)(intptr_t)i);
	ckpt_step_wait(BEGUN, 4);
	ckpt_ready_wait();
	CHECK(cookie_of(kid[0]) > 0, "the first has no cookie");
	CHECK_EQ(cookie_of(kid[0]), cookie_of(board->value[0]));
	CHECK(cookie_of(kid[1]) > 0, "the second has no cookie");
	CHECK(cookie_of(kid[1]) != cookie_of(kid[0]), "two have the same that had not");
	CHECK_EQ(0, cookie_of(kid[2]));
	CHECK_EQ(0, cookie_of(kid[3]));
	ckpt_step(END);
	for (i = 0; i < 4; i++)
		ckpt_wait_exit(kid[i], 54);
}

/* Threads of this process that have its cookie. */
static int with_cookie(void)
{
	DIR *dir = opendir("/proc/self/task");
	long own = cookie_of(0);
	struct dirent *entry;
	int n = 0;

	CHECK(dir, "/proc/self/task: %s", strerror(errno));
	CHECK(own > 0, "no cookie");
	while ((entry = readdir(dir)))
		n += atoi(entry->d_name) > 0 && cookie_of(atoi(entry->d_name)) == own;
	closedir(dir);
	return n;
}

/*
 * A thread of the kernel that submits for an io_uring has the cookie of who has made it.
 * Where /proc has the pids that the process knows.
 */
CKPT_CYCLE(cookie_of_submitter, .flags = SC_SUBTREE)
{
	struct uring u;

	CHECK_SYS(prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 0, 0));
	CHECK_SYS(uring_make(&u, 4, IORING_SETUP_SQPOLL));
	CHECK_EQ(2, with_cookie());
	ckpt_ready_wait();
	CHECK_EQ(2, with_cookie());
}

/* ---- a caller with a cookie ------------------------------------------------ */

static struct ckpt_run run;
static int image = -1;

/* The first value of the board is the caller's. */
CKPT_SCENARIO(with_own)
{
	CHECK_SYS(prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 0, 0));
	ckpt_ready_wait();
	CHECK(cookie_of(0) > 0, "no cookie");
	if (board->restarts)
		CHECK(cookie_of(0) != (long)board->value[0], "it is that of the caller");
}

CKPT_SCENARIO(without)
{
	ckpt_ready_wait();
	CHECK_EQ(0, cookie_of(0));
}

/* In a child, which gets a cookie before it restarts what it has saved. */
static int by_one_with_cookie(const struct ckpt_scenario *sc, bool container, bool refused)
{
	struct restart_args args;
	int ret = 1;

	image = ckpt_image_new();
	if (ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) ||
	    ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL))
		goto out;
	if (!refused && prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 0, 0))
		goto out;
	if (refused) {
		/* Who has none may restart it; the same process may not when it has one. */
		if (ckpt_run_restart(&run, image, 0) || ckpt_run_go(&run) || ckpt_run_finish(&run) ||
		    prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 0, 0))
			goto out;
		lseek(image, 0, SEEK_SET);
		ckpt_take_board_back(&run);
		ckpt_run_restart_args(&run, &args, image, 0);
		if (sys_restart(&args, sizeof(args)) == -1 && errno == EACCES &&
		    ckpt_run_log_has(&run, "the caller is confined by core scheduling, not all of the "
				     "tasks were"))
			ret = 0;
		else
			ckpt_run_print_log(&run);
		goto out;
	}
	if (ckpt_run_restart(&run, image, 0))
		goto out;
	run.board->value[0] = cookie_of(0);
	if (!ckpt_run_go(&run) && !ckpt_run_finish(&run))
		ret = 0;
out:
	ckpt_run_fini(&run);
	return ret;
}

static int in_child(const struct ckpt_scenario *sc, bool container, bool refused)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		ckpt_watchdog();
		_exit(by_one_with_cookie(sc, container, refused));
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F_TIMEOUT(cr, caller_has_another, CKPT_TIMEOUT)
{
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, in_child(&with_own, variant->container, false));
}

TEST_F_TIMEOUT(cr, caller_has_one, CKPT_TIMEOUT)
{
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, in_child(&without, variant->container, true));
}

TEST_HARNESS_MAIN
