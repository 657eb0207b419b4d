// SPDX-License-Identifier: GPL-2.0

//! Regular files that were removed by the name by which they were opened, and have another: what
//! sem_open(3) leaves, and who makes a file without a name and then links it.
//!
//! They are found by the other name. The kernel tells one that it has looked up; others could only
//! be found by a search of the whole filesystem.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        former,
        name::Named,
        open::Open,
        opener,
        ops::{
            Compare,
            FileOps,
            Source, //
        },
        path,
        regular, //
    },
    found::Capture,
    image::files::{
        open,
        FILE_ALIAS, //
    },
    kapi::{
        fs::file::{
            ftype,
            FileRef, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Regular files that have another name than that by which they were opened.
pub(super) const OPS: FileOps = FileOps {
    name: "a file with another name",
    number: FILE_ALIAS,
    matches: |f| f.is(ftype::REGULAR) && f.file.is_unlinked() && f.file.links() != 0,
    by_path: true,
    collect,
    lossless: |_| true,
    on_disk: true,
    save: regular::save,
    compare: Compare::Contents,
    restore,
    ..FileOps::NONE
};

/// Notes another path of `open`, and the removed one. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let former = former::of(cap, &open.file)?;
    let why = match open.file.path().other_name() {
        _ if former.is_empty() => {
            "was removed by this name, which can't be reached: call from where it can"
        }
        None => "was removed by this name, and its other one is not known: give it this one back",
        Some(path) => {
            open.former = former;
            return path::lead(cap, t, named, open, &path);
        }
    };
    cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
    Ok(false)
}

/// Opens it as it was.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = path::find(r, plan, source, &opener)?;
    let found = former::give(r, plan, source, found)?;
    let file = path::open_found(r, plan, source, &opener, &found, source.flags)?;
    if source.record.flags.get() & open::PATH != 0 {
        return Ok(file);
    }
    path::set_pos(r, plan, source, &file)?;
    path::advise(r, plan, source, &file)?;
    Ok(file)
}
