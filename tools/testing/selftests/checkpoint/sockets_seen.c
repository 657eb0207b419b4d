// SPDX-License-Identifier: GPL-2.0
/*
 * What sockets have noted of packets that came: the time of the last one (SIOCGSTAMP), and how a
 * TCP connection has come in (IP_PKTOPTIONS, IPV6_2292PKTOPTIONS); what TCP adapts and who has set
 * (TCP_WINDOW_CLAMP, TCP_QUICKACK). And what of that is lost: it is told, and refused to who is strict.
 */
#include "sockets_tcp.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <time.h>

CKPT_FIXTURE

#ifndef IP_PKTOPTIONS
#define IP_PKTOPTIONS	9
#endif
#ifndef IPV6_2292PKTOPTIONS
#define IPV6_2292PKTOPTIONS	6
#endif

static int two[2];

/* Two sockets of UDP, of which one sends to the other. */
static void udp_two(void)
{
	struct sockaddr_storage addr;
	socklen_t len;

	lo_up();
	len = address(&addr, 0);
	two[0] = CHECK_SYS(socket(addr.ss_family, SOCK_DGRAM, 0));
	two[1] = CHECK_SYS(socket(addr.ss_family, SOCK_DGRAM, 0));
	CHECK_SYS(bind(two[1], (struct sockaddr *)&addr, len));
	len = address(&addr, port_of(two[1], false));
	CHECK_SYS(connect(two[0], (struct sockaddr *)&addr, len));
}

/* The time of the last packet stays; that of the next is taken. */
CKPT_CYCLE(stamp)
{
	struct timespec was, is;

	udp_two();
	/* The first call has such times taken from now on. */
	CHECK(ioctl(two[1], SIOCGSTAMPNS, &was) == -1 && errno == ENOENT, "there is a time");
	send_text(two[0], "one");
	expect_text(two[1], "one");
	CHECK_SYS(ioctl(two[1], SIOCGSTAMPNS, &was));
	ckpt_ready_wait();
	CHECK_SYS(ioctl(two[1], SIOCGSTAMPNS, &is));
	CHECK_EQ(was.tv_sec, is.tv_sec);
	CHECK_EQ(was.tv_nsec, is.tv_nsec);
	send_text(two[0], "two");
	expect_text(two[1], "two");
	CHECK_SYS(ioctl(two[1], SIOCGSTAMPNS, &is));
	CHECK(is.tv_sec != was.tv_sec || is.tv_nsec != was.tv_nsec, "the time is that of another");
}

/* Nothing has come yet; something has, and no time was taken. */
CKPT_CYCLE(no_stamp)
{
	struct timespec is;

	udp_two();
	send_text(two[0], "one");
	expect_text(two[1], "one");
	ckpt_ready_wait();
	CHECK(ioctl(two[0], SIOCGSTAMPNS, &is) == -1 && errno == ENOENT, "there is a time");
	CHECK_SYS(ioctl(two[1], SIOCGSTAMPNS, &is));
}

CKPT_CYCLE(stamp_of_packets)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_LOOPBACK),
		.sll_ifindex = 1,
		.sll_halen = ETH_ALEN,
	};
	int fd = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_LOOPBACK)));
	struct timespec was, is;
	char buf[64];

	lo_up();
	CHECK_SYS(bind(fd, (struct sockaddr *)&to, sizeof(to)));
	CHECK(ioctl(fd, SIOCGSTAMPNS, &was) == -1 && errno == ENOENT, "there is a time");
	CHECK_EQ(6, sendto(fd, "packet", 6, 0, (struct sockaddr *)&to, sizeof(to)));
	CHECK(recv(fd, buf, sizeof(buf), 0) >= 6, "nothing has come");
	CHECK_SYS(ioctl(fd, SIOCGSTAMPNS, &was));
	ckpt_ready_wait();
	CHECK_SYS(ioctl(fd, SIOCGSTAMPNS, &is));
	CHECK_EQ(was.tv_sec, is.tv_sec);
	CHECK_EQ(was.tv_nsec, is.tv_nsec);
}

/* A connection, accepted. */
static void tcp_two(int tos)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int at;

	lo_up();
	at = listener(1);
	len = address(&addr, port_of(at, false));
	two[0] = tcp_socket();
	if (tos)
		CHECK_SYS(setsockopt(two[0], IPPROTO_IP, IP_TOS, &tos, sizeof(tos)));
	CHECK_SYS(connect(two[0], (struct sockaddr *)&addr, len));
	two[1] = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
}

static void same_options(int level, int name, const int *wanted, int count)
{
	/* Between what is told there may be some bytes that are not. */
	char was[512] = { 0 }, is[512] = { 0 };
	socklen_t was_len = sizeof(was), is_len = sizeof(is);
	int i, one = 1;

	for (i = 0; i < count; i++)
		CHECK_SYS(setsockopt(two[1], level, wanted[i], &one, sizeof(one)));
	CHECK_SYS(getsockopt(two[1], level, name, was, &was_len));
	CHECK(was_len > sizeof(struct cmsghdr), "nothing is told");
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(two[1], level, name, is, &is_len));
	CHECK_EQ(was_len, is_len);
	CHECK(!memcmp(was, is, was_len), "another way is told by which it came in");
}

CKPT_CYCLE(came_in)
{
	static const int wanted[] = { IP_PKTINFO, IP_RECVTTL, IP_RECVTOS };

	where = V4;
	tcp_two(0x10);
	same_options(IPPROTO_IP, IP_PKTOPTIONS, wanted, 3);
}

CKPT_CYCLE(came_in_v6)
{
	static const int wanted[] = { IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS };

	where = V6;
	tcp_two(0);
	same_options(IPPROTO_IPV6, IPV6_2292PKTOPTIONS, wanted, 3);
}

/* On a socket that is new, that listens, and on a connection. */
CKPT_CYCLE(adapted)
{
	int fresh, at;

	where = V4;
	tcp_two(0);
	fresh = tcp_socket();
	at = listener(1);
	set_tcp_option(fresh, TCP_WINDOW_CLAMP, 4096);
	set_tcp_option(at, TCP_WINDOW_CLAMP, 5000);
	set_tcp_option(two[1], TCP_WINDOW_CLAMP, 6000);
	set_tcp_option(fresh, TCP_QUICKACK, 0);
	set_tcp_option(two[1], TCP_QUICKACK, 0);
	ckpt_ready_wait();
	CHECK_EQ(4096, tcp_option(fresh, TCP_WINDOW_CLAMP));
	CHECK_EQ(5000, tcp_option(at, TCP_WINDOW_CLAMP));
	CHECK_EQ(6000, tcp_option(two[1], TCP_WINDOW_CLAMP));
	CHECK_EQ(0, tcp_option(fresh, TCP_QUICKACK));
	CHECK_EQ(0, tcp_option(two[1], TCP_QUICKACK));
	CHECK_EQ(1, tcp_option(at, TCP_QUICKACK));
}

/* ---- what is lost ---------------------------------------------------- */

CKPT_SCENARIO(with_syn)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int at;

	where = V4;
	lo_up();
	at = listener(1);
	set_tcp_option(at, TCP_SAVE_SYN, 1);
	len = address(&addr, port_of(at, false));
	two[0] = tcp_socket();
	CHECK_SYS(connect(two[0], (struct sockaddr *)&addr, len));
	two[1] = CHECK_SYS(accept(at, NULL, NULL));
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(cr, lost_syn, CKPT_TIMEOUT)
{
	static const char line[] = "what TCP_SAVED_SYN tells is lost: have it read";
	int image = ckpt_image_new();
	struct checkpoint_args args;
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &with_syn, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ckpt_run_args(&run, &args, image, CHECKPOINT_STRICT);
	EXPECT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	EXPECT_TRUE(ckpt_run_log_has(&run, line)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, ftruncate(image, 0));
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_TRUE(ckpt_run_log_has(&run, line)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
