// SPDX-License-Identifier: GPL-2.0
/*
 * Unix sockets that are connected to one outside, or seem to be, and that do not connect to its
 * address again: that has none, or has made the connection, was told of another user, is in a message
 * of the tree, or is connected itself. And one that somebody gets at while it has what was in its
 * queue, but no other end.
 */
#include "reconnect.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#ifndef SIOCINQ
#define SIOCINQ	0x541B
#endif
#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd	438
#endif

/* ---- what is connected ------------------------------------------------ */

/* One that nobody outside has an address of: an end of a pair. */
CKPT_SCENARIO(has_end)
{
	int end;

	reach_server();
	/* Until it is there. */
	CHECK_EQ(1, poll(&(struct pollfd){ .fd = FD, .events = POLLIN }, 1, -1));
	receive_fds(FD, &end, 1);
	CHECK_EQ(FD, dup2(end, FD));
	CHECK_SYS(close(end));
	ckpt_ready_wait();
	CHECK_EQ(1, send(FD, "o", 1, MSG_NOSIGNAL));
}

/* Its other end knows its address, and may be connected to that. */
CKPT_SCENARIO(client_with_name)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };

	reach_server();
	CHECK_SYS(bind(FD, (struct sockaddr *)&own, sizeof(sa_family_t)));
	send_text(FD, "n");
	ckpt_ready_wait();
}

/* Who has made the socket is another user than who has connected it. */
CKPT_SCENARIO(connected_by_user)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));

	CHECK_SYS(setresgid(USER, USER, USER));
	CHECK_SYS(setresuid(USER, USER, USER));
	strcpy(to.sun_path, getenv("CKPT_SOCKET"));
	CHECK_SYS(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	CHECK_EQ(FD, dup2(fd, FD));
	CHECK_SYS(close(fd));
	ckpt_ready_wait();
	expect_bytes(FD, "old");
}

/* Its other end was accepted in the tree, and is in a message that nobody has received. */
CKPT_SCENARIO(end_in_message)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(own);
	int pair[2], end, fd, ear;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ear = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(bind(ear, (struct sockaddr *)&own, sizeof(sa_family_t)));
	CHECK_SYS(listen(ear, 1));
	CHECK_SYS(getsockname(ear, (struct sockaddr *)&own, &len));
	fd = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_SYS(connect(fd, (struct sockaddr *)&own, len));
	CHECK_EQ(FD, dup2(fd, FD));
	CHECK_SYS(close(fd));
	end = CHECK_SYS(accept(ear, NULL, NULL));
	send_fds(pair[0], &end, 1);
	CHECK_SYS(close(end));
	ckpt_ready_wait();
	receive_fds(pair[1], &end, 1);
	send_text(end, "here");
	expect_bytes(FD, "here");
}

/* One that has been sent something. */
CKPT_SCENARIO(client)
{
	reach_server();
	ckpt_ready_wait();
	expect_bytes(FD, "old");
}

/* ---- the tests -------------------------------------------------------- */

/* Whether @fd is a stream, with "old" in its queue. */
static bool is_filled(int fd)
{
	int family, queued = 0;
	socklen_t len = sizeof(family);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) && family == AF_UNIX &&
	       !ioctl(fd, SIOCINQ, &queued) && queued == 3;
}

static volatile bool over;
static pid_t restored;

/* Takes the descriptor of the task that is being restored when it has what was in the queue. */
static void *get_at_it(void *arg)
{
	int *stolen = arg;

	while (!over && *stolen < 0) {
		int pidfd = sys_pidfd_open(restored);
		int fd = pidfd < 0 ? -1 : syscall(__NR_pidfd_getfd, pidfd, FD, 0);

		if (fd >= 0 && is_filled(fd))
			*stolen = fd;
		else if (fd >= 0)
			close(fd);
		if (pidfd >= 0)
			close(pidfd);
	}
	return NULL;
}

/*
 * It is connected to nothing when its server is gone, and whoever has got at it keeps it so. It can't
 * listen, as accept(2) would take what is in its queue for connections.
 */
TEST_F_TIMEOUT(reconnect, can_not_listen, CKPT_TIMEOUT)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	pthread_t thread;
	int stolen = -1;

	if (variant->container)
		SKIP(return, "the pid of a task in a container is not known before it is there");
	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, begin(&client, false, SOCK_STREAM));
	restored = run.pid;
	ASSERT_EQ(0, checkpoint_and_kill(&by_fd));
	close(listener);
	listener = -1;
	while (stolen < 0) {
		over = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, get_at_it, &stolen));
		ASSERT_EQ(ECONNREFUSED, restart(0, &nothing));
		over = true;
		ASSERT_EQ(0, pthread_join(thread, NULL));
	}
	ASSERT_EQ(0, bind(stolen, (struct sockaddr *)&own, sizeof(sa_family_t)));
	ASSERT_EQ(-1, listen(stolen, 1));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, accept(stolen, NULL, NULL));
	ASSERT_EQ(EINVAL, errno);
	close(stolen);
}

/* The other end was told of a user who has not the rights that the socket was made with. */
TEST_F_TIMEOUT(reconnect, of_another_user, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, chmod(at_path(), 0666));
	ASSERT_EQ(0, begin(&connected_by_user, variant->container, SOCK_STREAM));
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "was told of another user than the one who has made"));
	ASSERT_EQ(0, go());
}

/* An end that is in a message of the tree is not outside. */
TEST_F_TIMEOUT(reconnect, end_is_in_message, CKPT_TIMEOUT)
{
	struct checkpoint_rule cut = { .fd = FD, .action = CHECKPOINT_RULE_DISCONNECT };
	const struct checkpoint_args said = { .rules = (uintptr_t)&cut, .rules_count = 1 };

	ASSERT_EQ(0, start(&end_in_message, variant->container));
	ASSERT_EQ(EBUSY, checkpoint(0, &by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is in a message or an io_uring of the tree"));
	ASSERT_EQ(EBUSY, checkpoint(0, &said));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is in a message or an io_uring of the tree"));
	ASSERT_EQ(0, checkpoint_and_kill(&(struct checkpoint_args){ 0 }));
	ASSERT_EQ(0, restart(0, &nothing));
	ASSERT_EQ(0, go());
}

/* A datagram socket that is connected takes messages of that one only. */
TEST_F_TIMEOUT(reconnect, server_is_connected, CKPT_TIMEOUT)
{
	struct sockaddr_un own;
	socklen_t len = sizeof(own);

	ASSERT_EQ(0, serve(SOCK_DGRAM, at_path(), 5));
	ASSERT_EQ(0, start(&client_with_name, variant->container));
	ASSERT_EQ(1, recvfrom(listener, &(char){ 0 }, 1, 0, (struct sockaddr *)&own, &len));
	ASSERT_EQ(0, connect(listener, (struct sockaddr *)&own, len));
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is connected itself"));
	ASSERT_EQ(0, go());
}

/* Sends @end to who connects first. */
static pid_t giver(int end)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, f = 'f';
	struct iovec iov = { .iov_base = &f, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct pollfd p = { .events = POLLIN };
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &end, sizeof(int));
	p.fd = listener;
	if (poll(&p, 1, -1) != 1)
		_exit(1);
	fd = accept(listener, NULL, NULL);
	_exit(fd < 0 || sendmsg(fd, &msg, MSG_NOSIGNAL) != 1);
}

/* Its other end has no address. */
TEST_F_TIMEOUT(reconnect, no_address, CKPT_TIMEOUT)
{
	int pair[2], status;
	pid_t pid;

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	pid = giver(pair[1]);
	ASSERT_LT(0, pid);
	close(pair[1]);
	ASSERT_EQ(0, start(&has_end, variant->container));
	/* In a subtree it may have been waited for with what starts the tree. */
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid ? !status : errno == ECHILD);
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "has no address, and so can't be connected to again"));
	ASSERT_EQ(0, go());
}

/* An end that was bound itself, and has made the connection. */
TEST_F_TIMEOUT(reconnect, other_end_has_connected, CKPT_TIMEOUT)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	int client_fd, end, status;
	pid_t pid;

	ASSERT_EQ(0, serve(SOCK_STREAM, at_path(), 5));
	client_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(own.sun_path, sizeof(own.sun_path), "%s/other", dir);
	ASSERT_EQ(0, bind(client_fd, (struct sockaddr *)&own, sizeof(own)));
	ASSERT_EQ(0, connect(client_fd, (struct sockaddr *)&addr, addr_len));
	end = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, end);
	pid = giver(end);
	ASSERT_LT(0, pid);
	close(end);
	ASSERT_EQ(0, start(&has_end, variant->container));
	/* In a subtree it may have been waited for with what starts the tree. */
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid ? !status : errno == ECHILD);
	ASSERT_EQ(EOPNOTSUPP, checkpoint(0, &by_fd));
	ASSERT_TRUE(ckpt_run_log_has(&run, "has made the connection, and so can't be connected to"));
	ASSERT_EQ(0, go());
}

TEST_HARNESS_MAIN
