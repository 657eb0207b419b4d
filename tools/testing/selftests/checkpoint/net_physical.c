// SPDX-License-Identifier: GPL-2.0
/*
 * Network devices that are left to the caller by advice, as those of the machine: a restart moves one of the
 * caller's there, and tells it all that the other one was. Of several kinds, and a network card if there is
 * one; two whose names are swapped.
 */
#include "net_physical.h"

#include <signal.h>

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

/* The names are those of each other there. */
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
	also_called("ckcard0", "ckfirst", RTM_NEWLINKPROP);
	device_on("ckcard1", 0, "dummy", NULL);
	also_called("ckcard1", "cksecond", RTM_NEWLINKPROP);
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0u, if_nametoindex("ckfirst"));
	ASSERT_EQ(0u, if_nametoindex("cksecond"));
	run.board->value[0] = 1;
	ASSERT_EQ(0, go());
}

TEST_HARNESS_MAIN
