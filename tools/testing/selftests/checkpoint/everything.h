/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Something of each kind that is supported, as small as it can be, and the proof
 * that it is still there: for tests that look at failures, races and hostile
 * images rather than at one kind of state.
 *
 * What takes a configuration of the machine or a rule of the caller is not here: labels of security
 * modules, what is left outside or opened anew.
 */
#ifndef CKPT_TEST_EVERYTHING_H
#define CKPT_TEST_EVERYTHING_H

#include "everything_ipc.h"
#include "everything_memory.h"
#include "everything_network.h"
#include "everything_objects.h"
#include "everything_outside.h"
#include "everything_packets.h"
#include "everything_rings.h"
#include "everything_sockets.h"
#include "everything_steps.h"
#include "everything_tasks.h"
#include "everything_traced.h"
#include "everything_watches.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

/* What a scenario has. */
#define E_FILES		(1u << 0)	/* Files, directories, pipes, FIFOs, removed files. */
#define E_MEMORY	(1u << 1)	/* Mappings of each kind, guards, locked pages. */
#define E_SIGNALS	(1u << 2)	/* Pending ones, handlers, a stack of their own. */
#define E_THREADS	(1u << 3)	/* Threads in system calls with a time limit. */
#define E_FAMILY	(1u << 4)	/* A zombie, a stopped child, one in vfork(). */
#define E_SESSIONS	(1u << 5)	/* Sessions and groups, with and without leaders. */
#define E_USERS		(1u << 6)	/* Other credentials, limits, scheduling, a filter. */
#define E_NESTED	(1u << 7)	/* A pid and a uts namespace inside. */
#define E_IPC		(1u << 8)	/* System V IPC in a namespace of its own. */
#define E_SOCKETS	(1u << 9)	/* Sockets of each family, with something in their queues. */
#define E_OBJECTS	(1u << 10)	/* Rings, locks, owners, timers, and what waits for files. */
#define E_HUGE		(1u << 11)	/* Huge pages: e_huge_begin() makes the pool. */
#define E_TRACED	(1u << 12)	/* Tracers and tracees. */
#define E_SHARED	(1u << 13)	/* Processes with one table, one autogroup, one cookie. */
#define E_REQUESTS	(1u << 14)	/* Requests of io_urings that are in flight. */
#define E_TIMERS	(1u << 15)	/* Timers on all clocks. */
#define E_WATCHES	(1u << 16)	/* Leases, signals of directories, marks, paths. */
#define E_PACKETS	(1u << 17)	/* Packet and raw sockets, error queues, keys. */
#define E_ALL		0x3ffffu
#define E_NETWORK	(1u << 18)	/* Network namespaces with devices: not in E_ALL. */
#define E_OUTSIDE	(1u << 19)	/* A connection to the test, which calls e_reach(). */

/* ---- files ----------------------------------------------------------- */

static struct {
	int file, dir, null, removed, fifo, pipe[2], packets[2], event, timer, signal, watch;
} e_fd;

static void e_say(int fd)
{
	CHECK_EQ((ssize_t)sizeof(E_TEXT), write(fd, E_TEXT, sizeof(E_TEXT)));
}

static void e_hear(int fd)
{
	char buf[sizeof(E_TEXT)] = "";

	CHECK_EQ((ssize_t)sizeof(buf), read(fd, buf, sizeof(buf)));
	CHECK_STREQ(E_TEXT, buf);
}

/* Kernel objects that are known by a descriptor only. */
static void e_set_up_events(void)
{
	struct itimerspec far = { .it_value.tv_sec = 1000000, .it_interval.tv_sec = 7 };
	sigset_t set;

	e_fd.event = CHECK_SYS(eventfd(4711, EFD_SEMAPHORE));
	e_fd.timer = CHECK_SYS(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC));
	CHECK_SYS(timerfd_settime(e_fd.timer, 0, &far, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMAX);
	e_fd.signal = CHECK_SYS(signalfd(-1, &set, SFD_NONBLOCK));
}

static void e_check_events(void)
{
	struct signalfd_siginfo info;
	struct itimerspec rest;
	uint64_t n = 0;

	CHECK_EQ(sizeof(n), read(e_fd.event, &n, sizeof(n)));
	CHECK_EQ(1, n);
	CHECK_SYS(timerfd_gettime(e_fd.timer, &rest));
	CHECK(rest.it_value.tv_sec, "the timer is not armed");
	CHECK_EQ(7, rest.it_interval.tv_sec);
	CHECK(read(e_fd.signal, &info, sizeof(info)) == -1 && errno == EAGAIN, "signal %d",
	      (int)info.ssi_signo);
}

/* A watch with an event that was not read, and one without. */
static void e_set_up_watch(const char *path)
{
	e_fd.watch = CHECK_SYS(inotify_init1(IN_NONBLOCK));
	CHECK_EQ(1, inotify_add_watch(e_fd.watch, path, IN_ATTRIB));
	CHECK_EQ(2, inotify_add_watch(e_fd.watch, "/", IN_DELETE_SELF));
	CHECK_SYS(chmod(path, 0600));
}

static void e_check_watch(void)
{
	struct inotify_event event;

	CHECK_EQ(sizeof(event), read(e_fd.watch, &event, sizeof(event)));
	CHECK_EQ(1, event.wd);
	CHECK_EQ(IN_ATTRIB, event.mask);
	CHECK_SYS(inotify_rm_watch(e_fd.watch, 2));
}

static void e_set_up_files(void)
{
	char path[320];

	e_fd.file = CHECK_SYS(open(ckpt_path(path, sizeof(path), "file"), O_RDWR | O_CREAT, 0600));
	e_say(e_fd.file);
	e_set_up_watch(path);
	e_fd.dir = CHECK_SYS(open("/", O_RDONLY | O_DIRECTORY));
	e_fd.null = CHECK_SYS(open("/dev/null", O_RDWR | O_CLOEXEC));
	ckpt_path(path, sizeof(path), "removed");
	e_fd.removed = CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600));
	CHECK_SYS(unlink(path));
	e_say(e_fd.removed);
	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	e_fd.fifo = CHECK_SYS(open(path, O_RDWR | O_NONBLOCK));
	e_say(e_fd.fifo);
	CHECK_SYS(ckpt_pipe(e_fd.pipe, 0));
	e_say(e_fd.pipe[1]);
	CHECK_SYS(ckpt_pipe(e_fd.packets, O_DIRECT | O_CLOEXEC));
	e_say(e_fd.packets[1]);
	e_say(e_fd.packets[1]);
	e_set_up_events();
}

static void e_check_files(void)
{
	char buf[2 * sizeof(E_TEXT)];
	struct stat st;
	int i;

	CHECK_EQ((off_t)sizeof(E_TEXT), lseek(e_fd.file, 0, SEEK_CUR));
	CHECK_SYS(lseek(e_fd.file, 0, SEEK_SET));
	e_hear(e_fd.file);
	CHECK_SYS(fstat(e_fd.dir, &st));
	CHECK(S_ISDIR(st.st_mode), "mode 0%o", st.st_mode);
	CHECK_EQ(0, read(e_fd.null, buf, sizeof(buf)));
	CHECK_EQ(FD_CLOEXEC, fcntl(e_fd.null, F_GETFD));
	CHECK_SYS(fstat(e_fd.removed, &st));
	CHECK_EQ(0, st.st_nlink);
	CHECK_SYS(lseek(e_fd.removed, 0, SEEK_SET));
	e_hear(e_fd.removed);
	e_hear(e_fd.fifo);
	e_hear(e_fd.pipe[0]);
	for (i = 0; i < 2; i++) {
		CHECK_EQ((ssize_t)sizeof(E_TEXT), read(e_fd.packets[0], buf, sizeof(buf)));
		CHECK_STREQ(E_TEXT, buf);
	}
	e_check_events();
	e_check_watch();
}

/* ---- signals --------------------------------------------------------- */

#define E_QUEUED	3

static char e_stack[65536];

static void e_handler(int sig)
{
}

static void e_set_up_signals(void)
{
	stack_t stack = { .ss_sp = e_stack, .ss_size = sizeof(e_stack) };
	struct sigaction act = { .sa_handler = e_handler, .sa_flags = SA_ONSTACK | SA_RESTART };
	sigset_t set;
	int i;

	CHECK_SYS(sigaltstack(&stack, NULL));
	CHECK_SYS(sigaction(SIGUSR2, &act, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_SYS(kill(getpid(), SIGUSR1));
	for (i = 0; i < E_QUEUED; i++)
		CHECK_SYS(sigqueue(getpid(), SIGRTMIN + 1, (union sigval) { .sival_int = 50 + i }));
}

static void e_check_signals(void)
{
	struct sigaction act;
	siginfo_t info;
	stack_t stack;
	sigset_t set;
	int i;

	CHECK_SYS(sigaltstack(NULL, &stack));
	CHECK(stack.ss_sp == e_stack, "the signal stack is at %p", stack.ss_sp);
	CHECK_SYS(sigaction(SIGUSR2, NULL, &act));
	CHECK(act.sa_handler == e_handler, "the handler is %p", act.sa_handler);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_EQ(SIGUSR1, sigwaitinfo(&set, &info));
	sigaddset(&set, SIGRTMIN + 1);
	for (i = 0; i < E_QUEUED; i++) {
		CHECK_EQ(SIGRTMIN + 1, sigwaitinfo(&set, &info));
		CHECK_EQ(50 + i, info.si_value.sival_int);
	}
}

/* ---------------------------------------------------------------------- */

static const struct {
	unsigned int what;
	unsigned int ready;		/* How many are counted by E_READY. */
	void (*set_up)(void);
	void (*check)(void);
} e_parts[] = {
	{ E_FAMILY, 2, e_set_up_family, e_check_family },
	{ E_SESSIONS, 3, e_set_up_sessions, e_check_sessions },
	{ E_USERS, 1, e_set_up_users, e_check_users },
	{ E_NESTED, 2, e_set_up_nested, e_check_nested },
	{ E_IPC, 1, e_set_up_ipc, e_check_ipc },
	{ E_SOCKETS, 0, e_set_up_sockets, e_check_sockets },
	{ E_OBJECTS, 0, e_set_up_objects, e_check_objects },
	{ E_TRACED, 1, e_set_up_traced, e_check_traced },
	{ E_SHARED, 2, e_set_up_shared, e_check_shared },
	{ E_REQUESTS, 1, e_set_up_requests, e_check_requests },
	{ E_TIMERS, 1, e_set_up_timers, e_check_timers },
	{ E_NETWORK, 2, e_set_up_network, e_check_network },
	{ E_PACKETS, 0, e_set_up_packets, e_check_packets },
	{ E_WATCHES, 0, e_set_up_watches, e_check_watches },
	{ E_HUGE, 0, e_set_up_huge, e_check_huge },
	{ E_FILES, 0, e_set_up_files, e_check_files },
	{ E_MEMORY, 0, e_set_up_memory, e_check_memory },
	{ E_SIGNALS, 0, e_set_up_signals, e_check_signals },
	{ E_THREADS, E_THREADS_COUNT, e_set_up_threads, e_check_threads },
};

#define E_PARTS	ARRAY_SIZE(e_parts)

/* Set up all of @what. */
__attribute__((unused)) static void e_set_up(unsigned int what)
{
	unsigned int i, ready = 0;

	for (i = 0; i < E_PARTS; i++) {
		if (!(what & e_parts[i].what))
			continue;
		e_parts[i].set_up();
		ready += e_parts[i].ready;
	}
	ckpt_step_wait(E_READY, ready);
}

/* Check that all of @what is as it was set up. Once: what was there is used up. */
__attribute__((unused)) static void e_check(unsigned int what)
{
	unsigned int i;

	for (i = 0; i < E_PARTS; i++) {
		if (what & e_parts[i].what)
			e_parts[i].check();
	}
}

/* All of a scenario. */
__attribute__((unused)) static void everything(unsigned int what)
{
	e_set_up(what);
	if (what & E_OUTSIDE)
		e_meet();
	else
		ckpt_ready();
	ckpt_wait_go();
	e_check(what);
	if (what & E_OUTSIDE)
		e_check_outside();
}

#endif /* CKPT_TEST_EVERYTHING_H */
