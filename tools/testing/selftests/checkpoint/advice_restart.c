// SPDX-License-Identifier: GPL-2.0
/*
 * What the caller of restart(2) says of files that differ or have other paths, and of namespaces
 * that are there.
 */
#include "advice.h"
#include "rtnetlink.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/utsname.h>

static const struct checkpoint_args nothing;

/* A file that it writes to at its position. */
CKPT_SCENARIO(writer)
{
	char path[320];
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_WRONLY | O_CREAT, 0600));
	CHECK_EQ(FD, dup2(fd, FD));
	CHECK_SYS(close(fd));
	CHECK_EQ(7, write(FD, "before\n", 7));
	ckpt_ready_wait();
	CHECK_EQ(6, write(FD, "after\n", 6));
}

/* It works in a directory, and has a file in it. */
CKPT_SCENARIO(worker)
{
	char path[320];

	CHECK_SYS(mkdir(ckpt_path(path, sizeof(path), "dir"), 0700));
	CHECK_SYS(chdir(path));
	CHECK_EQ(FD, dup2(CHECK_SYS(open("file", O_RDWR | O_CREAT, 0600)), FD));
	ckpt_ready_wait();
	CHECK_EQ(5, write(FD, "after", 5));
	CHECK_SYS(rename("file", "renamed"));
}

/* Container with a name of its own, which it has no more when it has come back. */
CKPT_SCENARIO(named, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWUTS)
{
	struct utsname names;

	CHECK_SYS(sethostname("ckpt-own", 8));
	ckpt_ready_wait();
	CHECK_SYS(uname(&names));
	CHECK_STREQ(board->text, names.nodename);
}

/* Container with an ipc namespace of its own, which is the caller's when it has come back. */
CKPT_SCENARIO(empty_ipc, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	char link[64] = "";

	ckpt_ready_wait();
	CHECK_SYS(readlink("/proc/self/ns/ipc", link, sizeof(link) - 1));
	CHECK_STREQ(board->text, link);
}

/* The same with something in it. */
CKPT_SCENARIO(used_ipc, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC)
{
	int id = CHECK_SYS(shmget(4711, CKPT_PAGE, IPC_CREAT | 0600));

	ckpt_ready_wait();
	CHECK_EQ(id, shmget(4711, 0, 0));
}

/* Container with a network namespace of its own, with something in it that is not saved. */
CKPT_SCENARIO(networked, .flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET)
{
	char link[64] = "";
	int fd[2];
	char c;

	switch_lo(true);
	rt_resilient(7);
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	CHECK_EQ(1, write(fd[0], "x", 1));
	ckpt_ready_wait();
	CHECK_SYS(readlink("/proc/self/ns/net", link, sizeof(link) - 1));
	CHECK_STREQ(board->text, link);
	CHECK_EQ(1, read(fd[1], &c, 1));
	CHECK_EQ('x', c);
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

static int append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* What somebody has added is cut off when the caller wants it. */
TEST_F_TIMEOUT(advice, cut_off, CKPT_TIMEOUT)
{
	struct restart_rule rules[] = {
		{ .pattern = (uintptr_t)"*.nothing", .action = RESTART_RULE_ACCEPT },
		{ .pattern = (uintptr_t)"*.log", .action = RESTART_RULE_REFUSE },
	};
	const struct restart_args said = { .rules = (uintptr_t)rules, .rules_count = 2 };
	char text[64];
	struct stat st;

	ASSERT_EQ(0, start(&writer, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(0, append(path_of("log"), "of somebody else\n"));
	ASSERT_EQ(ESTALE, restart(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "had 7 bytes, has 24"));
	rules[0].pattern = (uintptr_t)"*.lo?";
	rules[0].action = RESTART_RULE_TRUNCATE;
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is cut off where it ended"));
	ASSERT_EQ(0, stat(path_of("log"), &st));
	ASSERT_EQ(7, st.st_size);
	ASSERT_EQ(0, go_again());
	ASSERT_STREQ("before\nafter\n", ckpt_read_file(path_of("log"), text, sizeof(text)));
}

/* What was open by a name becomes a file of the caller's. */
TEST_F_TIMEOUT(advice, given_by_name, CKPT_TIMEOUT)
{
	struct restart_rule rules[] = {
		{ .pattern = (uintptr_t)"*.other", .action = RESTART_RULE_GIVE },
		{ .pattern = (uintptr_t)"*.log", .action = RESTART_RULE_REFUSE },
	};
	const struct restart_args said = { .rules = (uintptr_t)rules, .rules_count = 2 };
	char text[64];
	int closed;

	ASSERT_EQ(0, start(&writer, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	closed = open(path_of("given"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, closed);
	rules[0].own_fd = closed;
	ASSERT_EQ(EBADF, restart(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "no open file of the image has such a path"));
	rules[0].pattern = (uintptr_t)"*.lo?";
	rules[0].own_fd = open(path_of("given"), O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, rules[0].own_fd);
	ASSERT_EQ(EBADF, restart(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is written to: descriptor"));
	close(rules[0].own_fd);
	ASSERT_EQ(EBADF, restart(0, &said));
	rules[0].own_fd = closed;
	ASSERT_EQ(0, restart(0, &said));
	close(closed);
	ASSERT_EQ(0, go_again());
	EXPECT_STREQ("before\n", ckpt_read_file(path_of("log"), text, sizeof(text)));
	EXPECT_STREQ("after\n", ckpt_read_file(path_of("given"), text, sizeof(text)));
	unlink(path_of("given"));
}

/* What is missing can't be cut off. */
TEST_F_TIMEOUT(advice, too_short, CKPT_TIMEOUT)
{
	struct restart_rule rule = {
		.pattern = (uintptr_t)"*.log", .action = RESTART_RULE_TRUNCATE,
	};
	const struct restart_args said = { .rules = (uintptr_t)&rule, .rules_count = 1 };
	struct stat st;

	ASSERT_EQ(0, start(&writer, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(0, truncate(path_of("log"), 3));
	ASSERT_EQ(ESTALE, restart(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "it is not only longer"));
	rule.action = RESTART_RULE_ACCEPT;
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_EQ(0, stat(path_of("log"), &st));
	ASSERT_EQ(3, st.st_size);
	ASSERT_EQ(0, go_again());
}

/* A restart that fails leaves a file as it is. */
TEST_F_TIMEOUT(advice, not_cut_off, CKPT_TIMEOUT)
{
	const struct restart_rule rule = {
		.pattern = (uintptr_t)"*.log", .action = RESTART_RULE_TRUNCATE,
	};
	const struct restart_args said = { .rules = (uintptr_t)&rule, .rules_count = 1 };
	struct stat st;
	off_t last;
	char byte;

	ASSERT_EQ(0, start(&writer, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(0, append(path_of("log"), "x"));
	/* The end of the image, which is read last, is damaged. */
	last = lseek(image, 0, SEEK_END) - 1;
	ASSERT_EQ(1, pread(image, &byte, 1, last));
	byte ^= 1;
	ASSERT_EQ(1, pwrite(image, &byte, 1, last));
	ASSERT_NE(0, restart(0, &said));
	ASSERT_EQ(0, stat(path_of("log"), &st));
	ASSERT_EQ(8, st.st_size);
	byte ^= 1;
	ASSERT_EQ(1, pwrite(image, &byte, 1, last));
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_EQ(0, go_again());
}

/* A file that was moved, and a directory with what is below it. */
TEST_F_TIMEOUT(advice, other_paths, CKPT_TIMEOUT)
{
	char from[600], to[520], text[64];
	const struct restart_map map = { .from = (uintptr_t)from, .to = (uintptr_t)to };
	const struct restart_args said = { .maps = (uintptr_t)&map, .maps_count = 1 };
	const struct restart_args other = { 0 };

	ASSERT_EQ(0, start(&worker, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	snprintf(from, sizeof(from), "%s", path_of("dir"));
	snprintf(to, sizeof(to), "%s/", path_of("moved"));
	ASSERT_EQ(0, rename(from, path_of("moved")));
	ASSERT_EQ(ENOENT, restart(0, &other));
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_EQ(0, go_again());
	snprintf(from, sizeof(from), "%srenamed", to);
	ASSERT_STREQ("after", ckpt_read_file(from, text, sizeof(text)));
	ASSERT_EQ(0, unlink(from));
	ASSERT_EQ(0, rmdir(to));
}

/* A copy at another path is the file, though its inode is another one. */
TEST_F_TIMEOUT(advice, copy, CKPT_TIMEOUT)
{
	char from[512], to[512], text[64];
	const struct restart_map map = { .from = (uintptr_t)from, .to = (uintptr_t)to };
	const struct restart_args said = { .maps = (uintptr_t)&map, .maps_count = 1 };
	struct timespec times[2];
	struct stat st;
	int fd;

	ASSERT_EQ(0, start(&writer, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	snprintf(from, sizeof(from), "%s", path_of("log"));
	snprintf(to, sizeof(to), "%s", path_of("copy"));
	ASSERT_EQ(0, stat(from, &st));
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(7, write(fd, "before\n", 7));
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	ASSERT_EQ(0, futimens(fd, times));
	close(fd);
	ASSERT_EQ(ESTALE, restart(RESTART_STRICT, &said));
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_EQ(0, go_again());
	ASSERT_STREQ("before\n", ckpt_read_file(from, text, sizeof(text)));
	ASSERT_STREQ("before\nafter\n", ckpt_read_file(to, text, sizeof(text)));
	ASSERT_EQ(0, unlink(to));
}

TEST_F_TIMEOUT(advice, uts_namespace, CKPT_TIMEOUT)
{
	struct restart_args said = { 0 };
	struct utsname names;

	if (!variant->container)
		SKIP(return, "only containers have one");
	ASSERT_EQ(0, uname(&names));
	ASSERT_EQ(0, start(&named, true));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	snprintf(run.saved.text, sizeof(run.saved.text), "%s", names.nodename);
	ASSERT_EQ(0, restart(RESTART_CALLER_UTS, &said));
	ASSERT_EQ(0, go_again());
}

TEST_F_TIMEOUT(advice, ipc_namespace, CKPT_TIMEOUT)
{
	const struct restart_args said = { 0 };

	if (!variant->container)
		SKIP(return, "only containers have one");
	ASSERT_EQ(0, start(&empty_ipc, true));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	memset(run.saved.text, 0, sizeof(run.saved.text));
	ASSERT_LT(0, readlink("/proc/self/ns/ipc", run.saved.text, sizeof(run.saved.text) - 1));
	ASSERT_EQ(0, restart(RESTART_CALLER_IPC, &said));
	ASSERT_EQ(0, go_again());
}

TEST_F_TIMEOUT(advice, ipc_namespace_in_use, CKPT_TIMEOUT)
{
	const struct restart_args said = { 0 };

	if (!variant->container)
		SKIP(return, "only containers have one");
	ASSERT_EQ(0, start(&used_ipc, true));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(EBUSY, restart(RESTART_CALLER_IPC, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "its ipc namespace has 1 shared memory segments"));
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_EQ(0, go());
}

/* What is in it stays outside, and is where the caller is. */
TEST_F_TIMEOUT(advice, net_namespace, CKPT_TIMEOUT)
{
	const struct checkpoint_args outside = { .flags = CHECKPOINT_NET_OUTSIDE };
	const struct restart_args said = { 0 };

	if (!variant->container)
		SKIP(return, "only containers have one");
	ASSERT_EQ(0, start(&networked, true));
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &nothing));
	ASSERT_TRUE(ckpt_run_log_has(&run, "its network namespace has resilient groups of nexthops"));
	ASSERT_EQ(0, checkpoint_and_kill(&outside));
	ASSERT_EQ(EINVAL, restart(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "what is in its network namespace was left outside"));
	memset(run.saved.text, 0, sizeof(run.saved.text));
	ASSERT_LT(0, readlink("/proc/self/ns/net", run.saved.text, sizeof(run.saved.text) - 1));
	ASSERT_EQ(0, restart(RESTART_CALLER_NET, &said));
	ASSERT_EQ(0, go_again());
}

/* It takes the place of one that the image has, too, and of none. */
TEST_F_TIMEOUT(advice, net_namespace_in_place, CKPT_TIMEOUT)
{
	const struct restart_args said = { 0 };

	ASSERT_EQ(0, start(&writer, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(0, restart(RESTART_CALLER_NET, &said));
	ASSERT_EQ(0, go_again());
}

/* Rules and paths that are none. */
TEST_F_TIMEOUT(advice, wrong, CKPT_TIMEOUT)
{
	static char text[8192];
	struct restart_rule rule = { .pattern = (uintptr_t)"/x", .action = 0 };
	struct restart_map map = { .from = (uintptr_t)"/x", .to = (uintptr_t)"y" };
	struct restart_args rules = { .rules = (uintptr_t)&rule, .rules_count = 1 };
	struct restart_args maps = { .maps = (uintptr_t)&map, .maps_count = 1 };
	char *edge = ckpt_two_pages();

	ASSERT_NE(NULL, edge);
	ASSERT_EQ(0, start(&writer, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(EINVAL, restart(0, &rules));
	rule.action = RESTART_RULE_MOVE + 1;
	ASSERT_EQ(EINVAL, restart(0, &rules));
	rule.action = RESTART_RULE_ACCEPT;
	rule.own_fd = 1;
	ASSERT_EQ(EINVAL, restart(0, &rules));
	rule.own_fd = 0;
	rule.pattern = (uintptr_t)"";
	ASSERT_EQ(EINVAL, restart(0, &rules));
	rule.pattern = 0;
	ASSERT_EQ(EFAULT, restart(0, &rules));
	memset(text, 'x', sizeof(text) - 1);
	rule.pattern = (uintptr_t)text;
	ASSERT_EQ(E2BIG, restart(0, &rules));
	rule.pattern = (uintptr_t)"/x";
	rules.rules_count = 257;
	ASSERT_EQ(E2BIG, restart(0, &rules));
	rules.rules_count = 1;
	rules.rules = (uintptr_t)edge + ckpt_page() - sizeof(rule) / 2;
	ASSERT_EQ(EFAULT, restart(0, &rules));

	ASSERT_EQ(EINVAL, restart(0, &maps));
	map.to = (uintptr_t)"/y";
	map.from = (uintptr_t)"x";
	ASSERT_EQ(EINVAL, restart(0, &maps));
	/* The longest path leaves no room for what is below it. */
	text[0] = '/';
	text[4000] = 0;
	map.from = (uintptr_t)"/";
	map.to = (uintptr_t)text;
	ASSERT_NE(0, restart(0, &maps));
	maps.maps_count = 257;
	ASSERT_EQ(E2BIG, restart(0, &maps));
	maps.maps_count = 1;
	map.from = (uintptr_t)"/nowhere";
	ASSERT_EQ(0, restart(0, &maps));
	ASSERT_EQ(0, go());
}

TEST_HARNESS_MAIN
