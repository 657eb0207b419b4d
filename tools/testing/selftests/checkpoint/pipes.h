/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of pipes have in common: a stream of which each byte is known. */
#ifndef CKPT_TEST_PIPES_H
#define CKPT_TEST_PIPES_H

#include "common.h"

#include <sys/ioctl.h>

#define R 0
#define W 1

__attribute__((unused)) static int fds[2];

/* The @i'th byte of any stream of these tests. */
static unsigned char at(unsigned long i)
{
	return (i * 31 + i / 256) % 255;
}

__attribute__((unused)) static void put(int fd, unsigned long from, unsigned long count)
{
	unsigned char buf[1 << 18];
	unsigned long i, done = 0;

	CHECK(count <= sizeof(buf), "%lu bytes", count);
	for (i = 0; i < count; i++)
		buf[i] = at(from + i);
	while (done < count)
		done += CHECK_SYS(write(fd, buf + done, count - done));
}

__attribute__((unused)) static void get(int fd, unsigned long from, unsigned long count)
{
	unsigned char buf[1 << 16];
	unsigned long i;
	long n;

	while (count) {
		n = CHECK_SYS(read(fd, buf, count < sizeof(buf) ? count : sizeof(buf)));
		CHECK(n > 0, "end of file, %lu bytes are missing", count);
		for (i = 0; i < (unsigned long)n; i++)
			CHECK_EQ(at(from + i), buf[i]);
		from += n;
		count -= n;
	}
}

__attribute__((unused)) static int held(int fd)
{
	int n = -1;

	CHECK_SYS(ioctl(fd, FIONREAD, &n));
	return n;
}

__attribute__((unused)) static void at_end(int fd)
{
	char c;

	CHECK_EQ(0, read(fd, &c, 1));
}

#endif /* CKPT_TEST_PIPES_H */
