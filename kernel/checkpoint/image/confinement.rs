// SPDX-License-Identifier: GPL-2.0

//! Records of what confined the tasks from outside.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::layout::{
    flags,
    record,
    structure, //
};

pub(super) mod check;

/// Most ranges of user ids, or of group ids, of a user namespace.
pub const ID_RANGES_MAX: usize = 340;

/// Longest security label, in bytes.
pub const LABEL_MAX: usize = 4096;

/// Most security labels of a task.
pub const LABELS_MAX: u32 = 8;

flags! {
    "Confinement.flags": u64, CONFINEMENT_FLAG_LIST, CONFINEMENT_FLAGS;
    /// The tasks were in the initial user namespace.
    CONFINEMENT_INIT_USER_NS = 1 << 0,
    /// The system calls of the root task were restricted (seccomp): what restricts the tasks is in the
    /// image.
    CONFINEMENT_SECCOMP = 1 << 1,
    /// They were restricted by Landlock.
    CONFINEMENT_LANDLOCK = 1 << 2,
    /// They were restricted in their use of io_uring.
    CONFINEMENT_IO_URING = 1 << 3,
    /// They shared cores with some tasks only (core scheduling).
    CONFINEMENT_CORE = 1 << 4,
    /// They were restricted by access rules of their own (Smack's load-self).
    CONFINEMENT_SMACK_RULES = 1 << 5,
}

record! {
    /// What confined the tasks, all of them alike; the second record. Payload: [`IdRange`]s, of user
    /// ids and then of group ids. As many [`Label`] records follow as it says.
    #[record(Confinement = 192, "confinement", min = 24, check = confinement)]
    pub struct Confinement {
        /// `CONFINEMENT_*`.
        pub flags: U64,
        /// Number of ranges of user ids.
        pub uid_ranges: U32,
        /// Number of ranges of group ids.
        pub gid_ranges: U32,
        /// Number of [`Label`] records.
        pub labels: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// Ids that a user namespace maps, as /proc/PID/uid_map shows them to the host. Those of one kind
    /// are in ascending order, and do not overlap.
    #[derive(PartialEq, Eq)]
    pub struct IdRange {
        /// First id in the namespace.
        pub first: U32,
        /// First id of the host.
        pub host: U32,
        /// Number of ids.
        pub count: U32,
    }
}

record! {
    /// The label that a security module gave the tasks; payload: the label.
    #[record(Label = 193, "security label", min = 8, check = label)]
    pub struct Label {
        /// Number of the module: `LSM_ID_*`.
        pub module: U32,
        /// Zero.
        pub reserved: U32,
    }
}
