// SPDX-License-Identifier: GPL-2.0
/* Memory that parents and children share copy-on-write: it is in the image once. */
#include "memory.h"

#include <sys/stat.h>

CKPT_FIXTURE

#define BIG	(24 * MIB)
#define SIZE	(8 * MIB)
#define KIDS	4

static char *big;

static void check_big(size_t from, size_t to)
{
	check_fill(big + from, to - from, from / 8);
}

static int idle_child(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	check_big(0, BIG);
	return 0;
}

static void parent(bool forks)
{
	pid_t kid = 0;

	big = map_anon(BIG, RW, 0);
	fill(big, BIG, 0);
	if (forks) {
		kid = ckpt_fork(idle_child, NULL);
		ckpt_step_wait(0, 1);
	}
	ckpt_ready_wait();
	check_big(0, BIG);
	if (forks)
		ckpt_wait_exit(kid, 0);
}

CKPT_SCENARIO(alone)
{
	parent(false);
}

CKPT_SCENARIO(with_child)
{
	parent(true);
}

/* Size of the image of @sc, which is then restarted from it. */
static off_t image_size(const struct ckpt_scenario *sc, bool container)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	struct stat st;
	off_t size = -1;

	if (!ckpt_run_init(&run, sc, container) && !ckpt_run_start(&run) &&
	    !ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL) && !fstat(image, &st) &&
	    !ckpt_run_restart(&run, image, 0) && !ckpt_run_go(&run) && !ckpt_run_finish(&run))
		size = st.st_size;
	ckpt_run_fini(&run);
	close(image);
	return size;
}

TEST_F_TIMEOUT(cr, size_of_image, CKPT_TIMEOUT)
{
	off_t one = image_size(&alone, variant->container);
	off_t two = image_size(&with_child, variant->container);

	ASSERT_LE((off_t)BIG, one);
	ASSERT_LT(one, two);
	EXPECT_LT(two - one, (off_t)(2 * MIB))
		TH_LOG("%lld bytes, %lld with a child", (long long)one, (long long)two);
}

/* A page that kid @nr takes away, and that is no other's own. */
#define HOLE(nr)	(SIZE / 2 / PAGE + 40 + (nr))

/* Pages of each kid are told by their number: those are its own. */
static bool own_page(size_t page, unsigned int nr)
{
	return page % 64 == nr;
}

static int writing_child(void *arg)
{
	unsigned int nr = (uintptr_t)arg;
	size_t page;

	for (page = 0; page < SIZE / PAGE; page++) {
		if (own_page(page, nr))
			fill(big + page * PAGE, PAGE, nr * 1000000 + page);
	}
	/* A hole of its own, too. */
	CHECK_SYS(munmap(big + HOLE(nr) * PAGE, PAGE));
	ckpt_step(0);
	ckpt_wait_go();
	for (page = 0; page < SIZE / PAGE; page++) {
		if (page == HOLE(nr))
			continue;
		if (own_page(page, nr))
			check_fill(big + page * PAGE, PAGE, nr * 1000000 + page);
		else
			check_big(page * PAGE, (page + 1) * PAGE);
	}
	/* Ours is not theirs. */
	ckpt_step(1);
	ckpt_step_wait(1, KIDS + 1);
	fill(big, MIB, nr);
	ckpt_step(2);
	ckpt_step_wait(2, KIDS + 1);
	check_fill(big, MIB, nr);
	return 0;
}

CKPT_CYCLE(children_that_write)
{
	pid_t kid[KIDS];
	uintptr_t i;

	big = map_anon(SIZE, RW, 0);
	fill(big, SIZE, 0);
	for (i = 0; i < KIDS; i++)
		kid[i] = ckpt_fork(writing_child, (void *)(i + 1));
	ckpt_step_wait(0, KIDS);
	/* Pages that only the children have in common. */
	fill(big + 7 * MIB, MIB, 77);
	ckpt_ready_wait();
	check_big(0, 7 * MIB);
	check_fill(big + 7 * MIB, MIB, 77);
	ckpt_step(1);
	ckpt_step_wait(1, KIDS + 1);
	fill(big, MIB, 99);
	ckpt_step(2);
	ckpt_step_wait(2, KIDS + 1);
	check_fill(big, MIB, 99);
	for (i = 0; i < KIDS; i++)
		ckpt_wait_exit(kid[i], 0);
}

/* The same pages at another address; some that can't be written, or not even be read. */
static int moving_child(void *arg)
{
	char *other = map_anon(4 * MIB, PROT_NONE, 0);

	other = mremap(big + MIB, 4 * MIB, 4 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, other);
	CHECK(other != MAP_FAILED, "mremap: %s", strerror(errno));
	CHECK_SYS(mprotect(other, MIB, PROT_READ));
	CHECK_SYS(mprotect(other + MIB, MIB, PROT_NONE));
	ckpt_step(0);
	ckpt_wait_go();
	check_fill(other, MIB, MIB / 8);
	CHECK_SYS(mprotect(other + MIB, MIB, PROT_READ));
	check_fill(other + MIB, 3 * MIB, 2 * MIB / 8);
	check_big(0, MIB);
	check_big(5 * MIB, SIZE);
	return 0;
}

CKPT_CYCLE(at_another_address)
{
	pid_t kid;

	big = map_anon(SIZE, RW, 0);
	fill(big, SIZE, 0);
	kid = ckpt_fork(moving_child, NULL);
	ckpt_step_wait(0, 1);
	/* Those of the source, too. */
	CHECK_SYS(mprotect(big + 2 * MIB, MIB, PROT_NONE));
	ckpt_ready_wait();
	CHECK_SYS(mprotect(big + 2 * MIB, MIB, PROT_READ));
	check_big(0, SIZE);
	ckpt_wait_exit(kid, 0);
}

TEST_HARNESS_MAIN
