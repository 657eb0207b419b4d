/* SPDX-License-Identifier: GPL-2.0 */
/* Values of registers of ppc64le that no task may be given, see fault_registers.c. */
#ifndef CKPT_HOSTILE_POWERPC_H
#define CKPT_HOSTILE_POWERPC_H

#define NT_CKPT_PPC_PRCTL	0x434b0000

/* 64 bits, interrupts, user mode, machine checks, translation, recoverable, little-endian. */
#define MSR_OF_USERS	0x800000000000d033

#define GENERAL(n, value, what)	{ NT_PRSTATUS, 8 * (n), 8, value, what }
#define MSR(change)	GENERAL(33, MSR_OF_USERS ^ (change), "privileged or impossible bits")
#define ADDRESS(value)	GENERAL(32, value, "address outside of user space")
#define TRAP(value)	GENERAL(40, value, "impossible trap number")

static const struct hostile hostile[] = {
	ADDRESS(1ull << 52), ADDRESS(1ull << 63), ADDRESS(0xc000000000000000),
	/* Without user mode, interrupts, translation; 32 bits; big-endian. */
	MSR(0x4000), MSR(0x8000), MSR(0x30), MSR(1ull << 63), MSR(1), MSR(2),
	/* Hypervisor; transactions; single step; registers that the CPU does not have. */
	MSR(1ull << 60), MSR(1ull << 32), MSR(1ull << 33), MSR(1ull << 34), MSR(0x400),
	MSR(0x200), MSR(0x2000), MSR(0x2000000), MSR(0x800000), MSR(4), MSR(8),
	TRAP(0xc02), TRAP(0xc08), TRAP(0x10c00), TRAP(0x8000000000000c00),
	{ NT_PPC_PPR, 0, 8, 1ull << 49, "impossible program priority" },
	{ NT_PPC_PPR, 0, 8, 1ull << 53, "impossible program priority" },
	{ NT_PPC_PPR, 0, 8, 5ull << 50, "program priority that needs privileges" },
	{ NT_PPC_PPR, 0, 8, 7ull << 50, "program priority that needs privileges" },
	{ NT_PPC_DEXCR, 0, 8, 0xffffffff, "bits of the DEXCR" },
	{ NT_PPC_DEXCR, 0, 8, 1ull << 63, "bits of the DEXCR" },
	{ NT_CKPT_PPC_PRCTL, 0, 8, 1ull << 32, "impossible alignment control" },
	{ NT_CKPT_PPC_PRCTL, 8, 8, 0xffffffff, "bits of the DEXCR" },
	{ NT_CKPT_PPC_PRCTL, 8, 8, 1ull << 63, "bits of the DEXCR" },
};

#endif /* CKPT_HOSTILE_POWERPC_H */
