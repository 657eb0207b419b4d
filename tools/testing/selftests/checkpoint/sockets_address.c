// SPDX-License-Identifier: GPL-2.0
/* Sockets whose addresses are others at a restart: bound, listening and connected, TCP and UDP. */
#include "rtnetlink.h"
#include "sockets_tcp.h"

#include <sched.h>
#include <linux/sockios.h>

CKPT_FIXTURE

/* All of 127.0.0.0/8 is there. */
#define OLD	"127.0.0.5"
#define NEW	"127.0.1.9"
/* Where nobody is, and would be now. */
#define PEER	"127.3.0.1"
#define NEW_PEER "127.4.0.1"
/* The same of IPv6, which the loopback device is given. */
#define OLD6	"fd00:5::5"
#define NEW6	"fd00:9::9"
#define PEER6	"fd00:3::1"
#define NEW_PEER6 "fd00:4::1"

/* The address that sockets are to have, and other ends; and whether they had others before. */
#define OWN	100
#define OTHER	200

static const char *text_at(int index)
{
	return (const char *)&board->value[index];
}

static void set_text(struct ckpt_run *run, int index, const char *text)
{
	memset(&run->board->value[index], 0, 64);
	strcpy((char *)&run->board->value[index], text);
}

static socklen_t inet_address(struct sockaddr_storage *to, int family, const char *text, int port)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *sin = (struct sockaddr_in *)to;
	char mapped[64];

	memset(to, 0, sizeof(*to));
	if (family == AF_INET) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		CHECK_EQ(1, inet_pton(AF_INET, text, &sin->sin_addr));
		return sizeof(*sin);
	}
	snprintf(mapped, sizeof(mapped), "%s%s", strchr(text, ':') ? "" : "::ffff:", text);
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	CHECK_EQ(1, inet_pton(AF_INET6, mapped, &sin6->sin6_addr));
	return sizeof(*sin6);
}

static int bound(int family, int type, const char *text)
{
	int fd = CHECK_SYS(socket(family, type, 0));
	struct sockaddr_storage addr;
	socklen_t len = inet_address(&addr, family, text, 0);

	set_option(fd, SO_REUSEADDR, 1);
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	return fd;
}

/* @fd has the address @text, or its peer. */
static void is_at(int fd, bool peer, const char *text)
{
	struct sockaddr_storage addr, want;
	socklen_t len = sizeof(addr);

	if (peer)
		CHECK_SYS(getpeername(fd, (struct sockaddr *)&addr, &len));
	else
		CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	inet_address(&want, addr.ss_family, text, 0);
	if (addr.ss_family == AF_INET)
		CHECK_EQ(((struct sockaddr_in *)&want)->sin_addr.s_addr,
			 ((struct sockaddr_in *)&addr)->sin_addr.s_addr);
	else
		CHECK_EQ(0, memcmp(&((struct sockaddr_in6 *)&want)->sin6_addr,
				   &((struct sockaddr_in6 *)&addr)->sin6_addr, 16));
}

static void connect_at(int fd, int family, const char *text, int port)
{
	struct sockaddr_storage addr;
	socklen_t len = inet_address(&addr, family, text, port);

	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
}

/* Of each kind one, at @old; one of them is connected to @peer. */
static void all_kinds(int family, const char *old, const char *peer)
{
	int at, a, b, udp, self, other, any;

	lo_up();
	at = bound(family, SOCK_STREAM, old);
	CHECK_SYS(listen(at, 4));
	a = bound(family, SOCK_STREAM, old);
	connect_at(a, family, old, port_of(at, false));
	b = CHECK_SYS(accept(at, NULL, NULL));
	send_text(a, "sent");
	udp = bound(family, SOCK_DGRAM, old);
	self = bound(family, SOCK_DGRAM, old);
	connect_at(self, family, old, port_of(udp, false));
	send_text(self, "first");
	other = bound(family, SOCK_DGRAM, old);
	connect_at(other, family, peer, 9);
	any = bound(AF_INET, SOCK_DGRAM, "0.0.0.0");

	ckpt_ready_wait();
	is_at(at, false, text_at(OWN));
	is_at(a, false, text_at(OWN));
	is_at(a, true, text_at(OWN));
	is_at(b, false, text_at(OWN));
	is_at(b, true, text_at(OWN));
	is_at(udp, false, text_at(OWN));
	is_at(self, true, text_at(OWN));
	is_at(other, false, text_at(OWN));
	is_at(other, true, text_at(OTHER));
	is_at(any, false, "0.0.0.0");
	expect_text(b, "sent");
	expect_text(udp, "first");
	send_text(b, "back");
	await_bytes(a, 4);
	expect_text(a, "back");
	send_text(self, "second");
	expect_text(udp, "second");
	CHECK_SYS(close(a));
	a = CHECK_SYS(socket(family, SOCK_STREAM, 0));
	connect_at(a, family, text_at(OWN), port_of(at, false));
	CHECK_SYS(close(CHECK_SYS(accept(at, NULL, NULL))));
}

CKPT_SCENARIO(kinds)
{
	all_kinds(AF_INET, OLD, PEER);
}

CKPT_SCENARIO(kinds_mapped)
{
	all_kinds(AF_INET6, OLD, PEER);
}

CKPT_SCENARIO(kinds_v6)
{
	all_kinds(AF_INET6, OLD6, PEER6);
}

/* The number of an ICMP socket, and a protocol that nobody has. */
#define NUMBER	4714
#define NOBODYS	253

/* Sends @text to itself, with what is received before it. */
static void reaches_itself(int fd, int before, const char *text)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char buf[64] = "";

	CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	CHECK_EQ((long)strlen(text),
		 sendto(fd, text, strlen(text), 0, (struct sockaddr *)&addr, len));
	CHECK_EQ(before + (long)strlen(text), recv(fd, buf, sizeof(buf), 0));
	CHECK(!memcmp(buf + before, text, strlen(text)), "another one has come");
}

/* Raw and ICMP sockets, bound and connected. */
static void raw_kinds(int family, const char *old, const char *peer)
{
	/* Of IPv4 what comes has its header. */
	int raw, icmp, other, range, header = family == AF_INET ? 20 : 0;
	struct sockaddr_storage addr;
	socklen_t len;

	lo_up();
	range = CHECK_SYS(open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC));
	CHECK_EQ(3, write(range, "0 0", 3));
	CHECK_SYS(close(range));
	raw = CHECK_SYS(socket(family, SOCK_RAW, NOBODYS));
	len = inet_address(&addr, family, old, 0);
	CHECK_SYS(bind(raw, (struct sockaddr *)&addr, len));
	other = CHECK_SYS(socket(family, SOCK_RAW, NOBODYS + 1));
	CHECK_SYS(bind(other, (struct sockaddr *)&addr, len));
	/* One without a number tells no other end. */
	connect_at(other, family, peer, 9);
	icmp = CHECK_SYS(socket(family, SOCK_DGRAM,
				family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6));
	len = inet_address(&addr, family, old, NUMBER);
	CHECK_SYS(bind(icmp, (struct sockaddr *)&addr, len));
	reaches_itself(raw, header, "before");

	ckpt_ready_wait();
	is_at(raw, false, text_at(OWN));
	is_at(other, false, text_at(OWN));
	is_at(other, true, text_at(OTHER));
	is_at(icmp, false, text_at(OWN));
	CHECK_EQ(NUMBER, port_of(icmp, false));
	reaches_itself(raw, header, "after");
}

CKPT_SCENARIO(raw)
{
	raw_kinds(AF_INET, OLD, PEER);
}

CKPT_SCENARIO(raw_v6)
{
	raw_kinds(AF_INET6, OLD6, PEER6);
}

/* What @from begins with is @to now. */
static struct restart_address rule(const char *from, const char *to, int bits, bool peers)
{
	struct restart_address rule = {
		.family = strchr(from, ':') ? AF_INET6 : AF_INET,
		.prefix = bits, .flags = peers ? RESTART_ADDRESS_PEERS : 0,
	};

	inet_pton(rule.family, from, rule.from);
	inet_pton(rule.family, to, rule.to);
	return rule;
}

/* restart(2) with @count rules and @flags; 0, or the errno. */
static int restart_with(struct ckpt_run *run, int image, const struct restart_address *rules,
			int count, uint64_t flags)
{
	struct restart_args args;
	long pid;

	ckpt_take_board_back(run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(run, &args, image, flags);
	args.addresses = (uintptr_t)rules;
	args.addresses_count = count;
	pid = sys_restart(&args, sizeof(args));
	if (pid < 0)
		return errno;
	run->pid = pid;
	run->pidfd = args.pidfd;
	run->status = 0;
	return 0;
}

static int restart(struct ckpt_run *run, int image, const struct restart_address *rules, int count)
{
	return restart_with(run, image, rules, count, 0);
}

static int moves(struct ckpt_scenario *sc, bool container, const struct restart_address *rules,
		 int count, const char *own, const char *other)
{
	int image = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	/* They are its own from then on, which no rule has to tell again. */
	ret = ckpt_run_init(&run, sc, container) || ckpt_run_start(&run) ||
	      ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) ||
	      restart(&run, image, rules, count) || ckpt_run_wait_blocked(&run) ||
	      ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
	      restart(&run, second, NULL, 0);
	if (!ret) {
		set_text(&run, OWN, own);
		set_text(&run, OTHER, other);
		ret = ckpt_run_go(&run) || ckpt_run_finish(&run);
	}
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(image);
	close(second);
	return ret;
}

TEST_F_TIMEOUT(cr, one_address, CKPT_TIMEOUT)
{
	struct restart_address one = rule(OLD, NEW, 32, false);

	ASSERT_EQ(0, moves(&kinds, variant->container, NULL, 0, OLD, PEER));
	ASSERT_EQ(0, moves(&kinds, variant->container, &one, 1, NEW, PEER));
	ASSERT_EQ(0, moves(&kinds_mapped, variant->container, &one, 1, NEW, PEER));
}

/* The first that fits counts; those of others are for others only if that was said. */
TEST_F_TIMEOUT(cr, prefixes, CKPT_TIMEOUT)
{
	struct restart_address rules[] = {
		rule("127.3.0.0", "127.5.0.0", 16, false),
		rule("127.3.0.0", "127.4.0.0", 16, true),
		rule("127.0.0.0", "127.7.0.0", 16, false),
		rule(OLD, NEW, 32, false),
	};

	ASSERT_EQ(0, moves(&kinds, variant->container, rules, 4, "127.7.0.5", NEW_PEER));
	ASSERT_EQ(0, moves(&kinds_mapped, variant->container, rules, 4, "127.7.0.5", NEW_PEER));
}

/* Addresses of IPv6 that the loopback device has, of a network namespace of the test's own. */
static void begin_v6(void)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	lo_up();
	rt_address("lo", OLD6, 128);
	rt_address("lo", NEW6, 128);
	rt_address("lo", "fd00:7::5", 128);
	rt_address("lo", PEER6, 128);
	rt_address("lo", NEW_PEER6, 128);
}

TEST_F_TIMEOUT(cr, address_v6, CKPT_TIMEOUT)
{
	struct restart_address one = rule(OLD6, NEW6, 128, false);

	begin_v6();
	ASSERT_EQ(0, moves(&kinds_v6, variant->container, &one, 1, NEW6, PEER6));
}

TEST_F_TIMEOUT(cr, prefixes_v6, CKPT_TIMEOUT)
{
	struct restart_address rules[] = {
		/* That is for IPv4 only. */
		rule("127.0.0.0", "127.7.0.0", 16, false),
		rule("fd00:3::", "fd00:5::", 32, false),
		rule("fd00:3::", "fd00:4::", 32, true),
		rule("fd00:5::", "fd00:7::", 32, false),
		rule(OLD6, NEW6, 128, false),
	};

	begin_v6();
	ASSERT_EQ(0, moves(&kinds_v6, variant->container, rules, 5, "fd00:7::5", NEW_PEER6));
}

TEST_F_TIMEOUT(cr, raw_and_icmp, CKPT_TIMEOUT)
{
	struct restart_address rules[] = {
		rule(OLD, NEW, 32, false),
		rule(PEER, NEW_PEER, 32, true),
	};

	ASSERT_EQ(0, moves(&raw, variant->container, NULL, 0, OLD, PEER));
	ASSERT_EQ(0, moves(&raw, variant->container, rules, 2, NEW, NEW_PEER));
}

TEST_F_TIMEOUT(cr, raw_and_icmp_v6, CKPT_TIMEOUT)
{
	struct restart_address rules[] = {
		rule(OLD6, NEW6, 128, false),
		rule(PEER6, NEW_PEER6, 128, true),
	};

	begin_v6();
	ASSERT_EQ(0, moves(&raw_v6, variant->container, rules, 2, NEW6, NEW_PEER6));
}

/* Where the scenario listens, and that somebody has come, whom it has heard. */
#define PORT	0
#define ACCEPTED 1

/* Somebody from @PEER connects to @OLD. */
CKPT_SCENARIO(served)
{
	char buf[16] = "";
	int at, fd;

	lo_up();
	at = bound(AF_INET, SOCK_STREAM, OLD);
	CHECK_SYS(listen(at, 1));
	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	await_bytes(fd, 5);
	ckpt_step(ACCEPTED);
	ckpt_wait_go();
	is_at(fd, false, text_at(OWN));
	is_at(fd, true, text_at(OTHER));
	CHECK_EQ(TCP_ESTABLISHED, tcp_state(fd));
	expect_text(fd, "hello");
	send_text(fd, "inside");
	CHECK_EQ(7, recv(fd, buf, 7, MSG_WAITALL));
	CHECK_STREQ("outside", buf);
	CHECK_EQ(0, recv(fd, buf, 1, 0));
}

static int set_tcp(int fd, int name, int value)
{
	return setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value));
}

/* The number of the byte that comes next in a queue of @fd, which is under repair. */
static int number_in(int fd, int queue, uint32_t *seq, bool set)
{
	socklen_t len = sizeof(*seq);

	if (set_tcp(fd, TCP_REPAIR_QUEUE, queue))
		return -1;
	return set ? setsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, seq, len) :
		     getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, seq, &len);
}

/*
 * Makes of @fd, whose queues are empty, an end of the same connection that is at the address @own,
 * and has its other end at @other. No segment is sent meanwhile.
 */
static int move_end(int fd, const char *own, const char *other)
{
	int port = port_of(fd, false), peer_port = port_of(fd, true), mss, stamp, new, on = 1;
	struct tcp_repair_window window;
	struct tcp_repair_opt opts[4] = { { .opt_code = 2 } };
	struct sockaddr_storage addr;
	struct tcp_info info = {};
	socklen_t len;
	uint32_t seq[2];
	int n = 1;

	mss = tcp_option(fd, TCP_MAXSEG);
	stamp = tcp_option(fd, TCP_TIMESTAMP);
	len = sizeof(info);
	CHECK_SYS(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	len = sizeof(window);
	if (set_tcp(fd, TCP_REPAIR, 1) || number_in(fd, TCP_SEND_QUEUE, &seq[0], false) ||
	    number_in(fd, TCP_RECV_QUEUE, &seq[1], false) ||
	    getsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, &len) || close(fd))
		return -1;
	opts[0].opt_val = mss;
	if (info.tcpi_options & TCPI_OPT_WSCALE)
		opts[n++] = (struct tcp_repair_opt){
			3, info.tcpi_snd_wscale | info.tcpi_rcv_wscale << 16,
		};
	if (info.tcpi_options & TCPI_OPT_SACK)
		opts[n++] = (struct tcp_repair_opt){ 4, 0 };
	if (info.tcpi_options & TCPI_OPT_TIMESTAMPS)
		opts[n++] = (struct tcp_repair_opt){ 8, 0 };
	new = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	len = inet_address(&addr, AF_INET, own, port);
	if (new < 0 || setsockopt(new, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    set_tcp(new, TCP_REPAIR, 1) || bind(new, (struct sockaddr *)&addr, len) ||
	    number_in(new, TCP_SEND_QUEUE, &seq[0], true) ||
	    number_in(new, TCP_RECV_QUEUE, &seq[1], true))
		return -1;
	len = inet_address(&addr, AF_INET, other, peer_port);
	if (connect(new, (struct sockaddr *)&addr, len) ||
	    setsockopt(new, IPPROTO_TCP, TCP_REPAIR_OPTIONS, opts, n * sizeof(opts[0])) ||
	    set_tcp(new, TCP_TIMESTAMP, stamp) ||
	    setsockopt(new, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window)) ||
	    set_tcp(new, TCP_REPAIR, -1))
		return -1;
	return new;
}

/* Connects from @PEER, says something that is heard, and knows that. */
static int meet(struct ckpt_run *run)
{
	int fd = bound(AF_INET, SOCK_STREAM, PEER), left;

	connect_at(fd, AF_INET, OLD, run->board->value[PORT]);
	send_text(fd, "hello");
	while (!__atomic_load_n(&run->board->step[ACCEPTED], __ATOMIC_ACQUIRE))
		sched_yield();
	do
		CHECK_SYS(ioctl(fd, SIOCOUTQ, &left));
	while (left);
	return fd;
}

/* A connection goes on at two other addresses, as the other end has moved, too. */
TEST_F_TIMEOUT(cr, kept, CKPT_TIMEOUT)
{
	struct restart_address rules[] = {
		rule(OLD, NEW, 32, false),
		rule(PEER, NEW_PEER, 32, true),
	};
	int first = ckpt_image_new(), second = ckpt_image_new(), fd;
	struct ckpt_run run;
	char buf[16] = "";

	ASSERT_EQ(0, ckpt_run_init(&run, &served, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	/* A check of a helper that fails here is told there, too. */
	board = run.board;
	fd = meet(&run);
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL));
	fd = move_end(fd, NEW_PEER, NEW);
	ASSERT_LE(0, fd) {
		TH_LOG("%s", strerror(errno));
	}
	ASSERT_EQ(0, restart_with(&run, first, rules, 2, RESTART_TCP_KEEP)) {
		ckpt_run_print_log(&run);
	}
	EXPECT_TRUE(ckpt_run_log_has(&run, " goes on"));
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, restart_with(&run, second, NULL, 0, RESTART_TCP_KEEP));
	set_text(&run, OWN, NEW);
	set_text(&run, OTHER, NEW_PEER);
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(6, recv(fd, buf, 6, MSG_WAITALL));
	EXPECT_STREQ("inside", buf);
	EXPECT_EQ(7, send(fd, "outside", 7, MSG_NOSIGNAL));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

/* An address that is not there is none to have. */
TEST_F_TIMEOUT(cr, not_there, CKPT_TIMEOUT)
{
	struct restart_address away = rule(OLD, "198.51.100.7", 32, false);
	struct restart_address none = rule("127.0.0.0", "224.0.0.0", 8, false);
	struct restart_address one = rule(OLD, NEW, 32, false);
	int image = ckpt_image_new();
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &kinds, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_EQ(EADDRNOTAVAIL, restart(&run, image, &away, 1));
	EXPECT_TRUE(ckpt_run_log_has(&run, "its address 198.51.100.7:")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(EADDRNOTAVAIL, restart(&run, image, &none, 1));
	EXPECT_TRUE(ckpt_run_log_has(&run, "would be one that no socket has")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, restart(&run, image, &one, 1));
	set_text(&run, OWN, NEW);
	set_text(&run, OTHER, PEER);
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* What is no rule. */
TEST_F_TIMEOUT(cr, wrong, CKPT_TIMEOUT)
{
	static struct restart_address many[257];
	struct restart_address good = rule(OLD, NEW, 32, false), bad;
	char *edge = ckpt_two_pages();
	int image = ckpt_image_new();
	struct ckpt_run run;

	ASSERT_NE(NULL, edge);
	ASSERT_EQ(0, ckpt_run_init(&run, &kinds, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
#define WRONG(change) do {						\
	bad = good;							\
	change;								\
	EXPECT_EQ(EINVAL, restart(&run, image, &bad, 1));		\
} while (0)
	WRONG(bad.family = AF_UNIX);
	WRONG(bad.prefix = 33);
	WRONG(bad.prefix = UINT32_MAX);
	WRONG(bad.prefix = 24);
	WRONG(bad.prefix = 0);
	WRONG(bad.flags = RESTART_ADDRESS_PEERS << 1);
	WRONG(bad.reserved = 1);
	WRONG(bad.from[4] = 1);
	WRONG(bad.to[15] = 1);
	WRONG(memset(bad.to, 0, 4));
	WRONG(memset(bad.to, 255, 4));
	WRONG(bad.to[0] = 224);
	WRONG(bad.family = AF_INET6; bad.prefix = 129);
	/* One of IPv4 is given as that. */
	WRONG(bad.family = AF_INET6; bad.prefix = 128; memset(bad.to, 0, 16); bad.to[10] = 255;
	      bad.to[11] = 255; bad.to[15] = 1);
	EXPECT_EQ(E2BIG, restart(&run, image, many, 257));
	EXPECT_EQ(EFAULT, restart(&run, image, (void *)(edge + ckpt_page() - sizeof(good) / 2), 1));
	ASSERT_EQ(0, restart(&run, image, &good, 1));
	set_text(&run, OWN, NEW);
	set_text(&run, OTHER, PEER);
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
