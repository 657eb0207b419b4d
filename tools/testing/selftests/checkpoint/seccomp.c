// SPDX-License-Identifier: GPL-2.0
/*
 * Restricted system calls: strict mode, and filters in all their sharing.  A
 * restored filter forbids what it forbade, and lets through what it let through;
 * processes and threads share it as they did, so that SECCOMP_FILTER_FLAG_TSYNC
 * works as before.
 */
#include "refuse.h"

#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

CKPT_FIXTURE

REFUSE_FIXTURE

/* What filters forbid here: calls that nothing else makes, each by an error of its own. */
#define CALL_A	__NR_getpriority
#define CALL_B	__NR_getsid
#define CALL_C	__NR_sched_rr_get_interval
#define ERR_A	71
#define ERR_B	72
#define ERR_C	73

/* Adds a filter by which the call @nr fails with @err; what seccomp(2) returns. */
static long forbid(int nr, int err, unsigned int flags)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 4, .filter = program };

	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* Does the call @nr fail with @err?  0: it is not to be forbidden. */
static void is_forbidden(int nr, int err)
{
	long ret;

	errno = 0;
	ret = syscall(nr, 0, 0, 0);
	if (err)
		CHECK(ret == -1 && errno == err, "call %d: %ld, %s", nr, ret, strerror(errno));
	else
		CHECK(errno != ERR_A && errno != ERR_B && errno != ERR_C, "call %d: %s", nr,
		      strerror(errno));
}

/* The number behind @name in /proc/thread-self/status; -1: there is none. */
static long status_of(const char *name)
{
	char text[4096], *at;

	at = strstr(ckpt_read_file("/proc/thread-self/status", text, sizeof(text)), name);
	return at ? atol(at + strlen(name)) : -1;
}

static bool no_filters(void)
{
	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1 &&
	       (errno == ENOSYS || errno == EINVAL);
}

static void no_new_privs(void)
{
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* ---- one process ------------------------------------------------------ */

CKPT_CYCLE(one_filter)
{
	if (no_filters())
		ckpt_not_here();
	no_new_privs();
	CHECK_SYS(forbid(CALL_A, ERR_A, 0));
	ckpt_ready_wait();
	is_forbidden(CALL_A, ERR_A);
	is_forbidden(CALL_B, 0);
	CHECK_EQ(2, status_of("\nSeccomp:\t"));
	CHECK_EQ(1, status_of("\nSeccomp_filters:\t"));
	CHECK_EQ(1, status_of("\nNoNewPrivs:\t"));
	/* It can be restricted further. */
	CHECK_SYS(forbid(CALL_B, ERR_B, 0));
	is_forbidden(CALL_B, ERR_B);
}

/* Root needs no no_new_privs, and did not get it. */
CKPT_CYCLE(without_no_new_privs)
{
	if (no_filters())
		ckpt_not_here();
	CHECK_SYS(forbid(CALL_A, ERR_A, 0));
	ckpt_ready_wait();
	is_forbidden(CALL_A, ERR_A);
	CHECK_EQ(0, status_of("\nNoNewPrivs:\t"));
}

/* Of filters that disagree the newest of those that forbid most counts; none is lost. */
CKPT_CYCLE(several_filters)
{
	if (no_filters())
		ckpt_not_here();
	no_new_privs();
	CHECK_SYS(forbid(CALL_A, ERR_A, 0));
	CHECK_SYS(forbid(CALL_A, ERR_B, SECCOMP_FILTER_FLAG_LOG));
	CHECK_SYS(forbid(CALL_C, ERR_C, SECCOMP_FILTER_FLAG_SPEC_ALLOW));
	ckpt_ready_wait();
	is_forbidden(CALL_A, ERR_B);
	is_forbidden(CALL_C, ERR_C);
	is_forbidden(CALL_B, 0);
	CHECK_EQ(3, status_of("\nSeccomp_filters:\t"));
}

/* What it executes is restricted, too. */
CKPT_CYCLE(over_exec)
{
	int status;
	pid_t pid;

	if (no_filters())
		ckpt_not_here();
	no_new_privs();
	CHECK_SYS(forbid(CALL_A, ERR_A, 0));
	ckpt_ready_wait();
	pid = CHECK_SYS(fork());
	if (!pid) {
		execl("/proc/self/exe", "seccomp", "--is-forbidden", NULL);
		_exit(99);
	}
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
}

/* A filter may forbid all that a restart has done for the task. */
CKPT_CYCLE(all_but_little)
{
	static const int allowed[] = {
		__NR_futex, __NR_exit_group, __NR_exit, __NR_write, __NR_rt_sigreturn,
		__NR_restart_syscall, __NR_close, __NR_munmap,
#ifdef __NR_futex_time64
		__NR_futex_time64,
#endif
	};
	struct sock_filter program[2 + 2 * ARRAY_SIZE(allowed)];
	struct sock_fprog prog = { .filter = program };
	unsigned int n = 0, i;
	int pipes[2];
	pid_t pid;
	char c;

	if (no_filters())
		ckpt_not_here();
	program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						    offsetof(struct seccomp_data, nr));
	for (i = 0; i < ARRAY_SIZE(allowed); i++) {
		program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							    allowed[i], 0, 1);
		program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	prog.len = n;
	CHECK_SYS(ckpt_pipe(pipes, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid) {
		no_new_privs();
		CHECK_SYS(syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
		ckpt_step(0);
		ckpt_step_wait(1, 1);
		syscall(__NR_write, pipes[1], "y", 1);
		syscall(__NR_exit_group, 7);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step(1);
	CHECK_EQ(1, read(pipes[0], &c, 1));
	ckpt_wait_exit(pid, 7);
}

/* ---- shared filters --------------------------------------------------- */

static int child_of_forest(void *arg)
{
	long which = (long)arg;

	if (which)
		CHECK_SYS(forbid(which == 1 ? CALL_B : CALL_C, which == 1 ? ERR_B : ERR_C, 0));
	ckpt_step(0);
	ckpt_wait_go();
	is_forbidden(CALL_A, ERR_A);
	is_forbidden(CALL_B, which == 1 ? ERR_B : 0);
	is_forbidden(CALL_C, which == 2 ? ERR_C : 0);
	CHECK_EQ(which ? 2 : 1, status_of("\nSeccomp_filters:\t"));
	return 0;
}

/* Children with that of their parent, and with others of their own on top of it. */
CKPT_CYCLE(tree_of_filters)
{
	pid_t child[3];
	long n;

	if (no_filters())
		ckpt_not_here();
	no_new_privs();
	CHECK_SYS(forbid(CALL_A, ERR_A, 0));
	for (n = 0; n < 3; n++)
		child[n] = ckpt_fork(child_of_forest, (void *)n);
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
	for (n = 0; n < 3; n++)
		ckpt_wait_exit(child[n], 0);
	CHECK_EQ(1, status_of("\nSeccomp_filters:\t"));
}

/* Its child was forked before it has filters. */
CKPT_CYCLE(child_without)
{
	pid_t pid = ckpt_fork(ckpt_child_waits, NULL);

	ckpt_step_wait(0, 1);
	if (no_filters()) {
		ckpt_ready_wait();
		ckpt_wait_exit(pid, 0);
		return;
	}
	no_new_privs();
	CHECK_SYS(forbid(CALL_A, ERR_A, 0));
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
	is_forbidden(CALL_A, ERR_A);
}

static void *thread_that_waits(void *arg)
{
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	is_forbidden(CALL_A, ERR_A);
	is_forbidden(CALL_B, ERR_B);
	CHECK_EQ(2, status_of("\nSeccomp_filters:\t"));
	return NULL;
}

/* All threads got the first one by TSYNC. That works again only if they share it. */
CKPT_CYCLE(synchronized)
{
	pthread_t thread[3];
	int n;

	for (n = 0; n < 3; n++)
		CHECK_EQ(0, pthread_create(&thread[n], NULL, thread_that_waits, NULL));
	ckpt_step_wait(0, 3);
	if (no_filters()) {
		ckpt_ready_wait();
		_exit(0);
	}
	no_new_privs();
	CHECK_EQ(0, forbid(CALL_A, ERR_A, SECCOMP_FILTER_FLAG_TSYNC));
	ckpt_ready_wait();
	CHECK_EQ(0, forbid(CALL_B, ERR_B, SECCOMP_FILTER_FLAG_TSYNC));
	ckpt_step(1);
	for (n = 0; n < 3; n++)
		CHECK_EQ(0, pthread_join(thread[n], NULL));
}

static void *thread_with_filter(void *arg)
{
	no_new_privs();
	CHECK_SYS(forbid(CALL_A, ERR_A, 0));
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	is_forbidden(CALL_A, ERR_A);
	CHECK_EQ(1, status_of("\nNoNewPrivs:\t"));
	return NULL;
}

/* One thread has a filter of its own: the others have none, and cannot have its by TSYNC. */
CKPT_CYCLE(per_thread)
{
	pthread_t thread;

	if (no_filters())
		ckpt_not_here();
	CHECK_EQ(0, pthread_create(&thread, NULL, thread_with_filter, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	is_forbidden(CALL_A, 0);
	CHECK_EQ(0, status_of("\nSeccomp:\t"));
	CHECK_EQ(0, status_of("\nNoNewPrivs:\t"));
	CHECK(forbid(CALL_B, ERR_B, SECCOMP_FILTER_FLAG_TSYNC) > 0, "unrelated filters were joined");
	ckpt_step(1);
	CHECK_EQ(0, pthread_join(thread, NULL));
}

/* ---- strict mode ------------------------------------------------------ */

/* It may only read, write, exit and return from signals: any other call kills it. */
CKPT_CYCLE(strict)
{
	int to[2], from[2], status;
	pid_t pid;
	char c;

	CHECK_SYS(ckpt_pipe(to, O_CLOEXEC));
	CHECK_SYS(ckpt_pipe(from, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) {
			syscall(__NR_write, from[1], "-", 1);
			syscall(__NR_exit, 0);
		}
		syscall(__NR_write, from[1], "+", 1);
		syscall(__NR_read, to[0], &c, 1);
		syscall(__NR_write, from[1], &c, 1);
		syscall(__NR_getpid);
		syscall(__NR_write, from[1], "!", 1);
		syscall(__NR_exit, 5);
	}
	CHECK_EQ(1, read(from[0], &c, 1));
	if (c == '-')
		ckpt_not_here();
	ckpt_ready_wait();
	CHECK_EQ(1, write(to[1], "k", 1));
	CHECK_EQ(1, read(from[0], &c, 1));
	CHECK_EQ('k', c);
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %#x", status);
}

/* ---- refused ---------------------------------------------------------- */

/* Its listener is a descriptor, which is refused by its own name as well. */
REFUSE(listener)
{
	long fd;

	if (no_filters())
		not_here();
	no_new_privs();
	fd = forbid(CALL_A, ERR_A, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	CHECK_HERE(fd);
	expect_more();
	expect_refusal(getpid(), UNSUPPORTED, "has a seccomp filter with a listener "
		       "(SECCOMP_RET_USER_NOTIF): have that close its descriptor, or start it without");
	ckpt_ready_wait();
	is_forbidden(CALL_A, ERR_A);
}

/* Nobody listens any more: what it sends to him fails with ENOSYS. */
CKPT_CYCLE(listener_gone)
{
	long fd;

	if (no_filters())
		ckpt_not_here();
	no_new_privs();
	fd = CHECK_SYS(forbid(CALL_A, ERR_A, SECCOMP_FILTER_FLAG_NEW_LISTENER));
	CHECK_SYS(close(fd));
	ckpt_ready_wait();
	is_forbidden(CALL_A, ERR_A);
}

/* ---- a caller with filters -------------------------------------------- */

CKPT_SCENARIO(own_filters)
{
	CHECK_SYS(forbid(CALL_A, ERR_A, 0));
	CHECK_SYS(forbid(CALL_B, ERR_B, 0));
	ckpt_ready_wait();
	is_forbidden(CALL_A, ERR_A);
	is_forbidden(CALL_B, ERR_B);
	CHECK_EQ(board->value[0], status_of("\nSeccomp_filters:\t"));
}

FIXTURE(caller)
{
	struct ckpt_run run;
	int image;
};

FIXTURE_SETUP(caller)
{
	CKPT_BEGIN();
	if (no_filters())
		SKIP(return, "the kernel has no filters");
	self->image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&self->run, &own_filters, true));
	ASSERT_EQ(0, ckpt_run_start(&self->run));
	self->run.board->value[0] = 2;
	ASSERT_EQ(0, ckpt_run_checkpoint(&self->run, self->image, CHECKPOINT_KILL));
	lseek(self->image, 0, SEEK_SET);
}

FIXTURE_TEARDOWN(caller)
{
	if (self->image > 0)
		ckpt_run_fini(&self->run);
}

/* The tasks had what it has: they have it once. */
TEST_F_TIMEOUT(caller, with_the_same, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, forbid(CALL_A, ERR_A, 0));
	ASSERT_EQ(0, ckpt_run_restart(&self->run, self->image, 0));
	ckpt_run_go(&self->run);
	ASSERT_EQ(0, ckpt_run_finish(&self->run));
}

/* It has others: they are on top of these, if that is asked for. */
TEST_F_TIMEOUT(caller, with_others, CKPT_TIMEOUT)
{
	struct restart_args args;

	ASSERT_EQ(0, forbid(CALL_C, ERR_C, 0));
	ckpt_run_restart_args(&self->run, &args, self->image, 0);
	ASSERT_EQ(-1, sys_restart(&args, sizeof(args)));
	ASSERT_EQ(EACCES, errno);
	ASSERT_TRUE(ckpt_run_log_has(&self->run, "the caller is confined by seccomp, the tasks were "
				     "not by the same filters"));
	self->run.saved.value[0] = 3;
	lseek(self->image, 0, SEEK_SET);
	ASSERT_EQ(0, ckpt_run_restart(&self->run, self->image, RESTART_CALLER_CONFINEMENT));
	ckpt_run_go(&self->run);
	ASSERT_EQ(0, ckpt_run_finish(&self->run));
}

/* Who may not read filters does not get them into an image. */
FIXTURE(owner)
{
	struct ckpt_run run;
	int image;
};

FIXTURE_SETUP(owner)
{
	CKPT_BEGIN();
	if (no_filters())
		SKIP(return, "the kernel has no filters");
	self->image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&self->run, &own_filters, false));
	ASSERT_EQ(0, ckpt_run_start(&self->run));
}

FIXTURE_TEARDOWN(owner)
{
	if (self->image > 0)
		ckpt_run_fini(&self->run);
}

/* As PTRACE_SECCOMP_GET_FILTER has it. */
TEST_F_TIMEOUT(owner, may_not_read, CKPT_TIMEOUT)
{
	struct checkpoint_args args;

	ASSERT_EQ(0, forbid(CALL_C, ERR_C, 0));
	ckpt_run_args(&self->run, &args, -1, CHECKPOINT_DRY_RUN);
	EXPECT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	EXPECT_EQ(EPERM, errno);
	EXPECT_TRUE(ckpt_run_log_has(&self->run, "has seccomp filters, which only a caller with "
				     "CAP_SYS_ADMIN"));
}

/* For over_exec: what an executed program may. */
__attribute__((constructor(250))) static void is_forbidden_here(void)
{
	char text[256] = "";
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	if (n <= 0 || strcmp(text + strlen(text) + 1, "--is-forbidden"))
		return;
	_exit(syscall(CALL_A, 0, 0) == -1 && errno == ERR_A ? 0 : 1);
}

TEST_HARNESS_MAIN
