// SPDX-License-Identifier: GPL-2.0
/*
 * A program of the x32 ABI, see refuse_x32.c: it maps the file that is its standard input, says in
 * its first byte that it is there, and exits when the second one says so.  Meanwhile
 * it makes no system call.
 */

/* Number of a system call, as asm/unistd_x32.h has it. */
#define X32(nr)		(0x40000000 | (nr))
#define X32_mmap	X32(9)
#define X32_exit_group	X32(231)

#define PAGE		4096
#define READ_WRITE	3
#define SHARED		1

/* Registers have 64 bits, as in all programs of this machine. */
#define word	long long

static word call(word nr, word a, word b, word c, word d, word e, word f)
{
	register word r10 asm("r10") = d;
	register word r8 asm("r8") = e;
	register word r9 asm("r9") = f;
	word ret;

	asm volatile("syscall" : "=a" (ret)
		     : "a" (nr), "D" (a), "S" (b), "d" (c), "r" (r10), "r" (r8), "r" (r9)
		     : "rcx", "r11", "memory");
	return ret;
}

__attribute__((noreturn)) void _start(void)
{
	word at = call(X32_mmap, 0, PAGE, READ_WRITE, SHARED, 0, 0);
	volatile char *shared = (volatile char *)(unsigned long)at;

	if (sizeof(shared) != 4 || at < 0 || at >> 32)
		call(X32_exit_group, 1, 0, 0, 0, 0, 0);
	shared[0] = 1;
	while (!shared[1])
		asm volatile("pause");
	for (;;)
		call(X32_exit_group, 0, 0, 0, 0, 0, 0);
}
