// SPDX-License-Identifier: GPL-2.0
/* Files in messages of Unix sockets that nobody has received yet (SCM_RIGHTS). */
#include "sockets.h"

#include <sys/eventfd.h>
#include <sys/stat.h>

CKPT_FIXTURE

static void pair(int type, int fd[2])
{
	CHECK_SYS(socketpair(AF_UNIX, type, 0, fd));
}

/* Of different kinds, which no descriptor shows any more. */
static void kinds(int type)
{
	int fd[3], pipe_fd[2];
	char path[320], buf[8] = "";
	uint64_t count;

	pair(type, fds);
	CHECK_SYS(pipe(pipe_fd));
	fd[0] = CHECK_SYS(open(ckpt_path(path, sizeof(path), "f"), O_RDWR | O_CREAT, 0600));
	CHECK_EQ(6, write(fd[0], "abcdef", 6));
	CHECK_EQ(2, lseek(fd[0], 2, SEEK_SET));
	fd[1] = pipe_fd[R];
	CHECK_EQ(4, write(pipe_fd[W], "pipe", 4));
	fd[2] = CHECK_SYS(eventfd(41, 0));
	send_fds(fds[W], fd, 3);
	CHECK_SYS(close(fd[0]));
	CHECK_SYS(close(fd[1]));
	CHECK_SYS(close(fd[2]));
	ckpt_ready_wait();
	receive_fds(fds[R], fd, 3);
	CHECK_EQ(4, read(fd[0], buf, sizeof(buf)));
	CHECK(!memcmp(buf, "cdef", 4), "%.4s", buf);
	CHECK_EQ(4, write(pipe_fd[W], "more", 4));
	CHECK_EQ(8, read(fd[1], buf, sizeof(buf)));
	CHECK(!memcmp(buf, "pipemore", 8), "%.8s", buf);
	CHECK_EQ(8, read(fd[2], &count, sizeof(count)));
	CHECK_EQ(41, count);
}

CKPT_CYCLE(in_stream)
{
	kinds(SOCK_STREAM);
}

CKPT_CYCLE(in_datagram)
{
	kinds(SOCK_DGRAM);
}

/* One that has a descriptor, too, is the same open file. */
CKPT_CYCLE(shared)
{
	char path[320];
	int fd, got;

	pair(SOCK_STREAM, fds);
	fd = CHECK_SYS(open(ckpt_path(path, sizeof(path), "f"), O_RDWR | O_CREAT, 0600));
	CHECK_EQ(6, write(fd, "abcdef", 6));
	send_fds(fds[W], &fd, 1);
	send_fds(fds[W], &fd, 1);
	ckpt_ready_wait();
	CHECK_EQ(3, lseek(fd, 3, SEEK_SET));
	receive_fds(fds[R], &got, 1);
	CHECK_EQ(3, lseek(got, 0, SEEK_CUR));
	receive_fds(fds[R], &got, 1);
	CHECK_EQ(3, lseek(got, 0, SEEK_CUR));
}

/* A socket in a message, with a message in which there is a socket, ten times. */
CKPT_CYCLE(nested)
{
	int inner[2], keep, i, got;

	pair(SOCK_STREAM, inner);
	send_text(inner[W], "core");
	CHECK_SYS(close(inner[W]));
	keep = inner[R];
	for (i = 0; i < 10; i++) {
		pair(SOCK_STREAM, inner);
		send_fds(inner[W], &keep, 1);
		CHECK_SYS(close(keep));
		CHECK_SYS(close(inner[W]));
		keep = inner[R];
	}
	ckpt_ready_wait();
	for (i = 0; i < 10; i++) {
		receive_fds(keep, &got, 1);
		CHECK_SYS(close(keep));
		keep = got;
	}
	expect_text(keep, "core");
}

/* In its own queue, and in that of its peer: circles. */
CKPT_CYCLE(circle)
{
	int got, other;

	pair(SOCK_STREAM, fds);
	send_fds(fds[W], &fds[R], 1);
	send_fds(fds[R], &fds[W], 1);
	send_text(fds[W], "end");
	ckpt_ready_wait();
	receive_fds(fds[R], &got, 1);
	CHECK_SYS(close(fds[R]));
	expect_text(got, "end");
	receive_fds(fds[W], &other, 1);
	CHECK_SYS(close(fds[W]));
	send_text(other, "through");
	expect_text(got, "through");
}

/* In a connection that waits to be accepted. */
CKPT_CYCLE(waiting)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	int listener, client, server, fd;
	uint64_t count;

	listener = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(bind(listener, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	CHECK_SYS(getsockname(listener, (struct sockaddr *)&addr, &len));
	CHECK_SYS(listen(listener, 1));
	client = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect(client, (struct sockaddr *)&addr, len));
	fd = CHECK_SYS(eventfd(5, 0));
	send_fds(client, &fd, 1);
	send_fds(client, &listener, 1);
	CHECK_SYS(close(fd));
	ckpt_ready_wait();
	server = CHECK_SYS(accept(listener, NULL, NULL));
	receive_fds(server, &fd, 1);
	CHECK_EQ(8, read(fd, &count, sizeof(count)));
	CHECK_EQ(5, count);
	receive_fds(server, &fd, 1);
	CHECK_EQ(1, option(fd, SO_ACCEPTCONN));
}

/* As many as one message takes. */
CKPT_CYCLE(many)
{
	int fd[253], i;

	pair(SOCK_STREAM, fds);
	for (i = 0; i < 253; i++)
		fd[i] = i % 2 ? fds[R] : fds[W];
	send_fds(fds[W], fd, 253);
	ckpt_ready_wait();
	receive_fds(fds[R], fd, 253);
	send_text(fd[0], "x");
	expect_text(fd[1], "x");
}

TEST_HARNESS_MAIN
