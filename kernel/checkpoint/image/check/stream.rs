// SPDX-License-Identifier: GPL-2.0

//! The records after the metadata: extents and the trailer.

use zerocopy::{
    FromBytes,
    IntoBytes, //
};

use super::{
    fields::POS_MAX,
    record_at,
    sum::{
        sum,
        Crc,
        Sum, //
    },
    Object,
    Run,
    ADDRESS_MAX, //
};
use crate::image::{
    files,
    header::{
        Header,
        Trailer,
        HEADER_LEN, //
    },
    kinds::Kind,
    mm::{
        vma as flag,
        Extent,
        Guard,
        LeftOut,
        Row,
        Shared,
        Vma,
        EXTENT_INODE,
        EXTENT_MAX,
        EXTENT_MM,
        EXTENT_TAGGED,
        GUARDS_MAX,
        TAGGED_BYTES,
        VMA_ANON,
        VMA_FILE, //
    },
    record::{
        parse,
        Fault,
        Raw,
        RecordHeader,
        BODY_MAX,
        RECORD_HEADER_LEN, //
    }, //
};

/// Most bytes of an extent's payload.
const PAYLOAD_MAX: usize = EXTENT_MAX + EXTENT_MAX / TAGGED_BYTES;

/// What a record after the metadata is.
#[derive(Clone, Copy)]
pub enum Next {
    /// An extent: its pages are next in the image.
    Extent(Extent),
    /// An extent whose pages came with another one.
    Shared(Shared),
    /// Where the extents of an object are.
    Row(Row),
    /// The end of the image.
    Trailer(Trailer),
}

/// What is expected next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A record's header.
    Header,
    /// The body of an extent, of a row, or of the trailer.
    Body(Kind),
    /// Bytes of pages, as many.
    Pages(u64),
    /// Nothing.
    End,
}

/// Checks all that comes after the metadata, in the order in which it is read:
///
/// ```text
/// loop {
///     n = stream.header(RECORD_HEADER_LEN bytes)?;
///     (make room for one more run than stream.runs());
///     match stream.body(n bytes)? {
///         Next::Extent(e) => stream.pages(all its pages, in pieces of any size)?,
///         Next::Shared(_) | Next::Row(_) => (),
///         Next::Trailer(_) => break,
///     }
/// }
/// ```
///
/// # Invariants
///
/// `at` is the offset in the image of the next byte to be read, `record` that of the record that
/// it belongs to.
#[derive(Clone)]
pub struct Stream {
    pub(super) state: State,
    pub(super) at: u64,
    pub(super) record: u64,
    meta_at: u64,
    meta_end: u64,
    page_size: u64,
    pub(super) crc: Crc,
    pub(super) chain: Sum,
    pages: Sum,
    pages_crc: u32,
    pub(super) payload_len: u64,
    pub(super) nr_extents: u64,
    pub(super) nr_pages: u64,
    /// The object whose extents come at present; 0: none yet.
    current: u32,
    pub(super) nr_runs: usize,
    /// Number of rows of extents.
    pub(super) nr_rows: u32,
    /// Number of their records that have come.
    pub(super) rows_read: u32,
    /// Where the last of these says that its row is.
    pub(super) last_row: u64,
    /// Number of the object before the first one of the slice of objects.
    pub(super) base: u32,
    /// It reads one row only.
    pub(super) alone: bool,
}

impl Stream {
    /// A stream after the metadata of the image with this header, which starts at offset 0.
    pub fn new(crc: Crc, header: &Header) -> Self {
        let at = (HEADER_LEN as u64).saturating_add(header.meta_len.get());
        let mut chain = Sum::new(crc);
        chain.add(header.crc.as_bytes());
        Self {
            state: State::Header,
            at,
            record: at,
            meta_at: HEADER_LEN as u64,
            meta_end: at,
            page_size: u64::from(header.page_size.get()),
            crc,
            chain,
            pages: Sum::new(crc),
            pages_crc: 0,
            payload_len: 0,
            nr_extents: 0,
            nr_pages: 0,
            current: 0,
            nr_runs: 0,
            nr_rows: 0,
            rows_read: 0,
            last_row: 0,
            base: 0,
            alone: false,
        }
    }

    /// Offset of the next byte in the image.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Number of [`Run`]s so far: at most that of extents.
    pub fn runs(&self) -> usize {
        self.nr_runs
    }

    /// Number of extents so far, shared ones included.
    pub fn extents(&self) -> u64 {
        self.nr_extents
    }

    /// Number of pages so far, those announced included.
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

    fn advance(&mut self, n: usize) {
        self.at = self.at.saturating_add(n as u64);
    }

    /// Takes the header of a record and tells the bytes of its body, at most [`BODY_MAX`].
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
        if kind.check().is_some() {
            return Err(fault("record of metadata after the metadata"));
        }
        if header.version.get() != 0 {
            return Err(fault("unknown version of the record"));
        }
        let body_len = header.body_len.get() as usize;
        if body_len < kind.len_min() || body_len > BODY_MAX || body_len % 8 != 0 {
            return Err(fault("body of impossible length"));
        }
        self.payload_len = header.payload_len.get();
        if self.payload_len > PAYLOAD_MAX as u64 {
            return Err(fault("payload too long"));
        }
        self.state = State::Body(kind);
        self.advance(RECORD_HEADER_LEN);
        Ok(body_len)
    }

    /// Takes the body of the record whose header came before. The objects are those that
    /// [`metadata()`](super::metadata) found in `meta`; `runs` is kept from call to call, and has
    /// room for one more than [`Self::runs`].
    pub fn body(
        &mut self,
        bytes: &[u8],
        meta: &[u8],
        objects: &mut [Object],
        runs: &mut [Run],
    ) -> Result<Next, Fault> {
        let State::Body(kind) = self.state else {
            return Err(Fault::framing(self.at, "no body is expected here"));
        };
        self.advance(bytes.len());
        let raw = Raw {
            at: self.record,
            kind,
            body: bytes,
            payload: &[],
        };
        match kind {
            Kind::Extent | Kind::Shared if self.rows_read != 0 => {
                Err(raw.fault("extent after the rows of extents"))
            }
            Kind::Extent => {
                let extent: Extent = raw.body()?;
                self.extent(&extent, meta, objects, runs)?;
                Ok(Next::Extent(extent))
            }
            Kind::Shared => {
                let shared: Shared = raw.body()?;
                self.shared(&shared, meta, objects, runs)?;
                Ok(Next::Shared(shared))
            }
            _ if self.alone => Err(raw.fault("ends a row of extents too early")),
            Kind::Row => {
                let row: Row = raw.body()?;
                self.row(&row, objects)?;
                Ok(Next::Row(row))
            }
            _ => {
                let trailer: Trailer = raw.body()?;
                self.trailer(&trailer)?;
                Ok(Next::Trailer(trailer))
            }
        }
    }

    /// Takes `bytes` of the pages of the extent that came before. The last ones are accepted only
    /// if the checksum of all is right.
    pub fn pages(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let crc = self.crc;
        self.pages_by(bytes.len(), |register| crc(register, bytes))
    }

    /// Takes `len` bytes of the pages, by which `crc` continues a register: for memory that others may
    /// write to. Else as [`Self::pages`].
    pub fn pages_by(&mut self, len: usize, crc: impl FnOnce(u32) -> u32) -> Result<(), Fault> {
        let too_many = self.fault(Kind::Extent, "more bytes than the extent has");
        let State::Pages(left) = self.state else {
            return Err(too_many);
        };
        let left = left.checked_sub(len as u64).ok_or(too_many)?;
        self.pages.add_by(crc);
        self.advance(len);
        self.state = State::Pages(left);
        if left == 0 {
            if self.pages.value() != self.pages_crc {
                return Err(self.fault(Kind::Extent, "checksum of the pages is wrong"));
            }
            self.state = State::Header;
        }
        Ok(())
    }

    /// Was the trailer read? Without it an image is not one.
    pub fn is_complete(&self) -> bool {
        self.state == State::End
    }

    fn extent(
        &mut self,
        extent: &Extent,
        meta: &[u8],
        objects: &mut [Object],
        runs: &mut [Run],
    ) -> Result<(), Fault> {
        let at = self.record;
        let bad = |why| {
            Err(Fault {
                at,
                kind: Kind::Extent.number(),
                why,
            })
        };
        let bytes = extent.as_bytes();
        let covered = bytes.get(..bytes.len() - size_of::<u32>()).unwrap_or(&[]);
        if sum(self.crc, covered) != extent.body_crc.get() {
            return bad("checksum of the extent's body is wrong");
        }
        if extent.reserved.get() != 0 {
            return bad("reserved field is not zero");
        }
        let addr = extent.addr.get();
        let (len, end) = self
            .range(addr, extent.pages.get())
            .map_err(|why| self.fault(Kind::Extent, why))?;
        let tagged = extent.space.get() == EXTENT_TAGGED;
        let tags = if tagged { len / TAGGED_BYTES as u64 } else { 0 };
        if len + tags != self.payload_len {
            return bad("payload of wrong length");
        }
        let kind = match extent.space.get() {
            EXTENT_MM | EXTENT_TAGGED => Kind::Mm,
            EXTENT_INODE => Kind::Inode,
            _ => return bad("unknown kind of space"),
        };
        let obj = extent.obj.get();
        self.enter(obj, kind, Kind::Extent, objects)?;
        if kind == Kind::Mm {
            let place = Place {
                kind: Kind::Extent,
                tagged,
                range: addr..end,
            };
            self.target(obj, place, meta, objects)?;
            self.note(obj, addr, end, objects, runs)?;
        } else {
            let Some(object) = find(self.base, objects, obj, Some(kind)) else {
                return bad("refers to no such address space or inode");
            };
            if end > POS_MAX {
                return bad("address out of range");
            }
            if addr < object.next {
                return bad("extents of an object overlap or are out of order");
            }
            if !inside(object, end, self.page_size, meta, self.meta_at)? {
                return bad("outside of what can have contents");
            }
            object.next = end;
        }
        self.chain.add(extent.crc.as_bytes());
        self.nr_extents = self.nr_extents.saturating_add(1);
        self.nr_pages = self.nr_pages.saturating_add(u64::from(extent.pages.get()));
        self.pages = Sum::new(self.crc);
        self.pages_crc = extent.crc.get();
        self.state = State::Pages(len + tags);
        Ok(())
    }

    fn shared(
        &mut self,
        shared: &Shared,
        meta: &[u8],
        objects: &mut [Object],
        runs: &[Run],
    ) -> Result<(), Fault> {
        let at = self.record;
        let bad = |why| {
            Err(Fault {
                at,
                kind: Kind::Shared.number(),
                why,
            })
        };
        let bytes = shared.as_bytes();
        let covered = bytes.get(..bytes.len() - size_of::<u32>()).unwrap_or(&[]);
        if sum(self.crc, covered) != shared.crc.get() {
            return bad("checksum of the extent's body is wrong");
        }
        if shared.reserved.get() != 0 || shared.reserved2.get() != 0 {
            return bad("reserved field is not zero");
        }
        if self.payload_len != 0 {
            return bad("payload where none belongs");
        }
        let (addr, from) = (shared.addr.get(), shared.from.get());
        let range = |addr| {
            self.range(addr, shared.pages.get())
                .map_err(|why| self.fault(Kind::Shared, why))
        };
        let (_, end) = range(addr)?;
        range(from)?;
        if !self.alone {
            let source = find(self.base, objects, shared.source.get(), Some(Kind::Mm));
            self.source(shared, source.as_deref(), runs, true)?;
        }
        self.enter(shared.obj.get(), Kind::Mm, Kind::Shared, objects)?;
        let place = Place {
            kind: Kind::Shared,
            tagged: false,
            range: addr..end,
        };
        self.target(shared.obj.get(), place, meta, objects)?;
        self.chain.add(shared.crc.as_bytes());
        self.nr_extents = self.nr_extents.saturating_add(1);
        self.state = State::Header;
        Ok(())
    }

    /// Length in bytes and end of `pages` pages from `addr` on.
    fn range(&self, addr: u64, pages: u32) -> Result<(u64, u64), &'static str> {
        // Does not overflow: both factors are below 2^32.
        let len = u64::from(pages) * self.page_size;
        if len == 0 || len > EXTENT_MAX as u64 {
            return Err("no pages or too many");
        }
        if addr & self.page_size.wrapping_sub(1) != 0 {
            return Err("address is not page-aligned");
        }
        let end = addr.checked_add(len).filter(|&e| e <= ADDRESS_MAX);
        Ok((len, end.ok_or("address out of range")?))
    }

    /// Checks that a place in the address space `obj` comes next in it, and may have contents.
    fn target(
        &mut self,
        obj: u32,
        place: Place,
        meta: &[u8],
        objects: &mut [Object],
    ) -> Result<(), Fault> {
        let at = self.record;
        let kind = place.kind.number();
        let bad = |why| Err(Fault { at, kind, why });
        let (addr, end) = (place.range.start, place.range.end);
        let Some(object) = find(self.base, objects, obj, Some(Kind::Mm)) else {
            return bad("refers to no such address space or inode");
        };
        if addr < object.next {
            return bad("extents of an object overlap or are out of order");
        }
        if !mapped(object, place.range, place.tagged, meta, self.meta_at)? {
            return bad("outside of what can have contents");
        }
        object.next = end;
        Ok(())
    }

    /// Notes that an extent, of the kind `record`, of the object `obj` of `kind` comes next: all of
    /// them follow each other.
    fn enter(
        &mut self,
        obj: u32,
        kind: Kind,
        record: Kind,
        objects: &mut [Object],
    ) -> Result<(), Fault> {
        let row = self.record.saturating_sub(self.meta_end);
        let bad = |why| Fault {
            at: self.record,
            kind: record.number(),
            why,
        };
        if self.alone && obj.checked_sub(1) != Some(self.base) {
            return Err(Fault {
                kind: Kind::Row.number(),
                ..bad("extents are not where their row says")
            });
        }
        let object = find(self.base, objects, obj, Some(kind))
            .ok_or(bad("refers to no such address space or inode"))?;
        if self.current != obj {
            if object.extents != 0 {
                return Err(bad("extents of an object are not in one row"));
            }
            object.runs = (self.nr_runs, self.nr_runs);
            object.row = row;
            self.current = obj;
            self.nr_rows = self.nr_rows.saturating_add(1);
        }
        object.extents = object.extents.saturating_add(1);
        Ok(())
    }

    /// Checks the source of a shared extent: pages of the address space `source` that have come
    /// with its `runs`. False for `before`: not before this.
    pub(super) fn source(
        &self,
        shared: &Shared,
        source: Option<&Object>,
        runs: &[Run],
        before: bool,
    ) -> Result<(), Fault> {
        let bad = |why| Err(self.fault(Kind::Shared, why));
        let Some(source) = source.filter(|o| o.kind() == Some(Kind::Mm)) else {
            return bad("refers to no such address space or inode");
        };
        let from = shared.from.get();
        let to = u64::from(shared.pages.get())
            .saturating_mul(self.page_size)
            .saturating_add(from);
        let (first, last) = source.runs;
        let runs = runs.get(first..last).unwrap_or(&[]);
        let run = runs.get(runs.partition_point(|r| r.end <= from));
        if !before || !run.is_some_and(|r| r.start <= from && to <= r.end) {
            return bad("its contents have not come before");
        }
        Ok(())
    }

    /// Notes that the contents of `start..end` of the address space `obj` have come.
    fn note(
        &mut self,
        obj: u32,
        start: u64,
        end: u64,
        objects: &mut [Object],
        runs: &mut [Run],
    ) -> Result<(), Fault> {
        let room = self.fault(Kind::Extent, "no room for what has come");
        let object = find(self.base, objects, obj, Some(Kind::Mm)).ok_or(room)?;
        let (first, last) = object.runs;
        let before = last.checked_sub(1).filter(|&n| n >= first);
        if let Some(run) = before.and_then(|n| runs.get_mut(n)) {
            if run.end == start {
                run.end = end;
                return Ok(());
            }
        }
        *runs.get_mut(self.nr_runs).ok_or(room)? = Run { start, end };
        self.nr_runs = self.nr_runs.saturating_add(1);
        object.runs = (first, self.nr_runs);
        Ok(())
    }

    fn trailer(&mut self, trailer: &Trailer) -> Result<(), Fault> {
        let bad = |why| Err(self.fault(Kind::Trailer, why));
        let bytes = trailer.as_bytes();
        let covered = bytes.get(..bytes.len() - size_of::<u32>()).unwrap_or(&[]);
        if sum(self.crc, covered) != trailer.crc.get() {
            return bad("checksum of the trailer is wrong");
        }
        if self.payload_len != 0 {
            return bad("payload where none belongs");
        }
        if trailer.total_len.get() != self.at {
            return bad("the image has another length than announced");
        }
        if trailer.extents.get() != self.nr_extents || trailer.pages.get() != self.nr_pages {
            return bad("number of extents or pages is not as announced");
        }
        if self.rows_read != 0 && self.rows_read != self.nr_rows {
            return bad("rows of extents are missing");
        }
        if trailer.chain.get() != self.chain.value() {
            return bad("extents were changed, left out or exchanged");
        }
        self.state = State::End;
        Ok(())
    }
}

/// Where contents go in an address space.
struct Place {
    /// Kind of the record.
    kind: Kind,
    /// They have memory tags.
    tagged: bool,
    range: core::ops::Range<u64>,
}

/// The object of `kind` with reference `obj`; `objects` begin after that with number `base`.
pub(super) fn find(
    base: u32,
    objects: &mut [Object],
    obj: u32,
    kind: Option<Kind>,
) -> Option<&mut Object> {
    let place = usize::try_from(obj.checked_sub(base)?)
        .ok()?
        .checked_sub(1)?;
    objects
        .get_mut(place)
        .filter(|o| o.kind().is_some() && o.kind() == kind)
}

/// Is `range` mapped privately in the address space `object`, free of guard regions, and with
/// memory tags if it is `tagged`? The search starts at the mapping that the last one ended in:
/// extents come in ascending order.
fn mapped(
    object: &mut Object,
    range: core::ops::Range<u64>,
    tagged: bool,
    meta: &[u8],
    meta_at: u64,
) -> Result<bool, Fault> {
    let (start, end) = (range.start, range.end);
    if end > ADDRESS_MAX {
        return Ok(false);
    }
    let mut offset = object.cursor;
    if offset == 0 {
        offset = after(meta, meta_at, object.offset)?;
    }
    let mut covered = start;
    while offset < meta.len() as u64 {
        let raw = record_at(meta, meta_at, offset)?;
        match raw.kind {
            Kind::Vma if covered < end => {
                let vma: Vma = raw.body()?;
                if vma.end.get() > covered {
                    let private = matches!(vma.kind.get(), VMA_ANON | VMA_FILE);
                    let tags = vma.flags.get() & flag::MTE != 0;
                    if vma.start.get() > covered || !private || (tagged && !tags) {
                        return Ok(false);
                    }
                    covered = vma.end.get();
                    object.cursor = offset;
                }
            }
            Kind::LeftOut => {
                let gap: LeftOut = raw.body()?;
                if gap.start.get() < end && start < gap.end.get() {
                    return Ok(false);
                }
            }
            Kind::Guards => {
                let guards: &[Guard] = raw.array(GUARDS_MAX)?;
                let next = guards.partition_point(|g| g.end.get() <= start);
                if guards.get(next).is_some_and(|g| g.start.get() < end) {
                    return Ok(false);
                }
            }
            _ => break,
        }
        offset = after(meta, meta_at, offset)?;
    }
    Ok(covered >= end)
}

/// Does the inode `object` reach as far as `end`?
fn inside(
    object: &Object,
    end: u64,
    page_size: u64,
    meta: &[u8],
    meta_at: u64,
) -> Result<bool, Fault> {
    let inode: files::Inode = object.record(meta, meta_at)?.body()?;
    Ok(inode
        .size
        .get()
        .checked_next_multiple_of(page_size)
        .is_some_and(|size| end <= size))
}

/// Offset in the metadata of the record after that at `offset`.
fn after(meta: &[u8], meta_at: u64, offset: u64) -> Result<u64, Fault> {
    let at = meta_at.saturating_add(offset);
    let outside = Fault::framing(at, "offset outside of the metadata");
    let bytes = usize::try_from(offset)
        .ok()
        .and_then(|n| meta.get(n..))
        .ok_or(outside)?;
    let (_, len) = parse(bytes, at)?;
    Ok(offset.saturating_add(len as u64))
}
