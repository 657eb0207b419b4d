// SPDX-License-Identifier: GPL-2.0

//! An image taken apart, and put together with everything right that follows from the rest.

use crate::{
    crc32c,
    image::{
        check::sum,
        header::{
            Header,
            Trailer,
            HEADER_LEN, //
        },
        kinds::Kind,
        mm::{
            Extent,
            Row,
            Shared, //
        },
        record::{
            parse,
            Body,
            Fault,
            RecordHeader, //
        }, //
    },
};
use std::mem::{
    offset_of,
    size_of, //
};
use zerocopy::{
    byteorder::little_endian::{
        U16,
        U32,
        U64, //
    },
    FromBytes,
    FromZeros,
    IntoBytes, //
};

/// A record, without its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rec {
    /// Number of its kind.
    pub kind: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// Its payload.
    pub payload: Vec<u8>,
}

impl Rec {
    /// Is it of this kind?
    pub fn is(&self, kind: Kind) -> bool {
        self.kind == kind.number()
    }

    /// A number of `width` bytes at `at` in its body.
    pub fn get(&self, at: usize, width: usize) -> u64 {
        number(&self.body, at, width)
    }

    /// Puts a number of `width` bytes at `at` in its body.
    pub fn put(&mut self, at: usize, width: usize, value: u64) {
        set_number(&mut self.body, at, width, value);
    }
}

/// The number of `width` bytes at `at`, 0 beyond the end.
pub(super) fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    let mut n = [0; 8];
    if let (Some(from), Some(to)) = (bytes.get(at..at + width), n.get_mut(..width)) {
        to.copy_from_slice(from);
    }
    u64::from_le_bytes(n)
}

/// Puts a number of `width` bytes at `at`, unless that is beyond the end.
pub(super) fn set_number(bytes: &mut [u8], at: usize, width: usize, value: u64) {
    if let (Some(to), Some(from)) = (
        bytes.get_mut(at..at + width),
        value.to_le_bytes().get(..width),
    ) {
        to.copy_from_slice(from);
    }
}

/// What a change was made to that follows from the rest: it is put in last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Derived {
    /// The header.
    Header,
    /// The row with this number.
    Row(usize),
    /// The trailer.
    Trailer,
}

/// An image in parts.
#[derive(Clone)]
pub struct Parts {
    /// The header; [`Self::bytes`] makes lengths and checksums right.
    pub header: Header,
    /// The metadata.
    pub meta: Vec<Rec>,
    /// Extents and shared extents; [`Self::bytes`] makes their checksums right.
    pub extents: Vec<Rec>,
    /// Is there a row of extents for each object?
    pub rows: bool,
    /// Numbers that are to be put where others would belong.
    pub(super) wrong: Vec<(Derived, usize, usize, u64)>,
}

impl Parts {
    /// Takes a valid image apart.
    pub fn split(image: &[u8]) -> Result<Self, Fault> {
        let short = Fault::framing(0, "the image is cut short");
        let (header, mut rest) = Header::read_from_prefix(image).map_err(|_| short)?;
        let mut parts = Self {
            header,
            meta: Vec::new(),
            extents: Vec::new(),
            rows: false,
            wrong: Vec::new(),
        };
        let mut at = HEADER_LEN as u64;
        let meta_end = at + header.meta_len.get();
        while !rest.is_empty() {
            let (raw, len) = parse(rest, at)?;
            let rec = Rec {
                kind: raw.kind.number(),
                body: raw.body.to_vec(),
                payload: raw.payload.to_vec(),
            };
            match raw.kind {
                _ if at < meta_end => parts.meta.push(rec),
                Kind::Row => parts.rows = true,
                Kind::Trailer => break,
                _ => parts.extents.push(rec),
            }
            at += len as u64;
            rest = rest.get(len..).ok_or(short)?;
        }
        Ok(parts)
    }

    /// The rows that belong to the extents.
    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        let mut at = 0;
        for extent in &self.extents {
            let obj = U32::new(extent.get(0, 4) as u32);
            if rows.last().is_none_or(|r| r.obj != obj) {
                let mut row = Row::new_zeroed();
                row.obj = obj;
                row.number = U32::new(rows.len() as u32);
                row.at = U64::new(at);
                rows.push(row);
            }
            if let Some(row) = rows.last_mut() {
                row.extents.set(row.extents.get() + 1);
            }
            at += (size_of::<RecordHeader>() + extent.body.len() + extent.payload.len())
                .next_multiple_of(8) as u64;
        }
        rows
    }

    /// Puts wrong numbers into what belongs to `what`.
    fn spoil(&self, what: Derived, bytes: &mut [u8]) {
        for &(of, at, width, value) in &self.wrong {
            if of == what {
                set_number(bytes, at, width, value);
            }
        }
    }

    /// The image, with all lengths and checksums right.
    pub fn bytes(&self) -> Vec<u8> {
        let mut meta = Vec::new();
        for rec in &self.meta {
            put(&mut meta, rec);
        }
        let mut header = self.header;
        header.meta_len = U64::new(meta.len() as u64);
        header.meta_crc = U32::new(sum(crc32c, &meta));
        self.spoil(Derived::Header, header.as_mut_bytes());
        seal(header.as_mut_bytes(), offset_of!(Header, crc));

        let mut image = header.as_bytes().to_vec();
        image.extend(meta);
        let mut chain = header.crc.as_bytes().to_vec();
        let mut pages = 0;
        for extent in &self.extents {
            let mut extent = extent.clone();
            if extent.is(Kind::Extent) {
                let crc = u64::from(sum(crc32c, &extent.payload));
                extent.put(offset_of!(Extent, crc), 4, crc);
                seal(&mut extent.body, offset_of!(Extent, body_crc));
                chain.extend((crc as u32).to_le_bytes());
                pages += extent.get(offset_of!(Extent, pages), 4);
            } else {
                let at = offset_of!(Shared, crc);
                seal(&mut extent.body, at);
                chain.extend(extent.body.get(at..at + 4).unwrap_or(&[]));
            }
            put(&mut image, &extent);
        }
        let rows = if self.rows { self.rows() } else { Vec::new() };
        for (n, mut row) in rows.into_iter().enumerate() {
            self.spoil(Derived::Row(n), row.as_mut_bytes());
            seal(row.as_mut_bytes(), offset_of!(Row, crc));
            put(&mut image, &rec_of(&row));
        }
        let len = image.len() + size_of::<RecordHeader>() + size_of::<Trailer>();
        let mut trailer = Trailer {
            total_len: U64::new(len as u64),
            extents: U64::new(self.extents.len() as u64),
            pages: U64::new(pages),
            chain: U32::new(sum(crc32c, &chain)),
            crc: U32::new(0),
        };
        self.spoil(Derived::Trailer, trailer.as_mut_bytes());
        seal(trailer.as_mut_bytes(), offset_of!(Trailer, crc));
        put(&mut image, &rec_of(&trailer));
        image
    }
}

/// Makes the checksum at `at` that of the bytes before it.
fn seal(bytes: &mut [u8], at: usize) {
    let crc = sum(crc32c, bytes.get(..at).unwrap_or(&[]));
    set_number(bytes, at, 4, u64::from(crc));
}

/// A record without payload.
fn rec_of<T: Body>(body: &T) -> Rec {
    Rec {
        kind: T::KIND.number(),
        body: body.as_bytes().to_vec(),
        payload: Vec::new(),
    }
}

/// Appends a record.
fn put(bytes: &mut Vec<u8>, rec: &Rec) {
    let header = RecordHeader {
        kind: U16::new(rec.kind),
        version: U16::new(0),
        body_len: U32::new(rec.body.len() as u32),
        payload_len: U64::new(rec.payload.len() as u64),
    };
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&rec.body);
    bytes.extend_from_slice(&rec.payload);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}
