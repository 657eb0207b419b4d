// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnels in a network namespace of the tasks' own: all that netlink tells of each kind, what they send, and
 * where a vxlan sends to which address.
 */
#include "tunnels.h"

CKPT_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

/* What netlink tells of a device: its kind with all details, and numbers. */
struct told {
	char info[1024];
	size_t len;
	uint32_t mtu, index;
	/* What it was born with, of which addresses of IPv6 are made. */
	char born[16];
};

static void ask(struct told *told, const char *name)
{
	const struct rtattr *info;
	struct rt rt;

	memset(told, 0, sizeof(*told));
	told->mtu = rt_number(name, IFLA_MTU);
	told->index = if_nametoindex(name);
	info = rt_attribute(&rt, name, IFLA_LINKINFO);
	CHECK(info, "%s has no kind", name);
	told->len = RTA_PAYLOAD(info);
	CHECK(told->len <= sizeof(told->info), "%s tells too much", name);
	memcpy(told->info, RTA_DATA(info), told->len);
	info = rt_attribute(&rt, name, 54 /* IFLA_PERM_ADDRESS */);
	if (info)
		memcpy(told->born, RTA_DATA(info), RTA_PAYLOAD(info));
}

static void check_same(const struct told *before, const char *name)
{
	struct told now;

	ask(&now, name);
	CHECK_EQ(before->index, now.index);
	CHECK_EQ(before->mtu, now.mtu);
	CHECK_EQ(before->len, now.len);
	CHECK(!memcmp(before->info, now.info, now.len), "%s is another tunnel", name);
	CHECK(!memcmp(before->born, now.born, sizeof(now.born)), "%s was born otherwise", name);
}

static void set_mtu(const char *name, uint32_t mtu)
{
	struct rt rt;

	rt_change(&rt, RTM_SETLINK, name);
	rt_add_u32(&rt, IFLA_MTU, mtu);
	CHECK_SYS(rt_ask(&rt));
}

/* A tunnel that is told what it is, with an MTU that is not the kernel's choice, is the same one afterwards. */
static void stays(const char *name)
{
	struct told before;

	set_mtu(name, 1391);
	rt_switch(name, true);
	ask(&before, name);
	ckpt_ready_wait();
	check_same(&before, name);
}

/* ---- GRE -------------------------------------------------------------- */

CKPT_CYCLE(gre, OWN)
{
	static const unsigned char to[] = { 10, 1, 0, 9 };

	make_lower();
	MAKE_TUNNEL("t0", 50, "gre", IP4(IFLA_GRE_LOCAL, 0, 1), IP4(IFLA_GRE_REMOTE, 0, 9),
		    U16(IFLA_GRE_IFLAGS, htons(0x2000)), U16(IFLA_GRE_OFLAGS, htons(0x2000)),
		    U32(IFLA_GRE_IKEY, htonl(7)), U32(IFLA_GRE_OKEY, htonl(8)), U8(IFLA_GRE_TTL, 9),
		    U8(IFLA_GRE_TOS, 4), U8(IFLA_GRE_PMTUDISC, 1), U32(IFLA_GRE_LINK, 40),
		    U32(IFLA_GRE_FWMARK, 5));
	rt_switch("t0", true);
	carries("t0", 16, to, sizeof(to));
	stays("t0");
	carries("t0", 16, to, sizeof(to));
}

/* It numbers what it sends: the other end takes no lower numbers. */
CKPT_CYCLE(gre_numbers, OWN)
{
	static const unsigned char to[] = { 10, 1, 0, 9 };
	uint32_t number, last = 0;
	int i;

	make_lower();
	MAKE_TUNNEL("t0", 50, "gre", IP4(IFLA_GRE_LOCAL, 0, 1), IP4(IFLA_GRE_REMOTE, 0, 9),
		    U16(IFLA_GRE_IFLAGS, htons(0x1000)), U16(IFLA_GRE_OFLAGS, htons(0x1000)));
	rt_switch("t0", true);
	/* More than a new one sends by itself when it is switched on. */
	for (i = 0; i < 50; i++)
		last = carries("t0", 16, to, sizeof(to));
	CHECK(last >= 49, "the last packet has the number %u", last);
	ckpt_ready_wait();
	number = carries("t0", 16, to, sizeof(to));
	CHECK(number > last && number < last + 50, "the number %u comes after %u", number, last);
}

/* Fragments may be made of it, whatever it has to carry says. */
CKPT_CYCLE(gretap, OWN)
{
	static const unsigned char to[] = { 10, 1, 0, 9 };

	make_lower();
	MAKE_TUNNEL("t0", 50, "gretap", IP4(IFLA_GRE_LOCAL, 0, 1), IP4(IFLA_GRE_REMOTE, 0, 9),
		    U8(IFLA_GRE_PMTUDISC, 0), U8(IFLA_GRE_IGNORE_DF, 1));
	stays("t0");
	carries("t0", 16, to, sizeof(to));
}

/* It is told by what it has to carry where that goes. */
CKPT_CYCLE(gre_metadata, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "gre", FLAG(IFLA_GRE_COLLECT_METADATA));
	stays("t0");
}

CKPT_CYCLE(erspan, OWN)
{
	struct told before;

	make_lower();
	MAKE_TUNNEL("t0", 50, "erspan", IP4(IFLA_GRE_LOCAL, 0, 1), IP4(IFLA_GRE_REMOTE, 0, 9),
		    U16(IFLA_GRE_IFLAGS, htons(0x3000)), U16(IFLA_GRE_OFLAGS, htons(0x3000)),
		    U32(IFLA_GRE_IKEY, htonl(7)), U32(IFLA_GRE_OKEY, htonl(7)),
		    U8(IFLA_GRE_ERSPAN_VER, 2), U8(IFLA_GRE_ERSPAN_DIR, 1),
		    U16(IFLA_GRE_ERSPAN_HWID, 17));
	rt_switch("t0", true);
	ask(&before, "t0");
	ckpt_ready_wait();
	check_same(&before, "t0");
}

CKPT_CYCLE(ip6gre, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "ip6gre", IP6(IFLA_GRE_LOCAL, 0, 1), IP6(IFLA_GRE_REMOTE, 0, 9),
		    U8(IFLA_GRE_TTL, 9), U8(IFLA_GRE_ENCAP_LIMIT, 3),
		    U32(IFLA_GRE_FLOWINFO, htonl(0x12345)));
	stays("t0");
}

CKPT_CYCLE(ip6gretap, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "ip6gretap", IP6(IFLA_GRE_LOCAL, 0, 1), IP6(IFLA_GRE_REMOTE, 0, 9),
		    U8(IFLA_GRE_TTL, 9), U32(IFLA_GRE_LINK, 40));
	stays("t0");
}

/* ---- IP in IP --------------------------------------------------------- */

CKPT_CYCLE(ipip, OWN)
{
	static const unsigned char to[] = { 10, 1, 0, 9 };

	make_lower();
	MAKE_TUNNEL("t0", 50, "ipip", IP4(IFLA_IPTUN_LOCAL, 0, 1), IP4(IFLA_IPTUN_REMOTE, 0, 9),
		    U8(IFLA_IPTUN_TTL, 9), U8(IFLA_IPTUN_PROTO, IPPROTO_IPIP),
		    U8(IFLA_IPTUN_PMTUDISC, 1), U32(IFLA_IPTUN_LINK, 40));
	rt_address("t0", "10.77.0.1", 24);
	rt_switch("t0", true);
	CHECK_EQ(50, rt_way("10.77.0.9", 0));
	stays("t0");
	CHECK_EQ(50, rt_way("10.77.0.9", 0));
	carries("t0", 16, to, sizeof(to));
}

CKPT_CYCLE(sit, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "sit", IP4(IFLA_IPTUN_LOCAL, 0, 1), IP4(IFLA_IPTUN_REMOTE, 0, 9),
		    U8(IFLA_IPTUN_TTL, 9), U8(IFLA_IPTUN_PROTO, IPPROTO_IPV6));
	stays("t0");
}

/* A prefix of 6RD, where the kernel has that. */
CKPT_CYCLE(sit_6rd, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "sit", IP4(IFLA_IPTUN_LOCAL, 0, 1),
		    { IFLA_IPTUN_6RD_PREFIX, 16, (const uint8_t []) { 0x20, 1, 0xd, 0xb8, [15] = 0 } },
		    U16(IFLA_IPTUN_6RD_PREFIXLEN, 32), U16(IFLA_IPTUN_6RD_RELAY_PREFIXLEN, 0));
	stays("t0");
}

CKPT_CYCLE(ip6tnl, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "ip6tnl", IP6(IFLA_IPTUN_LOCAL, 0, 1), IP6(IFLA_IPTUN_REMOTE, 0, 9),
		    U8(IFLA_IPTUN_TTL, 9), U8(IFLA_IPTUN_PROTO, IPPROTO_IPIP),
		    U8(IFLA_IPTUN_ENCAP_LIMIT, 3), U32(IFLA_IPTUN_FWMARK, 5));
	stays("t0");
}

CKPT_CYCLE(vti, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "vti", IP4(IFLA_VTI_LOCAL, 0, 1), IP4(IFLA_VTI_REMOTE, 0, 9),
		    U32(IFLA_VTI_IKEY, htonl(7)), U32(IFLA_VTI_OKEY, htonl(8)));
	stays("t0");
}

CKPT_CYCLE(vti6, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "vti6", IP6(IFLA_VTI_LOCAL, 0, 1), IP6(IFLA_VTI_REMOTE, 0, 9),
		    U32(IFLA_VTI_IKEY, htonl(7)), U32(IFLA_VTI_OKEY, htonl(8)));
	stays("t0");
}

/* ---- geneve ----------------------------------------------------------- */

CKPT_CYCLE(geneve, OWN)
{
	static const unsigned char to[] = { 10, 1, 0, 9 };

	make_lower();
	MAKE_TUNNEL("t0", 50, "geneve", U32(IFLA_GENEVE_ID, 7), IP4(IFLA_GENEVE_REMOTE, 0, 9),
		    U8(IFLA_GENEVE_TTL, 9), U8(IFLA_GENEVE_TOS, 4), U16(IFLA_GENEVE_PORT, htons(7000)),
		    U8(IFLA_GENEVE_UDP_CSUM, 1), U8(IFLA_GENEVE_DF, 1));
	stays("t0");
	carries("t0", 16, to, sizeof(to));
}

/* Its TTL is that of what it has to carry. */
CKPT_CYCLE(geneve_of_ipv6, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "geneve", U32(IFLA_GENEVE_ID, 7), IP6(IFLA_GENEVE_REMOTE6, 0, 9),
		    U8(IFLA_GENEVE_TTL_INHERIT, 1), U32(IFLA_GENEVE_LABEL, htonl(0x12345)),
		    U8(IFLA_GENEVE_UDP_ZERO_CSUM6_TX, 1), U8(IFLA_GENEVE_UDP_ZERO_CSUM6_RX, 1));
	stays("t0");
}

CKPT_CYCLE(geneve_metadata, OWN)
{
	make_lower();
	MAKE_TUNNEL("t0", 50, "geneve", FLAG(IFLA_GENEVE_COLLECT_METADATA));
	stays("t0");
}

/* ---- vxlan ------------------------------------------------------------ */

#define LINES	16

/* Where a vxlan sends to which address: a line for each entry, sorted. */
struct entries {
	char lines[LINES][160];
	unsigned int count;
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Adds an entry as a line; times do not count. */
static void add_entry(struct entries *entries, const struct nlmsghdr *nlh)
{
	const struct ndmsg *header = NLMSG_DATA(nlh);
	const struct rtattr *attr;
	char *line = entries->lines[entries->count];
	size_t used;
	unsigned int i;
	int len;

	CHECK(entries->count < LINES, "too many entries");
	used = snprintf(line, 160, "%x %x", header->ndm_state, header->ndm_flags);
	len = nlh->nlmsg_len - NLMSG_LENGTH(sizeof(*header));
	for (attr = (void *)((char *)header + NLMSG_ALIGN(sizeof(*header))); RTA_OK(attr, len);
	     attr = RTA_NEXT(attr, len)) {
		if (attr->rta_type == NDA_CACHEINFO)
			continue;
		used += snprintf(line + used, 160 - used, " %d:", attr->rta_type);
		for (i = 0; i < RTA_PAYLOAD(attr) && used < 158; i++)
			used += snprintf(line + used, 160 - used, "%02x",
					 ((unsigned char *)RTA_DATA(attr))[i]);
	}
	entries->count++;
}

static void ask_entries(struct entries *entries, const char *name)
{
	struct {
		struct nlmsghdr nlh;
		struct ndmsg header;
	} request = {
		.nlh = {
			.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETNEIGH,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.header = { .ndm_family = AF_BRIDGE },
	};
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	int index = if_nametoindex(name);
	const struct nlmsghdr *nlh;
	const struct ndmsg *header;
	char answer[16384];
	bool more = true;
	int len;

	memset(entries, 0, sizeof(*entries));
	CHECK_EQ((ssize_t)sizeof(request), send(fd, &request, sizeof(request), 0));
	while (more) {
		len = CHECK_SYS(recv(fd, answer, sizeof(answer), 0));
		for (nlh = (void *)answer; NLMSG_OK(nlh, (unsigned int)len); nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
				more = false;
				break;
			}
			header = NLMSG_DATA(nlh);
			if (header->ndm_ifindex == index)
				add_entry(entries, nlh);
		}
	}
	CHECK_SYS(close(fd));
	qsort(entries->lines, entries->count, sizeof(entries->lines[0]), compare);
}

static void check_entries(const struct entries *before, const char *name)
{
	struct entries now;
	unsigned int i;

	ask_entries(&now, name);
	CHECK_EQ(before->count, now.count);
	for (i = 0; i < now.count; i++)
		CHECK_STREQ(before->lines[i], now.lines[i]);
}

/* Makes an entry of a vxlan, or takes one away. */
static int entry(int type, const char *name, const char *address, int state, const char *to,
		 const struct detail *details, size_t count)
{
	struct ndmsg header = {
		.ndm_family = AF_BRIDGE, .ndm_ifindex = if_nametoindex(name), .ndm_state = state,
		.ndm_flags = NTF_SELF,
	};
	char end[16];
	struct rt rt;

	rt_begin(&rt, type, type == RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_APPEND : 0, &header,
		 sizeof(header));
	rt_add(&rt, NDA_LLADDR, address, 6);
	if (to)
		rt_add(&rt, NDA_DST, end, rt_parse(to, end));
	while (count--) {
		rt_add(&rt, details->type, details->data, details->len);
		details++;
	}
	return rt_ask(&rt);
}

#define ALL	"\0\0\0\0\0\0"

CKPT_CYCLE(vxlan, OWN)
{
	const struct detail more[] = {
		U16(NDA_PORT, 0x1234), U32(NDA_VNI, 99), U32(NDA_IFINDEX, 40),
	};
	static const unsigned char one[] = { 10, 1, 0, 9 };
	struct entries before;
	struct told told;

	make_lower();
	MAKE_TUNNEL("x0", 50, "vxlan", U32(IFLA_VXLAN_ID, 7), IP4(IFLA_VXLAN_GROUP, 0, 8),
		    IP4(IFLA_VXLAN_LOCAL, 0, 1), U32(IFLA_VXLAN_LINK, 40), U8(IFLA_VXLAN_TTL, 9),
		    U8(IFLA_VXLAN_TOS, 4), U8(IFLA_VXLAN_LEARNING, 0), U32(IFLA_VXLAN_AGEING, 77),
		    U32(IFLA_VXLAN_LIMIT, 12), U16(IFLA_VXLAN_PORT, htons(4790)),
		    U8(IFLA_VXLAN_PROXY, 1), U8(IFLA_VXLAN_L2MISS, 1), U8(IFLA_VXLAN_UDP_CSUM, 0),
		    U8(31 /* IFLA_VXLAN_LOCALBYPASS */, 0), FLAG(IFLA_VXLAN_GBP));
	rt_switch("x0", true);
	/* One address, all others, and a group: to several ends each. */
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", "\2\0\0\0\0\x9", NUD_PERMANENT, "10.1.0.9", NULL, 0));
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", "\2\0\0\0\0\xa", NUD_NOARP | NUD_REACHABLE, "10.1.0.10", more,
			3));
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", ALL, NUD_PERMANENT, "10.1.0.11", NULL, 0));
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", ALL, NUD_PERMANENT, "10.1.0.12", NULL, 0));
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", "\1\0\x5e\0\0\x7", NUD_PERMANENT, "10.1.0.13", NULL, 0));
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", "\1\0\x5e\0\0\x7", NUD_PERMANENT, "10.1.0.14", NULL, 0));
	ask(&told, "x0");
	ask_entries(&before, "x0");
	CHECK(before.count >= 7, "there are %u entries", before.count);
	carries("x0", 16, one, sizeof(one));
	ckpt_ready_wait();
	check_same(&told, "x0");
	check_entries(&before, "x0");
	carries("x0", 16, one, sizeof(one));
}

/* It has not any more what it has got by itself. */
CKPT_CYCLE(vxlan_without_end, OWN)
{
	struct entries before;

	make_lower();
	MAKE_TUNNEL("x0", 50, "vxlan", U32(IFLA_VXLAN_ID, 7), IP4(IFLA_VXLAN_GROUP, 0, 8));
	CHECK_SYS(entry(RTM_DELNEIGH, "x0", ALL, 0, "10.1.0.8", NULL, 0));
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", ALL, NUD_PERMANENT, "10.1.0.7", NULL, 0));
	ask_entries(&before, "x0");
	CHECK_EQ(1u, before.count);
	ckpt_ready_wait();
	check_entries(&before, "x0");
}

/* One of IPv6, whose TTL is that of what it has to carry; it is a port of a bridge. */
CKPT_CYCLE(vxlan_of_ipv6, OWN)
{
	struct entries before;
	struct rt rt;

	make_lower();
	MAKE_TUNNEL("x0", 50, "vxlan", U32(IFLA_VXLAN_ID, 7), IP6(IFLA_VXLAN_GROUP6, 0, 8),
		    IP6(IFLA_VXLAN_LOCAL6, 0, 1), FLAG(IFLA_VXLAN_TTL_INHERIT),
		    U8(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, 1), U8(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 1),
		    U32(IFLA_VXLAN_LABEL, htonl(0x12345)));
	rt_end(&rt, rt_device(&rt, "br0", 51, "bridge"));
	CHECK_SYS(rt_ask(&rt));
	rt_change(&rt, RTM_SETLINK, "x0");
	rt_add_u32(&rt, IFLA_MASTER, 51);
	CHECK_SYS(rt_ask(&rt));
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", "\2\0\0\0\0\x9", NUD_PERMANENT, "fd01::9", NULL, 0));
	ask_entries(&before, "x0");
	ckpt_ready_wait();
	check_entries(&before, "x0");
	CHECK_EQ(1u, rt_detail("x0", IFLA_INFO_DATA, IFLA_VXLAN_TTL_INHERIT, 1));
	CHECK_EQ(htonl(0x12345), rt_detail("x0", IFLA_INFO_DATA, IFLA_VXLAN_LABEL, 4));
	CHECK_EQ(51u, rt_number("x0", IFLA_MASTER));
}

/* It is told by what it has to carry where that goes, and in which network it is. */
CKPT_CYCLE(vxlan_metadata, OWN)
{
	const struct detail of[] = { U32(NDA_SRC_VNI, 5), U32(NDA_VNI, 6) };
	struct entries before;
	struct told told;

	make_lower();
	MAKE_TUNNEL("x0", 50, "vxlan", U8(IFLA_VXLAN_COLLECT_METADATA, 1));
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", "\2\0\0\0\0\x9", NUD_PERMANENT, "10.1.0.9", of, 2));
	rt_switch("x0", true);
	ask(&told, "x0");
	ask_entries(&before, "x0");
	ckpt_ready_wait();
	check_same(&told, "x0");
	check_entries(&before, "x0");
}

/* An address is sent to one of a group of nexthops. */
CKPT_CYCLE(vxlan_nexthops, OWN)
{
	static const char *const gateways[] = { "10.1.0.21", "10.1.0.22" };
	struct nexthop_grp members[2] = { { .id = 1 }, { .id = 2 } };
	const struct detail by[] = { U32(NDA_NH_ID, 20) };
	struct nhmsg header = { .nh_family = AF_INET };
	struct entries before;
	char address[16];
	unsigned int i;
	struct rt rt;

	make_lower();
	MAKE_TUNNEL("x0", 50, "vxlan", U32(IFLA_VXLAN_ID, 7), U8(IFLA_VXLAN_LEARNING, 0));
	for (i = 0; i < 2; i++) {
		rt_begin(&rt, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
		rt_add_u32(&rt, NHA_ID, i + 1);
		rt_add(&rt, NHA_FDB, NULL, 0);
		rt_add(&rt, NHA_GATEWAY, address, rt_parse(gateways[i], address));
		CHECK_SYS(rt_ask(&rt));
	}
	header.nh_family = AF_UNSPEC;
	rt_begin(&rt, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_u32(&rt, NHA_ID, 20);
	rt_add(&rt, NHA_FDB, NULL, 0);
	rt_add(&rt, NHA_GROUP, members, sizeof(members));
	CHECK_SYS(rt_ask(&rt));
	CHECK_SYS(entry(RTM_NEWNEIGH, "x0", "\2\0\0\0\0\x9", NUD_PERMANENT, NULL, by, 1));
	ask_entries(&before, "x0");
	CHECK_EQ(1u, before.count);
	ckpt_ready_wait();
	check_entries(&before, "x0");
}

TEST_HARNESS_MAIN
