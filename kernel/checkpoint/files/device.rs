// SPDX-License-Identifier: GPL-2.0

//! The memory devices: null, zero, full, random and urandom.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        name::{
            Named,
            Text, //
        },
        open::Open,
        opener,
        ops::{
            Compare,
            FileOps,
            Saved,
            Source, //
        },
        path,
        removed, //
    },
    found::Capture,
    image::{
        files::FILE_DEVICE,
        ObjRef, //
    },
    kapi::{
        fs::file::{
            ftype,
            FileRef, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    }, //
};

/// Memory devices, which have no state but what every open file has.
pub(super) const OPS: FileOps = FileOps {
    name: "a memory device",
    number: FILE_DEVICE,
    matches: |f| f.is(ftype::CHAR) && is_memory(f.file.device()),
    by_path: true,
    collect,
    lossless: |_| true,
    save,
    // A node is nothing but its device number.
    compare: Compare::Type,
    restore,
    ..FileOps::NONE
};

/// Their major number.
const MAJOR: u32 = 1;

/// Their minor numbers: null, zero, full, random, urandom.
const MINORS: &[u32] = &[3, 5, 7, 8, 9];

/// Bits of the minor number in a device number.
const MINOR_BITS: u32 = 20;

fn is_memory((major, minor): (u32, u32)) -> bool {
    major == MAJOR && MINORS.contains(&minor)
}

/// Returns a device number in the encoding of images; 0: no device.
pub(super) fn encoded((major, minor): (u32, u32)) -> u32 {
    (major << MINOR_BITS) | minor
}

/// Notes the path of `open`, or that it was removed. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if !open.file.is_unlinked() || open.file.links() != 0 {
        return path::collect(cap, t, named, open);
    }
    removed::collect_open(cap, t, named, open)
}

fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let inode = if open.path.is_empty() {
        removed::save(cap, &open.file.path())?.get()
    } else {
        encoded(open.file.device())
    };
    Ok(Saved {
        inode,
        ..Saved::of(&open.file)
    })
}

/// Opens one that was removed, which is made for its first user.
fn restore_removed(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    opener: &CredRef,
) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let found = removed::restore(r, plan, obj)?;
    // To open another one may do something already.
    if !is_memory(found.device()) {
        return Err(EINVAL);
    }
    let file = opener
        .act(|| FileRef::open(&found, source.flags, 0))
        .map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!("a removed device can't be opened with the rights of who had opened it"),
            )
        })?;
    path::set_pos(r, plan, source, &file)?;
    Ok(file)
}

/// Opens the device that is at the path, if it is the one that was saved.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    if source.path.as_bytes().is_empty() {
        return restore_removed(r, plan, source, &opener);
    }
    let found = path::find(r, plan, source, &opener)?;
    // Before it is opened: to open a terminal, a watchdog or a tape does something already.
    let device = found.device();
    if !is_memory(device) || encoded(device) != source.record.inode.get() {
        return Err(r.fail(
            ESTALE,
            plan,
            fmt!(
                "{}: is another device than when it was saved: bring the old one back",
                Text(source.path.as_bytes())
            ),
        ));
    }
    let file = path::open_found(r, plan, source, &opener, &found, source.flags)?;
    path::set_pos(r, plan, source, &file)?;
    Ok(file)
}
