/* SPDX-License-Identifier: GPL-2.0 */
/* An io_uring with its memory, for tests. */
#ifndef CKPT_TEST_URING_H
#define CKPT_TEST_URING_H

#include <linux/io_uring.h>

#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY	(1u << 16)
#endif

struct uring {
	struct io_uring_params params;
	int fd;
	char *rings;
	size_t rings_size;
	char *sqes;
	size_t sqes_size;
};

__attribute__((unused))
static uint32_t *uring_word(struct uring *u, uint32_t offset)
{
	return (uint32_t *)(u->rings + offset);
}

__attribute__((unused))
static struct io_uring_sqe *uring_sqe(struct uring *u, uint32_t n)
{
	size_t size = u->params.flags & IORING_SETUP_SQE128 ? 128 : 64;

	return (struct io_uring_sqe *)(u->sqes + (n & (u->params.sq_entries - 1)) * size);
}

/* Makes one and maps it; -1 as of io_uring_setup(2). */
__attribute__((unused))
static int uring_make(struct uring *u, unsigned int entries, unsigned int flags)
{
	size_t cqe = flags & IORING_SETUP_CQE32 ? 32 : 16, array = 0;

	memset(u, 0, sizeof(*u));
	u->params.flags = flags;
	u->fd = syscall(__NR_io_uring_setup, entries, &u->params);
	if (u->fd < 0)
		return -1;
	CHECK(u->params.features & IORING_FEAT_SINGLE_MMAP, "two mappings of the rings");
	if (!(flags & IORING_SETUP_NO_SQARRAY))
		array = u->params.sq_off.array + u->params.sq_entries * 4;
	u->rings_size = u->params.cq_off.cqes + u->params.cq_entries * cqe;
	if (u->rings_size < array)
		u->rings_size = array;
	u->sqes_size = u->params.sq_entries * (flags & IORING_SETUP_SQE128 ? 128 : 64);
	u->rings = mmap(NULL, u->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
			IORING_OFF_SQ_RING);
	u->sqes = mmap(NULL, u->sqes_size, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		       IORING_OFF_SQES);
	CHECK(u->rings != MAP_FAILED && u->sqes != MAP_FAILED, "mmap: %s", strerror(errno));
	return u->fd;
}

/* Puts a request into it, which is not submitted yet; for the caller to fill. */
__attribute__((unused))
static struct io_uring_sqe *uring_prepare(struct uring *u, unsigned int op, uint64_t data)
{
	uint32_t *tail = uring_word(u, u->params.sq_off.tail), n = *tail;
	struct io_uring_sqe *sqe = uring_sqe(u, n);

	memset(sqe, 0, u->params.flags & IORING_SETUP_SQE128 ? 128 : 64);
	sqe->opcode = op;
	sqe->user_data = data;
	if (!(u->params.flags & IORING_SETUP_NO_SQARRAY))
		uring_word(u, u->params.sq_off.array)[n & (u->params.sq_entries - 1)] =
			n & (u->params.sq_entries - 1);
	__atomic_store_n(tail, n + 1, __ATOMIC_SEQ_CST);
	return sqe;
}

__attribute__((unused))
static void uring_submit(struct uring *u, unsigned int n)
{
	CHECK_EQ(n, syscall(__NR_io_uring_enter, u->fd, n, 0, 0, NULL, 0));
}

/* Submits one request, and waits until it is completed. */
__attribute__((unused))
static void uring_do(struct uring *u)
{
	CHECK_EQ(1, syscall(__NR_io_uring_enter, u->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
}

/* Reads a completion, which is there. */
__attribute__((unused))
static void uring_take(struct uring *u, uint64_t data, int32_t res)
{
	uint32_t *head = uring_word(u, u->params.cq_off.head), n = *head;
	size_t size = u->params.flags & IORING_SETUP_CQE32 ? 32 : 16;
	struct io_uring_cqe *cqe;

	CHECK(n != __atomic_load_n(uring_word(u, u->params.cq_off.tail), __ATOMIC_SEQ_CST),
	      "no completion, but %llu expected", (unsigned long long)data);
	cqe = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes +
				      (n & (u->params.cq_entries - 1)) * size);
	CHECK_EQ(data, cqe->user_data);
	CHECK_EQ(res, cqe->res);
	__atomic_store_n(head, n + 1, __ATOMIC_SEQ_CST);
}

__attribute__((unused))
static void uring_is_empty(struct uring *u)
{
	CHECK_EQ(*uring_word(u, u->params.cq_off.head), *uring_word(u, u->params.cq_off.tail));
}

/* It is empty, and works. */
__attribute__((unused))
static void uring_works(struct uring *u)
{
	uint32_t i;

	uring_is_empty(u);
	/* More than once around. */
	for (i = 0; i < 3 * u->params.cq_entries; i++) {
		uring_prepare(u, IORING_OP_NOP, 1000 + i);
		uring_submit(u, 1);
		uring_take(u, 1000 + i, 0);
	}
	uring_is_empty(u);
}

/* Registers something. */
__attribute__((unused))
static void enroll(struct uring *u, unsigned int op, void *arg, unsigned int nr)
{
	CHECK_SYS(syscall(__NR_io_uring_register, u->fd, op, arg, nr));
}

/* Waits until there is a completion, and does what there is to do for them. */
__attribute__((unused))
static void await_one(struct uring *u)
{
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
}

/* Does what there is to do. */
__attribute__((unused))
static void look(struct uring *u)
{
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
}

/* Reads a completion, after which there are @more of the same request. */
__attribute__((unused))
static void take(struct uring *u, uint64_t data, int32_t res, bool more)
{
	uint32_t n = *uring_word(u, u->params.cq_off.head);
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes) +
				   (n & (u->params.cq_entries - 1));

	await_one(u);
	CHECK_EQ(more, !!(cqe->flags & IORING_CQE_F_MORE));
	uring_take(u, data, res);
}

/* The same of one that is no error; returns its result. */
__attribute__((unused))
static int32_t take_any(struct uring *u, uint64_t data, bool more)
{
	uint32_t n = *uring_word(u, u->params.cq_off.head);
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes) +
				   (n & (u->params.cq_entries - 1));
	int32_t res;

	await_one(u);
	res = cqe->res;
	CHECK(res >= 0, "request %llu: %s", (unsigned long long)data, strerror(-res));
	take(u, data, res, more);
	return res;
}

/* Signals an eventfd. */
__attribute__((unused))
static void signals(int event)
{
	uint64_t one = 1;

	CHECK_EQ(8, write(event, &one, sizeof(one)));
}

/* The kernel has requests of this kind. */
__attribute__((unused))
static bool uring_has(unsigned int op)
{
	struct io_uring_probe *probe;
	struct uring u;
	bool has;

	probe = calloc(1, sizeof(*probe) + 256 * sizeof(probe->ops[0]));
	if (!probe || uring_make(&u, 1, 0) < 0)
		return false;
	has = !syscall(__NR_io_uring_register, u.fd, IORING_REGISTER_PROBE, probe, 256) &&
	      probe->last_op >= op && probe->ops[op].flags & IO_URING_OP_SUPPORTED;
	munmap(u.rings, u.rings_size);
	munmap(u.sqes, u.sqes_size);
	close(u.fd);
	free(probe);
	return has;
}

/* The kernel has it, and lets us use it. */
#define URING_BEGIN() do {						\
	struct io_uring_params __params = { 0 };			\
	int __fd;							\
									\
	CKPT_BEGIN();							\
	__fd = syscall(__NR_io_uring_setup, 1, &__params);		\
	if (__fd < 0)							\
		SKIP(return, "no io_uring: %s", strerror(errno));	\
	close(__fd);							\
} while (0)

#endif /* CKPT_TEST_URING_H */
