// SPDX-License-Identifier: GPL-2.0
/*
 * Epoll instances: what is registered, by which number, and whether it has been reported.
 * No event lost, none reported twice.
 */
#include "epoll.h"
#include "pipes.h"
#include "sockets.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE	(1u << 28)
#endif

CKPT_FIXTURE

/* ---- what is reported, and when -------------------------------------- */

CKPT_CYCLE(empty)
{
	int ep = instance();

	CHECK_SYS(pipe(fds));
	ckpt_ready_wait();
	reports_nothing(ep);
	add(ep, fds[R], EPOLLIN, DATA(1));
	put(fds[W], 0, 1);
	reports(ep, EPOLLIN, DATA(1));
}

CKPT_CYCLE(level)
{
	int ep = instance();

	CHECK_SYS(pipe(fds));
	add(ep, fds[R], EPOLLIN, DATA(1));
	same_items(ep, 1);
	reports_nothing(ep);
	put(fds[W], 0, 2);
	reports(ep, EPOLLIN, DATA(1));
	get(fds[R], 0, 1);
	reports(ep, EPOLLIN, DATA(1));
	get(fds[R], 1, 1);
	reports_nothing(ep);
}

CKPT_CYCLE(level_with_something_there)
{
	int ep = instance(), other = instance();

	CHECK_SYS(pipe(fds));
	add(ep, fds[R], EPOLLIN, DATA(1));
	add(other, fds[R], EPOLLIN, DATA(2));
	add(ep, fds[W], 0, DATA(3));
	put(fds[W], 0, 1);
	reports(other, EPOLLIN, DATA(2));
	ckpt_ready_wait();
	reports(ep, EPOLLIN, DATA(1));
	reports(ep, EPOLLIN, DATA(1));
	reports(other, EPOLLIN, DATA(2));
	get(fds[R], 0, 1);
	reports_nothing(ep);
	reports_nothing(other);
	/* Errors are always reported. */
	CHECK_SYS(close(fds[R]));
	reports(ep, EPOLLERR, DATA(3));
}

CKPT_CYCLE(edge_before_it_is_reported)
{
	int ep = instance();

	CHECK_SYS(pipe(fds));
	add(ep, fds[R], EPOLLIN | EPOLLET, DATA(1));
	put(fds[W], 0, 1);
	ckpt_ready_wait();
	reports(ep, EPOLLIN, DATA(1));
	reports_nothing(ep);
	put(fds[W], 1, 1);
	reports(ep, EPOLLIN, DATA(1));
	reports_nothing(ep);
}

CKPT_CYCLE(edge_after_it_was_reported)
{
	int ep = instance();

	CHECK_SYS(pipe(fds));
	add(ep, fds[R], EPOLLIN | EPOLLET, DATA(1));
	put(fds[W], 0, 1);
	reports(ep, EPOLLIN, DATA(1));
	ckpt_ready_wait();
	reports_nothing(ep);
	put(fds[W], 1, 1);
	reports(ep, EPOLLIN, DATA(1));
	reports_nothing(ep);
	get(fds[R], 0, 2);
}

/* The engine has ends of each pipe for a while: that they go is no event. */
CKPT_CYCLE(edge_of_a_hang_up)
{
	int ep = instance(), other[2];

	CHECK_SYS(pipe(fds));
	add(ep, fds[R], EPOLLIN | EPOLLET, DATA(1));
	CHECK_SYS(close(fds[W]));
	reports(ep, EPOLLHUP, DATA(1));
	CHECK_SYS(pipe(other));
	add(ep, other[W], EPOLLOUT | EPOLLET, DATA(2));
	CHECK_SYS(close(other[R]));
	reports(ep, EPOLLOUT | EPOLLERR, DATA(2));
	ckpt_ready_wait();
	reports_nothing(ep);
}

CKPT_CYCLE(hang_up_that_was_not_reported)
{
	int ep = instance();

	CHECK_SYS(pipe(fds));
	add(ep, fds[R], EPOLLIN | EPOLLET, DATA(1));
	CHECK_SYS(close(fds[W]));
	ckpt_ready_wait();
	reports(ep, EPOLLHUP, DATA(1));
	reports_nothing(ep);
}

CKPT_CYCLE(one_shot)
{
	int ep = instance(), other[2];

	CHECK_SYS(pipe(fds));
	CHECK_SYS(pipe(other));
	add(ep, fds[R], EPOLLIN | EPOLLONESHOT, DATA(1));
	add(ep, other[R], EPOLLIN | EPOLLONESHOT | EPOLLET, DATA(2));
	put(fds[W], 0, 1);
	reports(ep, EPOLLIN, DATA(1));
	same_items(ep, 2);
	/* The one is disabled until it is asked for again, the other isn't. */
	reports_nothing(ep);
	put(fds[W], 1, 1);
	CHECK_SYS(close(fds[W]));
	reports_nothing(ep);
	put(other[W], 0, 1);
	reports(ep, EPOLLIN, DATA(2));
	put(other[W], 1, 1);
	reports_nothing(ep);
	ctl(ep, EPOLL_CTL_MOD, fds[R], EPOLLIN | EPOLLONESHOT, DATA(3));
	reports(ep, EPOLLIN | EPOLLHUP, DATA(3));
	reports_nothing(ep);
}

CKPT_CYCLE(one_shot_that_is_to_be_reported)
{
	int ep = instance();

	CHECK_SYS(pipe(fds));
	add(ep, fds[R], EPOLLIN | EPOLLONESHOT, DATA(1));
	put(fds[W], 0, 1);
	ckpt_ready_wait();
	reports(ep, EPOLLIN, DATA(1));
	reports_nothing(ep);
	put(fds[W], 1, 1);
	reports_nothing(ep);
}

/* Who came first is reported first. */
CKPT_CYCLE(order)
{
	static const int turn[] = { 2, 0, 4, 1, 3 };
	struct epoll_event event[8];
	int ep = instance(), all[5][2], i;

	for (i = 0; i < 5; i++) {
		CHECK_SYS(pipe(all[i]));
		add(ep, all[i][R], EPOLLIN | (i % 2 ? EPOLLET : 0), i);
	}
	for (i = 0; i < 5; i++)
		put(all[turn[i]][W], 0, 1);
	ckpt_ready_wait();
	CHECK_EQ(5, epoll_wait(ep, event, 8, 0));
	for (i = 0; i < 5; i++)
		CHECK_EQ(turn[i], event[i].data.u64);
}

/* ---- bits ------------------------------------------------------------ */

/* All that is kept, whether it means anything or not. */
CKPT_CYCLE(events_and_data)
{
	static const uint32_t events[] = {
		0, EPOLLIN, EPOLLOUT | EPOLLET, EPOLLIN | EPOLLEXCLUSIVE,
		EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, EPOLLIN | EPOLLWAKEUP,
		EPOLLPRI | EPOLLRDHUP | EPOLLMSG | EPOLLONESHOT, 0x0fffffff,
		EPOLLIN | EPOLLWAKEUP | EPOLLET | EPOLLONESHOT,
	};
	static const uint64_t data[] = { 0, 1, ~0ull, 1ull << 63, 0x8000000080000000ull };
	int ep = instance(), i, fd;

	CHECK_SYS(pipe(fds));
	for (i = 0; i < (int)ARRAY_SIZE(events); i++) {
		fd = CHECK_SYS(dup(fds[R]));
		add(ep, fd, events[i], data[i % ARRAY_SIZE(data)]);
	}
	same_items(ep, i);
}

CKPT_CYCLE(exclusive)
{
	int ep = instance(), other = instance();
	struct epoll_event event = { .events = EPOLLIN };

	CHECK_SYS(pipe(fds));
	add(ep, fds[R], EPOLLIN | EPOLLEXCLUSIVE, DATA(1));
	add(other, fds[R], EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, DATA(2));
	put(fds[W], 0, 1);
	reports(other, EPOLLIN, DATA(2));
	same_items(ep, 1);
	reports(ep, EPOLLIN, DATA(1));
	reports_nothing(other);
	CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, fds[R], &event) == -1 && errno == EINVAL,
	      "what is exclusive can't be changed");
}

/* ---- numbers --------------------------------------------------------- */

/* The number goes on being that of the item when it is closed, and when it is another file's. */
CKPT_CYCLE(closed_and_taken)
{
	struct epoll_event event[4];
	int ep = instance(), first[2], second[2], kept, number;

	CHECK_SYS(pipe(first));
	CHECK_SYS(pipe(second));
	number = first[R];
	add(ep, number, EPOLLIN, DATA(1));
	kept = CHECK_SYS(dup(number));
	CHECK_SYS(close(number));
	CHECK_EQ(number, dup2(second[R], number));
	add(ep, number, EPOLLIN, DATA(2));
	CHECK_SYS(close(number));
	same_items(ep, 2);
	put(first[W], 0, 1);
	reports(ep, EPOLLIN, DATA(1));
	put(second[W], 0, 1);
	CHECK_EQ(2, epoll_wait(ep, event, 4, 0));
	/* It takes the file and the number to take it out. */
	CHECK_EQ(number, dup2(kept, number));
	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_DEL, number, NULL));
	reports(ep, EPOLLIN, DATA(2));
	CHECK_SYS(close(number));
	CHECK_SYS(close(second[R]));
	reports_nothing(ep);
}

CKPT_CYCLE(one_file_by_two_numbers)
{
	struct epoll_event event[4];
	int ep = instance(), again;

	CHECK_SYS(pipe(fds));
	again = CHECK_SYS(dup(fds[R]));
	add(ep, fds[R], EPOLLIN | EPOLLET, DATA(1));
	add(ep, again, EPOLLIN, DATA(2));
	same_items(ep, 2);
	put(fds[W], 0, 1);
	CHECK_EQ(2, epoll_wait(ep, event, 4, 0));
	reports(ep, EPOLLIN, DATA(2));
	/* Both go with the file. */
	CHECK_SYS(close(again));
	reports(ep, EPOLLIN, DATA(2));
	CHECK_SYS(close(fds[R]));
	reports_nothing(ep);
	CHECK_EQ(0, registered(ep, NULL, 0));
}

/* ---- instances in instances ------------------------------------------ */

/* As deep as the kernel lets it be: a write is reported by the outermost. */
CKPT_CYCLE(nested)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep[8], depth = 0, i;

	CHECK_SYS(pipe(fds));
	ep[0] = instance();
	add(ep[0], fds[R], EPOLLIN, DATA(0));
	do {
		ep[++depth] = instance();
		event.data.u64 = DATA(depth);
	} while (depth < 7 && !epoll_ctl(ep[depth], EPOLL_CTL_ADD, ep[depth - 1], &event));
	CHECK(depth > 1 && errno == ELOOP, "depth %d: %s", depth, strerror(errno));
	ckpt_ready_wait();
	for (i = 0; i < depth; i++)
		reports_nothing(ep[i]);
	put(fds[W], 0, 1);
	for (i = 0; i < depth; i++)
		reports(ep[i], EPOLLIN, DATA(i));
	get(fds[R], 0, 1);
	reports_nothing(ep[depth - 1]);
	CHECK(epoll_ctl(ep[depth], EPOLL_CTL_ADD, ep[depth - 1], &event) == -1 && errno == ELOOP,
	      "%s", strerror(errno));
	CHECK(epoll_ctl(ep[0], EPOLL_CTL_ADD, ep[1], &event) == -1 && errno == ELOOP,
	      "%s", strerror(errno));
}

/* By two ways, of which one was reported. */
CKPT_CYCLE(diamond)
{
	struct epoll_event event[4];
	int outer = instance(), left = instance(), right = instance();
	struct pollfd pfd = { .fd = outer, .events = POLLIN };

	CHECK_SYS(pipe(fds));
	add(left, fds[R], EPOLLIN, DATA(1));
	add(right, fds[R], EPOLLIN, DATA(2));
	add(outer, left, EPOLLIN | EPOLLET, DATA(3));
	add(outer, right, EPOLLIN | EPOLLONESHOT, DATA(4));
	put(fds[W], 0, 1);
	CHECK_EQ(2, epoll_wait(outer, event, 4, 0));
	add(outer, fds[R], EPOLLIN | EPOLLET, DATA(5));
	same_items(outer, 3);
	reports(outer, EPOLLIN, DATA(5));
	reports_nothing(outer);
	CHECK_EQ(0, poll(&pfd, 1, 0));
	reports(left, EPOLLIN, DATA(1));
	put(fds[W], 1, 1);
	CHECK_EQ(1, poll(&pfd, 1, 0));
	CHECK_EQ(2, epoll_wait(outer, event, 4, 0));
}

/*
 * Nobody but a message has it, which lies in a socket that is registered with it: a circle that only who
 * receives the message breaks.
 */
CKPT_CYCLE(in_a_circle)
{
	int ep = instance(), pair[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	add(ep, pair[0], EPOLLIN, DATA(1));
	add(ep, pair[1], EPOLLIN | EPOLLET, DATA(2));
	send_fds(pair[1], &ep, 1);
	CHECK_SYS(close(ep));
	ckpt_ready_wait();
	receive_fds(pair[0], &ep, 1);
	reports_nothing(ep);
	send_text(pair[0], "to the other end");
	reports(ep, EPOLLIN, DATA(2));
	reports_nothing(ep);
	send_text(pair[1], "and back");
	reports(ep, EPOLLIN, DATA(1));
	reports(ep, EPOLLIN, DATA(1));
	expect_text(pair[0], "and back");
	expect_text(pair[1], "to the other end");
	reports_nothing(ep);
}

/* ---- processes ------------------------------------------------------- */

static int ep_shared;

/* Has the only descriptor of what is registered, and gets the event as well. */
static int has_the_end(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	ckpt_step_wait(1, 1);
	reports(ep_shared, EPOLLIN, DATA(1));
	get(fds[R], 0, 1);
	/* Taken out for all. */
	CHECK_SYS(epoll_ctl(ep_shared, EPOLL_CTL_DEL, fds[R], NULL));
	return 61;
}

CKPT_CYCLE(of_another_process)
{
	pid_t kid;

	ep_shared = instance();
	CHECK_SYS(pipe(fds));
	add(ep_shared, fds[R], EPOLLIN, DATA(1));
	kid = ckpt_fork(has_the_end, NULL);
	CHECK_SYS(close(fds[R]));
	ckpt_step_wait(0, 1);
	same_items(ep_shared, 1);
	put(fds[W], 0, 1);
	reports(ep_shared, EPOLLIN, DATA(1));
	ckpt_step(1);
	ckpt_wait_exit(kid, 61);
	reports_nothing(ep_shared);
}

/* Waits without a limit; a checkpoint does not interrupt it. */
static int sleeper(void *arg)
{
	struct epoll_event event = { };

	CHECK_EQ(1, syscall(__NR_epoll_pwait, ep_shared, &event, 1, -1, NULL, 8));
	CHECK_EQ(EPOLLIN, event.events);
	CHECK_EQ(DATA(7), event.data.u64);
	return 62;
}

static const struct timespec *no_limit;

static int sleeper2(void *arg)
{
	struct epoll_event event = { };

	CHECK_EQ(1, syscall(__NR_epoll_pwait2, ep_shared, &event, 1, no_limit, NULL, 8));
	CHECK_EQ(DATA(7), event.data.u64);
	return 63;
}

CKPT_CYCLE(asleep, .blocked = { BLOCKED(__NR_epoll_pwait), BLOCKED(__NR_epoll_pwait2) })
{
	pid_t kid[2];

	ep_shared = instance();
	CHECK_SYS(pipe(fds));
	add(ep_shared, fds[R], EPOLLIN, DATA(7));
	kid[0] = ckpt_fork(sleeper, NULL);
	kid[1] = ckpt_fork(sleeper2, NULL);
	ckpt_ready_wait();
	put(fds[W], 0, 1);
	ckpt_wait_exit(kid[0], 62);
	ckpt_wait_exit(kid[1], 63);
}

/* ---- of the instance itself ------------------------------------------ */

struct params {
	uint32_t usecs;
	uint16_t budget;
	uint8_t prefer, pad;
};

#define SET_PARAMS	_IOW(0x8A, 0x01, struct params)
#define GET_PARAMS	_IOR(0x8A, 0x02, struct params)

CKPT_CYCLE(parameters)
{
	struct params want = { .usecs = 0x7fffffff, .budget = 0xffff, .prefer = 1 }, seen = { };
	int ep = instance(), bare = instance();

	if (ioctl(ep, SET_PARAMS, &want))
		CHECK(errno == EOPNOTSUPP, "%s", strerror(errno));
	CHECK_SYS(fcntl(ep, F_SETFL, O_NONBLOCK | O_APPEND));
	CHECK_SYS(fcntl(bare, F_SETFD, FD_CLOEXEC));
	ckpt_ready_wait();
	if (!ioctl(ep, GET_PARAMS, &seen)) {
		CHECK_EQ(want.usecs, seen.usecs);
		CHECK_EQ(want.budget, seen.budget);
		CHECK_EQ(want.prefer, seen.prefer);
		CHECK_SYS(ioctl(bare, GET_PARAMS, &seen));
		CHECK_EQ(0, seen.usecs + seen.budget + seen.prefer);
	}
	CHECK_EQ(O_RDWR | O_NONBLOCK | O_APPEND, fcntl(ep, F_GETFL));
	CHECK_EQ(O_RDWR, fcntl(bare, F_GETFL));
	CHECK_EQ(FD_CLOEXEC, fcntl(bare, F_GETFD));
	CHECK_EQ(0, fcntl(ep, F_GETFD));
}

/* More than fit into one record: one file by as many numbers, all of which are closed again. */
#define MANY	10000
#define FIRST	100

CKPT_CYCLE(many)
{
	static struct epoll_event event[MANY];
	static bool seen[MANY];
	struct rlimit limit = { .rlim_cur = FIRST + MANY, .rlim_max = FIRST + MANY };
	int ep = instance(), i;

	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_SYS(pipe(fds));
	for (i = 0; i < MANY; i++) {
		CHECK_EQ(FIRST + i, dup2(fds[R], FIRST + i));
		add(ep, FIRST + i, EPOLLIN | EPOLLET, i);
		CHECK_SYS(close(FIRST + i));
	}
	ckpt_ready_wait();
	put(fds[W], 0, 1);
	CHECK_EQ(MANY, epoll_wait(ep, event, MANY, 0));
	for (i = 0; i < MANY; i++) {
		CHECK(event[i].data.u64 < MANY && !seen[event[i].data.u64], "data %llu",
		      (long long)event[i].data.u64);
		seen[event[i].data.u64] = true;
	}
}

TEST_HARNESS_MAIN
