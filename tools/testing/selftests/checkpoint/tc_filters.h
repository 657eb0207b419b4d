/* SPDX-License-Identifier: GPL-2.0 */
/* Filters with actions in a network namespace of a scenario's own, and what they do to a datagram. */
#ifndef CKPT_TEST_TC_FILTERS_H
#define CKPT_TEST_TC_FILTERS_H

#include "common.h"
#include "tc.h"

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET
#define H(major, minor)	((major) << 16 | (minor))

#define CLSACT	(TC_H_CLSACT & TC_H_MAJ_MASK)
#define EGRESS	TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
#define INBOUND	TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)

/* A filter for all that @parent gets, in @chain, with an action of gact: its number, what it does. */
__attribute__((unused))
static int gact(int index, unsigned int parent, unsigned int prio, unsigned int chain,
		unsigned int number, int does)
{
	struct tc_gact parms = { .index = number, .action = does };
	struct rtattr *options, *list;
	struct rt rt;

	tc_begin(&rt, RTM_NEWTFILTER, index, parent, 0, TC_H_MAKE(prio << 16, htons(ETH_P_ALL)),
		 "matchall");
	if (chain)
		rt_add_u32(&rt, TCA_CHAIN, chain);
	options = rt_nest(&rt, TCA_OPTIONS);
	list = rt_nest(&rt, TCA_MATCHALL_ACT);
	tc_action(&rt, 1, "gact", TCA_GACT_PARMS, &parms, sizeof(parms));
	rt_end(&rt, list);
	rt_end(&rt, options);
	return rt_ask(&rt);
}

/* In a process of its own: whether the kernel has what the tests begin with. */
__attribute__((unused)) static bool has_filters(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		struct rt rt;

		if (unshare(CLONE_NEWNET))
			_exit(1);
		rt_end(&rt, rt_device(&rt, "d0", 50, "dummy"));
		_exit(rt_ask(&rt) || tc_queue(50, TC_H_CLSACT, CLSACT, "clsact", NULL, 0) ||
		      gact(50, EGRESS, 1, 0, 0, TC_ACT_OK));
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (!has_filters())						\
		SKIP(return, "no dummy devices, or no filters with actions"); \
} while (0)

CKPT_FIXTURE_IF(BEGIN)

/* What is missing in the kernel is left out of the scenario. */
__attribute__((unused)) static bool has(int result)
{
	CHECK(!result || errno == ENOENT || errno == EOPNOTSUPP, "%s", strerror(errno));
	return !result;
}

/* Where filters hang in the scenario. */
struct place {
	int index;
	unsigned int parent;
};

__attribute__((unused))
static void stays(const struct place *places, int count)
{
	static struct tc_list lists[4];
	int i;

	for (i = 0; i < count; i++) {
		tc_read(RTM_GETTFILTER, places[i].index, places[i].parent, &lists[i]);
		CHECK(lists[i].count, "there are no filters at %x", places[i].parent);
	}
	ckpt_ready_wait();
	for (i = 0; i < count; i++)
		tc_same(RTM_GETTFILTER, places[i].index, places[i].parent, &lists[i]);
}

/* Whether a datagram with this mark goes to 192.0.2.2; 0, or an errno. */
__attribute__((unused)) static int goes_with(unsigned int mark)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), err = 0;
	/* So that it tells of what was dropped. */
	int one = 1;

	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one)));
	if (mark)
		CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	CHECK_EQ(1, inet_pton(AF_INET, "192.0.2.2", &to.sin_addr));
	if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		err = errno;
	CHECK_SYS(close(fd));
	return err;
}

__attribute__((unused)) static int goes(void)
{
	return goes_with(0);
}

/* A device that is on, and whose clsact filters hang on. */
__attribute__((unused)) static void begin_clsact(void)
{
	tc_device("d0", 50);
	rt_switch("d0", true);
	rt_address("d0", "192.0.2.1", 24);
	CHECK_SYS(tc_queue(50, TC_H_CLSACT, CLSACT, "clsact", NULL, 0));
	CHECK_EQ(0, goes());
}

#endif /* CKPT_TEST_TC_FILTERS_H */
