// SPDX-License-Identifier: GPL-2.0
/* State of tasks and of their memory that can't be saved. */
#include "pid_namespaces.h"
#include "refuse.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sys/ipc.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#if defined(__x86_64__)
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <sys/io.h>
#elif defined(__s390x__)
#include <asm/guarded_storage.h>
#include <asm/runtime_instr.h>
#endif

REFUSE_FIXTURE

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

#if defined(__x86_64__) && !defined(ARCH_SET_CPUID)
#define ARCH_SET_CPUID 0x1012
#endif
#if defined(__x86_64__) && !defined(ARCH_REQ_XCOMP_PERM)
#define ARCH_GET_XCOMP_PERM 0x1022
#define ARCH_REQ_XCOMP_PERM 0x1023
#endif

/* The task itself is what the line names. */
#define EXPECT_TASK(what) expect_refusal(getpid(), UNSUPPORTED, what)

/* ---- System V IPC ---------------------------------------------------- */

REFUSE(semaphore_undo)
{
	struct sembuf op = { .sem_op = 1, .sem_flg = SEM_UNDO };
	int id = CHECK_HERE(semget(IPC_PRIVATE, 1, 0600));

	CHECK_SYS(semop(id, &op, 1));
	EXPECT_TASK("has adjustments (SEM_UNDO) of System V semaphores in the caller's ipc namespace: "
		    "have it give the semaphores back, or start it in an ipc namespace of its own "
		    "(unshare --ipc)");
	ckpt_ready_wait();
	CHECK_EQ(1, semctl(id, 0, GETVAL));
	CHECK_SYS(semctl(id, 0, IPC_RMID));
}

/* ---- who watches and restricts --------------------------------------- */

static int vforks(void *arg)
{
	pid_t kid;

	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	CHECK_SYS(getppid());
	kid = vfork();
	if (!kid)
		_exit(0);
	CHECK(kid > 0, "%s", strerror(errno));
	ckpt_wait_exit(kid, 0);
	return 0;
}

static pid_t traced(int (*fn)(void *arg))
{
	pid_t kid = ckpt_fork(fn, NULL);
	int status;

	CHECK_EQ(kid, waitpid(kid, &status, 0));
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "status 0x%x", status);
	return kid;
}

static void next_stop(pid_t kid, long request, int expected)
{
	int status;

	CHECK_SYS(ptrace(request, kid, 0, 0));
	CHECK_EQ(kid, waitpid(kid, &status, __WALL));
	CHECK(WIFSTOPPED(status), "status 0x%x", status);
	CHECK_EQ(expected, status >> 8);
}

/* What the lines of stops have in common: where, and by whom. */
#define STOPPED(kid, where)						\
	expect_refusal(kid, UNSUPPORTED, "is stopped " where " for pid %d (*) (ptrace): " \
		       "have that let it go on", getpid())

/* Its tracer has made the entry of a call look like the event of a fork. */
REFUSE(traced_with_other_siginfo)
{
	pid_t kid = traced(vforks);
	siginfo_t info;

	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	next_stop(kid, PTRACE_SYSCALL, SIGTRAP | 0x80);
	CHECK_SYS(ptrace(PTRACE_GETSIGINFO, kid, 0, &info));
	info.si_code = SIGTRAP | PTRACE_EVENT_FORK << 8;
	CHECK_SYS(ptrace(PTRACE_SETSIGINFO, kid, 0, &info));
	STOPPED(kid, "at an unknown place");
	ckpt_ready_wait();
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_wait_exit(kid, 0);
}

/* Its tracer has made the event of vfork() look like that of fork(), where nothing waits. */
REFUSE(traced_at_other_fork)
{
	pid_t kid = traced(vforks), grandchild;
	unsigned long message;
	siginfo_t info;
	int status;

	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEVFORK));
	next_stop(kid, PTRACE_CONT, SIGTRAP | PTRACE_EVENT_VFORK << 8);
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &message));
	grandchild = message;
	CHECK_EQ(grandchild, waitpid(grandchild, &status, __WALL));
	CHECK_SYS(ptrace(PTRACE_GETSIGINFO, kid, 0, &info));
	info.si_code = SIGTRAP | PTRACE_EVENT_FORK << 8;
	CHECK_SYS(ptrace(PTRACE_SETSIGINFO, kid, 0, &info));
	STOPPED(kid, "at an unknown place");
	ckpt_ready_wait();
	CHECK_SYS(ptrace(PTRACE_DETACH, grandchild, 0, 0));
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_wait_exit(kid, 0);
}

/* Another process than the parent traces it, and has not waited for it. */
static int traces(void *arg)
{
	pid_t kid = (intptr_t)arg;
	siginfo_t info;

	CHECK_SYS(ptrace(PTRACE_SEIZE, kid, 0, 0));
	ckpt_step(1);
	CHECK_SYS(waitid(P_PID, kid, &info, WEXITED | WNOWAIT | __WALL));
	ckpt_step(2);
	ckpt_wait_go();
	return 0;
}

static int exits_when_traced(void *arg)
{
	ckpt_step_wait(1, 1);
	return 0;
}

REFUSE(dead_and_traced)
{
	pid_t kid = ckpt_fork(exits_when_traced, NULL);
	pid_t tracer = ckpt_fork(traces, (void *)(intptr_t)kid);

	ckpt_step_wait(2, 1);
	expect_refusal(kid, UNSUPPORTED, "is dead and traced (ptrace) by pid %d (*): have that wait for it",
		       tracer);
	ckpt_ready_wait();
	ckpt_wait_exit(tracer, 0);
	ckpt_wait_exit(kid, 0);
}

REFUSE(process_keyring)
{
	long serial = CHECK_HERE(syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID,
					 KEY_SPEC_PROCESS_KEYRING, 1));

	EXPECT_TASK("has a keyring of its thread or process: have it do without (keyctl), or have that left out (CHECKPOINT_DROP_KEYS, --drop-keys)");
	ckpt_ready_wait();
	CHECK_EQ(serial, syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0));
}

REFUSE(thread_keyring)
{
	long serial = CHECK_HERE(syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID,
					 KEY_SPEC_THREAD_KEYRING, 1));

	EXPECT_TASK("has a keyring of its thread or process: have it do without (keyctl), or have that left out (CHECKPOINT_DROP_KEYS, --drop-keys)");
	ckpt_ready_wait();
	CHECK_EQ(serial, syscall(__NR_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0));
}

REFUSE(personality_of_another_system)
{
	CHECK_SYS(personality(PER_BSD));
	EXPECT_TASK("has the personality of another system: only programs of Linux are supported");
	ckpt_ready_wait();
	CHECK_EQ(PER_BSD, personality(0xffffffff));
}

/* ---- what processes share that they should not ------------------------ */

static char stack[2][65536] __attribute__((aligned(16)));

static int shares_memory(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	_exit(0);
}

/* A process with the memory of its parent, in another pid namespace than that. */
REFUSE(memory_sent_away)
{
	pid_t init = fork_in_new_pidns();
	pid_t kid;

	if (!init) {
		ckpt_step_wait(1, 1);
		_exit(0);
	}
	set_pid_namespace(init);
	kid = CHECK_SYS(clone(shares_memory, stack[0] + sizeof(stack[0]), CLONE_VM | SIGCHLD,
			      NULL));
	set_pid_namespace(getpid());
	ckpt_step_wait(0, 1);
	expect_refusal(kid, UNSUPPORTED,
		       "shares its address space (CLONE_VM) only with processes of other pid namespaces (setns): try again when one has called exec");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	ckpt_step(1);
	ckpt_wait_exit(init, 0);
}

static int waits_for_sibling(void *arg)
{
	CHECK_SYS(clone(shares_memory, stack[1] + sizeof(stack[1]),
			CLONE_VFORK | CLONE_PARENT | SIGCHLD, NULL));
	return 0;
}

REFUSE(vfork_of_a_sibling)
{
	pid_t kid = ckpt_fork(waits_for_sibling, NULL);

	ckpt_step_wait(0, 1);
	expect_refusal(kid, UNSUPPORTED, "waits in vfork() for a process that is not its child: try again when that has called exec");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

static int stops_and_waits_for_sibling(void *arg)
{
	CHECK_SYS(ptrace(PTRACE_TRACEME, 0, 0, 0));
	CHECK_SYS(kill(getpid(), SIGSTOP));
	return waits_for_sibling(arg);
}

/* It has yet to wait. */
REFUSE(traced_vfork_of_a_sibling)
{
	pid_t kid = traced(stops_and_waits_for_sibling), sibling;
	unsigned long message;
	int status;

	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEVFORK));
	next_stop(kid, PTRACE_CONT, SIGTRAP | PTRACE_EVENT_VFORK << 8);
	CHECK_SYS(ptrace(PTRACE_GETEVENTMSG, kid, 0, &message));
	sibling = message;
	CHECK_EQ(sibling, waitpid(sibling, &status, __WALL));
	CHECK_SYS(ptrace(PTRACE_DETACH, sibling, 0, 0));
	ckpt_step_wait(0, 1);
	expect_refusal(kid, UNSUPPORTED, "is stopped in vfork() for pid %d (*) (ptrace), and will wait for "
		       "a process that is not its child: try again when that has called exec", getpid());
	ckpt_ready_wait();
	CHECK_SYS(ptrace(PTRACE_DETACH, kid, 0, 0));
	ckpt_wait_exit(kid, 0);
}

/* ---- memory ---------------------------------------------------------- */

/* Where it is made again it would have the access of a new one. */
REFUSE(vdso_access)
{
	unsigned long start = 0, end = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[256];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vdso]"))
			sscanf(line, "%lx-%lx", &start, &end);
	}
	CHECK(maps && !fclose(maps), "maps: %s", strerror(errno));
	/* Only as a whole; and some kernels seal it. */
	if (!start || mprotect((void *)start, end - start, PROT_READ))
		not_here();
	expect_refusal(getpid(), UNSUPPORTED, "mapping %lx-%lx: vDSO with changed access: start it without mprotect(2) of that", start,
		       end);
	ckpt_ready_wait();
	CHECK(!memcmp((void *)start, "\177ELF", 4), "no ELF file at %lx", start);
	CHECK_SYS(mprotect((void *)start, end - start, PROT_READ | PROT_EXEC));
}

/* A debugger has written to it, as for a breakpoint: to a copy, which is the process's own. */
REFUSE(vdso_changed)
{
	int mem = CHECK_SYS(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
	unsigned long start = 0, end = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[256];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vdso]"))
			sscanf(line, "%lx-%lx", &start, &end);
	}
	CHECK(maps && !fclose(maps), "maps: %s", strerror(errno));
	if (!start || pwrite(mem, "\177", 1, start) != 1)
		not_here();
	close(mem);
	expect_refusal(getpid(), UNSUPPORTED, "mapping %lx-%lx: vDSO with changed pages: remove "
		       "the breakpoints in it", start, end);
	ckpt_ready_wait();
	CHECK(!memcmp((void *)start, "\177ELF", 4), "no ELF file at %lx", start);
}

/* Where it is made again it would be whole. */
REFUSE(vdso_in_part)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start = 0, end = 0;
	int told[2], ret = -1;
	char line[256];
	pid_t kid;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vvar]"))
			sscanf(line, "%lx-%lx", &start, &end);
	}
	CHECK(maps && !fclose(maps), "maps: %s", strerror(errno));
	if (!start)
		not_here();
	CHECK_SYS(pipe(told));
	kid = CHECK_SYS(fork());
	if (!kid) {
		/* From here on no clock is read. */
		ret = munmap((void *)start, end - start);
		if (write(told[1], &ret, sizeof(ret)) != sizeof(ret))
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_EQ((ssize_t)sizeof(ret), read(told[0], &ret, sizeof(ret)));
	close(told[0]);
	close(told[1]);
	/* Some kernels seal it. */
	if (ret) {
		kill(kid, SIGKILL);
		CHECK_EQ(kid, waitpid(kid, NULL, 0));
		not_here();
	}
	expect_refusal(kid, UNSUPPORTED, "address space: a part of its vDSO was unmapped or moved: start it "
		       "without that, or have it unmap or move all of it");
	ckpt_ready_wait();
	CHECK_SYS(kill(kid, SIGKILL));
	CHECK_EQ(kid, waitpid(kid, NULL, 0));
}

/* ---- one architecture's own ------------------------------------------ */

#if defined(__x86_64__)
REFUSE(x86_iopl)
{
	CHECK_HERE(iopl(3));
	EXPECT_TASK("I/O privileges (iopl) are not supported: have it give them up");
	ckpt_ready_wait();
	CHECK_SYS(iopl(0));
}

REFUSE(x86_ioperm)
{
	CHECK_HERE(ioperm(0x80, 1, 1));
	EXPECT_TASK("I/O permissions (ioperm) are not supported: have it give them up");
	ckpt_ready_wait();
	CHECK_SYS(ioperm(0x80, 1, 0));
}

REFUSE(x86_ldt)
{
	struct user_desc desc = { .base_addr = 0x1000, .limit = 0xfff, .seg_32bit = 1,
				  .limit_in_pages = 1, .useable = 1 };

	CHECK_HERE(syscall(__NR_modify_ldt, 1, &desc, sizeof(desc)));
	expect_refusal(getpid(), UNSUPPORTED, "address space: *");
	ckpt_ready_wait();
	CHECK(syscall(__NR_modify_ldt, 0, &desc, sizeof(desc)) > 0, "the LDT is empty");
}

REFUSE(x86_cpuid)
{
	CHECK_HERE(syscall(__NR_arch_prctl, ARCH_SET_CPUID, 0));
	EXPECT_TASK("CPUID that can't be read (ARCH_SET_CPUID) is not supported: have it allow that");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_arch_prctl, ARCH_SET_CPUID, 1));
}

/* XTILEDATA, number 18: no emulator at hand has it. */
REFUSE(x86_amx)
{
	uint64_t permitted = 0;

	if (syscall(__NR_arch_prctl, ARCH_REQ_XCOMP_PERM, 18))
		not_here();
	EXPECT_TASK("permission for AMX (ARCH_REQ_XCOMP_PERM) is not supported: start it without AMX");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_arch_prctl, ARCH_GET_XCOMP_PERM, &permitted));
	CHECK(permitted & 1 << 18, "0x%llx", (unsigned long long)permitted);
}
#elif defined(__s390x__)
REFUSE(s390_guarded_storage)
{
	CHECK_HERE(syscall(__NR_s390_guarded_storage, GS_ENABLE, NULL));
	EXPECT_TASK("guarded storage is not supported: start it without that");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_s390_guarded_storage, GS_DISABLE, NULL));
}

REFUSE(s390_runtime_instrumentation)
{
	CHECK_HERE(syscall(__NR_s390_runtime_instr, S390_RUNTIME_INSTR_START, 0));
	EXPECT_TASK("runtime instrumentation is not supported: start it without that");
	ckpt_ready_wait();
	CHECK_SYS(syscall(__NR_s390_runtime_instr, S390_RUNTIME_INSTR_STOP, 0));
}
#endif

TEST_HARNESS_MAIN
