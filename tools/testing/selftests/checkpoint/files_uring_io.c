// SPDX-License-Identifier: GPL-2.0
/* io_urings with requests that wait to do something with a file: accept, receive, send, read, write. */
#include "common.h"
#include "sockets.h"
#include "uring.h"
#include "uring_waits.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

CKPT_FIXTURE_IF(URING_BEGIN)

static void pair(int fds[2], int type)
{
	CHECK_SYS(socketpair(AF_UNIX, type, 0, fds));
}

static struct io_uring_sqe *asks(struct uring *u, unsigned int op, int fd, void *addr,
				 unsigned int len, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, op, data);

	sqe->fd = fd;
	sqe->addr = (uintptr_t)addr;
	sqe->len = len;
	return sqe;
}

/* Takes a request away that waits. */
static void cancels(struct uring *u, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_ASYNC_CANCEL, 900);
	int left = 2;

	sqe->fd = -1;
	sqe->addr = data;
	uring_submit(u, 1);
	while (left--) {
		uint32_t n = *uring_word(u, u->params.cq_off.head);
		struct io_uring_cqe *cqe;

		cqe = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes) +
		      (n & (u->params.cq_entries - 1));
		await_one(u);
		if (cqe->user_data == 900)
			uring_take(u, 900, 0);
		else
			uring_take(u, data, -ECANCELED);
	}
}

/* ---- receive ----------------------------------------------------------- */

static void receives(unsigned int flags)
{
	char buf[8] = "", other[8] = "";
	struct uring u;
	int fds[2];

	pair(fds, SOCK_STREAM);
	CHECK_SYS(uring_make(&u, 8, flags));
	asks(&u, IORING_OP_RECV, fds[0], buf, sizeof(buf), 1);
	asks(&u, IORING_OP_RECV, fds[1], other, sizeof(other), 2);
	uring_submit(&u, 2);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	send_text(fds[1], "text");
	take(&u, 1, 4, false);
	CHECK_STREQ("text", buf);
	cancels(&u, 2);
	uring_works(&u);
}

CKPT_CYCLE(recv_plain)
{
	receives(0);
}

CKPT_CYCLE(recv_cooperative)
{
	receives(IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
}

CKPT_CYCLE(recv_deferred)
{
	receives(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

/* What is there was not received yet, as the task has not asked. */
CKPT_CYCLE(recv_not_told)
{
	char buf[8] = "";
	struct pollfd work;
	struct uring u;
	int fds[2];

	pair(fds, SOCK_STREAM);
	CHECK_SYS(uring_make(&u, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
	asks(&u, IORING_OP_RECV, fds[0], buf, sizeof(buf), 1);
	uring_submit(&u, 1);
	send_text(fds[1], "text");
	work = (struct pollfd) { .fd = u.fd, .events = POLLIN };
	CHECK_EQ(1, poll(&work, 1, -1));
	ckpt_ready_wait();
	uring_is_empty(&u);
	take(&u, 1, 4, false);
	CHECK_STREQ("text", buf);
	expect_empty(fds[0]);
	uring_works(&u);
}

/* Some of it has come. */
CKPT_CYCLE(recv_all)
{
	char buf[11] = "";
	struct uring u;
	int fds[2];

	pair(fds, SOCK_STREAM);
	CHECK_SYS(uring_make(&u, 8, 0));
	asks(&u, IORING_OP_RECV, fds[0], buf, 10, 1)->msg_flags = MSG_WAITALL;
	uring_submit(&u, 1);
	send_text(fds[1], "0123");
	look(&u);
	expect_empty(fds[0]);
	uring_is_empty(&u);
	ckpt_ready_wait();
	send_text(fds[1], "456789rest");
	take(&u, 1, 10, false);
	CHECK_STREQ("0123456789", buf);
	expect_text(fds[0], "rest");
	uring_works(&u);
}

/* The header is used for something else by now, and so are the vectors. */
CKPT_CYCLE(recvmsg_name_control, .flags = SC_NO_ORIGINAL)
{
	char one[3] = "", two[8] = "", control[CMSG_SPACE(sizeof(struct ucred))] = "";
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct iovec vecs[2] = { { one, 2 }, { two, 7 } };
	struct sockaddr_un from = { 0 };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = vecs,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	struct uring u;
	int fds[2];

	pair(fds, SOCK_DGRAM);
	/* A name of the kernel's choice. */
	CHECK_SYS(bind(fds[1], (struct sockaddr *)&name, sizeof(sa_family_t)));
	set_option(fds[0], SO_PASSCRED, 1);
	CHECK_SYS(uring_make(&u, 8, 0));
	asks(&u, IORING_OP_RECVMSG, fds[0], &msg, 1, 1);
	uring_submit(&u, 1);
	memset(vecs, 0xff, sizeof(vecs));
	msg.msg_name = NULL;
	msg.msg_iov = NULL;
	msg.msg_iovlen = 0;
	ckpt_ready_wait();
	send_text(fds[1], "message");
	take(&u, 1, 7, false);
	CHECK_STREQ("me", one);
	CHECK_STREQ("ssage", two);
	CHECK_EQ(AF_UNIX, from.sun_family);
	CHECK_EQ(sizeof(sa_family_t) + 6, msg.msg_namelen);
	CHECK_EQ(SCM_CREDENTIALS, cmsg->cmsg_type);
	CHECK_EQ(getpid(), ((struct ucred *)CMSG_DATA(cmsg))->pid);
	uring_works(&u);
}

static struct uring shared;
static int shared_fds[2];
static char shared_buf[8];

static void *submits(void *arg)
{
	(void)arg;
	CHECK_SYS(uring_make(&shared, 8, IORING_SETUP_SINGLE_ISSUER));
	asks(&shared, IORING_OP_RECV, shared_fds[0], shared_buf, 8, 1);
	uring_submit(&shared, 1);
	ckpt_step(0);
	ckpt_wait_go();
	send_text(shared_fds[1], "text");
	take(&shared, 1, 4, false);
	CHECK_STREQ("text", shared_buf);
	uring_works(&shared);
	return NULL;
}

/* Another thread has submitted it. */
CKPT_CYCLE(of_thread)
{
	pthread_t thread;

	pair(shared_fds, SOCK_STREAM);
	CHECK_EQ(0, pthread_create(&thread, NULL, submits, NULL));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, pthread_join(thread, NULL));
}

static int receives_too(void *arg)
{
	(void)arg;
	asks(&shared, IORING_OP_RECV, shared_fds[0], shared_buf, 8, 2);
	uring_submit(&shared, 1);
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	/* It came into the memory of who has asked. */
	CHECK_STREQ("text", shared_buf);
	return 0;
}

/* Another process has submitted it, which has memory of its own. */
CKPT_CYCLE(of_process)
{
	pid_t kid;

	pair(shared_fds, SOCK_STREAM);
	CHECK_SYS(uring_make(&shared, 8, 0));
	kid = ckpt_fork(receives_too, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	send_text(shared_fds[1], "text");
	take(&shared, 2, 4, false);
	CHECK_STREQ("", shared_buf);
	ckpt_step(1);
	ckpt_wait_exit(kid, 0);
	uring_works(&shared);
}

static void *sleeps(void *arg)
{
	take(arg, 1, 4, false);
	return NULL;
}

/* Who waits for the completion goes on. */
CKPT_CYCLE(sleeper, .blocked = { BLOCKED(__NR_io_uring_enter) })
{
	char buf[8] = "";
	pthread_t thread;
	struct uring u;
	int fds[2];

	pair(fds, SOCK_STREAM);
	CHECK_SYS(uring_make(&u, 4, 0));
	asks(&u, IORING_OP_RECV, fds[0], buf, sizeof(buf), 1);
	uring_submit(&u, 1);
	CHECK_EQ(0, pthread_create(&thread, NULL, sleeps, &u));
	ckpt_ready_wait();
	send_text(fds[1], "text");
	CHECK_EQ(0, pthread_join(thread, NULL));
	CHECK_STREQ("text", buf);
	uring_works(&u);
}

/* ---- accept ------------------------------------------------------------ */

/* A listener with a name of the kernel's choice, which is in @name. */
static int listens(struct sockaddr_un *name, socklen_t *len)
{
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));

	memset(name, 0, sizeof(*name));
	name->sun_family = AF_UNIX;
	CHECK_SYS(bind(fd, (struct sockaddr *)name, sizeof(sa_family_t)));
	*len = sizeof(*name);
	CHECK_SYS(getsockname(fd, (struct sockaddr *)name, len));
	CHECK_SYS(listen(fd, 4));
	return fd;
}

static int connects(const struct sockaddr_un *name, socklen_t len)
{
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));

	CHECK_SYS(connect(fd, (const struct sockaddr *)name, len));
	return fd;
}

CKPT_CYCLE(accept_once, .flags = SC_NO_ORIGINAL)
{
	struct sockaddr_un name, from;
	socklen_t len, from_len = sizeof(from);
	int listener = listens(&name, &len), fd, peer;
	struct io_uring_sqe *sqe;
	struct uring u;

	memset(&from, 0xff, sizeof(from));
	CHECK_SYS(uring_make(&u, 4, 0));
	sqe = asks(&u, IORING_OP_ACCEPT, listener, &from, 0, 1);
	sqe->addr2 = (uintptr_t)&from_len;
	sqe->accept_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	peer = connects(&name, len);
	fd = take_any(&u, 1, false);
	CHECK_EQ(AF_UNIX, from.sun_family);
	CHECK_EQ(sizeof(sa_family_t), from_len);
	CHECK_EQ(FD_CLOEXEC, CHECK_SYS(fcntl(fd, F_GETFD)));
	CHECK_EQ(O_NONBLOCK, CHECK_SYS(fcntl(fd, F_GETFL)) & O_NONBLOCK);
	send_text(peer, "hello");
	expect_text(fd, "hello");
	uring_works(&u);
}

/* As a server does: it accepts again and again, and receives from each. */
CKPT_CYCLE(accept_loop, .flags = SC_NO_ORIGINAL)
{
	struct sockaddr_un name;
	socklen_t len;
	int listener = listens(&name, &len), fd[3], peer[3], i;
	char buf[3][8] = { "" };
	struct uring u;

	CHECK_SYS(uring_make(&u, 16, 0));
	asks(&u, IORING_OP_ACCEPT, listener, NULL, 0, 1)->ioprio = IORING_ACCEPT_MULTISHOT;
	uring_submit(&u, 1);
	for (i = 0; i < 3; i++) {
		/* After the second one was accepted. */
		if (i == 2)
			ckpt_ready_wait();
		peer[i] = connects(&name, len);
		fd[i] = take_any(&u, 1, true);
		asks(&u, IORING_OP_RECV, fd[i], buf[i], 8, 10 + i)->ioprio =
			IORING_RECVSEND_POLL_FIRST;
		uring_submit(&u, 1);
	}
	uring_is_empty(&u);
	for (i = 2; i >= 0; i--) {
		send_text(peer[i], "hello");
		take(&u, 10 + i, 5, false);
		CHECK_STREQ("hello", buf[i]);
	}
	cancels(&u, 1);
	uring_works(&u);
}

/* What is accepted is registered, and has no descriptor; so has the listener. */
CKPT_CYCLE(accept_registered, .flags = SC_NO_ORIGINAL)
{
	struct sockaddr_un name;
	socklen_t len;
	int at = listens(&name, &len), fds[3] = { -1, -1, -1 }, peer;
	char buf[8] = "";
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	enroll(&u, IORING_REGISTER_FILES, fds, 3);
	asks(&u, IORING_OP_ACCEPT, at, NULL, 0, 1)->file_index = 3;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	peer = connects(&name, len);
	take(&u, 1, 0, false);
	send_text(peer, "hello");
	asks(&u, IORING_OP_RECV, 2, buf, 8, 2)->flags = IOSQE_FIXED_FILE;
	uring_submit(&u, 1);
	take(&u, 2, 5, false);
	CHECK_STREQ("hello", buf);
	uring_works(&u);
}

/* ---- send -------------------------------------------------------------- */

/* Sends until there is no room; returns how much. */
static size_t fill(int fd)
{
	char buf[4096];
	size_t all = 0;
	ssize_t n;

	memset(buf, 'f', sizeof(buf));
	while ((n = send(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		all += n;
	CHECK(errno == EAGAIN, "send: %s", strerror(errno));
	return all;
}

/* Receives so much of what fill() has sent. */
static void drain(int fd, size_t all)
{
	char buf[4096];
	ssize_t n;

	for (; all; all -= n) {
		n = CHECK_SYS(recv(fd, buf, all < sizeof(buf) ? all : sizeof(buf), 0));
		CHECK(n && buf[0] == 'f' && buf[n - 1] == 'f', "it has received something else");
	}
}

CKPT_CYCLE(send_waits)
{
	char buf[8] = "late";
	struct uring u;
	size_t all;
	int fds[2];

	pair(fds, SOCK_STREAM);
	all = fill(fds[1]);
	CHECK_SYS(uring_make(&u, 4, 0));
	asks(&u, IORING_OP_SEND, fds[1], buf, 4, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	drain(fds[0], all);
	take(&u, 1, 4, false);
	expect_text(fds[0], "late");
	uring_works(&u);
}

CKPT_CYCLE(sendmsg_waits)
{
	char one[] = "la", two[] = "te";
	struct iovec vecs[2] = { { one, 2 }, { two, 2 } };
	struct msghdr msg = { .msg_iov = vecs, .msg_iovlen = 2 };
	struct uring u;
	size_t all;
	int fds[2];

	pair(fds, SOCK_STREAM);
	all = fill(fds[1]);
	CHECK_SYS(uring_make(&u, 4, 0));
	asks(&u, IORING_OP_SENDMSG, fds[1], &msg, 1, 1);
	uring_submit(&u, 1);
	memset(&msg, 0xff, sizeof(msg));
	memset(vecs, 0xff, sizeof(vecs));
	ckpt_ready_wait();
	drain(fds[0], all);
	take(&u, 1, 4, false);
	expect_text(fds[0], "late");
	uring_works(&u);
}

/* ---- read and write ----------------------------------------------------- */

CKPT_CYCLE(read_pipe)
{
	char buf[8] = "", one[3] = "", two[3] = "";
	struct iovec vecs[2] = { { one, 2 }, { two, 2 } };
	int fds[2], other[2];
	struct uring u;

	ckpt_pipe(fds, 0);
	ckpt_pipe(other, 0);
	CHECK_SYS(uring_make(&u, 8, 0));
	asks(&u, IORING_OP_READ, fds[0], buf, 8, 1)->off = -1ULL;
	asks(&u, IORING_OP_READV, other[0], vecs, 2, 2)->off = -1ULL;
	uring_submit(&u, 2);
	/* No descriptor leads to it any more. */
	close(other[0]);
	memset(vecs, 0xff, sizeof(vecs));
	ckpt_ready_wait();
	uring_is_empty(&u);
	CHECK_EQ(4, write(fds[1], "text", 4));
	take(&u, 1, 4, false);
	CHECK_STREQ("text", buf);
	CHECK_EQ(4, write(other[1], "more", 4));
	take(&u, 2, 4, false);
	CHECK_STREQ("mo", one);
	CHECK_STREQ("re", two);
	uring_works(&u);
}

/* A registered file, and no completion if it is right. */
CKPT_CYCLE(read_silently)
{
	int event = CHECK_SYS(eventfd(0, 0)), fds[2] = { -1, event };
	struct io_uring_sqe *sqe;
	uint64_t n = 0;
	struct uring u;

	CHECK_SYS(uring_make(&u, 4, 0));
	enroll(&u, IORING_REGISTER_FILES, fds, 2);
	sqe = asks(&u, IORING_OP_READ, 1, &n, 8, 1);
	sqe->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	sqe = asks(&u, IORING_OP_READ, 1, &n, 8, 2);
	sqe->flags = IOSQE_FIXED_FILE;
	uring_submit(&u, 1);
	uring_submit(&u, 1);
	cancels(&u, 2);
	ckpt_ready_wait();
	signals(event);
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(1, n);
	uring_works(&u);
}

CKPT_CYCLE(write_pipe)
{
	static char all[CKPT_PIPE_SIZE], back[CKPT_PIPE_SIZE];
	struct uring u;
	int fds[2];

	ckpt_pipe(fds, 0);
	memset(all, 'a', sizeof(all));
	CHECK_EQ(sizeof(all), write(fds[1], all, sizeof(all)));
	CHECK_SYS(uring_make(&u, 4, 0));
	asks(&u, IORING_OP_WRITE, fds[1], "late", 4, 1)->off = -1ULL;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	uring_is_empty(&u);
	CHECK_EQ(sizeof(all), read(fds[0], back, sizeof(all)));
	CHECK_EQ(0, memcmp(all, back, sizeof(all)));
	take(&u, 1, 4, false);
	CHECK_EQ(4, read(fds[0], back, sizeof(back)));
	CHECK_EQ(0, memcmp("late", back, 4));
	uring_works(&u);
}

/* ---- a task that is frozen ---------------------------------------------- */

/* The test's own open file of the named pipe that the task reads. */
static int outside;

static void read_outside(unsigned int flags)
{
	char path[320];
	struct uring u;
	char c = 0;
	int fd;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	fd = CHECK_SYS(open(path, O_RDWR));
	CHECK_SYS(uring_make(&u, 4, flags));
	asks(&u, IORING_OP_READ, fd, &c, 1, 1)->off = -1ULL;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	take(&u, 1, 1, false);
	CHECK_EQ('x', c);
	uring_works(&u);
}

CKPT_SCENARIO(reader)
{
	read_outside(0);
}

CKPT_SCENARIO(deferred_reader)
{
	read_outside(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

/* Its turn comes while it is frozen, and that of what comes after it. */
CKPT_SCENARIO(chained_reader)
{
	char path[320];
	struct uring u;
	char c = 0;
	int fd;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	fd = CHECK_SYS(open(path, O_RDWR));
	CHECK_SYS(uring_make(&u, 4, 0));
	waits_for(&u, fd, 1, false)->flags = IOSQE_IO_LINK;
	waits_for(&u, fd, 2, false)->flags = IOSQE_IO_LINK;
	asks(&u, IORING_OP_READ, fd, &c, 1, 3)->off = -1ULL;
	uring_submit(&u, 3);
	ckpt_ready_wait();
	take(&u, 1, POLLIN, false);
	take(&u, 2, POLLIN, false);
	take(&u, 3, 1, false);
	CHECK_EQ('x', c);
	uring_works(&u);
}

FIXTURE(frozen) { struct ckpt_run run; };

FIXTURE_VARIANT(frozen) { const struct ckpt_scenario *sc; };

FIXTURE_VARIANT_ADD(frozen, plain) { .sc = &reader };

FIXTURE_VARIANT_ADD(frozen, deferred) { .sc = &deferred_reader };

FIXTURE_VARIANT_ADD(frozen, chained) { .sc = &chained_reader };

FIXTURE_SETUP(frozen)
{
	char path[320];

	URING_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&self->run, variant->sc, false));
	ASSERT_EQ(0, ckpt_run_start(&self->run));
	snprintf(path, sizeof(path), "%s.fifo", self->run.board_path);
	outside = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, outside);
	ASSERT_EQ(0, ckpt_cgroup_freeze(&self->run.cg));
}

FIXTURE_TEARDOWN(frozen)
{
	if (self->run.board)
		ckpt_run_fini(&self->run);
	close(outside);
}

/* What comes in is left where it is, however often the task looks. Returns whether it is there. */
static bool is_left(void)
{
	int i, n = 0;

	if (write(outside, "x", 1) != 1)
		return false;
	for (i = 0; i < 100; i++) {
		if (ioctl(outside, FIONREAD, &n) || n != 1)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

TEST_F_TIMEOUT(frozen, goes_on, CKPT_TIMEOUT)
{
	ASSERT_TRUE(is_left());
	ASSERT_EQ(0, ckpt_cgroup_thaw(&self->run.cg));
	ASSERT_EQ(0, ckpt_run_go(&self->run));
	ASSERT_EQ(0, ckpt_run_finish(&self->run));
}

/* It dies without having taken anything. */
TEST_F_TIMEOUT(frozen, is_killed, CKPT_TIMEOUT)
{
	int n = 0;

	ASSERT_TRUE(is_left());
	ckpt_run_kill(&self->run);
	ASSERT_EQ(0, ioctl(outside, FIONREAD, &n));
	ASSERT_EQ(1, n);
}

/* Also of a signal that it could have handled: its exit runs what was deferred. */
TEST_F_TIMEOUT(frozen, is_terminated, CKPT_TIMEOUT)
{
	siginfo_t info = { };
	int n = 0;

	ASSERT_TRUE(is_left());
	ASSERT_EQ(0, kill(self->run.pid, SIGTERM));
	ASSERT_EQ(0, waitid(P_PID, self->run.pid, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(CLD_KILLED, info.si_code);
	ASSERT_EQ(SIGTERM, info.si_status);
	ASSERT_EQ(0, ioctl(outside, FIONREAD, &n));
	ASSERT_EQ(1, n);
}

TEST_HARNESS_MAIN
