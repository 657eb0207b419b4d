/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of everything.h: mappings of each kind, guards, huge pages, what a userfaultfd watches, the
 * hash for private futexes.
 */
#ifndef CKPT_TEST_EVERYTHING_MEMORY_H
#define CKPT_TEST_EVERYTHING_MEMORY_H

#include "huge.h"
#include "userfault.h"

#include <fcntl.h>
#include <sys/prctl.h>

#ifndef PR_FUTEX_HASH
#define PR_FUTEX_HASH		78
#define PR_FUTEX_HASH_SET_SLOTS	1
#define PR_FUTEX_HASH_GET_SLOTS	2
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif

#define E_PAGES		4
/* Of its hash for private futexes. */
#define E_SLOTS		2

static struct {
	char *own, *locked, *guarded, *of_file, *shared, *shared_file, *watched;
	int uffd;
	bool has_slots;
} e_map;

/* A page that is missing, and one of zeros that is not. */
static void e_set_up_watched(void)
{
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	e_map.uffd = -1;
	if (fd < 0 || close(fd))
		return;
	e_map.uffd = new_uffd(UFFD_USER_MODE_ONLY, 0);
	e_map.watched = map_anon(2 * PAGE, RW, 0);
	watch(e_map.uffd, e_map.watched, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	CHECK_SYS(give_zero(e_map.uffd, e_map.watched));
}

static void e_check_watched(void)
{
	if (e_map.uffd < 0)
		return;
	CHECK(give_zero(e_map.uffd, e_map.watched) && errno == EEXIST, "a page is missing");
	CHECK_SYS(give_zero(e_map.uffd, e_map.watched + PAGE));
	check_zero(e_map.watched, ckpt_page());
}

static void e_set_up_memory(void)
{
	char path[320];
	int fd, i;

	e_map.own = map_anon(E_PAGES * PAGE, RW, 0);
	fill(e_map.own, E_PAGES * PAGE, 1);
	/* A hole, for an extent on each side. */
	CHECK_SYS(madvise(e_map.own + PAGE, PAGE, MADV_DONTNEED));
	e_map.locked = map_anon(PAGE, RW, 0);
	CHECK_SYS(mlock(e_map.locked, PAGE));
	fill(e_map.locked, PAGE, 2);
	e_map.guarded = map_anon(E_PAGES * PAGE, RW, 0);
	fill(e_map.guarded, E_PAGES * PAGE, 3);
	for (i = 0; i < E_PAGES; i += 2)
		CHECK_SYS(madvise(e_map.guarded + i * PAGE, PAGE, MADV_GUARD_INSTALL));
	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "mapped"), O_RDWR | O_CREAT, 0600));
	CHECK_SYS(ftruncate(fd, 2 * PAGE));
	e_map.of_file = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
	e_map.shared_file = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(e_map.of_file != MAP_FAILED && e_map.shared_file != MAP_FAILED, "mmap");
	close(fd);
	fill(e_map.shared_file, 2 * PAGE, 4);
	fill(e_map.of_file, PAGE, 5);
	e_map.shared = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(e_map.shared != MAP_FAILED, "mmap: %s", strerror(errno));
	fill(e_map.shared, 2 * PAGE, 6);
	e_map.has_slots = !prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, E_SLOTS, 0, 0);
	CHECK(e_map.has_slots || errno == EINVAL, "slots for futexes: %s", strerror(errno));
	e_set_up_watched();
}

static void e_check_memory(void)
{
	int i;

	check_fill(e_map.own, PAGE, 1);
	check_zero(e_map.own + PAGE, PAGE);
	check_fill(e_map.own + 2 * PAGE, PAGE, 1 + 2 * PAGE / 8);
	check_fill(e_map.locked, PAGE, 2);
	catch_faults();
	for (i = 0; i < E_PAGES; i += 2) {
		CHECK(touch(e_map.guarded + i * PAGE, false), "guard %d is gone", i);
		check_fill(e_map.guarded + (i + 1) * PAGE, PAGE, 3 + (i + 1) * PAGE / 8);
	}
	check_fill(e_map.shared_file, 2 * PAGE, 4);
	check_fill(e_map.of_file, PAGE, 5);
	check_fill(e_map.of_file + PAGE, PAGE, 4 + PAGE / 8);
	check_fill(e_map.shared, 2 * PAGE, 6);
	if (e_map.has_slots)
		CHECK_EQ(E_SLOTS, prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_GET_SLOTS, 0, 0, 0));
	e_check_watched();
}

/* ---- huge pages -------------------------------------------------------- */

/* What a test needs in the pool: two trees may have them at a time. */
#define E_HUGE_POOL	8

static struct {
	size_t size;			/* 0: there are none. */
	char *own, *shared;
	int fd;
} e_huge;

/* Has the kernel have some; @before is for e_huge_end(). */
__attribute__((unused)) static void e_huge_begin(long *before)
{
	size_t size = huge_size();

	*before = -1;
	if (!size || size > HUGE_LARGEST)
		return;
	*before = huge_number(size, "nr_hugepages");
	set_huge_pool(size, E_HUGE_POOL);
}

__attribute__((unused)) static void e_huge_end(long before)
{
	if (before >= 0)
		set_huge_pool(huge_size(), before);
}

/* One of two is there, and one of a file that is set aside. */
static void e_set_up_huge(void)
{
	size_t size = huge_size();

	if (!size || size > HUGE_LARGEST || huge_number(size, "free_hugepages") < E_HUGE_POOL / 2)
		return;
	e_huge.size = size;
	e_huge.own = map_huge(-1, 2, RW, MAP_PRIVATE);
	fill(e_huge.own, PAGE, 7);
	e_huge.fd = huge_memfd("huge", MFD_CLOEXEC);
	CHECK_SYS(ftruncate(e_huge.fd, size));
	e_huge.shared = map_huge(e_huge.fd, 1, RW, MAP_SHARED);
}

static void e_check_huge(void)
{
	if (!e_huge.size)
		return;
	check_fill(e_huge.own, PAGE, 7);
	check_zero(e_huge.own + PAGE, PAGE);
	e_huge.own[e_huge.size] = 1;
	e_huge.shared[0] = 1;
	CHECK(is_there(e_huge.shared), "there is no page");
}

#endif
