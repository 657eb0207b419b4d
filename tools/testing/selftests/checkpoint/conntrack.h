/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that the network namespace tracks which the caller is in. */
#ifndef CKPT_TEST_CONNTRACK_H
#define CKPT_TEST_CONNTRACK_H

#include "nftables.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/* Longer than any test. */
#define LONG	100000

#define CONNECTIONS	(NFNL_SUBSYS_CTNETLINK << 8)
#define EXPECTATIONS	(NFNL_SUBSYS_CTNETLINK_EXP << 8)

/* ---- what netlink tells ---------------------------------------------------------- */

#define MOST	16

/* All that there are, each as its header and what does not change by itself. */
struct list {
	int count;
	char one[MOST][1024] __attribute__((aligned(RTA_ALIGNTO)));
};

__attribute__((unused)) static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct list *)NULL)->one[0]));
}

/* Of expected ones other numbers mean the same. */
__attribute__((unused)) static bool is_left_out(int type, int attr)
{
	if (type == EXPECTATIONS)
		return attr == CTA_EXPECT_TIMEOUT || attr == CTA_EXPECT_ID;
	return attr == CTA_TIMEOUT || attr == CTA_USE || attr == CTA_ID;
}

__attribute__((unused)) static void add(struct list *list, int type, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *header = NLMSG_DATA(nlh);
	int left = NLMSG_PAYLOAD(nlh, sizeof(*header));
	const struct rtattr *attr = (const void *)((const char *)header + NLMSG_ALIGN(sizeof(*header)));
	char *to;

	CHECK(list->count < MOST, "too many");
	to = list->one[list->count++];
	*to = header->nfgen_family;
	to += RTA_ALIGNTO;
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		if (is_left_out(type, attr->rta_type & NLA_TYPE_MASK))
			continue;
		CHECK(to + RTA_ALIGN(attr->rta_len) < list->one[list->count], "too long");
		memcpy(to, attr, attr->rta_len);
		to += RTA_ALIGN(attr->rta_len);
	}
}

/* Lists those of a type. */
__attribute__((unused)) static void list_all(struct list *list, int type)
{
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
	struct nfgenmsg header = { .nfgen_family = AF_UNSPEC };
	static char buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *nlh;
	bool done = false;
	struct rt rt;
	int len;

	memset(list, 0, sizeof(*list));
	rt_begin(&rt, type | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &header, sizeof(header));
	rt.nlh.nlmsg_flags &= ~NLM_F_ACK;
	CHECK_EQ((ssize_t)rt.nlh.nlmsg_len, send(fd, &rt, rt.nlh.nlmsg_len, 0));
	while (!done) {
		len = CHECK_SYS(recv(fd, buf, sizeof(buf), 0));
		for (nlh = (void *)buf; NLMSG_OK(nlh, (unsigned int)len); nlh = NLMSG_NEXT(nlh, len)) {
			CHECK(nlh->nlmsg_type != NLMSG_ERROR, "not listed");
			done = nlh->nlmsg_type == NLMSG_DONE;
			if (done)
				break;
			add(list, type, nlh);
		}
	}
	CHECK_SYS(close(fd));
	qsort(list->one, list->count, sizeof(list->one[0]), compare);
}

__attribute__((unused)) static int count_all(int type)
{
	static struct list list;

	list_all(&list, type);
	return list.count;
}

/* The first attribute of an item; NULL: it has none. */
__attribute__((unused)) static const struct rtattr *attribute(const char *item, int type)
{
	const struct rtattr *attr = (const void *)(item + RTA_ALIGNTO);

	for (; attr->rta_len;
	     attr = (const void *)((const char *)attr + RTA_ALIGN(attr->rta_len))) {
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return attr;
	}
	return NULL;
}

/* How many connections have all of these bits of their status. */
__attribute__((unused)) static int with_status(const struct list *list, uint32_t bits)
{
	int count = 0, i;

	for (i = 0; i < list->count; i++) {
		const struct rtattr *attr = attribute(list->one[i], CTA_STATUS);
		uint32_t status;

		CHECK(attr, "no status");
		memcpy(&status, RTA_DATA(attr), sizeof(status));
		count += (be32toh(status) & bits) == bits;
	}
	return count;
}

/* ---- requests -------------------------------------------------------------------- */

__attribute__((unused)) static int ct_ask(struct rt *rt)
{
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
	const struct nlmsgerr *answer = NLMSG_DATA(&rt->nlh);

	CHECK_EQ((ssize_t)rt->nlh.nlmsg_len, send(fd, rt, rt->nlh.nlmsg_len, 0));
	CHECK_SYS(recv(fd, rt, sizeof(*rt), 0));
	CHECK_EQ(NLMSG_ERROR, rt->nlh.nlmsg_type);
	CHECK_SYS(close(fd));
	errno = -answer->error;
	return answer->error ? -1 : 0;
}

__attribute__((unused)) static void ct_begin(struct rt *rt, int type, int flags, int family)
{
	struct nfgenmsg header = { .nfgen_family = family };

	rt_begin(rt, type, flags, &header, sizeof(header));
}

__attribute__((unused)) static void add_u16(struct rt *rt, int type, uint16_t value)
{
	value = htobe16(value);
	rt_add(rt, type, &value, sizeof(value));
}

__attribute__((unused)) static void add_u8(struct rt *rt, int type, uint8_t value)
{
	rt_add(rt, type, &value, sizeof(value));
}

/* One end to the other. */
struct flow {
	const char *src, *dst;
	int proto, from, to;
};

/* For ICMP @from is the number of the message, and @to its type. */
__attribute__((unused))
static struct rtattr *tuple(struct rt *rt, int type, const struct flow *flow)
{
	struct rtattr *whole = rt_nest(rt, type), *part = rt_nest(rt, CTA_TUPLE_IP);
	char address[16];
	size_t len;

	len = rt_parse(flow->src, address);
	rt_add(rt, len == 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, address, len);
	len = rt_parse(flow->dst, address);
	rt_add(rt, len == 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, address, len);
	rt_end(rt, part);
	part = rt_nest(rt, CTA_TUPLE_PROTO);
	add_u8(rt, CTA_PROTO_NUM, flow->proto);
	if (flow->proto == IPPROTO_ICMP) {
		add_u16(rt, CTA_PROTO_ICMP_ID, flow->from);
		add_u8(rt, CTA_PROTO_ICMP_TYPE, flow->to);
		add_u8(rt, CTA_PROTO_ICMP_CODE, 0);
	} else {
		add_u16(rt, CTA_PROTO_SRC_PORT, flow->from);
		add_u16(rt, CTA_PROTO_DST_PORT, flow->to);
	}
	rt_end(rt, part);
	rt_end(rt, whole);
	return whole;
}

/* Begins a connection that is to be made. */
__attribute__((unused))
static void connection(struct rt *rt, const struct flow *flow, uint32_t status)
{
	struct flow reply = {
		.src = flow->dst, .dst = flow->src, .proto = flow->proto,
		.from = flow->to, .to = flow->from,
	};

	if (flow->proto == IPPROTO_ICMP) {
		/* An echo is answered by a reply with its number. */
		reply.from = flow->from;
		reply.to = 0;
	}
	ct_begin(rt, CONNECTIONS | IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL,
		 strchr(flow->src, ':') ? AF_INET6 : AF_INET);
	tuple(rt, CTA_TUPLE_ORIG, flow);
	tuple(rt, CTA_TUPLE_REPLY, &reply);
	nf_number(rt, CTA_STATUS, status | IPS_CONFIRMED);
	nf_number(rt, CTA_TIMEOUT, LONG);
}

/* What an address and a port become: @type is CTA_NAT_SRC or CTA_NAT_DST. */
__attribute__((unused)) static void changes(struct rt *rt, int type, const char *to, int port)
{
	struct rtattr *nat = rt_nest(rt, type), *proto;
	char address[16];

	rt_add(rt, CTA_NAT_V4_MINIP, address, rt_parse(to, address));
	proto = rt_nest(rt, CTA_NAT_PROTO);
	add_u16(rt, CTA_PROTONAT_PORT_MIN, port);
	rt_end(rt, proto);
	rt_end(rt, nat);
}

/* Adds that it is a connection of TCP, in a state. */
__attribute__((unused)) static void tcp_info(struct rt *rt, int state)
{
	struct nf_ct_tcp_flags flags = {
		.flags = IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM, .mask = 0xff,
	};
	struct rtattr *info = rt_nest(rt, CTA_PROTOINFO), *tcp = rt_nest(rt, CTA_PROTOINFO_TCP);

	add_u8(rt, CTA_PROTOINFO_TCP_STATE, state);
	add_u8(rt, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, 7);
	add_u8(rt, CTA_PROTOINFO_TCP_WSCALE_REPLY, 9);
	rt_add(rt, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &flags, sizeof(flags));
	rt_add(rt, CTA_PROTOINFO_TCP_FLAGS_REPLY, &flags, sizeof(flags));
	rt_end(rt, tcp);
	rt_end(rt, info);
}

/* Adds by how much numbers of one direction are shifted. */
__attribute__((unused)) static void shift(struct rt *rt, int type, uint32_t by)
{
	struct rtattr *nest = rt_nest(rt, type);

	nf_number(rt, CTA_SEQADJ_CORRECTION_POS, 17);
	nf_number(rt, CTA_SEQADJ_OFFSET_BEFORE, by);
	nf_number(rt, CTA_SEQADJ_OFFSET_AFTER, by + 1);
	rt_end(rt, nest);
}

__attribute__((unused)) static bool no_nat(void)
{
	static const struct flow flow = { "10.1.0.1", "10.1.0.3", IPPROTO_UDP, 1, 53 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct rt rt;

		if (unshare(CLONE_NEWNET))
			_exit(1);
		connection(&rt, &flow, 0);
		changes(&rt, CTA_NAT_SRC, "10.1.0.9", 5001);
		_exit(ct_ask(&rt) ? 1 : 0);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (no_nat())							\
		SKIP(return, "the kernel does not track connections");	\
} while (0)

/* All are as they were, through what comes. */
__attribute__((unused)) static void stay(int type, int count)
{
	static struct list before, after;

	list_all(&before, type);
	CHECK_EQ(count, before.count);
	ckpt_ready_wait();
	list_all(&after, type);
	CHECK_EQ(count, after.count);
	CHECK(!memcmp(&before, &after, sizeof(before)), "they are others");
}

__attribute__((unused)) static void set(const char *setting, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/%s", setting);
	fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	CHECK_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	CHECK_SYS(close(fd));
}

/* A chain that is called as its table. */
__attribute__((unused)) static void chain(struct batch *batch, const char *name, const char *type, int hook, int priority)
{
	struct rt *rt = nf_begin(batch, NFT_MSG_NEWCHAIN, 0);
	struct rtattr *nest;

	rt_add_text(rt, NFTA_CHAIN_TABLE, name);
	rt_add_text(rt, NFTA_CHAIN_NAME, name);
	nest = rt_nest(rt, NFTA_CHAIN_HOOK);
	nf_number(rt, NFTA_HOOK_HOOKNUM, hook);
	nf_number(rt, NFTA_HOOK_PRIORITY, priority);
	rt_end(rt, nest);
	rt_add_text(rt, NFTA_CHAIN_TYPE, type);
	nf_number(rt, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

/* Begins a rule; @list are its expressions. */
__attribute__((unused)) static struct rt *rule(struct batch *batch, const char *name, struct rtattr **list)
{
	struct rt *rt = nf_begin(batch, NFT_MSG_NEWRULE, NLM_F_APPEND);

	rt_add_text(rt, NFTA_RULE_TABLE, name);
	rt_add_text(rt, NFTA_RULE_CHAIN, name);
	*list = rt_nest(rt, NFTA_RULE_EXPRESSIONS);
	return rt;
}

__attribute__((unused)) static struct sockaddr_in on_lo(uint16_t port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};
}

__attribute__((unused)) static int bound(uint16_t port)
{
	struct sockaddr_in in = on_lo(port);
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));

	CHECK_SYS(bind(fd, (struct sockaddr *)&in, sizeof(in)));
	return fd;
}

/* Sends a datagram that arrives. */
__attribute__((unused)) static void say(int from, int to, uint16_t port)
{
	struct sockaddr_in in = on_lo(port);
	char c;

	CHECK_EQ(1, sendto(from, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)));
	CHECK_EQ(1, recv(to, &c, 1, 0));
}

#endif /* CKPT_TEST_CONNTRACK_H */
