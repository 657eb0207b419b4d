// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces of the tasks' own: the loopback device in its states, settings, names of
 * sockets, and what stands for the namespace.
 */
#include "net_devices.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

CKPT_FIXTURE

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

#define LOCALHOST	0x7f000001u

/* A datagram from one socket to another one over the loopback device. */
static void talk(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(LOCALHOST),
	};
	int to = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	int from = CHECK_SYS(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	socklen_t len = sizeof(addr);
	char text[8] = "";

	CHECK_SYS(bind(to, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(getsockname(to, (struct sockaddr *)&addr, &len));
	CHECK_EQ(4, sendto(from, "ping", 4, 0, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_EQ(4, recv(to, text, sizeof(text), 0));
	CHECK_STREQ("ping", text);
	CHECK_SYS(close(to));
	CHECK_SYS(close(from));
}

CKPT_CYCLE(never_on, OWN)
{
	CHECK(!lo_is_on(), "the loopback device is on");
	ckpt_ready_wait();
	CHECK(!lo_is_on(), "the loopback device is on");
	CHECK_EQ(0u, address_of("lo"));
	switch_lo(true);
	talk();
}

CKPT_CYCLE(on, OWN)
{
	switch_lo(true);
	talk();
	ckpt_ready_wait();
	CHECK(lo_is_on(), "the loopback device is off");
	CHECK_EQ(LOCALHOST, address_of("lo"));
	talk();
}

CKPT_CYCLE(off_again, OWN)
{
	switch_lo(true);
	switch_lo(false);
	ckpt_ready_wait();
	CHECK(!lo_is_on(), "the loopback device is on");
	CHECK_EQ(LOCALHOST, address_of("lo"));
	switch_lo(true);
	talk();
}

CKPT_CYCLE(mtu, OWN)
{
	struct ifreq ifr = { .ifr_mtu = 1500 };

	CHECK_SYS(of_device("lo", SIOCSIFMTU, &ifr));
	switch_lo(true);
	ckpt_ready_wait();
	ifr.ifr_mtu = 0;
	CHECK_SYS(of_device("lo", SIOCGIFMTU, &ifr));
	CHECK_EQ(1500, ifr.ifr_mtu);
	CHECK(lo_is_on(), "the loopback device is off");
	talk();
}

/* ---- settings -------------------------------------------------------- */

static const struct {
	const char *path, *text;
} settings[] = {
	/* What container managers set. */
	{ "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0" },
	{ "/proc/sys/net/ipv4/ping_group_range", "0\t100" },
	/* The former must not be in the latter. */
	{ "/proc/sys/net/ipv4/ip_local_port_range", "20000\t20999" },
	/* Sets that of each device, too, and that of one was set again. */
	{ "/proc/sys/net/ipv4/conf/all/forwarding", "1" },
	{ "/proc/sys/net/ipv4/conf/lo/forwarding", "0" },
	{ "/proc/sys/net/ipv4/ip_forward", "1" },
	/* Takes the addresses away. */
	{ "/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1" },
	{ "/proc/sys/net/core/somaxconn", "77" },
	{ "/proc/sys/net/unix/max_dgram_qlen", "33" },
};

#define SETTINGS	(sizeof(settings) / sizeof(settings[0]))

static bool is_there(unsigned int i)
{
	return !access(settings[i].path, F_OK);
}

static void check_settings(void)
{
	char text[64];
	unsigned int i;

	for (i = 0; i < SETTINGS; i++) {
		if (!is_there(i))
			continue;
		ckpt_read_file(settings[i].path, text, sizeof(text));
		text[strcspn(text, "\n")] = 0;
		CHECK(!strcmp(settings[i].text, text), "%s is %s", settings[i].path, text);
	}
}

CKPT_CYCLE(of_sysctl, OWN)
{
	unsigned int i;
	int fd;

	switch_lo(true);
	for (i = 0; i < SETTINGS; i++) {
		if (!is_there(i))
			continue;
		fd = CHECK_SYS(open(settings[i].path, O_WRONLY | O_CLOEXEC));
		CHECK_EQ((ssize_t)strlen(settings[i].text),
			 write(fd, settings[i].text, strlen(settings[i].text)));
		CHECK_SYS(close(fd));
	}
	check_settings();
	ckpt_ready_wait();
	check_settings();
}

/* ---- who is in it ----------------------------------------------------- */

static ino_t net_inode(int fd)
{
	struct stat st;

	if (fd < 0)
		CHECK_SYS(stat("/proc/self/ns/net", &st));
	else
		CHECK_SYS(fstat(fd, &st));
	return st.st_ino;
}

static int child(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	board->value[0] = net_inode(-1);
	CHECK(lo_is_on(), "the loopback device is off");
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	CHECK(!lo_is_on(), "what the parent does is not seen");
	return 0;
}

/* All tasks come back into the same, and a file shows that. */
CKPT_CYCLE(shared, OWN)
{
	int fd = CHECK_SYS(open("/proc/self/ns/net", O_RDONLY));
	pid_t pid;

	switch_lo(true);
	pid = ckpt_fork(child, NULL);
	ckpt_step_wait(0, 1);
	CHECK_EQ(net_inode(-1), net_inode(fd));
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK_EQ(net_inode(-1), (ino_t)board->value[0]);
	CHECK_EQ(net_inode(-1), net_inode(fd));
	switch_lo(false);
	ckpt_step(2);
	ckpt_wait_exit(pid, 0);
	CHECK_SYS(setns(fd, CLONE_NEWNET));
}

/* A subtree that has gone into one. */
CKPT_CYCLE(of_subtree, .flags = SC_SUBTREE)
{
	ino_t outer = net_inode(-1);

	CHECK_SYS(unshare(CLONE_NEWNET));
	switch_lo(true);
	ckpt_ready_wait();
	CHECK(net_inode(-1) != outer, "it is in that of the caller");
	CHECK(lo_is_on(), "the loopback device is off");
	talk();
}

static int in_another(void *arg)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(LOCALHOST), .sin_port = htons(4711),
	};
	int to, from;
	char c;

	CHECK_SYS(unshare(CLONE_NEWNET));
	switch_lo(true);
	give_address("lo:1", 0x0a010203);
	to = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_SYS(bind(to, (struct sockaddr *)&addr, sizeof(addr)));
	from = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_SYS(connect(from, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_EQ(1, write(from, "x", 1));
	ckpt_step(0);
	ckpt_wait_go();
	board->value[0] = net_inode(-1);
	CHECK_EQ(1, read(to, &c, 1));
	CHECK_EQ('x', c);
	CHECK_EQ(1, write(from, "y", 1));
	CHECK_EQ(1, read(to, &c, 1));
	CHECK_EQ('y', c);
	CHECK_EQ(0x0a010203u, address_of("lo:1"));
	ckpt_step(1);
	return 0;
}

/* A task of the tree is in one of its own, with sockets that have the port of others. */
static void two(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(LOCALHOST), .sin_port = htons(4711),
	};
	pid_t pid = ckpt_fork(in_another, NULL);
	int to;

	ckpt_step_wait(0, 1);
	switch_lo(true);
	to = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_SYS(bind(to, (struct sockaddr *)&addr, sizeof(addr)));
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK(net_inode(-1) != (ino_t)board->value[0], "both are in one network namespace");
	CHECK(lo_is_on(), "the loopback device is off");
	CHECK_EQ(0u, address_of("lo:1"));
	talk();
	ckpt_wait_exit(pid, 0);
	CHECK_SYS(close(to));
}

CKPT_CYCLE(two_namespaces, OWN)
{
	two();
}

CKPT_CYCLE(two_of_subtree, .flags = SC_SUBTREE)
{
	CHECK_SYS(unshare(CLONE_NEWNET));
	two();
}

/* ---- sockets in it ---------------------------------------------------- */

/*
 * Abstract names are of the namespace: the original, which runs on next to its checkpoint, keeps
 * its own.
 */
CKPT_CYCLE(abstract_name, OWN)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0)), to, from;
	socklen_t len;
	char c;

	memcpy(name.sun_path, "\0ckpt-netns", 11);
	len = offsetof(struct sockaddr_un, sun_path) + 11;
	CHECK_SYS(bind(fd, (struct sockaddr *)&name, len));
	CHECK_SYS(listen(fd, 5));
	ckpt_ready_wait();
	from = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect(from, (struct sockaddr *)&name, len));
	to = CHECK_SYS(accept(fd, NULL, NULL));
	CHECK_EQ(1, write(from, "x", 1));
	CHECK_EQ(1, read(to, &c, 1));
	CHECK_EQ('x', c);
}

/* The sender of a message that waits was closed, and had such a name. */
CKPT_CYCLE(closed_sender, OWN)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX }, from;
	int fd[2], fd2 = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0));
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 9, got = sizeof(from);
	char text[8] = "";

	fd[0] = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0));
	fd[1] = fd2;
	memcpy(name.sun_path, "\0ckpt-to", 8);
	CHECK_SYS(bind(fd[0], (struct sockaddr *)&name, len - 1));
	CHECK_SYS(connect(fd[1], (struct sockaddr *)&name, len - 1));
	memcpy(name.sun_path, "\0ckpt-me2", 9);
	CHECK_SYS(bind(fd[1], (struct sockaddr *)&name, len));
	CHECK_EQ(2, send(fd[1], "hi", 2, 0));
	CHECK_SYS(close(fd[1]));
	ckpt_ready_wait();
	CHECK_EQ(2, recvfrom(fd[0], text, sizeof(text), 0, (struct sockaddr *)&from, &got));
	CHECK_STREQ("hi", text);
	CHECK_EQ(len, got);
	CHECK(!memcmp(&from, &name, len), "the sender has another name");
}

TEST_HARNESS_MAIN
