// SPDX-License-Identifier: GPL-2.0
/*
 * Rings of packet sockets: frames and blocks that were not read, where the kernel goes on, when
 * it had no more room, what was dropped, what comes while tasks stand still; frames that are to
 * be sent; mappings, also inherited ones and what is left of them.
 */
#include "packet_sockets.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

CKPT_FIXTURE

/* Bytes of a frame. */
#define FRAME		2048

/* After so many milliseconds a block is given to us that has packets. */
#define RETIRE		200

/* Bytes of a block that are ours. */
#define PRIVATE		16

struct ring {
	int fd;
	int version;
	unsigned int blocks, block_size;
	unsigned int frames;
	char *map;
	size_t len;
};

/* A socket of @version with a ring that receives, or one that sends. */
static struct ring ring_of(int version, int name, unsigned int blocks)
{
	struct ring ring = {
		.fd = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
		.version = version, .blocks = blocks, .block_size = sysconf(_SC_PAGESIZE),
	};
	struct tpacket_req3 req = {
		.tp_block_size = ring.block_size,
		.tp_block_nr = blocks,
		.tp_frame_size = FRAME,
		.tp_frame_nr = blocks * ring.block_size / FRAME,
	};

	if (version == TPACKET_V3 && name == PACKET_RX_RING) {
		req.tp_retire_blk_tov = RETIRE;
		req.tp_sizeof_priv = PRIVATE;
		req.tp_feature_req_word = TP_FT_REQ_FILL_RXHASH;
	}
	ring.frames = req.tp_frame_nr;
	ring.len = (size_t)blocks * ring.block_size;
	set_value(ring.fd, PACKET_VERSION, version);
	set_value(ring.fd, PACKET_IGNORE_OUTGOING, 1);
	set_value(ring.fd, PACKET_RESERVE, 32);
	set_value(ring.fd, PACKET_LOSS, 1);
	CHECK_SYS(setsockopt(ring.fd, SOL_PACKET, name, &req,
			     version == TPACKET_V3 ? sizeof(req) : sizeof(struct tpacket_req)));
	ring.map = mmap(NULL, ring.len, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, 0);
	CHECK(ring.map != MAP_FAILED, "mmap: %s", strerror(errno));
	return ring;
}

/* What the loopback device gets comes to it from now on. */
static void listens(struct ring *ring)
{
	lo.sll_protocol = htons(PROTOCOL);
	CHECK_SYS(bind(ring->fd, (struct sockaddr *)&lo, sizeof(lo)));
}

/* All stays on one CPU, so that what is sent comes in its order. */
static void stay(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(CHECK_SYS(sched_getcpu()), &cpus);
	CHECK_SYS(sched_setaffinity(0, sizeof(cpus), &cpus));
	up();
}

static void expect_options(struct ring *ring)
{
	CHECK_EQ(ring->version, value_of(ring->fd, PACKET_VERSION));
	CHECK_EQ(32, value_of(ring->fd, PACKET_RESERVE));
	CHECK_EQ(1, value_of(ring->fd, PACKET_LOSS));
}

static struct tpacket_stats_v3 statistics(struct ring *ring)
{
	struct tpacket_stats_v3 stats = {};
	socklen_t len = sizeof(stats);

	CHECK_SYS(getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
	return stats;
}

/* ---- frames ---------------------------------------------------------- */

static char *frame_at(struct ring *ring, unsigned int n)
{
	unsigned int in_block = ring->block_size / FRAME;

	return ring->map + n / in_block * ring->block_size + n % in_block * FRAME;
}

static unsigned long status_of(struct ring *ring, unsigned int n)
{
	char *frame = frame_at(ring, n);

	switch (ring->version) {
	case TPACKET_V1:
		return __atomic_load_n(&((struct tpacket_hdr *)frame)->tp_status, __ATOMIC_ACQUIRE);
	case TPACKET_V2:
		return __atomic_load_n(&((struct tpacket2_hdr *)frame)->tp_status, __ATOMIC_ACQUIRE);
	default:
		return __atomic_load_n(&((struct tpacket3_hdr *)frame)->tp_status, __ATOMIC_ACQUIRE);
	}
}

static void set_status(struct ring *ring, unsigned int n, unsigned long status)
{
	char *frame = frame_at(ring, n);

	if (ring->version == TPACKET_V1)
		__atomic_store_n(&((struct tpacket_hdr *)frame)->tp_status, status,
				 __ATOMIC_RELEASE);
	else if (ring->version == TPACKET_V2)
		__atomic_store_n(&((struct tpacket2_hdr *)frame)->tp_status, status,
				 __ATOMIC_RELEASE);
	else
		__atomic_store_n(&((struct tpacket3_hdr *)frame)->tp_status, status,
				 __ATOMIC_RELEASE);
}

static void await_frame(struct ring *ring, unsigned int n)
{
	while (!(status_of(ring, n) & TP_STATUS_USER))
		sched_yield();
}

/* Frame @n has @text, and is given back. */
static void expect_frame(struct ring *ring, unsigned int n, const char *text)
{
	char *frame = frame_at(ring, n), *data;
	unsigned int len;

	CHECK(status_of(ring, n) & TP_STATUS_USER, "frame %u is empty", n);
	if (ring->version == TPACKET_V1) {
		data = frame + ((struct tpacket_hdr *)frame)->tp_net;
		len = ((struct tpacket_hdr *)frame)->tp_len;
	} else {
		data = frame + ((struct tpacket2_hdr *)frame)->tp_net;
		len = ((struct tpacket2_hdr *)frame)->tp_len;
	}
	CHECK_EQ(strlen(text), len);
	CHECK(!memcmp(text, data, len), "frame %u has something else", n);
	set_status(ring, n, TP_STATUS_KERNEL);
}

/* Frames that were read, that were not, and what comes after them, round the ring. */
static void frames(int version)
{
	struct pollfd pfd = { .events = POLLIN };
	struct ring ring;
	unsigned int i;
	char text[32];
	int from;

	stay();
	ring = ring_of(version, PACKET_RX_RING, 2);
	listens(&ring);
	from = packet(0);
	send_packet(from, PROTOCOL, "first");
	send_packet(from, PROTOCOL, "second");
	send_packet(from, PROTOCOL, "third");
	await_frame(&ring, 2);
	expect_frame(&ring, 0, "first");
	ckpt_ready_wait();
	expect_options(&ring);
	CHECK_EQ(3, statistics(&ring).tp_packets);
	CHECK_EQ(0, statistics(&ring).tp_packets);
	pfd.fd = ring.fd;
	CHECK_EQ(1, poll(&pfd, 1, 0));
	CHECK_EQ(TP_STATUS_KERNEL, status_of(&ring, 0));
	CHECK_EQ(TP_STATUS_KERNEL, status_of(&ring, 3));
	expect_frame(&ring, 1, "second");
	expect_frame(&ring, 2, "third");
	for (i = 3; i < 3 + 2 * ring.frames; i++) {
		snprintf(text, sizeof(text), "frame %u", i);
		send_packet(from, PROTOCOL, text);
		/* There is no other one: so it tells of this one, wherever that is. */
		CHECK_EQ(1, poll(&pfd, 1, -1));
		expect_frame(&ring, i % ring.frames, text);
	}
	CHECK_EQ(2 * ring.frames, statistics(&ring).tp_packets);
}

CKPT_CYCLE(frames_v1)
{
	frames(TPACKET_V1);
}

CKPT_CYCLE(frames_v2)
{
	frames(TPACKET_V2);
}

/* All frames are ours: what comes is dropped, until the first one is given back. */
CKPT_CYCLE(frames_full)
{
	struct pollfd pfd = { .events = POLLIN };
	struct ring ring;
	unsigned int i;
	char text[32];
	int from, twin;

	stay();
	ring = ring_of(TPACKET_V2, PACKET_RX_RING, 2);
	listens(&ring);
	from = packet(0);
	for (i = 0; i < ring.frames; i++) {
		snprintf(text, sizeof(text), "frame %u", i);
		send_packet(from, PROTOCOL, text);
		await_frame(&ring, i);
	}
	/* What is dropped comes to the twin, too; what comes after it to no ring. */
	twin = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	set_value(twin, PACKET_IGNORE_OUTGOING, 1);
	lo.sll_protocol = htons(PROTOCOL + 1);
	CHECK_SYS(bind(twin, (struct sockaddr *)&lo, sizeof(lo)));
	pfd.fd = twin;
	send_packet(from, PROTOCOL, "dropped");
	send_packet(from, PROTOCOL + 1, "then");
	CHECK_EQ(1, poll(&pfd, 1, -1));
	ckpt_ready_wait();
	CHECK_EQ(1, statistics(&ring).tp_drops);
	send_packet(from, PROTOCOL, "dropped");
	CHECK_SYS(recv(twin, text, sizeof(text), 0));
	send_packet(from, PROTOCOL + 1, "then");
	CHECK_EQ(1, poll(&pfd, 1, -1));
	CHECK_EQ(1, statistics(&ring).tp_drops);
	for (i = 0; i < ring.frames; i++) {
		snprintf(text, sizeof(text), "frame %u", i);
		expect_frame(&ring, i, text);
	}
	send_packet(from, PROTOCOL, "after");
	await_frame(&ring, 0);
	expect_frame(&ring, 0, "after");
}

/* A packet that is longer than a frame is in the queue, too, as a whole. */
CKPT_CYCLE(frames_copied)
{
	char sent[3 * FRAME], got[sizeof(sent)];
	struct ring ring;
	int from;

	stay();
	ring = ring_of(TPACKET_V2, PACKET_RX_RING, 2);
	set_value(ring.fd, PACKET_COPY_THRESH, 1);
	listens(&ring);
	from = packet(0);
	memset(sent, 'x', sizeof(sent));
	lo.sll_protocol = htons(PROTOCOL);
	CHECK_EQ((long)sizeof(sent), sendto(from, sent, sizeof(sent), 0, (struct sockaddr *)&lo,
					    sizeof(lo)));
	await_frame(&ring, 0);
	ckpt_ready_wait();
	CHECK(status_of(&ring, 0) & TP_STATUS_COPY, "there is no copy");
	CHECK_EQ((long)sizeof(got), recv(ring.fd, got, sizeof(got), MSG_DONTWAIT));
	CHECK(!memcmp(sent, got, sizeof(got)), "the copy is another one");
}

/* ---- blocks ---------------------------------------------------------- */

static struct tpacket_block_desc *block_at(struct ring *ring, unsigned int n)
{
	return (struct tpacket_block_desc *)(ring->map + n * ring->block_size);
}

static bool is_ours(struct ring *ring, unsigned int n)
{
	return __atomic_load_n(&block_at(ring, n)->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
	       TP_STATUS_USER;
}

static void give_back(struct ring *ring, unsigned int n)
{
	__atomic_store_n(&block_at(ring, n)->hdr.bh1.block_status, TP_STATUS_KERNEL,
			 __ATOMIC_RELEASE);
}

static void await_block(struct ring *ring, unsigned int n)
{
	while (!is_ours(ring, n))
		sched_yield();
}

/* Block @n, the @sequence-th, has the packets @one and @two, if that is any. */
static void expect_block(struct ring *ring, unsigned int n, unsigned int sequence, const char *one,
			 const char *two)
{
	struct tpacket_block_desc *block = block_at(ring, n);
	char *at = (char *)block + block->hdr.bh1.offset_to_first_pkt;
	struct tpacket3_hdr *head = (struct tpacket3_hdr *)at;

	CHECK(is_ours(ring, n), "block %u is the kernel's", n);
	CHECK_EQ(sequence, block->hdr.bh1.seq_num);
	CHECK_EQ(two ? 2 : 1, block->hdr.bh1.num_pkts);
	CHECK_EQ(strlen(one), head->tp_len);
	CHECK(!memcmp(one, at + head->tp_net, strlen(one)), "it has another packet");
	if (two) {
		at += head->tp_next_offset;
		head = (struct tpacket3_hdr *)at;
		CHECK_EQ(strlen(two), head->tp_len);
		CHECK(!memcmp(two, at + head->tp_net, strlen(two)), "it has another packet");
	}
	CHECK_EQ(0, head->tp_next_offset);
}

/* A block that is being filled, and what we keep in one. */
CKPT_CYCLE(blocks)
{
	struct ring ring;
	int from;

	stay();
	ring = ring_of(TPACKET_V3, PACKET_RX_RING, 4);
	strcpy((char *)block_at(&ring, 3) + block_at(&ring, 0)->offset_to_priv, "private");
	listens(&ring);
	from = packet(0);
	send_packet(from, PROTOCOL, "read");
	await_block(&ring, 0);
	expect_block(&ring, 0, 1, "read", NULL);
	give_back(&ring, 0);
	send_packet(from, PROTOCOL, "unread");
	await_block(&ring, 1);
	send_packet(from, PROTOCOL, "first");
	while (__atomic_load_n(&block_at(&ring, 2)->hdr.bh1.num_pkts, __ATOMIC_ACQUIRE) < 1)
		sched_yield();
	ckpt_ready_wait();
	expect_options(&ring);
	CHECK(!is_ours(&ring, 0), "a block that was given back is ours");
	expect_block(&ring, 1, 2, "unread", NULL);
	await_block(&ring, 2);
	expect_block(&ring, 2, 3, "first", NULL);
	CHECK_EQ(3, statistics(&ring).tp_packets);
	CHECK_STREQ("private", (char *)block_at(&ring, 3) + block_at(&ring, 0)->offset_to_priv);
	send_packet(from, PROTOCOL, "after");
	send_packet(from, PROTOCOL, "then");
	await_block(&ring, 3);
	CHECK_EQ(4, block_at(&ring, 3)->hdr.bh1.seq_num);
	CHECK_STREQ("private", (char *)block_at(&ring, 3) + block_at(&ring, 3)->offset_to_priv);
}

/* A block that was given back without a header stays so until it is opened. */
CKPT_CYCLE(blocks_cleared)
{
	struct ring ring;

	stay();
	ring = ring_of(TPACKET_V3, PACKET_RX_RING, 2);
	listens(&ring);
	send_packet(packet(0), PROTOCOL, "first");
	await_block(&ring, 0);
	memset(ring.map, 0, ring.block_size);
	ckpt_ready_wait();
	CHECK(!ring.map[0] && !memcmp(ring.map, ring.map + 1, ring.block_size - 1),
	      "it has a header");
	send_packet(packet(0), PROTOCOL, "second");
	await_block(&ring, 1);
	expect_block(&ring, 1, 2, "second", NULL);
	while (__atomic_load_n(&block_at(&ring, 0)->hdr.bh1.seq_num, __ATOMIC_ACQUIRE) != 3)
		sched_yield();
}

/* All blocks are ours: the kernel goes on with the first one when it gets that back. */
CKPT_CYCLE(blocks_full)
{
	struct tpacket_stats_v3 stats;
	struct ring ring;
	int from;

	stay();
	ring = ring_of(TPACKET_V3, PACKET_RX_RING, 2);
	listens(&ring);
	from = packet(0);
	send_packet(from, PROTOCOL, "first");
	await_block(&ring, 0);
	send_packet(from, PROTOCOL, "second");
	await_block(&ring, 1);
	ckpt_ready_wait();
	expect_block(&ring, 0, 1, "first", NULL);
	expect_block(&ring, 1, 2, "second", NULL);
	stats = statistics(&ring);
	CHECK_EQ(2, stats.tp_packets);
	CHECK_EQ(0, stats.tp_drops);
	CHECK_EQ(1, stats.tp_freeze_q_cnt);
	give_back(&ring, 0);
	send_packet(from, PROTOCOL, "after");
	await_block(&ring, 0);
	expect_block(&ring, 0, 3, "after", NULL);
}

/* ---- while tasks stand still ----------------------------------------- */

/* Set while somebody outside sends. */
static int floods;

/* Sends all the time, each packet with a higher number. */
static void *flood(void *unused)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = 6,
		.sll_protocol = htons(PROTOCOL),
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t number;

	/* The device may be down yet. */
	for (number = 1; __atomic_load_n(&floods, __ATOMIC_SEQ_CST); number++) {
		sendto(fd, &number, sizeof(number), 0, (struct sockaddr *)&to, sizeof(to));
		poll(NULL, 0, 1);
	}
	close(fd);
	return unused;
}

/* Saves a scenario that is flooded, and lets what was saved go on. */
static int flooded(const struct ckpt_scenario *sc, bool container)
{
	int image = ckpt_image_new(), ret;
	pthread_t outside;
	struct ckpt_run run;
	bool sends;

	ret = ckpt_run_init(&run, sc, container);
	floods = 1;
	sends = !pthread_create(&outside, NULL, flood, NULL);
	if (!sends)
		ret = -1;
	if (!ret)
		ret = ckpt_run_start(&run);
	if (!ret)
		ret = ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL);
	__atomic_store_n(&floods, 0, __ATOMIC_SEQ_CST);
	if (sends)
		pthread_join(outside, NULL);
	if (!ret)
		ret = ckpt_run_restart(&run, image, 0);
	if (!ret)
		ret = ckpt_run_go(&run);
	if (!ret)
		ret = ckpt_run_finish(&run);
	ckpt_run_fini(&run);
	close(image);
	return ret;
}

/* What is there is what was counted, up to the place where the kernel goes on. */
CKPT_SCENARIO(flooded_frames)
{
	struct pollfd pfd = { .events = POLLIN };
	struct tpacket_stats_v3 stats;
	uint32_t number, last = 0;
	struct ring ring;
	unsigned int i, n;

	up();
	ring = ring_of(TPACKET_V2, PACKET_RX_RING, 1024);
	listens(&ring);
	await_frame(&ring, 0);
	ckpt_ready_wait();
	for (n = 0; n < ring.frames && status_of(&ring, n) & TP_STATUS_USER; n++) {
		memcpy(&number, frame_at(&ring, n) +
		       ((struct tpacket2_hdr *)frame_at(&ring, n))->tp_net, sizeof(number));
		CHECK(number > last, "packet %u comes after %u", number, last);
		last = number;
		if (n)
			set_status(&ring, n - 1, TP_STATUS_KERNEL);
	}
	for (i = n; i < ring.frames; i++)
		CHECK_EQ(TP_STATUS_KERNEL, status_of(&ring, i));
	stats = statistics(&ring);
	CHECK_EQ(n, stats.tp_packets - stats.tp_drops);
	set_status(&ring, n - 1, TP_STATUS_KERNEL);
	pfd.fd = ring.fd;
	CHECK_EQ(0, poll(&pfd, 1, 0));
	send_packet(packet(0), PROTOCOL, "after");
	CHECK_EQ(1, poll(&pfd, 1, -1));
	expect_frame(&ring, n % ring.frames, "after");
}

CKPT_SCENARIO(flooded_blocks)
{
	struct tpacket_stats_v3 stats;
	struct ring ring;
	unsigned int i, n, packets = 0;

	up();
	ring = ring_of(TPACKET_V3, PACKET_RX_RING, 256);
	listens(&ring);
	await_block(&ring, 0);
	ckpt_ready_wait();
	for (n = 0; n < ring.blocks && is_ours(&ring, n); n++) {
		CHECK_EQ(n + 1, block_at(&ring, n)->hdr.bh1.seq_num);
		packets += block_at(&ring, n)->hdr.bh1.num_pkts;
	}
	for (i = n; i < ring.blocks; i++)
		CHECK(!is_ours(&ring, i), "block %u is ours", i);
	stats = statistics(&ring);
	CHECK_EQ(packets, stats.tp_packets - stats.tp_drops);
	for (i = 0; i < n; i++)
		give_back(&ring, i);
	send_packet(packet(0), PROTOCOL, "after");
	await_block(&ring, n % ring.blocks);
	expect_block(&ring, n % ring.blocks, n + 1, "after", NULL);
}

TEST_F_TIMEOUT(cr, frames_that_come, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, flooded(&flooded_frames, variant->container));
}

TEST_F_TIMEOUT(cr, blocks_that_come, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, flooded(&flooded_blocks, variant->container));
}

/* ---- what sends ------------------------------------------------------ */

static void prepare(struct ring *ring, unsigned int n, const char *text)
{
	char *frame = frame_at(ring, n);

	if (ring->version == TPACKET_V1) {
		((struct tpacket_hdr *)frame)->tp_len = strlen(text);
		frame += TPACKET_ALIGN(sizeof(struct tpacket_hdr));
	} else if (ring->version == TPACKET_V2) {
		((struct tpacket2_hdr *)frame)->tp_len = strlen(text);
		frame += TPACKET_ALIGN(sizeof(struct tpacket2_hdr));
	} else {
		((struct tpacket3_hdr *)frame)->tp_len = strlen(text);
		((struct tpacket3_hdr *)frame)->tp_next_offset = 0;
		frame += TPACKET_ALIGN(sizeof(struct tpacket3_hdr));
	}
	memcpy(frame, text, strlen(text));
}

static void send_frames(struct ring *ring, size_t len)
{
	lo.sll_protocol = htons(PROTOCOL);
	CHECK_EQ((long)len, sendto(ring->fd, NULL, 0, MSG_DONTWAIT, (struct sockaddr *)&lo, sizeof(lo)));
}

static void expect_sent(int fd, const char *text)
{
	char buf[64] = "";

	CHECK_EQ((long)strlen(text), CHECK_SYS(recv(fd, buf, sizeof(buf) - 1, 0)));
	CHECK_STREQ(text, buf);
}

/* Frames that were sent, one that is to be sent, and one that was only prepared. */
static void transmit(int version)
{
	struct ring ring;
	int to;

	stay();
	to = CHECK_SYS(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	set_value(to, PACKET_IGNORE_OUTGOING, 1);
	lo.sll_protocol = htons(PROTOCOL);
	CHECK_SYS(bind(to, (struct sockaddr *)&lo, sizeof(lo)));
	ring = ring_of(version, PACKET_TX_RING, 2);
	prepare(&ring, 0, "one");
	set_status(&ring, 0, TP_STATUS_SEND_REQUEST);
	send_frames(&ring, 3);
	expect_sent(to, "one");
	prepare(&ring, 1, "second");
	set_status(&ring, 1, TP_STATUS_SEND_REQUEST);
	prepare(&ring, 2, "third");
	ckpt_ready_wait();
	expect_options(&ring);
	CHECK_EQ(TP_STATUS_AVAILABLE, status_of(&ring, 0));
	CHECK_EQ(TP_STATUS_SEND_REQUEST, status_of(&ring, 1));
	expect_empty(to);
	send_frames(&ring, 6);
	expect_sent(to, "second");
	set_status(&ring, 2, TP_STATUS_SEND_REQUEST);
	send_frames(&ring, 5);
	expect_sent(to, "third");
}

CKPT_CYCLE(transmit_v1)
{
	transmit(TPACKET_V1);
}

CKPT_CYCLE(transmit_v2)
{
	transmit(TPACKET_V2);
}

CKPT_CYCLE(transmit_v3)
{
	transmit(TPACKET_V3);
}

/* ---- mappings -------------------------------------------------------- */

static struct ring shared;

static bool is_mapped(char *addr)
{
	unsigned char in;

	return !mincore(addr, 1, &in);
}

/* It has what its parent had mapped, and writes to it. */
static int inherits(void *arg)
{
	char *last = shared.map + 3 * shared.block_size;

	ckpt_step(0);
	ckpt_wait_go();
	CHECK(!is_mapped(shared.map + shared.block_size), "what was unmapped is there");
	CHECK_STREQ("last", last + 64);
	strcpy(shared.map + 128, "of the child");
	return 0;
}

/* One that was closed, with two mappings, one in parts with different access; of a child, too. */
CKPT_CYCLE(mappings)
{
	char *other, *moved, *last;
	pid_t kid;

	shared = ring_of(TPACKET_V2, PACKET_RX_RING, 4);
	other = mmap(NULL, shared.len, PROT_READ | PROT_WRITE, MAP_SHARED, shared.fd, 0);
	CHECK(other != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_SYS(close(shared.fd));
	last = shared.map + 3 * shared.block_size;
	strcpy(last + 64, "last");
	CHECK_SYS(munmap(shared.map + shared.block_size, shared.block_size));
	CHECK_SYS(mprotect(last, shared.block_size, PROT_READ));
	/* The second half of the other one is elsewhere. */
	moved = mmap(NULL, 2 * shared.block_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(moved != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK(mremap(other + 2 * shared.block_size, 2 * shared.block_size, 2 * shared.block_size,
		     MREMAP_MAYMOVE | MREMAP_FIXED, moved) == moved, "mremap: %s", strerror(errno));
	kid = ckpt_fork(inherits, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	CHECK(!is_mapped(shared.map + shared.block_size), "what was unmapped is there");
	CHECK(!is_mapped(other + 2 * shared.block_size), "what was moved is there");
	CHECK_STREQ("last", last + 64);
	CHECK_STREQ("last", moved + shared.block_size + 64);
	CHECK_STREQ("of the child", shared.map + 128);
	CHECK_STREQ("of the child", other + 128);
	strcpy(moved + shared.block_size + 64, "anew");
	CHECK_STREQ("anew", last + 64);
}

/* Both rings are one mapping; without one they can be changed, at once after a checkpoint. */
CKPT_CYCLE(both)
{
	struct tpacket_req none = {};
	struct tpacket_req req = {
		.tp_block_size = sysconf(_SC_PAGESIZE),
		.tp_block_nr = 3,
		.tp_frame_size = FRAME,
		.tp_frame_nr = 3 * sysconf(_SC_PAGESIZE) / FRAME,
	};
	int fd = CHECK_SYS(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	size_t len = 6 * (size_t)req.tp_block_size;
	char *map;

	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)));
	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)));
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	strcpy(map + len / 2 + 100, "sends");
	ckpt_ready_wait();
	CHECK_STREQ("sends", map + len / 2 + 100);
	CHECK_EQ(-1, setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &none, sizeof(none)));
	CHECK_EQ(EBUSY, errno);
	CHECK_SYS(munmap(map, len));
	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &none, sizeof(none)));
	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &none, sizeof(none)));
	set_value(fd, PACKET_VERSION, TPACKET_V3);
}

TEST_HARNESS_MAIN
