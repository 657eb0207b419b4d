// SPDX-License-Identifier: GPL-2.0
/* Signals: actions, masks, queues, alternate stacks, handlers under way. */
#include "common.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

CKPT_FIXTURE_ARCH

#define NSIGS	64

/* The kernel's layout, so that the C library changes nothing. */
struct kernel_action {
	uint64_t handler;
	unsigned long flags;
	uint64_t restorer;
	uint64_t mask;
};

#define KERNEL_SA_RESTORER	0x04000000

static int raw_action(int sig, const struct kernel_action *new, struct kernel_action *old)
{
	return syscall(__NR_rt_sigaction, sig, new, old, 8);
}

CKPT_CYCLE(actions)
{
	static const unsigned long flags[] = {
		0, SA_SIGINFO, SA_RESTART, SA_NODEFER | SA_ONSTACK, SA_RESETHAND,
		SA_NOCLDSTOP | SA_SIGINFO, SA_NOCLDWAIT, SA_SIGINFO | SA_RESTART | SA_ONSTACK,
	};
	static struct kernel_action want[NSIGS + 1], got;
	int sig;

	for (sig = 1; sig <= NSIGS; sig++) {
		struct kernel_action *act = &want[sig];

		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		if (sig % 5) {
			act->handler = sig % 5 == 1 ? 1 : 0x10000 + sig * 16;
			act->flags = flags[sig % 8];
			act->mask = 0x0123456789abcdefull * sig;
			act->flags |= KERNEL_SA_RESTORER;
			act->restorer = 0x20000 + sig * 16;
		}
		CHECK_SYS(raw_action(sig, act, NULL));
		/* KILL and STOP are taken out of the mask. */
		CHECK_SYS(raw_action(sig, NULL, act));
	}
	ckpt_ready_wait();
	for (sig = 1; sig <= NSIGS; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		CHECK_SYS(raw_action(sig, NULL, &got));
		CHECK(!memcmp(&got, &want[sig], sizeof(got)),
		      "signal %d: handler 0x%llx flags 0x%lx mask 0x%llx, not 0x%llx 0x%lx 0x%llx",
		      sig, (unsigned long long)got.handler, got.flags,
		      (unsigned long long)got.mask, (unsigned long long)want[sig].handler,
		      want[sig].flags, (unsigned long long)want[sig].mask);
	}
}

static uint64_t raw_mask(const uint64_t *new)
{
	uint64_t old;

	CHECK_SYS(syscall(__NR_rt_sigprocmask, SIG_SETMASK, new, &old, 8));
	return old;
}

#define UNBLOCKABLE	(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1))

static void *masked(void *arg)
{
	uint64_t mask = 0x13579bdf2468ace0ull * (uintptr_t)arg & ~UNBLOCKABLE;

	raw_mask(&mask);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_EQ(mask, raw_mask(NULL));
	return NULL;
}

CKPT_CYCLE(masks)
{
	pthread_t thread[4];
	uint64_t all = ~UNBLOCKABLE;
	uintptr_t i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, masked, (void *)i));
	ckpt_step_wait(0, 4);
	raw_mask(&all);
	ckpt_ready_wait();
	CHECK_EQ(all, raw_mask(NULL));
	for (i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* The next pending signal of @sig without waiting, 0 if there is none. */
static int take(int sig, siginfo_t *info)
{
	struct timespec none = { 0 };
	sigset_t set;
	int got;

	/* Not through the C library, which makes SI_USER of SI_TKILL. */
	memset(info, 0, sizeof(*info));
	sigemptyset(&set);
	sigaddset(&set, sig);
	got = syscall(__NR_rt_sigtimedwait, &set, info, &none, 8);
	CHECK(got == sig || (got == -1 && errno == EAGAIN), "gave %d, %s", got, strerror(errno));
	return got == sig ? sig : 0;
}

#define SHARED_RT	(SIGRTMIN + 1)
#define PRIVATE_RT	(SIGRTMIN + 2)
#define QUEUED		20

static void block_all(void)
{
	sigset_t set;

	sigfillset(&set);
	CHECK_SYS(sigprocmask(SIG_SETMASK, &set, NULL));
}

static void queue_own(int sig, int code, int value)
{
	siginfo_t info = { 0 };

	info.si_signo = sig;
	info.si_code = code;
	info.si_errno = 5;
	info.si_pid = 12345;
	info.si_uid = 54321;
	info.si_value.sival_int = value;
	CHECK_SYS(syscall(__NR_rt_tgsigqueueinfo, getpid(), sys_gettid(), sig, &info));
}

static void check_queue(int sig, int code, int pid, int uid, int base)
{
	siginfo_t info;
	int i;

	for (i = 0; i < QUEUED; i++) {
		CHECK(take(sig, &info), "only %d of %d are in the queue of %d", i, QUEUED, sig);
		CHECK_EQ(code, info.si_code);
		CHECK_EQ(pid, info.si_pid);
		CHECK_EQ(uid, info.si_uid);
		CHECK_EQ(base + i, info.si_value.sival_int);
	}
	CHECK_EQ(0, take(sig, &info));
}

static void *private_queue(void *arg)
{
	int nr = (intptr_t)arg;
	siginfo_t info;
	int i;

	for (i = 0; i < QUEUED; i++)
		queue_own(PRIVATE_RT, SI_QUEUE, nr * 1000 + i);
	if (nr == 2)
		CHECK_SYS(syscall(__NR_tgkill, getpid(), sys_gettid(), SIGUSR2));
	ckpt_step(0);
	ckpt_wait_go();
	check_queue(PRIVATE_RT, SI_QUEUE, 12345, 54321, nr * 1000);
	/* SIGUSR2 was for the thread number 2 alone. */
	CHECK_EQ(nr == 2 ? SIGUSR2 : 0, take(SIGUSR2, &info));
	if (nr == 2) {
		CHECK_EQ(SI_TKILL, info.si_code);
		CHECK_EQ(getpid(), info.si_pid);
	}
	return NULL;
}

CKPT_CYCLE(queues)
{
	union sigval value;
	pthread_t thread[3];
	siginfo_t info;
	uintptr_t i;
	pid_t kid;

	block_all();
	for (i = 0; i < 3; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, private_queue, (void *)i));
	ckpt_step_wait(0, 3);
	for (i = 0; i < QUEUED; i++) {
		value.sival_int = 5000 + i;
		CHECK_SYS(sigqueue(getpid(), SHARED_RT, value));
	}
	CHECK_SYS(kill(getpid(), SIGUSR1));
	/* A standard signal is pending once, however often it is sent. */
	CHECK_SYS(kill(getpid(), SIGUSR1));
	kid = CHECK_SYS(fork());
	if (!kid)
		_exit(37);
	CHECK_SYS(waitid(P_PID, kid, &info, WEXITED | WNOWAIT));
	ckpt_ready_wait();
	for (i = 0; i < 3; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
	check_queue(SHARED_RT, SI_QUEUE, getpid(), getuid(), 5000);
	CHECK_EQ(SIGUSR1, take(SIGUSR1, &info));
	CHECK_EQ(SI_USER, info.si_code);
	CHECK_EQ(getpid(), info.si_pid);
	CHECK_EQ(0, take(SIGUSR1, &info));
	CHECK_EQ(SIGCHLD, take(SIGCHLD, &info));
	CHECK_EQ(CLD_EXITED, info.si_code);
	CHECK_EQ(kid, info.si_pid);
	CHECK_EQ(37, info.si_status);
	ckpt_wait_exit(kid, 37);
}

/* The whole siginfo comes through, not only what this code or that uses. */
CKPT_CYCLE(siginfo_bytes)
{
	unsigned char want[128], got[128];
	struct timespec none = { 0 };
	sigset_t set;
	int i;

	block_all();
	memset(want, 0, sizeof(want));
	*(int *)want = PRIVATE_RT;
	*(int *)(want + 4) = 77;
	*(int *)(want + 8) = -60;
	for (i = 16; i < 48; i++)
		want[i] = i * 7;
	CHECK_SYS(syscall(__NR_rt_tgsigqueueinfo, getpid(), sys_gettid(), PRIVATE_RT, want));
	CHECK_SYS(syscall(__NR_rt_sigqueueinfo, getpid(), PRIVATE_RT, want));
	ckpt_ready_wait();
	sigemptyset(&set);
	sigaddset(&set, PRIVATE_RT);
	for (i = 0; i < 2; i++) {
		memset(got, 0xee, sizeof(got));
		CHECK_EQ(PRIVATE_RT, syscall(__NR_rt_sigtimedwait, &set, got, &none, 8));
		CHECK(!memcmp(want, got, 48), "the siginfo differs");
	}
}

static volatile int order[16], nr_order;

static void note(int sig, siginfo_t *info, void *context)
{
	order[nr_order++] = sig * 100 + info->si_value.sival_int;
}

/* Pending signals reach their handlers once they are let in. */
CKPT_CYCLE(delivered_after_restart)
{
	struct sigaction act = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	sigset_t none;
	int i;

	sigfillset(&act.sa_mask);
	block_all();
	CHECK_SYS(sigaction(PRIVATE_RT, &act, NULL));
	for (i = 0; i < 5; i++)
		queue_own(PRIVATE_RT, SI_QUEUE, i + 1);
	ckpt_ready_wait();
	CHECK_EQ(0, nr_order);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	CHECK_EQ(5, nr_order);
	for (i = 0; i < 5; i++)
		CHECK_EQ(PRIVATE_RT * 100 + i + 1, order[i]);
}

/* ---- alternate stacks and handlers ----------------------------------- */

#define ALT_SIZE	65536
static char alt[ALT_SIZE] __attribute__((aligned(64)));
static volatile int depth;

static bool on_alt_stack(void)
{
	char here;

	return (uintptr_t)&here - (uintptr_t)alt < ALT_SIZE;
}

static void wait_in_handler(int sig, siginfo_t *info, void *context)
{
	stack_t stack;
	uint64_t mask = raw_mask(NULL);
	volatile uint64_t local = 0xfeedfacecafebeefull;

	depth++;
	CHECK_EQ(sig, info->si_signo);
	CHECK(on_alt_stack(), "not on the alternate stack");
	ckpt_ready_wait();
	CHECK(on_alt_stack(), "not on the alternate stack");
	CHECK_EQ(0xfeedfacecafebeefull, local);
	CHECK_EQ(mask, raw_mask(NULL));
	CHECK_EQ(sig, info->si_signo);
	CHECK_SYS(sigaltstack(NULL, &stack));
	CHECK_EQ(SS_ONSTACK, stack.ss_flags);
	CHECK(stack.ss_sp == alt && stack.ss_size == ALT_SIZE, "another stack");
	depth++;
}

static void use_alt(int flags)
{
	stack_t stack = { .ss_sp = alt, .ss_size = ALT_SIZE, .ss_flags = flags };

	CHECK_SYS(sigaltstack(&stack, NULL));
}

static void check_alt(int flags)
{
	stack_t stack;

	CHECK_SYS(sigaltstack(NULL, &stack));
	CHECK(stack.ss_sp == alt && stack.ss_size == ALT_SIZE, "another stack");
	CHECK_EQ(flags, stack.ss_flags);
}

CKPT_CYCLE(on_alternate_stack)
{
	struct sigaction act = {
		.sa_sigaction = wait_in_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	uint64_t mask = 1ull << (SIGUSR2 - 1);

	use_alt(0);
	sigaddset(&act.sa_mask, SIGHUP);
	CHECK_SYS(sigaction(SIGUSR1, &act, NULL));
	raw_mask(&mask);
	raise(SIGUSR1);
	/* sigreturn took back the mask and left the stack. */
	CHECK_EQ(2, depth);
	CHECK_EQ(mask, raw_mask(NULL));
	check_alt(0);
	CHECK(!on_alt_stack(), "still on the alternate stack");
}

static void *with_alt_stack(void *arg)
{
	stack_t stack = { .ss_size = 32768 }, now;

	stack.ss_sp = malloc(stack.ss_size);
	CHECK_SYS(sigaltstack(&stack, NULL));
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_SYS(sigaltstack(NULL, &now));
	CHECK(now.ss_sp == stack.ss_sp && now.ss_size == stack.ss_size && !now.ss_flags,
	      "%p %zu 0x%x", now.ss_sp, now.ss_size, now.ss_flags);
	return NULL;
}

#ifndef SS_AUTODISARM
#define SS_AUTODISARM	(1U << 31)
#endif

CKPT_CYCLE(alternate_stacks)
{
	pthread_t thread[2];
	int i;

	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, with_alt_stack, NULL));
	use_alt(SS_AUTODISARM);
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	check_alt(SS_AUTODISARM);
	for (i = 0; i < 2; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

static void inner(int sig)
{
	CHECK_EQ(1, depth);
	depth = 2;
	ckpt_ready_wait();
	CHECK_EQ(2, depth);
	depth = 3;
}

static void outer(int sig)
{
	volatile double x = 1.5;

	depth = 1;
	raise(SIGUSR2);
	CHECK_EQ(3, depth);
	CHECK(x == 1.5, "a local variable changed");
	depth = 4;
}

CKPT_CYCLE(nested_handlers)
{
	volatile double x = 2.5;

	signal(SIGUSR1, outer);
	signal(SIGUSR2, inner);
	raise(SIGUSR1);
	CHECK_EQ(4, depth);
	CHECK(x == 2.5, "a local variable changed");
	CHECK_EQ(0, raw_mask(NULL));
}

/* An ignored SIGCHLD means that children leave nothing to wait for. */
CKPT_CYCLE(ignored_sigchld)
{
	pid_t kid;

	signal(SIGCHLD, SIG_IGN);
	kid = CHECK_SYS(fork());
	if (!kid) {
		ckpt_wait_go();
		_exit(1);
	}
	ckpt_ready_wait();
	CHECK(waitpid(kid, NULL, 0) == -1 && errno == ECHILD, "%s", strerror(errno));
}

/* SA_RESETHAND has done its work before, SA_NODEFER does it afterwards. */
static void once(int sig)
{
	depth++;
	if (depth == 2)
		raise(sig);
}

CKPT_CYCLE(one_shot_and_recursive)
{
	struct sigaction act = { .sa_handler = once, .sa_flags = SA_RESETHAND }, now;

	CHECK_SYS(sigaction(SIGURG, &act, NULL));
	raise(SIGURG);
	CHECK_EQ(1, depth);
	act.sa_flags = SA_NODEFER;
	CHECK_SYS(sigaction(SIGUSR1, &act, NULL));
	ckpt_ready_wait();
	CHECK_SYS(sigaction(SIGURG, NULL, &now));
	CHECK(now.sa_handler == SIG_DFL, "the handler is back");
	raise(SIGUSR1);
	CHECK_EQ(3, depth);
}

TEST_HARNESS_MAIN
