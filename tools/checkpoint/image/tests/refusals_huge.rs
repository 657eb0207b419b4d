// SPDX-License-Identifier: GPL-2.0

//! Each check of huge pages has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::Inode,
    huge::{
        HugePages,
        HugeRange,
        HUGE_FORKED,
        HUGE_RESERVED,
        HUGE_SHIFT_MAX, //
    },
    kinds::Kind,
    mm::Vma, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};
use zerocopy::IntoBytes;

/// Two pages of the usual size.
const SHIFT: u32 = 13;

/// Puts huge pages behind the record of kind `kind` number `nth`.
fn huge(s: &mut Sample, kind: Kind, nth: usize, ranges: &[(u64, u64)]) {
    let ranges: Vec<HugeRange> = ranges
        .iter()
        .map(|&(start, end)| HugeRange {
            start: start.into(),
            end: end.into(),
        })
        .collect();
    s.add(
        HugePages {
            shift: SHIFT.into(),
            flags: 0.into(),
            ranges: (ranges.len() as u32).into(),
            reserved: 0.into(),
            asked: 0.into(),
        },
        ranges.as_slice().as_bytes(),
    );
    let record = s.records.pop().expect("one was added");
    let at = s.position(kind, nth) + 1;
    s.records.insert(at, record);
}

/// Puts some behind an inode of four of them.
fn of_inode(s: &mut Sample, ranges: &[(u64, u64)]) {
    s.extents.clear();
    s.edit(1, |i: &mut Inode| i.size.set(0x8000));
    huge(s, Kind::Inode, 1, ranges);
}

/// Puts some behind a private mapping of four of them.
fn of_mapping(s: &mut Sample, ranges: &[(u64, u64)]) {
    s.extents.clear();
    s.edit(0, |v: &mut Vma| {
        v.start.set(0x8000);
        v.end.set(0x10000);
    });
    huge(s, Kind::Vma, 0, ranges);
}

#[test]
fn possible() {
    accepted(&[
        |s| of_inode(s, &[]),
        |s| of_inode(s, &[(0, 0x2000), (0x4000, 0x8000)]),
        |s| of_mapping(s, &[]),
        |s| of_mapping(s, &[(0x8000, 0x10000)]),
        |s| of_mapping(s, &[(0x8000, 0xa000), (0xe000, 0x10000)]),
        |s| {
            of_mapping(s, &[]);
            s.edit(0, |h: &mut HugePages| h.flags.set(HUGE_FORKED));
        },
        |s| {
            of_inode(s, &[]);
            s.edit(0, |h: &mut HugePages| h.flags.set(HUGE_RESERVED));
        },
        |s| {
            of_inode(s, &[]);
            s.edit(0, |h: &mut HugePages| h.asked.set(0x6001));
        },
    ]);
}

#[test]
fn places() {
    let nothing = "huge pages of neither an inode nor a private mapping of a file";
    refused(&[
        (nothing, |s| huge(s, Kind::Vma, 1, &[])),
        (nothing, |s| huge(s, Kind::Vma, 3, &[])),
        (nothing, |s| huge(s, Kind::Process, 0, &[])),
        (nothing, |s| {
            of_inode(s, &[]);
            huge(s, Kind::HugePages, 0, &[]);
        }),
        ("begins or ends within a huge page", |s| {
            of_inode(s, &[]);
            s.edit(1, |i: &mut Inode| i.size.set(0x7000));
        }),
        ("begins or ends within a huge page", |s| {
            of_mapping(s, &[]);
            s.edit(0, |v: &mut Vma| v.start.set(0x9000));
        }),
        ("begins or ends within a huge page", |s| {
            of_mapping(s, &[]);
            s.edit(0, |v: &mut Vma| v.end.set(0xf000));
        }),
    ]);
}

#[test]
fn fields() {
    let size = "impossible size of huge pages";
    refused(&[
        (size, |s| {
            of_inode(s, &[]);
            s.edit(0, |h: &mut HugePages| h.shift.set(12));
        }),
        (size, |s| {
            of_inode(s, &[]);
            s.edit(1, |i: &mut Inode| i.size.set(0));
            s.edit(0, |h: &mut HugePages| h.shift.set(HUGE_SHIFT_MAX + 1));
        }),
        (size, |s| {
            of_inode(s, &[]);
            s.edit(0, |h: &mut HugePages| h.shift.set(64));
        }),
        ("unknown flag", |s| {
            of_inode(s, &[]);
            s.edit(0, |h: &mut HugePages| h.flags.set(HUGE_FORKED));
        }),
        ("unknown flag", |s| {
            of_mapping(s, &[]);
            s.edit(0, |h: &mut HugePages| h.flags.set(HUGE_RESERVED));
        }),
        ("reserved or unused field is not zero", |s| {
            of_inode(s, &[]);
            s.edit(0, |h: &mut HugePages| h.reserved.set(1));
        }),
        ("impossible size of a segment", |s| {
            of_inode(s, &[]);
            s.edit(0, |h: &mut HugePages| h.asked.set(0x6000));
        }),
        ("impossible size of a segment", |s| {
            of_inode(s, &[]);
            s.edit(0, |h: &mut HugePages| h.asked.set(0x8000));
        }),
        ("impossible size of a segment", |s| {
            of_mapping(s, &[]);
            s.edit(0, |h: &mut HugePages| h.asked.set(0xf000));
        }),
        ("number of ranges is not as announced", |s| {
            of_inode(s, &[(0, 0x2000)]);
            s.edit(0, |h: &mut HugePages| h.ranges.set(2));
        }),
    ]);
}

#[test]
fn ranges() {
    let outside = "ranges overlap, touch, or lie outside of what has them";
    refused(&[
        ("range begins or ends within a huge page", |s| {
            of_inode(s, &[(0x1000, 0x4000)])
        }),
        ("range begins or ends within a huge page", |s| {
            of_inode(s, &[(0, 0x3000)])
        }),
        (outside, |s| of_inode(s, &[(0, 0xa000)])),
        (outside, |s| of_inode(s, &[(0x2000, 0x2000)])),
        (outside, |s| of_inode(s, &[(0x4000, 0x2000)])),
        (outside, |s| of_inode(s, &[(0, 0x2000), (0x2000, 0x4000)])),
        (outside, |s| of_inode(s, &[(0, 0x4000), (0x2000, 0x6000)])),
        (outside, |s| of_inode(s, &[(0x4000, 0x6000), (0, 0x2000)])),
        (outside, |s| of_mapping(s, &[(0x6000, 0xa000)])),
        (outside, |s| of_mapping(s, &[(0xe000, 0x12000)])),
    ]);
}
