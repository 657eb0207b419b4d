// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of sockets that wait with a limit (SO_RCVTIMEO, SO_SNDTIMEO): a freeze does not
 * end them, nor does it give them more time; what was transferred in part is returned;
 * a handler ends them as ever; and a filter that does not allow restart_syscall(2) has
 * them end.
 */
#include "eintr.h"
#include "sockets.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

CKPT_FIXTURE_ARCH

/* Longer than any test lasts. */
#define LONG	100000

static void set_limit(int fd, int option, long sec, long usec)
{
	struct timeval limit = { .tv_sec = sec, .tv_usec = usec };

	CHECK_SYS(setsockopt(fd, SOL_SOCKET, option, &limit, sizeof(limit)));
}

static int pair[2];

static void make_pair(int type)
{
	CHECK_SYS(socketpair(AF_UNIX, type, 0, pair));
	set_limit(pair[0], SO_RCVTIMEO, LONG, 0);
	set_limit(pair[0], SO_SNDTIMEO, LONG, 0);
}

static pthread_t other;

static void meanwhile(void *(*fn)(void *))
{
	CHECK_EQ(0, pthread_create(&other, NULL, fn, NULL));
}

static void *send_three(void *arg)
{
	ckpt_wait_go();
	CHECK_EQ(3, send(pair[1], "abc", 3, 0));
	return NULL;
}

/* ---- each of the calls ----------------------------------------------- */

EINTR_CYCLE(recv_goes_on, .blocked = { BLOCKED(__NR_recvfrom) })
{
	char buf[8];

	make_pair(SOCK_STREAM);
	meanwhile(send_three);
	ckpt_ready();
	CHECK_EQ(3, syscall(__NR_recvfrom, pair[0], buf, sizeof(buf), 0, NULL, NULL));
	CHECK(!memcmp(buf, "abc", 3), "other data");
	CHECK_EQ(0, pthread_join(other, NULL));
}

EINTR_CYCLE(read_goes_on, .blocked = { BLOCKED(__NR_read) })
{
	char buf[8];

	make_pair(SOCK_SEQPACKET);
	meanwhile(send_three);
	ckpt_ready();
	CHECK_EQ(3, syscall(__NR_read, pair[0], buf, sizeof(buf)));
	CHECK_EQ(0, pthread_join(other, NULL));
}

EINTR_CYCLE(recvmsg_goes_on, .blocked = { BLOCKED(__NR_recvmsg) })
{
	char buf[8];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	make_pair(SOCK_DGRAM);
	meanwhile(send_three);
	ckpt_ready();
	CHECK_EQ(3, syscall(__NR_recvmsg, pair[0], &msg, 0));
	CHECK_EQ(0, pthread_join(other, NULL));
}

static int listener;
static struct sockaddr_in address;

static void listen_here(void)
{
	socklen_t len = sizeof(address);
	int one = 1;

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	/* What is over of its connections does not keep the port from the next restart. */
	CHECK_SYS(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	CHECK_SYS(bind(listener, (void *)&address, sizeof(address)));
	CHECK_SYS(listen(listener, 1));
	CHECK_SYS(getsockname(listener, (void *)&address, &len));
}

static void *connect_here(void *arg)
{
	int fd;

	ckpt_wait_go();
	fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	CHECK_SYS(connect(fd, (void *)&address, sizeof(address)));
	return NULL;
}

EINTR_CYCLE(accept_goes_on, .blocked = { BLOCKED(__NR_accept4) })
{
	listen_here();
	set_limit(listener, SO_RCVTIMEO, LONG, 0);
	meanwhile(connect_here);
	ckpt_ready();
	CHECK_SYS(syscall(__NR_accept4, listener, NULL, NULL, 0));
	CHECK_EQ(0, pthread_join(other, NULL));
}

static void *send_by_tcp(void *arg)
{
	ckpt_wait_go();
	CHECK_EQ(3, send(pair[1], "abc", 3, 0));
	return NULL;
}

/* TCP, and by readv(2): what is copied has no other way to be told than the result. */
EINTR_CYCLE(tcp_goes_on, .blocked = { BLOCKED(__NR_readv) })
{
	char buf[8];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };

	listen_here();
	pair[1] = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	CHECK_SYS(connect(pair[1], (void *)&address, sizeof(address)));
	pair[0] = CHECK_SYS(accept(listener, NULL, NULL));
	set_limit(pair[0], SO_RCVTIMEO, LONG, 0);
	meanwhile(send_by_tcp);
	ckpt_ready();
	CHECK_EQ(3, syscall(__NR_readv, pair[0], &iov, 1));
	CHECK(!memcmp(buf, "abc", 3), "other data");
	CHECK_EQ(0, pthread_join(other, NULL));
}

static struct sockaddr_un name;
static socklen_t name_len;

static void *accept_two(void *arg)
{
	ckpt_wait_go();
	CHECK_SYS(accept(listener, NULL, NULL));
	CHECK_SYS(accept(listener, NULL, NULL));
	return NULL;
}

/* One connection waits to be accepted, and there is no room for another one. */
EINTR_CYCLE(connect_goes_on, .blocked = { BLOCKED(__NR_connect) })
{
	int first, second;

	name.sun_family = AF_UNIX;
	name_len = sizeof(name);
	listener = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	/* The kernel chooses an address. */
	CHECK_SYS(bind(listener, (void *)&name, sizeof(sa_family_t)));
	CHECK_SYS(getsockname(listener, (void *)&name, &name_len));
	CHECK_SYS(listen(listener, 0));
	first = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect(first, (void *)&name, name_len));
	second = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	set_limit(second, SO_SNDTIMEO, LONG, 0);
	meanwhile(accept_two);
	ckpt_ready();
	CHECK_SYS(syscall(__NR_connect, second, &name, name_len));
	CHECK_EQ(0, pthread_join(other, NULL));
}

static void fill(int fd)
{
	char block[4096] = "";

	while (send(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	CHECK_EQ(EAGAIN, errno);
}

static void *take_all(void *arg)
{
	char block[4096];

	ckpt_wait_go();
	while (recv(pair[1], block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	return NULL;
}

/* Nothing of it fits before it is frozen. */
EINTR_CYCLE(send_goes_on, .blocked = { BLOCKED(__NR_sendto) })
{
	make_pair(SOCK_SEQPACKET);
	fill(pair[0]);
	meanwhile(take_all);
	ckpt_ready();
	CHECK_EQ(3, syscall(__NR_sendto, pair[0], "xyz", 3, 0, NULL, 0));
	CHECK_EQ(0, pthread_join(other, NULL));
}

/* ---- what was received in part --------------------------------------- */

static int asleep_in_recv(void *arg)
{
	return wait_asleep_in(arg, __NR_recvfrom);
}

/* Undisturbed it gets all; frozen it may have what was there by then, and loses nothing. */
EINTR_CYCLE(part_is_returned, .before = asleep_in_recv)
{
	char buf[8] = "";
	long n;

	make_pair(SOCK_STREAM);
	CHECK_EQ(2, send(pair[1], "12", 2, 0));
	meanwhile(send_three);
	ckpt_ready();
	n = syscall(__NR_recvfrom, pair[0], buf, 5, MSG_WAITALL, NULL, NULL);
	CHECK(n == 2 || n == 5, "%ld bytes: %s", n, strerror(errno));
	if (n == 2)
		CHECK_EQ(3, recv(pair[0], buf + 2, 3, MSG_WAITALL));
	CHECK_STREQ("12abc", buf);
	CHECK_EQ(0, pthread_join(other, NULL));
}

/* ---- the limit ------------------------------------------------------- */

static int is_over(struct ckpt_run *run)
{
	return __atomic_load_n(&run->board->value[1], __ATOMIC_SEQ_CST);
}

CKPT_SCENARIO(limit_ends)
{
	struct timespec from, to;
	char c;

	make_pair(SOCK_STREAM);
	set_limit(pair[0], SO_RCVTIMEO, 1, 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	ckpt_ready();
	CHECK_EQ(-1, syscall(__NR_recvfrom, pair[0], &c, 1, 0, NULL, NULL));
	CHECK_EQ(EAGAIN, errno);
	clock_gettime(CLOCK_MONOTONIC, &to);
	/* Not before its time, which is counted in ticks. */
	CHECK((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= 900,
	      "ended early");
	board->value[1] = 1;
	ckpt_wait_go();
}

/*
 * Frozen again and again, each time before its time is over, it ends all the same: with
 * the whole time anew it never would. It must not end with EINTR.
 */
TEST_F_TIMEOUT(cr, limit_ends, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	EINTR_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&run, &limit_ends, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	while (!is_over(&run) && !run.board->failed) {
		ASSERT_EQ(0, ckpt_cgroup_freeze(&run.cg));
		ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
		poll(NULL, 0, 10);
	}
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
}

/* The time that was left goes into the image. */
TEST_F_TIMEOUT(cr, limit_ends_restarted, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	EINTR_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&run, &limit_ends, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	while (!is_over(&run) && !run.board->failed)
		poll(NULL, 0, 1);
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* ---- handlers -------------------------------------------------------- */

CKPT_SCENARIO(handler_ends, .blocked = { BLOCKED(__NR_recvfrom) })
{
	char c;

	catch_usr1();
	make_pair(SOCK_STREAM);
	ckpt_ready();
	CHECK_EQ(-1, syscall(__NR_recvfrom, pair[0], &c, 1, 0, NULL, NULL));
	CHECK_EQ(EINTR, errno);
	CHECK_EQ(1, handled);
	/* What was left of that call is not the limit of the next one. */
	set_limit(pair[0], SO_RCVTIMEO, 0, 0);
	CHECK_EQ(1, send(pair[1], "z", 1, 0));
	CHECK_EQ(1, recv(pair[0], &c, 1, 0));
}

TEST_F_TIMEOUT(cr, handler_ends, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	EINTR_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&run, &handler_ends, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_cgroup_freeze(&run.cg));
	ASSERT_EQ(0, kill(run.pid, SIGUSR1));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* ---- filters of seccomp ---------------------------------------------- */

/* Whether calls with the number @nr have the task killed from now on. */
static bool deadly(int nr)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 4, .filter = program };

	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	return !syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

CKPT_SCENARIO(filtered, .blocked = { BLOCKED(__NR_recvfrom) })
{
	char c;

	make_pair(SOCK_STREAM);
	CHECK(deadly(__NR_restart_syscall), "no filter: %s", strerror(errno));
	ckpt_ready();
	CHECK_EQ(-1, syscall(__NR_recvfrom, pair[0], &c, 1, 0, NULL, NULL));
	CHECK_EQ(EINTR, errno);
	board->value[1] = 1;
	ckpt_wait_go();
}

/* A program that has never needed restart_syscall(2) need not allow it: it gets EINTR, and lives. */
TEST_F_TIMEOUT(cr, filtered, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	EINTR_BEGIN();
	if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1 && errno != EFAULT)
		SKIP(return, "needs filters of seccomp");
	ASSERT_EQ(0, ckpt_run_init(&run, &filtered, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_cgroup_freeze(&run.cg));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	while (!is_over(&run) && !run.board->failed)
		poll(NULL, 0, 1);
	EXPECT_TRUE(is_over(&run));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
}

TEST_HARNESS_MAIN
