// SPDX-License-Identifier: GPL-2.0
/* Error queues: errors, time stamps of what was sent, notifications of MSG_ZEROCOPY. */
#include "sockets.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>

CKPT_FIXTURE

#define ZEROCOPY_FLAG	0x4000000	/* MSG_ZEROCOPY */

/* What recvmsg(2) tells with MSG_ERRQUEUE. */
struct told {
	struct msghdr msg;
	struct sockaddr_storage name;
	struct iovec iov;
	char data[256];
	char control[1024];
	long len;
};

static void set_int(int fd, int level, int name, int value)
{
	CHECK_SYS(setsockopt(fd, level, name, &value, sizeof(value)));
}

/* Takes the next one; false if there is none. */
static bool next_error(int fd, struct told *told)
{
	memset(told, 0, sizeof(*told));
	told->iov.iov_base = told->data;
	told->iov.iov_len = sizeof(told->data);
	told->msg.msg_name = &told->name;
	told->msg.msg_namelen = sizeof(told->name);
	told->msg.msg_iov = &told->iov;
	told->msg.msg_iovlen = 1;
	told->msg.msg_control = told->control;
	told->msg.msg_controllen = sizeof(told->control);
	told->len = recvmsg(fd, &told->msg, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (told->len < 0)
		CHECK_EQ(EAGAIN, errno);
	return told->len >= 0;
}

static void *control(struct told *told, int level, int type)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(&told->msg); cmsg; cmsg = CMSG_NXTHDR(&told->msg, cmsg)) {
		if (cmsg->cmsg_level == level && cmsg->cmsg_type == type)
			return CMSG_DATA(cmsg);
	}
	return NULL;
}

/* The next one must be there, and is of that origin. */
static struct sock_extended_err *expect_error(int fd, struct told *told, int level, int type,
					      int origin)
{
	struct sock_extended_err *err;

	CHECK(next_error(fd, told), "nothing is in the error queue");
	err = control(told, level, type);
	CHECK(err, "it has no error");
	CHECK_EQ(origin, err->ee_origin);
	return err;
}

static void expect_no_error(int fd)
{
	struct told told;

	CHECK(!next_error(fd, &told), "more is in the error queue");
}

static struct sockaddr_in v4(in_port_t port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return addr;
}

/* A port of the loopback device at which nobody is. */
static in_port_t nobody(int family)
{
	int fd = CHECK_SYS(socket(family, SOCK_DGRAM, 0));
	struct sockaddr_in6 addr = { .sin6_family = family };
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(addr);

	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	CHECK_SYS(close(fd));
	return addr.sin6_port;
}

/* Two errors of ports at which nobody is, with all that is told of who has sent them. */
CKPT_CYCLE(unreachable)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0)), i, *ttl;
	struct sockaddr_in to = v4(nobody(AF_INET)), *offender, *about;
	struct sock_extended_err *err;
	struct in_pktinfo *info;
	struct told told;

	set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	CHECK_EQ(3, sendto(fd, "one", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	CHECK(sendto(fd, "two", 3, 0, (struct sockaddr *)&to, sizeof(to)) == -1 &&
	      errno == ECONNREFUSED, "it is not told");
	CHECK_EQ(3, sendto(fd, "two", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	ckpt_ready_wait();
	/* What is told is asked for when they are there. */
	set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	set_int(fd, IPPROTO_IP, IP_RECVTTL, 1);
	for (i = 0; i < 2; i++) {
		err = expect_error(fd, &told, SOL_IP, IP_RECVERR, SO_EE_ORIGIN_ICMP);
		CHECK_EQ(ECONNREFUSED, (int)err->ee_errno);
		CHECK_EQ(ICMP_DEST_UNREACH, err->ee_type);
		CHECK_EQ(ICMP_PORT_UNREACH, err->ee_code);
		CHECK_EQ(3, told.len);
		CHECK_STREQ(i ? "two" : "one", told.data);
		about = (struct sockaddr_in *)&told.name;
		CHECK_EQ(to.sin_port, about->sin_port);
		CHECK_EQ(to.sin_addr.s_addr, about->sin_addr.s_addr);
		offender = (struct sockaddr_in *)SO_EE_OFFENDER(err);
		CHECK_EQ(AF_INET, offender->sin_family);
		CHECK_EQ(htonl(INADDR_LOOPBACK), offender->sin_addr.s_addr);
		info = control(&told, SOL_IP, IP_PKTINFO);
		CHECK(info, "it has no IP_PKTINFO");
		CHECK_EQ(1, info->ipi_ifindex);
		CHECK_EQ(htonl(INADDR_LOOPBACK), info->ipi_addr.s_addr);
		ttl = control(&told, SOL_IP, IP_TTL);
		CHECK(ttl, "it has no IP_TTL");
		CHECK_EQ(64, *ttl);
		/* The one that is the next is what SO_ERROR tells. */
		CHECK_EQ(i ? 0 : ECONNREFUSED, option(fd, SO_ERROR));
	}
	expect_no_error(fd);
}

CKPT_CYCLE(unreachable_v6)
{
	int fd = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0)), *hops;
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_port = nobody(AF_INET6),
		.sin6_addr = in6addr_loopback,
	};
	struct sockaddr_in6 *offender, *about;
	struct sock_extended_err *err;
	struct in6_pktinfo *info;
	struct told told;

	set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	CHECK_EQ(3, sendto(fd, "one", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	ckpt_ready_wait();
	set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	err = expect_error(fd, &told, SOL_IPV6, IPV6_RECVERR, SO_EE_ORIGIN_ICMP6);
	CHECK_EQ(ECONNREFUSED, (int)err->ee_errno);
	CHECK_EQ(3, told.len);
	CHECK_STREQ("one", told.data);
	about = (struct sockaddr_in6 *)&told.name;
	CHECK_EQ(to.sin6_port, about->sin6_port);
	CHECK_EQ(0, memcmp(&to.sin6_addr, &about->sin6_addr, sizeof(to.sin6_addr)));
	offender = (struct sockaddr_in6 *)SO_EE_OFFENDER(err);
	CHECK_EQ(0, memcmp(&in6addr_loopback, &offender->sin6_addr, sizeof(in6addr_loopback)));
	info = control(&told, SOL_IPV6, IPV6_PKTINFO);
	CHECK(info, "it has no IPV6_PKTINFO");
	CHECK_EQ(1, (int)info->ipi6_ifindex);
	CHECK_EQ(0, memcmp(&in6addr_loopback, &info->ipi6_addr, sizeof(in6addr_loopback)));
	hops = control(&told, SOL_IPV6, IPV6_HOPLIMIT);
	CHECK(hops && *hops > 0, "it has no IPV6_HOPLIMIT");
	expect_no_error(fd);
}

/* Of a socket of IPv6 that has sent to IPv4. */
CKPT_CYCLE(unreachable_mapped)
{
	int fd = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0));
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = nobody(AF_INET) }, *about;
	struct sock_extended_err *err;
	struct told told;

	CHECK_EQ(1, inet_pton(AF_INET6, "::ffff:127.0.0.1", &to.sin6_addr));
	set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	CHECK_EQ(3, sendto(fd, "one", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	ckpt_ready_wait();
	err = expect_error(fd, &told, SOL_IPV6, IPV6_RECVERR, SO_EE_ORIGIN_ICMP);
	CHECK_EQ(ECONNREFUSED, (int)err->ee_errno);
	about = (struct sockaddr_in6 *)&told.name;
	CHECK_EQ(to.sin6_port, about->sin6_port);
	CHECK_EQ(0, memcmp(&to.sin6_addr, &about->sin6_addr, sizeof(to.sin6_addr)));
	expect_no_error(fd);
}

/* It is too long: this machine tells. */
CKPT_CYCLE(too_long)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in to = v4(htons(9)), *about;
	static char data[65520];
	struct sock_extended_err *err;
	struct told told;

	set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	CHECK_SYS(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	/* With its headers it is longer than any datagram. */
	CHECK(send(fd, data, sizeof(data), 0) == -1 && errno == EMSGSIZE, "it can be sent");
	ckpt_ready_wait();
	err = expect_error(fd, &told, SOL_IP, IP_RECVERR, SO_EE_ORIGIN_LOCAL);
	CHECK_EQ(EMSGSIZE, (int)err->ee_errno);
	about = (struct sockaddr_in *)&told.name;
	CHECK_EQ(to.sin_port, about->sin_port);
	CHECK_EQ(to.sin_addr.s_addr, about->sin_addr.s_addr);
	expect_no_error(fd);
}

/* A raw socket is told of what its datagrams have come to. */
CKPT_CYCLE(raw)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
	struct sockaddr_in to = v4(0);
	struct udphdr udp = { .source = nobody(AF_INET), .dest = nobody(AF_INET) };
	struct sock_extended_err *err;
	struct told told;

	set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	udp.len = htons(sizeof(udp));
	CHECK_EQ((long)sizeof(udp), sendto(fd, &udp, sizeof(udp), 0, (struct sockaddr *)&to,
					   sizeof(to)));
	ckpt_ready_wait();
	err = expect_error(fd, &told, SOL_IP, IP_RECVERR, SO_EE_ORIGIN_ICMP);
	CHECK_EQ(ICMP_PORT_UNREACH, err->ee_code);
	expect_no_error(fd);
}

/* Time stamps with their numbers: with the contents of what was sent, and without. */
static void stamps(int family, int protocol_level, int type)
{
	int fd = CHECK_SYS(socket(family, SOCK_DGRAM, 0)), i;
	struct sockaddr_in6 to6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(9),
		.sin6_addr = in6addr_loopback,
	};
	struct sockaddr_in to4 = v4(htons(9));
	struct sockaddr *to = family == AF_INET ? (struct sockaddr *)&to4 :
			      (struct sockaddr *)&to6;
	socklen_t len = family == AF_INET ? sizeof(to4) : sizeof(to6);
	struct sock_extended_err *err;
	struct scm_timestamping *times;
	struct timespec sent[2];
	struct told told;

	set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SCHED |
		SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_CMSG);
	CHECK_EQ(3, sendto(fd, "one", 3, 0, to, len));
	set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SCHED |
		SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY);
	CHECK_EQ(3, sendto(fd, "two", 3, 0, to, len));
	clock_gettime(CLOCK_REALTIME, &sent[0]);
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		err = expect_error(fd, &told, protocol_level, type, SO_EE_ORIGIN_TIMESTAMPING);
		CHECK_EQ(ENOMSG, (int)err->ee_errno);
		CHECK_EQ(SCM_TSTAMP_SCHED, (int)err->ee_info);
		CHECK_EQ(i, (int)err->ee_data);
		CHECK_EQ(!i, told.len > 0);
		if (!i)
			CHECK_EQ(0, memcmp(told.data + told.len - 3, "one", 3));
		times = control(&told, SOL_SOCKET, SCM_TIMESTAMPING);
		CHECK(times && times->ts[0].tv_sec, "it has no time");
		sent[1] = times->ts[0];
		CHECK(sent[1].tv_sec < sent[0].tv_sec ||
		      (sent[1].tv_sec == sent[0].tv_sec && sent[1].tv_nsec <= sent[0].tv_nsec),
		      "it has another time");
	}
	/* They are numbered on. */
	CHECK_EQ(3, sendto(fd, "new", 3, 0, to, len));
	err = expect_error(fd, &told, protocol_level, type, SO_EE_ORIGIN_TIMESTAMPING);
	CHECK_EQ(2, (int)err->ee_data);
	expect_no_error(fd);
}

CKPT_CYCLE(time_stamps)
{
	stamps(AF_INET, SOL_IP, IP_RECVERR);
}

CKPT_CYCLE(time_stamps_v6)
{
	stamps(AF_INET6, SOL_IPV6, IPV6_RECVERR);
}

/* Of TCP, which does not number them, with statistics. */
CKPT_CYCLE(time_stamps_tcp)
{
	int listener = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	int fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0)), other;
	struct sockaddr_in addr = v4(0);
	socklen_t len = sizeof(addr);
	struct sock_extended_err *err;
	struct told told;
	void *stats;

	CHECK_SYS(bind(listener, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(listener, 1));
	CHECK_SYS(getsockname(listener, (struct sockaddr *)&addr, &len));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	other = CHECK_SYS(accept(listener, NULL, NULL));
	CHECK_SYS(close(listener));
	set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SCHED |
		SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY |
		SOF_TIMESTAMPING_OPT_STATS);
	send_text(fd, "sent");
	ckpt_ready_wait();
	err = expect_error(fd, &told, SOL_IP, IP_RECVERR, SO_EE_ORIGIN_TIMESTAMPING);
	CHECK_EQ(SCM_TSTAMP_SCHED, (int)err->ee_info);
	CHECK(control(&told, SOL_SOCKET, SCM_TIMESTAMPING), "it has no time");
	CHECK(told.len > 0, "it has no contents");
	stats = control(&told, SOL_SOCKET, SCM_TIMESTAMPING_OPT_STATS);
	CHECK(stats, "it has no statistics");
	CHECK_EQ(0, memcmp(told.data, stats, told.len));
	expect_no_error(fd);
	expect_text(other, "sent");
}

/* Notifications are put together as long as their numbers follow each other. */
CKPT_CYCLE(zerocopy)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0)), to = CHECK_SYS(socket(AF_INET,
										SOCK_DGRAM, 0));
	struct sockaddr_in addr = v4(0);
	socklen_t len = sizeof(addr);
	struct sock_extended_err *err;
	static char data[1000];
	struct told told;
	int i;

	CHECK_SYS(bind(to, (struct sockaddr *)&addr, len));
	CHECK_SYS(getsockname(to, (struct sockaddr *)&addr, &len));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	/* What was received was copied before, and that is told. */
	for (i = 0; i < 3; i++) {
		CHECK_EQ((long)sizeof(data), send(fd, data, sizeof(data), ZEROCOPY_FLAG));
		CHECK_EQ((long)sizeof(data), recv(to, data, sizeof(data), 0));
	}
	ckpt_ready_wait();
	/* It goes on with the number that comes next, and that is put together, too. */
	CHECK_EQ((long)sizeof(data), send(fd, data, sizeof(data), ZEROCOPY_FLAG));
	CHECK_EQ((long)sizeof(data), recv(to, data, sizeof(data), 0));
	err = expect_error(fd, &told, SOL_IP, IP_RECVERR, SO_EE_ORIGIN_ZEROCOPY);
	CHECK_EQ(0, (int)err->ee_errno);
	CHECK_EQ(0, (int)err->ee_info);
	CHECK_EQ(3, (int)err->ee_data);
	CHECK_EQ(0, told.len);
	expect_no_error(fd);
}

/*
 * Of TCP: what was told is numbered on, and what the other end has not acknowledged yet is
 * told, as copied: the image has a copy of it.
 */
static void tcp_zerocopy(bool full)
{
	int at = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0)), fd, end, size = 8192;
	struct sockaddr_in addr = v4(0);
	socklen_t len = sizeof(addr);
	struct sock_extended_err *err;
	static char data[1000], got[1 << 20];
	unsigned int calls = 0, next = 0;
	struct told told;
	long sent = 0, n;

	CHECK_SYS(bind(at, (struct sockaddr *)&addr, len));
	if (full)
		set_int(at, SOL_SOCKET, SO_RCVBUF, size);
	CHECK_SYS(listen(at, 1));
	CHECK_SYS(getsockname(at, (struct sockaddr *)&addr, &len));
	fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	end = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	/* Small queues: what is in them goes through a small window. */
	if (full)
		set_int(fd, SOL_SOCKET, SO_SNDBUF, 4 * size);
	/* Until nothing more fits: most of it waits for the other end to read. */
	do {
		n = send(fd, data, sizeof(data), ZEROCOPY_FLAG | MSG_DONTWAIT);
		if (n > 0) {
			sent += n;
			calls++;
		}
	} while (full ? n > 0 : calls < 3);
	ckpt_ready_wait();
	while (sent) {
		n = CHECK_SYS(recv(end, got, sizeof(got), 0));
		CHECK(n > 0, "the end of it, before %ld bytes", sent);
		sent -= n;
	}
	CHECK_EQ((long)sizeof(data), send(fd, data, sizeof(data), ZEROCOPY_FLAG));
	CHECK_EQ((long)sizeof(data), recv(end, got, sizeof(data), MSG_WAITALL));
	calls++;
	while (next < calls) {
		struct pollfd p = { .fd = fd };

		CHECK_EQ(1, poll(&p, 1, -1));
		err = expect_error(fd, &told, SOL_IP, IP_RECVERR, SO_EE_ORIGIN_ZEROCOPY);
		CHECK_EQ(0, (int)err->ee_errno);
		CHECK_EQ((int)next, (int)err->ee_info);
		next = err->ee_data + 1;
	}
	CHECK_EQ((int)calls, (int)next);
	expect_no_error(fd);
}

CKPT_CYCLE(tcp_zerocopy_told)
{
	tcp_zerocopy(false);
}

CKPT_CYCLE(tcp_zerocopy_due)
{
	tcp_zerocopy(true);
}

/* A packet socket has time stamps of what it has sent. */
CKPT_CYCLE(packets)
{
	int fd = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM, 0));
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_LOOPBACK),
		.sll_ifindex = 1,
		.sll_halen = ETH_ALEN,
	};
	struct sock_extended_err *err;
	struct told told;

	set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SCHED |
		SOF_TIMESTAMPING_SOFTWARE);
	CHECK_EQ(6, sendto(fd, "packet", 6, 0, (struct sockaddr *)&to, sizeof(to)));
	ckpt_ready_wait();
	err = expect_error(fd, &told, SOL_PACKET, PACKET_TX_TIMESTAMP, SO_EE_ORIGIN_TIMESTAMPING);
	CHECK_EQ(SCM_TSTAMP_SCHED, (int)err->ee_info);
	CHECK(told.len >= 6, "it has no contents");
	CHECK_EQ(0, memcmp(told.data + told.len - 6, "packet", 6));
	CHECK(control(&told, SOL_SOCKET, SCM_TIMESTAMPING), "it has no time");
	expect_no_error(fd);
}

/* What comes in can be polled for. */
CKPT_CYCLE(polled)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in to = v4(htons(9));
	struct pollfd poll_fd = { .fd = fd };
	struct told told;

	set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SCHED |
		SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY);
	CHECK_EQ(3, sendto(fd, "one", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	ckpt_ready_wait();
	CHECK_EQ(1, poll(&poll_fd, 1, 0));
	CHECK_EQ(POLLERR, poll_fd.revents);
	expect_error(fd, &told, SOL_IP, IP_RECVERR, SO_EE_ORIGIN_TIMESTAMPING);
	CHECK_EQ(0, poll(&poll_fd, 1, 0));
}

TEST_HARNESS_MAIN
