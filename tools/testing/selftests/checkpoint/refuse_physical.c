// SPDX-License-Identifier: GPL-2.0
/*
 * What is refused of devices that are left to the caller: rules for nothing, devices that are not there, that
 * are used, that can't be moved, without the right; and what another namespace has on one. A restart that
 * fails, at once or later, gives them back.
 */
#include "net_physical.h"

#include <linux/capability.h>
#include <linux/net_namespace.h>
#include <sys/syscall.h>

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

	/* It would lose what its namespace has for it. */
	device_on("ckused0", 0, "dummy", NULL);
	give_address("ckused0", 0x0a420001);
	rule.pattern = (uintptr_t)"netdev:" CARD ":ckused0";
	ASSERT_EQ(EADDRINUSE, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "it has addresses where it is, which it would lose"));
	ASSERT_EQ(0x0a420001u, address_of("ckused0"));
	device_on("ckused1", 0, "dummy", NULL);
	ASSERT_EQ(0, queue_of("ckused1", 7));
	rule.pattern = (uintptr_t)"netdev:" CARD ":ckused1";
	ASSERT_EQ(EBUSY, restart(0, &given));
	ASSERT_EQ(-1, queue_of("ckused1", 7));
	ASSERT_EQ(EEXIST, errno);

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
		_exit(drop_net_admin() || restart(0, &given) != EPERM ||
		      !ckpt_run_log_has(&run, "CAP_NET_ADMIN over both network namespaces is needed"));
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);

	/* A name that it has itself: it is not called otherwise meanwhile. */
	rule.pattern = (uintptr_t)"netdev:" CARD ":" FREE;
	also_called(FREE, CARD, RTM_NEWLINKPROP);
	ASSERT_EQ(EEXIST, restart(0, &given));
	ASSERT_TRUE(ckpt_run_log_has(&run, "or it has that as another one"));
	also_called(FREE, CARD, RTM_DELLINKPROP);

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
	unsigned int index, length;
	struct rt rt;
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
	length = rt_number(FREE, IFLA_TXQLEN);

	ASSERT_EQ(0, rename(path, aside));
	ASSERT_EQ(ENOENT, restart(0, &given));
	/* Nothing stands on it any more, and it is free for the next restart. */
	ASSERT_EQ(index, if_nametoindex(FREE));
	ASSERT_TRUE(has_address(FREE, own_address));
	ASSERT_EQ(1500u, rt_number(FREE, IFLA_MTU));
	ASSERT_EQ(0u, rt_number(FREE, IFLA_GROUP));
	ASSERT_EQ(length, rt_number(FREE, IFLA_TXQLEN));
	ASSERT_TRUE(!rt_attribute(&rt, FREE, IFLA_IFALIAS));
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
	static const unsigned char address[6] = { 2, 0, 0, 0, 0, 30 };
	struct rt rt;

	device_on("ckcard0", 30, "bridge", NULL);
	/* Without an address of its own it would take that of its first port. */
	rt_change(&rt, RTM_SETLINK, "ckcard0");
	rt_add(&rt, IFLA_ADDRESS, address, sizeof(address));
	CHECK_SYS(rt_ask(&rt));
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

/* One of another namespace stands on a device of theirs, as one of their own does. */
TEST_F_TIMEOUT(physical, below_others, CKPT_TIMEOUT)
{
	struct rtgenmsg any = { .rtgen_family = AF_UNSPEC };
	char path[64];
	struct rt rt;
	int own;

	ASSERT_EQ(0, start(&guest, true));
	board = run.board;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", run.pid);
	own = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, own);
	/* Made here: theirs would get a number for this namespace if the device came from there. */
	rt_begin(&rt, RTM_NEWNSID, 0, &any, sizeof(any));
	rt_add_u32(&rt, NETNSA_NSID, 5);
	rt_add_u32(&rt, NETNSA_FD, own);
	ASSERT_EQ(0, rt_ask(&rt));
	close(own);
	rt_end(&rt, rt_device(&rt, "ckout0", 0, "macvlan"));
	rt_add_u32(&rt, IFLA_LINK, INDEX);
	rt_add_u32(&rt, IFLA_LINK_NETNSID, 5);
	ASSERT_EQ(0, rt_ask(&rt));
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "its network namespace has the ends of the device ckout0, which is "
				     "in another network namespace: remove that")) {
		ckpt_run_print_log(&run);
	}
	rt_change(&rt, RTM_DELLINK, "ckout0");
	ASSERT_EQ(0, rt_ask(&rt));
	ASSERT_EQ(0, checkpoint(0, &said)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, go());
}

/* A rule for all is for none that each new namespace has; the first one that fits counts. */
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
