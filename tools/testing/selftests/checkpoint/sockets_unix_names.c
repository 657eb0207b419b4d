// SPDX-License-Identifier: GPL-2.0
/* Unix sockets with addresses: bound, listening with connections that wait, and removed names. */
#include "sockets.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

CKPT_FIXTURE

static struct sockaddr_un addr = { .sun_family = AF_UNIX };
static socklen_t addr_len;

/* An address at a path of the scenario's own. */
static void at_path(const char *name)
{
	char path[320];

	CHECK(strlen(ckpt_path(path, sizeof(path), name)) < sizeof(addr.sun_path), "%s", path);
	strcpy(addr.sun_path, path);
	addr_len = offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

/* An abstract one. */
static void at_name(const char *name)
{
	at_path(name);
	memmove(addr.sun_path + 1, addr.sun_path, sizeof(addr.sun_path) - 1);
	addr.sun_path[0] = 0;
}

static int bound(int type)
{
	int fd = CHECK_SYS(socket(AF_UNIX, type, 0));

	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, addr_len));
	return fd;
}

static int connected(int type)
{
	int fd = CHECK_SYS(socket(AF_UNIX, type, 0));

	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, addr_len));
	return fd;
}

static void expect_name(int fd)
{
	struct sockaddr_un seen = {};
	socklen_t len = sizeof(seen);

	CHECK_SYS(getsockname(fd, (struct sockaddr *)&seen, &len));
	CHECK_EQ(addr_len, len);
	CHECK(!memcmp(&seen, &addr, len), "another address");
}

/* A server with a client that it has accepted, one that waits, and one to come. */
static void server(int type)
{
	int listener = bound(type), first, second, third, peer;
	struct stat before, after;

	CHECK_SYS(listen(listener, 5));
	first = connected(type);
	peer = CHECK_SYS(accept(listener, NULL, NULL));
	second = connected(type);
	send_text(first, "accepted");
	send_text(second, "waiting");
	if (addr.sun_path[0])
		CHECK_SYS(stat(addr.sun_path, &before));
	ckpt_ready_wait();
	if (addr.sun_path[0]) {
		CHECK_SYS(stat(addr.sun_path, &after));
		CHECK_EQ(before.st_ino, after.st_ino);
	}
	CHECK_EQ(1, option(listener, SO_ACCEPTCONN));
	expect_name(listener);
	expect_name(peer);
	expect_text(peer, "accepted");
	send_text(peer, "answer");
	expect_text(first, "answer");
	third = connected(type);
	send_text(third, "new");
	peer = CHECK_SYS(accept(listener, NULL, NULL));
	expect_text(peer, "waiting");
	send_text(peer, "second");
	expect_text(second, "second");
	peer = CHECK_SYS(accept(listener, NULL, NULL));
	expect_text(peer, "new");
}

CKPT_CYCLE(path_stream)
{
	at_path("s");
	server(SOCK_STREAM);
}

CKPT_CYCLE(path_seqpacket)
{
	at_path("s");
	server(SOCK_SEQPACKET);
}

CKPT_CYCLE(abstract_stream)
{
	at_name("a");
	server(SOCK_STREAM);
}

/* Connections that wait: their order, and one whose client is gone. */
CKPT_CYCLE(backlog)
{
	int listener, fd[4], i, peer;
	char text[2] = "0", c;

	at_name("a");
	listener = bound(SOCK_STREAM);
	CHECK_SYS(listen(listener, 5));
	for (i = 0; i < 4; i++) {
		fd[i] = connected(SOCK_STREAM);
		text[0] = '0' + i;
		send_text(fd[i], text);
	}
	CHECK_SYS(close(fd[2]));
	ckpt_ready_wait();
	for (i = 0; i < 4; i++) {
		peer = CHECK_SYS(accept(listener, NULL, NULL));
		text[0] = '0' + i;
		expect_text(peer, text);
		if (i == 2)
			CHECK_EQ(0, recv(peer, &c, 1, MSG_DONTWAIT));
		else
			expect_empty(peer);
	}
}

static int accepts(void *arg)
{
	int peer = CHECK_SYS(syscall(__NR_accept4, fds[0], NULL, NULL, 0));
	struct pollfd pfd = { .fd = peer, .events = POLLIN };

	/* It is connected before anything is sent. */
	CHECK_EQ(1, poll(&pfd, 1, -1));
	expect_text(peer, "late");
	return 4;
}

/* accept(2) in progress goes on. */
CKPT_CYCLE(accept_waits, .blocked = { BLOCKED(__NR_accept4) })
{
	pid_t kid;
	int fd;

	at_name("a");
	fds[0] = bound(SOCK_STREAM);
	CHECK_SYS(listen(fds[0], 1));
	kid = ckpt_fork(accepts, NULL);
	ckpt_ready_wait();
	fd = connected(SOCK_STREAM);
	send_text(fd, "late");
	ckpt_wait_exit(kid, 4);
}

/* Datagrams from several, connected one way, with the addresses of their senders. */
static void datagrams(void)
{
	struct sockaddr_un from;
	socklen_t len;
	char buf[16] = "";
	int to = bound(SOCK_DGRAM), by_name, nameless;

	nameless = connected(SOCK_DGRAM);
	send_text(nameless, "nameless");
	by_name = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0));
	/* Any free abstract address. */
	CHECK_SYS(bind(by_name, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	CHECK_EQ(5, sendto(by_name, "named", 5, 0, (struct sockaddr *)&addr, addr_len));
	CHECK_EQ(4, sendto(by_name, "gone", 4, 0, (struct sockaddr *)&addr, addr_len));
	len = sizeof(from);
	CHECK_SYS(getsockname(by_name, (struct sockaddr *)&from, &len));
	memcpy(board->text, &from, len);
	board->value[0] = len;
	CHECK_SYS(close(by_name));
	ckpt_ready_wait();
	expect_name(to);
	len = sizeof(from);
	CHECK_EQ(8, recvfrom(to, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len));
	CHECK_EQ(0, len);
	len = sizeof(from);
	CHECK_EQ(5, recvfrom(to, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len));
	CHECK_EQ((socklen_t)board->value[0], len);
	CHECK(!memcmp(board->text, &from, len), "it is from another address");
	expect_text(to, "gone");
	expect_empty(to);
	send_text(nameless, "more");
	expect_text(to, "more");
}

CKPT_CYCLE(datagrams_path)
{
	at_path("d");
	datagrams();
}

CKPT_CYCLE(datagrams_abstract)
{
	at_name("d");
	datagrams();
}

/* Its name was removed, and another one has it: it tells the name, and nobody finds it by that. */
CKPT_CYCLE(replaced)
{
	int old, new, fd;

	at_path("s");
	old = bound(SOCK_DGRAM);
	CHECK_SYS(unlink(addr.sun_path));
	new = bound(SOCK_DGRAM);
	ckpt_ready_wait();
	expect_name(old);
	expect_name(new);
	fd = connected(SOCK_DGRAM);
	send_text(fd, "to the new one");
	expect_empty(old);
	expect_text(new, "to the new one");
}

/*
 * Its name was removed: it tells the name, nobody finds it, and the name is free. One that listens has
 * those who came before.
 */
CKPT_CYCLE(removed)
{
	int listener, early, peer;

	at_path("s");
	listener = bound(SOCK_STREAM);
	CHECK_SYS(listen(listener, 1));
	early = connected(SOCK_STREAM);
	send_text(early, "early");
	CHECK_SYS(unlink(addr.sun_path));
	ckpt_ready_wait();
	expect_name(listener);
	fds[0] = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK(connect(fds[0], (struct sockaddr *)&addr, addr_len) == -1 && errno == ENOENT,
	      "it was found");
	peer = CHECK_SYS(accept(listener, NULL, NULL));
	expect_name(peer);
	expect_text(peer, "early");
	CHECK_SYS(close(bound(SOCK_STREAM)));
	CHECK_SYS(unlink(addr.sun_path));
}

/* Bound by a relative path, which is what it tells. */
CKPT_CYCLE(relative)
{
	char path[320], dir[320], *name;

	name = strrchr(strcpy(dir, ckpt_path(path, sizeof(path), "r")), '/');
	*name++ = 0;
	CHECK_SYS(chdir(dir));
	strcpy(addr.sun_path, name);
	addr_len = offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1;
	fds[0] = bound(SOCK_DGRAM);
	ckpt_ready_wait();
	expect_name(fds[0]);
	CHECK_SYS(chdir("/"));
	CHECK(strlen(path) < sizeof(addr.sun_path), "%s", path);
	strcpy(addr.sun_path, path);
	addr_len = offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
	fds[1] = connected(SOCK_DGRAM);
	send_text(fds[1], "found");
	expect_text(fds[0], "found");
}

TEST_HARNESS_MAIN
