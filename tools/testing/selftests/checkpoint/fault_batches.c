// SPDX-License-Identifier: GPL-2.0
/*
 * Several batches of memory that are filled at a time: what the image says about
 * them may lie, one of them may be damaged, and the caller may be killed
 * meanwhile.  All or nothing, as without.
 */
#include "fault.h"
#include "memory.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* Pages of a batch, and of the memory that is shared by all. */
#define BATCH_LEN	(1024 * PAGE < 16 * MIB ? 1024 * PAGE : 16 * MIB)
#define SIZE	(2 * BATCH_LEN)
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

FIXTURE(batches) { int unused; };

FIXTURE_SETUP(batches)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &family, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	lowest = lowest_free(&run);
}

FIXTURE_TEARDOWN(batches)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* Offset of the @nr-th record of @kind after the metadata; 0: there is none. */
static size_t record(unsigned int kind, unsigned int nr)
{
	size_t at, len;

	for (at = im.rest; at < im.trailer && (len = record_len(&im, at)); at += len) {
		if (image_get(&im, at, 2) == kind && !nr--)
			return at;
	}
	return 0;
}

/* Number of objects in the index. */
static unsigned int objects(void)
{
	size_t index = record(INDEX, 0), at, end;
	unsigned int n = 0;
	uint64_t last = 0;

	if (!index)
		return 0;
	end = image_payload(&im, index) + image_payload_len(&im, index);
	for (at = image_payload(&im, index); at < end; at += ENTRY_LEN) {
		n += image_get(&im, at, 4) != last;
		last = image_get(&im, at, 4);
	}
	return n;
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
TEST_F_TIMEOUT(batches, file_and_pipe, CKPT_TIMEOUT)
{
	pthread_t feeder;
	int fd[2];

	ASSERT_LE(KIDS + 2u, objects());
	ASSERT_NE(0u, record(IMAGE_KIND_BATCH, 1));
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

/* It must be refused with @n in the @bytes at @at of the record at @block, with the right checksum. */
static int refused_with(struct image *bad, size_t block, size_t at, uint64_t n, int bytes)
{
	bool is_batch = image_get(&im, block, 2) == IMAGE_KIND_BATCH;

	memcpy(bad->data, im.data, im.size);
	if (bytes == 8)
		image_put64(bad, at, n);
	else
		image_put32(bad, at, n);
	image_seal(bad, block, is_batch ? IMAGE_AT(batch, sum) : IMAGE_AT(index, sum));
	return refused(bad, is_batch ? "at offset" : "index");
}

/* Batches that lie, each with the right checksum. */
TEST_F_TIMEOUT(batches, lies, CKPT_TIMEOUT)
{
	static const unsigned int fields[] = {
		IMAGE_AT(batch, number), IMAGE_AT(batch, extents), IMAGE_AT(batch, pages),
		IMAGE_AT(batch, tagged), IMAGE_AT(batch, at),
	};
	static const unsigned int of_extent[] = {
		IMAGE_AT(extent, obj), IMAGE_AT(extent, kind), IMAGE_AT(extent, addr),
		IMAGE_AT(extent, pages), IMAGE_AT(extent, source),
	};
	struct image bad = copy();
	unsigned int nr, f;
	size_t at, place;

	for (nr = 0; (at = record(IMAGE_KIND_BATCH, nr)); nr++) {
		for (f = 0; f < sizeof(fields) / sizeof(*fields); f++) {
			place = at + RECORD_LEN + fields[f];
			ASSERT_EQ(0, refused_with(&bad, at, place, image_get(&im, place, 4) + 8, 4));
			ASSERT_EQ(0, refused_with(&bad, at, place, 0xfffffff8, 4));
		}
		for (f = 0; f < sizeof(of_extent) / sizeof(*of_extent); f++) {
			place = image_payload(&im, at) + of_extent[f];
			ASSERT_EQ(0, refused_with(&bad, at, place, image_get(&im, place, 4) + 8, 4));
			ASSERT_EQ(0, refused_with(&bad, at, place, 0xfffffff8, 4));
		}
	}
	ASSERT_LT(1u, nr);
	free(bad.data);
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* An index that lies; and none, which a reader may do without. */
TEST_F_TIMEOUT(batches, index_lies, CKPT_TIMEOUT)
{
	size_t index = record(INDEX, 0), len = im.trailer - RECORD_LEN - index;
	struct image bad = copy();
	size_t at, end, word;

	ASSERT_NE(0u, index);
	end = image_payload(&im, index) + image_payload_len(&im, index);
	for (at = image_payload(&im, index); at < end; at += ENTRY_LEN) {
		for (word = 0; word < ENTRY_LEN; word += 8) {
			uint64_t old = image_get(&im, at + word, 8);

			ASSERT_EQ(0, refused_with(&bad, index, at + word, old + 8, 8));
			ASSERT_EQ(0, refused_with(&bad, index, at + word, ~0ull - 7, 8));
		}
	}
	memcpy(bad.data, im.data, im.size);
	memmove(bad.data + index, im.data + im.trailer - RECORD_LEN,
		im.size - im.trailer + RECORD_LEN);
	bad.size -= len;
	bad.trailer -= len;
	image_put32(&bad, bad.trailer + IMAGE_AT(trailer, blocks), 0);
	image_fix(&bad);
	ASSERT_EQ(0, image_works(&run, &bad, image));
	free(bad.data);
}

/* One of them can't be read: none of the others comes back. */
TEST_F_TIMEOUT(batches, one_is_damaged, CKPT_TIMEOUT)
{
	size_t at, extent, end, last = 0, shared = 0, its = 0;
	struct image bad = copy();
	unsigned int nr;

	for (nr = 0; (at = record(IMAGE_KIND_BATCH, nr)); nr++) {
		last = at;
		extent = image_payload(&im, at);
		end = extent + EXTENT_LEN *
		      image_get(&im, at + RECORD_LEN + IMAGE_AT(batch, extents), 4);
		for (; extent < end; extent += EXTENT_LEN) {
			if (image_get(&im, extent + IMAGE_AT(extent, kind), 4) !=
			    IMAGE_EXTENT_SHARED)
				continue;
			shared = extent;
			its = at;
		}
	}
	ASSERT_NE(0u, shared);
	bad.data[batch_pages(&im, last) + batch_pages_len(&im, last) - 1] ^= 1;
	ASSERT_EQ(0, refused(&bad, "checksum of the pages is wrong"));
	/* What is shared is not where it is said to be. */
	memcpy(bad.data, im.data, im.size);
	image_put64(&bad, shared + IMAGE_AT(extent, from), CKPT_PAGE);
	batch_seal(&bad, its);
	ASSERT_EQ(0, refused(&bad, "its contents have not come before"));
	free(bad.data);
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* The caller is killed while threads help it: nothing is left. */
TEST_F_TIMEOUT(batches, killed, CKPT_TIMEOUT)
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
