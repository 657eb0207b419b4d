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

/// Adds a group with an event of a path, and changes that.
fn event(s: &mut Sample, change: impl FnOnce(&mut FanotifyEvent)) {
    group(s, |f| f.events.set(1));
    let mut event = FanotifyEvent::new_zeroed();
    event.mask.set(1);
    event.pid.set(77);
    event.mode.set(0o100644);
    change(&mut event);
    s.add(event, b"/tmp/x");
}

/// Adds a group with that its queue was full, and changes that.
fn overflow(s: &mut Sample, change: impl FnOnce(&mut FanotifyEvent)) {
    group(s, |f| f.events.set(1));
    let mut event = FanotifyEvent::new_zeroed();
    event.mask.set(fanotify::OVERFLOW);
    change(&mut event);
    s.add(event, &[]);
}

/// A file handle of this type and length.
fn handle(of_type: u32, len: u32) -> u32 {
    of_type | len << 8
}

/// Adds a group with an event of file handles, that of a rename, and changes that.
fn fid(s: &mut Sample, change: impl FnOnce(&mut FanotifyFid)) {
    group(s, |f| f.events.set(1));
    let mut event = FanotifyFid::new_zeroed();
    event.mask.set(fanotify::RENAME);
    event.kind.set(FANOTIFY_BY_NAME);
    for to in [&mut event.dir, &mut event.dir2, &mut event.object] {
        to.set(handle(1, 8));
    }
    event.name.set(3);
    event.name2.set(5);
    change(&mut event);
    s.add(event, b"........********########oldnewer");
}

/// The same by one object, without a payload.
fn object(s: &mut Sample, change: impl FnOnce(&mut FanotifyFid)) {
    fid(s, |e| {
        *e = FanotifyFid::new_zeroed();
        e.mask.set(1);
        e.kind.set(FANOTIFY_BY_OBJECT);
        change(e);
    });
    s.payload(Kind::FanotifyFid, 0).clear();
}

/// The same by an error.
fn error(s: &mut Sample, change: impl FnOnce(&mut FanotifyFid)) {
    object(s, |e| {
        e.mask.set(fanotify::ERROR);
        e.kind.set(FANOTIFY_BY_ERROR);
        e.error.set(117);
        e.errors.set(2);
        change(e);
    });
}

#[test]
fn events_of_paths() {
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        (
            "belongs to no fanotify group, or that has fewer events",
            |s| {
                event(s, |_| ());
                s.edit(0, |f: &mut Fanotify| f.events.set(0));
            },
        ),
        ("opens a file, which this group may not do", |s| {
            event(s, |_| ());
            s.edit(0, |f: &mut Fanotify| f.how.set(FANOTIFY_UNPRIVILEGED));
        }),
        ("unknown flag", |s| {
            event(s, |e| e.mask.set(fanotify::PERMISSIONS))
        }),
        ("unknown flag", |s| event(s, |e| e.mask.set(1 << 24))),
        ("unknown flag", |s| {
            event(s, |e| e.mask.set(fanotify::OVERFLOW | 1))
        }),
        ("unknown flag", |s| {
            event(s, |e| e.mask.set(fanotify::ERROR))
        }),
        ("impossible event", |s| {
            event(s, |e| e.mask.set(fanotify::ONLY_FLAGS))
        }),
        ("impossible pid", |s| event(s, |e| e.pid.set(1 << 22))),
        ("refers to an object of the wrong kind", |s| {
            event(s, |e| e.target.set(obj::PIPE))
        }),
        (UNUSED, |s| {
            event(s, |e| {
                e.pid.set(0);
                e.target.set(obj::PIPE);
            })
        }),
        ("impossible mode", |s| event(s, |e| e.mode.set(0o010644))),
        ("path is not absolute", |s| {
            event(s, |_| ());
            *s.payload(Kind::FanotifyEvent, 0) = b"tmp".to_vec();
        }),
        (UNUSED, |s| overflow(s, |e| e.pid.set(1))),
        (UNUSED, |s| overflow(s, |e| e.target.set(obj::PIPE))),
        (UNUSED, |s| overflow(s, |e| e.mode.set(0o100644))),
        (UNUSED, |s| overflow(s, |e| e.generation.set(1))),
        (UNUSED, |s| overflow(s, |e| e.mount.set(1))),
        (UNUSED, |s| overflow(s, |e| e.dev.set(1))),
        (UNUSED, |s| overflow(s, |e| e.ino.set(1))),
        ("payload where none belongs", |s| {
            overflow(s, |_| ());
            s.payload(Kind::FanotifyEvent, 0).push(1);
        }),
        ("the queue overflows twice", |s| {
            overflow(s, |_| ());
            s.edit(0, |f: &mut Fanotify| f.events.set(2));
            let mut event = FanotifyEvent::new_zeroed();
            event.mask.set(fanotify::OVERFLOW);
            s.add(event, &[]);
        }),
    ]);
    accepted(&[
        |s| event(s, |_| ()),
        |s| event(s, |e| e.pid.set(0)),
        |s| {
            event(s, |e| {
                e.mask.set(fanotify::OF_FILES);
                e.mode.set(0o040755);
            })
        },
        |s| overflow(s, |_| ()),
    ]);
}

#[test]
fn events_of_file_handles() {
    const UNUSED: &str = "reserved or unused field is not zero";
    const HANDLE: &str = "impossible file handle";
    const NAME: &str = "impossible name of a file";
    const RENAME: &str = "a rename without a name, or a new name of something else";
    const LENGTH: &str = "file handles and names are of another length";
    refused(&[
        (
            "belongs to no fanotify group, or that has fewer events",
            |s| {
                fid(s, |_| ());
                s.edit(0, |f: &mut Fanotify| f.events.set(0));
            },
        ),
        ("unknown kind of event", |s| fid(s, |e| e.kind.set(0))),
        ("unknown kind of event", |s| fid(s, |e| e.kind.set(4))),
        (UNUSED, |s| fid(s, |e| e.reserved.set(1))),
        ("unknown flag", |s| {
            fid(s, |e| e.mask.set(fanotify::PERMISSIONS))
        }),
        // What is read of an event is told by its mask.
        ("unknown flag", |s| {
            fid(s, |e| e.mask.set(fanotify::RENAME | fanotify::ERROR))
        }),
        ("impossible event", |s| {
            fid(s, |e| e.mask.set(fanotify::ONLY_FLAGS))
        }),
        ("impossible pid", |s| fid(s, |e| e.pid.set(1 << 22))),
        (UNUSED, |s| fid(s, |e| e.target.set(obj::PIPE))),
        (UNUSED, |s| fid(s, |e| e.error.set(5))),
        (UNUSED, |s| fid(s, |e| e.errors.set(5))),
        ("a file handle without bytes", |s| fid(s, |e| e.dir.set(1))),
        ("a file handle without bytes", |s| fid(s, |e| e.dir2.set(1))),
        ("a file handle without bytes", |s| {
            fid(s, |e| e.object.set(1))
        }),
        (HANDLE, |s| fid(s, |e| e.dir.set(handle(1, 6)))),
        (HANDLE, |s| fid(s, |e| e.dir2.set(handle(1, 132)))),
        (HANDLE, |s| fid(s, |e| e.object.set(u32::MAX))),
        (LENGTH, |s| fid(s, |e| e.object.set(handle(1, 12)))),
        (LENGTH, |s| fid(s, |e| e.object.set(handle(1, 128)))),
        (LENGTH, |s| fid(s, |e| e.name.set(4))),
        (LENGTH, |s| fid(s, |e| e.name2.set(u32::MAX))),
        (RENAME, |s| fid(s, |e| e.name.set(0))),
        (RENAME, |s| fid(s, |e| e.name2.set(0))),
        (RENAME, |s| fid(s, |e| e.mask.set(1))),
        (NAME, |s| {
            fid(s, |_| ());
            s.payload(Kind::FanotifyFid, 0)[24] = b'/';
        }),
        (NAME, |s| {
            fid(s, |_| ());
            s.payload(Kind::FanotifyFid, 0)[31] = 0;
        }),
        (NAME, |s| {
            fid(s, |e| e.name2.set(4096));
            s.payload(Kind::FanotifyFid, 0).resize(27 + 4096, b'x');
        }),
        (UNUSED, |s| object(s, |e| e.dir.set(handle(1, 4)))),
        (UNUSED, |s| object(s, |e| e.dir2.set(handle(1, 4)))),
        (UNUSED, |s| object(s, |e| e.name.set(1))),
        (UNUSED, |s| object(s, |e| e.name2.set(1))),
        ("impossible event", |s| error(s, |e| e.mask.set(1))),
        ("impossible event", |s| {
            error(s, |e| e.mask.set(fanotify::ERROR | 1))
        }),
        ("impossible error", |s| error(s, |e| e.error.set(4096))),
        ("impossible error", |s| error(s, |e| e.error.set(i32::MIN))),
        ("impossible error", |s| error(s, |e| e.errors.set(0))),
        ("impossible pid", |s| error(s, |e| e.pid.set(1 << 22))),
    ]);
    accepted(&[
        |s| fid(s, |_| ()),
        |s| {
            fid(s, |e| e.object.set(0));
            s.payload(Kind::FanotifyFid, 0).drain(16..24);
        },
        |s| object(s, |_| ()),
        // There was no file handle.
        |s| object(s, |e| e.object.set(0xff)),
        |s| error(s, |_| ()),
        |s| error(s, |e| e.error.set(-117)),
    ]);
}

#[test]
fn groups() {
    refused(&[
        ("too many marks or events", |s| {
            group(s, |f| f.marks.set(WATCHES_MAX + 1))
        }),
        ("too many marks or events", |s| {
            group(s, |f| f.events.set(FANOTIFY_EVENTS_MAX + 1))
        }),
        ("unknown flag", |s| {
            group(s, |f| f.how.set(FANOTIFY_UNPRIVILEGED << 1))
        }),
        ("payload where none belongs", |s| {
            group(s, |_| ());
            s.payload(Kind::Fanotify, 0).push(1);
        }),
        ("marks or events of a fanotify group are missing", |s| {
            group(s, |f| f.marks.set(1))
        }),
        ("marks or events of a fanotify group are missing", |s| {
            group(s, |f| f.events.set(1))
        }),
        ("the fanotify group before it lacks marks or events", |s| {
            group(s, |f| f.marks.set(1));
            s.add(EpollItems::new_zeroed(), &[]);
        }),
        ("the fanotify group before it lacks marks or events", |s| {
            group(s, |f| f.events.set(1));
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
