// SPDX-License-Identifier: GPL-2.0

//! The memory devices: null, zero, full, random and urandom.

use kernel::prelude::*;

use crate::{
    files::{
        open::Source,
        refuse::Text,
        regular, //
    },
    kapi::file::FileRef,
    restart::{
        Plan,
        Restore, //
    },
};

/// Their major number.
const MAJOR: u32 = 1;

/// Their minor numbers: null, zero, full, random, urandom.
const MINORS: &[u32] = &[3, 5, 7, 8, 9];

/// Bits of the minor number in a device number.
const MINOR_BITS: u32 = 20;

/// `file` is one of them: it has no state but what every open file has.
pub(super) fn is_saved(file: &FileRef) -> bool {
    let (major, minor) = file.device();
    major == MAJOR && MINORS.contains(&minor)
}

/// The device number for the image.
pub(super) fn number(file: &FileRef) -> u32 {
    let (major, minor) = file.device();
    (major << MINOR_BITS) | minor
}

/// Opens the device that lies at the path, if it is the one that was saved.
pub(super) fn restore(r: &Restore, plan: &Plan<'_>, source: &Source) -> Result<FileRef> {
    let file = regular::open_path(r, plan, source, source.flags)?;
    if !is_saved(&file) || number(&file) != source.record.inode.get() {
        return Err(r.fail(
            ESTALE,
            plan,
            fmt!(
                "{}: is another device than when it was saved: bring the old one back",
                Text(source.path.as_bytes())
            ),
        ));
    }
    regular::set_pos(r, plan, source, &file)?;
    Ok(file)
}
