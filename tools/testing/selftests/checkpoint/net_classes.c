// SPDX-License-Identifier: GPL-2.0
/*
 * Queueing disciplines that have classes or others below them, and their classes: they come back with
 * their handles, parents and options, also with what netlink tells less exactly than it is kept: how
 * long a packet may be for tbf.  And those for what a device gets.
 */
#include "common.h"
#include "tc.h"

#include <linux/if_packet.h>

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET
#define H(major, minor)	((major) << 16 | (minor))
#define MBIT	125000

/* Bytes that a packet may have for tbf: one more is not told apart by the time that it takes. */
#define BURST	1203

/* In a process of its own: whether the kernel has what the tests begin with. */
static bool has_classes(void)
{
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10 };
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		struct rtattr *options;
		struct rt rt;

		if (unshare(CLONE_NEWNET))
			_exit(1);
		rt_end(&rt, rt_device(&rt, "d0", 50, "dummy"));
		if (rt_ask(&rt))
			_exit(1);
		tc_begin(&rt, RTM_NEWQDISC, 50, TC_H_ROOT, H(1, 0), 0, "htb");
		options = rt_nest(&rt, TCA_OPTIONS);
		rt_add(&rt, TCA_HTB_INIT, &glob, sizeof(glob));
		rt_end(&rt, options);
		_exit(rt_ask(&rt) ? 1 : 0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (!has_classes())						\
		SKIP(return, "no dummy devices, or no htb");		\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

/* What is missing in the kernel is left out of the scenario. */
static bool has(int result)
{
	CHECK(!result || errno == ENOENT || errno == EOPNOTSUPP, "%s", strerror(errno));
	return !result;
}

/* A device has something, at least. */
static void simple(int index)
{
	CHECK_SYS(tc_queue(index, TC_H_ROOT, H(1, 0), "pfifo", NULL, 0));
}

/* What devices from number 50 on have, and the classes of those of their queueing disciplines. */
#define DEVICES	8
#define MAJORS	4

static struct tc_list queues[DEVICES], classes[DEVICES][MAJORS];

static void stays(int devices)
{
	int i, major;

	for (i = 0; i < devices; i++) {
		tc_read(RTM_GETQDISC, 50 + i, 0, &queues[i]);
		CHECK(queues[i].count, "device %d has no queueing discipline", 50 + i);
		for (major = 1; major <= MAJORS; major++)
			tc_read(RTM_GETTCLASS, 50 + i, H(major, 0), &classes[i][major - 1]);
	}
	ckpt_ready_wait();
	for (i = 0; i < devices; i++) {
		tc_same(RTM_GETQDISC, 50 + i, 0, &queues[i]);
		for (major = 1; major <= MAJORS; major++)
			tc_same(RTM_GETTCLASS, 50 + i, H(major, 0), &classes[i][major - 1]);
	}
}

static void htb(int index, unsigned int handle, unsigned int parent)
{
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = 0x20 };
	struct rtattr *options;
	struct rt rt;

	tc_begin(&rt, RTM_NEWQDISC, index, parent, handle, 0, "htb");
	options = rt_nest(&rt, TCA_OPTIONS);
	rt_add(&rt, TCA_HTB_INIT, &glob, sizeof(glob));
	rt_add_u32(&rt, TCA_HTB_DIRECT_QLEN, 17);
	rt_end(&rt, options);
	CHECK_SYS(rt_ask(&rt));
}

static void htb_class(int index, unsigned int handle, unsigned int parent, unsigned int rate)
{
	struct tc_htb_opt opt = {
		.rate.rate = rate, .ceil.rate = 2 * rate, .buffer = 123457, .cbuffer = 76543,
		.prio = 2, .rate.overhead = 4,
	};
	struct rtattr *options;
	struct rt rt;

	tc_begin(&rt, RTM_NEWTCLASS, index, parent, handle, 0, "htb");
	options = rt_nest(&rt, TCA_OPTIONS);
	rt_add(&rt, TCA_HTB_PARMS, &opt, sizeof(opt));
	rt_end(&rt, options);
	CHECK_SYS(rt_ask(&rt));
}

/* A tree: numbers that come in another order than classes do, others at its leaves. */
CKPT_CYCLE(tree, OWN)
{
	struct tc_netem_qopt delay = { .limit = 1000, .latency = 1000, .loss = 1234 };
	struct tc_sfq_qopt_v1 sfq = { .v0 = { .limit = 100, .perturb_period = 10 } };
	struct tc_fifo_qopt fifo = { .limit = 33 };

	tc_device("d0", 50);
	htb(50, H(1, 0), TC_H_ROOT);
	htb_class(50, H(1, 9), TC_H_ROOT, 80 * MBIT);
	htb_class(50, H(1, 3), H(1, 9), 40 * MBIT);
	htb_class(50, H(1, 7), H(1, 3), 20 * MBIT);
	htb_class(50, H(1, 1), H(1, 7), 10 * MBIT);
	htb_class(50, H(1, 0x20), H(1, 9), MBIT);
	CHECK_SYS(tc_queue(50, H(1, 1), H(0x55, 0), "pfifo", &fifo, sizeof(fifo)));
	if (has(tc_queue(50, H(1, 0x20), H(2, 0), "netem", &delay, sizeof(delay))))
		has(tc_queue(50, H(2, 1), H(3, 0), "sfq", &sfq, sizeof(sfq)));
	tc_device("d1", 51);
	htb(51, H(0x8001, 0), TC_H_ROOT);
	stays(2);
}

/* A class of hfsc or drr with one option; 0, or -1 with errno. */
static int curve_class(int index, const char *kind, unsigned int handle, unsigned int parent,
		       int type, const void *value, size_t len)
{
	struct rtattr *options;
	struct rt rt;

	tc_begin(&rt, RTM_NEWTCLASS, index, parent, handle, 0, kind);
	options = rt_nest(&rt, TCA_OPTIONS);
	rt_add(&rt, type, value, len);
	rt_end(&rt, options);
	return rt_ask(&rt);
}

/* Curves, and quanta: also one of a parent that had none to share until it had a child. */
CKPT_CYCLE(curves, OWN)
{
	struct tc_service_curve curve = { .m1 = 12345, .d = 777, .m2 = 54321 };
	struct tc_hfsc_qopt qopt = { .defcls = 2 };
	unsigned int quantum = 4711;

	tc_device("d0", 50);
	tc_device("d1", 51);
	if (has(tc_queue(50, TC_H_ROOT, H(1, 0), "hfsc", &qopt, sizeof(qopt)))) {
		CHECK_SYS(curve_class(50, "hfsc", H(1, 5), H(1, 0), TCA_HFSC_RSC, &curve,
				      sizeof(curve)));
		curve.m1 = 0;
		CHECK_SYS(curve_class(50, "hfsc", H(1, 2), H(1, 5), TCA_HFSC_FSC, &curve,
				      sizeof(curve)));
	} else {
		simple(50);
	}
	if (has(tc_queue(51, TC_H_ROOT, H(1, 0), "drr", NULL, 0))) {
		CHECK_SYS(curve_class(51, "drr", H(1, 1), H(1, 0), TCA_DRR_QUANTUM, &quantum,
				      sizeof(quantum)));
		CHECK_SYS(tc_queue(51, H(1, 1), H(2, 0), "pfifo", NULL, 0));
	} else {
		simple(51);
	}
	stays(2);
}

/* Bands: those of prio and ets, with others below them. */
CKPT_CYCLE(bands, OWN)
{
	struct tc_prio_qopt prio = { .bands = 4, .priomap = { 3, 2, 1, 0, 3, 2, 1, 0 } };
	struct rtattr *options, *quanta;
	unsigned char bands = 3, strict = 1;
	struct rt rt;

	tc_device("d0", 50);
	tc_device("d1", 51);
	if (has(tc_queue(50, TC_H_ROOT, H(1, 0), "prio", &prio, sizeof(prio)))) {
		CHECK_SYS(tc_queue(50, H(1, 2), H(0x20, 0), "pfifo", NULL, 0));
		CHECK_SYS(tc_queue(50, H(1, 4), H(2, 0), "prio", &prio, sizeof(prio)));
		htb(50, H(3, 0), H(2, 1));
		htb_class(50, H(3, 0x20), TC_H_ROOT, MBIT);
	} else {
		simple(50);
	}
	tc_begin(&rt, RTM_NEWQDISC, 51, TC_H_ROOT, H(1, 0), 0, "ets");
	options = rt_nest(&rt, TCA_OPTIONS);
	rt_add(&rt, TCA_ETS_NBANDS, &bands, sizeof(bands));
	rt_add(&rt, TCA_ETS_NSTRICT, &strict, sizeof(strict));
	quanta = rt_nest(&rt, TCA_ETS_QUANTA);
	rt_add_u32(&rt, TCA_ETS_QUANTA_BAND, 3000);
	rt_end(&rt, quanta);
	rt_end(&rt, options);
	if (!has(rt_ask(&rt)))
		simple(51);
	stays(2);
}

/* A device that sends by two queues: one of them has another queueing discipline than at first. */
CKPT_CYCLE(several, OWN)
{
	struct tc_fifo_qopt fifo = { .limit = 44 };
	struct rt rt;

	rt_end(&rt, rt_device(&rt, "d0", 50, "dummy"));
	rt_add_u32(&rt, IFLA_NUM_TX_QUEUES, 2);
	CHECK_SYS(rt_ask(&rt));
	if (has(tc_queue(50, TC_H_ROOT, H(1, 0), "mq", NULL, 0)))
		CHECK_SYS(tc_queue(50, H(1, 2), H(0x22, 0), "pfifo", &fifo, sizeof(fifo)));
	else
		simple(50);
	stays(1);
}

/* A rate with a burst; 0, or -1 with errno. */
static int tbf(int index, unsigned int parent, unsigned int handle)
{
	struct tc_tbf_qopt opt = { .rate.rate = 1000 * MBIT, .limit = 100000 };
	struct rtattr *options;
	struct rt rt;

	tc_begin(&rt, RTM_NEWQDISC, index, parent, handle, 0, "tbf");
	options = rt_nest(&rt, TCA_OPTIONS);
	rt_add(&rt, TCA_TBF_PARMS, &opt, sizeof(opt));
	rt_add_u32(&rt, TCA_TBF_BURST, BURST);
	rt_end(&rt, options);
	return rt_ask(&rt);
}

/* Early drops, with a table that netlink does not tell. */
static int red(int index, unsigned int parent, unsigned int handle)
{
	struct tc_red_qopt opt = {
		.limit = 60000, .qth_min = 10000, .qth_max = 30000, .Wlog = 9, .Plog = 20,
		.Scell_log = 12, .flags = TC_RED_ECN,
	};
	unsigned char table[256];
	struct rtattr *options;
	struct rt rt;

	memset(table, 7, sizeof(table));
	tc_begin(&rt, RTM_NEWQDISC, index, parent, handle, 0, "red");
	options = rt_nest(&rt, TCA_OPTIONS);
	rt_add(&rt, TCA_RED_PARMS, &opt, sizeof(opt));
	rt_add(&rt, TCA_RED_STAB, table, sizeof(table));
	rt_add_u32(&rt, TCA_RED_MAX_P, 0x1000000);
	rt_end(&rt, options);
	return rt_ask(&rt);
}

/* Sends a packet of @len bytes over the device @index; 0, or an errno: it was dropped. */
static int send_packet(int index, size_t len)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = index, .sll_halen = ETH_ALEN,
	};
	unsigned char packet[BURST + 1] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	int fd = CHECK_SYS(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)), err = 0;

	if (sendto(fd, packet, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		err = errno;
	CHECK_SYS(close(fd));
	return err;
}

/* A shaped device: a packet as long as the burst goes, one that has a byte more does not. */
CKPT_CYCLE(shaped, OWN)
{
	bool shapes, drops;

	tc_device("d0", 50);
	shapes = has(tbf(50, TC_H_ROOT, H(1, 0)));
	if (!shapes)
		simple(50);
	rt_switch("d0", true);
	tc_device("d1", 51);
	drops = has(red(51, TC_H_ROOT, H(2, 0)));
	if (!drops)
		CHECK_SYS(tc_queue(51, TC_H_ROOT, H(2, 0), "pfifo", NULL, 0));
	if (shapes) {
		CHECK_EQ(0, send_packet(50, BURST));
		CHECK_EQ(ENOBUFS, send_packet(50, BURST + 1));
	}
	stays(2);
	if (shapes) {
		CHECK_EQ(0, send_packet(50, BURST));
		CHECK_EQ(ENOBUFS, send_packet(50, BURST + 1));
	}
	/* They may be changed, as before. */
	if (drops)
		CHECK_SYS(tc_queue(51, H(2, 1), H(3, 0), "pfifo", NULL, 0));
}

/* For what devices get: both kinds. */
CKPT_CYCLE(ingress, OWN)
{
	bool has_both;

	tc_device("d0", 50);
	tc_device("d1", 51);
	simple(50);
	simple(51);
	has_both = has(tc_queue(50, TC_H_INGRESS, TC_H_INGRESS & TC_H_MAJ_MASK, "ingress", NULL, 0));
	if (has_both)
		CHECK_SYS(tc_queue(51, TC_H_CLSACT, TC_H_CLSACT & TC_H_MAJ_MASK, "clsact", NULL,
				   0));
	stays(2);
}

/* One that was there, and is gone, leaves nothing. */
CKPT_CYCLE(taken_away, OWN)
{
	struct tcmsg header = {
		.tcm_ifindex = 50, .tcm_parent = TC_H_INGRESS,
		.tcm_handle = TC_H_INGRESS & TC_H_MAJ_MASK,
	};
	struct rt rt;

	tc_device("d0", 50);
	simple(50);
	if (has(tc_queue(50, TC_H_INGRESS, TC_H_INGRESS & TC_H_MAJ_MASK, "ingress", NULL, 0))) {
		rt_begin(&rt, RTM_DELQDISC, 0, &header, sizeof(header));
		CHECK_SYS(rt_ask(&rt));
	}
	stays(1);
}

TEST_HARNESS_MAIN
