// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what: restart(2) never grants what its caller could not get by
 * ordinary system calls, and checkpoint(2) shows nobody what ptrace(2) would
 * not.  Two tables, each cell a test:
 *
 * - what an image asks for, and for each kind of caller whether it gets that;
 * - whose task it is, and for each kind of caller whether it may save it.
 *
 * An image is made by the caller itself, of a process of its own, and then
 * changed by "ckptmutate set" (tools/checkpoint/image/).
 */
#define CKPT_NO_HARNESS
#include "common.h"
#include "fault.h"
#include "privileges_subject.h"
#include "privileges_table.h"
#include "usage.h"

#include "kselftest.h"
#include <grp.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#define HANG	60

/* ---- agents: processes that are such a caller ------------------------ */

/* What an agent and the test tell each other. */
static struct {
	long ret;
	int err;
	pid_t pid;			/* Of the restored root, as the test sees it. */
	int ready, finish;		/* The agent has called; the test has seen. */
} *shared;

static struct ckpt_run run;
static char agents[300], jobs[300];
static int agents_fd, jobs_fd;

/* The right to freeze the cgroup of jobs is not handed to the caller. */
static bool freeze_is_roots;

static void own(const char *dir, uid_t uid)
{
	static const char * const files[] = {
		".", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "cgroup.kill",
		"cgroup.freeze",
	};
	unsigned int i;
	char path[400];

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		if (freeze_is_roots && dir == jobs && !strcmp(files[i], "cgroup.freeze"))
			uid = 0;
		if (chown(path, uid, uid) && errno != ENOENT)
			ckpt_diag("%s: %s", path, strerror(errno));
	}
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;

	close(fd);
	return ret;
}

static void thaw_jobs(void)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", jobs);
	write_text(path, "0");
}

/* When all files of this run were modified. */
static const struct timespec long_ago = { .tv_sec = 1000000000 };

/* Become the caller. Of a user namespace the one that returns is init of a pid namespace. */
static void become(enum caller who)
{
	uid_t uid = callers[who].uid;
	int status;
	pid_t pid;

	if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || prctl(PR_SET_KEEPCAPS, 1) ||
		    setresuid(uid, uid, uid) || set_caps(callers[who].caps) ||
		    prctl(PR_SET_KEEPCAPS, 0)))
		_exit(90);
	if (!uid && setgroups(0, NULL))
		_exit(90);
	/* Lost with the change of ids, which nobody but an attacker would want here. */
	prctl(PR_SET_DUMPABLE, 1);
	if (!callers[who].userns)
		return;
	if (unshare(CLONE_NEWUSER) || write_text("/proc/self/setgroups", "deny") ||
	    write_text("/proc/self/uid_map", "0 1000 1") ||
	    write_text("/proc/self/gid_map", "0 1000 1") || unshare(CLONE_NEWPID))
		_exit(91);
	pid = fork();
	if (pid) {
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			_exit(92);
		_exit(WEXITSTATUS(status));
	}
}

/* @fn in a process that is such a caller, in the cgroup of agents; its exit code. */
static pid_t agent(enum caller who, int (*fn)(void *arg), void *arg)
{
	char text[16], path[320];
	pid_t pid;

	own(run.cg.path, callers[who].uid);
	own(agents, callers[who].uid);
	own(jobs, callers[who].uid);
	snprintf(path, sizeof(path), "%s.own", run.board_path);
	chown(path, callers[who].uid, callers[who].uid);
	/* Others may have written to it. */
	ckpt_set_mtime(path, &long_ago);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		snprintf(text, sizeof(text), "%d", getpid());
		snprintf(run.cg.path, sizeof(run.cg.path), "%s/cgroup.procs", agents);
		if (write_text(run.cg.path, text))
			_exit(93);
		become(who);
		_exit(fn(arg));
	}
	return pid;
}

static int await_agent(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

static void wait_word(int *word)
{
	while (!__atomic_load_n(word, __ATOMIC_SEQ_CST))
		usleep(2000);
}

/* ---- images ---------------------------------------------------------- */

struct order {
	int image;
	bool container, freezes, accepted;
	void (*before)(void);
};

static void exec_subject(void)
{
	char self[PATH_MAX];
	char *argv[] = { self, "--scenario", "subject", run.board_path, NULL };
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		_exit(97);
	self[len] = 0;
	setsid();
	syscall(__NR_close_range, 0, ~0U, 0);
	open("/dev/null", O_RDWR);
	dup(0);
	dup(0);
	execv(self, argv);
	_exit(97);
}

/* In the agent: an image of a process of its own. */
static int make_image(void *arg)
{
	struct order *order = arg;
	int pidfd = -1;
	struct clone_args clone = {
		.flags = CLONE_INTO_CGROUP | CLONE_PIDFD |
			 (order->container ? CLONE_NEWPID | CLONE_NEWUTS : 0),
		.pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD, .cgroup = jobs_fd,
	};
	struct checkpoint_args args = {
		.flags = CHECKPOINT_KILL | (order->container ? 0 : CHECKPOINT_SUBTREE),
		.image_fd = order->image, .log_fd = run.log_fd, .cgroup_fd = jobs_fd,
		.timeout_ms = 60000,
	};
	pid_t pid = syscall(__NR_clone3, &clone, sizeof(clone));

	if (pid < 0)
		return 80;
	if (!pid)
		exec_subject();
	while (!__atomic_load_n(&run.board->ready, __ATOMIC_SEQ_CST)) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return 81;
		usleep(2000);
	}
	args.pidfd = pidfd;
	if (sys_checkpoint(&args, sizeof(args)) < 0)
		return 82;
	waitpid(pid, NULL, 0);
	return 0;
}

static void no_log(void)
{
	ftruncate(run.log_fd, 0);
	lseek(run.log_fd, 0, SEEK_SET);
}

static int image_of(enum caller who, bool container)
{
	struct order order = { .image = ckpt_image_new(), .container = container };
	int ret;

	no_log();
	memset(run.board, 0, sizeof(*run.board));
	ret = await_agent(agent(who, make_image, &order));
	if (!ret)
		return order.image;
	ckpt_diag("no image by %s: %d", callers[who].name, ret);
	ckpt_run_print_log(&run);
	close(order.image);
	return -1;
}

/* OWN, SECRET, THEIRS and LINK stand for files of this run. */
static void expand(char *to, size_t size, const char *from)
{
	static const char * const words[] = { "OWN", "SECRET", "THEIRS", "LINK" };
	static const char * const names[] = { "own", "secret", "theirs", "link" };
	const char *at;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		at = strstr(from, words[i]);
		if (at)
			break;
	}
	if (i == 4) {
		snprintf(to, size, "%s", from);
		return;
	}
	snprintf(to, size, "%.*s%s.%s", (int)(at - from), from, run.board_path, names[i]);
	/* There may be another one in what follows it. */
	expand(to + strlen(to), size - strlen(to), at + strlen(words[i]));
}

/* A copy of @image with the changes of @row; -1 if it can't be made. */
static int changed(int image, const struct row *row)
{
	char text[3][900];
	char *argv[8] = { "ckptmutate", "set" };
	int out = ckpt_image_new(), status, i;
	pid_t pid;

	for (i = 0; i < 3 && row->change[i]; i++) {
		expand(text[i], sizeof(text[i]), row->change[i]);
		argv[2 + i] = text[i];
	}
	lseek(image, 0, SEEK_SET);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(image, 0);
		dup2(out, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status) {
		ckpt_diag("%s: the image can't be changed so", row->name);
		close(out);
		return -1;
	}
	return out;
}

/* ---- a cell of the table of restarts --------------------------------- */

/* The pid of what @pidfd is of, in the pid namespace of /proc. */
static pid_t pid_of(int pidfd)
{
	char path[64], buf[1024];
	char *at;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	at = strstr(ckpt_read_file(path, buf, sizeof(buf)), "Pid:");
	return at ? atoi(at + 4) : -1;
}

static int call_restart(void *arg)
{
	struct order *order = arg;
	struct restart_args args = {
		.flags = order->freezes ? RESTART_FROZEN : 0,
		.image_fd = order->image, .log_fd = run.log_fd, .cgroup_fd = jobs_fd, .pidfd = -1,
	};
	char accept[300];

	/* The board has changed since: that is how the subject tells what it finds. */
	args.accept = (uintptr_t)accept;
	args.accept_len = snprintf(accept, sizeof(accept), "%s",
				   order->accepted ? "*" : run.board_path) + 1;
	if (order->before)
		order->before();
	lseek(order->image, 0, SEEK_SET);
	shared->ret = sys_restart(&args, sizeof(args));
	shared->err = errno;
	if (shared->ret > 0)
		shared->pid = pid_of(args.pidfd);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_SEQ_CST);
	wait_word(&shared->finish);
	if (shared->ret > 0) {
		kill(shared->ret, SIGKILL);
		waitpid(shared->ret, NULL, 0);
	}
	return 0;
}

/* Does the restored task have what the image asks for? */
static bool has_it(const struct row *row)
{
	uint64_t seen;

	if (row->flags & FREEZES)
		return true;
	__atomic_store_n(&run.board->go, 1, __ATOMIC_SEQ_CST);
	syscall(__NR_futex, &run.board->go, 1 /* FUTEX_WAKE */, 100, NULL, NULL, 0);
	while (!__atomic_load_n(&run.board->step[DONE], __ATOMIC_SEQ_CST)) {
		if (kill(shared->pid, 0) || __atomic_load_n(&run.board->failed, __ATOMIC_SEQ_CST) == 2)
			break;
		usleep(2000);
	}
	seen = run.board->value[row->probe];
	if (row->probe == NOTHING)
		return run.board->step[DONE];
	return row->flags & AT_LEAST ? seen >= row->value : seen == row->value;
}

static bool cell(enum caller who, const struct row *row, int base)
{
	struct order order = {
		.before = row->before, .freezes = row->flags & FREEZES,
		.accepted = row->flags & ACCEPTED,
	};
	int want = row->want[who];
	bool ok, has;
	pid_t pid;

	order.image = changed(base, row);
	if (order.image < 0)
		return false;
	memset(shared, 0, sizeof(*shared));
	memset(run.board, 0, sizeof(*run.board));
	no_log();
	ckpt_guard_enter("%s, as %s", row->name, callers[who].name);
	ckpt_kmsg("privileges: %s, as %s", row->name, callers[who].name);
	freeze_is_roots = order.freezes;
	pid = agent(who, call_restart, &order);
	while (!__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) && !has_ended(pid))
		usleep(2000);
	has = shared->ret > 0 && has_it(row);
	if (shared->ret > 0)
		ok = want == HAS ? has : want == NOT ? !has : false;
	else
		ok = want == NOT ? !ckpt_documented(&run, true, shared->err) : want == shared->err;
	if (!ok) {
		if (shared->ret > 0)
			ckpt_diag("restarted, %s it: %lld (0x%llx)", has ? "with" : "without",
				  (long long)run.board->value[row->probe],
				  (unsigned long long)run.board->value[row->probe]);
		else
			ckpt_diag("refused: %s", strerror(shared->err));
		ckpt_run_print_log(&run);
	}
	__atomic_store_n(&shared->finish, 1, __ATOMIC_SEQ_CST);
	ok &= await_agent(pid) == 0;
	if (order.freezes)
		thaw_jobs();
	close(order.image);
	ckpt_guard_leave();
	return ok;
}

/* ---- a cell of the table of checkpoints ------------------------------ */

static int call_checkpoint(void *arg)
{
	struct order *order = arg;
	struct checkpoint_args args = {
		.flags = CHECKPOINT_SUBTREE, .pidfd = order->image, .cgroup_fd = jobs_fd,
		.image_fd = ckpt_image_new(), .log_fd = run.log_fd, .timeout_ms = 60000,
	};

	shared->ret = sys_checkpoint(&args, sizeof(args));
	shared->err = errno;
	return 0;
}

/* Unmaps the memory that it shares with the test, which is not saved with it. */
static void alone(void)
{
	unsigned long from, to;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "/dev/zero") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			munmap((void *)from, to - from);
	}
	fclose(maps);
}

static bool checkpoint_cell(enum caller who, const struct target *target)
{
	int pidfd = -1, want = target->want[who], up[2];
	struct clone_args clone = {
		.flags = CLONE_INTO_CGROUP | CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD, .cgroup = jobs_fd,
	};
	struct order order = { };
	bool ok;
	pid_t pid, by;
	char c;

	no_log();
	fflush(NULL);
	if (pipe(up))
		return false;
	pid = syscall(__NR_clone3, &clone, sizeof(clone));
	if (!pid) {
		syscall(__NR_close_range, 0, up[1] - 1, 0);
		syscall(__NR_close_range, up[1] + 1, ~0U, 0);
		chdir("/");
		alone();
		target->become();
		close(up[1]);
		for (;;)
			pause();
	}
	close(up[1]);
	/* It has become what it is to be. */
	if (pid < 0 || read(up[0], &c, 1) != 0)
		return false;
	close(up[0]);
	order.image = pidfd;
	ckpt_guard_enter("checkpoint of %s, as %s", target->name, callers[who].name);
	freeze_is_roots = target->freeze_is_roots;
	memset(shared, 0, sizeof(*shared));
	by = agent(who, call_checkpoint, &order);
	ok = await_agent(by) == 0;
	if (want == NOT)
		ok &= shared->ret < 0 && !ckpt_documented(&run, false, shared->err);
	else
		ok &= want == HAS ? shared->ret > 0 : shared->ret < 0 && shared->err == want;
	if (!ok) {
		ckpt_diag("checkpoint(2) gave %ld, %s", shared->ret, strerror(shared->err));
		ckpt_run_print_log(&run);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pidfd);
	ckpt_guard_leave();
	return ok;
}

/* ---------------------------------------------------------------------- */

/* A file of this run, with one letter in it and the times of all others. */
static int make_file(const char *name, char c, mode_t mode)
{
	char path[320];
	int fd;

	snprintf(path, sizeof(path), "%s.%s", run.board_path, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode);
	if (fd < 0 || write(fd, &c, 1) != 1 || fchmod(fd, mode))
		return -1;
	close(fd);
	ckpt_set_mtime(path, &long_ago);
	return 0;
}

static int set_up(void)
{
	char to[320], path[320];

	if (ckpt_guard_start(HANG) || ckpt_run_init(&run, &subject, false))
		return -1;
	snprintf(agents, sizeof(agents), "%s/agents", run.cg.path);
	snprintf(jobs, sizeof(jobs), "%s/jobs", run.cg.path);
	if (mkdir(agents, 0755) || mkdir(jobs, 0755))
		return -1;
	agents_fd = open(agents, O_RDONLY | O_DIRECTORY);
	jobs_fd = open(jobs, O_RDONLY | O_DIRECTORY);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	chmod(run.board_path, 0666);
	snprintf(to, sizeof(to), "%s.secret", run.board_path);
	snprintf(path, sizeof(path), "%s.link", run.board_path);
	return agents_fd < 0 || jobs_fd < 0 || make_file("own", 'o', 0600) ||
	       make_file("secret", 's', 0600) || make_file("theirs", 't', 0644) || symlink(to, path);
}

static void tear_down(void)
{
	close(agents_fd);
	close(jobs_fd);
	while (rmdir(agents) && errno == EBUSY)
		usleep(2000);
	while (rmdir(jobs) && errno == EBUSY)
		usleep(2000);
	ckpt_run_fini(&run);
}

int main(int argc, char **argv)
{
	const char *why = ckpt_missing();
	int images[CALLERS][2], base;
	unsigned int i;
	enum caller who, by;

	ksft_print_header();
	if (why)
		ksft_exit_skip("%s\n", why);
	if (system("command -v ckptmutate >/dev/null"))
		ksft_exit_skip("ckptmutate (tools/checkpoint/) is not in the path\n");
	ksft_set_plan(CALLERS * (ROWS + TARGETS));
	if (set_up())
		ksft_exit_fail_msg("can't be set up: %s\n", strerror(errno));
	for (who = 0; who < CALLERS; who++) {
		images[who][0] = image_of(who, false);
		/* To make a container takes privileges: who has none gets that of another. */
		images[who][1] = callers[who].caps & CAP(CAP_SYS_ADMIN) || callers[who].userns ?
				 image_of(who, true) : images[HELPER][1];
	}
	for (i = 0; i < ROWS; i++) {
		for (who = 0; who < CALLERS; who++) {
			if (argc > 1 && !strstr(rows[i].name, argv[1])) {
				ksft_test_result_skip("restart: %s, as %s\n", rows[i].name,
						      callers[who].name);
				continue;
			}
			by = rows[i].flags & MADE_BY_USERNS ? USERNS :
			     rows[i].flags & MADE_BY_HELPER ? HELPER : who;
			base = images[by][!!(rows[i].flags & IN_CONTAINER)];
			ksft_test_result(base >= 0 && cell(who, &rows[i], base),
					 "restart: %s, as %s\n", rows[i].name, callers[who].name);
		}
	}
	for (i = 0; i < TARGETS; i++) {
		bool skip = (argc > 1 && !strstr(targets[i].name, argv[1])) ||
			    (targets[i].missing && targets[i].missing());

		for (who = 0; who < CALLERS; who++) {
			if (skip)
				ksft_test_result_skip("checkpoint: %s, as %s\n", targets[i].name,
						      callers[who].name);
			else
				ksft_test_result(checkpoint_cell(who, &targets[i]),
						 "checkpoint: %s, as %s\n", targets[i].name,
						 callers[who].name);
		}
	}
	tear_down();
	ksft_finished();
}
