// SPDX-License-Identifier: GPL-2.0
/* io_urings that have something in flight, or what can't be saved, or were set up in other ways. */
#include "refuse_uring.h"
#include "sched_attr.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/uio.h>

REFUSE_FIXTURE

/* Two have one thread that submits for both. */
REFUSE(common_thread)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQPOLL | IORING_SETUP_ATTACH_WQ };
	struct uring u, second = { 0 };

	make(&u, IORING_SETUP_SQPOLL);
	params.wq_fd = u.fd;
	second.fd = CHECK_SYS(syscall(__NR_io_uring_setup, 4, &params));
	EXPECT_URING(&u, "has a thread (IORING_SETUP_SQPOLL) that has ended, or that it has in common "
		     "with others (IORING_SETUP_ATTACH_WQ): start it without that");
	EXPECT_URING(&second, "has a thread (IORING_SETUP_SQPOLL) that has ended, or that it has in "
		     "common with others (IORING_SETUP_ATTACH_WQ): start it without that");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 0, 0, NULL, 0));
}

static void thread_does_one(struct uring *u)
{
	uring_prepare(u, IORING_OP_NOP, 9);
	CHECK_SYS(syscall(__NR_io_uring_enter, u->fd, 0, 1,
			  IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0));
	uring_take(u, 9, 0);
}

/* The thread has submitted a request that waits. */
REFUSE(thread_waits)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, IORING_SETUP_SQPOLL);
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->fd = event;
	sqe->poll_events = POLLIN;
	/* When that is done the one before it waits. */
	uring_prepare(&u, IORING_OP_NOP, 8);
	CHECK_SYS(syscall(__NR_io_uring_enter, u.fd, 0, 1,
			  IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0));
	uring_take(&u, 8, 0);
	EXPECT_URING(&u, "has requests in flight: have it wait for them, or cancel them");
	expect_more();
	ckpt_ready_wait();
	signals(event);
	take(&u, 7, POLLIN, false);
}

/* Schedules the thread that submits so, for which it is refused; its name is not that of the process. */
static void schedule_thread(const struct attr *attr, const char *why)
{
	struct dirent *entry;
	pid_t tid = 0;
	DIR *dir;

	dir = opendir("/proc/self/task");
	CHECK(dir, "/proc/self/task: %s", strerror(errno));
	while ((entry = readdir(dir)))
		if (atoi(entry->d_name) && atoi(entry->d_name) != getpid())
			tid = atoi(entry->d_name);
	closedir(dir);
	CHECK(tid, "there is no thread that submits");
	if (syscall(__NR_sched_setattr, tid, attr, 0)) {
		CHECK(errno == EPERM || errno == EBUSY || errno == EINVAL || errno == EOPNOTSUPP,
		      "sched_setattr: %s", strerror(errno));
		not_here();
	}
	CHECK_SYS(prctl(PR_SET_NAME, "iou-sqp-*", 0, 0, 0));
	expect_refusal(tid, UNSUPPORTED, "%s", why);
	CHECK_SYS(prctl(PR_SET_NAME, "submits", 0, 0, 0));
}

REFUSE(thread_with_deadline)
{
	struct attr attr = {
		.size = sizeof(attr),
		.policy = 6,
		.runtime = 1000000,
		.deadline = 100000000,
		.period = 100000000,
	};
	struct uring u;

	make(&u, IORING_SETUP_SQPOLL);
	schedule_thread(&attr, "has scheduling policy 6: give it another (chrt)");
	ckpt_ready_wait();
	thread_does_one(&u);
}

/* Who has that may make no threads, and has to make this one. */
REFUSE(thread_of_one_with_deadline)
{
	struct attr attr = {
		.size = sizeof(attr),
		.policy = 6,
		.runtime = 1000000,
		.deadline = 100000000,
		.period = 100000000,
	};
	struct uring u;

	make(&u, IORING_SETUP_SQPOLL);
	if (syscall(__NR_sched_setattr, 0, &attr, 0)) {
		CHECK(errno == EPERM || errno == EBUSY, "sched_setattr: %s", strerror(errno));
		not_here();
	}
	EXPECT_URING(&u, "has a thread (IORING_SETUP_SQPOLL), and the first task that has it can make "
		     "none as it has scheduling policy 6: give it SCHED_FLAG_RESET_ON_FORK, or another "
		     "policy (chrt)");
	expect_more();
	ckpt_ready_wait();
	thread_does_one(&u);
}

REFUSE(thread_with_clamps)
{
	/* SCHED_FLAG_KEEP_ALL | SCHED_FLAG_UTIL_CLAMP_MIN */
	struct attr attr = { .size = sizeof(attr), .flags = 0x38, .util_min = 100 };
	struct uring u;

	make(&u, IORING_SETUP_SQPOLL);
	schedule_thread(&attr, "submits for an io_uring, and has other utilization clamps than its "
			"process: give it the same");
	ckpt_ready_wait();
	thread_does_one(&u);
}

/* A process that shares the descriptors, and is not the first one, has made it with its thread. */
REFUSE(thread_of_child)
{
	pid_t kid = CHECK_SYS(sys_clone(CLONE_FILES | SIGCHLD));
	struct uring u;

	if (!kid) {
		u.fd = syscall(__NR_io_uring_setup, 4,
			       &(struct io_uring_params) { .flags = IORING_SETUP_SQPOLL });
		if (u.fd >= 0) {
			dup2(u.fd, 100);
			close(u.fd);
		}
		ckpt_step(0);
		ckpt_wait_go();
		_exit(0);
	}
	ckpt_step_wait(0, 1);
	if (fcntl(100, F_GETFD) == -1)
		not_here();
	u.fd = 100;
	EXPECT_URING(&u, "has a thread (IORING_SETUP_SQPOLL) of another process, or with other "
		     "descriptors or directories, than the first task that has it: have it closed there");
	expect_more();
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* It reads into a registered buffer when there is something to read. */
REFUSE(in_flight)
{
	static char buffer[64];
	struct iovec vec = { buffer, sizeof(buffer) };
	struct io_uring_sqe *sqe;
	struct uring u;
	int fds[2];

	make(&u, 0);
	enroll_here(&u, IORING_REGISTER_BUFFERS, &vec, 1);
	ckpt_pipe(fds, 0);
	sqe = uring_prepare(&u, IORING_OP_READ_FIXED, 0x7f);
	sqe->fd = fds[0];
	sqe->addr = (uintptr_t)buffer;
	sqe->len = 1;
	sqe->off = -1ULL;
	uring_submit(&u, 1);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_READ_FIXED, user_data "
		     "0x7f: have it wait for that, or cancel it");
	expect_refusal(getpid(), UNSUPPORTED, "has requests of io_uring in flight: have it wait for "
		       "them, or cancel them");
	expect_more();
	ckpt_ready_wait();
	CHECK_EQ(1, write(fds[1], "z", 1));
	take(&u, 0x7f, 1, false);
	CHECK_EQ('z', buffer[0]);
}

/* Only who has blocked the signals may be asked for them, and reads them. */
REFUSE(reads_signals)
{
	struct signalfd_siginfo info;
	struct io_uring_sqe *sqe;
	struct uring u;
	sigset_t set;

	make(&u, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	sqe = uring_prepare(&u, IORING_OP_READ, 7);
	sqe->fd = CHECK_SYS(signalfd(-1, &set, 0));
	sqe->addr = (uintptr_t)&info;
	sqe->len = sizeof(info);
	uring_submit(&u, 1);
	EXPECT_URING(&u, "has a request in flight, user_data 0x7, that waits for a signalfd: have it "
		     "cancel that");
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(raise(SIGUSR1));
	take(&u, 7, sizeof(info), false);
	CHECK_EQ(SIGUSR1, info.ssi_signo);
}

/* It would be another task that is asked for signals. */
REFUSE(polls_signals)
{
	struct io_uring_sqe *sqe;
	struct uring u;
	sigset_t set;
	int fd;

	make(&u, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	fd = CHECK_SYS(signalfd(-1, &set, 0));
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->fd = fd;
	sqe->poll_events = POLLIN;
	uring_submit(&u, 1);
	EXPECT_URING(&u, "has a request in flight, user_data 0x7, that waits for a signalfd: have it "
		     "cancel that");
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(raise(SIGUSR1));
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	uring_take(&u, 7, POLLIN);
}

/* The memory of a buffer is gone, or may not be written any more, or others are there. */
static void moved(int (*how)(void *addr, size_t len))
{
	size_t len = sysconf(_SC_PAGESIZE);
	char *buffer = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec vec = { buffer, len };
	struct uring u;

	CHECK(buffer != MAP_FAILED, "mmap: %s", strerror(errno));
	make(&u, 0);
	enroll_here(&u, IORING_REGISTER_BUFFERS, &vec, 1);
	CHECK_EQ(0, how(buffer, len));
	EXPECT_URING(&u, "has a registered buffer that is not the memory any more that its process has "
		     "there: have it unregister that");
	expect_more();
	ckpt_ready_wait();
	uring_works(&u);
}

REFUSE(unmapped_buffer)
{
	moved(munmap);
}

static int protect(void *addr, size_t len)
{
	return mprotect(addr, len, PROT_READ);
}

REFUSE(protected_buffer)
{
	moved(protect);
}

static int replace(void *addr, size_t len)
{
	char *at = mmap(addr, len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (at != addr)
		return -1;
	*at = 1;
	return 0;
}

REFUSE(replaced_buffer)
{
	moved(replace);
}

static int registers(void *arg)
{
	static char buffer[64];
	struct iovec vec = { buffer, sizeof(buffer) };

	enroll_here(arg, IORING_REGISTER_BUFFERS, &vec, 1);
	return ckpt_child_waits(NULL);
}

/* Its child has registered memory of its own. */
REFUSE(buffer_of_child)
{
	struct uring u;
	pid_t kid;

	make(&u, 0);
	kid = ckpt_fork(registers, &u);
	ckpt_step_wait(0, 1);
	EXPECT_URING(&u, "has a registered buffer that is not the memory any more that its process has "
		     "there: have it unregister that");
	expect_more();
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	uring_works(&u);
}

/* A ring of buffers in memory of the kernel, which is still mapped, and is registered no more. */
REFUSE(ring_of_kernel_gone)
{
	/* IOU_PBUF_RING_MMAP, of which older headers do not know. */
	struct io_uring_buf_reg reg = { .ring_entries = 8, .bgid = 5 };
	unsigned long ring;
	struct uring u;

	make(&u, 0);
	memcpy((char *)&reg + 14, &(uint16_t){ 1 }, 2);
	enroll_here(&u, IORING_REGISTER_PBUF_RING, &reg, 1);
	ring = (uintptr_t)mmap(NULL, ckpt_page(), PROT_READ | PROT_WRITE, MAP_SHARED, u.fd,
			       0x80000000ul | 5 << 16);
	CHECK((void *)ring != MAP_FAILED, "mmap: %s", strerror(errno));
	memset(&reg, 0, sizeof(reg));
	reg.bgid = 5;
	enroll_here(&u, IORING_UNREGISTER_PBUF_RING, &reg, 1);
	expect_refusal(getpid(), UNSUPPORTED, "mapping %lx-%lx: is no ring of provided buffers of an "
		       "io_uring any more, or a part of one: have it unmap that", ring,
		       ring + ckpt_page());
	ckpt_ready_wait();
	uring_works(&u);
}

/* The memory of a ring of buffers is gone. */
REFUSE(unmapped_ring)
{
	struct io_uring_buf_reg reg = { .ring_entries = 8, .bgid = 5 };
	void *ring = mmap(NULL, ckpt_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct uring u;

	CHECK(ring != MAP_FAILED, "mmap: %s", strerror(errno));
	make(&u, 0);
	reg.ring_addr = (uintptr_t)ring;
	enroll_here(&u, IORING_REGISTER_PBUF_RING, &reg, 1);
	CHECK_SYS(munmap(ring, ckpt_page()));
	EXPECT_URING(&u, "has a ring of provided buffers that is not the memory any more that its "
		     "process has there: have it unregister that");
	ckpt_ready_wait();
	uring_works(&u);
}

/* It waits for a child that stops, of a process group that is no more. */
REFUSE(waits_for_group_gone)
{
	struct io_uring_sqe *sqe;
	pid_t leader, kid;
	struct uring u;

	make(&u, 0);
	kid = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 1);
	leader = CHECK_SYS(fork());
	if (!leader) {
		pause();
		_exit(1);
	}
	CHECK_SYS(setpgid(leader, leader));
	CHECK_SYS(setpgid(kid, leader));
	/* IORING_OP_WAITID, of which older headers do not know. */
	sqe = uring_prepare(&u, 50, 7);
	sqe->len = P_PGID;
	sqe->fd = leader;
	sqe->file_index = WSTOPPED;
	uring_submit(&u, 1);
	CHECK_SYS(kill(leader, SIGKILL));
	CHECK_EQ(leader, waitpid(leader, NULL, 0));
	CHECK_SYS(setpgid(kid, kid));
	look(&u);
	uring_is_empty(&u);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_WAITID, user_data 0x7: "
		     "have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* It acts with credentials of its own. */
REFUSE(acts_as)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct io_uring_sqe *sqe;
	struct uring u;

	make(&u, 0);
	sqe = uring_prepare(&u, IORING_OP_POLL_ADD, 7);
	sqe->personality = CHECK_SYS(syscall(__NR_io_uring_register, u.fd,
					     IORING_REGISTER_PERSONALITY, NULL, 0));
	CHECK_SYS(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
	sqe->fd = event;
	sqe->poll_events = POLLIN;
	uring_submit(&u, 1);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_POLL_ADD, user_data "
		     "0x7: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	signals(event);
	take(&u, 7, POLLIN, false);
}

/* It waits for room, to send memory without a copy of it. */
REFUSE(sends_without_copy)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	static char buffer[65536];
	struct io_uring_sqe *sqe;
	int server, client, end;
	struct uring u;

	make(&u, 0);
	server = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	client = CHECK_SYS(socket(AF_INET, SOCK_STREAM, 0));
	CHECK_SYS(bind(server, (struct sockaddr *)&at, len));
	CHECK_SYS(listen(server, 1));
	CHECK_SYS(getsockname(server, (struct sockaddr *)&at, &len));
	CHECK_SYS(connect(client, (struct sockaddr *)&at, len));
	end = CHECK_SYS(accept(server, NULL, NULL));
	while (send(client, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
	CHECK(errno == EAGAIN, "send: %s", strerror(errno));
	/* IORING_OP_SEND_ZC, of which older headers do not know. */
	sqe = uring_prepare(&u, 47, 7);
	sqe->fd = client;
	sqe->addr = (uintptr_t)buffer;
	sqe->len = 1;
	uring_submit(&u, 1);
	EXPECT_URING(&u, "has a request in flight that can't be saved, IORING_OP_SEND_ZC, user_data "
		     "0x7: have it wait for that, or cancel it");
	expect_more();
	ckpt_ready_wait();
	/* Room comes as the other end reads; a second completion tells that the memory is free. */
	while (*uring_word(&u, u.params.cq_off.tail) == *uring_word(&u, u.params.cq_off.head)) {
		if (recv(end, buffer, sizeof(buffer), MSG_DONTWAIT) == -1)
			CHECK_EQ(EAGAIN, errno);
		look(&u);
	}
	take(&u, 7, 1, true);
}

REFUSE(memory_region)
{
	/* struct io_uring_region_desc and io_uring_mem_region_reg, which older headers have not. */
	struct {
		uint64_t user_addr, size;
		uint32_t flags, id;
		uint64_t mmap_offset, reserved[4];
	} region = { .size = ckpt_page(), .flags = 1 };
	struct { uint64_t region, flags, reserved[2]; } reg = { .region = (uintptr_t)&region };
	void *memory = mmap(NULL, ckpt_page(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uring u;

	CHECK(memory != MAP_FAILED, "mmap: %s", strerror(errno));
	region.user_addr = (uintptr_t)memory;
	make(&u, 0);
	/* IORING_REGISTER_MEM_REGION. */
	enroll_here(&u, 34, &reg, 1);
	EXPECT_URING(&u, "has a memory region or registered waits: start it without that");
	ckpt_ready_wait();
	uring_works(&u);
}

REFUSE(busy_polling)
{
	/*
	 * struct io_uring_napi, which older headers have not: IO_URING_NAPI_REGISTER_OP with
	 * IO_URING_NAPI_TRACKING_STATIC.
	 */
	struct {
		uint32_t busy_poll_to;
		uint8_t prefer_busy_poll, opcode, pad[2];
		uint32_t op_param, reserved;
	} napi = { .busy_poll_to = 1, .op_param = 1 };
	struct uring u;

	make(&u, 0);
	/* IORING_REGISTER_NAPI. */
	enroll_here(&u, 27, &napi, 1);
	EXPECT_URING(&u, "polls network devices that it has named (IORING_REGISTER_NAPI): have it "
		     "unregister that");
	ckpt_ready_wait();
	uring_works(&u);
}

/* How many workers its thread may have. */
REFUSE(workers_of_thread)
{
	unsigned int limits[2] = { 1, 1 };
	struct uring u;

	make(&u, IORING_SETUP_SQPOLL);
	enroll_here(&u, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
	EXPECT_URING(&u, "has settings for the workers of its thread (IORING_SETUP_SQPOLL): start it "
		     "without them");
	expect_more();
	ckpt_ready_wait();
	limits[0] = 0;
	limits[1] = 0;
	enroll_here(&u, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
	CHECK_EQ(1, limits[0]);
}

/* The file of the eventfd is closed: who is told of completions is not to be seen any more. */
REFUSE(closed_eventfd)
{
	int event = CHECK_SYS(eventfd(0, 0));
	struct uring u;

	make(&u, 0);
	enroll_here(&u, IORING_REGISTER_EVENTFD, &event, 1);
	close(event);
	EXPECT_URING(&u, "has registered an eventfd that no task has open: have it unregister that");
	ckpt_ready_wait();
	uring_works(&u);
}

static void *makes_and_exits(void *arg)
{
	return uring_make(arg, 4, IORING_SETUP_SINGLE_ISSUER) < 0 ? arg : NULL;
}

/* Who alone may submit is gone. */
REFUSE(issuer_gone)
{
	pthread_t thread;
	struct uring u;
	void *failed;

	CHECK_EQ(0, pthread_create(&thread, NULL, makes_and_exits, &u));
	CHECK_EQ(0, pthread_join(thread, &failed));
	if (failed)
		not_here();
	EXPECT_URING(&u, "may be used by a task only that has exited: have it closed");
	ckpt_ready_wait();
	CHECK(syscall(__NR_io_uring_enter, u.fd, 1, 0, 0, NULL, 0) == -1 && errno == EEXIST,
	      "io_uring_enter: %s", strerror(errno));
}

/* A task that may not register anything hands that on to what it makes. */
REFUSE(task_restrictions)
{
	struct {
		uint16_t flags, nr;
		uint32_t reserved[3];
		struct io_uring_restriction only;
	} task = {
		.nr = 1,
		.only = {
			.opcode = IORING_RESTRICTION_REGISTER_OP,
			.register_op = IORING_REGISTER_PROBE,
		},
	};
	struct uring u;

	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (syscall(__NR_io_uring_register, -1, IORING_REGISTER_RESTRICTIONS, &task, 1))
		not_here();
	make(&u, 0);
	EXPECT_URING(&u, "has restrictions of the task that made it: start that without them");
	expect_more();
	ckpt_ready_wait();
	uring_works(&u);
}

/* More completions than there is room for: the kernel keeps the others. */
REFUSE(overflow)
{
	struct uring u;
	uint32_t i;

	make(&u, 0);
	for (i = 0; i < u.params.cq_entries + 1; i++) {
		uring_prepare(&u, IORING_OP_NOP, i);
		uring_submit(&u, 1);
	}
	EXPECT_URING(&u, "has completions for which there was no room: have it read some");
	ckpt_ready_wait();
	for (i = 0; i < u.params.cq_entries; i++)
		uring_take(&u, i, 0);
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0));
	uring_take(&u, i, 0);
	uring_works(&u);
}

REFUSE(part)
{
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned long start;
	struct uring u;

	/* Two pages of entries of which the second is left. */
	if (uring_make(&u, 2 * page / 64, 0) < 0)
		not_here();
	start = (uintptr_t)u.sqes;
	CHECK_SYS(munmap(u.sqes, page));
	expect_refusal(getpid(), UNSUPPORTED, "mapping %lx-%lx: is a part of the memory of an io_uring: "
		       "have it map all of that", start + page, start + 2 * page);
	ckpt_ready_wait();
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 0, 0, NULL, 0));
}

/* What it had before it was resized is still mapped, and is nobody's but the program's. */
REFUSE(resized)
{
	struct io_uring_params to = {
		.flags = IORING_SETUP_CQSIZE,
		.sq_entries = 8,
		.cq_entries = 64,
	};
	unsigned long start[2];
	struct uring u;
	int i;

	make(&u, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	/* IORING_REGISTER_RESIZE_RINGS, of which older headers do not know. */
	if (syscall(__NR_io_uring_register, u.fd, 33, &to, 1)) {
		CHECK_EQ(EINVAL, errno);
		not_here();
	}
	start[0] = (uintptr_t)u.rings;
	start[1] = (uintptr_t)u.sqes;
	for (i = 0; i < 2; i++)
		expect_refusal(getpid(), UNSUPPORTED, "mapping %lx-%lx: is memory that an io_uring has "
			       "not any more, as it was resized: have it unmap that", start[i],
			       start[i] + ckpt_page());
	ckpt_ready_wait();
	CHECK_EQ(0, syscall(__NR_io_uring_enter, u.fd, 0, 0, 0, NULL, 0));
}

TEST_HARNESS_MAIN
