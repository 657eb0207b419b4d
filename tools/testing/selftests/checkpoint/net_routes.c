// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses, routes, rules and neighbours of a network namespace of the tasks' own that has no
 * device but its loopback device: any kernel has that.
 */
#include "rtnetlink.h"

#include <linux/fib_rules.h>
#include <linux/neighbour.h>

CKPT_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

#define LO	1

static bool has_ipv6(void)
{
	return !access("/proc/sys/net/ipv6/conf/lo/disable_ipv6", F_OK);
}

/* The address of a UDP socket that is bound to @text; false: there is no such address. */
static bool is_ours(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	bool v6 = strchr(text, ':');
	int fd = CHECK_SYS(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), ret;

	if (v6) {
		rt_parse(text, &in6.sin6_addr);
		ret = bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	} else {
		rt_parse(text, &in.sin_addr);
		ret = bind(fd, (struct sockaddr *)&in, sizeof(in));
	}
	CHECK(!ret || errno == EADDRNOTAVAIL, "bind to %s: %s", text, strerror(errno));
	CHECK_SYS(close(fd));
	return !ret;
}

CKPT_CYCLE(addresses, OWN)
{
	switch_lo(true);
	give_address("lo:1", 0x0a010203);
	rt_address("lo", "10.9.8.7", 32);
	if (has_ipv6())
		rt_address("lo", "fd00::7", 128);
	ckpt_ready_wait();
	CHECK_EQ(0x0a010203u, address_of("lo:1"));
	CHECK(is_ours("127.0.0.1") && is_ours("10.9.8.7"), "an address is missing");
	/* 10.0.0.0/8 is of the class of lo:1. */
	CHECK(!is_ours("172.16.8.6"), "an address too many");
	CHECK(!has_ipv6() || (is_ours("::1") && is_ours("fd00::7")), "an IPv6 address is missing");
	CHECK(!has_ipv6() || !is_ours("fd00::8"), "an IPv6 address too many");
}

/* A socket that is bound to one, and one that is connected over it. */
CKPT_CYCLE(bound, OWN)
{
	const char *const text = has_ipv6() ? "fd00::7" : "10.9.8.7";
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr *addr = has_ipv6() ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	socklen_t len = has_ipv6() ? sizeof(in6) : sizeof(in);
	int to, from;
	char c;

	switch_lo(true);
	rt_address("lo", text, has_ipv6() ? 128 : 32);
	rt_parse(text, has_ipv6() ? (void *)&in6.sin6_addr : (void *)&in.sin_addr);
	to = CHECK_SYS(socket(addr->sa_family, SOCK_DGRAM, 0));
	CHECK_SYS(bind(to, addr, len));
	CHECK_SYS(getsockname(to, addr, &len));
	from = CHECK_SYS(socket(addr->sa_family, SOCK_DGRAM, 0));
	CHECK_SYS(connect(from, addr, len));
	ckpt_ready_wait();
	CHECK_EQ(1, write(from, "x", 1));
	CHECK_EQ(1, read(to, &c, 1));
	CHECK_EQ('x', c);
}

/* An address that a new namespace has was taken away. */
CKPT_CYCLE(no_localhost, OWN)
{
	struct ifaddrmsg header = { .ifa_family = AF_INET, .ifa_prefixlen = 8, .ifa_index = LO };
	uint32_t localhost = htonl(INADDR_LOOPBACK);
	struct rt rt;

	switch_lo(true);
	rt_begin(&rt, RTM_DELADDR, 0, &header, sizeof(header));
	rt_add(&rt, IFA_LOCAL, &localhost, sizeof(localhost));
	CHECK_SYS(rt_ask(&rt));
	CHECK(!is_ours("127.0.0.1"), "the address has stayed");
	ckpt_ready_wait();
	CHECK(!is_ours("127.0.0.1"), "an address too many");
}

CKPT_CYCLE(routes, OWN)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };

	switch_lo(true);
	CHECK_SYS(rt_route(RTM_NEWROUTE, "10.0.0.0", 8, NULL, "lo", RT_TABLE_MAIN, RTN_UNICAST));
	CHECK_SYS(rt_route(RTM_NEWROUTE, "10.7.0.0", 16, NULL, NULL, RT_TABLE_MAIN,
			   RTN_PROHIBIT));
	/* By what is reached over the first one: it has a smaller number. */
	CHECK_SYS(rt_route(RTM_NEWROUTE, "9.0.0.0", 8, "10.1.1.1", "lo", RT_TABLE_MAIN,
			   RTN_UNICAST));
	if (has_ipv6())
		CHECK_SYS(rt_route(RTM_NEWROUTE, "fd02::", 16, NULL, NULL, RT_TABLE_MAIN,
				   RTN_BLACKHOLE));
	CHECK_EQ(LO, rt_way("10.1.1.1", 0));
	ckpt_ready_wait();
	CHECK_EQ(LO, rt_way("10.1.1.1", 0));
	CHECK_EQ(LO, rt_way("9.1.1.1", 0));
	CHECK_EQ(-1, rt_way("10.7.1.1", 0));
	CHECK_EQ(EACCES, errno);
	CHECK_EQ(-1, rt_way("11.1.1.1", 0));
	CHECK_EQ(ENETUNREACH, errno);
	if (has_ipv6()) {
		rt_parse("fd02::1", &in6.sin6_addr);
		CHECK_EQ(-1, connect(CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0)),
				     (struct sockaddr *)&in6, sizeof(in6)));
		CHECK_EQ(EINVAL, errno);
	}
}

/* A route that a new namespace has was taken away. */
CKPT_CYCLE(no_local_route, OWN)
{
	switch_lo(true);
	rt_address("lo", "10.9.8.7", 32);
	CHECK_SYS(rt_route(RTM_DELROUTE, "10.9.8.7", 32, NULL, "lo", RT_TABLE_LOCAL, RTN_LOCAL));
	CHECK_EQ(-1, rt_way("10.9.8.7", 0));
	ckpt_ready_wait();
	CHECK_EQ(-1, rt_way("10.9.8.7", 0));
	CHECK_EQ(ENETUNREACH, errno);
	CHECK_EQ(LO, rt_way("127.0.0.1", 0));
}

static int rule(int type, uint32_t priority, uint32_t mark, uint32_t table)
{
	struct fib_rule_hdr header = { .family = AF_INET, .action = FR_ACT_TO_TBL };
	struct rt rt;

	rt_begin(&rt, type, type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0, &header,
		 sizeof(header));
	rt_add_u32(&rt, FRA_PRIORITY, priority);
	rt_add_u32(&rt, FRA_TABLE, table);
	if (mark)
		rt_add_u32(&rt, FRA_FWMARK, mark);
	return rt_ask(&rt);
}

/* What kernel has no such rules refuses the first one. */
CKPT_CYCLE(rules, OWN)
{
	bool here;

	switch_lo(true);
	here = !rule(RTM_NEWRULE, 100, 7, 1000);
	CHECK(here || errno == EOPNOTSUPP, "%s", strerror(errno));
	if (here) {
		CHECK_SYS(rt_route(RTM_NEWROUTE, "10.0.0.0", 8, NULL, "lo", 1000, RTN_UNICAST));
		/* The default table's own is not wanted. */
		CHECK_SYS(rule(RTM_DELRULE, 32767, 0, RT_TABLE_DEFAULT));
	}
	ckpt_ready_wait();
	if (!here)
		return;
	CHECK_EQ(LO, rt_way("10.1.1.1", 7));
	CHECK_EQ(-1, rt_way("10.1.1.1", 8));
	CHECK_EQ(-1, rule(RTM_DELRULE, 32767, 0, RT_TABLE_DEFAULT));
	CHECK_EQ(ENOENT, errno);
	CHECK_SYS(rule(RTM_DELRULE, 100, 7, 1000));
}

/* The loopback device with another name beside its own, queue, group and alias. */
CKPT_CYCLE(loopback, OWN)
{
	struct ifreq ifr = { .ifr_qlen = 5 };
	const struct rtattr *attr;
	struct rtattr *list;
	struct rt rt;

	switch_lo(true);
	CHECK_SYS(of_device("lo", SIOCSIFTXQLEN, &ifr));
	rt_change(&rt, RTM_SETLINK, "lo");
	rt_add(&rt, IFLA_IFALIAS, "to nowhere", 10);
	rt_add_u32(&rt, IFLA_GROUP, 12);
	CHECK_SYS(rt_ask(&rt));
	rt_change(&rt, RTM_NEWLINKPROP, "lo");
	list = rt_nest(&rt, IFLA_PROP_LIST);
	rt_add_text(&rt, IFLA_ALT_IFNAME, "the-loopback-device-of-all-tasks");
	rt_end(&rt, list);
	CHECK_SYS(rt_ask(&rt));
	ckpt_ready_wait();
	CHECK_EQ(5u, rt_number("lo", IFLA_TXQLEN));
	CHECK_EQ(12u, rt_number("lo", IFLA_GROUP));
	attr = rt_attribute(&rt, "lo", IFLA_IFALIAS);
	CHECK(attr && !strncmp("to nowhere", RTA_DATA(attr), 10), "it has another alias");
	attr = rt_attribute(&rt, "lo", IFLA_PROP_LIST);
	CHECK(attr, "it has no other name");
	CHECK_STREQ("the-loopback-device-of-all-tasks", (const char *)RTA_DATA((const struct rtattr *)
		    RTA_DATA(attr)));
}

TEST_HARNESS_MAIN
