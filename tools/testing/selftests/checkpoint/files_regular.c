// SPDX-License-Identifier: GPL-2.0
/* Regular files and directories: flags, positions, what is written where. */
#include "fault.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

CKPT_FIXTURE

static int make(const char *name, int flags)
{
	char path[320];

	return CHECK_SYS(open(ckpt_path(path, sizeof(path), name), flags | O_CREAT, 0600));
}

/* Flags that stay with an open file, beside the access mode. */
static const int kept[] = {
	O_RDONLY, O_WRONLY, O_RDWR,
	O_RDWR | O_APPEND, O_WRONLY | O_APPEND, O_RDONLY | O_NONBLOCK, O_RDWR | O_NONBLOCK,
	O_RDWR | O_SYNC, O_RDWR | O_DSYNC, O_RDONLY | O_NOATIME, O_RDONLY | O_NOFOLLOW,
	O_WRONLY | O_APPEND | O_NONBLOCK | O_NOATIME,
};

#define KEPT	((int)ARRAY_SIZE(kept))

CKPT_CYCLE(status_flags)
{
	char path[320], c;
	int before[KEPT], fd[KEPT], i;

	CHECK_EQ(5, write(make("flags", O_WRONLY), "hello", 5));
	ckpt_path(path, sizeof(path), "flags");
	for (i = 0; i < KEPT; i++) {
		fd[i] = CHECK_SYS(open(path, kept[i]));
		before[i] = CHECK_SYS(fcntl(fd[i], F_GETFL));
		CHECK_EQ(kept[i], before[i] & kept[i]);
	}
	ckpt_ready_wait();
	for (i = 0; i < KEPT; i++) {
		CHECK_EQ(before[i], fcntl(fd[i], F_GETFL));
		switch (kept[i] & O_ACCMODE) {
		case O_RDONLY:
			CHECK(write(fd[i], "x", 1) == -1 && errno == EBADF, "open %d", i);
			CHECK_EQ(1, pread(fd[i], &c, 1, 0));
			break;
		case O_WRONLY:
			CHECK(read(fd[i], &c, 1) == -1 && errno == EBADF, "open %d", i);
			CHECK_EQ(1, pwrite(fd[i], "h", 1, 0));
			break;
		default:
			CHECK_EQ(1, pread(fd[i], &c, 1, 0));
			CHECK_EQ(1, pwrite(fd[i], "h", 1, 0));
		}
	}
}

CKPT_CYCLE(flags_set_later)
{
	int fd = make("later", O_RDWR | O_APPEND);

	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	ckpt_ready_wait();
	CHECK_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND));
	CHECK_EQ(3, write(fd, "abc", 3));
	CHECK_EQ(0, lseek(fd, 0, SEEK_SET));
	CHECK_EQ(1, write(fd, "X", 1));
	CHECK_EQ(1, lseek(fd, 0, SEEK_CUR));
}

CKPT_CYCLE(path_only)
{
	char path[320], link[64];
	struct stat st, seen;
	int fd, dir;
	char c;

	CHECK_EQ(1, write(make("path", O_WRONLY), "p", 1));
	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "path"), O_PATH));
	dir = CHECK_SYS(open("/dev", O_PATH | O_DIRECTORY));
	CHECK_SYS(stat(path, &st));
	ckpt_ready_wait();
	CHECK(read(fd, &c, 1) == -1 && errno == EBADF, "O_PATH became readable");
	CHECK(fcntl(fd, F_GETFL) & O_PATH, "flags 0x%x", fcntl(fd, F_GETFL));
	CHECK_SYS(fstat(fd, &seen));
	CHECK_EQ(st.st_ino, seen.st_ino);
	CHECK_SYS(faccessat(dir, "null", R_OK, 0));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CHECK_EQ(1, pread(CHECK_SYS(open(link, O_RDONLY)), &c, 1, 0));
	CHECK_EQ('p', c);
}

CKPT_CYCLE(positions)
{
	static const off_t at[] = { 0, 1, 4095, 4096, 100000, 99999999999ll };
	int fd[6], i;
	char path[320];

	CHECK_EQ(11, write(make("pos", O_WRONLY), "hello world", 11));
	for (i = 0; i < 6; i++) {
		fd[i] = CHECK_SYS(open(ckpt_path(path, sizeof(path), "pos"), O_RDWR));
		CHECK_EQ(at[i], lseek(fd[i], at[i], SEEK_SET));
	}
	ckpt_ready_wait();
	for (i = 0; i < 6; i++)
		CHECK_EQ(at[i], lseek(fd[i], 0, SEEK_CUR));
	CHECK_EQ(11, lseek(fd[0], 0, SEEK_END));
}

/* A log that is written on: nothing is lost, nothing stands there twice. */
CKPT_CYCLE(append_log)
{
	char path[320], want[4096] = "", seen[4096], line[32];
	int log = make("log", O_WRONLY | O_APPEND);
	int plain = make("plain", O_WRONLY);
	int i;

	for (i = 0; i < 100; i++) {
		if (i == 60)
			ckpt_ready_wait();
		snprintf(line, sizeof(line), "line %d\n", i);
		CHECK_EQ((ssize_t)strlen(line), write(log, line, strlen(line)));
		CHECK_EQ((ssize_t)strlen(line), write(plain, line, strlen(line)));
		strcat(want, line);
	}
	CHECK_STREQ(want, ckpt_read_file(ckpt_path(path, sizeof(path), "log"), seen, sizeof(seen)));
	CHECK_STREQ(want, ckpt_read_file(ckpt_path(path, sizeof(path), "plain"), seen, sizeof(seen)));
}

/* Half read before, the other half after. */
CKPT_CYCLE(read_on)
{
	enum { SIZE = 100000 };
	static unsigned char buf[SIZE];
	int fd = make("read", O_RDWR);
	int i, n, got = 0;

	for (i = 0; i < SIZE; i++)
		buf[i] = i * 7 % 251;
	CHECK_EQ(SIZE, write(fd, buf, SIZE));
	CHECK_SYS(lseek(fd, 0, SEEK_SET));
	CHECK_EQ(SIZE / 2 + 1, read(fd, buf, SIZE / 2 + 1));
	memset(buf, 0, sizeof(buf));
	ckpt_ready_wait();
	while ((n = CHECK_SYS(read(fd, buf + got, SIZE - got))) > 0)
		got += n;
	CHECK_EQ(SIZE / 2 - 1, got);
	for (i = 0; i < got; i++)
		CHECK_EQ((i + SIZE / 2 + 1) * 7 % 251, buf[i]);
}

/* Names with what a shell or a line of text would stumble over. */
CKPT_CYCLE(strange_names)
{
	static const char * const name[] = {
		"with space", "new\nline", "\xff\xfe", "quote\"'", "\xc3\xa4", "back\\slash", "(deleted)",
	};
	const int count = ARRAY_SIZE(name);
	int fd[8], i;
	char c;

	for (i = 0; i < count; i++) {
		fd[i] = make(name[i], O_RDWR);
		c = 'a' + i;
		CHECK_EQ(1, write(fd[i], &c, 1));
	}
	ckpt_ready_wait();
	for (i = 0; i < count; i++) {
		CHECK_EQ(1, pread(fd[i], &c, 1, 0));
		CHECK_EQ('a' + i, c);
	}
}

/* Opened through a symbolic link that points elsewhere afterwards. */
CKPT_CYCLE(through_link)
{
	char link[320], path[320], c;
	int fd;

	CHECK_EQ(1, write(make("target", O_WRONLY), "t", 1));
	ckpt_path(link, sizeof(link), "link");
	CHECK_SYS(symlink(ckpt_path(path, sizeof(path), "target"), link));
	fd = CHECK_SYS(open(link, O_RDWR));
	CHECK_SYS(unlink(link));
	CHECK_SYS(symlink("/dev/null", link));
	ckpt_ready_wait();
	CHECK_EQ(1, read(fd, &c, 1));
	CHECK_EQ('t', c);
}

/* Opened, then moved. */
CKPT_CYCLE(renamed)
{
	char old[320], new[320], c;
	int fd = make("old", O_RDWR);

	CHECK_EQ(1, write(fd, "r", 1));
	CHECK_SYS(rename(ckpt_path(old, sizeof(old), "old"), ckpt_path(new, sizeof(new), "new")));
	ckpt_ready_wait();
	CHECK_EQ(1, pread(fd, &c, 1, 0));
	CHECK_EQ('r', c);
	CHECK_EQ(1, lseek(fd, 0, SEEK_CUR));
}

/* ---- directories ----------------------------------------------------- */

static unsigned int sum_of(const char *name)
{
	unsigned int sum = 5381;

	while (*name)
		sum = sum * 33 + (unsigned char)*name++;
	return sum;
}

struct listing {
	unsigned int count;
	unsigned int sum;
};

/* Reads on in @fd, a few entries at once, at most @max calls. */
static struct listing list(int fd, int max)
{
	struct listing l = { 0 };
	char buf[512];
	long n, at;

	while (max-- && (n = CHECK_SYS(syscall(__NR_getdents64, fd, buf, sizeof(buf)))) > 0) {
		for (at = 0; at < n; ) {
			struct dirent64 *d = (void *)(buf + at);

			l.count++;
			l.sum += sum_of(d->d_name);
			at += d->d_reclen;
		}
	}
	return l;
}

static void directory(const char *path)
{
	int fd = CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY));
	struct listing all = list(fd, -1);
	struct listing head, tail;

	CHECK_SYS(lseek(fd, 0, SEEK_SET));
	head = list(fd, 2);
	CHECK(head.count && head.count < all.count, "%s is too small", path);
	ckpt_ready_wait();
	CHECK(fcntl(fd, F_GETFL) & O_DIRECTORY, "flags 0x%x", fcntl(fd, F_GETFL));
	tail = list(fd, -1);
	CHECK_EQ(all.count, head.count + tail.count);
	CHECK_EQ(all.sum, head.sum + tail.sum);
	CHECK_SYS(faccessat(fd, ".", R_OK, 0));
}

/* On disk, with positions that are hashes. */
CKPT_CYCLE(directory_on_disk)
{
	directory("/usr/bin");
}

/* In memory, with positions that count. */
CKPT_CYCLE(directory_in_memory)
{
	char path[320];
	int i;

	ckpt_path(path, sizeof(path), "entries");
	for (i = 0; i < 60; i++) {
		snprintf(path + strlen(path) - (i ? 3 : 0), 4, "%03d", i);
		CHECK_SYS(mkdir(path, 0700));
	}
	*strrchr(path, '/') = 0;
	directory(path);
}

/* Half read, then from the start again. */
CKPT_CYCLE(directory_rewound)
{
	int fd = CHECK_SYS(open("/usr/bin", O_RDONLY | O_DIRECTORY));
	struct listing all = list(fd, -1), again;

	CHECK_SYS(lseek(fd, 0, SEEK_SET));
	list(fd, 2);
	ckpt_ready_wait();
	CHECK_SYS(lseek(fd, 0, SEEK_SET));
	again = list(fd, -1);
	CHECK_EQ(all.count, again.count);
	CHECK_EQ(all.sum, again.sum);
}

/* Its end was reached: it stays there. */
CKPT_CYCLE(directory_at_end)
{
	int fd = CHECK_SYS(open("/usr", O_RDONLY | O_DIRECTORY));
	struct listing all = list(fd, -1), again;

	CHECK(all.count > 2, "/usr is empty");
	ckpt_ready_wait();
	again = list(fd, -1);
	CHECK_EQ(0, again.count);
	CHECK_SYS(lseek(fd, 0, SEEK_SET));
	again = list(fd, -1);
	CHECK_EQ(all.sum, again.sum);
}

/* ---- advice: nobody but the kernel and the image can tell ------------- */

#define OPEN_FILE	IMAGE_KIND_FILE
#define FLAGS		IMAGE_AT(file, flags)
#define RANDOM		(1 << 12)
#define SEQUENTIAL	(1 << 13)
#define NOREUSE		(1 << 14)

CKPT_SCENARIO(advised)
{
	static const int advice[] = {
		POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL, POSIX_FADV_NOREUSE, POSIX_FADV_NORMAL,
	};
	char path[] = "/var/tmp/ckpt-advised-XXXXXX";
	int i, fd = CHECK_SYS(mkstemp(path));

	for (i = 0; i < 4; i++) {
		fd = CHECK_SYS(open(path, O_RDONLY));
		CHECK_EQ(0, posix_fadvise(fd, 0, 0, advice[i]));
	}
	CHECK_SYS(unlink(path));
	ckpt_ready_wait();
}

/* How often each advice is in the image: four bits for each. */
static unsigned int advice_in(int fd)
{
	unsigned int sum = 0, flags;
	struct image im;
	size_t at;

	if (image_load(&im, fd))
		return -1;
	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) != OPEN_FILE)
			continue;
		flags = image_get(&im, at + RECORD_LEN + FLAGS, 4);
		sum += (flags & RANDOM ? 1 : 0) + (flags & SEQUENTIAL ? 0x10 : 0) +
		       (flags & NOREUSE ? 0x100 : 0);
	}
	free(im.data);
	return sum;
}

TEST_F_TIMEOUT(cr, advice, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	unsigned int want;

	ASSERT_EQ(0, ckpt_run_init(&run, &advised, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL));
	want = advice_in(first);
	ASSERT_EQ(0, ckpt_run_restart(&run, first, 0));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, 0));
	EXPECT_EQ(want, advice_in(second));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	if (!want)
		SKIP(return, "the filesystem of /var/tmp takes no advice");
	EXPECT_EQ(0x111u, want);
}

#define CREATED_QUERY	(1024 + 4)	/* F_CREATED_QUERY */

/* Whether it was made by being opened stays with the open file. */
CKPT_CYCLE(created)
{
	char path[320];
	int fd, again, unknown;

	unlink(ckpt_path(path, sizeof(path), "made"));
	fd = CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600));
	again = CHECK_SYS(open(path, O_RDWR | O_CREAT, 0600));
	/* Not all kernels have it. */
	unknown = fcntl(fd, CREATED_QUERY) < 0;
	CHECK(unknown || fcntl(fd, CREATED_QUERY) == 1, "it was not made");
	ckpt_ready_wait();
	CHECK_EQ(unknown ? -1 : 1, fcntl(fd, CREATED_QUERY));
	CHECK_EQ(unknown ? -1 : 0, fcntl(again, CREATED_QUERY));
}

TEST_HARNESS_MAIN
