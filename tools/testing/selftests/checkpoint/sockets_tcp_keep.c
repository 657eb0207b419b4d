// SPDX-License-Identifier: GPL-2.0
/* TCP connections with somebody outside of the tree, who notices nothing but a pause. */
#include "sockets_tcp_stream.h"

#include <sched.h>
#include <linux/sockios.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/syscall.h>

CKPT_FIXTURE

/* Where the scenario listens, what it has accepted, and how much it has sent. */
#define PORT	0
#define SENT	1
#define ACCEPTED	1

/* The end outside is connected as before: neither end nor reset has come. */
static bool is_connected(void)
{
	return tcp_state(outside) == TCP_ESTABLISHED;
}

/* Connects from outside, says something, and waits until that has come. */
static int meet(struct ckpt_run *run)
{
	struct sockaddr_storage addr;
	int size = 1 << 20;
	socklen_t len;

	if (outside >= 0)
		close(outside);
	len = address(&addr, run->board->value[PORT]);
	outside = socket(addr.ss_family, SOCK_STREAM, 0);
	/* All that is said while the connection is held has room here. */
	if (outside < 0 || setsockopt(outside, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    connect(outside, (struct sockaddr *)&addr, len) || say(0, BEFORE)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	while (!__atomic_load_n(&run->board->step[ACCEPTED], __ATOMIC_ACQUIRE))
		sched_yield();
	return 0;
}

/* With data in all queues; then all of it comes, and what is sent after that. */
static void full(void)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	board->value[SENT] = stuff(fd);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(BEFORE + HELD, take(fd, 0, BEFORE + HELD, in_at));
	CHECK_SYS(shutdown(fd, SHUT_WR));
	/* The other end closes when it has got all. */
	CHECK_EQ(0, take(fd, 0, 0, in_at));
	CHECK_SYS(close(fd));
}

CKPT_SCENARIO(full_v4)
{
	where = V4;
	full();
}

CKPT_SCENARIO(full_v6)
{
	where = V6;
	full();
}

CKPT_SCENARIO(full_mapped)
{
	where = MAPPED;
	full();
}

/* All that the scenario has sent comes, and then it ends. */
static int hear(struct ckpt_run *run)
{
	long sent = run->board->value[SENT];

	if (take(outside, 0, 0, out_at) != sent) {
		ckpt_diag("not all has come");
		return -1;
	}
	return shutdown(outside, SHUT_WR);
}

/* What was restarted is saved once more, and restarted from that. */
static int again(struct ckpt_run *run)
{
	int image = ckpt_image_new(), ret;

	ret = ckpt_run_wait_blocked(run) || ckpt_run_checkpoint(run, image, CHECKPOINT_KILL) ||
	      !is_connected() || ckpt_run_restart(run, image, RESTART_TCP_KEEP) ? -1 : 0;
	close(image);
	return ret;
}

/* The other end says more while nobody is there, and is not told of anything. */
static int away(struct ckpt_run *run, int image)
{
	if (ckpt_run_checkpoint(run, image, CHECKPOINT_KILL))
		return -1;
	if (!is_connected() || say(BEFORE, HELD) || !is_connected()) {
		ckpt_diag("the other end has noticed");
		return -1;
	}
	return 0;
}

/* Through two restarts. */
static int keep(struct ckpt_scenario *full, bool container)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, full, container) || ckpt_run_start(&run) || meet(&run) ||
	      away(&run, first) || ckpt_run_restart(&run, first, RESTART_TCP_KEEP) ||
	      !ckpt_run_log_has(&run, " goes on") || ckpt_run_wait_blocked(&run) ||
	      ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) || !is_connected() ||
	      ckpt_run_restart(&run, second, RESTART_TCP_KEEP) || ckpt_run_wait_blocked(&run) ||
	      !is_connected() || ckpt_run_go(&run) || hear(&run) || ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(first);
	close(second);
	return ret;
}

TEST_F_TIMEOUT(cr, kept, CKPT_TIMEOUT)
{
	where = V4;
	ASSERT_EQ(0, keep(&full_v4, variant->container));
}

TEST_F_TIMEOUT(cr, kept_v6, CKPT_TIMEOUT)
{
	where = V6;
	ASSERT_EQ(0, keep(&full_v6, variant->container));
}

TEST_F_TIMEOUT(cr, kept_mapped, CKPT_TIMEOUT)
{
	where = MAPPED;
	ASSERT_EQ(0, keep(&full_mapped, variant->container));
}

/* The other end has said all that it had to say: the end of it comes, too. */
CKPT_SCENARIO(heard_all)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_event(fd, POLLRDHUP);
	CHECK_EQ(TCP_CLOSE_WAIT, tcp_state(fd));
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(TCP_CLOSE_WAIT, tcp_state(fd));
	CHECK_EQ(BEFORE, take(fd, 0, 0, in_at));
	board->value[SENT] = stuff(fd);
	ckpt_step(2);
	CHECK_SYS(close(fd));
}

TEST_F_TIMEOUT(cr, half_closed, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct sockaddr_storage addr;
	struct ckpt_run run;
	socklen_t len;

	ASSERT_EQ(0, ckpt_run_init(&run, &heard_all, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	len = address(&addr, run.board->value[PORT]);
	outside = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, connect(outside, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, say(0, BEFORE));
	ASSERT_EQ(0, shutdown(outside, SHUT_WR));
	while (!__atomic_load_n(&run.board->step[ACCEPTED], __ATOMIC_ACQUIRE))
		sched_yield();
	while (tcp_state(outside) != TCP_FIN_WAIT2)
		sched_yield();
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL));
	EXPECT_EQ(TCP_FIN_WAIT2, tcp_state(outside));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, second, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, await_step(&run, 2));
	EXPECT_EQ((long)run.board->value[SENT], take(outside, 0, 0, out_at));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* It is not kept if the tasks have gone on; then who asks for it gets it named. */
CKPT_SCENARIO(little)
{
	int at = listener(4), fd;
	char c;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(BEFORE, take(fd, 0, BEFORE, in_at));
	if (!board->value[2])
		return;
	/* As if the other end had closed it. */
	CHECK_EQ(0, recv(fd, &c, 1, 0));
	CHECK_EQ(0, option(fd, SO_ERROR));
	CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it sends");
}

TEST_F_TIMEOUT(cr, ran_on, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &little, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, 0));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ckpt_take_board_back(&run);
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ckpt_run_restart_args(&run, &args, image, RESTART_TCP_KEEP);
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "can't be kept: its tasks were not killed")) {
		ckpt_run_print_log(&run);
	}
	ckpt_run_fini(&run);
	close(image);
}

/*
 * It is kept of an image whose tasks have gone on if that is asked for, too. Nothing was said since, so
 * that nothing is spoilt here.
 */
TEST_F_TIMEOUT(cr, forced, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &little, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, 0));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, lseek(first, 0, SEEK_SET));
	ckpt_run_restart_args(&run, &args, first, RESTART_TCP_KEEP);
	ASSERT_EQ(-1, sys_restart(&args, sizeof(args)));
	ASSERT_EQ(EBUSY, errno);
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_TCP_KEEP | RESTART_TCP_CLOSE));
	EXPECT_TRUE(ckpt_run_log_has(&run, " goes on")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_TRUE(is_connected());
	ASSERT_EQ(0, again(&run));
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	/* The end of it comes. */
	EXPECT_EQ(0, take(outside, 0, 0, out_at));
	close(outside);
	outside = -1;
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* The tasks find it closed, and the other end is told that it is over. */
TEST_F_TIMEOUT(cr, closed, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	char c;

	ASSERT_EQ(0, ckpt_run_init(&run, &little, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	run.board->value[2] = 1;
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_TRUE(is_connected());
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_TCP_CLOSE));
	EXPECT_TRUE(ckpt_run_log_has(&run, " comes back closed"));
	EXPECT_EQ(-1, recv(outside, &c, 1, 0));
	EXPECT_EQ(ECONNRESET, errno);
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* Tasks that were left frozen to be killed, and are thawed instead, go on with it. */
TEST_F_TIMEOUT(cr, thawed_instead, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &full_v4, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	ASSERT_LT(0, ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN));
	EXPECT_EQ(0, say(BEFORE, HELD));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, hear(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

#define SMALL	1000

static uint32_t mtu_of(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return info.tcpi_pmtu;
}

/* The first message comes while it is held, and the second one when it has gone on. */
CKPT_SCENARIO(measured)
{
	int at, fd;
	uint32_t mtu;

	where = V4;
	at = listener(4);
	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	mtu = mtu_of(fd);
	CHECK(mtu > SMALL, "an MTU of %u", mtu);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(mtu, mtu_of(fd));
	ckpt_step(ACCEPTED);
	while (mtu_of(fd) != SMALL)
		sched_yield();
	CHECK_EQ(BEFORE, take(fd, 0, BEFORE, in_at));
	CHECK_SYS(close(fd));
}

/*
 * Connects, and says something. From an address of its own, in each process another one: what is learnt of
 * the way there is kept for minutes, and concerns nobody else.
 */
static int meet_apart(struct ckpt_run *run)
{
	struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010000 | (getpid() & 0xffff)),
	}, to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(run->board->value[PORT]),
	};

	if (outside >= 0)
		close(outside);
	outside = socket(AF_INET, SOCK_STREAM, 0);
	if (outside < 0 || bind(outside, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(outside, (struct sockaddr *)&to, sizeof(to)) || say(0, BEFORE)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	return await_step(run, ACCEPTED);
}

/* Which byte the end outside takes next. */
static int next_byte(uint32_t *seq)
{
	int on = 1, off = -1, queue = TCP_RECV_QUEUE, ret;
	socklen_t len = sizeof(*seq);

	if (setsockopt(outside, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)))
		return -1;
	ret = setsockopt(outside, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) ||
	      getsockopt(outside, IPPROTO_TCP, TCP_QUEUE_SEQ, seq, &len);
	/* Without a segment. */
	return setsockopt(outside, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) || ret ? -1 : 0;
}

/* Tells the other end that what it sends is too big; returns when that has come. */
static int too_big(void)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		uint16_t source, dest;
		uint32_t seq;
	} message = {
		.icmp = { .type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED },
		.ip = { .version = 4, .ihl = 5, .protocol = IPPROTO_TCP },
	};
	struct sockaddr_in here, there;
	socklen_t len = sizeof(here);
	uint16_t words[sizeof(message) / 2];
	unsigned char buf[256];
	uint32_t seq, sum = 0;
	unsigned int i;
	int fd, ret = -1;

	if (next_byte(&seq) || getsockname(outside, (struct sockaddr *)&here, &len) ||
	    getpeername(outside, (struct sockaddr *)&there, &len))
		return -1;
	message.icmp.un.frag.mtu = htons(SMALL);
	message.ip.tot_len = htons(2 * SMALL);
	message.ip.saddr = there.sin_addr.s_addr;
	message.ip.daddr = here.sin_addr.s_addr;
	message.source = there.sin_port;
	message.dest = here.sin_port;
	message.seq = htonl(seq);
	memcpy(words, &message, sizeof(message));
	for (i = 0; i < sizeof(message) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	message.icmp.checksum = ~((sum & 0xffff) + (sum >> 16));
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	there.sin_port = 0;
	if (fd >= 0 && sendto(fd, &message, sizeof(message), 0, (struct sockaddr *)&there,
			      sizeof(there)) == sizeof(message)) {
		/* With its header, as all that comes here. */
		do {
			ret = recv(fd, buf, sizeof(buf), 0);
		} while (ret > 0 && (ret != sizeof(struct iphdr) + sizeof(message) ||
				     memcmp(buf + sizeof(struct iphdr), &message, sizeof(message))));
	}
	close(fd);
	return ret > 0 ? 0 : -1;
}

/* What routers tell of a connection that is held is lost, and does nothing. */
TEST_F_TIMEOUT(cr, icmp_lost, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &measured, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet_apart(&run));
	ASSERT_LT(0, ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN));
	EXPECT_EQ(0, too_big());
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, await_steps(&run, ACCEPTED, 2));
	EXPECT_EQ(0, too_big());
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* First the image, then the end; meanwhile the other end is not told of anything. */
TEST_F_TIMEOUT(cr, killed_later, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	long id;

	ASSERT_EQ(0, ckpt_run_init(&run, &full_v4, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	id = ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
	ASSERT_LT(0, id);
	EXPECT_EQ(0, say(BEFORE, HELD / 2));
	ASSERT_EQ(id, kill_only(&run, id));
	ASSERT_EQ(0, ckpt_run_killed(&run, 0));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ(0, say(BEFORE + HELD / 2, HELD - HELD / 2));
	EXPECT_TRUE(is_connected());
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_TCP_KEEP));
	ASSERT_EQ(0, again(&run));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, hear(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* A byte that is urgent, in the midst of others: it is told of, and is out of the stream. */
CKPT_SCENARIO(urgent)
{
	int at = listener(4), fd;
	char c = 0;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(1, recv(fd, &c, 1, MSG_OOB | MSG_DONTWAIT));
	CHECK_EQ('!', c);
	/* Up to the mark, and from there. */
	expect_text(fd, "before");
	expect_text(fd, "after");
	CHECK_SYS(close(fd));
}

/* All that was sent has come. */
static bool has_arrived(void)
{
	int left = -1;

	return !ioctl(outside, SIOCOUTQ, &left) && !left;
}

TEST_F_TIMEOUT(cr, urgent_byte, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct sockaddr_storage addr;
	struct ckpt_run run;
	socklen_t len;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &urgent, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	len = address(&addr, run.board->value[PORT]);
	outside = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, connect(outside, (struct sockaddr *)&addr, len));
	ASSERT_EQ(6, send(outside, "before", 6, MSG_NOSIGNAL));
	ASSERT_EQ(1, send(outside, "!", 1, MSG_OOB | MSG_NOSIGNAL));
	ASSERT_EQ(5, send(outside, "after", 5, MSG_NOSIGNAL));
	while (!has_arrived())
		sched_yield();
	ASSERT_EQ(0, await_step(&run, ACCEPTED));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, second, RESTART_TCP_KEEP));
	ASSERT_TRUE(is_connected());
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	EXPECT_EQ(0, take(outside, 0, 0, out_at));
	close(outside);
	outside = -1;
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* The number of its socket. */
#define NUMBER	2

/* As little, whose socket somebody else gets, too. */
CKPT_SCENARIO(shared_one)
{
	int at = listener(4), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, BEFORE);
	board->value[NUMBER] = fd;
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	CHECK_EQ(BEFORE - 1, take(fd, 1, BEFORE - 1, in_at));
}

/*
 * Somebody outside has received from a connection that is held for tasks that are to be killed
 * later: the image is not right any more.
 */
TEST_F_TIMEOUT(cr, used_since, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), fd;
	struct ckpt_run run;
	char c;
	long id;

	ASSERT_EQ(0, ckpt_run_init(&run, &shared_one, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	id = ckpt_run_call(&run, image, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
	ASSERT_LT(0, id) {
		ckpt_run_print_log(&run);
	}
	fd = syscall(__NR_pidfd_getfd, run.pidfd, (int)run.board->value[NUMBER], 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ(-1, kill_only(&run, id));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "has changed since checkpoint")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* Tasks that were left frozen are saved again: the later image has the connection. */
TEST_F_TIMEOUT(cr, saved_again, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	long older, id;

	ASSERT_EQ(0, ckpt_run_init(&run, &full_v4, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	older = ckpt_run_call(&run, first, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
	ASSERT_LT(0, older);
	EXPECT_EQ(0, say(BEFORE, HELD / 2));
	id = ckpt_run_call(&run, second, CHECKPOINT_KILL | CHECKPOINT_FROZEN);
	ASSERT_LT(0, id);
	/* What the other end was told since is not in the older one. */
	EXPECT_EQ(-1, kill_only(&run, older));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(id, kill_only(&run, id));
	ASSERT_EQ(0, ckpt_run_killed(&run, 0));
	ASSERT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ(0, say(BEFORE + HELD / 2, HELD - HELD / 2));
	EXPECT_TRUE(is_connected());
	ASSERT_EQ(0, ckpt_run_restart(&run, second, RESTART_TCP_KEEP));
	ASSERT_EQ(0, again(&run));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, hear(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

TEST_HARNESS_MAIN
