// SPDX-License-Identifier: GPL-2.0

//! The parts of an ELF core file, in the byte order of its architecture.

use image::image::header::arch;
use object::{
    elf::{
        FileFlags,
        Machine,
        NoteType,
        EM_AARCH64,
        EM_NONE,
        EM_PPC64,
        EM_S390,
        EM_X86_64,
        ET_CORE,
        PN_XNUM, //
    },
    write::{
        elf::{
            Encoder,
            FileHeader,
            FileHeaderLayout,
            ProgramHeader, //
        },
        Error,
        WritableBufferExt, //
    },
    Endianness, //
};

/// Returns the byte order of an architecture.
pub fn order(arch: u32) -> Endianness {
    match arch::is_big_endian(arch) {
        true => Endianness::Big,
        false => Endianness::Little,
    }
}

/// Numbers as an architecture has them in memory.
pub struct Bytes {
    order: Endianness,
    bytes: Vec<u8>,
}

impl Bytes {
    /// Makes an empty list.
    pub fn new(order: Endianness) -> Self {
        Self {
            order,
            bytes: Vec::new(),
        }
    }

    /// Adds a number of 4 bytes.
    pub fn u32(&mut self, n: u32) -> &mut Self {
        self.bytes.write_u32(self.order, n);
        self
    }

    /// Adds a number of 8 bytes.
    pub fn u64(&mut self, n: u64) -> &mut Self {
        self.bytes.write_u64(self.order, n);
        self
    }

    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Adds bytes in a field of `width`, the last of which is zero.
    pub fn text(&mut self, text: &[u8], width: usize) -> &mut Self {
        let shown = text.get(..width.saturating_sub(1)).unwrap_or(text);
        self.raw(shown);
        self.zeros(width.saturating_sub(shown.len()))
    }

    /// Adds zeros.
    pub fn zeros(&mut self, n: usize) -> &mut Self {
        self.bytes.resize(self.bytes.len().saturating_add(n), 0);
        self
    }

    /// Zeros up to a multiple of `n` bytes.
    pub fn align(&mut self, n: usize) -> &mut Self {
        let padding = self.bytes.len().next_multiple_of(n) - self.bytes.len();
        self.zeros(padding)
    }

    /// Adds a note; those of core files are padded to 4 bytes.
    pub fn note(&mut self, owner: &str, note_type: NoteType, bytes: &[u8]) -> &mut Self {
        self.u32(owner.len() as u32 + 1)
            .u32(bytes.len() as u32)
            .u32(note_type.0)
            .raw(owner.as_bytes())
            .zeros(1)
            .align(4)
            .raw(bytes)
            .align(4)
    }

    /// Returns all of them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Returns the number of an architecture and what its core files have in `e_flags`.
fn machine(n: u32) -> (Machine, u32) {
    match n {
        arch::X86_64 => (EM_X86_64, 0),
        arch::ARM64 => (EM_AARCH64, 0),
        // ABI version 2.
        arch::PPC64LE => (EM_PPC64, 2),
        arch::S390X => (EM_S390, 0),
        _ => (EM_NONE, 0),
    }
}

/// Returns the header of a core file whose program headers are at `offset`, and these headers,
/// followed by a section header if there are more than the header can count.
pub fn headers(
    arch: u32,
    segments: &[ProgramHeader],
    offset: u64,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let (machine, flags) = machine(arch);
    let encoder = Encoder::new(order(arch), true, machine);
    let mut table = Vec::new();
    for segment in segments {
        encoder.program_header(&mut table, segment);
    }
    let mut layout = FileHeaderLayout {
        e_phoff: offset,
        segment_num: u32::try_from(segments.len()).unwrap_or(u32::MAX),
        ..FileHeaderLayout::default()
    };
    if segments.len() >= PN_XNUM.into() {
        layout.e_shoff = offset.saturating_add(table.len() as u64);
        layout.section_num = 1;
        encoder.null_section_header(&mut table, &layout);
    }
    let header = FileHeader {
        e_type: ET_CORE,
        e_machine: machine,
        e_flags: FileFlags(flags),
        ..FileHeader::default()
    };
    let mut first = Vec::new();
    encoder.file_header(&mut first, &header, &layout)?;
    Ok((first, table))
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::elf::{
        PF_R,
        PT_LOAD, //
    };

    fn segments(n: usize) -> Vec<ProgramHeader> {
        let one = || ProgramHeader {
            p_type: PT_LOAD,
            p_flags: PF_R,
            p_offset: 0,
            p_vaddr: 0,
            p_paddr: 0,
            p_filesz: 0,
            p_memsz: 0,
            p_align: 1,
        };
        (0..n).map(|_| one()).collect()
    }

    #[test]
    fn more_than_the_header_can_count() {
        let few = segments(3);
        let (header, _) = headers(arch::X86_64, &few, 64).unwrap();
        assert_eq!(header[56..64], [3, 0, 0, 0, 0, 0, 0, 0]);
        let many = segments(PN_XNUM.into());
        let (header, table) = headers(arch::S390X, &many, 64).unwrap();
        assert_eq!(header[56..64], [0xff, 0xff, 0, 64, 0, 1, 0, 0]);
        assert_eq!(header[40..48], (64 + 0xffff * 56u64).to_be_bytes());
        let section = &table[many.len() * 56..];
        assert_eq!(section[44..48], [0, 0, 0xff, 0xff]);
    }

    #[test]
    fn texts_and_notes() {
        let mut bytes = Bytes::new(Endianness::Big);
        bytes.text(b"abcdef", 4).note("CORE", NoteType(7), &[9]);
        assert_eq!(
            bytes.into_bytes(),
            b"abc\0\0\0\0\x05\0\0\0\x01\0\0\0\x07CORE\0\0\0\0\x09\0\0\0"
        );
    }
}
