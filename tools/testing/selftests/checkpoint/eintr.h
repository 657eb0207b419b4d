/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of system calls that end with EINTR when something wakes the task. */
#ifndef CKPT_EINTR_H
#define CKPT_EINTR_H

#include "common.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>

/* Other kernels do return EINTR. */
#define EINTR_BEGIN() do {						\
	if (getenv("CKPT_BASELINE"))					\
		SKIP(return, "needs a kernel with checkpoint(2)");	\
} while (0)

/* A scenario that is taken through ckpt_cycle() where there is checkpoint(2). */
#define EINTR_CYCLE(_name, ...)						\
	CKPT_SCENARIO(_name, __VA_ARGS__);				\
	TEST_F_TIMEOUT(cr, _name, CKPT_TIMEOUT)				\
	{								\
		EINTR_BEGIN();						\
		ASSERT_EQ(0, ckpt_cycle(&_name, variant->container));	\
	}								\
	static void _name##_run(void)

/* Semaphores outlive who made them: they are the test's, for the scenarios to find. */
#define SEM_KEY	0x636b7074
#define SEMS	8

static int sems(int flags)
{
	return semget(SEM_KEY, SEMS, flags);
}

static void remove_sems(void)
{
	int id = sems(0);

	if (id >= 0)
		semctl(id, 0, IPC_RMID);
}

static long semop_by_one(int nr, int op)
{
	struct sembuf sop = { .sem_num = nr, .sem_op = op };

	return syscall(__NR_semtimedop, sems(0), &sop, 1, NULL);
}

static void block(sigset_t *set, int sig)
{
	sigemptyset(set);
	sigaddset(set, sig);
	CHECK_SYS(sigprocmask(SIG_BLOCK, set, NULL));
}

static int handled;

static void on_signal(int sig)
{
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void catch_usr1(void)
{
	/* For these calls SA_RESTART makes no difference. */
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	CHECK_SYS(sigaction(SIGUSR1, &act, NULL));
}

#ifdef __x86_64__
#define IA32_ipc		117
#define IA32_epoll_wait		256
#define IA32_sigtimedwait	421	/* With 64-bit times. */

/* A system call of 32 bits: pointers must be in the lower half. */
static long ia32_call(long nr, long a, long b, long c, long d, long e)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c), "S" (d), "D" (e)
		     : "r8", "r9", "r10", "r11", "memory");
	if (ret < 0 && ret > -4096) {
		errno = -ret;
		return -1;
	}
	return ret;
}

/* Memory that such a call can reach. */
static void *low(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	CHECK(p != MAP_FAILED, "no memory in the lower half");
	return p;
}

static bool has_ia32(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(ia32_call(20 /* getpid */, 0, 0, 0, 0, 0) < 0);
	return waitpid(pid, &status, 0) == pid && !status;
}
#endif /* __x86_64__ */

/* Waits until a thread of the run is asleep in call @nr. */
__attribute__((unused)) static int wait_asleep_in(struct ckpt_run *run, int nr)
{
	const struct ckpt_scenario *all = run->sc;
	struct ckpt_scenario one = *all;
	int ret;

	memset(one.blocked, 0, sizeof(one.blocked));
	one.blocked[0] = BLOCKED(nr);
	run->sc = &one;
	ret = ckpt_run_wait_blocked(run);
	run->sc = all;
	return ret;
}

#endif /* CKPT_EINTR_H */
