// SPDX-License-Identifier: GPL-2.0
/* UDP sockets: their addresses, what is in their queues, and what is told with it. */
#include "sockets.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#endif
#ifndef UDP_GRO
#define UDP_GRO		104
#endif

CKPT_FIXTURE

/* An address of this family on the loopback device, or any of it. */
static socklen_t address(struct sockaddr_storage *to, int family, bool any)
{
	memset(to, 0, sizeof(*to));
	to->ss_family = family;
	if (family == AF_INET6) {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)to;

		sin6->sin6_addr = any ? in6addr_any : in6addr_loopback;
		return sizeof(*sin6);
	}
	((struct sockaddr_in *)to)->sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK);
	return sizeof(struct sockaddr_in);
}

static int bound(int family, bool any)
{
	int fd = CHECK_SYS(socket(family, SOCK_DGRAM, 0));
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, family, any);

	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	return fd;
}

static in_port_t port(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	/* It is at the same place in both families. */
	return ((struct sockaddr_in *)&addr)->sin_port;
}

static void send_to(int fd, int family, in_port_t to, const char *text)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, family, false);

	((struct sockaddr_in *)&addr)->sin_port = to;
	CHECK_EQ((long)strlen(text),
		 sendto(fd, text, strlen(text), 0, (struct sockaddr *)&addr, len));
}

/* The next datagram is @text, from that port; returns its control data in @control. */
static struct cmsghdr *receive(int fd, const char *text, in_port_t from, struct msghdr *msg,
			       char *control, size_t size)
{
	static char buf[256];
	static struct sockaddr_storage addr;
	static struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	long n;

	memset(msg, 0, sizeof(*msg));
	memset(buf, 0, sizeof(buf));
	msg->msg_name = &addr;
	msg->msg_namelen = sizeof(addr);
	msg->msg_iov = &iov;
	msg->msg_iovlen = 1;
	msg->msg_control = control;
	msg->msg_controllen = size;
	n = CHECK_SYS(recvmsg(fd, msg, MSG_DONTWAIT));
	CHECK_EQ((long)strlen(text), n);
	CHECK_STREQ(text, buf);
	CHECK_EQ(from, ((struct sockaddr_in *)&addr)->sin_port);
	return CMSG_FIRSTHDR(msg);
}

static void expect_from(int fd, const char *text, in_port_t from)
{
	struct msghdr msg;

	receive(fd, text, from, &msg, NULL, 0);
}

/* Bound to any address; datagrams, also an empty one, with who has sent them. */
static void queued(int family)
{
	int to = bound(family, true), from = bound(family, false), other = bound(family, false);
	in_port_t ports[] = { port(to), port(from), port(other) };
	char c;

	send_to(from, family, ports[0], "one");
	send_to(other, family, ports[0], "two");
	send_to(from, family, ports[0], "");
	send_to(from, family, ports[0], "three");
	/* The first one is put aside with the others, and the rest with it. */
	expect_from(to, "one", ports[1]);
	ckpt_ready_wait();
	CHECK_EQ(ports[0], port(to));
	CHECK_EQ(ports[1], port(from));
	expect_from(to, "two", ports[2]);
	CHECK_EQ(0, recv(to, &c, 1, MSG_DONTWAIT));
	expect_from(to, "three", ports[1]);
	expect_empty(to);
	send_to(other, family, ports[0], "new");
	expect_from(to, "new", ports[2]);
	expect_empty(to);
}

CKPT_CYCLE(datagrams)
{
	queued(AF_INET);
}

CKPT_CYCLE(datagrams_v6)
{
	queued(AF_INET6);
}

/* A socket of IPv6 that has datagrams of IPv4. */
CKPT_CYCLE(mapped)
{
	int to = bound(AF_INET6, true), from = bound(AF_INET, false);
	in_port_t ports[] = { port(to), port(from) };

	send_to(from, AF_INET, ports[0], "mapped");
	ckpt_ready_wait();
	expect_from(to, "mapped", ports[1]);
	send_to(from, AF_INET, ports[0], "again");
	expect_from(to, "again", ports[1]);
}

/* Connected: others are not heard, and it has a peer. */
static void connected(int family)
{
	int one = bound(family, false), two = bound(family, false), other = bound(family, false);
	in_port_t ports[] = { port(one), port(two) };
	struct sockaddr_storage addr, peer;
	socklen_t len = address(&addr, family, false), got = sizeof(peer);

	((struct sockaddr_in *)&addr)->sin_port = ports[1];
	CHECK_SYS(connect(one, (struct sockaddr *)&addr, len));
	send_to(two, family, ports[0], "waits");
	ckpt_ready_wait();
	CHECK_SYS(getpeername(one, (struct sockaddr *)&peer, &got));
	CHECK_EQ(ports[1], ((struct sockaddr_in *)&peer)->sin_port);
	expect_from(one, "waits", ports[1]);
	send_to(other, family, ports[0], "unheard");
	send_to(two, family, ports[0], "heard");
	expect_from(one, "heard", ports[1]);
	expect_empty(one);
	send_text(one, "sent");
	expect_from(two, "sent", ports[0]);
	/* Nobody has asked for its port by number: it goes with the connection. */
	memset(&addr, 0, sizeof(addr));
	CHECK_SYS(connect(one, (struct sockaddr *)&addr, len));
	CHECK_EQ(0, port(one));
}

CKPT_CYCLE(connects)
{
	connected(AF_INET);
}

CKPT_CYCLE(connects_v6)
{
	connected(AF_INET6);
}

/* An error that nobody was told of yet. */
CKPT_CYCLE(refused)
{
	int fd = bound(AF_INET, false), gone = bound(AF_INET, false);
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, AF_INET, false);

	((struct sockaddr_in *)&addr)->sin_port = port(gone);
	CHECK_SYS(close(gone));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	send_text(fd, "lost");
	ckpt_ready_wait();
	CHECK_EQ(ECONNREFUSED, option(fd, SO_ERROR));
	CHECK_EQ(0, option(fd, SO_ERROR));
}

/* What is told with a datagram: where it came in, hops left, and type of service. */
CKPT_CYCLE(told)
{
	int to = bound(AF_INET, true), from = bound(AF_INET, false), on = 1, ttl = 33, tos = 0x28;
	in_port_t ports[] = { port(to), port(from) };
	char control[256];
	struct cmsghdr *cmsg;
	struct msghdr msg;
	int seen = 0;

	CHECK_SYS(setsockopt(to, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)));
	CHECK_SYS(setsockopt(to, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)));
	CHECK_SYS(setsockopt(to, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)));
	CHECK_SYS(setsockopt(from, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)));
	CHECK_SYS(setsockopt(from, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)));
	send_to(from, AF_INET, ports[0], "told");
	ckpt_ready_wait();
	cmsg = receive(to, "told", ports[1], &msg, control, sizeof(control));
	for (; cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		struct in_pktinfo info;
		int value = 0;

		CHECK_EQ(IPPROTO_IP, cmsg->cmsg_level);
		switch (cmsg->cmsg_type) {
		case IP_PKTINFO:
			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			CHECK_EQ(htonl(INADDR_LOOPBACK), info.ipi_addr.s_addr);
			CHECK_EQ(htonl(INADDR_LOOPBACK), info.ipi_spec_dst.s_addr);
			CHECK_EQ(1, info.ipi_ifindex);
			seen |= 1;
			break;
		case IP_TTL:
			memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
			CHECK_EQ(ttl, value);
			seen |= 2;
			break;
		case IP_TOS:
			CHECK_EQ(tos, *CMSG_DATA(cmsg));
			seen |= 4;
			break;
		}
	}
	CHECK_EQ(7, seen);
}

/* The part of @msg of this level and type. */
static void *part_of(struct msghdr *msg, int level, int type)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == level && cmsg->cmsg_type == type)
			return CMSG_DATA(cmsg);
	}
	CHECK(false, "nothing of type %d is told", type);
	return NULL;
}

/* When a datagram came, and what its destination was. */
CKPT_CYCLE(time_and_destination)
{
	int to = bound(AF_INET, true), from = bound(AF_INET, false), on = 1;
	in_port_t ports[] = { port(to), port(from) };
	struct timespec came, told, now;
	struct sockaddr_in dest;
	char control[256], c;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	set_option(to, SO_TIMESTAMPNS, 1);
	CHECK_SYS(setsockopt(to, IPPROTO_IP, IP_RECVORIGDSTADDR, &on, sizeof(on)));
	/*
	 * What comes gets its time from some moment on after somebody has asked for it. Until then
	 * that is the time when it is looked at, which is another one each time.
	 */
	do {
		send_to(from, AF_INET, ports[0], "when");
		msg.msg_controllen = sizeof(control);
		CHECK_EQ(1, recvmsg(to, &msg, MSG_PEEK | MSG_DONTWAIT));
		memcpy(&came, part_of(&msg, SOL_SOCKET, SCM_TIMESTAMPNS), sizeof(came));
		msg.msg_controllen = sizeof(control);
		CHECK_EQ(1, recvmsg(to, &msg, MSG_PEEK | MSG_DONTWAIT));
		memcpy(&told, part_of(&msg, SOL_SOCKET, SCM_TIMESTAMPNS), sizeof(told));
		if (memcmp(&came, &told, sizeof(came)))
			expect_from(to, "when", ports[1]);
	} while (memcmp(&came, &told, sizeof(came)));
	ckpt_ready_wait();
	receive(to, "when", ports[1], &msg, control, sizeof(control));
	memcpy(&told, part_of(&msg, SOL_SOCKET, SCM_TIMESTAMPNS), sizeof(told));
	CHECK_EQ(came.tv_sec, told.tv_sec);
	CHECK_EQ(came.tv_nsec, told.tv_nsec);
	memcpy(&dest, part_of(&msg, IPPROTO_IP, IP_ORIGDSTADDR), sizeof(dest));
	CHECK_EQ(AF_INET, dest.sin_family);
	CHECK_EQ(ports[0], dest.sin_port);
	CHECK_EQ(htonl(INADDR_LOOPBACK), dest.sin_addr.s_addr);
	/* One that comes now has a time of now. */
	CHECK_SYS(clock_gettime(CLOCK_REALTIME, &now));
	send_to(from, AF_INET, ports[0], "now");
	receive(to, "now", ports[1], &msg, control, sizeof(control));
	memcpy(&told, part_of(&msg, SOL_SOCKET, SCM_TIMESTAMPNS), sizeof(told));
	CHECK(told.tv_sec > now.tv_sec ||
	      (told.tv_sec == now.tv_sec && told.tv_nsec >= now.tv_nsec), "an earlier time");
}

/* Datagrams of @size bytes that come as one, and the rest of them. */
static void joined(int fd, int size, const char *text)
{
	char control[256], buf[64] = "";
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) - 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int told = 0;

	CHECK_EQ((long)strlen(text), recvmsg(fd, &msg, MSG_DONTWAIT));
	CHECK_STREQ(text, buf);
	memcpy(&told, part_of(&msg, IPPROTO_UDP, UDP_GRO), sizeof(told));
	CHECK_EQ(size, told);
}

/* They were sent at once, and wait as one (UDP_GRO). */
static void waits_joined(int family)
{
	int to = bound(family, true), from = bound(family, false), on = 1, size = 5;
	in_port_t ports[] = { port(to), port(from) };

	CHECK_SYS(setsockopt(to, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)));
	CHECK_SYS(setsockopt(from, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)));
	send_to(from, family, ports[0], "firstotherrest");
	ckpt_ready_wait();
	joined(to, size, "firstotherrest");
	send_to(from, family, ports[0], "againotherrest");
	joined(to, size, "againotherrest");
	expect_empty(to);
}

CKPT_CYCLE(joined_v4)
{
	waits_joined(AF_INET);
}

CKPT_CYCLE(joined_v6)
{
	waits_joined(AF_INET6);
}

/* The same of IPv6. */
CKPT_CYCLE(told_v6)
{
	int to = bound(AF_INET6, true), from = bound(AF_INET6, false), on = 1, hops = 33;
	in_port_t ports[] = { port(to), port(from) };
	char control[256];
	struct cmsghdr *cmsg;
	struct msghdr msg;
	int seen = 0;

	CHECK_SYS(setsockopt(to, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)));
	CHECK_SYS(setsockopt(to, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)));
	CHECK_SYS(setsockopt(from, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)));
	send_to(from, AF_INET6, ports[0], "told");
	ckpt_ready_wait();
	cmsg = receive(to, "told", ports[1], &msg, control, sizeof(control));
	for (; cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		struct in6_pktinfo info;
		int value = 0;

		CHECK_EQ(IPPROTO_IPV6, cmsg->cmsg_level);
		if (cmsg->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			CHECK(!memcmp(&info.ipi6_addr, &in6addr_loopback, 16), "another address");
			CHECK_EQ(1, info.ipi6_ifindex);
			seen |= 1;
		} else if (cmsg->cmsg_type == IPV6_HOPLIMIT) {
			memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
			CHECK_EQ(hops, value);
			seen |= 2;
		}
	}
	CHECK_EQ(3, seen);
}

/* Begins a datagram for that port with @text. */
static void begin(int fd, int family, in_port_t to, const char *text)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, family, false);

	((struct sockaddr_in *)&addr)->sin_port = to;
	CHECK_EQ((long)strlen(text),
		 sendto(fd, text, strlen(text), MSG_MORE, (struct sockaddr *)&addr, len));
}

/* Datagrams that are not complete, by both ways, and one that has no byte yet. */
static void begun(int family)
{
	int to = bound(family, true), from = bound(family, false), empty = bound(family, false);
	int cork = bound(family, false), on = 1, off = 0;
	in_port_t at = port(to);

	begin(from, family, at, "one, ");
	CHECK_EQ(5, send(from, "two, ", 5, MSG_MORE));
	begin(empty, family, at, "");
	CHECK_SYS(setsockopt(cork, IPPROTO_UDP, 1 /* UDP_CORK */, &on, sizeof(on)));
	send_to(cork, family, at, "all ");
	ckpt_ready_wait();
	expect_empty(to);
	CHECK_EQ(5, send(from, "three", 5, 0));
	expect_from(to, "one, two, three", port(from));
	CHECK_EQ(4, send(empty, "last", 4, 0));
	expect_from(to, "last", port(empty));
	CHECK_EQ(6, send(cork, "of it.", 6, 0));
	expect_empty(to);
	CHECK_SYS(setsockopt(cork, IPPROTO_UDP, 1, &off, sizeof(off)));
	expect_from(to, "all of it.", port(cork));
	/* The next one is on its own. */
	send_to(from, family, at, "next");
	expect_from(to, "next", port(from));
}

CKPT_CYCLE(corked)
{
	begun(AF_INET);
}

CKPT_CYCLE(corked_v6)
{
	begun(AF_INET6);
}

/*
 * A socket of IPv6 sends one of IPv4; another one is connected elsewhere when it has begun,
 * and then that is where the whole of it goes: connect(2) has changed its way.
 */
CKPT_CYCLE(corked_mapped)
{
	int to = bound(AF_INET, true), from = bound(AF_INET6, true), one = bound(AF_INET, false);
	int other = bound(AF_INET, false);
	in_port_t at = port(to);
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, AF_INET, false);

	begin(from, AF_INET, at, "map");
	begin(one, AF_INET, at, "first ");
	((struct sockaddr_in *)&addr)->sin_port = port(other);
	CHECK_SYS(connect(one, (struct sockaddr *)&addr, len));
	ckpt_ready_wait();
	CHECK_EQ(3, send(from, "ped", 3, 0));
	expect_from(to, "mapped", port(from));
	CHECK_EQ(5, send(one, "there", 5, 0));
	expect_from(other, "first there", port(one));
	send_text(one, "then here");
	expect_from(other, "then here", port(one));
}

/* With what control messages have told of it: they count for the whole of it. */
CKPT_CYCLE(corked_told)
{
	int to = bound(AF_INET, true), from = bound(AF_INET, false), on = 1, ttl = 33, tos = 0x48;
	in_port_t ports[] = { port(to), port(from) };
	char control[256] = {}, text[] = "first, ";
	struct sockaddr_storage addr;
	struct iovec iov = { .iov_base = text, .iov_len = strlen(text) };
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = address(&addr, AF_INET, false),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = 2 * CMSG_SPACE(sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int seen = 0;

	CHECK_SYS(setsockopt(to, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)));
	CHECK_SYS(setsockopt(to, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)));
	((struct sockaddr_in *)&addr)->sin_port = ports[0];
	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_TTL;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &ttl, sizeof(ttl));
	cmsg = CMSG_NXTHDR(&msg, cmsg);
	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_TOS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &tos, sizeof(tos));
	CHECK_EQ((long)strlen(text), sendmsg(from, &msg, MSG_MORE));
	ckpt_ready_wait();
	CHECK_EQ(4, send(from, "last", 4, 0));
	memset(control, 0, sizeof(control));
	cmsg = receive(to, "first, last", ports[1], &msg, control, sizeof(control));
	for (; cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		int value = 0;

		if (cmsg->cmsg_type == IP_TTL) {
			memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
			CHECK_EQ(ttl, value);
			seen |= 1;
		} else if (cmsg->cmsg_type == IP_TOS) {
			CHECK_EQ(tos, *CMSG_DATA(cmsg));
			seen |= 2;
		}
	}
	CHECK_EQ(3, seen);
}

/* One that is sent in parts, and longer than a packet. */
CKPT_CYCLE(corked_in_parts)
{
	int to = bound(AF_INET, true), from = bound(AF_INET, false), size = 100, i;
	in_port_t at = port(to);
	static char block[150];

	memset(block, 'b', sizeof(block));
	block[149] = 0;
	CHECK_SYS(setsockopt(from, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)));
	begin(from, AF_INET, at, block);
	ckpt_ready_wait();
	CHECK_EQ(51, send(from, block, 51, 0));
	for (i = 0; i < 2; i++)
		CHECK_EQ(100, recv(to, block, sizeof(block), MSG_DONTWAIT));
	expect_empty(to);
}

/* A buffer that is full: it stays so, and what was in it is there. */
CKPT_CYCLE(full)
{
	int to = bound(AF_INET, false), from = bound(AF_INET, false), sent, i;
	in_port_t ports[] = { port(to), port(from) };
	static char block[1000];

	set_option(to, SO_RCVBUF, 20000);
	for (sent = 0; sent < 1000; sent++)
		send_to(from, AF_INET, ports[0], "x");
	ckpt_ready_wait();
	for (i = 0; recv(to, block, sizeof(block), MSG_DONTWAIT) == 1; i++)
		CHECK_EQ('x', block[0]);
	CHECK(i > 0 && i < sent, "%d of %d are there", i, sent);
}

/* Two that share a port, in one tree. */
CKPT_CYCLE(share)
{
	int one = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	int two = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, AF_INET, false);

	set_option(one, SO_REUSEPORT, 1);
	set_option(two, SO_REUSEPORT, 1);
	CHECK_SYS(bind(one, (struct sockaddr *)&addr, len));
	((struct sockaddr_in *)&addr)->sin_port = port(one);
	CHECK_SYS(bind(two, (struct sockaddr *)&addr, len));
	ckpt_ready_wait();
	CHECK_EQ(port(one), port(two));
	CHECK_EQ(1, option(one, SO_REUSEPORT));
}

/* A filter stays, and its lock: what it refuses does not come in. */
CKPT_CYCLE(filter)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(struct udphdr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = 4, .filter = steps };
	int to = bound(AF_INET, false), from = bound(AF_INET, false);
	in_port_t ports[] = { port(to), port(from) };
	struct sock_filter got[4] = {};
	socklen_t len = 4;

	/* What came before it stays. */
	send_to(from, AF_INET, ports[0], "no, but before");
	CHECK_SYS(setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	set_option(to, SO_LOCK_FILTER, 1);
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(to, SOL_SOCKET, SO_GET_FILTER, got, &len));
	CHECK_EQ(4, len);
	CHECK(!memcmp(got, steps, sizeof(got)), "another filter");
	CHECK(setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) &&
	      errno == EPERM, "it can be replaced");
	expect_from(to, "no, but before", ports[1]);
	send_to(from, AF_INET, ports[0], "no");
	send_to(from, AF_INET, ports[0], "yes");
	expect_from(to, "yes", ports[1]);
	expect_empty(to);
}

TEST_HARNESS_MAIN
