// SPDX-License-Identifier: GPL-2.0
/*
 * Queueing disciplines of devices that have no classes: they come back with their handles and options,
 * also times that are told less exactly than they are kept. Those that a device has at first are left.
 */
#include "common.h"
#include "rtnetlink.h"

#include <linux/pkt_sched.h>

#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (!rt_has_queues())						\
		SKIP(return, "no dummy devices, or no queueing disciplines"); \
} while (0)

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

/* A queueing discipline, as netlink tells of it. */
struct queue {
	unsigned int handle, parent, len;
	char kind[32];
	unsigned char options[512];
};

/* Reads the one that the device @index has. */
static void read_queue(int index, struct queue *queue)
{
	struct tcmsg header = { .tcm_ifindex = index };
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	static char answer[32768];
	bool done = false;
	struct rt rt;

	memset(queue, 0, sizeof(*queue));
	rt_begin(&rt, RTM_GETQDISC, NLM_F_DUMP, &header, sizeof(header));
	CHECK_EQ((ssize_t)rt.nlh.nlmsg_len, send(fd, &rt, rt.nlh.nlmsg_len, 0));
	while (!done) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)answer;
		int len = CHECK_SYS(recv(fd, answer, sizeof(answer), 0));

		for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			const struct tcmsg *tc = NLMSG_DATA(nlh);
			const struct rtattr *attr = (const void *)(tc + 1);
			int rest = NLMSG_PAYLOAD(nlh, sizeof(*tc));

			CHECK(nlh->nlmsg_type != NLMSG_ERROR, "no queueing disciplines are told");
			done = nlh->nlmsg_type == NLMSG_DONE;
			if (done)
				break;
			if (tc->tcm_ifindex != index || tc->tcm_parent != TC_H_ROOT)
				continue;
			queue->handle = tc->tcm_handle;
			queue->parent = tc->tcm_parent;
			for (; RTA_OK(attr, rest); attr = RTA_NEXT(attr, rest)) {
				if (attr->rta_type == TCA_KIND)
					strncpy(queue->kind, RTA_DATA(attr), sizeof(queue->kind) - 1);
				if (attr->rta_type != TCA_OPTIONS)
					continue;
				queue->len = RTA_PAYLOAD(attr);
				CHECK(queue->len <= sizeof(queue->options), "many options");
				memcpy(queue->options, RTA_DATA(attr), queue->len);
			}
		}
	}
	CHECK_SYS(close(fd));
}

/* Gives the device @index one, with options; 0, or -1 and an errno. */
static int give(int index, unsigned int handle, const char *kind, const void *options, int len)
{
	struct tcmsg header = {
		.tcm_ifindex = index, .tcm_handle = handle << 16, .tcm_parent = TC_H_ROOT,
	};
	struct rt rt;

	rt_begin(&rt, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	rt_add_text(&rt, TCA_KIND, kind);
	if (len)
		rt_add(&rt, TCA_OPTIONS, options, len);
	return rt_ask(&rt);
}

/* In a process of its own: whether the kernel has what the tests begin with. */
static bool rt_has_queues(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		struct rt rt;

		if (unshare(CLONE_NEWNET))
			_exit(1);
		rt_end(&rt, rt_device(&rt, "d0", 50, "dummy"));
		_exit(rt_ask(&rt) || give(50, 1, "pfifo", NULL, 0));
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

CKPT_FIXTURE_IF(BEGIN)

static void device(const char *name, int index)
{
	struct rt rt;

	rt_end(&rt, rt_device(&rt, name, index, "dummy"));
	CHECK_SYS(rt_ask(&rt));
}

/* All is as it was, of @count devices from number 50 on. */
static void stays(int count)
{
	struct queue before[8], after[8];
	int i;

	for (i = 0; i < count; i++)
		read_queue(50 + i, &before[i]);
	ckpt_ready_wait();
	for (i = 0; i < count; i++) {
		read_queue(50 + i, &after[i]);
		CHECK_STREQ(before[i].kind, after[i].kind);
		CHECK(!memcmp(&before[i], &after[i], sizeof(before[i])),
		      "%s of device %d is another one", before[i].kind, 50 + i);
	}
}

/* First in, first out: as the device is on, or off, and one that has what it gets at first. */
CKPT_CYCLE(fifo, OWN)
{
	struct tc_fifo_qopt limit = { .limit = 77 };

	device("d0", 50);
	device("d1", 51);
	device("d2", 52);
	CHECK_SYS(give(50, 7, "pfifo", &limit, sizeof(limit)));
	limit.limit = 4711;
	CHECK_SYS(give(51, 8, "bfifo", &limit, sizeof(limit)));
	rt_switch("d0", true);
	rt_switch("d2", true);
	stays(3);
}

/* Fair queues: with times as they are at first, and with others, down to one microsecond. */
CKPT_CYCLE(fair, OWN)
{
	static const unsigned int times[] = { 0, 1, 2, 1023, 5000, 1000000 };
	unsigned int i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char name[] = "d0", options[64] = "";
		struct rtattr *attr = (struct rtattr *)options;
		unsigned int time = times[i];

		name[1] += i;
		device(name, 50 + i);
		/* TCA_FQ_CODEL_TARGET and TCA_FQ_CODEL_INTERVAL. */
		attr->rta_type = TCA_FQ_CODEL_TARGET;
		attr->rta_len = RTA_LENGTH(4);
		memcpy(RTA_DATA(attr), &time, 4);
		attr = (struct rtattr *)(options + RTA_SPACE(4));
		attr->rta_type = TCA_FQ_CODEL_INTERVAL;
		attr->rta_len = RTA_LENGTH(4);
		time *= 20;
		memcpy(RTA_DATA(attr), &time, 4);
		if (give(50 + i, 1 + i, "fq_codel", options, i ? 2 * RTA_SPACE(4) : 0)) {
			/* Others are there, then. */
			CHECK(errno == ENOENT || errno == EOPNOTSUPP, "%s", strerror(errno));
			CHECK_SYS(give(50 + i, 1 + i, "pfifo_head_drop", NULL, 0));
		}
		if (i % 2)
			rt_switch(name, true);
	}
	stays(sizeof(times) / sizeof(times[0]));
}

TEST_HARNESS_MAIN
