// SPDX-License-Identifier: GPL-2.0
/*
 * What can't be registered with an epoll instance, in images that are right otherwise: it is
 * refused with the reason, and nothing is left.
 */
#include "fault.h"

#include <sys/epoll.h>

/* Two instances, of which the second one has the first. */
CKPT_SCENARIO(instances)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 1 };
	int fds[2], inner, outer;

	CHECK_SYS(pipe(fds));
	inner = CHECK_SYS(epoll_create1(0));
	outer = CHECK_SYS(epoll_create1(0));
	CHECK_SYS(epoll_ctl(inner, EPOLL_CTL_ADD, fds[0], &event));
	CHECK_SYS(epoll_ctl(inner, EPOLL_CTL_ADD, fds[1], &event));
	CHECK_SYS(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event));
	ckpt_ready_wait();
	CHECK_EQ(1, write(fds[1], "e", 1));
	CHECK_EQ(1, epoll_wait(outer, &event, 1, 0));
}

static struct ckpt_run run;
static struct image im;
static int image = -1;

/* Where the elements of the links of both instances begin, and the record of the last file. */
static size_t of_inner, of_outer, last_file;

FIXTURE(bounds) { int unused; };

FIXTURE_SETUP(bounds)
{
	size_t at;

	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &instances, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		size_t body = at + RECORD_LEN;

		if (image_get(&im, at, 2) == IMAGE_KIND_FILE &&
		    image_get(&im, body + IMAGE_AT(file, kind), 4) == IMAGE_FILE_EPOLL)
			last_file = body;
		if (image_get(&im, at, 2) != IMAGE_KIND_EPOLL_ITEMS)
			continue;
		of_inner = of_outer;
		of_outer = body + sizeof(struct image_epoll_items);
	}
	ASSERT_NE(0u, of_inner);
	ASSERT_NE(0u, last_file);
}

FIXTURE_TEARDOWN(bounds)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static int hostile(size_t at, uint64_t value, const char *text)
{
	return image_hostile(&run, &im, image, at, value, 4, text);
}

static uint32_t get(size_t at)
{
	return image_get(&im, at, 4);
}

#define FILE_OF(item)	((item) + IMAGE_AT(epoll_item, file))
#define FD_OF(item)	((item) + IMAGE_AT(epoll_item, fd))
#define EVENTS_OF(item)	((item) + IMAGE_AT(epoll_item, events))
#define NEXT(item)	((item) + sizeof(struct image_epoll_item))

TEST_F_TIMEOUT(bounds, circles, CKPT_TIMEOUT)
{
	uint32_t inner = get(FILE_OF(of_outer));
	uint32_t outer = get(last_file + IMAGE_AT(file, obj));

	ASSERT_NE(inner, outer);
	ASSERT_EQ(0, hostile(FILE_OF(of_inner), outer, "in a circle"));
	ASSERT_EQ(0, hostile(FILE_OF(of_outer), outer, "it is the instance itself"));
	ASSERT_EQ(0, hostile(FILE_OF(of_inner), inner, "it is the instance itself"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_F_TIMEOUT(bounds, twice, CKPT_TIMEOUT)
{
	uint32_t file = get(FILE_OF(of_inner)), fd = get(FD_OF(of_inner));
	size_t next = NEXT(of_inner), first = 0, at;
	uint32_t other = get(FILE_OF(next));

	/* One end of the pipe in place of the other, by the same number. */
	image_put32(&im, FILE_OF(next), file);
	ASSERT_EQ(0, hostile(FD_OF(next), fd, "it is registered twice"));
	image_put32(&im, FILE_OF(next), other);
	image_fix(&im);
	/* An instance is one open file. */
	for (at = HEADER_LEN; at < im.meta_end && !first; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) == IMAGE_KIND_EPOLL)
			first = get(at + RECORD_LEN + IMAGE_AT(epoll, obj));
	}
	ASSERT_EQ(0, hostile(last_file + IMAGE_AT(file, inode), first,
			     "two open files are the same kernel object"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

static const char watches[] = "/proc/sys/fs/epoll/max_user_watches";

static int set_watches(const char *value)
{
	int fd = open(watches, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, value, strlen(value)) == (ssize_t)strlen(value) ? 0 : -1;
	close(fd);
	return ret;
}

/* What its maker may not have it does not get from an image. */
TEST_F_TIMEOUT(bounds, limits, CKPT_TIMEOUT)
{
	uint32_t maker = get(last_file + IMAGE_AT(file, cred));
	size_t at, cred = 0;
	char old[64];
	int ret;

	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) == IMAGE_KIND_CRED &&
		    get(at + RECORD_LEN + IMAGE_AT(cred, obj)) == maker)
			cred = at + RECORD_LEN + IMAGE_AT(cred, effective);
	}
	ASSERT_NE(0u, cred);
	ckpt_read_file(watches, old, sizeof(old));
	ASSERT_EQ(0, set_watches("0"));
	ret = hostile(EVENTS_OF(of_inner), get(EVENTS_OF(of_inner)), "fs.epoll.max_user_watches");
	ASSERT_EQ(0, set_watches(old));
	ASSERT_EQ(0, ret);
	/* CAP_BLOCK_SUSPEND. */
	image_put32(&im, cred + 4, get(cred + 4) & ~(1u << (36 - 32)));
	ASSERT_EQ(0, hostile(EVENTS_OF(of_inner), get(EVENTS_OF(of_inner)) | EPOLLWAKEUP,
			     "EPOLLWAKEUP"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_HARNESS_MAIN
