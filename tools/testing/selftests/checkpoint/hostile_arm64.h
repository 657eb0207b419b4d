/* SPDX-License-Identifier: GPL-2.0 */
/* Values of registers of arm64 that no task may be given, see fault_registers.c. */
#ifndef CKPT_HOSTILE_ARM64_H
#define CKPT_HOSTILE_ARM64_H

#ifndef NT_ARM_SVE
#define NT_ARM_SVE		0x405
#endif
#define HOSTILE_PAC_MASK	0x406
#define HOSTILE_TAGGED_ADDR	0x409
#define HOSTILE_ENABLED_KEYS	0x40a
#define HOSTILE_SSVE		0x40b
#define HOSTILE_ZA		0x40c
#define HOSTILE_GCS		0x410

#define PC(value)	{ NT_PRSTATUS, 256, 8, value, "address outside of user space" }
#define PSTATE(value)	{ NT_PRSTATUS, 264, 8, value, "privileged bits in pstate" }
/* Of the header of a note with vectors. */
#define SIZE(note, value)	{ note, 0, 4, value, "register set of wrong size" }
#define LENGTH(note, value)	{ note, 8, 2, value, "this CPU has no vectors of that length" }
#define FLAGS(note, value)	{ note, 12, 2, value, "unknown flags" }
#define RESERVED(note)		{ note, 14, 2, 1, "unknown flags" }
#define VECTORS(note)							\
	SIZE(note, 0xffffffff), SIZE(note, 17),				\
	LENGTH(note, 0), LENGTH(note, 8), LENGTH(note, 17), LENGTH(note, 8192), \
	LENGTH(note, 0xffff), FLAGS(note, 4), FLAGS(note, 0x8000), RESERVED(note)

static const struct hostile hostile[] = {
	PC(1ull << 52), PC(1ull << 63), PC(0xffff800080000000), PC(~0ull),
	/* EL1, EL2, EL3, AArch32; interrupts off; illegal; PAN, UAO; beyond 32 bits. */
	PSTATE(4), PSTATE(5), PSTATE(9), PSTATE(13), PSTATE(0x10), PSTATE(0x1f),
	PSTATE(1 << 6), PSTATE(1 << 7), PSTATE(1 << 8), PSTATE(1 << 9), PSTATE(1 << 20),
	PSTATE(1 << 22), PSTATE(1 << 23), PSTATE(1ull << 32), PSTATE(1ull << 63),
	VECTORS(NT_ARM_SVE), SIZE(NT_ARM_SVE, 0),
	VECTORS(HOSTILE_SSVE),
	VECTORS(HOSTILE_ZA), FLAGS(HOSTILE_ZA, 1),
	{ HOSTILE_PAC_MASK, 0, 8, 0, "signatures in pointers lie in other bits" },
	{ HOSTILE_PAC_MASK, 0, 8, ~0ull, "signatures in pointers lie in other bits" },
	{ HOSTILE_ENABLED_KEYS, 0, 8, 1 << 4, "unknown keys" },
	{ HOSTILE_ENABLED_KEYS, 0, 8, 1ull << 63, "unknown keys" },
	{ HOSTILE_TAGGED_ADDR, 0, 8, 1 << 30, "kinds of address tagging" },
	{ HOSTILE_TAGGED_ADDR, 0, 8, 1ull << 63, "kinds of address tagging" },
	{ HOSTILE_GCS, 0, 8, 1 << 3, "unknown modes of the guarded control stack" },
	{ HOSTILE_GCS, 0, 8, 1ull << 63, "unknown modes of the guarded control stack" },
};

#endif /* CKPT_HOSTILE_ARM64_H */
