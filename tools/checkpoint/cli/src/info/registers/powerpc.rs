// SPDX-License-Identifier: GPL-2.0

//! Register notes of powerpc (regsets of arch/powerpc/kernel/ptrace/ptrace-view.c).

use super::{
    Part::{
        self,
        Each,
        Gap,
        One,
        Row, //
    },
    Set,
    NT_PRFPREG,
    NT_PRSTATUS, //
};

/// `struct user_pt_regs`, arch/powerpc/include/uapi/asm/ptrace.h, padded to `ELF_NGREG` words.
const GENERAL: &[Part] = &[
    Row("r#", 0..32, 8),
    Each(
        &[
            "nip", "msr", "orig_r3", "ctr", "link", "xer", "ccr", "softe", "trap", "dar", "dsisr",
            "result",
        ],
        8,
    ),
    Gap(32),
];

/// ptrace-vsx.c, fpr_get().
const FLOAT: &[Part] = &[Row("f#", 0..32, 8), One("fpscr", 8)];

/// ptrace-altivec.c, vr_get().
const VMX: &[Part] = &[
    Row("v#", 0..32, 16),
    One("vscr", 16),
    One("vrsave", 4),
    Gap(12),
];

/// ptrace-vsx.c, vsr_get(): that half of vs0 to vs31 which is not a floating-point register.
const VSX: &[Part] = &[Row("vs#l", 0..32, 8)];

/// The notes. Those of transactions hold what registers were before a transaction began.
pub(super) const SETS: &[Set] = &[
    Set::core(NT_PRSTATUS, "NT_PRSTATUS", GENERAL),
    Set::core(NT_PRFPREG, "NT_PRFPREG", FLOAT),
    Set::linux(0x100, "NT_PPC_VMX", VMX),
    Set::linux(0x102, "NT_PPC_VSX", VSX),
    Set::linux(0x103, "NT_PPC_TAR", &[One("tar", 8)]),
    Set::linux(0x104, "NT_PPC_PPR", &[One("ppr", 8)]),
    Set::linux(0x105, "NT_PPC_DSCR", &[One("dscr", 8)]),
    Set::linux(
        0x106,
        "NT_PPC_EBB",
        &[Each(&["ebbrr", "ebbhr", "bescr"], 8)],
    ),
    Set::linux(
        0x107,
        "NT_PPC_PMU",
        &[Each(&["siar", "sdar", "sier", "mmcr2", "mmcr0"], 8)],
    ),
    Set::linux(0x108, "NT_PPC_TM_CGPR", GENERAL),
    Set::linux(0x109, "NT_PPC_TM_CFPR", FLOAT),
    Set::linux(0x10a, "NT_PPC_TM_CVMX", VMX),
    Set::linux(0x10b, "NT_PPC_TM_CVSX", VSX),
    Set::linux(
        0x10c,
        "NT_PPC_TM_SPR",
        &[Each(&["tfhar", "texasr", "tfiar"], 8)],
    ),
    Set::linux(0x10d, "NT_PPC_TM_CTAR", &[One("tar", 8)]),
    Set::linux(0x10e, "NT_PPC_TM_CPPR", &[One("ppr", 8)]),
    Set::linux(0x10f, "NT_PPC_TM_CDSCR", &[One("dscr", 8)]),
    Set::linux(0x110, "NT_PPC_PKEY", &[Each(&["amr", "iamr", "uamor"], 8)]),
    Set::linux(0x111, "NT_PPC_DEXCR", &[Each(&["dexcr", "hdexcr"], 8)]),
    Set::linux(0x112, "NT_PPC_HASHKEYR", &[One("hashkeyr", 8)]),
    // PR_SET_UNALIGN and PR_PPC_SET_DEXCR: arch/powerpc/checkpoint/regs.rs.
    Set::image(
        0,
        "NT_CKPT_PPC_PRCTL",
        &[Each(&["align_ctl", "dexcr_onexec"], 8)],
    ),
];
