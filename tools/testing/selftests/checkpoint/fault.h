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
#define HEADER_CRC	IMAGE_AT(header, crc)
#define META_LEN	IMAGE_AT(header, meta_len)
#define META_CRC	IMAGE_AT(header, meta_crc)
#define RECORD_LEN	((int)sizeof(struct image_record_header))
#define EXTENT		IMAGE_KIND_EXTENT
#define EXTENT_CRC	IMAGE_AT(extent, crc)
#define SHARED		IMAGE_KIND_SHARED
#define SHARED_CRC	IMAGE_AT(shared, crc)
#define ROW		IMAGE_KIND_ROW	/* Where the extents of an object are; there is one for each. */
#define ROW_OBJ		IMAGE_AT(row, obj)
#define ROW_NUMBER	IMAGE_AT(row, number)
#define ROW_AT		IMAGE_AT(row, at)
#define ROW_EXTENTS	IMAGE_AT(row, extents)
#define ROW_CRC		IMAGE_AT(row, crc)
#define TRAILER		IMAGE_KIND_TRAILER
#define TRAILER_TOTAL	IMAGE_AT(trailer, total_len)
#define TRAILER_CHAIN	IMAGE_AT(trailer, chain)
#define TRAILER_CRC	IMAGE_AT(trailer, crc)

struct image {
	unsigned char *data;
	size_t size;
	size_t meta_end;
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

/* crc32c as iSCSI has it, continued from @crc, without inversion. */
static inline uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	static uint32_t table[256];
	const unsigned char *p = data;
	unsigned int i, bit;

	if (!table[1]) {
		for (i = 0; i < 256; i++) {
			table[i] = i;
			for (bit = 0; bit < 8; bit++)
				table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78 : 0);
		}
	}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

/* Length of the record at @at, 0 if there is none. */
static inline size_t record_len(const struct image *im, size_t at)
{
	uint64_t payload;

	if (at + RECORD_LEN > im->size)
		return 0;
	payload = image_get(im, at + IMAGE_AT(record_header, payload_len), 8);
	return RECORD_LEN + image_get(im, at + IMAGE_AT(record_header, body_len), 4) + ((payload + 7) & ~7ull);
}

/* The body of the first record of @kind in the metadata. */
__attribute__((unused)) static size_t image_body(const struct image *im, unsigned int kind)
{
	size_t at = HEADER_LEN;

	while (at < im->meta_end && image_get(im, at, 2) != kind)
		at += record_len(im, at);
	return at + RECORD_LEN;
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
	for (at = im->meta_end; (len = record_len(im, at)); at += len) {
		if (image_get(im, at, 2) == TRAILER) {
			im->trailer = at + RECORD_LEN;
			return at + len == im->size ? 0 : -1;
		}
	}
	ckpt_diag("the image has no trailer");
	return -1;
}

/* Makes all checksums right again after header or metadata have been changed. */
__attribute__((unused)) static void image_fix(struct image *im)
{
	uint32_t chain = ~0u;
	size_t at;

	image_put32(im, META_CRC,
		    ~crc32c(~0u, im->data + HEADER_LEN, im->meta_end - HEADER_LEN));
	image_put32(im, HEADER_CRC, ~crc32c(~0u, im->data, HEADER_CRC));
	chain = crc32c(chain, im->data + HEADER_CRC, 4);
	for (at = im->meta_end; at + RECORD_LEN < im->trailer && image_get(im, at, 2) != ROW;
	     at += record_len(im, at))
		chain = crc32c(chain, im->data + at + RECORD_LEN +
			       (image_get(im, at, 2) == SHARED ? SHARED_CRC : EXTENT_CRC), 4);
	image_put32(im, im->trailer + TRAILER_CHAIN, ~chain);
	image_put32(im, im->trailer + TRAILER_CRC,
		    ~crc32c(~0u, im->data + im->trailer, TRAILER_CRC));
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
	if (pwrite(fd, im->data, im->size, 0) != (ssize_t)im->size || ftruncate(fd, im->size))
		return -1;
	if (ckpt_run_restart(run, fd, 0))
		return -1;
	ckpt_run_go(run);
	return ckpt_run_finish(run);
}

#endif /* CKPT_TEST_FAULT_H */
