// SPDX-License-Identifier: GPL-2.0
/*
 * With CKPT_VDSO=other in the environment each image is changed before it is
 * restarted, so that its vDSO is not this kernel's: that of another kernel, as far
 * as restart(2) can tell. The program vdso runs other tests so.
 */
#define CKPT_NO_HARNESS
#include "common_private.h"
#include "fault.h"

int ckpt_other_vdso(int fd)
{
	const char *what = getenv("CKPT_VDSO");
	unsigned int count = 0;
	struct image im;
	size_t at, len;

	if (!what)
		return 0;
	if (strcmp(what, "other") || image_load(&im, fd))
		return -1;
	for (at = HEADER_LEN; at < im.meta_end && (len = record_len(&im, at)); at += len) {
		size_t crc = at + RECORD_LEN + IMAGE_AT(mm, vdso_crc);

		if (image_get(&im, at, 2) != IMAGE_KIND_MM ||
		    !image_get(&im, at + RECORD_LEN + IMAGE_AT(mm, vdso_code), 4))
			continue;
		image_put32(&im, crc, ~image_get(&im, crc, 4));
		count++;
	}
	image_fix(&im);
	len = pwrite(fd, im.data, im.size, 0);
	at = im.size;
	free(im.data);
	if (!count || len != at)
		return -1;
	ckpt_diag("%u address spaces with another vDSO", count);
	return 0;
}
