// SPDX-License-Identifier: GPL-2.0
/* Userfaultfds, and memory that they watch, which can't be saved. */
#include "refuse.h"
#include "userfault.h"

#include <sys/socket.h>

REFUSE_FIXTURE

static int uffd(uint64_t features)
{
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd < 0 || close(fd))
		not_here();
	fd = new_uffd(0, features);
	if (fd < 0)
		not_here();
	return fd;
}

static char *map_shared(int mem, size_t size, int flags)
{
	char *map;

	CHECK_SYS(ftruncate(mem, size));
	map = mmap(NULL, size, RW, flags, mem, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	return map;
}

#define EXPECT_MAPPING(map, size, why)					\
	expect_refusal(getpid(), UNSUPPORTED, "mapping %lx-%lx: " why,	\
		       (unsigned long)(map), (unsigned long)(map) + (size))

REFUSE(private_file)
{
	const size_t size = 4 * CKPT_PAGE;
	int fd = uffd(UFFD_FEATURE_MISSING_SHMEM);
	char *map = map_shared(CHECK_SYS(memfd_create("private", MFD_CLOEXEC)), size, MAP_PRIVATE);

	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	EXPECT_MAPPING(map, size, "a private mapping of a file whose missing pages a userfaultfd tells "
		       "of can't be saved yet: have it unregister that");
	ckpt_ready_wait();
	no_message(fd);
}

REFUSE(locked_shared)
{
	const size_t size = 4 * CKPT_PAGE;
	int fd = uffd(UFFD_FEATURE_MISSING_SHMEM);
	char *map = map_shared(CHECK_SYS(memfd_create("locked", MFD_CLOEXEC)), size, MAP_SHARED);

	CHECK_SYS(mlock(map, size));
	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	EXPECT_MAPPING(map, size, "shared memory that is locked, so that all of it would be brought in, "
		       "though a userfaultfd tells of its missing pages: have it unlock that, or lock "
		       "it on fault (MLOCK_ONFAULT)");
	ckpt_ready_wait();
	check_zero(map, size);
}

REFUSE(locked_elsewhere)
{
	const size_t size = 4 * CKPT_PAGE;
	int fd = uffd(UFFD_FEATURE_MISSING_SHMEM);
	int mem = CHECK_SYS(memfd_create("twice", MFD_CLOEXEC));
	char *maps[2] = {
		map_shared(mem, size, MAP_SHARED),
		map_shared(mem, size, MAP_SHARED),
	};
	char *last = maps[maps[1] > maps[0]];

	CHECK_SYS(mlock(maps[0], size));
	/* What was brought in is missing again. */
	CHECK_SYS(fallocate(mem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size));
	watch(fd, maps[1], size, UFFDIO_REGISTER_MODE_MISSING);
	/* Of both that which is found last. */
	EXPECT_MAPPING(last, size, "shared memory that is mapped twice: once locked, so that all of it "
		       "would be brought in, and once so that a userfaultfd tells of its missing pages: "
		       "have it unlock that, or lock it on fault (MLOCK_ONFAULT)");
	ckpt_ready_wait();
	no_message(fd);
}

REFUSE(no_access)
{
	const size_t size = 4 * CKPT_PAGE;
	int fd = uffd(UFFD_FEATURE_RWP);
	char *map = map_anon(size, RW, 0);

	fill(map, size, 1);
	watch(fd, map, size, UFFDIO_REGISTER_MODE_RWP);
	CHECK_SYS(mprotect(map, size, PROT_NONE));
	EXPECT_MAPPING(map, size, "a userfaultfd tells of any access to it (UFFDIO_REGISTER_MODE_RWP), "
		       "but there is none any more (PROT_NONE), so that it can't be registered again: "
		       "have it unregister that");
	ckpt_ready_wait();
	CHECK_SYS(mprotect(map, size, RW));
	check_fill(map, size, 1);
	no_message(fd);
}

REFUSE(hugetlb)
{
	int fd = uffd(UFFD_FEATURE_MISSING_HUGETLBFS);
	char line[256], *map;
	size_t size = 0;
	FILE *info = fopen("/proc/meminfo", "r");

	while (info && fgets(line, sizeof(line), info))
		sscanf(line, "Hugepagesize: %zu kB", &size);
	size *= 1024;
	/* No page is needed for it. */
	map = size ? mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE,
			  -1, 0) : MAP_FAILED;
	if (map == MAP_FAILED)
		not_here();
	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	EXPECT_MAPPING(map, size, "huge pages of hugetlbfs that a userfaultfd watches can't be saved "
		       "yet: have it unregister that");
	ckpt_ready_wait();
	no_message(fd);
	CHECK_SYS(munmap(map, size));
}

/* It tells of page faults of the test. */
CKPT_SCENARIO(of_process_outside)
{
	int pidfd = CHECK_SYS(sys_pidfd_open(atoi(getenv("CKPT_PID"))));
	int fd = CHECK_SYS(syscall(__NR_pidfd_getfd, pidfd, atoi(getenv("CKPT_FD")), 0));

	CHECK_SYS(close(pidfd));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*[userfaultfd]): a userfaultfd of a process that "
		       "is not among these: checkpoint that as well, or close it", fd);
	/* The test has it open, too. */
	expect_more();
	ckpt_ready_wait();
	no_message(fd);
}

TEST_F_TIMEOUT(refuse, of_process_outside, CKPT_TIMEOUT)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	char number[16];

	if (fd < 0)
		SKIP(return, "no userfaultfd: %s", strerror(errno));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	snprintf(number, sizeof(number), "%d", fd);
	setenv("CKPT_FD", number, 1);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("CKPT_PID", number, 1);
	ASSERT_EQ(0, ckpt_refuse(&of_process_outside));
	close(fd);
}

/* Who answers the page faults is outside: the test, in whose socket the userfaultfd is. */
CKPT_SCENARIO(monitor_outside)
{
	const size_t size = 4 * CKPT_PAGE;
	int pidfd = CHECK_SYS(sys_pidfd_open(atoi(getenv("CKPT_PID"))));
	int sock = CHECK_SYS(syscall(__NR_pidfd_getfd, pidfd, atoi(getenv("CKPT_FD")), 0));
	char room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	char *map = map_anon(size, RW, 0);
	struct iovec iov = { .iov_base = map, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = uffd(0);

	fill(map, size, 1);
	watch(fd, map, size, UFFDIO_REGISTER_MODE_MISSING);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	CHECK_EQ(1, sendmsg(sock, &msg, 0));
	CHECK_SYS(close(sock));
	CHECK_SYS(close(pidfd));
	CHECK_SYS(close(fd));
	expect_refusal(getpid(), "EBUSY", "mapping %lx-%lx: a userfaultfd watches it that none of these "
		       "tasks has open: checkpoint who answers its page faults as well, or have that "
		       "unregister it", (unsigned long)map, (unsigned long)map + size);
	ckpt_ready_wait();
	check_fill(map, size, 1);
}

TEST_F_TIMEOUT(refuse, monitor_outside, CKPT_TIMEOUT)
{
	char number[16];
	int sock[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock));
	snprintf(number, sizeof(number), "%d", sock[0]);
	setenv("CKPT_FD", number, 1);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("CKPT_PID", number, 1);
	ASSERT_EQ(0, ckpt_refuse(&monitor_outside));
	close(sock[0]);
	close(sock[1]);
}

/* ---- who can't be frozen ---------------------------------------------------- */

static int fds[2];

static void *write_it(void *at)
{
	CHECK_EQ(1, write(fds[1], at, 1));
	return NULL;
}

static void *empty_it(void *at)
{
	CHECK_SYS(madvise(at, CKPT_PAGE, MADV_DONTNEED));
	return NULL;
}

/* A thread waits for somebody who reads @fd. */
static pthread_t waits(int fd, void *(*fn)(void *), void *at)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, fn, at));
	CHECK_EQ(1, poll(&poll_fd, 1, -1));
	ckpt_ready_wait();
	return thread;
}

/* In a page fault of a system call. */
CKPT_SCENARIO(fault_of_call)
{
	int fd = uffd(0);
	char *map = map_anon(CKPT_PAGE, RW, 0);
	pthread_t thread;

	CHECK_SYS(pipe(fds));
	watch(fd, map, CKPT_PAGE, UFFDIO_REGISTER_MODE_MISSING);
	thread = waits(fd, write_it, map);
	expect_fault(fd, map, 0);
	CHECK_SYS(give_zero(fd, map));
	CHECK_EQ(0, pthread_join(thread, NULL));
}

/* Until an event was read. */
CKPT_SCENARIO(event)
{
	int fd = uffd(UFFD_FEATURE_EVENT_REMOVE);
	char *map = map_anon(CKPT_PAGE, RW, 0);
	struct uffd_msg msg;
	pthread_t thread;

	watch(fd, map, CKPT_PAGE, UFFDIO_REGISTER_MODE_MISSING);
	thread = waits(fd, empty_it, map);
	msg = next_message(fd);
	CHECK_EQ(UFFD_EVENT_REMOVE, msg.event);
	CHECK_EQ(0, pthread_join(thread, NULL));
}

static int does_not_freeze(const struct ckpt_scenario *sc)
{
	struct checkpoint_args args;
	int image = ckpt_image_new();
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, false);
	if (!ret)
		ret = ckpt_run_start(&run);
	if (!ret && run.board->value[REFUSE_SKIP])
		ret = 1;
	if (!ret && !getenv("CKPT_BASELINE")) {
		ckpt_run_args(&run, &args, image, CHECKPOINT_KILL);
		/* It never does. */
		args.timeout_ms = 500;
		if (sys_checkpoint(&args, sizeof(args)) != -1 || errno != ETIMEDOUT ||
		    !ckpt_run_log_has(&run, "did not freeze in time [ETIMEDOUT]")) {
			ckpt_run_print_log(&run);
			ret = -1;
		}
	}
	if (!ret) {
		ckpt_run_go(&run);
		ret = ckpt_run_finish(&run);
	}
	ckpt_run_fini(&run);
	close(image);
	return ret;
}

TEST_F_TIMEOUT(refuse, fault_of_call, CKPT_TIMEOUT)
{
	int ret = does_not_freeze(&fault_of_call);

	if (ret == 1)
		SKIP(return, "the kernel has none of it");
	ASSERT_EQ(0, ret);
}

TEST_F_TIMEOUT(refuse, event, CKPT_TIMEOUT)
{
	int ret = does_not_freeze(&event);

	if (ret == 1)
		SKIP(return, "the kernel has none of it");
	ASSERT_EQ(0, ret);
}

TEST_HARNESS_MAIN
