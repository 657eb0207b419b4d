// SPDX-License-Identifier: GPL-2.0

//! Each check of fanotify groups has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    epoll::EpollItems,
    files::*,
    kinds::Kind,
    notify::*,
    task::Container, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};
use zerocopy::FromZeros;

const GROUP: u32 = obj::LAST + 1;
const FILE: u32 = obj::LAST + 2;

/// Adds a group, and changes it.
fn group(s: &mut Sample, change: impl FnOnce(&mut Fanotify)) {
    s.add_object(|f: &mut Fanotify, obj| {
        f.obj.set(obj);
        f.flags.set(u32::MAX);
        f.event_flags.set(u32::MAX);
        change(f);
    });
}

/// Adds a group with a mark, and changes that.
fn mark(s: &mut Sample, change: impl FnOnce(&mut FanotifyMark)) {
    group(s, |f| f.marks.set(1));
    let mut mark = FanotifyMark::new_zeroed();
    mark.mask.set(1);
    mark.mode.set(0o040755);
    change(&mut mark);
    s.add(mark, b"/tmp");
}

/// Adds an open file for one, and changes it.
fn file(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    mark(s, |_| ());
    let mut file = OpenFile::new_zeroed();
    file.obj.set(FILE);
    file.kind.set(FILE_FANOTIFY);
    file.flags.set(open::READ | open::WRITE);
    file.inode.set(GROUP);
    file.mode.set(0o600);
    change(&mut file);
    s.edit(0, |c: &mut Container| c.objects.set(FILE));
    s.add(file, &[]);
}

#[test]
fn groups() {
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        ("too many marks", |s| {
            group(s, |f| f.marks.set(WATCHES_MAX + 1))
        }),
        ("unknown flag", |s| {
            group(s, |f| f.how.set(FANOTIFY_UNPRIVILEGED << 1))
        }),
        (UNUSED, |s| group(s, |f| f.reserved.set(1))),
        ("payload where none belongs", |s| {
            group(s, |_| ());
            s.payload(Kind::Fanotify, 0).push(1);
        }),
        ("marks of a fanotify group are missing", |s| {
            group(s, |f| f.marks.set(1))
        }),
        ("the fanotify group before it lacks marks", |s| {
            group(s, |f| f.marks.set(1));
            s.add(EpollItems::new_zeroed(), &[]);
        }),
    ]);
    accepted(&[
        |s| group(s, |f| f.how.set(FANOTIFY_UNPRIVILEGED)),
        |s| mark(s, |_| ()),
    ]);
}

#[test]
fn marks() {
    refused(&[
        (
            "belongs to no fanotify group, or that has fewer marks",
            |s| {
                mark(s, |_| ());
                s.edit(0, |f: &mut Fanotify| f.marks.set(0));
            },
        ),
        ("asks for permission, which no group can give yet", |s| {
            mark(s, |m| m.mask.set(1 << 16))
        }),
        ("asks for permission, which no group can give yet", |s| {
            mark(s, |m| m.ignored.set(1 << 20))
        }),
        ("unknown flag", |s| mark(s, |m| m.flags.set(1))),
        ("marks a mount and a filesystem", |s| {
            mark(s, |m| m.flags.set(fanotify::MOUNT | fanotify::FILESYSTEM))
        }),
        ("impossible mode", |s| mark(s, |m| m.mode.set(0))),
        ("path is not absolute", |s| {
            mark(s, |_| ());
            *s.payload(Kind::FanotifyMark, 0) = b"tmp".to_vec();
        }),
    ]);
    accepted(&[
        |s| {
            mark(s, |m| {
                m.mask.set(0);
                m.ignored.set(!fanotify::PERMISSIONS);
                m.flags.set(fanotify::OF_MARKS & !fanotify::MOUNT);
            })
        },
        |s| mark(s, |m| m.flags.set(fanotify::MOUNT)),
        // What was ignored until the file was modified.
        |s| mark(s, |m| m.mask.set(0)),
    ]);
}

#[test]
fn files() {
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        (UNUSED, |s| file(s, |f| f.pos.set(1))),
        (UNUSED, |s| file(s, |f| f.size.set(1))),
        ("refers to an object of the wrong kind", |s| {
            file(s, |f| f.inode.set(obj::PIPE))
        }),
        ("unknown flag", |s| {
            file(s, |f| f.flags.set(open::READ | open::WRITE | open::DIRECT))
        }),
        ("mode does not fit the kind of file", |s| {
            file(s, |f| f.mode.set(0o100600))
        }),
    ]);
    accepted(&[|s| file(s, |_| ())]);
}
