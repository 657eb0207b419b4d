// SPDX-License-Identifier: GPL-2.0
/*
 * io_urings with requests that a disk carries out: reads without the page cache, and fsync by
 * workers. At any time most of them are in flight, so they are at the checkpoint, too: all come to
 * an end with the right result and the right data, whether that was before the checkpoint or after.
 */
#include "common.h"
#include "uring.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/vfs.h>
#include <linux/magic.h>

CKPT_FIXTURE_IF(URING_BEGIN)

#define THREADS	2
/* How many requests a ring has in flight, and how many of them come to their end after the word. */
#define SLOTS	8
#define MORE	(8 * SLOTS)
#define BLOCK	4096

struct slot {
	uint64_t *in;
	uint64_t round;
};

struct job {
	/* What it asks for. */
	unsigned int op;
	/* How often it has seen a completion. */
	uint64_t count;
	int fd;
	struct uring u;
	struct slot slot[SLOTS];
};

static bool gone_on(void)
{
	return __atomic_load_n(&board->go, __ATOMIC_SEQ_CST);
}

static uint64_t *block(void)
{
	void *at;

	CHECK_EQ(0, posix_memalign(&at, BLOCK, BLOCK));
	return at;
}

static uint64_t pattern(unsigned int n, unsigned int word)
{
	return 1ull << 32 | n << 16 | word;
}

/* A file without a name on the disk, all of whose blocks are there. */
static int on_the_disk(void)
{
	char path[] = "/var/tmp/ckpt-disk-XXXXXX";
	struct statfs fs;
	uint64_t *data = block();
	unsigned int n, i;
	int fd;

	fd = CHECK_SYS(mkostemp(path, O_DIRECT | O_CLOEXEC));
	CHECK_SYS(unlink(path));
	CHECK_SYS(fstatfs(fd, &fs));
	CHECK(fs.f_type != TMPFS_MAGIC, "/var/tmp is not on a disk");
	for (n = 0; n < SLOTS; n++) {
		for (i = 0; i < BLOCK / sizeof(*data); i++)
			data[i] = pattern(n, i);
		CHECK_EQ(BLOCK, pwrite(fd, data, BLOCK, n * BLOCK));
	}
	CHECK_SYS(fsync(fd));
	free(data);
	return fd;
}

/* The next request of a slot. */
static void asks(struct job *job, unsigned int n)
{
	struct slot *slot = &job->slot[n];
	struct io_uring_sqe *sqe;

	sqe = uring_prepare(&job->u, job->op, slot->round << 4 | n);
	sqe->fd = job->fd;
	if (job->op == IORING_OP_FSYNC) {
		sqe->flags = IOSQE_ASYNC;
		return;
	}
	memset(slot->in, 0xff, BLOCK);
	sqe->addr = (uintptr_t)slot->in;
	sqe->len = BLOCK;
	sqe->off = n * BLOCK;
}

/* It is the one of its slot that was asked for, and did what it was to do. */
static unsigned int ends(struct job *job, const struct io_uring_cqe *cqe)
{
	unsigned int n = cqe->user_data & 15, i;
	struct slot *slot;

	CHECK(n < SLOTS, "nobody has asked for %llu", (unsigned long long)cqe->user_data);
	slot = &job->slot[n];
	CHECK_EQ(slot->round << 4 | n, cqe->user_data);
	CHECK_EQ(job->op == IORING_OP_FSYNC ? 0 : BLOCK, cqe->res);
	for (i = 0; job->op == IORING_OP_READ && i < BLOCK / sizeof(*slot->in); i++)
		CHECK_EQ(pattern(n, i), slot->in[i]);
	slot->round++;
	return n;
}

/* Waits for a completion. A mere freeze interrupts that on kernels without checkpoints. */
static void awaits(struct uring *u)
{
	while (syscall(__NR_io_uring_enter, u->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0))
		CHECK(errno == EINTR && getenv("CKPT_BASELINE"), "io_uring_enter: %s",
		      strerror(errno));
}

static void *uses_the_disk(void *arg)
{
	struct job *job = arg;
	unsigned int in_flight = SLOTS, more = MORE, ready, n;
	struct uring *u = &job->u;

	CHECK_SYS(uring_make(u, SLOTS, 0));
	job->fd = on_the_disk();
	for (n = 0; n < SLOTS; n++) {
		job->slot[n].in = block();
		asks(job, n);
	}
	uring_submit(u, SLOTS);
	while (in_flight) {
		const uint32_t *tail = uring_word(u, u->params.cq_off.tail);
		uint32_t *head = uring_word(u, u->params.cq_off.head);

		awaits(u);
		ready = 0;
		while (*head != __atomic_load_n(tail, __ATOMIC_ACQUIRE)) {
			n = ends(job, (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes) +
				 (*head & (u->params.cq_entries - 1)));
			__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
			__atomic_add_fetch(&job->count, 1, __ATOMIC_SEQ_CST);
			if (gone_on() && !more) {
				in_flight--;
				continue;
			}
			more -= gone_on();
			asks(job, n);
			ready++;
		}
		uring_submit(u, ready);
	}
	CHECK_SYS(close(job->fd));
	uring_works(u);
	return NULL;
}

static void in_flight(unsigned int op)
{
	static struct job job[THREADS];
	pthread_t thread[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		job[i].op = op;
		CHECK_EQ(0, pthread_create(&thread[i], NULL, uses_the_disk, &job[i]));
	}
	/* All of them have been through it. */
	for (i = 0; i < THREADS; i++) {
		while (__atomic_load_n(&job[i].count, __ATOMIC_SEQ_CST) < 2 * SLOTS)
			sched_yield();
	}
	ckpt_ready_wait();
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

CKPT_CYCLE(reads)
{
	in_flight(IORING_OP_READ);
}

CKPT_CYCLE(syncs)
{
	in_flight(IORING_OP_FSYNC);
}

TEST_HARNESS_MAIN
