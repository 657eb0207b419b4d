// SPDX-License-Identifier: GPL-2.0

//! The first and the last bytes of an image.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::{
    layout::{
        record,
        structure, //
    },
    record::Fault, //
};

/// First bytes of an image. The high bit, CR LF, Ctrl-Z and LF show a transfer that changed
/// bytes, as in PNG.
pub const MAGIC: [u8; 8] = *b"\x89CKP\r\n\x1a\n";

/// Format version. Raised only when an older reader could not even tell what it does not know.
pub const VERSION: u32 = 2;

/// Incompatible features: a reader refuses an image with a bit that it does not know.
pub const INCOMPAT_ALL: u64 = 0;

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

    /// Name of an architecture.
    pub fn name(n: u32) -> &'static str {
        match n {
            X86_64 => "x86_64",
            ARM64 => "arm64",
            PPC64LE => "ppc64le",
            S390X => "s390x",
            _ => "unknown",
        }
    }

    /// The machine writes numbers in registers, siginfos and memory with the high byte first.
    pub fn is_big_endian(n: u32) -> bool {
        n == S390X
    }
}

/// Most bytes of metadata.
pub const META_MAX: u64 = 1 << 30;

/// Most objects. A reader needs memory for each, besides that for the metadata.
pub const OBJECTS_MAX: u32 = 1 << 22;

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
        /// crc32c of the metadata.
        pub meta_crc: U32,
        /// Zero.
        pub reserved: U32,
        /// Release of the kernel that wrote the image, padded with NUL.
        pub release: [u8; 64],
        /// The boot of the machine that wrote the image: a number that no other has.
        pub boot: U64,
        /// Zero.
        pub reserved2: [u8; 44],
        /// crc32c of the header up to here.
        pub crc: U32,
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
}

impl Header {
    /// Checks all fields but the checksums; `crc` is the crc32c of the bytes before the field.
    pub fn check(&self, crc: u32, reader: &Reader) -> Result<(), Fault> {
        let bad = |why| Err(Fault::framing(0, why));
        if self.magic != MAGIC {
            return bad("not a checkpoint image (wrong magic)");
        }
        match self.version.get() {
            VERSION => (),
            1 => return bad("image of format version 1, which is not read any more"),
            _ => return bad("image of a format version that is not known"),
        }
        if self.header_len.get() as usize != HEADER_LEN {
            return bad("header of wrong length");
        }
        if self.crc.get() != crc {
            return bad("header checksum is wrong");
        }
        if self.incompat.get() & !INCOMPAT_ALL != 0 {
            return bad("image with incompatible features that this version does not know");
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
        let meta = self.meta_len.get();
        if meta == 0 || meta > META_MAX || meta % 8 != 0 {
            return bad("impossible length of metadata");
        }
        Ok(())
    }
}

record! {
    /// Last record of an image: without it an image is not one.
    #[record(Trailer = 3, "trailer", min = 32)]
    pub struct Trailer {
        /// Bytes of the whole image, this record included.
        pub total_len: U64,
        /// Number of extents, shared ones included.
        pub extents: U64,
        /// Number of pages in extents.
        pub pages: U64,
        /// crc32c over the `crc` fields of header and extents, in order, each as 4 bytes.
        pub chain: U32,
        /// crc32c of the body up to here.
        pub crc: U32,
    }
}
