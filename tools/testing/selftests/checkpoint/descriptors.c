// SPDX-License-Identifier: GPL-2.0
/* Descriptor tables, open files, pipes, root and working directory. */
#include "common.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

CKPT_FIXTURE

static int make_file(const char *name, char *path, size_t size, int flags)
{
	return CHECK_SYS(open(ckpt_path(path, size, name),
			      O_CREAT | O_TRUNC | flags, 0640));
}

static void write_str(int fd, const char *s)
{
	CHECK_EQ(strlen(s), write(fd, s, strlen(s)));
}

static void read_str(int fd, const char *s)
{
	char buf[256] = "";

	CHECK_EQ(strlen(s), read(fd, buf, strlen(s)));
	CHECK_STREQ(s, buf);
}

/* A child has the same open files, and moves their position. */
static int mover(void *arg)
{
	int fd = *(int *)arg;

	ckpt_wait_go();
	CHECK_EQ(7, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(11, lseek(fd, 11, SEEK_SET));
	ckpt_step(0);
	return 0;
}

/* Numbers, gaps, flags, and who shares a position with whom. */
CKPT_CYCLE(numbers)
{
	char path[300];
	int fd, other, high = 700;
	pid_t kid;

	fd = make_file("numbers", path, sizeof(path), O_RDWR);
	write_str(fd, "0123456789abcdef");
	CHECK_EQ(7, lseek(fd, 7, SEEK_SET));
	CHECK_EQ(high, dup3(fd, high, O_CLOEXEC));
	CHECK_EQ(100, dup2(fd, 100));
	other = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	CHECK_EQ(3, lseek(other, 3, SEEK_SET));
	kid = ckpt_fork(mover, &fd);
	ckpt_ready_wait();
	ckpt_step_wait(0, 1);
	CHECK_EQ(11, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(11, lseek(high, 0, SEEK_CUR));
	CHECK_EQ(11, lseek(100, 0, SEEK_CUR));
	CHECK_EQ(3, lseek(other, 0, SEEK_CUR));
	CHECK_EQ(FD_CLOEXEC, fcntl(high, F_GETFD));
	CHECK_EQ(0, fcntl(100, F_GETFD));
	CHECK_EQ(-1, fcntl(99, F_GETFD));
	CHECK_EQ(-1, fcntl(high - 1, F_GETFD));
	CHECK_EQ(O_NONBLOCK, fcntl(other, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	CHECK_EQ(O_RDWR, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	read_str(fd, "bcdef");
	CHECK_EQ(-1, write(other, "x", 1));
	ckpt_wait_exit(kid, 0);
}

/* Flags, directories, paths without files, devices. */
CKPT_CYCLE(kinds)
{
	char path[300], first[256], buf[16];
	int append, dir, opath, null, zero, full, urandom;
	struct stat st;
	struct dirent *de;
	DIR *d;

	append = make_file("append", path, sizeof(path), O_WRONLY | O_APPEND | O_SYNC);
	write_str(append, "one");
	opath = CHECK_SYS(open(path, O_PATH));
	d = opendir("/");
	CHECK(d, "%s", strerror(errno));
	dir = dirfd(d);
	de = readdir(d);
	CHECK(de, "no entry");
	snprintf(first, sizeof(first), "%s", de->d_name);
	CHECK_SYS(lseek(dir, de->d_off, SEEK_SET));
	null = CHECK_SYS(open("/dev/null", O_RDWR));
	zero = CHECK_SYS(open("/dev/zero", O_RDONLY));
	full = CHECK_SYS(open("/dev/full", O_WRONLY));
	urandom = CHECK_SYS(open("/dev/urandom", O_RDONLY));
	ckpt_ready_wait();
	CHECK_EQ(O_WRONLY | O_APPEND | O_SYNC,
		 fcntl(append, F_GETFL) & (O_ACCMODE | O_APPEND | O_SYNC));
	write_str(append, "two");
	CHECK_SYS(fstat(append, &st));
	CHECK_EQ(6, st.st_size);
	CHECK_EQ(O_PATH, fcntl(opath, F_GETFL) & O_PATH);
	CHECK_SYS(fstat(opath, &st));
	CHECK_EQ(6, st.st_size);
	CHECK_EQ(-1, read(opath, buf, 1));
	CHECK_EQ(4, write(null, "four", 4));
	CHECK_EQ(0, read(null, buf, 1));
	CHECK_EQ(4, read(zero, buf, 4));
	CHECK_EQ(0, buf[3]);
	CHECK_EQ(-1, write(full, "x", 1));
	CHECK_EQ(ENOSPC, errno);
	CHECK_EQ(8, read(urandom, buf, 8));
	/* What comes next is not what came first. */
	CHECK(syscall(SYS_getdents64, dir, path, sizeof(path)) > 0, "%s", strerror(errno));
	CHECK(strcmp(first, ((struct dirent64 *)path)->d_name), "%s came twice", first);
}

/* Contents, sizes, packets. */
CKPT_CYCLE(pipes)
{
	int p[2], q[2], packets[2], full[2], size, n;
	char buf[8192];

	CHECK_SYS(pipe2(p, O_NONBLOCK));
	write_str(p[1], "hello");
	write_str(p[1], " world");
	read_str(p[0], "he");
	CHECK_SYS(pipe(q));
	CHECK_SYS(fcntl(q[1], F_SETPIPE_SZ, 1 << 18));
	size = CHECK_SYS(fcntl(q[1], F_GETPIPE_SZ));
	CHECK_SYS(pipe2(packets, O_DIRECT));
	write_str(packets[1], "one");
	write_str(packets[1], "two");
	CHECK_SYS(pipe2(full, O_NONBLOCK));
	memset(buf, 'f', sizeof(buf));
	for (n = 0; write(full[1], buf, 4096) == 4096; n++)
		;
	CHECK_EQ(EAGAIN, errno);
	ckpt_ready_wait();
	read_str(p[0], "llo world");
	CHECK_EQ(-1, read(p[0], buf, 1));
	CHECK_EQ(EAGAIN, errno);
	write_str(p[1], "again");
	read_str(p[0], "again");
	CHECK_EQ(size, fcntl(q[0], F_GETPIPE_SZ));
	CHECK_EQ(0, fcntl(q[0], F_GETFL) & O_NONBLOCK);
	CHECK_EQ(O_DIRECT, fcntl(packets[1], F_GETFL) & O_DIRECT);
	CHECK_EQ(3, read(packets[0], buf, sizeof(buf)));
	CHECK(!memcmp(buf, "one", 3), "%.3s", buf);
	CHECK_EQ(3, read(packets[0], buf, sizeof(buf)));
	CHECK(!memcmp(buf, "two", 3), "%.3s", buf);
	CHECK_EQ(-1, write(full[1], "x", 1));
	for (; n; n--)
		CHECK_EQ(4096, read(full[0], buf, 4096));
	CHECK_EQ(-1, read(full[0], buf, 1));
}

/* One end is gone, or is open twice. */
CKPT_CYCLE(pipe_ends)
{
	int eof[2], broken[2], twice[2], again;
	struct pollfd pfd;
	char path[64], c;

	CHECK_SYS(pipe(eof));
	write_str(eof[1], "last");
	close(eof[1]);
	CHECK_SYS(pipe(broken));
	close(broken[0]);
	CHECK_SYS(pipe(twice));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", twice[1]);
	again = open(path, O_WRONLY | O_NONBLOCK);
	ckpt_ready_wait();
	read_str(eof[0], "last");
	CHECK_EQ(0, read(eof[0], &c, 1));
	pfd = (struct pollfd){ .fd = broken[1], .events = POLLOUT };
	CHECK_EQ(1, poll(&pfd, 1, 0));
	CHECK(pfd.revents & POLLERR, "0x%x", pfd.revents);
	if (again >= 0) {
		CHECK_EQ(O_NONBLOCK, fcntl(again, F_GETFL) & O_NONBLOCK);
		CHECK_EQ(0, fcntl(twice[1], F_GETFL) & O_NONBLOCK);
		close(twice[1]);
		write_str(again, "x");
		read_str(twice[0], "x");
		close(again);
	} else {
		close(twice[1]);
	}
	CHECK_EQ(0, read(twice[0], &c, 1));
}

static int reader(void *arg)
{
	int *p = arg;

	close(p[1]);
	read_str(p[0], "between tasks");
	return 0;
}

/* A reader sleeps in read(2). */
CKPT_CYCLE(pipe_between_tasks)
{
	int p[2];
	pid_t kid;

	CHECK_SYS(pipe(p));
	kid = ckpt_fork(reader, p);
	close(p[0]);
	ckpt_ready_wait();
	write_str(p[1], "between tasks");
	ckpt_wait_exit(kid, 0);
}

/* A named pipe with something in it. */
CKPT_CYCLE(fifo)
{
	char path[300];
	int r, w;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	r = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	w = CHECK_SYS(open(path, O_WRONLY));
	write_str(w, "named");
	ckpt_ready_wait();
	CHECK_EQ(O_NONBLOCK, fcntl(r, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(0, fcntl(w, F_GETFL) & O_NONBLOCK);
	read_str(r, "named");
	write_str(w, "more");
	read_str(r, "more");
	close(w);
	CHECK_EQ(0, read(r, path, 1));
}

/* A removed file, open twice, and one that never had a name. */
CKPT_CYCLE(removed)
{
	char path[300], buf[4096];
	int rw, ro, tmp;
	struct stat st;

	rw = make_file("removed", path, sizeof(path), O_RDWR);
	ro = CHECK_SYS(open(path, O_RDONLY));
	CHECK_SYS(unlink(path));
	write_str(rw, "no name");
	CHECK_EQ(1 << 20, lseek(rw, 1 << 20, SEEK_SET));
	write_str(rw, "far");
	CHECK_SYS(fchmod(rw, 0604));
	tmp = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	if (tmp >= 0)
		write_str(tmp, "never had one");
	ckpt_ready_wait();
	CHECK_SYS(fstat(rw, &st));
	CHECK_EQ((1 << 20) + 3, st.st_size);
	CHECK_EQ(S_IFREG | 0604, st.st_mode);
	CHECK_EQ(0, st.st_nlink);
	read_str(ro, "no name");
	CHECK_EQ(4096, pread(ro, buf, 4096, 4096));
	CHECK_EQ(0, buf[5]);
	CHECK_EQ(0, lseek(rw, 0, SEEK_SET));
	write_str(rw, "NO");
	CHECK_EQ(7, pread(ro, buf, 7, 0));
	CHECK(!memcmp(buf, "NO name", 7), "%.7s", buf);
	CHECK_EQ(3, pread(ro, buf, 10, 1 << 20));
	CHECK_EQ(-1, write(ro, "x", 1));
	if (tmp >= 0) {
		CHECK_EQ(0, lseek(tmp, 0, SEEK_SET));
		read_str(tmp, "never had one");
	}
}

static int dir_sharer(void *arg)
{
	char buf[300];

	ckpt_wait_go();
	CHECK_SYS(chdir(arg));
	umask(071);
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	CHECK(getcwd(buf, sizeof(buf)), "%s", strerror(errno));
	CHECK_STREQ("/", buf);
	return 0;
}

/* Working directory and umask, shared by CLONE_FS. */
CKPT_CYCLE(working_directory)
{
	static char stack[65536] __attribute__((aligned(16)));
	char buf[300];
	pid_t kid;

	CHECK_SYS(chdir("/tmp"));
	umask(027);
	kid = CHECK_SYS(clone(dir_sharer, stack + sizeof(stack), CLONE_FS | SIGCHLD, "/dev"));
	ckpt_ready_wait();
	ckpt_step_wait(0, 1);
	CHECK(getcwd(buf, sizeof(buf)), "%s", strerror(errno));
	CHECK_STREQ("/dev", buf);
	CHECK_EQ(071, umask(0));
	CHECK_SYS(chdir("/"));
	ckpt_step(1);
	ckpt_wait_exit(kid, 0);
}

/* A root of its own. */
CKPT_CYCLE(root_directory)
{
	struct stat dev, root;

	CHECK_SYS(stat("/dev", &dev));
	CHECK_SYS(chdir("/dev"));
	CHECK_SYS(chroot("/dev"));
	ckpt_ready_wait();
	CHECK_SYS(stat("/", &root));
	CHECK_EQ(dev.st_ino, root.st_ino);
	CHECK_EQ(dev.st_dev, root.st_dev);
	CHECK_SYS(access("/null", F_OK));
}

static int table_sharer(void *arg)
{
	int *fd = arg;

	ckpt_wait_go();
	*fd = CHECK_SYS(open("/dev/zero", O_RDONLY));
	ckpt_step(0);
	return 0;
}

/* One table for two processes. */
CKPT_CYCLE(shared_table)
{
	static char stack[65536] __attribute__((aligned(16)));
	static int fd = -1;
	pid_t kid;
	char c = 1;

	kid = CHECK_SYS(clone(table_sharer, stack + sizeof(stack),
			      CLONE_FILES | CLONE_VM | SIGCHLD, &fd));
	ckpt_ready_wait();
	ckpt_step_wait(0, 1);
	CHECK_EQ(1, read(fd, &c, 1));
	CHECK_EQ(0, c);
	ckpt_wait_exit(kid, 0);
}

/* Many descriptors. */
CKPT_CYCLE(many)
{
	struct rlimit old, limit;
	int i, n = 20000;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &old));
	limit = (struct rlimit){ .rlim_cur = n + 64, .rlim_max = n + 64 };
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 64; i < n; i++)
		CHECK_EQ(i, dup2(0, i));
	limit.rlim_cur = 64;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	ckpt_ready_wait();
	for (i = 64; i < n; i++)
		CHECK_SYS(fcntl(i, F_GETFD));
	CHECK_EQ(-1, fcntl(n, F_GETFD));
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(64, limit.rlim_cur);
	CHECK_EQ(-1, dup2(0, n + 1));
}

/* ---- what is refused -------------------------------------------------- */

static void open_all(void)
{
	char path[300];
	int fd, sv[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	CHECK_SYS(eventfd(0, 0));
	CHECK_SYS(epoll_create1(0));
	CHECK_SYS(syscall(SYS_memfd_create, "mem", 0));
	CHECK_SYS(open("/proc/self/status", O_RDONLY));
	CHECK_SYS(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	fd = make_file("locked", path, sizeof(path), O_RDWR);
	CHECK_SYS(flock(fd, LOCK_EX));
	fd = make_file("owned", path, sizeof(path), O_RDWR);
	CHECK_SYS(fcntl(fd, F_SETOWN, getpid()));
	fd = make_file("twice", path, sizeof(path), O_RDWR);
	strcat(strcpy(board->text, path), "2");
	CHECK_SYS(link(path, board->text));
	CHECK_SYS(unlink(path));
}

CKPT_SCENARIO(refused)
{
	open_all();
	ckpt_ready_wait();
}

TEST(names_of_what_is_refused)
{
	static const char *const expected[] = {
		"a Unix socket", "an eventfd", "an epoll instance", "a memfd",
		"a file of procfs", "pseudoterminal", "file locks", "F_SETOWN",
		"but has another",
	};
	struct checkpoint_args args;
	struct ckpt_run run;
	int image = ckpt_image_new();
	unsigned int i;

	if (ckpt_missing())
		SKIP(return, "%s", ckpt_missing());
	ASSERT_GE(image, 0);
	ASSERT_EQ(0, ckpt_run_init(&run, &refused, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ckpt_run_args(&run, &args, image, CHECKPOINT_SUBTREE);
	EXPECT_EQ(-1, sys_checkpoint(&args, sizeof(args)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		EXPECT_TRUE(ckpt_run_log_has(&run, expected[i]))
			ckpt_diag("nothing on: %s", expected[i]);
	}
	unlink(run.board->text);
	EXPECT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
