// SPDX-License-Identifier: GPL-2.0
/*
 * 32-bit programs on arm64, also beside those of 64 bits in one container.
 *
 * Their scenarios are in program_aarch32/, a program without a libc that is built into
 * this one: AARCH32_PROGRAM. It is empty where there was no compiler for it.
 */
#include "fault.h"

#ifdef __aarch64__
#include <elf.h>
#include <fcntl.h>

/* The program, see program_32.h. */
extern const char program_32[];
extern const uint32_t program_32_size;

/* Numbers of system calls, as 32-bit programs have them. */
#define AARCH32_poll			168
#define AARCH32_epoll_wait		252
/* With 64-bit times. */
#define AARCH32_clock_nanosleep		407
#define AARCH32_rt_sigtimedwait		421
#define AARCH32_futex			422

/* What the program exits with that is told of no scenario. */
#define NO_SCENARIO	97

/* Does this machine run it? It is asked once for each test, before there is any scenario. */
static bool runs_program(void)
{
	char *const argv[] = { "aarch32", NULL };
	int fd = memfd_create("aarch32", MFD_CLOEXEC), status;
	pid_t pid;

	if (fd < 0 || write(fd, program_32, program_32_size) != program_32_size)
		return false;
	pid = fork();
	if (!pid) {
		syscall(__NR_execveat, fd, "", argv, argv + 1, AT_EMPTY_PATH);
		_exit(1);
	}
	close(fd);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == NO_SCENARIO;
}

#define AARCH32_BEGIN() do {						\
	CKPT_BEGIN();							\
	if (!program_32_size)						\
		SKIP(return, "no 32-bit program could be built (clang)"); \
	if (!runs_program())						\
		SKIP(return, "this machine runs no 32-bit programs");	\
} while (0)

CKPT_FIXTURE_IF(AARCH32_BEGIN)

#define PROGRAM_32	AARCH32_PROGRAM
#define CHILD_SCENARIO	"thread_pointers"
#include "program_32.h"

PROGRAM(registers_in_loop)
PROGRAM(registers_in_thumb_loop)
PROGRAM(registers_in_call, .flags = SC_IA32,
	.blocked = { BLOCKED(AARCH32_futex), BLOCKED(AARCH32_futex) })
PROGRAM(registers_in_handler)
PROGRAM(sleep_with_remainder, .flags = SC_IA32,
	.blocked = { BLOCKED(AARCH32_clock_nanosleep), BLOCKED(AARCH32_futex) })
PROGRAM(sleep_in_thumb, .flags = SC_IA32,
	.blocked = { BLOCKED(AARCH32_clock_nanosleep), BLOCKED(AARCH32_futex) })
PROGRAM(poll_in_progress, .flags = SC_IA32,
	.blocked = { BLOCKED(AARCH32_poll), BLOCKED(AARCH32_futex) })
PROGRAM(futex_in_progress, .flags = SC_IA32,
	.blocked = { BLOCKED(AARCH32_futex), BLOCKED(AARCH32_futex), BLOCKED(AARCH32_futex) })
PROGRAM(waits_of_a_freeze, .flags = SC_IA32,
	.blocked = { BLOCKED(AARCH32_epoll_wait), BLOCKED(AARCH32_rt_sigtimedwait),
		     BLOCKED(AARCH32_futex) })
PROGRAM(handler_on_stack)
PROGRAM(thread_pointers)
PROGRAM(kernel_helpers)
PROGRAM(vdso_calls)
PROGRAM(robust_list)
PROGRAM(places)
PROGRAM(pages_that_moved)
PROGRAM(family)

/* ---- hostile images -------------------------------------------------- */

#define MM		IMAGE_KIND_MM
#define MM_MODE		(IMAGE_AT(mm, context))
#define MM_SIGPAGE	(IMAGE_AT(mm, context) + 8)
#define MM_PAGES	(IMAGE_AT(mm, context) + 16)
#define MM_REST		(IMAGE_AT(mm, context) + 24)
#define MM_CRC		IMAGE_AT(mm, vdso_crc)
#define MM_CODE		IMAGE_AT(mm, vdso_code)
#define NT_AARCH32	0x434b0004
#define PC		(32 * 8)	/* In NT_PRSTATUS. */
#define PSTATE		(33 * 8)

#define HOSTILE(...) ASSERT_EQ(0, image_hostile(&run, &im, image, __VA_ARGS__))

#define HOSTILE_BEGIN(_scenario)					\
	int image = ckpt_image_new();					\
	struct ckpt_run run;						\
	struct image im;						\
	if (getenv("CKPT_BASELINE"))					\
		SKIP(return, "needs checkpoint(2)");			\
	if (variant->container)						\
		SKIP(return, "done with a subtree");			\
	ASSERT_EQ(0, ckpt_run_init(&run, &_scenario, false));		\
	ASSERT_EQ(0, ckpt_run_start(&run));				\
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL)); \
	ASSERT_EQ(0, image_load(&im, image))

TEST_F_TIMEOUT(cr, hostile_images, CKPT_TIMEOUT)
{
	static const char mode[] = "address space: impossible architecture state";
	static const char pages[] = "this kernel has no such pages: [vectors] or [sigpage]";
	static const char vdso[] = "comes from another build of the kernel: its vDSO differs";
	static const char wide[] = "register note NT_PRSTATUS: more than 32 bits in a register";
	static const char state[] = "register note NT_PRSTATUS: privileged bits in pstate";
	static const char place[] = "register note NT_PRSTATUS: address outside of user space";
	static const char own[] = "register note NT_CKPT_ARM_AARCH32: more than 32 bits";
	size_t mm, regs;
	uint32_t crc;

	HOSTILE_BEGIN(kernel_helpers);
	mm = image_body(&im, MM);
	regs = image_find_note(&im, NT_PRSTATUS);
	ASSERT_NE(0u, regs);
	ASSERT_NE(0u, image_find_note(&im, NT_AARCH32));
	/* A 32-bit task can't become a 64-bit one. */
	HOSTILE(mm + MM_MODE, 0, 8, mode);
	HOSTILE(mm + MM_MODE, 3, 8, mode);
	HOSTILE(mm + MM_MODE, 1ull << 63 | 1, 8, mode);
	HOSTILE(mm + MM_SIGPAGE, 1ull << 32, 8, mode);
	HOSTILE(mm + MM_REST, 1, 8, mode);
	HOSTILE(mm + MM_PAGES, ~image_get(&im, mm + MM_PAGES, 4), 4, pages);
	HOSTILE(mm + MM_PAGES + 4, ~image_get(&im, mm + MM_PAGES + 4, 4), 4, pages);
	/* Another vDSO, of which there is no code. */
	crc = image_get(&im, mm + MM_CRC, 4);
	ASSERT_NE(0u, image_get(&im, mm + MM_CODE, 4));
	image_put32(&im, mm + MM_CRC, ~crc);
	HOSTILE(mm + MM_CODE, 0, 4, vdso);
	image_put32(&im, mm + MM_CRC, crc);
	HOSTILE(regs + 4, 1, 4, wide);
	HOSTILE(regs + 14 * 8, 1ull << 63, 8, wide);
	HOSTILE(regs + PC, 1ull << 32, 8, place);
	/* Of 64 bits; of another mode; with interrupts off. */
	HOSTILE(regs + PSTATE, 0, 8, state);
	HOSTILE(regs + PSTATE, 0x11, 8, state);
	HOSTILE(regs + PSTATE, 0x13, 8, state);
	HOSTILE(regs + PSTATE, 0x90, 8, state);
	HOSTILE(image_find_note(&im, NT_AARCH32), 1ull << 32, 8, own);
	ASSERT_EQ(0, image_works(&run, &im, image));
	ckpt_run_fini(&run);
}

/* A task in the middle of a jump to another vDSO, and one whose code is of the other kind. */
TEST_F_TIMEOUT(cr, within_a_jump, CKPT_TIMEOUT)
{
	size_t mm, regs, symbol;
	uint64_t entry;
	uint32_t crc;

	HOSTILE_BEGIN(vdso_calls);
	mm = image_body(&im, MM);
	regs = image_find_note(&im, NT_PRSTATUS);
	ASSERT_NE(0u, regs);
	entry = run.saved.value[0];
	symbol = image_body(&im, IMAGE_KIND_VDSO);
	symbol += sizeof(struct image_vdso) + image_get(&im, symbol + IMAGE_AT(vdso, data_len), 4) +
		  run.saved.value[1];
	ASSERT_LT(symbol, im.size);
	ASSERT_EQ(entry % 4096, image_get(&im, symbol, 4) % 4096);
	crc = image_get(&im, mm + MM_CRC, 4);
	image_put32(&im, mm + MM_CRC, ~crc);
	HOSTILE(regs + PC, (entry & ~1ull) + 2, 8, "was interrupted at ");
	HOSTILE(symbol, image_get(&im, symbol, 4) ^ 1, 4,
		"__vdso_clock_gettime64 has other instructions than this kernel's (Thumb)");
	image_put32(&im, mm + MM_CRC, crc);
	ASSERT_EQ(0, image_works(&run, &im, image));
	ckpt_run_fini(&run);
}

/* The same, of which the frame of a signal handler tells. */
CKPT_SCENARIO(handler_returns_to_entry)
{
	exec_program("handler_returns_to_entry", NULL);
}

TEST_F_TIMEOUT(cr, handler_returns_to_entry, CKPT_TIMEOUT)
{
	size_t mm;

	HOSTILE_BEGIN(handler_returns_to_entry);
	mm = image_body(&im, MM);
	HOSTILE(mm + MM_CRC, ~image_get(&im, mm + MM_CRC, 4), 4,
		"has a signal handler that returns to ");
	/* It goes on with the vDSO that it had. */
	unsetenv("CKPT_VDSO");
	ASSERT_EQ(0, image_works(&run, &im, image));
	ckpt_run_fini(&run);
}

CKPT_SCENARIO(native)
{
	ckpt_ready_wait();
}

TEST_F_TIMEOUT(cr, hostile_images_of_64_bits, CKPT_TIMEOUT)
{
	size_t mm, regs;

	HOSTILE_BEGIN(native);
	mm = image_body(&im, MM);
	regs = image_find_note(&im, NT_PRSTATUS);
	ASSERT_NE(0u, regs);
	HOSTILE(mm + MM_MODE, 1, 8, "this kernel has no such pages: [vectors] or [sigpage]");
	HOSTILE(mm + MM_SIGPAGE, 4096, 8, "address space: impossible architecture state");
	HOSTILE(regs + PSTATE, 0x10, 8, "register note NT_PRSTATUS: privileged bits in pstate");
	ASSERT_EQ(0, image_works(&run, &im, image));
	ckpt_run_fini(&run);
}

#else /* !__aarch64__ */

TEST(aarch32)
{
	SKIP(return, "not arm64");
}

#endif

TEST_HARNESS_MAIN
