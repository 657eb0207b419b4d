// SPDX-License-Identifier: GPL-2.0

//! The records after the metadata: batches of extents, the index and the trailer.

use zerocopy::{
    FromBytes,
    IntoBytes, //
};

use super::{
    batch::{
        page_align,
        Descriptor, //
    },
    sum::{
        sealed,
        Hash, //
    },
    Object,
    Run, //
};
use crate::image::{
    contents::{
        Batch,
        Extent,
        Index,
        IndexEntry,
        BATCH_PAYLOAD_MAX,
        EXTENT_TAGGED,
        INDEX_ENTRIES, //
    },
    header::{
        Header,
        Trailer,
        HEADER_LEN,
        INCOMPAT_PARENT, //
    },
    kinds::Kind,
    record::{
        align_up,
        parse,
        Fault,
        Raw,
        RecordHeader,
        BODY_MAX,
        RECORD_HEADER_LEN, //
    }, //
};

/// What a record after the metadata is.
#[derive(Clone, Copy)]
pub enum Next<'a> {
    /// A batch of extents: its pages are next in the image.
    Batch(Descriptor<'a>),
    /// A block of the index.
    Index,
    /// The end of the image.
    Trailer,
}

/// What is expected next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// A record's header.
    Header,
    /// The rest of a record of this kind, and as many bytes as all of it has.
    Record(Kind, usize),
    /// Nothing.
    End,
}

/// Checks all that comes after the metadata and its checksums, in the order in which it is read:
///
/// ```text
/// loop {
///     n = stream.header(RECORD_HEADER_LEN bytes)?;
///     (make room for as many runs as stream.runs_wanted());
///     match stream.record(these and n more bytes)? {
///         Next::Batch(d) => read its pages, d.pages().add() over each, or pass over them,
///         Next::Index => (),
///         Next::Trailer => break,
///     }
/// }
/// ```
///
/// # Invariants
///
/// `at` is the offset in the image of the next byte to be read, `record` that of the record that
/// it belongs to; what was returned as [`Next::Batch`] counts as read, with its pages.
#[derive(Clone)]
pub struct Stream {
    state: State,
    at: u64,
    record: u64,
    pub(super) meta_at: u64,
    pub(super) page_size: u64,
    hash: Hash,
    /// Checksum of the header.
    header: u64,
    /// Some pages are those of the parent image.
    pub(super) has_parent: bool,
    nr_batches: u32,
    nr_extents: u64,
    nr_pages: u64,
    /// The object whose extents come at present; 0: none yet.
    pub(super) current: u32,
    pub(super) nr_runs: usize,
    nr_blocks: u32,
    /// Where the index is; 0: it has not come.
    index_at: u64,
    /// The last block of the index had as many entries as it can have.
    is_full: bool,
    /// Key of its last entry.
    last_key: (u32, u64),
    /// Checksums of the entries that the index must have, less those that it has.
    entries: u64,
}

impl Stream {
    /// Returns a stream after the metadata of the image with this header, which starts at offset 0.
    pub fn new(hash: Hash, header: &Header) -> Self {
        let at = header.meta_end().saturating_add(header.sums_len());
        Self {
            state: State::Header,
            at,
            record: at,
            meta_at: HEADER_LEN as u64,
            page_size: u64::from(header.page_size.get()),
            hash,
            header: header.sum.get(),
            has_parent: header.incompat.get() & INCOMPAT_PARENT != 0,
            nr_batches: 0,
            nr_extents: 0,
            nr_pages: 0,
            current: 0,
            nr_runs: 0,
            nr_blocks: 0,
            index_at: 0,
            is_full: true,
            last_key: (0, 0),
            entries: 0,
        }
    }

    /// Returns the offset of the next byte in the image.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Returns the offset of the last record in the image.
    pub fn record_at(&self) -> u64 {
        self.record
    }

    /// Returns the number of [`Run`]s that there must be room for before [`Self::record`]: those
    /// that have come, and as many as can come with it.
    pub fn runs_wanted(&self) -> usize {
        match self.state {
            State::Record(Kind::Batch, len) => {
                self.nr_runs.saturating_add(len / size_of::<Extent>())
            }
            _ => self.nr_runs,
        }
    }

    /// Returns the number of extents so far, those without pages included.
    pub fn extents(&self) -> u64 {
        self.nr_extents
    }

    /// Returns the number of pages so far, those announced included.
    pub fn nr_pages(&self) -> u64 {
        self.nr_pages
    }

    pub(super) fn fault(&self, kind: Kind, why: &'static str) -> Fault {
        Fault {
            at: self.record,
            kind: kind.number(),
            why,
        }
    }

    /// Takes the header of a record and tells the bytes of it that follow.
    pub fn header(&mut self, bytes: &[u8; RECORD_HEADER_LEN]) -> Result<usize, Fault> {
        self.record = self.at;
        if self.state != State::Header {
            return Err(Fault::framing(self.at, "no record is expected here"));
        }
        let header = RecordHeader::read_from_bytes(bytes)
            .map_err(|_| Fault::framing(self.at, "record header cut short"))?;
        let number = header.kind.get();
        let fault = |why| Fault {
            at: self.record,
            kind: number,
            why,
        };
        let kind = Kind::from_number(number).ok_or(fault("unknown kind of record"))?;
        if kind.check().is_some() || kind == Kind::MetaSums {
            return Err(fault("record of metadata after the metadata"));
        }
        if header.version.get() != 0 {
            return Err(fault("unknown version of the record"));
        }
        let body_len = header.body_len.get() as usize;
        if body_len < kind.len_min() || body_len > BODY_MAX || body_len % 8 != 0 {
            return Err(fault("body of impossible length"));
        }
        let too_long = fault("payload too long");
        let payload = usize::try_from(header.payload_len.get()).map_err(|_| too_long)?;
        let max = match kind {
            Kind::Batch => BATCH_PAYLOAD_MAX,
            Kind::Index => INDEX_ENTRIES * size_of::<IndexEntry>(),
            _ => 0,
        };
        if payload > max {
            return Err(too_long);
        }
        let all = align_up(payload)
            .and_then(|n| n.checked_add(body_len + RECORD_HEADER_LEN))
            .ok_or(too_long)?;
        let padding = match kind {
            // The pages lie at a multiple of their size.
            Kind::Batch => {
                let end = self.at.saturating_add(all as u64);
                page_align(end, self.page_size).ok_or(too_long)? - end
            }
            _ => 0,
        };
        let len = usize::try_from(padding)
            .ok()
            .and_then(|n| n.checked_add(all))
            .ok_or(too_long)?;
        self.state = State::Record(kind, len);
        Ok(len - RECORD_HEADER_LEN)
    }

    /// Takes the record whose header came before, with that. The objects are those that
    /// [`metadata()`](super::metadata) found in `meta`; `runs` is kept from call to call, and has
    /// room for as many as [`Self::runs_wanted`].
    pub fn record<'a>(
        &mut self,
        bytes: &'a [u8],
        meta: &[u8],
        objects: &mut [Object],
        runs: &mut [Run],
    ) -> Result<Next<'a>, Fault> {
        let State::Record(kind, len) = self.state else {
            return Err(Fault::framing(self.at, "no record is expected here"));
        };
        let (raw, _) = parse(bytes, self.record)?;
        if bytes.len() != len || raw.kind != kind {
            return Err(Fault::framing(self.at, "another record than announced"));
        }
        self.at = self.at.saturating_add(len as u64);
        self.state = State::Header;
        match kind {
            Kind::Batch => {
                // CAST: It was made of such a number.
                let page_size = self.page_size as u32;
                let descriptor = Descriptor::parse(bytes, self.record, page_size)?;
                self.batch(&descriptor, &raw, meta, objects, runs)?;
                Ok(Next::Batch(descriptor))
            }
            Kind::Index => {
                self.index(&raw)?;
                Ok(Next::Index)
            }
            _ => {
                self.trailer(&raw)?;
                Ok(Next::Trailer)
            }
        }
    }

    /// Returns whether the trailer was read: without it an image is not one.
    pub fn is_complete(&self) -> bool {
        self.state == State::End
    }

    fn batch(
        &mut self,
        descriptor: &Descriptor<'_>,
        raw: &Raw<'_>,
        meta: &[u8],
        objects: &mut [Object],
        runs: &mut [Run],
    ) -> Result<(), Fault> {
        descriptor.check_sum(self.hash, raw)?;
        let batch: &Batch = &descriptor.batch;
        if self.nr_blocks != 0 {
            return Err(raw.fault("extents after the index"));
        }
        if batch.reserved.get() != 0 {
            return Err(raw.fault("reserved field is not zero"));
        }
        self.place(raw, batch.header.get(), batch.at.get())?;
        if batch.number.get() != self.nr_batches {
            return Err(raw.fault("extents were left out or exchanged"));
        }
        let (mut pages, mut tagged) = (0u64, 0u64);
        let mut entry = IndexEntry::default();
        for extent in descriptor.extents {
            self.extent(extent, meta, objects, runs)?;
            let its = u64::from(extent.pages.get());
            if extent.has_pages() {
                pages = pages.saturating_add(its);
            }
            if extent.kind.get() == EXTENT_TAGGED {
                tagged = tagged.saturating_add(its);
            }
            if entry.obj != extent.obj {
                self.expect(&entry);
                entry = IndexEntry {
                    obj: extent.obj,
                    batch: batch.number,
                    start: extent.addr,
                    end: extent.addr,
                    at: batch.at,
                };
            }
            let len = its.saturating_mul(self.page_size);
            entry.end.set(extent.addr.get().saturating_add(len));
        }
        self.expect(&entry);
        if pages != u64::from(batch.pages.get()) || tagged != u64::from(batch.tagged.get()) {
            return Err(raw.fault("number of pages is not as announced"));
        }
        self.nr_batches = self
            .nr_batches
            .checked_add(1)
            .ok_or(raw.fault("too many"))?;
        self.nr_extents = self
            .nr_extents
            .saturating_add(descriptor.extents.len() as u64);
        self.nr_pages = self.nr_pages.saturating_add(pages);
        self.at = self.at.saturating_add(descriptor.pages_len());
        Ok(())
    }

    /// Notes an entry that the index must have.
    fn expect(&mut self, entry: &IndexEntry) {
        if entry.obj.get() != 0 {
            let hash = self.hash;
            self.entries = self.entries.wrapping_add(hash(0, entry.as_bytes()));
        }
    }

    /// Checks that a record belongs to this image, and lies where it says.
    fn place(&self, raw: &Raw<'_>, header: u64, at: u64) -> Result<(), Fault> {
        if header != self.header {
            return Err(raw.fault("belongs to another image"));
        }
        if at != self.record {
            return Err(raw.fault("does not lie where it says"));
        }
        Ok(())
    }

    fn index(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let hash = self.hash;
        let index: Index = raw.body()?;
        if sealed(hash, index.as_bytes(), &[raw.payload]) != index.sum.get() {
            return Err(raw.fault("checksum of the index is wrong"));
        }
        if index.reserved.get() != 0 || index.reserved2.iter().any(|n| n.get() != 0) {
            return Err(raw.fault("reserved field is not zero"));
        }
        self.place(raw, index.header.get(), index.at.get())?;
        // So that a block is found by its number.
        let whole = raw.body.len() == size_of::<Index>() && self.is_full;
        let entries: &[IndexEntry] = raw.array(INDEX_ENTRIES)?;
        if index.number.get() != self.nr_blocks || !whole || entries.is_empty() {
            return Err(raw.fault("blocks were left out or exchanged, or one is not full"));
        }
        for entry in entries {
            if entry.key() <= self.last_key {
                return Err(raw.fault("entries are out of order"));
            }
            self.last_key = entry.key();
            self.entries = self.entries.wrapping_sub(hash(0, entry.as_bytes()));
        }
        if self.nr_blocks == 0 {
            self.index_at = self.record;
        }
        self.is_full = entries.len() == INDEX_ENTRIES;
        self.nr_blocks = self.nr_blocks.checked_add(1).ok_or(raw.fault("too many"))?;
        Ok(())
    }

    fn trailer(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let trailer: Trailer = raw.body()?;
        if sealed(self.hash, trailer.as_bytes(), &[]) != trailer.sum.get() {
            return Err(raw.fault("checksum of the trailer is wrong"));
        }
        if trailer.header.get() != self.header {
            return Err(raw.fault("belongs to another image"));
        }
        if trailer.total_len.get() != self.at {
            return Err(raw.fault("the image has another length than announced"));
        }
        if trailer.extents.get() != self.nr_extents
            || trailer.pages.get() != self.nr_pages
            || trailer.batches.get() != self.nr_batches
        {
            return Err(raw.fault("number of extents or pages is not as announced"));
        }
        let counted = (self.nr_blocks, self.index_at);
        if (trailer.blocks.get(), trailer.index_at.get()) != counted {
            return Err(raw.fault("the index is not where it is announced"));
        }
        if self.nr_blocks != 0 && self.entries != 0 {
            return Err(raw.fault("extents are not where the index says"));
        }
        self.state = State::End;
        Ok(())
    }
}
