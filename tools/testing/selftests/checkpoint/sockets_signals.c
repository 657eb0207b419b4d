// SPDX-License-Identifier: GPL-2.0
/*
 * Signals of sockets: who gets them, which, and what they tell (F_SETOWN, F_SETSIG, O_ASYNC, SIGURG).
 * And whose a socket is, and its permissions.
 */
#include "blocked_signals.h"
#include "sockets_tcp.h"

#include <sys/stat.h>

CKPT_FIXTURE

#define SIG	(SIGRTMIN + 3)

/* @fd signals us with SIG. */
static void signals(int fd)
{
	CHECK_SYS(fcntl(fd, F_SETOWN, getpid()));
	CHECK_SYS(fcntl(fd, F_SETSIG, SIG));
	CHECK_SYS(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

/* It still does so, and nothing has come yet. */
static void still_signals(int fd)
{
	CHECK_EQ(getpid(), fcntl(fd, F_GETOWN));
	CHECK_EQ(SIG, fcntl(fd, F_GETSIG));
	CHECK_EQ(O_ASYNC, fcntl(fd, F_GETFL) & O_ASYNC);
	CHECK(!is_pending(SIG), "a signal of nothing");
}

/* The signal comes, of @fd, for which there is something to be received. */
static void signalled(int fd)
{
	siginfo_t info = comes(SIG);

	CHECK_EQ(POLL_IN, info.si_code);
	CHECK_EQ(fd, info.si_fd);
}

static void of_unix(int type)
{
	block(SIG);
	CHECK_SYS(socketpair(AF_UNIX, type, 0, fds));
	send_text(fds[W], "before");
	signals(fds[R]);
	ckpt_ready_wait();
	still_signals(fds[R]);
	CHECK_EQ(0, fcntl(fds[W], F_GETFL) & O_ASYNC);
	send_text(fds[W], "after");
	signalled(fds[R]);
	/* The other end signals nobody. */
	send_text(fds[R], "back");
	CHECK(!is_pending(SIG), "a signal of the other end");
	CHECK_SYS(fcntl(fds[R], F_SETFL, 0));
	send_text(fds[W], "more");
	CHECK(!is_pending(SIG), "O_ASYNC can't be taken off");
}

CKPT_CYCLE(unix_stream)
{
	of_unix(SOCK_STREAM);
}

CKPT_CYCLE(unix_datagrams)
{
	of_unix(SOCK_DGRAM);
}

/* Each end of a connection, and the socket that listens. */
static void of_tcp(void)
{
	int at = listener(2), fd, port = port_of(at, false), count = 0;

	block(SIG);
	fds[W] = connect_to(port);
	fds[R] = CHECK_SYS(accept(at, NULL, NULL));
	signals(at);
	signals(fds[W]);
	signals(fds[R]);
	ckpt_ready_wait();
	still_signals(at);
	still_signals(fds[W]);
	still_signals(fds[R]);
	send_text(fds[W], "there");
	signalled(fds[R]);
	expect_text(fds[R], "there");
	send_text(fds[R], "back");
	signalled(fds[W]);
	expect_text(fds[W], "back");
	fd = connect_to(port);
	/* Once at least: it may be signalled for the connection, and for what comes of it. */
	do {
		CHECK_EQ(at, comes(SIG).si_fd);
		count++;
	} while (is_pending(SIG));
	CHECK(count, "no signal");
	CHECK_SYS(close(CHECK_SYS(accept(at, NULL, NULL))));
	CHECK_SYS(close(fd));
}

CKPT_CYCLE(tcp)
{
	of_tcp();
}

CKPT_CYCLE(tcp_v6)
{
	where = V6;
	of_tcp();
}

CKPT_CYCLE(udp)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;

	lo_up();
	block(SIG);
	len = address(&addr, 0);
	fd = CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, len));
	CHECK_SYS(getsockname(fd, (struct sockaddr *)&addr, &len));
	CHECK_SYS(connect(fd, (struct sockaddr *)&addr, len));
	signals(fd);
	ckpt_ready_wait();
	still_signals(fd);
	send_text(fd, "to itself");
	signalled(fd);
	expect_text(fd, "to itself");
}

/* Nothing has to be switched on for this one: it has an owner. */
static void urgent(void)
{
	char c = 0;

	block(SIGURG);
	CHECK_SYS(fcntl(fds[R], F_SETOWN, getpid()));
	ckpt_ready_wait();
	CHECK_EQ(getpid(), fcntl(fds[R], F_GETOWN));
	CHECK_EQ(0, fcntl(fds[R], F_GETFL) & O_ASYNC);
	CHECK(!is_pending(SIGURG), "a signal of nothing");
	send_text(fds[W], "ordinary");
	await_bytes(fds[R], 8);
	CHECK(!is_pending(SIGURG), "a signal of what is not urgent");
	CHECK_EQ(1, send(fds[W], "!", 1, MSG_OOB));
	comes(SIGURG);
	CHECK_EQ(1, recv(fds[R], &c, 1, MSG_OOB));
	CHECK_EQ('!', c);
	/* The other end has no owner. */
	CHECK_EQ(1, send(fds[R], "?", 1, MSG_OOB));
	await_event(fds[W], POLLPRI);
	CHECK(!is_pending(SIGURG), "a signal of the other end");
}

CKPT_CYCLE(urgent_tcp)
{
	tcp_pair();
	urgent();
}

CKPT_CYCLE(urgent_unix)
{
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	urgent();
}

/* It came before the checkpoint, and nobody has taken it. */
CKPT_CYCLE(urgent_pending)
{
	char c = 0;

	block(SIGURG);
	tcp_pair();
	CHECK_SYS(fcntl(fds[R], F_SETOWN, getpid()));
	CHECK_EQ(1, send(fds[W], "!", 1, MSG_OOB));
	await_event(fds[R], POLLPRI);
	ckpt_ready_wait();
	comes(SIGURG);
	CHECK(!is_pending(SIGURG), "it came twice");
	CHECK_EQ(1, recv(fds[R], &c, 1, MSG_OOB));
	CHECK_EQ('!', c);
}

/* A child is signalled by what the parent has. */
static int is_signalled(void *arg)
{
	block(SIG);
	ckpt_child_waits(arg);
	ckpt_step_wait(1, 1);
	comes(SIG);
	return 0;
}

CKPT_CYCLE(of_another)
{
	struct f_owner_ex owner = { F_OWNER_PID, 0 };
	pid_t kid;

	kid = ckpt_fork(is_signalled, NULL);
	ckpt_step_wait(0, 1);
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(fcntl(fds[R], F_SETOWN, kid));
	CHECK_SYS(fcntl(fds[R], F_SETSIG, SIG));
	CHECK_SYS(fcntl(fds[R], F_SETFL, O_ASYNC));
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fds[R], F_GETOWN_EX, &owner));
	CHECK_EQ(F_OWNER_PID, owner.type);
	CHECK_EQ(kid, owner.pid);
	ckpt_step(1);
	send_text(fds[W], "for it");
	ckpt_wait_exit(kid, 0);
}

/* Its owner and permissions are those of its inode. */
static void given(int fd, int i)
{
	CHECK_SYS(fchown(fd, 4711 + i, 5711 + i));
	CHECK_SYS(fchmod(fd, 0640 + i));
}

static void is_given(int fd, int i)
{
	struct stat st;

	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(4711 + i, (int)st.st_uid);
	CHECK_EQ(5711 + i, (int)st.st_gid);
	CHECK_EQ(S_IFSOCK | (0640 + i), (int)st.st_mode);
}

CKPT_CYCLE(owner_and_mode)
{
	struct stat st;
	int all[7], i;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	all[0] = fds[R];
	all[1] = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0));
	all[2] = listener(1);
	all[3] = CHECK_SYS(socket(AF_INET6, SOCK_DGRAM, 0));
	all[4] = CHECK_SYS(socket(AF_INET, SOCK_RAW, 253));
	all[5] = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW, 0));
	all[6] = CHECK_SYS(socket(AF_PACKET, SOCK_RAW, 0));
	for (i = 0; i < 7; i++)
		given(all[i], i);
	ckpt_ready_wait();
	for (i = 0; i < 7; i++)
		is_given(all[i], i);
	/* One that nobody was given is as before. */
	CHECK_SYS(fstat(fds[W], &st));
	CHECK_EQ(getuid(), st.st_uid);
	CHECK_EQ(getgid(), st.st_gid);
	CHECK_EQ(S_IFSOCK | 0777, (int)st.st_mode);
	send_text(fds[W], "through");
	expect_text(fds[R], "through");
}

TEST_HARNESS_MAIN
