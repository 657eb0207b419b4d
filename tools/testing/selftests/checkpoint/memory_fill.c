// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that restart(2) fills before it is mapped: where that begins and ends,
 * and where pages come by a fault after all.
 */
#include "memory.h"

CKPT_FIXTURE

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif
#define HUGE	(2 * MIB)

/* Memory that begins where a huge page would. */
static char *aligned(size_t size)
{
	char *map = map_anon(size + 2 * HUGE, RW, 0);

	return (char *)(((uintptr_t)map + HUGE - 1) & -HUGE);
}

/* Kilobytes of smaps' field @name in the mapping at @at. */
static long smaps_value(const void *at, const char *name)
{
	static char smaps[2 << 20];
	char *line, *save, *field;
	bool in = false;

	ckpt_read_file("/proc/self/smaps", smaps, sizeof(smaps));
	for (line = strtok_r(smaps, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strspn(line, "0123456789abcdef") >= 8)
			in = strtoul(line, NULL, 16) == (uintptr_t)at;
		field = strstr(line, name);
		if (in && field == line)
			return strtol(line + strlen(name), NULL, 10);
	}
	return -1;
}

/* Runs of pages of all lengths, and holes of all lengths between them, over page tables. */
CKPT_CYCLE(runs)
{
	size_t pages = 1500, at, len, hole;
	char *map = map_anon(pages * PAGE, RW, 0);
	long anonymous;

	CHECK_SYS(madvise(map, pages * PAGE, MADV_NOHUGEPAGE));
	for (at = 0, len = 1; at + len <= pages; at += len + hole, len++) {
		hole = len % 7 + 1;
		fill(map + at * PAGE, len * PAGE, at);
	}
	anonymous = smaps_value(map, "Anonymous:");
	anonymous += smaps_value(map, "Swap:");
	CHECK(anonymous > 0, "no page is counted");
	same_layout();
	/* Nothing is there that was not, and nothing is missing. */
	CHECK_EQ(anonymous, smaps_value(map, "Anonymous:") + smaps_value(map, "Swap:"));
	for (at = 0, len = 1; at + len <= pages; at += len + hole, len++) {
		hole = len % 7 + 1;
		check_fill(map + at * PAGE, len * PAGE, at);
		if (at + len + hole <= pages)
			check_zero(map + (at + len) * PAGE, hole * PAGE);
	}
	fill(map, pages * PAGE, 7);
	check_fill(map, pages * PAGE, 7);
}

/* Holes that were punched, and pages that fault, in the middle of a run. */
CKPT_CYCLE(holes_and_guards)
{
	char *map = map_anon(128 * PAGE, RW, 0);
	bool guards;

	fill(map, 128 * PAGE, 3);
	CHECK_SYS(madvise(map + 5 * PAGE, PAGE, MADV_DONTNEED));
	CHECK_SYS(madvise(map + 64 * PAGE, 9 * PAGE, MADV_DONTNEED));
	guards = !madvise(map + 20 * PAGE, 2 * PAGE, MADV_GUARD_INSTALL) &&
		 !madvise(map + 100 * PAGE, 28 * PAGE, MADV_GUARD_INSTALL);
	catch_faults();
	same_layout();
	check_fill(map, 5 * PAGE, 3);
	check_zero(map + 5 * PAGE, PAGE);
	check_fill(map + 6 * PAGE, 14 * PAGE, 3 + 6 * PAGE / 8);
	check_fill(map + 22 * PAGE, 42 * PAGE, 3 + 22 * PAGE / 8);
	check_zero(map + 64 * PAGE, 9 * PAGE);
	check_fill(map + 73 * PAGE, 27 * PAGE, 3 + 73 * PAGE / 8);
	if (guards) {
		CHECK_EQ(SEGV_MAPERR, touch(map + 20 * PAGE, false));
		CHECK_EQ(SEGV_MAPERR, touch(map + 21 * PAGE, true));
		CHECK_EQ(SEGV_MAPERR, touch(map + 100 * PAGE, false));
		CHECK_EQ(SEGV_MAPERR, touch(map + 127 * PAGE, true));
	}
}

/* What may not be written to has its contents all the same, and gets no right by that. */
CKPT_CYCLE(not_writable)
{
	char *map = map_anon(96 * PAGE, RW, 0);

	fill(map, 96 * PAGE, 13);
	CHECK_SYS(mprotect(map, 32 * PAGE, PROT_READ));
	CHECK_SYS(mprotect(map + 32 * PAGE, 32 * PAGE, PROT_NONE));
	catch_faults();
	same_layout();
	check_fill(map, 32 * PAGE, 13);
	CHECK_EQ(SEGV_ACCERR, touch(map + 31 * PAGE, true));
	CHECK_EQ(SEGV_ACCERR, touch(map + 32 * PAGE, false));
	check_fill(map + 64 * PAGE, 32 * PAGE, 13 + 64 * PAGE / 8);
	CHECK_SYS(mprotect(map, 64 * PAGE, RW));
	check_fill(map, 96 * PAGE, 13);
	fill(map, 96 * PAGE, 14);
	check_fill(map, 96 * PAGE, 14);
}

/* Read-only pages that went to swap and came back would be zeros, had nobody called them dirty. */
CKPT_CYCLE(not_writable_reclaimed)
{
	char *map = map_anon(64 * PAGE, RW, 0);

	fill(map, 64 * PAGE, 29);
	CHECK_SYS(mprotect(map, 64 * PAGE, PROT_READ));
	ckpt_ready_wait();
	madvise(map, 64 * PAGE, MADV_PAGEOUT);
	check_fill(map, 64 * PAGE, 29);
}

/* Huge pages that are whole, half, hardly there, and without access. */
CKPT_CYCLE(huge)
{
	char *map = aligned(6 * HUGE);

	madvise(map, 6 * HUGE, MADV_HUGEPAGE);
	fill(map, 2 * HUGE, 1);
	fill(map + 2 * HUGE, HUGE / 2, 2);
	fill(map + 3 * HUGE + 17 * PAGE, PAGE, 3);
	fill(map + 4 * HUGE, HUGE, 4);
	CHECK_SYS(mprotect(map + 4 * HUGE, HUGE, PROT_READ));
	/* Not as far as the next huge page. */
	fill(map + 5 * HUGE, HUGE - PAGE, 5);
	same_layout();
	check_fill(map, 2 * HUGE, 1);
	check_fill(map + 2 * HUGE, HUGE / 2, 2);
	check_zero(map + 2 * HUGE + HUGE / 2, HUGE / 2);
	check_zero(map + 3 * HUGE, 17 * PAGE);
	check_fill(map + 3 * HUGE + 17 * PAGE, PAGE, 3);
	check_zero(map + 3 * HUGE + 18 * PAGE, HUGE - 18 * PAGE);
	check_fill(map + 4 * HUGE, HUGE, 4);
	check_fill(map + 5 * HUGE, HUGE - PAGE, 5);
	check_zero(map + 6 * HUGE - PAGE, PAGE);
	fill(map, 4 * HUGE, 6);
	check_fill(map, 4 * HUGE, 6);
}

/* Locked when it is touched, and locked at once. */
CKPT_CYCLE(locked)
{
	char *later = map_anon(64 * PAGE, RW, 0);
	char *now = map_anon(64 * PAGE, RW, 0);

	CHECK_SYS(mlock2(later, 64 * PAGE, MLOCK_ONFAULT));
	CHECK_SYS(mlock(now, 64 * PAGE));
	fill(later, 32 * PAGE, 8);
	fill(now, 32 * PAGE, 9);
	same_layout();
	check_fill(later, 32 * PAGE, 8);
	check_zero(later + 32 * PAGE, 32 * PAGE);
	check_fill(now, 32 * PAGE, 9);
	check_zero(now + 32 * PAGE, 32 * PAGE);
	/* They are let go one by one, and counted. */
	CHECK_SYS(munlock(later + 8 * PAGE, 8 * PAGE));
	CHECK_SYS(munlock(now, 64 * PAGE));
	fill(later, 64 * PAGE, 10);
	check_fill(later, 64 * PAGE, 10);
}

static int child_writes(void *arg)
{
	fill(arg, 16 * PAGE, 41);
	check_fill(arg, 16 * PAGE, 41);
	return 0;
}

/* Pages belong to one address space alone, until it forks. */
CKPT_CYCLE(forks_afterwards)
{
	char *map = map_anon(64 * PAGE, RW, 0);

	fill(map, 64 * PAGE, 40);
	ckpt_ready_wait();
	ckpt_wait_exit(ckpt_fork(child_writes, map + 8 * PAGE), 0);
	check_fill(map, 64 * PAGE, 40);
	fill(map, 64 * PAGE, 42);
	check_fill(map, 64 * PAGE, 42);
}

TEST_HARNESS_MAIN
