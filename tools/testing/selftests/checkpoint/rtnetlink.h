/* SPDX-License-Identifier: GPL-2.0 */
/* Requests of rtnetlink(7) to the network namespace that the caller is in. */
#ifndef CKPT_TEST_RTNETLINK_H
#define CKPT_TEST_RTNETLINK_H

#include "net_devices.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

struct rt {
	struct nlmsghdr nlh;
	char rest[2040];
};

/* Begins a request with the header of its family. */
__attribute__((unused))
static void rt_begin(struct rt *rt, int type, int flags, const void *header, size_t len)
{
	memset(rt, 0, sizeof(*rt));
	rt->nlh.nlmsg_type = type;
	rt->nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	rt->nlh.nlmsg_len = NLMSG_LENGTH(len);
	memcpy(NLMSG_DATA(&rt->nlh), header, len);
}

/* Adds an attribute. */
__attribute__((unused))
static struct rtattr *rt_add(struct rt *rt, int type, const void *data, size_t len)
{
	struct rtattr *attr = (struct rtattr *)((char *)rt + NLMSG_ALIGN(rt->nlh.nlmsg_len));

	CHECK(NLMSG_ALIGN(rt->nlh.nlmsg_len) + RTA_SPACE(len) <= sizeof(*rt), "request too long");
	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attr), data, len);
	rt->nlh.nlmsg_len = NLMSG_ALIGN(rt->nlh.nlmsg_len) + RTA_SPACE(len);
	return attr;
}

__attribute__((unused)) static void rt_add_u32(struct rt *rt, int type, uint32_t value)
{
	rt_add(rt, type, &value, sizeof(value));
}

__attribute__((unused)) static void rt_add_text(struct rt *rt, int type, const char *text)
{
	rt_add(rt, type, text, strlen(text) + 1);
}

/* Begins an attribute that has others. */
__attribute__((unused)) static struct rtattr *rt_nest(struct rt *rt, int type)
{
	return rt_add(rt, type | NLA_F_NESTED, NULL, 0);
}

/* Ends it. */
__attribute__((unused)) static void rt_end(struct rt *rt, struct rtattr *nest)
{
	nest->rta_len = (char *)rt + rt->nlh.nlmsg_len - (char *)nest;
}

/* Sends a request; returns 0, or -1 with errno. The first answer takes its place if it is no errno. */
__attribute__((unused)) static int rt_ask(struct rt *rt)
{
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	const struct nlmsgerr *answer = NLMSG_DATA(&rt->nlh);

	CHECK_EQ((ssize_t)rt->nlh.nlmsg_len, send(fd, rt, rt->nlh.nlmsg_len, 0));
	CHECK_SYS(recv(fd, rt, sizeof(*rt), 0));
	CHECK_SYS(close(fd));
	if (rt->nlh.nlmsg_type != NLMSG_ERROR)
		return 0;
	errno = -answer->error;
	return answer->error ? -1 : 0;
}

/* Begins a device that is to be made, of a kind, with this number if it is not 0. */
__attribute__((unused))
static struct rtattr *rt_device(struct rt *rt, const char *name, int index, const char *kind)
{
	struct ifinfomsg header = { .ifi_index = index };
	struct rtattr *info;

	rt_begin(rt, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_text(rt, IFLA_IFNAME, name);
	info = rt_nest(rt, IFLA_LINKINFO);
	rt_add_text(rt, IFLA_INFO_KIND, kind);
	return info;
}

/* Begins a request about the device @name. */
__attribute__((unused)) static void rt_change(struct rt *rt, int type, const char *name)
{
	struct ifinfomsg header = { .ifi_index = if_nametoindex(name) };

	CHECK(header.ifi_index, "there is no device %s", name);
	rt_begin(rt, type, 0, &header, sizeof(header));
}

/* What netlink tells of the device @name, in @rt; returns an attribute of that, or NULL. */
__attribute__((unused))
static const struct rtattr *rt_attribute(struct rt *rt, const char *name, int type)
{
	const struct rtattr *attr;
	int len;

	rt_change(rt, RTM_GETLINK, name);
	/* Without statistics, so that there is room for it. */
	rt_add_u32(rt, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	CHECK_SYS(rt_ask(rt));
	len = IFLA_PAYLOAD(&rt->nlh);
	for (attr = IFLA_RTA(NLMSG_DATA(&rt->nlh)); RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return attr;
	}
	return NULL;
}

__attribute__((unused)) static uint32_t rt_number(const char *name, int type)
{
	const struct rtattr *attr;
	uint32_t value;
	struct rt rt;

	attr = rt_attribute(&rt, name, type);
	CHECK(attr, "%s has no attribute %d", name, type);
	memcpy(&value, RTA_DATA(attr), sizeof(value));
	return value;
}

/* An attribute in IFLA_INFO_DATA, or in IFLA_INFO_SLAVE_DATA, of @len bytes. */
__attribute__((unused))
static uint32_t rt_detail(const char *name, int where, int type, size_t len)
{
	const struct rtattr *info, *part, *attr;
	struct rt rt;
	int n, m;

	info = rt_attribute(&rt, name, IFLA_LINKINFO);
	CHECK(info, "%s has no kind", name);
	n = RTA_PAYLOAD(info);
	for (part = RTA_DATA(info); RTA_OK(part, n); part = RTA_NEXT(part, n)) {
		if ((part->rta_type & NLA_TYPE_MASK) != where)
			continue;
		m = RTA_PAYLOAD(part);
		for (attr = RTA_DATA(part); RTA_OK(attr, m); attr = RTA_NEXT(attr, m)) {
			uint32_t value = 0;
			uint16_t half;

			if ((attr->rta_type & NLA_TYPE_MASK) != type)
				continue;
			CHECK_EQ(len, (size_t)RTA_PAYLOAD(attr));
			if (len == 1)
				return *(const uint8_t *)RTA_DATA(attr);
			if (len == 2) {
				memcpy(&half, RTA_DATA(attr), 2);
				return half;
			}
			memcpy(&value, RTA_DATA(attr), 4);
			return value;
		}
	}
	CHECK(false, "%s has no such detail as %d", name, type);
	return 0;
}

/* Switches a device on or off. */
__attribute__((unused)) static void rt_switch(const char *name, bool on)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	CHECK_SYS(of_device(name, SIOCGIFFLAGS, &ifr));
	if (on)
		ifr.ifr_flags |= IFF_UP;
	else
		ifr.ifr_flags &= ~IFF_UP;
	CHECK_SYS(of_device(name, SIOCSIFFLAGS, &ifr));
}

/* An address as text, and how many bytes it has. */
__attribute__((unused)) static size_t rt_parse(const char *text, void *address)
{
	bool v6 = strchr(text, ':');

	CHECK_EQ(1, inet_pton(v6 ? AF_INET6 : AF_INET, text, address));
	return v6 ? 16 : 4;
}

/* Gives the device @name an address; of one of IPv6 with IFA_F_*. */
__attribute__((unused))
static void rt_address_flags(const char *name, const char *text, int prefix, uint32_t flags)
{
	char address[16];
	size_t len = rt_parse(text, address);
	struct ifaddrmsg header = {
		.ifa_family = len == 4 ? AF_INET : AF_INET6, .ifa_prefixlen = prefix,
		.ifa_index = if_nametoindex(name),
	};
	struct rt rt;

	rt_begin(&rt, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add(&rt, IFA_LOCAL, address, len);
	rt_add(&rt, IFA_ADDRESS, address, len);
	if (len == 16)
		rt_add_u32(&rt, IFA_FLAGS, flags);
	CHECK_SYS(rt_ask(&rt));
}

/* The same; it is usable at once. */
__attribute__((unused))
static void rt_address(const char *name, const char *text, int prefix)
{
	rt_address_flags(name, text, prefix, IFA_F_NODAD);
}

/*
 * Adds a route to @to, or takes it away, if @type says so: by @via if it is not NULL, over the device
 * @name if that is not, in @table.
 */
__attribute__((unused))
static int rt_route(int type, const char *to, int prefix, const char *via, const char *name,
		    uint32_t table, int kind)
{
	char address[16];
	size_t len = rt_parse(to, address);
	struct rtmsg header = {
		.rtm_family = len == 4 ? AF_INET : AF_INET6, .rtm_dst_len = prefix,
		.rtm_protocol = RTPROT_STATIC, .rtm_type = kind,
		.rtm_scope = via || !name ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
	};
	struct rt rt;

	if (type == RTM_DELROUTE) {
		header.rtm_protocol = RTPROT_UNSPEC;
		header.rtm_scope = RT_SCOPE_NOWHERE;
	}
	rt_begin(&rt, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &header,
		 sizeof(header));
	rt_add(&rt, RTA_DST, address, len);
	rt_add_u32(&rt, RTA_TABLE, table);
	if (via) {
		rt_parse(via, address);
		rt_add(&rt, RTA_GATEWAY, address, len);
	}
	if (name)
		rt_add_u32(&rt, RTA_OIF, if_nametoindex(name));
	return rt_ask(&rt);
}

/* The number of the device over which @to is reached with a mark; -1 with errno: it is not. */
__attribute__((unused)) static int rt_way(const char *to, uint32_t mark)
{
	char address[16];
	size_t len = rt_parse(to, address);
	struct rtmsg header = {
		.rtm_family = len == 4 ? AF_INET : AF_INET6, .rtm_dst_len = len * 8,
	};
	const struct rtattr *attr;
	struct rt rt;
	int left;

	rt_begin(&rt, RTM_GETROUTE, 0, &header, sizeof(header));
	rt_add(&rt, RTA_DST, address, len);
	if (mark)
		rt_add_u32(&rt, RTA_MARK, mark);
	if (rt_ask(&rt))
		return -1;
	left = RTM_PAYLOAD(&rt.nlh);
	for (attr = RTM_RTA(NLMSG_DATA(&rt.nlh)); RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		if (attr->rta_type == RTA_OIF)
			return *(const int *)RTA_DATA(attr);
	}
	errno = ENOENT;
	return -1;
}

/*
 * Makes a nexthop that drops what gets to it, and a resilient group of it with the next number, which has
 * more buckets than are saved.
 */
__attribute__((unused)) static void rt_resilient(uint32_t id)
{
	struct nhmsg header = { .nh_family = AF_INET };
	struct nexthop_grp member = { .id = id };
	uint16_t type = NEXTHOP_GRP_TYPE_RES, buckets = 10000;
	struct rtattr *group;
	struct rt rt;

	rt_begin(&rt, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_u32(&rt, NHA_ID, id);
	rt_add(&rt, NHA_BLACKHOLE, NULL, 0);
	CHECK_SYS(rt_ask(&rt));
	header.nh_family = AF_UNSPEC;
	rt_begin(&rt, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_u32(&rt, NHA_ID, id + 1);
	rt_add(&rt, NHA_GROUP, &member, sizeof(member));
	rt_add(&rt, NHA_GROUP_TYPE, &type, sizeof(type));
	group = rt_nest(&rt, NHA_RES_GROUP);
	rt_add(&rt, NHA_RES_GROUP_BUCKETS, &buckets, sizeof(buckets));
	rt_end(&rt, group);
	CHECK_SYS(rt_ask(&rt));
}

#endif /* CKPT_TEST_RTNETLINK_H */
