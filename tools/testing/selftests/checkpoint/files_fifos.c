// SPDX-License-Identifier: GPL-2.0
/* Named pipes and the devices that are not devices: /dev/null and its like. */
#include "common.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

CKPT_FIXTURE

/* ---- named pipes ----------------------------------------------------- */

static char path[320];

static void make_fifo(const char *name)
{
	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), name), 0600));
}

static void expect(int fd, const char *want)
{
	char buf[64] = "";
	size_t got = 0, len = strlen(want);
	long n;

	while (got < len && (n = CHECK_SYS(read(fd, buf + got, len - got))) > 0)
		got += n;
	CHECK_STREQ(want, buf);
}

static void say(int fd, const char *text)
{
	CHECK_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
}

static void nothing_in(int fd)
{
	int n = -1;

	CHECK_SYS(ioctl(fd, FIONREAD, &n));
	CHECK_EQ(0, n);
}

CKPT_CYCLE(fifo_in_one_process)
{
	int both, r, w;
	struct stat st;

	make_fifo("one");
	both = CHECK_SYS(open(path, O_RDWR));
	r = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	w = CHECK_SYS(open(path, O_WRONLY));
	CHECK_SYS(fcntl(both, F_SETPIPE_SZ, 1 << 17));
	say(w, "hello, ");
	say(both, "world");
	ckpt_ready_wait();
	CHECK_SYS(fstat(r, &st));
	CHECK(S_ISFIFO(st.st_mode), "mode 0%o", st.st_mode);
	CHECK_EQ(1 << 17, fcntl(r, F_GETPIPE_SZ));
	CHECK_EQ(O_RDWR, fcntl(both, F_GETFL) & O_ACCMODE);
	CHECK_EQ(O_WRONLY, fcntl(w, F_GETFL) & O_ACCMODE);
	CHECK_EQ(O_RDONLY | O_NONBLOCK, fcntl(r, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	say(w, "!");
	expect(r, "hello, world!");
	nothing_in(both);
	/* Who opens it now comes to the same pipe. */
	say(CHECK_SYS(open(path, O_WRONLY | O_NONBLOCK)), "late");
	expect(both, "late");
}

static int fifo_reader(void *arg)
{
	int fd = CHECK_SYS(open(path, O_RDONLY));
	char c;

	expect(fd, "a");
	ckpt_step(0);
	ckpt_wait_go();
	expect(fd, "bcd");
	CHECK_EQ(0, read(fd, &c, 1));
	return 71;
}

CKPT_CYCLE(fifo_between_processes)
{
	pid_t kid;
	int fd;

	make_fifo("two");
	kid = ckpt_fork(fifo_reader, NULL);
	fd = CHECK_SYS(open(path, O_WRONLY));
	say(fd, "abc");
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	say(fd, "d");
	CHECK_SYS(close(fd));
	ckpt_wait_exit(kid, 71);
}

/* The writers are gone, what they wrote is not. */
CKPT_CYCLE(fifo_reader_only)
{
	int r, w;
	char c;

	make_fifo("reader");
	r = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	w = CHECK_SYS(open(path, O_WRONLY));
	say(w, "left");
	CHECK_SYS(close(w));
	ckpt_ready_wait();
	expect(r, "left");
	CHECK_EQ(0, read(r, &c, 1));
	w = CHECK_SYS(open(path, O_WRONLY | O_NONBLOCK));
	CHECK(read(r, &c, 1) == -1 && errno == EAGAIN, "there is a writer again");
}

/* Two names of one pipe are one pipe. */
CKPT_CYCLE(fifo_with_two_descriptors_of_each_end)
{
	int r[2], w[2];

	make_fifo("four");
	r[0] = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	w[0] = CHECK_SYS(open(path, O_WRONLY));
	r[1] = CHECK_SYS(open(path, O_RDONLY));
	w[1] = CHECK_SYS(open(path, O_WRONLY));
	say(w[0], "1234");
	ckpt_ready_wait();
	expect(r[1], "12");
	say(w[1], "56");
	expect(r[0], "3456");
	CHECK_SYS(close(w[0]));
	say(w[1], "7");
	expect(r[1], "7");
	nothing_in(r[0]);
}

/* Nobody has the other end yet: it waits in open(). */
static int waits_in_open(void *arg)
{
	expect(CHECK_SYS(open(path, O_RDONLY)), "at last");
	return 72;
}

CKPT_CYCLE(fifo_open_waits, .blocked = { BLOCKED(__NR_openat) })
{
	pid_t kid;

	make_fifo("open");
	kid = ckpt_fork(waits_in_open, NULL);
	ckpt_ready_wait();
	say(CHECK_SYS(open(path, O_WRONLY)), "at last");
	ckpt_wait_exit(kid, 72);
}

/* ---- devices --------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned int minor;
	int flags;
} device[] = {
	{ "/dev/null", 3, O_RDWR }, { "/dev/null", 3, O_WRONLY | O_APPEND },
	{ "/dev/zero", 5, O_RDWR }, { "/dev/zero", 5, O_RDONLY | O_NONBLOCK },
	{ "/dev/full", 7, O_RDWR }, { "/dev/random", 8, O_RDONLY | O_NONBLOCK },
	{ "/dev/urandom", 9, O_RDWR },
};

#define DEVICES	((int)ARRAY_SIZE(device))

CKPT_CYCLE(devices)
{
	int fd[DEVICES], before[DEVICES], i;
	struct stat st;
	char buf[64];

	for (i = 0; i < DEVICES; i++) {
		fd[i] = CHECK_SYS(open(device[i].name, device[i].flags));
		before[i] = CHECK_SYS(fcntl(fd[i], F_GETFL));
	}
	ckpt_ready_wait();
	for (i = 0; i < DEVICES; i++) {
		CHECK_SYS(fstat(fd[i], &st));
		CHECK(S_ISCHR(st.st_mode), "%s: mode 0%o", device[i].name, st.st_mode);
		CHECK_EQ(1, major(st.st_rdev));
		CHECK_EQ(device[i].minor, minor(st.st_rdev));
		CHECK_EQ(before[i], fcntl(fd[i], F_GETFL));
	}
	CHECK_EQ(0, read(fd[0], buf, sizeof(buf)));
	CHECK_EQ(64, write(fd[1], buf, sizeof(buf)));
	memset(buf, 1, sizeof(buf));
	CHECK_EQ(64, read(fd[2], buf, sizeof(buf)));
	CHECK_EQ(0, buf[0] | buf[63]);
	CHECK(write(fd[4], buf, 1) == -1 && errno == ENOSPC, "/dev/full took a byte");
	CHECK_EQ(64, read(fd[6], buf, sizeof(buf)));
}

/* Private memory of /dev/zero, and shared memory of it between processes. */
static unsigned char *shared;

static int zero_child(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ('p', shared[5000]);
	shared[5001] = 'c';
	return 73;
}

CKPT_CYCLE(mapped_zero)
{
	int fd = CHECK_SYS(open("/dev/zero", O_RDWR));
	unsigned char *private;
	pid_t kid;

	shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED, "mmap: %s", strerror(errno));
	private[10] = 'x';
	shared[5000] = 'p';
	kid = ckpt_fork(zero_child, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ('x', private[10]);
	CHECK_EQ(0, private[11] | private[8191]);
	ckpt_wait_exit(kid, 73);
	CHECK_EQ('c', shared[5001]);
}

TEST_HARNESS_MAIN
