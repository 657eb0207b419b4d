// SPDX-License-Identifier: GPL-2.0
/* Memory that parents and children share copy-on-write: it is shared after a restart, too. */
#include "memory_huge.h"

CKPT_FIXTURE

#define SIZE	(16 * MIB)
#define KIDS	4

/* Of /proc/PID/pagemap. */
#define PM_EXCLUSIVE	(1ull << 56)
#define PM_SWAPPED	(1ull << 62)
#define PM_PRESENT	(1ull << 63)

/* Steps: set up; all are; all have looked; written to. */
enum { SET_UP, LOOKED, LOOKED_AGAIN, WRITTEN, CHECKED };

static char *big;

/* How many pages of @size bytes at @at others have, too. */
static size_t shared_pages(const char *at, size_t size)
{
	const size_t page = sysconf(_SC_PAGESIZE), n = size / page;
	uint64_t *entry = calloc(n, sizeof(*entry));
	int fd = CHECK_SYS(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	size_t i, shared = 0;

	CHECK(entry, "no memory");
	CHECK_EQ(n * sizeof(*entry), CHECK_SYS(pread(fd, entry, n * sizeof(*entry),
						     (uintptr_t)at / page * sizeof(*entry))));
	for (i = 0; i < n; i++) {
		/* Swapped out at the moment: who has it can't be seen. */
		if (entry[i] & PM_SWAPPED)
			shared++;
		else if ((entry[i] & PM_PRESENT) && !(entry[i] & PM_EXCLUSIVE))
			shared++;
	}
	close(fd);
	free(entry);
	return shared;
}

/* Looks when all have written, and again when it is to go on, before any writes again. */
static void stays_shared(const char *at, size_t size, size_t least, unsigned int tasks, bool root)
{
	size_t before, after;

	ckpt_step(SET_UP);
	ckpt_step_wait(SET_UP, tasks);
	before = shared_pages(at, size);
	CHECK(before >= least, "only %zu pages are shared before, not %zu", before, least);
	ckpt_step(LOOKED);
	if (root) {
		ckpt_step_wait(LOOKED, tasks);
		ckpt_ready();
	}
	ckpt_wait_go();
	after = shared_pages(at, size);
	CHECK(after >= before - before / 20, "%zu pages are shared, %zu were", after, before);
	ckpt_step(LOOKED_AGAIN);
	ckpt_step_wait(LOOKED_AGAIN, tasks);
}

static void write_own(unsigned int nr, uint64_t seed)
{
	fill(big + nr * MIB, MIB, seed);
}

/* What a task of @nr has, when those up to it have written with @seed: no other's. */
static void check_own(unsigned int nr, uint64_t seed)
{
	unsigned int other;

	for (other = 0; other < SIZE / MIB; other++) {
		if (other == nr)
			check_fill(big + other * MIB, MIB, seed);
		else
			check_fill(big + other * MIB, MIB, other * MIB / 8);
	}
}

static void member(unsigned int nr)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	bool root = !nr;

	write_own(nr, 1000 + nr);
	/* What is its own of the others is shared by the others. */
	stays_shared(big, SIZE, (SIZE - MIB) / page, KIDS + 1, root);
	check_own(nr, 1000 + nr);
	write_own(nr, 2000 + nr);
	ckpt_step(WRITTEN);
	ckpt_step_wait(WRITTEN, KIDS + 1);
	if (root)
		/* Moves pages about, if the caller may: each must be found everywhere. */
		compact();
	check_own(nr, 2000 + nr);
	/* One has written to a page of all: the others see what was there. */
	if (nr == 1)
		fill(big + 8 * MIB, MIB, 3001);
	ckpt_step(CHECKED);
	ckpt_step_wait(CHECKED, KIDS + 1);
	check_fill(big + 8 * MIB, MIB, nr == 1 ? 3001 : 8 * MIB / 8);
	if (nr == 1)
		fill(big + 8 * MIB, MIB, 8 * MIB / 8);
	check_own(nr, 2000 + nr);
}

static int member_child(void *arg)
{
	member((uintptr_t)arg);
	return 0;
}

static void family(int advice)
{
	pid_t kid[KIDS];
	uintptr_t i;

	compact();
	big = map_anon(SIZE, RW, 0);
	madvise(big, SIZE, advice);
	fill(big, SIZE, 0);
	if (advice == MADV_HUGEPAGE && huge_page() && huge_page() <= 4 * MIB)
		CHECK(huge_bytes(big), "there are no huge pages to be had");
	for (i = 0; i < KIDS; i++)
		kid[i] = ckpt_fork(member_child, (void *)(i + 1));
	member(0);
	for (i = 0; i < KIDS; i++)
		ckpt_wait_exit(kid[i], 0);
}

CKPT_CYCLE(small_pages)
{
	family(MADV_NOHUGEPAGE);
}

CKPT_CYCLE(huge_pages)
{
	family(MADV_HUGEPAGE);
}

/* Only a child and its own child have these: they were written to by the child. */
static int grandchild(void *arg)
{
	size_t page = sysconf(_SC_PAGESIZE);

	stays_shared(big, SIZE, SIZE / page, 3, false);
	check_fill(big, SIZE / 2, 5000);
	check_fill(big + SIZE / 2, SIZE / 2, SIZE / 2 / 8);
	fill(big, MIB, 1);
	check_fill(big, MIB, 1);
	return 0;
}

static int child_with_child(void *arg)
{
	size_t page = sysconf(_SC_PAGESIZE);
	pid_t kid;

	fill(big, SIZE / 2, 5000);
	kid = ckpt_fork(grandchild, NULL);
	stays_shared(big, SIZE, SIZE / page, 3, false);
	check_fill(big, SIZE / 2, 5000);
	ckpt_wait_exit(kid, 0);
	check_fill(big, SIZE / 2, 5000);
	check_fill(big + SIZE / 2, SIZE / 2, SIZE / 2 / 8);
	return 0;
}

CKPT_CYCLE(shared_below)
{
	size_t page = sysconf(_SC_PAGESIZE);
	pid_t kid;

	big = map_anon(SIZE, RW, 0);
	CHECK_SYS(madvise(big, SIZE, MADV_NOHUGEPAGE));
	fill(big, SIZE, 0);
	kid = ckpt_fork(child_with_child, NULL);
	ckpt_step_wait(SET_UP, 1);
	stays_shared(big, SIZE, SIZE / 2 / page, 3, true);
	ckpt_wait_exit(kid, 0);
	check_fill(big, SIZE, 0);
}

/* The parent has nothing there any more; the children have it with other rights. */
static int orphaned(void *arg)
{
	size_t page = sysconf(_SC_PAGESIZE);
	bool first = arg;

	CHECK_SYS(mprotect(big, SIZE / 2, first ? PROT_READ : PROT_NONE));
	stays_shared(big, SIZE, SIZE / page, 3, false);
	CHECK_SYS(mprotect(big, SIZE / 2, RW));
	check_fill(big, SIZE, 0);
	fill(big, SIZE, first);
	ckpt_step(WRITTEN);
	ckpt_step_wait(WRITTEN, 2);
	check_fill(big, SIZE, first);
	return 0;
}

CKPT_CYCLE(not_of_the_parent)
{
	pid_t kid[2];
	char *own;

	own = map_anon(MIB, RW, 0);
	big = map_anon(SIZE, RW, 0);
	CHECK_SYS(madvise(big, SIZE, MADV_NOHUGEPAGE));
	fill(big, SIZE, 0);
	kid[0] = ckpt_fork(orphaned, NULL);
	kid[1] = ckpt_fork(orphaned, (void *)1);
	/* Of the parent's own there is something else. */
	CHECK_SYS(munmap(big, SIZE));
	CHECK(mmap(big, MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == big,
	      "mmap: %s", strerror(errno));
	fill(big, MIB, 7);
	fill(own, MIB, 8);
	stays_shared(own, MIB, 0, 3, true);
	check_fill(big, MIB, 7);
	check_fill(own, MIB, 8);
	ckpt_wait_exit(kid[0], 0);
	ckpt_wait_exit(kid[1], 0);
}

/* A child that has its parent's memory, filled with @arg, and then fills it with the next. */
static int fills_anew(void *arg)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uintptr_t was = (uintptr_t)arg;

	stays_shared(big, MIB, MIB / page, 2, false);
	check_fill(big, MIB, was);
	fill(big, MIB, was + 1);
	ckpt_step(WRITTEN);
	check_fill(big, MIB, was + 1);
	return 0;
}

/* What the parent has locked its children have not. */
CKPT_CYCLE(locked_by_parent)
{
	size_t page = sysconf(_SC_PAGESIZE);
	pid_t kid;

	big = map_anon(MIB, RW, 0);
	CHECK_SYS(madvise(big, MIB, MADV_NOHUGEPAGE));
	fill(big, MIB, 6);
	CHECK_SYS(mlock(big, MIB));
	kid = ckpt_fork(fills_anew, (void *)6);
	stays_shared(big, MIB, MIB / page, 2, true);
	ckpt_step_wait(WRITTEN, 1);
	check_fill(big, MIB, 6);
	ckpt_wait_exit(kid, 0);
	check_fill(big, MIB, 6);
}

/* The memory of a file's private mapping that was written to before fork(). */
CKPT_CYCLE(private_file)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char path[256];
	pid_t kid;
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "private"), O_RDWR | O_CREAT | O_CLOEXEC,
			    0600));
	CHECK_SYS(ftruncate(fd, MIB));
	big = mmap(NULL, MIB, RW, MAP_PRIVATE, fd, 0);
	CHECK(big != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(close(fd));
	fill(big, MIB, 3);
	kid = ckpt_fork(fills_anew, (void *)3);
	stays_shared(big, MIB, MIB / page, 2, true);
	ckpt_step_wait(WRITTEN, 1);
	check_fill(big, MIB, 3);
	ckpt_wait_exit(kid, 0);
}

TEST_HARNESS_MAIN
