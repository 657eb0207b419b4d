// SPDX-License-Identifier: GPL-2.0
/* Signalfds: which signals they take, from whom, and who waits for them. */
#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>

CKPT_FIXTURE

/* Where there is no poll(2) the C library's poll() is a ppoll(2). */
#ifdef __NR_poll
#define POLL_CALL __NR_poll
#else
#define POLL_CALL __NR_ppoll
#endif

static sigset_t set_of(int sig, int other)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	if (other)
		sigaddset(&set, other);
	return set;
}

/* A signalfd for these signals, which are blocked. */
static int taking(int sig, int other, int flags)
{
	sigset_t set = set_of(sig, other);

	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	return CHECK_SYS(signalfd(-1, &set, flags));
}

static struct signalfd_siginfo take(int fd)
{
	struct signalfd_siginfo info = { 0 };

	CHECK_EQ(sizeof(info), read(fd, &info, sizeof(info)));
	return info;
}

/* There is nothing for a reader of @fd, which does not wait. */
static void is_empty(int fd)
{
	struct signalfd_siginfo info;

	CHECK(read(fd, &info, sizeof(info)) == -1 && errno == EAGAIN, "signal %d",
	      (int)info.ssi_signo);
}

static void queue(int sig, int value)
{
	CHECK_SYS(sigqueue(getpid(), sig, (union sigval){ .sival_int = value }));
}

/* What has come before is there, in its order; what the mask has not, is left. */
CKPT_CYCLE(pending_before)
{
	int fd = taking(SIGRTMIN, SIGUSR1, SFD_NONBLOCK), other = taking(SIGUSR2, 0, SFD_NONBLOCK);
	struct signalfd_siginfo info;

	queue(SIGRTMIN, 11);
	queue(SIGUSR2, 22);
	queue(SIGRTMIN, 33);
	queue(SIGUSR1, 44);
	ckpt_ready_wait();
	info = take(fd);
	CHECK_EQ(SIGUSR1, info.ssi_signo);
	CHECK_EQ(44, info.ssi_int);
	CHECK_EQ(SI_QUEUE, info.ssi_code);
	CHECK_EQ(getpid(), info.ssi_pid);
	CHECK_EQ(11, take(fd).ssi_int);
	CHECK_EQ(33, take(fd).ssi_int);
	is_empty(fd);
	CHECK_EQ(22, take(other).ssi_int);
	is_empty(other);
}

CKPT_CYCLE(sent_after)
{
	int fd = taking(SIGTERM, SIGRTMAX, SFD_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	ckpt_ready_wait();
	CHECK_EQ(0, poll(&pfd, 1, 0));
	is_empty(fd);
	CHECK_SYS(kill(getpid(), SIGTERM));
	CHECK_EQ(1, poll(&pfd, 1, 0));
	queue(SIGRTMAX, 7);
	CHECK_EQ(SIGTERM, take(fd).ssi_signo);
	CHECK_EQ(7, take(fd).ssi_int);
}

/* A mask that was changed, and one that takes nothing. */
CKPT_CYCLE(mask_changed)
{
	int fd = taking(SIGUSR1, 0, SFD_NONBLOCK), none;
	sigset_t set = set_of(SIGUSR2, 0), empty;

	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_SYS(signalfd(fd, &set, 0));
	sigemptyset(&empty);
	none = CHECK_SYS(signalfd(-1, &empty, SFD_NONBLOCK));
	queue(SIGUSR1, 1);
	queue(SIGUSR2, 2);
	ckpt_ready_wait();
	is_empty(none);
	CHECK_EQ(2, take(fd).ssi_int);
	is_empty(fd);
	set = set_of(SIGUSR1, 0);
	CHECK_SYS(signalfd(fd, &set, 0));
	CHECK_EQ(1, take(fd).ssi_int);
}

/* All that can be. */
CKPT_CYCLE(all_signals)
{
	char path[64], before[256], after[256];
	sigset_t set;
	int fd;

	sigfillset(&set);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	fd = CHECK_SYS(syscall(__NR_signalfd4, -1, &(uint64_t){ ~0ull }, 8, 0));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	ckpt_read_file(path, before, sizeof(before));
	CHECK(strstr(before, "sigmask:\tfffffffffffbfeff"), "%s", before);
	ckpt_ready_wait();
	ckpt_read_file(path, after, sizeof(after));
	CHECK(strstr(after, "sigmask:\tfffffffffffbfeff"), "%s", after);
	queue(SIGHUP, 9);
	CHECK_EQ(9, take(fd).ssi_int);
}

CKPT_CYCLE(flags)
{
	int plain = taking(SIGUSR1, 0, 0), both = taking(SIGUSR1, 0, SFD_CLOEXEC | SFD_NONBLOCK);
	int plain_flags = fcntl(plain, F_GETFL), both_flags = fcntl(both, F_GETFL);

	CHECK(both_flags & O_NONBLOCK, "flags 0%o", both_flags);
	ckpt_ready_wait();
	CHECK_EQ(plain_flags, fcntl(plain, F_GETFL));
	CHECK_EQ(both_flags, fcntl(both, F_GETFL));
	CHECK_EQ(0, fcntl(plain, F_GETFD));
	CHECK_EQ(FD_CLOEXEC, fcntl(both, F_GETFD));
}

/* ---- several readers ------------------------------------------------- */

static int own;

/* Each reads what was sent to it, whoever has made the signalfd. */
static int reads_its_own(void *arg)
{
	queue(SIGUSR1, 51);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(51, take(own).ssi_int);
	CHECK_SYS(fcntl(own, F_SETFL, O_NONBLOCK));
	is_empty(own);
	ckpt_step(1);
	return 91;
}

CKPT_CYCLE(shared_by_fork)
{
	pid_t kid;

	own = taking(SIGUSR1, 0, 0);
	kid = ckpt_fork(reads_its_own, NULL);
	ckpt_step_wait(0, 1);
	queue(SIGUSR1, 52);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK(fcntl(own, F_GETFL) & O_NONBLOCK, "flags are not shared");
	CHECK_EQ(52, take(own).ssi_int);
	is_empty(own);
	ckpt_wait_exit(kid, 91);
}

/* What was sent to a thread, that thread reads. */
static void *thread(void *arg)
{
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	CHECK_EQ(61, take(own).ssi_int);
	is_empty(own);
	return NULL;
}

CKPT_CYCLE(pending_for_a_thread)
{
	union sigval value = { .sival_int = 61 };
	pthread_t other;

	own = taking(SIGUSR2, 0, SFD_NONBLOCK);
	CHECK_EQ(0, pthread_create(&other, NULL, thread, NULL));
	ckpt_step_wait(0, 1);
	CHECK_EQ(0, pthread_sigqueue(other, SIGUSR2, value));
	ckpt_ready_wait();
	is_empty(own);
	ckpt_step(1);
	CHECK_EQ(0, pthread_join(other, NULL));
}

/* ---- somebody waits -------------------------------------------------- */

static int waits_in_read(void *arg)
{
	struct signalfd_siginfo info = take(own);

	CHECK_EQ(SIGUSR1, info.ssi_signo);
	CHECK_EQ(getppid(), info.ssi_pid);
	CHECK_EQ(SI_USER, info.ssi_code);
	return 92;
}

CKPT_CYCLE(reader_waits, .blocked = { BLOCKED(__NR_read) })
{
	pid_t kid;

	own = taking(SIGUSR1, 0, 0);
	kid = ckpt_fork(waits_in_read, NULL);
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	CHECK_SYS(kill(kid, SIGUSR1));
	ckpt_wait_exit(kid, 92);
}

static int waits_in_poll(void *arg)
{
	struct pollfd pfd = { .fd = own, .events = POLLIN };

	CHECK_EQ(1, poll(&pfd, 1, -1));
	CHECK_EQ(POLLIN, pfd.revents);
	CHECK_EQ(SIGUSR1, take(own).ssi_signo);
	return 93;
}

CKPT_CYCLE(poll_waits, .blocked = { BLOCKED(POLL_CALL) })
{
	pid_t kid;

	own = taking(SIGUSR1, 0, 0);
	kid = ckpt_fork(waits_in_poll, NULL);
	ckpt_ready_wait();
	CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
	CHECK_SYS(kill(kid, SIGUSR1));
	ckpt_wait_exit(kid, 93);
}

TEST_HARNESS_MAIN
