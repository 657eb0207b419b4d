// SPDX-License-Identifier: GPL-2.0

//! Huge pages of hugetlbfs.
//!
//! Whatever has them has a file of hugetlbfs, anonymous mappings too. What a shared mapping shows are
//! pages of that file. A private one has pages of its own, for which the kernel sets some aside when
//! it is made.
//!
//! Pages are made again where they were by the tasks themselves, before anything is filled: so they
//! are charged to their cgroups, and a machine that has too few is told so at once.

use kernel::{
    fmt,
    num::casts::{
        arch::u64_as_usize,
        usize_as_u64, //
    },
    prelude::*, //
};

use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    IntoBytes, //
};

use crate::{
    core::{
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::Capture,
    image::{
        huge::{
            HugePages,
            HugeRange,
            HUGE_FORKED,
            HUGE_RANGES_MAX,
            HUGE_RESERVED, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::file::FileRef,
        mm::{
            hugetlb,
            space::MmRef,
            vma::{
                self,
                bit,
                Huge,
                VmaInfo, //
            },
            walk, //
        },
        time::wait, //
    }, //
};

/// Writes the record of the huge pages of `what`.
fn put(
    cap: &mut Capture,
    what: fmt::Arguments<'_>,
    shift: u32,
    flags: u32,
    asked: u64,
    ranges: &[HugeRange],
) -> Result {
    if ranges.len() > HUGE_RANGES_MAX {
        cap.report.line(fmt!(
            "error: {}: its huge pages lie in {} places, of which only {} can be saved [E2BIG]",
            what,
            ranges.len(),
            HUGE_RANGES_MAX
        ));
        return Err(E2BIG);
    }
    let record = HugePages {
        shift: U32::new(shift),
        flags: U32::new(flags),
        ranges: U32::new(u32::try_from(ranges.len())?),
        reserved: U32::new(0),
        asked: U64::new(asked),
    };
    cap.meta.put(&record, ranges.as_bytes())
}

fn range(start: u64, end: u64) -> HugeRange {
    HugeRange {
        start: U64::new(start),
        end: U64::new(end),
    }
}

/// Writes what huge pages the mapping `v` of `mm` has of its own, if it is one of such.
pub(super) fn save_mapping(cap: &mut Capture, mm: &MmRef, v: &VmaInfo) -> Result {
    let Some(huge) = v.huge.filter(|_| v.flags & bit::MAYSHARE == 0) else {
        return Ok(());
    };
    let found = walk::huge_ranges(mm, v.start, v.end).inspect_err(|&e| {
        if e != EINTR {
            cap.report.line(fmt!(
                "error: mapping {:x}-{:x}: its huge pages can't be looked at: one is broken, or \
                 there is no memory for it: see the kernel's log [{}]",
                v.start,
                v.end,
                Errno(e)
            ));
        }
    })?;
    let mut ranges = KVVec::new();
    for (start, end) in found {
        ranges.push(
            range(usize_as_u64(start), usize_as_u64(end)),
            GFP_KERNEL_ACCOUNT,
        )?;
    }
    let flags = if huge.owner || v.flags & bit::NORESERVE != 0 {
        0
    } else {
        HUGE_FORKED
    };
    put(
        cap,
        fmt!("mapping {:x}-{:x}", v.start, v.end),
        huge.shift,
        flags,
        0,
        &ranges,
    )
}

/// Writes what huge pages `file`, which is `obj`, has, if it is of hugetlbfs. `size`: the bytes
/// that its record says it has: by now others may have changed those of a file that has a name.
/// `asked`: the bytes that a segment of System V shared memory was made with; 0: it is none.
///
/// EBUSY: it has no whole number of pages any more.
pub(crate) fn save_file(
    cap: &mut Capture,
    file: &FileRef,
    obj: ObjRef,
    size: u64,
    asked: u64,
) -> Result {
    let Some(shift) = hugetlb::shift(file) else {
        return Ok(());
    };
    if size % hugetlb::size(shift)? as u64 != 0 {
        cap.report.line(fmt!(
            "error: contents of object {}: others have just given it a size that is no whole number \
             of huge pages: have it set (ftruncate) [EBUSY]",
            obj.get()
        ));
        return Err(EBUSY);
    }
    let mut ranges = KVVec::new();
    let mut from = 0;
    while let Some((start, end)) = hugetlb::next_range(file, from, size)? {
        wait::go_on()?;
        ranges.push(range(start, end), GFP_KERNEL_ACCOUNT)?;
        from = end;
    }
    let flags = if hugetlb::is_reserved(file) {
        HUGE_RESERVED
    } else {
        0
    };
    put(
        cap,
        fmt!("contents of object {}", obj.get()),
        shift,
        flags,
        if asked == size { 0 } else { asked },
        &ranges,
    )
}

/// Returns why a file of hugetlbfs can't be made again.
pub(crate) fn refuses_file(file: &FileRef) -> Option<&'static str> {
    let page = 1u64.checked_shl(hugetlb::shift(file)?)?;
    let size = u64::try_from(file.size()).unwrap_or(0);
    (size % page != 0)
        .then_some("its size is no whole number of huge pages: have it set (ftruncate)")
}

/// Returns the record of huge pages that follows that of the inode `obj`, if it has some.
pub(crate) fn of_inode<'a>(r: &'a Restore, obj: ObjRef) -> Result<Option<(HugePages, Raw<'a>)>> {
    let raw = match r.records_after(obj)?.next() {
        Some(raw) => raw.map_err(|f| r.fault(f))?,
        None => return Ok(None),
    };
    if raw.kind != Kind::HugePages {
        return Ok(None);
    }
    let record = raw.body().map_err(|f| r.fault(f))?;
    Ok(Some((record, raw)))
}

/// Returns the size of the pages of the inode `obj`, as a power of two, if they are huge.
pub(crate) fn shift_of(r: &Restore, obj: ObjRef) -> Result<Option<u32>> {
    Ok(of_inode(r, obj)?.map(|(record, _)| record.shift.get()))
}

/// Counts the pages of the size `shift` in `ranges`.
fn pages(ranges: &[HugeRange], shift: u32) -> u64 {
    let bytes = ranges
        .iter()
        .map(|range| range.end.get().saturating_sub(range.start.get()))
        .fold(0, u64::saturating_add);
    bytes.checked_shr(shift).unwrap_or(0)
}

/// Reports that huge pages of the size `shift` can't be had for `what`, of which it is to have
/// `wanted`; returns the error. `before`: how many were free before it was tried; `None`: the
/// machine has none of that size.
pub(crate) fn missing(
    r: &Restore,
    plan: &TaskRecords<'_>,
    e: Error,
    what: fmt::Arguments<'_>,
    shift: u32,
    wanted: u64,
    before: Option<u64>,
) -> Error {
    let size = 1u64.checked_shl(shift).unwrap_or(0) >> 10;
    match (before, e) {
        (_, EINTR | ESRCH) => e,
        (_, EPERM) => r.fail(
            e,
            plan,
            fmt!(
                "{}: its huge pages are code, which proc_mem.force_override forbids to write to",
                what
            ),
        ),
        (None, _) => r.fail(
            EOPNOTSUPP,
            plan,
            fmt!(
                "{}: this machine has no huge pages of {} KiB: see /sys/kernel/mm/hugepages",
                what,
                size
            ),
        ),
        // Of a file that has a name, also what its mount takes.
        (Some(free), _) if free >= wanted => r.fail(
            e,
            plan,
            fmt!(
                "{}: {} huge pages of {} KiB are needed, and as many are free, but a limit does not \
                 allow them: raise that of the hugetlb cgroup, or size= of the mount of hugetlbfs",
                what,
                wanted,
                size
            ),
        ),
        (Some(free), _) => r.fail(
            ENOMEM,
            plan,
            fmt!(
                "{}: {} huge pages of {} KiB are needed, of which {} are free: raise vm.nr_hugepages \
                 (/sys/kernel/mm/hugepages), or the limit of the hugetlb cgroup",
                what,
                wanted,
                size,
                free
            ),
        ),
    }
}

/// Gives `file`, which was made for the inode `obj` with its size, the huge pages that are set
/// aside for it, and those that it had. It has to be of hugetlbfs if that was, and not if not.
pub(crate) fn restore_file(
    r: &Restore,
    plan: &TaskRecords<'_>,
    obj: ObjRef,
    file: &FileRef,
) -> Result {
    let Some((record, raw)) = of_inode(r, obj)? else {
        return match hugetlb::shift(file) {
            None => Ok(()),
            Some(_) => Err(r.fail(
                EINVAL,
                plan,
                fmt!("a file without huge pages: hugetlbfs is mounted where it was: unmount that"),
            )),
        };
    };
    let shift = record.shift.get();
    if hugetlb::shift(file) != Some(shift) {
        return Err(r.fail(
            EINVAL,
            plan,
            fmt!(
                "a file with huge pages: no hugetlbfs with pages of {} KiB is mounted where it was",
                1u64.checked_shl(shift).unwrap_or(0) >> 10
            ),
        ));
    }
    let ranges: &[HugeRange] = raw.array(HUGE_RANGES_MAX).map_err(|f| r.fault(f))?;
    let size = hugetlb::size(shift)?;
    let is_reserved = record.flags.get() & HUGE_RESERVED != 0;
    let wanted = if is_reserved {
        u64::try_from(file.size())?.checked_shr(shift).unwrap_or(0)
    } else {
        pages(ranges, shift)
    };
    let before = hugetlb::free(shift);
    let make = || {
        if is_reserved {
            hugetlb::reserve(file)?;
        }
        for range in ranges {
            let (start, end) = (range.start.get(), range.end.get());
            hugetlb::allocate(plan.restoring()?, file, start, end, size)?;
        }
        Ok(())
    };
    make().map_err(|e| {
        missing(
            r,
            plan,
            e,
            fmt!("a file or shared memory with huge pages"),
            shift,
            wanted,
            before,
        )
    })
}

/// Returns what the record `raw` says of a private mapping.
pub(super) fn of_mapping(r: &Restore, raw: &Raw<'_>) -> Result<HugePages> {
    raw.body().map_err(|f| r.fault(f))
}

/// Returns whether nothing is to be set aside for the private mapping with this record, as in a
/// child of fork().
pub(super) fn is_forked(record: &HugePages) -> bool {
    record.flags.get() & HUGE_FORKED != 0
}

/// Gives the private mapping from `start` to `end` of `mm`, the caller's, the huge pages that it
/// had, of which `raw` is the record.
pub(super) fn restore_mapping(
    r: &Restore,
    plan: &TaskRecords<'_>,
    mm: &MmRef,
    (start, end): (usize, usize),
    raw: &Raw<'_>,
) -> Result {
    let record = of_mapping(r, raw)?;
    let shift = record.shift.get();
    let what = fmt!("mapping {:x}-{:x}", start, end);
    if vma::huge(mm, start)?.map(|Huge { shift, .. }| shift) != Some(shift) {
        return Err(r.fail(
            EINVAL,
            plan,
            fmt!(
                "{}: its file has not the huge pages of {} KiB that it had",
                what,
                1u64.checked_shl(shift).unwrap_or(0) >> 10
            ),
        ));
    }
    let ranges: &[HugeRange] = raw.array(HUGE_RANGES_MAX).map_err(|f| r.fault(f))?;
    let size = hugetlb::size(shift)?;
    let before = hugetlb::free(shift);
    let mut page = KVec::new();
    for range in ranges {
        let mut at = u64_as_usize(range.start.get());
        while at < u64_as_usize(range.end.get()) {
            wait::go_on()?;
            page.clear();
            walk::writable(mm, at, 1, &mut page)
                .map_err(|e| missing(r, plan, e, what, shift, pages(ranges, shift), before))?;
            at = at.checked_add(size).ok_or(EINVAL)?;
        }
    }
    if is_forked(&record) {
        hugetlb::set_forked(start).map_err(|e| match e {
            EINTR => e,
            _ => r.fail(
                e,
                plan,
                fmt!("{}: is not as fork() leaves huge pages to a child", what),
            ),
        })?;
    }
    Ok(())
}
