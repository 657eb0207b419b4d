// SPDX-License-Identifier: GPL-2.0
/* What is in a network namespace and is not saved, and tasks and sockets of several. */
#include "net_devices.h"
#include "refuse.h"

#include <sys/un.h>

REFUSE_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

static void expect(const char *what)
{
	expect_refusal(getpid(), UNSUPPORTED, "its network namespace has %s: remove that, or leave what "
		       "is in it outside (CHECKPOINT_NET_OUTSIDE, --net-outside)", what);
	ckpt_ready_wait();
	CHECK(lo_is_on(), "the loopback device is off");
}

REFUSE(address, OWN)
{
	switch_lo(true);
	give_address("lo:1", 0x0a010203);
	expect("addresses of its own");
	CHECK_EQ(0x0a010203u, address_of("lo:1"));
}

REFUSE(route, OWN)
{
	struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = (char *)"lo" };
	struct sockaddr_in *to = (struct sockaddr_in *)&route.rt_dst;
	struct sockaddr_in *mask = (struct sockaddr_in *)&route.rt_genmask;
	int fd;

	switch_lo(true);
	fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	to->sin_family = AF_INET;
	to->sin_addr.s_addr = htonl(0x0a000000);
	mask->sin_family = AF_INET;
	mask->sin_addr.s_addr = htonl(0xff000000);
	CHECK_SYS(ioctl(fd, SIOCADDRT, &route));
	CHECK_SYS(close(fd));
	expect("routes of its own");
}

REFUSE(loopback, OWN)
{
	struct ifreq ifr = { .ifr_qlen = 5 };

	switch_lo(true);
	CHECK_SYS(of_device("lo", SIOCSIFTXQLEN, &ifr));
	expect("a loopback device with another name, address, queue, feature, filter or program");
	CHECK_SYS(of_device("lo", SIOCGIFTXQLEN, &ifr));
	CHECK_EQ(5, ifr.ifr_qlen);
}

static int in_another(void *arg)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

REFUSE(two_namespaces)
{
	pid_t kid = ckpt_fork(in_another, NULL);

	ckpt_step_wait(0, 1);
	expect_refusal(kid, UNSUPPORTED,
		       "is in another network namespace than the root task: checkpoint it by itself");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* It has stayed open when the task went elsewhere. */
REFUSE(socket_of_another)
{
	int own = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), fd[2];

	CHECK_SYS(unshare(CLONE_NEWNET));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	CHECK_SYS(setns(own, CLONE_NEWNET));
	CHECK_SYS(close(own));
	EXPECT_FD(fd[0], "*", "is of another network namespace than the root task: have it closed");
	EXPECT_FD(fd[1], "*", "is of another network namespace than the root task: have it closed");
	ckpt_ready_wait();
	CHECK_EQ(1, write(fd[0], "x", 1));
}

TEST_HARNESS_MAIN
