// SPDX-License-Identifier: GPL-2.0
/*
 * Unix sockets that are connected to a server outside, which is the test, and that connect to its
 * address again (CHECKPOINT_RULE_RECONNECT): what was in the queue comes first, who connects is the
 * task with its own rights, what can't be connected is refused by name or cut off
 * (RESTART_RULE_DISCONNECT).
 */
#include "reconnect.h"

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

static const struct checkpoint_rule cut = { .fd = FD, .action = CHECKPOINT_RULE_DISCONNECT };
static const struct checkpoint_args by_cut = { .rules = (uintptr_t)&cut, .rules_count = 1 };

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

/* What has connected again is saved, and connects once more. */
static int once_more(void)
{
	return checkpoint_and_kill(&by_fd) ? : restart(0, &nothing) ? : take();
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
	ASSERT_EQ(0, kind == SOCK_DGRAM ? 0 : take());
	ASSERT_EQ(0, go());
	ASSERT_TRUE(got(kind, "again"));
	ASSERT_TRUE(got(kind, "twice"));
	/* There is one connection. */
	ASSERT_EQ(-EAGAIN, kind == SOCK_DGRAM ? -EAGAIN : take());
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
	ASSERT_EQ(0, once_more());
	ASSERT_EQ(0, recv(peer, &c, 1, 0));
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
	/* It is the user's still. */
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	ASSERT_EQ(0, chmod(at_path(), 0600));
	ASSERT_EQ(EACCES, restart(0, &nothing));
	ASSERT_EQ(-EAGAIN, take());
	ASSERT_EQ(0, chmod(at_path(), 0666));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, take());
	ASSERT_EQ(0, getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &ucred, &len));
	ASSERT_EQ(USER, (int)ucred.uid);
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
	ASSERT_TRUE(ckpt_run_log_has(&run, "its path was removed or replaced"));
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
	/* It is connected to the one that is there now, and again to the next one. */
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	ASSERT_FALSE(ckpt_run_log_has(&run, "its path was removed or replaced"));
	ASSERT_EQ(0, serve_again(SOCK_STREAM));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, take());
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
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_EQ(0, take());
	ASSERT_EQ(0, go());
}

/* A connection that is over is looked at as without the rule: whom it was with is not saved. */
TEST_F_TIMEOUT(reconnect, server_is_gone, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&cut_off, variant->container, SOCK_STREAM));
	close(peer);
	peer = -1;
	ASSERT_EQ(EBUSY, checkpoint(0, &by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is connected to a socket of"));
	ASSERT_TRUE(ckpt_run_log_has(&run, "have it closed"));
	ASSERT_FALSE(ckpt_run_log_has(&run, "again when it is restarted"));
	ASSERT_EQ(0, go());
}

/* What is for files whose name ends so is not for who is connected to one. */
TEST_F_TIMEOUT(reconnect, pattern_of_files, CKPT_TIMEOUT)
{
	struct checkpoint_rule rule = { .action = CHECKPOINT_RULE_RECONNECT };
	const struct checkpoint_args said = { .rules = (uintptr_t)&rule, .rules_count = 1 };

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&client, variant->container, SOCK_STREAM));
	rule.pattern = (uintptr_t)"*/s";
	ASSERT_EQ(EBUSY, checkpoint(CHECKPOINT_DRY_RUN, &said));
	rule.pattern = (uintptr_t)"unix:*/s";
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &said));
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
	/* What was given has no address to connect to; what came over it stays. */
	close(pair[0]);
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &by_fd));
	ASSERT_EQ(0, checkpoint_and_kill(&by_cut));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
	close(pair[1]);
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
	rule.action = RESTART_RULE_MOVE + 1;
	ASSERT_EQ(EINVAL, restart(0, &said));
}

TEST_HARNESS_MAIN
