/* SPDX-License-Identifier: GPL-2.0 */
/* A device of the tasks, with all that it can have, that is left to the caller, and one of the test's. */
#ifndef CKPT_TEST_NET_PHYSICAL_H
#define CKPT_TEST_NET_PHYSICAL_H

#include "net_pairs.h"
#include "nftables.h"
#include "advice.h"

#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>

/* The device of the tasks, its number, and the device that stands on it. */
#define CARD	"ckcard0"
#define INDEX	20
#define UPPER	"ckvlan0"
/* That of the caller, and the one below or beside that. */
#define FREE	"ckfree0"
#define HELPER	"ckhelper0"

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

static const unsigned char saved_address[6] = { 0x02, 0xc0, 0xff, 0xee, 0, 1 };
static const unsigned char own_address[6] = { 0x02, 0xc0, 0xff, 0xee, 0, 2 };
static const unsigned char far_address[6] = { 0x02, 0xc0, 0xff, 0xee, 0, 3 };

static const struct checkpoint_args nothing;
static const struct restart_args nothing_given;

/* Makes a device of a kind, which may stand on another one, with this number if it is not 0. */
static void device_on(const char *name, int index, const char *kind, const char *below)
{
	struct rtattr *info, *data;
	struct rt rt;

	info = rt_device(&rt, name, index, kind);
	if (!strcmp(kind, "vlan")) {
		uint16_t id = 7;

		data = rt_nest(&rt, IFLA_INFO_DATA);
		rt_add(&rt, IFLA_VLAN_ID, &id, sizeof(id));
		rt_end(&rt, data);
	}
	rt_end(&rt, info);
	if (below)
		rt_add_u32(&rt, IFLA_LINK, if_nametoindex(below));
	CHECK_SYS(rt_ask(&rt));
}

/* The link address of a device. */
static void link_address(const char *name, unsigned char address[6])
{
	struct ifreq ifr = { .ifr_flags = 0 };

	CHECK_SYS(of_device(name, SIOCGIFHWADDR, &ifr));
	CHECK_EQ(ARPHRD_ETHER, ifr.ifr_hwaddr.sa_family);
	memcpy(address, ifr.ifr_hwaddr.sa_data, 6);
}

static bool has_address(const char *name, const unsigned char address[6])
{
	unsigned char now[6];

	link_address(name, now);
	return !memcmp(now, address, 6);
}

static short flags_of(const char *name)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	CHECK_SYS(of_device(name, SIOCGIFFLAGS, &ifr));
	return ifr.ifr_flags;
}

/* A setting of the device of the tasks. */
static const char *setting(bool write)
{
	static const char path[] = "/proc/sys/net/ipv4/conf/" CARD "/arp_announce";
	static char text[8];
	int fd = CHECK_SYS(open(path, (write ? O_WRONLY : O_RDONLY) | O_CLOEXEC));

	memset(text, 0, sizeof(text));
	if (write)
		CHECK_EQ(1, CHECK_SYS(pwrite(fd, "2", 1, 0)));
	else
		CHECK(CHECK_SYS(pread(fd, text, sizeof(text) - 1, 0)) > 0, "an empty setting");
	CHECK_SYS(close(fd));
	return text;
}

/* A neighbour that stays; whether it is there if @make is false. */
static bool neighbour(bool make)
{
	struct ndmsg header = {
		.ndm_family = AF_INET, .ndm_ifindex = if_nametoindex(CARD),
		.ndm_state = make ? NUD_PERMANENT : 0,
	};
	char address[16];
	struct rt rt;
	size_t len = rt_parse("10.9.0.77", address);

	rt_begin(&rt, make ? RTM_NEWNEIGH : RTM_GETNEIGH, make ? NLM_F_CREATE | NLM_F_EXCL : 0,
		 &header, sizeof(header));
	rt_add(&rt, NDA_DST, address, len);
	if (make)
		rt_add(&rt, NDA_LLADDR, far_address, sizeof(far_address));
	return !rt_ask(&rt);
}

/* Gives a device a queueing discipline at its root; fails if that has been given one. */
static int queue_of(const char *name, unsigned int handle)
{
	struct tcmsg header = {
		.tcm_ifindex = if_nametoindex(name), .tcm_handle = handle << 16,
		.tcm_parent = TC_H_ROOT,
	};
	struct tc_fifo_qopt limit = { .limit = 77 };
	struct rt rt;

	rt_begin(&rt, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_text(&rt, TCA_KIND, "pfifo");
	rt_add(&rt, TCA_OPTIONS, &limit, sizeof(limit));
	return rt_ask(&rt);
}

/* The device of the tasks. */
static int queue(unsigned int handle)
{
	return queue_of(CARD, handle);
}

/* Has a chain of nftables see what the device of the tasks gets; fails if there is one. */
static int chain(void)
{
	struct batch batch = { .count = 0 };
	struct rtattr *hook;
	struct rt *rt;

	nf_family = NFPROTO_NETDEV;
	table(&batch, "t");
	rt = nf_begin(&batch, NFT_MSG_NEWCHAIN, NLM_F_EXCL);
	rt_add_text(rt, NFTA_CHAIN_TABLE, "t");
	rt_add_text(rt, NFTA_CHAIN_NAME, "in");
	hook = rt_nest(rt, NFTA_CHAIN_HOOK);
	nf_number(rt, NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS);
	nf_number(rt, NFTA_HOOK_PRIORITY, 5);
	rt_add_text(rt, NFTA_HOOK_DEV, CARD);
	rt_end(rt, hook);
	rt_add_text(rt, NFTA_CHAIN_TYPE, "filter");
	nf_number(rt, NFTA_CHAIN_POLICY, NF_ACCEPT);
	return nf_send(&batch);
}

/* It has that: a kernel may have no such chains. */
static bool has_chain;

/* A device has another name, or has it no more. */
__attribute__((unused)) static void also_called(const char *name, const char *other, int type)
{
	struct rtattr *list;
	struct rt rt;

	rt_change(&rt, type, name);
	if (type == RTM_NEWLINKPROP)
		rt.nlh.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND;
	list = rt_nest(&rt, IFLA_PROP_LIST);
	rt_add_text(&rt, IFLA_ALT_IFNAME, other);
	rt_end(&rt, list);
	CHECK_SYS(rt_ask(&rt));
}

/* Gives the device of the tasks all that it can have. */
static void set_up(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_MULTICAST | IFF_PROMISC };
	struct rt rt;

	rt_change(&rt, RTM_SETLINK, name);
	rt_add(&rt, IFLA_ADDRESS, saved_address, sizeof(saved_address));
	CHECK_SYS(rt_ask(&rt));
	rt_change(&rt, RTM_SETLINK, name);
	rt_add_u32(&rt, IFLA_MTU, 1400);
	rt_add_u32(&rt, IFLA_TXQLEN, 77);
	rt_add_u32(&rt, IFLA_GROUP, 42);
	rt_add_text(&rt, IFLA_IFALIAS, "to the world");
	CHECK_SYS(rt_ask(&rt));
	/* Others answer it by ARP. */
	CHECK_SYS(of_device(name, SIOCSIFFLAGS, &ifr));
	setting(true);
	device_on(UPPER, INDEX + 1, "vlan", name);
	rt_switch(name, true);
	rt_switch(UPPER, true);
	rt_address(name, "10.9.0.1", 24);
	rt_address(name, "fd00:9::1", 64);
	rt_address(UPPER, "10.11.0.1", 24);
	CHECK_EQ(0, rt_route(RTM_NEWROUTE, "10.10.0.0", 16, "10.9.0.2", name, 254, RTN_UNICAST));
	CHECK(neighbour(true), "no neighbour");
	CHECK_SYS(queue(7));
	has_chain = !chain();
}

/* It has all that. */
static void look(void)
{
	const struct rtattr *alias;
	struct rt rt;

	CHECK_EQ((unsigned int)INDEX, if_nametoindex(CARD));
	CHECK_EQ((unsigned int)INDEX + 1, if_nametoindex(UPPER));
	CHECK(has_address(CARD, saved_address), "another link address");
	CHECK_EQ(1400u, rt_number(CARD, IFLA_MTU));
	CHECK_EQ(77u, rt_number(CARD, IFLA_TXQLEN));
	CHECK_EQ(42u, rt_number(CARD, IFLA_GROUP));
	alias = rt_attribute(&rt, CARD, IFLA_IFALIAS);
	CHECK(alias, "no alias");
	CHECK_STREQ("to the world", RTA_DATA(alias));
	CHECK_EQ(IFF_UP | IFF_PROMISC | IFF_MULTICAST,
		 flags_of(CARD) & (IFF_UP | IFF_PROMISC | IFF_MULTICAST | IFF_NOARP));
	CHECK_STREQ("2\n", setting(false));
	CHECK_EQ((uint32_t)INDEX, rt_number(UPPER, IFLA_LINK));
	CHECK_EQ(0x0a090001u, address_of(CARD));
	CHECK_EQ(0x0a0b0001u, address_of(UPPER));
	CHECK_EQ(INDEX, rt_way("10.10.1.1", 0));
	CHECK_EQ(INDEX, rt_way("fd00:9::2", 0));
	CHECK_EQ(INDEX + 1, rt_way("10.11.0.2", 0));
	CHECK(neighbour(false), "no neighbour any more");
	errno = 0;
	CHECK(queue(7) && errno == EEXIST, "another queueing discipline: %s", strerror(errno));
	if (has_chain)
		CHECK(chain() && errno == EEXIST, "another chain: %s", strerror(errno));
}

/* It has a dummy, and another device in place of it after each restart. */
CKPT_SCENARIO(guest, OWN)
{
	const char *path = getenv("CKPT_FILE");

	/* One that a restart may not find. */
	if (path)
		CHECK_SYS(open(path, O_RDONLY));
	device_on(CARD, INDEX, "dummy", NULL);
	set_up(CARD);
	look();
	ckpt_ready_wait();
	look();
	/* Somebody answers at the other end, if it has one. */
	if (board->value[0])
		ask("10.9.0.2", "end");
}

FIXTURE(physical) {
	/* That of the machine, and the test's own. */
	int first, ns;
};

FIXTURE_SETUP(physical)
{
	BEGIN_WITH_PAIRS();
	image = ckpt_image_new();
	self->first = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->first);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	self->ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->ns);
}

FIXTURE_TEARDOWN(physical)
{
	close(self->first);
	close(self->ns);
	finish();
}

static const struct checkpoint_rule left = {
	.pattern = (uintptr_t)"netdev:ckcard*", .action = CHECKPOINT_RULE_MOVE,
};
static const struct checkpoint_args said = { .rules = (uintptr_t)&left, .rules_count = 1 };

/* Makes a device of the test's: with another address than the one in the image. */
static void make_free(const char *kind)
{
	bool stands = !strcmp(kind, "macvlan");
	struct rtattr *info, *data, *peer;
	struct ifinfomsg header = { .ifi_index = 0 };
	struct rt rt;

	if (stands) {
		device_on(HELPER, 0, "dummy", NULL);
		rt_switch(HELPER, true);
		device_on(FREE, 0, kind, HELPER);
	} else if (!strcmp(kind, "veth")) {
		info = rt_device(&rt, FREE, 0, kind);
		data = rt_nest(&rt, IFLA_INFO_DATA);
		peer = rt_add(&rt, VETH_INFO_PEER | NLA_F_NESTED, &header, sizeof(header));
		rt_add_text(&rt, IFLA_IFNAME, HELPER);
		rt_end(&rt, peer);
		rt_end(&rt, data);
		rt_end(&rt, info);
		CHECK_SYS(rt_ask(&rt));
		rt_address(HELPER, "10.9.0.2", 24);
		rt_switch(HELPER, true);
	} else {
		device_on(FREE, 0, kind, NULL);
	}
	rt_change(&rt, RTM_SETLINK, FREE);
	rt_add(&rt, IFLA_ADDRESS, own_address, sizeof(own_address));
	CHECK_SYS(rt_ask(&rt));
}

/* It has two devices, one of which is on. */
CKPT_SCENARIO(two, OWN)
{
	device_on("ckcard0", 30, "dummy", NULL);
	device_on("ckcard1", 31, "dummy", NULL);
	rt_switch("ckcard1", true);
	ckpt_ready_wait();
	CHECK_EQ(30u, if_nametoindex("ckcard0"));
	CHECK_EQ(31u, if_nametoindex("ckcard1"));
	CHECK(!(flags_of("ckcard0") & IFF_UP) && flags_of("ckcard1") & IFF_UP, "another one is on");
	if (board->value[0]) {
		/* The other names of both came with them. */
		CHECK_EQ(31u, if_nametoindex("ckfirst"));
		CHECK_EQ(30u, if_nametoindex("cksecond"));
	}
}

#endif /* CKPT_TEST_NET_PHYSICAL_H */
