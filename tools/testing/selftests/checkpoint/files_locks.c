// SPDX-License-Identifier: GPL-2.0
/* Locks of files: who owns them, what they keep from whom, and who waits for them. */
#include "fault.h"
#include "fuse_file.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>

CKPT_FIXTURE

static char path[320];

static int make(const char *name)
{
	return CHECK_SYS(open(ckpt_path(path, sizeof(path), name), O_RDWR | O_CREAT, 0600));
}

static int set(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock lock = { .l_type = type, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &lock);
}

/* What somebody who wants @type of the range from @start on is told. */
struct probe {
	int fd;
	short type;
	off_t start, len;
	struct flock want;
};

static int ask(void *arg)
{
	struct probe *p = arg;
	struct flock seen = { .l_type = p->type, .l_start = p->start, .l_len = p->len };

	CHECK_SYS(fcntl(p->fd, F_GETLK, &seen));
	CHECK_EQ(p->want.l_type, seen.l_type);
	if (seen.l_type != F_UNLCK) {
		CHECK_EQ(p->want.l_start, seen.l_start);
		CHECK_EQ(p->want.l_len, seen.l_len);
		CHECK_EQ(p->want.l_pid, seen.l_pid);
	}
	return 0;
}

/* Another process finds that @want keeps it from locking the range. */
static void probe(int fd, short type, off_t start, off_t len, struct flock want)
{
	struct probe p = { fd, type, start, len, want };

	ckpt_wait_exit(ckpt_fork(ask, &p), 0);
}

#define HELD(type, start, len, pid)						\
	((struct flock){ .l_type = (type), .l_start = (start), .l_len = (len), .l_pid = (pid) })
#define FREE	((struct flock){ .l_type = F_UNLCK })

/* Ranges of both kinds, one of them to the end of the file. */
CKPT_CYCLE(ranges)
{
	off_t far = 1ll << 40;
	pid_t me = getpid();
	int fd = make("ranges");

	CHECK_SYS(set(fd, F_SETLK, F_WRLCK, 10, 10));
	CHECK_SYS(set(fd, F_SETLK, F_RDLCK, 20, 5));
	CHECK_SYS(set(fd, F_SETLK, F_WRLCK, 30, 10));
	CHECK_SYS(set(fd, F_SETLK, F_UNLCK, 33, 2));
	CHECK_SYS(set(fd, F_SETLK, F_RDLCK, far, 0));
	ckpt_ready_wait();
	probe(fd, F_RDLCK, 0, 10, FREE);
	probe(fd, F_RDLCK, 0, 30, HELD(F_WRLCK, 10, 10, me));
	probe(fd, F_RDLCK, 20, 10, FREE);
	probe(fd, F_WRLCK, 20, 10, HELD(F_RDLCK, 20, 5, me));
	probe(fd, F_RDLCK, 30, 100, HELD(F_WRLCK, 30, 3, me));
	probe(fd, F_WRLCK, 33, 2, FREE);
	probe(fd, F_RDLCK, 33, 100, HELD(F_WRLCK, 35, 5, me));
	probe(fd, F_WRLCK, far + 12345, 1, HELD(F_RDLCK, far, 0, me));
	/* They are its own: it may change them, and they go as they came. */
	CHECK_SYS(set(fd, F_SETLK, F_WRLCK, 20, 5));
	probe(fd, F_RDLCK, 20, 1, HELD(F_WRLCK, 10, 15, me));
	CHECK_SYS(close(CHECK_SYS(dup(fd))));
	probe(fd, F_WRLCK, 0, 0, FREE);
}

static int two_fds[2];

/* The lock of a process that has the file open, too, is its own. */
static int locks_for_itself(void *arg)
{
	CHECK_SYS(set(two_fds[0], F_SETLK, F_RDLCK, 0, 10));
	CHECK_SYS(set(two_fds[1], F_SETLK, F_WRLCK, 20, 10));
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	/* To close the file by whatever descriptor gives both locks up. */
	CHECK_SYS(close(two_fds[0]));
	ckpt_step(2);
	ckpt_step_wait(3, 1);
	return 0;
}

CKPT_CYCLE(owners)
{
	pid_t child;

	two_fds[0] = make("owners");
	two_fds[1] = CHECK_SYS(open(path, O_RDWR));
	CHECK_SYS(set(two_fds[0], F_SETLK, F_RDLCK, 5, 10));
	child = ckpt_fork(locks_for_itself, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	probe(two_fds[1], F_WRLCK, 12, 1, HELD(F_RDLCK, 5, 10, getpid()));
	probe(two_fds[1], F_WRLCK, 2, 1, HELD(F_RDLCK, 0, 10, child));
	CHECK(set(two_fds[0], F_SETLK, F_RDLCK, 20, 1) == -1 && errno == EAGAIN,
	      "the child has no lock");
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	CHECK_SYS(set(two_fds[0], F_SETLK, F_WRLCK, 0, 0));
	probe(two_fds[1], F_RDLCK, 0, 0, HELD(F_WRLCK, 0, 0, getpid()));
	ckpt_step(3);
	ckpt_wait_exit(child, 0);
}

static int table_fd;

static int locks_for_both(void)
{
	CHECK_SYS(set(table_fd, F_SETLK, F_WRLCK, 0, 10));
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	return 0;
}

/* Two processes with one descriptor table own its locks together. */
CKPT_CYCLE(shared_table)
{
	pid_t child;

	table_fd = make("shared");
	child = CHECK_SYS(sys_clone(CLONE_FILES | SIGCHLD));
	if (!child)
		_exit(locks_for_both());
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	probe(table_fd, F_RDLCK, 0, 1, HELD(F_WRLCK, 0, 10, child));
	CHECK_SYS(set(table_fd, F_SETLK, F_UNLCK, 0, 5));
	probe(table_fd, F_RDLCK, 0, 10, HELD(F_WRLCK, 5, 5, child));
	ckpt_step(1);
	ckpt_wait_exit(child, 0);
	probe(table_fd, F_RDLCK, 5, 1, HELD(F_WRLCK, 5, 5, getpid() == 1 ? 0 : child));
	CHECK_SYS(set(table_fd, F_SETLK, F_UNLCK, 0, 0));
}

static int unlocks(void *arg)
{
	int *fd = arg;

	return set(*fd, F_OFD_SETLK, F_UNLCK, 0, 0) ? 1 : 0;
}

/* Locks of open files: others of the same process conflict, and a child's are the same. */
CKPT_CYCLE(open_file_locks)
{
	int one = make("ofd"), two = CHECK_SYS(open(path, O_RDWR));
	struct flock lock = { .l_type = F_WRLCK };

	CHECK_SYS(set(one, F_OFD_SETLK, F_WRLCK, 0, 100));
	CHECK_SYS(set(one, F_OFD_SETLK, F_RDLCK, 200, 0));
	CHECK_SYS(set(two, F_OFD_SETLK, F_RDLCK, 300, 10));
	ckpt_ready_wait();
	CHECK_SYS(fcntl(two, F_OFD_GETLK, &lock));
	CHECK_EQ(F_WRLCK, lock.l_type);
	CHECK_EQ(0, lock.l_start);
	CHECK_EQ(100, lock.l_len);
	CHECK_EQ(-1, lock.l_pid);
	CHECK(set(two, F_OFD_SETLK, F_RDLCK, 99, 1) == -1 && errno == EAGAIN, "two files, one lock");
	CHECK(set(two, F_SETLK, F_WRLCK, 250, 1) == -1 && errno == EAGAIN, "no lock");
	CHECK_SYS(set(two, F_OFD_SETLK, F_RDLCK, 200, 50));
	CHECK(set(one, F_OFD_SETLK, F_WRLCK, 305, 1) == -1 && errno == EAGAIN, "no lock of the other");
	CHECK_SYS(set(one, F_OFD_SETLK, F_RDLCK, 50, 10));
	CHECK_SYS(set(two, F_OFD_SETLK, F_RDLCK, 50, 10));
	CHECK_SYS(close(CHECK_SYS(dup(one))));
	ckpt_wait_exit(ckpt_fork(unlocks, &one), 0);
	CHECK_SYS(set(two, F_OFD_SETLK, F_WRLCK, 0, 0));
}

static int flocks(void *arg)
{
	int *fd = arg;

	return flock(*fd, LOCK_EX) ? 1 : 0;
}

/* As of flock(1): a child that is gone has locked the file for its parent. */
CKPT_CYCLE(locked_by_one_that_is_gone)
{
	int fd = make("flock"), other = CHECK_SYS(open(path, O_RDONLY));

	ckpt_wait_exit(ckpt_fork(flocks, &fd), 0);
	CHECK(flock(other, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "not locked");
	ckpt_ready_wait();
	CHECK(flock(other, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "the lock is lost");
	CHECK_SYS(close(CHECK_SYS(dup(fd))));
	CHECK(flock(other, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "the lock is gone");
	CHECK_SYS(flock(fd, LOCK_UN));
	CHECK_SYS(flock(other, LOCK_EX | LOCK_NB));
}

/* Shared ones, of open files that can't be written to as well. */
CKPT_CYCLE(flock_shared)
{
	int one = make("sh"), two = CHECK_SYS(open(path, O_RDONLY));
	int three = CHECK_SYS(open(path, O_WRONLY));

	CHECK_SYS(flock(one, LOCK_SH));
	CHECK_SYS(flock(two, LOCK_SH));
	ckpt_ready_wait();
	CHECK(flock(three, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK, "none is left");
	CHECK_SYS(close(one));
	CHECK(flock(three, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK, "the second is lost");
	CHECK_SYS(flock(three, LOCK_SH | LOCK_NB));
	CHECK_SYS(flock(two, LOCK_UN));
	CHECK_SYS(flock(three, LOCK_EX | LOCK_NB));
}

static int wait_fd;

static int waits_for_range(void *arg)
{
	CHECK_SYS(set(wait_fd, F_SETLKW, F_WRLCK, 5, 1));
	CHECK_EQ(1, board->step[10]);
	ckpt_step(0);
	return 0;
}

static int waits_for_flock(void *arg)
{
	int fd = CHECK_SYS(open(path, O_RDWR));

	CHECK_SYS(flock(fd, LOCK_EX));
	CHECK_EQ(1, board->step[10]);
	ckpt_step(0);
	return 0;
}

static int waits_for_open_file(void *arg)
{
	int fd = CHECK_SYS(open(path, O_RDWR));

	CHECK_SYS(set(fd, F_OFD_SETLKW, F_WRLCK, 7, 1));
	CHECK_EQ(1, board->step[10]);
	ckpt_step(0);
	return 0;
}

/* Who waits for a lock gets it when it is given up, and not before. */
CKPT_CYCLE(waiters, .blocked = { BLOCKED(__NR_fcntl), BLOCKED(__NR_flock) })
{
	pid_t child[3];
	int i;

	wait_fd = make("waiters");
	CHECK_SYS(set(wait_fd, F_SETLK, F_WRLCK, 0, 10));
	CHECK_SYS(flock(wait_fd, LOCK_EX));
	child[0] = ckpt_fork(waits_for_range, NULL);
	child[1] = ckpt_fork(waits_for_flock, NULL);
	child[2] = ckpt_fork(waits_for_open_file, NULL);
	ckpt_ready_wait();
	CHECK_EQ(0, board->step[0]);
	ckpt_step(10);
	CHECK_SYS(set(wait_fd, F_SETLK, F_UNLCK, 0, 0));
	CHECK_SYS(flock(wait_fd, LOCK_UN));
	ckpt_step_wait(0, 3);
	for (i = 0; i < 3; i++)
		ckpt_wait_exit(child[i], 0);
}

static int waits_in_deadlock(void *arg)
{
	CHECK_SYS(set(wait_fd, F_SETLK, F_WRLCK, 10, 1));
	ckpt_step(0);
	CHECK_SYS(set(wait_fd, F_SETLKW, F_WRLCK, 0, 1));
	return 0;
}

/* To wait for one who waits for oneself is refused. */
CKPT_CYCLE(deadlock, .blocked = { BLOCKED(__NR_fcntl) })
{
	pid_t child;

	wait_fd = make("deadlock");
	CHECK_SYS(set(wait_fd, F_SETLK, F_WRLCK, 0, 1));
	child = ckpt_fork(waits_in_deadlock, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK(set(wait_fd, F_SETLKW, F_WRLCK, 10, 1) == -1 && errno == EDEADLK, "errno %d", errno);
	CHECK_SYS(set(wait_fd, F_SETLK, F_UNLCK, 0, 1));
	ckpt_wait_exit(child, 0);
}

/* Whatever can be opened can be locked. */
CKPT_CYCLE(all_kinds)
{
	char fifo[320], name[] = "/dev/shm/ckpt-lock-XXXXXX";
	int removed, dir, dir2, pipes[2], end, end2;

	removed = CHECK_SYS(mkstemp(name));
	CHECK_SYS(unlink(name));
	dir = CHECK_SYS(open("/var/tmp", O_RDONLY | O_DIRECTORY));
	dir2 = CHECK_SYS(open("/var/tmp", O_RDONLY | O_DIRECTORY));
	CHECK_SYS(mkfifo(ckpt_path(fifo, sizeof(fifo), "fifo"), 0600));
	end = CHECK_SYS(open(fifo, O_RDWR));
	end2 = CHECK_SYS(open(fifo, O_RDWR));
	CHECK_SYS(pipe(pipes));
	CHECK_SYS(set(removed, F_SETLK, F_WRLCK, 1, 2));
	CHECK_SYS(flock(dir, LOCK_SH));
	CHECK_SYS(flock(end, LOCK_EX));
	CHECK_SYS(set(end, F_OFD_SETLK, F_WRLCK, 0, 0));
	CHECK_SYS(flock(pipes[0], LOCK_EX));
	ckpt_ready_wait();
	probe(removed, F_RDLCK, 0, 0, HELD(F_WRLCK, 1, 2, getpid()));
	CHECK(flock(dir2, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK, "directory");
	CHECK(flock(end2, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "FIFO, flock");
	CHECK(set(end2, F_OFD_SETLK, F_RDLCK, 5, 1) == -1 && errno == EAGAIN, "FIFO, range");
	CHECK(flock(pipes[1], LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "pipe");
}

#define MANY	10000

/* Each second byte is locked by itself. */
CKPT_CYCLE(many)
{
	int fd = make("many"), i;

	for (i = 0; i < MANY; i++)
		CHECK_SYS(set(fd, F_SETLK, i % 4 ? F_WRLCK : F_RDLCK, 2 * i, 1));
	ckpt_ready_wait();
	for (i = 0; i < MANY; i += 997)
		probe(fd, F_WRLCK, 2 * i, 1, HELD(i % 4 ? F_WRLCK : F_RDLCK, 2 * i, 1, getpid()));
	probe(fd, F_WRLCK, 1, 1, FREE);
	probe(fd, F_RDLCK, 2 * MANY - 2, 0, HELD(F_WRLCK, 2 * MANY - 2, 1, getpid()));
	probe(fd, F_WRLCK, 2 * MANY - 1, 0, FREE);
}

/* ---- locks of others --------------------------------------------------- */

CKPT_SCENARIO(locked)
{
	int fd = make("locked");

	CHECK_SYS(set(fd, F_SETLK, F_WRLCK, 100, 50));
	CHECK_SYS(flock(fd, LOCK_SH));
	ckpt_ready_wait();
	probe(fd, F_RDLCK, 0, 0, HELD(F_WRLCK, 100, 50, getpid()));
}

/* A process outside that has @type of the whole file, or the flock @how; its pid. */
static pid_t lock_outside(const char *file, short type, int how)
{
	int up[2];
	pid_t pid;
	char c;
	int fd;

	if (pipe(up))
		return -1;
	pid = fork();
	if (!pid) {
		close(up[0]);
		fd = open(file, O_RDWR);
		if (fd < 0 || (how ? flock(fd, how) : set(fd, F_SETLK, type, 0, 0)) ||
		    write(up[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(up[1]);
	if (read(up[0], &c, 1) != 1)
		return -1;
	close(up[0]);
	return pid;
}

static int refused_for(struct ckpt_run *run, int image, pid_t pid, const char *fmt)
{
	char text[256];
	long ret;

	snprintf(text, sizeof(text), fmt, (int)pid);
	ckpt_take_board_back(run);
	ret = image_restart(run, image);
	if (ret > 0)
		image_end(run, ret);
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		return -1;
	if (ret != -1 || !ckpt_run_log_has(run, text)) {
		ckpt_diag("restart(2) gave %ld, and no line with \"%s\"", ret, text);
		ckpt_run_print_log(run);
		return -1;
	}
	return 0;
}

/* Locks that others have taken meanwhile: restart(2) tells whose, and succeeds without. */
TEST_F_TIMEOUT(cr, taken_meanwhile, CKPT_TIMEOUT)
{
	int image = ckpt_image_new();
	struct ckpt_run run;
	const char *file;
	pid_t other;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, ckpt_run_init(&run, &locked, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(1u, run.nr_files);
	file = run.files[0].path;

	other = lock_outside(file, F_RDLCK, 0);
	EXPECT_EQ(0, refused_for(&run, image, other,
				 ": the exclusive lock of bytes 100 to 149 can't be taken: process %d holds "
				 "the shared lock of bytes 0 to the end meanwhile"));
	other = lock_outside(file, 0, LOCK_EX);
	EXPECT_EQ(0, refused_for(&run, image, other,
				 ": the shared lock (flock) can't be taken: process %d holds the exclusive "
				 "lock (flock) meanwhile"));
	/* One that is no conflict stays. */
	other = lock_outside(file, 0, LOCK_SH);
	EXPECT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	EXPECT_EQ(0, kill(other, SIGKILL));
	EXPECT_EQ(other, waitpid(other, NULL, 0));
	ckpt_run_fini(&run);
	close(image);
}

/* ---- locks that others keep -------------------------------------------- */

static int open_fuse(void)
{
	char *end = strrchr(ckpt_path(path, sizeof(path), "x"), '.');

	snprintf(end, path + sizeof(path) - end, "-fuse");
	return CHECK_SYS(open(path, O_RDWR));
}

CKPT_SCENARIO(locked_on_fuse)
{
	CHECK_SYS(flock(open_fuse(), LOCK_EX));
	ckpt_ready_wait();
}

CKPT_SCENARIO(opened_on_fuse)
{
	open_fuse();
	ckpt_ready_wait();
}

/* A dry run with @flags of @sc with a file of FUSE ends so, and the log has @text. */
static int on_fuse(struct ckpt_scenario *sc, bool container, uint32_t server, uint64_t flags,
		   bool succeeds, const char *text)
{
	struct fuse_file file;
	struct ckpt_run run;
	char name[300];
	int ret;

	if (ckpt_run_init(&run, sc, container))
		return -1;
	snprintf(name, sizeof(name), "%s-fuse", run.board_path);
	ret = fuse_file_init_flags(&file, name, server);
	if (ret)
		return ret;
	ret = ckpt_run_start(&run);
	if (!ret && ((ckpt_run_call(&run, -1, CHECKPOINT_DRY_RUN | flags) > 0) != succeeds ||
		     !ckpt_run_log_has(&run, text))) {
		ckpt_diag("another result, or no line with \"%s\"", text);
		ckpt_run_print_log(&run);
		ret = -1;
	}
	ckpt_run_fini(&run);
	fuse_file_fini(&file);
	return ret;
}

/* Of servers of FUSE: what the kernel keeps for them, and what they keep themselves. */
TEST_F_TIMEOUT(cr, fuse, CKPT_TIMEOUT)
{
	const bool container = variant->container;
	int ret;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ret = on_fuse(&locked_on_fuse, container, 0, 0, false,
		      "is locked, and its filesystem (fuse) keeps locks by itself");
	if (ret > 0)
		SKIP(return, "the kernel has no FUSE");
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, on_fuse(&opened_on_fuse, container, FUSE_POSIX_LOCKS, 0, true,
			     "what its server (fuse) keeps of locks is not known"));
	EXPECT_EQ(0, on_fuse(&opened_on_fuse, container, FUSE_POSIX_LOCKS, CHECKPOINT_STRICT, false,
			     "may have locks that only its server (fuse) knows of"));
}

/* Where the records of locks are, and the first lock of them. */
static size_t lock_at(const struct image *im)
{
	return image_body(im, IMAGE_KIND_LOCKS) + sizeof(struct image_locks);
}

CKPT_SCENARIO(one_lock)
{
	int fd = make("one");

	CHECK_SYS(set(fd, F_SETLK, F_RDLCK, 100, 50));
	ckpt_ready_wait();
}

/* An image can't give a lock to one who could not have it. */
TEST_F_TIMEOUT(cr, hostile, CKPT_TIMEOUT)
{
	int fd = ckpt_image_new();
	struct ckpt_run run;
	struct image im;
	size_t at;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_EQ(0, ckpt_run_init(&run, &one_lock, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, fd, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, fd));
	at = lock_at(&im);
	ASSERT_EQ(100ull, image_get(&im, at + IMAGE_AT(lock, start), 8));

	/* A descriptor that is none, and one of another file. */
	EXPECT_EQ(0, image_hostile(&run, &im, fd, at + IMAGE_AT(lock, fd), 4711, 4,
				   "a lock is of descriptor 4711, which is not open"));
	EXPECT_EQ(0, image_hostile(&run, &im, fd, at + IMAGE_AT(lock, kind), IMAGE_LOCK_OFD, 4,
				   "not a lock that a descriptor table can own"));
	EXPECT_EQ(0, image_hostile(&run, &im, fd, at + IMAGE_AT(lock, end), 99, 8,
				   "impossible range of a lock"));
	EXPECT_EQ(0, image_hostile(&run, &im, fd, at + IMAGE_AT(lock, end), 1ull << 63, 8,
				   "impossible range of a lock"));
	EXPECT_EQ(0, image_hostile(&run, &im, fd, at + IMAGE_AT(lock, pid), 4194303, 4,
				   "was taken by no process of the image"));
	EXPECT_EQ(0, image_works(&run, &im, fd));
	free(im.data);
	ckpt_run_fini(&run);
	close(fd);
}

TEST_HARNESS_MAIN
