// SPDX-License-Identifier: GPL-2.0

//! Huge pages of hugetlbfs.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            zero, //
        },
        walk::Walk, //
    },
    huge::*,
    record::{
        Fault,
        Raw, //
    }, //
};

/// What the record before may have huge pages of.
#[derive(Clone, Copy)]
pub(in crate::image) enum Room {
    /// A private mapping of a file: its first address, and that after the last.
    Mapping(u64, u64),
    /// An inode of so many bytes.
    Inode(u64),
}

impl Walk<'_> {
    /// Checks huge pages of the mapping or inode before it.
    pub(in crate::image) fn huge_pages(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let huge: HugePages = raw.body()?;
        let room = self
            .room
            .take()
            .ok_or(raw.fault("huge pages of neither an inode nor a private mapping of a file"))?;
        let ((mut from, end), known) = match room {
            Room::Mapping(start, end) => ((start, end), HUGE_FORKED),
            Room::Inode(size) => ((0, size), HUGE_RESERVED),
        };
        flags(raw, u64::from(huge.flags.get()), u64::from(known))?;
        zero(raw, huge.reserved.get() == 0)?;
        let size = 1u64
            .checked_shl(huge.shift.get())
            .filter(|&size| size > self.page_size && huge.shift.get() <= HUGE_SHIFT_MAX)
            .ok_or(raw.fault("impossible size of huge pages"))?;
        let is_whole = |n: u64| n & size.wrapping_sub(1) == 0;
        ensure(
            raw,
            is_whole(from) && is_whole(end),
            "begins or ends within a huge page",
        )?;
        let asked = huge.asked.get();
        ensure(
            raw,
            asked == 0
                || (matches!(room, Room::Inode(_))
                    && asked < end
                    && end.wrapping_sub(asked) < size),
            "impossible size of a segment",
        )?;
        let ranges: &[HugeRange] = raw.array(HUGE_RANGES_MAX)?;
        ensure(
            raw,
            usize::try_from(huge.ranges.get()) == Ok(ranges.len()),
            "number of ranges is not as announced",
        )?;
        for range in ranges {
            let (first, last) = (range.start.get(), range.end.get());
            ensure(
                raw,
                is_whole(first) && is_whole(last),
                "range begins or ends within a huge page",
            )?;
            ensure(
                raw,
                from <= first && first < last && last <= end,
                "ranges overlap, touch, or lie outside of what has them",
            )?;
            // Two that touch are one.
            from = last.saturating_add(1);
        }
        Ok(())
    }
}
