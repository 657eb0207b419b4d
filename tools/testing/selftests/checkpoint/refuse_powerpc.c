// SPDX-License-Identifier: GPL-2.0
/* State of tasks on powerpc that can't be saved. */
#include "refuse.h"

#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

REFUSE_FIXTURE

#ifdef __powerpc64__

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
	expect_refusal(pid, UNSUPPORTED, "big-endian mode is not supported");
	ckpt_ready();
	kill_it(pid);
}

/* A program of the old ABI: its start is a descriptor. All it does is loop. */
static void write_elfv1(const char *path)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr part;
		uint64_t descriptor[3];
		uint32_t code[2];
	} file = {
		.head = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_PPC64, .e_version = EV_CURRENT,
			.e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1, .e_flags = 1,
		},
		.part = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_align = 65536,
			  .p_vaddr = 0x10000000, .p_paddr = 0x10000000 },
		.code = { LOOP, LOOP },
	};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	CHECK_SYS(fd);
	file.part.p_filesz = file.part.p_memsz = sizeof(file);
	file.head.e_entry = 0x10000000 + ((char *)file.descriptor - (char *)&file);
	file.descriptor[0] = 0x10000000 + ((char *)file.code - (char *)&file);
	CHECK_EQ(sizeof(file), write(fd, &file, sizeof(file)));
	CHECK_SYS(close(fd));
}

static int executes(void *arg)
{
	execl(arg, arg, NULL);
	return 1;
}

REFUSE(elfv1)
{
	char path[320], name[64], seen[320];
	ssize_t len;
	pid_t pid;

	ckpt_path(path, sizeof(path), "elfv1");
	write_elfv1(path);
	pid = ckpt_fork(executes, path);
	snprintf(name, sizeof(name), "/proc/%d/exe", pid);
	do {
		len = readlink(name, seen, sizeof(seen) - 1);
		CHECK_SYS(len);
		seen[len] = 0;
		sched_yield();
	} while (strcmp(seen, path));
	/* The line has its name, and what we expect has ours. */
	snprintf(name, sizeof(name), "/proc/%d/comm", pid);
	ckpt_slurp(name, seen, sizeof(seen));
	seen[strcspn(seen, "\n")] = 0;
	CHECK_SYS(prctl(PR_SET_NAME, seen));
	expect_refusal(pid, UNSUPPORTED, "programs of the ELFv1 ABI are not supported");
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
	expect_refusal(pid, UNSUPPORTED, "hardware breakpoints are not supported");
	ckpt_ready();
	ckpt_wait_exit(pid, 0);
}

#else /* !__powerpc64__ */

TEST_F(refuse, powerpc)
{
	SKIP(return, "for powerpc only");
}

#endif

TEST_HARNESS_MAIN
