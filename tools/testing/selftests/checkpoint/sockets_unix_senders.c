// SPDX-License-Identifier: GPL-2.0
/*
 * What Unix sockets tell of the other side beside its pid: pidfds of it (SCM_PIDFD, SO_PEERPIDFD), its
 * groups (SO_PEERGROUPS), and addresses that the kernel has chosen.
 */
#include "sockets.h"

#include <grp.h>
#include <sys/ioctl.h>

#ifndef SCM_PIDFD
#define SCM_PIDFD	0x04
#endif
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS	59
#endif

CKPT_FIXTURE

/* Of linux/pidfd.h, which does not go together with fcntl.h. */
#define PIDFD_INFO_PID		(1 << 0)
#define PIDFD_GET_INFO		_IOWR(0xff, 11, struct pidfd_info)

struct pidfd_info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
	uint32_t coredump_mask, coredump_signal, coredump_code, pad;
	uint64_t supported_mask;
};

/* The pid of the process that a pidfd is of. */
static int pid_of(int pidfd)
{
	struct pidfd_info info = { .mask = PIDFD_INFO_PID };

	CHECK_SYS(ioctl(pidfd, PIDFD_GET_INFO, &info));
	return info.tgid;
}

/* The pidfd that comes with the next message, which is @text. */
static int pidfd_with(const char *text)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, buf[32] = "";
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) - 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int pidfd;

	CHECK_EQ((long)strlen(text), recvmsg(fds[R], &msg, MSG_DONTWAIT));
	CHECK_STREQ(text, buf);
	cmsg = CMSG_FIRSTHDR(&msg);
	CHECK(cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_PIDFD, "no pidfd");
	memcpy(&pidfd, CMSG_DATA(cmsg), sizeof(pidfd));
	return pidfd;
}

static int sends(void *arg)
{
	send_text(fds[W], arg);
	ckpt_child_waits(arg);
	return 0;
}

/* Of who has sent a message: of one that is there, and of its parent. */
CKPT_CYCLE(message_pidfd)
{
	pid_t kid;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
	set_option(fds[R], SO_PASSPIDFD, 1);
	send_text(fds[W], "parent");
	kid = ckpt_fork(sends, "child");
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(getpid(), pid_of(pidfd_with("parent")));
	CHECK_EQ(kid, pid_of(pidfd_with("child")));
	ckpt_wait_exit(kid, 0);
}

static int peer_pidfd(int fd)
{
	socklen_t len = sizeof(int);
	int pidfd = -1;

	CHECK_SYS(getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len));
	return pidfd;
}

/* Of who has made a pair. */
CKPT_CYCLE(peer_pidfds)
{
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	ckpt_ready_wait();
	CHECK_EQ(getpid(), pid_of(peer_pidfd(fds[R])));
	CHECK_EQ(getpid(), pid_of(peer_pidfd(fds[W])));
}

/* The groups that it had when it has made the pair, and not those of now. */
CKPT_CYCLE(peer_groups)
{
	const gid_t then[] = { 4711, 4712, 4713 }, now[] = { 4714 };
	gid_t told[8] = {};
	socklen_t len = sizeof(told);

	CHECK_SYS(setgroups(3, then));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_SYS(setgroups(1, now));
	ckpt_ready_wait();
	CHECK_SYS(getsockopt(fds[R], SOL_SOCKET, SO_PEERGROUPS, told, &len));
	CHECK_EQ((int)sizeof(then), (int)len);
	CHECK(!memcmp(told, then, sizeof(then)), "groups %u, %u and %u", told[0], told[1], told[2]);
}

static void name_of(int fd, struct sockaddr_un *addr, socklen_t *len)
{
	*len = sizeof(*addr);
	memset(addr, 0, sizeof(*addr));
	CHECK_SYS(getsockname(fd, (struct sockaddr *)addr, len));
}

/* The kernel has chosen an abstract name: who has sent something is found by that, and so is who listens. */
CKPT_CYCLE(chosen_address)
{
	const sa_family_t none = AF_UNIX;
	struct sockaddr_un to, from, seen;
	socklen_t to_len, from_len, len;
	int receiver, sender;
	char buf[16];

	receiver = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0));
	sender = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM, 0));
	CHECK_SYS(bind(receiver, (const struct sockaddr *)&none, sizeof(none)));
	/* Who is to be told credentials gets an address when it sends. */
	set_option(sender, SO_PASSCRED, 1);
	name_of(receiver, &to, &to_len);
	CHECK_EQ(4, sendto(sender, "sent", 4, 0, (struct sockaddr *)&to, to_len));
	name_of(sender, &from, &from_len);
	CHECK(from_len > sizeof(sa_family_t), "it has no address");
	ckpt_ready_wait();
	name_of(receiver, &seen, &len);
	CHECK(len == to_len && !memcmp(&seen, &to, len), "it has another address");
	len = sizeof(seen);
	CHECK_EQ(4, recvfrom(receiver, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&seen, &len));
	CHECK(len == from_len && !memcmp(&seen, &from, len), "another one has sent it");
	CHECK_EQ(6, sendto(receiver, "answer", 6, 0, (struct sockaddr *)&seen, len));
	CHECK_EQ(6, recv(sender, buf, sizeof(buf), MSG_DONTWAIT));
	CHECK_EQ(5, sendto(sender, "again", 5, 0, (struct sockaddr *)&to, to_len));
	CHECK_EQ(5, recv(receiver, buf, sizeof(buf), MSG_DONTWAIT));
}

TEST_HARNESS_MAIN
