// SPDX-License-Identifier: GPL-2.0
/*
 * Autogroups: each session of the tree is in one, with its nice value, and so are its
 * processes when their leader is dead. One that processes outside are in, too, is
 * refused with a nice value: refuse_groups.c.
 */
#include "rights.h"

#include <fcntl.h>
#include <sys/prctl.h>

#define AUTOGROUP_BEGIN() do {						\
	CKPT_BEGIN();							\
	if (access("/proc/self/autogroup", W_OK))			\
		SKIP(return, "the kernel has no autogroups");		\
} while (0)

CKPT_FIXTURE_IF(AUTOGROUP_BEGIN)

#define BEGUN	0	/* So many have come so far. */
#define END	1	/* They may end. */

#define LEADERS	2

/* Values: of a leader, and of its child, the number and nice value of the autogroup. */
enum { ID, NICE, CHILD_ID, CHILD_NICE, EACH };

/* Writes down in which autogroup the calling process is. */
static void tell_autogroup(int64_t *id, int64_t *nice)
{
	char text[128];
	long number;
	int value;

	ckpt_read_file("/proc/self/autogroup", text, sizeof(text));
	CHECK(sscanf(text, "/autogroup-%ld nice %d", &number, &value) == 2, "%s", text);
	*id = number;
	*nice = value;
}

static void set_nice(const char *nice)
{
	int fd = CHECK_SYS(open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));

	CHECK_EQ((ssize_t)strlen(nice), write(fd, nice, strlen(nice)));
	CHECK_SYS(close(fd));
}

static int waits_and_tells(void *arg)
{
	int64_t *values = (int64_t *)&board->value[EACH * (intptr_t)arg];

	ckpt_step(BEGUN);
	ckpt_step_wait(END, 1);
	tell_autogroup(&values[CHILD_ID], &values[CHILD_NICE]);
	return 51;
}

/* The leader of a session, with a child in that. */
static int leads(void *arg)
{
	int64_t *values = (int64_t *)&board->value[EACH * (intptr_t)arg];
	pid_t kid;

	CHECK_SYS(setsid());
	if (arg)
		set_nice("7");
	kid = ckpt_fork(waits_and_tells, arg);
	ckpt_step(BEGUN);
	ckpt_step_wait(END, 1);
	tell_autogroup(&values[ID], &values[NICE]);
	ckpt_wait_exit(kid, 51);
	return 52;
}

CKPT_CYCLE(autogroups)
{
	int64_t *one = (int64_t *)&board->value[0], *other = (int64_t *)&board->value[EACH];
	pid_t leader[LEADERS];
	intptr_t i;

	for (i = 0; i < LEADERS; i++)
		leader[i] = ckpt_fork(leads, (void *)i);
	ckpt_step_wait(BEGUN, 2 * LEADERS);
	ckpt_ready_wait();
	ckpt_step(END);
	for (i = 0; i < LEADERS; i++)
		ckpt_wait_exit(leader[i], 52);
	CHECK_EQ(0, one[NICE]);
	CHECK_EQ(7, other[NICE]);
	CHECK_EQ(7, other[CHILD_NICE]);
	CHECK_EQ(one[ID], one[CHILD_ID]);
	CHECK_EQ(other[ID], other[CHILD_ID]);
	CHECK(one[ID] != other[ID], "two sessions are in one autogroup");
}

static int leads_and_ends(void *arg)
{
	CHECK_SYS(setsid());
	board->value[EACH] = ckpt_fork(waits_and_tells, (void *)0);
	ckpt_step_wait(BEGUN, 1);
	set_nice("3");
	return 53;
}

/* The leader of the session is dead, and nobody waits for it any more. */
CKPT_CYCLE(autogroup_of_the_dead)
{
	pid_t leader;

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	leader = ckpt_fork(leads_and_ends, NULL);
	ckpt_wait_exit(leader, 53);
	ckpt_ready_wait();
	ckpt_step(END);
	ckpt_wait_exit(board->value[EACH], 51);
	CHECK_EQ(3, board->value[CHILD_NICE]);
}

/* Who had it set may have given up the right to since. */
CKPT_SCENARIO(was_nice)
{
	set_nice("-5");
	CHECK_SYS(drop_cap(CAP_SYS_NICE));
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(rights, nice, CKPT_TIMEOUT)
{
	if (access("/proc/self/autogroup", W_OK)) {
		self->image = -1;
		SKIP(return, "the kernel has no autogroups");
	}
	ASSERT_EQ(0, needs(&self->run, self->image, &was_nice, CAP_SYS_NICE,
			   "can't set the nice value -5 of its autogroup: the caller needs "
			   "CAP_SYS_NICE"));
}

TEST_HARNESS_MAIN
