// SPDX-License-Identifier: GPL-2.0
/* System calls in progress: they end as if nothing had happened. */
#include "common.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <linux/futex.h>
#include <sys/select.h>

CKPT_FIXTURE_ARCH

#define SEC	1000000000ull

/* A thread that does @fn once the word to go on has come. */
static void *on_go(void *fn)
{
	ckpt_wait_go();
	((void (*)(void))(uintptr_t)fn)();
	return NULL;
}

static pthread_t waker;

/* Who is to be woken, and by what; then the caller blocks. */
static pid_t sleeper;

static void ready_with_waker(void (*fn)(void))
{
	sleeper = sys_gettid();
	CHECK_EQ(0, pthread_create(&waker, NULL, on_go, (void *)(uintptr_t)fn));
	ckpt_ready();
}

static void nothing(void)
{
}

/* ---- calls with a time limit ----------------------------------------- */

/*
 * All sleep for TOTAL and are checkpointed after ELAPSED at the earliest.  A
 * sleep of AFTER, begun after the restart, must outlast them: it would not if
 * one of them had begun again.  And none may end before its time.
 */
#define TOTAL	(5 * SEC)
#define ELAPSED	(5 * SEC / 2)
#define AFTER	(15 * SEC / 4)

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec) { .tv_sec = ns / SEC, .tv_nsec = ns % SEC };
}

/* The kernel's own layout of the last argument of pselect6. */
struct sigset_arg {
	const sigset_t *set;
	size_t size;
};

enum timed {
	T_NANOSLEEP, T_MONOTONIC, T_BOOTTIME, T_REALTIME, T_MONOTONIC_ABS, T_BOOTTIME_ABS,
	T_POLL, T_PPOLL, T_SELECT, T_FUTEX, T_FUTEX_BITSET, T_COUNT,
};

static const char * const timed_name[] = {
	"nanosleep", "clock_nanosleep monotonic", "clock_nanosleep boottime",
	"clock_nanosleep realtime", "clock_nanosleep monotonic absolute",
	"clock_nanosleep boottime absolute", "poll", "ppoll", "pselect", "futex",
	"futex absolute",
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	CHECK_SYS(clock_gettime(id, &ts));
	return ts.tv_sec * SEC + ts.tv_nsec;
}

static void *timed_call(void *arg)
{
	enum timed which = (uintptr_t)arg;
	struct timespec ts = to_timespec(TOTAL);
	struct pollfd pfd = { .events = POLLIN };
	uint64_t start, end;
	uint32_t word = 7;
	fd_set fds;
	int want = 0, pipe_fd[2];
	long ret;

	CHECK_SYS(pipe(pipe_fd));
	pfd.fd = pipe_fd[0];
	FD_ZERO(&fds);
	FD_SET(pipe_fd[0], &fds);
	start = ckpt_now();
	ckpt_step(0);
	errno = 0;
	switch (which) {
	case T_NANOSLEEP:
		ret = syscall(__NR_nanosleep, &ts, NULL);
		break;
	case T_MONOTONIC:
		ret = syscall(__NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL);
		break;
	case T_BOOTTIME:
		ret = syscall(__NR_clock_nanosleep, CLOCK_BOOTTIME, 0, &ts, NULL);
		break;
	case T_REALTIME:
		ret = syscall(__NR_clock_nanosleep, CLOCK_REALTIME, 0, &ts, NULL);
		break;
	case T_MONOTONIC_ABS:
		ts = to_timespec(clock_ns(CLOCK_MONOTONIC) + TOTAL);
		ret = syscall(__NR_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		break;
	case T_BOOTTIME_ABS:
		ts = to_timespec(clock_ns(CLOCK_BOOTTIME) + TOTAL);
		ret = syscall(__NR_clock_nanosleep, CLOCK_BOOTTIME, TIMER_ABSTIME, &ts, NULL);
		break;
	case T_POLL:
		ret = poll(&pfd, 1, TOTAL / 1000000);
		break;
	case T_PPOLL:
		ret = syscall(__NR_ppoll, &pfd, 1, &ts, NULL, 8);
		break;
	case T_SELECT:
		ret = syscall(__NR_pselect6, pipe_fd[0] + 1, &fds, NULL, NULL, &ts, NULL);
		break;
	case T_FUTEX:
		ret = syscall(__NR_futex, &word, FUTEX_WAIT_PRIVATE, 7, &ts, NULL, 0);
		want = ETIMEDOUT;
		break;
	default:
		ts = to_timespec(clock_ns(CLOCK_MONOTONIC) + TOTAL);
		ret = syscall(__NR_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 7, &ts, NULL,
			      FUTEX_BITSET_MATCH_ANY);
		want = ETIMEDOUT;
		break;
	}
	CHECK(ret == (want ? -1 : 0) && errno == want, "%s gave %ld, %s",
	      timed_name[which], ret, strerror(errno));
	end = ckpt_now();
	CHECK(end - start >= TOTAL, "%s ended after %llu ns", timed_name[which],
	      (unsigned long long)(end - start));
	__atomic_store_n(&board->value[which], 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/*
 * Just before the checkpoint: some threads are then on the way back into their
 * calls, with restart_syscall() still to be made, when they are frozen again.
 */
static int freeze_and_thaw(void *arg)
{
	struct ckpt_run *run = arg;

	return ckpt_cgroup_freeze(&run->cg) || ckpt_cgroup_thaw(&run->cg) ? -1 : 0;
}

CKPT_CYCLE(remaining_time, .before = freeze_and_thaw)
{
	struct timespec ts;
	pthread_t thread[T_COUNT];
	uintptr_t i;

	for (i = 0; i < T_COUNT; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, timed_call, (void *)i));
	ckpt_step_wait(0, T_COUNT);
	ts = to_timespec(ELAPSED);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	ckpt_ready_wait();
	ts = to_timespec(AFTER);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	for (i = 0; i < T_COUNT; i++)
		CHECK(board->value[i], "%s began again", timed_name[i]);
	for (i = 0; i < T_COUNT; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* ---- calls without one ----------------------------------------------- */

static int fds[2];

static void put_bytes(void)
{
	CHECK_EQ(5, write(fds[1], "hello", 5));
}

static void check_bytes(void)
{
	char buf[8] = "";

	CHECK_EQ(5, read(fds[0], buf, sizeof(buf)));
	CHECK_STREQ("hello", buf);
}

CKPT_CYCLE(poll_forever, .blocked = { BLOCKED(__NR_ppoll) })
{
	struct pollfd pfd = { .events = POLLIN };

	CHECK_SYS(pipe(fds));
	pfd.fd = fds[0];
	ready_with_waker(put_bytes);
	CHECK_EQ(1, syscall(__NR_ppoll, &pfd, 1, NULL, NULL, 8));
	CHECK_EQ(POLLIN, pfd.revents);
	check_bytes();
}

#ifdef __NR_poll
CKPT_CYCLE(old_poll_forever, .blocked = { BLOCKED(__NR_poll) })
{
	struct pollfd pfd = { .events = POLLIN };

	CHECK_SYS(pipe(fds));
	pfd.fd = fds[0];
	ready_with_waker(put_bytes);
	CHECK_EQ(1, syscall(__NR_poll, &pfd, 1, -1));
	CHECK_EQ(POLLIN, pfd.revents);
	check_bytes();
}
#endif

CKPT_CYCLE(select_forever, .blocked = { BLOCKED(__NR_pselect6) })
{
	fd_set set;

	CHECK_SYS(pipe(fds));
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	ready_with_waker(put_bytes);
	CHECK_EQ(1, syscall(__NR_pselect6, fds[0] + 1, &set, NULL, NULL, NULL, NULL));
	CHECK(FD_ISSET(fds[0], &set), "the descriptor is not set");
	check_bytes();
}

CKPT_CYCLE(read_pipe, .blocked = { BLOCKED(__NR_read) })
{
	CHECK_SYS(pipe(fds));
	ready_with_waker(put_bytes);
	check_bytes();
}

#define BIG	(5 * CKPT_PIPE_SIZE + 123)
static unsigned char big[BIG], copy[BIG];

static void drain(void)
{
	size_t n = 0;

	while (n < BIG)
		n += CHECK_SYS(read(fds[0], copy + n, BIG - n));
}

/* Blocked with part of its bytes in the pipe: none is lost, none comes twice. */
CKPT_CYCLE(write_pipe, .blocked = { BLOCKED(__NR_write) })
{
	unsigned int i;

	CHECK_SYS(ckpt_pipe(fds, 0));
	for (i = 0; i < BIG; i++)
		big[i] = i * 31 + (i >> 8);
	ready_with_waker(drain);
	/* A write that was interrupted after a part says how much: go on. */
	for (i = 0; i < BIG;)
		i += CHECK_SYS(write(fds[1], big + i, BIG - i));
	CHECK_EQ(0, pthread_join(waker, NULL));
	CHECK(!memcmp(big, copy, BIG), "the bytes differ");
}

static void wake_futex(void)
{
	__atomic_store_n(&big[0], 1, __ATOMIC_SEQ_CST);
	__atomic_store_n((uint32_t *)&fds[0], 1, __ATOMIC_SEQ_CST);
	/* The waiter may not be back in its wait: then it finds that the word has changed. */
	CHECK(syscall(__NR_futex, &fds[0], FUTEX_WAKE_PRIVATE, 1000, NULL, NULL, 0) <= 1,
	      "more than one waiter");
}

CKPT_CYCLE(futex_forever, .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex) })
{
	ready_with_waker(wake_futex);
	CHECK(!syscall(__NR_futex, &fds[0], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) ||
	      errno == EAGAIN, "%s", strerror(errno));
	CHECK_EQ(1, big[0]);
}

static int exit_on_go(void *arg)
{
	ckpt_wait_go();
	return 91;
}

CKPT_CYCLE(wait_child, .blocked = { BLOCKED(__NR_wait4) })
{
	pid_t kid = ckpt_fork(exit_on_go, NULL);
	int status;

	ckpt_ready();
	CHECK_EQ(kid, syscall(__NR_wait4, -1, &status, 0, NULL));
	CHECK_EQ(91 << 8, status);
}

CKPT_CYCLE(waitid_child, .blocked = { BLOCKED(__NR_waitid) })
{
	pid_t kid = ckpt_fork(exit_on_go, NULL);
	siginfo_t info;

	ckpt_ready();
	CHECK_EQ(0, syscall(__NR_waitid, P_PID, kid, &info, WEXITED, NULL));
	CHECK_EQ(kid, info.si_pid);
	CHECK_EQ(91, info.si_status);
}

/* ---- waiting for signals --------------------------------------------- */

static volatile int handled;

static void on_signal(int sig)
{
	handled++;
	ckpt_step(1);
}

static void catch(int sig, int flags)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = flags };

	CHECK_SYS(sigaction(sig, &act, NULL));
}

static void send_usr1(void)
{
	CHECK_SYS(syscall(__NR_tgkill, getpid(), sleeper, SIGUSR1));
}

static void block_usr1(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGUSR1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, set, NULL));
}

static void check_blocked(void)
{
	sigset_t now;

	CHECK_SYS(sigprocmask(SIG_BLOCK, NULL, &now));
	CHECK_EQ(1, sigismember(&now, SIGUSR1));
	CHECK_EQ(0, sigismember(&now, SIGUSR2));
	CHECK_EQ(0, sigismember(&now, SIGTERM));
}

CKPT_CYCLE(sigwaitinfo_forever, .blocked = { BLOCKED(__NR_rt_sigtimedwait) })
{
	siginfo_t info;
	sigset_t set;
	long got;

	block_usr1(&set);
	ready_with_waker(send_usr1);
	/* Other kernels end it with EINTR after a freeze: see eintr.c for this one. */
	do {
		got = syscall(__NR_rt_sigtimedwait, &set, &info, NULL, 8);
	} while (got == -1 && errno == EINTR);
	CHECK_EQ(SIGUSR1, got);
	CHECK_EQ(getpid(), info.si_pid);
	CHECK_EQ(SI_TKILL, info.si_code);
	check_blocked();
}

#ifdef __NR_pause
CKPT_CYCLE(pause_forever, .blocked = { BLOCKED(__NR_pause) })
{
	catch(SIGUSR1, 0);
	ready_with_waker(send_usr1);
	CHECK_EQ(-1, syscall(__NR_pause));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
}
#endif

/* The mask of the call lets the signal in, the old one is back afterwards. */
CKPT_CYCLE(sigsuspend_forever, .blocked = { BLOCKED(__NR_rt_sigsuspend) })
{
	sigset_t set, none;

	catch(SIGUSR1, 0);
	block_usr1(&set);
	sigemptyset(&none);
	ready_with_waker(send_usr1);
	CHECK_EQ(-1, syscall(__NR_rt_sigsuspend, &none, 8));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
	check_blocked();
}

CKPT_CYCLE(ppoll_with_mask, .blocked = { BLOCKED(__NR_ppoll) })
{
	struct pollfd pfd = { .events = POLLIN };
	sigset_t set, none;

	catch(SIGUSR1, 0);
	block_usr1(&set);
	sigemptyset(&none);
	CHECK_SYS(pipe(fds));
	pfd.fd = fds[0];
	ready_with_waker(send_usr1);
	CHECK_EQ(-1, syscall(__NR_ppoll, &pfd, 1, NULL, &none, 8));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
	check_blocked();
}

CKPT_CYCLE(pselect_with_mask, .blocked = { BLOCKED(__NR_pselect6) })
{
	struct sigset_arg arg;
	sigset_t set, none;
	fd_set in;

	catch(SIGUSR1, 0);
	block_usr1(&set);
	sigemptyset(&none);
	arg.set = &none;
	arg.size = 8;
	CHECK_SYS(pipe(fds));
	FD_ZERO(&in);
	FD_SET(fds[0], &in);
	ready_with_waker(send_usr1);
	CHECK_EQ(-1, syscall(__NR_pselect6, fds[0] + 1, &in, NULL, NULL, NULL, &arg));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
	check_blocked();
}

/* A signal that comes later interrupts as ever. */
CKPT_CYCLE(nanosleep_interrupted, .blocked = { BLOCKED(__NR_clock_nanosleep) })
{
	struct timespec ts = { .tv_sec = 1000 }, left = { .tv_sec = -1 };

	catch(SIGUSR1, SA_RESTART);
	ready_with_waker(send_usr1);
	CHECK_EQ(-1, syscall(__NR_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, &left));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
	CHECK(left.tv_sec >= 0 && left.tv_sec < 1000, "%lld s are left", (long long)left.tv_sec);
}

CKPT_CYCLE(read_interrupted, .blocked = { BLOCKED(__NR_read) })
{
	char c;

	catch(SIGUSR1, 0);
	CHECK_SYS(pipe(fds));
	ready_with_waker(send_usr1);
	CHECK_EQ(-1, read(fds[0], &c, 1));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
}

static void signal_then_bytes(void)
{
	send_usr1();
	ckpt_step_wait(1, 1);
	put_bytes();
}

CKPT_CYCLE(read_restarted, .blocked = { BLOCKED(__NR_read) })
{
	catch(SIGUSR1, SA_RESTART);
	CHECK_SYS(pipe(fds));
	ready_with_waker(signal_then_bytes);
	check_bytes();
	CHECK_EQ(1, handled);
}

CKPT_CYCLE(futex_interrupted, .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex) })
{
	struct timespec ts = { .tv_sec = 1000 };
	uint32_t word = 3;

	catch(SIGUSR1, 0);
	ready_with_waker(send_usr1);
	CHECK_EQ(-1, syscall(__NR_futex, &word, FUTEX_WAIT_PRIVATE, 3, &ts, NULL, 0));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
}

/*
 * A handler goes on with the call that it has interrupted: what restart_syscall()
 * needs is there while no register tells of it.  So it is where a task is frozen
 * between the end of one freeze and its restart_syscall().
 */
static char sleeper_proc[64];
static uint32_t waited_for;

static void *signal_sleeper(void *arg)
{
	char path[80], buf[128];
	int nr;

	/* "running", or the number of the call that it is asleep in. */
	snprintf(path, sizeof(path), "/proc/%s/syscall", sleeper_proc);
	do {
		nr = -1;
		sscanf(ckpt_read_file(path, buf, sizeof(buf)), "%d", &nr);
	} while (nr != __NR_futex);
	send_usr1();
	return NULL;
}

static void go_on_with_call(int sig)
{
	handled++;
	ckpt_ready_wait();
	/* Another value than the call wants: it ends at once. */
	waited_for = 1;
	CHECK_EQ(-1, syscall(__NR_restart_syscall));
	CHECK_EQ(EAGAIN, errno);
}

CKPT_CYCLE(restart_syscall_in_handler)
{
	struct timespec ts = { .tv_sec = 1000 };
	pthread_t thread;

	sleeper = sys_gettid();
	CHECK_SYS(readlink("/proc/thread-self", sleeper_proc, sizeof(sleeper_proc) - 1));
	signal(SIGUSR1, go_on_with_call);
	CHECK_EQ(0, pthread_create(&thread, NULL, signal_sleeper, NULL));
	CHECK_EQ(-1, syscall(__NR_futex, &waited_for, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
	CHECK_EQ(0, pthread_join(thread, NULL));
}

/* A call that was over before must not be made again. */
static void *writer(void *arg)
{
	uint64_t i = 0;

	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST)) {
		CHECK_EQ(sizeof(i), write(fds[1], &i, sizeof(i)));
		i++;
		if (i == 100)
			ckpt_ready();
	}
	close(fds[1]);
	return NULL;
}

CKPT_CYCLE(stream_in_flight)
{
	uint64_t next = 0, seen;
	pthread_t thread;
	ssize_t n;

	CHECK_SYS(pipe(fds));
	CHECK_EQ(0, pthread_create(&thread, NULL, writer, NULL));
	while ((n = read(fds[0], &seen, sizeof(seen))) == sizeof(seen)) {
		CHECK_EQ(next, seen);
		next++;
	}
	CHECK_EQ(0, n);
	CHECK_EQ(0, pthread_join(thread, NULL));
}

/* Threads that enter and leave the kernel all the time, caught anywhere. */
static void *caller(void *arg)
{
	pid_t tid = sys_gettid();
	unsigned long n = 0;

	do {
		CHECK_EQ(tid, sys_gettid());
		CHECK(syscall(__NR_close, -1) == -1 && errno == EBADF, "%s", strerror(errno));
		if (n++ == 1000)
			ckpt_step(0);
	} while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST));
	return NULL;
}

CKPT_CYCLE(busy_callers)
{
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, caller, NULL));
	ckpt_step_wait(0, 4);
	ready_with_waker(nothing);
	for (i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
	CHECK_EQ(0, pthread_join(waker, NULL));
}

TEST_HARNESS_MAIN
