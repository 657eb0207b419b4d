// SPDX-License-Identifier: GPL-2.0
/* io_urings with buffers that are provided, and requests that get one when there is something for it. */
#include "common.h"
#include "sockets.h"
#include "uring.h"

#ifndef IOU_PBUF_RING_INC
#define IOU_PBUF_RING_INC	2
#endif
#ifndef IORING_CQE_F_BUF_MORE
#define IORING_CQE_F_BUF_MORE	(1u << 4)
#endif
#define OP_READ_MULTISHOT	49

#define BUF	16

CKPT_FIXTURE_IF(URING_BEGIN)

static char memory[4][BUF];

/* Reads a completion of so many bytes, which are in the buffer that it returns. */
static unsigned int take_buffer(struct uring *u, uint64_t data, int32_t res, bool more)
{
	uint32_t n = *uring_word(u, u->params.cq_off.head), flags;
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(u->rings + u->params.cq_off.cqes) +
				   (n & (u->params.cq_entries - 1));

	await_one(u);
	flags = cqe->flags;
	take(u, data, res, more);
	CHECK(flags & IORING_CQE_F_BUFFER, "it has got no buffer");
	return flags >> IORING_CQE_BUFFER_SHIFT;
}

/* Asks for something that goes into a buffer of group 5. */
static struct io_uring_sqe *selects(struct uring *u, unsigned int op, int fd, uint64_t data)
{
	struct io_uring_sqe *sqe = uring_prepare(u, op, data);

	sqe->fd = fd;
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->buf_group = 5;
	return sqe;
}

/* ---- lists ------------------------------------------------------------- */

/* Provides @n buffers from @first on. */
static void provides(struct uring *u, unsigned int first, unsigned int n)
{
	struct io_uring_sqe *sqe = uring_prepare(u, IORING_OP_PROVIDE_BUFFERS, 900);

	sqe->fd = n;
	sqe->addr = (uintptr_t)memory[first];
	sqe->len = BUF;
	sqe->off = first;
	sqe->buf_group = 5;
	uring_submit(u, 1);
	take(u, 900, 0, false);
}

/* One request waits, and there are buffers in an order of their own. */
CKPT_CYCLE(list)
{
	struct uring u;
	int fds[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(uring_make(&u, 8, 0));
	provides(&u, 2, 1);
	provides(&u, 0, 2);
	/* It holds none while it waits. */
	selects(&u, IORING_OP_RECV, fds[0], 1)->ioprio = IORING_RECVSEND_POLL_FIRST;
	uring_submit(&u, 1);
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	send_text(fds[1], "one");
	CHECK_EQ(2, take_buffer(&u, 1, 3, false));
	CHECK_STREQ("one", memory[2]);
	selects(&u, IORING_OP_RECV, fds[0], 2);
	uring_submit(&u, 1);
	send_text(fds[1], "two");
	CHECK_EQ(0, take_buffer(&u, 2, 3, false));
	CHECK_STREQ("two", memory[0]);
	provides(&u, 3, 1);
	send_text(fds[1], "three");
	selects(&u, IORING_OP_RECV, fds[0], 3);
	uring_submit(&u, 1);
	CHECK_EQ(1, take_buffer(&u, 3, 5, false));
	CHECK_STREQ("three", memory[1]);
	send_text(fds[1], "four");
	selects(&u, IORING_OP_RECV, fds[0], 4);
	uring_submit(&u, 1);
	CHECK_EQ(3, take_buffer(&u, 4, 4, false));
	/* There is none any more. */
	send_text(fds[1], "five");
	selects(&u, IORING_OP_RECV, fds[0], 5);
	uring_submit(&u, 1);
	take(&u, 5, -ENOBUFS, false);
	uring_works(&u);
}

/* ---- rings ------------------------------------------------------------- */

static struct io_uring_buf_ring *ring;

/* Adds the buffer @index to the ring. */
static void adds(unsigned int index)
{
	struct io_uring_buf *buf = &ring->bufs[ring->tail & 7];

	buf->addr = (uintptr_t)memory[index];
	buf->len = BUF;
	buf->bid = index;
	__atomic_store_n(&ring->tail, ring->tail + 1, __ATOMIC_RELEASE);
}

/* Registers a ring of 8 entries, in memory of this process, as group 5. */
static void registers(struct uring *u, unsigned int flags)
{
	struct io_uring_buf_reg reg = { .ring_entries = 8, .bgid = 5 };
	int ret;

	ring = mmap(NULL, ckpt_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(ring != MAP_FAILED, "mmap: %s", strerror(errno));
	reg.ring_addr = (uintptr_t)ring;
	/* The member has another name in older headers. */
	memcpy((char *)&reg + 14, &(uint16_t){ flags }, 2);
	ret = syscall(__NR_io_uring_register, u->fd, IORING_REGISTER_PBUF_RING, &reg, 1);
	CHECK(!ret, "IORING_REGISTER_PBUF_RING: %s", strerror(errno));
}

/* Registers a ring in memory of the kernel (IOU_PBUF_RING_MMAP), and maps it. */
static void *registers_of_kernel(struct uring *u, unsigned int group, unsigned int entries)
{
	struct io_uring_buf_reg reg = { .ring_entries = entries, .bgid = group };
	void *at;

	memcpy((char *)&reg + 14, &(uint16_t){ 1 }, 2);
	CHECK_SYS(syscall(__NR_io_uring_register, u->fd, IORING_REGISTER_PBUF_RING, &reg, 1));
	at = mmap(NULL, (entries * sizeof(struct io_uring_buf) + ckpt_page() - 1) & -ckpt_page(),
		  PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, 0x80000000ul | group << 16);
	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	return at;
}

/* The program and the kernel see the same memory; another ring is larger, and one is not mapped. */
CKPT_CYCLE(ring_of_kernel)
{
	struct io_uring_buf *large;
	struct uring u;
	int fds[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(uring_make(&u, 8, 0));
	ring = registers_of_kernel(&u, 5, 8);
	large = registers_of_kernel(&u, 7, 2048);
	large[2047].addr = 77;
	CHECK_SYS(munmap(registers_of_kernel(&u, 9, 4), ckpt_page()));
	adds(1);
	adds(3);
	send_text(fds[1], "one");
	selects(&u, IORING_OP_RECV, fds[0], 1);
	uring_submit(&u, 1);
	CHECK_EQ(1, take_buffer(&u, 1, 3, false));
	/* It waits, and takes the next one. */
	selects(&u, IORING_OP_RECV, fds[0], 2);
	uring_submit(&u, 1);
	ckpt_ready_wait();
	CHECK_EQ(77, large[2047].addr);
	CHECK_EQ(2, ring->tail);
	send_text(fds[1], "two");
	CHECK_EQ(3, take_buffer(&u, 2, 3, false));
	CHECK_STREQ("two", memory[3]);
	/* What is provided now the kernel sees. */
	adds(0);
	send_text(fds[1], "three");
	selects(&u, IORING_OP_RECV, fds[0], 3);
	uring_submit(&u, 1);
	CHECK_EQ(0, take_buffer(&u, 3, 5, false));
	CHECK_STREQ("three", memory[0]);
	registers_of_kernel(&u, 11, 8);
	uring_works(&u);
}

/* As a server does: it receives again and again. */
CKPT_CYCLE(receives_all)
{
	struct uring u;
	int fds[2], i;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(uring_make(&u, 8, 0));
	registers(&u, 0);
	for (i = 0; i < 4; i++)
		adds(i);
	selects(&u, IORING_OP_RECV, fds[0], 1)->ioprio = IORING_RECV_MULTISHOT;
	uring_submit(&u, 1);
	send_text(fds[1], "one");
	CHECK_EQ(0, take_buffer(&u, 1, 3, true));
	ckpt_ready_wait();
	look(&u);
	uring_is_empty(&u);
	send_text(fds[1], "three");
	CHECK_EQ(1, take_buffer(&u, 1, 5, true));
	CHECK_STREQ("three", memory[1]);
	/* More than once around. */
	for (i = 2; i < 20; i++) {
		adds((i + 2) & 3);
		send_text(fds[1], "more");
		CHECK_EQ(i & 3, take_buffer(&u, 1, 4, true));
		CHECK_EQ(0, memcmp("more", memory[i & 3], 4));
	}
	close(fds[1]);
	take(&u, 1, 0, false);
	uring_works(&u);
}

/* A buffer is used bit by bit. */
CKPT_CYCLE(bit_by_bit)
{
	struct uring u;
	int fds[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(uring_make(&u, 8, 0));
	registers(&u, IOU_PBUF_RING_INC);
	adds(0);
	adds(1);
	selects(&u, IORING_OP_RECV, fds[0], 1)->ioprio = IORING_RECV_MULTISHOT;
	uring_submit(&u, 1);
	send_text(fds[1], "0123");
	CHECK_EQ(0, take_buffer(&u, 1, 4, true));
	ckpt_ready_wait();
	send_text(fds[1], "4567");
	CHECK_EQ(0, take_buffer(&u, 1, 4, true));
	send_text(fds[1], "89abcdef");
	CHECK_EQ(0, take_buffer(&u, 1, 8, true));
	CHECK_EQ(0, memcmp("0123456789abcdef", memory[0], BUF));
	send_text(fds[1], "next");
	CHECK_EQ(1, take_buffer(&u, 1, 4, true));
	uring_prepare(&u, IORING_OP_NOP, 2);
	uring_submit(&u, 1);
	take(&u, 2, 0, false);
}

/* It reads from a pipe again and again. */
CKPT_CYCLE(reads_all)
{
	struct uring u;
	int fds[2];

	ckpt_pipe(fds, 0);
	CHECK_SYS(uring_make(&u, 8, 0));
	registers(&u, 0);
	adds(3);
	adds(2);
	selects(&u, OP_READ_MULTISHOT, fds[0], 1)->off = -1ULL;
	uring_submit(&u, 1);
	CHECK_EQ(3, write(fds[1], "one", 3));
	CHECK_EQ(3, take_buffer(&u, 1, 3, true));
	ckpt_ready_wait();
	CHECK_EQ(3, write(fds[1], "two", 3));
	CHECK_EQ(2, take_buffer(&u, 1, 3, true));
	CHECK_STREQ("one", memory[3]);
	CHECK_STREQ("two", memory[2]);
}

/* Who has sent it goes into the buffer, too. */
CKPT_CYCLE(receives_messages, .flags = SC_NO_ORIGINAL)
{
	static char buffers[2][128];
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct msghdr msg = { 0 };
	struct io_uring_recvmsg_out *out = (void *)buffers[1];
	struct io_uring_sqe *sqe;
	struct uring u;
	int fds[2], i;

	/* For a name of at most so many bytes. */
	msg.msg_namelen = 16;
	CHECK_SYS(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
	CHECK_SYS(bind(fds[1], (struct sockaddr *)&name, sizeof(sa_family_t)));
	CHECK_SYS(uring_make(&u, 8, 0));
	registers(&u, 0);
	for (i = 0; i < 2; i++) {
		adds(i);
		ring->bufs[i].addr = (uintptr_t)buffers[i];
		ring->bufs[i].len = sizeof(buffers[i]);
	}
	sqe = selects(&u, IORING_OP_RECVMSG, fds[0], 1);
	sqe->ioprio = IORING_RECV_MULTISHOT;
	sqe->addr = (uintptr_t)&msg;
	sqe->len = 1;
	uring_submit(&u, 1);
	send_text(fds[1], "one");
	CHECK_EQ(0, take_buffer(&u, 1, sizeof(*out) + 16 + 3, true));
	/* It was read when it was submitted. */
	memset(&msg, 0xff, sizeof(msg));
	ckpt_ready_wait();
	send_text(fds[1], "four");
	CHECK_EQ(1, take_buffer(&u, 1, sizeof(*out) + 16 + 4, true));
	CHECK_EQ(4, out->payloadlen);
	CHECK_EQ(sizeof(sa_family_t) + 6, out->namelen);
	CHECK_EQ(0, memcmp("four", (char *)(out + 1) + 16, 4));
}

TEST_HARNESS_MAIN
