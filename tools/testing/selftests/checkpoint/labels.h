/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Labels of security modules: which module there is depends on lsm= of the guest, so there is a
 * program for each, whose tests are skipped elsewhere.  Each loads a small policy of its own.
 */
#ifndef CKPT_TEST_LABELS_H
#define CKPT_TEST_LABELS_H

#include "common.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#ifndef RESTART_CALLER_CONFINEMENT
#define RESTART_CALLER_CONFINEMENT	(1ULL << 3)
#endif
#ifndef RESTART_KEEP_LSM
#define RESTART_KEEP_LSM		(1ULL << 9)
#endif

#define ATTR	"/proc/thread-self/attr/"

/* ---- files that show and take labels --------------------------------------- */

/* Write @text to a file that is there: 0, or -1. */
static inline int label_write(const char *path, const void *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = -1;

	if (fd >= 0) {
		ret = write(fd, text, len) == (ssize_t)len ? 0 : -1;
		close(fd);
	}
	return ret;
}

static inline int label_put(const char *path, const char *text)
{
	return label_write(path, text, strlen(text));
}

/* What a file says, without a newline at its end. */
static inline char *label_get(const char *path, char *buf, size_t size)
{
	ckpt_read_file(path, buf, size);
	buf[strcspn(buf, "\n")] = 0;
	return buf;
}

static inline bool label_is(const char *path, const char *text)
{
	char buf[256];

	return !strcmp(label_get(path, buf, sizeof(buf)), text);
}

/* Is the filesystem of a module there?  It is mounted if need be. */
static inline bool label_fs(const char *type, const char *dir, const char *file)
{
	if (access(file, F_OK))
		mount(type, dir, type, 0, NULL);
	return !access(file, F_OK);
}

/* Can a file be opened so?  If not, the policy is what denies it. */
static inline bool label_opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0) {
		CHECK_EQ(EACCES, errno);
		return false;
	}
	close(fd);
	return true;
}

/* Whether a program is there, which makes a policy. */
static inline bool label_tool(const char *name)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", name);
	return !system(command);
}

/* Write the source of a policy to a file of its own. */
static inline int label_source(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	close(fd);
	return label_put(path, text);
}

/* Without the capability @cap, of 32 or more, from now on. */
static inline int lose_cap(unsigned int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (prctl(PR_CAPBSET_DROP, cap) || syscall(__NR_capget, &head, data))
		return -1;
	data[1].permitted &= ~(1u << (cap - 32));
	data[1].effective &= ~(1u << (cap - 32));
	data[1].inheritable &= ~(1u << (cap - 32));
	return syscall(__NR_capset, &head, data);
}

/* ---- the test's side ---------------------------------------------------------- */

static struct ckpt_run run;
static int first = -1, second = -1;

static inline int save(const struct ckpt_scenario *sc, bool container)
{
	return ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) ||
	       ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL);
}

/* restart(2) with @flags fails with @error, and a line of the log has @text. */
static inline int refused(uint64_t flags, int error, const char *text)
{
	struct restart_args args;

	lseek(first, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, first, flags);
	if (sys_restart(&args, sizeof(args)) == -1 && errno == error &&
	    ckpt_run_log_has(&run, text))
		return 0;
	ckpt_diag("not refused with %s and \"%s\"", strerror(error), text);
	ckpt_run_print_log(&run);
	return 1;
}

/* It is restarted with its labels, saved and restarted once more, and finds them. */
static inline int kept(void)
{
	return ckpt_run_restart(&run, first, RESTART_KEEP_LSM) ||
	       ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
	       ckpt_run_restart(&run, second, RESTART_KEEP_LSM) || ckpt_run_go(&run) ||
	       ckpt_run_finish(&run);
}

/* A child of the test restarts it with @flags, and it ends well; the test's cgroup stays. */
static inline int restarted(uint64_t flags)
{
	siginfo_t info = { 0 };

	if (ckpt_run_restart(&run, first, flags))
		return 1;
	ckpt_run_go(&run);
	return waitid(P_PIDFD, run.pidfd, &info, WEXITED) || info.si_code != CLD_EXITED ||
	       info.si_status || run.board->failed;
}

/* What @fn returns in a child. */
static inline int in_child(int (*fn)(void))
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

/* A checkpoint of it is refused with @error, and a line of the log has @text. */
static inline int not_saved(const struct ckpt_scenario *sc, bool container, int error,
			    const char *text)
{
	struct checkpoint_args args;

	if (ckpt_run_init(&run, sc, container) || ckpt_run_start(&run))
		return 1;
	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN | (container ? 0 : CHECKPOINT_SUBTREE));
	if (sys_checkpoint(&args, sizeof(args)) == -1 && errno == error &&
	    ckpt_run_log_has(&run, text))
		return ckpt_run_go(&run) || ckpt_run_finish(&run);
	ckpt_run_print_log(&run);
	return 1;
}

/*
 * The fixture: @_missing() tells why the tests can't be run here, if anything, and @_load() loads their
 * policy if it is not there yet: 0, or -1.
 */
#define LABELS_FIXTURE(_missing, _load)						\
	FIXTURE(labels) { int unused; };					\
	FIXTURE_VARIANT(labels) { bool container; };				\
	FIXTURE_VARIANT_ADD(labels, container) { .container = true };		\
	FIXTURE_VARIANT_ADD(labels, subtree) { .container = false };		\
	FIXTURE_SETUP(labels)							\
	{									\
		const char *why;						\
										\
		CKPT_BEGIN();							\
		if (!variant->container && ckpt_containers_only())		\
			SKIP(return, "the same on all architectures: containers only here"); \
		why = _missing();						\
		if (why)							\
			SKIP(return, "%s", why);				\
		ASSERT_EQ(0, _load());						\
		first = ckpt_image_new();					\
		second = ckpt_image_new();					\
	}									\
	FIXTURE_TEARDOWN(labels)						\
	{									\
		if (run.board)							\
			ckpt_run_fini(&run);					\
	}

#endif /* CKPT_TEST_LABELS_H */
