// SPDX-License-Identifier: GPL-2.0
/*
 * Unix sockets that are connected to a server outside, which is the test, and that connect to its
 * address again (CHECKPOINT_RULE_RECONNECT): what was in the queue comes first, who connects is the
 * task with its own rights, what can't be connected is refused by name or cut off
 * (RESTART_RULE_DISCONNECT).
 */
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

static int kind_of(void)
{
	return atoi(getenv("CKPT_KIND"));
}

/* Connects FD to the server. */
static void reach_server(void)
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
static void expect_bytes(int fd, const char *text)
{
	char buf[16] = "";

	CHECK_EQ((long)strlen(text), recv(fd, buf, strlen(text), MSG_DONTWAIT));
	CHECK_STREQ(text, buf);
}

/* The address that the other end tells is that of the server. */
static void expect_server(int fd)
{
	struct sockaddr_un seen = {};
	socklen_t len = sizeof(seen);
	const char *name = getenv("CKPT_SOCKET");

	CHECK_SYS(getpeername(fd, (struct sockaddr *)&seen, &len));
	CHECK(!strncmp(seen.sun_path + (*name == '@'), name + (*name == '@'), strlen(name) - 1),
	      "another address");
}

static void goes_on(void)
{
	if (kind_of() != SOCK_DGRAM) {
		expect_bytes(FD, "old");
		expect_bytes(FD, "new");
	}
	expect_empty(FD);
	expect_server(FD);
	send_text(FD, "again");
	send_text(FD2, "twice");
}

/* Two descriptors of a connection, which goes on. */
CKPT_SCENARIO(client)
{
	reach_server();
	CHECK_EQ(FD2, dup2(FD, FD2));
	ckpt_ready_wait();
	goes_on();
}

/* The same of a user. */
CKPT_SCENARIO(client_of_user)
{
	CHECK_SYS(setresgid(USER, USER, USER));
	CHECK_SYS(setresuid(USER, USER, USER));
	reach_server();
	CHECK_EQ(FD2, dup2(FD, FD2));
	ckpt_ready_wait();
	goes_on();
}

static int made_by_child(void *arg)
{
	reach_server();
	CHECK_EQ(FD2, dup2(FD, FD2));
	ckpt_child_waits(arg);
	goes_on();
	return 0;
}

/* A child has it. */
CKPT_SCENARIO(client_of_child)
{
	pid_t kid = ckpt_fork(made_by_child, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* It sends no more, and its other end knows that. */
CKPT_SCENARIO(half_closed)
{
	reach_server();
	CHECK_SYS(shutdown(FD, SHUT_WR));
	ckpt_ready_wait();
	expect_bytes(FD, "old");
	CHECK(send(FD, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it can send");
	expect_bytes(FD, "new");
}

/* One that comes back without its other end. */
CKPT_SCENARIO(cut_off)
{
	char c;

	reach_server();
	ckpt_ready_wait();
	if (kind_of() == SOCK_DGRAM) {
		CHECK(send(FD, "x", 1, MSG_NOSIGNAL) == -1 && errno == ECONNREFUSED, "it can send");
		return;
	}
	expect_bytes(FD, "old");
	CHECK_EQ(0, recv(FD, &c, 1, MSG_DONTWAIT));
	CHECK(send(FD, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it can send");
	expect_server(FD);
}

/* One that nobody outside has an address of: an end of a pair. */
CKPT_SCENARIO(has_end)
{
	int end;

	reach_server();
	/* Until it is there. */
	CHECK_EQ(1, poll(&(struct pollfd){ .fd = FD, .events = POLLIN }, 1, -1));
	receive_fds(FD, &end, 1);
	CHECK_EQ(FD, dup2(end, FD));
	CHECK_SYS(close(end));
	ckpt_ready_wait();
	CHECK_EQ(1, send(FD, "o", 1, MSG_NOSIGNAL));
}

/* ---- the server ------------------------------------------------------- */

/* Lets a server of the type @kind begin at the path or name @name. */
static int serve(int kind, const char *name, int backlog)
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
static int serve_again(int kind)
{
	char name[128];

	snprintf(name, sizeof(name), "%s", getenv("CKPT_SOCKET"));
	close(listener);
	if (*name == '/')
		unlink(name);
	return serve(kind, name, 5);
}

/* Takes the connection that waits. */
static int take(void)
{
	if (peer >= 0)
		close(peer);
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return peer < 0 ? -errno : 0;
}

/* Takes the first one, and sends over it. */
static int begin(struct ckpt_scenario *sc, bool container, int kind)
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
static bool got(int kind, const char *text)
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

static const char *at_path(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/s", dir);
	return path;
}

static const char *at_name(void)
{
	static char name[128];

	snprintf(name, sizeof(name), "@%s", dir);
	return name;
}

static struct checkpoint_rule of_end[1];

/* The rule for all that is connected to the server. */
static const struct checkpoint_args *by_end(void)
{
	static char pattern[160];
	static struct checkpoint_args said;

	snprintf(pattern, sizeof(pattern), "unix:%s", getenv("CKPT_SOCKET"));
	of_end[0].pattern = (uintptr_t)pattern;
	of_end[0].action = CHECKPOINT_RULE_RECONNECT;
	said.rules = (uintptr_t)of_end;
	said.rules_count = 1;
	return &said;
}

static const struct checkpoint_rule of_fd = { .fd = FD, .action = CHECKPOINT_RULE_RECONNECT };
static const struct checkpoint_args by_fd = { .rules = (uintptr_t)&of_fd, .rules_count = 1 };

static const struct restart_args nothing;

/* What can't be connected to @name again is cut off. */
static const struct restart_args *cutting(const char *name)
{
	static struct restart_rule rule;
	static struct restart_args said;

	rule.pattern = (uintptr_t)name;
	rule.action = RESTART_RULE_DISCONNECT;
	said.rules = (uintptr_t)&rule;
	said.rules_count = 1;
	return &said;
}

/* It connects again, twice, and goes on. */
static void goes_twice(struct __test_metadata *_metadata, struct ckpt_scenario *sc, bool container,
		       int kind, const char *name)
{
	struct ucred ucred = {};
	socklen_t len = sizeof(ucred);
	char line[320];

	ASSERT_EQ(0, serve(kind, name, 5));
	ASSERT_EQ(0, begin(sc, container, kind));
	ASSERT_EQ(EBUSY, checkpoint(0, &(struct checkpoint_args){ 0 }));
	ASSERT_TRUE(ckpt_run_log_has(&run, "connect to the same address again (--reconnect)"));
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, by_end()));
	snprintf(line, sizeof(line), "connects to %s again when it is restarted", name);
	ASSERT_TRUE(ckpt_run_log_has(&run, line));
	snprintf(line, sizeof(line), "(unix:%s): what it is connected to", name);
	ASSERT_TRUE(ckpt_run_log_has(&run, line));
	ASSERT_EQ(0, checkpoint_and_kill(by_end()));

	ASSERT_EQ(0, restart(0, &nothing));
	if (kind != SOCK_DGRAM) {
		ASSERT_EQ(0, take());
		ASSERT_EQ(0, getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &ucred, &len));
		/* Not who has called restart(2). */
		if (sc == &client_of_child) {
			ASSERT_NE(getpid(), ucred.pid);
			ASSERT_NE(run.pid, ucred.pid);
		} else {
			ASSERT_EQ(run.pid, ucred.pid);
		}
		/* It was sent to a queue that was not empty. */
		ASSERT_EQ(3, send(peer, "new", 3, MSG_NOSIGNAL));
	}
	ASSERT_EQ(0, checkpoint_and_kill(by_end()));
	ASSERT_EQ(0, restart(0, &nothing));
	if (kind != SOCK_DGRAM) {
		ASSERT_EQ(0, take());
	}
	ASSERT_EQ(0, go());
	ASSERT_TRUE(got(kind, "again"));
	ASSERT_TRUE(got(kind, "twice"));
	/* There is one connection. */
	if (kind != SOCK_DGRAM) {
		ASSERT_EQ(-EAGAIN, take());
	}
}

TEST_F_TIMEOUT(reconnect, stream_at_path, CKPT_TIMEOUT)
{
	goes_twice(_metadata, &client, variant->container, SOCK_STREAM, at_path());
}

TEST_F_TIMEOUT(reconnect, stream_at_name, CKPT_TIMEOUT)
{
	goes_twice(_metadata, &client, variant->container, SOCK_STREAM, at_name());
}

TEST_F_TIMEOUT(reconnect, seqpacket_at_path, CKPT_TIMEOUT)
{
	goes_twice(_metadata, &client, variant->container, SOCK_SEQPACKET, at_path());
}

TEST_F_TIMEOUT(reconnect, seqpacket_at_name, CKPT_TIMEOUT)
{
	goes_twice(_metadata, &client, variant->container, SOCK_SEQPACKET, at_name());
}

TEST_F_TIMEOUT(reconnect, datagrams_at_path, CKPT_TIMEOUT)
{
	goes_twice(_metadata, &client, variant->container, SOCK_DGRAM, at_path());
}

TEST_F_TIMEOUT(reconnect, datagrams_at_name, CKPT_TIMEOUT)
{
	goes_twice(_metadata, &client, variant->container, SOCK_DGRAM, at_name());
}

/* A child connects, and not the root. */
TEST_F_TIMEOUT(reconnect, by_child, CKPT_TIMEOUT)
{
	goes_twice(_metadata, &client_of_child, variant->container, SOCK_STREAM, at_path());
}

/* The original runs on with its own connection. */
TEST_F_TIMEOUT(reconnect, original, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&client, variant->container, SOCK_STREAM));
	ASSERT_EQ(0, checkpoint(0, &by_fd));
	ASSERT_EQ(3, send(peer, "new", 3, MSG_NOSIGNAL));
	ASSERT_EQ(0, go());
	ASSERT_TRUE(got(SOCK_STREAM, "again"));
	ASSERT_EQ(-EAGAIN, take());
}

/* The new other end finds it shut down as the old one did. */
TEST_F_TIMEOUT(reconnect, shut_down, CKPT_TIMEOUT)
{
	char c;

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&half_closed, variant->container, SOCK_STREAM));
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, take());
	ASSERT_EQ(0, recv(peer, &c, 1, 0));
	ASSERT_EQ(3, send(peer, "new", 3, MSG_NOSIGNAL));
	ASSERT_EQ(0, go());
}

/* Nobody listens: refused by name, or cut off. */
static void nobody(struct __test_metadata *_metadata, bool container, int kind, const char *name)
{
	char line[320];

	ASSERT_EQ(0, serve(kind, name, 5));
	ASSERT_EQ(0, begin(&cut_off, container, kind));
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	close(listener);
	listener = -1;
	ASSERT_EQ(ECONNREFUSED, restart(0, &nothing));
	snprintf(line, sizeof(line), "can't be connected to %s again: nobody listens there", name);
	ASSERT_TRUE(ckpt_run_log_has(&run, line));
	/* Of other addresses is not said that they may be cut off. */
	ASSERT_EQ(ECONNREFUSED, restart(0, cutting("/nowhere")));
	if (*name == '/') {
		ASSERT_EQ(0, unlink(name));
		ASSERT_EQ(ENOENT, restart(0, &nothing));
		ASSERT_TRUE(ckpt_run_log_has(&run, line));
	}
	ASSERT_EQ(0, restart(0, cutting(name)));
	ASSERT_TRUE(ckpt_run_log_has(&run, "comes back as if its other end had been closed"));
	ASSERT_EQ(0, go());
}

TEST_F_TIMEOUT(reconnect, no_stream_at_path, CKPT_TIMEOUT)
{
	nobody(_metadata, variant->container, SOCK_STREAM, at_path());
}

TEST_F_TIMEOUT(reconnect, no_seqpacket_at_name, CKPT_TIMEOUT)
{
	nobody(_metadata, variant->container, SOCK_SEQPACKET, at_name());
}

TEST_F_TIMEOUT(reconnect, no_datagrams_at_path, CKPT_TIMEOUT)
{
	nobody(_metadata, variant->container, SOCK_DGRAM, at_path());
}

TEST_F_TIMEOUT(reconnect, no_datagrams_at_name, CKPT_TIMEOUT)
{
	nobody(_metadata, variant->container, SOCK_DGRAM, at_name());
}

/* The restart does not wait for a server that accepts nothing. */
TEST_F_TIMEOUT(reconnect, full, CKPT_TIMEOUT)
{
	int waiting[8], n = 0;

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 0));
	ASSERT_EQ(0, begin(&client, variant->container, SOCK_STREAM));
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	for (n = 0; n < 8; n++) {
		waiting[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(waiting[n], (struct sockaddr *)&addr, addr_len))
			break;
	}
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_GT(8, n);
	ASSERT_EQ(EAGAIN, restart(0, &nothing));
	ASSERT_TRUE(ckpt_run_log_has(&run, "as many wait there to be accepted as may"));
	for (; n >= 0; n--)
		close(waiting[n]);
	ASSERT_EQ(0, serve_again(SOCK_STREAM));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, take());
	ASSERT_EQ(3, send(peer, "new", 3, MSG_NOSIGNAL));
	ASSERT_EQ(0, go());
}

/* Who restarts the job of a user connects it to nothing that the user could not reach. */
TEST_F_TIMEOUT(reconnect, rights, CKPT_TIMEOUT)
{
	struct ucred ucred = {};
	socklen_t len = sizeof(ucred);

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, chmod(at_path(), 0666));
	ASSERT_EQ(0, begin(&client_of_user, variant->container, SOCK_STREAM));
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	ASSERT_EQ(0, chmod(at_path(), 0600));
	ASSERT_EQ(EACCES, restart(0, &nothing));
	ASSERT_TRUE(ckpt_run_log_has(&run, "who has made the socket may not connect to it"));
	ASSERT_EQ(0, chmod(at_path(), 0666));
	ASSERT_EQ(0, chmod(dir, 0700));
	ASSERT_EQ(EACCES, restart(0, &nothing));
	/* Nobody has connected. */
	ASSERT_EQ(-EAGAIN, take());
	ASSERT_EQ(0, chmod(dir, 0755));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, take());
	ASSERT_EQ(0, getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &ucred, &len));
	ASSERT_EQ(USER, (int)ucred.uid);
	ASSERT_EQ(USER, (int)ucred.gid);
	ASSERT_EQ(run.pid, ucred.pid);
	ASSERT_EQ(3, send(peer, "new", 3, MSG_NOSIGNAL));
	ASSERT_EQ(0, go());
}

/* Another server is at the path, before the checkpoint and before the restart; a link is not followed. */
TEST_F_TIMEOUT(reconnect, replaced, CKPT_TIMEOUT)
{
	char other[128];

	snprintf(other, sizeof(other), "%s/other", dir);
	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&client, variant->container, SOCK_STREAM));
	ASSERT_EQ(0, serve_again(SOCK_STREAM));
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "its path was removed, replaced"));
	ASSERT_EQ(0, rename(at_path(), other));
	ASSERT_EQ(0, symlink(other, at_path()));
	ASSERT_EQ(ELOOP, restart(0, &nothing));
	ASSERT_TRUE(ckpt_run_log_has(&run, "there is a symbolic link on its path"));
	/* A server of another type. */
	ASSERT_EQ(0, serve_again(SOCK_SEQPACKET));
	ASSERT_EQ(EPROTOTYPE, restart(0, &nothing));
	ASSERT_TRUE(ckpt_run_log_has(&run, "there is a socket of another type"));
	ASSERT_EQ(0, serve_again(SOCK_STREAM));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, take());
	ASSERT_EQ(3, send(peer, "new", 3, MSG_NOSIGNAL));
	ASSERT_EQ(0, go());
}

/* The path is another one now. */
TEST_F_TIMEOUT(reconnect, mapped, CKPT_TIMEOUT)
{
	struct restart_map map = { .from = (uintptr_t)dir, .to = (uintptr_t)moved };
	const struct restart_args said = { .maps = (uintptr_t)&map, .maps_count = 1 };

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&client, variant->container, SOCK_STREAM));
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	ASSERT_EQ(0, rename(dir, moved));
	ASSERT_EQ(ENOENT, restart(0, &nothing));
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_EQ(0, take());
	ASSERT_EQ(3, send(peer, "new", 3, MSG_NOSIGNAL));
	ASSERT_EQ(0, go());
}

/* A connection that is over is saved as without the rule. */
TEST_F_TIMEOUT(reconnect, server_is_gone, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&cut_off, variant->container, SOCK_STREAM));
	close(peer);
	peer = -1;
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	ASSERT_FALSE(ckpt_run_log_has(&run, "again when it is restarted"));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(-EAGAIN, take());
	ASSERT_EQ(0, go());
}

/* Nobody outside has accepted it. */
TEST_F_TIMEOUT(reconnect, not_accepted, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, start(&client, variant->container));
	ASSERT_EQ(EBUSY, checkpoint(0, &by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the socket that it is connected to is outside"));
	ASSERT_EQ(0, take());
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &by_fd));
}

/* Sends @end to who connects first. */
static pid_t giver(int end)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, f = 'f';
	struct iovec iov = { .iov_base = &f, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &end, sizeof(int));
	if (poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, -1) != 1)
		_exit(1);
	fd = accept(listener, NULL, NULL);
	_exit(fd < 0 || sendmsg(fd, &msg, MSG_NOSIGNAL) != 1);
}

/* Its other end has no address. */
TEST_F_TIMEOUT(reconnect, no_address, CKPT_TIMEOUT)
{
	int pair[2], status;
	pid_t pid;

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	pid = giver(pair[1]);
	ASSERT_LT(0, pid);
	close(pair[1]);
	ASSERT_EQ(0, start(&has_end, variant->container));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "has no address, and so can't be connected to again"));
	ASSERT_EQ(0, go());
}

/* An end that was bound itself, and has made the connection. */
TEST_F_TIMEOUT(reconnect, other_end_has_connected, CKPT_TIMEOUT)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	int client_fd, end, status;
	pid_t pid;

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	client_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(own.sun_path, sizeof(own.sun_path), "%s/other", dir);
	ASSERT_EQ(0, bind(client_fd, (struct sockaddr *)&own, sizeof(own)));
	ASSERT_EQ(0, connect(client_fd, (struct sockaddr *)&addr, addr_len));
	end = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, end);
	pid = giver(end);
	ASSERT_LT(0, pid);
	close(end);
	ASSERT_EQ(0, start(&has_end, variant->container));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "has made the connection, and so can't be connected to"));
	ASSERT_EQ(0, go());
}

/* Another connection is given in its place. */
TEST_F_TIMEOUT(reconnect, given, CKPT_TIMEOUT)
{
	struct restart_fd fd = { .fd = FD };
	struct restart_args args;
	int pair[2];
	long pid;

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&half_closed, variant->container, SOCK_STREAM));
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	close(listener);
	listener = -1;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	ASSERT_EQ(0, shutdown(pair[0], SHUT_WR));
	ASSERT_EQ(6, send(pair[1], "oldnew", 6, MSG_NOSIGNAL));
	fd.own_fd = pair[0];
	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	args.fds = (uintptr_t)&fd;
	args.fds_count = 1;
	pid = sys_restart(&args, sizeof(args));
	ASSERT_LT(0, pid);
	run.pid = pid;
	run.pidfd = args.pidfd;
	run.status = 0;
	ASSERT_EQ(0, go());
}

/* What a rule of restart(2) may not have. */
TEST_F_TIMEOUT(reconnect, wrong_rules, CKPT_TIMEOUT)
{
	struct restart_rule rule = { .pattern = (uintptr_t)"/a", .own_fd = 1 };
	const struct restart_args said = { .rules = (uintptr_t)&rule, .rules_count = 1 };

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&client, variant->container, SOCK_STREAM));
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	rule.action = RESTART_RULE_DISCONNECT;
	ASSERT_EQ(EINVAL, restart(0, &said));
	rule.own_fd = 0;
	rule.action = RESTART_RULE_DISCONNECT + 1;
	ASSERT_EQ(EINVAL, restart(0, &said));
}

TEST_HARNESS_MAIN
