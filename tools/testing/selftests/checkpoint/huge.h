/* SPDX-License-Identifier: GPL-2.0 */
/* Huge pages for tests: the smallest that there are, some of which are put into their pool. */
#ifndef CKPT_TEST_HUGE_H
#define CKPT_TEST_HUGE_H

#include "common.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT	26
#endif

/* Pages that a test may have: twice what a scenario has, as it may run next to its restart. */
#define HUGE_POOL	16
/* Larger ones take more memory than the machines of these tests have. */
#define HUGE_LARGEST	(8ul << 20)

/* Bytes of the smallest huge page; 0: there is none. */
__attribute__((unused)) static size_t huge_size(void)
{
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	size_t kib, least = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (sscanf(entry->d_name, "hugepages-%zukB", &kib) == 1 &&
		    (!least || kib * 1024 < least))
			least = kib * 1024;
	}
	if (dir)
		closedir(dir);
	return least;
}

/* The size of huge pages as mmap(2), memfd_create(2) and shmget(2) take it. */
__attribute__((unused)) static unsigned int huge_flag(size_t size)
{
	return (unsigned int)__builtin_ctzl(size) << MAP_HUGE_SHIFT;
}

/* A number that the kernel tells of huge pages of @size bytes; -1: it can't be read. */
__attribute__((unused)) static long huge_number(size_t size, const char *what)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%zukB/%s", size >> 10, what);
	ckpt_read_file(path, text, sizeof(text));
	return text[0] ? strtol(text, NULL, 10) : -1;
}

/* Has the kernel have @count huge pages of @size bytes; returns how many it has then. */
__attribute__((unused)) static long set_huge_pool(size_t size, long count)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%zukB/nr_hugepages",
		 size >> 10);
	file = fopen(path, "w");
	if (!file)
		return -1;
	fprintf(file, "%ld\n", count);
	fclose(file);
	return huge_number(size, "nr_hugepages");
}

/* Where a hugetlbfs with these pages is mounted for a test. */
#define HUGE_DIR	"/tmp/checkpoint-huge"

/*
 * Makes a pool, and mounts a hugetlbfs. Returns why there can't be one, or NULL;
 * @before is set to the size of the pool before.
 */
__attribute__((unused)) static const char *huge_begin(long *before)
{
	size_t size = huge_size();
	char options[64];

	*before = -1;
	if (!size)
		return "this machine has no huge pages";
	if (size > HUGE_LARGEST)
		return "the huge pages of this machine are too large";
	*before = huge_number(size, "nr_hugepages");
	if (set_huge_pool(size, HUGE_POOL) < HUGE_POOL)
		return "there is no room for huge pages";
	snprintf(options, sizeof(options), "pagesize=%zuK,mode=0777", size >> 10);
	if ((mkdir(HUGE_DIR, 0755) && errno != EEXIST) ||
	    mount("none", HUGE_DIR, "hugetlbfs", 0, options))
		return "hugetlbfs can't be mounted";
	return NULL;
}

/* Takes back what huge_begin() has done. */
__attribute__((unused)) static void huge_end(long before)
{
	umount2(HUGE_DIR, MNT_DETACH);
	rmdir(HUGE_DIR);
	if (before >= 0)
		set_huge_pool(huge_size(), before);
}

/* The fixture of tests as CKPT_FIXTURE, with huge pages. */
#define HUGE_FIXTURE							\
	FIXTURE(cr) { long before; };					\
	FIXTURE_VARIANT(cr) { bool container, arch; };			\
	FIXTURE_VARIANT_ADD(cr, container) { .container = true };	\
	FIXTURE_VARIANT_ADD(cr, subtree) { .container = false };	\
	FIXTURE_SETUP(cr)						\
	{								\
		const char *why;					\
									\
		self->before = -1;					\
		CKPT_BEGIN();						\
		why = huge_begin(&self->before);			\
		if (why) {						\
			huge_end(self->before);				\
			SKIP(return, "%s", why);			\
		}							\
	}								\
	FIXTURE_TEARDOWN(cr)						\
	{								\
		huge_end(self->before);					\
	}

#endif /* CKPT_TEST_HUGE_H */
