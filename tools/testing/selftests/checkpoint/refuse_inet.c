// SPDX-License-Identifier: GPL-2.0
/* Sockets of IPv4 and IPv6 with something that can't be saved: each by its own name. */
#include "sockets_tcp.h"
#include "refuse.h"

#include <sys/syscall.h>
#include <linux/bpf.h>
#include <linux/filter.h>

REFUSE_FIXTURE

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY	60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY	0x4000000
#endif
#define MD5SIG			14	/* TCP_MD5SIG */
#define FASTOPEN_CONNECT	30	/* TCP_FASTOPEN_CONNECT */
#define FASTOPEN_KEY		33	/* TCP_FASTOPEN_KEY */
#define ENCAP			100	/* UDP_ENCAP */
#define ENCAP_L2TP		3	/* UDP_ENCAP_L2TPINUDP */
#define FLOWLABEL_MGR		32	/* IPV6_FLOWLABEL_MGR */
#define ROUTER_ALERT		22	/* IPV6_ROUTER_ALERT */
#define ROUTER_INIT		200	/* MRT_INIT */

/* Of linux/in6.h, which does not go together with netinet/in.h. */
struct flow_label {
	struct in6_addr dst;
	uint32_t label;
	uint8_t action, share;
	uint16_t flags, expires, linger;
	uint32_t pad;
};

/* It can't be saved for this reason, and stays as it is. */
static void expect(int fd, const char *why)
{
	EXPECT_FD(fd, "*", why);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* Sets an option; the test is skipped if the kernel has no such one. */
static void set_here(int fd, int level, int name, const void *value, socklen_t len)
{
	if (!setsockopt(fd, level, name, value, len))
		return;
	CHECK(errno == ENOPROTOOPT || errno == EOPNOTSUPP, "option %d: %s", name, strerror(errno));
	not_here();
}

/* Tells who connects by it. */
REFUSE(fast_open_key)
{
	static const char key[16] = "sixteen bytes";
	int fd = tcp_socket();

	set_here(fd, IPPROTO_TCP, FASTOPEN_KEY, key, sizeof(key));
	expect(fd, "has a key of its own for TCP Fast Open (TCP_FASTOPEN_KEY), which can't be saved yet");
}

/* connect(2) would do nothing, and the first send(2) would connect. */
REFUSE(fast_open_connect)
{
	int fd = tcp_socket(), one = 1;

	set_here(fd, IPPROTO_TCP, FASTOPEN_CONNECT, &one, sizeof(one));
	expect(fd, "has TCP_FASTOPEN_CONNECT, which can't be saved yet: have it taken off");
}

REFUSE(repair)
{
	int fd = tcp_socket();

	set_tcp_option(fd, TCP_REPAIR, 1);
	expect(fd, "is under repair (TCP_REPAIR): have that ended");
	set_tcp_option(fd, TCP_REPAIR, 0);
}

/* Its keys are charged to the account that tells whether a device has something still. */
REFUSE(zero_copy_with_key)
{
	struct pollfd p = { .events = 0 };
	struct sockaddr_storage addr;
	int at = tcp_socket(), fd = tcp_socket(), end, one = 1;
	struct {
		struct sockaddr_storage addr;
		uint8_t flags, prefix;
		uint16_t len;
		int device;
		uint8_t key[80];
	} md5 = { .len = 3, .key = "key" };
	struct sockaddr_in *nobody = (void *)&md5.addr;
	socklen_t len;

	lo_up();
	len = address(&addr, 0);
	CHECK_SYS(bind(at, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(at, 1));
	len = address(&addr, port_of(at, false));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	end = CHECK_SYS(accept(at, NULL, NULL));
	set_here(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
	CHECK_EQ(4, send(fd, "lent", 4, MSG_ZEROCOPY | MSG_NOSIGNAL));
	expect_text(end, "lent");
	/* Until it is told that the bytes are its own again. */
	p.fd = fd;
	CHECK_EQ(1, poll(&p, 1, -1));
	/* Of another end, with which there is no connection. */
	nobody->sin_family = AF_INET;
	nobody->sin_addr.s_addr = htonl(0x0a000001);
	set_here(fd, IPPROTO_TCP, MD5SIG, &md5, sizeof(md5));
	/* Another line would be about the other end. */
	CHECK_SYS(close(end));
	CHECK_SYS(close(at));
	expect(fd, "has sent with MSG_ZEROCOPY, and has keys, options of IP, flow labels or what "
	       "programs of BPF keep: whether all was told is not known: have it closed");
}

/* Of a connection that is made anew they would have to be agreed upon. */
REFUSE(ip_options_of_tcp)
{
	static const unsigned char nothing[4] = { 1, 1, 1, 1 };
	int fd = tcp_socket();

	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, nothing, sizeof(nothing)));
	expect(fd, "has IP options that can't be saved (IP_OPTIONS of TCP, CIPSO): have them removed");
}

REFUSE(source_address_of_tcp)
{
	struct in6_pktinfo info = { .ipi6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = CHECK_HERE(socket(AF_INET6, SOCK_STREAM, 0));

	lo_up();
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info)));
	expect(fd, "has extension headers or a source address for all it sends that can't be saved "
	       "(IPV6_HOPOPTS, IPV6_PKTINFO and others of TCP): have them removed");
}

/* It belongs to the socket, and nobody else in the namespace may have it. */
REFUSE(flow_label)
{
	struct flow_label label = { .dst = IN6ADDR_LOOPBACK_INIT, .share = 1, .flags = 1 };
	int fd = CHECK_HERE(socket(AF_INET6, SOCK_DGRAM, 0));

	set_here(fd, IPPROTO_IPV6, FLOWLABEL_MGR, &label, sizeof(label));
	expect(fd, "has a flow label, or reflects those of others (IPV6_FLOWLABEL_MGR): have it given back");
}

REFUSE(router_alerts)
{
	int fd = CHECK_HERE(socket(AF_INET6, SOCK_RAW, IPPROTO_RAW)), which = 0;

	set_here(fd, IPPROTO_IPV6, ROUTER_ALERT, &which, sizeof(which));
	expect(fd, "is told of router alerts (IPV6_ROUTER_ALERT): have that switched off");
}

REFUSE(multicast_router)
{
	int fd = CHECK_HERE(socket(AF_INET, SOCK_RAW, IPPROTO_IGMP)), one = 1;

	set_here(fd, IPPROTO_IP, ROUTER_INIT, &one, sizeof(one));
	expect(fd, "is that of a multicast router (MRT_INIT, MRT6_INIT): have that ended");
}

#define ROUTER_TABLE	209	/* MRT_TABLE */

/* Before it is a router, and though it is none. */
REFUSE(multicast_table)
{
	int fd = CHECK_HERE(socket(AF_INET, SOCK_RAW, IPPROTO_IGMP)), table = 7;

	set_here(fd, IPPROTO_IP, ROUTER_TABLE, &table, sizeof(table));
	expect(fd, "has chosen a table of multicast routes (MRT_TABLE, MRT6_TABLE): have it closed");
}

REFUSE(tunnel)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0)), kind = ENCAP_L2TP;

	set_here(fd, IPPROTO_UDP, ENCAP, &kind, sizeof(kind));
	expect(fd, "is the end of a tunnel (UDP_ENCAP): have that taken down");
}

/* Only those of UDP are saved. */
REFUSE(part_of_raw_datagram)
{
	int fd = CHECK_SYS(socket(AF_INET, SOCK_RAW, 253));
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);

	lo_up();
	CHECK_EQ(4, sendto(fd, "part", 4, MSG_MORE, (struct sockaddr *)&addr, len));
	expect(fd, "has part of a datagram to send (MSG_MORE): have it send all");
}

static const char program[] =
	"a program of BPF is attached to it, or to those with its port: have it detached";

/* A classic program that tells which of those with a port gets a datagram. */
REFUSE(program_of_port)
{
	struct sock_filter first = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &first };
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));

	lo_up();
	set_option(fd, SO_REUSEPORT, 1);
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	expect(fd, "a classic program decides which of those with its port gets what comes "
	       "(SO_ATTACH_REUSEPORT_CBPF): have it detached");
}

/* A filter of eBPF, whose descriptor was closed. */
REFUSE(program_as_filter)
{
	static const struct bpf_insn all[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)all,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};
	int fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0)), prog;

	prog = CHECK_HERE(syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)));
	CHECK_SYS(close(prog));
	expect(fd, program);
}

/* A datagram that was too long has left a message about how long it may be. */
REFUSE(path_mtu)
{
	static char large[65500];
	struct sockaddr_storage addr;
	char control[256], c;
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	int fd, on = 1;
	socklen_t len;

	lo_up();
	where = V6;
	len = address(&addr, 9);
	fd = CHECK_HERE(socket(AF_INET6, SOCK_DGRAM, 0));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPATHMTU, &on, sizeof(on)));
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof(on)));
	CHECK(send(fd, large, sizeof(large), 0) == -1 && errno == EMSGSIZE, "it was sent");
	expect(fd, "has a message about the path MTU (IPV6_RECVPATHMTU): have it read");
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	CHECK_EQ(0, recvmsg(fd, &msg, MSG_DONTWAIT));
	CHECK(CMSG_FIRSTHDR(&msg) && CMSG_FIRSTHDR(&msg)->cmsg_type == IPV6_PATHMTU,
	      "it does not tell that");
}

TEST_HARNESS_MAIN
