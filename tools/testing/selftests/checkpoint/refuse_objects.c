// SPDX-License-Identifier: GPL-2.0
/* Sockets, terminals and objects of the kernel: refused by descriptor, name and kind. */
#include "refuse.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/xattr.h>

REFUSE_FIXTURE

#define YET	" can't be saved yet"

/* ---- sockets --------------------------------------------------------- */

/* The device goes with the file that has made it. */
REFUSE(member)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(0xe0010203) };
	int fd = CHECK_HERE(socket(AF_INET, SOCK_DGRAM, 0));
	int tun = CHECK_HERE(open("/dev/net/tun", O_RDWR));

	CHECK_SYS(ioctl(tun, TUNSETIFF, &ifr));
	CHECK_SYS(ioctl(fd, SIOCGIFINDEX, &ifr));
	group.imr_ifindex = ifr.ifr_ifindex;
	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	CHECK_SYS(close(tun));
	EXPECT_FD(fd, "*", "is a member of a group on a device that is gone: have it leave that");
	ckpt_ready_wait();
	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)));
}

REFUSE(anycast_of_tcp)
{
	struct ipv6_mreq mreq = {
		.ipv6mr_multiaddr.s6_addr = { 0xfd, 0x12, [15] = 3 },
		.ipv6mr_interface = 1,
	};
	int forward = CHECK_HERE(open("/proc/sys/net/ipv6/conf/lo/forwarding", O_WRONLY));
	int fd = CHECK_HERE(socket(AF_INET6, SOCK_STREAM, 0));

	CHECK_EQ(1, write(forward, "1", 1));
	CHECK_SYS(close(forward));
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_ANYCAST, &mreq, sizeof(mreq)));
	EXPECT_FD(fd, "*", "has an anycast address (IPV6_JOIN_ANYCAST): have it leave that");
	ckpt_ready_wait();
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_LEAVE_ANYCAST, &mreq, sizeof(mreq)));
}

/* The ends of a connection have agreed upon a length with them. */
REFUSE(options_of_tcp)
{
	static const unsigned char record[] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	int fd = CHECK_HERE(socket(AF_INET, SOCK_STREAM, 0));

	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, record, sizeof(record)));
	EXPECT_FD(fd, "*", "has IP options that can't be saved (IP_OPTIONS of TCP, CIPSO): have them "
		  "removed");
	ckpt_ready_wait();
	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, NULL, 0));
}

REFUSE(headers_of_tcp)
{
	struct in6_pktinfo info = { .ipi6_ifindex = 1 };
	int fd = CHECK_HERE(socket(AF_INET6, SOCK_STREAM, 0));

	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info)));
	EXPECT_FD(fd, "*", "has extension headers or a source address for all it sends that can't be "
		  "saved (IPV6_HOPOPTS, IPV6_PKTINFO and others of TCP): have them removed");
	ckpt_ready_wait();
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info)));
}

static void label_consistency(const char *value)
{
	int fd = CHECK_HERE(open("/proc/sys/net/ipv6/flowlabel_consistency", O_WRONLY));

	CHECK_EQ(1, write(fd, value, 1));
	CHECK_SYS(close(fd));
}

/* It answers with the flow label of the other end. */
REFUSE(reflects_labels)
{
	/* A struct in6_flowlabel_req: IPV6_FL_A_GET, IPV6_FL_F_REFLECT. */
	unsigned char request[32] = { [20] = 0 };
	uint16_t reflect = 4;
	int fd = CHECK_HERE(socket(AF_INET6, SOCK_STREAM, 0));

	memcpy(request + 22, &reflect, sizeof(reflect));
	label_consistency("0");
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, 32 /* IPV6_FLOWLABEL_MGR */, request,
			     sizeof(request)));
	label_consistency("1");
	EXPECT_FD(fd, "*", "has a flow label, or reflects those of others (IPV6_FLOWLABEL_MGR): have "
		  "it given back");
	ckpt_ready_wait();
	/* IPV6_FL_A_PUT */
	request[20] = 1;
	CHECK_SYS(setsockopt(fd, IPPROTO_IPV6, 32, request, sizeof(request)));
}

/* What raw sockets have begun to send. */
REFUSE(corked)
{
	int fd = CHECK_HERE(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	CHECK_EQ(1, sendto(fd, "c", 1, MSG_MORE, (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_FD(fd, "*", "has part of a datagram to send (MSG_MORE): have it send all");
	ckpt_ready_wait();
	CHECK_EQ(1, sendto(fd, "d", 1, 0, (struct sockaddr *)&addr, sizeof(addr)));
}

/* What UDP has begun to send with options of its own. */
REFUSE(corked_with_options)
{
	unsigned char record[] = { 7 /* IPOPT_RR */, 7, 4, 0, 0, 0, 0, 0 };
	int fd = CHECK_HERE(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, record, sizeof(record)));
	CHECK_EQ(1, sendto(fd, "c", 1, MSG_MORE, (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_FD(fd, "*", "has begun a datagram (UDP_CORK, MSG_MORE) that has options, or pages or a "
		  "time that others know of: have it sent");
	ckpt_ready_wait();
	CHECK_EQ(1, sendto(fd, "d", 1, 0, (struct sockaddr *)&addr, sizeof(addr)));
}

/* Options that the socket got when it had begun are none of the datagram. */
REFUSE(corked_before_options)
{
	unsigned char record[] = { 7 /* IPOPT_RR */, 7, 4, 0, 0, 0, 0, 0 };
	int fd = CHECK_HERE(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	CHECK_EQ(1, sendto(fd, "c", 1, MSG_MORE, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_SYS(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, record, sizeof(record)));
	EXPECT_FD(fd, "*", "has begun a datagram (UDP_CORK, MSG_MORE) that has options, or pages or a "
		  "time that others know of: have it sent");
	ckpt_ready_wait();
	CHECK_EQ(1, sendto(fd, "d", 1, 0, (struct sockaddr *)&addr, sizeof(addr)));
}

/* An attribute that BPF programs read, on a socket that could be saved without it. */
REFUSE(socket_with_attribute)
{
	char buf[8];
	int fd[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	CHECK_HERE(fsetxattr(fd[0], "user.ckpt", "value", 5, 0));
	EXPECT_FD(fd[0], "*", "has extended attributes: have them removed");
	ckpt_ready_wait();
	CHECK_EQ(5, fgetxattr(fd[0], "user.ckpt", buf, sizeof(buf)));
}

/* ---- terminals ------------------------------------------------------- */

REFUSE(terminal)
{
	int master, slave;
	char c = 0;

	CHECK_SYS(openpty(&master, &slave, NULL, NULL, NULL));
	EXPECT_FD(master, "*", "*pseudoterminal" YET);
	EXPECT_FD(slave, "*", "a pseudoterminal" YET);
	ckpt_ready_wait();
	CHECK_EQ(2, write(master, "t\n", 2));
	CHECK_EQ(1, read(slave, &c, 1));
	CHECK_EQ('t', c);
}

static int with_terminal(void *arg)
{
	int slave = (intptr_t)arg;

	CHECK_SYS(setsid());
	CHECK_SYS(ioctl(slave, TIOCSCTTY, 0));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(open("/dev/tty", O_RDWR));
	return 0;
}

REFUSE(controlling_terminal)
{
	int master, slave;
	pid_t kid;

	CHECK_SYS(openpty(&master, &slave, NULL, NULL, NULL));
	kid = ckpt_fork(with_terminal, (void *)(intptr_t)slave);
	ckpt_step_wait(0, 1);
	expect_refusal(kid, UNSUPPORTED, "its session has a controlling terminal");
	EXPECT_FD(master, "*", "*pseudoterminal" YET);
	EXPECT_FD(slave, "*", "a pseudoterminal" YET);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* ---- kernel objects without an inode of their own --------------------- */

/* A ring of the test's own that completes into the scenario's eventfd, by nothing but that. */
static int outer_ring;

static int register_eventfd(void *arg)
{
	struct io_uring_params params = { 0 };
	struct ckpt_run *run = arg;
	int fd, ret;

	outer_ring = syscall(__NR_io_uring_setup, 4, &params);
	fd = syscall(__NR_pidfd_getfd, run->pidfd, (int)run->board->value[0], 0);
	ret = syscall(__NR_io_uring_register, outer_ring, IORING_REGISTER_EVENTFD, &fd, 1);
	if (ret)
		ckpt_diag("ring %d, eventfd %d: %s", outer_ring, fd, strerror(errno));
	close(fd);
	return ret;
}

static int close_ring(void *arg)
{
	return close(outer_ring);
}

REFUSE(event_fd_signalled, .before = register_eventfd, .after = close_ring)
{
	uint64_t n = 0;
	int fd;

	if (syscall(__NR_io_uring_setup, 0, NULL) == -1 && errno == ENOSYS)
		not_here();
	fd = CHECK_SYS(eventfd(5, 0));
	board->value[0] = fd;
	EXPECT_FD(fd, "*[eventfd]", "the kernel signals it for somebody: end what it was registered "
		  "with (io_uring, AIO, KVM)");
	ckpt_ready_wait();
	CHECK_EQ(8, read(fd, &n, 8));
	CHECK_EQ(5, n);
}

/* The test has them, too. */
static int taken[3];

static int take_them(void *arg)
{
	struct ckpt_run *run = arg;
	int i;

	for (i = 0; i < 3; i++) {
		taken[i] = syscall(__NR_pidfd_getfd, run->pidfd, (int)run->board->value[i], 0);
		if (taken[i] < 0) {
			ckpt_diag("pidfd_getfd: %s", strerror(errno));
			return -1;
		}
	}
	return 0;
}

static int close_them(void *arg)
{
	int i;

	for (i = 0; i < 3; i++)
		close(taken[i]);
	return 0;
}

REFUSE(events_outside, .before = take_them, .after = close_them)
{
	static const char * const name[] = { "eventfd", "signalfd", "timerfd" };
	sigset_t set;
	int i;

	sigemptyset(&set);
	board->value[0] = CHECK_SYS(eventfd(0, 0));
	board->value[1] = CHECK_SYS(signalfd(-1, &set, 0));
	board->value[2] = CHECK_SYS(timerfd_create(CLOCK_MONOTONIC, 0));
	for (i = 0; i < 3; i++)
		expect_refusal(getpid(), "EBUSY", "descriptor %d (*[%s]): a task outside shares it: "
			       "close it there, or checkpoint what has it as well",
			       (int)board->value[i], name[i]);
	ckpt_ready_wait();
	for (i = 0; i < 3; i++)
		CHECK_SYS(fcntl(board->value[i], F_GETFD));
}

/* ---- AIO -------------------------------------------------------------- */

static aio_context_t new_aio(size_t *size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	aio_context_t ctx = 0;
	uint32_t *ring;

	CHECK_HERE(syscall(__NR_io_setup, 4, &ctx));
	ring = (uint32_t *)ctx;
	*size = (32 + ring[1] * sizeof(struct io_event) + page - 1) / page * page;
	return ctx;
}

REFUSE(aio_poll)
{
	size_t size;
	aio_context_t ctx = new_aio(&size);
	struct iocb cb = { .aio_data = 7, .aio_lio_opcode = IOCB_CMD_POLL, .aio_buf = POLLIN };
	struct iocb *list = &cb;
	struct io_event event = { 0 };
	uint64_t one = 1;

	cb.aio_fildes = CHECK_SYS(eventfd(0, 0));
	CHECK_EQ(1, syscall(__NR_io_submit, ctx, 1, &list));
	expect_refusal(getpid(), UNSUPPORTED, "AIO poll request in flight, iocb %lx, of descriptor %d: "
		       "it may wait for ever: have it end that (io_cancel)",
		       (unsigned long)(uintptr_t)&cb, (int)cb.aio_fildes);
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(8, write(cb.aio_fildes, &one, sizeof(one)));
	CHECK_EQ(1, syscall(__NR_io_getevents, ctx, 1, 1, &event, NULL));
	CHECK_EQ(7, event.data);
	CHECK_EQ(POLLIN, event.res);
}

REFUSE(aio_ring_unmapped)
{
	size_t size;
	aio_context_t ctx = new_aio(&size);

	CHECK_SYS(munmap((void *)ctx, size));
	expect_refusal(getpid(), UNSUPPORTED, "AIO context %lx: its ring is not mapped as io_setup(2) "
		       "has done that: have it destroy the context (io_destroy)",
		       (unsigned long)ctx);
	ckpt_ready_wait();
	CHECK(syscall(__NR_io_destroy, ctx) == -1 && errno == EINVAL, "it was unmapped");
}

REFUSE(aio_ring_changed)
{
	size_t size;
	aio_context_t ctx = new_aio(&size);
	uint32_t *ring = (uint32_t *)ctx;

	/* Its magic number. */
	ring[4]++;
	expect_refusal(getpid(), UNSUPPORTED, "AIO context %lx: what the kernel has written at the start "
		       "of its ring was changed: have it leave that alone", (unsigned long)ctx);
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_io_destroy, ctx));
}

/* ---- others ----------------------------------------------------------- */

REFUSE(pidfd_of_process_outside)
{
	int fd = CHECK_SYS(sys_pidfd_open(getppid()));

	expect_refusal(getpid(), "EBUSY", "descriptor %d (*): is a pidfd of pid %d (*), which is "
		       "outside of the tree: have it closed, or checkpoint that as well",
		       fd, getppid());
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_pidfd_send_signal, fd, 0, NULL, 0));
}

/* What tells who is at the other end, which is the test. */
CKPT_SCENARIO(pidfd_of_outer_namespace, .flags = SC_CONTAINER)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0)), fd = -1;
	socklen_t len = sizeof(fd);

	memcpy(addr.sun_path + 1, getenv("CKPT_SOCKET"), 5);
	CHECK_SYS(connect(sock, (struct sockaddr *)&addr,
			  offsetof(struct sockaddr_un, sun_path) + 6));
	/* SO_PEERPIDFD, of which older headers do not know. */
	CHECK_SYS(getsockopt(sock, SOL_SOCKET, 77, &fd, &len));
	CHECK_SYS(close(sock));
	expect_refusal(getpid(), "EBUSY", "descriptor %d (*): is a pidfd of a process outside of "
		       "the pid namespace: have it closed", fd);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

TEST_F_TIMEOUT(refuse, pidfd_of_outer_namespace, CKPT_TIMEOUT)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	char name[8] = "";

	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	ASSERT_EQ(0, listen(listener, 5));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&addr, &len));
	memcpy(name, addr.sun_path + 1, 5);
	setenv("CKPT_SOCKET", name, 1);
	ASSERT_EQ(0, ckpt_refuse(&pidfd_of_outer_namespace));
	close(listener);
}

REFUSE(pidfd_opened_by_way_of_proc)
{
	int fd = CHECK_SYS(sys_pidfd_open(getpid())), again;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = CHECK_SYS(open(path, O_RDWR));
	EXPECT_FD(again, "*", "was opened by way of /proc/PID/fd: have it opened by pidfd_open(2)");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_pidfd_send_signal, again, 0, NULL, 0));
}

/* The process gets no parent that would wait for it, which can't be saved either. */
REFUSE(pidfd_that_kills)
{
	int fd = -1;
	struct {
		uint64_t flags, pidfd, more[6];
	} args = {
		.flags = CLONE_PIDFD | 1ull << 34 | 1ull << 36,	/* AUTOREAP, PIDFD_AUTOKILL */
		.pidfd = (uintptr_t)&fd,
	};
	pid_t pid = syscall(__NR_clone3, &args, sizeof(args));

	if (pid < 0)
		not_here();
	if (!pid) {
		ckpt_wait_go();
		_exit(0);
	}
	EXPECT_FD(fd, "*", "kills its process when it is closed (CLONE_PIDFD_AUTOKILL), which can't "
		  "be saved yet");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(O_TRUNC, fcntl(fd, F_GETFL) & O_TRUNC);
}

static int leaves_group(void *arg)
{
	CHECK_SYS(setpgid(0, 0));
	ckpt_fork(ckpt_child_waits, NULL);
	return 0;
}

/* Signals go to the group by way of the pidfd of its leader (PIDFD_SIGNAL_PROCESS_GROUP). */
REFUSE(pidfd_of_group)
{
	pid_t pid;
	int fd;

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid = ckpt_fork(leaves_group, NULL);
	fd = CHECK_SYS(sys_pidfd_open(pid));
	ckpt_wait_exit(pid, 0);
	EXPECT_FD(fd, "*", "its process was reaped, but its process group or session is there: end "
		  "that, or have it closed");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_pidfd_send_signal, fd, 0, NULL, 1 << 2));
	CHECK_SYS(wait(NULL));
}

static int exits_at_once(void *arg)
{
	return 0;
}

REFUSE(pidfd_with_attribute)
{
	int fd = CHECK_SYS(sys_pidfd_open(getpid())), dead;
	pid_t pid = ckpt_fork(exits_at_once, NULL);
	char buf[8];

	dead = CHECK_SYS(sys_pidfd_open(pid));
	ckpt_wait_exit(pid, 0);
	CHECK_HERE(fsetxattr(fd, "trusted.ckpt", "value", 5, 0));
	CHECK_HERE(fsetxattr(dead, "trusted.ckpt", "value", 5, 0));
	expect_refusal(getpid(), UNSUPPORTED, "extended attributes on its pidfds: have them removed");
	EXPECT_FD(dead, "*", "has extended attributes: have them removed");
	ckpt_ready_wait();
	CHECK_EQ(5, fgetxattr(fd, "trusted.ckpt", buf, sizeof(buf)));
}

REFUSE(perf_event)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY,
	};
	int fd = CHECK_HERE(syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0));
	uint64_t n;

	EXPECT_FD(fd, "*[perf_event]", "a performance counter" YET);
	expect_refusal(getpid(), UNSUPPORTED, "has perf events: end the measurement (perf), or "
		       "leave its descriptors out (CHECKPOINT_RULE_CLOSE)");
	ckpt_ready_wait();
	CHECK_EQ(8, read(fd, &n, 8));
}

static int bpf(int command, union bpf_attr *attr)
{
	return CHECK_HERE(syscall(__NR_bpf, command, attr, sizeof(*attr)));
}

REFUSE(bpf_map)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1,
	};
	int fd = bpf(BPF_MAP_CREATE, &attr);

	EXPECT_FD(fd, "*bpf-map", "a BPF map" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(bpf_program)
{
	static const struct bpf_insn all[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)all, .insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	EXPECT_FD(fd, "*bpf-prog", "a BPF program" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(landlock_ruleset)
{
	uint64_t rights = 1;	/* LANDLOCK_ACCESS_FS_EXECUTE */
	int fd = CHECK_HERE(syscall(__NR_landlock_create_ruleset, &rights, sizeof(rights), 0));

	EXPECT_FD(fd, "*[landlock-ruleset]", "a Landlock ruleset" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(filesystem_context)
{
	int fd = CHECK_HERE(syscall(__NR_fsopen, "tmpfs", 0));

	EXPECT_FD(fd, "*[fscontext]", "a filesystem context" YET);
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_fsconfig, fd, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0));
}

/* Of a filter of a task that has ended. */
static int sends_listener(void *arg)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog all = { .len = 1, .filter = &allow };
	int fd = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &all);

	*(int *)arg = fd < 0 ? -errno : fd;
	return 0;
}

REFUSE(seccomp_listener)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd = 0;
	pid_t kid = CHECK_SYS(clone(sends_listener, stack + sizeof(stack),
				    CLONE_FILES | CLONE_VM | SIGCHLD, &fd));

	ckpt_wait_exit(kid, 0);
	if (fd == -ENOSYS || fd == -EINVAL)
		not_here();
	CHECK(fd >= 0, "seccomp: %s", strerror(-fd));
	EXPECT_FD(fd, "*seccomp notify*", "a seccomp listener" YET);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* ---- devices --------------------------------------------------------- */

static void device(const char *name, const char *what)
{
	int fd = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		not_here();
	EXPECT_FD(fd, name, what);
	ckpt_ready_wait();
	CHECK_SYS(fcntl(fd, F_GETFD));
}

REFUSE(fuse_connection)
{
	device("/dev/fuse", "a FUSE connection" YET);
}

REFUSE(kvm)
{
	device("/dev/kvm", "KVM" YET);
}

REFUSE(graphics)
{
	device("/dev/dri/card0", "a graphics device" YET);
}

/* ---- memory ---------------------------------------------------------- */

/* powerpc has no such call. */
#ifdef __NR_memfd_secret
REFUSE(secret_memory)
{
	int fd = CHECK_HERE(syscall(__NR_memfd_secret, 0));

	EXPECT_FD(fd, "*", "secret memory" YET);
	ckpt_ready_wait();
	CHECK_SYS(ftruncate(fd, 4096));
}
#endif

TEST_HARNESS_MAIN
