/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scenarios that must be refused, and by which lines of the log.
 *
 * The scenario tells each refusal that it expects: the task, the object and
 * the reason.  The test wants just these from a dry run and from a checkpoint
 * that would kill; neither may write anything or disturb the scenario, which
 * then proves that it runs on.
 */
#ifndef CKPT_TEST_REFUSE_H
#define CKPT_TEST_REFUSE_H

#include "common.h"

#include <stdarg.h>
#include <sys/stat.h>

/* The board's values that are used here; the scenario has those below. */
#define REFUSE_LINES	(CKPT_VALUES - 1)	/* Refusals expected. */
#define REFUSE_MORE	(CKPT_VALUES - 2)	/* There may be more of them. */
#define REFUSE_SKIP	(CKPT_VALUES - 3)	/* The kernel has no such thing. */

/*
 * Expect the refusal of @what, which is in the line after the name of the task
 * @pid: the object, if it has a name, and the reason.
 */
__attribute__((format(printf, 3, 4), unused))
static void expect_refusal(pid_t pid, const char *err, const char *what, ...)
{
	size_t len = strlen(board->text), room = sizeof(board->text) - len;
	char path[64], comm[32], text[512];
	va_list ap;
	int n;

	va_start(ap, what);
	vsnprintf(text, sizeof(text), what, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "/proc/self/comm");
	ckpt_read_file(path, comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = 0;
	n = snprintf(board->text + len, room, "refused: pid %d (%s): %s [%s]\n", pid, comm, text,
		     err);
	CHECK(n > 0 && (size_t)n < room, "no room for the lines expected");
	board->value[REFUSE_LINES]++;
}

/* Whatever else may be refused with it is not of interest. */
__attribute__((unused)) static void expect_more(void)
{
	board->value[REFUSE_MORE] = 1;
}

/* The kernel has no such thing. */
__attribute__((unused, noreturn)) static void not_here(void)
{
	board->value[REFUSE_SKIP] = 1;
	ckpt_ready();
	_exit(0);
}

/* The result of @call; the test is skipped if the kernel has no such call. */
#define CHECK_HERE(call) ({						\
	long __here = (long)(call);					\
	if (__here == -1 && (errno == ENOSYS || errno == ENODEV ||	\
			     errno == EAFNOSUPPORT || errno == EOPNOTSUPP)) \
		not_here();						\
	CHECK_SYS(__here);						\
})

#define UNSUPPORTED	"EOPNOTSUPP"

/* The open descriptor @fd, called @name in the line, is @what. */
#define EXPECT_FD(fd, name, what)					\
	expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (%s): %s", fd, name, what)

/* ---- test side ------------------------------------------------------- */

static int refused_lines(const char *log)
{
	int count = 0;

	for (; log && *log; log = strchr(log, '\n') ? strchr(log, '\n') + 1 : NULL)
		count += !strncmp(log, "refused: ", 9);
	return count;
}

/*
 * Does the line of @log, of @len bytes, say what @want does?  In @want "*"
 * stands for anything.
 */
static bool says(const char *line, size_t len, const char *want)
{
	char copy[1024], part[1024];
	char *at = copy, *star, *rest = part;
	bool first = true;

	snprintf(copy, sizeof(copy), "%.*s", (int)len, line);
	snprintf(part, sizeof(part), "%s", want);
	while ((star = strchr(rest, '*'))) {
		*star = 0;
		at = first ? (strncmp(at, rest, strlen(rest)) ? NULL : at) : strstr(at, rest);
		if (!at)
			return false;
		at += strlen(rest);
		rest = star + 1;
		first = false;
	}
	if (first)
		return !strcmp(copy, rest);
	len = strlen(at);
	return len >= strlen(rest) && !strcmp(at + len - strlen(rest), rest);
}

static int count_lines(const char *log, const char *want)
{
	const char *end;
	int count = 0;

	for (; *log; log = *end ? end + 1 : end) {
		end = strchrnul(log, '\n');
		count += says(log, end - log, want);
	}
	return count;
}

/* All that the scenario expects is in the log, once for each time it is expected. */
static int check_lines(struct ckpt_run *run, const char *log)
{
	char want[sizeof(run->board->text)], all[sizeof(run->board->text)];
	int lines = refused_lines(log), bad = 0, seen, wanted;
	char *line, *save;

	snprintf(want, sizeof(want), "%s", run->board->text);
	snprintf(all, sizeof(all), "%s", run->board->text);
	for (line = strtok_r(want, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		seen = count_lines(log, line);
		wanted = strchr(line, '*') ? 1 : count_lines(all, line);
		if (seen == wanted || (seen > wanted && strchr(line, '*')))
			continue;
		ckpt_diag("%d times instead of %d: %s", seen, wanted, line);
		bad++;
	}
	if (!run->board->value[REFUSE_MORE] && lines != (int)run->board->value[REFUSE_LINES]) {
		ckpt_diag("%d refusals instead of %d", lines, (int)run->board->value[REFUSE_LINES]);
		bad++;
	}
	return bad ? -1 : 0;
}

/* Is the errno that of a line of the log? */
static bool errno_is_told(int err, const char *log)
{
	const char *name = strerrorname_np(err);
	char text[64];

	snprintf(text, sizeof(text), "[%s]\n", name ? name : "?");
	return strstr(log, text);
}

static int refuse(struct ckpt_run *run, int image)
{
	static char dry[CKPT_LOG_MAX];
	struct checkpoint_args args;
	struct stat st;
	int err;

	ckpt_run_args(run, &args, -1, CHECKPOINT_DRY_RUN);
	if (sys_checkpoint(&args, sizeof(args)) != -1) {
		ckpt_diag("%s: the dry run does not refuse it", run->sc->name);
		return -1;
	}
	err = errno;
	snprintf(dry, sizeof(dry), "%s", ckpt_run_log(run));
	if (!errno_is_told(err, dry)) {
		ckpt_diag("no line has the errno %s", strerror(err));
		return -1;
	}
	if (check_lines(run, dry))
		return -1;

	ckpt_run_args(run, &args, image, CHECKPOINT_KILL);
	if (sys_checkpoint(&args, sizeof(args)) != -1 || errno != err) {
		ckpt_diag("%s: errno %d, but %d of the dry run", run->sc->name, errno, err);
		return -1;
	}
	ckpt_log_without_names(dry);
	if (strcmp(dry, ckpt_run_log(run))) {
		ckpt_diag("%s: the dry run has other lines", run->sc->name);
		return -1;
	}
	if (fstat(image, &st) || st.st_size) {
		ckpt_diag("%s: an image of %lld bytes was written", run->sc->name,
			  (long long)st.st_size);
		return -1;
	}
	if (ckpt_cgroup_frozen(&run->cg)) {
		ckpt_diag("%s: the cgroup is left frozen", run->sc->name);
		return -1;
	}
	return 0;
}

/* 0: refused as expected and runs on; 1: the kernel has no such thing. */
__attribute__((unused)) static int ckpt_refuse(const struct ckpt_scenario *sc)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, !!(sc->flags & SC_CONTAINER));
	if (!ret)
		ret = ckpt_run_start(&run);
	if (!ret && run.board->value[REFUSE_SKIP])
		ret = 1;
	if (!ret && sc->before)
		ret = sc->before(&run);
	if (!ret && !getenv("CKPT_BASELINE"))
		ret = refuse(&run, image);
	if (ret < 0)
		ckpt_run_print_log(&run);
	if (!ret && sc->after)
		ret = sc->after(&run);
	if (!ret) {
		ckpt_run_go(&run);
		ret = ckpt_run_finish(&run);
	}
	ckpt_run_fini(&run);
	close(image);
	return ret;
}

#define REFUSE_FIXTURE							\
	FIXTURE(refuse) { int unused; };				\
	FIXTURE_SETUP(refuse)						\
	{								\
		CKPT_BEGIN();						\
	}								\
	FIXTURE_TEARDOWN(refuse) { }

/* A scenario that must be refused; the body of its function follows. */
#define REFUSE(_name, ...)						\
	CKPT_SCENARIO(_name, __VA_ARGS__);				\
	TEST_F_TIMEOUT(refuse, _name, CKPT_TIMEOUT)			\
	{								\
		int ret = ckpt_refuse(&_name);				\
									\
		if (ret == 1)						\
			SKIP(return, "the kernel has none of it");	\
		ASSERT_EQ(0, ret);					\
	}								\
	static void _name##_run(void)

#endif /* CKPT_TEST_REFUSE_H */
