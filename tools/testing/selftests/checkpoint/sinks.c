// SPDX-License-Identifier: GPL-2.0
/*
 * An image goes to whatever write(2) can write to, and comes from whatever read(2) can read from.
 */
#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <termios.h>

FIXTURE(sinks) { int unused; };

static struct ckpt_run run;

/* More than pipes and terminals hold. */
#define PATTERN	(300 << 10)

CKPT_SCENARIO(pattern)
{
	unsigned char *map = mmap(NULL, PATTERN, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	for (i = 0; i < PATTERN; i++)
		map[i] = i * 13 % 251;
	ckpt_ready_wait();
	for (i = 0; i < PATTERN; i++)
		CHECK_EQ(i * 13 % 251, map[i]);
}

FIXTURE_SETUP(sinks)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, ckpt_run_init(&run, &pattern, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
}

FIXTURE_TEARDOWN(sinks)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static int runs_to_its_end(void)
{
	if (ckpt_cgroup_frozen(&run.cg)) {
		ckpt_diag("the cgroup is left frozen");
		return -1;
	}
	ckpt_run_go(&run);
	return ckpt_run_finish(&run);
}

/* It has functions for read(2) and write(2), and others for the kernel. */
TEST_F_TIMEOUT(sinks, null, CKPT_TIMEOUT)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	ASSERT_LT(0, ckpt_run_call(&run, fd, 0)) ckpt_run_print_log(&run);
	close(fd);
	fd = open("/dev/zero", O_WRONLY | O_CLOEXEC);
	ASSERT_LT(0, ckpt_run_call(&run, fd, 0)) ckpt_run_print_log(&run);
	close(fd);
	ASSERT_EQ(0, runs_to_its_end());
}

/* A log that goes nowhere is one that goes there. */
TEST_F_TIMEOUT(sinks, log_to_null, CKPT_TIMEOUT)
{
	struct checkpoint_args args;
	int image = ckpt_image_new();
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	ckpt_run_args(&run, &args, image, 0);
	args.log_fd = fd;
	ASSERT_LT(0, sys_checkpoint(&args, sizeof(args)));
	close(fd);
	close(image);
	ASSERT_EQ(0, runs_to_its_end());
}

/* It has a function for write(2) only, which takes nothing. */
TEST_F_TIMEOUT(sinks, full, CKPT_TIMEOUT)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ASSERT_EQ(-1, ckpt_run_call(&run, fd, CHECKPOINT_KILL));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_TRUE(ckpt_run_log_has(&run, "the image can't be written beyond byte 0"));
	ASSERT_TRUE(ckpt_run_log_has(&run, "there is no room"));
	close(fd);
	ASSERT_EQ(0, runs_to_its_end());
}

#define ROOM	(16 << 20)

/* Memory of the caller itself, which /proc reads and writes by read(2) and write(2) only. */
TEST_F_TIMEOUT(sinks, own_memory, CKPT_TIMEOUT)
{
	struct restart_args args;
	char *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	off_t at = (uintptr_t)room + 24;

	ASSERT_NE(MAP_FAILED, room);
	ASSERT_EQ(at, lseek(fd, at, SEEK_SET));
	run.saved = *run.board;
	ASSERT_LT(0, ckpt_run_call(&run, fd, 0)) ckpt_run_print_log(&run);
	ASSERT_LT(at + PATTERN, lseek(fd, 0, SEEK_CUR));
	ckpt_run_kill(&run);

	*run.board = run.saved;
	ASSERT_EQ(at, lseek(fd, at, SEEK_SET));
	ckpt_run_restart_args(&run, &args, fd, 0);
	run.pid = sys_restart(&args, sizeof(args));
	ASSERT_LT(0, run.pid) ckpt_run_print_log(&run);
	run.pidfd = args.pidfd;
	close(fd);
	munmap(room, ROOM);
	ASSERT_EQ(0, runs_to_its_end());
}

/* Nothing is left mapped in the caller. */
TEST_F_TIMEOUT(sinks, leaves_no_mapping, CKPT_TIMEOUT)
{
	static char before[1 << 16], after[1 << 16];
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ASSERT_EQ(-1, ckpt_run_call(&run, fd, 0));
	ckpt_read_file("/proc/self/maps", before, sizeof(before));
	ASSERT_EQ(-1, ckpt_run_call(&run, fd, 0));
	ckpt_read_file("/proc/self/maps", after, sizeof(after));
	ASSERT_STREQ(before, after);
	close(fd);
	ASSERT_EQ(0, runs_to_its_end());
}

/* A terminal in raw mode hands on what it gets. */
TEST_F_TIMEOUT(sinks, terminal, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), master, slave, status;
	struct termios raw;
	char buf[4096];
	pid_t caller;
	ssize_t n;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ASSERT_LE(0, master);
	ASSERT_EQ(0, grantpt(master) || unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ASSERT_LE(0, slave);
	ASSERT_EQ(0, tcgetattr(slave, &raw));
	cfmakeraw(&raw);
	ASSERT_EQ(0, tcsetattr(slave, TCSANOW, &raw));
	run.saved = *run.board;
	fflush(NULL);
	caller = fork();
	if (!caller) {
		close(master);
		_exit(ckpt_run_call(&run, slave, 0) > 0 ? 0 : 1);
	}
	close(slave);
	/* EIO is the end: nobody has the other side any more. */
	while ((n = read(master, buf, sizeof(buf))) > 0)
		ASSERT_EQ(n, write(image, buf, n));
	close(master);
	ASSERT_EQ(caller, waitpid(caller, &status, 0));
	ASSERT_EQ(0, status) ckpt_run_print_log(&run);
	ckpt_run_kill(&run);
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	close(image);
	ASSERT_EQ(0, runs_to_its_end());
}

/* What read(2) and write(2) are not for is refused before anything is done. */
TEST_F_TIMEOUT(sinks, neither, CKPT_TIMEOUT)
{
	struct restart_args args;
	int fd = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(-1, ckpt_run_call(&run, fd, CHECKPOINT_KILL));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_TRUE(ckpt_run_log_has(&run, "image_fd is nothing that write(2) could write to"));
	ckpt_run_restart_args(&run, &args, fd, 0);
	ASSERT_EQ(-1, sys_restart(&args, sizeof(args)));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_TRUE(ckpt_run_log_has(&run, "image_fd is nothing that read(2) could read from"));
	close(fd);
	/* O_DIRECT wants whole blocks. */
	fd = open("/dev/shm", O_RDWR | O_TMPFILE | O_DIRECT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		ASSERT_EQ(-1, ckpt_run_call(&run, fd, CHECKPOINT_KILL));
		ASSERT_EQ(EINVAL, errno);
		ASSERT_TRUE(ckpt_run_log_has(&run, "O_DIRECT"));
		close(fd);
	}
	ASSERT_EQ(0, runs_to_its_end());
}

TEST_HARNESS_MAIN
