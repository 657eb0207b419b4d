// SPDX-License-Identifier: GPL-2.0
/* Packet sockets: device, protocol, memberships, groups, options, what comes afterwards. */
#include "packet_sockets.h"

#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/time.h>

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING	0x4000
#endif

CKPT_FIXTURE

/* What comes next is @text; what goes out is seen as well. */
static void expect_packet(int fd, const char *text)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[64] = "";

	CHECK_EQ(1, poll(&pfd, 1, -1));
	CHECK(CHECK_SYS(recv(fd, buf, sizeof(buf) - 1, 0)) >= (long)strlen(text), "it is too short");
	CHECK(!strncmp(text, buf, strlen(text)), "%s", buf);
}

static void expect_name(int fd, int device, int protocol)
{
	struct sockaddr_ll seen = {};
	socklen_t len = sizeof(seen);

	CHECK_SYS(getsockname(fd, (struct sockaddr *)&seen, &len));
	CHECK_EQ(device, seen.sll_ifindex);
	CHECK_EQ(protocol, ntohs(seen.sll_protocol));
}

CKPT_CYCLE(bound)
{
	int from, to, none, status;

	up();
	from = packet(0);
	to = packet(PROTOCOL);
	none = CHECK_SYS(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	ckpt_ready_wait();
	expect_name(from, 0, 0);
	expect_name(to, 1, PROTOCOL);
	expect_name(none, 0, 0);
	status = option(none, SO_TYPE);
	CHECK_EQ(SOCK_RAW, status);
	expect_empty(to);
	send_packet(from, PROTOCOL, "after");
	expect_packet(to, "after");
	send_packet(from, PROTOCOL + 1, "other");
	CHECK_EQ(0, option(to, SO_ERROR));
}

/* What a packet is told to be, with what else is told of it. */
struct told {
	struct sockaddr_ll from;
	struct tpacket_auxdata aux;
	struct timeval time;
	char text[64];
	long len;
};

/* The next packet: to look at it only would have the kernel forget how long it was. */
static void hear(int fd, struct told *told)
{
	char control[256] = {};
	struct iovec iov = { .iov_base = told->text, .iov_len = sizeof(told->text) - 1 };
	struct msghdr msg = {
		.msg_name = &told->from,
		.msg_namelen = sizeof(told->from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int seen = 0;

	memset(told, 0, sizeof(*told));
	told->len = CHECK_SYS(recvmsg(fd, &msg, 0));
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_PACKET && cmsg->cmsg_type == PACKET_AUXDATA) {
			memcpy(&told->aux, CMSG_DATA(cmsg), sizeof(told->aux));
			seen |= 1;
		} else if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_TIMESTAMP) {
			memcpy(&told->time, CMSG_DATA(cmsg), sizeof(told->time));
			seen |= 2;
		}
	}
	CHECK_EQ(3, seen);
}

/* One that is told all of what comes. */
static int told_all(int type)
{
	int fd = CHECK_SYS(socket(AF_PACKET, type | SOCK_CLOEXEC, 0));

	set_value(fd, PACKET_IGNORE_OUTGOING, 1);
	set_value(fd, PACKET_AUXDATA, 1);
	set_option(fd, SO_TIMESTAMP, 1);
	lo.sll_protocol = htons(PROTOCOL);
	CHECK_SYS(bind(fd, (struct sockaddr *)&lo, sizeof(lo)));
	return fd;
}

static void await_packet(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	CHECK_EQ(1, poll(&pfd, 1, -1));
}

static struct timeval now_is(void)
{
	struct timeval now;

	CHECK_SYS(gettimeofday(&now, NULL));
	return now;
}

/*
 * Packets get the time when they come, which the kernel begins with some time after
 * somebody has asked for it; until then they have that when they are received.
 */
static void await_times(int from, int to, int twin)
{
	struct timeval came, now;
	struct told told;

	do {
		send_packet(from, PROTOCOL, "when");
		await_packet(to);
		came = now_is();
		do
			now = now_is();
		while (!timercmp(&came, &now, <));
		hear(to, &told);
		await_packet(twin);
		hear(twin, &told);
	} while (timercmp(&came, &told.time, <));
}

/* What was not received comes first, as if it had just been there: all that is told of it. */
static void queued(int type)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);
	struct told before, now;
	struct pollfd pfd = { .events = POLLIN };
	int from, to, twin;

	up();
	from = packet(0);
	to = told_all(type);
	/* It is told the same. */
	twin = told_all(type);
	await_times(from, to, twin);
	send_packet(from, PROTOCOL, "first");
	send_packet(from, PROTOCOL, "second");
	await_packet(twin);
	hear(twin, &before);
	await_packet(twin);
	pfd.fd = to;
	await_packet(to);
	ckpt_ready_wait();
	CHECK_EQ(1, value_of(to, PACKET_IGNORE_OUTGOING));
	CHECK_EQ(1, poll(&pfd, 1, 0));
	hear(to, &now);
	CHECK(!memcmp(&before, &now, sizeof(now)), "something else is told of it");
	CHECK_EQ(1, poll(&pfd, 1, 0));
	hear(to, &now);
	CHECK(memmem(now.text, sizeof(now.text), "second", 6), "another one comes");
	CHECK_SYS(getsockopt(to, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
	CHECK_EQ(0, stats.tp_drops);
	send_packet(from, PROTOCOL, "after");
	await_packet(to);
	hear(to, &now);
	CHECK(memmem(now.text, sizeof(now.text), "after", 5), "another one comes");
}

CKPT_CYCLE(queue)
{
	queued(SOCK_DGRAM);
}

CKPT_CYCLE(queue_with_headers)
{
	queued(SOCK_RAW);
}

/* With headers for virtio it is not saved: it counts as dropped by one that was restored. */
CKPT_CYCLE(dropped)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);
	struct pollfd pfd = { .events = POLLIN };
	int from, to;
	char buf[64];

	up();
	from = packet(0);
	to = CHECK_SYS(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	set_value(to, PACKET_IGNORE_OUTGOING, 1);
	set_value(to, PACKET_VNET_HDR, 1);
	lo.sll_protocol = htons(PROTOCOL);
	CHECK_SYS(bind(to, (struct sockaddr *)&lo, sizeof(lo)));
	send_packet(from, PROTOCOL, "before");
	pfd.fd = to;
	CHECK_EQ(1, poll(&pfd, 1, -1));
	ckpt_ready_wait();
	if (!board->restarts)
		CHECK(CHECK_SYS(recv(to, buf, sizeof(buf), 0)) > 0, "it is empty");
	CHECK_SYS(getsockopt(to, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
	CHECK_EQ(board->restarts > 0, stats.tp_drops);
}

CKPT_CYCLE(options)
{
	static const struct {
		int name;
		int value;
	} set[] = {
		{ PACKET_VERSION, TPACKET_V2 },
		{ PACKET_RESERVE, 64 },
		{ PACKET_VNET_HDR, 1 },
		{ PACKET_COPY_THRESH, 100 },
		{ PACKET_TIMESTAMP, 1 },
		{ PACKET_ORIGDEV, 1 },
		{ PACKET_AUXDATA, 1 },
		{ PACKET_TX_HAS_OFF, 1 },
		{ PACKET_LOSS, 1 },
		{ PACKET_QDISC_BYPASS, 1 },
		{ PACKET_IGNORE_OUTGOING, 1 },
	};
	int fd = CHECK_SYS(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	int plain = CHECK_SYS(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	size_t i;

	for (i = 0; i < sizeof(set) / sizeof(*set); i++)
		set_value(fd, set[i].name, set[i].value);
	ckpt_ready_wait();
	for (i = 0; i < sizeof(set) / sizeof(*set); i++) {
		CHECK_EQ(set[i].value, value_of(fd, set[i].name));
		CHECK_EQ(0, value_of(plain, set[i].name));
	}
}

/* Two that share what comes: each packet comes to one of them. */
CKPT_CYCLE(shared)
{
	struct pollfd pfd[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int from, fd[2], i, id = getpid() & 0xffff, found;
	char buf[16];

	up();
	from = packet(0);
	for (i = 0; i < 2; i++) {
		fd[i] = packet(PROTOCOL);
		set_value(fd[i], PACKET_FANOUT, id | PACKET_FANOUT_LB << 16 |
			  PACKET_FANOUT_FLAG_IGNORE_OUTGOING << 16);
	}
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		pfd[i].fd = fd[i];
		CHECK_EQ(id | PACKET_FANOUT_LB << 16 | PACKET_FANOUT_FLAG_IGNORE_OUTGOING << 16,
			 value_of(fd[i], PACKET_FANOUT));
	}
	for (i = found = 0; i < 4; i++)
		send_packet(from, PROTOCOL, "shared");
	while (found < 4) {
		CHECK_SYS(poll(pfd, 2, -1));
		for (i = 0; i < 2; i++)
			found += recv(fd[i], buf, sizeof(buf), MSG_DONTWAIT) > 0;
	}
	CHECK_EQ(4, found);
}

/* How many have the loopback device show all packets. */
static int promiscuity(void)
{
	static char buf[16384] __attribute__((aligned(8)));
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} req = {
		.head = {
			.nlmsg_len = sizeof(req),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.info.ifi_index = 1,
	};
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	struct nlmsghdr *head = (struct nlmsghdr *)buf;
	struct rtattr *attr;
	int left;

	CHECK_EQ((long)sizeof(req), send(fd, &req, sizeof(req), 0));
	CHECK_SYS(recv(fd, buf, sizeof(buf), 0));
	CHECK_SYS(close(fd));
	CHECK_EQ(RTM_NEWLINK, head->nlmsg_type);
	left = IFLA_PAYLOAD(head);
	for (attr = IFLA_RTA(NLMSG_DATA(head)); RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == IFLA_PROMISCUITY)
			return *(int *)RTA_DATA(attr);
	CHECK(0, "it does not tell");
	return -1;
}

/* A membership that was added twice: it goes when it was dropped as often. */
CKPT_CYCLE(memberships)
{
	struct packet_mreq mreq = { .mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC };
	int fd = packet(0), i, count;

	for (i = 0; i < 2; i++)
		CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)));
	ckpt_ready_wait();
	count = promiscuity();
	CHECK(count > 0, "nobody has it show all packets");
	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &mreq, sizeof(mreq)));
	CHECK_EQ(count, promiscuity());
	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &mreq, sizeof(mreq)));
	CHECK_EQ(count - 1, promiscuity());
}

/* A classic filter, that lets by what begins with a letter, and cuts it. */
CKPT_CYCLE(filter)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 5),
		BPF_STMT(BPF_RET | BPF_K, 0),
	}, got[4] = {};
	struct sock_fprog prog = { .len = 4, .filter = steps };
	socklen_t len = 4;
	int from, to;

	up();
	from = packet(0);
	to = packet(PROTOCOL);
	set_value(to, PACKET_IGNORE_OUTGOING, 1);
	CHECK_SYS(setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	send_packet(from, PROTOCOL, "no, not this one");
	send_packet(from, PROTOCOL, "yes, before");
	await_packet(to);
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(to, SOL_SOCKET, SO_GET_FILTER, got, &len));
	CHECK_EQ(4, len);
	CHECK(!memcmp(got, steps, sizeof(got)), "another filter");
	expect_text(to, "yes, ");
	expect_empty(to);
	send_packet(from, PROTOCOL, "no, still not");
	send_packet(from, PROTOCOL, "y2, after");
	await_packet(to);
	expect_text(to, "y2, a");
	expect_empty(to);
	CHECK_SYS(setsockopt(to, SOL_SOCKET, SO_DETACH_FILTER, &len, sizeof(len)));
	send_packet(from, PROTOCOL, "no, but now");
	await_packet(to);
	expect_text(to, "no, but now");
}

TEST_HARNESS_MAIN
