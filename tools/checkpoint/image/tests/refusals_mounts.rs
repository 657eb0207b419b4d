// SPDX-License-Identifier: GPL-2.0

//! Each check of mounts, and of paths on them, has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind,
    mount::*, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};

/// Reference of the mount.
const MOUNT: u32 = obj::LAST + 1;

/// Adds a mount to the sample, to which all of its paths refer.
fn mounted(s: &mut Sample) {
    s.add_object(|m: &mut Mount, obj| {
        m.obj.set(obj);
        m.kind.set(MOUNT_CALLER_ROOT);
    });
    s.edit(0, |f: &mut OpenFile| f.mount.set(MOUNT));
    s.edit(1, |f: &mut OpenFile| f.mount.set(MOUNT));
    s.edit(0, |i: &mut Inode| i.mount.set(MOUNT));
    s.edit(0, |p: &mut Path| p.mount.set(MOUNT));
}

#[test]
fn mounts() {
    refused(&[
        ("unknown kind of mount", |s| {
            mounted(s);
            s.edit(0, |m: &mut Mount| m.kind.set(0))
        }),
        ("unknown kind of mount", |s| {
            mounted(s);
            s.edit(0, |m: &mut Mount| m.kind.set(2))
        }),
        ("reserved or unused field is not zero", |s| {
            mounted(s);
            s.edit(0, |m: &mut Mount| m.reserved.set(1))
        }),
        ("payload where none belongs", |s| {
            mounted(s);
            s.payload(Kind::Mount, 0).extend(b"/")
        }),
    ]);
    accepted(&[mounted]);
}

#[test]
fn paths() {
    refused(&[
        ("refers to an object that is not in the image", |s| {
            s.edit(0, |f: &mut OpenFile| f.mount.set(MOUNT))
        }),
        ("refers to an object that is not in the image", |s| {
            s.edit(0, |f: &mut OpenFile| f.mount.set(u32::MAX))
        }),
        ("refers to an object of the wrong kind", |s| {
            s.edit(0, |f: &mut OpenFile| f.mount.set(obj::PATH))
        }),
        ("refers to an object of the wrong kind", |s| {
            s.edit(0, |i: &mut Inode| i.mount.set(obj::PATH))
        }),
        ("refers to an object of the wrong kind", |s| {
            s.edit(0, |p: &mut Path| p.mount.set(obj::PATH))
        }),
        // What is no path is on no mount.
        ("reserved or unused field is not zero", |s| {
            mounted(s);
            s.edit(2, |f: &mut OpenFile| f.mount.set(MOUNT))
        }),
        ("reserved or unused field is not zero", |s| {
            mounted(s);
            s.edit(3, |f: &mut OpenFile| f.mount.set(MOUNT))
        }),
        ("reserved or unused field is not zero", |s| {
            mounted(s);
            s.edit(1, |i: &mut Inode| i.mount.set(MOUNT))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |f: &mut OpenFile| f.reserved.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |i: &mut Inode| i.reserved2.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |p: &mut Path| p.reserved.set(1))
        }),
    ]);
    accepted(&[
        |s| {
            mounted(s);
            s.edit(0, |f: &mut OpenFile| f.mount.set(0))
        },
        // A removed file whose path is known.
        |s| {
            mounted(s);
            *s.payload(Kind::File, 2) = b"/tmp/gone".to_vec();
            s.edit(2, |f: &mut OpenFile| f.mount.set(MOUNT))
        },
    ]);
}
