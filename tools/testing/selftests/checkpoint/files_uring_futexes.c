// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings with requests that wait for futexes (IORING_OP_FUTEX_WAIT), private ones and such
 * that others have too, or for one of several (IORING_OP_FUTEX_WAITV): who wakes them, when
 * the value has changed without that, which bits wake them and in which order, when they were
 * moved to another futex, with a timeout of their own, at the head of a chain or in it, what
 * cancels them, and when one was woken of which its task was not told yet.
 */
#include "common.h"
#include "uring_waits.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Of these older headers do not know. */
#define OP_FUTEX_WAIT	51
#define OP_FUTEX_WAKE	52
#define OP_FUTEX_WAITV	53
#define U32_PRIVATE	0x82	/* FUTEX2_SIZE_U32 | FUTEX2_PRIVATE */
#define U32_SHARED	0x02	/* FUTEX2_SIZE_U32 */
#define ALL_BITS	0xffffffffu

static uint32_t word;

static struct io_uring_sqe *futex_request(struct uring *u, unsigned int op, uint64_t val,
					  uint32_t mask, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, op, data);

	sqe->fd = U32_PRIVATE;
	sqe->addr = (uintptr_t)&word;
	sqe->addr2 = val;
	/* addr3 */
	((uint64_t *)sqe)[6] = mask;
	return sqe;
}

#define FUTEXES_BEGIN() do {						\
	URING_BEGIN();							\
	if (!uring_has(OP_FUTEX_WAITV))					\
		SKIP(return, "no requests that wait for futexes");	\
} while (0)

CKPT_FIXTURE_IF(FUTEXES_BEGIN)

/* Returns how many were woken. */
static long wakes(int n, uint32_t mask)
{
	return CHECK_SYS(syscall(__NR_futex, &word, FUTEX_WAKE_BITSET_PRIVATE, n, NULL, NULL, mask));
}

static void woken(unsigned int setup)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, setup));
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(1, wakes(INT_MAX, ALL_BITS));
	take(&u, 1, 0, false);
	CHECK_EQ(0, wakes(INT_MAX, ALL_BITS));
	uring_works(&u);
}

CKPT_CYCLE(once)
{
	woken(0);
}

CKPT_CYCLE(deferred)
{
	woken(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

/* It was woken when its task had not asked yet, which is told so, and its eventfd once. */
CKPT_CYCLE(woken_before)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;
	uint64_t n = 0;

	CHECK_SYS(uring_make(&u, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
	CHECK_SYS(syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_EVENTFD, &event, 1));
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 2);
	uring_submit(&u, 2);
	CHECK_EQ(1, wakes(INT_MAX, ALL_BITS));
	ckpt_ready_wait();
	uring_is_empty(&u);
	CHECK_EQ(0, wakes(INT_MAX, ALL_BITS));
	/* It is told a moment after the wakeup. */
	CHECK_EQ(8, read(event, &n, sizeof(n)));
	CHECK_EQ(1, n);
	take(&u, 1, 0, false);
	take(&u, 2, 0, false);
	uring_works(&u);
}

/* It was queued with a value that has changed since: nobody has woken it. */
CKPT_CYCLE(changed)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1);
	uring_submit(&u, 1);
	word = 1;
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(1, word);
	CHECK_EQ(1, wakes(1, ALL_BITS));
	take(&u, 1, 0, false);
	uring_works(&u);
}

/* Each is woken by its bits, and of those with the same the first one first. */
CKPT_CYCLE(bits)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	futex_request(&u, OP_FUTEX_WAIT, 0, 6, 1);
	uring_submit(&u, 1);
	futex_request(&u, OP_FUTEX_WAIT, 0, 2, 2);
	uring_submit(&u, 1);
	futex_request(&u, OP_FUTEX_WAIT, 0, 1u << 31, 3);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, wakes(INT_MAX, 1));
	CHECK_EQ(1, wakes(INT_MAX, 1u << 31));
	take(&u, 3, 0, false);
	CHECK_EQ(1, wakes(1, 2));
	take(&u, 1, 0, false);
	CHECK_EQ(0, wakes(INT_MAX, 4));
	CHECK_EQ(1, wakes(INT_MAX, 2));
	take(&u, 2, 0, false);
	uring_works(&u);
}

/* It was moved to another futex since. */
CKPT_CYCLE(requeued)
{
	static uint32_t other;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1);
	uring_submit(&u, 1);
	/* Wakes none, moves one. */
	CHECK_EQ(1, syscall(__NR_futex, &word, FUTEX_CMP_REQUEUE_PRIVATE, 0, 1UL, &other, 0));
	ckpt_ready_wait();
	CHECK_EQ(0, wakes(INT_MAX, ALL_BITS));
	CHECK_EQ(1, syscall(__NR_futex, &other, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
	take(&u, 1, 0, false);
	uring_works(&u);
}

#ifdef __aarch64__
/* Its address has a tag, and who restarts it has not asked for that. */
CKPT_CYCLE(tagged)
{
	uint32_t *with_tag = (uint32_t *)((uintptr_t)&word | 0x5aul << 56);
	struct uring u;

	CHECK_SYS(prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 0, 0, 0));
	CHECK_SYS(uring_make(&u, 8, 0));
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1)->addr = (uintptr_t)with_tag;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	CHECK_EQ(1, syscall(__NR_futex, with_tag, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
	take(&u, 1, 0, false);
	uring_works(&u);
}
#endif

/* A request wakes it. */
CKPT_CYCLE(by_request)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	futex_request(&u, OP_FUTEX_WAKE, 1, ALL_BITS, 2);
	uring_submit(&u, 1);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	takes_both(&u, 1, 0, 2, 1);
	uring_works(&u);
}

static void *wakes_one(void *arg)
{
	CHECK_EQ(1, wakes(1, ALL_BITS));
	return NULL;
}

/* A thread wakes it, which is the first one that the process has besides. */
CKPT_CYCLE(by_thread)
{
	pthread_t thread;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, pthread_create(&thread, NULL, wakes_one, NULL));
	take(&u, 1, 0, false);
	CHECK_EQ(0, pthread_join(thread, NULL));
	uring_works(&u);
}

/* It waits no longer than its timeout says. */
CKPT_CYCLE(timeout)
{
	struct __kernel_timespec after = { .tv_sec = 1, .tv_nsec = 500000000 };
	struct io_uring_sqe *sqe;
	uint64_t end;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	end = ckpt_now() + 1500000000;
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1)->flags = IOSQE_IO_LINK;
	sqe = uring_prepare(&u, IORING_OP_LINK_TIMEOUT, 2);
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&after;
	sqe->len = 1;
	uring_submit(&u, 2);
	ckpt_ready_wait();
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	takes_both(&u, 1, -ECANCELED, 2, -ETIME);
	CHECK(ckpt_now() >= end, "it has ended too early");
	CHECK_EQ(0, wakes(INT_MAX, ALL_BITS));
	uring_works(&u);
}

/* Another request waits for it. */
CKPT_CYCLE(chain)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 2);
	uring_submit(&u, 2);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(1, wakes(1, ALL_BITS));
	take(&u, 1, 0, false);
	take(&u, 2, 0, false);
	uring_works(&u);
}

/* It is found by its name, and cancelled. */
CKPT_CYCLE(cancelled)
{
	struct io_uring_sqe *sqe;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 1);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	sqe = uring_prepare(&u, IORING_OP_ASYNC_CANCEL, 2);
	sqe->addr = 1;
	/* IORING_ASYNC_CANCEL_ALL: it tells how many there were. */
	sqe->cancel_flags = 1;
	uring_submit(&u, 1);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	takes_both(&u, 1, -ECANCELED, 2, 1);
	CHECK_EQ(0, wakes(INT_MAX, ALL_BITS));
	uring_works(&u);
}

/* Waits for the futex at @at, which others may have, too. */
static void waits_shared(struct uring *u, uint32_t *at, uint64_t data)
{
	struct io_uring_sqe *sqe = futex_request(u, OP_FUTEX_WAIT, 0, ALL_BITS, data);

	sqe->fd = U32_SHARED;
	sqe->addr = (uintptr_t)at;
	uring_submit(u, 1);
}

static long wakes_shared(uint32_t *at)
{
	return CHECK_SYS(syscall(__NR_futex, at, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
}

static uint32_t *map_shared(int fd)
{
	int flags = MAP_SHARED | (fd == -1 ? MAP_ANONYMOUS : 0);
	uint32_t *at = mmap(NULL, 2 * ckpt_page(), PROT_READ | PROT_WRITE, flags, fd, 0);

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	return at;
}

/* In memory of its own it is known by the address. */
CKPT_CYCLE(shared_private)
{
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_shared(&u, &word, 1);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(0, wakes(INT_MAX, ALL_BITS));
	CHECK_EQ(1, wakes_shared(&word));
	take(&u, 1, 0, false);
	uring_works(&u);
}

static int wakes_child(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return wakes_shared(arg) == 1 ? 0 : 1;
}

static void woken_by_child(uint32_t *at)
{
	struct uring u;
	pid_t kid;

	CHECK_SYS(uring_make(&u, 8, 0));
	/* The second page: where in the file it is counts. */
	at += ckpt_page() / sizeof(*at) + 5;
	waits_shared(&u, at, 1);
	/* The value changes without a wakeup. */
	*at = 1;
	kid = ckpt_fork(wakes_child, at);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	take(&u, 1, 0, false);
	ckpt_wait_exit(kid, 0);
	CHECK_EQ(0, wakes_shared(at));
	uring_works(&u);
}

CKPT_CYCLE(shared_anonymous)
{
	woken_by_child(map_shared(-1));
}

CKPT_CYCLE(shared_memfd)
{
	int fd = CHECK_SYS(memfd_create("futex", 0));

	CHECK_SYS(ftruncate(fd, 2 * ckpt_page()));
	woken_by_child(map_shared(fd));
}

/* It was moved to another one, in memory of its own. */
CKPT_CYCLE(shared_requeued)
{
	static uint32_t other;
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_shared(&u, &word, 1);
	CHECK_EQ(1, syscall(__NR_futex, &word, FUTEX_CMP_REQUEUE, 0, 1UL, &other, 0));
	ckpt_ready_wait();
	CHECK_EQ(0, wakes_shared(&word));
	CHECK_EQ(1, wakes_shared(&other));
	take(&u, 1, 0, false);
	uring_works(&u);
}

#define SEVERAL	5

/* struct futex_waitv, which older headers have not. */
struct waited {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

static uint32_t several[SEVERAL];

/* Is to wait for one of several, the last of which is at @shared and the others are private. */
static struct io_uring_sqe *several_request(struct uring *u, uint32_t *shared, uint64_t data)
{
	static struct waited all[SEVERAL];
	struct io_uring_sqe *sqe;
	int i;

	for (i = 0; i < SEVERAL; i++) {
		all[i].uaddr = (uintptr_t)&several[i];
		all[i].flags = U32_PRIVATE;
	}
	if (shared) {
		all[SEVERAL - 1].uaddr = (uintptr_t)shared;
		all[SEVERAL - 1].flags = U32_SHARED;
	}
	sqe = uring_prepare(u, OP_FUTEX_WAITV, data);
	sqe->addr = (uintptr_t)all;
	sqe->len = SEVERAL;
	return sqe;
}

static void waits_several(struct uring *u, uint32_t *shared, uint64_t data)
{
	several_request(u, shared, data);
	uring_submit(u, 1);
}

static long wakes_at(uint32_t *at)
{
	return CHECK_SYS(syscall(__NR_futex, at, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
}

/* It tells which one was woken; it waits for none of them any more. */
CKPT_CYCLE(one_of_several)
{
	struct uring u;
	int i;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_several(&u, NULL, 1);
	several[3] = 1;
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	CHECK_EQ(1, wakes_at(&several[3]));
	take(&u, 1, 3, false);
	for (i = 0; i < SEVERAL; i++)
		CHECK_EQ(0, wakes_at(&several[i]));
	uring_works(&u);
}

/* One of them is shared with a child; and there are two such requests, with others between. */
CKPT_CYCLE(several_shared)
{
	uint32_t *shared = map_shared(-1);
	struct uring u;
	pid_t kid;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_several(&u, NULL, 1);
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 2);
	uring_submit(&u, 1);
	waits_several(&u, shared, 3);
	kid = ckpt_fork(wakes_child, shared);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	take(&u, 3, SEVERAL - 1, false);
	ckpt_wait_exit(kid, 0);
	CHECK_EQ(1, wakes_at(&several[0]));
	take(&u, 1, 0, false);
	CHECK_EQ(1, wakes(INT_MAX, ALL_BITS));
	take(&u, 2, 0, false);
	uring_works(&u);
}

CKPT_CYCLE(several_cancelled)
{
	struct io_uring_sqe *sqe;
	struct uring u;
	int i;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_several(&u, NULL, 1);
	ckpt_ready_wait();
	sqe = uring_prepare(&u, IORING_OP_ASYNC_CANCEL, 2);
	sqe->addr = 1;
	sqe->cancel_flags = 1;
	uring_submit(&u, 1);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0));
	takes_both(&u, 1, -ECANCELED, 2, 1);
	for (i = 0; i < SEVERAL; i++)
		CHECK_EQ(0, wakes_at(&several[i]));
	uring_works(&u);
}

/* One has woken it when its task had not asked yet; the others do no more. */
CKPT_CYCLE(several_woken)
{
	struct uring u;
	int i;

	CHECK_SYS(uring_make(&u, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
	waits_several(&u, NULL, 1);
	CHECK_EQ(1, wakes_at(&several[2]));
	ckpt_ready_wait();
	uring_is_empty(&u);
	CHECK_EQ(0, wakes_at(&several[2]));
	take(&u, 1, 2, false);
	for (i = 0; i < SEVERAL; i++)
		CHECK_EQ(0, wakes_at(&several[i]));
	uring_works(&u);
}

static struct uring common;

/* Is stopped when its requests wait. */
static int is_stopped(void *arg)
{
	uint32_t *at = arg;

	several_request(&common, at, 1);
	uring_submit(&common, 1);
	waits_shared(&common, at + 1, 2);
	CHECK_SYS(raise(SIGSTOP));
	TAKES(&common, { 1, SEVERAL - 1 }, { 2, 0 });
	return 0;
}

/* They were woken when the task was stopped, which is told when it goes on. */
CKPT_CYCLE(woken_stopped)
{
	uint32_t *at = map_shared(-1);
	int status;
	pid_t kid;

	CHECK_SYS(uring_make(&common, 4, 0));
	kid = ckpt_fork(is_stopped, at);
	CHECK_EQ(kid, waitpid(kid, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status), "status %#x", status);
	CHECK_EQ(1, wakes_shared(at));
	CHECK_EQ(1, wakes_shared(at + 1));
	ckpt_ready_wait();
	/* A restart tells it before it is stopped. */
	CHECK_EQ(0, wakes_shared(at));
	CHECK_EQ(0, wakes_shared(at + 1));
	CHECK_SYS(kill(kid, SIGCONT));
	ckpt_wait_exit(kid, 0);
	uring_works(&common);
}

/* They wait for other requests before they do for futexes. */
static void in_turn(unsigned int setup)
{
	int event = CHECK_SYS(eventfd(0, 0));
	uint32_t *shared = map_shared(-1);
	struct uring u;
	int i;

	CHECK_SYS(uring_make(&u, 8, setup));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	futex_request(&u, OP_FUTEX_WAIT, 0, 2, 2)->flags = IOSQE_IO_LINK;
	several_request(&u, shared, 3)->flags = IOSQE_IO_LINK;
	uring_prepare(&u, IORING_OP_NOP, 4);
	uring_submit(&u, 4);
	ckpt_ready_wait();
	CHECK_EQ(0, wakes(INT_MAX, ALL_BITS));
	CHECK_EQ(0, wakes_at(&several[1]));
	signals(event);
	take(&u, 1, POLLIN, false);
	look(&u);
	CHECK_EQ(0, wakes(INT_MAX, 1));
	CHECK_EQ(1, wakes(INT_MAX, 2));
	take(&u, 2, 0, false);
	look(&u);
	CHECK_EQ(1, syscall(__NR_futex, shared, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
	take(&u, 3, SEVERAL - 1, false);
	take(&u, 4, 0, false);
	for (i = 0; i < SEVERAL; i++)
		CHECK_EQ(0, wakes_at(&several[i]));
	uring_works(&u);
}

CKPT_CYCLE(after_others)
{
	in_turn(0);
}

CKPT_CYCLE(after_others_deferred)
{
	in_turn(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

/* Values are compared when it is their turn, as they have not waited yet. */
CKPT_CYCLE(changed_before)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	CHECK_SYS(uring_make(&u, 8, 0));
	waits_for(&u, event, 1, false)->flags = IOSQE_IO_LINK;
	futex_request(&u, OP_FUTEX_WAIT, 0, ALL_BITS, 2);
	waits_for(&u, event, 3, false)->flags = IOSQE_IO_LINK;
	several_request(&u, NULL, 4);
	uring_submit(&u, 4);
	ckpt_ready_wait();
	word = 1;
	several[2] = 1;
	signals(event);
	TAKES(&u, { 1, POLLIN }, { 2, -EAGAIN }, { 3, POLLIN }, { 4, -EAGAIN });
	uring_works(&u);
}

TEST_HARNESS_MAIN
