// SPDX-License-Identifier: GPL-2.0

//! A batch of extents that is in memory, and the checksums of its pages.

use zerocopy::{
    byteorder::little_endian::U64,
    FromBytes,
    IntoBytes, //
};

use super::sum::{
    sealed,
    Hash, //
};
use crate::image::{
    contents::{
        chunk_pages,
        chunks,
        Batch,
        Extent,
        BATCH_MAX,
        BATCH_PAGES,
        EXTENTS_MAX,
        TAGGED_BYTES, //
    },
    kinds::Kind,
    record::{
        parse,
        Fault,
        Raw, //
    }, //
};

/// A batch, but for its pages.
#[derive(Clone, Copy)]
pub struct Descriptor<'a> {
    /// What it holds.
    pub batch: Batch,
    /// The ranges of pages.
    pub extents: &'a [Extent],
    /// Checksums of the pages, chunk by chunk.
    pub sums: &'a [U64],
    /// Memory tags of the pages that have some.
    pub tags: &'a [u8],
    /// Offset of the first page in the image.
    pub pages_at: u64,
    /// Bytes of the record, with its header, and without what fills up to the pages.
    pub len: usize,
    page_size: u32,
}

/// Returns `n` rounded up to pages, the size of which is a power of two.
pub(super) fn page_align(n: u64, page_size: u64) -> Option<u64> {
    let mask = page_size.checked_sub(1)?;
    Some(n.checked_add(mask)? & !mask)
}

impl<'a> Descriptor<'a> {
    /// Takes apart the record of a batch, with its header, that lies `at` bytes into the image;
    /// what fills up to the pages may follow it. Lengths are checked, and neither checksums nor
    /// extents.
    pub fn parse(bytes: &'a [u8], at: u64, page_size: u32) -> Result<Self, Fault> {
        let (raw, len) = parse(bytes, at)?;
        let batch: Batch = raw.body()?;
        let (extents, pages) = (batch.extents.get() as usize, batch.pages.get());
        let bytes_of_pages = u64::from(pages).saturating_mul(page_size.into());
        if extents == 0
            || extents > EXTENTS_MAX
            || pages as usize > BATCH_PAGES
            || bytes_of_pages > BATCH_MAX as u64
            || batch.tagged.get() > pages
        {
            return Err(raw.fault("no extents or too many, or too many pages"));
        }
        let sums = chunks(pages, page_size);
        let tags = batch.tagged.get() as usize * (page_size as usize / TAGGED_BYTES);
        let wrong = raw.fault("payload of wrong length");
        let (extents, rest) = raw
            .payload
            .split_at_checked(extents * size_of::<Extent>())
            .ok_or(wrong)?;
        let (sums, rest) = rest
            .split_at_checked(sums * size_of::<U64>())
            .ok_or(wrong)?;
        if rest.len() != tags {
            return Err(wrong);
        }
        if bytes.get(len..).unwrap_or(&[]).iter().any(|&b| b != 0) {
            return Err(raw.fault("padding is not zero"));
        }
        let end = at.checked_add(len as u64).ok_or(wrong)?;
        Ok(Self {
            batch,
            extents: <[Extent]>::ref_from_bytes(extents).map_err(|_| wrong)?,
            sums: <[U64]>::ref_from_bytes(sums).map_err(|_| wrong)?,
            tags: rest,
            pages_at: page_align(end, page_size.into()).ok_or(wrong)?,
            len,
            page_size,
        })
    }

    /// Checks the checksum of all but the pages.
    pub(super) fn check_sum(&self, hash: Hash, raw: &Raw<'_>) -> Result<(), Fault> {
        if sealed(hash, self.batch.as_bytes(), &[raw.payload]) != self.batch.sum.get() {
            return Err(raw.fault("checksum of the extents is wrong"));
        }
        Ok(())
    }

    /// Returns the bytes of its pages.
    pub fn pages_len(&self) -> u64 {
        u64::from(self.batch.pages.get()).saturating_mul(self.page_size.into())
    }

    /// Returns the bytes of a page.
    pub fn page_size(&self) -> usize {
        self.page_size as usize
    }

    /// Returns the bytes of the memory tags of a page.
    pub fn tags_of_page(&self) -> usize {
        self.page_size as usize / TAGGED_BYTES
    }

    /// Returns what checks the pages as they come.
    pub fn pages(&self) -> PageSums<'a> {
        PageSums {
            sums: self.sums,
            at: self.pages_at,
            page_size: self.page_size,
            left: self.batch.pages.get(),
            in_chunk: 0,
            value: 0,
        }
    }
}

/// Checks the checksums of the pages of a batch, page by page.
pub struct PageSums<'a> {
    /// Those that are left.
    sums: &'a [U64],
    /// Offset in the image of the chunk that the next page is in.
    at: u64,
    page_size: u32,
    /// Pages that are left.
    left: u32,
    /// Pages of the chunk that have come.
    in_chunk: usize,
    /// Checksum of these.
    value: u64,
}

impl PageSums<'_> {
    /// Takes the next page, whose checksum `hash` makes of a seed: for memory that others may write
    /// to, too. The last one of a chunk is accepted only if the checksum of all is right.
    pub fn add(&mut self, hash: impl FnOnce(u64) -> u64) -> Result<(), Fault> {
        let fault = |why| Fault {
            at: self.at,
            kind: Kind::Batch.number(),
            why,
        };
        let too_many = fault("more pages than there are checksums of");
        let wrong = fault("checksum of the pages is wrong");
        self.left = self.left.checked_sub(1).ok_or(too_many)?;
        self.value = hash(self.value);
        self.in_chunk = self.in_chunk.saturating_add(1);
        if self.left != 0 && self.in_chunk < chunk_pages(self.page_size) {
            return Ok(());
        }
        let (sum, rest) = self.sums.split_first().ok_or(too_many)?;
        if sum.get() != self.value {
            return Err(wrong);
        }
        let len = (self.in_chunk as u64).saturating_mul(self.page_size.into());
        self.at = self.at.saturating_add(len);
        (self.sums, self.in_chunk, self.value) = (rest, 0, 0);
        Ok(())
    }

    /// Returns the offset in the image of the chunk that the next page is in.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Returns the pages that are still to come.
    pub fn left(&self) -> u32 {
        self.left
    }
}
