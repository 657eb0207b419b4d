// SPDX-License-Identifier: GPL-2.0
/*
 * Nexthops that are objects of their own, in a network namespace of the tasks' own: their numbers, what they
 * have, their groups, and routes by them.
 */
#include "rtnetlink.h"

CKPT_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

/* Begins a nexthop. */
static void begin(struct rt *rt, uint32_t id, int family, int protocol)
{
	struct nhmsg header = { .nh_family = family, .nh_protocol = protocol };

	rt_begin(rt, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_u32(rt, NHA_ID, id);
}

/* Makes one by a gateway over a device. */
static void make(uint32_t id, const char *gateway, const char *name)
{
	char address[16];
	size_t len = rt_parse(gateway, address);
	struct rt rt;

	begin(&rt, id, len == 4 ? AF_INET : AF_INET6, 99);
	rt_add(&rt, NHA_GATEWAY, address, len);
	rt_add_u32(&rt, NHA_OIF, if_nametoindex(name));
	CHECK_SYS(rt_ask(&rt));
}

/* Makes a group of two with weights. */
static void make_group(uint32_t id, uint32_t one, uint32_t other)
{
	struct nexthop_grp members[2] = { { .id = one }, { .id = other, .weight = 2 } };
	struct rt rt;

	begin(&rt, id, AF_UNSPEC, 98);
	rt_add(&rt, NHA_GROUP, members, sizeof(members));
	CHECK_SYS(rt_ask(&rt));
}

/* What the kernel tells of one. */
static void ask(struct rt *rt, uint32_t id)
{
	struct nhmsg header = { .nh_family = AF_UNSPEC };

	rt_begin(rt, RTM_GETNEXTHOP, 0, &header, sizeof(header));
	rt_add_u32(rt, NHA_ID, id);
	CHECK_SYS(rt_ask(rt));
	CHECK_EQ(RTM_NEWNEXTHOP, rt->nlh.nlmsg_type);
}

/* It tells the same as in @before. */
static void check_same(const struct rt *before, uint32_t id)
{
	struct rt now;

	ask(&now, id);
	CHECK_EQ(before->nlh.nlmsg_len, now.nlh.nlmsg_len);
	CHECK(!memcmp(before->rest, now.rest, now.nlh.nlmsg_len - sizeof(now.nlh)),
	      "the nexthop %u is another one", id);
}

static int take_away(uint32_t id)
{
	struct nhmsg header = { .nh_family = AF_UNSPEC };
	struct rt rt;

	rt_begin(&rt, RTM_DELNEXTHOP, 0, &header, sizeof(header));
	rt_add_u32(&rt, NHA_ID, id);
	return rt_ask(&rt);
}

/* Makes a route by the nexthop. */
static void route_by(const char *to, int prefix, uint32_t id)
{
	char address[16];
	size_t len = rt_parse(to, address);
	struct rtmsg header = {
		.rtm_family = len == 4 ? AF_INET : AF_INET6, .rtm_dst_len = prefix,
		.rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST, .rtm_table = RT_TABLE_MAIN,
	};
	struct rt rt;

	rt_begin(&rt, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add(&rt, RTA_DST, address, len);
	rt_add_u32(&rt, RTA_NH_ID, id);
	CHECK_SYS(rt_ask(&rt));
}

/* A device that is on, with an address of each family. */
static void device(const char *name, int index, const char *address, const char *address6)
{
	struct rt rt;

	rt_end(&rt, rt_device(&rt, name, index, "dummy"));
	if (rt_ask(&rt)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		ckpt_not_here();
	}
	rt_address(name, address, 24);
	if (!access("/proc/sys/net/ipv6", F_OK))
		rt_address(name, address6, 64);
	rt_switch(name, true);
}

CKPT_CYCLE(by_gateway, OWN)
{
	struct rt before;

	switch_lo(true);
	device("d0", 40, "10.1.2.3", "fd01::3");
	make(7, "10.1.2.254", "d0");
	route_by("192.0.2.0", 24, 7);
	ask(&before, 7);
	CHECK_EQ(40, rt_way("192.0.2.1", 0));
	ckpt_ready_wait();
	check_same(&before, 7);
	CHECK_EQ(40, rt_way("192.0.2.1", 0));
	/* The route is by it: it goes with it. */
	CHECK_SYS(take_away(7));
	CHECK_EQ(-1, rt_way("192.0.2.1", 0));
}

CKPT_CYCLE(of_ipv6, OWN)
{
	struct rt before;

	if (access("/proc/sys/net/ipv6", F_OK))
		ckpt_not_here();
	switch_lo(true);
	device("d0", 40, "10.1.2.3", "fd01::3");
	make(8, "fd01::fe", "d0");
	route_by("fd77::", 64, 8);
	/* A route of IPv4 by a gateway of IPv6. */
	route_by("192.0.2.0", 24, 8);
	ask(&before, 8);
	ckpt_ready_wait();
	check_same(&before, 8);
	CHECK_EQ(40, rt_way("fd77::1", 0));
	CHECK_EQ(40, rt_way("192.0.2.1", 0));
	CHECK_SYS(take_away(8));
	CHECK_EQ(-1, rt_way("fd77::1", 0));
	CHECK_EQ(-1, rt_way("192.0.2.1", 0));
}

/* Groups share the same nexthops; one has a lower number than what it is of. */
CKPT_CYCLE(groups, OWN)
{
	struct rt before[2];

	switch_lo(true);
	device("d0", 40, "10.1.2.3", "fd01::3");
	device("d1", 41, "10.1.3.3", "fd02::3");
	make(17, "10.1.2.254", "d0");
	make(18, "10.1.3.254", "d1");
	make_group(5, 17, 18);
	make_group(30, 18, 17);
	route_by("192.0.2.0", 24, 5);
	route_by("198.51.100.0", 24, 30);
	ask(&before[0], 5);
	ask(&before[1], 30);
	ckpt_ready_wait();
	check_same(&before[0], 5);
	check_same(&before[1], 30);
	/* What is left of a group goes on. */
	CHECK_SYS(take_away(17));
	CHECK_EQ(41, rt_way("192.0.2.1", 0));
	CHECK_EQ(41, rt_way("198.51.100.1", 0));
	CHECK_SYS(take_away(5));
	CHECK_EQ(-1, rt_way("192.0.2.1", 0));
}

/* The gateway is reached by a route that is none of an address. */
CKPT_CYCLE(behind_a_route, OWN)
{
	struct rt before;

	switch_lo(true);
	device("d0", 40, "10.1.2.3", "fd01::3");
	CHECK_SYS(rt_route(RTM_NEWROUTE, "10.9.0.0", 24, NULL, "d0", RT_TABLE_MAIN, RTN_UNICAST));
	make(7, "10.9.0.1", "d0");
	route_by("192.0.2.0", 24, 7);
	ask(&before, 7);
	ckpt_ready_wait();
	check_same(&before, 7);
	CHECK_EQ(40, rt_way("192.0.2.1", 0));
}

/* One that nothing goes by, that drops what gets to it, and one of a bridge. */
CKPT_CYCLE(others, OWN)
{
	struct rt rt, before[2];
	char address[16];

	switch_lo(true);
	begin(&rt, 7, AF_INET, 0);
	rt_add(&rt, NHA_BLACKHOLE, NULL, 0);
	CHECK_SYS(rt_ask(&rt));
	begin(&rt, 9, AF_INET, 0);
	rt_add(&rt, NHA_FDB, NULL, 0);
	rt_add(&rt, NHA_GATEWAY, address, rt_parse("10.7.7.7", address));
	CHECK_SYS(rt_ask(&rt));
	ask(&before[0], 7);
	ask(&before[1], 9);
	ckpt_ready_wait();
	check_same(&before[0], 7);
	check_same(&before[1], 9);
}

/* Routes tell only the number of their nexthop. */
CKPT_CYCLE(not_told, OWN)
{
	int fd;

	switch_lo(true);
	device("d0", 40, "10.1.2.3", "fd01::3");
	fd = CHECK_SYS(open("/proc/sys/net/ipv4/nexthop_compat_mode", O_WRONLY | O_CLOEXEC));
	CHECK_EQ(1, write(fd, "0", 1));
	CHECK_SYS(close(fd));
	make(7, "10.1.2.254", "d0");
	route_by("192.0.2.0", 24, 7);
	ckpt_ready_wait();
	CHECK_EQ(40, rt_way("192.0.2.1", 0));
	CHECK_SYS(take_away(7));
	CHECK_EQ(-1, rt_way("192.0.2.1", 0));
}

TEST_HARNESS_MAIN
