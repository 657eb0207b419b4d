// SPDX-License-Identifier: GPL-2.0
/*
 * Rules of nftables in network namespaces of the tasks, also of devices and with what counts,
 * and those that are refused.
 */
#include "nftables.h"

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

/* A chain of a table that sees what comes in. */
static void chain(struct batch *batch, const char *table)
{
	struct rt *rt = nf_begin(batch, NFT_MSG_NEWCHAIN, 0);
	struct rtattr *hook;

	rt_add_text(rt, NFTA_CHAIN_TABLE, table);
	rt_add_text(rt, NFTA_CHAIN_NAME, "in");
	hook = rt_nest(rt, NFTA_CHAIN_HOOK);
	nf_number(rt, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_IN);
	nf_number(rt, NFTA_HOOK_PRIORITY, 0);
	rt_end(rt, hook);
	rt_add_text(rt, NFTA_CHAIN_TYPE, "filter");
	nf_number(rt, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

static void count(struct rt *rt)
{
	struct rtattr *data, *one = expression(rt, "counter", &data);

	rt_end(rt, data);
	rt_end(rt, one);
}

/* Begins a rule of a chain about what goes to a port. */
static struct rtattr *port_rule(struct batch *batch, const char *chain, uint16_t port,
				struct rt **rt)
{
	uint16_t big = htons(port);
	struct rtattr *list;

	*rt = nf_begin(batch, NFT_MSG_NEWRULE, NLM_F_APPEND);
	rt_add_text(*rt, NFTA_RULE_TABLE, "t");
	rt_add_text(*rt, NFTA_RULE_CHAIN, chain);
	list = rt_nest(*rt, NFTA_RULE_EXPRESSIONS);
	load_port(*rt);
	is_value(*rt, &big, sizeof(big));
	return list;
}

/* What goes to a port is counted, and dropped. */
static void drop_port(struct batch *batch, uint16_t port)
{
	struct rtattr *list;
	struct rt *rt;

	list = port_rule(batch, "in", port, &rt);
	count(rt);
	drop(rt);
	rt_end(rt, list);
}

/* What goes to a port of the set is dropped; one without a name has the number @id in the batch. */
static void drop_set(struct batch *batch, const char *set, uint32_t id)
{
	struct rt *rt = nf_begin(batch, NFT_MSG_NEWRULE, NLM_F_APPEND);
	struct rtattr *list, *one, *data;

	rt_add_text(rt, NFTA_RULE_TABLE, "t");
	rt_add_text(rt, NFTA_RULE_CHAIN, "in");
	list = rt_nest(rt, NFTA_RULE_EXPRESSIONS);
	load_port(rt);
	one = expression(rt, "lookup", &data);
	rt_add_text(rt, NFTA_LOOKUP_SET, set);
	if (id)
		nf_number(rt, NFTA_LOOKUP_SET_ID, id);
	nf_number(rt, NFTA_LOOKUP_SREG, NFT_REG_1);
	rt_end(rt, data);
	rt_end(rt, one);
	drop(rt);
	rt_end(rt, list);
}

static void ports(struct batch *batch, const char *name, uint32_t flags)
{
	struct rt *rt = nf_begin(batch, NFT_MSG_NEWSET, 0);

	rt_add_text(rt, NFTA_SET_TABLE, "t");
	rt_add_text(rt, NFTA_SET_NAME, name);
	nf_number(rt, NFTA_SET_FLAGS, flags);
	nf_number(rt, NFTA_SET_KEY_TYPE, 13 /* inet_service, for who lists it */);
	nf_number(rt, NFTA_SET_KEY_LEN, 2);
	nf_number(rt, NFTA_SET_ID, 1);
}

static void element(struct batch *batch, const char *set, uint16_t port)
{
	struct rt *rt = nf_begin(batch, NFT_MSG_NEWSETELEM, 0);
	struct rtattr *list, *one, *key;
	uint16_t big = htons(port);

	rt_add_text(rt, NFTA_SET_ELEM_LIST_TABLE, "t");
	rt_add_text(rt, NFTA_SET_ELEM_LIST_SET, set);
	nf_number(rt, NFTA_SET_ELEM_LIST_SET_ID, 1);
	list = rt_nest(rt, NFTA_SET_ELEM_LIST_ELEMENTS);
	one = rt_nest(rt, NFTA_LIST_ELEM);
	key = rt_nest(rt, NFTA_SET_ELEM_KEY);
	rt_add(rt, NFTA_DATA_VALUE, &big, sizeof(big));
	rt_end(rt, key);
	rt_end(rt, one);
	rt_end(rt, list);
}

/* The kernel has no nftables, or not what is used here. */
static bool no_nft(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct batch batch = { .count = 0 };

		if (unshare(CLONE_NEWNET))
			_exit(1);
		table(&batch, "t");
		chain(&batch, "t");
		drop_port(&batch, 1);
		_exit(nf_send(&batch) ? 1 : 0);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (no_nft())							\
		SKIP(return, "the kernel has no nftables");		\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

/* No rule is about it. */
#define FREE_PORT	4709

/* A socket at a port of the loopback device. */
static int at_port(uint16_t port, struct sockaddr_in *in)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));

	*in = (struct sockaddr_in) {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};
	CHECK_SYS(bind(fd, (struct sockaddr *)in, sizeof(*in)));
	return fd;
}

/* Does a datagram get to a port?  It has not if one that was sent after it has come before. */
static bool arrives(uint16_t port)
{
	int from = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0)), fd[2], i;
	struct sockaddr_in in[2];
	bool has_come;
	char c;

	fd[0] = at_port(port, &in[0]);
	fd[1] = at_port(FREE_PORT, &in[1]);
	for (i = 0; i < 2; i++)
		CHECK_EQ(1, sendto(from, "x", 1, 0, (struct sockaddr *)&in[i], sizeof(in[i])));
	CHECK_EQ(1, recv(fd[1], &c, 1, 0));
	has_come = recv(fd[0], &c, 1, MSG_DONTWAIT) == 1;
	CHECK(has_come || errno == EAGAIN, "%s", strerror(errno));
	CHECK_SYS(close(from));
	for (i = 0; i < 2; i++)
		CHECK_SYS(close(fd[i]));
	return has_come;
}

/* A rule, one with a set that has a name, and one with a set that has none. */
static void make_all(void)
{
	struct batch batch = { .count = 0 };

	switch_lo(true);
	table(&batch, "t");
	chain(&batch, "t");
	drop_port(&batch, 4711);
	ports(&batch, "ports", 0);
	element(&batch, "ports", 4712);
	element(&batch, "ports", 4713);
	drop_set(&batch, "ports", 0);
	CHECK_SYS(nf_send(&batch));
	ports(&batch, "__set%d", NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
	element(&batch, "__set%d", 4714);
	drop_set(&batch, "__set%d", 1);
	CHECK_SYS(nf_send(&batch));
}

static void check_all(void)
{
	uint16_t port;

	CHECK(arrives(4710) && arrives(4715), "too much is dropped");
	for (port = 4711; port <= 4714; port++)
		CHECK(!arrives(port), "what goes to port %u arrives", port);
}

CKPT_CYCLE(rules, OWN)
{
	struct batch batch = { .count = 0 };

	make_all();
	check_all();
	ckpt_ready_wait();
	check_all();
	/* It takes more. */
	drop_port(&batch, 4715);
	element(&batch, "ports", 4716);
	CHECK_SYS(nf_send(&batch));
	CHECK(!arrives(4715) && !arrives(4716), "what was added does nothing");
}

/* The tasks of a subtree. */
CKPT_CYCLE(rules_of_subtree, .flags = SC_SUBTREE)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	make_all();
	ckpt_ready_wait();
	check_all();
}

/* The kernel may have no such chains or expressions. */
static void send_if_here(struct batch *batch)
{
	if (!nf_send(batch))
		return;
	CHECK(errno == EOPNOTSUPP || errno == ENOENT || errno == EAFNOSUPPORT, "%s",
	      strerror(errno));
	ckpt_not_here();
}

/* ---- chains of devices --------------------------------------------------------- */

/* A chain of the table "t" of the family netdev, for one device, or for two. */
static void device_chain(struct batch *batch, const char *name, uint32_t hook, const char *one,
			 const char *other)
{
	struct rt *rt = nf_begin(batch, NFT_MSG_NEWCHAIN, 0);
	struct rtattr *nest, *list;

	rt_add_text(rt, NFTA_CHAIN_TABLE, "t");
	rt_add_text(rt, NFTA_CHAIN_NAME, name);
	nest = rt_nest(rt, NFTA_CHAIN_HOOK);
	nf_number(rt, NFTA_HOOK_HOOKNUM, hook);
	nf_number(rt, NFTA_HOOK_PRIORITY, 5);
	if (other) {
		list = rt_nest(rt, NFTA_HOOK_DEVS);
		rt_add_text(rt, NFTA_DEVICE_NAME, one);
		rt_add_text(rt, NFTA_DEVICE_NAME, other);
		rt_end(rt, list);
	} else {
		rt_add_text(rt, NFTA_HOOK_DEV, one);
	}
	rt_end(rt, nest);
	rt_add_text(rt, NFTA_CHAIN_TYPE, "filter");
	nf_number(rt, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

/* What comes in by the loopback device, and what goes out by that and by another one. */
CKPT_CYCLE(chains_of_devices, OWN)
{
	struct batch batch = { .count = 0 };
	struct rtattr *list;
	struct rt *rt, device;

	switch_lo(true);
	rt_end(&device, rt_device(&device, "d0", 20, "dummy"));
	if (rt_ask(&device))
		ckpt_not_here();
	nf_family = NFPROTO_NETDEV;
	table(&batch, "t");
	device_chain(&batch, "in", NF_NETDEV_INGRESS, "lo", NULL);
	device_chain(&batch, "out", NF_NETDEV_EGRESS, "d0", "lo");
	drop_port(&batch, 4711);
	list = port_rule(&batch, "out", 4712, &rt);
	drop(rt);
	rt_end(rt, list);
	send_if_here(&batch);
	CHECK(!arrives(4711) && !arrives(4712) && arrives(4713), "the chains do nothing");
	ckpt_ready_wait();
	CHECK(!arrives(4711), "the chain of what comes in does nothing");
	CHECK(!arrives(4712), "the chain of what goes out does nothing");
	CHECK(arrives(4713), "too much is dropped");
	/* They go with their devices. */
	rt_change(&device, RTM_DELLINK, "d0");
	CHECK_SYS(rt_ask(&device));
	CHECK(!arrives(4712), "it has gone with the other device");
}

/* ---- expressions that count ---------------------------------------------------- */

/* Two datagrams a week get to a port: how many did so far is not kept. */
CKPT_CYCLE(limit, OWN)
{
	struct batch batch = { .count = 0 };
	struct rtattr *list, *one, *data;
	struct rt *rt;

	switch_lo(true);
	table(&batch, "t");
	chain(&batch, "t");
	list = port_rule(&batch, "in", 4711, &rt);
	one = expression(rt, "limit", &data);
	nf_number_64(rt, NFTA_LIMIT_RATE, 1);
	nf_number_64(rt, NFTA_LIMIT_UNIT, 7 * 24 * 3600);
	nf_number(rt, NFTA_LIMIT_BURST, 2);
	nf_number(rt, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nf_number(rt, NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV);
	rt_end(rt, data);
	rt_end(rt, one);
	drop(rt);
	rt_end(rt, list);
	send_if_here(&batch);
	ckpt_ready_wait();
	CHECK(arrives(4711) && arrives(4711), "less than two arrive");
	CHECK(!arrives(4711), "more than two arrive");
}

/* Every other datagram is dropped: which one comes next is not kept. */
CKPT_CYCLE(numbers_in_turn, OWN)
{
	struct batch batch = { .count = 0 };
	struct rtattr *list, *one, *data;
	uint32_t odd = 1;
	struct rt *rt;
	int i;

	switch_lo(true);
	table(&batch, "t");
	chain(&batch, "t");
	list = port_rule(&batch, "in", 4711, &rt);
	one = expression(rt, "numgen", &data);
	nf_number(rt, NFTA_NG_DREG, NFT_REG_1);
	nf_number(rt, NFTA_NG_MODULUS, 2);
	nf_number(rt, NFTA_NG_TYPE, NFT_NG_INCREMENTAL);
	nf_number(rt, NFTA_NG_OFFSET, 0);
	rt_end(rt, data);
	rt_end(rt, one);
	is_value(rt, &odd, sizeof(odd));
	drop(rt);
	rt_end(rt, list);
	send_if_here(&batch);
	CHECK(arrives(4711), "the first one is dropped");
	ckpt_ready_wait();
	for (i = 0; i < 3; i++)
		CHECK_EQ(1, arrives(4711) + arrives(4711));
}

/* One connection at a time gets to a port: each that has a packet counts. */
CKPT_CYCLE(limit_of_connections, OWN)
{
	struct batch batch = { .count = 0 };
	struct rtattr *list, *one, *data;
	struct sockaddr_in in;
	struct rt *rt;
	int to, from;
	char c;

	switch_lo(true);
	table(&batch, "t");
	chain(&batch, "t");
	list = port_rule(&batch, "in", 4711, &rt);
	one = expression(rt, "connlimit", &data);
	nf_number(rt, NFTA_CONNLIMIT_COUNT, 1);
	nf_number(rt, NFTA_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV);
	rt_end(rt, data);
	rt_end(rt, one);
	drop(rt);
	rt_end(rt, list);
	send_if_here(&batch);
	to = at_port(4711, &in);
	from = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_EQ(1, sendto(from, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)));
	CHECK_EQ(1, recv(to, &c, 1, 0));
	ckpt_ready_wait();
	CHECK_EQ(1, sendto(from, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)));
	CHECK_EQ(1, recv(to, &c, 1, 0));
	CHECK_SYS(close(to));
	CHECK(!arrives(4711), "another one gets there, too");
}

/* ---- what is refused ----------------------------------------------------------- */

/* A table that goes with the socket that has made it. */
CKPT_SCENARIO(owned, OWN)
{
	struct batch batch = { .count = 0 };
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	struct nfgenmsg header = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	static char buf[sizeof(struct rt) * 3];
	struct nlmsghdr answer[64];
	struct rt begin, end, *rt;
	size_t len = 0;

	switch_lo(true);
	rt_begin(&begin, NFNL_MSG_BATCH_BEGIN, 0, &header, sizeof(header));
	begin.nlh.nlmsg_flags = NLM_F_REQUEST;
	rt_begin(&end, NFNL_MSG_BATCH_END, 0, &header, sizeof(header));
	end.nlh.nlmsg_flags = NLM_F_REQUEST;
	rt = nf_begin(&batch, NFT_MSG_NEWTABLE, 0);
	rt_add_text(rt, NFTA_TABLE_NAME, "mine");
	nf_number(rt, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	len = append(buf, len, &begin);
	len = append(buf, len, rt);
	len = append(buf, len, &end);
	CHECK_EQ((ssize_t)len, send(fd, buf, len, 0));
	CHECK_SYS(recv(fd, answer, sizeof(answer), 0));
	CHECK_EQ(0, ((struct nlmsgerr *)NLMSG_DATA(&answer[0]))->error);
	ckpt_ready_wait();
}

/* Tables whose chains see what comes in the other way round than new ones would: the last one first. */
CKPT_SCENARIO(ordered, OWN)
{
	struct batch batch = { .count = 0 };

	switch_lo(true);
	table(&batch, "a");
	table(&batch, "b");
	chain(&batch, "b");
	chain(&batch, "a");
	CHECK_SYS(nf_send(&batch));
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(cr, refused, CKPT_TIMEOUT)
{
	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	EXPECT_EQ(0, refuse(&owned, "its network namespace has tables of nftables of its own: "
			    "remove that"));
	EXPECT_EQ(0, refuse(&ordered, "its network namespace has rules of nftables or iptables, "
			    "tracked connections, or chains in an order that new ones don't get: "
			    "remove that"));
}

TEST_HARNESS_MAIN
