// SPDX-License-Identifier: GPL-2.0
/* What is refused on arm64 only. */
#include "refuse.h"

#ifdef __aarch64__

#include "arm64.h"

#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

REFUSE_FIXTURE

#define EXPECT_TASK(what) expect_refusal(getpid(), UNSUPPORTED, what)

/* ---- memory tags ------------------------------------------------------ */

REFUSE(tagged_shared_memory)
{
	char *at;

	if (!has_cap2(CAP2_MTE))
		not_here();
	at = map(1, PROT_READ | PROT_WRITE | PROT_MTE, MAP_SHARED);
	set_tag(at, 5);
	expect_refusal(getpid(), UNSUPPORTED,
		       "mapping %lx-%lx: memory tags on shared memory or a file: use private anonymous memory for them", (long)at,
		       (long)(at + page()));
	ckpt_ready_wait();
	CHECK_EQ(5, tag_at(at));
}

/* ---- protection keys --------------------------------------------------- */

/* No emulator at hand has them. */
REFUSE(protection_keys)
{
	char *at;
	int key;

	if (!has_cap2(CAP2_POE))
		not_here();
	key = CHECK_SYS(pkey_alloc(0, 0));
	at = map(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	CHECK_SYS(pkey_mprotect(at, page(), PROT_READ | PROT_WRITE, key));
	expect_refusal(getpid(), UNSUPPORTED, "address space: memory protection keys: start it without them");
	expect_more();
	ckpt_ready_wait();
	*at = 1;
}

/* ---- states of a task -------------------------------------------------- */

REFUSE(vector_length_after_exec)
{
	int vl;

	if (!has_cap(CAP_SVE))
		not_here();
	vl = CHECK_SYS(prctl(PR_SVE_GET_VL, 0, 0, 0, 0));
	CHECK_SYS(prctl(PR_SVE_SET_VL, 16 | PR_SVE_SET_VL_ONEXEC, 0, 0, 0));
	EXPECT_TASK("another vector length after exec is not supported: have it take that back");
	ckpt_ready_wait();
	CHECK_EQ(vl, prctl(PR_SVE_GET_VL, 0, 0, 0, 0));
}

static int waits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

/* Where 32-bit programs have the kernel's helpers. */
#define VECTORS	0xffff0000ul
/* A system call has this in r0. */
#define R0_VECTORS	0xe3000000, 0xe34f0fff
#define R1_PAGE		0xe3a01a01

/* ELF32 for ARM: one segment, which makes a system call and then jumps to itself. */
struct arm_program {
	Elf32_Ehdr head;
	Elf32_Phdr segment;
	uint32_t code[9];
};

/* What /proc has of the mapping at @start of @pid: its permissions; "": there is none. */
static void mapping_of(pid_t pid, unsigned long start, char access[5])
{
	char path[64], buf[4096], want[16], *at;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	snprintf(want, sizeof(want), "%08lx-", start);
	at = strstr(ckpt_read_file(path, buf, sizeof(buf)), want);
	access[0] = 0;
	if (at)
		sscanf(strchr(at, ' '), "%4s", access);
}

/* Starts a 32-bit program of this code; not here if the machine runs none, or it has no helpers. */
static pid_t arm_program(const uint32_t code[9])
{
	struct arm_program arm = {
		.head = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_ARM, .e_version = EV_CURRENT,
			.e_entry = 0x10000 + offsetof(struct arm_program, code),
			.e_phoff = sizeof(Elf32_Ehdr), .e_flags = 5u << 24,
			.e_ehsize = sizeof(Elf32_Ehdr), .e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1,
		},
		.segment = {
			.p_type = PT_LOAD, .p_vaddr = 0x10000, .p_filesz = sizeof(arm),
			.p_memsz = sizeof(arm), .p_flags = PF_R | PF_X, .p_align = 0x10000,
		},
	};
	int program = CHECK_SYS(memfd_create("arm", MFD_CLOEXEC)), done[2];
	char *const none[] = { NULL };
	pid_t pid;
	char c;

	if (page() != 4096)
		not_here();
	memcpy(arm.code, code, sizeof(arm.code));
	CHECK_EQ(sizeof(arm), write(program, &arm, sizeof(arm)));
	CHECK_SYS(pipe2(done, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid) {
		syscall(__NR_execveat, program, "", none, none, AT_EMPTY_PATH);
		CHECK_EQ(1, write(done[1], "x", 1));
		_exit(0);
	}
	close(done[1]);
	close(program);
	if (read(done[0], &c, 1))
		not_here();
	close(done[0]);
	/* It is called by the number of the descriptor. */
	CHECK_SYS(prctl(PR_SET_NAME, "*", 0, 0, 0));
	return pid;
}

/* Is its execve(2) so far that it has the pages of the kernel? */
static bool has_sigpage(pid_t pid)
{
	char path[64], buf[4096];

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return strstr(ckpt_read_file(path, buf, sizeof(buf)), "[sigpage]");
}

/* Waits until the mapping at @start of @pid has the permissions @access. */
static void wait_mapping(pid_t pid, unsigned long start, const char *access)
{
	char seen[5], vectors[5];

	for (;;) {
		mapping_of(pid, start, seen);
		if (!strcmp(seen, access))
			return;
		mapping_of(pid, VECTORS, vectors);
		/* The kernel has no helpers (CONFIG_KUSER_HELPERS), which come before this page. */
		if (!vectors[0] && !seen[0] && has_sigpage(pid))
			not_here();
		sched_yield();
	}
}

static void kill_and_wait(pid_t pid)
{
	int status;

	ckpt_ready_wait();
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status 0x%x", status);
}

REFUSE(page_of_kernel_that_moved)
{
	static const uint32_t code[] = {
		R0_VECTORS, R1_PAGE,
		0xe3a02a01,	/* r2: a page */
		0xe3a03003,	/* r3: MREMAP_MAYMOVE, MREMAP_FIXED */
		0xe3a04602,	/* r4: 0x200000 */
		0xe3a070a3,	/* r7: mremap */
		0xef000000, 0xeafffffe,
	};
	pid_t pid = arm_program(code);

	wait_mapping(pid, 0x200000, "r-xp");
	expect_refusal(pid, UNSUPPORTED,
		       "mapping 200000-201000: page of the kernel that was moved: start it without mremap(2) of that");
	kill_and_wait(pid);
}

REFUSE(page_of_kernel_with_other_access)
{
	static const uint32_t code[] = {
		R0_VECTORS, R1_PAGE,
		0xe3a02001,	/* r2: PROT_READ */
		0xe3a03000, 0xe3a04000,
		0xe3a0707d,	/* r7: mprotect */
		0xef000000, 0xeafffffe,
	};
	pid_t pid = arm_program(code);

	wait_mapping(pid, VECTORS, "r--p");
	expect_refusal(pid, UNSUPPORTED,
		       "mapping ffff0000-ffff1000: page of the kernel with changed access: start it without mprotect(2) of that");
	kill_and_wait(pid);
}

REFUSE(hardware_watchpoint)
{
	struct {
		uint32_t info, pad;
		struct {
			uint64_t addr;
			uint32_t ctrl, pad;
		} reg[1];
	} state = { .reg[0].addr = (uintptr_t)&waits & -8ul };
	struct iovec vec = { &state, sizeof(state) };
	pid_t pid = ckpt_fork(waits, NULL);
	int status;

	ckpt_step_wait(0, 1);
	CHECK_SYS(ptrace(PTRACE_SEIZE, pid, 0, 0));
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	/* Enabled, user mode, stores, 8 bytes. */
	state.reg[0].ctrl = 1 | 2 << 1 | 2 << 3 | 0xff << 5;
	if (ptrace(PTRACE_SETREGSET, pid, (void *)(long)NT_ARM_HW_WATCH, &vec))
		not_here();
	CHECK_SYS(ptrace(PTRACE_DETACH, pid, 0, 0));
	/* The kernel makes it of one. */
	expect_refusal(pid, UNSUPPORTED, "has perf events: end the measurement (perf), or leave its "
		       "descriptors out (CHECKPOINT_RULE_CLOSE)");
	expect_refusal(pid, UNSUPPORTED, "hardware breakpoints are not supported: remove them");
	ckpt_ready_wait();
	ckpt_wait_exit(pid, 0);
}

#else /* !__aarch64__ */

TEST(refuse_arm64)
{
	SKIP(return, "not arm64");
}

#endif

TEST_HARNESS_MAIN
