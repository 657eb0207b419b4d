// SPDX-License-Identifier: GPL-2.0
/* Sockets that can't be saved, by family, protocol and what they have: each by its own name. */
#include "generic.h"
#include "refuse.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>

REFUSE_FIXTURE

#define DEVLINK_FILTER_SET	84	/* DEVLINK_CMD_NOTIFY_FILTER_SET */

#define YET	" can't be saved yet"

#ifndef SOL_PACKET
#define SOL_PACKET	263
#endif

/* Those that the kernel has. */
static void each(const int (*numbers)[3], const char *const *names, int count)
{
	int fd[32], i, n = 0;

	for (i = 0; i < count; i++) {
		fd[n] = socket(numbers[i][0], numbers[i][1], numbers[i][2]);
		if (fd[n] < 0)
			continue;
		expect_refusal(getpid(), UNSUPPORTED, "descriptor %d (*): %s" YET, fd[n++], names[i]);
	}
	if (!n)
		not_here();
	ckpt_ready_wait();
	while (n--)
		CHECK_SYS(fcntl(fd[n], F_GETFD));
}

REFUSE(netlink_protocols)
{
	static const int numbers[][3] = {
		{ AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER },
		{ AF_NETLINK, SOCK_RAW, NETLINK_AUDIT },
		{ AF_NETLINK, SOCK_RAW, NETLINK_CONNECTOR },
		{ AF_NETLINK, SOCK_RAW, NETLINK_RDMA },
	};
	static const char *const names[] = {
		"a netlink socket of netfilter",
		"a netlink socket of the audit system",
		"a netlink socket of the connector",
		"a netlink socket of another protocol",
	};

	each(numbers, names, ARRAY_SIZE(numbers));
}

/* A family may keep something for the port of who has asked it. */
REFUSE(asked_others)
{
	static const char *const names[] = {
		"TASKSTATS", "NLBL_MGMT", "NET_DM", "nl80211", "thermal", "psample", "acpi_event",
	};
	int fd = generic_socket(), id = 0;
	char what[160] = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names) && !id; i++) {
		id = generic_id(names[i], NULL);
		snprintf(what, sizeof(what), "has asked %s, a family of generic netlink that may "
			 "keep something for it: have it closed", names[i]);
	}
	if (!id)
		not_here();
	generic_ask(fd, id, 255, 0, 0, NULL, 0);
	EXPECT_FD(fd, "*", what);
	ckpt_ready_wait();
	generic_ask(fd, id, 255, 0, 0, NULL, 0);
}

/* It notes no more than four: the one that tells of others does not count. */
REFUSE(asked_many)
{
	int fd = generic_socket(), id;

	for (id = GENL_ID_CTRL; id < GENL_ID_CTRL + 64; id++)
		generic_ask(fd, id, 255, 0, 0, NULL, 0);
	EXPECT_FD(fd, "*", "has asked too many families of generic netlink: have it closed");
	ckpt_ready_wait();
	generic_ask(fd, GENL_ID_CTRL, 255, 0, 0, NULL, 0);
}

/* A filter of what is told is kept for the socket. */
REFUSE(asked_devlink)
{
	int fd = generic_socket(), id = generic_id("devlink", NULL);
	struct generic answer;

	if (!id)
		not_here();
	generic_ask(fd, id, DEVLINK_FILTER_SET, NLM_F_ACK, 0, NULL, 0);
	CHECK_EQ(0, generic_answer(fd, &answer));
	EXPECT_FD(fd, "*", "a family of generic netlink keeps something for it: have it closed");
	ckpt_ready_wait();
	generic_ask(fd, id, DEVLINK_FILTER_SET, 0, 0, NULL, 0);
}

REFUSE(families)
{
	static const int numbers[][3] = {
		{ AF_INET, SOCK_STREAM, 132 },
		{ AF_INET, SOCK_STREAM, 256 },
		{ 43, SOCK_STREAM, 0 },
		{ 15, SOCK_RAW, 2 },
		{ 21, SOCK_SEQPACKET, 0 },
		{ 26, SOCK_STREAM, 0 },
		{ 29, SOCK_RAW, 1 },
		{ 30, SOCK_RDM, 0 },
		{ 31, SOCK_RAW, 1 },
		{ 33, SOCK_DGRAM, AF_INET },
		{ 38, SOCK_SEQPACKET, 0 },
		{ 40, SOCK_STREAM, 0 },
		{ 41, SOCK_DGRAM, 0 },
		{ 42, SOCK_DGRAM, 0 },
		{ 44, SOCK_RAW, 0 },
		{ 45, SOCK_DGRAM, 0 },
	};
	static const char *const names[] = {
		"an SCTP socket", "an SMC socket", "an SMC socket", "a key management socket",
		"an RDS socket", "an LLC socket", "a CAN socket", "a TIPC socket",
		"a Bluetooth socket", "an RxRPC socket", "a crypto socket", "a vsock socket",
		"a KCM socket", "a QRTR socket", "an XDP socket", "an MCTP socket",
	};

	each(numbers, names, ARRAY_SIZE(numbers));
}

/* An upper layer that encrypts: the kernel has its keys, and how many records there were. */
REFUSE(kernel_tls)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int at = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	int fd = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0)), other;
	socklen_t len = sizeof(addr);
	char c = 0;

	CHECK_SYS(bind(at, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(listen(at, 1));
	CHECK_SYS(getsockname(at, (struct sockaddr *)&addr, &len));
	/* The loopback device may be down, as the kernel may have no TLS. */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    setsockopt(fd, IPPROTO_TCP, 31 /* TCP_ULP */, "tls", sizeof("tls")))
		not_here();
	/* The other end is gone. */
	other = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(other));
	EXPECT_FD(fd, "*", "an upper layer has taken it over (kTLS, PSP, espintcp or SMC): have it closed");
	ckpt_ready_wait();
	CHECK_EQ(0, read(fd, &c, 1));
}

/* A message that is larger than what an image has of one. */
REFUSE(long_message)
{
	static char large[(15 << 20) + 1];
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	int from = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK));
	int to = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK)), room = 32 << 20;
	socklen_t len = sizeof(addr);

	CHECK_SYS(bind(from, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(bind(to, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(getsockname(to, (struct sockaddr *)&addr, &len));
	CHECK_SYS(setsockopt(from, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)));
	CHECK_SYS(setsockopt(to, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)));
	memset(large, 'x', sizeof(large));
	CHECK_EQ((long)sizeof(large), sendto(from, large, sizeof(large), 0,
					     (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_FD(to, "*", "a message in it is too long: have it read");
	ckpt_ready_wait();
	memset(large, 0, sizeof(large));
	CHECK_EQ((long)sizeof(large), recv(to, large, sizeof(large), MSG_DONTWAIT));
	CHECK_EQ('x', large[sizeof(large) - 1]);
}

/* A map of BPF has it, whose programs could take what comes for it. */
REFUSE(in_sockmap)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_SOCKMAP,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};
	int map = CHECK_HERE(syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
	int pair[2], key = 0;
	char c = 0;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&pair[0];
	CHECK_SYS(syscall(__NR_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)));
	EXPECT_FD(pair[0], "*", "a program of BPF is attached to it, or to those with its port: have it "
		  "detached");
	/* The map itself can't be saved, either. */
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(1, send(pair[1], "x", 1, 0));
	CHECK_EQ(1, recv(pair[0], &c, 1, 0));
	CHECK_EQ('x', c);
}

REFUSE(packet_of_old)
{
	int fd = CHECK_HERE(socket(AF_PACKET, SOCK_PACKET, 0));

	EXPECT_FD(fd, "*", "a packet socket of type SOCK_PACKET" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* A packet socket with a ring of @blocks blocks of @size bytes, mapped as @flags say. */
static int ring(unsigned int size, unsigned int blocks, int flags, char **map)
{
	int fd = CHECK_HERE(socket(AF_PACKET, SOCK_RAW, 0));
	struct tpacket_req req = {
		.tp_block_size = size,
		.tp_block_nr = blocks,
		.tp_frame_size = getpagesize(),
		.tp_frame_nr = size / getpagesize() * blocks,
	};

	/* There may be too little memory for a large one. */
	if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req))) {
		CHECK_EQ(ENOMEM, errno);
		not_here();
	}
	if (flags) {
		*map = mmap(NULL, size * blocks, PROT_READ | PROT_WRITE, flags, fd, 0);
		CHECK(*map != MAP_FAILED, "mmap: %s", strerror(errno));
	}
	return fd;
}

REFUSE(packet_with_large_ring)
{
	int fd = ring(4 << 20, 65, 0, NULL);

	EXPECT_FD(fd, "*", "all rings together have more than 256 MiB (PACKET_RX_RING, "
		  "PACKET_TX_RING): have it make smaller ones");
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* Pages that it writes to are its own, and no longer those of the ring. */
REFUSE(private_ring)
{
	char *map;

	CHECK_SYS(close(ring(getpagesize(), 2, MAP_PRIVATE, &map)));
	expect_refusal(getpid(), UNSUPPORTED, "mapping *: memory of a driver: have it unmap that");
	ckpt_ready_wait();
	CHECK_EQ(0, *map);
}

REFUSE(pages_of_ring_taken)
{
	char *map;

	ring(getpagesize(), 2, MAP_SHARED, &map);
	if (madvise(map, getpagesize(), MADV_DONTNEED)) {
		CHECK_EQ(EINVAL, errno);
		not_here();
	}
	expect_refusal(getpid(), UNSUPPORTED, "mapping *: is longer than the ring of its packet "
		       "socket, or pages were taken out of it (madvise): have it unmap that");
	ckpt_ready_wait();
	CHECK_EQ(0, map[getpagesize()]);
}

/* The kernel maps a ring as a whole, and so does a restart for each part of one. */
REFUSE(ring_in_parts)
{
	size_t size = getpagesize();
	char *map;
	int i, fd = ring(size, 2, MAP_SHARED, &map);

	for (i = 0; i < 1024; i++) {
		map = mmap(NULL, 2 * size, PROT_READ, MAP_SHARED, fd, 0);
		CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
		/* No two of them are one mapping. */
		CHECK_SYS(munmap(map + size, size));
	}
	expect_refusal(getpid(), UNSUPPORTED, "mapping *: rings of packet sockets are mapped more "
		       "than 1024 times: have it unmap some");
	ckpt_ready_wait();
	CHECK_EQ(0, *map);
}

/* A program of the group decides who gets what comes. */
REFUSE(packet_shared_by_program)
{
	int fd = CHECK_HERE(socket(AF_PACKET, SOCK_RAW, 0));
	struct sockaddr_ll lo = {
		.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_protocol = htons(0x88b5),
	};
	struct ifreq ifr = { .ifr_name = "lo" };
	int group = (getpid() & 0xffff) | PACKET_FANOUT_CBPF << 16;

	/* Only what is bound to a device that is up can be in a group. */
	CHECK_SYS(ioctl(fd, SIOCGIFFLAGS, &ifr));
	ifr.ifr_flags |= IFF_UP;
	CHECK_SYS(ioctl(fd, SIOCSIFFLAGS, &ifr));
	CHECK_SYS(bind(fd, (struct sockaddr *)&lo, sizeof(lo)));
	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)));
	EXPECT_FD(fd, "*", "a program decides which socket of its group gets a packet "
		  "(PACKET_FANOUT)");
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

TEST_HARNESS_MAIN
