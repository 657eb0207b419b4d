// SPDX-License-Identifier: GPL-2.0

//! An image taken apart, and put together with everything right that follows from the rest.

use crate::{
    image::{
        check::{
            sealed,
            Descriptor, //
        },
        contents::{
            chunk_pages,
            Batch,
            Extent,
            Index,
            IndexEntry,
            MetaSums,
            EXTENTS_MAX,
            EXTENT_TAGGED,
            INDEX_ENTRIES,
            SEGMENT_LEN,
            TAGGED_BYTES, //
        },
        header::{
            Header,
            Trailer,
            HEADER_LEN, //
        },
        kinds::Kind,
        record::{
            parse,
            Body,
            Fault,
            RecordHeader, //
        }, //
    },
    xxh64,
};
use std::mem::size_of;
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
    /// Returns whether it is of this kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.kind == kind.number()
    }

    /// Returns a number of `width` bytes at `at` in its body.
    pub fn get(&self, at: usize, width: usize) -> u64 {
        number(&self.body, at, width)
    }

    /// Puts a number of `width` bytes at `at` in its body.
    pub fn put(&mut self, at: usize, width: usize, value: u64) {
        set_number(&mut self.body, at, width, value);
    }
}

/// Returns the number of `width` bytes at `at`, 0 beyond the end.
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
    /// The batch of extents with this number.
    Batch(usize),
    /// The block of the index with this number.
    Index(usize),
    /// The trailer.
    Trailer,
}

/// An extent with what it brings along.
#[derive(Clone)]
pub struct Contents {
    /// The range.
    pub extent: Extent,
    /// Its pages; as many as it says, or not.
    pub pages: Vec<u8>,
    /// Their memory tags.
    pub tags: Vec<u8>,
}

/// An image in parts.
#[derive(Clone)]
pub struct Parts {
    /// The header; [`Self::bytes`] makes lengths and checksums right.
    pub header: Header,
    /// The metadata.
    pub meta: Vec<Rec>,
    /// Extents, batch by batch; [`Self::bytes`] makes their checksums right.
    pub batches: Vec<Vec<Contents>>,
    /// Is there an index?
    pub index: bool,
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
            batches: Vec::new(),
            index: false,
            wrong: Vec::new(),
        };
        let mut at = HEADER_LEN;
        let meta_end = header.meta_end() as usize;
        let page_size = header.page_size.get() as usize;
        while !rest.is_empty() {
            let (raw, mut len) = parse(rest, at as u64)?;
            match raw.kind {
                _ if at < meta_end => parts.meta.push(Rec {
                    kind: raw.kind.number(),
                    body: raw.body.to_vec(),
                    payload: raw.payload.to_vec(),
                }),
                Kind::Index => parts.index = true,
                Kind::Trailer => break,
                Kind::Batch => {
                    len = (at + len).next_multiple_of(page_size) - at;
                    let record = rest.get(..len).ok_or(short)?;
                    let batch = Descriptor::parse(record, at as u64, page_size as u32)?;
                    let all = batch.pages_len() as usize;
                    let pages = rest.get(len..len + all).ok_or(short)?;
                    parts.batches.push(contents(&batch, pages));
                    len += all;
                }
                _ => (),
            }
            at += len;
            rest = rest.get(len..).ok_or(short)?;
        }
        Ok(parts)
    }

    /// Puts wrong numbers into what belongs to `what`.
    fn spoil(&self, what: Derived, bytes: &mut [u8]) {
        for &(of, at, width, value) in &self.wrong {
            if of == what {
                set_number(bytes, at, width, value);
            }
        }
    }

    /// Returns the image, with all lengths and checksums right.
    pub fn bytes(&self) -> Vec<u8> {
        let mut meta = Vec::new();
        for rec in &self.meta {
            put(&mut meta, &rec.body, rec.kind, &rec.payload);
        }
        let mut header = self.header;
        header.meta_len = U64::new(meta.len() as u64);
        self.spoil(Derived::Header, header.as_mut_bytes());
        header.sum = seal(header.as_bytes(), &[]);
        let mut image = header.as_bytes().to_vec();
        image.extend(&meta);
        put_sums(&mut image, &header, &meta);

        let mut entries = Vec::new();
        let (mut extents, mut pages) = (0, 0);
        let page_size = self.header.page_size.get() as usize;
        for (n, all) in self.batches.iter().enumerate() {
            extents += all.len().min(EXTENTS_MAX) as u64;
            let spoil = |batch: &mut Batch| self.spoil(Derived::Batch(n), batch.as_mut_bytes());
            let place = (n as u32, &header);
            pages += put_batch(&mut image, place, page_size, all, &mut entries, spoil);
        }
        entries.sort_unstable_by_key(IndexEntry::key);
        let index_at = image.len() as u64;
        let mut blocks = 0;
        for some in entries.chunks(INDEX_ENTRIES).filter(|_| self.index) {
            let mut index = Index::new_zeroed();
            index.number.set(blocks);
            index.at.set(image.len() as u64);
            index.header = header.sum;
            self.spoil(Derived::Index(blocks as usize), index.as_mut_bytes());
            index.sum = seal(index.as_bytes(), &[some.as_bytes()]);
            put(&mut image, index.as_bytes(), Index::NUMBER, some.as_bytes());
            blocks += 1;
        }
        let len = image.len() + size_of::<RecordHeader>() + size_of::<Trailer>();
        let mut trailer = Trailer {
            total_len: U64::new(len as u64),
            extents: U64::new(extents),
            pages: U64::new(pages),
            index_at: U64::new(if blocks == 0 { 0 } else { index_at }),
            batches: U32::new(self.batches.len() as u32),
            blocks: U32::new(blocks),
            header: header.sum,
            sum: U64::new(0),
        };
        self.spoil(Derived::Trailer, trailer.as_mut_bytes());
        trailer.sum = seal(trailer.as_bytes(), &[]);
        put(&mut image, trailer.as_bytes(), Trailer::NUMBER, &[]);
        image
    }
}

/// Returns the extents of a batch, each with its own of `pages`.
fn contents(batch: &Descriptor<'_>, mut pages: &[u8]) -> Vec<Contents> {
    let mut tags = batch.tags;
    let take = |from: &mut &[u8], len: usize| {
        let (own, rest) = from.split_at_checked(len).unwrap_or((from, &[]));
        *from = rest;
        own.to_vec()
    };
    let mut all = Vec::new();
    for extent in batch.extents {
        let count = extent.pages.get() as usize;
        let of = |len: usize, some: bool| if some { count * len } else { 0 };
        let tagged = extent.kind.get() == EXTENT_TAGGED;
        all.push(Contents {
            extent: *extent,
            pages: take(&mut pages, of(batch.page_size(), extent.has_pages())),
            tags: take(&mut tags, of(batch.tags_of_page(), tagged)),
        });
    }
    all
}

/// Appends the checksums of the metadata.
pub fn put_sums(image: &mut Vec<u8>, header: &Header, meta: &[u8]) {
    let sums: Vec<U64> = meta
        .chunks(SEGMENT_LEN)
        .map(|segment| U64::new(xxh64(0, segment)))
        .collect();
    let mut body = MetaSums {
        header: header.sum,
        sum: U64::new(0),
    };
    body.sum = seal(body.as_bytes(), &[sums.as_bytes()]);
    put(image, body.as_bytes(), MetaSums::NUMBER, sums.as_bytes());
}

/// Appends a batch, the number and the header of which `place` tells, and which `change` may spoil.
/// Adds what belongs into the index to `entries`; returns the number of pages.
pub fn put_batch(
    image: &mut Vec<u8>,
    place: (u32, &Header),
    page_size: usize,
    all: &[Contents],
    entries: &mut Vec<IndexEntry>,
    change: impl FnOnce(&mut Batch),
) -> u64 {
    let (number, header) = place;
    let at = image.len() as u64;
    let pages: Vec<u8> = all.iter().flat_map(|c| c.pages.iter().copied()).collect();
    let count = pages.len() / page_size.max(1);
    let tags: Vec<u8> = all.iter().flat_map(|c| c.tags.iter().copied()).collect();
    let mut sums = Vec::new();
    for chunk in pages.chunks(page_size * chunk_pages(page_size as u32)) {
        let sum = chunk.chunks(page_size).fold(0, xxh64);
        sums.push(U64::new(sum));
    }
    let mut batch = Batch::new_zeroed();
    batch.number.set(number);
    batch.extents.set(all.len() as u32);
    batch.pages.set(count as u32);
    batch
        .tagged
        .set((tags.len() / (page_size / TAGGED_BYTES)) as u32);
    batch.at.set(at);
    batch.header = header.sum;
    change(&mut batch);
    let extents: Vec<Extent> = all.iter().map(|c| c.extent).collect();
    let payload = [extents.as_bytes(), sums.as_bytes(), &tags].concat();
    batch.sum = seal(batch.as_bytes(), &[&payload]);
    put(image, batch.as_bytes(), Batch::NUMBER, &payload);
    image.resize(image.len().next_multiple_of(page_size), 0);
    image.extend(pages);
    for extent in &extents {
        let len = u64::from(extent.pages.get()).wrapping_mul(page_size as u64);
        let end = U64::new(extent.addr.get().wrapping_add(len));
        match entries.last_mut() {
            Some(last) if last.obj == extent.obj && last.batch.get() == number => last.end = end,
            _ => entries.push(IndexEntry {
                obj: extent.obj,
                batch: U32::new(number),
                start: extent.addr,
                end,
                at: U64::new(at),
            }),
        }
    }
    count as u64
}

/// Returns the checksum of a structure, which is its last field, and of what follows it.
pub fn seal(bytes: &[u8], rest: &[&[u8]]) -> U64 {
    U64::new(sealed(xxh64, bytes, rest))
}

/// Appends a record.
pub fn put(bytes: &mut Vec<u8>, body: &[u8], kind: u16, payload: &[u8]) {
    let header = RecordHeader {
        kind: U16::new(kind),
        version: U16::new(0),
        body_len: U32::new(body.len() as u32),
        payload_len: U64::new(payload.len() as u64),
    };
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}
