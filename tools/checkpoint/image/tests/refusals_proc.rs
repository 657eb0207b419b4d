// SPDX-License-Identifier: GPL-2.0

//! Each check of files of procfs has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::{
        proc::*,
        *, //
    },
    kinds::Kind, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};

/// Makes the second open file of the sample one of procfs at `path`.
fn file(s: &mut Sample, path: &str, inode: u32) {
    *s.payload(Kind::File, 1) = path.as_bytes().to_vec();
    s.edit(1, |f: &mut OpenFile| {
        f.kind.set(FILE_PROC);
        f.mode.set(0o100444);
        f.flags.set(open::READ);
        f.inode.set(inode);
    });
}

/// The same of the entry of the init, which `change` changes.
fn entry(s: &mut Sample, path: &str, change: impl FnOnce(&mut ProcEntry)) {
    s.add_object(|e: &mut ProcEntry, obj| {
        e.obj.set(obj);
        e.process.set(1);
        e.root.set(5);
        change(e);
    });
    file(s, path, obj::LAST + 1);
}

fn nothing(_: &mut ProcEntry) {}

fn of_thread(e: &mut ProcEntry) {
    e.in_task.set(1);
    e.thread.set(1);
}

fn dead(e: &mut ProcEntry) {
    e.process.set(0);
    e.dead.set(1);
}

#[test]
fn possible() {
    accepted(&[
        |s| file(s, "/proc/meminfo", 0),
        |s| {
            file(s, "/proc", 0);
            s.edit(1, |f: &mut OpenFile| f.mode.set(0o040555));
        },
        |s| {
            file(s, "/proc/self", 0);
            s.edit(1, |f: &mut OpenFile| {
                f.mode.set(0o120777);
                f.flags.set(open::PATH)
            });
        },
        |s| entry(s, "/proc/77/status", nothing),
        |s| entry(s, "/proc/77", nothing),
        |s| entry(s, "/77/net/dev", |e| e.root.set(0)),
        |s| entry(s, "/proc/77/task/78/stat", of_thread),
        |s| entry(s, "/proc/77/task", nothing),
        |s| entry(s, "/proc/77/stat", dead),
        |s| {
            entry(s, "/proc/77/task/78/stat", |e| {
                e.in_task.set(1);
                e.dead.set(1);
            })
        },
    ]);
}

#[test]
fn open_files() {
    refused(&[
        ("flags that no file of procfs has", |s| {
            file(s, "/proc/meminfo", 0);
            s.edit(1, |f: &mut OpenFile| f.flags.set(open::DIRECT))
        }),
        ("reserved or unused field is not zero", |s| {
            file(s, "/proc/meminfo", 0);
            s.edit(1, |f: &mut OpenFile| f.size.set(1))
        }),
        ("mode does not fit the kind of file", |s| {
            file(s, "/proc/meminfo", 0);
            s.edit(1, |f: &mut OpenFile| f.mode.set(0o020444))
        }),
        ("mode does not fit the kind of file", |s| {
            file(s, "/proc/self", 0);
            s.edit(1, |f: &mut OpenFile| f.mode.set(0o120777))
        }),
        ("path is not absolute", |s| file(s, "proc/meminfo", 0)),
        ("refers to an object of the wrong kind", |s| {
            file(s, "/proc/1/stat", obj::PIPE)
        }),
    ]);
    const PLACE: &str = "path is not that of an entry of procfs";
    refused(&[
        (PLACE, |s| entry(s, "/proc/self/stat", nothing)),
        (PLACE, |s| entry(s, "/proc/77x/stat", nothing)),
        (PLACE, |s| entry(s, "/proc/12345678901/stat", nothing)),
        (PLACE, |s| entry(s, "/pro/77/stat", nothing)),
        (PLACE, |s| entry(s, "/proc", nothing)),
        (PLACE, |s| entry(s, "/p", |e| e.root.set(4095))),
        (PLACE, |s| entry(s, "/proc/77/stat", of_thread)),
        (PLACE, |s| entry(s, "/proc/77/task/x/stat", of_thread)),
        (PLACE, |s| entry(s, "/proc/77/attr/78/stat", of_thread)),
    ]);
}

#[test]
fn entries() {
    const FIT: &str = "task and path do not fit together";
    refused(&[
        ("is of no task of the image", |s| {
            entry(s, "/proc/77/stat", |e| e.process.set(99))
        }),
        ("is of no task of the image", |s| {
            entry(s, "/proc/77/task/78/stat", |e| {
                e.in_task.set(1);
                e.thread.set(99)
            })
        }),
        ("neither 0 nor 1", |s| {
            entry(s, "/proc/77/task/78/stat", |e| e.in_task.set(2))
        }),
        ("neither 0 nor 1", |s| {
            entry(s, "/proc/77/stat", |e| e.dead.set(2))
        }),
        (FIT, |s| entry(s, "/proc/77/stat", |e| e.process.set(0))),
        (FIT, |s| entry(s, "/proc/77/stat", |e| e.thread.set(1))),
        (FIT, |s| {
            entry(s, "/proc/77/task/78/stat", |e| e.in_task.set(1))
        }),
        (FIT, |s| entry(s, "/proc/77/stat", |e| e.dead.set(1))),
        ("impossible length of a path", |s| {
            entry(s, "/proc/77/stat", |e| e.root.set(4096));
            file(s, "/proc/meminfo", 0)
        }),
        ("payload where none belongs", |s| {
            entry(s, "/proc/77/stat", nothing);
            s.payload(Kind::ProcEntry, 0).push(1)
        }),
    ]);
}
