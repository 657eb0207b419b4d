// SPDX-License-Identifier: GPL-2.0
/*
 * More kinds of open files that only messages of a Unix socket have (SCM_RIGHTS): those that watch files
 * and memory, queues of network devices, and paths to what was removed. See sockets_unix_kinds.c for others.
 */
#include "userfault.h"

#include "flight.h"
#include "generic.h"
#include "packet_sockets.h"
#include "tun.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

CKPT_FIXTURE

/* A group goes on to tell of what it has marked, and has kept what it has told. */
CKPT_CYCLE(fanotify)
{
	char dir[320], path[400], link[400];
	struct fanotify_event_metadata event;
	int fd, i;

	begin();
	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
	if (fd < 0)
		ckpt_not_here();
	CHECK_SYS(mkdir(ckpt_path(dir, sizeof(dir), "dir"), 0700));
	snprintf(path, sizeof(path), "%s/file", dir);
	CHECK_SYS(close(CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600))));
	CHECK_SYS(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, dir));
	CHECK_SYS(close(CHECK_SYS(open(path, O_RDONLY))));
	put_away(fd);
	ckpt_ready_wait();
	fd = take_out();
	for (i = 0; i < 2; i++) {
		CHECK_EQ((long)sizeof(event), read(fd, &event, sizeof(event)));
		CHECK_EQ(FAN_OPEN, event.mask);
		snprintf(link, sizeof(link), "/proc/self/fd/%d", event.fd);
		memset(dir, 0, sizeof(dir));
		CHECK_SYS(readlink(link, dir, sizeof(dir) - 1));
		CHECK_STREQ(path, dir);
		CHECK_SYS(close(event.fd));
		CHECK(read(fd, &event, sizeof(event)) == -1 && errno == EAGAIN,
		      "there is another event");
		if (!i)
			CHECK_SYS(close(CHECK_SYS(open(path, O_RDONLY))));
	}
}

/* Memory is watched by what nobody has open. */
CKPT_CYCLE(userfaultfd)
{
	const size_t page = ckpt_page();
	struct toucher toucher;
	char *map, *from;
	int fd;

	begin();
	fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd < 0)
		ckpt_not_here();
	CHECK_SYS(close(fd));
	fd = new_uffd(0, 0);
	CHECK(fd >= 0, "no userfaultfd without features");
	map = map_anon(4 * page, RW, 0);
	from = map_anon(page, RW, 0);
	watch(fd, map, 4 * page, UFFDIO_REGISTER_MODE_MISSING);
	fill(from, page, 1);
	give(fd, map, from);
	put_away(fd);
	ckpt_ready_wait();
	fd = take_out();
	check_fill(map, page, 1);
	no_message(fd);
	touch_start(&toucher, map + 2 * page, false);
	expect_fault(fd, map + 2 * page, 0);
	fill(from, page, 2);
	give(fd, map + 2 * page, from);
	touch_end(&toucher);
	check_fill(map + 2 * page, page, 2);
	no_message(fd);
}

/* A queue of a tap device, and what was opened for one and has none. */
CKPT_CYCLE(tap, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET)
{
	unsigned char frame[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
	int fd, queue, index, size = 54321;
	char name[IFNAMSIZ];

	begin();
	if (access("/dev/net/tun", R_OK | W_OK))
		ckpt_not_here();
	put_away(CHECK_SYS(tun_open()));
	fd = tun_attach("t0", IFF_TAP | IFF_NO_PI);
	index = if_nametoindex("t0");
	CHECK_SYS(ioctl(fd, TUNSETSNDBUF, &size));
	rt_switch("t0", true);
	put_away(fd);
	ckpt_ready_wait();
	fd = take_out();
	queue = take_out();
	CHECK(tun_flags(queue, name) & IFF_TAP, "it is no tap device");
	CHECK_STREQ("t0", name);
	CHECK_EQ(index, if_nametoindex("t0"));
	size = 0;
	CHECK_SYS(ioctl(queue, TUNGETSNDBUF, &size));
	CHECK_EQ(54321, size);
	CHECK_EQ((long)sizeof(frame), write(queue, frame, sizeof(frame)));
	CHECK_SYS(tun_try(fd, "t1", IFF_TUN));
	tun_flags(fd, name);
	CHECK_STREQ("t1", name);
}

/* Paths: a link, a FIFO with something in it, and the file of a socket; nothing else has them. */
CKPT_CYCLE(removed_paths)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char path[320], buf[32] = "";
	int fd, end, listener, sock;

	begin();
	CHECK_SYS(symlink("/nowhere", ckpt_path(path, sizeof(path), "link")));
	fd = CHECK_SYS(open(path, O_PATH | O_NOFOLLOW));
	CHECK_SYS(unlink(path));
	put_away(fd);
	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	fd = CHECK_SYS(open(path, O_PATH));
	end = CHECK_SYS(open(path, O_RDWR));
	CHECK_EQ(4, write(end, "fifo", 4));
	CHECK_SYS(unlink(path));
	put_away(fd);
	put_away(end);
	listener = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK(strlen(ckpt_path(path, sizeof(path), "sock")) < sizeof(addr.sun_path), "%s", path);
	strcpy(addr.sun_path, path);
	CHECK_SYS(bind(listener, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(listen(listener, 5));
	fd = CHECK_SYS(open(path, O_PATH));
	CHECK_SYS(unlink(path));
	put_away(fd);
	put_away(listener);
	ckpt_ready_wait();
	fd = take_out();
	CHECK_EQ(8, readlinkat(fd, "", buf, sizeof(buf)));
	CHECK_STREQ("/nowhere", buf);
	fd = take_out();
	take_out();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(4, read(CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK)), buf, sizeof(buf)));
	CHECK_STREQ("fifo", buf);
	fd = take_out();
	listener = take_out();
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", fd);
	sock = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect(sock, (struct sockaddr *)&addr, sizeof(addr)));
	send_text(sock, "connected");
	expect_text(CHECK_SYS(accept(listener, NULL, NULL)), "connected");
}

/* The number of an ICMP socket, and a protocol that nobody has. */
#define NUMBER	4713
#define NOBODYS	253

/* Whose group may make ICMP sockets: that of root. */
static void allow_icmp(void)
{
	int fd = CHECK_SYS(open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC));

	CHECK_EQ(3, write(fd, "0 0", 3));
	CHECK_SYS(close(fd));
}

/* Waits until there is something to be received, which stays. */
static void await(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK_EQ(1, poll(&p, 1, -1));
}

/* Sockets that are told of what others send, with something in their queues. */
CKPT_CYCLE(sockets_of_packets)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct icmphdr echo = { .type = ICMP_ECHO, .un.echo.sequence = htons(7) };
	struct sockaddr_in icmp = to, seen;
	socklen_t len = sizeof(seen);
	char buf[64] = "";
	int fd, from;

	begin();
	up();
	allow_icmp();
	/* Raw: a header, and what was sent. */
	fd = CHECK_SYS(socket(AF_INET, SOCK_RAW, NOBODYS));
	CHECK_SYS(bind(fd, (struct sockaddr *)&to, sizeof(to)));
	CHECK_EQ(3, sendto(fd, "raw", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	await(fd);
	put_away(fd);
	/* ICMP: an answer. */
	fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
	icmp.sin_port = htons(NUMBER);
	CHECK_SYS(bind(fd, (struct sockaddr *)&icmp, sizeof(icmp)));
	CHECK_EQ((long)sizeof(echo), sendto(fd, &echo, sizeof(echo), 0, (struct sockaddr *)&to,
					    sizeof(to)));
	await(fd);
	put_away(fd);
	/* Of a device: its own protocol. */
	from = packet(0);
	fd = packet(PROTOCOL);
	set_value(fd, PACKET_IGNORE_OUTGOING, 1);
	send_packet(from, PROTOCOL, "packet");
	await(fd);
	put_away(fd);
	ckpt_ready_wait();
	fd = take_out();
	CHECK_EQ((long)sizeof(struct iphdr) + 3, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	CHECK(!memcmp(buf + sizeof(struct iphdr), "raw", 3), "%.3s", buf + sizeof(struct iphdr));
	CHECK_EQ(3, sendto(fd, "new", 3, 0, (struct sockaddr *)&to, sizeof(to)));
	CHECK_EQ((long)sizeof(struct iphdr) + 3, recv(fd, buf, sizeof(buf), 0));
	CHECK(!memcmp(buf + sizeof(struct iphdr), "new", 3), "%.3s", buf + sizeof(struct iphdr));
	fd = take_out();
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&seen, &len));
	CHECK_EQ(NUMBER, ntohs(seen.sin_port));
	memset(&echo, 0, sizeof(echo));
	CHECK_EQ((long)sizeof(echo), recv(fd, &echo, sizeof(echo), MSG_DONTWAIT));
	CHECK_EQ(ICMP_ECHOREPLY, echo.type);
	CHECK_EQ(NUMBER, ntohs(echo.un.echo.id));
	CHECK_EQ(7, ntohs(echo.un.echo.sequence));
	fd = take_out();
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(6, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	CHECK_STREQ("packet", buf);
	send_packet(from, PROTOCOL, "after");
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(5, recv(fd, buf, sizeof(buf), 0));
	CHECK_STREQ("after", buf);
}

/* A question of generic netlink that was answered; the answer waits. */
CKPT_CYCLE(generic_netlink)
{
	struct sockaddr_nl was, is;
	socklen_t len = sizeof(was);
	struct generic answer;
	int fd;

	begin();
	fd = generic_socket();
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&was, &len));
	generic_ask(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, CTRL_ATTR_FAMILY_NAME, "nlctrl",
		    sizeof("nlctrl"));
	await(fd);
	put_away(fd);
	ckpt_ready_wait();
	fd = take_out();
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&is, &len));
	CHECK_EQ(was.nl_pid, is.nl_pid);
	CHECK_EQ(GENL_ID_CTRL, generic_answer(fd, &answer));
	CHECK_EQ(CTRL_CMD_NEWFAMILY, answer.command.cmd);
	generic_ask(fd, GENL_ID_CTRL, 255, NLM_F_ACK, 0, NULL, 0);
	CHECK_EQ(-EOPNOTSUPP, generic_answer(fd, &answer));
}

/* A file of the cgroup of the tasks, which may be another cgroup then. */
CKPT_CYCLE(file_of_cgroup)
{
	char text[512], path[1024], *at;
	struct stat st[2];
	int fd, pass;

	begin();
	for (pass = 0; pass < 2; pass++) {
		ckpt_read_file("/proc/self/cgroup", text, sizeof(text));
		at = strstr(text, "0::/");
		CHECK(at, "no cgroup (v2) in %s", text);
		at[strcspn(at, "\n")] = 0;
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s%s/cgroup.procs",
			 access("/sys/fs/cgroup/unified", F_OK) ? "" : "/unified",
			 at + strlen("0::"));
		if (!pass) {
			put_away(CHECK_SYS(open(path, O_RDONLY)));
			ckpt_ready_wait();
		}
	}
	fd = take_out();
	CHECK_SYS(fstat(fd, &st[0]));
	CHECK_SYS(stat(path, &st[1]));
	CHECK(st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino, "another one than %s",
	      path);
	memset(text, 0, sizeof(text));
	CHECK(CHECK_SYS(read(fd, text, sizeof(text) - 1)) > 0, "it is empty");
	snprintf(path, sizeof(path), "%d\n", getpid());
	CHECK(strstr(text, path), "%d is not in %s", getpid(), text);
}

TEST_HARNESS_MAIN
