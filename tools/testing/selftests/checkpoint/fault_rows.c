// SPDX-License-Identifier: GPL-2.0
/*
 * Several address spaces that are filled at a time: what the image says about
 * where their contents are may lie, one of them may be damaged, and the caller
 * may be killed meanwhile.  All or nothing, as without.
 */
#include "fault.h"
#include "memory.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define SIZE	(2 * MIB)
#define KIDS	3
/* How often the caller is killed; how often that is tried. */
#define KILLS	4
#define TRIES	200

static struct ckpt_run run;
static struct image im;
static int image = -1;
static int lowest;

static char *big;

/* Pages of each kid are told by their number: those are its own. */
static bool own_page(size_t page, unsigned int nr)
{
	return page % 8 == nr;
}

static int kid(void *arg)
{
	unsigned int nr = (uintptr_t)arg;
	size_t page;

	for (page = 0; page < SIZE / PAGE; page++) {
		if (own_page(page, nr))
			fill(big + page * PAGE, PAGE, nr * 1000000 + page);
	}
	ckpt_step(0);
	ckpt_wait_go();
	for (page = 0; page < SIZE / PAGE; page++)
		check_fill(big + page * PAGE, PAGE,
			   own_page(page, nr) ? nr * 1000000 + page : page * PAGE / 8);
	return 0;
}

/* Address spaces that share pages with the first one, and an inode. */
CKPT_SCENARIO(family)
{
	char *shared = mmap(NULL, MIB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[KIDS];
	uintptr_t i;

	CHECK(shared != MAP_FAILED, "mmap: %s", strerror(errno));
	fill(shared, MIB, 5);
	big = map_anon(SIZE, RW, 0);
	fill(big, SIZE, 0);
	for (i = 0; i < KIDS; i++)
		pid[i] = ckpt_fork(kid, (void *)(i + 1));
	ckpt_step_wait(0, KIDS);
	ckpt_ready_wait();
	check_fill(big, SIZE, 0);
	check_fill(shared, MIB, 5);
	for (i = 0; i < KIDS; i++)
		ckpt_wait_exit(pid[i], 0);
}

FIXTURE(rows) { int unused; };

FIXTURE_SETUP(rows)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &family, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	lowest = lowest_free(&run);
}

FIXTURE_TEARDOWN(rows)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* Offset of the row with this number; 0: there is none. */
static size_t row(unsigned int nr)
{
	size_t at, len;

	for (at = im.meta_end; at < im.trailer && (len = record_len(&im, at)); at += len) {
		if (image_get(&im, at, 2) == ROW && image_get(&im, at + RECORD_LEN + ROW_NUMBER, 4) == nr)
			return at;
	}
	return 0;
}

static int write_image(struct image *bad)
{
	return pwrite(image, bad->data, bad->size, 0) == (ssize_t)bad->size &&
	       !ftruncate(image, bad->size) ? 0 : -1;
}

/* What is in @bad must be refused, for the reason @why, and leave nothing behind. */
static int refused(struct image *bad, const char *why)
{
	long pid;

	if (write_image(bad))
		return -1;
	pid = image_restart(&run, image);
	if (pid != -1 || errno != EINVAL || !ckpt_run_log_has(&run, why)) {
		ckpt_diag("%s: restart(2) gave %ld, errno %d", why, pid, errno);
		ckpt_run_print_log(&run);
		return -1;
	}
	return nothing_left(&run, lowest);
}

static struct image copy(void)
{
	struct image bad = im;

	bad.data = malloc(im.size);
	memcpy(bad.data, im.data, im.size);
	return bad;
}

static unsigned int threads(pid_t pid)
{
	unsigned int n = 0;
	char path[64];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		n += d->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static void *feed(void *arg)
{
	int fd = *(int *)arg;
	size_t done = 0;
	ssize_t n = 1;

	for (; done < im.size && n > 0; done += n)
		n = write(fd, im.data + done, im.size - done);
	close(fd);
	return NULL;
}

/* A file and a pipe give the same; the threads that help are gone. */
TEST_F_TIMEOUT(rows, file_and_pipe, CKPT_TIMEOUT)
{
	pthread_t feeder;
	int fd[2];

	ASSERT_LT(3u, im.size / SIZE + KIDS);
	ASSERT_NE(0u, row(KIDS + 1)) TH_LOG("no row for each of them");
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ASSERT_EQ(1u, threads(getpid()));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));

	ASSERT_EQ(0, pipe2(fd, O_CLOEXEC));
	ASSERT_EQ(0, pthread_create(&feeder, NULL, feed, &fd[1]));
	ASSERT_EQ(0, ckpt_run_restart(&run, fd[0], 0));
	ASSERT_EQ(0, pthread_join(feeder, NULL));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

static void seal(struct image *bad, size_t at)
{
	size_t body = at + RECORD_LEN;

	image_put32(bad, body + ROW_CRC, ~crc32c(~0u, bad->data + body, ROW_CRC));
}

/* Rows that lie, each with the right checksum. */
TEST_F_TIMEOUT(rows, lies, CKPT_TIMEOUT)
{
	static const unsigned int fields[] = { ROW_OBJ, ROW_NUMBER, ROW_AT, ROW_EXTENTS };
	struct image bad = copy();
	unsigned int nr, f;
	size_t at, body;

	for (nr = 0; (at = row(nr)); nr++) {
		body = at + RECORD_LEN;
		for (f = 0; f < sizeof(fields) / sizeof(*fields); f++) {
			uint32_t old = image_get(&im, body + fields[f], 4);
			/* What is found elsewhere need not look like an extent. */
			const char *why = fields[f] == ROW_AT ? "at offset" : "row of extents";

			memcpy(bad.data, im.data, im.size);
			image_put32(&bad, body + fields[f], old + 8);
			seal(&bad, at);
			ASSERT_EQ(0, refused(&bad, why));
			image_put32(&bad, body + fields[f], 0xfffffff8);
			seal(&bad, at);
			ASSERT_EQ(0, refused(&bad, why));
		}
		if (!nr)
			continue;
		/* The object of the one before: two threads would fill it. */
		memcpy(bad.data, im.data, im.size);
		memcpy(bad.data + body + ROW_OBJ,
		       im.data + row(nr - 1) + RECORD_LEN + ROW_OBJ, 4);
		seal(&bad, at);
		ASSERT_EQ(0, refused(&bad, ""));
	}
	ASSERT_LT(1u + KIDS, nr);
	free(bad.data);
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* An image that was written before there were rows. */
TEST_F_TIMEOUT(rows, none, CKPT_TIMEOUT)
{
	struct image old = copy();
	size_t first = row(0), len = im.trailer - RECORD_LEN - first;
	uint64_t n;

	ASSERT_NE(0u, first);
	memmove(old.data + first, old.data + first + len, im.size - first - len);
	old.size -= len;
	old.trailer -= len;
	n = htole64(old.size);
	memcpy(old.data + old.trailer + TRAILER_TOTAL, &n, sizeof(n));
	image_fix(&old);
	ASSERT_EQ(0, image_works(&run, &old, image));
	free(old.data);
}

/* One of them can't be read: none of the others comes back. */
TEST_F_TIMEOUT(rows, one_is_damaged, CKPT_TIMEOUT)
{
	struct image bad = copy();
	size_t at, len, last = 0, shared = 0;

	for (at = im.meta_end; at < im.trailer && (len = record_len(&im, at)); at += len) {
		if (image_get(&im, at, 2) == EXTENT)
			last = at;
		if (image_get(&im, at, 2) == SHARED)
			shared = at;
	}
	ASSERT_NE(0u, last);
	ASSERT_NE(0u, shared);
	bad.data[last + RECORD_LEN + sizeof(struct image_extent)] ^= 1;
	ASSERT_EQ(0, refused(&bad, "checksum of the pages is wrong"));
	/* What is shared is not where it is said to be. */
	memcpy(bad.data, im.data, im.size);
	image_put32(&bad, shared + RECORD_LEN + IMAGE_AT(shared, from), CKPT_PAGE);
	image_put32(&bad, shared + RECORD_LEN + SHARED_CRC,
		    ~crc32c(~0u, bad.data + shared + RECORD_LEN, SHARED_CRC));
	image_fix(&bad);
	ASSERT_EQ(0, refused(&bad, "its contents have not come before"));
	free(bad.data);
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* The caller is killed while threads help it: nothing is left. */
TEST_F_TIMEOUT(rows, killed, CKPT_TIMEOUT)
{
	unsigned int kills = 0, tries;

	for (tries = 0; tries < TRIES && kills < KILLS; tries++) {
		siginfo_t info = { .si_pid = 0 };
		unsigned int helped = 0;
		int status = 0;
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			_exit(image_restart(&run, image) > 0 ? 0 : 1);
		while (!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid &&
		       helped < 2)
			helped = threads(pid);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, __WALL));
		if (WIFSIGNALED(status))
			kills += helped > 1;
		/* Too late: it has brought them back. */
		else
			ckpt_run_kill(&run);
		ASSERT_EQ(0, ckpt_cgroup_wait_empty(&run.cg));
	}
	ASSERT_EQ(KILLS, kills);
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_HARNESS_MAIN
