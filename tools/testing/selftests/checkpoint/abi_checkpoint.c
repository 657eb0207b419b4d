// SPDX-License-Identifier: GPL-2.0
/* Every errno of checkpoint(2), and what it leaves behind: nothing. */
#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static struct checkpoint_args args;
static struct ckpt_run run;
static int image = -1;

/* More private memory than a pipe holds; a child that must be frozen too. */
CKPT_SCENARIO(waiting)
{
	const size_t size = 1 << 20;
	unsigned char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t kid;
	size_t i;

	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	memset(map, 0x5a, size);
	kid = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	for (i = 0; i < size; i++)
		CHECK_EQ(0x5a, map[i]);
	ckpt_wait_exit(kid, 0);
}

/*
 * A thread in the kernel that no signal gets out: it copies from a page that
 * only userfaultfd can provide.
 */
static char *missing;
static int fds[2];

static void *copies(void *arg)
{
	ckpt_step(1);
	CHECK_EQ(1, write(fds[1], missing, 1));
	ckpt_step(2);
	return NULL;
}

CKPT_SCENARIO(unfreezable)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { 0 };
	struct uffd_msg msg;
	pthread_t thread;
	int uffd = CHECK_SYS(syscall(__NR_userfaultfd, O_CLOEXEC));

	missing = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(missing != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(pipe(fds));
	CHECK_SYS(ioctl(uffd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)missing;
	reg.range.len = CKPT_PAGE;
	CHECK_SYS(ioctl(uffd, UFFDIO_REGISTER, &reg));
	CHECK_EQ(0, pthread_create(&thread, NULL, copies, NULL));
	ckpt_step_wait(1, 1);
	/* It is there. */
	CHECK_EQ(sizeof(msg), read(uffd, &msg, sizeof(msg)));
	CHECK_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
	ckpt_ready_wait();
	CHECK_EQ(0, board->step[2]);
	zero.range = reg.range;
	CHECK_SYS(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	CHECK_EQ(0, pthread_join(thread, NULL));
}

FIXTURE(abi) { int unused; };

FIXTURE_SETUP(abi)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &waiting, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ckpt_run_args(&run, &args, image, 0);
}

FIXTURE_TEARDOWN(abi)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* The call fails with @err, nothing is written and nobody is frozen. */
static int fails_sized(int err, void *at, size_t size)
{
	struct stat st;
	long ret = sys_checkpoint(at, size);

	if (ret != -1 || errno != err) {
		ckpt_diag("checkpoint(2) gave %ld, errno %d, not %d", ret, errno, err);
		ckpt_run_print_log(&run);
		return -1;
	}
	if (!fstat(image, &st) && st.st_size) {
		ckpt_diag("an image of %lld bytes was written", (long long)st.st_size);
		return -1;
	}
	if (ckpt_cgroup_frozen(&run.cg)) {
		ckpt_diag("the cgroup is left frozen");
		return -1;
	}
	return 0;
}

static int fails(int err)
{
	return fails_sized(err, &args, sizeof(args));
}

static int finish(void)
{
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

#define FAILS(err)	ASSERT_EQ(0, fails(err))
#define RESET(flags)	ckpt_run_args(&run, &args, image, flags)
/* With @value in one argument. */
#define FAILS_WITH(err, field, value) do {				\
	RESET(0);							\
	args.field = (value);						\
	FAILS(err);							\
} while (0)

TEST_F_TIMEOUT(abi, size, CKPT_TIMEOUT)
{
	long page = sysconf(_SC_PAGESIZE);
	char *buf = calloc(2, page);

	RESET(CHECKPOINT_DRY_RUN);
	memcpy(buf, &args, sizeof(args));
	ASSERT_EQ(0, fails_sized(EINVAL, buf, 0));
	ASSERT_EQ(0, fails_sized(EINVAL, buf, CHECKPOINT_ARGS_SIZE_VER0 - 1));
	ASSERT_EQ(0, fails_sized(E2BIG, buf, page + 1));
	/* What this version does not know must be zero. */
	ASSERT_LT(0, sys_checkpoint((void *)buf, sizeof(args) + 8));
	ASSERT_LT(0, sys_checkpoint((void *)buf, page));
	buf[sizeof(args) + 7] = 1;
	ASSERT_EQ(0, fails_sized(E2BIG, buf, sizeof(args) + 8));
	ASSERT_LT(0, sys_checkpoint((void *)buf, sizeof(args)));
	/* What the caller does not know is zero. */
	ASSERT_LT(0, sys_checkpoint((void *)buf, CHECKPOINT_ARGS_SIZE_VER0));
	ASSERT_EQ(0, finish());
}

TEST_F_TIMEOUT(abi, address, CKPT_TIMEOUT)
{
	long page = sysconf(_SC_PAGESIZE);
	char *two = ckpt_two_pages();

	ASSERT_NE(NULL, two);
	ASSERT_EQ(0, fails_sized(EFAULT, NULL, sizeof(args)));
	ASSERT_EQ(0, fails_sized(EFAULT, two + page, sizeof(args)));
	ASSERT_EQ(0, fails_sized(EFAULT, two + page - 8, sizeof(args)));
	memcpy(two + page - sizeof(args), &args, sizeof(args));
	ASSERT_EQ(0, fails_sized(EFAULT, two + page - sizeof(args), sizeof(args) + 8));
	/* The caller's arguments are read only. */
	RESET(CHECKPOINT_DRY_RUN);
	memcpy(two, &args, sizeof(args));
	ASSERT_EQ(0, mprotect(two, page, PROT_READ));
	ASSERT_LT(0, sys_checkpoint((void *)two, sizeof(args)));
}

TEST_F_TIMEOUT(abi, flags_and_fields, CKPT_TIMEOUT)
{
	const uint64_t known = CHECKPOINT_SUBTREE | CHECKPOINT_KILL | CHECKPOINT_FROZEN |
			       CHECKPOINT_DRY_RUN | CHECKPOINT_STRICT | CHECKPOINT_KILL_ONLY |
			       CHECKPOINT_DROP_KEYS | CHECKPOINT_NET_OUTSIDE;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		if (known & (1ull << bit))
			continue;
		RESET(1ull << bit);
		FAILS(EINVAL);
	}
	RESET(CHECKPOINT_DRY_RUN | CHECKPOINT_KILL);
	FAILS(EINVAL);
	RESET(CHECKPOINT_DRY_RUN | CHECKPOINT_FROZEN);
	FAILS(EINVAL);
	/* With an image, or of the caller itself. */
	RESET(CHECKPOINT_KILL_ONLY);
	FAILS(EINVAL);
	for (bit = 1; bit < 4; bit++) {
		RESET(CHECKPOINT_KILL_ONLY | (1ull << bit));
		args.image_fd = -1;
		args.id = 1;
		FAILS(EINVAL);
	}
	RESET(CHECKPOINT_KILL_ONLY | CHECKPOINT_NET_OUTSIDE);
	args.image_fd = -1;
	args.id = 1;
	FAILS(EINVAL);
	RESET(CHECKPOINT_KILL_ONLY);
	args.image_fd = -1;
	args.id = 1;
	args.pidfd = -1;
	FAILS(EINVAL);
	/* It says whose tasks, and nothing else does. */
	RESET(CHECKPOINT_KILL_ONLY);
	args.image_fd = -1;
	FAILS(EINVAL);
	FAILS_WITH(EINVAL, id, 1);
	FAILS_WITH(EINVAL, reserved, 1);
	ASSERT_EQ(0, finish());
}

/* The words of a CPU: cpu_base.c has what becomes of them. */
TEST_F_TIMEOUT(abi, cpu, CKPT_TIMEOUT)
{
	const uint64_t words[9] = { 0 };
	uint32_t arch;

	/* Without words there is no architecture. */
	for (arch = 1; arch < 8; arch++)
		FAILS_WITH(EINVAL, cpu_arch, arch);
	/* There is one at most whose words are read, and compared. */
	for (arch = 0; arch < 8; arch++) {
		RESET(0);
		args.cpu = (uintptr_t)words;
		args.cpu_words = 8;
		args.cpu_arch = arch;
		ASSERT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
		if (errno == EOPNOTSUPP)
			break;
		ASSERT_EQ(EINVAL, errno);
		ASSERT_TRUE(ckpt_run_log_has(&run, "is for is of another architecture"));
	}
	ASSERT_GT(8u, arch);
	FAILS(EOPNOTSUPP);
	args.cpu_words = 9;
	FAILS(E2BIG);
	args.cpu_words = UINT32_MAX;
	FAILS(E2BIG);
	args.cpu_words = 8;
	args.cpu = 8;
	FAILS(EFAULT);
	RESET(CHECKPOINT_KILL_ONLY);
	args.image_fd = -1;
	args.id = 1;
	args.cpu = (uintptr_t)words;
	args.cpu_words = 1;
	args.cpu_arch = arch;
	FAILS(EINVAL);
	ASSERT_TRUE(ckpt_run_log_has(&run, "there is no CPU that the image is for"));
	ASSERT_EQ(0, finish());
}

TEST_F_TIMEOUT(abi, not_an_init, CKPT_TIMEOUT)
{
	args.flags = 0;
	FAILS(EINVAL);
	ASSERT_TRUE(ckpt_run_log_has(&run, "not the init of a pid namespace"));
	ASSERT_EQ(0, finish());
}

TEST_F_TIMEOUT(abi, root_cgroup, CKPT_TIMEOUT)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/..", run.cg.path);
	args.cgroup_fd = open(path, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, args.cgroup_fd);
	FAILS(EINVAL);
	ASSERT_TRUE(ckpt_run_log_has(&run, "root cgroup"));
	ASSERT_EQ(0, finish());
}

/* Files that the image can't go to: told before anybody is frozen, and by name. */
TEST_F_TIMEOUT(abi, impossible_images, CKPT_TIMEOUT)
{
	char path[300];
	int fd;

	fd = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, fd);
	RESET(0);
	args.image_fd = fd;
	FAILS(EINVAL);
	EXPECT_TRUE(ckpt_run_log_has(&run, "image_fd is nothing that write(2) could write to"));
	/* Nor would it be said that it works. */
	RESET(CHECKPOINT_DRY_RUN);
	args.image_fd = fd;
	FAILS(EINVAL);
	close(fd);
	RESET(0);
	args.log_fd = image;
	ASSERT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(0, ftruncate(image, 0));
	snprintf(path, sizeof(path), "/dev/shm/ckpt-direct-%d", getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_DIRECT, 0600);
	unlink(path);
	if (fd >= 0) {
		RESET(0);
		args.image_fd = fd;
		FAILS(EINVAL);
		EXPECT_TRUE(ckpt_run_log_has(&run, "O_DIRECT"));
	}
	ASSERT_EQ(0, finish());
}

TEST_F_TIMEOUT(abi, bad_descriptors, CKPT_TIMEOUT)
{
	int closed = dup(image);
	int read_only = open("/dev/zero", O_RDONLY);
	int path_only = open("/dev/null", O_PATH);
	int dir = open("/tmp", O_RDONLY | O_DIRECTORY);
	int file = openat(run.cg.fd, "cgroup.procs", O_RDONLY);
	const int unreadable[] = { closed, -2, read_only, path_only, dir };
	unsigned int i;

	close(closed);
	FAILS_WITH(EBADF, image_fd, -1);
	for (i = 0; i < 5; i++) {
		FAILS_WITH(EBADF, image_fd, unreadable[i]);
		RESET(CHECKPOINT_DRY_RUN);
		args.image_fd = unreadable[i];
		FAILS(EBADF);
		FAILS_WITH(EBADF, log_fd, unreadable[i]);
	}
	FAILS_WITH(EBADF, pidfd, closed);
	FAILS_WITH(EBADF, pidfd, -2);
	FAILS_WITH(EBADF, pidfd, image);
	FAILS_WITH(EBADF, cgroup_fd, closed);
	FAILS_WITH(EBADF, cgroup_fd, -2);
	FAILS_WITH(EBADF, cgroup_fd, dir);
	FAILS_WITH(EBADF, cgroup_fd, file);
	ASSERT_EQ(0, finish());
}

TEST_F_TIMEOUT(abi, root_is_gone, CKPT_TIMEOUT)
{
	siginfo_t info;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	args.pidfd = sys_pidfd_open(pid);
	ASSERT_LE(0, args.pidfd);
	/* Dead, but its parent has not heard of it. */
	ASSERT_EQ(0, waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	FAILS(ESRCH);
	ASSERT_EQ(0, finish());
}

static int not_permitted(void)
{
	return fails(EPERM) ? 1 : 0;
}

/* Nobody may do what ptrace would not let him. */
TEST_F_TIMEOUT(abi, other_user, CKPT_TIMEOUT)
{
	char want[64];

	ASSERT_EQ(0, ckpt_as_nobody(not_permitted));
	snprintf(want, sizeof(want), "refused: pid %d", run.pid);
	ASSERT_TRUE(ckpt_run_log_has(&run, want));
	ASSERT_TRUE(ckpt_run_log_has(&run, "may not access this task"));
	ASSERT_TRUE(ckpt_run_log_has(&run, "[EPERM]"));
	ASSERT_EQ(0, finish());
}

/* ---- who waits for whom ---------------------------------------------- */


/* Whoever reads the image or the log must not be frozen. */
CKPT_SCENARIO(reader)
{
	int fd = CHECK_SYS(open(getenv("CKPT_PIPE"), O_RDONLY));
	char c;

	ckpt_ready_wait();
	/* The log's lines come first: they are written when all run again. */
	do {
		CHECK_EQ(1, read(fd, &c, 1));
	} while (c != '!');
}

TEST(pipe_into_the_frozen_set)
{
	char name[64];
	int fd[2];

	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, pipe2(fd, O_CLOEXEC));
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", getpid(), fd[0]);
	setenv("CKPT_PIPE", name, 1);
	ASSERT_EQ(0, ckpt_run_init(&run, &reader, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	close(fd[0]);
	ckpt_run_args(&run, &args, fd[1], 0);
	EXPECT_EQ(0, fails(EDEADLK));
	EXPECT_TRUE(ckpt_run_log_has(&run, "image"));
	ckpt_run_args(&run, &args, image, 0);
	args.log_fd = fd[1];
	EXPECT_EQ(0, fails(EDEADLK));
	EXPECT_EQ(1, write(fd[1], "!", 1));
	EXPECT_EQ(0, finish());
	ckpt_run_fini(&run);
}

TEST(timeout)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &unfreezable, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ckpt_run_args(&run, &args, image, 0);
	args.timeout_ms = 200;
	EXPECT_EQ(0, fails(ETIMEDOUT));
	EXPECT_TRUE(ckpt_run_log_has(&run, "did not freeze in time [ETIMEDOUT]"));
	EXPECT_TRUE(ckpt_run_log_has(&run, "refused: pid "));
	EXPECT_EQ(0, finish());
	ckpt_run_fini(&run);
}

/* ---- one checkpoint at a time ----------------------------------------- */

/* Blocks in checkpoint(2), its image being a pipe that nobody reads yet. */
static pid_t start_blocked(int to, uint64_t flags)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		struct checkpoint_args own;

		ckpt_run_args(&run, &own, to, flags);
		own.log_fd = -1;
		_exit(sys_checkpoint(&own, sizeof(own)) > 0 ? 0 : 1);
	}
	return pid;
}

/* Until the pipe takes no more. */
static void await_full(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	while (poll(&pfd, 1, 0) > 0)
		poll(NULL, 0, 1);
}

static int drain(int fd)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	return n;
}

TEST_F_TIMEOUT(abi, held, CKPT_TIMEOUT)
{
	struct ckpt_cgroup other;
	int pipe_fd[2], status;
	pid_t pid;

	ASSERT_EQ(0, ckpt_cgroup_new(&other));
	ASSERT_EQ(0, ckpt_pipe(pipe_fd, O_CLOEXEC));
	pid = start_blocked(pipe_fd[1], CHECKPOINT_FROZEN);
	await_full(pipe_fd[1]);
	EXPECT_EQ(1, ckpt_cgroup_frozen(&run.cg));

	RESET(0);
	EXPECT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "being checkpointed already"));
	/* Nobody takes tasks out or in. Who may thaw it: hold_rights. */
	EXPECT_EQ(-1, ckpt_cgroup_move(&other, run.pid));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, ckpt_cgroup_move(&run.cg, getpid()));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(1, ckpt_cgroup_frozen(&run.cg));

	close(pipe_fd[1]);
	EXPECT_EQ(0, drain(pipe_fd[0]));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* Left frozen, but in the hands of all again. */
	EXPECT_EQ(1, ckpt_cgroup_frozen(&run.cg));
	EXPECT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	EXPECT_EQ(0, ckpt_cgroup_move(&other, run.pid));
	EXPECT_EQ(0, ckpt_cgroup_move(&run.cg, run.pid));
	ckpt_cgroup_del(&other);
	ASSERT_EQ(0, finish());
}

/* A held cgroup can still be killed; the checkpoint ends one way or another. */
TEST_F_TIMEOUT(abi, killed_while_held, CKPT_TIMEOUT)
{
	int pipe_fd[2], status;
	pid_t pid;

	ASSERT_EQ(0, ckpt_pipe(pipe_fd, O_CLOEXEC));
	pid = start_blocked(pipe_fd[1], CHECKPOINT_FROZEN);
	await_full(pipe_fd[1]);
	ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "cgroup.kill", "1"));
	ASSERT_EQ(0, ckpt_cgroup_wait_empty(&run.cg));
	close(pipe_fd[1]);
	EXPECT_EQ(0, drain(pipe_fd[0]));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
}

/* ---- the log --------------------------------------------------------- */

TEST_F_TIMEOUT(abi, log, CKPT_TIMEOUT)
{
	char want[96], buf[4096] = "";
	int pipe_fd[2];
	struct stat st;
	long id;

	id = sys_checkpoint(&args, sizeof(args));
	ASSERT_LT(0, id);
	ASSERT_EQ(0, fstat(image, &st));
	snprintf(want, sizeof(want), "checkpoint %ld: 2 tasks, %lld bytes\n", id,
		 (long long)st.st_size);
	EXPECT_TRUE(ckpt_run_log_has(&run, want));
	/* What comes next is written behind it. */
	args.flags |= CHECKPOINT_FROZEN;
	args.flags &= ~CHECKPOINT_SUBTREE;
	ASSERT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	EXPECT_TRUE(ckpt_run_log_has(&run, want));
	EXPECT_TRUE(ckpt_run_log_has(&run, "EINVAL"));

	/* A pipe does as well. */
	ASSERT_EQ(0, pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK));
	args.log_fd = pipe_fd[1];
	ASSERT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	ASSERT_LT(0, read(pipe_fd[0], buf, sizeof(buf) - 1));
	EXPECT_NE(NULL, strstr(buf, "not the init of a pid namespace"));
	/* One that takes nothing changes nothing. */
	memset(buf, 0, sizeof(buf));
	while (write(pipe_fd[1], buf, sizeof(buf)) > 0)
		;
	ckpt_run_args(&run, &args, image, CHECKPOINT_DRY_RUN);
	args.log_fd = pipe_fd[1];
	EXPECT_LT(0, sys_checkpoint(&args, sizeof(args)));
	ASSERT_EQ(0, finish());
}

TEST_HARNESS_MAIN
