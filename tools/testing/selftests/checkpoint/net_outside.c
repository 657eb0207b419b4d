// SPDX-License-Identifier: GPL-2.0
/*
 * A pair of devices of which one end stays outside by advice: in the namespace of the test, which
 * gives that for it at the restart. And what is refused of that.
 */
#include "net_pairs.h"
#include "advice.h"

#include <signal.h>

/* The ends: inside, and outside. */
#define INSIDE	"ckin0"
#define OUTSIDE	"ckout0"
/* What the second is called later. */
#define RENAMED	"ckother0"

static const struct checkpoint_args nothing;
static const struct restart_args nothing_given;

static void switch_to(int ns)
{
	CHECK_SYS(setns(ns, CLONE_NEWNET));
}

/* Goes to a namespace of its own, from which a pair leads back to that of the test. */
CKPT_SCENARIO(guest, .flags = SC_CONTAINER)
{
	int old = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), own;
	struct ifinfomsg header = { .ifi_index = 20 };
	struct rtattr *info, *data, *peer;
	const char *path = getenv("CKPT_FILE");
	struct rt rt;

	/* One that a restart may not find. */
	if (path)
		CHECK_SYS(open(path, O_RDONLY));
	info = rt_device(&rt, OUTSIDE, 30, "veth");
	data = rt_nest(&rt, IFLA_INFO_DATA);
	peer = rt_add(&rt, VETH_INFO_PEER | NLA_F_NESTED, &header, sizeof(header));
	rt_add_text(&rt, IFLA_IFNAME, INSIDE);
	rt_end(&rt, peer);
	rt_end(&rt, data);
	rt_end(&rt, info);
	CHECK_SYS(rt_ask(&rt));
	rt_change(&rt, RTM_SETLINK, OUTSIDE);
	rt_add_u32(&rt, IFLA_MTU, 1400);
	CHECK_SYS(rt_ask(&rt));
	rt_address(OUTSIDE, "10.9.0.2", 24);
	rt_switch(OUTSIDE, true);

	CHECK_SYS(unshare(CLONE_NEWNET));
	own = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	switch_to(old);
	rt_change(&rt, RTM_NEWLINK, INSIDE);
	rt_add_u32(&rt, IFLA_NET_NS_FD, own);
	CHECK_SYS(rt_ask(&rt));
	switch_to(own);
	CHECK_SYS(close(old));
	CHECK_SYS(close(own));

	rt_address(INSIDE, "10.9.0.1", 24);
	rt_switch(INSIDE, true);
	CHECK_EQ(0, rt_route(RTM_NEWROUTE, "10.10.0.0", 16, NULL, INSIDE, 254, RTN_UNICAST));
	ask("10.9.0.2", "before");
	ckpt_ready_wait();
	CHECK_EQ(20u, if_nametoindex(INSIDE));
	CHECK_EQ(20, rt_way("10.10.1.1", 0));
	/* Who answers ends then: it is waited for like all children. */
	ask("10.9.0.2", "end");
}

/* Who answers in the namespace that the caller is in; -1: nobody could be made. */
static pid_t begin_answers(void)
{
	pid_t pid = fork();

	if (!pid) {
		echo(datagrams(NULL));
		_exit(0);
	}
	return pid;
}

static void end_answers(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

FIXTURE(outside) {
	pid_t answers;
	int ns;
};

/* The test has a namespace of its own. */
FIXTURE_SETUP(outside)
{
	BEGIN_WITH_PAIRS();
	image = ckpt_image_new();
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	self->ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->ns);
}

FIXTURE_TEARDOWN(outside)
{
	end_answers(&self->answers);
	close(self->ns);
	finish();
}

/* An end goes with the namespace of the other one, a moment after that was left. */
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

TEST_F_TIMEOUT(outside, comes_back, CKPT_TIMEOUT)
{
	struct checkpoint_rule stays = {
		.pattern = (uintptr_t)"netdev:" INSIDE, .action = CHECKPOINT_RULE_EXTERNAL,
	};
	const struct checkpoint_args said = { .rules = (uintptr_t)&stays, .rules_count = 1 };
	struct restart_rule give = {
		.pattern = (uintptr_t)"netdev:" INSIDE, .action = RESTART_RULE_GIVE,
	};
	const struct restart_args given = { .rules = (uintptr_t)&give, .rules_count = 1 };
	struct ifreq ifr = { .ifr_flags = 0 };
	struct rt rt;
	int file;

	self->answers = begin_answers();
	ASSERT_LT(0, self->answers);
	ASSERT_EQ(0, start(&guest, true));
	/* A check of a helper that fails here is told there, too. */
	board = run.board;

	/* Without advice it is refused, and a dry run tells the name for it. */
	ASSERT_EQ(-1, ckpt_run_call(&run, -1, CHECKPOINT_DRY_RUN));
	ASSERT_TRUE(ckpt_run_log_has(&run, "netdev:" INSIDE ": a device that leads to another "
				     "network namespace"));
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &nothing));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the device " INSIDE ", which leads to another network "
				     "namespace"));
	/* All children are waited for. */
	end_answers(&self->answers);
	ASSERT_EQ(0, checkpoint_and_kill(&said)) {
		ckpt_run_print_log(&run);
	}
	wait_until_gone(OUTSIDE);

	ASSERT_EQ(EINVAL, restart(0, &nothing_given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "leads to another one that stays outside: give that"));
	file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, file);
	give.own_fd = file;
	ASSERT_EQ(EBADF, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is no network namespace"));
	close(file);

	/* Nothing takes the place of a device that is there. */
	give.own_fd = self->ns;
	rt_end(&rt, rt_device(&rt, OUTSIDE, 0, "bridge"));
	ASSERT_EQ(0, rt_ask(&rt));
	ASSERT_EQ(EEXIST, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "a pair with the other end " OUTSIDE " that was in it: there is "
				     "one with this name"));
	rt_change(&rt, RTM_DELLINK, OUTSIDE);
	ASSERT_EQ(0, rt_ask(&rt));

	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	/* It is there as it was, but for its addresses. */
	ASSERT_EQ(1400u, rt_number(OUTSIDE, IFLA_MTU));
	ASSERT_EQ(0, of_device(OUTSIDE, SIOCGIFFLAGS, &ifr));
	ASSERT_TRUE(ifr.ifr_flags & IFF_UP);
	rt_address(OUTSIDE, "10.9.0.2", 24);

	/* And once more. */
	ASSERT_EQ(0, checkpoint_and_kill(&said)) {
		ckpt_run_print_log(&run);
	}
	wait_until_gone(OUTSIDE);
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(1400u, rt_number(OUTSIDE, IFLA_MTU));
	rt_address(OUTSIDE, "10.9.0.2", 24);
	self->answers = begin_answers();
	ASSERT_LT(0, self->answers);
	ASSERT_EQ(0, go());
}

/* The end outside gets another name, as its own is taken. Names that are none, and that of nothing. */
TEST_F_TIMEOUT(outside, renamed, CKPT_TIMEOUT)
{
	static const char *const wrong[] = {
		"netdev", ":x", "netdev:" INSIDE ":", "netdev:" INSIDE ":sixteen-letters-",
		"netdev:" INSIDE ":a/b", "netdev:" INSIDE ":a b", "netdev:" INSIDE ":a%d",
		"netdev:" INSIDE ":..",
	};
	struct checkpoint_rule stays = {
		.pattern = (uintptr_t)"netdev:" INSIDE, .action = CHECKPOINT_RULE_EXTERNAL,
	};
	const struct checkpoint_args said = { .rules = (uintptr_t)&stays, .rules_count = 1 };
	struct restart_rule rules[2] = {
		{
			.pattern = (uintptr_t)"netdev:" INSIDE, .action = RESTART_RULE_GIVE,
			.own_fd = self->ns,
		},
		{ .action = RESTART_RULE_RENAME },
	};
	const struct restart_args given = { .rules = (uintptr_t)rules, .rules_count = 2 };
	struct restart_rule give_again = {
		.pattern = (uintptr_t)"netdev:" INSIDE, .action = RESTART_RULE_GIVE,
	};
	const struct restart_args given_again = {
		.rules = (uintptr_t)&give_again, .rules_count = 1,
	};
	unsigned int n;
	struct rt rt;

	self->answers = begin_answers();
	ASSERT_LT(0, self->answers);
	ASSERT_EQ(0, start(&guest, true));
	board = run.board;
	end_answers(&self->answers);
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	wait_until_gone(OUTSIDE);

	for (n = 0; n < sizeof(wrong) / sizeof(*wrong); n++) {
		rules[1].pattern = (uintptr_t)wrong[n];
		ASSERT_EQ(EINVAL, restart(0, &given)) {
			TH_LOG("%s", wrong[n]);
		}
	}
	rules[1].pattern = (uintptr_t)"netdev:other:" RENAMED;
	ASSERT_EQ(EBADF, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, RENAMED " is to be the name of the other end of netdev:other: no "
				     "device with such a name leads outside"));
	rules[1].pattern = (uintptr_t)"netdev:" INSIDE ":" RENAMED;
	rules[1].own_fd = self->ns;
	ASSERT_EQ(EINVAL, restart(0, &given));
	rules[1].own_fd = 0;

	/* Somebody else has its name. */
	rt_end(&rt, rt_device(&rt, OUTSIDE, 0, "bridge"));
	ASSERT_EQ(0, rt_ask(&rt));
	rules[1].pattern = (uintptr_t)"netdev:" INSIDE ":" OUTSIDE;
	ASSERT_EQ(EEXIST, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "there is one with this name; it can have another "
				     "(RESTART_RULE_RENAME, restart --fd netdev:DEVICE=N:NAME)"));
	rules[1].pattern = (uintptr_t)"netdev:" INSIDE ":" RENAMED;
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(1400u, rt_number(RENAMED, IFLA_MTU));
	rt_address(RENAMED, "10.9.0.2", 24);

	/* That is its name from then on. */
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	wait_until_gone(RENAMED);
	give_again.own_fd = self->ns;
	ASSERT_EQ(0, restart(0, &given_again)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_NE(0u, if_nametoindex(OUTSIDE));
	ASSERT_EQ(1400u, rt_number(RENAMED, IFLA_MTU));
	rt_address(RENAMED, "10.9.0.2", 24);
	self->answers = begin_answers();
	ASSERT_LT(0, self->answers);
	ASSERT_EQ(0, go());
}

/* A restart that fails later leaves no end outside, not for a moment. */
TEST_F_TIMEOUT(outside, undone, CKPT_TIMEOUT)
{
	struct checkpoint_rule stays = {
		.pattern = (uintptr_t)"netdev:" INSIDE, .action = CHECKPOINT_RULE_EXTERNAL,
	};
	const struct checkpoint_args said = { .rules = (uintptr_t)&stays, .rules_count = 1 };
	struct restart_rule give = {
		.pattern = (uintptr_t)"netdev:" INSIDE, .action = RESTART_RULE_GIVE,
		.own_fd = self->ns,
	};
	const struct restart_args given = { .rules = (uintptr_t)&give, .rules_count = 1 };
	char path[64], aside[80];
	int file;

	snprintf(path, sizeof(path), "/dev/shm/ckpt-outside-%d", getpid());
	snprintf(aside, sizeof(aside), "%s-aside", path);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, file);
	close(file);
	setenv("CKPT_FILE", path, 1);
	self->answers = begin_answers();
	ASSERT_LT(0, self->answers);
	ASSERT_EQ(0, start(&guest, true));
	unsetenv("CKPT_FILE");
	board = run.board;
	end_answers(&self->answers);
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	wait_until_gone(OUTSIDE);

	ASSERT_EQ(0, rename(path, aside));
	ASSERT_EQ(ENOENT, restart(0, &given));
	ASSERT_EQ(0u, if_nametoindex(OUTSIDE));
	ASSERT_EQ(0, rename(aside, path));
	ASSERT_EQ(0, restart(0, &given)) {
		ckpt_run_print_log(&run);
	}
	unlink(path);
	rt_address(OUTSIDE, "10.9.0.2", 24);
	self->answers = begin_answers();
	ASSERT_LT(0, self->answers);
	ASSERT_EQ(0, go());
}

/* A namespace is given for a device that does not lead outside. */
CKPT_SCENARIO(alone, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET)
{
	ckpt_ready_wait();
	CHECK(!lo_is_on(), "the loopback device is on");
}

TEST_F_TIMEOUT(outside, of_nothing, CKPT_TIMEOUT)
{
	struct restart_rule give = {
		.pattern = (uintptr_t)"netdev:" INSIDE, .action = RESTART_RULE_GIVE,
		.own_fd = self->ns,
	};
	const struct restart_args given = { .rules = (uintptr_t)&give, .rules_count = 1 };

	ASSERT_EQ(0, start(&alone, true));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(EBADF, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "nothing that was left outside such a name"));
	ASSERT_EQ(0, restart(0, &nothing_given));
	ASSERT_EQ(0, go());
}

TEST_HARNESS_MAIN
