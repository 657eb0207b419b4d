/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Something of each kind that is supported, as small as it can be, and the proof
 * that it is still there: for tests that look at failures, races and hostile
 * images rather than at one kind of state.
 */
#ifndef CKPT_TEST_EVERYTHING_H
#define CKPT_TEST_EVERYTHING_H

#include "everything_objects.h"
#include "everything_sockets.h"
#include "userfault.h"

#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif

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
#define E_ALL		0x7ffu

/* Steps of the board that count who is ready, and its values that are used. */
#define E_READY		40
#define E_VFORKED	41
#define E_STEPS		48		/* From here on they are the test's own. */
#define E_VALUE		100		/* Some from here on. */

#define E_PAGES		4
#define E_TEXT		"something of everything"

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

/* ---- memory ---------------------------------------------------------- */

static struct {
	char *own, *locked, *guarded, *of_file, *shared, *shared_file, *watched;
	int uffd;
} e_map;

/* A page that is missing, and one of zeros that is not. */
static void e_set_up_watched(void)
{
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	e_map.uffd = -1;
	if (fd < 0 || close(fd))
		return;
	e_map.uffd = new_uffd(UFFD_USER_MODE_ONLY, 0);
	e_map.watched = map_anon(2 * PAGE, RW, 0);
	watch(e_map.uffd, e_map.watched, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	CHECK_SYS(give_zero(e_map.uffd, e_map.watched));
}

static void e_check_watched(void)
{
	if (e_map.uffd < 0)
		return;
	CHECK(give_zero(e_map.uffd, e_map.watched) && errno == EEXIST, "a page is missing");
	CHECK_SYS(give_zero(e_map.uffd, e_map.watched + PAGE));
	check_zero(e_map.watched, ckpt_page());
}

static void e_set_up_memory(void)
{
	char path[320];
	int fd, i;

	e_map.own = map_anon(E_PAGES * PAGE, RW, 0);
	fill(e_map.own, E_PAGES * PAGE, 1);
	/* A hole, for an extent on each side. */
	CHECK_SYS(madvise(e_map.own + PAGE, PAGE, MADV_DONTNEED));
	e_map.locked = map_anon(PAGE, RW, 0);
	CHECK_SYS(mlock(e_map.locked, PAGE));
	fill(e_map.locked, PAGE, 2);
	e_map.guarded = map_anon(E_PAGES * PAGE, RW, 0);
	fill(e_map.guarded, E_PAGES * PAGE, 3);
	for (i = 0; i < E_PAGES; i += 2)
		CHECK_SYS(madvise(e_map.guarded + i * PAGE, PAGE, MADV_GUARD_INSTALL));
	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "mapped"), O_RDWR | O_CREAT, 0600));
	CHECK_SYS(ftruncate(fd, 2 * PAGE));
	e_map.of_file = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
	e_map.shared_file = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(e_map.of_file != MAP_FAILED && e_map.shared_file != MAP_FAILED, "mmap");
	close(fd);
	fill(e_map.shared_file, 2 * PAGE, 4);
	fill(e_map.of_file, PAGE, 5);
	e_map.shared = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(e_map.shared != MAP_FAILED, "mmap: %s", strerror(errno));
	fill(e_map.shared, 2 * PAGE, 6);
	e_set_up_watched();
}

static void e_check_memory(void)
{
	int i;

	check_fill(e_map.own, PAGE, 1);
	check_zero(e_map.own + PAGE, PAGE);
	check_fill(e_map.own + 2 * PAGE, PAGE, 1 + 2 * PAGE / 8);
	check_fill(e_map.locked, PAGE, 2);
	catch_faults();
	for (i = 0; i < E_PAGES; i += 2) {
		CHECK(touch(e_map.guarded + i * PAGE, false), "guard %d is gone", i);
		check_fill(e_map.guarded + (i + 1) * PAGE, PAGE, 3 + (i + 1) * PAGE / 8);
	}
	check_fill(e_map.shared_file, 2 * PAGE, 4);
	check_fill(e_map.of_file, PAGE, 5);
	check_fill(e_map.of_file + PAGE, PAGE, 4 + PAGE / 8);
	check_fill(e_map.shared, 2 * PAGE, 6);
	e_check_watched();
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

/* ---- threads --------------------------------------------------------- */

#define E_THREADS_COUNT	3

/* None of these ends while a test runs. */
static void *e_thread(void *arg)
{
	struct timespec hours = { .tv_sec = 36000 };
	struct pollfd pfd = { .fd = -1 };
	static uint32_t word;

	ckpt_step(E_READY);
	switch ((uintptr_t)arg) {
	case 0:
		syscall(__NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &hours, NULL);
		break;
	case 1:
		poll(&pfd, 1, 36000000);
		break;
	default:
		syscall(__NR_futex, &word, FUTEX_WAIT_PRIVATE, 0, &hours, NULL, 0);
	}
	ckpt_fail(__FILE__, __LINE__, "the call of thread %d has ended: %s",
		  (int)(uintptr_t)arg, strerror(errno));
}

static void e_set_up_threads(void)
{
	pthread_t thread;
	uintptr_t i;

	for (i = 0; i < E_THREADS_COUNT; i++)
		CHECK_EQ(0, pthread_create(&thread, NULL, e_thread, (void *)i));
}

static void e_check_threads(void)
{
	struct stat st;

	/* The link count of a directory tells its directories, and . and .. */
	CHECK_SYS(stat("/proc/self/task", &st));
	CHECK_EQ(E_THREADS_COUNT + 1 + 2, st.st_nlink);
}

/* ---- family ---------------------------------------------------------- */

static pid_t e_zombie, e_stopped, e_vforker;

static int e_stop(void *arg)
{
	ckpt_step(E_READY);
	CHECK_SYS(kill(getpid(), SIGSTOP));
	return 61;
}

static int e_vfork(void *arg)
{
	pid_t kid = vfork();

	if (!kid) {
		ckpt_step(E_READY);
		ckpt_wait_go();
		CHECK_EQ(0, board->step[E_VFORKED]);
		_exit(62);
	}
	CHECK(kid > 0, "vfork: %s", strerror(errno));
	ckpt_step(E_VFORKED);
	ckpt_wait_exit(kid, 62);
	return 63;
}

static void e_set_up_family(void)
{
	siginfo_t info;

	e_zombie = CHECK_SYS(fork());
	if (!e_zombie)
		_exit(60);
	CHECK_SYS(waitid(P_PID, e_zombie, &info, WEXITED | WNOWAIT));
	e_stopped = ckpt_fork(e_stop, NULL);
	CHECK_SYS(waitid(P_PID, e_stopped, &info, WSTOPPED | WNOWAIT));
	e_vforker = ckpt_fork(e_vfork, NULL);
}

static void e_check_family(void)
{
	int status;

	ckpt_wait_exit(e_zombie, 60);
	CHECK_EQ(e_stopped, waitpid(e_stopped, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status), "status 0x%x", status);
	CHECK_SYS(kill(e_stopped, SIGCONT));
	ckpt_wait_exit(e_stopped, 61);
	ckpt_wait_exit(e_vforker, 63);
}

/* ---- sessions -------------------------------------------------------- */

static pid_t e_session;

static int e_settled(void *arg)
{
	pid_t sid = getsid(0), pgid;

	if (arg)
		CHECK_SYS(setpgid(0, 0));
	pgid = getpgid(0);
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_EQ(sid, getsid(0));
	CHECK_EQ(pgid, getpgid(0));
	return 64;
}

/* Leads a session, has a child in a group of its own, and one whose leader is gone. */
static int e_leader(void *arg)
{
	pid_t own, gone, left;

	CHECK_SYS(setsid());
	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	own = ckpt_fork(e_settled, "own");
	gone = CHECK_SYS(fork());
	if (!gone) {
		CHECK_SYS(setpgid(0, 0));
		board->value[E_VALUE] = ckpt_fork(e_settled, NULL);
		_exit(65);
	}
	ckpt_wait_exit(gone, 65);
	left = board->value[E_VALUE];
	CHECK_EQ(gone, getpgid(left));
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_EQ(getpid(), getsid(0));
	ckpt_wait_exit(own, 64);
	ckpt_wait_exit(left, 64);
	return 66;
}

static void e_set_up_sessions(void)
{
	e_session = ckpt_fork(e_leader, NULL);
}

static void e_check_sessions(void)
{
	ckpt_wait_exit(e_session, 66);
}

/* ---- users ----------------------------------------------------------- */

static pid_t e_user;

/* Forbids getsid(2); false: the kernel has no filters. */
static bool e_set_filter(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getsid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 4, .filter = program };

	return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int e_other(void *arg)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { };
	struct rlimit limit = { 100, 200 };
	gid_t groups[] = { 5, 6, 70000 };
	bool filtered, controlled;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_SYS(sched_setaffinity(0, sizeof(one), &one));
	CHECK_SYS(setpriority(PRIO_PROCESS, 0, -3));
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_SYS(setgroups(3, groups));
	CHECK_SYS(setresgid(1000, 1001, 1002));
	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 1));
	CHECK_SYS(setresuid(1000, 1000, 1000));
	data[0].permitted = 1u << CAP_KILL;
	data[0].effective = 1u << CAP_KILL;
	CHECK_SYS(syscall(__NR_capset, &head, data));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	controlled = !prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	filtered = e_set_filter();
	ckpt_step(E_READY);
	ckpt_wait_go();
	if (controlled)
		CHECK_EQ(PR_MCE_KILL_EARLY, prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	if (filtered)
		CHECK(getsid(0) == -1 && errno == EPROTO, "it is not filtered any more");
	CHECK_SYS(sched_getaffinity(0, sizeof(one), &one));
	CHECK_EQ(1, CPU_COUNT(&one));
	CHECK_EQ(-3, getpriority(PRIO_PROCESS, 0));
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(100, limit.rlim_cur);
	CHECK_EQ(1000, getuid());
	CHECK_EQ(1001, getegid());
	CHECK_EQ(3, getgroups(0, NULL));
	CHECK_SYS(syscall(__NR_capget, &head, data));
	CHECK_EQ(1u << CAP_KILL, data[0].permitted);
	CHECK_EQ(1, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return 67;
}

static void e_set_up_users(void)
{
	e_user = ckpt_fork(e_other, NULL);
}

static void e_check_users(void)
{
	ckpt_wait_exit(e_user, 67);
}

/* ---- namespaces ------------------------------------------------------ */

static pid_t e_inner;

static void e_set_up_nested(void)
{
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };
	struct utsname names;
	pid_t kid;

	e_inner = CHECK_SYS(syscall(__NR_clone3, &args, sizeof(args)));
	if (e_inner)
		return;
	CHECK_EQ(1, getpid());
	CHECK_SYS(unshare(CLONE_NEWUTS));
	CHECK_SYS(sethostname("inner", 5));
	kid = ckpt_fork(e_settled, "own");
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_EQ(1, getpid());
	CHECK_SYS(uname(&names));
	CHECK_STREQ("inner", names.nodename);
	ckpt_wait_exit(kid, 64);
	_exit(68);
}

static void e_check_nested(void)
{
	ckpt_wait_exit(e_inner, 68);
}

/* ---- System V IPC ---------------------------------------------------- */

static pid_t e_ipc;

static int e_has_ipc(void *arg)
{
	struct { long type; char text[32]; } message = { .type = 5, .text = E_TEXT };
	struct sembuf up = { .sem_num = 1, .sem_op = 3, .sem_flg = SEM_UNDO };
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = sizeof(message.text) };
	int removed, kept, sems, queue;
	char *p, *q;
	mqd_t named;

	CHECK_SYS(unshare(CLONE_NEWIPC));
	removed = CHECK_SYS(shmget(IPC_PRIVATE, CKPT_PAGE, 0600));
	p = shmat(removed, NULL, 0);
	CHECK(p != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_SYS(shmctl(removed, IPC_RMID, NULL));
	strcpy(p, E_TEXT);
	kept = CHECK_SYS(shmget(4711, 1, IPC_CREAT | 0600));
	sems = CHECK_SYS(semget(4712, 2, IPC_CREAT | 0600));
	CHECK_SYS(semop(sems, &up, 1));
	queue = CHECK_SYS(msgget(4713, IPC_CREAT | 0600));
	CHECK_SYS(msgsnd(queue, &message, sizeof(message.text), 0));
	named = mq_open("/everything", O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0600, &attr);
	if (named >= 0)
		CHECK_SYS(mq_send(named, E_TEXT, sizeof(E_TEXT), 6));
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_STREQ(E_TEXT, p);
	CHECK_EQ(kept, shmget(4711, 0, 0));
	q = shmat(kept, NULL, SHM_RDONLY);
	CHECK(q != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_EQ(sems, semget(4712, 0, 0));
	CHECK_EQ(3, semctl(sems, 1, GETVAL));
	CHECK_EQ(queue, msgget(4713, 0));
	memset(&message, 0, sizeof(message));
	CHECK_EQ(sizeof(message.text), msgrcv(queue, &message, sizeof(message.text), 0, IPC_NOWAIT));
	CHECK_EQ(5, message.type);
	CHECK_STREQ(E_TEXT, message.text);
	if (named >= 0) {
		CHECK_EQ(sizeof(E_TEXT), mq_receive(named, message.text, sizeof(message.text), NULL));
		CHECK_STREQ(E_TEXT, message.text);
	}
	return 69;
}

static void e_set_up_ipc(void)
{
	e_ipc = ckpt_fork(e_has_ipc, NULL);
}

static void e_check_ipc(void)
{
	ckpt_wait_exit(e_ipc, 69);
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
	ckpt_ready_wait();
	e_check(what);
}

#endif /* CKPT_TEST_EVERYTHING_H */
