/* SPDX-License-Identifier: GPL-2.0 */
/* What can be lost on purpose, and the test that has to notice. */
#ifndef CKPT_TEST_LOSE_H
#define CKPT_TEST_LOSE_H

#include <stddef.h>
#include <stdint.h>

enum lose_how {
	LOSE_BYTES,	/* @len bytes of the body become zero. */
	LOSE_BITS,	/* The bits @value of the number there are cleared. */
	LOSE_SET,	/* The number there becomes @value. */
	LOSE_EACH,	/* In each element of the payload, of @value bytes. */
	LOSE_PAGES,	/* The contents of pages become zero. */
	LOSE_RECORD,	/* The record goes. */
};

struct loss {
	const char *name;
	unsigned int kind;		/* Of record; of open files, FILE_*, from bit 16 on. */
	enum lose_how how;
	size_t at, len;
	uint64_t value;
	/* Who must notice: a test of containers with the usual fixture, or a full name. */
	const char *program, *test;
};

extern const struct loss losses[];

#endif /* CKPT_TEST_LOSE_H */
