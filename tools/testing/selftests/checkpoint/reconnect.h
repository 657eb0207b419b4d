/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of Unix sockets that connect again have in common. */
#ifndef CKPT_TEST_RECONNECT_H
#define CKPT_TEST_RECONNECT_H

#include "advice.h"
#include "sockets.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define USER	4711

/* Where the server is, and what it has. */
static char dir[64], moved[64];
static struct sockaddr_un addr;
static socklen_t addr_len;
static int listener = -1, peer = -1;

/* ---- what is connected ------------------------------------------------ */

__attribute__((unused)) static int kind_of(void)
{
	return atoi(getenv("CKPT_KIND"));
}

/* Connects FD to the server. */
__attribute__((unused)) static void reach_server(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *name = getenv("CKPT_SOCKET");
	int fd = CHECK_SYS(socket(AF_UNIX, kind_of(), 0));

	strcpy(to.sun_path, name);
	if (*name == '@')
		to.sun_path[0] = 0;
	CHECK_SYS(connect(fd, (struct sockaddr *)&to,
			  offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name != '@')));
	CHECK_EQ(FD, dup2(fd, FD));
	CHECK_SYS(close(fd));
}

/* The next bytes of a stream, or the next message, are @text. */
__attribute__((unused)) static void expect_bytes(int fd, const char *text)
{
	char buf[16] = "";

	CHECK_EQ((long)strlen(text), recv(fd, buf, strlen(text), MSG_DONTWAIT));
	CHECK_STREQ(text, buf);
}

/* ---- the server ------------------------------------------------------- */

/* Lets a server of the type @kind begin at the path or name @name. */
__attribute__((unused)) static int serve(int kind, const char *name, int backlog)
{
	char type[16];

	memset(&addr, 0, sizeof(addr));
	addr.sun_family = AF_UNIX;
	strcpy(addr.sun_path, name);
	addr_len = offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name != '@');
	snprintf(type, sizeof(type), "%d", kind);
	if (setenv("CKPT_SOCKET", name, 1) || setenv("CKPT_KIND", type, 1))
		return -1;
	if (*name == '@')
		addr.sun_path[0] = 0;
	listener = socket(AF_UNIX, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, addr_len))
		return -1;
	return kind == SOCK_DGRAM ? 0 : listen(listener, backlog);
}

/* The same at another socket, in place of the first one. */
__attribute__((unused)) static int serve_again(int kind)
{
	char name[128];

	snprintf(name, sizeof(name), "%s", getenv("CKPT_SOCKET"));
	close(listener);
	if (*name == '/')
		unlink(name);
	return serve(kind, name, 5);
}

/* Takes the connection that waits. */
__attribute__((unused)) static int take(void)
{
	if (peer >= 0)
		close(peer);
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return peer < 0 ? -errno : 0;
}

/* Takes the first one, and sends over it. */
__attribute__((unused)) static int begin(struct ckpt_scenario *sc, bool container, int kind)
{
	int ret = start(sc, container);

	if (ret || kind == SOCK_DGRAM)
		return ret;
	ret = take();
	if (!ret && send(peer, "old", 3, MSG_NOSIGNAL) != 3)
		ret = -errno;
	return ret;
}

/* What was sent to the server is @text. */
__attribute__((unused)) static bool got(int kind, const char *text)
{
	char buf[16] = "";
	int fd = kind == SOCK_DGRAM ? listener : peer;

	return recv(fd, buf, strlen(text), 0) == (long)strlen(text) && !strcmp(text, buf);
}

FIXTURE(reconnect) { int unused; };
FIXTURE_VARIANT(reconnect) { bool container; };
FIXTURE_VARIANT_ADD(reconnect, container) { .container = true };
FIXTURE_VARIANT_ADD(reconnect, subtree) { .container = false };

FIXTURE_SETUP(reconnect)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	strcpy(dir, "/tmp/ckpt-again-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, chmod(dir, 0755));
	snprintf(moved, sizeof(moved), "%s.moved", dir);
}

FIXTURE_TEARDOWN(reconnect)
{
	char path[128];
	int i;

	finish();
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", i % 2 ? moved : dir, i / 2 ? "other" : "s");
		unlink(path);
	}
	rmdir(moved);
	rmdir(dir);
}

__attribute__((unused)) static const char *at_path(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/s", dir);
	return path;
}

__attribute__((unused)) static const char *at_name(void)
{
	static char name[128];

	snprintf(name, sizeof(name), "@%s", dir);
	return name;
}

static const struct checkpoint_rule of_fd = { .fd = FD, .action = CHECKPOINT_RULE_RECONNECT };
__attribute__((unused)) static const struct checkpoint_args by_fd = {
	.rules = (uintptr_t)&of_fd, .rules_count = 1,
};

__attribute__((unused)) static const struct restart_args nothing;

#endif /* CKPT_TEST_RECONNECT_H */
