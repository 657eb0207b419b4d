// SPDX-License-Identifier: GPL-2.0

//! Batches of extents on their way into the image: one thread writes them while the next are found and
//! summed, where the file takes that. More could not write at a time: filesystems have a lock for each
//! file.

use kernel::{
    new_mutex,
    num::casts::{
        u32_as_usize,
        usize_as_u64, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Mutex, //
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
        fork::helpers::{
            self,
            Tokens, //
        },
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

/// Batches that may wait for the thread that writes them.
const WAITING_MAX: usize = 8;

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

/// A batch that is to be written.
struct Ready {
    record: KVVec<u8>,
    pages: KVVec<PageRef>,
    /// Offset of its record in the image.
    at: u64,
    /// Offset of its record in the file.
    pos: i64,
}

/// Batches on their way to the thread that writes them.
#[pin_data]
struct Queue {
    #[pin]
    waiting: Mutex<Waiting>,
    /// One for each batch that waits, and for the end.
    #[pin]
    ready: Tokens,
    /// One for each that may wait besides.
    #[pin]
    room: Tokens,
}

/// What waits, and what became of the rest.
struct Waiting {
    batches: KVVec<Ready>,
    /// Offset in the image of the batch that could not be written, and why.
    failed: Option<(u64, Error)>,
}

/// The way of the batches into the image: the first is written by the caller, the others by a thread
/// beside it, where the file takes that, while the caller finds and sums the next ones.
pub(super) struct Batches<'a> {
    sink: &'a mut Sink,
    /// Starts the thread; `None`: there is none.
    start: Option<&'a mut dyn FnMut() -> bool>,
    queue: Option<&'a Queue>,
    /// Batches so far.
    count: usize,
    /// Their pages can't be swapped out, and count as the caller's until the last one is written.
    held: &'a mut Held,
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
        tagged.map(|e| u32_as_usize(e.pages.get())).sum()
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
        let used = usize::try_from(at % usize_as_u64(PAGE_SIZE))?;
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
            for page in pages.by_ref().take(u32_as_usize(extent.pages.get())) {
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
}

impl Ready {
    /// Writes it to `file` at `pos`, which is advanced; returns the bytes.
    fn write(&self, file: &FileRef, pos: &mut i64) -> Result<u64> {
        io::write_all(file, &self.record, pos)?;
        for some in self.pages.chunks(AT_ONCE) {
            wait::go_on()?;
            iov::write_pages(file, pos, some)?;
        }
        Ok((self.record.len() + self.pages.len() * PAGE_SIZE) as u64)
    }
}

impl Queue {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            waiting <- new_mutex!(
                Waiting {
                    batches: KVVec::with_capacity(WAITING_MAX, GFP_KERNEL_ACCOUNT)?,
                    failed: None,
                },
                "checkpoint batches"
            ),
            ready <- Tokens::new(),
            room <- Tokens::new(),
        })
    }

    /// Adds a batch, once there is room. EINTR: the caller was killed; else what became of one
    /// before.
    fn push(&self, batch: Ready) -> Result {
        self.room.take()?;
        let mut waiting = self.waiting.lock();
        if let Some((_, e)) = waiting.failed {
            return Err(e);
        }
        // There is room.
        let pushed = waiting.batches.push_within_capacity(batch);
        drop(waiting);
        pushed.map_err(|_| EINVAL)?;
        self.ready.give();
        Ok(())
    }

    /// Ends it: no batch comes any more. Those that wait are written if `all` is in order.
    fn end(&self, all: bool) {
        if !all {
            let batches = core::mem::replace(&mut self.waiting.lock().batches, KVVec::new());
            drop(batches);
        }
        self.ready.give();
    }

    /// Writes what comes, to its end.
    fn write(&self, file: &FileRef) {
        loop {
            let killed = self.ready.take();
            let mut waiting = self.waiting.lock();
            let Ok(batch) = waiting.batches.remove(0) else {
                return;
            };
            drop(waiting);
            let mut pos = batch.pos;
            let written = killed.and_then(|()| batch.write(file, &mut pos).map(drop));
            let at = batch.at;
            drop(batch);
            if let Err(e) = written {
                self.waiting.lock().failed = Some((at, e));
                self.room.give();
                return;
            }
            self.room.give();
        }
    }
}

/// Has `own` find batches and add them to what it gets, which brings them into the image; returns
/// what it returns, or why a batch could not be written.
pub(super) fn write(sink: &mut Sink, own: impl FnOnce(&mut Batches<'_>) -> Result) -> Result {
    let mut held = Held::new();
    if !sink.is_parted() {
        return own(&mut Batches::new(sink, &mut held, None, None));
    }
    let file = sink.file().clone();
    let queue = KBox::pin_init(Queue::new(), GFP_KERNEL_ACCOUNT)?;
    for _ in 0..WAITING_MAX {
        queue.room.give();
    }
    let result = helpers::run_beside(&|| queue.write(&file), |start| {
        let result = own(&mut Batches::new(
            sink,
            &mut held,
            Some(start),
            Some(&queue),
        ));
        queue.end(result.is_ok());
        result
    });
    let waiting = queue.waiting.lock();
    if let Some((at, e)) = waiting.failed {
        sink.part_failed(at, e);
        // Its signal was for the thread.
        if e == EFBIG {
            io::tell_limit()?;
        }
        return Err(e);
    }
    // The thread was killed while nothing waited: what came after that is not written, though the caller
    // may not know yet that it is killed, too.
    if result.is_ok() && !waiting.batches.is_empty() {
        return Err(EINTR);
    }
    drop(waiting);
    result.and_then(|()| wait::go_on())
}

impl<'a> Batches<'a> {
    fn new(
        sink: &'a mut Sink,
        held: &'a mut Held,
        start: Option<&'a mut dyn FnMut() -> bool>,
        queue: Option<&'a Queue>,
    ) -> Self {
        Self {
            sink,
            start,
            queue,
            count: 0,
            held,
        }
    }

    /// Brings what was gathered into the image as the next batch. Takes it away.
    pub(super) fn add(&mut self, gathered: &mut Gathered) -> Result {
        let sink = &mut *self.sink;
        let place = Place {
            number: sink.batches(),
            at: sink.written(),
            header: sink.header(),
        };
        let record = gathered.record(&place)?;
        sink.count_batch(place.at, &gathered.extents, gathered.pages.len())?;
        gathered.extents.clear();
        // Not for a single batch: most processes are small.
        if self.count == 1 && !self.start.as_mut().is_some_and(|start| start()) {
            self.queue = None;
        }
        let beside = self.queue.filter(|_| self.count > 0);
        self.count += 1;
        let pages = if beside.is_some() {
            let room = KVVec::with_capacity(BATCH_ROOM, GFP_KERNEL_ACCOUNT)?;
            core::mem::replace(&mut gathered.pages, room)
        } else {
            core::mem::replace(&mut gathered.pages, KVVec::new())
        };
        let mut batch = Ready {
            record,
            pages,
            at: place.at,
            pos: 0,
        };
        let Some(queue) = beside else {
            let written = sink.write_with(|file, pos| batch.write(file, pos));
            batch.pages.clear();
            gathered.pages = batch.pages;
            return written;
        };
        batch.pos = sink.take_place((batch.record.len() + batch.pages.len() * PAGE_SIZE) as u64)?;
        // As much as may wait, from the first one on.
        self.held.set(WAITING_MAX * BATCH_MAX);
        queue.push(batch)
    }
}
