// SPDX-License-Identifier: GPL-2.0

//! Filling several batches at a time, from an image that can be read anywhere.
//!
//! First the image is read to its end but for the pages: all that can be said of it without them is
//! checked before anything is filled, in the order in which it is there. What was checked is kept,
//! so that nobody can change it afterwards.
//!
//! A page that is shared is copied from an address space that another helper may be filling. So
//! there are two rounds: all contents first, and then what is copied.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

use crate::{
    image::check::{
        Descriptor,
        Next,
        Object,
        Stream, //
    },
    kapi::{
        fork::helpers,
        mm::held::Held, //
    },
    restart::{
        fill::{
            Filler,
            Runs, //
        },
        source::Source, //
    }, //
};

/// Most batches that are filled at a time.
const AT_ONCE: usize = 16;

/// A batch that was checked, but for its pages.
struct Kept {
    /// Its record.
    bytes: KVVec<u8>,
    /// Offset of that in the image.
    at: u64,
}

impl Kept {
    fn parts(&self, filler: &Filler<'_>) -> Result<Descriptor<'_>> {
        Descriptor::parse(&self.bytes, self.at, PAGE_SIZE as u32).map_err(|f| filler.r.fault(f))
    }
}

/// The batches of an image.
struct ParallelFill<'a> {
    batches: &'a [Kept],
    /// Error that ends all; 0: none.
    error: Atomic<i32>,
}

/// Fills all that comes after the metadata, where `stream` and `source` stand, and leaves them at
/// the end of the image.
///
/// EINVAL: the image is faulty; EINTR: the caller was killed.
pub(super) fn fill(
    filler: &Filler<'_>,
    source: &mut Source,
    stream: &mut Stream,
    objects: &mut [Object],
) -> Result {
    let mut held = Held::new();
    let batches = survey(filler, source, stream, objects, &mut held)?;
    let at_once = helpers::online_cpus().min(batches.len()).min(AT_ONCE);
    let job = ParallelFill {
        batches: &batches,
        error: Atomic::new(0),
    };
    let source = &*source;
    job.each(at_once, |batch| {
        let parts = batch.parts(filler)?;
        filler.contents(&mut source.at(parts.pages_at)?, &parts)
    })?;
    job.each(at_once, |batch| filler.copies(&batch.parts(filler)?))
}

/// Reads and checks all but the pages. What is kept grows with what was read.
fn survey(
    filler: &Filler<'_>,
    source: &mut Source,
    stream: &mut Stream,
    objects: &mut [Object],
    held: &mut Held,
) -> Result<KVVec<Kept>> {
    let mut batches = KVVec::new();
    let mut runs = Runs::new();
    let mut record = KVVec::new();
    loop {
        let batch = match filler.next(source, stream, objects, &mut runs, &mut record)? {
            Next::Batch(batch) => batch,
            Next::Index => continue,
            Next::Trailer => return Ok(batches),
        };
        let (pages, len) = (batch.pages_len(), batch.len);
        source.skip(pages)?;
        let mut bytes = KVVec::with_capacity(len, GFP_KERNEL_ACCOUNT)?;
        bytes.extend_from_slice(record.get(..len).ok_or(EINVAL)?, GFP_KERNEL_ACCOUNT)?;
        held.add(len);
        let at = stream.record_at();
        batches.push(Kept { bytes, at }, GFP_KERNEL_ACCOUNT)?;
    }
}

impl ParallelFill<'_> {
    /// Calls `f` for each batch, in the caller and its helpers. An error ends it.
    fn each(&self, at_once: usize, f: impl Fn(&Kept) -> Result + Sync) -> Result {
        let next = Atomic::new(0);
        helpers::run_on_threads(at_once.saturating_sub(1), &|| {
            while self.verdict().is_ok() {
                let n: i32 = next.fetch_add(1, Relaxed);
                let Some(batch) = usize::try_from(n).ok().and_then(|n| self.batches.get(n)) else {
                    return;
                };
                if let Err(e) = f(batch) {
                    let _ = self.error.cmpxchg(0, e.to_errno(), Relaxed);
                }
            }
        });
        self.verdict()
    }

    /// Returns the error that some helper met; `Ok` so far.
    fn verdict(&self) -> Result {
        match self.error.load(Relaxed) {
            0 => Ok(()),
            e => Err(Error::from_errno(e)),
        }
    }
}
