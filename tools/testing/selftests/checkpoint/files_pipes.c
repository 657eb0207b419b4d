// SPDX-License-Identifier: GPL-2.0
/* Pipes: what is in them, who has which end, how much they hold: no byte lost, none twice. */
#include "pipes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <poll.h>
#include <signal.h>
#include <sys/uio.h>

CKPT_FIXTURE

static void set_flags(int fd, int flags)
{
	CHECK_SYS(fcntl(fd, F_SETFL, flags));
}

/* Both ends in one process. */
CKPT_CYCLE(in_flight)
{
	CHECK_SYS(pipe(fds));
	put(fds[W], 0, 10000);
	get(fds[R], 0, 123);
	ckpt_ready_wait();
	CHECK_EQ(10000 - 123, held(fds[R]));
	put(fds[W], 10000, 777);
	get(fds[R], 123, 10000 + 777 - 123);
	CHECK_EQ(0, held(fds[R]));
	CHECK_SYS(close(fds[W]));
	at_end(fds[R]);
}

CKPT_CYCLE(empty)
{
	struct pollfd pfd[2];

	CHECK_SYS(pipe(fds));
	pfd[R] = (struct pollfd) { .fd = fds[R], .events = POLLIN };
	pfd[W] = (struct pollfd) { .fd = fds[W], .events = POLLOUT };
	ckpt_ready_wait();
	CHECK_EQ(1, poll(pfd, 2, 0));
	CHECK_EQ(0, pfd[R].revents);
	CHECK_EQ(POLLOUT, pfd[W].revents);
	put(fds[W], 0, 5);
	get(fds[R], 0, 5);
}

/* Many pipes: none is exchanged for another. */
CKPT_CYCLE(hundred)
{
	int all[100][2], i;

	for (i = 0; i < 100; i++) {
		CHECK_SYS(pipe(all[i]));
		put(all[i][W], 1000 * i, i);
	}
	ckpt_ready_wait();
	for (i = 0; i < 100; i++) {
		CHECK_EQ(i, held(all[i][R]));
		put(all[i][W], 1001 * i, 1);
		get(all[i][R], 1000 * i, i + 1);
	}
}

static void sized(int size)
{
	CHECK_SYS(pipe(fds));
	CHECK_EQ(size, fcntl(fds[W], F_SETPIPE_SZ, size));
	set_flags(fds[W], O_NONBLOCK);
	put(fds[W], 0, size);
	ckpt_ready_wait();
	CHECK_EQ(size, fcntl(fds[R], F_GETPIPE_SZ));
	CHECK_EQ(size, held(fds[R]));
	CHECK(write(fds[W], "x", 1) == -1 && errno == EAGAIN, "it was full");
	get(fds[R], 0, CKPT_PAGE);
	put(fds[W], size, CKPT_PAGE);
	CHECK(write(fds[W], "x", 1) == -1 && errno == EAGAIN, "it is full again");
	get(fds[R], CKPT_PAGE, size);
	CHECK_EQ(0, held(fds[R]));
}

CKPT_CYCLE(smallest)
{
	sized(CKPT_PAGE);
}

CKPT_CYCLE(default_size)
{
	sized(65536);
}

CKPT_CYCLE(large)
{
	sized(1 << 18);
}

CKPT_CYCLE(larger_and_empty)
{
	CHECK_SYS(pipe(fds));
	CHECK_EQ(1 << 20, fcntl(fds[R], F_SETPIPE_SZ, 1 << 20));
	ckpt_ready_wait();
	CHECK_EQ(1 << 20, fcntl(fds[W], F_GETPIPE_SZ));
}

/* Many small writes into one page, and a page of which half was read. */
CKPT_CYCLE(pieces)
{
	unsigned long i;

	CHECK_SYS(pipe(fds));
	for (i = 0; i < 3000; i++)
		put(fds[W], i, 1);
	get(fds[R], 0, 1000);
	put(fds[W], 3000, 4096);
	put(fds[W], 7096, 10);
	ckpt_ready_wait();
	CHECK_EQ(7106 - 1000, held(fds[R]));
	put(fds[W], 7106, 10);
	get(fds[R], 1000, 7116 - 1000);
}

/* Packets keep their boundaries, and what is too short a read loses. */
CKPT_CYCLE(packets)
{
	static const int length[] = { 1, 100, 4096, 7, 7, 2000 };
	unsigned char buf[8192];
	int i;

	CHECK_SYS(pipe2(fds, O_DIRECT));
	for (i = 0; i < 6; i++)
		put(fds[W], i, length[i]);
	ckpt_ready_wait();
	CHECK(fcntl(fds[W], F_GETFL) & O_DIRECT, "flags 0x%x", fcntl(fds[W], F_GETFL));
	for (i = 0; i < 5; i++) {
		CHECK_EQ(length[i], read(fds[R], buf, sizeof(buf)));
		CHECK_EQ(at(i), buf[0]);
	}
	CHECK_EQ(1, read(fds[R], buf, 1));
	put(fds[W], 9, 3);
	put(fds[W], 19, 4);
	CHECK_EQ(3, read(fds[R], buf, sizeof(buf)));
	CHECK_EQ(4, read(fds[R], buf, sizeof(buf)));
	CHECK_EQ(0, held(fds[R]));
}

/* Packets first, then a stream: the mode belongs to each buffer. */
CKPT_CYCLE(packets_and_stream)
{
	unsigned char buf[8192];

	CHECK_SYS(pipe2(fds, O_DIRECT));
	put(fds[W], 0, 10);
	put(fds[W], 10, 20);
	set_flags(fds[W], 0);
	put(fds[W], 30, 30);
	put(fds[W], 60, 40);
	ckpt_ready_wait();
	CHECK(!(fcntl(fds[W], F_GETFL) & O_DIRECT), "flags 0x%x", fcntl(fds[W], F_GETFL));
	CHECK_EQ(10, read(fds[R], buf, sizeof(buf)));
	CHECK_EQ(20, read(fds[R], buf, sizeof(buf)));
	CHECK_EQ(70, read(fds[R], buf, sizeof(buf)));
	CHECK_EQ(at(30), buf[0]);
	CHECK_EQ(at(99), buf[69]);
}

CKPT_CYCLE(flags_of_ends)
{
	int again, r, w;
	char path[64], c;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	set_flags(fds[R], O_NONBLOCK);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[R]);
	/* A second open file of the reading end, with flags of its own. */
	again = CHECK_SYS(open(path, O_RDONLY));
	r = fcntl(fds[R], F_GETFL);
	w = fcntl(fds[W], F_GETFL);
	ckpt_ready_wait();
	CHECK_EQ(r, fcntl(fds[R], F_GETFL));
	CHECK_EQ(w, fcntl(fds[W], F_GETFL));
	CHECK(r & O_NONBLOCK, "flags 0x%x", r);
	CHECK(!(fcntl(again, F_GETFL) & O_NONBLOCK), "flags 0x%x", fcntl(again, F_GETFL));
	CHECK_EQ(FD_CLOEXEC, fcntl(fds[W], F_GETFD));
	CHECK(read(fds[R], &c, 1) == -1 && errno == EAGAIN, "it is empty");
	put(fds[W], 0, 2);
	get(fds[R], 0, 1);
	get(again, 1, 1);
	/* The last writer's end is what the readers wait for. */
	CHECK_SYS(close(fds[W]));
	at_end(again);
	at_end(fds[R]);
}

/* ---- one end only ---------------------------------------------------- */

CKPT_CYCLE(writer_gone)
{
	CHECK_SYS(pipe(fds));
	put(fds[W], 0, 5000);
	CHECK_SYS(close(fds[W]));
	ckpt_ready_wait();
	get(fds[R], 0, 5000);
	at_end(fds[R]);
}

CKPT_CYCLE(writer_gone_and_empty)
{
	struct pollfd pfd = { .events = POLLIN };

	CHECK_SYS(pipe(fds));
	CHECK_SYS(close(fds[W]));
	pfd.fd = fds[R];
	ckpt_ready_wait();
	CHECK_EQ(1, poll(&pfd, 1, 0));
	CHECK_EQ(POLLHUP, pfd.revents);
	at_end(fds[R]);
}

static volatile int sigpipes;

static void on_sigpipe(int sig)
{
	sigpipes++;
}

CKPT_CYCLE(reader_gone)
{
	CHECK_SYS(pipe(fds));
	signal(SIGPIPE, on_sigpipe);
	put(fds[W], 0, 10);
	CHECK_SYS(close(fds[R]));
	ckpt_ready_wait();
	CHECK(write(fds[W], "x", 1) == -1 && errno == EPIPE, "nobody reads");
	CHECK_EQ(1, sigpipes);
}

/* ---- between processes ----------------------------------------------- */

/* Reads to the end of file: @count bytes of the stream from @from on. */
struct stream {
	unsigned long from, count;
};

static int consumer(void *arg)
{
	struct stream *s = arg;

	CHECK_SYS(close(fds[W]));
	ckpt_step(0);
	ckpt_wait_go();
	get(fds[R], s->from, s->count);
	at_end(fds[R]);
	return 61;
}

CKPT_CYCLE(to_child)
{
	struct stream s = { .count = 20000 };
	pid_t kid;

	CHECK_SYS(pipe(fds));
	kid = ckpt_fork(consumer, &s);
	CHECK_SYS(close(fds[R]));
	put(fds[W], 0, 15000);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	put(fds[W], 15000, 5000);
	CHECK_SYS(close(fds[W]));
	ckpt_wait_exit(kid, 61);
}

/* The writer dies with its end, after the restart. */
static int dies(void *arg)
{
	CHECK_SYS(close(fds[R]));
	put(fds[W], 0, 100);
	ckpt_step(0);
	for (;;)
		pause();
	return 0;
}

CKPT_CYCLE(end_when_writer_is_killed)
{
	pid_t kid;

	CHECK_SYS(pipe(fds));
	kid = ckpt_fork(dies, NULL);
	CHECK_SYS(close(fds[W]));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	get(fds[R], 0, 100);
	CHECK_EQ(0, held(fds[R]));
	CHECK_SYS(kill(kid, SIGKILL));
	at_end(fds[R]);
	CHECK_EQ(kid, waitpid(kid, NULL, 0));
}

/* The reader dies: the writer gets its signal. */
static int idle_reader(void *arg)
{
	CHECK_SYS(close(fds[W]));
	ckpt_step(0);
	for (;;)
		pause();
	return 0;
}

CKPT_CYCLE(broken_when_reader_is_killed)
{
	pid_t kid;

	signal(SIGPIPE, on_sigpipe);
	CHECK_SYS(pipe(fds));
	kid = ckpt_fork(idle_reader, NULL);
	CHECK_SYS(close(fds[R]));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	put(fds[W], 0, 1);
	CHECK_EQ(0, sigpipes);
	CHECK_SYS(kill(kid, SIGKILL));
	CHECK_EQ(kid, waitpid(kid, NULL, 0));
	CHECK(write(fds[W], "x", 1) == -1 && errno == EPIPE, "nobody reads");
	CHECK_EQ(1, sigpipes);
}

/* ---- pages that are not the pipe's own ------------------------------- */

CKPT_CYCLE(spliced)
{
	unsigned char page[4096];
	char path[320];
	int file, other[2], i;
	struct iovec iov = { .iov_base = page, .iov_len = 1000 };
	loff_t from = 10;

	for (i = 0; i < 4096; i++)
		page[i] = at(i);
	file = CHECK_SYS(open(ckpt_path(path, sizeof(path), "spliced"), O_RDWR | O_CREAT, 0600));
	CHECK_EQ(4096, write(file, page, 4096));
	CHECK_SYS(pipe(fds));
	CHECK_SYS(pipe(other));
	/* Pages of a file, of a process, and the same ones in two pipes. */
	CHECK_EQ(2000, splice(file, &from, fds[W], NULL, 2000, 0));
	CHECK_EQ(1000, vmsplice(fds[W], &iov, 1, 0));
	CHECK_EQ(3000, tee(fds[R], other[W], 3000, 0));
	ckpt_ready_wait();
	CHECK_EQ(3000, held(fds[R]));
	CHECK_EQ(3000, held(other[R]));
	put(other[W], 1000, 50);
	get(fds[R], 10, 2000);
	get(fds[R], 0, 1000);
	get(other[R], 10, 2000);
	get(other[R], 0, 1000);
	get(other[R], 1000, 50);
}

/* Who may open it again by way of /proc/self/fd. */
CKPT_CYCLE(owner_and_mode)
{
	struct stat before, after;
	int fd[2];

	CHECK_SYS(pipe(fd));
	CHECK_SYS(fchown(fd[0], 1234, 5678));
	CHECK_SYS(fchmod(fd[1], 0240));
	CHECK_SYS(fstat(fd[0], &before));
	ckpt_ready_wait();
	CHECK_SYS(fstat(fd[1], &after));
	CHECK_EQ(before.st_mode, after.st_mode);
	CHECK_EQ(1234, after.st_uid);
	CHECK_EQ(5678, after.st_gid);
}

TEST_HARNESS_MAIN
