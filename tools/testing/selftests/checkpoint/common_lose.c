// SPDX-License-Identifier: GPL-2.0
/*
 * Breaks on purpose what a test is to find broken: with CKPT_LOSE=NAME in the
 * environment each image is changed before it is restarted, so that what NAME
 * stands for is not restored. The program lose runs other tests so.
 */
#define CKPT_NO_HARNESS
#include "common_private.h"
#include "fault.h"
#include "lose.h"

static void lose_in(struct image *im, const struct loss *loss, size_t record)
{
	size_t body = record + RECORD_LEN;
	size_t payload = body + image_get(im, record + IMAGE_AT(record_header, body_len), 4);
	size_t len = image_get(im, record + IMAGE_AT(record_header, payload_len), 8);
	unsigned char *p = im->data;
	uint64_t word;
	size_t at;

	switch (loss->how) {
	case LOSE_BYTES:
		memset(p + body + loss->at, 0, loss->len);
		break;
	case LOSE_BITS:
		memcpy(&word, p + body + loss->at, loss->len);
		word &= htole64(~loss->value);
		memcpy(p + body + loss->at, &word, loss->len);
		break;
	case LOSE_SET:
		word = htole64(loss->value);
		memcpy(p + body + loss->at, &word, loss->len);
		break;
	case LOSE_EACH:
		for (at = loss->at; at + loss->len <= len; at += loss->value)
			memset(p + payload + at, 0, loss->len);
		break;
	case LOSE_PAGES:
		memset(p + payload, 0, len);
		image_put32(im, body + EXTENT_CRC, ~crc32c(~0u, p + payload, len));
		image_put32(im, body + IMAGE_AT(extent, body_crc),
			    ~crc32c(~0u, p + body, IMAGE_AT(extent, body_crc)));
		break;
	case LOSE_RECORD:
		break;
	}
}

/* Takes the record at @at, of @len bytes, out of the metadata. */
static void cut(struct image *im, size_t at, size_t len)
{
	uint64_t n;

	memmove(im->data + at, im->data + at + len, im->size - at - len);
	im->size -= len;
	im->meta_end -= len;
	im->trailer -= len;
	n = htole64(im->meta_end - HEADER_LEN);
	memcpy(im->data + META_LEN, &n, sizeof(n));
	n = htole64(im->size);
	memcpy(im->data + im->trailer + TRAILER_TOTAL, &n, sizeof(n));
}

int ckpt_lose(int fd)
{
	const char *name = getenv("CKPT_LOSE");
	const struct loss *loss;
	struct image im;
	unsigned int count = 0;
	size_t at, len;

	if (!name)
		return 0;
	for (loss = losses; loss->name && strcmp(loss->name, name); loss++)
		;
	if (!loss->name || image_load(&im, fd)) {
		ckpt_diag("CKPT_LOSE: %s", loss->name ? "not an image" : "no such name");
		return -1;
	}
	for (at = HEADER_LEN; at < im.trailer - RECORD_LEN && (len = record_len(&im, at)); at += len) {
		if (image_get(&im, at, 2) != (loss->kind & 0xffff))
			continue;
		if (loss->kind >> 16 && image_get(&im, at + RECORD_LEN + IMAGE_AT(file, kind), 4) !=
					loss->kind >> 16)
			continue;
		lose_in(&im, loss, at);
		count++;
		if (loss->how == LOSE_RECORD) {
			cut(&im, at, len);
			len = 0;
		}
	}
	image_fix(&im);
	if (ftruncate(fd, im.size) || pwrite(fd, im.data, im.size, 0) != (ssize_t)im.size)
		return -1;
	free(im.data);
	ckpt_diag("%s: lost in %u records", loss->name, count);
	return 0;
}
