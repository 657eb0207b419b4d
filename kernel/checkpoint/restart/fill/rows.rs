// SPDX-License-Identifier: GPL-2.0

//! Filling several address spaces at a time, from an image that can be read anywhere.
//!
//! The rows of extents tell where the contents of each object are. They are not believed: each is
//! read and checked on its own, and the stream that reads the image as a whole takes what came of
//! them in their order, goes on with the rows' own records, and so finds whether they were right.
//!
//! A page that is shared is copied from an address space that another helper may be filling. So
//! there are two rounds: all contents first, and then what is copied.

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
};

use crate::{
    image::{
        check::{
            Next,
            Object,
            Part,
            RowRange,
            Rows,
            Run,
            Stream,
            ROW_LEN, //
        },
        Header, //
    },
    kapi::{
        fork::helpers,
        fs::io, //
    },
    restart::{
        fill::Filler,
        source::Source, //
    }, //
};

/// Most address spaces that are filled at a time.
const AT_ONCE: usize = 16;

/// What came of a row.
struct Done {
    part: Part,
    runs: KVVec<Run>,
    /// It has shared extents.
    shares: bool,
}

/// The rows of an image.
struct Job<'a> {
    filler: &'a Filler<'a>,
    source: &'a Source,
    header: &'a Header,
    ranges: &'a [RowRange],
    /// Error that ends all; 0: none.
    error: Atomic<i32>,
}

/// Fills what the rows of the image say, if several can be filled at a time: then `stream` and
/// `source` stand behind the extents. Else nothing is done.
pub(super) fn fill(
    filler: &Filler<'_>,
    source: &mut Source,
    header: &Header,
    stream: &mut Stream,
    objects: &mut [Object],
    runs: &mut KVVec<Run>,
) -> Result {
    let ranges = find(source, header, objects.len())?;
    let at_once = helpers::online_cpus().min(ranges.len()).min(AT_ONCE);
    if at_once < 2 {
        return Ok(());
    }
    let job = Job {
        filler,
        source,
        header,
        ranges: &ranges,
        error: Atomic::new(0),
    };
    let mut done = KVVec::with_capacity(ranges.len(), GFP_KERNEL_ACCOUNT)?;
    for _ in &ranges {
        done.push(None, GFP_KERNEL_ACCOUNT)?;
    }
    let done = KBox::pin_init(new_mutex!(done, "checkpoint rows"), GFP_KERNEL_ACCOUNT)?;
    job.each(at_once, |n, range| {
        let row = job.contents(range, objects)?;
        if let Some(place) = done.lock().get_mut(n) {
            *place = Some(row);
        }
        Ok(())
    })?;
    let shares = join(&job, &done, stream, objects, runs)?;
    // Nothing changes them any more.
    let (objects, runs) = (&*objects, &*runs);
    job.each(at_once, |n, range| {
        if shares.get(n) == Some(&true) {
            job.copies(range, objects, runs)?;
        }
        Ok(())
    })?;
    *source = source.at(stream.at())?;
    Ok(())
}

/// The rows that the end of the image tells of; none if it is not one, or can't be read first.
///
/// Grows with what was read, and never beyond the number of objects.
fn find(source: &Source, header: &Header, objects: usize) -> Result<KVVec<RowRange>> {
    let mut ranges: KVVec<RowRange> = KVVec::new();
    let len = ROW_LEN as u64;
    let Some(total) = source.len().filter(|&n| n >= 2 * len) else {
        return Ok(ranges);
    };
    let mut ends = [[0; ROW_LEN]; 2];
    let mut reader = source.at(total - 2 * len)?;
    for end in &mut ends {
        if !reader.read_exact(end)? {
            return Ok(ranges);
        }
    }
    let [before, last] = &ends;
    let Some(mut rows) = Rows::new(header, objects, total, before, last) else {
        return Ok(ranges);
    };
    let mut reader = source.at(rows.first())?;
    for _ in 0..rows.count() {
        let mut record = [0; ROW_LEN];
        let more = reader.read_exact(&mut record)?;
        let Some(range) = rows.take(&record, ranges.last()).filter(|_| more) else {
            // Reading from front to back tells what is wrong.
            return Ok(KVVec::new());
        };
        if let Some(last) = ranges.last_mut() {
            last.end = range.at;
        }
        ranges.push(range, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(ranges)
}

/// Gives `stream` what came of the rows, in their order. Returns which have shared extents.
fn join(
    job: &Job<'_>,
    done: &Mutex<KVVec<Option<Done>>>,
    stream: &mut Stream,
    objects: &mut [Object],
    runs: &mut KVVec<Run>,
) -> Result<KVVec<bool>> {
    let mut shares = KVVec::with_capacity(job.ranges.len(), GFP_KERNEL_ACCOUNT)?;
    let mut done = done.lock();
    for (range, row) in job.ranges.iter().zip(done.iter_mut()) {
        let row = row.take().ok_or(EINVAL)?;
        stream
            .join(&row.part, range, row.runs.len(), objects)
            .map_err(|f| job.filler.r.fault(f))?;
        runs.extend_from_slice(&row.runs, GFP_KERNEL_ACCOUNT)?;
        shares.push(row.shares, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(shares)
}

impl Job<'_> {
    /// Calls `f` for each row and its number, in the caller and its helpers. An error ends it.
    fn each(&self, at_once: usize, f: impl Fn(usize, &RowRange) -> Result + Sync) -> Result {
        let next = Atomic::new(0);
        helpers::together(at_once - 1, &|| {
            while self.verdict().is_ok() {
                let n: i32 = next.fetch_add(1, Relaxed);
                let Some((n, range)) = usize::try_from(n)
                    .ok()
                    .and_then(|n| self.ranges.get(n).map(|range| (n, range)))
                else {
                    return;
                };
                if let Err(e) = f(n, range) {
                    let _ = self.error.cmpxchg(0, e.to_errno(), Relaxed);
                }
            }
        });
        self.verdict()
    }

    /// The error that some helper met; `Ok` so far.
    fn verdict(&self) -> Result {
        match self.error.load(Relaxed) {
            0 => Ok(()),
            e => Err(Error::from_errno(e)),
        }
    }

    /// A stream over a row, a reader of it, and a copy of its object, of which there is only one.
    fn open(&self, range: &RowRange, objects: &[Object]) -> Result<(Stream, Source, [Object; 1])> {
        let object = usize::try_from(range.obj)?
            .checked_sub(1)
            .and_then(|n| objects.get(n))
            .copied()
            .unwrap_or_default();
        let stream = Stream::of_row(io::crc32c, self.header, range);
        Ok((stream, self.source.at(range.at)?, [object]))
    }

    /// Fills the contents that the extents of a row have.
    fn contents(&self, range: &RowRange, objects: &[Object]) -> Result<Done> {
        let (mut stream, mut source, mut object) = self.open(range, objects)?;
        let mut runs = KVVec::new();
        let mut shares = false;
        while stream.at() < range.end {
            self.verdict()?;
            match self
                .filler
                .next(&mut source, &mut stream, &mut object, &mut runs)?
            {
                Next::Extent(extent) => {
                    self.filler.extent(&mut source, &mut stream, &extent)?;
                }
                Next::Shared(_) => shares = true,
                Next::Row(_) | Next::Trailer(_) => return Err(EINVAL),
            }
        }
        runs.truncate(stream.runs());
        let [object] = object;
        Ok(Done {
            part: stream.part(&object),
            runs,
            shares,
        })
    }

    /// Copies what the shared extents of a row tell of. The record of each is read, and checked,
    /// once more: what was read before may have changed.
    fn copies(&self, range: &RowRange, objects: &[Object], all: &[Run]) -> Result {
        let (mut stream, mut source, object) = self.open(range, objects)?;
        let mut object = object.map(|o| o.anew());
        let mut runs = KVVec::new();
        while stream.at() < range.end {
            self.verdict()?;
            match self
                .filler
                .next(&mut source, &mut stream, &mut object, &mut runs)?
            {
                Next::Extent(_) => {
                    let len = stream.skip().map_err(|f| self.filler.r.fault(f))?;
                    source.skip(len)?;
                }
                Next::Shared(shared) => {
                    stream
                        .has_come(&shared, objects, all)
                        .map_err(|f| self.filler.r.fault(f))?;
                    self.filler.shared(&shared)?;
                }
                Next::Row(_) | Next::Trailer(_) => return Err(EINVAL),
            }
        }
        Ok(())
    }
}
