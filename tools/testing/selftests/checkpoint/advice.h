/* SPDX-License-Identifier: GPL-2.0 */
/* One checkpoint that ends a scenario, and one restart of it, with what the caller says to both. */
#ifndef CKPT_TEST_ADVICE_H
#define CKPT_TEST_ADVICE_H

#include "common.h"

/* Where scenarios have what the advice is about, and another descriptor. */
#define FD	77
#define FD2	78

static struct ckpt_run run;
static int image = -1;

/* The arguments of either call with these rules. */
#define RULES(list) \
	{ .rules = (uintptr_t)(list), .rules_count = sizeof(list) / sizeof((list)[0]) }

/* In a scenario: has what is open as @fd at @want instead. */
static inline void place(int fd, int want)
{
	CHECK_EQ(want, dup2(fd, want));
	CHECK_SYS(close(fd));
}

static inline int start(struct ckpt_scenario *sc, bool container)
{
	if (ckpt_run_init(&run, sc, container))
		return -1;
	return ckpt_run_start(&run);
}

static inline void finish(void)
{
	if (run.board)
		ckpt_run_fini(&run);
	close(image);
}

/* checkpoint(2) with what @said has of flags, rules and ranges; 0, or the errno. */
static inline int checkpoint(uint64_t flags, const struct checkpoint_args *said)
{
	struct checkpoint_args args;

	ckpt_run_args(&run, &args, image, flags | said->flags);
	args.rules = said->rules;
	args.rules_count = said->rules_count;
	args.ranges = said->ranges;
	args.ranges_count = said->ranges_count;
	if (lseek(image, 0, SEEK_SET) || ftruncate(image, 0))
		return -1;
	if (sys_checkpoint(&args, sizeof(args)) > 0)
		return 0;
	return errno;
}

/* The same, after which the tasks are gone, and the board is as it was then. */
static inline int checkpoint_and_kill(const struct checkpoint_args *said)
{
	return ckpt_run_killed(&run, checkpoint(CHECKPOINT_KILL, said));
}

/* restart(2) with what @said has of rules, maps and files; 0, or the errno. */
static inline int restart(uint64_t flags, const struct restart_args *said)
{
	struct restart_args args;
	long pid;

	ckpt_take_board_back(&run);
	if (ckpt_lose(image))
		return -1;
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, flags);
	args.rules = said->rules;
	args.rules_count = said->rules_count;
	args.maps = said->maps;
	args.maps_count = said->maps_count;
	args.fds = said->fds;
	args.fds_count = said->fds_count;
	pid = sys_restart(&args, sizeof(args));
	if (pid < 0)
		return errno;
	run.pid = pid;
	run.pidfd = args.pidfd;
	run.status = 0;
	ckpt_lost();
	return 0;
}

static inline int go(void)
{
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

/* The same after another checkpoint and restart, to which nothing is said. */
static inline int go_again(void)
{
	static const struct checkpoint_args nothing_to_save;
	static const struct restart_args nothing_to_restore;

	if (checkpoint_and_kill(&nothing_to_save) || restart(0, &nothing_to_restore))
		return -1;
	return go();
}

/* The path of a file that the scenario has made with ckpt_path(). */
static inline const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s.%s", run.board_path, name);
	return path;
}

#endif /* CKPT_TEST_ADVICE_H */
