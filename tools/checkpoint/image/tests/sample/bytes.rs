// SPDX-License-Identifier: GPL-2.0

//! The bytes of a sample, with their checksums.

use super::{
    l,
    padded,
    u,
    zeroed,
    Sample,
    PAGE, //
};
use checkpoint_image::{
    image::{
        contents::*,
        header::*,
        kinds::Kind,
        record::*, //
    },
    mutate::{
        put_batch,
        put_sums,
        seal, //
    }, //
};
use zerocopy::{
    byteorder::little_endian::U16,
    IntoBytes, //
};

impl Sample {
    /// The metadata.
    pub fn meta(&self) -> Vec<u8> {
        let mut meta = Vec::new();
        for record in &self.records {
            put(&mut meta, record.kind, &record.body, &record.payload);
        }
        meta
    }

    /// The image, with all checksums right.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_with(|_| ())
    }

    /// The image with a changed trailer, the checksum of which is right.
    pub fn bytes_with(&self, change: impl FnOnce(&mut Trailer)) -> Vec<u8> {
        self.around(&self.meta(), change)
    }

    /// The image with other metadata, and a changed trailer.
    pub fn around(&self, meta: &[u8], change: impl FnOnce(&mut Trailer)) -> Vec<u8> {
        let mut header = header_for(meta);
        header.arch = u(self.machine);
        (self.header)(&mut header);
        seal_header(&mut header);
        let mut image = header.as_bytes().to_vec();
        image.extend(meta);
        put_sums(&mut image, &header, meta);
        let mut entries = Vec::new();
        let (mut batches, mut pages) = (0, 0);
        let mut rest = self.extents.as_slice();
        while !rest.is_empty() {
            let done = self.extents.len() - rest.len();
            let next = self.breaks.iter().find(|&&n| n > done);
            let n = next.map_or(rest.len(), |n| (n - done).min(rest.len()));
            let place = (batches, &header);
            let page = PAGE as usize;
            pages += put_batch(
                &mut image,
                place,
                page,
                &rest[..n],
                &mut entries,
                self.batch,
            );
            batches += 1;
            rest = &rest[n..];
        }
        entries.sort_by_key(IndexEntry::key);
        (self.entries)(&mut entries);
        let index_at = image.len() as u64;
        let mut blocks = 0;
        for some in entries.chunks(INDEX_ENTRIES) {
            let mut index = zeroed(|i: &mut Index| {
                i.number = u(blocks);
                i.at = l(image.len() as u64);
                i.header = header.sum;
            });
            (self.block)(&mut index);
            index.sum = seal(index.as_bytes(), &[some.as_bytes()]);
            let number = Kind::Index.number();
            put(&mut image, number, index.as_bytes(), some.as_bytes());
            blocks += 1;
        }
        let mut trailer = Trailer {
            total_len: l((image.len() + RECORD_HEADER_LEN + size_of::<Trailer>()) as u64),
            extents: l(self.extents.len() as u64),
            pages: l(pages),
            index_at: l(if blocks == 0 { 0 } else { index_at }),
            batches: u(batches),
            blocks: u(blocks),
            header: header.sum,
            sum: l(0),
        };
        change(&mut trailer);
        trailer.sum = seal(trailer.as_bytes(), &[]);
        put(&mut image, Kind::Trailer.number(), trailer.as_bytes(), &[]);
        image
    }
}

/// A header for this metadata, its checksum not yet made.
pub fn header_for(meta: &[u8]) -> Header {
    zeroed(|h: &mut Header| {
        h.magic = MAGIC;
        h.version = u(VERSION);
        h.header_len = u(HEADER_LEN as u32);
        h.arch = u(arch::X86_64);
        h.page_size = u(PAGE as u32);
        h.meta_len = l(meta.len() as u64);
        h.release = padded("7.3.4");
    })
}

/// Makes the checksum of a header.
pub fn seal_header(header: &mut Header) {
    header.sum = seal(header.as_bytes(), &[]);
}

/// Appends a record to `bytes`.
pub fn put(bytes: &mut Vec<u8>, kind: u16, body: &[u8], payload: &[u8]) {
    let header = RecordHeader {
        kind: U16::new(kind),
        version: U16::new(0),
        body_len: u(body.len() as u32),
        payload_len: l(payload.len() as u64),
    };
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}
