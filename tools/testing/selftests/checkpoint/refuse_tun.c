// SPDX-License-Identifier: GPL-2.0
/*
 * Tun and tap devices that are not saved: with programs of BPF, in a namespace that stays outside,
 * moved, opened elsewhere, with a queue that a task outside has, with what only ethtool shows, and
 * with a packet that a filter has cut off.
 */
#include "tun.h"
#include "refuse.h"

#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <signal.h>

REFUSE_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

static int tap(const char *name, unsigned int flags)
{
	int fd = tun_open();

	if (fd < 0)
		not_here();
	CHECK_SYS(tun_try(fd, name, IFF_TAP | IFF_NO_PI | flags));
	return fd;
}

static void expect(const char *what)
{
	expect_refusal(getpid(), UNSUPPORTED, "its network namespace has %s: remove that, or leave what "
		       "is in it outside (CHECKPOINT_NET_OUTSIDE, --net-outside)", what);
	/* Its queue says the same in its way. */
	expect_more();
	ckpt_ready_wait();
}

/* A program that does nothing; -1: the kernel takes none. */
static int program(void)
{
	struct bpf_insn steps[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2,
		.insns = (uintptr_t)steps, .license = (uintptr_t)"GPL",
	};

	return syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* A program that chooses the queue, or that decides what is let through. */
static void with_program(unsigned long request)
{
	int fd = tap("t0", IFF_MULTI_QUEUE), prog = program();

	if (prog < 0)
		not_here();
	CHECK_SYS(ioctl(fd, request, &prog));
	CHECK_SYS(close(prog));
	expect("the device t0 with a program of BPF that chooses its queue, or filters "
	       "(TUNSETSTEERINGEBPF)");
	prog = -1;
	CHECK_SYS(ioctl(fd, request, &prog));
}

REFUSE(steers, OWN)
{
	with_program(TUNSETSTEERINGEBPF);
}

REFUSE(filters, OWN)
{
	with_program(TUNSETFILTEREBPF);
}

/* The speed that ethtool shows. */
REFUSE(speed, OWN)
{
	struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };
	struct ifreq ifr = { .ifr_data = (void *)&cmd };
	int fd = tap("t0", 0);

	CHECK_SYS(of_device("t0", SIOCETHTOOL, &ifr));
	cmd.cmd = ETHTOOL_SSET;
	cmd.duplex = DUPLEX_HALF;
	CHECK_SYS(of_device("t0", SIOCETHTOOL, &ifr));
	expect("the device t0 with another speed or duplex than a new one has (ethtool -s)");
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/*
 * A packet whose header tells of a checksum behind its end: a filter has cut it off. No packet that
 * is sent says so, and none can be made so.
 */
REFUSE(cut_off, OWN)
{
	struct sock_filter steps[] = { BPF_STMT(BPF_RET | BPF_K, 20) };
	struct sock_fprog fprog = { .len = 1, .filter = steps };
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(7777),
		.sin_addr.s_addr = htonl(0x0a0102ff),
	};
	int fd = tap("t0", IFF_VNET_HDR), sk, on = 1;

	CHECK_SYS(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM));
	CHECK_SYS(ioctl(fd, TUNATTACHFILTER, &fprog));
	rt_address("t0", "10.1.2.3", 24);
	rt_switch("t0", true);
	sk = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(setsockopt(sk, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)));
	CHECK_EQ(5, sendto(sk, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)));
	EXPECT_FD(fd, "/dev/net/tun", "has packets to be read that can't be made again (of XDP, of a "
		  "tunnel and not yet cut to segments, or cut off by a filter): have them read");
	ckpt_ready_wait();
	CHECK_SYS(close(sk));
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* The namespace is the caller's. */
REFUSE(of_caller)
{
	int fd = tap("", 0);

	EXPECT_FD(fd, "/dev/net/tun", "its device is in a network namespace that stays outside: have the "
		  "tasks in one of their own, or close it");
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* The task has gone to another namespace since it has opened it. */
REFUSE(opened_elsewhere, OWN)
{
	int fd = tun_open();

	if (fd < 0)
		not_here();
	CHECK_SYS(unshare(CLONE_NEWNET));
	EXPECT_FD(fd, "/dev/net/tun", "was opened in another network namespace than the task is in: have "
		  "it closed");
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* The device was moved to the namespace of a child. */
static int has_own(void *unused)
{
	(void)unused;
	CHECK_SYS(unshare(CLONE_NEWNET));
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

REFUSE(moved, OWN)
{
	int fd = tap("t0", 0);
	pid_t child = ckpt_fork(has_own, NULL);
	struct rt rt;

	ckpt_step_wait(0, 1);
	rt_change(&rt, RTM_NEWLINK, "t0");
	rt_add_u32(&rt, IFLA_NET_NS_PID, child);
	CHECK_SYS(rt_ask(&rt));
	EXPECT_FD(fd, "/dev/net/tun", "its device was moved to another network namespace: move that back, "
		  "or close it");
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
	ckpt_wait_exit(child, 0);
}

/* A queue that a task outside has: the test itself, by a child that was in the namespace. */
static pid_t outsider;

static int attach_outside(void *arg)
{
	struct ckpt_run *run = arg;
	char path[64], done;
	int ends[2], ns, fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", run->pid);
	if (pipe(ends))
		return -1;
	outsider = fork();
	if (!outsider) {
		ns = open(path, O_RDONLY | O_CLOEXEC);
		if (ns < 0 || setns(ns, CLONE_NEWNET))
			_exit(1);
		close(ns);
		fd = tun_open();
		if (fd < 0 || tun_try(fd, "t0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE))
			_exit(1);
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		close(ends[0]);
		close(ends[1]);
		pause();
		_exit(0);
	}
	close(ends[1]);
	fd = outsider > 0 && read(ends[0], &done, 1) == 1 ? 0 : -1;
	close(ends[0]);
	return fd;
}

static int detach_outside(void *run)
{
	(void)run;
	if (kill(outsider, SIGKILL) || waitpid(outsider, NULL, 0) != outsider)
		return -1;
	return 0;
}

REFUSE(outside, OWN, .before = attach_outside, .after = detach_outside)
{
	int fd = tap("t0", IFF_MULTI_QUEUE);

	expect_refusal(getpid(), "EBUSY", "its network namespace has the device t0, of which a task "
		       "outside has a queue open, or that was left out: close that, or checkpoint what "
		       "has it as well");
	/* That a task outside is in the namespace, too. */
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

TEST_HARNESS_MAIN
