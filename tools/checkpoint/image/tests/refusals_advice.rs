// SPDX-License-Identifier: GPL-2.0

//! Each check of what the caller of checkpoint(2) has left out, or has opened anew, has a case that
//! fails without it.

mod sample;

use checkpoint_image::image::{
    files::{
        open,
        OpenFile,
        FILE_REOPENED, //
    },
    kinds::Kind,
    mm::LeftOut, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};

/// Puts memory that was left out behind the record of kind `kind` number `nth`.
fn left_out(s: &mut Sample, kind: Kind, nth: usize, start: u64, end: u64) {
    s.add(
        LeftOut {
            start: start.into(),
            end: end.into(),
        },
        &[],
    );
    let record = s.records.pop().expect("one was added");
    let at = s.position(kind, nth) + 1;
    s.records.insert(at, record);
}

/// Makes the second open file of the sample one that is opened anew.
fn reopened(s: &mut Sample, path: &str, mode: u32) {
    *s.payload(Kind::File, 1) = path.as_bytes().to_vec();
    s.edit(1, |f: &mut OpenFile| {
        f.kind.set(FILE_REOPENED);
        f.mode.set(mode);
        f.flags.set(open::READ | open::WRITE);
        f.inode.set(0);
        f.size.set(0);
    });
}

#[test]
fn possible() {
    accepted(&[
        |s| {
            s.extents.clear();
            left_out(s, Kind::Vma, 2, 0x14000, 0x15000);
        },
        |s| {
            s.extents.clear();
            left_out(s, Kind::Vma, 2, 0x14000, 0x15000);
            left_out(s, Kind::Vma, 2, 0x15000, 0x16000);
        },
        |s| reopened(s, "/dev/ttyS0", 0o020600),
        |s| reopened(s, "/dev/sda", 0o060600),
        |s| reopened(s, "/var/log/job", 0o100600),
        |s| reopened(s, "/tmp", 0o040700),
    ]);
}

#[test]
fn memory() {
    let outside = "memory that was left out lies outside of the mapping";
    refused(&[
        ("memory that was left out is not page-aligned", |s| {
            left_out(s, Kind::Vma, 1, 0x11000, 0x11800)
        }),
        ("memory that was left out is not page-aligned", |s| {
            left_out(s, Kind::Vma, 1, 0x11800, 0x12000)
        }),
        (outside, |s| left_out(s, Kind::Vma, 1, 0x10000, 0x12000)),
        (outside, |s| left_out(s, Kind::Vma, 1, 0x11000, 0x13000)),
        (outside, |s| left_out(s, Kind::Vma, 1, 0x11000, 0x11000)),
        (outside, |s| left_out(s, Kind::Vma, 1, 0x12000, 0x11000)),
        ("memory that was left out of no mapping", |s| {
            left_out(s, Kind::Mm, 0, 0x11000, 0x12000)
        }),
        ("memory that was left out of no mapping", |s| {
            left_out(s, Kind::Guards, 0, 0x13000, 0x14000)
        }),
        ("memory that was left out of no mapping", |s| {
            left_out(s, Kind::Process, 0, 0x11000, 0x12000)
        }),
        ("outside of what can have contents", |s| {
            left_out(s, Kind::Vma, 1, 0x11000, 0x12000)
        }),
        ("too much memory that was left out", |s| {
            for _ in 0..=256 {
                left_out(s, Kind::Vma, 2, 0x14000, 0x15000);
            }
        }),
        ("payload where none belongs", |s| {
            left_out(s, Kind::Vma, 1, 0x11000, 0x12000);
            s.payload(Kind::LeftOut, 0).push(0);
        }),
    ]);
}

#[test]
fn files() {
    let types = "of a type that is not opened anew";
    refused(&[
        (types, |s| reopened(s, "/run/fifo", 0o010600)),
        (types, |s| reopened(s, "/run/socket", 0o140600)),
        (types, |s| reopened(s, "/run/link", 0o120777)),
        (types, |s| reopened(s, "/run/nothing", 0o600)),
        ("mode does not fit the kind of file", |s| {
            reopened(s, "/run/file", 0o1100600)
        }),
        ("reserved or unused field is not zero", |s| {
            reopened(s, "/run/file", 0o100600);
            s.edit(1, |f: &mut OpenFile| f.size.set(1));
        }),
        ("reserved or unused field is not zero", |s| {
            reopened(s, "/run/file", 0o100600);
            s.edit(1, |f: &mut OpenFile| f.inode.set(obj::INODE));
        }),
        ("opened by exec, but not a program", |s| {
            reopened(s, "/run/file", 0o100600);
            s.edit(1, |f: &mut OpenFile| f.flags.set(open::READ | open::EXEC));
        }),
        ("path is not absolute", |s| {
            reopened(s, "run/file", 0o100600)
        }),
        ("maps a file that cannot be mapped so", |s| {
            s.edit(0, |f: &mut OpenFile| {
                f.kind.set(FILE_REOPENED);
                f.size.set(0);
            });
            s.edit(0, |m: &mut checkpoint_image::image::mm::Mm| m.exe.set(0));
        }),
    ]);
}
