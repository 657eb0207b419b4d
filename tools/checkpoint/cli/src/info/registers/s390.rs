// SPDX-License-Identifier: GPL-2.0

//! Register notes of s390 (regsets of arch/s390/kernel/ptrace.c; structures of
//! arch/s390/include/uapi/asm/). They are big-endian.

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

/// `s390_regs`, ptrace.h.
const GENERAL: &[Part] = &[
    Each(&["psw_mask", "psw_addr"], 8),
    Row("r#", 0..16, 8),
    Row("a#", 0..16, 4),
    One("orig_r2", 8),
];

/// `s390_fp_regs`, ptrace.h.
const FLOAT: &[Part] = &[One("fpc", 4), Gap(4), Row("f#", 0..16, 8)];

/// A transaction diagnostic block: what it is, abort code, conflict token, address of the
/// aborted instruction, details, general registers.
const TDB: &[Part] = &[
    Each(&["tdb0", "tac", "tct", "atia"], 8),
    Row("tdb#", 4..16, 8),
    Row("tr#", 0..16, 8),
];

/// `struct gs_cb`, guarded_storage.h.
const GUARDED: &[Part] = &[Gap(8), Each(&["gsd", "gssm", "gs_epl_a"], 8)];

/// The notes.
pub(super) const SETS: &[Set] = &[
    Set::core(NT_PRSTATUS, "NT_PRSTATUS", GENERAL),
    Set::core(NT_PRFPREG, "NT_PRFPREG", FLOAT),
    Set::linux(0x306, "NT_S390_LAST_BREAK", &[One("last_break", 8)]),
    Set::linux(0x307, "NT_S390_SYSTEM_CALL", &[One("system_call", 4)]),
    Set::linux(0x308, "NT_S390_TDB", TDB),
    // The halves that are no floating-point registers.
    Set::linux(0x309, "NT_S390_VXRS_LOW", &[Row("v#l", 0..16, 8)]),
    Set::linux(0x30a, "NT_S390_VXRS_HIGH", &[Row("v#", 16..32, 16)]),
    Set::linux(0x30b, "NT_S390_GS_CB", GUARDED),
    Set::linux(0x30c, "NT_S390_GS_BC", GUARDED),
];
