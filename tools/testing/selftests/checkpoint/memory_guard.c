// SPDX-License-Identifier: GPL-2.0
/* Guard regions (MADV_GUARD_INSTALL), as C libraries put them under thread stacks. */
#include "memory.h"

#include <fcntl.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

CKPT_FIXTURE

static void install(void *at, size_t pages)
{
	CHECK_SYS(madvise(at, pages * PAGE, MADV_GUARD_INSTALL));
}

/* Each page of @map is guarded, or as fill() left it; '#' in @guards stands for a guard. */
static void check_pages(char *map, const char *guards)
{
	int i, code;

	for (i = 0; guards[i]; i++) {
		code = touch(map + i * PAGE, false);
		CHECK(!code == (guards[i] != '#'), "page %d: si_code %d", i, code);
		if (guards[i] == '#')
			CHECK(touch(map + i * PAGE, true), "page %d can be written", i);
		else
			check_fill(map + i * PAGE, PAGE, i);
	}
}

static char *map_filled(const char *guards)
{
	size_t pages = strlen(guards), i;
	char *map = map_anon(pages * PAGE, RW, 0);

	/* Apart from its neighbours, with which it would merge. */
	map_anon(PAGE, PROT_NONE, 0);
	for (i = 0; i < pages; i++)
		fill(map + i * PAGE, PAGE, i);
	for (i = 0; i < pages; i++) {
		if (guards[i] == '#')
			install(map + i * PAGE, 1);
	}
	return map;
}

CKPT_CYCLE(regions)
{
	/* As under a stack; inside; at the end; all of it. */
	static const char *const guards[] = { "#.......", "..###.#.", "......##", "####" };
	char *map[4];
	pid_t kid;
	int i;

	catch_faults();
	for (i = 0; i < 4; i++)
		map[i] = map_filled(guards[i]);
	check_pages(map[1], guards[1]);
	same_layout();
	for (i = 0; i < 4; i++)
		check_pages(map[i], guards[i]);
	/* A child has them too. */
	kid = CHECK_SYS(fork());
	if (!kid) {
		for (i = 0; i < 4; i++)
			check_pages(map[i], guards[i]);
		_exit(0);
	}
	ckpt_wait_exit(kid, 0);
	/* They can be taken off: what is there then is zero, and may be written. */
	CHECK_SYS(madvise(map[1], 4 * PAGE, MADV_GUARD_REMOVE));
	check_fill(map[1] + PAGE, PAGE, 1);
	check_zero(map[1] + 2 * PAGE, 2 * PAGE);
	CHECK_EQ(0, touch(map[1] + 3 * PAGE, true));
	CHECK(touch(map[1] + 4 * PAGE, true), "a guard that was not taken off is gone");
	/* And new ones be made. */
	install(map[0] + 4 * PAGE, 1);
	check_pages(map[0], "#...#...");
}

CKPT_CYCLE(many)
{
	size_t pages = 4000 * 1024 / PAGE, i;
	char *map = map_anon(pages * PAGE, RW, 0);

	catch_faults();
	for (i = 0; i < pages; i++) {
		*(size_t *)(map + i * PAGE) = i + 1;
		if (i % 3 == 1)
			install(map + i * PAGE, 1);
	}
	same_layout();
	for (i = 0; i < pages; i++) {
		if (i % 3 == 1)
			CHECK(touch(map + i * PAGE, true), "no guard at page %zu", i);
		else
			CHECK_EQ(i + 1, *(size_t *)(map + i * PAGE));
	}
}

/* Two mappings that touch, with regions that touch. */
CKPT_CYCLE(across_mappings)
{
	char *map = map_filled("........");

	catch_faults();
	CHECK_SYS(mprotect(map + 4 * PAGE, 4 * PAGE, PROT_READ));
	install(map + 2 * PAGE, 4);
	same_layout();
	check_pages(map, "..####..");
	CHECK_SYS(mprotect(map, 8 * PAGE, PROT_NONE));
	CHECK_SYS(mprotect(map, 8 * PAGE, RW));
	check_pages(map, "..####..");
}

CKPT_CYCLE(never_touched)
{
	char *map = map_anon(8 * PAGE, RW, 0);
	char *none = map_anon(8 * PAGE, PROT_NONE, MAP_NORESERVE);

	catch_faults();
	install(map + PAGE, 2);
	install(none, 8);
	same_layout();
	check_zero(map, PAGE);
	CHECK(touch(map + PAGE, false) && touch(map + 2 * PAGE, false), "no guard");
	check_zero(map + 3 * PAGE, 5 * PAGE);
	CHECK_SYS(mprotect(none, 8 * PAGE, RW));
	CHECK(touch(none, false) && touch(none + 7 * PAGE, true), "no guard");
}

/* A mapping that has no region any more, but that the kernel knows to have had some. */
CKPT_CYCLE(taken_off)
{
	char *map = map_filled("....");

	install(map + PAGE, 2);
	CHECK_SYS(madvise(map, 4 * PAGE, MADV_GUARD_REMOVE));
	fill(map + PAGE, PAGE, 1);
	fill(map + 2 * PAGE, PAGE, 2);
	same_layout();
	catch_faults();
	check_pages(map, "....");
}

CKPT_CYCLE(of_files)
{
	static char page[PAGE];
	char path[300];
	char *private, *shared;
	int fd, i;

	catch_faults();
	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "f"), O_RDWR | O_CREAT, 0600));
	for (i = 0; i < 8; i++) {
		fill(page, PAGE, i);
		CHECK_EQ(PAGE, write(fd, page, PAGE));
	}
	private = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE, fd, 0);
	shared = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(private != MAP_FAILED && shared != MAP_FAILED, "%s", strerror(errno));
	fill(private + PAGE, PAGE, 1);
	install(private + 2 * PAGE, 1);
	install(private + 7 * PAGE, 1);
	install(shared, 2);
	same_layout();
	check_pages(private, "..#....#");
	check_pages(shared, "##......");
	/* What they hide is still in the file. */
	CHECK_SYS(madvise(shared, PAGE, MADV_GUARD_REMOVE));
	check_fill(shared, PAGE, 0);
	CHECK_EQ(PAGE, pread(fd, page, PAGE, 7 * PAGE));
	check_fill(page, PAGE, 7);
}

/* Memory with guard regions can be locked, although locking it says that it cannot. */
CKPT_CYCLE(locked)
{
	char *map = map_filled(".#..");
	char *on_fault = map_filled(".#..");

	catch_faults();
	CHECK(mlock(map, 4 * PAGE) == -1 && errno == ENOMEM, "mlock: %s", strerror(errno));
	CHECK_SYS(mlock2(on_fault, 4 * PAGE, MLOCK_ONFAULT));
	same_layout();
	check_pages(map, ".#..");
	check_pages(on_fault, ".#..");
	/* Guards of locked memory can be taken off, but not be made. */
	CHECK(madvise(map, PAGE, MADV_GUARD_INSTALL) == -1 && errno == EINVAL, "a guard was made");
	CHECK_SYS(madvise(map, 4 * PAGE, MADV_GUARD_REMOVE));
	check_zero(map + PAGE, PAGE);
}

TEST_HARNESS_MAIN
