// SPDX-License-Identifier: GPL-2.0
/*
 * What bridges have besides ports and entries, and devices that spread what they get among
 * processors: not saved, each refused by its own name.
 */
#include "rtnetlink.h"
#include "refuse.h"

#include <linux/if_bridge.h>
#include <linux/if_ether.h>

REFUSE_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

#define SPREAD	"/proc/sys/net/core/rps_default_mask"

static void expect(const char *what)
{
	expect_refusal(getpid(), UNSUPPORTED, "its network namespace has %s: remove that, or leave what "
		       "is in it outside (CHECKPOINT_NET_OUTSIDE, --net-outside)", what);
	ckpt_ready_wait();
	CHECK(if_nametoindex("d0"), "there is no device d0");
}

/* What is asked for; the test is skipped if the kernel has no such thing. */
static void ask(struct rt *rt)
{
	if (!rt_ask(rt))
		return;
	CHECK_EQ(EOPNOTSUPP, errno);
	not_here();
}

/* The bridge br0, which is on, with d0 as its port. */
static void bridge(void)
{
	struct rt rt;

	rt_end(&rt, rt_device(&rt, "br0", 20, "bridge"));
	ask(&rt);
	rt_end(&rt, rt_device(&rt, "d0", 21, "dummy"));
	ask(&rt);
	rt_change(&rt, RTM_SETLINK, "d0");
	rt_add_u32(&rt, IFLA_MASTER, if_nametoindex("br0"));
	CHECK_SYS(rt_ask(&rt));
	rt_switch("d0", true);
	rt_switch("br0", true);
}

/* A VLAN more than ports get by themselves. */
REFUSE(vlan, OWN)
{
	struct ifinfomsg header = { .ifi_family = AF_BRIDGE };
	struct bridge_vlan_info info = { .vid = 5 };
	struct rtattr *spec;
	struct rt rt;

	bridge();
	header.ifi_index = if_nametoindex("d0");
	rt_begin(&rt, RTM_SETLINK, 0, &header, sizeof(header));
	spec = rt_nest(&rt, IFLA_AF_SPEC);
	rt_add(&rt, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
	rt_end(&rt, spec);
	ask(&rt);
	expect("VLANs in bridges of its own");
}

/* A group that a port is in until somebody takes it out: by its address of IPv4, or of Ethernet. */
static void group(bool ethernet)
{
	static const unsigned char mac[ETH_ALEN] = { 1, 0, 0, 0, 0, 5 };
	struct br_port_msg header = { .family = AF_BRIDGE };
	struct br_mdb_entry entry = { .state = MDB_PERMANENT };
	struct rt rt;

	bridge();
	header.ifindex = if_nametoindex("br0");
	/* The bridge itself is in that of Ethernet. */
	entry.ifindex = ethernet ? header.ifindex : if_nametoindex("d0");
	if (ethernet) {
		memcpy(entry.addr.u.mac_addr, mac, sizeof(mac));
	} else {
		entry.addr.u.ip4 = htonl(0xe1020304);
		entry.addr.proto = htons(ETH_P_IP);
	}
	rt_begin(&rt, RTM_NEWMDB, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add(&rt, MDBA_SET_ENTRY, &entry, sizeof(entry));
	ask(&rt);
	expect("groups in bridges of its own");
}

REFUSE(group_of_a_port, OWN)
{
	group(false);
}

REFUSE(group_of_the_bridge, OWN)
{
	group(true);
}

/* Devices get this mask when they are made. */
REFUSE(spreads, OWN)
{
	int fd = open(SPREAD, O_WRONLY | O_CLOEXEC);
	struct rt rt;

	if (fd < 0) {
		CHECK_EQ(ENOENT, errno);
		not_here();
	}
	CHECK_EQ(1, write(fd, "1", 1));
	CHECK_SYS(close(fd));
	rt_end(&rt, rt_device(&rt, "d0", 21, "dummy"));
	ask(&rt);
	expect("the device d0 with an address, flag, queue, feature, filter or program that a new "
	       "one does not get");
}

TEST_HARNESS_MAIN
