// SPDX-License-Identifier: GPL-2.0

//! Extents: may they be where they say, and have what they refer to come before?

use super::{
    fields::POS_MAX,
    record_at,
    stream::Stream,
    Object,
    Run,
    ADDRESS_MAX, //
};
use crate::image::{
    contents::{
        Extent,
        BATCH_MAX,
        EXTENT_INODE,
        EXTENT_MM,
        EXTENT_PARENT,
        EXTENT_SHARED,
        EXTENT_TAGGED, //
    },
    files,
    kinds::Kind,
    mm::{
        vma as flag,
        Guard,
        LeftOut,
        Vma,
        GUARDS_MAX,
        VMA_ANON,
        VMA_FILE, //
    },
    record::{
        parse,
        Fault, //
    }, //
};

const OUTSIDE: &str = "outside of what can have contents";
const NO_OBJECT: &str = "refers to no such address space or inode";

impl Stream {
    /// Checks an extent, and notes that it has come.
    pub(super) fn extent(
        &mut self,
        extent: &Extent,
        meta: &[u8],
        objects: &mut [Object],
        runs: &mut [Run],
    ) -> Result<(), Fault> {
        let at = self.record_at();
        let bad = |why| {
            Err(Fault {
                at,
                kind: Kind::Batch.number(),
                why,
            })
        };
        let (addr, kind) = (extent.addr.get(), extent.kind.get());
        let end = self.end(addr, extent)?;
        if kind > EXTENT_PARENT {
            return bad("unknown kind of extent");
        }
        let elsewhere = matches!(kind, EXTENT_SHARED | EXTENT_PARENT);
        if !elsewhere && (extent.source.get() != 0 || extent.from.get() != 0) {
            return bad("refers to pages elsewhere, and has its own");
        }
        if elsewhere {
            self.end(extent.from.get(), extent)?;
        }
        if kind == EXTENT_PARENT && (!self.has_parent || extent.source.get() == 0) {
            return bad("pages of a parent image, which this one does not have");
        }
        if kind == EXTENT_SHARED {
            self.source(extent, objects, runs)?;
        }
        let obj = extent.obj.get();
        let owner = self.enter(obj, kind, objects)?;
        let Some(object) = find(objects, obj) else {
            return bad(NO_OBJECT);
        };
        if addr < object.next {
            return bad("extents of an object overlap or are out of order");
        }
        let fits = match owner {
            Kind::Mm => mapped(object, addr..end, kind == EXTENT_TAGGED, meta, self.meta_at)?,
            _ if end > POS_MAX => return bad("address out of range"),
            _ => inside(object, end, self.page_size, meta, self.meta_at)?,
        };
        if !fits {
            return bad(OUTSIDE);
        }
        object.next = end;
        if owner == Kind::Mm && kind != EXTENT_SHARED {
            self.note(obj, addr, end, objects, runs)?;
        }
        Ok(())
    }

    /// Returns where an extent's pages end that begin at `addr`.
    fn end(&self, addr: u64, extent: &Extent) -> Result<u64, Fault> {
        let fault = |why| self.fault(Kind::Batch, why);
        // Does not overflow: both factors are below 2^32.
        let len = u64::from(extent.pages.get()) * self.page_size;
        if len == 0 || len > BATCH_MAX as u64 {
            return Err(fault("no pages or too many"));
        }
        if addr & self.page_size.wrapping_sub(1) != 0 {
            return Err(fault("address is not page-aligned"));
        }
        let end = addr.checked_add(len).filter(|&e| e <= ADDRESS_MAX);
        end.ok_or(fault("address out of range"))
    }

    /// Notes that an extent of `kind` of the object `obj` comes next: all of them follow each
    /// other. Returns the kind of the object.
    fn enter(&mut self, obj: u32, kind: u32, objects: &mut [Object]) -> Result<Kind, Fault> {
        let bad = |why| self.fault(Kind::Batch, why);
        let object = find(objects, obj).ok_or(bad(NO_OBJECT))?;
        let owner = match (kind, object.kind()) {
            (EXTENT_MM | EXTENT_TAGGED | EXTENT_SHARED | EXTENT_PARENT, Some(Kind::Mm)) => Kind::Mm,
            (EXTENT_INODE | EXTENT_PARENT, Some(Kind::Inode)) => Kind::Inode,
            _ => return Err(bad(NO_OBJECT)),
        };
        if self.current != obj {
            if object.has_extents {
                return Err(bad("extents of an object are not in one row"));
            }
            object.has_extents = true;
            object.runs = (self.nr_runs, self.nr_runs);
            self.current = obj;
        }
        Ok(owner)
    }

    /// Checks the source of a shared extent: pages of an address space that have come before.
    fn source(&self, extent: &Extent, objects: &mut [Object], runs: &[Run]) -> Result<(), Fault> {
        let bad = |why| Err(self.fault(Kind::Batch, why));
        let source = find(objects, extent.source.get()).filter(|o| o.kind() == Some(Kind::Mm));
        let Some(source) = source else {
            return bad(NO_OBJECT);
        };
        let from = extent.from.get();
        let to = self.end(from, extent)?;
        let (first, last) = source.runs;
        let runs = runs.get(first..last).unwrap_or(&[]);
        let run = runs.get(runs.partition_point(|r| r.end <= from));
        if !run.is_some_and(|r| r.start <= from && to <= r.end) {
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
        let room = self.fault(Kind::Batch, "no room for what has come");
        let object = find(objects, obj).ok_or(room)?;
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
}

/// Returns the object with reference `obj`, if there is one.
fn find(objects: &mut [Object], obj: u32) -> Option<&mut Object> {
    let place = usize::try_from(obj).ok()?.checked_sub(1)?;
    objects.get_mut(place).filter(|o| o.kind().is_some())
}

/// Returns whether `range` is mapped privately in the address space `object`, free of guard
/// regions, and with memory tags if it is `tagged`. The search starts at the mapping that the last
/// one ended in: extents come in ascending order.
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
            // Of a ring, which has no contents; where huge pages are; on which nodes; and who watches it.
            Kind::Aio | Kind::HugePages | Kind::MemoryPolicy | Kind::Watched => (),
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

/// Returns whether the inode `object` reaches as far as `end`.
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

/// Returns the offset in the metadata of the record after that at `offset`.
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
