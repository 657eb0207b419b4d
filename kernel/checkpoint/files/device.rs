// SPDX-License-Identifier: GPL-2.0

//! The memory devices: null, zero, full, random and urandom.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Plan,
        Restore, //
    },
    files::{
        open::Source,
        opener,
        refuse::Text,
        regular, //
    },
    kapi::fs::file::FileRef, //
};

/// Their major number.
const MAJOR: u32 = 1;

/// Their minor numbers: null, zero, full, random, urandom.
const MINORS: &[u32] = &[3, 5, 7, 8, 9];

/// Bits of the minor number in a device number.
const MINOR_BITS: u32 = 20;

/// `file` is one of them: it has no state but what every open file has.
pub(super) fn is_saved(file: &FileRef) -> bool {
    is_memory(file.device())
}

/// The device number for the image.
pub(super) fn number(file: &FileRef) -> u32 {
    encoded(file.device())
}

fn is_memory((major, minor): (u32, u32)) -> bool {
    major == MAJOR && MINORS.contains(&minor)
}

fn encoded((major, minor): (u32, u32)) -> u32 {
    (major << MINOR_BITS) | minor
}

/// Opens the device that lies at the path, if it is the one that was saved.
pub(super) fn restore(r: &Restore, plan: &Plan<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = regular::find(r, plan, source, &opener)?;
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
    let file = regular::open_found(r, plan, source, &opener, &found, source.flags)?;
    regular::set_pos(r, plan, source, &file)?;
    Ok(file)
}
