// SPDX-License-Identifier: GPL-2.0
/* Transparent huge pages: memory that was in huge pages is in huge pages after a restart. */
#include "memory_huge.h"

/* Huge pages of 512 MiB are more than there is. */
#define HUGE_BEGIN() do {						\
	CKPT_BEGIN();							\
	if (huge_page() > 4 * MIB)					\
		SKIP(return, "huge pages have more bytes than there is room for"); \
} while (0)

__CKPT_FIXTURE(false, HUGE_BEGIN)

#define MAPPINGS	4

/*
 * Maps @size bytes from a multiple of @align on, with nothing next to them. The
 * board says how many were huge: as many as can be had come back.
 */
static char *map_huge(size_t size, size_t align, int advice)
{
	char *map = map_anon(size + 2 * align, PROT_NONE, 0);
	char *at = (char *)(((uintptr_t)map + align - 1) / align * align);

	if (at == map)
		at += align;
	CHECK_SYS(mprotect(at, size, RW));
	CHECK_SYS(madvise(at, size, advice));
	return at;
}

/* With @advice: full of what is not zero; with pages of zeros in between. */
static void huge(int advice)
{
	size_t page = huge_page(), size = MAPPINGS * page, before, after, i;
	char *full, *sparse;

	if (!page)
		ckpt_not_here();
	compact();
	full = map_huge(size, page, advice);
	sparse = map_huge(size, page, advice);
	fill(full, size, 1);
	for (i = 0; i < size; i += page / 4)
		fill(sparse + i, PAGE, i);
	before = huge_bytes(full) + huge_bytes(sparse);
	ckpt_ready_wait();
	after = huge_bytes(full) + huge_bytes(sparse);
	if (advice == MADV_NOHUGEPAGE) {
		CHECK_EQ(0, before);
		CHECK_EQ(0, after);
	} else {
		CHECK(before, "there are no huge pages to be had");
		/* Memory may be in pieces, when it is restarted as when it was started. */
		CHECK(after >= before / 2, "%zu bytes in huge pages, %zu were", after, before);
	}
	check_fill(full, size, 1);
	for (i = 0; i < size; i += page / 4)
		check_fill(sparse + i, PAGE, i);
}

CKPT_CYCLE(wanted)
{
	huge(MADV_HUGEPAGE);
}

CKPT_CYCLE(not_wanted)
{
	huge(MADV_NOHUGEPAGE);
}

static int child(void *arg)
{
	size_t page = huge_page(), size = MAPPINGS * page, before, after;
	char *map = arg;

	before = huge_bytes(map);
	CHECK(before, "there are no huge pages to be had");
	ckpt_step(0);
	ckpt_wait_go();
	after = huge_bytes(map);
	CHECK(after >= before / 2, "%zu bytes in huge pages, %zu were", after, before);
	check_fill(map, size, 2);
	fill(map, PAGE, 3);
	check_fill(map, PAGE, 3);
	check_fill(map + PAGE, size - PAGE, 2 + PAGE / 8);
	return 0;
}

/* They are huge for who shares them since fork(), too. */
CKPT_CYCLE(shared)
{
	size_t page = huge_page(), size = MAPPINGS * page, before, after;
	pid_t kid;
	char *map;

	if (!page)
		ckpt_not_here();
	compact();
	map = map_huge(size, page, MADV_HUGEPAGE);
	fill(map, size, 2);
	kid = ckpt_fork(child, map);
	ckpt_step_wait(0, 1);
	before = huge_bytes(map);
	CHECK(before, "there are no huge pages to be had");
	ckpt_ready();
	ckpt_wait_go();
	after = huge_bytes(map);
	CHECK(after >= before / 2, "%zu bytes in huge pages, %zu were", after, before);
	ckpt_wait_exit(kid, 0);
	check_fill(map, size, 2);
}

TEST_HARNESS_MAIN
