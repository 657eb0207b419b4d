// SPDX-License-Identifier: GPL-2.0

//! Each check of labels has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    confinement::LABEL_MAX,
    files::OpenFile,
    kinds::Kind,
    labels::*,
    task::Cred, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};
use zerocopy::{
    FromBytes,
    FromZeros, //
};

/// A live thread, and one that is dead.
const LIVE: u32 = 1;
const DEAD: u32 = 4;

/// Numbers of modules.
const SELINUX: u32 = 101;
const SMACK: u32 = 102;
const APPARMOR: u32 = 104;

/// Reference of the object that the first record of `kind` defines: it is what all of them begin with.
fn reference(s: &Sample, kind: Kind) -> u32 {
    let body = &s.records[s.position(kind, 0)].body;
    u32::from_le_bytes(body[..4].try_into().expect("a reference"))
}

/// Moves the last record to the place `at`.
fn place(s: &mut Sample, at: usize) {
    let record = s.records.pop().expect("one was added");
    s.records.insert(at, record);
}

/// Adds a label of the credentials, after `after` others.
fn cred(s: &mut Sample, after: usize, module: u32, attr: u32, text: &[u8]) {
    let mut body = CredLabel::new_zeroed();
    body.cred.set(reference(s, Kind::Cred));
    body.module.set(module);
    body.attr.set(attr);
    body.tid.set(LIVE);
    s.add(body, text);
    let at = s.position(Kind::Cred, 0) + 1 + after;
    place(s, at);
}

/// Adds a label of the first thread, after `after` others.
fn task(s: &mut Sample, after: usize, module: u32, attr: u32, text: &[u8]) {
    let mut body = TaskLabel::new_zeroed();
    body.tid.set(LIVE);
    body.module.set(module);
    body.attr.set(attr);
    s.add(body, text);
    let at = s.position(Kind::Task, 0) + 1 + after;
    place(s, at);
}

/// Adds a label of the first open file, after `after` others.
fn file(s: &mut Sample, after: usize, payload: &[u8]) {
    let mut body = FileLabel::new_zeroed();
    body.file.set(reference(s, Kind::File));
    s.add(body, payload);
    let at = s.position(Kind::File, 0) + 1 + after;
    place(s, at);
}

#[test]
fn possible() {
    accepted(&[
        |s| cred(s, 0, SMACK, LABEL_CURRENT, b"job"),
        |s| {
            cred(s, 0, SELINUX, LABEL_CURRENT, b"u:r:t:s0");
            cred(s, 1, SELINUX, LABEL_EXEC, b"u:r:e:s0");
            cred(s, 2, SELINUX, LABEL_SOCKCREATE, b"u:r:s:s0");
            cred(s, 3, APPARMOR, LABEL_CURRENT, b"job//&other");
        },
        |s| {
            cred(s, 0, SMACK, LABEL_CURRENT, b"job");
            s.edit(0, |l: &mut CredLabel| l.tid.set(0));
        },
        |s| {
            task(s, 0, APPARMOR, LABEL_EXEC, b"job");
            task(s, 1, APPARMOR, LABEL_PREV, b"job");
        },
        |s| {
            file(s, 0, b"security.SMACK64\0job");
            file(s, 1, b"security.SMACK64IPIN\0job");
        },
    ]);
}

#[test]
fn of_credentials() {
    refused(&[
        ("does not follow the credentials that it is of", |s| {
            cred(s, 0, SMACK, LABEL_CURRENT, b"job");
            let at = s.position(Kind::CredLabel, 0);
            let label = s.records.remove(at);
            s.records.insert(at - 1, label);
        }),
        ("refers to an object of the wrong kind", |s| {
            cred(s, 0, SMACK, LABEL_CURRENT, b"job");
            let file = reference(s, Kind::File);
            s.edit(0, |l: &mut CredLabel| l.cred.set(file));
        }),
        ("labels are out of order, or there twice", |s| {
            cred(s, 0, SMACK, LABEL_CURRENT, b"job");
            cred(s, 1, SMACK, LABEL_CURRENT, b"job");
        }),
        ("labels are out of order, or there twice", |s| {
            cred(s, 0, SMACK, LABEL_CURRENT, b"job");
            cred(s, 1, SELINUX, LABEL_EXEC, b"job");
        }),
        ("unknown security module or attribute", |s| {
            cred(s, 0, MODULE_MAX + 1, LABEL_CURRENT, b"job")
        }),
        ("unknown security module or attribute", |s| {
            cred(s, 0, SELINUX, LABEL_PREV, b"job")
        }),
        ("unknown security module or attribute", |s| {
            cred(s, 0, SELINUX, 99, b"job")
        }),
        ("impossible security label", |s| {
            cred(s, 0, SMACK, LABEL_CURRENT, b"")
        }),
        ("impossible security label", |s| {
            cred(s, 0, SMACK, LABEL_CURRENT, b"a\nb")
        }),
        ("impossible security label", |s| {
            cred(s, 0, SMACK, LABEL_CURRENT, &[b'x'; LABEL_MAX + 1])
        }),
        ("credentials of no task", |s| {
            cred(s, 0, SMACK, LABEL_CURRENT, b"job");
            s.edit(0, |l: &mut CredLabel| l.tid.set(4_000_000));
        }),
    ]);
}

#[test]
fn of_threads() {
    refused(&[
        ("exited task has a label for later", |s| {
            task(s, 0, APPARMOR, LABEL_EXEC, b"job");
            s.edit(0, |l: &mut TaskLabel| l.tid.set(DEAD));
        }),
        ("does not stand with the records of its task", |s| {
            task(s, 0, APPARMOR, LABEL_EXEC, b"job");
            s.edit(0, |l: &mut TaskLabel| l.tid.set(2));
        }),
        ("reserved or unused field is not zero", |s| {
            task(s, 0, APPARMOR, LABEL_EXEC, b"job");
            s.edit(0, |l: &mut TaskLabel| l.reserved.set(1));
        }),
        ("unknown security module or attribute", |s| {
            task(s, 0, APPARMOR, LABEL_CURRENT, b"job")
        }),
        ("labels are out of order, or there twice", |s| {
            task(s, 0, APPARMOR, LABEL_EXEC, b"job");
            task(s, 1, APPARMOR, LABEL_EXEC, b"job");
        }),
        ("impossible security label", |s| {
            task(s, 0, APPARMOR, LABEL_EXEC, b"")
        }),
    ]);
}

#[test]
fn of_files() {
    refused(&[
        ("does not follow the file whose label it is", |s| {
            file(s, 0, b"security.SMACK64\0job");
            let at = s.position(Kind::FileLabel, 0);
            let label = s.records.remove(at);
            s.records.insert(at - 1, label);
        }),
        ("refers to an object of the wrong kind", |s| {
            file(s, 0, b"security.SMACK64\0job");
            let cred = reference(s, Kind::Cred);
            s.edit(0, |l: &mut FileLabel| l.file.set(cred));
        }),
        ("reserved or unused field is not zero", |s| {
            file(s, 0, b"security.SMACK64\0job");
            s.edit(0, |l: &mut FileLabel| l.reserved.set(1));
        }),
        ("label without a name", |s| file(s, 0, b"security.SMACK64")),
        ("impossible name", |s| file(s, 0, b"user.label\0job")),
        ("impossible security label", |s| {
            file(s, 0, b"security.SMACK64\0")
        }),
    ]);
}

/// The references are where [`reference`] looks for them.
#[test]
fn references() {
    let s = Sample::small();
    let cred = Cred::read_from_prefix(&s.records[s.position(Kind::Cred, 0)].body)
        .expect("credentials")
        .0;
    assert_eq!(cred.obj.get(), reference(&s, Kind::Cred));
    let file = OpenFile::read_from_prefix(&s.records[s.position(Kind::File, 0)].body)
        .expect("a file")
        .0;
    assert_eq!(file.obj.get(), reference(&s, Kind::File));
}
