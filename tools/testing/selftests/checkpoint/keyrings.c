// SPDX-License-Identifier: GPL-2.0
/*
 * Keyrings.  That of a session, which whoever logs a user in or starts a service
 * gives to every process, does not stand in the way: a restarted task is in the
 * session of who restarts it.  Those of threads and processes are refused, or
 * left out if the caller says so.  The log names all of that.
 */
#include "common.h"

#include <linux/keyctl.h>

CKPT_FIXTURE

static long keyring(int which, int create)
{
	return syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID, which, create);
}

static long join_new_session(void)
{
	return syscall(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

static bool no_keys(void)
{
	return keyring(KEY_SPEC_SESSION_KEYRING, 0) == -1 && errno == ENOSYS;
}

/* What stands in value[0]: the keyring of the session of the test. */
static int note_session(void *arg)
{
	struct ckpt_run *run = arg;

	run->board->value[0] = keyring(KEY_SPEC_SESSION_KEYRING, 0);
	return 0;
}

/* ---- sessions --------------------------------------------------------- */

/* A login has given it a keyring: it keeps that if it runs on, and gets ours at a restart. */
CKPT_CYCLE(session, .before = note_session)
{
	long own;

	if (no_keys())
		ckpt_not_here();
	own = CHECK_SYS(join_new_session());
	ckpt_ready_wait();
	if (!board->restarts)
		CHECK_EQ(own, keyring(KEY_SPEC_SESSION_KEYRING, 0));
	else
		CHECK_EQ(board->value[0], keyring(KEY_SPEC_SESSION_KEYRING, 0));
	CHECK_EQ(-1, keyring(KEY_SPEC_PROCESS_KEYRING, 0));
	CHECK_EQ(-1, keyring(KEY_SPEC_THREAD_KEYRING, 0));
}

static long get_persistent(void)
{
	return syscall(__NR_keyctl, KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_SESSION_KEYRING);
}

/* That of a user, which outlives sessions, as Kerberos has it: that of a session links to it. */
CKPT_CYCLE(persistent, .before = note_session)
{
	long own, persistent;

	if (no_keys())
		ckpt_not_here();
	own = CHECK_SYS(join_new_session());
	persistent = get_persistent();
	if (persistent < 0)
		ckpt_not_here();
	ckpt_ready_wait();
	if (board->restarts)
		own = board->value[0];
	CHECK_EQ(own, keyring(KEY_SPEC_SESSION_KEYRING, 0));
	/* It is the same for who asks for it again. */
	CHECK_EQ(persistent, get_persistent());
}

/* Processes of one session, and one of another: each keyring is named once. */
CKPT_SCENARIO(sessions)
{
	pid_t child[3];
	int n;

	CHECK_SYS(join_new_session());
	for (n = 0; n < 3; n++)
		child[n] = ckpt_fork(ckpt_child_waits, NULL);
	CHECK_SYS(join_new_session());
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
	for (n = 0; n < 3; n++)
		ckpt_wait_exit(child[n], 0);
}

/* What joins a keyring of its own and has those of its thread and process. */
CKPT_SCENARIO(own)
{
	CHECK_SYS(keyring(KEY_SPEC_PROCESS_KEYRING, 1));
	CHECK_SYS(keyring(KEY_SPEC_THREAD_KEYRING, 1));
	CHECK_SYS(syscall(__NR_keyctl, KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_USER_KEYRING));
	ckpt_ready_wait();
	if (board->restarts) {
		CHECK_EQ(-1, keyring(KEY_SPEC_PROCESS_KEYRING, 0));
		CHECK_EQ(-1, keyring(KEY_SPEC_THREAD_KEYRING, 0));
		CHECK_EQ(KEY_REQKEY_DEFL_DEFAULT,
			 syscall(__NR_keyctl, KEYCTL_SET_REQKEY_KEYRING,
				 KEY_REQKEY_DEFL_NO_CHANGE));
	} else {
		CHECK(keyring(KEY_SPEC_PROCESS_KEYRING, 0) > 0, "it has lost its keyring");
		CHECK(keyring(KEY_SPEC_THREAD_KEYRING, 0) > 0, "it has lost its keyring");
	}
}

FIXTURE(keys)
{
	struct ckpt_run run;
	int image;
};

FIXTURE_SETUP(keys)
{
	CKPT_BEGIN();
	if (no_keys())
		SKIP(return, "the kernel has no keyrings");
	self->image = ckpt_image_new();
}

FIXTURE_TEARDOWN(keys)
{
	if (self->image > 0)
		ckpt_run_fini(&self->run);
}

static int lines_with(struct ckpt_run *run, const char *text)
{
	const char *at = ckpt_run_log(run);
	int count = 0;

	for (; (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

TEST_F_TIMEOUT(keys, each_session_once, CKPT_TIMEOUT)
{
	struct checkpoint_args args;

	ASSERT_EQ(0, ckpt_run_init(&self->run, &sessions, true));
	ASSERT_EQ(0, ckpt_run_start(&self->run));
	ckpt_run_args(&self->run, &args, -1, CHECKPOINT_DRY_RUN | CHECKPOINT_STRICT);
	ASSERT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(2, lines_with(&self->run, "is in a session with another keyring than the "
				"caller's: start it in the caller's (keyctl), or do without "
				"CHECKPOINT_STRICT (--strict) [EOPNOTSUPP]\n"));
	ckpt_run_args(&self->run, &args, -1, CHECKPOINT_DRY_RUN);
	ASSERT_LT(0, sys_checkpoint(&args, sizeof(args)));
	EXPECT_EQ(2, lines_with(&self->run, "is in a session with another keyring than the "
				"caller's: a restart puts it into the session of who restarts it\n"));
	ckpt_run_go(&self->run);
	EXPECT_EQ(0, ckpt_run_finish(&self->run));
}

TEST_F_TIMEOUT(keys, left_out, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, ckpt_run_init(&self->run, &own, true));
	ASSERT_EQ(0, ckpt_run_start(&self->run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&self->run, self->image,
					 CHECKPOINT_KILL | CHECKPOINT_DROP_KEYS));
	EXPECT_TRUE(ckpt_run_log_has(&self->run, "has a keyring of its thread or process: a restarted "
				     "task has none (CHECKPOINT_DROP_KEYS)\n"));
	EXPECT_TRUE(ckpt_run_log_has(&self->run, "has chosen a keyring for the keys that it requests: "
				     "a restarted task has none (CHECKPOINT_DROP_KEYS)\n"));
	lseek(self->image, 0, SEEK_SET);
	ASSERT_EQ(0, ckpt_run_restart(&self->run, self->image, 0));
	ckpt_run_go(&self->run);
	ASSERT_EQ(0, ckpt_run_finish(&self->run));
}

/* What runs on keeps its own. */
TEST_F_TIMEOUT(keys, kept_by_the_original, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, ckpt_run_init(&self->run, &own, true));
	ASSERT_EQ(0, ckpt_run_start(&self->run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&self->run, self->image, CHECKPOINT_DROP_KEYS));
	ckpt_run_go(&self->run);
	ASSERT_EQ(0, ckpt_run_finish(&self->run));
}

TEST_HARNESS_MAIN
