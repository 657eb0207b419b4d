/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of transparent huge pages have in common. */
#ifndef CKPT_TEST_MEMORY_HUGE_H
#define CKPT_TEST_MEMORY_HUGE_H

#include "memory.h"

#include <fcntl.h>
#include <stdlib.h>

/* Bytes of a huge page; 0: there are none. */
__attribute__((unused)) static size_t huge_page(void)
{
	char text[128];

	ckpt_read_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text));
	if (!strstr(text, "[always]") && !strstr(text, "[madvise]"))
		return 0;
	ckpt_read_file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", text, sizeof(text));
	return strtoul(text, NULL, 10);
}

/* AnonHugePages of the mapping that @at is in, in bytes. */
__attribute__((unused)) static size_t huge_bytes(const void *at)
{
	static char smaps[1 << 19];
	unsigned long start, end;
	char *line, *save;
	bool here = false;

	ckpt_read_file("/proc/self/smaps", smaps, sizeof(smaps));
	for (line = strtok_r(smaps, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (unsigned long)at && (unsigned long)at < end;
		else if (here && !strncmp(line, "AnonHugePages:", 14))
			return strtoul(line + 14, NULL, 10) * 1024;
	}
	CHECK(false, "no mapping at %p", at);
	return 0;
}

/* Memory may be in pieces: puts them together, for there to be huge pages at all. */
__attribute__((unused)) static void compact(void)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* It tells of nothing that could be checked. */
	(void)!write(fd, "1", 1);
	close(fd);
}

#endif /* CKPT_TEST_MEMORY_HUGE_H */
