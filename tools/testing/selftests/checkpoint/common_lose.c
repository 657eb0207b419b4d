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

/* All pages of a batch become zero. */
static void lose_pages(struct image *im, size_t batch)
{
	size_t at = batch_pages(im, batch), end = at + batch_pages_len(im, batch);
	size_t extents = image_get(im, batch + RECORD_LEN + IMAGE_AT(batch, extents), 4);
	size_t sums = image_payload(im, batch) + extents * EXTENT_LEN;
	size_t page = image_page_size(im), in_chunk = 0;
	uint64_t sum = 0;

	memset(im->data + at, 0, end - at);
	for (; at < end; at += page) {
		sum = xxh64(sum, im->data + at, page);
		in_chunk += page;
		if (in_chunk < CHUNK_LEN && at + page < end)
			continue;
		image_put64(im, sums, sum);
		sums += 8;
		sum = 0;
		in_chunk = 0;
	}
}

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
		lose_pages(im, record);
		break;
	case LOSE_RECORD:
		break;
	}
}

/* Takes the record at @at, of @len bytes, out of the metadata. */
static void cut(struct image *im, size_t at, size_t len)
{
	size_t rest = im->meta_end - at - len;
	struct image new;

	memmove(im->data + at, im->data + at + len, rest);
	new = image_with_meta(im, im->data + HEADER_LEN, at + rest - HEADER_LEN);
	free(im->data);
	*im = new;
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

void ckpt_lost(void)
{
	if (getenv("CKPT_LOSE"))
		ckpt_diag("restarted without it");
}
