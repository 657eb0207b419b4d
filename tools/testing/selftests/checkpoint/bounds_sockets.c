// SPDX-License-Identifier: GPL-2.0
/*
 * What sockets can't be to each other, in images that are right otherwise: it is refused with the
 * reason, and nothing is left.
 */
#include "fault.h"
#include "sockets.h"

#include <sched.h>

/* Two pairs, of which the first one has a message in one queue, and one that listens. */
CKPT_SCENARIO(sockets)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0)), more[2];

	CHECK_SYS(bind(listener, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	CHECK_SYS(listen(listener, 5));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, more));
	send_text(fds[W], "queued");
	ckpt_ready_wait();
	expect_text(fds[R], "queued");
	expect_empty(fds[R]);
	expect_empty(more[R]);
	CHECK_EQ(1, option(listener, SO_ACCEPTCONN));
}

static struct ckpt_run run;
static struct image im;
static int image = -1;

/* Bodies of the links: of who receives, who has sent, one of the other pair, and who listens. */
static size_t of_to, of_from, of_other, of_listener;

/* That of the message. */
static size_t message;

static uint32_t get32(size_t at)
{
	return image_get(&im, at, 4);
}

#define LINK(field)	IMAGE_AT(unix_socket, field)
#define MESSAGE(field)	IMAGE_AT(unix_message, field)

FIXTURE(bounds) { int unused; };

FIXTURE_SETUP(bounds)
{
	uint32_t socket;
	size_t at, body;

	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &sockets, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	message = image_body(&im, IMAGE_KIND_UNIX_MESSAGE);
	ASSERT_LT(message, im.meta_end);
	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) != IMAGE_KIND_UNIX_SOCKET)
			continue;
		body = at + RECORD_LEN;
		socket = get32(body + LINK(socket));
		if (get32(body + LINK(state)) == IMAGE_UNIX_UNIX_LISTENING)
			of_listener = body;
		else if (socket == get32(message + MESSAGE(to)))
			of_to = body;
		else if (socket == get32(message + MESSAGE(from)))
			of_from = body;
		else
			of_other = body;
	}
	ASSERT_NE(0u, of_to);
	ASSERT_NE(0u, of_from);
	ASSERT_NE(0u, of_other);
	ASSERT_NE(0u, of_listener);
}

FIXTURE_TEARDOWN(bounds)
{
	if (run.board)
		ckpt_run_fini(&run);
	free(im.data);
	close(image);
}

static uint32_t socket_of(size_t link)
{
	return get32(link + LINK(socket));
}

static int hostile(size_t at, uint32_t value, const char *text)
{
	return image_hostile(&run, &im, image, at, value, 4, text);
}

#define NOT_BACK	"a socket is connected to one that is not connected to it [EINVAL]"
#define TO_NOTHING	"is connected to nothing [EINVAL]"
#define OR_NOT_AT_ALL	"is connected to a socket of another type, or not connected at all [EINVAL]"
#define NOT_SENT	"a message of a socket can't be sent: the kernel does not take it [EINVAL]"
#define TWICE		"tells of the same socket twice [EINVAL]"

/* Each of a connection names the other. */
TEST_F_TIMEOUT(bounds, peers, CKPT_TIMEOUT)
{
	size_t to_peer = of_to + LINK(peer), from_peer = of_from + LINK(peer);

	ASSERT_EQ(socket_of(of_from), get32(to_peer));
	ASSERT_EQ(0, hostile(to_peer, socket_of(of_listener), NOT_BACK));
	ASSERT_EQ(0, hostile(to_peer, socket_of(of_other), NOT_BACK));
	ASSERT_EQ(0, hostile(to_peer, socket_of(of_to), NOT_BACK));
	/* Both of them to one that listens, where accept(2) would take a message for a socket. */
	image_put32(&im, to_peer, socket_of(of_listener));
	ASSERT_EQ(0, hostile(from_peer, socket_of(of_listener), NOT_BACK));
	/* Both to themselves. */
	image_put32(&im, to_peer, socket_of(of_to));
	ASSERT_EQ(0, hostile(from_peer, socket_of(of_from), NOT_BACK));
	image_put32(&im, to_peer, socket_of(of_from));
	image_fix(&im);
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* One that listens is connected to nothing, and in its queue are connections only. */
TEST_F_TIMEOUT(bounds, listens, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, hostile(of_listener + LINK(peer), socket_of(of_other), OR_NOT_AT_ALL));
	ASSERT_EQ(0, hostile(of_to + LINK(state), IMAGE_UNIX_UNIX_LISTENING, OR_NOT_AT_ALL));
	ASSERT_EQ(0, hostile(message + MESSAGE(to), socket_of(of_listener), NOT_SENT));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* Who is not connected has nothing in its queue: it could listen with that. */
TEST_F_TIMEOUT(bounds, not_connected, CKPT_TIMEOUT)
{
	size_t to_peer = of_to + LINK(peer), from_peer = of_from + LINK(peer);
	size_t to_state = of_to + LINK(state), from_state = of_from + LINK(state);

	/* The other one still names it. */
	image_put32(&im, to_peer, 0);
	ASSERT_EQ(0, hostile(to_state, IMAGE_UNIX_UNIX_CLOSED, NOT_BACK));
	ASSERT_EQ(0, hostile(to_state, IMAGE_UNIX_UNIX_CONNECTED, TO_NOTHING));
	/* Neither does. */
	image_put32(&im, from_peer, 0);
	image_put32(&im, from_state, IMAGE_UNIX_UNIX_CLOSED);
	ASSERT_EQ(0, hostile(to_state, IMAGE_UNIX_UNIX_CLOSED, NOT_SENT));
	image_put32(&im, to_peer, socket_of(of_from));
	image_put32(&im, from_peer, socket_of(of_to));
	image_put32(&im, from_state, IMAGE_UNIX_UNIX_CONNECTED);
	image_fix(&im);
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* A socket has one link, and one open file. */
TEST_F_TIMEOUT(bounds, twice, CKPT_TIMEOUT)
{
	size_t at, body, file = 0, other = 0;

	ASSERT_EQ(0, hostile(of_to + LINK(socket), socket_of(of_from), TWICE));
	ASSERT_EQ(0, hostile(of_listener + LINK(socket), socket_of(of_to), TWICE));
	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		body = at + RECORD_LEN;
		if (image_get(&im, at, 2) != IMAGE_KIND_FILE ||
		    get32(body + IMAGE_AT(file, kind)) != IMAGE_FILE_SOCKET)
			continue;
		other = file;
		file = body;
	}
	ASSERT_NE(0u, other);
	ASSERT_EQ(0, hostile(file + IMAGE_AT(file, inode), get32(other + IMAGE_AT(file, inode)),
			     "a socket is opened twice [EINVAL]"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* A pair that only messages lead to: both ends are in the queue of one, which is to be received. */
CKPT_SCENARIO(circle)
{
	int pair[2], got, other;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	send_fds(pair[W], &pair[R], 1);
	send_fds(pair[W], &pair[W], 1);
	send_fds(fds[W], &pair[R], 1);
	send_fds(fds[W], &fds[W], 1);
	send_fds(fds[W], &fds[W], 1);
	CHECK_SYS(close(pair[R]));
	CHECK_SYS(close(pair[W]));
	ckpt_ready_wait();
	receive_fds(fds[R], &got, 1);
	/* In an image that was forged the circle is out of reach, and this is another one. */
	if (board->value[0]) {
		send_text(got, "forged");
		receive_fds(fds[R], &got, 1);
		receive_fds(fds[R], &got, 1);
		expect_text(fds[R], "forged");
		return;
	}
	receive_fds(got, &got, 1);
	receive_fds(got, &other, 1);
	send_text(other, "through");
	expect_text(got, "through");
}

/* How many Unix sockets there are in our network namespace. */
static long unix_sockets(void)
{
	char line[256], name[32];
	long count, all = 0;
	FILE *f = fopen("/proc/net/protocols", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %*s %ld", name, &count) == 2 && !strncmp(name, "UNIX", 4))
			all += count;
	}
	if (f)
		fclose(f);
	return f ? all : -1;
}

/* The kernel looks for circles when a socket is closed. */
static void close_one(void)
{
	int pair[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK_SYS(close(pair[0]));
	CHECK_SYS(close(pair[1]));
}

FIXTURE(circles) { int unused; };

/* Nobody else makes sockets in this network namespace. */
FIXTURE_SETUP(circles)
{
	CKPT_BEGIN();
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &circle, true));
}

FIXTURE_TEARDOWN(circles)
{
	if (run.board)
		ckpt_run_fini(&run);
	free(im.data);
	close(image);
}

/* Where the image has the file in message number @n to the socket @to, of those that have one. */
static size_t file_in(uint32_t to, int n)
{
	size_t at;

	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) != IMAGE_KIND_UNIX_MESSAGE ||
		    !get32(at + RECORD_LEN + MESSAGE(files)) ||
		    get32(at + RECORD_LEN + MESSAGE(to)) != to)
			continue;
		if (!n--)
			return image_payload(&im, at);
	}
	return 0;
}

/* The socket that has three messages in its queue. */
static uint32_t reader(void)
{
	size_t at;
	uint32_t to;

	for (at = HEADER_LEN; at < im.meta_end; at += record_len(&im, at)) {
		if (image_get(&im, at, 2) != IMAGE_KIND_UNIX_MESSAGE)
			continue;
		to = get32(at + RECORD_LEN + MESSAGE(to));
		if (file_in(to, 2))
			return to;
	}
	return 0;
}

/* A circle that nothing leads to any more: it is not there for long, and nothing is left of it. */
TEST_F_TIMEOUT(circles, out_of_reach, CKPT_TIMEOUT)
{
	long before = unix_sockets();
	size_t first, second;
	uint32_t old;

	ASSERT_LE(0, before);
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(before + 4, unix_sockets());
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	first = file_in(reader(), 0);
	second = file_in(reader(), 1);
	ASSERT_NE(0u, first);
	ASSERT_NE(0u, second);
	old = get32(first);
	image_put32(&im, first, get32(second));
	image_fix(&im);
	ASSERT_EQ((ssize_t)im.size, pwrite(image, im.data, im.size, 0));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	run.board->value[0] = 1;
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
	while (unix_sockets() != before) {
		close_one();
		sched_yield();
	}
	image_put32(&im, first, old);
	ASSERT_EQ(0, image_works(&run, &im, image));
	while (unix_sockets() != before) {
		close_one();
		sched_yield();
	}
}

TEST_HARNESS_MAIN
