// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces that have to do with each other: pairs of devices with an end in each,
 * what stands on these, and the numbers that one has for another.
 */
#include "net_pairs.h"

#include <limits.h>
#include <linux/net_namespace.h>

CKPT_FIXTURE_IF(BEGIN_WITH_PAIRS)

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

/* Steps: another task is in its namespace, has got its end, and answers. */
#define THERE	0
#define GIVEN	1
#define ANSWERS	2

static void make_over(const char *name, int index, const char *lower, uint16_t vlan)
{
	struct rtattr *info, *data;
	struct rt rt;

	info = rt_device(&rt, name, index, "vlan");
	data = rt_nest(&rt, IFLA_INFO_DATA);
	rt_add(&rt, IFLA_VLAN_ID, &vlan, sizeof(vlan));
	rt_end(&rt, data);
	rt_end(&rt, info);
	rt_add_u32(&rt, IFLA_LINK, if_nametoindex(lower));
	CHECK_SYS(rt_ask(&rt));
}

/* The number that this namespace has for that of @pid; -1: it has none. */
static int number_for(pid_t pid)
{
	struct rtgenmsg header = { .rtgen_family = AF_UNSPEC };
	const struct rtattr *attr;
	int number = -2, left;
	struct rt rt;

	rt_begin(&rt, RTM_GETNSID, 0, &header, sizeof(header));
	rt_add_u32(&rt, NETNSA_PID, pid);
	CHECK_SYS(rt_ask(&rt));
	left = NLMSG_PAYLOAD(&rt.nlh, NLMSG_ALIGN(sizeof(header)));
	attr = (struct rtattr *)((char *)NLMSG_DATA(&rt.nlh) + NLMSG_ALIGN(sizeof(header)));
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		if (attr->rta_type == NETNSA_NSID)
			memcpy(&number, RTA_DATA(attr), sizeof(number));
	}
	return number;
}

static void give_number(pid_t pid, int number)
{
	struct rtgenmsg header = { .rtgen_family = AF_UNSPEC };
	struct rt rt;

	rt_begin(&rt, RTM_NEWNSID, 0, &header, sizeof(header));
	rt_add_u32(&rt, NETNSA_PID, pid);
	rt_add_u32(&rt, NETNSA_NSID, number);
	CHECK_SYS(rt_ask(&rt));
}

/* Its end has the name and the number that the other one has. */
static int at_other_end(void *arg)
{
	struct ifreq ifr = { .ifr_mtu = 1300 };
	int fd;

	CHECK_SYS(unshare(CLONE_NEWNET));
	ckpt_step(THERE);
	ckpt_step_wait(GIVEN, 1);
	CHECK_SYS(of_device("v0", SIOCSIFMTU, &ifr));
	rt_address("v0", "10.9.0.2", 24);
	rt_switch("v0", true);
	fd = datagrams("10.9.0.2");
	ckpt_step(ANSWERS);
	echo(fd);
	CHECK_EQ(20u, if_nametoindex("v0"));
	CHECK_EQ(1300u, rt_number("v0", IFLA_MTU));
	return 0;
}

static void pair(void)
{
	pid_t pid = ckpt_fork(at_other_end, NULL);
	struct rt rt;
	uint32_t number;

	ckpt_step_wait(THERE, 1);
	/* It is not the first one. */
	give_number(pid, 7);
	make_across("v0", 20, "v0", 20, pid);
	rt_change(&rt, RTM_SETLINK, "v0");
	rt_add_u32(&rt, IFLA_MTU, 1400);
	CHECK_SYS(rt_ask(&rt));
	rt_address("v0", "10.9.0.1", 24);
	rt_switch("v0", true);
	CHECK_EQ(0, rt_route(RTM_NEWROUTE, "10.10.0.0", 16, NULL, "v0", 254, RTN_UNICAST));
	ckpt_step(GIVEN);
	ckpt_step_wait(ANSWERS, 1);
	ask("10.9.0.2", "before");
	number = rt_number("v0", IFLA_LINK_NETNSID);
	CHECK_EQ(7u, number);
	ckpt_ready_wait();
	CHECK_EQ(20u, if_nametoindex("v0"));
	CHECK_EQ(20u, rt_number("v0", IFLA_LINK));
	CHECK_EQ(1400u, rt_number("v0", IFLA_MTU));
	CHECK_EQ(number, rt_number("v0", IFLA_LINK_NETNSID));
	CHECK_EQ(7, number_for(pid));
	CHECK_EQ(20, rt_way("10.10.1.1", 0));
	ask("10.9.0.2", "after");
	ask("10.9.0.2", "end");
	ckpt_wait_exit(pid, 0);
}

CKPT_CYCLE(pair_of_container, OWN)
{
	pair();
}

/* The tasks of a subtree, which have gone into two. */
CKPT_CYCLE(pair_of_subtree, .flags = SC_SUBTREE)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	pair();
}

/* ---- what stands on an end ----------------------------------------------- */

static int over_other_end(void *arg)
{
	int fd;

	CHECK_SYS(unshare(CLONE_NEWNET));
	ckpt_step(THERE);
	ckpt_step_wait(GIVEN, 1);
	make_over("vlan5", 0, "v1", 5);
	rt_switch("v1", true);
	rt_switch("vlan5", true);
	rt_address("vlan5", "10.9.5.2", 24);
	fd = datagrams("10.9.5.2");
	ckpt_step(ANSWERS);
	echo(fd);
	return 0;
}

/* One end is a port of a bridge, and the other one carries a VLAN. */
CKPT_CYCLE(stacked, OWN)
{
	pid_t pid = ckpt_fork(over_other_end, NULL);
	struct rt rt;

	ckpt_step_wait(THERE, 1);
	/* Made before its port; each is over the one with the higher number. */
	rt_end(&rt, rt_device(&rt, "br0", 5, "bridge"));
	CHECK_SYS(rt_ask(&rt));
	make_over("vlan5", 6, "br0", 5);
	make_across("v0", 20, "v1", 40, pid);
	rt_change(&rt, RTM_SETLINK, "v0");
	rt_add_u32(&rt, IFLA_MASTER, 5);
	CHECK_SYS(rt_ask(&rt));
	rt_switch("v0", true);
	rt_switch("br0", true);
	rt_switch("vlan5", true);
	rt_address("vlan5", "10.9.5.1", 24);
	ckpt_step(GIVEN);
	ckpt_step_wait(ANSWERS, 1);
	ask("10.9.5.2", "before");
	ckpt_ready_wait();
	CHECK_EQ(5u, rt_number("v0", IFLA_MASTER));
	CHECK_EQ(40u, rt_number("v0", IFLA_LINK));
	ask("10.9.5.2", "after");
	ask("10.9.5.2", "end");
	ckpt_wait_exit(pid, 0);
}

/* ---- more than two ------------------------------------------------------- */

static pid_t last;

static int at_last(void *arg)
{
	int fd;

	CHECK_SYS(unshare(CLONE_NEWNET));
	ckpt_step(3);
	ckpt_step_wait(4, 1);
	rt_address("v3", "10.9.1.2", 24);
	rt_switch("v3", true);
	CHECK_EQ(0, rt_route(RTM_NEWROUTE, "10.9.0.0", 24, "10.9.1.1", "v3", 254, RTN_UNICAST));
	fd = datagrams(NULL);
	ckpt_step(5);
	echo(fd);
	return 0;
}

static int between(void *arg)
{
	FILE *file;

	CHECK_SYS(unshare(CLONE_NEWNET));
	last = ckpt_fork(at_last, NULL);
	ckpt_step_wait(3, 1);
	make_across("v2", 30, "v3", 30, last);
	ckpt_step(4);
	ckpt_step(THERE);
	ckpt_step_wait(GIVEN, 1);
	file = fopen("/proc/sys/net/ipv4/ip_forward", "w");
	CHECK(file && fputs("1", file) > 0 && !fclose(file), "can't forward");
	rt_address("v1", "10.9.0.2", 24);
	rt_switch("v1", true);
	rt_address("v2", "10.9.1.1", 24);
	rt_switch("v2", true);
	ckpt_step_wait(5, 1);
	ckpt_step(ANSWERS);
	ckpt_wait_exit(last, 0);
	return 0;
}

/* Three in a row, the second of which forwards. */
CKPT_CYCLE(three, OWN)
{
	pid_t pid = ckpt_fork(between, NULL);

	ckpt_step_wait(THERE, 1);
	make_across("v0", 20, "v1", 20, pid);
	rt_address("v0", "10.9.0.1", 24);
	rt_switch("v0", true);
	CHECK_EQ(0, rt_route(RTM_NEWROUTE, "10.9.1.0", 24, "10.9.0.2", "v0", 254, RTN_UNICAST));
	ckpt_step(GIVEN);
	ckpt_step_wait(ANSWERS, 1);
	ask("10.9.1.2", "before");
	ckpt_ready_wait();
	ask("10.9.1.2", "after");
	ask("10.9.1.2", "end");
	ckpt_wait_exit(pid, 0);
}

/* ---- numbers only --------------------------------------------------------- */

static int elsewhere(void *arg)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	ckpt_step(THERE);
	/* The number is asked for by its pid. */
	ckpt_step_wait(GIVEN, 1);
	return 0;
}

/* It has one for another namespace, and a high one for itself; that has none. */
CKPT_CYCLE(numbers, OWN)
{
	pid_t pid = ckpt_fork(elsewhere, NULL);

	ckpt_step_wait(THERE, 1);
	give_number(pid, 1 << 20);
	give_number(getpid(), INT_MAX - 1);
	ckpt_ready_wait();
	CHECK_EQ(1 << 20, number_for(pid));
	CHECK_EQ(INT_MAX - 1, number_for(getpid()));
	ckpt_step(GIVEN);
	ckpt_wait_exit(pid, 0);
}

/* ---- with that of the root outside ------------------------------------------ */

CKPT_SCENARIO(led_out, OWN)
{
	pair();
}

/*
 * What is in the namespace of the root stays outside, at the checkpoint or at the restart: then
 * there is nothing that a pair could be made with.
 */
TEST_F_TIMEOUT(cr, root_outside, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;

	if (!variant->container)
		SKIP(return, "only makes sense in a container");
	ASSERT_EQ(0, ckpt_run_init(&run, &led_out, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(-1, ckpt_run_call(&run, image, CHECKPOINT_NET_OUTSIDE));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "the device v0, which leads to another network "
				     "namespace: remove that [EOPNOTSUPP]")) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_EQ(0, lseek(image, 0, SEEK_SET));
	ckpt_run_restart_args(&run, &args, image, RESTART_CALLER_NET);
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "its network namespace leads to that of the root")) {
		ckpt_run_print_log(&run);
	}
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
