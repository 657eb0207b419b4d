// SPDX-License-Identifier: GPL-2.0
/*
 * What Unix sockets tell of the other side beside its pid: pidfds of it (SCM_PIDFD, SO_PEERPIDFD), its
 * groups (SO_PEERGROUPS), and addresses that the kernel has chosen.
 */
#include "sockets.h"

#include <grp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

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

/* It is of a process that is there no more. */
static void of_nobody(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	CHECK_EQ(1, poll(&p, 1, 0));
	CHECK(p.revents & POLLIN, "0x%x", p.revents);
	CHECK(syscall(__NR_pidfd_send_signal, pidfd, 0, NULL, 0) == -1 && errno == ESRCH,
	      "it can be signalled: %s", strerror(errno));
	CHECK_SYS(close(pidfd));
}

static int sends_and_ends(void *arg)
{
	send_text(fds[W], arg);
	return 0;
}

/* Of one that has ended since, and was waited for; what comes after it is of one that is there. */
CKPT_CYCLE(message_of_exited)
{
	CHECK_SYS(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
	set_option(fds[R], SO_PASSPIDFD, 1);
	ckpt_wait_exit(ckpt_fork(sends_and_ends, "exited"), 0);
	send_text(fds[W], "parent");
	ckpt_ready_wait();
	of_nobody(pidfd_with("exited"));
	CHECK_EQ(getpid(), pid_of(pidfd_with("parent")));
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

static int makes_pair(void *arg)
{
	int made[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, made));
	send_fds(fds[W], made, 2);
	return 0;
}

/* Of who has made a pair, and has ended since. */
CKPT_CYCLE(peer_has_exited)
{
	int made[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	ckpt_wait_exit(ckpt_fork(makes_pair, NULL), 0);
	receive_fds(fds[R], made, 2);
	ckpt_ready_wait();
	of_nobody(peer_pidfd(made[R]));
	of_nobody(peer_pidfd(made[W]));
	send_text(made[W], "inside");
	expect_text(made[R], "inside");
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

/* Sends @text as if @cred had done so. */
static void send_as(const char *text, const struct ucred *cred)
{
	char control[CMSG_SPACE(sizeof(*cred))] = {};
	struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_CREDENTIALS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(*cred));
	memcpy(CMSG_DATA(cmsg), cred, sizeof(*cred));
	CHECK_EQ((long)iov.iov_len, sendmsg(fds[W], &msg, MSG_NOSIGNAL));
}

/* The next message is @text, of process @pid with these ids. */
static void sent_by(const char *text, pid_t pid, uid_t uid, gid_t gid)
{
	char control[CMSG_SPACE(sizeof(struct ucred))] = {}, buf[32] = "";
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) - 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	struct ucred cred;

	CHECK_EQ((long)strlen(text), recvmsg(fds[R], &msg, MSG_DONTWAIT));
	CHECK_STREQ(text, buf);
	cmsg = CMSG_FIRSTHDR(&msg);
	CHECK(cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_CREDENTIALS,
	      "no credentials");
	memcpy(&cred, CMSG_DATA(cmsg), sizeof(cred));
	CHECK_EQ(pid, cred.pid);
	CHECK_EQ(uid, cred.uid);
	CHECK_EQ(gid, cred.gid);
}

static int sends_as_user(void *arg)
{
	CHECK_SYS(setresgid(4721, 4722, 4723));
	CHECK_SYS(setresuid(4711, 4712, 4713));
	send_text(fds[W], "of another user");
	send_as("of another of its ids", &(struct ucred){ getpid(), 4713, 4723 });
	ckpt_child_waits(arg);
	return 0;
}

/* Ids of other users: of one that has them, and as told by one that may tell what it likes. */
static void other_ids(int type)
{
	pid_t kid;

	CHECK_SYS(socketpair(AF_UNIX, type, 0, fds));
	set_option(fds[R], SO_PASSCRED, 1);
	kid = ckpt_fork(sends_as_user, NULL);
	ckpt_step_wait(0, 1);
	send_as("as told", &(struct ucred){ kid, 4731, 4732 });
	send_text(fds[W], "of root");
	ckpt_ready_wait();
	sent_by("of another user", kid, 4711, 4721);
	sent_by("of another of its ids", kid, 4713, 4723);
	sent_by("as told", kid, 4731, 4732);
	sent_by("of root", getpid(), getuid(), getgid());
	send_as("after", &(struct ucred){ getpid(), 4741, 4742 });
	sent_by("after", getpid(), 4741, 4742);
	ckpt_wait_exit(kid, 0);
}

CKPT_CYCLE(ids_in_datagrams)
{
	other_ids(SOCK_DGRAM);
}

/* Bytes of different senders are not put together. */
CKPT_CYCLE(ids_in_stream)
{
	other_ids(SOCK_STREAM);
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
