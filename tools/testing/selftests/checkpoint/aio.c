// SPDX-License-Identifier: GPL-2.0
/* Native AIO: contexts at their places, what was not read, who waits, what is in flight. */
#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <linux/aio_abi.h>
#include <sys/eventfd.h>

CKPT_FIXTURE

/* What the kernel tells at the start of a ring, and who knows it may read it there. */
struct ring {
	uint32_t id, nr, head, tail, magic, compat, incompat, header;
	struct io_event events[];
};

/* Any number of requests that a ring of one page has room for. */
#define SOME	10

static aio_context_t make(unsigned int nr)
{
	aio_context_t ctx = 0;

	CHECK_SYS(syscall(__NR_io_setup, nr, &ctx));
	return ctx;
}

static struct ring *ring_of(aio_context_t ctx)
{
	return (struct ring *)ctx;
}

/* A file with one byte in it. */
static int one_byte(void)
{
	int fd = CHECK_SYS(memfd_create("aio", 0));

	CHECK_EQ(1, pwrite(fd, "x", 1, 0));
	return fd;
}

/* Submits a read of one byte, which is complete at once; -1: there is no room. */
static int submit(aio_context_t ctx, int fd, uint64_t data, int resfd)
{
	static char c;
	struct iocb cb = {
		.aio_data = data, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd,
		.aio_buf = (uintptr_t)&c, .aio_nbytes = 1,
	};
	struct iocb *list = &cb;

	if (resfd >= 0) {
		cb.aio_flags = IOCB_FLAG_RESFD;
		cb.aio_resfd = resfd;
	}
	if (syscall(__NR_io_submit, ctx, 1, &list) == 1)
		return 0;
	CHECK(errno == EAGAIN, "io_submit: %s", strerror(errno));
	return -1;
}

/* Reads one event, which is there and has this data. */
static void take(aio_context_t ctx, uint64_t data)
{
	struct timespec zero = { 0 };
	struct io_event event = { 0 };

	CHECK_EQ(1, syscall(__NR_io_getevents, ctx, 1, 1, &event, &zero));
	CHECK_EQ(data, event.data);
	CHECK_EQ(1, event.res);
	CHECK_EQ(0, event.res2);
}

static void is_empty(aio_context_t ctx)
{
	struct timespec zero = { 0 };
	struct io_event event;

	CHECK_EQ(0, syscall(__NR_io_getevents, ctx, 1, 1, &event, &zero));
}

/* It works, and can be destroyed. */
static void works(aio_context_t ctx, int fd)
{
	is_empty(ctx);
	CHECK_EQ(0, submit(ctx, fd, 4711, -1));
	take(ctx, 4711);
	CHECK_SYS(syscall(__NR_io_destroy, ctx));
	CHECK(syscall(__NR_io_destroy, ctx) == -1 && errno == EINVAL, "it was destroyed");
}

CKPT_CYCLE(contexts)
{
	aio_context_t ctx[5];
	uint32_t nr[5];
	int fd = one_byte(), i;

	for (i = 0; i < 5; i++) {
		ctx[i] = make(i * 200 + 1);
		nr[i] = ring_of(ctx[i])->nr;
	}
	/* The next one gets its index. */
	CHECK_SYS(syscall(__NR_io_destroy, ctx[1]));
	for (i = 0; i < 3; i++)
		CHECK_EQ(0, submit(ctx[2], fd, i, -1));
	ckpt_ready_wait();
	for (i = 0; i < 5; i++) {
		if (i != 1)
			CHECK_EQ(nr[i], ring_of(ctx[i])->nr);
	}
	for (i = 0; i < 3; i++)
		take(ctx[2], i);
	ctx[1] = make(1);
	for (i = 0; i < 5; i++)
		works(ctx[i], fd);
}

/* More than once around the ring, so that its end comes before its start. */
CKPT_CYCLE(results)
{
	aio_context_t ctx = make(SOME);
	struct ring *ring = ring_of(ctx);
	int fd = one_byte();
	uint32_t i, n;

	for (i = 0; i < ring->nr - 2; i++) {
		CHECK_EQ(0, submit(ctx, fd, i, -1));
		take(ctx, i);
	}
	for (i = 0; i < SOME; i++)
		CHECK_EQ(0, submit(ctx, fd, 100 + i, -1));
	CHECK(ring->tail < ring->head, "head %u, tail %u", ring->head, ring->tail);
	n = ring->head;
	ckpt_ready_wait();
	CHECK_EQ(n, ring->head);
	for (i = 0; i < SOME; i++)
		take(ctx, 100 + i);
	works(ctx, fd);
}

/* A program may read events by itself. */
CKPT_CYCLE(read_in_memory)
{
	aio_context_t ctx = make(SOME);
	struct ring *ring = ring_of(ctx);
	int fd = one_byte();
	uint32_t i;

	for (i = 0; i < SOME; i++)
		CHECK_EQ(0, submit(ctx, fd, i, -1));
	ring->head += 4;
	ckpt_ready_wait();
	CHECK_EQ(4, ring->events[ring->head].data);
	ring->head++;
	for (i = 5; i < SOME; i++)
		take(ctx, i);
	/* And the places of all are free again. */
	for (i = 0; i < 3 * ring->nr; i++) {
		CHECK_EQ(0, submit(ctx, fd, i, -1));
		CHECK_EQ(i, ring->events[ring->head].data);
		ring->head = (ring->head + 1) % ring->nr;
	}
	works(ctx, fd);
}

/* There is room for no more, and no event is lost. */
CKPT_CYCLE(full)
{
	aio_context_t ctx = make(SOME);
	struct ring *ring = ring_of(ctx);
	int fd = one_byte();
	uint32_t n = 0, i;

	while (!submit(ctx, fd, n, -1))
		n++;
	CHECK(n >= SOME && n < ring->nr, "%u of %u", n, ring->nr);
	ckpt_ready_wait();
	/* Places that another CPU had taken are free now. */
	while (!submit(ctx, fd, n, -1))
		n++;
	CHECK(n < ring->nr, "%u of %u", n, ring->nr);
	for (i = 0; i < n; i++)
		take(ctx, i);
	works(ctx, fd);
}

CKPT_CYCLE(with_eventfd)
{
	aio_context_t ctx = make(SOME);
	int fd = one_byte(), event = CHECK_SYS(eventfd(0, EFD_NONBLOCK));
	uint64_t n = 0;

	CHECK_EQ(0, submit(ctx, fd, 1, event));
	CHECK_EQ(0, submit(ctx, fd, 2, event));
	ckpt_ready_wait();
	CHECK_EQ(8, read(event, &n, sizeof(n)));
	CHECK_EQ(2, n);
	take(ctx, 1);
	take(ctx, 2);
	CHECK_EQ(0, submit(ctx, fd, 3, event));
	CHECK_EQ(8, read(event, &n, sizeof(n)));
	CHECK_EQ(1, n);
	take(ctx, 3);
	works(ctx, fd);
}

/* ---- the ring is a mapping -------------------------------------------- */

/* The line of /proc/self/smaps with the flags of the mapping at @addr. */
static void flags_of(const void *addr, char *flags, size_t size)
{
	char line[512], start[32];
	bool found = false;
	FILE *file = fopen("/proc/self/smaps", "r");

	CHECK(file, "smaps: %s", strerror(errno));
	snprintf(start, sizeof(start), "%lx-", (unsigned long)(uintptr_t)addr);
	*flags = 0;
	while (fgets(line, sizeof(line), file)) {
		char *at = line + strspn(line, "0");

		if (!strncmp(at, start, strlen(start)))
			found = true;
		if (found && !strncmp(line, "VmFlags:", 8)) {
			snprintf(flags, size, "%s", line + 8);
			break;
		}
	}
	fclose(file);
	CHECK(*flags, "no mapping at %p", addr);
}

CKPT_CYCLE(mapping)
{
	aio_context_t ctx = make(SOME), moved = make(SOME);
	struct ring *ring = ring_of(ctx);
	size_t page = sysconf(_SC_PAGESIZE);
	size_t size = (sizeof(*ring) + ring->nr * sizeof(struct io_event) + page - 1) / page * page;
	char before[2][256], after[2][256];
	int fd = one_byte(), i;
	void *place;

	place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(place != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK(mremap((void *)moved, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place,
	      "mremap: %s", strerror(errno));
	moved = (uintptr_t)place;
	CHECK_EQ(0, submit(moved, fd, 7, -1));
	CHECK_SYS(madvise(ring, size, MADV_DONTDUMP));
	CHECK_SYS(mprotect(ring, size, PROT_READ));
	for (i = 0; i < 2; i++)
		flags_of(i ? (void *)ring : place, before[i], sizeof(before[i]));
	ckpt_ready_wait();
	for (i = 0; i < 2; i++) {
		flags_of(i ? (void *)ring : place, after[i], sizeof(after[i]));
		CHECK_STREQ(before[i], after[i]);
	}
	take(moved, 7);
	works(moved, fd);
	CHECK_SYS(mprotect(ring, size, PROT_READ | PROT_WRITE));
	works(ctx, fd);
}

/* A child has none of it. */
static aio_context_t parents_ctx;

static int has_none(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	CHECK(syscall(__NR_io_destroy, parents_ctx) == -1 && errno == EINVAL, "it has a context");
	return 0;
}

CKPT_CYCLE(forked)
{
	int fd = one_byte();
	pid_t kid;

	parents_ctx = make(SOME);
	kid = ckpt_fork(has_none, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	works(parents_ctx, fd);
}

/* ---- who waits -------------------------------------------------------- */

static void *waits(void *arg)
{
	aio_context_t ctx = *(aio_context_t *)arg;
	struct io_event event[2] = { 0 };

	CHECK_EQ(2, syscall(__NR_io_getevents, ctx, 2, 2, event, NULL));
	CHECK_EQ(1, event[0].data);
	CHECK_EQ(2, event[1].data);
	return NULL;
}

CKPT_CYCLE(sleeper, .blocked = { BLOCKED(__NR_io_getevents) })
{
	aio_context_t ctx = make(SOME);
	int fd = one_byte();
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, waits, &ctx));
	ckpt_ready_wait();
	CHECK_EQ(0, submit(ctx, fd, 1, -1));
	CHECK_EQ(0, submit(ctx, fd, 2, -1));
	CHECK_EQ(0, pthread_join(thread, NULL));
	works(ctx, fd);
}

/* ---- what is in flight ------------------------------------------------ */

static bool gone_on(void)
{
	return !__atomic_load_n(&board->go, __ATOMIC_SEQ_CST);
}

/* A kernel thread carries out each fsync, and signals the eventfd. */
static void *syncs(void *arg)
{
	aio_context_t ctx = make(SOME);
	int fd = one_byte(), event = CHECK_SYS(eventfd(0, 0));
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = fd,
		.aio_flags = IOCB_FLAG_RESFD, .aio_resfd = event,
	};
	struct iocb *list = &cb;
	struct io_event done;
	uint64_t n, i;

	for (i = 0; i < 10 || gone_on(); i++) {
		cb.aio_data = i;
		CHECK_EQ(1, syscall(__NR_io_submit, ctx, 1, &list));
		CHECK_EQ(8, read(event, &n, sizeof(n)));
		CHECK_EQ(1, n);
		CHECK_EQ(1, syscall(__NR_io_getevents, ctx, 1, 1, &done, NULL));
		CHECK_EQ(i, done.data);
		CHECK_EQ(0, done.res);
		__atomic_store_n((uint64_t *)arg, i + 1, __ATOMIC_SEQ_CST);
	}
	works(ctx, fd);
	return NULL;
}

CKPT_CYCLE(in_flight)
{
	uint64_t count[4] = { 0 };
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, syncs, &count[i]));
	for (i = 0; i < 4; i++) {
		while (!__atomic_load_n(&count[i], __ATOMIC_SEQ_CST))
			sched_yield();
	}
	ckpt_ready_wait();
	for (i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* ---- how many there may be -------------------------------------------- */

/* Requests of one context that nothing else here has so many of. */
#define MANY	20000

static long number(const char *path)
{
	char text[64];

	return strtol(ckpt_read_file(path, text, sizeof(text)), NULL, 10);
}

CKPT_SCENARIO(counted)
{
	aio_context_t ctx;

	ctx = make(MANY);
	ckpt_ready_wait();
	works(ctx, one_byte());
}

static int set_max(long max)
{
	FILE *file = fopen("/proc/sys/fs/aio-max-nr", "w");

	if (!file)
		return -1;
	fprintf(file, "%ld\n", max);
	return fclose(file);
}

TEST_F_TIMEOUT(cr, counted, CKPT_TIMEOUT)
{
	long max = number("/proc/sys/fs/aio-max-nr"), before = number("/proc/sys/fs/aio-nr");
	int image = ckpt_image_new();
	struct restart_args args;
	struct ckpt_run run;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "is about a restart");
	ASSERT_LE(before + MANY, max);
	ASSERT_EQ(0, ckpt_run_init(&run, &counted, variant->container));
	EXPECT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(before + MANY, number("/proc/sys/fs/aio-nr"));
	EXPECT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	EXPECT_EQ(before, number("/proc/sys/fs/aio-nr"));

	EXPECT_EQ(0, set_max(before + MANY - 1));
	ckpt_take_board_back(&run);
	lseek(image, 0, SEEK_SET);
	ckpt_run_restart_args(&run, &args, image, 0);
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_TRUE(ckpt_run_log_has(&run, "raise fs.aio-max-nr"));
	EXPECT_EQ(before, number("/proc/sys/fs/aio-nr"));

	EXPECT_EQ(0, set_max(max));
	lseek(image, 0, SEEK_SET);
	EXPECT_EQ(0, ckpt_run_restart(&run, image, 0));
	EXPECT_EQ(before + MANY, number("/proc/sys/fs/aio-nr"));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

TEST_HARNESS_MAIN
