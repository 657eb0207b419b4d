/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of faults have in common: an image in memory, whose parts can be
 * found and whose checksums can be made right again, and the proof that a
 * restart that failed has left nothing behind.
 */
#ifndef CKPT_TEST_FAULT_H
#define CKPT_TEST_FAULT_H

#include "common.h"
#include "format.h"

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>

/* Where fields are in structures of the image. */
#define IMAGE_AT(type, field)	((int)offsetof(struct image_##type, field))

#define HEADER_LEN	((int)sizeof(struct image_header))
#define HEADER_SUM	IMAGE_AT(header, sum)
#define META_LEN	IMAGE_AT(header, meta_len)
#define RECORD_LEN	((int)sizeof(struct image_record_header))
#define META_SUMS	IMAGE_KIND_META_SUMS
#define META_SUMS_LEN	(RECORD_LEN + sizeof(struct image_meta_sums))
#define EXTENT_LEN	sizeof(struct image_extent)
#define INDEX		IMAGE_KIND_INDEX	/* Tells where the extents of an object are. */
#define ENTRY_LEN	sizeof(struct image_index_entry)
#define TRAILER		IMAGE_KIND_TRAILER

/* Bytes of metadata, and of pages, that have a checksum of their own. */
#define SEGMENT_LEN	(1 << 20)
#define CHUNK_LEN	(64 << 10)

struct image {
	unsigned char *data;
	size_t size;
	size_t meta_end;
	size_t rest;			/* What comes after the metadata and its checksums. */
	size_t trailer;			/* Offset of its body. */
};

static inline uint64_t image_get(const struct image *im, size_t at, unsigned int bytes)
{
	uint64_t n = 0;

	memcpy(&n, im->data + at, bytes);
	return le64toh(n);
}

static inline void image_put32(struct image *im, size_t at, uint32_t n)
{
	n = htole32(n);
	memcpy(im->data + at, &n, 4);
}

static inline void image_put64(struct image *im, size_t at, uint64_t n)
{
	n = htole64(n);
	memcpy(im->data + at, &n, 8);
}

#define XXH_1	0x9e3779b185ebca87ull
#define XXH_2	0xc2b2ae3d27d4eb4full
#define XXH_3	0x165667b19e3779f9ull
#define XXH_4	0x85ebca77c2b2ae63ull
#define XXH_5	0x27d4eb2f165667c5ull

static inline uint64_t xxh_rotl(uint64_t n, int by)
{
	return n << by | n >> (64 - by);
}

static inline uint64_t xxh_round(uint64_t acc, uint64_t n)
{
	return xxh_rotl(acc + n * XXH_2, 31) * XXH_1;
}

static inline uint64_t xxh_load(const unsigned char *p, unsigned int bytes)
{
	uint64_t n = 0;

	memcpy(&n, p, bytes);
	return le64toh(n);
}

/* xxh64 of @data with this seed. */
__attribute__((unused))
static uint64_t xxh64(uint64_t seed, const void *data, size_t len)
{
	uint64_t v[4] = { seed + XXH_1 + XXH_2, seed + XXH_2, seed, seed - XXH_1 };
	const unsigned char *p = data, *end = p + len;
	uint64_t h = seed + XXH_5;
	unsigned int i;

	if (len >= 32) {
		for (; end - p >= 32; p += 32) {
			for (i = 0; i < 4; i++)
				v[i] = xxh_round(v[i], xxh_load(p + 8 * i, 8));
		}
		h = xxh_rotl(v[0], 1) + xxh_rotl(v[1], 7) + xxh_rotl(v[2], 12) +
		    xxh_rotl(v[3], 18);
		for (i = 0; i < 4; i++)
			h = (h ^ xxh_round(0, v[i])) * XXH_1 + XXH_4;
	}
	h += len;
	for (; end - p >= 8; p += 8)
		h = xxh_rotl(h ^ xxh_round(0, xxh_load(p, 8)), 27) * XXH_1 + XXH_4;
	if (end - p >= 4) {
		h = xxh_rotl(h ^ xxh_load(p, 4) * XXH_1, 23) * XXH_2 + XXH_3;
		p += 4;
	}
	for (; p < end; p++)
		h = xxh_rotl(h ^ *p * XXH_5, 11) * XXH_1;
	h = (h ^ h >> 33) * XXH_2;
	h = (h ^ h >> 29) * XXH_3;
	return h ^ h >> 32;
}

static inline size_t image_page_size(const struct image *im)
{
	return image_get(im, IMAGE_AT(header, page_size), 4);
}

/* The payload of the record at @at. */
static inline size_t image_payload(const struct image *im, size_t at)
{
	return at + RECORD_LEN + image_get(im, at + IMAGE_AT(record_header, body_len), 4);
}

static inline size_t image_payload_len(const struct image *im, size_t at)
{
	return image_get(im, at + IMAGE_AT(record_header, payload_len), 8);
}

/* Where the pages of the batch at @at are. */
static inline size_t batch_pages(const struct image *im, size_t at)
{
	size_t end = image_payload(im, at) + image_payload_len(im, at);
	size_t page = image_page_size(im);

	return (end + page - 1) / page * page;
}

static inline size_t batch_pages_len(const struct image *im, size_t at)
{
	return image_get(im, at + RECORD_LEN + IMAGE_AT(batch, pages), 4) * image_page_size(im);
}

/* Length of the record at @at, with the pages of a batch; 0 if there is none. */
static inline size_t record_len(const struct image *im, size_t at)
{
	size_t end;

	if (at + RECORD_LEN > im->size)
		return 0;
	end = image_payload(im, at) + ((image_payload_len(im, at) + 7) & ~7ull);
	if (image_get(im, at, 2) == IMAGE_KIND_BATCH)
		end = batch_pages(im, at) + batch_pages_len(im, at);
	return end - at;
}

/* The body of the first record of @kind in the metadata. */
__attribute__((unused)) static size_t image_body(const struct image *im, unsigned int kind)
{
	size_t at = HEADER_LEN;

	while (at < im->meta_end && image_get(im, at, 2) != kind)
		at += record_len(im, at);
	return at + RECORD_LEN;
}

/* Where the first note of registers of this type is, behind its head; 0: there is none. */
__attribute__((unused)) static size_t image_find_note(const struct image *im, uint32_t type)
{
	const size_t head = sizeof(struct image_note);
	size_t rec, at, end;

	for (rec = HEADER_LEN; rec < im->meta_end; rec += record_len(im, rec)) {
		if (image_get(im, rec, 2) != IMAGE_KIND_REGS)
			continue;
		end = rec + record_len(im, rec);
		at = rec + RECORD_LEN + image_get(im, rec + IMAGE_AT(record_header, body_len), 4);
		while (at < end) {
			if (image_get(im, at + IMAGE_AT(note, note_type), 4) == type)
				return at + head;
			at += head + ((image_get(im, at + IMAGE_AT(note, len), 4) + 7) & ~7ull);
		}
	}
	return 0;
}

/* Reads the image in @fd; -1 if it does not look like one. */
__attribute__((unused)) static int image_load(struct image *im, int fd)
{
	struct stat st;
	size_t at, len;

	if (fstat(fd, &st) || st.st_size < HEADER_LEN)
		return -1;
	im->size = st.st_size;
	im->data = malloc(im->size);
	if (pread(fd, im->data, im->size, 0) != (ssize_t)im->size)
		return -1;
	im->meta_end = HEADER_LEN + image_get(im, META_LEN, 8);
	im->rest = im->meta_end + record_len(im, im->meta_end);
	for (at = im->rest; (len = record_len(im, at)); at += len) {
		if (image_get(im, at, 2) == TRAILER) {
			im->trailer = at + RECORD_LEN;
			return at + len == im->size ? 0 : -1;
		}
	}
	ckpt_diag("the image has no trailer");
	return -1;
}

/* Makes the checksum of the record at @at right, which is @sum bytes into its body. */
static inline void image_seal(struct image *im, size_t at, size_t sum)
{
	uint64_t n = xxh64(0, im->data + at + RECORD_LEN, sum);

	if (image_payload_len(im, at))
		n = xxh64(n, im->data + image_payload(im, at), image_payload_len(im, at));
	image_put64(im, at + RECORD_LEN + sum, n);
}

static inline void batch_seal(struct image *im, size_t at)
{
	image_seal(im, at, IMAGE_AT(batch, sum));
}

static inline void index_seal(struct image *im, size_t at)
{
	image_seal(im, at, IMAGE_AT(index, sum));
}

/*
 * Makes all checksums right again, but those of pages, and all offsets, after header or
 * metadata have been changed.
 */
__attribute__((unused)) static void image_fix(struct image *im)
{
	size_t *batches = calloc(im->size / 4096 + 1, sizeof(*batches));
	size_t at, body, entry, sums = image_payload(im, im->meta_end), n = 0, index = 0;
	uint64_t header;

	header = xxh64(0, im->data, HEADER_SUM);
	image_put64(im, HEADER_SUM, header);
	image_put64(im, im->meta_end + RECORD_LEN + IMAGE_AT(meta_sums, header), header);
	for (at = HEADER_LEN; at < im->meta_end; at += SEGMENT_LEN, sums += 8) {
		size_t len = im->meta_end - at;

		image_put64(im, sums, xxh64(0, im->data + at, len < SEGMENT_LEN ? len : SEGMENT_LEN));
	}
	image_seal(im, im->meta_end, IMAGE_AT(meta_sums, sum));
	for (at = im->rest; at + RECORD_LEN < im->trailer; at += record_len(im, at)) {
		body = at + RECORD_LEN;
		if (image_get(im, at, 2) == IMAGE_KIND_BATCH) {
			batches[n++] = at;
			image_put64(im, body + IMAGE_AT(batch, header), header);
			image_put64(im, body + IMAGE_AT(batch, at), at);
			batch_seal(im, at);
			continue;
		}
		if (!index)
			index = at;
		image_put64(im, body + IMAGE_AT(index, header), header);
		image_put64(im, body + IMAGE_AT(index, at), at);
		entry = image_payload(im, at);
		for (; entry < image_payload(im, at) + image_payload_len(im, at); entry += ENTRY_LEN) {
			size_t batch = image_get(im, entry + IMAGE_AT(index_entry, batch), 4);

			if (batch < n)
				image_put64(im, entry + IMAGE_AT(index_entry, at), batches[batch]);
		}
		index_seal(im, at);
	}
	image_put64(im, im->trailer + IMAGE_AT(trailer, total_len), im->size);
	image_put64(im, im->trailer + IMAGE_AT(trailer, index_at), index);
	image_put64(im, im->trailer + IMAGE_AT(trailer, header), header);
	image_seal(im, im->trailer - RECORD_LEN, IMAGE_AT(trailer, sum));
	free(batches);
}

/* Makes of @im an image with these @len bytes of metadata, in memory of its own. */
__attribute__((unused))
static struct image image_with_meta(const struct image *im, const void *meta, size_t len)
{
	size_t sums = (len + SEGMENT_LEN - 1) / SEGMENT_LEN * 8, page = image_page_size(im);
	struct image new = { .meta_end = HEADER_LEN + len };
	size_t at, to, some;

	to = new.meta_end + META_SUMS_LEN + sums;
	new.rest = to;
	new.data = calloc(1, to + im->size - im->rest + page);
	memcpy(new.data, im->data, HEADER_LEN);
	image_put64(&new, META_LEN, len);
	memcpy(new.data + HEADER_LEN, meta, len);
	memcpy(new.data + new.meta_end, im->data + im->meta_end, META_SUMS_LEN);
	image_put64(&new, new.meta_end + IMAGE_AT(record_header, payload_len), sums);
	for (at = im->rest; at < im->size; at += record_len(im, at)) {
		if (image_get(im, at, 2) == IMAGE_KIND_BATCH) {
			some = image_payload(im, at) + image_payload_len(im, at) - at;
			memcpy(new.data + to, im->data + at, some);
			to = (to + some + page - 1) / page * page;
			some = batch_pages_len(im, at);
			memcpy(new.data + to, im->data + batch_pages(im, at), some);
		} else {
			some = record_len(im, at);
			memcpy(new.data + to, im->data + at, some);
		}
		if (image_get(im, at, 2) == TRAILER)
			new.trailer = to + RECORD_LEN;
		to += some;
	}
	new.size = to;
	image_fix(&new);
	return new;
}

/* ---- nothing is left ------------------------------------------------- */

__attribute__((unused)) static int lowest_free(struct ckpt_run *run)
{
	int fd = dup(run->log_fd);

	close(fd);
	return fd;
}

/* No child, no task in the cgroup, no descriptor but those below @lowest. */
__attribute__((unused)) static int nothing_left(struct ckpt_run *run, int lowest)
{
	char buf[64];
	ssize_t n;
	int fd;

	if (lowest_free(run) != lowest) {
		ckpt_diag("a descriptor is left behind");
		return -1;
	}
	n = waitpid(-1, NULL, WNOHANG | __WALL);
	if (n != -1 || errno != ECHILD) {
		ckpt_diag("a child is left behind, %s", n > 0 ? "dead" : "alive");
		ckpt_run_print_log(run);
		return -1;
	}
	fd = openat(run->cg.fd, "cgroup.threads", O_RDONLY | O_CLOEXEC);
	n = read(fd, buf, sizeof(buf));
	close(fd);
	if (n) {
		ckpt_diag("a task is left in the cgroup");
		return -1;
	}
	return 0;
}

/* Undisturbed by what failed, the tasks go on to their end. */
__attribute__((unused)) static int runs_on(struct ckpt_run *run)
{
	if (ckpt_cgroup_frozen(&run->cg)) {
		ckpt_diag("the cgroup is left frozen");
		return -1;
	}
	ckpt_run_go(run);
	return ckpt_run_finish(run);
}

/* ---- restarts that may fail ------------------------------------------ */

/* restart(2) of what is in @fd: the pid, or -1 and errno. */
__attribute__((unused)) static long image_restart(struct ckpt_run *run, int fd)
{
	struct restart_args args;
	long pid;

	lseek(fd, 0, SEEK_SET);
	ckpt_run_restart_args(run, &args, fd, 0);
	pid = sys_restart(&args, sizeof(args));
	if (pid > 0 && args.pidfd >= 0)
		close(args.pidfd);
	return pid;
}

/*
 * Whatever it has become: it ends when it is killed, and nothing is left. Not by
 * cgroup.kill, as ckpt_run_kill() does it, which would need another cgroup then.
 */
__attribute__((unused)) static int image_end(struct ckpt_run *run, long pid)
{
	char buf[4096];
	char *at, *save;
	pid_t gone;
	ssize_t n;
	int fd;

	if (kill(pid, SIGKILL) || waitpid(pid, NULL, __WALL) != pid) {
		ckpt_diag("pid %ld can't be killed: %s", pid, strerror(errno));
		return -1;
	}
	/* Its children are ours now, and need not end by themselves; some may still make others. */
	do {
		fd = openat(run->cg.fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
		n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
		buf[n > 0 ? n : 0] = 0;
		for (at = strtok_r(buf, "\n", &save); at; at = strtok_r(NULL, "\n", &save))
			kill(atoi(at), SIGKILL);
		while ((gone = waitpid(-1, NULL, __WALL | WNOHANG)) > 0)
			;
		if (!gone)
			poll(NULL, 0, 1);
	} while (!gone);
	return ckpt_cgroup_wait_empty(&run->cg);
}

/* With another number at @at it is refused with @text, and nothing is left. */
__attribute__((unused)) static int image_hostile(struct ckpt_run *run, struct image *im, int fd,
						 size_t at, uint64_t value, unsigned int bytes,
						 const char *text)
{
	int lowest = lowest_free(run);
	unsigned char old[8];
	long pid;

	value = htole64(value);
	memcpy(old, im->data + at, bytes);
	memcpy(im->data + at, &value, bytes);
	image_fix(im);
	if (pwrite(fd, im->data, im->size, 0) != (ssize_t)im->size)
		return -1;
	pid = image_restart(run, fd);
	if (pid != -1 || !ckpt_run_log_has(run, text)) {
		ckpt_diag("0x%llx at %zu: restart(2) gave %ld, no line with \"%s\"",
			  (unsigned long long)le64toh(value), at, pid, text);
		ckpt_run_print_log(run);
		if (pid > 0)
			image_end(run, pid);
		return -1;
	}
	memcpy(im->data + at, old, bytes);
	image_fix(im);
	return nothing_left(run, lowest);
}

/* The unharmed image still works: what went before has not spoilt anything. */
__attribute__((unused)) static int image_works(struct ckpt_run *run, struct image *im, int fd)
{
	image_fix(im);
	if (pwrite(fd, im->data, im->size, 0) != (ssize_t)im->size || ftruncate(fd, im->size))
		return -1;
	if (ckpt_run_restart(run, fd, 0))
		return -1;
	ckpt_run_go(run);
	return ckpt_run_finish(run);
}

#endif /* CKPT_TEST_FAULT_H */
