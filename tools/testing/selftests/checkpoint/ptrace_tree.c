// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that trace each other: a tracee is stopped where it was, and goes on as
 * its tracer wants. A stop that the tracer knows of is not reported again.
 */
#include "common.h"

#include <elf.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#ifndef PTRACE_LISTEN
#define PTRACE_LISTEN 0x4208
#endif
#ifndef PTRACE_GET_SYSCALL_INFO
#define PTRACE_GET_SYSCALL_INFO 0x420e
#endif
#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

#define EVENT(event, sig)	((sig) | (event) << 8)

/* Counters. */
#define BEGUN	0	/* The tracee has come so far. */
#define GO_ON	9	/* It may go on. */
#define END	10	/* Who traces for the root may end. */

/* Values: what the handler has seen, and where the tracee is. */
#define SIGNAL	0
#define VALUE	1
#define COUNT	2
#define WORD	3
#define ADDRESS	4
#define THREAD	5
#define CALL	6

CKPT_FIXTURE

static volatile long word = 1;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	board->value[SIGNAL] = sig;
	board->value[VALUE] = info->si_value.sival_int;
	board->value[COUNT]++;
}

static void handle(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	CHECK_SYS(sigaction(SIGUSR1, &sa, NULL));
	CHECK_SYS(sigaction(SIGUSR2, &sa, NULL));
}

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

static int spins(void *arg)
{
	ckpt_step(BEGUN);
	while (!__atomic_load_n(&board->step[GO_ON], __ATOMIC_SEQ_CST))
		;
	return 23;
}

static int stops(void *arg)
{
	ckpt_step(BEGUN);
	ckpt_step_wait(GO_ON, 1);
	CHECK_SYS(kill(getpid(), SIGSTOP));
	return 24;
}

/* The next report is that @pid has stopped with @status. */
static void expect(pid_t pid, int status)
{
	int seen = 0;

	CHECK_EQ(pid, waitpid(pid, &seen, __WALL));
	CHECK(WIFSTOPPED(seen), "status 0x%x", seen);
	CHECK_EQ(status, seen >> 8);
}

/* Nothing is to be reported of @pid. */
static void nothing_new(pid_t pid)
{
	int status;

	CHECK_EQ(0, waitpid(pid, &status, __WALL | WNOHANG));
}

static void go_on(pid_t pid, int sig)
{
	CHECK_SYS(ptrace(PTRACE_CONT, pid, 0, sig));
}

static pid_t seized(int (*fn)(void *arg), long options)
{
	pid_t kid = ckpt_fork(fn, NULL);

	ckpt_step_wait(BEGUN, 1);
	CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, options));
	return kid;
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

/* ---- system calls ------------------------------------------------------- */

/* As struct ptrace_syscall_info of linux/ptrace.h. */
struct call_info {
	uint8_t op;
	uint8_t pad[3];
	uint32_t arch;
	uint64_t ip;
	uint64_t sp;
	union {
		uint64_t nr;		/* At the entry. */
		int64_t result;		/* At the exit. */
	};
	uint64_t args[6];
};

#define ENTRY	1
#define EXIT	2

static void get_call(pid_t kid, int op, struct call_info *info)
{
	memset(info, 0, sizeof(*info));
	CHECK_SYS(ptrace(PTRACE_GET_SYSCALL_INFO, kid, sizeof(*info), info));
	CHECK_EQ(op, info->op);
}

/* Lets @kid run to its next system call, or to its end. */
static void to_call(pid_t kid)
{
	CHECK_SYS(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	expect(kid, SIGTRAP | 0x80);
}

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

/* arm64 has a register elsewhere at the exit of a call: refuse_tasks.c. */
#ifndef __aarch64__

static int calls(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	board->value[0] = syscall(__NR_getppid);
	board->value[1] = syscall(__NR_getppid);
	return 29;
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

#endif /* !__aarch64__ */

TEST_HARNESS_MAIN
