// SPDX-License-Identifier: GPL-2.0
/* Files without a name: removed ones and those of O_TMPFILE, with their content. */
#include "common.h"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <linux/capability.h>
#include <linux/magic.h>

CKPT_FIXTURE

#define PAGES	5
#define PAGE	CKPT_PAGE
#define SIZE	(PAGES * PAGE + 123)

/* Where it is tried: in memory and on disk. */
static const char * const in_memory = "/dev/shm";
static const char * const on_disk = "/var/tmp";

static unsigned char at(unsigned int i)
{
	return i * 13 % 253 + 1;
}

static void fill(int fd, unsigned int size)
{
	unsigned char buf[SIZE];
	unsigned int i;

	for (i = 0; i < size; i++)
		buf[i] = at(i);
	CHECK_EQ(size, pwrite(fd, buf, size, 0));
}

static void verify(int fd, unsigned int size)
{
	unsigned char buf[SIZE];
	struct stat st;
	unsigned int i;

	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(size, st.st_size);
	CHECK_EQ(size, pread(fd, buf, sizeof(buf), 0));
	for (i = 0; i < size; i++)
		CHECK_EQ(at(i), buf[i]);
}

/* A new file below @dir that has been removed. */
static int removed(const char *dir, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/ckpt-XXXXXX", dir);
	fd = CHECK_SYS(mkostemp(path, flags));
	CHECK_SYS(unlink(path));
	return fd;
}

static void links_are(int fd, nlink_t want)
{
	struct stat st;

	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(want, st.st_nlink);
}

static void content(int fd)
{
	fill(fd, SIZE);
	CHECK_EQ(77, lseek(fd, 77, SEEK_SET));
	ckpt_ready_wait();
	links_are(fd, 0);
	CHECK_EQ(77, lseek(fd, 0, SEEK_CUR));
	verify(fd, SIZE);
	CHECK_EQ(1, write(fd, "!", 1));
	CHECK_EQ(78, lseek(fd, 0, SEEK_CUR));
	CHECK_SYS(ftruncate(fd, 10));
	CHECK_EQ(10, lseek(fd, 0, SEEK_END));
}

CKPT_CYCLE(removed_in_memory)
{
	content(removed(in_memory, 0));
}

CKPT_CYCLE(removed_on_disk)
{
	content(removed(on_disk, 0));
}

CKPT_CYCLE(tmpfile_in_memory)
{
	content(CHECK_SYS(open(in_memory, O_TMPFILE | O_RDWR, 0600)));
}

CKPT_CYCLE(tmpfile_on_disk)
{
	content(CHECK_SYS(open(on_disk, O_TMPFILE | O_RDWR, 0600)));
}

CKPT_CYCLE(empty)
{
	int fd = removed(in_memory, O_APPEND);

	ckpt_ready_wait();
	links_are(fd, 0);
	CHECK_EQ(0, lseek(fd, 0, SEEK_END));
	CHECK(fcntl(fd, F_GETFL) & O_APPEND, "flags 0x%x", fcntl(fd, F_GETFL));
	CHECK_EQ(3, write(fd, "abc", 3));
}

/* Mode and owner are those of the file, not of who makes it again. */
CKPT_CYCLE(mode_and_owner)
{
	int fd = removed(in_memory, 0);
	struct stat st;

	CHECK_SYS(fchown(fd, 1234, 5678));
	CHECK_SYS(fchmod(fd, 0640));
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(S_IFREG | 0640, st.st_mode);
	CHECK_EQ(1234, st.st_uid);
	CHECK_EQ(5678, st.st_gid);
}

/* Holes stay holes to the reader, and the size is kept. */
CKPT_CYCLE(sparse)
{
	const off_t far = 3ll << 30;
	int fd = removed(in_memory, 0);
	struct stat st;
	char c = 1;

	CHECK_EQ(1, pwrite(fd, "a", 1, 5 * PAGE));
	CHECK_EQ(1, pwrite(fd, "b", 1, far));
	CHECK_SYS(ftruncate(fd, far + 12345));
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(far + 12345, st.st_size);
	CHECK(st.st_blocks < 1000, "holes were filled: %lld blocks", (long long)st.st_blocks);
	CHECK_EQ(1, pread(fd, &c, 1, 5 * PAGE));
	CHECK_EQ('a', c);
	CHECK_EQ(1, pread(fd, &c, 1, far));
	CHECK_EQ('b', c);
	CHECK_EQ(1, pread(fd, &c, 1, far - 1));
	CHECK_EQ(0, c);
	CHECK_EQ(1, pread(fd, &c, 1, 100));
	CHECK_EQ(0, c);
}

/* Two opens of one file: own positions and modes, the same content. */
static void two_openers(const char *dir)
{
	char path[64], c;
	int rw, ro;

	snprintf(path, sizeof(path), "%s/ckpt-XXXXXX", dir);
	rw = CHECK_SYS(mkstemp(path));
	ro = CHECK_SYS(open(path, O_RDONLY));
	CHECK_SYS(unlink(path));
	fill(rw, SIZE);
	CHECK_EQ(9, lseek(ro, 9, SEEK_SET));
	ckpt_ready_wait();
	CHECK_EQ(9, lseek(ro, 0, SEEK_CUR));
	CHECK_EQ(0, lseek(rw, 0, SEEK_CUR));
	verify(ro, SIZE);
	CHECK_EQ(1, pwrite(rw, "N", 1, 9));
	CHECK_EQ(1, read(ro, &c, 1));
	CHECK_EQ('N', c);
	CHECK(write(ro, "x", 1) == -1 && errno == EBADF, "the reader can write");
}

CKPT_CYCLE(two_openers_in_memory)
{
	two_openers(in_memory);
}

CKPT_CYCLE(two_openers_on_disk)
{
	two_openers(on_disk);
}

/* Nobody has it open any more for its contents. */
static void by_path_only(const char *dir)
{
	char path[64];
	struct stat st;
	int rw, fd;

	snprintf(path, sizeof(path), "%s/ckpt-XXXXXX", dir);
	rw = CHECK_SYS(mkstemp(path));
	fill(rw, SIZE);
	fd = CHECK_SYS(open(path, O_PATH | O_NOFOLLOW));
	CHECK_SYS(unlink(path));
	CHECK_SYS(close(rw));
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(0, st.st_nlink);
	CHECK_EQ(SIZE, st.st_size);
	CHECK_EQ(O_PATH | O_NOFOLLOW, fcntl(fd, F_GETFL) & (O_PATH | O_NOFOLLOW | O_ACCMODE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rw = CHECK_SYS(open(path, O_RDWR));
	verify(rw, SIZE);
}

CKPT_CYCLE(path_of_removed_in_memory)
{
	by_path_only(in_memory);
}

CKPT_CYCLE(path_of_removed_on_disk)
{
	by_path_only(on_disk);
}

static int opener;

static int other_process(void *arg)
{
	char path[64], c;
	int fd = opener;

	if (arg) {
		/* An open file of our own, of the parent's inode. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", opener);
		fd = CHECK_SYS(open(path, O_RDWR));
		CHECK_SYS(close(opener));
	}
	ckpt_step(0);
	ckpt_wait_go();
	verify(fd, SIZE);
	CHECK_EQ(1, pwrite(fd, "K", 1, 100));
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	CHECK_EQ(1, pread(fd, &c, 1, 200));
	CHECK_EQ('P', c);
	return 51;
}

static void two_processes(bool own_open)
{
	pid_t kid;
	char c;

	opener = removed(in_memory, 0);
	fill(opener, SIZE);
	kid = ckpt_fork(other_process, own_open ? &kid : NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_step_wait(1, 1);
	CHECK_EQ(1, pread(opener, &c, 1, 100));
	CHECK_EQ('K', c);
	CHECK_EQ(1, pwrite(opener, "P", 1, 200));
	ckpt_step(2);
	ckpt_wait_exit(kid, 51);
}

CKPT_CYCLE(inherited)
{
	two_processes(false);
}

CKPT_CYCLE(opened_by_two_processes)
{
	two_processes(true);
}

/* ---- mapped ---------------------------------------------------------- */

static void mapped(const char *dir, int prot, bool keep_open)
{
	int fd = removed(dir, 0);
	unsigned char *shared, *private;
	unsigned int i;

	fill(fd, SIZE);
	shared = mmap(NULL, SIZE, prot, MAP_SHARED, fd, 0);
	private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED, "mmap: %s", strerror(errno));
	private[2 * PAGE] = 'p';
	if (!keep_open)
		CHECK_SYS(close(fd));
	ckpt_ready_wait();
	for (i = 0; i < SIZE; i++) {
		CHECK_EQ(at(i), shared[i]);
		CHECK_EQ(i == 2 * PAGE ? 'p' : at(i), private[i]);
	}
	if (keep_open) {
		verify(fd, SIZE);
		CHECK_EQ(1, pwrite(fd, "F", 1, PAGE));
		CHECK_EQ('F', shared[PAGE]);
		/* Never written to here: it shows what the file has. */
		CHECK_EQ('F', private[PAGE]);
	}
	if (prot & PROT_WRITE) {
		shared[3] = 'S';
		if (keep_open) {
			CHECK_EQ(1, pread(fd, private, 1, 3));
			CHECK_EQ('S', private[0]);
		}
	}
}

CKPT_CYCLE(mapped_in_memory)
{
	mapped(in_memory, PROT_READ | PROT_WRITE, true);
}

CKPT_CYCLE(mapped_and_closed)
{
	mapped(in_memory, PROT_READ | PROT_WRITE, false);
}

CKPT_CYCLE(mapped_for_reading)
{
	mapped(in_memory, PROT_READ, false);
}

CKPT_CYCLE(mapped_on_disk)
{
	mapped(on_disk, PROT_READ | PROT_WRITE, true);
}

/*
 * What Python's multiprocessing does: a named semaphore in /dev/shm, mapped,
 * closed and removed, that parent and child work with.
 */
static sem_t *semaphore;

static int sem_child(void *arg)
{
	ckpt_step(0);
	CHECK_SYS(sem_wait(semaphore));
	ckpt_step(1);
	CHECK_SYS(sem_post(semaphore));
	return 52;
}

CKPT_CYCLE(posix_semaphore, .blocked = { BLOCKED(__NR_futex), BLOCKED(__NR_futex) })
{
	char name[64];
	pid_t kid;
	int value;

	snprintf(name, sizeof(name), "/ckpt-sem-%d", getpid());
	sem_unlink(name);
	semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	CHECK(semaphore != SEM_FAILED, "sem_open: %s", strerror(errno));
	CHECK_SYS(sem_unlink(name));
	kid = ckpt_fork(sem_child, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, board->step[1]);
	CHECK_SYS(sem_post(semaphore));
	ckpt_wait_exit(kid, 52);
	CHECK_EQ(1, board->step[1]);
	CHECK_SYS(sem_getvalue(semaphore, &value));
	CHECK_EQ(1, value);
}

static void mode_and_times(int fd)
{
	const struct timespec times[2] = { { 1000000000, 500000001 }, { -77, 123456789 } };
	struct stat before, after;

	fill(fd, SIZE);
	CHECK_SYS(fchmod(fd, 06751));
	CHECK_SYS(futimens(fd, times));
	CHECK_SYS(fstat(fd, &before));
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd, &after));
	CHECK_EQ(before.st_mode, after.st_mode);
	CHECK_EQ(before.st_atim.tv_sec, after.st_atim.tv_sec);
	CHECK_EQ(before.st_atim.tv_nsec, after.st_atim.tv_nsec);
	CHECK_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	CHECK_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	verify(fd, SIZE);
}

CKPT_CYCLE(mode_and_times_in_memory)
{
	mode_and_times(removed(in_memory, 0));
}

CKPT_CYCLE(mode_and_times_on_disk)
{
	mode_and_times(removed(on_disk, 0));
}

/* Gives @fd a name for a moment; the error if that is not possible. */
static int name_it(int fd, const char *dir)
{
	char from[64], to[64];
	int err = 0;

	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	snprintf(to, sizeof(to), "%s/ckpt-named-%d", dir, getpid());
	if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW))
		err = errno;
	else
		CHECK_SYS(unlink(to));
	return err;
}

/* What was made without a name can be given one, what was removed can't. */
CKPT_CYCLE(may_be_named)
{
	int gone = removed(in_memory, 0);
	int nameless = CHECK_SYS(open(in_memory, O_TMPFILE | O_RDWR, 0600));
	int never = CHECK_SYS(open(in_memory, O_TMPFILE | O_RDWR | O_EXCL, 0600));

	ckpt_ready_wait();
	CHECK_EQ(ENOENT, name_it(gone, in_memory));
	CHECK_EQ(ENOENT, name_it(never, in_memory));
	CHECK_EQ(0, name_it(nameless, in_memory));
}

/* ---- extended attributes -------------------------------------------------- */

/* As of setcap(8): CAP_NET_RAW, permitted and effective. */
static const struct vfs_cap_data capability = {
	.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
	.data[0].permitted = 1 << CAP_NET_RAW,
};

/* An access control list: the owner and user 4711 may read and write, all others read. */
static const struct {
	uint32_t version;
	struct { uint16_t tag, perm; uint32_t id; } entry[5];
} acl = { 2, {
	{ 0x01, 6, -1 }, { 0x02, 6, 4711 }, { 0x04, 4, -1 }, { 0x10, 6, -1 }, { 0x20, 4, -1 },
} };

static void has_attribute(int fd, const char *name, const void *value, ssize_t size)
{
	char buf[4096];

	CHECK_EQ(size, fgetxattr(fd, name, buf, sizeof(buf)));
	CHECK(!memcmp(value, buf, size), "%s has another value", name);
}

/* One that the filesystem has not enough room for is left out. */
static void attributes(int fd)
{
	static char large[3000];
	bool large_too;
	struct stat st;

	memset(large, 'l', sizeof(large));
	fill(fd, SIZE);
	CHECK_SYS(fchmod(fd, 0664));
	if (fsetxattr(fd, "system.posix_acl_access", &acl, sizeof(acl), 0)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		ckpt_not_here();
	}
	CHECK_SYS(fsetxattr(fd, "user.ckpt", "value", 5, 0));
	CHECK_SYS(fsetxattr(fd, "user.empty", "", 0, 0));
	CHECK_SYS(fsetxattr(fd, "security.capability", &capability, sizeof(capability), 0));
	large_too = !fsetxattr(fd, "user.large", large, sizeof(large), 0);
	CHECK(large_too || errno == ENOSPC, "%s", strerror(errno));
	ckpt_ready_wait();
	has_attribute(fd, "system.posix_acl_access", &acl, sizeof(acl));
	has_attribute(fd, "user.ckpt", "value", 5);
	has_attribute(fd, "user.empty", "", 0);
	has_attribute(fd, "security.capability", &capability, sizeof(capability));
	if (large_too)
		has_attribute(fd, "user.large", large, sizeof(large));
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(S_IFREG | 0664, st.st_mode);
	CHECK_EQ(-1, fgetxattr(fd, "user.other", NULL, 0));
	verify(fd, SIZE);
}

CKPT_CYCLE(one_attribute)
{
	int fd = removed(on_disk, 0);

	CHECK_SYS(fsetxattr(fd, "user.ckpt", "value", 5, 0));
	ckpt_ready_wait();
	has_attribute(fd, "user.ckpt", "value", 5);
}

CKPT_CYCLE(attributes_in_memory)
{
	attributes(removed(in_memory, 0));
}

CKPT_CYCLE(attributes_on_disk)
{
	attributes(removed(on_disk, 0));
}

/* What is made again in a directory with a default ACL does not inherit that. */
CKPT_CYCLE(no_inherited_acl)
{
	char dir[320], moved[330];
	struct stat st;
	int fds[2], i;

	ckpt_path(dir, sizeof(dir), "acl");
	CHECK(!mkdir(dir, 0700) || errno == EEXIST, "%s: %s", dir, strerror(errno));
	if (setxattr(dir, "system.posix_acl_default", &acl, sizeof(acl), 0)) {
		CHECK_EQ(EOPNOTSUPP, errno);
		ckpt_not_here();
	}
	fds[0] = CHECK_SYS(open(dir, O_TMPFILE | O_RDWR, 0600));
	snprintf(moved, sizeof(moved), "%s/file", dir);
	fds[1] = CHECK_SYS(open(moved, O_CREAT | O_EXCL | O_RDWR, 0600));
	CHECK_SYS(unlink(moved));
	for (i = 0; i < 2; i++) {
		/* Both have inherited it. */
		CHECK_SYS(fremovexattr(fds[i], "system.posix_acl_access"));
		fill(fds[i], SIZE);
		CHECK_SYS(fchmod(fds[i], 06751));
	}
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		CHECK_EQ(-1, fgetxattr(fds[i], "system.posix_acl_access", NULL, 0));
		CHECK_SYS(fstat(fds[i], &st));
		CHECK_EQ(S_IFREG | 06751, st.st_mode);
		verify(fds[i], SIZE);
	}
}

CKPT_CYCLE(attributes_of_a_memfd)
{
	attributes(CHECK_SYS(memfd_create("attributes", 0)));
}

TEST_HARNESS_MAIN
