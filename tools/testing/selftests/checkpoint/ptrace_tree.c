// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that trace each other: a tracee is stopped where it was, and goes on as
 * its tracer wants. A stop that the tracer knows of is not reported again.
 */
#include "ptrace.h"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/uio.h>

CKPT_FIXTURE

static volatile long word = 1;

static int raises(void *arg)
{
	union sigval value = { .sival_int = 7 };

	handle();
	board->value[ADDRESS] = (uintptr_t)&word;
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(sigqueue(getpid(), SIGUSR1, value));
	board->value[WORD] = word;
	return 21;
}

/* The same when it may go on: it is to be seized first. */
static int raises_later(void *arg)
{
	handle();
	ckpt_step(BEGUN);
	ckpt_step_wait(GO_ON, 1);
	CHECK_SYS(kill(getpid(), SIGUSR1));
	return 22;
}

static int stops(void *arg)
{
	ckpt_step(BEGUN);
	ckpt_step_wait(GO_ON, 1);
	CHECK_SYS(kill(getpid(), SIGSTOP));
	return 24;
}

/* ---- at the delivery of a signal -------------------------------------- */

static pid_t stopped_by_signal(siginfo_t *info)
{
	pid_t kid = ckpt_fork(raises, NULL);

	expect(kid, SIGUSR1);
	CHECK_SYS(ptrace(PTRACE_GETSIGINFO, kid, 0, info));
	CHECK_EQ(7, info->si_value.sival_int);
	return kid;
}

static void check_siginfo(pid_t kid, const siginfo_t *before)
{
	siginfo_t info;

	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_GETSIGINFO, kid, 0, &info));
	CHECK_EQ(before->si_signo, info.si_signo);
	CHECK_EQ(before->si_code, info.si_code);
	CHECK_EQ(before->si_pid, info.si_pid);
	CHECK_EQ(before->si_value.sival_int, info.si_value.sival_int);
}

CKPT_CYCLE(delivered)
{
	siginfo_t info;
	pid_t kid = stopped_by_signal(&info);

	ckpt_ready_wait();
	check_siginfo(kid, &info);
	CHECK_EQ(0, board->value[COUNT]);
	go_on(kid, SIGUSR1);
	ckpt_wait_exit(kid, 21);
	CHECK_EQ(1, board->value[COUNT]);
	CHECK_EQ(SIGUSR1, board->value[SIGNAL]);
	CHECK_EQ(7, board->value[VALUE]);
}

CKPT_CYCLE(suppressed)
{
	siginfo_t info;
	pid_t kid = stopped_by_signal(&info);

	ckpt_ready_wait();
	check_siginfo(kid, &info);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 21);
	CHECK_EQ(0, board->value[COUNT]);
}

CKPT_CYCLE(changed)
{
	siginfo_t info;
	pid_t kid = stopped_by_signal(&info);

	ckpt_ready_wait();
	go_on(kid, SIGUSR2);
	ckpt_wait_exit(kid, 21);
	CHECK_EQ(1, board->value[COUNT]);
	CHECK_EQ(SIGUSR2, board->value[SIGNAL]);
}

CKPT_CYCLE(siginfo_changed)
{
	siginfo_t info;
	pid_t kid = stopped_by_signal(&info);

	info.si_value.sival_int = 8;
	CHECK_SYS(ptrace(PTRACE_SETSIGINFO, kid, 0, &info));
	ckpt_ready_wait();
	check_siginfo(kid, &info);
	go_on(kid, SIGUSR1);
	ckpt_wait_exit(kid, 21);
	CHECK_EQ(8, board->value[VALUE]);
}

CKPT_CYCLE(killed_by_signal)
{
	siginfo_t info;
	pid_t kid = stopped_by_signal(&info);
	int status;

	ckpt_ready_wait();
	go_on(kid, SIGTERM);
	CHECK_EQ(kid, waitpid(kid, &status, __WALL));
	CHECK_EQ(SIGTERM, status);
	CHECK_EQ(0, board->value[COUNT]);
}

CKPT_CYCLE(detached)
{
	siginfo_t info;
	pid_t kid = stopped_by_signal(&info);

	ckpt_ready_wait();
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, SIGUSR1));
	ckpt_wait_exit(kid, 21);
	CHECK_EQ(1, board->value[COUNT]);
	CHECK_EQ(7, board->value[VALUE]);
}

/* The status is still to be waited for; SIGCHLD was taken, and is not sent again. */
CKPT_CYCLE(unreported)
{
	siginfo_t info;
	sigset_t set;
	pid_t kid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	kid = ckpt_fork(raises, NULL);
	CHECK_EQ(SIGCHLD, sigwaitinfo(&set, &info));
	CHECK_SYS(waitid(P_PID, kid, &info, WSTOPPED | WNOWAIT | __WALL));
	CHECK_EQ(SIGUSR1, info.si_status);
	ckpt_ready_wait();
	CHECK_SYS(sigpending(&set));
	CHECK_EQ(0, sigismember(&set, SIGCHLD));
	info.si_pid = 0;
	CHECK_SYS(waitid(P_PID, kid, &info, WSTOPPED | WNOHANG | __WALL));
	CHECK_EQ(kid, info.si_pid);
	CHECK_EQ(SIGUSR1, info.si_status);
	go_on(kid, SIGUSR1);
	ckpt_wait_exit(kid, 21);
	CHECK_EQ(7, board->value[VALUE]);
}

CKPT_CYCLE(queued_behind)
{
	siginfo_t info;
	pid_t kid = stopped_by_signal(&info);

	CHECK_SYS(kill(kid, SIGUSR2));
	ckpt_ready_wait();
	check_siginfo(kid, &info);
	go_on(kid, 0);
	expect(kid, SIGUSR2);
	go_on(kid, SIGUSR2);
	ckpt_wait_exit(kid, 21);
	CHECK_EQ(1, board->value[COUNT]);
	CHECK_EQ(SIGUSR2, board->value[SIGNAL]);
}

/* Memory and registers can be read and written as before. */
CKPT_CYCLE(memory_and_registers)
{
	unsigned long regs[128] = {}, after[128] = {};
	struct iovec iov = { regs, sizeof(regs) }, iov_after = { after, sizeof(after) };
	siginfo_t info;
	pid_t kid = stopped_by_signal(&info);
	void *at = (void *)(uintptr_t)board->value[ADDRESS];

	CHECK_SYS(ptrace(PTRACE_GETREGSET, kid, NT_PRSTATUS, &iov));
	CHECK_SYS(ptrace(PTRACE_POKEDATA, kid, at, 98));
	ckpt_ready_wait();
	errno = 0;
	CHECK_EQ(98, ptrace(PTRACE_PEEKDATA, kid, at, 0));
	CHECK_EQ(0, errno);
	CHECK_SYS(ptrace(PTRACE_POKEDATA, kid, at, 99));
	CHECK_SYS(ptrace(PTRACE_GETREGSET, kid, NT_PRSTATUS, &iov_after));
	CHECK_EQ(iov.iov_len, iov_after.iov_len);
#if defined(__x86_64__) || defined(__aarch64__)
	CHECK_EQ(0, memcmp(regs, after, iov.iov_len));
#endif
	CHECK_SYS(ptrace(PTRACE_SETREGSET, kid, NT_PRSTATUS, &iov_after));
	go_on(kid, 0);
	ckpt_wait_exit(kid, 21);
	CHECK_EQ(99, board->value[WORD]);
}

/* A debugger has the memory of its program open. */
CKPT_CYCLE(memory_files)
{
	siginfo_t info;
	pid_t kid = stopped_by_signal(&info), nr = ckpt_proc_number(kid);
	off_t at = board->value[ADDRESS];
	long value = 97;
	char path[64];
	int fd[2], i;

	snprintf(path, sizeof(path), "/proc/%d/mem", nr);
	fd[0] = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", nr, nr);
	fd[1] = CHECK_SYS(open(path, O_RDONLY));
	CHECK_EQ(sizeof(value), pwrite(fd[0], &value, sizeof(value), at));
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		value = 0;
		CHECK_EQ(sizeof(value), pread(fd[i], &value, sizeof(value), at));
		CHECK_EQ(97, value);
	}
	CHECK_EQ(-1, pwrite(fd[1], &value, sizeof(value), at));
	CHECK_EQ(EBADF, errno);
	value = 98;
	CHECK_EQ(sizeof(value), pwrite(fd[0], &value, sizeof(value), at));
	CHECK_EQ(98, ptrace(PTRACE_PEEKDATA, kid, at, 0));
	go_on(kid, 0);
	ckpt_wait_exit(kid, 21);
	CHECK_EQ(98, board->value[WORD]);
	/* It is of this process, and not of who comes after it. */
	CHECK_EQ(0, pread(fd[0], &value, sizeof(value), at));
}

/* ---- group stop, PTRACE_INTERRUPT -------------------------------------- */

static pid_t seized_and_stopped(void)
{
	pid_t kid = seized(stops, 0);

	ckpt_step(GO_ON);
	expect(kid, SIGSTOP);
	go_on(kid, SIGSTOP);
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGSTOP));
	return kid;
}

static void continue_listening(pid_t kid)
{
	CHECK_SYS(kill(kid, SIGCONT));
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	go_on(kid, 0);
	expect(kid, SIGCONT);
	go_on(kid, SIGCONT);
	ckpt_wait_exit(kid, 24);
}

CKPT_CYCLE(group_stop)
{
	pid_t kid = seized_and_stopped();
	siginfo_t info;

	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_GETSIGINFO, kid, 0, &info));
	CHECK_EQ(EVENT(PTRACE_EVENT_STOP, SIGSTOP), info.si_code);
	CHECK_SYS(ptrace(PTRACE_LISTEN, kid, 0, 0));
	continue_listening(kid);
}

CKPT_CYCLE(listening)
{
	pid_t kid = seized_and_stopped();

	CHECK_SYS(ptrace(PTRACE_LISTEN, kid, 0, 0));
	ckpt_ready_wait();
	nothing_new(kid);
	continue_listening(kid);
}

/* When its tracer leaves it, it is stopped as its group is. */
CKPT_CYCLE(left_stopped)
{
	pid_t kid = seized_and_stopped();
	siginfo_t info;

	ckpt_ready_wait();
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	CHECK_SYS(waitid(P_PID, kid, &info, WSTOPPED));
	CHECK_EQ(SIGSTOP, info.si_status);
	CHECK_SYS(kill(kid, SIGCONT));
	ckpt_wait_exit(kid, 24);
}

static int stops_traced(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	return 25;
}

/* One that was not seized has no siginfo in a group stop. */
CKPT_CYCLE(group_stop_attached)
{
	pid_t kid = ckpt_fork(stops_traced, NULL);
	siginfo_t info;

	expect(kid, SIGSTOP);
	go_on(kid, SIGSTOP);
	expect(kid, SIGSTOP);
	CHECK_EQ(-1, ptrace(PTRACE_GETSIGINFO, kid, 0, &info));
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_EQ(-1, ptrace(PTRACE_GETSIGINFO, kid, 0, &info));
	CHECK_EQ(EINVAL, errno);
	CHECK_SYS(kill(kid, SIGCONT));
	go_on(kid, 0);
	expect(kid, SIGCONT);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 25);
}

CKPT_CYCLE(interrupted)
{
	pid_t kid = seized(spins, 0);

	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	ckpt_ready_wait();
	nothing_new(kid);
	ckpt_step(GO_ON);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 23);
}

/* It is interrupted while it is stopped: so it stops once more. */
CKPT_CYCLE(interrupt_pending)
{
	pid_t kid = seized(raises_later, 0);

	ckpt_step(GO_ON);
	expect(kid, SIGUSR1);
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	ckpt_ready_wait();
	nothing_new(kid);
	go_on(kid, SIGUSR1);
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	go_on(kid, 0);
	ckpt_wait_exit(kid, 22);
	CHECK_EQ(1, board->value[COUNT]);
}

static void *spinning_thread(void *arg)
{
	board->value[THREAD] = sys_gettid();
	spins(NULL);
	return NULL;
}

static int spins_in_thread(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, spinning_thread, NULL));
	CHECK_EQ(0, pthread_join(thread, NULL));
	return 26;
}

/* One thread of two. */
CKPT_CYCLE(thread)
{
	pid_t kid = ckpt_fork(spins_in_thread, NULL), tid;

	ckpt_step_wait(BEGUN, 1);
	tid = board->value[THREAD];
	CHECK_SYS(ptrace(PTRACE_SEIZE, tid, 0, 0));
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, tid, 0, 0));
	expect(tid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	ckpt_ready_wait();
	nothing_new(tid);
	ckpt_step(GO_ON);
	CHECK_SYS(ptrace(PTRACE_DETACH, tid, 0, 0));
	ckpt_wait_exit(kid, 26);
}

/* ---- those that run ---------------------------------------------------- */

CKPT_CYCLE(runs)
{
	pid_t kid = seized(spins, 0);

	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	expect(kid, EVENT(PTRACE_EVENT_STOP, SIGTRAP));
	ckpt_step(GO_ON);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 23);
}

CKPT_CYCLE(options)
{
	pid_t kid = seized(spins, PTRACE_O_TRACEEXIT);
	unsigned long code;

	ckpt_ready_wait();
	ckpt_step(GO_ON);
	expect(kid, EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &code));
	CHECK_EQ(23 << 8, code);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 23);
}

/* The tracer is not the parent; when it is killed, so is what it traces. */
static int traces(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_SEIZE, (pid_t)(intptr_t)arg, 0, PTRACE_O_EXITKILL));
	ckpt_step(1);
	ckpt_step_wait(END, 1);
	return 27;
}

CKPT_CYCLE(exit_kill)
{
	pid_t kid = ckpt_fork(spins, NULL), tracer;
	int status;

	ckpt_step_wait(BEGUN, 1);
	tracer = ckpt_fork(traces, (void *)(intptr_t)kid);
	ckpt_step_wait(1, 1);
	ckpt_ready_wait();
	CHECK_SYS(kill(tracer, SIGKILL));
	CHECK_EQ(tracer, waitpid(tracer, &status, 0));
	CHECK_EQ(kid, waitpid(kid, &status, 0));
	CHECK_EQ(SIGKILL, status);
}

static int exits_traced(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	return 28;
}

CKPT_CYCLE(dead)
{
	pid_t kid = ckpt_fork(exits_traced, NULL);
	siginfo_t info;

	CHECK_SYS(waitid(P_PID, kid, &info, WEXITED | WNOWAIT));
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 28);
}

TEST_HARNESS_MAIN
