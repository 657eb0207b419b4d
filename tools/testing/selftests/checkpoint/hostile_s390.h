/* SPDX-License-Identifier: GPL-2.0 */
/* Values of registers of s390 that no task may be given, see fault_registers.c. */
#ifndef CKPT_HOSTILE_S390_H
#define CKPT_HOSTILE_S390_H

#define HOSTILE_SYSTEM_CALL	0x307

/* Access-register mode, which programs may switch on: it is the end of QEMU. Bit 6 of byte 2. */
#define NOT_FLIPPED	(2 * 8 + 6)

#define MASK(value)	{ NT_PRSTATUS, 0, 8, value, "privileged bits in the program status word" }
#define FPC(value)	{ NT_PRFPREG, 0, 4, value, "impossible floating point control" }
#define CALL(value)	{ HOSTILE_SYSTEM_CALL, 0, 4, value, "impossible system call" }
/* What is always set in the mask of a user's program status word, and 64-bit addressing. */
#define USER		(0x0705000000000000 | AMODE_64)
#define AMODE_64	0x0000000180000000

static const struct hostile hostile[] = {
	/* Supervisor state, key 0 and others, no address translation, no interrupts, waiting. */
	MASK(USER & ~(1ull << 48)), MASK(USER | 1ull << 52), MASK(USER | 1ull << 55),
	MASK(USER & ~(1ull << 58)), MASK(USER & ~(1ull << 57)), MASK(USER & ~(1ull << 56)),
	MASK(USER & ~(1ull << 50)), MASK(USER | 1ull << 49),
	/* Program event recording, runtime instrumentation, bits that must be zero. */
	MASK(USER | 1ull << 62), MASK(USER | 1ull << 39), MASK(USER | 1ull << 63),
	MASK(USER | 1), MASK(0), MASK(~0ull),
	{ NT_PRSTATUS, 0, 8, USER | 3ull << 46,
	  "the program status word has the kernel's address space" },
	{ NT_PRSTATUS, 0, 8, USER & ~(1ull << 31),
	  "the program status word has no possible addressing mode" },
	FPC(1u << 25), FPC(1u << 24), FPC(1u << 17), FPC(1u << 16), FPC(1u << 7), FPC(1u << 3),
	FPC(4), FPC(5), FPC(6), FPC(~0u),
	{ NT_PRFPREG, 4, 4, 1, "impossible floating point control" },
	CALL(238), CALL(0x100ee), CALL(0x300ee), CALL(0x80000), CALL(0x10002), CALL(~0u),
};

#endif /* CKPT_HOSTILE_S390_H */
