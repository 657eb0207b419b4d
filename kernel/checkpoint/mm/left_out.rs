// SPDX-License-Identifier: GPL-2.0

//! Memory whose contents are left out of the image, as the caller has asked for it: it comes back as
//! zeros.
//!
//! Only private anonymous memory is left out so: a page of any other that is not in the image would
//! show what is in its file.

use kernel::{
    num::casts::usize_as_u64,
    prelude::*, //
};

use zerocopy::byteorder::little_endian::U64;

use crate::{
    core::rules::LeftOut,
    found::Capture,
    image::{
        self,
        mm::VMA_ANON, //
    },
    kapi::{
        cgroup::frozen::FrozenTasks,
        mm::{
            space::MmRef,
            vma::VmaInfo, //
        },
        pid::namespace::PidNs,
        task::frozen::FrozenTask,
        time::wait, //
    },
    mm::{
        vma as mapping,
        Range, //
    }, //
};

/// Memory that is left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gap {
    /// Address of the address space, which the frozen tasks keep.
    mm: usize,
    start: usize,
    end: usize,
}

/// Notes which memory is left out.
///
/// ESRCH: there is no such process in the tree, or it has no memory any more.
pub(crate) fn apply(cap: &mut Capture, tasks: &FrozenTasks<'_>, list: &[LeftOut]) -> Result {
    let here = PidNs::of_current()?;
    let root = tasks.first().map_or(0, |t| t.tgid_in(&here));
    let mut gaps: KVVec<Gap> = KVVec::new();
    for range in list {
        wait::check_killed()?;
        let pid = if range.pid == 0 { root } else { range.pid };
        let of_it = |t: &&FrozenTask| t.is_live() && t.tgid_in(&here) == pid;
        let Some(mm) = tasks.iter().find(of_it).and_then(MmRef::of) else {
            cap.report.line(fmt!(
                "error: memory {:x}-{:x} of process {} can't be left out: there is no such process \
                 in the tree [ESRCH]",
                range.start,
                range.end,
                range.pid
            ));
            return Err(ESRCH);
        };
        let gap = Gap {
            mm: mm.addr(),
            start: range.start,
            end: range.end,
        };
        gaps.push(gap, GFP_KERNEL_ACCOUNT)?;
    }
    gaps.sort_unstable();
    // Those that touch or overlap are one.
    let mut joined: KVVec<Gap> = KVVec::new();
    for gap in gaps {
        match joined.last_mut() {
            Some(last) if last.mm == gap.mm && gap.start <= last.end => {
                last.end = last.end.max(gap.end);
            }
            _ => joined.push(gap, GFP_KERNEL_ACCOUNT)?,
        }
    }
    cap.found.mm.gaps = joined;
    Ok(())
}

/// Returns the parts of `start` to `end` that are left out of the address space at `mm`.
fn parts(
    gaps: &[Gap],
    mm: usize,
    start: usize,
    end: usize,
) -> impl Iterator<Item = (usize, usize)> + '_ {
    let first = gaps.partition_point(|g| (g.mm, g.end) <= (mm, start));
    gaps.iter()
        .skip(first)
        .take_while(move |g| g.mm == mm && g.start < end)
        .map(move |g| (g.start.max(start), g.end.min(end)))
}

/// Tells what is left out of the address space `mm` of `t`, which has the mappings `all`; refuses
/// what would not come back as zeros.
pub(super) fn collect(cap: &mut Capture, t: &FrozenTask, mm: &MmRef, all: &[VmaInfo]) -> Result {
    let mut own: KVVec<Gap> = KVVec::new();
    for gap in cap.found.mm.gaps.iter().filter(|g| g.mm == mm.addr()) {
        own.push(*gap, GFP_KERNEL_ACCOUNT)?;
    }
    for Gap { start, end, .. } in own {
        let mut at = start;
        let first = all.partition_point(|v| v.end <= start);
        for v in all.iter().skip(first) {
            if v.start > at || at >= end || mapping::kind(v) != Some(VMA_ANON) {
                break;
            }
            at = v.end;
        }
        if at < end {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "memory {:x}-{:x}: can't be left out, as at {:x} there is no private anonymous \
                     memory",
                    start,
                    end,
                    at
                ),
            );
            continue;
        }
        let who = t.display(&cap.pid_ns);
        cap.report.note(
            &who,
            fmt!(
                "memory {:x}-{:x}: left out: comes back as zeros",
                start,
                end
            ),
        );
    }
    Ok(())
}

/// Writes records of what is left out of the mapping `v` of the address space at `mm`.
pub(super) fn save(cap: &mut Capture, mm: usize, v: &VmaInfo) -> Result {
    for (start, end) in parts(&cap.found.mm.gaps, mm, v.start, v.end) {
        let record = image::mm::LeftOut {
            start: U64::new(usize_as_u64(start)),
            end: U64::new(usize_as_u64(end)),
        };
        cap.meta.put(&record, &[])?;
    }
    Ok(())
}

/// Appends to `ranges` what of `range`, which is of the address space at `mm`, goes into the image.
pub(super) fn push(cap: &Capture, mm: usize, range: Range, ranges: &mut KVVec<Range>) -> Result {
    let mut from = range.start;
    for (start, end) in parts(&cap.found.mm.gaps, mm, range.start, range.end) {
        if from < start {
            let part = Range {
                start: from,
                end: start,
                ..range
            };
            ranges.push(part, GFP_KERNEL_ACCOUNT)?;
        }
        from = end;
    }
    if from < range.end {
        let part = Range {
            start: from,
            ..range
        };
        ranges.push(part, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_left_out)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_mapping() {
        let gap = |mm, start, end| Gap { mm, start, end };
        let gaps = [
            gap(1, 10, 20),
            gap(2, 10, 20),
            gap(2, 30, 40),
            gap(3, 0, 90),
        ];
        let of = |mm, start, end| parts(&gaps, mm, start, end);
        assert!(of(2, 0, 100).eq([(10, 20), (30, 40)]));
        assert!(of(2, 15, 35).eq([(15, 20), (30, 35)]));
        assert!(of(2, 20, 30).next().is_none());
        assert!(of(2, 40, 50).next().is_none());
        assert!(of(1, 0, 100).eq([(10, 20)]));
        assert!(of(4, 0, 100).next().is_none());
    }
}
