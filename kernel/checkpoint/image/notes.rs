// SPDX-License-Identifier: GPL-2.0

//! Names of register notes.

macro_rules! notes {
    ($($name:ident = $number:literal,)*) => {
        /// Returns the name of the register note with number `note_type`; the numbers are those of
        /// ELF core files, and differ between architectures.
        pub const fn name(note_type: u32) -> Option<&'static str> {
            match note_type {
                $($number => Some(stringify!($name)),)*
                _ => None,
            }
        }

        /// Returns what is wrong if there are two notes with number `note_type`.
        pub const fn twice(note_type: u32) -> &'static str {
            match note_type {
                $($number => concat!("two register notes ", stringify!($name)),)*
                _ => "two register notes of one type",
            }
        }
    };
}

notes! {
    NT_PRSTATUS = 1,
    NT_PRFPREG = 2,
    NT_PPC_VMX = 0x100,
    NT_PPC_SPE = 0x101,
    NT_PPC_VSX = 0x102,
    NT_PPC_TAR = 0x103,
    NT_PPC_PPR = 0x104,
    NT_PPC_DSCR = 0x105,
    NT_PPC_EBB = 0x106,
    NT_PPC_PMU = 0x107,
    NT_PPC_TM_CGPR = 0x108,
    NT_PPC_TM_CFPR = 0x109,
    NT_PPC_TM_CVMX = 0x10a,
    NT_PPC_TM_CVSX = 0x10b,
    NT_PPC_TM_SPR = 0x10c,
    NT_PPC_TM_CTAR = 0x10d,
    NT_PPC_TM_CPPR = 0x10e,
    NT_PPC_TM_CDSCR = 0x10f,
    NT_PPC_PKEY = 0x110,
    NT_PPC_DEXCR = 0x111,
    NT_PPC_HASHKEYR = 0x112,
    NT_386_TLS = 0x200,
    NT_386_IOPERM = 0x201,
    NT_X86_XSTATE = 0x202,
    NT_X86_SHSTK = 0x204,
    NT_S390_HIGH_GPRS = 0x300,
    NT_S390_TIMER = 0x301,
    NT_S390_TODCMP = 0x302,
    NT_S390_TODPREG = 0x303,
    NT_S390_CTRS = 0x304,
    NT_S390_PREFIX = 0x305,
    NT_S390_LAST_BREAK = 0x306,
    NT_S390_SYSTEM_CALL = 0x307,
    NT_S390_TDB = 0x308,
    NT_S390_VXRS_LOW = 0x309,
    NT_S390_VXRS_HIGH = 0x30a,
    NT_S390_GS_CB = 0x30b,
    NT_S390_GS_BC = 0x30c,
    NT_S390_RI_CB = 0x30d,
    NT_S390_PV_CPU_DATA = 0x30e,
    NT_ARM_VFP = 0x400,
    NT_ARM_TLS = 0x401,
    NT_ARM_HW_BREAK = 0x402,
    NT_ARM_HW_WATCH = 0x403,
    NT_ARM_SYSTEM_CALL = 0x404,
    NT_ARM_SVE = 0x405,
    NT_ARM_PAC_MASK = 0x406,
    NT_ARM_PACA_KEYS = 0x407,
    NT_ARM_PACG_KEYS = 0x408,
    NT_ARM_TAGGED_ADDR_CTRL = 0x409,
    NT_ARM_PAC_ENABLED_KEYS = 0x40a,
    NT_ARM_SSVE = 0x40b,
    NT_ARM_ZA = 0x40c,
    NT_ARM_ZT = 0x40d,
    NT_ARM_FPMR = 0x40e,
    NT_ARM_POE = 0x40f,
    NT_ARM_GCS = 0x410,
    NT_CKPT_PPC_PRCTL = 0x434b_0000,
    NT_CKPT_ARM_GCS = 0x434b_0001,
    NT_CKPT_X86_CALL = 0x434b_0002,
    NT_CKPT_ARM_STOP = 0x434b_0003,
    NT_CKPT_ARM_AARCH32 = 0x434b_0004,
}
