// SPDX-License-Identifier: GPL-2.0

//! Records of io_urings.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::{
    flags,
    record, //
};

pub(super) mod check;

/// Most submission queue entries.
pub const SQ_ENTRIES_MAX: u32 = 1 << 15;

/// Most completion queue entries.
pub const CQ_ENTRIES_MAX: u32 = 1 << 16;

/// Bits of [`Uring::setup`], as of io_uring_setup(2).
pub mod setup {
    /// IORING_SETUP_CQSIZE.
    pub const CQSIZE: u32 = 1 << 3;
    /// IORING_SETUP_CLAMP.
    pub const CLAMP: u32 = 1 << 4;
    /// IORING_SETUP_SUBMIT_ALL.
    pub const SUBMIT_ALL: u32 = 1 << 7;
    /// IORING_SETUP_COOP_TASKRUN.
    pub const COOP_TASKRUN: u32 = 1 << 8;
    /// IORING_SETUP_TASKRUN_FLAG: with the one before.
    pub const TASKRUN_FLAG: u32 = 1 << 9;
    /// IORING_SETUP_SQE128.
    pub const SQE128: u32 = 1 << 10;
    /// IORING_SETUP_CQE32.
    pub const CQE32: u32 = 1 << 11;
    /// IORING_SETUP_NO_SQARRAY.
    pub const NO_SQARRAY: u32 = 1 << 16;

    /// What an image can have.
    pub const ALL: u32 =
        CQSIZE | CLAMP | SUBMIT_ALL | COOP_TASKRUN | TASKRUN_FLAG | SQE128 | CQE32 | NO_SQARRAY;
}

flags! {
    "Uring.flags": u32, URING_FLAG_LIST, URING_FLAGS;
    /// IOSQE_CQE_SKIP_SUCCESS was used, so that IOSQE_IO_DRAIN can't be any more.
    URING_DRAIN_DISABLED = 1 << 0,
}

record! {
    /// An io_uring with nothing in flight and nothing registered; payload: its rings and then its
    /// submission queue entries, whole pages each.
    #[record(Uring = 191, "io_uring", min = 32, check = uring, object)]
    pub struct Uring {
        /// Reference of this object.
        pub obj: U32,
        /// IORING_SETUP_*, as of io_uring_setup(2).
        pub setup: U32,
        /// `URING_*`.
        pub flags: U32,
        /// Number of submission queue entries.
        pub sq_entries: U32,
        /// Number of completion queue entries.
        pub cq_entries: U32,
        /// Where the kernel reads the next submission.
        pub sq_head: U32,
        /// Where it writes the next completion.
        pub cq_tail: U32,
        /// Bytes of the rings.
        pub rings: U32,
    }
}
