// SPDX-License-Identifier: GPL-2.0
/*
 * Tun and tap devices in a network namespace of the tasks' own, and the files that are their
 * queues: what all ioctls set, queues that were detached, packets that wait to be read, filters,
 * devices without files, and files without a device.
 */
#include "tun.h"

#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>

#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (access("/dev/net/tun", R_OK | W_OK))			\
		SKIP(return, "no /dev/net/tun");			\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

/* Protocols that nobody speaks. */
#define PROTOCOL	0x88b5
#define OTHER		0x88b6

/* An int that the ioctl @request tells. */
static int told(int fd, unsigned long request)
{
	int value = -1;

	CHECK_SYS(ioctl(fd, request, &value));
	return value;
}

static void set(int fd, unsigned long request, int value)
{
	CHECK_SYS(ioctl(fd, request, &value));
}

static bool is_on(const char *name)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	CHECK_SYS(of_device(name, SIOCGIFFLAGS, &ifr));
	return ifr.ifr_flags & IFF_UP;
}

static int carrier_of(const char *name)
{
	const struct rtattr *attr;
	struct rt rt;

	attr = rt_attribute(&rt, name, IFLA_CARRIER);
	CHECK(attr, "nothing tells of its carrier");
	return *(const uint8_t *)RTA_DATA(attr);
}

/* Reads the next frame or packet. */
static size_t next(int fd, unsigned char *buf, size_t size)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	CHECK_SYS(poll(&ready, 1, -1));
	return CHECK_SYS(read(fd, buf, size));
}

static int packet_socket(const char *name, int type, int protocol)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(protocol),
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = CHECK_SYS(socket(AF_PACKET, type | SOCK_CLOEXEC, htons(protocol)));

	CHECK_SYS(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
	return fd;
}

/* Sends a frame of @protocol over a tap device: who has it open gets it. */
static void send_over(const char *name, int protocol, const char *text)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_halen = 6,
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = packet_socket(name, SOCK_DGRAM, protocol);

	memset(ll.sll_addr, 0xff, 6);
	CHECK_EQ((ssize_t)strlen(text),
		 sendto(fd, text, strlen(text), 0, (struct sockaddr *)&ll, sizeof(ll)));
	CHECK_SYS(close(fd));
}

/* Reads on until a frame of @protocol comes, whose text that is; @skip bytes come before it. */
static void arrives(int fd, size_t skip, int protocol, const char *text)
{
	unsigned char frame[2048];
	size_t n;

	do {
		n = next(fd, frame, sizeof(frame));
		CHECK(n >= skip + 14, "a frame of %zu bytes", n);
	} while (frame[skip + 12] << 8 != (protocol & 0xff00) ||
		 frame[skip + 13] != (protocol & 0xff));
	CHECK(!memcmp(frame + skip + 14, text, strlen(text)), "another frame than \"%s\"", text);
}

/* What is written to a tap device arrives there. */
static void comes_in(int fd, size_t skip, const char *name)
{
	unsigned char frame[64 + 60] = { 0 };
	int in = packet_socket(name, SOCK_DGRAM, PROTOCOL);
	char text[64];

	memset(frame + skip, 0xff, 6);
	frame[skip + 6] = 2;
	frame[skip + 12] = PROTOCOL >> 8;
	frame[skip + 13] = PROTOCOL & 0xff;
	memcpy(frame + skip + 14, "ping", 4);
	CHECK_EQ((ssize_t)skip + 60, write(fd, frame, skip + 60));
	CHECK(recv(in, text, sizeof(text), 0) >= 4 && !memcmp(text, "ping", 4), "another frame");
	CHECK_SYS(close(in));
}

/* ---- one device, one file ----------------------------------------------- */

/* All that is set of a tap device. */
CKPT_CYCLE(tap, OWN)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_ONE_QUEUE);
	struct ifreq mac = { .ifr_hwaddr.sa_family = ARPHRD_ETHER }, now;
	int index = if_nametoindex("t0");
	char name[IFNAMSIZ];
	struct rt rt;

	memcpy(mac.ifr_hwaddr.sa_data, "\2\0\0\0\1\7", 6);
	CHECK_SYS(ioctl(fd, SIOCSIFHWADDR, &mac));
	CHECK_SYS(ioctl(fd, TUNSETOWNER, 1000));
	CHECK_SYS(ioctl(fd, TUNSETGROUP, 1001));
	CHECK_SYS(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4));
	CHECK_SYS(ioctl(fd, TUNSETDEBUG, 0));
	set(fd, TUNSETSNDBUF, 54321);
	set(fd, TUNSETVNETHDRSZ, 12);
	set(fd, TUNSETVNETLE, 1);
	rt_change(&rt, RTM_SETLINK, "t0");
	rt_add_u32(&rt, IFLA_MTU, 1400);
	rt_add_u32(&rt, IFLA_TXQLEN, 77);
	CHECK_SYS(rt_ask(&rt));
	rt_address("t0", "10.1.2.3", 24);
	rt_switch("t0", true);
	ckpt_ready_wait();
	CHECK_EQ(index, if_nametoindex("t0"));
	CHECK_EQ(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_ONE_QUEUE | IFF_NOFILTER,
		 tun_flags(fd, name));
	CHECK_STREQ("t0", name);
	CHECK_EQ(54321, told(fd, TUNGETSNDBUF));
	CHECK_EQ(12, told(fd, TUNGETVNETHDRSZ));
	CHECK_EQ(1, told(fd, TUNGETVNETLE));
	CHECK_EQ(1000u, rt_detail("t0", IFLA_INFO_DATA, IFLA_TUN_OWNER, 4));
	CHECK_EQ(1001u, rt_detail("t0", IFLA_INFO_DATA, IFLA_TUN_GROUP, 4));
	CHECK_EQ(1400u, rt_number("t0", IFLA_MTU));
	CHECK_EQ(77u, rt_number("t0", IFLA_TXQLEN));
	CHECK_SYS(ioctl(fd, SIOCGIFHWADDR, &now));
	CHECK(!memcmp(mac.ifr_hwaddr.sa_data, now.ifr_hwaddr.sa_data, 6), "another address");
	CHECK(is_on("t0"), "it is off");
	CHECK_EQ(index, rt_way("10.1.2.9", 0));
	send_over("t0", PROTOCOL, "pong");
	arrives(fd, 12, PROTOCOL, "pong");
	comes_in(fd, 12, "t0");
	CHECK_EQ(-1, tun_try(fd, "t1", IFF_TAP));
	CHECK_EQ(EEXIST, errno);
	/* It is not persistent: it goes with its file. */
	CHECK_SYS(close(fd));
	CHECK_EQ(0, if_nametoindex("t0"));
}

/* The type of a link, and a carrier that was taken away. */
CKPT_CYCLE(link_type, OWN)
{
	int fd = tun_attach("t0", IFF_TUN);
	struct ifreq ifr = { .ifr_flags = 0 };
	char name[IFNAMSIZ];

	CHECK_SYS(ioctl(fd, TUNSETLINK, ARPHRD_PPP));
	set(fd, TUNSETCARRIER, 0);
	ckpt_ready_wait();
	CHECK_EQ(IFF_TUN, tun_flags(fd, name) & (IFF_TUN | IFF_TAP | IFF_VNET_HDR));
	CHECK_SYS(of_device("t0", SIOCGIFHWADDR, &ifr));
	CHECK_EQ(ARPHRD_PPP, ifr.ifr_hwaddr.sa_family);
	rt_switch("t0", true);
	CHECK_EQ(0, carrier_of("t0"));
	set(fd, TUNSETCARRIER, 1);
	CHECK_EQ(1, carrier_of("t0"));
}

/* Packets that wait to be read, in their order. */
CKPT_CYCLE(packets, OWN)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(7777),
		.sin_addr.s_addr = htonl(0x0a010209),
	};
	int fd = tun_attach("t0", IFF_TUN | IFF_NO_PI), sk, i;
	unsigned char packet[4096];
	struct rt rt;

	rt_change(&rt, RTM_SETLINK, "t0");
	rt_add_u32(&rt, IFLA_MTU, 3000);
	CHECK_SYS(rt_ask(&rt));
	rt_address("t0", "10.1.2.3", 24);
	rt_switch("t0", true);
	sk = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	for (i = 0; i < 5; i++) {
		char text[2048];
		size_t len = 1 + 500 * i;

		memset(text, 'a' + i, len);
		CHECK_EQ((ssize_t)len, sendto(sk, text, len, 0, (struct sockaddr *)&to, sizeof(to)));
	}
	ckpt_ready_wait();
	for (i = 0; i < 5;) {
		const struct iphdr *ip = (const struct iphdr *)packet;
		size_t head = sizeof(*ip) + sizeof(struct udphdr), len = 1 + 500 * i;
		size_t n = next(fd, packet, sizeof(packet));

		/* What IPv6 tells its neighbours comes in between. */
		if (ip->version != 4)
			continue;
		CHECK_EQ(head + len, n);
		CHECK_EQ(IPPROTO_UDP, ip->protocol);
		CHECK_EQ('a' + i, packet[head]);
		CHECK_EQ('a' + i, packet[head + len - 1]);
		i++;
	}
	CHECK_EQ(5, sendto(sk, "again", 5, 0, (struct sockaddr *)&to, sizeof(to)));
	do
		next(fd, packet, sizeof(packet));
	while (packet[0] >> 4 != 4);
	CHECK(!memcmp(packet + sizeof(struct iphdr) + sizeof(struct udphdr), "again", 5),
	      "another packet");
}

/* Sends as many frames as there is room for. */
static int fill(unsigned int flags)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI | flags), ipv6, i;
	char text[] = "frame 0";
	struct rt rt;

	/* So that the kernel sends none by itself. */
	ipv6 = open("/proc/sys/net/ipv6/conf/t0/disable_ipv6", O_WRONLY | O_CLOEXEC);
	if (ipv6 >= 0) {
		CHECK_EQ(1, write(ipv6, "1", 1));
		CHECK_SYS(close(ipv6));
	}
	rt_change(&rt, RTM_SETLINK, "t0");
	rt_add_u32(&rt, IFLA_TXQLEN, 5);
	CHECK_SYS(rt_ask(&rt));
	rt_switch("t0", true);
	for (i = 0; i < 5; i++) {
		text[6] = '0' + i;
		send_over("t0", PROTOCOL, text);
	}
	return fd;
}

/* They come in their order. */
static void drain(int fd)
{
	char text[] = "frame 0";
	int i;

	for (i = 0; i < 5; i++) {
		text[6] = '0' + i;
		arrives(fd, 0, PROTOCOL, text);
	}
}

/* A queue without room. */
CKPT_CYCLE(full, OWN)
{
	int fd = fill(0);

	ckpt_ready_wait();
	drain(fd);
	send_over("t0", PROTOCOL, "one more");
	arrives(fd, 0, PROTOCOL, "one more");
}

/* One that stops its device until it is read from: what is sent meanwhile waits. */
CKPT_CYCLE(stopped, OWN)
{
	int fd = fill(IFF_BACKPRESSURE);

	ckpt_ready_wait();
	send_over("t0", PROTOCOL, "waits");
	drain(fd);
	arrives(fd, 0, PROTOCOL, "waits");
}

/* A packet without its checksum, as its header tells. */
CKPT_CYCLE(packet_header, OWN)
{
	struct virtio_net_hdr hdr;
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(7777),
		.sin_addr.s_addr = htonl(0x0a010209),
	};
	int fd = tun_attach("t0", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR), sk;
	unsigned char packet[4096];

	CHECK_SYS(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM));
	set(fd, TUNSETVNETLE, 1);
	rt_address("t0", "10.1.2.3", 24);
	rt_switch("t0", true);
	sk = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	CHECK_EQ(5, sendto(sk, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)));
	ckpt_ready_wait();
	do
		next(fd, packet, sizeof(packet));
	while (packet[sizeof(hdr)] >> 4 != 4);
	memcpy(&hdr, packet, sizeof(hdr));
	CHECK_EQ(VIRTIO_NET_HDR_F_NEEDS_CSUM, hdr.flags);
	CHECK_EQ(VIRTIO_NET_HDR_GSO_NONE, hdr.gso_type);
	CHECK_EQ(20, hdr.csum_start);
	CHECK_EQ(6, hdr.csum_offset);
}

/* A filter of the device, and one of a queue. */
CKPT_CYCLE(filters, OWN)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROTOCOL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog fprog = { .len = 4, .filter = steps }, now = { 0 };
	struct { struct tun_filter head; unsigned char addr[1][6]; } addresses = {
		.head.count = 1, .addr = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	};
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);
	unsigned char frame[2048];
	size_t n;

	CHECK_SYS(ioctl(fd, TUNATTACHFILTER, &fprog));
	CHECK_EQ(1, ioctl(fd, TUNSETTXFILTER, &addresses));
	rt_switch("t0", true);
	ckpt_ready_wait();
	CHECK_SYS(ioctl(fd, TUNGETFILTER, &now));
	CHECK_EQ(4, now.len);
	CHECK(now.filter == steps, "it was elsewhere");
	send_over("t0", OTHER, "stopped");
	send_over("t0", PROTOCOL, "passes");
	n = next(fd, frame, sizeof(frame));
	CHECK(n >= 20 && !memcmp(frame + 14, "passes", 6), "the filter is not there");
	CHECK_SYS(ioctl(fd, TUNDETACHFILTER, &fprog));
	send_over("t0", OTHER, "passes now");
	arrives(fd, 0, OTHER, "passes now");
}

/* Packets go by way of NAPI, which takes them a moment later. */
CKPT_CYCLE(napi, OWN)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI | IFF_NAPI | IFF_NAPI_FRAGS);
	char name[IFNAMSIZ];

	rt_switch("t0", true);
	comes_in(fd, 0, "t0");
	ckpt_ready_wait();
	CHECK_EQ(IFF_NAPI | IFF_NAPI_FRAGS, tun_flags(fd, name) & (IFF_NAPI | IFF_NAPI_FRAGS));
	comes_in(fd, 0, "t0");
}

/* Signals tell that there is something to read. */
CKPT_CYCLE(signals, OWN)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);
	siginfo_t info;
	sigset_t io;

	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &io, NULL));
	rt_switch("t0", true);
	CHECK_SYS(fcntl(fd, F_SETOWN, getpid()));
	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC));
	ckpt_ready_wait();
	CHECK_EQ(O_RDWR | O_NONBLOCK | O_ASYNC,
		 fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_ASYNC));
	send_over("t0", PROTOCOL, "pong");
	CHECK_EQ(SIGIO, CHECK_SYS(sigwaitinfo(&io, &info)));
	arrives(fd, 0, PROTOCOL, "pong");
}

/* Signals that go to nobody: the driver takes who asks for them where nobody was chosen. */
CKPT_CYCLE(signals_of_nobody, OWN)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);

	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC));
	CHECK_SYS(fcntl(fd, F_SETOWN, 0));
	rt_switch("t0", true);
	ckpt_ready_wait();
	CHECK(fcntl(fd, F_GETFL) & O_ASYNC, "no signals");
	CHECK_EQ(0, fcntl(fd, F_GETOWN));
	/* It would end this process. */
	send_over("t0", PROTOCOL, "pong");
	arrives(fd, 0, PROTOCOL, "pong");
}

/* What stands on it: a bridge, and an address of IPv6 if there is that. */
CKPT_CYCLE(port, OWN)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);
	struct rt rt;

	rt_end(&rt, rt_device(&rt, "br0", 50, "bridge"));
	if (rt_ask(&rt)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		ckpt_not_here();
	}
	rt_change(&rt, RTM_SETLINK, "t0");
	rt_add_u32(&rt, IFLA_MASTER, 50);
	CHECK_SYS(rt_ask(&rt));
	rt_switch("br0", true);
	rt_switch("t0", true);
	rt_address("br0", "10.1.2.3", 24);
	ckpt_ready_wait();
	CHECK_EQ(50u, rt_number("t0", IFLA_MASTER));
	CHECK_EQ(50, rt_way("10.1.2.9", 0));
	send_over("t0", PROTOCOL, "pong");
	arrives(fd, 0, PROTOCOL, "pong");
}

/* ---- several files, or none --------------------------------------------- */

/* Queues, of which one was detached, and can be attached again. */
CKPT_CYCLE(queues, OWN)
{
	struct ifreq change = { .ifr_flags = IFF_DETACH_QUEUE };
	unsigned int flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
	char name[IFNAMSIZ];
	int fds[4], i;

	for (i = 0; i < 4; i++)
		fds[i] = tun_attach("t0", flags | (i == 2 ? IFF_NAPI : 0));
	CHECK_SYS(ioctl(fds[1], TUNSETQUEUE, &change));
	rt_switch("t0", true);
	ckpt_ready_wait();
	for (i = 0; i < 4; i++)
		CHECK_EQ(i == 1 ? IFF_DETACH_QUEUE : 0, tun_flags(fds[i], name) & IFF_DETACH_QUEUE);
	CHECK_EQ(3u, rt_detail("t0", IFLA_INFO_DATA, IFLA_TUN_NUM_QUEUES, 4));
	CHECK_EQ(1u, rt_detail("t0", IFLA_INFO_DATA, IFLA_TUN_NUM_DISABLED_QUEUES, 4));
	change.ifr_flags = IFF_ATTACH_QUEUE;
	CHECK_SYS(ioctl(fds[1], TUNSETQUEUE, &change));
	CHECK_EQ(4u, rt_detail("t0", IFLA_INFO_DATA, IFLA_TUN_NUM_QUEUES, 4));
	for (i = 0; i < 4; i++)
		comes_in(fds[i], 0, "t0");
	for (i = 0; i < 4; i++)
		CHECK_SYS(close(fds[i]));
	CHECK_EQ(0, if_nametoindex("t0"));
}

/* A persistent device that nobody has open. */
CKPT_CYCLE(persistent, OWN)
{
	int fd = tun_attach("t0", IFF_TUN | IFF_NO_PI), index = if_nametoindex("t0");
	char name[IFNAMSIZ];

	CHECK_SYS(ioctl(fd, TUNSETPERSIST, 1));
	CHECK_SYS(ioctl(fd, TUNSETOWNER, 1000));
	CHECK_SYS(close(fd));
	rt_address("t0", "10.1.2.3", 24);
	rt_switch("t0", true);
	ckpt_ready_wait();
	CHECK_EQ(index, if_nametoindex("t0"));
	CHECK(is_on("t0"), "it is off");
	CHECK_EQ(0, carrier_of("t0"));
	CHECK_EQ(0x0a010203u, address_of("t0"));
	CHECK_EQ(1000u, rt_detail("t0", IFLA_INFO_DATA, IFLA_TUN_OWNER, 4));
	fd = tun_attach("t0", IFF_TUN | IFF_NO_PI);
	CHECK_EQ(IFF_TUN | IFF_PERSIST, tun_flags(fd, name) & (IFF_TUN | IFF_TAP | IFF_PERSIST));
	CHECK_EQ(1, carrier_of("t0"));
	CHECK_SYS(ioctl(fd, TUNSETPERSIST, 0));
	CHECK_SYS(close(fd));
	CHECK_EQ(0, if_nametoindex("t0"));
}

/* A persistent device that is open. */
CKPT_CYCLE(persistent_open, OWN)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);
	char name[IFNAMSIZ];

	CHECK_SYS(ioctl(fd, TUNSETPERSIST, 1));
	rt_switch("t0", true);
	ckpt_ready_wait();
	CHECK_EQ(IFF_PERSIST, tun_flags(fd, name) & IFF_PERSIST);
	comes_in(fd, 0, "t0");
	CHECK_SYS(close(fd));
	CHECK(if_nametoindex("t0") != 0, "it is gone");
}

/* A file of which two tasks have a descriptor. */
static int uses_queue(void *arg)
{
	int fd = *(int *)arg;

	ckpt_step(0);
	ckpt_wait_go();
	comes_in(fd, 0, "t0");
	return 0;
}

CKPT_CYCLE(shared, OWN)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);
	pid_t child;

	rt_switch("t0", true);
	child = ckpt_fork(uses_queue, &fd);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(child, 0);
	comes_in(fd, 0, "t0");
}

/* A file that is attached to nothing. */
CKPT_CYCLE(unattached)
{
	int fd = CHECK_SYS(tun_open());
	struct ifreq ifr;

	ckpt_ready_wait();
	CHECK_EQ(-1, ioctl(fd, TUNGETIFF, &ifr));
	CHECK_EQ(EBADFD, errno);
	CHECK_EQ(O_RDWR | O_NONBLOCK, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
}

/* One that has chosen the number of its device. */
CKPT_CYCLE(number, OWN)
{
	int fd = CHECK_SYS(tun_open());

	set(fd, TUNSETIFINDEX, 77);
	ckpt_ready_wait();
	CHECK_SYS(tun_try(fd, "t0", IFF_TAP | IFF_NO_PI));
	CHECK_EQ(77u, if_nametoindex("t0"));
	rt_switch("t0", true);
	comes_in(fd, 0, "t0");
}

/* One whose device was deleted. */
CKPT_CYCLE(deleted, OWN)
{
	int fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);
	struct ifreq ifr;
	struct rt rt;

	set(fd, TUNSETSNDBUF, 54321);
	rt_change(&rt, RTM_DELLINK, "t0");
	CHECK_SYS(rt_ask(&rt));
	ckpt_ready_wait();
	CHECK_EQ(-1, ioctl(fd, TUNGETIFF, &ifr));
	CHECK_EQ(EBADFD, errno);
	set(fd, TUNSETIFINDEX, 0);
	CHECK_SYS(tun_try(fd, "t0", IFF_TAP | IFF_NO_PI));
	CHECK_EQ(54321, told(fd, TUNGETSNDBUF));
	rt_switch("t0", true);
	comes_in(fd, 0, "t0");
}

/* One whose device is deleted later, and which had chosen no number: its next one gets any. */
CKPT_CYCLE(deleted_later, OWN)
{
	int fd = CHECK_SYS(tun_open());
	struct rt rt;

	set(fd, TUNSETIFINDEX, 0x50000);
	CHECK_SYS(tun_try(fd, "t0", IFF_TAP | IFF_NO_PI));
	CHECK_SYS(ioctl(fd, TUNSETPERSIST, 1));
	CHECK_SYS(close(fd));
	fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);
	ckpt_ready_wait();
	CHECK_EQ(0x50000u, if_nametoindex("t0"));
	rt_change(&rt, RTM_DELLINK, "t0");
	CHECK_SYS(rt_ask(&rt));
	CHECK_SYS(tun_try(fd, "t1", IFF_TAP | IFF_NO_PI));
	CHECK(if_nametoindex("t1") < 0x10000, "number %u", if_nametoindex("t1"));
}

TEST_HARNESS_MAIN
