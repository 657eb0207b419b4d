// SPDX-License-Identifier: GPL-2.0

//! Each check of inotify instances has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind,
    notify::*,
    task::Container, //
};
use sample::{
    obj,
    verify,
    Case,
    Rec,
    Sample, //
};
use zerocopy::{
    byteorder::little_endian::I32,
    FromZeros, //
};

const INOTIFY: u32 = obj::LAST + 1;
const FILE: u32 = obj::LAST + 2;

/// The sample with an inotify instance: a watch of a path and one of the removed file, an event of
/// each, and one that tells that the queue was full.
fn with_inotify() -> Sample {
    let mut s = Sample::small();
    s.edit(0, |c: &mut Container| c.objects.set(FILE));
    let mut instance = Inotify::new_zeroed();
    instance.obj.set(INOTIFY);
    instance.watches.set(2);
    instance.events.set(3);
    instance.next.set(8);
    s.add(instance, &[]);
    let mut watch = InotifyWatch::new_zeroed();
    watch.wd.set(3);
    watch.mask.set(inotify::OF_WATCHES);
    watch.mode.set(0o040755);
    s.add(watch, b"/tmp");
    let mut watch = InotifyWatch::new_zeroed();
    watch.wd.set(7);
    watch.inode.set(obj::INODE);
    s.add(watch, &[]);
    let mut event = InotifyEvent::new_zeroed();
    event.wd = I32::new(3);
    event.mask.set(inotify::ISDIR | 1);
    event.cookie.set(9);
    event.flags.set(INOTIFY_EVENT_FLAGS);
    s.add(event, b"name");
    let mut event = InotifyEvent::new_zeroed();
    event.wd = I32::new(-1);
    event.mask.set(inotify::OVERFLOW);
    s.add(event, &[]);
    let mut event = InotifyEvent::new_zeroed();
    event.wd = I32::new(5);
    event.mask.set(inotify::IGNORED);
    s.add(event, &[]);
    let mut file = OpenFile::new_zeroed();
    file.obj.set(FILE);
    file.kind.set(FILE_INOTIFY);
    file.inode.set(INOTIFY);
    file.mode.set(0o600);
    s.add(file, &[]);
    s
}

/// Spoils it in each way, and expects the message.
fn refused(cases: &[Case]) {
    for (n, (why, spoil)) in cases.iter().enumerate() {
        let mut s = with_inotify();
        spoil(&mut s);
        match verify(&s.bytes()) {
            Err(fault) => assert_eq!(fault.why, *why, "case {n}"),
            Ok(()) => panic!("case {n} accepted: {why}"),
        }
    }
}

/// Takes away the `nth` record of this kind.
fn remove(s: &mut Sample, kind: Kind, nth: usize) {
    let places: Vec<usize> = (0..s.records.len())
        .filter(|&n| s.records[n].kind == kind.number())
        .collect();
    s.records.remove(places[nth]);
}

#[test]
fn whole() {
    assert_eq!(verify(&with_inotify().bytes()), Ok(()));
    let mut s = with_inotify();
    s.edit(0, |i: &mut Inotify| {
        i.watches.set(0);
        i.events.set(0);
        i.next.set(1 << 31);
    });
    for _ in 0..3 {
        remove(&mut s, Kind::InotifyEvent, 0);
    }
    for _ in 0..2 {
        remove(&mut s, Kind::InotifyWatch, 0);
    }
    assert_eq!(verify(&s.bytes()), Ok(()));
}

#[test]
fn instance() {
    refused(&[
        ("too many watches or events", |s| {
            s.edit(0, |i: &mut Inotify| i.watches.set(WATCHES_MAX + 1))
        }),
        ("too many watches or events", |s| {
            s.edit(0, |i: &mut Inotify| i.events.set(EVENTS_MAX + 1))
        }),
        ("impossible watch descriptor", |s| {
            s.edit(0, |i: &mut Inotify| i.next.set((1 << 31) + 1))
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::Inotify, 0).push(1)
        }),
        (
            "the inotify instance before it lacks watches or events",
            |s| s.edit(0, |i: &mut Inotify| i.watches.set(3)),
        ),
        (
            "the inotify instance before it lacks watches or events",
            |s| s.edit(0, |i: &mut Inotify| i.watches.set(1)),
        ),
        (
            "the inotify instance before it lacks watches or events",
            |s| s.edit(0, |i: &mut Inotify| i.events.set(4)),
        ),
        (
            "belongs to no inotify instance, or that has fewer events",
            |s| s.edit(0, |i: &mut Inotify| i.events.set(2)),
        ),
        (
            "belongs to no inotify instance, or that has fewer watches",
            |s| {
                s.edit(0, |i: &mut Inotify| {
                    i.watches.set(0);
                    i.events.set(0);
                })
            },
        ),
        (
            "watches or events of an inotify instance are missing",
            |s| {
                s.edit(0, |i: &mut Inotify| i.events.set(4));
                let last = s.records.pop();
                drop(last);
            },
        ),
        ("refers to an object of the wrong kind", |s| {
            let nth = opened(s);
            s.edit(nth, |f: &mut OpenFile| f.inode.set(obj::PIPE))
        }),
        ("two open files are the same kernel object", |s| {
            let mut second = s.records.last().cloned().expect("a file");
            second.body[..4].copy_from_slice(&(FILE + 1).to_le_bytes());
            s.records.push(second);
            s.edit(0, |c: &mut Container| c.objects.set(FILE + 1));
        }),
        ("unknown flag", |s| {
            let nth = opened(s);
            s.edit(nth, |f: &mut OpenFile| {
                f.flags.set(open::READ | open::DIRECT)
            })
        }),
        ("reserved or unused field is not zero", |s| {
            let nth = opened(s);
            s.edit(nth, |f: &mut OpenFile| f.pos.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            let nth = opened(s);
            s.edit(nth, |f: &mut OpenFile| f.size.set(1))
        }),
        ("mode does not fit the kind of file", |s| {
            let nth = opened(s);
            s.edit(nth, |f: &mut OpenFile| f.mode.set(0o100600))
        }),
        ("payload where none belongs", |s| {
            let nth = opened(s);
            s.payload(Kind::File, nth).push(b'/')
        }),
    ]);
}

/// Which of the open files it is.
fn opened(s: &Sample) -> usize {
    let is_file = |r: &&Rec| r.kind == Kind::File.number();
    s.records.iter().filter(is_file).count() - 1
}

#[test]
fn descriptors() {
    let watch = |s: &mut Sample, nth: usize, what: u32| {
        s.elements(Kind::Files, |fds: &mut Vec<Fd>| fds[nth].notify.set(what));
    };
    for what in [NOTIFY_ACCESS, NOTIFY_ALL] {
        let mut s = with_inotify();
        watch(&mut s, 3, what);
        assert_eq!(verify(&s.bytes()), Ok(()));
    }
    refused(&[
        ("unknown flag", |s| {
            s.elements(Kind::Files, |fds: &mut Vec<Fd>| fds[3].notify.set(1 << 6))
        }),
        ("watches nothing, or by what is not open for reading", |s| {
            s.elements(Kind::Files, |fds: &mut Vec<Fd>| {
                fds[3].notify.set(NOTIFY_MULTISHOT)
            })
        }),
        ("watches nothing, or by what is not open for reading", |s| {
            s.elements(Kind::Files, |fds: &mut Vec<Fd>| fds[3].notify.set(1));
            s.edit(1, |f: &mut OpenFile| f.flags.set(open::READ | open::PATH))
        }),
    ]);
}

#[test]
fn watches() {
    refused(&[
        ("impossible watch descriptor", |s| {
            s.edit(1, |w: &mut InotifyWatch| w.wd.set(1 << 31))
        }),
        ("watch descriptors are out of order or twice there", |s| {
            s.edit(0, |w: &mut InotifyWatch| w.wd.set(0))
        }),
        ("watch descriptors are out of order or twice there", |s| {
            s.edit(1, |w: &mut InotifyWatch| w.wd.set(3))
        }),
        ("unknown flag", |s| {
            s.edit(0, |w: &mut InotifyWatch| w.mask.set(1 << 29))
        }),
        ("refers to an object that is not in the image", |s| {
            s.edit(0, |w: &mut InotifyWatch| w.mount.set(99))
        }),
        ("impossible mode", |s| {
            s.edit(0, |w: &mut InotifyWatch| w.mode.set(0o755))
        }),
        ("path is not absolute", |s| {
            *s.payload(Kind::InotifyWatch, 0) = b"tmp".to_vec()
        }),
        ("refers to an object of the wrong kind", |s| {
            s.edit(1, |w: &mut InotifyWatch| w.inode.set(obj::PIPE))
        }),
        ("watch of memory, or by what has a path", |s| {
            s.edit(1, |w: &mut InotifyWatch| w.inode.set(obj::ANON))
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::InotifyWatch, 1).push(b'/')
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(1, |w: &mut InotifyWatch| w.mode.set(0o100600))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(1, |w: &mut InotifyWatch| w.generation.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(1, |w: &mut InotifyWatch| w.dev.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(1, |w: &mut InotifyWatch| w.ino.set(1))
        }),
    ]);
}

#[test]
fn events() {
    refused(&[
        ("unknown flag", |s| {
            s.edit(0, |e: &mut InotifyEvent| e.mask.set(1 << 26))
        }),
        ("unknown flag", |s| {
            s.edit(0, |e: &mut InotifyEvent| e.flags.set(1 << 2))
        }),
        ("impossible watch descriptor", |s| {
            s.edit(0, |e: &mut InotifyEvent| e.wd = I32::new(0))
        }),
        ("impossible watch descriptor", |s| {
            s.edit(1, |e: &mut InotifyEvent| e.wd = I32::new(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(1, |e: &mut InotifyEvent| e.mask.set(inotify::OVERFLOW | 1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(1, |e: &mut InotifyEvent| e.cookie.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(1, |e: &mut InotifyEvent| e.flags.set(1))
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::InotifyEvent, 1).push(b'n')
        }),
        ("the queue overflows twice", |s| {
            s.edit(2, |e: &mut InotifyEvent| {
                e.mask.set(inotify::OVERFLOW);
                e.wd = I32::new(-1);
            })
        }),
        ("impossible name of a file", |s| {
            s.payload(Kind::InotifyEvent, 0).push(b'/')
        }),
        ("impossible name of a file", |s| {
            s.payload(Kind::InotifyEvent, 0).push(0)
        }),
        ("impossible name of a file", |s| {
            *s.payload(Kind::InotifyEvent, 0) = vec![b'n'; NAME_MAX + 1]
        }),
    ]);
}
