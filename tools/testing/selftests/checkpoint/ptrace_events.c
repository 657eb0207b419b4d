// SPDX-License-Identifier: GPL-2.0
/*
 * Tracees that are stopped in vfork(), or wait in it, and those that are stopped as
 * they exit: alone, by a signal, with their process. They go on from there when
 * their tracer lets them, and it is told what comes then.
 */
#include "ptrace.h"

#include <pthread.h>

CKPT_FIXTURE

#define VFORK_OPTIONS	(PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACESYSGOOD)

/* ---- vfork() --------------------------------------------------------------- */

static int vforks(void *arg)
{
	pid_t kid;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	kid = vfork();
	if (!kid) {
		ckpt_step_wait(END, 1);
		_exit(42);
	}
	board->value[0] = kid;
	ckpt_wait_exit(kid, 42);
	return 43;
}

static unsigned long message_of(pid_t kid)
{
	unsigned long message = 0;

	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &message));
	return message;
}

/* A child at the event of its vfork(), and the child of that, which is stopped. */
static pid_t at_vfork(pid_t *child)
{
	pid_t kid = ckpt_fork(vforks, NULL);

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, VFORK_OPTIONS));
	go_on(kid, 0);
	expect(kid, EVENT(PTRACE_EVENT_VFORK, SIGTRAP));
	*child = message_of(kid);
	expect(*child, SIGSTOP);
	return kid;
}

/* Its child lets it go: it tells so, and its call returns. */
static void vfork_ends(pid_t kid, pid_t child)
{
	expect(kid, EVENT(PTRACE_EVENT_VFORK_DONE, SIGTRAP));
	CHECK_EQ(child, message_of(kid));
	CHECK_SYS(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	expect(kid, SIGTRAP | 0x80);
	go_on(kid, 0);
	expect(kid, SIGCHLD);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 43);
	CHECK_EQ(child, board->value[0]);
}

/* It has yet to wait. */
CKPT_CYCLE(at_event_of_vfork)
{
	pid_t child, kid = at_vfork(&child);

	CHECK_SYS(ptrace(PTRACE_DETACH, child, 0, 0));
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_EQ(child, message_of(kid));
	go_on(kid, 0);
	ckpt_step(END);
	vfork_ends(kid, child);
}

/* Its child is dead by then: it need not wait. */
CKPT_CYCLE(after_death_of_child)
{
	pid_t child, kid = at_vfork(&child);
	int status;

	go_on(child, 0);
	ckpt_step(END);
	CHECK_EQ(child, waitpid(child, &status, __WALL));
	CHECK_EQ(42 << 8, status);
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_EQ(child, message_of(kid));
	go_on(kid, 0);
	vfork_ends(kid, child);
}

/* It waits. */
CKPT_CYCLE(waits_in_vfork)
{
	pid_t child, kid = at_vfork(&child);

	CHECK_SYS(ptrace(PTRACE_DETACH, child, 0, 0));
	CHECK_SYS(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	ckpt_ready_wait();
	nothing_new(kid);
	ckpt_step(END);
	vfork_ends(kid, child);
}

/* At the end of vfork(), which returns the pid of its child. */
CKPT_CYCLE(vfork_done)
{
	pid_t child, kid = at_vfork(&child);

	CHECK_SYS(ptrace(PTRACE_DETACH, child, 0, 0));
	go_on(kid, 0);
	ckpt_step(END);
	expect(kid, EVENT(PTRACE_EVENT_VFORK_DONE, SIGTRAP));
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_EQ(child, message_of(kid));
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_wait_exit(kid, 43);
	CHECK_EQ(child, board->value[0]);
}

/* Its tracer leaves it at the event: it waits for its child all the same. */
CKPT_CYCLE(left_in_vfork)
{
	pid_t child, kid = at_vfork(&child);

	CHECK_SYS(ptrace(PTRACE_DETACH, child, 0, 0));
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_step(END);
	ckpt_wait_exit(kid, 43);
	CHECK_EQ(child, board->value[0]);
}

/* ---- exit ------------------------------------------------------------------ */

static int ends_with(void *arg)
{
	int code = (intptr_t)arg;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	if (code < 0)
		CHECK_SYS(kill(getpid(), -code));
	return code;
}

/* One that exits with @code, or dies of the signal -@code, and is stopped at that. */
static pid_t at_exit_with(int code)
{
	pid_t kid = ckpt_fork(ends_with, (void *)(intptr_t)code);

	expect(kid, SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEEXIT));
	go_on(kid, 0);
	if (code < 0) {
		expect(kid, -code);
		go_on(kid, -code);
	}
	expect(kid, EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
	return kid;
}

CKPT_CYCLE(exits)
{
	pid_t kid = at_exit_with(44);

	CHECK_EQ(44 << 8, message_of(kid));
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_EQ(44 << 8, message_of(kid));
	/* Nothing of it is gone. */
	errno = 0;
	ptrace(PTRACE_PEEKDATA, kid, &board, 0);
	CHECK_EQ(0, errno);
	go_on(kid, 0);
	ckpt_wait_exit(kid, 44);
}

CKPT_CYCLE(dies_of_signal)
{
	pid_t kid = at_exit_with(-SIGTERM);
	int status;

	CHECK_EQ(SIGTERM, message_of(kid));
	ckpt_ready_wait();
	nothing_new(kid);
	CHECK_EQ(SIGTERM, message_of(kid));
	go_on(kid, 0);
	CHECK_EQ(kid, waitpid(kid, &status, __WALL));
	CHECK_EQ(SIGTERM, status);
}

/* What dies of the checkpoint, or is left by its tracer, stops no more. */
CKPT_CYCLE(left_as_it_exits)
{
	pid_t kid = at_exit_with(45);

	ckpt_ready_wait();
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_wait_exit(kid, 45);
}

static void *ends_later(void *arg)
{
	board->value[THREAD] = sys_gettid();
	ckpt_step(BEGUN);
	ckpt_step_wait(GO_ON, 1);
	return NULL;
}

static int with_thread(void *arg)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, ends_later, NULL));
	ckpt_step_wait(END, 1);
	/* The thread may be on its way. */
	syscall(__NR_exit_group, 46);
	return 0;
}

static pid_t with_traced_thread(pid_t *tid)
{
	pid_t kid = ckpt_fork(with_thread, NULL);

	ckpt_step_wait(BEGUN, 1);
	*tid = board->value[THREAD];
	CHECK_SYS(ptrace(PTRACE_SEIZE, *tid, 0, PTRACE_O_TRACEEXIT));
	return kid;
}

/* The process goes on without it. */
CKPT_CYCLE(thread_exits)
{
	pid_t tid, kid = with_traced_thread(&tid);
	int status;

	ckpt_step(GO_ON);
	expect(tid, EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
	CHECK_EQ(0, message_of(tid));
	ckpt_ready_wait();
	nothing_new(tid);
	CHECK_EQ(0, message_of(tid));
	go_on(tid, 0);
	CHECK_EQ(tid, waitpid(tid, &status, __WALL));
	CHECK_EQ(0, status);
	ckpt_step(END);
	ckpt_wait_exit(kid, 46);
}

/* All threads of a process that exits are stopped: none kills another one any more. */
CKPT_CYCLE(process_exits)
{
	pid_t tid, kid = with_traced_thread(&tid);
	int status;

	CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, PTRACE_O_TRACEEXIT));
	ckpt_step(END);
	expect(tid, EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
	expect(kid, EVENT(PTRACE_EVENT_EXIT, SIGTRAP));
	CHECK_EQ(46 << 8, message_of(tid));
	CHECK_EQ(46 << 8, message_of(kid));
	ckpt_ready_wait();
	nothing_new(tid);
	nothing_new(kid);
	CHECK_EQ(46 << 8, message_of(tid));
	CHECK_EQ(46 << 8, message_of(kid));
	go_on(kid, 0);
	/* It stays for its thread, which is stopped still. */
	nothing_new(tid);
	go_on(tid, 0);
	CHECK_EQ(tid, waitpid(tid, &status, __WALL));
	CHECK_EQ(46 << 8, status);
	ckpt_wait_exit(kid, 46);
}

TEST_HARNESS_MAIN
