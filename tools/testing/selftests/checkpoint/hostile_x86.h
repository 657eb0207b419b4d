/* SPDX-License-Identifier: GPL-2.0 */
/* Values of registers of x86-64 that no task may be given, see fault_registers.c. */
#ifndef CKPT_HOSTILE_X86_H
#define CKPT_HOSTILE_X86_H

#include <sys/user.h>

#define GENERAL(reg, value, what) \
	{ NT_PRSTATUS, offsetof(struct user_regs_struct, reg), 8, value, what }
#define ADDRESS(reg) \
	GENERAL(reg, 0x8000000000000000, "address outside of user space"), \
	GENERAL(reg, 0x0100000000000000, "address outside of user space"), \
	GENERAL(reg, 0xffffffff81000000, "address outside of user space")
#define SEGMENT(reg, value) \
	GENERAL(reg, value, "code or stack segment")
#define DATA_SEGMENT(reg) \
	GENERAL(reg, 0x18, "data segment"), \
	GENERAL(reg, 0x1002b, "data segment")
#define FLAGS(value) \
	GENERAL(eflags, value, "privileged bits in the flags register")
#define XSTATE(at, len, value, what) \
	{ NT_X86_XSTATE, at, len, value, what }

static const struct hostile hostile[] = {
	ADDRESS(rip), ADDRESS(fs_base), ADDRESS(gs_base),
	/* Those of the kernel, none, and more than 16 bits. */
	SEGMENT(cs, 0x10), SEGMENT(cs, 0), SEGMENT(cs, 0x10033), SEGMENT(cs, 0x2b),
	SEGMENT(ss, 0x18), SEGMENT(ss, 0), SEGMENT(ss, 0x1002b), SEGMENT(ss, 0x33),
	DATA_SEGMENT(ds), DATA_SEGMENT(es), DATA_SEGMENT(fs), DATA_SEGMENT(gs),
	/* IF missing; bit 1 is always set; IOPL; virtual 8086 mode; VIF; VIP; more. */
	FLAGS(0x002), FLAGS(0x1202), FLAGS(0x3202), FLAGS(0x20202), FLAGS(0x80202),
	FLAGS(0x100202), FLAGS(0x80000202), FLAGS(0x100000202),
	/* MXCSR; features; compaction; the rest of the header. */
	XSTATE(24, 4, 0xffff1f80, "reserved bits"),
	XSTATE(512, 8, 1ull << 63, "features that this CPU or kernel lacks"),
	XSTATE(512, 8, 1ull << 11, "features that this CPU or kernel lacks"),
	XSTATE(520, 8, 1ull << 63, "header"),
	XSTATE(528, 8, 1, "header"),
	XSTATE(568, 8, 1, "header"),
};

#endif /* CKPT_HOSTILE_X86_H */
