// SPDX-License-Identifier: GPL-2.0
/* What a task has of its own: names, limits, scheduling, exit signals and so on. */
#include "common.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <linux/sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>

CKPT_FIXTURE

/* clone() like fork() but with another signal at the end. */
static pid_t fork_with_signal(int sig)
{
	struct clone_args args = { .exit_signal = sig };

	return CHECK_SYS(syscall(__NR_clone3, &args, sizeof(args)));
}

CKPT_CYCLE(exit_signal)
{
	static const int sigs[] = { SIGUSR1, 34, 0, SIGCHLD };
	pid_t kid[4];
	siginfo_t info;
	sigset_t set;
	int i, status;
	struct timespec no_time = { 0 };

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = 0; i < 4; i++) {
		kid[i] = fork_with_signal(sigs[i]);
		if (!kid[i]) {
			ckpt_step_wait(i, 1);
			_exit(60 + i);
		}
	}
	ckpt_ready_wait();
	for (i = 0; i < 4; i++) {
		ckpt_step(i);
		/* What is no SIGCHLD child is only seen with __WCLONE. */
		if (sigs[i] != SIGCHLD)
			CHECK_EQ(0, waitid(P_PID, kid[3], &info, WEXITED | WNOHANG | WNOWAIT));
		CHECK_EQ(kid[i], waitpid(kid[i], &status, sigs[i] == SIGCHLD ? 0 : __WCLONE));
		CHECK_EQ((60 + i) << 8, status);
		if (!sigs[i]) {
			CHECK_EQ(-1, sigtimedwait(&set, &info, &no_time));
			continue;
		}
		CHECK_EQ(sigs[i], sigtimedwait(&set, &info, &no_time));
		CHECK_EQ(kid[i], info.si_pid);
		CHECK_EQ(60 + i, info.si_status);
	}
}

/*
 * A process that has executed this program since it made two children, which
 * SIGUSR1 is to tell of. One is dead, and has been told of.
 */
CKPT_SCENARIO(after_exec)
{
	pid_t kid = board->value[0], dead = board->value[1];
	struct timespec no_time = { 0 };
	siginfo_t info;
	sigset_t set;
	int status;

	sigfillset(&set);
	CHECK_SYS(waitid(P_PID, dead, &info, WEXITED | WNOWAIT | __WALL));
	while (sigtimedwait(&set, &info, &no_time) > 0)
		;
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(-1, sigtimedwait(&set, &info, &no_time));
	CHECK_EQ(dead, waitpid(dead, &status, __WCLONE));
	CHECK_EQ(61 << 8, status);
	ckpt_step(1);
	CHECK_EQ(kid, waitpid(kid, &status, __WALL));
	CHECK_EQ(60 << 8, status);
	CHECK_EQ(SIGCHLD, sigtimedwait(&set, &info, &no_time));
	CHECK_EQ(kid, info.si_pid);
	CHECK_EQ(-1, sigtimedwait(&set, &info, &no_time));
}

CKPT_CYCLE(exit_signal_after_exec)
{
	char path[320];
	sigset_t set;
	pid_t kid;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* The name of the board is that of a file without its end. */
	ckpt_path(path, sizeof(path), "");
	path[strlen(path) - 1] = 0;
	kid = CHECK_SYS(fork());
	if (!kid) {
		pid_t late = fork_with_signal(SIGUSR1), dead;

		if (!late) {
			ckpt_step_wait(1, 1);
			_exit(60);
		}
		dead = fork_with_signal(SIGUSR1);
		if (!dead)
			_exit(61);
		board->value[0] = late;
		board->value[1] = dead;
		execl("/proc/self/exe", "attributes", "--scenario", "after_exec", path, NULL);
		_exit(1);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

static int mourner(void *arg)
{
	siginfo_t info;
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	CHECK_SYS(prctl(PR_SET_PDEATHSIG, SIGUSR2));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(prctl(PR_GET_PDEATHSIG, &sig));
	CHECK_EQ(SIGUSR2, sig);
	ckpt_step(1);
	CHECK_EQ(SIGUSR2, sigwaitinfo(&set, &info));
	return 71;
}

static int mourned(void *arg)
{
	board->value[0] = ckpt_fork(mourner, NULL);
	ckpt_step_wait(1, 1);
	return 72;
}

CKPT_CYCLE(pdeath_signal)
{
	pid_t kid;

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	kid = ckpt_fork(mourned, NULL);
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 72);
	ckpt_wait_exit(board->value[0], 71);
}

static void *named(void *arg)
{
	char name[16];

	CHECK_SYS(prctl(PR_SET_NAME, arg));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(prctl(PR_GET_NAME, name));
	CHECK_STREQ((char *)arg, name);
	return NULL;
}

CKPT_CYCLE(comm)
{
	pthread_t thread[2];
	char name[16];

	/* Any bytes will do, and all fifteen of them. */
	CHECK_EQ(0, pthread_create(&thread[0], NULL, named, "a) S (\n\377 123456"));
	CHECK_EQ(0, pthread_create(&thread[1], NULL, named, ""));
	CHECK_SYS(prctl(PR_SET_NAME, "the main thread"));
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	CHECK_SYS(prctl(PR_GET_NAME, name));
	CHECK_STREQ("the main thread", name);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
}

static void *other_personality(void *arg)
{
	CHECK_SYS(personality(PER_LINUX | SHORT_INODE | STICKY_TIMEOUTS));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(PER_LINUX | SHORT_INODE | STICKY_TIMEOUTS, personality(0xffffffff));
	return NULL;
}

CKPT_CYCLE(persona)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, other_personality, NULL));
	CHECK_SYS(personality(PER_LINUX | ADDR_NO_RANDOMIZE | UNAME26));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(PER_LINUX | ADDR_NO_RANDOMIZE | UNAME26, personality(0xffffffff));
	pthread_join(thread, NULL);
}

CKPT_CYCLE(tid_address)
{
	int *before = NULL, *after = NULL;
	int own = 1;

	if (prctl(PR_GET_TID_ADDRESS, &before))
		before = NULL;
	ckpt_ready_wait();
	if (before) {
		CHECK_SYS(prctl(PR_GET_TID_ADDRESS, &after));
		CHECK(before == after, "%p, not %p", after, before);
	}
	CHECK_EQ(sys_gettid(), syscall(__NR_set_tid_address, &own));
	syscall(__NR_set_tid_address, before);
}

/* A process of its own in the same memory: its end clears a word of ours. */
static int in_our_memory(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

CKPT_CYCLE(clear_child_tid)
{
	static char stack[65536] __attribute__((aligned(16)));
	static pid_t word = 0x7fffffff;
	pid_t kid;

	kid = CHECK_SYS(clone(in_our_memory, stack + sizeof(stack),
			      CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL, &word));
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	CHECK_EQ(0, word);
}

CKPT_CYCLE(robust_list)
{
	void *before, *after;
	size_t len_before, len_after;
	pthread_mutexattr_t attr;
	pthread_mutex_t *lock;
	pid_t kid;

	lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	CHECK_EQ(0, pthread_mutex_init(lock, &attr));
	CHECK_SYS(syscall(__NR_get_robust_list, 0, &before, &len_before));
	kid = CHECK_SYS(fork());
	if (!kid) {
		CHECK_EQ(0, pthread_mutex_lock(lock));
		ckpt_step(0);
		ckpt_wait_go();
		/* Die with the lock held. */
		_exit(73);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_get_robust_list, 0, &after, &len_after));
	CHECK(before == after, "%p, not %p", after, before);
	CHECK_EQ(len_before, len_after);
	CHECK_EQ(EOWNERDEAD, pthread_mutex_lock(lock));
	ckpt_wait_exit(kid, 73);
}

/* The number of the last CPU that we may run on. */
static int last_cpu(void)
{
	cpu_set_t set;
	int cpu, last = 0;

	CHECK_SYS(sched_getaffinity(0, sizeof(set), &set));
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			last = cpu;
	return last;
}

static int first_cpu(void)
{
	cpu_set_t set;
	int cpu;

	CHECK_SYS(sched_getaffinity(0, sizeof(set), &set));
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			break;
	return cpu;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_SYS(sched_setaffinity(0, sizeof(set), &set));
}

CKPT_CYCLE(rseq)
{
	struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	int first = first_cpu(), last = last_cpu();
	char other[64] __attribute__((aligned(64))) = { 0 };
	unsigned int cpu;

	if (!__rseq_size)
		ckpt_not_here();
	ckpt_ready_wait();
	/* A second area is refused to a thread that has one. */
	CHECK(syscall(__NR_rseq, other, 32, 0, RSEQ_SIG) == -1 && errno != ENOSYS,
	      "the registration is gone");
	/* The kernel still writes where we run. */
	pin(first);
	sched_yield();
	cpu = *(volatile uint32_t *)&area->cpu_id;
	CHECK_EQ(first, cpu);
	pin(last);
	sched_yield();
	cpu = *(volatile uint32_t *)&area->cpu_id;
	CHECK_EQ(last, cpu);
	CHECK_EQ(last, sched_getcpu());
}

CKPT_CYCLE(limits)
{
	struct rlimit lim[RLIM_NLIMITS], got;
	rlim_t hard;
	int i;

	for (i = 0; i < RLIM_NLIMITS; i++) {
		CHECK_SYS(getrlimit(i, &lim[i]));
		hard = lim[i].rlim_max;
		if (i == RLIMIT_NOFILE || i == RLIMIT_NICE || i == RLIMIT_RTPRIO) {
			lim[i].rlim_max = 300 + i;
			lim[i].rlim_cur = 20 + i;
		} else if (i == RLIMIT_STACK) {
			lim[i].rlim_max = 64 << 20;
			lim[i].rlim_cur = 7 << 20;
		} else if (i == RLIMIT_CORE) {
			lim[i].rlim_max = RLIM_INFINITY;
			lim[i].rlim_cur = 0;
		} else {
			/* Wide enough for whatever the scenario still does. */
			lim[i].rlim_max = (1ull << 42) + i * 8192;
			lim[i].rlim_cur = (1ull << 41) + i * 4096;
		}
		if (lim[i].rlim_max > hard)
			lim[i].rlim_max = hard;
		if (lim[i].rlim_cur > hard)
			lim[i].rlim_cur = hard;
		CHECK_SYS(setrlimit(i, &lim[i]));
		CHECK_SYS(getrlimit(i, &lim[i]));
	}
	ckpt_ready_wait();
	for (i = 0; i < RLIM_NLIMITS; i++) {
		CHECK_SYS(getrlimit(i, &got));
		CHECK(got.rlim_cur == lim[i].rlim_cur && got.rlim_max == lim[i].rlim_max,
		      "limit %d is %llu/%llu, not %llu/%llu", i,
		      (unsigned long long)got.rlim_cur, (unsigned long long)got.rlim_max,
		      (unsigned long long)lim[i].rlim_cur, (unsigned long long)lim[i].rlim_max);
	}
}

CKPT_CYCLE(no_new_privs)
{
	pid_t kid = CHECK_SYS(fork());

	if (!kid) {
		CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		ckpt_step(0);
		ckpt_wait_go();
		CHECK_EQ(1, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		_exit(0);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(0, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	ckpt_wait_exit(kid, 0);
}

CKPT_CYCLE(dumpable)
{
	pid_t kid = CHECK_SYS(fork());

	if (!kid) {
		CHECK_SYS(prctl(PR_SET_DUMPABLE, 0));
		ckpt_step(0);
		ckpt_wait_go();
		CHECK_EQ(0, prctl(PR_GET_DUMPABLE));
		_exit(0);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_EQ(1, prctl(PR_GET_DUMPABLE));
	ckpt_wait_exit(kid, 0);
}

static void set_oom(const char *text)
{
	int fd = CHECK_SYS(open("/proc/self/oom_score_adj", O_WRONLY));

	CHECK_SYS(write(fd, text, strlen(text)));
	close(fd);
}

CKPT_CYCLE(oom_score_adj)
{
	pid_t kid = CHECK_SYS(fork());
	char buf[32];

	set_oom(kid ? "333" : "444");
	if (!kid) {
		ckpt_step(0);
		ckpt_wait_go();
		CHECK_STREQ("444\n", ckpt_read_file("/proc/self/oom_score_adj", buf, sizeof(buf)));
		_exit(0);
	}
	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	CHECK_STREQ("333\n", ckpt_read_file("/proc/self/oom_score_adj", buf, sizeof(buf)));
	ckpt_wait_exit(kid, 0);
}

static void *nice_thread(void *arg)
{
	int nice = (intptr_t)arg;

	CHECK_SYS(setpriority(PRIO_PROCESS, 0, nice));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(nice, getpriority(PRIO_PROCESS, 0));
	return NULL;
}

CKPT_CYCLE(nice_values)
{
	pthread_t thread[3];

	CHECK_EQ(0, pthread_create(&thread[0], NULL, nice_thread, (void *)-20));
	CHECK_EQ(0, pthread_create(&thread[1], NULL, nice_thread, (void *)19));
	CHECK_EQ(0, pthread_create(&thread[2], NULL, nice_thread, (void *)0));
	CHECK_SYS(setpriority(PRIO_PROCESS, 0, 7));
	ckpt_step_wait(0, 3);
	ckpt_ready_wait();
	CHECK_EQ(7, getpriority(PRIO_PROCESS, 0));
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	pthread_join(thread[2], NULL);
}

static const struct {
	int policy;
	int priority;
} policies[] = {
	{ SCHED_FIFO, 7 }, { SCHED_RR, 23 }, { SCHED_BATCH, 0 }, { SCHED_IDLE, 0 },
	{ SCHED_FIFO | SCHED_RESET_ON_FORK, 3 }, { SCHED_OTHER | SCHED_RESET_ON_FORK, 0 },
};

static void *with_policy(void *arg)
{
	unsigned int nr = (uintptr_t)arg;
	struct sched_param param = { .sched_priority = policies[nr].priority };

	/* Where groups have no real-time budget the call fails: then without. */
	if (sched_setscheduler(0, policies[nr].policy, &param)) {
		CHECK_EQ(EPERM, errno);
		ckpt_step(0);
		return NULL;
	}
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(policies[nr].policy, sched_getscheduler(0));
	CHECK_SYS(sched_getparam(0, &param));
	CHECK_EQ(policies[nr].priority, param.sched_priority);
	return NULL;
}

CKPT_CYCLE(policy)
{
	pthread_t thread[6];
	uintptr_t i;

	for (i = 0; i < 6; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, with_policy, (void *)i));
	ckpt_step_wait(0, 6);
	ckpt_ready_wait();
	CHECK_EQ(SCHED_OTHER, sched_getscheduler(0));
	for (i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
}

static void *pinned(void *arg)
{
	int cpu = (intptr_t)arg;
	cpu_set_t set;

	pin(cpu);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(sched_getaffinity(0, sizeof(set), &set));
	CHECK_EQ(1, CPU_COUNT(&set));
	CHECK(CPU_ISSET(cpu, &set), "not on CPU %d", cpu);
	CHECK_EQ(cpu, sched_getcpu());
	return NULL;
}

CKPT_CYCLE(affinity)
{
	pthread_t thread[2];
	cpu_set_t before, after;

	CHECK_SYS(sched_getaffinity(0, sizeof(before), &before));
	CHECK_EQ(0, pthread_create(&thread[0], NULL, pinned, (void *)(intptr_t)first_cpu()));
	CHECK_EQ(0, pthread_create(&thread[1], NULL, pinned, (void *)(intptr_t)last_cpu()));
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	CHECK_SYS(sched_getaffinity(0, sizeof(after), &after));
	CHECK(CPU_EQUAL(&before, &after), "the main thread's affinity changed");
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
}

CKPT_CYCLE(timer_slack)
{
	CHECK_SYS(prctl(PR_SET_TIMERSLACK, 123456));
	ckpt_ready_wait();
	CHECK_EQ(123456, prctl(PR_GET_TIMERSLACK));
}

/* As the kernel has it; C libraries differ in whether they do. */
struct slice_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static uint64_t time_slice(pid_t tid)
{
	struct slice_attr attr = { 0 };

	CHECK_SYS(syscall(__NR_sched_getattr, tid, &attr, sizeof(attr), 0));
	return attr.runtime;
}

static void *with_default_slice(void *arg)
{
	struct slice_attr attr = { .size = sizeof(attr) };

	CHECK_SYS(syscall(__NR_sched_setattr, 0, &attr, 0));
	board->value[0] = time_slice(0);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(board->value[0], time_slice(0));
	return NULL;
}

CKPT_CYCLE(time_slices)
{
	struct slice_attr attr = { .size = sizeof(attr), .runtime = 7000000 };
	pthread_t thread;

	CHECK_SYS(syscall(__NR_sched_setattr, 0, &attr, 0));
	CHECK_EQ(7000000, time_slice(0));
	CHECK_EQ(0, pthread_create(&thread, NULL, with_default_slice, NULL));
	ckpt_step_wait(0, 1);
	CHECK(board->value[0] != 7000000, "the default slice is %llu",
	      (unsigned long long)board->value[0]);
	ckpt_ready_wait();
	CHECK_EQ(7000000, time_slice(0));
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
