// SPDX-License-Identifier: GPL-2.0
/*
 * All system calls that end with EINTR when something wakes the task, in tasks that
 * are frozen for a checkpoint that is refused or for nothing: they go on as well. What
 * some wait for may not be saved yet.
 */
#include "eintr.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/memfd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>

#ifndef IORING_ENTER_ABS_TIMER
#define IORING_ENTER_ABS_TIMER	(1u << 5)
#endif

CKPT_FIXTURE_ARCH

enum wait {
	W_EPOLL, W_EPOLL_PWAIT, W_EPOLL_PWAIT2, W_SIGWAIT, W_SEMOP, W_IPC, W_GETEVENTS, W_RING,
	W_RING_ARG, W_RING_ABS, W_IA32_EPOLL, W_IA32_IPC, W_COUNT,
};

static const char * const wait_name[] = {
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "rt_sigtimedwait", "semtimedop", "ipc",
	"io_getevents", "io_uring_enter", "io_uring_enter with arguments",
	"io_uring_enter with an absolute limit",
	"epoll_wait of 32 bits", "ipc of 32 bits",
};

/* Numbers of the calls; 0: there is none here. */
static const int wait_nr[] = {
#ifdef __NR_epoll_wait
	[W_EPOLL] = __NR_epoll_wait,
#endif
	[W_EPOLL_PWAIT] = __NR_epoll_pwait,
	[W_EPOLL_PWAIT2] = __NR_epoll_pwait2,
	[W_SIGWAIT] = __NR_rt_sigtimedwait,
	[W_SEMOP] = __NR_semtimedop,
#ifdef __NR_ipc
	[W_IPC] = __NR_ipc,
#endif
	[W_GETEVENTS] = __NR_io_getevents,
	[W_RING] = __NR_io_uring_enter,
	[W_RING_ARG] = __NR_io_uring_enter,
	[W_RING_ABS] = __NR_io_uring_enter,
#ifdef __x86_64__
	[W_IA32_EPOLL] = IA32_epoll_wait,
	[W_IA32_IPC] = IA32_ipc,
#endif
	[W_COUNT] = 0,
};

/* What a thread waits for. */
static struct waiter {
	pthread_t thread;
	int event, epoll;		/* Descriptors. */
	aio_context_t aio;
	struct io_uring_params params;
	int ring;
	char *rings;
	struct io_uring_sqe *sqes;
} waiter[W_COUNT];

/* Values of the board: waiters of the run begin here with their tids, 0: there is none. */
#define TIDS	100
/* So many have done with their call. */
#define DONE	1

static void make_ring(struct waiter *w)
{
	size_t size;

	w->ring = CHECK_SYS(syscall(__NR_io_uring_setup, 4, &w->params));
	CHECK(w->params.features & IORING_FEAT_SINGLE_MMAP, "two mappings of the ring");
	size = w->params.sq_off.array + w->params.sq_entries * 4;
	if (size < w->params.cq_off.cqes + w->params.cq_entries * sizeof(struct io_uring_cqe))
		size = w->params.cq_off.cqes +
		       w->params.cq_entries * sizeof(struct io_uring_cqe);
	w->rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, w->ring, IORING_OFF_SQ_RING);
	w->sqes = mmap(NULL, w->params.sq_entries * sizeof(*w->sqes), PROT_READ | PROT_WRITE,
		       MAP_SHARED, w->ring, IORING_OFF_SQES);
	CHECK(w->rings != MAP_FAILED && w->sqes != MAP_FAILED, "%s", strerror(errno));
}

/* Puts something into the ring that is complete at once. */
static void wake_ring(struct waiter *w)
{
	uint32_t *tail = (uint32_t *)(w->rings + w->params.sq_off.tail);
	uint32_t *array = (uint32_t *)(w->rings + w->params.sq_off.array);

	memset(&w->sqes[0], 0, sizeof(w->sqes[0]));
	w->sqes[0].opcode = IORING_OP_NOP;
	array[*tail & 3] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(1, syscall(__NR_io_uring_enter, w->ring, 1, 0, 0, NULL, 0));
}

static void set_up(enum wait which, struct waiter *w)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = which };

	switch (which) {
	case W_GETEVENTS:
		CHECK_SYS(syscall(__NR_io_setup, 4, &w->aio));
		break;
	case W_RING:
	case W_RING_ARG:
	case W_RING_ABS:
		make_ring(w);
		break;
	case W_EPOLL:
	case W_EPOLL_PWAIT:
	case W_EPOLL_PWAIT2:
	case W_IA32_EPOLL:
		w->event = CHECK_SYS(eventfd(0, 0));
		w->epoll = CHECK_SYS(epoll_create1(0));
		CHECK_SYS(epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->event, &event));
		break;
	default:
		break;
	}
}

/* What becomes of the calls: they get what they wait for, or are interrupted. */
static enum { GO_ON, HANDLED, LIMITED } mode;

/* Far away by any clock. */
static struct __kernel_timespec far = { .tv_sec = 1000000 };
#define FAR_MS	1000000000

/* Makes the call, with a limit if it is LIMITED; true if it got what it waited for. */
static bool do_wait(enum wait which, struct waiter *w)
{
	struct __kernel_timespec *limit = mode == LIMITED ? &far : NULL;
	struct io_uring_getevents_arg arg = { .ts = (uintptr_t)limit };
	int ms = mode == LIMITED ? FAR_MS : -1;
	struct sembuf sop = { .sem_num = which, .sem_op = -1 };
	struct epoll_event event = { 0 };
	struct io_event done = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	errno = 0;
	switch (which) {
#ifdef __NR_epoll_wait
	case W_EPOLL:
		return syscall(__NR_epoll_wait, w->epoll, &event, 1, ms) == 1 &&
		       event.data.u32 == which;
#endif
	case W_EPOLL_PWAIT:
		return syscall(__NR_epoll_pwait, w->epoll, &event, 1, ms, &set, sizeof(uint64_t)) == 1 &&
		       event.data.u32 == which;
	case W_EPOLL_PWAIT2:
		return syscall(__NR_epoll_pwait2, w->epoll, &event, 1, limit, &set, sizeof(uint64_t)) == 1 &&
		       event.data.u32 == which;
	case W_SIGWAIT:
		return syscall(__NR_rt_sigtimedwait, &set, NULL, limit, 8) == SIGUSR2;
	case W_SEMOP:
		sop.sem_num = 1;
		return !syscall(__NR_semtimedop, sems(0), &sop, 1, limit);
#ifdef __NR_ipc
	case W_IPC:
		sop.sem_num = 2;
		/* SEMTIMEDOP or SEMOP; where the limit stands depends on the architecture. */
		return !syscall(__NR_ipc, limit ? 4 : 1, sems(0), 1, limit, &sop, limit);
#endif
	case W_GETEVENTS:
		return syscall(__NR_io_getevents, w->aio, 1, 1, &done, limit) == 1 && done.data == 7;
	case W_RING:
		return !syscall(__NR_io_uring_enter, w->ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	case W_RING_ARG:
		return !syscall(__NR_io_uring_enter, w->ring, 0, 1, IORING_ENTER_GETEVENTS |
				IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
	case W_RING_ABS:
		arg.ts = (uintptr_t)&far;
		return !syscall(__NR_io_uring_enter, w->ring, 0, 1, IORING_ENTER_GETEVENTS |
				IORING_ENTER_EXT_ARG | IORING_ENTER_ABS_TIMER, &arg, sizeof(arg));
#ifdef __x86_64__
	case W_IA32_EPOLL: {
		struct epoll_event *low_event = low(sizeof(event));

		return ia32_call(IA32_epoll_wait, w->epoll, (long)low_event, 1, ms, 0) == 1 &&
		       low_event->data.u32 == which;
	}
	case W_IA32_IPC: {
		struct sembuf *low_sop = low(sizeof(sop));

		sop.sem_num = 3;
		*low_sop = sop;
		return !ia32_call(IA32_ipc, 1, sems(0), 1, 0, (long)low_sop);
	}
#endif
	default:
		return false;
	}
}

static void wake(enum wait which, struct waiter *w)
{
	char c;
	struct iocb cb = {
		.aio_data = 7, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_buf = (uintptr_t)&c,
		.aio_nbytes = 1,
	};
	struct iocb *list = &cb;
	uint64_t one = 1;

	switch (which) {
	case W_SIGWAIT:
		CHECK_SYS(syscall(__NR_tgkill, getpid(), board->value[TIDS + which], SIGUSR2));
		break;
	case W_SEMOP:
		CHECK_EQ(0, semop_by_one(1, 1));
		break;
	case W_IPC:
		CHECK_EQ(0, semop_by_one(2, 1));
		break;
	case W_IA32_IPC:
		CHECK_EQ(0, semop_by_one(3, 1));
		break;
	case W_GETEVENTS:
		cb.aio_fildes = CHECK_SYS(memfd_create("aio", 0));
		CHECK_SYS(ftruncate(cb.aio_fildes, 1));
		CHECK_EQ(1, syscall(__NR_io_submit, w->aio, 1, &list));
		break;
	case W_RING:
	case W_RING_ARG:
	case W_RING_ABS:
		wake_ring(w);
		break;
	default:
		CHECK_EQ(8, write(w->event, &one, sizeof(one)));
		break;
	}
}

static void *waiting(void *arg)
{
	enum wait which = (uintptr_t)arg;
	struct waiter *w = &waiter[which];
	bool got;

	__atomic_store_n(&board->value[TIDS + which], sys_gettid(), __ATOMIC_SEQ_CST);
	got = do_wait(which, w);
	if (mode != GO_ON)
		CHECK(!got && errno == EINTR, "%s: %s, not EINTR", wait_name[which],
		      strerror(errno));
	else
		CHECK(got, "%s: %s", wait_name[which], strerror(errno));
	return NULL;
}

/* Which of them are there to be tested; the test must find the same. */
static bool there(enum wait which)
{
	struct io_uring_params params = { 0 };
	aio_context_t aio = 0;
	int fd;

	if (!wait_nr[which])
		return false;
	/* These have no relative limit. */
	if (mode == LIMITED && (which == W_RING || which == W_RING_ABS || which == W_IA32_IPC))
		return false;
	switch (which) {
#ifdef __x86_64__
	case W_IA32_EPOLL:
	case W_IA32_IPC:
		return has_ia32();
#endif
	case W_GETEVENTS:
		if (syscall(__NR_io_setup, 4, &aio))
			return false;
		syscall(__NR_io_destroy, aio);
		return true;
	case W_RING:
	case W_RING_ARG:
	case W_RING_ABS:
		fd = syscall(__NR_io_uring_setup, 4, &params);
		if (fd >= 0)
			close(fd);
		return fd >= 0;
	default:
		return true;
	}
}

static void all_waits(void)
{
	sigset_t set;
	uintptr_t i;

	catch_usr1();
	block(&set, SIGUSR2);
	for (i = 0; i < W_COUNT; i++) {
		if (!there(i))
			continue;
		set_up(i, &waiter[i]);
		CHECK_EQ(0, pthread_create(&waiter[i].thread, NULL, waiting, (void *)i));
	}
	ckpt_ready_wait();
	for (i = 0; i < W_COUNT; i++) {
		if (!waiter[i].thread)
			continue;
		if (mode == GO_ON)
			wake(i, &waiter[i]);
		CHECK_EQ(0, pthread_join(waiter[i].thread, NULL));
		board->value[DONE]++;
	}
	CHECK_EQ(mode == HANDLED ? board->value[DONE] : 0, handled);
}

CKPT_SCENARIO(all_go_on)
{
	all_waits();
}

CKPT_SCENARIO(all_are_interrupted)
{
	mode = HANDLED;
	all_waits();
}

CKPT_SCENARIO(all_limits_end)
{
	mode = LIMITED;
	all_waits();
}

/* Waits until each is asleep in its call, again. */
static int wait_all_asleep(struct ckpt_run *run)
{
	const struct ckpt_scenario *plain = run->sc;
	struct ckpt_scenario sc = *plain;
	int i, n = 0, ret;

	for (i = 0; i < W_COUNT; i++) {
		if (there(i))
			sc.blocked[n++] = BLOCKED(wait_nr[i]);
	}
	run->sc = &sc;
	ret = ckpt_run_wait_blocked(run);
	run->sc = plain;
	return ret;
}

/* A checkpoint, of what may be refused: frozen it was all the same. */
static int frozen(struct ckpt_run *run)
{
	struct checkpoint_args args;

	ckpt_run_args(run, &args, -1, CHECKPOINT_DRY_RUN);
	if (sys_checkpoint(&args, sizeof(args)) > 0)
		return 0;
	/* Where it is refused before anything is frozen the reason is to be seen. */
	if (errno != EOPNOTSUPP)
		ckpt_run_print_log(run);
	return errno == EOPNOTSUPP || errno == EBUSY ? 0 : -1;
}

TEST_F_TIMEOUT(cr, all_go_on, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	EINTR_BEGIN();
	remove_sems();
	ASSERT_LE(0, sems(IPC_CREAT | 0600));
	ASSERT_EQ(0, ckpt_run_init(&run, &all_go_on, variant->container));
	EXPECT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(0, wait_all_asleep(&run));
	EXPECT_EQ(0, frozen(&run));
	EXPECT_EQ(0, wait_all_asleep(&run));
	EXPECT_EQ(0, frozen(&run));
	EXPECT_EQ(0, wait_all_asleep(&run));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	remove_sems();
}

TEST_F_TIMEOUT(cr, all_are_interrupted, CKPT_TIMEOUT)
{
	struct ckpt_run run;
	char path[300], line[32];
	FILE *threads;

	EINTR_BEGIN();
	remove_sems();
	ASSERT_LE(0, sems(IPC_CREAT | 0600));
	ASSERT_EQ(0, ckpt_run_init(&run, &all_are_interrupted, variant->container));
	EXPECT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(0, wait_all_asleep(&run));
	EXPECT_EQ(0, ckpt_cgroup_freeze(&run.cg));
	/* To each thread but the first, while they are frozen. */
	snprintf(path, sizeof(path), "%s/cgroup.threads", run.cg.path);
	threads = fopen(path, "r");
	ASSERT_NE(NULL, threads);
	while (fgets(line, sizeof(line), threads)) {
		if (atoi(line) != run.pid)
			EXPECT_EQ(0, syscall(__NR_tgkill, run.pid, atoi(line), SIGUSR1));
	}
	fclose(threads);
	EXPECT_EQ(0, frozen(&run));
	EXPECT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	remove_sems();
}

/* With a relative limit, of which the kernel does not know what is left. */
TEST_F_TIMEOUT(cr, all_limits_end, CKPT_TIMEOUT)
{
	struct ckpt_run run;

	EINTR_BEGIN();
	mode = LIMITED;
	remove_sems();
	ASSERT_LE(0, sems(IPC_CREAT | 0600));
	ASSERT_EQ(0, ckpt_run_init(&run, &all_limits_end, variant->container));
	EXPECT_EQ(0, ckpt_run_start(&run));
	EXPECT_EQ(0, wait_all_asleep(&run));
	/* Frozen for certain, whatever becomes of the checkpoint: else they wait on. */
	EXPECT_EQ(0, ckpt_cgroup_freeze(&run.cg));
	EXPECT_EQ(0, frozen(&run));
	EXPECT_EQ(0, ckpt_cgroup_thaw(&run.cg));
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	remove_sems();
}

/* ---- at any moment --------------------------------------------------- */

static bool gone_on(void)
{
	return !__atomic_load_n(&board->go, __ATOMIC_SEQ_CST);
}

static int ping[2], pong[2];

/* Two that wake each other by eventfds, and wait for that in epoll_pwait(). */
static void *with_epoll(void *arg)
{
	int *mine = arg, *other = mine == ping ? pong : ping;
	struct epoll_event event;
	uint64_t n = 1;

	while (gone_on()) {
		CHECK_EQ(8, write(other[0], &n, sizeof(n)));
		CHECK(syscall(__NR_epoll_pwait, mine[1], &event, 1, -1, NULL, 8) == 1,
		      "epoll_pwait: %s", strerror(errno));
		CHECK_EQ(8, read(mine[0], &n, sizeof(n)));
		n = 1;
	}
	/* The other may be waiting still. */
	CHECK_EQ(8, write(other[0], &n, sizeof(n)));
	return NULL;
}

static pid_t signalled[2];

/* Two that signal each other, and wait for that with sigwaitinfo(). */
static void *with_signals(void *arg)
{
	int me = (uintptr_t)arg;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	__atomic_store_n(&signalled[me], sys_gettid(), __ATOMIC_SEQ_CST);
	ckpt_step(1);
	ckpt_step_wait(1, 2);
	while (gone_on()) {
		CHECK_SYS(syscall(__NR_tgkill, getpid(), signalled[!me], SIGUSR2));
		CHECK(syscall(__NR_rt_sigtimedwait, &set, NULL, NULL, 8) == SIGUSR2,
		      "rt_sigtimedwait: %s", strerror(errno));
	}
	/* Gone already, if it has got what was sent before. */
	syscall(__NR_tgkill, getpid(), signalled[!me], SIGUSR2);
	return NULL;
}

/* Two that wake each other by semaphores. */
static void *with_sems(void *arg)
{
	int me = (uintptr_t)arg;

	while (gone_on()) {
		CHECK_EQ(0, semop_by_one(4 + !me, 1));
		CHECK(!semop_by_one(4 + me, -1), "semtimedop: %s", strerror(errno));
	}
	CHECK_EQ(0, semop_by_one(4 + !me, 1));
	return NULL;
}

/* A limit of zero: these only look. */
static void *with_zero(void *arg)
{
	struct sembuf sop = { .sem_num = 7, .sem_op = -1 };
	struct timespec zero = { 0 };
	struct io_event event;
	aio_context_t aio = 0;
	bool has_aio = !syscall(__NR_io_setup, 4, &aio);
	int id = sems(0);

	while (gone_on()) {
		CHECK(syscall(__NR_semtimedop, id, &sop, 1, &zero) == -1 && errno == EAGAIN,
		      "semtimedop: %s", strerror(errno));
		CHECK(!has_aio || !syscall(__NR_io_getevents, aio, 1, 1, &event, &zero),
		      "io_getevents: %s", strerror(errno));
	}
	return NULL;
}

#define HUGE_PAGES	4

/* Does not wait, but looks for signals before each page. */
static void *with_pages(void *arg)
{
	int fd = memfd_create("pages", MFD_HUGETLB);
	struct stat st;
	int ret;

	if (fd < 0)
		return NULL;
	CHECK_SYS(fstat(fd, &st));
	while (gone_on()) {
		ret = fallocate(fd, 0, 0, HUGE_PAGES * (off_t)st.st_blksize);
		if (ret && errno == ENOSPC)
			break;
		CHECK(!ret, "fallocate: %s", strerror(errno));
		CHECK_SYS(ftruncate(fd, 0));
	}
	return NULL;
}

CKPT_SCENARIO(at_any_moment)
{
	struct epoll_event event = { .events = EPOLLIN };
	pthread_t thread[9];
	sigset_t set;
	int i;

	block(&set, SIGUSR2);
	for (i = 0; i < 2; i++) {
		int *p = i ? pong : ping;

		p[0] = CHECK_SYS(eventfd(0, 0));
		p[1] = CHECK_SYS(epoll_create1(0));
		CHECK_SYS(epoll_ctl(p[1], EPOLL_CTL_ADD, p[0], &event));
	}
	for (i = 0; i < 2; i++) {
		uintptr_t me = i;

		CHECK_EQ(0, pthread_create(&thread[i], NULL, with_epoll, i ? pong : ping));
		CHECK_EQ(0, pthread_create(&thread[2 + i], NULL, with_signals, (void *)me));
		CHECK_EQ(0, pthread_create(&thread[4 + i], NULL, with_sems, (void *)me));
		CHECK_EQ(0, pthread_create(&thread[6 + i], NULL, with_zero, NULL));
	}
	CHECK_EQ(0, pthread_create(&thread[8], NULL, with_pages, NULL));
	ckpt_ready_wait();
	for (i = 0; i < 9; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* Sets the number of huge pages; returns what it was, -1 if there are none here. */
static int set_huge_pages(int count)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "r+");
	int old = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &old) == 1) {
		rewind(file);
		fprintf(file, "%d\n", count);
	}
	fclose(file);
	return old;
}

/* Frozen for a moment only, often enough: also thawed before any task got to freeze. */
TEST_F_TIMEOUT(cr, at_any_moment, CKPT_TIMEOUT)
{
	struct checkpoint_args args;
	struct ckpt_run run;
	int i, huge_pages;

	EINTR_BEGIN();
	huge_pages = set_huge_pages(HUGE_PAGES);
	remove_sems();
	ASSERT_LE(0, sems(IPC_CREAT | 0600));
	ASSERT_EQ(0, ckpt_run_init(&run, &at_any_moment, variant->container));
	EXPECT_EQ(0, ckpt_run_start(&run));
	for (i = 0; i < 200 && !run.board->failed; i++) {
		ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "cgroup.freeze", "1"));
		ASSERT_EQ(0, ckpt_cgroup_write(&run.cg, "cgroup.freeze", "0"));
		if (i % 10)
			continue;
		/* Not in time, perhaps, or refused. */
		ckpt_run_args(&run, &args, -1, CHECKPOINT_DRY_RUN);
		args.timeout_ms = i % 20 ? 1 : 60000;
		EXPECT_TRUE(sys_checkpoint(&args, sizeof(args)) > 0 || errno == ETIMEDOUT ||
			    errno == EOPNOTSUPP || errno == EBUSY);
	}
	ckpt_run_go(&run);
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	remove_sems();
	if (huge_pages >= 0)
		set_huge_pages(huge_pages);
}

TEST_HARNESS_MAIN
