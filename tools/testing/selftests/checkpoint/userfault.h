/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of userfaultfds have in common. */
#ifndef CKPT_TEST_USERFAULT_H
#define CKPT_TEST_USERFAULT_H

#include "memory.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW		_IO(0xAA, 0x00)
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY		1
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED	(1 << 13)
#endif
#ifndef UFFD_FEATURE_POISON
#define UFFD_FEATURE_POISON		(1 << 14)
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON			_IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC		(1 << 15)
#endif
#ifndef UFFD_FEATURE_RWP
#define UFFD_FEATURE_RWP		(1 << 17)
#define UFFDIO_REGISTER_MODE_RWP	((__u64)1 << 3)
#define UFFD_PAGEFAULT_FLAG_RWP		(1 << 3)
struct uffdio_rwprotect {
	struct uffdio_range range;
	__u64 mode;
};
#define UFFDIO_RWPROTECT_MODE_RWP	((__u64)1 << 0)
#define UFFDIO_RWPROTECT		_IOWR(UFFDIO, 0x09, struct uffdio_rwprotect)
#endif

/*
 * A userfaultfd with these features, -1: the kernel has not all of them.  That it
 * has none at all is for the caller to find out.
 */
__attribute__((unused)) static int new_uffd(int flags, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = CHECK_SYS(syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK | flags));

	if (!ioctl(fd, UFFDIO_API, &api))
		return fd;
	CHECK_EQ(EINVAL, errno);
	CHECK_SYS(close(fd));
	return -1;
}

__attribute__((unused)) static void watch(int fd, void *map, size_t size, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)map, .len = size },
		.mode = mode,
	};

	CHECK_SYS(ioctl(fd, UFFDIO_REGISTER, &reg));
}

/* Gives the page at @at the contents of the one at @from. */
__attribute__((unused)) static void give(int fd, void *at, const void *from)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)at,
		.src = (uintptr_t)from,
		.len = ckpt_page(),
	};

	CHECK_SYS(ioctl(fd, UFFDIO_COPY, &copy));
}

__attribute__((unused)) static int give_zero(int fd, void *at)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)at, .len = ckpt_page() },
	};

	return ioctl(fd, UFFDIO_ZEROPAGE, &zero);
}

__attribute__((unused)) static void protect(int fd, void *at, size_t pages, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)at, .len = pages * ckpt_page() },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	CHECK_SYS(ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
}

__attribute__((unused)) static void no_message(int fd)
{
	struct uffd_msg msg;

	CHECK(read(fd, &msg, sizeof(msg)) == -1 && errno == EAGAIN, "there is a message");
}

/* Waits for the next message. */
__attribute__((unused)) static struct uffd_msg next_message(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;
	ssize_t n;

	/* Who faults may have been woken for another reason, and come again. */
	do {
		CHECK_EQ(1, poll(&poll_fd, 1, -1));
		CHECK_EQ(POLLIN, poll_fd.revents);
		n = read(fd, &msg, sizeof(msg));
		CHECK(n == sizeof(msg) || errno == EAGAIN, "read: %s", strerror(errno));
	} while (n != sizeof(msg));
	return msg;
}

/* The next message is of a page fault at @at, with these flags. */
__attribute__((unused)) static void expect_fault(int fd, const void *at, uint64_t flags)
{
	struct uffd_msg msg = next_message(fd);

	CHECK_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
	CHECK_EQ((uintptr_t)at, msg.arg.pagefault.address);
	CHECK_EQ(flags, msg.arg.pagefault.flags);
}

/* A thread that touches pages, one for each time that it is told to. */
struct toucher {
	pthread_t thread;
	char *at;
	bool write;
	char seen;
};

__attribute__((unused)) static void *touch_page(void *arg)
{
	struct toucher *t = arg;

	t->seen = *(volatile char *)t->at;
	if (t->write)
		*(volatile char *)t->at = t->seen + 1;
	return NULL;
}

__attribute__((unused)) static void touch_start(struct toucher *t, void *at, bool write)
{
	t->at = at;
	t->write = write;
	CHECK_EQ(0, pthread_create(&t->thread, NULL, touch_page, t));
}

/* It gets through; what was there before. */
__attribute__((unused)) static char touch_end(struct toucher *t)
{
	CHECK_EQ(0, pthread_join(t->thread, NULL));
	return t->seen;
}

/* To touch that page is no fault that anybody is told of; what is there. */
__attribute__((unused)) static char touch_quietly(int fd, void *at, bool write)
{
	struct toucher t;
	char seen;

	touch_start(&t, at, write);
	seen = touch_end(&t);
	no_message(fd);
	return seen;
}

/*
 * Which pages of @map are there, as /proc/self/pagemap tells it: '.' none, 'p' a
 * page, or one that is poisoned, 'w' one or none that is protected.
 */
__attribute__((unused)) static const char *pages_of(const void *map, size_t pages, char *out)
{
	int fd = CHECK_SYS(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	uint64_t entry;
	size_t i;

	for (i = 0; i < pages; i++) {
		CHECK_EQ(8, pread(fd, &entry, 8, ((uintptr_t)map / ckpt_page() + i) * 8));
		if (entry & 1ull << 57)
			out[i] = 'w';
		else
			out[i] = entry >> 62 ? 'p' : '.';
	}
	out[i] = 0;
	CHECK_SYS(close(fd));
	return out;
}

#endif /* CKPT_TEST_USERFAULT_H */
