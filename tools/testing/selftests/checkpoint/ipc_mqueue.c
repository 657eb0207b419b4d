// SPDX-License-Identifier: GPL-2.0
/* POSIX message queues: of an ipc namespace of its own, and of the caller's. */
#include "common.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

CKPT_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC
#define NAME	"/ckpt-queue"
#define OTHER	"/ckpt-other"
#define SLOTS	4
#define BYTES	64

static char text[1 << 20];

static mqd_t queue(const char *name, int flags, mode_t mode, long slots, long bytes)
{
	struct mq_attr attr = { .mq_maxmsg = slots, .mq_msgsize = bytes };

	return CHECK_SYS(mq_open(name, O_CREAT | O_EXCL | flags, mode, &attr));
}

/* One that has no name any more: nobody finds it in the caller's namespace. */
static mqd_t removed_queue(int flags)
{
	mqd_t q;

	mq_unlink(NAME);
	q = queue(NAME, flags, 0600, SLOTS, BYTES);
	CHECK_SYS(mq_unlink(NAME));
	return q;
}

static void put(mqd_t q, unsigned int prio, size_t len, int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		text[i] = seed + i * 7;
	CHECK_SYS(mq_send(q, text, len, prio));
}

static void get(mqd_t q, unsigned int prio, size_t len, int seed)
{
	unsigned int got;
	size_t i;

	memset(text, 0, sizeof(text));
	CHECK_EQ(len, mq_receive(q, text, sizeof(text), &got));
	CHECK_EQ(prio, got);
	for (i = 0; i < len; i++)
		CHECK_EQ((char)(seed + i * 7), text[i]);
}

static void has(mqd_t q, long flags, long slots, long bytes, long messages)
{
	struct mq_attr attr;

	CHECK_SYS(mq_getattr(q, &attr));
	CHECK_EQ(flags, attr.mq_flags);
	CHECK_EQ(slots, attr.mq_maxmsg);
	CHECK_EQ(bytes, attr.mq_msgsize);
	CHECK_EQ(messages, attr.mq_curmsgs);
}

/* What read(2) tells of a queue: bytes in it, and who is to be notified how. */
static void tells(mqd_t q, char *to, size_t size)
{
	ssize_t n;

	CHECK_EQ(0, lseek(q, 0, SEEK_SET));
	n = CHECK_SYS(read(q, to, size - 1));
	to[n] = 0;
}

static void set_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", name);
	fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	CHECK_EQ(strlen(value), write(fd, value, strlen(value)));
	CHECK_SYS(close(fd));
}

/* ---- in any namespace ------------------------------------------------- */

/* By priority, by age; empty ones; the largest. */
CKPT_CYCLE(order)
{
	mqd_t q = removed_queue(O_RDWR);

	put(q, 3, 1, 1);
	put(q, 32767, 0, 2);
	put(q, 3, BYTES, 3);
	put(q, 0, 10, 4);
	ckpt_ready_wait();
	has(q, 0, SLOTS, BYTES, 4);
	get(q, 32767, 0, 2);
	put(q, 3, 5, 5);
	get(q, 3, 1, 1);
	get(q, 3, BYTES, 3);
	get(q, 3, 5, 5);
	get(q, 0, 10, 4);
	has(q, 0, SLOTS, BYTES, 0);
	CHECK(mq_send(q, text, BYTES + 1, 0) == -1 && errno == EMSGSIZE, "%s", strerror(errno));
}

/* Open in several ways, with flags and positions of their own; the same queue. */
CKPT_CYCLE(descriptors)
{
	mqd_t q, reader, writer, copy;
	struct mq_attr nonblock = { .mq_flags = O_NONBLOCK };
	char before[128], now[128];
	struct stat st[2];

	mq_unlink(NAME);
	q = queue(NAME, O_RDWR, 0600, SLOTS, BYTES);
	reader = CHECK_SYS(mq_open(NAME, O_RDONLY));
	writer = CHECK_SYS(mq_open(NAME, O_WRONLY | O_NONBLOCK));
	copy = CHECK_SYS(dup(reader));
	CHECK_SYS(mq_setattr(reader, &nonblock, NULL));
	CHECK_SYS(mq_unlink(NAME));
	CHECK_SYS(fchmod(q, 0));
	put(writer, 1, 5, 5);
	tells(q, before, sizeof(before));
	CHECK_EQ(6, lseek(reader, 6, SEEK_SET));
	CHECK_SYS(fstat(q, &st[0]));
	ckpt_ready_wait();
	CHECK_SYS(fstat(q, &st[1]));
	CHECK_EQ(st[0].st_mode, st[1].st_mode);
	CHECK_EQ(st[0].st_uid, st[1].st_uid);
	CHECK_EQ(st[0].st_nlink, st[1].st_nlink);
	CHECK_EQ(st[0].st_mtim.tv_sec, st[1].st_mtim.tv_sec);
	CHECK_EQ(st[0].st_mtim.tv_nsec, st[1].st_mtim.tv_nsec);
	CHECK_EQ(st[0].st_atim.tv_nsec, st[1].st_atim.tv_nsec);
	CHECK_EQ(6, lseek(copy, 0, SEEK_CUR));
	CHECK_EQ(strlen(before), lseek(q, 0, SEEK_CUR));
	has(q, 0, SLOTS, BYTES, 1);
	has(copy, O_NONBLOCK, SLOTS, BYTES, 1);
	has(writer, O_NONBLOCK, SLOTS, BYTES, 1);
	CHECK(mq_send(reader, "x", 1, 0) == -1 && errno == EBADF, "%s", strerror(errno));
	CHECK(mq_receive(writer, text, BYTES, NULL) == -1 && errno == EBADF, "%s", strerror(errno));
	tells(q, now, sizeof(now));
	CHECK_STREQ(before, now);
	put(writer, 2, 6, 6);
	get(copy, 2, 6, 6);
	get(q, 1, 5, 5);
	CHECK(mq_receive(reader, text, BYTES, NULL) == -1 && errno == EAGAIN, "%s", strerror(errno));
	CHECK_EQ(FD_CLOEXEC, fcntl(q, F_GETFD));
}

/* Several had one name, and none has it now. */
CKPT_CYCLE(one_name)
{
	mqd_t first = removed_queue(O_RDWR), second = removed_queue(O_RDWR), third;

	put(first, 0, 1, 1);
	put(second, 0, 2, 2);
	ckpt_ready_wait();
	CHECK(mq_open(NAME, O_RDWR) == -1 && errno == ENOENT, "%s", strerror(errno));
	third = removed_queue(O_RDWR);
	has(third, 0, SLOTS, BYTES, 0);
	get(first, 0, 1, 1);
	get(second, 0, 2, 2);
}

static struct timespec in_an_hour(void)
{
	struct timespec at;

	CHECK_SYS(clock_gettime(CLOCK_REALTIME, &at));
	at.tv_sec += 3600;
	return at;
}

static int receives(void *arg)
{
	struct timespec at = in_an_hour();

	CHECK_EQ(3, mq_timedreceive(*(mqd_t *)arg, text, sizeof(text), NULL, &at));
	return 0;
}

static int sends(void *arg)
{
	CHECK_SYS(mq_send(*(mqd_t *)arg, "full", 4, 9));
	return 0;
}

/* One waits for a message, one for room. */
CKPT_CYCLE(sleepers, .blocked = { BLOCKED(__NR_mq_timedreceive), BLOCKED(__NR_mq_timedsend) })
{
	mqd_t empty = removed_queue(O_RDWR), full = removed_queue(O_RDWR);
	pid_t one, two;
	int n;

	for (n = 0; n < SLOTS; n++)
		put(full, 1, 1, n);
	one = ckpt_fork(receives, &empty);
	two = ckpt_fork(sends, &full);
	ckpt_ready_wait();
	put(empty, 2, 3, 2);
	ckpt_wait_exit(one, 0);
	get(full, 1, 1, 0);
	ckpt_wait_exit(two, 0);
	CHECK_EQ(4, mq_receive(full, text, sizeof(text), NULL));
	for (n = 1; n < SLOTS; n++)
		get(full, 1, 1, n);
}

static int waits_too_long(void *arg)
{
	struct timespec at;

	CHECK_SYS(clock_gettime(CLOCK_REALTIME, &at));
	at.tv_sec += 2;
	CHECK(mq_timedreceive(*(mqd_t *)arg, text, sizeof(text), NULL, &at) == -1 &&
	      errno == ETIMEDOUT, "%s", strerror(errno));
	return 0;
}

/* The time comes while the machine is off, or after. */
CKPT_CYCLE(time_is_over, .down_ms = 2500)
{
	mqd_t q = removed_queue(O_RDWR);
	pid_t kid = ckpt_fork(waits_too_long, &q);

	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* ---- who is notified ---------------------------------------------------- */

static void notify(mqd_t q, int how, int signo, void *value)
{
	struct sigevent event = {
		.sigev_notify = how,
		.sigev_signo = signo,
		.sigev_value.sival_ptr = value,
	};

	CHECK_SYS(mq_notify(q, &event));
}

static int is_taken(void *arg)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };

	CHECK(mq_notify(*(mqd_t *)arg, &event) == -1 && errno == EBUSY, "%s", strerror(errno));
	/* What is of another process it can't take back. */
	CHECK_SYS(mq_notify(*(mqd_t *)arg, NULL));
	put(*(mqd_t *)arg, 1, 1, 1);
	return 0;
}

CKPT_CYCLE(notify_by_signal)
{
	static const struct timespec none;
	char before[128], now[128];
	mqd_t q = removed_queue(O_RDWR);
	siginfo_t info;
	sigset_t set;
	pid_t kid;

	CHECK_SYS(sigemptyset(&set));
	CHECK_SYS(sigaddset(&set, SIGRTMIN + 3));
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	notify(q, SIGEV_SIGNAL, SIGRTMIN + 3, (void *)0x123456789abcdefL);
	tells(q, before, sizeof(before));
	ckpt_ready_wait();
	tells(q, now, sizeof(now));
	CHECK_STREQ(before, now);
	CHECK(sigtimedwait(&set, NULL, &none) == -1 && errno == EAGAIN, "%s", strerror(errno));
	kid = ckpt_fork(is_taken, &q);
	ckpt_wait_exit(kid, 0);
	CHECK_EQ(SIGRTMIN + 3, sigtimedwait(&set, &info, &none));
	CHECK_EQ(SI_MESGQ, info.si_code);
	CHECK_EQ(kid, info.si_pid);
	CHECK_EQ(0x123456789abcdefL, (long)info.si_value.sival_ptr);
	get(q, 1, 1, 1);
	/* Once only. */
	put(q, 1, 1, 1);
	CHECK(sigtimedwait(&set, NULL, &none) == -1 && errno == EAGAIN, "%s", strerror(errno));
	notify(q, SIGEV_NONE, 0, NULL);
}

/* A signal that was sent and not yet taken, and what keeps others from being notified. */
CKPT_CYCLE(notify_sent_and_none)
{
	static const struct timespec none;
	mqd_t sent = removed_queue(O_RDWR), silent = removed_queue(O_RDWR);
	char before[128], now[128];
	siginfo_t info;
	sigset_t set;

	CHECK_SYS(sigemptyset(&set));
	CHECK_SYS(sigaddset(&set, SIGUSR1));
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	notify(sent, SIGEV_SIGNAL, SIGUSR1, (void *)7L);
	put(sent, 1, 1, 1);
	notify(silent, SIGEV_NONE, 0, NULL);
	tells(silent, before, sizeof(before));
	ckpt_ready_wait();
	tells(silent, now, sizeof(now));
	CHECK_STREQ(before, now);
	CHECK_EQ(SIGUSR1, sigtimedwait(&set, &info, &none));
	CHECK_EQ(SI_MESGQ, info.si_code);
	CHECK_EQ(7, (long)info.si_value.sival_ptr);
	notify(sent, SIGEV_NONE, 0, NULL);
	/* Whoever is to be notified takes it back by closing any descriptor of the queue. */
	CHECK_SYS(close(CHECK_SYS(dup(silent))));
	notify(silent, SIGEV_SIGNAL, SIGUSR1, NULL);
}

/* ---- of a namespace of its own -------------------------------------------- */

static void no_more(const char *name)
{
	CHECK(mq_open(name, O_RDWR) == -1 && errno == ENOENT, "%s: %s", name, strerror(errno));
}

/* With names, which nobody has open; owner, mode, and one that was removed under one of the names. */
CKPT_CYCLE(names, OWN)
{
	mqd_t gone = queue(NAME, O_RDWR, 0600, SLOTS, BYTES), q;
	struct stat before, now;

	CHECK_SYS(mq_unlink(NAME));
	put(gone, 4, 4, 4);
	q = queue(NAME, O_RDWR, 0600, 7, 100);
	put(q, 5, 100, 5);
	CHECK_SYS(fchown(q, 1234, 4321));
	CHECK_SYS(fchmod(q, 0640));
	CHECK_SYS(fstat(q, &before));
	CHECK_SYS(mq_close(q));
	CHECK_SYS(mq_close(queue(OTHER, O_RDONLY, 0200, 1, 1)));
	ckpt_ready_wait();
	q = CHECK_SYS(mq_open(NAME, O_RDWR));
	CHECK_SYS(fstat(q, &now));
	CHECK_EQ(before.st_mode, now.st_mode);
	CHECK_EQ(before.st_uid, now.st_uid);
	CHECK_EQ(before.st_gid, now.st_gid);
	CHECK_EQ(before.st_nlink, now.st_nlink);
	CHECK_EQ(before.st_mtim.tv_sec, now.st_mtim.tv_sec);
	CHECK_EQ(before.st_mtim.tv_nsec, now.st_mtim.tv_nsec);
	has(q, 0, 7, 100, 1);
	get(q, 5, 100, 5);
	has(gone, 0, SLOTS, BYTES, 1);
	get(gone, 4, 4, 4);
	CHECK_SYS(mq_unlink(NAME));
	no_more(NAME);
	q = CHECK_SYS(mq_open(OTHER, O_RDWR));
	has(q, 0, 1, 1, 0);
	CHECK_SYS(mq_unlink(OTHER));
	no_more(OTHER);
}

/* More than an ordinary user may, and than the settings take that were made since. */
CKPT_CYCLE(beyond_limits, OWN)
{
	mqd_t q;

	set_sysctl("msg_max", "100");
	set_sysctl("msgsize_max", "20000");
	q = queue(NAME, O_RDWR, 0600, 20, 20000);
	set_sysctl("msg_max", "5");
	set_sysctl("msgsize_max", "128");
	set_sysctl("queues_max", "0");
	put(q, 1, 20000, 1);
	ckpt_ready_wait();
	has(q, 0, 20, 20000, 1);
	get(q, 1, 20000, 1);
	CHECK_SYS(mq_unlink(NAME));
}

#define USER	54321

static int is_limited(void *arg)
{
	struct rlimit limit = { .rlim_cur = 12000, .rlim_max = 12000 };
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8000 };
	mqd_t q;

	CHECK_SYS(setrlimit(RLIMIT_MSGQUEUE, &limit));
	CHECK_SYS(setresuid(USER, USER, USER));
	q = queue(NAME, O_RDWR, 0600, 1, 8000);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK(mq_open(OTHER, O_RDWR | O_CREAT | O_EXCL, 0600, &attr) == -1 && errno == EMFILE,
	      "it is accounted to its user: %s", strerror(errno));
	CHECK_SYS(mq_unlink(NAME));
	CHECK_SYS(mq_close(q));
	/* What is left of a container that was killed goes a little later. */
	while ((q = mq_open(OTHER, O_RDWR | O_CREAT | O_EXCL, 0600, &attr)) < 0) {
		CHECK_EQ(EMFILE, errno);
		sched_yield();
	}
	CHECK_SYS(mq_close(q));
	CHECK_SYS(mq_unlink(OTHER));
	return 0;
}

CKPT_CYCLE(accounting, OWN)
{
	pid_t kid = ckpt_fork(is_limited, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

#define LARGE	20

/* More than is read at a time, and than who restarts may have without privileges. */
CKPT_CYCLE(large, OWN)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	mqd_t q;
	int n;

	CHECK_SYS(setrlimit(RLIMIT_MSGQUEUE, &limit));
	set_sysctl("msg_max", "100");
	set_sysctl("msgsize_max", "1048576");
	q = queue(NAME, O_RDWR, 0600, LARGE + 1, sizeof(text));
	for (n = 0; n < LARGE; n++)
		put(q, n % 2, sizeof(text) - n % 3, n);
	put(q, 2, 1, 77);
	ckpt_ready_wait();
	has(q, 0, LARGE + 1, sizeof(text), LARGE + 1);
	get(q, 2, 1, 77);
	for (n = 1; n < LARGE; n += 2)
		get(q, 1, sizeof(text) - n % 3, n);
	for (n = 0; n < LARGE; n += 2)
		get(q, 0, sizeof(text) - n % 3, n);
	CHECK_SYS(mq_unlink(NAME));
}

#define MANY	300

static char *nth(char *name, int n)
{
	sprintf(name, NAME "-%d", n);
	return name;
}

CKPT_CYCLE(many, OWN)
{
	char name[64];
	mqd_t q;
	int n;

	set_sysctl("queues_max", "1000");
	for (n = 0; n < MANY; n++) {
		q = queue(nth(name, n), O_RDWR, 0600, 1, BYTES);
		put(q, n, 1, n);
		CHECK_SYS(mq_close(q));
	}
	ckpt_ready_wait();
	for (n = 0; n < MANY; n++) {
		q = CHECK_SYS(mq_open(nth(name, n), O_RDWR));
		get(q, n, 1, n);
		CHECK_SYS(mq_close(q));
		CHECK_SYS(mq_unlink(name));
	}
	no_more(nth(name, 0));
}

static int in_its_own(void *arg)
{
	mqd_t q;

	CHECK_SYS(unshare(CLONE_NEWIPC));
	no_more(NAME);
	q = queue(NAME, O_RDWR, 0600, 1, BYTES);
	put(q, 1, 3, 3);
	ckpt_step(0);
	ckpt_wait_go();
	has(q, 0, 1, BYTES, 1);
	get(CHECK_SYS(mq_open(NAME, O_RDWR)), 1, 3, 3);
	/* What it has inherited is of the other namespace. */
	get(*(mqd_t *)arg, 2, 2, 2);
	return 0;
}

CKPT_CYCLE(several_namespaces, OWN)
{
	mqd_t q = queue(NAME, O_RDWR, 0600, 2, BYTES);
	struct pollfd poll_it = { .fd = q, .events = POLLIN | POLLOUT };
	pid_t kid;

	put(q, 2, 2, 2);
	put(q, 1, 1, 1);
	kid = ckpt_fork(in_its_own, &q);
	ckpt_step_wait(0, 1);
	CHECK_EQ(1, poll(&poll_it, 1, 0));
	CHECK_EQ(POLLIN, poll_it.revents);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	CHECK_EQ(1, poll(&poll_it, 1, 0));
	CHECK_EQ(POLLIN | POLLOUT, poll_it.revents);
	get(CHECK_SYS(mq_open(NAME, O_RDONLY)), 1, 1, 1);
	CHECK_SYS(mq_unlink(NAME));
}

/* ---- what others have ----------------------------------------------------- */

CKPT_SCENARIO(has_a_queue)
{
	mqd_t q = queue(NAME, O_RDWR, 0600, SLOTS, BYTES);

	put(q, 1, 1, 1);
	ckpt_ready_wait();
	get(q, 1, 1, 1);
	put(CHECK_SYS(mq_open(NAME, O_WRONLY)), 2, 2, 2);
	get(q, 2, 2, 2);
	CHECK_SYS(mq_unlink(NAME));
}

/* In the caller's namespace: open outside, too, it is refused; its name stays, and is in the way. */
TEST_F_TIMEOUT(cr, outside, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;
	mqd_t q;

	ASSERT_LE(0, image);
	mq_unlink(NAME);
	ASSERT_EQ(0, ckpt_run_init(&run, &has_a_queue, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	q = mq_open(NAME, O_RDONLY);
	ASSERT_LE(0, q);
	EXPECT_EQ(-1, ckpt_run_call(&run, image, CHECKPOINT_KILL));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "POSIX message queue ckpt-queue: a task outside has it open, "
				     "too"));
	ASSERT_EQ(0, mq_close(q));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));

	ckpt_run_restart_args(&run, &args, image, 0);
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "POSIX message queue ckpt-queue: its name is in use: remove "
				     "what has it"));
	ASSERT_EQ(0, mq_unlink(NAME));
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	EXPECT_EQ(-1, mq_unlink(NAME));
	ckpt_run_fini(&run);
	close(image);
}

/* Its second descriptor can't be brought back when the first one is there. */
CKPT_SCENARIO(has_a_queue_and_a_file)
{
	mqd_t q = queue(NAME, O_RDWR, 0600, SLOTS, BYTES);
	char path[256];
	int fd;

	put(q, 1, 1, 1);
	ckpt_path(path, sizeof(path), "file");
	fd = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	CHECK(fd > q, "descriptor %d before %d", fd, q);
	strcpy(board->text, path);
	ckpt_ready_wait();
	CHECK_SYS(mq_unlink(NAME));
}

/* A restart that fails takes the name back. */
TEST_F_TIMEOUT(cr, undone, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;

	ASSERT_LE(0, image);
	mq_unlink(NAME);
	ASSERT_EQ(0, ckpt_run_init(&run, &has_a_queue_and_a_file, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, mq_unlink(NAME));
	ASSERT_EQ(0, unlink(run.board->text));
	ckpt_run_restart_args(&run, &args, image, 0);
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "is missing: bring it back"));
	EXPECT_EQ(-1, mq_open(NAME, O_RDONLY));
	EXPECT_EQ(ENOENT, errno);
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
