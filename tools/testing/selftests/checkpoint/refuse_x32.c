// SPDX-License-Identifier: GPL-2.0
/*
 * What is refused of the x32 ABI, 64-bit code with pointers of 32 bits: its programs, its vDSO, and
 * 64-bit programs within one of its system calls, or with what one has left: an action, a ring.
 *
 * The program is in program_x32/, without a libc, and is built into this one: X32_PROGRAM. It is
 * empty where there was no compiler for it.
 */
#include "refuse.h"

#ifdef __x86_64__

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

REFUSE_FIXTURE

#define X32(nr)			(0x40000000 | (nr))
#define X32_rt_sigaction	X32(512)
#define MAP_VDSO_X32		0x2001	/* Of arch_prctl(2). */

asm(
"	.section .rodata\n"
"	.globl program_x32, program_x32_size\n"
"	.balign 4\n"
"program_x32_size: .long 1f - program_x32\n"
"program_x32: .incbin \"" X32_PROGRAM "\"\n"
"1:	.previous\n"
);
extern const char program_x32[];
extern const uint32_t program_x32_size;

static void *map_shared(int fd, int flags)
{
	void *at = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	return at;
}

static int runs_program(void *path)
{
	CHECK_SYS(execl(path, path, NULL));
	return 1;
}

REFUSE(x32_program)
{
	char path[320], file[320];
	volatile char *shared;
	pid_t kid;
	int fd;

	CHECK_HERE(syscall(X32(__NR_getpid)));
	if (!program_x32_size)
		not_here();
	ckpt_path(path, sizeof(path), "program");
	fd = CHECK_SYS(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700));
	CHECK_EQ(program_x32_size, write(fd, program_x32, program_x32_size));
	CHECK_SYS(close(fd));
	fd = CHECK_SYS(open(ckpt_path(file, sizeof(file), "shared"), O_RDWR | O_CREAT | O_CLOEXEC,
			    0600));
	CHECK_SYS(ftruncate(fd, CKPT_PAGE));
	shared = map_shared(fd, 0);
	CHECK_SYS(dup2(fd, 0));
	kid = ckpt_fork(runs_program, path);
	while (!shared[0]) {
		CHECK_EQ(0, waitpid(kid, NULL, WNOHANG));
		sched_yield();
	}
	/* Its name, in the lines that are expected. */
	CHECK_SYS(prctl(PR_SET_NAME, strrchr(path, '/') + 1));
	expect_refusal(kid, UNSUPPORTED,
		       "tasks of the x32 ABI are not supported: use a 64-bit build");
	expect_refusal(kid, UNSUPPORTED,
		       "address space: vDSO of x32 programs: use a 64-bit build");
	expect_more();
	ckpt_ready_wait();
	shared[1] = 1;
	ckpt_wait_exit(kid, 0);
}

static int reads_by_x32(void *arg)
{
	char *shared = arg;
	int *fd = arg;

	CHECK(readlink("/proc/self", shared + 64, 64) > 0, "/proc/self: %s", strerror(errno));
	ckpt_step(0);
	/* The kernel looks at the lower half of the register. */
	CHECK_EQ(1, syscall(1UL << 63 | X32(__NR_read), fd[0], shared + 128, 1));
	return 0;
}

/* A 64-bit program in a system call of another ABI. */
REFUSE(x32_call)
{
	char *shared = map_shared(-1, MAP_ANONYMOUS);
	int *fd = (int *)shared;
	char path[128], buf[256];
	pid_t kid;

	CHECK_HERE(syscall(X32(__NR_getpid)));
	CHECK_SYS(pipe(fd));
	kid = ckpt_fork(reads_by_x32, shared);
	ckpt_step_wait(0, 1);
	snprintf(path, sizeof(path), "/proc/%s/syscall", shared + 64);
	while (atoi(ckpt_read_file(path, buf, sizeof(buf))) != X32(__NR_read))
		sched_yield();
	expect_refusal(kid, UNSUPPORTED,
		       "is in a system call of the x32 ABI, which is not supported: "
		       "try again, or use a 64-bit build");
	ckpt_ready_wait();
	CHECK_EQ(1, write(fd[1], "x", 1));
	ckpt_wait_exit(kid, 0);
	CHECK_EQ('x', shared[128]);
}

/* Its frame would be one of x32. */
REFUSE(x32_action)
{
	struct {
		uint32_t handler, flags, restorer, mask[2];
	} ignore = { .handler = (uint32_t)(uintptr_t)SIG_IGN };

	CHECK_HERE(syscall(X32(__NR_getpid)));
	CHECK_SYS(syscall(X32_rt_sigaction, SIGUSR1, &ignore, NULL, 8));
	expect_refusal(getpid(), UNSUPPORTED,
		       "action for signal %d has flags 0x1000000 that no program of this "
		       "architecture sets", SIGUSR1);
	ckpt_ready_wait();
	CHECK_SYS(kill(getpid(), SIGUSR1));
}

/* A ring whose requests have pointers of 32 bits. */
REFUSE(x32_ring)
{
	struct io_uring_params params = { 0 };
	int fd;

	CHECK_HERE(syscall(X32(__NR_getpid)));
	fd = CHECK_HERE(syscall(X32(__NR_io_uring_setup), 1, &params));
	EXPECT_FD(fd, "*[io_uring]",
		  "the io_uring was set up by a 32-bit program: start it without io_uring");
	expect_more();
	ckpt_ready_wait();
}

/* Unmaps what the kernel has mapped for its own vDSO: nothing may use that any more. */
static void unmap_vdso(void)
{
	static char maps[1 << 16];
	unsigned long start, end;
	char *line, *save;

	ckpt_read_file("/proc/self/maps", maps, sizeof(maps));
	for (line = strtok_r(maps, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if ((strstr(line, "[vdso]") || strstr(line, "[vvar")) &&
		    sscanf(line, "%lx-%lx", &start, &end) == 2)
			CHECK_SYS(munmap((void *)start, end - start));
}

static int has_another_vdso(void *arg)
{
	unmap_vdso();
	CHECK(syscall(__NR_arch_prctl, MAP_VDSO_X32, 0) > 0, "vDSO: %s", strerror(errno));
	return ckpt_child_waits(arg);
}

/* A 64-bit program that has mapped it. */
REFUSE(x32_vdso)
{
	pid_t kid;

	CHECK_HERE(syscall(X32(__NR_getpid)));
	kid = ckpt_fork(has_another_vdso, NULL);
	ckpt_step_wait(0, 1);
	expect_refusal(kid, UNSUPPORTED,
		       "address space: vDSO of x32 programs: use a 64-bit build");
	expect_more();
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

#else /* !__x86_64__ */

TEST(refuse_x32)
{
	SKIP(return, "not x86-64");
}

#endif

TEST_HARNESS_MAIN
