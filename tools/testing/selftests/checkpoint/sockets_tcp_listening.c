// SPDX-License-Identifier: GPL-2.0
/*
 * TCP sockets that listen are held, as connections are: who comes while tasks are saved that are
 * to be killed is not answered. Nobody's handshake ends whom the image does not have.
 */
#include "sockets_tcp_stream.h"

#include <fcntl.h>
#include <linux/sockios.h>

CKPT_FIXTURE

/* Where the scenario listens. */
#define PORT	0

/* Who comes says this, and hears that. */
#define HELLO	"hello"
#define ANSWER	"!"

/* Accepts one when the word to go on comes. */
static void serve(int at)
{
	int fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready_wait();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_EQ((long)board->value[PORT], port_of(fd, false));
	expect_text(fd, HELLO);
	CHECK_EQ(1, send(fd, ANSWER, 1, 0));
	CHECK_SYS(close(fd));
}

CKPT_SCENARIO(usual_v4)
{
	where = V4;
	serve(listener(4));
}

CKPT_SCENARIO(usual_v6)
{
	where = V6;
	serve(listener(4));
}

/* A server in Go listens like this. */
CKPT_SCENARIO(mptcp_v4)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int at;

	where = V4;
	len = address(&addr, 0);
	lo_up();
	at = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	/* A kernel may have none of it. */
	if (at < 0)
		ckpt_not_here();
	CHECK_SYS(at);
	set_option(at, SO_REUSEADDR, 1);
	CHECK_SYS(bind(at, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(at, 4));
	serve(at);
}

/* The handshake ends for the scenario with the first bytes, for the other end before them. */
static void deferred(void)
{
	int at = listener(4);

	set_tcp_option(at, TCP_DEFER_ACCEPT, 600);
	serve(at);
}

CKPT_SCENARIO(deferred_v4)
{
	where = V4;
	deferred();
}

CKPT_SCENARIO(deferred_v6)
{
	where = V6;
	deferred();
}

/* Begins to connect, without waiting for it. */
static int begin(struct ckpt_run *run)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, run->board->value[PORT]);

	outside = tcp_socket();
	if (fcntl(outside, F_SETFL, O_NONBLOCK))
		return -1;
	if (!connect(outside, (struct sockaddr *)&addr, len))
		return 0;
	return errno == EINPROGRESS ? 0 : -1;
}

/* Waits until the end outside has sent again what nobody has answered; 0, in @state still. */
static int await_again(int state)
{
	struct tcp_info info = {};
	socklen_t len;

	do {
		len = sizeof(info);
		if (getsockopt(outside, IPPROTO_TCP, TCP_INFO, &info, &len))
			return -1;
		if (info.tcpi_state != state) {
			ckpt_diag("the end outside is in state %d", info.tcpi_state);
			return -1;
		}
		sched_yield();
	} while (!info.tcpi_total_retrans);
	return 0;
}

/* Waits for the outcome of connect(2); its errno. */
static int outcome(void)
{
	await_event(outside, POLLOUT);
	return option(outside, SO_ERROR);
}

/* Comes, says hello unless that was said, and is answered. */
static int converse(struct ckpt_run *run, bool said)
{
	struct pollfd p = { .fd = outside, .events = POLLIN };
	char c = 0;

	if (!said && send(outside, HELLO, strlen(HELLO), MSG_NOSIGNAL) != (long)strlen(HELLO))
		return -1;
	if (ckpt_run_go(run) || poll(&p, 1, -1) != 1)
		return -1;
	if (recv(outside, &c, 1, 0) != 1 || c != ANSWER[0]) {
		ckpt_diag("the answer: %s", strerror(errno));
		return -1;
	}
	return ckpt_run_finish(run);
}

static int leave_outside(int ret)
{
	close(outside);
	outside = -1;
	return ret;
}

/* Who comes meanwhile is let in when the tasks run on. */
static int comes_meanwhile(struct ckpt_scenario *sc, bool container)
{
	int image = ckpt_image_new(), ret;
	struct ckpt_run run;

	ret = ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) ||
	      ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN) < 0 ||
	      begin(&run) || await_again(TCP_SYN_SENT) || ckpt_cgroup_thaw(&run.cg) ||
	      outcome() || converse(&run, false);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(image);
	return leave_outside(ret);
}

/* Who comes meanwhile finds nobody when the tasks are dead. Who comes after the restart is let in. */
static int comes_too_early(struct ckpt_scenario *sc, bool container)
{
	int first = ckpt_image_new(), second = ckpt_image_new(), ret;
	struct ckpt_run run;
	long id = -1;

	ret = ckpt_run_init(&run, sc, container) || ckpt_run_start(&run);
	if (!ret) {
		id = ckpt_run_call(&run, first, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
		ret = id < 0 || begin(&run) || await_again(TCP_SYN_SENT) ||
		      kill_only(&run, id) != id || ckpt_run_killed(&run, 0) ||
		      ckpt_cgroup_thaw(&run.cg) || outcome() != ECONNREFUSED;
		leave_outside(0);
	}
	ret = ret || ckpt_run_restart(&run, first, RESTART_TCP_KEEP) ||
	      ckpt_run_wait_blocked(&run) ||
	      ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
	      ckpt_run_restart(&run, second, RESTART_TCP_KEEP) ||
	      begin(&run) || outcome() || converse(&run, false);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return leave_outside(ret);
}

/* A handshake that has begun does not end: what is said then was not heard. */
static int begun(struct ckpt_scenario *sc, bool container, bool killed)
{
	int image = ckpt_image_new(), unheard = -1, ret;
	struct ckpt_run run;
	long id = -1;
	char c;

	ret = ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) || begin(&run) ||
	      outcome();
	if (!ret) {
		id = ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
		ret = id < 0 ||
		      send(outside, HELLO, strlen(HELLO), MSG_NOSIGNAL) != (long)strlen(HELLO) ||
		      await_again(TCP_ESTABLISHED) || ioctl(outside, SIOCOUTQ, &unheard) ||
		      unheard != (int)strlen(HELLO);
	}
	if (!ret && killed) {
		ret = kill_only(&run, id) != id || ckpt_run_killed(&run, 0) ||
		      ckpt_cgroup_thaw(&run.cg);
		if (!ret) {
			await_event(outside, POLLIN);
			ret = recv(outside, &c, 1, 0) != -1 || errno != ECONNRESET;
			leave_outside(0);
		}
		/* Nobody waits there. */
		ret = ret || ckpt_run_restart(&run, image, RESTART_TCP_KEEP) || begin(&run) ||
		      outcome() || converse(&run, false);
	} else if (!ret) {
		ret = ckpt_cgroup_thaw(&run.cg) || converse(&run, true);
	}
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(image);
	return leave_outside(ret);
}

TEST_F_TIMEOUT(cr, thawed, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, comes_meanwhile(&usual_v4, variant->container));
}

TEST_F_TIMEOUT(cr, thawed_v6, CKPT_TIMEOUT)
{
	where = V6;
	ASSERT_EQ(0, comes_meanwhile(&usual_v6, variant->container));
}

TEST_F_TIMEOUT(cr, thawed_mptcp, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, comes_meanwhile(&mptcp_v4, variant->container));
}

TEST_F_TIMEOUT(cr, killed, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, comes_too_early(&usual_v4, variant->container));
}

TEST_F_TIMEOUT(cr, killed_v6, CKPT_TIMEOUT)
{
	where = V6;
	ASSERT_EQ(0, comes_too_early(&usual_v6, variant->container));
}

TEST_F_TIMEOUT(cr, killed_mptcp, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, comes_too_early(&mptcp_v4, variant->container));
}

TEST_F_TIMEOUT(cr, begun_and_thawed, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, begun(&deferred_v4, variant->container, false));
}

TEST_F_TIMEOUT(cr, begun_and_thawed_v6, CKPT_TIMEOUT)
{
	where = V6;
	ASSERT_EQ(0, begun(&deferred_v6, variant->container, false));
}

TEST_F_TIMEOUT(cr, begun_and_killed, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, begun(&deferred_v4, variant->container, true));
}

TEST_F_TIMEOUT(cr, begun_and_killed_v6, CKPT_TIMEOUT)
{
	where = V6;
	ASSERT_EQ(0, begun(&deferred_v6, variant->container, true));
}

/* A checkpoint that fails lets it go on. */
TEST_F_TIMEOUT(cr, goes_on_after_a_failure, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	int full;

	where = V4;
	full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, full);
	ASSERT_EQ(0, ckpt_run_init(&run, &usual_v4, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(-1, ckpt_run_call(&run, full, CHECKPOINT_KILL));
	EXPECT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, begin(&run));
	EXPECT_EQ(0, outcome());
	EXPECT_EQ(0, converse(&run, false));
	leave_outside(0);
	ckpt_run_fini(&run);
	close(full);
}

TEST_HARNESS_MAIN
