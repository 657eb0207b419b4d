// SPDX-License-Identifier: GPL-2.0
/* memfds: names, seals, modes, contents; mapped, opened again, and executed. */
#include "common.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U
#define MFD_EXEC	0x0010U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC	0x0020
#endif

CKPT_FIXTURE

#define PAGE	CKPT_PAGE
#define SIZE	(3 * PAGE + 77)

static unsigned char at(unsigned int i)
{
	return i * 31 % 251 + 1;
}

static int make(const char *name, unsigned int flags)
{
	return CHECK_SYS(memfd_create(name, flags));
}

static void fill(int fd)
{
	static unsigned char buf[SIZE];
	unsigned int i;

	for (i = 0; i < SIZE; i++)
		buf[i] = at(i);
	CHECK_EQ(SIZE, pwrite(fd, buf, SIZE, 0));
}

static void verify(int fd)
{
	static unsigned char buf[SIZE + 1];
	unsigned int i;

	CHECK_EQ(SIZE, pread(fd, buf, sizeof(buf), 0));
	for (i = 0; i < SIZE; i++)
		CHECK_EQ(at(i), buf[i]);
}

/* What /proc shows for a descriptor. */
static const char *link_of(int fd)
{
	static char link[512];
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = CHECK_SYS(readlink(path, link, sizeof(link) - 1));
	link[n] = 0;
	return link;
}

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags);
}

/* ---- name, contents, attributes ------------------------------------------- */

CKPT_CYCLE(contents_and_name)
{
	char longest[250] = "", whole[300];
	int fd, named, nameless, cloexec;

	memset(longest, 'n', sizeof(longest) - 1);
	longest[7] = '/';
	fd = make("a file", 0);
	named = make(longest, 0);
	nameless = make("", 0);
	cloexec = make("closed", MFD_CLOEXEC);
	fill(fd);
	CHECK_EQ(5, lseek(fd, 5, SEEK_SET));
	ckpt_ready_wait();
	CHECK_STREQ("/memfd:a file (deleted)", link_of(fd));
	snprintf(whole, sizeof(whole), "/memfd:%s (deleted)", longest);
	CHECK_STREQ(whole, link_of(named));
	CHECK_STREQ("/memfd: (deleted)", link_of(nameless));
	CHECK_EQ(FD_CLOEXEC, fcntl(cloexec, F_GETFD));
	CHECK_EQ(0, fcntl(fd, F_GETFD));
	CHECK_EQ(5, lseek(fd, 0, SEEK_CUR));
	verify(fd);
	CHECK_EQ(1, write(fd, "!", 1));
	CHECK_SYS(ftruncate(fd, 1 << 20));
	CHECK_SYS(ftruncate(fd, 3));
}

CKPT_CYCLE(attributes_of_memfd)
{
	const struct timespec times[2] = { { 1000000000, 7 }, { 1000000001, 9 } };
	int fd = make("mine", 0);
	struct stat st;

	fill(fd);
	CHECK_SYS(fchown(fd, 1234, 5678));
	CHECK_SYS(fchmod(fd, 0640));
	CHECK_SYS(futimens(fd, times));
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(S_IFREG | 0640, st.st_mode);
	CHECK_EQ(1234, st.st_uid);
	CHECK_EQ(5678, st.st_gid);
	CHECK_EQ(0, st.st_nlink);
	CHECK_EQ(1000000000, st.st_atim.tv_sec);
	CHECK_EQ(7, st.st_atim.tv_nsec);
	CHECK_EQ(1000000001, st.st_mtim.tv_sec);
	CHECK_EQ(9, st.st_mtim.tv_nsec);
}

CKPT_CYCLE(sparse_memfd)
{
	const off_t far = 3ll << 30;
	int fd = make("holes", 0);
	struct stat st;
	char c;

	CHECK_EQ(1, pwrite(fd, "a", 1, far));
	CHECK_SYS(ftruncate(fd, far + 12345));
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(far + 12345, st.st_size);
	CHECK(st.st_blocks < 1000, "holes were filled: %lld blocks", (long long)st.st_blocks);
	CHECK_EQ(1, pread(fd, &c, 1, far));
	CHECK_EQ('a', c);
}

/* ---- open files ----------------------------------------------------------- */

/* With O_APPEND, what was in it comes back where it was. */
CKPT_CYCLE(open_again)
{
	int fd = make("again", 0), ro, wo, path, first;
	char c;

	fill(fd);
	ro = CHECK_SYS(reopen(fd, O_RDONLY));
	wo = CHECK_SYS(reopen(fd, O_WRONLY | O_APPEND));
	path = CHECK_SYS(reopen(fd, O_PATH));
	first = CHECK_SYS(dup(fd));
	CHECK_SYS(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
	CHECK_EQ(9, lseek(ro, 9, SEEK_SET));
	CHECK_EQ(11, lseek(fd, 11, SEEK_SET));
	ckpt_ready_wait();
	verify(ro);
	CHECK_EQ(9, lseek(ro, 0, SEEK_CUR));
	CHECK_EQ(11, lseek(first, 0, SEEK_CUR));
	CHECK_EQ(O_APPEND | O_NONBLOCK | O_RDWR,
		 fcntl(first, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE));
	CHECK(write(ro, "x", 1) == -1 && errno == EBADF, "the reader can write");
	CHECK(read(wo, &c, 1) == -1 && errno == EBADF, "the writer can read");
	CHECK(read(path, &c, 1) == -1 && errno == EBADF, "O_PATH became readable");
	CHECK_EQ(1, write(wo, "z", 1));
	CHECK_EQ(1, pread(ro, &c, 1, SIZE));
	CHECK_EQ('z', c);
	CHECK_EQ(1, write(fd, "y", 1));
	CHECK_EQ(1, pread(ro, &c, 1, SIZE + 1));
	CHECK_EQ('y', c);
	CHECK_STREQ("/memfd:again (deleted)", link_of(path));
}

/* Nobody has it open any more for its contents. */
CKPT_CYCLE(by_path_only)
{
	int fd = make("path", 0), path = CHECK_SYS(reopen(fd, O_PATH));

	fill(fd);
	CHECK_SYS(close(fd));
	ckpt_ready_wait();
	fd = CHECK_SYS(reopen(path, O_RDWR));
	verify(fd);
}

static int shared_fd;

static int other_process(void *arg)
{
	char c;

	ckpt_step(0);
	ckpt_wait_go();
	verify(shared_fd);
	CHECK_EQ(1, pwrite(shared_fd, "K", 1, 100));
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	CHECK_EQ(1, pread(shared_fd, &c, 1, 200));
	CHECK_EQ('P', c);
	return 51;
}

CKPT_CYCLE(of_two_processes)
{
	pid_t kid;
	char c;

	shared_fd = make("shared", 0);
	fill(shared_fd);
	kid = ckpt_fork(other_process, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK_EQ(1, pread(shared_fd, &c, 1, 100));
	CHECK_EQ('K', c);
	CHECK_EQ(1, pwrite(shared_fd, "P", 1, 200));
	ckpt_step(2);
	ckpt_wait_exit(kid, 51);
}

/* ---- mapped --------------------------------------------------------------- */

static void mapped(bool keep_open)
{
	int fd = make("mapped", 0);
	unsigned char *shared, *private;
	unsigned int i;
	char c;

	fill(fd);
	shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED, "mmap: %s", strerror(errno));
	private[PAGE] = 'p';
	if (!keep_open)
		CHECK_SYS(close(fd));
	ckpt_ready_wait();
	for (i = 0; i < SIZE; i++) {
		CHECK_EQ(at(i), shared[i]);
		CHECK_EQ(i == PAGE ? 'p' : at(i), private[i]);
	}
	shared[2 * PAGE] = 'S';
	CHECK_EQ('S', private[2 * PAGE]);
	if (keep_open) {
		CHECK_EQ(1, pread(fd, &c, 1, 2 * PAGE));
		CHECK_EQ('S', c);
	}
}

CKPT_CYCLE(mapped_and_open)
{
	mapped(true);
}

CKPT_CYCLE(mapped_and_closed)
{
	mapped(false);
}

/* ---- seals ---------------------------------------------------------------- */

/* Each set of seals comes back, and no other. */
CKPT_CYCLE(seals)
{
	static const int sets[] = {
		0, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE,
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL,
	};
	int fd[7], none = make("none", 0), noexec, exec;
	unsigned int i;

	noexec = make("noexec", MFD_NOEXEC_SEAL);
	exec = make("exec", MFD_EXEC | MFD_ALLOW_SEALING);
	fill(noexec);
	fill(exec);
	CHECK_SYS(fcntl(exec, F_ADD_SEALS, F_SEAL_EXEC));
	for (i = 0; i < 7; i++) {
		fd[i] = make("sealed", MFD_ALLOW_SEALING);
		fill(fd[i]);
		CHECK_SYS(fcntl(fd[i], F_ADD_SEALS, sets[i]));
	}
	ckpt_ready_wait();
	for (i = 0; i < 7; i++) {
		CHECK_EQ(sets[i], fcntl(fd[i], F_GET_SEALS));
		verify(fd[i]);
	}
	CHECK_EQ(F_SEAL_SEAL, fcntl(none, F_GET_SEALS));
	CHECK_EQ(F_SEAL_EXEC, fcntl(noexec, F_GET_SEALS));
	CHECK_EQ(F_SEAL_EXEC | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE,
		 fcntl(exec, F_GET_SEALS));
	CHECK(fchmod(noexec, 0777) == -1 && errno == EPERM, "F_SEAL_EXEC has no effect");
	CHECK(ftruncate(fd[2], 1) == -1 && errno == EPERM, "F_SEAL_SHRINK has no effect");
	CHECK(ftruncate(fd[3], 1 << 20) == -1 && errno == EPERM, "F_SEAL_GROW has no effect");
	CHECK(pwrite(fd[4], "x", 1, 0) == -1 && errno == EPERM, "F_SEAL_WRITE has no effect");
	CHECK(fcntl(fd[6], F_ADD_SEALS, F_SEAL_EXEC) == -1 && errno == EPERM,
	      "F_SEAL_SEAL has no effect");
	CHECK_SYS(fcntl(fd[0], F_ADD_SEALS, F_SEAL_WRITE));
}

/* A mapping from before the seal may be written to, one from after it never. */
CKPT_CYCLE(mapped_before_and_after_a_seal)
{
	int fd = make("future", MFD_ALLOW_SEALING);
	char *before, *reads, *after;

	fill(fd);
	before = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	reads = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK_SYS(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	after = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(before != MAP_FAILED && reads != MAP_FAILED && after != MAP_FAILED,
	      "mmap: %s", strerror(errno));
	ckpt_ready_wait();
	before[1] = 'B';
	CHECK_EQ('B', after[1]);
	CHECK_SYS(mprotect(reads, PAGE, PROT_READ | PROT_WRITE));
	CHECK(mprotect(after, PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES,
	      "a sealed mapping can be written to");
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EPERM, "the seal has no effect");
}

/* As compositors hand out keymaps: sealed, and mapped for reading. */
CKPT_CYCLE(sealed_and_mapped)
{
	int fd = make("keymap", MFD_ALLOW_SEALING);
	unsigned char *map;
	unsigned int i;

	fill(fd);
	CHECK_SYS(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	ckpt_ready_wait();
	for (i = 0; i < SIZE; i++)
		CHECK_EQ(at(i), map[i]);
	CHECK_EQ(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, fcntl(fd, F_GET_SEALS));
	CHECK(mprotect(map, PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES,
	      "a sealed mapping can be written to");
}

/* ---- executed ------------------------------------------------------------- */

static int copy_of_this(void)
{
	int in = CHECK_SYS(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), fd = make("program", 0);
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		CHECK_EQ(n, write(fd, buf, n));
	CHECK_SYS(close(in));
	return fd;
}

/* Executes the memfd once more, which ends at once. */
static void run_it(int fd)
{
	char *argv[] = { "program", "-h", NULL }, *envp[] = { NULL };
	int status, null;
	pid_t pid = CHECK_SYS(fork());

	if (!pid) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		dup2(null, 2);
		fexecve(fd, argv, envp);
		_exit(99);
	}
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 99, "it can't be executed: 0x%x", status);
}

/* What memfd_create() has returned is open for writing, and does not keep it from that. */
CKPT_CYCLE(executable)
{
	int fd = copy_of_this();

	run_it(fd);
	ckpt_ready_wait();
	run_it(fd);
}

CKPT_SCENARIO(from_a_memfd)
{
	char link[64] = "";
	int fd;

	ckpt_ready_wait();
	CHECK_SYS(readlink("/proc/self/exe", link, sizeof(link) - 1));
	CHECK_STREQ("/memfd:program (deleted)", link);
	fd = CHECK_SYS(open("/proc/self/exe", O_RDONLY));
	CHECK(reopen(fd, O_RDWR) == -1 && errno == ETXTBSY, "the program can be written to");
	run_it(fd);
}

/* Becomes the one above. */
CKPT_CYCLE(program_from_a_memfd)
{
	char path[320], fd[64];

	/* The name of the board is that of a file without its end. */
	ckpt_path(path, sizeof(path), "");
	path[strlen(path) - 1] = 0;
	snprintf(fd, sizeof(fd), "/proc/self/fd/%d", copy_of_this());
	execl(fd, fd, "--scenario", "from_a_memfd", path, NULL);
	CHECK(false, "execl: %s", strerror(errno));
}

/* ---- shared with others ---------------------------------------------------- */

FIXTURE(outside) { struct ckpt_run run; };
FIXTURE_VARIANT(outside) { int seals, flags; bool refused; };
/* What memfd_create() returned; opened again; by its path only; nobody can change it. */
FIXTURE_VARIANT_ADD(outside, first) { .flags = -1, .refused = true };
FIXTURE_VARIANT_ADD(outside, again) { .flags = O_RDWR, .refused = true };
FIXTURE_VARIANT_ADD(outside, path) { .flags = O_PATH, .refused = true };
FIXTURE_VARIANT_ADD(outside, sealed) {
	.flags = O_RDONLY, .seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK,
};

FIXTURE_SETUP(outside)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
}

FIXTURE_TEARDOWN(outside)
{
	if (self->run.board)
		ckpt_run_fini(&self->run);
}

/* It has one that the test, which is outside, has too. */
CKPT_SCENARIO(has_one)
{
	int fd = make("outside", MFD_ALLOW_SEALING), ro;

	fill(fd);
	CHECK_SYS(fcntl(fd, F_ADD_SEALS, atoi(getenv("CKPT_SEALS"))));
	ro = CHECK_SYS(reopen(fd, O_RDONLY));
	board->value[1] = fd;
	board->value[2] = ro;
	ckpt_ready();
	ckpt_step_wait(0, 1);
	CHECK_SYS(close(fd));
	ckpt_step(1);
	ckpt_wait_go();
	verify(ro);
}

TEST_F_TIMEOUT(outside, is_found, CKPT_TIMEOUT)
{
	struct ckpt_run *run = &self->run;
	int image = ckpt_image_new(), fd;
	char path[64];

	ASSERT_EQ(0, ckpt_run_init(run, &has_one, false));
	snprintf(path, sizeof(path), "%d", variant->seals);
	setenv("CKPT_SEALS", path, 1);
	ASSERT_EQ(0, ckpt_run_start(run));
	board = run->board;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", run->pid, (int)board->value[2]);
	if (variant->flags < 0)
		fd = syscall(__NR_pidfd_getfd, run->pidfd, (int)board->value[1], 0);
	else
		fd = open(path, variant->flags);
	ASSERT_LE(0, fd);
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	if (variant->refused) {
		EXPECT_EQ(-1, ckpt_run_call(run, image, 0));
		EXPECT_EQ(EBUSY, errno);
		EXPECT_TRUE(ckpt_run_log_has(run, "a task outside has it open too: close it there"));
	} else {
		EXPECT_LT(0, ckpt_run_call(run, image, 0));
		EXPECT_TRUE(ckpt_run_log_has(run, "after a restart it has one of its own"));
	}
	close(fd);
	close(image);
	image = ckpt_image_new();
	EXPECT_LT(0, ckpt_run_call(run, image, 0));
	EXPECT_FALSE(ckpt_run_log_has(run, "a task outside"));
	close(image);
	ckpt_run_go(run);
	EXPECT_EQ(0, ckpt_run_finish(run));
}

TEST_HARNESS_MAIN
