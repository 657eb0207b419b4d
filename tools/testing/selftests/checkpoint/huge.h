/* SPDX-License-Identifier: GPL-2.0 */
/* Huge pages for tests: the smallest that there are, some of which are put into their pool. */
#ifndef CKPT_TEST_HUGE_H
#define CKPT_TEST_HUGE_H

#include "common.h"
#include "memory.h"

#include <dirent.h>
#include <fcntl.h>
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

static size_t huge;	/* Bytes of a huge page. */

/* Maps @pages huge ones, of anonymous memory or of @fd. */
__attribute__((unused)) static char *map_huge(int fd, unsigned int pages, int prot, int flags)
{
	char *map;

	huge = huge_size();
	if (fd < 0)
		flags |= MAP_ANONYMOUS | MAP_HUGETLB | huge_flag(huge);
	map = mmap(NULL, pages * huge, prot, flags, fd, 0);
	CHECK(map != MAP_FAILED, "mmap of %u huge pages: %s", pages, strerror(errno));
	return map;
}

__attribute__((unused)) static int huge_memfd(const char *name, unsigned int flags)
{
	huge = huge_size();
	return CHECK_SYS(memfd_create(name, MFD_HUGETLB | huge_flag(huge) | flags));
}

/* Is there a page at @at? */
__attribute__((unused)) static bool is_there(char *at)
{
	unsigned char vec[1];

	CHECK_SYS(mincore(at, 1, vec));
	return vec[0] & 1;
}

/* As layout(), without device and inode of what is mapped: those of memory are new ones. */
__attribute__((unused)) static void huge_layout(char *out, size_t size)
{
	char *line, *at;
	int field;

	layout(out, size);
	for (line = strchr(out, '\n'); line; line = strchr(line, '\n')) {
		line++;
		at = line;
		for (field = 0; field < 3; field++)
			at += strcspn(at, "\n ") + (at[strcspn(at, "\n ")] == ' ');
		for (; *at && *at != '\n' && *at != '/' && *at != '['; at++)
			*at = ' ';
	}
}

__attribute__((unused)) static void same_huge_layout(void)
{
	/* Once before, so that the stack has grown to what this needs. */
	huge_layout(layout_buf[0], sizeof(layout_buf[0]));
	huge_layout(layout_buf[1], sizeof(layout_buf[1]));
	huge_layout(layout_buf[0], sizeof(layout_buf[0]));
	CHECK(layout_buf[0][0], "smaps cannot be read");
	ckpt_ready_wait();
	huge_layout(layout_buf[1], sizeof(layout_buf[1]));
	compare_layouts(layout_buf[0], layout_buf[1]);
}

__attribute__((unused)) static int open_huge(const char *name, int flags)
{
	char path[128];

	huge = huge_size();
	snprintf(path, sizeof(path), "%s/%s", HUGE_DIR, name);
	return CHECK_SYS(open(path, flags, 0644));
}

#define WANT(cond) do {							\
	if (!(cond)) {							\
		ckpt_diag("line %d: %s", __LINE__, #cond);		\
		return -1;						\
	}								\
} while (0)

/* @scenario is refused: the line of the log is what @tell tells. */
__attribute__((unused))
static int refuses(struct ckpt_run *run, void (*tell)(struct ckpt_board *b, char *text, size_t size))
{
	struct checkpoint_args args;
	char text[256];

	WANT(!ckpt_run_start(run));
	ckpt_run_args(run, &args, -1, CHECKPOINT_DRY_RUN);
	WANT(sys_checkpoint(&args, sizeof(args)) == -1 && errno == EOPNOTSUPP);
	tell(run->board, text, sizeof(text));
	if (!ckpt_run_log_has(run, text)) {
		ckpt_run_print_log(run);
		return -1;
	}
	WANT(!ckpt_run_go(run));
	WANT(!ckpt_run_finish(run));
	return 0;
}

__attribute__((unused))
static int is_refused(const struct ckpt_scenario *sc, bool container,
		      void (*tell)(struct ckpt_board *b, char *text, size_t size))
{
	struct ckpt_run run;
	int ret = ckpt_run_init(&run, sc, container);

	if (!ret)
		ret = refuses(&run, tell);
	ckpt_run_fini(&run);
	return ret;
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
