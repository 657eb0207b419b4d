// SPDX-License-Identifier: GPL-2.0
/* Devices in a network namespace of the tasks' own, with all that hangs on them. */
#include "rtnetlink.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/veth.h>
#include <sched.h>

/* Kinds of devices that tests here have. */
static const char *const kinds[] = { "dummy", "bridge", "macvlan", "ipvlan", "vlan", "veth" };

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

/* The kind of which the kernel has no devices, or NULL. A vlan or macvlan wants another device. */
static const char *missing_kind(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct rtattr *info;
		struct rt rt;
		unsigned int i;

		if (unshare(CLONE_NEWNET))
			_exit(KINDS + 1);
		for (i = 0; i < KINDS; i++) {
			info = rt_device(&rt, "ckpt", 0, kinds[i]);
			rt_end(&rt, info);
			if (rt_ask(&rt) && errno == EOPNOTSUPP)
				_exit(i + 1);
			if (if_nametoindex("ckpt")) {
				rt_change(&rt, RTM_DELLINK, "ckpt");
				rt_ask(&rt);
			}
		}
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return "any";
	status = WEXITSTATUS(status);
	return !status ? NULL : status <= (int)KINDS ? kinds[status - 1] : "any";
}

#define BEGIN() do {							\
	const char *__kind;						\
									\
	CKPT_BEGIN();							\
	__kind = missing_kind();					\
	if (__kind)							\
		SKIP(return, "the kernel has no devices of kind %s", __kind); \
} while (0)

CKPT_FIXTURE_IF(BEGIN)

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

/* Makes a device of a kind without details. */
static void make(const char *name, int index, const char *kind)
{
	struct rt rt;

	rt_end(&rt, rt_device(&rt, name, index, kind));
	CHECK_SYS(rt_ask(&rt));
}

/* Makes a pair; the other end has the next number. */
static void make_pair(const char *name, const char *other, int index)
{
	struct ifinfomsg header = { .ifi_index = index + 1 };
	struct rtattr *info, *data, *peer;
	struct rt rt;

	info = rt_device(&rt, name, index, "veth");
	data = rt_nest(&rt, IFLA_INFO_DATA);
	peer = rt_add(&rt, VETH_INFO_PEER | NLA_F_NESTED, &header, sizeof(header));
	rt_add_text(&rt, IFLA_IFNAME, other);
	rt_end(&rt, peer);
	rt_end(&rt, data);
	rt_end(&rt, info);
	CHECK_SYS(rt_ask(&rt));
}

/* Makes a device over @lower, with one detail of its kind of @len bytes. */
static void make_over(const char *name, int index, const char *lower, const char *kind,
		      int type, uint32_t value, size_t len)
{
	struct rtattr *info, *data;
	uint16_t half = value;
	struct rt rt;

	info = rt_device(&rt, name, index, kind);
	data = rt_nest(&rt, IFLA_INFO_DATA);
	rt_add(&rt, type, len == 2 ? (void *)&half : (void *)&value, len);
	rt_end(&rt, data);
	rt_end(&rt, info);
	rt_add_u32(&rt, IFLA_LINK, if_nametoindex(lower));
	CHECK_SYS(rt_ask(&rt));
}

static void set_master(const char *name, const char *master)
{
	struct rt rt;

	rt_change(&rt, RTM_SETLINK, name);
	rt_add_u32(&rt, IFLA_MASTER, if_nametoindex(master));
	CHECK_SYS(rt_ask(&rt));
}

/* Sets a detail of one byte of a port of a bridge. */
static bool has_link(const char *name)
{
	struct ifreq request = { };
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	CHECK_SYS(ioctl(fd, SIOCGIFFLAGS, &request));
	CHECK_SYS(close(fd));
	return request.ifr_flags & IFF_RUNNING;
}

/* Lets a program have the spanning tree of a bridge; -1: this kernel does not have that. */
static int tree_of_program(const char *name)
{
	struct rtattr *info, *data;
	struct rt rt;
	int i;

	for (i = 0; i < 2; i++) {
		rt_change(&rt, RTM_NEWLINK, name);
		info = rt_nest(&rt, IFLA_LINKINFO);
		rt_add_text(&rt, IFLA_INFO_KIND, "bridge");
		data = rt_nest(&rt, IFLA_INFO_DATA);
		if (i == 0)
			rt_add_u32(&rt, 50 /* IFLA_BR_STP_MODE */, 1 /* BR_STP_MODE_USER */);
		else
			rt_add_u32(&rt, IFLA_BR_STP_STATE, 1);
		rt_end(&rt, data);
		rt_end(&rt, info);
		if (rt_ask(&rt))
			return -1;
	}
	return 0;
}

static void set_port(const char *name, int type, uint8_t value)
{
	struct rtattr *info, *data;
	struct rt rt;

	rt_change(&rt, RTM_NEWLINK, name);
	info = rt_nest(&rt, IFLA_LINKINFO);
	rt_add_text(&rt, IFLA_INFO_SLAVE_KIND, "bridge");
	data = rt_nest(&rt, IFLA_INFO_SLAVE_DATA);
	rt_add(&rt, type, &value, 1);
	rt_end(&rt, data);
	rt_end(&rt, info);
	CHECK_SYS(rt_ask(&rt));
}

/* Gives a neighbour an address; with NTF_*. */
static void neighbour(const char *name, const char *text, int state, int flags)
{
	struct ndmsg header = {
		.ndm_family = AF_INET, .ndm_ifindex = if_nametoindex(name), .ndm_state = state,
		.ndm_flags = flags,
	};
	char address[16];
	size_t len = rt_parse(text, address);
	struct rt rt;

	rt_begin(&rt, RTM_NEWNEIGH, NLM_F_CREATE, &header, sizeof(header));
	rt_add(&rt, NDA_DST, address, len);
	rt_add(&rt, NDA_LLADDR, "\2\0\0\0\0\1", 6);
	CHECK_SYS(rt_ask(&rt));
}

/* What netlink tells of a neighbour, in @rt. */
static const struct ndmsg *told_of(struct rt *rt, const char *name, const char *text)
{
	struct ndmsg header = { .ndm_family = AF_INET, .ndm_ifindex = if_nametoindex(name) };
	char address[16];
	size_t len = rt_parse(text, address);

	rt_begin(rt, RTM_GETNEIGH, 0, &header, sizeof(header));
	rt_add(rt, NDA_DST, address, len);
	CHECK_SYS(rt_ask(rt));
	CHECK_EQ(RTM_NEWNEIGH, rt->nlh.nlmsg_type);
	return NLMSG_DATA(&rt->nlh);
}

static void mac_of(const char *name, unsigned char mac[6])
{
	struct ifreq ifr = { .ifr_flags = 0 };

	CHECK_SYS(of_device(name, SIOCGIFHWADDR, &ifr));
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
}

static bool is_on(const char *name)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	CHECK_SYS(of_device(name, SIOCGIFFLAGS, &ifr));
	return ifr.ifr_flags & IFF_UP;
}

/* A protocol that nobody speaks. */
#define PROTOCOL	0x88b5

static int packet_socket(const char *name)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(PROTOCOL),
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(PROTOCOL)));

	CHECK_SYS(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
	return fd;
}

/* What is sent over @from arrives at @to. Links need a moment after they were made, not later. */
static void passes(const char *from, const char *to)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(PROTOCOL), .sll_halen = 6,
		.sll_ifindex = if_nametoindex(from),
	};
	int in = packet_socket(to), out = packet_socket(from);
	struct timeval moment = { .tv_usec = 100000 };
	char text[64];
	ssize_t n = -1;
	int i;

	memset(ll.sll_addr, 0xff, 6);
	CHECK_SYS(setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment)));
	for (i = 0; i < 300 && n < 0; i++) {
		CHECK_SYS(sendto(out, "ping", 4, 0, (struct sockaddr *)&ll, sizeof(ll)));
		n = recv(in, text, sizeof(text), 0);
		CHECK(n >= 0 || errno == EAGAIN, "%s", strerror(errno));
	}
	CHECK(n >= 4 && !memcmp("ping", text, 4), "nothing goes from %s to %s", from, to);
	CHECK_SYS(close(in));
	CHECK_SYS(close(out));
}

/* ---- one device --------------------------------------------------------- */

CKPT_CYCLE(dummy, OWN)
{
	unsigned char mac[6], now[6];
	const struct rtattr *attr;
	struct rt rt;

	make("d0", 42, "dummy");
	rt_change(&rt, RTM_SETLINK, "d0");
	rt_add_u32(&rt, IFLA_MTU, 9000);
	rt_add_u32(&rt, IFLA_TXQLEN, 77);
	rt_add_u32(&rt, IFLA_GROUP, 5);
	rt_add(&rt, IFLA_IFALIAS, "to a port", 9);
	CHECK_SYS(rt_ask(&rt));
	mac_of("d0", mac);
	rt_address("d0", "10.1.2.3", 24);
	rt_switch("d0", true);
	ckpt_ready_wait();
	CHECK_EQ(42u, if_nametoindex("d0"));
	CHECK_EQ(9000u, rt_number("d0", IFLA_MTU));
	CHECK_EQ(77u, rt_number("d0", IFLA_TXQLEN));
	CHECK_EQ(5u, rt_number("d0", IFLA_GROUP));
	attr = rt_attribute(&rt, "d0", IFLA_IFALIAS);
	CHECK(attr && !strncmp("to a port", RTA_DATA(attr), 9), "it has another alias");
	mac_of("d0", now);
	CHECK(!memcmp(mac, now, 6), "it has another address");
	CHECK(is_on("d0"), "it is off");
	CHECK_EQ(0x0a010203u, address_of("d0"));
	CHECK_EQ(42, rt_way("10.1.2.9", 0));
}

/* One that was never on, with an address. */
CKPT_CYCLE(off, OWN)
{
	make("d0", 9, "dummy");
	rt_address("d0", "10.1.2.3", 24);
	ckpt_ready_wait();
	CHECK(!is_on("d0"), "it is on");
	CHECK_EQ(0x0a010203u, address_of("d0"));
	CHECK_EQ(-1, rt_way("10.1.2.9", 0));
	rt_switch("d0", true);
	CHECK_EQ(9, rt_way("10.1.2.9", 0));
}

/* One that was on. */
CKPT_CYCLE(off_again, OWN)
{
	make("d0", 9, "dummy");
	rt_address("d0", "10.1.2.3", 24);
	rt_switch("d0", true);
	rt_switch("d0", false);
	ckpt_ready_wait();
	CHECK(!is_on("d0"), "it is on");
	rt_switch("d0", true);
	CHECK_EQ(9, rt_way("10.1.2.9", 0));
}

/* A link that has nothing at its other end: its address can't be looked for. */
CKPT_CYCLE(no_link, OWN)
{
	make_pair("v0", "v1", 20);
	rt_switch("v0", true);
	rt_address("v0", "10.1.2.3", 24);
	if (!access("/proc/sys/net/ipv6", F_OK))
		rt_address_flags("v0", "fd00::1", 64, 0);
	ckpt_ready_wait();
	CHECK(is_on("v0") && !is_on("v1"), "an end is on or off");
	rt_switch("v1", true);
	passes("v0", "v1");
	CHECK_EQ(20, rt_way("10.1.2.9", 0));
	if (!access("/proc/sys/net/ipv6", F_OK))
		CHECK_EQ(20, rt_way("fd00::9", 0));
}

/* Routes and neighbours over it. */
CKPT_CYCLE(ways, OWN)
{
	struct rt rt;

	switch_lo(true);
	make("d0", 42, "dummy");
	rt_address("d0", "10.1.2.3", 24);
	rt_switch("d0", true);
	CHECK_SYS(rt_route(RTM_NEWROUTE, "0.0.0.0", 0, "10.1.2.254", "d0", RT_TABLE_MAIN,
			   RTN_UNICAST));
	neighbour("d0", "10.1.2.254", NUD_PERMANENT, 0);
	/* What a program has learnt: the kernel does not find it again. */
	neighbour("d0", "10.1.2.253", NUD_REACHABLE, NTF_EXT_LEARNED);
	ckpt_ready_wait();
	CHECK_EQ(42, rt_way("192.0.2.1", 0));
	CHECK(told_of(&rt, "d0", "10.1.2.254")->ndm_state & NUD_PERMANENT,
	      "the neighbour does not stay");
	CHECK(told_of(&rt, "d0", "10.1.2.253")->ndm_flags & NTF_EXT_LEARNED,
	      "the neighbour is of nobody");
}

/* Settings of a device, also one that depends on another one of its attributes. */
CKPT_CYCLE(of_sysctl, OWN)
{
	static const char *const paths[] = {
		"/proc/sys/net/ipv4/conf/d0/rp_filter", "/proc/sys/net/ipv6/conf/d0/accept_dad",
		"/proc/sys/net/ipv6/conf/d0/mtu", "/proc/sys/net/ipv4/neigh/d0/mcast_solicit",
	};
	static const char *const texts[] = { "2", "2", "1400", "7" };
	char text[32];
	unsigned int i;
	struct rt rt;
	int fd;

	make("d0", 42, "dummy");
	rt_change(&rt, RTM_SETLINK, "d0");
	rt_add_u32(&rt, IFLA_MTU, 9000);
	CHECK_SYS(rt_ask(&rt));
	/* That sets the MTU of IPv6. */
	rt_switch("d0", true);
	for (i = 0; i < 4; i++) {
		fd = CHECK_SYS(open(paths[i], O_WRONLY | O_CLOEXEC));
		CHECK_EQ((ssize_t)strlen(texts[i]), write(fd, texts[i], strlen(texts[i])));
		CHECK_SYS(close(fd));
	}
	ckpt_ready_wait();
	for (i = 0; i < 4; i++) {
		ckpt_read_file(paths[i], text, sizeof(text));
		text[strcspn(text, "\n")] = 0;
		CHECK_STREQ(texts[i], text);
	}
}

/* ---- several ------------------------------------------------------------ */

CKPT_CYCLE(veth, OWN)
{
	unsigned char mac[2][6], now[6];

	make_pair("v0", "v1", 20);
	rt_switch("v0", true);
	rt_switch("v1", true);
	mac_of("v0", mac[0]);
	mac_of("v1", mac[1]);
	passes("v0", "v1");
	ckpt_ready_wait();
	CHECK_EQ(20u, if_nametoindex("v0"));
	CHECK_EQ(21u, if_nametoindex("v1"));
	CHECK_EQ(21u, rt_number("v0", IFLA_LINK));
	mac_of("v0", now);
	CHECK(!memcmp(mac[0], now, 6), "an end has another address");
	mac_of("v1", now);
	CHECK(!memcmp(mac[1], now, 6), "the other end has another address");
	passes("v0", "v1");
	passes("v1", "v0");
}

/* A socket is bound to an IPv6 address: that is there at once. */
CKPT_CYCLE(ipv6_over_veth, OWN)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(4711) };
	int fd;

	if (access("/proc/sys/net/ipv6", F_OK))
		ckpt_not_here();
	switch_lo(true);
	make_pair("v0", "v1", 20);
	rt_address("v0", "fd00::1", 64);
	rt_switch("v0", true);
	rt_switch("v1", true);
	rt_parse("fd00::1", &in6.sin6_addr);
	fd = CHECK_SYS(socket(AF_INET6, SOCK_STREAM, 0));
	CHECK_SYS(bind(fd, (struct sockaddr *)&in6, sizeof(in6)));
	CHECK_SYS(listen(fd, 5));
	ckpt_ready_wait();
	CHECK_EQ(20, rt_way("fd00::2", 0));
	CHECK_SYS(connect(CHECK_SYS(socket(AF_INET6, SOCK_STREAM, 0)), (struct sockaddr *)&in6,
			  sizeof(in6)));
	CHECK_SYS(accept(fd, NULL, NULL));
}

CKPT_CYCLE(bridge, OWN)
{
	struct rtattr *info, *data;
	struct rt rt;

	make_pair("v0", "v1", 20);
	make("br0", 30, "bridge");
	rt_change(&rt, RTM_NEWLINK, "br0");
	info = rt_nest(&rt, IFLA_LINKINFO);
	rt_add_text(&rt, IFLA_INFO_KIND, "bridge");
	data = rt_nest(&rt, IFLA_INFO_DATA);
	rt_add_u32(&rt, IFLA_BR_AGEING_TIME, 5000);
	rt_end(&rt, data);
	rt_end(&rt, info);
	CHECK_SYS(rt_ask(&rt));
	set_master("v1", "br0");
	set_port("v1", IFLA_BRPORT_ISOLATED, 1);
	rt_address("br0", "10.1.2.3", 24);
	rt_switch("v0", true);
	rt_switch("v1", true);
	rt_switch("br0", true);
	passes("v0", "br0");
	ckpt_ready_wait();
	CHECK_EQ(30u, rt_number("v1", IFLA_MASTER));
	CHECK_EQ(5000u, rt_detail("br0", IFLA_INFO_DATA, IFLA_BR_AGEING_TIME, 4));
	CHECK_EQ(1u, rt_detail("v1", IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_ISOLATED, 1));
	CHECK_EQ(30, rt_way("10.1.2.9", 0));
	passes("v0", "br0");
}

/* A bridge that was told nothing takes its address and MTU from its ports, also from later ones. */
CKPT_CYCLE(follows, OWN)
{
	unsigned char mac[6], port[6];
	struct rt rt;

	make("br0", 20, "bridge");
	make("d0", 21, "dummy");
	rt_change(&rt, RTM_SETLINK, "d0");
	rt_add(&rt, IFLA_ADDRESS, "\2\0\0\0\0\5", 6);
	rt_add_u32(&rt, IFLA_MTU, 1400);
	CHECK_SYS(rt_ask(&rt));
	set_master("d0", "br0");
	mac_of("br0", mac);
	CHECK(!memcmp(mac, "\2\0\0\0\0\5", 6), "the bridge has another address than its port");
	ckpt_ready_wait();
	mac_of("br0", mac);
	mac_of("d0", port);
	CHECK(!memcmp(mac, port, 6), "the bridge has another address than its port");
	CHECK_EQ(1400u, rt_number("br0", IFLA_MTU));
	make("d1", 22, "dummy");
	rt_change(&rt, RTM_SETLINK, "d1");
	rt_add(&rt, IFLA_ADDRESS, "\2\0\0\0\0\4", 6);
	rt_add_u32(&rt, IFLA_MTU, 1300);
	CHECK_SYS(rt_ask(&rt));
	set_master("d1", "br0");
	mac_of("br0", mac);
	CHECK(!memcmp(mac, "\2\0\0\0\0\4", 6), "the bridge does not follow its ports");
	CHECK_EQ(1300u, rt_number("br0", IFLA_MTU));
}

/* Ports that were told to block and to forward. BR_STATE_FORWARDING is 3, BR_STATE_BLOCKING is 4. */
CKPT_CYCLE(blocks, OWN)
{
	make("br0", 20, "bridge");
	/* Else the kernel decides what its ports do. */
	if (tree_of_program("br0"))
		ckpt_not_here();
	make("d0", 21, "dummy");
	make("d1", 22, "dummy");
	set_master("d0", "br0");
	set_master("d1", "br0");
	rt_switch("br0", true);
	rt_switch("d0", true);
	rt_switch("d1", true);
	/* Only a link that is there can be told. */
	while (!has_link("d0") || !has_link("d1"))
		sched_yield();
	set_port("d1", IFLA_BRPORT_STATE, 3);
	set_port("d0", IFLA_BRPORT_STATE, 4);
	ckpt_ready_wait();
	CHECK_EQ(4u, rt_detail("d0", IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_STATE, 1));
	CHECK_EQ(3u, rt_detail("d1", IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_STATE, 1));
}

/* Devices over others, some with a smaller number than the one that they are over. */
CKPT_CYCLE(over_others, OWN)
{
	make_pair("v0", "v1", 20);
	make_over("v0.7", 5, "v0", "vlan", IFLA_VLAN_ID, 7, 2);
	make_over("v1.7", 6, "v1", "vlan", IFLA_VLAN_ID, 7, 2);
	make("d0", 40, "dummy");
	make_over("m0", 7, "d0", "macvlan", IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE, 4);
	make("d1", 41, "dummy");
	make_over("i0", 50, "d1", "ipvlan", IFLA_IPVLAN_MODE, IPVLAN_MODE_L3, 2);
	rt_switch("v0", true);
	rt_switch("v1", true);
	rt_switch("v0.7", true);
	rt_switch("v1.7", true);
	rt_switch("d0", true);
	rt_switch("m0", true);
	passes("v0.7", "v1.7");
	ckpt_ready_wait();
	CHECK_EQ(20u, rt_number("v0.7", IFLA_LINK));
	CHECK_EQ(7u, rt_detail("v0.7", IFLA_INFO_DATA, IFLA_VLAN_ID, 2));
	CHECK_EQ(40u, rt_number("m0", IFLA_LINK));
	CHECK_EQ((uint32_t)MACVLAN_MODE_BRIDGE,
		 rt_detail("m0", IFLA_INFO_DATA, IFLA_MACVLAN_MODE, 4));
	CHECK_EQ(41u, rt_number("i0", IFLA_LINK));
	CHECK_EQ((uint32_t)IPVLAN_MODE_L3, rt_detail("i0", IFLA_INFO_DATA, IFLA_IPVLAN_MODE, 2));
	CHECK(is_on("m0") && !is_on("d1") && !is_on("i0"), "a device is on or off");
	passes("v0.7", "v1.7");
}

TEST_HARNESS_MAIN
