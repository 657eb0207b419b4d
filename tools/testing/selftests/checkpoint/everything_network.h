/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Network namespaces of everything.h: devices of some kinds, an address, a route, a tap device with
 * its file, what it does with packets (everything_traffic.h), and a pair across two of them. Kinds that
 * the kernel has not are left out. To make and to remove them takes a while: it is not in E_ALL.
 */
#ifndef CKPT_TEST_EVERYTHING_NETWORK_H
#define CKPT_TEST_EVERYTHING_NETWORK_H

#include "everything_steps.h"
#include "everything_traffic.h"
#include "net_pairs.h"
#include "tun.h"

#include <sched.h>

static pid_t e_networked;

/* Makes a device; false: the kernel has no such kind. */
static bool e_device(const char *name, int index, const char *kind)
{
	struct rt rt;

	rt_end(&rt, rt_device(&rt, name, index, kind));
	if (!rt_ask(&rt))
		return true;
	CHECK(errno == EOPNOTSUPP, "%s: %s", kind, strerror(errno));
	return false;
}

/* One over another; false: the kernel has no such kind. */
static bool e_device_over(const char *name, int index, const char *kind, const char *lower)
{
	struct rtattr *info, *data;
	uint16_t id = 5;
	struct rt rt;

	info = rt_device(&rt, name, index, kind);
	if (!strcmp(kind, "vlan")) {
		data = rt_nest(&rt, IFLA_INFO_DATA);
		rt_add(&rt, IFLA_VLAN_ID, &id, sizeof(id));
		rt_end(&rt, data);
	}
	rt_end(&rt, info);
	rt_add_u32(&rt, IFLA_LINK, if_nametoindex(lower));
	if (!rt_ask(&rt))
		return true;
	CHECK(errno == EOPNOTSUPP, "%s: %s", kind, strerror(errno));
	return false;
}

/* At the other end of a pair. */
static int e_other_end(void *arg)
{
	bool paired;

	CHECK_SYS(unshare(CLONE_NEWNET));
	ckpt_step(E_NET_IS);
	ckpt_step_wait(E_NET_IS, 2);
	paired = if_nametoindex("v0");
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK_EQ(paired ? 21u : 0u, if_nametoindex("v0"));
	/* The pair goes with this namespace. */
	ckpt_step_wait(E_NET_IS, 3);
	return 76;
}

static int e_tap(void)
{
	int fd = tun_open();

	if (fd >= 0 && tun_try(fd, "t0", IFF_TAP | IFF_NO_PI)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int e_has_devices(void *arg)
{
	bool dummy, bridge, veth, vlan = false, macvlan = false;
	char name[IFNAMSIZ];
	pid_t other;
	int tap;

	other = ckpt_fork(e_other_end, NULL);
	ckpt_step_wait(E_NET_IS, 1);
	CHECK_SYS(unshare(CLONE_NEWNET));
	switch_lo(true);
	dummy = e_device("d0", 11, "dummy");
	if (dummy) {
		struct ifreq ifr = { .ifr_mtu = 1400 };

		CHECK_SYS(of_device("d0", SIOCSIFMTU, &ifr));
		rt_address("d0", "10.77.0.1", 24);
		rt_switch("d0", true);
		CHECK_EQ(0, rt_route(RTM_NEWROUTE, "10.78.0.0", 16, NULL, "d0", 254, RTN_UNICAST));
		vlan = e_device_over("d0.5", 13, "vlan", "d0");
		macvlan = e_device_over("m0", 14, "macvlan", "d0");
		if (vlan)
			rt_switch("d0.5", true);
		if (macvlan)
			rt_switch("m0", true);
		e_set_up_traffic();
	}
	bridge = e_device("b0", 12, "bridge");
	/* One that has none of its own takes that of its first port: it is refused until then. */
	if (bridge) {
		struct rt rt;

		rt_change(&rt, RTM_SETLINK, "b0");
		rt_add(&rt, IFLA_ADDRESS, "\2\0\0\0\0\5", 6);
		CHECK_SYS(rt_ask(&rt));
	}
	/* Both ends here; the next one is across. */
	veth = e_device("v1", 0, "veth");
	if (veth)
		make_across("v0", 20, "v0", 21, other);
	tap = e_tap();
	ckpt_step(E_NET_IS);
	ckpt_step(E_READY);
	ckpt_wait_go();
	CHECK(lo_is_on(), "the loopback device is off");
	if (dummy) {
		CHECK_EQ(11u, if_nametoindex("d0"));
		CHECK_EQ(1400u, rt_number("d0", IFLA_MTU));
		CHECK_EQ(11, rt_way("10.78.1.1", 0));
		e_check_traffic();
	}
	CHECK_EQ(vlan ? 13u : 0u, if_nametoindex("d0.5"));
	CHECK_EQ(macvlan ? 14u : 0u, if_nametoindex("m0"));
	CHECK_EQ(bridge ? 12u : 0u, if_nametoindex("b0"));
	CHECK_EQ(veth ? 20u : 0u, if_nametoindex("v0"));
	CHECK_EQ(veth, if_nametoindex("v1") != 0);
	if (tap >= 0) {
		CHECK_EQ(IFF_TAP, (int)tun_flags(tap, name) & (IFF_TUN | IFF_TAP));
		CHECK_STREQ("t0", name);
	}
	ckpt_step(E_NET_IS);
	ckpt_wait_exit(other, 76);
	return 77;
}

static void e_set_up_network(void)
{
	e_networked = ckpt_fork(e_has_devices, NULL);
}

static void e_check_network(void)
{
	ckpt_wait_exit(e_networked, 77);
}

#endif
