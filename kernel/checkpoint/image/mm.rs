// SPDX-License-Identifier: GPL-2.0

//! Records of memory.

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
    record::{
        Body,
        PAYLOAD_MAX, //
    }, //
};

pub(super) mod check;

/// Most mappings of one address space.
pub const VMAS_MAX: u32 = 1 << 20;

/// Most bytes of an auxiliary vector.
pub const AUXV_MAX: usize = 1024;

/// An address space; payload: auxiliary vector as pairs of U64.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Mm {
    /// Reference of this object.
    pub obj: U32,
    /// The executable, an open file; 0: none.
    pub exe: U32,
    /// Number of [`Vma`] records that follow.
    pub vmas: U32,
    /// `MM_*`.
    pub flags: U32,
    /// Start and end of the program's code.
    pub code: [U64; 2],
    /// Start and end of its data.
    pub data: [U64; 2],
    /// Start and current end of the heap.
    pub brk: [U64; 2],
    /// Start of the stack.
    pub stack: U64,
    /// Start and end of the arguments.
    pub args: [U64; 2],
    /// Start and end of the environment.
    pub env: [U64; 2],
    /// Top of the area for mappings; its bottom with [`MM_BOTTOM_UP`].
    pub mmap_base: U64,
    /// Address of the vDSO's data pages, which its code follows; 0: none.
    pub vdso: U64,
    /// Bytes of both.
    pub vdso_len: U64,
    /// crc32c of the vDSO's code.
    pub vdso_crc: U32,
    /// Mappings that coredumps hold: bits as of /proc/PID/coredump_filter.
    pub dump_filter: U32,
    /// What only the architecture knows: see Documentation/checkpoint/arch/.
    pub context: [U64; 4],
}

impl Body for Mm {
    const KIND: Kind = Kind::Mm;
    const LEN_MIN: usize = 168;
}

/// [`Mm::flags`]: transparent huge pages are disabled.
pub const MM_THP_DISABLE: u32 = 1 << 0;
/// [`Mm::flags`]: memory-deny-write-execute.
pub const MM_MDWE: u32 = 1 << 1;
/// [`Mm::flags`]: memory-deny-write-execute is not inherited.
pub const MM_MDWE_NO_INHERIT: u32 = 1 << 2;
/// [`Mm::flags`]: future mappings are locked.
pub const MM_LOCK_FUTURE: u32 = 1 << 3;
/// [`Mm::flags`]: future mappings are locked as they are touched.
pub const MM_LOCK_ONFAULT: u32 = 1 << 4;
/// [`Mm::flags`]: mappings are placed above `mmap_base`, not below.
pub const MM_BOTTOM_UP: u32 = 1 << 5;
/// [`Mm::flags`]: transparent huge pages are disabled but where advised.
pub const MM_THP_ADVISED: u32 = 1 << 6;
/// [`Mm::flags`]: registered with membarrier(2) for private expedited commands.
pub const MM_BARRIER_PRIVATE: u32 = 1 << 8;
/// [`Mm::flags`]: registered with membarrier(2) for global expedited commands.
pub const MM_BARRIER_GLOBAL: u32 = 1 << 9;
/// [`Mm::flags`]: registered with membarrier(2) for private expedited, core-serializing commands.
pub const MM_BARRIER_SYNC_CORE: u32 = 1 << 10;
/// [`Mm::flags`]: registered with membarrier(2) for private expedited rseq commands.
pub const MM_BARRIER_RSEQ: u32 = 1 << 11;
/// All flags.
pub const MM_FLAGS: u32 = 0x0f7f;

/// [`Vma::kind`]: private, anonymous.
pub const VMA_ANON: u32 = 1;
/// [`Vma::kind`]: private mapping of `file`.
pub const VMA_FILE: u32 = 2;
/// [`Vma::kind`]: shared mapping of `file`, which may be an unlinked one.
pub const VMA_SHARED: u32 = 3;
/// [`Vma::kind`]: the vDSO or its data.
pub const VMA_VDSO: u32 = 4;

/// [`Vma::flags`]
pub mod vma {
    /// Readable.
    pub const READ: u64 = 1 << 0;
    /// Writable.
    pub const WRITE: u64 = 1 << 1;
    /// Executable.
    pub const EXEC: u64 = 1 << 2;
    /// Grows down.
    pub const GROWSDOWN: u64 = 1 << 3;
    /// Locked.
    pub const LOCKED: u64 = 1 << 4;
    /// Locked as it is touched.
    pub const LOCKONFAULT: u64 = 1 << 5;
    /// Not copied by fork.
    pub const DONTFORK: u64 = 1 << 6;
    /// Zeroed by fork.
    pub const WIPEONFORK: u64 = 1 << 7;
    /// Not in coredumps.
    pub const DONTDUMP: u64 = 1 << 8;
    /// Sequential access expected.
    pub const SEQUENTIAL: u64 = 1 << 9;
    /// Random access expected.
    pub const RANDOM: u64 = 1 << 10;
    /// Huge pages wanted.
    pub const HUGEPAGE: u64 = 1 << 11;
    /// Huge pages not wanted.
    pub const NOHUGEPAGE: u64 = 1 << 12;
    /// KSM wanted.
    pub const MERGEABLE: u64 = 1 << 13;
    /// No accounting against the overcommit limit.
    pub const NORESERVE: u64 = 1 << 14;
    /// Sealed.
    pub const SEALED: u64 = 1 << 15;
    /// The kernel may take its pages away at any time: they are not in the image.
    pub const DROPPABLE: u64 = 1 << 16;
    /// Is accounted against the overcommit limit though not writable: it was once.
    pub const ACCOUNTED: u64 = 1 << 17;
    /// arm64: targets of indirect branches are guarded (PROT_BTI).
    pub const BTI: u64 = 1 << 18;
    /// arm64: has memory tags (PROT_MTE).
    pub const MTE: u64 = 1 << 19;
    /// powerpc: accesses are strongly ordered (PROT_SAO).
    pub const SAO: u64 = 1 << 20;
    /// Holds return addresses, and is written to by calls only.
    pub const SHADOW_STACK: u64 = 1 << 21;
    /// Those that only some architectures have.
    pub const OF_ARCH: u64 = BTI | MTE | SAO | SHADOW_STACK;
    /// All flags.
    pub const ALL: u64 = (1 << 22) - 1;
}

/// A mapping; belongs to the [`Mm`] before it. Payload: its name, if it was given one.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Vma {
    /// First address.
    pub start: U64,
    /// Address after the last.
    pub end: U64,
    /// `vma::*`.
    pub flags: U64,
    /// Offset in the file, in bytes.
    pub offset: U64,
    /// `VMA_*`.
    pub kind: U32,
    /// The open file that is mapped; 0: none.
    pub file: U32,
    /// Memory protection key; 0: the default one.
    pub pkey: U32,
    /// Zero.
    pub reserved: U32,
}

impl Body for Vma {
    const KIND: Kind = Kind::Vma;
    const LEN_MIN: usize = 48;
}

/// Most guard regions of one mapping.
pub const GUARDS_MAX: usize = PAYLOAD_MAX / size_of::<Guard>();

/// Guard regions of the [`Vma`] before it, as of MADV_GUARD_INSTALL: who touches one gets SIGSEGV.
/// Payload: [`Guard`]s by ascending address, of which no two touch. None: there are no more.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Guards {
    /// Number of regions.
    pub regions: U32,
    /// Zero.
    pub reserved: U32,
}

impl Body for Guards {
    const KIND: Kind = Kind::Guards;
    const LEN_MIN: usize = 8;
}

/// A guard region.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Guard {
    /// First address.
    pub start: U64,
    /// Address after the last.
    pub end: U64,
}

/// Most bytes of page contents in one extent.
pub const EXTENT_MAX: usize = 4 << 20;

/// [`Extent::obj`] is an address space.
pub const EXTENT_MM: u32 = 0;
/// [`Extent::obj`] is an inode, `addr` an offset in it.
pub const EXTENT_INODE: u32 = 1;
/// [`Extent::obj`] is an address space, and each page is followed by its memory tags: a byte for
/// each [`TAGGED_BYTES`].
pub const EXTENT_TAGGED: u32 = 2;

/// Bytes of a page of which one byte holds the memory tags: 4 bits for each half.
pub const TAGGED_BYTES: usize = 32;

/// Contents of a range of pages; payload: the pages.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Extent {
    /// Address space or inode.
    pub obj: U32,
    /// `EXTENT_*`.
    pub space: U32,
    /// Address of the first page, or its offset.
    pub addr: U64,
    /// Number of pages.
    pub pages: U32,
    /// crc32c of the payload.
    pub crc: U32,
    /// Zero.
    pub reserved: U32,
    /// crc32c of the body up to here.
    pub body_crc: U32,
}

impl Body for Extent {
    const KIND: Kind = Kind::Extent;
    const LEN_MIN: usize = 32;
}

/// A range of pages with the same contents as one that came before, in this or another address
/// space: tasks share them copy-on-write.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Shared {
    /// Address space.
    pub obj: U32,
    /// Number of pages.
    pub pages: U32,
    /// Address of the first page.
    pub addr: U64,
    /// Address space with an extent that has the contents.
    pub source: U32,
    /// Zero.
    pub reserved: U32,
    /// Address of the first page there.
    pub from: U64,
    /// Zero.
    pub reserved2: U32,
    /// crc32c of the body up to here.
    pub crc: U32,
}

impl Body for Shared {
    const KIND: Kind = Kind::Shared;
    const LEN_MIN: usize = 40;
}

/// A row of extents: all those of an object, which follow each other. There is one for each object
/// that has some, in their order, between the last extent and the trailer: with them a reader that
/// can seek finds the extents of any object.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Row {
    /// Address space or inode.
    pub obj: U32,
    /// Number of this row, from 0 on.
    pub number: U32,
    /// Where its first extent is: bytes from the end of the metadata.
    pub at: U64,
    /// Number of its extents, shared ones included.
    pub extents: U64,
    /// Zero.
    pub reserved: U32,
    /// crc32c of the body up to here.
    pub crc: U32,
}

impl Body for Row {
    const KIND: Kind = Kind::Row;
    const LEN_MIN: usize = 32;
}
