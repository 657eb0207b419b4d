// SPDX-License-Identifier: GPL-2.0
/* Rules of the caller of checkpoint(2) for descriptors, and memory that it leaves out. */
#include "advice.h"
#include "sockets.h"

#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

static const struct restart_args nothing;

static bool is_closed(int fd)
{
	return fcntl(fd, F_GETFD) == -1 && errno == EBADF;
}

/* What /proc shows of a descriptor. */
static const char *link_of(int fd)
{
	static char to[64];
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = CHECK_SYS(readlink(path, to, sizeof(to) - 1));
	to[len] = 0;
	return to;
}

/* A pipe of its own; when it has come back it has no end for writing. */
CKPT_SCENARIO(pipe_ends)
{
	char byte;
	int p[2];

	CHECK_SYS(pipe(p));
	place(p[0], FD);
	place(p[1], FD2);
	CHECK_EQ(1, write(FD2, "x", 1));
	ckpt_ready_wait();
	CHECK(is_closed(FD2), "it is open");
	CHECK_EQ(1, read(FD, &byte, 1));
	CHECK_EQ('x', byte);
	CHECK_EQ(0, read(FD, &byte, 1));
}

/* The end of a pipe of the test for writing, which lies in a message, too. */
CKPT_SCENARIO(in_message)
{
	int pair[2], got;

	place(CHECK_SYS(open(getenv("CKPT_PIPE"), O_WRONLY)), FD);
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	send_fds(pair[0], (int []){ FD }, 1);
	ckpt_ready_wait();
	receive_fds(pair[1], &got, 1);
	CHECK_EQ(1, write(got, "o", 1));
	CHECK_EQ(1, write(FD, "o", 1));
}

/* Two descriptors of one open file; the first one is not there when it has come back. */
CKPT_SCENARIO(twice)
{
	char path[320], byte;

	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "twice"), O_RDWR | O_CREAT, 0600)), FD);
	CHECK_EQ(FD2, dup2(FD, FD2));
	CHECK_EQ(3, write(FD, "abc", 3));
	CHECK_EQ(1, lseek(FD, 1, SEEK_SET));
	ckpt_ready_wait();
	CHECK(is_closed(FD), "it is open");
	CHECK_EQ(1, read(FD2, &byte, 1));
	CHECK_EQ('b', byte);
}

/* What was registered with epoll goes with its last descriptor. */
CKPT_SCENARIO(registered)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 1 };
	int other = CHECK_SYS(eventfd(1, 0));

	place(CHECK_SYS(eventfd(1, 0)), FD);
	place(CHECK_SYS(epoll_create1(0)), FD2);
	CHECK_SYS(epoll_ctl(FD2, EPOLL_CTL_ADD, FD, &event));
	event.data.u32 = 2;
	CHECK_SYS(epoll_ctl(FD2, EPOLL_CTL_ADD, other, &event));
	ckpt_ready_wait();
	CHECK(is_closed(FD), "it is open");
	CHECK_EQ(1, epoll_wait(FD2, &event, 1, 0));
	CHECK_EQ(2, event.data.u32);
	place(other, FD);
	CHECK_SYS(epoll_ctl(FD2, EPOLL_CTL_ADD, FD, &event));
}

/* A file of which another one is there when it has come back. */
CKPT_SCENARIO(replaced)
{
	char path[320], text[8] = "";

	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "replaced"), O_RDWR | O_CREAT, 0600)),
	      FD);
	CHECK_EQ(3, write(FD, "old", 3));
	CHECK_EQ(2, lseek(FD, 2, SEEK_SET));
	ckpt_ready_wait();
	CHECK_EQ(O_RDWR, fcntl(FD, F_GETFL) & O_ACCMODE);
	CHECK_EQ(3, read(FD, text, sizeof(text)));
	CHECK_STREQ("wer", text);
}

/* A file that is mapped. */
CKPT_SCENARIO(mapped)
{
	char path[320];
	char *map;

	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "mapped"), O_RDWR | O_CREAT, 0600)), FD);
	CHECK_SYS(ftruncate(FD, CKPT_PAGE));
	map = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, FD, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	map[0] = 1;
	board->value[0] = (uintptr_t)map;
	ckpt_ready_wait();
	CHECK_EQ(1, map[0]);
	CHECK(is_closed(FD), "it is open");
}

/* A connection to a socket of the test, and one of its own. */
CKPT_SCENARIO(connected)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred ucred = {};
	socklen_t len = sizeof(ucred);
	int pair[2];
	char c;

	memcpy(addr.sun_path + 1, getenv("CKPT_SOCKET"), 5);
	place(CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0)), FD);
	CHECK_SYS(connect(FD, (struct sockaddr *)&addr, offsetof(struct sockaddr_un, sun_path) + 6));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ckpt_ready_wait();
	/* What was there is, and then it is as if the other end had been closed. */
	expect_text(FD, "data");
	CHECK_EQ(0, recv(FD, &c, 1, MSG_DONTWAIT));
	CHECK(send(FD, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "it can be sent to");
	send_text(pair[0], "inside");
	expect_text(pair[1], "inside");
	CHECK_SYS(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &ucred, &len));
	CHECK_EQ(getpid(), ucred.pid);
}

/* One that can't be saved, whose descriptor is not there when the task has come back. */
CKPT_SCENARIO(of_another_family)
{
	place(CHECK_SYS(socket(AF_VSOCK, SOCK_STREAM, 0)), FD);
	ckpt_ready_wait();
	CHECK(is_closed(FD), "it is open");
	/* The number can be had again. */
	place(CHECK_SYS(socket(AF_VSOCK, SOCK_STREAM, 0)), FD);
	CHECK_EQ(AF_VSOCK, option(FD, SO_DOMAIN));
}

/* Both ends of a pair. */
CKPT_SCENARIO(both_ends)
{
	int pair[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	place(pair[0], FD);
	place(pair[1], FD2);
	ckpt_ready_wait();
	CHECK(is_closed(FD), "it is open");
	CHECK(is_closed(FD2), "the other one is open");
}

/* Four pages, of which the two in the middle are zero when they have come back. */
CKPT_SCENARIO(pages)
{
	char *map = mmap(NULL, 4 * CKPT_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	memset(map, 'x', 4 * CKPT_PAGE);
	board->value[0] = (uintptr_t)map;
	ckpt_ready_wait();
	for (i = 0; i < 4; i++) {
		CHECK_EQ(i == 0 || i == 3 ? 'x' : 0, map[i * CKPT_PAGE]);
		CHECK_EQ(i == 0 || i == 3 ? 'x' : 0, map[(i + 1) * CKPT_PAGE - 1]);
	}
	memset(map, 'y', 4 * CKPT_PAGE);
}

/* What can't be saved: a pidfd of the test, and a filesystem that is not mounted yet. */
CKPT_SCENARIO(objects)
{
	struct pollfd test = { .fd = FD, .events = POLLIN };

	place(CHECK_SYS(sys_pidfd_open(getppid())), FD);
	place(CHECK_SYS(syscall(__NR_fsopen, "tmpfs", 0)), FD2);
	ckpt_ready_wait();
	CHECK(is_closed(FD2), "it is open");
	CHECK_EQ(0, poll(&test, 1, 0));
	CHECK_STREQ("anon_inode:[pidfd]", link_of(FD));
}

/* It counts itself, and what it makes: one counter has another one in its group. */
CKPT_SCENARIO(counted)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY,
		.inherit = 1,
	};
	int leader = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);
	pid_t kid;

	/* A kernel may have none of them. */
	if (leader < 0 && errno == ENOSYS)
		ckpt_not_here();
	CHECK_SYS(leader);
	place(CHECK_SYS(syscall(__NR_perf_event_open, &attr, 0, -1, leader, 0)), FD2);
	place(leader, FD);
	kid = CHECK_SYS(fork());
	if (!kid) {
		close(FD);
		close(FD2);
		ckpt_step(1);
		ckpt_wait_go();
		_exit(0);
	}
	while (!__atomic_load_n(&board->step[1], __ATOMIC_ACQUIRE))
		sched_yield();
	ckpt_ready_wait();
	CHECK(is_closed(FD) && is_closed(FD2), "a counter is open");
	ckpt_wait_exit(kid, 0);
}

FIXTURE(advice) { int unused; };
FIXTURE_VARIANT(advice) { bool container; };
FIXTURE_VARIANT_ADD(advice, container) { .container = true };
FIXTURE_VARIANT_ADD(advice, subtree) { .container = false };

FIXTURE_SETUP(advice)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(advice)
{
	finish();
}

static void leaves_out(struct __test_metadata *_metadata, struct ckpt_scenario *sc, bool container,
		       int fd)
{
	const struct checkpoint_rule rule[] = { { .fd = fd, .action = CHECKPOINT_RULE_CLOSE } };
	const struct checkpoint_args said = RULES(rule);

	ASSERT_EQ(0, start(sc, container));
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "left out: a restarted task has neither it nor its locks"));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(0, restart(0, &nothing));
	/* What has come back can be saved without a word. */
	ASSERT_EQ(0, checkpoint_and_kill(&(struct checkpoint_args){ 0 }));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
}

/* The other end of a pipe is left out: it is as if it had been closed. */
TEST_F_TIMEOUT(advice, end_of_a_pipe, CKPT_TIMEOUT)
{
	leaves_out(_metadata, &pipe_ends, variant->container, FD2);
}

/*
 * It stays in the message, and the other end is outside. It counts once, or it would stand for that
 * one, too.
 */
TEST_F_TIMEOUT(advice, end_in_a_message, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rule[] = { { .fd = FD, .action = CHECKPOINT_RULE_CLOSE } };
	const struct checkpoint_args said = RULES(rule);
	char name[64], bytes[3];
	int outside[2], ret;

	ASSERT_EQ(0, pipe2(outside, O_CLOEXEC));
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", getpid(), outside[1]);
	setenv("CKPT_PIPE", name, 1);
	ret = start(&in_message, variant->container);
	close(outside[1]);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(EBUSY, checkpoint(CHECKPOINT_DRY_RUN, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "pipe's other end is outside"));
	ASSERT_EQ(EBUSY, checkpoint(CHECKPOINT_KILL, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "pipe's other end is outside"));
	/* Nothing was disturbed. */
	ASSERT_EQ(0, go());
	ASSERT_EQ(2, read(outside[0], bytes, sizeof(bytes)));
	close(outside[0]);
}

/* One of two descriptors of an open file is left out. */
TEST_F_TIMEOUT(advice, one_of_two, CKPT_TIMEOUT)
{
	leaves_out(_metadata, &twice, variant->container, FD);
}

TEST_F_TIMEOUT(advice, registered_with_epoll, CKPT_TIMEOUT)
{
	leaves_out(_metadata, &registered, variant->container, FD);
}

/* The mapping keeps the file. */
TEST_F_TIMEOUT(advice, mapped_file, CKPT_TIMEOUT)
{
	leaves_out(_metadata, &mapped, variant->container, FD);
}

/* By name, with the first rule counting that fits. */
TEST_F_TIMEOUT(advice, by_name, CKPT_TIMEOUT)
{
	struct checkpoint_rule rules[] = {
		{ .pattern = (uintptr_t)"*.nothing", .action = CHECKPOINT_RULE_CLOSE },
		{ .pattern = (uintptr_t)"*.twice", .action = CHECKPOINT_RULE_REFUSE },
		{ .fd = FD, .action = CHECKPOINT_RULE_CLOSE },
	};
	const struct checkpoint_args said = RULES(rules);
	char named[640];

	ASSERT_EQ(0, start(&twice, variant->container));
	ASSERT_EQ(EBUSY, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "a rule of the caller refuses it"));
	rules[0].pattern = (uintptr_t)"*.twic?";
	rules[0].action = CHECKPOINT_RULE_KEEP;
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &said));
	ASSERT_FALSE(ckpt_run_log_has(&run, "left out"));
	/* A dry run tells the names of all descriptors. */
	snprintf(named, sizeof(named), "descriptor %d (%s): a regular file", FD2, path_of("twice"));
	ASSERT_TRUE(ckpt_run_log_has(&run, named));
	rules[0].pattern = (uintptr_t)"*.nothing";
	rules[1] = rules[2];
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
}

/* What can't be saved is left out, or stays outside: a pidfd of a process outside. */
TEST_F_TIMEOUT(advice, objects_of_the_kernel, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rules[] = {
		{ .fd = FD2, .action = CHECKPOINT_RULE_CLOSE },
		{ .fd = FD, .action = CHECKPOINT_RULE_EXTERNAL },
	};
	const struct checkpoint_args said = RULES(rules);
	const struct checkpoint_args one = { .rules = (uintptr_t)rules, .rules_count = 1 };
	struct restart_fd in = { .fd = FD };
	const struct restart_args gives = { .fds = (uintptr_t)&in, .fds_count = 1 };
	int pidfd, i;

	if (variant->container)
		SKIP(return, "only makes sense in a subtree");
	pidfd = sys_pidfd_open(getpid());
	ASSERT_LE(0, pidfd);
	ASSERT_EQ(0, start(&objects, false));
	ASSERT_NE(0, checkpoint(0, &one));
	ASSERT_TRUE(ckpt_run_log_has(&run, "outside of the "));
	ASSERT_FALSE(ckpt_run_log_has(&run, "a filesystem context can't be saved yet"));
	ASSERT_NE(0, checkpoint(0, &(struct checkpoint_args){ 0 }));
	ASSERT_TRUE(ckpt_run_log_has(&run, "a filesystem context can't be saved yet"));
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &said));
	for (i = 0; i < 2; i++) {
		/* What is not there any more needs no rule. */
		const struct checkpoint_args now = {
			.rules = (uintptr_t)(rules + i), .rules_count = 2 - i,
		};

		ASSERT_EQ(0, checkpoint_and_kill(&now));
		ASSERT_EQ(EBADF, restart(0, &nothing));
		ASSERT_TRUE(ckpt_run_log_has(&run, "was left outside: give another one"));
		in.own_fd = pidfd;
		ASSERT_EQ(0, restart(0, &gives));
	}
	ASSERT_EQ(0, go());
	close(pidfd);
}

/* Counters of perf are left out: those of the group, and those that a child has inherited. */
TEST_F_TIMEOUT(advice, counters, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rules[] = {
		{ .fd = FD, .action = CHECKPOINT_RULE_CLOSE },
		{ .fd = FD2, .action = CHECKPOINT_RULE_CLOSE },
	};
	const struct checkpoint_args both = RULES(rules);
	const struct checkpoint_args one = { .rules = (uintptr_t)rules, .rules_count = 1 };

	ASSERT_EQ(0, start(&counted, variant->container));
	ASSERT_NE(0, checkpoint(0, &one));
	ASSERT_TRUE(ckpt_run_log_has(&run, "has perf events: end the measurement (perf), or"));
	ASSERT_TRUE(ckpt_run_log_has(&run, "a performance counter can't be saved yet"));
	ASSERT_EQ(0, checkpoint_and_kill(&both));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, checkpoint_and_kill(&(struct checkpoint_args){ 0 }));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
}

/* What stays outside by a rule wants another in its place. */
TEST_F_TIMEOUT(advice, outside_by_name, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rules[] = {
		{ .pattern = (uintptr_t)"*.twice", .action = CHECKPOINT_RULE_EXTERNAL },
	};
	const struct checkpoint_args said = RULES(rules);

	ASSERT_EQ(0, start(&twice, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(EBADF, restart(0, &nothing));
	ASSERT_TRUE(ckpt_run_log_has(&run, "was left outside: give another one"));
}

/* What lies there then is opened, at the position that it had. */
TEST_F_TIMEOUT(advice, opened_anew, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rules[] = {
		{ .pattern = (uintptr_t)"*.replaced", .action = CHECKPOINT_RULE_REOPEN },
	};
	const struct checkpoint_args said = RULES(rules);
	int fd;

	ASSERT_EQ(0, start(&replaced, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(0, unlink(path_of("replaced")));
	ASSERT_EQ(ENOENT, restart(0, &nothing));
	ASSERT_EQ(0, mkdir(path_of("replaced"), 0700));
	ASSERT_EQ(ESTALE, restart(0, &nothing));
	ASSERT_EQ(0, rmdir(path_of("replaced")));
	fd = open(path_of("replaced"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, write(fd, "newer", 5));
	close(fd);
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
}

/* A connection to the outside is cut, one inside is not. */
TEST_F_TIMEOUT(advice, disconnected, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rules[] = {
		{ .pattern = (uintptr_t)"sockfs:*", .action = CHECKPOINT_RULE_DISCONNECT },
	};
	const struct checkpoint_args said = RULES(rules);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	char name[8] = "", c;
	int listener, peer;

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	ASSERT_EQ(0, listen(listener, 5));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&addr, &len));
	memcpy(name, addr.sun_path + 1, 5);
	ASSERT_EQ(0, setenv("CKPT_SOCKET", name, 1));
	ASSERT_EQ(0, start(&connected, variant->container));
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, peer);
	ASSERT_EQ(4, write(peer, "data", 4));
	ASSERT_EQ(EBUSY, checkpoint(0, &(struct checkpoint_args){ 0 }));
	ASSERT_TRUE(ckpt_run_log_has(&run, "cut the connection (--disconnect)"));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "comes back as if its other end had been closed"));
	/* To the one outside it is as any death: it has lost what was not received. */
	ASSERT_GE(0, read(peer, &c, 1));
	ASSERT_EQ(0, restart(0, &nothing));
	/* Nothing has to be said of it any more. */
	ASSERT_EQ(0, checkpoint_and_kill(&(struct checkpoint_args){ 0 }));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
	close(peer);
	close(listener);
}

/* A socket of a family that is refused: by its descriptor, or by what all such are called. */
TEST_F_TIMEOUT(advice, socket_of_another_family, CKPT_TIMEOUT)
{
	const struct checkpoint_rule by_fd[] = {
		{ .fd = FD, .action = CHECKPOINT_RULE_CLOSE },
	}, by_name[] = {
		{ .pattern = (uintptr_t)"sockfs:*", .action = CHECKPOINT_RULE_CLOSE },
	};
	const struct checkpoint_args said[] = { RULES(by_fd), RULES(by_name) };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, start(&of_another_family, variant->container));
		ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &(struct checkpoint_args){ 0 }));
		ASSERT_TRUE(ckpt_run_log_has(&run, "a vsock socket can't be saved yet"));
		ASSERT_EQ(0, checkpoint_and_kill(&said[i])) {
			ckpt_run_print_log(&run);
		}
		ASSERT_EQ(0, restart(0, &nothing));
		ASSERT_EQ(0, checkpoint_and_kill(&(struct checkpoint_args){ 0 }));
		ASSERT_EQ(0, restart(0, &nothing));
		ASSERT_EQ(0, go());
		if (!i)
			ckpt_run_fini(&run);
	}
}

/* An end does not stay without the other one. */
TEST_F_TIMEOUT(advice, one_end_is_left_out, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rules[] = {
		{ .fd = FD, .action = CHECKPOINT_RULE_CLOSE },
		{ .fd = FD2, .action = CHECKPOINT_RULE_CLOSE },
	};
	struct checkpoint_args said = RULES(rules);

	ASSERT_EQ(0, start(&both_ends, variant->container));
	said.rules_count = 1;
	ASSERT_EQ(EBUSY, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the socket that it is connected to is left out: "
				     "leave this one out, too (--close)")) {
		ckpt_run_print_log(&run);
	}
	said.rules_count = 2;
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
}

/* What is mapped, and what has no path, is not opened anew. */
TEST_F_TIMEOUT(advice, not_opened_anew, CKPT_TIMEOUT)
{
	struct checkpoint_rule rule[] = { { .fd = FD, .action = CHECKPOINT_RULE_REOPEN } };
	const struct checkpoint_args said = RULES(rule);

	ASSERT_EQ(0, start(&mapped, variant->container));
	ASSERT_EQ(EBUSY, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is mapped, so that its descriptor can't stay outside"));
	ckpt_run_fini(&run);
	ASSERT_EQ(0, start(&registered, variant->container));
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "with a path can be opened anew"));
}

/* Memory that is left out comes back as zeros, and is in no image any more. */
TEST_F_TIMEOUT(advice, memory, CKPT_TIMEOUT)
{
	struct checkpoint_range range[2] = { 0 };
	const struct checkpoint_args said = {
		.ranges = (uintptr_t)range, .ranges_count = 2,
	};

	ASSERT_EQ(0, start(&pages, variant->container));
	range[0].start = run.board->value[0] + CKPT_PAGE;
	range[0].end = range[0].start + CKPT_PAGE;
	/* They overlap. */
	range[1].start = range[0].start;
	range[1].end = range[0].start + 2 * CKPT_PAGE;
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "left out: comes back as zeros"));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, checkpoint_and_kill(&(struct checkpoint_args){ 0 }));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
}

/* What would not come back as zeros is not left out. */
TEST_F_TIMEOUT(advice, memory_of_a_file, CKPT_TIMEOUT)
{
	struct checkpoint_range range = { 0 };
	const struct checkpoint_args said = {
		.ranges = (uintptr_t)&range, .ranges_count = 1,
	};

	ASSERT_EQ(0, start(&mapped, variant->container));
	range.start = run.board->value[0];
	range.end = range.start + CKPT_PAGE;
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "there is no private anonymous memory"));
	range.start = CKPT_PAGE;
	range.end = 2 * CKPT_PAGE;
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &said));
	range.start++;
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	range.start = range.end;
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	range.start = 0;
	range.reserved = 1;
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	range.reserved = 0;
	range.pid = -1;
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	range.pid = getpid();
	ASSERT_EQ(ESRCH, checkpoint(0, &said));
}

/* Rules that are none. */
TEST_F_TIMEOUT(advice, wrong, CKPT_TIMEOUT)
{
	static char text[8192];
	struct checkpoint_rule rule = { .fd = FD, .action = CHECKPOINT_RULE_CLOSE };
	struct checkpoint_args said = { .rules = (uintptr_t)&rule, .rules_count = 1 };
	char *edge = ckpt_two_pages();

	ASSERT_NE(NULL, edge);
	ASSERT_EQ(0, start(&twice, variant->container));
	rule.action = 0;
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	rule.action = CHECKPOINT_RULE_MOVE + 1;
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	rule.action = CHECKPOINT_RULE_CLOSE;
	rule.reserved = 1;
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	rule.reserved = 0;
	rule.fd = -1;
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	rule.fd = FD;
	rule.pattern = (uintptr_t)"*";
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	rule.fd = 0;
	rule.pattern = (uintptr_t)"";
	ASSERT_EQ(EINVAL, checkpoint(0, &said));
	memset(text, 'x', sizeof(text) - 1);
	rule.pattern = (uintptr_t)text;
	ASSERT_EQ(E2BIG, checkpoint(0, &said));
	edge[ckpt_page() - 1] = 'x';
	rule.pattern = (uintptr_t)edge + ckpt_page() - 1;
	ASSERT_EQ(EFAULT, checkpoint(0, &said));
	rule.pattern = 0;
	rule.fd = FD + 100;
	ASSERT_EQ(EBADF, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "the process has no such descriptor"));
	rule.fd = FD;
	rule.pid = getpid();
	ASSERT_EQ(ESRCH, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "there is no such process in the tree"));
	rule.pid = 0;
	said.rules_count = 257;
	ASSERT_EQ(E2BIG, checkpoint(0, &said));
	said.rules_count = 1;
	said.rules = (uintptr_t)edge + ckpt_page() - sizeof(rule) / 2;
	ASSERT_EQ(EFAULT, checkpoint(0, &said));
}

TEST_HARNESS_MAIN
