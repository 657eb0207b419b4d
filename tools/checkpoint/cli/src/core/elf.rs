// SPDX-License-Identifier: GPL-2.0

//! The parts of an ELF core file, in the byte order of its architecture.
//!
//! Structures are those of include/uapi/linux/elf.h.

use crate::info::registers::Order;
use image::image::header::arch;

/// Bytes of the header of a file.
pub const HEADER_LEN: u64 = 64;
/// Bytes of a program header.
const SEGMENT_LEN: usize = 56;
/// Bytes of a section header.
const SECTION_LEN: usize = 64;

/// Number of program headers that means: it stands in the first section header.
const PN_XNUM: usize = 0xffff;

/// [`Segment::segment_type`]: contents of memory.
pub const PT_LOAD: u32 = 1;
/// [`Segment::segment_type`]: notes.
pub const PT_NOTE: u32 = 4;

/// Numbers as an architecture has them in memory.
pub struct Bytes {
    order: Order,
    bytes: Vec<u8>,
}

impl Bytes {
    /// None so far.
    pub fn new(order: Order) -> Self {
        Self {
            order,
            bytes: Vec::new(),
        }
    }

    /// A number of 2 bytes.
    pub fn u16(&mut self, n: u16) -> &mut Self {
        match self.order {
            Order::Little => self.raw(&n.to_le_bytes()),
            Order::Big => self.raw(&n.to_be_bytes()),
        }
    }

    /// A number of 4 bytes.
    pub fn u32(&mut self, n: u32) -> &mut Self {
        match self.order {
            Order::Little => self.raw(&n.to_le_bytes()),
            Order::Big => self.raw(&n.to_be_bytes()),
        }
    }

    /// A number of 8 bytes.
    pub fn u64(&mut self, n: u64) -> &mut Self {
        match self.order {
            Order::Little => self.raw(&n.to_le_bytes()),
            Order::Big => self.raw(&n.to_be_bytes()),
        }
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Bytes in a field of `width`, the last of which is zero.
    pub fn text(&mut self, text: &[u8], width: usize) -> &mut Self {
        let shown = text.get(..width.saturating_sub(1)).unwrap_or(text);
        self.raw(shown);
        self.zeros(width.saturating_sub(shown.len()))
    }

    /// Zeros.
    pub fn zeros(&mut self, n: usize) -> &mut Self {
        self.bytes.resize(self.bytes.len().saturating_add(n), 0);
        self
    }

    /// Zeros up to a multiple of `n` bytes.
    pub fn align(&mut self, n: usize) -> &mut Self {
        let padding = self.bytes.len().next_multiple_of(n) - self.bytes.len();
        self.zeros(padding)
    }

    /// A note; those of core files are padded to 4 bytes.
    pub fn note(&mut self, owner: &str, note_type: u32, bytes: &[u8]) -> &mut Self {
        self.u32(owner.len() as u32 + 1)
            .u32(bytes.len() as u32)
            .u32(note_type)
            .raw(owner.as_bytes())
            .zeros(1)
            .align(4)
            .raw(bytes)
            .align(4)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// All of them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A program header.
pub struct Segment {
    /// `PT_*`.
    pub segment_type: u32,
    /// 4 readable, 2 writable, 1 executable.
    pub flags: u32,
    /// Where its contents are in the file.
    pub offset: u64,
    /// Its address.
    pub addr: u64,
    /// Bytes that the file has of it.
    pub file_len: u64,
    /// Bytes that it has in memory.
    pub len: u64,
    /// Its alignment.
    pub align: u64,
}

/// Number of an architecture (`EM_*`) and what its core files have in `e_flags`.
fn machine(n: u32) -> (u16, u32) {
    match n {
        arch::X86_64 => (62, 0),
        arch::ARM64 => (183, 0),
        // ABI version 2.
        arch::PPC64LE => (21, 2),
        arch::S390X => (22, 0),
        _ => (0, 0),
    }
}

/// The header of a core file whose program headers are at `offset`, and these headers, which are
/// followed by a section header if there are many.
pub fn headers(arch: u32, segments: &[Segment], offset: u64) -> (Vec<u8>, Vec<u8>) {
    let order = Order::of(arch);
    let mut table = Bytes::new(order);
    for s in segments {
        table
            .u32(s.segment_type)
            .u32(s.flags)
            .u64(s.offset)
            .u64(s.addr)
            .u64(0)
            .u64(s.file_len)
            .u64(s.len)
            .u64(s.align);
    }
    let many = segments.len() >= PN_XNUM;
    let section_at = offset.saturating_add(table.len() as u64);
    if many {
        table
            .zeros(44)
            .u32(segments.len() as u32)
            .zeros(SECTION_LEN - 48);
    }
    let (number, flags) = machine(arch);
    let data = match order {
        Order::Little => 1,
        Order::Big => 2,
    };
    let mut header = Bytes::new(order);
    header
        .raw(&[0x7f, b'E', b'L', b'F', 2, data, 1, 0])
        .zeros(8)
        // ET_CORE
        .u16(4)
        .u16(number)
        .u32(1)
        .u64(0)
        .u64(offset)
        .u64(if many { section_at } else { 0 })
        .u32(flags)
        .u16(HEADER_LEN as u16)
        .u16(SEGMENT_LEN as u16)
        .u16(segments.len().min(PN_XNUM) as u16)
        .u16(if many { SECTION_LEN as u16 } else { 0 })
        .u16(many.into())
        .u16(0);
    (header.into_bytes(), table.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let segment = || Segment {
            segment_type: PT_LOAD,
            flags: 0,
            offset: 0,
            addr: 0,
            file_len: 0,
            len: 0,
            align: 1,
        };
        let few: Vec<Segment> = (0..3).map(|_| segment()).collect();
        let (header, table) = headers(arch::X86_64, &few, 64);
        assert_eq!(header.len() as u64, HEADER_LEN);
        assert_eq!(header[56..64], [3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(table.len(), 3 * SEGMENT_LEN);
        // More than the header can count.
        let many: Vec<Segment> = (0..PN_XNUM).map(|_| segment()).collect();
        let (header, table) = headers(arch::S390X, &many, 64);
        assert_eq!(header[56..64], [0xff, 0xff, 0, 64, 0, 1, 0, 0]);
        assert_eq!(header[40..48], (64 + 0xffff * 56u64).to_be_bytes());
        let section = &table[many.len() * SEGMENT_LEN..];
        assert_eq!(section.len(), SECTION_LEN);
        assert_eq!(section[44..48], [0, 0, 0xff, 0xff]);
    }

    #[test]
    fn texts_and_notes() {
        let mut bytes = Bytes::new(Order::Big);
        bytes.text(b"abcdef", 4).note("CORE", 7, &[9]);
        assert_eq!(
            bytes.into_bytes(),
            b"abc\0\0\0\0\x05\0\0\0\x01\0\0\0\x07CORE\0\0\0\0\x09\0\0\0"
        );
    }
}
