// SPDX-License-Identifier: GPL-2.0

//! Each check of files that stand for namespaces has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};

/// Makes the second open file of the sample one of the namespace `inode` of the kind `kind`.
fn namespace(s: &mut Sample, kind: u64, inode: u32) {
    s.payload(Kind::File, 1).clear();
    s.edit(1, |f: &mut OpenFile| {
        f.kind.set(FILE_NAMESPACE);
        f.mode.set(0o100444);
        f.pos.set(kind);
        f.inode.set(inode);
    });
}

#[test]
fn namespaces() {
    accepted(&[
        |s| namespace(s, 1, 0),
        |s| namespace(s, 5, 0),
        |s| namespace(s, 5, 1),
        |s| namespace(s, 8, 0),
        |s| namespace(s, 8, obj::UTS),
    ]);
    refused(&[
        ("unknown kind of namespace", |s| namespace(s, 0, 0)),
        ("unknown kind of namespace", |s| namespace(s, 9, 0)),
        ("reserved or unused field is not zero", |s| {
            namespace(s, 3, 1)
        }),
        ("refers to an object of the wrong kind", |s| {
            namespace(s, 4, obj::PID_NS)
        }),
        ("is of no task of the image", |s| namespace(s, 5, 99)),
        ("refers to an object of the wrong kind", |s| {
            namespace(s, 8, obj::PID_NS)
        }),
        ("refers to an object of the wrong kind", |s| {
            namespace(s, 2, obj::PID_NS)
        }),
        ("reserved or unused field is not zero", |s| {
            namespace(s, 4, 0);
            s.edit(1, |f: &mut OpenFile| f.size.set(1))
        }),
        ("flags that no file of a namespace has", |s| {
            namespace(s, 4, 0);
            s.edit(1, |f: &mut OpenFile| f.flags.set(open::READ | open::DIRECT))
        }),
        ("flags that no file of a namespace has", |s| {
            namespace(s, 4, 0);
            s.edit(1, |f: &mut OpenFile| {
                f.flags.set(open::READ | open::DIRECTORY)
            })
        }),
        ("mode does not fit the kind of file", |s| {
            namespace(s, 4, 0);
            s.edit(1, |f: &mut OpenFile| f.mode.set(0o040444))
        }),
        ("payload where none belongs", |s| {
            namespace(s, 4, 0);
            s.payload(Kind::File, 1).extend(b"/tmp")
        }),
    ]);
}
