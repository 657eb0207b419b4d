// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation and each copy from and to user space fails in turn: of the
 * slab, of pages, of the caller and of the tasks that come back, over one
 * checkpoint and one restart of a tree with everything that is supported, and
 * of one with network namespaces and devices.
 * Nothing is left, the original has not noticed, and what succeeds all the same
 * is complete: the tree goes on from it.
 *
 * CKPT_NTH is how many faults there are in each test, spread evenly, and a
 * fifth of that of network namespaces, which take long; 0 means every single one.
 */
#include "everything.h"
#include "fault.h"
#include "usage.h"

#include <limits.h>

#define FAULTS	100
/* Of those that do not make the call fail so many are taken to the end. */
#define PROVEN	12
#define HANG	60

/* One in so many of network namespaces. */
#define SLOW	5

CKPT_SCENARIO(all, .before = e_reach)
{
	everything(E_ALL | E_OUTSIDE);
}

CKPT_SCENARIO(networks)
{
	/* Enough tasks for there to be something that fails in them. */
	everything(E_NETWORK | E_FAMILY | E_THREADS);
}

static struct ckpt_run run;
static struct ckpt_usage before;
static int image = -1;
static int lowest;
static int nth_fd = -1;
/* Which one is to fail in the next call, 0 for none; how many more that would have taken. */
static unsigned int nth, left;
static uint64_t restart_flags;

/* ---- how faults are made --------------------------------------------- */

static int debugfs(const char *what, const char *file, long value)
{
	char path[128], text[32];
	int fd, len, ret;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", what, file);
	len = snprintf(text, sizeof(text), "%ld", value);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = write(fd, text, len) == len ? 0 : -1;
	close(fd);
	return ret;
}

static long debugfs_read(const char *what, const char *file)
{
	char path[128], buf[32];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", what, file);
	return atol(ckpt_read_file(path, buf, sizeof(buf)));
}

static const char * const sources[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

/* NULL, or why no faults can be made. */
static const char *no_faults(void)
{
	unsigned int i;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		return "the kernel does not inject faults (CONFIG_FAULT_INJECTION)";
	for (i = 0; i < 3; i++) {
		if (debugfs(sources[i], "verbose", 0))
			return "the kernel does not inject faults of all kinds";
	}
	/* Those that may sleep fail too, and those of any size. */
	if (debugfs("failslab", "ignore-gfp-wait", 0) ||
	    debugfs("fail_page_alloc", "ignore-gfp-wait", 0) ||
	    debugfs("fail_page_alloc", "ignore-gfp-highmem", 0) ||
	    debugfs("fail_page_alloc", "min-order", 0))
		return "the kernel does not let allocations fail that may sleep";
	return NULL;
}

/* The @n'th of the calling thread fails. */
static void fail_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth_fd, text, len, 0) != len)
		ckpt_diag("fail-nth: %s", strerror(errno));
}

/* How many more it would have taken, 0 if one has failed. No more do. */
static unsigned int nth_left(void)
{
	char text[16] = "";
	ssize_t n = pread(nth_fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		/* It was to be the copy of this very number. */
		return 1;
	fail_nth(0);
	return strtoul(text, NULL, 10);
}

/*
 * In tasks that come back, and threads that help: they inherit make-it-fail.
 * One fails after @space has been used up: bytes of the slab, pages, copies.
 * The caller itself is spared by a fail-nth that it does not come to.
 */
static int fail_after(const char *source, long space)
{
	return debugfs(source, "task-filter", 1) || debugfs(source, "interval", 1) ||
	       debugfs(source, "times", 1) || debugfs(source, "space", space) ||
	       debugfs(source, "probability", 100) ? -1 : 0;
}

/* How much would have been left, -1 if one has failed. */
static long space_left(const char *source)
{
	long left = debugfs_read(source, "times") ? debugfs_read(source, "space") : -1;

	debugfs(source, "probability", 0);
	debugfs(source, "times", -1);
	debugfs(source, "space", 0);
	return left;
}

static int make_it_fail(bool on)
{
	int fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	int ret = write(fd, on ? "1" : "0", 1) == 1 ? 0 : -1;

	close(fd);
	return ret;
}

/* The distance between two faults, where there are @total. */
static unsigned long stride(unsigned long total)
{
	unsigned long faults = ckpt_number("CKPT_NTH", FAULTS);

	if (run.sc == &networks && faults)
		faults = (faults + SLOW - 1) / SLOW;
	return faults && total > faults ? total / faults : 1;
}

static int seconds(void)
{
	return ckpt_number("CKPT_NTH", FAULTS) ? 1200 : 36000;
}

/* ---- the tree -------------------------------------------------------- */

FIXTURE(failnth) { long huge; };
FIXTURE_VARIANT(failnth) { struct ckpt_scenario *sc; };
FIXTURE_VARIANT_ADD(failnth, all) { .sc = &all };
FIXTURE_VARIANT_ADD(failnth, networks) { .sc = &networks };

FIXTURE_SETUP(failnth)
{
	const char *why;

	self->huge = -1;
	CKPT_BEGIN();
	why = no_faults();
	if (why)
		SKIP(return, "%s", why);
	alarm(0);
	ASSERT_EQ(0, ckpt_guard_start(HANG));
	ckpt_kmsg("failnth");
	e_huge_begin(&self->huge);
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, variant->sc, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	if (run.sc->before)
		ASSERT_EQ(0, run.sc->before(&run));
}

FIXTURE_TEARDOWN(failnth)
{
	if (run.board)
		ckpt_run_fini(&run);
	e_huge_end(self->huge);
}

static long checkpoint(void)
{
	struct checkpoint_args args;
	long id;
	int err;

	if (ftruncate(image, 0) || lseek(image, 0, SEEK_SET))
		return -1;
	ckpt_run_args(&run, &args, image, 0);
	ckpt_guard_enter("checkpoint(2)");
	if (nth)
		fail_nth(nth);
	id = sys_checkpoint(&args, sizeof(args));
	err = errno;
	if (nth)
		left = nth_left();
	ckpt_guard_leave();
	errno = err;
	return id;
}

static long restart(void)
{
	struct restart_args args;
	long pid;
	int err;

	*run.board = run.saved;
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, restart_flags);
	ckpt_guard_enter("restart(2)");
	if (nth)
		fail_nth(nth);
	pid = sys_restart(&args, sizeof(args));
	err = errno;
	if (nth)
		left = nth_left();
	ckpt_guard_leave();
	if (pid > 0) {
		run.pid = pid;
		run.status = 0;
		run.pidfd = args.pidfd;
	}
	errno = err;
	return pid;
}

/*
 * Subsystems of the network make errnos of their own of a fault. A line that says why has both: what
 * of the network it is about, and the errno of the call.
 */
static bool told_of_network(int err)
{
	static const char * const things[] = {
		"network namespace", "the device ", "nftables", "descriptor ", "socket",
	};
	const char *at = ckpt_run_log(&run);
	char line[1024], end[32];
	unsigned int i;
	size_t len;

	snprintf(end, sizeof(end), " [%s]", strerrorname_np(err) ?: "?");
	for (; *at; at += len + (at[len] == '\n')) {
		len = strcspn(at, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)len, at);
		if ((strncmp(line, "refused: ", 9) && strncmp(line, "error: ", 7)) || !strstr(line, end))
			continue;
		for (i = 0; i < ARRAY_SIZE(things); i++) {
			if (strstr(line, things[i]))
				return true;
		}
	}
	return false;
}

/* A call that failed with @err has told why, or had no memory even for that. */
static int told(bool restarting, int err)
{
	if (run.sc == &networks && told_of_network(err))
		return 0;
	if (err == ENOMEM && ckpt_run_log_has(&run, "failed: ENOMEM"))
		return 0;
	if ((err == ENOMEM || err == EFAULT) && !*ckpt_run_log(&run))
		return 0;
	return ckpt_documented(&run, restarting, err);
}

/* The tree goes on from the image that was just made: if something is missing, it will tell. */
static int go_on_from_image(void)
{
	run.saved = *run.board;
	ckpt_run_kill(&run);
	return ckpt_run_restart(&run, image, 0);
}

/* ---- the tests ------------------------------------------------------- */

TEST_F_TIMEOUT(failnth, checkpoint, seconds())
{
	unsigned int total, n, step, failed = 0, passed = 0, proven = 0;
	long id;
	int err;

	/* What is made once only is made. */
	ASSERT_LT(0, checkpoint());
	nth = INT_MAX;
	ASSERT_LT(0, checkpoint());
	total = INT_MAX - left;
	ASSERT_LT(100u, total);
	step = stride(total);
	ASSERT_EQ(0, ftruncate(image, 0));
	ckpt_usage_now(&before);
	lowest = lowest_free(&run);
	for (n = 1, left = 0; !left; n += step) {
		ckpt_kmsg("failnth: checkpoint, fault %u", n);
		nth = n;
		id = checkpoint();
		err = errno;
		ASSERT_EQ(0, ckpt_cgroup_frozen(&run.cg)) TH_LOG("fault %u", n);
		ASSERT_EQ(0, kill(run.pid, 0)) TH_LOG("fault %u", n);
		ASSERT_EQ(lowest, lowest_free(&run)) TH_LOG("fault %u", n);
		if (id > 0) {
			passed += !left;
			if (!left && proven < PROVEN && passed % 4 == 1) {
				proven++;
				ASSERT_EQ(0, go_on_from_image()) TH_LOG("fault %u", n);
			}
			continue;
		}
		failed++;
		ASSERT_EQ(0u, left) TH_LOG("without a fault: %s", strerror(err));
		ASSERT_EQ(0, told(false, err)) TH_LOG("fault %u", n);
	}
	ckpt_diag("%u places for faults, every %u. one: %u fail, %u pass, %u of these proven",
		  total, step, failed, passed, proven);
	EXPECT_LT(0u, failed);
	/* It lies in memory, and a tree that came back has more pages of its own. */
	ASSERT_EQ(0, ftruncate(image, 0));
	ASSERT_EQ(0, ckpt_usage_same(&before));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* An image that tasks are to come back from, and what is in use without them. */
static int ready_to_restart(void)
{
	if (ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL))
		return -1;
	/* What is made once only is made. */
	if (restart() < 0)
		return -1;
	ckpt_run_kill(&run);
	ckpt_usage_now(&before);
	lowest = lowest_free(&run);
	return 0;
}

/* What has come of a restart: @pid, or -1 and @err; @came: there was a fault. */
static int outcome(long pid, int err, bool came, unsigned int *failed, unsigned int *passed,
		   unsigned int *proven)
{
	if (pid < 0) {
		if (!came) {
			ckpt_diag("it fails without a fault: %s", strerror(err));
			ckpt_run_print_log(&run);
			return -1;
		}
		(*failed)++;
		return told(true, err) || nothing_left(&run, lowest) ? -1 : 0;
	}
	*passed += came;
	if (came && *proven < PROVEN && *passed % 4 == 1) {
		(*proven)++;
		if (restart_flags && ckpt_cgroup_thaw(&run.cg))
			return -1;
		ckpt_run_go(&run);
		return ckpt_run_finish(&run);
	}
	ckpt_run_kill(&run);
	return 0;
}

TEST_F_TIMEOUT(failnth, restart, seconds())
{
	unsigned int total, n, step, failed = 0, passed = 0, proven = 0;
	long pid;
	int err;

	ASSERT_EQ(0, ready_to_restart());
	nth = INT_MAX;
	ASSERT_LT(0, restart());
	total = INT_MAX - left;
	ckpt_run_kill(&run);
	step = stride(total);
	for (n = 1, left = 0; !left; n += step) {
		ckpt_kmsg("failnth: restart, fault %u", n);
		nth = n;
		pid = restart();
		err = errno;
		ASSERT_EQ(0, outcome(pid, err, !left, &failed, &passed, &proven))
			TH_LOG("fault %u", n);
	}
	ckpt_diag("%u places for faults, every %u. one: %u fail, %u pass, %u of these proven",
		  total, step, failed, passed, proven);
	EXPECT_LT(0u, failed);
	nth = 0;
	ASSERT_EQ(0, ckpt_usage_same(&before));
	ASSERT_LT(0, restart());
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* Faults of @source in the tasks themselves. */
static int in_tasks(const char *source)
{
	unsigned int failed = 0, passed = 0, proven = 0;
	long total, at, step, space = -1, pid;
	int err;

	if (ready_to_restart() || make_it_fail(true))
		return -1;
	/* For all that is still to come. */
	fail_nth(INT_MAX);
	/* Faults are for the restart, not for the calls of a task that has come back. */
	restart_flags = RESTART_FROZEN;
	if (fail_after(source, INT_MAX))
		return -1;
	pid = restart();
	total = INT_MAX - space_left(source);
	if (pid < 0 || total < 10 || total > INT_MAX / 2) {
		ckpt_diag("restart(2) gave %ld; %ld of %s were used", pid, total, source);
		return -1;
	}
	ckpt_run_kill(&run);
	step = stride(total);
	/* Objects of the slab have some bytes each. */
	if (step < 16 && total > 10000)
		step = 16;
	for (at = 1; space < 0; at += step) {
		ckpt_kmsg("failnth: tasks, %s, space %ld", source, at);
		if (fail_after(source, at))
			return -1;
		pid = restart();
		err = errno;
		space = space_left(source);
		if (outcome(pid, err, space < 0, &failed, &passed, &proven)) {
			ckpt_diag("%s, space %ld of %ld", source, at, total);
			return -1;
		}
	}
	fail_nth(0);
	make_it_fail(false);
	restart_flags = 0;
	ckpt_diag("%s: %ld are used, every %ld. fails: %u fail, %u pass, %u of these proven", source,
		  total, step, failed, passed, proven);
	if (ckpt_usage_same(&before) || restart() < 0)
		return -1;
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

TEST_F_TIMEOUT(failnth, restart_slab_in_tasks, seconds())
{
	ASSERT_EQ(0, in_tasks("failslab"));
}

TEST_F_TIMEOUT(failnth, restart_pages_in_tasks, seconds())
{
	ASSERT_EQ(0, in_tasks("fail_page_alloc"));
}

TEST_F_TIMEOUT(failnth, restart_copies_in_tasks, seconds())
{
	ASSERT_EQ(0, in_tasks("fail_usercopy"));
}

TEST_HARNESS_MAIN
