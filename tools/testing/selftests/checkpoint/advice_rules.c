// SPDX-License-Identifier: GPL-2.0
/*
 * Rules of the callers of checkpoint(2) and restart(2): which of several counts, and what each does
 * to what it does not fit: that is refused by name, or is as without the rule. What they do to what
 * they are made for is in advice_checkpoint, advice_contents, advice_restart and
 * sockets_unix_reconnect.
 */
#include "advice.h"
#include "sockets.h"

#include <fcntl.h>
#include <sys/stat.h>

#define USER	4711

static const struct checkpoint_args nothing;
static const struct restart_args no_rules;

/* ---- what the rules are for ------------------------------------------- */

/* Two descriptors of a file that was written to; of the second one, if any, nothing is expected. */
CKPT_SCENARIO(file)
{
	char path[320];

	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_RDWR | O_CREAT, 0600)), FD);
	CHECK_EQ(FD2, dup2(FD, FD2));
	CHECK_EQ(7, write(FD, "before\n", 7));
	ckpt_ready_wait();
	CHECK_EQ(7, lseek(FD, 0, SEEK_CUR));
	CHECK_EQ(6, write(FD, "after\n", 6));
	board->value[0] = fcntl(FD2, F_GETFD) == -1;
}

/* The same, mapped. */
CKPT_SCENARIO(mapped)
{
	char path[320];
	char *map;

	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_RDWR | O_CREAT, 0600)), FD);
	CHECK_SYS(ftruncate(FD, CKPT_PAGE));
	map = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, FD, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	ckpt_ready_wait();
	CHECK_EQ(0, map[0]);
}

/* A file of root's that a user reads. */
CKPT_SCENARIO(read_by_user)
{
	char path[320], text[8] = "";

	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_WRONLY | O_CREAT, 0644)), FD2);
	CHECK_EQ(7, write(FD2, "before\n", 7));
	CHECK_SYS(fchmod(FD2, 0644));
	CHECK_SYS(close(FD2));
	CHECK_SYS(setresgid(USER, USER, USER));
	CHECK_SYS(setresuid(USER, USER, USER));
	place(CHECK_SYS(open(path, O_RDONLY)), FD);
	ckpt_ready_wait();
	CHECK_EQ(7, read(FD, text, 7));
	CHECK_STREQ("before\n", text);
}

/* The end for writing of a pipe of the test's. */
CKPT_SCENARIO(end_of_pipe)
{
	place(CHECK_SYS(open(getenv("CKPT_PIPE"), O_WRONLY)), FD);
	ckpt_ready_wait();
	CHECK_EQ(1, write(FD, "x", 1));
}

/* What is connected inside of the tree, and what is not connected at all. */
CKPT_SCENARIO(inside)
{
	char path[320], c;
	int pair[2], p[2];

	place(CHECK_SYS(open(ckpt_path(path, sizeof(path), "log"), O_RDWR | O_CREAT, 0600)), FD);
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	place(CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0)), FD2);
	CHECK_SYS(ckpt_pipe(p, 0));
	send_text(pair[0], "before");
	CHECK_EQ(1, write(p[1], "p", 1));
	ckpt_ready_wait();
	expect_text(pair[1], "before");
	send_text(pair[1], "back");
	expect_text(pair[0], "back");
	CHECK_EQ(1, read(p[0], &c, 1));
	CHECK_EQ('p', c);
	CHECK_EQ(3, write(FD, "end", 3));
	CHECK_SYS(fcntl(FD2, F_GETFD));
}

FIXTURE(rules) { int unused; };
FIXTURE_VARIANT(rules) { bool container; };
FIXTURE_VARIANT_ADD(rules, container) { .container = true };
FIXTURE_VARIANT_ADD(rules, subtree) { .container = false };

FIXTURE_SETUP(rules)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
}

FIXTURE_TEARDOWN(rules)
{
	finish();
}

/* ---- of checkpoint(2) --------------------------------------------------- */

/* KEEP makes an exception of those that come after it, for one descriptor of an open file, too. */
TEST_F_TIMEOUT(rules, keep_one_of_two, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rules[] = {
		{ .fd = FD, .action = CHECKPOINT_RULE_KEEP },
		{ .pattern = (uintptr_t)"*.log", .action = CHECKPOINT_RULE_CLOSE },
	};
	const struct checkpoint_args said = RULES(rules);
	char text[64];

	ASSERT_EQ(0, start(&file, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_EQ(0, restart(0, &no_rules));
	ASSERT_EQ(0, go_again());
	EXPECT_EQ(1, (int)run.board->value[0]);
	EXPECT_STREQ("before\nafter\n", ckpt_read_file(path_of("log"), text, sizeof(text)));
}

/* It saves nothing that is refused without a rule. */
TEST_F_TIMEOUT(rules, keep_what_is_refused, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rules[] = {
		{ .fd = FD, .action = CHECKPOINT_RULE_KEEP },
		{ .pattern = (uintptr_t)"pipefs:*", .action = CHECKPOINT_RULE_CLOSE },
	};
	struct checkpoint_args said = RULES(rules);
	char name[64], byte;
	int outside[2], ret;

	ASSERT_EQ(0, pipe2(outside, O_CLOEXEC));
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", getpid(), outside[1]);
	setenv("CKPT_PIPE", name, 1);
	ret = start(&end_of_pipe, variant->container);
	ASSERT_EQ(0, close(outside[1]));
	ASSERT_EQ(0, ret);
	ASSERT_EQ(EBUSY, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "pipe's other end is outside"));
	/* The same with the second one alone. */
	said.rules = (uintptr_t)&rules[1];
	said.rules_count = 1;
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &said));
	ASSERT_EQ(0, go());
	ASSERT_EQ(1, read(outside[0], &byte, 1));
	close(outside[0]);
}

/* REFUSE for a descriptor is not for the other one of the same open file. */
TEST_F_TIMEOUT(rules, refuse, CKPT_TIMEOUT)
{
	struct checkpoint_rule rules[] = {
		{ .fd = FD2, .action = CHECKPOINT_RULE_REFUSE },
		{ .pattern = (uintptr_t)"*.log", .action = CHECKPOINT_RULE_CLOSE },
	};
	const struct checkpoint_args said = RULES(rules);
	char named[640];

	ASSERT_EQ(0, start(&file, variant->container));
	ASSERT_EQ(EBUSY, checkpoint(CHECKPOINT_KILL, &said));
	snprintf(named, sizeof(named), "descriptor %d (%s): a rule of the caller refuses it", FD2,
		 path_of("log"));
	ASSERT_TRUE(ckpt_run_log_has(&run, named));
	snprintf(named, sizeof(named), "descriptor %d (%s): a rule of the caller refuses it", FD,
		 path_of("log"));
	ASSERT_FALSE(ckpt_run_log_has(&run, named));
	/* What nothing has the name of is refused by nobody. */
	rules[0] = (struct checkpoint_rule){
		.pattern = (uintptr_t)"*.nothing", .action = CHECKPOINT_RULE_REFUSE,
	};
	ASSERT_EQ(0, checkpoint(CHECKPOINT_DRY_RUN, &said));
	ASSERT_EQ(0, go());
	EXPECT_EQ(0, (int)run.board->value[0]);
}

/* What stays outside gets another in its place, by the same name. */
TEST_F_TIMEOUT(rules, external, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rule[] = {
		{ .pattern = (uintptr_t)"*.log", .action = CHECKPOINT_RULE_EXTERNAL },
	};
	const struct checkpoint_args said = RULES(rule);
	struct restart_rule give[] = {
		{ .pattern = (uintptr_t)"*.log", .action = RESTART_RULE_GIVE },
	};
	const struct restart_args gives = RULES(give);
	char text[64];
	int fd;

	ASSERT_EQ(0, start(&file, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	fd = open(path_of("given"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	/* Its position is that of the caller's. */
	ASSERT_EQ(7, write(fd, "other: ", 7));
	give[0].own_fd = fd;
	ASSERT_EQ(0, restart(0, &gives));
	close(fd);
	ASSERT_EQ(0, go_again());
	EXPECT_STREQ("before\n", ckpt_read_file(path_of("log"), text, sizeof(text)));
	EXPECT_STREQ("other: after\n", ckpt_read_file(path_of("given"), text, sizeof(text)));
	unlink(path_of("given"));
}

/* What is mapped neither stays outside nor is given, whichever call is told so. */
TEST_F_TIMEOUT(rules, mapped, CKPT_TIMEOUT)
{
	const struct checkpoint_rule rule[] = {
		{ .pattern = (uintptr_t)"*.log", .action = CHECKPOINT_RULE_EXTERNAL },
	};
	const struct checkpoint_args said = RULES(rule);
	struct restart_rule give[] = {
		{ .pattern = (uintptr_t)"*.log", .action = RESTART_RULE_GIVE },
	};
	const struct restart_args gives = RULES(give);
	int fd = memfd_create("given", MFD_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, start(&mapped, variant->container));
	ASSERT_EQ(EBUSY, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is mapped, so that its descriptor can't stay outside"));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	give[0].own_fd = fd;
	ASSERT_EQ(EINVAL, restart(0, &gives));
	ASSERT_TRUE(ckpt_run_log_has(&run, "that a task of the image has mapped"));
	close(fd);
	ASSERT_EQ(0, restart(0, &no_rules));
	ASSERT_EQ(0, go_again());
}

/* What is no connection to the outside is saved as it is. */
static void as_it_is(struct __test_metadata *_metadata, bool container, uint32_t action)
{
	const struct checkpoint_rule rule[] = { { .pattern = (uintptr_t)"*", .action = action } };
	const struct checkpoint_args said = RULES(rule);

	ASSERT_EQ(0, start(&inside, container));
	ASSERT_EQ(0, checkpoint_and_kill(&said));
	ASSERT_FALSE(ckpt_run_log_has(&run, "other end had been closed"));
	ASSERT_FALSE(ckpt_run_log_has(&run, "again when it is restarted"));
	ASSERT_EQ(0, restart(0, &no_rules));
	ASSERT_EQ(0, go_again());
}

TEST_F_TIMEOUT(rules, disconnect_inside, CKPT_TIMEOUT)
{
	as_it_is(_metadata, variant->container, CHECKPOINT_RULE_DISCONNECT);
}

TEST_F_TIMEOUT(rules, reconnect_inside, CKPT_TIMEOUT)
{
	as_it_is(_metadata, variant->container, CHECKPOINT_RULE_RECONNECT);
}

/* It is for network devices. */
TEST_F_TIMEOUT(rules, move_no_device, CKPT_TIMEOUT)
{
	as_it_is(_metadata, variant->container, CHECKPOINT_RULE_MOVE);
}

/* ---- of restart(2) ------------------------------------------------------ */

/* Saves the file, to which something is added then; what becomes of that with @action alone. */
static int with_longer(bool container, uint32_t action)
{
	struct restart_rule rule[] = { { .pattern = (uintptr_t)"*.log", .action = action } };
	const struct restart_args said = RULES(rule);
	int fd;

	if (!run.board) {
		if (start(&file, container) || checkpoint_and_kill(&nothing))
			return -1;
		fd = open(path_of("log"), O_WRONLY | O_APPEND | O_CLOEXEC);
		if (fd < 0 || write(fd, "more\n", 5) != 5)
			return -1;
		close(fd);
	}
	return restart(0, &said);
}

static int move(const char *from, const char *to)
{
	char path[512];

	snprintf(path, sizeof(path), "%s", path_of(from));
	return rename(path, path_of(to));
}

/* REFUSE goes before the patterns of files that may differ; what does not differ is taken. */
TEST_F_TIMEOUT(rules, refuse_what_differs, CKPT_TIMEOUT)
{
	const struct restart_rule rule[] = {
		{ .pattern = (uintptr_t)"*.log", .action = RESTART_RULE_REFUSE },
	};
	const struct restart_args said = RULES(rule);

	ASSERT_EQ(0, start(&file, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(0, restart(0, &said));
	ckpt_run_kill(&run);
	ASSERT_EQ(0, truncate(path_of("log"), 6));
	run.accept = "*";
	run.accept_len = 2;
	ASSERT_EQ(ESTALE, restart(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "had 7 bytes, has 6"));
	ASSERT_EQ(0, restart(0, &no_rules));
	ASSERT_TRUE(ckpt_run_log_has(&run, "accepted"));
	ASSERT_EQ(0, go_again());
}

/* ACCEPT is for what a file has in it, not for what is no file. */
TEST_F_TIMEOUT(rules, accept_another_type, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_longer(variant->container, RESTART_RULE_ACCEPT));
	ckpt_run_kill(&run);
	ASSERT_EQ(0, move("log", "moved"));
	ASSERT_EQ(0, mkdir(path_of("log"), 0700));
	ASSERT_EQ(ESTALE, with_longer(variant->container, RESTART_RULE_ACCEPT));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is of another type than when it was saved"));
	ASSERT_EQ(0, rmdir(path_of("log")));
	ASSERT_EQ(ENOENT, with_longer(variant->container, RESTART_RULE_ACCEPT));
	ASSERT_EQ(0, move("moved", "log"));
	ASSERT_EQ(0, with_longer(variant->container, RESTART_RULE_ACCEPT));
	ASSERT_EQ(0, go_again());
}

/* TRUNCATE is for the file that was saved: nothing is cut off another one in its place. */
TEST_F_TIMEOUT(rules, truncate_another_file, CKPT_TIMEOUT)
{
	struct stat st;
	int fd;

	ASSERT_EQ(0, with_longer(variant->container, RESTART_RULE_TRUNCATE));
	ckpt_run_kill(&run);
	/* Beside it, so that it can't have its number. */
	fd = open(path_of("new"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(15, write(fd, "before\nanother\n", 15));
	close(fd);
	ASSERT_EQ(0, move("new", "log"));
	ASSERT_EQ(ESTALE, with_longer(variant->container, RESTART_RULE_TRUNCATE));
	ASSERT_TRUE(ckpt_run_log_has(&run, "it is not only longer"));
	ASSERT_EQ(0, stat(path_of("log"), &st));
	ASSERT_EQ(15, st.st_size);
	ASSERT_EQ(0, with_longer(variant->container, RESTART_RULE_ACCEPT));
	ASSERT_EQ(0, go_again());
}

/* Who may not write to it can't have it cut off, though the caller could. */
TEST_F_TIMEOUT(rules, truncate_for_user, CKPT_TIMEOUT)
{
	struct restart_rule rule[] = {
		{ .pattern = (uintptr_t)"*.log", .action = RESTART_RULE_TRUNCATE },
	};
	const struct restart_args said = RULES(rule);
	struct stat st;

	ASSERT_EQ(0, start(&read_by_user, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	ASSERT_EQ(0, truncate(path_of("log"), 20));
	ASSERT_EQ(EACCES, restart(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "can't be cut off at 7 bytes: who had it open may not"));
	ASSERT_EQ(0, stat(path_of("log"), &st));
	ASSERT_EQ(20, st.st_size);
	rule[0].action = RESTART_RULE_ACCEPT;
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_EQ(0, go_again());
}

/* GIVE takes a file that is open for what the tasks do with it. */
TEST_F_TIMEOUT(rules, give, CKPT_TIMEOUT)
{
	struct restart_rule rule[] = {
		{ .pattern = (uintptr_t)"*.log", .action = RESTART_RULE_GIVE },
	};
	const struct restart_args said = RULES(rule);
	int fd;

	ASSERT_EQ(0, start(&file, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&nothing));
	fd = open(path_of("given"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	rule[0].own_fd = fd;
	ASSERT_EQ(EBADF, restart(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is read from: descriptor"));
	close(fd);
	fd = open(path_of("given"), O_PATH | O_CLOEXEC);
	rule[0].own_fd = fd;
	ASSERT_EQ(EBADF, restart(0, &said));
	close(fd);
	unlink(path_of("given"));
	ASSERT_EQ(0, restart(0, &no_rules));
	ASSERT_EQ(0, go_again());
}

/* DISCONNECT is for addresses of sockets: for files it is not there. */
TEST_F_TIMEOUT(rules, disconnect_file, CKPT_TIMEOUT)
{
	const struct restart_rule rule[] = {
		{ .pattern = (uintptr_t)"*.log", .action = RESTART_RULE_DISCONNECT },
		{ .pattern = (uintptr_t)"*.log", .action = RESTART_RULE_ACCEPT },
	};
	const struct restart_args said = RULES(rule);

	ASSERT_EQ(ESTALE, with_longer(variant->container, RESTART_RULE_DISCONNECT));
	ASSERT_EQ(0, restart(0, &said));
	ASSERT_EQ(0, go_again());
}

TEST_HARNESS_MAIN
