// SPDX-License-Identifier: GPL-2.0
/* Huge pages of hugetlbfs: of memfds, of files, and of System V shared memory. */
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

/* ---- memfds -------------------------------------------------------------- */

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

/* Mounts another hugetlbfs in the place of the first one, with room for @limit bytes; 0: for all. */
static int mount_another(size_t limit)
{
	char options[96];
	int len;

	len = snprintf(options, sizeof(options), "pagesize=%zuK,mode=0777", huge_size() >> 10);
	if (limit)
		snprintf(options + len, sizeof(options) - len, ",size=%zuK", limit >> 10);
	return umount2(HUGE_DIR, MNT_DETACH) || mount("none", HUGE_DIR, "hugetlbfs", 0, options);
}

CKPT_SCENARIO(with_hole)
{
	int fd = open_huge("hole", O_RDWR | O_CREAT | O_EXCL);
	char *map;

	huge = huge_size();
	CHECK_SYS(unlink(HUGE_DIR "/hole"));
	CHECK_SYS(ftruncate(fd, 3 * huge));
	CHECK_SYS(fallocate(fd, 0, 0, 2 * huge));
	ckpt_ready_wait();
	map = map_huge(fd, 3, RW, MAP_SHARED);
	check_zero(map, 3 * huge);
}

/* There are enough pages, but the mount does not take so many: a line tells. */
TEST_F_TIMEOUT(cr, mount_is_too_small, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &with_hole, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, mount_another(huge_size()));
	ckpt_take_board_back(&run);
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ckpt_run_restart_args(&run, &args, image, 0);
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "size= of the mount of hugetlbfs")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, mount_another(0));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
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

/* ---- what is refused ---------------------------------------------------- */

/* A size that fallocate(2) has made, and ftruncate(2) can't make. */
CKPT_SCENARIO(odd_size)
{
	int fd = huge_memfd("odd", 0);

	CHECK_SYS(fallocate(fd, 0, 0, huge + 1));
	ckpt_ready_wait();
	CHECK_EQ(huge + 1, lseek(fd, 0, SEEK_END));
}

static void tell_odd_size(struct ckpt_board *b, char *text, size_t size)
{
	snprintf(text, size, "memfd:odd): its size is no whole number of huge pages: have it set "
		 "(ftruncate)");
}

TEST_F_TIMEOUT(cr, odd_size, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, is_refused(&odd_size, variant->container, tell_odd_size));
}

/* A segment that others may have, too. */
CKPT_SCENARIO(huge_segment)
{
	int id = CHECK_SYS(shmget(IPC_PRIVATE, huge_size(), SHM_HUGETLB | huge_flag(huge_size()) |
				  0600));
	char *map = shmat(id, NULL, 0);

	CHECK(map != (void *)-1, "shmat: %s", strerror(errno));
	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
	map[0] = 's';
	board->value[0] = id;
	ckpt_ready_wait();
	CHECK_EQ('s', map[0]);
}

TEST_F_TIMEOUT(cr, segment_left_outside, CKPT_TIMEOUT)
{
	struct checkpoint_rule rule = { .action = CHECKPOINT_RULE_EXTERNAL };
	struct checkpoint_args args;
	char name[32], text[96];
	struct ckpt_run run;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, ckpt_run_init(&run, &huge_segment, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	snprintf(name, sizeof(name), "sysvshm:%d", (int)run.board->value[0]);
	rule.pattern = (uintptr_t)name;
	ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
	args.rules = (uintptr_t)&rule;
	args.rules_count = 1;
	EXPECT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	snprintf(text, sizeof(text), "System V shared memory %d: has huge pages, and so can't stay outside",
		 (int)run.board->value[0]);
	EXPECT_TRUE(ckpt_run_log_has(&run, text));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
}

TEST_HARNESS_MAIN
