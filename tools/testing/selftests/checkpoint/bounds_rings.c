// SPDX-License-Identifier: GPL-2.0
/*
 * Rings of packet sockets that can't be like that, and places beyond them, in images that are
 * right otherwise: refused with the reason, and nothing is left.
 */
#include "fault.h"
#include "packet_sockets.h"

#include <sys/mman.h>

#define BLOCKS	4

/* A ring with blocks that receives, and one with as many frames that sends. */
CKPT_SCENARIO(rings)
{
	unsigned int size = sysconf(_SC_PAGESIZE);
	struct tpacket_req3 req = {
		.tp_block_size = size,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = size,
		.tp_frame_nr = BLOCKS,
	};
	int fd = CHECK_SYS(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	char *map;

	set_value(fd, PACKET_VERSION, TPACKET_V3);
	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)));
	req.tp_retire_blk_tov = 1000;
	CHECK_SYS(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)));
	map = mmap(NULL, 2 * BLOCKS * (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	strcpy(map + (2 * BLOCKS - 1) * (size_t)size + 100, "the last");
	ckpt_ready_wait();
	CHECK_STREQ("the last", map + (2 * BLOCKS - 1) * (size_t)size + 100);
}

static struct ckpt_run run;
static struct image im;
static int image = -1;

/* Bodies: what the socket is, its rings, and what is in them. */
static size_t of_socket, of_rings, of_memory;

#define SOCKET(field)	(of_socket + IMAGE_AT(packet_socket, field))
#define RINGS(field)	(of_rings + IMAGE_AT(packet_rings, field))
#define MEMORY(field)	(of_memory + IMAGE_AT(packet_memory, field))

FIXTURE(bounds) { int unused; };

FIXTURE_SETUP(bounds)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &rings, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	of_socket = image_body(&im, IMAGE_KIND_PACKET_SOCKET);
	of_rings = image_body(&im, IMAGE_KIND_PACKET_RINGS);
	of_memory = image_body(&im, IMAGE_KIND_PACKET_MEMORY);
	ASSERT_LT(of_socket, im.meta_end);
	ASSERT_LT(of_rings, im.meta_end);
	ASSERT_LT(of_memory, im.meta_end);
}

FIXTURE_TEARDOWN(bounds)
{
	if (run.board)
		ckpt_run_fini(&run);
	free(im.data);
	close(image);
}

static int hostile(size_t at, uint64_t value, unsigned int bytes, const char *text)
{
	return image_hostile(&run, &im, image, at, value, bytes, text);
}

#define NOWHERE	"the kernel does not take its device, memberships, group or rings [EINVAL]"
#define SHORT	"memory of a packet socket: its ring is shorter [EINVAL]"
#define NO_SUCH	"a packet socket can't get its rings: the kernel makes none like that [EINVAL]"

/* Where the kernel is to go on lies in the ring. */
TEST_F_TIMEOUT(bounds, positions, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, hostile(SOCKET(rx), BLOCKS, 4, NOWHERE));
	ASSERT_EQ(0, hostile(SOCKET(rx), UINT32_MAX, 4, NOWHERE));
	ASSERT_EQ(0, hostile(SOCKET(tx), BLOCKS, 4, NOWHERE));
	ASSERT_EQ(0, hostile(SOCKET(tx), UINT32_MAX, 4, NOWHERE));
	ASSERT_EQ(0, hostile(SOCKET(sequence), 0, 8, NOWHERE));
	/* What can't be set once there are rings is as they have it. */
	ASSERT_EQ(0, hostile(SOCKET(version), TPACKET_V2, 4, NOWHERE));
	ASSERT_EQ(0, hostile(SOCKET(reserve), 64, 4, NOWHERE));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* What is put into a ring lies in it. */
TEST_F_TIMEOUT(bounds, memory, CKPT_TIMEOUT)
{
	uint64_t size = BLOCKS * (uint64_t)sysconf(_SC_PAGESIZE);

	ASSERT_EQ(0, hostile(MEMORY(offset), size, 8, SHORT));
	ASSERT_EQ(0, hostile(MEMORY(offset), size - 1, 8, SHORT));
	ASSERT_EQ(0, hostile(MEMORY(offset), UINT64_MAX, 8, "impossible memory of a ring"));
	ASSERT_EQ(0, hostile(MEMORY(ring), 2, 4, "impossible memory of a ring"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* The kernel makes the rings, and looks at what it is asked for. */
TEST_F_TIMEOUT(bounds, rings, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, hostile(RINGS(private), sysconf(_SC_PAGESIZE) - 1, 4, NO_SUCH));
	ASSERT_EQ(0, hostile(RINGS(reserve), INT32_MAX, 4, NO_SUCH));
	ASSERT_EQ(0, hostile(RINGS(rx_frames), BLOCKS + 1, 4, "impossible ring"));
	ASSERT_EQ(0, hostile(RINGS(rx_blocks), UINT32_MAX, 4, "impossible ring"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_HARNESS_MAIN
