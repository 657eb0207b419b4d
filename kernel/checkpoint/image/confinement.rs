// SPDX-License-Identifier: GPL-2.0

//! Records of what confined the tasks from outside.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

use super::{
    kinds::Kind,
    record::Body, //
};

pub(super) mod check;

/// Most ranges of user ids, or of group ids, of a user namespace.
pub const ID_RANGES_MAX: usize = 340;

/// Longest security label, in bytes.
pub const LABEL_MAX: usize = 4096;

/// Most security labels of a task.
pub const LABELS_MAX: u32 = 8;

/// [`Confinement::flags`]: the tasks were in the initial user namespace.
pub const CONFINEMENT_INIT_USER_NS: u64 = 1 << 0;
/// [`Confinement::flags`]: their system calls were filtered (seccomp).
pub const CONFINEMENT_SECCOMP: u64 = 1 << 1;
/// [`Confinement::flags`]: they were restricted by Landlock.
pub const CONFINEMENT_LANDLOCK: u64 = 1 << 2;
/// [`Confinement::flags`]: they were restricted in their use of io_uring.
pub const CONFINEMENT_IO_URING: u64 = 1 << 3;
/// [`Confinement::flags`]: they shared cores with some tasks only (core scheduling).
pub const CONFINEMENT_CORE: u64 = 1 << 4;
/// All flags.
pub const CONFINEMENT_FLAGS: u64 = (1 << 5) - 1;

/// What confined the tasks, all of them alike; the second record. Payload: [`IdRange`]s, of user
/// ids and then of group ids. As many [`Label`] records follow as it says.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
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

impl Body for Confinement {
    const KIND: Kind = Kind::Confinement;
    const LEN_MIN: usize = 24;
}

/// Ids that a user namespace maps, as /proc/PID/uid_map shows them to the host. Those of one kind
/// are in ascending order, and do not overlap.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct IdRange {
    /// First id in the namespace.
    pub first: U32,
    /// First id of the host.
    pub host: U32,
    /// Number of ids.
    pub count: U32,
}

/// The label that a security module gave the tasks; payload: the label.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Label {
    /// Number of the module: `LSM_ID_*`.
    pub module: U32,
    /// Zero.
    pub reserved: U32,
}

impl Body for Label {
    const KIND: Kind = Kind::Label;
    const LEN_MIN: usize = 8;
}
