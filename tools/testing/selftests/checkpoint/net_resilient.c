// SPDX-License-Identifier: GPL-2.0
/*
 * Resilient groups of nexthops: which nexthop each bucket has, which is not what a new group would give it,
 * since when it was not used, and a group that is not balanced.
 */
#include "rtnetlink.h"

CKPT_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

#define GROUP	30
#define BUCKETS	16

/* What netlink tells of buckets: times are in ticks of the clock of user space. */
struct buckets {
	int count;
	unsigned int of[BUCKETS];
	unsigned long long idle[BUCKETS];
};

/* A device that is on, and a nexthop with its number over it. */
static void nexthop(const char *name, int index, const char *address, const char *gateway)
{
	struct nhmsg header = { .nh_family = AF_INET, .nh_protocol = 99 };
	char bytes[16];
	struct rt rt;

	rt_end(&rt, rt_device(&rt, name, index, "dummy"));
	if (rt_ask(&rt)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		ckpt_not_here();
	}
	rt_address(name, address, 24);
	rt_switch(name, true);
	rt_begin(&rt, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_u32(&rt, NHA_ID, index);
	rt_add(&rt, NHA_GATEWAY, bytes, rt_parse(gateway, bytes));
	rt_add_u32(&rt, NHA_OIF, index);
	CHECK_SYS(rt_ask(&rt));
}

/* Makes the group of these, or makes another one of it. */
static void group(int flags, const struct nexthop_grp *members, int count)
{
	struct nhmsg header = { .nh_family = AF_UNSPEC };
	uint16_t type = NEXTHOP_GRP_TYPE_RES, buckets = BUCKETS;
	struct rtattr *nest;
	struct rt rt;

	rt_begin(&rt, RTM_NEWNEXTHOP, NLM_F_CREATE | flags, &header, sizeof(header));
	rt_add_u32(&rt, NHA_ID, GROUP);
	rt_add(&rt, NHA_GROUP, members, count * sizeof(*members));
	rt_add(&rt, NHA_GROUP_TYPE, &type, sizeof(type));
	nest = rt_nest(&rt, NHA_RES_GROUP);
	rt_add(&rt, NHA_RES_GROUP_BUCKETS, &buckets, sizeof(buckets));
	/* An hour and two, in ticks. */
	rt_add_u32(&rt, NHA_RES_GROUP_IDLE_TIMER, 360000);
	rt_add_u32(&rt, NHA_RES_GROUP_UNBALANCED_TIMER, 720000);
	rt_end(&rt, nest);
	CHECK_SYS(rt_ask(&rt));
}

static void route_by_group(void)
{
	struct rtmsg header = {
		.rtm_family = AF_INET, .rtm_dst_len = 15, .rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST, .rtm_table = RT_TABLE_MAIN,
	};
	char address[16];
	struct rt rt;

	rt_begin(&rt, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add(&rt, RTA_DST, address, rt_parse("198.18.0.0", address));
	rt_add_u32(&rt, RTA_NH_ID, GROUP);
	CHECK_SYS(rt_ask(&rt));
}

/* Reads one bucket of the answer. */
static void add_bucket(const struct nlmsghdr *nlh, struct buckets *to)
{
	const struct rtattr *attr, *part;
	int n = NLMSG_PAYLOAD(nlh, sizeof(struct nhmsg)), m;

	attr = (const void *)((const char *)NLMSG_DATA(nlh) + NLMSG_ALIGN(sizeof(struct nhmsg)));
	CHECK(to->count < BUCKETS, "there are too many buckets");
	for (; RTA_OK(attr, n); attr = RTA_NEXT(attr, n)) {
		if ((attr->rta_type & NLA_TYPE_MASK) != NHA_RES_BUCKET)
			continue;
		m = RTA_PAYLOAD(attr);
		for (part = RTA_DATA(attr); RTA_OK(part, m); part = RTA_NEXT(part, m)) {
			if (part->rta_type == NHA_RES_BUCKET_NH_ID)
				memcpy(&to->of[to->count], RTA_DATA(part), 4);
			if (part->rta_type == NHA_RES_BUCKET_IDLE_TIME)
				memcpy(&to->idle[to->count], RTA_DATA(part), 8);
		}
	}
	to->count++;
}

static void read_buckets(struct buckets *to)
{
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)), len;
	struct nhmsg header = { .nh_family = AF_UNSPEC };
	const struct nlmsghdr *nlh;
	static char answer[65536];
	bool done = false;
	struct rt rt;

	memset(to, 0, sizeof(*to));
	rt_begin(&rt, RTM_GETNEXTHOPBUCKET, NLM_F_DUMP, &header, sizeof(header));
	rt_add_u32(&rt, NHA_ID, GROUP);
	CHECK_EQ((ssize_t)rt.nlh.nlmsg_len, send(fd, &rt, rt.nlh.nlmsg_len, 0));
	while (!done) {
		len = CHECK_SYS(recv(fd, answer, sizeof(answer), 0));
		for (nlh = (const void *)answer; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			CHECK(nlh->nlmsg_type != NLMSG_ERROR, "nothing is told");
			done = nlh->nlmsg_type == NLMSG_DONE;
			if (done)
				break;
			add_bucket(nlh, to);
		}
	}
	CHECK_SYS(close(fd));
	CHECK_EQ(BUCKETS, to->count);
}

/* They have the same nexthops, and none was used meanwhile. */
static void check_same(const struct buckets *before)
{
	struct buckets now;
	int i;

	read_buckets(&now);
	for (i = 0; i < BUCKETS; i++) {
		CHECK_EQ(before->of[i], now.of[i]);
		CHECK(now.idle[i] >= before->idle[i], "bucket %d was used %llu ticks ago, not %llu", i,
		      now.idle[i], before->idle[i]);
	}
}

static int count(const struct buckets *buckets, unsigned int of)
{
	int i, found = 0;

	for (i = 0; i < BUCKETS; i++)
		found += buckets->of[i] == of;
	return found;
}

static void begin(void)
{
	switch_lo(true);
	nexthop("d0", 40, "10.1.2.3", "10.1.2.254");
	nexthop("d1", 41, "10.1.3.3", "10.1.3.254");
}

/* Members that came later have got other buckets than in a new group. */
CKPT_CYCLE(balanced, OWN)
{
	static const struct nexthop_grp both[] = { { .id = 40 }, { .id = 41 } };
	struct buckets fresh, before;

	begin();
	group(NLM_F_EXCL, both, 2);
	read_buckets(&fresh);
	group(NLM_F_REPLACE, &both[fresh.of[0] == 40 ? 0 : 1], 1);
	group(NLM_F_REPLACE, both, 2);
	read_buckets(&before);
	CHECK(memcmp(fresh.of, before.of, sizeof(fresh.of)), "the buckets are those of a new group");
	route_by_group();
	ckpt_ready_wait();
	check_same(&before);
	/* It is balanced: nothing moves. */
	group(NLM_F_REPLACE, both, 2);
	check_same(&before);
	CHECK(rt_way("198.18.0.1", 0) >= 40, "there is no way");
}

/* Buckets that are used keep their nexthop, though others should have more. */
CKPT_CYCLE(not_balanced, OWN)
{
	static const struct nexthop_grp even[] = { { .id = 40 }, { .id = 41 } };
	static const struct nexthop_grp odd[] = { { .id = 40, .weight = 2 }, { .id = 41 } };
	struct buckets before;
	char to[32];
	int i;

	begin();
	group(NLM_F_EXCL, even, 2);
	route_by_group();
	for (i = 0; i < 2048; i++) {
		snprintf(to, sizeof(to), "198.18.%d.%d", i / 256, i % 256);
		CHECK(rt_way(to, 0) >= 40, "there is no way");
	}
	group(NLM_F_REPLACE, odd, 2);
	read_buckets(&before);
	/* A new group would have twelve of the first one. */
	CHECK_EQ(BUCKETS / 2, count(&before, 40));
	ckpt_ready_wait();
	check_same(&before);
	/* As the ones that are to go are busy. */
	group(NLM_F_REPLACE, odd, 2);
	check_same(&before);
}

TEST_HARNESS_MAIN
