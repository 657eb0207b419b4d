// SPDX-License-Identifier: GPL-2.0

//! Rows of extents: reading those of several objects at a time, each on its own.
//!
//! A reader that can seek gets the rows of an image by [`Rows`], without having to believe them:
//! it reads each with a [`Stream`] of its own ([`Stream::of_row`]), and gives what came of them to
//! the one of the whole image, in their order ([`Stream::join`]). That goes on with the records of
//! the rows, and so finds whether they were right.

use zerocopy::IntoBytes;

use super::{
    stream::{
        find,
        State, //
    },
    sum::{
        sum,
        Crc,
        Sum, //
    },
    Object,
    Run,
    Stream, //
};
use crate::image::{
    header::{
        Header,
        Trailer,
        HEADER_LEN, //
    },
    kinds::Kind,
    mm::{
        Row,
        Shared, //
    },
    record::{
        header_of,
        Body,
        Fault,
        RECORD_HEADER_LEN, //
    }, //
};

/// Bytes of the record of a row, and of the trailer.
pub const ROW_LEN: usize = RECORD_HEADER_LEN + size_of::<Row>();

/// Where the extents of an object are said to be.
#[derive(Clone, Copy, Default)]
pub struct RowRange {
    /// The object.
    pub obj: u32,
    /// Offset of the first one in the image.
    pub at: u64,
    /// Offset after the last one.
    pub end: u64,
}

/// The rows of an image whose end is at hand: what its last records say about them.
pub struct Rows {
    meta_end: u64,
    first: u64,
    count: u32,
    next: u32,
}

/// The body of the record `bytes`, if it is one of a `T` as this version writes it.
fn record<T: Body>(bytes: &[u8; ROW_LEN]) -> Option<T> {
    let (head, body) = bytes.split_at_checked(RECORD_HEADER_LEN)?;
    if head != header_of::<T>(0).as_bytes() {
        return None;
    }
    T::read_from_bytes(body).ok()
}

impl Rows {
    /// Looks at `last`, the last bytes of an image of `total` bytes, and `before`, those before
    /// them. `None`: it does not end with a trailer, or has no rows.
    ///
    /// There are at most as many as `objects`.
    pub fn new(
        header: &Header,
        objects: usize,
        total: u64,
        before: &[u8; ROW_LEN],
        last: &[u8; ROW_LEN],
    ) -> Option<Self> {
        let trailer: Trailer = record(last)?;
        let row: Row = record(before)?;
        let count = row.number.get().checked_add(1)?;
        if trailer.total_len.get() != total || usize::try_from(count).ok()? > objects {
            return None;
        }
        let meta_end = (HEADER_LEN as u64).checked_add(header.meta_len.get())?;
        // Does not overflow: both factors are below 2^32.
        let len = u64::from(count) * ROW_LEN as u64;
        let first = total.checked_sub(ROW_LEN as u64)?.checked_sub(len)?;
        (first > meta_end).then_some(Self {
            meta_end,
            first,
            count,
            next: 0,
        })
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Offset in the image of the first one's record; the others follow.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Takes the record of the next row. The range ends where all end; the next one's start is
    /// the true end. `None`: it is not one, or they are out of order.
    pub fn take(&mut self, bytes: &[u8; ROW_LEN], before: Option<&RowRange>) -> Option<RowRange> {
        let row: Row = record(bytes)?;
        let at = self.meta_end.checked_add(row.at.get())?;
        let lowest = before.map_or(self.meta_end, |b| b.at.saturating_add(1));
        let right = row.number.get() == self.next && at >= lowest && at < self.first;
        self.next = self.next.checked_add(1)?;
        (right && (before.is_some() || at == self.meta_end)).then_some(RowRange {
            obj: row.obj.get(),
            at,
            end: self.first,
        })
    }
}

/// What a row amounts to.
#[derive(Clone, Copy)]
pub struct Part {
    object: Object,
    extents: u64,
    pages: u64,
    chain: Sum,
    end: u64,
}

impl Stream {
    /// A stream over one row of the image with this header. [`Self::body`] is to be called with a
    /// slice of its object only. The sources of shared extents are not looked at:
    /// [`Self::has_come`].
    pub fn of_row(crc: Crc, header: &Header, range: &RowRange) -> Self {
        let mut stream = Self::new(crc, header);
        stream.at = range.at;
        stream.record = range.at;
        stream.chain = Sum::part(crc);
        stream.base = range.obj.saturating_sub(1);
        stream.alone = true;
        stream
    }

    /// Leaves out the pages of the extent that came before, which were checked by another stream.
    /// Returns the bytes that they take.
    pub fn skip(&mut self) -> Result<u64, Fault> {
        let State::Pages(left) = self.state else {
            return Err(Fault::framing(self.at, "no pages are expected here"));
        };
        self.at = self.at.saturating_add(left);
        self.state = State::Header;
        Ok(left)
    }

    /// What the row read by this stream, of which `object` is the object, amounts to.
    pub fn part(&self, object: &Object) -> Part {
        Part {
            object: *object,
            extents: self.nr_extents,
            pages: self.nr_pages,
            chain: self.chain,
            end: self.at,
        }
    }

    /// Takes the next row, which another stream has read from where this one stands, and which
    /// brought as many as `runs` runs.
    pub fn join(
        &mut self,
        part: &Part,
        range: &RowRange,
        runs: usize,
        objects: &mut [Object],
    ) -> Result<(), Fault> {
        let at = self.at;
        self.record = at;
        let bad = |why| Fault {
            at,
            kind: Kind::Row.number(),
            why,
        };
        if self.state != State::Header || range.at != at || part.end != range.end {
            return Err(bad("extents are not where their row says"));
        }
        let object = find(self.base, objects, range.obj, part.object.kind())
            .ok_or(bad("refers to no such address space or inode"))?;
        if object.extents != 0 {
            return Err(bad("extents of an object are not in one row"));
        }
        *object = part.object;
        let last = self
            .nr_runs
            .checked_add(runs)
            .ok_or(bad("too many extents"))?;
        object.runs = (self.nr_runs, last);
        self.nr_runs = last;
        // Four bytes of each.
        self.chain.join(
            &part.chain,
            part.extents.saturating_mul(size_of::<u32>() as u64),
        );
        self.nr_extents = self.nr_extents.saturating_add(part.extents);
        self.nr_pages = self.nr_pages.saturating_add(part.pages);
        self.nr_rows = self.nr_rows.saturating_add(1);
        self.at = part.end;
        self.record = part.end;
        Ok(())
    }

    /// Have the contents of the shared extent, which this stream over one row has just read, come
    /// before it? `objects` and `runs` are those of the whole image, after all rows were joined.
    pub fn has_come(&self, shared: &Shared, objects: &[Object], runs: &[Run]) -> Result<(), Fault> {
        let place = |obj: u32| usize::try_from(obj).ok()?.checked_sub(1);
        let object = |obj| place(obj).and_then(|n| objects.get(n));
        let came = match (object(shared.obj.get()), object(shared.source.get())) {
            // Within a row addresses ascend.
            (Some(own), Some(source)) if own.offset == source.offset => {
                shared.from.get() < shared.addr.get()
            }
            (Some(own), Some(source)) => source.row < own.row,
            _ => false,
        };
        self.source(shared, object(shared.source.get()), runs, came)
    }

    /// Takes the record of a row.
    pub(super) fn row(&mut self, row: &Row, objects: &mut [Object]) -> Result<(), Fault> {
        let bad = |why| Err(self.fault(Kind::Row, why));
        let bytes = row.as_bytes();
        let covered = bytes.get(..bytes.len() - size_of::<u32>()).unwrap_or(&[]);
        if sum(self.crc, covered) != row.crc.get() {
            return bad("checksum of the row is wrong");
        }
        if row.reserved.get() != 0 {
            return bad("reserved field is not zero");
        }
        if self.payload_len != 0 {
            return bad("payload where none belongs");
        }
        if row.number.get() != self.rows_read || self.rows_read >= self.nr_rows {
            return bad("row out of order, or of nothing");
        }
        let obj = row.obj.get();
        let object = [Kind::Mm, Kind::Inode]
            .into_iter()
            .find_map(|kind| find(self.base, objects, obj, Some(kind)).copied());
        let Some(object) = object else {
            return bad("refers to no such address space or inode");
        };
        let at = row.at.get();
        if object.extents == 0 || (object.row, object.extents) != (at, row.extents.get()) {
            return bad("extents are not where their row says");
        }
        if self.rows_read != 0 && at <= self.last_row {
            return bad("row out of order, or of nothing");
        }
        self.last_row = at;
        self.rows_read = self.rows_read.saturating_add(1);
        self.state = State::Header;
        Ok(())
    }
}

const _: () = assert!(ROW_LEN == RECORD_HEADER_LEN + size_of::<Trailer>());
