/* SPDX-License-Identifier: GPL-2.0 */
/* Epoll instances: what is registered with them, and what they report. */
#ifndef CKPT_TEST_EPOLL_H
#define CKPT_TEST_EPOLL_H

#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define DATA(n)	(0x1122334400000000ull + (n))

__attribute__((unused))
static int instance(void)
{
	return CHECK_SYS(epoll_create1(0));
}

__attribute__((unused))
static void ctl(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	CHECK_SYS(epoll_ctl(ep, op, fd, &event));
}

__attribute__((unused))
static void add(int ep, int fd, uint32_t events, uint64_t data)
{
	ctl(ep, EPOLL_CTL_ADD, fd, events, data);
}

/* Exactly one event is reported now: this one. */
__attribute__((unused))
static void reports(int ep, uint32_t events, uint64_t data)
{
	struct epoll_event event[4] = { };

	CHECK_EQ(1, epoll_wait(ep, event, 4, 0));
	CHECK_EQ(events, event[0].events);
	CHECK_EQ(data, event[0].data.u64);
}

__attribute__((unused))
static void reports_nothing(int ep)
{
	struct epoll_event event[4];

	CHECK_EQ(0, epoll_wait(ep, event, 4, 0));
}

#define ITEM_LEN	64

__attribute__((unused))
static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* What is registered with @ep, as /proc tells it: number, events and data, sorted. */
__attribute__((unused))
static int registered(int ep, char (*items)[ITEM_LEN], int max)
{
	char path[64], line[256];
	unsigned int events;
	uint64_t data;
	FILE *file;
	int fd, n = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	file = fopen(path, "r");
	CHECK(file, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "tfd: %d events: %x data: %lx", &fd, &events, &data) != 3)
			continue;
		CHECK(n < max, "more than %d items", max);
		snprintf(items[n++], ITEM_LEN, "%d %x %llx", fd, events, (long long)data);
	}
	fclose(file);
	if (n)
		qsort(items, n, ITEM_LEN, by_text);
	return n;
}

/* Waits for the checkpoint; after it the same is registered with @ep, of @count items. */
__attribute__((unused))
static void same_items(int ep, int count)
{
	static char before[16][ITEM_LEN], after[16][ITEM_LEN];
	int i;

	CHECK_EQ(count, registered(ep, before, 16));
	ckpt_ready_wait();
	CHECK_EQ(count, registered(ep, after, 16));
	for (i = 0; i < count; i++)
		CHECK_STREQ(before[i], after[i]);
}

#endif
