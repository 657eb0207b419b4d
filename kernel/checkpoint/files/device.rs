// SPDX-License-Identifier: GPL-2.0

//! The memory devices: null, zero, full, random and urandom.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        name::Text,
        open::Open,
        opener,
        ops::{
            Compare,
            FileOps,
            Saved,
            Source, //
        },
        path, //
    },
    found::Capture,
    image::files::FILE_DEVICE,
    kapi::fs::file::{
        ftype,
        FileRef, //
    }, //
};

/// Memory devices, which have no state but what every open file has.
pub(super) const OPS: FileOps = FileOps {
    name: "a memory device",
    number: FILE_DEVICE,
    matches: |f| f.is(ftype::CHAR) && is_memory(f.file.device()),
    by_path: true,
    collect: path::collect,
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

fn save(_: &mut Capture, open: &Open) -> Result<Saved> {
    Ok(Saved {
        inode: encoded(open.file.device()),
        ..Saved::of(&open.file)
    })
}

/// Opens the device that is at the path, if it is the one that was saved.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
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
