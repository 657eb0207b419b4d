// SPDX-License-Identifier: GPL-2.0

//! Records of what is in memory and in files without a name: all that comes after the metadata.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::{
    layout::{
        record,
        structure,
        values, //
    },
    record::RECORD_HEADER_LEN, //
};

/// Bytes of metadata that have a checksum of their own: a segment. The last one may be shorter.
pub const SEGMENT_LEN: usize = 1 << 20;

record! {
    /// Checksums of the metadata, right after it; payload: that of each segment as U64.
    #[record(MetaSums = 210, "checksums of metadata", min = 16)]
    pub struct MetaSums {
        /// Checksum of the header.
        pub header: U64,
        /// Checksum of the body up to here and of the payload.
        pub sum: U64,
    }
}

/// Most extents in a batch.
pub const EXTENTS_MAX: usize = 4096;

/// Most pages in a batch.
pub const BATCH_PAGES: usize = 1024;

/// Most bytes of pages in a batch, and of addresses in an extent.
pub const BATCH_MAX: usize = 16 << 20;

/// Bytes of pages that have a checksum of their own: a chunk. The last one of a batch may be
/// shorter.
pub const CHUNK_LEN: usize = 64 << 10;

/// Bytes of a page whose memory tags one byte holds: 4 bits for each half.
pub const TAGGED_BYTES: usize = 32;

/// Most bytes of the payload of a [`Batch`].
pub const BATCH_PAYLOAD_MAX: usize =
    EXTENTS_MAX * size_of::<Extent>() + BATCH_PAGES * size_of::<U64>() + BATCH_MAX / TAGGED_BYTES;

record! {
    /// Contents of ranges of pages. Payload: [`Extent`]s; the checksum of each chunk of pages, as
    /// U64; the memory tags of pages that have some, for each as many bytes as a page has
    /// [`TAGGED_BYTES`], of which the low four bits are the tag of the first half. Zeros up to a
    /// multiple of the page size, and then the pages.
    #[record(Batch = 211, "extents", min = 48)]
    pub struct Batch {
        /// Number of this batch, from 0 on.
        pub number: U32,
        /// Number of [`Extent`]s.
        pub extents: U32,
        /// Number of pages that follow.
        pub pages: U32,
        /// Number of pages with memory tags.
        pub tagged: U32,
        /// Where this record is, in bytes from the start of the image.
        pub at: U64,
        /// Checksum of the header.
        pub header: U64,
        /// Zero.
        pub reserved: U64,
        /// Checksum of the body up to here and of the payload.
        pub sum: U64,
    }
}

values! {
    "Extent.kind": u32, EXTENT_KINDS;
    /// The pages are next in the batch. `obj` is an address space.
    EXTENT_MM = 0,
    /// The pages are next in the batch. `obj` is an inode, `addr` an offset in it.
    EXTENT_INODE = 1,
    /// As `EXTENT_MM`, and the memory tags of the pages are next in the batch, too. It is inside
    /// mappings with `vma::MTE`, where pages in no extent of this kind have tags of zero.
    EXTENT_TAGGED = 2,
    /// `obj` is an address space, and the pages are the same as those at `from` of the address
    /// space `source`, which came before: tasks share them copy-on-write.
    EXTENT_SHARED = 3,
    /// The pages are those at `from` of object `source` in the parent image. `obj` is an address
    /// space or an inode.
    EXTENT_PARENT = 4,
}

structure! {
    /// A range of pages.
    pub struct Extent {
        /// Address space or inode.
        pub obj: U32,
        /// `EXTENT_*`.
        pub kind: U32,
        /// Address of the first page, or its offset.
        pub addr: U64,
        /// Number of pages.
        pub pages: U32,
        /// Where else the pages are; 0: nowhere.
        pub source: U32,
        /// Address of the first page there, or its offset; 0: nowhere.
        pub from: U64,
    }
}

impl Extent {
    /// Returns whether its pages come with it.
    pub fn has_pages(&self) -> bool {
        matches!(self.kind.get(), EXTENT_MM | EXTENT_INODE | EXTENT_TAGGED)
    }
}

/// Bytes of the record of an [`Index`], but of the last one, which may be shorter.
pub const INDEX_LEN: usize = 4096;

/// Most entries of an [`Index`].
pub const INDEX_ENTRIES: usize =
    (INDEX_LEN - RECORD_HEADER_LEN - size_of::<Index>()) / size_of::<IndexEntry>();

record! {
    /// A block of the index, which tells where the extents of each object are, and which a reader
    /// may do without. Payload: [`IndexEntry`]s, in the order of their objects, and of addresses.
    #[record(Index = 212, "index", min = 48)]
    pub struct Index {
        /// Number of this block, from 0 on.
        pub number: U32,
        /// Zero.
        pub reserved: U32,
        /// Where this record is, in bytes from the start of the image.
        pub at: U64,
        /// Checksum of the header.
        pub header: U64,
        /// Zero.
        pub reserved2: [U64; 2],
        /// Checksum of the body up to here and of the payload.
        pub sum: U64,
    }
}

structure! {
    /// The extents of an object that are in a batch, one after the other.
    #[derive(Debug, Default, PartialEq, Eq)]
    pub struct IndexEntry {
        /// Address space or inode.
        pub obj: U32,
        /// Number of the batch.
        pub batch: U32,
        /// Address of the first page, or its offset.
        pub start: U64,
        /// End of the last one.
        pub end: U64,
        /// Where the batch's record is, in bytes from the start of the image.
        pub at: U64,
    }
}

impl IndexEntry {
    /// Returns what entries are in the order of.
    pub fn key(&self) -> (u32, u64) {
        (self.obj.get(), self.start.get())
    }
}

const _: () = assert!(size_of::<Extent>() == 32 && size_of::<IndexEntry>() == 32);
const _: () = assert!(
    RECORD_HEADER_LEN + size_of::<Index>() + INDEX_ENTRIES * size_of::<IndexEntry>() == INDEX_LEN
);

/// Returns the number of chunks of `pages` pages of `page_size` bytes.
pub fn chunks(pages: u32, page_size: u32) -> usize {
    (pages as usize).div_ceil(chunk_pages(page_size))
}

/// Returns the number of pages of a chunk.
pub fn chunk_pages(page_size: u32) -> usize {
    CHUNK_LEN
        .checked_div(page_size as usize)
        .map_or(1, |n| n.max(1))
}
