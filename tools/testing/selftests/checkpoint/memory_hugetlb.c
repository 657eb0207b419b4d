// SPDX-License-Identifier: GPL-2.0
/* Huge pages of hugetlbfs: of mappings, memfds, files and System V shared memory. */
#include "common.h"

#include "huge.h"
#include "memory.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif

HUGE_FIXTURE

static size_t huge;	/* Bytes of a huge page. */

/* Maps @pages huge ones, of anonymous memory or of @fd. */
static char *map_huge(int fd, unsigned int pages, int prot, int flags)
{
	char *map;

	huge = huge_size();
	if (fd < 0)
		flags |= MAP_ANONYMOUS | MAP_HUGETLB | huge_flag(huge);
	map = mmap(NULL, pages * huge, prot, flags, fd, 0);
	CHECK(map != MAP_FAILED, "mmap of %u huge pages: %s", pages, strerror(errno));
	return map;
}

static int huge_memfd(const char *name, unsigned int flags)
{
	huge = huge_size();
	return CHECK_SYS(memfd_create(name, MFD_HUGETLB | huge_flag(huge) | flags));
}

/* Is there a page at @at? */
static bool is_there(char *at)
{
	unsigned char vec[1];

	CHECK_SYS(mincore(at, 1, vec));
	return vec[0] & 1;
}

/* As layout(), without device and inode of what is mapped: those of memory are new ones. */
static void huge_layout(char *out, size_t size)
{
	char *line, *at;
	int field;

	layout(out, size);
	for (line = strchr(out, '\n'); line; line = strchr(line, '\n')) {
		line++;
		at = line;
		for (field = 0; field < 3; field++)
			at += strcspn(at, " \n") + (at[strcspn(at, " \n")] == ' ');
		for (; *at && *at != '\n' && *at != '/' && *at != '['; at++)
			*at = ' ';
	}
}

static void same_huge_layout(void)
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

static int open_huge(const char *name, int flags)
{
	char path[128];

	huge = huge_size();
	snprintf(path, sizeof(path), "%s/%s", HUGE_DIR, name);
	return CHECK_SYS(open(path, flags, 0644));
}

/* ---- private mappings --------------------------------------------------- */

/*
 * Full, half full, touched only, not there, full and read-only, without access: what is where
 * comes back, with the layout of the address space.
 */
CKPT_CYCLE(private_pages)
{
	char *map = map_huge(-1, 6, RW, MAP_PRIVATE);

	fill(map, huge, 1);
	fill(map + huge, huge / 2, 2);
	(void)*(volatile char *)(map + 2 * huge);
	fill(map + 4 * huge, huge, 4);
	CHECK_SYS(mprotect(map + 4 * huge, huge, PROT_READ));
	fill(map + 5 * huge, huge, 5);
	CHECK_SYS(mprotect(map + 5 * huge, huge, PROT_NONE));
	CHECK(!is_there(map + 3 * huge), "there is a page that was not touched");
	same_huge_layout();
	CHECK(is_there(map) && is_there(map + 2 * huge) && is_there(map + 4 * huge),
	      "a page is not there any more");
	CHECK(!is_there(map + 3 * huge), "there is a page that was not touched");
	check_fill(map, huge, 1);
	check_fill(map + huge, huge / 2, 2);
	check_zero(map + huge + huge / 2, huge / 2);
	check_zero(map + 2 * huge, 2 * huge);
	check_fill(map + 4 * huge, huge, 4);
	CHECK_SYS(mprotect(map + 4 * huge, 2 * huge, RW));
	check_fill(map + 5 * huge, huge, 5);
	fill(map + 4 * huge, 2 * huge, 6);
	check_fill(map + 4 * huge, 2 * huge, 6);
}

/* A hole in the middle, and advice. */
CKPT_CYCLE(pieces)
{
	char *map = map_huge(-1, 5, RW, MAP_PRIVATE);

	fill(map, 5 * huge, 1);
	CHECK_SYS(munmap(map + huge, huge));
	CHECK_SYS(madvise(map + 2 * huge, huge, MADV_DONTNEED));
	CHECK_SYS(madvise(map + 3 * huge, huge, MADV_DONTFORK));
	CHECK_SYS(madvise(map + 4 * huge, huge, MADV_DONTDUMP));
	same_huge_layout();
	check_fill(map, huge, 1);
	CHECK(!is_there(map + 2 * huge), "there is a page that was given up");
	check_fill(map + 3 * huge, 2 * huge, 1 + 3 * huge / 8);
	CHECK(mmap(map + huge, huge, RW,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | huge_flag(huge) | MAP_FIXED_NOREPLACE,
		   -1, 0) == map + huge, "mmap: %s", strerror(errno));
	check_zero(map + huge, 2 * huge);
}

static int writes_to_its_own(void *arg)
{
	char *map = arg;

	fill(map + huge, huge, 12);
	ckpt_step(0);
	ckpt_wait_go();
	check_fill(map, huge, 1);
	check_fill(map + huge, huge, 12);
	check_zero(map + 2 * huge, huge);
	fill(map, huge, 11);
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	check_fill(map, huge, 11);
	return 0;
}

/* What parent and child share since fork() and what one of them has written to since. */
CKPT_CYCLE(forked)
{
	char *map = map_huge(-1, 3, RW, MAP_PRIVATE);
	pid_t kid;

	fill(map, 2 * huge, 1);
	kid = ckpt_fork(writes_to_its_own, map);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	check_fill(map, 2 * huge, 1);
	fill(map, 3 * huge, 3);
	ckpt_step(2);
	ckpt_wait_exit(kid, 0);
	check_fill(map, 3 * huge, 3);
}

static int has_no_right(void *arg)
{
	huge_layout(layout_buf[0], sizeof(layout_buf[0]));
	huge_layout(layout_buf[1], sizeof(layout_buf[1]));
	huge_layout(layout_buf[0], sizeof(layout_buf[0]));
	ckpt_step(0);
	ckpt_wait_go();
	huge_layout(layout_buf[1], sizeof(layout_buf[1]));
	compare_layouts(layout_buf[0], layout_buf[1]);
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	check_fill(arg, huge, 1);
	return 0;
}

/* Pages are set aside for who has made the mapping, and for no child of it. */
CKPT_CYCLE(set_aside, .flags = SC_NO_ORIGINAL)
{
	char *map = map_huge(-1, 4, RW, MAP_PRIVATE);
	pid_t kid;

	fill(map, huge, 1);
	kid = ckpt_fork(has_no_right, map);
	ckpt_step_wait(0, 1);
	CHECK_EQ(3, huge_number(huge, "resv_hugepages"));
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK_EQ(3, huge_number(huge, "resv_hugepages"));
	ckpt_step(2);
	ckpt_wait_exit(kid, 0);
	fill(map, 4 * huge, 2);
	CHECK_EQ(0, huge_number(huge, "resv_hugepages"));
}

/* Nothing is set aside (MAP_NORESERVE); locked, populated. */
CKPT_CYCLE(not_set_aside, .flags = SC_NO_ORIGINAL)
{
	char *map = map_huge(-1, 3, RW, MAP_PRIVATE | MAP_NORESERVE);
	char *full = map_huge(-1, 2, RW, MAP_PRIVATE | MAP_POPULATE | MAP_LOCKED);

	fill(map + huge, huge, 1);
	CHECK_EQ(0, huge_number(huge, "resv_hugepages"));
	same_huge_layout();
	CHECK_EQ(0, huge_number(huge, "resv_hugepages"));
	CHECK(is_there(full) && is_there(full + huge), "a page is not there any more");
	check_zero(full, 2 * huge);
	check_zero(map, huge);
	check_fill(map + huge, huge, 1);
	check_zero(map + 2 * huge, huge);
}

/* ---- shared memory ------------------------------------------------------ */

static int shares(void *arg)
{
	char *map = arg;

	ckpt_step(0);
	ckpt_step_wait(1, 1);
	check_fill(map + 2 * huge, huge, 7);
	fill(map + huge, huge, 8);
	ckpt_step(2);
	return 0;
}

CKPT_CYCLE(shared)
{
	char *map = map_huge(-1, 4, RW, MAP_SHARED);
	pid_t kid;

	fill(map, huge, 1);
	fill(map + 3 * huge, huge / 2, 2);
	kid = ckpt_fork(shares, map);
	ckpt_step_wait(0, 1);
	same_huge_layout();
	check_fill(map, huge, 1);
	check_fill(map + 3 * huge, huge / 2, 2);
	check_zero(map + 3 * huge + huge / 2, huge / 2);
	check_zero(map + huge, 2 * huge);
	fill(map + 2 * huge, huge, 7);
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	check_fill(map + huge, huge, 8);
	ckpt_wait_exit(kid, 0);
}

/* Name, size, holes and seals of a memfd; mapped shared, and privately over what is in it. */
CKPT_CYCLE(memfd)
{
	int fd = huge_memfd("huge", MFD_ALLOW_SEALING);
	char link[64], path[64], *shared, *private;
	struct stat st;

	CHECK_SYS(ftruncate(fd, 4 * huge));
	shared = map_huge(fd, 4, RW, MAP_SHARED);
	fill(shared, huge, 1);
	fill(shared + 2 * huge, huge, 3);
	private = map_huge(fd, 3, RW, MAP_PRIVATE);
	CHECK_EQ(*shared, *private);
	fill(private + 2 * huge, huge / 2, 13);
	memset(private + 2 * huge + huge / 2, 0, huge / 4);
	CHECK_SYS(munmap(shared, 4 * huge));
	shared = map_huge(fd, 4, PROT_READ, MAP_SHARED);
	CHECK_SYS(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK));
	CHECK_EQ(77, lseek(fd, 77, SEEK_SET));
	same_huge_layout();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(link, 0, sizeof(link));
	CHECK_SYS(readlink(path, link, sizeof(link) - 1));
	CHECK_STREQ("/memfd:huge (deleted)", link);
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(4 * huge, st.st_size);
	CHECK_EQ(huge, st.st_blksize);
	CHECK_EQ(77, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK, fcntl(fd, F_GET_SEALS));
	check_fill(shared, huge, 1);
	check_fill(shared + 2 * huge, huge, 3);
	check_zero(shared + 3 * huge, huge);
	check_fill(private, huge, 1);
	check_fill(private + 2 * huge, huge / 2, 13);
	check_zero(private + 2 * huge + huge / 2, huge / 4);
	check_fill(private + 2 * huge + 3 * huge / 4, huge / 4, 3 + 3 * huge / 4 / 8);
	fill(private, huge, 14);
	check_fill(shared, huge, 1);
}

/* Not mapped: pages that fallocate(2) has made stay, and holes too. */
CKPT_CYCLE(unmapped_memfd, .flags = SC_NO_ORIGINAL)
{
	int fd = huge_memfd("", 0);
	long used;
	char *map;

	CHECK_SYS(ftruncate(fd, 6 * huge));
	CHECK_SYS(fallocate(fd, 0, huge, 2 * huge));
	CHECK_SYS(fallocate(fd, 0, 4 * huge, huge));
	used = HUGE_POOL - huge_number(huge, "free_hugepages");
	CHECK_EQ(3, used);
	ckpt_ready_wait();
	CHECK_EQ(used, HUGE_POOL - huge_number(huge, "free_hugepages"));
	map = map_huge(fd, 6, RW, MAP_SHARED);
	check_zero(map, 6 * huge);
	fill(map, 6 * huge, 1);
	check_fill(map, 6 * huge, 1);
}

/* Pages for all of a file stay set aside when it is not mapped any more. */
CKPT_CYCLE(file_set_aside, .flags = SC_NO_ORIGINAL)
{
	int fd = huge_memfd("aside", 0);
	char *map = map_huge(fd, 3, RW, MAP_SHARED);

	fill(map + huge, huge, 1);
	CHECK_SYS(munmap(map, 3 * huge));
	CHECK_EQ(2, huge_number(huge, "resv_hugepages"));
	ckpt_ready_wait();
	CHECK_EQ(2, huge_number(huge, "resv_hugepages"));
	map = map_huge(fd, 3, RW, MAP_SHARED);
	check_zero(map, huge);
	check_fill(map + huge, huge, 1);
}

/* ---- files on a hugetlbfs ------------------------------------------------ */

CKPT_CYCLE(removed_file)
{
	int fd = open_huge("removed", O_RDWR | O_CREAT | O_EXCL);
	char *map = map_huge(fd, 3, RW, MAP_SHARED);
	struct stat st;

	CHECK_SYS(unlink(HUGE_DIR "/removed"));
	fill(map, huge, 1);
	fill(map + 2 * huge, huge, 2);
	CHECK_SYS(fchmod(fd, 0604));
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(3 * huge, st.st_size);
	CHECK_EQ(0604, st.st_mode & 07777);
	CHECK_EQ(0, st.st_nlink);
	CHECK_EQ(huge, st.st_blksize);
	check_fill(map, huge, 1);
	check_zero(map + huge, huge);
	check_fill(map + 2 * huge, huge, 2);
	CHECK_SYS(munmap(map, 3 * huge));
	map = map_huge(fd, 3, PROT_READ, MAP_PRIVATE);
	check_fill(map, huge, 1);
}

/* One with a name is opened by that, and holds what it holds; private pages are the mapping's own. */
CKPT_CYCLE(named_file)
{
	int fd = open_huge("named", O_RDWR | O_CREAT);
	char *shared = map_huge(fd, 2, RW, MAP_SHARED), *private;

	fill(shared, 2 * huge, 1);
	private = map_huge(fd, 2, RW, MAP_PRIVATE);
	memset(private, 0, huge);
	ckpt_ready_wait();
	check_fill(shared, 2 * huge, 1);
	check_zero(private, huge);
	check_fill(private + huge, huge, 1 + huge / 8);
}

/* ---- System V shared memory ---------------------------------------------- */

/* A size that is no whole number of pages, which shmctl(2) tells; removed. */
CKPT_CYCLE(segment)
{
	int id = CHECK_SYS(shmget(IPC_PRIVATE, huge_size() + 5, SHM_HUGETLB | huge_flag(huge_size()) |
				  0640));
	char *map = shmat(id, NULL, 0);
	struct shmid_ds ds;

	huge = huge_size();
	CHECK(map != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
	fill(map, huge, 1);
	map[huge + 4] = 'e';
	same_huge_layout();
	check_fill(map, huge, 1);
	CHECK_EQ('e', map[huge + 4]);
	CHECK_EQ(0, map[huge + 5]);
	CHECK_SYS(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(huge + 5, ds.shm_segsz);
	CHECK_EQ(1, ds.shm_nattch);
	CHECK_EQ(0640, ds.shm_perm.mode & 0777);
	CHECK_SYS(shmdt(map));
}

/* Of a namespace: not attached, with pages set aside or without. */
CKPT_CYCLE(segments_of_a_namespace,
	   .flags = SC_CONTAINER | SC_NO_ORIGINAL, .clone_flags = CLONE_NEWIPC)
{
	int flags = SHM_HUGETLB | huge_flag(huge_size()) | 0600, id[2];
	char *map;

	huge = huge_size();
	id[0] = CHECK_SYS(shmget(4711, 2 * huge, flags | IPC_CREAT));
	id[1] = CHECK_SYS(shmget(4712, 2 * huge, flags | IPC_CREAT | SHM_NORESERVE));
	map = shmat(id[1], NULL, 0);
	CHECK(map != (void *)-1, "shmat: %s", strerror(errno));
	fill(map + huge, huge, 1);
	CHECK_SYS(shmdt(map));
	CHECK_EQ(2, huge_number(huge, "resv_hugepages"));
	ckpt_ready_wait();
	CHECK_EQ(2, huge_number(huge, "resv_hugepages"));
	CHECK_EQ(id[0], CHECK_SYS(shmget(4711, 2 * huge, 0)));
	map = shmat(id[1], NULL, 0);
	CHECK(map != (void *)-1, "shmat: %s", strerror(errno));
	check_zero(map, huge);
	check_fill(map + huge, huge, 1);
}

/* ---- at the same moment --------------------------------------------------- */

/* Writes to one page, and then to another: at any moment they differ by one at most. */
CKPT_CYCLE(one_moment)
{
	volatile uint64_t *first = (uint64_t *)map_huge(-1, 2, RW, MAP_PRIVATE);
	volatile uint64_t *second = (uint64_t *)map_huge(-1, 2, RW, MAP_SHARED);
	uint64_t a, b;

	*first = 0;
	*second = 0;
	ckpt_ready();
	while (!__atomic_load_n(&board->go, __ATOMIC_ACQUIRE)) {
		a = *first;
		b = *second;
		CHECK_EQ(a, b);
		*first = a + 1;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		*second = b + 1;
	}
	CHECK_EQ(*first, *second);
}

/* ---- other sizes ---------------------------------------------------------- */

/* One page of each size of which the machine gives one. */
CKPT_SCENARIO(each_size)
{
	char *map[16];
	size_t size[16], kib;
	unsigned int n = 0, i;
	struct dirent *entry;
	DIR *dir = opendir("/sys/kernel/mm/hugepages");

	CHECK(dir, "hugepages: %s", strerror(errno));
	while (n < 16 && (entry = readdir(dir))) {
		if (sscanf(entry->d_name, "hugepages-%zukB", &kib) != 1 ||
		    huge_number(kib * 1024, "free_hugepages") < 1)
			continue;
		size[n] = kib * 1024;
		map[n] = mmap(NULL, size[n], RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			      huge_flag(size[n]), -1, 0);
		CHECK(map[n] != MAP_FAILED, "mmap of %zu: %s", size[n], strerror(errno));
		fill(map[n] + size[n] - 65536, 65536, n);
		n++;
	}
	CHECK_SYS(closedir(dir));
	CHECK(n, "there are no huge pages");
	ckpt_ready_wait();
	for (i = 0; i < n; i++) {
		check_fill(map[i] + size[i] - 65536, 65536, i);
		check_zero(map[i], size[i] - 65536);
	}
}

/* ---- too few --------------------------------------------------------------- */

CKPT_SCENARIO(wants_pages)
{
	char *map = map_huge(-1, 4, RW, MAP_PRIVATE);

	fill(map, huge, 1);
	ckpt_ready_wait();
	check_fill(map, huge, 1);
}

CKPT_SCENARIO(wants_shared_pages)
{
	char *map = map_huge(-1, 4, RW, MAP_SHARED | MAP_NORESERVE);

	fill(map, 2 * huge, 1);
	ckpt_ready_wait();
	check_fill(map, 2 * huge, 1);
}

CKPT_SCENARIO(wants_a_segment)
{
	int id = CHECK_SYS(shmget(IPC_PRIVATE, 3 * huge_size(),
				  SHM_HUGETLB | huge_flag(huge_size()) | 0600));
	char *map = shmat(id, NULL, 0);

	huge = huge_size();
	CHECK(map != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
	fill(map, huge, 1);
	ckpt_ready_wait();
	check_fill(map, huge, 1);
}

#define WANT(cond) do {							\
	if (!(cond)) {							\
		ckpt_diag("line %d: %s", __LINE__, #cond);		\
		return -1;						\
	}								\
} while (0)

/* Saved, and not restarted before there are enough pages: a line tells how many of which are missing. */
static int restarts_with_enough(struct ckpt_run *run, unsigned int wanted)
{
	size_t size = huge_size();
	struct restart_args args;
	int image = ckpt_image_new();
	char text[128];

	WANT(!ckpt_run_start(run));
	WANT(!ckpt_run_checkpoint(run, image, CHECKPOINT_KILL));
	WANT(set_huge_pool(size, 1) == 1);
	ckpt_take_board_back(run);
	ckpt_run_restart_args(run, &args, image, 0);
	WANT(sys_restart(&args, sizeof(args)) == -1 && errno == ENOMEM);
	snprintf(text, sizeof(text), "%u huge pages of %zu KiB are needed, of which 1 are free: "
		 "raise vm.nr_hugepages", wanted, size >> 10);
	if (!ckpt_run_log_has(run, text)) {
		ckpt_run_print_log(run);
		return -1;
	}
	/* Nothing is left of it, when its tasks are gone. */
	while (huge_number(size, "free_hugepages") != 1 || huge_number(size, "resv_hugepages"))
		usleep(1000);
	WANT(set_huge_pool(size, HUGE_POOL) == HUGE_POOL);
	WANT(!ckpt_run_restart(run, image, 0));
	WANT(!ckpt_run_go(run));
	WANT(!ckpt_run_finish(run));
	close(image);
	return 0;
}

static int with_too_few(const struct ckpt_scenario *sc, bool container, unsigned int wanted)
{
	struct ckpt_run run;
	int ret = ckpt_run_init(&run, sc, container);

	if (!ret)
		ret = restarts_with_enough(&run, wanted);
	ckpt_run_fini(&run);
	return ret;
}

TEST_F_TIMEOUT(cr, too_few_for_a_mapping, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_too_few(&wants_pages, variant->container, 4));
}

TEST_F_TIMEOUT(cr, too_few_for_shared_memory, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_too_few(&wants_shared_pages, variant->container, 2));
}

TEST_F_TIMEOUT(cr, too_few_for_a_segment, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, with_too_few(&wants_a_segment, variant->container, 3));
}

/* ---- with its contents ----------------------------------------------------- */

CKPT_SCENARIO(named_contents)
{
	int fd = open_huge("contents.data", O_RDWR | O_CREAT | O_EXCL);
	char *map = map_huge(fd, 3, RW, MAP_SHARED), *private = map_huge(fd, 1, RW, MAP_PRIVATE);
	struct stat st;

	fill(map, huge, 1);
	fill(map + 2 * huge, huge / 2, 2);
	fill(private, huge / 2, 3);
	memset(private + huge / 2, 0, huge / 2);
	ckpt_ready_wait();
	check_fill(map, huge, 1);
	check_zero(map + huge, huge);
	check_fill(map + 2 * huge, huge / 2, 2);
	check_zero(map + 2 * huge + huge / 2, huge / 2);
	check_fill(private, huge / 2, 3);
	check_zero(private + huge / 2, huge / 2);
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(1, st.st_nlink);
	CHECK_EQ(3 * huge, st.st_size);
	map = map_huge(open_huge("contents.data", O_RDONLY), 1, PROT_READ, MAP_SHARED);
	check_fill(map, huge, 1);
}

static int comes_with_contents(struct ckpt_run *run)
{
	static const struct checkpoint_rule rule = {
		.pattern = (uintptr_t)"*.data", .action = CHECKPOINT_RULE_CONTENTS,
	};
	struct checkpoint_args args;
	int image = ckpt_image_new();

	WANT(!ckpt_run_start(run));
	ckpt_run_args(run, &args, image, CHECKPOINT_KILL);
	args.rules = (uintptr_t)&rule;
	args.rules_count = 1;
	WANT(!ckpt_run_killed(run, sys_checkpoint(&args, sizeof(args)) > 0 ? 0 : errno));
	WANT(!unlink(HUGE_DIR "/contents.data"));
	WANT(!ckpt_run_restart(run, image, 0));
	WANT(!ckpt_run_go(run));
	WANT(!ckpt_run_finish(run));
	close(image);
	return 0;
}

/* A file with a name whose contents the caller wants in the image: it is made anew with them. */
TEST_F_TIMEOUT(cr, named_contents, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	int ret = ckpt_run_init(&run, &named_contents, variant->container);

	if (!ret)
		ret = comes_with_contents(&run);
	ckpt_run_fini(&run);
	ASSERT_EQ(0, ret);
}

/* All sizes that have room for two pages each: one of a scenario, one of its restart. */
TEST_F_TIMEOUT(cr, all_sizes, CKPT_TIMEOUT)
{
	long before[16];
	size_t size[16], kib;
	unsigned int n = 0;
	struct dirent *entry;
	int ret;
	DIR *dir = opendir("/sys/kernel/mm/hugepages");

	ASSERT_NE(NULL, dir);
	while (n < 16 && (entry = readdir(dir))) {
		if (sscanf(entry->d_name, "hugepages-%zukB", &kib) != 1 || kib > 64 << 10 ||
		    kib * 1024 == huge_size())
			continue;
		size[n] = kib * 1024;
		before[n] = huge_number(size[n], "nr_hugepages");
		set_huge_pool(size[n], 2);
		n++;
	}
	closedir(dir);
	ret = ckpt_cycle(&each_size, variant->container);
	while (n--)
		set_huge_pool(size[n], before[n]);
	ASSERT_EQ(0, ret);
}

/* ---- what is refused ---------------------------------------------------- */

static int loses_its_page(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

/*
 * Its parent has written to a page that both have, and there was no other: the
 * child has a hole there now, and is killed when it touches that.
 */
CKPT_SCENARIO(taken)
{
	char *map = map_huge(-1, 1, RW, MAP_PRIVATE), *all;
	pid_t kid;

	fill(map, huge, 1);
	kid = ckpt_fork(loses_its_page, map);
	ckpt_step_wait(0, 1);
	all = map_huge(-1, HUGE_POOL - 1, RW, MAP_PRIVATE | MAP_POPULATE);
	CHECK_EQ(0, huge_number(huge, "free_hugepages"));
	fill(map, huge, 2);
	CHECK_SYS(munmap(all, (HUGE_POOL - 1) * huge));
	board->value[0] = (uintptr_t)map;
	ckpt_ready_wait();
	check_fill(map, huge, 2);
	ckpt_wait_exit(kid, 0);
}

/* A size that fallocate(2) has made, and ftruncate(2) can't make. */
CKPT_SCENARIO(odd_size)
{
	int fd = huge_memfd("odd", 0);

	CHECK_SYS(fallocate(fd, 0, 0, huge + 1));
	ckpt_ready_wait();
	CHECK_EQ(huge + 1, lseek(fd, 0, SEEK_END));
}

static void tell_taken(struct ckpt_board *b, char *text, size_t size)
{
	snprintf(text, size, "mapping %llx-%llx: huge pages of it were taken away for its parent",
		 (unsigned long long)b->value[0], (unsigned long long)b->value[0] + huge_size());
}

static void tell_odd_size(struct ckpt_board *b, char *text, size_t size)
{
	snprintf(text, size, "memfd:odd): its size is no whole number of huge pages: have it set "
		 "(ftruncate)");
}

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

TEST_F_TIMEOUT(cr, taken, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, is_refused(&taken, variant->container, tell_taken));
}

TEST_F_TIMEOUT(cr, odd_size, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, is_refused(&odd_size, variant->container, tell_odd_size));
}

TEST_HARNESS_MAIN
