// SPDX-License-Identifier: GPL-2.0
/* Names that were removed while files were open by them: with and without another one. */
#include "common.h"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

CKPT_FIXTURE

static const char * const in_memory = "/dev/shm";
static const char * const on_disk = "/var/tmp";

static void link_of(const char *of, char *link, size_t size)
{
	ssize_t n = CHECK_SYS(readlink(of, link, size - 1));

	link[n] = 0;
}

/* What /proc shows for a descriptor. */
static char *name_of(int fd, char *link, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	link_of(path, link, size);
	return link;
}

static bool is_mapped_as(const char *name)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;

	while (fgets(line, sizeof(line), maps)) {
		line[strcspn(line, "\n")] = 0;
		found |= strlen(line) > strlen(name) &&
			 !strcmp(line + strlen(line) - strlen(name), name);
	}
	fclose(maps);
	return found;
}

static void writes(int fd, const char *text)
{
	CHECK_EQ(strlen(text), pwrite(fd, text, strlen(text), 0));
}

static void has(int fd, const char *text)
{
	char buf[64] = "";

	CHECK_EQ(strlen(text), pread(fd, buf, sizeof(buf) - 1, 0));
	CHECK_STREQ(text, buf);
}

/* ---- no other name ---------------------------------------------------------- */

/* Two names of one file, both of which were removed; another file has one of them by now. */
static void both_removed(const char *dir)
{
	char first[64], second[96], was[2][128], is[128];
	char *map;
	int fd[2], other;

	snprintf(first, sizeof(first), "%s/ckpt-XXXXXX", dir);
	fd[0] = CHECK_SYS(mkstemp(first));
	writes(fd[0], "contents");
	snprintf(second, sizeof(second), "%s-of-another-name", first);
	CHECK_SYS(link(first, second));
	fd[1] = CHECK_SYS(open(second, O_RDWR));
	map = mmap(NULL, CKPT_PAGE, PROT_READ, MAP_SHARED, fd[1], 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(unlink(first));
	CHECK_SYS(unlink(second));
	other = CHECK_SYS(open(first, O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_SYS(close(other));
	name_of(fd[0], was[0], sizeof(was[0]));
	name_of(fd[1], was[1], sizeof(was[1]));
	CHECK(!strncmp(was[0], first, strlen(first)), "%s is not %s", was[0], first);
	CHECK(is_mapped_as(was[1]), "the mapping has another name");
	ckpt_ready_wait();
	CHECK_STREQ(was[0], name_of(fd[0], is, sizeof(is)));
	CHECK_STREQ(was[1], name_of(fd[1], is, sizeof(is)));
	CHECK(is_mapped_as(was[1]), "the mapping has another name");
	writes(fd[0], "anything");
	has(fd[1], "anything");
	/* The other file is still another. */
	other = CHECK_SYS(open(first, O_RDONLY));
	CHECK_EQ(0, read(other, is, 1));
	CHECK(access(second, F_OK) == -1 && errno == ENOENT, "the removed name is back");
}

CKPT_CYCLE(removed_in_memory)
{
	both_removed(in_memory);
}

CKPT_CYCLE(removed_on_disk)
{
	both_removed(on_disk);
}

/* The directory is gone, too. */
CKPT_CYCLE(removed_with_its_directory)
{
	char dir[320], path[400];
	struct stat st;
	int fd;

	CHECK_SYS(mkdir(ckpt_path(dir, sizeof(dir), "dir"), 0700));
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600));
	writes(fd, "deep");
	CHECK_SYS(unlink(path));
	CHECK_SYS(rmdir(dir));
	ckpt_ready_wait();
	has(fd, "deep");
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(0, st.st_nlink);
	CHECK(access(dir, F_OK) == -1 && errno == ENOENT, "the directory is back");
}

/* ---- directories -------------------------------------------------------------- */

static void is_gone(int fd)
{
	struct stat st;

	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(S_IFDIR | 01750, st.st_mode);
	CHECK_EQ(1234, st.st_uid);
	CHECK_EQ(5678, st.st_gid);
	CHECK_EQ(1000000000, st.st_mtim.tv_sec);
	CHECK_EQ(5, st.st_mtim.tv_nsec);
	CHECK(openat(fd, "x", O_RDWR | O_CREAT, 0600) == -1 && errno == ENOENT, "it is back");
}

static int make_dir(const char *path)
{
	const struct timespec times[2] = { { 1000000000, 3 }, { 1000000000, 5 } };
	int fd;

	CHECK_SYS(mkdir(path, 0700));
	fd = CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY));
	CHECK_SYS(fchown(fd, 1234, 5678));
	CHECK_SYS(fchmod(fd, 01750));
	CHECK_SYS(rmdir(path));
	CHECK_SYS(futimens(fd, times));
	return fd;
}

/* Open, open by its path only, and as working directory of a child that has called chdir(). */
static int in_it(void *fd)
{
	char link[400];

	CHECK_SYS(fchdir(*(int *)fd));
	ckpt_step(0);
	ckpt_wait_go();
	link_of("/proc/self/cwd", link, sizeof(link));
	CHECK_STREQ(board->text, link);
	CHECK(syscall(__NR_getcwd, link, sizeof(link)) == -1 && errno == ENOENT, "it is back");
	CHECK(access("x", F_OK) == -1 && errno == ENOENT, "it is back");
	CHECK(open("y", O_RDWR | O_CREAT, 0600) == -1 && errno == ENOENT, "it is back");
	CHECK_SYS(chdir(".."));
	return 54;
}

static void removed_dir(const char *path)
{
	char is[400], buf[64];
	int fd = make_dir(path), o_path;
	struct stat st, same;
	pid_t kid;

	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd);
	o_path = CHECK_SYS(open(buf, O_PATH | O_DIRECTORY));
	name_of(fd, board->text, sizeof(board->text));
	CHECK(!strncmp(board->text, path, strlen(path)), "%s", board->text);
	kid = ckpt_fork(in_it, &fd);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	is_gone(fd);
	is_gone(o_path);
	CHECK_SYS(fstat(fd, &st));
	CHECK_SYS(fstat(o_path, &same));
	CHECK_EQ(st.st_ino, same.st_ino);
	CHECK_STREQ(board->text, name_of(fd, is, sizeof(is)));
	CHECK(syscall(__NR_getdents64, fd, is, sizeof(is)) == -1 && errno == ENOENT, "it is back");
	CHECK(access(path, F_OK) == -1 && errno == ENOENT, "its name is back");
	ckpt_wait_exit(kid, 54);
}

CKPT_CYCLE(removed_directory)
{
	char path[320];

	removed_dir(ckpt_path(path, sizeof(path), "dir"));
}

CKPT_CYCLE(removed_directory_on_disk)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/ckpt-dir-%d", on_disk, getpid());
	removed_dir(path);
}

/* Something else has its name by now. */
CKPT_CYCLE(replaced_directory)
{
	char path[320];
	int fd = make_dir(ckpt_path(path, sizeof(path), "dir")), other;
	struct stat st;

	other = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
	ckpt_ready_wait();
	is_gone(fd);
	CHECK_SYS(fstat(other, &st));
	CHECK_EQ(1, st.st_nlink);
}

/* ---- named pipes -------------------------------------------------------------- */

/* Each end is open, and something is in it. */
CKPT_CYCLE(removed_fifo)
{
	char path[320], was[400], is[400], buf[16] = "";
	int r, w;
	struct stat st, other;

	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	r = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	w = CHECK_SYS(open(path, O_WRONLY));
	CHECK_SYS(fchown(w, 1234, 5678));
	CHECK_SYS(fchmod(w, 0640));
	CHECK_SYS(unlink(path));
	CHECK_EQ(7, write(w, "content", 7));
	name_of(r, was, sizeof(was));
	ckpt_ready_wait();
	CHECK_SYS(fstat(r, &st));
	CHECK_SYS(fstat(w, &other));
	CHECK_EQ(st.st_ino, other.st_ino);
	CHECK_EQ(S_IFIFO | 0640, st.st_mode);
	CHECK_EQ(1234, st.st_uid);
	CHECK_EQ(5678, st.st_gid);
	CHECK_EQ(0, st.st_nlink);
	CHECK_STREQ(was, name_of(r, is, sizeof(is)));
	CHECK(access(path, F_OK) == -1 && errno == ENOENT, "its name is back");
	CHECK_EQ(7, read(r, buf, sizeof(buf)));
	CHECK_STREQ("content", buf);
	CHECK(read(r, buf, 1) == -1 && errno == EAGAIN, "it is not empty");
	CHECK_EQ(4, write(w, "more", 4));
	CHECK_EQ(4, read(r, buf, sizeof(buf)));
	CHECK_SYS(close(w));
	CHECK_EQ(0, read(r, buf, 1));
}

/* Two open files of one node, and another device. */
CKPT_CYCLE(removed_device)
{
	char path[320], was[400], is[400], buf[4] = "abc";
	int null, again, zero;
	struct stat st, other;

	CHECK_SYS(mknod(ckpt_path(path, sizeof(path), "zero"), S_IFCHR | 0600, makedev(1, 5)));
	zero = CHECK_SYS(open(path, O_RDONLY | O_NONBLOCK));
	CHECK_SYS(unlink(path));
	CHECK_SYS(mknod(ckpt_path(path, sizeof(path), "null"), S_IFCHR | 0600, makedev(1, 3)));
	null = CHECK_SYS(open(path, O_RDWR));
	again = CHECK_SYS(open(path, O_WRONLY | O_APPEND));
	CHECK_SYS(fchown(null, 1234, 5678));
	CHECK_SYS(fchmod(null, 0640));
	CHECK_SYS(unlink(path));
	name_of(null, was, sizeof(was));
	ckpt_ready_wait();
	CHECK_SYS(fstat(null, &st));
	CHECK_SYS(fstat(again, &other));
	CHECK_EQ(st.st_ino, other.st_ino);
	CHECK_EQ(S_IFCHR | 0640, st.st_mode);
	CHECK_EQ(makedev(1, 3), st.st_rdev);
	CHECK_EQ(1234, st.st_uid);
	CHECK_EQ(5678, st.st_gid);
	CHECK_EQ(0, st.st_nlink);
	CHECK_STREQ(was, name_of(null, is, sizeof(is)));
	CHECK(access(path, F_OK) == -1 && errno == ENOENT, "its name is back");
	CHECK_EQ(O_WRONLY | O_APPEND, fcntl(again, F_GETFL) & (O_ACCMODE | O_APPEND));
	CHECK_EQ(1, write(again, "x", 1));
	CHECK_EQ(0, read(null, buf, 1));
	CHECK_EQ(3, read(zero, buf, 3));
	CHECK_STREQ("", buf);
	CHECK_SYS(fstat(zero, &st));
	CHECK_EQ(makedev(1, 5), st.st_rdev);
}

/* ---- another name ----------------------------------------------------------- */

static void is_same(int fd, const char *path, nlink_t links)
{
	struct stat open, named;

	CHECK_SYS(fstat(fd, &open));
	CHECK_SYS(stat(path, &named));
	CHECK_EQ(named.st_ino, open.st_ino);
	CHECK_EQ(named.st_dev, open.st_dev);
	CHECK_EQ(links, open.st_nlink);
}

/* Opened, linked, and removed by the first name. */
CKPT_CYCLE(hard_link)
{
	char first[320], second[320], was[400], is[400], buf[64];
	int fd, path, reader;
	char *map;

	fd = CHECK_SYS(open(ckpt_path(first, sizeof(first), "first"), O_RDWR | O_CREAT, 0600));
	writes(fd, "0123456789");
	path = CHECK_SYS(open(first, O_PATH));
	CHECK_SYS(link(first, ckpt_path(second, sizeof(second), "second")));
	reader = CHECK_SYS(open(second, O_RDONLY));
	CHECK_SYS(unlink(first));
	map = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_EQ(4, lseek(fd, 4, SEEK_SET));
	name_of(fd, was, sizeof(was));
	CHECK(strstr(was, ".first (deleted)"), "%s", was);
	ckpt_ready_wait();
	is_same(fd, second, 1);
	is_same(path, second, 1);
	CHECK_STREQ(was, name_of(fd, is, sizeof(is)));
	CHECK(is_mapped_as(was), "the mapping has another name");
	CHECK_STREQ(was, name_of(path, is, sizeof(is)));
	CHECK_STREQ(second, name_of(reader, is, sizeof(is)));
	CHECK_EQ(4, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(2, pwrite(fd, "AB", 2, 3));
	map[0] = 'M';
	CHECK_STREQ("M12AB56789", ckpt_read_file(second, buf, sizeof(buf)));
	has(reader, "M12AB56789");
	CHECK(access(first, F_OK) == -1 && errno == ENOENT, "the removed name is back");
}

/* Made without a name, and given one when it was complete. */
CKPT_CYCLE(linked_later)
{
	char dir[320], path[320], from[64], buf[64];
	int fd;

	snprintf(dir, sizeof(dir), "%s", ckpt_path(path, sizeof(path), "complete"));
	*strrchr(dir, '/') = 0;
	fd = open(dir, O_TMPFILE | O_RDWR, 0600);
	CHECK_SYS(fd);
	writes(fd, "complete");
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	CHECK_SYS(linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
	ckpt_ready_wait();
	is_same(fd, path, 1);
	writes(fd, "COMPLETE");
	CHECK_STREQ("COMPLETE", ckpt_read_file(path, buf, sizeof(buf)));
}

/*
 * What sem_open(3) does, and with it the locks of multiprocessing libraries: a file is made,
 * mapped, linked by the name of the semaphore, and removed by its first one.
 */
static sem_t *semaphore;

static int waits(void *arg)
{
	ckpt_step(0);
	CHECK_SYS(sem_wait(semaphore));
	ckpt_step(1);
	return 53;
}

CKPT_CYCLE(named_semaphore, .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex) })
{
	char temporary[320], name[320];
	sem_t *again;
	pid_t kid;
	int fd, value;

	fd = CHECK_SYS(open(ckpt_path(temporary, sizeof(temporary), "sem.tmp"),
			    O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_SYS(ftruncate(fd, sizeof(sem_t)));
	semaphore = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(semaphore != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(close(fd));
	CHECK_SYS(sem_init(semaphore, 1, 0));
	CHECK_SYS(link(temporary, ckpt_path(name, sizeof(name), "sem")));
	CHECK_SYS(unlink(temporary));
	kid = ckpt_fork(waits, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, board->step[1]);
	/* Who opens it only now gets the same one. */
	fd = CHECK_SYS(open(name, O_RDWR));
	again = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(again != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(sem_post(again));
	ckpt_wait_exit(kid, 53);
	CHECK_SYS(sem_post(semaphore));
	CHECK_SYS(sem_getvalue(again, &value));
	CHECK_EQ(1, value);
}

/* ---- paths only --------------------------------------------------------------- */

/* Opened with O_PATH: what lies there is neither read nor written nor followed. */
CKPT_CYCLE(paths)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char path[320], link[64];
	int sym, fifo, sock, null, tty, bound;
	struct stat st;

	CHECK_SYS(symlink("/nowhere", ckpt_path(path, sizeof(path), "link")));
	sym = CHECK_SYS(open(path, O_PATH | O_NOFOLLOW));
	CHECK_SYS(mkfifo(ckpt_path(path, sizeof(path), "fifo"), 0600));
	fifo = CHECK_SYS(open(path, O_PATH));
	bound = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK(strlen(ckpt_path(path, sizeof(path), "sock")) < sizeof(addr.sun_path), "%s", path);
	strcpy(addr.sun_path, path);
	CHECK_SYS(bind(bound, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(close(bound));
	sock = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	null = CHECK_SYS(open("/dev/null", O_PATH));
	tty = CHECK_SYS(open("/dev/tty", O_PATH));
	ckpt_ready_wait();
	CHECK_EQ(8, readlinkat(sym, "", link, sizeof(link)));
	CHECK(!strncmp(link, "/nowhere", 8), "it leads to %.8s", link);
	CHECK_EQ(O_PATH | O_NOFOLLOW, fcntl(sym, F_GETFL) & (O_PATH | O_NOFOLLOW | O_ACCMODE));
	CHECK_SYS(fstat(fifo, &st));
	CHECK(S_ISFIFO(st.st_mode), "mode 0%o", st.st_mode);
	CHECK(read(fifo, link, 1) == -1 && errno == EBADF, "O_PATH became readable");
	CHECK_SYS(fstat(sock, &st));
	CHECK(S_ISSOCK(st.st_mode), "mode 0%o", st.st_mode);
	CHECK_EQ(FD_CLOEXEC, fcntl(sock, F_GETFD));
	CHECK_SYS(fstat(null, &st));
	CHECK_EQ(makedev(1, 3), st.st_rdev);
	CHECK_SYS(fstat(tty, &st));
	CHECK_EQ(makedev(5, 0), st.st_rdev);
}

/* Access mode 3 wants the rights to read and to write, and gives neither. */
CKPT_CYCLE(neither_read_nor_write)
{
	char path[320], c;
	int fd, gone;

	gone = CHECK_SYS(open(ckpt_path(path, sizeof(path), "gone"), O_RDWR | O_CREAT, 0600));
	writes(gone, "gone");
	CHECK_SYS(close(gone));
	gone = CHECK_SYS(open(path, O_ACCMODE));
	CHECK_SYS(unlink(path));
	fd = CHECK_SYS(open("/dev/null", O_ACCMODE | O_NONBLOCK));
	ckpt_ready_wait();
	CHECK_EQ(O_ACCMODE, fcntl(gone, F_GETFL) & O_ACCMODE);
	CHECK(read(gone, &c, 1) == -1 && errno == EBADF, "it can be read");
	CHECK(write(gone, "x", 1) == -1 && errno == EBADF, "it can be written to");
	CHECK_EQ(O_ACCMODE | O_NONBLOCK, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	CHECK(write(fd, "x", 1) == -1 && errno == EBADF, "it can be written to");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", gone);
	gone = CHECK_SYS(open(path, O_RDONLY));
	has(gone, "gone");
}

TEST_HARNESS_MAIN
