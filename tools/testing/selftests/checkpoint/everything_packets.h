/* SPDX-License-Identifier: GPL-2.0 */
/*
 * More sockets of everything.h: packet and raw sockets, a ring of one, what is begun, what has failed,
 * headers, memberships, filters, keys. All over the loopback device, and each as small as it can be.
 */
#ifndef CKPT_TEST_EVERYTHING_PACKETS_H
#define CKPT_TEST_EVERYTHING_PACKETS_H

#include "everything_steps.h"
#include "sockets_tcp_keys.h"

#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <sched.h>

#ifndef SOL_PACKET
#define SOL_PACKET	263
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

/* One that nobody else has: for experiments. */
#define E_PROTOCOL	0x88b5
#define E_KEY		"a key of everything"
#define E_GROUP		0xe00000fbu

/* Bytes of a frame of a ring, of which there is a block. */
#define E_FRAME		2048

static struct {
	int packet, raw, begun, told, failed, headed, member, key, mptcp, generic, ringed;
	char *ring;
} e_net;

static const unsigned char e_record[] = { 7, 7, 4, 0, 0, 0, 0, 0 };

static int e_datagrams(void)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);

	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	return fd;
}

static void e_send_to(int fd, int port, const char *text, int flags)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, port);

	CHECK_EQ((long)strlen(text),
		 sendto(fd, text, strlen(text), flags, (struct sockaddr *)&addr, len));
}

static uint32_t e_generic_port(void)
{
	struct sockaddr_nl nl;
	socklen_t len = sizeof(nl);

	CHECK_SYS(getsockname(e_net.generic, (struct sockaddr *)&nl, &len));
	return nl.nl_pid;
}

/* A packet that was not received, and one of ICMP that is not let in; one of generic netlink. */
static void e_set_up_raw(void)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = 6,
		.sll_protocol = htons(E_PROTOCOL),
	};
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_pid = E_PROTOCOL };
	uint32_t filter = 0xfffffffe;
	int on = 1;

	e_net.packet = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(E_PROTOCOL)));
	CHECK_SYS(bind(e_net.packet, (struct sockaddr *)&ll, sizeof(ll)));
	CHECK_SYS(setsockopt(e_net.packet, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)));
	CHECK_EQ(sizeof(E_TEXT), sendto(e_net.packet, E_TEXT, sizeof(E_TEXT), 0,
					(struct sockaddr *)&ll, sizeof(ll)));
	await_event(e_net.packet, POLLIN);
	e_net.raw = CHECK_SYS(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
	/* ICMP_FILTER */
	CHECK_SYS(setsockopt(e_net.raw, SOL_RAW, 1, &filter, sizeof(filter)));
	e_net.generic = CHECK_SYS(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_GENERIC));
	CHECK_SYS(bind(e_net.generic, (struct sockaddr *)&nl, sizeof(nl)));
}

static void e_check_raw(void)
{
	char text[sizeof(E_TEXT)] = "";
	socklen_t len = sizeof(uint32_t);
	uint32_t filter = 0;

	CHECK_EQ(sizeof(text), recv(e_net.packet, text, sizeof(text), MSG_DONTWAIT));
	CHECK_STREQ(E_TEXT, text);
	CHECK_SYS(getsockopt(e_net.raw, SOL_RAW, 1, &filter, &len));
	CHECK_EQ(0xfffffffe, filter);
	CHECK_EQ(E_PROTOCOL, e_generic_port());
}

/* Whether the first frame of the ring is ours. */
static bool e_has_frame(void)
{
	struct tpacket2_hdr *frame = (struct tpacket2_hdr *)e_net.ring;

	return __atomic_load_n(&frame->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

/* A ring with a frame that was not read. */
static void e_set_up_ring(void)
{
	unsigned int page = sysconf(_SC_PAGESIZE);
	struct tpacket_req req = {
		.tp_block_size = page, .tp_block_nr = 1, .tp_frame_size = E_FRAME,
		.tp_frame_nr = page / E_FRAME,
	};
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = 6,
		.sll_protocol = htons(E_PROTOCOL + 1),
	};
	int version = TPACKET_V2, on = 1;

	e_net.ringed = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(setsockopt(e_net.ringed, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)));
	CHECK_SYS(setsockopt(e_net.ringed, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)));
	CHECK_SYS(setsockopt(e_net.ringed, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)));
	e_net.ring = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, e_net.ringed, 0);
	CHECK(e_net.ring != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(bind(e_net.ringed, (struct sockaddr *)&ll, sizeof(ll)));
	CHECK_EQ(sizeof(E_TEXT), sendto(e_net.ringed, E_TEXT, sizeof(E_TEXT), 0,
					(struct sockaddr *)&ll, sizeof(ll)));
	while (!e_has_frame())
		sched_yield();
}

static void e_check_ring(void)
{
	struct tpacket2_hdr *frame = (struct tpacket2_hdr *)e_net.ring;
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);

	CHECK(e_has_frame(), "the frame is empty");
	CHECK_EQ(sizeof(E_TEXT), frame->tp_len);
	CHECK_STREQ(E_TEXT, e_net.ring + frame->tp_net);
	CHECK_SYS(getsockopt(e_net.ringed, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
	CHECK_EQ(1, stats.tp_packets);
}

/* A datagram that was begun, and an error of one that nobody has got. */
static void e_set_up_datagrams(void)
{
	struct sock_filter steps[] = { BPF_STMT(BPF_RET | BPF_K, 0xffff) };
	struct sock_fprog program = { .len = 1, .filter = steps };
	int on = 1, nobody = e_datagrams(), port = port_of(nobody, false);
	struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(E_GROUP), .imr_ifindex = 1 };

	e_net.told = e_datagrams();
	CHECK_SYS(setsockopt(e_net.told, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
	e_net.begun = e_datagrams();
	e_send_to(e_net.begun, port_of(e_net.told, false), "begun, ", MSG_MORE);
	CHECK_SYS(close(nobody));
	e_net.failed = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(setsockopt(e_net.failed, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	e_send_to(e_net.failed, port, "failed", 0);
	e_net.headed = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(setsockopt(e_net.headed, IPPROTO_IP, IP_OPTIONS, e_record, sizeof(e_record)));
	e_net.member = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	CHECK_SYS(setsockopt(e_net.member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
}

static void e_check_datagrams(void)
{
	struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(E_GROUP), .imr_ifindex = 1 };
	unsigned char header[sizeof(e_record)] = "";
	struct sock_filter steps[4];
	char text[16] = "", control[256];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	socklen_t len = sizeof(header), count = 4;

	CHECK_EQ(3, send(e_net.begun, "end", 3, 0));
	expect_text(e_net.told, "begun, end");
	CHECK_SYS(getsockopt(e_net.told, SOL_SOCKET, SO_GET_FILTER, steps, &count));
	CHECK_EQ(1, count);
	CHECK_EQ(6, recvmsg(e_net.failed, &msg, MSG_ERRQUEUE | MSG_DONTWAIT));
	CHECK_STREQ("failed", text);
	CHECK_SYS(getsockopt(e_net.headed, IPPROTO_IP, IP_OPTIONS, header, &len));
	CHECK(!memcmp(header, e_record, sizeof(header)), "another header");
	CHECK(setsockopt(e_net.member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) &&
	      errno == EADDRINUSE, "it is no member");
}

/* A key of a socket that is not connected, and one of Multipath TCP that listens. */
static void e_set_up_keys(void)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);

	e_net.key = -1;
	if (has_option(MD5_EXT)) {
		e_net.key = tcp_socket();
		CHECK_SYS(set_md5(e_net.key, E_KEY, 32));
	}
	e_net.mptcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
	if (e_net.mptcp < 0)
		return;
	set_option(e_net.mptcp, SO_REUSEADDR, 1);
	CHECK_SYS(bind(e_net.mptcp, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(e_net.mptcp, 1));
}

static void e_check_keys(void)
{
	if (e_net.key >= 0)
		expect_md5(e_net.key, 32);
	if (e_net.mptcp >= 0) {
		CHECK_EQ(IPPROTO_MPTCP, option(e_net.mptcp, SO_PROTOCOL));
		CHECK_EQ(1, option(e_net.mptcp, SO_ACCEPTCONN));
		CHECK_SYS(close(e_net.mptcp));
	}
}

static void e_set_up_packets(void)
{
	where = V4;
	lo_up();
	e_set_up_raw();
	e_set_up_ring();
	e_set_up_datagrams();
	e_set_up_keys();
}

static void e_check_packets(void)
{
	where = V4;
	e_check_raw();
	e_check_ring();
	e_check_datagrams();
	e_check_keys();
}

#endif
