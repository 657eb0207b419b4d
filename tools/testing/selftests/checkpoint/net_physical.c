// SPDX-License-Identifier: GPL-2.0
/*
 * Network devices that are left to the caller by advice, as those of the machine: a restart moves one of the
 * caller's there, and tells it all that the other one was. Of several kinds, and a network card if there is
 * one. What is refused of that; a restart that fails gives the device back.
 */
#include "net_pairs.h"
#include "advice.h"

#include <linux/capability.h>
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <signal.h>
#include <sys/syscall.h>

/* The device of the tasks, its number, and the device that stands on it. */
#define CARD	"ckcard0"
#define INDEX	20
#define UPPER	"ckvlan0"
/* That of the caller, the one below or beside that, and what else it is called. */
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

/* Gives it a queueing discipline at its root; fails if that has been given one. */
static int queue(unsigned int handle)
{
	struct tcmsg header = {
		.tcm_ifindex = if_nametoindex(CARD), .tcm_handle = handle << 16,
		.tcm_parent = TC_H_ROOT,
	};
	struct tc_fifo_qopt limit = { .limit = 77 };
	struct rt rt;

	rt_begin(&rt, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_text(&rt, TCA_KIND, "pfifo");
	rt_add(&rt, TCA_OPTIONS, &limit, sizeof(limit));
	return rt_ask(&rt);
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

/* Who is killed takes it along, a moment later: with the other end of a pair. */
static void wait_until_gone(const char *name)
{
	struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	char message[4096];

	CHECK_SYS(bind(fd, (struct sockaddr *)&links, sizeof(links)));
	while (if_nametoindex(name))
		CHECK_SYS(recv(fd, message, sizeof(message), 0));
	CHECK_SYS(close(fd));
}

/* The tasks run on beside their checkpoint, with the device that they have. */
TEST_F_TIMEOUT(physical, runs_on, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, start(&guest, true));
	board = run.board;
	ASSERT_EQ(0, checkpoint(0, &said)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_TRUE(ckpt_run_log_has(&run, "the device " CARD " of its network namespace is left to the "
				     "caller"));
	ASSERT_EQ(0, go());
}

FIXTURE(kinds) {
	int ns;
};

FIXTURE_VARIANT(kinds) {
	const char *kind;
};

FIXTURE_VARIANT_ADD(kinds, dummy) { .kind = "dummy" };
FIXTURE_VARIANT_ADD(kinds, macvlan) { .kind = "macvlan" };
FIXTURE_VARIANT_ADD(kinds, veth) { .kind = "veth" };

FIXTURE_SETUP(kinds)
{
	BEGIN_WITH_PAIRS();
	image = ckpt_image_new();
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	self->ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->ns);
}

FIXTURE_TEARDOWN(kinds)
{
	close(self->ns);
	finish();
}

/* A device of the caller's namespace, and the next time of one that is given. */
TEST_F_TIMEOUT(kinds, comes_back, CKPT_TIMEOUT)
{
	struct restart_rule rule = {
		.pattern = (uintptr_t)"netdev:" CARD ":" FREE, .action = RESTART_RULE_MOVE,
		.own_fd = -1,
	};
	const struct restart_args given = { .rules = (uintptr_t)&rule, .rules_count = 1 };
	bool is_pair = !strcmp(variant->kind, "veth");
	pid_t answers = 0;

	ASSERT_EQ(0, start(&guest, true));
	board = run.board;
	ASSERT_EQ(0, checkpoint_and_kill(&said)) {
		ckpt_run_print_log(&run);
	}
	make_free(variant->kind);
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0u, if_nametoindex(FREE));

	/* Second generation, of another kind than at first. */
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, checkpoint_and_kill(&said)) {
		ckpt_run_print_log(&run);
	}
	if (is_pair) {
		wait_until_gone(HELPER);
	} else if (!strcmp(variant->kind, "macvlan")) {
		struct rt rt;

		rt_change(&rt, RTM_DELLINK, HELPER);
		ASSERT_EQ(0, rt_ask(&rt));
	}
	make_free(variant->kind);
	rule.own_fd = self->ns;
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0u, if_nametoindex(FREE));
	if (is_pair) {
		run.board->value[0] = 1;
		answers = fork();
		if (!answers) {
			echo(datagrams(NULL));
			_exit(0);
		}
		ASSERT_LT(0, answers);
	}
	EXPECT_EQ(0, go());
	if (answers) {
		kill(answers, SIGKILL);
		waitpid(answers, NULL, 0);
	}
}

/* The name of a network card of the machine, in @name: one without a kind. */
static bool find_card(char name[IF_NAMESIZE])
{
	struct if_nameindex *all = if_nameindex(), *one;
	struct ifreq ifr = { .ifr_flags = 0 };
	struct rt rt;
	bool found = false;

	CHECK(all, "no devices");
	for (one = all; one->if_index && !found; one++) {
		CHECK_SYS(of_device(one->if_name, SIOCGIFHWADDR, &ifr));
		found = ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER &&
			!rt_attribute(&rt, one->if_name, IFLA_LINKINFO) &&
			!(flags_of(one->if_name) & IFF_UP);
		if (found)
			snprintf(name, IF_NAMESIZE, "%s", one->if_name);
	}
	if_freenameindex(all);
	return found;
}

/* One goes to the first namespace when its own ends, and is given again. */
TEST_F_TIMEOUT(physical, of_the_machine, CKPT_TIMEOUT)
{
	struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	struct restart_rule rule = { .action = RESTART_RULE_MOVE, .own_fd = self->first };
	const struct restart_args given = { .rules = (uintptr_t)&rule, .rules_count = 1 };
	char name[IF_NAMESIZE], names[64], message[4096];
	unsigned char address[6];
	unsigned int mtu;
	struct rt rt;
	int fd, turn;

	ASSERT_EQ(0, setns(self->first, CLONE_NEWNET));
	if (!find_card(name))
		SKIP(return, "no network card that is off");
	link_address(name, address);
	mtu = rt_number(name, IFLA_MTU);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&links, sizeof(links)));
	ASSERT_EQ(0, setns(self->ns, CLONE_NEWNET));
	snprintf(names, sizeof(names), "netdev:" CARD ":%s", name);
	rule.pattern = (uintptr_t)names;

	ASSERT_EQ(0, start(&guest, true));
	board = run.board;
	for (turn = 0; turn < 2; turn++) {
		ASSERT_EQ(0, checkpoint_and_kill(&said)) {
			ckpt_run_print_log(&run);
		}
		if (turn) {
			/* It has come back by now, or will soon: called as it was there. */
			ASSERT_EQ(0, setns(self->first, CLONE_NEWNET));
			while (!if_nametoindex(CARD))
				ASSERT_LT(0, recv(fd, message, sizeof(message), 0));
			rt_change(&rt, RTM_SETLINK, CARD);
			rt_add_text(&rt, IFLA_IFNAME, name);
			ASSERT_EQ(0, rt_ask(&rt));
			ASSERT_EQ(0, setns(self->ns, CLONE_NEWNET));
		}
		ASSERT_EQ(0, restart(0, &given)) {
			ckpt_run_print_log(&run);
		}
		ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	}
	EXPECT_EQ(0, go());
	/* As it was, for the next one. */
	ASSERT_EQ(0, setns(self->first, CLONE_NEWNET));
	while (!if_nametoindex(CARD))
		ASSERT_LT(0, recv(fd, message, sizeof(message), 0));
	rt_change(&rt, RTM_SETLINK, CARD);
	rt_add_text(&rt, IFLA_IFNAME, name);
	rt_add_u32(&rt, IFLA_MTU, mtu);
	rt_add(&rt, IFLA_ADDRESS, address, sizeof(address));
	ASSERT_EQ(0, rt_ask(&rt));
	close(fd);
}

/* Two devices are given whose names are those of each other there. */
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

static void also_called(const char *name, const char *other)
{
	struct rtattr *list;
	struct rt rt;

	rt_change(&rt, RTM_NEWLINKPROP, name);
	rt.nlh.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND;
	list = rt_nest(&rt, IFLA_PROP_LIST);
	rt_add_text(&rt, IFLA_ALT_IFNAME, other);
	rt_end(&rt, list);
	CHECK_SYS(rt_ask(&rt));
}

TEST_F_TIMEOUT(physical, swapped, CKPT_TIMEOUT)
{
	const struct restart_rule rules[] = {
		{
			.pattern = (uintptr_t)"netdev:ckcard0:ckcard1",
			.action = RESTART_RULE_MOVE, .own_fd = -1,
		},
		{
			.pattern = (uintptr_t)"netdev:ckcard1:ckcard0",
			.action = RESTART_RULE_MOVE, .own_fd = -1,
		},
	};
	const struct restart_args given = RULES(rules);

	ASSERT_EQ(0, start(&two, true));
	board = run.board;
	ASSERT_EQ(0, checkpoint_and_kill(&said)) {
		ckpt_run_print_log(&run);
	}
	device_on("ckcard0", 0, "dummy", NULL);
	also_called("ckcard0", "ckfirst");
	device_on("ckcard1", 0, "dummy", NULL);
	also_called("ckcard1", "cksecond");
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0u, if_nametoindex("ckfirst"));
	ASSERT_EQ(0u, if_nametoindex("cksecond"));
	run.board->value[0] = 1;
	ASSERT_EQ(0, go());
}

/* Of two the second is not there: the first one goes back. */
TEST_F_TIMEOUT(physical, all_or_none, CKPT_TIMEOUT)
{
	struct restart_rule rules[] = {
		{
			.pattern = (uintptr_t)"netdev:ckcard0:" FREE, .action = RESTART_RULE_MOVE,
			.own_fd = -1,
		},
		{
			.pattern = (uintptr_t)"netdev:ckcard1:" HELPER,
			.action = RESTART_RULE_MOVE, .own_fd = -1,
		},
	};
	const struct restart_args given = RULES(rules);
	unsigned int index;

	ASSERT_EQ(0, start(&two, true));
	board = run.board;
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	make_free("dummy");
	index = if_nametoindex(FREE);
	ASSERT_EQ(ENODEV, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the device " HELPER " of the caller can't be moved into its "
				     "network namespace as ckcard1: there is none with this name"));
	ASSERT_EQ(index, if_nametoindex(FREE));
	device_on(HELPER, 0, "dummy", NULL);
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, go());
}

/* The caller may not set up network namespaces from now on. */
static int drop_net_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(__NR_capget, &header, data))
		return -1;
	data[0].effective &= ~(1u << CAP_NET_ADMIN);
	data[0].permitted &= ~(1u << CAP_NET_ADMIN);
	return syscall(__NR_capset, &header, data);
}

/* What a restart does not take in place of one, and does not take away. */
TEST_F_TIMEOUT(physical, refused, CKPT_TIMEOUT)
{
	static const char *const wrong[] = {
		"netdev", ":x", "netdev:" CARD ":", "netdev:" CARD ":sixteen-letters-",
		"netdev:" CARD ":a/b", "netdev:" CARD ":a%d",
	};
	struct restart_rule rule = { .action = RESTART_RULE_MOVE, .own_fd = -1 };
	const struct restart_args given = { .rules = (uintptr_t)&rule, .rules_count = 1 };
	unsigned int n, index;
	int file, status;
	struct rt rt;
	pid_t pid;

	ASSERT_EQ(0, start(&guest, true));
	board = run.board;
	ASSERT_EQ(0, checkpoint_and_kill(&said));

	ASSERT_EQ(EINVAL, restart(0, &nothing_given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the device " CARD " of its network namespace was left to the "
				     "caller: give one for it (RESTART_RULE_MOVE, restart --device "
				     CARD "=DEVICE)"));
	for (n = 0; n < sizeof(wrong) / sizeof(*wrong); n++) {
		rule.pattern = (uintptr_t)wrong[n];
		ASSERT_EQ(EINVAL, restart(0, &given)) {
			TH_LOG("%s", wrong[n]);
		}
	}
	rule.pattern = (uintptr_t)"netdev:other:" FREE;
	ASSERT_EQ(EBADF, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the device " FREE " is to take the place of netdev:other: no "
				     "device with such a name was left to the caller"));
	rule.pattern = (uintptr_t)"netdev:" CARD ":" FREE;
	ASSERT_EQ(ENODEV, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "there is none with this name"));

	make_free("dummy");
	index = if_nametoindex(FREE);
	file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, file);
	rule.own_fd = file;
	ASSERT_EQ(EBADF, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "where that is, is no network namespace"));
	close(file);
	ASSERT_EQ(EBADF, restart(0, &given));
	/* There it is not. */
	rule.own_fd = self->first;
	ASSERT_EQ(ENODEV, restart(0, &given));
	rule.own_fd = -1;

	/* It is used: it is on, or another one stands on it. */
	rt_switch(FREE, true);
	ASSERT_EQ(EBUSY, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "it is on, others stand on it"));
	rt_switch(FREE, false);
	device_on(HELPER, 0, "vlan", FREE);
	ASSERT_EQ(EBUSY, restart(0, &given));
	rt_change(&rt, RTM_DELLINK, HELPER);
	ASSERT_EQ(0, rt_ask(&rt));

	/* One that can't be moved. */
	rule.pattern = (uintptr_t)"netdev:" CARD ":lo";
	ASSERT_EQ(EINVAL, restart(0, &given));
	device_on(HELPER, 0, "bridge", NULL);
	rule.pattern = (uintptr_t)"netdev:" CARD ":" HELPER;
	ASSERT_EQ(EINVAL, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "it can't be moved to another network namespace"));

	/* Without the right. */
	rule.pattern = (uintptr_t)"netdev:" CARD ":" FREE;
	pid = fork();
	if (!pid)
		_exit(drop_net_admin() ? 2 : restart(0, &given) != EPERM);
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);

	ASSERT_EQ(index, if_nametoindex(FREE));
	ASSERT_TRUE(has_address(FREE, own_address));
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, go());
}

/* A device that a new one could not be told all of, as its own driver says no: it goes back. */
TEST_F_TIMEOUT(physical, not_taken, CKPT_TIMEOUT)
{
	const struct restart_rule rule = {
		.pattern = (uintptr_t)"netdev:" CARD ":" FREE, .action = RESTART_RULE_MOVE,
		.own_fd = -1,
	};
	const struct restart_args given = { .rules = (uintptr_t)&rule, .rules_count = 1 };
	unsigned int index;
	struct rt rt;

	ASSERT_EQ(0, start(&guest, true));
	board = run.board;
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	/* A macvlan has no larger MTU than what it stands on. */
	device_on(HELPER, 0, "dummy", NULL);
	rt_change(&rt, RTM_SETLINK, HELPER);
	rt_add_u32(&rt, IFLA_MTU, 1300);
	ASSERT_EQ(0, rt_ask(&rt));
	device_on(FREE, 0, "macvlan", HELPER);
	rt_change(&rt, RTM_SETLINK, FREE);
	rt_add(&rt, IFLA_ADDRESS, own_address, sizeof(own_address));
	ASSERT_EQ(0, rt_ask(&rt));
	index = if_nametoindex(FREE);
	ASSERT_EQ(EINVAL, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "its network namespace does not take a device " CARD
				     " that was in it"));
	ASSERT_EQ(index, if_nametoindex(FREE));
	ASSERT_EQ(1300u, rt_number(FREE, IFLA_MTU));
	ASSERT_TRUE(has_address(FREE, own_address));
	rt_change(&rt, RTM_SETLINK, HELPER);
	rt_add_u32(&rt, IFLA_MTU, 1500);
	ASSERT_EQ(0, rt_ask(&rt));
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, go());
}

/* A restart that fails when all of the namespace was made gives it back as it was. */
TEST_F_TIMEOUT(physical, undone, CKPT_TIMEOUT)
{
	const struct restart_rule rule = {
		.pattern = (uintptr_t)"netdev:" CARD ":" FREE, .action = RESTART_RULE_MOVE,
		.own_fd = -1,
	};
	const struct restart_args given = { .rules = (uintptr_t)&rule, .rules_count = 1 };
	char path[64], aside[80];
	unsigned int index;
	short flags;
	int file;

	snprintf(path, sizeof(path), "/dev/shm/ckpt-physical-%d", getpid());
	snprintf(aside, sizeof(aside), "%s-aside", path);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, file);
	close(file);
	setenv("CKPT_FILE", path, 1);
	ASSERT_EQ(0, start(&guest, true));
	unsetenv("CKPT_FILE");
	board = run.board;
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	make_free("dummy");
	index = if_nametoindex(FREE);
	flags = flags_of(FREE);

	ASSERT_EQ(0, rename(path, aside));
	ASSERT_EQ(ENOENT, restart(0, &given));
	/* Nothing stands on it any more, and it is free for the next restart. */
	ASSERT_EQ(index, if_nametoindex(FREE));
	ASSERT_TRUE(has_address(FREE, own_address));
	ASSERT_EQ(1500u, rt_number(FREE, IFLA_MTU));
	ASSERT_EQ(0u, rt_number(FREE, IFLA_GROUP));
	ASSERT_EQ(flags, flags_of(FREE));
	ASSERT_EQ(0, rename(aside, path));
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0u, if_nametoindex(FREE));
	unlink(path);
	ASSERT_EQ(0, go());
}

/* Devices that can't be left to the caller, though a rule says so. */
CKPT_SCENARIO(unmovable, OWN)
{
	device_on("ckcard0", 30, "bridge", NULL);
	ckpt_ready_wait();
	CHECK_EQ(30u, if_nametoindex("ckcard0"));
}

TEST_F_TIMEOUT(physical, stays, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, start(&unmovable, true));
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the device ckcard0, which a rule leaves to the caller, but which "
				     "can't be moved: remove that"));
	/* Without the rule it is one of those that are made again. */
	ASSERT_EQ(0, checkpoint_and_kill(&nothing)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, restart(0, &nothing_given));
	ASSERT_EQ(0, go());
}

/* A rule for all devices is for none that each new namespace has; the first one that fits counts. */
TEST_F_TIMEOUT(physical, first_rule_counts, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rules[] = {
		{ .pattern = (uintptr_t)"netdev:ckcard1", .action = CHECKPOINT_RULE_KEEP },
		{ .pattern = (uintptr_t)"netdev:*", .action = CHECKPOINT_RULE_MOVE },
	};
	const struct checkpoint_args all = RULES(rules);
	const struct restart_rule rule = {
		.pattern = (uintptr_t)"netdev:ckcard0:" FREE, .action = RESTART_RULE_MOVE,
		.own_fd = -1,
	};
	const struct restart_args given = { .rules = (uintptr_t)&rule, .rules_count = 1 };

	ASSERT_EQ(0, start(&two, true));
	board = run.board;
	ASSERT_EQ(0, checkpoint_and_kill(&all)) {
		ckpt_run_print_log(&run);
	}
	make_free("dummy");
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, go());
}

TEST_HARNESS_MAIN
