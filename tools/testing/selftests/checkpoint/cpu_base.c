// SPDX-License-Identifier: GPL-2.0
/*
 * Images for a named CPU: checkpoint(2) compares its words (cpu, cpu_words, cpu_arch) with what
 * the tasks can have seen here.  One that has as much or more is accepted, and the image is the
 * same; for each feature that it lacks the tasks are refused, by that name, before one of them is
 * frozen.  So it is after a restart.
 */
#include "fault.h"

#include <poll.h>

#define WORDS		8
#define CONTAINER	IMAGE_KIND_CONTAINER
#define LACKS		"which the CPU that the image is for lacks"

/* x86-64: the word of register state, and that of its bytes. */
#define STATE		5
#define STATE_LEN	6

static struct ckpt_run run;
static struct checkpoint_args args;
static uint64_t words[WORDS], there[WORDS];
static unsigned int count;
static uint32_t arch;
static int image = -1;

CKPT_SCENARIO(counts)
{
	pid_t kid = ckpt_fork(ckpt_child_waits, NULL);
	int ends[2];

	/* What a dry run tells the names of. */
	CHECK_SYS(pipe(ends));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* What an image of these tasks says of the CPU. */
static int learn(int fd)
{
	struct image im;
	size_t body;
	unsigned int n;

	if (image_load(&im, fd))
		return -1;
	body = image_body(&im, CONTAINER);
	count = image_get(&im, body + IMAGE_AT(container, cpu_words), 4);
	arch = image_get(&im, IMAGE_AT(header, arch), 4);
	for (n = 0; n < WORDS; n++)
		words[n] = image_get(&im, body + IMAGE_AT(container, cpu) + 8 * n, 8);
	free(im.data);
	return 0;
}

/* checkpoint(2) for the CPU @there. */
static long call(uint64_t flags)
{
	ckpt_run_args(&run, &args, flags & CHECKPOINT_DRY_RUN ? -1 : image, flags);
	args.cpu = (uintptr_t)there;
	args.cpu_words = WORDS;
	args.cpu_arch = arch;
	return sys_checkpoint(&args, sizeof(args));
}

/* It is refused for the reason @why: nothing is written, and nobody is frozen or dead. */
static int refused(uint64_t flags, const char *why)
{
	struct pollfd dead = { .fd = args.pidfd, .events = POLLIN };
	struct stat st;
	long ret = call(flags);

	if (ret != -1 || errno != EOPNOTSUPP || !ckpt_run_log_has(&run, why) ||
	    !ckpt_run_log_has(&run, "refused: all tasks: ")) {
		ckpt_diag("%ld, errno %d, not for %s", ret, errno, why);
		ckpt_run_print_log(&run);
		return -1;
	}
	if (fstat(image, &st) || st.st_size || ckpt_cgroup_frozen(&run.cg) ||
	    poll(&dead, 1, 0)) {
		ckpt_diag("something was done for %s", why);
		return -1;
	}
	return 0;
}

FIXTURE(cpu) { int unused; };

FIXTURE_SETUP(cpu)
{
	int first;

	CKPT_BEGIN();
	first = ckpt_image_new();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &counts, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_LT(0, ckpt_run_call(&run, first, 0));
	ASSERT_EQ(0, learn(first));
	close(first);
	ckpt_run_args(&run, &args, image, 0);
	memcpy(there, words, sizeof(there));
}

FIXTURE_TEARDOWN(cpu)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* The same CPU; what it has is in the image, also in that of a second generation. */
TEST_F_TIMEOUT(cpu, same, CKPT_TIMEOUT)
{
	ASSERT_LT(0u, count);
	ASSERT_NE(0u, words[0]);
	ASSERT_LT(0, call(CHECKPOINT_DRY_RUN));
	ASSERT_FALSE(ckpt_run_log_has(&run, "refused: "));
	ASSERT_LT(0, call(CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_killed(&run, 0));
	ASSERT_EQ(0, learn(image));
	ASSERT_EQ(0, memcmp(there, words, sizeof(there)));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ASSERT_EQ(0, ftruncate(image, 0));
	lseek(image, 0, SEEK_SET);
	ASSERT_LT(0, call(CHECKPOINT_DRY_RUN));
	there[0] &= there[0] - 1;
	ASSERT_EQ(0, refused(0, LACKS));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* One that has more, which no program minds: known features, and those of the future. */
TEST_F_TIMEOUT(cpu, more, CKPT_TIMEOUT)
{
	unsigned int n;

	for (n = 0; n < WORDS; n++) {
#ifdef __x86_64__
		if (n == STATE || n == STATE_LEN)
			continue;
#endif
		there[n] = ~0ull;
	}
	ASSERT_LT(0, call(CHECKPOINT_DRY_RUN));
	ASSERT_LT(0, call(CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_killed(&run, 0));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* Each feature of this CPU that the other one lacks. */
TEST_F_TIMEOUT(cpu, fewer, CKPT_TIMEOUT)
{
	unsigned int n, bit, all = 0;
	bool alone;

	for (n = 0; n < WORDS; n++) {
#ifdef __x86_64__
		if (n == STATE_LEN)
			continue;
#endif
		for (bit = 0; bit < 64; bit++) {
			if (!(words[n] & 1ull << bit))
				continue;
			memcpy(there, words, sizeof(there));
			there[n] &= ~(1ull << bit);
			ASSERT_EQ(0, refused(CHECKPOINT_DRY_RUN, LACKS));
			/* By its name. */
			ASSERT_FALSE(ckpt_run_log_has(&run, "feature "));
			all++;
		}
	}
	ASSERT_LT(0u, all);
	/* Nobody dies of it, and words that are not there are none. */
	ASSERT_EQ(0, refused(CHECKPOINT_KILL, LACKS));
	ASSERT_EQ(0, refused(CHECKPOINT_FROZEN, LACKS));
	ckpt_run_args(&run, &args, image, 0);
	args.cpu = (uintptr_t)words;
	args.cpu_words = 1;
	args.cpu_arch = arch;
	alone = !(words[1] | words[2] | words[3] | words[4] | words[5]);
	ASSERT_EQ(alone, sys_checkpoint(&args, sizeof(args)) > 0);
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

/* A dry run tells the rest, too. */
TEST_F_TIMEOUT(cpu, dry_run, CKPT_TIMEOUT)
{
	memset(there, 0, sizeof(there));
	ASSERT_EQ(0, refused(CHECKPOINT_DRY_RUN, LACKS));
	ASSERT_TRUE(ckpt_run_log_has(&run, "has: "));
	ASSERT_EQ(0, refused(0, LACKS));
	ASSERT_FALSE(ckpt_run_log_has(&run, "has: "));
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

#ifdef __x86_64__
/* Registers for which the tasks have made no room, or that lie elsewhere. */
TEST_F_TIMEOUT(cpu, state, CKPT_TIMEOUT)
{
	const uint64_t avx512 = 7ull << 5, apx = 1ull << 19;
	uint64_t more = words[STATE] & avx512 ? apx : avx512;

	if (!words[STATE])
		SKIP(goto out, "this CPU has no XSAVE");
	if (words[STATE] & more)
		SKIP(goto out, "this CPU has all of them");
	there[STATE] |= more;
	there[STATE_LEN] += 64;
	ASSERT_EQ(0, refused(0, "which the kernel that the image is for has enabled"));
	ASSERT_TRUE(ckpt_run_log_has(&run, more == apx ? "apx-state" : "zmm-hi256-state"));
	there[STATE] = words[STATE];
	ASSERT_EQ(0, refused(0, "their extended state has "));
	/* It is not known how many bytes they are there. */
	there[STATE_LEN] = 0;
	ASSERT_LT(0, call(CHECKPOINT_DRY_RUN));
out:
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
}
#endif

TEST_HARNESS_MAIN
