// SPDX-License-Identifier: GPL-2.0
/*
 * What a TCP connection with somebody outside knows of the way there, and for how long it has
 * waited, stays if it is kept: round-trip time, timeout and threshold; a congestion window that
 * is no larger than that of a new one; probes of keepalive, since when a window is asked for, and
 * since when data is sent again. Through two restarts, and as the images tell it. The congestion
 * control is the same with ECN, and without. What an image may not tell is refused, and the header
 * tells whether the tasks were killed.
 */
#include "fault.h"
#include "sockets_tcp_stream.h"

#include <linux/filter.h>

CKPT_FIXTURE

/* Where the scenario listens, if the end outside is deaf, what was sent; no checks at the end. */
#define PORT	0
#define DEAF	1
#define SENT	2
#define LENIENT	3

/* The two agree upon ECN. */
#define ECN	4

/* Steps of the scenario: what it has to wait for has come; the end outside is to hear again. */
#define MET	1
#define HEARD	2

/* There is no threshold. */
#define INFINITE	0x7fffffffu

/* The congestion window of a new connection: TCP_INIT_CWND. */
#define INITIAL		10u

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return info;
}

/* Waits until this holds for `info`, what TCP_INFO tells of @fd. */
#define AWAIT(fd, what) do {						\
	struct tcp_info info;						\
									\
	while (info = info_of(fd), !(what))				\
		sched_yield();						\
} while (0)

/* Nothing that comes to the end outside is taken in: it is as if it were not there. */
static int go_deaf(void)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &nothing };

	return setsockopt(outside, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static int hear(void)
{
	int unused = 0;

	return setsockopt(outside, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

/* One connection from outside. */
static int meet_one(void)
{
	int at = listener(1), fd;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	return fd;
}

static void await_deaf(void)
{
	while (!__atomic_load_n(&board->value[DEAF], __ATOMIC_ACQUIRE))
		sched_yield();
}

/* What comes from outside at the end. */
static void expect_all_well(int fd)
{
	await_bytes(fd, 11);
	expect_text(fd, "still there");
	CHECK_SYS(close(fd));
}

/* It has lost something, and has found its way back; then nothing is on its way. */
CKPT_SCENARIO(measures)
{
	struct tcp_info before, after;
	unsigned int threshold;
	int fd = meet_one();

	await_deaf();
	send_text(fd, "lost");
	/* The first timeout sets the threshold. */
	AWAIT(fd, info.tcpi_retransmits >= 1);
	ckpt_step(HEARD);
	AWAIT(fd, !info.tcpi_unacked && !info.tcpi_ca_state);
	send_text(fd, "found");
	AWAIT(fd, !info.tcpi_unacked);
	before = info_of(fd);
	CHECK(before.tcpi_rtt && before.tcpi_snd_ssthresh < INFINITE, "rtt %u, threshold %u",
	      before.tcpi_rtt, before.tcpi_snd_ssthresh);
	ckpt_step(MET);
	ckpt_wait_go();
	after = info_of(fd);
	CHECK_EQ(before.tcpi_rtt, after.tcpi_rtt);
	CHECK_EQ(before.tcpi_rttvar, after.tcpi_rttvar);
	CHECK_EQ(before.tcpi_rto, after.tcpi_rto);
	/* tcp_current_ssthresh() */
	threshold = before.tcpi_snd_cwnd / 2 + before.tcpi_snd_cwnd / 4;
	if (threshold < before.tcpi_snd_ssthresh)
		threshold = before.tcpi_snd_ssthresh;
	CHECK_EQ(threshold, after.tcpi_snd_ssthresh);
	CHECK(after.tcpi_snd_cwnd && after.tcpi_snd_cwnd <= INITIAL &&
	      after.tcpi_snd_cwnd <= before.tcpi_snd_cwnd, "window %u, and was %u",
	      after.tcpi_snd_cwnd, before.tcpi_snd_cwnd);
	expect_all_well(fd);
}

/* It sends something again, as nobody answers, until somebody does. */
CKPT_SCENARIO(repeats)
{
	struct tcp_info before, after;
	int fd = meet_one();

	await_deaf();
	send_text(fd, "again");
	AWAIT(fd, info.tcpi_retransmits >= 2);
	before = info_of(fd);
	ckpt_step(MET);
	ckpt_wait_go();
	after = info_of(fd);
	if (!board->value[LENIENT]) {
		CHECK(after.tcpi_retransmits >= before.tcpi_retransmits,
		      "sent again %u times, and %u before", after.tcpi_retransmits,
		      before.tcpi_retransmits);
		/* TCP_CA_Loss */
		CHECK_EQ(4, after.tcpi_ca_state);
	}
	ckpt_step(HEARD);
	AWAIT(fd, !info.tcpi_unacked && !info.tcpi_retransmits && !info.tcpi_ca_state);
	expect_all_well(fd);
}

/* It looks whether the other end is alive, and does not give it up. */
static int asks(struct tcp_info *before, struct tcp_info *after)
{
	int fd = meet_one();

	await_deaf();
	set_tcp_option(fd, TCP_KEEPIDLE, 1);
	set_tcp_option(fd, TCP_KEEPINTVL, 1);
	set_tcp_option(fd, TCP_KEEPCNT, 127);
	set_option(fd, SO_KEEPALIVE, 1);
	AWAIT(fd, info.tcpi_probes >= 2);
	*before = info_of(fd);
	ckpt_step(MET);
	ckpt_wait_go();
	*after = info_of(fd);
	CHECK(after->tcpi_probes >= before->tcpi_probes, "asked %u times, and %u before",
	      after->tcpi_probes, before->tcpi_probes);
	return fd;
}

CKPT_SCENARIO(asks_on)
{
	struct tcp_info before, after;
	int fd = asks(&before, &after);

	CHECK(after.tcpi_last_ack_recv >= before.tcpi_last_ack_recv &&
	      after.tcpi_last_data_recv >= before.tcpi_last_data_recv,
	      "heard %u and %u ms ago, and %u and %u before", after.tcpi_last_ack_recv,
	      after.tcpi_last_data_recv, before.tcpi_last_ack_recv, before.tcpi_last_data_recv);
	ckpt_step(HEARD);
	/* It is answered. */
	AWAIT(fd, !info.tcpi_probes);
	expect_all_well(fd);
}

CKPT_SCENARIO(asks_no_more)
{
	struct tcp_info before, after;
	char c;
	int fd = asks(&before, &after);

	/* Now: before, a slow machine might find it given up when it is to be saved. */
	set_tcp_option(fd, TCP_KEEPCNT, 3);
	CHECK(recv(fd, &c, 1, 0) == -1 && errno == ETIMEDOUT, "%s", strerror(errno));
	CHECK_SYS(close(fd));
}

/* The other end does not read: it is asked for a window. */
CKPT_SCENARIO(asks_for_window)
{
	int fd = meet_one();

	board->value[SENT] = stuff(fd);
	AWAIT(fd, info.tcpi_backoff >= 2 && !info.tcpi_unacked);
	ckpt_step(MET);
	ckpt_wait_go();
	ckpt_step(HEARD);
	expect_all_well(fd);
}

static void expect_congestion(int fd, const char *wanted)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	CHECK_STREQ(wanted, name);
}

/* DCTCP needs ECN, and looks for it when it begins; without, it is another one. */
CKPT_SCENARIO(dctcp)
{
	int at = listener(1), fd, ecn;

	CHECK_SYS(setsockopt(at, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5));
	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	ecn = info_of(fd).tcpi_options & TCPI_OPT_ECN;
	CHECK_EQ(board->value[ECN] ? TCPI_OPT_ECN : 0, ecn);
	expect_congestion(fd, ecn ? "dctcp" : "dctcp-reno");
	ckpt_step(MET);
	ckpt_wait_go();
	CHECK_EQ(ecn, (info_of(fd).tcpi_options & TCPI_OPT_ECN));
	expect_congestion(fd, ecn ? "dctcp" : "reno");
	expect_all_well(fd);
}

/* Connects from outside. */
static int meet(struct ckpt_run *run)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, run->board->value[PORT]);

	outside = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (outside < 0 ||
	    (run->board->value[ECN] &&
	     setsockopt(outside, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5)) ||
	    connect(outside, (struct sockaddr *)&addr, len)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* As meet(), and does not hear any more what it is told. It has nothing to say either. */
static int meet_deaf(struct ckpt_run *run)
{
	if (meet(run) || go_deaf())
		return -1;
	__atomic_store_n(&run->board->value[DEAF], 1, __ATOMIC_RELEASE);
	return 0;
}

/* The end outside hears again, when the scenario is there. */
static int hear_at(struct ckpt_run *run)
{
	return await_step(run, HEARD) || hear();
}

/* What a field of the hints in an image is; -1: there are none. */
static long long hint(int image, size_t field)
{
	struct image im;
	long long value = -1;
	size_t body;

	if (image_load(&im, image))
		return -1;
	body = image_body(&im, IMAGE_KIND_TCP_HINTS);
	if (body < im.meta_end)
		value = image_get(&im, body + field, 4);
	free(im.data);
	return value;
}

#define HINT(field)	IMAGE_AT(tcp_hints, field)
#define COMPAT		IMAGE_AT(header, compat)

/* A field is there, and is no less in the second image. */
static int grows(const int *images, size_t field)
{
	long long first = hint(images[0], field), second = hint(images[1], field);

	if (first > 0 && second >= first)
		return 0;
	ckpt_diag("%zu: %lld, and then %lld", field, first, second);
	return -1;
}

/* Once through both images, from where the scenario waits. */
static int twice(struct ckpt_run *run, const int *images)
{
	return await_step(run, MET) || ckpt_run_checkpoint(run, images[0], CHECKPOINT_KILL) ||
	       ckpt_run_restart(run, images[0], RESTART_TCP_KEEP) ||
	       !ckpt_run_log_has(run, " goes on") || ckpt_run_wait_blocked(run) ||
	       ckpt_run_checkpoint(run, images[1], CHECKPOINT_KILL) ||
	       ckpt_run_restart(run, images[1], RESTART_TCP_KEEP) || ckpt_run_go(run);
}

static int begin(struct ckpt_run *run, struct ckpt_scenario *scenario, bool container, int *images)
{
	images[0] = ckpt_image_new();
	images[1] = ckpt_image_new();
	where = V4;
	return ckpt_run_init(run, scenario, container) || ckpt_run_start(run);
}

/* @ret: what was the matter before. */
static int end(struct ckpt_run *run, const int *images, int ret)
{
	/* What it has found wrong is told then. */
	if (!ret || __atomic_load_n(&run->board->failed, __ATOMIC_SEQ_CST))
		ret = ckpt_run_finish(run) || ret;
	if (ret)
		ckpt_run_print_log(run);
	ckpt_run_fini(run);
	close(images[0]);
	close(images[1]);
	close(outside);
	outside = -1;
	return ret;
}

static int still_there(void)
{
	return send(outside, "still there", 11, MSG_NOSIGNAL) != 11;
}

TEST_F_TIMEOUT(cr, measured, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	int images[2], ret;

	ASSERT_EQ(0, begin(&run, &measures, variant->container, images));
	ret = meet_deaf(&run) || hear_at(&run) || twice(&run, images) || still_there();
	ret = ret || hint(images[0], HINT(round_trip)) <= 0 ||
	      hint(images[0], HINT(round_trip)) != hint(images[1], HINT(round_trip)) ||
	      hint(images[0], HINT(shortest)) != hint(images[1], HINT(shortest)) ||
	      hint(images[0], HINT(threshold)) != hint(images[1], HINT(threshold)) ||
	      hint(images[1], HINT(window)) > INITIAL;
	ASSERT_EQ(0, end(&run, images, ret));
}

TEST_F_TIMEOUT(cr, sent_again, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	int images[2], ret;

	ASSERT_EQ(0, begin(&run, &repeats, variant->container, images));
	ret = meet_deaf(&run) || twice(&run, images) || hear_at(&run) || still_there() ||
	      grows(images, HINT(timeouts)) || grows(images, HINT(resent));
	ASSERT_EQ(0, end(&run, images, ret));
}

TEST_F_TIMEOUT(cr, keepalive, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	int images[2], ret;

	ASSERT_EQ(0, begin(&run, &asks_on, variant->container, images));
	ret = meet_deaf(&run) || twice(&run, images) || hear_at(&run) || still_there() ||
	      grows(images, HINT(probes)) || grows(images, HINT(acknowledged)) ||
	      grows(images, HINT(received));
	ASSERT_EQ(0, end(&run, images, ret));
}

/* Who is dead is given up. */
TEST_F_TIMEOUT(cr, given_up, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &asks_no_more, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet_deaf(&run));
	ASSERT_EQ(0, await_step(&run, MET));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_LE(2, hint(image, HINT(probes)));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, RESTART_TCP_KEEP));
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run)) {
		ckpt_run_print_log(&run);
	}
	ckpt_run_fini(&run);
	close(image);
	close(outside);
	outside = -1;
}

TEST_F_TIMEOUT(cr, window, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	int images[2], ret;
	long sent;

	ASSERT_EQ(0, begin(&run, &asks_for_window, variant->container, images));
	ret = meet(&run) || twice(&run, images) || await_step(&run, HEARD) ||
	      grows(images, HINT(asked)) || grows(images, HINT(backoff));
	sent = run.board->value[SENT];
	ret = ret || take(outside, 0, sent, out_at) != sent || still_there();
	ASSERT_EQ(0, end(&run, images, ret));
}

/* Whether connections ask for ECN, as everybody has it; returns what it was. */
static int ask_for_ecn(int how)
{
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_ecn", "r+");
	int before = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &before) == 1) {
		rewind(file);
		fprintf(file, "%d", how);
	}
	fclose(file);
	return before;
}

/* The congestion control begins with what the two have agreed upon, and is asked for by a name. */
static int begins(bool container, bool ecn)
{
	int before = ecn ? -1 : ask_for_ecn(0);
	struct ckpt_run run;
	int images[2], ret;

	ret = begin(&run, &dctcp, container, images);
	if (!ret) {
		run.board->value[ECN] = ecn;
		ret = end(&run, images, meet(&run) || twice(&run, images) || still_there());
	}
	if (before >= 0)
		ask_for_ecn(before);
	return ret;
}

static bool has_dctcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has = !setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5);

	close(fd);
	return has;
}

TEST_F_TIMEOUT(cr, congestion_with_ecn, CKPT_TIMEOUT)
{
	if (!has_dctcp())
		SKIP(return, "the kernel has no DCTCP");
	ASSERT_EQ(0, begins(variant->container, true));
}

TEST_F_TIMEOUT(cr, congestion_without_ecn, CKPT_TIMEOUT)
{
	if (!has_dctcp())
		SKIP(return, "the kernel has no DCTCP");
	ASSERT_EQ(0, begins(variant->container, false));
}

/* What an image may not tell is refused, and so is what its header tells otherwise. */
TEST_F_TIMEOUT(cr, hostile, CKPT_TIMEOUT)
{
	static const struct {
		size_t field;
		uint32_t value;
		const char *text;
	} cases[] = {
		{ HINT(round_trip), 0xffffffff, "impossible round-trip time [EINVAL]" },
		{ HINT(variation), 0xfffffff8, "impossible round-trip time [EINVAL]" },
		{ HINT(shortest), 0, "impossible round-trip time [EINVAL]" },
		{ HINT(window), 0, "impossible congestion window [EINVAL]" },
		{ HINT(window), 0x80000000, "impossible congestion window [EINVAL]" },
		{ HINT(threshold), 0x80000000, "impossible congestion window [EINVAL]" },
		{ HINT(acknowledged), 0x80000000, "has waited too long [EINVAL]" },
		{ HINT(keepalive), 0xffffffff, "has waited too long [EINVAL]" },
		{ HINT(asked), 0xffffffff, "has waited too long [EINVAL]" },
		{ HINT(resent), 0x80000000, "has waited too long [EINVAL]" },
		{ HINT(probes), 256, "impossible number of attempts [EINVAL]" },
		{ HINT(backoff), 64, "impossible number of attempts [EINVAL]" },
		{ HINT(timeouts), 256, "impossible number of attempts [EINVAL]" },
		{ HINT(resent), 0, "has tried, and has not waited [EINVAL]" },
	};
	struct ckpt_run run;
	struct image im;
	int images[2], ret;
	size_t body, i;

	ASSERT_EQ(0, begin(&run, &repeats, variant->container, images));
	/* In the end it may be heard before it looks. */
	run.board->value[LENIENT] = 1;
	ASSERT_EQ(0, meet_deaf(&run));
	ASSERT_EQ(0, await_step(&run, MET));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, images[0], CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, images[0]));
	body = image_body(&im, IMAGE_KIND_TCP_HINTS);
	ASSERT_LT(body, im.meta_end);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		EXPECT_EQ(0, image_hostile(&run, &im, images[0], body + cases[i].field,
					   cases[i].value, 4, cases[i].text));
	ASSERT_EQ(IMAGE_COMPAT_KILLED, image_get(&im, COMPAT, 8));
	EXPECT_EQ(0, image_hostile(&run, &im, images[0], COMPAT, IMAGE_COMPAT_RAN_ON, 8,
				   "the header tells otherwise of whether its tasks were killed"));
	EXPECT_EQ(0, image_hostile(&run, &im, images[0], COMPAT,
				   IMAGE_COMPAT_KILLED | IMAGE_COMPAT_RAN_ON, 8,
				   "image whose tasks were killed, and were not"));
	/* The most that it may tell does no harm. */
	image_put32(&im, body + HINT(round_trip), 8 * 120000000u);
	image_put32(&im, body + HINT(variation), 4 * 120000000u);
	image_put32(&im, body + HINT(shortest), 1);
	image_put32(&im, body + HINT(window), INFINITE);
	image_put32(&im, body + HINT(threshold), 0);
	image_put32(&im, body + HINT(acknowledged), 1u << 30);
	image_put32(&im, body + HINT(keepalive), 1u << 30);
	image_put32(&im, body + HINT(asked), (1u << 30) + 1);
	image_put32(&im, body + HINT(resent), 2000001);
	image_put32(&im, body + HINT(probes), 255);
	image_put32(&im, body + HINT(backoff), 15);
	image_put32(&im, body + HINT(timeouts), 255);
	image_fix(&im);
	ASSERT_EQ((ssize_t)im.size, pwrite(images[0], im.data, im.size, 0));
	free(im.data);
	EXPECT_EQ(0, hear());
	ret = ckpt_run_restart(&run, images[0], RESTART_TCP_KEEP) || ckpt_run_go(&run) ||
	      still_there();
	ASSERT_EQ(0, end(&run, images, ret));
}

/* The tasks run on: the header of such an image tells that. */
TEST_F_TIMEOUT(cr, ran_on, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	struct image im;
	int images[2], ret;

	ASSERT_EQ(0, begin(&run, &repeats, variant->container, images));
	ASSERT_EQ(0, meet_deaf(&run));
	ASSERT_EQ(0, await_step(&run, MET));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, images[0], 0));
	ASSERT_EQ(0, image_load(&im, images[0]));
	EXPECT_EQ(IMAGE_COMPAT_RAN_ON, image_get(&im, COMPAT, 8));
	free(im.data);
	ret = ckpt_run_go(&run) || hear_at(&run) || still_there();
	ASSERT_EQ(0, end(&run, images, ret));
}

TEST_HARNESS_MAIN
