// SPDX-License-Identifier: GPL-2.0

//! Open files in whose place a restart opens what is at their path then, whatever it is: as the
//! caller of checkpoint(2) has asked for it.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        name::Named,
        open::Open,
        ops::{
            Compare,
            FileOps,
            Saved,
            Source, //
        },
        path, //
    },
    found::Capture,
    image::files::{
        open,
        FILE_REOPENED, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            open::oflag, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Open files that are opened anew.
pub(super) const OPS: FileOps = FileOps {
    name: "opened anew",
    number: FILE_REOPENED,
    // Which they are is said by the caller.
    matches: |_| false,
    by_path: true,
    collect,
    lossless: |_| true,
    save,
    compare: Compare::Type,
    restore,
    ..FileOps::NONE
};

/// Notes the path, which open(2) must be able to open. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let known = [ftype::REGULAR, ftype::DIRECTORY, ftype::CHAR, ftype::BLOCK];
    if open.file.is_internal() || !known.contains(&open.file.file_type()) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: only files, directories and devices with a path can be opened anew: leave it \
                 outside (--external), or out (--close)",
                named
            ),
        );
        return Ok(false);
    }
    path::collect(cap, t, named, open)
}

/// Writes no records of its own. What it holds is not known.
fn save(_: &mut Capture, open: &Open) -> Result<Saved> {
    let saved = Saved::of(&open.file);
    Ok(Saved {
        flags: saved.flags & !open::EXEC,
        ..saved
    })
}

/// Opens what is there with the flags that it was open with, as open(2) does; in a regular file, at
/// the same position.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    // A terminal is nobody's controlling terminal for it.
    let file = path::open(r, plan, source, source.flags | oflag::NOCTTY)?;
    let has_pos = file.file_type() == ftype::REGULAR && !file.is_path_only();
    if has_pos {
        path::set_pos(r, plan, source, &file)?;
        path::advise(r, plan, source, &file)?;
    }
    Ok(file)
}
