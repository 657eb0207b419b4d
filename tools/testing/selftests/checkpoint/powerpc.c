// SPDX-License-Identifier: GPL-2.0
/* What only powerpc has, besides the patterns in its registers; and refusals. */
#include "refuse.h"

#ifdef __powerpc64__

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <linux/futex.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

CKPT_FIXTURE
REFUSE_FIXTURE

#ifndef PPC_FEATURE2_SCV
#define PPC_FEATURE2_SCV	0x00100000
#endif

#ifndef PTRACE_SET_DEBUGREG
#define PTRACE_SET_DEBUGREG	26
#endif

/* A branch to itself, and the same as the other byte order sees it. */
#define LOOP		0x48000000
#define LOOP_SWAPPED	"0x00000048"

/* Kills @pid, which can't end by itself, and waits for it. */
static void kill_it(pid_t pid)
{
	int status;

	ckpt_wait_go();
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "it ended with 0x%x", status);
}

static int goes_big_endian(void *arg)
{
	ckpt_step(0);
	/* switch_endian(); it goes on in the other byte order. */
	asm volatile("li 0,363\n sc\n .long " LOOP_SWAPPED "\n"
		     ::: "r0", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12",
			 "cr0", "xer", "ctr", "memory");
	return 1;
}

/* The MSR of @pid, which runs. */
static unsigned long msr_of(pid_t pid)
{
	unsigned long msr;

	CHECK_SYS(ptrace(PTRACE_ATTACH, pid, 0, 0));
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	/* PT_MSR */
	msr = ptrace(PTRACE_PEEKUSER, pid, 33 * sizeof(long), 0);
	CHECK_SYS(ptrace(PTRACE_DETACH, pid, 0, 0));
	return msr;
}

REFUSE(big_endian)
{
	pid_t pid = ckpt_fork(goes_big_endian, NULL);

	ckpt_step_wait(0, 1);
	/* Bit 0 of the MSR: little-endian. */
	while (msr_of(pid) & 1)
		sched_yield();
	expect_refusal(pid, UNSUPPORTED, "big-endian mode is not supported: use a little-endian build");
	ckpt_ready();
	kill_it(pid);
}

#define CODE_MAX	8

/* A program of ABI @abi, 1 or 2, that has only @code. The start of an old one is a descriptor. */
static void write_program(const char *path, int abi, const uint32_t code[CODE_MAX])
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr part;
		uint64_t descriptor[3];
		uint32_t code[CODE_MAX];
	} file = {
		.head = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_PPC64, .e_version = EV_CURRENT,
			.e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1, .e_flags = abi,
		},
		.part = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_align = 65536,
			  .p_vaddr = 0x10000000, .p_paddr = 0x10000000 },
	};
	uint64_t start = 0x10000000 + ((char *)file.code - (char *)&file);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	CHECK_SYS(fd);
	memcpy(file.code, code, sizeof(file.code));
	file.part.p_filesz = sizeof(file);
	file.part.p_memsz = sizeof(file);
	file.descriptor[0] = start;
	file.head.e_entry = start;
	if (abi == 1)
		file.head.e_entry = 0x10000000 + ((char *)file.descriptor - (char *)&file);
	CHECK_EQ(sizeof(file), write(fd, &file, sizeof(file)));
	CHECK_SYS(close(fd));
}

static int executes(void *arg)
{
	execl(arg, arg, NULL);
	return 1;
}

/* Starts the program at @path; it has begun. */
static pid_t execute(char *path)
{
	int fd[2];
	pid_t pid;
	char c;

	CHECK_SYS(pipe2(fd, O_CLOEXEC));
	pid = ckpt_fork(executes, path);
	CHECK_SYS(close(fd[1]));
	CHECK_EQ(0, read(fd[0], &c, 1));
	CHECK_SYS(close(fd[0]));
	return pid;
}

REFUSE(elfv1)
{
	static const uint32_t code[CODE_MAX] = { LOOP };
	char path[320], name[64], seen[320];
	pid_t pid;

	ckpt_path(path, sizeof(path), "elfv1");
	write_program(path, 1, code);
	pid = execute(path);
	/* The line has its name, and what we expect has ours. */
	CHECK_SYS(prctl(PR_GET_NAME, name));
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	do {
		ckpt_read_file(path, seen, sizeof(seen));
		seen[strcspn(seen, "\n")] = 0;
	} while (!strcmp(seen, name));
	CHECK_SYS(prctl(PR_SET_NAME, seen));
	expect_refusal(pid, UNSUPPORTED, "programs of the ELFv1 ABI are not supported: use a build for ELFv2");
	expect_more();
	ckpt_ready();
	kill_it(pid);
}

static int waits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

/* It stays when the debugger has gone. */
REFUSE(hardware_breakpoint)
{
	static long watched;
	pid_t pid = ckpt_fork(waits, NULL);
	long ret;

	ckpt_step_wait(0, 1);
	CHECK_SYS(ptrace(PTRACE_ATTACH, pid, 0, 0));
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	ret = ptrace(PTRACE_SET_DEBUGREG, pid, 0, (uintptr_t)&watched | 7);
	CHECK_SYS(ptrace(PTRACE_DETACH, pid, 0, 0));
	if (ret)
		not_here();
	expect_refusal(pid, UNSUPPORTED, "hardware breakpoints are not supported: remove them");
	ckpt_ready();
	ckpt_wait_exit(pid, 0);
}

/* ---- what is restored -------------------------------------------------- */

/* CPU time of @pid, which has not ended. */
static uint64_t cpu_time(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };
	struct timespec ts;
	clockid_t clock;

	CHECK_SYS(waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT));
	CHECK(!info.si_pid, "it has ended, status %d", info.si_status);
	CHECK_EQ(0, clock_getcpuclockid(pid, &clock));
	CHECK_SYS(clock_gettime(clock, &ts));
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void let_run(pid_t pid)
{
	uint64_t since = cpu_time(pid);

	while (cpu_time(pid) < since + 20000000)
		sched_yield();
}

/* VRSAVE is a vector register's companion, and a register by itself. */
CKPT_CYCLE(vrsave_without_vectors)
{
	/* li r3,0x1234; mtvrsave r3; 1: mfvrsave r4; cmpw r3,r4; beq 1b; li r0,234; sc */
	static const uint32_t code[CODE_MAX] = { 0x38601234, 0x7c6043a6, 0x7c8042a6, 0x7c032000,
						 0x4182fff8, 0x380000ea, 0x44000002 };
	char path[320];
	pid_t pid;

	ckpt_path(path, sizeof(path), "vrsave");
	write_program(path, 2, code);
	pid = execute(path);
	let_run(pid);
	ckpt_ready_wait();
	let_run(pid);
	kill_it(pid);
}

/*
 * A task that had to wait for the code at its next instruction: the kernel keeps
 * in its MSR why.
 */
static int pages_code_in(void *arg)
{
	size_t page, size = 64 * CKPT_PAGE;
	uint32_t blr = 0x4e800020;
	char path[320], *code;
	int fd;

	ckpt_path(path, sizeof(path), "code");
	fd = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_EXCL, 0755));
	for (page = 0; page < size; page += CKPT_PAGE)
		CHECK_EQ((ssize_t)sizeof(blr), pwrite(fd, &blr, sizeof(blr), page));
	CHECK_SYS(ftruncate(fd, size));
	code = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	CHECK(code != MAP_FAILED, "%s", strerror(errno));
	ckpt_step(0);
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST)) {
		CHECK_SYS(madvise(code, size, MADV_DONTNEED));
		for (page = 0; page < size; page += CKPT_PAGE) {
			register char *at asm("r12") = code + page;

			asm volatile("mtctr 12\n bctrl\n" : "+r" (at) :: "ctr", "lr", "memory");
		}
	}
	return 0;
}

CKPT_CYCLE(code_being_paged_in)
{
	pid_t kid = ckpt_fork(pages_code_in, NULL);

	ckpt_step_wait(0, 1);
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/*
 * A call that goes on by its restart block was interrupted and thawed, and frozen
 * again before it was made: where its instruction was there is a loop meanwhile.
 */
static uint32_t *call_code[2];
static uint32_t word;
static char proc_of[2][64];

static void *waits_at(void *arg)
{
	uintptr_t scv = (uintptr_t)arg;
	struct timespec time = { .tv_sec = 100000 };
	register uint32_t *code asm("r12") = call_code[scv];
	register long nr asm("r0") = __NR_futex;
	register long ret asm("r3") = (long)&word;
	register long op asm("r4") = FUTEX_WAIT_PRIVATE;
	register long value asm("r5") = 0;
	register struct timespec *timeout asm("r6") = &time;

	/* A container has the /proc of who made it, where pids are others. */
	CHECK_SYS(readlink("/proc/thread-self", proc_of[scv], sizeof(proc_of[scv]) - 1));
	ckpt_step(1);
	asm volatile("mtctr 12\n bctrl\n"
		     : "+r" (ret), "+r" (code), "+r" (nr), "+r" (op), "+r" (value), "+r" (timeout)
		     :: "r7", "r8", "r9", "r10", "r11", "r30", "cr0", "cr1", "cr5", "cr6", "cr7",
			"xer", "ctr", "lr", "memory");
	CHECK_EQ(0, ret);
	return NULL;
}

/* Until thread @nr sleeps in futex(). */
static void await_futex(unsigned int nr)
{
	char path[80], text[128];

	ckpt_step_wait(1, nr + 1);
	snprintf(path, sizeof(path), "/proc/%s/syscall", proc_of[nr]);
	while (atoi(ckpt_read_file(path, text, sizeof(text))) != __NR_futex)
		sched_yield();
}

static void put_code(uint32_t *at, uint32_t code)
{
	__atomic_store_n(at, code, __ATOMIC_SEQ_CST);
	__builtin___clear_cache((char *)at, (char *)(at + 1));
}

CKPT_CYCLE(call_yet_to_be_restarted)
{
	/* mflr r30; sc; bns+ 1f; neg r3,r3; 1: mtlr r30; blr */
	static const uint32_t sc[] = { 0x7fc802a6, 0x44000002, 0x40e30008, 0x7c6300d0,
				       0x7fc803a6, 0x4e800020 };
	/* mflr r30; scv; mtlr r30; blr */
	static const uint32_t scv[] = { 0x7fc802a6, 0x44000001, 0x7fc803a6, 0x4e800020 };
	uintptr_t i, nr = getauxval(AT_HWCAP2) & PPC_FEATURE2_SCV ? 2 : 1;
	uint32_t *page = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread[2];
	long woken = 0;

	CHECK(page != MAP_FAILED, "%s", strerror(errno));
	call_code[0] = memcpy(page, sc, sizeof(sc));
	call_code[1] = memcpy(page + 64, scv, sizeof(scv));
	__builtin___clear_cache((char *)page, (char *)(page + 128));
	for (i = 0; i < nr; i++) {
		CHECK_EQ(0, pthread_create(&thread[i], NULL, waits_at, (void *)i));
		await_futex(i);
		put_code(call_code[i] + 1, LOOP);
	}
	ckpt_ready_wait();
	while (woken < (long)nr) {
		/* Each time: see regs_loops() in registers.c. */
		put_code(call_code[0] + 1, sc[1]);
		put_code(call_code[1] + 1, scv[1]);
		woken += CHECK_SYS(syscall(__NR_futex, &word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL,
					   0));
		sched_yield();
	}
	for (i = 0; i < nr; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

/* ---- whose modes ------------------------------------------------------- */

#ifndef PR_PPC_GET_DEXCR
#define PR_PPC_GET_DEXCR		72
#define PR_PPC_SET_DEXCR		73
#define PR_PPC_DEXCR_IBRTPD		1
#define PR_PPC_DEXCR_SRAPD		2
#define PR_PPC_DEXCR_NPHIE		3
#define PR_PPC_DEXCR_CTRL_SET		0x2
#define PR_PPC_DEXCR_CTRL_SET_ONEXEC	0x8
#endif

enum { M_UNALIGN, M_FPEXC, M_DEXCR, M_COUNT = M_DEXCR + PR_PPC_DEXCR_NPHIE + 1 };

static void get_modes(int *mode)
{
	unsigned int value = 0;
	int i;

	CHECK_SYS(prctl(PR_GET_UNALIGN, &value, 0, 0, 0));
	mode[M_UNALIGN] = value;
	CHECK_SYS(prctl(PR_GET_FPEXC, &value, 0, 0, 0));
	mode[M_FPEXC] = value;
	/* Not all CPUs have that register. */
	for (i = 0; i <= PR_PPC_DEXCR_NPHIE; i++)
		mode[M_DEXCR + i] = prctl(PR_PPC_GET_DEXCR, i, 0, 0, 0);
}

CKPT_SCENARIO(own_modes)
{
	int before[M_COUNT], after[M_COUNT], i;

	get_modes(before);
	ckpt_ready_wait();
	get_modes(after);
	for (i = 0; i < M_COUNT; i++)
		CHECK(before[i] == after[i], "mode %d is 0x%x, not 0x%x", i, after[i], before[i]);
}

FIXTURE(restarter) { int unused; };

FIXTURE_SETUP(restarter)
{
	CKPT_BEGIN();
}

FIXTURE_TEARDOWN(restarter) { }

/* The task has modes of its own, not those of the one that calls restart(2). */
TEST_F_TIMEOUT(restarter, modes, CKPT_TIMEOUT)
{
	const unsigned long set = PR_PPC_DEXCR_CTRL_SET | PR_PPC_DEXCR_CTRL_SET_ONEXEC;
	int image = ckpt_image_new();
	unsigned int unalign, fpexc;
	struct ckpt_run run;

	ASSERT_EQ(0, ckpt_run_init(&run, &own_modes, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	/* Others than it has. */
	ASSERT_EQ(0, prctl(PR_GET_UNALIGN, &unalign, 0, 0, 0));
	unalign = unalign == PR_UNALIGN_SIGBUS ? PR_UNALIGN_NOPRINT : PR_UNALIGN_SIGBUS;
	ASSERT_EQ(0, prctl(PR_SET_UNALIGN, unalign, 0, 0, 0));
	ASSERT_EQ(0, prctl(PR_GET_FPEXC, &fpexc, 0, 0, 0));
	fpexc = fpexc == PR_FP_EXC_PRECISE ? PR_FP_EXC_DISABLED : PR_FP_EXC_PRECISE;
	ASSERT_EQ(0, prctl(PR_SET_FPEXC, fpexc, 0, 0, 0));
	if (prctl(PR_PPC_GET_DEXCR, PR_PPC_DEXCR_IBRTPD, 0, 0, 0) != -1) {
		ASSERT_EQ(0, prctl(PR_PPC_SET_DEXCR, PR_PPC_DEXCR_IBRTPD, set, 0, 0));
		ASSERT_EQ(0, prctl(PR_PPC_SET_DEXCR, PR_PPC_DEXCR_SRAPD, set, 0, 0));
	}
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	/* Twice: what was taken over unseen would be there now. */
	ASSERT_EQ(0, ftruncate(image, 0));
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

#else /* !__powerpc64__ */

TEST(powerpc)
{
	SKIP(return, "for powerpc only");
}

#endif

TEST_HARNESS_MAIN
