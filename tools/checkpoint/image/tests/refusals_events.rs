// SPDX-License-Identifier: GPL-2.0

//! Each check of kernel objects behind descriptors has a case that fails without it.

mod sample;

use checkpoint_image::image::files::*;
use sample::{
    accepted,
    refused,
    Sample, //
};

/// Adds an eventfd, and changes it.
fn eventfd(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    s.add_object(|f: &mut OpenFile, obj| {
        f.obj.set(obj);
        f.kind.set(FILE_EVENTFD);
        f.flags.set(open::READ | open::WRITE | open::SEMAPHORE);
        f.size.set(u64::MAX);
        f.mode.set(0o600);
        change(f);
    });
}

#[test]
fn eventfds() {
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        ("unknown flag", |s| {
            eventfd(s, |f| f.flags.set(open::READ | open::WRITE | open::DIRECT))
        }),
        ("impossible position or size", |s| {
            eventfd(s, |f| f.pos.set(1 << 63))
        }),
        ("impossible position or size", |s| {
            s.edit(0, |f: &mut OpenFile| f.size.set(u64::MAX))
        }),
        ("semaphore that is no eventfd", |s| {
            s.edit(0, |f: &mut OpenFile| {
                f.flags.set(open::READ | open::SEMAPHORE)
            })
        }),
        ("mode does not fit the kind of file", |s| {
            eventfd(s, |f| f.mode.set(0o100600))
        }),
        (UNUSED, |s| eventfd(s, |f| f.inode.set(1))),
        (UNUSED, |s| eventfd(s, |f| f.pos.set(1))),
        (UNUSED, |s| eventfd(s, |f| f.ino.set(1))),
    ]);
    accepted(&[
        |s| eventfd(s, |_| ()),
        |s| {
            eventfd(s, |f| {
                f.flags
                    .set(open::READ | open::WRITE | open::APPEND | open::NONBLOCK | open::NOATIME)
            })
        },
    ]);
}
