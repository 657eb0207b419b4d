/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pest of soak: a process that kills, stops, continues, traces, freezes and
 * moves tasks of a tree at random moments within a time that the test gives it,
 * and then puts an end to what others could stumble over.
 */
#ifndef CKPT_TEST_SOAK_PEST_H
#define CKPT_TEST_SOAK_PEST_H

#include "usage.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#define DEEDS	5
#define TRACED	8

enum deed { LOOK, STOP, CONTINUE, TRACE, MOVE, FREEZE, KILL, KILL_ALL };

static const char * const deed_name[] = {
	"look", "stop", "continue", "trace", "move", "freeze", "kill", "kill all",
};

/* What the test tells the pest, and what the pest has done. */
static struct {
	uint32_t go, done;		/* Futexes: number of the round. */
	uint64_t seed;
	uint32_t window_us;		/* Within which it does what it does. */
	uint32_t deeds;
	bool may_kill;
	char cgroup[256], other[256];
	uint32_t kills, harm;		/* Also what may make a call fail. */
	char told[512];
	uint32_t tracing[TRACED];	/* Futexes of the debuggers: what each has come to. */
} *pest;

/* Values of tracing. */
enum { TRACES = 1, HAS_STOPPED };

static pid_t tracer[TRACED];
/* It has frozen the cgroup, or thawed it. */
static bool froze;

static void futex_wait_for(uint32_t *word, uint32_t seen, long ns)
{
	struct timespec ts = { .tv_nsec = ns };

	syscall(__NR_futex, word, FUTEX_WAIT, seen, &ts, NULL, 0);
}

static void futex_wait(uint32_t *word, uint32_t seen)
{
	syscall(__NR_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
	syscall(__NR_futex, word, FUTEX_WAKE, 1000, NULL, NULL, 0);
}

static void cgroup_put(const char *cgroup, const char *file, const char *text)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	/* It may be that a checkpoint does not let it, or that the task is gone. */
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		errno = 0;
	close(fd);
}

/* The numbers in a file of a cgroup. */
static int cgroup_numbers(const char *cgroup, const char *file, pid_t *all, int max)
{
	char path[300], buf[4096];
	char *at, *save;
	int n = 0;

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	ckpt_read_file(path, buf, sizeof(buf));
	for (at = strtok_r(buf, "\n", &save); at && n < max; at = strtok_r(NULL, "\n", &save)) {
		all[n] = atoi(at);
		/* 0 stands for one that is being released, and for kill() it is the group of the caller. */
		if (all[n] > 0)
			n++;
	}
	return n;
}

/*
 * A debugger of its own for each task: it is rid of the task when it is killed, also of one that does
 * not stop, as it waits in vfork().
 */
static void be_a_tracer(pid_t tid, long options, uint32_t *state)
{
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_SEIZE, tid, NULL, options))
		_exit(1);
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	__atomic_store_n(state, TRACES, __ATOMIC_SEQ_CST);
	futex_wake(state);
	while (waitpid(tid, &status, __WALL) < 0 && errno == EINTR)
		;
	__atomic_store_n(state, HAS_STOPPED, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

/* Ends a debugger, for @stopped only if its task has stopped or ended. */
static void let_go(int i, bool stopped)
{
	if (stopped && __atomic_load_n(&pest->tracing[i], __ATOMIC_SEQ_CST) != HAS_STOPPED)
		return;
	kill(tracer[i], SIGKILL);
	waitpid(tracer[i], NULL, 0);
	tracer[i] = 0;
}

static void trace(pid_t tid, uint64_t *seed)
{
	long options = ckpt_below(seed, 3) ? 0 : PTRACE_O_TRACEEXIT;
	siginfo_t info;
	int i;

	for (i = 0; i < TRACED && tracer[i]; i++)
		;
	if (i == TRACED)
		return;
	pest->tracing[i] = 0;
	tracer[i] = fork();
	if (!tracer[i])
		be_a_tracer(tid, options, &pest->tracing[i]);
	if (tracer[i] < 0) {
		tracer[i] = 0;
		return;
	}
	/* Until it traces, or can't. */
	do {
		futex_wait_for(&pest->tracing[i], 0, 1000000);
		info.si_pid = 0;
		waitid(P_PID, tracer[i], &info, WEXITED | WNOHANG | WNOWAIT);
	} while (!__atomic_load_n(&pest->tracing[i], __ATOMIC_SEQ_CST) && !info.si_pid);
	if (info.si_pid)
		let_go(i, false);
	else
		pest->harm++;
}

static void look(pid_t tid)
{
	static const char * const files[] = { "stat", "status", "maps", "syscall", "wchan" };
	char path[64], buf[4096];
	unsigned int i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", tid, files[i]);
		ckpt_read_file(path, buf, sizeof(buf));
	}
}

static void do_deed(enum deed deed, uint64_t *seed)
{
	char text[16];
	pid_t all[64], tid;
	int n = cgroup_numbers(pest->cgroup, "cgroup.threads", all, 64);
	size_t len = strlen(pest->told);

	if (!n)
		return;
	tid = all[ckpt_below(seed, n)];
	snprintf(pest->told + len, sizeof(pest->told) - len, " %s %d,", deed_name[deed], tid);
	switch (deed) {
	case LOOK:
		look(tid);
		break;
	case STOP:
		pest->harm++;
		kill(tid, SIGSTOP);
		break;
	case CONTINUE:
		pest->harm++;
		kill(tid, SIGCONT);
		break;
	case TRACE:
		trace(tid, seed);
		break;
	case MOVE:
		pest->harm++;
		snprintf(text, sizeof(text), "%d", tid);
		cgroup_put(pest->other, "cgroup.procs", text);
		break;
	case FREEZE:
		pest->harm++;
		froze = true;
		cgroup_put(pest->cgroup, "cgroup.freeze", ckpt_below(seed, 2) ? "1" : "0");
		break;
	case KILL:
		pest->harm++;
		pest->kills += !kill(tid, SIGKILL);
		break;
	case KILL_ALL:
		pest->harm++;
		pest->kills++;
		cgroup_put(pest->cgroup, "cgroup.kill", "1");
		break;
	}
}

static void pause_us(unsigned int us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

/* Who has stopped goes on, as a debugger would let it; or all that are traced. */
static void let_all_go(bool stopped)
{
	int i;

	for (i = 0; i < TRACED; i++) {
		if (tracer[i])
			let_go(i, stopped);
	}
}

/* Puts an end to what others could stumble over. */
static void clean_up(void)
{
	pid_t all[64];
	char text[16];
	int n;

	cgroup_put(pest->cgroup, "cgroup.freeze", "0");
	/* Not once more: the next call may have begun by then. */
	froze = false;
	let_all_go(false);
	n = cgroup_numbers(pest->other, "cgroup.procs", all, 64);
	while (n--) {
		snprintf(text, sizeof(text), "%d", all[n]);
		cgroup_put(pest->cgroup, "cgroup.procs", text);
	}
}

/* Until the test goes on. The call may need what is held here to come to its end. */
static void until_told(uint32_t round)
{
	while (__atomic_load_n(&pest->go, __ATOMIC_SEQ_CST) == round) {
		let_all_go(true);
		if (froze)
			cgroup_put(pest->cgroup, "cgroup.freeze", "0");
		froze = false;
		futex_wait_for(&pest->go, round, 5000000);
	}
}

static void be_a_pest(void)
{
	static const enum deed deeds[] = {
		LOOK, STOP, CONTINUE, TRACE, TRACE, MOVE, FREEZE, KILL, KILL, KILL_ALL,
	};
	uint32_t round = 0;
	uint64_t seed;
	unsigned int i, n;

	for (;;) {
		until_told(round);
		round = __atomic_load_n(&pest->go, __ATOMIC_SEQ_CST);
		seed = pest->seed;
		n = pest->may_kill ? sizeof(deeds) / sizeof(*deeds) : 7;
		for (i = 0; i < pest->deeds; i++) {
			pause_us(ckpt_below(&seed, pest->window_us / pest->deeds + 1));
			if (!ckpt_below(&seed, 2))
				let_all_go(true);
			do_deed(deeds[ckpt_below(&seed, n)], &seed);
		}
		__atomic_store_n(&pest->done, round, __ATOMIC_SEQ_CST);
		futex_wake(&pest->done);
		until_told(round);
		round = __atomic_load_n(&pest->go, __ATOMIC_SEQ_CST);
		clean_up();
		__atomic_store_n(&pest->done, round, __ATOMIC_SEQ_CST);
		futex_wake(&pest->done);
	}
}

/* It must not be a child of the test, which wants to have none. */
static int pest_start(void)
{
	pid_t pid, self = getpid();

	pest = mmap(NULL, sizeof(*pest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pest == MAP_FAILED)
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid) {
			setsid();
			alarm(0);
			be_a_pest();
		}
		/* Ends it with the test, whatever becomes of that. */
		if (pid > 0 && !fork()) {
			struct pollfd pfd = { .fd = sys_pidfd_open(self), .events = POLLIN };

			setsid();
			alarm(0);
			while (poll(&pfd, 1, -1) < 0)
				;
			kill(pid, SIGKILL);
		}
		_exit(0);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static void pest_tell(void)
{
	__atomic_add_fetch(&pest->go, 1, __ATOMIC_SEQ_CST);
	futex_wake(&pest->go);
}

static void pest_await(void)
{
	uint32_t done;

	while ((done = __atomic_load_n(&pest->done, __ATOMIC_SEQ_CST)) != pest->go)
		futex_wait(&pest->done, done);
}

#endif /* CKPT_TEST_SOAK_PEST_H */
