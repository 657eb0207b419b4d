// SPDX-License-Identifier: GPL-2.0

//! Batches of extents on their way into the image: several are written at a time, where the file takes
//! that.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};
use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    IntoBytes, //
};

use crate::{
    core::sink::Sink,
    image::{
        check::sealed,
        contents::{
            chunk_pages,
            chunks,
            Batch,
            Extent,
            BATCH_MAX,
            BATCH_PAGES,
            EXTENT_TAGGED, //
        },
        record::{
            header_of,
            RECORD_HEADER_LEN, //
        }, //
    },
    kapi::{
        fork::helpers,
        fs::{
            file::FileRef,
            io,
            iov, //
        },
        mm::{
            held::Held,
            page::{
                PageRef,
                Tags,
                NO_TAGS, //
            }, //
        },
        time::wait, //
    }, //
};

/// Most pages of one batch.
pub(super) const BATCH_ROOM: usize = if BATCH_MAX / PAGE_SIZE < BATCH_PAGES {
    BATCH_MAX / PAGE_SIZE
} else {
    BATCH_PAGES
};

/// Room for extents, to begin with.
const ROOM: usize = 64;

/// Pages that are written before it is asked whether to go on.
const AT_ONCE: usize = (1 << 20) / PAGE_SIZE;

/// Batches that each writer gets at a time.
const FOR_EACH: usize = 4;

/// What goes into a batch.
pub(super) struct Gathered {
    /// The extents.
    pub(super) extents: KVVec<Extent>,
    /// Those of the extents that have some, in their order.
    pub(super) pages: KVVec<PageRef>,
}

/// Where a batch is.
struct Place {
    /// Its number.
    number: u32,
    /// Offset of its record in the image.
    at: u64,
    /// Checksum of the header.
    header: U64,
}

/// A batch that has its place in the image, and is not written yet.
struct Placed {
    gathered: Gathered,
    place: Place,
    /// Offset of its record in the file.
    pos: i64,
}

/// Batches that wait until there are some for each writer.
pub(super) struct Waiting {
    batches: KVVec<Placed>,
    /// Their pages can't be swapped out, and count as the caller's.
    held: Held,
}

impl Gathered {
    /// Makes an empty one, with room for the pages of a batch.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            extents: KVVec::with_capacity(ROOM, GFP_KERNEL_ACCOUNT)?,
            pages: KVVec::with_capacity(BATCH_ROOM, GFP_KERNEL_ACCOUNT)?,
        })
    }

    /// Returns the number of pages with memory tags.
    fn tagged(&self) -> usize {
        let tagged = |e: &&Extent| e.kind.get() == EXTENT_TAGGED;
        let tagged = self.extents.iter().filter(tagged);
        tagged.map(|e| e.pages.get() as usize).sum()
    }

    /// Returns the bytes of the record, with its header, and of what fills up to the pages, if it
    /// is at byte `at` of the image.
    fn record_len(&self, at: u64) -> Result<usize> {
        let pages = u32::try_from(self.pages.len())?;
        let len = RECORD_HEADER_LEN
            + size_of::<Batch>()
            + self.extents.len() * size_of::<Extent>()
            + chunks(pages, PAGE_SIZE as u32) * size_of::<U64>()
            + self.tagged() * size_of::<Tags>();
        // Pages lie at a multiple of their size.
        let used = usize::try_from(at % PAGE_SIZE as u64)?;
        Ok((used + len).next_multiple_of(PAGE_SIZE) - used)
    }

    /// Returns the record, with its header, and what fills up to the pages.
    fn record(&self, place: &Place) -> Result<KVVec<u8>> {
        let len = self.record_len(place.at)?;
        let mut payload = KVVec::with_capacity(len, GFP_KERNEL_ACCOUNT)?;
        payload.extend_from_slice(self.extents.as_bytes(), GFP_KERNEL_ACCOUNT)?;
        for chunk in self.pages.chunks(chunk_pages(PAGE_SIZE as u32)) {
            wait::go_on()?;
            let sum = chunk.iter().fold(0, |seed, page| page.hash(seed));
            payload.extend_from_slice(U64::new(sum).as_bytes(), GFP_KERNEL_ACCOUNT)?;
        }
        let mut tags = NO_TAGS;
        let mut pages = self.pages.iter();
        for extent in self.extents.iter().filter(|e| e.has_pages()) {
            for page in pages.by_ref().take(extent.pages.get() as usize) {
                if extent.kind.get() == EXTENT_TAGGED {
                    page.tags(&mut tags);
                    payload.extend_from_slice(&tags, GFP_KERNEL_ACCOUNT)?;
                }
            }
        }
        let mut batch = Batch {
            number: U32::new(place.number),
            extents: U32::new(u32::try_from(self.extents.len())?),
            pages: U32::new(u32::try_from(self.pages.len())?),
            tagged: U32::new(u32::try_from(self.tagged())?),
            at: U64::new(place.at),
            header: place.header,
            reserved: U64::new(0),
            sum: U64::new(0),
        };
        batch.sum = U64::new(sealed(io::xxh64, batch.as_bytes(), &[&payload]));
        let mut record = KVVec::with_capacity(len, GFP_KERNEL_ACCOUNT)?;
        let head = header_of::<Batch>(payload.len());
        for bytes in [head.as_bytes(), batch.as_bytes(), &payload] {
            record.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT)?;
        }
        record.resize(len, 0, GFP_KERNEL_ACCOUNT)?;
        Ok(record)
    }

    /// Writes it to `file` at `pos`, which is advanced; returns the bytes.
    fn write(&self, place: &Place, file: &FileRef, pos: &mut i64) -> Result<u64> {
        let record = self.record(place)?;
        io::write_all(file, &record, pos)?;
        for some in self.pages.chunks(AT_ONCE) {
            wait::go_on()?;
            iov::write_pages(file, pos, some)?;
        }
        Ok((record.len() + self.pages.len() * PAGE_SIZE) as u64)
    }
}

impl Waiting {
    /// Makes an empty one.
    pub(super) fn new() -> Self {
        Self {
            batches: KVVec::new(),
            held: Held::new(),
        }
    }

    /// Writes what was gathered as the next batch, or keeps it until there is enough to write
    /// several at a time. Takes it away.
    pub(super) fn write(&mut self, gathered: &mut Gathered, sink: &mut Sink) -> Result {
        let place = Place {
            number: sink.batches(),
            at: sink.written(),
            header: sink.header(),
        };
        if sink.writers() <= 1 {
            sink.write_with(|file, pos| gathered.write(&place, file, pos))?;
            sink.count_batch(place.at, &gathered.extents, gathered.pages.len())?;
            gathered.extents.clear();
            gathered.pages.clear();
            return Ok(());
        }
        let pages = gathered.pages.len() * PAGE_SIZE;
        let len = gathered.record_len(place.at)? + pages;
        let room = Gathered::new()?;
        sink.count_batch(place.at, &gathered.extents, gathered.pages.len())?;
        let pos = sink.take_place(len as u64)?;
        let gathered = core::mem::replace(gathered, room);
        self.batches.push(
            Placed {
                gathered,
                place,
                pos,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        self.held.add(pages);
        if self.batches.len() >= FOR_EACH * sink.writers() {
            self.finish(sink)?;
        }
        Ok(())
    }

    /// Writes those that wait, several at a time.
    pub(super) fn finish(&mut self, sink: &mut Sink) -> Result {
        let file = sink.file();
        let batches = &self.batches;
        let next = Atomic::new(0i32);
        // The batch that could not be written, counted from 1, and the error.
        let (failed, error) = (Atomic::new(0i32), Atomic::new(0i32));
        helpers::run_on_threads(sink.writers().min(batches.len()).saturating_sub(1), &|| {
            while failed.load(Relaxed) == 0 {
                let n: i32 = next.fetch_add(1, Relaxed);
                let Some(batch) = usize::try_from(n).ok().and_then(|n| batches.get(n)) else {
                    return;
                };
                let mut pos = batch.pos;
                let result = batch.gathered.write(&batch.place, file, &mut pos);
                if let Err(e) = result {
                    if failed.cmpxchg(0, n + 1, Relaxed).is_ok() {
                        error.store(e.to_errno(), Relaxed);
                    }
                }
            }
        });
        // All helpers are through.
        let broken = usize::try_from(failed.load(Relaxed)).ok();
        if let Some(batch) = broken
            .and_then(|n| n.checked_sub(1))
            .and_then(|n| batches.get(n))
        {
            let e = Error::from_errno(error.load(Relaxed));
            sink.part_failed(batch.place.at, e);
            return Err(e);
        }
        self.batches.clear();
        self.held.set(0);
        wait::go_on()
    }
}
