// SPDX-License-Identifier: GPL-2.0
/*
 * Tracees that are stopped in a system call: at its exit, at an event in it, or at
 * its entry. From there they make the call when their tracer lets them go on, with
 * what that has changed in their registers.
 */
#include "ptrace_calls.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>

CKPT_FIXTURE

/* It runs, and stops at the next call that it makes. */
CKPT_CYCLE(runs_to_call)
{
	pid_t kid = seized(spins, PTRACE_O_TRACESYSGOOD);
	struct call_info info;

	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	CHECK_SYS(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	ckpt_ready_wait();
	nothing_new(kid);
	ckpt_step(GO_ON);
	expect(kid, SIGTRAP | 0x80);
	get_call(kid, ENTRY, &info);
	CHECK_EQ(__NR_exit_group, info.nr);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 23);
}

CKPT_CYCLE(call_exit)
{
	pid_t kid = ckpt_fork(calls, NULL);
	struct call_info info, after;

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	to_call(kid);
	get_call(kid, ENTRY, &info);
	CHECK_EQ(__NR_getppid, info.nr);
	to_call(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(getpid(), info.result);
	ckpt_ready_wait();
	nothing_new(kid);
	get_call(kid, EXIT, &after);
	CHECK_EQ(0, memcmp(&info, &after, sizeof(info)));
	to_call(kid);
	get_call(kid, ENTRY, &info);
	CHECK_EQ(__NR_getppid, info.nr);
	to_call(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(getpid(), info.result);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 29);
	CHECK_EQ(getpid(), board->value[0]);
	CHECK_EQ(getpid(), board->value[1]);
}

static int forks(void *arg)
{
	pid_t kid;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	kid = CHECK_SYS(sys_clone(SIGCHLD));
	if (!kid) {
		ckpt_step_wait(END, 1);
		_exit(32);
	}
	board->value[0] = kid;
	ckpt_wait_exit(kid, 32);
	return 33;
}

/* The event comes in the call, which then returns and stops once more. */
CKPT_CYCLE(forked)
{
	pid_t kid = ckpt_fork(forks, NULL);
	unsigned long child, after;
	struct call_info info;

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACESYSGOOD));
	go_on(kid, 0);
	expect(kid, EVENT(PTRACE_EVENT_FORK, SIGTRAP));
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &child));
	expect(child, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_DETACH, child, 0, 0));
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &after));
	CHECK_EQ(child, after);
	to_call(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(child, info.result);
	go_on(kid, 0);
	ckpt_step(END);
	expect(kid, SIGCHLD);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 33);
	CHECK_EQ(child, board->value[0]);
}

static void *is_cloned(void *arg)
{
	ckpt_step_wait(END, 1);
	return NULL;
}

static int makes_thread(void *arg)
{
	pthread_t thread;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	CHECK_EQ(0, pthread_create(&thread, NULL, is_cloned, NULL));
	CHECK_EQ(0, pthread_join(thread, NULL));
	return 38;
}

/* The same of a thread. */
CKPT_CYCLE(cloned)
{
	pid_t kid = ckpt_fork(makes_thread, NULL);
	unsigned long thread, after;
	struct call_info info;

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD));
	go_on(kid, 0);
	expect(kid, EVENT(PTRACE_EVENT_CLONE, SIGTRAP));
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &thread));
	expect(thread, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_DETACH, thread, 0, 0));
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &after));
	CHECK_EQ(thread, after);
	to_call(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(thread, info.result);
	go_on(kid, 0);
	ckpt_step(END);
	ckpt_wait_exit(kid, 38);
}

static int executes(void *arg)
{
	char *const argv[] = { "sh", "-c", "exit 36", NULL };

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	syscall(__NR_execve, "/bin/sh", argv, NULL);
	return 0;
}

/* It has its new program, of which nothing has run. */
CKPT_CYCLE(executed)
{
	pid_t kid = ckpt_fork(executes, NULL);
	unsigned long before;
	struct call_info info;

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD));
	go_on(kid, 0);
	expect(kid, EVENT(PTRACE_EVENT_EXEC, SIGTRAP));
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &before));
	CHECK_EQ(kid, before);
	to_call(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(0, info.result);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 36);
}

static int call_and_wait(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	ckpt_step(BEGUN);
	ckpt_wait_go();
	return 30;
}

/* As strace: it lets its program run from call to call. */
static int follows(void *arg)
{
	pid_t kid = ckpt_fork(call_and_wait, NULL);
	struct call_info info;
	int status;

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	for (;;) {
		CHECK_SYS(ptrace(PTRACE_SYSCALL, kid, 0, 0));
		CHECK_EQ(kid, waitpid(kid, &status, __WALL));
		if (WIFEXITED(status))
			break;
		CHECK_EQ(SIGTRAP | 0x80, status >> 8);
		memset(&info, 0, sizeof(info));
		CHECK_SYS(ptrace(PTRACE_GET_SYSCALL_INFO, kid, sizeof(info), &info));
		if (info.op == ENTRY)
			board->value[CALL] = info.nr;
	}
	CHECK_EQ(30, WEXITSTATUS(status));
	return 31;
}

/* While its program waits in a call, it is at the entry of none. */
CKPT_CYCLE(from_call_to_call,
	   .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex), BLOCKED(__NR_wait4) })
{
	pid_t tracer = ckpt_fork(follows, NULL);

	ckpt_step_wait(BEGUN, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(tracer, 31);
	CHECK_EQ(__NR_exit_group, board->value[CALL]);
}

/* ---- at the entry of a call ---------------------------------------------- */

/* It is made once, and stops at its exit and at the next one. */
CKPT_CYCLE(call_entry)
{
	struct call_info info;
	pid_t kid = at_entry(calls, &info);

	CHECK_EQ(__NR_getppid, info.nr);
	ckpt_ready_wait();
	check_entry(kid, &info);
	to_call(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(getpid(), info.result);
	to_call(kid);
	get_call(kid, ENTRY, &info);
	CHECK_EQ(__NR_getppid, info.nr);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 29);
	CHECK_EQ(getpid(), board->value[0]);
	CHECK_EQ(getpid(), board->value[1]);
}

#ifdef __x86_64__

/* Its tracer makes another call of it, before and after that. */
CKPT_CYCLE(call_changed)
{
	struct call_info info;
	pid_t kid = at_entry(calls, &info);

	set_call(kid, __NR_getppid, -ENOSYS);
	ckpt_ready_wait();
	set_call(kid, __NR_getpid, -ENOSYS);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 29);
	CHECK_EQ(kid, board->value[0]);
	CHECK_EQ(getpid(), board->value[1]);
}

CKPT_CYCLE(call_skipped)
{
	struct call_info info;
	pid_t kid = at_entry(calls, &info);

	set_call(kid, -1, 4242);
	ckpt_ready_wait();
	to_call(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(4242, info.result);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 29);
	CHECK_EQ(4242, board->value[0]);
	CHECK_EQ(getpid(), board->value[1]);
}

#endif /* __x86_64__ */

static int reads(void *arg)
{
	char byte = 0;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	board->value[0] = syscall(__NR_read, *(int *)arg, &byte, 1);
	return byte;
}

/* It waits in the call, which no signal ends. */
CKPT_CYCLE(call_that_waits)
{
	struct call_info info;
	int fd[2];
	pid_t kid;

	CHECK_SYS(ckpt_pipe(fd, O_CLOEXEC));
	kid = at_entry_with(reads, &fd[0], &info);
	CHECK_EQ(__NR_read, info.nr);
	ckpt_ready_wait();
	check_entry(kid, &info);
	CHECK_SYS(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	CHECK_EQ(1, write(fd[1], "*", 1));
	expect(kid, SIGTRAP | 0x80);
	get_call(kid, EXIT, &info);
	/* -ERESTARTSYS: the freezer has woken it, as a signal does, and so it is made again. */
	while (info.result == -512) {
		to_call(kid);
		get_call(kid, ENTRY, &info);
		to_call(kid);
		get_call(kid, EXIT, &info);
	}
	CHECK_EQ(1, info.result);
	go_on(kid, 0);
	ckpt_wait_exit(kid, '*');
}

static int writes(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	board->value[0] = syscall(__NR_write, *(int *)arg, "*", 1);
	return 39;
}

/* What dies of the checkpoint does not make it, though its tracer dies first. */
CKPT_CYCLE(call_of_the_dead)
{
	struct call_info info;
	struct stat st;
	char path[320];
	pid_t kid;
	int fd;

	ckpt_path(path, sizeof(path), "written");
	fd = CHECK_SYS(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
	kid = at_entry_with(writes, &fd, &info);
	CHECK_EQ(__NR_write, info.nr);
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(0, st.st_size);
	check_entry(kid, &info);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 39);
	CHECK_EQ(1, board->value[0]);
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(1, st.st_size);
	/* For the next one that is restarted. */
	CHECK_SYS(ftruncate(fd, 0));
}

static int pauses(void *arg)
{
	handle();
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	board->value[VALUE] = 0;
	/* As pause(), which some architectures lack. */
	CHECK_EQ(-1, syscall(__NR_ppoll, NULL, 0, NULL, NULL, 0));
	CHECK_EQ(EINTR, errno);
	return 34;
}

/* A signal that has come at the entry ends the call, and is delivered after that. */
CKPT_CYCLE(call_and_signal)
{
	struct call_info info;
	pid_t kid = at_entry(pauses, &info);

	CHECK_EQ(__NR_ppoll, info.nr);
	CHECK_SYS(kill(kid, SIGUSR1));
	ckpt_ready_wait();
	check_entry(kid, &info);
	to_call(kid);
	get_call(kid, EXIT, &info);
	/* ERESTARTNOHAND */
	CHECK_EQ(-514, info.result);
	go_on(kid, 0);
	expect(kid, SIGUSR1);
	go_on(kid, SIGUSR1);
	ckpt_wait_exit(kid, 34);
	CHECK_EQ(1, board->value[COUNT]);
}

/* The same at the exit of the call, which the signal has ended. */
CKPT_CYCLE(exit_and_signal)
{
	struct call_info info;
	pid_t kid = at_entry(pauses, &info);

	CHECK_SYS(kill(kid, SIGUSR1));
	to_call(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(-514, info.result);
	ckpt_ready_wait();
	nothing_new(kid);
	get_call(kid, EXIT, &info);
	CHECK_EQ(-514, info.result);
	go_on(kid, 0);
	expect(kid, SIGUSR1);
	go_on(kid, SIGUSR1);
	ckpt_wait_exit(kid, 34);
	CHECK_EQ(1, board->value[COUNT]);
}

static int ends(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	syscall(__NR_exit_group, 35);
	return 0;
}

CKPT_CYCLE(call_of_exit)
{
	struct call_info info;
	pid_t kid = at_entry(ends, &info);

	CHECK_EQ(__NR_exit_group, info.nr);
	ckpt_ready_wait();
	check_entry(kid, &info);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 35);
}

CKPT_CYCLE(call_of_exec)
{
	struct call_info info;
	pid_t kid = at_entry(executes, &info);

	CHECK_EQ(__NR_execve, info.nr);
	ckpt_ready_wait();
	check_entry(kid, &info);
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_wait_exit(kid, 36);
}

/* It forks from there, and its child comes back as from any fork(). */
CKPT_CYCLE(call_of_fork)
{
	struct call_info info;
	pid_t kid = at_entry(forks, &info);

	CHECK_EQ(__NR_clone, info.nr);
	ckpt_ready_wait();
	check_entry(kid, &info);
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_step(END);
	ckpt_wait_exit(kid, 33);
}

/* Its tracer is gone when it could go on: it makes its call all the same. */
static int leaves_at_entry(void *arg)
{
	struct call_info info;

	board->value[THREAD] = at_entry(calls, &info);
	ckpt_step(BEGUN);
	ckpt_wait_go();
	return 37;
}

CKPT_CYCLE(call_left)
{
	pid_t tracer = ckpt_fork(leaves_at_entry, NULL);

	ckpt_step_wait(BEGUN, 1);
	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	ckpt_ready_wait();
	ckpt_wait_exit(tracer, 37);
	ckpt_wait_exit(board->value[THREAD], 29);
}

#ifdef __aarch64__

/* ---- x7, in which the tracer sees whether a call begins or ends -------------- */

#define MAGIC	0x7777123456789abcul

static int calls_with_x7(void *arg)
{
	register unsigned long x8 asm("x8") = __NR_getppid;
	register unsigned long x7 asm("x7") = MAGIC;
	register unsigned long x0 asm("x0") = 0;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	x8 = __NR_getppid;
	x7 = MAGIC;
	x0 = 0;
	asm volatile("svc 0" : "+r"(x0), "+r"(x7) : "r"(x8) : "memory");
	board->value[0] = x0;
	board->value[1] = x7;
	return 29;
}

static void check_x7(pid_t kid)
{
	go_on(kid, 0);
	ckpt_wait_exit(kid, 29);
	CHECK_EQ(getpid(), board->value[0]);
	CHECK_EQ(MAGIC, (unsigned long)board->value[1]);
}

CKPT_CYCLE(register_at_entry)
{
	struct call_info info;
	pid_t kid = at_entry(calls_with_x7, &info);

	ckpt_ready_wait();
	check_entry(kid, &info);
	check_x7(kid);
}

CKPT_CYCLE(register_at_exit)
{
	struct call_info info;
	pid_t kid = at_entry(calls_with_x7, &info);

	to_call(kid);
	get_call(kid, EXIT, &info);
	ckpt_ready_wait();
	nothing_new(kid);
	check_x7(kid);
}

#endif /* __aarch64__ */

TEST_HARNESS_MAIN
