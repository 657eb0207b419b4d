// SPDX-License-Identifier: GPL-2.0
/* Huge pages of hugetlbfs: of anonymous mappings, of all sizes, and where there are too few. */
#include "common.h"

#include "huge.h"
#include "memory.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>

HUGE_FIXTURE

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

/* ---- memory policies ------------------------------------------------------ */

/* The policy of the memory at @addr: MPOL_*, and its nodes. */
static int policy_of(const void *addr, unsigned long *nodes)
{
	unsigned long mask[16] = {};
	int mode = -1;

	CHECK_SYS(syscall(__NR_get_mempolicy, &mode, mask, 1024, addr, 2));
	*nodes = mask[0];
	return mode;
}

/* A page of each has one, and comes back with it. */
CKPT_CYCLE(policies)
{
	char *private = map_huge(-1, 2, RW, MAP_PRIVATE), *shared = map_huge(-1, 2, RW, MAP_SHARED);
	unsigned long nodes = 1, seen;

	fill(private, huge, 1);
	fill(shared, huge, 2);
	/* MPOL_BIND, MPOL_INTERLEAVE */
	if (syscall(__NR_mbind, private + huge, huge, 2, &nodes, 64, 0)) {
		CHECK_EQ(ENOSYS, errno);
		ckpt_not_here();
	}
	CHECK_SYS(syscall(__NR_mbind, shared, huge, 3, &nodes, 64, 0));
	fill(private + huge, huge, 3);
	ckpt_ready_wait();
	CHECK_EQ(0, policy_of(private, &seen));
	CHECK_EQ(2, policy_of(private + huge, &seen));
	CHECK_EQ(nodes, seen);
	CHECK_EQ(3, policy_of(shared, &seen));
	CHECK_EQ(nodes, seen);
	CHECK_EQ(0, policy_of(shared + huge, &seen));
	check_fill(private, huge, 1);
	check_fill(private + huge, huge, 3);
	check_fill(shared, huge, 2);
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
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(run, &args, image, 0);
	if (sys_restart(&args, sizeof(args)) != -1 || errno != ENOMEM) {
		ckpt_diag("restart(2): %s", strerror(errno));
		ckpt_run_print_log(run);
		return -1;
	}
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

static void tell_taken(struct ckpt_board *b, char *text, size_t size)
{
	snprintf(text, size, "mapping %llx-%llx: huge pages of it were taken away for its parent",
		 (unsigned long long)b->value[0], (unsigned long long)b->value[0] + huge_size());
}

TEST_F_TIMEOUT(cr, taken, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, is_refused(&taken, variant->container, tell_taken));
}

TEST_HARNESS_MAIN
