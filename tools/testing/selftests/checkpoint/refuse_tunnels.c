// SPDX-License-Identifier: GPL-2.0
/* Tunnels in a network namespace that are not saved, or have what is not saved. */
#include "refuse.h"

#define TUNNEL_NOT_HERE	not_here
#include "tunnels.h"

REFUSE_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

static void expect(const char *what)
{
	expect_refusal(getpid(), UNSUPPORTED, "its network namespace has %s: remove that, or leave what "
		       "is in it outside (CHECKPOINT_NET_OUTSIDE, --net-outside)", what);
	ckpt_ready_wait();
	CHECK(lo_is_on(), "the loopback device is off");
}

/* Has keys, which are told to few, and peers, with what both have agreed upon. */
REFUSE(wireguard, OWN)
{
	struct rt rt;

	switch_lo(true);
	rt_end(&rt, rt_device(&rt, "w0", 0, "wireguard"));
	CHECK_HERE(rt_ask(&rt));
	expect("the device w0 of kind wireguard");
}

/* It takes networks that were named to it one by one. */
REFUSE(filter_of_vnis, OWN)
{
	make_lower();
	MAKE_TUNNEL("x0", 50, "vxlan", U8(IFLA_VXLAN_COLLECT_METADATA, 1),
		    U8(30 /* IFLA_VXLAN_VNIFILTER */, 1));
	expect("the device x0 of kind vxlan");
}

#define UNTOLD(_name) "the device " _name ", a tunnel with what can't be asked for: routers (prl), groups " \
	"(mdb) or an option"

/* An option that is not told. */
REFUSE(routes_groups, OWN)
{
	make_lower();
	MAKE_TUNNEL("x0", 50, "vxlan", U32(IFLA_VXLAN_ID, 7), U8(34 /* IFLA_VXLAN_MC_ROUTE */, 1));
	expect(UNTOLD("x0"));
}

/* Another network namespace. */
static int another(void)
{
	int own = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), other;

	CHECK_SYS(unshare(CLONE_NEWNET));
	other = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	CHECK_SYS(setns(own, CLONE_NEWNET));
	CHECK_SYS(close(own));
	return other;
}

/* The tunnel was made elsewhere, but sends and receives here. */
REFUSE(lends, OWN)
{
	struct rtattr *info, *data;
	int other = another();
	struct rt rt;

	switch_lo(true);
	info = rt_device(&rt, "x0", 50, "vxlan");
	data = rt_nest(&rt, IFLA_INFO_DATA);
	rt_add_u32(&rt, IFLA_VXLAN_ID, 7);
	rt_end(&rt, data);
	rt_end(&rt, info);
	rt_add_u32(&rt, IFLA_NET_NS_FD, other);
	CHECK_HERE(rt_ask(&rt));
	expect_more();
	expect("the ends of the device x0, which is in another network namespace");
}

/* It is here, and sends and receives elsewhere, where somebody has a descriptor of. */
static void leads(const char *kind, const struct detail *details, size_t count)
{
	int other = another();
	struct rt rt;

	make_tunnel("t0", 50, kind, details, count);
	CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	rt_change(&rt, RTM_SETLINK, "t0");
	rt_add_u32(&rt, IFLA_NET_NS_FD, other);
	CHECK_SYS(rt_ask(&rt));
	CHECK_SYS(setns(other, CLONE_NEWNET));
	switch_lo(true);
	expect_more();
	expect("the device t0, which leads to another network namespace");
}

REFUSE(leads_out, OWN)
{
	const struct detail details[] = {
		IP4(IFLA_GRE_LOCAL, 0, 1), IP4(IFLA_GRE_REMOTE, 0, 9),
	};

	leads("gre", details, 2);
}

REFUSE(geneve_leads_out, OWN)
{
	const struct detail details[] = {
		U32(IFLA_GENEVE_ID, 7), IP4(IFLA_GENEVE_REMOTE, 0, 9),
	};

	leads("geneve", details, 2);
}

TEST_HARNESS_MAIN
