// SPDX-License-Identifier: GPL-2.0

//! Records of seccomp: which system calls tasks may make.

use zerocopy::byteorder::little_endian::{
    U16,
    U32, //
};

use super::layout::{
    flags,
    record,
    structure,
    values, //
};

pub(super) mod check;

/// Most instructions of a filter.
pub const INSTRUCTIONS_MAX: usize = 4096;

/// Most instructions of a filter and those before it together, each of which counts
/// [`FILTER_COST`] more.
pub const PATH_MAX: u32 = 32768;

/// What a filter counts besides its instructions.
pub const FILTER_COST: u32 = 4;

flags! {
    "SeccompFilter.flags": u32, SECCOMP_FILTER_FLAG_LIST, SECCOMP_FILTER_FLAGS;
    /// All actions but SECCOMP_RET_ALLOW are logged.
    SECCOMP_FILTER_LOG = 1 << 0,
}

record! {
    /// A filter of system calls; payload: its program as [`Instruction`]s. Tasks that were forked, or
    /// synchronized, share filters: those of all are trees.
    #[record(SeccompFilter = 25, "seccomp filter", min = 16, check = seccomp_filter, object = filter)]
    pub struct SeccompFilter {
        /// Reference of this object.
        pub obj: U32,
        /// The filter that was there before it, whose record comes before; 0: none.
        pub parent: U32,
        /// `SECCOMP_FILTER_*`.
        pub flags: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// An instruction of classic BPF.
    #[derive(PartialEq, Eq)]
    pub struct Instruction {
        /// What it does.
        pub code: U16,
        /// Instructions to skip if a condition is true.
        pub jt: u8,
        /// The same if it is false.
        pub jf: u8,
        /// Operand.
        pub k: U32,
    }
}

values! {
    "Seccomp.mode": u32, SECCOMP_MODES;
    /// read, write, exit and sigreturn only.
    SECCOMP_STRICT = 1,
    /// What `filter` and those before it allow.
    SECCOMP_FILTERED = 2,
}

record! {
    /// That the system calls of a thread are restricted.
    #[record(Seccomp = 26, "seccomp", min = 16, check = seccomp)]
    pub struct Seccomp {
        /// The thread.
        pub tid: U32,
        /// `SECCOMP_STRICT`, ...
        pub mode: U32,
        /// The newest filter; 0 with `SECCOMP_STRICT`.
        pub filter: U32,
        /// Zero.
        pub reserved: U32,
    }
}
