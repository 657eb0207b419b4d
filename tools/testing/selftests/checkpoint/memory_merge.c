// SPDX-License-Identifier: GPL-2.0
/* Memory of which like pages are merged (KSM): all of it, but for what was excepted. */
#include "common.h"

#include "memory.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

CKPT_FIXTURE

static char *map(size_t pages)
{
	char *p = mmap(NULL, pages * CKPT_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
	return p;
}

/* The flags of the mapping at @addr, as /proc/PID/smaps has them. */
static bool is_mergeable(const char *addr)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool here = false, found = false;
	char line[512];

	CHECK(smaps, "smaps: %s", strerror(errno));
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (unsigned long)addr && (unsigned long)addr < end;
		else if (here && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, " mg");
	}
	fclose(smaps);
	return found;
}

/* All pages are merged, but those of one mapping; and those of mappings that are made later. */
CKPT_CYCLE(merged)
{
	char *all = map(4), *later;

	if (prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0)) {
		/* The kernel does not merge pages. */
		ckpt_not_here();
	}
	fill(all, 4 * CKPT_PAGE, 1);
	CHECK_SYS(madvise(all + CKPT_PAGE, CKPT_PAGE, MADV_UNMERGEABLE));
	CHECK(is_mergeable(all) && !is_mergeable(all + CKPT_PAGE), "not as advised");
	ckpt_ready_wait();
	CHECK_EQ(1, prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0));
	CHECK(is_mergeable(all) && is_mergeable(all + 2 * CKPT_PAGE), "is not merged any more");
	CHECK(!is_mergeable(all + CKPT_PAGE), "is merged");
	check_fill(all, 4 * CKPT_PAGE, 1);
	later = map(1);
	CHECK(is_mergeable(later), "a new mapping is not merged");
	CHECK_SYS(prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0));
	CHECK(!is_mergeable(all), "is still merged");
}

TEST_HARNESS_MAIN
