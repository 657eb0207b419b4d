// SPDX-License-Identifier: GPL-2.0
/* Signals of 32-bit programs: both kinds of frames, alternate stack, siginfo. */
#include "program.h"

#define VALUE		0x12345678
#define QUEUED		40		/* A signal with a queue. */

/* siginfo of a queued signal, as 32-bit programs see it. */
struct info {
	int signo, err, code;
	int pid, uid;
	uint32_t value;
	char rest[104];
};

struct stack {
	void *sp;
	int flags;
	unsigned long size;
};

static char alternate[65536] __attribute__((aligned(16)));
static unsigned int in_first, in_second, in_queued;
static bool nested = true;

/* Handlers return by code of the kernel's, as there is no SA_RESTORER. */
void set_action(int sig, void *fn, unsigned long flags)
{
	struct action action = { .fn = fn, .flags = flags };

	CHECK_CALL(NR_rt_sigaction, sig, &action, 0, 8);
}

static bool on_alternate(void)
{
	char here;

	return &here > alternate && &here < alternate + sizeof(alternate);
}

static void first(int sig)
{
	CHECK_EQ(SIGUSR1, sig);
	CHECK(on_alternate());
	in_first++;
	if (nested)
		CHECK_CALL(NR_tgkill, CALL(NR_getpid), CALL(NR_gettid), SIGUSR2);
}

/* Both are under way when it is checkpointed: a frame of either kind, one returns to other code. */
OTHER_CODE static void second(int sig, struct info *info, void *context)
{
	CHECK_EQ(SIGUSR2, sig);
	CHECK(on_alternate());
	if (nested) {
		ready();
		wait_go();
	}
	CHECK_EQ(SIGUSR2, info->signo);
	CHECK_EQ(CALL(NR_getpid), info->pid);
	in_second++;
}

static void queued(int sig, struct info *info, void *context)
{
	CHECK_EQ(QUEUED, sig);
	CHECK_EQ(QUEUED, info->signo);
	CHECK_EQ(-1, info->code);
	CHECK_EQ(VALUE, info->value);
	in_queued++;
}

void handler_on_stack(void)
{
	struct stack stack = { alternate, 0, sizeof(alternate) }, now;
	uint32_t mask[2] = { 0, 1u << (QUEUED - 33) };
	struct info info = { .signo = QUEUED, .code = -1, .value = VALUE };
	struct action action;
	long pid = CALL(NR_getpid);

	CHECK_CALL(NR_sigaltstack, &stack, 0);
	set_action(SIGUSR1, first, ON_STACK);
	set_action(SIGUSR2, second, ON_STACK | WITH_INFO);
	set_action(QUEUED, queued, WITH_INFO);
	CHECK_CALL(NR_rt_sigprocmask, 0 /* SIG_BLOCK */, mask, 0, 8);
	info.pid = pid;
	CHECK_CALL(NR_rt_sigqueueinfo, pid, QUEUED, &info);
	CHECK_CALL(NR_tgkill, pid, pid, SIGUSR1);
	CHECK_EQ(1, in_first);
	CHECK_EQ(1, in_second);
	CHECK_EQ(0, in_queued);
	/* Pending since before. */
	CHECK_CALL(NR_rt_sigprocmask, 1 /* SIG_UNBLOCK */, mask, 0, 8);
	CHECK_EQ(1, in_queued);
	nested = false;
	CHECK_CALL(NR_tgkill, pid, pid, SIGUSR1);
	CHECK_CALL(NR_tgkill, pid, pid, SIGUSR2);
	CHECK_EQ(2, in_first);
	CHECK_EQ(2, in_second);
	CHECK_CALL(NR_rt_sigaction, SIGUSR1, 0, &action, 8);
	CHECK_EQ(first, action.fn);
	CHECK_EQ(ON_STACK, action.flags);
	CHECK_CALL(NR_sigaltstack, 0, &now);
	CHECK_EQ(stack.sp, now.sp);
	CHECK_EQ(stack.size, now.size);
	CHECK_EQ(0, now.flags);
}
