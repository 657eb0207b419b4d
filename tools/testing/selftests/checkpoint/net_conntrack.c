// SPDX-License-Identifier: GPL-2.0
/*
 * Connections that a network namespace of the tasks tracks: what netlink tells of them (addresses
 * that were changed, states, marks, zones, labels, masters, counters, times), what it does not (the
 * device of a masquerade, room for labels), those that are expected; a TCP connection that is
 * redirected, which goes on; those that are refused, and more than a namespace may track.
 */
#include "conntrack.h"
#include "sockets_tcp.h"

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

static const struct flow web = { "10.1.0.1", "10.1.0.2", IPPROTO_TCP, 1000, 80 };

static void make_web(void)
{
	struct rt rt;

	connection(&rt, &web, IPS_SEEN_REPLY | IPS_ASSURED);
	tcp_info(&rt, TCP_CONNTRACK_ESTABLISHED);
	nf_number(&rt, CTA_MARK, 0x1234);
	shift(&rt, CTA_SEQ_ADJ_ORIG, 5);
	shift(&rt, CTA_SEQ_ADJ_REPLY, 0);
	CHECK_SYS(ct_ask(&rt));
}

/* One that comes of it. */
static void make_child(void)
{
	static const struct flow flow = { "10.1.0.2", "10.1.0.1", IPPROTO_TCP, 20, 1002 };
	struct rt rt;

	connection(&rt, &flow, 0);
	tcp_info(&rt, TCP_CONNTRACK_CLOSE_WAIT);
	tuple(&rt, CTA_TUPLE_MASTER, &web);
	CHECK_SYS(ct_ask(&rt));
}

static void make_plain(const struct flow *flow, uint32_t status)
{
	struct rt rt;

	connection(&rt, flow, status);
	CHECK_SYS(ct_ask(&rt));
}

static void make_changed(const struct flow *flow, int type, const char *to, int port)
{
	struct rt rt;

	connection(&rt, flow, IPS_SEEN_REPLY);
	changes(&rt, type, to, port);
	CHECK_SYS(ct_ask(&rt));
}

/* The kernel does not track connections, or has no rules that change addresses. */
CKPT_FIXTURE_IF(BEGIN)

/* ---- what netlink takes ---------------------------------------------------------- */

/* Without a filter no packet is looked at: all are as they were made. */
static void make_told(void)
{
	static const struct flow named = { "10.1.0.1", "10.1.0.3", IPPROTO_UDP, 1001, 53 };
	static const struct flow other = { "10.1.0.1", "10.1.0.4", IPPROTO_UDP, 1001, 53 };
	static const struct flow echo = { "10.1.0.1", "10.1.0.2", IPPROTO_ICMP, 77, 8 };
	static const struct flow masked = { "10.1.0.1", "10.1.0.3", IPPROTO_ICMP, 78, 8 };
	static const struct flow six = { "2001:db8::1", "2001:db8::2", IPPROTO_UDP, 1, 53 };
	static struct list list;

	make_web();
	make_child();
	make_changed(&named, CTA_NAT_SRC, "10.1.0.9", 5001);
	make_changed(&other, CTA_NAT_DST, "10.1.0.8", 54);
	make_plain(&echo, IPS_SEEN_REPLY);
	make_changed(&masked, CTA_NAT_SRC, "10.1.0.9", 79);
	make_plain(&six, IPS_SEEN_REPLY | IPS_ASSURED | IPS_FIXED_TIMEOUT);
	list_all(&list, CONNECTIONS);
	CHECK_EQ(7, list.count);
	CHECK_EQ(2, with_status(&list, IPS_SRC_NAT | IPS_NAT_DONE_MASK));
	CHECK_EQ(1, with_status(&list, IPS_DST_NAT | IPS_NAT_DONE_MASK));
	CHECK_EQ(1, with_status(&list, IPS_EXPECTED));
	CHECK_EQ(1, with_status(&list, IPS_SEQ_ADJUST));
}

CKPT_CYCLE(told, OWN)
{
	switch_lo(true);
	make_told();
	stay(CONNECTIONS, 7);
}

/* The tasks of a subtree. */
CKPT_CYCLE(told_of_subtree, .flags = SC_SUBTREE)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	make_told();
	stay(CONNECTIONS, 7);
}

/* The same addresses in two zones, one of them of one direction. */
CKPT_CYCLE(zones, OWN)
{
	static const struct flow flow = { "10.1.0.1", "10.1.0.3", IPPROTO_UDP, 1001, 53 };
	static const struct flow reply = { "10.1.0.4", "10.1.0.1", IPPROTO_UDP, 53, 1001 };
	struct rtattr *whole;
	struct rt rt;

	make_plain(&flow, 0);
	connection(&rt, &flow, 0);
	add_u16(&rt, CTA_ZONE, 5);
	if (ct_ask(&rt)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		ckpt_not_here();
	}
	ct_begin(&rt, CONNECTIONS | IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, AF_INET);
	whole = tuple(&rt, CTA_TUPLE_ORIG, &flow);
	add_u16(&rt, CTA_TUPLE_ZONE, 6);
	rt_end(&rt, whole);
	tuple(&rt, CTA_TUPLE_REPLY, &reply);
	nf_number(&rt, CTA_STATUS, IPS_CONFIRMED);
	nf_number(&rt, CTA_TIMEOUT, LONG);
	CHECK_SYS(ct_ask(&rt));
	stay(CONNECTIONS, 3);
}

/* One that is expected, of one with a helper. */
CKPT_CYCLE(expected, OWN)
{
	static const struct flow flow = { "10.1.0.1", "10.1.0.3", IPPROTO_UDP, 1001, 69 };
	static const struct flow data = { "10.1.0.3", "10.1.0.1", IPPROTO_UDP, 0, 1001 };
	static const struct flow mask = {
		"255.255.255.255", "255.255.255.255", IPPROTO_UDP, 0, 0xffff
	};
	struct rtattr *help;
	struct rt rt;

	connection(&rt, &flow, 0);
	help = rt_nest(&rt, CTA_HELP);
	rt_add_text(&rt, CTA_HELP_NAME, "tftp");
	rt_end(&rt, help);
	if (ct_ask(&rt)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		ckpt_not_here();
	}
	ct_begin(&rt, EXPECTATIONS | IPCTNL_MSG_EXP_NEW, NLM_F_CREATE | NLM_F_EXCL, AF_INET);
	tuple(&rt, CTA_EXPECT_MASTER, &flow);
	tuple(&rt, CTA_EXPECT_TUPLE, &data);
	tuple(&rt, CTA_EXPECT_MASK, &mask);
	nf_number(&rt, CTA_EXPECT_FLAGS, NF_CT_EXPECT_PERMANENT);
	nf_number(&rt, CTA_EXPECT_CLASS, 0);
	CHECK_SYS(ct_ask(&rt));
	/* Only one that is there is told how long it is kept. */
	ct_begin(&rt, EXPECTATIONS | IPCTNL_MSG_EXP_NEW, 0, AF_INET);
	tuple(&rt, CTA_EXPECT_MASTER, &flow);
	tuple(&rt, CTA_EXPECT_TUPLE, &data);
	tuple(&rt, CTA_EXPECT_MASK, &mask);
	nf_number(&rt, CTA_EXPECT_TIMEOUT, LONG);
	CHECK_SYS(ct_ask(&rt));
	stay(EXPECTATIONS, 1);
	CHECK_EQ(1, count_all(CONNECTIONS));
}

/* ---- what packets make ----------------------------------------------------------- */

/* What goes out is tracked, as a rule asks for the state of its connection. */
static void track(void)
{
	struct batch batch = { .count = 0 };
	struct rtattr *list, *one, *data;
	struct rt *rt;

	set("nf_conntrack_udp_timeout", "100000");
	set("nf_conntrack_udp_timeout_stream", "100000");
	table(&batch, "t");
	chain(&batch, "t", "filter", NF_INET_LOCAL_OUT, 0);
	rt = rule(&batch, "t", &list);
	one = expression(rt, "ct", &data);
	nf_number(rt, NFTA_CT_DREG, NFT_REG_1);
	nf_number(rt, NFTA_CT_KEY, NFT_CT_STATE);
	rt_end(rt, data);
	rt_end(rt, one);
	rt_end(rt, list);
	CHECK_SYS(nf_send(&batch));
}

/*
 * Counters and times are those that it had, also of one that was begun before there were any; what
 * comes afterwards belongs to it.
 */
CKPT_CYCLE(counted, OWN)
{
	static struct list list;
	int one, two, three, i, counted = 0;

	switch_lo(true);
	one = bound(4801);
	two = bound(4802);
	three = bound(4803);
	track();
	set("nf_conntrack_acct", "0");
	say(one, three, 4803);
	set("nf_conntrack_acct", "1");
	if (!access("/proc/sys/net/netfilter/nf_conntrack_timestamp", F_OK))
		set("nf_conntrack_timestamp", "1");
	say(one, two, 4802);
	say(one, two, 4802);
	list_all(&list, CONNECTIONS);
	for (i = 0; i < list.count; i++)
		counted += !!attribute(list.one[i], CTA_COUNTERS_ORIG);
	CHECK_EQ(1, counted);
	stay(CONNECTIONS, 2);
	say(two, one, 4801);
	list_all(&list, CONNECTIONS);
	CHECK_EQ(2, list.count);
	CHECK_EQ(1, with_status(&list, IPS_SEEN_REPLY));
}

/* A rule gives labels to those that come, for which they need room from when they begin. */
static void give_labels(uint8_t label)
{
	struct rtattr *list, *one, *data, *value;
	struct batch batch = { .count = 0 };
	uint8_t labels[16] = { label };
	struct rt *rt;

	rt = rule(&batch, "t", &list);
	one = expression(rt, "immediate", &data);
	nf_number(rt, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	value = rt_nest(rt, NFTA_IMMEDIATE_DATA);
	rt_add(rt, NFTA_DATA_VALUE, labels, sizeof(labels));
	rt_end(rt, value);
	rt_end(rt, data);
	rt_end(rt, one);
	one = expression(rt, "ct", &data);
	nf_number(rt, NFTA_CT_SREG, NFT_REG_1);
	nf_number(rt, NFTA_CT_KEY, NFT_CT_LABELS);
	rt_end(rt, data);
	rt_end(rt, one);
	rt_end(rt, list);
	CHECK_SYS(nf_send(&batch));
}

/* Those that have a label keep it, and get another one; those that can't have one get none. */
CKPT_CYCLE(labelled, OWN)
{
	static struct list list;
	int one, two, three, i, labelled = 0;

	switch_lo(true);
	one = bound(4801);
	two = bound(4802);
	three = bound(4803);
	track();
	say(one, two, 4802);
	give_labels(1);
	say(two, one, 4801);
	say(three, two, 4802);
	list_all(&list, CONNECTIONS);
	for (i = 0; i < list.count; i++)
		labelled += !!attribute(list.one[i], CTA_LABELS);
	CHECK_EQ(1, labelled);
	stay(CONNECTIONS, 2);
	give_labels(2);
	say(one, two, 4802);
	say(three, two, 4802);
	list_all(&list, CONNECTIONS);
	for (labelled = i = 0; i < list.count; i++) {
		const struct rtattr *attr = attribute(list.one[i], CTA_LABELS);

		if (attr) {
			labelled++;
			CHECK(*(const uint8_t *)RTA_DATA(attr) & 2, "it gets no label any more");
		}
	}
	CHECK_EQ(1, labelled);
}

/* One that has taken the address of a device goes when that is switched off; others do not. */
CKPT_CYCLE(masqueraded, OWN)
{
	static const struct flow other = { "10.1.0.1", "10.1.0.3", IPPROTO_UDP, 1001, 53 };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	struct batch batch = { .count = 0 };
	struct rtattr *list, *one, *data;
	struct rt rt, *r;

	rt_end(&rt, rt_device(&rt, "d0", 0, "dummy"));
	if (rt_ask(&rt)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		ckpt_not_here();
	}
	rt_address("d0", "10.2.0.1", 24);
	rt_switch("d0", true);
	track();
	table(&batch, "nat");
	chain(&batch, "nat", "nat", NF_INET_POST_ROUTING, 100);
	r = rule(&batch, "nat", &list);
	one = expression(r, "masq", &data);
	rt_end(r, data);
	rt_end(r, one);
	rt_end(r, list);
	CHECK_SYS(nf_send(&batch));
	CHECK_EQ(1, inet_pton(AF_INET, "10.2.0.2", &in.sin_addr));
	CHECK_EQ(1, sendto(fd, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)));
	make_plain(&other, 0);
	stay(CONNECTIONS, 2);
	rt_switch("d0", false);
	while (count_all(CONNECTIONS) > 1)
		sched_yield();
	CHECK_EQ(1, count_all(CONNECTIONS));
}

/* ---- a connection that goes on --------------------------------------------------- */

static void tell(int fd, const char *text)
{
	CHECK_EQ((ssize_t)strlen(text), send(fd, text, strlen(text), MSG_NOSIGNAL));
}

static void hear(int fd, const char *text)
{
	size_t len = strlen(text);
	char got[16];

	CHECK_EQ((ssize_t)len, recv(fd, got, len, MSG_WAITALL));
	CHECK(!memcmp(text, got, len), "something else has come");
}

#define ASKED	4811
#define GIVEN	4812

/* What goes to one port gets to another one. */
static void redirect(void)
{
	uint16_t asked = htons(ASKED), given = htons(GIVEN);
	struct batch batch = { .count = 0 };
	struct rtattr *list, *one, *data, *value;
	struct rt *rt;

	/* One that was closed on one side would be forgotten within a minute. */
	set("nf_conntrack_tcp_timeout_fin_wait", "100000");
	set("nf_conntrack_tcp_timeout_close_wait", "100000");
	table(&batch, "nat");
	chain(&batch, "nat", "nat", NF_INET_LOCAL_OUT, -100);
	rt = rule(&batch, "nat", &list);
	load_port(rt);
	is_value(rt, &asked, sizeof(asked));
	one = expression(rt, "immediate", &data);
	nf_number(rt, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	value = rt_nest(rt, NFTA_IMMEDIATE_DATA);
	rt_add(rt, NFTA_DATA_VALUE, &given, sizeof(given));
	rt_end(rt, value);
	rt_end(rt, data);
	rt_end(rt, one);
	one = expression(rt, "redir", &data);
	nf_number(rt, NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
	rt_end(rt, data);
	rt_end(rt, one);
	rt_end(rt, list);
	CHECK_SYS(nf_send(&batch));
}

/*
 * New ones are redirected no more. As long as some rule asks for them connections are tracked: without one
 * nothing is, and those that were redirected would end here, too.
 */
static void redirect_no_more(void)
{
	struct batch batch = { .count = 0 };
	struct rt *rt = nf_begin(&batch, NFT_MSG_DELRULE, 0);

	rt->nlh.nlmsg_flags &= ~NLM_F_CREATE;
	rt_add_text(rt, NFTA_RULE_TABLE, "nat");
	rt_add_text(rt, NFTA_RULE_CHAIN, "nat");
	CHECK_SYS(nf_send(&batch));
}

static int connect_to_asked(void)
{
	struct sockaddr_in in = on_lo(ASKED);
	int fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));

	CHECK_SYS(connect(fd, (struct sockaddr *)&in, sizeof(in)));
	return fd;
}

/*
 * Each end has another one in mind: only the connection that is tracked brings them together. One
 * whose other end has said all is not over: that still hears.
 */
CKPT_SCENARIO(redirected, OWN)
{
	int server, from, to, half, other;
	struct sockaddr_in in;
	char c;

	switch_lo(true);
	track();
	redirect();
	in = on_lo(GIVEN);
	server = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	CHECK_SYS(bind(server, (struct sockaddr *)&in, sizeof(in)));
	CHECK_SYS(listen(server, 8));
	from = connect_to_asked();
	to = CHECK_SYS(accept(server, NULL, NULL));
	tell(from, "one");
	hear(to, "one");
	half = connect_to_asked();
	other = CHECK_SYS(accept(server, NULL, NULL));
	tell(other, "all");
	CHECK_SYS(shutdown(other, SHUT_WR));
	await_event(half, POLLRDHUP);
	redirect_no_more();
	ckpt_ready_wait();
	tell(from, "two");
	hear(to, "two");
	tell(to, "three");
	hear(from, "three");
	tell(half, "four");
	hear(other, "four");
	hear(half, "all");
	CHECK_EQ(0, recv(half, &c, 1, 0));
	CHECK_SYS(close(from));
	in = on_lo(ASKED);
	from = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	CHECK(connect(from, (struct sockaddr *)&in, sizeof(in)) == -1 && errno == ECONNREFUSED,
	      "a new one is redirected, too");
}

TEST_F_TIMEOUT(cr, goes_on, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new(), ret;
	struct ckpt_run run;

	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	/* It goes on without a checkpoint. */
	ASSERT_EQ(0, ckpt_run_init(&run, &redirected, true));
	ret = ckpt_run_start(&run) || ckpt_run_go(&run) || ckpt_run_finish(&run);
	ckpt_run_fini(&run);
	ASSERT_EQ(0, ret);

	ret = ckpt_run_init(&run, &redirected, true) || ckpt_run_start(&run) ||
	      ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL) ||
	      ckpt_run_restart(&run, first, RESTART_TCP_KEEP) || ckpt_run_wait_blocked(&run) ||
	      ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL) ||
	      ckpt_run_restart(&run, second, RESTART_TCP_KEEP) || ckpt_run_wait_blocked(&run) ||
	      ckpt_run_go(&run) || ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(first);
	close(second);
	ASSERT_EQ(0, ret);
}

/* ---- what is refused ------------------------------------------------------------- */

/* Its master is gone. */
CKPT_SCENARIO(orphan, OWN)
{
	struct rt rt;

	make_web();
	make_child();
	ct_begin(&rt, CONNECTIONS | IPCTNL_MSG_CT_DELETE, 0, AF_INET);
	tuple(&rt, CTA_TUPLE_ORIG, &web);
	CHECK_SYS(ct_ask(&rt));
	ckpt_ready_wait();
	CHECK_EQ(1, count_all(CONNECTIONS));
}

TEST_F_TIMEOUT(cr, refused, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	EXPECT_EQ(0, refuse(&orphan, "its network namespace has a tracked connection that can't be "
			    "made again: remove that"));
}

/* How many a namespace may track: one number for all. Returns what it was; -1: it can't be set. */
static int most(int number)
{
	FILE *file = fopen("/proc/sys/net/netfilter/nf_conntrack_max", "r+");
	int was = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &was) != 1 || fseek(file, 0, SEEK_SET) ||
	    fprintf(file, "%d", number) < 0)
		was = -1;
	return fclose(file) ? -1 : was;
}

/* A namespace that may track fewer would give up some of them for the others. */
TEST_F_TIMEOUT(cr, too_many, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), was;
	struct restart_args args;
	struct ckpt_run run;

	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, ckpt_run_init(&run, &told, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	was = most(6);
	EXPECT_LT(6, was);
	EXPECT_EQ(-1, ckpt_run_call(&run, image, 0));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "more tracked connections than a new one takes "
				     "(net.netfilter.nf_conntrack_max): remove that")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(6, most(was));
	EXPECT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_EQ(was, most(6));
	EXPECT_EQ(0, lseek(image, 0, SEEK_SET));
	ckpt_run_restart_args(&run, &args, image, 0);
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "its network namespace had 7 tracked connections, and "
				     "may have no more than net.netfilter.nf_conntrack_max")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(6, most(was));
	EXPECT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
