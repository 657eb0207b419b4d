/* SPDX-License-Identifier: GPL-2.0 */
/* io_urings that are refused. */
#ifndef CKPT_TEST_REFUSE_URING_H
#define CKPT_TEST_REFUSE_URING_H

#include "refuse.h"
#include "uring.h"

#define EXPECT_URING(u, what)						\
	EXPECT_FD((u)->fd, "*[io_uring]", "the io_uring " what)

__attribute__((unused))
static void make(struct uring *u, unsigned int flags)
{
	if (uring_make(u, 4, flags) < 0) {
		CHECK(errno == ENOSYS || errno == EPERM || errno == EINVAL, "io_uring_setup: %s",
		      strerror(errno));
		not_here();
	}
}

__attribute__((unused))
static void enroll_here(struct uring *u, unsigned int op, void *arg, unsigned int nr)
{
	CHECK_HERE(syscall(__NR_io_uring_register, u->fd, op, arg, nr));
}

#endif /* CKPT_TEST_REFUSE_URING_H */
