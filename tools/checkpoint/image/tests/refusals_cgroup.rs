// SPDX-License-Identifier: GPL-2.0

//! Each check of files of cgroupfs has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::{
        cgroup::*,
        *, //
    },
    kinds::Kind,
    task::*, //
};
use sample::{
    accepted_all,
    obj,
    refused_all,
    zeroed,
    Sample, //
};

const ENTRY: u32 = obj::LAST + 1;
const OPEN: u32 = obj::LAST + 2;

/// The sample, with an open file of a cgroup.
fn with_cgroup() -> Sample {
    let mut s = Sample::small();
    s.edit(0, |c: &mut Container| c.objects.set(OPEN));
    s.add(
        zeroed(|e: &mut CgroupEntry| {
            e.obj.set(ENTRY);
            e.root.set(3);
            e.cgroup.set(7);
        }),
        &[],
    );
    s.add(
        zeroed(|f: &mut OpenFile| {
            f.obj.set(OPEN);
            f.kind.set(FILE_CGROUP);
            f.flags.set(open::READ);
            f.mode.set(0o100444);
            f.inode.set(ENTRY);
        }),
        b"/cg/job/cgroup.events",
    );
    s
}

/// Edits the record of the open file.
fn open_file(s: &mut Sample, f: impl FnOnce(&mut OpenFile)) {
    let files = s.records.iter().filter(|r| r.kind == Kind::File.number());
    let last = files.count() - 1;
    s.edit(last, f);
}

/// Gives the open file another path.
fn set_path(s: &mut Sample, path: &[u8]) {
    let files = s.records.iter().filter(|r| r.kind == Kind::File.number());
    let last = files.count() - 1;
    *s.payload(Kind::File, last) = path.to_vec();
}

fn accepted(cases: &[fn(&mut Sample)]) {
    accepted_all(with_cgroup, cases);
}

fn refused(cases: &[sample::Case]) {
    refused_all(with_cgroup, cases);
}

#[test]
fn entries() {
    accepted(&[
        |_| (),
        // The directory of the cgroup itself; cgroupfs is the root directory; it is of another cgroup.
        |s| {
            set_path(s, b"/cg/job");
            open_file(s, |f| f.mode.set(0o040755));
        },
        |s| {
            set_path(s, b"/job/cgroup.events");
            s.edit(0, |e: &mut CgroupEntry| {
                e.root.set(0);
                e.cgroup.set(4);
            });
        },
        |s| open_file(s, |f| f.inode.set(0)),
    ]);
    const LENGTH: &str = "impossible length of a path";
    const PATH: &str = "path is not that of an entry of a cgroup";
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        (LENGTH, |s| s.edit(0, |e: &mut CgroupEntry| e.root.set(8))),
        (LENGTH, |s| {
            s.edit(0, |e: &mut CgroupEntry| e.cgroup.set(4096))
        }),
        (PATH, |s| s.edit(0, |e: &mut CgroupEntry| e.cgroup.set(22))),
        (PATH, |s| s.edit(0, |e: &mut CgroupEntry| e.cgroup.set(6))),
        (PATH, |s| s.edit(0, |e: &mut CgroupEntry| e.root.set(2))),
        (UNUSED, |s| {
            s.edit(0, |e: &mut CgroupEntry| e.reserved.set(1))
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::CgroupEntry, 0).push(1)
        }),
        ("refers to an object of the wrong kind", |s| {
            open_file(s, |f| f.inode.set(OPEN))
        }),
        ("flags that no file of cgroupfs has", |s| {
            open_file(s, |f| f.flags.set(open::READ | open::DIRECT))
        }),
        (UNUSED, |s| open_file(s, |f| f.size.set(1))),
        ("mode does not fit the kind of file", |s| {
            open_file(s, |f| f.mode.set(0o010444))
        }),
    ]);
}
