// SPDX-License-Identifier: GPL-2.0
/*
 * What had come out of order to a TCP connection that is kept was told to the other end, with
 * selective acknowledgement, and is not in the image: the other end has it still, and sends it
 * again when it hears what is missing in front (RFC 2018, section 8).
 */
#include "sockets_tcp_stream.h"

#include <linux/filter.h>

CKPT_FIXTURE

/* Where the scenario listens; it does not take in a segment with so many bytes; it takes all. */
#define PORT	0
#define READY	1
#define TAKES	2

/* What is missing, and what comes after it. */
#define HOLE	100
#define REST	200

/* Drops segments with as many bytes as HOLE: the filter sees the header of TCP. */
static void drop_hole(int fd)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HOLE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog prog = { .len = sizeof(insns) / sizeof(insns[0]), .filter = insns };

	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

CKPT_SCENARIO(out_of_order)
{
	int at = listener(1), fd, unused = 0;

	board->value[PORT] = port_of(at, false);
	ckpt_ready();
	fd = CHECK_SYS(accept(at, NULL, NULL));
	CHECK_SYS(close(at));
	drop_hole(fd);
	ckpt_step(READY);
	ckpt_wait_go();
	expect_empty(fd);
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)));
	CHECK_EQ(HOLE + REST, take(fd, 0, HOLE + REST, in_at));
	ckpt_step(TAKES);
	CHECK_SYS(close(fd));
}

/* Connects, and says what is not taken in, and what comes after that, until it was told of it. */
static int meet(struct ckpt_run *run)
{
	struct sockaddr_storage addr;
	struct tcp_info info = {};
	socklen_t len;

	len = address(&addr, run->board->value[PORT]);
	outside = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (outside < 0 || connect(outside, (struct sockaddr *)&addr, len))
		return -1;
	/* Each is a segment of its own. */
	set_tcp_option(outside, TCP_NODELAY, 1);
	if (await_step(run, READY) || say(0, HOLE) || say(HOLE, REST))
		return -1;
	do {
		sched_yield();
		len = sizeof(info);
		if (getsockopt(outside, IPPROTO_TCP, TCP_INFO, &info, &len))
			return -1;
	} while (!info.tcpi_sacked);
	return 0;
}

/* How often this network namespace has found that somebody takes back what he had told. */
static long reneged(void)
{
	char names[8192], values[8192], *name, *value, *name_at, *value_at;
	FILE *file = fopen("/proc/net/netstat", "re");
	long found = -1;

	while (file && fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
		name = strtok_r(names, "\n ", &name_at);
		value = strtok_r(values, "\n ", &value_at);
		for (; name && value; name = strtok_r(NULL, "\n ", &name_at),
				      value = strtok_r(NULL, "\n ", &value_at))
			if (!strcmp(name, "TCPSACKReneging"))
				found = atol(value);
	}
	if (file)
		fclose(file);
	return found;
}

TEST_F_TIMEOUT(cr, sent_again, CKPT_TIMEOUT)
{
	int first = ckpt_image_new(), second = ckpt_image_new();
	struct ckpt_run run;
	long before;

	where = V4;
	ASSERT_EQ(0, ckpt_run_init(&run, &out_of_order, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, meet(&run));
	before = reneged();
	ASSERT_LE(0, before);
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, first, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, first, RESTART_TCP_KEEP)) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, ckpt_run_wait_blocked(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, second, RESTART_TCP_KEEP));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, await_step(&run, TAKES));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	EXPECT_LT(before, reneged());
	close(outside);
	outside = -1;
	ckpt_run_fini(&run);
	close(first);
	close(second);
}

TEST_HARNESS_MAIN
