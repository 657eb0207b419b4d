// SPDX-License-Identifier: GPL-2.0
/*
 * How checkpoint(2) lays out what is in memory: pages at multiples of their size,
 * few bytes besides them, each part with a checksum of its own, and an index that
 * finds them.  And images that need what restart(2) does not do.
 */
#include "fault.h"
#include "memory.h"

/* Memory of which each other page is used, so that each is an extent of its own. */
#define LONELY	(256 * PAGE)
#define MANY	(6 * MIB)

static struct ckpt_run run;
static struct image im;
static int image = -1;
static int lowest;

static int kid(void *arg)
{
	char *own = map_anon(4 * PAGE, RW, 0);

	fill(own, 4 * PAGE, 77);
	ckpt_step(0);
	ckpt_wait_go();
	check_fill(own, 4 * PAGE, 77);
	return 0;
}

/* Two address spaces that share pages, and an inode. */
CKPT_SCENARIO(patterns)
{
	char *lonely = map_anon(LONELY, RW, MAP_NORESERVE);
	char *many = map_anon(MANY, RW, 0);
	char *shared = mmap(NULL, MIB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t at;
	pid_t pid;

	CHECK(shared != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(madvise(lonely, LONELY, MADV_NOHUGEPAGE));
	for (at = 0; at < LONELY; at += 2 * PAGE)
		fill(lonely + at, PAGE, at);
	fill(many, MANY, 3);
	fill(shared, MIB, 5);
	pid = ckpt_fork(kid, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	for (at = 0; at < LONELY; at += 2 * PAGE) {
		check_fill(lonely + at, PAGE, at);
		check_zero(lonely + at + PAGE, PAGE);
	}
	check_fill(many, MANY, 3);
	check_fill(shared, MIB, 5);
	ckpt_wait_exit(pid, 0);
}

FIXTURE(image) { int unused; };

FIXTURE_SETUP(image)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &patterns, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	lowest = lowest_free(&run);
}

FIXTURE_TEARDOWN(image)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* The checksums of the pages of a batch: -1, and a line, if one is wrong. */
static int right_sums(size_t batch)
{
	size_t at = batch_pages(&im, batch), end = at + batch_pages_len(&im, batch);
	size_t extents = image_get(&im, batch + RECORD_LEN + IMAGE_AT(batch, extents), 4);
	size_t sums = image_payload(&im, batch) + extents * EXTENT_LEN;
	size_t chunk = CHUNK_LEN, n;
	uint64_t sum;

	if (chunk < PAGE)
		chunk = PAGE;
	for (; at < end; at = n, sums += 8) {
		sum = 0;
		for (n = at; n < end && n < at + chunk; n += PAGE)
			sum = xxh64(sum, im.data + n, PAGE);
		if (sum != image_get(&im, sums, 8)) {
			ckpt_diag("checksum of the pages at %zu", at);
			return -1;
		}
	}
	return 0;
}

TEST_F_TIMEOUT(image, pages, CKPT_TIMEOUT)
{
	size_t at, unique = 0, single = 0, batches = 0;
	size_t extent, end, zero;

	for (at = im.rest; image_get(&im, at, 2) == IMAGE_KIND_BATCH; at += record_len(&im, at)) {
		size_t first = batch_pages(&im, at);
		size_t body = at + RECORD_LEN;

		batches++;
		ASSERT_EQ(at, image_get(&im, body + IMAGE_AT(batch, at), 8));
		ASSERT_EQ(0u, first % PAGE);
		zero = image_payload(&im, at) + image_payload_len(&im, at);
		for (; zero < first; zero++)
			ASSERT_EQ(0, im.data[zero]);
		extent = image_payload(&im, at);
		end = extent + image_get(&im, body + IMAGE_AT(batch, extents), 4) * EXTENT_LEN;
		for (; extent < end; extent += EXTENT_LEN)
			single += image_get(&im, extent + IMAGE_AT(extent, pages), 4) == 1;
		ASSERT_EQ(0, right_sums(at));
		unique += batch_pages_len(&im, at);
	}
	ASSERT_EQ((uint64_t)INDEX, image_get(&im, at, 2));
	ASSERT_LE(LONELY / PAGE / 2, single);
	/* Those are gathered: the pages tell how many batches there are. */
	ASSERT_GE(unique / (256 * PAGE) + 1, batches);
	ASSERT_LE(MANY, unique);
	ASSERT_GE(unique + unique / 100 + (64 << 10), im.size - im.rest);
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* Each extent is found by an entry, and each entry has one. */
TEST_F_TIMEOUT(image, index, CKPT_TIMEOUT)
{
	size_t index = image_get(&im, im.trailer + IMAGE_AT(trailer, index_at), 8);
	uint64_t last_obj = 0, last_end = 0;
	size_t at, end, entries = 0, found = 0;

	for (at = im.rest; image_get(&im, at, 2) == IMAGE_KIND_BATCH; at += record_len(&im, at)) {
		size_t n = image_get(&im, at + RECORD_LEN + IMAGE_AT(batch, extents), 4);
		uint64_t obj = 0;

		for (end = image_payload(&im, at); n--; end += EXTENT_LEN) {
			found += image_get(&im, end, 4) != obj;
			obj = image_get(&im, end, 4);
		}
	}
	ASSERT_EQ(at, index);
	for (; image_get(&im, index, 2) == INDEX; index += record_len(&im, index)) {
		at = image_payload(&im, index);
		end = at + image_payload_len(&im, index);
		for (; at < end; at += ENTRY_LEN) {
			uint64_t obj = image_get(&im, at + IMAGE_AT(index_entry, obj), 4);
			uint64_t start = image_get(&im, at + IMAGE_AT(index_entry, start), 8);
			size_t batch = image_get(&im, at + IMAGE_AT(index_entry, at), 8);

			ASSERT_LE(last_obj, obj);
			if (obj == last_obj)
				ASSERT_LE(last_end, start);
			last_obj = obj;
			last_end = image_get(&im, at + IMAGE_AT(index_entry, end), 8);
			ASSERT_LT(start, last_end);
			ASSERT_LT(batch, im.size);
			ASSERT_EQ((uint64_t)IMAGE_KIND_BATCH, image_get(&im, batch, 2));
			entries++;
		}
	}
	ASSERT_EQ(found, entries);
	ASSERT_EQ(im.trailer - RECORD_LEN, index);
}

static int refused(const char *why)
{
	long pid;

	image_fix(&im);
	if (pwrite(image, im.data, im.size, 0) != (ssize_t)im.size)
		return -1;
	pid = image_restart(&run, image);
	if (pid != -1 || errno != EINVAL || !ckpt_run_log_has(&run, why)) {
		ckpt_diag("%s: restart(2) gave %ld, errno %d", why, pid, errno);
		ckpt_run_print_log(&run);
		return -1;
	}
	return nothing_left(&run, lowest);
}

/* Images of older versions, and what has a parent: refused by name. */
TEST_F_TIMEOUT(image, others, CKPT_TIMEOUT)
{
	size_t version = IMAGE_AT(header, version), incompat = IMAGE_AT(header, incompat);
	uint32_t current = image_get(&im, version, 4);
	uint32_t n;

	for (n = 1; n < current; n++) {
		image_put32(&im, version, n);
		ASSERT_EQ(0, refused("which is not read any more"));
	}
	image_put32(&im, version, current + 1);
	ASSERT_EQ(0, refused("image of a format version that is not known"));
	image_put32(&im, version, current);
	image_put32(&im, incompat, 2);
	ASSERT_EQ(0, refused("incompatible features"));
	image_put32(&im, incompat, 1);
	ASSERT_EQ(0, refused("parent image that is not named"));
	image_put32(&im, IMAGE_AT(header, generation), 1);
	image_put64(&im, IMAGE_AT(header, parent_id), 7);
	ASSERT_EQ(0, refused("parent image that is not named"));
	image_put64(&im, IMAGE_AT(header, parent_boot), 77);
	ASSERT_EQ(0, refused("since its parent image, which is not supported"));
	/* One that has a parent, and does not need it. */
	image_put32(&im, incompat, 0);
	image_fix(&im);
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_HARNESS_MAIN
