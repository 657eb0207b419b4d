// SPDX-License-Identifier: GPL-2.0
/* Private memory: content, protections, flags, layout. */
#include "memory.h"

#include <fcntl.h>
#include <time.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <linux/membarrier.h>

CKPT_FIXTURE

#ifndef __NR_mseal
#define __NR_mseal 462
#endif

CKPT_CYCLE(patterns)
{
	char *map = map_anon(256 * PAGE, RW, 0);
	int i;

	for (i = 0; i < 256; i++) {
		if (i % 4 == 1)
			memset(map + i * PAGE, 0, PAGE);
		else if (i % 4 != 2)
			fill(map + i * PAGE, PAGE, i);
	}
	same_layout();
	for (i = 0; i < 256; i++) {
		if (i % 4 == 1 || i % 4 == 2)
			check_zero(map + i * PAGE, PAGE);
		else
			check_fill(map + i * PAGE, PAGE, i);
	}
	/* All of it is still ours to write. */
	fill(map, 256 * PAGE, 7);
	check_fill(map, 256 * PAGE, 7);
}

CKPT_CYCLE(sparse_gibibyte)
{
	size_t size = 1024 * MIB, step = 37 * MIB + 3 * PAGE, at;
	char *map = map_anon(size, RW, MAP_NORESERVE);

	for (at = 0; at + PAGE <= size; at += step)
		fill(map + at, PAGE, at);
	same_layout();
	for (at = 0; at + PAGE <= size; at += step) {
		check_fill(map + at, PAGE, at);
		if (at + 3 * PAGE <= size)
			check_zero(map + at + 2 * PAGE, PAGE);
	}
}

CKPT_CYCLE(large)
{
	size_t size = 256 * MIB, at;
	char *map = map_anon(size, RW, 0);

	/* Every page of the first and last part, every 64th between. */
	for (at = 0; at < size; at += at < 16 * MIB || at >= size - 16 * MIB ? PAGE : 64 * PAGE)
		*(uint64_t *)(map + at) = at + 1;
	ckpt_ready_wait();
	for (at = 0; at < size; at += at < 16 * MIB || at >= size - 16 * MIB ? PAGE : 64 * PAGE)
		CHECK_EQ(at + 1, *(uint64_t *)(map + at));
}

CKPT_CYCLE(protections)
{
	char *none = map_anon(4 * PAGE, RW, 0);
	char *read_only = map_anon(4 * PAGE, RW, 0);
	char *mixed = map_anon(6 * PAGE, RW, 0);
	char *reserved = map_anon(64 * MIB, PROT_NONE, MAP_NORESERVE);

	catch_faults();
	fill(none, 4 * PAGE, 1);
	fill(read_only, 4 * PAGE, 2);
	fill(mixed, 6 * PAGE, 3);
	CHECK_SYS(mprotect(none, 4 * PAGE, PROT_NONE));
	CHECK_SYS(mprotect(read_only, 4 * PAGE, PROT_READ));
	CHECK_SYS(mprotect(mixed + PAGE, PAGE, PROT_READ));
	CHECK_SYS(mprotect(mixed + 3 * PAGE, PAGE, PROT_NONE));
	CHECK_SYS(mprotect(mixed + 4 * PAGE, PAGE, PROT_READ | PROT_EXEC));
	CHECK_SYS(munmap(mixed + 5 * PAGE, PAGE));
	same_layout();
	CHECK_EQ(SEGV_ACCERR, touch(none, false));
	CHECK_EQ(SEGV_ACCERR, touch(read_only, true));
	CHECK_EQ(0, touch(read_only, false));
	CHECK_EQ(SEGV_ACCERR, touch(mixed + PAGE, true));
	CHECK_EQ(SEGV_ACCERR, touch(mixed + 3 * PAGE, false));
	CHECK_EQ(SEGV_ACCERR, touch(mixed + 4 * PAGE, true));
	CHECK_EQ(SEGV_MAPERR, touch(mixed + 5 * PAGE, false));
	CHECK_EQ(SEGV_ACCERR, touch(reserved + MIB, false));
	check_fill(read_only, 4 * PAGE, 2);
	CHECK_SYS(mprotect(none, 4 * PAGE, RW));
	check_fill(none, 4 * PAGE, 1);
	CHECK_SYS(mprotect(mixed, 5 * PAGE, RW));
	check_fill(mixed, 5 * PAGE, 3);
	CHECK_SYS(mprotect(reserved, MIB, RW));
	check_zero(reserved, MIB);
}

#if defined(__x86_64__) || defined(__s390x__) || defined(__aarch64__)
CKPT_CYCLE(code)
{
#ifdef __x86_64__
	/* mov $4711, %eax; ret */
	static const unsigned char bytes[] = { 0xb8, 0x67, 0x12, 0, 0, 0xc3 };
#elif defined(__aarch64__)
	/* mov w0, #4711; ret */
	static const unsigned char bytes[] = { 0xe0, 0x4c, 0x82, 0x52, 0xc0, 0x03, 0x5f, 0xd6 };
#else
	/* lghi %r2, 4711; br %r14 */
	static const unsigned char bytes[] = { 0xa7, 0x29, 0x12, 0x67, 0x07, 0xfe };
#endif
	char *map = map_anon(PAGE, RW, 0);
	int (*fn)(void) = (int (*)(void))(uintptr_t)map;

	memcpy(map, bytes, sizeof(bytes));
	__builtin___clear_cache(map, map + sizeof(bytes));
	CHECK_SYS(mprotect(map, PAGE, PROT_READ | PROT_EXEC));
	CHECK_EQ(4711, fn());
	ckpt_ready_wait();
	CHECK_EQ(4711, fn());
}
#endif

#ifdef __s390x__
/* They need page tables of four and five levels. */
CKPT_CYCLE(high_addresses)
{
	static const uintptr_t at[] = { 1ul << 44, 1ul << 55, -16 * PAGE };
	unsigned int i;

	for (i = 0; i < sizeof(at) / sizeof(*at); i++) {
		char *map = mmap((void *)at[i], 2 * PAGE, RW,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		CHECK_EQ(at[i], (uintptr_t)map);
		fill(map, 2 * PAGE, i);
	}
	ckpt_ready_wait();
	for (i = 0; i < sizeof(at) / sizeof(*at); i++)
		check_fill((char *)at[i], 2 * PAGE, i);
}
#endif

#define COW_PAGES	64

/* Each process writes pages of its own after fork and shares the others. */
static int cow_child(void *arg)
{
	char *map = arg;
	int nr = __atomic_fetch_add(&board->value[0], 1, __ATOMIC_SEQ_CST);
	int i;

	for (i = nr; i < COW_PAGES; i += 4)
		fill(map + i * PAGE, PAGE, 1000 * (nr + 1) + i);
	ckpt_step(0);
	ckpt_wait_go();
	for (i = 0; i < COW_PAGES; i++)
		check_fill(map + i * PAGE, PAGE, i % 4 == nr ? 1000 * (nr + 1) + i : i);
	ckpt_step(1);
	ckpt_step_wait(1, 4);
	fill(map, COW_PAGES * PAGE, 5000 + nr);
	ckpt_step(2);
	ckpt_step_wait(2, 4);
	check_fill(map, COW_PAGES * PAGE, 5000 + nr);
	return 0;
}

CKPT_CYCLE(copy_on_write)
{
	char *map = map_anon(COW_PAGES * PAGE, RW, 0);
	pid_t kid[3];
	int i;

	for (i = 0; i < COW_PAGES; i++)
		fill(map + i * PAGE, PAGE, i);
	for (i = 0; i < 3; i++)
		kid[i] = ckpt_fork(cow_child, map);
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
	for (i = 0; i < COW_PAGES; i++)
		check_fill(map + i * PAGE, PAGE, i);
	ckpt_step(1);
	ckpt_step_wait(1, 4);
	fill(map, COW_PAGES * PAGE, 4000);
	ckpt_step(2);
	ckpt_step_wait(2, 4);
	check_fill(map, COW_PAGES * PAGE, 4000);
	for (i = 0; i < 3; i++)
		ckpt_wait_exit(kid[i], 0);
}

/* Make a file of @pages pages filled from @seed on; the descriptor is returned. */
static int make_file(const char *name, unsigned int pages, uint64_t seed)
{
	static char page[PAGE];
	char path[300];
	unsigned int i;
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), name), O_RDWR | O_CREAT | O_TRUNC,
			    0600));
	for (i = 0; i < pages; i++) {
		fill(page, PAGE, seed + i);
		CHECK_EQ(PAGE, write(fd, page, PAGE));
	}
	return fd;
}

CKPT_CYCLE(private_file)
{
	int fd = make_file("private", 16, 300);
	char page[PAGE];
	char *map;
	int i;

	map = mmap(NULL, 14 * PAGE, RW, MAP_PRIVATE, fd, PAGE);
	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	close(fd);
	for (i = 0; i < 14; i += 3)
		fill(map + i * PAGE, PAGE, 900 + i);
	/* One that became all zero is a change too. */
	memset(map + PAGE, 0, PAGE);
	same_layout();
	check_zero(map + PAGE, PAGE);
	for (i = 0; i < 14; i++) {
		if (i != 1)
			check_fill(map + i * PAGE, PAGE, i % 3 ? 301 + i : 900 + i);
	}
	/* The file itself has none of it. */
	fd = CHECK_SYS(open(ckpt_path(page, sizeof(page), "private"), O_RDONLY));
	for (i = 0; i < 16; i++) {
		CHECK_EQ(PAGE, pread(fd, page, PAGE, i * PAGE));
		check_fill(page, PAGE, 300 + i);
	}
}

CKPT_CYCLE(beyond_end_of_file)
{
	int fd = make_file("short", 2, 1);
	char *map;

	catch_faults();
	map = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	map[0] = 5;
	ckpt_ready_wait();
	CHECK_EQ(5, map[0]);
	CHECK_EQ(0, touch(map + PAGE, true));
	CHECK_EQ(BUS_ADRERR, touch(map + 2 * PAGE, false));
}

/* ---- stack, heap, layout --------------------------------------------- */

static uint64_t recurse(unsigned int depth)
{
	volatile char room[4096];

	room[0] = depth;
	room[4095] = depth >> 3;
	if (!depth)
		return 0;
	return recurse(depth - 1) + (unsigned char)room[0] + (unsigned char)room[4095];
}

CKPT_CYCLE(stack_growth)
{
	uint64_t small, large;

	small = recurse(20);
	ckpt_ready_wait();
	CHECK_EQ(small, recurse(20));
	/* Four mebibytes more than it ever had. */
	large = recurse(1000);
	CHECK_EQ(large, recurse(1000));
}

CKPT_CYCLE(heap)
{
	char *start = sbrk(0), *block[64];
	int i;

	CHECK(sbrk(64 * PAGE) == start, "sbrk: %s", strerror(errno));
	fill(start, 64 * PAGE, 77);
	for (i = 0; i < 64; i++) {
		block[i] = malloc(1000 + i * 500);
		memset(block[i], i, 1000 + i * 500);
	}
	board->value[1] = (uintptr_t)sbrk(0);
	ckpt_ready_wait();
	CHECK_EQ(board->value[1], (uintptr_t)sbrk(0));
	check_fill(start, 64 * PAGE, 77);
	for (i = 0; i < 64; i++) {
		CHECK(block[i][0] == i && block[i][999 + i * 500] == i, "block %d differs", i);
		free(block[i]);
	}
	start = sbrk(0);
	CHECK(sbrk(MIB) == start, "sbrk: %s", strerror(errno));
	check_zero((char *)(((uintptr_t)start + PAGE - 1) & -PAGE), MIB - PAGE);
}

struct texts {
	char auxv[1024], cmdline[1024], environ[8192], exe[512], stat[1024];
};

/* The fields of stat that tell where code, data, stack, arguments lie. */
static void read_texts(struct texts *texts)
{
	char stat[2048];
	char *at, *save;
	size_t used = 0;
	int field = 3;

	memset(texts, 0, sizeof(*texts));
	ckpt_read_file("/proc/self/auxv", texts->auxv, sizeof(texts->auxv));
	ckpt_read_file("/proc/self/cmdline", texts->cmdline, sizeof(texts->cmdline));
	ckpt_read_file("/proc/self/environ", texts->environ, sizeof(texts->environ));
	CHECK_SYS(readlink("/proc/self/exe", texts->exe, sizeof(texts->exe) - 1));
	at = strrchr(ckpt_read_file("/proc/self/stat", stat, sizeof(stat)), ')') + 1;
	for (at = strtok_r(at, " ", &save); at; at = strtok_r(NULL, " ", &save), field++) {
		if ((field >= 26 && field <= 28) || (field >= 45 && field <= 51))
			used += snprintf(texts->stat + used, sizeof(texts->stat) - used,
					 "%d=%s ", field, at);
	}
}

CKPT_CYCLE(layout_fields)
{
	static struct texts before, after;

	/* Take the stack's start aside: what is there tells of our arguments. */
	read_texts(&before);
	ckpt_ready_wait();
	read_texts(&after);
	CHECK(!memcmp(before.auxv, after.auxv, sizeof(before.auxv)), "auxv differs");
	CHECK(!memcmp(before.cmdline, after.cmdline, sizeof(before.cmdline)), "cmdline differs");
	CHECK(!memcmp(before.environ, after.environ, sizeof(before.environ)), "environ differs");
	CHECK_STREQ(before.exe, after.exe);
	CHECK_STREQ(before.stat, after.stat);
}

CKPT_CYCLE(vdso)
{
	char *vdso = (char *)getauxval(AT_SYSINFO_EHDR);
	/* PAGE may be more than there is. */
	size_t len = getpagesize();
	static char copy[PAGE];
	struct timespec ts;

	if (!vdso)
		ckpt_not_here();
	memcpy(copy, vdso, len);
	CHECK(!memcmp(vdso, "\177ELF", 4), "no ELF file at %p", vdso);
	same_layout();
	CHECK(!memcmp(copy, vdso, len), "the vDSO is another");
	CHECK_SYS(clock_gettime(CLOCK_MONOTONIC, &ts));
	CHECK_SYS(clock_gettime(CLOCK_REALTIME, &ts));
	CHECK(ts.tv_sec > 0, "the time is %lld", (long long)ts.tv_sec);
}

#define MANY	1500

CKPT_CYCLE(many_mappings)
{
	char *map = map_anon(MANY * PAGE, RW, 0);
	int i;

	for (i = 0; i < MANY; i++) {
		if (i % 3 == 0)
			*(int *)(map + i * PAGE) = i + 1;
		if (i % 2)
			CHECK_SYS(mprotect(map + i * PAGE, PAGE, PROT_READ));
	}
	same_layout();
	for (i = 0; i < MANY; i++)
		CHECK_EQ(i % 3 ? 0 : i + 1, *(int *)(map + i * PAGE));
}

/* ---- flags of mappings ----------------------------------------------- */

CKPT_CYCLE(advice)
{
	static const int advice[] = {
		MADV_DONTFORK, MADV_WIPEONFORK, MADV_DONTDUMP, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_SEQUENTIAL, MADV_RANDOM, MADV_MERGEABLE,
	};
	char *map[8];
	pid_t kid;
	int i;

	for (i = 0; i < 8; i++) {
		map[i] = map_anon(16 * PAGE, RW, 0);
		/* Apart from each other, or equal ones would merge. */
		map_anon(PAGE, PROT_NONE, 0);
		fill(map[i], 16 * PAGE, i);
		/* A kernel may have been built without some of them. */
		if (madvise(map[i], 16 * PAGE, advice[i]))
			CHECK_EQ(EINVAL, errno);
	}
	same_layout();
	for (i = 0; i < 8; i++)
		check_fill(map[i], 16 * PAGE, i);
	kid = CHECK_SYS(fork());
	if (!kid) {
		catch_faults();
		CHECK_EQ(SEGV_MAPERR, touch(map[0], false));
		check_zero(map[1], 16 * PAGE);
		check_fill(map[2], 16 * PAGE, 2);
		_exit(0);
	}
	ckpt_wait_exit(kid, 0);
}

/* What fork() wipes: it comes back as it was, unless the caller of restart(2) wants it wiped. */
#define WIPED	0

CKPT_SCENARIO(wiped)
{
	char *plain = map_anon(16 * PAGE, RW, 0), *locked, *beside;

	map_anon(PAGE, PROT_NONE, 0);
	locked = map_anon(16 * PAGE, RW, 0);
	map_anon(PAGE, PROT_NONE, 0);
	beside = map_anon(16 * PAGE, RW, 0);
	fill(plain, 16 * PAGE, 1);
	fill(locked, 16 * PAGE, 2);
	fill(beside, 16 * PAGE, 3);
	CHECK_SYS(madvise(plain, 16 * PAGE, MADV_WIPEONFORK));
	CHECK_SYS(madvise(locked, 16 * PAGE, MADV_WIPEONFORK));
	CHECK_SYS(mlock(locked, 16 * PAGE));
	ckpt_ready_wait();
	if (board->value[WIPED]) {
		check_zero(plain, 16 * PAGE);
		check_zero(locked, 16 * PAGE);
	} else {
		check_fill(plain, 16 * PAGE, 1);
		check_fill(locked, 16 * PAGE, 2);
	}
	check_fill(beside, 16 * PAGE, 3);
}

TEST_F_TIMEOUT(cr, wiped_if_wanted, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second, i;
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &wiped, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL));
	for (i = 0; i < 2; i++) {
		second = ckpt_image_new();
		ASSERT_EQ(0, ckpt_run_restart(&run, first, i ? RESTART_WIPE_ON_FORK : 0));
		ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
		/* What was wiped is saved as that. */
		ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
		ASSERT_EQ(0, ckpt_run_restart(&run, second, 0));
		run.board->value[WIPED] = i;
		ASSERT_EQ(0, ckpt_run_go(&run));
		EXPECT_EQ(0, ckpt_run_finish(&run));
		close(second);
	}
	ckpt_run_fini(&run);
	close(first);
}

/* What a status line with @key says, as a number. */
static long status_value(const char *key)
{
	char buf[8192];
	char *at = strstr(ckpt_read_file("/proc/self/status", buf, sizeof(buf)), key);

	return at ? atol(at + strlen(key)) : -1;
}

CKPT_CYCLE(locked)
{
	char *map = map_anon(32 * PAGE, RW, 0);
	char *on_fault_only = map_anon(32 * PAGE, RW, 0);
	long before;

	fill(map, 32 * PAGE, 11);
	CHECK_SYS(mlock(map, 16 * PAGE));
	CHECK_SYS(mlock2(on_fault_only, 32 * PAGE, MLOCK_ONFAULT));
	before = status_value("VmLck:");
	CHECK_EQ(48 * PAGE / 1024, before);
	same_layout();
	CHECK_EQ(before, status_value("VmLck:"));
	check_fill(map, 32 * PAGE, 11);
	CHECK_SYS(munlock(map, 16 * PAGE));
	CHECK_EQ(32 * PAGE / 1024, status_value("VmLck:"));
}

CKPT_CYCLE(future_mappings_locked)
{
	long before;

	CHECK_SYS(mlockall(MCL_FUTURE));
	before = status_value("VmLck:");
	ckpt_ready_wait();
	CHECK_EQ(before, status_value("VmLck:"));
	map_anon(8 * PAGE, RW, 0);
	CHECK_EQ(before + 8 * PAGE / 1024, status_value("VmLck:"));
}

/* All is locked, also what can't be brought in: without access, and beyond the end of a file. */
CKPT_CYCLE(all_locked)
{
	char path[320], *none, *beyond;
	long before;
	int fd;

	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "short"), O_RDWR | O_CREAT, 0600));
	CHECK_SYS(ftruncate(fd, PAGE));
	none = map_anon(4 * PAGE, PROT_NONE, 0);
	beyond = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	CHECK(beyond != MAP_FAILED, "mmap: %s", strerror(errno));
	catch_faults();
	/* So that the stack has grown to what this needs. */
	status_value("VmLck:");
	CHECK_SYS(mlockall(MCL_CURRENT));
	before = status_value("VmLck:");
	CHECK(before >= (long)(8 * PAGE / 1024), "only %ld kB are locked", before);
	ckpt_ready_wait();
	CHECK_EQ(before, status_value("VmLck:"));
	CHECK_EQ(SEGV_ACCERR, touch(none, false));
	CHECK_EQ(0, touch(beyond, true));
	CHECK_EQ(BUS_ADRERR, touch(beyond + 2 * PAGE, false));
	CHECK_SYS(munlockall());
	CHECK_EQ(0, status_value("VmLck:"));
}

CKPT_CYCLE(huge_pages)
{
	char *map = map_anon(8 * MIB, RW, 0);
	char *huge = (char *)(((uintptr_t)map + 2 * MIB - 1) & -(2 * MIB));

	madvise(huge, 4 * MIB, MADV_HUGEPAGE);
	fill(huge, 4 * MIB, 21);
	/* One that was split, and one with a hole. */
	CHECK_SYS(mprotect(huge + MIB, PAGE, PROT_READ));
	CHECK_SYS(madvise(huge + 3 * MIB, 8 * PAGE, MADV_DONTNEED));
	same_layout();
	check_fill(huge, 3 * MIB, 21);
	check_zero(huge + 3 * MIB, 8 * PAGE);
	check_fill(huge + 3 * MIB + 8 * PAGE, MIB - 8 * PAGE, 21 + (3 * MIB + 8 * PAGE) / 8);
}

CKPT_CYCLE(named)
{
	char *map = map_anon(4 * PAGE, RW, 0);

	/* The layout has the name if the kernel keeps it. */
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, map, 4 * PAGE, "ckpt name");
	same_layout();
}

CKPT_CYCLE(sealed)
{
	char *map = map_anon(4 * PAGE, RW, 0);
	bool can = !syscall(__NR_mseal, map, 4 * PAGE, 0);

	fill(map, 4 * PAGE, 5);
	same_layout();
	check_fill(map, 4 * PAGE, 5);
	if (can)
		CHECK(mprotect(map, PAGE, PROT_READ) == -1 && errno == EPERM, "the seal broke");
	map[0] = 1;
}

CKPT_CYCLE(growing_down)
{
	/* More than the gap that is kept below a stack. */
	char *room = map_anon(512 * PAGE, PROT_NONE, 0);
	char *map;

	CHECK_SYS(munmap(room, 512 * PAGE));
	map = mmap(room + 508 * PAGE, 4 * PAGE, RW,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	fill(map, 4 * PAGE, 9);
	same_layout();
	check_fill(map, 4 * PAGE, 9);
	map[-1] = 1;
}

/* The low bits of /proc/self/coredump_filter. */
static unsigned int dump_filter(const char *new)
{
	char buf[32] = "";
	int fd = CHECK_SYS(open("/proc/self/coredump_filter", O_RDWR));

	if (new)
		CHECK_EQ(strlen(new), write(fd, new, strlen(new)));
	CHECK_SYS(pread(fd, buf, sizeof(buf) - 1, 0));
	CHECK_SYS(close(fd));
	return strtoul(buf, NULL, 16);
}

CKPT_CYCLE(coredump_filter)
{
	CHECK_EQ(0x1a5, dump_filter("0x1a5"));
	ckpt_ready_wait();
	CHECK_EQ(0x1a5, dump_filter(NULL));
}

CKPT_CYCLE(process_flags)
{
	CHECK_SYS(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	CHECK_SYS(syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	ckpt_ready_wait();
	CHECK_EQ(1, prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	CHECK_SYS(syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
}

#ifndef PR_THP_DISABLE_EXCEPT_ADVISED
#define PR_THP_DISABLE_EXCEPT_ADVISED	(1 << 1)
#endif

/* No huge pages but where they are asked for. */
CKPT_CYCLE(huge_pages_only_advised)
{
	CHECK_SYS(prctl(PR_SET_THP_DISABLE, 1, PR_THP_DISABLE_EXCEPT_ADVISED, 0, 0));
	ckpt_ready_wait();
	CHECK_EQ(1 | PR_THP_DISABLE_EXCEPT_ADVISED, prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
}

TEST_HARNESS_MAIN
