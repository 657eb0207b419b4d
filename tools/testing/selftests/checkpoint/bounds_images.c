// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers that the kernel makes itself, and so never checks, from images whose
 * checksums are right: refused, or without effect on anybody else.
 */
#include "fault.h"
#include "own_namespaces.h"

#include <poll.h>
#include <time.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

/* Kinds of records, and where fields are in their bodies. */
#define TASK		IMAGE_KIND_TASK
#define TASK_TID	IMAGE_AT(task, tid)
#define TASK_PERSONALITY IMAGE_AT(task, personality)
#define TASK_RESTART	IMAGE_AT(task, restart_kind) /* Then 8 bytes for each argument. */
#define TASK_RSEQ	IMAGE_AT(task, rseq)
#define TASK_RSEQ_LEN	IMAGE_AT(task, rseq_len)
#define TASK_STOP_SIGNAL IMAGE_AT(task, stop_signal)
#define TASK_UTIME	IMAGE_AT(task, utime)
#define TASK_STIME	IMAGE_AT(task, stime)
#define TASK_START	IMAGE_AT(task, start_monotonic)
#define TASK_RUNTIME	IMAGE_AT(task, runtime)
#define TASK_COUNTED_UTIME IMAGE_AT(task, counted_utime)
#define TASK_COUNTED_STIME IMAGE_AT(task, counted_stime)
#define PROCESS		IMAGE_KIND_PROCESS
#define PROCESS_FLAGS	IMAGE_AT(process, flags)
#define PROCESS_DUMPABLE IMAGE_AT(process, dumpable)
#define PROCESS_STOP	IMAGE_AT(process, stop_signal)
#define PROCESS_CUTIME	IMAGE_AT(process, cutime)
#define PROCESS_STIME	IMAGE_AT(process, stime)
#define PROCESS_RUNTIME	IMAGE_AT(process, runtime)
#define PROCESS_COUNTED_STIME IMAGE_AT(process, counted_stime)
#define PROCESS_SHOWN_STIME IMAGE_AT(process, shown_stime)
#define MM		IMAGE_KIND_MM
#define MM_FLAGS	IMAGE_AT(mm, flags)
#define MM_MDWE		(1u << 1)
#define MM_NO_INHERIT	(1u << 2)
#define MM_LOCK_FUTURE	(1u << 3)
#define MM_CODE		IMAGE_AT(mm, code)
#define MM_BRK		IMAGE_AT(mm, brk)
#define MM_ARGS		IMAGE_AT(mm, args)
#define MM_BASE		IMAGE_AT(mm, mmap_base)

/* Most CPU time in an image. */
#define CPU_TIME_MAX	(1ull << 62)

static struct ckpt_run run;
static struct image im;
static int image = -1;

static int sleeps(void *arg)
{
	struct timespec ts = { .tv_sec = 100000 };
	uint32_t word = 0;

	ckpt_step(0);
	switch ((long)arg) {
	case 0:
		CHECK_EQ(0, clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
		break;
	case 1:
		CHECK_EQ(0, poll(NULL, 0, 100000 * 1000));
		break;
	default:
		CHECK_EQ(-1, syscall(__NR_futex, &word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0));
		CHECK_EQ(ETIMEDOUT, errno);
	}
	ckpt_step(1);
	return 0;
}

/* A root, and three children that sleep until long after the test. */
CKPT_SCENARIO(sleepers, .blocked = {
	BLOCKED(__NR_clock_nanosleep),
#ifdef __NR_poll
#define ENDS_IN_KERNEL	3
	BLOCKED(__NR_poll),
#else
/* ppoll() keeps what is left of its time in user memory. */
#define ENDS_IN_KERNEL	2
	BLOCKED(__NR_ppoll),
#endif
	BLOCKED(__NR_futex), BLOCKED(__NR_futex),
})
{
	long n;

	for (n = 0; n < 3; n++)
		ckpt_fork(sleeps, (void *)n);
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
}

FIXTURE(bounds) { int unused; };

FIXTURE_SETUP(bounds)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &sleepers, true));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
}

FIXTURE_TEARDOWN(bounds)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* The body of the record of @kind after the one whose body is at @body; 0: there is none. */
static size_t next_body(unsigned int kind, size_t body)
{
	size_t at = body ? body - RECORD_LEN + record_len(&im, body - RECORD_LEN) : HEADER_LEN;

	while (at < im.meta_end && image_get(&im, at, 2) != kind)
		at += record_len(&im, at);
	return at < im.meta_end ? at + RECORD_LEN : 0;
}

static int write_image(void)
{
	image_fix(&im);
	return pwrite(image, im.data, im.size, 0) == (ssize_t)im.size ? 0 : -1;
}

/* It is refused with a line that has @text, and nothing is left. */
static int refused(const char *text)
{
	int low = lowest_free(&run);
	long pid;

	if (write_image())
		return -1;
	pid = image_restart(&run, image);
	if (pid == -1 && ckpt_run_log_has(&run, text))
		return nothing_left(&run, low);
	ckpt_diag("restart(2) gave %ld, no line with \"%s\"", pid, text);
	ckpt_run_print_log(&run);
	if (pid > 0)
		image_end(&run, pid);
	return -1;
}

/* The same with another number of 4 or 8 bytes at @at, which is put back. */
static int hostile(size_t at, unsigned int bytes, uint64_t value, const char *text)
{
	uint64_t old = image_get(&im, at, bytes);
	int ret;

	if (bytes == 4)
		image_put32(&im, at, value);
	else
		image_put64(&im, at, value);
	ret = refused(text);
	if (ret)
		ckpt_diag("0x%llx at %zu", (unsigned long long)value, at);
	if (bytes == 4)
		image_put32(&im, at, old);
	else
		image_put64(&im, at, old);
	return ret;
}

/* It is taken, and ends when it is killed. */
static int taken(void)
{
	long pid;

	if (write_image())
		return -1;
	pid = image_restart(&run, image);
	if (pid < 0) {
		ckpt_diag("restart(2): %s", strerror(errno));
		ckpt_run_print_log(&run);
		return -1;
	}
	return image_end(&run, pid);
}

static int works(void)
{
	long pid;

	if (write_image())
		return -1;
	pid = image_restart(&run, image);
	if (pid < 0)
		ckpt_run_print_log(&run);
	return pid < 0 ? -1 : image_end(&run, pid);
}

/* Sums over a group must not overflow: the kernel divides by them. */
TEST_F_TIMEOUT(bounds, cpu_times, CKPT_TIMEOUT)
{
	static const char why[] = "impossible CPU times";
	size_t task = next_body(TASK, 0), process = next_body(PROCESS, 0), at;
	uint64_t utime = image_get(&im, task + TASK_UTIME, 8);

	for (at = task + TASK_UTIME; at <= task + TASK_STIME; at += 8)
		ASSERT_EQ(0, hostile(at, 8, ~0ull, why));
	for (at = task + TASK_RUNTIME; at <= task + TASK_COUNTED_STIME; at += 8)
		ASSERT_EQ(0, hostile(at, 8, ~0ull, why));
	for (at = process + PROCESS_CUTIME; at <= process + PROCESS_SHOWN_STIME; at += 8)
		ASSERT_EQ(0, hostile(at, 8, CPU_TIME_MAX + 1, why));
	/* Each is possible by itself. */
	image_put64(&im, task + TASK_UTIME, CPU_TIME_MAX / 2 + 1);
	ASSERT_EQ(0, hostile(process + PROCESS_STIME, 8, CPU_TIME_MAX / 2, why));
	/* As much of it as there may be, but for what all others have. */
	image_put64(&im, task + TASK_UTIME, CPU_TIME_MAX - (1ull << 40));
	ASSERT_EQ(0, taken());
	image_put64(&im, task + TASK_UTIME, utime);
	ASSERT_EQ(0, works());
}

/* What the root shows of its times, and its parent of them when it has ended. */
static int tells(unsigned long long least)
{
	unsigned long long user = 0, sys = 0;
	char path[64], buf[1024];
	struct rusage ru;
	char *at;
	long pid;

	if (write_image())
		return -1;
	pid = image_restart(&run, image);
	if (pid < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	at = strrchr(ckpt_read_file(path, buf, sizeof(buf)), ')');
	if (!at || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
			  &user, &sys) != 2) {
		ckpt_diag("%s: %s", path, buf);
		return -1;
	}
	if (image_end(&run, pid) || getrusage(RUSAGE_CHILDREN, &ru))
		return -1;
	if (least * sysconf(_SC_CLK_TCK) <= user && least * sysconf(_SC_CLK_TCK) <= sys &&
	    (long)least <= ru.ru_utime.tv_sec)
		return 0;
	ckpt_diag("%llu and %llu ticks, %ld s in the end", user, sys, (long)ru.ru_utime.tv_sec);
	return -1;
}

/* With that much of it the kernel can still tell it. */
TEST_F_TIMEOUT(bounds, cpu_times_are_told, CKPT_TIMEOUT)
{
	size_t task = next_body(TASK, 0), process = next_body(PROCESS, 0);

	image_put64(&im, task + TASK_COUNTED_UTIME, CPU_TIME_MAX / 8);
	image_put64(&im, task + TASK_RUNTIME, CPU_TIME_MAX / 8);
	image_put64(&im, process + PROCESS_COUNTED_STIME, CPU_TIME_MAX / 8);
	image_put64(&im, process + PROCESS_RUNTIME, CPU_TIME_MAX / 8);
	ASSERT_EQ(0, tells(CPU_TIME_MAX / 8 / 1000000000));
}

/* As an older image has them. */
TEST_F_TIMEOUT(bounds, older_cpu_times_are_told, CKPT_TIMEOUT)
{
	size_t task = next_body(TASK, 0), process = next_body(PROCESS, 0);

	image_put64(&im, task + TASK_UTIME, CPU_TIME_MAX / 4);
	image_put64(&im, task + TASK_RUNTIME, 0);
	image_put64(&im, process + PROCESS_STIME, CPU_TIME_MAX / 4);
	image_put64(&im, process + PROCESS_RUNTIME, 0);
	ASSERT_EQ(0, tells(CPU_TIME_MAX / 4 / 1000000000));
}

/* A sleep that ended before the clock began has ended, and no timer is set. */
TEST_F_TIMEOUT(bounds, expiries, CKPT_TIMEOUT)
{
	/* Of nanosleep, poll and futex: the argument that is the end. */
	static const unsigned int end[] = { 0, 2, 3, 4 };
	static const uint64_t ends[] = { -1ull, 1ull << 63, -1000000000ull };
	uint32_t seen = 0, step, kind;
	unsigned int n, found;
	size_t body;
	long pid;

	for (n = 0; n < ARRAY_SIZE(ends); n++) {
		found = 0;
		for (body = 0; (body = next_body(TASK, body)); ) {
			kind = image_get(&im, body + TASK_RESTART, 4);
			ASSERT_GT(4u, kind);
			if (kind) {
				image_put64(&im, body + TASK_RESTART + 4 + 8 * end[kind], ends[n]);
				found++;
			}
		}
		ASSERT_EQ((unsigned int)ENDS_IN_KERNEL, found);
		ASSERT_EQ(0, write_image());
		seen = __atomic_load_n(&run.board->step[1], __ATOMIC_SEQ_CST);
		pid = image_restart(&run, image);
		ASSERT_LT(0, pid);
		do {
			poll(NULL, 0, 1);
			step = __atomic_load_n(&run.board->step[1], __ATOMIC_SEQ_CST);
		} while (step != seen + found && !run.board->failed);
		ASSERT_EQ(0u, run.board->failed);
		ASSERT_EQ(0, image_end(&run, pid));
	}
}

TEST_F_TIMEOUT(bounds, states, CKPT_TIMEOUT)
{
	size_t task = next_body(TASK, 0), process = next_body(PROCESS, 0);
	static const char stop[] = "stopped by a signal that stops nobody";

	/* Stopped, by no signal and by one that stops nobody. */
	ASSERT_EQ(0, hostile(process + PROCESS_FLAGS, 4, 2, stop));
	image_put32(&im, process + PROCESS_STOP, SIGKILL);
	ASSERT_EQ(0, hostile(process + PROCESS_FLAGS, 4, 2, stop));
	image_put32(&im, process + PROCESS_STOP, 0);
	ASSERT_EQ(0, hostile(task + TASK_STOP_SIGNAL, 4, SIGCONT, stop));
	/* Not reported, but not stopped either. */
	ASSERT_EQ(0, hostile(process + PROCESS_FLAGS, 4, 4, "impossible group stop"));
	ASSERT_EQ(0, hostile(task + TASK_PERSONALITY, 4, 1, "personality of another system"));
	if (image_get(&im, task + TASK_RSEQ, 8)) {
		ASSERT_EQ(0, hostile(task + TASK_RSEQ_LEN, 4, 8, "impossible rseq area"));
		/* Longer than the first version, but not long enough for what came later. */
		ASSERT_EQ(0, hostile(task + TASK_RSEQ, 8, image_get(&im, task + TASK_RSEQ, 8) + 4,
				     "impossible rseq area"));
#ifndef __s390x__
		/* Not that of a task: on s390 each address may be one. */
		ASSERT_EQ(0, hostile(task + TASK_RSEQ, 8, -4096ull,
				     "rseq area can't be registered"));
#endif
	}
	ASSERT_EQ(0, works());
}

TEST_F_TIMEOUT(bounds, layout, CKPT_TIMEOUT)
{
	static const char layout[] = "impossible layout";
	size_t mm = next_body(MM, 0);
	uint64_t base = image_get(&im, mm + MM_BASE, 8);
	struct rlimit old, data = { .rlim_cur = 1ull << 34, .rlim_max = RLIM_INFINITY };

	/* Where mappings are placed: not on a page, or nowhere. */
	ASSERT_EQ(0, hostile(mm + MM_BASE, 8, base | 1, "impossible address"));
	ASSERT_EQ(0, hostile(mm + MM_BASE, 8, 0, "impossible address"));
	ASSERT_EQ(0, hostile(mm + MM_CODE, 8, image_get(&im, mm + MM_CODE + 8, 8),
			     "program without code"));
	/* What prctl(PR_SET_MM_MAP) would not take. */
	ASSERT_EQ(0, hostile(mm + MM_ARGS, 8, 0, layout));
	ASSERT_EQ(0, getrlimit(RLIMIT_DATA, &old));
	data.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_DATA, &data));
	ASSERT_EQ(0, hostile(mm + MM_BRK + 8, 8, image_get(&im, mm + MM_BRK, 8) + (1ull << 35),
			     layout));
	ASSERT_EQ(0, setrlimit(RLIMIT_DATA, &old));
	ASSERT_EQ(0, works());
}

/* What the caller of restart(2) is denied, its tasks are too, and their children. */
TEST_F_TIMEOUT(bounds, no_writable_code, CKPT_TIMEOUT)
{
	static const char inherit[] = "memory-deny-write-execute, which it would inherit";
	uint32_t flags;
	size_t mm;

	mm = next_body(MM, 0);
	flags = image_get(&im, mm + MM_FLAGS, 4);
	ASSERT_EQ(0u, flags & (MM_MDWE | MM_NO_INHERIT));
	ASSERT_EQ(0, hostile(mm + MM_FLAGS, 4, flags | MM_NO_INHERIT,
			     "flags that do not go together"));
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		SKIP(return, "the kernel has none of it");
	ASSERT_EQ(0, refused(inherit));
	ASSERT_EQ(0, hostile(mm + MM_FLAGS, 4, flags | MM_MDWE | MM_NO_INHERIT, inherit));
	for (; mm; mm = next_body(MM, mm))
		image_put32(&im, mm + MM_FLAGS, flags | MM_MDWE);
	ASSERT_EQ(0, taken());
}

static void set_effective(uint64_t caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	syscall(__NR_capget, &head, data);
	data[0].effective = caps & data[0].permitted;
	data[1].effective = caps >> 32 & data[1].permitted;
	syscall(__NR_capset, &head, data);
}

/* Core files that root owns, in directories that are root's: not for everybody. */
TEST_F_TIMEOUT(bounds, core_files_of_root, CKPT_TIMEOUT)
{
	size_t process = next_body(PROCESS, 0);

	set_effective(~(1ull << CAP_SYS_PTRACE));
	ASSERT_EQ(0, hostile(process + PROCESS_DUMPABLE, 4, 2, "CAP_SYS_PTRACE"));
	set_effective(~0ull);
	image_put32(&im, process + PROCESS_DUMPABLE, 2);
	ASSERT_EQ(0, taken());
}

TEST_F_TIMEOUT(bounds, locked_memory_to_come, CKPT_TIMEOUT)
{
	size_t mm = next_body(MM, 0);
	uint32_t flags = image_get(&im, mm + MM_FLAGS, 4);
	struct rlimit lock;

	ASSERT_EQ(0, getrlimit(RLIMIT_MEMLOCK, &lock));
	lock.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &lock));
	set_effective(~(1ull << CAP_IPC_LOCK));
	ASSERT_EQ(0, hostile(mm + MM_FLAGS, 4, flags | MM_LOCK_FUTURE, "may not lock memory"));
	set_effective(~0ull);
	image_put32(&im, mm + MM_FLAGS, flags | MM_LOCK_FUTURE);
	ASSERT_EQ(0, taken());
}

/*
 * Others tell a process by its pid and its start. Who does not administer the machine
 * chooses it in a pid namespace that restart(2) makes only.
 */
CKPT_SCENARIO(tells_its_start)
{
	unsigned long long start = 0;
	char buf[1024];
	char *at;
	int n;

	for (n = 0; n < 2; n++) {
		at = strrchr(ckpt_read_file("/proc/self/stat", buf, sizeof(buf)), ')');
		CHECK(at && sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
				   "%*d %*d %*d %*d %*d %*d %llu", &start) == 1, "no start");
		board->value[n] = start;
		if (!n)
			ckpt_ready_wait();
	}
}

/* Restarts an image that says that it was started with the machine; its start, -1: failed. */
static long long restarted_with(bool container)
{
	int fd = ckpt_image_new();
	long long start = -1;
	struct ckpt_run sub;
	size_t body;

	image = fd;
	if (!ckpt_run_init(&sub, &tells_its_start, container) && !ckpt_run_start(&sub) &&
	    !ckpt_run_checkpoint(&sub, fd, CHECKPOINT_KILL) && !image_load(&im, fd)) {
		body = next_body(TASK, 0);
		image_put64(&im, body + TASK_START, 0);
		image_put64(&im, body + TASK_START + 8, 0);
		if (!write_image() && !ckpt_run_restart(&sub, fd, 0) && !ckpt_run_go(&sub) &&
		    !ckpt_run_finish(&sub)) {
			start = sub.board->value[1];
			ckpt_diag("started at %lld, at first at %lld", start,
				  (long long)sub.board->value[0]);
			/* What it was at first: to be compared. */
			if (start && start < (long long)sub.board->value[0])
				start = -1;
		}
	}
	ckpt_run_fini(&sub);
	close(fd);
	return start;
}

static int not_chosen(void)
{
	return restarted_with(false) > 0 ? 0 : 1;
}

static int chosen(void)
{
	return restarted_with(true) == 0 ? 0 : 1;
}

FIXTURE(start) { int unused; };
FIXTURE_SETUP(start)
{
	CKPT_BEGIN();
}
FIXTURE_TEARDOWN(start) { }

TEST_F_TIMEOUT(start, of_tasks, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, restarted_with(false));
	ASSERT_EQ(0, restarted_with(true));
	if (in_own_namespaces(chosen) < 0)
		SKIP(return, "no user namespaces here");
	ASSERT_EQ(0, in_own_namespaces(chosen));
	ASSERT_EQ(0, in_own_namespaces(not_chosen));
}

TEST_HARNESS_MAIN
