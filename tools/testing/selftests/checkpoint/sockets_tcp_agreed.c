// SPDX-License-Identifier: GPL-2.0
/*
 * What a TCP connection has agreed upon with somebody outside stays if it is kept: selective
 * acknowledgement, time stamps, scales of windows, ECN, the largest segment; and options, keepalive
 * among them. With all of it, with none, and as the other end would have it.
 */
#include "rtnetlink.h"
#include "sockets_tcp.h"

#include <sched.h>

#ifndef TCPI_OPT_USEC_TS
#define TCPI_OPT_USEC_TS	64
#endif
#ifndef RTAX_FEATURE_TCP_USEC_TS
#define RTAX_FEATURE_TCP_USEC_TS	(1 << 4)
#endif

CKPT_FIXTURE

/* Where the scenario listens; it has accepted. */
#define PORT		0
#define ACCEPTED	1

/* The end outside. */
static int outside = -1;

/* Settings of the network namespace that the test and the scenario have: what is agreed upon. */
static const char *const settings[] = { "tcp_sack", "tcp_timestamps", "tcp_window_scaling", "tcp_ecn" };

static int set_all(const char *to)
{
	char path[128];
	unsigned int i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", settings[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, to, 1) != 1) {
			ckpt_diag("%s: %s", path, strerror(errno));
			return -1;
		}
		close(fd);
	}
	return 0;
}

/* Whether time stamps count microseconds on the way to 127.0.0.1: that is said by its route. */
static int set_microseconds(bool on)
{
	uint32_t to = htonl(INADDR_LOOPBACK);
	struct rtmsg header = {
		.rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_KERNEL, .rtm_type = RTN_LOCAL, .rtm_scope = RT_SCOPE_HOST,
	};
	struct rtattr *metrics;
	struct rt rt;

	rt_begin(&rt, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	rt_add(&rt, RTA_DST, &to, sizeof(to));
	rt_add(&rt, RTA_PREFSRC, &to, sizeof(to));
	rt_add_u32(&rt, RTA_OIF, if_nametoindex("lo"));
	metrics = rt_nest(&rt, RTA_METRICS);
	rt_add_u32(&rt, RTAX_FEATURES, on ? RTAX_FEATURE_TCP_USEC_TS : 0);
	rt_end(&rt, metrics);
	return rt_ask(&rt);
}

/* What TCP_INFO tells of what was agreed upon. */
struct agreed {
	int options, send_scale, receive_scale, largest;
};

static struct agreed agreed(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	return (struct agreed){
		.options = info.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE |
						TCPI_OPT_ECN | TCPI_OPT_USEC_TS),
		.send_scale = info.tcpi_snd_wscale,
		.receive_scale = info.tcpi_rcv_wscale,
		.largest = tcp_option(fd, TCP_MAXSEG),
	};
}

CKPT_SCENARIO(server)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);
	int at = tcp_socket(), fd;
	struct agreed before, after;

	CHECK_SYS(bind(at, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(at, 1));
	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	set_option(fd, SO_KEEPALIVE, 1);
	set_tcp_option(fd, TCP_KEEPIDLE, 77);
	set_tcp_option(fd, TCP_USER_TIMEOUT, 600000);
	before = agreed(fd);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	after = agreed(fd);
	CHECK_EQ(before.options, after.options);
	CHECK_EQ(before.send_scale, after.send_scale);
	CHECK_EQ(before.receive_scale, after.receive_scale);
	/* One that is larger than half of the window is what the window lets it be. */
	if (before.largest < 1000)
		CHECK_EQ(before.largest, after.largest);
	CHECK_EQ(1, option(fd, SO_KEEPALIVE));
	CHECK_EQ(77, tcp_option(fd, TCP_KEEPIDLE));
	CHECK_EQ(600000, tcp_option(fd, TCP_USER_TIMEOUT));
	send_text(fd, "from inside");
	/* It waits for what comes. */
	CHECK_EQ(12, recv(fd, &addr, 12, MSG_WAITALL));
	CHECK(!memcmp(&addr, "from outside", 12), "something else has come");
	CHECK_SYS(close(fd));
}

/* Connects from outside; @mss: the largest segment that it takes, or 0. */
static int meet(struct ckpt_run *run, int mss)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, run->board->value[PORT]);

	outside = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (outside < 0 || (mss && setsockopt(outside, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof(mss))) ||
	    connect(outside, (struct sockaddr *)&addr, len)) {
		ckpt_diag("from outside: %s", strerror(errno));
		return -1;
	}
	while (!__atomic_load_n(&run->board->step[ACCEPTED], __ATOMIC_ACQUIRE))
		sched_yield();
	return 0;
}

/* What comes from inside is all there is, and then the end of it. */
static int talk(void)
{
	char buf[16] = "";

	if (send(outside, "from outside", 12, MSG_NOSIGNAL) != 12 ||
	    recv(outside, buf, 11, MSG_WAITALL) != 11 || strcmp(buf, "from inside") ||
	    recv(outside, buf, 1, 0)) {
		ckpt_diag("outside: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* Through two restarts, which must tell of the connection that it goes on. */
static int stays(bool container, const char *all, int mss, int wanted)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct agreed seen;
	struct ckpt_run run;
	int ret;

	if (unshare(CLONE_NEWNET))
		return -1;
	lo_up();
	ret = set_all(all) || set_microseconds(wanted & TCPI_OPT_USEC_TS) ||
	      ckpt_run_init(&run, &server, container);
	if (ret)
		return ret;
	ret = ckpt_run_start(&run) || meet(&run, mss);
	if (!ret) {
		seen = agreed(outside);
		if (seen.options != wanted || (mss && seen.largest > mss)) {
			ckpt_diag("agreed upon is %#x, %d", seen.options, seen.largest);
			ret = -1;
		}
	}
	/*
	 * What is different at the restart is not what counts. Without time stamps it is the route
	 * that tells what they would count.
	 */
	ret = ret || ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL) ||
	      set_all(*all == '0' ? "1" : "0") ||
	      (wanted & TCPI_OPT_TIMESTAMPS &&
	       set_microseconds(!(wanted & TCPI_OPT_USEC_TS))) ||
	      ckpt_run_restart(&run, first, RESTART_TCP_KEEP) || !ckpt_run_log_has(&run, " goes on") ||
	      ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
	      ckpt_run_restart(&run, second, RESTART_TCP_KEEP) || ckpt_run_go(&run) || talk() ||
	      ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(first);
	close(second);
	close(outside);
	return ret;
}

TEST_F_TIMEOUT(cr, all, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, stays(variant->container, "1", 0, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK |
			   TCPI_OPT_WSCALE | TCPI_OPT_ECN));
}

TEST_F_TIMEOUT(cr, none, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, stays(variant->container, "0", 0, 0));
}

TEST_F_TIMEOUT(cr, small_segments, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, stays(variant->container, "1", 600, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK |
			   TCPI_OPT_WSCALE | TCPI_OPT_ECN));
}

TEST_F_TIMEOUT(cr, microseconds, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, stays(variant->container, "1", 0, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK |
			   TCPI_OPT_WSCALE | TCPI_OPT_ECN | TCPI_OPT_USEC_TS));
}

TEST_HARNESS_MAIN
