/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of 32-bit programs have in common. Who includes this has the file with the program
 * as PROGRAM_32, which is empty where there was no compiler for it, and as CHILD_SCENARIO one of
 * its scenarios that raises counter 0 in four threads.
 */
#ifndef CKPT_PROGRAM_32_TEST_H
#define CKPT_PROGRAM_32_TEST_H

#include <fcntl.h>

asm(
"	.section .rodata\n"
"	.globl program_32, program_32_size\n"
"	.balign 4\n"
"program_32_size: .long 1f - program_32\n"
"program_32: .incbin \"" PROGRAM_32 "\"\n"
"1:	.previous\n"
);
extern const char program_32[];
extern const uint32_t program_32_size;

/* Becomes the 32-bit program; @child: NULL, or a word if it is not the root. */
static void exec_program(const char *scenario, const char *child)
{
	char path[320], board_file[sizeof(path)];
	size_t len;
	int fd;

	ckpt_path(path, sizeof(path), "program");
	/* The board's own name: what the others begin with. */
	snprintf(board_file, sizeof(board_file), "%s", path);
	len = strlen(board_file) - strlen(".program");
	board_file[len] = 0;
	fd = CHECK_SYS(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700));
	CHECK_EQ(program_32_size, write(fd, program_32, program_32_size));
	CHECK_SYS(close(fd));
	CHECK_SYS(execl(path, "program", scenario, board_file, child, NULL));
}

#define PROGRAM_TEST(_name)						\
	TEST_F_TIMEOUT(cr, _name, CKPT_TIMEOUT)				\
	{								\
		if (!program_32_size)					\
			SKIP(return, "no 32-bit program could be built (clang, nolibc)"); \
		ASSERT_EQ(0, ckpt_cycle(&_name, variant->container));	\
	}

/* The root of the tree is a 32-bit program. */
#define PROGRAM(_name, ...)						\
	CKPT_SCENARIO(_name, __VA_ARGS__)				\
	{								\
		exec_program(#_name, NULL);				\
	}								\
	PROGRAM_TEST(_name)

static int in_program(void *arg)
{
	exec_program(arg, "child");
	return 1;
}

/* What a page is not larger than. */
#define PLACE	65536

/* A 64-bit parent, which proves nothing but that it is one. */
CKPT_SCENARIO(parent_of_both)
{
	char *at = mmap((void *)0x100000000, PLACE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	pid_t program, native;

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	*at = 'b';
	program = ckpt_fork(in_program, CHILD_SCENARIO);
	native = ckpt_fork(ckpt_child_waits, NULL);
	ckpt_step_wait(0, 5);
	ckpt_ready_wait();
	CHECK_EQ('b', *at);
	ckpt_wait_exit(native, 0);
	ckpt_wait_exit(program, 0);
	/* Where no 32-bit program could map anything. */
	CHECK_EQ(at + PLACE, mmap(at + PLACE, PLACE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
				  MAP_FIXED_NOREPLACE, -1, 0));
}

PROGRAM_TEST(parent_of_both)

#endif /* CKPT_PROGRAM_32_TEST_H */
