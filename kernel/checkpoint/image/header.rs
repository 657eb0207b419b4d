// SPDX-License-Identifier: GPL-2.0

//! The first and the last bytes of an image.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::{
    contents::{
        MetaSums,
        SEGMENT_LEN, //
    },
    layout::{
        flags,
        record,
        structure, //
    },
    record::{
        Fault,
        RECORD_HEADER_LEN, //
    }, //
};

/// First bytes of an image. The high bit, CR LF, Ctrl-Z and LF show a transfer that changed
/// bytes, as in PNG.
pub const MAGIC: [u8; 8] = *b"\x89CKP\r\n\x1a\n";

/// Format version. Raised only when an older reader could not even tell what it does not know.
pub const VERSION: u32 = 3;

flags! {
    "Header.compat": u64, COMPAT_LIST, COMPAT_ALL;
    /// The tasks were killed when it was complete, or were left frozen to be killed.
    COMPAT_KILLED = 1 << 0,
    /// They were not: they have run on, or may have. Neither: an older writer does not tell.
    COMPAT_RAN_ON = 1 << 1,
}

flags! {
    "Header.incompat": u64, INCOMPAT_LIST, INCOMPAT_ALL;
    /// Some pages are those of the parent image.
    INCOMPAT_PARENT = 1 << 0,
}

/// Architectures.
pub mod arch {
    use crate::image::layout::values;

    values! {
        "Header.arch": u32, LIST;
        /// x86-64.
        X86_64 = 1,
        /// arm64.
        ARM64 = 2,
        /// powerpc, 64 bits, little-endian.
        PPC64LE = 3,
        /// s390x.
        S390X = 4,
    }

    /// Returns the name of an architecture.
    pub fn name(n: u32) -> &'static str {
        match n {
            X86_64 => "x86_64",
            ARM64 => "arm64",
            PPC64LE => "ppc64le",
            S390X => "s390x",
            _ => "unknown",
        }
    }

    /// Returns whether the machine writes numbers in registers, siginfos and memory with the high
    /// byte first.
    pub fn is_big_endian(n: u32) -> bool {
        n == S390X
    }
}

/// Most bytes of metadata: it is in one piece while it is checked, and Linux allocates no more than
/// 2 GiB - 1 so. Segments of which all are full.
pub const META_MAX: u64 = (1 << 31) - (1 << 20);

/// Most objects. A reader needs memory for each, besides that for the metadata.
pub const OBJECTS_MAX: u32 = 1 << 24;

structure! {
    /// First bytes of an image.
    pub struct Header {
        /// [`MAGIC`].
        pub magic: [u8; 8],
        /// [`VERSION`].
        pub version: U32,
        /// Bytes of this header.
        pub header_len: U32,
        /// One of [`arch`].
        pub arch: U32,
        /// Bytes of a page on the machine that wrote the image.
        pub page_size: U32,
        /// Features that an older reader may ignore.
        pub compat: U64,
        /// Features that an older reader must refuse.
        pub incompat: U64,
        /// Bytes of metadata after the header.
        pub meta_len: U64,
        /// Wall-clock time of the checkpoint, in nanoseconds since 1970.
        pub created_ns: U64,
        /// Id of the checkpoint: unique since that machine's boot.
        pub id: U64,
        /// The boot of the machine that wrote the image: a number that no other has.
        pub boot: U64,
        /// `id` of the parent image; 0: none.
        pub parent_id: U64,
        /// `boot` of the parent image; 0: none.
        pub parent_boot: U64,
        /// How many images come before this one, each the parent of the next.
        pub generation: U32,
        /// Zero.
        pub reserved: U32,
        /// Release of the kernel that wrote the image, padded with NUL.
        pub release: [u8; 64],
        /// Zero.
        pub reserved2: [u8; 24],
        /// Checksum of the header up to here.
        pub sum: U64,
    }
}

/// Bytes of a [`Header`].
pub const HEADER_LEN: usize = size_of::<Header>();

const _: () = assert!(HEADER_LEN == 192);

/// What a reader offers, for [`Header::check`].
pub struct Reader {
    /// Its architecture; `None`: any will do.
    pub arch: Option<u32>,
    /// Its page size; `None`: any will do.
    pub page_size: Option<u32>,
    /// It makes something of an image that needs its parent.
    pub parent: bool,
}

impl Header {
    /// Returns the number of segments of the metadata.
    pub fn segments(&self) -> u64 {
        self.meta_len.get().div_ceil(SEGMENT_LEN as u64)
    }

    /// Returns the offset in the image of what comes after the metadata: its checksums.
    pub fn meta_end(&self) -> u64 {
        (HEADER_LEN as u64).saturating_add(self.meta_len.get())
    }

    /// Returns the bytes of the record with the checksums of the metadata.
    pub fn sums_len(&self) -> u64 {
        ((RECORD_HEADER_LEN + size_of::<MetaSums>()) as u64)
            .saturating_add(self.segments().saturating_mul(size_of::<U64>() as u64))
    }

    /// Returns whether the tasks were killed, or left frozen to be killed; `None`: it does not tell.
    pub fn killed(&self) -> Option<bool> {
        match self.compat.get() & COMPAT_ALL {
            0 => None,
            flags => Some(flags == COMPAT_KILLED),
        }
    }

    /// Checks all fields but the checksum of the metadata; `sum` is that of the bytes before the
    /// field.
    pub fn check(&self, sum: u64, reader: &Reader) -> Result<(), Fault> {
        let bad = |why| Err(Fault::framing(0, why));
        if self.magic != MAGIC {
            return bad("not a checkpoint image (wrong magic)");
        }
        match self.version.get() {
            VERSION => (),
            1 => return bad("image of format version 1, which is not read any more"),
            2 => return bad("image of format version 2, which is not read any more"),
            _ => return bad("image of a format version that is not known"),
        }
        if self.header_len.get() as usize != HEADER_LEN {
            return bad("header of wrong length");
        }
        if self.sum.get() != sum {
            return bad("header checksum is wrong");
        }
        if self.incompat.get() & !INCOMPAT_ALL != 0 {
            return bad("image with incompatible features that this version does not know");
        }
        if self.compat.get() & COMPAT_ALL == COMPAT_ALL {
            return bad("image whose tasks were killed, and were not");
        }
        if self.reserved.get() != 0 || self.reserved2.iter().any(|&b| b != 0) {
            return bad("reserved header field is not zero");
        }
        if reader.arch.is_some_and(|a| a != self.arch.get()) {
            return bad("image of another architecture");
        }
        if arch::name(self.arch.get()) == "unknown" {
            return bad("image of an unknown architecture");
        }
        let page = self.page_size.get();
        if !page.is_power_of_two() || !(4096..=65536).contains(&page) {
            return bad("impossible page size");
        }
        if reader.page_size.is_some_and(|p| p != page) {
            return bad("image of another page size");
        }
        let child = self.generation.get() != 0;
        let named = self.parent_id.get() != 0 && self.parent_boot.get() != 0;
        let needed = self.incompat.get() & INCOMPAT_PARENT != 0;
        if child != named
            || (!named && (self.parent_id.get() != 0 || self.parent_boot.get() != 0))
            || (needed && !named)
        {
            return bad("parent image that is not named, or that is none");
        }
        if needed && !reader.parent {
            return bad("image of what has changed since its parent image, which is not supported");
        }
        let meta = self.meta_len.get();
        if meta == 0 || meta > META_MAX || meta % 8 != 0 {
            return bad("impossible length of metadata");
        }
        Ok(())
    }
}

record! {
    /// Last record of an image: without it an image is not one.
    #[record(Trailer = 3, "trailer", min = 56)]
    pub struct Trailer {
        /// Bytes of the whole image, this record included.
        pub total_len: U64,
        /// Number of extents, those without pages included.
        pub extents: U64,
        /// Number of pages.
        pub pages: U64,
        /// Where the index is, in bytes from the start of the image; 0: nowhere.
        pub index_at: U64,
        /// Number of `Batch` records.
        pub batches: U32,
        /// Number of `Index` records.
        pub blocks: U32,
        /// Checksum of the header.
        pub header: U64,
        /// Checksum of the body up to here.
        pub sum: U64,
    }
}
