// SPDX-License-Identifier: GPL-2.0
/*
 * userfaultfds: who answers page faults goes on doing so.  What was not there is
 * not there, what was protected is protected, and nobody is told of more.
 */
#include "userfault.h"

#include <sched.h>

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif

/* The kernel has it, and lets us have one that answers faults of the kernel, too. */
#define USERFAULT_BEGIN() do {						\
	int __fd;							\
									\
	CKPT_BEGIN();							\
	__fd = syscall(__NR_userfaultfd, O_CLOEXEC);			\
	if (__fd < 0)							\
		SKIP(return, "no userfaultfd: %s", strerror(errno));	\
	close(__fd);							\
} while (0)

CKPT_FIXTURE_IF(USERFAULT_BEGIN)

/* Of memory that is watched here. */
#define NR	16

/* A page with what depends on @seed. */
static void *page_with(uint64_t seed)
{
	static char *page;

	if (!page)
		page = map_anon(ckpt_page(), RW, 0);
	fill(page, ckpt_page(), seed);
	return page;
}

static void *page_of_zeros(void)
{
	void *page = page_with(0);

	memset(page, 0, ckpt_page());
	return page;
}

/* What the kernel tells of the userfaultfd: who waits, and its features. */
static const char *info_of(int fd, char *buf, size_t size)
{
	char path[64], *api;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	ckpt_read_file(path, buf, size);
	api = strstr(buf, "API:");
	CHECK(api, "no userfaultfd: %s", buf);
	return api;
}

/* The fault at @at is told, and answered. */
static void faults(int fd, char *at, uint64_t seed)
{
	struct toucher t;

	touch_start(&t, at, false);
	expect_fault(fd, at, 0);
	give(fd, at, page_with(seed));
	touch_end(&t);
	check_fill(at, ckpt_page(), seed);
	no_message(fd);
}

/* Pages that were given, zero in two ways, and holes. */
static void give_some(int fd, char *map)
{
	const size_t page = ckpt_page();

	give(fd, map, page_with(7));
	CHECK_SYS(give_zero(fd, map + 2 * page));
	give(fd, map + 3 * page, page_of_zeros());
	give(fd, map + 5 * page, page_with(8));
}

#define SOME	"p.pp.p.........."

static void check_some(int fd, char *map)
{
	const size_t page = ckpt_page();
	char pages[NR + 1];

	CHECK_STREQ(SOME, pages_of(map, NR, pages));
	no_message(fd);
	check_fill(map, page, 7);
	check_zero(map + 2 * page, 2 * page);
	check_fill(map + 5 * page, page, 8);
	no_message(fd);
	faults(fd, map + page, 9);
	faults(fd, map + 4 * page, 10);
	faults(fd, map + (NR - 1) * page, 11);
	/* There are pages now. */
	CHECK(give_zero(fd, map + 2 * page) && errno == EEXIST, "%s", strerror(errno));
}

CKPT_CYCLE(missing)
{
	const size_t size = NR * ckpt_page();
	int fd = new_uffd(0, 0), flags;
	char *map = map_anon(size, RW, 0), before[256], after[256];
	char api[128];

	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	give_some(fd, map);
	snprintf(api, sizeof(api), "%s", info_of(fd, before, sizeof(before)));
	same_layout();
	CHECK_STREQ(api, info_of(fd, after, sizeof(after)));
	flags = CHECK_SYS(fcntl(fd, F_GETFL));
	CHECK_EQ(O_RDONLY | O_NONBLOCK, flags & (O_ACCMODE | O_NONBLOCK));
	CHECK_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	check_some(fd, map);
	/* It is watched until that is taken back. */
	CHECK_SYS(madvise(map, size, MADV_DONTNEED));
	faults(fd, map, 12);
	CHECK_SYS(close(fd));
	check_zero(map + ckpt_page(), size - ckpt_page());
}

/* Huge pages would fill what is missing, and so would locking. */
CKPT_CYCLE(large)
{
	const size_t page = ckpt_page(), size = 8 * MIB, pages = size / page;
	char *map = map_anon(size, RW, 0), *before = malloc(pages + 1), *after = malloc(pages + 1);
	int fd = new_uffd(0, 0);
	size_t i;

	CHECK(before && after, "no memory");
	/* Not all kernels have them. */
	madvise(map, size, MADV_HUGEPAGE);
	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	for (i = 0; i < pages; i++) {
		if (i % 3 && (i < pages / 4 || i > pages / 2))
			give(fd, map + i * page, page_with(i));
	}
	pages_of(map, pages, before);
	ckpt_ready_wait();
	CHECK_STREQ(before, pages_of(map, pages, after));
	for (i = 0; i < pages; i++) {
		if (before[i] == 'p')
			check_fill(map + i * page, page, i);
	}
	no_message(fd);
	faults(fd, map, 1);
	faults(fd, map + pages / 3 * page, 2);
}

CKPT_CYCLE(locked)
{
	const size_t page = ckpt_page(), size = NR * page;
	char *map = map_anon(size, RW, 0), pages[NR + 1];
	int fd = new_uffd(0, 0);

	if (mlock(map, size) || madvise(map, size, MADV_DONTNEED_LOCKED)) {
		/* An old kernel, or a limit. */
		CHECK(errno == EINVAL || errno == ENOMEM || errno == EPERM, "%s", strerror(errno));
		CHECK_SYS(munlock(map, size));
		CHECK_SYS(madvise(map, size, MADV_DONTNEED));
	}
	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	give_some(fd, map);
	CHECK_STREQ(SOME, pages_of(map, NR, pages));
	same_layout();
	check_some(fd, map);
}

/*
 * Threads wait for page faults to be answered: of one the message was read, of
 * the other it was not. Both fault again.
 */
CKPT_CYCLE(waiting)
{
	const size_t page = ckpt_page(), size = NR * page;
	char *map = map_anon(size, RW, 0);
	int fd = new_uffd(0, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct toucher read_one, other;
	struct uffd_msg msg;

	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	touch_start(&read_one, map, false);
	expect_fault(fd, map, 0);
	touch_start(&other, map + 2 * page, true);
	CHECK_EQ(1, poll(&poll_fd, 1, -1));
	ckpt_ready_wait();
	do {
		/* There may be the first one again. */
		msg = next_message(fd);
		CHECK_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
		CHECK(msg.arg.pagefault.address == (uintptr_t)map ||
		      msg.arg.pagefault.address == (uintptr_t)(map + 2 * page),
		      "fault at %llx", (unsigned long long)msg.arg.pagefault.address);
	} while (msg.arg.pagefault.address == (uintptr_t)map);
	give(fd, map, page_with(3));
	touch_end(&read_one);
	give(fd, map + 2 * page, page_with(4));
	touch_end(&other);
	check_fill(map, page, 3);
	/* It has added one to the first byte. */
	map[2 * page]--;
	check_fill(map + 2 * page, page, 4);
	faults(fd, map + 3 * page, 5);
}

/* Another process answers, which has it from its parent. */
static int answers;

static int answer(void *map)
{
	const size_t page = ckpt_page();
	struct uffd_msg msg;
	char *at;

	do {
		msg = next_message(answers);
		CHECK_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
		at = (char *)(uintptr_t)msg.arg.pagefault.address;
		give(answers, at, page_with((at - (char *)map) / page));
	} while (at != (char *)map + (NR - 1) * page);
	return 0;
}

CKPT_CYCLE(other_process)
{
	const size_t page = ckpt_page(), size = NR * page;
	char *map = map_anon(size, RW, 0);
	pid_t kid;
	int i;

	answers = new_uffd(0, 0);
	watch(answers, map, size, UFFDIO_REGISTER_MODE_MISSING);
	kid = ckpt_fork(answer, map);
	check_fill(map + page, page, 1);
	CHECK_SYS(close(answers));
	ckpt_ready_wait();
	for (i = 1; i < NR; i++)
		check_fill(map + i * page, page, i);
	ckpt_wait_exit(kid, 0);
	/* Nobody has it any more. */
	check_zero(map, page);
}

/* Faults of system calls are none for it. */
CKPT_CYCLE(user_mode_only)
{
	const size_t page = ckpt_page(), size = NR * page;
	char *map = map_anon(size, RW, 0), pages[NR + 1];
	int fd = new_uffd(UFFD_USER_MODE_ONLY, UFFD_FEATURE_SIGBUS), fds[2];

	catch_faults();
	CHECK_SYS(pipe(fds));
	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	give_some(fd, map);
	ckpt_ready_wait();
	CHECK_STREQ(SOME, pages_of(map, NR, pages));
	CHECK(write(fds[1], map + page, 1) == -1 && errno == EFAULT, "write: %s", strerror(errno));
	CHECK_EQ(1, write(fds[1], map, 1));
	/* By its features there are no messages at all. */
	CHECK_EQ(BUS_ADRERR, touch(map + page, false));
	no_message(fd);
}

/* Made by the device, which is still open. */
CKPT_CYCLE(device)
{
	const size_t page = ckpt_page(), size = NR * page;
	struct uffdio_api api = { .api = UFFD_API };
	char *map = map_anon(size, RW, 0);
	int device, fd;

	device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (device < 0) {
		CHECK(errno == ENOENT || errno == EACCES, "%s", strerror(errno));
		ckpt_not_here();
	}
	fd = CHECK_SYS(ioctl(device, USERFAULTFD_IOC_NEW, O_NONBLOCK));
	CHECK_SYS(ioctl(fd, UFFDIO_API, &api));
	watch(fd, map, size / 2, UFFDIO_REGISTER_MODE_MISSING);
	ckpt_ready_wait();
	faults(fd, map, 1);
	CHECK_EQ(O_RDWR, fcntl(device, F_GETFL) & O_ACCMODE);
	fd = CHECK_SYS(ioctl(device, USERFAULTFD_IOC_NEW, O_NONBLOCK));
	api = (struct uffdio_api) { .api = UFFD_API };
	CHECK_SYS(ioctl(fd, UFFDIO_API, &api));
	watch(fd, map + size / 2, size / 2, UFFDIO_REGISTER_MODE_MISSING);
	faults(fd, map + size / 2, 2);
}

/* It was not told yet what it is to be. */
CKPT_CYCLE(no_api)
{
	int fd = CHECK_SYS(syscall(__NR_userfaultfd, O_CLOEXEC));
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_THREAD_ID };
	char *map = map_anon(CKPT_PAGE, RW, 0);
	struct uffd_msg msg;
	struct toucher t;

	ckpt_ready_wait();
	CHECK(read(fd, &msg, sizeof(msg)) == -1 && errno == EINVAL, "it has its features");
	CHECK_SYS(ioctl(fd, UFFDIO_API, &api));
	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	watch(fd, map, CKPT_PAGE, UFFDIO_REGISTER_MODE_MISSING);
	touch_start(&t, map, false);
	msg = next_message(fd);
	CHECK_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
	CHECK(msg.arg.pagefault.feat.ptid && msg.arg.pagefault.feat.ptid != (unsigned int)getpid(),
	      "no thread");
	give(fd, map, page_with(1));
	touch_end(&t);
}

/* The process that it was of has ended. */
static int make_one(void)
{
	board->value[0] = new_uffd(0, 0);
	return 0;
}

CKPT_CYCLE(gone)
{
	pid_t kid = CHECK_SYS(sys_clone(CLONE_FILES | SIGCHLD));
	char *map = map_anon(CKPT_PAGE, RW, 0);
	int fd;

	if (!kid)
		_exit(make_one());
	ckpt_wait_exit(kid, 0);
	fd = board->value[0];
	CHECK(give_zero(fd, map) && errno == ESRCH, "ioctl: %s", strerror(errno));
	ckpt_ready_wait();
	no_message(fd);
	CHECK(give_zero(fd, map) && errno == ESRCH, "ioctl: %s", strerror(errno));
}

/* ---- protected pages ---------------------------------------------------- */

/* Writes to protected pages are told; those of zeros and none are protected, too. */
CKPT_CYCLE(write_protect)
{
	const size_t page = ckpt_page(), size = NR * page;
	int fd = new_uffd(0, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	char *map = map_anon(size, RW, 0), before[NR + 1], after[NR + 1];
	struct toucher t;

	if (fd < 0) {
		/* Not on this architecture. */
		ckpt_not_here();
	}
	fill(map, 4 * page, 1);
	/* Maps the page of zeros. */
	CHECK_EQ(0, *(volatile char *)(map + 5 * page));
	watch(fd, map, size, UFFDIO_REGISTER_MODE_WP);
	protect(fd, map + page, 2, true);
	protect(fd, map + 5 * page, 2, true);
	pages_of(map, NR, before);
	CHECK_EQ('w', before[1]);
	CHECK_EQ('w', before[5]);
	CHECK_EQ('.', before[6]);
	same_layout();
	CHECK_STREQ(before, pages_of(map, NR, after));
	check_fill(map, 4 * page, 1);
	touch_quietly(fd, map, true);
	touch_quietly(fd, map + page, false);
	touch_start(&t, map + page, true);
	expect_fault(fd, map + page, UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	protect(fd, map + page, 1, false);
	touch_end(&t);
	touch_start(&t, map + 5 * page, true);
	expect_fault(fd, map + 5 * page, UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	protect(fd, map + 5 * page, 1, false);
	CHECK_EQ(0, touch_end(&t));
	touch_quietly(fd, map + 6 * page, true);
}

/* Markers where there are no pages, and writes that are only noted; also of a memfd. */
CKPT_CYCLE(write_protect_async)
{
	const size_t page = ckpt_page(), size = NR * page;
	int fd = new_uffd(0, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);
	int mem = CHECK_SYS(memfd_create("wp", MFD_CLOEXEC)), i;
	char *map[2], before[2][NR + 1], after[NR + 1];

	if (fd < 0)
		ckpt_not_here();
	CHECK_SYS(ftruncate(mem, size));
	map[0] = map_anon(size, RW, 0);
	map[1] = mmap(NULL, size, RW, MAP_SHARED, mem, 0);
	CHECK(map[1] != MAP_FAILED, "mmap: %s", strerror(errno));
	for (i = 0; i < 2; i++) {
		fill(map[i], 4 * page, i + 1);
		watch(fd, map[i], size, UFFDIO_REGISTER_MODE_WP);
		protect(fd, map[i], NR - 2, true);
		/* Unprotects them. */
		map[i][page]++;
		map[i][6 * page]++;
		pages_of(map[i], NR, before[i]);
		CHECK_STREQ("wpwwwwpwwwwwww..", before[i]);
	}
	same_layout();
	for (i = 0; i < 2; i++) {
		/* What is not protected any more may be mapped again later. */
		pages_of(map[i], NR, after);
		if (i) {
			CHECK(strchr("p.", after[1]) && strchr("p.", after[6]), "%s", after);
			after[1] = 'p';
			after[6] = 'p';
		}
		CHECK_STREQ(before[i], after);
		map[i][page]--;
		check_fill(map[i], 4 * page, i + 1);
		CHECK_EQ(1, map[i][6 * page]);
		map[i][2 * page]++;
		map[i][8 * page]++;
		CHECK_STREQ("wppwwwpwpwwwww..", pages_of(map[i], NR, after));
	}
	no_message(fd);
}

/* Any access to protected pages is told. */
CKPT_CYCLE(access_protect)
{
	const size_t page = ckpt_page(), size = NR * page;
	int fd = new_uffd(0, UFFD_FEATURE_RWP);
	char *map = map_anon(size, RW, 0);
	struct uffdio_rwprotect rwp = {
		.range = { .start = (uintptr_t)map + page, .len = 2 * page },
		.mode = UFFDIO_RWPROTECT_MODE_RWP,
	};
	char before[NR + 1], after[NR + 1];
	struct toucher t;

	if (fd < 0)
		ckpt_not_here();
	fill(map, 4 * page, 1);
	watch(fd, map, size, UFFDIO_REGISTER_MODE_RWP);
	CHECK_SYS(ioctl(fd, UFFDIO_RWPROTECT, &rwp));
	/* Accessed, though it is zero. */
	*(volatile char *)(map + 5 * page) = 0;
	pages_of(map, NR, before);
	same_layout();
	CHECK_STREQ(before, pages_of(map, NR, after));
	touch_quietly(fd, map, true);
	touch_start(&t, map + page, false);
	expect_fault(fd, map + page, UFFD_PAGEFAULT_FLAG_RWP);
	rwp.mode = 0;
	CHECK_SYS(ioctl(fd, UFFDIO_RWPROTECT, &rwp));
	touch_end(&t);
	map[0]--;
	check_fill(map, 4 * page, 1);
	no_message(fd);
}

/* Who touches them gets SIGBUS. */
CKPT_CYCLE(poison)
{
	const size_t page = ckpt_page(), size = NR * page;
	int fd = new_uffd(0, UFFD_FEATURE_POISON);
	char *map = map_anon(size, RW, 0);
	struct uffdio_poison bad = {
		.range = { .start = (uintptr_t)map + 7 * page, .len = 2 * page },
	};
	char pages[NR + 1];

	if (fd < 0)
		ckpt_not_here();
	catch_faults();
	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	give_some(fd, map);
	CHECK_SYS(ioctl(fd, UFFDIO_POISON, &bad));
	CHECK_STREQ("p.pp.p.pp.......", pages_of(map, NR, pages));
	ckpt_ready_wait();
	CHECK_STREQ("p.pp.p.pp.......", pages_of(map, NR, pages));
	CHECK(touch(map + 7 * page, false), "it can be read");
	CHECK(touch(map + 8 * page, true), "it can be written");
	CHECK_EQ(0, touch(map, true));
	no_message(fd);
	faults(fd, map + page, 9);
}

/* ---- shared memory ------------------------------------------------------- */

/* Holes of a memfd are missing; what was written to it is not, also where it is zero. */
CKPT_CYCLE(shared)
{
	const size_t page = ckpt_page(), size = NR * page;
	int fd = new_uffd(0, UFFD_FEATURE_MISSING_SHMEM);
	int mem = CHECK_SYS(memfd_create("shared", MFD_CLOEXEC));
	char *map, *other;

	if (fd < 0)
		ckpt_not_here();
	CHECK_SYS(ftruncate(mem, size));
	map = mmap(NULL, size, RW, MAP_SHARED, mem, 0);
	other = mmap(NULL, size, RW, MAP_SHARED, mem, 0);
	CHECK(map != MAP_FAILED && other != MAP_FAILED, "mmap: %s", strerror(errno));
	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	give(fd, map, page_with(7));
	give(fd, map + 2 * page, page_of_zeros());
	/* There, but not mapped. */
	CHECK_EQ(page, pwrite(mem, page_of_zeros(), page, 3 * page));
	CHECK_EQ(page, pwrite(mem, page_with(8), page, 5 * page));
	/* Not the same layout: the number of a memfd is another one. */
	ckpt_ready_wait();
	touch_quietly(fd, map, true);
	touch_quietly(fd, map + 2 * page, false);
	CHECK_EQ(0, touch_quietly(fd, map + 3 * page, false));
	touch_quietly(fd, map + 5 * page, false);
	check_fill(other + 5 * page, page, 8);
	faults(fd, map + page, 9);
	check_fill(other + page, page, 9);
	faults(fd, map + 4 * page, 10);
	/* By the other mapping nobody is told. */
	other[6 * page] = 1;
	touch_quietly(fd, map + 6 * page, false);
}

/* Pages that are there, but not mapped, are told. */
CKPT_CYCLE(minor)
{
	const size_t page = ckpt_page(), size = NR * page;
	int fd = new_uffd(0, UFFD_FEATURE_MINOR_SHMEM);
	int mem = CHECK_SYS(memfd_create("minor", MFD_CLOEXEC));
	struct uffdio_continue go_on = { .range = { .len = page } };
	struct toucher t;
	char *map, pages[NR + 1];
	int i;

	if (fd < 0)
		ckpt_not_here();
	CHECK_SYS(ftruncate(mem, size));
	for (i = 0; i < 6; i++)
		CHECK_EQ(page, pwrite(mem, i == 4 ? page_of_zeros() : page_with(i), page,
				      i * page));
	map = mmap(NULL, size, RW, MAP_SHARED, mem, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	watch(fd, map, size, UFFDIO_REGISTER_MODE_MINOR);
	go_on.range.start = (uintptr_t)map + 2 * page;
	CHECK_SYS(ioctl(fd, UFFDIO_CONTINUE, &go_on));
	CHECK_STREQ("..p.............", pages_of(map, NR, pages));
	/* Not the same layout: the number of a memfd is another one. */
	ckpt_ready_wait();
	CHECK_STREQ("..p.............", pages_of(map, NR, pages));
	touch_quietly(fd, map + 2 * page, true);
	for (i = 3; i < 5; i++) {
		touch_start(&t, map + i * page, false);
		expect_fault(fd, map + i * page, UFFD_PAGEFAULT_FLAG_MINOR);
		go_on.range.start = (uintptr_t)map + i * page;
		CHECK_SYS(ioctl(fd, UFFDIO_CONTINUE, &go_on));
		touch_end(&t);
	}
	check_fill(map + 3 * page, page, 3);
	check_zero(map + 4 * page, page);
	/* A hole is no such page. */
	CHECK_EQ(0, touch_quietly(fd, map + 7 * page, false));
}

/* ---- events ----------------------------------------------------------------- */

static void *change(void *arg)
{
	char **at = arg;
	const size_t page = ckpt_page();
	pid_t kid;

	CHECK_SYS(madvise(at[0] + 2 * page, page, MADV_DONTNEED));
	at[1] = mremap(at[0], NR * page, NR * page, MREMAP_MAYMOVE | MREMAP_FIXED, at[1]);
	CHECK(at[1] != MAP_FAILED, "mremap: %s", strerror(errno));
	kid = CHECK_SYS(fork());
	if (!kid)
		_exit(0);
	ckpt_wait_exit(kid, 0);
	CHECK_SYS(munmap(at[1], NR * page));
	return NULL;
}

/* It is told of what becomes of the memory; a checkpoint, which copies that, is no fork(). */
CKPT_CYCLE(events)
{
	const size_t page = ckpt_page(), size = NR * page;
	int fd = new_uffd(0, UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |
			     UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP);
	char *at[2] = { map_anon(size, RW, 0), map_anon(size, PROT_NONE, 0) };
	uintptr_t from = (uintptr_t)at[0], to = (uintptr_t)at[1];
	struct uffd_msg msg;
	pthread_t thread;
	int of_child;

	watch(fd, at[0], size, UFFDIO_REGISTER_MODE_MISSING);
	give_some(fd, at[0]);
	same_layout();
	no_message(fd);
	CHECK_EQ(0, pthread_create(&thread, NULL, change, at));
	msg = next_message(fd);
	CHECK_EQ(UFFD_EVENT_REMOVE, msg.event);
	CHECK_EQ(from + 2 * page, msg.arg.remove.start);
	CHECK_EQ(from + 3 * page, msg.arg.remove.end);
	msg = next_message(fd);
	CHECK_EQ(UFFD_EVENT_REMAP, msg.event);
	CHECK_EQ(from, msg.arg.remap.from);
	CHECK_EQ(to, msg.arg.remap.to);
	CHECK_EQ(size, msg.arg.remap.len);
	msg = next_message(fd);
	/* Where it was moved from it is unmapped. */
	if (msg.event == UFFD_EVENT_UNMAP && msg.arg.remove.start == from)
		msg = next_message(fd);
	CHECK_EQ(UFFD_EVENT_FORK, msg.event);
	of_child = msg.arg.fork.ufd;
	/* It is as that of the parent. */
	CHECK_EQ(O_NONBLOCK, fcntl(of_child, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(FD_CLOEXEC, fcntl(of_child, F_GETFD));
	msg = next_message(fd);
	CHECK_EQ(UFFD_EVENT_UNMAP, msg.event);
	CHECK_EQ(to, msg.arg.remove.start);
	CHECK_EQ(to + size, msg.arg.remove.end);
	CHECK_EQ(0, pthread_join(thread, NULL));
	no_message(fd);
}

/* One that came of a fork(), of a process that lives. */
static int child_with_memory(void *arg)
{
	char *map = arg;

	ckpt_wait_go();
	check_fill(map + ckpt_page(), ckpt_page(), 5);
	return 0;
}

static void *make_child(void *arg)
{
	return (void *)(intptr_t)ckpt_fork(child_with_memory, arg);
}

CKPT_CYCLE(of_child)
{
	const size_t size = NR * ckpt_page();
	int fd = new_uffd(0, UFFD_FEATURE_EVENT_FORK), of_child;
	char *map = map_anon(size, RW, 0);
	struct uffd_msg msg;
	pthread_t thread;
	void *kid;

	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	CHECK_EQ(0, pthread_create(&thread, NULL, make_child, map));
	msg = next_message(fd);
	CHECK_EQ(UFFD_EVENT_FORK, msg.event);
	of_child = msg.arg.fork.ufd;
	CHECK_EQ(0, pthread_join(thread, &kid));
	ckpt_ready_wait();
	expect_fault(of_child, map + ckpt_page(), 0);
	give(of_child, map + ckpt_page(), page_with(5));
	ckpt_wait_exit((intptr_t)kid, 0);
	/* The parent has its own. */
	faults(fd, map + ckpt_page(), 6);
}

TEST_HARNESS_MAIN
