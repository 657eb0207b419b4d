// SPDX-License-Identifier: GPL-2.0

//! Records of huge pages of hugetlbfs.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::{
    layout::{
        flags,
        record,
        structure, //
    },
    record::PAYLOAD_MAX, //
};

pub(super) mod check;

/// Largest huge page, as a power of two: 16 GiB, of powerpc.
pub const HUGE_SHIFT_MAX: u32 = 34;

/// Most ranges of one mapping or inode.
pub const HUGE_RANGES_MAX: usize = PAYLOAD_MAX / size_of::<HugeRange>();

record! {
    /// The `Inode`, or the private mapping of a file, before it has huge pages of hugetlbfs. Payload:
    /// [`HugeRange`]s by ascending address, where there are pages; no two touch. What is in them are
    /// extents, and zeros where no extent is.
    #[record(HugePages = 204, "huge pages", min = 24, check = huge_pages)]
    pub struct HugePages {
        /// Bytes of a page, as a power of two.
        pub shift: U32,
        /// `HUGE_*`.
        pub flags: U32,
        /// Number of ranges.
        pub ranges: U32,
        /// Zero.
        pub reserved: U32,
        /// Bytes of a segment of System V shared memory, if they are no whole number of pages; else 0.
        pub asked: U64,
    }
}

flags! {
    "HugePages.flags": u32, HUGE_FLAG_LIST, HUGE_FLAGS;
    /// Pages for all of the inode are set aside.
    HUGE_RESERVED = 1 << 0,
    /// No pages are set aside for the private mapping, as fork() leaves it to a child.
    HUGE_FORKED = 1 << 1,
}

structure! {
    /// Huge pages that are there.
    pub struct HugeRange {
        /// First address, in bytes; offset of an inode.
        pub start: U64,
        /// Address after the last.
        pub end: U64,
    }
}
